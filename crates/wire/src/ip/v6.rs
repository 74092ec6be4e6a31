//! The IPv6 header and the walk over its extension headers (RFC 8200).

use core::net::Ipv6Addr;

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Datagram, Dscp, Ecn, Fragment, Header, Trust, traffic_class};
use crate::Malformed;

/// The header on the wire.
///
/// ```text
///  0               1               2               3
/// +-------+-----------+---+-------+---------------+---------------+
/// |   6   |   DSCP    |ECN|              Flow Label               |
/// +-------+-----------+---+-------+---------------+---------------+
/// |        Payload Length         |  Next Header  |   Hop Limit   |
/// +---------------+---------------+---------------+---------------+
/// |                   Source Address, 16 bytes                    |
/// +---------------+---------------+---------------+---------------+
/// |                 Destination Address, 16 bytes                 |
/// +---------------+---------------+---------------+---------------+
/// |      Extension headers, counted in the payload length …       |
/// ```
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    version_class_flow: U32,
    payload_len: U16,
    next_header: u8,
    hop_limit: u8,
    src: [u8; 16],
    dst: [u8; 16],
}

/// Bytes of a header without extension headers.
pub(super) const HEADER: usize = size_of::<Fixed>();

/// The fragment header, after RFC 8200 section 4.5.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+-------------------------+---+-+
/// |  Next Header  |   Reserved    |     Fragment Offset     |Res|M|
/// +---------------+---------------+-------------------------+---+-+
/// |                        Identification                         |
/// +---------------+---------------+---------------+---------------+
/// ```
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FragmentHeader {
    next_header: u8,
    reserved: u8,
    offset_more: U16,
    id: U32,
}

// Protocol numbers of the extension headers that are walked.
pub(super) const HOP_BY_HOP: u8 = 0;
pub(super) const ROUTING: u8 = 43;
pub(super) const FRAGMENT: u8 = 44;
pub(super) const DESTINATION_OPTIONS: u8 = 60;

/// More extension headers than this in one packet are refused: no honest sender comes near, and each costs time.
const EXTENSION_HEADERS_MAX: usize = 8;

pub(super) fn parse(trust: Trust, bytes: &[u8]) -> Result<Datagram, Malformed> {
    let (fixed, _) = Fixed::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
    let end = trust.end(HEADER + usize::from(fixed.payload_len.get()), bytes.len())?;
    let upper = bytes.get(HEADER..end).ok_or(Malformed::Truncated)?;
    let class = (fixed.version_class_flow.get() >> 20) as u8;
    let chain = walk(fixed.next_header, upper)?;
    if let (Some(fragment), Trust::Received) = (chain.fragment, trust) {
        // What lies before the fragment header is there again in the whole, and counts (RFC 8200 section 4.5).
        let before = upper.len() - size_of::<FragmentHeader>() - chain.rest.len();
        fragment.check(before, chain.rest.len())?;
    }
    Ok(Datagram {
        src: Ipv6Addr::from(fixed.src).into(),
        dst: Ipv6Addr::from(fixed.dst).into(),
        protocol: chain.protocol,
        hop_limit: fixed.hop_limit,
        dscp: Dscp::from_traffic_class(class),
        ecn: Ecn::from_traffic_class(class),
        fragment: chain.fragment,
        payload: end - chain.rest.len()..end,
    })
}

pub(super) fn emit(header: &Header, src: Ipv6Addr, dst: Ipv6Addr, payload_len: usize, out: &mut [u8]) -> Option<usize> {
    let fixed = Fixed {
        version_class_flow: (6 << 28 | u32::from(traffic_class(header.dscp, header.ecn)) << 20).into(),
        payload_len: u16::try_from(payload_len).ok()?.into(),
        next_header: header.protocol,
        hop_limit: header.hop_limit,
        src: src.octets(),
        dst: dst.octets(),
    };
    fixed.write_to_prefix(out).ok()?;
    Some(HEADER)
}

/// Where the walk over the extension headers ended.
struct Chain<'a> {
    /// What comes next: an upper layer, or, after the header of a true fragment, whatever the whole datagram has there.
    protocol: u8,
    fragment: Option<Fragment>,
    /// The bytes after the last header walked.
    rest: &'a [u8],
}

/// Walks the extension headers in whatever order they come (RFC 8200 section 4.1), up to the upper layer or a fragment.
///
/// A fragment's bytes begin right after its fragment header, for that is what is reassembled; headers that lie behind
/// it are walked when the whole is parsed. A fragment that is the whole ("atomic", RFC 6946) is no fragment to us.
fn walk(first: u8, upper: &[u8]) -> Result<Chain<'_>, Malformed> {
    let mut protocol = first;
    let mut rest = upper;
    for walked in 0..=EXTENSION_HEADERS_MAX {
        (protocol, rest) = match protocol {
            // RFC 8200 section 4.1: nowhere but right after the IPv6 header.
            HOP_BY_HOP if walked > 0 => return Err(Malformed::ExtensionHeader),
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => pass(protocol, rest)?,
            FRAGMENT => {
                let (header, after) = FragmentHeader::ref_from_prefix(rest).map_err(|_| Malformed::HeaderLength)?;
                let (protocol, fragment) = (header.next_header, header.fragment());
                if fragment.is_some() {
                    return Ok(Chain {
                        protocol,
                        fragment,
                        rest: after,
                    });
                }
                (protocol, after)
            }
            _ => {
                return Ok(Chain {
                    protocol,
                    fragment: None,
                    rest,
                });
            }
        };
    }
    Err(Malformed::ExtensionHeader)
}

/// Passes over a header that states its own length, `8 * (second byte + 1)` bytes: what is next, and the bytes behind.
///
/// Refuses what a host must not take: a source route that goes on from here, or an option that asks to be refused by
/// those who do not know it (as we know none, that is the jumbo payload option, too).
fn pass(protocol: u8, bytes: &[u8]) -> Result<(u8, &[u8]), Malformed> {
    let [next, len, ..] = *bytes else {
        return Err(Malformed::HeaderLength);
    };
    let (header, after) = bytes
        .split_at_checked(8 * (1 + usize::from(len)))
        .ok_or(Malformed::HeaderLength)?;
    let is_acceptable = match (protocol, header) {
        // RFC 8200 section 4.4: with no segments left it is ignored, whatever its type.
        (ROUTING, [_, _, _, segments_left, ..]) => *segments_left == 0,
        (_, [_, _, options @ ..]) => are_ignorable(options),
        _ => false,
    };
    if is_acceptable {
        Ok((next, after))
    } else {
        Err(Malformed::ExtensionHeader)
    }
}

/// Whether every option is well formed and may be skipped (RFC 8200 section 4.2: the two top bits of its type are 0).
fn are_ignorable(options: &[u8]) -> bool {
    const PAD1: u8 = 0;
    let mut rest = options;
    loop {
        rest = match *rest {
            [] => return true,
            [PAD1, ref rest @ ..] => rest,
            [kind, len, ref rest @ ..] if kind >> 6 == 0 => match rest.get(usize::from(len)..) {
                Some(rest) => rest,
                None => return false,
            },
            _ => return false,
        };
    }
}

impl FragmentHeader {
    fn fragment(&self) -> Option<Fragment> {
        let field = self.offset_more.get();
        let offset = usize::from(field & !7);
        let more = field & 1 != 0;
        (more || offset > 0).then(|| Fragment {
            id: self.id.get(),
            offset,
            more,
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
