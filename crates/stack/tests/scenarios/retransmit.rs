//! Loss: timeouts, fast retransmit, congestion control, round trips, timestamps, and giving up (RFC 5681, 6298, 6582, 7323).

use syndic_stack::*;

use crate::rig::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

/// Nothing holds a segment back but the windows, and the congestion window is easy to say: NewReno's. Others are in `congestion`.
fn no_delay() -> ConnectionOptions {
    ConnectionOptions {
        no_delay: true,
        congestion: CongestionControl::NewReno,
        pacing: false,
        ..ConnectionOptions::default()
    }
}

/// An active open whose SYN-ACK takes `rtt`; the peer's MSS is 1000.
fn open(rig: &mut Rig, options: ConnectionOptions, rtt: Duration) -> ConnectionId {
    let id = rig.connect_with(Some(options));
    rig.expect("S", 0, 0, 0);
    rig.advance(rtt);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    id
}

fn ack(n: u32) -> Seg {
    Seg::new(".", 1).ack(n)
}

/// The numbers at which the segments begin that were sent by now.
fn sent(rig: &mut Rig) -> Vec<u32> {
    let mut seqs = Vec::new();
    while !rig.out.is_empty() {
        seqs.push(rig.next().seq);
    }
    seqs
}

/// 1, 1001, 2001, …: the numbers of full segments.
fn segments(range: std::ops::Range<u32>) -> Vec<u32> {
    range.map(|i| 1 + i * 1000).collect()
}

#[test]
fn rto_follows_the_round_trip_doubles_and_returns() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    let status = rig.status(id);
    assert_eq!(
        (status.srtt, status.rttvar, status.rto),
        (Some(MS(100)), MS(50), MS(300))
    );
    rig.send(id, 1, 100);
    rig.next();
    for wait in [300, 600, 1200] {
        assert_eq!(rig.wait_for_segment(S(10)), MS(wait));
        rig.expect("P.", 1, 100, 1);
    }
    assert_eq!(rig.status(id).backoff, 3);
    // Karn: which of the four the peer acknowledges is not known, so it says nothing of the round trip.
    rig.inject(ack(101));
    let status = rig.status(id);
    assert_eq!((status.srtt, status.rto, status.backoff), (Some(MS(100)), MS(300), 0));
}

#[test]
fn rto_has_its_floor_and_its_ceiling() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), Duration::ZERO);
    rig.send(id, 1, 100);
    rig.next();
    let waits: Vec<u64> = (0..12)
        .map(|_| {
            let waited = rig.wait_for_segment(S(100)).as_millis();
            rig.next();
            waited
        })
        .collect();
    assert_eq!(
        waits,
        [
            200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000, 60_000
        ]
    );
}

#[test]
fn rto_is_one_second_before_any_round_trip_and_three_after_a_lost_syn() {
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(no_delay()));
    rig.expect("S", 0, 0, 0);
    assert_eq!(rig.wait_for_segment(S(10)), S(1));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.status(id).rto, S(3));
    rig.send(id, 1, 5000);
    assert_eq!(sent(&mut rig), segments(0..5));
    assert_eq!(rig.wait_for_segment(S(10)), S(3));
}

/// RFC 9293 section 3.8.3: R1 is told once, STATUS shows where it stands, and an answer takes it back.
#[test]
fn user_hears_of_r1_while_there_is_time_before_r2() {
    let trouble = |rig: &mut Rig, id: ConnectionId| {
        let told = |event: &Event| matches!(event, Event::Connection(of, ready) if *of == id && ready.unanswered);
        rig.events().iter().filter(|event| told(event)).count()
    };
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 1000);
    sent(&mut rig);
    for (timeouts, told) in [(1, 0), (2, 0), (3, 1), (4, 0)] {
        rig.wait_for_segment(S(10));
        sent(&mut rig);
        assert_eq!(trouble(&mut rig, id), told, "{timeouts}");
        assert_eq!(rig.status(id).unanswered, timeouts);
    }
    rig.inject(Seg::new(".", 1).ack(1001));
    assert_eq!(rig.status(id).unanswered, 0);
    // A SYN is no other segment, and a user may not want to hear of it.
    for (notice, told) in [(3, 1), (0, 0)] {
        let mut rig = Rig::plain();
        let id = rig.connect_with(Some(ConnectionOptions {
            retransmissions_notice: notice,
            ..no_delay()
        }));
        rig.advance(S(20));
        assert_eq!(rig.status(id).unanswered, 4);
        assert_eq!(trouble(&mut rig, id), told, "{notice}");
    }
}

/// RFC 6928 section 2: the initial window stands after one timeout of the handshake; after more it is one segment (RFC 5681
/// section 3.1).
#[test]
fn initial_window_is_one_segment_once_the_handshake_timed_out_twice() {
    for (timeouts, first_flight) in [(0, 10), (1, 10), (2, 1), (3, 1)] {
        let mut rig = Rig::plain();
        let id = rig.connect_with(Some(no_delay()));
        rig.expect("S", 0, 0, 0);
        for _ in 0..timeouts {
            rig.wait_for_segment(S(10));
            rig.expect("S", 0, 0, 0);
        }
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        rig.expect(".", 1, 0, 1);
        rig.send(id, 1, 20_000);
        assert_eq!(sent(&mut rig), segments(0..first_flight), "active, {timeouts}");

        let mut rig = Rig::plain();
        let local = rig.local();
        let listener = rig.listen_with(ListenOptions {
            connection: no_delay(),
            ..ListenOptions::new(local)
        });
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        for _ in 0..timeouts {
            rig.wait_for_segment(S(10));
            rig.expect("S.", 0, 0, 1);
        }
        rig.inject(Seg::new(".", 1).ack(1));
        let id = rig.accept(listener);
        rig.send(id, 1, 20_000);
        assert_eq!(sent(&mut rig), segments(0..first_flight), "passive, {timeouts}");
    }
}

#[test]
fn rto_starts_anew_with_each_acknowledgment_of_news() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 3000);
    assert_eq!(sent(&mut rig), segments(0..3));
    rig.advance(MS(250));
    rig.inject(ack(1001));
    let rto = rig.status(id).rto;
    let waited = rig.wait_for_segment(S(10));
    assert!(waited >= rto && waited < rto + MS(1), "rounded up to a millisecond");
    rig.expect(".", 1001, 1000, 1);
}

#[test]
fn nothing_is_retransmitted_when_all_is_acknowledged() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 3000);
    sent(&mut rig);
    rig.inject(ack(3001));
    rig.advance(S(3600));
    rig.expect_nothing();
    assert_eq!(rig.stack.poll_timeout(), None);
}

#[test]
fn connection_times_out_after_r2_and_gives_everything_back() {
    let mut rig = Rig::plain();
    let options = ConnectionOptions {
        retransmissions_max: 3,
        ..no_delay()
    };
    let id = open(&mut rig, options, Duration::ZERO);
    rig.events();
    rig.send(id, 1, 100);
    rig.next();
    for _ in 0..3 {
        rig.wait_for_segment(S(10));
        rig.expect("P.", 1, 100, 1);
    }
    rig.advance(MS(1599));
    assert_eq!(rig.state(), State::Established);
    rig.advance(MS(1));
    rig.expect_nothing();
    assert_eq!(rig.state(), State::Closed);
    let ready = Ready {
        unanswered: true,
        readable: true,
        ended: true,
        ..Ready::default()
    };
    assert_eq!(rig.events(), [Event::Connection(id, ready)]);
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::TimedOut)));
    assert_eq!(rig.status(id).send_queue, 0);
    assert_eq!(rig.stack.counters().timed_out, 1);
    rig.close(id);
    rig.assert_quiet();
}

#[test]
fn retransmission_timeout_sends_what_was_lost_in_order_in_slow_start() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), Duration::ZERO);
    rig.send(id, 1, 10_000);
    assert_eq!(sent(&mut rig), segments(0..10));
    rig.wait_for_segment(S(1));
    assert_eq!(sent(&mut rig), segments(0..1));
    assert_eq!((rig.status(id).cwnd, rig.status(id).ssthresh), (1000, 5000));
    rig.inject(ack(1001));
    rig.send(id, 10_001, 2000);
    assert_eq!(sent(&mut rig), segments(1..3));
    rig.inject(ack(3001));
    // An acknowledgment of two segments counts as one after a timeout (RFC 3465 section 2.3).
    assert_eq!(sent(&mut rig), segments(3..6));
    rig.inject(ack(6001));
    assert_eq!(sent(&mut rig), segments(6..10));
    rig.inject(ack(10_001));
    // From ssthresh on the window grows slowly; new data follows what was lost.
    assert_eq!(rig.status(id).cwnd, 5000);
    assert_eq!(sent(&mut rig), segments(10..12));
    rig.inject(ack(12_001));
    rig.advance(S(10));
    rig.expect_nothing();
}

#[test]
fn new_data_after_a_timeout_waits_for_the_congestion_window() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), Duration::ZERO);
    rig.send(id, 1, 1000);
    sent(&mut rig);
    rig.wait_for_segment(S(1));
    assert_eq!(sent(&mut rig), segments(0..1));
    rig.send(id, 1001, 10_000);
    assert_eq!(sent(&mut rig), [0; 0], "one segment, and that is in flight");
    rig.inject(ack(1001));
    assert_eq!(sent(&mut rig), segments(1..3));
}

#[test]
fn third_duplicate_ack_retransmits() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 5000);
    assert_eq!(sent(&mut rig), segments(0..5));
    rig.inject(ack(1));
    rig.inject(ack(1));
    rig.expect_nothing();
    rig.inject(ack(1));
    rig.expect(".", 1, 1000, 1);
    rig.expect_nothing();
    // Three have left the network and one is lost: what is sent again takes the place of one that arrived (RFC 9937).
    assert_eq!((rig.status(id).ssthresh, rig.status(id).cwnd), (2500, 2000));
    assert!(rig.stack.observer().causes.contains(&Cause::FastRetransmit));
    rig.inject(ack(5001));
    assert_eq!(rig.status(id).cwnd, 2000);
}

#[test]
fn partial_acknowledgments_retransmit_one_hole_each() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 8000);
    assert_eq!(sent(&mut rig), segments(0..8));
    (0..3).for_each(|_| rig.inject(ack(1)));
    rig.expect(".", 1, 1000, 1);
    rig.inject(ack(3001));
    rig.expect(".", 3001, 1000, 1);
    rig.inject(ack(6001));
    rig.expect(".", 6001, 1000, 1);
    rig.inject(ack(8001));
    rig.advance(S(10));
    rig.expect_nothing();
    assert_eq!(rig.status(id).retransmitted, 3);
}

#[test]
fn duplicates_of_a_timeout_in_vain_are_no_loss() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), Duration::ZERO);
    rig.send(id, 1, 5000);
    assert_eq!(sent(&mut rig), segments(0..5));
    rig.wait_for_segment(S(1));
    assert_eq!(sent(&mut rig), segments(0..1));
    // The first was lost in truth. The rest was only late, and some of it is sent again in vain.
    rig.inject(ack(1001));
    assert_eq!(sent(&mut rig), segments(1..3));
    rig.inject(ack(5001));
    rig.send(id, 5001, 4000);
    let new = sent(&mut rig);
    (0..4).for_each(|_| rig.inject(ack(5001)));
    assert_eq!(sent(&mut rig), [0; 0], "after {new:?}");
    assert_eq!(rig.status(id).retransmitted, 3);
    // Beyond it three duplicates mean what they always do.
    rig.inject(ack(6001));
    sent(&mut rig);
    (0..3).for_each(|_| rig.inject(ack(6001)));
    assert_eq!(sent(&mut rig).last(), Some(&6001));
}

#[test]
fn only_a_bare_repetition_is_a_duplicate_ack() {
    type Make = fn(u32) -> Seg;
    let table: [(&str, Make); 4] = [
        ("the window changes", |i| ack(1).win(60_000 - u16::try_from(i).unwrap())),
        ("it carries data", |i| Seg::new(".", 1 + i * 10).ack(1).data(10)),
        ("the window is closed", |_| ack(1).win(0)),
        ("it is older than SND.UNA", |_| ack(0)),
    ];
    for (name, make) in table {
        let mut rig = Rig::plain();
        let id = open(&mut rig, no_delay(), MS(100));
        rig.send(id, 1, 5000);
        for i in 0..8 {
            rig.inject(make(i));
        }
        assert_eq!(rig.status(id).retransmitted, 0, "{name}");
    }
    // Nothing in flight: nothing is lost.
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    (0..8).for_each(|_| rig.inject(ack(1)));
    assert_eq!(rig.status(id).ssthresh, u32::MAX);
}

#[test]
fn limited_transmit_sends_new_data_for_the_first_two_duplicates() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 20_000);
    assert_eq!(sent(&mut rig), segments(0..10));
    rig.inject(ack(1));
    assert_eq!(sent(&mut rig), segments(10..11));
    rig.inject(ack(1));
    assert_eq!(sent(&mut rig), segments(11..12));
    rig.inject(ack(1));
    assert_eq!(sent(&mut rig), segments(0..1));
}

#[test]
fn initial_window_is_ten_segments_and_doubles_in_a_round_trip() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 60_000);
    assert_eq!(sent(&mut rig), segments(0..10));
    for i in 0..5 {
        rig.inject(ack(1001 + i * 1000));
        assert_eq!(sent(&mut rig), segments(10 + 2 * i..12 + 2 * i));
    }
    rig.inject(ack(10_001));
    // Five segments in one acknowledgment count as five (docs/decisions/0008-slow-start-by-bytes.md).
    assert_eq!(rig.status(id).cwnd, 20_000);
}

#[test]
fn congestion_avoidance_grows_by_a_segment_in_a_round_trip() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 60_000);
    sent(&mut rig);
    (0..3).for_each(|_| rig.inject(ack(1)));
    let recover = 12_001;
    rig.inject(ack(recover));
    let (cwnd, ssthresh) = (rig.status(id).cwnd, rig.status(id).ssthresh);
    assert!(cwnd <= ssthresh);
    let mut acked = recover;
    let mut trips = Vec::new();
    for _ in 0..20 {
        let before = rig.status(id).cwnd;
        sent(&mut rig);
        for _ in 0..before / 1000 {
            acked += 1000;
            rig.inject(ack(acked));
        }
        if before >= ssthresh {
            trips.push(rig.status(id).cwnd - before);
        }
        if acked > 45_000 {
            break;
        }
    }
    assert!(trips.len() > 2);
    assert!(trips.iter().all(|&grown| grown <= 1000), "{trips:?}");
    assert!(trips.iter().sum::<u32>() >= 2000, "{trips:?}");
}

#[test]
fn window_that_is_not_used_does_not_grow() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    for i in 0..50 {
        rig.send(id, 1 + i * 1000, 1000);
        rig.inject(ack(1001 + i * 1000));
    }
    assert_eq!(rig.status(id).cwnd, 10_000);
}

#[test]
fn idle_connection_starts_again_with_the_initial_window() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), MS(100));
    rig.send(id, 1, 30_000);
    let mut acked = 1;
    while acked < 30_001 {
        acked += 1000;
        rig.inject(ack(acked));
    }
    sent(&mut rig);
    assert!(rig.status(id).cwnd > 20_000);
    rig.advance(S(1));
    rig.send(id, 30_001, 30_000);
    assert_eq!(sent(&mut rig), segments(30..40));
}

/// An active open with timestamps; the peer's clock stands still at `PEER_TS`. Returns our TSval of the SYN.
fn open_with_timestamps(rig: &mut Rig, options: ConnectionOptions) -> (ConnectionId, u32) {
    let id = rig.connect_with(Some(options));
    let syn = rig.expect("S", 0, 0, 0);
    let val = syn.options.timestamps.expect("timestamps are offered").val;
    rig.inject(Seg::new("S.", 0).ack(1).mss(1012).ts(PEER_TS, val));
    rig.expect(".", 1, 0, 1);
    (id, val)
}

fn with_timestamps() -> Rig {
    Rig::with(Config {
        window_scaling: false,
        sack: false,
        ..Config::default()
    })
}

#[test]
fn timestamps_measure_the_round_trip_even_of_a_retransmission() {
    let mut rig = with_timestamps();
    let (id, _) = open_with_timestamps(&mut rig, no_delay());
    rig.send(id, 1, 1000);
    rig.next();
    rig.wait_for_segment(S(1));
    let again = rig.expect("P.", 1, 1000, 1).options.timestamps.unwrap();
    rig.advance(MS(80));
    let before = rig.status(id).srtt.unwrap();
    rig.inject(ack(1001).ts(PEER_TS + 1, again.val));
    assert!(rig.status(id).srtt.unwrap() > before + MS(9));
}

#[test]
fn our_timestamp_is_a_clock_of_milliseconds_with_an_origin_of_the_address_pair() {
    let mut rig = with_timestamps();
    let (id, first) = open_with_timestamps(&mut rig, no_delay());
    rig.advance(MS(1234));
    rig.send(id, 1, 10);
    assert_eq!(rig.next().options.timestamps.unwrap().val.wrapping_sub(first), 1234);
    let mut other = with_timestamps();
    other.theirs = v4(9);
    let (_, other) = open_with_timestamps(&mut other, no_delay());
    assert_ne!(first, other);
}

#[test]
fn paws_table() {
    // What arrives, with which TSval, and whether it is taken.
    type Make = fn() -> Seg;
    let table: [(&str, Make, u32, bool); 6] = [
        ("newer", || ack(1).data(10), PEER_TS + 1, true),
        ("same", || ack(1).data(10), PEER_TS, true),
        ("older", || ack(1).data(10), PEER_TS - 1, false),
        (
            "half the circle older",
            || ack(1).data(10),
            PEER_TS.wrapping_add(1 << 31),
            false,
        ),
        ("an old FIN", || Seg::new("F.", 1).ack(1), PEER_TS - 1, false),
        ("an old RST is exempt", || Seg::new("R", 1), PEER_TS - 1, true),
    ];
    for (name, make, val, taken) in table {
        let mut rig = with_timestamps();
        let (_, ours) = open_with_timestamps(&mut rig, no_delay());
        rig.inject(make().ts(val, ours));
        assert_eq!(rig.dropped(Why::Paws), u64::from(!taken), "{name}");
        if !taken {
            assert_eq!((rig.next().ack, rig.state()), (1, State::Established), "{name}");
        }
    }
}

/// docs/decisions/0005-liberal-with-flags.md: reordering must not spend the budget of challenge ACKs.
#[test]
fn paws_drops_an_overtaken_ack_without_an_answer() {
    let mut rig = with_timestamps();
    let (_, ours) = open_with_timestamps(&mut rig, no_delay());
    rig.inject(ack(1).ts(PEER_TS + 2, ours));
    rig.inject(ack(1).ts(PEER_TS + 1, ours));
    assert_eq!(rig.dropped(Why::Paws), 1);
    rig.expect_nothing();
    // One that acknowledges something new with an old timestamp is no such thing.
    rig.inject(ack(2).ts(PEER_TS + 1, ours));
    assert_eq!(rig.dropped(Why::Paws), 2);
    rig.next();
}

#[test]
fn paws_forgets_a_timestamp_after_24_days() {
    let mut rig = with_timestamps();
    let (id, ours) = open_with_timestamps(&mut rig, no_delay());
    rig.advance(S(23 * 24 * 3600));
    rig.inject(ack(1).data(10).ts(PEER_TS - 1, ours));
    assert_eq!(rig.dropped(Why::Paws), 1);
    rig.advance(S(2 * 24 * 3600));
    rig.inject(ack(1).data(10).ts(PEER_TS - 1, ours));
    assert_eq!(rig.dropped(Why::Paws), 1);
    assert_eq!(rig.read(id).len(), 10);
}

#[test]
fn recent_timestamp_is_that_of_the_segment_at_the_last_acknowledgment() {
    let mut rig = with_timestamps();
    let (_, ours) = open_with_timestamps(&mut rig, no_delay());
    let echo = |rig: &mut Rig| rig.next().options.timestamps.unwrap().ecr;
    // Beyond a hole: not echoed.
    rig.inject(Seg::new(".", 101).ack(1).data(100).ts(PEER_TS + 5, ours));
    assert_eq!(echo(&mut rig), PEER_TS);
    rig.inject(Seg::new(".", 1).ack(1).data(100).ts(PEER_TS + 9, ours));
    assert_eq!(echo(&mut rig), PEER_TS + 9);
    rig.inject(Seg::new(".", 201).ack(1).data(100).ts(PEER_TS + 12, ours));
    assert_eq!(echo(&mut rig), PEER_TS + 12);
}

#[test]
fn segment_without_timestamps_is_taken_although_they_were_agreed() {
    let mut rig = with_timestamps();
    let (id, _) = open_with_timestamps(&mut rig, no_delay());
    rig.inject(ack(1).data(10));
    assert_eq!(rig.read(id).len(), 10);
    assert!(rig.next().options.timestamps.is_some(), "ours still carry them");
}

#[test]
fn user_timeout_ends_a_connection_whose_data_is_not_acknowledged() {
    let mut rig = Rig::plain();
    let options = ConnectionOptions {
        user_timeout: Some(S(5)),
        ..no_delay()
    };
    let id = open(&mut rig, options, Duration::ZERO);
    rig.advance(S(100));
    assert_eq!(rig.state(), State::Established, "nothing was owed");
    rig.send(id, 1, 2000);
    rig.advance(S(4));
    rig.inject(ack(1001));
    rig.advance(MS(4999));
    assert_eq!(rig.state(), State::Established, "it starts anew with progress");
    rig.advance(MS(1));
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
}

/// RFC 9293 section 3.10.8: the user timeout counts in any state.
#[test]
fn user_timeout_ends_an_open_that_nobody_answers() {
    let options = ConnectionOptions {
        user_timeout: Some(S(5)),
        ..no_delay()
    };
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(options));
    rig.advance(MS(4999));
    assert_eq!(rig.state(), State::SynSent);
    rig.advance(MS(1));
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));

    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(options));
    rig.send(id, 1, 10);
    rig.advance(S(4));
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.advance(MS(4999));
    assert_eq!(rig.state(), State::Established, "data that waited has its own time");
    rig.inject(ack(11));
    rig.advance(S(100));
    assert_eq!(rig.state(), State::Established, "nothing is owed");
}

fn keep_alive(idle: u64, interval: u64) -> ConnectionOptions {
    ConnectionOptions {
        keep_alive: Some(KeepAlive {
            idle: S(idle),
            interval: S(interval),
            probes: 3,
        }),
        ..no_delay()
    }
}

#[test]
fn keep_alive_is_off_unless_asked_for() {
    let mut rig = Rig::plain();
    open(&mut rig, ConnectionOptions::default(), Duration::ZERO);
    rig.advance(S(24 * 3600));
    rig.expect_nothing();
    assert!(KeepAlive::default().idle >= S(2 * 3600));
}

#[test]
fn keep_alive_probes_and_resets_a_peer_that_is_gone() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, keep_alive(10, 2), Duration::ZERO);
    for wait in [10, 2, 2] {
        assert_eq!(rig.wait_for_segment(S(60)), S(wait));
        // SND.NXT - 1, so that the peer has to answer.
        rig.expect(".", 0, 0, 1);
    }
    assert_eq!(rig.wait_for_segment(S(60)), S(2));
    rig.expect("R.", 1, 0, 1);
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
}

#[test]
fn keep_alive_goes_on_while_the_peer_answers() {
    for (name, idle, interval) in [("short interval", 10, 2), ("interval beyond idle", 3, 20)] {
        let mut rig = Rig::plain();
        open(&mut rig, keep_alive(idle, interval), Duration::ZERO);
        for _ in 0..20 {
            rig.wait_for_segment(S(60));
            rig.expect(".", 0, 0, 1);
            rig.inject(ack(1));
        }
        assert_eq!(rig.state(), State::Established, "{name}");
    }
}

#[test]
fn keep_alive_waits_for_silence() {
    let mut rig = Rig::plain();
    open(&mut rig, keep_alive(10, 2), Duration::ZERO);
    rig.advance(S(9));
    rig.inject(ack(1).data(10));
    rig.next();
    assert_eq!(rig.wait_for_segment(S(60)), S(10));
}

#[test]
fn keep_alive_is_not_started_for_a_connection_that_is_over() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), Duration::ZERO);
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 1);
    // It waits for the link when it comes to its end.
    rig.link_full = true;
    rig.inject(Seg::new(".", 1).ack(2).data(10));
    rig.inject(Seg::new("F.", 11).ack(2));
    assert_eq!(rig.state(), State::TimeWait);
    let settings = keep_alive(10, 2);
    rig.stack.set_options(rig.now(), id, settings).expect("the id is held");
    rig.link_full = false;
    rig.flush();
    assert!(
        rig.stack.poll_timeout() > Some(rig.now + S(30)),
        "TIME-WAIT, and nothing else"
    );
    rig.close(id);
    rig.advance(S(70));
    rig.assert_quiet();
}

#[test]
fn path_that_turns_out_narrower_while_the_syn_is_in_flight_harms_nothing() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    let syn = rig.out.pop_front().expect("a SYN");
    let quoted = build(rig.ours, rig.theirs, &syn.header, &[]);
    let too_big = wire::icmp::error(rig.theirs, rig.ours, wire::icmp::ErrorKind::TooBig(1000), &quoted);
    rig.raw(&icmp(rig.theirs, rig.ours, &too_big));
    rig.inject(Seg::new("S.", 0).ack(1).mss(1460));
    rig.expect(".", 1, 0, 1);
    rig.send(id, 1, 3000);
    assert_eq!(rig.next().seq, 1);
}

/// An IPv4 packet with this ICMP message.
fn icmp(src: std::net::IpAddr, dst: std::net::IpAddr, message: &[u8]) -> Vec<u8> {
    let header = wire::ip::Header {
        src,
        dst,
        protocol: wire::ip::ICMP,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: wire::ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(message.len(), &mut packet).expect("fits");
    packet.extend_from_slice(message);
    packet
}
