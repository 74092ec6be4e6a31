//! A fault meant for certain packets: the first SYN, say, or the second segment with data.

use stack::{Duration, Instant};

use crate::glance::{Glance, Pattern};

/// What is to happen to which packets of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which packets are counted.
    pub pattern: Pattern,
    /// Packets before this are not counted.
    pub after: Instant,
    /// The first of them that is struck. Bounds: from 1; 0 is taken as 1.
    pub nth: u64,
    /// How many are struck, from that one on.
    pub count: u64,
    /// What happens to them.
    pub action: Action,
}

/// What happens to a packet that a fault is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is lost.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives this much later than it would have; others may overtake it.
    Delay(Duration),
    /// One bit of it is flipped.
    Corrupt,
}

/// A fault, and how many packets it has counted.
#[derive(Debug, Clone)]
pub(super) struct Armed {
    fault: Fault,
    seen: u64,
}

impl Armed {
    pub(super) fn new(fault: Fault) -> Self {
        Self { fault, seen: 0 }
    }

    /// Counts a packet and says what is to happen to it, if it is meant.
    pub(super) fn strikes(&mut self, now: Instant, glance: Option<&Glance>) -> Option<Action> {
        if now < self.fault.after || !self.fault.pattern.matches(glance) {
            return None;
        }
        self.seen += 1;
        let first = self.fault.nth.max(1);
        let is_struck = self.seen >= first && self.seen - first < self.fault.count;
        is_struck.then_some(self.fault.action)
    }
}
