//! A connection as tokio shapes it.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use stack::{Accepted, CongestionControl, ConnectOptions, ConnectionOptions, Dscp, KeepAlive, Observer, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::calls::Calls;
use crate::net::{Net, connect_to};
use crate::shard::Handle;
use crate::shards::Shards;
use crate::socket::{Socket, Urgency};
use crate::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};

/// A TCP connection.
///
/// It reads and writes through tokio's [`AsyncRead`] and [`AsyncWrite`]: a read of nothing is the peer's FIN, a shutdown
/// sends ours and leaves the reading side open, and a flush has nothing to do.
///
/// Dropping it closes both ways as std's does: what was written is still delivered, in the background and within
/// [`linger`](Self::set_linger); data that was received and not read makes it a reset.
///
/// Errors: reads and writes answer the kinds that a kernel's socket gives, with the stack's
/// [`Ended`](stack::Ended) inside: `ConnectionReset`, `TimedOut`, `ConnectionAborted` after our own [`abort`](Self::abort),
/// `BrokenPipe` for a write after the shutdown, and `NetworkDown` with a [`Stopped`](crate::Stopped) inside when the link
/// or the driver is gone.
pub struct TcpStream {
    pub(crate) socket: Socket,
}

impl TcpStream {
    /// Connects to `remote`, from an address and port that the stack chooses. What else may be chosen: [`Net::connect`].
    ///
    /// Dropping the future aborts the attempt.
    ///
    /// Errors: `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`; before a SYN is sent
    /// `AddrNotAvailable` (no address of that family, or no free port), `AddrInUse` (the four-tuple is), `InvalidInput`
    /// (nobody can have that address), `QuotaExceeded` (the limit of connections).
    pub async fn connect<O: Observer + Send + 'static>(
        net: &Net<O>,
        remote: impl Into<SocketAddr>,
    ) -> io::Result<Self> {
        Self::open(net.shards(), connect_to(remote.into())).await
    }

    pub(crate) async fn open(net: &Shards, options: ConnectOptions) -> io::Result<Self> {
        let mut socket = net.connect(options)?;
        poll_fn(|cx| socket.poll_opened(cx)).await?;
        Ok(Self { socket })
    }

    pub(crate) fn accepted(net: Handle<dyn Calls>, accepted: Accepted) -> Self {
        Self {
            socket: Socket::accepted(net, accepted),
        }
    }

    /// The peer's address and port.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.socket.remote)
    }

    /// Our address and port.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.socket.local)
    }

    /// STATUS: state, windows, round-trip time and the rest. What was read ahead counts as received and unread.
    ///
    /// Spec: RFC 9293 section 3.10.6
    pub fn status(&self) -> io::Result<Status> {
        self.socket.status()
    }

    /// ABORT: the peer is reset at once, and what was not delivered is thrown away. Reads and writes, those of a split
    /// stream's halves included, answer `ConnectionAborted` from now on.
    ///
    /// Spec: RFC 9293 section 3.10.5
    pub fn abort(&self) -> io::Result<()> {
        self.socket.abort()
    }

    /// Waits until a read would give data, the end of the stream or an error. No memory is held for the data meanwhile.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.socket.poll_readable(&mut self.socket.inbox(), cx)).await
    }

    /// Reads without copying: at most `max` bytes as they came in, `None` at the end of the stream. Dropping the future
    /// loses nothing.
    pub async fn read_bytes(&mut self, max: usize) -> io::Result<Option<Bytes>> {
        poll_fn(|cx| self.socket.poll_read_bytes(&mut self.socket.inbox(), cx, max)).await
    }

    /// Writes without copying: waits until all of `data` is in the send buffer. When the future is dropped, `data` is what
    /// was not written.
    pub async fn write_bytes(&mut self, data: &mut Bytes) -> io::Result<()> {
        while !data.is_empty() {
            poll_fn(|cx| self.socket.poll_send(cx, data, Urgency::Normal)).await?;
        }
        Ok(())
    }

    /// Writes some of `data` and makes its end the end of urgent data. The bytes stay in the stream: the peer is told to
    /// hurry, nothing more. Returns how many were written.
    ///
    /// Spec: RFC 6093 (which advises new applications against it)
    pub async fn write_urgent(&mut self, data: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.socket.poll_write(cx, &[IoSlice::new(data)], Urgency::Urgent)).await
    }

    /// Waits until the peer announces urgent data, and says how many bytes of the stream end with it.
    ///
    /// Errors: `UnexpectedEof` when the peer's FIN has come, and what reads answer.
    ///
    /// Spec: RFC 9293 section 3.8.5, MUST-31 and MUST-32
    pub async fn urgent(&mut self) -> io::Result<usize> {
        poll_fn(|cx| {
            let unread = self.socket.inbox().unread();
            self.socket.poll_urgent(unread, cx)
        })
        .await
    }

    /// Whether small segments are sent at once.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.socket.options()?.no_delay)
    }

    /// Sends small segments at once instead of waiting for an acknowledgment (switches Nagle's algorithm off).
    ///
    /// Spec: RFC 9293 section 3.7.4, MUST-17
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.change(|options| options.no_delay = nodelay)
    }

    /// How much may be in flight, and how that is decided.
    pub fn congestion(&self) -> io::Result<CongestionControl> {
        Ok(self.socket.options()?.congestion)
    }

    /// Decides otherwise from now on, with the window that there is. A listener's connections begin with the listener's own:
    /// [`ListenOptions::connection`](stack::ListenOptions::connection).
    pub fn set_congestion(&self, congestion: CongestionControl) -> io::Result<()> {
        self.socket.change(|options| options.congestion = congestion)
    }

    /// What a drop does with data that is not acknowledged.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.options()?.linger.map(Duration::from))
    }

    /// What a drop does with data that is not acknowledged: `None` delivers it in the background, as long as it takes;
    /// `Some` of nothing resets at once; `Some(t)` delivers it in the background and resets after `t`. A drop never waits.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.change(|options| options.linger = linger.map(Into::into))
    }

    /// How a silent peer is probed.
    pub fn keepalive(&self) -> io::Result<Option<KeepAlive>> {
        Ok(self.socket.options()?.keep_alive)
    }

    /// Probes a silent peer, or no more.
    ///
    /// Spec: RFC 9293 section 3.8.4, MUST-24 and MUST-25
    pub fn set_keepalive(&self, keepalive: Option<KeepAlive>) -> io::Result<()> {
        self.socket.change(|options| options.keep_alive = keepalive)
    }

    /// How long data may stay unacknowledged.
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.options()?.user_timeout.map(Duration::from))
    }

    /// Gives the connection up when data stays unacknowledged this long; `None`: after the retransmissions in
    /// [`ConnectionOptions`].
    ///
    /// Spec: RFC 5482; RFC 9293 section 3.8.3
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket
            .change(|options| options.user_timeout = timeout.map(Into::into))
    }

    /// The Diffserv codepoint of the segments that are sent. That of the last one received is in
    /// [`status`](Self::status).
    pub fn dscp(&self) -> io::Result<Dscp> {
        Ok(self.socket.options()?.dscp)
    }

    /// Asks routers for another treatment of what is sent from now on. A listener asks for its connections in
    /// [`ListenOptions::connection`](stack::ListenOptions::connection).
    ///
    /// Spec: RFC 9293 section 3.9.2, MUST-48 and SHLD-21; RFC 2474
    pub fn set_dscp(&self, dscp: Dscp) -> io::Result<()> {
        self.socket.change(|options| options.dscp = dscp)
    }

    /// The bound of written bytes that are not acknowledged: what the buffer may grow to. Units: bytes.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        Ok(self.socket.options()?.send_buffer.max())
    }

    /// Fixes the bound of written bytes that are not acknowledged: it no longer follows the path. Units: bytes. Bounds: the
    /// stack's limits.
    pub fn set_send_buffer_size(&self, size: usize) -> io::Result<()> {
        self.socket.change(|options| options.send_buffer = size.into())
    }

    /// The largest window that is advertised: what the buffer may grow to. Units: bytes.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        Ok(self.socket.options()?.receive_buffer.max())
    }

    /// Fixes the largest window that is advertised: it no longer follows the path. Window that was given is never taken back.
    /// Units: bytes. Bounds: the stack's limits.
    pub fn set_recv_buffer_size(&self, size: usize) -> io::Result<()> {
        self.socket.change(|options| options.receive_buffer = size.into())
    }

    /// All settings of the connection.
    pub fn options(&self) -> io::Result<ConnectionOptions> {
        self.socket.options()
    }

    /// Changes any of the settings.
    pub fn change_options(&self, change: impl FnOnce(&mut ConnectionOptions)) -> io::Result<()> {
        self.socket.change(change)
    }

    /// Two halves that one task uses at the same time.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf::new(&self.socket), WriteHalf::new(&self.socket))
    }

    /// Two halves for two tasks. Dropping the writing half shuts it down; the connection closes when both are dropped.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let socket = Arc::new(self.socket);
        (OwnedReadHalf::new(socket.clone()), OwnedWriteHalf::new(socket))
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_read(&mut self.socket.inbox(), cx, buf)
    }
}

impl AsyncWrite for TcpStream {
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
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream")
            .field("local", &self.socket.local)
            .field("peer", &self.socket.remote)
            .finish_non_exhaustive()
    }
}
