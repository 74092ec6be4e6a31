//! Readiness: what a driver must be told, and no more.

/// Names a listener of one stack. A closed listener's id is never given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Names a connection of one stack, from `connect` or `accept` until `close` or `abort`. An id that was given back is
/// never given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ListenerId {
    /// A small number, unique among live listeners: an index for the driver's own tables.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

impl ConnectionId {
    /// A small number, unique among live connections: an index for the driver's own tables.
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

/// What a connection has become ready for since its last event. Level-triggered: try until it would block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Ready {
    /// The open is over: established, or failed (then `ended` is set too).
    pub opened: bool,
    /// RECEIVE would give data, the end of the stream, or an error.
    pub readable: bool,
    /// SEND would take data again after it refused some.
    pub writable: bool,
    /// The peer announced urgent data (RFC 6093; RFC 9293 MUST-32).
    pub urgent: bool,
    /// The peer leaves unanswered what was sent again [`retransmissions_notice`](crate::ConnectionOptions) times: R1 is
    /// reached, and R2 may be (RFC 9293 SHLD-9). `status` says whether it still does.
    pub unanswered: bool,
    /// Nothing more will come of this connection: it is CLOSED, in TIME-WAIT, or failed. See `status`.
    pub ended: bool,
}

impl Ready {
    /// Whether nothing is set.
    pub const fn is_empty(self) -> bool {
        !(self.opened || self.readable || self.writable || self.urgent || self.unanswered || self.ended)
    }
}

/// Readiness, deduplicated: an object has at most one event waiting, and it carries all that became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// At least one connection waits in the accept queue.
    Acceptable(ListenerId),
    /// A connection became ready.
    Connection(ConnectionId, Ready),
}
