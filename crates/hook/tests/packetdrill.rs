//! The library under a real packetdrill, where `$PACKETDRILL` names one. This project neither contains nor fetches it, so
//! that its absence is no failure even where nothing else may be skipped; `driver.rs` tests the interface without it.

use std::path::{Path, PathBuf};
use std::process::Command;

fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test executable");
    let folders = test.ancestors().skip(1).take(2);
    let mut found = folders
        .map(|folder| folder.join("libsyndic_hook.so"))
        .filter(|path| path.exists());
    found.next().expect("the library beside the tests")
}

/// What packetdrill says of a script; nothing where it passes.
fn judge(packetdrill: &str, script: &Path) -> Option<String> {
    let library = library();
    // A private namespace and a small stack for its many threads, as it wants them.
    let judged = Command::new("unshare")
        .args([
            "-Urn",
            "sh",
            "-c",
            "ulimit -s 1024; exec \"$@\"",
            "sh",
            "timeout",
            "60",
            "env",
        ])
        .arg(format!("LD_PRELOAD={}", library.display()))
        .arg(packetdrill)
        .arg(format!("--so_filename={}", library.display()))
        .arg("--so_flags=ver=4,local=192.168.0.1,remote=192.0.2.1,mtu=1500,profile=linux")
        .arg(script)
        .output()
        .expect("run unshare");
    let told = format!(
        "{}: {}\n{}{}",
        script.display(),
        judged.status,
        String::from_utf8_lossy(&judged.stdout),
        String::from_utf8_lossy(&judged.stderr)
    );
    (!judged.status.success()).then_some(told)
}

#[test]
fn scripts_pass_under_packetdrill() {
    let Ok(packetdrill) = std::env::var("PACKETDRILL") else {
        eprintln!("skipped: scripts_pass_under_packetdrill: PACKETDRILL names no binary");
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let scripts = std::fs::read_dir(folder).expect("the scripts");
    let scripts = scripts.map(|entry| entry.expect("readable").path());
    let failed: Vec<_> = scripts.filter_map(|script| judge(&packetdrill, &script)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
