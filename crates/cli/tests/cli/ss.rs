//! `syndic ss`, asking a `syndic serve` with a kernel's connections, and with SYNs that nobody goes on with.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use link::testing::in_private_namespace;
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use wire::ip;
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header, seal};

use crate::rig::{Directory, Running, run, succeed, syndic, text};

/// A server of the echo service that puts its socket into `directory`, as `ss` here looks for it.
fn serve(directory: &Directory, arguments: &[&str]) -> Running {
    let mut server = Running::start(
        at(directory, "serve")
            .args(["--service", "echo", "--port", "7"])
            .args(arguments),
    );
    server.announced();
    server
}

fn at(directory: &Directory, command: &str) -> Command {
    let mut command = syndic([command]);
    command
        .env("XDG_RUNTIME_DIR", directory.path())
        .env("TMPDIR", directory.path());
    command
}

fn ss(directory: &Directory, arguments: &[&str]) -> String {
    text(&succeed(at(directory, "ss").args(arguments)))
}

fn json(directory: &Directory, arguments: &[&str]) -> Value {
    serde_json::from_str(&ss(directory, arguments)).unwrap()
}

/// The one socket in the directory, whose name has to be short: a socket's path has 107 bytes at the most.
fn socket(directory: &Directory) -> PathBuf {
    let mut found = fs::read_dir(directory.join("syndic")).unwrap();
    let path = found.next().unwrap().unwrap().path();
    assert!(found.next().is_none(), "one process, one socket");
    path
}

/// Puts a SYN from `source` on its way to us, from a socket that will not hear of the answer.
fn send_syn(raw: &Socket, source: SocketAddr) {
    let to = SocketAddr::from((Ipv4Addr::new(10, 7, 0, 2), 7));
    let header = Header {
        src_port: source.port(),
        dst_port: to.port(),
        seq: SeqNumber::new(7),
        ack: SeqNumber::new(0),
        flags: Flags::SYN,
        window: 65_535,
        urgent: 0,
        options: Options::default(),
    };
    let mut segment = vec![0; header.len()];
    header.emit(&mut segment).unwrap();
    seal(source.ip(), to.ip(), &mut segment, &[] as &[&[u8]]);
    let ip = ip::Header {
        src: source.ip(),
        dst: to.ip(),
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; ip.len()];
    ip.emit(segment.len(), &mut packet).unwrap();
    packet.extend(segment);
    raw.send_to(&packet, &to.into()).unwrap();
}

#[test]
fn a_servers_sockets_are_listed_and_its_file_is_gone_afterwards() {
    let test = "ss::a_servers_sockets_are_listed_and_its_file_is_gone_afterwards";
    in_private_namespace(test, || {
        let directory = Directory::new("ss-listed");
        let server = serve(&directory, &[]);
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = socket(&directory);
        assert_eq!((mode(&path), mode(&directory.join("syndic"))), (0o600, 0o700));

        let mut client = TcpStream::connect("10.7.0.2:7").unwrap();
        client.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        let peer = client.local_addr().unwrap().to_string();

        let connections = ss(&directory, &["-tn"]);
        assert!(connections.starts_with("State"), "{connections}");
        assert_eq!(connections.lines().count(), 3, "{connections}");
        let line = connections.lines().nth(2).unwrap();
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((cells[0], cells[1]), ("ESTABLISHED", "0"), "{line}");
        // The kernel may acknowledge what it got only some milliseconds later.
        assert!(["0", "5"].contains(&cells[2]), "{line}");
        assert_eq!(cells[3..], ["10.7.0.2:7", &*peer]);

        let listeners = ss(&directory, &["-tln"]);
        assert_eq!(listeners.matches("LISTEN").count(), 2, "{listeners}");
        assert!(!listeners.contains("ESTABLISHED"), "{listeners}");
        let queues = "syn-queue:0/1024 accept-queue:0/1024 cookies:auto level:calm";
        assert!(listeners.contains(queues), "{listeners}");

        let all = ss(&directory, &["-tani", "--socket", path.to_str().unwrap()]);
        for expected in ["LISTEN", "ESTABLISHED", "bytes_received:5", "wscale:", "rtt:"] {
            assert!(all.contains(expected), "{expected}: {all}");
        }

        let document = json(&directory, &["-a", "--json", "--limit", "3"]);
        assert_eq!(document[0]["command"], "serve");
        let list = document[0]["sockets"]["list"].as_array().unwrap();
        let kinds: Vec<&str> = list.iter().map(|socket| socket["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["listener", "listener", "connection"]);
        assert_eq!(list[2]["bytes_received"], 5);
        let document = json(&directory, &["-a", "--json", "--limit", "1"]);
        assert_eq!(document[0]["sockets"]["more"], 2);

        assert_eq!(ss(&directory, &["--half-open"]), "no half-open entries\n");
        drop(client);
        assert_eq!(server.stop(Signal::SIGTERM).0, Some(0));
        assert!(!path.exists());
    });
}

#[test]
fn ecn_is_agreed_to_unless_it_is_off() {
    in_private_namespace("ss::ecn_is_agreed_to_unless_it_is_off", || {
        fs::write("/proc/sys/net/ipv4/tcp_ecn", "1").unwrap();
        for (arguments, agrees) in [
            (&[][..], true),
            (&["--ecn", "accept"], true),
            (&["--ecn", "off"], false),
        ] {
            let directory = Directory::new("ss-ecn");
            let _server = serve(&directory, arguments);
            let mut client = TcpStream::connect("10.7.0.2:7").unwrap();
            client.write_all(b"hello").unwrap();
            client.read_exact(&mut [0; 5]).unwrap();
            let document = json(&directory, &["--json"]);
            assert_eq!(
                document[0]["sockets"]["list"][0]["ecn"], agrees,
                "{arguments:?}: {document}"
            );
        }
    });
}

#[test]
fn half_open_entries_are_listed_and_summed_up_by_prefix() {
    let test = "ss::half_open_entries_are_listed_and_summed_up_by_prefix";
    in_private_namespace(test, || {
        let directory = Directory::new("ss-half-open");
        let _server = serve(&directory, &[]);
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(nix::libc::IPPROTO_RAW))).unwrap();
        // 1 from the first prefix, 2 from the second, up to 22 from the last.
        for prefix in 1..=22 {
            for host in 1..=prefix {
                send_syn(&raw, ([198, 51, prefix, host], 4_000).into());
            }
        }
        // What was sent before it has been dealt with when this one is answered.
        drop(TcpStream::connect("10.7.0.2:7").unwrap());
        let document = json(&directory, &["--half-open", "--json"]);
        let half_open = &document[0]["half_open"];
        assert_eq!(half_open["total"], 253, "{half_open}");
        assert_eq!(half_open["sockets"].as_array().unwrap().len(), 253);
        assert_eq!(half_open["sockets"][0]["state"], "SYN-RECEIVED");
        assert_eq!(half_open["sockets"][0]["local"], "10.7.0.2:7");
        assert_eq!(half_open["prefixes"][0]["prefix"], "198.51.22.0/24");
        assert_eq!(half_open["prefixes"][0]["count"], 22);

        let shown = ss(&directory, &["--half-open", "--limit", "5"]);
        assert_eq!(shown.matches("SYN-RECEIVED").count(), 5, "{shown}");
        for expected in [
            "… and 248 more: a larger --limit shows them",
            "198.51.3.0/24",
            "… and 2 more prefixes",
            "253 half-open entries",
        ] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        let listeners = ss(&directory, &["-l"]);
        assert!(listeners.contains("syn-queue:253/1024"), "{listeners}");
    });
}

#[test]
fn a_flood_is_told_and_turns_nobody_away() {
    let test = "ss::a_flood_is_told_and_turns_nobody_away";
    in_private_namespace(test, || {
        let directory = Directory::new("ss-flood");
        let told = directory.join("stderr");
        let mut command = at(&directory, "serve");
        command
            .args(["--service", "echo", "--port", "7", "--syn-backlog", "100"])
            .stderr(fs::File::create(&told).unwrap());
        let mut server = Running::start(&mut command);
        server.announced();
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(nix::libc::IPPROTO_RAW))).unwrap();
        for prefix in 1..=30 {
            for host in 1..=20 {
                send_syn(&raw, ([198, 51, prefix, host], 4_000).into());
            }
        }
        let mut client = TcpStream::connect("10.7.0.2:7").unwrap();
        client.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
        let listeners = ss(&directory, &["-l"]);
        assert!(listeners.contains("syn-queue:100/100"), "{listeners}");
        // How fast they came decides whether it is a flood or only to be watched.
        let levels = ["stateless level:watch", "stateless level:flood"];
        assert!(levels.iter().any(|level| listeners.contains(level)), "{listeners}");
        assert_eq!(server.stop(Signal::SIGTERM).0, Some(0));
        let told = fs::read_to_string(&told).unwrap();
        let expected = "10.7.0.2:7: answers SYNs by cookies alone, 100 of 100 half-open";
        assert!(told.contains(expected), "{told}");
        assert!(
            told.contains("10.7.0.2:7: watch: ") || told.contains("10.7.0.2:7: flood: "),
            "{told}"
        );
    });
}

#[test]
fn several_processes_stand_under_their_names_and_a_stale_socket_is_swept() {
    let test = "ss::several_processes_stand_under_their_names_and_a_stale_socket_is_swept";
    in_private_namespace(test, || {
        let directory = Directory::new("ss-several");
        let server = serve(&directory, &[]);
        let stale = socket(&directory);
        // It cannot clean up.
        assert_eq!(server.stop(Signal::SIGKILL).0, None);
        assert!(stale.exists());
        let _first = serve(&directory, &["--tun", "first0"]);
        let _second = serve(&directory, &["--tun", "second0", "--addr", "10.8.0.2/24"]);
        let elsewhere = directory.join("control");
        let _third = serve(
            &directory,
            &[
                "--tun",
                "third0",
                "--addr",
                "10.9.0.2/24",
                "--control",
                elsewhere.to_str().unwrap(),
            ],
        );
        let listeners = ss(&directory, &["-l"]);
        assert_eq!(listeners.matches("syndic serve, process ").count(), 2, "{listeners}");
        assert!(!stale.exists());
        assert!(
            listeners.contains("10.7.0.2:7") && listeners.contains("10.8.0.2:7"),
            "{listeners}"
        );
        let listeners = ss(&directory, &["-l", "--socket", elsewhere.to_str().unwrap()]);
        assert!(
            listeners.starts_with("State") && listeners.contains("10.9.0.2:7"),
            "{listeners}"
        );

        let taken = run(at(&directory, "serve").args([
            "--service",
            "echo",
            "--addr",
            "10.10.0.2/24",
            "--control",
            elsewhere.to_str().unwrap(),
        ]));
        let said = text(&taken.stderr);
        assert_eq!(taken.status.code(), Some(1), "{said}");
        assert!(said.contains("another process answers at"), "{said}");
    });
}

#[test]
fn what_cannot_be_asked_is_told_with_what_to_do() {
    let directory = Directory::new("ss-errors");
    let stale = directory.join("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let nothing = directory.join("nothing.sock");
    let long = format!("/tmp/{}", "x".repeat(200));
    for (name, arguments, code, says) in [
        ("nobody", vec![], 1, "no syndic of this user runs (looked in "),
        (
            "no socket",
            vec!["--socket", nothing.to_str().unwrap()],
            1,
            "there is no socket: does the process run?",
        ),
        (
            "a stale one",
            vec!["--socket", stale.to_str().unwrap()],
            1,
            "it is stale: its process is gone; remove it with `rm ",
        ),
        (
            "a long path",
            vec!["--socket", &long],
            2,
            "--socket: a socket's path has 1 to 107 bytes",
        ),
    ] {
        let output = run(at(&directory, "ss").args(arguments));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(
            said.starts_with("syndic: ") && said.contains(says) && said.lines().count() == 1,
            "{name}: {said}"
        );
        assert!(output.stdout.is_empty(), "{name}");
    }
}
