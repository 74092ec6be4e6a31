//! After anything touched a connection: its events, its timers, its place in the transmit queue, and its end.

use super::{Stack, Waiting, context};
use crate::observer::{Cause, Observer, Why};
use crate::tcp::connection::Owner;
use crate::tcp::cookie;
use crate::tcp::output;
use crate::tcp::state::{Arrow, State};
use crate::tcp::timewait::TimeWaitFacts;
use crate::time::{Duration, Now};
use wire::tcp::Flags;

impl<O: Observer> Stack<O> {
    /// Makes the stack agree with what connection `i` has become.
    pub(super) fn settle(&mut self, now: Now, i: u32) {
        let Some(c) = self.connections.get_mut(i) else { return };
        c.booked = self.ledger.book(c.booked, c.held());
        if c.is_over() {
            if !c.detached {
                self.detach(now, i);
            }
        } else {
            if !c.transmit_queued {
                c.transmit_queued = true;
                self.transmit.push_back(i);
            }
            self.connections.schedule(now.mono, i);
        }
        self.announce(i);
    }

    /// Queues an event for the user, when there is one of both.
    fn announce(&mut self, i: u32) {
        let id = self.connections.id(i);
        let Some(c) = self.connections.get_mut(i) else { return };
        if c.owner == Owner::User && !c.ready.is_empty() && !c.event_queued {
            c.event_queued = true;
            self.events.push_back(Waiting::Connection(id));
        }
    }

    /// The connection is over: segments no longer find it, TIME-WAIT takes its place where it must, and what nobody holds
    /// is given back.
    fn detach(&mut self, now: Now, i: u32) {
        self.connections.unhash(i);
        let Some(c) = self.connections.get_mut(i) else { return };
        c.detached = true;
        let (owner, epoch) = (c.owner, c.epoch);
        if let Some(listener) = c.counted.take()
            && let Some(l) = self.listeners.get_mut(listener)
        {
            l.discount_source(c.tuple.remote_addr);
        }
        if c.state() == State::TimeWait {
            self.enter_time_wait(now, i);
        }
        if let Some(epoch) = epoch {
            self.spend_cookie(now, i, epoch.into());
        }
        if owner == Owner::Nobody {
            self.give_back(i);
        }
    }

    /// A connection that is over and that nobody holds.
    pub(super) fn give_back(&mut self, i: u32) {
        if let Some(c) = self.connections.get_mut(i) {
            c.booked = self.ledger.book(c.booked, 0);
        }
        self.connections.free(i);
    }

    /// Leaves a small entry where the connection stood, and sends the acknowledgment that it still owes.
    fn enter_time_wait(&mut self, now: Now, i: u32) {
        let Some(c) = self.connections.get_mut(i) else { return };
        let mut cx = context!(self, now);
        if let Some(cause) = c.ack.take() {
            let plan = output::Plan {
                seq: c.snd.nxt,
                len: 0,
                flags: Flags::ACK,
                cause,
            };
            let header = output::header(&cx, c, &plan);
            cx.reply_marked(c.options.dscp, c.tuple, header, Cause::FinAck);
        }
        let facts = TimeWaitFacts {
            tuple: c.tuple,
            snd_nxt: c.snd.nxt,
            rcv_nxt: c.rcv.nxt,
            ts_recent: c.ts.map_or(0, |ts| ts.recent),
            ts_offset: c.ts.map_or(0, |ts| ts.offset),
            timestamps: c.ts.is_some(),
        };
        let until = now.mono + self.config.time_wait;
        let inserted = self.time_waits.insert(now.mono, &self.keys, &facts, until);
        if let Some(evicted) = inserted.evicted {
            // What was to reopen it goes with it: its own ISS follows from the entry.
            if let Some(half_open) = self.embryos.find(&self.keys.place(&evicted)) {
                self.forget_half_open(now, half_open, Arrow::ReopeningFails);
            }
            let mut cx = context!(self, now);
            cx.step(evicted, State::TimeWait, Arrow::MakesRoom);
            cx.dropped(Some(evicted), Why::TimeWaitsFull);
        }
    }

    /// A connection whose SYN-ACK was a cookie is over. An old copy of the segment that brought the cookie must not open it
    /// again while the cookie lives, where it may be taken without an entry or an old copy of the SYN has made one.
    fn spend_cookie(&mut self, now: Now, i: u32, epoch: u64) {
        let Some(c) = self.connections.get(i) else { return };
        let rest = Duration::from_secs(cookie::rest_s(now.unix_s, epoch));
        let is_kept_out = c.state() == State::TimeWait && rest <= self.config.time_wait;
        if rest == Duration::ZERO || is_kept_out {
            return;
        }
        let (tuple, until) = (c.tuple, now.mono + rest);
        if self.spent.insert(now.mono, &self.keys, &tuple, c.rcv.irs, until) {
            context!(self, now).dropped(None, Why::SpentCookiesFull);
        }
    }
}
