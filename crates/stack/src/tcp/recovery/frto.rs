//! F-RTO (RFC 5682): whether the retransmission timer ran out for nothing. After the first retransmission new data is sent, not
//! more of the old; if something is acknowledged then that was sent but once, it had only been late.

/// Where the question stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Frto {
    /// It is not asked, or answered.
    #[default]
    Off,
    /// The first segment was sent again (step 1).
    Waiting,
    /// New data may go before the rest of the old (step 2b).
    Asking,
}

/// What an acknowledgment says to it, in recovery from a timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply {
    /// It is the first to tell of something that was sent once, before the timer ran out.
    pub(crate) original: bool,
    /// It moves SND.UNA.
    pub(crate) advances: bool,
    /// It is a duplicate, or sacks something.
    pub(crate) repeats: bool,
    /// There is new data, and the peer's window takes it.
    pub(crate) news: bool,
}

impl Frto {
    /// The timer ran out.
    pub(crate) const fn new() -> Self {
        Self::Waiting
    }

    /// Whether new data goes before what is to be sent again.
    pub(crate) const fn holds_back(self) -> bool {
        matches!(self, Self::Asking)
    }

    /// Returns whether the timeout was spurious.
    ///
    /// Spec: RFC 5682 sections 2.1 and 3.1.
    pub(crate) const fn on_ack(&mut self, reply: Reply) -> bool {
        let (next, spurious) = match *self {
            Self::Off => return false,
            _ if reply.original => (Self::Off, true),
            // The peer waits for what was lost in truth.
            Self::Asking if reply.repeats => (Self::Off, false),
            Self::Waiting if reply.advances && reply.news => (Self::Asking, false),
            Self::Waiting if reply.advances => (Self::Off, false),
            stays => (stays, false),
        };
        *self = next;
        spurious
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Reply = Reply {
        original: false,
        advances: false,
        repeats: false,
        news: true,
    };
    const ADVANCES: Reply = Reply {
        advances: true,
        ..NOTHING
    };
    const REPEATS: Reply = Reply {
        repeats: true,
        ..NOTHING
    };
    const ORIGINAL: Reply = Reply {
        original: true,
        ..ADVANCES
    };

    #[test]
    fn answer_table() {
        #[rustfmt::skip]
        let rows: [(&str, &[Reply], Frto, bool); 6] = [
            ("the original is acknowledged at once",      &[ORIGINAL],           Frto::Off,     true),
            ("the first advances, then the original",     &[ADVANCES, ORIGINAL], Frto::Off,     true),
            ("the first advances, then a duplicate",      &[ADVANCES, REPEATS],  Frto::Off,     false),
            ("a duplicate of before says nothing yet",    &[REPEATS],            Frto::Waiting, false),
            ("the first advances: ask with new data",     &[ADVANCES],           Frto::Asking,  false),
            ("nothing new to ask with",                   &[Reply { news: false, ..ADVANCES }], Frto::Off, false),
        ];
        for (name, replies, last, spurious) in rows {
            let mut frto = Frto::new();
            let said = replies.iter().map(|&r| frto.on_ack(r)).last();
            assert_eq!((frto, said), (last, Some(spurious)), "{name}");
        }
        assert!(!Frto::Off.on_ack(ORIGINAL));
    }
}
