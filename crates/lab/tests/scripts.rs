//! Plays every script under `scripts/`: each must pass, and each says which section of which RFC it is from.
#![allow(clippy::disallowed_methods, reason = "a test reads the scripts that it plays")]

use std::fs;
use std::path::{Path, PathBuf};

use syndic_lab::pkt::{Profile, Script, Verdict, play};

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of scripts") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
}

#[test]
fn every_script_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut found = Vec::new();
    scripts(&root, &mut found);
    found.sort();
    assert!(found.len() >= 80, "only {} scripts were found", found.len());
    let mut failed = String::new();
    for path in &found {
        let name = path.strip_prefix(&root).expect("below the root").display().to_string();
        let text = fs::read_to_string(path).expect("a script");
        let about = text.lines().next().unwrap_or_default();
        assert!(
            about.starts_with("// ") && about.contains("RFC "),
            "{name}: the first line names no RFC"
        );
        let script = Script::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        let played = play(&script, Profile::Linux);
        if played.verdict != Verdict::Pass {
            let ladder = lens::Ladder::default().draw(&played.trace);
            failed.push_str(&format!("{played}\n{ladder}\n"));
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}
