//! A rate, and the arithmetic by which one 32-bit word keeps a token bucket of it.
//!
//! The word is the theoretical arrival time (TAT) of the generic cell rate algorithm: each token taken moves it one interval
//! on, and a bucket is empty when its TAT is a whole burst ahead of now. A TAT that is past means a full bucket, so that
//! nothing has to be refilled. Read first: ITU-T I.371 annex A, "virtual scheduling algorithm".

use core::sync::atomic::{AtomicU64, Ordering};

use crate::time::{Duration, Instant};

/// So many per second, and at most a burst at once.
///
/// With 0 in either field nothing at all passes: what has no limit is configured as `None` where a rate is optional.
/// Intervals are rounded up, so that what passes is at most the rate, and at least 99 % of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Units: per second. Bounds: at most [`PER_S_MAX`](Self::PER_S_MAX); more is clamped.
    pub per_s: u32,
    /// Bounds: at most [`BURST_MAX`](Self::BURST_MAX); more is clamped.
    pub burst: u32,
}

impl Rate {
    /// The greatest rate: beyond it a nanosecond is too coarse for 99 %.
    pub const PER_S_MAX: u32 = 10_000_000;
    /// The greatest burst: beyond it a tick is too coarse for 99 %.
    pub const BURST_MAX: u32 = 1 << 16;

    /// A rate with its burst.
    pub const fn new(per_s: u32, burst: u32) -> Self {
        Self { per_s, burst }
    }
}

/// A rate, made ready: in ticks of a power of two nanoseconds that suits it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// A tick is 2^`shift` ns: the finest for which a burst takes at most 2^24 ticks.
    shift: u32,
    /// From one token to the next. Units: ticks.
    interval: u32,
    /// How far ahead of now a TAT may be: the time that a whole burst takes. Units: ticks. Bounds: at most 2^24.
    horizon: u32,
}

/// The most ticks that a burst takes.
const HORIZON_MAX: u64 = 1 << 24;

/// Least time between two dead words' being brought up to date, well within half the range of a word. Units: ticks.
const REFRESH_EVERY: u64 = 1 << 30;

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        let per_s = rate.per_s.min(Rate::PER_S_MAX);
        let burst = rate.burst.min(Rate::BURST_MAX);
        (0..u32::BITS)
            .find_map(|shift| Self::in_ticks(per_s, burst, shift))
            .unwrap_or(Self::NOTHING)
    }

    /// No token, ever.
    const NOTHING: Self = Self {
        shift: 0,
        interval: 1,
        horizon: 0,
    };

    /// The pace in ticks of 2^`shift` ns, if a burst is short enough in them.
    fn in_ticks(per_s: u32, burst: u32, shift: u32) -> Option<Self> {
        if per_s == 0 {
            return None;
        }
        let interval = 1_000_000_000_u64.div_ceil(u64::from(per_s) << shift);
        let horizon = interval * u64::from(burst);
        (horizon <= HORIZON_MAX).then_some(Self {
            shift,
            interval: interval as u32,
            horizon: horizon as u32,
        })
    }

    /// The time as words keep it. It wraps around; [`Refresh`] sees to it that no word is read after half a turn.
    pub(crate) fn ticks(&self, now: Instant) -> u32 {
        (now.as_nanos() >> self.shift) as u32
    }

    /// How far the word is ahead of now; 0 when it is past. Units: ticks.
    pub(crate) const fn ahead(tat: u32, ticks: u32) -> u32 {
        let ahead = tat.wrapping_sub(ticks).cast_signed();
        if ahead > 0 { ahead.cast_unsigned() } else { 0 }
    }

    /// Takes a token from a bucket that is so far ahead: where it is then, or `None` when there is no token.
    pub(crate) fn take(&self, ahead: u32) -> Option<u32> {
        let after = ahead.saturating_add(self.interval);
        (after <= self.horizon).then_some(after)
    }

    /// Between two refreshes.
    const fn refresh_every(&self) -> Duration {
        Duration::from_nanos(REFRESH_EVERY << self.shift)
    }

    /// In how long every bucket is full, whatever was taken.
    pub(crate) const fn burst_time(&self) -> Duration {
        Duration::from_nanos((self.horizon as u64) << self.shift)
    }
}

/// When words must be brought up to date, so that none is read from the wrong side of a wrap-around: a word that is past is
/// set to now, which means the same.
///
/// Who keeps words asks [`due`](Self::due) before each use. The cost is a comparison, and one pass over the words for every
/// 2^30 ticks in which they are used at all.
#[derive(Debug)]
pub(crate) struct Refresh {
    every: Duration,
    /// Units: nanoseconds of the clock.
    last: AtomicU64,
}

impl Clone for Refresh {
    fn clone(&self) -> Self {
        Self {
            every: self.every,
            last: AtomicU64::new(self.last.load(Ordering::Relaxed)),
        }
    }
}

impl Refresh {
    /// For words of `pace` that are all written at `now`, to be looked over at least as often as `at_least`.
    pub(crate) fn new(now: Instant, pace: &Pace, at_least: Duration) -> Self {
        Self {
            every: pace.refresh_every().min(at_least),
            last: AtomicU64::new(now.as_nanos()),
        }
    }

    /// Whether it is due; whoever asks does it, and of several shards that ask, one. Says for how long at least no word has been used: longer than a burst takes,
    /// and all of them are past, and may be so far past that they look otherwise.
    pub(crate) fn due(&self, now: Instant) -> Option<Duration> {
        let last = self.last.load(Ordering::Relaxed);
        let elapsed = now.since(Instant::from_nanos(last));
        if elapsed < self.every {
            return None;
        }
        let won = (self.last).compare_exchange(last, now.as_nanos(), Ordering::Relaxed, Ordering::Relaxed);
        won.ok().map(|_| elapsed - self.every)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rate_becomes_ticks_that_lose_less_than_a_hundredth() {
        for (name, per_s, burst, shift) in [
            ("one a second", 1, 1, 6),
            ("the slowest with the greatest burst", 1, Rate::BURST_MAX, 22),
            ("an address's default", 100, 200, 7),
            ("a prefix's default", 1_000, 2_000, 7),
            ("a proven source's default", 10_000, 10_000, 6),
            ("fast, one at a time", 1_000_000, 1, 0),
            ("the fastest", Rate::PER_S_MAX, Rate::BURST_MAX, 0),
            ("beyond the bounds", u32::MAX, u32::MAX, 0),
        ] {
            let pace = Pace::new(Rate::new(per_s, burst));
            assert_eq!(pace.shift, shift, "{name}");
            let (exact, kept) = (
                1e9 / f64::from(per_s.min(Rate::PER_S_MAX)),
                f64::from(pace.interval) * f64::from(1 << pace.shift),
            );
            assert!(kept >= exact && kept * 0.99 <= exact, "{name}: {kept} for {exact} ns");
            assert!(u64::from(pace.horizon) <= HORIZON_MAX, "{name}");
        }
    }

    #[test]
    fn nothing_passes_at_a_rate_of_nothing() {
        for (name, per_s, burst) in [("no rate", 0, 5), ("no burst", 5, 0), ("neither", 0, 0)] {
            assert_eq!(Pace::new(Rate::new(per_s, burst)).take(0), None, "{name}");
        }
    }

    #[test]
    fn a_word_ahead_counts_across_the_wrap() {
        for (name, tat, ticks, ahead) in [
            ("now", 7, 7, 0),
            ("past", 5, 7, 0),
            ("ahead", 9, 7, 2),
            ("past, across the wrap", u32::MAX, 1, 0),
            ("ahead, across the wrap", 1, u32::MAX, 2),
            ("as far past as words get", 0, 1 << 30, 0),
        ] {
            assert_eq!(Pace::ahead(tat, ticks), ahead, "{name}");
        }
    }

    #[test]
    fn a_refresh_is_due_before_half_a_turn() {
        let pace = Pace::new(Rate::new(100, 200));
        let (every, burst) = (pace.refresh_every(), pace.burst_time());
        assert!(burst >= Duration::from_secs(2) && burst < Duration::from_millis(2_001));
        let nano = Duration::from_nanos(1);
        for (name, later, due) in [
            ("at once", Duration::ZERO, None),
            ("a nanosecond early", every - nano, None),
            ("in time", every, Some(Duration::ZERO)),
            ("late by a burst", every + burst, Some(burst)),
        ] {
            let refresh = Refresh::new(Instant::ZERO, &pace, Duration::from_secs(3600));
            assert_eq!(refresh.due(Instant::ZERO + later), due, "{name}");
            assert_eq!(refresh.due(Instant::ZERO + later), None, "{name}, again");
        }
    }

    proptest! {
        #[test]
        fn every_rate_is_kept_to_a_hundredth(per_s in 1..=Rate::PER_S_MAX, burst in 1..=Rate::BURST_MAX) {
            let pace = Pace::new(Rate::new(per_s, burst));
            let interval = u128::from(pace.interval) << pace.shift;
            prop_assert!(interval * u128::from(per_s) >= 1_000_000_000);
            prop_assert!(interval * u128::from(per_s) * 99 <= 100_000_000_000);
            prop_assert_eq!(u64::from(pace.horizon), u64::from(pace.interval) * u64::from(burst));
        }
    }
}
