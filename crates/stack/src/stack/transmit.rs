//! A segment's way out: replies first, then each connection in turn, until the link is full or the budget is spent.

use alloc::vec::Vec;

use bytes::Bytes;
use wire::checksum::Sum;
use wire::ether::{self, Mac};
use wire::ip;
use wire::tcp::{self, Flags, Header};

use super::ways::Passage;
use super::{Scratch, Stack, context};
use crate::config::Config;
use crate::io::{Budget, Full, Marks, Offload, Sink};
use crate::observer::{Cause, Fact, Observer};
use crate::replies::{Addressed, Reply};
use crate::status::Idle;
use crate::tcp::connection::Connection;
use crate::tcp::mss;
use crate::tcp::output::{self, Next, Plan};
use crate::tcp::send::ANY_PATH;
use crate::time::Now;
use crate::tuple::FourTuple;

/// A connection sends at most so many segments before the next one has its turn.
const TURN: usize = 16;

/// Where the checksum stands in a TCP header.
const TCP_CHECKSUM: usize = 16;

/// Payload of the largest super-segment: what headers leave of the largest datagram. Units: bytes.
const RUN_MAX: usize = u16::MAX as usize - 120;

/// What came of a connection's turn.
enum Turn {
    /// It has nothing to send now.
    Done,
    /// It has more, and others wait.
    More,
    /// The link is full.
    Full,
}

impl<O: Observer> Stack<O> {
    pub(super) fn transmit(&mut self, now: Now, budget: Budget, sink: &mut impl Sink) -> bool {
        let mut left = budget.packets;
        if self.speak(&mut left, sink).is_err() {
            return true;
        }
        while let Some(Addressed { reply, to }) = self.replies.front().cloned() {
            if left == 0 || self.send_reply(now, &reply, to, sink).is_err() {
                return true;
            }
            self.replies.pop();
            left -= 1;
        }
        while let Some(&i) = self.transmit.front() {
            if left == 0 {
                return true;
            }
            let turn = self.turn(now, i, &mut left, sink);
            self.connections.schedule(now.mono, i);
            // A slice that stayed here would keep its whole buffer, long after the connection is gone.
            self.scratch.payload.clear();
            match turn {
                Turn::Full => return true,
                Turn::More => self.transmit.rotate_left(1),
                Turn::Done => {
                    self.transmit.pop_front();
                }
            }
        }
        // A connection may have asked for its neighbour since.
        self.speak(&mut left, sink).is_err() || !self.replies.is_empty()
    }

    fn send_reply(&mut self, now: Now, reply: &Reply, to: Option<Mac>, sink: &mut impl Sink) -> Result<(), Full> {
        let ether = match self.way_of_reply(now, to, reply.destination()) {
            Ok(ether) => ether,
            Err(why) => {
                let tuple = reply.tuple();
                context!(self, now).dropped(tuple, why);
                return Ok(());
            }
        };
        match reply {
            Reply::Tcp {
                tuple,
                header,
                cause,
                dscp,
            } => {
                self.scratch.payload.clear();
                let place = Place {
                    tuple: *tuple,
                    ether,
                    marks: Marks {
                        dscp: *dscp,
                        ecn: ip::Ecn::NotEct,
                    },
                };
                emit(&self.config, &mut self.scratch, &place, header, None, sink)?;
                self.count_sent(now, tuple, header, *cause);
            }
            Reply::Icmp { src, dst, message } => {
                let protocol = if src.is_ipv4() { ip::ICMP } else { ip::ICMPV6 };
                let hop_limit = self.config.hop_limit;
                let header = ip::Header {
                    src: *src,
                    dst: *dst,
                    protocol,
                    hop_limit,
                    dscp: ip::Dscp::DEFAULT,
                    ecn: ip::Ecn::NotEct,
                };
                let head = &mut self.scratch.head;
                if write_lower(head, ether, &header, 0, message.len()).is_some() {
                    sink.send(head, &[Bytes::copy_from_slice(message)], Offload::default())?;
                    self.counters.packets_out = self.counters.packets_out.wrapping_add(1);
                }
            }
        }
        Ok(())
    }

    /// What the path to a connection's peer takes, as a segment. Units: bytes.
    pub(super) fn path_mss(&self, now: Now, tuple: &FourTuple) -> u16 {
        let mtu = self.paths.mtu(now.mono, &self.keys, tuple.remote_addr);
        mtu.and_then(|mtu| mss::of_path(mtu, tuple.local_addr))
            .unwrap_or(ANY_PATH)
    }

    /// A path that was narrow once may take more by now: what was learned of it has its time.
    fn widen(&mut self, now: Now, i: u32) {
        let narrow = self.connections.get(i).filter(|c| c.snd.path_mss != ANY_PATH);
        let Some(tuple) = narrow.map(|c| c.tuple) else { return };
        let path_mss = self.path_mss(now, &tuple);
        if let Some(c) = self.connections.get_mut(i) {
            c.snd.path_mss = path_mss;
        }
    }

    fn turn(&mut self, now: Now, i: u32, left: &mut usize, sink: &mut impl Sink) -> Turn {
        self.widen(now, i);
        let mut segments = TURN;
        while segments > 0 {
            if *left == 0 {
                return Turn::More;
            }
            let Some(c) = self.connections.get_mut(i) else {
                return Turn::Done;
            };
            let burst = burst(&self.config, c, segments.min(*left));
            let plan = match output::next(now.mono, c, burst) {
                Next::Segment(plan) => plan,
                Next::Nothing(idle) => {
                    c.idle = idle;
                    c.transmit_queued = false;
                    return Turn::Done;
                }
            };
            let ether = match self.passage(now, i) {
                Passage::Open(ether) => ether,
                Passage::Waits => {
                    *left -= 1;
                    return Turn::Done;
                }
                Passage::Lost(why) => {
                    self.lose(now, i, &plan, why);
                    *left -= 1;
                    segments -= 1;
                    continue;
                }
            };
            let (taken, packets) = self.send_plan(now, i, &plan, ether, sink);
            segments = segments.saturating_sub(packets);
            *left = left.saturating_sub(packets);
            if taken < plan.len || packets == 0 {
                if let Some(c) = self.connections.get_mut(i) {
                    c.idle = Idle::Link;
                }
                return Turn::Full;
            }
        }
        Turn::More
    }

    /// Sends what was planned, in one packet, or cut into segments where the link does not cut them. Returns the bytes of
    /// payload that the link took, and in how many packets.
    fn send_plan(
        &mut self,
        now: Now,
        i: u32,
        plan: &Plan,
        ether: Option<ether::Header>,
        sink: &mut impl Sink,
    ) -> (u32, usize) {
        let Some(c) = self.connections.get_mut(i) else {
            return (0, 0);
        };
        let (tuple, mss) = (c.tuple, c.payload_max());
        let header = output::header(&context!(self, now), c, plan);
        let place = Place {
            tuple,
            ether,
            marks: output::marks(c, plan),
        };
        self.scratch.payload.clear();
        c.snd.slices(plan.seq, plan.len, &mut self.scratch.payload);
        let is_run = plan.len > mss;
        if is_run && self.config.super_segment_max.is_none() {
            let (taken, packets) = self.send_run(now, &place, &header, (plan, mss), sink);
            if let (Some(c), 1..) = (self.connections.get_mut(i), packets) {
                output::sent(&mut context!(self, now), c, &plan.up_to(taken), header.window);
                c.segments_out = c.segments_out.wrapping_add(packets as u32 - 1);
            }
            return (taken, packets);
        }
        let segment_size = is_run.then(|| u16::try_from(mss).unwrap_or(u16::MAX));
        let scratch = &mut self.scratch;
        if emit(&self.config, scratch, &place, &header, segment_size, sink).is_err() {
            return (0, 0);
        }
        output::sent(&mut context!(self, now), c, plan, header.window);
        self.count_sent(now, &tuple, &header, plan.cause);
        (plan.len, 1)
    }

    /// Cuts the payload that waits in `scratch` into segments of `mss`, and hands them to the link one by one: all of them
    /// under the headers of the first, in which only what differs is written anew.
    fn send_run(
        &mut self,
        now: Now,
        place: &Place,
        header: &Header,
        (plan, mss): (&Plan, u32),
        sink: &mut impl Sink,
    ) -> (u32, usize) {
        let mut run = core::mem::take(&mut self.scratch.payload);
        let mut slices = run.drain(..);
        let (mut taken, mut packets) = (0, 0);
        let mut rest = Bytes::new();
        while taken < plan.len {
            let piece = plan.piece(taken, mss);
            let payload = &mut self.scratch.payload;
            payload.clear();
            let mut wanted = piece.len as usize;
            while wanted > 0 {
                if rest.is_empty() {
                    let Some(slice) = slices.next() else { break };
                    rest = slice;
                }
                let slice = rest.split_to(rest.len().min(wanted));
                wanted -= slice.len();
                payload.push(slice);
            }
            // What the header says beyond the plan, an echo of congestion, it says in each.
            let beyond = header.flags.bits() & !plan.flags.bits();
            let header = Header {
                seq: piece.seq,
                flags: Flags::from_bits(piece.flags.bits() | beyond),
                ..*header
            };
            let scratch = &mut self.scratch;
            let done = if packets == 0 || piece.len < mss {
                emit(&self.config, scratch, place, &header, None, sink)
            } else {
                emit_next(&self.config, scratch, place, &header, sink)
            };
            if done.is_err() {
                break;
            }
            taken += piece.len;
            packets += 1;
            self.count_sent(now, &place.tuple, &header, piece.cause);
        }
        drop(slices);
        (taken, packets)
    }

    fn count_sent(&mut self, now: Now, tuple: &FourTuple, header: &Header, cause: Cause) {
        self.counters.packets_out = self.counters.packets_out.wrapping_add(1);
        self.counters.segments_out = self.counters.segments_out.wrapping_add(1);
        self.counters.resets_out += u64::from(header.flags.rst());
        let payload = core::mem::take(&mut self.scratch.payload);
        context!(self, now).fact(&Fact::Sent {
            tuple: *tuple,
            header,
            payload: &payload,
            cause,
        });
        self.scratch.payload = payload;
    }
}

/// The largest payload that is decided on at once: what the link takes as one super-segment, in whole segments; or, where it
/// takes none, so many new segments, which we cut ourselves; or one.
fn burst(config: &Config, c: &Connection, segments: usize) -> u32 {
    let mss = c.payload_max();
    let most = match config.super_segment_max {
        Some(most) => u32::try_from(most.min(RUN_MAX)).unwrap_or_default(),
        // Each is sent as if it had been decided on alone: what is less than a segment, or was sent before, is.
        None if c.recovery.is_due() || c.snd.up.is_some() => 0,
        None => {
            let segments = u32::try_from(segments).unwrap_or(u32::MAX);
            // Pace is kept as it would be one by one: it lets go of half a quantum before it looks again.
            let paced = c.rate().map_or(u32::MAX, |rate| rate.quantum(mss) / 2);
            let room = segments.saturating_mul(mss).min(RUN_MAX as u32);
            room.min(paced).min(c.snd.unsent())
        }
    };
    (most / mss * mss).max(mss)
}

/// From where to where a packet goes, and how.
#[derive(Debug, Clone, Copy)]
struct Place {
    tuple: FourTuple,
    /// The Ethernet header, where there is one.
    ether: Option<ether::Header>,
    marks: Marks,
}

/// Writes the headers and hands the packet to the link.
fn emit(
    config: &Config,
    scratch: &mut Scratch,
    place: &Place,
    header: &Header,
    segment_size: Option<u16>,
    sink: &mut impl Sink,
) -> Result<(), Full> {
    let Scratch { head, payload, .. } = scratch;
    let payload_len: usize = payload.iter().map(Bytes::len).sum();
    let ip = ip::Header {
        src: place.tuple.local_addr,
        dst: place.tuple.remote_addr,
        protocol: ip::TCP,
        hop_limit: config.hop_limit,
        dscp: place.marks.dscp,
        ecn: place.marks.ecn,
    };
    let mut header = *header;
    header.options.layout = config.option_layout;
    let written = write_lower(head, place.ether, &ip, header.len(), payload_len);
    let tcp_at = written.unwrap_or_default();
    let tcp_head = head.get_mut(tcp_at..).filter(|tcp| !tcp.is_empty());
    if tcp_head.and_then(|tcp| header.emit(tcp)).is_none() {
        // Both addresses are of one family and a burst fits a datagram, so that this packet cannot be; it is dropped here.
        return Ok(());
    }
    seal_and_send(config, scratch, &place.tuple, tcp_at, segment_size, sink)
}

/// As [`emit`], for a segment as long as the one before it in its run, whose headers stand there still.
fn emit_next(
    config: &Config,
    scratch: &mut Scratch,
    place: &Place,
    header: &Header,
    sink: &mut impl Sink,
) -> Result<(), Full> {
    let ip_at = if place.ether.is_some() { ether::HEADER } else { 0 };
    let ip_len = if place.tuple.local_addr.is_ipv4() {
        ip::HEADER_V4
    } else {
        ip::HEADER_V6
    };
    let tcp_at = ip_at + ip_len;
    if let Some(tcp_head) = scratch.head.get_mut(tcp_at..) {
        tcp::restamp(tcp_head, header.seq, header.flags);
    }
    seal_and_send(config, scratch, &place.tuple, tcp_at, None, sink)
}

/// Completes the checksum, or leaves it to the link, and hands over what stands in `scratch`.
fn seal_and_send(
    config: &Config,
    scratch: &mut Scratch,
    tuple: &FourTuple,
    tcp_at: usize,
    segment_size: Option<u16>,
    sink: &mut impl Sink,
) -> Result<(), Full> {
    let (src, dst) = (tuple.local_addr, tuple.remote_addr);
    let Scratch { head, payload, .. } = scratch;
    let mut offload = Offload {
        checksum: None,
        segment_size,
    };
    if let Some(tcp_head) = head.get_mut(tcp_at..) {
        if config.checksum_offload {
            let len = payload.iter().fold(tcp_head.len(), |len, slice| len + slice.len());
            let partial = Sum::pseudo_header(src, dst, ip::TCP, len).fold();
            if let Some(field) = tcp_head.get_mut(TCP_CHECKSUM..TCP_CHECKSUM + 2) {
                field.copy_from_slice(&partial.to_be_bytes());
            }
            offload.checksum = Some((u16::try_from(tcp_at).unwrap_or_default(), TCP_CHECKSUM as u16));
        } else {
            tcp::seal(src, dst, tcp_head, payload);
        }
    }
    sink.send(head, payload, offload)
}

/// Writes what lies below the transport header, and leaves room for that. Gives where it begins.
fn write_lower(
    head: &mut Vec<u8>,
    ether: Option<ether::Header>,
    ip: &ip::Header,
    transport_len: usize,
    payload_len: usize,
) -> Option<usize> {
    let ip_at = if ether.is_some() { ether::HEADER } else { 0 };
    let transport_at = ip_at + ip.len();
    head.clear();
    head.resize(transport_at + transport_len, 0);
    if let Some(ether) = ether {
        ether.emit(head)?;
    }
    ip.emit(transport_len + payload_len, head.get_mut(ip_at..)?)?;
    Some(transport_at)
}
