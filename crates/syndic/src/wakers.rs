//! Who waits for what: one registry per net, beside the stack and under the same lock.
//!
//! A task registers under the lock under which it was told "not yet", and events are turned into wakes under that lock
//! too, so no wake can be lost. Wakers run and drop code of others: what is to be woken or was displaced is collected
//! here, and let go by [`Rung::wake`] after the lock.

#[cfg(test)]
#[path = "wakers/tests.rs"]
mod tests;

use std::task::Waker;

use stack::{ConnectionId, Event, ListenerId};

/// What a task waits for at a connection. One task may wait for each; a later one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Data, the end of the stream, or an error.
    Read,
    /// The open, room in the send buffer, or an error.
    Write,
    /// Urgent data.
    Urgent,
}

/// What any number of tasks may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// A connection in a listener's accept queue.
    Accept(ListenerId),
    /// The end of the driver.
    Stopped,
    /// That no connection is left.
    Drained,
}

/// The name of a waiter in a [`Queue`]. The first is for `poll_` functions, which have one waiter at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

/// The registry.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    connections: Vec<Connection>,
    listeners: Vec<Listener>,
    stopped: Waiters,
    drained: Waiters,
    rung: Rung,
}

#[derive(Debug, Default)]
struct Connection {
    id: Option<ConnectionId>,
    sides: [Option<Waker>; 3],
}

#[derive(Debug, Default)]
struct Listener {
    id: Option<ListenerId>,
    waiters: Waiters,
}

type Waiters = Vec<(Ticket, Waker)>;

/// What is to happen once the lock is let go.
#[derive(Debug, Default)]
#[must_use = "whoever is in it is never woken otherwise"]
pub(crate) struct Rung {
    wake: Vec<Waker>,
    displaced: Vec<Waker>,
}

impl Rung {
    /// Wakes everybody. Never under the lock.
    pub(crate) fn wake(self) {
        drop(self.displaced);
        self.wake.into_iter().for_each(Waker::wake);
    }
}

impl Wakers {
    /// The caller was told "not yet" and waits.
    pub(crate) fn wait(&mut self, id: ConnectionId, side: Side, waker: &Waker) {
        if self.connections.len() <= id.index() {
            self.connections.resize_with(id.index() + 1, Connection::default);
        }
        let entry = &mut self.connections[id.index()];
        if entry.id != Some(id) {
            // The stack gives an index out again only when its former connection is gone.
            let former = std::mem::take(&mut entry.sides);
            self.rung.displaced.extend(former.into_iter().flatten());
            entry.id = Some(id);
        }
        let place = &mut entry.sides[side as usize];
        if !place.as_ref().is_some_and(|present| present.will_wake(waker)) {
            self.rung.displaced.extend(place.replace(waker.clone()));
        }
    }

    /// The connection's user lets go of it.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        if let Some(entry) = self.connections.get_mut(id.index())
            && entry.id == Some(id)
        {
            entry.id = None;
            let former = std::mem::take(&mut entry.sides);
            self.rung.displaced.extend(former.into_iter().flatten());
        }
    }

    /// The caller waits in a queue. Each ticket has one place in it.
    pub(crate) fn queue(&mut self, queue: Queue, ticket: Ticket, waker: &Waker) {
        let waiters = self.waiters(queue);
        let former = match waiters.iter_mut().find(|(t, _)| *t == ticket) {
            Some((_, present)) if present.will_wake(waker) => None,
            Some((_, present)) => Some(std::mem::replace(present, waker.clone())),
            None => {
                waiters.push((ticket, waker.clone()));
                None
            }
        };
        self.rung.displaced.extend(former);
    }

    /// A waiter gives up.
    pub(crate) fn leave(&mut self, queue: Queue, ticket: Ticket) {
        let waiters = self.waiters(queue);
        let place = waiters.iter().position(|(t, _)| *t == ticket);
        let former = place.map(|place| waiters.swap_remove(place).1);
        self.rung.displaced.extend(former);
    }

    fn waiters(&mut self, queue: Queue) -> &mut Waiters {
        match queue {
            Queue::Accept(id) => self.listener(id),
            Queue::Stopped => &mut self.stopped,
            Queue::Drained => &mut self.drained,
        }
    }

    /// The waiters of a listener, which are nobody's when the index has a new owner.
    fn listener(&mut self, id: ListenerId) -> &mut Waiters {
        if self.listeners.len() <= id.index() {
            self.listeners.resize_with(id.index() + 1, Listener::default);
        }
        let entry = &mut self.listeners[id.index()];
        if entry.id != Some(id) {
            entry.id = Some(id);
            self.rung
                .displaced
                .extend(entry.waiters.drain(..).map(|(_, waker)| waker));
        }
        &mut entry.waiters
    }

    /// Whether anybody waits for the last connection to go.
    pub(crate) fn awaits_drained(&self) -> bool {
        !self.drained.is_empty()
    }

    /// No connection is left.
    pub(crate) fn on_drained(&mut self) {
        self.rung.wake.extend(self.drained.drain(..).map(|(_, waker)| waker));
    }

    /// Takes in what the stack became ready for.
    pub(crate) fn on_event(&mut self, event: Event) {
        match event {
            Event::Acceptable(id) => {
                // All are woken: the event tells of at least one connection, and may tell of more.
                if let Some(entry) = self.listeners.get_mut(id.index())
                    && entry.id == Some(id)
                {
                    self.rung.wake.extend(entry.waiters.drain(..).map(|(_, waker)| waker));
                }
            }
            Event::Connection(id, ready) => {
                let Some(entry) = self.connections.get_mut(id.index()).filter(|e| e.id == Some(id)) else {
                    return;
                };
                let concerned = [
                    ready.readable || ready.ended,
                    ready.opened || ready.writable || ready.ended,
                    // The peer's FIN shows as readable, and ends the wait for urgent data too.
                    ready.urgent || ready.readable || ready.ended,
                ];
                for (side, _) in entry
                    .sides
                    .iter_mut()
                    .zip(concerned)
                    .filter(|(_, concerned)| *concerned)
                {
                    self.rung.wake.extend(side.take());
                }
            }
        }
    }

    /// The driver has ended: everybody is woken, to be told so.
    pub(crate) fn on_stopped(&mut self) {
        let wake = &mut self.rung.wake;
        wake.extend(self.connections.drain(..).flat_map(|entry| entry.sides).flatten());
        let queues = self.listeners.drain(..).flat_map(|entry| entry.waiters);
        let queues = queues.chain(self.stopped.drain(..)).chain(self.drained.drain(..));
        wake.extend(queues.map(|(_, waker)| waker));
    }

    /// One more to wake.
    pub(crate) fn ring(&mut self, waker: Waker) {
        self.rung.wake.push(waker);
    }

    /// Takes what has to happen after the lock.
    pub(crate) fn take(&mut self) -> Rung {
        std::mem::take(&mut self.rung)
    }
}
