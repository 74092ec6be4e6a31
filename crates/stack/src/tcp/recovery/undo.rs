//! What was taken for loss and was none: how it shows, and that it shows in time.
//!
//! A recovery notes where it began and what it sent again. If the peer echoes a timestamp from before the first
//! retransmission (RFC 3522), or tells of every retransmission that it came twice (RFC 2883, RFC 3708), nothing was lost, and
//! the congestion window is what it was (RFC 4015).

use wire::seq::SeqNumber;

use crate::tcp::timestamps::is_older;

/// What one recovery did that may have been in vain.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Undo {
    has_resent: bool,
    /// TSval of the first retransmission, where timestamps are in use.
    first_tsval: Option<u32>,
    /// SND.UNA when recovery began.
    marker: SeqNumber,
    /// Bytes sent again that the peer did not tell of as having come twice.
    resent: u32,
    /// The recovery is over: once more than this is acknowledged, whatever comes is of something else.
    until: Option<SeqNumber>,
}

impl Undo {
    /// A recovery begins.
    pub(crate) const fn new(una: SeqNumber) -> Self {
        Self {
            has_resent: false,
            first_tsval: None,
            marker: una,
            resent: 0,
            until: None,
        }
    }

    /// So many bytes were sent again, with this TSval.
    pub(crate) fn on_resent(&mut self, bytes: u32, tsval: Option<u32>) {
        if self.until.is_some() {
            return;
        }
        if !self.has_resent {
            (self.has_resent, self.first_tsval) = (true, tsval);
        }
        self.resent = self.resent.saturating_add(bytes);
    }

    /// The recovery is over; what is still in flight, up to `nxt`, may yet show that it was in vain.
    pub(crate) const fn on_recovered(&mut self, nxt: SeqNumber) {
        self.until = Some(nxt);
    }

    /// Whether it is too late for a sign, once everything before `una` is acknowledged.
    pub(crate) fn is_too_late(&self, una: SeqNumber) -> bool {
        self.until.is_some_and(|until| una.after(until))
    }

    /// The peer tells of `[left, right)` that it came twice. Returns whether nothing is left that may have come once.
    pub(crate) fn on_dsack(&mut self, left: SeqNumber, right: SeqNumber) -> bool {
        if !self.has_resent || left.before(self.marker) {
            return false;
        }
        self.resent = self.resent.saturating_sub(right.since(left));
        self.resent == 0
    }

    /// Whether an acknowledgment that echoes `tsecr` was sent for a first copy.
    pub(crate) fn is_first_copy(&self, tsecr: u32) -> bool {
        self.until.is_none() && self.first_tsval.is_some_and(|first| is_older(tsecr, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNA: SeqNumber = SeqNumber::new(u32::MAX - 500);

    fn begun() -> Undo {
        let mut undo = Undo::new(UNA);
        undo.on_resent(1000, Some(u32::MAX));
        undo.on_resent(500, Some(4));
        undo
    }

    #[test]
    fn echo_of_before_the_first_retransmission_is_of_a_first_copy() {
        let undo = begun();
        assert!(undo.is_first_copy(u32::MAX - 1));
        assert!(!undo.is_first_copy(u32::MAX));
        assert!(!undo.is_first_copy(2));
        let mut blind = Undo::new(UNA);
        blind.on_resent(1000, None);
        assert!(!blind.is_first_copy(0));
    }

    #[test]
    fn all_that_was_sent_again_has_to_come_twice() {
        let mut undo = begun();
        assert!(!undo.on_dsack(UNA, UNA + 1000));
        assert!(!undo.on_dsack(UNA - 2000, UNA - 1000), "of before");
        assert!(undo.on_dsack(UNA + 1000, UNA + 1500));
    }

    #[test]
    fn what_shows_too_late_is_not_believed() {
        let mut undo = begun();
        undo.on_recovered(UNA + 5000);
        assert!(!undo.is_too_late(UNA + 5000), "while its last round trip lasts");
        assert!(undo.is_too_late(UNA + 5001));
    }

    #[test]
    fn a_recovery_that_sent_nothing_again_has_nothing_to_take_back() {
        assert!(!Undo::new(UNA).on_dsack(UNA, UNA + 1));
    }
}
