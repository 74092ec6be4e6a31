//! What is typed wrong: one clear line that says what to do, exit code 2, and nothing is begun.

use std::process::Stdio;

use crate::rig::{Directory, run, syndic, text};

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_write_instead() {
    let directory = Directory::new("usage");
    // What stands as DIR in the rows.
    let here = directory.path().to_str().unwrap();
    let world = directory.put("broken.toml", "title = \"x\"\nhots = 1\n");
    let world = world.to_str().unwrap();
    for (name, arguments, says) in [
        (
            "address without prefix",
            "serve DIR --addr 10.7.0.2",
            "--addr: `10.7.0.2` has no prefix: write an address as 10.7.0.2/24",
        ),
        (
            "no address",
            "serve DIR --addr ten/8",
            "--addr: `ten` is not an IP address",
        ),
        (
            "network address",
            "serve DIR --addr 10.7.0.0/24",
            "is the network itself: take a host's address in it such as 10.7.0.2/24",
        ),
        (
            "prefix out of range",
            "serve DIR --addr 10.7.0.2/33",
            "`/33` is out of range",
        ),
        (
            "overlapping subnets",
            "serve DIR --addr 10.7.0.2/24 --addr 10.7.0.3/16",
            "overlap",
        ),
        (
            "MTU too small for IPv6",
            "serve DIR --mtu 1279",
            "--mtu: 1279 bytes are too few",
        ),
        (
            "no link",
            "serve DIR --link eth0",
            "--link: `eth0` is no link: write tun, tun:NAME, tap, tap:NAME, packet:IFACE or xdp:IFACE[:QUEUE]",
        ),
        (
            "a link without an address",
            "serve DIR --link packet:eth0",
            "--link packet:eth0 needs --addr ADDR/PREFIX: an address of that network which no host has",
        ),
        (
            "the MTU of an interface that is there",
            "serve DIR --link xdp:eth0 --addr 192.0.2.8/24 --mtu 1400",
            "--mtu: eth0 has its own: `ip link set eth0 mtu 1400` changes it",
        ),
        (
            "a gateway of a TUN",
            "serve DIR --gateway 10.7.0.1",
            "--gateway: a TUN has one other end",
        ),
        (
            "a gateway far away",
            "serve DIR --link tap --gateway 192.0.2.1",
            "--gateway: 192.0.2.1 is no other host of a subnet of ours",
        ),
        (
            "two gateways",
            "serve DIR --link tap --gateway 10.7.0.1 --gateway 10.7.0.9",
            "--gateway: 10.7.0.9 is the second of its family",
        ),
        (
            "impairment",
            "serve DIR --impair loss=2",
            "--impair: loss: `2` is no probability: write a share",
        ),
        (
            "seed of an impairment",
            "serve DIR --impair seed=x",
            "a seed is a whole number",
        ),
        ("no directory", "serve /nonexistent", "cannot serve /nonexistent"),
        (
            "https",
            "get https://10.7.0.1/ -o x",
            "syndic speaks no TLS: use an http:// URL",
        ),
        (
            "loopback",
            "get http://127.0.0.1/ -o x",
            "use the kernel's side of it, 10.7.0.1 by default",
        ),
        (
            "our own address",
            "get http://10.7.0.2/ -o x",
            "10.7.0.2 is our own address: the server is at the kernel's side, 10.7.0.1",
        ),
        (
            "another family",
            "get http://[fd07::1]/ -o x --addr 10.7.0.2/24",
            "add --addr fd07::2/64",
        ),
        (
            "a directory as the file",
            "get http://10.7.0.1/ -o DIR",
            "is a directory: name the file to write",
        ),
        (
            "unknown scenario",
            "lab teapot",
            "there is no scenario `teapot`: `syndic lab --list` names all",
        ),
        ("a slip", "lab linux-to-su", "did you mean `linux-to-us`?"),
        (
            "a world that is not there",
            "lab nonexistent.toml",
            "cannot read nonexistent.toml",
        ),
        (
            "both on standard output",
            "lab --json --pcap -",
            "both want standard output: give --pcap a file",
        ),
        ("no path", "lab path:speed=1", "unknown impairment `speed`"),
        (
            "windows of what has none",
            "lab lost-syn --cwnd lost.svg",
            "--cwnd: only a transfer over a path has such a plot",
        ),
        (
            "a plot of what is no flood",
            "lab lost-syn --svg lost.svg",
            "--svg: only a flood has a plot",
        ),
        (
            "a time that is none",
            "lab simulate --for soon",
            "--for: `soon` is no time: write a number and a unit",
        ),
        (
            "nowhere to keep worlds",
            "lab simulate --out /nonexistent",
            "--out: /nonexistent is no directory",
        ),
    ] {
        let arguments = arguments.split(' ').map(|word| if word == "DIR" { here } else { word });
        let output = run(&mut syndic(arguments));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(
            said.starts_with("syndic: ") && said.contains(says) && said.lines().count() == 1,
            "{name}: {said}"
        );
        assert!(output.stdout.is_empty(), "{name}");
    }
    let broken = run(&mut syndic(["lab", world]));
    assert_eq!(broken.status.code(), Some(2));
    let said = text(&broken.stderr);
    assert!(
        said.contains("broken.toml: line 2, column 1") && said.contains("hots"),
        "{said}"
    );
}

#[test]
fn what_clap_refuses_has_the_same_exit_code() {
    for (name, arguments, says) in [
        ("nothing at all", "", "Usage: syndic"),
        ("unknown command", "teapot", "unrecognized subcommand 'teapot'"),
        ("nothing to serve", "serve", "<DIR>"),
        ("both to serve", "serve . --service echo", "cannot be used with"),
        ("unknown service", "serve --service daytime", "echo, discard, chargen"),
        ("port 0", "serve . --port 0", "1..=65535"),
        ("no file", "get http://10.7.0.1/", "--output <FILE>"),
        ("seed", "lab --seed x", "--seed"),
        ("both lists", "ss --half-open -l", "cannot be used with"),
        ("a limit of none", "ss --limit 0", "1..=10000"),
    ] {
        let output = run(&mut syndic(arguments.split_whitespace()));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}

#[test]
fn help_has_examples() {
    for command in [
        "--help",
        "lab --help",
        "lab simulate --help",
        "serve --help",
        "get --help",
        "ss --help",
    ] {
        let output = run(&mut syndic(command.split(' ')));
        let said = text(&output.stdout);
        assert!(
            output.status.success() && said.contains("Examples:\n  "),
            "{command}: {said}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    // The pipe's other end is closed before the first line is printed.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut list = syndic(["lab", "--list"]);
    let child = list.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}
