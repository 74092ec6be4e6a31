//! The machine and its contract: one mutation, drain transmit and events, sleep until `poll_timeout`.
//!
//! ```text
//!  handle_packets ─▶ packets ─┬▶ icmp       (on an Ethernet: frames before it, ways behind poll_transmit)
//!                             └▶ demux ─▶ Connection | half-open entry | TIME-WAIT entry | Listener | nobody
//!  handle_timeout ─▶ timeout       │
//!  user calls ─────▶ calls ────────┴──▶ settle ─▶ events, timers, transmit queue ─▶ poll_event, poll_timeout, poll_transmit
//! ```

mod arrival;
mod calls;
mod coalesce;
mod fingerprint;
mod frames;
mod half_open;
mod handshake;
mod icmp;
mod judge;
mod packets;
mod settle;
mod shards;
mod syn;
mod syncookie;
mod timewait;
mod transmit;
mod view;
mod ways;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use self::arrival::{Arrival, Origin};
use self::judge::Judging;
use self::shards::Membership;
use crate::bucket::TokenBucket;
use crate::config::{Config, ConnectionOptions, Secrets};
use crate::counters::Counters;
use crate::event::{ConnectionId, Event, ListenerId};
use crate::flood::{Limiter, ReplyBudget};
use crate::fragment::Reassembler;
use crate::hash::Keys;
use crate::io::{Batch, Budget, Sink};
use crate::ledger::Ledger;
use crate::medium::Medium;
use crate::observer::{Observer, Why};
use crate::path::Paths;
use crate::replies::Replies;
use crate::station::Station;
use crate::tcp::connection::Owner;
use crate::tcp::connections::Connections;
use crate::tcp::cookie::{BareGate, Mint};
use crate::tcp::embryo::Embryos;
use crate::tcp::listen::Listeners;
use crate::tcp::spent::Spent;
use crate::tcp::timeout;
use crate::tcp::timewait::TimeWaits;
use crate::time::{Instant, Now};

/// A TCP/IP stack of one thread: the whole of a host, or one of its [`shards`](Self::shards).
///
/// A clone goes its own way from where it was made, with the same secrets and ids: for who tries what may become of one
/// moment, never to run two hosts.
#[derive(Clone)]
pub struct Stack<O: Observer = ()> {
    config: Config,
    keys: Keys,
    mint: Mint,
    bare_cookies: BareGate,
    limiter: Limiter,
    reply_budget: ReplyBudget,
    judging: Judging,
    /// `None`: this is all there is of the host.
    membership: Option<Membership>,
    observer: O,
    counters: Counters,
    connections: Connections,
    embryos: Embryos,
    time_waits: TimeWaits,
    spent: Spent,
    listeners: Listeners,
    reassembler: Reassembler,
    replies: Replies,
    ledger: Ledger,
    paths: Paths,
    /// Who we are on an Ethernet.
    station: Option<Box<Station>>,
    /// Connections that may have something to send, by index. One that is stale asks for nothing and does no harm.
    transmit: VecDeque<u32>,
    events: VecDeque<Waiting>,
    budgets: Budgets,
    /// Distinguishes one choice of an ephemeral port from the next (RFC 6056).
    ports_chosen: u32,
    /// What cookies are bound to, whatever the MTU is now. Units: bytes.
    mtu_at_birth: usize,
    scratch: Scratch,
    /// The stack's own settings, and others that were asked for last: connections with the same share them.
    settings: [Arc<ConnectionOptions>; 2],
}

/// An event that waits: what happened is read from its object when it is handed out.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    Listener(ListenerId),
    Connection(ConnectionId),
}

/// What we may say to strangers.
#[derive(Debug, Clone)]
struct Budgets {
    resets: TokenBucket,
    icmp: TokenBucket,
    stateless_acks: TokenBucket,
}

/// Storage that is used again for every batch that arrives and every segment that leaves.
#[derive(Debug, Default)]
struct Scratch {
    arrivals: Vec<Arrival>,
    head: Vec<u8>,
    payload: Vec<Bytes>,
}

/// Nothing stays in it from one call to the next.
impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The parts of a stack that a step of the machine may touch beside the tables.
macro_rules! context {
    ($stack:expr, $now:expr) => {
        $crate::context::Context {
            now: $now,
            config: &$stack.config,
            counters: &mut $stack.counters,
            observer: &mut $stack.observer,
            replies: &mut $stack.replies,
            ledger: &$stack.ledger,
        }
    };
}
use context;

impl<O: Observer> Stack<O> {
    /// A stack with this configuration; what is out of bounds in it is clamped.
    pub fn new(mut config: Config, secrets: Secrets, observer: O) -> Self {
        config.mtu = mtu_clamped(config.mtu);
        let limits = &mut config.limits;
        limits.receive_buffer_max = limits.receive_buffer_max.clamp(1, (1 << 30) - 1);
        limits.send_buffer_max = limits.send_buffer_max.clamp(1, (1 << 30) - 1);
        limits.listeners = limits.listeners.min(65_535);
        let limits = config.limits;
        config.connection = config.connection.clamped(&limits);
        Self {
            keys: Keys::new(&secrets),
            mint: Mint::new(&secrets),
            bare_cookies: BareGate::new(&config.cookies),
            limiter: Limiter::new(&config.flood.limiter, &secrets),
            reply_budget: ReplyBudget::new(config.flood.replies, &secrets),
            judging: Judging::default(),
            membership: None,
            observer,
            counters: Counters::default(),
            connections: Connections::new(limits.connections),
            embryos: Embryos::new(limits.embryos),
            time_waits: TimeWaits::new(limits.time_waits),
            spent: Spent::new(limits.spent_cookies),
            listeners: Listeners::default(),
            reassembler: Reassembler::new(&limits),
            replies: Replies::new(limits.replies),
            ledger: Ledger::new(&limits),
            paths: Paths::default(),
            station: match &config.medium {
                Medium::Ip => None,
                Medium::Ethernet(options) => Some(Box::new(Station::new(options, &limits))),
            },
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            budgets: Budgets {
                resets: TokenBucket::new(limits.resets_per_s, limits.resets_per_s),
                icmp: TokenBucket::new(limits.icmp_per_s, limits.icmp_per_s),
                stateless_acks: TokenBucket::new(limits.stateless_acks_per_s, limits.stateless_acks_per_s),
            },
            ports_chosen: secrets.public as u32,
            mtu_at_birth: config.mtu,
            scratch: Scratch::default(),
            settings: [Arc::new(config.connection), Arc::new(config.connection)],
            config,
        }
    }

    /// The configuration, as it was clamped.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the configuration for what is opened from now on; what exists keeps what it negotiated. The limits stay as
    /// they were at the stack's birth, and so does what a flood is met with: tables are sized by them, and half-open peers were told a window scale.
    pub fn set_config(&mut self, config: Config) {
        let limits = self.config.limits;
        let mtu = mtu_clamped(config.mtu);
        if config.cookies != self.config.cookies {
            self.bare_cookies = BareGate::new(&config.cookies);
        }
        let flood = core::mem::take(&mut self.config.flood);
        let medium = match (&mut self.station, config.medium) {
            (None, _) => Medium::Ip,
            (Some(station), Medium::Ethernet(options)) => {
                station.set_options(&options);
                Medium::Ethernet(options)
            }
            (Some(_), Medium::Ip) => core::mem::take(&mut self.config.medium),
        };
        self.config = Config {
            limits,
            mtu,
            flood,
            connection: config.connection.clamped(&limits),
            medium,
            ..config
        };
        self.settings[0] = Arc::new(self.config.connection);
    }

    /// Takes packets in. A packet never makes an error: what cannot be used is counted and told to the observer.
    pub fn handle_packets(&mut self, now: Now, batch: &mut Batch) {
        self.counters.packets_in = self.counters.packets_in.wrapping_add(batch.len() as u64);
        self.packets(now, Origin::Link, batch);
        self.judge_touched(now);
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.judge_timed(now);
        self.neighbour_timeouts(now);
        while let Some(i) = self.connections.expire(now.mono) {
            if let Some(c) = self.connections.get_mut(i) {
                timeout::run(&mut context!(self, now), c);
            }
            self.suspect_neighbour(now, i);
            self.settle(now, i);
        }
        while let Some(at) = self.embryos.expire(now.mono) {
            self.half_open_timeout(now, at);
        }
        while let Some(at) = self.time_waits.expire(now.mono) {
            self.time_wait_over(now, at);
        }
        for _ in 0..self.reassembler.expire(now.mono) {
            context!(self, now).dropped(None, Why::FragmentsExpired);
        }
        self.judge_touched(now);
    }

    /// Sends what is to be sent, at most `budget`. Returns whether something is left (the sink was full or the budget
    /// was spent).
    pub fn poll_transmit(&mut self, now: Now, budget: Budget, sink: &mut impl Sink) -> bool {
        self.transmit(now, budget, sink)
    }

    /// The next readiness event.
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(waiting) = self.events.pop_front() {
            match waiting {
                Waiting::Listener(id) => {
                    let Some(listener) = self.listeners.get_mut(id) else {
                        continue;
                    };
                    listener.event_queued = false;
                    if !listener.accept_queue.is_empty() {
                        return Some(Event::Acceptable(id));
                    }
                }
                Waiting::Connection(id) => {
                    let connection = self.connections.index(id).and_then(|i| self.connections.get_mut(i));
                    let Some(c) = connection else { continue };
                    c.event_queued = false;
                    let ready = core::mem::take(&mut c.ready);
                    if c.owner == Owner::User && !ready.is_empty() {
                        return Some(Event::Connection(id, ready));
                    }
                }
            }
        }
        None
    }

    /// When to call `handle_timeout`; `None` while no timer runs. It may be early, never late by more than 1 ms.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let times = [
            self.connections.next(),
            self.embryos.next(),
            self.time_waits.next(),
            self.judging.next(),
            self.reassembler.next(),
            self.station.as_deref().and_then(Station::next),
        ];
        times.into_iter().flatten().min()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The observer.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// The observer, to take from it what it noted.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }
}

/// An MTU within its bounds.
fn mtu_clamped(mtu: usize) -> usize {
    mtu.clamp(576, 65_535)
}
