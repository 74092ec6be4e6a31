//! The body of the fuzz target `input`: arbitrary bytes become packets, steps of time and calls of a user, and after each
//! the stack is looked over.
//!
//! Most packets are made for a connection that lives, from the numbers it has shown on the wire, and then bent a little: so
//! the deep parts of the machine are reached, which noise alone never finds. Shared by cargo-fuzz and by a plain test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::observer::{Fact, Observer};
use syndic_stack::tcp::cookie::epoch_of;
use syndic_stack::tcp::state::{Arrow, next};
use syndic_stack::*;
use wire::ether::{self, EtherType};
use wire::icmp::ndp;
use wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};
use wire::{arp, icmp, ip, tcp};

/// Bounds so small that they are reached.
fn limits() -> Limits {
    Limits {
        connections: 6,
        embryos: 4,
        time_waits: 3,
        spent_cookies: 3,
        listeners: 3,
        islands: 4,
        runs: 16,
        replies: 16,
        send_buffer_max: 20_000,
        receive_buffer_max: 20_000,
        datagrams: 3,
        datagram_bytes: 8_000,
        challenge_acks_per_5s: 5,
        neighbours: NEIGHBOURS,
        resolutions_per_s: 3,
        neighbour_replies_per_s: 3,
        ..Limits::default()
    }
}

/// The least that there may be.
const NEIGHBOURS: usize = 16;

const SYN_BACKLOG: usize = 3;
const ACCEPT_BACKLOG: usize = 2;
const PER_SOURCE: usize = 4;

/// SYN-ACKs that are remembered, to be acknowledged at any time.
const SYN_ACKS: usize = 64;

/// A SYN-ACK that was sent.
#[derive(Debug, Clone, Copy)]
struct SynAck {
    tuple: FourTuple,
    header: Header,
    epoch: u64,
}

/// What a connection has shown on the wire.
#[derive(Debug, Clone, Copy)]
struct Shown {
    header: Header,
    state: State,
}

/// Follows every connection through the table of states, and notes its numbers.
#[derive(Default)]
struct Watch {
    shown: BTreeMap<(SocketAddr, SocketAddr), Shown>,
    /// Unix time. Units: seconds.
    unix_s: u64,
    /// The last of each numbers.
    syn_acks: VecDeque<SynAck>,
    /// Some were forgotten.
    forgot: bool,
    /// What has been opened by a cookie and is not checked yet.
    returned: Option<FourTuple>,
}

impl Watch {
    fn at(&mut self, tuple: &FourTuple) -> &mut Shown {
        self.shown.entry((tuple.local(), tuple.remote())).or_insert(Shown {
            header: Header {
                src_port: tuple.local_port,
                dst_port: tuple.remote_port,
                seq: SeqNumber::default(),
                ack: SeqNumber::default(),
                flags: Flags::NONE,
                window: 0,
                urgent: 0,
                options: Options::default(),
            },
            state: State::Closed,
        })
    }

    fn note_syn_ack(&mut self, tuple: &FourTuple, header: &Header) {
        let same = |old: &SynAck| (old.tuple, old.header.seq, old.header.ack) == (*tuple, header.seq, header.ack);
        self.syn_acks.retain(|old| !same(old));
        if self.syn_acks.len() == SYN_ACKS {
            self.syn_acks.pop_front();
            self.forgot = true;
        }
        self.syn_acks.push_back(SynAck {
            tuple: *tuple,
            header: *header,
            epoch: epoch_of(self.unix_s),
        });
    }
}

impl Observer for Watch {
    fn observe(&mut self, _: Instant, fact: &Fact<'_>) {
        match fact {
            Fact::State { tuple, from, to, arrow } => {
                let shown = self.at(tuple);
                let is_new = (shown.state, *from) == (State::Closed, State::Listen);
                assert!(
                    is_new || shown.state == *from,
                    "{tuple}: {from} -{arrow:?}-> {to}, but it was {}",
                    shown.state
                );
                assert_eq!(next(*from, *arrow), Some(*to), "{from} -{arrow:?}-> {to}");
                shown.state = *to;
                if *arrow == Arrow::CookieReturns {
                    self.returned = Some(*tuple);
                }
            }
            Fact::Sent {
                tuple, header, payload, ..
            } => {
                let len: usize = payload.iter().map(Bytes::len).sum();
                let occupied = len as u32 + u32::from(header.flags.syn()) + u32::from(header.flags.fin());
                if header.flags.contains(Flags::SYN | Flags::ACK) {
                    self.note_syn_ack(tuple, header);
                }
                let shown = self.at(tuple);
                if !header.flags.rst() {
                    shown.header = **header;
                    shown.header.seq = header.seq + occupied;
                }
            }
            _ => {}
        }
    }
}

/// A link that looks at what it is given.
struct Link<'a> {
    full: &'a mut u8,
    mtu: usize,
    is_ethernet: bool,
    /// Whose hardware addresses were asked for.
    asked: Vec<IpAddr>,
}

impl Link<'_> {
    /// What a frame carries, if it is a datagram. The frame is sound, and comes from us.
    fn opened<'b>(&mut self, frame: &'b [u8]) -> Option<&'b [u8]> {
        let header = ether::Header::parse(frame).expect("a sound frame");
        assert!(header.src == mac(2) && header.dst != mac(2), "{header:?}");
        let payload = &frame[ether::HEADER..];
        if header.ethertype == EtherType::Arp {
            let packet = arp::Packet::parse(payload).expect("sound ARP");
            assert_eq!((packet.sender_mac, IpAddr::from(packet.sender)), (mac(2), ours(false)));
            if packet.operation == arp::Operation::Request {
                self.asked.push(packet.target.into());
            }
            return None;
        }
        assert_eq!(header.ethertype == EtherType::Ipv6, payload[0] >> 4 == 6);
        Some(payload)
    }

    /// Neighbour discovery, which passes all checks of a receiver.
    fn discovery(&mut self, datagram: &ip::Datagram, message: &[u8]) {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (datagram.src, datagram.dst) else {
            return;
        };
        if message.first().is_some_and(|kind| ndp::is_type(*kind)) {
            let read = ndp::Message::parse(src, dst, datagram.hop_limit, message).expect("sound");
            if let ndp::Message::NeighbourSolicitation { target, .. } = read {
                self.asked.push(target.into());
            }
        }
    }
}

impl Sink for Link<'_> {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        if *self.full > 0 {
            *self.full -= 1;
            return Err(Full);
        }
        let mut packet = head.to_vec();
        payload.iter().for_each(|p| packet.extend_from_slice(p));
        if self.is_ethernet {
            let Some(opened) = self.opened(&packet) else {
                return Ok(());
            };
            packet = opened.to_vec();
        }
        assert!(packet.len() <= self.mtu, "{} bytes, MTU {}", packet.len(), self.mtu);
        let datagram = ip::Datagram::parse(&packet).expect("sound IP");
        if datagram.protocol == ip::ICMPV6 {
            self.discovery(&datagram, &packet[datagram.payload.clone()]);
        }
        if datagram.protocol == ip::TCP {
            let body = &packet[datagram.payload.clone()];
            assert!(tcp::is_intact(datagram.src, datagram.dst, body), "checksum");
            Header::parse(body).expect("sound TCP");
        }
        Ok(())
    }
}

/// The input, byte by byte; zeros when it has come to its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// A small step to either side, or nothing, or a large one.
    fn delta(&mut self) -> u32 {
        match self.byte() {
            n @ 0..=127 if n % 2 == 0 => 0,
            n @ 0..=191 => u32::from(n).wrapping_sub(96),
            192..=223 => u32::from(self.short()).wrapping_sub(1 << 15),
            _ => u32::from(self.short()) << 16 | u32::from(self.short()),
        }
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let n = usize::from(self.byte());
        from.get(n % from.len().max(1)).copied()
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

/// What the user of a connection believes: it acts on what it is told, and waits when it was told to wait.
#[derive(Debug, Clone, Copy)]
struct Belief {
    readable: bool,
    writable: bool,
}

struct World<'a> {
    input: Input<'a>,
    stack: Stack<Watch>,
    listeners: Vec<ListenerId>,
    ids: Vec<ConnectionId>,
    beliefs: BTreeMap<ConnectionId, Belief>,
    now: Instant,
    /// Unix time at the origin of `now`. Units: seconds.
    unix_s: u64,
    /// The Unix clock was set back, or so far on that an entry may not know its epoch any more: 128 of them.
    is_adrift: bool,
    /// How far it was set on, all in all. Units: seconds.
    jumped: u64,
    per_source: Option<usize>,
    full: u8,
    mtu: usize,
    is_ethernet: bool,
    /// Neighbours answer when they are asked.
    has_answers: bool,
}

/// The hardware address of station `last`; ours is that of station 2.
fn mac(last: u8) -> Mac {
    Mac([2, 0, 0x5e, 0x10, 0, last])
}

/// A neighbour, the gateway, or who is beyond it.
fn someone(n: u8) -> IpAddr {
    match n % 8 {
        0 | 1 => theirs(n & 1 == 1),
        2 => IpAddr::from([10, 7, 0, 254]),
        3 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(),
        4 => IpAddr::from([192, 0, 2, n]),
        5 => ours(n & 8 == 8),
        6 => IpAddr::from([10, 7, 0, n]),
        _ => Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, n.into()).into(),
    }
}

fn ours(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2).into()
    } else {
        IpAddr::from([10, 7, 0, 2])
    }
}

/// Limits that are soon reached, or none.
fn limiter(bits: u8) -> flood::LimiterOptions {
    let rate = |per_s| Some(flood::Rate::new(per_s, 2 * per_s));
    match bits & 3 {
        0 => flood::LimiterOptions::default(),
        1 => flood::LimiterOptions::unlimited(),
        n => flood::LimiterOptions {
            per_address: rate(2),
            per_prefix: rate(3),
            proven: rate(4),
            proven_lifetime: Duration::from_secs(5),
            proven_sources: 64,
            address_cells: 64,
            prefix_cells: 64,
            allow: Vec::new(),
            over: if n == 2 {
                flood::OverLimit::Cookie
            } else {
                flood::OverLimit::Drop
            },
        },
    }
}

fn theirs(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1).into()
    } else {
        IpAddr::from([10, 7, 0, 1])
    }
}

/// Plays the input against a new stack.
///
/// Panics when anything is wrong.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let flags = input.byte();
    let mtu = if flags & 8 == 0 { 1500 } else { 1280 };
    let (flood, modes) = (input.byte(), input.byte());
    let unix_s = [0, 1_000_000_062, u64::MAX - 300, 16_383];
    let unix_s = input.choose(&unix_s).unwrap_or_default();
    let per_source = (modes & 64 != 0).then_some(PER_SOURCE);
    let is_ethernet = flags & 96 == 96;
    let on_link = ["10.7.0.0/24", "fd07::/64"].map(|text| text.parse().expect("a subnet"));
    let gateways = [someone(2), someone(3)];
    let config = Config {
        medium: if is_ethernet {
            Medium::Ethernet(EthernetOptions::new(mac(2), on_link, gateways))
        } else {
            Medium::Ip
        },
        addresses: vec![ours(false), ours(true)],
        mtu,
        limits: limits(),
        timestamps: flags & 1 != 0,
        window_scaling: flags & 2 != 0,
        sack: flags & 4 != 0,
        ephemeral_ports: (50_000, 50_003),
        cookies: CookieOptions {
            shared_secret: flood & 1 != 0,
            bare_per_s: if flood & 2 != 0 { 2 } else { 1000 },
            refuse_bare_above: (flood & 4 != 0).then_some(2),
        },
        flood: FloodOptions {
            limiter: limiter(flood >> 3),
            replies: (flood & 32 != 0).then_some(flood::Rate::new(2, 6)),
            gauge: flood::GaugeOptions::default(),
        },
        ..Config::default()
    };
    let secrets = Secrets {
        master: [7; 32],
        public: 1,
    };
    let mut world = World {
        input,
        stack: Stack::new(config, secrets, Watch::default()),
        listeners: Vec::new(),
        ids: Vec::new(),
        beliefs: BTreeMap::new(),
        now: Instant::ZERO + Duration::from_secs(1),
        unix_s,
        is_adrift: false,
        jumped: 0,
        per_source,
        full: 0,
        mtu,
        is_ethernet,
        has_answers: flags & 128 != 0,
    };
    for is_v6 in [false, true] {
        let mut options = ListenOptions::new(SocketAddr::new(ours(is_v6), 80));
        options.syn_backlog = SYN_BACKLOG;
        options.accept_backlog = ACCEPT_BACKLOG;
        options.connections_per_source = per_source;
        options.syn_cookies = match modes >> if is_v6 { 2 } else { 0 } & 3 {
            0 | 1 => SynCookies::Auto,
            2 => SynCookies::Always,
            _ => SynCookies::Never,
        };
        if modes & 16 != 0 {
            options.half_open_lifetime = Duration::from_secs(100_000);
            options.syn_ack_retransmissions = u8::MAX;
        }
        if flags & 16 != 0 {
            options.accept_overflow = AcceptOverflow::Reset;
        }
        world
            .listeners
            .push(world.stack.listen(options).expect("the port is free"));
    }
    world.connect(false);
    while !world.input.0.is_empty() {
        world.step();
        world.settle();
    }
    world.end();
}

impl World<'_> {
    fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: self.unix_s.saturating_add(self.now.as_nanos() / 1_000_000_000),
        }
    }

    fn step(&mut self) {
        let now = self.now();
        match self.input.byte() % 28 {
            0 => {
                let len = usize::from(self.input.byte());
                let bytes = self.input.take(len);
                self.packet(&bytes, Checksum::Unverified);
            }
            1 => self.noise(),
            2 => self.icmp(),
            3 => self.fragment(),
            4 => {
                let ms = [0, 1, 10, 39, 200, 999, 5_000, 61_000];
                let ms = self.input.choose(&ms).unwrap_or_default();
                self.now += Duration::from_millis(ms * 10);
                self.stack.handle_timeout(self.now());
            }
            5 | 6 => self.tick(),
            7 => self.full = self.input.byte() % 16,
            8 => {
                for listener in self.listeners.clone() {
                    if let Some(accepted) = self.stack.accept(now, listener).expect("it listens") {
                        self.hold(accepted.id);
                    }
                }
            }
            9 => {
                let is_v6 = self.input.byte() & 1 == 1;
                self.connect(is_v6);
            }
            24 | 25 => self.third_ack(),
            26 => self.set_clock(),
            23 if self.is_ethernet => self.neighbour(),
            n @ 10..=15 => {
                if let Some(id) = self.input.choose(&self.ids) {
                    self.call(n, id);
                }
            }
            _ => {
                if let Some(packet) = self.segment() {
                    self.packet(&packet, Checksum::Unverified);
                }
            }
        }
    }

    fn connect(&mut self, is_v6: bool) {
        let remote = match self.is_ethernet {
            true => someone(self.input.byte()),
            false => theirs(is_v6),
        };
        let options = ConnectOptions {
            remote: SocketAddr::new(remote, 443),
            local: None,
            connection: None,
        };
        if let Ok(id) = self.stack.connect(self.now(), options) {
            self.hold(id);
        }
    }

    fn hold(&mut self, id: ConnectionId) {
        self.ids.push(id);
        let belief = Belief {
            readable: true,
            writable: true,
        };
        self.beliefs.insert(id, belief);
    }

    /// One of the user's calls.
    fn call(&mut self, which: u8, id: ConnectionId) {
        let now = self.now();
        let n = usize::from(self.input.short() % 5000);
        match which {
            10 => {
                let mut data = Bytes::from(vec![b'x'; n]);
                let sent = self.stack.send(now, id, &mut data);
                if let Some(belief) = self.beliefs.get_mut(&id).filter(|_| sent.is_ok()) {
                    belief.writable &= data.is_empty();
                }
            }
            11 => {
                let received = self.stack.receive(now, id, n);
                if let Some(belief) = self.beliefs.get_mut(&id).filter(|_| n > 0) {
                    belief.readable &= received != Ok(Received::Nothing);
                }
            }
            12 => {
                let _ = self.stack.shutdown(now, id);
            }
            13 => {
                let mut data = Bytes::from(vec![b'u'; n % 100]);
                let _ = self.stack.send_urgent(now, id, &mut data);
            }
            14 => {
                let mut options = self.stack.options(id).expect("held");
                options.receive_buffer = n.into();
                options.send_buffer = usize::from(self.input.short()).into();
                options.no_delay = n % 2 == 0;
                options.keep_alive = (n % 3 == 0).then(KeepAlive::default);
                options.user_timeout = (n % 5 == 0).then(|| Duration::from_millis(n as u64 * 10));
                options.linger = (n % 7 == 0).then(|| Duration::from_millis(n as u64 % 50 * 100));
                self.stack.set_options(now, id, options).expect("held");
            }
            _ => {
                self.ids.retain(|&other| other != id);
                self.beliefs.remove(&id);
                let done = if n % 4 == 0 {
                    self.stack.abort(now, id)
                } else {
                    self.stack.close(now, id)
                };
                done.expect("held");
            }
        }
    }

    /// A segment for a connection that has shown itself, or a SYN for a listener; its numbers are nearly right.
    fn segment(&mut self) -> Option<Vec<u8>> {
        let known: Vec<_> = self.stack.observer().shown.iter().map(|(k, v)| (*k, *v)).collect();
        let kind = self.input.byte();
        let (local, remote, shown) = match self.input.choose(&known) {
            Some(((local, remote), shown)) if kind >= 40 => (local, remote, shown.header),
            _ => {
                let is_v6 = kind & 1 == 1;
                let port = 1000 + u16::from(kind % 8);
                let local = SocketAddr::new(ours(is_v6), 80);
                let remote = SocketAddr::new(theirs(is_v6), port);
                let shown = known.iter().find(|(k, _)| *k == (local, remote));
                let none = self.stack.observer_mut().at(&FourTuple::new(local, remote)).header;
                (local, remote, shown.map_or(none, |(_, s)| s.header))
            }
        };
        let flags = match kind {
            0..40 => Flags::SYN,
            40..130 => Flags::ACK,
            130..160 => Flags::ACK | Flags::PSH,
            160..190 => Flags::ACK | Flags::FIN,
            190..200 => Flags::RST,
            200..230 => Flags::SYN | Flags::ACK,
            230..240 => Flags::ACK | Flags::URG,
            _ => Flags::from_bits(self.input.byte()),
        };
        let mut options = Options::default();
        let offered = self.input.byte();
        if let Some(ours) = shown.options.timestamps.filter(|_| offered & 1 == 0) {
            options.timestamps = Some(Timestamps {
                val: ours.ecr.wrapping_add(self.input.delta()),
                ecr: ours.val.wrapping_add(self.input.delta()),
            });
        } else if offered & 2 != 0 {
            options.timestamps = Some(Timestamps {
                val: self.input.delta(),
                ecr: self.input.delta(),
            });
        }
        if flags.syn() {
            options.mss = (offered & 4 != 0).then(|| self.input.short());
            options.window_scale = (offered & 8 != 0).then(|| WindowScale::new(self.input.byte()));
            options.sack_permitted = offered & 16 != 0;
        } else if offered & 32 != 0 {
            let mut sack = SackBlocks::default();
            let (left, right) = (shown.seq + self.input.delta(), shown.seq + self.input.delta());
            sack.push(left, right);
            // Small ones beside it divide what is in flight as much as may be.
            sack.push(right + 1, right + 2);
            sack.push(right + 3, right + 4);
            options.sack = sack;
        }
        let header = Header {
            src_port: remote.port(),
            dst_port: local.port(),
            seq: shown.ack + self.input.delta(),
            ack: if flags.ack() {
                shown.seq + self.input.delta()
            } else {
                SeqNumber::default()
            },
            flags,
            window: if offered & 64 == 0 { 60_000 } else { self.input.short() },
            urgent: if flags.urg() { self.input.short() } else { 0 },
            options,
        };
        let len = if offered & 128 == 0 {
            0
        } else {
            usize::from(self.input.short()) % 1300
        };
        build(remote.ip(), local.ip(), &header, &vec![b'p'; len])
    }

    /// A segment with some bytes changed, its checksum right or wrong or vouched for by the link.
    fn noise(&mut self) {
        let Some(mut packet) = self.segment() else { return };
        for _ in 0..=self.input.byte() % 4 {
            let at = usize::from(self.input.short()) % packet.len();
            packet[at] ^= self.input.byte();
        }
        let checksum = if self.input.byte() & 1 == 0 {
            Checksum::Unverified
        } else {
            Checksum::Trusted
        };
        self.packet(&packet, checksum);
    }

    /// An ICMP error that quotes something near what was sent.
    fn icmp(&mut self) {
        let known: Vec<_> = self.stack.observer().shown.iter().map(|(k, v)| (*k, *v)).collect();
        let Some(((local, remote), shown)) = self.input.choose(&known) else {
            return;
        };
        let mut header = shown.header;
        header.seq = header.seq - 1 + self.input.delta();
        let Some(quoted) = build(local.ip(), remote.ip(), &header, &[]) else {
            return;
        };
        let kind = match self.input.byte() % 4 {
            0 => icmp::ErrorKind::TooBig(u32::from(self.input.short())),
            1 => icmp::ErrorKind::TimeExceeded,
            2 => icmp::ErrorKind::Unreachable(icmp::Unreachable::Port),
            _ => icmp::ErrorKind::Unreachable(icmp::Unreachable::Host),
        };
        let message = icmp::error(remote.ip(), local.ip(), kind, &quoted);
        let protocol = if local.is_ipv4() { ip::ICMP } else { ip::ICMPV6 };
        if let Some(packet) = datagram(remote.ip(), local.ip(), protocol, &message) {
            self.packet(&packet, Checksum::Unverified);
        }
    }

    /// A piece of a segment, as IPv4 cuts it.
    fn fragment(&mut self) {
        let Some(packet) = self.segment().filter(|p| p[0] >> 4 == 4) else {
            return;
        };
        let offset = usize::from(self.input.byte() % 8) * 8;
        let len = usize::from(self.input.byte()) % 64 + 8;
        let body: Vec<u8> = packet[20..].iter().copied().skip(offset).take(len).collect();
        let more = offset + len < packet.len() - 20;
        let mut piece = datagram(theirs(false), ours(false), ip::TCP, &body).expect("fits");
        piece[5] = self.input.byte() % 4;
        piece[6] = if more { 0x20 } else { 0 };
        piece[7] = (offset / 8) as u8;
        piece[10..12].fill(0);
        let mut sum = wire::checksum::Sum::new();
        sum.add(&piece[..20]);
        let checksum = sum.finish();
        piece[10..12].copy_from_slice(&checksum.to_be_bytes());
        self.packet(&piece, Checksum::Unverified);
    }

    /// A SYN-ACK that was sent some time or other is acknowledged: as it is, or with a bit turned, or its numbers moved.
    fn third_ack(&mut self) {
        let sent: Vec<_> = self.stack.observer().syn_acks.iter().copied().collect();
        let Some(SynAck { tuple, header, .. }) = self.input.choose(&sent) else {
            return;
        };
        let bent = self.input.byte();
        let turned = |on: u8, by: u8| if bent & 3 == on { 1 << (by & 31) } else { 0 };
        let by = self.input.byte();
        let moved = if bent & 4 != 0 { self.input.delta() } else { 0 };
        let ts = header.options.timestamps.filter(|_| bent & 8 == 0);
        let ack = Header {
            src_port: tuple.remote_port,
            dst_port: tuple.local_port,
            seq: header.ack + moved,
            ack: SeqNumber::new(header.seq.value() ^ turned(1, by)) + 1,
            flags: if bent & 16 == 0 {
                Flags::ACK
            } else {
                Flags::ACK | Flags::FIN
            },
            window: 60_000,
            urgent: 0,
            options: Options {
                timestamps: ts.map(|ts| Timestamps {
                    val: ts.ecr.wrapping_add(u32::from(bent)),
                    ecr: ts.val ^ turned(2, by),
                }),
                ..Options::default()
            },
        };
        let text = vec![b'p'; if bent & 32 == 0 { 0 } else { usize::from(by) }];
        if let Some(packet) = build(tuple.remote_addr, tuple.local_addr, &ack, &text) {
            self.packet(&packet, Checksum::Unverified);
        }
    }

    /// The Unix clock jumps, or is set back.
    fn set_clock(&mut self) {
        let by = [1, 7, 8, 56, 63, 64, 65, 128, 129, 8_192, 16_384, 1 << 40];
        let by = self.input.choose(&by).unwrap_or_default();
        if self.input.byte() & 1 == 0 {
            self.unix_s = self.unix_s.saturating_add(by);
            self.jumped += by;
            self.is_adrift |= self.jumped > 7_000;
        } else {
            self.is_adrift = true;
            self.unix_s = self.unix_s.saturating_sub(by);
        }
    }

    /// What a cookie has opened was offered: those very numbers were sent, and not too long ago.
    fn check_cookie(&mut self, bytes: &[u8]) {
        let now = epoch_of(self.now().unix_s);
        let Some(tuple) = self.stack.observer_mut().returned.take() else {
            return;
        };
        let datagram = ip::Datagram::parse(bytes).expect("it opened a connection");
        if datagram.fragment.is_some() {
            return;
        }
        let (header, _) = Header::parse(&bytes[datagram.payload]).expect("it opened a connection");
        let watch = self.stack.observer();
        let is_it = |s: &&SynAck| (s.tuple, s.header.seq + 1, s.header.ack) == (tuple, header.ack, header.seq);
        match watch.syn_acks.iter().find(is_it) {
            Some(sent) => assert!(
                self.is_adrift || sent.epoch.saturating_add(1) >= now,
                "{sent:?} lived until {now}"
            ),
            None => assert!(
                self.is_adrift || watch.forgot,
                "{tuple}: opened by {header:?}, which answers nothing"
            ),
        }
    }

    /// ARP or neighbour discovery of somebody, nearly right.
    fn neighbour(&mut self) {
        let (who, about, from) = (self.input.byte(), self.input.byte(), self.input.byte());
        let kind = self.input.byte();
        let mut frame = said(someone(who), someone(about), mac(from % 8), kind);
        if kind & 64 != 0 {
            let at = usize::from(self.input.byte()) % frame.len();
            frame[at] ^= 1 << (kind % 8);
        }
        self.frame(&frame, Checksum::Unverified);
    }

    /// A packet, on an Ethernet in a frame.
    fn packet(&mut self, bytes: &[u8], checksum: Checksum) {
        if !self.is_ethernet {
            self.frame(bytes, checksum);
        } else {
            let is_v4 = bytes.first().is_none_or(|first| first >> 4 == 4);
            let header = ether::Header {
                dst: mac(2),
                src: mac(self.input.byte() % 4),
                ethertype: if is_v4 { EtherType::Ipv4 } else { EtherType::Ipv6 },
            };
            let mut frame = vec![0; ether::HEADER];
            header.emit(&mut frame).expect("fits");
            frame.extend_from_slice(bytes);
            self.frame(&frame, checksum);
        }
        self.check_cookie(bytes);
    }

    fn frame(&mut self, bytes: &[u8], checksum: Checksum) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(bytes),
            arrived: self.now,
            checksum,
        });
        self.stack.handle_packets(self.now(), &mut batch);
    }

    /// Nothing is known of more neighbours than may be, nor of one twice, and nobody waits for one that has answered.
    fn check_neighbours(&self) {
        let all = self.stack.neighbours(self.now());
        assert!(all.len() <= NEIGHBOURS, "{all:?}");
        let addresses: BTreeSet<IpAddr> = all.iter().map(|neighbour| neighbour.address).collect();
        assert_eq!(addresses.len(), all.len(), "{all:?}");
        for neighbour in &all {
            let is_asked = neighbour.state == NeighbourState::Incomplete;
            assert!(is_asked || neighbour.waiting == 0, "{neighbour:?}");
            assert_eq!(neighbour.mac.is_some(), neighbour.state.is_known(), "{neighbour:?}");
            assert!(neighbour.mac.is_none_or(Mac::is_station), "{neighbour:?}");
            assert!(![ours(false), ours(true)].contains(&neighbour.address), "{neighbour:?}");
        }
        assert!(self.is_ethernet || all.is_empty());
    }

    /// Goes to the next time that the stack has asked for.
    fn tick(&mut self) {
        if let Some(at) = self.stack.poll_timeout() {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now());
        }
    }

    /// What a driver does after each step; then the stack is looked over.
    fn settle(&mut self) {
        let now = self.now();
        self.stack.observer_mut().unix_s = now.unix_s;
        let mut link = Link {
            full: &mut self.full,
            mtu: self.mtu,
            is_ethernet: self.is_ethernet,
            asked: Vec::new(),
        };
        let mut rounds = 0;
        while self.stack.poll_transmit(now, Budget { packets: 5 }, &mut link) {
            if *link.full > 0 {
                break;
            }
            rounds += 1;
            assert!(rounds < 10_000, "it never has enough");
        }
        let asked = link.asked;
        if self.has_answers {
            for target in asked {
                let about = ours(target.is_ipv6());
                self.frame(&said(target, about, mac(1), 1), Checksum::Unverified);
            }
        }
        self.check_neighbours();
        while let Some(event) = self.stack.poll_event() {
            if let Event::Connection(id, ready) = event {
                let belief = self.beliefs.get_mut(&id).expect("events of what is held");
                belief.readable |= ready.readable;
                belief.writable |= ready.writable || ready.ended;
            }
        }
        for (&id, belief) in &self.beliefs {
            let status = self.stack.status(now, id).expect("held");
            let is_finished = matches!(
                status.state,
                State::CloseWait | State::Closing | State::LastAck | State::TimeWait
            );
            let may_read = status.receive_queue > 0 || status.ended.is_some() || is_finished;
            assert!(belief.readable || !may_read, "nobody told the reader: {status:?}");
            let may_write = status.send_queue == 0 && status.state.may_send();
            assert!(belief.writable || !may_write, "nobody told the writer: {status:?}");
        }
        let limits = limits();
        let (connections, embryos, time_waits) = self.stack.counts();
        assert!(connections <= limits.connections && embryos <= limits.embryos && time_waits <= limits.time_waits);
        let entries = self.stack.entries(now);
        self.check_queues(&entries);
        for entry in entries {
            match entry {
                Entry::Listener {
                    syn_queue,
                    accept_queue,
                    ..
                } => {
                    assert!(syn_queue.0 <= SYN_BACKLOG && accept_queue.0 <= ACCEPT_BACKLOG);
                }
                Entry::Connection { status, .. } => check(&status, &limits),
                _ => {}
            }
        }
    }

    /// Each listener counts its own half-open entries, but for those that reopen a TIME-WAIT entry; and no source has more
    /// connections than it may.
    fn check_queues(&self, entries: &[Entry]) {
        let (mut counted, mut half_open, mut time_waits) = (0, Vec::new(), BTreeSet::new());
        let mut passive = BTreeMap::<_, usize>::new();
        for entry in entries {
            match entry {
                Entry::Listener { syn_queue, .. } => counted += syn_queue.0,
                Entry::Embryo { tuple, age, .. } => {
                    assert!(*age <= Duration::from_secs(700), "{tuple} is half-open for {age}");
                    half_open.push(tuple.to_string());
                }
                Entry::TimeWait { tuple, .. } => {
                    time_waits.insert(tuple.to_string());
                }
                Entry::Connection { status, .. } if status.tuple.local_port == 80 => {
                    *passive.entry(status.tuple.remote_addr).or_default() += usize::from(status.ended.is_none());
                }
                Entry::Connection { .. } => {}
            }
        }
        let own = half_open.iter().filter(|tuple| !time_waits.contains(*tuple)).count();
        assert_eq!(counted, own, "{entries:?}");
        if let Some(most) = self.per_source {
            assert!(passive.values().all(|&held| held <= most), "{entries:?}");
        }
    }

    /// Everything is let go of, and nobody answers any more: after some time nothing is left.
    fn end(mut self) {
        self.full = 0;
        let now = self.now();
        for listener in core::mem::take(&mut self.listeners) {
            self.stack.close_listener(now, listener).expect("it listens");
        }
        self.beliefs.clear();
        for id in core::mem::take(&mut self.ids) {
            self.stack.close(now, id).expect("held");
        }
        let end = self.now + Duration::from_secs(24 * 3600);
        let mut ticks = 0;
        loop {
            self.settle();
            if self.stack.poll_timeout().is_none() {
                break;
            }
            self.tick();
            ticks += 1;
            assert!(ticks < 20_000 && self.now < end, "{:?}", self.stack.entries(self.now()));
        }
        assert_eq!(self.stack.counts(), (0, 0, 0), "{:?}", self.stack.entries(self.now()));
    }
}

/// A frame in which somebody with this address says something: asks for `about`, answers us, or announces itself.
fn said(who: IpAddr, about: IpAddr, mac: Mac, kind: u8) -> Vec<u8> {
    let (dst, ethertype, payload) = match (who, about) {
        (IpAddr::V4(sender), IpAddr::V4(target)) => {
            let packet = arp::Packet {
                operation: if kind & 1 == 0 {
                    arp::Operation::Request
                } else {
                    arp::Operation::Reply
                },
                sender_mac: mac,
                sender,
                target_mac: Mac::NONE,
                target,
            };
            let mut bytes = vec![0; arp::LEN];
            packet.emit(&mut bytes).expect("fits");
            let dst = if kind & 2 == 0 { self::mac(2) } else { Mac::BROADCAST };
            (dst, EtherType::Arp, bytes)
        }
        (who, about) => {
            let plain = |address| match address {
                IpAddr::V4(v4) => v4.to_ipv6_compatible(),
                IpAddr::V6(v6) => v6,
            };
            let src = if kind & 4 == 0 {
                plain(who)
            } else {
                Ipv6Addr::UNSPECIFIED
            };
            let (dst, to, message) = if kind & 1 == 0 {
                let target = plain(about);
                let group = ndp::solicited_node(target);
                let source = (kind & 8 == 0).then_some(mac);
                (
                    group,
                    Mac::of_group(group),
                    ndp::Message::NeighbourSolicitation { target, source },
                )
            } else {
                let said = ndp::NeighbourAdvertisement {
                    target: plain(who),
                    is_router: kind & 16 != 0,
                    is_solicited: kind & 2 == 0,
                    overrides: kind & 32 == 0,
                    mac: (kind & 8 == 0).then_some(mac),
                };
                let message = ndp::Message::NeighbourAdvertisement(said);
                match kind & 2 == 0 {
                    true => (plain(ours(true)), self::mac(2), message),
                    false => (ndp::ALL_NODES, Mac::of_group(ndp::ALL_NODES), message),
                }
            };
            let message = message.emit(src, dst);
            let header = ip::Header {
                src: src.into(),
                dst: dst.into(),
                protocol: ip::ICMPV6,
                hop_limit: ndp::HOP_LIMIT,
                dscp: wire::ip::Dscp::default(),
                ecn: ip::Ecn::NotEct,
            };
            let mut packet = vec![0; header.len()];
            header.emit(message.len(), &mut packet).expect("fits");
            packet.extend_from_slice(&message);
            (to, EtherType::Ipv6, packet)
        }
    };
    let header = ether::Header {
        dst,
        src: mac,
        ethertype,
    };
    let mut frame = vec![0; ether::HEADER];
    header.emit(&mut frame).expect("fits");
    frame.extend_from_slice(&payload);
    frame
}

/// What holds for every connection at any time.
fn check(status: &Status, limits: &Limits) {
    let in_flight = status.snd_nxt.since(status.snd_una) as usize;
    assert!(
        in_flight <= limits.send_buffer_max + 2,
        "SND.UNA <= SND.NXT: {status:?}"
    );
    assert!(status.send_queue <= limits.send_buffer_max, "{status:?}");
    assert!(status.unsent <= status.send_queue, "{status:?}");
    // A scaled window may be rounded up by less than its unit.
    assert!(
        status.receive_queue <= limits.receive_buffer_max + (1 << 14),
        "{status:?}"
    );
    assert!(status.islands <= limits.islands, "{status:?}");
    assert!(status.lost as usize + status.sacked as usize <= in_flight, "{status:?}");
    assert!(status.cwnd >= 1 && status.snd_mss >= 1, "{status:?}");
}

fn build(src: IpAddr, dst: IpAddr, header: &Header, payload: &[u8]) -> Option<Vec<u8>> {
    let mut head = vec![0; header.len()];
    header.emit(&mut head)?;
    tcp::seal(src, dst, &mut head, &[payload]);
    head.extend_from_slice(payload);
    datagram(src, dst, ip::TCP, &head)
}

fn datagram(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Option<Vec<u8>> {
    let header = ip::Header {
        src,
        dst,
        protocol,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(payload.len(), &mut packet)?;
    packet.extend_from_slice(payload);
    Some(packet)
}
