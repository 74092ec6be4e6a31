//! A passive open as tokio shapes it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use stack::{Accepted, ListenOptions, ListenerId, NoSuch, Now, Observer};

use crate::calls::Calls;
use crate::error;
use crate::net::Net;
use crate::shard::Handle;
use crate::stream::TcpStream;
use crate::wait::{LAST_CALLER, Wait, poll_queue};
use crate::wakers::Queue;

/// Listens for connections.
///
/// Dropping it stops listening: half-open connections are forgotten, and those nobody accepted are reset.
pub struct TcpListener {
    net: Handle<dyn Calls>,
    id: ListenerId,
    local: SocketAddr,
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

    pub(crate) fn open(net: Handle<dyn Calls>, options: ListenOptions) -> io::Result<Self> {
        let (id, local) = net.call(|_, stack, _| {
            let id = stack.listen(options).map_err(error::listen)?;
            let local = stack.listener_local(id).map_err(error::no_such)?;
            io::Result::Ok((id, local))
        })??;
        Ok(Self { net, id, local })
    }

    /// Takes the next connection. Any number of tasks may wait here; dropping the future loses no connection.
    ///
    /// Errors: only that the network has stopped. A connection that failed before it was accepted is a stream like any
    /// other, which says so when it is used.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut wait = Wait::new(self.net.clone(), Queue::Accept(self.id));
        let accepted = wait.until(|now, stack| self.take(now, stack)).await?;
        Ok(self.stream(accepted.map_err(error::no_such)?))
    }

    /// Takes the next connection if there is one. Of several callers that wait, the last is woken.
    ///
    /// Errors: those of [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let queue = Queue::Accept(self.id);
        let accepted = ready!(poll_queue(&self.net, cx, queue, LAST_CALLER, |now, stack| self.take(now, stack)))?;
        Poll::Ready(accepted.map(|a| self.stream(a)).map_err(error::no_such))
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

    fn stream(&self, accepted: Accepted) -> (TcpStream, SocketAddr) {
        (TcpStream::accepted(self.net.clone(), accepted), accepted.remote)
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
        // A network that has stopped has nothing to close.
        let _ = self.net.call(|now, stack, wakers| {
            wakers.leave(Queue::Accept(self.id), LAST_CALLER);
            stack.close_listener(now, self.id)
        });
    }
}
