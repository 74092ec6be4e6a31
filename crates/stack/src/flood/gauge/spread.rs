//! How many different sources were seen: linear counting, in a map of a fixed size.
//!
//! Each source sets one bit, chosen by its keyed hash; from the share of bits still clear follows how many different
//! sources it took. Read first: Whang, Vander-Zanden and Taylor, "A linear-time probabilistic counting algorithm for
//! database applications" (1990).

/// The words of the map.
const WORDS: usize = 16;

/// The bits of the map.
const BITS: u32 = WORDS as u32 * u64::BITS;

/// The natural logarithm of 2. Units: 1/65,536.
const LN_2: u64 = 45_426;

/// A count of different sources.
///
/// Bounds: right to about 2 % (one standard deviation) up to 1,000 sources and 5 % at 3,000; the largest estimate is
/// [`Spread::FULL`], which stands for that many or more.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread {
    bits: [u64; WORDS],
}

impl Spread {
    /// What [`estimate`](Self::estimate) says when no bit is clear: 1,024 x ln 1,024.
    #[cfg(test)]
    pub(super) const FULL: u32 = 7_098;

    /// A source was seen; seeing it again changes nothing.
    pub(super) fn insert(&mut self, source_hash: u64) {
        let word = (source_hash >> 6) as usize % WORDS;
        if let Some(word) = self.bits.get_mut(word) {
            *word |= 1 << (source_hash % 64);
        }
    }

    /// About how many different sources were seen.
    pub(super) fn estimate(&self) -> u32 {
        let clear: u32 = self.bits.iter().map(|word| word.count_zeros()).sum();
        let ratio = u64::from(log2(BITS) - log2(clear.max(1)));
        ((ratio * LN_2 * u64::from(BITS) + (1 << 31)) >> 32) as u32
    }
}

/// The logarithm to the base 2, rounded down. Units: 1/65,536. Bounds: 0 for 0.
fn log2(n: u32) -> u32 {
    let Some(whole) = n.checked_ilog2() else { return 0 };
    // The mantissa, in [1, 2), with 31 bits after the point. Squaring doubles its logarithm, whose next bit is then
    // whether the square reached 2.
    let mut mantissa = u64::from(n) << (31 - whole);
    let mut log = whole;
    for _ in 0..16 {
        mantissa = (mantissa * mantissa) >> 31;
        log <<= 1;
        if mantissa >> 32 != 0 {
            mantissa >>= 1;
            log |= 1;
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flood::gauge::tests::Chance;

    #[test]
    fn logarithms_are_right_to_their_last_bit() {
        for n in (1..=BITS).chain([65_535, 65_537, u32::MAX]) {
            let exact = f64::from(n).log2() * 65_536.0;
            assert!((f64::from(log2(n)) - exact).abs() < 1.5, "{n}: {} for {exact}", log2(n));
        }
        assert_eq!(log2(0), 0);
    }

    #[test]
    fn estimates_stay_within_their_error() {
        for (sources, percent) in [(0, 0), (1, 0), (10, 10), (32, 10), (100, 6), (1_000, 8), (3_000, 16)] {
            for seed in 1..=20 {
                let mut chance = Chance::new(seed);
                let mut spread = Spread::default();
                for _ in 0..sources {
                    let source = chance.next();
                    spread.insert(source);
                    spread.insert(source);
                }
                let off = spread.estimate().abs_diff(sources);
                assert!(
                    off * 100 <= sources * percent,
                    "{sources} sources, seed {seed}: {}",
                    spread.estimate()
                );
            }
        }
    }

    #[test]
    fn the_error_stated_is_the_error_met() {
        for (sources, percent) in [(1_000_u32, 3.0), (3_000, 5.5)] {
            let mut squares = 0.0;
            for seed in 1..=200 {
                let mut chance = Chance::new(seed);
                let mut spread = Spread::default();
                (0..sources).for_each(|_| spread.insert(chance.next()));
                squares += (f64::from(spread.estimate()) / f64::from(sources) - 1.0).powi(2);
            }
            let deviation = (squares / 200.0).sqrt() * 100.0;
            assert!(deviation < percent, "{sources} sources: {deviation} %");
        }
    }

    #[test]
    fn a_full_map_says_its_largest_number() {
        let mut chance = Chance::new(1);
        let mut spread = Spread::default();
        (0..100_000).for_each(|_| spread.insert(chance.next()));
        assert_eq!(spread.estimate(), Spread::FULL);
    }
}
