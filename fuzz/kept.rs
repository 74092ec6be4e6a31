//! The inputs that longer runs of cargo-fuzz found worth keeping, for a plain `cargo test`: `seeds/TARGET/*`, one each.

use std::fs;
use std::path::Path;

/// Plays every input that is kept for a target.
pub(crate) fn play(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let mut played = 0;
    for entry in fs::read_dir(&folder).expect("a folder of kept inputs") {
        let path = entry.expect("readable").path();
        let _named = Named(&path);
        run(&fs::read(&path).expect("an input"));
        played += 1;
    }
    assert!(played > 0, "{} is empty", folder.display());
}

/// Says which input it was, when the body panics.
struct Named<'a>(&'a Path);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input {}", self.0.display());
        }
    }
}
