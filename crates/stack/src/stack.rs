//! The machine and its contract: one mutation, drain transmit and events, sleep until `poll_timeout`.

use core::net::SocketAddr;

use bytes::Bytes;

use crate::config::{Config, ConnectionOptions, ListenOptions, Secrets};
use crate::counters::Counters;
use crate::error::{ConnectError, ListenError, NoSuch, ReceiveError, SendError};
use crate::event::{ConnectionId, Event, ListenerId};
use crate::io::{Batch, Budget, Sink};
use crate::observer::Observer;
use crate::status::{Entry, Status};
use crate::time::{Instant, Now};

/// A TCP/IP stack of one thread (shard).
pub struct Stack<O: Observer = ()> {
    observer: O,
}

/// What `connect` is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Whom to reach.
    pub remote: SocketAddr,
    /// From which address and port; `None` and port 0: the stack chooses.
    pub local: Option<SocketAddr>,
    /// What the connection starts with; `None`: the stack's own.
    pub connection: Option<ConnectionOptions>,
}

/// A connection out of the accept queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its name from now on.
    pub id: ConnectionId,
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
}

/// What RECEIVE gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Bytes, in order; at least one.
    Data(Bytes),
    /// Nothing yet: a `readable` event will come.
    Nothing,
    /// The peer's FIN: there will be no more.
    Finished,
}

impl<O: Observer> Stack<O> {
    /// A stack with this configuration.
    pub fn new(_config: Config, _secrets: Secrets, _observer: O) -> Self {
        todo!()
    }

    /// Takes packets in. A packet never makes an error: what cannot be used is counted and told to the observer.
    pub fn handle_packets(&mut self, _now: Now, _batch: &mut Batch) {
        todo!()
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, _now: Now) {
        todo!()
    }

    /// Sends what is to be sent, at most `budget`. Returns whether something is left (the sink was full or the budget
    /// was spent).
    pub fn poll_transmit(&mut self, _now: Now, _budget: Budget, _sink: &mut impl Sink) -> bool {
        todo!()
    }

    /// The next readiness event.
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }

    /// When to call `handle_timeout`; `None` while no timer runs. It may be early, never late by more than 1 ms.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Passive OPEN.
    pub fn listen(&mut self, _options: ListenOptions) -> Result<ListenerId, ListenError> {
        todo!()
    }

    /// Where a listener listens, its port chosen.
    pub fn listener_local(&self, _id: ListenerId) -> Result<SocketAddr, NoSuch> {
        todo!()
    }

    /// Takes the oldest connection out of the accept queue.
    pub fn accept(&mut self, _now: Now, _id: ListenerId) -> Result<Option<Accepted>, NoSuch> {
        todo!()
    }

    /// Stops listening: half-open entries are forgotten, and connections nobody accepted are reset.
    pub fn close_listener(&mut self, _now: Now, _id: ListenerId) -> Result<(), NoSuch> {
        todo!()
    }

    /// Active OPEN.
    pub fn connect(&mut self, _now: Now, _options: ConnectOptions) -> Result<ConnectionId, ConnectError> {
        todo!()
    }

    /// SEND: takes as much from the front of `data` as the send buffer has room for and returns how much; 0 means that
    /// a `writable` event will come.
    pub fn send(&mut self, _now: Now, _id: ConnectionId, _data: &mut Bytes) -> Result<usize, SendError> {
        todo!()
    }

    /// SEND with the urgent flag: the end of what was taken becomes the urgent pointer (RFC 6093: avoid it).
    pub fn send_urgent(&mut self, _now: Now, _id: ConnectionId, _data: &mut Bytes) -> Result<usize, SendError> {
        todo!()
    }

    /// Room in the send buffer. Units: bytes.
    pub fn send_room(&self, _id: ConnectionId) -> Result<usize, NoSuch> {
        todo!()
    }

    /// RECEIVE: at most `max` bytes.
    pub fn receive(&mut self, _now: Now, _id: ConnectionId, _max: usize) -> Result<Received, ReceiveError> {
        todo!()
    }

    /// CLOSE of the sending side: a FIN follows what was sent; receiving goes on. Twice does no harm.
    pub fn shutdown(&mut self, _now: Now, _id: ConnectionId) -> Result<(), SendError> {
        todo!()
    }

    /// The user lets go: CLOSE both ways. The id is gone at once; the connection lives on until the peer has all (see
    /// `ConnectionOptions::linger`). Unread data makes it a reset (RFC 9293 section 3.6.1).
    pub fn close(&mut self, _now: Now, _id: ConnectionId) -> Result<(), NoSuch> {
        todo!()
    }

    /// ABORT: RST, and the id is gone at once.
    pub fn abort(&mut self, _now: Now, _id: ConnectionId) -> Result<(), NoSuch> {
        todo!()
    }

    /// STATUS.
    pub fn status(&self, _now: Now, _id: ConnectionId) -> Result<Status, NoSuch> {
        todo!()
    }

    /// What the connection's settings are.
    pub fn options(&self, _id: ConnectionId) -> Result<ConnectionOptions, NoSuch> {
        todo!()
    }

    /// Changes a connection's settings. A smaller receive buffer never takes back window that was advertised.
    pub fn set_options(&mut self, _now: Now, _id: ConnectionId, _options: ConnectionOptions) -> Result<(), NoSuch> {
        todo!()
    }

    /// Everything the stack holds, for `ss`. Costs time in proportion to it.
    pub fn entries(&self, _now: Now) -> alloc::vec::Vec<Entry> {
        todo!()
    }

    /// The state of the connection, half-open entry or TIME-WAIT entry with this four-tuple (CLOSED where none is, LISTEN
    /// where only a listener would take its SYN).
    pub fn state_of(&self, _tuple: &crate::tuple::FourTuple) -> crate::tcp::state::State {
        todo!()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        todo!()
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
