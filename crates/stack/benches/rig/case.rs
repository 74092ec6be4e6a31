//! The hot paths, one case each: `hot` measures their time, `counts` their instructions.

use std::hint::black_box;
use std::net::IpAddr;

use bytes::Bytes;
use syndic_stack::tcp::timer::{TimerLink, Timers, Wheel};
use syndic_stack::*;
use wire::checksum::Sum;
use wire::ip::Datagram;
use wire::tcp::{self, Header};

use crate::crowd::Crowd;
use crate::pair::Pair;

/// Something that is done often. All that it does follows from nothing but itself: no clock, no chance.
pub(crate) trait Case {
    /// How often it is done in one [`run`](Self::run).
    fn operations(&self) -> u64;

    /// What a run needs, and is not counted.
    fn prepare(&mut self) {}

    /// What is counted.
    fn run(&mut self);
}

/// Makes a case, when it is asked for.
pub(crate) type Make = fn() -> Box<dyn Case>;

/// Every case by its name.
pub(crate) const CASES: &[(&str, Make)] = &[
    ("parse", || Box::new(Parse::new())),
    ("checksum 64", || Box::new(Checksum::new(64))),
    ("checksum 1460", || Box::new(Checksum::new(1460))),
    ("checksum 65483", || Box::new(Checksum::new(65_483))),
    ("emit and seal", || Box::new(Emit::new())),
    ("demux", || Box::new(Demux::new())),
    ("receive, pushed", || Box::new(InOrder::new(true))),
    ("receive, a stream", || Box::new(InOrder::new(false))),
    ("send and be acknowledged", || Box::new(Send::new())),
    ("receive out of order", || Box::new(OutOfOrder::new())),
    ("read SACK", || Box::new(Sack::new())),
    ("timer wheel", || Box::new(Timer::new())),
    ("transfer, MTU 1500", || Box::new(Transfer::new(1_500))),
    ("transfer, MTU 65535", || Box::new(Transfer::new(65_535))),
];

/// Payload of a full segment with timestamps. Units: bytes.
const MSS: usize = 1448;
/// What every segment carries.
const TEXT: [u8; MSS] = [7; MSS];

/// IP and TCP headers, with timestamps, to values.
struct Parse(Packet);

impl Parse {
    fn new() -> Self {
        let mut crowd = Crowd::new(1, Config::default());
        Self(crowd.text(0, &TEXT))
    }
}

impl Case for Parse {
    fn operations(&self) -> u64 {
        256
    }

    fn run(&mut self) {
        for _ in 0..256 {
            let bytes = black_box(&self.0.bytes);
            let datagram = Datagram::parse(bytes).expect("sound");
            black_box(Header::parse(&bytes[datagram.payload.clone()]).expect("sound"));
            black_box(datagram);
        }
    }
}

/// The Internet checksum over so many bytes.
struct Checksum(Vec<u8>);

impl Checksum {
    fn new(len: u32) -> Self {
        Self((0..len).map(|n| n as u8).collect())
    }
}

impl Case for Checksum {
    fn operations(&self) -> u64 {
        64
    }

    fn run(&mut self) {
        for _ in 0..64 {
            let mut sum = Sum::new();
            sum.add(black_box(&self.0));
            black_box(sum.finish());
        }
    }
}

/// A header to bytes, with its checksum over a small payload.
struct Emit {
    header: Header,
    bytes: [u8; 60],
}

impl Emit {
    fn new() -> Self {
        let Parse(packet) = Parse::new();
        let (header, _) = Header::parse(&packet.bytes[20..]).expect("sound");
        Self { header, bytes: [0; 60] }
    }
}

impl Case for Emit {
    fn operations(&self) -> u64 {
        256
    }

    fn run(&mut self) {
        let [src, dst] = [1, 2].map(|last| IpAddr::from([10, 7, 0, last]));
        for _ in 0..256 {
            let len = black_box(&self.header).emit(&mut self.bytes).expect("room");
            tcp::seal(src, dst, &mut self.bytes[..len], &[&TEXT[..64]]);
            black_box(&self.bytes);
        }
    }
}

/// Acknowledgments that say nothing new, in batches, to one of a thousand connections each.
struct Demux {
    crowd: Crowd,
    batches: Vec<Batch>,
}

impl Demux {
    fn new() -> Self {
        Self {
            crowd: Crowd::new(1_000, Config::default()),
            batches: Vec::new(),
        }
    }
}

impl Case for Demux {
    fn operations(&self) -> u64 {
        8 * 32
    }

    fn prepare(&mut self) {
        self.batches = batches(8, 32, |n| self.crowd.ack(n * 389 % 1_000));
    }

    fn run(&mut self) {
        for batch in &mut self.batches {
            self.crowd.stack.handle_packets(self.crowd.now, batch);
            self.crowd.transmit();
        }
    }
}

/// Full segments, in order, read at once: what a download costs the receiver. Those that are pushed come one by one to the
/// machine, the others put together.
struct InOrder {
    crowd: Crowd,
    is_pushed: bool,
    batches: Vec<Batch>,
}

impl InOrder {
    fn new(is_pushed: bool) -> Self {
        Self {
            crowd: Crowd::new(1, Config::default()),
            is_pushed,
            batches: Vec::new(),
        }
    }
}

impl Case for InOrder {
    fn operations(&self) -> u64 {
        8 * 32
    }

    fn prepare(&mut self) {
        self.batches = batches(8, 32, |_| match self.is_pushed {
            true => self.crowd.text(0, &TEXT),
            false => self.crowd.stream(0, &TEXT),
        });
    }

    fn run(&mut self) {
        for batch in &mut self.batches {
            self.crowd.stack.handle_packets(self.crowd.now, batch);
            read(&mut self.crowd);
            self.crowd.transmit();
        }
    }
}

/// Full segments that leave, and an acknowledgment for every second one: what an upload costs the sender.
struct Send {
    crowd: Crowd,
    acks: Vec<Batch>,
}

impl Send {
    fn new() -> Self {
        let mut send = Self {
            crowd: Crowd::new(1, Config::default()),
            acks: Vec::new(),
        };
        // Until the congestion window is no bound for what a run sends.
        for _ in 0..16 {
            send.prepare();
            send.run();
        }
        send
    }
}

impl Case for Send {
    fn operations(&self) -> u64 {
        32
    }

    fn prepare(&mut self) {
        self.crowd.now.mono += Duration::from_millis(10);
        self.acks = batches(16, 1, |_| {
            self.crowd.received(0, 2 * MSS as u32);
            self.crowd.ack(0)
        });
    }

    fn run(&mut self) {
        let id = self.crowd.ids[0];
        let mut data = Bytes::from_static(&[7; 32 * MSS]);
        self.crowd.stack.send(self.crowd.now, id, &mut data).expect("open");
        for ack in &mut self.acks {
            self.crowd.transmit();
            self.crowd.stack.handle_packets(self.crowd.now, ack);
        }
    }
}

/// Every second segment first, so that each is an island, and then the holes from the front.
struct OutOfOrder {
    crowd: Crowd,
    batches: Vec<Batch>,
}

impl OutOfOrder {
    const ISLANDS: u32 = 128;

    fn new() -> Self {
        Self {
            crowd: Crowd::new(1, Config::default()),
            batches: Vec::new(),
        }
    }
}

impl Case for OutOfOrder {
    fn operations(&self) -> u64 {
        2 * u64::from(Self::ISLANDS)
    }

    fn prepare(&mut self) {
        const SMALL: u32 = 128;
        let text = &TEXT[..SMALL as usize];
        let per_batch = Self::ISLANDS / 4;
        let mut islands = batches(4, per_batch, |n| self.crowd.text_at(0, (2 * n + 1) * SMALL, text));
        let holes = batches(4, per_batch, |n| self.crowd.text_at(0, 2 * n * SMALL, text));
        islands.extend(holes);
        self.batches = islands;
        for _ in 0..2 * Self::ISLANDS {
            self.crowd.text(0, text);
        }
    }

    fn run(&mut self) {
        for batch in &mut self.batches {
            self.crowd.stack.handle_packets(self.crowd.now, batch);
            read(&mut self.crowd);
            self.crowd.transmit();
        }
    }
}

/// Duplicate acknowledgments, each with blocks that say a little more, while many segments are in flight and every
/// eighth one of them was lost.
struct Sack {
    crowd: Crowd,
    batches: Vec<Batch>,
}

impl Sack {
    const FLIGHT: u32 = 256;

    fn new() -> Self {
        Self {
            crowd: Crowd::new(1, Config::default()),
            batches: Vec::new(),
        }
    }
}

impl Case for Sack {
    fn operations(&self) -> u64 {
        u64::from(Self::FLIGHT * 7 / 8)
    }

    fn prepare(&mut self) {
        self.crowd = Crowd::new(1, Config::default());
        let crowd = &mut self.crowd;
        let data = Bytes::from_static(&[7; 32 * MSS]);
        // Until the congestion window has grown to the flight.
        for _ in 0..Self::FLIGHT {
            crowd.now.mono += Duration::from_millis(10);
            while let Ok(1..) = crowd.stack.send(crowd.now, crowd.ids[0], &mut data.clone()) {}
            crowd.transmit();
            let status = crowd.stack.status(crowd.now, crowd.ids[0]).expect("held");
            let flight = status.snd_nxt.since(status.snd_una);
            if flight >= Self::FLIGHT * MSS as u32 {
                break;
            }
            crowd.received(0, flight);
            let ack = crowd.ack(0);
            crowd.hand_in([ack]);
        }
        let mss = MSS as u32;
        let mut islands: Vec<(u32, u32)> = Vec::new();
        self.batches = (0..Self::FLIGHT)
            .filter(|n| n % 8 != 0)
            .map(|n| {
                match islands.last_mut() {
                    Some((_, to)) if *to == n * mss => *to += mss,
                    _ => islands.push((n * mss, (n + 1) * mss)),
                }
                let newest: Vec<_> = islands.iter().rev().take(3).copied().collect();
                let mut batch = Batch::new();
                batch.push(self.crowd.sack(0, &newest));
                batch
            })
            .collect();
        assert_eq!(self.batches.len() as u64, self.operations());
    }

    fn run(&mut self) {
        for batch in &mut self.batches {
            self.crowd.stack.handle_packets(self.crowd.now, batch);
            self.crowd.transmit();
        }
    }
}

/// Timers that are set, set anew, taken off, and run out.
struct Timer {
    wheel: Wheel,
    links: Links,
    now: Instant,
}

struct Links(Vec<TimerLink>);

impl Timers for Links {
    fn timer(&self, i: u32) -> TimerLink {
        self.0[i as usize]
    }

    fn set_timer(&mut self, i: u32, link: TimerLink) {
        self.0[i as usize] = link;
    }
}

impl Timer {
    const ENTRIES: u32 = 4096;

    fn new() -> Self {
        Self {
            wheel: Wheel::new(),
            links: Links(vec![TimerLink::default(); Self::ENTRIES as usize]),
            now: Instant::ZERO + Duration::from_secs(1),
        }
    }
}

impl Case for Timer {
    fn operations(&self) -> u64 {
        u64::from(Self::ENTRIES) * 3
    }

    fn run(&mut self) {
        let Self { wheel, links, now } = self;
        for i in 0..Self::ENTRIES {
            let after = Duration::from_millis(u64::from(i * 97 % 5_000));
            wheel.schedule(*now, links, i, *now + after);
        }
        for i in 0..Self::ENTRIES {
            match i % 4 {
                0 => wheel.cancel(links, i),
                _ => wheel.schedule(*now, links, i, *now + Duration::from_millis(200)),
            }
        }
        for _ in 0..64 {
            *now += Duration::from_millis(100);
            while let Some(i) = wheel.expire(*now, links) {
                black_box(i);
            }
        }
    }
}

/// A MiB from one stack to another, acknowledgments included.
struct Transfer(Pair);

impl Transfer {
    fn new(mtu: usize) -> Self {
        let config = Config {
            mtu,
            ..Config::default()
        };
        let mut pair = Pair::new(&config, 16);
        pair.transfer(8 << 20, Duration::from_micros(100));
        Self(pair)
    }
}

impl Case for Transfer {
    /// KiB.
    fn operations(&self) -> u64 {
        1024
    }

    fn run(&mut self) {
        self.0.transfer(1 << 20, Duration::from_micros(100));
    }
}

/// So many batches of so many packets.
fn batches(n: u32, of: u32, mut packet: impl FnMut(u32) -> Packet) -> Vec<Batch> {
    let batch = |first: u32| {
        let mut batch = Batch::new();
        (first..first + of).for_each(|n| batch.push(packet(n)));
        batch
    };
    (0..n).map(|n| n * of).map(batch).collect()
}

/// The user of the first connection takes what there is.
fn read(crowd: &mut Crowd) {
    while crowd.stack.poll_event().is_some() {}
    while let Ok(Received::Data(bytes)) = crowd.stack.receive(crowd.now, crowd.ids[0], usize::MAX) {
        black_box(bytes);
    }
}
