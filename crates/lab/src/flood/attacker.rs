//! The attacker: what it puts on the simulated link, and when.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use stack::{Duration, FourTuple, Instant};
use wire::option::{Options, Timestamps, WindowScale};
use wire::tcp::Flags;

use super::{ATTACK_BEGINS, ATTACK_ENDS};
use crate::forge::{Forged, forge};
use crate::glance::Glance;
use crate::rng::Rng;

/// What the attacker does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attack {
    /// SYNs to the listener. Nobody completes them.
    Syns(Sources),
    /// ACKs to the listener, each with a sequence number, an acknowledgment and mostly timestamps that are guessed.
    Acks,
    /// SYNs from one host to one port after the other; it resets what answers.
    Scan,
}

/// In whose name SYNs come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sources {
    /// Addresses drawn anew for each, out of some two thousand million.
    Everywhere,
    /// So many addresses, each in a /24 of its own.
    Few(u8),
    /// The first good client's own address.
    Client,
}

/// How many ports a scan goes through before it begins again.
const SCANNED_PORTS: u16 = 1_000;

/// A host that has no stack.
pub(super) struct Attacker {
    attack: Attack,
    between: Duration,
    server: SocketAddr,
    victim: IpAddr,
    rng: Rng,
    /// Segments sent.
    pub(super) sent: u64,
    due: Option<Instant>,
}

impl Attacker {
    /// An attacker that sends `per_s` segments a second to the listener at `server`.
    pub(super) fn new(attack: Attack, per_s: u32, server: SocketAddr, victim: IpAddr, seed: u64) -> Self {
        Self {
            attack,
            between: Duration::from_secs(1).part(u64::from(per_s)),
            server,
            victim,
            rng: Rng::fork(seed, "attacker"),
            sent: 0,
            due: Some(Instant::ZERO + ATTACK_BEGINS),
        }
    }

    /// When it sends next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What it sends now. `None`: such a segment cannot be.
    pub(super) fn send(&mut self, at: Instant) -> Option<Vec<u8>> {
        let next = at + self.between;
        self.due = Some(next).filter(|next| *next < Instant::ZERO + ATTACK_ENDS);
        let forged = self.forged();
        self.sent += 1;
        forge(&forged)
    }

    /// Whether what is sent to this address reaches it.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        matches!(self.attack, Attack::Scan) && address == few(0)
    }

    /// What it answers: a scan resets the half-open connection that it found.
    pub(super) fn answer(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let glance = Glance::of(packet).filter(|g| g.header.flags.syn() && g.header.flags.ack())?;
        self.sent += 1;
        forge(&Forged {
            tuple: glance.tuple.reversed(),
            flags: Flags::RST,
            seq: glance.header.ack.value(),
            ack: 0,
            window: 0,
            options: Options::default(),
            payload: 0,
        })
    }

    fn forged(&mut self) -> Forged {
        let (seq, ack) = (self.draw(), self.draw());
        let (source, port, flags) = match self.attack {
            Attack::Syns(Sources::Everywhere) => (self.anywhere(), self.server.port(), Flags::SYN),
            Attack::Syns(Sources::Few(n)) => {
                let which = self.rng.below(u64::from(n)) as u8;
                (few(which), self.server.port(), Flags::SYN)
            }
            Attack::Syns(Sources::Client) => (self.victim, self.server.port(), Flags::SYN),
            Attack::Acks => (self.anywhere(), self.server.port(), Flags::ACK),
            Attack::Scan => (few(0), 1 + (self.sent % u64::from(SCANNED_PORTS)) as u16, Flags::SYN),
        };
        // Below the ports that the good clients' stacks choose from: who spoofs one blindly hits the right port once in 16,384.
        let source_port = 1_024 + self.rng.below(48_000) as u16;
        Forged {
            tuple: FourTuple::new(
                SocketAddr::new(source, source_port),
                SocketAddr::new(self.server.ip(), port),
            ),
            flags,
            seq,
            ack: if flags.ack() { ack } else { 0 },
            window: 64_240,
            options: self.options(flags),
            payload: 0,
        }
    }

    /// As Linux writes them: such a SYN cannot be told from a good client's. One ACK in four claims that no timestamps were
    /// offered.
    fn options(&mut self, flags: Flags) -> Options {
        let timestamps = Timestamps {
            val: self.draw(),
            ecr: if flags.ack() { self.draw() } else { 0 },
        };
        if flags.ack() {
            return Options {
                timestamps: (self.rng.below(4) > 0).then_some(timestamps),
                ..Options::default()
            };
        }
        Options {
            mss: Some(1_460),
            window_scale: Some(WindowScale::new(7)),
            sack_permitted: true,
            timestamps: Some(timestamps),
            ..Options::default()
        }
    }

    /// An address out of 11.0.0.0 to 126.255.255.255, where no host of the simulation lives.
    fn anywhere(&mut self) -> IpAddr {
        let first = 11 + self.rng.below(116) as u8;
        let [_, a, b, c] = self.draw().to_be_bytes();
        Ipv4Addr::new(first, a, b, c).into()
    }

    fn draw(&mut self) -> u32 {
        self.rng.bits() as u32
    }
}

/// One of a few addresses.
fn few(which: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, which, 9).into()
}
