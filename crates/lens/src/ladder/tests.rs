//! Each test draws a scene made by hand and compares the whole ladder: what is asserted is what a reader sees.

use stack::State::*;
use stack::{Cause, Why};

use super::*;
use crate::fixture::{Scene, V4, V6};
use crate::record::{Fate, Host, HostKind, Record};

fn ladder(scene: &Scene) -> String {
    Ladder::default().draw(&scene.trace)
}

/// Open, some data, close by the client.
fn whole_life(scene: &mut Scene) {
    let s = scene;
    s.delay = 10;
    s.mark(0, 0, "OPEN", None);
    s.left(0, "S", 0, 0, 0).states(SynSent, SynReceived);
    s.right(10, "SA", 0, 1, 0).states(SynReceived, Established);
    s.left(20, "A", 1, 1, 0).states(Established, Established);
    s.left(20, "PA", 1, 1, 77).states(Established, Established);
    s.right(30, "A", 1, 78, 0).states(Established, Established);
    s.right(31, "PA", 1, 78, 1024).states(Established, Established);
    s.left(41, "A", 78, 1025, 0).states(Established, Established);
    s.mark(50, 0, "CLOSE", None);
    s.left(50, "FA", 78, 1025, 0).states(FinWait1, CloseWait);
    s.right(60, "A", 1025, 79, 0).states(CloseWait, FinWait2);
    s.mark(65, 1, "CLOSE", None);
    s.right(65, "FA", 1025, 79, 0).states(LastAck, TimeWait);
    s.left(75, "A", 79, 1026, 0).states(TimeWait, Closed);
    s.mark(60_075, 0, "2MSL are over", Some(Closed));
}

#[test]
fn a_whole_life() {
    let mut s = Scene::new("Handshake, data, close by the client", V4);
    whole_life(&mut s);
    insta::assert_snapshot!(ladder(&s));
}

#[test]
fn a_whole_life_over_ipv6_with_absolute_numbers() {
    let mut s = Scene::new("Over IPv6", V6);
    whole_life(&mut s);
    let ladder = Ladder {
        absolute: true,
        ..Ladder::default()
    };
    insta::assert_snapshot!(ladder.draw(&s.trace));
}

#[test]
fn colour_adds_nothing_but_escapes() {
    let mut s = Scene::new("Colour", V4);
    whole_life(&mut s);
    let colored = Ladder {
        color: true,
        ..Ladder::default()
    }
    .draw(&s.trace);
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    let trimmed: String = plain.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    assert_eq!(trimmed, ladder(&s));
    assert_ne!(colored, plain);
}

#[test]
fn a_lost_syn_and_a_lost_syn_ack() {
    let mut s = Scene::new("The link loses a SYN and a SYN-ACK", V4);
    s.delay = 20;
    s.left(0, "S", 0, 0, 0).lost().sender_state = Some(SynSent);
    s.left(1000, "S", 0, 0, 0).states(SynSent, SynReceived).cause = Some(Cause::SynRetransmit);
    s.right(1020, "SA", 0, 1, 0).lost().sender_state = Some(SynReceived);
    s.right(2020, "SA", 0, 1, 0).states(SynReceived, Established).cause = Some(Cause::SynAckRetransmit);
    s.left(2040, "A", 1, 1, 0).states(Established, Established);
    insta::assert_snapshot!(ladder(&s));
}

#[test]
fn a_simultaneous_open_and_close() {
    let mut s = Scene::new("Both open, both close", V4);
    s.delay = 10;
    s.left(0, "S", 0, 0, 0).states(SynSent, SynReceived);
    s.right(1, "S", 0, 0, 0).states(SynSent, SynReceived);
    s.right(10, "SA", 0, 1, 0).states(SynReceived, Established);
    s.left(11, "SA", 0, 1, 0).states(SynReceived, Established);
    s.left(30, "FA", 1, 1, 0).states(FinWait1, Closing);
    s.right(33, "FA", 1, 1, 0).states(FinWait1, Closing);
    s.right(40, "A", 2, 2, 0).states(Closing, TimeWait);
    s.left(43, "A", 2, 2, 0).states(Closing, TimeWait);
    insta::assert_snapshot!(ladder(&s));
}

#[test]
fn a_blind_rst_gets_a_challenge() {
    let mut s = Scene::new("A blind RST", V4);
    s.trace.hosts.push(Host::new("attacker", HostKind::Script, vec![]));
    s.open(0);
    let rst = s.left(100, "R", 200, 0, 0);
    rst.from = 2;
    rst.injected = true;
    rst.receiver_state = Some(Established);
    rst.dropped = Some(Why::ResetInexact);
    s.right(100, "A", 1, 1, 0).cause = Some(Cause::ChallengeAck);
    insta::assert_snapshot!(ladder(&s));
}

#[test]
fn an_old_duplicate_arrives_late() {
    let mut s = Scene::new("The link keeps a copy of data for a second", V4);
    s.open(0);
    s.left(10, "PA", 1, 1, 5).states(Established, Established);
    s.right(10, "A", 1, 6, 0);
    let copy = s.left(10, "PA", 1, 1, 5);
    copy.fate = Fate::Duplicate(3);
    copy.arrived = Some(Instant::from_nanos(1_010_000_000));
    copy.dropped = Some(Why::Duplicate);
    s.right(1010, "A", 1, 6, 0);
    s.left(2000, "PA", 6, 1, 5).fate = Fate::Corrupted;
    let under_way = s.left(2100, "PA", 6, 1, 5);
    under_way.fate = Fate::InFlight;
    under_way.arrived = None;
    under_way.notes.push("the world ended here".to_owned());
    insta::assert_snapshot!(ladder(&s));
}

#[test]
fn a_refused_open() {
    let mut s = Scene::new("Nobody listens", V4);
    s.left(0, "S", 0, 0, 0).states(SynSent, Closed);
    s.right(0, "RA", 0, 1, 0).states(Closed, Closed).cause = Some(Cause::ResetNobody);
    insta::assert_snapshot!(ladder(&s));
}

/// Forty segments, acknowledged by twos.
fn long_run() -> Scene {
    let mut s = Scene::new("A long run of data", V4);
    s.open(0);
    for i in 0..40 {
        s.left(10 + u64::from(i), "A", 1 + i * 1448, 1, 1448);
        if i % 2 == 1 {
            s.right(10 + u64::from(i), "A", 1, 1 + (i + 1) * 1448, 0);
        }
    }
    s
}

#[test]
fn a_long_run_is_folded() {
    insta::assert_snapshot!(ladder(&long_run()));
}

#[test]
fn a_long_run_is_shown_when_asked_for() {
    let scene = long_run();
    let all = Ladder {
        all: true,
        ..Ladder::default()
    };
    let text = all.draw(&scene.trace);
    assert!(!text.contains('⋮'));
    assert_eq!(text.matches("len 1448").count(), 40);
}

#[test]
fn every_connection_has_a_ladder_and_the_rest_is_listed() {
    let mut s = Scene::new("Two connections and an ICMP error", V4);
    s.open(0);
    let mut second = V4;
    second.left.set_port(40002);
    let syn = second.left("S", 0, 0, 0);
    s.push(5, 0, syn.clone());
    let (src, dst) = (V4.right.ip(), V4.left.ip());
    let unreachable = wire::icmp::ErrorKind::Unreachable(wire::icmp::Unreachable::Host);
    let error = icmp(src, dst, wire::icmp::error(src, dst, unreachable, &syn));
    s.push(6, 1, error);
    let echo = icmp(src, dst, wire::icmp::echo_reply(src, dst, &[0; 8]));
    s.push(7, 1, echo);
    insta::assert_snapshot!(ladder(&s));
}

fn icmp(src: std::net::IpAddr, dst: std::net::IpAddr, message: Vec<u8>) -> Vec<u8> {
    let header = wire::ip::Header {
        src,
        dst,
        protocol: wire::ip::ICMP,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: wire::ip::Ecn::NotEct,
    };
    let mut bytes = vec![0; header.len()];
    header.emit(message.len(), &mut bytes).unwrap();
    bytes.extend(message);
    bytes
}

#[test]
fn nothing_at_all_is_an_empty_ladder() {
    assert_eq!(Ladder::default().draw(&Trace::default()), "");
}

#[test]
fn no_line_is_longer_than_120_columns() {
    let mut widest = Scene::new("", V6);
    widest
        .ends
        .left
        .set_ip("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().unwrap());
    widest
        .ends
        .right
        .set_ip("2001:db8:aaaa:bbbb:cccc:dddd:eeee:fffe".parse().unwrap());
    widest.ends.left_isn = 4_000_000_000;
    widest.ends.right_isn = 4_100_000_000;
    widest.trace.hosts[0].addresses = vec![widest.ends.left.ip()];
    widest.trace.hosts[1].addresses = vec![widest.ends.right.ip()];
    widest.delay = 200_000;
    widest.left(0, "S", 0, 0, 0).states(SynSent, SynReceived);
    widest.right(200_000, "SEA", 0, 1, 0).states(SynReceived, Established);
    widest
        .left(400_000, "FPUEA", 3_999_999_999, 3_999_999_999, 60_000)
        .states(FinWait1, CloseWait);
    let record: &mut Record = widest.right(400_000, "FPUEA", 3_999_999_999, 3_999_999_999, 60_000);
    record.states(Closing, Closing);
    record.notes.push("a word ".repeat(40));
    for absolute in [false, true] {
        let ladder = Ladder {
            absolute,
            ..Ladder::default()
        };
        for line in ladder.draw(&widest.trace).lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
