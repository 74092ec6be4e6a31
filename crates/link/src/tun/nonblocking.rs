//! A TUN in a tokio runtime.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Offload, Tun};
use crate::face::Link;
use crate::vnet::VnetHeader;

/// A [`Tun`] that is registered with a tokio runtime, and so knows when to come back.
#[derive(Debug)]
pub struct AsyncTun {
    fd: AsyncFd<Tun>,
}

impl AsyncTun {
    pub(super) fn new(tun: Tun) -> io::Result<Self> {
        // SAFETY: the `Tun` owns its open descriptor, gives out the same one at every call, and closes it only when it is
        // dropped; `AsyncFd` owns the `Tun`, and nothing here gives it out mutably.
        let fd = unsafe { AsyncFd::register(tun) }?;
        Ok(Self { fd })
    }

    /// The device itself: its name, for one.
    pub fn tun(&self) -> &Tun {
        self.fd.get_ref()
    }

    /// Gives the device back, no longer registered.
    pub fn into_inner(self) -> Tun {
        self.fd.into_inner()
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
        let mut guard = ready!(self.fd.poll_read_ready(cx))?;
        guard.retain_ready();
        Poll::Ready(Ok(()))
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut guard = ready!(self.fd.poll_write_ready(cx))?;
        guard.retain_ready();
        Poll::Ready(Ok(()))
    }

    fn mtu(&self) -> u16 {
        self.tun().mtu()
    }

    fn offload(&self) -> Offload {
        self.tun().offload()
    }
}
