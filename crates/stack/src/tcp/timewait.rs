//! TIME-WAIT: one small entry each, with no TCB and no buffer, until 2MSL is over.
//!
//! Read first: RFC 9293 sections 3.6.1 and 3.10.7.4, RFC 6191.

use wire::seq::SeqNumber;

use crate::hash::{Keys, Place};
use crate::tcp::roster::{Roster, Row, Seat};
use crate::time::{Duration, Instant};
use crate::tuple::FourTuple;

/// What a connection leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TimeWaitFacts {
    /// Both ends.
    pub(crate) tuple: FourTuple,
    /// SND.NXT: our FIN is before it.
    pub(crate) snd_nxt: SeqNumber,
    /// RCV.NXT: the peer's FIN is before it.
    pub(crate) rcv_nxt: SeqNumber,
    /// TS.Recent; 0 without timestamps.
    pub(crate) ts_recent: u32,
    /// What is added to the millisecond clock to make our TSval.
    pub(crate) ts_offset: u32,
    /// Both sides sent timestamps.
    pub(crate) timestamps: bool,
}

/// An entry as it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TimeWaitView {
    /// What the connection left.
    pub(crate) facts: TimeWaitFacts,
    /// A SYN has been answered that may replace the entry (RFC 9293 MAY-2, RFC 6191).
    pub(crate) reopening: bool,
    /// The ISS of the connection that may: beyond every number that the old one used (RFC 9293 MAY-2), and not one that a
    /// SYN-ACK has said that came to nothing. Its client may have believed that, and send still.
    pub(crate) iss: SeqNumber,
    /// When it is forgotten, to the millisecond.
    pub(crate) until: Instant,
}

impl TimeWaitView {
    /// Time until it is forgotten.
    pub(crate) const fn remaining(&self, now: Instant) -> Duration {
        self.until.since(now)
    }
}

/// Where an entry is. To be used at once, and never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeWaitRef(Seat);

/// What adding an entry did besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// The entry that made room: the one nearest its end.
    pub(crate) evicted: Option<FourTuple>,
}

/// The TIME-WAIT entries of a stack.
#[derive(Clone)]
pub(crate) struct TimeWaits {
    roster: Roster<Body>,
}

/// What is stored besides tuple, timer and flags.
#[derive(Debug, Clone, Copy)]
struct Body {
    snd_nxt: SeqNumber,
    rcv_nxt: SeqNumber,
    ts_recent: u32,
    ts_offset: u32,
}

const TIMESTAMPS: u8 = 1;
const REOPENING: u8 = 2;
/// One reopening that failed, counted in the bits above the flags, over and over.
const FAILED: u8 = 4;

/// How far beyond SND.NXT the ISS of a reopening lies, and beyond the ISS of the one before. Units: more than a window without
/// scale.
const ISS_STEP: u32 = 65_537;

impl TimeWaits {
    /// None yet. Bounds: at most `limit`, at least 1.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            roster: Roster::new(limit.max(1)),
        }
    }

    /// Adds an entry until then, in the place of one of the same tuple if there is one. In a full table the entry that
    /// is nearest its end makes room.
    pub(crate) fn insert(&mut self, now: Instant, keys: &Keys, facts: &TimeWaitFacts, until: Instant) -> Inserted {
        if let Some(old) = self.find(&keys.place(&facts.tuple)) {
            self.remove(keys, old);
        }
        let nearest = self.roster.nearest().filter(|_| self.roster.is_full());
        let evicted = nearest.and_then(|seat| self.roster.remove(keys, seat));
        let row = Row {
            tuple: facts.tuple,
            tag: if facts.timestamps { TIMESTAMPS } else { 0 },
            body: Body {
                snd_nxt: facts.snd_nxt,
                rcv_nxt: facts.rcv_nxt,
                ts_recent: facts.ts_recent,
                ts_offset: facts.ts_offset,
            },
        };
        if let Some(seat) = self.roster.insert(keys, row) {
            self.roster.schedule(now, seat, until);
        }
        Inserted {
            evicted: evicted.map(|row| row.tuple),
        }
    }

    /// The entry of this tuple.
    pub(crate) fn find(&self, place: &Place) -> Option<TimeWaitRef> {
        self.roster.find(place).map(TimeWaitRef)
    }

    /// What an entry holds.
    pub(crate) fn get(&self, at: TimeWaitRef) -> Option<TimeWaitView> {
        let row = self.roster.get(at.0)?;
        Some(view(&row, self.roster.deadline(at.0)))
    }

    /// Marks the entry as about to be replaced.
    pub(crate) fn begin_reopening(&mut self, at: TimeWaitRef) {
        if let Some(row) = self.roster.get(at.0) {
            self.roster.set_tag(at.0, row.tag | REOPENING);
        }
    }

    /// The handshake that was to replace the entry has failed: the next one has another ISS.
    pub(crate) fn reopening_failed(&mut self, at: TimeWaitRef) {
        if let Some(row) = self.roster.get(at.0) {
            self.roster.set_tag(at.0, (row.tag & !REOPENING).wrapping_add(FAILED));
        }
    }

    /// Sets TS.Recent.
    pub(crate) fn set_ts_recent(&mut self, at: TimeWaitRef, ts_recent: u32) {
        if let Some(body) = self.roster.body_mut(at.0) {
            body.ts_recent = ts_recent;
        }
    }

    /// Starts 2MSL again.
    pub(crate) fn restart(&mut self, now: Instant, at: TimeWaitRef, until: Instant) {
        self.roster.schedule(now, at.0, until);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, keys: &Keys, at: TimeWaitRef) -> Option<TimeWaitView> {
        let until = self.roster.deadline(at.0);
        self.roster.remove(keys, at.0).map(|row| view(&row, until))
    }

    /// An entry whose time is over. It stays until it is removed.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<TimeWaitRef> {
        self.roster.expire(now).map(TimeWaitRef)
    }

    /// When an entry may be over: never late, perhaps early.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.roster.next()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.roster.len()
    }

    /// Every entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = TimeWaitView> {
        let rows = self.roster.iter();
        rows.map(|(seat, row)| view(&row, self.roster.deadline(seat)))
    }
}

fn view(row: &Row<Body>, until: Option<Instant>) -> TimeWaitView {
    TimeWaitView {
        facts: TimeWaitFacts {
            tuple: row.tuple,
            snd_nxt: row.body.snd_nxt,
            rcv_nxt: row.body.rcv_nxt,
            ts_recent: row.body.ts_recent,
            ts_offset: row.body.ts_offset,
            timestamps: row.tag & TIMESTAMPS != 0,
        },
        reopening: row.tag & REOPENING != 0,
        iss: row.body.snd_nxt + ISS_STEP * (u32::from(row.tag / FAILED) + 1),
        until: until.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
