//! A link around a link that loses, delays, repeats, reorders and damages packets in real time.
//!
//! What happens to which packet is decided by the lab's emulator, the same that simulated worlds use; here its packets
//! meet the clock. Both directions are treated alike, with chances of their own.

use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll, Waker, ready};

use ::lab::Rng;
use ::lab::link as emulator;
use ::link::Layer;
use ::link::frames::ETHERNET_BYTES;
use anyhow::Context as _;
use lens::complete_checksum;
use stack::io::{Checksum, Offload};
use stack::{Batch, Instant, Packet};
use syndic::{Abilities, Bytes, BytesMut, Clock, Link, NotSent};
use tokio::time::Sleep;

/// How bad the link is to be, and the seed of its chances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Impairment {
    each_way: ::lab::Impairment,
    seed: u64,
}

/// Reads `loss=2%,delay=10ms,seed=7`: what the lab reads, and a seed.
impl FromStr for Impairment {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut seed = None;
        let mut rest = Vec::new();
        for piece in text.split(',') {
            match piece.split_once('=') {
                Some((key, number)) if key.trim() == "seed" => {
                    let number = number.trim().parse().ok();
                    let number =
                        number.with_context(|| format!("`{piece}`: a seed is a whole number, as in seed=7"))?;
                    anyhow::ensure!(seed.replace(number).is_none(), "`seed` is given twice");
                }
                _ => rest.push(piece),
            }
        }
        Ok(Self {
            each_way: rest.join(",").parse()?,
            seed: seed.unwrap_or(0),
        })
    }
}

/// A link that is worse than the one in it.
#[derive(Debug)]
pub(crate) struct Impaired<L> {
    link: L,
    /// Bytes before the IP packet.
    header: usize,
    inbound: emulator::Link<BytesMut>,
    outbound: emulator::Link<BytesMut>,
    /// A packet that has crossed the emulator and that the link within could not take yet.
    stalled: Option<BytesMut>,
    /// Packets out of the link within; empty between calls.
    received: Batch,
    /// Until the next packet is due.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Of the last call of `poll_receive`: the clock, and who is to be woken when a packet is due.
    driver: Option<(Clock, Waker)>,
}

impl<L: Link> Impaired<L> {
    pub(crate) fn new(link: L, impairment: Impairment) -> Self {
        let emulate = |name| emulator::Link::new(impairment.each_way, Vec::new(), Rng::fork(impairment.seed, name));
        let header = match link.abilities().layer {
            Layer::Ip => 0,
            Layer::Ethernet => ETHERNET_BYTES,
        };
        Self {
            link,
            header,
            inbound: emulate("inbound"),
            outbound: emulate("outbound"),
            stalled: None,
            received: Batch::new(),
            sleep: None,
            driver: None,
        }
    }

    /// Hands on what is due. Returns whether the link within could take it.
    fn send_due(&mut self, now: Instant) -> Result<Poll<()>, NotSent> {
        loop {
            let next = self.stalled.take().or_else(|| Some(self.outbound.pop(now)?.packet));
            let Some(packet) = next else { break };
            match self.link.try_send(&packet, &[], Offload::default()) {
                Ok(()) => {}
                Err(NotSent::Full) => {
                    self.stalled = Some(packet);
                    return Ok(Poll::Pending);
                }
                Err(failed) => return Err(failed),
            }
        }
        match self.link.flush() {
            Ok(()) => Ok(Poll::Ready(())),
            Err(NotSent::Full) => Ok(Poll::Pending),
            Err(failed) => Err(failed),
        }
    }

    /// As [`send_due`](Self::send_due), for a task that will be woken when the link within can take more.
    fn poll_send_due(&mut self, cx: &mut Context<'_>, now: Instant) -> io::Result<()> {
        while self.send_due(now).map_err(io::Error::other)?.is_pending() {
            match self.link.poll_send_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Moves what has arrived into the emulator. Returns whether there may be more.
    fn poll_take_in(&mut self, cx: &mut Context<'_>, clock: &Clock, max: usize) -> Poll<io::Result<()>> {
        ready!(self.link.poll_receive(cx, clock, &mut self.received, max))?;
        for mut packet in self.received.drain() {
            if packet.checksum == Checksum::Trusted {
                // Damage must be found out, so the checksum has to be there.
                complete_checksum(packet.bytes.get_mut(self.header..).unwrap_or_default());
            }
            self.inbound.push(packet.arrived, packet.bytes);
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when a packet is due, in either direction.
    fn poll_due(&mut self, cx: &mut Context<'_>, clock: &Clock) -> Poll<()> {
        // One that waits for the link within is due already; that link wakes us.
        let next = [
            self.inbound.next(),
            self.outbound.next().filter(|_| self.stalled.is_none()),
        ];
        let Some(next) = next.into_iter().flatten().min() else {
            self.sleep = None;
            return Poll::Pending;
        };
        let until = clock.to_tokio(next);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

impl<L: Link> Link for Impaired<L> {
    /// No offloads: super-segments would be lost whole, and damage to a checksum that is yet to be made would not show.
    fn abilities(&self) -> Abilities {
        let within = self.link.abilities();
        Abilities {
            layer: within.layer,
            ..Abilities::plain(within.mtu)
        }
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>> {
        self.driver = Some((*clock, cx.waker().clone()));
        loop {
            self.poll_send_due(cx, clock.instant())?;
            let taken_in = self.poll_take_in(cx, clock, max)?;
            let now = clock.instant();
            let before = batch.len();
            while batch.len() < before + max
                && let Some(arrival) = self.inbound.pop(now)
            {
                batch.push(Packet {
                    bytes: arrival.packet,
                    arrived: now,
                    checksum: Checksum::Unverified,
                });
            }
            if batch.len() > before {
                return Poll::Ready(Ok(()));
            }
            if taken_in.is_pending() {
                // When something is due already, another turn deals with it.
                ready!(self.poll_due(cx, clock));
            }
        }
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], _offload: Offload) -> Result<(), NotSent> {
        let Some((clock, waker)) = self.driver.clone() else {
            // Nothing has been received yet, so nothing is known of the time.
            return self.link.try_send(head, payload, Offload::default());
        };
        let now = clock.instant();
        let mut packet = BytesMut::from(head);
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.outbound.push(now, packet);
        let all_is_sent = self.send_due(now)?.is_ready() && self.outbound.is_empty();
        if !all_is_sent {
            waker.wake_by_ref();
        }
        Ok(())
    }

    fn poll_send_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // This link is never full: what the link within cannot take waits here, as it would on a long cable.
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
