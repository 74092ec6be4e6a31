//! Follows the connections of a stack, one after another, through the table of states.

use stack::tcp::state::next;
use stack::{Ended, Fact, Instant, Observer, State};

use super::Fault;

/// What a stack has told.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// Where the connection stands, half-open and TIME-WAIT entries included.
    pub(super) state: State,
    /// It is half-open, and a TIME-WAIT entry stands behind it.
    pub(super) reopens: bool,
    /// How it ended, if not by both FINs.
    pub(super) ended: Option<Ended>,
    /// The first step that the table does not have.
    pub(super) fault: Option<Fault>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            state: State::Closed,
            reopens: false,
            ended: None,
            fault: None,
        }
    }
}

impl Observer for Watch {
    fn observe(&mut self, _: Instant, fact: &Fact<'_>) {
        match fact {
            Fact::State { from, to, arrow, .. } => {
                // Where a listener takes a SYN the connection is told of from LISTEN on.
                let continues = self.state == *from || (self.state, *from) == (State::Closed, State::Listen);
                let fails = *from == State::SynReceived && matches!(to, State::Closed | State::TimeWait);
                let is_kept = !fails || self.reopens == (*to == State::TimeWait);
                if !continues || !is_kept || next(*from, *arrow) != Some(*to) {
                    let step = format!("{from} -{arrow:?}-> {to} from {}", self.state);
                    self.fault.get_or_insert(Fault::OffTheTable(step));
                }
                self.reopens = (*from, *to) == (State::TimeWait, State::SynReceived);
                self.state = *to;
            }
            Fact::Ended { how, .. } => self.ended = Some(*how),
            _ => {}
        }
    }
}
