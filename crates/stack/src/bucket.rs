//! A token bucket: so many per second, and at most a burst at once. Exact in integers.

use crate::time::Instant;

/// A budget that fills with time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenBucket {
    /// Units: tokens per second.
    rate: u32,
    /// Units: tokens.
    burst: u32,
    /// What is there now. Units: tokens times 10^9, so that a nanosecond adds `rate`. Bounds: `burst` times 10^9.
    level: u64,
    filled: Instant,
}

/// Units of `level`.
const TOKEN: u64 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket. A rate of 0 never fills it again; a burst of 0 never gives a token.
    pub(crate) const fn new(rate: u32, burst: u32) -> Self {
        Self {
            rate,
            burst,
            level: burst as u64 * TOKEN,
            filled: Instant::ZERO,
        }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                true
            }
            None => false,
        }
    }

    /// Whether there is a token.
    pub(crate) fn has(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.level >= TOKEN
    }

    /// A clock that goes back adds nothing, and nothing twice afterwards.
    fn fill(&mut self, now: Instant) {
        let added = u128::from(now.since(self.filled).as_nanos()) * u128::from(self.rate);
        let full = u64::from(self.burst) * TOKEN;
        let level = u128::from(self.level) + added;
        self.level = u64::try_from(level).unwrap_or(full).min(full);
        self.filled = self.filled.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Duration;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn taken(bucket: &mut TokenBucket, now: Instant) -> usize {
        (0..100).take_while(|_| bucket.take(now)).count()
    }

    #[test]
    fn gives_a_burst_and_then_its_rate() {
        for (name, rate, burst, waits, expected) in [
            ("full at birth", 10, 5, 0, 5),
            ("one token takes a tenth", 10, 5, 100_000_000, 1),
            ("and not a nanosecond less", 10, 5, 99_999_999, 0),
            ("never above the burst", 10, 5, 3_600_000_000_000, 5),
            ("the longest idle time there is", u32::MAX, 7, u64::MAX, 7),
            ("a third of a second, rounded up", 3, 5, 333_333_334, 1),
            ("a third of a second, rounded down", 3, 5, 333_333_333, 0),
            ("no rate", 0, 5, u64::MAX, 0),
            ("no burst", 10, 0, u64::MAX, 0),
        ] {
            let mut bucket = TokenBucket::new(rate, burst);
            let first = taken(&mut bucket, Instant::ZERO);
            assert_eq!(first, burst as usize, "{name}");
            if waits > 0 {
                assert_eq!(taken(&mut bucket, at(waits)), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_twice() {
        let mut bucket = TokenBucket::new(1, 1);
        assert!(bucket.take(at(5 * TOKEN)));
        assert!(!bucket.take(at(2 * TOKEN)));
        assert!(!bucket.take(at(5 * TOKEN)));
        assert!(bucket.take(at(6 * TOKEN)));
    }

    proptest! {
        #[test]
        fn never_gives_more_than_burst_plus_rate_times_time(
            rate in 1u32..5000,
            burst in 1u32..50,
            steps in prop::collection::vec(0u64..50_000_000, 1..200),
        ) {
            let mut bucket = TokenBucket::new(rate, burst);
            let (mut now, mut given) = (Instant::ZERO, 0u128);
            for step in steps {
                now += Duration::from_nanos(step);
                given += u128::from(bucket.take(now));
                let allowed = u128::from(burst) + u128::from(now.as_nanos()) * u128::from(rate) / u128::from(TOKEN);
                prop_assert!(given <= allowed);
            }
        }
    }
}
