//! A host of a world: its stack, and its users, who do what the script says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use stack::{
    Accepted, Batch, Budget, Duration, Ended, Event, FourTuple, Full, Instant, ListenerId, Now, Received, Sink, Stack,
    State,
};

use wire::seq::SeqNumber;

use super::conversation::{Conversation, Pending, TICK};
use super::recorder::Recorder;
use crate::script::plan::HostPlan;
use crate::script::{Accepting, Call, Reading};

/// Unix time at the beginning of a world: any fixed point would do.
const UNIX_ORIGIN_S: u64 = 1_800_000_000;
/// What one RECEIVE asks for at most.
const RECEIVE_MAX: usize = 64 << 10;

/// Both ends of a connection in an order, as a key.
pub(super) type Ends = (SocketAddr, SocketAddr);

/// The key of a four-tuple.
pub(super) fn ends(tuple: &FourTuple) -> Ends {
    (tuple.local(), tuple.remote())
}

/// The time as a stack is told it.
pub(super) fn now_of(at: Instant) -> Now {
    Now {
        mono: at,
        unix_s: UNIX_ORIGIN_S + at.as_nanos() / 1_000_000_000,
    }
}

/// A host.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) stack: Stack<Recorder>,
    pub(super) plan: HostPlan,
    /// Nothing leaves it and nothing reaches it.
    pub(super) has_vanished: bool,
    /// Something happened to it since the oracles looked.
    pub(super) is_touched: bool,
    /// The longest lifetime of a half-open entry that one of its listeners was given.
    pub(super) half_open_max: Duration,
    pub(super) listeners: Vec<Listening>,
    /// Every conversation that its users have ever had, in their order.
    pub(super) conversations: Vec<Conversation>,
    /// The state of every connection, as the facts tell it.
    pub(super) states: BTreeMap<Ends, State>,
    /// Those of them that were reopened out of TIME-WAIT and are half-open.
    pub(super) reopening: BTreeSet<Ends>,
    /// How connections ended that did not end by both FINs.
    pub(super) ended: BTreeMap<Ends, Ended>,
}

/// A listener, and what its user does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listening {
    pub(super) id: ListenerId,
    pub(super) accept: Accepting,
    pub(super) read: Reading,
    pub(super) options: stack::ConnectionOptions,
}

/// What a user met that the world must know.
#[derive(Debug)]
pub(super) enum Met {
    /// A connection was accepted: at this place among the conversations.
    Accepted(usize),
    /// RECEIVE gave bytes to the conversation at this place; so many had come before them.
    Bytes(usize, u64, Bytes),
    /// RECEIVE told the end of the stream.
    Finished(usize),
    /// A call was made on a conversation.
    Called(FourTuple, String),
    /// A call was refused, though nothing in the script should have made it so.
    Refused(String),
}

/// Takes packets one by one.
#[derive(Default)]
struct Outbox {
    packets: Vec<Vec<u8>>,
}

impl Sink for Outbox {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: stack::io::Offload) -> Result<(), Full> {
        let len = head.len() + payload.iter().map(Bytes::len).sum::<usize>();
        let mut packet = Vec::with_capacity(len);
        packet.extend_from_slice(head);
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.packets.push(packet);
        Ok(())
    }
}

impl Host {
    pub(super) fn new(plan: HostPlan, stack: Stack<Recorder>) -> Self {
        Self {
            name: plan.name.clone(),
            stack,
            plan,
            has_vanished: false,
            is_touched: false,
            half_open_max: Duration::ZERO,
            listeners: Vec::new(),
            conversations: Vec::new(),
            states: BTreeMap::new(),
            reopening: BTreeSet::new(),
            ended: BTreeMap::new(),
        }
    }

    /// When the host has something to do by itself.
    pub(super) fn wakes(&self) -> Option<Instant> {
        let reads = self.conversations.iter().filter_map(Conversation::wakes);
        reads.chain(self.stack.poll_timeout()).min()
    }

    /// Takes one packet in.
    pub(super) fn receive_packet(&mut self, at: Instant, packet: &[u8]) {
        let mut batch = Batch::new();
        batch.push(stack::Packet {
            bytes: BytesMut::from(packet),
            arrived: at,
            checksum: stack::io::Checksum::Unverified,
        });
        self.stack.handle_packets(now_of(at), &mut batch);
    }

    /// The next packet that the stack wants to send, alone, so that the state after it can be told.
    pub(super) fn next_packet(&mut self, at: Instant) -> Option<Vec<u8>> {
        let mut outbox = Outbox::default();
        self.stack.poll_transmit(now_of(at), Budget { packets: 1 }, &mut outbox);
        debug_assert!(outbox.packets.len() <= 1, "a budget of one packet is one packet");
        outbox.packets.pop()
    }

    /// The newest conversation of this name.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.conversations.iter().rposition(|c| c.name == name)
    }

    /// Connections of its users that have something to do yet. One in FIN-WAIT-2 has not: it waits for its peer, and that
    /// is unfinished if it lives.
    pub(super) fn unfinished(&self, at: Instant) -> u64 {
        let status = |id| self.stack.status(now_of(at), id).ok();
        let held = self
            .conversations
            .iter()
            .filter_map(|conversation| status(conversation.id?));
        let is_done = |state| matches!(state, State::FinWait2 | State::TimeWait | State::Closed);
        held.filter(|status| !is_done(status.state)).count() as u64
    }

    /// The conversation on this tuple that began with this ISS.
    pub(super) fn incarnation(&self, tuple: &FourTuple, iss: SeqNumber) -> Option<usize> {
        self.conversations
            .iter()
            .rposition(|c| c.tuple == *tuple && c.iss == iss)
    }

    /// Lets the users act on every event that waits, and on the ticks of those who read at a rate. Returns whether any
    /// did: then there may be more to send.
    pub(super) fn serve_events(&mut self, at: Instant, met: &mut Vec<Met>) -> bool {
        let mut has_acted = false;
        while let Some(event) = self.stack.poll_event() {
            has_acted = true;
            match event {
                Event::Acceptable(id) => {
                    let listening = self.listeners.iter().copied().find(|l| l.id == id);
                    if let Some(listening) = listening.filter(|l| l.accept == Accepting::Auto) {
                        while self.accept(at, listening, met) {}
                    }
                }
                Event::Connection(id, ready) => {
                    if let Some(place) = self.conversations.iter().position(|c| c.id == Some(id)) {
                        self.conversations[place].is_readable |= ready.readable;
                        self.converse(at, place, met);
                    }
                }
            }
        }
        for place in 0..self.conversations.len() {
            if self.conversations[place].wakes().is_some_and(|wakes| wakes <= at) {
                has_acted = true;
                self.read(at, place, met);
            }
        }
        has_acted
    }

    /// Accepts one connection, if one waits. The world gives it its name.
    pub(super) fn accept(&mut self, at: Instant, listening: Listening, met: &mut Vec<Met>) -> bool {
        let accepted = match self.stack.accept(now_of(at), listening.id) {
            Ok(Some(accepted)) => accepted,
            Ok(None) => return false,
            Err(error) => {
                met.push(Met::Refused(format!("accept: {error}")));
                return false;
            }
        };
        let Accepted { id, local, remote } = accepted;
        let status = match self.stack.status(now_of(at), id) {
            Ok(status) => status,
            Err(error) => {
                met.push(Met::Refused(format!("status: {error}")));
                return false;
            }
        };
        let tuple = FourTuple::new(local, remote);
        let place = self.conversations.len();
        let name = format!("#{place}");
        let mut conversation = Conversation::new(name, id, tuple, status.iss, listening.options, listening.read);
        conversation.irs = Some(status.irs);
        self.conversations.push(conversation);
        met.push(Met::Accepted(place));
        self.converse(at, place, met);
        true
    }

    /// Gives the stack what the user wants to send, and the user what there is to read.
    pub(super) fn converse(&mut self, at: Instant, place: usize, met: &mut Vec<Met>) {
        self.write(at, place, met);
        self.read(at, place, met);
    }

    fn write(&mut self, at: Instant, place: usize, met: &mut Vec<Met>) {
        let now = now_of(at);
        let conversation = &mut self.conversations[place];
        while let (Some(id), Some(next)) = (conversation.id, conversation.pending.front_mut()) {
            match next {
                Pending::Send { data, urgent } => {
                    let sent = if *urgent {
                        self.stack.send_urgent(now, id, data)
                    } else {
                        self.stack.send(now, id, data)
                    };
                    match sent {
                        Ok(_) if data.is_empty() => {}
                        // Only after it has taken nothing does the stack owe an event.
                        Ok(0) => return,
                        Ok(_) => continue,
                        // A connection that ended takes no more; that it ended is told elsewhere.
                        Err(stack::SendError::Ended(_)) => {}
                        Err(error) => met.push(Met::Refused(format!("send: {error}"))),
                    }
                    conversation.pending.pop_front();
                }
                Pending::Call(call) => {
                    let call = *call;
                    conversation.pending.pop_front();
                    let tuple = conversation.tuple;
                    let refused = match call {
                        Call::Shutdown => match self.stack.shutdown(now, id) {
                            Ok(()) | Err(stack::SendError::Ended(_)) => None,
                            Err(error) => Some(error.to_string()),
                        },
                        Call::Abort => {
                            conversation.id = None;
                            self.stack.abort(now, id).err().map(|error| error.to_string())
                        }
                        _ => {
                            conversation.id = None;
                            self.stack.close(now, id).err().map(|error| error.to_string())
                        }
                    };
                    let text = match call {
                        Call::Shutdown => "CLOSE (sending side)",
                        Call::Abort => "ABORT",
                        _ => "CLOSE",
                    };
                    met.push(Met::Called(tuple, text.to_owned()));
                    met.extend(refused.map(|error| Met::Refused(format!("{text}: {error}"))));
                }
            }
        }
    }

    fn read(&mut self, at: Instant, place: usize, met: &mut Vec<Met>) {
        let conversation = &mut self.conversations[place];
        let mut appetite = conversation.appetite(at);
        while let Some(id) = conversation.id
            && appetite > 0
            && conversation.is_readable
            && !conversation.is_finished
        {
            match self.stack.receive(now_of(at), id, appetite.min(RECEIVE_MAX)) {
                Ok(Received::Data(bytes)) => {
                    if conversation.irs.is_none() {
                        conversation.irs = self.stack.status(now_of(at), id).ok().map(|status| status.irs);
                    }
                    appetite = appetite.saturating_sub(bytes.len());
                    let before = conversation.received;
                    conversation.received += bytes.len() as u64;
                    met.push(Met::Bytes(place, before, bytes));
                }
                Ok(Received::Nothing) => conversation.is_readable = false,
                Ok(Received::Finished) => {
                    if conversation.irs.is_none() {
                        conversation.irs = self.stack.status(now_of(at), id).ok().map(|status| status.irs);
                    }
                    conversation.is_finished = true;
                    met.push(Met::Finished(place));
                }
                // That it ended is told elsewhere; there is nothing more to read.
                Err(_) => conversation.is_readable = false,
            }
        }
        let will_return = matches!(conversation.reading, Reading::Rate(_))
            && conversation.is_readable
            && !conversation.is_finished
            && conversation.id.is_some();
        if !will_return {
            conversation.next_read = None;
        } else if conversation.next_read.is_none_or(|next| next <= at) {
            conversation.next_read = Some(at + TICK);
        }
    }
}
