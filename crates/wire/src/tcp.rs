//! The TCP header (RFC 9293 section 3.1).

use core::fmt;
use core::net::IpAddr;
use core::ops::BitOr;

use crate::Malformed;
use crate::option::Options;
use crate::seq::SeqNumber;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub fn parse(_bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        todo!()
    }

    /// Reads ports and sequence number only, as an ICMP error quotes at least 8 bytes: `(src_port, dst_port, seq)`.
    pub fn parse_quoted(_bytes: &[u8]) -> Result<(u16, u16, SeqNumber), Malformed> {
        todo!()
    }

    /// Bytes that [`emit`](Self::emit) writes: 20 and the options. Bounds: at most 60.
    pub fn len(&self) -> usize {
        20 + self.options.len()
    }

    /// Never: a header has bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header with a checksum field of 0 into the front of `out` and returns its length; `None` when `out`
    /// is too short.
    pub fn emit(&self, _out: &mut [u8]) -> Option<usize> {
        todo!()
    }
}

/// Whether the checksum of a whole segment (header and payload) is right.
pub fn is_intact(_src: IpAddr, _dst: IpAddr, _segment: &[u8]) -> bool {
    todo!()
}

/// Computes the checksum over `header` (its field counted as 0) and the payload pieces and writes it into the header.
/// Does nothing when `header` is shorter than 20 bytes.
pub fn seal(_src: IpAddr, _dst: IpAddr, _header: &mut [u8], _payload: &[impl AsRef<[u8]>]) {
    todo!()
}
