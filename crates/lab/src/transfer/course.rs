//! The loop: whatever comes next happens, until the receiver has everything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use stack::{
    Batch, Budget, Config, ConnectOptions, ConnectionId, Duration, Event, Full, Instant, ListenOptions, Now, Packet,
    Received, Secrets, Sink, Stack,
};

use super::{PATIENCE, Report, SAMPLE_EVERY, Sample, Transfer};
use crate::link::{Link, Loss};
use crate::rng::Rng;

const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const RECEIVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PORT: u16 = 9;

/// The stream is this long block again and again; a prime, so that no power of two hides a shift. Units: bytes.
const BLOCK: usize = 65_521;

/// Unix time at the beginning.
const UNIX_ORIGIN_S: u64 = 1_800_000_000;

/// Which end, and the direction that begins there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Sender = 0,
    Receiver = 1,
}

impl Side {
    const BOTH: [Self; 2] = [Self::Sender, Self::Receiver];

    const fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

/// Everything that there is.
pub(super) struct Course {
    now: Instant,
    /// By [`Side`].
    stacks: [Stack; 2],
    timers: [Option<Instant>; 2],
    links: [Link<BytesMut>; 2],
    block: Bytes,
    bytes: u64,
    sending: Option<ConnectionId>,
    receiving: Option<ConnectionId>,
    /// What the sender's stack has taken, and what the receiver has read.
    said: u64,
    heard: u64,
    is_changed: bool,
    lost: u64,
    queue_full: u64,
    samples: Vec<Sample>,
    /// Retransmissions up to the last sample.
    sampled: u64,
}

/// What a stack sends in one go.
#[derive(Default)]
struct Outbox(Vec<BytesMut>);

impl Sink for Outbox {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: stack::io::Offload) -> Result<(), Full> {
        let mut packet = BytesMut::from(head);
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.0.push(packet);
        Ok(())
    }
}

impl Course {
    pub(super) fn new(transfer: &Transfer, seed: u64) -> Self {
        let stack = |address, name: &str| {
            let config = Config {
                addresses: vec![address],
                connection: transfer.connection,
                ..Config::default()
            };
            let mut secrets = Secrets {
                master: [0; 32],
                public: Rng::fork(seed, &format!("public {name}")).bits(),
            };
            Rng::fork(seed, &format!("secret {name}")).fill(&mut secrets.master);
            Stack::new(config, secrets, ())
        };
        let mut block = vec![0; BLOCK];
        Rng::fork(seed, "stream").fill(&mut block);
        let link = |name| Link::new(transfer.path, Vec::new(), Rng::fork(seed, name));
        let mut course = Self {
            now: Instant::ZERO,
            stacks: [stack(SENDER, "sender"), stack(RECEIVER, "receiver")],
            timers: [None; 2],
            links: [link("there"), link("back")],
            block: block.into(),
            bytes: transfer.bytes,
            sending: None,
            receiving: None,
            said: 0,
            heard: 0,
            is_changed: false,
            lost: 0,
            queue_full: 0,
            samples: Vec::new(),
            sampled: 0,
        };
        course.open(transfer);
        course
    }

    fn open(&mut self, transfer: &Transfer) {
        let remote = SocketAddr::new(RECEIVER, PORT);
        let now = self.time();
        let [sender, receiver] = &mut self.stacks;
        let listens = receiver.listen(ListenOptions {
            connection: transfer.connection,
            ..ListenOptions::new(remote)
        });
        debug_assert!(listens.is_ok(), "a new stack has room for a listener");
        let options = ConnectOptions {
            remote,
            local: None,
            connection: None,
        };
        self.sending = sender.connect(now, options).ok();
        Side::BOTH.into_iter().for_each(|side| self.settle(side));
    }

    /// Plays it to its end.
    pub(super) fn play(mut self, seed: u64) -> Report {
        let end = Instant::ZERO + PATIENCE;
        let mut samples_at = Instant::ZERO + SAMPLE_EVERY;
        while self.heard < self.bytes
            && let Some(next) = self.next().filter(|next| *next <= end)
        {
            while samples_at <= next {
                self.now = self.now.max(samples_at);
                self.sample();
                samples_at += SAMPLE_EVERY;
            }
            self.now = self.now.max(next);
            self.happen();
        }
        let took = if self.heard < self.bytes {
            PATIENCE
        } else {
            self.now.since(Instant::ZERO)
        };
        let counters = self.stacks[0].counters();
        Report {
            seed,
            bytes: self.heard,
            took_us: took.as_micros(),
            is_whole: self.heard == self.bytes && !self.is_changed,
            segments: counters.segments_out,
            retransmissions: counters.retransmissions,
            timeouts: counters.timeouts,
            lost: self.lost,
            queue_full: self.queue_full,
            samples: self.samples,
        }
    }

    fn time(&self) -> Now {
        Now {
            mono: self.now,
            unix_s: UNIX_ORIGIN_S + self.now.as_nanos() / 1_000_000_000,
        }
    }

    fn next(&self) -> Option<Instant> {
        let arrivals = self.links.iter().filter_map(Link::next);
        arrivals.chain(self.timers.iter().copied().flatten()).min()
    }

    /// The first of the things that are due: packets before timers.
    fn happen(&mut self) {
        for side in Side::BOTH {
            if let Some(arrival) = self.links[side as usize].pop(self.now) {
                let mut batch = Batch::new();
                batch.push(Packet {
                    bytes: arrival.packet,
                    arrived: self.now,
                    checksum: stack::io::Checksum::Unverified,
                });
                let now = self.time();
                self.stacks[side.other() as usize].handle_packets(now, &mut batch);
                return self.settle(side.other());
            }
        }
        for side in Side::BOTH {
            if self.timers[side as usize].is_some_and(|timer| timer <= self.now) {
                let now = self.time();
                self.stacks[side as usize].handle_timeout(now);
                return self.settle(side);
            }
        }
    }

    /// Lets users act and packets leave until a stack has nothing more to do now.
    fn settle(&mut self, side: Side) {
        loop {
            while let Some(event) = self.stacks[side as usize].poll_event() {
                self.act(side, event);
            }
            if side == Side::Sender {
                self.speak();
            }
            let now = self.time();
            let mut outbox = Outbox::default();
            let more = self.stacks[side as usize].poll_transmit(now, Budget::default(), &mut outbox);
            let is_quiet = outbox.0.is_empty() && !more;
            outbox.0.into_iter().for_each(|packet| self.carry(side, packet));
            if is_quiet {
                break;
            }
        }
        self.timers[side as usize] = self.stacks[side as usize].poll_timeout();
    }

    fn carry(&mut self, side: Side, packet: BytesMut) {
        match self.links[side as usize].push(self.now, packet).lost {
            Some(Loss::QueueFull) => self.queue_full += 1,
            Some(_) => self.lost += 1,
            None => {}
        }
    }

    fn act(&mut self, side: Side, event: Event) {
        let now = self.time();
        let stack = &mut self.stacks[side as usize];
        match (side, event) {
            (Side::Receiver, Event::Acceptable(listener)) => {
                if let Ok(Some(accepted)) = stack.accept(now, listener) {
                    self.receiving = Some(accepted.id);
                    self.listen(accepted.id);
                }
            }
            (Side::Receiver, Event::Connection(id, _)) if self.receiving == Some(id) => self.listen(id),
            _ => {}
        }
    }

    /// The sender's user says as much as the stack takes.
    fn speak(&mut self) {
        let Some(id) = self.sending else { return };
        let now = self.time();
        while self.said < self.bytes {
            let from = (self.said % BLOCK as u64) as usize;
            let mut piece = self.block.slice(from..);
            piece.truncate(usize::try_from(self.bytes - self.said).unwrap_or(usize::MAX));
            match self.stacks[0].send(now, id, &mut piece) {
                Ok(taken @ 1..) => self.said += taken as u64,
                // No room yet, or not open yet; or it is over, and the report says so.
                _ => return,
            }
        }
    }

    /// The receiver's user reads what there is.
    fn listen(&mut self, id: ConnectionId) {
        let now = self.time();
        while let Ok(Received::Data(bytes)) = self.stacks[1].receive(now, id, BLOCK) {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let expected = &self.block[(self.heard % BLOCK as u64) as usize..];
                let length = expected.len().min(rest.len());
                self.is_changed |= expected[..length] != rest[..length];
                rest = &rest[length..];
                self.heard += length as u64;
            }
        }
    }

    fn sample(&mut self) {
        let now = self.time();
        let retransmissions = self.stacks[0].counters().retransmissions;
        let status = self.sending.and_then(|id| self.stacks[0].status(now, id).ok());
        let again = retransmissions - self.sampled;
        self.sampled = retransmissions;
        self.samples.push(status.map_or_else(Sample::default, |status| Sample {
            cwnd: status.cwnd,
            in_flight: status.snd_nxt.since(status.snd_una),
            srtt_us: status.srtt.unwrap_or(Duration::ZERO).as_micros(),
            queue: self.links[0].waiting(self.now),
            retransmissions: again,
        }));
    }
}
