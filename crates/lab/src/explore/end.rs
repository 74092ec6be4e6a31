//! One end: a stack, its user, who makes a plan's calls and reads whatever comes, and what is on its way from it.

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use stack::io::Checksum;
use stack::{
    Batch, Budget, Config, ConnectOptions, ConnectionId, ConnectionOptions, Duration, Entry, Event, FloodOptions,
    FourTuple, KeepAlive, Limits, ListenOptions, ListenerId, Now, Packet, Received, Secrets, Stack, State,
};

use super::Fault;
use super::plan::{Bounds, Call, Open, Plan};
use super::watch::Watch;
use super::wire::Wire;

/// Connections that one user has after one another, at most.
pub(super) const SESSIONS: usize = 2;

/// One end.
#[derive(Clone)]
pub(super) struct End {
    pub(super) number: usize,
    pub(super) stack: Stack<Watch>,
    listener: Option<ListenerId>,
    pub(super) user: User,
    /// What its user does.
    pub(super) calls: &'static [Call],
    pub(super) wire: Wire,
}

/// What a user has done and knows.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct User {
    pub(super) id: Option<ConnectionId>,
    /// Calls made.
    pub(super) calls: usize,
    /// Which of its connections it has, or had last.
    pub(super) session: usize,
    /// Bytes, by connection.
    pub(super) sent: [usize; SESSIONS],
    pub(super) received: [usize; SESSIONS],
    /// The peer's stream has ended.
    pub(super) finished: bool,
    /// The connection is over, one way or another.
    pub(super) over: bool,
    /// Connections that segments of an old one have opened anew; the user closes them at once.
    pub(super) ghosts: usize,
}

/// The address and port of an end.
fn place(end: usize) -> SocketAddr {
    let port = if end == 0 { 1000 } else { 2000 };
    SocketAddr::new(IpAddr::from([10, 7, 0, end as u8 + 1]), port)
}

/// The byte at this place of the stream that an end sends on a connection: no two connections send the same.
const fn byte(end: usize, session: usize, at: usize) -> u8 {
    (if end == 0 { b'a' } else { b'A' }) + ((at + 13 * session) % 26) as u8
}

fn config(end: usize, plan: &Plan, bounds: &Bounds) -> Config {
    // Who waits for a peer that broke off must hear of it, though its RST was lost.
    let keep_alive = KeepAlive {
        idle: Duration::from_secs(600),
        interval: Duration::from_secs(10),
        probes: 2,
    };
    Config {
        // Each clone of a stack would carry its tables along.
        flood: FloodOptions::unlimited(),
        addresses: vec![place(end).ip()],
        timestamps: bounds.timestamps,
        // Small tables: clones are made by the million.
        limits: Limits {
            connections: 4,
            embryos: 4,
            time_waits: 4,
            ..Limits::default()
        },
        connection: ConnectionOptions {
            no_delay: true,
            keep_alive: (!plan.orderly).then_some(keep_alive),
            ..ConnectionOptions::default()
        },
        ..Config::default()
    }
}

impl End {
    /// An end that has opened as planned.
    pub(super) fn new(now: Now, number: usize, plan: &Plan, bounds: &Bounds) -> Self {
        let secrets = Secrets {
            master: [number as u8 + 1; 32],
            public: 0,
        };
        let mut end = Self {
            number,
            stack: Stack::new(config(number, plan, bounds), secrets, Watch::default()),
            listener: None,
            user: User::default(),
            calls: plan.calls[number],
            wire: Wire::default(),
        };
        match plan.open[number] {
            Open::Listen => {
                let mut options = ListenOptions::new(place(number));
                options.connection = config(number, plan, bounds).connection;
                end.listener = end.stack.listen(options).ok();
            }
            Open::Connect => end.connect(now),
            Open::Nothing => {}
        }
        end
    }

    /// The call that the user makes next.
    pub(super) fn next_call(&self) -> Option<Call> {
        self.calls.get(self.user.calls).copied()
    }

    /// Whether the user can make its next call now.
    pub(super) fn may_call(&self) -> bool {
        match self.next_call() {
            None => false,
            Some(Call::Connect) => true,
            Some(Call::Reconnect(_)) => self.user.id.is_none() && self.is_free(),
            Some(Call::Accept) => self.user.id.is_none() && self.is_acceptable(),
            Some(_) if self.user.id.is_none() => false,
            Some(Call::Shutdown) => self.stack.observer().state != State::SynSent,
            Some(Call::CloseAtEnd) => self.user.finished || self.user.over,
            Some(Call::Send(_) | Call::Close | Call::Abort) => true,
        }
    }

    /// Whether nothing of ours has the four-tuple.
    fn is_free(&self) -> bool {
        let tuple = FourTuple::new(place(self.number), place(1 - self.number));
        self.stack.state_of(&tuple) == State::Closed
    }

    /// Whether a connection waits to be accepted.
    fn is_acceptable(&self) -> bool {
        // No entry of a listener tells its age.
        let entries = self.stack.entries(Now::default());
        let waits = |entry: &Entry| matches!(entry, Entry::Listener { accept_queue: (held, _), .. } if *held > 0);
        entries.iter().any(waits)
    }

    /// The next call.
    pub(super) fn call(&mut self, now: Now) {
        let Some(call) = self.next_call() else { return };
        self.user.calls += 1;
        let id = match (call, self.user.id) {
            (Call::Accept, _) => {
                self.begin_another();
                return self.accept(now);
            }
            (Call::Reconnect(_), _) => {
                self.begin_another();
                return self.connect(now);
            }
            (Call::Connect, None) => return self.connect(now),
            (Call::Connect, Some(_)) | (_, None) => return,
            (_, Some(id)) => id,
        };
        let Self { stack, user, .. } = self;
        match call {
            Call::Connect | Call::Reconnect(_) | Call::Accept => {}
            Call::Send(len) => {
                let sent = &mut user.sent[user.session];
                let text: Vec<u8> = (*sent..*sent + usize::from(len))
                    .map(|at| byte(self.number, user.session, at))
                    .collect();
                // What a connection that is over refuses was not sent.
                *sent += stack.send(now, id, &mut Bytes::from(text)).unwrap_or_default();
            }
            Call::Shutdown => {
                // Refused where the connection is over, which the next call takes note of.
                let _ = stack.shutdown(now, id);
            }
            Call::Close | Call::CloseAtEnd | Call::Abort => {
                let done = if call == Call::Abort {
                    stack.abort(now, id)
                } else {
                    stack.close(now, id)
                };
                user.over |= done.is_ok();
                user.id = None;
            }
        }
    }

    fn begin_another(&mut self) {
        self.user.session += 1;
        self.user.finished = false;
        self.user.over = false;
    }

    fn connect(&mut self, now: Now) {
        let options = ConnectOptions {
            remote: place(1 - self.number),
            local: Some(place(self.number)),
            connection: None,
        };
        // A peer's SYN cannot have taken the four-tuple: nobody listens where somebody connects.
        self.user.id = self.stack.connect(now, options).ok();
    }

    /// Takes what waits to be accepted: the user's, if it waits for one, and ghosts.
    fn accept(&mut self, now: Now) {
        let Self {
            stack, listener, user, ..
        } = self;
        let Some(listener) = *listener else { return };
        let mut is_awaited =
            user.id.is_none() && (user.calls == 0 || self.calls.get(user.calls - 1) == Some(&Call::Accept));
        while let Ok(Some(accepted)) = stack.accept(now, listener) {
            if is_awaited {
                user.id = Some(accepted.id);
                is_awaited = false;
            } else {
                user.ghosts += 1;
                // An id that was just given names a connection.
                let _ = stack.close(now, accepted.id);
            }
        }
    }

    /// What a driver does after every step.
    pub(super) fn settle(&mut self, now: Now, most: usize) {
        while let Some(event) = self.stack.poll_event() {
            match event {
                Event::Acceptable(_) => {
                    let later = self.calls.get(self.user.calls..).unwrap_or_default();
                    let is_first = self.user.calls == 0 && self.user.id.is_none();
                    if is_first || !later.contains(&Call::Accept) {
                        self.accept(now);
                    }
                }
                Event::Connection(_, ready) => self.user.over |= ready.ended,
            }
        }
        let budget = Budget { packets: 2 * most };
        self.stack
            .poll_transmit(now, budget, &mut self.wire.entrance(now.mono, most));
    }

    /// A segment arrives.
    pub(super) fn arrive(&mut self, now: Now, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: now.mono,
            checksum: Checksum::Unverified,
        });
        self.stack.handle_packets(now, &mut batch);
    }

    /// The user reads what there is, and knows what it has to be: `sent` by the peer, by connection.
    pub(super) fn read(&mut self, now: Now, sent: [usize; SESSIONS]) -> Result<(), Fault> {
        let Self {
            number, stack, user, ..
        } = self;
        let Some(id) = user.id else { return Ok(()) };
        let sent = sent[user.session];
        while let Ok(received) = stack.receive(now, id, usize::MAX) {
            let so_far = &mut user.received[user.session];
            match received {
                Received::Data(data) => {
                    let at = *so_far;
                    *so_far += data.len();
                    let right = (at..*so_far).map(|at| byte(1 - *number, user.session, at));
                    if *so_far > sent || !data.iter().copied().eq(right) {
                        return Err(Fault::Bytes(format!(
                            "end {number} read {data:?} at {at}; {sent} were sent"
                        )));
                    }
                }
                Received::Finished => {
                    // A connection that we ended ourselves ends our stream, too.
                    let by_fin = stack.status(now, id).is_ok_and(|status| status.ended.is_none());
                    if by_fin && *so_far != sent {
                        return Err(Fault::Lost(format!(
                            "end {number} was told the end after {so_far} of {sent} bytes"
                        )));
                    }
                    user.finished = true;
                    break;
                }
                Received::Nothing => break,
            }
        }
        Ok(())
    }
}
