//! The bytes of a record as a segment, and what a capture needs done to them.
//!
//! Reading here trusts the sender more than a stack may: checksums are not verified, for a corrupted packet is shown too.

use std::net::SocketAddr;

use stack::FourTuple;
use wire::checksum::Sum;
use wire::ip::{self, Datagram};
use wire::seq::SeqNumber;
use wire::tcp::{Header, seal};

/// A TCP segment in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Source address and port.
    pub src: SocketAddr,
    /// Destination address and port.
    pub dst: SocketAddr,
    /// The TCP header.
    pub header: Header,
    /// Payload. Units: bytes.
    pub payload: u32,
}

impl Segment {
    /// Reads an IP packet; `None` when it is no whole TCP segment.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let datagram = Datagram::parse(bytes).ok()?;
        if datagram.protocol != ip::TCP || datagram.fragment.is_some() {
            return None;
        }
        let segment = bytes.get(datagram.payload.clone())?;
        let (header, len) = Header::parse(segment).ok()?;
        Some(Self {
            src: SocketAddr::new(datagram.src, header.src_port),
            dst: SocketAddr::new(datagram.dst, header.dst_port),
            header,
            payload: u32::try_from(segment.len() - len).ok()?,
        })
    }

    /// SEG.LEN: payload, and one each for SYN and FIN. Units: bytes of sequence space.
    pub fn len(&self) -> u32 {
        self.payload + u32::from(self.header.flags.syn()) + u32::from(self.header.flags.fin())
    }

    /// Whether it takes no sequence space.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence number after its last.
    pub fn end(&self) -> SeqNumber {
        self.header.seq + self.len()
    }

    /// The connection as the sender names it.
    pub fn tuple(&self) -> FourTuple {
        FourTuple::new(self.src, self.dst)
    }
}

/// Both ends of a connection, whichever way its packets go. Of two records of one connection this is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pair(pub(crate) SocketAddr, pub(crate) SocketAddr);

impl Pair {
    pub(crate) fn of(a: SocketAddr, b: SocketAddr) -> Self {
        if a <= b { Self(a, b) } else { Self(b, a) }
    }
}

/// What a packet that is no TCP segment is, in a few words; and the connection it speaks of, when it is an ICMP error.
pub(crate) fn describe_other(bytes: &[u8]) -> (String, Option<Pair>) {
    use wire::icmp::Message;
    let Ok(datagram) = Datagram::parse(bytes) else {
        return ("not an IP packet".to_owned(), None);
    };
    if let Some(fragment) = datagram.fragment {
        let more = if fragment.more { ", more follow" } else { ", the last" };
        return (format!("fragment at byte {}{more}", fragment.offset), None);
    }
    let payload = bytes.get(datagram.payload.clone()).unwrap_or_default();
    let (text, quoted) = match datagram.protocol {
        ip::ICMP | ip::ICMPV6 => match Message::parse(datagram.src, datagram.dst, payload) {
            Ok(Message::EchoRequest { .. }) => ("ICMP echo request".to_owned(), None),
            Ok(Message::EchoReply { .. }) => ("ICMP echo reply".to_owned(), None),
            Ok(Message::Unreachable { why, quoted }) => (format!("ICMP unreachable: {why:?}"), Some(quoted)),
            Ok(Message::TooBig { mtu, quoted }) => (format!("ICMP packet too big: MTU {mtu}"), Some(quoted)),
            Ok(Message::TimeExceeded { quoted }) => ("ICMP time exceeded".to_owned(), Some(quoted)),
            Ok(Message::ParameterProblem { quoted }) => ("ICMP parameter problem".to_owned(), Some(quoted)),
            Ok(Message::Other { kind }) => (format!("ICMP type {kind}"), None),
            Err(error) => (format!("ICMP, {error}"), None),
        },
        ip::TCP => ("TCP that cannot be read".to_owned(), None),
        ip::UDP => ("UDP".to_owned(), None),
        other => (format!("IP protocol {other}"), None),
    };
    (text, quoted.and_then(quoted_pair))
}

/// The connection of the segment that an ICMP error quotes.
fn quoted_pair(quoted: &[u8]) -> Option<Pair> {
    let datagram = Datagram::parse_quoted(quoted).ok()?;
    if datagram.protocol != ip::TCP {
        return None;
    }
    let (src, dst, _) = Header::parse_quoted(quoted.get(datagram.payload.clone())?).ok()?;
    Some(Pair::of(
        SocketAddr::new(datagram.src, src),
        SocketAddr::new(datagram.dst, dst),
    ))
}

/// Completes the transport checksum of a packet that left it to the link (`NEEDS_CSUM`): a capture without it looks
/// broken to every reader. Packets other than whole TCP segments and UDP datagrams are left as they are.
pub fn complete_checksum(bytes: &mut [u8]) {
    const UDP_CHECKSUM: std::ops::Range<usize> = 6..8;
    let Ok(datagram) = Datagram::parse(bytes) else { return };
    if datagram.fragment.is_some() {
        return;
    }
    let Some(upper) = bytes.get_mut(datagram.payload.clone()) else {
        return;
    };
    match datagram.protocol {
        ip::TCP => seal(datagram.src, datagram.dst, upper, &[] as &[&[u8]]),
        ip::UDP => {
            let Some(field) = upper.get_mut(UDP_CHECKSUM) else {
                return;
            };
            field.fill(0);
            let mut sum = Sum::pseudo_header(datagram.src, datagram.dst, ip::UDP, upper.len());
            sum.add(upper);
            // RFC 768: a sum of 0 is sent as all ones, for 0 means "none".
            let sum = match sum.finish() {
                0 => u16::MAX,
                sum => sum,
            };
            if let Some(field) = upper.get_mut(UDP_CHECKSUM) {
                field.copy_from_slice(&sum.to_be_bytes());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Ends, V4, V6};

    #[test]
    fn a_segment_reads_back_as_it_was_built() {
        for (name, ends) in [("IPv4", V4), ("IPv6", V6)] {
            let before_the_wrap = (u32::MAX - 5).wrapping_sub(ends.left_isn);
            let bytes = ends.left("PA", before_the_wrap, 7, 100);
            let segment = Segment::parse(&bytes).unwrap();
            assert_eq!(segment.payload, 100, "{name}");
            assert_eq!(segment.tuple(), FourTuple::new(ends.left, ends.right), "{name}");
            assert_eq!(segment.end().value(), 94, "{name}: round the circle");
        }
    }

    #[test]
    fn a_partial_checksum_is_completed() {
        for (name, ends) in [("IPv4", V4), ("IPv6", V6)] {
            let whole = ends.left("A", 1, 1, 5);
            let mut partial = whole.clone();
            let at = partial.len() - 5 - 20 + 16;
            partial[at] ^= 0x55;
            complete_checksum(&mut partial);
            assert_eq!(partial, whole, "{name}");
        }
    }

    #[test]
    fn udp_gets_its_checksum_and_rubbish_is_left_alone() {
        let Ends { left, right, .. } = V4;
        let header = ip::Header {
            src: left.ip(),
            dst: right.ip(),
            protocol: ip::UDP,
            hop_limit: 64,
            dscp: wire::ip::Dscp::default(),
            ecn: ip::Ecn::NotEct,
        };
        let mut bytes = vec![0; 20];
        header.emit(10, &mut bytes).unwrap();
        bytes.extend_from_slice(&[0, 1, 0, 2, 0, 10, 0xab, 0xcd, b'h', b'i']);
        complete_checksum(&mut bytes);
        assert!(wire::udp::Header::parse(left.ip(), right.ip(), &bytes[20..]).is_ok());

        let mut rubbish = vec![7; 30];
        complete_checksum(&mut rubbish);
        assert_eq!(rubbish, vec![7; 30]);
    }
}
