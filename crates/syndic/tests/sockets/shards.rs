//! A net of several shards: one network to whoever uses it, whatever queue brings what.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use link::Link as _;
use link::memory::{self, MemoryOptions};
use link::testing::in_private_namespace;
use link::{Memory, Offload, Tun, TunOptions};
use syndic::stack::{
    Batch, ConnectOptions, Counters, Entry, Fact, FourTuple, Instant, ListenOptions, Observer, Packet, Why,
};
use syndic::{Abilities, Clock, Link, Net, NotSent, Stopped, TcpListener, TcpStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use wire::ip::{self, Datagram};
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags};

use crate::rig::*;

/// A cable to a device of several queues that brings everything by the wrong one, as far as it can know: it learns from
/// which queue a connection is answered, and uses another from then on.
struct Spray {
    queues: Vec<Memory>,
    answered_by: HashMap<(std::net::SocketAddr, std::net::SocketAddr), usize>,
    next: usize,
    /// Forged SYNs that are put on the cable at each look for packets.
    flood: u32,
    forged: u32,
    /// The queue that is full.
    full: usize,
}

/// The cable and the other end of each queue.
fn spray(queues: usize, flood: u32) -> (Spray, Vec<Memory>) {
    let pairs = (0..queues).map(|_| memory::pair(MemoryOptions::default()));
    let (near, far): (Vec<_>, Vec<_>) = pairs.unzip();
    let cable = Spray {
        queues: near,
        answered_by: HashMap::new(),
        next: 0,
        flood,
        forged: 0,
        full: 0,
    };
    (cable, far)
}

/// Source and destination of a segment.
fn ends(packet: &[u8]) -> (std::net::SocketAddr, std::net::SocketAddr) {
    let datagram = Datagram::parse(packet).unwrap();
    let segment = &packet[datagram.payload.start..];
    let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    ((datagram.src, port(0)).into(), (datagram.dst, port(2)).into())
}

/// The SYN of one who will never answer.
fn forged(n: u32) -> BytesMut {
    let src = std::net::IpAddr::from((0x0b00_0000 | n).to_be_bytes());
    let syn = tcp::Header {
        src_port: 1024 + (n % 50_000) as u16,
        dst_port: 80,
        seq: SeqNumber::new(n),
        ack: SeqNumber::default(),
        flags: Flags::SYN,
        window: 1000,
        urgent: 0,
        options: Options::default(),
    };
    let header = ip::Header {
        src,
        dst: SERVER,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: ip::Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = BytesMut::zeroed(header.len() + syn.len());
    header.emit(syn.len(), &mut packet).unwrap();
    let segment = &mut packet[header.len()..];
    syn.emit(segment).unwrap();
    tcp::seal(src, SERVER, segment, &[Bytes::new()]);
    packet
}

impl Link for Spray {
    fn abilities(&self) -> Abilities {
        Abilities::plain(1500)
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<std::io::Result<()>> {
        for _ in 0..self.flood {
            self.forged += 1;
            let queue = self.forged as usize % self.queues.len();
            let _ = self.queues[queue].try_write(Default::default(), &forged(self.forged), &[]);
        }
        let before = batch.len();
        for (number, queue) in self.queues.iter_mut().enumerate() {
            let from = batch.len();
            if let Poll::Ready(received) = Link::poll_receive(queue, cx, clock, batch, max) {
                received?;
            }
            let packets: Vec<Packet> = batch.drain().collect();
            for packet in &packets[from..] {
                let (local, remote) = ends(&packet.bytes);
                self.answered_by.insert((local, remote), number);
            }
            packets.into_iter().for_each(|packet| batch.push(packet));
        }
        if batch.len() > before {
            return Poll::Ready(Ok(()));
        }
        if self.flood > 0 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: syndic::stack::io::Offload) -> Result<(), NotSent> {
        let (source, destination) = ends(&[head, &payload.concat()].concat());
        self.next += 1;
        let owner = self.answered_by.get(&(destination, source)).copied();
        self.full = owner.map_or(self.next, |owner| owner + 1) % self.queues.len();
        Link::try_send(&mut self.queues[self.full], head, payload, offload)
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Link::poll_send_ready(&mut self.queues[self.full], cx)
    }
}

/// A plain client and a server of so many shards, whose packets come by the wrong queues.
fn sharded(shards: usize, flood: u32) -> (Net, Net) {
    let (cable, queues) = spray(shards, flood);
    let client = Net::start(cable, config(&[CLIENT, CLIENT6])).unwrap();
    let server = Net::sharded(queues, config(&[SERVER, SERVER6])).unwrap();
    assert_eq!(server.shard_count(), shards);
    (client, server)
}

/// Gives back what it gets.
async fn echo(stream: TcpStream) {
    let (mut read, mut write) = stream.into_split();
    tokio::io::copy(&mut read, &mut write).await.unwrap();
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(echo(stream));
    }
}

async fn ask(stream: impl AsyncRead + AsyncWrite, len: usize, seed: u64) {
    let said = noise(len, seed);
    let (mut read, mut write) = tokio::io::split(stream);
    let mut heard = Vec::new();
    let speak = async {
        write.write_all(&said).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let (_, read) = tokio::join!(speak, read.read_to_end(&mut heard));
    read.unwrap();
    assert!(heard == said, "connection {seed}");
}

/// All of them at once.
async fn all<F: Future<Output = ()> + Send + 'static>(tasks: impl Iterator<Item = F>) {
    let mut set: JoinSet<()> = tasks.collect();
    while let Some(done) = set.join_next().await {
        done.unwrap();
    }
}

fn listeners(net: &Net) -> Vec<Entry> {
    let mut entries = net.entries();
    entries.retain(|entry| matches!(entry, Entry::Listener { .. }));
    entries
}

fn assert_nothing_refused(counters: &Counters) {
    assert_eq!(counters.dropped(Why::StrayRefused), 0, "{counters:?}");
}

#[test]
fn one_listener_has_the_connections_of_all_shards() {
    on_both(|| async {
        let (client, server) = sharded(3, 0);
        for address in [SERVER, SERVER6] {
            let listener = TcpListener::bind(&server, (address, 80)).unwrap();
            let [Entry::Listener { syn_queue, .. }] = listeners(&server)[..] else {
                panic!("one listener in {:?}", server.entries());
            };
            assert_eq!(syn_queue, (0, 3 * 1024_usize.div_ceil(3)));
            let serving = tokio::spawn(serve(listener));
            let connect = |n: u64| {
                let client = client.clone();
                async move {
                    let stream = TcpStream::connect(&client, (address, 80)).await.unwrap();
                    ask(stream, 5_000, n).await;
                }
            };
            all((0..150).map(connect)).await;
            serving.abort();
            let _ = serving.await;
            assert_eq!(listeners(&server), []);
        }
        let counters = server.counters();
        assert_eq!(counters.opens_passive, 300);
        assert!(counters.strays > 2 * 300, "{counters:?}");
        assert_nothing_refused(&counters);
        let held = server.with_stacks(|_, stack| stack.counters().opens_passive);
        assert!(held.iter().all(|n| *n > 50), "{held:?}");
        server.drained().await.unwrap();
    });
}

#[test]
fn connections_are_opened_in_all_shards_and_their_answers_find_them() {
    on_both(|| async {
        let (client, server) = sharded(3, 0);
        let listener = TcpListener::bind(&client, (CLIENT, 80)).unwrap();
        let accepting = tokio::spawn(serve(listener));
        let connect = |n: u64| {
            let server = server.clone();
            async move {
                // Some ask for a port of their own.
                let local = n.is_multiple_of(4).then(|| at(SERVER, 2_000 + n as u16));
                let options = ConnectOptions {
                    remote: at(CLIENT, 80),
                    local,
                    connection: None,
                };
                let stream = server.connect(options).await.unwrap();
                assert!(local.is_none_or(|local| stream.local_addr().unwrap() == local));
                ask(stream, 5_000, n).await;
            }
        };
        all((0..150).map(connect)).await;
        let opened = server.with_stacks(|_, stack| stack.counters().opens_active);
        assert!(
            opened.iter().all(|n| *n > 20) && opened.iter().sum::<u64>() == 150,
            "{opened:?}"
        );
        assert_nothing_refused(&server.counters());
        accepting.abort();
    });
}

#[test]
fn ports_run_out_only_when_all_shards_have_given_theirs() {
    on_both(|| async {
        let (_cable, queues) = spray(3, 0);
        let few = syndic::stack::Config {
            ephemeral_ports: (50_000, 50_019),
            ..config(&[SERVER])
        };
        let server = Net::sharded(queues, few).unwrap();
        let mut attempts = Vec::new();
        for _ in 0..20 {
            let mut attempt = Box::pin(TcpStream::connect(&server, (CLIENT, 80)));
            let polled = std::future::poll_fn(|cx| Poll::Ready(attempt.as_mut().poll(cx).is_pending())).await;
            assert!(polled, "nobody answers");
            attempts.push(attempt);
        }
        let ports = server.entries().into_iter().filter_map(|entry| match entry {
            Entry::Connection { status, .. } => Some(status.tuple.local_port),
            _ => None,
        });
        assert_eq!(ports.collect::<BTreeSet<_>>().len(), 20);
        let none = TcpStream::connect(&server, (CLIENT, 80)).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn an_address_is_taken_once_in_all_shards() {
    on_both(|| async {
        let (_client, server) = sharded(4, 0);
        let first = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let taken = TcpListener::bind(&server, (SERVER, 80)).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let chosen = TcpListener::bind(&server, (SERVER, 0)).unwrap();
        assert_eq!(listeners(&server).len(), 2);
        let local = chosen.local_addr().unwrap();
        assert!(
            server
                .with_stacks(|now, stack| stack.entries(now))
                .iter()
                .flatten()
                .all(|entry| { matches!(entry, Entry::Listener { local: at, .. } if *at == local || at.port() == 80) })
        );
        drop((first, chosen));
        assert_eq!(server.entries(), []);
        TcpListener::bind(&server, (SERVER, 80)).unwrap();
    });
}

/// SYNs from anywhere come to every queue, more than the listener keeps entries for, and everything by the wrong one.
#[test]
fn a_flood_by_the_wrong_queues_costs_no_good_client_its_connection() {
    on_both(|| async {
        let (client, server) = sharded(3, 100);
        let options = ListenOptions {
            syn_backlog: 96,
            ..ListenOptions::new(at(SERVER, 80))
        };
        let serving = tokio::spawn(serve(server.listen(options).unwrap()));
        let connect = |n: u64| {
            let client = client.clone();
            async move {
                for _ in 0..5 {
                    let stream = TcpStream::connect(&client, (SERVER, 80)).await.unwrap();
                    ask(stream, 2_000, n).await;
                }
            }
        };
        all((0..30).map(connect)).await;
        let counters = server.counters();
        assert_eq!(counters.opens_passive, 150, "{counters:?}");
        assert!(counters.cookies_sent > 1_000 && counters.strays > 1_000, "{counters:?}");
        let half_open = server.with_stacks(|_, stack| stack.counts().1);
        assert!(half_open.iter().all(|n| *n <= 32), "{half_open:?}");
        serving.abort();
    });
}

#[test]
fn the_links_are_given_back_once_the_last_connection_of_any_shard_is_closed() {
    on_both(|| async {
        let (cable, queues) = spray(3, 0);
        let client = Net::start(cable, config(&[CLIENT])).unwrap();
        let server = Net::sharded(queues, config(&[SERVER])).unwrap();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let mut pairs = Vec::new();
        for _ in 0..12 {
            pairs.push(connection_to(&client, &listener).await);
        }
        let (nears, mut fars): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        for far in &mut fars {
            far.write_all(b"still delivered").await.unwrap();
        }
        // From now on only connections that are closing keep the shards at work.
        drop((fars, listener, server));
        for mut near in nears {
            let mut got = Vec::new();
            near.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, b"still delivered");
        }
        assert!(matches!(client.stopped().await, Stopped::Link(_)));
    });
}

#[test]
fn unused_shards_give_their_links_back_at_once() {
    on_both(|| async {
        let (mut cable, queues) = spray(3, 0);
        drop(Net::sharded(queues, config(&[SERVER])).unwrap());
        for queue in cable.queues.drain(..) {
            std::future::poll_fn(|cx| queue.poll_read_ready(cx)).await.unwrap();
            let error = queue.try_read(&mut BytesMut::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }
    });
}

#[test]
fn one_dead_queue_ends_all_shards() {
    on_both(|| async {
        let (mut cable, queues) = spray(3, 0);
        let server = Net::sharded(queues, config(&[SERVER])).unwrap();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let accepting = tokio::spawn(async move { listener.accept().await.map(drop) });
        drop(cable.queues.remove(1));
        let error = accepting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
        assert!(matches!(server.stopped().await, Stopped::Link(_)));
        for queue in &cable.queues {
            // The other drivers end too, and drop their links.
            let closed = async {
                while queue.try_read(&mut BytesMut::new()).err().map(|e| e.kind()) != Some(ErrorKind::UnexpectedEof) {
                    std::future::poll_fn(|cx| queue.poll_read_ready(cx)).await.unwrap();
                }
            };
            tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
        }
    });
}

/// Panics at the first fact, if it is the second shard's.
struct Clumsy(usize);

impl Observer for Clumsy {
    fn observe(&mut self, _: Instant, _: &Fact<'_>) {
        assert!(self.0 != 1, "a clumsy observer, as the test wants it");
    }
}

#[test]
fn a_panic_in_one_shard_stops_all() {
    on_both(|| async {
        let (cable, queues) = spray(3, 0);
        let client = Net::start(cable, config(&[CLIENT])).unwrap();
        let server = Net::sharded_observed(queues, config(&[SERVER]), Clumsy).unwrap();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let dialling = tokio::spawn(async move {
            // One of them is the second shard's.
            let mut streams = Vec::new();
            while let Ok(stream) = TcpStream::connect(&client, (SERVER, 80)).await {
                streams.push(stream);
            }
        });
        let mut accepted = Vec::new();
        let error = loop {
            match listener.accept().await {
                Ok((stream, _)) => accepted.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
        assert!(matches!(server.stopped().await, Stopped::Panicked));
        for mut stream in accepted {
            let error = stream.read(&mut [0; 1]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NetworkDown);
        }
        dialling.await.unwrap();
    });
}

#[test]
fn one_link_can_be_shared_by_several_shards() {
    on_both(|| async {
        let (left, right) = memory::pair(MemoryOptions {
            capacity: 8,
            ..MemoryOptions::default()
        });
        let client = Net::start(left, config(&[CLIENT])).unwrap();
        let parts = syndic::link::share(right, NonZeroUsize::new(3).unwrap());
        let server = Net::sharded(parts, config(&[SERVER])).unwrap();
        let serving = tokio::spawn(serve(TcpListener::bind(&server, (SERVER, 80)).unwrap()));
        let connect = |n: u64| {
            let client = client.clone();
            async move {
                let stream = TcpStream::connect(&client, (SERVER, 80)).await.unwrap();
                ask(stream, 50_000, n).await;
            }
        };
        all((0..50).map(connect)).await;
        assert!(server.counters().strays > 100);
        serving.abort();
    });
}

#[test]
fn links_that_make_no_network() {
    on_both(|| async {
        let none = Net::sharded(Vec::<Memory>::new(), config(&[SERVER])).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn accepting_takes_from_each_shard_in_turn() {
    on_both(|| async {
        let (client, server) = sharded(2, 0);
        let options = ListenOptions::new(at(SERVER, 80));
        let listener = server.listen(options).unwrap();
        let mut streams = Vec::new();
        for _ in 0..40 {
            streams.push(TcpStream::connect(&client, (SERVER, 80)).await.unwrap());
        }
        // The third ACK of the last may still be on its way.
        while server.counters().opens_passive < 40 {
            tokio::task::yield_now().await;
        }
        let of = |stream: &TcpStream| {
            let tuple = FourTuple::new(stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            let has = server.with_stacks(|_, stack| stack.status_of(&tuple).is_some());
            has.iter().position(|has| *has).unwrap()
        };
        let mut accepted = Vec::new();
        for _ in 0..20 {
            accepted.push(listener.accept().await.unwrap().0);
        }
        let first = accepted.iter().filter(|stream| of(stream) == 0).count();
        // Twenty of each are expected in all, and at least one in ten; until one has no more, both are heard alike.
        assert!((5..=15).contains(&first), "{first} of 20");
    });
}

/// The kernel's sockets and ours over a device of four queues, both ways and in both families, all at once.
fn with_the_kernel(offload: Offload) {
    let options = TunOptions {
        addresses: vec![(CLIENT, 24), (CLIENT6, 64)],
        offload,
        ..TunOptions::default()
    };
    on_both(|| async {
        let queues = Tun::open_queues(&options, NonZeroUsize::new(4).unwrap()).unwrap();
        let links: Vec<_> = queues.into_iter().map(|queue| queue.into_async().unwrap()).collect();
        let net = Net::sharded(links, config(&[SERVER, SERVER6])).unwrap();
        let mut tasks = JoinSet::new();
        for (ours, kernels) in [(SERVER, CLIENT), (SERVER6, CLIENT6)] {
            tokio::spawn(serve(TcpListener::bind(&net, (ours, 80)).unwrap()));
            let listener = tokio::net::TcpListener::bind((kernels, 81)).await.unwrap();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(async move {
                        let (mut read, mut write) = stream.into_split();
                        tokio::io::copy(&mut read, &mut write).await.unwrap();
                    });
                }
            });
            for n in 0..100 {
                let net = net.clone();
                tasks.spawn(async move {
                    ask(tokio::net::TcpStream::connect((ours, 80)).await.unwrap(), 40_000, n).await;
                });
                tasks.spawn(async move {
                    ask(TcpStream::connect(&net, (kernels, 81)).await.unwrap(), 40_000, n).await;
                });
            }
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let counters = net.counters();
        assert_eq!((counters.opens_passive, counters.opens_active), (200, 200));
        assert!(counters.strays > 0, "the kernel knows nothing of owners");
        assert_nothing_refused(&counters);
    });
}

#[test]
fn plain_packets_over_four_queues() {
    in_private_namespace("shards::plain_packets_over_four_queues", || {
        with_the_kernel(Offload::None);
    });
}

#[test]
fn super_segments_over_four_queues() {
    in_private_namespace("shards::super_segments_over_four_queues", || {
        with_the_kernel(Offload::Tso);
    });
}

#[test]
fn checksums_are_left_to_the_owner() {
    on_both(|| async {
        // A segment with a wrong sum, by a queue that is not its owner's, is dropped there and not here.
        let (cable, queues) = spray(2, 0);
        let server = Net::sharded(queues, config(&[SERVER])).unwrap();
        for n in 0..20 {
            let mut bad = forged(n);
            let last = bad.len() - 1;
            bad[last - 3] ^= 1;
            cable.queues[0].try_write(Default::default(), &bad, &[]).unwrap();
        }
        while server.counters().dropped(Why::TcpChecksum) < 20 {
            tokio::task::yield_now().await;
        }
        let dropped = server.with_stacks(|_, stack| stack.counters().dropped(Why::TcpChecksum));
        assert!(dropped.iter().all(|n| *n > 0), "{dropped:?}");
    });
}
