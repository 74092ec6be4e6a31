//! Entering a private network, step by step in a process with a single thread.
//!
//! This is one test without the usual harness, whose threads would be in the way; it answers `--list` as a harness does.

use nix::sched::{CloneFlags, unshare};
use syndic_link::namespace::{self, Namespace};
use syndic_link::tun;
use syndic_link::{Tun, TunOptions};

const NAME: &str = "a_private_network_without_root";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        if !args.iter().any(|arg| arg == "--ignored") {
            show(&format!("{NAME}: test"));
        }
        return;
    }
    // A harness gets the names of the tests to run; if ours is not among them, there is nothing to do.
    if args
        .iter()
        .any(|arg| !arg.starts_with('-') && !NAME.contains(arg.as_str()))
    {
        return;
    }
    if let Err(error) = tun::check_device() {
        return skip(&error);
    }
    match namespace::enter() {
        Ok(entered) => {
            a_private_network(entered);
            show(&format!("test {NAME} ... ok"));
        }
        Err(error) => skip(&error),
    }
}

fn skip(reason: &dyn std::error::Error) {
    assert!(
        std::env::var("SYNDIC_NO_SKIP").as_deref() != Ok("1"),
        "{reason}, and SYNDIC_NO_SKIP is set"
    );
    eprintln!("skipped: {NAME}: {reason}");
}

fn a_private_network(entered: Namespace) {
    std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let options = TunOptions {
        addresses: vec![("10.7.0.1".parse().unwrap(), 24)],
        ..TunOptions::default()
    };
    let tun = Tun::open(&options).unwrap();
    assert_eq!(tun.name(), "syndic0", "no other interface can be in the way here");
    drop(tun);
    if entered != Namespace::UserAndNetwork {
        return eprintln!("skipped: the rest of {NAME}: user namespaces are forbidden, and this is root");
    }

    // With no more user namespaces allowed, who is root already still gets a network of his own.
    let limit = "/proc/sys/user/max_user_namespaces";
    let before = std::fs::read_to_string(limit).unwrap();
    std::fs::write(limit, "0").unwrap();
    assert_eq!(namespace::enter().unwrap(), Namespace::Network);
    Tun::open(&options).expect("the new network is ours as well");
    std::fs::write(limit, before.trim()).unwrap();

    a_stranger_lacks_a_capability(&options);
}

/// In one more user namespace the network belongs to the one outside of it, and we have lost our rights over it.
fn a_stranger_lacks_a_capability(options: &TunOptions) {
    unshare(CloneFlags::CLONE_NEWUSER).unwrap();
    let said = Tun::open(options).unwrap_err().to_string();
    for part in ["CAP_NET_ADMIN", "unshare -Urn", "syndic lab"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
}

#[expect(clippy::print_stdout, reason = "this is the harness")]
fn show(line: &str) {
    println!("{line}");
}
