//! The stack that a script is about, its time, and the record of what crosses its link.

use std::collections::VecDeque;
use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use lens::{Host, HostKind, Mark, Record, Segment, Trace};
use stack::{
    Batch, Budget, Cause, Config, Duration, Fact, FourTuple, Full, Instant, Now, Observer, Secrets, Sink, Stack, Why,
};

/// Unix time at the beginning of a script: any fixed point would do.
const UNIX_ORIGIN_S: u64 = 1_800_000_000;
/// The stack's clock when a script begins. Not zero, so that a time before it can be told.
const ORIGIN: Duration = Duration::from_secs(1_000);
/// Where the two ends stand in the trace.
const PEER: usize = 0;
const STACK: usize = 1;

/// A packet that the stack has sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// Units: microseconds since the script began.
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

/// The stack and its surroundings.
pub(super) struct Machine {
    /// Units: microseconds since the script began.
    pub(super) now: u64,
    pub(super) stack: Stack<Watch>,
    /// What was sent and not looked at yet.
    pub(super) outbox: VecDeque<Sent>,
    trace: Trace,
    /// What has happened at this very microsecond: each thing gets a nanosecond of its own in the trace, to keep its order.
    happened: u64,
}

/// The last of what the stack said of its packets.
#[derive(Debug, Default)]
pub(super) struct Watch {
    cause: Option<Cause>,
    dropped: Option<Why>,
}

impl Observer for Watch {
    fn observe(&mut self, _at: Instant, fact: &Fact<'_>) {
        match *fact {
            Fact::Sent { cause, .. } => self.cause = Some(cause),
            Fact::Dropped { why, .. } => self.dropped = Some(why),
            _ => {}
        }
    }
}

/// Takes one packet at a time.
#[derive(Default)]
struct Outlet(Option<Vec<u8>>);

impl Sink for Outlet {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: stack::io::Offload) -> Result<(), Full> {
        let mut packet = head.to_vec();
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.0 = Some(packet);
        Ok(())
    }
}

impl Machine {
    pub(super) fn new(config: Config, local: IpAddr, remote: IpAddr) -> Self {
        // Any fixed secret: a script must give the same bytes each time.
        let secrets = Secrets {
            master: [0x5a; 32],
            public: 7,
        };
        let trace = Trace {
            hosts: vec![
                Host::new("script", HostKind::Script, vec![remote]),
                Host::new("stack", HostKind::Syndic, vec![local]),
            ],
            ..Trace::default()
        };
        Self {
            now: 0,
            stack: Stack::new(config, secrets, Watch::default()),
            outbox: VecDeque::new(),
            trace,
            happened: 0,
        }
    }

    /// When the next thing in the trace happened.
    fn stamp(&mut self) -> Instant {
        let micro = Self::instant(self.now);
        let last = self.trace.records.last().map(|record| record.sent);
        let last = last.max(self.trace.marks.last().map(|mark| mark.at));
        let is_same = last.is_some_and(|last| last >= micro);
        self.happened = if is_same { self.happened + 1 } else { 0 };
        micro + Duration::from_nanos(self.happened)
    }

    /// The stack's clock at a time of the script.
    fn instant(at: u64) -> Instant {
        Instant::ZERO + ORIGIN + Duration::from_micros(at)
    }

    /// The time as the stack is told it.
    pub(super) fn time(&self) -> Now {
        Now {
            mono: Self::instant(self.now),
            unix_s: UNIX_ORIGIN_S + self.now / 1_000_000,
        }
    }

    /// When the stack's next timer runs out, rounded up to a microsecond.
    pub(super) fn next_timer(&self) -> Option<u64> {
        let at = self.stack.poll_timeout()?.since(Self::instant(0));
        Some(at.as_nanos().div_ceil(1_000).max(self.now))
    }

    /// Time becomes `at`, and timers run.
    pub(super) fn run_timers(&mut self, at: u64) {
        let begun = self.now;
        self.now = self.now.max(at);
        self.stack.handle_timeout(self.time());
        self.drain();
        if begun == self.now && self.next_timer() == Some(self.now) {
            // The wheel asked to be looked at early: the next microsecond is soon enough.
            self.now += 1;
        }
    }

    /// Packets arrive, all at one time; only then the stack is asked what it sends.
    pub(super) fn receive(&mut self, train: Vec<Vec<u8>>) {
        let now = self.time();
        for bytes in train {
            let mut batch = Batch::new();
            self.stack.observer_mut().dropped = None;
            batch.push(stack::Packet {
                bytes: BytesMut::from(&*bytes),
                arrived: now.mono,
                checksum: stack::io::Checksum::Unverified,
            });
            self.stack.handle_packets(now, &mut batch);
            let tuple = Segment::parse(&bytes).map(|segment| FourTuple::new(segment.dst, segment.src));
            let at = self.stamp();
            let mut record = Record::new(at, Some(at), PEER, STACK, bytes);
            record.receiver_state = tuple.map(|tuple| self.stack.state_of(&tuple));
            record.dropped = self.stack.observer().dropped;
            self.trace.records.push(record);
        }
        self.drain();
    }

    /// Takes out everything that the stack wants to send.
    pub(super) fn drain(&mut self) {
        let now = self.time();
        loop {
            let mut outlet = Outlet::default();
            self.stack.observer_mut().cause = None;
            self.stack.poll_transmit(now, Budget { packets: 1 }, &mut outlet);
            let Some(bytes) = outlet.0 else { break };
            let at = self.stamp();
            let mut record = Record::new(at, Some(at), STACK, PEER, bytes.clone());
            record.sender_state = Segment::parse(&bytes).map(|segment| self.stack.state_of(&segment.tuple()));
            record.cause = self.stack.observer().cause;
            self.trace.records.push(record);
            self.outbox.push_back(Sent { at: self.now, bytes });
        }
        // Readiness is asked for with each call; that it changed is no news here.
        while self.stack.poll_event().is_some() {}
    }

    /// A line in the ladder.
    pub(super) fn mark(&mut self, connection: Option<FourTuple>, text: String) {
        let at = self.stamp();
        self.trace.marks.push(Mark {
            at,
            host: STACK,
            state: None,
            connection,
            text,
        });
    }

    /// What happened.
    pub(super) fn finish(mut self, title: &str) -> Trace {
        title.clone_into(&mut self.trace.title);
        self.trace
    }
}
