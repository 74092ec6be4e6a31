//! Several stacks on two Ethernets with a router between them, in virtual time, from a seed: frames are lost, neighbours are
//! many, and somebody lies.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use syndic_stack::flood::Subnet;
use syndic_stack::io::Offload;
use syndic_stack::*;
use wire::arp::{self, Operation};
use wire::ether::{self, EtherType};
use wire::icmp::ndp;
use wire::ip;
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use crate::ethernet::{Said, frame_of, speaker};
use crate::rig::{Log, build, frame, mac, pattern};

/// How long a frame takes. Units: microseconds.
const DELAY_US: u64 = 5_000;

/// The router's last byte in each Ethernet, of its address and of its hardware address.
const ROUTER: u8 = 254;

/// The address of station `n`: even ones are on the first Ethernet, odd ones on the second.
fn address(is_v6: bool, n: u8) -> IpAddr {
    on(is_v6, n % 2, n + 1)
}

/// The address with this last byte on this Ethernet.
fn on(is_v6: bool, lan: u8, last: u8) -> IpAddr {
    if is_v6 {
        [0xfd07, 0, 0, lan.into(), 0, 0, 0, last.into()].into()
    } else {
        [10, 7, lan, last].into()
    }
}

/// A user who sends so much to somebody, or reads whatever comes.
#[derive(Debug)]
struct User {
    id: ConnectionId,
    to_send: usize,
    sent: usize,
    received: usize,
    is_shut: bool,
    is_finished: bool,
}

struct Host {
    stack: Stack<Log>,
    mac: Mac,
    users: Vec<User>,
    /// Bytes read to their ends, over all connections.
    read: usize,
    /// Streams read to their ends.
    finished: usize,
}

#[derive(Default)]
struct Frames(Vec<Vec<u8>>);

impl Sink for Frames {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let mut frame = head.to_vec();
        payload.iter().for_each(|piece| frame.extend_from_slice(piece));
        self.0.push(frame);
        Ok(())
    }
}

struct Lan {
    hosts: Vec<Host>,
    is_v6: bool,
    now: Instant,
    /// What is under way: on which Ethernet.
    wire: BTreeMap<(Instant, u64), (u8, Vec<u8>)>,
    carried: u64,
    random: u64,
    /// Units: thousandths. Of ARP and neighbour discovery, and of the rest.
    lost: (u64, u64),
    /// Questions that were asked.
    questions: usize,
}

impl Lan {
    /// So many hosts, each with a listener; the limit of neighbours is that of host 0.
    fn new(is_v6: bool, hosts: u8, neighbours: usize, lost: (u64, u64), seed: u64) -> Self {
        let host = |n: u8| {
            let lan = n % 2;
            let on_link = subnet(is_v6, lan);
            let mut config = Config {
                addresses: vec![address(is_v6, n)],
                medium: Medium::Ethernet(EthernetOptions::new(mac(n), [on_link], [on(is_v6, lan, ROUTER)])),
                time_wait: Duration::from_secs(1),
                ..Config::default()
            };
            if n == 0 {
                config.limits.neighbours = neighbours;
            }
            let secrets = Secrets {
                master: [n; 32],
                public: seed,
            };
            let mut stack = Stack::new(config, secrets, Log::default());
            let local = SocketAddr::new(address(is_v6, n), 80);
            stack.listen(ListenOptions::new(local)).expect("the port is free");
            Host {
                stack,
                mac: mac(n),
                users: Vec::new(),
                read: 0,
                finished: 0,
            }
        };
        Self {
            hosts: (0..hosts).map(host).collect(),
            is_v6,
            now: Instant::ZERO + Duration::from_secs(1),
            wire: BTreeMap::new(),
            carried: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            lost,
            questions: 0,
        }
    }

    fn at(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: self.now.as_nanos() / 1_000_000_000,
        }
    }

    /// xorshift64*.
    fn happens(&mut self, thousandths: u64) -> bool {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % 1000 < thousandths
    }

    fn connect(&mut self, from: u8, to: u8, bytes: usize) {
        let options = ConnectOptions {
            remote: SocketAddr::new(address(self.is_v6, to), 80),
            local: None,
            connection: None,
        };
        let now = self.at();
        let host = &mut self.hosts[usize::from(from)];
        let id = host.stack.connect(now, options).expect("there is a route");
        host.users.push(User::new(id, bytes));
    }

    /// Runs until nobody has anything to do, at most so long; `attack` is asked every 10 ms.
    fn run(&mut self, most: Duration, mut attack: impl FnMut(&mut Self)) {
        let end = self.now + most;
        let mut next_attack = self.now;
        loop {
            for n in 0..self.hosts.len() {
                self.user(n);
                self.transmit(n as u8);
            }
            if self.hosts.iter().all(|host| host.users.is_empty()) {
                return;
            }
            let arrival = self.wire.keys().next().map(|(at, _)| *at);
            let timers = self.hosts.iter().filter_map(|host| host.stack.poll_timeout()).min();
            let next = arrival.into_iter().chain(timers).chain([next_attack]).min();
            self.now = next.unwrap_or(end).max(self.now);
            assert!(self.now < end, "no end: {}", self.describe());
            while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (lan, frame) = entry.remove();
                self.deliver(lan, &frame);
            }
            if next_attack <= self.now {
                next_attack = self.now + Duration::from_millis(10);
                attack(self);
            }
            let now = self.at();
            self.hosts.iter_mut().for_each(|host| host.stack.handle_timeout(now));
        }
    }

    fn describe(&self) -> String {
        let hosts = self.hosts.iter().enumerate().filter(|(_, host)| !host.users.is_empty());
        hosts
            .map(|(n, host)| {
                let drops: Vec<_> = host.stack.counters().drops().collect();
                let neighbours = host.stack.neighbours(self.at());
                format!("host {n}: {:?}\n{neighbours:?}\n{drops:?}\n", host.users)
            })
            .collect()
    }

    fn transmit(&mut self, from: u8) {
        let now = self.at();
        let mut frames = Frames::default();
        let stack = &mut self.hosts[usize::from(from)].stack;
        while stack.poll_transmit(now, Budget::default(), &mut frames) {}
        for frame in frames.0 {
            let header = ether::Header::parse(&frame).expect("a sound frame");
            assert_eq!(header.src, self.hosts[usize::from(from)].mac, "who speaks for another");
            self.carry(from % 2, frame);
        }
    }

    fn carry(&mut self, lan: u8, frame: Vec<u8>) {
        let is_discovery = is_discovery(&frame);
        self.questions += usize::from(is_discovery);
        let lost = if is_discovery { self.lost.0 } else { self.lost.1 };
        if !self.happens(lost) {
            self.carried += 1;
            let arrives = self.now + Duration::from_micros(DELAY_US);
            self.wire.insert((arrives, self.carried), (lan, frame));
        }
    }

    /// A switch that does not know where anybody is: every station sees every frame.
    fn deliver(&mut self, lan: u8, frame: &[u8]) {
        let now = self.at();
        let header = ether::Header::parse(frame).expect("a sound frame");
        for (n, host) in self.hosts.iter_mut().enumerate() {
            if n as u8 % 2 == lan && header.src != host.mac {
                let mut batch = Batch::new();
                batch.push(Packet {
                    bytes: BytesMut::from(frame),
                    arrived: now.mono,
                    checksum: io::Checksum::Unverified,
                });
                host.stack.handle_packets(now, &mut batch);
            }
        }
        self.route(lan, frame, &header);
    }

    /// The router answers for its addresses, and takes to the other Ethernet what is sent to it. It knows every host.
    fn route(&mut self, lan: u8, frame: &[u8], header: &ether::Header) {
        let own = speaker(on(self.is_v6, lan, ROUTER), router_mac(lan));
        if let Some(asker) = question(frame, own.address) {
            let answer = answer(own.mac, own.address, asker);
            return self.carry(lan, answer);
        }
        if header.dst != own.mac {
            return;
        }
        let packet = &frame[ether::HEADER..];
        let Ok(datagram) = ip::Datagram::parse(packet) else {
            return;
        };
        let (beyond, last) = match datagram.dst {
            IpAddr::V4(dst) => (dst.octets()[2], dst.octets()[3]),
            IpAddr::V6(dst) => (dst.octets()[7], dst.octets()[15]),
        };
        assert_ne!(beyond, lan, "what is on the link needs no router: {datagram:?}");
        let header = ether::Header {
            dst: mac(last - 1),
            src: router_mac(beyond),
            ..*header
        };
        self.carry(beyond, self::frame(header, packet));
    }

    fn user(&mut self, n: usize) {
        let now = self.at();
        let host = &mut self.hosts[n];
        while let Some(event) = host.stack.poll_event() {
            if let Event::Acceptable(listener) = event {
                while let Some(accepted) = host.stack.accept(now, listener).expect("it listens") {
                    host.users.push(User::new(accepted.id, 0));
                }
            }
        }
        let mut kept = Vec::new();
        for mut user in std::mem::take(&mut host.users) {
            if user.acts(now, &mut host.stack) {
                host.stack.close(now, user.id).expect("held");
                host.read += user.received;
                host.finished += 1;
            } else {
                kept.push(user);
            }
        }
        host.users = kept;
    }

    fn neighbours(&self, n: usize) -> Vec<Neighbour> {
        self.hosts[n].stack.neighbours(self.at())
    }

    /// From now on host `n` has this hardware address.
    fn become_another(&mut self, n: u8, mac: Mac) {
        let (is_v6, lan) = (self.is_v6, n % 2);
        let host = &mut self.hosts[usize::from(n)];
        host.mac = mac;
        let options = EthernetOptions::new(mac, [subnet(is_v6, lan)], [on(is_v6, lan, ROUTER)]);
        let config = Config {
            medium: Medium::Ethernet(options),
            ..host.stack.config().clone()
        };
        host.stack.set_config(config);
    }

    fn dropped(&self, n: usize, why: Why) -> u64 {
        self.hosts[n].stack.counters().dropped(why)
    }
}

impl User {
    fn new(id: ConnectionId, to_send: usize) -> Self {
        Self {
            id,
            to_send,
            sent: 0,
            received: 0,
            is_shut: false,
            is_finished: false,
        }
    }

    /// Sends, reads, and closes its side; whether it is done.
    fn acts(&mut self, now: Now, stack: &mut Stack<Log>) -> bool {
        let status = stack.status(now, self.id).expect("held");
        assert_eq!(status.ended, None, "{status:?}");
        if matches!(status.state, State::SynSent | State::SynReceived) {
            return false;
        }
        while self.sent < self.to_send {
            let len = (self.to_send - self.sent).min(10_000);
            let mut data = Bytes::from(pattern(self.sent as u32, len));
            match stack.send(now, self.id, &mut data).expect("may send") {
                0 => break,
                taken => self.sent += taken,
            }
        }
        if self.sent == self.to_send && !self.is_shut {
            stack.shutdown(now, self.id).expect("may shut down");
            self.is_shut = true;
        }
        while !self.is_finished {
            match stack.receive(now, self.id, usize::MAX).expect("nothing fails") {
                Received::Data(bytes) => {
                    assert!(bytes == pattern(self.received as u32, bytes.len()), "bytes differ");
                    self.received += bytes.len();
                }
                Received::Nothing => break,
                Received::Finished => self.is_finished = true,
            }
        }
        self.is_finished && self.is_shut
    }
}

/// What is on this Ethernet.
fn subnet(is_v6: bool, lan: u8) -> Subnet {
    let prefix = if is_v6 { 64 } else { 24 };
    Subnet::new(on(is_v6, lan, 0), prefix).expect("a prefix")
}

fn router_mac(lan: u8) -> Mac {
    Mac([2, 0, 0x5e, 0x10, 1, lan])
}

fn is_discovery(frame: &[u8]) -> bool {
    let header = ether::Header::parse(frame).expect("a sound frame");
    let is_ndp = |packet: &[u8]| packet[6] == ip::ICMPV6 && ndp::is_type(packet[40]);
    match header.ethertype {
        EtherType::Arp => true,
        EtherType::Ipv6 => is_ndp(&frame[ether::HEADER..]),
        EtherType::Ipv4 => false,
    }
}

/// Who asks for this address, if somebody does.
fn question(frame: &[u8], target: IpAddr) -> Option<(IpAddr, Mac)> {
    let header = ether::Header::parse(frame).expect("a sound frame");
    let body = &frame[ether::HEADER..];
    if header.ethertype == EtherType::Arp {
        let packet = arp::Packet::parse(body).expect("sound ARP");
        let is_asked = packet.operation == Operation::Request && IpAddr::from(packet.target) == target;
        return is_asked.then_some((packet.sender.into(), packet.sender_mac));
    }
    let datagram = ip::Datagram::parse(body).ok().filter(|_| is_discovery(frame))?;
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (datagram.src, datagram.dst) else {
        return None;
    };
    match ndp::Message::parse(src, dst, datagram.hop_limit, &body[datagram.payload]) {
        Ok(ndp::Message::NeighbourSolicitation { target: asked, source }) if IpAddr::from(asked) == target => {
            Some((src.into(), source?))
        }
        _ => None,
    }
}

/// The answer of whoever has `own`.
fn answer(mac: Mac, own: IpAddr, (asker, to): (IpAddr, Mac)) -> Vec<u8> {
    let (own, asker) = match (own, asker) {
        (IpAddr::V4(sender), IpAddr::V4(target)) => {
            let packet = arp::Packet {
                operation: Operation::Reply,
                sender_mac: mac,
                sender,
                target_mac: to,
                target,
            };
            let mut bytes = [0; arp::LEN];
            packet.emit(&mut bytes).expect("fits");
            let header = ether::Header {
                dst: to,
                src: mac,
                ethertype: EtherType::Arp,
            };
            return frame(header, &bytes);
        }
        (IpAddr::V6(own), IpAddr::V6(asker)) => (own, asker),
        _ => panic!("one family"),
    };
    let message = ndp::Message::NeighbourAdvertisement(ndp::NeighbourAdvertisement {
        target: own,
        is_router: true,
        is_solicited: true,
        overrides: true,
        mac: Some(mac),
    })
    .emit(own, asker);
    let header = ip::Header {
        src: own.into(),
        dst: asker.into(),
        protocol: ip::ICMPV6,
        hop_limit: ndp::HOP_LIMIT,
        dscp: Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(message.len(), &mut packet).expect("fits");
    packet.extend_from_slice(&message);
    let ether = ether::Header {
        dst: to,
        src: mac,
        ethertype: EtherType::Ipv6,
    };
    frame(ether, &packet)
}

const HOUR: Duration = Duration::from_secs(3600);

/// Everybody sends to everybody, on the link and over the router.
#[test]
fn hosts_on_two_ethernets_reach_each_other() {
    for is_v6 in [false, true] {
        for (name, lost) in [("nothing is lost", (0, 0)), ("frames are lost", (300, 30))] {
            let mut lan = Lan::new(is_v6, 6, 1024, lost, 1);
            for (from, to) in (0..6u8).flat_map(|from| (0..6).map(move |to| (from, to))) {
                if from != to {
                    lan.connect(from, to, 30_000);
                }
            }
            lan.run(HOUR, |_| {});
            for host in &lan.hosts {
                // Each has sent to five, and was sent to by five.
                assert_eq!((host.finished, host.read), (10, 5 * 30_000), "{name}");
            }
            // Two on the link and the router are all that anybody knows.
            assert!((0..6).all(|n| lan.neighbours(n).len() == 3), "{name}");
            if lost == (0, 0) {
                // Whoever is asked learns who asks.
                assert!(lan.questions <= 6 * 2 * 3, "{} questions and answers", lan.questions);
            }
        }
    }
}

/// More neighbours than may be known at a time: all are served, for their handshakes make them known again.
#[test]
fn a_server_of_more_neighbours_than_it_may_know() {
    for is_v6 in [false, true] {
        let mut lan = Lan::new(is_v6, 100, 16, (50, 10), 2);
        for round in 0..3 {
            for n in (2..100).step_by(2) {
                lan.connect(n, 0, 3_000 + round);
            }
        }
        lan.run(HOUR, |lan| assert!(lan.neighbours(0).len() <= 16));
        assert_eq!(lan.hosts[0].finished, 49 * 3);
    }
}

/// Frames of an attacker on the first Ethernet: SYNs and questions from neighbours that are not there, and lies about those
/// that are. What is open goes on, nobody else's place is taken, and not a question is asked for the attacker's sake.
#[test]
fn a_flood_and_lies_while_neighbours_talk() {
    for is_v6 in [false, true] {
        let mut lan = Lan::new(is_v6, 4, 16, (0, 0), 3);
        lan.connect(2, 0, 2_000_000);
        lan.connect(3, 0, 2_000_000);
        let target = address(is_v6, 0);
        let mut n = 0u32;
        lan.run(Duration::from_secs(60), |lan| {
            n += 1;
            for k in 0..20 {
                let last = (10 + (n * 20 + k) % 200) as u8;
                let liar = mac(66);
                let nobody = on(is_v6, 0, last);
                let syn = Header {
                    src_port: (n * 20 + k) as u16,
                    dst_port: 80,
                    seq: SeqNumber::new(n),
                    ack: SeqNumber::new(0),
                    flags: Flags::SYN,
                    window: 1000,
                    urgent: 0,
                    options: Options::default(),
                };
                let header = ether::Header {
                    dst: mac(0),
                    src: liar,
                    ethertype: if is_v6 { EtherType::Ipv6 } else { EtherType::Ipv4 },
                };
                lan.carry(0, frame(header, &build(nobody, target, &syn, &[])));
                lan.carry(0, frame_of(speaker(nobody, liar), Said::Asks { target, to_all: true }));
            }
            for victim in [3, ROUTER] {
                let victim = on(is_v6, 0, victim);
                lan.carry(
                    0,
                    frame_of(speaker(victim, mac(66)), Said::Announces { target: victim }),
                );
            }
            assert!(lan.neighbours(0).len() <= 16);
        });
        assert_eq!(lan.hosts[0].read, 4_000_000);
        assert!(lan.dropped(0, Why::NeighbourDisputed) > 0);
        assert_eq!(lan.dropped(0, Why::NeighboursFull), 0);
        let asked = lan.hosts[0].stack.observer().neighbours.iter();
        let asked = asked
            .filter(|change| change.to == Some(NeighbourState::Incomplete))
            .count();
        assert!(asked <= 2, "the server asked for {asked} neighbours");
    }
}

/// A host gets another hardware address while it talks: whoever sends to it finds it again, whether it announces itself or not.
#[test]
fn a_neighbour_gets_another_hardware_address() {
    for is_v6 in [false, true] {
        for announces in [false, true] {
            let mut lan = Lan::new(is_v6, 4, 16, (0, 0), 4);
            lan.connect(2, 0, 3_000_000);
            let (mut has_moved, start) = (false, lan.now);
            lan.run(HOUR, |lan| {
                if has_moved || lan.hosts[0].users.first().is_none_or(|user| user.received < 100_000) {
                    return;
                }
                has_moved = true;
                lan.become_another(0, mac(77));
                if announces {
                    let who = speaker(address(is_v6, 0), mac(77));
                    let target = who.address;
                    lan.carry(0, frame_of(who, Said::Announces { target }));
                }
            });
            assert!(has_moved);
            assert_eq!(lan.hosts[0].read, 3_000_000);
            // Two timeouts of TCP, three questions that nobody answers, and another timeout.
            let took = lan.now.since(start);
            assert!(took < Duration::from_secs(12), "{took}");
        }
    }
}
