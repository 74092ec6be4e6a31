//! What both users do, and how much the wire may do to it.

/// What a wire and a clock may do on one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Segments in flight in either direction. A stack that would send more waits, as for a link that is full.
    pub in_flight: usize,
    /// Segments that may be lost.
    pub lost: u8,
    /// Segments that may arrive and stay in flight, to arrive again.
    pub repeated: u8,
    /// Timers that may run out while there is something else to happen. When there is nothing else they always run.
    pub late: u8,
    /// Whether both stacks offer timestamps.
    pub timestamps: bool,
}

impl Default for Bounds {
    /// Two in flight, one lost, one repeated, one timer too early.
    fn default() -> Self {
        Self {
            in_flight: 2,
            lost: 1,
            repeated: 1,
            late: 1,
            timestamps: true,
        }
    }
}

/// How an end begins, before anything else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Passive OPEN; a connection that comes is accepted at once.
    Listen,
    /// Active OPEN.
    Connect,
    /// Not at all: its calls may say otherwise.
    Nothing,
}

/// A call of a user. Calls are made in order, at any time at which they can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Active OPEN.
    Connect,
    /// Active OPEN of another connection on the same ports, so many microseconds after nothing of the old one is left here: the
    /// peer may have it in TIME-WAIT.
    Reconnect(u32),
    /// Takes the next connection that a listener has, once the old one is closed.
    Accept,
    /// SEND of so many bytes, in a segment of their own where windows let them.
    Send(u8),
    /// CLOSE of the sending side, once the own SYN was answered.
    Shutdown,
    /// CLOSE, whatever the state.
    Close,
    /// CLOSE once the stream has ended or the connection is over.
    CloseAtEnd,
    /// ABORT.
    Abort,
}

/// What two users do, on at most two connections. Whatever arrives they read at once.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name, a few words with hyphens.
    pub name: &'static str,
    /// How each end begins.
    pub open: [Open; 2],
    /// What each user does then.
    pub calls: [&'static [Call]; 2],
    /// Nobody breaks off, so that every byte has to arrive whatever the wire does.
    pub orderly: bool,
}

use Call::*;
use Open::{Connect as Active, Listen as Passive, Nothing};

/// A user who sends nothing and closes as the peer does.
const FOLLOW: &[Call] = &[CloseAtEnd];
const END: &[Call] = &[Shutdown, CloseAtEnd];
/// So much later that every number of the new connection is beyond those of the old one.
const SECOND: u32 = 1_000_000;
/// So little later that after 60 bytes neither the new SYN's sequence number, one more every 4 us, nor its timestamp is beyond:
/// to TIME-WAIT it is an old duplicate.
const TOO_SOON: u32 = 100;
/// A listener's user who closes first, twice.
const REOPENED: &[Call] = &[Shutdown, CloseAtEnd, Accept, Shutdown, CloseAtEnd];

impl Plan {
    /// All of them: opens of every kind, against closes of every kind.
    pub const ALL: &'static [Self] = &[
        Self::orderly("client-closes-first", [Active, Passive], [END, &[CloseAtEnd]]),
        Self::orderly("server-closes-first", [Active, Passive], [FOLLOW, END]),
        Self::orderly("both-close", [Active, Passive], [END, END]),
        Self::orderly(
            "client-sends",
            [Active, Passive],
            [&[Send(2), Send(1), Shutdown, CloseAtEnd], FOLLOW],
        ),
        Self::orderly(
            "server-sends",
            [Active, Passive],
            [FOLLOW, &[Send(2), Shutdown, CloseAtEnd]],
        ),
        Self::orderly(
            "both-send-and-close",
            [Active, Passive],
            [&[Send(2), Shutdown, CloseAtEnd], &[Send(1), Shutdown, CloseAtEnd]],
        ),
        Self::orderly("crossing-syns", [Active, Active], [END, END]),
        Self::orderly("crossing-syns-one-follows", [Active, Active], [END, FOLLOW]),
        Self::orderly(
            "crossing-syns-and-data",
            [Active, Active],
            [&[Send(2), Shutdown, CloseAtEnd], &[Send(1), Shutdown, CloseAtEnd]],
        ),
        Self::broken(
            "crossing-syn-may-come-late",
            [Active, Nothing],
            [&[CloseAtEnd], &[Connect, Close]],
        ),
        Self::broken("nobody-listens", [Active, Nothing], [&[Send(1), CloseAtEnd], &[]]),
        Self::broken("client-closes-at-any-time", [Active, Passive], [&[Close], FOLLOW]),
        Self::broken(
            "client-sends-and-lets-go",
            [Active, Passive],
            [&[Send(2), Close], &[Send(1), CloseAtEnd]],
        ),
        Self::broken("client-aborts", [Active, Passive], [&[Abort], FOLLOW]),
        Self::broken(
            "client-sends-and-aborts",
            [Active, Passive],
            [&[Send(2), Abort], &[Send(1), CloseAtEnd]],
        ),
        Self::broken("server-aborts", [Active, Passive], [&[Send(1), CloseAtEnd], &[Abort]]),
        Self::broken("abort-after-fin", [Active, Passive], [&[Shutdown, Abort], END]),
        Self::broken("crossing-syns-and-abort", [Active, Active], [&[Abort], END]),
        Self::broken("both-abort", [Active, Passive], [&[Send(1), Abort], &[Send(1), Abort]]),
        Self::broken("abort-as-the-other-closes", [Active, Passive], [END, &[Abort]]),
        Self::broken("crossing-syns-both-abort", [Active, Active], [&[Abort], &[Abort]]),
        Self::broken("crossing-syns-both-let-go", [Active, Active], [&[Close], &[Close]]),
        Self::broken(
            "crossing-syns-and-one-lets-go",
            [Active, Active],
            [&[Close], &[Send(1), Shutdown, CloseAtEnd]],
        ),
        Self::orderly(
            "reconnects-too-soon",
            [Active, Passive],
            [&[Send(60), CloseAtEnd, Reconnect(TOO_SOON), CloseAtEnd], REOPENED],
        ),
        Self::orderly(
            "reconnects",
            [Active, Passive],
            [&[CloseAtEnd, Reconnect(SECOND), CloseAtEnd], REOPENED],
        ),
        Self::orderly(
            "reconnects-and-sends",
            [Active, Passive],
            [
                &[Send(1), CloseAtEnd, Reconnect(SECOND), Send(1), CloseAtEnd],
                &[Shutdown, CloseAtEnd, Accept, Shutdown, CloseAtEnd],
            ],
        ),
        Self::orderly(
            "reconnects-after-two-msl",
            [Active, Passive],
            [&[Shutdown, CloseAtEnd, Reconnect(SECOND), CloseAtEnd], REOPENED],
        ),
        Self::broken(
            "reconnects-and-aborts",
            [Active, Passive],
            [&[CloseAtEnd, Reconnect(SECOND), Abort], REOPENED],
        ),
        Self::broken(
            "reconnects-and-lets-go",
            [Active, Passive],
            [&[Send(60), CloseAtEnd, Reconnect(TOO_SOON), Close], REOPENED],
        ),
    ];

    const fn orderly(name: &'static str, open: [Open; 2], calls: [&'static [Call]; 2]) -> Self {
        Self {
            name,
            open,
            calls,
            orderly: true,
        }
    }

    const fn broken(name: &'static str, open: [Open; 2], calls: [&'static [Call]; 2]) -> Self {
        Self {
            name,
            open,
            calls,
            orderly: false,
        }
    }
}
