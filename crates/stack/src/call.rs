//! What the user's calls are told and give.

use core::net::SocketAddr;

use bytes::Bytes;

use crate::config::ConnectionOptions;
use crate::event::ConnectionId;

/// What `connect` is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Whom to reach.
    pub remote: SocketAddr,
    /// From which address and port; `None` and port 0: the stack chooses.
    pub local: Option<SocketAddr>,
    /// What the connection starts with; `None`: the stack's own.
    pub connection: Option<ConnectionOptions>,
}

/// A connection out of the accept queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its name from now on.
    pub id: ConnectionId,
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
}

/// What RECEIVE gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Bytes, in order; at least one.
    Data(Bytes),
    /// Nothing yet: a `readable` event will come.
    Nothing,
    /// The peer's FIN: there will be no more.
    Finished,
}
