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
    ///
    /// Spec: RFC 9293 section 3.1, RFC 8200 section 8.1.
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> Self {
        let mut sum = Self::new();
        for address in [src, dst] {
            match address {
                IpAddr::V4(v4) => sum.add(&v4.octets()),
                IpAddr::V6(v6) => sum.add(&v6.octets()),
            }
        }
        sum.sum += u64::from(protocol) + u64::from(fold(len as u64));
        sum
    }

    /// Adds bytes that follow what was added before.
    pub fn add(&mut self, bytes: &[u8]) {
        let piece = sum_of_piece(bytes);
        // A piece that begins in the middle of a word has its bytes in the other halves (RFC 1071 section 2 (B)).
        let piece = if self.odd { piece.swap_bytes() } else { piece };
        // Each piece adds at most 2^16 - 1, so 2^48 pieces fit.
        self.sum += u64::from(piece);
        self.odd ^= bytes.len() % 2 == 1;
    }

    /// The checksum field: the complement of the folded sum. Over a packet whose field is right this gives 0.
    pub fn finish(self) -> u16 {
        !self.fold()
    }

    /// The folded sum without the complement, as a partial checksum (`NEEDS_CSUM`) wants it.
    pub fn fold(self) -> u16 {
        fold(self.sum)
    }
}

/// The checksum field after one 16-bit word of the packet went from `old` to `new` (RFC 1624 equation 3).
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

/// The folded sum over one piece, as if it began on a word boundary.
///
/// The words are added in the machine's own byte order and four bytes at a time into eight, which a compiler turns into
/// vector additions; the one's-complement sum is the same in either order, but for a swap at the end, and a carry out of
/// one word lands in the next as it should (RFC 1071 section 2).
fn sum_of_piece(bytes: &[u8]) -> u16 {
    // 2^14 additions of less than 2^32 cannot leave 64 bits; a block is even, so blocks stay on word boundaries.
    const BLOCK: usize = 1 << 16;
    let sum = bytes.chunks(BLOCK).fold(0, |sum: u64, block| {
        let (quads, rest) = block.as_chunks::<4>();
        let quads: u64 = quads.iter().map(|quad| u64::from(u32::from_ne_bytes(*quad))).sum();
        let rest = match *rest {
            [a] => [a, 0, 0, 0],
            [a, b] => [a, b, 0, 0],
            [a, b, c] => [a, b, c, 0],
            _ => [0; 4],
        };
        u64::from(fold(sum)) + u64::from(fold(quads + u64::from(u32::from_ne_bytes(rest))))
    });
    fold(sum).to_be()
}

/// Folds 64 bits into 16 with end-around carry.
const fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff); // < 2^33
    let sum = (sum >> 16) + (sum & 0xffff); // < 3 * 2^16
    let sum = (sum >> 16) + (sum & 0xffff); // <= 2^16
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}
