//! HyStart++ (RFC 9406): slow start ends where round trips grow longer, before a queue overflows.
//!
//! ```text
//!                 round trips longer than the last round's            five rounds of it
//!   slow start ───────────────────────────────────────▶ conservative ──────────────────▶ congestion avoidance
//!              ◀─────────────────────────────────────── slow start
//!                 shorter again: it was no queue
//! ```
//!
//! It watches the first slow start alone: later ones know where to end (section 4.3).

use crate::time::Duration;

/// Section 4.3. The bounds of what counts as longer.
const MIN_RTT_THRESH: u32 = 4_000;
const MAX_RTT_THRESH: u32 = 16_000;
const MIN_RTT_DIVISOR: u32 = 8;
/// Samples in a round before it is judged.
const N_RTT_SAMPLE: u8 = 8;
/// How much slower the window grows in conservative slow start.
const CSS_GROWTH_DIVISOR: u32 = 4;
/// Rounds of conservative slow start.
const CSS_ROUNDS: u8 = 5;
/// Of a round without a sample.
const NONE: u32 = u32::MAX;

/// What an acknowledgment in slow start does to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// Slow start, and conservative slow start: it grows by so much. Units: bytes.
    By(u32),
    /// Slow start is over.
    Over,
}

/// The rounds of one connection. Units: microseconds.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct HyStart {
    current_round_min: u32,
    last_round_min: u32,
    /// `NONE` outside of conservative slow start.
    css_baseline_min: u32,
    samples: u8,
    css_rounds: u8,
}

impl HyStart {
    pub(super) const fn new() -> Self {
        Self {
            current_round_min: NONE,
            last_round_min: NONE,
            css_baseline_min: NONE,
            samples: 0,
            css_rounds: 0,
        }
    }

    /// Whether it has learned anything that a new one would not know within a round.
    pub(super) const fn is_conservative(&self) -> bool {
        self.css_baseline_min != NONE
    }

    /// `bytes` were acknowledged in the first slow start. `new_round`: with them the round ended that began with SND.NXT of then.
    pub(super) fn on_ack(&mut self, bytes: u32, rtt: Option<Duration>, new_round: bool) -> Growth {
        if let Some(rtt) = rtt {
            let sample = u32::try_from(rtt.as_micros()).unwrap_or(NONE - 1);
            self.current_round_min = self.current_round_min.min(sample);
            self.samples = self.samples.saturating_add(1);
        }
        self.judge();
        let growth = if !self.is_conservative() {
            Growth::By(bytes)
        } else if new_round && self.css_rounds + 1 >= CSS_ROUNDS {
            Growth::Over
        } else {
            Growth::By(bytes / CSS_GROWTH_DIVISOR)
        };
        if new_round {
            self.css_rounds = if self.is_conservative() { self.css_rounds + 1 } else { 0 };
            self.last_round_min = self.current_round_min;
            self.current_round_min = NONE;
            self.samples = 0;
        }
        growth
    }

    /// Section 4.2: into conservative slow start and out of it.
    fn judge(&mut self) {
        if self.samples < N_RTT_SAMPLE || self.current_round_min == NONE {
            return;
        }
        if self.is_conservative() {
            if self.current_round_min < self.css_baseline_min {
                self.css_baseline_min = NONE;
                self.css_rounds = 0;
            }
        } else if self.last_round_min != NONE {
            let threshold = (self.last_round_min / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
            if self.current_round_min >= self.last_round_min.saturating_add(threshold) {
                self.css_baseline_min = self.current_round_min;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round of `n` acknowledgments, the last of which ends it.
    fn round(h: &mut HyStart, ms: u64, n: u32) -> Vec<Growth> {
        (1..=n)
            .map(|i| h.on_ack(1000, Some(Duration::from_millis(ms)), i == n))
            .collect()
    }

    use alloc::vec::Vec;

    #[test]
    fn level_round_trips_leave_slow_start_alone() {
        let mut h = HyStart::new();
        for _ in 0..20 {
            assert!(round(&mut h, 50, 10).iter().all(|&g| g == Growth::By(1000)));
        }
    }

    #[test]
    fn longer_round_trips_slow_it_down_for_five_rounds() {
        let mut h = HyStart::new();
        round(&mut h, 40, 10);
        // An eighth of 40 ms is 5 ms.
        assert!(round(&mut h, 44, 10).iter().all(|&g| g == Growth::By(1000)));
        let longer = round(&mut h, 50, 10);
        assert_eq!(longer[6], Growth::By(1000), "seven samples are too few");
        assert_eq!(longer[7], Growth::By(250));
        for r in 2..=4 {
            assert!(round(&mut h, 50, 10).iter().all(|&g| g == Growth::By(250)), "round {r}");
        }
        let last = round(&mut h, 50, 10);
        assert_eq!((last[8], last[9]), (Growth::By(250), Growth::Over));
    }

    #[test]
    fn shorter_again_resumes_slow_start() {
        let mut h = HyStart::new();
        round(&mut h, 40, 10);
        assert_eq!(round(&mut h, 60, 10)[9], Growth::By(250));
        let shorter = round(&mut h, 41, 10);
        assert_eq!((shorter[6], shorter[7]), (Growth::By(250), Growth::By(1000)));
    }

    #[test]
    fn threshold_table() {
        for (name, last, current, slows) in [
            ("an eighth, but at least 4 ms: below", 8, 11, false),
            ("an eighth, but at least 4 ms: at", 8, 12, true),
            ("an eighth: below", 80, 89, false),
            ("an eighth: at", 80, 90, true),
            ("an eighth, but at most 16 ms: below", 400, 415, false),
            ("an eighth, but at most 16 ms: at", 400, 416, true),
        ] {
            let mut h = HyStart::new();
            round(&mut h, last, 8);
            assert_eq!(round(&mut h, current, 8)[7] == Growth::By(250), slows, "{name}");
        }
    }

    #[test]
    fn a_round_without_samples_is_no_measure() {
        let mut h = HyStart::new();
        round(&mut h, 40, 10);
        h.on_ack(1000, None, true);
        assert!(round(&mut h, 90, 10).iter().all(|&g| g == Growth::By(1000)));
    }
}
