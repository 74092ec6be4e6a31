//! The Internet checksum (RFC 1071) and its incremental form (RFC 1624).
//!
//! The checksum is the complement of a one's-complement sum of 16-bit words. That sum does not care for the order of
//! the words, for the byte order of the machine, or for how the packet is cut into pieces; all three are used here.

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
        // Two words at a time, for their carry lands where it should when all is folded. The whole is under 2^36.
        for address in [src, dst] {
            match address {
                IpAddr::V4(v4) => sum.sum += u64::from(v4.to_bits()),
                IpAddr::V6(v6) => {
                    for shift in [0, 32, 64, 96] {
                        sum.sum += u64::from((v6.to_bits() >> shift) as u32);
                    }
                }
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
/// Words are added in the machine's own byte order, and four at a time, as the two halves of 64 bits: a compiler makes
/// vector additions of that. The one's-complement sum is the same in either order but for a swap at the end, and the
/// carry out of one word lands in the next as it should (RFC 1071 section 2). Exact for pieces of less than 32 GiB.
fn sum_of_piece(bytes: &[u8]) -> u16 {
    let (mut high, mut low) = (0u64, 0u64);
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let words = u64::from_ne_bytes(*eight);
        high = high.wrapping_add(words >> 32);
        low = low.wrapping_add(words & 0xffff_ffff);
    }
    let (fours, rest) = rest.as_chunks::<4>();
    for four in fours {
        low = low.wrapping_add(u32::from_ne_bytes(*four).into());
    }
    let last = match *rest {
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c] => [a, b, c, 0],
        _ => [0; 4],
    };
    let last = u64::from(u32::from_ne_bytes(last));
    fold(high.wrapping_add(low).wrapping_add(last)).to_be()
}

/// Folds 64 bits into 16 with end-around carry.
const fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff); // < 2^33
    let sum = (sum >> 16) + (sum & 0xffff); // < 3 * 2^16
    let sum = (sum >> 16) + (sum & 0xffff); // <= 2^16
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn sum(pieces: &[&[u8]]) -> Sum {
        let mut sum = Sum::new();
        for piece in pieces {
            sum.add(piece);
        }
        sum
    }

    /// Word by word, a carry at a time, as the definition reads.
    fn naive(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
            if sum > 0xffff {
                sum = (sum & 0xffff) + 1;
            }
        }
        sum as u16
    }

    #[test]
    fn sums_of_known_bytes() {
        let ones = [0xff; 40];
        let rows: [(&str, &[u8], u16); 8] = [
            ("nothing", &[], 0),
            (
                "RFC 1071 section 3",
                &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7],
                0xddf2,
            ),
            ("a lone byte is the high half", &[0x12], 0x1200),
            ("three bytes", &[0x12, 0x34, 0x56], 0x6834),
            ("carry comes round", &[0xff, 0xff, 0x00, 0x01], 0x0001),
            ("carry out of 32 bits", &[0xff, 0xff, 0xff, 0xff, 0x00, 0x02], 0x0002),
            ("all ones stay all ones", &ones, 0xffff),
            ("zeros stay zero", &[0; 33], 0),
        ];
        for (name, bytes, expected) in rows {
            assert_eq!(sum(&[bytes]).fold(), expected, "{name}");
            assert_eq!(sum(&[bytes]).finish(), !expected, "{name}, complemented");
        }
    }

    #[test]
    fn the_pseudo_header_is_the_bytes_of_its_diagram() {
        let v4 = (Ipv4Addr::new(10, 7, 0, 1), Ipv4Addr::new(192, 168, 255, 254));
        let diagram = [10, 7, 0, 1, 192, 168, 255, 254, 0, 6, 0xfa, 0xf0];
        assert_eq!(
            Sum::pseudo_header(v4.0.into(), v4.1.into(), 6, 0xfaf0).fold(),
            naive(&diagram)
        );

        let v6 = (
            Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0xfe80, 0, 0, 1, 2, 3, 4, 0xffff),
        );
        let mut diagram = [v6.0.octets(), v6.1.octets()].concat();
        diagram.extend_from_slice(&[0, 1, 0x86, 0xa0, 0, 0, 0, 58]);
        assert_eq!(
            Sum::pseudo_header(v6.0.into(), v6.1.into(), 58, 100_000).fold(),
            naive(&diagram)
        );
    }

    #[test]
    fn rfc_1624_section_4_example() {
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    proptest! {
        #[test]
        fn is_the_naive_sum(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            prop_assert_eq!(sum(&[&bytes]).fold(), naive(&bytes));
        }

        #[test]
        fn does_not_depend_on_the_cuts(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(sum(&pieces).fold(), naive(&pieces.concat()));
        }

        #[test]
        fn over_a_sealed_packet_is_zero(mut bytes in prop::collection::vec(any::<u8>(), 2..200)) {
            bytes[0] = 0;
            bytes[1] = 0;
            let checksum = sum(&[&bytes]).finish();
            bytes[..2].copy_from_slice(&checksum.to_be_bytes());
            prop_assert_eq!(sum(&[&bytes]).finish(), 0);
        }

        #[test]
        fn update_is_recomputation(
            bytes in prop::collection::vec(any::<u8>(), 2..200), at: prop::sample::Index, new: [u8; 2],
        ) {
            // A packet that is all zeros has two checksums, 0 and its negative; none on a real link is.
            prop_assume!(bytes.iter().any(|byte| *byte != 0) && new != [0; 2]);
            let even = bytes.len() & !1;
            let at = at.index(even / 2) * 2;
            let mut changed = bytes.clone();
            changed[at..at + 2].copy_from_slice(&new);
            let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            prop_assert_eq!(update(sum(&[&bytes]).finish(), old, u16::from_be_bytes(new)), sum(&[&changed]).finish());
        }
    }
}
