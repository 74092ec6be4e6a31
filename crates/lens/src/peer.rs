//! Infers the states of an end that cannot be asked, a Linux kernel's, from the packets that it sends and gets.
//!
//! The figure is the stack's own ([`next`]); this file only finds the arrows. What leaves no packet (2MSL over, a
//! half-open entry that dies) stays unseen. Read first: RFC 9293 sections 3.3.2 and 3.6.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use stack::tcp::state::{Arrow, next};
use stack::{Instant, State};
use wire::seq::SeqNumber;

use crate::packet::Segment;
use crate::record::{Fate, HostKind, Trace};

/// Fills in `sender_state` and `receiver_state` wherever they are unknown and the host is a Linux kernel.
pub fn infer(trace: &mut Trace) {
    let segments: Vec<Option<Segment>> = trace
        .records
        .iter()
        .map(|record| Segment::parse(&record.bytes))
        .collect();
    let is_kernel = |host: usize| trace.hosts.get(host).is_some_and(|host| host.kind == HostKind::Linux);
    let mut ends: BTreeMap<(SocketAddr, SocketAddr), End> = BTreeMap::new();
    for happening in happenings(trace) {
        let Some(Some(segment)) = segments.get(happening.record) else {
            continue;
        };
        let Some(record) = trace.records.get(happening.record) else {
            continue;
        };
        match happening.what {
            What::Leaves if is_kernel(record.from) && !record.injected => {
                let end = ends.entry((segment.src, segment.dst)).or_default();
                end.on_sent(segment);
                let state = end.state;
                if let Some(record) = trace.records.get_mut(happening.record) {
                    record.sender_state = record.sender_state.or(Some(state));
                }
            }
            What::Arrives if is_kernel(record.to) => {
                let answer = first_answer(trace, &segments, &happening, segment);
                let end = ends.entry((segment.dst, segment.src)).or_default();
                if record.fate != Fate::Corrupted {
                    end.on_arrived(segment, answer);
                }
                let state = end.state;
                if let Some(record) = trace.records.get_mut(happening.record) {
                    record.receiver_state = record.receiver_state.or(Some(state));
                }
            }
            What::Leaves | What::Arrives => {}
        }
    }
}

/// A packet leaves its sender or reaches its receiver.
struct Happening {
    at: Instant,
    record: usize,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Leaves,
    Arrives,
}

/// Both moments of every record, in order of time. What happens at one moment stays in the order of the records, so
/// that an answer never comes before its cause.
fn happenings(trace: &Trace) -> Vec<Happening> {
    let mut all: Vec<Happening> = Vec::with_capacity(2 * trace.records.len());
    for (index, record) in trace.records.iter().enumerate() {
        let mut push = |at, what| {
            all.push(Happening {
                at,
                record: index,
                what,
            });
        };
        // The link made a duplicate: its sender did nothing.
        if !matches!(record.fate, Fate::Duplicate(_)) {
            push(record.sent, What::Leaves);
        }
        if let Some(arrived) = record.arrived {
            push(arrived, What::Arrives);
        }
    }
    all.sort_by_key(|happening| (happening.at, happening.record, happening.what));
    all
}

/// The flags of what the receiver of a SYN sends next: only that shows whether it listened.
fn first_answer(
    trace: &Trace,
    segments: &[Option<Segment>],
    happening: &Happening,
    syn: &Segment,
) -> Option<wire::tcp::Flags> {
    let records = trace.records.iter().zip(segments).enumerate();
    if !syn.header.flags.syn() {
        return None;
    }
    records
        .filter(|(index, (record, _))| (record.sent, *index) >= (happening.at, happening.record) && !record.injected)
        .filter_map(|(_, (_, segment))| segment.as_ref())
        .find(|segment| segment.src == syn.dst && segment.dst == syn.src)
        .map(|segment| segment.header.flags)
}

/// One end of one connection.
#[derive(Debug, Clone)]
struct End {
    state: State,
    /// The sequence number after our SYN.
    syn_end: Option<SeqNumber>,
    /// The sequence number after our FIN.
    fin_end: Option<SeqNumber>,
    /// RCV.NXT, once the peer's SYN has come.
    rcv_nxt: Option<SeqNumber>,
    /// What came beyond a hole: from, to.
    islands: Vec<(SeqNumber, SeqNumber)>,
    /// The sequence number of the peer's FIN.
    peer_fin: Option<SeqNumber>,
}

impl Default for End {
    fn default() -> Self {
        Self {
            state: State::Closed,
            syn_end: None,
            fin_end: None,
            rcv_nxt: None,
            islands: Vec::new(),
            peer_fin: None,
        }
    }
}

impl End {
    fn on_sent(&mut self, segment: &Segment) {
        let flags = segment.header.flags;
        if flags.rst() {
            // Before the handshake is done an RST refuses one segment and leaves the open alone.
            if self.state.is_synchronized() {
                self.take(Arrow::Abort);
            }
            return;
        }
        if flags.syn() {
            if !flags.ack() && matches!(self.state, State::Closed | State::TimeWait) {
                *self = Self::default();
                self.take(Arrow::ActiveOpen);
            }
            self.syn_end = Some(segment.header.seq + 1);
        }
        if flags.fin() && self.fin_end.is_none() {
            self.fin_end = Some(segment.end());
            self.take(Arrow::Close);
        }
    }

    fn on_arrived(&mut self, segment: &Segment, answer: Option<wire::tcp::Flags>) {
        let flags = segment.header.flags;
        if flags.rst() {
            self.on_reset(segment);
        } else if flags.syn() {
            self.on_syn(segment, answer);
        } else if flags.ack() {
            self.on_ack(segment);
            self.on_text(segment);
        }
    }

    /// RFC 9293 section 3.10.7.3 for an open that waits, RFC 5961 section 3.2 for anything later.
    fn on_reset(&mut self, segment: &Segment) {
        let is_acceptable = match self.state {
            State::SynSent => segment.header.flags.ack() && Some(segment.header.ack) == self.syn_end,
            _ => Some(segment.header.seq) == self.rcv_nxt,
        };
        if is_acceptable {
            self.take(Arrow::ResetArrives);
        }
    }

    fn on_syn(&mut self, segment: &Segment, answer: Option<wire::tcp::Flags>) {
        let acks_ours = segment.header.flags.ack() && Some(segment.header.ack) == self.syn_end;
        let is_listening = answer.is_some_and(|flags| flags.syn() && flags.ack());
        match self.state {
            State::Closed if !segment.header.flags.ack() && is_listening => {
                self.take(Arrow::PassiveOpen);
                self.take(Arrow::SynArrives);
            }
            State::TimeWait if is_listening => {
                *self = Self {
                    state: State::TimeWait,
                    ..Self::default()
                };
                self.take(Arrow::SynArrives);
            }
            State::SynSent if acks_ours => self.take(Arrow::SynAckArrives),
            State::SynSent if !segment.header.flags.ack() => self.take(Arrow::SynArrives),
            // The SYN-ACK of a simultaneous open.
            State::SynReceived if acks_ours => {
                self.take(Arrow::OurSynAcked);
                return;
            }
            _ => return,
        }
        self.rcv_nxt = Some(segment.header.seq + 1);
    }

    fn on_ack(&mut self, segment: &Segment) {
        let acks = |end: Option<SeqNumber>| end.is_some_and(|end| segment.header.ack.at_or_after(end));
        if self.state == State::SynReceived && acks(self.syn_end) {
            self.take(Arrow::OurSynAcked);
        }
        if acks(self.fin_end) {
            self.take(Arrow::OurFinAcked);
        }
    }

    /// Takes what is new of the payload, and the FIN once everything before it has come.
    fn on_text(&mut self, segment: &Segment) {
        let Some(mut rcv_nxt) = self.rcv_nxt else { return };
        if !self.state.is_synchronized() {
            return;
        }
        if segment.header.flags.fin() {
            self.peer_fin = Some(segment.header.seq + segment.payload);
        }
        self.islands
            .push((segment.header.seq, segment.header.seq + segment.payload));
        while let Some(index) = self
            .islands
            .iter()
            .position(|(from, to)| from.at_or_before(rcv_nxt) && to.after(rcv_nxt))
        {
            rcv_nxt = self.islands.swap_remove(index).1;
        }
        self.islands.retain(|(_, to)| to.after(rcv_nxt));
        if self.peer_fin == Some(rcv_nxt) {
            rcv_nxt += 1;
            self.take(Arrow::FinArrives);
        }
        self.rcv_nxt = Some(rcv_nxt);
    }

    /// Moves where the figure has such an arrow.
    fn take(&mut self, arrow: Arrow) {
        self.state = next(self.state, arrow).unwrap_or(self.state);
    }
}

#[cfg(test)]
mod tests;
