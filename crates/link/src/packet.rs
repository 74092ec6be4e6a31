//! An AF_PACKET socket: every frame that an interface receives, and a way to send frames out of it.
//!
//! ```text
//!   interface ──▶ ring of blocks (TPACKET_V3), shared with the kernel ──▶ Packet ──▶ take(frame)
//!       ▲                                                                    │
//!       └───────────────── sendmmsg, many frames a call ◀── queue ◀──────────┘
//! ```
//!
//! The kernel goes on using the interface: what arrives is seen by both. So use it with addresses that the kernel does not
//! have, or it answers too (a TCP segment for a port where *it* has no listener gets an RST). Frames leave from the
//! interface's own hardware address, so that it need not be promiscuous.
//!
//! Every frame crosses with a virtio-net header ([`crate::vnet`]): super-segments of the kernel at the other end of a veth, and
//! what a card has joined, come whole; ours are cut by the interface, or by the kernel before it.
//!
//! Received frames are told of when a block of the ring is full, or a millisecond after its first frame.
//!
//! What to read first: `packet(7)`, and the kernel's `Documentation/networking/packet_mmap.rst`.

mod queue;
mod ring;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::Interest;

use crate::counters::{Losses, Meter};
use crate::error::LinkError;
use crate::frames::{FrameLink, HardwareAddress};
use crate::interface::Ethernet;
use crate::presence::Presence;
use crate::tun::Offload;
use crate::vnet::VnetHeader;
use queue::Queue;
use ring::Ring;
pub(crate) use socket::Socket;

/// What [`Packet::open`] opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOptions {
    /// The interface's name: an Ethernet interface that is up.
    pub interface: String,
    /// Addresses that frames are to come for. The interface is asked for the multicast groups in which neighbours look for
    /// the IPv6 ones.
    pub addresses: Vec<IpAddr>,
}

/// A packet socket on one interface, in the tokio runtime that it was opened in.
pub struct Packet {
    presence: Presence,
    ring: Ring,
    queue: Queue,
    /// Frames that the interface refused.
    refused: Arc<AtomicU64>,
}

impl Packet {
    /// Opens the socket and registers it with the runtime of the caller. It blocks for one or two milliseconds.
    ///
    /// Errors: each says what is missing and what to do, see [`LinkError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without its drivers of I/O and time.
    pub fn open(options: &PacketOptions) -> Result<Self, LinkError> {
        let ethernet = Ethernet::find(&options.interface)?;
        let failed = |source| LinkError::from_io(format!("read packets of {}", options.interface), source);
        let socket = Socket::open().map_err(|source| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => LinkError::RawForbidden {
                interface: options.interface.clone(),
            },
            _ => failed(source),
        })?;
        let ring = Ring::map(&socket).map_err(failed)?;
        socket.join_groups(ethernet.index, &options.addresses).map_err(failed)?;
        socket.bind(ethernet.index, libc::ETH_P_ALL).map_err(failed)?;
        Ok(Self {
            presence: Presence::new(socket, ethernet).map_err(failed)?,
            ring,
            queue: Queue::default(),
            refused: Arc::default(),
        })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.presence.ethernet.name
    }
}

impl FrameLink for Packet {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        mut take: impl FnMut(VnetHeader, &[u8]),
    ) -> Poll<io::Result<()>> {
        loop {
            if self.ring.receive(max, &mut take) > 0 {
                self.presence.confirm();
                return Poll::Ready(Ok(()));
            }
            match self.presence.fd.poll_readable(cx, || self.ring.is_filled()) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return self.presence.poll_removed(cx),
            }
        }
    }

    fn send(&mut self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        if self.queue.is_full() {
            self.flush()?;
        }
        self.queue.push(header, head, payload)
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            let Self { presence, queue, .. } = self;
            match presence.fd.try_io(Interest::WRITABLE, |socket| queue.send(socket)) {
                Ok(()) => {}
                // The interface takes no such frame, or none now: it is lost, as frames may be.
                Err(error) if socket::is_refusal(&error) => {
                    queue.skip();
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.presence.fd.poll_writable(cx)
    }

    fn mtu(&self) -> u16 {
        self.presence.ethernet.mtu
    }

    fn offload(&self) -> Offload {
        Offload::Tso
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.presence.ethernet.address
    }

    fn meter(&self) -> Meter {
        let (socket, refused) = (self.presence.fd.get().clone(), self.refused.clone());
        Meter::new(move || Losses {
            received: socket.dropped(),
            sent: refused.load(Ordering::Relaxed),
        })
    }
}
