//! What one measurement came to, and what is reckoned from it.

use std::time::Duration;

use serde::Serialize;

use super::clients::{PATIENCE, Visits};
use super::network::Passed;
use crate::args::{Link, Rate, Subject};
use crate::rig::number::percentile;

/// One subject at one rate.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) subject: Subject,
    /// Where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<Link>,
    pub(super) asked: Rate,
    /// SYNs that came through to the router.
    pub(super) delivered_per_second: f64,
    /// Packets, good clients' too, that found the queue before the receiver full.
    pub(super) queue_dropped_per_second: f64,
    /// Packets dropped between two softirqs, on the whole machine: the rig's own loss.
    pub(super) backlog_dropped: u64,
    pub(super) syn_acks_per_second: f64,
    /// What the receiver spent, the kernel's part included.
    pub(super) cpu_seconds: f64,
    pub(super) seconds: f64,
    /// SYN-ACKs for each second of CPU time. `None` without a flood: good clients' packets would be all there is.
    pub(super) syn_acks_per_core_second: Option<f64>,
    /// `None`: the subject carries no connections.
    pub(super) good: Option<Good>,
    /// Peak resident memory of the receiver's process.
    pub(super) peak_bytes: u64,
}

/// What became of good clients. One that failed counts as the whole of its patience.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Good {
    pub(super) clients: usize,
    pub(super) succeeded: usize,
    pub(super) connect_p50_ms: f64,
    pub(super) connect_p99_ms: f64,
}

impl Row {
    pub(super) fn new(
        (subject, link, asked): (Subject, Option<Link>, Rate),
        passed: Passed,
        process: Duration,
        good: Option<Good>,
        peak_bytes: u64,
    ) -> Self {
        let seconds = passed.time.as_secs_f64();
        let cpu_seconds = (passed.kernel + process).as_secs_f64();
        let is_flood = asked != Rate::Calm && cpu_seconds > 0.0;
        Self {
            subject,
            link,
            asked,
            delivered_per_second: passed.delivered as f64 / seconds,
            queue_dropped_per_second: passed.queue_dropped as f64 / seconds,
            backlog_dropped: passed.backlog_dropped,
            syn_acks_per_second: passed.answered as f64 / seconds,
            cpu_seconds,
            seconds,
            syn_acks_per_core_second: is_flood.then(|| passed.answered as f64 / cpu_seconds),
            good,
            peak_bytes,
        }
    }
}

impl Good {
    /// `None` without any clients.
    pub(super) fn new(visits: Visits) -> Option<Self> {
        let mut took = visits.connect_us;
        let succeeded = took.len();
        took.resize(succeeded + visits.failed, PATIENCE.as_micros() as u64);
        took.sort_unstable();
        let millis = |percent| percentile(&took, percent).map(|us| us as f64 / 1_000.0);
        Some(Self {
            clients: took.len(),
            succeeded,
            connect_p50_ms: millis(50)?,
            connect_p99_ms: millis(99)?,
        })
    }

    /// Bounds: 100 only when none failed.
    pub(super) fn success_percent(&self) -> f64 {
        100.0 * self.succeeded as f64 / self.clients as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_counts_as_the_whole_of_his_patience() {
        let visits = |connect_us: &[u64], failed| Visits {
            connect_us: connect_us.to_vec(),
            failed,
        };
        let good = Good::new(visits(&[300, 100, 200], 1)).unwrap();
        let expected = Good {
            clients: 4,
            succeeded: 3,
            connect_p50_ms: 0.2,
            connect_p99_ms: 3_000.0,
        };
        assert_eq!(good, expected);
        assert!((good.success_percent() - 75.0).abs() < 1e-9);
        assert_eq!(Good::new(visits(&[], 0)), None);
        let none = Good::new(visits(&[], 2)).unwrap();
        assert_eq!((none.succeeded, none.connect_p50_ms), (0, 3_000.0));
    }

    #[test]
    fn rates_are_per_second_and_per_second_of_cpu_time() {
        let passed = Passed {
            time: Duration::from_secs(2),
            delivered: 160_000,
            answered: 150_000,
            queue_dropped: 10,
            backlog_dropped: 3,
            kernel: Duration::from_millis(250),
        };
        let row = |rate| {
            Row::new(
                (Subject::Ours, Some(Link::Xdp), rate),
                passed,
                Duration::from_millis(500),
                None,
                1,
            )
        };
        let flood = row(Rate::PerSecond(80_000));
        assert_eq!(flood.delivered_per_second, 80_000.0);
        assert_eq!(flood.syn_acks_per_second, 75_000.0);
        assert_eq!(flood.queue_dropped_per_second, 5.0);
        assert_eq!(flood.cpu_seconds, 0.75);
        assert_eq!(flood.syn_acks_per_core_second, Some(200_000.0));
        assert_eq!(row(Rate::Calm).syn_acks_per_core_second, None);
    }
}
