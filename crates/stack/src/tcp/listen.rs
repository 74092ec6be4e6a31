//! Listeners: where they listen, and their two bounded queues.
//!
//! The SYN queue's entries live in the table of half-open connections; a listener only counts its own. The accept queue
//! holds connections that are established and that nobody has taken yet.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::{ConnectionOptions, ListenOptions};
use crate::event::ListenerId;
use crate::flood::{Gauge, GaugeOptions};
use crate::tcp::cookie::InFlight;
use crate::time::Duration;

/// A listener.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) options: ListenOptions,
    /// What accepted connections start with.
    pub(crate) connection: Arc<ConnectionOptions>,
    /// Half-open entries of this listener, but for those that reopen a TIME-WAIT entry: each of these has one to answer for it.
    pub(crate) half_open: usize,
    /// Indices of connections, the oldest first.
    pub(crate) accept_queue: VecDeque<u32>,
    /// An event waits in the stack's queue.
    pub(crate) event_queued: bool,
    /// SYNs are answered by a cookie alone until the queue is half empty.
    pub(crate) is_stateless: bool,
    /// The epochs of which there may be cookies that have no entry.
    pub(crate) in_flight: InFlight,
    /// Whether it is flooded.
    pub(crate) gauge: Gauge,
    /// It stands in the stack's list of those to be judged after this batch.
    pub(crate) is_touched: bool,
    /// It stands in the stack's list of those to be judged at a time.
    pub(crate) is_timed: bool,
    /// Half-open entries of each other shard, as it said last; none where this one does not judge for others.
    half_open_elsewhere: Vec<u32>,
    /// What this shard said last of its half-open entries to the one that judges.
    pub(crate) reported: Option<u32>,
    /// Connections of each source, where there is a bound for them. No source stands for none.
    sources: BTreeMap<IpAddr, usize>,
}

/// How long a listener waits for a third ACK, and how often it repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    pub(crate) lifetime: Duration,
    pub(crate) retransmissions: u8,
}

impl Listener {
    pub(crate) fn is_syn_queue_full(&self) -> bool {
        self.half_open >= self.options.syn_backlog
    }

    /// At least half of the SYN queue is taken.
    pub(crate) fn is_under_pressure(&self) -> bool {
        self.half_open * 2 >= self.options.syn_backlog.max(1)
    }

    /// How long a new half-open entry waits for the third ACK before its SYN-ACK is sent again.
    pub(crate) fn first_wait(&self) -> Duration {
        self.connection.rto_initial.min(self.options.half_open_lifetime)
    }

    /// What holds for half-open entries now.
    pub(crate) fn patience(&self) -> Patience {
        let ListenOptions {
            half_open_lifetime: lifetime,
            syn_ack_retransmissions: retransmissions,
            pressure,
            ..
        } = self.options;
        if !self.is_under_pressure() {
            return Patience {
                lifetime,
                retransmissions,
            };
        }
        Patience {
            lifetime: lifetime.min(pressure.half_open_lifetime),
            retransmissions: retransmissions.min(pressure.syn_ack_retransmissions),
        }
    }

    /// Half-open entries of this listener in all shards of the host, as far as they have told.
    pub(crate) fn half_open_in_all(&self) -> usize {
        let add = |sum: usize, entries: &u32| sum.saturating_add(*entries as usize);
        self.half_open_elsewhere.iter().fold(self.half_open, add)
    }

    /// Another shard has so many.
    pub(crate) fn report_half_open(&mut self, shard: usize, entries: u32) {
        if self.half_open_elsewhere.len() <= shard {
            self.half_open_elsewhere.resize(shard.saturating_add(1), 0);
        }
        if let Some(known) = self.half_open_elsewhere.get_mut(shard) {
            *known = entries;
        }
    }

    /// Whether this source has as many connections as it may.
    pub(crate) fn is_source_full(&self, addr: IpAddr) -> bool {
        let held = || self.sources.get(&grain(addr)).copied().unwrap_or(0);
        self.options.connections_per_source.is_some_and(|most| held() >= most)
    }

    /// One connection of this source more. Returns whether it counts.
    pub(crate) fn count_source(&mut self, addr: IpAddr) -> bool {
        let counts = self.options.connections_per_source.is_some();
        if counts {
            *self.sources.entry(grain(addr)).or_default() += 1;
        }
        counts
    }

    /// One less.
    pub(crate) fn discount_source(&mut self, addr: IpAddr) {
        let source = grain(addr);
        match self.sources.get_mut(&source) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(self.sources.remove(&source)),
        }
    }

    pub(crate) fn is_accept_queue_full(&self) -> bool {
        self.accept_queue.len() >= self.options.accept_backlog
    }
}

/// All listeners of a stack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listeners {
    slots: Vec<(u32, Option<Listener>)>,
    by_address: BTreeMap<(IpAddr, u16), u16>,
}

/// What one source is: an IPv4 address, or an IPv6 /64.
fn grain(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => addr,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// The address that stands for every address of the family of `addr`.
const fn unspecified(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

impl Listeners {
    pub(crate) fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Whether exactly this address and port is taken.
    pub(crate) fn has(&self, local: SocketAddr) -> bool {
        self.by_address.contains_key(&(local.ip(), local.port()))
    }

    /// Adds a listener at an address that is not taken. The caller keeps `len` below 65,535.
    pub(crate) fn insert(
        &mut self,
        mut options: ListenOptions,
        in_flight: InFlight,
        gauge: GaugeOptions,
    ) -> ListenerId {
        options.accept_backlog = options.accept_backlog.max(1);
        let listener = Listener {
            options,
            connection: Arc::new(options.connection),
            half_open: 0,
            accept_queue: VecDeque::new(),
            event_queued: false,
            is_stateless: false,
            in_flight,
            gauge: Gauge::new(gauge),
            is_touched: false,
            is_timed: false,
            half_open_elsewhere: Vec::new(),
            reported: None,
            sources: BTreeMap::new(),
        };
        let free = self.slots.iter().position(|(_, slot)| slot.is_none());
        let at = free.unwrap_or(self.slots.len());
        if free.is_none() {
            self.slots.push((0, None));
        }
        let index = u16::try_from(at).unwrap_or(u16::MAX);
        let mut generation = 0;
        if let Some((g, slot)) = self.slots.get_mut(at) {
            *slot = Some(listener);
            generation = *g;
        }
        self.by_address
            .insert((options.local.ip(), options.local.port()), index);
        ListenerId {
            index: u32::from(index),
            generation,
        }
    }

    pub(crate) fn remove(&mut self, id: ListenerId) -> Option<Listener> {
        self.get(id)?;
        let (generation, slot) = self.slots.get_mut(id.index())?;
        let listener = slot.take()?;
        *generation = generation.wrapping_add(1);
        self.by_address
            .remove(&(listener.options.local.ip(), listener.options.local.port()));
        Some(listener)
    }

    pub(crate) fn get(&self, id: ListenerId) -> Option<&Listener> {
        let (generation, slot) = self.slots.get(id.index())?;
        slot.as_ref().filter(|_| *generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        let (generation, slot) = self.slots.get_mut(id.index())?;
        slot.as_mut().filter(|_| *generation == id.generation)
    }

    /// By the index that half-open entries and queued connections keep. They never outlive their listener.
    pub(crate) fn at(&self, index: u16) -> Option<&Listener> {
        self.slots.get(usize::from(index))?.1.as_ref()
    }

    pub(crate) fn at_mut(&mut self, index: u16) -> Option<&mut Listener> {
        self.slots.get_mut(usize::from(index))?.1.as_mut()
    }

    pub(crate) fn id(&self, index: u16) -> ListenerId {
        let generation = self.slots.get(usize::from(index)).map_or(0, |(g, _)| *g);
        ListenerId {
            index: u32::from(index),
            generation,
        }
    }

    /// Who takes a SYN to this address: the listener of the address itself before that of all addresses.
    pub(crate) fn find(&self, addr: IpAddr, port: u16) -> Option<u16> {
        let exact = self.by_address.get(&(addr, port));
        exact
            .or_else(|| self.by_address.get(&(unspecified(addr), port)))
            .copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ListenerId, &Listener)> {
        (0u32..).zip(&self.slots).filter_map(|(index, (generation, slot))| {
            let id = ListenerId {
                index,
                generation: *generation,
            };
            Some((id, slot.as_ref()?))
        })
    }
}
