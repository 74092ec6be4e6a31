//! What lies below TCP: packets that are not for us or cannot be read, fragments, extension headers (RFC 791, RFC 8200;
//! RFC 9293 section 3.9.2). Whatever comes is a counted drop, never more.

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::*;
use wire::checksum::Sum;
use wire::{ip, tcp};

use crate::rig::*;

/// Our address and the peer's, in either family.
fn families() -> [(IpAddr, IpAddr); 2] {
    [(v4(2), v4(1)), (v6(2), v6(1))]
}

/// The same stack, talked to in both families.
pub(crate) fn both() -> impl Iterator<Item = Rig> {
    families().into_iter().map(|(ours, theirs)| {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (ours, theirs);
        rig
    })
}

/// An IP packet from `src` to `dst`.
pub(crate) fn packet(src: IpAddr, dst: IpAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    let header = ip::Header {
        src,
        dst,
        protocol,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(body.len(), &mut packet).expect("fits");
    packet.extend_from_slice(body);
    packet
}

/// Makes the checksum of an IPv4 header right again.
fn reseal_v4(packet: &mut [u8]) {
    let len = usize::from(packet[0] & 0x0f) * 4;
    packet[10..12].fill(0);
    let mut sum = Sum::new();
    sum.add(&packet[..len]);
    let sum = sum.finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A TCP segment out of these bytes, whatever they say, with a right checksum.
fn sealed(src: IpAddr, dst: IpAddr, mut body: Vec<u8>) -> Vec<u8> {
    body[16..18].fill(0);
    let mut sum = Sum::pseudo_header(src, dst, ip::TCP, body.len());
    sum.add(&body);
    let sum = sum.finish();
    body[16..18].copy_from_slice(&sum.to_be_bytes());
    packet(src, dst, ip::TCP, &body)
}

pub(crate) fn body_of(packet: &[u8]) -> Vec<u8> {
    let datagram = ip::Datagram::parse(packet).expect("sound");
    packet[datagram.payload].to_vec()
}

/// A SYN with these option bytes.
fn syn_with_options(rig: &Rig, options: &[u8]) -> Vec<u8> {
    let mut body = body_of(&rig.packet(&Seg::new("S", 0)));
    body.extend_from_slice(options);
    body[12] = (((20 + options.len()) / 4) << 4) as u8;
    sealed(rig.theirs, rig.ours, body)
}

#[test]
fn packet_to_another_address_is_dropped() {
    for mut rig in both() {
        rig.listen();
        rig.ours = if rig.ours.is_ipv4() { v4(77) } else { v6(77) };
        rig.inject(Seg::new("S", 0));
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::NotOurs), 1);
    }
}

/// RFC 9293 MUST-57: a segment to a group is nobody's, though a listener waits at every address.
#[test]
fn segment_to_a_group_is_dropped() {
    for group in ["224.0.0.1", "255.255.255.255", "ff02::1"] {
        let mut rig = Rig::plain();
        let any = if group.contains(':') { "::" } else { "0.0.0.0" };
        rig.listen_with(ListenOptions::new(
            (any.parse::<IpAddr>().expect("an address"), 80).into(),
        ));
        rig.ours = group.parse().expect("an address");
        rig.theirs = if rig.ours.is_ipv4() { v4(1) } else { v6(1) };
        rig.inject(Seg::new("S", 0));
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::NotOurs), 1, "{group}");
        rig.assert_quiet();
    }
}

/// RFC 9293 MUST-63; RFC 1122 section 3.2.1.3.
#[test]
fn source_that_is_no_one_hosts_is_dropped() {
    for (name, src) in [
        ("multicast", "224.0.0.1"),
        ("broadcast", "255.255.255.255"),
        ("unspecified", "0.0.0.0"),
        ("this network", "0.1.2.3"),
        ("loopback", "127.0.0.1"),
        ("our own", "10.7.0.2"),
        ("multicast, IPv6", "ff02::1"),
        ("unspecified, IPv6", "::"),
        ("loopback, IPv6", "::1"),
        ("IPv4 in IPv6's clothes", "::ffff:10.7.0.1"),
        ("our own, IPv6", "fd07::2"),
    ] {
        let mut rig = Rig::plain();
        rig.theirs = src.parse().expect("an address");
        rig.ours = if rig.theirs.is_ipv4() { v4(2) } else { v6(2) };
        rig.listen();
        for text in ["S", ".", "R"] {
            rig.inject(Seg::new(text, 0));
        }
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::BadSource), 3, "{name}");
        rig.assert_quiet();
    }
}

#[test]
fn wrong_ip_checksum_is_dropped() {
    let mut rig = Rig::plain();
    rig.listen();
    let mut bytes = rig.packet(&Seg::new("S", 0));
    bytes[10] ^= 1;
    rig.raw(&bytes);
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::IpChecksum), 1);
}

/// RFC 9293 MUST-3, over every byte of header and text.
#[test]
fn wrong_tcp_checksum_is_dropped() {
    for mut rig in both() {
        rig.listen();
        let bytes = rig.packet(&Seg::new("S", 0).mss(1000).bytes(b"text"));
        let first = bytes.len() - body_of(&bytes).len();
        for at in first..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            rig.raw(&bytes);
        }
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::TcpChecksum), (bytes.len() - first) as u64);
    }
}

/// A link that vouches for a checksum (it was never computed, or hardware has checked it) is believed.
#[test]
fn checksum_that_the_link_vouches_for_is_not_verified() {
    let mut rig = Rig::plain();
    rig.listen();
    let mut bytes = rig.packet(&Seg::new("S", 0));
    bytes[20 + 16] ^= 1;
    let mut batch = Batch::new();
    batch.push(Packet {
        bytes: BytesMut::from(&bytes[..]),
        arrived: rig.now,
        checksum: Checksum::Trusted,
    });
    let now = rig.now();
    rig.stack.handle_packets(now, &mut batch);
    rig.flush();
    rig.expect("S.", 0, 0, 1);
}

/// RFC 9293 MUST-2: what we send has its checksum; the rig asserts it of every segment.
#[test]
fn segments_leave_with_a_right_checksum() {
    for mut rig in both() {
        let id = rig.open_active();
        for len in [1, 2, 999, 1000] {
            let seq = rig.status(id).snd_nxt.value().wrapping_sub(rig.iss);
            rig.send(id, seq, len);
            rig.inject(Seg::new(".", 1).ack(seq + len as u32));
        }
        assert_eq!(rig.out.len(), 4);
    }
}

#[test]
fn truncated_packets_are_counted_drops() {
    for mut rig in both() {
        rig.listen();
        let bytes = rig.packet(&Seg::new("S", 0).mss(1000));
        for len in 0..bytes.len() {
            rig.raw(&bytes[..len]);
        }
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::MalformedIp), bytes.len() as u64);
        assert_eq!(rig.stack.counters().packets_in, bytes.len() as u64);
    }
}

#[test]
fn malformed_ip_table() {
    type Damage = fn(&mut Vec<u8>);
    let rows: &[(&str, Damage)] = &[
        ("version 5", |p| p[0] = 0x55),
        ("header length 4", |p| p[0] = 0x44),
        ("header longer than the packet", |p| p[0] = 0x4f),
        ("total length below the header", |p| p[3] = 19),
        ("total length beyond the packet", |p| p[3] += 1),
    ];
    for (name, damage) in rows {
        let mut rig = Rig::plain();
        let mut bytes = rig.packet(&Seg::new("S", 0));
        damage(&mut bytes);
        rig.raw(&bytes);
        assert_eq!(rig.dropped(Why::MalformedIp), 1, "{name}");
    }
}

#[test]
fn link_padding_is_left_out() {
    for mut rig in both() {
        let id = rig.open_active();
        let mut bytes = rig.packet(&Seg::new("P.", 1).ack(1).data(3));
        bytes.extend_from_slice(&[0xaa; 20]);
        rig.raw(&bytes);
        rig.expect(".", 1, 0, 4);
        assert_eq!(rig.read(id), pattern(1, 3));
    }
}

/// RFC 791: options of the IP header are passed over (RFC 9293 MUST-50 to MUST-53: none of them is ours to use).
#[test]
fn ip_options_are_passed_over() {
    let mut rig = Rig::plain();
    rig.listen();
    let mut bytes = rig.packet(&Seg::new("S", 0));
    // Strict source route of no hops, padded.
    bytes.splice(20..20, [0x89, 3, 4, 0]);
    bytes[0] = 0x46;
    bytes[3] += 4;
    reseal_v4(&mut bytes);
    rig.raw(&bytes);
    rig.expect("S.", 0, 0, 1);
}

#[test]
fn malformed_tcp_table() {
    for (name, offset) in [("offset 0", 0), ("offset 4", 4), ("offset beyond the segment", 6)] {
        for mut rig in both() {
            rig.listen();
            let mut body = body_of(&rig.packet(&Seg::new("S", 0)));
            body[12] = offset << 4;
            let bytes = sealed(rig.theirs, rig.ours, body);
            rig.raw(&bytes);
            rig.expect_nothing();
            assert_eq!(rig.dropped(Why::MalformedTcp), 1, "{name}");
        }
    }
    let mut rig = Rig::plain();
    let short = sealed(rig.theirs, rig.ours, vec![0; 19]);
    rig.raw(&short);
    assert_eq!(rig.dropped(Why::MalformedTcp), 1);
}

/// RFC 9293 MUST-7: an illegal length, zero included, harms nothing; the segment is a counted drop.
#[test]
fn malformed_options_are_dropped_on_syn_and_data() {
    for (name, options) in [
        ("length 0", [2, 0, 0, 0]),
        ("length 1", [2, 1, 0, 0]),
        ("runs out of the header", [2, 5, 0, 0]),
        ("MSS of three bytes", [2, 3, 1, 0]),
        ("window scale of four bytes", [3, 4, 1, 1]),
        ("SACK without a block", [5, 2, 0, 0]),
        ("timestamps too short", [8, 4, 1, 1]),
        ("kind without length", [1, 1, 1, 2]),
        ("unknown kind, length 0", [200, 0, 0, 0]),
    ] {
        let mut rig = Rig::plain();
        rig.listen();
        let bytes = syn_with_options(&rig, &options);
        rig.raw(&bytes);
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::TcpOption), 1, "{name}");
        assert_eq!(rig.state(), State::Listen, "{name}");
    }
}

/// RFC 9293 MUST-4, MUST-5, MUST-6, MUST-68: options in any segment; NOP and END; unknown kinds are skipped by their length.
#[test]
fn unknown_options_are_skipped() {
    for (name, options) in [
        ("unknown before MSS", &[200, 4, 9, 9, 2, 4, 2, 88][..]),
        ("NOP, NOP, MSS, END and rubbish behind it", &[1, 1, 2, 4, 2, 88, 0, 7]),
        ("unknown of two bytes", &[99, 2, 1, 1, 2, 4, 2, 88]),
    ] {
        let mut rig = Rig::plain();
        let listener = rig.listen();
        let bytes = syn_with_options(&rig, options);
        rig.raw(&bytes);
        rig.expect("S.", 0, 0, 1);
        let mut body = body_of(&rig.packet(&Seg::new("P.", 1).ack(1)));
        body.extend_from_slice(&[200, 4, 9, 9]);
        body[12] = 6 << 4;
        body.extend_from_slice(b"text");
        let data = sealed(rig.theirs, rig.ours, body);
        rig.raw(&data);
        let id = rig.accept(listener);
        assert_eq!(rig.read(id), b"text", "{name}");
        assert_eq!(rig.status(id).snd_mss, 600, "{name}");
    }
}

#[test]
fn protocols_that_we_do_not_speak_are_dropped() {
    for mut rig in both() {
        for (protocol, why) in [
            (ip::UDP, Why::Udp),
            (132, Why::UnknownProtocol),
            (ip::NO_NEXT_HEADER, Why::UnknownProtocol),
            (
                if rig.ours.is_ipv4() { ip::ICMPV6 } else { ip::ICMP },
                Why::UnknownProtocol,
            ),
        ] {
            let before = rig.dropped(why);
            let bytes = packet(rig.theirs, rig.ours, protocol, &[0; 16]);
            rig.raw(&bytes);
            assert_eq!(rig.dropped(why), before + 1, "{protocol}");
        }
        assert!(rig.other.is_empty());
        rig.expect_nothing();
    }
}

/// Bytes `range` of what an IP packet carries, as a fragment of it.
pub(crate) fn fragment(packet: &[u8], range: std::ops::Range<usize>, id: u8) -> Vec<u8> {
    let (header, six) = if packet[0] >> 4 == 4 { (20, false) } else { (40, true) };
    let body = &packet[header..];
    let more = range.end < body.len();
    let piece = &body[range.clone()];
    let mut out = packet[..header].to_vec();
    if six {
        out[4..6].copy_from_slice(&((piece.len() + 8) as u16).to_be_bytes());
        let field = (range.start as u16) | u16::from(more);
        out.extend_from_slice(&[out[6], 0, (field >> 8) as u8, field as u8, 0, 0, 0, id]);
        out[6] = 44;
        out.extend_from_slice(piece);
    } else {
        out[2..4].copy_from_slice(&((piece.len() + header) as u16).to_be_bytes());
        out[4..6].copy_from_slice(&[0, id]);
        let field = (range.start / 8) as u16 | if more { 0x2000 } else { 0 };
        out[6..8].copy_from_slice(&field.to_be_bytes());
        out.extend_from_slice(piece);
        reseal_v4(&mut out);
    }
    out
}

/// RFC 791 section 3.2, RFC 8200 section 4.5; whatever order the pieces come in.
#[test]
fn fragments_make_a_segment() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        for mut rig in both() {
            let id = rig.open_active();
            let whole = rig.packet(&Seg::new("P.", 1).ack(1).data(100));
            let pieces = [0..40, 40..80, 80..120].map(|range| fragment(&whole, range, 1));
            for at in order {
                rig.expect_nothing();
                rig.raw(&pieces[at]);
            }
            rig.expect(".", 1, 0, 101);
            assert_eq!(rig.read(id), pattern(1, 100));
        }
    }
}

/// RFC 5722, and the same for IPv4: an overlap ends the whole datagram.
#[test]
fn overlapping_fragments_are_refused() {
    for mut rig in both() {
        let id = rig.open_active();
        let whole = rig.packet(&Seg::new("P.", 1).ack(1).data(100));
        for range in [0..48, 40..80, 80..120] {
            let bytes = fragment(&whole, range, 1);
            rig.raw(&bytes);
        }
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::BadFragment), 1);
        assert_eq!(rig.receive(id), Ok(Received::Nothing));
    }
}

#[test]
fn impossible_fragments_are_refused() {
    for mut rig in both() {
        let whole = rig.packet(&Seg::new("P.", 1).ack(1).data(100));
        // Not a multiple of 8, and not the last.
        let bytes = fragment(&whole, 0..41, 1);
        rig.raw(&bytes);
        assert_eq!(rig.dropped(Why::BadFragment), 1);
    }
}

#[test]
fn fragments_are_bounded_and_expire() {
    for (ours, theirs) in families() {
        let mut rig = Rig::with(Config {
            limits: Limits {
                datagrams: 3,
                ..Limits::default()
            },
            ..Config::default()
        });
        (rig.ours, rig.theirs) = (ours, theirs);
        let whole = rig.packet(&Seg::new("P.", 1).ack(1).data(100));
        for id in 0..5 {
            let bytes = fragment(&whole, 0..40, id);
            rig.raw(&bytes);
        }
        assert_eq!(rig.dropped(Why::FragmentsFull), 2);
        rig.advance(Duration::from_secs(29));
        assert_eq!(rig.dropped(Why::FragmentsExpired), 0);
        rig.advance(Duration::from_secs(2));
        assert_eq!(rig.dropped(Why::FragmentsExpired), 3);
        rig.assert_quiet();
    }
}

#[test]
fn fragments_that_weigh_too_much_are_refused() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            datagram_bytes: 1000,
            ..Limits::default()
        },
        ..Config::default()
    });
    let whole = rig.packet(&Seg::new("P.", 1).ack(1).data(3000));
    let bytes = fragment(&whole, 0..2000, 1);
    rig.raw(&bytes);
    assert_eq!(rig.dropped(Why::FragmentsFull), 1);
    rig.assert_quiet();
}

/// RFC 8200 section 4: what stands before TCP is walked.
#[test]
fn extension_headers_before_tcp_are_walked() {
    for (name, headers) in [
        ("hop-by-hop", &[0][..]),
        ("destination options", &[60]),
        ("routing", &[43]),
        ("hop-by-hop, destination options, routing", &[0, 60, 43]),
    ] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (v6(2), v6(1));
        rig.listen();
        let mut bytes = rig.packet(&Seg::new("S", 0));
        let mut next = ip::TCP;
        for &kind in headers.iter().rev() {
            // PadN over the six bytes; as a routing header: type 1, no segments left.
            bytes.splice(40..40, [next, 0, 1, if kind == 43 { 0 } else { 4 }, 0, 0, 0, 0]);
            next = kind;
        }
        bytes[6] = next;
        bytes[5] += 8 * headers.len() as u8;
        rig.raw(&bytes);
        rig.expect("S.", 0, 0, 1);
        assert_eq!(rig.state(), State::SynReceived, "{name}");
    }
}

#[test]
fn too_many_extension_headers_are_refused() {
    let mut rig = Rig::plain();
    (rig.ours, rig.theirs) = (v6(2), v6(1));
    rig.listen();
    let mut bytes = rig.packet(&Seg::new("S", 0));
    for _ in 0..9 {
        let next = bytes[6];
        bytes.splice(40..40, [next, 0, 1, 4, 0, 0, 0, 0]);
        bytes[6] = 60;
        bytes[5] += 8;
    }
    rig.raw(&bytes);
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::MalformedIp), 1);
}

/// What leaves, as it leaves.
#[derive(Default)]
struct Tap(Vec<Vec<u8>>);

impl Sink for Tap {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        self.0.push([head, &payload.concat()].concat());
        Ok(())
    }
}

/// RFC 9293 MUST-49: the TTL of our segments is configurable; DF is set, for we find the path's MTU (RFC 1191 section 3).
#[test]
fn hop_limit_is_configurable_and_df_is_set() {
    for (ours, theirs) in families() {
        let mut rig = Rig::with(Config {
            hop_limit: 33,
            ..Config::default()
        });
        (rig.ours, rig.theirs) = (ours, theirs);
        rig.link_full = true;
        rig.connect();
        let mut tap = Tap::default();
        let now = rig.now();
        rig.stack.poll_transmit(now, Budget::default(), &mut tap);
        let bytes = tap.0.pop().expect("a SYN");
        let datagram = ip::Datagram::parse(&bytes).expect("sound");
        assert_eq!(datagram.hop_limit, 33);
        assert_eq!((datagram.src, datagram.dst), (ours, theirs));
        if ours.is_ipv4() {
            assert_eq!(bytes[6], 0x40);
        }
        assert!(tcp::is_intact(
            datagram.src,
            datagram.dst,
            &bytes[datagram.payload.clone()]
        ));
    }
}

/// RFC 9293 section 3.9.2: MUST-48, SHLD-21, SHLD-22 and MAY-9, from the first segment to the last.
#[test]
fn diffserv_field_is_the_users() {
    let marks = |rig: &mut Rig| rig.out.drain(..).map(|out| out.dscp).collect::<Vec<_>>();
    let marked = ConnectionOptions {
        dscp: Dscp::EF,
        no_delay: true,
        ..ConnectionOptions::default()
    };
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        let mut rig = Rig::plain();
        (rig.ours, rig.theirs) = (ours, theirs);
        let local = rig.local();
        let listener = rig.listen_with(ListenOptions {
            connection: marked,
            ..ListenOptions::new(local)
        });
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.inject(Seg::new("R", 5));
        assert_eq!(marks(&mut rig), [Dscp::EF; 2], "the SYN-ACK, and a challenge");
        rig.inject(Seg::new(".", 1).ack(1));
        let id = rig.accept(listener);
        rig.inject_marked(Dscp::LE, Seg::new("P.", 1).ack(1).data(10));
        assert_eq!(marks(&mut rig), [Dscp::EF], "an acknowledgment");
        assert_eq!(rig.status(id).dscp_received, Dscp::LE);
        rig.inject_marked(Dscp::EF, Seg::new("P.", 100_000).ack(1).data(10));
        assert_eq!(rig.status(id).dscp_received, Dscp::LE, "of what was acceptable");
        rig.out.clear();
        rig.send(id, 1, 10);
        assert_eq!(marks(&mut rig), [Dscp::EF], "data");
        rig.advance(Duration::from_millis(250));
        assert_eq!(marks(&mut rig), [Dscp::EF], "data again");
        let mut options = rig.stack.options(id).expect("the id is held");
        options.dscp = Dscp::LE;
        rig.stack.set_options(rig.now(), id, options).expect("the id is held");
        rig.send(id, 11, 10);
        assert_eq!(marks(&mut rig), [Dscp::LE], "data after the change");
        rig.abort(id);
        assert_eq!(marks(&mut rig), [Dscp::LE], "the reset");

        rig.their_port += 1;
        rig.inject(Seg::new(".", 1).ack(1));
        assert_eq!(marks(&mut rig), [Dscp::DEFAULT], "a reset for nobody's segment");

        rig.our_port += 1;
        let id = rig.connect_with(Some(marked));
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        assert_eq!(marks(&mut rig), [Dscp::EF; 2], "the SYN and the third ACK");
        rig.close(id);
        rig.inject(Seg::new("F.", 1).ack(2));
        assert_eq!(marks(&mut rig), [Dscp::EF; 2], "the FIN and the last ACK");
    }
}
