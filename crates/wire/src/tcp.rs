//! The TCP header (RFC 9293 section 3.1).

use core::fmt;
use core::net::IpAddr;
use core::ops::BitOr;

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;
use crate::checksum::Sum;
use crate::ip;
use crate::option::Options;
use crate::seq::SeqNumber;

/// The fixed header on the wire.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |          Source Port          |       Destination Port        |
/// +---------------+---------------+---------------+---------------+
/// |                        Sequence Number                        |
/// +---------------+---------------+---------------+---------------+
/// |                    Acknowledgment Number                      |
/// +-------+-------+---------------+---------------+---------------+
/// | Offs. | Rsrvd |C E U A P R S F|            Window             |
/// +-------+-------+---------------+---------------+---------------+
/// |           Checksum            |        Urgent Pointer         |
/// +---------------+---------------+---------------+---------------+
/// |                   Options, up to 40 bytes …                   |
/// ```
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    src_port: U16,
    dst_port: U16,
    seq: U32,
    ack: U32,
    /// The data offset in the upper half. Units: 32-bit words. The lower half is reserved and ignored.
    offset: u8,
    flags: u8,
    window: U16,
    checksum: U16,
    urgent: U16,
}

/// Bytes of a header without options.
pub const HEADER_MIN: usize = size_of::<Fixed>();

/// The control bits: six classic ones, and ECE and CWR (RFC 3168).
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(u8);

impl Flags {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(1);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(2);
    /// Reset the connection.
    pub const RST: Self = Self(4);
    /// Push.
    pub const PSH: Self = Self(8);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(16);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(32);
    /// ECN echo.
    pub const ECE: Self = Self(64);
    /// Congestion window reduced.
    pub const CWR: Self = Self(128);

    /// The flags with these bits.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The bits on the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no segment may carry these: SYN with FIN or RST, or none of the six classic flags.
    ///
    /// A segment without any control bit (a "null scan") has no ACK, and only a SYN or an RST may lack it.
    pub const fn is_forbidden(self) -> bool {
        const CLASSIC: u8 = 0x3f;
        self.0 & CLASSIC == 0 || self.syn() && (self.fin() || self.rst())
    }

    /// Whether FIN is set.
    pub const fn fin(self) -> bool {
        self.contains(Self::FIN)
    }

    /// Whether SYN is set.
    pub const fn syn(self) -> bool {
        self.contains(Self::SYN)
    }

    /// Whether RST is set.
    pub const fn rst(self) -> bool {
        self.contains(Self::RST)
    }

    /// Whether PSH is set.
    pub const fn psh(self) -> bool {
        self.contains(Self::PSH)
    }

    /// Whether ACK is set.
    pub const fn ack(self) -> bool {
        self.contains(Self::ACK)
    }

    /// Whether URG is set.
    pub const fn urg(self) -> bool {
        self.contains(Self::URG)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// As tcpdump and packetdrill write them: `S`, `S.`, `P.`, `F.`, `R`, `.`, `-` for none; order `FSRPUEW.`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut any = false;
        for (flag, letter) in [
            (Self::FIN, "F"),
            (Self::SYN, "S"),
            (Self::RST, "R"),
            (Self::PSH, "P"),
            (Self::URG, "U"),
            (Self::ECE, "E"),
            (Self::CWR, "W"),
            (Self::ACK, "."),
        ] {
            if self.contains(flag) {
                any = true;
                f.write_str(letter)?;
            }
        }
        if any { Ok(()) } else { f.write_str("-") }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A TCP header as a value. Its checksum is not part of it: see [`is_intact`] and [`seal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: SeqNumber,
    /// Acknowledgment number; meaningless without ACK.
    pub ack: SeqNumber,
    /// Control bits.
    pub flags: Flags,
    /// The window field as on the wire, not scaled.
    pub window: u16,
    /// Urgent pointer; meaningless without URG.
    pub urgent: u16,
    /// Options.
    pub options: Options,
}

impl Header {
    /// Reads a header and tells its length; the payload follows. Flags that must not be together are refused.
    ///
    /// Errors: [`Malformed::Truncated`], [`Malformed::HeaderLength`], [`Malformed::Flags`], [`Malformed::TcpOption`].
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        let (fixed, _) = Fixed::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let len = usize::from(fixed.offset >> 4) * 4;
        let options = bytes.get(HEADER_MIN..len).ok_or(Malformed::HeaderLength)?;
        let flags = Flags::from_bits(fixed.flags);
        if flags.is_forbidden() {
            return Err(Malformed::Flags);
        }
        let header = Self {
            src_port: fixed.src_port.get(),
            dst_port: fixed.dst_port.get(),
            seq: SeqNumber::new(fixed.seq.get()),
            ack: SeqNumber::new(fixed.ack.get()),
            flags,
            window: fixed.window.get(),
            urgent: fixed.urgent.get(),
            options: Options::parse(options)?,
        };
        Ok((header, len))
    }

    /// Reads ports and sequence number only, as an ICMP error quotes at least 8 bytes: `(src_port, dst_port, seq)`.
    pub fn parse_quoted(bytes: &[u8]) -> Result<(u16, u16, SeqNumber), Malformed> {
        let &[s0, s1, d0, d1, n0, n1, n2, n3] = bytes.first_chunk().ok_or(Malformed::Truncated)?;
        let seq = SeqNumber::new(u32::from_be_bytes([n0, n1, n2, n3]));
        Ok((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]), seq))
    }

    /// Bytes that [`emit`](Self::emit) writes: 20 and the options. Bounds: at most 60.
    pub fn len(&self) -> usize {
        HEADER_MIN + self.options.len()
    }

    /// Never: a header has bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header with a checksum field of 0 into the front of `out` and returns its length; `None` when `out`
    /// is too short.
    pub fn emit(&self, out: &mut [u8]) -> Option<usize> {
        let len = self.len();
        let (fixed, options) = out.get_mut(..len)?.split_at_mut_checked(HEADER_MIN)?;
        let header = Fixed {
            src_port: self.src_port.into(),
            dst_port: self.dst_port.into(),
            seq: self.seq.value().into(),
            ack: self.ack.value().into(),
            offset: ((len / 4) as u8) << 4,
            flags: self.flags.bits(),
            window: self.window.into(),
            checksum: U16::ZERO,
            urgent: self.urgent.into(),
        };
        header.write_to(fixed).ok()?;
        self.options.emit(options);
        Some(len)
    }
}

/// Makes the header of the next segment of a run out of the one before: another sequence number and other control bits. The
/// checksum is wrong then, until [`seal`] makes it right. Does nothing when `header` is shorter than 20 bytes.
pub fn restamp(header: &mut [u8], seq: SeqNumber, flags: Flags) {
    if let Ok((fixed, _)) = Fixed::mut_from_prefix(header) {
        fixed.seq = seq.value().into();
        fixed.flags = flags.bits();
    }
}

/// Whether the checksum of a whole segment (header and payload) is right.
pub fn is_intact(src: IpAddr, dst: IpAddr, segment: &[u8]) -> bool {
    let mut sum = Sum::pseudo_header(src, dst, ip::TCP, segment.len());
    sum.add(segment);
    sum.finish() == 0
}

/// Computes the checksum over `header` (its field counted as 0) and the payload pieces and writes it into the header.
/// Does nothing when `header` is shorter than 20 bytes.
pub fn seal(src: IpAddr, dst: IpAddr, header: &mut [u8], payload: &[impl AsRef<[u8]>]) {
    let len = payload
        .iter()
        .fold(header.len(), |len, piece| len + piece.as_ref().len());
    let Ok((fixed, options)) = Fixed::mut_from_prefix(header) else {
        return;
    };
    fixed.checksum = U16::ZERO;
    let mut sum = Sum::pseudo_header(src, dst, ip::TCP, len);
    sum.add(fixed.as_bytes());
    sum.add(options);
    for piece in payload {
        sum.add(piece.as_ref());
    }
    fixed.checksum = sum.finish().into();
}

#[cfg(test)]
mod tests;
