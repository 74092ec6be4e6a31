//! The C interface, from C: `driver.c` loads the library with `dlopen` and plays scripts through the raw function table.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Says why a test cannot run here.
///
/// # Panics
/// When `SYNDIC_NO_SKIP` is 1.
fn skip(test: &str, reason: &str) {
    assert!(
        std::env::var("SYNDIC_NO_SKIP").as_deref() != Ok("1"),
        "{test}: cannot run ({reason}), and SYNDIC_NO_SKIP is set"
    );
    eprintln!("skipped: {test}: {reason}");
}

/// Cargo builds the library for the tests of its package, beside them.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the test executable");
    let folders = test.ancestors().skip(1).take(2);
    let mut found = folders
        .map(|folder| folder.join("libsyndic_hook.so"))
        .filter(|path| path.exists());
    found.next().expect("the library beside the tests")
}

/// The driver, compiled once; the error is a reason to skip.
fn driver() -> Result<&'static Path, String> {
    static DRIVER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = DRIVER.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hook-driver-{}", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/driver.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let compiled = Command::new(&compiler)
            .args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&out)
            .arg(source)
            .args(["-ldl", "-pthread"])
            .output()
            .map_err(|error| format!("no C compiler: {compiler}: {error}"))?;
        assert!(
            compiled.status.success(),
            "{}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        Ok(out)
    });
    built.as_deref().map_err(Clone::clone)
}

/// What each case is played in: the IP version and the system whose habits the stack has.
const WORLDS: [(&str, &str); 4] = [("4", "linux"), ("6", "linux"), ("4", "freebsd"), ("6", "freebsd")];

/// Plays a case in every world, and gives what each said on standard error.
fn play(case: &str) -> Vec<String> {
    match driver() {
        Ok(driver) => WORLDS
            .iter()
            .map(|(version, profile)| play_in(driver, case, version, profile))
            .collect(),
        Err(reason) => {
            skip(case, &reason);
            Vec::new()
        }
    }
}

fn play_in(driver: &Path, case: &str, version: &str, profile: &str) -> String {
    let world = format!("{case}-{version}-{profile}");
    let settings = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hook-settings-{world}-{}", std::process::id()));
    let played = Command::new("timeout")
        .arg("60")
        .arg(driver)
        .arg(library())
        .args([case, version, profile])
        .env("SETTINGS", &settings)
        .output()
        .expect("run the driver");
    let told = String::from_utf8_lossy(&played.stderr).into_owned();
    assert!(played.status.success(), "{world}: {}\n{told}", played.status);
    assert_eq!(
        String::from_utf8_lossy(&played.stdout),
        format!("{case}: played\n"),
        "{world}"
    );
    if settings.exists() {
        std::fs::remove_file(&settings).expect("remove the settings");
    }
    told
}

#[test]
fn passive_open_data_and_close() {
    play("passive");
}

#[test]
fn calls_that_block() {
    play("blocking");
}

#[test]
fn active_opens() {
    play("active");
}

#[test]
fn timers_in_virtual_time() {
    play("timers");
}

#[test]
fn options_and_what_is_unsupported() {
    for told in play("options") {
        for what in [
            "option 12",
            "congestion control vegas",
            "type 2",
            "family 1",
            "flags 0x100",
            "flags 0x2000",
            "ioctl 0x1234",
        ] {
            let named = told
                .lines()
                .any(|line| line.contains("unsupported") && line.contains(what));
            assert!(named, "{what} is not named in:\n{told}");
        }
    }
}

#[test]
fn readiness_by_epoll_and_splice() {
    play("readiness");
}

#[test]
fn settings_while_the_script_runs() {
    for told in play("settings") {
        assert!(
            told.contains("unsupported: setting net.ipv4.tcp_of_tomorrow=1"),
            "{told}"
        );
        assert_eq!(told.matches("unsupported").count(), 1, "{told}");
    }
}

#[test]
fn half_closes_and_both_ends_closing_at_once() {
    play("closing");
}

#[test]
fn resets_either_way() {
    play("resets");
}

#[test]
fn both_ends_opening_at_once() {
    play("crossing");
}
