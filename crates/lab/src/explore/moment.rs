//! Both ends and what lies between them at one moment, and the moves from it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use stack::{Duration, Entry, Instant, Now, State};

use super::Fault;
use super::end::End;
use super::plan::{Bounds, Call, Plan};
use super::watch::Watch;
use crate::glance::Glance;

/// Everything at one moment. Segments arrive in no time; time passes only by [`Move::Tick`], and for a user who waits.
#[derive(Clone)]
pub(super) struct Moment {
    ends: [End; 2],
    now: Instant,
    left: Bounds,
}

/// What can happen next. An end is 0 or 1; a place is that of a segment among those in flight from that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The user of this end makes the next call.
    Call(usize),
    /// A segment from this end arrives.
    Deliver(usize, usize),
    /// A segment from this end arrives, and stays in flight.
    Repeat(usize, usize),
    /// A segment from this end is lost.
    Lose(usize, usize),
    /// Time passes until the next timer runs out.
    Tick,
}

impl Moment {
    /// The beginning: both ends have opened as planned.
    pub(super) fn new(plan: &Plan, bounds: &Bounds) -> Self {
        let now = Instant::ZERO + Duration::from_secs(1);
        let mut moment = Self {
            ends: [0, 1].map(|end| End::new(clock(now), end, plan, bounds)),
            now,
            left: *bounds,
        };
        moment.settle();
        moment
    }

    /// What can happen next; nothing at rest.
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (end, at) in self.ends.iter().enumerate() {
            if at.may_call() {
                moves.push(Move::Call(end));
            }
            for place in at.wire.places() {
                moves.push(Move::Deliver(end, place));
                if self.left.repeated > 0 {
                    moves.push(Move::Repeat(end, place));
                }
                if self.left.lost > 0 {
                    moves.push(Move::Lose(end, place));
                }
            }
        }
        if let Some(until) = self.next_timer()
            && (moves.is_empty() || self.left.late > 0 && self.ends.iter().all(|end| end.wire.may_wait(until)))
        {
            moves.push(Move::Tick);
        }
        moves
    }

    fn next_timer(&self) -> Option<Instant> {
        self.ends.iter().filter_map(|end| end.stack.poll_timeout()).min()
    }

    /// Makes a move, and looks both ends over.
    pub(super) fn take(&mut self, next: &Move) -> Result<(), Fault> {
        match *next {
            Move::Call(end) => {
                if let Some(Call::Reconnect(wait_us)) = self.ends[end].next_call() {
                    self.pass(self.now + Duration::from_micros(wait_us.into()));
                }
                self.ends[end].call(clock(self.now));
            }
            Move::Deliver(end, place) => {
                let packet = self.ends[end].wire.remove(place);
                self.ends[1 - end].arrive(clock(self.now), &packet);
            }
            Move::Repeat(end, place) => {
                self.left.repeated -= 1;
                let packet = self.ends[end].wire.packet(place).to_vec();
                self.ends[1 - end].arrive(clock(self.now), &packet);
            }
            Move::Lose(end, place) => {
                self.left.lost -= 1;
                self.ends[end].wire.remove(place);
            }
            Move::Tick => {
                let is_late = self.ends.iter().any(|end| !end.wire.is_empty() || end.may_call());
                self.left.late -= u8::from(is_late);
                if let Some(at) = self.next_timer() {
                    self.pass(self.now.max(at));
                }
            }
        }
        self.settle();
        self.read()?;
        self.settle();
        self.look()
    }

    /// Time passes, and timers run out.
    fn pass(&mut self, until: Instant) {
        self.now = until;
        for end in &mut self.ends {
            end.stack.handle_timeout(clock(until));
        }
    }

    fn settle(&mut self) {
        let (now, most) = (clock(self.now), self.left.in_flight);
        self.ends.iter_mut().for_each(|end| end.settle(now, most));
    }

    fn read(&mut self) -> Result<(), Fault> {
        let [first, second] = &mut self.ends;
        first.read(clock(self.now), second.user.sent)?;
        second.read(clock(self.now), first.user.sent)
    }

    fn look(&self) -> Result<(), Fault> {
        for (n, end) in self.ends.iter().enumerate() {
            let watch = end.stack.observer();
            if let Some(fault) = &watch.fault {
                return Err(fault.clone());
            }
            for entry in end.stack.entries(clock(self.now)) {
                let Entry::Connection { status, .. } = entry else {
                    continue;
                };
                let (una, nxt) = (status.snd_una, status.snd_nxt);
                if una.after(nxt) {
                    return Err(Fault::Inconsistent(format!(
                        "end {n}: SND.UNA {una} is after SND.NXT {nxt}"
                    )));
                }
                if status.state != watch.state {
                    let (says, told) = (status.state, watch.state);
                    return Err(Fault::Inconsistent(format!(
                        "end {n}: STATUS says {says}, the facts say {told}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Nothing can happen any more: both users are done, both ends are CLOSED, and where nobody broke off all bytes are there.
    pub(super) fn look_at_rest(&self, plan: &Plan) -> Result<(), Fault> {
        for (n, end) in self.ends.iter().enumerate() {
            let Watch { state, ended, .. } = end.stack.observer();
            let user = &end.user;
            if let Some(waits) = end.next_call() {
                // Where somebody broke off, a listener's user whom no connection has reached has nothing to do.
                let never_reached = user.id.is_none() && (user.calls == 0 || waits == Call::Accept);
                if plan.orderly || !never_reached {
                    return Err(Fault::Deadlock(format!(
                        "the user of end {n} cannot make the call {waits:?}"
                    )));
                }
            }
            if end.stack.counts() != (0, 0, 0) || *state != State::Closed {
                let counts = end.stack.counts();
                return Err(Fault::Deadlock(format!("end {n} is in {state}, and holds {counts:?}")));
            }
            if plan.orderly && user.ghosts > 0 {
                return Err(Fault::Ghost);
            }
            let sent = self.ends[1 - n].user.sent;
            if plan.orderly && (user.received != sent || !user.finished || ended.is_some()) {
                let received = user.received;
                return Err(Fault::Lost(format!(
                    "end {n} has {received:?} of {sent:?} bytes, ended: {ended:?}"
                )));
            }
        }
        Ok(())
    }

    /// Tells moments apart from which different things may follow.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut into = DefaultHasher::new();
        for end in &self.ends {
            end.stack.fingerprint(&mut into);
            let watch = end.stack.observer();
            (watch.state, watch.reopens, watch.ended, &end.user, &end.wire).hash(&mut into);
        }
        (self.now, self.left.lost, self.left.repeated, self.left.late).hash(&mut into);
        into.finish()
    }
}

/// The time as a stack is told it.
fn clock(now: Instant) -> Now {
    Now {
        mono: now,
        unix_s: now.as_nanos() / 1_000_000_000,
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.ends;
        let at = self.now.as_millis();
        let [left, right] = [a, b].map(|end| end.stack.observer().state);
        write!(
            f,
            "{left:>12} {:>2} ⇄ {:<2} {right:<12} {at} ms",
            a.wire.len(),
            b.wire.len()
        )
    }
}

impl Move {
    /// In words, as it is made from this moment.
    pub(super) fn read(&self, from: &Moment) -> String {
        let segment = |end: usize, place: usize| {
            let arrow = if end == 0 { "─▶" } else { "◀─" };
            match Glance::of(from.ends[end].wire.packet(place)) {
                Some(Glance { header, payload, .. }) => {
                    format!(
                        "{arrow} {} seq {} ack {} len {payload}",
                        header.flags, header.seq, header.ack
                    )
                }
                None => format!("{arrow} no TCP segment"),
            }
        };
        match *self {
            Self::Call(end) => format!("end {end} makes call {}", from.ends[end].user.calls + 1),
            Self::Deliver(end, place) => segment(end, place),
            Self::Repeat(end, place) => format!("{} (once more to come)", segment(end, place)),
            Self::Lose(end, place) => format!("{} (lost)", segment(end, place)),
            Self::Tick => "time passes".to_owned(),
        }
    }
}
