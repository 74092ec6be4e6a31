//! What every segment that a stack sends must keep to, as the wire alone can tell.
//!
//! Each end's [`Said`] is what it has put on the wire. A segment is compared with what its sender has said before and,
//! where both mean the same incarnation of the connection, with what its receiver has said. Resets and the answers of
//! TIME-WAIT take their numbers from elsewhere and are left alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use stack::{Cause, Instant};
use wire::tcp::{Flags, HEADER_MIN};

use super::number::Said;
use super::{World, clock};
use crate::glance::Glance;

/// Bare ACKs that may follow from one another before it is a loop: an honest answer to an ACK is a challenge or a
/// duplicate, and those are budgeted.
const ACKS_IN_CHAIN_MAX: u32 = 32;
/// Payload of one segment where the receiver has announced no MSS (RFC 9293 section 3.7.1). Units: bytes.
const MSS_DEFAULT_V4: usize = 536;
const MSS_DEFAULT_V6: usize = 1220;

/// How often the same data may leave at one moment: when they are new, when a timer and an acknowledgment both ask for them,
/// and when the path turns out to be narrower.
const SENT_AT_ONCE_MAX: u32 = 4;

/// How often each piece of data has left at the moment that is now.
#[derive(Debug, Default)]
pub(super) struct Moment {
    at: Instant,
    sent: BTreeMap<(usize, (SocketAddr, SocketAddr), u32), u32>,
}

impl Moment {
    /// Data that begin at `seq` leave `host`. Returns how often they have, now.
    fn note(&mut self, now: Instant, host: usize, glance: &Glance) -> u32 {
        if self.at != now {
            (self.at, self.sent) = (now, BTreeMap::new());
        }
        let ends = (glance.tuple.local(), glance.tuple.remote());
        let times = self.sent.entry((host, ends, glance.header.seq.value())).or_default();
        *times += 1;
        *times
    }
}

/// What the packet was that a host has just taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    is_reset: bool,
    is_bare_ack: bool,
    acks_in_chain: u32,
}

impl Answered {
    pub(super) fn new(glance: &Glance, acks_in_chain: u32) -> Self {
        Self {
            is_reset: glance.header.flags.rst(),
            is_bare_ack: is_bare_ack(glance),
            acks_in_chain,
        }
    }
}

/// Whether a segment does nothing but acknowledge.
fn is_bare_ack(glance: &Glance) -> bool {
    glance.header.flags == Flags::ACK && glance.payload == 0
}

impl World {
    /// Looks at a segment that `from` sends to `to`, before it is added to what `from` has said. Returns how many bare
    /// ACKs it is the last of.
    pub(super) fn look_at_segment(
        &mut self,
        (from, to): (usize, usize),
        cause: Option<Cause>,
        glance: &Glance,
        len: usize,
    ) -> u32 {
        let mut found = Vec::new();
        let mtu = self.hosts[from].plan.config.mtu;
        if len > mtu {
            found.push(format!("a packet of {len} bytes, the MTU is {mtu}"));
        }
        if glance.header.flags.is_forbidden() {
            found.push(format!("a segment with the flags {}", glance.header.flags));
        }
        let is_unbound = matches!(cause, Some(Cause::TimeWaitAck)) || glance.header.flags.rst();
        if !is_unbound && let Some(said) = self.said(from, &glance.tuple) {
            let peer = self.said(to, &glance.tuple.reversed());
            found.extend(faults(said, peer, glance));
        }
        if glance.payload > 0 && self.moment.note(self.now, from, glance) == SENT_AT_ONCE_MAX + 1 {
            found.push(format!(
                "SEG.SEQ {} has left more than {SENT_AT_ONCE_MAX} times at one moment",
                glance.header.seq
            ));
        }
        let acks_in_chain = self.look_at_answer(cause, glance, &mut found);
        for what in found {
            let (name, tuple) = (&self.hosts[from].name, glance.tuple);
            self.fail(format!("{}: {name}: {tuple}: {what}", clock(self.now)));
        }
        acks_in_chain
    }

    /// No reset answers a reset, and ACKs do not go on answering each other.
    fn look_at_answer(&self, cause: Option<Cause>, glance: &Glance, found: &mut Vec<String>) -> u32 {
        let Some(answered) = self.answering else {
            return 0;
        };
        if answered.is_reset && matches!(cause, Some(Cause::ResetNobody | Cause::ResetBadAck)) {
            found.push("a reset answers a reset".to_owned());
        }
        if !(answered.is_bare_ack && is_bare_ack(glance)) {
            return 0;
        }
        if answered.acks_in_chain == ACKS_IN_CHAIN_MAX {
            found.push(format!("{ACKS_IN_CHAIN_MAX} ACKs have answered one another"));
        }
        answered.acks_in_chain + 1
    }
}

/// What is wrong with a segment, by what both ends have said before it.
fn faults(said: &Said, peer: Option<&Said>, glance: &Glance) -> Vec<String> {
    let mut found = Vec::new();
    let header = &glance.header;
    let flags = header.flags;
    if flags.syn() {
        // All begins anew, or is said once more before anything else was.
        return found;
    }
    let end = glance.end();
    if !flags.ack() {
        found.push("a segment without ACK".to_owned());
    }
    if let Some(iss) = said.iss.filter(|iss| header.seq.before(*iss)) {
        found.push(format!("SEG.SEQ {} is before the ISS {iss}", header.seq));
    }
    if flags.ack() {
        if let Some(before) = said.ack.filter(|before| header.ack.before(*before)) {
            found.push(format!(
                "SEG.ACK {} is before {before}, which it said before",
                header.ack
            ));
        }
        let edge = said.edge_of(glance);
        if let Some((before, (edge, unit))) = said.edge.zip(edge)
            && edge.before(before)
            && before.since(edge) >= unit
        {
            found.push(format!(
                "the window shrinks: its right edge goes from {before} to {edge}"
            ));
        }
    }
    if let (Some(before), Some(stamps)) = (said.ts_val, header.options.timestamps)
        && (stamps.val.wrapping_sub(before) as i32) < 0
    {
        found.push(format!("TSval goes back from {before} to {}", stamps.val));
    }
    let Some(peer) = peer.filter(|peer| said.means(peer)) else {
        return found;
    };
    if let Some(heard) = peer.seq_end.filter(|heard| flags.ack() && header.ack.after(*heard)) {
        found.push(format!(
            "SEG.ACK {} is after {heard}, the last that the peer has sent",
            header.ack
        ));
    }
    // A FIN and a probe may stand one beyond the window.
    if let Some(edge) = peer.edge_max.filter(|edge| end.after(*edge + 1)) {
        found.push(format!(
            "SEG.SEQ ends at {end}, beyond the peer's window that ends at {edge}"
        ));
    }
    let default = if glance.tuple.remote_addr.is_ipv4() {
        MSS_DEFAULT_V4
    } else {
        MSS_DEFAULT_V6
    };
    let mss = peer.mss.map_or(default, usize::from);
    let carried = glance.payload + header.len() - HEADER_MIN;
    if glance.payload > 0 && carried > mss {
        found.push(format!(
            "options and payload of {carried} bytes, the peer's MSS is {mss}"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::option::{Options, Timestamps};
    use wire::seq::SeqNumber;
    use wire::tcp::Header;

    fn glance(flags: Flags, seq: u32, ack: u32, change: impl FnOnce(&mut Glance)) -> Glance {
        let mut glance = Glance {
            tuple: stack::FourTuple::new("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap()),
            header: Header {
                src_port: 1,
                dst_port: 2,
                seq: SeqNumber::new(seq),
                ack: SeqNumber::new(ack),
                flags,
                window: 1000,
                urgent: 0,
                options: Options {
                    timestamps: Some(Timestamps { val: 50, ecr: 0 }),
                    ..Options::default()
                },
            },
            payload: 0,
        };
        change(&mut glance);
        glance
    }

    #[test]
    fn how_often_data_left_is_counted_for_each_piece_host_and_moment() {
        let data = |seq| glance(Flags::ACK, seq, 1, |g| g.payload = 10);
        let (now, later) = (Instant::ZERO, Instant::ZERO + stack::Duration::from_micros(1));
        let mut moment = Moment::default();
        for (name, at, host, seq, times) in [
            ("once", now, 0, 100, 1),
            ("again", now, 0, 100, 2),
            ("another piece", now, 0, 110, 1),
            ("another host", now, 1, 100, 1),
            ("a third time", now, 0, 100, 3),
            ("another moment", later, 0, 100, 1),
        ] {
            assert_eq!(moment.note(at, host, &data(seq)), times, "{name}");
        }
    }

    #[test]
    fn each_thing_that_no_stack_may_say_is_found() {
        let (isn, irs) = (u32::MAX - 1, 5000);
        let mut peer = Said::new(1, glance(Flags::SYN, 0, 0, |_| {}).tuple.reversed());
        peer.note(None, &glance(Flags::SYN, irs, 0, |_| {}));
        let mut said = Said::new(0, glance(Flags::SYN, 0, 0, |_| {}).tuple);
        said.note(Some(&peer), &glance(Flags::SYN | Flags::ACK, isn, irs + 1, |_| {}));
        peer.note(Some(&said), &glance(Flags::ACK, irs + 1, isn.wrapping_add(1), |_| {}));
        let next = isn.wrapping_add(1);
        let says = |glance: Glance| faults(&said, Some(&peer), &glance).join("; ");
        for (name, glance, expected) in [
            ("nothing wrong", glance(Flags::ACK, next, irs + 1, |_| {}), ""),
            ("no ACK", glance(Flags::FIN, next, irs + 1, |_| {}), "without ACK"),
            (
                "before the ISS",
                glance(Flags::ACK, isn - 1, irs + 1, |_| {}),
                "before the ISS",
            ),
            (
                "an older ACK",
                glance(Flags::ACK, next, irs, |g| g.header.window = 1001),
                "said before",
            ),
            (
                "a shrinking window",
                glance(Flags::ACK, next, irs + 1, |g| g.header.window = 999),
                "window shrinks",
            ),
            (
                "an ACK of nothing",
                glance(Flags::ACK, next, irs + 2, |_| {}),
                "last that the peer has sent",
            ),
            (
                "beyond the window",
                glance(Flags::ACK, next.wrapping_add(1000), irs + 1, |g| g.payload = 2),
                "beyond",
            ),
            (
                "an older TSval",
                {
                    let old = Some(Timestamps { val: 49, ecr: 0 });
                    glance(Flags::ACK, next, irs + 1, |g| g.header.options.timestamps = old)
                },
                "TSval goes back",
            ),
            (
                "too much in it",
                glance(Flags::ACK, next, irs + 1, |g| g.payload = 600),
                "MSS is 536",
            ),
            ("another incarnation", glance(Flags::SYN, 77, 0, |_| {}), ""),
        ] {
            let found = says(glance);
            assert!(
                if expected.is_empty() {
                    found.is_empty()
                } else {
                    found.contains(expected)
                },
                "{name}: {found}"
            );
        }
    }
}
