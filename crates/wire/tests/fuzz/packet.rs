//! The body of the fuzz target `packet`: arbitrary bytes as packets of every kind we read. Nothing may panic, what is read lies
//! within what came, and what is written reads the same.

use std::net::{IpAddr, Ipv6Addr};

use syndic_wire::checksum::Sum;
use syndic_wire::ip::{self, Datagram, Ecn};
use syndic_wire::seq::SeqNumber;
use syndic_wire::tcp::{self, Flags};
use syndic_wire::{arp, ether, icmp, udp};

use crate::options::options;

/// Reads the input as it is, and again behind headers that fit it.
///
/// Panics when anything is wrong.
pub(crate) fn run(data: &[u8]) {
    raw(data);
    let Some((&[kind, a, b, ecn], rest)) = data.split_first_chunk() else {
        return;
    };
    let [src, dst] = if kind & 1 == 0 {
        [IpAddr::from([10, 0, a, 1]), IpAddr::from([10, 0, b, 2])]
    } else {
        [a, b].map(|n| IpAddr::from([0xfd07, 0, 0, 0, 0, 0, 0, u16::from(n) + 1]))
    };
    upper(src, dst, rest);
    datagram(src, dst, (kind >> 1, ecn), rest);
    segment(src, dst, rest);
    message(src, dst, rest);
}

/// The input from its first byte on, as each layer.
fn raw(data: &[u8]) {
    if let Ok(read) = Datagram::parse(data) {
        assert!(read.payload.end <= data.len(), "{read:?} of {} bytes", data.len());
        let _ = read.is_plausible_unicast();
        upper(read.src, read.dst, &data[read.payload.clone()]);
        // What the length field leaves out is padding: it changes nothing.
        let padded = [data, &[0]].concat();
        if read.fragment.is_none() && padded.len() < 65_000 {
            assert_eq!(Datagram::parse(&padded).as_ref(), Ok(&read));
        }
    }
    if let Ok(read) = ether::Header::parse(data) {
        let mut again = [0; ether::HEADER];
        assert_eq!(read.emit(&mut again), Some(ether::HEADER));
        assert_eq!(again, data[..ether::HEADER]);
    }
    if let Ok(read) = arp::Packet::parse(data) {
        let mut again = [0; arp::LEN];
        assert_eq!(read.emit(&mut again), Some(arp::LEN));
        assert_eq!(again, data[..arp::LEN]);
    }
    if let Ok(read) = Datagram::parse_quoted(data) {
        assert!(read.payload.end <= data.len(), "{read:?} of {} bytes", data.len());
        let _ = tcp::Header::parse_quoted(&data[read.payload]);
    }
}

/// The input as every upper layer.
fn upper(src: IpAddr, dst: IpAddr, bytes: &[u8]) {
    let _ = tcp::is_intact(src, dst, bytes);
    if let Ok((header, len)) = tcp::Header::parse(bytes) {
        assert!(
            (20..=60).contains(&len) && len <= bytes.len(),
            "{len} of {}",
            bytes.len()
        );
        assert!(!header.flags.is_forbidden(), "{header:?}");
        written_is_read(&header);
    }
    if let Ok(header) = udp::Header::parse(src, dst, bytes) {
        assert!(header.payload_len + 8 <= bytes.len(), "{header:?} of {}", bytes.len());
    }
    let _ = icmp::Message::parse(src, dst, bytes);
    if let (IpAddr::V6(src), IpAddr::V6(dst)) = (src, dst) {
        discovery(src, dst, bytes);
    }
}

/// The input as neighbour discovery, its checksum mended.
fn discovery(src: Ipv6Addr, dst: Ipv6Addr, bytes: &[u8]) {
    use icmp::ndp::{HOP_LIMIT, Message};
    let _ = Message::parse(src, dst, HOP_LIMIT, bytes);
    let mut bytes = bytes.to_vec();
    if bytes.len() < 4 {
        return;
    }
    bytes[2..4].fill(0);
    let mut sum = Sum::pseudo_header(src.into(), dst.into(), ip::ICMPV6, bytes.len());
    sum.add(&bytes);
    bytes[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    if let Ok(read) = Message::parse(src, dst, HOP_LIMIT, &bytes) {
        let again = read.emit(src, dst);
        assert_eq!(Message::parse(src, dst, HOP_LIMIT, &again), Ok(read));
    }
}

/// The input as payload behind an IP header of ours.
fn datagram(src: IpAddr, dst: IpAddr, (protocol, ecn): (u8, u8), payload: &[u8]) {
    let protocol = [ip::TCP, ip::ICMP, ip::ICMPV6, protocol][usize::from(protocol) % 4];
    let header = ip::Header {
        src,
        dst,
        protocol,
        hop_limit: ecn,
        dscp: ip::Dscp::default(),
        ecn: Ecn::from_traffic_class(ecn),
    };
    let mut packet = vec![0; header.len()];
    let Some(len) = header.emit(payload.len(), &mut packet) else {
        return;
    };
    assert_eq!(len, packet.len());
    packet.extend_from_slice(payload);
    // IPv6 may take the payload for extension headers.
    let is_plain = src.is_ipv4() || [ip::TCP, ip::ICMP, ip::ICMPV6].contains(&protocol);
    match Datagram::parse(&packet) {
        Ok(read) if is_plain => {
            assert_eq!(read.protocol, protocol);
            assert_eq!(
                (read.src, read.dst, read.hop_limit, read.ecn),
                (src, dst, ecn, header.ecn)
            );
            assert_eq!(read.payload, len..packet.len());
            assert_eq!(read.fragment, None);
        }
        read => assert!(!is_plain, "{header:?}: {read:?}"),
    }
    raw(&packet);
}

/// A TCP header out of the input, behind it the rest as text.
fn segment(src: IpAddr, dst: IpAddr, bytes: &[u8]) {
    let Some((fixed, rest)) = bytes.split_first_chunk::<17>() else {
        return;
    };
    let word = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let header = tcp::Header {
        src_port: word(0) as u16,
        dst_port: (word(0) >> 16) as u16,
        seq: SeqNumber::new(word(4)),
        ack: SeqNumber::new(word(8)),
        flags: Flags::from_bits(fixed[16]),
        window: word(12) as u16,
        urgent: (word(12) >> 16) as u16,
        options: options(rest),
    };
    written_is_read(&header);
    let mut head = vec![0; header.len()];
    header.emit(&mut head).expect("there is room");
    let (left, right) = rest.split_at(rest.len() / 2);
    tcp::seal(src, dst, &mut head, &[left, right]);
    head.extend_from_slice(rest);
    assert!(tcp::is_intact(src, dst, &head), "sealed, and not intact");
    // One bit changes every sum of ones.
    let at = usize::from(fixed[0]) % head.len();
    head[at] ^= 1 << (fixed[1] % 8);
    assert!(!tcp::is_intact(src, dst, &head), "a bit of byte {at} does not count");
}

/// What is written reads the same, but for SACK blocks without room; flags that must not be are refused.
fn written_is_read(header: &tcp::Header) {
    let mut bytes = [0xff; 60];
    let len = header.emit(&mut bytes).expect("60 bytes have room");
    assert_eq!(len, header.len());
    assert_eq!(header.emit(&mut vec![0; len - 1]), None, "into too little room");
    match tcp::Header::parse(&bytes[..len]) {
        Ok((read, read_len)) => {
            assert_eq!(read_len, len);
            let expected = tcp::Header {
                options: read.options,
                ..*header
            };
            assert_eq!(read, expected);
            let mut again = [0xff; 60];
            assert_eq!(read.emit(&mut again), Some(len));
            assert_eq!(again, bytes);
        }
        Err(why) => assert!(header.flags.is_forbidden(), "{header:?}: {why:?}"),
    }
}

/// ICMP messages of ours about the input.
fn message(src: IpAddr, dst: IpAddr, bytes: &[u8]) {
    if bytes.len() >= 4 {
        let reply = icmp::echo_reply(src, dst, bytes);
        assert_eq!(
            icmp::Message::parse(src, dst, &reply),
            Ok(icmp::Message::EchoReply { rest: bytes })
        );
    }
    let mtu = u32::from(bytes.first().copied().unwrap_or_default()) * 100;
    for kind in [
        icmp::ErrorKind::TooBig(mtu),
        icmp::ErrorKind::TimeExceeded,
        icmp::ErrorKind::Unreachable(icmp::Unreachable::Port),
    ] {
        let error = icmp::error(src, dst, kind, bytes);
        let quoted = match icmp::Message::parse(src, dst, &error).expect("what we write can be read") {
            icmp::Message::TooBig { mtu: read, quoted } => {
                assert_eq!(kind, icmp::ErrorKind::TooBig(read));
                quoted
            }
            icmp::Message::TimeExceeded { quoted } => quoted,
            icmp::Message::Unreachable { why, quoted } => {
                assert_eq!(kind, icmp::ErrorKind::Unreachable(why));
                quoted
            }
            other => panic!("{kind:?} was read as {other:?}"),
        };
        assert!(bytes.starts_with(quoted), "{kind:?} quotes something else");
    }
}
