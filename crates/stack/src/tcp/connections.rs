//! All connections of a stack: storage that never moves, found by four-tuple, woken by one wheel.

use alloc::vec::Vec;

use super::connection::Connection;
use super::timer::{TimerLink, Timers, Wheel};
use crate::event::ConnectionId;
use crate::hash::{Keys, Place};
use crate::limits::ENTRIES_MAX;
use crate::table::{Buckets, Chained};
use crate::time::Instant;

/// Connections are allocated so many at a time.
const CHUNK: usize = 64;

/// And their links.
const LINKS: usize = 256;

/// Packets whose memory is asked for together.
pub(crate) const AHEAD: usize = 32;

#[derive(Debug, Clone)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// The storage of the connections themselves.
#[derive(Debug, Clone, Default)]
struct Slots {
    chunks: Vec<Vec<Slot>>,
}

impl Slots {
    fn slot(&self, i: u32) -> Option<&Slot> {
        self.chunks.get(i as usize / CHUNK)?.get(i as usize % CHUNK)
    }

    fn slot_mut(&mut self, i: u32) -> Option<&mut Slot> {
        self.chunks.get_mut(i as usize / CHUNK)?.get_mut(i as usize % CHUNK)
    }

    fn get(&self, i: u32) -> Option<&Connection> {
        self.slot(i)?.connection.as_ref()
    }

    fn get_mut(&mut self, i: u32) -> Option<&mut Connection> {
        self.slot_mut(i)?.connection.as_mut()
    }

    fn push(&mut self, i: u32) {
        if self.chunks.len() <= i as usize / CHUNK {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(Slot {
                generation: 0,
                connection: None,
            });
        }
    }
}

/// How one connection hangs in the table and in the wheel.
#[derive(Debug, Clone, Copy, Default)]
struct Link {
    hash: u32,
    chain: u32,
    timer: TimerLink,
}

/// The links of all connections, apart from them and close together: who goes along a chain, or hangs a connection into the
/// wheel beside others, touches none of these others.
#[derive(Debug, Clone, Default)]
struct Links {
    chunks: Vec<Vec<Link>>,
}

impl Links {
    fn link(&self, i: u32) -> Option<&Link> {
        self.chunks.get(i as usize / LINKS)?.get(i as usize % LINKS)
    }

    fn link_mut(&mut self, i: u32) -> Option<&mut Link> {
        self.chunks.get_mut(i as usize / LINKS)?.get_mut(i as usize % LINKS)
    }

    fn push(&mut self, i: u32) {
        if self.chunks.len() <= i as usize / LINKS {
            self.chunks.push(Vec::with_capacity(LINKS));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(Link::default());
        }
    }

    fn hash(&self, i: u32) -> u32 {
        self.link(i).map_or(0, |link| link.hash)
    }
}

impl Chained for Links {
    fn chain(&self, i: u32) -> u32 {
        self.link(i).map_or(0, |link| link.chain)
    }

    fn set_chain(&mut self, i: u32, chain: u32) {
        if let Some(link) = self.link_mut(i) {
            link.chain = chain;
        }
    }
}

impl Timers for Links {
    fn timer(&self, i: u32) -> TimerLink {
        self.link(i).map_or_else(TimerLink::default, |link| link.timer)
    }

    fn set_timer(&mut self, i: u32, timer: TimerLink) {
        if let Some(link) = self.link_mut(i) {
            link.timer = timer;
        }
    }
}

/// The connections.
#[derive(Clone)]
pub(crate) struct Connections {
    slots: Slots,
    links: Links,
    free: Vec<u32>,
    buckets: Buckets,
    wheel: Wheel,
    len: usize,
    used: u32,
    limit: usize,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, ENTRIES_MAX);
        Self {
            slots: Slots::default(),
            links: Links::default(),
            free: Vec::new(),
            buckets: Buckets::roomy(limit),
            wheel: Wheel::new(),
            len: 0,
            used: 0,
            limit,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.len >= self.limit
    }

    /// Adds a connection; the caller has asked `is_full`.
    pub(crate) fn insert(&mut self, keys: &Keys, connection: Connection) -> u32 {
        let i = self.free.pop().unwrap_or_else(|| {
            let i = self.used;
            self.slots.push(i);
            self.links.push(i);
            self.used += 1;
            i
        });
        let hash = keys.demux_tuple(&connection.tuple);
        if let Some(slot) = self.slots.slot_mut(i) {
            slot.connection = Some(connection);
        }
        if let Some(link) = self.links.link_mut(i) {
            link.hash = hash;
        }
        self.buckets.insert(&mut self.links, hash, i);
        self.len += 1;
        i
    }

    /// The connection that segments of this four-tuple belong to.
    pub(crate) fn find(&self, place: &Place) -> Option<u32> {
        // The hash first: it lies beside the chain.
        let is_wanted =
            |i| self.links.hash(i) == place.hash && self.slots.get(i).is_some_and(|c| c.tuple == place.tuple);
        self.buckets.find(&self.links, place.hash, is_wanted)
    }

    /// Reads what packets for these places are going to need, a step of all of them before the next step of any, so that the
    /// misses of caches overlap: they cost a fraction of what they would one after the other. Changes nothing. Bounds: the
    /// first [`AHEAD`] places.
    pub(crate) fn look_ahead<'a>(&self, places: impl Iterator<Item = &'a Place> + Clone) {
        let places = places.take(AHEAD);
        let mut seen = 0;
        for place in places.clone() {
            seen ^= self.buckets.head(place.hash);
        }
        for place in places.clone() {
            let first = self.buckets.head(place.hash).wrapping_sub(1);
            seen ^= self.links.hash(first);
        }
        let mut found = [0; AHEAD];
        for (place, found) in places.zip(&mut found) {
            let is_like = |i| self.links.hash(i) == place.hash;
            *found = self.buckets.find(&self.links, place.hash, is_like).map_or(0, |i| i + 1);
        }
        for i in found.into_iter().filter_map(|link| link.checked_sub(1)) {
            seen ^= self.slots.get(i).map_or(0, Connection::touch);
        }
        for i in found.into_iter().filter_map(|link| link.checked_sub(1)) {
            // Its neighbours in the wheel, from whom it is taken when its timer is set anew.
            for neighbour in self.links.timer(i).neighbours() {
                seen ^= self.links.hash(neighbour);
            }
        }
        // Or the compiler would see that nobody wants to know.
        core::hint::black_box(seen);
    }

    /// From now on no segment finds it; its user still may.
    pub(crate) fn unhash(&mut self, i: u32) {
        let hash = self.links.hash(i);
        self.buckets.remove(&mut self.links, hash, i);
        self.wheel.cancel(&mut self.links, i);
    }

    /// Gives an unhashed connection's memory back, and its id's meaning.
    pub(crate) fn free(&mut self, i: u32) {
        // The wheel is linked through its entries: one that vanished from it unnoticed would tear it.
        self.wheel.cancel(&mut self.links, i);
        if let Some(slot) = self.slots.slot_mut(i)
            && slot.connection.take().is_some()
        {
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(i);
            self.len -= 1;
        }
    }

    pub(crate) fn get(&self, i: u32) -> Option<&Connection> {
        self.slots.get(i)
    }

    pub(crate) fn get_mut(&mut self, i: u32) -> Option<&mut Connection> {
        self.slots.get_mut(i)
    }

    pub(crate) fn id(&self, i: u32) -> ConnectionId {
        ConnectionId {
            index: i,
            generation: self.slots.slot(i).map_or(0, |s| s.generation),
        }
    }

    /// The index behind an id that has not been given back.
    pub(crate) fn index(&self, id: ConnectionId) -> Option<u32> {
        let slot = self.slots.slot(id.index)?;
        (slot.generation == id.generation && slot.connection.is_some()).then_some(id.index)
    }

    /// Wakes the connection at its earliest deadline, and not again when it is to be woken before that already.
    pub(crate) fn schedule(&mut self, now: Instant, i: u32) {
        let Some(c) = self.slots.get(i) else { return };
        match c.deadlines.earliest(now) {
            None => self.wheel.cancel(&mut self.links, i),
            Some(at) if self.wheel.deadline(&self.links, i).is_none_or(|set| at < set) => {
                self.wheel.schedule(now, &mut self.links, i, at);
            }
            Some(_) => {}
        }
    }

    /// Takes a connection off the wheel whose time may have come.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<u32> {
        self.wheel.expire(now, &mut self.links)
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.wheel.next()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Connection)> {
        (0..self.used).filter_map(|i| Some((i, self.slots.get(i)?)))
    }
}
