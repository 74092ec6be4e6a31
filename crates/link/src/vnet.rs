//! The virtio-net header: what the kernel and we tell each other about a packet besides its bytes.
//!
//! A packet may cross a TUN with its TCP checksum not yet complete, and larger than the MTU (a super-segment). This header
//! says so. It is the legacy form of ten bytes in the byte order of the machine, as `IFF_VNET_HDR` gives it.
//!
//! ```text
//!   0       1          2         4          6            8             10
//!   | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset |
//! ```
//!
//! Spec: Virtual I/O Device (VIRTIO) 1.2 section 5.1.6; `include/uapi/linux/virtio_net.h`

/// Bytes of an encoded [`VnetHeader`].
pub const HEADER_BYTES: usize = 10;

const F_NEEDS_CSUM: u8 = 1;
const F_DATA_VALID: u8 = 2;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
/// Set beside a GSO type when the first segment carries CWR. It is masked off: it is only sent to those who ask for it.
const GSO_ECN: u8 = 0x80;

/// Facts about one packet that are not in its bytes.
///
/// The default says: a plain packet, whose checksum is complete and has not been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VnetHeader {
    /// Where the checksum is still to be completed, if it is: its field holds the sum of the pseudo-header only.
    pub needs_checksum: Option<PartialChecksum>,
    /// The checksum has been found right already, or the packet never left this machine.
    pub data_valid: bool,
    /// How to cut the packet into segments, when it is a super-segment.
    pub gso: Option<Gso>,
}

/// A checksum that the receiver of the packet has to complete, or may take as right. Units: bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialChecksum {
    /// Where summing begins: the offset of the TCP header in the packet.
    pub start: u16,
    /// Where the sum goes, counted from `start`: 16 for TCP.
    pub offset: u16,
}

/// How a super-segment is cut (generic segmentation offload).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// The protocols of the packet.
    pub kind: GsoKind,
    /// Payload of each segment but the last. Units: bytes. Bounds: not 0.
    pub size: u16,
    /// Length of the IP and TCP headers together, which every segment repeats; a hint, and may be 0. Units: bytes.
    pub header_len: u16,
}

/// The protocols of a super-segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
}

/// Why ten bytes are no header that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VnetError {
    /// The type of segmentation is none that was asked for.
    #[error("virtio-net header with segmentation type {0:#04x}, which was never asked for")]
    UnknownGso(u8),
    /// A super-segment that would be cut into segments of nothing.
    #[error("virtio-net header of a super-segment with a segment size of 0")]
    ZeroGsoSize,
}

impl VnetHeader {
    /// Reads a header. Flags that we do not know are ignored, as the specification asks.
    pub fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, VnetError> {
        let [flags, gso_type, l0, l1, s0, s1, c0, c1, o0, o1] = bytes;
        let (header_len, size) = (u16::from_ne_bytes([l0, l1]), u16::from_ne_bytes([s0, s1]));
        let checksum = PartialChecksum {
            start: u16::from_ne_bytes([c0, c1]),
            offset: u16::from_ne_bytes([o0, o1]),
        };
        let kind = match gso_type & !GSO_ECN {
            GSO_NONE => None,
            GSO_TCPV4 => Some(GsoKind::TcpV4),
            GSO_TCPV6 => Some(GsoKind::TcpV6),
            _ => return Err(VnetError::UnknownGso(gso_type)),
        };
        if kind.is_some() && size == 0 {
            return Err(VnetError::ZeroGsoSize);
        }
        Ok(Self {
            needs_checksum: (flags & F_NEEDS_CSUM != 0).then_some(checksum),
            data_valid: flags & F_DATA_VALID != 0,
            gso: kind.map(|kind| Gso { kind, size, header_len }),
        })
    }

    /// Writes the header.
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        let mut flags = 0;
        let checksum = self.needs_checksum.unwrap_or(PartialChecksum { start: 0, offset: 0 });
        if self.needs_checksum.is_some() {
            flags |= F_NEEDS_CSUM;
        }
        if self.data_valid {
            flags |= F_DATA_VALID;
        }
        let (gso_type, size, header_len) = match self.gso {
            None => (GSO_NONE, 0, 0),
            Some(Gso {
                kind: GsoKind::TcpV4,
                size,
                header_len,
            }) => (GSO_TCPV4, size, header_len),
            Some(Gso {
                kind: GsoKind::TcpV6,
                size,
                header_len,
            }) => (GSO_TCPV6, size, header_len),
        };
        let [l0, l1] = header_len.to_ne_bytes();
        let [s0, s1] = size.to_ne_bytes();
        let [c0, c1] = checksum.start.to_ne_bytes();
        let [o0, o1] = checksum.offset.to_ne_bytes();
        [flags, gso_type, l0, l1, s0, s1, c0, c1, o0, o1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(flags: u8, gso_type: u8, words: [u16; 4]) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = flags;
        bytes[1] = gso_type;
        for (i, word) in words.into_iter().enumerate() {
            bytes[2 + 2 * i..4 + 2 * i].copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    const TCP4: PartialChecksum = PartialChecksum { start: 20, offset: 16 };

    #[test]
    fn headers_are_read_and_written() {
        let plain = VnetHeader::default();
        let rows = [
            ("plain", raw(0, 0, [0, 0, 0, 0]), plain),
            (
                "checksum known good",
                raw(2, 0, [0, 0, 0, 0]),
                VnetHeader {
                    data_valid: true,
                    ..plain
                },
            ),
            (
                "partial checksum",
                raw(1, 0, [0, 0, 20, 16]),
                VnetHeader {
                    needs_checksum: Some(TCP4),
                    ..plain
                },
            ),
            (
                "super-segment over IPv4",
                raw(1, 1, [52, 1_448, 20, 16]),
                VnetHeader {
                    needs_checksum: Some(TCP4),
                    gso: Some(Gso {
                        kind: GsoKind::TcpV4,
                        size: 1_448,
                        header_len: 52,
                    }),
                    ..plain
                },
            ),
            (
                "super-segment over IPv6",
                raw(1, 4, [72, 65_535, 40, 16]),
                VnetHeader {
                    needs_checksum: Some(PartialChecksum { start: 40, offset: 16 }),
                    gso: Some(Gso {
                        kind: GsoKind::TcpV6,
                        size: 65_535,
                        header_len: 72,
                    }),
                    ..plain
                },
            ),
        ];
        for (name, bytes, header) in rows {
            assert_eq!(VnetHeader::decode(bytes), Ok(header), "{name}");
            assert_eq!(header.encode(), bytes, "{name}");
        }
    }

    #[test]
    fn headers_that_say_more_or_nonsense() {
        let plain = VnetHeader::default();
        let gso = Some(Gso {
            kind: GsoKind::TcpV4,
            size: 1_000,
            header_len: 40,
        });
        let rows = [
            ("flags to come", raw(0xfc, 0, [0, 0, 0, 0]), Ok(plain)),
            ("fields without their flag", raw(0, 0, [9, 9, 9, 9]), Ok(plain)),
            (
                "ECN beside the type",
                raw(0, 0x81, [40, 1_000, 0, 0]),
                Ok(VnetHeader { gso, ..plain }),
            ),
            (
                "UDP fragmentation",
                raw(0, 3, [0, 1_000, 0, 0]),
                Err(VnetError::UnknownGso(3)),
            ),
            (
                "UDP segmentation",
                raw(0, 5, [0, 1_000, 0, 0]),
                Err(VnetError::UnknownGso(5)),
            ),
            (
                "segments of nothing",
                raw(0, 1, [40, 0, 0, 0]),
                Err(VnetError::ZeroGsoSize),
            ),
        ];
        for (name, bytes, expected) in rows {
            assert_eq!(VnetHeader::decode(bytes), expected, "{name}");
        }
    }

    #[test]
    fn every_ten_bytes_are_read_or_refused() {
        for flags in 0..=255 {
            for gso_type in 0..=255 {
                if let Ok(header) = VnetHeader::decode(raw(flags, gso_type, [54, 1_460, 34, 16])) {
                    assert_eq!(
                        VnetHeader::decode(header.encode()),
                        Ok(header),
                        "{flags:#x} {gso_type:#x}"
                    );
                }
            }
        }
    }
}
