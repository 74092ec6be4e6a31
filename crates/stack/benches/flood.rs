//! What a flood costs: cookies alone, and the whole way from a packet to what answers it, without a link.
//!
//! `cargo bench -p syndic-stack --bench flood`; docs/bench.md has the figures. Packets come in batches from 10 million
//! sources, each of which sends once; they are written and dropped outside of the time that is measured, as a link's are,
//! but for the buffer that each lies in, which the stack frees. What is measured is the thread's CPU time, so that what else
//! runs on the machine counts for little.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration as Spent;

use bytes::{Bytes, BytesMut};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use nix::time::{ClockId, clock_gettime};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::tcp::cookie::{Bound, InFlight, Mint, Offer};
use syndic_stack::*;
use wire::ip;
use wire::option::{Options, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags, Header};

/// Packets handed in together.
const BATCH: u64 = 64;
/// Distinct sources before the first one sends again.
const SOURCES: u64 = 10_000_000;
/// What a batch moves the stack's clock on by: a million packets a second, which the tables of the limiter can tell apart.
const STEP: Duration = Duration::from_nanos(BATCH * 1_000);

const SECRETS: Secrets = Secrets {
    master: [7; 32],
    public: 7,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// The thread's CPU time.
struct CpuTime;

impl CpuTime {
    fn now() -> Spent {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
            .expect("Linux has it")
            .into()
    }
}

impl Measurement for CpuTime {
    type Intermediate = Spent;
    type Value = Spent;

    fn start(&self) -> Spent {
        Self::now()
    }

    fn end(&self, start: Spent) -> Spent {
        Self::now() - start
    }

    fn add(&self, a: &Spent, b: &Spent) -> Spent {
        *a + *b
    }

    fn zero(&self) -> Spent {
        Spent::ZERO
    }

    fn to_f64(&self, value: &Spent) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// A kind of flood.
#[derive(Debug, Clone, Copy)]
struct Flood {
    family: Family,
    timestamps: bool,
    flags: Flags,
}

impl Family {
    fn ours(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(10, 7, 0, 2).into(),
            Self::V6 => Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2).into(),
        }
    }

    /// The address of source `n`: no two are the same, and neighbours have nothing in common.
    fn source(self, n: u64) -> IpAddr {
        let bits = mixed(n % SOURCES);
        match self {
            // Under 128/1 and over 224/3 lie those that are of no one host.
            Self::V4 => Ipv4Addr::from_bits(1 << 31 | (bits as u32 & 0x3fff_ffff)).into(),
            Self::V6 => Ipv6Addr::from_bits(0x2001 << 112 | u128::from(bits) << 48 | 1).into(),
        }
    }
}

impl Flood {
    /// Packet `n` of the flood.
    fn packet(self, n: u64, now: Instant) -> Packet {
        let (src, dst) = (self.family.source(n), self.family.ours());
        let noise = mixed(n ^ 1 << 40);
        let is_syn = self.flags.syn();
        let header = Header {
            src_port: 1024 + (noise as u16 >> 1),
            dst_port: 80,
            seq: SeqNumber::new((noise >> 16) as u32),
            ack: SeqNumber::new(if is_syn { 0 } else { self.forged_ack(noise) }),
            flags: self.flags,
            window: 64_240,
            urgent: 0,
            options: Options {
                mss: is_syn.then_some(1460),
                window_scale: is_syn.then(|| WindowScale::new(7)),
                sack_permitted: is_syn,
                timestamps: self.timestamps.then_some(Timestamps {
                    val: (noise >> 8) as u32,
                    ecr: if is_syn { 0 } else { (noise >> 24) as u32 },
                }),
                ..Options::default()
            },
        };
        let ip = ip::Header {
            src,
            dst,
            protocol: ip::TCP,
            hop_limit: 64,
            dscp: ip::Dscp::DEFAULT,
            ecn: ip::Ecn::NotEct,
        };
        let mut bytes = BytesMut::zeroed(ip.len() + header.len());
        ip.emit(header.len(), &mut bytes).expect("room");
        let (_, segment) = bytes.split_at_mut(ip.len());
        header.emit(segment).expect("room");
        tcp::seal(src, dst, segment, &[[0u8; 0]]);
        Packet {
            bytes,
            arrived: now,
            checksum: Checksum::Unverified,
        }
    }

    /// An acknowledgment of a cookie of the class that the flood names, of this epoch's parity.
    fn forged_ack(self, noise: u64) -> u32 {
        const TIMESTAMPS: u32 = 1 << 6;
        const ODD_EPOCH: u32 = 1 << 7;
        let class = if self.timestamps { TIMESTAMPS } else { 0 };
        ((noise >> 30) as u32 & !(TIMESTAMPS | ODD_EPOCH) | class).wrapping_add(1)
    }
}

/// Distinct numbers below 2^30 make distinct numbers below 2^30 in the low 30 bits; the others are noise.
fn mixed(n: u64) -> u64 {
    const LOW: u64 = (1 << 30) - 1;
    let mut low = n & LOW;
    for odd in [0x2545_f491, 0x9e37_79b1] {
        low = low.wrapping_mul(odd) & LOW;
        low ^= low >> 15;
    }
    let high = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 29;
    high & !LOW | low
}

/// Takes all and counts it.
#[derive(Default)]
struct Count {
    packets: u64,
    bytes: u64,
}

impl Sink for Count {
    fn send(&mut self, head: &[u8], _: &[Bytes], _: Offload) -> Result<(), Full> {
        self.packets += 1;
        self.bytes += black_box(head).len() as u64;
        Ok(())
    }
}

/// A stack under a flood.
struct Rig {
    flood: Flood,
    config: Config,
    cookies: SynCookies,
    backlog: usize,
    stack: Stack,
    now: Now,
    sent: u64,
    sink: Count,
    batch: Batch,
}

impl Rig {
    fn new(flood: Flood, cookies: SynCookies, backlog: usize) -> Self {
        let mut config = Config {
            addresses: vec![flood.family.ours()],
            ..Config::default()
        };
        // A burst that never ends: what is measured is the whole answer.
        config.limits.resets_per_s = 100_000_000;
        let stack = listening(&config, cookies, backlog);
        Self {
            flood,
            config,
            cookies,
            backlog,
            stack,
            now: Now {
                mono: Instant::ZERO + Duration::from_secs(1),
                unix_s: 64 * 1000,
            },
            sent: 0,
            sink: Count::default(),
            batch: Batch::new(),
        }
    }

    /// As many batches; the time that the stack took for them.
    fn batches(&mut self, n: u64) -> Spent {
        let mut spent = Spent::ZERO;
        for _ in 0..n {
            if self.cookies == SynCookies::Never && self.stack.counts().1 + BATCH as usize > self.config.limits.embryos
            {
                self.stack = listening(&self.config, self.cookies, self.backlog);
            }
            for _ in 0..BATCH {
                self.batch.push(self.flood.packet(self.sent, self.now.mono));
                self.sent += 1;
            }
            self.now.mono += STEP;
            let start = CpuTime::now();
            self.step();
            spent += CpuTime::now() - start;
        }
        spent
    }

    /// What became of the packets.
    fn account(&self) -> String {
        let share = |n: u64| n as f64 * 100.0 / self.sent as f64;
        format!("  answered {:.1} %", share(self.sink.packets))
    }

    /// What a driver does with a batch.
    fn step(&mut self) {
        self.stack.handle_packets(self.now, &mut self.batch);
        if self.stack.poll_timeout().is_some_and(|at| at <= self.now.mono) {
            self.stack.handle_timeout(self.now);
        }
        while self.stack.poll_transmit(self.now, Budget::default(), &mut self.sink) {}
    }
}

fn listening(config: &Config, cookies: SynCookies, backlog: usize) -> Stack {
    let mut stack = Stack::new(config.clone(), SECRETS, ());
    let local = config.addresses.first().expect("one address");
    let mut options = ListenOptions::new(SocketAddr::new(*local, 80));
    options.syn_cookies = cookies;
    options.syn_backlog = backlog;
    stack.listen(options).expect("the port is free");
    stack
}

fn cookies(c: &mut Criterion<CpuTime>) {
    for (name, family) in [("IPv4", Family::V4), ("IPv6", Family::V6)] {
        for (class, timestamps) in [("timestamps", true), ("bare", false)] {
            let mut group = c.benchmark_group(format!("cookie, {name}, {class}"));
            quick(&mut group, 1);
            let offer = Offer {
                mss: 1460,
                window_scale: Some(7),
                sack: true,
                timestamps,
                ecn: false,
            };
            let bounds: Vec<Bound> = (0..1024).map(|n| bound(family, n)).collect();
            let mut mint = Mint::new(&SECRETS);
            let mut next = {
                let mut all = bounds.iter().cycle();
                move || *all.next().expect("it has no end")
            };
            group.bench_function("mint", |b| b.iter(|| mint.mint(1000, &next(), black_box(&offer))));
            let cookie = mint.mint(1000, &bound(family, 0), &offer);
            group.bench_function("verify, forged", |b| {
                b.iter(|| mint.verify(64_000, &InFlight::ANY, &next(), cookie.iss, cookie.tsval));
            });
            group.bench_function("mint and verify", |b| {
                b.iter(|| {
                    let bound = next();
                    let cookie = mint.mint(1000, &bound, black_box(&offer));
                    let verified = mint.verify(64_000, &InFlight::ANY, &bound, cookie.iss, black_box(cookie.tsval));
                    assert!(verified.is_ok());
                });
            });
            group.finish();
        }
    }
}

fn bound(family: Family, n: u64) -> Bound {
    let noise = mixed(n);
    Bound {
        tuple: FourTuple {
            local_addr: family.ours(),
            remote_addr: family.source(n),
            local_port: 80,
            remote_port: noise as u16,
        },
        irs: SeqNumber::new((noise >> 16) as u32),
        own_mss: 1460,
        own_window_scale: 8,
    }
}

fn packets(c: &mut Criterion<CpuTime>) {
    let rows = [
        ("always", SynCookies::Always, 1024),
        ("auto, past the backlog", SynCookies::Auto, 1024),
        ("auto, an entry makes room", SynCookies::Auto, usize::MAX),
        ("never, an entry each", SynCookies::Never, usize::MAX),
    ];
    for (mode, cookies, backlog) in rows {
        flood(c, &format!("SYN to SYN-ACK, {mode}"), Flags::SYN, || (cookies, backlog));
    }
    flood(c, "forged ACK to RST", Flags::ACK, || (SynCookies::Always, 1024));
}

fn flood(c: &mut Criterion<CpuTime>, name: &str, flags: Flags, listener: impl Fn() -> (SynCookies, usize)) {
    let mut group = c.benchmark_group(name);
    quick(&mut group, BATCH);
    for (row, family, timestamps) in [
        ("IPv4, timestamps", Family::V4, true),
        ("IPv4, bare", Family::V4, false),
        ("IPv6, timestamps", Family::V6, true),
        ("IPv6, bare", Family::V6, false),
    ] {
        let (cookies, backlog) = listener();
        let of = |flags| Flood {
            family,
            timestamps,
            flags,
        };
        let mut rig = None;
        group.bench_function(row, |b| {
            let rig = rig.get_or_insert_with(|| {
                let mut rig = Rig::new(of(Flags::SYN), cookies, backlog);
                // Tables at their full size, and a cookie in flight.
                rig.batches(2048);
                rig.flood = of(flags);
                rig
            });
            b.iter_custom(|n| rig.batches(n));
        });
        if let Some(rig) = rig {
            eprintln!("{}", rig.account());
        }
    }
    group.finish();
}

/// Short, so that the whole takes a minute: the figures differ more from hour to hour.
fn quick(group: &mut BenchmarkGroup<'_, CpuTime>, elements: u64) {
    group
        .throughput(Throughput::Elements(elements))
        .sample_size(15)
        .warm_up_time(Spent::from_millis(300))
        .measurement_time(Spent::from_millis(1200));
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = cookies, packets
}
criterion_main!(benches);
