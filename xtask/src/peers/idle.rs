//! Our stack with many connections that do nothing: what each takes, and what a packet to one of them costs.
//!
//! No link and no other stack: the other ends are a few lines that build segments. Each packet carries 100 bytes to a
//! random connection, with timestamps, and is read and acknowledged; packets come in batches of 32.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant as Clock;

use anyhow::{Context as _, ensure};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use stack::io::{Checksum, Offload};
use stack::{
    Batch, Budget, Config, Duration, Event, FloodOptions, Full, Instant, ListenOptions, Now, Packet, Received, Secrets,
    Sink, Stack,
};
use wire::ip;
use wire::option::{Options, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags, Header};

use super::kernel::say;
use crate::args::Idle;

const OURS: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 2);
const PORT: u16 = 80;
/// Connections of each address of theirs.
const PER_ADDRESS: u32 = 1 << 14;
const PAYLOAD: [u8; 100] = [7; 100];
const BATCH: usize = 32;

/// What many connections take.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Idled {
    /// Resident memory that came with them, divided by their number.
    pub(super) bytes_each: f64,
    pub(super) ns_per_packet: f64,
}

/// The other end of one connection.
struct Peer {
    next: SeqNumber,
    acknowledges: SeqNumber,
    tsval: u32,
}

/// Keeps of what is sent the last header, and no memory.
#[derive(Default)]
struct Last {
    seq: SeqNumber,
    tsval: u32,
    packets: usize,
}

impl Sink for Last {
    fn send(&mut self, head: &[u8], _: &[Bytes], _: Offload) -> Result<(), Full> {
        if let Some((header, _)) = head.get(20..).and_then(|segment| Header::parse(segment).ok()) {
            self.seq = header.seq;
            self.tsval = header.options.timestamps.map_or(0, |stamps| stamps.val);
        }
        self.packets += 1;
        Ok(())
    }
}

/// The process: it prints [`Idled`].
pub(super) fn measure(idle: &Idle) -> anyhow::Result<()> {
    let mut config = Config {
        addresses: vec![OURS.into()],
        checksum_offload: true,
        flood: FloodOptions::unlimited(),
        ..Config::default()
    };
    config.limits.connections = config.limits.connections.max(idle.connections as usize);
    let secrets = Secrets {
        master: [3; 32],
        public: 3,
    };
    let mut peers = Vec::with_capacity(idle.connections as usize);
    // So that its own memory is there before it counts.
    peers.resize_with(idle.connections as usize, || None);
    peers.iter_mut().for_each(|peer| *peer = None);
    let before = resident()?;
    let mut stack = Stack::new(config, secrets, ());
    let options = ListenOptions::new(SocketAddr::new(OURS.into(), PORT));
    let listener = stack.listen(options).context("listen")?;
    let mut mono = Instant::ZERO + Duration::from_secs(1);
    for (n, peer) in (0_u32..).zip(&mut peers) {
        let now = Now { mono, unix_s: 0 };
        let mut last = Last::default();
        exchange(now, &mut stack, [segment(now, n, Flags::SYN, None)], &mut last);
        let opening = Peer {
            next: SeqNumber::new(1_001),
            acknowledges: last.seq + 1,
            tsval: last.tsval,
        };
        exchange(
            now,
            &mut stack,
            [segment(now, n, Flags::ACK, Some(&opening))],
            &mut last,
        );
        stack.accept(now, listener).context("accept")?.context("nobody came")?;
        *peer = Some(opening);
    }
    // What is due after an opening has been done by then.
    mono += Duration::from_secs(1);
    let now = Now { mono, unix_s: 1 };
    stack.handle_timeout(now);
    flush(now, &mut stack, &mut Last::default());
    let bytes_each = (resident()? - before) as f64 / f64::from(idle.connections);

    let mut peers: Vec<Peer> = peers.into_iter().flatten().collect();
    let ns_per_packet = cost(&mut mono, &mut stack, &mut peers, idle.millis)?;
    say(&serde_json::to_string(&Idled {
        bytes_each,
        ns_per_packet,
    })?)
}

/// Sends to connections at random. Gives what a packet cost the stack.
fn cost(mono: &mut Instant, stack: &mut Stack, peers: &mut [Peer], millis: u64) -> anyhow::Result<f64> {
    let (mut chance, mut spent, mut packets) = (1_u64, std::time::Duration::ZERO, 0_usize);
    let mut last = Last::default();
    while spent < std::time::Duration::from_millis(millis) {
        *mono += Duration::from_micros(BATCH as u64);
        let now = Now { mono: *mono, unix_s: 1 };
        let chosen: Vec<usize> = (0..BATCH)
            .map(|_| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (chance >> 33) as usize % peers.len()
            })
            .collect();
        let mut batch = Batch::new();
        for n in &chosen {
            let peer = &mut peers[*n];
            batch.push(segment(now, *n as u32, Flags::ACK | Flags::PSH, Some(peer)));
            peer.next += PAYLOAD.len() as u32;
        }
        let began = Clock::now();
        stack.handle_packets(now, &mut batch);
        if stack.poll_timeout().is_some_and(|due| due <= now.mono) {
            stack.handle_timeout(now);
        }
        while let Some(event) = stack.poll_event() {
            let Event::Connection(id, _) = event else { continue };
            while let Ok(Received::Data(_)) = stack.receive(now, id, usize::MAX) {}
        }
        while stack.poll_transmit(now, Budget::default(), &mut last) {}
        spent += began.elapsed();
        packets += BATCH;
    }
    ensure!(last.packets > 0, "nothing was acknowledged");
    ensure!(stack.counts().0 == peers.len(), "connections were lost");
    Ok(spent.as_nanos() as f64 / packets as f64)
}

fn exchange<const N: usize>(now: Now, stack: &mut Stack, packets: [Packet; N], last: &mut Last) {
    let mut batch = Batch::new();
    packets.into_iter().for_each(|packet| batch.push(packet));
    stack.handle_packets(now, &mut batch);
    flush(now, stack, last);
}

fn flush(now: Now, stack: &mut Stack, last: &mut Last) {
    while stack.poll_transmit(now, Budget::default(), last) {}
    while stack.poll_event().is_some() {}
}

/// A segment of client `n`; with data unless it opens.
fn segment(now: Now, n: u32, flags: Flags, peer: Option<&Peer>) -> Packet {
    let client = Ipv4Addr::from_bits(0x0a08_0000 + n / PER_ADDRESS);
    let payload: &[u8] = if flags.psh() { &PAYLOAD } else { &[] };
    let mut options = Options {
        timestamps: Some(Timestamps {
            val: (now.mono.since(Instant::ZERO).as_nanos() / 1_000_000) as u32,
            ecr: peer.map_or(0, |peer| peer.tsval),
        }),
        ..Options::default()
    };
    if flags.syn() {
        options.mss = Some(1_460);
        options.sack_permitted = true;
        options.window_scale = Some(WindowScale::new(7));
    }
    let header = Header {
        src_port: 20_000 + (n % PER_ADDRESS) as u16,
        dst_port: PORT,
        seq: peer.map_or(SeqNumber::new(1_000), |peer| peer.next),
        ack: peer.map_or(SeqNumber::default(), |peer| peer.acknowledges),
        flags,
        window: 10_000,
        urgent: 0,
        options,
    };
    let (src, dst) = (IpAddr::V4(client), IpAddr::V4(OURS));
    let ip = ip::Header {
        src,
        dst,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut bytes = BytesMut::zeroed(ip.len() + header.len());
    // The room is what they need.
    let _ = ip.emit(header.len() + payload.len(), &mut bytes);
    let _ = header.emit(&mut bytes[ip.len()..]);
    tcp::seal(src, dst, &mut bytes[ip.len()..], &[payload]);
    bytes.extend_from_slice(payload);
    Packet {
        bytes,
        arrived: now.mono,
        checksum: Checksum::Unverified,
    }
}

/// Resident memory. Units: bytes.
fn resident() -> anyhow::Result<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").context("statm")?;
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<i64>().ok());
    Ok(pages.context("statm")? * rustix::param::page_size() as i64)
}
