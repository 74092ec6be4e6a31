//! Which congestion control a connection uses, as its user names it.

use core::fmt;
use core::str::FromStr;

/// How a connection decides how much may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CongestionControl {
    /// RFC 5681 with RFC 6582: half the window after a loss, and a segment more in each round trip.
    NewReno,
    /// RFC 9438: seven tenths of the window after a loss, and from there a cubic curve in time, so that the way back is as
    /// long on a long path as on a short one. It never grows slower than NewReno would.
    #[default]
    Cubic,
}

impl CongestionControl {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::NewReno, Self::Cubic];

    /// As options and `TCP_CONGESTION` write it: `reno` or `cubic`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewReno => "reno",
            Self::Cubic => "cubic",
        }
    }
}

/// As [`CongestionControl::name`] has it.
impl fmt::Display for CongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no congestion control that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCongestionControl;

impl fmt::Display for UnknownCongestionControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such congestion control: reno or cubic")
    }
}

impl core::error::Error for UnknownCongestionControl {}

/// Errors: [`UnknownCongestionControl`] for anything but the names of [`CongestionControl::ALL`], in small letters.
impl FromStr for CongestionControl {
    type Err = UnknownCongestionControl;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|control| control.name() == s);
        named.ok_or(UnknownCongestionControl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for control in CongestionControl::ALL {
            assert_eq!(control.name().parse(), Ok(control));
        }
        assert_eq!("bbr".parse::<CongestionControl>(), Err(UnknownCongestionControl));
    }
}
