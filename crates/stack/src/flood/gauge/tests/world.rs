//! A listener with its SYN queue and its clients around one gauge, in virtual time and from a seed.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::ops::Range;
use std::collections::HashSet;

use crate::flood::gauge::{Change, Gauge, GaugeOptions};
use crate::time::Instant;

/// xorshift64*: even in its high bits, repeatable, and seeded.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let x = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        // The low bits of the product are weak; the map of sources reads them.
        x ^ x >> 32
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

pub(super) const MS: u64 = 1_000_000;
pub(super) const S: u64 = 1_000 * MS;

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
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
pub(super) struct World {
    chance: Chance,
    pub(super) gauge: Gauge,
    agenda: BinaryHeap<Reverse<(u64, usize, Happening)>>,
    /// Orders what happens at one instant, and names embryos.
    serial: usize,
    half_open: HashSet<usize>,
    pub(super) backlog: usize,
    /// While it is, the accept queue is full.
    pub(super) accept_queue_full: Range<u64>,
    pub(super) changes: Vec<(u64, Change)>,
}

/// How long a half-open entry lives.
const LIFETIME: u64 = 63 * S;

impl World {
    pub(super) fn new(seed: u64) -> Self {
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
    pub(super) fn crowd(&mut self, span: Range<u64>, rate: u64, client: impl Fn(&mut Chance) -> Client) {
        for _ in 0..(span.end - span.start) / MS * rate / 1_000 {
            let at = span.start + self.chance.below(span.end - span.start);
            let (source, client) = (self.chance.next(), client(&mut self.chance));
            self.client(at, source, client);
        }
    }

    /// As [`crowd`](Self::crowd), but all from these sources.
    pub(super) fn from(&mut self, sources: u64, span: Range<u64>, rate: u64, client: Client) {
        for n in 0..(span.end - span.start) / MS * rate / 1_000 {
            let at = span.start + self.chance.below(span.end - span.start);
            self.client(at, Chance::new(n % sources + 1).next(), client);
        }
    }

    /// Until the last timer: a gauge that never rests is found by the test's own end.
    pub(super) fn run(&mut self) {
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

pub(super) fn near(_: &mut Chance) -> Client {
    Client::Good {
        round_trip: 20 * MS,
        loss: 0,
    }
}

/// Round trips of 1 to 300 ms.
pub(super) fn good(chance: &mut Chance) -> Client {
    Client::Good {
        round_trip: (1 + chance.below(300)) * MS,
        loss: 0,
    }
}

pub(super) fn lossy(chance: &mut Chance) -> Client {
    Client::Good {
        round_trip: (1 + chance.below(300)) * MS,
        loss: 30,
    }
}

pub(super) fn far(_: &mut Chance) -> Client {
    Client::Good {
        round_trip: 500 * MS,
        loss: 0,
    }
}

pub(super) fn ghost(_: &mut Chance) -> Client {
    Client::Ghost
}

pub(super) fn scanner(_: &mut Chance) -> Client {
    Client::Scanner { round_trip: 40 * MS }
}
