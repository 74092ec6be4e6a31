//! What is behind a descriptor.

use std::net::SocketAddr;
use std::os::fd::RawFd;

use stack::{ConnectionId, ConnectionOptions, KeepAlive, ListenerId};

use crate::epoll::Epoll;
use crate::pipe::Pipe;

/// Something that a descriptor names.
#[derive(Debug)]
pub(crate) enum File {
    Socket(Box<Socket>),
    Epoll(Epoll),
    /// The end of a pipe that is read; it holds the bytes.
    PipeOut(Pipe),
    /// The end that is written, and the descriptor of the other.
    PipeIn(RawFd),
}

/// A TCP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    /// It tells addresses as IPv6 does, whatever the stack speaks.
    pub(crate) is_v6: bool,
    pub(crate) is_nonblocking: bool,
    /// SO_REUSEADDR.
    pub(crate) reuses_address: bool,
    pub(crate) local: Option<SocketAddr>,
    /// What the socket, or what it accepts, was told; keep-alive apart.
    pub(crate) options: ConnectionOptions,
    /// SO_KEEPALIVE, and with what.
    pub(crate) keeps_alive: bool,
    pub(crate) keep_alive: KeepAlive,
    pub(crate) role: Role,
    /// How often something became ready, for edge-triggered waits.
    pub(crate) edges: u64,
}

/// What a socket has become.
#[derive(Debug)]
pub(crate) enum Role {
    /// Neither opened yet, nor after a failed open.
    Fresh,
    Listening(ListenerId),
    Stream(Stream),
}

/// A connection, and what its user was told of it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: ConnectionId,
    /// The handshake was done at some time.
    pub(crate) is_opened: bool,
    /// `connect` has said so.
    pub(crate) is_open_told: bool,
    /// The error that ended it was told: what follows is the end of the stream.
    pub(crate) is_end_told: bool,
    /// SHUT_RD.
    pub(crate) is_read_shut: bool,
    /// The peer's FIN came before the end.
    pub(crate) after_fin: bool,
}

impl Stream {
    /// A connection of ours, or one that was accepted and so is open.
    pub(crate) const fn new(id: ConnectionId, is_opened: bool) -> Self {
        Self {
            id,
            is_opened,
            is_open_told: is_opened,
            is_end_told: false,
            is_read_shut: false,
            after_fin: false,
        }
    }
}

impl Socket {
    /// What the stack is to be told.
    pub(crate) fn connection_options(&self) -> ConnectionOptions {
        ConnectionOptions {
            keep_alive: self.keeps_alive.then_some(self.keep_alive),
            ..self.options
        }
    }

    pub(crate) const fn stream(&self) -> Option<&Stream> {
        match &self.role {
            Role::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    pub(crate) const fn stream_mut(&mut self) -> Option<&mut Stream> {
        match &mut self.role {
            Role::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}
