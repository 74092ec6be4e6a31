//! Floods, and what must not be taken for one, in virtual time: each a named row with its highest level, how soon that is
//! reached and how soon the gauge is calm again.

use alloc::collections::BinaryHeap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;
use std::collections::HashSet;
use std::format;

use super::*;

/// xorshift64*: even in its high bits, repeatable, and seeded.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let x = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        // The low bits of the product are weak; the map of sources reads them.
        x ^ x >> 32
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Client {
    /// Does not exist.
    Ghost,
    /// Completes after its round trip; of its SYN-ACKs so many percent are lost, and then it sends its SYN again.
    Good { round_trip: u64, loss: u64 },
    /// Answers by RST after its round trip.
    Scanner { round_trip: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Syn {
        client: Client,
        source: u64,
        embryo: usize,
        tries: u32,
    },
    Completed {
        source: u64,
        embryo: usize,
    },
    Reset {
        source: u64,
        embryo: usize,
    },
    Expired {
        embryo: usize,
    },
}

/// A listener with its SYN queue and its clients, around one gauge.
struct World {
    chance: Chance,
    gauge: Gauge,
    agenda: BinaryHeap<Reverse<(u64, usize, Happening)>>,
    /// Orders what happens at one instant, and names embryos.
    serial: usize,
    half_open: HashSet<usize>,
    backlog: usize,
    /// While it is, the accept queue is full.
    accept_queue_full: core::ops::Range<u64>,
    changes: Vec<(u64, Change)>,
}

/// How long a half-open entry lives.
const LIFETIME: u64 = 63 * S;

impl World {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            gauge: Gauge::new(GaugeOptions::default()),
            agenda: BinaryHeap::new(),
            serial: 0,
            half_open: HashSet::new(),
            backlog: 1_024,
            accept_queue_full: 0..0,
            changes: Vec::new(),
        }
    }

    fn plan(&mut self, at: u64, happening: Happening) {
        self.serial += 1;
        self.agenda.push(Reverse((at, self.serial, happening)));
    }

    fn client(&mut self, at: u64, source: u64, client: Client) {
        let embryo = self.serial;
        self.plan(
            at,
            Happening::Syn {
                client,
                source,
                embryo,
                tries: 0,
            },
        );
    }

    /// `rate` SYNs a second, in `span`, each from a new address.
    fn crowd(&mut self, span: core::ops::Range<u64>, rate: u64, client: impl Fn(&mut Chance) -> Client) {
        for _ in 0..(span.end - span.start) / MS * rate / 1_000 {
            let at = span.start + self.chance.below(span.end - span.start);
            let (source, client) = (self.chance.next(), client(&mut self.chance));
            self.client(at, source, client);
        }
    }

    /// As [`crowd`](Self::crowd), but all from these sources.
    fn from(&mut self, sources: u64, span: core::ops::Range<u64>, rate: u64, client: Client) {
        for n in 0..(span.end - span.start) / MS * rate / 1_000 {
            let at = span.start + self.chance.below(span.end - span.start);
            self.client(at, Chance::new(n % sources + 1).next(), client);
        }
    }

    /// Until the last timer: a gauge that never rests is found by the test's own end.
    fn run(&mut self) {
        loop {
            let next = self.agenda.peek().map(|Reverse((at, ..))| *at);
            let timer = self.gauge.next().map(Instant::as_nanos);
            let Some(now) = next.into_iter().chain(timer).min() else {
                return;
            };
            assert!(now < 1_000 * S, "never at rest: {:?}", self.gauge.figures());
            if next == Some(now) {
                let Some(Reverse((_, _, happening))) = self.agenda.pop() else {
                    return;
                };
                self.happen(now, happening);
            }
            let change = self
                .gauge
                .evaluate(Instant::from_nanos(now), self.half_open.len(), self.backlog);
            self.changes.extend(change.map(|change| (now, change)));
        }
    }

    fn happen(&mut self, now: u64, happening: Happening) {
        let mono = Instant::from_nanos(now);
        match happening {
            Happening::Syn {
                client,
                source,
                embryo,
                tries,
            } => {
                let answered = !self.accept_queue_full.contains(&now);
                if answered {
                    self.gauge.on_syn(mono, source);
                    if self.half_open.len() < self.backlog && self.half_open.insert(embryo) {
                        self.plan(now + LIFETIME, Happening::Expired { embryo });
                    }
                }
                match client {
                    Client::Ghost => {}
                    Client::Scanner { round_trip } => self.plan(now + round_trip, Happening::Reset { source, embryo }),
                    Client::Good { round_trip, loss } if answered && self.chance.below(100) >= loss => {
                        self.plan(now + round_trip, Happening::Completed { source, embryo });
                    }
                    Client::Good { .. } if tries < 6 => {
                        let again = Happening::Syn {
                            client,
                            source,
                            embryo,
                            tries: tries + 1,
                        };
                        self.plan(now + (S << tries), again);
                    }
                    Client::Good { .. } => {}
                }
            }
            Happening::Completed { source, embryo } => {
                self.gauge.on_completed(mono, source);
                if !self.accept_queue_full.contains(&now) {
                    self.half_open.remove(&embryo);
                }
            }
            Happening::Reset { source, embryo } => {
                self.gauge.on_reset(mono, source);
                self.half_open.remove(&embryo);
            }
            Happening::Expired { embryo } => {
                self.half_open.remove(&embryo);
            }
        }
    }
}

fn near(_: &mut Chance) -> Client {
    Client::Good {
        round_trip: 20 * MS,
        loss: 0,
    }
}

/// Round trips of 1 to 300 ms.
fn good(chance: &mut Chance) -> Client {
    Client::Good {
        round_trip: (1 + chance.below(300)) * MS,
        loss: 0,
    }
}

fn lossy(chance: &mut Chance) -> Client {
    Client::Good {
        round_trip: (1 + chance.below(300)) * MS,
        loss: 30,
    }
}

fn far(_: &mut Chance) -> Client {
    Client::Good {
        round_trip: 500 * MS,
        loss: 0,
    }
}

fn ghost(_: &mut Chance) -> Client {
    Client::Ghost
}

fn scanner(_: &mut Chance) -> Client {
    Client::Scanner { round_trip: 40 * MS }
}

/// When the traffic of a row that matters begins: good clients may come before. No multiple of a step.
const START: u64 = 5 * S + 70 * MS;

struct Row {
    name: &'static str,
    traffic: fn(&mut World),
    highest: Level,
    /// From `START` to the highest level at most.
    within_ms: u64,
    /// When the traffic ends. Units: ms after `START`.
    end_ms: u64,
    /// From there to `calm` at most. The half-open entries that a flood left live for 63 s more, and hold `watch`.
    calm_ms: u64,
    /// At most so many changes of level.
    changes: usize,
}

/// What a flood leaves half open dies 63 s after it came; ten quiet windows, and the one that was running.
const QUEUE_DIES_MS: u64 = 63_000 + 11_000;

use Level::{Calm, Flood, Watch};

const ROWS: &[Row] = &[
    // What is no flood.
    Row {
        name: "a few good clients",
        traffic: |w| w.crowd(0..20 * S, 30, good),
        highest: Calm,
        within_ms: 0,
        end_ms: 15_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "ten slow clients on a small backlog",
        traffic: |w| {
            w.backlog = 12;
            for n in 0..4 {
                w.from(10, START + ((1 << n) - 1) * S..START + (1 << n) * S, 10, Client::Ghost);
            }
        },
        highest: Calm,
        within_ms: 0,
        end_ms: 8_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "a port scan",
        traffic: |w| {
            w.crowd(0..20 * S, 30, good);
            w.crowd(START..START + 10 * S, 2, scanner);
        },
        highest: Calm,
        within_ms: 0,
        end_ms: 15_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "one port scanned from everywhere",
        traffic: |w| w.crowd(START..START + 5 * S, 500, scanner),
        highest: Watch,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: 12_000,
        changes: 2,
    },
    Row {
        name: "a slow-accepting application",
        traffic: |w| {
            w.accept_queue_full = START + 2 * S..START + 20 * S;
            w.crowd(START..START + 20 * S, 300, good);
        },
        highest: Calm,
        within_ms: 0,
        end_ms: 40_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "an application that stops at a full tilt",
        traffic: |w| {
            w.accept_queue_full = START..START + 4 * S;
            w.crowd(START - S..START + 5 * S, 3_000, good);
        },
        highest: Watch,
        within_ms: 5_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "a flash crowd",
        traffic: |w| w.crowd(START..START + 5 * S, 2_000, good),
        highest: Calm,
        within_ms: 0,
        end_ms: 5_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "a flash crowd from afar",
        traffic: |w| w.crowd(START..START + 5 * S, 1_200, far),
        highest: Calm,
        within_ms: 0,
        end_ms: 5_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "a flash crowd that fills the queue for a round trip",
        traffic: |w| w.crowd(START..START + 2 * S, 20_000, good),
        highest: Watch,
        within_ms: 500,
        end_ms: 2_000,
        calm_ms: 12_000,
        changes: 2,
    },
    Row {
        name: "a lossy network",
        traffic: |w| w.crowd(START..START + 20 * S, 500, lossy),
        highest: Calm,
        within_ms: 0,
        end_ms: 20_000,
        calm_ms: 0,
        changes: 0,
    },
    Row {
        name: "a busy lossy network",
        traffic: |w| w.crowd(START..START + 5 * S, 2_500, lossy),
        highest: Watch,
        within_ms: 5_000,
        end_ms: 5_000,
        calm_ms: 22_000,
        changes: 4,
    },
    Row {
        name: "5000 clients reconnect at once",
        traffic: |w| w.crowd(START..START + MS, 5_000_000, good),
        highest: Watch,
        within_ms: 1,
        end_ms: 0,
        calm_ms: 12_000,
        changes: 2,
    },
    Row {
        name: "5000 clients reconnect over a lossy network",
        traffic: |w| w.crowd(START..START + MS, 5_000_000, lossy),
        highest: Watch,
        within_ms: 1,
        end_ms: 0,
        calm_ms: 25_000,
        changes: 2,
    },
    Row {
        name: "5000 clients reconnect in a second",
        traffic: |w| w.crowd(START..START + S, 5_000, good),
        highest: Watch,
        within_ms: 1_000,
        end_ms: 1_000,
        calm_ms: 12_000,
        changes: 2,
    },
    // One source, which the limits deal with.
    Row {
        name: "one source floods",
        traffic: |w| w.from(1, START..START + 5 * S, 2_000, Client::Ghost),
        highest: Watch,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "one source floods beside good clients",
        traffic: |w| {
            w.crowd(0..20 * S, 200, good);
            w.from(1, START..START + 5 * S, 2_000, Client::Ghost);
        },
        highest: Watch,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "one source floods beside as many good clients",
        traffic: |w| {
            w.crowd(START - S..START + 6 * S, 2_000, good);
            w.from(1, START..START + 5 * S, 2_000, Client::Ghost);
        },
        highest: Watch,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "twenty sources flood",
        traffic: |w| w.from(20, START..START + 5 * S, 2_000, Client::Ghost),
        highest: Watch,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "one source, low and slow, beside good clients",
        traffic: |w| {
            w.crowd(0..90 * S, 15, good);
            w.from(1, START..START + 80 * S, 20, Client::Ghost);
        },
        highest: Watch,
        within_ms: 18_000,
        end_ms: 85_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "a good client's own address",
        traffic: |w| {
            w.from(1, 0..10 * S, 2, near(&mut Chance::new(1)));
            w.from(1, START..START + 3 * S, 2_000, Client::Ghost);
        },
        highest: Watch,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    // Floods.
    Row {
        name: "a prefix of 254 addresses",
        traffic: |w| w.from(254, START..START + 5 * S, 2_000, Client::Ghost),
        highest: Flood,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "200/s",
        traffic: |w| w.crowd(START..START + 10 * S, 200, ghost),
        highest: Flood,
        within_ms: 1_250,
        end_ms: 10_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 3,
    },
    Row {
        name: "200/s and 10 % good",
        traffic: |w| {
            w.crowd(0..20 * S, 22, good);
            w.crowd(START..START + 10 * S, 200, ghost);
        },
        highest: Flood,
        within_ms: 1_750,
        end_ms: 10_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 3,
    },
    Row {
        name: "200/s and 50 % good",
        traffic: |w| {
            w.crowd(0..20 * S, 200, good);
            w.crowd(START..START + 10 * S, 200, ghost);
        },
        highest: Flood,
        within_ms: 3_000,
        end_ms: 10_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 3,
    },
    Row {
        name: "200/s and 50 % good through one address",
        traffic: |w| {
            w.from(1, 0..20 * S, 200, near(&mut Chance::new(1)));
            w.crowd(START..START + 10 * S, 200, ghost);
        },
        highest: Flood,
        within_ms: 3_000,
        end_ms: 10_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 3,
    },
    Row {
        name: "2000/s",
        traffic: |w| w.crowd(START..START + 5 * S, 2_000, ghost),
        highest: Flood,
        within_ms: 760,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "2000/s and 10 % good",
        traffic: |w| {
            w.crowd(0..20 * S, 222, good);
            w.crowd(START..START + 5 * S, 2_000, ghost);
        },
        highest: Flood,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "2000/s and 50 % good",
        traffic: |w| {
            w.crowd(START - S..START + 6 * S, 2_000, good);
            w.crowd(START..START + 5 * S, 2_000, ghost);
        },
        highest: Flood,
        within_ms: 3_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "80000/s",
        traffic: |w| w.crowd(START..START + 2 * S, 80_000, ghost),
        highest: Flood,
        within_ms: 760,
        end_ms: 2_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "80000/s and 10 % good",
        traffic: |w| {
            w.crowd(START..START + 3 * S, 8_000, good);
            w.crowd(START..START + 2 * S, 72_000, ghost);
        },
        highest: Flood,
        within_ms: 1_000,
        end_ms: 3_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "80000/s and 50 % good",
        traffic: |w| {
            w.crowd(START..START + 3 * S, 40_000, near);
            w.crowd(START..START + 3 * S, 40_000, ghost);
        },
        highest: Flood,
        within_ms: 3_000,
        end_ms: 3_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "2000/s at a listener that keeps no embryo",
        traffic: |w| {
            w.backlog = 0;
            w.crowd(START..START + 5 * S, 2_000, ghost);
        },
        highest: Flood,
        within_ms: 760,
        end_ms: 5_000,
        calm_ms: 12_500,
        changes: 2,
    },
    Row {
        name: "2000/s over a lossy network",
        traffic: |w| {
            w.backlog = 0;
            w.crowd(0..30 * S, 500, lossy);
            w.crowd(START..START + 5 * S, 2_000, ghost);
        },
        highest: Flood,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: 60_000,
        changes: 3,
    },
    Row {
        name: "a small flood under a great crowd",
        traffic: |w| {
            w.backlog = 1_024;
            w.crowd(START - S..START + 5 * S, 10_000, near);
            w.crowd(START..START + 4 * S, 2_000, ghost);
        },
        highest: Watch,
        within_ms: 3_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 2,
    },
    Row {
        name: "sources that exist",
        traffic: |w| {
            w.crowd(START..START + 5 * S, 1_800, ghost);
            w.crowd(START..START + 5 * S, 200, scanner);
        },
        highest: Flood,
        within_ms: 1_000,
        end_ms: 5_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    // Slow: watch while the queue fills, flood once it is full.
    Row {
        name: "low and slow",
        traffic: |w| {
            w.crowd(0..140 * S, 1, good);
            w.crowd(START..START + 120 * S, 20, ghost);
        },
        highest: Flood,
        within_ms: 50_000,
        end_ms: 135_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "low and slow, and good clients",
        traffic: |w| {
            w.crowd(0..140 * S, 15, good);
            w.crowd(START..START + 120 * S, 20, ghost);
        },
        highest: Flood,
        within_ms: 55_000,
        end_ms: 135_000,
        calm_ms: QUEUE_DIES_MS,
        changes: 4,
    },
    Row {
        name: "low and slow, cookies only",
        traffic: |w| {
            w.backlog = 0;
            w.crowd(START..START + 60 * S, 20, ghost);
        },
        highest: Watch,
        within_ms: 9_000,
        end_ms: 60_000,
        calm_ms: 22_000,
        changes: 2,
    },
    // On and off.
    Row {
        name: "three seconds on, three off",
        traffic: |w| {
            w.backlog = 0;
            for n in 0..6 {
                w.crowd(START + n * 6 * S..START + (n * 6 + 3) * S, 2_000, ghost);
            }
        },
        highest: Flood,
        within_ms: 760,
        end_ms: 33_000,
        calm_ms: 12_500,
        changes: 2,
    },
    Row {
        name: "a tenth of a second on, two off",
        traffic: |w| {
            w.backlog = 0;
            for n in 0..15 {
                w.crowd(START + n * 2 * S..START + n * 2 * S + S / 10, 2_000, ghost);
            }
        },
        highest: Flood,
        within_ms: 760,
        end_ms: 28_100,
        calm_ms: 12_500,
        changes: 2,
    },
];

#[test]
fn every_scenario_has_its_level() {
    let mut failures = Vec::<String>::new();
    for row in ROWS {
        // The largest rows cost most and vary least.
        let seeds = if row.name.starts_with("80000") { 1 } else { 3 };
        for seed in 1..=seeds {
            let mut world = World::new(seed);
            (row.traffic)(&mut world);
            world.run();
            let highest = world.changes.iter().map(|(_, change)| change.to).max().unwrap_or(Calm);
            let reached = world.changes.iter().find(|(_, change)| change.to == highest);
            let latency = reached.map_or(0, |(at, _)| at.saturating_sub(START) / MS);
            let last = world.changes.last().map_or(0, |(at, _)| *at);
            let calm = last.saturating_sub(START + row.end_ms * MS) / MS;
            let early = world.changes.first().is_some_and(|(at, _)| *at < START);
            let right = highest == row.highest
                && latency <= row.within_ms
                && calm <= row.calm_ms
                && world.changes.len() <= row.changes
                && world.gauge.level() == Calm
                && !early;
            let mut story = format!(
                "{}, seed {seed}: {highest} after {latency} ms, calm {calm} ms later\n",
                row.name
            );
            for (at, change) in &world.changes {
                let at = (*at as i64 - START as i64) / MS as i64;
                story += &format!("    {at:>7} ms {} -> {}: {}\n", change.from, change.to, change.figures);
            }
            if !right {
                failures.push(story);
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.concat());
}

#[test]
fn a_flood_is_detected_in_time_at_any_phase_of_a_window() {
    for (name, rate, good_rate, within) in [
        ("500/s", 500, 10, S),
        ("2000/s", 2_000, 10, S),
        ("2000/s and 10 % good", 2_000, 222, S),
        ("200/s", 200, 10, 1_500 * MS),
        ("200/s and 50 % good", 200, 200, 3 * S),
        ("1000/s and 50 % good", 1_000, 1_000, 3 * S),
    ] {
        for phase in 0..10 {
            let begins = 3 * S + phase * 110 * MS;
            let mut world = World::new(phase + 1);
            // Good clients keep the steps going, which else begin with the flood's first SYN.
            world.crowd(0..begins + 3 * S, good_rate, near);
            world.crowd(begins..begins + 3 * S, rate, ghost);
            world.run();
            let flood = world
                .changes
                .iter()
                .find(|(_, change)| change.to == Flood)
                .map(|(at, _)| at - begins);
            assert!(
                flood.is_some_and(|late| late <= within),
                "{name}, phase {phase}: {:?}",
                world.changes
            );
        }
    }
}

#[test]
fn a_gauge_is_small() {
    assert!(size_of::<Gauge>() < 512, "{} bytes", size_of::<Gauge>());
}

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * MS)
}

/// A flood that a driver looked at once, when it was over.
fn flooded(until_ms: u64) -> Gauge {
    let mut gauge = Gauge::new(GaugeOptions::default());
    let mut chance = Chance::new(9);
    for ms in 0..until_ms {
        gauge.on_syn(at(ms), chance.next());
        gauge.on_syn(at(ms), chance.next());
    }
    gauge
}

#[test]
fn a_calm_listener_needs_no_timer() {
    let mut gauge = Gauge::new(GaugeOptions::default());
    assert_eq!(gauge.next(), None);
    (0..63).for_each(|n| gauge.on_syn(at(n), n));
    assert_eq!(gauge.next(), None, "fewer than can be a flood");
    gauge.on_syn(at(63), 63);
    assert_eq!(gauge.next(), Some(at(250)));
    gauge.on_completed(at(64), 63);
    assert_eq!(gauge.next(), None);
    // The next SYN, an hour later, finds nothing left of these.
    (0..63).for_each(|n| gauge.on_syn(at(3_600_000), n));
    assert_eq!(gauge.next(), None);
    gauge.on_syn(at(3_600_000), 63);
    assert_eq!(gauge.next(), Some(at(3_600_250)));
}

#[test]
fn a_change_is_told_once() {
    let mut gauge = flooded(1_000);
    assert_eq!(gauge.level(), Level::Calm, "not told yet");
    let change = gauge.evaluate(at(1_000), 0, 1_024).expect("a flood");
    assert_eq!((change.from, change.to), (Level::Calm, Level::Flood));
    assert_eq!(change.figures, gauge.figures());
    assert_eq!((change.figures.syns, change.figures.unanswered()), (500, 500));
    assert_eq!(gauge.level(), Level::Flood);
    assert_eq!(gauge.evaluate(at(1_000), 0, 1_024), None);
}

#[test]
fn a_driver_that_comes_late_finds_the_level_that_time_left() {
    for (name, ms, to) in [
        ("soon", 5_000, Some(Level::Calm)),
        ("an hour", 3_600_000, Some(Level::Calm)),
        ("at once", 500, None),
    ] {
        let mut gauge = flooded(1_000);
        gauge.evaluate(at(1_000), 0, 1_024);
        gauge.evaluate(at(9_000), 0, 1_024);
        let change = gauge.evaluate(at(9_000 + ms), 0, 1_024);
        assert_eq!(change.map(|change| change.to), to, "{name}");
    }
}

#[test]
fn a_full_queue_is_seen_at_once_with_what_filled_it() {
    let mut gauge = Gauge::new(GaugeOptions::default());
    let mut chance = Chance::new(4);
    (0..800).for_each(|n| gauge.on_syn(at(100 + n / 10), chance.next()));
    let change = gauge.evaluate(at(180), 800, 1_024).expect("a full queue");
    assert_eq!(change.to, Level::Watch);
    assert_eq!(
        (change.figures.half_open, change.figures.backlog, change.figures.syns),
        (800, 1_024, 800)
    );
    assert_eq!(change.figures.span, Duration::from_millis(80));
}

#[test]
fn a_clock_that_goes_back_or_to_its_end_harms_nothing() {
    let mut gauge = flooded(1_000);
    gauge.on_syn(at(10), 1);
    gauge.evaluate(at(0), usize::MAX, usize::MAX);
    gauge.on_completed(Instant::from_nanos(u64::MAX), 1);
    gauge.on_syn(Instant::from_nanos(u64::MAX), 1);
    gauge.evaluate(Instant::from_nanos(u64::MAX), 0, 0);
    assert_eq!(gauge.evaluate(at(0), 0, 0), None);
}

#[test]
fn counts_saturate() {
    let full = Tally {
        syns: u32::MAX,
        completed: 1,
        reset: 0,
    };
    assert_eq!(
        full.plus(full),
        Tally {
            syns: u32::MAX,
            completed: 2,
            reset: 0
        }
    );
    let mut gauge = flooded(10);
    gauge.waiting = [full; 3];
    gauge.on_syn(at(10), 1);
    gauge.on_completed(at(10), 1);
    gauge.on_reset(at(10), 1);
    for ms in (250..5_000).step_by(250) {
        gauge.evaluate(at(ms), usize::MAX, usize::MAX);
    }
    assert_eq!(gauge.level(), Level::Watch, "no sources to speak of");
}

#[test]
fn options_out_of_bounds_are_brought_within() {
    let options = GaugeOptions {
        unanswered_min: 0,
        unanswered_percent: 200,
        holding_percent: 250,
        quiet_windows: 0,
        ..GaugeOptions::default()
    };
    let gauge = Gauge::new(options);
    let bounded = GaugeOptions {
        unanswered_min: 2,
        unanswered_percent: 100,
        holding_percent: 100,
        quiet_windows: 9,
        ..options
    };
    assert_eq!(gauge.options, bounded);
    let calm = Gauge::new(GaugeOptions {
        half_open_percent: 101,
        ..options
    })
    .evaluate(at(0), 1_024, 1_024);
    assert_eq!(calm, None, "a sign that is turned off");
}

#[test]
fn levels_and_figures_read_well() {
    assert_eq!(
        format!("{:>6}|{}|{}", Level::Calm, Level::Watch, Level::Flood),
        "  calm|watch|flood"
    );
    let figures = Figures {
        half_open: 512,
        backlog: 1_024,
        syns: 2_000,
        completed: 100,
        reset: 3,
        sources: 1_980,
        span: Duration::from_secs(1),
    };
    assert_eq!(
        format!("{figures}"),
        "512 of 1024 half-open; 2000 SYNs in 1s from about 1980 sources: 100 completed, 3 reset, 1897 unanswered"
    );
}
