//! The house's own rules, as tests: who may import whom, where unsafe code may stand, how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Each crate with its level and what it may import of ours (ARCHITECTURE.md).
const CRATES: &[(&str, u8)] = &[
    ("wire", 0),
    ("link", 0),
    ("stack", 1),
    ("syndic", 2),
    ("lens", 3),
    ("lab", 4),
    ("cli", 5),
    ("hook", 5),
    ("xtask", 5),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where a crate stands: all but the one for benchmarks under `crates/`.
fn folder(name: &str) -> PathBuf {
    match name {
        "xtask" => root().join(name),
        _ => root().join("crates").join(name),
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The sources of a crate, but for `foo/tests.rs`, where tests stand that have grown too long to stand beside the code.
fn sources_of(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&folder(name).join("src"), &mut found);
    found.retain(|path| path.file_name().is_none_or(|file| file != "tests.rs"));
    found
}

/// The lines of a file before its tests.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("readable");
    text.lines()
        .take_while(|l| !l.starts_with("#[cfg(test)]"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn imports_go_to_lower_levels_only() {
    for (name, level) in CRATES {
        let manifest = fs::read_to_string(folder(name).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
        let dependencies = dependencies.split("[dev-dependencies]").next().unwrap_or_default();
        for (other, other_level) in CRATES {
            let imported = dependencies
                .lines()
                .any(|l| l.starts_with(&format!("{other}.")) || l.starts_with(&format!("{other} ")));
            assert!(
                !imported || other_level < level,
                "{name} (level {level}) imports {other} (level {other_level})"
            );
        }
    }
}

#[test]
fn every_crate_stands_in_the_list() {
    for entry in fs::read_dir(root().join("crates")).expect("crates") {
        let name = entry
            .expect("readable")
            .file_name()
            .into_string()
            .expect("a plain name");
        assert!(
            CRATES.iter().any(|(known, _)| *known == name),
            "{name} has no level: give it one here and in ARCHITECTURE.md"
        );
    }
}

#[test]
fn unsafe_code_stands_in_link_and_hook_alone() {
    for (name, _) in CRATES.iter().filter(|(name, _)| !matches!(*name, "link" | "hook")) {
        for path in sources_of(name) {
            for (n, line) in code(&path).iter().enumerate() {
                let is_code = !line.trim_start().starts_with("//");
                let has_unsafe =
                    line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl");
                assert!(!(is_code && has_unsafe), "{}:{}: {line}", path.display(), n + 1);
            }
        }
    }
}

#[test]
fn no_file_outgrows_its_noun() {
    for (name, _) in CRATES {
        for path in sources_of(name) {
            let lines = code(&path).len();
            assert!(
                lines <= 800,
                "{} has {lines} lines without its tests: split it by noun",
                path.display()
            );
        }
    }
}

#[test]
fn the_machines_read_no_clock() {
    for name in ["wire", "stack", "lab"] {
        for path in sources_of(name) {
            for (n, line) in code(&path).iter().enumerate() {
                let reads = ["std::time::Instant", "SystemTime", "std::env::", "thread::sleep"]
                    .iter()
                    .any(|c| line.contains(c));
                assert!(
                    !reads || line.trim_start().starts_with("//"),
                    "{}:{}: {line}",
                    path.display(),
                    n + 1
                );
            }
        }
    }
}
