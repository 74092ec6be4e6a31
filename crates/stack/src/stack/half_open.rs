//! A segment or a timeout meets a half-open entry (RFC 9293 section 3.10.7.4 as far as SYN-RECEIVED after a passive open).

use wire::option::Timestamps as TimestampsOption;
use wire::tcp::{Flags, Header};

use super::arrival::Arrived;
use super::handshake::{Answer, NoRoom};
use super::judge::Sign;
use super::packets::bare_header;
use super::syn::over;
use super::{Stack, context};
use crate::config::SynCookies;
use crate::flood::{Admission, ReplyKind};
use crate::observer::{Cause, Observer, Why};
use crate::tcp::connection::{Settled, own_scale};
use crate::tcp::cookie::epoch_near;
use crate::tcp::ecn::Ecn;
use crate::tcp::embryo::{EmbryoFacts, EmbryoRef, EmbryoView};
use crate::tcp::listen::Listener;
use crate::tcp::state::{Arrow, State};
use crate::tcp::timestamps::{self, Timestamps};
use crate::time::{Duration, Now};

impl<O: Observer> Stack<O> {
    /// A segment for a half-open entry: RST, the SYN again, the third ACK, or what is none of these.
    pub(super) fn half_open_segment(&mut self, now: Now, at: EmbryoRef, arrived: &mut Arrived) -> Result<(), Why> {
        let header = &arrived.header;
        let Some(view) = self.embryos.get(at) else {
            return Err(Why::NotSyn);
        };
        let facts = view.facts;
        let Some(answer) = self.answer(now, &facts) else {
            self.forget_half_open(now, at, Arrow::TimedOut);
            return Err(Why::HalfOpenExpired);
        };
        let iss = answer.iss;
        let start = facts.irs + 1;
        let window = self.syn_window_of(facts.listener);
        let in_window = header.seq.within(start, window.max(1));
        if header.flags.rst() {
            return self.half_open_reset(now, at, &facts, answer, header.seq == start, in_window);
        }
        if header.flags.syn() {
            return self.half_open_syn(now, at, &facts, answer, header, in_window);
        }
        if !header.flags.ack() {
            return Err(Why::NoAck);
        }
        if header.ack != iss + 1 {
            if let Some(old) = self.reopened(&facts)
                && self.time_waits.get(old).is_some_and(|v| v.facts.snd_nxt == header.ack)
            {
                // It belongs to the connection that is being replaced, whose peer may still wait for our last ACK.
                return self.time_wait_segment(now, old, header, arrived.payload.len());
            }
            return self.stray_third_ack(now, at, &view, arrived);
        }
        let old = |o: TimestampsOption| facts.offer.timestamps && timestamps::is_older(o.val, facts.ts_recent);
        if header.options.timestamps.is_some_and(old) {
            self.stateless_ack(now, &facts, answer)?;
            return Err(Why::Paws);
        }
        if !in_window {
            self.stateless_ack(now, &facts, answer)?;
            return Err(Why::OutOfWindow);
        }
        self.third_ack(now, at, &view, answer, arrived)
    }

    /// RFC 5961 section 3.2 for a half-open entry.
    fn half_open_reset(
        &mut self,
        now: Now,
        at: EmbryoRef,
        facts: &EmbryoFacts,
        answer: Answer,
        exact: bool,
        in_window: bool,
    ) -> Result<(), Why> {
        if exact {
            self.tell_gauge(now, facts.listener, facts.tuple.remote_addr, Sign::Reset);
            self.forget_half_open(now, at, Arrow::ResetArrives);
            return Err(Why::HalfOpenReset);
        }
        if in_window {
            self.stateless_ack(now, facts, answer)?;
            return Err(Why::ResetInexact);
        }
        Err(Why::ResetOutOfWindow)
    }

    /// A SYN for a half-open entry: the same again asks for the SYN-ACK again; another inside the window ends the entry
    /// (RFC 9293 section 3.10.7.4, fourth, SYN-RECEIVED after a passive open); one outside is challenged.
    fn half_open_syn(
        &mut self,
        now: Now,
        at: EmbryoRef,
        facts: &EmbryoFacts,
        answer: Answer,
        header: &Header,
        in_window: bool,
    ) -> Result<(), Why> {
        if header.seq == facts.irs && !header.flags.ack() {
            let mut facts = *facts;
            if let Some(option) = header.options.timestamps
                && !timestamps::is_older(option.val, facts.ts_recent)
            {
                self.embryos.set_ts_recent(at, option.val);
                facts.ts_recent = option.val;
            }
            if self
                .listeners
                .at(facts.listener)
                .is_some_and(|l| !l.is_accept_queue_full())
            {
                self.tell_gauge(now, facts.listener, facts.tuple.remote_addr, Sign::Syn);
                let admission = self.limiter.admit(now.mono, facts.tuple.remote_addr);
                if let Admission::Refuse(bound) = admission {
                    return Err(over(bound));
                }
                self.take_reply(now, ReplyKind::SynAck, facts.tuple.remote_addr, admission.standing())
                    .ok_or(Why::SynAckBudget)?;
                self.syn_ack(now, &facts, answer, Cause::SynAckRetransmit);
                self.embryos.set_ambiguous(at);
            }
            return Err(Why::Duplicate);
        }
        if in_window && !header.flags.ack() {
            self.forget_half_open(now, at, Arrow::SynArrives);
        } else {
            self.stateless_ack(now, facts, answer)?;
        }
        Err(Why::SynOnConnection)
    }

    /// An ACK of another SYN-ACK than the entry's: one that answered the same SYN without an entry, in another epoch, is as
    /// good; anything else is reset.
    fn stray_third_ack(
        &mut self,
        now: Now,
        at: EmbryoRef,
        view: &EmbryoView,
        arrived: &mut Arrived,
    ) -> Result<(), Why> {
        let facts = &view.facts;
        let (header, len) = (&arrived.header, arrived.payload.len());
        let in_flight = self
            .listeners
            .at(facts.listener)
            .map(|l| l.in_flight)
            .unwrap_or_default();
        if header.seq != facts.irs + 1 || facts.reopening || !in_flight.any(now.unix_s) {
            self.reset(now, facts.tuple, header, len, Cause::ResetBadAck)?;
            return Err(Why::BadHandshakeAck);
        }
        let verified = self.read_cookie(now, facts.tuple, facts.listener, header, len)?;
        let answer = Answer {
            iss: header.ack - 1,
            tsval: header.options.timestamps.map_or(0, |option| option.ecr),
        };
        // It may be that SYN with other options: some clients leave them out when nobody answers. What holds is what the
        // SYN-ACK said that the client took, and if that is what the entry says, the entry says it exactly.
        let mut view = *view;
        view.facts.epoch = verified.epoch as u8;
        let bound = self.bound(facts.tuple, facts.irs);
        if self.mint.mint(verified.epoch, &bound, &facts.offer).iss != answer.iss {
            view.facts.offer = verified.offer;
            view.facts.ts_recent = header.options.timestamps.map_or(0, |option| option.val);
        }
        // The entry knows when its own SYN-ACK left, and not when this one did.
        self.embryos.set_ambiguous(at);
        self.third_ack(now, at, &view, answer, arrived)
    }

    /// The third ACK: the half-open entry becomes a connection, which then takes the segment as any other.
    fn third_ack(
        &mut self,
        now: Now,
        at: EmbryoRef,
        view: &EmbryoView,
        answer: Answer,
        arrived: &mut Arrived,
    ) -> Result<(), Why> {
        let facts = view.facts;
        let len = arrived.payload.len();
        if let Err(refused) = self.admit_connection(now, facts.tuple, facts.listener, &arrived.header, len) {
            match refused {
                NoRoom::Reset(_) => self.forget_half_open(now, at, Arrow::Abort),
                NoRoom::Ignored(_) => self.embryos.set_ambiguous(at),
            }
            return Err(refused.why());
        }
        let Some(first) = self.listeners.at(facts.listener).map(Listener::first_wait) else {
            return Err(Why::NoListener);
        };
        let offer = &facts.offer;
        let syn_ack_at = self.embryos.syn_ack_at(now.mono, at, first);
        let ts = offer.timestamps.then(|| match syn_ack_at {
            Some(sent) => Timestamps::from_syn_ack(answer.tsval, sent, facts.ts_recent, now.mono),
            None => Timestamps::after(answer.tsval, facts.ts_recent, now.mono),
        });
        let settled = Settled {
            tuple: facts.tuple,
            iss: answer.iss,
            irs: facts.irs,
            mss: offer.mss,
            window_scale: offer.window_scale,
            sack: offer.sack,
            ts,
            retransmissions: view.retransmissions,
            syn_ack_at,
            // Who has sent its SYN again may have done so without asking: then marks are echoed, but none are asked for.
            ecn: Ecn::new(offer.ecn && !self.embryos.is_ambiguous(at), offer.ecn),
            epoch: (!facts.reopening).then(|| epoch_near(now.unix_s, facts.epoch)),
        };
        self.embryos.remove(&self.keys, at);
        self.leave_syn_queue(now, &facts);
        if let Some(old) = self.reopened(&facts) {
            self.time_waits.remove(&self.keys, old);
        }
        self.establish(now, facts.listener, &settled, arrived);
        Ok(())
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>` from an entry that keeps no budget of its own.
    fn stateless_ack(&mut self, now: Now, facts: &EmbryoFacts, answer: Answer) -> Result<(), Why> {
        self.take_stateless_ack(now, facts.tuple.remote_addr)?;
        let mut header = bare_header(&facts.tuple, answer.iss + 1, facts.irs + 1, Flags::ACK);
        // What the SYN-ACK offered, in the units agreed on, and never more: no entry would remember it.
        let scale = facts
            .offer
            .window_scale
            .map_or(0, |_| own_scale(self.config.limits.receive_buffer_max));
        let window = self.syn_window_of(facts.listener) >> scale;
        header.window = u16::try_from(window).unwrap_or(u16::MAX);
        header.options.timestamps = facts.offer.timestamps.then_some(TimestampsOption {
            val: answer.tsval,
            ecr: facts.ts_recent,
        });
        self.counters.challenge_acks += 1;
        let dscp = self.dscp_of(facts.listener);
        context!(self, now).reply_marked(dscp, facts.tuple, header, Cause::ChallengeAck);
        Ok(())
    }

    /// A half-open entry's time has come: the SYN-ACK again, or its end.
    pub(super) fn half_open_timeout(&mut self, now: Now, at: EmbryoRef) {
        let Some(view) = self.embryos.get(at) else { return };
        let Some(listener) = self.listeners.at(view.facts.listener) else {
            return;
        };
        let patience = listener.patience();
        let lifetime = patience.lifetime;
        let age = view.age(now.mono);
        if view.retransmissions >= patience.retransmissions || age >= lifetime {
            let has_cookie = listener.options.syn_cookies != SynCookies::Never;
            if listener.is_under_pressure() && has_cookie && !view.facts.reopening {
                self.leave_to_cookie(now, view.facts.listener, view.facts.epoch);
            }
            self.forget_half_open(now, at, Arrow::TimedOut);
            context!(self, now).dropped(Some(view.facts.tuple), Why::HalfOpenExpired);
            return;
        }
        let (initial, max) = (listener.connection.rto_initial, listener.connection.rto_max);
        let wait = initial.times(2 << view.retransmissions.min(30)).min(max);
        let quiet = listener.is_accept_queue_full();
        self.embryos.count_retransmission(at);
        self.embryos.schedule(
            now.mono,
            at,
            now.mono + wait.min(lifetime - age).max(Duration::from_millis(1)),
        );
        if !quiet {
            self.counters.timeouts += 1;
            let remote = view.facts.tuple.remote_addr;
            if self.take_reply_to(now, ReplyKind::SynAck, remote).is_none() {
                context!(self, now).dropped(Some(view.facts.tuple), Why::SynAckBudget);
            } else if let Some(answer) = self.answer(now, &view.facts) {
                self.syn_ack(now, &view.facts, answer, Cause::SynAckRetransmit);
            }
        }
    }

    /// A half-open entry ends without a connection, by `arrow`; a TIME-WAIT entry that it was to reopen stands as before.
    pub(super) fn forget_half_open(&mut self, now: Now, at: EmbryoRef, arrow: Arrow) {
        let Some(view) = self.embryos.remove(&self.keys, at) else {
            return;
        };
        let facts = view.facts;
        self.leave_syn_queue(now, &facts);
        if let Some(old) = self.reopened(&facts) {
            self.time_waits.reopening_failed(old);
        }
        let arrow = if facts.reopening { Arrow::ReopeningFails } else { arrow };
        context!(self, now).step(facts.tuple, State::SynReceived, arrow);
    }
}
