//! A passive open as tokio shapes it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use stack::{Accepted, ListenOptions, ListenerId, NoSuch, Now, Observer};

use crate::calls::Calls;
use crate::error;
use crate::net::Net;
use crate::shards::Shards;
use crate::stream::TcpStream;
use crate::wait::{LAST_CALLER, Wait, leave, poll_queues};
use crate::wakers::Queue;

/// Listens for connections.
///
/// Dropping it stops listening: half-open connections are forgotten, and those nobody accepted are reset.
///
/// On a net of several shards it listens in all of them, with a part of the backlogs in each
/// ([`ListenOptions::part`]), and takes from each in turn.
pub struct TcpListener {
    shards: Arc<Shards>,
    id: ListenerId,
    local: SocketAddr,
    /// Where the next to accept begins to look.
    turn: AtomicUsize,
}

impl TcpListener {
    /// Listens at `local` with the defaults of [`ListenOptions::new`] and the net's connection options. The unspecified address means every address of its
    /// family, port 0 any free port. What else may be chosen: [`Net::listen`].
    ///
    /// Errors: those of [`Net::listen`].
    pub fn bind<O: Observer + Send + 'static>(net: &Net<O>, local: impl Into<SocketAddr>) -> io::Result<Self> {
        net.listen(ListenOptions {
            connection: net.connection_options(),
            ..ListenOptions::new(local.into())
        })
    }

    pub(crate) fn open(shards: Arc<Shards>, options: ListenOptions) -> io::Result<Self> {
        let (id, local) = shards.listen(options)?;
        Ok(Self {
            shards,
            id,
            local,
            turn: AtomicUsize::new(0),
        })
    }

    /// Takes the next connection. Any number of tasks may wait here; dropping the future loses no connection.
    ///
    /// Errors: only that the network has stopped. A connection that failed before it was accepted is a stream like any
    /// other, which says so when it is used.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut wait = Wait::new(self.shards.handles(), Queue::Accept(self.id));
        let (shard, accepted) = wait.until(self.turn(), |now, stack| self.take(now, stack)).await?;
        Ok(self.stream(shard, accepted.map_err(error::no_such)?))
    }

    /// Takes the next connection if there is one. Of several callers that wait, the last is woken.
    ///
    /// Errors: those of [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (shards, queue) = (self.shards.handles(), Queue::Accept(self.id));
        let asked = poll_queues(shards, self.turn(), cx, queue, LAST_CALLER, |now, stack| {
            self.take(now, stack)
        });
        let (shard, accepted) = ready!(asked)?;
        Poll::Ready(accepted.map(|a| self.stream(shard, a)).map_err(error::no_such))
    }

    /// Where it listens, its port chosen.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn take(&self, now: Now, stack: &mut dyn Calls) -> Poll<Result<Accepted, NoSuch>> {
        match stack.accept(now, self.id) {
            Ok(None) => Poll::Pending,
            Ok(Some(accepted)) => Poll::Ready(Ok(accepted)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// A shard that has many must not keep others from being heard.
    fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    fn stream(&self, shard: usize, accepted: Accepted) -> (TcpStream, SocketAddr) {
        let net = self.shards.handles()[shard].clone();
        (TcpStream::accepted(net, accepted), accepted.remote)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        leave(self.shards.handles(), Queue::Accept(self.id), LAST_CALLER);
        self.shards.close_listener(self.id);
    }
}
