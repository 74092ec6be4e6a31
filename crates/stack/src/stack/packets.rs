//! A packet's way in: IP, fragments, checksum, TCP header, and then to whom it belongs.

use core::net::IpAddr;

use bytes::{Buf, Bytes};
use wire::ip::{self, Datagram, Dscp};
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags, Header};
use wire::{Malformed, option::Options};

use super::frames::{Sender, discovery_in};
use super::{Stack, context};
use crate::flood::{ReplyKind, Standing};
use crate::fragment::Outcome;
use crate::io::{Checksum, Packet};
use crate::observer::{Cause, Fact, Observer, Why};
use crate::tcp::input;
use crate::tcp::segment::Segment;
use crate::time::{Instant, Now};
use crate::tuple::FourTuple;

impl<O: Observer> Stack<O> {
    /// One packet from the link.
    pub(super) fn packet(&mut self, now: Now, mut packet: Packet) {
        self.counters.packets_in = self.counters.packets_in.wrapping_add(1);
        packet.arrived = packet.arrived.min(now.mono);
        let done = if self.station.is_some() {
            self.frame(now, packet)
        } else {
            self.datagram(now, packet, None)
        };
        if let Err(why) = done {
            context!(self, now).dropped(None, why);
        }
    }

    /// One datagram; on an Ethernet `sender` has handed it to us.
    pub(super) fn datagram(&mut self, now: Now, packet: Packet, sender: Option<Sender>) -> Result<(), Why> {
        let datagram = Datagram::parse(&packet.bytes).map_err(|e| match e {
            Malformed::Checksum => Why::IpChecksum,
            Malformed::Fragment => Why::BadFragment,
            _ => Why::MalformedIp,
        })?;
        if let Some(sender) = sender
            && let Some(message) = discovery_in(&datagram, &packet.bytes)
        {
            return self.discovery(now, &datagram, message, sender);
        }
        if !self.config.addresses.contains(&datagram.dst) {
            return Err(Why::NotOurs);
        }
        if sender.is_some_and(|sender| sender.is_to_group) {
            // Who sends to everybody on the link must say so in the datagram, and TCP never does.
            return Err(Why::GroupFrame);
        }
        // Nothing of ours comes back over a link: who sends in our name wants us to answer ourselves.
        if !datagram.is_plausible_unicast()
            || self.config.addresses.contains(&datagram.src)
            || self.is_of_all(datagram.src)
        {
            return Err(Why::BadSource);
        }
        let Some(packet) = self.keep_own(&datagram, packet) else {
            return Ok(());
        };
        if datagram.fragment.is_some() {
            return self.fragment(now, &datagram, &packet, sender);
        }
        self.replies.set_sender(sender.map(|sender| (datagram.src, sender.mac)));
        match datagram.protocol {
            ip::TCP => self.tcp(now, &datagram, packet),
            ip::ICMP if datagram.dst.is_ipv4() => self.icmp(now, &datagram, &packet.bytes),
            ip::ICMPV6 if datagram.dst.is_ipv6() => self.icmp(now, &datagram, &packet.bytes),
            ip::UDP => Err(Why::Udp),
            _ => Err(Why::UnknownProtocol),
        }
    }

    fn fragment(&mut self, now: Now, datagram: &Datagram, packet: &Packet, sender: Option<Sender>) -> Result<(), Why> {
        let pushed = self.reassembler.push(now.mono, datagram, &packet.bytes);
        for _ in 0..pushed.given_up {
            context!(self, now).dropped(None, Why::FragmentsFull);
        }
        match pushed.outcome {
            // A rebuilt datagram is no fragment, so this goes one deep and no deeper.
            Outcome::Whole(bytes) => self.datagram(
                now,
                Packet {
                    bytes,
                    arrived: packet.arrived,
                    checksum: Checksum::Unverified,
                },
                sender.map(Sender::rebuilt),
            ),
            Outcome::Held => Ok(()),
            Outcome::Refused(why) => Err(why),
        }
    }

    fn tcp(&mut self, now: Now, datagram: &Datagram, packet: Packet) -> Result<(), Why> {
        let Packet {
            mut bytes,
            arrived,
            checksum,
        } = packet;
        bytes.truncate(datagram.payload.end);
        bytes.advance(datagram.payload.start.min(bytes.len()));
        if checksum == Checksum::Unverified && !tcp::is_intact(datagram.src, datagram.dst, &bytes) {
            return Err(Why::TcpChecksum);
        }
        let (header, len) = Header::parse(&bytes).map_err(|e| match e {
            Malformed::TcpOption => Why::TcpOption,
            Malformed::Flags => Why::TcpFlags,
            _ => Why::MalformedTcp,
        })?;
        bytes.advance(len.min(bytes.len()));
        let tuple = FourTuple {
            local_addr: datagram.dst,
            remote_addr: datagram.src,
            local_port: header.dst_port,
            remote_port: header.src_port,
        };
        // Most of what a flood brings is empty, and to freeze a buffer may allocate.
        let payload = if bytes.is_empty() { Bytes::new() } else { bytes.freeze() };
        self.segment(now, tuple, (datagram.dscp, arrived), &header, payload);
        Ok(())
    }

    /// A well-formed segment goes to the connection, half-open entry, TIME-WAIT entry or listener that it belongs to.
    fn segment(
        &mut self,
        now: Now,
        tuple: FourTuple,
        (dscp, arrived): (Dscp, Instant),
        header: &Header,
        payload: Bytes,
    ) {
        self.counters.segments_in = self.counters.segments_in.wrapping_add(1);
        context!(self, now).fact(&Fact::Received {
            tuple,
            header,
            payload: payload.len(),
        });
        let place = self.keys.place(&tuple);
        if let Some(i) = self.connections.find(&place) {
            if let Some(c) = self.connections.get_mut(i) {
                let seg = Segment::new(arrived, header, payload).in_datagram(dscp);
                let before = c.progress();
                input::segment_arrives(&mut context!(self, now), c, seg);
                if c.progress() != before {
                    self.confirm_neighbour(now, i);
                }
            }
            return self.settle(now, i);
        }
        let done = if let Some(at) = self.embryos.find(&place) {
            self.half_open_segment(now, at, header, payload)
        } else if let Some(at) = self.time_waits.find(&place) {
            self.time_wait_segment(now, at, header, payload.len())
        } else if let Some(listener) = self.listeners.find(tuple.local_addr, tuple.local_port) {
            self.listener_segment(now, tuple, listener, header, payload)
        } else {
            self.nobodys_segment(now, tuple, header, payload.len())
        };
        if let Err(why) = done {
            context!(self, now).dropped(Some(tuple), why);
        }
    }

    /// RFC 9293 section 3.10.7.2, LISTEN: first RST, second ACK, third SYN, fourth anything else.
    fn listener_segment(
        &mut self,
        now: Now,
        tuple: FourTuple,
        listener: u16,
        header: &Header,
        payload: Bytes,
    ) -> Result<(), Why> {
        if header.flags.rst() {
            Err(Why::ResetToNobody)
        } else if header.flags.ack() {
            self.listener_ack(now, tuple, listener, header, payload)
        } else if header.flags.syn() {
            self.syn(now, tuple, listener, header, false)
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
