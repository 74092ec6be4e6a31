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
