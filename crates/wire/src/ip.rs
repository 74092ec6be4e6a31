//! IP datagrams, either version (RFC 791, RFC 8200), as one value.

use core::net::IpAddr;
use core::ops::Range;

use crate::Malformed;

/// Protocol number of ICMP.
pub const ICMP: u8 = 1;
/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// Protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;

/// The two ECN bits (RFC 3168).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Ecn {
    /// Not ECN-capable.
    #[default]
    NotEct,
    /// ECT(1).
    Ect1,
    /// ECT(0).
    Ect0,
    /// Congestion experienced.
    Ce,
}

/// What a fragment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The identification that the pieces of one datagram share.
    pub id: u32,
    /// Where this piece begins. Units: bytes.
    pub offset: usize,
    /// Whether more pieces follow.
    pub more: bool,
}

/// A received datagram: its header as a value, and where its payload lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Upper-layer protocol, after any extension headers.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// ECN bits.
    pub ecn: Ecn,
    /// Present when this is a piece of a larger datagram.
    pub fragment: Option<Fragment>,
    /// The upper-layer bytes within the slice that was parsed; link padding is left out.
    pub payload: Range<usize>,
}

impl Datagram {
    /// Reads a datagram: version, lengths, IPv4 header checksum; IPv6 extension headers are walked (hop-by-hop, routing,
    /// destination options, fragment; at most 8 of them).
    ///
    /// A length field of 0 in a super-segment from an offloading link is not accepted: the link states its length.
    /// Errors: [`Malformed`], one reason.
    pub fn parse(_bytes: &[u8]) -> Result<Self, Malformed> {
        todo!()
    }

    /// As [`parse`](Self::parse), for the datagram that an ICMP error quotes: the payload may be cut short and the
    /// IPv4 header checksum may be wrong (RFC 5927 section 4.1, RFC 1812).
    pub fn parse_quoted(_bytes: &[u8]) -> Result<Self, Malformed> {
        todo!()
    }
}

/// The header of a datagram that we send. DF is always set on IPv4 (RFC 1191), so the identification is 0 (RFC 6864).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Source address; decides the version. `dst` must be of the same family.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Upper-layer protocol.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// ECN bits.
    pub ecn: Ecn,
}

impl Header {
    /// Bytes that [`emit`](Self::emit) writes: 20 or 40.
    pub const fn len(&self) -> usize {
        match self.src {
            IpAddr::V4(_) => 20,
            IpAddr::V6(_) => 40,
        }
    }

    /// Never: a header has bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header for `payload_len` bytes of upper layer into the front of `out` and returns its length.
    ///
    /// Errors: `None` when `out` is too short, the families differ, or the datagram would pass 65,535 bytes.
    pub fn emit(&self, _payload_len: usize, _out: &mut [u8]) -> Option<usize> {
        todo!()
    }
}
