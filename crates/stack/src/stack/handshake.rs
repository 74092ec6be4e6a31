//! Passive open: a SYN meets a listener, a half-open entry meets its third ACK (RFC 9293 sections 3.10.7.2 and 3.10.7.4).

use alloc::sync::Arc;

use bytes::Bytes;
use wire::ip::Dscp;
use wire::option::{Options, Timestamps as TimestampsOption, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::packets::bare_header;
use super::{Stack, Waiting, context};
use crate::config::AcceptOverflow;
use crate::observer::{Cause, Observer, Why};
use crate::tcp::connection::{Connection, Owner, Settled, own_scale};
use crate::tcp::cookie::Handshake;
use crate::tcp::embryo::{EmbryoFacts, EmbryoRef, EmbryoView};
use crate::tcp::input;
use crate::tcp::listen::Listener;
use crate::tcp::mss;
use crate::tcp::recv::syn_window;
use crate::tcp::segment::Segment;
use crate::tcp::state::{Arrow, State};
use crate::tcp::timestamps::{self, Timestamps};
use crate::tcp::timewait::TimeWaitRef;
use crate::time::{Duration, Now};
use crate::tuple::FourTuple;

/// An epoch of cookies. Units: seconds.
const EPOCH_S: u64 = 64;

impl<O: Observer> Stack<O> {
    /// RFC 9293 section 3.10.7.2: LISTEN.
    pub(super) fn listener_segment(
        &mut self,
        now: Now,
        tuple: FourTuple,
        listener: u16,
        header: &Header,
        len: usize,
    ) -> Result<(), Why> {
        // First RST, second ACK, third SYN, fourth anything else.
        if header.flags.rst() {
            return Err(Why::ResetToNobody);
        }
        if header.flags.ack() {
            self.reset(now, tuple, header, len, Cause::ResetBadAck)?;
            return Err(Why::NotSyn);
        }
        if !header.flags.syn() {
            return Err(Why::NotSyn);
        }
        self.open_half(now, tuple, listener, header, false)
    }

    /// A SYN that a listener takes: a half-open entry, and the SYN-ACK. Text on the SYN is left for its sender to send again.
    pub(super) fn open_half(
        &mut self,
        now: Now,
        tuple: FourTuple,
        listener: u16,
        header: &Header,
        reopening: bool,
    ) -> Result<(), Why> {
        let Some(l) = self.listeners.at_mut(listener) else {
            return Err(Why::NoListener);
        };
        if l.is_accept_queue_full() {
            return Err(Why::AcceptQueueFull);
        }
        if l.is_syn_queue_full() {
            return Err(Why::SynQueueFull);
        }
        let first = first_wait(l);
        let facts = syn_facts(&self.config, tuple, listener, header, reopening, epoch(now));
        let Some(at) = self.embryos.insert(now.mono, &self.keys, &facts) else {
            return Err(Why::EmbryosFull);
        };
        l.half_open += 1;
        self.embryos.schedule(now.mono, at, now.mono + first);
        let from = if reopening { State::TimeWait } else { State::Listen };
        context!(self, now).step(tuple, from, Arrow::SynArrives);
        self.syn_ack(now, &facts, Cause::SynAck);
        Ok(())
    }

    /// The ISS of a passive open. A half-open entry does not store it: it is minted again from what it does store, or follows
    /// from the TIME-WAIT entry that it reopens (RFC 9293 MAY-2). `None`: that entry had to make room.
    fn iss(&self, facts: &EmbryoFacts) -> Option<SeqNumber> {
        if facts.reopening {
            let old = self.reopened(facts)?;
            return Some(self.time_waits.get(old)?.facts.snd_nxt + 65_537);
        }
        let addr = facts.tuple.local_addr;
        Some(
            self.mint.passive_iss(&Handshake {
                tuple: facts.tuple,
                irs: facts.irs,
                mss: facts.mss,
                window_scale: facts.window_scale,
                sack: facts.sack,
                timestamps: facts.timestamps,
                ecn: facts.ecn,
                our_mss: mss::ours(self.config.mtu, addr),
                our_window_scale: facts
                    .window_scale
                    .map(|_| own_scale(self.config.limits.receive_buffer_max)),
                epoch: facts.epoch,
            }),
        )
    }

    /// The TIME-WAIT entry that a half-open one is to replace.
    fn reopened(&self, facts: &EmbryoFacts) -> Option<TimeWaitRef> {
        let old = self.time_waits.find(&self.keys, &facts.tuple);
        old.filter(|_| facts.reopening)
    }

    /// The origin of our TSval towards this peer; that of the TIME-WAIT entry where one is reopened.
    fn ts_offset(&self, facts: &EmbryoFacts) -> u32 {
        match self.reopened(facts).and_then(|old| self.time_waits.get(old)) {
            Some(view) if view.facts.timestamps => view.facts.ts_offset,
            _ => self
                .keys
                .timestamp_offset(facts.tuple.local_addr, facts.tuple.remote_addr),
        }
    }

    /// The window that a listener's SYN-ACKs offer. Units: bytes.
    fn syn_window_of(&self, listener: u16) -> u32 {
        let buffer = self.listeners.at(listener).map_or(0, |l| l.connection.receive_buffer);
        syn_window(u32::try_from(buffer).unwrap_or(u32::MAX))
    }

    /// The Diffserv codepoint of a listener's connections.
    fn dscp_of(&self, listener: u16) -> Dscp {
        self.listeners.at(listener).map_or(Dscp::DEFAULT, |l| l.connection.dscp)
    }

    /// Sends the SYN-ACK of a half-open entry.
    fn syn_ack(&mut self, now: Now, facts: &EmbryoFacts, cause: Cause) {
        let Some(iss) = self.iss(facts) else { return };
        let mut header = bare_header(&facts.tuple, iss, facts.irs + 1, Flags::SYN | Flags::ACK);
        header.window = u16::try_from(self.syn_window_of(facts.listener)).unwrap_or(u16::MAX);
        header.options = Options {
            mss: Some(mss::ours(self.config.mtu, facts.tuple.local_addr)),
            window_scale: facts
                .window_scale
                .map(|_| WindowScale::new(own_scale(self.config.limits.receive_buffer_max))),
            sack_permitted: facts.sack,
            timestamps: facts.timestamps.then(|| TimestampsOption {
                val: timestamps::value(self.ts_offset(facts), now.mono),
                ecr: facts.ts_recent,
            }),
            ..Options::default()
        };
        if cause.is_retransmission() {
            self.counters.retransmissions += 1;
        }
        let dscp = self.dscp_of(facts.listener);
        context!(self, now).reply_marked(dscp, facts.tuple, header, cause);
    }

    /// A segment for a half-open entry: RST, the SYN again, the third ACK, or what is none of these.
    pub(super) fn half_open_segment(
        &mut self,
        now: Now,
        at: EmbryoRef,
        header: &Header,
        payload: Bytes,
    ) -> Result<(), Why> {
        let Some(view) = self.embryos.get(at) else {
            return Err(Why::NotSyn);
        };
        let facts = view.facts;
        let Some(iss) = self.iss(&facts) else {
            self.forget_half_open(now, at, Arrow::TimedOut);
            return Err(Why::HalfOpenExpired);
        };
        let start = facts.irs + 1;
        let window = self.syn_window_of(facts.listener);
        let in_window = header.seq.within(start, window.max(1));
        if header.flags.rst() {
            return self.half_open_reset(now, at, &facts, iss, header.seq == start, in_window);
        }
        if header.flags.syn() {
            return self.half_open_syn(now, at, &facts, iss, header, in_window);
        }
        if !header.flags.ack() {
            return Err(Why::NoAck);
        }
        if header.ack != iss + 1 {
            if let Some(old) = self.reopened(&facts)
                && self.time_waits.get(old).is_some_and(|v| v.facts.snd_nxt == header.ack)
            {
                // It belongs to the connection that is being replaced, whose peer may still wait for our last ACK.
                return self.time_wait_segment(now, old, header, payload.len());
            }
            self.reset(now, facts.tuple, header, payload.len(), Cause::ResetBadAck)?;
            return Err(Why::BadHandshakeAck);
        }
        let old = |o: TimestampsOption| facts.timestamps && timestamps::is_older(o.val, facts.ts_recent);
        if header.options.timestamps.is_some_and(old) {
            self.stateless_ack(now, &facts, iss)?;
            return Err(Why::Paws);
        }
        if !in_window {
            self.stateless_ack(now, &facts, iss)?;
            return Err(Why::OutOfWindow);
        }
        self.third_ack(now, at, &view, iss, header, payload)
    }

    /// RFC 5961 section 3.2 for a half-open entry.
    fn half_open_reset(
        &mut self,
        now: Now,
        at: EmbryoRef,
        facts: &EmbryoFacts,
        iss: SeqNumber,
        exact: bool,
        in_window: bool,
    ) -> Result<(), Why> {
        if exact {
            self.forget_half_open(now, at, Arrow::ResetArrives);
            return Err(Why::HalfOpenReset);
        }
        if in_window {
            self.stateless_ack(now, facts, iss)?;
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
        iss: SeqNumber,
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
                self.syn_ack(now, &facts, Cause::SynAckRetransmit);
                self.embryos.set_ambiguous(at);
            }
            return Err(Why::Duplicate);
        }
        if in_window && !header.flags.ack() {
            self.forget_half_open(now, at, Arrow::SynArrives);
        } else {
            self.stateless_ack(now, facts, iss)?;
        }
        Err(Why::SynOnConnection)
    }

    /// The third ACK: the half-open entry becomes a connection, which then takes the segment as any other.
    fn third_ack(
        &mut self,
        now: Now,
        at: EmbryoRef,
        view: &EmbryoView,
        iss: SeqNumber,
        header: &Header,
        payload: Bytes,
    ) -> Result<(), Why> {
        let facts = view.facts;
        let Some(listener) = self.listeners.at(facts.listener) else {
            return Err(Why::NoListener);
        };
        if listener.is_accept_queue_full() {
            if listener.options.accept_overflow == AcceptOverflow::Reset {
                self.reset(now, facts.tuple, header, payload.len(), Cause::ResetOverflow)?;
                self.forget_half_open(now, at, Arrow::Abort);
            } else {
                self.embryos.set_ambiguous(at);
            }
            return Err(Why::AcceptQueueFull);
        }
        let first = first_wait(listener);
        if self.connections.is_full() {
            self.embryos.set_ambiguous(at);
            return Err(Why::ConnectionsFull);
        }
        let options = Arc::clone(&listener.connection);
        let ts_offset = self.ts_offset(&facts);
        let settled = Settled {
            tuple: facts.tuple,
            iss,
            irs: facts.irs,
            mss: facts.mss,
            window_scale: facts.window_scale,
            sack: facts.sack,
            ts: facts
                .timestamps
                .then(|| Timestamps::with_recent(ts_offset, facts.ts_recent, now.mono)),
            retransmissions: view.retransmissions,
            syn_ack_at: self.embryos.syn_ack_at(now.mono, at, first),
        };
        self.embryos.remove(&self.keys, at);
        if let Some(old) = self.reopened(&facts) {
            self.time_waits.remove(&self.keys, old);
        }
        let mut cx = context!(self, now);
        cx.counters.opens_passive += 1;
        let mut c = Connection::from_handshake(&mut cx, &settled, Owner::Queue(facts.listener), options);
        input::segment_arrives(&mut cx, &mut c, Segment::new(header, payload));
        let i = self.connections.insert(&self.keys, c);
        self.enqueue_accepted(facts.listener, i);
        self.settle(now, i);
        Ok(())
    }

    fn enqueue_accepted(&mut self, listener: u16, i: u32) {
        let id = self.listeners.id(listener);
        let Some(l) = self.listeners.at_mut(listener) else {
            return;
        };
        l.half_open = l.half_open.saturating_sub(1);
        l.accept_queue.push_back(i);
        if !l.event_queued {
            l.event_queued = true;
            self.events.push_back(Waiting::Listener(id));
        }
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>` from an entry that keeps no budget of its own.
    fn stateless_ack(&mut self, now: Now, facts: &EmbryoFacts, iss: SeqNumber) -> Result<(), Why> {
        if !self.budgets.stateless_acks.take(now.mono) {
            return Err(Why::AckBudget);
        }
        let mut header = bare_header(&facts.tuple, iss + 1, facts.irs + 1, Flags::ACK);
        // What the SYN-ACK offered, in the units agreed on: 0 would close the window of a peer that believes itself connected.
        let scale = facts
            .window_scale
            .map_or(0, |_| own_scale(self.config.limits.receive_buffer_max));
        let window = self.syn_window_of(facts.listener).div_ceil(1 << scale);
        header.window = u16::try_from(window).unwrap_or(u16::MAX);
        header.options.timestamps = facts.timestamps.then(|| TimestampsOption {
            val: timestamps::value(self.ts_offset(facts), now.mono),
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
        let lifetime = listener.options.half_open_lifetime;
        let age = view.age(now.mono);
        if view.retransmissions >= listener.options.syn_ack_retransmissions || age >= lifetime {
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
            self.syn_ack(now, &view.facts, Cause::SynAckRetransmit);
        }
    }

    /// A half-open entry ends without a connection, by `arrow`; a TIME-WAIT entry that it was to reopen stands as before.
    pub(super) fn forget_half_open(&mut self, now: Now, at: EmbryoRef, arrow: Arrow) {
        let Some(view) = self.embryos.remove(&self.keys, at) else {
            return;
        };
        let facts = view.facts;
        if let Some(l) = self.listeners.at_mut(facts.listener) {
            l.half_open = l.half_open.saturating_sub(1);
        }
        if let Some(old) = self.reopened(&facts) {
            self.time_waits.set_reopening(old, false);
        }
        let arrow = if facts.reopening { Arrow::ReopeningFails } else { arrow };
        context!(self, now).step(facts.tuple, State::SynReceived, arrow);
    }
}

/// How long a new half-open entry waits for the third ACK before its SYN-ACK is sent again.
fn first_wait(listener: &Listener) -> Duration {
    let lifetime = listener.options.half_open_lifetime;
    listener.connection.rto_initial.min(lifetime)
}

fn epoch(now: Now) -> u8 {
    (now.unix_s / EPOCH_S) as u8
}

/// What a SYN settles: what it offers and we accept.
fn syn_facts(
    config: &crate::config::Config,
    tuple: FourTuple,
    listener: u16,
    header: &Header,
    reopening: bool,
    epoch: u8,
) -> EmbryoFacts {
    let options = &header.options;
    EmbryoFacts {
        tuple,
        irs: header.seq,
        ts_recent: options.timestamps.map_or(0, |o| o.val),
        listener,
        mss: options.mss.unwrap_or(mss::default(tuple.local_addr)),
        window_scale: options
            .window_scale
            .filter(|_| config.window_scaling)
            .map(WindowScale::shift),
        sack: options.sack_permitted && config.sack,
        timestamps: options.timestamps.is_some() && config.timestamps,
        ecn: false,
        reopening,
        epoch,
    }
}
