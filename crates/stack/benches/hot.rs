//! How long the hot paths take, one by one; their instructions are counted by `counts`.
//!
//! `cargo bench -p syndic-stack --bench hot`; docs/bench.md has the figures.

#[allow(dead_code, reason = "each benchmark takes what it needs")]
#[path = "rig"]
mod rig {
    pub(crate) mod case;
    pub(crate) mod cpu;
    pub(crate) mod crowd;
    pub(crate) mod packet;
    pub(crate) mod pair;
}

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rig::{case, cpu, crowd, packet, pair};

fn hot(c: &mut Criterion) {
    let mut group = c.benchmark_group("hot");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    for (name, make) in case::CASES {
        let mut case = make();
        group.throughput(Throughput::Elements(case.operations()));
        group.bench_function(*name, |b| {
            b.iter_custom(|n| {
                (0..n)
                    .map(|_| {
                        case.prepare();
                        let start = cpu::spent();
                        case.run();
                        cpu::spent() - start
                    })
                    .sum()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hot);
criterion_main!(benches);
