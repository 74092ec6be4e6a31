//! The two halves of a stream, borrowed for one task or owned by two.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::{Socket, Urgency};
use crate::stream::TcpStream;

/// The reading half of a borrowed stream: see [`TcpStream::split`].
pub struct ReadHalf<'a> {
    socket: &'a Socket,
}

/// The writing half of a borrowed stream: see [`TcpStream::split`]. Dropping it shuts nothing down.
pub struct WriteHalf<'a> {
    socket: &'a Socket,
}

/// The reading half of a stream: see [`TcpStream::into_split`].
pub struct OwnedReadHalf {
    socket: Arc<Socket>,
}

/// The writing half of a stream: see [`TcpStream::into_split`]. Dropping it shuts the writing side down.
pub struct OwnedWriteHalf {
    socket: Arc<Socket>,
    shuts_down: bool,
}

/// Two halves that were never one stream.
#[derive(Debug, thiserror::Error)]
#[error("these halves are not of one stream")]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl<'a> ReadHalf<'a> {
    pub(crate) fn new(socket: &'a Socket) -> Self {
        Self { socket }
    }
}

impl<'a> WriteHalf<'a> {
    pub(crate) fn new(socket: &'a Socket) -> Self {
        Self { socket }
    }
}

impl OwnedReadHalf {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self { socket }
    }

    /// Makes the stream whole again.
    ///
    /// Errors: the halves are not of one stream; they are given back.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.socket, &other.socket) {
            return Err(ReuniteError(self, other));
        }
        other.forget();
        // The two halves held all there was to hold.
        match Arc::try_unwrap(self.socket) {
            Ok(socket) => Ok(TcpStream { socket }),
            Err(_) => unreachable!("a third holder of a stream"),
        }
    }
}

impl OwnedWriteHalf {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            shuts_down: true,
        }
    }

    /// Makes the stream whole again.
    ///
    /// Errors: the halves are not of one stream; they are given back.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        other.reunite(self)
    }

    /// Drops it without shutting the writing side down.
    pub fn forget(mut self) {
        self.shuts_down = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shuts_down {
            // A network that has stopped has nothing to shut down.
            let _ = self.socket.shutdown();
        }
    }
}

macro_rules! both {
    ($($name:ty),+) => {
        $(impl $name {
            /// The peer's address and port.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                Ok(self.socket.remote)
            }

            /// Our address and port.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                Ok(self.socket.local)
            }

            /// Resets the peer: see [`TcpStream::abort`].
            pub fn abort(&self) -> io::Result<()> {
                self.socket.abort()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("local", &self.socket.local)
                    .field("peer", &self.socket.remote)
                    .finish_non_exhaustive()
            }
        })+
    };
}

macro_rules! reads {
    ($($name:ty),+) => {
        $(impl $name {
            /// Reads without copying: see [`TcpStream::read_bytes`].
            pub async fn read_bytes(&mut self, max: usize) -> io::Result<Option<Bytes>> {
                poll_fn(|cx| self.socket.poll_read_bytes(&mut self.socket.inbox(), cx, max)).await
            }
        }

        impl AsyncRead for $name {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.socket.poll_read(&mut self.socket.inbox(), cx, buf)
            }
        })+
    };
}

macro_rules! writes {
    ($($name:ty),+) => {
        $(impl $name {
            /// Writes without copying: see [`TcpStream::write_bytes`].
            pub async fn write_bytes(&mut self, data: &mut Bytes) -> io::Result<()> {
                while !data.is_empty() {
                    poll_fn(|cx| self.socket.poll_send(cx, data, Urgency::Normal)).await?;
                }
                Ok(())
            }
        }

        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.socket.poll_write(cx, &[IoSlice::new(buf)], Urgency::Normal)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.socket.poll_write(cx, bufs, Urgency::Normal)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.socket.shutdown())
            }
        })+
    };
}

both!(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf);
reads!(ReadHalf<'_>, OwnedReadHalf);
writes!(WriteHalf<'_>, OwnedWriteHalf);
