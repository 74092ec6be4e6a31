//! TCP sequence numbers: a circle, not a line (RFC 9293 section 3.4).

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A sequence number. It has no order, so there is no `Ord`: ask [`before`](Self::before) and [`after`](Self::after).
///
/// Spec: RFC 9293 section 3.4. Arithmetic is modulo 2^32 and never panics.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNumber(u32);

impl SeqNumber {
    /// The number with this value on the wire.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The value on the wire.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether `self` comes before `other`: less than half the circle separates them.
    pub const fn before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// Whether `self` comes after `other`.
    pub const fn after(self, other: Self) -> bool {
        other.before(self)
    }

    /// `before` or equal.
    pub const fn at_or_before(self, other: Self) -> bool {
        !self.after(other)
    }

    /// `after` or equal.
    pub const fn at_or_after(self, other: Self) -> bool {
        !self.before(other)
    }

    /// How far `self` lies past `earlier`, going round the circle. Units: bytes of sequence space.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The later of two.
    pub const fn later(self, other: Self) -> Self {
        if self.before(other) { other } else { self }
    }

    /// The earlier of two.
    pub const fn earlier(self, other: Self) -> Self {
        if self.after(other) { other } else { self }
    }

    /// Whether `self` lies in `[start, start + len)`.
    pub const fn within(self, start: Self, len: u32) -> bool {
        self.since(start) < len
    }
}

impl Add<u32> for SeqNumber {
    type Output = Self;
    fn add(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }
}

impl AddAssign<u32> for SeqNumber {
    fn add_assign(&mut self, n: u32) {
        *self = *self + n;
    }
}

impl Sub<u32> for SeqNumber {
    type Output = Self;
    fn sub(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }
}

impl fmt::Debug for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seq(value: u32) -> SeqNumber {
        SeqNumber::new(value)
    }

    #[test]
    fn order_goes_round_the_circle() {
        const HALF: u32 = 1 << 31;
        #[rustfmt::skip]
        let rows = [
            // name                          a             b             before  after
            ("equal",                        7,            7,            false,  false),
            ("next",                         7,            8,            true,   false),
            ("across the wrap",              u32::MAX,     0,            true,   false),
            ("far across the wrap",          u32::MAX - 9, 1_000_000,    true,   false),
            ("a window below the wrap",      0xc000_0000,  0x3fff_ffff,  true,   false),
            ("one less than half, ahead",    5,            5 + HALF - 1, true,   false),
            ("one more than half, ahead",    5,            5 + HALF + 1, false,  true),
            ("0 and the last before half",   0,            HALF - 1,     true,   false),
        ];
        for (name, a, b, before, after) in rows {
            let (a, b) = (seq(a), seq(b));
            assert_eq!((a.before(b), a.after(b)), (before, after), "{name}");
            assert_eq!(
                (b.before(a), b.after(a)),
                (after, before),
                "{name}, seen from the other end"
            );
            assert_eq!(
                (a.at_or_before(b), a.at_or_after(b)),
                (!after, !before),
                "{name}, or equal"
            );
        }
    }

    #[test]
    fn exactly_half_the_circle_apart_each_is_before_the_other() {
        let (a, b) = (seq(5), seq(5 + (1 << 31)));
        assert!(
            a.before(b) && b.before(a),
            "RFC 1982: undefined; no window is that wide, so nothing hangs on it"
        );
    }

    #[test]
    fn membership_of_an_interval() {
        #[rustfmt::skip]
        let rows = [
            // name                    n             start         len   within
            ("first",                  10,           10,           5,    true),
            ("last",                   14,           10,           5,    true),
            ("one past",               15,           10,           5,    false),
            ("one short",              9,            10,           5,    false),
            ("of nothing",             10,           10,           0,    false),
            ("before the wrap",        u32::MAX,     u32::MAX - 1, 4,    true),
            ("after the wrap",         1,            u32::MAX - 1, 4,    true),
            ("one past the wrap",      2,            u32::MAX - 1, 4,    false),
        ];
        for (name, n, start, len, within) in rows {
            assert_eq!(seq(n).within(seq(start), len), within, "{name}");
        }
    }

    proptest! {
        #[test]
        fn adding_then_subtracting_is_nothing(a: u32, n: u32) {
            prop_assert_eq!(seq(a) + n - n, seq(a));
            prop_assert_eq!((seq(a) + n).since(seq(a)), n);
        }

        #[test]
        fn adding_less_than_half_goes_forward(a: u32, n in 1u32..1 << 31) {
            let b = seq(a) + n;
            prop_assert!(seq(a).before(b) && b.after(seq(a)));
            prop_assert_eq!(seq(a).later(b), b);
            prop_assert_eq!(b.later(seq(a)), b);
            prop_assert_eq!(seq(a).earlier(b), seq(a));
            prop_assert_eq!(b.earlier(seq(a)), seq(a));
        }

        #[test]
        fn order_does_not_depend_on_where_zero_lies(a: u32, b: u32, shift: u32) {
            prop_assert_eq!(seq(a).before(seq(b)), (seq(a) + shift).before(seq(b) + shift));
        }

        #[test]
        fn within_is_two_comparisons_when_less_than_half_is_asked_for(
            n: u32, start: u32, len in 0u32..1 << 31,
        ) {
            let (n, start) = (seq(n), seq(start));
            let by_comparison = n.at_or_after(start) && n.before(start + len);
            // At exactly half the circle from `start` comparison is undefined; membership is not.
            prop_assume!(n.since(start) != 1 << 31 && n.since(start + len) != 1 << 31);
            prop_assert_eq!(n.within(start, len), by_comparison);
        }

        #[test]
        fn at_or_before_holds_one_way_or_the_other(a: u32, b: u32) {
            prop_assert!(seq(a).at_or_before(seq(b)) || seq(b).at_or_before(seq(a)) || a ^ b == 1 << 31);
        }
    }
}
