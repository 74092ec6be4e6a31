//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, and the errors a TCP must read. Neighbour discovery has a module of its own.

use core::net::IpAddr;

use alloc::vec::Vec;

use crate::Malformed;
use crate::checksum::Sum;
use crate::ip;

pub mod ndp;

/// Every message begins so; what the four bytes after the checksum mean depends on the type.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |     Type      |     Code      |           Checksum            |
/// +---------------+---------------+---------------+---------------+
/// | echo: identifier and sequence number; errors: unused, or MTU  |
/// +---------------+---------------+---------------+---------------+
/// |     echo: data; errors: the datagram, from its IP header on   |
/// ```
const HEADER: usize = 4;

/// Types and codes of ICMP (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
mod v4 {
    pub(super) const ECHO_REPLY: u8 = 0;
    pub(super) const UNREACHABLE: u8 = 3;
    pub(super) const ECHO_REQUEST: u8 = 8;
    pub(super) const TIME_EXCEEDED: u8 = 11;
    pub(super) const PARAMETER_PROBLEM: u8 = 12;

    pub(super) const FRAGMENTATION_NEEDED: u8 = 4;

    /// The datagram that carries an error stays within 576 bytes (RFC 1812 section 4.3.2.3).
    pub(super) const QUOTE_MAX: usize = 576 - 20 - 8;
}

/// Types and codes of ICMPv6 (RFC 4443).
mod v6 {
    pub(super) const UNREACHABLE: u8 = 1;
    pub(super) const TOO_BIG: u8 = 2;
    pub(super) const TIME_EXCEEDED: u8 = 3;
    pub(super) const PARAMETER_PROBLEM: u8 = 4;
    pub(super) const ECHO_REQUEST: u8 = 128;
    pub(super) const ECHO_REPLY: u8 = 129;

    pub(super) const UNRECOGNIZED_NEXT_HEADER: u8 = 1;
    /// Where the next header field lies in an IPv6 header.
    pub(super) const NEXT_HEADER_AT: u32 = 6;

    /// The datagram that carries an error stays within the minimum MTU (RFC 4443 section 2.4 (c)).
    pub(super) const QUOTE_MAX: usize = 1280 - 40 - 8;
}

/// Why a destination could not be reached, in one vocabulary for both versions (RFC 9293 section 3.9.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// No route to the network, or none at all.
    Network,
    /// The host does not answer on its link.
    Host,
    /// The host does not speak the protocol.
    Protocol,
    /// Nobody listens on the port.
    Port,
    /// Forbidden by an administrator.
    Prohibited,
    /// Another code.
    Other(u8),
}

/// A received ICMP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// Echo request: everything after the checksum is given back as it came.
    EchoRequest {
        /// Identifier, sequence number and data, as on the wire.
        rest: &'a [u8],
    },
    /// Echo reply.
    EchoReply {
        /// Identifier, sequence number and data, as on the wire.
        rest: &'a [u8],
    },
    /// Destination unreachable (but "fragmentation needed", which is `TooBig`).
    Unreachable {
        /// Why.
        why: Unreachable,
        /// The datagram in question, from its IP header on, cut short.
        quoted: &'a [u8],
    },
    /// Fragmentation needed (RFC 1191) or packet too big (RFC 8201).
    TooBig {
        /// The next hop's MTU as stated; 0 from old routers.
        mtu: u32,
        /// The datagram in question.
        quoted: &'a [u8],
    },
    /// Time exceeded.
    TimeExceeded {
        /// The datagram in question.
        quoted: &'a [u8],
    },
    /// Parameter problem.
    ParameterProblem {
        /// The datagram in question.
        quoted: &'a [u8],
    },
    /// Anything else (router solicitation, source quench, …).
    Other {
        /// The message type on the wire.
        kind: u8,
    },
}

impl Unreachable {
    /// What a code of ICMP type 3 means; 4, "fragmentation needed", is not for here.
    const fn from_v4(code: u8) -> Self {
        match code {
            0 | 6 | 11 => Self::Network,
            1 | 7 | 12 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            9 | 10 | 13 => Self::Prohibited,
            other => Self::Other(other),
        }
    }

    /// What a code of ICMPv6 type 1 means. RFC 4443 section 3.1: 5 and 6 are finer shades of 1.
    const fn from_v6(code: u8) -> Self {
        match code {
            0 => Self::Network,
            1 | 5 | 6 => Self::Prohibited,
            3 => Self::Host,
            4 => Self::Port,
            other => Self::Other(other),
        }
    }
}

impl<'a> Message<'a> {
    /// Reads a message and checks its checksum; the version is that of the addresses.
    ///
    /// Errors: [`Malformed::Truncated`], [`Malformed::Checksum`].
    pub fn parse(src: IpAddr, dst: IpAddr, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&[kind, code, _, _], rest) = bytes.split_first_chunk::<HEADER>().ok_or(Malformed::Truncated)?;
        let mut sum = checksum_start(src, dst, bytes.len());
        sum.add(bytes);
        if sum.finish() != 0 {
            return Err(Malformed::Checksum);
        }
        match src {
            IpAddr::V4(_) => Self::parse_v4(kind, code, rest),
            IpAddr::V6(_) => Self::parse_v6(kind, code, rest),
        }
    }

    fn parse_v4(kind: u8, code: u8, rest: &'a [u8]) -> Result<Self, Malformed> {
        let word = || rest.split_first_chunk::<4>().ok_or(Malformed::Truncated);
        Ok(match kind {
            v4::ECHO_REQUEST => word().map(|_| Self::EchoRequest { rest })?,
            v4::ECHO_REPLY => word().map(|_| Self::EchoReply { rest })?,
            v4::UNREACHABLE => {
                let (&[_, _, m0, m1], quoted) = word()?;
                match code {
                    v4::FRAGMENTATION_NEEDED => Self::TooBig {
                        mtu: u16::from_be_bytes([m0, m1]).into(),
                        quoted,
                    },
                    _ => Self::Unreachable {
                        why: Unreachable::from_v4(code),
                        quoted,
                    },
                }
            }
            v4::TIME_EXCEEDED => Self::TimeExceeded { quoted: word()?.1 },
            v4::PARAMETER_PROBLEM => Self::ParameterProblem { quoted: word()?.1 },
            kind => Self::Other { kind },
        })
    }

    fn parse_v6(kind: u8, code: u8, rest: &'a [u8]) -> Result<Self, Malformed> {
        let word = || rest.split_first_chunk::<4>().ok_or(Malformed::Truncated);
        Ok(match kind {
            v6::ECHO_REQUEST => word().map(|_| Self::EchoRequest { rest })?,
            v6::ECHO_REPLY => word().map(|_| Self::EchoReply { rest })?,
            v6::UNREACHABLE => Self::Unreachable {
                why: Unreachable::from_v6(code),
                quoted: word()?.1,
            },
            v6::TOO_BIG => {
                let (mtu, quoted) = word()?;
                Self::TooBig {
                    mtu: u32::from_be_bytes(*mtu),
                    quoted,
                }
            }
            v6::TIME_EXCEEDED => Self::TimeExceeded { quoted: word()?.1 },
            v6::PARAMETER_PROBLEM => Self::ParameterProblem { quoted: word()?.1 },
            kind => Self::Other { kind },
        })
    }
}

/// An echo reply to a request that came from `dst` to `src`, with its checksum; `rest` as in [`Message::EchoRequest`].
pub fn echo_reply(src: IpAddr, dst: IpAddr, rest: &[u8]) -> Vec<u8> {
    let kind = match src {
        IpAddr::V4(_) => v4::ECHO_REPLY,
        IpAddr::V6(_) => v6::ECHO_REPLY,
    };
    message(src, dst, kind, 0, &[rest])
}

/// A "too big" or "unreachable" error, as a router or a host of the lab sends it, quoting `datagram` (from its IP header
/// on, cut to 548 or 1,232 bytes), with its checksum. `src` is the sender of the error.
///
/// ICMPv6 has no "protocol unreachable": it is written as a parameter problem that points at the next header field
/// (RFC 4443 section 3.4). An MTU past 65,535 is written as 65,535 in ICMP, whose field has 16 bits.
pub fn error(src: IpAddr, dst: IpAddr, error: ErrorKind, datagram: &[u8]) -> Vec<u8> {
    let ((kind, code, word), quote_max) = match src {
        IpAddr::V4(_) => (error.on_v4(), v4::QUOTE_MAX),
        IpAddr::V6(_) => (error.on_v6(), v6::QUOTE_MAX),
    };
    let quoted = datagram.get(..quote_max).unwrap_or(datagram);
    message(src, dst, kind, code, &[&word.to_be_bytes(), quoted])
}

/// Which error [`error`] is to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Destination unreachable.
    Unreachable(Unreachable),
    /// Packet too big, with the MTU of the next hop.
    TooBig(u32),
    /// Time exceeded.
    TimeExceeded,
}

impl ErrorKind {
    /// Type, code and the word after the checksum.
    fn on_v4(self) -> (u8, u8, u32) {
        match self {
            Self::Unreachable(Unreachable::Network) => (v4::UNREACHABLE, 0, 0),
            Self::Unreachable(Unreachable::Host) => (v4::UNREACHABLE, 1, 0),
            Self::Unreachable(Unreachable::Protocol) => (v4::UNREACHABLE, 2, 0),
            Self::Unreachable(Unreachable::Port) => (v4::UNREACHABLE, 3, 0),
            Self::Unreachable(Unreachable::Prohibited) => (v4::UNREACHABLE, 13, 0),
            Self::Unreachable(Unreachable::Other(code)) => (v4::UNREACHABLE, code, 0),
            Self::TooBig(mtu) => (v4::UNREACHABLE, v4::FRAGMENTATION_NEEDED, mtu.min(u16::MAX.into())),
            Self::TimeExceeded => (v4::TIME_EXCEEDED, 0, 0),
        }
    }

    /// Type, code and the word after the checksum.
    fn on_v6(self) -> (u8, u8, u32) {
        match self {
            Self::Unreachable(Unreachable::Network) => (v6::UNREACHABLE, 0, 0),
            Self::Unreachable(Unreachable::Host) => (v6::UNREACHABLE, 3, 0),
            Self::Unreachable(Unreachable::Protocol) => {
                (v6::PARAMETER_PROBLEM, v6::UNRECOGNIZED_NEXT_HEADER, v6::NEXT_HEADER_AT)
            }
            Self::Unreachable(Unreachable::Port) => (v6::UNREACHABLE, 4, 0),
            Self::Unreachable(Unreachable::Prohibited) => (v6::UNREACHABLE, 1, 0),
            Self::Unreachable(Unreachable::Other(code)) => (v6::UNREACHABLE, code, 0),
            Self::TooBig(mtu) => (v6::TOO_BIG, 0, mtu),
            Self::TimeExceeded => (v6::TIME_EXCEEDED, 0, 0),
        }
    }
}

/// A whole message with its checksum; `rest` is what follows the checksum.
fn message(src: IpAddr, dst: IpAddr, kind: u8, code: u8, rest: &[&[u8]]) -> Vec<u8> {
    let len = rest.iter().fold(HEADER, |len, piece| len + piece.len());
    let mut sum = checksum_start(src, dst, len);
    sum.add(&[kind, code, 0, 0]);
    for piece in rest {
        sum.add(piece);
    }
    let mut out = Vec::with_capacity(len);
    out.extend_from_slice(&[kind, code]);
    out.extend_from_slice(&sum.finish().to_be_bytes());
    for piece in rest {
        out.extend_from_slice(piece);
    }
    out
}

/// Only ICMPv6 counts the pseudo header in (RFC 4443 section 2.3).
fn checksum_start(src: IpAddr, dst: IpAddr, len: usize) -> Sum {
    match src {
        IpAddr::V4(_) => Sum::new(),
        IpAddr::V6(_) => Sum::pseudo_header(src, dst, ip::ICMPV6, len),
    }
}

#[cfg(test)]
mod tests;
