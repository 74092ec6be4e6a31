//! The links of the `link` crate that move Ethernet frames in batches, as a driver wants them.

use std::io;
use std::task::{Context, Poll, ready};

use ::link::{FrameLink, Layer, Packet, Xdp};
use bytes::{Bytes, BytesMut};
use stack::Batch;
use stack::io::Offload;

use super::packets::{offering, sent, vnet, vouched};
use super::{Abilities, Link, NotSent};
use crate::clock::Clock;

macro_rules! links {
    ($($name:ty),+) => {
        $(impl Link for $name {
            fn abilities(&self) -> Abilities {
                offering(Layer::Ethernet, FrameLink::mtu(self), FrameLink::offload(self))
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
                sent(self.send(vnet(Layer::Ethernet, head, offload), head, payload))
            }

            fn flush(&mut self) -> Result<(), NotSent> {
                sent(FrameLink::flush(self))
            }

            fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                FrameLink::poll_send_ready(self, cx)
            }
        })+
    };
}

links!(Packet, Xdp);

fn poll_receive(
    link: &mut impl FrameLink,
    cx: &mut Context<'_>,
    clock: &Clock,
    batch: &mut Batch,
    max: usize,
) -> Poll<io::Result<()>> {
    let mut frames = 0;
    // Frames that are taken in together have one time of arrival: all of them have just been found in the ring.
    let mut arrived = None;
    ready!(link.poll_receive(cx, max, |header, frame| {
        frames += 1;
        batch.push(stack::Packet {
            bytes: BytesMut::from(frame),
            arrived: *arrived.get_or_insert_with(|| clock.instant()),
            checksum: vouched(header),
        });
    }))?;
    debug_assert!((1..=max).contains(&frames), "{frames} frames of at most {max}");
    Poll::Ready(Ok(()))
}
