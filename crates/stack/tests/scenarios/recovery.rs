//! Loss recovery with SACK: RACK, tail loss probes, PRR, F-RTO, D-SACK and what is taken back (RFC 2018, 2883, 6675, 8985, 9937,
//! 5682, 3522).

use syndic_stack::observer::Undone;
use syndic_stack::*;

use crate::rig::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

/// A round trip of 100 ms was measured, 10 segments of 1,000 bytes may be in flight.
fn open(timestamps: bool) -> (Rig, ConnectionId) {
    let mut rig = Rig::with(Config {
        timestamps,
        window_scaling: false,
        ..Config::default()
    });
    let options = ConnectionOptions {
        no_delay: true,
        congestion: CongestionControl::NewReno,
        pacing: false,
        ..ConnectionOptions::default()
    };
    let id = rig.connect_with(Some(options));
    let syn = rig.next();
    rig.advance(MS(100));
    let mut answer = Seg::new("S.", 0).ack(1).mss(1000).sack_ok();
    if timestamps {
        let val = syn.options.timestamps.expect("offered").val;
        answer = answer.mss(1012).ts(PEER_TS, val);
    }
    rig.inject(answer);
    rig.next();
    (rig, id)
}

fn ack(n: u32) -> Seg {
    Seg::new(".", 1).ack(n)
}

/// In thousands: `sack(1, &[(2, 3)])` acknowledges the first and holds the third segment.
fn sack(acked: u32, blocks: &[(u32, u32)]) -> Seg {
    let blocks: Vec<(u32, u32)> = blocks.iter().map(|&(l, r)| (l * 1000 + 1, r * 1000 + 1)).collect();
    ack(acked * 1000 + 1).sack(&blocks)
}

/// Which segments were sent by now, counted from 0.
fn sent(rig: &mut Rig) -> Vec<u32> {
    let mut all = Vec::new();
    while !rig.out.is_empty() {
        let seg = rig.next();
        let len = seg.payload.len() as u32;
        all.extend((0..len.div_ceil(1000)).map(|i| (seg.seq - 1) / 1000 + i));
    }
    all
}

fn causes(rig: &Rig, cause: Cause) -> usize {
    rig.stack.observer().causes.iter().filter(|&&c| c == cause).count()
}

/// So many segments leave, and a round trip passes.
fn flight(rig: &mut Rig, id: ConnectionId, segments: u32) {
    rig.send(id, 1, segments as usize * 1000);
    assert_eq!(sent(rig), (0..segments).collect::<Vec<_>>());
    rig.advance(MS(100));
}

#[test]
fn only_what_is_missing_is_sent_again() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 10);
    rig.inject(sack(0, &[(1, 2)]));
    rig.inject(sack(0, &[(3, 4), (1, 2)]));
    assert_eq!(sent(&mut rig), [0; 0], "two are no evidence");
    rig.inject(sack(0, &[(5, 6), (3, 4), (1, 2)]));
    assert_eq!(sent(&mut rig), [0]);
    rig.inject(sack(0, &[(6, 10), (3, 4), (1, 2)]));
    assert_eq!(sent(&mut rig), [2, 4]);
    assert_eq!(causes(&rig, Cause::RackRetransmit), 3);
    rig.advance(MS(100));
    rig.inject(ack(10_001));
    let status = rig.status(id);
    assert_eq!((status.ssthresh, status.cwnd, status.retransmitted), (5000, 5000, 3));
    assert_eq!((status.lost, status.sacked), (0, 0));
    rig.advance(S(10));
    rig.expect_nothing();
}

#[test]
fn what_came_late_within_a_quarter_of_the_round_trip_is_not_sent_again() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 4);
    rig.inject(sack(0, &[(1, 2)]));
    rig.advance(MS(20));
    rig.inject(ack(4001));
    assert!(rig.status(id).reordering);
    rig.advance(S(10));
    rig.expect_nothing();
    assert_eq!(rig.status(id).ssthresh, u32::MAX);
}

#[test]
fn what_is_not_there_after_a_quarter_of_the_round_trip_is_sent_again() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 4);
    rig.inject(sack(0, &[(1, 2)]));
    assert_eq!(rig.wait_for_segment(S(1)), MS(25));
    assert_eq!(sent(&mut rig), [0]);
    assert_eq!(causes(&rig, Cause::RackRetransmit), 1);
}

#[test]
fn new_data_does_not_put_off_what_was_overtaken() {
    let (mut rig, id) = open(false);
    rig.send(id, 1, 12_000);
    assert_eq!(sent(&mut rig).len(), 10);
    rig.advance(MS(100));
    rig.inject(sack(0, &[(1, 2)]));
    assert_eq!(sent(&mut rig), [10], "limited transmit");
    assert_eq!(rig.wait_for_segment(S(1)), MS(25));
    assert_eq!(sent(&mut rig), [0]);
}

/// RFC 8985 section 6.2, step 4: once something was late, three are no evidence any more; D-SACKs make the wait longer.
#[test]
fn path_that_reorders_is_waited_for() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 4);
    rig.inject(sack(0, &[(1, 2)]));
    rig.inject(ack(4001));
    rig.send(id, 4001, 5000);
    assert_eq!(sent(&mut rig), [4, 5, 6, 7, 8]);
    rig.advance(MS(100));
    rig.inject(sack(4, &[(5, 9)]));
    assert_eq!(sent(&mut rig), [0; 0]);
    assert_eq!(rig.wait_for_segment(S(1)), MS(25));
    assert_eq!(sent(&mut rig), [4]);
    // It had only been late, and was sent again in vain.
    rig.inject(ack(9001));
    rig.advance(MS(75));
    rig.inject(sack(9, &[(4, 5)]));
    assert_eq!(rig.stack.observer().undone, [Undone::Dsack]);
    assert_eq!((rig.status(id).ssthresh, rig.status(id).dsacks), (u32::MAX, 1));
    rig.send(id, 9001, 5000);
    assert_eq!(sent(&mut rig), [9, 10, 11, 12, 13]);
    rig.advance(MS(100));
    rig.inject(sack(9, &[(10, 14)]));
    assert_eq!(rig.wait_for_segment(S(1)), MS(50), "two quarters now");
}

#[test]
fn retransmission_that_is_lost_too_is_sent_again_without_a_timeout() {
    let (mut rig, id) = open(false);
    rig.send(id, 1, 30_000);
    assert_eq!(sent(&mut rig), (0..10).collect::<Vec<_>>());
    rig.advance(MS(100));
    rig.inject(sack(0, &[(1, 4)]));
    let again = sent(&mut rig);
    assert_eq!(again.first(), Some(&0));
    rig.inject(sack(0, &[(1, 10)]));
    let news = sent(&mut rig);
    assert!(news.contains(&10), "{news:?}");
    rig.advance(MS(100));
    rig.inject(sack(0, &[(1, 11)]));
    assert_eq!(sent(&mut rig).first(), Some(&0), "what left after it has arrived");
    assert_eq!(rig.stack.counters().timeouts, 0);
}

#[test]
fn tail_is_probed_after_two_round_trips() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 4);
    rig.inject(ack(2001));
    assert_eq!(rig.wait_for_segment(S(1)), MS(200));
    assert_eq!(sent(&mut rig), [3]);
    assert_eq!(causes(&rig, Cause::TailLossProbe), 1);
    // The probe arrived, the one before it had not.
    rig.advance(MS(100));
    rig.inject(sack(2, &[(3, 4)]));
    assert_eq!(sent(&mut rig), [2]);
    assert_eq!(rig.stack.counters().timeouts, 0);
}

#[test]
fn probe_carries_new_data_where_there_is_some() {
    let (mut rig, id) = open(false);
    rig.send(id, 1, 12_000);
    assert_eq!(sent(&mut rig).len(), 10);
    assert_eq!(rig.wait_for_segment(S(1)), MS(200));
    assert_eq!(sent(&mut rig), [10], "over the congestion window by one");
    rig.advance(MS(100));
    rig.inject(sack(0, &[(10, 11)]));
    rig.advance(MS(30));
    assert_eq!(sent(&mut rig).first(), Some(&0), "what was sent before it is lost");
    assert_eq!(rig.stack.counters().timeouts, 0);
}

#[test]
fn lone_segment_gives_the_peer_time_for_its_delayed_ack() {
    let (mut rig, id) = open(false);
    rig.send(id, 1, 1000);
    sent(&mut rig);
    // 2 x 100 ms + 200 ms, but the retransmission timer of 300 ms would come first.
    assert_eq!(rig.wait_for_segment(S(1)), MS(300));
    assert_eq!(causes(&rig, Cause::TailLossProbe), 1);
    assert_eq!(rig.status(id).cwnd, 10_000);
    sent(&mut rig);
    // Nothing answers: then the timer.
    rig.wait_for_segment(S(1));
    assert_eq!(causes(&rig, Cause::TimeoutRetransmit), 1);
}

#[test]
fn loss_that_only_a_probe_mended_counts_as_congestion() {
    for (name, dsack, cwnd) in [("mended", false, 2000), ("in vain", true, 10_000)] {
        let (mut rig, id) = open(false);
        flight(&mut rig, id, 2);
        rig.inject(ack(1001));
        rig.wait_for_segment(S(1));
        assert_eq!(sent(&mut rig), [1]);
        rig.advance(MS(100));
        rig.inject(if dsack { sack(2, &[(1, 2)]) } else { ack(2001) });
        rig.send(id, 2001, 1000);
        sent(&mut rig);
        rig.advance(MS(100));
        rig.inject(ack(3001));
        assert!(
            rig.status(id).cwnd.abs_diff(cwnd) <= 2000,
            "{name}: {}",
            rig.status(id).cwnd
        );
        assert_eq!(rig.status(id).ssthresh < u32::MAX, !dsack, "{name}");
    }
}

/// RFC 9937: of twenty in flight one is lost; what follows leaves evenly, one for every second that arrives.
#[test]
fn reduction_is_spread_over_the_round_trip() {
    let (mut rig, id) = open(false);
    rig.send(id, 1, 60_000);
    assert_eq!(sent(&mut rig).len(), 10);
    rig.advance(MS(100));
    rig.inject(ack(10_001));
    assert_eq!(sent(&mut rig).len(), 20);
    rig.advance(MS(100));
    let mut counts = Vec::new();
    for i in 12..30 {
        rig.inject(sack(10, &[(11, i)]));
        counts.push(sent(&mut rig).len());
    }
    // Two for limited transmit, the retransmission, and then every other one.
    assert_eq!(counts[..3], [1, 1, 1], "{counts:?}");
    assert!(counts[3..].iter().all(|&n| n <= 1), "{counts:?}");
    assert!((6..=9).contains(&counts[3..].iter().sum::<usize>()), "{counts:?}");
    rig.advance(MS(100));
    rig.inject(ack(30_001));
    let status = rig.status(id);
    assert_eq!(status.cwnd, status.ssthresh);
}

#[test]
fn timeout_that_was_none_is_taken_back() {
    for timestamps in [false, true] {
        let (mut rig, id) = open(timestamps);
        let echo = |seg: Seg, rig: &Rig, ago: u64| {
            if timestamps {
                let ours = rig.last_tsval().expect("agreed");
                seg.ts(PEER_TS, ours.wrapping_sub(ago as u32))
            } else {
                seg
            }
        };
        rig.send(id, 1, 4000);
        assert_eq!(sent(&mut rig).len(), 4);
        // Probe, then the timer.
        rig.wait_for_segment(S(1));
        sent(&mut rig);
        rig.wait_for_segment(S(2));
        assert_eq!(sent(&mut rig), [0]);
        assert_eq!(rig.status(id).cwnd, 1000);
        let late = echo(ack(2001), &rig, 500);
        rig.inject(late);
        assert_eq!(rig.stack.observer().undone, [Undone::Frto]);
        assert_eq!((rig.status(id).cwnd, rig.status(id).ssthresh), (10_000, u32::MAX));
        assert_eq!(sent(&mut rig), [0; 0], "nothing more is sent again");
    }
}

#[test]
fn timeout_is_asked_about_with_new_data() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 4);
    rig.wait_for_segment(S(1));
    assert_eq!(sent(&mut rig), [3], "the probe");
    rig.wait_for_segment(S(2));
    assert_eq!(sent(&mut rig), [0]);
    rig.send(id, 4001, 4000);
    rig.inject(ack(1001));
    assert_eq!(sent(&mut rig), [4, 5], "not more of the old");
    rig.inject(sack(1, &[(4, 5)]));
    let again = sent(&mut rig);
    assert_eq!(again.first(), Some(&1), "the loss was real: {again:?}");
    assert!(rig.stack.observer().undone.is_empty());
}

#[test]
fn first_copy_that_echoes_its_timestamp_shows_that_nothing_was_lost() {
    let (mut rig, id) = open(true);
    rig.send(id, 1, 8000);
    let first = rig.last_tsval().expect("agreed");
    assert_eq!(sent(&mut rig).len(), 8);
    rig.advance(MS(100));
    rig.inject(sack(0, &[(1, 5)]).ts(PEER_TS, first));
    assert_eq!(sent(&mut rig), [0]);
    assert!(rig.status(id).ssthresh < u32::MAX);
    rig.advance(MS(5));
    rig.inject(ack(5001).ts(PEER_TS, first));
    assert_eq!(rig.stack.observer().undone, [Undone::Echo]);
    assert_eq!((rig.status(id).cwnd, rig.status(id).ssthresh), (10_000, u32::MAX));
}

#[test]
fn path_on_which_one_was_late_is_waited_for() {
    let (mut rig, id) = open(true);
    rig.send(id, 1, 5000);
    let first = rig.last_tsval().expect("agreed");
    sent(&mut rig);
    rig.advance(MS(100));
    rig.inject(sack(0, &[(1, 5)]).ts(PEER_TS, first));
    assert_eq!(sent(&mut rig), [0], "nothing was ever late: three are enough");
    rig.advance(MS(5));
    rig.inject(ack(5001).ts(PEER_TS, first));
    assert_eq!(rig.stack.observer().undone, [Undone::Echo]);
    rig.send(id, 5001, 5000);
    let second = rig.last_tsval().expect("agreed");
    sent(&mut rig);
    rig.advance(MS(100));
    rig.inject(sack(5, &[(6, 10)]).ts(PEER_TS, second));
    assert_eq!(
        sent(&mut rig),
        [0_u32; 0],
        "from now on a quarter of the round trip is waited"
    );
    rig.advance(MS(30));
    assert_eq!(sent(&mut rig), [5]);
}

#[test]
fn first_copy_says_nothing_of_what_else_is_missing() {
    let (mut rig, id) = open(true);
    rig.send(id, 1, 8000);
    let first = rig.last_tsval().expect("agreed");
    assert_eq!(sent(&mut rig).len(), 8);
    rig.advance(MS(100));
    rig.inject(sack(0, &[(1, 2), (3, 8)]).ts(PEER_TS, first));
    assert_eq!(sent(&mut rig)[0], 0);
    rig.advance(MS(5));
    rig.inject(sack(2, &[(3, 8)]).ts(PEER_TS, first));
    sent(&mut rig);
    assert!(rig.stack.observer().undone.is_empty(), "the third is missing still");
    assert!(rig.status(id).ssthresh < u32::MAX);
    rig.advance(MS(5));
    rig.inject(ack(8001).ts(PEER_TS, first));
    assert_eq!(rig.stack.observer().undone, [Undone::Echo], "it was late too");
    assert_eq!(rig.status(id).ssthresh, u32::MAX);
}

#[test]
fn peer_that_throws_away_what_it_held_is_sent_it_again() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 4);
    rig.inject(sack(0, &[(1, 4)]));
    assert_eq!(sent(&mut rig), [0]);
    rig.advance(MS(100));
    rig.inject(ack(1001));
    rig.expect_nothing();
    rig.wait_for_segment(S(2));
    assert_eq!(sent(&mut rig), [1]);
    rig.inject(ack(2001));
    assert_eq!(sent(&mut rig), [2, 3]);
    rig.inject(ack(4001));
    rig.advance(S(10));
    rig.expect_nothing();
}

#[test]
fn blocks_that_cannot_be_say_nothing() {
    for (name, seg) in [
        ("of what was never sent", ack(1).sack(&[(4001, 9001)])),
        ("backwards", ack(1).sack(&[(3001, 1001)])),
        ("empty", ack(1).sack(&[(2001, 2001)])),
        ("half the number space", ack(1).sack(&[(1001, 1 << 31)])),
        ("before SND.UNA", ack(1).sack(&[(u32::MAX - 5000, u32::MAX - 10)])),
    ] {
        let (mut rig, id) = open(false);
        flight(&mut rig, id, 4);
        for _ in 0..4 {
            rig.inject(seg.clone());
        }
        assert_eq!(rig.status(id).sacked, 0, "{name}");
        assert_eq!(rig.status(id).lost, 0, "{name}");
    }
}

#[test]
fn flood_of_small_blocks_is_bounded_and_the_transfer_goes_on() {
    let (mut rig, id) = open(false);
    flight(&mut rig, id, 10);
    for i in 0..9_000 {
        rig.inject(ack(1).sack(&[(2 + i, 3 + i), (500 + i / 2, 501 + i / 2)]));
    }
    sent(&mut rig);
    rig.inject(ack(10_001));
    assert_eq!(rig.status(id).sacked, 0);
    rig.send(id, 10_001, 1000);
    assert_eq!(sent(&mut rig), [10]);
}

#[test]
fn receiver_tells_what_came_twice() {
    let (mut rig, _) = open(false);
    let data = |seq: u32, len: usize| Seg::new(".", seq).ack(1).data(len);
    let blocks = |rig: &mut Rig| {
        let seg = rig.next();
        let blocks: Vec<_> = seg
            .options
            .sack
            .as_slice()
            .iter()
            .map(|(l, r)| (l.value(), r.value()))
            .collect();
        (seg.ack, blocks)
    };
    rig.inject(data(1, 10));
    assert_eq!(blocks(&mut rig), (11, vec![]));
    rig.inject(data(1, 10));
    assert_eq!(blocks(&mut rig), (11, vec![(1, 11)]), "all of it");
    rig.inject(data(6, 10));
    assert_eq!(blocks(&mut rig), (16, vec![(6, 11)]), "a part");
    rig.inject(data(26, 10));
    assert_eq!(blocks(&mut rig), (16, vec![(26, 36)]));
    rig.inject(data(28, 4));
    assert_eq!(blocks(&mut rig), (16, vec![(28, 32), (26, 36)]), "beyond a hole");
    rig.inject(data(46, 10));
    assert_eq!(blocks(&mut rig), (16, vec![(46, 56), (26, 36)]), "it is told once");
}

#[test]
fn without_sack_nobody_is_told_what_came_twice() {
    let mut rig = Rig::plain();
    rig.open_active();
    rig.inject(Seg::new(".", 1).ack(1).data(10));
    rig.next();
    rig.inject(Seg::new(".", 1).ack(1).data(10));
    assert!(rig.next().options.sack.is_empty());
}
