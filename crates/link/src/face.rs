//! What a driver needs of a link: packets in, packets out, and when to come back.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use crate::frames::ETHERNET_BYTES;
use crate::tun::Offload;
use crate::vnet::VnetHeader;

/// The largest packet a link carries: an IPv6 header of 40 bytes and the largest payload its length field can state.
///
/// An IPv4 packet, 65,535 bytes at most, is always smaller.
///
/// Spec: RFC 8200 section 3
pub const PACKET_BYTES_MAX: usize = 40 + 65_535;

/// The largest packet in an Ethernet frame, and so the largest on any link.
pub(crate) const FRAME_BYTES_MAX: usize = ETHERNET_BYTES + PACKET_BYTES_MAX;

/// A packet of up to this many bytes is copied out of the receive buffer by [`take_packet`]: so what is kept of a packet
/// holds at most about four times the packet's size.
const COPY_BYTES_MAX: usize = PACKET_BYTES_MAX / 4;

/// What the packets of a link begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layer {
    /// An IP header.
    #[default]
    Ip,
    /// An Ethernet header: the packets are frames.
    Ethernet,
}

/// The kind of device that carries it: TUN or TAP.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "TUN",
            Self::Ethernet => "TAP",
        })
    }
}

/// A point where whole IP packets enter and leave, or whole Ethernet frames.
///
/// One task may wait for reading and one for writing: as with tokio's sockets, a later `poll_*_ready` of the same
/// direction replaces the waker of the earlier one. Readiness is a hint: an operation after it may still give
/// [`io::ErrorKind::WouldBlock`], and then the caller polls again.
pub trait Link {
    /// Reads one packet, appends it to `buffer` and returns the facts that came with it.
    ///
    /// The buffer grows as needed, so that a packet of [`PACKET_BYTES_MAX`], in a frame or not, always fits. On an error it is unchanged.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when no packet waits; [`io::ErrorKind::InvalidData`] for a packet with a
    /// header that cannot be understood, which is consumed; anything else means that the link is gone.
    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<VnetHeader>;

    /// Writes one packet, whose bytes are `head` followed by each slice of `payload`.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when the link is full, and the packet was not taken;
    /// [`io::ErrorKind::InvalidInput`] for a packet that the link will never take; anything else means that the link is
    /// down or gone.
    fn try_write(&self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()>;

    /// Becomes ready when [`Link::try_read`] is worth a call.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Becomes ready when [`Link::try_write`] is worth a call.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The largest IP packet that the other side takes when it is no super-segment. Units: bytes.
    fn mtu(&self) -> u16;

    /// What packets begin with. Offsets in a [`VnetHeader`] count from there.
    fn layer(&self) -> Layer {
        Layer::Ip
    }

    /// What the other side does for us: checksums, and segments larger than the MTU.
    fn offload(&self) -> Offload;
}

/// Takes the packet out of a receive buffer that [`Link::try_read`] filled, and leaves the buffer empty.
///
/// A receive buffer must have room for a super-segment before anybody knows what arrives. A small packet is copied to an
/// allocation of its own size and the room is used again, so that a queue of small packets does not hold 64 KiB for each;
/// a large packet (16 KiB and more) takes the allocation with it and is not copied.
pub fn take_packet(buffer: &mut BytesMut) -> BytesMut {
    if buffer.len() <= COPY_BYTES_MAX {
        let packet = BytesMut::from(&buffer[..]);
        buffer.clear();
        packet
    } else {
        buffer.split()
    }
}

/// Refuses a packet that no link can carry, and returns its length.
pub(crate) fn packet_len(layer: Layer, head: &[u8], payload: &[Bytes]) -> io::Result<usize> {
    let header = match layer {
        Layer::Ip => 0,
        Layer::Ethernet => ETHERNET_BYTES,
    };
    let len = payload
        .iter()
        .fold(head.len(), |sum, slice| sum.saturating_add(slice.len()));
    if len <= header || len > header + PACKET_BYTES_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_packet_is_copied_and_the_room_kept() {
        let mut buffer = BytesMut::with_capacity(PACKET_BYTES_MAX);
        buffer.extend_from_slice(&[7; 60]);
        let packet = take_packet(&mut buffer);
        assert_eq!(&packet[..], &[7; 60]);
        assert!(packet.capacity() <= 64);
        assert!(buffer.is_empty() && buffer.capacity() >= PACKET_BYTES_MAX);
    }

    #[test]
    fn a_large_packet_is_moved() {
        let mut buffer = BytesMut::with_capacity(PACKET_BYTES_MAX);
        buffer.extend_from_slice(&[7; 64_240]);
        let bytes = buffer.as_ptr();
        let packet = take_packet(&mut buffer);
        assert_eq!((packet.len(), packet.as_ptr()), (64_240, bytes));
        assert!(buffer.is_empty());
    }

    #[test]
    fn packets_that_cannot_be_are_refused() {
        let half = Bytes::from(vec![0; 40_000]);
        let header = [0; ETHERNET_BYTES];
        assert!(
            packet_len(Layer::Ethernet, &header, &[]).is_err(),
            "a frame with nothing in it"
        );
        let largest = Bytes::from(vec![0; PACKET_BYTES_MAX]);
        assert_eq!(
            packet_len(Layer::Ethernet, &header, &[largest]).ok(),
            Some(FRAME_BYTES_MAX)
        );
        for (name, head, payload, expected) in [
            ("nothing", &[][..], vec![], None),
            ("head alone", &[1, 2][..], vec![], Some(2)),
            ("payload alone", &[][..], vec![half.clone()], Some(40_000)),
            ("too long", &[][..], vec![half.clone(), half.clone()], None),
        ] {
            assert_eq!(packet_len(Layer::Ip, head, &payload).ok(), expected, "{name}");
        }
    }
}
