//! What is in flight, and when it leaves: CUBIC, HyStart++, pacing, windows that are not used (RFC 9438, 9406, 5681).
//!
//! NewReno's arithmetic is in `retransmit`; each algorithm's own is beside its code.

use std::collections::VecDeque;

use syndic_stack::status::Idle;
use syndic_stack::*;

use crate::rig::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

fn options() -> ConnectionOptions {
    ConnectionOptions {
        no_delay: true,
        ..ConnectionOptions::default()
    }
}

fn unpaced() -> ConnectionOptions {
    ConnectionOptions {
        pacing: false,
        ..options()
    }
}

/// An active open whose SYN-ACK takes `rtt`; the peer's MSS is 1000, its window 60,000 x 16.
fn open(rig: &mut Rig, options: ConnectionOptions, rtt: Duration) -> ConnectionId {
    let id = rig.connect_with(Some(options));
    rig.next();
    rig.advance(rtt);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000).wscale(4));
    rig.expect(".", 1, 0, 1);
    id
}

/// Without timestamps and SACK, so that numbers are plain; with window scaling, so that the peer's window is no bound.
fn rig() -> Rig {
    Rig::with(Config {
        timestamps: false,
        sack: false,
        ..Config::default()
    })
}

fn ack(n: u32) -> Seg {
    Seg::new(".", 1).ack(n).win(60_000)
}

/// A path to a peer that acknowledges each segment: so long until an acknowledgment comes, and so long for each segment, which
/// the next one waits for.
struct Path {
    rtt: Duration,
    service: Duration,
    /// When the last segment is through.
    free: Instant,
    /// Acknowledgments under way.
    acks: VecDeque<(Instant, u32)>,
}

impl Path {
    fn new(rtt: Duration, service: Duration) -> Self {
        Self {
            rtt,
            service,
            free: Instant::ZERO,
            acks: VecDeque::new(),
        }
    }

    /// For so long. Returns when each segment left.
    fn run(&mut self, rig: &mut Rig, span: Duration) -> Vec<Instant> {
        let (end, mut left) = (rig.now + span, Vec::new());
        loop {
            while let Some(at) = rig.out.front().map(|out| out.at) {
                let seg = rig.next();
                self.free = self.free.max(at) + self.service;
                left.push(at);
                let acked = seg.seq + u32::try_from(seg.payload.len()).unwrap();
                self.acks.push_back((self.free + self.rtt, acked));
            }
            let acked = self.acks.front().map(|&(at, _)| at);
            let next = acked.into_iter().chain(rig.stack.poll_timeout()).min();
            let Some(at) = next.filter(|&at| at <= end) else {
                rig.advance(end.since(rig.now));
                return left;
            };
            rig.advance(at.since(rig.now));
            if acked == Some(at)
                && let Some((_, end)) = self.acks.pop_front()
            {
                rig.inject(ack(end));
            }
        }
    }
}

/// The most that left at one moment.
fn burst_max(left: &[Instant]) -> usize {
    left.chunk_by(|a, b| a == b).map(<[_]>::len).max().unwrap_or_default()
}

#[test]
fn each_connection_chooses_its_congestion_control() {
    for (control, ssthresh) in [(CongestionControl::NewReno, 5_000), (CongestionControl::Cubic, 7_000)] {
        let mut rig = rig();
        let chosen = ConnectionOptions {
            congestion: control,
            ..options()
        };
        let id = open(&mut rig, chosen, MS(100));
        rig.send(id, 1, 10_000);
        assert_eq!(
            (rig.status(id).congestion, rig.status(id).ssthresh),
            (control, u32::MAX)
        );
        rig.advance(S(2));
        assert_eq!(rig.status(id).ssthresh, ssthresh, "{control}: what a timeout leaves");
    }
}

#[test]
fn accepted_connections_begin_with_the_listeners_choice_and_may_change_it() {
    let mut rig = rig();
    let mut listen = ListenOptions::new(rig.local());
    listen.connection.congestion = CongestionControl::NewReno;
    let listener = rig.listen_with(listen);
    let id = rig.open_passive(listener);
    assert_eq!(rig.status(id).congestion, CongestionControl::NewReno);
    let changed = ConnectionOptions {
        congestion: CongestionControl::Cubic,
        ..listen.connection
    };
    rig.stack.set_options(rig.now(), id, changed).unwrap();
    assert_eq!(rig.status(id).congestion, CongestionControl::Cubic);
}

#[test]
fn a_window_leaves_spread_over_its_round_trip() {
    let run = |options: ConnectionOptions| {
        let mut rig = rig();
        let id = open(&mut rig, options, MS(100));
        rig.send(id, 1, 400_000);
        Path::new(MS(100), Duration::ZERO).run(&mut rig, MS(490))
    };
    let (paced, unpaced) = (run(options()), run(unpaced()));
    assert!(burst_max(&unpaced) > 50, "a whole window");
    let after_the_first = &paced[10..];
    assert!(
        burst_max(after_the_first) <= 8,
        "two segments, or what a late timer makes up for: {after_the_first:?}"
    );
    assert_eq!(paced[0], paced[9], "the first flight leaves at once");
    assert!(
        paced.len() * 10 >= unpaced.len() * 8,
        "{} of {}",
        paced.len(),
        unpaced.len()
    );
}

#[test]
fn what_waits_for_its_pace_says_so() {
    let mut rig = rig();
    let id = open(&mut rig, options(), MS(100));
    rig.send(id, 1, 100_000);
    rig.advance(MS(100));
    rig.out.clear();
    rig.inject(ack(10_001));
    let sent = rig.out.len();
    assert!(sent < 20, "the window is 20 segments, of which {sent} left at once");
    let status = rig.status(id);
    assert_eq!(status.idle_because, Idle::Pacing);
    assert_eq!(
        status.pacing_rate,
        Some(400_000),
        "two windows in a round trip of 100 ms"
    );
    let waited = rig.stack.poll_timeout().unwrap().since(rig.now);
    assert!(waited <= MS(6), "two segments take 5 ms: {waited}");
    // All of it within half a round trip, and a tick.
    rig.advance(MS(52));
    assert_eq!(rig.out.len(), 20);
    assert_eq!(rig.status(id).idle_because, Idle::CongestionWindow);
}

#[test]
fn a_short_round_trip_is_not_paced() {
    let run = |options: ConnectionOptions| {
        let mut rig = rig();
        let id = open(&mut rig, options, MS(1));
        rig.send(id, 1, 400_000);
        let left = Path::new(MS(1), Duration::ZERO).run(&mut rig, MS(50));
        assert_eq!(rig.status(id).pacing_rate, None);
        left
    };
    assert_eq!(run(options()), run(unpaced()));
}

#[test]
fn slow_start_ends_where_round_trips_grow() {
    // A segment takes a millisecond, so that 100 fill the path; what is more waits, and nothing is ever lost.
    let mut path = Path::new(MS(100), MS(1));
    let mut rig = rig();
    let all = ConnectionOptions {
        send_buffer: Buffer::Fixed(8_000_000),
        ..options()
    };
    let id = open(&mut rig, all, MS(100));
    rig.send(id, 1, 8_000_000);
    path.run(&mut rig, MS(700));
    // Its rounds grow: conservative slow start, by a quarter of what is acknowledged.
    let before = rig.status(id);
    path.run(&mut rig, MS(400));
    let grown = rig.status(id).cwnd - before.cwnd;
    assert!(
        (90_000..110_000).contains(&grown),
        "{} and then {grown} more",
        before.cwnd
    );
    // Five such rounds, and it is over.
    path.run(&mut rig, S(4));
    let status = rig.status(id);
    assert_ne!(status.ssthresh, u32::MAX);
    assert_eq!(status.retransmitted, 0);
}

#[test]
fn a_window_that_is_not_used_costs_no_memory_and_does_not_grow() {
    let mut rig = rig();
    let id = open(&mut rig, options(), MS(100));
    for i in 0..200 {
        rig.send(id, 1 + i * 1000, 1000);
        rig.out.clear();
        rig.advance(MS(10));
        if i >= 2 {
            rig.inject(ack(1 + (i - 2) * 1000));
        }
    }
    assert_eq!(rig.status(id).cwnd, 10_000);
}
