//! The body of the fuzz target `reassembly`: segments of one stream in any order, overlapping as the input likes, whole or as IP
//! fragments, against a plain model: a flag for each byte.

use std::net::{IpAddr, SocketAddr};

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::*;
use wire::checksum::Sum;
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};
use wire::{ip, tcp};

use crate::bytes::Choices;

/// Bytes of the stream: fewer than the window.
const STREAM: usize = 6_000;
/// Steps: fewer than islands or datagrams there may be, so that nothing is ever given up.
const STEPS: usize = 60;

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 7, 0, 2));
const REMOTE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 7, 0, 1));

/// Keeps what the stack sent last.
#[derive(Default)]
struct Last(Option<Header>);

impl Sink for Last {
    fn send(&mut self, head: &[u8], _: &[Bytes], _: Offload) -> Result<(), Full> {
        self.0 = head
            .get(20..)
            .and_then(|segment| Header::parse(segment).ok())
            .map(|(header, _)| header);
        Ok(())
    }
}

/// A segment that is on its way in pieces.
struct Pieces {
    packets: Vec<Vec<u8>>,
    start: usize,
    len: usize,
    fin: bool,
}

struct World {
    stack: Stack,
    /// Once it is open.
    id: Option<ConnectionId>,
    now: Instant,
    /// The peer's next number at the beginning of the stream, and what it has heard of ours.
    isn: SeqNumber,
    ack: SeqNumber,
    here: [bool; STREAM],
    fin: bool,
    read: usize,
    pieces: Vec<Pieces>,
    idents: u16,
}

/// The byte at this place of the stream.
fn byte(at: usize) -> u8 {
    (at * 11 + at / 200) as u8
}

/// Plays the input against a new stack with an open connection.
///
/// Panics when anything is wrong.
pub(crate) fn run(data: &[u8]) {
    let mut input = Choices(data);
    // The stream goes round the number space in half of the inputs.
    let isn = SeqNumber::new(if input.byte() & 1 == 0 { 1_000 } else { u32::MAX - 3_000 });
    let mut world = World::open(isn);
    for _ in 0..STEPS {
        if input.0.is_empty() {
            break;
        }
        world.step(&mut input);
        world.look();
    }
    // What is missing comes now, and the stream is whole.
    world.arrive(0, STREAM / 2, false);
    world.look();
    world.arrive(STREAM / 2, STREAM - STREAM / 2, true);
    world.look();
    world.receive(usize::MAX);
    assert_eq!(world.read, STREAM);
    let now = world.clock();
    assert_eq!(world.stack.receive(now, world.id(), 1), Ok(Received::Finished));
}

impl World {
    fn open(isn: SeqNumber) -> Self {
        let config = Config {
            addresses: vec![LOCAL],
            timestamps: false,
            ..Config::default()
        };
        let secrets = Secrets {
            master: [3; 32],
            public: 0,
        };
        let mut stack = Stack::new(config, secrets, ());
        let listener = stack
            .listen(ListenOptions::new(SocketAddr::new(LOCAL, 80)))
            .expect("the port is free");
        let mut world = Self {
            stack,
            id: None,
            now: Instant::ZERO + Duration::from_secs(1),
            isn,
            ack: SeqNumber::default(),
            here: [false; STREAM],
            fin: false,
            read: 0,
            pieces: Vec::new(),
            idents: 0,
        };
        let syn = Options {
            mss: Some(1460),
            sack_permitted: true,
            ..Options::default()
        };
        world.inject(&world.packet(isn - 1, Flags::SYN, syn, &[]));
        let answer = world.flush().expect("a SYN-ACK");
        world.ack = answer.seq + 1;
        world.inject(&world.packet(isn, Flags::ACK, Options::default(), &[]));
        let now = world.clock();
        world.id = world
            .stack
            .accept(now, listener)
            .expect("it listens")
            .map(|accepted| accepted.id);
        world
    }

    fn id(&self) -> ConnectionId {
        self.id.expect("it is open")
    }

    fn clock(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: 0,
        }
    }

    fn step(&mut self, input: &mut Choices<'_>) {
        let what = input.byte();
        let start = input.short() % STREAM;
        let len = ((input.short() % 1_400) >> (what >> 6)).min(STREAM - start);
        match what % 8 {
            0..=2 => self.arrive(start, len, what & 8 != 0),
            3 | 4 => self.cut(start, len, what & 8 != 0, input),
            5 | 6 => self.piece(input),
            _ => self.receive(start),
        }
    }

    /// A whole segment arrives. Its FIN counts only where the stream ends.
    fn arrive(&mut self, start: usize, len: usize, fin: bool) {
        let packet = self.segment(start, len, fin);
        self.inject(&packet);
        self.note(start, len, fin);
    }

    fn note(&mut self, start: usize, len: usize, fin: bool) {
        self.here[start..start + len].fill(true);
        // One that lies beyond a hole is remembered.
        self.fin |= fin && start + len == STREAM;
    }

    /// A segment sets out in pieces.
    fn cut(&mut self, start: usize, len: usize, fin: bool, input: &mut Choices<'_>) {
        let packet = self.segment(start, len, fin);
        self.idents += 1;
        let mut packets = Vec::new();
        let body = &packet[20..];
        let mut at = 0;
        while at < body.len() {
            let size = (input.below(60) + 1) * 8;
            let end = (at + size).min(body.len());
            packets.push(fragment(&packet, self.idents, at, &body[at..end], end < body.len()));
            at = end;
        }
        self.pieces.push(Pieces {
            packets,
            start,
            len,
            fin,
        });
    }

    /// Some piece of some segment arrives, perhaps twice; the last one makes the segment whole.
    fn piece(&mut self, input: &mut Choices<'_>) {
        if self.pieces.is_empty() {
            return;
        }
        let which = input.below(self.pieces.len());
        let pieces = &mut self.pieces[which];
        let packet = pieces.packets.swap_remove(input.below(pieces.packets.len()));
        let is_whole = pieces.packets.is_empty();
        if !is_whole && input.byte() & 3 == 0 {
            self.inject(&packet);
        }
        self.inject(&packet);
        if is_whole {
            let Pieces { start, len, fin, .. } = self.pieces.swap_remove(which);
            self.note(start, len, fin);
        }
    }

    /// The user reads, and gets exactly what is in order.
    fn receive(&mut self, most: usize) {
        let now = self.clock();
        let next = self.next();
        let mut left = most.min(next - self.read);
        while left > 0 {
            let Ok(Received::Data(data)) = self.stack.receive(now, self.id(), left) else {
                panic!("{left} bytes at {} are not there", self.read);
            };
            let right = (self.read..self.read + data.len()).map(byte);
            assert!(data.iter().copied().eq(right), "other bytes at {}", self.read);
            self.read += data.len();
            left -= data.len();
        }
        self.flush();
    }

    /// Where the first hole begins.
    fn next(&self) -> usize {
        self.here.iter().position(|here| !here).unwrap_or(STREAM)
    }

    /// What is acknowledged, held and reported is what has come.
    fn look(&mut self) {
        let now = self.clock();
        let last = self.flush();
        let next = self.next();
        let status = self.stack.status(now, self.id()).expect("held");
        let fin = u32::from(self.fin && next == STREAM);
        assert_eq!(status.rcv_nxt.since(self.isn), next as u32 + fin, "{status:?}");
        assert_eq!(status.receive_queue, next - self.read, "{status:?}");
        let islands = self.here[next..]
            .windows(2)
            .filter(|pair| *pair == [false, true])
            .count();
        assert_eq!(status.islands, islands, "{status:?}");
        let Some(header) = last else { return };
        let mut blocks = header.options.sack.as_slice();
        if let [(left, right), rest @ ..] = blocks
            && (right.at_or_before(header.ack)
                || rest
                    .first()
                    .is_some_and(|&(l, r)| l.at_or_before(*left) && r.at_or_after(*right)))
        {
            // It tells of something that came twice (RFC 2883), and takes the place of an island.
            let (from, to) = (left.since(self.isn) as usize, right.since(self.isn) as usize);
            assert!(
                from < to && self.here[from..to.min(STREAM)].iter().all(|here| *here),
                "{from} to {to}"
            );
            blocks = rest;
            assert_eq!(blocks.len(), islands.min(3), "{header:?}");
        } else {
            assert_eq!(blocks.len(), islands.min(4), "{header:?}");
        }
        for &(left, right) in blocks {
            let (from, to) = (left.since(self.isn) as usize, right.since(self.isn) as usize);
            assert!(
                from > next && self.here[from..to].iter().all(|here| *here),
                "{from} to {to}"
            );
            assert!(
                !self.here[from - 1] && !self.here.get(to).is_some_and(|here| *here),
                "{from} to {to}"
            );
        }
    }

    fn inject(&mut self, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(packet),
            arrived: self.now,
            checksum: Checksum::Unverified,
        });
        let now = self.clock();
        self.stack.handle_packets(now, &mut batch);
    }

    /// Takes out what the stack sends; the last of it.
    fn flush(&mut self) -> Option<Header> {
        let mut last = Last::default();
        let now = self.clock();
        while self.stack.poll_transmit(now, Budget::default(), &mut last) {}
        last.0
    }

    fn segment(&self, start: usize, len: usize, fin: bool) -> Vec<u8> {
        let text: Vec<u8> = (start..start + len).map(byte).collect();
        let flags = if fin && start + len == STREAM {
            Flags::ACK | Flags::FIN
        } else {
            Flags::ACK
        };
        self.packet(self.isn + start as u32, flags, Options::default(), &text)
    }

    fn packet(&self, seq: SeqNumber, flags: Flags, options: Options, text: &[u8]) -> Vec<u8> {
        let header = Header {
            src_port: 1000,
            dst_port: 80,
            seq,
            ack: if flags.ack() { self.ack } else { SeqNumber::default() },
            flags,
            window: 60_000,
            urgent: 0,
            options,
        };
        let mut body = vec![0; header.len()];
        header.emit(&mut body).expect("there is room");
        tcp::seal(REMOTE, LOCAL, &mut body, &[text]);
        body.extend_from_slice(text);
        let header = ip::Header {
            src: REMOTE,
            dst: LOCAL,
            protocol: ip::TCP,
            hop_limit: 64,
            dscp: wire::ip::Dscp::default(),
            ecn: ip::Ecn::NotEct,
        };
        let mut packet = vec![0; header.len()];
        header.emit(body.len(), &mut packet).expect("it fits");
        packet.extend_from_slice(&body);
        packet
    }
}

/// A piece of an IPv4 packet.
fn fragment(whole: &[u8], ident: u16, offset: usize, piece: &[u8], more: bool) -> Vec<u8> {
    let mut packet = whole[..20].to_vec();
    packet[2..4].copy_from_slice(&(20 + piece.len() as u16).to_be_bytes());
    packet[4..6].copy_from_slice(&ident.to_be_bytes());
    let field = (offset / 8) as u16 | u16::from(more) << 13;
    packet[6..8].copy_from_slice(&field.to_be_bytes());
    packet[10..12].fill(0);
    let mut sum = Sum::new();
    sum.add(&packet);
    let checksum = sum.finish();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend_from_slice(piece);
    packet
}
