//! One stack, and any number of peers with a connection each, whose packets are written here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use syndic_stack::*;
use wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use crate::packet::{Last, packet};

/// The stack's address.
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2));
/// Every peer's initial sequence number.
const ISN: u32 = 1000;

/// A stack with established connections.
pub(crate) struct Crowd {
    pub(crate) stack: Stack,
    pub(crate) now: Now,
    /// The connections, in the order of their peers.
    pub(crate) ids: Vec<ConnectionId>,
    /// What the stack sends goes here.
    pub(crate) out: Last,
    peers: Vec<Peer>,
}

/// What a peer knows.
#[derive(Clone, Copy)]
struct Peer {
    /// Its SND.NXT.
    seq: SeqNumber,
    /// Its RCV.NXT.
    ack: SeqNumber,
    /// The last TSval that it saw.
    tsval: u32,
}

/// Where peer `n` is.
fn remote(n: u32) -> SocketAddr {
    let [_, high, middle, low] = (n >> 14).to_be_bytes();
    SocketAddr::new([10, 8 + high, middle, low].into(), 20_000 + (n & 0x3fff) as u16)
}

impl Crowd {
    /// As many established connections, accepted by the stack's user.
    pub(crate) fn new(n: u32, mut config: Config) -> Self {
        config.addresses = vec![OURS];
        config.flood = FloodOptions::unlimited();
        config.limits.connections = n as usize;
        let secrets = Secrets {
            master: [7; 32],
            public: 7,
        };
        let mut stack = Stack::new(config, secrets, ());
        let options = ListenOptions {
            syn_cookies: SynCookies::Never,
            connection: stack.config().connection,
            ..ListenOptions::new(SocketAddr::new(OURS, 80))
        };
        let listener = stack.listen(options).expect("the port is free");
        let mut crowd = Self {
            stack,
            now: Now {
                mono: Instant::ZERO + Duration::from_secs(1),
                unix_s: 64_000,
            },
            ids: Vec::with_capacity(n as usize),
            out: Last::default(),
            peers: Vec::with_capacity(n as usize),
        };
        for i in 0..n {
            crowd.open(i, listener);
        }
        crowd
    }

    fn open(&mut self, i: u32, listener: ListenerId) {
        let seq = SeqNumber::new(ISN);
        self.peers.push(Peer {
            seq,
            ack: SeqNumber::default(),
            tsval: 0,
        });
        let syn = self.segment(i, Flags::SYN, seq, SackBlocks::default(), &[]);
        self.hand_in([syn]);
        let answer = self.out.header.expect("a SYN-ACK");
        let peer = self.peers.last_mut().expect("it was pushed");
        *peer = Peer {
            seq: seq + 1,
            ack: answer.seq + 1,
            tsval: answer.options.timestamps.map_or(0, |option| option.val),
        };
        let ack = self.ack(i);
        self.hand_in([ack]);
        let accepted = self.stack.accept(self.now, listener).expect("it listens");
        self.ids.push(accepted.expect("one waits").id);
        while self.stack.poll_event().is_some() {}
    }

    /// Peer `i` acknowledges what it has, and says nothing else.
    pub(crate) fn ack(&self, i: u32) -> Packet {
        self.segment(i, Flags::ACK, self.peer(i).seq, SackBlocks::default(), &[])
    }

    /// Peer `i` sends text that is next, and has no more for now.
    pub(crate) fn text(&mut self, i: u32, text: &[u8]) -> Packet {
        self.next_text(i, Flags::ACK | Flags::PSH, text)
    }

    /// Peer `i` sends text that is next, and goes on.
    pub(crate) fn stream(&mut self, i: u32, text: &[u8]) -> Packet {
        self.next_text(i, Flags::ACK, text)
    }

    fn next_text(&mut self, i: u32, flags: Flags, text: &[u8]) -> Packet {
        let seq = self.peer(i).seq;
        self.peers[i as usize].seq += text.len() as u32;
        self.segment(i, flags, seq, SackBlocks::default(), text)
    }

    /// Peer `i` sends text so far beyond what is next, which stays what is next.
    pub(crate) fn text_at(&self, i: u32, offset: u32, text: &[u8]) -> Packet {
        self.segment(i, Flags::ACK, self.peer(i).seq + offset, SackBlocks::default(), text)
    }

    /// Peer `i` has these blocks beyond a hole, counted from what it expects next.
    pub(crate) fn sack(&self, i: u32, blocks: &[(u32, u32)]) -> Packet {
        let next = self.peer(i).ack;
        let mut sack = SackBlocks::default();
        for &(from, to) in blocks {
            sack.push(next + from, next + to);
        }
        self.segment(i, Flags::ACK, self.peer(i).seq, sack, &[])
    }

    /// Peer `i` has received so many bytes more.
    pub(crate) fn received(&mut self, i: u32, bytes: u32) {
        self.peers[i as usize].ack += bytes;
    }

    /// Hands packets in and lets the stack answer.
    pub(crate) fn hand_in(&mut self, packets: impl IntoIterator<Item = Packet>) {
        let mut batch = Batch::new();
        packets.into_iter().for_each(|packet| batch.push(packet));
        self.stack.handle_packets(self.now, &mut batch);
        self.transmit();
    }

    /// The stack sends what it has.
    pub(crate) fn transmit(&mut self) {
        while self.stack.poll_transmit(self.now, Budget::default(), &mut self.out) {}
    }

    fn peer(&self, i: u32) -> Peer {
        self.peers[i as usize]
    }

    fn segment(&self, i: u32, flags: Flags, seq: SeqNumber, sack: SackBlocks, text: &[u8]) -> Packet {
        let (peer, from) = (self.peer(i), remote(i));
        let is_syn = flags.syn();
        let header = Header {
            src_port: from.port(),
            dst_port: 80,
            seq,
            ack: if is_syn { SeqNumber::default() } else { peer.ack },
            flags,
            window: 64_000,
            urgent: 0,
            options: Options {
                mss: is_syn.then_some(1460),
                window_scale: is_syn.then(|| WindowScale::new(7)),
                sack_permitted: is_syn,
                timestamps: Some(Timestamps {
                    val: self.now.mono.as_millis() as u32,
                    ecr: peer.tsval,
                }),
                sack,
                ..Options::default()
            },
        };
        packet(from.ip(), OURS, &header, text)
    }
}
