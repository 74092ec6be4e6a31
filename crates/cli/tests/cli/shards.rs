//! `syndic serve --shards`: several stacks that are one server to everybody.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

use link::testing::in_private_namespace;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::rig::{Directory, Running, has, run, succeed, syndic, text};

/// Says something on each connection and hears it again; all are open at once.
fn echo_on(connections: usize) -> Vec<TcpStream> {
    let connect = |n: usize| {
        let at = if n.is_multiple_of(2) {
            "10.7.0.2:7"
        } else {
            "[fd07::2]:7"
        };
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(&n.to_le_bytes()).unwrap();
        stream
    };
    let mut streams: Vec<TcpStream> = (0..connections).map(connect).collect();
    for (n, stream) in streams.iter_mut().enumerate() {
        let mut heard = [0; size_of::<usize>()];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(heard, n.to_le_bytes());
    }
    streams
}

fn served_by_three(test: &str, options: &[&str]) {
    in_private_namespace(test, || {
        let directory = Directory::new("shards");
        let control = directory.join("s");
        let fixed = ["--service", "echo", "--port", "7", "--shards", "3"];
        let control_option = ["--control", control.to_str().unwrap()];
        let (server, _) = Running::serve(fixed.iter().chain(&control_option).chain(options));
        let streams = echo_on(60);

        let mut ss = syndic(["ss", "--all", "--json", "--socket"]);
        let answer: Value = serde_json::from_slice(&succeed(ss.arg(&control))).unwrap();
        let sockets = answer[0]["sockets"]["list"].as_array().unwrap();
        let count = |state: &str| sockets.iter().filter(|socket| socket["state"] == state).count();
        assert_eq!((count("LISTEN"), count("ESTABLISHED")), (2, 60), "{answer}");

        for mut stream in streams {
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
        }
        let (code, summary) = server.stop(Signal::SIGTERM);
        assert_eq!(code, Some(0));
        assert!(summary.contains("connections  60 accepted, 0 reset"), "{summary}");
        assert!(!summary.contains("StrayRefused"), "{summary}");
    });
}

#[test]
fn shards_are_one_server() {
    served_by_three("shards::shards_are_one_server", &[]);
}

#[test]
fn shards_share_a_bad_path() {
    served_by_three("shards::shards_share_a_bad_path", &["--impair", "delay=2ms,reorder=5%"]);
}

#[test]
fn a_device_with_one_queue_has_no_room_for_two() {
    let test = "shards::a_device_with_one_queue_has_no_room_for_two";
    if !has("ip", test) {
        return;
    }
    in_private_namespace(test, || {
        let prepare = |name: &str, kind: &[&str]| {
            let mut add = Command::new("ip");
            succeed(add.args(["tuntap", "add", name, "mode", "tun", "vnet_hdr"]).args(kind));
        };
        prepare("one0", &[]);
        prepare("many0", &["multi_queue"]);
        let serve = |name: &'static str| ["--service", "echo", "--tun", name, "--shards", "2"];
        let refused = run(syndic(["serve"]).args(serve("one0")));
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(said.contains("one0 was made with a single queue"), "{said}");
        assert!(said.contains("multi_queue"), "{said}");
        let (server, _) = Running::serve(serve("many0"));
        assert_eq!(server.stop(Signal::SIGINT).0, Some(0));
    });
}

#[test]
fn how_many_shards_there_can_be() {
    for (typed, link, wanted) in [
        ("0", "tun", "1..=64"),
        ("65", "tun", "1..=64"),
        ("two", "tun", "invalid"),
        ("2", "tap", "only a TUN has several"),
    ] {
        let refused = run(&mut syndic(["serve", ".", "--shards", typed, "--link", link]));
        assert_eq!(refused.status.code(), Some(2), "{typed}");
        let said = text(&refused.stderr);
        assert!(said.contains(wanted), "{typed}: {said}");
    }
}
