//! Character at a glance: the same transfer over every path of a grid, as a table.
//!
//! It holds no figure to a bound: it is a snapshot in review, so that a change of recovery or congestion control shows what
//! it did to every path.

use lens::Table;
use stack::Duration;

use super::{Report, Transfer};
use crate::link::Impairment;
use crate::unit::{Chance, Rate, Size};

/// Of every path. Units: bits per second.
pub const RATE: u64 = 20_000_000;

/// What is sent over each. Units: bytes.
pub const BYTES: u64 = 1_500_000;

/// Round trips. Units: milliseconds.
const RTTS_MS: [u64; 3] = [10, 40, 160];

/// Queues, in quarters of a bandwidth-delay product.
const QUEUES: [(u64, &str); 3] = [(1, "1/4"), (4, "1"), (16, "4")];

/// What goes wrong.
const TROUBLES: [Trouble; 5] = [
    Trouble::lost("0", 0),
    Trouble::lost("0.1 %", 1_000),
    Trouble::lost("1 %", 10_000),
    Trouble::lost("3 %", 30_000),
    Trouble {
        name: "1 % late",
        loss: Chance(0),
        reorder: Chance(10_000),
    },
];

#[derive(Debug, Clone, Copy)]
struct Trouble {
    name: &'static str,
    loss: Chance,
    reorder: Chance,
}

impl Trouble {
    const fn lost(name: &'static str, parts_per_million: u32) -> Self {
        Self {
            name,
            loss: Chance(parts_per_million),
            reorder: Chance(0),
        }
    }
}

/// The path of one field.
fn path(rtt_ms: u64, quarters: u64, trouble: Trouble) -> Impairment {
    let bdp = RATE / 8 * rtt_ms / 1_000;
    Impairment {
        delay: Duration::from_millis(rtt_ms / 2),
        rate: Some(Rate(RATE)),
        queue: Some(Size(bdp * quarters / 4)),
        loss: trouble.loss,
        reorder: trouble.reorder,
        ..Impairment::default()
    }
}

/// Plays every path with these seeds. Figures are sums or means over them.
pub fn table(seeds: &[u64]) -> Table {
    let mut table = Table::new([
        "rtt",
        "queue, BDP",
        "lost",
        ">goodput, % of rate",
        ">segments",
        ">sent again",
        ">timeouts",
        ">lost by chance",
        ">queue full",
    ]);
    for rtt_ms in RTTS_MS {
        for (quarters, queue) in QUEUES {
            for trouble in TROUBLES {
                let transfer = Transfer::new(path(rtt_ms, quarters, trouble), BYTES);
                let reports: Vec<Report> = seeds.iter().map(|seed| transfer.play(*seed)).collect();
                let mut row = vec![format!("{rtt_ms} ms"), queue.to_owned(), trouble.name.to_owned()];
                row.extend(figures(&reports));
                table.row(row);
            }
        }
    }
    table
}

fn figures(reports: &[Report]) -> [String; 6] {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let bits = u128::from(sum(|report| report.bytes)) * 8_000_000;
    let per_mille = bits * 1_000 / u128::from(RATE) / u128::from(sum(|report| report.took_us).max(1));
    let whole = reports.iter().all(|report| report.is_whole);
    [
        match whole {
            true => format!("{}.{}", per_mille / 10, per_mille % 10),
            false => "NOT WHOLE".to_owned(),
        },
        sum(|report| report.segments).to_string(),
        sum(|report| report.retransmissions).to_string(),
        sum(|report| report.timeouts).to_string(),
        sum(|report| report.lost).to_string(),
        sum(|report| report.queue_full).to_string(),
    ]
}
