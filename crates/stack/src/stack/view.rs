//! What may be known of a stack from outside: STATUS and the table of everything.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Stack;
use crate::config::SynCookies;
use crate::error::NoSuch;
use crate::event::ConnectionId;
use crate::observer::Observer;
use crate::status::{Entry, Held, Status};
use crate::tcp::connection::Connection;
use crate::tcp::queue::{TAIL_MAX, TAIL_MIN};
use crate::tcp::state::State;
use crate::time::Now;
use crate::tuple::FourTuple;

impl<O: Observer> Stack<O> {
    /// STATUS.
    pub fn status(&self, _now: Now, id: ConnectionId) -> Result<Status, NoSuch> {
        self.status_at(self.users(id)?).ok_or(NoSuch)
    }

    /// STATUS of the connection with this four-tuple, whoever holds its id; none where there is no connection that is open.
    pub fn status_of(&self, tuple: &FourTuple) -> Option<Status> {
        self.status_at(self.connections.find(&self.keys.place(tuple))?)
    }

    fn status_at(&self, i: u32) -> Option<Status> {
        let c = self.connections.get(i)?;
        let mut status = c.status();
        if c.state() == State::TimeWait && self.time_waits.find(&self.keys.place(&c.tuple)).is_none() {
            status.state = State::Closed;
        }
        Some(status)
    }

    /// Everything the stack holds, for `ss`. Costs time in proportion to it.
    pub fn entries(&self, now: Now) -> Vec<Entry> {
        let listeners = self.listeners.iter().map(|(id, l)| Entry::Listener {
            id,
            local: l.options.local,
            syn_queue: (l.half_open, l.options.syn_backlog),
            accept_queue: (l.accept_queue.len(), l.options.accept_backlog),
            syn_cookies: l.options.syn_cookies,
            stateless: l.is_stateless || l.options.syn_cookies == SynCookies::Always,
            level: l.gauge.level(),
        });
        let embryos = self.embryos.iter().map(|v| Entry::Embryo {
            tuple: v.facts.tuple,
            age: v.age(now.mono),
            retransmissions: v.retransmissions,
        });
        let connections = self
            .connections
            .iter()
            .filter(|(_, c)| !c.detached)
            .filter_map(|(i, _)| {
                let status = Box::new(self.status_at(i)?);
                Some(Entry::Connection {
                    id: self.connections.id(i),
                    status,
                })
            });
        let time_waits = self.time_waits.iter().map(|v| Entry::TimeWait {
            tuple: v.facts.tuple,
            remaining: v.remaining(now.mono),
        });
        listeners.chain(embryos).chain(connections).chain(time_waits).collect()
    }

    /// What the stack holds of others' bytes, those of connections that are over but still held by their users included. What
    /// the entries cost themselves is not in it: that is so much for each. Costs time in proportion to what is held.
    ///
    /// Bounds: a receive buffer that was made smaller while its connection was open may hold what was announced before.
    pub fn held(&self) -> Held {
        let connections = || self.connections.iter().map(|(_, c)| c);
        Held {
            buffers: connections().map(|c| c.snd.allocated() + c.rcv.allocated()).sum(),
            buffers_max: connections().map(|c| buffers_max(c, self.config.limits.islands)).sum(),
            fragments: self.reassembler.allocated(),
            replies: self.replies.len(),
        }
    }

    /// The state of the connection, half-open entry or TIME-WAIT entry with this four-tuple (CLOSED where none is, LISTEN
    /// where only a listener would take its SYN).
    pub fn state_of(&self, tuple: &FourTuple) -> State {
        if let Some(c) = self
            .connections
            .find(&self.keys.place(tuple))
            .and_then(|i| self.connections.get(i))
        {
            c.state()
        } else if self.embryos.find(&self.keys.place(tuple)).is_some() {
            State::SynReceived
        } else if self.time_waits.find(&self.keys.place(tuple)).is_some() {
            State::TimeWait
        } else if self.listeners.find(tuple.local_addr, tuple.local_port).is_some() {
            State::Listen
        } else {
            State::Closed
        }
    }

    /// Whether `poll_transmit` has something to look at, and may so send something: a driver that has just emptied it need
    /// not come back before this is true, an event waits for it, or a timer runs out.
    pub fn has_output(&self) -> bool {
        let has_spoken = self
            .station
            .as_deref()
            .is_some_and(|station| station.spoken().is_some());
        !(self.transmit.is_empty() && self.replies.is_empty()) || has_spoken
    }

    /// How many connections, half-open entries and TIME-WAIT entries there are. A connection that its user has not let go of
    /// counts although it is over.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.connections.len(), self.embryos.len(), self.time_waits.len())
    }
}

/// The most that the buffers of a connection may cost: all that they may hold, what the receive window's unit adds, the room
/// that the tail of each queue has left, and for islands a tail as long as the data or the shortest. Units: bytes.
fn buffers_max(c: &Connection, islands: usize) -> usize {
    let received = c.options.receive_buffer.max() + (1 << c.rcv.scale) - 1;
    c.options.send_buffer.max() + TAIL_MAX + 2 * received + TAIL_MAX + islands * TAIL_MIN
}
