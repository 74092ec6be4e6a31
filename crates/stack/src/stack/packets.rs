//! A packet's way in: it is read (`arrival`), its fragments are put together, and then it goes to whom it belongs.

use alloc::vec::{Drain, Vec};
use core::net::IpAddr;

use wire::ip::Datagram;
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::arrival::{Arrival, Arrived, Origin, Reader};
use super::frames::Sender;
use super::{Stack, coalesce, context};
use crate::flood::{ReplyKind, Standing};
use crate::fragment::Outcome;
use crate::io::{Batch, Checksum, Packet};
use crate::observer::{Cause, Fact, Observer, Why};
use crate::tcp::connections::AHEAD;
use crate::tcp::input;
use crate::time::Now;
use crate::tuple::FourTuple;

impl<O: Observer> Stack<O> {
    /// Packets: read so many at a time, looked ahead for, and then taken in order.
    pub(super) fn packets(&mut self, now: Now, origin: Origin, batch: &mut Batch) {
        let mut arrivals = core::mem::take(&mut self.scratch.arrivals);
        let mut packets = batch.drain();
        loop {
            let mut reader = self.reader();
            let read = packets.by_ref().take(AHEAD).map(|mut packet| {
                packet.arrived = packet.arrived.min(now.mono);
                reader.read(origin, packet)
            });
            arrivals.extend(read);
            if arrivals.is_empty() {
                break;
            }
            if arrivals.len() > 1 {
                self.connections.look_ahead(arrivals.iter().filter_map(Arrival::place));
            }
            let mut arrivals = arrivals.drain(..);
            while let Some(arrival) = arrivals.next() {
                self.arrival(now, arrival, &mut arrivals);
            }
        }
        drop(packets);
        self.scratch.arrivals = arrivals;
    }

    /// What packets are read by.
    fn reader(&mut self) -> Reader<'_> {
        Reader {
            config: &self.config,
            keys: &self.keys,
            station: self.station.as_deref(),
            membership: self.membership.as_mut(),
        }
    }

    /// One arrival, and what of those behind it goes on where it ends.
    fn arrival(&mut self, now: Now, arrival: Arrival, behind: &mut Drain<'_, Arrival>) {
        let done = match arrival {
            Arrival::Segment(segment) => {
                self.answering(segment.place.tuple.remote_addr, segment.sender);
                self.segment(now, segment, behind);
                Ok(())
            }
            Arrival::Fragment(datagram, packet, sender) => self.fragment(now, &datagram, &packet, sender),
            Arrival::Icmp(datagram, bytes, sender) => {
                self.answering(datagram.src, sender);
                self.icmp(now, &datagram, &bytes)
            }
            Arrival::Discovery(datagram, bytes, sender) => self.discovery(now, &datagram, &bytes, sender),
            Arrival::Arp(bytes) => self.arp(now, &bytes),
            Arrival::Stray => Ok(()),
            Arrival::Bad(why) => Err(why),
        };
        if let Err(why) = done {
            context!(self, now).dropped(None, why);
        }
        self.replies.set_sender(None);
    }

    /// What is answered from now on came from this source, and on an Ethernet from this station.
    fn answering(&mut self, source: IpAddr, sender: Option<Sender>) {
        self.replies.set_sender(sender.map(|sender| (source, sender.mac)));
    }

    fn fragment(&mut self, now: Now, datagram: &Datagram, packet: &Packet, sender: Option<Sender>) -> Result<(), Why> {
        let pushed = self.reassembler.push(now.mono, datagram, &packet.bytes);
        for _ in 0..pushed.given_up {
            context!(self, now).dropped(None, Why::FragmentsFull);
        }
        match pushed.outcome {
            Outcome::Whole(bytes) => {
                let whole = Packet {
                    bytes,
                    arrived: packet.arrived,
                    checksum: Checksum::Unverified,
                };
                // A rebuilt datagram is no fragment, so this goes one deep and no deeper.
                let whole = self.reader().datagram(whole, sender.map(Sender::rebuilt));
                self.arrival(now, whole, &mut Vec::new().drain(..));
                Ok(())
            }
            Outcome::Held => Ok(()),
            Outcome::Refused(why) => Err(why),
        }
    }

    /// A well-formed segment goes to the connection, half-open entry, TIME-WAIT entry or listener that it belongs to.
    fn segment(&mut self, now: Now, mut arrived: Arrived, behind: &mut Drain<'_, Arrival>) {
        self.received(now, &arrived);
        let place = arrived.place;
        if let Some(i) = self.connections.find(&place) {
            self.coalesce(now, i, &mut arrived, behind);
            if let Some(c) = self.connections.get_mut(i) {
                let seg = arrived.take_segment();
                let (una, nxt) = (c.snd.una, c.rcv.nxt);
                input::segment_arrives(&mut context!(self, now), c, seg);
                let is_acknowledged = c.snd.una != una;
                if self.station.is_some() && (is_acknowledged || c.rcv.nxt != nxt) {
                    self.on_progress(now, i, is_acknowledged);
                }
            }
            return self.settle(now, i);
        }
        let tuple = place.tuple;
        let done = if let Some(at) = self.embryos.find(&place) {
            self.half_open_segment(now, at, &mut arrived)
        } else if let Some(at) = self.time_waits.find(&place) {
            self.time_wait_segment(now, at, &arrived.header, arrived.payload.len())
        } else if let Some(listener) = self.listeners.find(tuple.local_addr, tuple.local_port) {
            self.listener_segment(now, listener, &mut arrived)
        } else {
            self.nobodys_segment(now, tuple, &arrived.header, arrived.payload.len())
        };
        if let Err(why) = done {
            context!(self, now).dropped(Some(tuple), why);
        }
    }

    /// Counts a segment and tells of it.
    fn received(&mut self, now: Now, arrived: &Arrived) {
        self.counters.segments_in = self.counters.segments_in.wrapping_add(1);
        context!(self, now).fact(&Fact::Received {
            tuple: arrived.place.tuple,
            header: &arrived.header,
            payload: arrived.payload.len(),
        });
    }

    /// Joins to a segment for connection `i` what goes on where it ends.
    fn coalesce(&mut self, now: Now, i: u32, first: &mut Arrived, behind: &mut Drain<'_, Arrival>) {
        let Some(c) = self.connections.get(i) else { return };
        let run = coalesce::run(c, first, behind.as_slice());
        if run.arrivals == 0 {
            return;
        }
        let joined = behind.take(run.arrivals).filter_map(|arrival| {
            let Arrival::Segment(segment) = arrival else {
                return None;
            };
            self.received(now, &segment);
            self.counters.segments_joined = self.counters.segments_joined.wrapping_add(1);
            Some(segment)
        });
        coalesce::join(first, run.len, joined);
    }

    /// RFC 9293 section 3.10.7.2, LISTEN: first RST, second ACK, third SYN, fourth anything else.
    fn listener_segment(&mut self, now: Now, listener: u16, arrived: &mut Arrived) -> Result<(), Why> {
        let header = &arrived.header;
        if header.flags.rst() {
            Err(Why::ResetToNobody)
        } else if header.flags.ack() {
            self.listener_ack(now, listener, arrived)
        } else if header.flags.syn() {
            self.syn(now, arrived.place.tuple, listener, header, false)
        } else {
            Err(Why::NotSyn)
        }
    }

    /// RFC 9293 section 3.10.7.1, CLOSED: everything but an RST is answered with one.
    fn nobodys_segment(&mut self, now: Now, tuple: FourTuple, header: &Header, len: usize) -> Result<(), Why> {
        if header.flags.rst() {
            return Err(Why::ResetToNobody);
        }
        self.reset(now, tuple, header, len, Cause::ResetNobody)?;
        Err(Why::NoListener)
    }

    /// Takes one reply of this kind from the budget of a destination's prefix, unless the destination has proved itself: else a
    /// spoofer could silence it. `None`: the budget is spent.
    #[must_use]
    pub(super) fn take_reply(
        &mut self,
        now: Now,
        kind: ReplyKind,
        destination: IpAddr,
        standing: Standing,
    ) -> Option<()> {
        let free = standing != Standing::Stranger;
        (free || self.reply_budget.take(now.mono, kind, destination)).then_some(())
    }

    /// As [`take_reply`](Self::take_reply), where nobody knows yet who the destination is.
    #[must_use]
    pub(super) fn take_reply_to(&mut self, now: Now, kind: ReplyKind, destination: IpAddr) -> Option<()> {
        let standing = self.limiter.standing(now.mono, destination);
        self.take_reply(now, kind, destination, standing)
    }

    /// Takes one ACK from the budgets of entries that have none of their own.
    pub(super) fn take_stateless_ack(&mut self, now: Now, destination: IpAddr) -> Result<(), Why> {
        self.take_reply_to(now, ReplyKind::Ack, destination)
            .filter(|()| self.budgets.stateless_acks.take(now.mono))
            .ok_or(Why::AckBudget)
    }

    /// `<SEQ=SEG.ACK><CTL=RST>`, or `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>` for a segment without ACK, within the budget.
    pub(super) fn reset(
        &mut self,
        now: Now,
        tuple: FourTuple,
        header: &Header,
        len: usize,
        cause: Cause,
    ) -> Result<(), Why> {
        self.take_reply_to(now, ReplyKind::Reset, tuple.remote_addr)
            .filter(|()| self.budgets.resets.take(now.mono))
            .ok_or(Why::ResetBudget)?;
        let len =
            u32::try_from(len).unwrap_or(u32::MAX) + u32::from(header.flags.syn()) + u32::from(header.flags.fin());
        let (seq, ack, flags) = if header.flags.ack() {
            (header.ack, SeqNumber::default(), Flags::RST)
        } else {
            (SeqNumber::default(), header.seq + len, Flags::RST | Flags::ACK)
        };
        let reset = bare_header(&tuple, seq, ack, flags);
        context!(self, now).reply(tuple, reset, cause);
        Ok(())
    }
}

/// A header without window, options or payload.
pub(super) fn bare_header(tuple: &FourTuple, seq: SeqNumber, ack: SeqNumber, flags: Flags) -> Header {
    Header {
        src_port: tuple.local_port,
        dst_port: tuple.remote_port,
        seq,
        ack,
        flags,
        window: 0,
        urgent: 0,
        options: Options::default(),
    }
}
