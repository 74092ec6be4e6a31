//! TIME-WAIT (RFC 9293 sections 3.6.1 and 3.10.7.4; RFC 1337; RFC 6191).

use crate::rig::*;
use syndic_stack::*;

const S: fn(u64) -> Duration = Duration::from_secs;
const TWO_MSL: Duration = Duration::from_secs(60);

/// A connection that a listener accepted and that we closed first: in TIME-WAIT, snd.nxt = 2, rcv.nxt = 2.
fn closed_by_us(config: Config, timestamps: bool) -> (Rig, ListenerId) {
    let mut rig = Rig::with(config);
    let listener = rig.listen();
    let ts = |seg: Seg, val: u32, ecr: u32| if timestamps { seg.ts(val, ecr) } else { seg };
    rig.inject(ts(Seg::new("S", 0).mss(1000), PEER_TS, 0));
    let echo = rig.expect("S.", 0, 0, 1).options.timestamps.map_or(0, |t| t.val);
    rig.inject(ts(Seg::new(".", 1).ack(1), PEER_TS, echo));
    let id = rig.accept(listener);
    rig.close(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(ts(Seg::new("F.", 1).ack(2), PEER_TS, echo));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
    assert_eq!(rig.stack.counts(), (0, 0, 1), "no connection, only the small entry");
    rig.events();
    (rig, listener)
}

fn plain() -> (Rig, ListenerId) {
    let config = Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        ..Config::default()
    };
    closed_by_us(config, false)
}

/// RFC 9293 MUST-13: 2MSL, and then nothing is left.
#[test]
fn lasts_two_msl_and_gives_its_memory_back() {
    let (mut rig, _) = plain();
    rig.advance(TWO_MSL - Duration::from_millis(2));
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(Duration::from_millis(4));
    assert_eq!(rig.state(), State::Listen);
    rig.assert_quiet();
    assert_eq!(
        rig.stack.observer().states.last(),
        Some(&(State::TimeWait, State::Closed))
    );
}

#[test]
fn duration_is_configurable() {
    let config = Config {
        time_wait: S(7),
        ..Config::default()
    };
    let (mut rig, _) = closed_by_us(config, false);
    rig.advance(S(6));
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(S(2));
    rig.assert_quiet();
}

#[test]
fn the_same_in_ipv6() {
    let mut rig = Rig::plain();
    (rig.ours, rig.theirs) = (v6(2), v6(1));
    let listener = rig.listen();
    let id = rig.open_passive(listener);
    rig.close(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.expect(".", 2, 0, 2);
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.expect(".", 2, 0, 2);
    rig.advance(S(61));
    rig.assert_quiet();
}

/// The side that closes last has no TIME-WAIT.
#[test]
fn only_the_side_that_closes_first_waits() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    rig.inject(Seg::new("F.", 1).ack(1));
    rig.expect(".", 1, 0, 2);
    rig.close(id);
    rig.expect("F.", 1, 0, 2);
    rig.inject(Seg::new(".", 2).ack(2));
    assert_eq!(rig.stack.counts(), (0, 0, 0));
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.7.4, eighth step: our last ACK was lost; it is sent again, and 2MSL begin anew.
#[test]
fn repeated_fin_is_acknowledged_and_restarts_two_msl() {
    let (mut rig, _) = plain();
    rig.advance(S(50));
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.expect(".", 2, 0, 2);
    rig.advance(S(59));
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(S(2));
    rig.assert_quiet();
}

#[test]
fn repeated_fin_with_text_is_acknowledged_and_restarts_two_msl() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("FP.", 1).ack(2).data(30));
    rig.expect(".", 2, 0, 32);
    rig.advance(S(50));
    rig.inject(Seg::new("FP.", 1).ack(2).data(30));
    rig.expect(".", 2, 0, 32);
    rig.advance(S(59));
    assert_eq!(rig.status(id).state, State::TimeWait);
    assert_eq!(rig.read(id), pattern(1, 30), "its user may still read");
    rig.advance(S(2));
    assert_eq!(rig.status(id).state, State::Closed);
    rig.close(id);
    rig.assert_quiet();
}

/// What is old is answered with where we stand, and its text reaches nobody.
#[test]
fn old_duplicates_are_acknowledged_and_kept_out() {
    for (name, seg, answered) in [
        ("old data", Seg::new("P.", 1).ack(2).data(10), true),
        ("data beyond", Seg::new("P.", 2).ack(2).data(10), true),
        // RFC 9293 section 3.10.7.4 would have this one answered, but it asks for nothing.
        ("an old ACK", Seg::new(".", 1).ack(1), false),
        ("the very last ACK again", Seg::new(".", 2).ack(2), false),
        ("an old SYN-ACK", Seg::new("S.", 0).ack(1), true),
    ] {
        let (mut rig, listener) = plain();
        rig.advance(S(50));
        rig.inject(seg);
        if answered {
            rig.expect(".", 2, 0, 2);
        }
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::TimeWaitOld), 1, "{name}");
        let now = rig.now();
        assert_eq!(rig.stack.accept(now, listener), Ok(None), "{name}");
        rig.advance(S(11));
        rig.assert_quiet();
    }
}

/// The half-open entry that was to reopen the old connection is gone, and the peer's new one lives. Our answer to its FIN makes
/// it state where it stands, as every TCP does; if we answered that, both would acknowledge each other until 2MSL are over.
#[test]
fn peer_of_a_later_connection_is_not_answered_for_ever() {
    let (mut rig, listener) = plain();
    let (old_iss, now) = (rig.iss, rig.now());
    rig.inject(Seg::new("S", 1000).mss(1000));
    rig.expect("S.", 0, 0, 1001);
    rig.stack.close_listener(now, listener).expect("it listens");
    assert_eq!(rig.state(), State::TimeWait);
    let new_iss = std::mem::replace(&mut rig.iss, old_iss);
    for _ in 0..3 {
        rig.iss = new_iss;
        rig.inject(Seg::new("F.", 1001).ack(1));
        rig.iss = old_iss;
        rig.expect(".", 2, 0, 2);
        // What the peer says to that, and what a keep-alive of it would look like.
        rig.iss = new_iss;
        for seq in [1002, 1000] {
            rig.inject(Seg::new(".", seq).ack(1));
            rig.expect_nothing();
        }
        rig.advance(S(1));
    }
    assert_eq!(rig.dropped(Why::TimeWaitOld), 9);
    assert_eq!(rig.state(), State::TimeWait);
}

/// RFC 1337 section 3: whatever its number.
#[test]
fn rst_does_not_cut_it_short() {
    for seq in [2, 1, 3, 0x8000_0000] {
        let (mut rig, _) = plain();
        rig.inject(Seg::new("R", seq));
        rig.expect_nothing();
        assert_eq!(rig.state(), State::TimeWait, "{seq}");
        assert_eq!(rig.dropped(Why::TimeWaitReset), 1, "{seq}");
    }
}

/// RFC 9293 MAY-2: a SYN beyond all that the old connection used; ours begins beyond all that we used.
#[test]
fn reopened_by_a_greater_sequence_number() {
    let (mut rig, listener) = plain();
    let old_iss = rig.iss;
    rig.inject(Seg::new("S", 3).mss(1000));
    let syn_ack = rig.out[0].header;
    rig.expect("S.", 0, 0, 4);
    // SND.NXT was ISS + 2.
    assert_eq!(syn_ack.seq.value(), old_iss.wrapping_add(2 + 65_537));
    assert_eq!(rig.state(), State::SynReceived);
    assert_eq!(rig.stack.counts(), (0, 1, 1), "the old entry still stands");
    rig.inject(Seg::new("P.", 4).ack(1).data(10));
    let id = rig.accept(listener);
    rig.expect(".", 1, 0, 14);
    assert_eq!(rig.read(id), pattern(4, 10));
    assert_eq!(rig.stack.counts(), (1, 0, 0), "and now has been replaced");
    rig.abort(id);
    rig.out.clear();
    rig.assert_quiet();
}

/// The SYN-ACK of a reopening is retransmitted with the same number, though no number is stored.
#[test]
fn reopening_keeps_its_iss() {
    let (mut rig, _) = plain();
    rig.inject(Seg::new("S", 3).mss(1000));
    let first = rig.out[0].header;
    rig.expect("S.", 0, 0, 4);
    rig.wait_for_segment(S(2));
    assert_eq!(rig.out[0].header, first);
}

/// RFC 6191 section 2: a later timestamp is enough, whatever the sequence number; ours go on from where they were.
#[test]
fn reopened_by_a_later_timestamp() {
    for seq in [3, 0x9000_0000, 1] {
        let (mut rig, listener) = closed_by_us(Config::default(), true);
        rig.inject(Seg::new("F.", 1).ack(2).ts(PEER_TS, 0));
        let last = rig.expect(".", 2, 0, 2).options.timestamps.expect("negotiated").val;
        rig.advance(Duration::from_millis(5));
        rig.inject(Seg::new("S", seq).mss(1000).ts(PEER_TS + 1, 0));
        let ts = rig.expect("S.", 0, 0, seq + 1).options.timestamps.expect("offered");
        assert_eq!(ts.ecr, PEER_TS + 1);
        assert_eq!(ts.val.wrapping_sub(last), 5, "monotone across both connections");
        rig.inject(Seg::new(".", seq + 1).ack(1).ts(PEER_TS + 2, ts.val));
        let id = rig.accept(listener);
        assert!(rig.status(id).timestamps);
    }
}

#[test]
fn refused_reuse_is_acknowledged() {
    for (name, timestamps, seg) in [
        ("same sequence number", false, Seg::new("S", 2)),
        ("the old SYN", false, Seg::new("S", 0)),
        ("older sequence number", false, Seg::new("S", 0x9000_0000)),
        ("older timestamp", true, Seg::new("S", 3).ts(PEER_TS - 1, 0)),
        ("the old SYN with its timestamp", true, Seg::new("S", 0).ts(PEER_TS, 0)),
        ("no timestamp, older sequence number", true, Seg::new("S", 0)),
    ] {
        let (mut rig, _) = closed_by_us(Config::default(), timestamps);
        rig.inject(seg);
        rig.expect(".", 2, 0, 2);
        assert_eq!(rig.state(), State::TimeWait, "{name}");
        assert_eq!(rig.dropped(Why::TimeWaitOld), 1, "{name}");
    }
}

/// RFC 6191 section 2: the same timestamp, or none, and a greater sequence number.
#[test]
fn reopened_by_the_sequence_number_where_timestamps_do_not_tell() {
    for seg in [Seg::new("S", 3).ts(PEER_TS, 0), Seg::new("S", 3)] {
        let (mut rig, _) = closed_by_us(Config::default(), true);
        rig.inject(seg);
        rig.expect("S.", 0, 0, 4);
    }
}

#[test]
fn not_reopened_without_a_listener() {
    let (mut rig, listener) = plain();
    let now = rig.now();
    rig.stack.close_listener(now, listener).expect("it listens");
    rig.inject(Seg::new("S", 3));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
}

/// RFC 9293 MAY-2's condition: the SYN was an old duplicate, so the connection returns to TIME-WAIT.
#[test]
fn old_duplicate_syn_returns_the_reopening_to_time_wait() {
    let (mut rig, _) = plain();
    let old_iss = rig.iss;
    rig.inject(Seg::new("S", 3).mss(1000));
    rig.expect("S.", 0, 0, 4);
    // The peer knows nothing of that SYN and resets our SYN-ACK.
    rig.inject(Seg::new("R", 4));
    assert_eq!(rig.state(), State::TimeWait);
    rig.iss = old_iss;
    rig.inject(Seg::new("P.", 1).ack(2).data(10));
    rig.expect(".", 2, 0, 2);
    rig.advance(S(61));
    rig.assert_quiet();
}

/// A SYN-ACK that came to nothing may have been believed: its number is not said again to another SYN, or what that client
/// sends would be taken for the new one's.
#[test]
fn each_reopening_has_an_iss_of_its_own() {
    let (mut rig, _) = plain();
    rig.inject(Seg::new("S", 3).mss(1000));
    let first = rig.out[0].header.seq;
    rig.expect("S.", 0, 0, 4);
    rig.inject(Seg::new("R", 4));
    assert_eq!(rig.state(), State::TimeWait);
    rig.inject(Seg::new("S", 100).mss(1000));
    let second = rig.out[0].header.seq;
    rig.expect("S.", 0, 0, 101);
    assert!(second.after(first), "{first} and {second}");
    // The first client's data, within the second's window.
    rig.iss = first.value();
    rig.inject(Seg::new("P.", 101).ack(1).data(10));
    assert_eq!(rig.state(), State::SynReceived);
    rig.expect("R", 1, 0, 0);
}

/// While the reopening waits, the old connection's segments still meet TIME-WAIT: a peer whose last ACK was lost must not be
/// reset because an old SYN was still on its way.
#[test]
fn old_segments_meet_time_wait_while_it_is_reopened() {
    let (mut rig, listener) = plain();
    let old_iss = rig.iss;
    rig.advance(S(30));
    rig.inject(Seg::new("S", 3).mss(1000));
    rig.expect("S.", 0, 0, 4);
    let new_iss = std::mem::replace(&mut rig.iss, old_iss);
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.stack.counts(), (0, 1, 1));
    // The reopening still succeeds if it was meant.
    rig.iss = new_iss;
    rig.inject(Seg::new(".", 4).ack(1));
    rig.accept(listener);
    assert_eq!(rig.stack.counts(), (1, 0, 0));
}

#[test]
fn reopening_that_nobody_completes_returns_to_time_wait() {
    let (mut rig, _) = plain();
    rig.advance(S(30));
    rig.inject(Seg::new("S", 3).mss(1000));
    rig.expect("S.", 0, 0, 4);
    // 2MSL end while the handshake still runs: the entry stands until it has died.
    rig.advance(S(62));
    assert_eq!(rig.stack.counts(), (0, 1, 1));
    rig.advance(S(2));
    assert_eq!(
        rig.stack.observer().states.last(),
        Some(&(State::SynReceived, State::TimeWait))
    );
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(S(12));
    rig.out.clear();
    rig.assert_quiet();
}

#[test]
fn reopening_is_refused_while_the_accept_queue_is_full() {
    let (mut rig, listener) = plain();
    let now = rig.now();
    rig.stack.close_listener(now, listener).expect("it listens");
    let local = rig.local();
    rig.listen_with(ListenOptions {
        accept_backlog: 1,
        ..ListenOptions::new(local)
    });
    let (port, iss) = (rig.their_port, rig.iss);
    rig.their_port = 1000;
    rig.inject(Seg::new("S", 0));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    (rig.their_port, rig.iss) = (port, iss);
    rig.inject(Seg::new("S", 3));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::AcceptQueueFull), 1);
    assert_eq!(rig.state(), State::TimeWait);
}

/// A full table gives up the entry that is nearest its end.
#[test]
fn full_table_evicts_the_entry_nearest_its_end() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            time_waits: 2,
            ..Limits::default()
        },
        timestamps: false,
        ..Config::default()
    });
    let listener = rig.listen();
    let mut states = Vec::new();
    for port in [1000, 1001, 1002] {
        rig.their_port = port;
        let id = rig.open_passive(listener);
        rig.close(id);
        rig.expect("F.", 1, 0, 1);
        rig.inject(Seg::new("F.", 1).ack(2));
        rig.expect(".", 2, 0, 2);
        if port == 1001 {
            // The first is renewed, so that the second is nearest its end.
            rig.advance(S(10));
            rig.their_port = 1000;
            rig.inject(Seg::new("F.", 1));
            rig.out.clear();
        }
    }
    for port in [1000, 1001, 1002] {
        rig.their_port = port;
        states.push(rig.state());
    }
    assert_eq!(states, [State::TimeWait, State::Listen, State::TimeWait]);
    assert_eq!(rig.dropped(Why::TimeWaitsFull), 1);
    rig.advance(S(61));
    rig.assert_quiet();
}

/// The half-open entry that was to replace an entry which makes room goes with it, and every step of both is told.
#[test]
fn entry_that_makes_room_takes_its_reopening_along() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            time_waits: 1,
            ..Limits::default()
        },
        timestamps: false,
        ..Config::default()
    });
    let listener = rig.listen();
    let wait = |rig: &mut Rig, port| {
        rig.their_port = port;
        let id = rig.open_passive(listener);
        rig.close(id);
        rig.expect("F.", 1, 0, 1);
        rig.inject(Seg::new("F.", 1).ack(2));
        rig.expect(".", 2, 0, 2);
    };
    wait(&mut rig, 1000);
    rig.inject(Seg::new("S", 3));
    rig.expect("S.", 0, 0, 4);
    assert_eq!(rig.stack.counts(), (0, 1, 1));
    let told = rig.stack.observer().states.len();
    wait(&mut rig, 1001);
    assert_eq!(rig.stack.counts(), (0, 0, 1));
    assert_eq!(rig.dropped(Why::TimeWaitsFull), 1);
    let states = &rig.stack.observer().states[told..];
    let gone = [(State::SynReceived, State::TimeWait), (State::TimeWait, State::Closed)];
    assert!(states.windows(2).any(|steps| steps == gone), "{states:?}");
    rig.their_port = 1000;
    assert_eq!(rig.state(), State::Listen);
    rig.advance(S(61));
    rig.assert_quiet();
}

#[test]
fn answers_are_budgeted() {
    let config = Config {
        limits: Limits {
            stateless_acks_per_s: 2,
            ..Limits::default()
        },
        ..Config::default()
    };
    let (mut rig, _) = closed_by_us(config, false);
    for _ in 0..5 {
        rig.inject(Seg::new("P.", 1).ack(2).data(10));
    }
    assert_eq!(rig.out.len(), 2);
    assert_eq!(rig.dropped(Why::AckBudget), 3);
}

/// Both close at once: CLOSING, then TIME-WAIT (RFC 9293 figure 13).
#[test]
fn simultaneous_close_waits_too() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    rig.close(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(1));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::Closing);
    rig.inject(Seg::new(".", 2).ack(2));
    assert_eq!(rig.state(), State::TimeWait);
    rig.expect_nothing();
    rig.advance(S(61));
    rig.assert_quiet();
}
