//! A user's side of a connection: what it has given to SEND, what RECEIVE has given it, and how it reads.

use std::collections::VecDeque;

use bytes::Bytes;
use stack::{ConnectionId, ConnectionOptions, Duration, FourTuple, Instant};
use wire::seq::SeqNumber;

use crate::script::{Call, Reading};

/// How often a user that reads at a rate reads.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// A user's side of a connection.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) name: String,
    /// `None` once the user has let go of it.
    pub(super) id: Option<ConnectionId>,
    pub(super) tuple: FourTuple,
    pub(super) options: ConnectionOptions,
    /// ISS: with the four-tuple it names one incarnation.
    pub(super) iss: SeqNumber,
    /// IRS, once something was received.
    pub(super) irs: Option<SeqNumber>,
    /// The user at the other end, once known: its host and its place among that host's conversations.
    pub(super) peer: Option<(usize, usize)>,
    /// All that the user has wanted to send, taken by the stack or not.
    pub(super) given: Vec<u8>,
    /// What the stack has not yet taken.
    pub(super) pending: VecDeque<Pending>,
    pub(super) reading: Reading,
    /// The stack has said that there is something, and RECEIVE has not yet said that there is nothing.
    pub(super) is_readable: bool,
    /// When a user that reads at a rate reads next.
    pub(super) next_read: Option<Instant>,
    /// Bytes that RECEIVE has given.
    pub(super) received: u64,
    /// RECEIVE has told the end of the stream.
    pub(super) is_finished: bool,
}

/// What a user will do as soon as the stack takes it.
#[derive(Debug)]
pub(super) enum Pending {
    /// SEND, urgent or not.
    Send { data: Bytes, urgent: bool },
    /// CLOSE in one of its forms.
    Call(Call),
}

impl Conversation {
    pub(super) fn new(
        name: String,
        id: ConnectionId,
        tuple: FourTuple,
        iss: SeqNumber,
        options: ConnectionOptions,
        reading: Reading,
    ) -> Self {
        Self {
            name,
            id: Some(id),
            tuple,
            options,
            iss,
            irs: None,
            peer: None,
            given: Vec::new(),
            pending: VecDeque::new(),
            reading,
            is_readable: true,
            next_read: None,
            received: 0,
            is_finished: false,
        }
    }

    /// How many bytes the user would read now; 0 when it would not.
    pub(super) fn appetite(&self, now: Instant) -> usize {
        match self.reading {
            Reading::Everything => usize::MAX,
            Reading::Nothing => 0,
            Reading::Rate(_) if self.next_read.is_some_and(|at| at > now) => 0,
            // The bytes of one tick; a slower user reads one byte per tick.
            Reading::Rate(per_s) => (per_s / (1_000 / TICK.as_millis())).max(1) as usize,
        }
    }

    /// When the user comes back to read by itself.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.next_read.filter(|_| self.id.is_some() && self.is_readable)
    }
}
