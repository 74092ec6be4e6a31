//! What calls answer when they cannot do what was asked.

use core::net::{IpAddr, SocketAddr};

use wire::icmp::Unreachable;

/// How a connection came to its end other than by both sides' FIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ended {
    /// The peer answered our SYN with RST.
    #[error("connection refused: the peer answered the SYN with RST")]
    Refused,
    /// The peer reset the connection.
    #[error("connection reset by peer")]
    Reset,
    /// Retransmissions, keep-alive probes or the user timeout ran out (RFC 9293 section 3.8.3, RFC 5482).
    #[error("connection timed out: the peer no longer answers")]
    TimedOut,
    /// ICMP said so while the connection was being opened (RFC 5461 section 4).
    #[error("destination unreachable ({0:?})")]
    Unreachable(Unreachable),
    /// We aborted it.
    #[error("connection aborted")]
    Aborted,
}

/// The id names nothing (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such connection or listener")]
pub struct NoSuch;

/// Why OPEN (passive) was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Another listener has the port on that address.
    #[error("{0} is in use by another listener")]
    InUse(SocketAddr),
    /// The address is not one of this stack's.
    #[error("{0} is not an address of this stack")]
    NotOurs(IpAddr),
    /// `limits.listeners` is reached.
    #[error("the limit of {0} listeners is reached")]
    TooMany(usize),
    /// No ephemeral port is free (port 0 was asked for).
    #[error("no free port")]
    NoPort,
}

/// Why OPEN (active) was refused before any segment was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// That four-tuple is in use.
    #[error("connection already exists ({0})")]
    Exists(crate::tuple::FourTuple),
    /// The local address is not one of this stack's, or none of its family is configured.
    #[error("no local address to reach {0} from: give the stack an address of that family")]
    NoAddress(IpAddr),
    /// The remote address cannot be a TCP peer (unspecified, multicast, broadcast, loopback; RFC 9293 MUST-46; on an Ethernet our
    /// own and that of a whole subnet), or its port is 0.
    #[error("{0} cannot be the other end of a connection")]
    BadRemote(SocketAddr),
    /// No route leads there, on an Ethernet.
    #[error("no route to {0}: give the stack one for its subnet, or a gateway")]
    NoRoute(IpAddr),
    /// No ephemeral port is free towards that peer.
    #[error("no free local port towards {0}")]
    NoPort(SocketAddr),
    /// `limits.connections` is reached (RFC 9293: insufficient resources).
    #[error("the limit of {0} connections is reached")]
    TooMany(usize),
}

/// Why SEND was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The id names nothing.
    #[error("no such connection")]
    NoSuch,
    /// Our side was closed by CLOSE (RFC 9293 section 3.10.2: "connection closing").
    #[error("the sending side was shut down")]
    Closing,
    /// The connection is over.
    #[error("{0}")]
    Ended(#[from] Ended),
}

/// Why RECEIVE gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The id names nothing.
    #[error("no such connection")]
    NoSuch,
    /// The connection is over, and not by the peer's FIN.
    #[error("{0}")]
    Ended(#[from] Ended),
}
