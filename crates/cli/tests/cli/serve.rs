//! `syndic serve`, fetched from with `curl` and spoken to with the kernel's sockets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Duration;

use link::testing::in_private_namespace;
use nix::sys::signal::Signal;

use crate::rig::{Directory, Running, curl, has, noise, run, succeed, syndic, text};

const MEBIBYTE: usize = 1 << 20;

/// Runs `body` in a namespace with a server of this directory, if `curl` is there.
fn with_server(test: &str, options: &[&str], fill: impl FnOnce(&Directory), body: impl FnOnce(&Directory)) {
    if !has("curl", test) {
        return;
    }
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        fill(&directory);
        let (_server, _) = Running::serve([directory.path().to_str().unwrap()].iter().chain(options));
        body(&directory);
    });
}

#[test]
fn large_files_come_whole_over_both_families() {
    let large = noise(5 * MEBIBYTE + 7);
    with_server(
        "serve::large_files_come_whole_over_both_families",
        &[],
        |directory| {
            directory.put("large", &large);
        },
        |directory| {
            for (name, url) in [("IPv4", "http://10.7.0.2/large"), ("IPv6", "http://[fd07::2]/large")] {
                let to = directory.join(name);
                succeed(&mut curl(["--output", to.to_str().unwrap(), url]));
                directory.expect(name, &large);
            }
        },
    );
}

#[test]
fn ranges_heads_listings_and_refusals() {
    let test = "serve::ranges_heads_listings_and_refusals";
    with_server(
        test,
        &[],
        |directory| {
            directory.put("numbers", "0123456789");
            directory.put("sub/page.html", "<p>page");
            symlink("/etc/hostname", directory.join("out")).unwrap();
        },
        |_| {
            let status = "%{http_code}";
            for (name, arguments, expected) in [
                ("a range", vec!["--range", "2-5", "http://10.7.0.2/numbers"], "2345"),
                (
                    "the last bytes",
                    vec!["--range", "-3", "http://10.7.0.2/numbers"],
                    "789",
                ),
                (
                    "a range beyond",
                    vec![
                        "--range",
                        "99-",
                        "-o",
                        "/dev/null",
                        "-w",
                        status,
                        "http://10.7.0.2/numbers",
                    ],
                    "416",
                ),
                (
                    "type and length",
                    vec![
                        "--head",
                        "-o",
                        "/dev/null",
                        "-w",
                        "%{content_type} %header{content-length}",
                        "http://10.7.0.2/sub/page.html",
                    ],
                    "text/html; charset=utf-8 7",
                ),
                (
                    "nothing there",
                    vec!["-o", "/dev/null", "-w", status, "http://10.7.0.2/nothing"],
                    "404",
                ),
                (
                    "a link out",
                    vec!["-o", "/dev/null", "-w", status, "http://10.7.0.2/out"],
                    "404",
                ),
                (
                    "up and out",
                    vec![
                        "--path-as-is",
                        "-o",
                        "/dev/null",
                        "-w",
                        status,
                        "http://10.7.0.2/../../../../etc/hostname",
                    ],
                    "404",
                ),
                (
                    "up and out, encoded",
                    vec![
                        "-o",
                        "/dev/null",
                        "-w",
                        status,
                        "http://10.7.0.2/%2e%2e/%2e%2e/etc/hostname",
                    ],
                    "404",
                ),
                (
                    "posting",
                    vec![
                        "--data",
                        "x",
                        "-o",
                        "/dev/null",
                        "-w",
                        status,
                        "http://10.7.0.2/numbers",
                    ],
                    "405",
                ),
                (
                    "a directory",
                    vec!["-o", "/dev/null", "-w", "%{redirect_url}", "http://10.7.0.2/sub"],
                    "http://10.7.0.2/sub/",
                ),
            ] {
                assert_eq!(text(&succeed(&mut curl(arguments))), expected, "{name}");
            }
            let listing = text(&succeed(&mut curl(["http://10.7.0.2/"])));
            assert!(listing.contains("<a href=\"./numbers\">numbers</a>"), "{listing}");
            assert!(listing.contains("<a href=\"./sub/\">sub/</a>"), "{listing}");
            let twice = [
                "http://10.7.0.2/numbers",
                "http://10.7.0.2/numbers",
                "-w",
                "%{num_connects}",
            ];
            assert_eq!(
                text(&succeed(&mut curl(twice))),
                "0123456789101234567890",
                "the connection is kept"
            );
        },
    );
}

#[test]
fn two_hundred_clients_at_once_get_their_small_file() {
    with_server(
        "serve::two_hundred_clients_at_once_get_their_small_file",
        &[],
        |directory| {
            for i in 0..200 {
                directory.put(&format!("{i}"), format!("file {i}"));
            }
        },
        |_| {
            let clients: Vec<_> = (0..200)
                .map(|i| {
                    let mut command = curl([format!("http://10.7.0.2/{i}")]);
                    (i, thread::spawn(move || succeed(&mut command)))
                })
                .collect();
            for (i, client) in clients {
                assert_eq!(text(&client.join().unwrap()), format!("file {i}"));
            }
        },
    );
}

#[test]
fn loss_and_reordering_change_no_byte_either_way() {
    in_private_namespace("serve::loss_and_reordering_change_no_byte_either_way", || {
        let impaired = [
            "--service",
            "echo",
            "--port",
            "7",
            "--impair",
            "loss=2%,reorder=2%,duplicate=1%,corrupt=1%,seed=7",
        ];
        let (_server, _) = Running::serve(impaired);
        echo("10.7.0.2:7", &noise(4 * MEBIBYTE));
    });
}

/// Sends all and closes; hears all and then the end.
fn echo(at: &str, said: &[u8]) {
    let stream = connect(at);
    thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(said).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        (&stream).read_to_end(&mut heard).unwrap();
        assert!(heard == said, "{} bytes came back of {}", heard.len(), said.len());
    });
}

fn connect(at: &str) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

#[test]
fn echo_gives_back_what_it_gets() {
    in_private_namespace("serve::echo_gives_back_what_it_gets", || {
        let (_server, line) = Running::serve(["--service", "echo", "--port", "7"]);
        assert!(
            line.starts_with("serving echo on 10.7.0.2:7 and [fd07::2]:7 (kernel side "),
            "{line}"
        );
        for at in ["10.7.0.2:7", "[fd07::2]:7"] {
            echo(at, b"");
            echo(at, &noise(MEBIBYTE));
        }
    });
}

#[test]
fn discard_takes_all_and_says_nothing() {
    in_private_namespace("serve::discard_takes_all_and_says_nothing", || {
        let (_server, _) = Running::serve(["--service", "discard", "--port", "9"]);
        let mut stream = connect("10.7.0.2:9");
        stream.write_all(&noise(MEBIBYTE)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        assert!(heard.is_empty());
    });
}

#[test]
fn chargen_sends_its_lines_until_the_client_closes() {
    in_private_namespace("serve::chargen_sends_its_lines_until_the_client_closes", || {
        let (_server, _) = Running::serve(["--service", "chargen", "--port", "19"]);
        let mut stream = connect("10.7.0.2:19");
        let mut heard = vec![0; MEBIBYTE];
        stream.read_exact(&mut heard).unwrap();
        let line: Vec<u8> = (b' '..b' ' + 72).chain(*b"\r\n").collect();
        assert_eq!(heard[..74], line[..]);
        assert!(heard.chunks_exact(74).all(|line| line.ends_with(b"\r\n")));
        stream.shutdown(Shutdown::Write).unwrap();
        // What was under way still comes, and then the end.
        stream.read_to_end(&mut heard).unwrap();
    });
}

#[test]
fn a_signal_ends_it_with_its_counters() {
    let test = "serve::a_signal_ends_it_with_its_counters";
    if !has("curl", test) {
        return;
    }
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        directory.put("file", "contents");
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let (server, line) = Running::serve([
                directory.path().to_str().unwrap(),
                "--addr",
                "10.8.0.9/24",
                "--tun",
                "here0",
                "--port",
                "8080",
            ]);
            let expected = "on http://10.8.0.9:8080 (kernel side 10.8.0.1, tun here0)";
            assert!(line.contains(expected), "{line}");
            assert_eq!(text(&succeed(&mut curl(["http://10.8.0.9:8080/file"]))), "contents");
            let (code, rest) = server.stop(signal);
            assert_eq!(code, Some(0), "{signal}");
            assert!(
                rest.contains("1 accepted") && rest.contains("0 retransmitted"),
                "{signal}: {rest}"
            );
        }
    });
}

#[test]
fn what_is_taken_is_refused_in_one_line() {
    let test = "serve::what_is_taken_is_refused_in_one_line";
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        let here = directory.path().to_str().unwrap();
        let (_server, _) = Running::serve([here, "--tun", "taken0"]);
        for (name, arguments, says) in [
            (
                "the TUN",
                vec!["--tun", "taken0", "--addr", "10.9.0.2/24"],
                "taken0 is taken",
            ),
            (
                "the kernel's side",
                vec!["--tun", "other0"],
                "10.7.0.1, the kernel's side of 10.7.0.2/24, is on taken0 already",
            ),
            (
                "the kernel's own address",
                vec!["--addr", "10.7.0.1/24"],
                "10.7.0.1 is the kernel's own (on taken0)",
            ),
            (
                "an interface that is no TUN",
                vec!["--tun", "lo", "--addr", "10.9.0.2/24"],
                "lo exists, but is no TUN",
            ),
        ] {
            let output = run(syndic(["serve", here]).args(arguments));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{name}: {said}");
            assert!(
                said.starts_with("syndic: ") && said.contains(says) && said.lines().count() == 1,
                "{name}: {said}"
            );
        }
    });
}

#[test]
fn without_privilege_it_says_which_one_is_missing() {
    let test = "serve::without_privilege_it_says_which_one_is_missing";
    if !has("setpriv", test) {
        return;
    }
    in_private_namespace(test, || {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]);
        let output = run(command.args([env!("CARGO_BIN_EXE_syndic"), "serve", "--service", "echo"]));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let expected = "syndic: no permission to create a TUN interface: this needs CAP_NET_ADMIN; run as root";
        assert!(said.starts_with(expected) && said.lines().count() == 1, "{said}");
    });
}

#[test]
fn a_device_that_is_removed_ends_it_with_the_reason() {
    let test = "serve::a_device_that_is_removed_ends_it_with_the_reason";
    if !has("ip", test) {
        return;
    }
    in_private_namespace(test, || {
        let directory = Directory::new("serve-gone");
        let stderr = fs::File::create(directory.join("stderr")).unwrap();
        let control = directory.join("control");
        let mut serve = syndic(["serve", "--service", "echo", "--tun", "gone0", "--control"]);
        let mut server = Running::start(serve.arg(&control).stderr(stderr));
        server.announced();
        succeed(Command::new("ip").args(["link", "del", "gone0"]));
        assert_eq!(server.ended(), Some(1));
        let said = fs::read_to_string(directory.join("stderr")).unwrap();
        assert!(
            said.contains("the network has stopped") && said.lines().count() == 1,
            "{said}"
        );
        assert!(!control.exists(), "the control socket goes with it");
    });
}
