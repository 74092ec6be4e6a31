//! The UDP header (RFC 768).

use core::net::IpAddr;

use crate::Malformed;

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
    /// Reads the header and checks length and checksum (a checksum of 0 is "none" in IPv4 and an error in IPv6).
    pub fn parse(_src: IpAddr, _dst: IpAddr, _bytes: &[u8]) -> Result<Self, Malformed> {
        todo!()
    }
}
