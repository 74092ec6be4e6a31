//! A SYN meets a listener (RFC 9293 section 3.10.7.2): it is answered or not, and an entry is kept or not.

use wire::tcp::Header;

use super::handshake::offer;
use super::judge::Sign;
use super::{Stack, context};
use crate::config::SynCookies;
use crate::flood::{Admission, Bound, ReplyKind};
use crate::observer::{Cause, Fact, Observer, Why};
use crate::tcp::cookie::{epoch_near, epoch_of};
use crate::tcp::embryo::{EmbryoFacts, EmbryoRef};
use crate::tcp::state::{Arrow, State};
use crate::time::Now;
use crate::tuple::FourTuple;

/// What is kept of a SYN that is answered.
enum Keep {
    Entry,
    Nothing,
}

impl<O: Observer> Stack<O> {
    /// A SYN that a listener may take. Text on it is left for its sender to send again.
    pub(super) fn syn(
        &mut self,
        now: Now,
        tuple: FourTuple,
        listener: u16,
        header: &Header,
        reopening: bool,
    ) -> Result<(), Why> {
        let Some(l) = self.listeners.at(listener) else {
            return Err(Why::NoListener);
        };
        if l.is_accept_queue_full() {
            return Err(Why::AcceptQueueFull);
        }
        if l.is_source_full(tuple.remote_addr) {
            return Err(Why::ConnectionsPerSource);
        }
        if !reopening && self.spent.has(now.mono, &self.keys, &tuple, header.seq) {
            return Err(Why::CookieSpent);
        }
        let offer = offer(&self.config, &tuple, header);
        let facts = EmbryoFacts {
            tuple,
            irs: header.seq,
            ts_recent: header
                .options
                .timestamps
                .filter(|_| offer.timestamps)
                .map_or(0, |o| o.val),
            listener,
            offer,
            reopening,
            epoch: epoch_of(now.unix_s) as u8,
        };
        let admission = self.limiter.admit(now.mono, tuple.remote_addr);
        // A reopening is known by its TIME-WAIT entry, and nobody is answered by a cookie whom none would help.
        let keep = match admission {
            Admission::Refuse(bound) => Err(over(bound)),
            Admission::CookieOnly(bound) if !reopening => self.cookie_only(listener, bound),
            Admission::CookieOnly(_) | Admission::Keep(_) => self.room_for(now, &facts),
        };
        // Whom the full queue turns away is not to blame for it.
        if !matches!(keep, Err(Why::SynQueueFull | Why::EmbryosFull)) {
            self.tell_gauge(now, listener, tuple.remote_addr, Sign::Syn);
        }
        let keep = keep?;
        self.take_reply(now, ReplyKind::SynAck, tuple.remote_addr, admission.standing())
            .ok_or(Why::SynAckBudget)?;
        match keep {
            Keep::Entry => self.open_half(now, &facts),
            Keep::Nothing => self.send_cookie(now, &facts),
        }
    }

    /// A source that is over its limit is answered, but nothing is kept of it.
    fn cookie_only(&self, listener: u16, bound: Bound) -> Result<Keep, Why> {
        let cookies = self.listeners.at(listener).map(|l| l.options.syn_cookies);
        match cookies {
            Some(SynCookies::Auto | SynCookies::Always) => Ok(Keep::Nothing),
            Some(SynCookies::Never) | None => Err(over(bound)),
        }
    }

    /// Whether an entry is kept, and if so, the room for it.
    fn room_for(&mut self, now: Now, facts: &EmbryoFacts) -> Result<Keep, Why> {
        let Some(l) = self.listeners.at_mut(facts.listener) else {
            return Err(Why::NoListener);
        };
        let full = l.is_syn_queue_full();
        match l.options.syn_cookies {
            // The ISS of a reopening follows from the TIME-WAIT entry, and no cookie can say that.
            _ if facts.reopening => {}
            SynCookies::Never if full => return Err(Why::SynQueueFull),
            SynCookies::Never if self.embryos.is_full() => return Err(Why::EmbryosFull),
            SynCookies::Never => return Ok(Keep::Entry),
            SynCookies::Always => return Ok(Keep::Nothing),
            SynCookies::Auto => {
                if full && !l.is_stateless {
                    l.is_stateless = true;
                    self.tell_stateless(now, facts.listener);
                    return Ok(Keep::Nothing);
                }
                if l.is_stateless {
                    return Ok(Keep::Nothing);
                }
            }
        }
        if !self.embryos.is_full() || self.who_makes_room().is_some() {
            return Ok(Keep::Entry);
        }
        if facts.reopening {
            Err(Why::EmbryosFull)
        } else {
            Ok(Keep::Nothing)
        }
    }

    /// The half-open entry that is nearest to its time: its client has a cookie, and needs no entry. Not one that reopens a
    /// TIME-WAIT entry: its client has no cookie.
    fn who_makes_room(&self) -> Option<(EmbryoRef, EmbryoFacts)> {
        let at = self.embryos.nearest()?;
        let facts = self.embryos.get(at)?.facts;
        let listener = self.listeners.at(facts.listener)?;
        let has_cookie = listener.options.syn_cookies != SynCookies::Never;
        (has_cookie && !facts.reopening).then_some((at, facts))
    }

    /// Makes room. Only for a SYN that is answered: one that no budget lets us answer costs nobody an entry.
    fn make_room(&mut self, now: Now) {
        let Some((at, facts)) = self.who_makes_room() else {
            return;
        };
        self.leave_to_cookie(now, facts.listener, facts.epoch);
        self.forget_half_open(now, at, Arrow::MakesRoom);
        context!(self, now).dropped(Some(facts.tuple), Why::HalfOpenEvicted);
    }

    /// A half-open entry, and the SYN-ACK.
    fn open_half(&mut self, now: Now, facts: &EmbryoFacts) -> Result<(), Why> {
        if self.embryos.is_full() {
            self.make_room(now);
        }
        let Some(at) = self.embryos.insert(now.mono, &self.keys, facts) else {
            return Err(Why::EmbryosFull);
        };
        if let Some(l) = self.listeners.at_mut(facts.listener) {
            l.half_open += usize::from(!facts.reopening);
            let first = l.first_wait();
            self.embryos.schedule(now.mono, at, now.mono + first);
        }
        let from = if facts.reopening {
            State::TimeWait
        } else {
            State::Listen
        };
        context!(self, now).step(facts.tuple, from, Arrow::SynArrives);
        let Some(answer) = self.answer(now, facts) else {
            return Ok(());
        };
        self.syn_ack(now, facts, answer, Cause::SynAck);
        Ok(())
    }

    /// The SYN-ACK alone.
    fn send_cookie(&mut self, now: Now, facts: &EmbryoFacts) -> Result<(), Why> {
        let Some(answer) = self.answer(now, facts) else {
            return Ok(());
        };
        if let Some(l) = self.listeners.at_mut(facts.listener) {
            l.in_flight.note(now.unix_s, epoch_of(now.unix_s));
        }
        self.counters.cookies_sent = self.counters.cookies_sent.wrapping_add(1);
        self.syn_ack(now, facts, answer, Cause::SynCookie);
        Ok(())
    }

    /// From now on there is a cookie of this epoch for which no entry stands.
    pub(super) fn leave_to_cookie(&mut self, now: Now, listener: u16, epoch: u8) {
        if let Some(l) = self.listeners.at_mut(listener) {
            l.in_flight.note(now.unix_s, epoch_near(now.unix_s, epoch));
        }
    }

    /// A half-open entry is gone.
    pub(super) fn leave_syn_queue(&mut self, now: Now, facts: &EmbryoFacts) {
        let listener = facts.listener;
        let Some(l) = self.listeners.at_mut(listener).filter(|_| !facts.reopening) else {
            return;
        };
        l.half_open = l.half_open.saturating_sub(1);
        if l.is_stateless && l.half_open <= l.options.syn_backlog / 2 {
            l.is_stateless = false;
            self.tell_stateless(now, listener);
        }
        self.tell_half_open(listener);
    }

    fn tell_stateless(&mut self, now: Now, listener: u16) {
        let Some(l) = self.listeners.at(listener) else { return };
        let fact = Fact::SynCookies {
            local: l.options.local,
            on: l.is_stateless,
            half_open: l.half_open,
            backlog: l.options.syn_backlog,
        };
        context!(self, now).fact(&fact);
    }
}

/// The bound that a SYN's source is over.
pub(super) const fn over(bound: Bound) -> Why {
    match bound {
        Bound::Address => Why::AddressLimit,
        Bound::Prefix => Why::PrefixLimit,
        Bound::Proven => Why::ProvenLimit,
    }
}
