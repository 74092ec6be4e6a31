//! Two stacks back to back over a wire that loses, delays, reorders and repeats, in virtual time, from a seed.
//!
//! Users do only what events tell them to, so that an event that is lost shows as a transfer that stands still.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use syndic_stack::io::Offload;
use syndic_stack::*;

use crate::rig::*;

const MIB: usize = 1 << 20;

/// What the wire does to packets. Units: thousandths.
#[derive(Debug, Clone, Copy)]
struct Faults {
    lost: u64,
    repeated: u64,
    /// Up to three round trips late.
    late: u64,
    /// A bit is flipped.
    corrupted: u64,
}

const CLEAN: Faults = Faults {
    lost: 0,
    repeated: 0,
    late: 0,
    corrupted: 0,
};

const ROUGH: Faults = Faults {
    lost: 30,
    repeated: 20,
    late: 100,
    corrupted: 5,
};

struct Random(u64);

impl Random {
    /// xorshift64*, which needs no tables and has no zero state after this.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    fn happens(&mut self, thousandths: u64) -> bool {
        self.below(1000) < thousandths
    }
}

/// One side: a stack and its user, who sends so many bytes, reads everything and closes.
struct Side {
    stack: Stack<Log>,
    id: Option<ConnectionId>,
    listener: Option<ListenerId>,
    to_send: usize,
    sent: usize,
    received: usize,
    writable: bool,
    readable: bool,
    finished: bool,
    is_shut: bool,
    /// Before it is open a CLOSE would end it.
    is_open: bool,
}

#[derive(Default)]
struct Out(Vec<Vec<u8>>);

impl Sink for Out {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let mut packet = head.to_vec();
        payload.iter().for_each(|p| packet.extend_from_slice(p));
        self.0.push(packet);
        Ok(())
    }
}

struct World {
    name: String,
    sides: [Side; 2],
    now: Instant,
    wire: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    carried: u64,
    random: Random,
    faults: Faults,
    delay: Duration,
}

impl World {
    fn new(name: &str, seed: u64, config: &Config, faults: Faults, is_v6: bool, to_send: [usize; 2]) -> Self {
        let address = |last: u8| if is_v6 { v6(u16::from(last)) } else { v4(last) };
        let side = |last: u8, to_send: usize| Side {
            stack: Stack::new(
                Config {
                    addresses: vec![address(last)],
                    ..config.clone()
                },
                Secrets {
                    master: [last ^ seed as u8; 32],
                    public: seed,
                },
                Log::default(),
            ),
            id: None,
            listener: None,
            to_send,
            sent: 0,
            received: 0,
            writable: true,
            readable: true,
            finished: false,
            is_shut: false,
            is_open: last == 2,
        };
        let mut world = Self {
            name: format!("{name}, seed {seed}"),
            sides: [side(1, to_send[0]), side(2, to_send[1])],
            now: Instant::ZERO + Duration::from_secs(1 + seed),
            wire: BTreeMap::new(),
            carried: 0,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            faults,
            delay: Duration::from_millis(5),
        };
        let local = SocketAddr::new(address(2), 80);
        let mut options = ListenOptions::new(local);
        options.connection = config.connection;
        let [client, server] = &mut world.sides;
        server.listener = Some(server.stack.listen(options).expect("the port is free"));
        let connect = ConnectOptions {
            remote: local,
            local: None,
            connection: None,
        };
        let now = at(world.now);
        client.id = Some(client.stack.connect(now, connect).expect("a port is free"));
        world
    }

    /// Runs until everything was carried, both sides have closed, and nothing is left of anything.
    fn run(mut self) -> Self {
        let end = self.now + Duration::from_secs(4 * 3600);
        loop {
            (0..2).for_each(|i| self.user(i));
            (0..2).for_each(|i| self.transmit(i));
            let arrival = self.wire.keys().next().map(|&(at, _)| at);
            let timers = self.sides.iter().filter_map(|side| side.stack.poll_timeout()).min();
            let Some(next) = arrival.into_iter().chain(timers).min() else {
                break;
            };
            self.now = next.max(self.now);
            assert!(self.now < end, "{}: no end. {}", self.name, self.describe());
            while let Some(entry) = self.wire.first_entry().filter(|e| e.key().0 <= self.now) {
                let (to, packet) = entry.remove();
                self.deliver(to, &packet);
            }
            let now = at(self.now);
            self.sides.iter_mut().for_each(|side| side.stack.handle_timeout(now));
        }
        for (side, other) in [(0, 1), (1, 0)] {
            let (side, other) = (&self.sides[side], &self.sides[other]);
            assert_eq!(side.received, other.to_send, "{}: {}", self.name, self.describe());
            assert!(side.finished && side.id.is_none(), "{}: {}", self.name, self.describe());
            assert_eq!(side.stack.counts(), (0, 0, 0), "{}", self.name);
            assert_eq!(side.stack.observer().ended, [], "{}", self.name);
        }
        self
    }

    fn describe(&self) -> String {
        let sides = self.sides.iter().map(|s| {
            let status = s.id.and_then(|id| s.stack.status(at(self.now), id).ok());
            format!(
                "sent {} of {}, received {}, finished {}: {status:#?}",
                s.sent, s.to_send, s.received, s.finished
            )
        });
        sides.collect::<Vec<_>>().join("\n")
    }

    fn deliver(&mut self, to: usize, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: self.now,
            checksum: io::Checksum::Unverified,
        });
        self.sides[to].stack.handle_packets(at(self.now), &mut batch);
    }

    fn transmit(&mut self, from: usize) {
        let mut out = Out::default();
        while self.sides[from]
            .stack
            .poll_transmit(at(self.now), Budget::default(), &mut out)
        {}
        for packet in out.0 {
            let copies = 1 + u64::from(self.random.happens(self.faults.repeated));
            for _ in 0..copies {
                if self.random.happens(self.faults.lost) {
                    continue;
                }
                let mut packet = packet.clone();
                if self.random.happens(self.faults.corrupted) {
                    let bit = self.random.below(packet.len() as u64 * 8) as usize;
                    packet[bit / 8] ^= 1 << (bit % 8);
                }
                let late = self.random.happens(self.faults.late);
                let extra = if late { self.random.below(30_000) } else { 0 };
                let arrives = self.now + self.delay + Duration::from_micros(extra);
                self.carried += 1;
                self.wire.insert((arrives, self.carried), (1 - from, packet));
            }
        }
    }

    /// What the user of one side does now.
    fn user(&mut self, i: usize) {
        let now = at(self.now);
        let side = &mut self.sides[i];
        while let Some(event) = side.stack.poll_event() {
            match event {
                Event::Acceptable(listener) => {
                    let accepted = side.stack.accept(now, listener).expect("it listens");
                    if let Some(accepted) = accepted {
                        assert_eq!(side.id.replace(accepted.id), None, "{}: one connection", self.name);
                    }
                }
                Event::Connection(id, ready) => {
                    assert_eq!(Some(id), side.id);
                    side.is_open |= ready.opened;
                    side.writable |= ready.writable;
                    side.readable |= ready.readable;
                }
            }
        }
        let Some(id) = side.id else { return };
        while side.writable && side.sent < side.to_send {
            let len = (side.to_send - side.sent).min(20_000);
            let mut data = Bytes::from(pattern(side.sent as u32, len));
            side.sent += side.stack.send(now, id, &mut data).expect("may send");
            side.writable = data.is_empty();
        }
        if side.is_open && side.sent == side.to_send && !side.is_shut {
            side.stack.shutdown(now, id).expect("may shut down");
            side.is_shut = true;
        }
        while side.readable && !side.finished {
            match side.stack.receive(now, id, 10_000).expect("nothing fails") {
                Received::Data(bytes) => {
                    assert!(
                        bytes == pattern(side.received as u32, bytes.len()),
                        "{}: bytes differ",
                        self.name
                    );
                    side.received += bytes.len();
                }
                Received::Nothing => side.readable = false,
                Received::Finished => side.finished = true,
            }
        }
        let status = side.stack.status(now, id).expect("the id is held");
        assert!(status.snd_una.at_or_before(status.snd_nxt), "{}", self.name);
        if side.finished && side.is_shut {
            side.stack.close(now, id).expect("the id is held");
            side.id = None;
            if let Some(listener) = side.listener.take() {
                side.stack.close_listener(now, listener).expect("it listens");
            }
        }
    }
}

fn at(mono: Instant) -> Now {
    Now {
        mono,
        unix_s: mono.as_nanos() / 1_000_000_000,
    }
}

fn buffers(send_buffer: usize, receive_buffer: usize) -> ConnectionOptions {
    ConnectionOptions {
        send_buffer: send_buffer.into(),
        receive_buffer: receive_buffer.into(),
        ..ConnectionOptions::default()
    }
}

/// Every way in which two stacks may agree, and sizes of buffers and packets.
fn configurations() -> Vec<(&'static str, Config, bool)> {
    let plain = Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        ..Config::default()
    };
    vec![
        ("all options", Config::default(), false),
        ("no options", plain.clone(), false),
        ("IPv6", Config::default(), true),
        (
            "tiny buffers",
            Config {
                connection: buffers(3000, 2000),
                ..Config::default()
            },
            false,
        ),
        (
            "buffers below a segment",
            Config {
                connection: buffers(700, 500),
                ..plain.clone()
            },
            false,
        ),
        (
            "super-segments, carried whole",
            Config {
                super_segment_max: Some(60_000),
                ..Config::default()
            },
            false,
        ),
        (
            "least MTU",
            Config {
                mtu: 576,
                ..Config::default()
            },
            false,
        ),
        (
            "least MTU of IPv6, no delay",
            Config {
                mtu: 1280,
                connection: ConnectionOptions {
                    no_delay: true,
                    ..buffers(50_000, 50_000)
                },
                ..plain
            },
            true,
        ),
    ]
}

#[test]
fn a_mebibyte_both_ways_over_a_clean_wire() {
    for (name, config, is_v6) in configurations() {
        let world = World::new(name, 1, &config, CLEAN, is_v6, [MIB, MIB]).run();
        for side in &world.sides {
            assert_eq!(side.stack.counters().retransmissions, 0, "{name}");
            assert_eq!(side.stack.counters().drops().collect::<Vec<_>>(), [], "{name}");
        }
    }
}

#[test]
fn a_mebibyte_both_ways_over_a_rough_wire() {
    for (seed, (name, config, is_v6)) in (100..).zip(configurations()) {
        World::new(name, seed, &config, ROUGH, is_v6, [MIB, MIB]).run();
    }
}

#[test]
fn many_seeds_over_wires_that_differ() {
    for seed in 0..300 {
        let mut random = Random(seed * 77 + 5);
        let faults = Faults {
            lost: random.below(100),
            repeated: random.below(200),
            late: random.below(500),
            corrupted: random.below(20),
        };
        let configurations = configurations();
        let (name, config, is_v6) = &configurations[random.below(configurations.len() as u64) as usize];
        let sizes = [0, 1, 700, 5000, 60_000];
        let sizes = [0, 1].map(|_| sizes[random.below(5) as usize]);
        World::new(name, seed, config, faults, *is_v6, sizes).run();
    }
}

#[test]
fn one_way_and_the_same_seed_gives_the_same_run() {
    let run = || {
        let world = World::new("twice", 42, &Config::default(), ROUGH, false, [100_000, 0]).run();
        (
            world.now,
            world.carried,
            world.sides.map(|s| s.stack.counters().clone()),
        )
    };
    assert_eq!(run(), run());
}
