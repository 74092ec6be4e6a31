//! What a stream and its halves are: one connection, and the bytes taken from it that the user has not read yet.
//!
//! User bytes are copied outside of the stack's lock: into a [`Bytes`] before SEND, out of one after RECEIVE.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use stack::{ConnectOptions, ConnectionId, ConnectionOptions, Event, Now, Ready, Received, SendError, State, Status};
use tokio::io::ReadBuf;
use tokio::task::coop;

use crate::calls::Calls;
use crate::error;
use crate::shard::Handle;
use crate::wakers::Side;

/// The most that one write copies: what an acknowledgment frees is at most so much smaller than what it acknowledges.
/// Units: bytes.
const WRITE_MAX: usize = 64 << 10;

/// A write of up to this many bytes is copied without a look whether there is room for it: mostly there is. Units: bytes.
const WRITE_SMALL: usize = 4 << 10;

/// What a small read takes from the stack at least, so that many of them cost one lock. Units: bytes.
const READ_AHEAD: usize = 8 << 10;

/// Chunks that one read takes under the lock.
const CHUNKS: usize = 64;

/// A connection that is ours to close.
pub(crate) struct Socket {
    net: Handle<dyn Calls>,
    id: ConnectionId,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    is_open: bool,
    inbox: Mutex<Inbox>,
}

/// Whether SEND marks the end of what it takes as urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    Normal,
    Urgent,
}

/// What was received and not read yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl Inbox {
    /// Units: bytes.
    pub(crate) fn unread(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    fn copy_to(&mut self, buf: &mut ReadBuf<'_>) {
        while let Some(chunk) = self.chunks.front_mut() {
            let n = chunk.len().min(buf.remaining());
            buf.put_slice(&chunk[..n]);
            self.bytes -= n;
            if n < chunk.len() {
                return chunk.advance(n);
            }
            self.chunks.pop_front();
        }
    }

    fn pop(&mut self, max: usize) -> Option<Bytes> {
        let chunk = self.chunks.front_mut()?;
        let taken = chunk.split_to(chunk.len().min(max));
        self.bytes -= taken.len();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        Some(taken)
    }
}

impl Socket {
    /// A connection out of the accept queue.
    pub(crate) fn accepted(net: Handle<dyn Calls>, accepted: stack::Accepted) -> Self {
        Self {
            net,
            id: accepted.id,
            local: accepted.local,
            remote: accepted.remote,
            is_open: true,
            inbox: Mutex::default(),
        }
    }

    /// OPEN. Until [`poll_opened`](Self::poll_opened) has answered, dropping it aborts the attempt.
    pub(crate) fn connect(net: Handle<dyn Calls>, options: ConnectOptions) -> io::Result<Self> {
        let (id, local) = net.call(|now, stack, _| {
            let id = stack.connect(now, options).map_err(error::connect)?;
            let local = stack.status(now, id).map_err(error::no_such)?.tuple.local();
            io::Result::Ok((id, local))
        })??;
        Ok(Self {
            net,
            id,
            local,
            remote: options.remote,
            is_open: false,
            inbox: Mutex::default(),
        })
    }

    /// Ready once the open is over, one way or the other.
    pub(crate) fn poll_opened(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let id = self.id;
        ready!(self.poll_call(cx, Side::Write, |now, stack| {
            let status = match stack.status(now, id) {
                Ok(status) => status,
                Err(error) => return Poll::Ready(Err(error::no_such(error))),
            };
            match (status.ended, status.state) {
                (Some(how), _) => Poll::Ready(Err(error::ended(how))),
                (None, State::SynSent | State::SynReceived) => Poll::Pending,
                (None, _) => Poll::Ready(Ok(())),
            }
        }))?;
        self.is_open = true;
        Poll::Ready(Ok(()))
    }

    /// Makes a call; while it answers "not yet", the task waits on `side`. Both under one lock.
    fn poll_call<R>(
        &self,
        cx: &mut Context<'_>,
        side: Side,
        f: impl FnOnce(Now, &mut dyn Calls) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let called = self.net.call(|now, stack, wakers| {
            let answer = f(now, stack);
            if answer.is_pending() {
                wakers.wait(self.id, side, cx.waker());
            }
            answer
        });
        called.unwrap_or_else(|stopped| Poll::Ready(Err(stopped)))
    }

    /// A call that answers at once.
    fn call<R, E>(
        &self,
        f: impl FnOnce(Now, &mut dyn Calls, ConnectionId) -> Result<R, E>,
        map: impl FnOnce(E) -> io::Error,
    ) -> io::Result<R> {
        self.net.call(|now, stack, _| f(now, stack, self.id))?.map_err(map)
    }

    /// The inbox, when the caller may be one of two halves.
    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// RECEIVE into the user's memory. An end of the stream is a read of nothing.
    pub(crate) fn poll_read(
        &self,
        inbox: &mut Inbox,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let turn = ready!(coop::poll_proceed(cx));
        if inbox.chunks.is_empty() {
            ready!(self.poll_fill(inbox, cx, buf.remaining()))?;
        }
        inbox.copy_to(buf);
        turn.made_progress();
        Poll::Ready(Ok(()))
    }

    /// RECEIVE without a copy. `None` is the end of the stream.
    pub(crate) fn poll_read_bytes(
        &self,
        inbox: &mut Inbox,
        cx: &mut Context<'_>,
        max: usize,
    ) -> Poll<io::Result<Option<Bytes>>> {
        let turn = ready!(coop::poll_proceed(cx));
        if inbox.chunks.is_empty() {
            ready!(self.poll_fill(inbox, cx, max))?;
        }
        turn.made_progress();
        Poll::Ready(Ok(inbox.pop(max)))
    }

    /// Takes from the stack until `want` bytes are there, or no more are. The last chunk may go beyond.
    fn poll_fill(&self, inbox: &mut Inbox, cx: &mut Context<'_>, want: usize) -> Poll<io::Result<()>> {
        let id = self.id;
        self.poll_call(cx, Side::Read, |now, stack| {
            while inbox.bytes < want && inbox.chunks.len() < CHUNKS {
                let max = (want - inbox.bytes).max(READ_AHEAD);
                match stack.receive(now, id, max) {
                    Ok(Received::Data(chunk)) => inbox.push(chunk),
                    // What comes after the data is said again at the next call.
                    _ if inbox.bytes > 0 => break,
                    Ok(Received::Nothing) => return Poll::Pending,
                    Ok(Received::Finished) => return Poll::Ready(Ok(())),
                    Err(error) => return Poll::Ready(Err(error::receive(error))),
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Ready when a read would not wait.
    pub(crate) fn poll_readable(&self, inbox: &mut Inbox, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if inbox.chunks.is_empty() {
            ready!(self.poll_fill(inbox, cx, 1))?;
        }
        Poll::Ready(Ok(()))
    }

    /// SEND of the user's memory. Of a long write nothing is copied that the send buffer has no room for.
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        urgency: Urgency,
    ) -> Poll<io::Result<usize>> {
        let len = slices.iter().map(|slice| slice.len()).sum::<usize>().min(WRITE_MAX);
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let turn = ready!(coop::poll_proceed(cx));
        let room = if len > WRITE_SMALL {
            self.call(|_, stack, id| stack.send_room(id), error::no_such)?
        } else {
            len
        };
        // A full buffer is asked with one byte: only a refused SEND makes the stack tell of room later.
        let mut data = gather(slices, len.min(room).max(1));
        let sent = ready!(self.poll_send(cx, &mut data, urgency))?;
        turn.made_progress();
        Poll::Ready(Ok(sent))
    }

    /// SEND: as much from the front of `data` as there is room for.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &mut Bytes,
        urgency: Urgency,
    ) -> Poll<io::Result<usize>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let id = self.id;
        self.poll_call(cx, Side::Write, |now, stack| {
            let sent = match urgency {
                Urgency::Normal => stack.send(now, id, data),
                Urgency::Urgent => stack.send_urgent(now, id, data),
            };
            match sent {
                Ok(0) => Poll::Pending,
                Ok(n) => Poll::Ready(Ok(n)),
                Err(error) => Poll::Ready(Err(error::send(error))),
            }
        })
    }

    /// CLOSE of our side: done when the FIN stands behind what was sent. A connection that is over has nothing to close.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        match self.net.call(|now, stack, _| stack.shutdown(now, self.id))? {
            Ok(()) | Err(SendError::Closing | SendError::Ended(_) | SendError::NoSuch) => Ok(()),
        }
    }

    /// ABORT. Whoever waits at the connection is told.
    pub(crate) fn abort(&self) -> io::Result<()> {
        self.net.call(|now, stack, wakers| {
            let ended = Ready {
                ended: true,
                ..Ready::default()
            };
            wakers.on_event(Event::Connection(self.id, ended));
            // Aborted before: then there is nothing to do.
            let _ = stack.abort(now, self.id);
        })
    }

    /// Ready when the peer has announced urgent data: bytes of the stream until its end.
    pub(crate) fn poll_urgent(&self, unread: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let id = self.id;
        self.poll_call(cx, Side::Urgent, |now, stack| {
            let status = match stack.status(now, id) {
                Ok(status) => status,
                Err(error) => return Poll::Ready(Err(error::no_such(error))),
            };
            match (status.urgent, status.ended) {
                (Some(bytes), _) => Poll::Ready(Ok(unread.saturating_add(bytes as usize))),
                (None, Some(how)) => Poll::Ready(Err(error::ended(how))),
                // The peer's FIN has come: it can announce nothing any more.
                (None, None) if !status.state.may_receive() => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                (None, None) => Poll::Pending,
            }
        })
    }

    /// STATUS, in which what the user has not read counts as received and unread.
    pub(crate) fn status(&self) -> io::Result<Status> {
        let mut status = self.call(|now, stack, id| stack.status(now, id), error::no_such)?;
        status.receive_queue += self.inbox().unread();
        Ok(status)
    }

    pub(crate) fn options(&self) -> io::Result<ConnectionOptions> {
        self.call(|_, stack, id| stack.options(id), error::no_such)
    }

    /// Changes some of the options, and leaves the others.
    pub(crate) fn change(&self, change: impl FnOnce(&mut ConnectionOptions)) -> io::Result<()> {
        self.call(
            |now, stack, id| {
                let mut options = stack.options(id)?;
                change(&mut options);
                stack.set_options(now, id, options)
            },
            error::no_such,
        )
    }
}

impl Drop for Socket {
    /// As std closes: what was sent still goes out, but data that nobody will read makes it a reset.
    fn drop(&mut self) {
        let unread = self.inbox().unread() > 0;
        // A network that has stopped has nothing to close.
        let _ = self.net.call(|now, stack, wakers| {
            wakers.forget(self.id);
            if unread || !self.is_open {
                stack.abort(now, self.id)
            } else {
                stack.close(now, self.id)
            }
        });
    }
}

/// The first `len` bytes of the slices, in one piece.
fn gather(slices: &[IoSlice<'_>], len: usize) -> Bytes {
    let mut data = BytesMut::with_capacity(len);
    for slice in slices {
        data.extend_from_slice(&slice[..slice.len().min(len - data.len())]);
    }
    data.freeze()
}
