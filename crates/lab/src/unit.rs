//! Figures as people write them: `1.5s`, `2%`, `64k`, `100mbit`, `1..`.
//!
//! Each is read from text and says, when it cannot be read, what was wrong and what would work. No floating point: the
//! same text gives the same number everywhere.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use stack::Duration;

/// Text that is not the figure it should be. Its message ends with an example that works.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: write {example}")]
pub struct NotAFigure {
    text: String,
    what: &'static str,
    example: &'static str,
}

impl NotAFigure {
    fn new(text: &str, what: &'static str, example: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            what,
            example,
        }
    }
}

/// A decimal number as thousandths of a thousandth, and the unit that follows it.
///
/// Bounds: at most six digits after the point are read; more are refused, as they would be lost.
fn micro_number(text: &str) -> Option<(u128, &str)> {
    let text = text.trim();
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 15 || fraction.len() > 6 || number.ends_with('.') {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let fraction: u128 = format!("{fraction:0<6}").parse().ok()?;
    Some((whole * 1_000_000 + fraction, unit.trim()))
}

/// A span of time: `1.5s`, `20ms`, `7us`, `2m`, `1h`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = NotAFigure;

    fn from_str(text: &str) -> Result<Self, NotAFigure> {
        let refuse = || NotAFigure::new(text, "time", "a number and a unit, like 1.5s, 20ms, 7us, 2m or 1h");
        let (micros, unit) = micro_number(text).ok_or_else(refuse)?;
        let unit_nanos: u128 = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" if micros == 0 => 1,
            _ => return Err(refuse()),
        };
        let nanos = u64::try_from(micros * unit_nanos / 1_000_000).map_err(|_| refuse())?;
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// A probability: `2%`, `0.1%`, `0`. Units: parts per million. Bounds: 0 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Chance(pub u32);

impl Chance {
    /// Certainty.
    pub const CERTAIN: Self = Self(1_000_000);
}

impl FromStr for Chance {
    type Err = NotAFigure;

    fn from_str(text: &str) -> Result<Self, NotAFigure> {
        let refuse = || NotAFigure::new(text, "probability", "a share from 0% to 100%, like 2% or 0.1%");
        let (micros, unit) = micro_number(text).ok_or_else(refuse)?;
        if unit != "%" && !(unit.is_empty() && micros == 0) {
            return Err(refuse());
        }
        // A percent is 10,000 parts per million; a finer share than one part would be lost without a word.
        if micros % 100 != 0 {
            return Err(refuse());
        }
        let parts = u32::try_from(micros / 100).map_err(|_| refuse())?;
        if parts > Self::CERTAIN.0 {
            return Err(refuse());
        }
        Ok(Self(parts))
    }
}

/// A number of bytes: `1500`, `64k`, `1M`, `1.5M`. k, M and G are powers of 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = NotAFigure;

    fn from_str(text: &str) -> Result<Self, NotAFigure> {
        let refuse = || NotAFigure::new(text, "size", "a number of bytes, like 1500, 64k or 1M");
        let (micros, unit) = micro_number(text).ok_or_else(refuse)?;
        let unit_bytes: u128 = match unit {
            "" | "B" => 1,
            "k" | "K" | "KiB" => 1 << 10,
            "M" | "MiB" => 1 << 20,
            "G" | "GiB" => 1 << 30,
            _ => return Err(refuse()),
        };
        let product = micros * unit_bytes;
        if !product.is_multiple_of(1_000_000) {
            return Err(refuse());
        }
        u64::try_from(product / 1_000_000).map(Self).map_err(|_| refuse())
    }
}

/// A speed of a link: `100mbit`, `64kbit`, `1gbit`. Units: bits per second, k, m and g being powers of 1,000.
/// Bounds: at least one bit per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

impl FromStr for Rate {
    type Err = NotAFigure;

    fn from_str(text: &str) -> Result<Self, NotAFigure> {
        let refuse = || NotAFigure::new(text, "rate", "bits per second, like 100mbit, 64kbit or 1gbit");
        let (micros, unit) = micro_number(text).ok_or_else(refuse)?;
        let unit_bits: u128 = match unit {
            "bit" => 1,
            "kbit" => 1_000,
            "mbit" => 1_000_000,
            "gbit" => 1_000_000_000,
            _ => return Err(refuse()),
        };
        match u64::try_from(micros * unit_bits / 1_000_000) {
            Ok(rate) if rate > 0 => Ok(Self(rate)),
            _ => Err(refuse()),
        }
    }
}

/// How many: `3` (exactly), `"1.."` (at least), `"..=5"` (at most), `"2..=4"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    least: u64,
    most: Option<u64>,
}

impl Count {
    /// Exactly `n`.
    pub const fn exactly(n: u64) -> Self {
        Self {
            least: n,
            most: Some(n),
        }
    }

    /// Whether `n` is one of them.
    pub fn holds(self, n: u64) -> bool {
        (
            Bound::Included(self.least),
            self.most.map_or(Bound::Unbounded, Bound::Included),
        )
            .contains(&n)
    }
}

impl FromStr for Count {
    type Err = NotAFigure;

    fn from_str(text: &str) -> Result<Self, NotAFigure> {
        let refuse = || {
            NotAFigure::new(
                text,
                "count",
                "3 for exactly three, \"1..\" for at least one or \"2..=4\"",
            )
        };
        let number = |part: &str| part.trim().parse::<u64>().map_err(|_| refuse());
        let Some((least, most)) = text.split_once("..") else {
            return number(text).map(Self::exactly);
        };
        let least = if least.trim().is_empty() { 0 } else { number(least)? };
        let most = match most.strip_prefix('=') {
            Some(most) => Some(number(most)?),
            None if most.trim().is_empty() => None,
            None => return Err(refuse()),
        };
        if most.is_some_and(|most| most < least) {
            return Err(refuse());
        }
        Ok(Self { least, most })
    }
}

/// As it is written: `3`, `1..`, `2..=4`.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) if most == self.least => write!(f, "{most}"),
            Some(most) => write!(f, "{}..={most}", self.least),
            None => write!(f, "{}..", self.least),
        }
    }
}

/// Reads a figure from a string, or from a bare integer where that says all.
struct Figure<T> {
    what: &'static str,
    of_integer: fn(u64) -> Option<T>,
}

impl<T: FromStr<Err = NotAFigure>> Visitor<'_> for Figure<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<T, E> {
        u64::try_from(n)
            .ok()
            .and_then(self.of_integer)
            .ok_or_else(|| E::invalid_type(de::Unexpected::Signed(n), &self))
    }
}

macro_rules! read_from_toml {
    ($($name:ident, $what:literal, $of_integer:expr;)+) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Figure { what: $what, of_integer: $of_integer })
            }
        })+
    };
}

read_from_toml! {
    Time, "a time in quotes, like \"1.5s\" or \"20ms\"", |_| None;
    Chance, "a share in quotes, like \"2%\"", |n| (n == 0).then_some(Chance(0));
    Size, "a number of bytes, like 1500 or \"64k\"", |n| Some(Size(n));
    Rate, "a rate in quotes, like \"100mbit\"", |_| None;
    Count, "a count, like 3 or \"1..\"", |n| Some(Count::exactly(n));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, nanos) in [
            ("1.5s", 1_500_000_000),
            ("20ms", 20_000_000),
            ("7us", 7_000),
            ("3ns", 3),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("0", 0),
            (" 0.000001s ", 1_000),
        ] {
            assert_eq!(text.parse(), Ok(Time(Duration::from_nanos(nanos))), "{text}");
        }
        for text in [
            "",
            "s",
            "5",
            "1.s",
            "-1s",
            "1.1234567s",
            "9999999999h",
            "1 fortnight",
            "1s2",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn chances_are_read() {
        for (text, parts) in [
            ("2%", 20_000),
            ("0.1%", 1_000),
            ("0", 0),
            ("100%", 1_000_000),
            ("0.0001%", 1),
        ] {
            assert_eq!(text.parse(), Ok(Chance(parts)), "{text}");
        }
        for text in ["2", "101%", "0.00001%", "two%", "%"] {
            assert!(text.parse::<Chance>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_and_rates_are_read() {
        for (text, bytes) in [
            ("1500", 1500),
            ("64k", 65_536),
            ("1M", 1 << 20),
            ("1.5M", 3 << 19),
            ("1G", 1 << 30),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["0.3", "64q", "k"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        for (text, bits) in [
            ("100mbit", 100_000_000),
            ("1.5kbit", 1_500),
            ("1gbit", 1_000_000_000),
            ("8bit", 8),
        ] {
            assert_eq!(text.parse(), Ok(Rate(bits)), "{text}");
        }
        for text in ["100", "0mbit", "mbit", "0.1bit"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_read_and_hold() {
        for (text, inside, outside) in [
            ("3", vec![3], vec![2, 4]),
            ("1..", vec![1, u64::MAX], vec![0]),
            ("..=5", vec![0, 5], vec![6]),
            ("2..=4", vec![2, 4], vec![1, 5]),
        ] {
            let count: Count = text.parse().unwrap();
            assert!(inside.iter().all(|&n| count.holds(n)), "{text}");
            assert!(!outside.iter().any(|&n| count.holds(n)), "{text}");
        }
        for text in ["", "4..=2", "1..3", "many"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
        assert_eq!(Count::from_str("..=5").unwrap().to_string(), "0..=5");
    }

    #[test]
    fn a_refusal_says_what_works() {
        let error = "5".parse::<Time>().unwrap_err().to_string();
        insta::assert_snapshot!(error, @"`5` is no time: write a number and a unit, like 1.5s, 20ms, 7us, 2m or 1h");
    }
}
