//! ICMP (RFC 792, RFC 4443): echo, and errors that are believed only about what is in flight (RFC 5927; RFC 9293 section 3.9.2.2).

use std::net::IpAddr;

use syndic_stack::*;
use wire::checksum::Sum;
use wire::icmp::{self, ErrorKind, Unreachable};
use wire::ip;

use crate::ip::{body_of, both, fragment, packet};
use crate::rig::*;

/// An active open to a peer with an MSS of 1400.
fn opened(rig: &mut Rig) -> ConnectionId {
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1400));
    rig.expect(".", 1, 0, 1);
    id
}

fn echo(rig: &Rig, data: &[u8]) -> Vec<u8> {
    message(rig, if rig.ours.is_ipv4() { 8 } else { 128 }, data)
}

/// An ICMP message of this type and code 0; `rest` follows the checksum.
fn message(rig: &Rig, kind: u8, rest: &[u8]) -> Vec<u8> {
    let protocol = if rig.ours.is_ipv4() { ip::ICMP } else { ip::ICMPV6 };
    let mut body = icmp::echo_reply(rig.theirs, rig.ours, rest);
    body[0] = kind;
    body[2..4].fill(0);
    let mut sum = match rig.ours {
        IpAddr::V4(_) => Sum::new(),
        IpAddr::V6(_) => Sum::pseudo_header(rig.theirs, rig.ours, ip::ICMPV6, body.len()),
    };
    sum.add(&body);
    let sum = sum.finish();
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(rig.theirs, rig.ours, protocol, &body)
}

/// RFC 1122 section 3.2.2.6, RFC 4443 section 4.2.
#[test]
fn echo_is_answered() {
    for mut rig in both() {
        let request = echo(&rig, b"\x00\x01\x00\x02hello");
        rig.raw(&request);
        let reply = rig.other.pop().expect("a reply");
        let datagram = ip::Datagram::parse(&reply).expect("sound");
        assert_eq!((datagram.src, datagram.dst), (rig.ours, rig.theirs));
        let message = icmp::Message::parse(datagram.src, datagram.dst, &reply[datagram.payload.clone()]);
        let rest = b"\x00\x01\x00\x02hello";
        assert_eq!(message, Ok(icmp::Message::EchoReply { rest }));
    }
}

/// We do not fragment: a reply to a reassembled request is cut to the MTU (RFC 1122 section 3.2.2.6).
#[test]
fn echo_reply_keeps_to_the_mtu() {
    for mut rig in both() {
        let request = echo(&rig, &[7; 2400]);
        let end = body_of(&request).len();
        for range in [0..1200, 1200..end] {
            let bytes = fragment(&request, range, 1);
            rig.raw(&bytes);
        }
        assert_eq!(rig.other.pop().expect("a reply").len(), 1500);
    }
}

#[test]
fn echo_is_budgeted() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            icmp_per_s: 3,
            ..Limits::default()
        },
        ..Config::default()
    });
    let request = echo(&rig, &[0; 8]);
    for _ in 0..5 {
        rig.raw(&request);
    }
    assert_eq!(rig.other.len(), 3);
    assert_eq!(rig.dropped(Why::IcmpBudget), 2);
}

#[test]
fn malformed_and_other_icmp_is_dropped() {
    for mut rig in both() {
        let mut request = echo(&rig, &[0; 8]);
        let last = request.len() - 1;
        request[last] ^= 1;
        rig.raw(&request);
        assert_eq!(rig.dropped(Why::MalformedIcmp), 1);
        let protocol = if rig.ours.is_ipv4() { ip::ICMP } else { ip::ICMPV6 };
        let reply = icmp::echo_reply(rig.theirs, rig.ours, &[0; 8]);
        let bytes = packet(rig.theirs, rig.ours, protocol, &reply);
        rig.raw(&bytes);
        assert_eq!(rig.dropped(Why::IcmpIgnored), 1);
        assert!(rig.other.is_empty());
    }
}

/// RFC 9293 MUST-55 and MUST-56: source quench is read over, time exceeded and parameter problem end nothing.
#[test]
fn source_quench_time_exceeded_and_parameter_problem_end_nothing() {
    for mut rig in both() {
        let id = rig.connect();
        let syn = rig.out.pop_front().expect("a SYN");
        let quoted = build(rig.ours, rig.theirs, &syn.header, &[]);
        let kinds: &[u8] = if rig.ours.is_ipv4() { &[4, 11, 12] } else { &[3, 4] };
        for &kind in kinds {
            let mut rest = vec![0; 4];
            rest.extend_from_slice(&quoted);
            let bytes = message(&rig, kind, &rest);
            rig.raw(&bytes);
        }
        assert_eq!(rig.dropped(Why::IcmpIgnored), kinds.len() as u64);
        assert_eq!(rig.status(id).state, State::SynSent);
        assert_eq!(rig.status(id).ended, None);
    }
}

/// A router sends an error about the segment that we sent last; its sequence number moved by `shift`.
fn error(rig: &mut Rig, kind: ErrorKind, sent: &Out, shift: u32) {
    let mut header = sent.header;
    header.seq += shift;
    let quoted = build(rig.ours, rig.theirs, &header, &sent.payload);
    let (router, protocol) = match rig.ours {
        IpAddr::V4(_) => (v4(254), ip::ICMP),
        IpAddr::V6(_) => (v6(254), ip::ICMPV6),
    };
    let body = icmp::error(router, rig.ours, kind, &quoted);
    let bytes = packet(router, rig.ours, protocol, &body);
    rig.raw(&bytes);
}

/// RFC 9293 SHLD-26 and RFC 5461 section 4: a hard error ends an open at once.
#[test]
fn hard_unreachable_ends_an_open() {
    for (why, ended) in [
        (Unreachable::Port, Ended::Refused),
        (Unreachable::Prohibited, Ended::Unreachable(Unreachable::Prohibited)),
    ] {
        for mut rig in both() {
            let id = rig.connect();
            let syn = rig.out.pop_front().expect("a SYN");
            error(&mut rig, ErrorKind::Unreachable(why), &syn, 0);
            assert_eq!(rig.state(), State::Closed);
            assert_eq!(rig.receive(id), Err(ReceiveError::Ended(ended)));
            rig.close(id);
            rig.assert_quiet();
        }
    }
}

/// RFC 9293 MUST-56 and SHLD-25: a soft error ends nothing, is shown to the user, and is the reason if time runs out.
#[test]
fn soft_unreachable_is_noted_and_ends_nothing() {
    for why in [Unreachable::Host, Unreachable::Network] {
        for mut rig in both() {
            let id = rig.connect();
            let syn = rig.out.pop_front().expect("a SYN");
            error(&mut rig, ErrorKind::Unreachable(why), &syn, 0);
            assert_eq!(rig.state(), State::SynSent);
            assert_eq!(rig.status(id).soft_error, Some(Ended::Unreachable(why)));
            rig.advance(Duration::from_secs(200));
            assert_eq!(rig.status(id).ended, Some(Ended::Unreachable(why)));
        }
    }
}

/// RFC 5927 section 4.1: what was never in flight is a stranger's guess.
#[test]
fn icmp_error_about_what_is_not_in_flight_is_not_believed() {
    for kind in [ErrorKind::Unreachable(Unreachable::Port), ErrorKind::TooBig(1280)] {
        for mut rig in both() {
            let id = rig.connect();
            let syn = rig.out.pop_front().expect("a SYN");
            for shift in [1, 1000, u32::MAX] {
                error(&mut rig, kind, &syn, shift);
            }
            assert_eq!(rig.dropped(Why::IcmpUnproven), 3);
            assert_eq!(rig.state(), State::SynSent);
            rig.inject(Seg::new("S.", 0).ack(1).mss(1400));
            // The SYN is acknowledged: its number is not in flight any more.
            error(&mut rig, kind, &syn, 0);
            assert_eq!(rig.dropped(Why::IcmpUnproven), 4);
            assert_eq!(rig.status(id).snd_mss, 1400);
            // And a connection that is none of ours.
            rig.their_port += 1;
            let mut stranger = syn.clone();
            stranger.header.dst_port += 1;
            error(&mut rig, kind, &stranger, 0);
            assert_eq!(rig.dropped(Why::IcmpUnproven), 5);
        }
    }
}

/// RFC 5461 section 4: once the connection stands, even a hard error is soft; data goes on.
#[test]
fn hard_unreachable_does_not_end_an_established_connection() {
    for mut rig in both() {
        let id = rig.open_active();
        rig.send(id, 1, 100);
        let data = rig.out.pop_front().expect("data");
        error(&mut rig, ErrorKind::Unreachable(Unreachable::Port), &data, 0);
        assert_eq!(rig.state(), State::Established);
        assert_eq!(rig.status(id).soft_error, Some(Ended::Unreachable(Unreachable::Port)));
        rig.inject(Seg::new(".", 1).ack(101));
        assert_eq!(rig.status(id).soft_error, None, "the path lives");
    }
}

/// RFC 1191, RFC 8201: the segment goes again in pieces that fit. The SYN told our link alone.
#[test]
fn too_big_cuts_the_segment_to_the_path() {
    for mut rig in both() {
        let id = opened(&mut rig);
        rig.send(id, 1, 1400);
        let data = rig.out.pop_front().expect("data");
        assert_eq!(data.payload.len(), 1400);
        error(&mut rig, ErrorKind::TooBig(1300), &data, 0);
        let mss = if rig.ours.is_ipv4() { 1260 } else { 1240 };
        assert_eq!(rig.status(id).snd_mss, mss);
        rig.expect(".", 1, mss, 1);
        rig.expect("P.", 1 + mss as u32, 1400 - mss, 1);
    }
}

/// RFC 8201 section 4: no IPv6 link takes less than 1,280 bytes, so a report of less is discarded: nothing is sent again.
#[test]
fn too_big_below_the_least_mtu_of_ipv6_is_discarded() {
    for (mtu, dropped, mss) in [(0, 1, 1400), (1279, 1, 1400), (1280, 0, 1220)] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (v6(2), v6(1));
        let id = opened(&mut rig);
        rig.send(id, 1, 1400);
        let data = rig.out.pop_front().expect("data");
        error(&mut rig, ErrorKind::TooBig(mtu), &data, 0);
        assert_eq!(rig.dropped(Why::IcmpIgnored), dropped, "{mtu}");
        assert_eq!(rig.status(id).snd_mss, mss, "{mtu}");
        assert_eq!(rig.out.is_empty(), dropped == 1, "{mtu}");
    }
}

/// RFC 1191 sections 5 and 7.1: an old router does not say its MTU, so the next common one below the packet is tried.
#[test]
fn too_big_that_does_not_say_how_big_steps_down_to_the_next_common_mtu() {
    let mut rig = Rig::plain();
    let id = opened(&mut rig);
    rig.send(id, 1, 1400);
    for (len, mss) in [(1400, 1006 - 40), (966, 576 - 40)] {
        let data = rig.out.pop_front().expect("data");
        assert_eq!(data.payload.len(), len);
        error(&mut rig, ErrorKind::TooBig(0), &data, 0);
        assert_eq!(rig.status(id).snd_mss, mss);
        rig.out.pop_back_if(|out| out.payload.len() != mss);
    }
}

/// RFC 1191 section 6.3, RFC 8201 sections 5.2 and 5.3: what one connection learned of the path holds for the next, both ways
/// of opening, for ten minutes; then larger segments try it anew, on standing connections as well.
#[test]
fn a_narrow_path_is_remembered_for_ten_minutes() {
    for mut rig in both() {
        let listener = rig.listen();
        let narrow = if rig.ours.is_ipv4() { 1260 } else { 1240 };
        let open = |rig: &mut Rig, port| {
            rig.our_port = port;
            opened(rig)
        };
        let first = open(&mut rig, 81);
        assert_eq!(rig.status(first).snd_mss, 1400);
        rig.send(first, 1, 1400);
        let data = rig.out.pop_front().expect("data");
        error(&mut rig, ErrorKind::TooBig(1300), &data, 0);
        rig.inject(Seg::new(".", 1).ack(1401));
        rig.out.clear();

        let second = open(&mut rig, 82);
        rig.our_port = 80;
        rig.inject(Seg::new("S", 0).mss(1400));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new(".", 1).ack(1));
        let third = rig.accept(listener);
        for id in [first, second, third] {
            assert_eq!(rig.status(id).snd_mss, narrow);
        }
        let there = (rig.ours, rig.theirs);
        if let (IpAddr::V4(_), IpAddr::V4(_)) = there {
            rig.theirs = v4(9);
            let elsewhere = open(&mut rig, 83);
            assert_eq!(rig.status(elsewhere).snd_mss, 1400, "another path");
            rig.theirs = there.1;
        }
        rig.advance(Duration::from_secs(601));
        let fourth = open(&mut rig, 84);
        rig.send(second, 1, 10);
        for id in [second, fourth] {
            assert_eq!(rig.status(id).snd_mss, 1400, "tried anew");
        }
    }
}

/// What a timeout left of the congestion window on a narrow path is less than one segment of the wide one: it leaves all the same,
/// for with nothing in flight no acknowledgment would ever widen the window.
#[test]
fn a_path_that_is_wide_again_takes_a_segment_larger_than_the_congestion_window() {
    let mut rig = Rig::plain();
    let id = opened(&mut rig);
    rig.send(id, 1, 600);
    let data = rig.out.pop_front().expect("data");
    error(&mut rig, ErrorKind::TooBig(576), &data, 0);
    rig.out.clear();
    rig.wait_for_segment(Duration::from_secs(3));
    rig.inject(Seg::new(".", 1).ack(601));
    rig.out.clear();
    rig.advance(Duration::from_secs(601));
    assert!(rig.status(id).cwnd < 1400, "{:?}", rig.status(id));
    rig.send(id, 601, 1400);
    rig.expect("P.", 601, 1400, 1);
}

/// A liar cannot talk us below the least MTU of IPv4, 576 bytes, nor above ours; below that of IPv6 he is not believed.
#[test]
fn too_big_has_a_floor() {
    for (mtu, v4_mss, v6_mss) in [(68, 536, 1400), (600, 560, 1400), (9000, 1400, 1400)] {
        for mut rig in both() {
            let id = opened(&mut rig);
            rig.send(id, 1, 1400);
            let data = rig.out.pop_front().expect("data");
            error(&mut rig, ErrorKind::TooBig(mtu), &data, 0);
            let mss = if rig.ours.is_ipv4() { v4_mss } else { v6_mss };
            assert_eq!(rig.status(id).snd_mss, mss, "{mtu}");
        }
    }
}
