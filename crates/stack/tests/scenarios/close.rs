//! Closing a connection (RFC 9293 sections 3.6 and 3.10.4 to 3.10.7): in both orders, half and whole, gracefully and not; what
//! the user is told, and that every end gives its memory back.

use crate::rig::*;
use syndic_stack::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn with(options: ConnectionOptions) -> (Rig, ConnectionId) {
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(options));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    rig.events();
    (rig, id)
}

fn open() -> (Rig, ConnectionId) {
    with(ConnectionOptions::default())
}

/// What became ready, in the one event that waits.
#[track_caller]
fn ready(rig: &mut Rig) -> Ready {
    match rig.events()[..] {
        [Event::Connection(_, ready)] => ready,
        ref other => panic!("{other:?}"),
    }
}

/// RFC 9293 figure 12: we close first.
#[test]
fn we_close_first() {
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (ours, theirs);
        let id = rig.open_active();
        rig.shutdown(id);
        rig.expect("F.", 1, 0, 1);
        assert_eq!(rig.state(), State::FinWait1);
        rig.inject(Seg::new(".", 1).ack(2));
        assert_eq!(rig.state(), State::FinWait2);
        rig.events();
        rig.inject(Seg::new("F.", 1).ack(2));
        rig.expect(".", 2, 0, 2);
        assert_eq!(rig.state(), State::TimeWait);
        let r = ready(&mut rig);
        assert!(r.readable && r.ended);
        assert_eq!(rig.receive(id), Ok(Received::Finished));
        assert_eq!(rig.status(id).ended, None, "this is how it should end");
        rig.close(id);
        assert_eq!(rig.stack.counts(), (0, 0, 1));
        rig.advance(S(61));
        rig.assert_quiet();
    }
}

/// RFC 9293 figure 12, from the other side.
#[test]
fn they_close_first() {
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (ours, theirs);
        let id = rig.open_active();
        rig.events();
        rig.inject(Seg::new("F.", 1).ack(1));
        rig.expect(".", 1, 0, 2);
        assert_eq!(rig.state(), State::CloseWait);
        let r = ready(&mut rig);
        assert!(r.readable && !r.ended);
        assert_eq!(rig.receive(id), Ok(Received::Finished));
        rig.shutdown(id);
        rig.expect("F.", 1, 0, 2);
        assert_eq!(rig.state(), State::LastAck);
        rig.inject(Seg::new(".", 2).ack(2));
        assert_eq!(rig.state(), State::Closed);
        assert!(ready(&mut rig).ended);
        assert_eq!(rig.status(id).state, State::Closed);
        rig.close(id);
        rig.assert_quiet();
    }
}

/// RFC 9293 figure 13.
#[test]
fn simultaneous_close() {
    let (mut rig, id) = open();
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(1));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::Closing);
    assert_eq!(rig.receive(id), Ok(Received::Finished));
    rig.inject(Seg::new(".", 2).ack(2));
    assert_eq!(rig.state(), State::TimeWait);
    rig.close(id);
    rig.advance(S(61));
    rig.assert_quiet();
}

/// The ACK of our FIN and theirs in one segment: FIN-WAIT-1 straight to TIME-WAIT.
#[test]
fn fin_that_acknowledges_ours_leads_straight_to_time_wait() {
    let (mut rig, id) = open();
    rig.close(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
    rig.expect_nothing();
}

/// RFC 9293 section 3.6, case 1: having closed, we still receive.
#[test]
fn data_after_our_fin_is_received() {
    let (mut rig, id) = open();
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(100));
    rig.expect(".", 2, 0, 101);
    rig.inject(Seg::new(".", 101).ack(2));
    rig.inject(Seg::new("P.", 101).ack(2).data(100));
    rig.expect(".", 2, 0, 201);
    assert_eq!(rig.state(), State::FinWait2);
    assert_eq!(rig.read(id), pattern(1, 200));
    rig.inject(Seg::new("FP.", 201).ack(2).data(5));
    rig.expect(".", 2, 0, 207);
    assert_eq!(rig.read(id), pattern(201, 5));
    assert_eq!(rig.receive(id), Ok(Received::Finished));
}

/// The peer has closed; we still send, and our FIN follows the last byte.
#[test]
fn data_after_their_fin_is_sent() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("F.", 1).ack(1));
    rig.expect(".", 1, 0, 2);
    assert_eq!(rig.send(id, 1, 1500), 1500);
    rig.expect(".", 1, 1000, 2);
    rig.inject(Seg::new(".", 2).ack(1001));
    rig.expect("P.", 1001, 500, 2);
    rig.close(id);
    rig.expect("F.", 1501, 0, 2);
    rig.inject(Seg::new(".", 2).ack(1502));
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.4: CLOSE lets what was sent before it go first; the FIN rides on the last segment.
#[test]
fn fin_rides_on_the_last_data() {
    let (mut rig, id) = open();
    rig.link_full = true;
    rig.send(id, 1, 300);
    rig.close(id);
    rig.link_full = false;
    rig.flush();
    rig.expect("FP.", 1, 300, 1);
    rig.expect_nothing();
    // The text alone is acknowledged first.
    rig.inject(Seg::new(".", 1).ack(301));
    assert_eq!(rig.state(), State::FinWait1);
    rig.inject(Seg::new(".", 1).ack(302));
    assert_eq!(rig.state(), State::FinWait2);
}

#[test]
fn fin_with_data_is_taken_whole() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("FP.", 1).ack(1).data(100));
    rig.expect(".", 1, 0, 102);
    assert_eq!(rig.state(), State::CloseWait);
    assert_eq!(rig.read(id), pattern(1, 100));
    assert_eq!(rig.receive(id), Ok(Received::Finished));
}

#[test]
fn fin_before_the_data_it_follows_waits_for_it() {
    for with_text in [false, true] {
        let (mut rig, id) = open();
        let (seq, len) = if with_text { (101, 50) } else { (151, 0) };
        rig.inject(Seg::new("F.", seq).ack(1).data(len));
        rig.expect(".", 1, 0, 1);
        assert_eq!(rig.state(), State::Established);
        rig.inject(Seg::new("P.", 1).ack(1).data(seq as usize - 1));
        rig.expect(".", 1, 0, 152);
        assert_eq!(rig.state(), State::CloseWait);
        assert_eq!(rig.read(id), pattern(1, 150));
        assert_eq!(rig.receive(id), Ok(Received::Finished));
    }
}

/// Beyond a hole, text comes again, now with the FIN on it: the FIN is news although the text is not.
#[test]
fn fin_on_text_that_is_held_already_is_noted() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("P.", 101).ack(1).data(50));
    rig.expect(".", 1, 0, 1);
    rig.inject(Seg::new("FP.", 101).ack(1).data(50));
    rig.expect(".", 1, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(100));
    rig.expect(".", 1, 0, 152);
    assert_eq!(rig.state(), State::CloseWait);
    assert_eq!(rig.read(id), pattern(1, 150));
}

/// RFC 9293 section 3.10.7.4, eighth step: a repeated FIN is acknowledged in every state that follows it.
#[test]
fn repeated_fin_is_acknowledged() {
    for closes in [false, true] {
        let (mut rig, id) = open();
        rig.inject(Seg::new("F.", 1).ack(1));
        rig.expect(".", 1, 0, 2);
        let snd = if closes {
            rig.shutdown(id);
            rig.expect("F.", 1, 0, 2);
            2
        } else {
            1
        };
        let state = rig.state();
        rig.inject(Seg::new("F.", 1).ack(1));
        rig.expect(".", snd, 0, 2);
        assert_eq!(rig.state(), state);
    }
}

/// RFC 9293 section 3.10.7.4, seventh step, CLOSE-WAIT and after: text cannot follow a FIN.
#[test]
fn text_after_their_fin_is_dropped() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("F.", 1).ack(1));
    rig.expect(".", 1, 0, 2);
    rig.inject(Seg::new("P.", 2).ack(1).data(10));
    assert_eq!(rig.dropped(Why::DataAfterFin), 1);
    assert_eq!(rig.receive(id), Ok(Received::Finished));
    assert_eq!(rig.state(), State::CloseWait);
}

/// A peer that lies about its end: what its FIN excludes is not taken, and the FIN stands.
#[test]
fn text_that_runs_over_a_known_fin_is_cut_there() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("F.", 101).ack(1));
    rig.expect(".", 1, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(300));
    rig.expect(".", 1, 0, 102);
    assert_eq!(rig.state(), State::CloseWait);
    assert_eq!(rig.read(id), pattern(1, 100));
}

#[test]
fn fin_is_retransmitted_and_given_up() {
    for (name, passive) in [("FIN-WAIT-1", false), ("LAST-ACK", true)] {
        let (mut rig, id) = with(ConnectionOptions {
            retransmissions_max: 3,
            ..ConnectionOptions::default()
        });
        let ack = if passive {
            rig.inject(Seg::new("F.", 1).ack(1));
            rig.expect(".", 1, 0, 2);
            2
        } else {
            1
        };
        rig.close(id);
        rig.expect("F.", 1, 0, ack);
        for _ in 0..3 {
            rig.wait_for_segment(S(60));
            rig.expect("F.", 1, 0, ack);
        }
        rig.advance(S(60));
        rig.expect_nothing();
        assert_eq!(rig.state(), State::Closed, "{name}");
        assert_eq!(rig.stack.observer().ended, [Ended::TimedOut], "{name}");
        rig.assert_quiet();
    }
}

#[test]
fn fin_is_retransmitted_with_backoff() {
    let (mut rig, id) = open();
    rig.close(id);
    rig.expect("F.", 1, 0, 1);
    let first = rig.wait_for_segment(S(10));
    rig.expect("F.", 1, 0, 1);
    let second = rig.wait_for_segment(S(10));
    rig.expect("F.", 1, 0, 1);
    assert_eq!(second, first.times(2));
    rig.inject(Seg::new(".", 1).ack(2));
    assert_eq!(rig.state(), State::FinWait2);
}

/// RFC 9293 section 3.6 leaves it open; a connection that nobody holds must not stand for ever.
#[test]
fn fin_wait_2_is_bounded_for_a_connection_that_nobody_holds() {
    let (mut rig, id) = with(ConnectionOptions {
        fin_wait_2: S(30),
        ..ConnectionOptions::default()
    });
    rig.close(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new(".", 1).ack(2));
    rig.advance(S(29));
    assert_eq!(rig.state(), State::FinWait2);
    rig.advance(S(2));
    rig.expect_nothing();
    rig.assert_quiet();
}

#[test]
fn fin_wait_2_is_not_bounded_while_the_user_holds_it() {
    let (mut rig, id) = open();
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new(".", 1).ack(2));
    rig.advance(S(100_000));
    assert_eq!(rig.state(), State::FinWait2);
    rig.inject(Seg::new("P.", 1).ack(2).data(10));
    rig.expect(".", 2, 0, 11);
    assert_eq!(rig.read(id), pattern(1, 10));
    // From now on it is.
    rig.close(id);
    rig.expect_nothing();
    rig.advance(S(61));
    rig.assert_quiet();
}

/// The user timeout (RFC 5482) is about what is unacknowledged. In FIN-WAIT-2 nothing is.
#[test]
fn user_timeout_ends_with_the_acknowledgment_of_the_fin() {
    let (mut rig, id) = with(ConnectionOptions {
        user_timeout: Some(S(10)),
        ..ConnectionOptions::default()
    });
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new(".", 1).ack(2));
    rig.advance(S(60));
    assert_eq!(rig.state(), State::FinWait2);
    assert_eq!(rig.status(id).ended, None);
}

#[test]
fn user_timeout_ends_a_close_that_nobody_answers() {
    let (mut rig, id) = with(ConnectionOptions {
        user_timeout: Some(S(10)),
        ..ConnectionOptions::default()
    });
    rig.shutdown(id);
    rig.advance(S(9));
    assert_eq!(rig.state(), State::FinWait1);
    rig.advance(S(2));
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::TimedOut)));
    rig.close(id);
    rig.assert_quiet();
}

/// No linger: what was sent goes on in the background, for as long as it takes.
#[test]
fn close_without_linger_sends_what_is_left_in_the_background() {
    let (mut rig, id) = open();
    rig.send(id, 1, 2500);
    rig.close(id);
    rig.expect(".", 1, 1000, 1);
    rig.expect(".", 1001, 1000, 1);
    rig.expect("FP.", 2001, 500, 1);
    rig.inject(Seg::new(".", 1).ack(2502));
    rig.inject(Seg::new("F.", 1).ack(2502));
    rig.expect(".", 2502, 0, 2);
    rig.advance(S(61));
    rig.assert_quiet();
}

#[test]
fn linger_zero_resets_at_once() {
    let (mut rig, id) = with(ConnectionOptions {
        linger: Some(Duration::ZERO),
        ..ConnectionOptions::default()
    });
    rig.send(id, 1, 500);
    rig.expect("P.", 1, 500, 1);
    rig.close(id);
    rig.expect("R.", 501, 0, 1);
    rig.assert_quiet();
}

#[test]
fn linger_resets_when_its_time_is_over_with_data_unacknowledged() {
    let (mut rig, id) = with(ConnectionOptions {
        linger: Some(S(5)),
        ..ConnectionOptions::default()
    });
    rig.send(id, 1, 500);
    rig.expect("P.", 1, 500, 1);
    rig.close(id);
    rig.expect("F.", 501, 0, 1);
    rig.advance(S(4));
    assert_eq!(rig.state(), State::FinWait1);
    rig.out.clear();
    rig.advance(S(2));
    let last = rig.out.pop_back().expect("a reset");
    assert_eq!(rig.relative(&last).flags, flags("R."));
    rig.assert_quiet();
}

/// Once all is acknowledged linger has done its work: the peer may take its time to close.
#[test]
fn linger_ends_with_the_acknowledgment_of_the_fin() {
    for shut_down_before in [false, true] {
        let (mut rig, id) = with(ConnectionOptions {
            linger: Some(S(1)),
            ..ConnectionOptions::default()
        });
        if shut_down_before {
            rig.shutdown(id);
            rig.expect("F.", 1, 0, 1);
            rig.inject(Seg::new(".", 1).ack(2));
            rig.close(id);
        } else {
            rig.close(id);
            rig.expect("F.", 1, 0, 1);
            rig.inject(Seg::new(".", 1).ack(2));
        }
        rig.advance(S(30));
        assert_eq!(rig.state(), State::FinWait2);
        rig.inject(Seg::new("F.", 1).ack(2));
        rig.expect(".", 2, 0, 2);
        assert_eq!(rig.state(), State::TimeWait);
    }
}

#[test]
fn abort_resets_and_forgets() {
    let (mut rig, id) = open();
    rig.send(id, 1, 500);
    rig.expect("P.", 1, 500, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    rig.expect(".", 501, 0, 11);
    rig.abort(id);
    rig.expect("R.", 501, 0, 11);
    rig.expect_nothing();
    rig.assert_quiet();
}

/// RFC 9293 section 3.6.1, MAY-1 and SHLD-3: data would be lost, and the peer is told so.
#[test]
fn close_with_unread_data_resets() {
    for half_closed in [false, true] {
        let (mut rig, id) = open();
        rig.inject(Seg::new(if half_closed { "FP." } else { "P." }, 1).ack(1).data(10));
        let rcv = 11 + u32::from(half_closed);
        rig.expect(".", 1, 0, rcv);
        rig.close(id);
        rig.expect("R.", 1, 0, rcv);
        rig.assert_quiet();
    }
}

/// RFC 9293 SHLD-3: the user is gone, and data comes that nobody will read.
#[test]
fn data_after_close_resets() {
    for fin_acked in [false, true] {
        let (mut rig, id) = open();
        rig.close(id);
        rig.expect("F.", 1, 0, 1);
        rig.inject(Seg::new("P.", 1).ack(1 + u32::from(fin_acked)).data(10));
        rig.expect("R.", 2, 0, 1);
        assert_eq!(rig.dropped(Why::DataAfterClose), 1);
        rig.assert_quiet();
    }
}

/// RFC 9293 section 3.10.2, SEND after CLOSE: "connection closing".
#[test]
fn send_after_shutdown_is_an_error() {
    let (mut rig, id) = open();
    rig.shutdown(id);
    let now = rig.now();
    let send = |rig: &mut Rig| rig.stack.send(now, id, &mut bytes::Bytes::from_static(b"late"));
    assert_eq!(send(&mut rig), Err(SendError::Closing));
    assert_eq!(rig.stack.shutdown(now, id), Ok(()), "twice does no harm");
    rig.expect("F.", 1, 0, 1);
    rig.expect_nothing();
    rig.inject(Seg::new("F.", 1).ack(2));
    assert_eq!(send(&mut rig), Err(SendError::Closing));
}

/// RFC 9293 MUST-12: the user learns that the connection was aborted, and whether it was.
#[test]
fn calls_after_a_reset_say_so() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    rig.expect(".", 1, 0, 11);
    rig.events();
    rig.inject(Seg::new("R", 11));
    let r = ready(&mut rig);
    assert!(r.ended && r.readable);
    let now = rig.now();
    let ended = Ended::Reset;
    assert_eq!(
        rig.stack.send(now, id, &mut bytes::Bytes::from_static(b"x")),
        Err(SendError::Ended(ended))
    );
    assert_eq!(rig.stack.shutdown(now, id), Err(SendError::Ended(ended)));
    assert_eq!(rig.read(id), pattern(1, 10), "what came before is still there");
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(ended)));
    assert_eq!(
        rig.receive(id),
        Err(ReceiveError::Ended(ended)),
        "as often as it is asked"
    );
    rig.close(id);
    rig.expect_nothing();
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.3, RECEIVE: after the end there is nothing more, and that is no error.
#[test]
fn receive_after_the_end() {
    let (mut rig, id) = open();
    rig.inject(Seg::new("FP.", 1).ack(1).data(10));
    rig.expect(".", 1, 0, 12);
    rig.shutdown(id);
    rig.expect("F.", 1, 0, 12);
    rig.inject(Seg::new(".", 12).ack(2));
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(rig.read(id), pattern(1, 10), "it outlives the connection");
    for _ in 0..2 {
        assert_eq!(rig.receive(id), Ok(Received::Finished));
    }
    rig.close(id);
    rig.assert_quiet();
}

#[test]
fn ids_are_dead_after_close_and_never_given_out_again() {
    let (mut rig, id) = open();
    rig.abort(id);
    rig.out.clear();
    let now = rig.now();
    assert_eq!(rig.stack.status(now, id), Err(NoSuch));
    assert_eq!(rig.stack.close(now, id), Err(NoSuch));
    assert_eq!(rig.stack.abort(now, id), Err(NoSuch));
    assert_eq!(rig.stack.send_room(id), Err(NoSuch));
    assert_eq!(rig.stack.receive(now, id, 1), Err(ReceiveError::NoSuch));
    assert_eq!(rig.stack.shutdown(now, id), Err(SendError::NoSuch));
    assert_eq!(
        rig.stack.send(now, id, &mut bytes::Bytes::from_static(b"x")),
        Err(SendError::NoSuch)
    );
    let again = rig.connect();
    assert_eq!(again.index(), id.index(), "its memory is used again");
    assert_ne!(again, id);
    assert_eq!(rig.stack.status(now, id), Err(NoSuch));
}

/// While the connection lives on in the background, its id is dead already.
#[test]
fn id_is_dead_while_the_close_goes_on() {
    let (mut rig, id) = open();
    rig.close(id);
    let now = rig.now();
    assert_eq!(rig.stack.status(now, id), Err(NoSuch));
    assert_eq!(rig.state(), State::FinWait1);
    assert_eq!(rig.events(), [], "nobody is told");
}

/// A peer that vanishes with data in flight: the connection ends with a timeout, and its memory is given back.
#[test]
fn vanished_peer_ends_with_a_timeout() {
    let (mut rig, id) = with(ConnectionOptions {
        retransmissions_max: 4,
        ..ConnectionOptions::default()
    });
    rig.send(id, 1, 100);
    rig.advance(S(300));
    rig.out.clear();
    assert!(ready(&mut rig).ended);
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::TimedOut)));
    rig.close(id);
    rig.assert_quiet();
}

/// Settings that change after the end start no timer: nothing would ever stop it.
#[test]
fn settings_after_the_end_start_no_timer() {
    for peer_resets in [false, true] {
        let (mut rig, id) = open();
        rig.shutdown(id);
        rig.expect("F.", 1, 0, 1);
        // The link is busy with an answer to somebody else, so that the connection still waits for its turn when it is over.
        rig.link_full = true;
        rig.their_port += 1;
        rig.inject(Seg::new("S", 0));
        rig.their_port -= 1;
        rig.inject(Seg::new(".", 1).ack(1));
        rig.inject(Seg::new(if peer_resets { "R" } else { "F." }, 1).ack(2));
        let now = rig.now();
        let options = ConnectionOptions {
            keep_alive: Some(KeepAlive::default()),
            user_timeout: Some(S(5)),
            ..ConnectionOptions::default()
        };
        rig.stack.set_options(now, id, options).expect("the id is held");
        rig.link_full = false;
        rig.flush();
        rig.advance(S(61));
        assert_eq!(rig.stack.poll_timeout(), None);
        rig.close(id);
        rig.assert_quiet();
    }
}

/// RFC 9293 section 3.8.6.1 lets a window stay closed for as long as its owner answers; RFC 6429 adds that nobody has to bear it
/// for ever. A connection that its user has left is given up; one that somebody holds is his to give up.
#[test]
fn closed_window_holds_a_connection_that_nobody_holds_for_a_bounded_time() {
    for held in [false, true] {
        let (mut rig, id) = with(ConnectionOptions {
            retransmissions_max: 6,
            ..ConnectionOptions::default()
        });
        rig.inject(Seg::new(".", 1).ack(1).win(0));
        rig.send(id, 1, 100);
        if held {
            rig.shutdown(id);
        } else {
            rig.close(id);
        }
        // Ten minutes, each probe answered at once.
        for _ in 0..6000 {
            rig.advance(Duration::from_millis(100));
            if rig.out.pop_front().is_some() {
                rig.inject(Seg::new(".", 1).ack(1).win(0));
            }
        }
        if held {
            assert_eq!(rig.state(), State::FinWait1);
            rig.abort(id);
            rig.out.clear();
        }
        rig.assert_quiet();
    }
}
