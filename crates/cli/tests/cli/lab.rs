//! `syndic lab`, its ladders, its capture and its JSON.

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use link::testing::in_private_namespace;
use serde_json::Value;

use crate::rig::{Directory, has, run, skip, succeed, syndic, text};

/// The cases with the kernel.
const REAL: usize = 6;

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

#[test]
fn the_main_job_shows_all_that_was_promised_in_ten_seconds() {
    let test = "lab::the_main_job_shows_all_that_was_promised_in_ten_seconds";
    let directory = Directory::new(test);
    let began = Instant::now();
    let output = run(syndic(["lab"]).current_dir(directory.path()));
    let took = began.elapsed();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}\n{said}", text(&output.stderr));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(directory.join("syndic-lab.pcapng").exists());
    assert!(
        said.trim_end().ends_with("syndic-lab.pcapng (for Wireshark or tshark)"),
        "{said}"
    );
    for part in [
        "lost-syn",
        "simultaneous-open",
        "TIME-WAIT",
        "SYN-RECEIVED",
        "handshake 3/3",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    if let Some(reason) = said
        .lines()
        .find(|line| line.starts_with("No connections with this machine's kernel"))
    {
        skip(test, reason);
        return;
    }
    for part in ["linux-to-us", "us-to-linux", "· Linux", "· Syndic", "close 4/4"] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(
        said.lines().any(|line| line.contains("more data segments")),
        "long ladders are folded"
    );
    assert!(
        said.lines().count() < 2000,
        "{} lines are too many to read",
        said.lines().count()
    );
}

#[test]
fn where_namespaces_are_forbidden_it_says_so_and_plays_the_rest() {
    let test = "lab::where_namespaces_are_forbidden_it_says_so_and_plays_the_rest";
    if !has("setpriv", test) {
        return;
    }
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        // Both ways to a private network: a user namespace, and being root.
        fs::write("/proc/sys/user/max_user_namespaces", "0").unwrap();
        let lab = |more: &[&str]| {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]);
            command.args([env!("CARGO_BIN_EXE_syndic"), "lab"]).args(more);
            run(command.current_dir(directory.path()))
        };
        let all = lab(&[]);
        let said = text(&all.stdout);
        assert!(all.status.success(), "{}", text(&all.stderr));
        let reason = "No connections with this machine's kernel: no more user namespaces are allowed";
        assert!(said.starts_with(reason), "{said}");
        assert!(said.contains("lost-syn") && !said.contains("linux-to-us"), "{said}");
        assert!(
            json(&lab(&["--json"]))["skipped"]
                .as_str()
                .unwrap()
                .contains("user.max_user_namespaces")
        );

        let one = lab(&["linux-to-us"]);
        assert_eq!(one.status.code(), Some(1));
        let said = text(&one.stderr);
        assert!(
            said.contains("linux-to-us needs a private network") && said.contains("user.max_user_namespaces"),
            "{said}"
        );
    });
}

#[test]
fn the_capture_is_clean() {
    let test = "lab::the_capture_is_clean";
    if !has("tshark", test) {
        return;
    }
    let directory = Directory::new(test);
    let listed: Value = serde_json::from_slice(&succeed(&mut syndic(["lab", "--list", "--json"]))).unwrap();
    for scenario in listed.as_array().unwrap() {
        let (name, kind) = (scenario["name"].as_str().unwrap(), scenario["kind"].as_str().unwrap());
        // Floods differ in figures, not in kinds of packets.
        if kind == "flood" && name != "flood-cookies" {
            continue;
        }
        let output = run(syndic(["lab", name, "--pcap", "capture.pcapng"]).current_dir(directory.path()));
        if output.status.code() == Some(1) && text(&output.stderr).contains("needs a private network") {
            skip(test, &text(&output.stderr));
            continue;
        }
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        // Everywhere else the world loses, damages, holds back or forges something, or a host vanishes.
        let is_clean = kind == "with Linux" || ["open-and-close", "close-by-server"].contains(&name);
        // These damage packets, or make impossible ones.
        let is_damaged = ["lossy-transfer", "impossible-flags"].contains(&name);
        let frames = Frame::all(&directory);
        assert!(frames.len() >= 2, "{name}: an empty capture");
        for frame in frames {
            assert!(
                is_damaged || !frame.is_wrong,
                "{name}: malformed, or a bad checksum: {frame:?}"
            );
            assert!(!is_clean || !frame.is_unexpected, "{name}: on a clean link: {frame:?}");
            assert!(frame.has_comment, "{name}: no comment: {frame:?}");
        }
    }
}

/// What tshark thinks of a frame.
#[derive(Debug)]
struct Frame {
    /// Malformed, or with a bad checksum.
    is_wrong: bool,
    /// Sent again, lost, out of order, or an acknowledgment of such.
    is_unexpected: bool,
    has_comment: bool,
    #[expect(dead_code, reason = "shown when a test fails")]
    fields: String,
}

impl Frame {
    const FIELDS: [&str; 10] = [
        "frame.number",
        "frame.comment",
        "_ws.malformed",
        "tcp.checksum.status",
        "ip.checksum.status",
        "tcp.analysis.retransmission",
        "tcp.analysis.lost_segment",
        "tcp.analysis.out_of_order",
        "tcp.analysis.duplicate_ack",
        "tcp.analysis.ack_lost_segment",
    ];

    fn all(directory: &Directory) -> Vec<Self> {
        let mut tshark = Command::new("tshark");
        tshark.args([
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            // What is said on port 80 is not always HTTP, and what is sent again may begin in the middle of it.
            "--disable-protocol",
            "http",
            "-n",
            "-T",
            "fields",
        ]);
        tshark.args(Self::FIELDS.iter().flat_map(|field| ["-e", field]));
        let lines = text(&succeed(tshark.arg("-r").arg(directory.join("capture.pcapng"))));
        lines.lines().map(Self::read).collect()
    }

    fn read(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), Self::FIELDS.len(), "{line}");
        // A packet quoted in an ICMP error has a checksum too, so a field may hold several. 0 is a bad one.
        let is_bad = |status: &str| status.split(',').any(|status| status == "0");
        Self {
            is_wrong: !fields[2].is_empty() || is_bad(fields[3]) || is_bad(fields[4]),
            is_unexpected: fields[5..].iter().any(|field| !field.is_empty()),
            has_comment: !fields[1].is_empty(),
            fields: line.to_owned(),
        }
    }
}

#[test]
fn a_capture_goes_down_a_pipe() {
    let output = run(&mut syndic(["lab", "lost-syn", "--pcap", "-"]));
    assert!(output.status.success());
    assert_eq!(
        output.stdout.get(..4),
        Some(&[0x0a, 0x0d, 0x0d, 0x0a][..]),
        "a section header of pcapng"
    );
    assert!(
        text(&output.stderr).contains("SYN-RECEIVED"),
        "the ladder goes to standard error"
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let directory = Directory::new("lab::the_same_seed_gives_the_same_bytes");
    let play = |seed: &str, file: &str| {
        succeed(syndic(["lab", "lossy-transfer", "--seed", seed, "--pcap", file]).current_dir(directory.path()));
        fs::read(directory.join(file)).unwrap()
    };
    let (first, again, other) = (play("7", "first"), play("7", "again"), play("8", "other"));
    assert!(first == again, "one seed, two captures");
    assert!(first != other, "two seeds, one capture");
}

#[test]
fn json_tells_the_same_to_programs() {
    let output = run(&mut syndic(["lab", "lost-syn", "--json", "--seed", "3"]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document = json(&output);
    assert_eq!(document["passed"], true);
    let case = &document["cases"][0];
    assert_eq!(
        (case["name"].as_str(), case["seed"].as_u64()),
        (Some("lost-syn"), Some(3))
    );
    assert!(case["failures"].as_array().unwrap().is_empty());
    assert_eq!(case["time"]["clock"], "virtual");
    assert!(case["counts"]["retransmissions"].as_u64().unwrap() >= 1, "{case}");
    assert_eq!(case["trace"]["records"][0]["fate"], "lost");
}

#[test]
fn a_path_shows_its_figures_and_how_its_windows_ran() {
    let directory = Directory::new("lab::a_path_shows_its_figures_and_how_its_windows_ran");
    let path = "path:rate=20mbit,delay=10ms,queue=25k,loss=1%,bytes=200k";
    let said = text(&succeed(
        syndic(["lab", path, "--seed", "3", "--cwnd", "cwnd.svg"]).current_dir(directory.path()),
    ));
    for row in ["cwnd, bytes", "goodput, Mbit/s", "lost by chance"] {
        assert!(said.contains(row), "{row}: {said}");
    }
    let svg = fs::read_to_string(directory.join("cwnd.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("in flight, bytes"));
    let document = json(&run(&mut syndic(["lab", path, "--seed", "3", "--json"])));
    assert_eq!(document["bytes"], 200 << 10);
    assert_eq!(document["is_whole"], true);

    let dead = run(&mut syndic(["lab", "path:loss=100%"]));
    assert_eq!(dead.status.code(), Some(1));
    assert!(text(&dead.stderr).contains("only 0 of 4194304 bytes arrived in 120 s"));
}

#[test]
fn the_list_names_all() {
    let listed = text(&succeed(&mut syndic(["lab", "--list"])));
    for name in [
        "linux-to-us",
        "us-to-linux-server-closes",
        "lost-syn",
        "lost-syn-ack",
        "lost-third-ack",
        "lost-fin",
        "simultaneous-open",
        "simultaneous-close",
        "half-close",
        "vanishing-client",
        "old-duplicate",
        "blind-reset",
        "flood-cookies",
        "scan",
    ] {
        assert!(
            listed.lines().any(|line| line.split_whitespace().next() == Some(name)),
            "{name}:\n{listed}"
        );
    }
    let document: Value = serde_json::from_slice(&succeed(&mut syndic(["lab", "--list", "--json"]))).unwrap();
    let with_linux = document
        .as_array()
        .unwrap()
        .iter()
        .filter(|scenario| scenario["kind"] == "with Linux")
        .count();
    assert_eq!(with_linux, REAL);
}

#[test]
fn the_examples_play_as_they_say() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/lab");
    let mut played = 0;
    for example in fs::read_dir(examples).unwrap() {
        let path = example.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let said = text(&succeed(syndic(["lab"]).arg(&path)));
            assert!(said.contains("1 of 1 passed."), "{}: {said}", path.display());
            played += 1;
        }
    }
    assert!(played >= 3, "only {played} examples in {examples}");
}

#[test]
fn colour_is_given_when_it_is_asked_for() {
    for (name, arguments, is_coloured) in [
        ("by itself, in a pipe", vec!["lab", "lost-syn"], false),
        ("asked for", vec!["lab", "lost-syn", "--color"], true),
        ("refused", vec!["lab", "lost-syn", "--color=never"], false),
    ] {
        let said = succeed(&mut syndic(arguments));
        assert_eq!(said.contains(&0x1b), is_coloured, "{name}");
    }
}

#[test]
fn a_world_of_ones_own_is_played_and_its_failure_is_ours() {
    let directory = Directory::new("lab::a_world_of_ones_own");
    let world = |expected: &str| {
        format!(
            r#"
            title = "Two hosts"
            [[host]]
            name = "client"
            addresses = ["10.7.0.1"]
            [[host]]
            name = "server"
            addresses = ["10.7.0.2"]
            [[link]]
            between = ["client", "server"]
            impair = "delay=10ms"
            [[step]]
            host = "server"
            listen = {{ port = 80 }}
            [[step]]
            host = "client"
            connect = {{ to = "server:80" }}
            [[step]]
            host = "client"
            in = "1s"
            expect = {{ state = "{expected}" }}
            "#
        )
    };
    let good = directory.put("good.toml", world("ESTABLISHED"));
    let said = text(&succeed(&mut syndic(["lab", good.to_str().unwrap()])));
    assert!(said.contains("Two hosts") && said.contains("handshake 3/3"), "{said}");
    let bad = directory.put("bad.toml", world("TIME-WAIT"));
    let output = run(&mut syndic(["lab", bad.to_str().unwrap()]));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains("FAIL") && text(&output.stderr).contains("1 of 1 cases did not go"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn simulated_worlds_are_counted_and_the_same_seeds_give_the_same() {
    let figures = |arguments: &[&str]| {
        let output = run(&mut syndic(["lab", "simulate", "--json"].iter().chain(arguments)));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let told = json(&output);
        assert_eq!(told["failures"].as_array().map(Vec::len), Some(0), "{told}");
        [&told["worlds"], &told["segments"], &told["bytes"]].map(|figure| figure.as_u64().unwrap())
    };
    let [worlds, segments, bytes] = figures(&["--seeds", "30", "--jobs", "2", "--seed", "5"]);
    assert_eq!(worlds, 30);
    assert!(segments > 1000 && bytes > 0);
    assert_eq!(
        figures(&["--seeds", "30", "--jobs", "1", "--seed", "5"]),
        [worlds, segments, bytes]
    );
    let [worlds, ..] = figures(&["--for", "300ms"]);
    assert!(worlds > 0);
    let output = run(&mut syndic(["lab", "simulate", "--seeds", "3"]));
    let said = text(&output.stdout);
    assert!(said.starts_with("3 worlds from seed 1 on, 0 failed;"), "{said}");
}

#[test]
fn a_flood_is_told_as_figures_a_plot_and_one_clients_ladder() {
    let directory = Directory::new("lab::a_flood_is_told");
    let said = text(&succeed(
        syndic(["lab", "flood-cookies", "--svg", "flood.svg"]).current_dir(directory.path()),
    ));
    for part in [
        "good clients served",
        "100.0 % of 400",
        "SYN queue, most",
        "memory of the server",
        "cookies taken",
        "flood level",
        "watch to flood",
        "handshake 3/3",
        "1 of 1 passed.",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    let svg = fs::read_to_string(directory.join("flood.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("flood level"), "{svg}");

    let document = json(&run(&mut syndic(["lab", "scan", "--json"])));
    let flood = &document["cases"][0]["flood"];
    assert_eq!(flood["good"]["attempts"], 1200, "{flood}");
    assert_eq!(flood["samples"].as_array().map(Vec::len), Some(120));
}
