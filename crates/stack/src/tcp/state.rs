//! RFC 9293 figure 5 as one pure table.

use core::fmt;

/// The states of a connection (RFC 9293 section 3.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// No connection at all.
    Closed,
    /// Waiting for a SYN.
    Listen,
    /// Our SYN is sent.
    SynSent,
    /// SYNs went both ways; ours is not acknowledged.
    SynReceived,
    /// Open.
    Established,
    /// Our FIN is not acknowledged, theirs has not come.
    FinWait1,
    /// Our FIN is acknowledged, theirs has not come.
    FinWait2,
    /// Their FIN has come, ours is not sent.
    CloseWait,
    /// Both FINs are sent, ours is not acknowledged; we closed as they did.
    Closing,
    /// Both FINs are sent, ours is not acknowledged; they closed first.
    LastAck,
    /// All is acknowledged; old segments are kept out for 2MSL.
    TimeWait,
}

/// What makes a connection change its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Arrow {
    /// The user listens.
    PassiveOpen,
    /// The user connects.
    ActiveOpen,
    /// A SYN arrives.
    SynArrives,
    /// A SYN that acknowledges ours arrives.
    SynAckArrives,
    /// The acknowledgment of our SYN arrives.
    OurSynAcked,
    /// The user closes.
    Close,
    /// The peer's FIN arrives, in order.
    FinArrives,
    /// The acknowledgment of our FIN arrives.
    OurFinAcked,
    /// 2MSL are over.
    TwoMslOver,
    /// An acceptable RST arrives.
    ResetArrives,
    /// The user aborts.
    Abort,
    /// Time ran out: retransmissions, keep-alive, user timeout, half-open lifetime.
    TimedOut,
    /// The handshake that was to replace a TIME-WAIT entry has failed, whatever by: the entry stands as before.
    ReopeningFails,
    /// There were as many entries of this kind as there may be, and this one made room for another.
    MakesRoom,
    /// An acknowledgment brings our SYN cookie back (RFC 4987 section 3.6): its SYN had left nothing behind.
    CookieReturns,
}

impl State {
    /// All of them, in the RFC's order.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// As the RFC writes it: `SYN-RECEIVED`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }

    /// Whether both SYNs are acknowledged ("synchronized", RFC 9293 section 3.5.2).
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived)
    }

    /// Whether the user may still SEND: CLOSE has not been called.
    pub const fn may_send(self) -> bool {
        matches!(
            self,
            Self::SynSent | Self::SynReceived | Self::Established | Self::CloseWait
        )
    }

    /// Whether the peer may still send: its FIN has not come.
    pub const fn may_receive(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Arrow {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::PassiveOpen,
        Self::ActiveOpen,
        Self::SynArrives,
        Self::SynAckArrives,
        Self::OurSynAcked,
        Self::Close,
        Self::FinArrives,
        Self::OurFinAcked,
        Self::TwoMslOver,
        Self::ResetArrives,
        Self::Abort,
        Self::TimedOut,
        Self::ReopeningFails,
        Self::MakesRoom,
        Self::CookieReturns,
    ];
}

/// The state that an arrow leads to; `None` where the figure has no such arrow.
///
/// Spec: RFC 9293 figure 5, with its notes: RST and ABORT from every state, the half-open entry back to nothing, and
/// the simultaneous open. Section 3.10.7.4, fourth: another SYN ends a half-open entry. MAY-2 and RFC 6191: a SYN reopens
/// TIME-WAIT, and returns to it where it was an old duplicate. What a bound makes of TIME-WAIT is our own.
pub const fn next(state: State, arrow: Arrow) -> Option<State> {
    use Arrow::*;
    use State::*;
    Some(match (state, arrow) {
        (Closed, PassiveOpen) => Listen,
        (Closed, ActiveOpen) => SynSent,
        (Listen, SynArrives | CookieReturns) => SynReceived,
        (Listen, Close) => Closed,
        (SynSent, SynAckArrives) => Established,
        (SynSent, SynArrives) => SynReceived,
        (SynSent, Close) => Closed,
        (SynReceived, OurSynAcked) => Established,
        (SynReceived, Close) => FinWait1,
        (SynReceived, SynArrives | MakesRoom) => Closed,
        (SynReceived, ReopeningFails) => TimeWait,
        (Established, Close) => FinWait1,
        (Established, FinArrives) => CloseWait,
        (FinWait1, OurFinAcked) => FinWait2,
        (FinWait1, FinArrives) => Closing,
        (FinWait2, FinArrives) => TimeWait,
        (CloseWait, Close) => LastAck,
        (Closing, OurFinAcked) => TimeWait,
        (LastAck, OurFinAcked) => Closed,
        (TimeWait, TwoMslOver) => Closed,
        (TimeWait, SynArrives) => SynReceived,
        (TimeWait, MakesRoom) => Closed,
        (Closed, _) => return None,
        (Listen, Abort) => Closed,
        (Listen, _) => return None,
        (TimeWait, Abort) => Closed,
        (TimeWait, _) => return None,
        (_, ResetArrives | Abort | TimedOut) => Closed,
        _ => return None,
    })
}
