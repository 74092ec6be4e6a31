//! The levels that a gauge knows, and the figures that it judged them by.

use core::fmt;

use crate::time::Duration;

/// How a listener fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// Handshakes complete.
    #[default]
    Calm,
    /// Something is out of the ordinary; it may become a flood, or it is one that the usual defences deal with.
    Watch,
    /// Many SYN-ACKs, to many sources, that nobody answers.
    Flood,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Calm => "calm",
            Self::Watch => "watch",
            Self::Flood => "flood",
        })
    }
}

/// What a level was judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Entries in the SYN queue.
    pub half_open: u32,
    /// What the SYN queue may hold.
    pub backlog: u32,
    /// SYNs that were answered, in the span.
    pub syns: u32,
    /// How many of those SYN-ACKs the client completed.
    pub completed: u32,
    /// How many of them the client refused by RST.
    pub reset: u32,
    /// About how many different sources sent SYNs. Bounds: 7,098 stands for that many or more.
    pub sources: u32,
    /// How long the SYNs took to come.
    pub span: Duration,
}

impl Figures {
    /// SYN-ACKs that nobody answered.
    pub const fn unanswered(&self) -> u32 {
        self.syns.saturating_sub(self.completed).saturating_sub(self.reset)
    }
}

/// `512 of 1024 half-open; 2000 SYNs in 1s from about 1980 sources: 100 completed, 3 reset, 1897 unanswered`.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            half_open,
            backlog,
            syns,
            completed,
            reset,
            sources,
            span,
        } = self;
        let unanswered = self.unanswered();
        write!(
            f,
            "{half_open} of {backlog} half-open; {syns} SYNs in {span} from about {sources} sources: "
        )?;
        write!(f, "{completed} completed, {reset} reset, {unanswered} unanswered")
    }
}

/// The level is another than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What it was.
    pub from: Level,
    /// What it is.
    pub to: Level,
    /// What the change was judged by.
    pub figures: Figures,
}
