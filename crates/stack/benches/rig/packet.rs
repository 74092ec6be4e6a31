//! Packets as a peer would send them, and a sink that makes packets of what a stack sends.

use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use syndic_stack::io::{Checksum, Offload};
use syndic_stack::*;
use wire::ip;
use wire::tcp::{self, Header};

/// A sealed packet from `src` to `dst` with this header and payload.
pub(crate) fn packet(src: IpAddr, dst: IpAddr, header: &Header, payload: &[u8]) -> Packet {
    let ip = ip::Header {
        src,
        dst,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: ip::Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let mut bytes = BytesMut::with_capacity(ip.len() + header.len() + payload.len());
    bytes.resize(ip.len() + header.len(), 0);
    ip.emit(header.len() + payload.len(), &mut bytes).expect("room");
    let (_, segment) = bytes.split_at_mut(ip.len());
    header.emit(segment).expect("room");
    tcp::seal(src, dst, segment, &[payload]);
    bytes.extend_from_slice(payload);
    Packet {
        bytes,
        arrived: Instant::ZERO,
        checksum: Checksum::Unverified,
    }
}

/// A link in memory: it copies what it is given into one buffer a packet, as the kernel would.
#[derive(Default)]
pub(crate) struct Wire {
    /// What waits to be handed in on the other side.
    pub(crate) batch: Batch,
    /// When it leaves, and arrives.
    pub(crate) now: Instant,
}

impl Sink for Wire {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let len = payload.iter().fold(head.len(), |len, slice| len + slice.len());
        let mut bytes = BytesMut::with_capacity(len);
        bytes.extend_from_slice(head);
        for slice in payload {
            bytes.extend_from_slice(slice);
        }
        self.batch.push(Packet {
            bytes,
            arrived: self.now,
            checksum: Checksum::Unverified,
        });
        Ok(())
    }
}

/// Keeps nothing but the header of what was sent last.
#[derive(Default)]
pub(crate) struct Last {
    /// The header, once there was one.
    pub(crate) header: Option<Header>,
    /// Packets in all.
    pub(crate) packets: u64,
}

impl Sink for Last {
    fn send(&mut self, head: &[u8], _: &[Bytes], _: Offload) -> Result<(), Full> {
        let at = if head.first().is_some_and(|first| first >> 4 == 4) {
            20
        } else {
            40
        };
        self.header = head
            .get(at..)
            .and_then(|bytes| Header::parse(bytes).ok())
            .map(|(header, _)| header);
        self.packets += 1;
        Ok(())
    }
}
