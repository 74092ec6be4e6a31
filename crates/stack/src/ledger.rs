//! What all buffers of a stack hold together, against their bound.

/// The account. Connections book what they hold whenever they have been touched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ledger {
    held: usize,
    bound: usize,
}

/// What every connection may hold each way, however little is left for all. Units: bytes.
pub(crate) const FLOOR: u32 = 16 << 10;

impl Ledger {
    /// Nothing held yet.
    pub(crate) const fn new(bound: usize) -> Self {
        Self { held: 0, bound }
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

    /// What a buffer of `size` bytes may be now. Units: bytes.
    pub(crate) fn allows(&self, size: u32) -> u32 {
        if self.is_tight() { size.min(FLOOR) } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_follow_what_each_connection_holds() {
        let mut ledger = Ledger::new(1000);
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
        let mut ledger = Ledger::new(1000);
        assert_eq!(ledger.allows(1 << 20), 1 << 20);
        assert_eq!(ledger.book(0, 800), 800);
        assert_eq!((ledger.allows(1 << 20), ledger.allows(100)), (FLOOR, 100));
    }
}
