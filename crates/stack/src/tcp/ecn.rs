//! Explicit congestion notification of one connection (RFC 3168 section 6.1): routers mark packets that they would else drop,
//! the receiver echoes that until the sender says that it has slowed down.
//!
//! ```text
//!  sender ── ECT(0), text ──▶ router: CE ──▶ receiver        on_text: ECE on every acknowledgment from now on
//!  on_echo: slow down, once in a window  ◀── ECE ──
//!         ── CWR, new text ────────────────▶                 on_text: no more ECE
//! ```

use wire::ip;
use wire::seq::SeqNumber;
use wire::tcp::Flags;

/// What both halves remember. What is in use was settled by the SYNs.
#[derive(Debug, Clone, Copy, Default, Hash)]
pub(crate) struct Ecn {
    /// New text leaves as ECN-capable, and echoes are believed.
    pub(crate) sends: bool,
    /// The peer was told that we echo what routers mark.
    pub(crate) echoes: bool,
    /// Text that a router had marked has come, and the peer has not said yet that it knows.
    is_marked: bool,
    /// The peer is owed a CWR.
    is_cwr_due: bool,
    /// The sender has slowed down, and what was in flight then is not all acknowledged.
    has_slowed: bool,
    /// SND.NXT when it did: an echo of what was sent before says nothing new.
    slowed: SeqNumber,
}

impl Ecn {
    pub(crate) const fn new(sends: bool, echoes: bool) -> Self {
        Self {
            sends,
            echoes,
            is_marked: false,
            is_cwr_due: false,
            has_slowed: false,
            slowed: SeqNumber::new(0),
        }
    }

    /// The flags of our first SYN, while nothing is settled.
    pub(crate) fn asks(&self) -> Flags {
        if self.echoes {
            Flags::ECE | Flags::CWR
        } else {
            Flags::NONE
        }
    }

    /// What the answer to such a SYN settles. One that had to be sent again did not ask any more, but the first may be what was
    /// answered: then the peer's marks are echoed, and none are asked for.
    pub(crate) fn on_answer(&mut self, answer: Flags, again: bool) {
        let agreed = self.echoes && answer.contains(Flags::ECE) && !answer.contains(Flags::CWR);
        *self = Self::new(agreed && !again, agreed);
    }

    /// New text came in a datagram so marked. Returns whether the peer should hear of it at once: a mark where none was.
    pub(crate) fn on_text(&mut self, mark: ip::Ecn, cwr: bool) -> bool {
        let was_marked = self.is_marked && !cwr;
        self.is_marked = self.echoes && (was_marked || mark == ip::Ecn::Ce);
        self.is_marked && !was_marked
    }

    /// An acknowledgment of `ack` echoes a mark. Returns whether the sender has to slow down, which it does once for what was
    /// in flight.
    pub(crate) fn on_echo(&mut self, ack: SeqNumber) -> bool {
        self.sends && (!self.has_slowed || ack.after(self.slowed))
    }

    /// The sender has slowed down, for an echo or for a loss: the peer is told with the next new text.
    pub(crate) fn on_slowed(&mut self, nxt: SeqNumber) {
        if self.sends {
            (self.has_slowed, self.slowed) = (true, nxt);
            self.is_cwr_due = true;
        }
    }

    /// `ack` is acknowledged: what was remembered of what lies far behind would go round some day.
    pub(crate) fn on_ack(&mut self, ack: SeqNumber) {
        self.has_slowed &= !ack.after(self.slowed);
    }

    /// Flags that a segment with ACK carries beside its own; `fresh`: it brings text that was never sent.
    pub(crate) fn flags(&self, fresh: bool) -> Flags {
        let echo = if self.is_marked { Flags::ECE } else { Flags::NONE };
        if fresh && self.is_cwr_due {
            echo | Flags::CWR
        } else {
            echo
        }
    }

    /// How a segment's datagram is marked: text that is sent for the first time, and nothing else (sections 6.1.4 to 6.1.6).
    pub(crate) const fn mark(&self, fresh: bool) -> ip::Ecn {
        if fresh && self.sends {
            ip::Ecn::Ect0
        } else {
            ip::Ecn::NotEct
        }
    }

    /// Whether the next new text carries CWR: one segment, which must not be one of a super-segment.
    pub(crate) const fn is_cwr_due(&self) -> bool {
        self.is_cwr_due
    }

    /// New text has left, with CWR if that was due.
    pub(crate) const fn on_fresh(&mut self) {
        self.is_cwr_due = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> Ecn {
        Ecn::new(true, true)
    }

    fn seq(n: u32) -> SeqNumber {
        SeqNumber::new(n)
    }

    #[test]
    fn a_mark_is_echoed_until_cwr() {
        let mut ecn = both();
        for (name, mark, cwr, at_once, flags) in [
            ("none", ip::Ecn::Ect0, false, false, Flags::NONE),
            ("a mark", ip::Ecn::Ce, false, true, Flags::ECE),
            ("another", ip::Ecn::Ce, false, false, Flags::ECE),
            ("none any more", ip::Ecn::Ect0, false, false, Flags::ECE),
            ("CWR", ip::Ecn::Ect0, true, false, Flags::NONE),
            ("CWR when nothing is echoed", ip::Ecn::NotEct, true, false, Flags::NONE),
            ("CWR with a mark", ip::Ecn::Ce, true, true, Flags::ECE),
        ] {
            assert_eq!(ecn.on_text(mark, cwr), at_once, "{name}");
            assert_eq!(ecn.flags(false), flags, "{name}");
        }
    }

    #[test]
    fn who_did_not_agree_neither_marks_nor_echoes_nor_listens() {
        let mut ecn = Ecn::default();
        assert!(!ecn.on_text(ip::Ecn::Ce, false) && !ecn.on_echo(seq(5)));
        ecn.on_slowed(seq(9));
        assert_eq!((ecn.flags(true), ecn.mark(true)), (Flags::NONE, ip::Ecn::NotEct));
    }

    #[test]
    fn the_sender_slows_down_once_in_a_window() {
        let mut ecn = both();
        assert!(ecn.on_echo(seq(100)));
        ecn.on_slowed(seq(1000));
        assert!(!ecn.on_echo(seq(200)) && !ecn.on_echo(seq(1000)));
        assert_eq!((ecn.flags(true), ecn.flags(false)), (Flags::CWR, Flags::NONE));
        ecn.on_fresh();
        assert_eq!(ecn.flags(true), Flags::NONE);
        assert!(ecn.on_echo(seq(1001)));
        ecn.on_ack(seq(1001));
        assert!(ecn.on_echo(seq(500)), "forgotten");
    }

    #[test]
    fn answer_table() {
        for (name, asked, answer, again, sends, echoes) in [
            ("agreed", true, Flags::ECE, false, true, true),
            ("not agreed", true, Flags::NONE, false, false, false),
            ("an echo of all", true, Flags::ECE | Flags::CWR, false, false, false),
            ("agreed, to whichever SYN", true, Flags::ECE, true, false, true),
            ("never asked", false, Flags::ECE, false, false, false),
        ] {
            let mut ecn = Ecn::new(asked, asked);
            ecn.on_answer(Flags::SYN | Flags::ACK | answer, again);
            assert_eq!((ecn.sends, ecn.echoes), (sends, echoes), "{name}");
        }
    }

    #[test]
    fn only_new_text_is_ecn_capable() {
        assert_eq!(
            (both().mark(true), both().mark(false)),
            (ip::Ecn::Ect0, ip::Ecn::NotEct)
        );
    }
}
