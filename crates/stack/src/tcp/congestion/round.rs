//! Rounds: from one SND.NXT until its acknowledgment. And how much of the window was used in them.

use wire::seq::SeqNumber;

use super::Acked;
use super::algorithm::Window;

/// The round that runs. Units: bytes.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct Round {
    /// Its acknowledgment ends the round; any does where it is not known.
    end: Option<SeqNumber>,
    /// The most that was in flight in this round.
    peak: u32,
    /// And in the one before.
    peak_before: u32,
}

impl Round {
    pub(super) const fn new(nxt: Option<SeqNumber>, in_flight: u32) -> Self {
        Self {
            end: nxt,
            peak: in_flight,
            peak_before: 0,
        }
    }

    /// Returns whether the round has ended, and another begun.
    pub(super) fn on_ack(&mut self, acked: &Acked) -> bool {
        self.peak = self.peak.max(acked.in_flight);
        if self.end.is_some_and(|end| acked.una.before(end)) {
            return false;
        }
        self.end = Some(acked.nxt);
        self.peak_before = self.peak;
        self.peak = acked.in_flight.saturating_sub(acked.bytes);
        true
    }

    /// Whether the window was the bound, so that it may grow (RFC 9438 section 5.8, RFC 7661): all of it but for what was no
    /// whole segment, or half of it in slow start, which doubles it in the time of a round.
    pub(super) fn was_limited(&self, window: &Window, mss: u32) -> bool {
        is_limit(self.peak.max(self.peak_before), window, mss)
    }

    /// Whether the window was used up but for what was no whole segment.
    pub(super) fn was_full(&self, window: &Window, mss: u32) -> bool {
        is_full(self.peak.max(self.peak_before), window, mss)
    }
}

/// Whether so much in flight is as much as the window lets be.
pub(super) fn is_limit(in_flight: u32, window: &Window, mss: u32) -> bool {
    if window.is_in_slow_start() {
        in_flight.saturating_mul(2) >= window.cwnd
    } else {
        is_full(in_flight, window, mss)
    }
}

fn is_full(in_flight: u32, window: &Window, mss: u32) -> bool {
    in_flight.saturating_add(2 * mss) >= window.cwnd
}
