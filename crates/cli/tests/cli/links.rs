//! `syndic serve` and `syndic get` over each link: files of 16 MiB both ways, over IPv4 and IPv6, to and from this kernel.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpListener};
use std::process::Command;
use std::thread;

use link::testing::{complete_checksums, in_network_namespace_of_root, in_private_namespace, veth};
use nix::sys::signal::Signal;
use sha2::{Digest as _, Sha256};

use crate::rig::{Directory, Running, curl, has, noise, run, succeed, syndic, text};

const LENGTH: usize = 16 << 20;
const OURS: [&str; 4] = ["--addr", "10.7.0.2/24", "--addr", "fd07::2/64"];

/// Gives `body` to whoever asks, on a port of every address of the kernel's.
fn give(port: u16, body: Vec<u8>) {
    let listener = TcpListener::bind(("::", port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // The request ends with an empty line.
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = (&stream)
                .write_all(head.as_bytes())
                .and_then(|()| (&stream).write_all(&body));
        }
    });
}

/// A cable: the kernel has 10.7.0.1 and fd07::1 at its end, and nothing at ours.
fn cable() {
    let kernels: [(IpAddr, u8); 2] = [("10.7.0.1".parse().unwrap(), 24), ("fd07::1".parse().unwrap(), 64)];
    veth("ours0", "kernel0", &kernels);
}

/// Fetches from our server by `curl`, and from a server of the kernel's by ours.
fn both_ways(test: &str, link: &str, said: &str) {
    let directory = Directory::new(test);
    let large = noise(LENGTH);
    directory.put("large", &large);
    let network = ["--link", link].into_iter().chain(OURS);
    let (server, line) = Running::serve([directory.path().to_str().unwrap()].into_iter().chain(network.clone()));
    assert!(line.contains(said), "{line}");
    for (name, url) in [("IPv4", "http://10.7.0.2/large"), ("IPv6", "http://[fd07::2]/large")] {
        let to = directory.join(name);
        succeed(&mut curl(["--output", to.to_str().unwrap(), url]));
        directory.expect(name, &large);
    }
    let (code, rest) = server.stop(Signal::SIGTERM);
    assert_eq!(code, Some(0));
    assert!(rest.contains("2 accepted"), "{rest}");
    let has_meter = link.starts_with("packet") || link.starts_with("xdp");
    assert_eq!(
        rest.contains("link         0 lost on arrival, 0 on leaving"),
        has_meter,
        "{rest}"
    );

    let digest: String = Sha256::digest(&large)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    give(8080, large);
    for url in ["http://10.7.0.1:8080/", "http://[fd07::1]:8080/"] {
        let to = directory.join("got");
        let mut get = syndic(["get", url, "--sha256", "--output", to.to_str().unwrap()]);
        let said = text(&succeed(get.args(network.clone())));
        assert!(said.contains(&format!("SHA-256 {digest}")), "{url}: {said}");
    }
}

#[test]
fn files_cross_a_tap() {
    let test = "links::files_cross_a_tap";
    if !has("curl", test) {
        return;
    }
    in_private_namespace(test, || {
        both_ways(test, "tap:tap0", "(kernel side 10.7.0.1 and fd07::1, tap tap0)");
    });
}

#[test]
fn files_cross_a_packet_socket() {
    let test = "links::files_cross_a_packet_socket";
    if !has("curl", test) {
        return;
    }
    in_private_namespace(test, || {
        cable();
        both_ways(test, "packet:ours0", "(packet ours0, ");
    });
}

#[test]
fn files_cross_af_xdp() {
    let test = "links::files_cross_af_xdp";
    if !has("curl", test) {
        return;
    }
    in_network_namespace_of_root(test, || {
        cable();
        complete_checksums("kernel0");
        both_ways(test, "xdp:ours0", "(xdp ours0, ");
    });
}

/// The kernel behind the TAP forwards: its loopback interface has an address that is no neighbour's.
#[test]
fn a_gateway_leads_to_other_subnets() {
    let test = "links::a_gateway_leads_to_other_subnets";
    if !has("curl", test) || !has("ip", test) {
        return;
    }
    in_private_namespace(test, || {
        let directory = Directory::new(test);
        directory.put("file", "from afar");
        succeed(Command::new("ip").args(["address", "add", "192.0.2.9/32", "dev", "lo"]));
        let here = directory.path().to_str().unwrap().to_owned();
        let fetch = || {
            run(&mut curl([
                "--interface",
                "192.0.2.9",
                "--max-time",
                "2",
                "http://10.7.0.2/file",
            ]))
        };
        {
            let (_server, _) = Running::serve([&here, "--link", "tap:tap0", "--addr", "10.7.0.2/24"]);
            assert_eq!(
                text(&fetch().stdout),
                "from afar",
                "the kernel behind a TAP is the gateway"
            );
        }
        cable();
        {
            let (_server, _) = Running::serve([&here, "--link", "packet:ours0", "--addr", "10.7.0.2/24"]);
            assert!(!fetch().status.success(), "without a gateway there is no way back");
        }
        let gateway = ["--gateway", "10.7.0.1"];
        let link = [&here, "--link", "packet:ours0", "--addr", "10.7.0.2/24"];
        let (_server, _) = Running::serve(link.into_iter().chain(gateway));
        assert_eq!(text(&fetch().stdout), "from afar");
    });
}

#[test]
fn what_is_missing_is_told_in_one_line() {
    let test = "links::what_is_missing_is_told_in_one_line";
    if !has("setpriv", test) {
        return;
    }
    in_private_namespace(test, || {
        veth("ours0", "kernel0", &[]);
        let serve = ["serve", "--service", "echo", "--link"];
        let plain = |link: &str| run(syndic(serve).arg(link).args(OURS));
        let stripped = |link: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]);
            run(command
                .arg(env!("CARGO_BIN_EXE_syndic"))
                .args(serve)
                .arg(link)
                .args(OURS))
        };
        for (name, output, says) in [
            (
                "no such interface",
                plain("packet:nowhere"),
                "there is no interface nowhere",
            ),
            (
                "loopback",
                plain("packet:lo"),
                "lo carries no Ethernet frames: choose a card",
            ),
            (
                "a user namespace",
                plain("xdp:ours0"),
                "AF_XDP needs CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW of the whole machine",
            ),
            (
                "no capability",
                stripped("packet:ours0"),
                "this needs CAP_NET_RAW; run as root, or give it to the program",
            ),
            (
                "none for a TAP",
                stripped("tap"),
                "no permission to create a TAP interface: this needs CAP_NET_ADMIN",
            ),
        ] {
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{name}: {said}");
            assert!(
                said.starts_with("syndic: ") && said.contains(says) && said.lines().count() == 1,
                "{name}: {said}"
            );
        }
    });
}
