//! What a packet costs when the next one belongs to another of many connections: cache misses, and how many overlap.
//!
//! `cargo bench -p syndic-stack --bench crowd`; docs/bench.md has the figures. Packets come in batches, each for another
//! connection, in an order that nothing can foresee; they are written outside of the time that is measured, which is the
//! thread's CPU time.
#![allow(clippy::print_stdout, reason = "what it finds is its output")]

#[allow(dead_code, reason = "each benchmark takes what it needs")]
#[path = "rig"]
mod rig {
    pub(crate) mod cpu;
    pub(crate) mod crowd;
    pub(crate) mod packet;
}

use bytes::Bytes;
use rig::{cpu, crowd, packet};
use syndic_stack::*;

use crate::crowd::Crowd;

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
/// Packets of each row.
const PACKETS: usize = 1 << 20;
/// Packets that are written at a time, before any of them is handed in.
const WRITTEN: usize = 256;
/// A request, and a response. Units: bytes.
const TEXT: [u8; 64] = [7; 64];

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Traffic {
    /// An acknowledgment that says nothing new.
    Ack,
    /// A request, which the user reads and answers; it acknowledges the response before it.
    Request,
}

fn main() {
    let mut crowds = [FEW, MANY].map(|n| {
        let start = cpu::spent();
        let crowd = Crowd::new(n, Config::default());
        eprintln!(
            "{n} connections opened in {:.1} s",
            (cpu::spent() - start).as_secs_f64()
        );
        (crowd, Order::new(n))
    });
    println!("| packet | batch | ns, 1,000 | ns, 1,000,000 | ratio |");
    println!("|---|---:|---:|---:|---:|");
    for traffic in [Traffic::Ack, Traffic::Request] {
        for size in [1, 32] {
            let [few, many] = crowds.each_mut().map(|(crowd, order)| {
                // The best of some, for others use the same caches.
                let runs = (0..5).map(|_| measure(crowd, order, traffic, size));
                runs.fold(f64::INFINITY, f64::min)
            });
            println!("| {traffic:?} | {size} | {few:.0} | {many:.0} | {:.2} |", many / few);
        }
    }
}

/// A connection after the other, in an order without a pattern.
struct Order {
    order: Vec<u32>,
    at: usize,
}

impl Order {
    fn new(n: u32) -> Self {
        let mut order: Vec<u32> = (0..n).collect();
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        for i in (1..order.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            order.swap(i, (random % (i as u64 + 1)) as usize);
        }
        Self { order, at: 0 }
    }

    fn next(&mut self) -> u32 {
        self.at = (self.at + 1) % self.order.len();
        self.order[self.at]
    }
}

/// The time that a packet takes. Units: nanoseconds.
fn measure(crowd: &mut Crowd, order: &mut Order, traffic: Traffic, size: usize) -> f64 {
    let mut spent = std::time::Duration::ZERO;
    for _ in 0..PACKETS / WRITTEN {
        let mut batches: Vec<Batch> = Vec::new();
        for _ in 0..WRITTEN / size {
            let mut batch = Batch::new();
            for _ in 0..size {
                let i = order.next();
                batch.push(match traffic {
                    Traffic::Ack => crowd.ack(i),
                    Traffic::Request => crowd.text(i, &TEXT),
                });
                if traffic == Traffic::Request {
                    // Its response comes before the next request is written.
                    crowd.received(i, TEXT.len() as u32);
                }
            }
            batches.push(batch);
        }
        let start = cpu::spent();
        for batch in &mut batches {
            // So slowly that no timer runs out before the next packet, however many connections there are.
            crowd.now.mono += Duration::from_nanos(50 * size as u64);
            step(crowd, batch);
        }
        spent += cpu::spent() - start;
    }
    spent.as_nanos() as f64 / PACKETS as f64
}

/// What a driver and its users do with a batch.
fn step(crowd: &mut Crowd, batch: &mut Batch) {
    let now = crowd.now;
    crowd.stack.handle_packets(now, batch);
    while let Some(event) = crowd.stack.poll_event() {
        let Event::Connection(id, ready) = event else { continue };
        if ready.readable {
            while let Ok(Received::Data(_)) = crowd.stack.receive(now, id, usize::MAX) {}
            let sent = crowd.stack.send(now, id, &mut Bytes::from_static(&TEXT));
            assert_eq!(sent, Ok(TEXT.len()));
        }
    }
    crowd.transmit();
}
