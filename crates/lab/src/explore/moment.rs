//! Both ends and what lies between them at one moment, and the moves from it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use stack::io::{Checksum, Offload};
use stack::{
    Batch, Budget, Config, ConnectOptions, ConnectionId, ConnectionOptions, Duration, Entry, Event, Full, Instant,
    KeepAlive, Limits, ListenOptions, ListenerId, Now, Packet, Received, Secrets, Sink, Stack, State,
};

use super::Fault;
use super::plan::{Bounds, Call, Open, Plan};
use super::watch::Watch;
use crate::glance::Glance;

/// Everything at one moment. Segments arrive in no time; time passes only by [`Move::Tick`].
#[derive(Clone)]
pub(super) struct Moment {
    ends: [End; 2],
    now: Instant,
    left: Bounds,
}

/// One end, its user, and what is on its way from it.
#[derive(Clone)]
struct End {
    stack: Stack<Watch>,
    listener: Option<ListenerId>,
    user: User,
    /// Sorted, for the wire keeps no order.
    wire: Vec<Vec<u8>>,
}

/// What a user has done and knows.
#[derive(Debug, Clone, Default, Hash)]
struct User {
    id: Option<ConnectionId>,
    /// Calls made.
    calls: usize,
    sent: usize,
    received: usize,
    /// The peer's stream has ended.
    finished: bool,
    /// The connection is over, one way or another.
    over: bool,
    /// Connections that segments of an old one have opened anew; the user closes them at once.
    ghosts: usize,
}

/// What can happen next. An end is 0 or 1; a place is that of a segment among those in flight from that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The user of this end makes the next call.
    Call(usize),
    /// A segment from this end arrives.
    Deliver(usize, usize),
    /// A segment from this end arrives, and stays in flight.
    Repeat(usize, usize),
    /// A segment from this end is lost.
    Lose(usize, usize),
    /// Time passes until the next timer runs out.
    Tick,
}

/// Takes segments while fewer than so many are in flight.
struct Link<'a> {
    wire: &'a mut Vec<Vec<u8>>,
    most: usize,
}

impl Sink for Link<'_> {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        if self.wire.len() >= self.most {
            return Err(Full);
        }
        let mut packet = head.to_vec();
        for piece in payload {
            packet.extend_from_slice(piece);
        }
        let place = self.wire.partition_point(|other| *other < packet);
        self.wire.insert(place, packet);
        Ok(())
    }
}

/// The address and port of an end.
fn place(end: usize) -> SocketAddr {
    let port = if end == 0 { 1000 } else { 2000 };
    SocketAddr::new(IpAddr::from([10, 7, 0, end as u8 + 1]), port)
}

/// The byte at this place of the stream that an end sends.
const fn byte(end: usize, at: usize) -> u8 {
    (if end == 0 { b'a' } else { b'A' }) + (at % 26) as u8
}

fn config(end: usize, plan: &Plan, bounds: &Bounds) -> Config {
    // Who waits for a peer that broke off must hear of it, though its RST was lost.
    let keep_alive = KeepAlive {
        idle: Duration::from_secs(600),
        interval: Duration::from_secs(10),
        probes: 2,
    };
    Config {
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

impl Moment {
    /// The beginning: both ends have opened as planned.
    pub(super) fn new(plan: &Plan, bounds: &Bounds) -> Self {
        let end = |end: usize| {
            let secrets = Secrets {
                master: [end as u8 + 1; 32],
                public: 0,
            };
            End {
                stack: Stack::new(config(end, plan, bounds), secrets, Watch::default()),
                listener: None,
                user: User::default(),
                wire: Vec::new(),
            }
        };
        let mut moment = Self {
            ends: [end(0), end(1)],
            now: Instant::ZERO + Duration::from_secs(1),
            left: *bounds,
        };
        for (end, open) in plan.open.into_iter().enumerate() {
            match open {
                Open::Listen => {
                    let mut options = ListenOptions::new(place(end));
                    options.connection = config(end, plan, bounds).connection;
                    moment.ends[end].listener = moment.ends[end].stack.listen(options).ok();
                }
                Open::Connect => moment.connect(end),
                Open::Nothing => {}
            }
        }
        moment.settle();
        moment
    }

    fn clock(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: self.now.as_nanos() / 1_000_000_000,
        }
    }

    /// What can happen next; nothing at rest.
    pub(super) fn moves(&self, plan: &Plan) -> Vec<Move> {
        let mut moves = Vec::new();
        for (end, at) in self.ends.iter().enumerate() {
            if at.may_call(plan.calls[end]) {
                moves.push(Move::Call(end));
            }
            for place in 0..at.wire.len() {
                // Of two that are alike one is enough.
                if place > 0 && at.wire[place] == at.wire[place - 1] {
                    continue;
                }
                moves.push(Move::Deliver(end, place));
                if self.left.repeated > 0 {
                    moves.push(Move::Repeat(end, place));
                }
                if self.left.lost > 0 {
                    moves.push(Move::Lose(end, place));
                }
            }
        }
        if self.next_timer().is_some() && (moves.is_empty() || self.left.late > 0) {
            moves.push(Move::Tick);
        }
        moves
    }

    fn next_timer(&self) -> Option<Instant> {
        self.ends.iter().filter_map(|end| end.stack.poll_timeout()).min()
    }

    /// Makes a move, and looks both ends over.
    pub(super) fn take(&mut self, plan: &Plan, next: &Move) -> Result<(), Fault> {
        match *next {
            Move::Call(end) => self.call(plan, end),
            Move::Deliver(end, place) => {
                let packet = self.ends[end].wire.remove(place);
                self.arrive(1 - end, &packet);
            }
            Move::Repeat(end, place) => {
                self.left.repeated -= 1;
                let packet = self.ends[end].wire[place].clone();
                self.arrive(1 - end, &packet);
            }
            Move::Lose(end, place) => {
                self.left.lost -= 1;
                self.ends[end].wire.remove(place);
            }
            Move::Tick => {
                let is_late = self
                    .ends
                    .iter()
                    .enumerate()
                    .any(|(n, end)| !end.wire.is_empty() || end.may_call(plan.calls[n]));
                self.left.late -= u8::from(is_late);
                if let Some(at) = self.next_timer() {
                    self.now = self.now.max(at);
                }
                let now = self.clock();
                self.ends.iter_mut().for_each(|end| end.stack.handle_timeout(now));
            }
        }
        self.settle();
        self.read()?;
        self.settle();
        self.look()
    }

    fn arrive(&mut self, end: usize, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: self.now,
            checksum: Checksum::Unverified,
        });
        let now = self.clock();
        self.ends[end].stack.handle_packets(now, &mut batch);
    }

    fn connect(&mut self, end: usize) {
        let options = ConnectOptions {
            remote: place(1 - end),
            local: Some(place(end)),
            connection: None,
        };
        let now = self.clock();
        // A peer's SYN cannot have taken the four-tuple: nobody listens where somebody connects.
        self.ends[end].user.id = self.ends[end].stack.connect(now, options).ok();
    }

    fn call(&mut self, plan: &Plan, end: usize) {
        let now = self.clock();
        let End { stack, user, .. } = &mut self.ends[end];
        let call = plan.calls[end][user.calls];
        user.calls += 1;
        let Some(id) = user.id else {
            return self.connect(end);
        };
        match call {
            Call::Connect => {}
            Call::Send(len) => {
                let text: Vec<u8> = (user.sent..user.sent + usize::from(len))
                    .map(|at| byte(end, at))
                    .collect();
                // What a connection that is over refuses was not sent.
                user.sent += stack.send(now, id, &mut Bytes::from(text)).unwrap_or_default();
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

    /// What a driver does after every step.
    fn settle(&mut self) {
        let now = self.clock();
        for End {
            stack,
            listener,
            user,
            wire,
        } in &mut self.ends
        {
            while let Some(event) = stack.poll_event() {
                match event {
                    Event::Acceptable(_) => {
                        let Some(Ok(Some(accepted))) = listener.map(|id| stack.accept(now, id)) else {
                            continue;
                        };
                        if user.calls == 0 && user.id.is_none() {
                            user.id = Some(accepted.id);
                        } else {
                            user.ghosts += 1;
                            // An id that was just given names a connection.
                            let _ = stack.close(now, accepted.id);
                        }
                    }
                    Event::Connection(_, ready) => user.over |= ready.ended,
                }
            }
            let most = self.left.in_flight;
            let budget = Budget { packets: 2 * most };
            stack.poll_transmit(now, budget, &mut Link { wire, most });
        }
    }

    /// Both users read what there is, and know what it has to be.
    fn read(&mut self) -> Result<(), Fault> {
        let now = self.clock();
        for end in 0..2 {
            let sent = self.ends[1 - end].user.sent;
            let End { stack, user, .. } = &mut self.ends[end];
            let Some(id) = user.id else { continue };
            while let Ok(received) = stack.receive(now, id, usize::MAX) {
                match received {
                    Received::Data(data) => {
                        let at = user.received;
                        user.received += data.len();
                        let right = (at..user.received).map(|at| byte(1 - end, at));
                        if user.received > sent || !data.iter().copied().eq(right) {
                            return Err(Fault::Bytes(format!(
                                "end {end} read {data:?} at {at}; {sent} were sent"
                            )));
                        }
                    }
                    Received::Finished => {
                        // A connection that we ended ourselves ends our stream, too.
                        let by_fin = stack.status(now, id).is_ok_and(|status| status.ended.is_none());
                        if by_fin && user.received != sent {
                            let received = user.received;
                            return Err(Fault::Lost(format!(
                                "end {end} was told the end after {received} of {sent} bytes"
                            )));
                        }
                        user.finished = true;
                        break;
                    }
                    Received::Nothing => break,
                }
            }
        }
        Ok(())
    }

    fn look(&self) -> Result<(), Fault> {
        for (n, end) in self.ends.iter().enumerate() {
            let watch = end.stack.observer();
            if let Some(fault) = &watch.fault {
                return Err(fault.clone());
            }
            for entry in end.stack.entries(self.clock()) {
                let Entry::Connection { status, .. } = entry else {
                    continue;
                };
                let (una, nxt) = (status.snd_una, status.snd_nxt);
                if una.after(nxt) {
                    return Err(Fault::Inconsistent(format!(
                        "end {n}: SND.UNA {una} is after SND.NXT {nxt}"
                    )));
                }
                if status.state != watch.state {
                    let (says, told) = (status.state, watch.state);
                    return Err(Fault::Inconsistent(format!(
                        "end {n}: STATUS says {says}, the facts say {told}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Nothing can happen any more: both users are done, both ends are CLOSED, and where nobody broke off all bytes are there.
    pub(super) fn look_at_rest(&self, plan: &Plan) -> Result<(), Fault> {
        for (n, end) in self.ends.iter().enumerate() {
            let Watch { state, ended, .. } = end.stack.observer();
            let (user, calls) = (&end.user, plan.calls[n]);
            // A listener's user whom no connection ever reached has nothing to do.
            let never_opened = user.calls == 0 && user.id.is_none() && !plan.orderly;
            if user.calls < calls.len() && !never_opened {
                let waits = calls[user.calls];
                return Err(Fault::Deadlock(format!(
                    "the user of end {n} cannot make the call {waits:?}"
                )));
            }
            if end.stack.counts() != (0, 0, 0) || *state != State::Closed {
                let counts = end.stack.counts();
                return Err(Fault::Deadlock(format!("end {n} is in {state}, and holds {counts:?}")));
            }
            if plan.orderly && user.ghosts > 0 {
                return Err(Fault::Ghost);
            }
            let sent = self.ends[1 - n].user.sent;
            if plan.orderly && (user.received != sent || !user.finished || ended.is_some()) {
                let received = user.received;
                return Err(Fault::Lost(format!(
                    "end {n} has {received} of {sent} bytes, ended: {ended:?}"
                )));
            }
        }
        Ok(())
    }

    /// Tells moments apart from which different things may follow.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut into = DefaultHasher::new();
        for end in &self.ends {
            end.stack.fingerprint(&mut into);
            let watch = end.stack.observer();
            (watch.state, watch.ended, &end.user, &end.wire).hash(&mut into);
        }
        (self.now, self.left.lost, self.left.repeated, self.left.late).hash(&mut into);
        into.finish()
    }
}

impl End {
    /// Whether the user can make its next call now.
    fn may_call(&self, calls: &[Call]) -> bool {
        let Some(call) = calls.get(self.user.calls) else {
            return false;
        };
        if *call == Call::Connect {
            return true;
        }
        match call {
            _ if self.user.id.is_none() => false,
            Call::Shutdown => self.stack.observer().state != State::SynSent,
            Call::CloseAtEnd => self.user.finished || self.user.over,
            _ => true,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.ends;
        let at = self.now.as_millis();
        let [left, right] = [a, b].map(|end| end.stack.observer().state);
        write!(
            f,
            "{left:>12} {:>2} ⇄ {:<2} {right:<12} {at} ms",
            a.wire.len(),
            b.wire.len()
        )
    }
}

impl Move {
    /// In words, as it is made from this moment.
    pub(super) fn read(&self, from: &Moment) -> String {
        let segment = |end: usize, place: usize| {
            let arrow = if end == 0 { "─▶" } else { "◀─" };
            match Glance::of(&from.ends[end].wire[place]) {
                Some(Glance { header, payload, .. }) => {
                    format!(
                        "{arrow} {} seq {} ack {} len {payload}",
                        header.flags, header.seq, header.ack
                    )
                }
                None => format!("{arrow} no TCP segment"),
            }
        };
        match *self {
            Self::Call(end) => format!("end {end} makes call {}", from.ends[end].user.calls + 1),
            Self::Deliver(end, place) => segment(end, place),
            Self::Repeat(end, place) => format!("{} (once more to come)", segment(end, place)),
            Self::Lose(end, place) => format!("{} (lost)", segment(end, place)),
            Self::Tick => "time passes".to_owned(),
        }
    }
}
