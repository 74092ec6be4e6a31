//! Half-open connections: the passive SYN-RECEIVED, one small entry each, with no TCB and no buffer.
//!
//! An entry stores no ISS: `tcp::cookie` mints it again from what is stored. Read first: RFC 9293 section 3.10.7.4,
//! RFC 4987 section 3.

use wire::seq::SeqNumber;

use crate::hash::{Keys, Place};
use crate::tcp::cookie::Offer;
use crate::tcp::roster::{Roster, Row, Seat};
use crate::time::{Duration, Instant};
use crate::tuple::FourTuple;

/// What a SYN tells, and what it met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EmbryoFacts {
    /// Both ends.
    pub(crate) tuple: FourTuple,
    /// The peer's ISN.
    pub(crate) irs: SeqNumber,
    /// TS.Recent: the SYN's TSval; 0 without timestamps.
    pub(crate) ts_recent: u32,
    /// Index of the listener.
    pub(crate) listener: u16,
    /// What the peer offered and we accept, exactly.
    pub(crate) offer: Offer,
    /// A TIME-WAIT entry of the same tuple waits for this handshake (RFC 9293 MAY-2, RFC 6191).
    pub(crate) reopening: bool,
    /// The low bits of the epoch (Unix time / 64) in which the SYN came: no two in an entry's life have the same.
    pub(crate) epoch: u8,
}

/// An entry as it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EmbryoView {
    /// What the SYN told.
    pub(crate) facts: EmbryoFacts,
    /// SYN-ACKs sent again.
    pub(crate) retransmissions: u8,
    /// Tenths of a second, going round.
    born: u16,
}

impl EmbryoView {
    /// Time since the SYN. Units: to a tenth of a second. Bounds: goes round after 6,553.5 s, ten times an entry's life.
    pub(crate) const fn age(&self, now: Instant) -> Duration {
        Duration::from_millis(tenths(now).wrapping_sub(self.born) as u64 * 100)
    }
}

/// Where an entry is. To be used at once, and never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EmbryoRef(Seat);

/// The half-open connections of a stack, all listeners together.
#[derive(Clone)]
pub(crate) struct Embryos {
    roster: Roster<Body>,
}

/// What is stored besides tuple, timer and epoch.
#[derive(Debug, Clone, Copy)]
struct Body {
    irs: SeqNumber,
    ts_recent: u32,
    listener: u16,
    mss: u16,
    born: u16,
    /// The count, and whether the SYN came again.
    retransmissions: u8,
    /// Window scale + 1, or 0, in the low four bits; then what was agreed.
    offer: u8,
}

const SCALE: u8 = 0x0f;
const SACK: u8 = 0x10;
const TIMESTAMPS: u8 = 0x20;
const ECN: u8 = 0x40;
const REOPENING: u8 = 0x80;

/// Beside the count of retransmissions: the third ACK may answer a SYN-ACK that the timer did not send.
const AMBIGUOUS: u8 = 0x80;

impl Embryos {
    /// None yet. Bounds: at most `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            roster: Roster::new(limit),
        }
    }

    /// Adds an entry, with no time set. Its tuple must not be there yet. `None`: the limit is reached.
    pub(crate) fn insert(&mut self, now: Instant, keys: &Keys, facts: &EmbryoFacts) -> Option<EmbryoRef> {
        let row = Row {
            tuple: facts.tuple,
            tag: facts.epoch,
            body: Body::new(now, facts),
        };
        self.roster.insert(keys, row).map(EmbryoRef)
    }

    /// The entry of this tuple.
    pub(crate) fn find(&self, place: &Place) -> Option<EmbryoRef> {
        self.roster.find(place).map(EmbryoRef)
    }

    /// What an entry holds.
    pub(crate) fn get(&self, at: EmbryoRef) -> Option<EmbryoView> {
        self.roster.get(at.0).map(|row| view(&row))
    }

    /// Sets TS.Recent.
    pub(crate) fn set_ts_recent(&mut self, at: EmbryoRef, ts_recent: u32) {
        if let Some(body) = self.roster.body_mut(at.0) {
            body.ts_recent = ts_recent;
        }
    }

    /// Counts one more SYN-ACK sent again. Bounds: stops at 127.
    pub(crate) fn count_retransmission(&mut self, at: EmbryoRef) {
        if let Some(body) = self.roster.body_mut(at.0)
            && body.retransmissions & !AMBIGUOUS < !AMBIGUOUS
        {
            body.retransmissions += 1;
        }
    }

    /// The third ACK will say nothing of the round trip: a SYN-ACK left again at the peer's wish, or we did not take the ACK.
    pub(crate) fn set_ambiguous(&mut self, at: EmbryoRef) {
        if let Some(body) = self.roster.body_mut(at.0) {
            body.retransmissions |= AMBIGUOUS;
        }
    }

    /// Whether the third ACK may answer a SYN-ACK that the timer did not send.
    pub(crate) fn is_ambiguous(&self, at: EmbryoRef) -> bool {
        let row = self.roster.get(at.0);
        row.is_some_and(|row| row.body.retransmissions & AMBIGUOUS != 0)
    }

    /// When the SYN-ACK left, of which there was one and no more (Karn's algorithm, RFC 6298 section 3). It follows from the
    /// time of the entry, which until then lies `first` after it. Units: to the millisecond. Bounds: at least one ago.
    pub(crate) fn syn_ack_at(&self, now: Instant, at: EmbryoRef, first: Duration) -> Option<Instant> {
        let unique = self.roster.get(at.0)?.body.retransmissions == 0;
        let due = self.roster.deadline(at.0).filter(|_| unique)?;
        let before = |when: Instant, by: Duration| Instant::ZERO + (when.since(Instant::ZERO) - by);
        Some(before(due, first).min(before(now, Duration::from_millis(1))))
    }

    /// Sets the entry's time, or another one.
    pub(crate) fn schedule(&mut self, now: Instant, entry: EmbryoRef, at: Instant) {
        self.roster.schedule(now, entry.0, at);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, keys: &Keys, at: EmbryoRef) -> Option<EmbryoView> {
        self.roster.remove(keys, at.0).map(|row| view(&row))
    }

    /// The entry whose time comes first, as near as the wheels know it: the one to make room when there must be room.
    pub(crate) fn nearest(&self) -> Option<EmbryoRef> {
        self.roster.nearest().map(EmbryoRef)
    }

    /// Whether there is room for none more.
    pub(crate) fn is_full(&self) -> bool {
        self.roster.is_full()
    }

    /// An entry whose time has come. It stays, with no time set.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<EmbryoRef> {
        self.roster.expire(now).map(EmbryoRef)
    }

    /// When an entry may be due: never late, perhaps early.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.roster.next()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.roster.len()
    }

    /// Every entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = EmbryoView> {
        self.roster.iter().map(|(_, row)| view(&row))
    }
}

impl Body {
    fn new(now: Instant, facts: &EmbryoFacts) -> Self {
        let offer = &facts.offer;
        let scale = offer.window_scale.map_or(0, |scale| scale.min(14) + 1);
        let flag = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        Self {
            irs: facts.irs,
            ts_recent: facts.ts_recent,
            listener: facts.listener,
            mss: offer.mss,
            born: tenths(now),
            retransmissions: 0,
            offer: scale
                | flag(SACK, offer.sack)
                | flag(TIMESTAMPS, offer.timestamps)
                | flag(ECN, offer.ecn)
                | flag(REOPENING, facts.reopening),
        }
    }
}

fn view(row: &Row<Body>) -> EmbryoView {
    let body = &row.body;
    let has = |bit: u8| body.offer & bit != 0;
    EmbryoView {
        facts: EmbryoFacts {
            tuple: row.tuple,
            irs: body.irs,
            ts_recent: body.ts_recent,
            listener: body.listener,
            offer: Offer {
                mss: body.mss,
                window_scale: (body.offer & SCALE).checked_sub(1),
                sack: has(SACK),
                timestamps: has(TIMESTAMPS),
                ecn: has(ECN),
            },
            reopening: has(REOPENING),
            epoch: row.tag,
        },
        retransmissions: body.retransmissions & !AMBIGUOUS,
        born: body.born,
    }
}

const fn tenths(now: Instant) -> u16 {
    (now.as_millis() / 100) as u16
}

#[cfg(test)]
mod tests;
