//! The loop: whatever comes next happens, until the last good client has its answer or has given up.

use std::net::IpAddr;

use stack::flood::Level;
use stack::{FourTuple, Instant, ListenOptions};

use super::attacker::Attacker;
use super::client::{Attempt, Client};
use super::report::{Report, Sample};
use super::scenario::Flood;
use super::server::Server;
use super::tape::{GOOD, OTHERS, SERVER, Sent, Tape};
use super::{ATTACK_BEGINS, CLIENTS, ENDS, PATIENCE, SAMPLE_EVERY};
use crate::link::{Carried, Impairment, Link};
use crate::rng::Rng;

/// The way to the server, and back.
const PATH: Impairment = Impairment {
    delay: stack::Duration::from_millis(20),
    jitter: stack::Duration::from_millis(1),
    loss: crate::unit::Chance(0),
    duplicate: crate::unit::Chance(0),
    reorder: crate::unit::Chance(0),
    corrupt: crate::unit::Chance(0),
    rate: None,
    queue: None,
};

/// A packet on the way, and its place on the tape if it is kept.
#[derive(Debug, Clone)]
struct Parcel {
    bytes: Vec<u8>,
    place: Option<usize>,
}

impl Carried for Parcel {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// Everybody, and the link between them.
pub(super) struct Arena {
    now: Instant,
    clients: Vec<Client>,
    server: Server,
    attacker: Attacker,
    to_server: Link<Parcel>,
    from_server: Link<Parcel>,
    tape: Tape,
    samples: Vec<Sample>,
    samples_at: Instant,
    seen: Seen,
    /// Packets of the server to addresses where nobody is.
    to_nobody: u64,
    is_stateless: bool,
}

/// What the samples before had counted already, and what was seen since the last.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    syns: u64,
    accepted: u64,
    half_open_max: usize,
}

impl Arena {
    pub(super) fn new(flood: &Flood, seed: u64) -> Self {
        let mut config = stack::Config::default();
        let mut options = ListenOptions::new(Server::LOCAL);
        (flood.server)(&mut config, &mut options);
        let clients: Vec<Client> = (0..CLIENTS)
            .map(|number| Client::new(number, Server::LOCAL, seed))
            .collect();
        let victim = client_address(&clients);
        Self {
            now: Instant::ZERO,
            server: Server::new(config, options, seed),
            attacker: Attacker::new(flood.attack, flood.per_s, Server::LOCAL, victim, seed),
            clients,
            to_server: Link::new(PATH, Vec::new(), Rng::fork(seed, "to server")),
            from_server: Link::new(PATH, Vec::new(), Rng::fork(seed, "from server")),
            tape: Tape::new(flood.title),
            samples: Vec::new(),
            samples_at: Instant::ZERO + SAMPLE_EVERY,
            seen: Seen::default(),
            to_nobody: 0,
            is_stateless: false,
        }
    }

    /// Plays it to its end.
    pub(super) fn play(mut self, flood: &Flood, seed: u64) -> Report {
        let end = Instant::ZERO + ENDS + PATIENCE;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.happen();
        }
        let attempts: Vec<Attempt> = self.clients.iter().flat_map(|c| c.attempts.iter().copied()).collect();
        let server = &self.server;
        let mut report = Report::new(flood, seed, &attempts, &self.samples);
        report.count(server, server.host.stack.counters());
        report.attack_sent = self.attacker.sent;
        report.segments = self.attacker.sent;
        let clients = self.clients.iter().map(|client| client.host.stack.counters());
        for counters in clients.chain([server.host.stack.counters()]) {
            report.segments += counters.segments_out;
            report.retransmissions += counters.retransmissions;
        }
        report.to_nobody = self.to_nobody;
        (report.ladder, report.capture) = self.tape.finish();
        report.levels = self.server.host.stack.observer().levels.clone();
        report.failures = flood
            .expects
            .iter()
            .filter_map(|expect| expect.failure(&report))
            .collect();
        report
    }

    fn next(&self) -> Option<Instant> {
        let mut next = self.clients.iter().filter_map(Client::wakes).min();
        let others = [
            self.to_server.next(),
            self.from_server.next(),
            self.attacker.due(),
            self.server.wakes(),
            Some(self.samples_at).filter(|at| *at <= Instant::ZERO + ENDS),
        ];
        for other in others.into_iter().flatten() {
            next = Some(next.map_or(other, |next| next.min(other)));
        }
        next
    }

    /// The first of the things that are due: packets before timers, the server before the clients.
    fn happen(&mut self) {
        let now = self.now;
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Some(arrival) = self.to_server.pop(now) {
            self.at_server(&arrival.packet);
        } else if let Some(arrival) = self.from_server.pop(now) {
            self.reach(&arrival.packet);
        } else if is_due(self.server.wakes()) {
            self.server.wake(now);
            self.settle_server();
        } else if is_due(self.attacker.due()) {
            if let Some(packet) = self.attacker.send(now) {
                self.inject(packet);
            }
        } else if let Some(place) = self.clients.iter().position(|client| is_due(client.wakes())) {
            let opened = self.clients[place].wake(now);
            // One that meets the flood in full.
            let begun = Instant::ZERO + ATTACK_BEGINS + stack::Duration::from_secs(2);
            if let Some(opened) = opened.filter(|_| place == 0 && now >= begun) {
                self.tape.follow(now, opened);
            }
            self.settle_client(place);
        } else {
            self.sample();
        }
    }

    fn at_server(&mut self, parcel: &Parcel) {
        let dropped = self.server.host.take(self.now, &parcel.bytes);
        if let Some(place) = parcel.place {
            let stack = &self.server.host.stack;
            self.tape
                .arrived(self.now, place, dropped, |tuple| stack.state_of(tuple));
        }
        self.settle_server();
    }

    /// A packet of the server's has come to where it was sent.
    fn reach(&mut self, parcel: &Parcel) {
        let address = crate::glance::destination(&parcel.bytes);
        if let Some(place) = self.client_at(address) {
            let dropped = self.clients[place].host.take(self.now, &parcel.bytes);
            if let Some(at) = parcel.place {
                let stack = &self.clients[place].host.stack;
                self.tape.arrived(self.now, at, dropped, |tuple| stack.state_of(tuple));
            }
            self.settle_client(place);
            return;
        }
        if let Some(place) = parcel.place {
            self.tape.arrived(self.now, place, None, |_| stack::State::Closed);
        }
        if let Some(answer) = self.attacker.answer(&parcel.bytes) {
            self.inject(answer);
        }
    }

    /// A segment of the attacker's.
    fn inject(&mut self, packet: Vec<u8>) {
        self.send(None, OTHERS, packet, None);
    }

    fn settle_server(&mut self) {
        loop {
            while let Some((packet, cause)) = self.server.host.give(self.now) {
                self.answer(packet, cause);
            }
            let clients = &self.clients;
            let is_good = |address: IpAddr| clients.iter().any(|client| client.address == address);
            self.server.serve(self.now, is_good);
            if !self.server.host.stack.has_output() {
                break;
            }
        }
        let (_, half_open, _) = self.server.host.stack.counts();
        self.seen.half_open_max = self.seen.half_open_max.max(half_open);
        self.tell_changes();
    }

    fn settle_client(&mut self, place: usize) {
        loop {
            while let Some((packet, cause)) = self.clients[place].host.give(self.now) {
                let from = if place == 0 { GOOD } else { OTHERS };
                self.send(Some(place), from, packet, cause);
            }
            self.clients[place].serve(self.now);
            if !self.clients[place].host.stack.has_output() {
                return;
            }
        }
    }

    /// Puts a packet on the way to the server.
    fn send(&mut self, client: Option<usize>, from: usize, bytes: Vec<u8>, cause: Option<stack::Cause>) {
        let sent = Sent {
            from,
            to: SERVER,
            bytes: &bytes,
            cause,
            arrives: Some(self.now),
        };
        let clients = &self.clients;
        let state =
            |tuple: &FourTuple| client.map_or(stack::State::Closed, |at| clients[at].host.stack.state_of(tuple));
        let place = self.tape.sent(self.now, &sent, state);
        self.to_server.push(self.now, Parcel { bytes, place });
    }

    /// Puts a packet of the server's on the way to its destination, if there is anybody.
    fn answer(&mut self, bytes: Vec<u8>, cause: Option<stack::Cause>) {
        let address = crate::glance::destination(&bytes);
        let client = self.client_at(address);
        let is_attackers = address.is_some_and(|address| self.attacker.is_at(address));
        let sent = Sent {
            from: SERVER,
            to: if client == Some(0) { GOOD } else { OTHERS },
            bytes: &bytes,
            cause,
            arrives: (client.is_some() || is_attackers).then_some(self.now),
        };
        let stack = &self.server.host.stack;
        let place = self.tape.sent(self.now, &sent, |tuple| stack.state_of(tuple));
        if sent.arrives.is_none() {
            self.to_nobody += 1;
            return;
        }
        self.from_server.push(self.now, Parcel { bytes, place });
    }

    fn client_at(&self, address: Option<IpAddr>) -> Option<usize> {
        let address = address?;
        self.clients.iter().position(|client| client.address == address)
    }

    /// Notes the changes of the flood level, and of the way in which SYNs are answered.
    fn tell_changes(&mut self) {
        let watch = self.server.host.stack.observer();
        if watch.is_stateless != self.is_stateless {
            self.is_stateless = watch.is_stateless;
            let text = if self.is_stateless {
                "cookies alone from now on"
            } else {
                "entries are kept again"
            };
            self.tape.mark(self.now, SERVER, None, text);
        }
    }

    fn sample(&mut self) {
        let at = self.samples_at;
        self.samples_at = at + SAMPLE_EVERY;
        let holding = self.server.holding(at);
        let watch = self.server.host.stack.observer();
        let per_s = |count: u64| count * 1_000 / SAMPLE_EVERY.as_millis();
        self.samples.push(Sample {
            at_ms: at.as_millis(),
            half_open: self.seen.half_open_max.max(holding.half_open),
            accept_queue: holding.accept_queue,
            memory: holding.memory,
            syns_per_s: per_s(watch.syns - self.seen.syns),
            served_per_s: per_s(self.server.accepted - self.server.strangers - self.seen.accepted),
            is_stateless: watch.is_stateless,
            level: watch.levels.last().map_or(Level::Calm, |change| change.to),
        });
        self.seen = Seen {
            syns: watch.syns,
            accepted: self.server.accepted - self.server.strangers,
            half_open_max: 0,
        };
    }
}

fn client_address(clients: &[Client]) -> IpAddr {
    clients
        .first()
        .map_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), |client| client.address)
}
