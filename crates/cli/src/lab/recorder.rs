//! Notes every packet that crosses our link, and what our stack made of it.
//!
//! Two witnesses meet here. The [`Tap`] sits between the stack and the link and sees bytes and times; the [`Witness`] is
//! the stack's observer and sees states, causes and drops. Packets and facts are matched by their order: the stack tells
//! of a sent segment right after the link took it, and deals with received packets one after the other.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lens::{Host, Mark, Record, Segment, Trace, complete_checksum};
use stack::tcp::state::Arrow;
use stack::{Batch, Fact, FourTuple, Instant, Observer, State};
use syndic::{Abilities, Bytes, Clock, Link, NotSent};

/// Our place among the hosts of a trace, and the kernel's.
pub(crate) const OURS: usize = 0;
pub(crate) const KERNEL: usize = 1;

/// What is being noted. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    records: Vec<Record>,
    marks: Vec<Mark>,
    /// The state of each connection that is not closed.
    states: HashMap<FourTuple, State>,
    /// Received packets that the stack has not told of yet: indices into `records`.
    waiting: VecDeque<usize>,
    /// The received segment that the stack is dealing with: whose, and an index into `records`.
    current: Option<(FourTuple, usize)>,
}

impl Recorder {
    /// Takes out everything noted since the last time, as a trace between us and the kernel.
    pub(crate) fn take(&self, title: String, hosts: [Host; 2]) -> Trace {
        let mut notes = self.notes();
        notes.waiting.clear();
        notes.current = None;
        Trace {
            title,
            hosts: hosts.into(),
            records: mem::take(&mut notes.records),
            marks: mem::take(&mut notes.marks),
        }
    }

    /// The state of a connection as the stack last told it.
    pub(crate) fn state(&self, tuple: &FourTuple) -> State {
        self.notes().states.get(tuple).copied().unwrap_or(State::Closed)
    }

    /// A link that tells of every packet. The witness of the same stack has to be [`witness`](Self::witness).
    pub(crate) fn tap<L: Link>(&self, link: L) -> Tap<L> {
        Tap {
            link,
            recorder: self.clone(),
            clock: None,
            received: Batch::new(),
        }
    }

    /// The observer for the stack behind the tap.
    pub(crate) fn witness(&self) -> Witness {
        Witness(self.clone())
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        // Notes are whole after every call, so those of a thread that panicked are as good as any.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn sent(&mut self, at: Instant, bytes: Vec<u8>) {
        self.records.push(Record::new(at, Some(at), OURS, KERNEL, bytes));
    }

    fn received(&mut self, at: Instant, bytes: Vec<u8>) {
        self.waiting.push_back(self.records.len());
        self.records.push(Record::new(at, Some(at), KERNEL, OURS, bytes));
    }

    /// Packets in front of it that the stack did not tell of were none of TCP's.
    fn find_waiting(&mut self, tuple: FourTuple, header: &wire::tcp::Header) -> Option<usize> {
        while let Some(index) = self.waiting.pop_front() {
            let segment = self.records.get(index).and_then(|record| Segment::parse(&record.bytes));
            if segment.is_some_and(|segment| segment.tuple().reversed() == tuple && segment.header == *header) {
                return Some(index);
            }
        }
        None
    }

    fn observe(&mut self, at: Instant, fact: &Fact<'_>) {
        match *fact {
            Fact::Received { tuple, header, .. } => {
                let state = self.states.get(&tuple).copied();
                let found = self.find_waiting(tuple, header);
                self.current = found.map(|index| (tuple, index));
                if let Some(record) = found.and_then(|index| self.records.get_mut(index)) {
                    record.receiver_state = state;
                }
            }
            Fact::Sent { tuple, cause, .. } => {
                let state = self.states.get(&tuple).copied();
                if let Some(record) = self.records.last_mut().filter(|record| record.from == OURS) {
                    record.cause = Some(cause);
                    record.sender_state = state;
                }
            }
            Fact::State { tuple, to, arrow, .. } => self.state_changed(at, tuple, to, arrow),
            Fact::Dropped { tuple, why } => {
                let current = self.current.filter(|(of, _)| tuple.is_none_or(|tuple| tuple == *of));
                if let Some(record) = current.and_then(|(_, index)| self.records.get_mut(index)) {
                    record.dropped = Some(why);
                }
            }
            Fact::Ended { tuple, how } => self.mark(at, tuple, how.to_string(), None),
            Fact::Undone { tuple, by } => self.mark(at, tuple, by.describe().to_owned(), None),
            Fact::RoundTrip { .. } | Fact::SynCookies { .. } | Fact::Level { .. } => {}
            // What is recorded crosses a TUN, where nobody has neighbours.
            Fact::Neighbour(_) | Fact::AddressConflict { .. } => {}
        }
    }

    fn state_changed(&mut self, at: Instant, tuple: FourTuple, to: State, arrow: Arrow) {
        if to == State::Closed {
            self.states.remove(&tuple);
        } else {
            self.states.insert(tuple, to);
        }
        let current = self.current.filter(|(of, _)| *of == tuple && is_by_segment(arrow));
        match current.and_then(|(_, index)| self.records.get_mut(index)) {
            Some(record) => record.receiver_state = Some(to),
            None => self.mark(at, tuple, call(arrow).to_owned(), Some(to)),
        }
    }

    fn mark(&mut self, at: Instant, tuple: FourTuple, text: String, state: Option<State>) {
        self.marks.push(Mark {
            at,
            host: OURS,
            connection: Some(tuple),
            text,
            state,
        });
    }
}

/// Whether a segment that arrives does this.
const fn is_by_segment(arrow: Arrow) -> bool {
    matches!(
        arrow,
        Arrow::SynArrives
            | Arrow::SynAckArrives
            | Arrow::OurSynAcked
            | Arrow::FinArrives
            | Arrow::OurFinAcked
            | Arrow::ResetArrives
    )
}

/// What happened, as a ladder says it beside the packets: the user's calls by their names in RFC 9293 section 3.10.
const fn call(arrow: Arrow) -> &'static str {
    match arrow {
        Arrow::PassiveOpen => "passive OPEN",
        Arrow::ActiveOpen => "active OPEN",
        Arrow::Close => "CLOSE",
        Arrow::Abort => "ABORT",
        Arrow::TwoMslOver => "2MSL are over",
        Arrow::TimedOut => "timed out",
        Arrow::ReopeningFails => "TIME-WAIT again: the reopening failed",
        Arrow::MakesRoom => "the entry makes room for another",
        Arrow::CookieReturns => "a SYN cookie returns",
        Arrow::SynArrives => "a SYN arrives",
        Arrow::SynAckArrives => "a SYN-ACK arrives",
        Arrow::OurSynAcked => "our SYN is acknowledged",
        Arrow::FinArrives => "a FIN arrives",
        Arrow::OurFinAcked => "our FIN is acknowledged",
        Arrow::ResetArrives => "an RST arrives",
    }
}

/// Tells a [`Recorder`] every fact.
#[derive(Debug)]
pub(crate) struct Witness(Recorder);

impl Observer for Witness {
    fn observe(&mut self, at: Instant, fact: &Fact<'_>) {
        self.0.notes().observe(at, fact);
    }
}

/// A link around a link that tells a [`Recorder`] every packet.
#[derive(Debug)]
pub(crate) struct Tap<L> {
    link: L,
    recorder: Recorder,
    /// The net's clock. A driver receives before it sends anything.
    clock: Option<Clock>,
    /// Packets on their way in; empty between calls.
    received: Batch,
}

impl<L: Link> Link for Tap<L> {
    fn abilities(&self) -> Abilities {
        self.link.abilities()
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>> {
        self.clock = Some(*clock);
        ready!(self.link.poll_receive(cx, clock, &mut self.received, max))?;
        let mut notes = self.recorder.notes();
        for packet in self.received.drain() {
            let mut bytes = packet.bytes.to_vec();
            // The kernel leaves the checksum to the link where the link offers that.
            complete_checksum(&mut bytes);
            notes.received(packet.arrived, bytes);
            batch.push(packet);
        }
        Poll::Ready(Ok(()))
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: stack::io::Offload) -> Result<(), NotSent> {
        self.link.try_send(head, payload, offload)?;
        let at = self.clock.map_or(Instant::ZERO, |clock| clock.instant());
        let mut bytes = [head, &payload.concat()].concat();
        if offload.checksum.is_some() {
            complete_checksum(&mut bytes);
        }
        self.recorder.notes().sent(at, bytes);
        Ok(())
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_send_ready(cx)
    }
}

#[cfg(test)]
mod tests;
