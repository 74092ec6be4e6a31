//! The IPv4 header (RFC 791). Options are skipped: none of them concerns a host's TCP.

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Datagram, Dscp, Ecn, Fragment, Header, Trust, traffic_class};
use crate::Malformed;
use crate::checksum::Sum;

/// The header on the wire, without options.
///
/// ```text
///  0               1               2               3
/// +-------+-------+-----------+---+---------------+---------------+
/// |   4   |  IHL  |   DSCP    |ECN|         Total Length          |
/// +-------+-------+-----------+---+-----+-------------------------+
/// |        Identification         |0 D M|     Fragment Offset     |
/// +---------------+---------------+-----+---------+---------------+
/// | Time to Live  |   Protocol    |        Header Checksum        |
/// +---------------+---------------+---------------+---------------+
/// |                        Source Address                         |
/// +---------------+---------------+---------------+---------------+
/// |                      Destination Address                      |
/// +---------------+---------------+---------------+---------------+
/// |                   Options, up to 40 bytes …                   |
/// ```
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    version_ihl: u8,
    dscp_ecn: u8,
    total_len: U16,
    id: U16,
    flags_offset: U16,
    ttl: u8,
    protocol: u8,
    checksum: U16,
    src: [u8; 4],
    dst: [u8; 4],
}

/// Bytes of a header without options.
pub(super) const HEADER_MIN: usize = size_of::<Fixed>();

/// Version 4, five words of header.
const VERSION_IHL: u8 = 0x45;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
/// Units: 8 bytes.
const FRAGMENT_OFFSET: u16 = 0x1fff;

pub(super) fn parse(trust: Trust, bytes: &[u8]) -> Result<Datagram, Malformed> {
    let (fixed, _) = Fixed::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
    let header_len = usize::from(fixed.version_ihl & 0x0f) * 4;
    if header_len < HEADER_MIN {
        return Err(Malformed::HeaderLength);
    }
    let header = bytes.get(..header_len).ok_or(Malformed::HeaderLength)?;
    let total_len = usize::from(fixed.total_len.get());
    if total_len < header_len {
        return Err(Malformed::Length);
    }
    let end = trust.end(total_len, bytes.len())?;
    if trust == Trust::Received && !is_intact(header) {
        return Err(Malformed::Checksum);
    }
    let fragment = match (fixed.fragment(), trust) {
        (Some(fragment), Trust::Received) => Some(fragment.check(header_len, end - header_len)?),
        (fragment, _) => fragment,
    };
    Ok(Datagram {
        src: Ipv4Addr::from(fixed.src).into(),
        dst: Ipv4Addr::from(fixed.dst).into(),
        protocol: fixed.protocol,
        hop_limit: fixed.ttl,
        dscp: Dscp::from_traffic_class(fixed.dscp_ecn),
        ecn: Ecn::from_traffic_class(fixed.dscp_ecn),
        fragment,
        payload: header_len..end,
    })
}

pub(super) fn emit(header: &Header, src: Ipv4Addr, dst: Ipv4Addr, payload_len: usize, out: &mut [u8]) -> Option<usize> {
    let total_len = u16::try_from(payload_len.checked_add(HEADER_MIN)?).ok()?;
    let mut fixed = Fixed {
        version_ihl: VERSION_IHL,
        dscp_ecn: traffic_class(header.dscp, header.ecn),
        total_len: total_len.into(),
        id: U16::ZERO,
        flags_offset: DONT_FRAGMENT.into(),
        ttl: header.hop_limit,
        protocol: header.protocol,
        checksum: U16::ZERO,
        src: src.octets(),
        dst: dst.octets(),
    };
    let mut sum = Sum::new();
    sum.add(fixed.as_bytes());
    fixed.checksum = sum.finish().into();
    fixed.write_to_prefix(out).ok()?;
    Some(HEADER_MIN)
}

impl Fixed {
    fn fragment(&self) -> Option<Fragment> {
        let field = self.flags_offset.get();
        let offset = usize::from(field & FRAGMENT_OFFSET) * 8;
        let more = field & MORE_FRAGMENTS != 0;
        (more || offset > 0).then(|| Fragment {
            id: self.id.get().into(),
            offset,
            more,
        })
    }
}

fn is_intact(header: &[u8]) -> bool {
    let mut sum = Sum::new();
    sum.add(header);
    sum.finish() == 0
}

#[cfg(test)]
pub(super) mod tests;
