use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};

use super::*;
use crate::io::{Budget, Checksum, Full, Offload, Sink};
use crate::*;

const PORT: u16 = 80;

/// Packets on the wire.
#[derive(Default)]
struct Wire(VecDeque<BytesMut>);

impl Sink for Wire {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let mut packet = BytesMut::from(head);
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.0.push_back(packet);
        Ok(())
    }
}

fn batch(packets: impl IntoIterator<Item = BytesMut>) -> Batch {
    let mut batch = Batch::new();
    for bytes in packets {
        batch.push(Packet {
            bytes,
            arrived: Instant::ZERO,
            checksum: Checksum::Unverified,
        });
    }
    batch
}

/// Which queue a packet comes by.
#[derive(Debug, Clone, Copy)]
enum Steering {
    /// Always that of another shard than its owner.
    Wrong,
    /// One for all.
    First,
}

/// A host of several shards, each the reader of a queue.
struct Host {
    stacks: Vec<Stack>,
    steering: Steering,
    /// How many strays a shard's ring takes in one turn.
    ring: usize,
    /// How often a shard was called.
    called: usize,
    now: Now,
}

fn address(host: u8, v6: bool) -> IpAddr {
    if v6 {
        IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host)])
    } else {
        IpAddr::from([10, 0, 0, host])
    }
}

fn config(host: u8) -> Config {
    Config {
        addresses: Vec::from([address(host, false), address(host, true)]),
        flood: FloodOptions::unlimited(),
        ..Config::default()
    }
}

fn secrets(host: u8) -> Secrets {
    Secrets {
        master: [host; 32],
        public: 1,
    }
}

impl Host {
    fn new(shards: usize, steering: Steering, config: &Config) -> Self {
        Self {
            stacks: Stack::shards(config, secrets(1), core::iter::repeat_n((), shards)),
            steering,
            ring: usize::MAX,
            called: 0,
            now: Now::default(),
        }
    }

    fn owners(&self) -> Owners {
        Owners::new(&secrets(1), NonZeroUsize::new(self.stacks.len()).unwrap())
    }

    fn listen(&mut self, options: ListenOptions) -> ListenerId {
        let options = options.part(self.owners().shards());
        let ids: BTreeSet<_> = self
            .stacks
            .iter_mut()
            .map(|stack| stack.listen(options).unwrap())
            .collect();
        assert_eq!(ids.len(), 1, "one name in all shards");
        *ids.first().unwrap()
    }

    fn receive(&mut self, packets: impl IntoIterator<Item = BytesMut>) {
        let (owners, shards) = (self.owners(), self.stacks.len());
        for packet in packets {
            let queue = match self.steering {
                Steering::Wrong => owners.of_packet(&packet).map_or(0, |owner| (owner + 1) % shards),
                Steering::First => 0,
            };
            self.stacks[queue].handle_packets(self.now, &mut batch([packet]));
            self.exchange();
        }
    }

    /// Moves strays until there are none. Two steps are the most.
    fn exchange(&mut self) {
        for step in 0.. {
            let mut crossing = Vec::new();
            for stack in &mut self.stacks {
                let room = self.ring;
                stack.poll_strays(self.now, |shard, strays| {
                    self.called += usize::from(strays.is_empty());
                    let taken: Vec<_> = strays.drain(..room.min(strays.len())).collect();
                    crossing.push((shard, taken));
                });
            }
            if crossing.is_empty() {
                return;
            }
            assert!(step < 2, "a packet goes round in circles");
            for (shard, strays) in crossing {
                self.stacks[shard].handle_strays(self.now, &mut batch(strays.into_iter().map(|p| p.bytes)));
            }
        }
    }

    fn send(&mut self) -> Vec<BytesMut> {
        let mut wire = Wire::default();
        for stack in &mut self.stacks {
            stack.poll_transmit(self.now, Budget { packets: usize::MAX }, &mut wire);
        }
        wire.0.into()
    }

    fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        self.stacks.iter().for_each(|stack| sum.add(stack.counters()));
        sum
    }

    fn connections(&self) -> Vec<usize> {
        self.stacks.iter().map(|stack| stack.counts().0).collect()
    }
}

/// A peer without shards, whose link cuts what is longer than this.
struct Peer {
    stack: Stack,
    cut_at: usize,
}

impl Peer {
    fn new() -> Self {
        Self {
            stack: Stack::new(config(2), secrets(2), ()),
            cut_at: 65_535,
        }
    }

    fn send(&mut self) -> Vec<BytesMut> {
        let mut wire = Wire::default();
        self.stack
            .poll_transmit(Now::default(), Budget { packets: usize::MAX }, &mut wire);
        wire.0.into_iter().flat_map(|packet| cut(packet, self.cut_at)).collect()
    }

    fn receive(&mut self, packets: Vec<BytesMut>) {
        self.stack.handle_packets(Now::default(), &mut batch(packets));
    }
}

/// The IPv4 datagram in pieces of so many bytes; the last comes first.
fn cut(packet: BytesMut, at: usize) -> Vec<BytesMut> {
    if packet.len() <= 20 + at {
        return Vec::from([packet]);
    }
    let (head, body) = packet.split_at(20);
    let pieces = body.chunks(at).enumerate().map(|(n, piece)| {
        let more = (n + 1) * at < body.len();
        let mut bytes = BytesMut::from(head);
        bytes[2..4].copy_from_slice(&u16::try_from(20 + piece.len()).unwrap().to_be_bytes());
        let offset = u16::try_from(n * at / 8).unwrap() | (u16::from(more) << 13);
        bytes[4..6].copy_from_slice(&packet[24..26]);
        bytes[6..8].copy_from_slice(&offset.to_be_bytes());
        bytes[10..12].fill(0);
        let mut sum = wire::checksum::Sum::new();
        sum.add(&bytes);
        bytes[10..12].copy_from_slice(&sum.finish().to_be_bytes());
        bytes.extend_from_slice(piece);
        bytes
    });
    let mut pieces: Vec<_> = pieces.collect();
    pieces.reverse();
    pieces
}

/// Lets both speak until neither has anything to say.
fn settle(host: &mut Host, peer: &mut Peer) {
    for _ in 0..1000 {
        let (there, back) = (peer.send(), host.send());
        if there.is_empty() && back.is_empty() {
            return;
        }
        host.receive(there);
        peer.receive(back);
    }
    panic!("they never stop talking");
}

fn dial(peer: &mut Peer, v6: bool) -> ConnectionId {
    let options = ConnectOptions {
        remote: SocketAddr::new(address(1, v6), PORT),
        local: None,
        connection: None,
    };
    peer.stack.connect(Now::default(), options).unwrap()
}

fn dial_all(peer: &mut Peer, times: core::ops::Range<u32>) {
    times.for_each(|_| {
        dial(peer, false);
    });
}

fn any(v6: bool) -> ListenOptions {
    ListenOptions::new(SocketAddr::new(address(1, v6), PORT))
}

#[test]
fn connections_live_with_their_owners_wherever_their_packets_come() {
    for (name, shards, steering, v6) in [
        ("two, wrong queue", 2, Steering::Wrong, false),
        ("five, wrong queue", 5, Steering::Wrong, true),
        ("four, one queue", 4, Steering::First, false),
        ("one", 1, Steering::First, false),
    ] {
        let mut host = Host::new(shards, steering, &config(1));
        let mut peer = Peer::new();
        let listener = host.listen(any(v6));
        let ids: Vec<_> = (0..200).map(|_| dial(&mut peer, v6)).collect();
        settle(&mut host, &mut peer);
        assert!(
            host.connections().iter().all(|n| *n > 0),
            "{name}: {:?}",
            host.connections()
        );
        for id in ids {
            let sent = peer.stack.send(Now::default(), id, &mut Bytes::from_static(b"hello"));
            assert_eq!(sent, Ok(5), "{name}");
        }
        settle(&mut host, &mut peer);
        let owners = host.owners();
        let mut accepted = 0;
        for (index, stack) in host.stacks.iter_mut().enumerate() {
            while let Some(connection) = stack.accept(Now::default(), listener).unwrap() {
                let tuple = FourTuple::new(connection.local, connection.remote);
                assert_eq!(owners.of_tuple(&tuple), index, "{name}: {tuple}");
                let received = stack.receive(Now::default(), connection.id, 9).unwrap();
                assert_eq!(received, Received::Data(Bytes::from_static(b"hello")), "{name}");
                accepted += 1;
            }
        }
        assert_eq!(accepted, 200, "{name}");
        let counters = host.counters();
        assert_eq!(counters.opens_passive, 200, "{name}");
        assert_eq!(counters.drops().count(), 0, "{name}: {counters:?}");
        match steering {
            Steering::Wrong => assert_eq!(counters.strays, counters.packets_in, "{name}"),
            Steering::First => assert_eq!(counters.strays > 0, shards > 1, "{name}"),
        }
    }
}

#[test]
fn what_is_opened_is_ones_own_and_no_port_is_chosen_twice() {
    let mut host = Host::new(3, Steering::Wrong, &config(1));
    let mut peer = Peer::new();
    let remote = SocketAddr::new(address(2, false), PORT);
    peer.stack.listen(ListenOptions::new(remote)).unwrap();
    let owners = host.owners();
    let options = |local| ConnectOptions {
        remote,
        local,
        connection: None,
    };
    let mut ports = BTreeSet::new();
    for n in 0..300 {
        let stack = &mut host.stacks[n % 3];
        assert_eq!(stack.home_of(&options(None)), Ok(n % 3));
        let id = stack.connect(Now::default(), options(None)).unwrap();
        let tuple = stack.status(Now::default(), id).unwrap().tuple;
        assert_eq!(owners.of_tuple(&tuple), n % 3);
        assert!(ports.insert(tuple.local_port), "port {} twice", tuple.local_port);
    }
    // A port that was asked for has one home, whoever is asked.
    for port in 1000..1100 {
        let local = SocketAddr::new(address(1, false), port);
        let home = owners.of_tuple(&FourTuple::new(local, remote));
        for stack in &host.stacks {
            assert_eq!(stack.home_of(&options(Some(local))), Ok(home));
        }
    }
    settle(&mut host, &mut peer);
    assert_eq!(peer.stack.counts().0, 300);
    assert_eq!(host.counters().drops().count(), 0, "{:?}", host.counters());
}

#[test]
fn ports_run_out_in_each_shard_when_its_own_are_taken() {
    let narrow = Config {
        ephemeral_ports: (50_000, 50_099),
        ..config(1)
    };
    let mut host = Host::new(2, Steering::Wrong, &narrow);
    let options = ConnectOptions {
        remote: SocketAddr::new(address(2, false), PORT),
        local: None,
        connection: None,
    };
    let opened: usize = host
        .stacks
        .iter_mut()
        .map(|stack| {
            (0..200)
                .take_while(|_| stack.connect(Now::default(), options).is_ok())
                .count()
        })
        .sum();
    assert_eq!(opened, 100);
}

#[test]
fn datagrams_are_rebuilt_before_it_is_asked_whose_they_are() {
    let mut host = Host::new(4, Steering::Wrong, &config(1));
    let mut peer = Peer::new();
    let listener = host.listen(any(false));
    let ids: Vec<_> = (0..20).map(|_| dial(&mut peer, false)).collect();
    settle(&mut host, &mut peer);
    peer.cut_at = 400;
    for id in ids {
        let mut data = Bytes::from(std::vec![7; 1_400]);
        assert_eq!(peer.stack.send(Now::default(), id, &mut data), Ok(1_400));
    }
    settle(&mut host, &mut peer);
    let mut whole = 0;
    for stack in &mut host.stacks {
        while let Some(connection) = stack.accept(Now::default(), listener).unwrap() {
            let mut bytes = 0;
            while let Received::Data(data) = stack.receive(Now::default(), connection.id, 2_000).unwrap() {
                bytes += data.len();
            }
            assert_eq!(bytes, 1_400);
            whole += 1;
        }
    }
    assert_eq!(whole, 20);
    assert_eq!(host.counters().drops().count(), 0, "{:?}", host.counters());
    assert_eq!(host.stacks.iter().map(|stack| stack.held().fragments).sum::<usize>(), 0);
}

#[test]
fn an_error_finds_the_connection_that_it_is_about() {
    let mut host = Host::new(4, Steering::Wrong, &config(1));
    let remote = SocketAddr::new(address(2, false), PORT);
    let options = ConnectOptions {
        remote,
        local: None,
        connection: None,
    };
    for n in 0..40 {
        host.stacks[n % 4].connect(Now::default(), options).unwrap();
    }
    let errors: Vec<BytesMut> = host
        .send()
        .iter()
        .map(|syn| {
            // "Port unreachable", from a router.
            let mut message = Vec::from([3, 3, 0, 0, 0, 0, 0, 0]);
            message.extend_from_slice(syn);
            let mut sum = wire::checksum::Sum::new();
            sum.add(&message);
            message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
            let header = wire::ip::Header {
                src: IpAddr::from([192, 0, 2, 1]),
                dst: address(1, false),
                protocol: wire::ip::ICMP,
                hop_limit: 64,
                dscp: Dscp::DEFAULT,
                ecn: wire::ip::Ecn::NotEct,
            };
            let mut packet = BytesMut::zeroed(header.len());
            header.emit(message.len(), &mut packet).unwrap();
            packet.extend_from_slice(&message);
            packet
        })
        .collect();
    assert_eq!(errors.len(), 40);
    host.receive(errors);
    let counters = host.counters();
    assert_eq!((counters.strays, counters.dropped(Why::IcmpUnproven)), (40, 0));
    for stack in &host.stacks {
        let ended = |entry: &Entry| matches!(entry, Entry::Connection { status, .. } if status.ended.is_none());
        assert!(!stack.entries(Now::default()).iter().any(ended), "one was not told");
    }
}

#[test]
fn what_finds_no_room_on_the_way_is_dropped_and_counted() {
    let mut host = Host::new(2, Steering::Wrong, &config(1));
    let mut peer = Peer::new();
    host.listen(any(false));
    host.ring = 0;
    dial_all(&mut peer, 0..10);
    host.receive(peer.send());
    let counters = host.counters();
    assert_eq!((counters.strays, counters.dropped(Why::StrayRefused)), (0, 10));
    assert_eq!(host.send().len(), 0);
}

#[test]
fn a_cookie_comes_back_to_the_shard_that_sent_it() {
    let mut host = Host::new(3, Steering::Wrong, &config(1));
    let mut peer = Peer::new();
    let listener = host.listen(ListenOptions {
        syn_cookies: SynCookies::Always,
        ..any(false)
    });
    dial_all(&mut peer, 0..60);
    settle(&mut host, &mut peer);
    let counters = host.counters();
    assert_eq!((counters.cookies_sent, counters.cookies_taken), (60, 60));
    let mut accepted = 0;
    for stack in &mut host.stacks {
        while stack.accept(Now::default(), listener).unwrap().is_some() {
            accepted += 1;
        }
    }
    assert_eq!(accepted, 60);
}

#[test]
fn a_source_has_one_bucket_in_all_shards() {
    let rate = crate::flood::Rate::new(1, 10);
    let mut config = config(1);
    config.flood.limiter = crate::flood::LimiterOptions {
        per_address: Some(rate),
        over: crate::flood::OverLimit::Drop,
        ..crate::flood::LimiterOptions::default()
    };
    let mut host = Host::new(4, Steering::Wrong, &config);
    let mut peer = Peer::new();
    host.listen(any(false));
    dial_all(&mut peer, 0..100);
    host.receive(peer.send());
    assert_eq!(host.counters().dropped(Why::AddressLimit), 90);
    assert_eq!(host.send().len(), 10);
}

#[test]
fn bounds_are_divided_and_add_up() {
    let mut host = Host::new(4, Steering::Wrong, &config(1));
    let mut peer = Peer::new();
    host.listen(ListenOptions {
        syn_backlog: 64,
        syn_cookies: SynCookies::Never,
        ..any(false)
    });
    dial_all(&mut peer, 0..1000);
    host.receive(peer.send());
    let half_open: Vec<usize> = host.stacks.iter().map(|stack| stack.counts().1).collect();
    assert_eq!(half_open, [16; 4]);
    assert_eq!(host.stacks[0].config().limits.connections, (1 << 20) / 4);
    assert_eq!(host.stacks[3].config().limits.send_buffer_max, 16 << 20);
}

/// SYNs from as many sources, in half a second.
fn flood(host: &mut Host, syns: u32) {
    for n in 0..syns {
        host.now.mono = Instant::ZERO + Duration::from_micros(u64::from(n) * 500_000 / u64::from(syns));
        let mut peer = Stack::new(
            Config {
                addresses: Vec::from([IpAddr::from([11, 0, (n >> 8) as u8, n as u8])]),
                ..Config::default()
            },
            secrets(9),
            (),
        );
        let options = ConnectOptions {
            remote: SocketAddr::new(address(1, false), PORT),
            local: None,
            connection: None,
        };
        peer.connect(Now::default(), options).unwrap();
        let mut wire = Wire::default();
        peer.poll_transmit(Now::default(), Budget::default(), &mut wire);
        host.receive(wire.0);
    }
}

#[test]
fn a_flood_is_judged_once_by_what_all_shards_see() {
    for shards in [1, 4] {
        let mut host = Host::new(shards, Steering::Wrong, &config(1));
        host.listen(any(false));
        flood(&mut host, 400);
        let levels = |host: &Host| -> Vec<_> {
            let entries = host.stacks.iter().flat_map(|stack| stack.entries(host.now));
            let level = |entry| match entry {
                Entry::Listener { level, .. } => Some(level),
                _ => None,
            };
            entries.filter_map(level).collect()
        };
        assert!(
            levels(&host).iter().all(|level| *level == flood::Level::Calm),
            "{shards}"
        );
        // Time alone shows that nobody answers.
        for _ in 0..8 {
            host.now.mono += Duration::from_millis(250);
            for stack in &mut host.stacks {
                stack.handle_timeout(host.now);
            }
        }
        let levels = levels(&host);
        assert_eq!(levels[0], flood::Level::Flood, "{shards}");
        assert!(levels[1..].iter().all(|level| *level == flood::Level::Calm), "{shards}");
        let l = host.stacks[0].listeners.at(0).unwrap();
        assert_eq!(l.half_open_in_all(), 400, "{shards}");
        assert_eq!(l.gauge.figures().backlog, 1024, "{shards}");
    }
}

/// One four-tuple, again and again: its shard is never the one that judges.
#[test]
fn a_judge_to_whom_nothing_comes_is_called() {
    let mut host = Host::new(2, Steering::First, &config(1));
    host.listen(any(false));
    let mut peer = Peer::new();
    let owners = host.owners();
    let syn = loop {
        dial(&mut peer, false);
        let syn = peer.send().remove(0);
        if owners.of_packet(&syn) == Some(1) {
            break syn;
        }
    };
    for n in 0..400 {
        host.now.mono = Instant::ZERO + Duration::from_millis(n);
        let mut syns = batch([syn.clone()]);
        host.stacks[1].handle_packets(host.now, &mut syns);
        host.exchange();
    }
    assert_eq!(host.called, 6);
    for _ in 0..8 {
        host.now.mono += Duration::from_millis(250);
        host.stacks[0].handle_timeout(host.now);
    }
    assert_eq!(
        host.stacks[0].listeners.at(0).unwrap().gauge.level(),
        flood::Level::Watch
    );
}
