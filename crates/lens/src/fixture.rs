//! Packets built by hand, for the tests of this crate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use stack::{Duration, Instant, State};
use wire::ip;
use wire::option::{Options, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header, seal};

use crate::record::{Fate, Host, HostKind, Mark, Record, Trace};

/// Two ends and their initial sequence numbers; sequence and acknowledgment numbers below count from those.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) left: SocketAddr,
    pub(crate) right: SocketAddr,
    pub(crate) left_isn: u32,
    pub(crate) right_isn: u32,
}

pub(crate) const V4: Ends = Ends {
    left: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 7, 0, 1)), 40001),
    right: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2)), 80),
    left_isn: 2_837_462_001,
    right_isn: 4_294_967_200,
};

pub(crate) const V6: Ends = Ends {
    left: SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd00, 7, 0, 0, 0, 0, 0, 1)), 40001),
    right: SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd00, 7, 0, 0, 0, 0, 0, 2)), 80),
    left_isn: 7,
    right_isn: 9,
};

/// `SFRPAUEC` as flags.
fn flags(letters: &str) -> Flags {
    letters.chars().fold(Flags::NONE, |flags, letter| {
        flags
            | match letter {
                'S' => Flags::SYN,
                'F' => Flags::FIN,
                'R' => Flags::RST,
                'P' => Flags::PSH,
                'A' => Flags::ACK,
                'U' => Flags::URG,
                'E' => Flags::ECE,
                'C' => Flags::CWR,
                other => panic!("no flag {other}"),
            }
    })
}

impl Ends {
    /// A segment from left to right.
    pub(crate) fn left(&self, letters: &str, seq: u32, ack: u32, payload: usize) -> Vec<u8> {
        self.segment(true, letters, seq, ack, payload)
    }

    /// A segment from right to left.
    pub(crate) fn right(&self, letters: &str, seq: u32, ack: u32, payload: usize) -> Vec<u8> {
        self.segment(false, letters, seq, ack, payload)
    }

    fn segment(&self, from_left: bool, letters: &str, seq: u32, ack: u32, payload: usize) -> Vec<u8> {
        let flags = flags(letters);
        let syn = Options {
            mss: Some(1460),
            window_scale: Some(WindowScale::new(7)),
            sack_permitted: true,
            timestamps: Some(Timestamps { val: 1000, ecr: 0 }),
            ..Options::default()
        };
        self.emit(from_left, seq, ack, payload, |header| {
            header.flags = flags;
            header.window = if flags.syn() { 64240 } else { 502 };
            header.options = if flags.syn() { syn } else { Options::default() };
        })
    }

    /// A segment as `change` makes it.
    pub(crate) fn emit(
        &self,
        from_left: bool,
        seq: u32,
        ack: u32,
        payload: usize,
        change: impl FnOnce(&mut Header),
    ) -> Vec<u8> {
        let (src, dst, isn, peer_isn) = if from_left {
            (self.left, self.right, self.left_isn, self.right_isn)
        } else {
            (self.right, self.left, self.right_isn, self.left_isn)
        };
        let mut header = Header {
            src_port: src.port(),
            dst_port: dst.port(),
            seq: SeqNumber::new(isn) + seq,
            ack: SeqNumber::new(peer_isn) + ack,
            flags: Flags::ACK,
            window: 502,
            urgent: 0,
            options: Options::default(),
        };
        change(&mut header);
        if !header.flags.ack() {
            header.ack = SeqNumber::new(0);
        }
        let mut segment = vec![0; header.len()];
        header.emit(&mut segment).unwrap();
        segment.extend((0..payload).map(|i| b'a' + (i % 26) as u8));
        seal(src.ip(), dst.ip(), &mut segment, &[] as &[&[u8]]);
        let ip = ip::Header {
            src: src.ip(),
            dst: dst.ip(),
            protocol: ip::TCP,
            hop_limit: 64,
            dscp: wire::ip::Dscp::default(),
            ecn: ip::Ecn::NotEct,
        };
        let mut packet = vec![0; ip.len()];
        ip.emit(segment.len(), &mut packet).unwrap();
        packet.extend(segment);
        packet
    }
}

/// A trace that grows packet by packet. Times in ms; every packet takes `delay` ms.
pub(crate) struct Scene {
    pub(crate) ends: Ends,
    pub(crate) delay: u64,
    pub(crate) trace: Trace,
}

impl Scene {
    pub(crate) fn new(title: &str, ends: Ends) -> Self {
        let trace = Trace {
            title: title.to_owned(),
            hosts: vec![
                Host::new("client", HostKind::Linux, vec![ends.left.ip()]),
                Host::new("server", HostKind::Syndic, vec![ends.right.ip()]),
            ],
            ..Trace::default()
        };
        Self { ends, delay: 0, trace }
    }

    /// Left sends.
    pub(crate) fn left(&mut self, ms: u64, letters: &str, seq: u32, ack: u32, payload: usize) -> &mut Record {
        let bytes = self.ends.left(letters, seq, ack, payload);
        self.push(ms, 0, bytes)
    }

    /// Right sends.
    pub(crate) fn right(&mut self, ms: u64, letters: &str, seq: u32, ack: u32, payload: usize) -> &mut Record {
        let bytes = self.ends.right(letters, seq, ack, payload);
        self.push(ms, 1, bytes)
    }

    pub(crate) fn push(&mut self, ms: u64, from: usize, bytes: Vec<u8>) -> &mut Record {
        let sent = Instant::ZERO + Duration::from_millis(ms);
        let arrived = sent + Duration::from_millis(self.delay);
        self.trace
            .records
            .push(Record::new(sent, Some(arrived), from, 1 - from, bytes));
        self.trace.records.last_mut().unwrap()
    }

    pub(crate) fn mark(&mut self, ms: u64, host: usize, text: &str, state: Option<State>) {
        self.trace.marks.push(Mark {
            at: Instant::ZERO + Duration::from_millis(ms),
            host,
            connection: None,
            text: text.to_owned(),
            state,
        });
    }

    /// The three steps of the handshake, all at `ms`.
    pub(crate) fn open(&mut self, ms: u64) {
        self.left(ms, "S", 0, 0, 0);
        self.right(ms + self.delay, "SA", 0, 1, 0);
        self.left(ms + 2 * self.delay, "A", 1, 1, 0);
    }
}

impl Record {
    /// The link loses it.
    pub(crate) fn lost(&mut self) -> &mut Self {
        self.fate = Fate::Lost;
        self.arrived = None;
        self
    }

    /// What both ends are in afterwards.
    pub(crate) fn states(&mut self, sender: State, receiver: State) -> &mut Self {
        self.sender_state = Some(sender);
        self.receiver_state = Some(receiver);
        self
    }
}
