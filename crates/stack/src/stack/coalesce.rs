//! Segments of one flow that arrive together, and go on where the last one ended, become one: a link without offload then
//! costs the machine once what one with offload costs it.
//!
//! Read together are only segments that the machine would take one after the other and acknowledge as one, so that nobody can
//! tell the difference but by the number of acknowledgments: text in order, for a connection that waits for just this, and
//! the same in everything else. What carries news of its own (SYN, FIN, RST, URG, ECE, CWR, another acknowledgment, window,
//! timestamp or mark of a router) is never joined to what came before; PSH ends what it stands in. Large payloads are kept as
//! they came, for to join them would cost a copy that the receive queue does not make.
//!
//! Read first: RFC 9293 section 3.10.7.4; RFC 5681 section 4.2 for what an acknowledgment may wait for.

use bytes::BytesMut;
use wire::tcp::Flags;

use super::arrival::{Arrival, Arrived};
use crate::tcp::connection::Connection;
use crate::tcp::queue::SMALL;

/// Bytes of a segment that was put together. An IP datagram could not hold more.
const TEXT_MAX: usize = 65_535;

/// What is to be joined to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Run {
    /// Arrivals behind it.
    pub(super) arrivals: usize,
    /// Bytes of all together.
    pub(super) len: usize,
}

/// How many of the arrivals behind `first` are to be joined to it, for the connection that it belongs to.
pub(super) fn run(c: &Connection, first: &Arrived, rest: &[Arrival]) -> Run {
    let mut len = first.payload.len();
    if !may_join(first) || ends_run(first, len) || !c.takes_next(first.header.seq) {
        return Run::default();
    }
    let (full, room) = (len, TEXT_MAX.min(c.rcv.window() as usize));
    let mut joined = 0;
    for arrival in rest {
        let Arrival::Segment(next) = arrival else { break };
        let more = next.payload.len();
        if !may_join(next) || !is_next(first, len, next) || more > full || len + more > room {
            break;
        }
        len += more;
        joined += 1;
        if ends_run(next, full) {
            break;
        }
    }
    Run { arrivals: joined, len }
}

/// Whether a segment is text and nothing but text.
fn may_join(segment: &Arrived) -> bool {
    let flags = Flags::from_bits(segment.header.flags.bits() & !Flags::PSH.bits());
    let len = segment.payload.len();
    flags == Flags::ACK && (1..SMALL).contains(&len) && segment.header.options.sack.is_empty()
}

/// Whether nothing is joined to what follows: the sender has pushed it, or had no more to fill it with.
fn ends_run(segment: &Arrived, full: usize) -> bool {
    segment.header.flags.psh() || segment.payload.len() < full
}

/// Whether `next` goes on where `len` bytes from the beginning of `first` end, and says the same in all else.
fn is_next(first: &Arrived, len: usize, next: &Arrived) -> bool {
    let (a, b) = (&first.header, &next.header);
    first.place.tuple == next.place.tuple
        && b.seq == a.seq + u32::try_from(len).unwrap_or(u32::MAX)
        && (a.ack, a.window, a.options) == (b.ack, b.window, b.options)
        && (first.dscp, first.ecn, first.sender) == (next.dscp, next.ecn, next.sender)
}

/// Joins what follows to `first`, which [`run`] has looked at.
pub(super) fn join(first: &mut Arrived, len: usize, run: impl Iterator<Item = Arrived>) {
    let mut text = BytesMut::with_capacity(len);
    text.extend_from_slice(&first.payload);
    for next in run {
        text.extend_from_slice(&next.payload);
        first.header.flags = first.header.flags | next.header.flags;
        first.joined = first.joined.saturating_add(1);
        first.last = next.header.seq;
        first.at = next.at;
    }
    first.payload = text;
}
