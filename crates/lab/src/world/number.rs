//! What the wire tells of a connection's sequence numbers, kept beyond the connection's life.

use stack::FourTuple;
use wire::seq::SeqNumber;
use wire::tcp::Header;

use crate::script::{Term, Terms};

/// What one host has said on one connection so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) host: usize,
    pub(super) tuple: FourTuple,
    iss: Option<SeqNumber>,
    /// The end of the furthest segment.
    seq_end: Option<SeqNumber>,
    ack: Option<SeqNumber>,
    window: u16,
    /// The scale that it offered.
    scale: Option<u8>,
    /// The window last announced stood in a SYN, where nothing is scaled.
    is_window_of_syn: bool,
    pub(super) ts_val: Option<u32>,
}

impl Said {
    pub(super) fn new(host: usize, tuple: FourTuple) -> Self {
        Self {
            host,
            tuple,
            iss: None,
            seq_end: None,
            ack: None,
            window: 0,
            scale: None,
            is_window_of_syn: false,
            ts_val: None,
        }
    }

    /// Takes note of a segment that the host has sent.
    pub(super) fn note(&mut self, header: &Header, payload: usize) {
        let flags = header.flags;
        if flags.rst() {
            // A reset's numbers are the peer's, or nobody's.
            return;
        }
        let end = header.seq + payload as u32 + u32::from(flags.syn()) + u32::from(flags.fin());
        if flags.syn() && self.iss != Some(header.seq) {
            *self = Self::new(self.host, self.tuple);
            self.iss = Some(header.seq);
            self.scale = header.options.window_scale.map(|scale| scale.shift());
        }
        self.seq_end = Some(self.seq_end.map_or(end, |old| old.later(end)));
        if flags.ack() {
            self.ack = Some(header.ack);
        }
        self.window = header.window;
        self.is_window_of_syn = flags.syn();
        self.ts_val = header.options.timestamps.map(|stamps| stamps.val).or(self.ts_val);
    }
}

/// Both ends of a connection, seen from the one that an injected segment is meant for.
pub(super) struct Ends<'a> {
    pub(super) receiver: Option<&'a Said>,
    pub(super) sender: Option<&'a Said>,
}

impl Terms for Ends<'_> {
    fn value(&self, term: Term) -> Option<u32> {
        let number = match term {
            Term::Figure(n) => return Some(n),
            Term::RcvWnd => return self.receiver.map(|receiver| self.window_of(receiver)),
            Term::RcvNxt => self.receiver?.ack,
            Term::SndNxt => self.receiver?.seq_end,
            Term::SndUna => self.sender?.ack,
            Term::Iss => self.receiver?.iss,
            Term::Irs => self.sender?.iss,
        };
        number.map(SeqNumber::value)
    }
}

impl Ends<'_> {
    fn window_of(&self, receiver: &Said) -> u32 {
        let both_scale = self.sender.is_some_and(|sender| sender.scale.is_some());
        let shift = match receiver.scale {
            Some(scale) if both_scale && !receiver.is_window_of_syn => scale,
            _ => 0,
        };
        u32::from(receiver.window) << shift
    }
}
