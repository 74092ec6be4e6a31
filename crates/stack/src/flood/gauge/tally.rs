//! What became of a number of SYN-ACKs, and the windows in which that is judged.

use super::loud::Loud;
use super::spread::Spread;

/// SYN-ACKs sent, and how many of them were answered, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// SYNs that were answered.
    pub(super) syns: u32,
    /// SYN-ACKs answered by the third ACK of the handshake.
    pub(super) completed: u32,
    /// SYN-ACKs answered by RST.
    pub(super) reset: u32,
}

impl Tally {
    /// SYN-ACKs that nobody answered.
    pub(super) const fn unanswered(&self) -> u32 {
        self.syns.saturating_sub(self.completed).saturating_sub(self.reset)
    }

    /// Those that lead to no connection: unanswered, or answered by RST.
    pub(super) const fn barren(&self) -> u32 {
        self.syns.saturating_sub(self.completed)
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            syns: self.syns.saturating_add(other.syns),
            completed: self.completed.saturating_add(other.completed),
            reset: self.reset.saturating_add(other.reset),
        }
    }
}

/// What is asked of the figures before they say something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// SYN-ACKs without an answer, or answered by RST.
    pub(super) unanswered: u32,
    /// Of those that no RST answered, the share that nobody answered. Units: percent.
    pub(super) percent: u8,
    pub(super) sources: u32,
    /// Entries in the SYN queue.
    pub(super) half_open: u32,
}

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Most handshakes complete, or there are too few to say.
    Nothing,
    /// Many handshakes come to nothing, but a few sources are to blame, or sources that refuse by RST.
    Narrow,
    /// Many SYN-ACKs that nobody answers, to many sources.
    Wide,
}

/// One span of time: SYN-ACKs that had time enough to be answered in it, and the sources of the SYNs that came in it.
///
/// A SYN-ACK is judged up to three quarters of a second after its SYN came, so its source may belong to the window
/// before: `sources` and `loud` of that one are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    pub(super) tally: Tally,
    /// How many parts of the window are over.
    pub(super) parts: u8,
    spread: Spread,
    loud: Loud,
    before_sources: u32,
    before_loud: u32,
}

impl Window {
    pub(super) fn on_syn(&mut self, source_hash: u64) {
        self.spread.insert(source_hash);
        self.loud.insert(source_hash);
    }

    pub(super) fn on_answer(&mut self, source_hash: u64) {
        self.loud.remove(source_hash);
    }

    /// A part of the window is over, with this in it.
    pub(super) fn take(&mut self, part: Tally) {
        self.tally = self.tally.plus(part);
        self.parts = self.parts.saturating_add(1);
    }

    /// About how many sources; a window that has just begun goes on from the one before.
    pub(super) fn sources(&self) -> u32 {
        self.spread.estimate().max(self.before_sources)
    }

    pub(super) fn sign(&self, bar: &Bar) -> Sign {
        let Tally { completed, reset, .. } = self.tally;
        let unanswered = self.tally.unanswered();
        let share_is_high =
            u64::from(unanswered) * 100 >= u64::from(bar.percent) * (u64::from(unanswered) + u64::from(completed));
        if unanswered >= bar.unanswered && share_is_high {
            let of_the_loud = self.loud.weight().saturating_add(self.before_loud);
            let of_others = unanswered.saturating_sub(of_the_loud);
            return match self.sources() >= bar.sources && of_others >= unanswered / 2 {
                true => Sign::Wide,
                false => Sign::Narrow,
            };
        }
        match reset >= bar.unanswered && reset > completed {
            true => Sign::Narrow,
            false => Sign::Nothing,
        }
    }

    /// The window is over; the next one begins.
    pub(super) fn renew(&mut self) {
        *self = Self {
            before_sources: self.spread.estimate(),
            before_loud: self.loud.weight(),
            ..Self::default()
        };
    }
}
