//! The links of the `link` crate as a driver wants them.

use std::io;
use std::task::{Context, Poll, ready};

use ::link::frames::ETHERNET_BYTES;
use ::link::{AsyncTun, Gso, GsoKind, Layer, Memory, VnetHeader, take_packet};
use bytes::{Bytes, BytesMut};
use stack::io::{Checksum, Offload};
use stack::{Batch, Packet};

use super::{Abilities, Link, NotSent};
use crate::clock::Clock;

/// Payload that a super-segment may carry: what an IPv4 packet leaves beside the longest TCP header. Units: bytes.
const SUPER_SEGMENT_MAX: usize = 65_535 - 20 - 60;

/// What is received at once before the stack and who reads get their turn: it should still be in the cache of this core when
/// the user copies it, and the sender should have its acknowledgment before its window is full. Units: bytes.
const BATCH_BYTES: usize = 256 << 10;

macro_rules! links {
    ($($name:ty),+) => {
        $(impl Link for $name {
            fn abilities(&self) -> Abilities {
                abilities(self)
            }

            fn poll_receive(
                &mut self,
                cx: &mut Context<'_>,
                clock: &Clock,
                batch: &mut Batch,
                max: usize,
            ) -> Poll<io::Result<()>> {
                poll_receive(self, cx, clock, batch, max)
            }

            fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
                try_send(self, head, payload, offload)
            }

            fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                ::link::Link::poll_write_ready(self, cx)
            }
        })+
    };
}

links!(AsyncTun, Memory);

fn abilities(link: &impl ::link::Link) -> Abilities {
    offering(link.layer(), link.mtu(), link.offload())
}

/// The abilities of a link with these.
pub(super) fn offering(layer: Layer, mtu: u16, offload: ::link::Offload) -> Abilities {
    Abilities {
        layer,
        mtu: mtu.into(),
        checksum_offload: offload >= ::link::Offload::Checksum,
        super_segment_max: (offload >= ::link::Offload::Tso).then_some(SUPER_SEGMENT_MAX),
    }
}

fn poll_receive(
    link: &impl ::link::Link,
    cx: &mut Context<'_>,
    clock: &Clock,
    batch: &mut Batch,
    max: usize,
) -> Poll<io::Result<()>> {
    let before = batch.len();
    // The link makes room for one packet of any size, once for a batch of small packets.
    let mut room = BytesMut::new();
    let mut received = 0;
    for _ in 0..max {
        if received >= BATCH_BYTES {
            break;
        }
        match link.try_read(&mut room) {
            Ok(header) => {
                let bytes = take_packet(&mut room);
                received += bytes.len();
                batch.push(Packet {
                    bytes,
                    arrived: clock.instant(),
                    checksum: vouched(header),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            // What was read is handed in first; the link says again what it has to say.
            Err(_) if batch.len() > before => return Poll::Ready(Ok(())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(link.poll_read_ready(cx))?,
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    if batch.len() > before {
        return Poll::Ready(Ok(()));
    }
    // Nothing usable in `max` attempts: others get their turn before the next.
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// A partial checksum never left this machine, and a valid one was verified by whoever handed the packet over.
pub(super) fn vouched(header: VnetHeader) -> Checksum {
    if header.needs_checksum.is_some() || header.data_valid {
        Checksum::Trusted
    } else {
        Checksum::Unverified
    }
}

fn try_send(link: &impl ::link::Link, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
    sent(link.try_write(vnet(link.layer(), head, offload), head, payload))
}

/// What the outcome of a write means for the packet.
pub(super) fn sent(written: io::Result<()>) -> Result<(), NotSent> {
    match written {
        Ok(()) => Ok(()),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Err(NotSent::Full),
            // A packet that this link will never take, or an interface that is down just now: the packet is lost, as
            // packets may be, and what it carried is retransmitted or given up in time.
            io::ErrorKind::InvalidInput | io::ErrorKind::NetworkDown => Ok(()),
            _ => Err(NotSent::Failed(error)),
        },
    }
}

/// What the link has still to do, as a virtio-net header says it.
pub(super) fn vnet(layer: Layer, head: &[u8], offload: Offload) -> VnetHeader {
    let ip = match layer {
        Layer::Ip => head.first(),
        Layer::Ethernet => head.get(ETHERNET_BYTES),
    };
    let kind = match ip {
        Some(first) if first >> 4 == 6 => GsoKind::TcpV6,
        _ => GsoKind::TcpV4,
    };
    VnetHeader {
        needs_checksum: offload
            .checksum
            .map(|(start, offset)| ::link::vnet::PartialChecksum { start, offset }),
        data_valid: false,
        gso: offload.segment_size.map(|size| Gso {
            kind,
            size,
            header_len: u16::try_from(head.len()).unwrap_or(0),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use ::link::memory::{self, MemoryOptions};

    use super::*;

    fn receive(link: &mut impl Link, max: usize) -> Poll<io::Result<Vec<Packet>>> {
        let mut batch = Batch::new();
        let mut cx = Context::from_waker(Waker::noop());
        ready!(link.poll_receive(&mut cx, &Clock::start(), &mut batch, max))?;
        Poll::Ready(Ok(batch.drain().collect()))
    }

    #[test]
    fn packets_come_in_batches_and_the_end_of_the_link_after_them() {
        let (mut left, mut right) = memory::pair(MemoryOptions::default());
        for i in 0..3 {
            left.try_send(&[0x45, i], &[Bytes::from_static(b"abc")], Offload::default())
                .unwrap();
        }
        drop(left);
        let Poll::Ready(Ok(first)) = receive(&mut right, 2) else {
            panic!("packets wait")
        };
        assert_eq!(first.len(), 2);
        assert_eq!(&first[1].bytes[..], b"\x45\x01abc");
        assert!(matches!(receive(&mut right, 2), Poll::Ready(Ok(rest)) if rest.len() == 1));
        assert!(matches!(receive(&mut right, 2), Poll::Ready(Err(_))));
        assert!(matches!(
            right.try_send(&[0x45], &[], Offload::default()),
            Err(NotSent::Failed(_))
        ));
    }

    #[test]
    fn a_full_link_refuses_and_keeps_nothing() {
        let (mut left, mut right) = memory::pair(MemoryOptions {
            capacity: 1,
            ..MemoryOptions::default()
        });
        assert!(matches!(receive(&mut right, 9), Poll::Pending));
        assert!(left.try_send(&[0x45], &[], Offload::default()).is_ok());
        assert!(matches!(
            left.try_send(&[0x45], &[], Offload::default()),
            Err(NotSent::Full)
        ));
        assert!(matches!(receive(&mut right, 9), Poll::Ready(Ok(packets)) if packets.len() == 1));
        assert!(left.try_send(&[0x45], &[], Offload::default()).is_ok());
    }

    #[test]
    fn offload_facts_cross_the_link() {
        let (mut left, mut right) = memory::pair(MemoryOptions {
            offload: ::link::Offload::Tso,
            ..MemoryOptions::default()
        });
        assert_eq!(left.abilities().super_segment_max, Some(65_455));
        let super_segment = Offload {
            checksum: Some((40, 16)),
            segment_size: Some(1_440),
        };
        let payload = [Bytes::from(vec![1; 20_000]), Bytes::from(vec![2; 20_000])];
        left.try_send(&[0x60; 60], &payload, super_segment).unwrap();
        left.try_send(&[0x60; 60], &[], Offload::default()).unwrap();
        let Poll::Ready(Ok(packets)) = receive(&mut right, 9) else {
            panic!("packets wait")
        };
        assert_eq!(
            (packets[0].bytes.len(), packets[0].checksum),
            (40_060, Checksum::Trusted)
        );
        assert_eq!(
            (packets[1].bytes.len(), packets[1].checksum),
            (60, Checksum::Unverified)
        );
    }

    #[test]
    fn the_virtio_header_says_what_is_left_to_do() {
        let offload = Offload {
            checksum: Some((40, 16)),
            segment_size: Some(1_440),
        };
        let header = vnet(Layer::Ip, &[0x60; 72], offload);
        let gso = header.gso.map(|gso| (gso.kind, gso.size, gso.header_len));
        assert_eq!(gso, Some((GsoKind::TcpV6, 1_440, 72)));
        assert_eq!(header.needs_checksum.map(|c| (c.start, c.offset)), Some((40, 16)));
        assert_eq!(vnet(Layer::Ip, &[0x45; 40], Offload::default()), VnetHeader::default());
        for (version, kind) in [(0x45, GsoKind::TcpV4), (0x60, GsoKind::TcpV6)] {
            let mut frame = [0x60; 74];
            frame[ETHERNET_BYTES] = version;
            let header = vnet(Layer::Ethernet, &frame, offload);
            assert_eq!(
                header.gso.map(|gso| gso.kind),
                Some(kind),
                "the version stands behind the Ethernet header"
            );
        }
    }
}
