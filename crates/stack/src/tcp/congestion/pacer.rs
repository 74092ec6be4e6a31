//! Pacing: a window leaves spread over its round trip, not at once.
//!
//! The wheel that wakes a connection counts milliseconds, so that at any rate above two segments per millisecond as much leaves
//! at once as a millisecond carries; what a late timer cost is made up for. So the rate is kept whatever it is, and a path
//! whose round trip is not worth some ticks of the wheel is not paced at all.

use super::algorithm::Window;
use super::initial_window;
use crate::time::{Duration, Instant};

/// Below it a round trip is too short to spread anything over.
pub(super) const SRTT_MIN: Duration = Duration::from_millis(2);

/// What a timer may be late without loss of rate: the wheel's tick, that of the driver's clock, and some work between them.
const LATE_MAX: Duration = Duration::from_millis(3);

/// How fast a connection sends. Units: bytes per second. Bounds: at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(u64);

impl Rate {
    /// Twice the window in each round trip in slow start, which is to double it; else a fifth more than the window, so that
    /// the window stays the bound. `None`: not paced, for the round trip is short, or the window one that may leave at once.
    pub(super) fn of(window: &Window, srtt: Duration, mss: u32) -> Option<Self> {
        if srtt < SRTT_MIN || window.cwnd <= initial_window(mss) {
            return None;
        }
        let fifths = if window.is_in_slow_start() { 10 } else { 6 };
        let per_s = u64::from(window.cwnd) * fifths * 200_000 / srtt.as_micros().max(1);
        Some(Self(per_s.max(1)))
    }

    /// Units: bytes per second.
    pub(crate) const fn per_second(self) -> u64 {
        self.0
    }

    /// What leaves at once: a millisecond's worth of whole segments, and two segments at least. Units: bytes.
    pub(crate) fn quantum(self, mss: u32) -> u32 {
        let per_ms = u32::try_from(self.0 / 1_000).unwrap_or(u32::MAX);
        (per_ms / mss.max(1) * mss).max(2 * mss)
    }

    /// How long `bytes` take.
    fn span(self, bytes: u32) -> Duration {
        Duration::from_nanos(u64::from(bytes) * 1_000_000_000 / self.0)
    }
}

/// When the next segment may leave.
#[derive(Debug, Clone, Copy, Default, Hash)]
pub(super) struct Pacer {
    next: Instant,
}

impl Pacer {
    /// Whether what is due has to wait.
    pub(super) fn holds(&self, now: Instant) -> bool {
        now < self.next
    }

    /// So much has left, in segments of `mss`. Returns how long the next is to wait, where it is to wait: as soon as less than
    /// half of a quantum is left of what may leave at once.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: u32, mss: u32, rate: Rate) -> Option<Duration> {
        let late = now.since(self.next).min(LATE_MAX);
        let from = if self.next > now {
            self.next
        } else {
            Instant::from_nanos(now.as_nanos() - late.as_nanos())
        };
        self.next = from + rate.span(bytes);
        let ahead = self.next.since(now);
        (ahead.times(2) > rate.span(rate.quantum(mss))).then_some(ahead)
    }
}
