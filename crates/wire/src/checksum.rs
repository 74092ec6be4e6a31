//! The Internet checksum (RFC 1071) and its incremental form (RFC 1624).

use core::net::IpAddr;

/// A running one's-complement sum over pieces of a packet; pieces may have odd lengths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    sum: u64,
    odd: bool,
}

impl Sum {
    /// An empty sum.
    pub const fn new() -> Self {
        Self { sum: 0, odd: false }
    }

    /// The sum over the pseudo header of TCP, UDP or ICMPv6: addresses, protocol, length of the upper layer in bytes.
    /// Addresses of different families never reach here from parsed packets; the sum is then merely wrong.
    pub fn pseudo_header(_src: IpAddr, _dst: IpAddr, _protocol: u8, _len: usize) -> Self {
        todo!()
    }

    /// Adds bytes that follow what was added before.
    pub fn add(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// The checksum field: the complement of the folded sum. Over a packet whose field is right this gives 0.
    pub fn finish(self) -> u16 {
        todo!()
    }

    /// The folded sum without the complement, as a partial checksum (`NEEDS_CSUM`) wants it.
    pub fn fold(self) -> u16 {
        todo!()
    }
}

/// The checksum field after one 16-bit word of the packet went from `old` to `new` (RFC 1624 equation 3).
pub fn update(_checksum: u16, _old: u16, _new: u16) -> u16 {
    todo!()
}
