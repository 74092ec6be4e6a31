//! What a run has come by: so that a test can tell that its worlds go everywhere.

use std::collections::BTreeSet;

use stack::tcp::state::Arrow;
use stack::{Cause, State, Why};

use super::recorder::Noted;

/// What has happened at least once, at any host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// States, and the arrows by which they were left.
    pub arrows: BTreeSet<(State, Arrow)>,
    /// States, by whatever arrow.
    pub states: BTreeSet<State>,
    /// Why something was dropped.
    pub drops: BTreeSet<Why>,
    /// Why segments were sent.
    pub causes: BTreeSet<Cause>,
}

impl Reached {
    pub(super) fn note(&mut self, noted: Noted) {
        match noted {
            Noted::Sent(cause) => {
                self.causes.insert(cause);
            }
            Noted::State { from, to, arrow, .. } => {
                self.arrows.insert((from, arrow));
                self.states.extend([from, to]);
            }
            Noted::Dropped(_, why) => {
                self.drops.insert(why);
            }
            Noted::Ended { .. } | Noted::Undone { .. } | Noted::SynCookies { .. } | Noted::Level(_) => {}
        }
    }

    /// What one of both has come by.
    pub fn merge(&mut self, other: Self) {
        self.arrows.extend(other.arrows);
        self.states.extend(other.states);
        self.drops.extend(other.drops);
        self.causes.extend(other.causes);
    }
}
