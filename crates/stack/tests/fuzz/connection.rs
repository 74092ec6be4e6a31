//! The body of the fuzz target `connection`: two stacks, and a wire on which every segment that was ever sent may arrive at any
//! time, as often as the input likes, whole or with a bit changed, while both users call what they like.
//!
//! After each step both ends are looked over. At the end the wire becomes a good one: then all must come to rest, every byte
//! having arrived once and in order, unless a user broke off or an end gave up.

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::tcp::state::next;
use syndic_stack::*;

use crate::bytes::Choices;

/// Watches one connection go through the table of states.
struct Watch {
    state: State,
    ended: Option<Ended>,
    /// A second connection of the same four-tuple came to be: the first one's end is known no more.
    again: bool,
}

impl Observer for Watch {
    fn observe(&mut self, _: Instant, fact: &Fact<'_>) {
        match fact {
            Fact::State { from, to, arrow, .. } => {
                let is_new = (self.state, *from) == (State::Closed, State::Listen);
                assert!(
                    is_new || self.state == *from,
                    "{from} -{arrow:?}-> {to}, but it was {}",
                    self.state
                );
                assert_eq!(next(*from, *arrow), Some(*to), "{from} -{arrow:?}-> {to}");
                self.state = *to;
            }
            Fact::Ended { how, .. } => self.ended = Some(*how),
            _ => {}
        }
    }
}

/// What has left an end: what is still to arrive for the first time, and all that may arrive again.
#[derive(Default)]
struct Wire {
    sent: Vec<Vec<u8>>,
    first: usize,
    full: bool,
}

/// So many segments are remembered.
const REMEMBERED: usize = 64;

impl Sink for Wire {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        if self.full {
            return Err(Full);
        }
        let mut packet = head.to_vec();
        payload.iter().for_each(|piece| packet.extend_from_slice(piece));
        self.sent.push(packet);
        if self.sent.len() > REMEMBERED {
            self.sent.remove(0);
            self.first = self.first.saturating_sub(1);
        }
        Ok(())
    }
}

struct End {
    stack: Stack<Watch>,
    listener: Option<ListenerId>,
    id: Option<ConnectionId>,
    wire: Wire,
    sent: usize,
    received: usize,
    finished: bool,
    shut: bool,
    /// The user broke off, or let go with bytes still to come.
    broke: bool,
}

struct Pair<'a> {
    input: Choices<'a>,
    ends: [End; 2],
    now: Instant,
}

fn place(end: usize) -> SocketAddr {
    SocketAddr::new(IpAddr::from([10, 7, 0, end as u8 + 1]), 1000 + end as u16)
}

/// The byte at this place of an end's stream.
fn byte(end: usize, at: usize) -> u8 {
    (at * 7 + at / 256 + end * 128) as u8
}

/// What an end's connections start with, opened either way.
fn settings(flags: u8, buffers: u8) -> ConnectionOptions {
    ConnectionOptions {
        no_delay: flags & 1 != 0,
        send_buffer: (1 << (8 + buffers % 8)).into(),
        receive_buffer: (1 << (8 + buffers / 8 % 8)).into(),
        keep_alive: Some(KeepAlive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(5),
            probes: 4,
        }),
        ..ConnectionOptions::default()
    }
}

fn end(n: usize, flags: u8, buffers: u8) -> End {
    let config = Config {
        addresses: vec![place(n).ip()],
        mtu: if flags & 2 != 0 { 576 } else { 1500 },
        timestamps: flags & 4 != 0,
        window_scaling: flags & 8 != 0,
        sack: flags & 16 != 0,
        limits: Limits {
            islands: 5,
            ..Limits::default()
        },
        connection: settings(flags, buffers),
        ..Config::default()
    };
    let secrets = Secrets {
        master: [n as u8; 32],
        public: 0,
    };
    let watch = Watch {
        state: State::Closed,
        ended: None,
        again: false,
    };
    End {
        stack: Stack::new(config, secrets, watch),
        listener: None,
        id: None,
        wire: Wire::default(),
        sent: 0,
        received: 0,
        finished: false,
        shut: false,
        broke: false,
    }
}

/// Plays the input against two new stacks.
///
/// Panics when anything is wrong.
pub(crate) fn run(data: &[u8]) {
    let mut input = Choices(data);
    let (flags, mine, theirs) = (input.byte(), input.byte(), input.byte());
    let mut pair = Pair {
        input,
        ends: [end(0, flags, mine), end(1, flags.rotate_left(2), theirs)],
        now: Instant::ZERO + Duration::from_secs(1),
    };
    pair.open(0);
    if flags & 0x80 == 0 {
        let end = &mut pair.ends[1];
        let mut options = ListenOptions::new(place(1));
        options.connection = settings(flags.rotate_left(2), theirs);
        end.listener = Some(end.stack.listen(options).expect("the port is free"));
    } else {
        pair.open(1);
    }
    pair.settle();
    while !pair.input.0.is_empty() {
        pair.step();
        pair.settle();
        pair.look();
    }
    pair.finish();
}

impl Pair<'_> {
    fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: self.now.as_nanos() / 1_000_000_000,
        }
    }

    fn open(&mut self, n: usize) {
        let options = ConnectOptions {
            remote: place(1 - n),
            local: Some(place(n)),
            connection: None,
        };
        let now = self.now();
        self.ends[n].id = self.ends[n].stack.connect(now, options).ok();
    }

    fn step(&mut self) {
        let what = self.input.byte();
        let n = usize::from(what >> 7);
        match what & 0x1f {
            0..=9 => {
                self.deliver(n);
            }
            10 => {
                let wire = &mut self.ends[n].wire;
                wire.first = (wire.first + 1).min(wire.sent.len());
            }
            11..=13 => {
                let place = self.input.below(self.ends[n].wire.sent.len());
                if let Some(packet) = self.ends[n].wire.sent.get(place).cloned() {
                    self.arrive(1 - n, &packet);
                }
            }
            14 => self.bend(n),
            15..=18 => {
                self.tick();
            }
            19 => self.ends[n].wire.full ^= true,
            20..=23 => {
                let len = self.input.short() % 6_000;
                self.send(n, len);
            }
            24..=28 => {
                let most = self.input.short() % 6_000;
                self.read(n, most);
            }
            29 => self.shutdown(n),
            30 => {
                self.now += Duration::from_millis(self.input.below(300) as u64);
                let now = self.now();
                self.ends.iter_mut().for_each(|end| end.stack.handle_timeout(now));
            }
            _ if what & 0x60 == 0x60 => self.let_go(n),
            _ => {
                self.deliver(n);
            }
        }
    }

    /// The next segment arrives for the first time.
    fn deliver(&mut self, n: usize) -> bool {
        let wire = &mut self.ends[n].wire;
        let Some(packet) = wire.sent.get(wire.first).cloned() else {
            return false;
        };
        wire.first += 1;
        self.arrive(1 - n, &packet);
        true
    }

    /// A segment arrives with a bit changed, which its checksum has to tell.
    fn bend(&mut self, n: usize) {
        let place = self.input.below(self.ends[n].wire.sent.len());
        let Some(mut packet) = self.ends[n].wire.sent.get(place).cloned() else {
            return;
        };
        let bit = self.input.short() % (packet.len() * 8);
        packet[bit / 8] ^= 1 << (bit % 8);
        self.arrive(1 - n, &packet);
    }

    fn arrive(&mut self, n: usize, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: self.now,
            checksum: Checksum::Unverified,
        });
        let now = self.now();
        self.ends[n].stack.handle_packets(now, &mut batch);
    }

    /// Goes to the next time that either stack has asked for. Returns whether there is one.
    fn tick(&mut self) -> bool {
        let next = self.ends.iter().filter_map(|end| end.stack.poll_timeout()).min();
        let Some(at) = next else { return false };
        self.now = self.now.max(at);
        let now = self.now();
        self.ends.iter_mut().for_each(|end| end.stack.handle_timeout(now));
        true
    }

    fn send(&mut self, n: usize, len: usize) {
        let now = self.now();
        let end = &mut self.ends[n];
        let Some(id) = end.id else { return };
        let text: Vec<u8> = (end.sent..end.sent + len).map(|at| byte(n, at)).collect();
        let sent = end.stack.send(now, id, &mut Bytes::from(text));
        assert!(!(end.shut && sent.is_ok()), "sent after CLOSE");
        end.sent += sent.unwrap_or_default();
    }

    fn read(&mut self, n: usize, most: usize) {
        let now = self.now();
        let sent = self.ends[1 - n].sent;
        let end = &mut self.ends[n];
        let Some(id) = end.id else { return };
        match end.stack.receive(now, id, most) {
            Ok(Received::Data(data)) => {
                assert!(!end.finished && !data.is_empty() && data.len() <= most);
                let right = (end.received..).map(|at| byte(1 - n, at));
                assert!(
                    data.iter().copied().eq(right.take(data.len())),
                    "end {n} at {}",
                    end.received
                );
                end.received += data.len();
                assert!(end.received <= sent, "end {n}: {} of {sent} bytes", end.received);
            }
            Ok(Received::Finished) => {
                let by_fin = end.stack.status(now, id).is_ok_and(|status| status.ended.is_none());
                assert!(
                    !by_fin || end.received == sent,
                    "end {n}: {} of {sent} bytes: {:?}",
                    end.received,
                    end.stack.status(now, id)
                );
                end.finished = true;
            }
            Ok(Received::Nothing) | Err(_) => {}
        }
    }

    fn shutdown(&mut self, n: usize) {
        let now = self.now();
        let end = &mut self.ends[n];
        let Some(id) = end.id else { return };
        end.broke |= end.stack.observer().state == State::SynSent;
        end.shut |= end.stack.shutdown(now, id).is_ok();
    }

    /// CLOSE or ABORT.
    fn let_go(&mut self, n: usize) {
        let now = self.now();
        let end = &mut self.ends[n];
        let Some(id) = end.id.take() else { return };
        end.broke = true;
        let done = match self.input.byte() & 1 {
            0 => end.stack.close(now, id),
            _ => end.stack.abort(now, id),
        };
        done.expect("held");
    }

    /// What a driver does after each step.
    fn settle(&mut self) {
        let now = self.now();
        for end in &mut self.ends {
            while let Some(event) = end.stack.poll_event() {
                let Event::Acceptable(listener) = event else { continue };
                while let Some(accepted) = end.stack.accept(now, listener).expect("it listens") {
                    let is_first = end.id.is_none() && !end.broke && !end.stack.observer().again;
                    if is_first {
                        end.id = Some(accepted.id);
                        end.stack.observer_mut().again = true;
                    } else {
                        // Old segments have opened another.
                        end.broke = true;
                        end.stack.abort(now, accepted.id).expect("held");
                    }
                }
            }
            let budget = Budget { packets: 200 };
            let more = end.stack.poll_transmit(now, budget, &mut end.wire);
            assert!(!more || end.wire.full, "200 segments at once");
        }
    }

    fn look(&self) {
        for end in &self.ends {
            for entry in end.stack.entries(self.now()) {
                let Entry::Connection { status, .. } = entry else {
                    continue;
                };
                assert!(status.snd_una.at_or_before(status.snd_nxt), "{status:?}");
                assert!(
                    status.islands <= 5 && status.cwnd >= 1 && status.snd_mss >= 1,
                    "{status:?}"
                );
                assert!(status.receive_queue <= (1 << 15) + (1 << 14), "{status:?}");
                assert!(
                    status.send_queue <= 1 << 15 && status.unsent <= status.send_queue,
                    "{status:?}"
                );
            }
        }
    }

    /// From here on the wire is good and both users read all, close and let go: in the end nothing is left.
    fn finish(&mut self) {
        self.ends.iter_mut().for_each(|end| end.wire.full = false);
        for _ in 0..20_000 {
            self.settle();
            self.look();
            let mut moved = false;
            for n in 0..2 {
                while self.deliver(n) {
                    moved = true;
                    self.settle();
                }
                self.wind_up(n);
            }
            self.settle();
            let quiet = self.ends.iter().all(|end| end.wire.first >= end.wire.sent.len());
            if !moved && quiet && !self.tick() {
                return self.rest();
            }
        }
        panic!("it does not come to rest");
    }

    /// A user who reads what there is, and closes as soon as that is no harm.
    fn wind_up(&mut self, n: usize) {
        let before = self.ends[n].received;
        self.read(n, usize::MAX);
        while self.ends[n].received > before && !self.ends[n].finished {
            let at = self.ends[n].received;
            self.read(n, usize::MAX);
            if self.ends[n].received == at {
                break;
            }
        }
        let now = self.now();
        let Some(id) = self.ends[n].id else { return };
        let status = self.ends[n].stack.status(now, id).expect("held");
        if status.state != State::SynSent && !self.ends[n].shut && status.ended.is_none() {
            self.shutdown(n);
        }
        let end = &mut self.ends[n];
        if end.finished || status.ended.is_some() || status.state == State::Closed {
            end.stack.close(now, id).expect("held");
            end.id = None;
        }
    }

    fn rest(&self) {
        for (n, end) in self.ends.iter().enumerate() {
            let entries = end.stack.entries(self.now());
            assert_eq!(end.stack.counts(), (0, 0, 0), "end {n}: {entries:?}");
            assert_eq!(end.stack.observer().state, State::Closed, "end {n}");
        }
        let broke = self
            .ends
            .iter()
            .any(|end| end.broke || end.stack.observer().ended.is_some());
        if !broke && self.ends[0].finished {
            for n in 0..2 {
                let (received, sent) = (self.ends[n].received, self.ends[1 - n].sent);
                assert_eq!(received, sent, "end {n}: nobody broke off, and bytes are missing");
            }
        }
    }
}
