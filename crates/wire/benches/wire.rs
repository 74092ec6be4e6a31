//! Bytes to values and back, and checksums over them.
//!
//! `cargo bench -p syndic-wire --bench wire`; docs/bench.md has the figures. Instructions of the same are counted by
//! `ci/counts`.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use syndic_wire::checksum::{self, Sum};
use syndic_wire::ip::{self, Datagram};
use syndic_wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use syndic_wire::seq::SeqNumber;
use syndic_wire::tcp::{self, Flags, Header};

/// A packet with these options and no payload.
fn packet(addresses: [IpAddr; 2], options: Options) -> Vec<u8> {
    let [src, dst] = addresses;
    let ip = ip::Header {
        src,
        dst,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: ip::Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let header = header(options);
    let mut bytes = vec![0; ip.len() + header.len()];
    ip.emit(header.len(), &mut bytes).expect("room");
    let segment = &mut bytes[ip.len()..];
    header.emit(segment).expect("room");
    tcp::seal(src, dst, segment, &[[0u8; 0]]);
    bytes
}

fn header(options: Options) -> Header {
    Header {
        src_port: 40_000,
        dst_port: 80,
        seq: SeqNumber::new(1),
        ack: SeqNumber::new(2),
        flags: Flags::ACK,
        window: 64_000,
        urgent: 0,
        options,
    }
}

/// The options of a SYN, of a segment with text, and of an acknowledgment with three SACK blocks.
fn options() -> [(&'static str, Options); 4] {
    let timestamps = Options {
        timestamps: Some(Timestamps { val: 1, ecr: 2 }),
        ..Options::default()
    };
    let mut sack = SackBlocks::default();
    for n in 1..=3 {
        sack.push(SeqNumber::new(n * 10_000), SeqNumber::new(n * 10_000 + 1448));
    }
    let syn = Options {
        mss: Some(1460),
        window_scale: Some(WindowScale::new(7)),
        sack_permitted: true,
        ..timestamps
    };
    [
        ("none", Options::default()),
        ("SYN", syn),
        ("timestamps", timestamps),
        ("timestamps and 3 SACK blocks", Options { sack, ..timestamps }),
    ]
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    let v4 = [1, 2].map(|last| IpAddr::from([10, 7, 0, last]));
    let v6 = [1, 2].map(|last| IpAddr::from([0xfd07, 0, 0, 0, 0, 0, 0, last]));
    for (family, addresses) in [("IPv4", v4), ("IPv6", v6)] {
        for (name, options) in options() {
            let bytes = packet(addresses, options);
            group.bench_function(format!("{family}, {name}"), |b| {
                b.iter(|| {
                    let bytes = black_box(&bytes);
                    let datagram = Datagram::parse(bytes).expect("sound");
                    Header::parse(&bytes[datagram.payload]).expect("sound")
                });
            });
        }
    }
    group.finish();
}

fn emit(c: &mut Criterion) {
    let mut group = c.benchmark_group("emit");
    for (name, options) in options() {
        let header = header(options);
        let mut bytes = [0; 60];
        group.bench_function(name, |b| b.iter(|| black_box(&header).emit(black_box(&mut bytes))));
    }
    group.finish();
}

fn checksums(c: &mut Criterion) {
    let mut group = c.benchmark_group("checksum");
    for len in [20, 64, 1460, 65_483] {
        let bytes: Vec<u8> = (0..len).map(|n| n as u8).collect();
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(len.to_string(), |b| {
            b.iter(|| {
                let mut sum = Sum::new();
                sum.add(black_box(&bytes));
                sum.finish()
            });
        });
    }
    group.finish();
    c.bench_function("checksum/update", |b| {
        b.iter(|| checksum::update(black_box(0x1234), black_box(5), black_box(6)));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = parse, emit, checksums
}
criterion_main!(benches);
