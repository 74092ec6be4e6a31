//! Small entries that are found by four-tuple and die of time: half-open connections and TIME-WAIT are such.
//!
//! There is a table and a wheel for each address family, so that an IPv4 entry does not pay for 16-byte addresses. What
//! an entry holds besides is `B`, the same for both. Read first: `table`, `tcp::timer`.
//!
//! ```text
//! bytes   12      4              8 or 32      4      size_of B
//!       | timer | chain  24    | addresses  | ports | body … |
//!       |       | tag     8    |            |       |        |
//! ```

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::hash::{Keys, Place};
use crate::table::{Key, Node, Table};
use crate::tcp::timer::{TimerLink, Timers, Wheel};
use crate::time::Instant;
use crate::tuple::FourTuple;

/// Entries with a body `B`, of both families. Bounds: `limit` over both.
#[derive(Clone)]
pub(crate) struct Roster<B: Copy> {
    v4: Half<Ipv4Addr, B>,
    v6: Half<Ipv6Addr, B>,
    limit: usize,
}

/// Where an entry is. It holds until the entry is removed, so it is to be used at once and never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    /// In the table of IPv4.
    V4(u32),
    /// In the table of IPv6.
    V6(u32),
}

/// An entry as it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<B> {
    pub(crate) tuple: FourTuple,
    /// Eight bits that lie beside the chain.
    pub(crate) tag: u8,
    pub(crate) body: B,
}

/// Does the same to the half that a seat lies in.
macro_rules! in_half {
    ($roster:expr, $seat:expr, |$half:ident, $i:ident| $do:expr) => {
        match $seat {
            Seat::V4($i) => {
                let $half = &$roster.v4;
                $do
            }
            Seat::V6($i) => {
                let $half = &$roster.v6;
                $do
            }
        }
    };
    (mut $roster:expr, $seat:expr, |$half:ident, $i:ident| $do:expr) => {
        match $seat {
            Seat::V4($i) => {
                let $half = &mut $roster.v4;
                $do
            }
            Seat::V6($i) => {
                let $half = &mut $roster.v6;
                $do
            }
        }
    };
}

impl<B: Copy> Roster<B> {
    /// An empty roster for at most `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            v4: Half::new(limit),
            v6: Half::new(limit),
            limit,
        }
    }

    /// Adds an entry whose tuple is not there yet. `None`: the roster is full.
    pub(crate) fn insert(&mut self, keys: &Keys, row: Row<B>) -> Option<Seat> {
        if self.is_full() {
            return None;
        }
        match row.tuple.ends()? {
            Either::V4(ends) => self.v4.table.insert(keys, Entry::new(ends, &row)).map(Seat::V4),
            Either::V6(ends) => self.v6.table.insert(keys, Entry::new(ends, &row)).map(Seat::V6),
        }
    }

    /// The entry of this tuple.
    pub(crate) fn find(&self, place: &Place) -> Option<Seat> {
        match place.tuple.ends()? {
            Either::V4(ends) => self.v4.table.find(place.hash, &ends).map(Seat::V4),
            Either::V6(ends) => self.v6.table.find(place.hash, &ends).map(Seat::V6),
        }
    }

    /// What an entry holds.
    pub(crate) fn get(&self, seat: Seat) -> Option<Row<B>> {
        in_half!(self, seat, |half, i| half.table.get(i).map(Entry::row))
    }

    /// The body of an entry.
    pub(crate) fn body_mut(&mut self, seat: Seat) -> Option<&mut B> {
        in_half!(mut self, seat, |half, i| half.table.get_mut(i).map(|entry| &mut entry.body))
    }

    /// Changes the tag of an entry.
    pub(crate) fn set_tag(&mut self, seat: Seat, tag: u8) {
        in_half!(mut self, seat, |half, i| if let Some(entry) = half.table.get_mut(i) {
            entry.chain_tag = entry.chain_tag & CHAIN | u32::from(tag) << CHAIN_BITS;
        });
    }

    /// Gives an entry a time, or another one.
    pub(crate) fn schedule(&mut self, now: Instant, seat: Seat, at: Instant) {
        in_half!(mut self, seat, |half, i| half.schedule(now, i, at));
    }

    /// The time of an entry.
    pub(crate) fn deadline(&self, seat: Seat) -> Option<Instant> {
        in_half!(self, seat, |half, i| half.wheel.deadline(&half.table, i))
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, keys: &Keys, seat: Seat) -> Option<Row<B>> {
        in_half!(mut self, seat, |half, i| half.remove(keys, i).map(|entry| entry.row()))
    }

    /// An entry whose time has come. It stays, without a time.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Seat> {
        let v4 = self.v4.wheel.expire(now, &mut self.v4.table).map(Seat::V4);
        v4.or_else(|| self.v6.wheel.expire(now, &mut self.v6.table).map(Seat::V6))
    }

    /// When something may be due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let times = [self.v4.wheel.next(), self.v6.wheel.next()];
        times.into_iter().flatten().min()
    }

    /// The entry whose time comes first, as near as the wheels know it.
    pub(crate) fn nearest(&self) -> Option<Seat> {
        let v4 = self.v4.wheel.nearest().map(Seat::V4);
        let v6 = self.v6.wheel.nearest().map(Seat::V6);
        let seats = [v4, v6].into_iter().flatten();
        seats.min_by_key(|&seat| self.deadline(seat))
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.v4.table.len() + self.v6.table.len()
    }

    /// Whether there is room for none more.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// Every entry. Costs time in proportion to the most entries that there ever were.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Seat, Row<B>)> {
        let v4 = self.v4.table.iter().map(|(i, entry)| (Seat::V4(i), entry.row()));
        let v6 = self.v6.table.iter().map(|(i, entry)| (Seat::V6(i), entry.row()));
        v4.chain(v6)
    }

    /// What the tables have allocated. Units: bytes.
    #[cfg(test)]
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.v4.table.allocated_bytes() + self.v6.table.allocated_bytes()
    }
}

/// The part of one family.
#[derive(Clone)]
struct Half<A: Address, B: Copy> {
    table: Table<Entry<A, B>>,
    wheel: Wheel,
}

impl<A: Address, B: Copy> Half<A, B> {
    fn new(limit: usize) -> Self {
        Self {
            table: Table::new(limit),
            wheel: Wheel::new(),
        }
    }

    fn schedule(&mut self, now: Instant, i: u32, at: Instant) {
        if self.table.get(i).is_some() {
            self.wheel.schedule(now, &mut self.table, i, at);
        }
    }

    fn remove(&mut self, keys: &Keys, i: u32) -> Option<Entry<A, B>> {
        self.wheel.cancel(&mut self.table, i);
        self.table.remove(keys, i)
    }
}

/// An entry as it lies in its table.
#[derive(Clone, Copy)]
pub(crate) struct Entry<A, B> {
    timer: TimerLink,
    chain_tag: u32,
    ends: Ends<A>,
    body: B,
}

/// The link of a chain takes the low 24 bits.
const CHAIN_BITS: u32 = 24;
const CHAIN: u32 = (1 << CHAIN_BITS) - 1;
const _: () = assert!(crate::limits::ENTRIES_MAX < CHAIN as usize);

impl<A: Address, B: Copy> Entry<A, B> {
    fn new(ends: Ends<A>, row: &Row<B>) -> Self {
        Self {
            timer: TimerLink::default(),
            chain_tag: u32::from(row.tag) << CHAIN_BITS,
            ends,
            body: row.body,
        }
    }

    fn row(&self) -> Row<B> {
        Row {
            tuple: self.ends.tuple(),
            tag: (self.chain_tag >> CHAIN_BITS) as u8,
            body: self.body,
        }
    }
}

impl<A: Address, B: Copy> Node for Entry<A, B> {
    type Key = Ends<A>;

    fn key(&self) -> Ends<A> {
        self.ends
    }

    fn chain(&self) -> u32 {
        self.chain_tag & CHAIN
    }

    fn set_chain(&mut self, link: u32) {
        self.chain_tag = self.chain_tag & !CHAIN | link & CHAIN;
    }
}

impl<A: Address, B: Copy> Timers for Table<Entry<A, B>> {
    fn timer(&self, i: u32) -> TimerLink {
        self.get(i).map(|entry| entry.timer).unwrap_or_default()
    }

    fn set_timer(&mut self, i: u32, link: TimerLink) {
        if let Some(entry) = self.get_mut(i) {
            entry.timer = link;
        }
    }
}

/// The two ends of a connection, in the bytes that its family needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends<A> {
    local: A,
    remote: A,
    local_port: u16,
    remote_port: u16,
}

/// An address of one family.
pub(crate) trait Address: Copy + Eq + Into<IpAddr> {}

impl Address for Ipv4Addr {}
impl Address for Ipv6Addr {}

impl<A: Address> Ends<A> {
    fn new(local: A, remote: A, tuple: &FourTuple) -> Self {
        Self {
            local,
            remote,
            local_port: tuple.local_port,
            remote_port: tuple.remote_port,
        }
    }

    fn tuple(&self) -> FourTuple {
        let local = SocketAddr::new(self.local.into(), self.local_port);
        FourTuple::new(local, SocketAddr::new(self.remote.into(), self.remote_port))
    }
}

impl<A: Address> Key for Ends<A> {
    fn hash(&self, keys: &Keys) -> u32 {
        keys.demux_tuple(&self.tuple())
    }
}

/// The ends of a tuple, by family.
enum Either {
    V4(Ends<Ipv4Addr>),
    V6(Ends<Ipv6Addr>),
}

impl FourTuple {
    /// `None` where the families differ, which no parsed packet makes.
    fn ends(&self) -> Option<Either> {
        match (self.local_addr, self.remote_addr) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => Some(Either::V4(Ends::new(local, remote, self))),
            (IpAddr::V6(local), IpAddr::V6(remote)) => Some(Either::V6(Ends::new(local, remote, self))),
            _ => None,
        }
    }
}
