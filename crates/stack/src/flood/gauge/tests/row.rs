//! Floods, and what must not be taken for one: each a named row with its highest level, how soon that is reached and how soon
//! the gauge is calm again.

use super::world::{Chance, Client, MS, S, World, far, ghost, good, lossy, near, scanner};
use crate::flood::gauge::Level::{self, Calm, Flood, Watch};

/// When the traffic of a row that matters begins: good clients may come before. No multiple of a step.
pub(super) const START: u64 = 5 * S + 70 * MS;

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) traffic: fn(&mut World),
    pub(super) highest: Level,
    /// From `START` to the highest level at most.
    pub(super) within_ms: u64,
    /// When the traffic ends. Units: ms after `START`.
    pub(super) end_ms: u64,
    /// From there to `calm` at most. The half-open entries that a flood left live for 63 s more, and hold `watch`.
    pub(super) calm_ms: u64,
    /// At most so many changes of level.
    pub(super) changes: usize,
}

/// What a flood leaves half open dies 63 s after it came; ten quiet windows, and the one that was running.
const QUEUE_DIES_MS: u64 = 63_000 + 11_000;

pub(super) const ROWS: &[Row] = &[
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
