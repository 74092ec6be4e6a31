//! What a driver wants of a link, and that for the links of the `link` crate.
//!
//! Links compose: a wrapper that delays, drops or records packets is a [`Link`] around a [`Link`].

mod frames;
mod packets;
mod share;

use std::io;
use std::task::{Context, Poll};

pub use ::link::{
    AsyncTun, HardwareAddress, Layer, LinkError, Losses, Memory, Meter, Packet, PacketOptions, Tun, TunOptions, Xdp,
    XdpOptions, memory, packet, tun, xdp,
};
pub use share::{Part, share};

use bytes::Bytes;
use stack::Batch;
use stack::io::Offload;

use crate::clock::Clock;

/// Carries IP packets, or Ethernet frames with them, without blocking. One driver owns it, and calls it from one task.
pub trait Link: Send + 'static {
    /// What the link can do. Asked once, when the net is started.
    fn abilities(&self) -> Abilities;

    /// Adds at most `max` received packets to `batch`, each stamped by `clock` as it is taken in.
    ///
    /// `Ready(Ok)` says that there is at least one packet and perhaps more behind; `Pending` that there is none and the
    /// task will be woken when there is.
    ///
    /// Errors: the link is dead, and with it the net. A packet that is lost or cannot be used is no error.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>>;

    /// Sends one packet: `head` holds all headers, `payload` the slices that follow. Called while the stack is locked: it must
    /// not wait. The packet may stay in a queue until [`flush`](Self::flush).
    ///
    /// Errors: [`NotSent::Full`] leaves nothing sent, and the same packet is offered again once
    /// [`poll_send_ready`](Self::poll_send_ready) has answered.
    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent>;

    /// Has what was sent leave, if some of it was kept to leave together. Called after each batch, without the lock.
    ///
    /// Errors: [`NotSent::Full`] says that some is still kept, and another call is due once
    /// [`poll_send_ready`](Self::poll_send_ready) has answered.
    fn flush(&mut self) -> Result<(), NotSent> {
        Ok(())
    }

    /// Ready when it is worth trying to send or flush again; asked only after [`NotSent::Full`].
    ///
    /// Errors: the link is dead.
    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// What a link can do. These take the place of the same fields in the stack's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// What packets begin with. It must be what the stack's medium says.
    pub layer: Layer,
    /// Largest IP packet. Units: bytes.
    pub mtu: usize,
    /// It completes transport checksums.
    pub checksum_offload: bool,
    /// Largest payload of a super-segment that it cuts by itself; `None`: it cuts none. Units: bytes.
    pub super_segment_max: Option<usize>,
}

impl Abilities {
    /// A link of IP packets of this MTU that does nothing for the sender.
    pub const fn plain(mtu: usize) -> Self {
        Self {
            layer: Layer::Ip,
            mtu,
            checksum_offload: false,
            super_segment_max: None,
        }
    }
}

/// Why a packet was not sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// The link can take no more now.
    #[error("the link can take no more now")]
    Full,
    /// The link is dead.
    #[error("{0}")]
    Failed(#[from] io::Error),
}

/// A boxed link is a link, so that wrappers may be chosen at run time.
impl<L: Link + ?Sized> Link for Box<L> {
    fn abilities(&self) -> Abilities {
        (**self).abilities()
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>> {
        (**self).poll_receive(cx, clock, batch, max)
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
        (**self).try_send(head, payload, offload)
    }

    fn flush(&mut self) -> Result<(), NotSent> {
        (**self).flush()
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_send_ready(cx)
    }
}
