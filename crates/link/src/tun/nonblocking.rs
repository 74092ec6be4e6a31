//! A TUN in a tokio runtime.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::Interest;

use super::{Offload, Tun};
use crate::face::{Layer, Link};
use crate::vnet::VnetHeader;
use crate::watched::Watched;

/// A [`Tun`] that is registered with a tokio runtime, and so knows when to come back.
///
/// When the interface is removed under it, whoever waits for reading is woken with [`io::ErrorKind::NotConnected`], and
/// writing gives the same.
pub struct AsyncTun {
    fd: Watched<Tun>,
    /// The device has reported an error: the interface was removed.
    is_removed: AtomicBool,
}

impl AsyncTun {
    pub(super) fn new(tun: Tun) -> io::Result<Self> {
        // SAFETY: the `Tun` owns its open descriptor, gives out the same one at every call, and closes it only when it is
        // dropped.
        let fd = unsafe { Watched::register(tun) }?;
        Ok(Self {
            fd,
            is_removed: AtomicBool::new(false),
        })
    }

    /// The device itself: its name, for one.
    pub fn tun(&self) -> &Tun {
        self.fd.get()
    }

    /// Ready as soon as the device has reported an error, and ever after.
    fn poll_removed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_removed.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        self.fd
            .poll_error(cx)
            .map(|()| self.is_removed.store(true, Ordering::Relaxed))
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
        match self.fd.poll_readable(cx, || true) {
            Poll::Pending => self.poll_removed(cx).map(|()| Err(io::ErrorKind::NotConnected.into())),
            ready => ready,
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A removed interface counts as writable, and then the write says that it is gone.
        self.fd.poll_writable(cx)
    }

    fn mtu(&self) -> u16 {
        self.tun().mtu()
    }

    fn layer(&self) -> Layer {
        self.tun().layer()
    }

    fn offload(&self) -> Offload {
        self.tun().offload()
    }
}
