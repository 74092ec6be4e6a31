//! Scripts in the manner of those that are written for Linux, each with what the runner must say of it: that breadth of the
//! language is read, and that what is asked for and not there is named, on its line, and never taken for a pass.
//!
//! The first line of each says which: `// expect: pass`, or `// expect: unsupported LINE: what it is`.
#![allow(clippy::disallowed_methods, reason = "a test reads the scripts that it plays")]

use std::fs;
use std::path::{Path, PathBuf};

use syndic_lab::pkt::{Profile, Script, Verdict, play};

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialect");
    let entries = fs::read_dir(folder).expect("the folder of scripts");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    found.sort();
    found
}

#[test]
fn every_script_gets_the_verdict_that_it_names() {
    let (mut passed, mut unsupported) = (0, 0);
    let mut wrong = String::new();
    for path in scripts() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a script");
        let expected = text.lines().next().and_then(|line| line.strip_prefix("// expect: "));
        let expected = expected.unwrap_or_else(|| panic!("{name}: the first line expects nothing"));
        let script = Script::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        let played = play(&script, Profile::Linux);
        let got = match &played.verdict {
            Verdict::Pass => "pass".to_owned(),
            Verdict::Fail { line, what } => format!("fail {line}: {what}"),
            Verdict::Unsupported { line, what } => format!("unsupported {line}: {what}"),
        };
        let is_right = match expected {
            "pass" => got == "pass",
            beginning => got.starts_with(beginning),
        };
        passed += usize::from(expected == "pass");
        unsupported += usize::from(expected != "pass");
        if !is_right {
            wrong.push_str(&format!("{name}: expected {expected}\n  {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(
        passed >= 11 && unsupported >= 15,
        "{passed} pass, {unsupported} unsupported"
    );
}
