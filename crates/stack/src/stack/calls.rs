//! The user's calls (RFC 9293 section 3.9.1).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::{Stack, context};
use crate::call::{Accepted, ConnectOptions, Received};
use crate::config::{ConnectionOptions, ListenOptions, SynCookies};
use crate::error::{ConnectError, ListenError, NoSuch, ReceiveError, SendError};
use crate::event::{ConnectionId, ListenerId};
use crate::observer::Observer;
use crate::tcp::connection::{Connection, Owner};
use crate::tcp::cookie::InFlight;
use crate::tcp::state::Arrow;
use crate::tcp::timestamps::Timestamps;
use crate::time::{Duration, Now};
use crate::tuple::FourTuple;

/// Within it the low bits of an epoch, and an entry's age in tenths of a second, tell one time from another.
const HALF_OPEN_LIFETIME_MAX: Duration = Duration::from_secs(600);

impl<O: Observer> Stack<O> {
    /// Passive OPEN.
    pub fn listen(&mut self, mut options: ListenOptions) -> Result<ListenerId, ListenError> {
        let addr = options.local.ip();
        let any_of_family = self.config.addresses.iter().any(|a| a.is_ipv4() == addr.is_ipv4());
        if !(self.config.addresses.contains(&addr) || addr.is_unspecified() && any_of_family) {
            return Err(ListenError::NotOurs(addr));
        }
        if self.listeners.len() >= self.config.limits.listeners {
            return Err(ListenError::TooMany(self.config.limits.listeners));
        }
        if options.local.port() == 0 {
            let (first, last) = self.config.ephemeral_ports;
            let free = (first..=last).find(|&port| !self.listeners.has(SocketAddr::new(addr, port)));
            options.local.set_port(free.ok_or(ListenError::NoPort)?);
        }
        if self.listeners.has(options.local) {
            return Err(ListenError::InUse(options.local));
        }
        options.connection = options.connection.clamped(&self.config.limits);
        options.half_open_lifetime = options.half_open_lifetime.min(HALF_OPEN_LIFETIME_MAX);
        let is_shared = self.config.cookies.shared_secret && options.syn_cookies != SynCookies::Never;
        let in_flight = if is_shared { InFlight::ANY } else { InFlight::default() };
        Ok(self.listeners.insert(options, in_flight, self.config.flood.gauge))
    }

    /// Where a listener listens, its port chosen.
    pub fn listener_local(&self, id: ListenerId) -> Result<SocketAddr, NoSuch> {
        Ok(self.listeners.get(id).ok_or(NoSuch)?.options.local)
    }

    /// Takes the oldest connection out of the accept queue.
    pub fn accept(&mut self, now: Now, id: ListenerId) -> Result<Option<Accepted>, NoSuch> {
        let listener = self.listeners.get_mut(id).ok_or(NoSuch)?;
        let Some(i) = listener.accept_queue.pop_front() else {
            return Ok(None);
        };
        let Some(c) = self.connections.get_mut(i) else {
            return Ok(None);
        };
        c.owner = Owner::User;
        let (local, remote) = (c.tuple.local(), c.tuple.remote());
        self.settle(now, i);
        Ok(Some(Accepted {
            id: self.connections.id(i),
            local,
            remote,
        }))
    }

    /// Stops listening: half-open entries are forgotten, and connections nobody accepted are reset.
    pub fn close_listener(&mut self, now: Now, id: ListenerId) -> Result<(), NoSuch> {
        self.listeners.get(id).ok_or(NoSuch)?;
        let index = u16::try_from(id.index()).map_err(|_| NoSuch)?;
        let half_open: alloc::vec::Vec<FourTuple> = self
            .embryos
            .iter()
            .filter(|v| v.facts.listener == index)
            .map(|v| v.facts.tuple)
            .collect();
        for tuple in half_open {
            if let Some(at) = self.embryos.find(&self.keys.place(&tuple)) {
                self.forget_half_open(now, at, Arrow::Abort);
            }
        }
        let listener = self.listeners.remove(id).ok_or(NoSuch)?;
        for i in listener.accept_queue {
            self.abort_connection(now, i);
        }
        Ok(())
    }

    /// Active OPEN.
    pub fn connect(&mut self, now: Now, options: ConnectOptions) -> Result<ConnectionId, ConnectError> {
        let remote = options.remote;
        if !wire::ip::is_of_one_host(remote.ip()) || remote.port() == 0 {
            return Err(ConnectError::BadRemote(remote));
        }
        self.check_route(remote)?;
        if self.connections.is_full() {
            return Err(ConnectError::TooMany(self.config.limits.connections));
        }
        let tuple = self.choose_tuple(options.local, remote)?;
        let settings = self.shared(options.connection.unwrap_or(self.config.connection));
        let iss = self.keys.isn(&tuple, now.mono);
        let offset = self.keys.timestamp_offset(tuple.local_addr, tuple.remote_addr);
        let ts = self.config.timestamps.then(|| Timestamps::new(offset));
        let mut cx = context!(self, now);
        cx.counters.opens_active += 1;
        let mut c = Connection::open(&mut cx, tuple, iss, ts, settings);
        c.snd.path_mss = self.path_mss(now, &tuple);
        let i = self.connections.insert(&self.keys, c);
        self.settle(now, i);
        Ok(self.connections.id(i))
    }

    /// Errors: on an Ethernet, the address is that of a whole subnet or our own, or no route leads to it.
    fn check_route(&self, remote: SocketAddr) -> Result<(), ConnectError> {
        let Some(station) = self.station.as_deref() else {
            return Ok(());
        };
        if station.routes().is_of_all(remote.ip()) || self.config.addresses.contains(&remote.ip()) {
            return Err(ConnectError::BadRemote(remote));
        }
        match station.routes().next_hop(remote.ip()) {
            Some(_) => Ok(()),
            None => Err(ConnectError::NoRoute(remote.ip())),
        }
    }

    /// The local end of an active open as far as it is not chosen: an address of ours, and the port asked for or 0. On an
    /// Ethernet the address is one of the next hop's subnet, where nothing else is asked for.
    pub(super) fn local_end(&self, local: Option<SocketAddr>, remote: SocketAddr) -> Result<SocketAddr, ConnectError> {
        let same_family = |a: &&IpAddr| a.is_ipv4() == remote.is_ipv4();
        let asked = local.map(|l| l.ip()).filter(|ip| !ip.is_unspecified());
        let addr = match asked {
            Some(ip) => self
                .config
                .addresses
                .iter()
                .filter(same_family)
                .find(|&&a| a == ip)
                .copied(),
            None => match self.station.as_deref() {
                Some(station) => station
                    .routes()
                    .source_of_connection(remote.ip(), &self.config.addresses),
                None => self.config.addresses.iter().find(same_family).copied(),
            },
        };
        let addr = addr.ok_or(ConnectError::NoAddress(asked.unwrap_or(remote.ip())))?;
        Ok(SocketAddr::new(addr, local.map_or(0, |l| l.port())))
    }

    /// The local end of an active open: as asked, or the first address of the family and a port by RFC 6056, algorithm 3. Of
    /// several shards, each has the ports by which the connection is its own.
    fn choose_tuple(&mut self, local: Option<SocketAddr>, remote: SocketAddr) -> Result<FourTuple, ConnectError> {
        let local = self.local_end(local, remote)?;
        if local.port() != 0 {
            let tuple = FourTuple::new(local, remote);
            return if self.is_free(&tuple) {
                Ok(tuple)
            } else {
                Err(ConnectError::Exists(tuple))
            };
        }
        let (first, last) = self.config.ephemeral_ports;
        let span = u32::from(last.saturating_sub(first)) + 1;
        let offset = self.keys.port_offset(local.ip(), remote);
        for step in 0..span {
            let at = offset.wrapping_add(self.ports_chosen).wrapping_add(step) % span;
            let port = first.saturating_add(u16::try_from(at).unwrap_or_default());
            let tuple = FourTuple::new(SocketAddr::new(local.ip(), port), remote);
            if self.is_own(&tuple) && self.is_free(&tuple) {
                self.ports_chosen = self.ports_chosen.wrapping_add(step + 1);
                return Ok(tuple);
            }
        }
        Err(ConnectError::NoPort(remote))
    }

    /// Whether no other shard has this four-tuple's connection.
    fn is_own(&self, tuple: &FourTuple) -> bool {
        self.membership.as_ref().is_none_or(|member| member.owns(tuple))
    }

    /// Whether nothing of ours has this four-tuple.
    fn is_free(&self, tuple: &FourTuple) -> bool {
        self.connections.find(&self.keys.place(tuple)).is_none()
            && self.embryos.find(&self.keys.place(tuple)).is_none()
            && self.time_waits.find(&self.keys.place(tuple)).is_none()
    }

    /// SEND: takes as much from the front of `data` as the send buffer has room for and returns how much; 0 means that
    /// a `writable` event will come.
    pub fn send(&mut self, now: Now, id: ConnectionId, data: &mut Bytes) -> Result<usize, SendError> {
        self.send_with(now, id, data, false)
    }

    /// SEND with the urgent flag: the end of what was taken becomes the urgent pointer (RFC 6093: avoid it).
    pub fn send_urgent(&mut self, now: Now, id: ConnectionId, data: &mut Bytes) -> Result<usize, SendError> {
        self.send_with(now, id, data, true)
    }

    fn send_with(&mut self, now: Now, id: ConnectionId, data: &mut Bytes, urgent: bool) -> Result<usize, SendError> {
        let i = self.users(id).map_err(|NoSuch| SendError::NoSuch)?;
        let c = self.connections.get_mut(i).ok_or(SendError::NoSuch)?;
        let taken = c.send(now.mono, &self.ledger, data, urgent)?;
        self.settle(now, i);
        Ok(taken)
    }

    /// Room in the send buffer. Units: bytes.
    pub fn send_room(&self, id: ConnectionId) -> Result<usize, NoSuch> {
        Ok(self.connections.get(self.users(id)?).ok_or(NoSuch)?.room(&self.ledger))
    }

    /// RECEIVE: at most `max` bytes. Bounds: with a `max` of 0 it is nothing while bytes wait, and tells the end once none do.
    pub fn receive(&mut self, now: Now, id: ConnectionId, max: usize) -> Result<Received, ReceiveError> {
        let i = self.users(id).map_err(|NoSuch| ReceiveError::NoSuch)?;
        let c = self.connections.get_mut(i).ok_or(ReceiveError::NoSuch)?;
        let received = c.receive(now.mono, &self.ledger, max)?;
        c.booked = self.ledger.book(c.booked, c.held());
        // All that reading may call for is a window update: without one the driver need not come.
        if c.ack.is_some() {
            self.settle(now, i);
        }
        Ok(received)
    }

    /// The next bytes that `receive` would give, at most `max` of them, which stay where they are: pushed onto `out` as
    /// slices of the buffer, and counted as unread. None are pushed where none wait; `receive` with a `max` of 0 says why.
    pub fn peek(&mut self, id: ConnectionId, max: usize, out: &mut Vec<Bytes>) -> Result<(), NoSuch> {
        let i = self.users(id)?;
        self.connections.get_mut(i).ok_or(NoSuch)?.rcv.peek(max, out);
        Ok(())
    }

    /// CLOSE of the sending side: a FIN follows what was sent; receiving goes on. Twice does no harm.
    pub fn shutdown(&mut self, now: Now, id: ConnectionId) -> Result<(), SendError> {
        let i = self.users(id).map_err(|NoSuch| SendError::NoSuch)?;
        let c = self.connections.get_mut(i).ok_or(SendError::NoSuch)?;
        if let Some(how) = c.ended {
            return Err(how.into());
        }
        c.shutdown(&mut context!(self, now));
        self.settle(now, i);
        Ok(())
    }

    /// The user lets go: CLOSE both ways. The id is gone at once; the connection lives on until the peer has all (see
    /// `ConnectionOptions::linger`). Unread data makes it a reset (RFC 9293 section 3.6.1).
    pub fn close(&mut self, now: Now, id: ConnectionId) -> Result<(), NoSuch> {
        let i = self.users(id)?;
        let c = self.connections.get_mut(i).ok_or(NoSuch)?;
        c.close(&mut context!(self, now));
        self.let_go(now, i);
        Ok(())
    }

    /// ABORT: RST, and the id is gone at once.
    pub fn abort(&mut self, now: Now, id: ConnectionId) -> Result<(), NoSuch> {
        let i = self.users(id)?;
        self.abort_connection(now, i);
        Ok(())
    }

    fn abort_connection(&mut self, now: Now, i: u32) {
        if let Some(c) = self.connections.get_mut(i) {
            c.abort(&mut context!(self, now));
        }
        self.let_go(now, i);
    }

    /// Nobody holds the connection any more: one that was over already is given back here, another when it is.
    fn let_go(&mut self, now: Now, i: u32) {
        if self.connections.get(i).is_some_and(|c| c.detached) {
            self.give_back(i);
        } else {
            self.settle(now, i);
        }
    }

    /// What the connection's settings are.
    pub fn options(&self, id: ConnectionId) -> Result<ConnectionOptions, NoSuch> {
        Ok(*self.connections.get(self.users(id)?).ok_or(NoSuch)?.options)
    }

    /// Changes a connection's settings. A smaller receive buffer never takes back window that was advertised.
    pub fn set_options(&mut self, now: Now, id: ConnectionId, options: ConnectionOptions) -> Result<(), NoSuch> {
        let i = self.users(id)?;
        let options = self.shared(options);
        let c = self.connections.get_mut(i).ok_or(NoSuch)?;
        c.set_options(now.mono, options);
        self.settle(now, i);
        Ok(())
    }

    /// Settings within their bounds, in a place that they share with the same of other connections where they can.
    fn shared(&mut self, options: ConnectionOptions) -> Arc<ConnectionOptions> {
        let options = options.clamped(&self.config.limits);
        let [own, last] = &mut self.settings;
        if **own == options {
            return Arc::clone(own);
        }
        if **last != options {
            *last = Arc::new(options);
        }
        Arc::clone(last)
    }

    /// The index of a connection that a user holds.
    pub(super) fn users(&self, id: ConnectionId) -> Result<u32, NoSuch> {
        let i = self.connections.index(id).ok_or(NoSuch)?;
        let held = self.connections.get(i).is_some_and(|c| c.owner == Owner::User);
        if held { Ok(i) } else { Err(NoSuch) }
    }
}
