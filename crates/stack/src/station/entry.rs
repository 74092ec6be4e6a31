//! What is known of one neighbour, and the storage of it.

use alloc::vec::Vec;
use core::net::IpAddr;

use wire::ether::Mac;

use super::queue::{Link, Linked};
use crate::table::Chained;
use crate::tcp::timer::{TimerLink, Timers};
use crate::time::{Duration, Instant};

/// How well a neighbour is known: the states of RFC 4861 section 7.3.2, for ARP as well, and one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NeighbourState {
    /// It was asked for, and has not answered.
    Incomplete,
    /// It was heard of lately by who ought to know: it answered, or acknowledged.
    Reachable,
    /// Its hardware address is known, and nobody has asked whether it still holds.
    Stale,
    /// Something was sent there, and what comes back may confirm it.
    Delay,
    /// It is asked whether its hardware address still holds.
    Probe,
    /// It did not answer. For a second what is sent there is lost, then it is asked anew.
    Failed,
}

impl NeighbourState {
    /// Whether its hardware address is known.
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Incomplete | Self::Failed)
    }
}

/// A change of what is known of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighbourChange {
    /// Whose.
    pub address: IpAddr,
    /// Its hardware address from now on, or the last that was known.
    pub mac: Option<Mac>,
    /// From; `None`: it was not known of.
    pub from: Option<NeighbourState>,
    /// To; `None`: it is forgotten.
    pub to: Option<NeighbourState>,
}

/// A neighbour, as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address, where it is known.
    pub mac: Option<Mac>,
    /// How well.
    pub state: NeighbourState,
    /// Connections that wait for its answer.
    pub waiting: usize,
}

/// Who makes room for others, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Nobody of ours has used it: it told us of itself, or did not answer.
    Spare,
    /// A connection of ours uses it, or did.
    Wanted,
    /// It never does: a gateway, or one that is being asked for.
    Fixed,
}

/// A confirmation holds so long: the mean of what RFC 4861 section 6.3.2 draws from.
pub(super) const REACHABLE_TIME: Duration = Duration::from_secs(30);

/// An entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) address: IpAddr,
    /// Meaningless unless the state says that it is known.
    pub(super) mac: Mac,
    pub(super) state: NeighbourState,
    /// Solicitations in this state.
    pub(super) asked: u8,
    pub(super) rank: Rank,
    /// When this hardware address was last confirmed.
    pub(super) confirmed: Option<Instant>,
    /// When TCP last heard something new from behind it.
    pub(super) heard: Option<Instant>,
    /// Connections that wait for the answer, by index. One that is stale waits for nothing and does no harm.
    pub(super) waiting: Vec<u32>,
    timer: TimerLink,
    chain: u32,
    link: Link,
}

impl Entry {
    pub(super) fn new(address: IpAddr, state: NeighbourState) -> Self {
        Self {
            address,
            mac: Mac::NONE,
            state,
            asked: 0,
            rank: Rank::Fixed,
            confirmed: None,
            heard: None,
            waiting: Vec::new(),
            timer: TimerLink::default(),
            chain: 0,
            link: Link::default(),
        }
    }

    pub(super) fn known_mac(&self) -> Option<Mac> {
        self.state.is_known().then_some(self.mac)
    }

    /// Whether it was confirmed within `span`.
    pub(super) fn is_confirmed_within(&self, now: Instant, span: Duration) -> bool {
        self.confirmed.is_some_and(|at| now.since(at) < span)
    }

    /// Whether it does what is to be expected of it, as far as anybody could tell within `span`.
    pub(super) fn is_trusted_within(&self, now: Instant, span: Duration) -> bool {
        self.is_confirmed_within(now, span) || self.heard.is_some_and(|at| now.since(at) < span)
    }

    /// Its state now: a confirmation ends without a timer.
    pub(super) fn state_at(&self, now: Instant) -> NeighbourState {
        match self.state {
            NeighbourState::Reachable if !self.is_confirmed_within(now, REACHABLE_TIME) => NeighbourState::Stale,
            state => state,
        }
    }
}

/// The storage, which the buckets, the wheel and the queues link through.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
}

impl Entries {
    pub(super) fn get(&self, i: u32) -> Option<&Entry> {
        self.slots.get(i as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, i: u32) -> Option<&mut Entry> {
        self.slots.get_mut(i as usize)?.as_mut()
    }

    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        let free = self.free.pop();
        if let Some(i) = free
            && let Some(slot) = self.slots.get_mut(i as usize)
        {
            *slot = Some(entry);
            return i;
        }
        self.slots.push(Some(entry));
        self.slots() - 1
    }

    pub(super) fn remove(&mut self, i: u32) -> Option<Entry> {
        let entry = self.slots.get_mut(i as usize)?.take()?;
        self.free.push(i);
        Some(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// One more than the largest index that an entry may have.
    pub(super) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }
}

impl Chained for Entries {
    fn chain(&self, i: u32) -> u32 {
        self.get(i).map_or(0, |entry| entry.chain)
    }

    fn set_chain(&mut self, i: u32, link: u32) {
        if let Some(entry) = self.get_mut(i) {
            entry.chain = link;
        }
    }
}

impl Timers for Entries {
    fn timer(&self, i: u32) -> TimerLink {
        self.get(i).map(|entry| entry.timer).unwrap_or_default()
    }

    fn set_timer(&mut self, i: u32, link: TimerLink) {
        if let Some(entry) = self.get_mut(i) {
            entry.timer = link;
        }
    }
}

impl Linked for Entries {
    fn link(&self, i: u32) -> Link {
        self.get(i).map(|entry| entry.link).unwrap_or_default()
    }

    fn set_link(&mut self, i: u32, link: Link) {
        if let Some(entry) = self.get_mut(i) {
            entry.link = link;
        }
    }
}
