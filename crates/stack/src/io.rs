//! What crosses the border between a driver and a machine: owned packets in, headers and payload slices out.
//!
//! Both ways are made for super-segments (a packet larger than the MTU that an offloading link cuts or has put together)
//! and for scatter-gather (payload is handed out as reference-counted slices, never copied here).

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use wire::ip::{Dscp, Ecn};

use crate::time::Instant;

/// A packet from a link: one IP datagram, or one Ethernet frame with one in it, as [`Config::medium`](crate::Config::medium)
/// says.
#[derive(Debug, Clone)]
pub struct Packet {
    /// From the IP or Ethernet header on; padding behind is of no meaning. The machine keeps slices of large payloads, so the buffer must not be a part of a much
    /// larger one.
    pub bytes: BytesMut,
    /// When it arrived, stamped at the link.
    pub arrived: Instant,
    /// What the link vouches for.
    pub checksum: Checksum,
}

/// What a link says of the transport checksum of a packet that it hands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// Nothing: it has to be verified.
    #[default]
    Unverified,
    /// The link vouches for it: the packet never left this machine (a partial checksum), or hardware has checked it.
    Trusted,
}

/// Packets that are handed in together, so that table look-ups can overlap.
#[derive(Debug, Default)]
pub struct Batch {
    packets: Vec<Packet>,
}

impl Batch {
    /// An empty batch.
    pub const fn new() -> Self {
        Self { packets: Vec::new() }
    }

    /// Adds a packet.
    pub fn push(&mut self, packet: Packet) {
        self.packets.push(packet);
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Takes the packets out, in order, and keeps the storage.
    pub fn drain(&mut self) -> impl Iterator<Item = Packet> + '_ {
        self.packets.drain(..)
    }
}

/// How much one call of `poll_transmit` may send, so that receiving is not starved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Packets, a super-segment counting as one.
    pub packets: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { packets: 64 }
    }
}

/// The link cannot take more now; the machine keeps the segment and is asked again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What an offloading link has still to do to a packet that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offload {
    /// Where in the packet the transport header begins, and where in it the checksum field lies: the field holds the folded
    /// pseudo-header sum and the link completes it. `None`: the checksum is complete.
    pub checksum: Option<(u16, u16)>,
    /// Payload bytes of each segment that the link is to cut this packet into. `None`: it fits the MTU.
    pub segment_size: Option<u16>,
}

/// Where packets go.
pub trait Sink {
    /// Takes one packet: `head` holds the Ethernet header, where the medium has one, and the IP and transport headers, `payload` the slices that follow.
    ///
    /// Errors: [`Full`], and then nothing was sent: state has not moved and the same packet is offered again.
    fn send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), Full>;
}

/// How routers are asked to treat a datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) dscp: Dscp,
    pub(crate) ecn: Ecn,
}
