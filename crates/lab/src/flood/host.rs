//! A host of a flood: a real stack, and what is noted of what it does.

use bytes::{Bytes, BytesMut};
use stack::{Batch, Budget, Cause, Config, Fact, Full, Instant, Now, Observer, Secrets, Sink, Stack, Why};

use super::report::LevelChange;
use crate::rng::Rng;

/// Unix time at the beginning: eight seconds before the end of a cookie's epoch, so that one ends while the attack runs.
const UNIX_ORIGIN_S: u64 = 1_800_000_056;

/// The time as a stack is told it.
pub(super) fn now_of(at: Instant) -> Now {
    Now {
        mono: at,
        unix_s: UNIX_ORIGIN_S + at.as_nanos() / 1_000_000_000,
    }
}

/// A stack on the simulated link.
pub(super) struct Host {
    pub(super) stack: Stack<Watch>,
}

/// What is noted of what a stack says.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Why the last segment was sent.
    cause: Option<Cause>,
    /// Why something was last dropped.
    dropped: Option<Why>,
    /// SYNs that arrived, well-formed.
    pub(super) syns: u64,
    /// SYN-ACKs sent, again or for the first time.
    pub(super) syn_acks: u64,
    /// Whether SYNs are answered by cookies alone now.
    pub(super) is_stateless: bool,
    /// Changes of the flood level.
    pub(super) levels: Vec<LevelChange>,
}

impl Observer for Watch {
    fn observe(&mut self, at: Instant, fact: &Fact<'_>) {
        match *fact {
            Fact::Received { header, .. } => self.syns += u64::from(header.flags.syn() && !header.flags.ack()),
            Fact::Sent { cause, header, .. } => {
                self.cause = Some(cause);
                self.syn_acks += u64::from(header.flags.syn() && header.flags.ack());
            }
            Fact::Dropped { why, .. } => self.dropped = Some(why),
            Fact::SynCookies { on, .. } => self.is_stateless = on,
            Fact::Level { change, .. } => self.levels.push(LevelChange {
                at_ms: at.as_millis(),
                from: change.from,
                to: change.to,
                figures: change.figures.to_string(),
            }),
            _ => {}
        }
    }
}

/// Takes packets.
#[derive(Default)]
struct Outbox {
    packet: Option<Vec<u8>>,
}

impl Sink for Outbox {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: stack::io::Offload) -> Result<(), Full> {
        let mut packet = head.to_vec();
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.packet = Some(packet);
        Ok(())
    }
}

impl Host {
    /// A host whose chance comes from the seed and its name.
    pub(super) fn new(config: Config, seed: u64, name: &str) -> Self {
        let mut secrets = Secrets {
            master: [0; 32],
            public: Rng::fork(seed, &format!("public {name}")).bits(),
        };
        Rng::fork(seed, &format!("secret {name}")).fill(&mut secrets.master);
        Self {
            stack: Stack::new(config, secrets, Watch::default()),
        }
    }

    /// Takes a packet in. Says why it was dropped, if it was.
    pub(super) fn take(&mut self, at: Instant, packet: &[u8]) -> Option<Why> {
        let mut batch = Batch::new();
        batch.push(stack::Packet {
            bytes: BytesMut::from(packet),
            arrived: at,
            checksum: stack::io::Checksum::Unverified,
        });
        self.stack.observer_mut().dropped = None;
        self.stack.handle_packets(now_of(at), &mut batch);
        self.stack.observer_mut().dropped.take()
    }

    /// The next packet that it sends, and why it does.
    pub(super) fn give(&mut self, at: Instant) -> Option<(Vec<u8>, Option<Cause>)> {
        let mut outbox = Outbox::default();
        self.stack.poll_transmit(now_of(at), Budget { packets: 1 }, &mut outbox);
        let cause = self.stack.observer_mut().cause.take();
        outbox.packet.map(|packet| (packet, cause))
    }
}
