//! Packets made from what a script writes, and packets compared with it.

use wire::checksum::Sum;
use wire::ip::{self, Datagram};
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags, Header};

use super::Wrong;
use super::flow::{Base, Flow};
use super::machine::Sent;
use crate::pkt::ast::{Icmp, Packet, Segment};
use crate::pkt::option::TcpOption;

/// The TTL of a packet that says nothing else.
const TTL: u8 = 255;
/// Bytes of a TCP header without options.
const HEADER: usize = tcp::HEADER_MIN;

/// What of a packet is looked at beyond what the script writes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checks {
    /// The payload is zeros, for nothing else was written.
    pub(super) zeros: bool,
    /// The timestamp that it echoes.
    pub(super) ecr: bool,
    /// That the timestamp clock ticks so often. Units: microseconds.
    pub(super) tick: Option<u64>,
}

/// The packet that arrives.
pub(super) fn build(flow: &mut Flow, packet: &Packet, segment: &Segment) -> Vec<u8> {
    if segment.flags.syn() {
        flow.on_their_syn(segment.start);
    }
    let header = Header {
        src_port: flow.remote.port(),
        dst_port: flow.local.port(),
        seq: SeqNumber::new(flow.their_wire(segment.start)),
        ack: SeqNumber::new(segment.ack.map_or(0, |ack| flow.our_wire(ack))),
        flags: segment.flags,
        window: segment.window.unwrap_or_default(),
        urgent: segment.urgent.unwrap_or_default(),
        options: Options::default(),
    };
    let mut options = Vec::new();
    for option in segment.options.iter().flatten() {
        match option {
            TcpOption::Sack(blocks) => {
                let wire = |&(left, right): &(u32, u32)| (flow.our_wire(left), flow.our_wire(right));
                TcpOption::Sack(blocks.iter().map(wire).collect()).emit(&mut options);
            }
            TcpOption::Timestamps(val, ecr) => {
                let ecr = if *ecr == 0 { 0 } else { flow.timestamp_wire(*ecr) };
                TcpOption::Timestamps(*val, ecr).emit(&mut options);
            }
            other => other.emit(&mut options),
        }
    }
    options.resize(options.len().next_multiple_of(4), 0);
    let mut bytes = vec![0; HEADER];
    header.emit(&mut bytes);
    bytes.extend_from_slice(&options);
    // The data offset counts what was added behind the fixed header.
    bytes[12] = u8::try_from(bytes.len() / 4).unwrap_or(15) << 4;
    bytes.resize(bytes.len() + segment.payload as usize, packet.fill);
    tcp::seal(flow.remote.ip(), flow.local.ip(), &mut bytes, &[] as &[&[u8]]);
    datagram(
        flow,
        ip::TCP,
        packet.ttl.unwrap_or(TTL),
        packet.ecn.unwrap_or_default(),
        &bytes,
    )
}

/// The segments that a train consists of, each of `most` bytes but the last; one where there is nothing to cut.
pub(super) fn parts_of(segment: &Segment, most: Option<u32>) -> Vec<Segment> {
    let most = match most {
        Some(most) if segment.payload > most && !segment.flags.syn() => most,
        _ => return vec![segment.clone()],
    };
    let mut parts = Vec::new();
    let mut done = 0;
    while done < segment.payload {
        let payload = most.min(segment.payload - done);
        let is_last = done + payload == segment.payload;
        // What ends a train stands on its last segment.
        let flags = if is_last {
            segment.flags
        } else {
            Flags::from_bits(segment.flags.bits() & !(Flags::PSH | Flags::FIN).bits())
        };
        parts.push(Segment {
            flags,
            start: segment.start.wrapping_add(done),
            payload,
            ..segment.clone()
        });
        done += payload;
    }
    parts
}

fn datagram(flow: &Flow, protocol: u8, hop_limit: u8, ecn: u8, payload: &[u8]) -> Vec<u8> {
    let header = ip::Header {
        src: flow.remote.ip(),
        dst: flow.local.ip(),
        protocol,
        hop_limit,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::from_traffic_class(ecn),
    };
    let mut bytes = vec![0; header.len()];
    header.emit(payload.len(), &mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

/// Types and codes of ICMP by their names, for both versions (RFC 792, RFC 4443).
fn icmp_type(is_v6: bool, kind: &str, code: &str) -> Option<(u8, u8)> {
    Some(match (is_v6, kind, code) {
        (false, "unreachable", "net_unreachable") => (3, 0),
        (false, "unreachable", "host_unreachable" | "") => (3, 1),
        (false, "unreachable", "protocol_unreachable") => (3, 2),
        (false, "unreachable", "port_unreachable") => (3, 3),
        (false, "unreachable", "frag_needed") => (3, 4),
        (false, "unreachable", "source_route_failed") => (3, 5),
        (false, "unreachable", "net_unknown") => (3, 6),
        (false, "unreachable", "host_unknown") => (3, 7),
        (false, "unreachable", "source_host_isolated") => (3, 8),
        (false, "unreachable", "net_prohibited") => (3, 9),
        (false, "unreachable", "host_prohibited") => (3, 10),
        (false, "unreachable", "net_unreachable_for_tos") => (3, 11),
        (false, "unreachable", "host_unreachable_for_tos") => (3, 12),
        (false, "unreachable", "packet_filtered" | "admin_prohibited") => (3, 13),
        (false, "source_quench", "") => (4, 0),
        (false, "time_exceeded", "" | "ttl") => (11, 0),
        (false, "parameter_problem", "") => (12, 0),
        (true, "unreachable", "no_route" | "") => (1, 0),
        (true, "unreachable", "admin_prohibited") => (1, 1),
        (true, "unreachable", "address_unreachable" | "host_unreachable") => (1, 3),
        (true, "unreachable", "port_unreachable") => (1, 4),
        (true, "packet_too_big", "") => (2, 0),
        (true, "time_exceeded", "" | "ttl") => (3, 0),
        (true, "parameter_problem", "") => (4, 0),
        _ => return None,
    })
}

/// The ICMP message that arrives: it quotes a segment of the stack's.
pub(super) fn build_icmp(flow: &Flow, icmp: &Icmp) -> Result<Vec<u8>, Wrong> {
    let is_v6 = flow.local.is_ipv6();
    let (kind, code) = icmp_type(is_v6, &icmp.kind, &icmp.code)
        .ok_or_else(|| Wrong::Unsupported(format!("ICMP {} {}", icmp.kind, icmp.code)))?;
    let (start, payload) = icmp.quoted.unwrap_or((0, 0));
    let header = Header {
        src_port: flow.local.port(),
        dst_port: flow.remote.port(),
        seq: SeqNumber::new(flow.our_wire(start)),
        ack: SeqNumber::new(flow.their_wire(1)),
        flags: Flags::ACK,
        window: 0,
        urgent: 0,
        options: Options::default(),
    };
    let mut quoted = vec![0; HEADER];
    header.emit(&mut quoted);
    let ip = ip::Header {
        src: flow.local.ip(),
        dst: flow.remote.ip(),
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut head = vec![0; ip.len()];
    ip.emit(HEADER + payload as usize, &mut head);
    let rest = icmp.mtu.unwrap_or_default();
    let mut message = vec![kind, code, 0, 0];
    message.extend(rest.to_be_bytes());
    message.extend(head);
    message.extend(quoted);
    let mut sum = match is_v6 {
        true => Sum::pseudo_header(flow.remote.ip(), flow.local.ip(), ip::ICMPV6, message.len()),
        false => Sum::new(),
    };
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    let protocol = if is_v6 { ip::ICMPV6 } else { ip::ICMP };
    Ok(datagram(flow, protocol, TTL, 0, &message))
}

/// Where the parts of a TCP packet lie: the segment in the packet, and its header's length.
fn parts(bytes: &[u8]) -> Option<(Datagram, Header, usize)> {
    let datagram = Datagram::parse(bytes).ok()?;
    if datagram.protocol != ip::TCP {
        return None;
    }
    let (header, len) = Header::parse(bytes.get(datagram.payload.clone())?).ok()?;
    Some((datagram, header, len))
}

/// Whether the packet may be the first part of what the script writes as one.
pub(super) fn wants_more(bytes: &[u8], wanted: &Segment) -> bool {
    parts(bytes).is_some_and(|(datagram, header, len)| {
        let payload = datagram.payload.len() - len;
        let is_plain = !(header.flags.syn() || header.flags.fin() || header.flags.rst());
        is_plain && payload > 0 && payload < wanted.payload as usize
    })
}

/// Puts a following segment behind the first; false, and nothing is changed, when it does not follow.
pub(super) fn append(bytes: &mut Vec<u8>, more: &[u8]) -> bool {
    let (Some((first, header, len)), Some((next, next_header, next_len))) = (parts(bytes), parts(more)) else {
        return false;
    };
    let payload = first.payload.len() - len;
    let follows = header.seq + u32::try_from(payload).unwrap_or(u32::MAX) == next_header.seq
        && (header.src_port, header.dst_port) == (next_header.src_port, next_header.dst_port)
        && next.payload.len() > next_len;
    if !follows {
        return false;
    }
    bytes.truncate(first.payload.end);
    bytes.extend_from_slice(&more[next.payload.start + next_len..next.payload.end]);
    // The flags of the last part count for the whole: PSH, or FIN.
    bytes[first.payload.start + 13] |= more[next.payload.start + 13];
    let transport = bytes.len() - first.payload.start;
    let is_v4 = first.src.is_ipv4();
    let (at, value) = if is_v4 { (2, bytes.len()) } else { (4, transport) };
    bytes[at..at + 2].copy_from_slice(&u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes());
    if is_v4 {
        bytes[10..12].fill(0);
        let mut sum = Sum::new();
        sum.add(&bytes[..first.payload.start]);
        let sum = sum.finish();
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    tcp::seal(first.src, first.dst, &mut bytes[first.payload.start..], &[] as &[&[u8]]);
    true
}

/// Compares a packet that was sent with what the script expects.
///
/// Errors: every field that differs.
pub(super) fn compare(
    flow: &mut Flow,
    packet: &Packet,
    wanted: &Segment,
    sent: &Sent,
    checks: Checks,
) -> Result<(), String> {
    let bytes = &*sent.bytes;
    let Some((datagram, header, len)) = parts(bytes) else {
        return Err(format!(
            "something that is no TCP segment was sent, not {}",
            describe(wanted)
        ));
    };
    let tcp = &bytes[datagram.payload.clone()];
    let ends = (flow.local, flow.remote);
    let seen = ((datagram.src, header.src_port), (datagram.dst, header.dst_port));
    if ((ends.0.ip(), ends.0.port()), (ends.1.ip(), ends.1.port())) != seen {
        return Err(format!(
            "a packet of another connection was sent ({}:{} to {}:{}), not {}",
            datagram.src,
            header.src_port,
            datagram.dst,
            header.dst_port,
            describe(wanted)
        ));
    }
    if header.flags.syn() && wanted.flags.syn() {
        flow.on_our_syn(wanted.start, header.seq.value());
    }
    if !tcp::is_intact(datagram.src, datagram.dst, tcp) {
        return Err("the TCP checksum is wrong".to_owned());
    }
    if checks.zeros && tcp[len..].iter().any(|&byte| byte != 0) {
        return Err("the payload is not what was written".to_owned());
    }
    let is_ack = header.flags.ack();
    let actual = Segment {
        flags: header.flags,
        start: flow.our_script(header.seq.value()),
        payload: u32::try_from(tcp.len() - len).unwrap_or(u32::MAX),
        ack: (is_ack && wanted.ack.is_some()).then(|| flow.their_script(header.ack.value())),
        window: wanted.window.map(|_| header.window),
        urgent: wanted.urgent.map(|_| header.urgent),
        options: wanted
            .options
            .as_ref()
            .map(|wanted| options_in_script(flow, wanted, &tcp[HEADER..len], checks.ecr)),
    };
    if let Some(tick) = checks.tick {
        clock(flow, &tcp[HEADER..len], sent.at, tick)?;
    }
    let mut wanted = wanted.clone();
    if !wanted.flags.ack() {
        wanted.ack = None;
    }
    let ecn_differs = packet.ecn.is_some_and(|ecn| ecn != datagram.ecn.bits());
    let ttl_differs = packet.ttl.is_some_and(|ttl| ttl != datagram.hop_limit);
    if actual == wanted && !ecn_differs && !ttl_differs {
        return Ok(());
    }
    let mut what = format!("expected {}\n       sent {}", describe(&wanted), describe(&actual));
    if ecn_differs {
        what.push_str(&format!("\n  with the ECN field {:?}", datagram.ecn));
    }
    if ttl_differs {
        what.push_str(&format!("\n  with TTL {}", datagram.hop_limit));
    }
    Err(what)
}

/// Compares the stack's timestamp clock with the time.
///
/// Errors: a clock that has not gone as far since the connection's first timestamp as the time, give or take one tick.
fn clock(flow: &mut Flow, options: &[u8], at: u64, tick: u64) -> Result<(), String> {
    let options = TcpOption::list(options);
    let Some(val) = options.iter().find_map(|option| match option {
        TcpOption::Timestamps(val, _) => Some(*val),
        _ => None,
    }) else {
        return Ok(());
    };
    let (first, first_at) = *flow.clock_began.get_or_insert((val, at));
    let (gone, wanted) = (u64::from(val.wrapping_sub(first)), at.saturating_sub(first_at) / tick);
    if gone.abs_diff(wanted) <= 1 {
        return Ok(());
    }
    Err(format!(
        "the timestamp clock has gone {gone} ticks, not {wanted}, since the first timestamp"
    ))
}

/// The options that were sent, in the script's numbers. A timestamp gets the name that the script has for it there.
fn options_in_script(flow: &mut Flow, wanted: &[TcpOption], bytes: &[u8], check_ecr: bool) -> Vec<TcpOption> {
    let listed = TcpOption::list(bytes);
    let mut found = Vec::with_capacity(listed.len());
    for (place, option) in listed.into_iter().enumerate() {
        found.push(match (option, wanted.get(place)) {
            (TcpOption::Sack(blocks), _) => {
                let script = |(left, right)| (flow.their_script(left), flow.their_script(right));
                TcpOption::Sack(blocks.into_iter().map(script).collect())
            }
            (TcpOption::Timestamps(val, ecr), Some(&TcpOption::Timestamps(script, wanted_ecr))) => {
                flow.timestamps.push(Base { script, wire: val });
                TcpOption::Timestamps(script, if check_ecr { ecr } else { wanted_ecr })
            }
            (option, _) => option,
        });
    }
    found
}

/// A segment as a script writes it.
pub(super) fn describe(segment: &Segment) -> String {
    let end = segment.start.wrapping_add(segment.payload);
    let mut text = format!("{} {}:{end}({})", segment.flags, segment.start, segment.payload);
    let fields = [
        ("ack", segment.ack),
        ("win", segment.window.map(u32::from)),
        ("urg", segment.urgent.map(u32::from)),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            text.push_str(&format!(" {name} {value}"));
        }
    }
    match segment.options.as_deref() {
        None => text.push_str(" <...>"),
        Some([]) => {}
        Some(options) => {
            let options: Vec<String> = options.iter().map(TcpOption::to_string).collect();
            text.push_str(&format!(" <{}>", options.join(",")));
        }
    }
    text
}
