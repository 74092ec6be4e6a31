//! The observer of a simulated host: keeps what the stack says until the world takes it.

use stack::flood::Change;
use stack::observer::Undone;
use stack::tcp::state::Arrow;
use stack::{Cause, Ended, Fact, FourTuple, Instant, Observer, State, Why};

/// A fact that the world makes something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// A segment was sent, and why.
    Sent(Cause),
    /// A state changed.
    State {
        tuple: FourTuple,
        from: State,
        to: State,
        arrow: Arrow,
    },
    /// Something was dropped, of a connection where that could be read.
    Dropped(Option<FourTuple>, Why),
    /// A connection ended other than by both FINs.
    Ended { tuple: FourTuple, how: Ended },
    /// What had been taken for loss was none.
    Undone { tuple: FourTuple, by: Undone },
    /// A listener began to answer SYNs by cookies alone, or ceased to, with so many half-open entries of so many.
    SynCookies { on: bool, half_open: usize, backlog: usize },
    /// A listener's gauge judges otherwise than before.
    Level(Change),
}

/// Keeps facts in their order.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    noted: Vec<Noted>,
}

impl Recorder {
    /// What was noted since the last time.
    pub(super) fn take(&mut self) -> Vec<Noted> {
        std::mem::take(&mut self.noted)
    }
}

impl Observer for Recorder {
    fn observe(&mut self, _at: Instant, fact: &Fact<'_>) {
        self.noted.push(match *fact {
            Fact::Sent { cause, .. } => Noted::Sent(cause),
            Fact::State { tuple, from, to, arrow } => Noted::State { tuple, from, to, arrow },
            Fact::Dropped { tuple, why } => Noted::Dropped(tuple, why),
            Fact::Ended { tuple, how } => Noted::Ended { tuple, how },
            Fact::Undone { tuple, by } => Noted::Undone { tuple, by },
            Fact::SynCookies {
                on, half_open, backlog, ..
            } => Noted::SynCookies { on, half_open, backlog },
            Fact::Level { change, .. } => Noted::Level(change),
            // The world's links carry IP, so that nobody has neighbours.
            Fact::Received { .. } | Fact::RoundTrip { .. } | Fact::Neighbour(_) | Fact::AddressConflict { .. } => {
                return;
            }
        });
    }
}
