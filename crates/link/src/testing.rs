//! Tests that need a network of their own.
//!
//! A test process has several threads, and such a process cannot enter a user namespace. So the test starts its own
//! executable once more, for this one test, and that process is in the namespace before it has any threads.
//!
//! ```no_run
//! # // The body runs in a child process of the test harness.
//! #[test]
//! fn packets_cross() {
//!     link::testing::in_private_namespace("tests::packets_cross", || {
//!         let tun = link::Tun::open(&link::TunOptions::default()).unwrap();
//!         // ...
//!     });
//! }
//! ```

use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use nix::errno::Errno;
use rtnetlink::LinkVeth;

use crate::error::LinkError;
use crate::namespace::{Maps, NamespaceError};
use crate::netlink::{self, refusal};
use crate::{net, tun};

/// In the child: the name of the test whose body is to run.
const IN_NAMESPACE: &str = "SYNDIC_IN_NAMESPACE";

/// Set to 1, a test that cannot run fails instead of being skipped.
const NO_SKIP: &str = "SYNDIC_NO_SKIP";

/// The child's last word. Without it no body ran, as happens when the name is that of no test.
const DONE: &str = "left the private namespace of";

/// Runs `body` in a process with a private network namespace, in which it is root and the loopback interface is up.
///
/// `test` is the name that the harness knows the calling test by: its path without the crate (`tun::tests::attaches`).
///
/// Where namespaces or `/dev/net/tun` are forbidden it prints `skipped: ` with the reason to standard error and returns.
///
/// # Panics
/// When `body` panics, when no test has that name, or instead of skipping when `SYNDIC_NO_SKIP` is 1.
pub fn in_private_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var(IN_NAMESPACE).is_ok_and(|name| name == test) {
        net::up_loopback().expect("bring up the loopback interface of the private namespace");
        body();
        eprintln!("{DONE} {test}");
        return;
    }
    match run_child(test) {
        Ok(output) => judge(test, &output),
        Err(reason) => skip(test, &reason),
    }
}

/// Makes a cable between two Ethernet interfaces, both up. The kernel has these addresses on the one named `kernels`, and none
/// on `ours`, where it does not speak.
///
/// # Panics
/// When the kernel refuses.
pub fn veth(ours: &str, kernels: &str, addresses: &[(IpAddr, u8)]) {
    netlink::run(async |handle| {
        let made = handle.link().add(LinkVeth::new(ours, kernels).build()).execute().await;
        made.map_err(|error| LinkError::from_io("make a pair of veth", refusal(error)))
    })
    .expect("a pair of veth");
    std::fs::write(format!("/proc/sys/net/ipv6/conf/{ours}/disable_ipv6"), "1").expect("a kernel silent on our side");
    tun::silence(kernels);
    net::up(kernels).expect("the kernel's side up");
    net::up(ours).expect("our side up");
    for (address, prefix) in addresses {
        net::add_address(kernels, *address, *prefix).expect("an address of the kernel's");
    }
}

/// Starts this executable again for one test; the error is a reason to skip it.
fn run_child(test: &str) -> Result<Output, String> {
    tun::check_device().map_err(|error| error.to_string())?;
    let maps = Maps::current();
    let mut child = Command::new(std::env::current_exe().expect("the path of the test executable"));
    child
        .args([test, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(IN_NAMESPACE, test);
    // SAFETY: between `fork` and `exec` only `unshare`, `open`, `write` and `close` are called; nothing is allocated and
    // no lock is taken.
    unsafe { child.pre_exec(move || Ok(maps.enter().map(drop)?)) };
    child
        .output()
        .map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
            Some(
                errno @ (Errno::EPERM | Errno::EACCES | Errno::ENOSPC | Errno::EUSERS | Errno::EINVAL | Errno::ENOSYS),
            ) => NamespaceError::from_errno(errno).to_string(),
            _ => panic!("{test}: the test executable could not be started again: {error}"),
        })
}

fn judge(test: &str, output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    eprint!("{stdout}{stderr}");
    assert!(
        output.status.success(),
        "{test}: failed in its private namespace ({})",
        output.status
    );
    let done = format!("{DONE} {test}");
    assert!(
        stderr.contains(&done),
        "{test}: no body ran in the namespace; is this the name of the test?"
    );
}

fn skip(test: &str, reason: &str) {
    assert!(
        std::env::var(NO_SKIP).as_deref() != Ok("1"),
        "{test}: cannot run ({reason}), and {NO_SKIP} is set"
    );
    eprintln!("skipped: {test}: {reason}");
}
