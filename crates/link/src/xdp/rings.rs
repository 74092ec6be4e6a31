//! The memory shared with the kernel, and the four rings in which places in it change hands.
//!
//! A frame's memory is free, or in the fill ring and the kernel's until a frame has arrived, or in our hands while that is
//! read, or in the transmit ring and the kernel's until the frame has left. It is never with two of them.
//!
//! The unsafe code about it is here, behind functions that are safe to call.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd;

use ::xdp::nic::NicIndex;
use ::xdp::slab::Slab;
use ::xdp::socket::{SocketError, XdpSocket, XdpSocketBuilder};
use ::xdp::umem::{FrameSize, UmemCfgBuilder};
use ::xdp::{CompletionRing, Packet, RingConfigBuilder, RxRing, Umem, WakableFillRing, WakableTxRing};
use bytes::Bytes;

use crate::frames::ETHERNET_BYTES;
use crate::interface::Ethernet;

/// Frames that may be the kernel's for receiving, and as many for sending. Bounds: a power of two.
const RING: u32 = 2_048;

/// Frames that are taken in at once, and that leave together.
const BATCH: usize = 64;

/// What XDP keeps of a frame's memory for itself.
const HEADROOM: usize = 256;

/// The largest MTU whose frames fit in a page, beside what the kernel keeps at both of its ends.
pub(super) const MTU_MAX: u16 = (4_096 - HEADROOM - 320 - ETHERNET_BYTES - 4) as u16;

/// The largest MTU whose frames fit in half a page, which is half the memory, and half of the cache that it takes.
const MTU_OF_HALF_A_PAGE: u16 = (2_048 - HEADROOM - ETHERNET_BYTES - 4) as u16;

/// Bytes of frames that may wait in the kernel to leave.
const SEND_BUFFER: c_int = 16 << 20;

/// Frames that the kernel sends in one call at least, before it says EAGAIN; from Linux 6.17 on it can be told a larger number.
const SENT_AT_ONCE: usize = 32;

/// That option. The headers of older systems lack it.
const XDP_MAX_TX_SKB_BUDGET: c_int = 9;

/// The rings of one socket, and the memory behind them.
pub(super) struct Rings {
    fill: WakableFillRing,
    receive: RxRing,
    transmit: WakableTxRing,
    completion: CompletionRing,
    /// Received, and not yet read: empty between calls.
    received: Frames,
    /// To be sent, and not yet in the ring.
    queued: Frames,
    /// In the transmit ring, and perhaps not yet seen by the kernel.
    unsent: usize,
    pub(super) is_zero_copy: bool,
    frame_bytes_max: usize,
    /// After the rings: `Packet`s in `received` and `queued` point into it.
    umem: Umem,
}

// SAFETY: rings and memory belong to this value alone, on our side, and the pointers into them may be followed from any thread.
unsafe impl Send for Rings {}

impl Rings {
    /// Opens a socket on a queue and gives the kernel memory for frames to come.
    pub(super) fn open(ethernet: &Ethernet, queue: u32) -> io::Result<(XdpSocket, Self)> {
        let (frame_size, bytes) = if ethernet.mtu <= MTU_OF_HALF_A_PAGE {
            (FrameSize::TwoK, 2_048)
        } else {
            (FrameSize::FourK, 4_096)
        };
        let memory = UmemCfgBuilder {
            frame_size,
            frame_count: 2 * RING,
            ..UmemCfgBuilder::default()
        };
        let mut umem = Umem::map(memory.build().map_err(io::Error::other)?)?;
        let counts = RingConfigBuilder {
            rx_count: RING,
            tx_count: RING,
            fill_count: RING,
            completion_count: RING,
        };
        let counts = counts.build().map_err(io::Error::other)?;
        let mut builder = XdpSocketBuilder::new().map_err(refusal)?;
        let (rings, flags) = builder.build_wakable_rings(&umem, counts).map_err(refusal)?;
        let (Some(receive), Some(transmit)) = (rings.rx_ring, rings.tx_ring) else {
            return Err(io::Error::other("no rings, though they were asked for"));
        };
        let mut fill = rings.fill_ring;
        // SAFETY: the memory is in the same value as the rings, and the kernel holds its pages as long as the socket is open.
        unsafe { fill.enqueue(&mut umem, RING as usize, false) }?;
        // Without a word the kernel takes zero-copy if it can.
        let socket = builder
            .bind(NicIndex::new(ethernet.index), queue, flags)
            .map_err(refusal)?;
        // Where it is refused, frames leave in more calls.
        let _ = set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SEND_BUFFER);
        let _ = set(&socket, libc::SOL_XDP, XDP_MAX_TX_SKB_BUDGET, 4 * BATCH as c_int);
        let rings = Self {
            fill,
            receive,
            transmit,
            completion: rings.completion_ring,
            received: Frames::default(),
            queued: Frames::with_room(BATCH),
            unsent: 0,
            is_zero_copy: is_zero_copy(&socket),
            frame_bytes_max: bytes - HEADROOM,
            umem,
        };
        Ok((socket, rings))
    }

    /// Hands on frames, at most `max`, and says how many there were.
    pub(super) fn receive(&mut self, max: usize, take: &mut impl FnMut(&[u8])) -> usize {
        self.received.room = max.min(BATCH);
        // SAFETY: the packets are given back below, before anything else can happen to the memory.
        let count = unsafe { self.receive.recv(&self.umem, &mut self.received) };
        while let Some(packet) = self.received.pop_back() {
            take(&packet);
            self.umem.free_packet(packet);
        }
        if count > 0 {
            // SAFETY: as in `open`. A driver that copies nothing may have gone to sleep for want of memory, and is woken; that
            // this fails is told by whatever is sent or received next.
            let _ = unsafe { self.fill.enqueue(&mut self.umem, count, self.is_zero_copy) };
        }
        count
    }

    /// The longest frame, its header included. Units: bytes.
    pub(super) fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }

    /// Whether nothing more can be queued before a flush, or until the kernel gives memory back.
    pub(super) fn is_full(&self) -> bool {
        self.queued.available() == 0 || self.umem.allocatable() == 0
    }

    /// Copies a frame to where it leaves from.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when all memory is with the kernel.
    pub(super) fn queue(&mut self, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        // SAFETY: the packet goes into `queued`, and from there into the transmit ring, both in the same value as the memory.
        let Some(mut packet) = (unsafe { self.umem.alloc() }) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let written = packet
            .write_all(head)
            .and_then(|()| payload.iter().try_for_each(|slice| packet.write_all(slice)));
        if let Err(too_long) = written {
            self.umem.free_packet(packet);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, too_long));
        }
        self.queued.push_front(packet);
        Ok(())
    }

    /// Takes back the memory of frames that have left.
    fn take_back(&mut self) {
        self.completion.dequeue(&mut self.umem, RING as usize);
    }

    /// Puts what is queued in the ring and has the kernel look at it.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when some has not left yet; [`io::ErrorKind::NetworkDown`] while the interface is
    /// down, and what was in the ring stays there; [`io::ErrorKind::NotConnected`] when it was removed.
    pub(super) fn flush(&mut self, socket: &XdpSocket) -> io::Result<()> {
        self.take_back();
        // SAFETY: as in `queue`.
        self.unsent += unsafe { self.transmit.send(&mut self.queued, false) }?;
        // One call for each part that the kernel sends at once, and one more that finds nothing left.
        for _ in 0..self.unsent / SENT_AT_ONCE + 2 {
            if self.unsent == 0 {
                break;
            }
            match wake(socket) {
                Ok(()) => self.unsent = 0,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN | libc::EINTR) => {}
                    Some(libc::ENOBUFS | libc::EBUSY) => break,
                    Some(libc::ENETDOWN) => return Err(io::ErrorKind::NetworkDown.into()),
                    Some(libc::ENXIO) => return Err(io::ErrorKind::NotConnected.into()),
                    _ => return Err(error),
                },
            }
        }
        if self.unsent > 0 || !self.queued.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }
}

/// Packets in order, no more than there is room for.
#[derive(Default)]
struct Frames {
    packets: VecDeque<Packet>,
    room: usize,
}

impl Frames {
    fn with_room(room: usize) -> Self {
        Self {
            packets: VecDeque::with_capacity(room),
            room,
        }
    }
}

impl Slab for Frames {
    fn available(&self) -> usize {
        self.room.saturating_sub(self.packets.len())
    }

    fn len(&self) -> usize {
        self.packets.len()
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn push_front(&mut self, packet: Packet) -> Option<Packet> {
        if self.available() == 0 {
            return Some(packet);
        }
        self.packets.push_front(packet);
        None
    }

    fn pop_back(&mut self) -> Option<Packet> {
        self.packets.pop_back()
    }
}

/// Has the kernel look at the transmit ring.
fn wake(socket: &XdpSocket) -> io::Result<()> {
    // SAFETY: the descriptor is open, and nothing but it is given to the kernel.
    let woken = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            std::ptr::null(),
            0,
            libc::MSG_DONTWAIT,
            std::ptr::null(),
            0,
        )
    };
    if woken < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn set(socket: &XdpSocket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel reads one integer, which lives through the call.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size) };
    if set < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn is_zero_copy(socket: &XdpSocket) -> bool {
    let mut options = 0_u32;
    let mut size = size_of::<u32>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the kernel writes one integer, which lives through the call.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_XDP,
            libc::XDP_OPTIONS,
            (&raw mut options).cast(),
            &mut size,
        )
    };
    got == 0 && options & libc::XDP_OPTIONS_ZEROCOPY != 0
}

/// The system's error in an error of the crate.
fn refusal(error: SocketError) -> io::Error {
    match error {
        SocketError::SocketCreation(error) | SocketError::Bind(error) => error,
        SocketError::SetSockOpt { inner, .. }
        | SocketError::GetSockOpt { inner, .. }
        | SocketError::RingMap { inner, .. } => inner,
    }
}
