//! Whether two stacks will do the same from now on.

use core::hash::{Hash, Hasher};

use super::{Stack, Waiting};
use crate::observer::Observer;

impl<O: Observer> Stack<O> {
    /// Feeds `into` all that can bear on what this stack will do, so that who tries every way that things can go, on clones,
    /// knows where he has been. Two stacks with the same configuration and secrets that differ in this may differ in what they
    /// do; what was only counted does not tell. Left out are the budgets of replies to strangers, and fragments.
    ///
    /// Costs time in proportion to what the stack holds.
    pub fn fingerprint(&self, into: &mut impl Hasher) {
        for (i, c) in self.connections.iter() {
            (i, c).hash(into);
        }
        for embryo in self.embryos.iter() {
            embryo.hash(into);
        }
        for entry in self.time_waits.iter() {
            entry.hash(into);
        }
        for spent in self.spent.iter() {
            spent.hash(into);
        }
        for (id, listener) in self.listeners.iter() {
            (id, &listener.accept_queue, listener.is_stateless, listener.in_flight).hash(into);
        }
        for event in &self.events {
            match event {
                Waiting::Listener(id) => (0, id.index()).hash(into),
                Waiting::Connection(id) => (1, id.index()).hash(into),
            }
        }
        (&self.transmit, &self.replies, &self.station, self.ports_chosen).hash(into);
        (self.poll_timeout(), self.counts()).hash(into);
    }
}
