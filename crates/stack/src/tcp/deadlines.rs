//! The timers of one connection: one deadline per reason. The wheel holds the connection once, at the earliest.

use crate::time::{Duration, Instant};

/// Why a connection wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    /// A tail loss probe is due (RFC 8985 section 7), or what was overtaken has had its time (section 6.2).
    Recover,
    /// Retransmission of SYN, data or FIN (RFC 6298), or the probe of a closed window (RFC 9293 section 3.8.6.1).
    Retransmit,
    /// A delayed acknowledgment is due (RFC 9293 section 3.8.6.3).
    DelayedAck,
    /// Text may leave again (docs/decisions/0009-pacing.md).
    Pacing,
    /// Silence has lasted long enough for a probe (RFC 9293 section 3.8.4).
    KeepAlive,
    /// Data has been unacknowledged for the user timeout (RFC 5482).
    UserTimeout,
    /// The linger time, or the stay in FIN-WAIT-2 of a connection without a user, is over.
    Close,
}

impl Reason {
    pub(crate) const ALL: [Self; 7] = [
        Self::Recover,
        Self::Retransmit,
        Self::DelayedAck,
        Self::Pacing,
        Self::KeepAlive,
        Self::UserTimeout,
        Self::Close,
    ];
}

/// A deadline per reason, or none. Kept as milliseconds modulo 2^32: deadlines lie less than 24 days ahead.
#[derive(Debug, Clone, Copy, Default, Hash)]
pub(crate) struct Deadlines {
    at: [u32; Reason::ALL.len()],
    armed: u8,
}

/// The farthest a deadline may lie ahead; what asks for more comes early, at this: 12 days.
const AHEAD_MAX: Duration = Duration::from_millis(1 << 30);

impl Deadlines {
    /// Wakes the connection `after` from now, rounded up to a millisecond; a running timer is set anew.
    pub(crate) fn arm(&mut self, now: Instant, reason: Reason, after: Duration) {
        if let Some(slot) = self.at.get_mut(reason as usize) {
            *slot = (now + after.min(AHEAD_MAX)).as_nanos().div_ceil(1_000_000) as u32;
            self.armed |= 1 << reason as u8;
        }
    }

    pub(crate) const fn disarm(&mut self, reason: Reason) {
        self.armed &= !(1 << reason as u8);
    }

    pub(crate) const fn disarm_all(&mut self) {
        self.armed = 0;
    }

    pub(crate) const fn is_armed(&self, reason: Reason) -> bool {
        self.armed & (1 << reason as u8) != 0
    }

    /// Disarms one reason that is due, and tells which.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Reason> {
        let due = Reason::ALL
            .into_iter()
            .find(|&r| self.ahead(now, r).is_some_and(|ms| ms <= 0))?;
        self.disarm(due);
        Some(due)
    }

    /// The earliest deadline.
    pub(crate) fn earliest(&self, now: Instant) -> Option<Instant> {
        let ms = Reason::ALL.into_iter().filter_map(|r| self.ahead(now, r)).min()?;
        let at = now.as_millis().saturating_add_signed(i64::from(ms));
        Some(Instant::ZERO + Duration::from_millis(at))
    }

    /// Milliseconds until a reason is due; `None` when it is not armed.
    fn ahead(&self, now: Instant, reason: Reason) -> Option<i32> {
        let at = self.at.get(reason as usize)?;
        self.is_armed(reason)
            .then(|| at.wrapping_sub(now.as_millis() as u32) as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_go_round_the_clock() {
        // 10 ms before the 32-bit count of milliseconds turns over.
        let now = Instant::ZERO + Duration::from_millis((1 << 32) - 10);
        let mut d = Deadlines::default();
        d.arm(now, Reason::KeepAlive, Duration::from_millis(30));
        d.arm(now, Reason::Retransmit, Duration::from_micros(20_001));
        assert_eq!(d.earliest(now), Some(now + Duration::from_millis(21)));
        assert_eq!(d.take_due(now + Duration::from_millis(20)), None);
        assert_eq!(d.take_due(now + Duration::from_millis(21)), Some(Reason::Retransmit));
        assert_eq!(d.take_due(now + Duration::from_millis(29)), None);
        assert_eq!(d.take_due(now + Duration::from_millis(30)), Some(Reason::KeepAlive));
        assert_eq!(d.earliest(now), None);
    }

    #[test]
    fn a_deadline_too_far_ahead_comes_early() {
        let mut d = Deadlines::default();
        d.arm(Instant::ZERO, Reason::UserTimeout, Duration::from_secs(u64::MAX));
        assert_eq!(d.earliest(Instant::ZERO), Some(Instant::ZERO + AHEAD_MAX));
    }
}
