//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, and the errors a TCP must read.

use core::net::IpAddr;

use alloc::vec::Vec;

use crate::Malformed;

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

impl<'a> Message<'a> {
    /// Reads a message and checks its checksum; the version is that of the addresses.
    pub fn parse(_src: IpAddr, _dst: IpAddr, _bytes: &'a [u8]) -> Result<Self, Malformed> {
        todo!()
    }
}

/// An echo reply to a request that came from `dst` to `src`, with its checksum; `rest` as in [`Message::EchoRequest`].
pub fn echo_reply(_src: IpAddr, _dst: IpAddr, _rest: &[u8]) -> Vec<u8> {
    todo!()
}

/// A "too big" or "unreachable" error, as a router or a host of the lab sends it, quoting `datagram` (from its IP header
/// on, cut to 548 or 1,232 bytes), with its checksum. `src` is the sender of the error.
pub fn error(_src: IpAddr, _dst: IpAddr, _error: ErrorKind, _datagram: &[u8]) -> Vec<u8> {
    todo!()
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
