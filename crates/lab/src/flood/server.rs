//! The server: a stack with one listener, which answers whoever asks.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use stack::{Accepted, Config, ConnectionId, Entry, Event, Instant, ListenOptions, ListenerId, Received};

use super::host::{Host, now_of};
use super::{ANSWER, REQUEST};

/// What an entry may cost at the most, half-open or in TIME-WAIT, over IPv4. Units: bytes.
const ENTRY_BYTES: usize = 48;
/// What an idle connection may cost at the most. Units: bytes.
const CONNECTION_BYTES: usize = 512;

/// The server.
pub(super) struct Server {
    pub(super) host: Host,
    listener: Option<ListenerId>,
    /// Who has been accepted, and how much of the request has come.
    conversations: BTreeMap<ConnectionId, usize>,
    /// Connections of addresses that no good client has.
    pub(super) strangers: u64,
    /// Connections that were accepted.
    pub(super) accepted: u64,
    timer: Option<Instant>,
    /// What the limiter's and the budget's tables take. Units: bytes.
    tables: usize,
}

/// What the server holds at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Holding {
    pub(super) half_open: usize,
    pub(super) accept_queue: usize,
    /// Units: bytes.
    pub(super) memory: usize,
}

impl Server {
    /// Where it listens.
    pub(super) const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2)), 80);

    pub(super) fn new(mut config: Config, options: ListenOptions, seed: u64) -> Self {
        config.addresses = vec![Self::LOCAL.ip()];
        let budget = config.flood.replies.map_or(0, |_| stack::flood::ReplyBudget::BYTES_MAX);
        let tables = config.flood.limiter.bytes_max() + budget;
        let mut host = Host::new(config, seed, "server");
        let listener = host.stack.listen(options).ok();
        Self {
            host,
            listener,
            conversations: BTreeMap::new(),
            strangers: 0,
            accepted: 0,
            timer: None,
            tables,
        }
    }

    /// When its stack wants to be woken.
    pub(super) const fn wakes(&self) -> Option<Instant> {
        self.timer
    }

    pub(super) fn wake(&mut self, at: Instant) {
        self.host.stack.handle_timeout(now_of(at));
    }

    /// Lets its user act on every event that waits.
    pub(super) fn serve(&mut self, at: Instant, is_good: impl Fn(IpAddr) -> bool) {
        while let Some(event) = self.host.stack.poll_event() {
            match event {
                Event::Acceptable(id) => {
                    while let Ok(Some(accepted)) = self.host.stack.accept(now_of(at), id) {
                        self.accept(at, accepted, &is_good);
                    }
                }
                Event::Connection(id, _) => self.converse(at, id),
            }
        }
        self.timer = self.host.stack.poll_timeout();
    }

    fn accept(&mut self, at: Instant, accepted: Accepted, is_good: impl Fn(IpAddr) -> bool) {
        self.accepted += 1;
        self.strangers += u64::from(!is_good(accepted.remote.ip()));
        self.conversations.insert(accepted.id, 0);
        self.converse(at, accepted.id);
    }

    /// Reads the request, answers it when it is there, and closes when the client has.
    fn converse(&mut self, at: Instant, id: ConnectionId) {
        let Some(received) = self.conversations.get_mut(&id) else {
            return;
        };
        let (stack, now) = (&mut self.host.stack, now_of(at));
        loop {
            match stack.receive(now, id, REQUEST) {
                Ok(Received::Data(bytes)) => {
                    *received += bytes.len();
                    if *received == REQUEST {
                        let mut answer = Bytes::from(vec![b'!'; ANSWER]);
                        // A connection that has just begun has room for it, or has ended.
                        let _ = stack.send(now, id, &mut answer);
                    }
                }
                Ok(Received::Nothing) => return,
                Ok(Received::Finished) | Err(_) => break,
            }
        }
        let _ = stack.close(now, id);
        self.conversations.remove(&id);
    }

    /// What it holds. Costs time in proportion to it.
    pub(super) fn holding(&self, at: Instant) -> Holding {
        let stack = &self.host.stack;
        let (connections, half_open, time_waits) = stack.counts();
        let held = stack.held();
        let accept_queue = stack.entries(now_of(at)).into_iter().find_map(|entry| match entry {
            Entry::Listener { id, accept_queue, .. } if Some(id) == self.listener => Some(accept_queue.0),
            _ => None,
        });
        // Each spent cookie is remembered for up to 128 s, which is longer than a flood here lasts.
        let spent = usize::try_from(stack.counters().cookies_taken).unwrap_or(usize::MAX);
        let entries = half_open + time_waits + spent;
        Holding {
            half_open,
            accept_queue: accept_queue.unwrap_or_default(),
            memory: held.buffers
                + held.fragments
                + connections * CONNECTION_BYTES
                + entries * ENTRY_BYTES
                + self.tables,
        }
    }
}
