//! Timestamps and PAWS (RFC 7323).

use wire::option;
use wire::seq::SeqNumber;

use crate::time::{Duration, Instant};

/// A timestamp that old no longer says which of two is older (RFC 7323 section 5.5): 24 days. Units: seconds.
const OUTDATED: u32 = 24 * 24 * 3600;

/// The timestamps of one connection.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Timestamps {
    /// Our TSval is the clock in milliseconds plus this (keyed, so that it does not tell our uptime).
    pub(crate) offset: u32,
    /// TS.Recent.
    pub(crate) recent: u32,
    /// When TS.Recent was noted. Units: seconds, from 1 on, so that this is small; 0: never.
    recent_at: u32,
    /// What went out before this clock ran, and so measures nothing when it is echoed: the TSval of a cookie.
    cookie: Option<u32>,
}

impl Timestamps {
    pub(crate) const fn new(offset: u32) -> Self {
        Self {
            offset,
            recent: 0,
            recent_at: 0,
            cookie: None,
        }
    }

    /// As after the peer's SYN or SYN-ACK, where our own SYN told the time.
    pub(crate) const fn with_recent(offset: u32, recent: u32, now: Instant) -> Self {
        Self {
            offset,
            recent,
            recent_at: seconds(now),
            cookie: None,
        }
    }

    /// As after a passive handshake whose SYN-ACK left at that time: its TSval is part of a cookie, and the clock goes on from it.
    pub(crate) const fn from_syn_ack(tsval: u32, sent: Instant, recent: u32, now: Instant) -> Self {
        Self {
            offset: tsval.wrapping_sub(sent.as_millis() as u32),
            recent,
            recent_at: seconds(now),
            cookie: None,
        }
    }

    /// As [`from_syn_ack`](Self::from_syn_ack), where nobody knows when it left.
    pub(crate) const fn after(tsval: u32, recent: u32, now: Instant) -> Self {
        Self {
            offset: tsval.wrapping_add(1).wrapping_sub(now.as_millis() as u32),
            recent,
            recent_at: seconds(now),
            cookie: Some(tsval),
        }
    }

    /// Our TSval now. Units: milliseconds, from a keyed origin.
    pub(crate) const fn value(&self, now: Instant) -> u32 {
        value(self.offset, now)
    }

    /// The option of a segment that leaves now.
    pub(crate) const fn option(&self, now: Instant) -> option::Timestamps {
        option::Timestamps {
            val: self.value(now),
            ecr: self.recent,
        }
    }

    /// PAWS, RFC 7323 section 5.3, R1: whether `val` is older than the last one.
    pub(crate) fn is_old(&self, now: Instant, val: u32) -> bool {
        self.recent_at > 0 && seconds(now).wrapping_sub(self.recent_at) < OUTDATED && is_older(val, self.recent)
    }

    /// RFC 7323 section 4.3: an acceptable segment that begins at or before what we last acknowledged.
    pub(crate) fn on_segment(&mut self, now: Instant, val: u32, seq: SeqNumber, acked: SeqNumber) {
        if seq.at_or_before(acked) && !self.is_old(now, val) {
            self.recent = val;
            self.recent_at = seconds(now);
        }
    }

    /// How long ago we sent the TSval that is echoed. `None` when it was never ours or lies too far back to mean anything.
    pub(crate) fn round_trip(&self, now: Instant, ecr: u32) -> Option<Duration> {
        let ms = self.value(now).wrapping_sub(ecr);
        (ecr != 0 && self.cookie != Some(ecr) && ms < 1 << 24).then(|| Duration::from_millis(u64::from(ms.max(1))))
    }
}

/// The clock in seconds; it is never 0.
const fn seconds(now: Instant) -> u32 {
    (now.as_millis() / 1000) as u32 + 1
}

/// TSval at `now` for a keyed offset.
pub(crate) const fn value(offset: u32, now: Instant) -> u32 {
    (now.as_millis() as u32).wrapping_add(offset)
}

/// Whether timestamp `a` is older than `b`, going round the circle.
pub(crate) const fn is_older(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paws_table() {
        let now = Instant::ZERO + Duration::from_secs(100);
        let day = Duration::from_secs(24 * 3600);
        for (name, recent, val, later, old) in [
            ("same", 10, 10, Duration::ZERO, false),
            ("newer", 10, 11, Duration::ZERO, false),
            ("older", 10, 9, Duration::ZERO, true),
            ("newer across the end", u32::MAX, 3, Duration::ZERO, false),
            ("older across the end", 3, u32::MAX, Duration::ZERO, true),
            ("older after 23 days", 10, 9, day.times(23), true),
            ("older after 25 days of silence", 10, 9, day.times(25), false),
        ] {
            let ts = Timestamps::with_recent(0, recent, now);
            assert_eq!(ts.is_old(now + later, val), old, "{name}");
        }
        assert!(!Timestamps::new(0).is_old(now, u32::MAX), "nothing noted yet");
    }

    #[test]
    fn recent_is_noted_only_for_what_begins_at_or_before_the_last_ack() {
        let mut ts = Timestamps::with_recent(0, 10, Instant::ZERO);
        let acked = SeqNumber::new(1000);
        ts.on_segment(Instant::ZERO, 12, acked + 1, acked);
        assert_eq!(ts.recent, 10);
        ts.on_segment(Instant::ZERO, 12, acked, acked);
        assert_eq!(ts.recent, 12);
        ts.on_segment(Instant::ZERO, 11, acked, acked);
        assert_eq!(ts.recent, 12);
    }

    #[test]
    fn round_trip_refuses_what_we_never_sent() {
        let ts = Timestamps::new(5);
        let now = Instant::ZERO + Duration::from_millis(70);
        assert_eq!(ts.round_trip(now, 55), Some(Duration::from_millis(20)));
        assert_eq!(ts.round_trip(now, 0), None);
        assert_eq!(ts.round_trip(now, 76), None, "from the future");
    }

    #[test]
    fn the_clock_goes_on_from_a_cookie_which_measures_nothing() {
        for tsval in [0, 1000, u32::MAX] {
            let now = Instant::ZERO + Duration::from_millis(70);
            let ts = Timestamps::after(tsval, 5, now);
            assert!(is_older(tsval, ts.value(now)));
            let later = now + Duration::from_millis(30);
            assert_eq!(ts.round_trip(later, tsval), None);
            let echoed = ts.value(now);
            if echoed != 0 {
                assert_eq!(ts.round_trip(later, echoed), Some(Duration::from_millis(30)));
            }
        }
    }
}
