//! What is kept of the packets: one good client's connection, and the first of the attack.

use lens::{Host, HostKind, Mark, Record, Trace};
use stack::{Cause, FourTuple, Instant, State, Why};

use super::ATTACK_BEGINS;
use super::server::Server;
use crate::glance::Glance;

/// Hosts of the traces.
pub(super) const GOOD: usize = 0;
pub(super) const SERVER: usize = 1;
pub(super) const OTHERS: usize = 2;

/// Packets that are kept whoever sent them, from the beginning of the attack. Units: packets.
const CAPTURED_MAX: usize = 2_000;

/// A tape of bounded length.
pub(super) struct Tape {
    trace: Trace,
    /// The connection that is kept whole, as its client names it.
    connection: Option<FourTuple>,
}

/// A packet that is about to be sent.
pub(super) struct Sent<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) bytes: &'a [u8],
    pub(super) cause: Option<Cause>,
    /// When it will arrive; `None`: there is nobody at its destination.
    pub(super) arrives: Option<Instant>,
}

impl Tape {
    pub(super) fn new(title: &str) -> Self {
        let hosts = vec![
            Host::new("client", HostKind::Syndic, Vec::new()),
            Host::new("server", HostKind::Syndic, vec![Server::LOCAL.ip()]),
            Host::new("others", HostKind::Script, Vec::new()),
        ];
        Self {
            trace: Trace {
                title: title.to_owned(),
                hosts,
                records: Vec::new(),
                marks: Vec::new(),
            },
            connection: None,
        }
    }

    /// From now on this connection is kept whole, if it is the first one that is offered.
    pub(super) fn follow(&mut self, at: Instant, connection: FourTuple) {
        if self.connection.is_none() {
            self.connection = Some(connection);
            self.mark(at, GOOD, Some(connection), "active OPEN");
        }
    }

    pub(super) fn mark(&mut self, at: Instant, host: usize, connection: Option<FourTuple>, text: &str) {
        self.trace.marks.push(Mark {
            at,
            host,
            connection,
            text: text.to_owned(),
            state: None,
        });
    }

    /// Keeps a packet, if it is one to be kept. Gives its place, so that its arrival can be told.
    pub(super) fn sent(&mut self, at: Instant, sent: &Sent<'_>, state: impl Fn(&FourTuple) -> State) -> Option<usize> {
        let is_early = at >= Instant::ZERO + ATTACK_BEGINS && self.trace.records.len() < CAPTURED_MAX;
        if !is_early && self.connection.is_none() {
            return None;
        }
        let glance = Glance::of(sent.bytes)?;
        if !is_early && !self.is_followed(&glance.tuple) {
            return None;
        }
        let mut record = Record::new(at, None, sent.from, sent.to, sent.bytes.to_vec());
        record.cause = sent.cause;
        record.fate = match sent.arrives {
            Some(_) => lens::Fate::InFlight,
            None => lens::Fate::Lost,
        };
        if sent.from == OTHERS {
            record.injected = true;
        } else {
            record.sender_state = Some(state(&glance.tuple));
        }
        self.trace.records.push(record);
        Some(self.trace.records.len() - 1)
    }

    /// A packet that is kept has arrived, and was dropped or not.
    pub(super) fn arrived(
        &mut self,
        at: Instant,
        place: usize,
        dropped: Option<Why>,
        state: impl Fn(&FourTuple) -> State,
    ) {
        let Some(record) = self.trace.records.get_mut(place) else {
            return;
        };
        record.arrived = Some(at);
        record.fate = lens::Fate::Delivered;
        record.dropped = dropped;
        if record.to != OTHERS {
            let tuple = Glance::of(&record.bytes).map(|glance| glance.tuple.reversed());
            record.receiver_state = tuple.map(|tuple| state(&tuple));
        }
    }

    fn is_followed(&self, tuple: &FourTuple) -> bool {
        self.connection
            .is_some_and(|followed| *tuple == followed || *tuple == followed.reversed())
    }

    /// The connection that was kept whole, and everything that was kept.
    pub(super) fn finish(self) -> (Trace, Trace) {
        let mut ladder = Trace {
            records: Vec::new(),
            ..self.trace.clone()
        };
        ladder.hosts.truncate(OTHERS);
        ladder.marks.retain(|mark| mark.connection == self.connection);
        let followed = self.trace.records.iter().filter(|record| {
            let glance = Glance::of(&record.bytes);
            glance.is_some_and(|glance| self.is_followed(&glance.tuple)) && record.from != OTHERS
        });
        ladder.records = followed.cloned().collect();
        (ladder, self.trace)
    }
}
