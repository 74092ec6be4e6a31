//! The kernel's end of a run: a network namespace with a TUN in it, its settings, and a socket.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use link::{Tun, TunOptions};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{getsockopt, sockopt};

use super::race::Race;
use crate::rig::ip;

/// Settings of every kernel on the path: buffers are not to be the bound, and what one connection learned is not for the next.
const SETTINGS: [(&str, &str); 4] = [
    ("tcp_rmem", "4096 131072 33554432"),
    ("tcp_wmem", "4096 1048576 33554432"),
    ("tcp_no_metrics_save", "1"),
    ("tcp_slow_start_after_idle", "1"),
];

/// How soon a blocked call notices that the run is over.
const GLANCE: Duration = Duration::from_millis(50);

/// A TUN of this thread's own network, whose kernel has that address.
///
/// Errors: what is missing for it.
pub(super) fn network(address: Ipv4Addr, prefix: u8) -> anyhow::Result<Tun> {
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
    link::net::up_loopback()?;
    for (setting, value) in SETTINGS {
        let file = format!("/proc/sys/net/ipv4/{setting}");
        fs::write(&file, value).with_context(|| format!("cannot write {value} to {file}"))?;
    }
    let tun = Tun::open(&TunOptions {
        addresses: vec![(IpAddr::V4(address), prefix)],
        ..TunOptions::default()
    })?;
    let network = u32::from(address) & (u32::MAX << (32 - prefix));
    // The queue before the TUN must not be what drops.
    ip::batch(&format!(
        "link set {name} txqueuelen 20000\n\
         route replace {}/{prefix} dev {name} proto kernel scope link src {address} congctl cubic\n",
        Ipv4Addr::from(network),
        name = tun.name(),
    ))?;
    Ok(tun)
}

/// Packets that the kernel dropped before the TUN. Units: packets since the interface was made.
pub(super) fn dropped(tun: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    send_dropped(&table, tun).unwrap_or_default()
}

fn send_dropped(table: &str, name: &str) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().nth(11)?.parse().ok()
}

/// Connects and sends until the run is over.
pub(super) fn send(to: SocketAddr, race: &Race) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(to).with_context(|| format!("cannot connect to {to}"))?;
    race.begin();
    let control = getsockopt(&stream, sockopt::TcpCongestion).context("congestion control")?;
    ensure!(
        control.to_string_lossy().trim_end_matches('\0') == "cubic",
        "not CUBIC, but {control:?}"
    );
    stream.set_write_timeout(Some(GLANCE))?;
    let block = race.block();
    let mut at = 0;
    while Instant::now() < race.deadline() {
        match stream.write(&block[at..]) {
            Ok(written) => at = (at + written) % block.len(),
            // The receiver's end goes with the run.
            Err(error) if is_timeout(&error) || Instant::now() >= race.deadline() => {}
            Err(error) => return Err(error).context("the kernel's sender"),
        }
    }
    Ok(())
}

/// Accepts one connection and reads until the run is over.
pub(super) fn receive(listener: &TcpListener, race: &Race) -> anyhow::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(GLANCE))?;
    let deadline = race.deadline();
    let mut room = vec![0; 1 << 18];
    loop {
        let read = stream.read(&mut room);
        if Instant::now() >= deadline {
            return Ok(());
        }
        match read {
            Ok(0) => bail!("the sender closed"),
            Ok(length) => race.hear(&room[..length])?,
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error).context("the kernel's receiver"),
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_of_interfaces_is_read() {
        const TABLE: &str = "Inter-|   Receive                            |  Transmit\n \
            face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    \
            lo:     0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n\
            syndic0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
        assert_eq!(send_dropped(TABLE, "syndic0"), Some(12));
        assert_eq!(send_dropped(TABLE, "lo"), Some(0));
        assert_eq!(send_dropped(TABLE, "syndic"), None);
    }
}
