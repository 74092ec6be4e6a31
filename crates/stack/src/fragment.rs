//! Reassembly of fragmented datagrams in a store of fixed bounds.
//!
//! Pieces that overlap end their datagram, for nobody honest sends them (RFC 5722, kept for IPv4 too); a piece that comes
//! twice, the same, does not. Nothing is remembered of a datagram that was given up. Read first: RFC 791 section 3.2,
//! RFC 8200 section 4.5, RFC 815.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::IpAddr;

use bytes::{Bytes, BytesMut};
use wire::ip::{Datagram, Dscp, Ecn, Fragment, Header};

use crate::limits::Limits;
use crate::observer::Why;
use crate::time::{Duration, Instant};

/// Datagrams whose pieces have not all come.
#[derive(Clone)]
pub(crate) struct Reassembler {
    /// The oldest first: it is the first to be given up. There are so few that looking through all their keys costs less than a tree, and a stranger
    /// can make it no longer than its bound.
    partials: VecDeque<Partial>,
    bytes: usize,
    datagrams_max: usize,
    bytes_max: usize,
    lifetime: Duration,
}

/// What a piece led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// Other datagrams that were given up to make room ([`Why::FragmentsFull`], each).
    pub(crate) given_up: usize,
}

/// What became of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was the last that was missing: the datagram, with a header as if it had never been cut.
    Whole(BytesMut),
    /// Others are missing; or it is here already.
    Held,
    /// It was dropped, and its datagram with it.
    Refused(Why),
}

/// What the pieces of one datagram share. IPv6 leaves the protocol out, for only the first piece tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: Option<u8>,
}

#[derive(Clone)]
struct Partial {
    key: Key,
    born: Instant,
    /// By offset; none overlaps another.
    pieces: BTreeMap<usize, Bytes>,
    /// Bytes in all pieces.
    held: usize,
    /// Where the datagram ends, once the last piece has come.
    end: Option<usize>,
    /// Protocol, hop limit and Diffserv codepoint of the piece at offset 0, once it has come.
    first: Option<(u8, u8, Dscp)>,
    ecn: Codepoints,
}

/// What a piece costs besides its bytes: its share of a tree's node and of the allocator. Units: bytes.
const PIECE_COST: usize = 96;
/// What a datagram costs besides its pieces. Units: bytes.
const PARTIAL_COST: usize = size_of::<Partial>();
/// More datagrams than this are not held, whatever the limits say: all their keys are looked through.
const DATAGRAMS_MAX: usize = 1024;
/// Units: bytes.
const DATAGRAM_LEN_MAX: usize = 65_535;

impl Reassembler {
    /// What all datagrams cost that are not whole yet. Units: bytes.
    pub(crate) const fn allocated(&self) -> usize {
        self.bytes
    }

    /// An empty store with these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            partials: VecDeque::new(),
            bytes: 0,
            datagrams_max: limits.datagrams.clamp(1, DATAGRAMS_MAX),
            bytes_max: limits.datagram_bytes,
            lifetime: limits.datagram_lifetime,
        }
    }

    /// Takes a piece: what was read of it, and the packet that it was read from.
    pub(crate) fn push(&mut self, now: Instant, datagram: &Datagram, packet: &[u8]) -> Pushed {
        let piece = datagram.fragment.zip(packet.get(datagram.payload.clone()));
        let Some((fragment, bytes)) = piece.filter(|(fragment, bytes)| is_possible(*fragment, bytes.len())) else {
            return Pushed {
                outcome: Outcome::Refused(Why::BadFragment),
                given_up: 0,
            };
        };
        let (i, given_up) = self.place(now, Key::new(datagram, fragment));
        let (outcome, more_given_up) = match self.add(i, datagram, fragment, bytes) {
            Added::Incomplete => self.make_room(i),
            Added::Complete => {
                let whole = self.remove(i).and_then(|partial| partial.rebuild());
                (whole.map_or(Outcome::Refused(Why::BadFragment), Outcome::Whole), 0)
            }
            Added::Bad => {
                self.remove(i);
                (Outcome::Refused(Why::BadFragment), 0)
            }
        };
        Pushed {
            outcome,
            given_up: given_up + more_given_up,
        }
    }

    /// Gives up the datagrams that have waited too long and returns how many ([`Why::FragmentsExpired`], each).
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let mut expired = 0;
        while self.next().is_some_and(|at| at <= now) {
            self.remove(0);
            expired += 1;
        }
        expired
    }

    /// When the oldest datagram is given up.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.partials.front().map(|oldest| oldest.born + self.lifetime)
    }

    /// Where the datagram of this key is, now if not before, and how many others were given up for it.
    fn place(&mut self, now: Instant, key: Key) -> (usize, usize) {
        if let Some(i) = self.partials.iter().position(|partial| partial.key == key) {
            return (i, 0);
        }
        let mut given_up = 0;
        while self.partials.len() >= self.datagrams_max {
            self.remove(0);
            given_up += 1;
        }
        let partial = Partial::new(now, key);
        self.bytes += partial.cost();
        self.partials.push_back(partial);
        (self.partials.len() - 1, given_up)
    }

    fn add(&mut self, i: usize, datagram: &Datagram, fragment: Fragment, bytes: &[u8]) -> Added {
        let Some(partial) = self.partials.get_mut(i) else {
            return Added::Bad;
        };
        self.bytes -= partial.cost();
        let added = partial.add(datagram, fragment, bytes);
        self.bytes += partial.cost();
        added
    }

    /// Gives up the oldest until the rest is within the bound: what became of the piece of datagram `i`, for that may be
    /// the oldest, and how many others were given up.
    fn make_room(&mut self, i: usize) -> (Outcome, usize) {
        let mut given_up = 0;
        while self.bytes > self.bytes_max {
            self.remove(0);
            if given_up == i {
                return (Outcome::Refused(Why::FragmentsFull), given_up);
            }
            given_up += 1;
        }
        (Outcome::Held, given_up)
    }

    fn remove(&mut self, i: usize) -> Option<Partial> {
        let partial = self.partials.remove(i)?;
        self.bytes -= partial.cost();
        Some(partial)
    }
}

impl Key {
    fn new(datagram: &Datagram, fragment: Fragment) -> Self {
        Self {
            src: datagram.src,
            dst: datagram.dst,
            id: fragment.id,
            protocol: datagram.src.is_ipv4().then_some(datagram.protocol),
        }
    }
}

/// What a piece made of its datagram.
enum Added {
    Complete,
    Incomplete,
    /// It contradicts what came before.
    Bad,
}

impl Partial {
    fn new(now: Instant, key: Key) -> Self {
        Self {
            key,
            born: now,
            pieces: BTreeMap::new(),
            held: 0,
            end: None,
            first: None,
            ecn: Codepoints::default(),
        }
    }

    fn add(&mut self, datagram: &Datagram, fragment: Fragment, bytes: &[u8]) -> Added {
        let (start, end) = (fragment.offset, fragment.offset + bytes.len());
        let is_repeated = self.pieces.get(&start).is_some_and(|held| held == bytes);
        if is_repeated && fragment.more == (self.end != Some(end)) {
            self.ecn.add(datagram.ecn);
            return Added::Incomplete;
        }
        let contradicts_end = match (self.end, fragment.more) {
            (Some(known), true) => end > known,
            (Some(known), false) => end != known,
            (None, true) => false,
            (None, false) => self.last_end() > end,
        };
        if contradicts_end || self.overlaps(start, end) {
            return Added::Bad;
        }
        if !fragment.more {
            self.end = Some(end);
        }
        if start == 0 {
            self.first = Some((datagram.protocol, datagram.hop_limit, datagram.dscp));
        }
        self.pieces.insert(start, Bytes::copy_from_slice(bytes));
        self.held += bytes.len();
        self.ecn.add(datagram.ecn);
        // Pieces do not overlap and none passes the end: when their bytes add up to it, there is no hole (RFC 815).
        if self.end == Some(self.held) {
            Added::Complete
        } else {
            Added::Incomplete
        }
    }

    fn last_end(&self) -> usize {
        let last = self.pieces.last_key_value();
        last.map_or(0, |(start, bytes)| start + bytes.len())
    }

    fn overlaps(&self, start: usize, end: usize) -> bool {
        let before = self.pieces.range(..=start).next_back();
        let after = self.pieces.range(start..).next();
        before.is_some_and(|(at, bytes)| at + bytes.len() > start) || after.is_some_and(|(at, _)| *at < end)
    }

    fn cost(&self) -> usize {
        PARTIAL_COST + self.pieces.len() * PIECE_COST + self.held
    }

    /// The datagram. `None`: it is too long for a header, or its ECN marks contradict each other.
    fn rebuild(&self) -> Option<BytesMut> {
        let (protocol, hop_limit, dscp) = self.first?;
        let header = Header {
            src: self.key.src,
            dst: self.key.dst,
            protocol,
            hop_limit,
            dscp,
            ecn: self.ecn.merged()?,
        };
        let mut whole = BytesMut::with_capacity(header.len() + self.held);
        whole.resize(header.len(), 0);
        header.emit(self.held, &mut whole)?;
        for bytes in self.pieces.values() {
            whole.extend_from_slice(bytes);
        }
        Some(whole)
    }
}

/// The ECN codepoints that the pieces of one datagram carry: one bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Codepoints(u8);

impl Codepoints {
    fn add(&mut self, ecn: Ecn) {
        self.0 |= 1 << ecn.bits();
    }

    fn has(self, ecn: Ecn) -> bool {
        self.0 & 1 << ecn.bits() != 0
    }

    /// The codepoint of the whole: a mark is never lost. `None`: a mark beside a piece that cannot carry one, which is
    /// to be dropped. Where the pieces differ otherwise the standard leaves it open, and the least is claimed.
    ///
    /// Spec: RFC 3168 section 5.3.
    fn merged(self) -> Option<Ecn> {
        match (self.has(Ecn::Ce), self.has(Ecn::NotEct)) {
            (true, true) => None,
            (true, false) => Some(Ecn::Ce),
            (false, true) => Some(Ecn::NotEct),
            (false, false) if self.has(Ecn::Ect0) => Some(Ecn::Ect0),
            (false, false) => Some(Ecn::Ect1),
        }
    }
}

/// Whether a piece can be one: not empty, within the longest datagram, and in units of 8 bytes unless it is the last.
fn is_possible(fragment: Fragment, len: usize) -> bool {
    len > 0 && fragment.offset.saturating_add(len) <= DATAGRAM_LEN_MAX && (!fragment.more || len.is_multiple_of(8))
}

#[cfg(test)]
mod tests;
