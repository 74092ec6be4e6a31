//! A descriptor in a tokio runtime, and whether it has reported an error.
//!
//! The kernel reports an interface that was removed as an error and not as readable, which by itself wakes no reader.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor registered with the runtime it was made in.
pub(crate) struct Watched<T: AsRawFd + Send + Sync + 'static> {
    fd: Arc<AsyncFd<T>>,
    error: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<T: AsRawFd + Send + Sync + 'static> Watched<T> {
    /// Registers it.
    ///
    /// Errors: those of the runtime's poller.
    ///
    /// # Safety
    /// `source` owns its open descriptor, gives out the same one at every call, and closes it only when it is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without its I/O driver.
    pub(crate) unsafe fn register(source: T) -> io::Result<Self> {
        // SAFETY: the caller vouches for the descriptor; `AsyncFd` owns its source, and nothing here gives it out mutably.
        let fd = Arc::new(unsafe { AsyncFd::register(source) }?);
        let error = Mutex::new(error_of(&fd));
        Ok(Self { fd, error })
    }

    /// What is registered.
    pub(crate) fn get(&self) -> &T {
        self.fd.get_ref()
    }

    /// Tries an operation if it is thought ready; [`io::ErrorKind::WouldBlock`] of it, or instead of it, says that it is not.
    pub(crate) fn try_io<R>(&self, interest: Interest, f: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.fd.try_io(interest, f)
    }

    /// Ready when it is thought readable; `is_ready` says whether it is.
    pub(crate) fn poll_readable(
        &self,
        cx: &mut Context<'_>,
        mut is_ready: impl FnMut() -> bool,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.fd.poll_read_ready(cx)? {
                Poll::Ready(_) if is_ready() => return Poll::Ready(Ok(())),
                Poll::Ready(mut thought) => thought.clear_ready(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Ready when it is thought writable; `is_ready` says whether it is.
    pub(crate) fn poll_writable_if(
        &self,
        cx: &mut Context<'_>,
        mut is_ready: impl FnMut() -> bool,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.fd.poll_write_ready(cx)? {
                Poll::Ready(_) if is_ready() => return Poll::Ready(Ok(())),
                Poll::Ready(mut thought) => thought.clear_ready(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Ready when it is thought writable.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fd.poll_write_ready(cx).map(|ready| ready.map(drop))
    }

    /// Ready once for each time that the descriptor has reported an error.
    pub(crate) fn poll_error(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        let polled = error.as_mut().poll(cx);
        if polled.is_ready() {
            *error = error_of(&self.fd);
        }
        polled
    }
}

/// Ends with the next error that is reported.
fn error_of<T: AsRawFd + Send + Sync + 'static>(fd: &Arc<AsyncFd<T>>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let fd = fd.clone();
    Box::pin(async move {
        // An error here means that the runtime ends, which reads and writes will find out.
        if let Ok(mut reported) = fd.ready(Interest::ERROR).await {
            reported.clear_ready();
        }
    })
}
