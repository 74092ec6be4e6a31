//! Two stacks, one flow between them, and a link in memory that copies each packet once.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use syndic_stack::*;

use crate::packet::Wire;

/// A sender and a receiver.
pub(crate) struct Pair {
    sender: Side,
    receiver: Side,
    /// What the sender sends, over and over.
    data: Bytes,
    now: Now,
    /// Packets for one turn of either side.
    budget: Budget,
    /// Bytes that the receiver's user has taken.
    pub(crate) received: u64,
}

struct Side {
    stack: Stack,
    id: ConnectionId,
    wire: Wire,
}

const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 7, 0, 1));
const RECEIVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 7, 0, 2));

impl Pair {
    /// A connection between two stacks of this configuration, its handshake done.
    pub(crate) fn new(config: &Config, budget: usize) -> Self {
        let stack = |address: IpAddr, byte: u8| {
            let config = Config {
                addresses: vec![address],
                ..config.clone()
            };
            let secrets = Secrets {
                master: [byte; 32],
                public: byte.into(),
            };
            Stack::new(config, secrets, ())
        };
        let (mut sender, mut receiver) = (stack(SENDER, 1), stack(RECEIVER, 2));
        let now = Now {
            mono: Instant::ZERO + Duration::from_secs(1),
            unix_s: 64_000,
        };
        let budget = Budget { packets: budget };
        let local = SocketAddr::new(RECEIVER, 80);
        let listener = receiver.listen(ListenOptions::new(local)).expect("the port is free");
        let connect = ConnectOptions {
            remote: local,
            local: None,
            connection: None,
        };
        let id = sender.connect(now, connect).expect("a port is free");
        let (mut there, mut back) = (Wire::default(), Wire::default());
        for _ in 0..2 {
            sender.poll_transmit(now, budget, &mut there);
            receiver.handle_packets(now, &mut there.batch);
            receiver.poll_transmit(now, budget, &mut back);
            sender.handle_packets(now, &mut back.batch);
        }
        let accepted = receiver.accept(now, listener).expect("it listens").expect("one waits");
        Self {
            sender: Side {
                stack: sender,
                id,
                wire: there,
            },
            receiver: Side {
                stack: receiver,
                id: accepted.id,
                wire: back,
            },
            data: (0..1 << 18).map(|n: u32| (n % 251) as u8).collect(),
            now,
            budget,
            received: 0,
        }
    }

    /// One turn each: the sender's user fills its buffer, what may leave crosses the link, the receiver's user takes it, and
    /// the acknowledgments come back. Time moves on by `step`.
    pub(crate) fn turn(&mut self, step: Duration) {
        self.now.mono += step;
        let now = self.now;
        let Self { sender, receiver, .. } = self;
        while let Ok(1..) = sender.stack.send(now, sender.id, &mut self.data.clone()) {}
        sender.transmit(now, self.budget);
        receiver.stack.handle_packets(now, &mut sender.wire.batch);
        while receiver.stack.poll_event().is_some() {}
        while let Ok(Received::Data(bytes)) = receiver.stack.receive(now, receiver.id, usize::MAX) {
            self.received += bytes.len() as u64;
        }
        receiver.transmit(now, self.budget);
        sender.stack.handle_packets(now, &mut receiver.wire.batch);
        while sender.stack.poll_event().is_some() {}
    }

    /// Turns until so many more bytes have been received.
    pub(crate) fn transfer(&mut self, bytes: u64, step: Duration) {
        let end = self.received + bytes;
        let mut idle = 0;
        while self.received < end {
            let before = self.received;
            self.turn(step);
            idle = if self.received == before { idle + 1 } else { 0 };
            assert!(idle < 100_000, "the transfer stands still at {before}");
        }
    }

    /// What the sender knows of the connection.
    pub(crate) fn status(&self) -> Status {
        self.sender.stack.status(self.now, self.sender.id).expect("held")
    }

    /// Segments that the sender and the receiver have sent.
    pub(crate) fn segments(&self) -> (u64, u64) {
        let [sent, answered] = [&self.sender, &self.receiver].map(|side| side.stack.counters().segments_out);
        (sent, answered)
    }
}

impl Side {
    fn transmit(&mut self, now: Now, budget: Budget) {
        if self.stack.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.stack.handle_timeout(now);
        }
        self.wire.now = now.mono;
        self.stack.poll_transmit(now, budget, &mut self.wire);
    }
}
