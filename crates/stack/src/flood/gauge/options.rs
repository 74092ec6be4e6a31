//! Where the levels of a gauge begin and end.

use super::SLOW_WINDOWS;
use super::tally::Bar;

/// Where the levels begin.
///
/// The defaults suit a backlog of 128 or more; with one below 64 the count of half-open entries alone never says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaugeOptions {
    /// The part of the backlog that half-open entries must fill to be seen; two thirds of it hold the level. 75: a
    /// crowd of good clients may fill half of a queue for a round trip, and at the whole of it embryos are lost.
    /// Units: percent. Bounds: more than 100 turns this sign off.
    pub half_open_percent: u8,
    /// The fewest SYN-ACKs without an answer, in one window, that say anything, and the fewest half-open entries; half as
    /// many hold the level. 64: ten slow clients, each of which sends its SYN four times, are fewer.
    /// Bounds: at least 2.
    pub unanswered_min: u32,
    /// The share of SYN-ACKs without an answer that is too many. 45: a network that loses three of ten SYN-ACKs leaves 30
    /// (and 40 in the second after its clients stop coming), a flood as strong as the good clients beside it leaves 50.
    /// Before the end of a window the share must reach half-way from here to 100.
    /// Units: percent. Bounds: 1 to 100.
    pub unanswered_percent: u8,
    /// The share that still holds a level. 36: above what the same bad network leaves, so that a flood there can end.
    /// Units: percent. Bounds: 1 to `unanswered_percent`.
    pub holding_percent: u8,
    /// The fewest sources that make a flood; half as many hold the level. 32: per-source limits deal with fewer.
    /// Bounds: up to about 3,000 can be told apart.
    pub sources_min: u32,
    /// How many windows of one second in a row must be quiet before the level falls. 10: a flood that comes and goes every
    /// few seconds is one flood.
    /// Bounds: at least 9, for the slow window is judged every 8 s and must be able to hold the level.
    pub quiet_windows: u8,
}

impl Default for GaugeOptions {
    fn default() -> Self {
        Self {
            half_open_percent: 75,
            unanswered_min: 64,
            unanswered_percent: 45,
            holding_percent: 36,
            sources_min: 32,
            quiet_windows: 10,
        }
    }
}

impl GaugeOptions {
    pub(super) fn within_bounds(self) -> Self {
        let unanswered_percent = self.unanswered_percent.clamp(1, 100);
        Self {
            unanswered_min: self.unanswered_min.max(2),
            unanswered_percent,
            holding_percent: self.holding_percent.clamp(1, unanswered_percent),
            quiet_windows: self.quiet_windows.max(SLOW_WINDOWS + 1),
            ..self
        }
    }

    /// What must be seen for the level to rise.
    pub(super) fn rising(&self, backlog: u32) -> Bar {
        let mark = u64::from(backlog) * u64::from(self.half_open_percent) / 100;
        Bar {
            unanswered: self.unanswered_min,
            percent: self.unanswered_percent,
            sources: self.sources_min,
            half_open: u32::try_from(mark).unwrap_or(u32::MAX).max(self.unanswered_min),
        }
    }

    /// What must be seen for the level to rise before a window is whole: a share half-way to all, for that of a part
    /// varies.
    pub(super) fn certain(&self, backlog: u32) -> Bar {
        Bar {
            percent: self.unanswered_percent.midpoint(100),
            ..self.rising(backlog)
        }
    }

    /// What must be seen for the level not to fall.
    pub(super) fn holding(&self, backlog: u32) -> Bar {
        let rising = self.rising(backlog);
        Bar {
            unanswered: rising.unanswered / 2,
            percent: self.holding_percent,
            sources: rising.sources / 2,
            half_open: rising.half_open / 3 * 2,
        }
    }
}
