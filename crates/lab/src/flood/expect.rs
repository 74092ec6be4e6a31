//! What a scenario expects of its report.

use stack::flood::Level;

use super::report::Report;

/// One thing that must be so.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    /// Of the connections that good clients begin while the attack runs, at least so many are served. Units: percent.
    ServedAtLeast(usize),
    /// And fewer than so many. Units: percent.
    ServedBelow(usize),
    /// Nobody's connection is open who is no good client.
    NothingForged,
    /// The SYN queue never holds more.
    HalfOpenAtMost(usize),
    /// RSTs of the server, in all.
    ResetsAtMost(u64),
    /// The level rises so far.
    LevelReaches(Level),
    /// And no further.
    LevelAtMost(Level),
    /// It is calm in the end.
    LevelFalls,
}

impl Expect {
    /// What is wrong, if something is.
    pub(super) fn failure(self, report: &Report) -> Option<String> {
        let served = report.good_under_attack.per_mille();
        let half_open = report.syn_queue.max;
        let resets = report.resets;
        let level = report.level_max();
        let last = report.levels.last().map_or(Level::Calm, |change| change.to);
        let (is_so, told) = match self {
            Self::ServedAtLeast(percent) => (
                served >= percent * 10,
                format!("{served} ‰ of the good clients were served under attack, not {percent} %"),
            ),
            Self::ServedBelow(percent) => (
                served < percent * 10,
                format!("{served} ‰ of the good clients were served under attack: {percent} % are too many"),
            ),
            Self::NothingForged => (report.forged == 0, format!("{} connections were forged", report.forged)),
            Self::HalfOpenAtMost(bound) => (
                half_open <= bound,
                format!("{half_open} half-open entries, of {bound} at the most"),
            ),
            Self::ResetsAtMost(bound) => (resets <= bound, format!("{resets} RSTs, of {bound} at the most")),
            Self::LevelReaches(least) => (
                level >= least,
                format!("the level was {level} at the most, not {least}"),
            ),
            Self::LevelAtMost(most) => (level <= most, format!("the level was {level}, which is above {most}")),
            Self::LevelFalls => (last == Level::Calm, format!("the level is {last} in the end")),
        };
        (!is_so).then_some(told)
    }
}
