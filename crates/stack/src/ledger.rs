//! What all buffers of a stack hold together, against their bound.

use crate::limits::Limits;

/// The account. Connections book what they hold whenever they have been touched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ledger {
    held: usize,
    bound: usize,
    /// From here on buffers of peers nearby do not grow.
    nearby: usize,
}

/// What every connection may hold each way, however little is left for all. Units: bytes.
pub(crate) const FLOOR: u32 = 16 << 10;

impl Ledger {
    /// Nothing held yet.
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            held: 0,
            bound: limits.buffer_bytes,
            nearby: limits.nearby_bytes,
        }
    }

    /// A connection holds `now` bytes, and held `booked` when it was last asked. Returns what is booked from now on.
    #[must_use]
    pub(crate) fn book(&mut self, booked: u32, now: usize) -> u32 {
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        self.held = self.held.saturating_sub(booked as usize).saturating_add(now as usize);
        now
    }

    /// Three quarters are taken: nothing grows any more.
    pub(crate) const fn is_tight(&self) -> bool {
        self.held >= self.bound - self.bound / 4
    }

    /// All is taken.
    pub(crate) const fn is_full(&self) -> bool {
        self.held >= self.bound
    }

    /// What a connection to a peer nearby may hold that has booked so much: half of what others leave. So they come to hold
    /// the same, and leave as much for one more. Units: bytes.
    pub(crate) const fn allows_nearby(&self, booked: u32) -> usize {
        let others = self.held.saturating_sub(booked as usize);
        self.nearby.saturating_sub(others) / 2
    }

    /// What a buffer of `size` bytes may be now. Units: bytes.
    pub(crate) fn allows(&self, size: u32) -> u32 {
        if self.is_tight() { size.min(FLOOR) } else { size }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(&Limits {
            buffer_bytes: 1000,
            nearby_bytes: 600,
            ..Limits::default()
        })
    }

    #[test]
    fn books_follow_what_each_connection_holds() {
        let mut ledger = ledger();
        let a = ledger.book(0, 500);
        let b = ledger.book(0, 249);
        assert!(!ledger.is_tight());
        let b = ledger.book(b, 250);
        assert!(ledger.is_tight() && !ledger.is_full());
        let a = ledger.book(a, 750);
        assert!(ledger.is_full());
        let a = ledger.book(a, 0);
        assert_eq!((ledger.held, a, b), (250, 0, 250));
    }

    #[test]
    fn a_tight_ledger_leaves_each_buffer_its_floor() {
        let mut ledger = ledger();
        assert_eq!(ledger.allows(1 << 20), 1 << 20);
        assert_eq!(ledger.book(0, 800), 800);
        assert_eq!((ledger.allows(1 << 20), ledger.allows(100)), (FLOOR, 100));
    }

    #[test]
    fn nearby_each_may_have_half_of_what_others_leave() {
        let mut ledger = ledger();
        assert_eq!(ledger.allows_nearby(0), 300, "alone");
        let first = ledger.book(0, 300);
        assert_eq!((ledger.allows_nearby(first), ledger.allows_nearby(0)), (300, 150));
        let second = ledger.book(0, 150);
        assert_eq!((ledger.allows_nearby(first), ledger.allows_nearby(second)), (225, 150));
        assert_eq!(ledger.book(second, 700), 700);
        assert_eq!(ledger.allows_nearby(first), 0, "the other holds more than all of it");
    }

    #[test]
    fn nearby_one_holds_half_and_eight_hold_a_ninth_each() {
        for (connections, part) in [(1, 300), (8, 66)] {
            let mut ledger = ledger();
            let mut booked = vec![0; connections];
            for _ in 0..100 {
                for one in &mut booked {
                    *one = ledger.book(*one, ledger.allows_nearby(*one));
                }
            }
            assert!(booked.iter().all(|one| one.abs_diff(part) <= 1), "{booked:?}");
        }
    }
}
