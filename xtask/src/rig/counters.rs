//! What the kernel counts, read from the text of its files.

use std::collections::HashMap;
use std::iter::Sum;
use std::ops::{AddAssign, Sub};
use std::time::Duration;

use anyhow::Context as _;

/// CPU time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Nanos(pub(crate) u64);

impl Sub for Nanos {
    type Output = Duration;

    /// Zero where the earlier one is greater: a thread ended in between.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        Self(times.map(|time| time.0).sum())
    }
}

/// The time that a thread ran: the first field of `/proc/PID/schedstat`.
pub(crate) fn schedstat(text: &str) -> Option<Nanos> {
    text.split_whitespace().next()?.parse().ok().map(Nanos)
}

/// `VmHWM` of `/proc/PID/status`. Units: bytes.
pub(crate) fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// What the kernel's slabs hold, over the whole machine. Units: bytes.
pub(crate) fn slab_bytes() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    slab(&text).context("no Slab in /proc/meminfo")
}

fn slab(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("Slab:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// What an interface counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) received: u64,
    pub(crate) receive_dropped: u64,
    pub(crate) sent: u64,
    pub(crate) send_dropped: u64,
}

/// The interfaces in `/proc/net/dev`.
pub(crate) fn interfaces(text: &str) -> HashMap<String, Interface> {
    text.lines().filter_map(interface).collect()
}

/// `eth0: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop …`
fn interface(line: &str) -> Option<(String, Interface)> {
    let (name, figures) = line.split_once(':')?;
    let figures: Vec<u64> = figures
        .split_whitespace()
        .map_while(|figure| figure.parse().ok())
        .collect();
    let figure = |n: usize| figures.get(n).copied();
    let interface = Interface {
        received: figure(1)?,
        receive_dropped: figure(3)?,
        sent: figure(9)?,
        send_dropped: figure(11)?,
    };
    Some((name.trim().to_owned(), interface))
}

/// Packets that the kernel dropped because the queue from one of its softirqs to the next was full: the second field of
/// each line of `/proc/net/softnet_stat`.
pub(crate) fn backlog_dropped(text: &str) -> u64 {
    let second = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok();
    text.lines().filter_map(second).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
 flood: 1874920   25336    0 5341    0     0          0         0      516       6    0    7    0     0       0          0
short: 1 2 3
";

    #[test]
    fn interfaces_are_read() {
        let read = interfaces(DEV);
        assert_eq!(read.len(), 2, "{read:?}");
        assert_eq!(read["lo"], Interface::default());
        let expected = Interface {
            received: 25_336,
            receive_dropped: 5_341,
            sent: 6,
            send_dropped: 7,
        };
        assert_eq!(read["flood"], expected);
    }

    #[test]
    fn the_run_time_is_the_first_field() {
        assert_eq!(schedstat("312823393 990979042 93\n"), Some(Nanos(312_823_393)));
        assert_eq!(schedstat(""), None);
        assert_eq!(schedstat("x 1 2"), None);
    }

    #[test]
    fn times_never_go_backwards() {
        assert_eq!(Nanos(7) - Nanos(5), Duration::from_nanos(2));
        assert_eq!(Nanos(5) - Nanos(7), Duration::ZERO);
        assert_eq!([Nanos(1), Nanos(2)].into_iter().sum::<Nanos>(), Nanos(3));
    }

    #[test]
    fn peak_memory_is_in_bytes() {
        assert_eq!(
            peak_bytes("Name:\tx\nVmHWM:\t    5120 kB\nVmRSS:\t 1 kB\n"),
            Some(5_242_880)
        );
        assert_eq!(peak_bytes("Name:\tx\n"), None);
        assert_eq!(peak_bytes("VmHWM:\t 12\n"), None);
    }

    #[test]
    fn slabs_are_in_bytes() {
        assert_eq!(slab("MemFree: 1 kB\nSlab:             12 kB\n"), Some(12_288));
        assert_eq!(slab("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_backlog_counts_in_hexadecimal_and_over_all_cores() {
        assert_eq!(backlog_dropped("00749af9 0000000a 00000000\n007eb3f2 00000010 0\n"), 26);
        assert_eq!(backlog_dropped(""), 0);
    }
}
