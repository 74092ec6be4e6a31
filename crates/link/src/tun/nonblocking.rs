//! A TUN in a tokio runtime.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Offload, Tun};
use crate::face::Link;
use crate::vnet::VnetHeader;

/// A [`Tun`] that is registered with a tokio runtime, and so knows when to come back.
///
/// When the interface is removed under it, whoever waits for reading is woken with [`io::ErrorKind::NotConnected`], and
/// writing gives the same.
pub struct AsyncTun {
    fd: Arc<AsyncFd<Tun>>,
    /// The kernel reports a removed interface as an error and not as readable, which wakes no reader by itself.
    removed: Mutex<Watch>,
}

/// Whether the device has reported an error.
enum Watch {
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    Reported,
}

impl AsyncTun {
    pub(super) fn new(tun: Tun) -> io::Result<Self> {
        // SAFETY: the `Tun` owns its open descriptor, gives out the same one at every call, and closes it only when it is
        // dropped; `AsyncFd` owns the `Tun`, and nothing here gives it out mutably.
        let fd = Arc::new(unsafe { AsyncFd::register(tun) }?);
        let watched = fd.clone();
        let error = async move {
            // An error here means that the runtime ends, which reads and writes will find out.
            let _ = watched.ready(Interest::ERROR).await;
        };
        Ok(Self {
            fd,
            removed: Mutex::new(Watch::Waiting(Box::pin(error))),
        })
    }

    /// The device itself: its name, for one.
    pub fn tun(&self) -> &Tun {
        self.fd.get_ref()
    }

    /// Ready as soon as the device has reported an error, and ever after.
    fn poll_removed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut watch = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Watch::Waiting(error) = &mut *watch {
            if error.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            *watch = Watch::Reported;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for AsyncTun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncTun").field(self.tun()).finish()
    }
}

impl Link for AsyncTun {
    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<VnetHeader> {
        self.fd.try_io(Interest::READABLE, |tun| tun.try_read(buffer))
    }

    fn try_write(&self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        self.fd
            .try_io(Interest::WRITABLE, |tun| tun.try_write(header, head, payload))
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.fd.poll_read_ready(cx) {
            Poll::Ready(ready) => Poll::Ready(ready.map(drop)),
            Poll::Pending => self.poll_removed(cx).map(|()| Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A removed interface counts as writable, and then the write says that it is gone.
        self.fd.poll_write_ready(cx).map(|ready| ready.map(drop))
    }

    fn mtu(&self) -> u16 {
        self.tun().mtu()
    }

    fn offload(&self) -> Offload {
        self.tun().offload()
    }
}
