//! What an entry costs, counted by an allocator of our own and divided by many entries: the budgets of the design.
//!
//! Counts are per thread, so that tests that run side by side do not count for each other.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::*;
use wire::ether::{self, EtherType};
use wire::ip;
use wire::option::{Options, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags, Header};

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static MADE: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // The thread's own storage is gone while the thread ends; what is counted then does not matter.
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        let _ = MADE.try_with(|made| made.set(made.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> isize {
    LIVE.with(Cell::get)
}

/// Keeps the last header that was sent, and no memory.
#[derive(Default)]
struct Last {
    /// Bytes of the link's own header.
    link_header: usize,
    port: u16,
    seq: SeqNumber,
    tsval: u32,
}

impl Sink for Last {
    fn send(&mut self, head: &[u8], _: &[Bytes], _: Offload) -> Result<(), Full> {
        let ip = &head[self.link_header..];
        let at = if ip[0] >> 4 == 4 { 20 } else { 40 };
        let (header, _) = Header::parse(&ip[at..]).expect("sound TCP");
        self.port = header.src_port;
        self.seq = header.seq;
        self.tsval = header.options.timestamps.map_or(0, |t| t.val);
        Ok(())
    }
}

/// A stack with a listener on port 80, and peers without number.
struct Rig {
    stack: Stack,
    listener: ListenerId,
    now: Instant,
    is_v6: bool,
    sent: Last,
}

const IRS: u32 = 1000;

impl Rig {
    /// Bounds as given: a table's heads grow to their full size with its first entry.
    fn new(is_v6: bool, embryos: usize, connections: usize, time_waits: usize) -> Self {
        let mut config = Config {
            addresses: vec![ours(is_v6)],
            time_wait: Duration::from_secs(100_000),
            flood: FloodOptions::unlimited(),
            ..Config::default()
        };
        config.limits.embryos = embryos;
        config.limits.connections = connections;
        config.limits.time_waits = time_waits;
        let secrets = Secrets {
            master: [3; 32],
            public: 3,
        };
        let mut stack = Stack::new(config, secrets, ());
        let mut options = ListenOptions::new(SocketAddr::new(ours(is_v6), 80));
        options.syn_backlog = usize::MAX;
        let listener = stack.listen(options).expect("the port is free");
        Self {
            stack,
            listener,
            now: Instant::ZERO + Duration::from_secs(1),
            is_v6,
            sent: Last::default(),
        }
    }

    fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: 0,
        }
    }

    /// Peer `n` sends a segment; the stack's answers go nowhere.
    fn inject(&mut self, n: u32, flags: Flags, seq: u32, ack: SeqNumber, payload: &[u8]) {
        let remote = SocketAddr::new(theirs(self.is_v6, n >> 15), 20_000 + (n & 0x7fff) as u16);
        self.inject_from(remote, flags, seq, ack, payload);
    }

    /// As `inject`, of a peer by its address.
    fn inject_from(&mut self, remote: SocketAddr, flags: Flags, seq: u32, ack: SeqNumber, payload: &[u8]) {
        let src = remote.ip();
        let dst = ours(self.is_v6);
        let mut options = Options {
            timestamps: Some(Timestamps {
                val: 1,
                ecr: self.sent.tsval,
            }),
            ..Options::default()
        };
        if flags.syn() {
            options.mss = Some(1460);
            options.sack_permitted = true;
            options.window_scale = Some(WindowScale::new(7));
        }
        let header = Header {
            src_port: remote.port(),
            dst_port: if self.sent.port == 0 { 80 } else { self.sent.port },
            seq: SeqNumber::new(IRS + seq),
            ack,
            flags,
            window: 10_000,
            urgent: 0,
            options,
        };
        let ip = ip::Header {
            src,
            dst,
            protocol: ip::TCP,
            hop_limit: 64,
            dscp: wire::ip::Dscp::default(),
            ecn: ip::Ecn::NotEct,
        };
        let mut packet = BytesMut::zeroed(ip.len() + header.len());
        ip.emit(header.len() + payload.len(), &mut packet).expect("fits");
        header.emit(&mut packet[ip.len()..]).expect("fits");
        tcp::seal(src, dst, &mut packet[ip.len()..], &[payload]);
        packet.extend_from_slice(payload);
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: packet,
            arrived: self.now,
            checksum: Checksum::Trusted,
        });
        let now = self.now();
        self.stack.handle_packets(now, &mut batch);
        self.flush();
    }

    fn flush(&mut self) {
        let now = self.now();
        while self.stack.poll_transmit(now, Budget::default(), &mut self.sent) {}
        while self.stack.poll_event().is_some() {}
    }

    /// Peer `n` opens a connection. Returns it, and what the peer acknowledges next.
    fn open(&mut self, n: u32) -> (ConnectionId, SeqNumber) {
        self.inject(n, Flags::SYN, 0, SeqNumber::default(), &[]);
        let next = self.sent.seq + 1;
        self.inject(n, Flags::ACK, 1, next, &[]);
        let accepted = self.stack.accept(self.now(), self.listener).expect("it listens");
        (accepted.expect("one waits").id, next)
    }
}

fn ours(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2).into()
    } else {
        Ipv4Addr::new(10, 7, 0, 2).into()
    }
}

fn theirs(is_v6: bool, n: u32) -> IpAddr {
    let [_, _, high, low] = n.to_be_bytes();
    if is_v6 {
        Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, u16::from(high), u16::from(low)).into()
    } else {
        Ipv4Addr::new(10, 8, high, low).into()
    }
}

/// The address of source `n` of a flood: neighbours lie in different /24s and /48s. Bounds: 2^24 of them.
fn flooder(is_v6: bool, n: u32) -> IpAddr {
    let bits = 0x0b00_0000 | n.wrapping_mul(0x9e_3779) & 0xff_ffff;
    if is_v6 {
        Ipv6Addr::from_bits(0x2001 << 112 | u128::from(bits) << 64 | 1).into()
    } else {
        Ipv4Addr::from_bits(bits).into()
    }
}

const V4: bool = false;
const V6: bool = true;

#[test]
fn half_open_entry_budget() {
    for (name, is_v6, budget) in [("IPv4", V4, 48.0), ("IPv6", V6, 72.0)] {
        let n = 1 << 18;
        let mut rig = Rig::new(is_v6, n, 1, 1);
        let before = live();
        for i in 0..n as u32 {
            rig.inject(i, Flags::SYN, 0, SeqNumber::default(), &[]);
        }
        assert_eq!(rig.stack.counts(), (0, n, 0));
        check(name, "half-open entry", live() - before, n, budget);
    }
}

#[test]
fn time_wait_entry_budget() {
    for (name, is_v6, budget) in [("IPv4", V4, 48.0), ("IPv6", V6, 72.0)] {
        let n = 1 << 16;
        let mut rig = Rig::new(is_v6, 1, 1, n);
        let before = live();
        for i in 0..n as u32 {
            let (id, next) = rig.open(i);
            let now = rig.now();
            rig.stack.close(now, id).expect("held");
            rig.flush();
            rig.inject(i, Flags::FIN | Flags::ACK, 1, next + 1, &[]);
        }
        assert_eq!(rig.stack.counts(), (0, 0, n));
        check(name, "TIME-WAIT entry", live() - before, n, budget);
    }
}

#[test]
fn idle_connection_budget() {
    for (name, is_v6) in [("IPv4", V4), ("IPv6", V6)] {
        idle_connections(name, is_v6, 1 << 14);
    }
}

#[test]
#[ignore = "a minute without --release: .ci/run plays it with"]
fn idle_connection_budget_of_a_million() {
    for (name, is_v6) in [("IPv4", V4), ("IPv6", V6)] {
        idle_connections(name, is_v6, 1_000_000);
    }
}

/// Connections over which text has gone both ways, some of it out of order, and that are idle since: with their places in
/// the table and the wheel, and whatever is allocated for any of them.
fn idle_connections(name: &str, is_v6: bool, n: usize) {
    let mut rig = Rig::new(is_v6, 1, n, 1);
    let before = live();
    let mut ids = Vec::with_capacity(n);
    let of_the_test = live() - before;
    for i in 0..n as u32 {
        let (id, next) = rig.open(i);
        let now = rig.now();
        // Out of order, then the hole filled; an answer; and all of it read and acknowledged.
        rig.inject(i, Flags::ACK, 1001, next, &[7; 1000]);
        rig.inject(i, Flags::ACK, 1, next, &[7; 1000]);
        while let Ok(Received::Data(_)) = rig.stack.receive(now, id, usize::MAX) {}
        rig.stack
            .send(now, id, &mut Bytes::from_static(&[9; 1400]))
            .expect("may send");
        rig.flush();
        rig.inject(i, Flags::ACK, 2001, next + 1400, &[]);
        assert_eq!(rig.stack.status(now, id).expect("held").send_queue, 0);
        ids.push(id);
    }
    assert_eq!(rig.stack.counts(), (n, 0, 0));
    check(name, "idle connection", live() - before - of_the_test, n, 512.0);
}

#[test]
fn idle_connection_budget_of_active_opens() {
    let n = 1 << 12;
    let mut rig = Rig::new(V4, 1, n, 1);
    let before = live();
    for i in 0..n as u32 {
        let now = rig.now();
        let port = 20_000 + u16::try_from(i).expect("a port");
        let options = ConnectOptions {
            remote: SocketAddr::new(theirs(V4, 0), port),
            local: None,
            connection: None,
        };
        let id = rig.stack.connect(now, options).expect("a port is free");
        rig.flush();
        let next = rig.sent.seq + 1;
        rig.inject(i, Flags::SYN | Flags::ACK, 0, next, &[]);
        let mut settings = rig.stack.options(id).expect("held");
        settings.no_delay = true;
        rig.stack.set_options(now, id, settings).expect("held");
        rig.stack
            .send(now, id, &mut Bytes::from_static(&[9; 1400]))
            .expect("may send");
        rig.flush();
        rig.inject(i, Flags::ACK, 1, next + 1400, &[]);
        assert_eq!(rig.stack.status(now, id).expect("held").send_queue, 0);
    }
    check("IPv4", "idle connection, opened by us", live() - before, n, 512.0);
}

#[test]
fn memory_of_a_vanished_peer_is_given_back() {
    let mut rig = Rig::new(V4, 16, 16, 16);
    // Whatever is allocated once, and a connection's place in the table.
    let (first, _) = rig.open(0);
    let now = rig.now();
    rig.stack.abort(now, first).expect("held");
    rig.flush();
    let before = live();
    let (id, next) = rig.open(1);
    let now = rig.now();
    rig.inject(1, Flags::ACK, 1, next, &[7; 1400]);
    rig.inject(1, Flags::ACK, 5001, next, &[7; 1400]);
    rig.stack
        .send(now, id, &mut Bytes::from(vec![9; 100_000]))
        .expect("may send");
    rig.flush();
    assert!(live() > before + 100_000);
    let held = rig.stack.held();
    assert!((102_800..=held.buffers_max).contains(&held.buffers), "{held:?}");
    assert!(live() - before >= held.buffers.cast_signed(), "{held:?}");
    while let Some(at) = rig.stack.poll_timeout() {
        rig.now = at.max(rig.now);
        let now = rig.now();
        rig.stack.handle_timeout(now);
        rig.flush();
    }
    let now = rig.now();
    let status = rig.stack.status(now, id).expect("held");
    assert_eq!(status.ended, Some(Ended::TimedOut));
    // What had come may still be read; then nothing is left.
    rig.stack.close(now, id).expect("held");
    assert_eq!(rig.stack.counts(), (0, 0, 0));
    assert_eq!(rig.stack.held(), Held::default());
    assert!(live() - before < 512, "{} bytes are left", live() - before);
}

/// After so many every table is full.
#[test]
fn a_flood_stays_within_its_budget() {
    for (name, is_v6) in [("IPv4", V4), ("IPv6", V6)] {
        flood(name, is_v6, 150_000);
    }
}

#[test]
#[ignore = "minutes without --release: .ci/run plays it with"]
fn a_flood_of_ten_million_sources_stays_within_its_budget() {
    for (name, is_v6) in [("IPv4", V4), ("IPv6", V6)] {
        flood(name, is_v6, 10_000_000);
    }
}

/// Floods a stack of the default limits, whose listener bounds its SYN queue by nothing but them, with a million SYNs a second.
fn flood(name: &str, is_v6: bool, sources: u32) {
    const BUDGET: isize = 64 << 20;
    let limits = Limits::default();
    let before = live();
    let mut rig = Rig::new(is_v6, limits.embryos, limits.connections, limits.time_waits);
    let mut peak = 0;
    for n in 0..sources {
        let remote = SocketAddr::new(flooder(is_v6, n), 1024 + n as u16 / 2);
        rig.inject_from(remote, Flags::SYN, n, SeqNumber::default(), &[]);
        rig.now += Duration::from_micros(1);
        if rig.stack.poll_timeout().is_some_and(|at| at <= rig.now) {
            let now = rig.now();
            rig.stack.handle_timeout(now);
            rig.flush();
        }
        peak = peak.max(live() - before);
    }
    let counters = rig.stack.counters();
    assert_eq!(rig.stack.counts(), (0, limits.embryos, 0), "every place is taken");
    assert!(counters.packets_out >= u64::from(sources), "each was answered");
    eprintln!(
        "{sources} sources, {name}: {:.1} MiB at the most",
        peak as f64 / f64::from(1 << 20)
    );
    assert!(peak <= BUDGET, "{name}: {peak} bytes");
}

/// How often the stack allocates in the second half of a flood from sources without number, and how many of its packets
/// were read as cookies, and were none.
fn allocations_of_a_flood(
    is_v6: bool,
    syn_cookies: SynCookies,
    flags: Flags,
    has_timestamps: bool,
    medium: &Medium,
) -> (usize, u64) {
    const BATCH: u32 = 64;
    let ether = match medium {
        Medium::Ip => None,
        Medium::Ethernet(options) => Some(ether::Header {
            dst: options.mac,
            src: Mac([2, 0, 0, 0, 0, 99]),
            ethertype: if is_v6 { EtherType::Ipv6 } else { EtherType::Ipv4 },
        }),
    };
    let mut stack = Stack::new(
        Config {
            addresses: vec![ours(is_v6)],
            medium: medium.clone(),
            ..Config::default()
        },
        Secrets {
            master: [3; 32],
            public: 3,
        },
        (),
    );
    let mut options = ListenOptions::new(SocketAddr::new(ours(is_v6), 80));
    options.syn_cookies = syn_cookies;
    options.syn_backlog = 8;
    stack.listen(options).expect("the port is free");
    let mut sent = Last {
        link_header: ether.map_or(0, |_| ether::HEADER),
        ..Last::default()
    };
    let (mut made, mut warm) = (0, 0);
    for round in 0..200 {
        let now = Now {
            mono: Instant::ZERO + Duration::from_millis(1000 + u64::from(round)),
            unix_s: 1_000,
        };
        let mut batch = Batch::new();
        // A cookie is in flight, or an ACK would be refused unread.
        let first = (round == 0).then_some(Flags::SYN);
        for n in 0..BATCH {
            let mut packet = packet(is_v6, round * BATCH + n, first.unwrap_or(flags), has_timestamps);
            if let Some(ether) = ether {
                let mut frame = BytesMut::zeroed(ether::HEADER);
                ether.emit(&mut frame).expect("fits");
                frame.extend_from_slice(&packet);
                packet = frame;
            }
            batch.push(Packet {
                bytes: packet,
                arrived: now.mono,
                checksum: Checksum::Unverified,
            });
        }
        let before = MADE.with(Cell::get);
        stack.handle_packets(now, &mut batch);
        while stack.poll_transmit(now, Budget::default(), &mut sent) {}
        if round == 100 {
            warm = made;
        }
        made += MADE.with(Cell::get) - before;
    }
    (made - warm, stack.counters().dropped(Why::BadCookie))
}

fn packet(is_v6: bool, n: u32, flags: Flags, has_timestamps: bool) -> BytesMut {
    let (src, dst) = (theirs(is_v6, n), ours(is_v6));
    let header = Header {
        src_port: 20_000,
        dst_port: 80,
        seq: SeqNumber::new(n),
        // Of the epoch in which cookies were sent, and with timestamps or not.
        ack: SeqNumber::new(
            if !flags.ack() {
                0
            } else {
                n << 8 | 1 << 7 | u32::from(has_timestamps) << 6
            } + 1,
        ),
        flags,
        window: 10_000,
        urgent: 0,
        options: Options {
            timestamps: has_timestamps.then_some(Timestamps { val: n, ecr: n }),
            ..Options::default()
        },
    };
    let ip = ip::Header {
        src,
        dst,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = BytesMut::zeroed(ip.len() + header.len());
    ip.emit(header.len(), &mut packet).expect("fits");
    header.emit(&mut packet[ip.len()..]).expect("fits");
    tcp::seal(src, dst, &mut packet[ip.len()..], &[&[][..]]);
    packet
}

#[test]
fn a_flood_allocates_nothing() {
    // Its sources are neighbours of ours that are not there.
    let on_link = ["10.8.0.0/16", "fd08::/64"].map(|text| text.parse().expect("a subnet"));
    let ethernet = Medium::Ethernet(EthernetOptions::new(Mac([2, 0, 0, 0, 0, 2]), on_link, []));
    for (family, is_v6, medium) in [
        ("IPv4", V4, &Medium::Ip),
        ("IPv6", V6, &Medium::Ip),
        ("IPv4 over Ethernet", V4, &ethernet),
        ("IPv6 over Ethernet", V6, &ethernet),
    ] {
        for has_timestamps in [false, true] {
            for (name, mode, flags) in [
                ("SYNs, stateless", SynCookies::Always, Flags::SYN),
                ("SYNs past the backlog", SynCookies::Auto, Flags::SYN),
                ("SYNs, no cookies", SynCookies::Never, Flags::SYN),
                ("forged ACKs", SynCookies::Always, Flags::ACK),
                ("forged ACKs past the backlog", SynCookies::Auto, Flags::ACK),
                ("forged ACKs in calm", SynCookies::Never, Flags::ACK),
            ] {
                let (made, bad) = allocations_of_a_flood(is_v6, mode, flags, has_timestamps, medium);
                assert_eq!(made, 0, "{family}, {name}, timestamps: {has_timestamps}");
                assert_eq!(
                    bad > 0,
                    name.starts_with("forged") && mode != SynCookies::Never,
                    "{family}, {name}"
                );
            }
        }
    }
}

fn check(family: &str, what: &str, bytes: isize, entries: usize, budget: f64) {
    let each = bytes as f64 / entries as f64;
    eprintln!("{what}, {family}: {each:.1} bytes of {budget}");
    assert!(each <= budget, "{what}, {family}: {each:.1} bytes, budget {budget}");
}
