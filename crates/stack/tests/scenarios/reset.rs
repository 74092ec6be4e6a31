//! RST, SYN and ACK that an attacker may have sent, and RST of ours (RFC 5961 sections 3 to 5 and 7; RFC 9293 sections 3.5.2,
//! 3.5.3 and 3.10.7.1).

use crate::rig::*;
use syndic_stack::*;
use wire::tcp::Header;

/// A connection that was brought to a state, and the numbers it stands at, relative.
struct Standing {
    rig: Rig,
    id: ConnectionId,
    /// SND.NXT.
    snd: u32,
    /// RCV.NXT.
    rcv: u32,
}

/// One connection in every synchronized state but TIME-WAIT, which has its own file.
fn synchronized() -> Vec<Standing> {
    let states = [
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
    ];
    states.into_iter().map(brought_to).collect()
}

fn brought_to(state: State) -> Standing {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    let (mut snd, mut rcv) = (1, 1);
    let mut fin_arrives = |rig: &mut Rig, snd: u32| {
        rig.inject(Seg::new("F.", 1).ack(snd.min(1)));
        rcv = 2;
        rig.expect(".", snd, 0, 2);
    };
    match state {
        State::FinWait1 | State::FinWait2 | State::Closing => {
            rig.shutdown(id);
            rig.expect("F.", 1, 0, 1);
            snd = 2;
            match state {
                State::FinWait2 => rig.inject(Seg::new(".", 1).ack(2)),
                State::Closing => fin_arrives(&mut rig, 2),
                _ => {}
            }
        }
        State::CloseWait | State::LastAck => {
            fin_arrives(&mut rig, 1);
            if state == State::LastAck {
                rig.shutdown(id);
                rig.expect("F.", 1, 0, 2);
                snd = 2;
            }
        }
        _ => {}
    }
    rig.expect_nothing();
    assert_eq!(rig.state(), state);
    Standing { rig, id, snd, rcv }
}

fn window_end(s: &Standing) -> u32 {
    s.rcv + s.rig.status(s.id).rcv_wnd
}

/// RFC 5961 section 3.2, case 3; RFC 9293 section 3.10.7.4, second step.
#[test]
fn exact_rst_ends_the_connection_in_every_state() {
    for mut s in synchronized() {
        let state = s.rig.state();
        s.rig.inject(Seg::new("R", s.rcv));
        s.rig.expect_nothing();
        assert_eq!(s.rig.state(), State::Closed, "{state}");
        let ended = s.rig.stack.status(s.rig.now(), s.id).expect("its user holds it").ended;
        assert_eq!(ended, Some(Ended::Reset), "{state}");
        assert_eq!(s.rig.stack.counters().resets_in, 1, "{state}");
        assert_eq!(s.rig.dropped(Why::ResetTaken), 1, "{state}");
        s.rig.close(s.id);
        s.rig.assert_quiet();
    }
}

/// RFC 5961 section 3.2, case 2.
#[test]
fn inexact_rst_in_the_window_is_challenged_in_every_state() {
    for first in [true, false] {
        for mut s in synchronized() {
            let state = s.rig.state();
            let seq = if first { s.rcv + 1 } else { window_end(&s) - 1 };
            s.rig.inject(Seg::new("R", seq));
            s.rig.expect(".", s.snd, 0, s.rcv);
            assert_eq!(s.rig.state(), state);
            assert_eq!(s.rig.dropped(Why::ResetInexact), 1, "{state}");
            assert_eq!(s.rig.stack.counters().challenge_acks, 1, "{state}");
        }
    }
}

/// RFC 5961 section 3.2, case 1.
#[test]
fn rst_outside_the_window_is_dropped_in_every_state() {
    for far in [0, 1, 2] {
        for mut s in synchronized() {
            let state = s.rig.state();
            let seq = [s.rcv - 1, window_end(&s), s.rcv.wrapping_add(0x8000_0000)][far];
            s.rig.inject(Seg::new("R.", seq).ack(s.snd));
            s.rig.expect_nothing();
            assert_eq!(s.rig.state(), state);
            assert_eq!(s.rig.dropped(Why::ResetOutOfWindow), 1, "{state} {seq}");
        }
    }
}

/// RFC 9293 SHLD-2: an RST may carry text (a reason in words). It counts as without: neither is it taken, nor does it make
/// a number behind the window an exact one.
#[test]
fn text_on_an_rst_is_ignored() {
    let mut s = brought_to(State::Established);
    s.rig.inject(Seg::new("P.", 1).ack(1).data(100));
    s.rig.expect(".", 1, 0, 101);
    s.rcv = 101;
    for seq in [1, 51, 100] {
        s.rig.inject(Seg::new("R", seq).data(200));
        s.rig.expect_nothing();
        assert_eq!(s.rig.state(), State::Established, "{seq}");
    }
    assert_eq!(s.rig.dropped(Why::ResetOutOfWindow), 3);
    s.rig.inject(Seg::new("R", 101).data(20));
    assert_eq!(s.rig.state(), State::Closed);
    assert_eq!(s.rig.read(s.id), pattern(1, 100));
}

/// RFC 9293 MUST-66: with its window closed a TCP still hears RST, URG and ACK.
#[test]
fn exact_rst_counts_while_the_window_is_closed() {
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(ConnectionOptions {
        receive_buffer: 100.into(),
        ..ConnectionOptions::default()
    }));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect(".", 1, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(100));
    assert_eq!(rig.expect(".", 1, 0, 101).window, 0);
    rig.inject(Seg::new("R", 102));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::ResetOutOfWindow), 1);
    rig.inject(Seg::new("R", 101));
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(rig.read(id), pattern(1, 100), "what came before is still there");
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::Reset)));
}

/// RFC 5961 section 4.2: whatever its number, a SYN on a synchronized connection is answered with an ACK.
#[test]
fn syn_is_challenged_in_every_state() {
    for case in 0..4 {
        for mut s in synchronized() {
            let state = s.rig.state();
            let seq = [s.rcv, s.rcv + 100, s.rcv - 1, s.rcv.wrapping_add(0x8000_0000)][case];
            s.rig.inject(Seg::new("S", seq).mss(1000));
            s.rig.expect(".", s.snd, 0, s.rcv);
            s.rig.inject(Seg::new("S.", seq).ack(s.snd).mss(1000));
            s.rig.expect(".", s.snd, 0, s.rcv);
            assert_eq!(s.rig.state(), state);
            assert_eq!(s.rig.dropped(Why::SynOnConnection), 2, "{state} {seq}");
        }
    }
}

/// A peer that restarted: its SYN is challenged, its RST is exact, its next SYN opens (RFC 5961 section 4.2, RFC 9293 figure 9).
#[test]
fn restarted_peer_opens_again_through_the_challenge() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    let old = rig.open_passive(listener);
    rig.inject(Seg::new("S", 7_000_000).mss(1000));
    rig.expect(".", 1, 0, 1);
    rig.inject(Seg::new("R", 1));
    assert_eq!(rig.state(), State::Listen);
    rig.close(old);
    rig.inject(Seg::new("S", 7_000_000).mss(1000));
    rig.expect("S.", 0, 0, 7_000_001);
}

/// RFC 5961 section 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, or a challenge ACK and the segment is dropped.
#[test]
fn ack_range_is_checked_in_every_state() {
    for mut s in synchronized() {
        let state = s.rig.state();
        let una = s.rig.status(s.id).snd_una.value().wrapping_sub(s.rig.iss);
        for (ack, why) in [
            (s.snd + 1, 1),
            (s.snd.wrapping_add(0x7fff_0000), 2),
            (una.wrapping_sub(65_536), 3),
            (una.wrapping_sub(0x7000_0000), 4),
        ] {
            s.rig.inject(Seg::new(".", s.rcv).ack(ack));
            s.rig.expect(".", s.snd, 0, s.rcv);
            assert_eq!(s.rig.dropped(Why::AckOutOfRange), why, "{state} {ack}");
        }
        s.rig.inject(Seg::new(".", s.rcv).ack(una.wrapping_sub(65_535)));
        s.rig.expect_nothing();
        assert_eq!(s.rig.state(), state);
    }
}

/// Text on a segment whose ACK cannot be right is text that an attacker sends.
#[test]
fn text_with_an_unacceptable_ack_is_not_taken() {
    let mut s = brought_to(State::Established);
    s.rig.inject(Seg::new("P.", 1).ack(9999).data(10));
    s.rig.expect(".", 1, 0, 1);
    assert_eq!(s.rig.receive(s.id), Ok(Received::Nothing));
}

#[test]
fn segment_without_ack_is_dropped_in_every_state() {
    for mut s in synchronized() {
        let state = s.rig.state();
        s.rig.inject(Seg::new("P", s.rcv).data(10));
        s.rig.inject(Seg::new("F", s.rcv));
        s.rig.expect_nothing();
        assert_eq!(s.rig.state(), state);
        assert_eq!(s.rig.dropped(Why::NoAck), 2, "{state}");
    }
}

/// RFC 9293 section 3.10.7.4, first step: what lies outside is answered with `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
#[test]
fn segment_outside_the_window_is_acknowledged_in_every_state() {
    for mut s in synchronized() {
        let state = s.rig.state();
        for seq in [window_end(&s) + 1, s.rcv.wrapping_add(0x8000_0000)] {
            s.rig.inject(Seg::new("P.", seq).ack(s.snd).data(10));
            s.rig.expect(".", s.snd, 0, s.rcv);
        }
        assert_eq!(s.rig.state(), state);
        // Half the number space away is as much behind as beyond.
        let dropped = (s.rig.dropped(Why::OutOfWindow), s.rig.dropped(Why::Duplicate));
        assert_eq!(dropped, (1, 1), "{state}");
    }
}

/// RFC 5961 section 7, and CVE-2016-5696: the budget is each connection's own, and comes back with time.
#[test]
fn challenge_acks_have_a_budget_of_each_connection() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    let first = rig.open_passive(listener);
    let first_iss = rig.iss;
    rig.their_port += 1;
    rig.open_passive(listener);
    let (second_port, second_iss) = (rig.their_port, rig.iss);
    (rig.their_port, rig.iss) = (second_port - 1, first_iss);
    for _ in 0..25 {
        rig.inject(Seg::new("R", 100));
    }
    assert_eq!(rig.out.drain(..).count(), 10);
    assert_eq!(rig.dropped(Why::ChallengeBudget), 15);
    (rig.their_port, rig.iss) = (second_port, second_iss);
    rig.inject(Seg::new("R", 100));
    rig.expect(".", 1, 0, 1);
    (rig.their_port, rig.iss) = (second_port - 1, first_iss);
    rig.advance(Duration::from_secs(5));
    rig.inject(Seg::new("R", 100));
    rig.expect(".", 1, 0, 1);
    assert_eq!(rig.status(first).state, State::Established);
}

/// The header of the only thing that was sent, its numbers absolute.
#[track_caller]
fn sent(rig: &mut Rig) -> Header {
    let out = rig.out.pop_front().expect("something was sent");
    rig.expect_nothing();
    assert!(out.payload.is_empty());
    assert_eq!(out.tuple, rig.tuple());
    out.header
}

/// RFC 9293 section 3.10.7.1, both forms.
#[test]
fn rst_to_nobody_has_the_right_numbers() {
    const ACK: u32 = 0x1234_5678;
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        for (name, text, len, want) in [
            ("SYN", "S", 0, ("R.", 0, 1)),
            ("SYN with text", "S", 10, ("R.", 0, 11)),
            ("text without ACK", "P", 10, ("R.", 0, 10)),
            ("FIN without ACK", "F", 0, ("R.", 0, 1)),
            ("FIN with text without ACK", "FP", 10, ("R.", 0, 11)),
            ("URG alone", "U", 0, ("R.", 0, 0)),
            ("ACK", ".", 0, ("R", ACK, 0)),
            ("SYN-ACK", "S.", 0, ("R", ACK, 0)),
            ("FIN-ACK", "F.", 0, ("R", ACK, 0)),
            ("data", "P.", 100, ("R", ACK, 0)),
            ("Christmas tree without SYN", "FPU.", 1, ("R", ACK, 0)),
        ] {
            let mut rig = Rig::plain();
            (rig.ours, rig.theirs) = (ours, theirs);
            rig.inject(Seg::new(text, 0).ack(ACK).data(len));
            let rst = sent(&mut rig);
            let (want_flags, seq, plus) = want;
            let ack = if want_flags == "R." {
                PEER_ISN.wrapping_add(plus)
            } else {
                0
            };
            assert_eq!(
                (rst.flags, rst.seq.value(), rst.ack.value()),
                (flags(want_flags), seq, ack),
                "{name}"
            );
            assert!(rst.options.is_empty() && rst.window == 0, "{name}");
            assert_eq!(rig.dropped(Why::NoListener), 1, "{name}");
            rig.assert_quiet();
        }
    }
}

#[test]
fn rst_is_never_answered_with_rst() {
    for listens in [false, true] {
        let mut rig = Rig::plain();
        if listens {
            rig.listen();
        }
        rig.inject(Seg::new("R", 0));
        rig.inject(Seg::new("R.", 0).ack(5));
        rig.inject(Seg::new("R.", 0).ack(5).data(10));
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::ResetToNobody), 3);
    }
}

#[test]
fn rsts_to_nobody_are_budgeted() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            resets_per_s: 5,
            ..Limits::default()
        },
        ..Config::default()
    });
    for _ in 0..8 {
        rig.inject(Seg::new("S", 0));
    }
    assert_eq!(rig.out.drain(..).count(), 5);
    assert_eq!(rig.dropped(Why::ResetBudget), 3);
    rig.advance(Duration::from_secs(1));
    rig.inject(Seg::new("S", 0));
    assert_eq!(rig.out.len(), 1);
    assert_eq!(rig.stack.counters().resets_out, 6);
}

/// RFC 9293 section 3.10.7.2, LISTEN: an ACK is answered with RST; what has no SYN, ACK or RST is dropped.
#[test]
fn listener_resets_an_ack_and_drops_the_rest() {
    let mut rig = Rig::plain();
    rig.listen();
    rig.inject(Seg::new(".", 0).ack(77));
    rig.expect("R", 77, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(78));
    rig.expect("R", 78, 0, 0);
    for text in ["F", "P", "U"] {
        rig.inject(Seg::new(text, 0));
    }
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::NotSyn), 5);
    rig.assert_quiet();
}

#[test]
fn forbidden_combinations_of_flags_are_counted_and_dropped() {
    let forbidden = ["SF", "SR", "SF.", "SR.", "SFRPU.", "-", "EW"];
    for state in [State::Closed, State::Listen, State::Established] {
        let mut s = match state {
            State::Established => brought_to(state).rig,
            _ => Rig::plain(),
        };
        if state == State::Listen {
            s.listen();
        }
        for (n, text) in forbidden.iter().enumerate() {
            s.inject(Seg::new(text, 1).ack(1));
            assert_eq!(s.dropped(Why::TcpFlags), n as u64 + 1, "{state} {text}");
        }
        s.expect_nothing();
        assert_eq!(s.state(), state);
    }
}

/// The peer's answer to our RST never comes back as another (no war of resets).
#[test]
fn abort_resets_in_every_state_and_gives_the_memory_back() {
    for mut s in synchronized() {
        let state = s.rig.state();
        s.rig.abort(s.id);
        s.rig.expect("R.", s.snd, 0, s.rcv);
        assert_eq!(s.rig.state(), State::Closed, "{state}");
        assert_eq!(s.rig.stack.observer().ended, [Ended::Aborted], "{state}");
        s.rig.inject(Seg::new("R", s.rcv));
        s.rig.expect_nothing();
        s.rig.assert_quiet();
    }
}
