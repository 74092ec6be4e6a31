//! Two stacks in memory on one core: how fast one flow is, with checksums in software and one copy on the link.
//!
//! `cargo bench -p syndic-stack --bench transfer`; docs/bench.md has the figures. What is measured is the thread's CPU time,
//! both stacks together. Virtual time moves on by what a turn takes in earnest, so that nothing waits for it.
#![allow(clippy::print_stdout, reason = "what it finds is its output")]

#[allow(dead_code, reason = "each benchmark takes what it needs")]
#[path = "rig"]
mod rig {
    pub(crate) mod cpu;
    pub(crate) mod packet;
    pub(crate) mod pair;
}

use rig::{cpu, packet, pair};
use syndic_stack::{Config, Duration};

use crate::pair::Pair;

/// How much each row carries.
const BYTES: u64 = 4 << 30;

fn main() {
    keep_memory();
    println!("| segments | Gbit/s | best of 5 | ns a segment | ACKs a segment |");
    println!("|---|---:|---:|---:|---:|");
    for (name, mtu, budget) in [
        ("64 KiB (MTU 65,535)", 65_535, 16),
        ("8,960 bytes (MTU 9,000)", 9_000, 64),
        ("1,460 bytes (MTU 1,500)", 1_500, 64),
    ] {
        row(name, mtu, budget);
    }
}

/// The allocator of glibc gives memory at the top of its heap back to the system at once, when it is more than 128 KiB, and
/// takes it again for the next packet, page by page: that costs more than all the rest. It does so less eagerly after a
/// large block was freed.
fn keep_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(16 << 20)));
}

fn row(name: &str, mtu: usize, budget: usize) {
    let config = Config {
        mtu,
        timestamps: false,
        ..Config::default()
    };
    let mut pair = Pair::new(&config, budget);
    let step = Duration::from_micros(100);
    pair.transfer(BYTES / 20, step);
    let mut rates: Vec<f64> = Vec::new();
    let (before, from) = (pair.segments(), pair.received);
    let start = cpu::spent();
    for _ in 0..5 {
        let (start, from) = (cpu::spent(), pair.received);
        pair.transfer(BYTES / 20, step);
        rates.push((pair.received - from) as f64 * 8.0 / (cpu::spent() - start).as_nanos() as f64);
    }
    let spent = (cpu::spent() - start).as_nanos() as f64;
    let after = pair.segments();
    let segments = (after.0 - before.0) as f64;
    rates.sort_by(f64::total_cmp);
    println!(
        "| {name} | {:.1} | {:.1} | {:.0} | {:.2} |",
        (pair.received - from) as f64 * 8.0 / spent,
        rates.last().copied().unwrap_or_default(),
        spent / segments,
        (after.1 - before.1) as f64 / segments,
    );
    let status = pair.status();
    assert_eq!(status.retransmitted, 0, "nothing is lost here: {status:?}");
}
