//! The UDP header (RFC 768).

use core::net::IpAddr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::Malformed;
use crate::checksum::Sum;
use crate::ip;

/// The header on the wire.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |          Source Port          |       Destination Port        |
/// +---------------+---------------+---------------+---------------+
/// |            Length             |           Checksum            |
/// +---------------+---------------+---------------+---------------+
/// ```
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    src_port: U16,
    dst_port: U16,
    len: U16,
    checksum: U16,
}

/// Bytes of a header.
const HEADER: usize = size_of::<Fixed>();

/// A UDP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Bytes of payload.
    pub payload_len: usize,
}

impl Header {
    /// Reads the header and checks length and checksum (a checksum of 0 is "none" in IPv4 and an error in IPv6). Bytes
    /// past the stated length are padding and left out.
    ///
    /// Errors: [`Malformed::Truncated`], [`Malformed::Length`] for less than a header, [`Malformed::Checksum`].
    /// Spec: RFC 768; RFC 8200 section 8.1.
    pub fn parse(src: IpAddr, dst: IpAddr, bytes: &[u8]) -> Result<Self, Malformed> {
        let (fixed, _) = Fixed::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let len = usize::from(fixed.len.get());
        let payload_len = len.checked_sub(HEADER).ok_or(Malformed::Length)?;
        let datagram = bytes.get(..len).ok_or(Malformed::Truncated)?;
        let is_right = match (fixed.checksum.get(), src) {
            (0, IpAddr::V4(_)) => true,
            (0, IpAddr::V6(_)) => false,
            _ => is_intact(src, dst, datagram),
        };
        if !is_right {
            return Err(Malformed::Checksum);
        }
        Ok(Self {
            src_port: fixed.src_port.get(),
            dst_port: fixed.dst_port.get(),
            payload_len,
        })
    }
}

fn is_intact(src: IpAddr, dst: IpAddr, datagram: &[u8]) -> bool {
    let mut sum = Sum::pseudo_header(src, dst, ip::UDP, datagram.len());
    sum.add(datagram);
    sum.finish() == 0
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    const V4: (IpAddr, IpAddr) = (
        IpAddr::V4(Ipv4Addr::new(10, 7, 0, 1)),
        IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2)),
    );
    const V6: (IpAddr, IpAddr) = (
        IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1)),
        IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2)),
    );

    /// A datagram from port 53 to 5,353 that states `len`, carries `data`, and has a right checksum.
    fn datagram((src, dst): (IpAddr, IpAddr), len: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = [&[0, 53, 0x14, 0xe9], len.to_be_bytes().as_slice(), &[0, 0], data].concat();
        let summed = bytes.get(..usize::from(len)).unwrap_or(&bytes);
        let mut sum = Sum::pseudo_header(src, dst, ip::UDP, summed.len());
        sum.add(summed);
        bytes[6..8].copy_from_slice(&sum.finish().to_be_bytes());
        bytes
    }

    fn without_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[6..8].fill(0);
        bytes
    }

    fn damaged(mut bytes: Vec<u8>) -> Vec<u8> {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    }

    #[test]
    fn lengths_and_checksums() {
        let taken = |payload_len| {
            Ok(Header {
                src_port: 53,
                dst_port: 5_353,
                payload_len,
            })
        };
        #[rustfmt::skip]
        let rows = [
            ("IPv4",                           V4, datagram(V4, 11, b"abc"),                   taken(3)),
            ("IPv6",                           V6, datagram(V6, 11, b"abc"),                   taken(3)),
            ("no data",                        V4, datagram(V4, 8, b""),                       taken(0)),
            ("padding behind",                 V4, datagram(V4, 10, b"abc"),                   taken(2)),
            ("no checksum in IPv4",            V4, without_checksum(datagram(V4, 11, b"abc")), taken(3)),
            ("no checksum in IPv6",            V6, without_checksum(datagram(V6, 11, b"abc")), Err(Malformed::Checksum)),
            ("one bit wrong in IPv4",          V4, damaged(datagram(V4, 11, b"abc")),          Err(Malformed::Checksum)),
            ("one bit wrong in IPv6",          V6, damaged(datagram(V6, 11, b"abc")),          Err(Malformed::Checksum)),
            ("other addresses",                V4, datagram(V6, 11, b"abc"),                   Err(Malformed::Checksum)),
            ("7 bytes",                        V4, datagram(V4, 8, b"")[..7].to_vec(),         Err(Malformed::Truncated)),
            ("a length past the end",          V4, datagram(V4, 12, b"abc"),                   Err(Malformed::Truncated)),
            ("a length below the header",      V4, datagram(V4, 7, b"abc"),                    Err(Malformed::Length)),
            ("a length of 0",                  V6, datagram(V6, 0, b"abc"),                    Err(Malformed::Length)),
        ];
        for (name, (src, dst), bytes, expected) in rows {
            assert_eq!(Header::parse(src, dst, &bytes), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (Header::parse(V4.0, V4.1, &bytes), Header::parse(V6.0, V6.1, &bytes));
        }
    }
}
