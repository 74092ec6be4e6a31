//! Opening a connection when pieces are lost, repeated, late or too many: retransmission of SYN and SYN-ACK, the life of a
//! half-open entry, and the listener's two bounded queues (RFC 9293 sections 3.5, 3.8.3 and 3.10.7; RFC 4987).

use crate::rig::*;
use syndic_stack::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn at_seconds(rig: &Rig) -> u64 {
    rig.now.since(Instant::ZERO).as_secs() - 1
}

/// When the stack sends something by itself until `limit` passes, in seconds since the origin.
fn sent_at(rig: &mut Rig, limit: u64) -> Vec<u64> {
    let before = at_seconds(rig);
    rig.advance(S(limit));
    assert!(rig.out.iter().all(|o| o.header.flags.syn()));
    let at = |o: Out| o.at.since(Instant::ZERO).as_secs() - 1 - before;
    rig.out.drain(..).map(at).collect()
}

/// RFC 9293 section 3.8.3 and MUST-23: at least three minutes pass before an active open is given up.
#[test]
fn syn_is_retransmitted_with_backoff_for_three_minutes() {
    for theirs in [v4(1), v6(1)] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = if theirs.is_ipv4() {
            (v4(2), theirs)
        } else {
            (v6(2), theirs)
        };
        let id = rig.connect();
        rig.expect("S", 0, 0, 0);
        assert_eq!(sent_at(&mut rig, 182), [1, 3, 7, 15, 31, 63, 123]);
        assert_eq!(rig.state(), State::SynSent);
        assert_eq!(sent_at(&mut rig, 2), [0; 0]);
        assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
        assert_eq!(rig.stack.counters().timed_out, 1);
        rig.close(id);
        rig.assert_quiet();
    }
}

#[test]
fn syn_retransmissions_are_configurable() {
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(ConnectionOptions {
        syn_retransmissions_max: 2,
        ..ConnectionOptions::default()
    }));
    rig.expect("S", 0, 0, 0);
    assert_eq!(sent_at(&mut rig, 60), [1, 3]);
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
    assert_eq!(rig.stack.counters().retransmissions, 2);
}

#[test]
fn lost_syn_is_sent_again_and_the_connection_opens() {
    let mut rig = Rig::plain();
    rig.connect();
    rig.expect("S", 0, 0, 0);
    assert_eq!(rig.wait_for_segment(S(2)), S(1));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.state(), State::Established);
    assert!(rig.stack.observer().causes.contains(&Cause::SynRetransmit));
    rig.advance(S(300));
    rig.expect_nothing();
}

/// RFC 9293 section 3.10.7.4: our last ACK was lost, so the SYN-ACK comes again and is acknowledged again.
#[test]
fn repeated_syn_ack_is_acknowledged_again() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.status(id).ended, None);
}

#[test]
fn syn_ack_is_retransmitted_at_1_3_7_15_and_31_seconds_and_then_forgotten() {
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (ours, theirs);
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        assert_eq!(sent_at(&mut rig, 62), [1, 3, 7, 15, 31]);
        assert_eq!(rig.state(), State::SynReceived);
        assert_eq!(sent_at(&mut rig, 2), [0; 0]);
        assert_eq!(rig.state(), State::Listen);
        assert_eq!(rig.dropped(Why::HalfOpenExpired), 1);
        rig.assert_quiet();
    }
}

#[test]
fn syn_ack_retransmissions_and_half_open_lifetime_are_configurable() {
    for (name, retransmissions, lifetime, sent, alive) in [
        ("one retransmission", 1, 63, &[1][..], 2),
        ("none", 0, 63, &[], 0),
        ("a short life", 5, 5, &[1, 3], 4),
    ] {
        let mut rig = Rig::plain();
        let local = rig.local();
        rig.listen_with(ListenOptions {
            syn_ack_retransmissions: retransmissions,
            half_open_lifetime: S(lifetime),
            ..ListenOptions::new(local)
        });
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        assert_eq!(sent_at(&mut rig, alive), sent, "{name}");
        assert_eq!(rig.state(), State::SynReceived, "{name}");
        assert_eq!(sent_at(&mut rig, 2), [0; 0], "{name}");
        assert_eq!(rig.state(), State::Listen, "{name}");
        assert_eq!(rig.dropped(Why::HalfOpenExpired), 1, "{name}");
        rig.assert_quiet();
    }
}

#[test]
fn lost_syn_ack_is_sent_again_with_the_same_numbers_and_the_third_ack_opens() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    let first = rig.out[0].header;
    rig.expect("S.", 0, 0, 1);
    // Across the end of an epoch: the number is minted again, and must be the same.
    assert_eq!(rig.wait_for_segment(S(2)), S(1));
    assert_eq!(rig.out[0].header, first);
    rig.expect("S.", 0, 0, 1);
    rig.advance(S(29));
    rig.out.clear();
    rig.inject(Seg::new(".", 1).ack(1));
    assert_eq!(rig.state(), State::Established);
    rig.accept(listener);
    rig.advance(S(100));
    rig.expect_nothing();
}

/// The number of an entry that outlives its epoch (64 s of Unix time) does not change.
#[test]
fn half_open_entry_keeps_its_iss_across_an_epoch() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.advance(S(62) - Duration::from_millis(500));
    rig.inject(Seg::new("S", 0).mss(1000));
    let iss = rig.iss;
    rig.expect("S.", 0, 0, 1);
    rig.advance(S(20));
    assert!(rig.out.drain(..).all(|o| o.header.seq.value() == iss));
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener);
}

#[test]
fn repeated_syn_is_answered_with_the_same_syn_ack() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    let first = rig.out[0].header;
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("S", 0).mss(1000));
    assert_eq!(rig.out[0].header, first);
    rig.expect("S.", 0, 0, 1);
    assert_eq!(rig.dropped(Why::Duplicate), 1);
    assert_eq!(rig.stack.counts(), (0, 1, 0));
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener);
}

#[test]
fn lost_third_ack_is_made_good_by_the_first_data() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(100));
    let id = rig.accept(listener);
    rig.expect(".", 1, 0, 101);
    assert_eq!(rig.read(id), pattern(1, 100));
}

#[test]
fn lost_third_ack_and_first_data_are_made_good_by_the_second() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P.", 101).ack(1).data(100));
    assert_eq!(rig.state(), State::Established);
    let id = rig.accept(listener);
    rig.expect(".", 1, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(100));
    rig.expect(".", 1, 0, 201);
    assert_eq!(rig.read(id), pattern(1, 200));
}

#[test]
fn lost_third_ack_and_data_are_made_good_by_a_fin() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(1));
    rig.expect(".", 1, 0, 2);
    assert_eq!(rig.state(), State::CloseWait);
    let id = rig.accept(listener);
    assert_eq!(rig.receive(id), Ok(Received::Finished));
}

/// The client believes itself connected and hears the SYN-ACK again: its ACK opens.
#[test]
fn lost_third_ack_is_made_good_by_the_answer_to_the_repeated_syn_ack() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_eq!(rig.wait_for_segment(S(2)), S(1));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener);
    rig.expect_nothing();
}

/// RFC 9293 section 3.8.3 with RFC 6298 section 5.7: after a lost SYN-ACK the connection starts with an RTO of 3 s.
#[test]
fn lost_syn_makes_the_first_rto_three_seconds() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.wait_for_segment(S(2));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.status(id).rto, S(3));
}

/// RFC 6298 sections 2.2 and 3: the SYN-ACK is timed, unless the third ACK may answer another one than the first.
#[test]
fn third_ack_gives_the_first_round_trip_of_a_passive_open() {
    const MS: fn(u64) -> Duration = Duration::from_millis;
    let stamped = Config::default();
    let plain = Config {
        timestamps: false,
        ..Config::default()
    };
    for (name, config, before, syns, srtt, rto) in [
        ("plain", &plain, MS(130), 1, Some(MS(130)), MS(390)),
        ("timestamps", &stamped, MS(130), 1, Some(MS(130)), MS(390)),
        ("at once", &plain, MS(0), 1, Some(MS(1)), MS(200)),
        ("the SYN came twice", &plain, MS(130), 2, None, S(1)),
        // The TSval of a SYN-ACK is part of a cookie, the same in each copy, so that its echo does not tell them apart.
        ("the SYN came twice, with timestamps", &stamped, MS(130), 2, None, S(1)),
        ("the SYN-ACK left twice", &plain, MS(1130), 1, Some(S(1)), S(3)),
        (
            "the SYN-ACK left twice, with timestamps",
            &stamped,
            MS(1130),
            1,
            Some(S(1)),
            S(3),
        ),
    ] {
        let mut rig = Rig::with(config.clone());
        // A time that is no whole number of tenths of a second.
        rig.advance(MS(77));
        let listener = rig.listen();
        let stamp = |seg: Seg, out: Option<&Seg>| match (config.timestamps, out) {
            (false, _) => seg,
            (true, None) => seg.ts(PEER_TS, 0),
            (true, Some(out)) => seg.ts(PEER_TS + 1, out.options.timestamps.expect("agreed").val),
        };
        for _ in 0..syns {
            rig.inject(stamp(Seg::new("S", 0).mss(1000), None));
        }
        rig.advance(before);
        let last = rig.out.pop_back().map(|out| rig.relative(&out));
        rig.out.clear();
        rig.inject(stamp(Seg::new(".", 1).ack(1), last.as_ref()));
        let id = rig.accept(listener);
        let status = rig.status(id);
        assert_eq!((status.srtt, status.rto), (srtt, rto), "{name}");
    }
}

/// The third ACK that found the accept queue full is no longer there to be timed; what comes later is no answer.
#[test]
fn third_ack_that_was_not_taken_spoils_the_round_trip() {
    let mut rig = Rig::plain();
    let local = rig.local();
    let listener = rig.listen_with(ListenOptions {
        accept_backlog: 1,
        ..ListenOptions::new(local)
    });
    let other = 50_000;
    rig.inject(Seg::new("S", 0).mss(1000));
    let iss = rig.iss;
    rig.their_port = other;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.inject(Seg::new(".", 1).ack(1));
    (rig.their_port, rig.iss) = (40_001, iss);
    rig.inject(Seg::new(".", 1).ack(1));
    assert_eq!(rig.dropped(Why::AcceptQueueFull), 1);
    rig.accept(listener);
    rig.advance(Duration::from_millis(500));
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    let id = rig.accept(listener);
    assert_eq!(rig.status(id).srtt, None);
}

/// RFC 9293 section 3.10.7.4, first step: not acceptable, so it is acknowledged and changes nothing.
#[test]
fn third_ack_outside_the_window_is_acknowledged_and_not_taken() {
    for (name, seq) in [("old", 0), ("beyond", 65_537), ("far off", 0x8000_0000)] {
        let mut rig = Rig::plain();
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new(".", seq).ack(1));
        rig.expect(".", 1, 0, 1);
        assert_eq!(rig.state(), State::SynReceived, "{name}");
        assert_eq!(rig.dropped(Why::OutOfWindow), 1, "{name}");
    }
}

#[test]
fn third_ack_with_an_old_timestamp_is_not_taken() {
    let mut rig = Rig::with(Config::default());
    rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000).ts(PEER_TS, 0));
    let ours = rig.expect("S.", 0, 0, 1).options.timestamps.unwrap().val;
    rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS - 1, ours));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.dropped(Why::Paws), 1);
    assert_eq!(rig.state(), State::SynReceived);
}

#[test]
fn third_segment_without_ack_is_dropped() {
    let mut rig = Rig::plain();
    rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P", 1).data(10));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::NoAck), 1);
    assert_eq!(rig.state(), State::SynReceived);
}

/// RFC 9293 section 3.10.7.4, second step, with RFC 5961 section 3.2.
#[test]
fn rst_removes_a_half_open_entry_only_when_exact() {
    for (name, seq, gone, answered, why) in [
        ("exact", 1, true, false, Why::HalfOpenReset),
        ("in the window", 2, false, true, Why::ResetInexact),
        ("last of the window", 65_535, false, true, Why::ResetInexact),
        ("behind it", 0, false, false, Why::ResetOutOfWindow),
        ("beyond it", 65_536, false, false, Why::ResetOutOfWindow),
    ] {
        let mut rig = Rig::plain();
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new("R", seq));
        if answered {
            rig.expect(".", 1, 0, 1);
        }
        rig.expect_nothing();
        assert_eq!(rig.state() == State::Listen, gone, "{name}");
        assert_eq!(rig.dropped(why), 1, "{name}");
        if gone {
            rig.assert_quiet();
        }
    }
}

/// RFC 9293 section 3.10.7.4, fourth step, SYN-RECEIVED after a passive open: back to LISTEN, from where the next SYN opens.
#[test]
fn other_syn_in_the_window_returns_a_half_open_entry_to_listen() {
    let mut rig = Rig::plain();
    rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("S", 5000).mss(1000));
    rig.expect_nothing();
    assert_eq!(rig.state(), State::Listen);
    rig.inject(Seg::new("S", 5000).mss(1000));
    rig.expect("S.", 0, 0, 5001);
}

/// A client that lost its memory: its SYN is answered by an ACK, whose RST clears the way.
#[test]
fn other_syn_outside_the_window_is_challenged() {
    let mut rig = Rig::plain();
    rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("S", 0x4000_0000).mss(1000));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.state(), State::SynReceived);
    rig.inject(Seg::new("R", 1));
    assert_eq!(rig.state(), State::Listen);
}

#[test]
fn answers_of_half_open_entries_are_budgeted() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            stateless_acks_per_s: 3,
            ..Limits::default()
        },
        ..Config::default()
    });
    rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    for _ in 0..5 {
        rig.inject(Seg::new("R", 2));
    }
    assert_eq!(rig.out.len(), 3);
    assert_eq!(rig.dropped(Why::AckBudget), 2);
}

/// RFC 9293 figure 8, with our SYN lost: theirs comes, and our SYN-ACK is all they ever see.
#[test]
fn simultaneous_open_with_our_syn_lost() {
    let mut rig = Rig::plain();
    rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    assert_eq!(rig.state(), State::Established);
    rig.advance(S(100));
    rig.expect_nothing();
}

#[test]
fn simultaneous_open_with_our_syn_ack_lost() {
    let mut rig = Rig::plain();
    rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_eq!(rig.wait_for_segment(S(2)), S(1));
    rig.expect("S.", 0, 0, 1);
    // Their SYN again: they have not seen our SYN-ACK.
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    assert_eq!(rig.state(), State::Established);
    // And theirs again, for they have seen neither: it is acknowledged (RFC 5961 section 4.2).
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
}

#[test]
fn simultaneous_open_is_given_up_after_its_retransmissions() {
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(ConnectionOptions {
        syn_retransmissions_max: 2,
        ..ConnectionOptions::default()
    }));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_eq!(sent_at(&mut rig, 20), [1, 3]);
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
    rig.close(id);
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.7.4, second step: an RST in SYN-RECEIVED after an active open is a refusal.
#[test]
fn simultaneous_open_refused() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("R", 1));
    assert_eq!(rig.status(id).ended, Some(Ended::Refused));
    rig.close(id);
    rig.assert_quiet();
}

/// No room at all would be a listener that never listens: 0 is 1, and says so.
#[test]
fn accept_backlog_of_0_holds_one_connection() {
    let mut rig = Rig::plain();
    let local = rig.local();
    let listener = rig.listen_with(ListenOptions {
        accept_backlog: 0,
        ..ListenOptions::new(local)
    });
    let queue = |rig: &Rig| match rig.stack.entries(rig.now()).first() {
        Some(Entry::Listener { accept_queue, .. }) => *accept_queue,
        other => panic!("no listener but {other:?}"),
    };
    assert_eq!(queue(&rig), (0, 1));
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.inject(Seg::new(".", 1).ack(1));
    assert_eq!(queue(&rig), (1, 1));
    rig.their_port += 1;
    rig.inject(Seg::new("S", 0).mss(1000));
    assert_eq!(rig.dropped(Why::AcceptQueueFull), 1);
    rig.accept(listener);
    assert_eq!(queue(&rig), (0, 1));
}

/// A crowd of clients on ports 1000 and up.
fn syns(rig: &mut Rig, n: u16) -> usize {
    for port in 0..n {
        rig.their_port = 1000 + port;
        rig.inject(Seg::new("S", 0).mss(1000));
    }
    let answered = rig.out.len();
    rig.out.clear();
    answered
}

#[test]
fn syn_queue_full_drops_syns_and_heals() {
    let mut rig = Rig::plain();
    let local = rig.local();
    rig.listen_with(ListenOptions {
        syn_backlog: 3,
        syn_cookies: SynCookies::Never,
        ..ListenOptions::new(local)
    });
    assert_eq!(syns(&mut rig, 5), 3);
    assert_eq!(rig.dropped(Why::SynQueueFull), 2);
    assert_eq!(rig.stack.counts(), (0, 3, 0));
    rig.their_port = 1000;
    rig.inject(Seg::new("R", 1));
    rig.their_port = 1004;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.advance(S(64));
    rig.out.clear();
    rig.assert_quiet();
}

#[test]
fn half_open_entries_of_all_listeners_are_bounded() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            embryos: 4,
            ..Limits::default()
        },
        ..Config::default()
    });
    listen_without_cookies(&mut rig);
    assert_eq!(syns(&mut rig, 6), 4);
    assert_eq!(rig.dropped(Why::EmbryosFull), 2);
    rig.our_port = 81;
    listen_without_cookies(&mut rig);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::EmbryosFull), 3);
}

fn listen_without_cookies(rig: &mut Rig) -> ListenerId {
    let local = rig.local();
    rig.listen_with(ListenOptions {
        syn_cookies: SynCookies::Never,
        ..ListenOptions::new(local)
    })
}

/// A listener with room for one in its accept queue, and a client at port 1000 in it.
fn crowded(overflow: AcceptOverflow) -> (Rig, ListenerId) {
    let mut rig = Rig::plain();
    let local = rig.local();
    let listener = rig.listen_with(ListenOptions {
        accept_backlog: 1,
        accept_overflow: overflow,
        ..ListenOptions::new(local)
    });
    // Both get their SYN-ACK while the queue is empty.
    let mut iss = 0;
    for port in [1000, 1001] {
        rig.their_port = port;
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        if port == 1000 {
            iss = rig.iss;
        }
    }
    let second = std::mem::replace(&mut rig.iss, iss);
    rig.their_port = 1000;
    rig.inject(Seg::new(".", 1).ack(1));
    assert_eq!(rig.state(), State::Established);
    (rig.their_port, rig.iss) = (1001, second);
    (rig, listener)
}

#[test]
fn accept_queue_full_ignores_the_third_ack() {
    let (mut rig, listener) = crowded(AcceptOverflow::Ignore);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect_nothing();
    assert_eq!(rig.state(), State::SynReceived);
    assert_eq!(rig.dropped(Why::AcceptQueueFull), 1);
    // No SYN-ACK while the queue is full: neither by time, nor for the SYN again, nor for another SYN.
    rig.advance(S(2));
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.their_port = 1002;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::AcceptQueueFull), 2);
    // Room again: the SYN-ACK goes on, and the client's ACK opens.
    rig.accept(listener);
    rig.their_port = 1001;
    rig.wait_for_segment(S(3));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    let id = rig.accept(listener);
    assert_eq!(rig.read(id), pattern(1, 10));
}

#[test]
fn accept_queue_full_resets_where_the_listener_says_so() {
    let (mut rig, _) = crowded(AcceptOverflow::Reset);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.stack.counts(), (1, 0, 0));
    assert!(rig.stack.observer().causes.contains(&Cause::ResetOverflow));
}

#[test]
fn connections_full_ignores_the_third_ack() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            connections: 1,
            ..Limits::default()
        },
        ..Config::default()
    });
    let listener = rig.listen();
    let held = rig.open_passive(listener);
    rig.their_port += 1;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::ConnectionsFull), 1);
    rig.abort(held);
    rig.out.clear();
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener);
}

#[test]
fn replies_that_the_link_cannot_take_are_bounded() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            replies: 2,
            ..Limits::default()
        },
        ..Config::default()
    });
    rig.listen();
    rig.link_full = true;
    syns(&mut rig, 5);
    assert_eq!(rig.dropped(Why::RepliesFull), 3);
    rig.link_full = false;
    rig.flush();
    assert_eq!(rig.out.len(), 2);
}

/// An ACK with a window of 0 would stall a peer that has our SYN-ACK and believes itself connected; one of more than was
/// offered would take back what the connection cannot hold.
#[test]
fn half_open_entry_challenges_with_the_window_that_its_syn_ack_offered() {
    for (name, syn, window) in [
        ("without scale", Seg::new("S", 0).mss(1000), 65_535),
        ("with scale", Seg::new("S", 0).mss(1000).wscale(7), 255),
    ] {
        let mut rig = Rig::with(Config::default());
        rig.listen();
        rig.inject(syn);
        let offered = rig.next();
        assert_eq!(offered.window, 65_535, "{name}");
        for stray in [
            Seg::new(".", 10_000_000).ack(1),
            Seg::new("R", 100),
            Seg::new("S", 10_000_000),
        ] {
            rig.inject(stray);
            let challenge = rig.expect(".", 1, 0, 1);
            assert_eq!(challenge.window, window, "{name}: our scale is 8");
        }
    }
}
