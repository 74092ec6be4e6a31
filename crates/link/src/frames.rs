//! What a driver needs of a link that moves Ethernet frames in batches.

#[cfg(test)]
pub(crate) mod cable;

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::counters::Meter;
use crate::tun::Offload;
use crate::vnet::VnetHeader;

/// The hardware address of an Ethernet interface (a MAC address).
pub type HardwareAddress = [u8; 6];

/// Bytes before the IP packet in an Ethernet frame: destination, source and type.
pub const ETHERNET_BYTES: usize = 14;

/// A point where whole Ethernet frames enter and leave, many at a time.
///
/// Offsets in a [`VnetHeader`] count from the frame's first byte. One task owns the link; a later `poll_*` replaces the waker
/// of the earlier one of the same direction.
pub trait FrameLink {
    /// Hands at most `max` received frames to `take`, which copies what it wants to keep.
    ///
    /// `Ready(Ok)` says that there was at least one and perhaps more behind; `Pending` that there was none and the task will be
    /// woken when there is.
    ///
    /// Errors: [`io::ErrorKind::NotConnected`] when the interface was removed; anything else means that the link is gone too.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        take: impl FnMut(VnetHeader, &[u8]),
    ) -> Poll<io::Result<()>>;

    /// Queues one frame, whose bytes are `head` followed by each slice of `payload`. It leaves with [`flush`](Self::flush), or
    /// earlier.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when there is no room, and the frame was not taken;
    /// [`io::ErrorKind::InvalidInput`] for a frame that the link will never take; anything else means that the link is gone.
    fn send(&mut self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()>;

    /// Has all queued frames leave.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when some stay queued until another call; anything else means that the link is
    /// gone.
    fn flush(&mut self) -> io::Result<()>;

    /// Becomes ready when [`send`](Self::send) or [`flush`](Self::flush), after [`io::ErrorKind::WouldBlock`], is worth another
    /// call.
    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The largest IP packet that the other side takes when it is no super-segment. Units: bytes.
    fn mtu(&self) -> u16;

    /// What the other side does for us: checksums, and segments larger than the MTU.
    fn offload(&self) -> Offload;

    /// The address of the interface, from which frames are to leave.
    fn hardware_address(&self) -> HardwareAddress;

    /// Reads what the link lost, at any time and from anywhere.
    fn meter(&self) -> Meter;
}
