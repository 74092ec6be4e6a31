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
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
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
    let maps = Maps::current();
    match run_child(test, move || maps.enter().map(drop)) {
        Ok(output) => judge(test, &output),
        Err(reason) => skip(test, &reason),
    }
}

/// As [`in_private_namespace`], with the privileges of the whole machine: in a network namespace, and no user namespace.
///
/// Where this process is not root, or a root without these privileges, it prints `skipped: ` with the reason to standard error
/// and returns.
///
/// # Panics
/// When `body` panics, when no test has that name, or instead of skipping when `SYNDIC_NO_SKIP` is 1 and this is root.
pub fn in_network_namespace_of_root(test: &str, body: impl FnOnce()) {
    if std::env::var(IN_NAMESPACE).is_ok_and(|name| name == test) {
        return in_private_namespace(test, body);
    }
    if !nix::unistd::geteuid().is_root() || !is_first_user_namespace() {
        eprintln!("skipped: {test}: it needs root, outside of any user namespace");
        return;
    }
    match run_child(test, || unshare(CloneFlags::CLONE_NEWNET)) {
        Ok(output) => judge(test, &output),
        Err(reason) => skip(test, &reason),
    }
}

/// Whether the numbers of users are those of the whole machine.
fn is_first_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Has an interface complete the checksums of what it sends, instead of leaving them to hardware.
///
/// # Panics
/// When the kernel refuses.
pub fn complete_checksums(interface: &str) {
    const SET_TX_CHECKSUM: u32 = 0x17;
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    nix::ioctl_readwrite_bad!(ethtool, libc::SIOCETHTOOL, libc::ifreq);

    let mut value = Value {
        command: SET_TX_CHECKSUM,
        data: 0,
    };
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    let mut request = libc::ifreq {
        ifr_name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_data: (&raw mut value).cast(),
        },
    };
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    // SAFETY: the descriptor is open; the request names an interface and points to a value of the command's form, and both live
    // through the call.
    unsafe { ethtool(socket.as_raw_fd(), &mut request) }.expect("checksums completed by the sender");
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

/// Starts this executable again for one test; the error is a reason to skip it. `enter`, which makes system calls and nothing
/// else, is called in the child.
fn run_child(test: &str, enter: impl Fn() -> Result<(), Errno> + Send + Sync + 'static) -> Result<Output, String> {
    tun::check_device().map_err(|error| error.to_string())?;
    let mut child = Command::new(std::env::current_exe().expect("the path of the test executable"));
    child
        .args([test, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(IN_NAMESPACE, test);
    // SAFETY: between `fork` and `exec` only `unshare`, `open`, `write` and `close` are called; nothing is allocated and
    // no lock is taken.
    unsafe { child.pre_exec(move || Ok(enter()?)) };
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
