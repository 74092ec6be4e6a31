//! What the wire tells of a connection's sequence numbers, kept beyond the connection's life.

use stack::{FourTuple, Status};
use wire::seq::SeqNumber;

use crate::glance::Glance;
use crate::script::{Term, Terms};

/// What one host has said on one connection so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) host: usize,
    pub(super) tuple: FourTuple,
    pub(super) iss: Option<SeqNumber>,
    /// The peer's ISS, by the first ACK.
    pub(super) irs: Option<SeqNumber>,
    /// The end of the furthest segment.
    pub(super) seq_end: Option<SeqNumber>,
    pub(super) ack: Option<SeqNumber>,
    /// The furthest right edge of a window that was announced.
    pub(super) edge: Option<SeqNumber>,
    /// The same, those included that were announced with this ISS before.
    pub(super) edge_max: Option<SeqNumber>,
    /// The MSS that it announced.
    pub(super) mss: Option<u16>,
    window: u16,
    /// The scale that it offered.
    scale: Option<u8>,
    /// Whether the peer offered one too; `None` until its SYN is acknowledged, and where that was forged.
    is_scaled: Option<bool>,
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
            irs: None,
            seq_end: None,
            ack: None,
            edge: None,
            edge_max: None,
            mss: None,
            window: 0,
            scale: None,
            is_scaled: None,
            is_window_of_syn: false,
            ts_val: None,
        }
    }

    /// A cookie has come back: the connection, of which this is what it says of itself, goes on from the SYN-ACK that the
    /// cookie was, whatever else has been said since. It need not be the one that the peer means now.
    pub(super) fn begin_by_cookie(&mut self, status: Option<&Status>) {
        let mss = self.mss;
        *self = Self::new(self.host, self.tuple);
        self.mss = mss;
        let Some(status) = status else { return };
        (self.iss, self.seq_end) = (Some(status.iss), Some(status.iss + 1));
        (self.irs, self.ack) = (Some(status.irs), Some(status.irs + 1));
        // What the SYN-ACK announced may have been more than what is announced now: a listener comes and goes.
        self.edge_max = Some(status.irs + 1 + u32::from(u16::MAX));
        self.scale = status.window_scales.map(|(ours, _)| ours);
        self.is_scaled = Some(self.scale.is_some());
    }

    /// Takes note of a segment that the host has sent; `peer` is what the other end has said.
    pub(super) fn note(&mut self, peer: Option<&Said>, glance: &Glance) {
        let header = &glance.header;
        let flags = header.flags;
        if flags.rst() {
            // A reset's numbers are the peer's, or nobody's.
            return;
        }
        let end = glance.end();
        if flags.syn() {
            // An ISS may be the same again: a SYN that comes twice is answered with the same cookie. Then the peer may still
            // mean what was said before.
            let before = (self.iss == Some(header.seq)).then_some((self.seq_end, self.edge_max));
            *self = Self::new(self.host, self.tuple);
            (self.seq_end, self.edge_max) = before.unwrap_or_default();
            self.iss = Some(header.seq);
            self.scale = header.options.window_scale.map(|scale| scale.shift());
            self.mss = header.options.mss;
        }
        self.seq_end = Some(self.seq_end.map_or(end, |old| old.later(end)));
        if flags.ack() {
            self.ack = Some(header.ack);
            if self.irs.is_none() {
                self.irs = Some(SeqNumber::new(header.ack.value().wrapping_sub(1)));
                let peer = peer.filter(|peer| self.means(peer));
                self.is_scaled = peer.map(|peer| self.scale.is_some() && peer.scale.is_some());
            }
        }
        if let Some((edge, _)) = self.edge_of(glance) {
            self.edge = Some(self.edge.map_or(edge, |old| old.later(edge)));
            self.edge_max = Some(self.edge_max.map_or(edge, |old| old.later(edge)));
        }
        self.window = header.window;
        self.is_window_of_syn = flags.syn();
        self.ts_val = header.options.timestamps.map(|stamps| stamps.val).or(self.ts_val);
    }
}

impl Said {
    /// Whether both speak of the same incarnation of the connection.
    pub(super) fn means(&self, peer: &Said) -> bool {
        self.irs.is_some() && self.irs == peer.iss && peer.irs.is_none_or(|irs| Some(irs) == self.iss)
    }

    /// How the window field of its segments is scaled.
    fn shift(&self, is_syn: bool) -> u8 {
        let is_scaled = self.is_scaled == Some(true) && !is_syn;
        self.scale.filter(|_| is_scaled).unwrap_or(0)
    }

    /// The right edge of the window that a segment announces, and the unit that the window is counted in; `None` where the
    /// unit is not known.
    pub(super) fn edge_of(&self, glance: &Glance) -> Option<(SeqNumber, u32)> {
        let header = &glance.header;
        let shift = self.shift(header.flags.syn());
        let window = u32::from(header.window) << shift;
        let is_known = header.flags.ack() && (header.flags.syn() || self.is_scaled.is_some());
        is_known.then(|| (header.ack + window, 1 << shift))
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
            Term::RcvWnd => return self.receiver.map(Self::window_of),
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
    fn window_of(receiver: &Said) -> u32 {
        u32::from(receiver.window) << receiver.shift(receiver.is_window_of_syn)
    }
}
