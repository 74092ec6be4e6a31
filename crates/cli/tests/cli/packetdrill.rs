//! `syndic lab FILE.pkt…`: verdicts, exit codes, JSON.

use serde_json::Value;

use crate::rig::{Directory, run, syndic, text};

const GOOD: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

#[test]
fn verdicts_and_exit_codes() {
    let directory = Directory::new("packetdrill");
    directory.put("good.pkt", GOOD);
    directory.put("bad.pkt", format!("{GOOD}+0 close(3) = 7\n"));
    directory.put("strange.pkt", format!("{GOOD}+0 splice(3, 4) = 0\n"));
    directory.put("broken.pkt", "0 whatever = 1\n");
    for (name, files, code, says) in [
        ("passes", &["good.pkt"][..], 0, "1 passed, 0 failed, 0 unsupported"),
        (
            "fails",
            &["good.pkt", "bad.pkt"],
            1,
            "bad.pkt:2: fail: close returned 0, not 7",
        ),
        (
            "unsupported",
            &["strange.pkt"],
            1,
            "strange.pkt:2: unsupported: the call `splice`",
        ),
        (
            "unreadable",
            &["broken.pkt"],
            1,
            "broken.pkt:1: unsupported: this line cannot be read",
        ),
        ("not there", &["none.pkt"], 2, ""),
        ("mixed with a world", &["good.pkt", "lost-syn"], 2, ""),
    ] {
        let output = run(syndic(["lab"]).args(files).current_dir(directory.path()));
        let said = text(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name}: {said}{}",
            text(&output.stderr)
        );
        assert!(said.contains(says), "{name}: {said}");
    }
    let output = run(syndic(["lab", "good.pkt", "bad.pkt", "--json"]).current_dir(directory.path()));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["counts"]["pass"], &json["counts"]["fail"]),
        (&1.into(), &1.into())
    );
    assert_eq!(json["scripts"][1]["verdict"], "fail");
    assert_eq!(json["scripts"][1]["line"], 2);
}
