//! A segment's way out: replies first, then each connection in turn, until the link is full or the budget is spent.

use alloc::vec::Vec;

use bytes::Bytes;
use wire::checksum::Sum;
use wire::ether::{self, Mac};
use wire::ip;
use wire::tcp::{self, Header};

use super::ways::Passage;
use super::{Scratch, Stack, context};
use crate::config::Config;
use crate::io::{Budget, Full, Marks, Offload, Sink};
use crate::observer::{Cause, Fact, Observer};
use crate::replies::{Addressed, Reply};
use crate::status::Idle;
use crate::tcp::mss;
use crate::tcp::output::{self, Next};
use crate::tcp::send::ANY_PATH;
use crate::time::Now;
use crate::tuple::FourTuple;

/// A connection sends at most so many segments before the next one has its turn.
const TURN: usize = 16;

/// Where the checksum stands in a TCP header.
const TCP_CHECKSUM: usize = 16;

/// Room that headers take in the largest datagram.
const HEADERS_MAX: usize = 120;

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
                let marks = Marks {
                    dscp: *dscp,
                    ecn: ip::Ecn::NotEct,
                };
                let place = Place { ether, marks };
                emit(&self.config, &mut self.scratch, place, tuple, header, None, sink)?;
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
        for _ in 0..TURN {
            if *left == 0 {
                return Turn::More;
            }
            let Some(c) = self.connections.get_mut(i) else {
                return Turn::Done;
            };
            let burst = burst(&self.config, c.payload_max());
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
                    continue;
                }
            };
            let Some(c) = self.connections.get_mut(i) else {
                return Turn::Done;
            };
            let (tuple, marks) = (c.tuple, output::marks(c, &plan));
            let header = output::header(&context!(self, now), c, &plan);
            self.scratch.payload.clear();
            c.snd.slices(plan.seq, plan.len, &mut self.scratch.payload);
            let segment_size = (plan.len > c.payload_max()).then(|| u16::try_from(c.payload_max()).unwrap_or(u16::MAX));
            if emit(
                &self.config,
                &mut self.scratch,
                Place { ether, marks },
                &tuple,
                &header,
                segment_size,
                sink,
            )
            .is_err()
            {
                c.idle = Idle::Link;
                return Turn::Full;
            }
            output::sent(&mut context!(self, now), c, &plan, header.window);
            self.count_sent(now, &tuple, &header, plan.cause);
            *left -= 1;
        }
        Turn::More
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

/// The largest payload that the link takes at once: whole segments of it, or one.
fn burst(config: &Config, payload_max: u32) -> u32 {
    let most = config
        .super_segment_max
        .unwrap_or_default()
        .min(usize::from(u16::MAX) - HEADERS_MAX);
    let whole = u32::try_from(most).unwrap_or_default() / payload_max * payload_max;
    whole.max(payload_max)
}

/// What a packet's lower headers say beside its addresses.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The Ethernet header, where there is one.
    ether: Option<ether::Header>,
    marks: Marks,
}

/// Writes the headers and hands the packet to the link.
fn emit(
    config: &Config,
    scratch: &mut Scratch,
    place: Place,
    tuple: &FourTuple,
    header: &Header,
    segment_size: Option<u16>,
    sink: &mut impl Sink,
) -> Result<(), Full> {
    let (src, dst) = (tuple.local_addr, tuple.remote_addr);
    let Scratch { head, payload, .. } = scratch;
    let payload_len: usize = payload.iter().map(Bytes::len).sum();
    let ip = ip::Header {
        src,
        dst,
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
    let Some(tcp_head) = tcp_head.and_then(|tcp| header.emit(tcp).map(|_| tcp)) else {
        // Both addresses are of one family and a burst fits a datagram, so that this packet cannot be; it is dropped here.
        return Ok(());
    };
    let mut offload = Offload {
        checksum: None,
        segment_size,
    };
    if config.checksum_offload {
        let len = tcp_head.len() + payload_len;
        let partial = Sum::pseudo_header(src, dst, ip::TCP, len).fold();
        if let Some(field) = tcp_head.get_mut(TCP_CHECKSUM..TCP_CHECKSUM + 2) {
            field.copy_from_slice(&partial.to_be_bytes());
        }
        offload.checksum = Some((u16::try_from(tcp_at).unwrap_or_default(), TCP_CHECKSUM as u16));
    } else {
        tcp::seal(src, dst, tcp_head, payload);
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
