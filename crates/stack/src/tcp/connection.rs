//! The TCB of a connection that is open or being opened actively (RFC 9293 section 3.3.1), and the user's calls on it
//! (section 3.10). How segments are read is in `input`, what is sent next in `output`.

mod fingerprint;

use alloc::sync::Arc;

use bytes::Bytes;
use wire::icmp::Unreachable;
use wire::ip::Dscp;
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::congestion::{Congestion, Rate};
use super::deadlines::{Deadlines, Reason};
use super::ecn::Ecn;
use super::mss;
use super::near;
use super::recovery::{Flight, Phase, Recovery, Terms};
use super::recv::ReceiveSpace;
use super::rtt::{RoundTrip, RtoBounds};
use super::send::SendSpace;
use super::state::{Arrow, State};
use super::timestamps::Timestamps;
use super::tuning::Tuning;
use crate::call::Received;
use crate::config::{Buffer, Config, ConnectionOptions, EcnMode};
use crate::context::Context;
use crate::error::{Ended, SendError};
use crate::event::{ListenerId, Ready};
use crate::ledger::Ledger;
use crate::observer::{Cause, Fact, Observer};
use crate::status::{Idle, Status};
use crate::time::{Duration, Instant};
use crate::tuple::FourTuple;

/// Who will read and write this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A user holds its id.
    User,
    /// It waits in the accept queue of this listener.
    Queue(u16),
    /// Nobody: the user has closed, and the rest is between us and the peer.
    Nobody,
}

/// A connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) tuple: FourTuple,
    /// Written by `transition` alone.
    state: State,
    pub(crate) owner: Owner,
    pub(crate) snd: SendSpace,
    pub(crate) rcv: ReceiveSpace,
    /// How large the receive buffer should be.
    pub(crate) tuning: Tuning,
    /// Bytes held, as the stack has booked them.
    pub(crate) booked: u32,
    pub(crate) rtt: RoundTrip,
    pub(crate) congestion: Congestion,
    pub(crate) recovery: Recovery,
    /// RFC 7323, when both sides offered it (or we did, before the peer has spoken).
    pub(crate) ts: Option<Timestamps>,
    /// SACK may be sent (RFC 2018).
    pub(crate) sack: bool,
    pub(crate) ecn: Ecn,
    pub(crate) options: Arc<ConnectionOptions>,
    pub(crate) deadlines: Deadlines,
    /// Where its neighbour was found the last time.
    pub(crate) neighbour: u32,
    /// It is among those that wait for its neighbour's answer.
    pub(crate) awaits_neighbour: bool,
    pub(crate) ready: Ready,
    /// It is over, and segments no longer find it; only its user does.
    pub(crate) detached: bool,
    /// An event waits in the stack's queue.
    pub(crate) event_queued: bool,
    /// It waits in the stack's transmit queue.
    pub(crate) transmit_queued: bool,
    /// SEND refused data, and the user waits for room.
    pub(crate) blocked: bool,
    /// Our SYN or SYN-ACK is to be sent (again).
    pub(crate) syn_due: bool,
    /// The persist timer ran out: send what the window does not allow.
    pub(crate) force: bool,
    /// A keep-alive probe is due.
    pub(crate) probe_due: bool,
    /// An acknowledgment is due now, and why.
    pub(crate) ack: Option<Cause>,
    /// How many: each segment beyond a hole gets its own (RFC 5681 section 4.2).
    pub(crate) acks: u8,
    /// Segments still to be acknowledged at once, so that a peer in slow start is not held back.
    pub(crate) quick_acks: u8,
    /// Timeouts, window probes or keep-alive probes that nothing has answered.
    pub(crate) unanswered: u8,
    /// Challenge ACKs since `challenge_since` (RFC 5961 section 7).
    challenges: u8,
    challenge_since: Instant,
    /// Our SYN or SYN-ACK is out and was sent once (Karn): its acknowledgment tells the first round trip, since `text_sent`.
    pub(crate) timed: bool,
    /// When the last segment with text, SYN or FIN left; the first of an idle time starts slowly.
    pub(crate) text_sent: Instant,
    /// When the peer was last heard.
    pub(crate) heard: Instant,
    /// The epoch of the cookie that opened it; while it lives, the cookie could open it again. Units: those of
    /// [`Settled::epoch`]; 32 bits of them are good for 8,000 years.
    pub(crate) epoch: Option<u32>,
    /// It counts among the connections of its source at this listener.
    pub(crate) counted: Option<ListenerId>,
    pub(crate) ended: Option<Ended>,
    pub(crate) soft_error: Option<Ended>,
    /// Of the last acceptable segment.
    pub(crate) dscp_received: Dscp,
    pub(crate) idle: Idle,
    pub(crate) retransmitted: u32,
    pub(crate) segments_in: u32,
    pub(crate) segments_out: u32,
    pub(crate) bytes_acked: u64,
    pub(crate) bytes_received: u64,
}

/// RFC 5961 section 7: the span over which challenge ACKs are counted.
const CHALLENGE_SPAN: Duration = Duration::from_secs(5);

/// What a handshake on either side settled, for a connection that starts from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    pub(crate) tuple: FourTuple,
    pub(crate) iss: SeqNumber,
    pub(crate) irs: SeqNumber,
    /// The peer's MSS as it stated it, the default where it did not.
    pub(crate) mss: u16,
    /// The peer's scale; `None` when scaling was not negotiated.
    pub(crate) window_scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) ts: Option<Timestamps>,
    /// How often the SYN-ACK had to be sent again.
    pub(crate) retransmissions: u8,
    /// When the SYN-ACK left, where the third ACK can be the answer to no other.
    pub(crate) syn_ack_at: Option<Instant>,
    /// The epoch of the cookie that the SYN-ACK was, if it was one.
    pub(crate) epoch: Option<u64>,
    pub(crate) ecn: Ecn,
}

impl Connection {
    /// A connection in CLOSED, with nothing negotiated.
    fn new(now: Instant, tuple: FourTuple, iss: SeqNumber, mss: u16, options: Arc<ConnectionOptions>) -> Self {
        let buffer = u32::try_from(options.receive_buffer.start()).unwrap_or(u32::MAX);
        let quick_acks = options.quick_acks;
        Self {
            tuple,
            state: State::Closed,
            owner: Owner::User,
            snd: SendSpace::new(iss, mss),
            rcv: ReceiveSpace::new(buffer),
            tuning: Tuning::new(now, SeqNumber::default()),
            booked: 0,
            rtt: RoundTrip::new(),
            congestion: Congestion::new(options.congestion, u32::from(mss)),
            recovery: Recovery::new(),
            ts: None,
            sack: false,
            ecn: Ecn::default(),
            options,
            deadlines: Deadlines::default(),
            neighbour: u32::MAX,
            awaits_neighbour: false,
            ready: Ready::default(),
            detached: false,
            event_queued: false,
            transmit_queued: false,
            blocked: false,
            syn_due: false,
            force: false,
            probe_due: false,
            ack: None,
            acks: 0,
            quick_acks,
            unanswered: 0,
            challenges: 0,
            challenge_since: now,
            timed: false,
            text_sent: now,
            heard: now,
            epoch: None,
            counted: None,
            ended: None,
            soft_error: None,
            dscp_received: Dscp::DEFAULT,
            idle: Idle::Opening,
            retransmitted: 0,
            segments_in: 0,
            segments_out: 0,
            bytes_acked: 0,
            bytes_received: 0,
        }
    }

    /// Active OPEN (RFC 9293 section 3.10.1): SYN-SENT, and the SYN is due.
    pub(crate) fn open<O: Observer>(
        cx: &mut Context<'_, O>,
        tuple: FourTuple,
        iss: SeqNumber,
        ts: Option<Timestamps>,
        options: Arc<ConnectionOptions>,
    ) -> Self {
        let mss = mss::ours(cx.config.mtu, tuple.local_addr);
        let mut c = Self::new(cx.now.mono, tuple, iss, mss, options);
        c.ts = ts;
        c.sack = cx.config.sack;
        let asks = cx.config.ecn == EcnMode::Ask;
        c.ecn = Ecn::new(asks, asks);
        c.syn_due = true;
        c.transition(cx, Arrow::ActiveOpen);
        // RFC 9293 section 3.10.8: the user timeout counts in any state.
        c.arm_user_timeout(cx.now.mono);
        c
    }

    /// A passive open whose third ACK has come: SYN-RECEIVED, so that the ACK takes it to ESTABLISHED as any other would.
    pub(crate) fn from_handshake<O: Observer>(
        cx: &mut Context<'_, O>,
        settled: &Settled,
        owner: Owner,
        path_mss: u16,
        options: Arc<ConnectionOptions>,
    ) -> Self {
        let now = cx.now.mono;
        let mss = mss::effective(settled.mss, cx.config.mtu, settled.tuple.local_addr);
        let mut c = Self::new(now, settled.tuple, settled.iss, mss, options);
        c.owner = owner;
        c.rcv.on_syn(settled.irs);
        c.tuning = Tuning::new(now, c.rcv.nxt);
        c.rcv.acked = c.rcv.nxt;
        c.snd.path_mss = path_mss;
        c.snd.nxt = settled.iss + 1;
        c.ts = settled.ts;
        c.sack = settled.sack;
        c.ecn = settled.ecn;
        c.scale(cx, settled.window_scale);
        c.epoch = settled.epoch.and_then(|epoch| u32::try_from(epoch).ok());
        c.unanswered = settled.retransmissions;
        // An echoed timestamp says nothing here: that of a cookie is no time, and is the same in each copy.
        c.timed = settled.syn_ack_at.is_some();
        c.text_sent = settled.syn_ack_at.unwrap_or(now);
        c.congestion = Congestion::new(c.options.congestion, c.payload_max());
        // The listener and its half-open entry have told the way here.
        c.state = State::SynReceived;
        c
    }

    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// The only writer of `state`: tells the observer and sets the timers that belong to the new state.
    pub(crate) fn transition<O: Observer>(&mut self, cx: &mut Context<'_, O>, arrow: Arrow) {
        let from = self.state;
        let Some(to) = cx.step(self.tuple, from, arrow) else {
            return;
        };
        self.state = to;
        match to {
            State::Established => {
                self.ready.opened = true;
                self.arm_keep_alive(cx.now.mono);
            }
            // Linger has done its work: all is acknowledged.
            State::FinWait2 if self.owner == Owner::Nobody => {
                self.deadlines.arm(cx.now.mono, Reason::Close, self.options.fin_wait_2);
            }
            State::Closed | State::TimeWait => {
                self.deadlines.disarm_all();
                self.snd.clear();
                self.recovery.clear();
                self.rcv.clear_islands();
                self.ready.ended = true;
                self.ready.readable = true;
                self.ready.opened |= from == State::SynSent;
            }
            _ => {}
        }
    }

    /// The connection is over, and not by both FINs.
    pub(crate) fn end<O: Observer>(&mut self, cx: &mut Context<'_, O>, how: Ended, arrow: Arrow) {
        self.ended = Some(how);
        cx.fact(&Fact::Ended { tuple: self.tuple, how });
        match how {
            Ended::Reset | Ended::Refused => cx.counters.resets_in += 1,
            Ended::TimedOut => cx.counters.timed_out += 1,
            _ => {}
        }
        self.transition(cx, arrow);
    }

    /// Both scales, or none (RFC 7323 section 2.2).
    pub(crate) fn scale<O>(&mut self, cx: &Context<'_, O>, theirs: Option<u8>) {
        if let Some(theirs) = theirs {
            self.snd.scale = theirs;
            self.rcv.scale = own_scale(cx.config.limits.receive_buffer_max);
        }
    }

    pub(crate) fn bounds(&self) -> RtoBounds {
        RtoBounds {
            initial: self.options.rto_initial,
            min: self.options.rto_min,
            max: self.options.rto_max,
        }
    }

    pub(crate) fn rto(&self) -> Duration {
        self.rtt.rto(self.bounds())
    }

    /// Payload of a full segment: the MSS less the options of every segment (RFC 9293 MUST-16).
    pub(crate) fn payload_max(&self) -> u32 {
        let options = if self.ts.is_some() { 12 } else { 0 };
        u32::from(self.snd.segment_max()).saturating_sub(options).max(1)
    }

    /// How fast text leaves. `None`: as it comes.
    pub(crate) fn rate(&self) -> Option<Rate> {
        if !self.options.pacing {
            return None;
        }
        self.congestion.rate(self.rtt.srtt(), self.payload_max())
    }

    pub(crate) fn flight(&self, now: Instant) -> Flight {
        let (una, nxt) = (self.snd.una, self.snd.nxt);
        let (cwnd, mss, flight) = (self.congestion.cwnd(), self.payload_max(), nxt.since(una));
        let slow_start = cwnd < self.congestion.ssthresh();
        let used = if slow_start {
            flight.saturating_mul(2)
        } else {
            flight.saturating_add(2 * mss)
        };
        Flight {
            una,
            nxt,
            mss,
            limited: used >= cwnd,
            sack: self.sack,
            news: self.snd.unsent() > 0 && self.snd.usable() > 0,
            now,
            srtt: self.rtt.srtt(),
        }
    }

    /// An acknowledgment sets the timer of probe and reordering: `wait` says when to look again for what was overtaken; else,
    /// where a probe is wanted, it waits for that, from the start if `anew`.
    pub(crate) fn arm_recovery(&mut self, now: Instant, wait: Option<Duration>, anew: bool) {
        if let Some(wait) = wait {
            self.recovery.rest_probe();
            self.deadlines.arm(now, Reason::Recover, wait);
        } else if !self.sack || !self.recovery.wants_probe() {
            self.recovery.rest_probe();
            self.deadlines.disarm(Reason::Recover);
        } else if anew || !self.recovery.is_probe_armed() {
            self.arm_probe(now);
        }
    }

    /// Sets the timer of the tail loss probe, where one is wanted: it never comes after the retransmission timer.
    pub(crate) fn arm_probe(&mut self, now: Instant) {
        if self.sack && self.recovery.wants_probe() {
            let wait = self.recovery.arm_probe(&self.flight(now)).min(self.rto());
            self.deadlines.arm(now, Reason::Recover, wait);
        }
    }

    /// An acknowledgment is due at once.
    pub(crate) fn ack_now(&mut self, cause: Cause) {
        match cause {
            Cause::DuplicateAck => {
                self.ack.get_or_insert(cause);
                self.acks = self.acks.saturating_add(1);
            }
            // RCV.NXT has moved. This one says what all before it would have said, and if it went out more than once the
            // peer would take it for a sign of loss.
            Cause::Ack | Cause::FinAck | Cause::HandshakeAck => {
                self.ack = Some(cause);
                self.acks = 1;
            }
            _ => {
                self.ack.get_or_insert(cause);
                self.acks = self.acks.max(1);
            }
        }
    }

    /// Whether the budget allows one more challenge ACK (RFC 5961 section 7); it is this connection's own.
    pub(crate) fn may_challenge(&mut self, now: Instant, limit: u8) -> bool {
        if now.since(self.challenge_since) >= CHALLENGE_SPAN {
            (self.challenge_since, self.challenges) = (now, 0);
        }
        let may = self.challenges < limit;
        self.challenges += u8::from(may);
        may
    }

    /// The segment that ABORT sends (RFC 9293 section 3.10.5).
    pub(crate) fn reset<O: Observer>(&self, cx: &mut Context<'_, O>, cause: Cause) {
        let header = Header {
            src_port: self.tuple.local_port,
            dst_port: self.tuple.remote_port,
            seq: self.snd.nxt,
            ack: self.rcv.nxt,
            flags: Flags::RST | Flags::ACK,
            window: 0,
            urgent: 0,
            options: Options::default(),
        };
        cx.reply_marked(self.options.dscp, self.tuple, header, cause);
    }

    /// SEND (RFC 9293 section 3.10.2).
    pub(crate) fn send(
        &mut self,
        now: Instant,
        ledger: &Ledger,
        data: &mut Bytes,
        urgent: bool,
    ) -> Result<usize, SendError> {
        if let Some(how) = self.ended {
            return Err(how.into());
        }
        if !self.state.may_send() || self.snd.fin {
            return Err(SendError::Closing);
        }
        let taken = data.split_to(data.len().min(self.room(ledger)));
        let len = taken.len();
        if len > 0 {
            if !self.has_work() {
                self.arm_user_timeout(now);
            }
            self.snd.push(taken);
            if urgent {
                self.snd.up = Some(self.snd.data_end());
            }
        }
        self.blocked |= !data.is_empty();
        Ok(len)
    }

    /// How much the send buffer may hold now: where it follows the path, two congestion windows, one in flight and one that
    /// is ready to follow; to a peer nearby, no more than others leave of what all such hold together. Units: bytes.
    /// Bounds: below 2^30, so that sequence comparisons hold.
    pub(crate) fn send_buffer(&self, ledger: &Ledger) -> usize {
        let size = match self.options.send_buffer {
            Buffer::Fixed(size) => size,
            Buffer::Auto { start, max } => {
                let size = (2 * self.congestion.cwnd() as usize).clamp(start, max);
                if size > start && near::is_near(self.recovery.min_rtt(), self.rtt.srtt()) {
                    size.min(ledger.allows_nearby(self.booked).max(start))
                } else {
                    size
                }
            }
        };
        ledger.allows(u32::try_from(size).unwrap_or(u32::MAX)) as usize
    }

    /// Room in the send buffer. Units: bytes.
    pub(crate) fn room(&self, ledger: &Ledger) -> usize {
        self.send_buffer(ledger).saturating_sub(self.snd.queued())
    }

    /// What both buffers hold. Units: bytes.
    pub(crate) fn held(&self) -> usize {
        self.snd.queued() + self.rcv.held()
    }

    /// Whether the peer owes us an acknowledgment, or will once we have sent.
    pub(crate) fn has_work(&self) -> bool {
        self.snd.has_flight() || self.snd.unsent() > 0 || self.snd.is_fin_unsent()
    }

    /// RECEIVE (RFC 9293 section 3.10.3). Errors: how the connection ended, once everything that came before was read.
    pub(crate) fn receive(&mut self, now: Instant, ledger: &Ledger, max: usize) -> Result<Received, Ended> {
        if let Some(bytes) = self.rcv.read(max) {
            self.tune(now, ledger);
            if self.state.may_receive() && self.rcv.is_update_due(u32::from(self.snd.mss), ledger) {
                self.ack_now(Cause::WindowUpdate);
            }
            if self.rcv.urgent().is_none() {
                self.rcv.up = None;
            }
            return Ok(Received::Data(bytes));
        }
        match self.ended {
            // No byte was asked for, and there are some: this is no end.
            _ if self.rcv.readable() > 0 => Ok(Received::Nothing),
            _ if self.is_finished() => Ok(Received::Finished),
            Some(how) => Err(how),
            None if self.state == State::Closed => Ok(Received::Finished),
            None => Ok(Received::Nothing),
        }
    }

    /// The user has read: a receive buffer that follows the path may grow.
    fn tune(&mut self, now: Instant, ledger: &Ledger) {
        let Buffer::Auto { max, .. } = self.options.receive_buffer else {
            return;
        };
        let (front, buffer) = (self.rcv.front(), self.rcv.buffer);
        if let Some(wanted) = self.tuning.on_read(now, front, self.rtt.srtt(), buffer)
            && !ledger.is_tight()
        {
            let most = u32::try_from(max).unwrap_or(u32::MAX);
            self.rcv.buffer = buffer.max(wanted.min(most));
        }
    }

    /// Whether the peer's FIN came, and everything before it.
    pub(crate) fn is_finished(&self) -> bool {
        self.rcv.fin.is_some_and(|fin| self.rcv.nxt == fin + 1)
    }

    /// CLOSE of the sending side (RFC 9293 section 3.10.4).
    pub(crate) fn shutdown<O: Observer>(&mut self, cx: &mut Context<'_, O>) {
        match self.state {
            State::SynSent => self.end(cx, Ended::Aborted, Arrow::Close),
            State::SynReceived | State::Established | State::CloseWait => {
                if !self.has_work() {
                    self.arm_user_timeout(cx.now.mono);
                }
                self.snd.fin = true;
                self.transition(cx, Arrow::Close);
            }
            _ => {}
        }
    }

    /// The user lets go.
    pub(crate) fn close<O: Observer>(&mut self, cx: &mut Context<'_, O>) {
        let unread = self.rcv.readable() > 0 && !self.is_over();
        self.owner = Owner::Nobody;
        self.rcv.clear();
        if unread || self.options.linger == Some(Duration::ZERO) {
            // RFC 9293 section 3.6.1 (SHLD-3): data is lost, and the peer should know.
            return self.abort(cx);
        }
        self.shutdown(cx);
        let bound = match self.state {
            State::Closed | State::TimeWait => None,
            State::FinWait2 => Some(self.options.fin_wait_2),
            _ => self.options.linger,
        };
        if let Some(bound) = bound {
            self.deadlines.arm(cx.now.mono, Reason::Close, bound);
        }
    }

    /// ABORT (RFC 9293 section 3.10.5).
    pub(crate) fn abort<O: Observer>(&mut self, cx: &mut Context<'_, O>) {
        self.owner = Owner::Nobody;
        self.rcv.clear();
        match self.state {
            State::Closed | State::TimeWait => {}
            State::SynSent => self.end(cx, Ended::Aborted, Arrow::Abort),
            _ => {
                self.reset(cx, Cause::ResetAbort);
                self.end(cx, Ended::Aborted, Arrow::Abort);
            }
        }
    }

    /// Whether text at `seq` is just what comes next, with nothing held beyond it and a user to read it.
    pub(crate) fn takes_next(&self, seq: SeqNumber) -> bool {
        self.state.may_receive()
            && self.snd.syn_acked
            && seq == self.rcv.nxt
            && self.rcv.fin.is_none()
            && self.rcv.islands() == 0
            && self.owner != Owner::Nobody
    }

    /// Reads a word of every line of memory that it takes, so that all of them are on their way. What it returns means nothing.
    pub(crate) fn touch(&self) -> u32 {
        u32::from(self.ts.is_some())
            ^ self.snd.una.value()
            ^ u32::from(self.snd.mss)
            ^ self.rcv.irs.value()
            ^ self.rcv.nxt.value()
            ^ u32::from(self.rcv.scale)
            ^ self.rcv.buffer
            ^ self.congestion.cwnd()
            ^ u32::from(self.recovery.dsacks())
            ^ self.booked
            ^ u32::from(self.deadlines.is_armed(Reason::Retransmit))
            ^ self.heard.as_nanos() as u32
            ^ self.bytes_received as u32
            ^ self.segments_in
            ^ u32::from(self.tuple.remote_port)
            ^ u32::from(self.acks)
    }

    /// Whether nothing more will be sent or received.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Closed | State::TimeWait)
    }

    /// Takes new settings; timers that they govern start anew.
    pub(crate) fn set_options(&mut self, now: Instant, options: Arc<ConnectionOptions>) {
        if options.receive_buffer != self.options.receive_buffer {
            self.rcv.buffer = u32::try_from(options.receive_buffer.start()).unwrap_or(u32::MAX);
        }
        if options.quick_acks != self.options.quick_acks {
            self.quick_acks = options.quick_acks;
        }
        self.congestion.choose(options.congestion);
        self.options = options;
        if self.is_over() {
            // A timer that started now would outlive the connection.
            return;
        }
        self.arm_keep_alive(now);
        self.deadlines.disarm(Reason::UserTimeout);
        if self.has_work() {
            self.arm_user_timeout(now);
        }
        self.ready.writable |= core::mem::take(&mut self.blocked);
    }

    /// Starts or stops keep-alive as the settings say.
    pub(crate) fn arm_keep_alive(&mut self, now: Instant) {
        match self.options.keep_alive {
            Some(k) if self.state.is_synchronized() => self.deadlines.arm(now, Reason::KeepAlive, k.idle),
            _ => self.deadlines.disarm(Reason::KeepAlive),
        }
    }

    /// Starts the user timeout, when one is set.
    pub(crate) fn arm_user_timeout(&mut self, now: Instant) {
        if let Some(timeout) = self.options.user_timeout {
            self.deadlines.arm(now, Reason::UserTimeout, timeout);
        }
    }

    /// ICMP says that the destination cannot be reached (RFC 9293 section 3.9.2.2, RFC 5461).
    pub(crate) fn on_unreachable<O: Observer>(&mut self, cx: &mut Context<'_, O>, why: Unreachable) {
        let hard = !matches!(why, Unreachable::Network | Unreachable::Host | Unreachable::Other(_));
        if hard && self.state == State::SynSent {
            let how = if why == Unreachable::Port {
                Ended::Refused
            } else {
                Ended::Unreachable(why)
            };
            self.end(cx, how, Arrow::TimedOut);
        } else {
            self.soft_error = Some(Ended::Unreachable(why));
        }
    }

    /// Loss has been found where recovery stood at `before`: as with an echoed mark, the peer is told that we slowed down (RFC
    /// 3168 section 6.1.2).
    pub(crate) fn slowed_since(&mut self, before: Phase) {
        if before == Phase::Open && self.recovery.phase() != Phase::Open {
            self.ecn.on_slowed(self.snd.nxt);
        }
    }

    /// ICMP says that the path takes no more than `mss` bytes of segment (RFC 1191, RFC 8201). Returns whether that is less
    /// than was known.
    pub(crate) fn on_too_big(&mut self, now: Instant, mss: u16) -> bool {
        let is_news = mss < self.snd.segment_max();
        if is_news {
            self.snd.path_mss = mss;
            if self.snd.syn_acked {
                let flight = self.flight(now);
                self.recovery.resend(&flight, &mut self.congestion);
            }
        }
        is_news
    }

    /// STATUS (RFC 9293 section 3.10.6).
    pub(crate) fn status(&self) -> Status {
        Status {
            tuple: self.tuple,
            state: self.state,
            ended: self.ended,
            soft_error: self.soft_error,
            dscp_received: self.dscp_received,
            snd_una: self.snd.una,
            snd_nxt: self.snd.nxt,
            snd_wnd: self.snd.wnd,
            rcv_nxt: self.rcv.nxt,
            rcv_wnd: self.rcv.window(),
            iss: self.snd.iss,
            irs: self.rcv.irs,
            receive_queue: self.rcv.readable(),
            send_queue: self.snd.queued(),
            unsent: self.snd.unsent() as usize,
            urgent: self.rcv.urgent(),
            snd_mss: self.payload_max() as usize,
            window_scales: (self.snd.scale > 0 || self.rcv.scale > 0).then_some((self.rcv.scale, self.snd.scale)),
            timestamps: self.ts.is_some(),
            sack: self.sack,
            ecn: self.ecn.sends,
            srtt: self.rtt.srtt(),
            rttvar: self.rtt.rttvar(),
            rto: self.rto(),
            congestion: self.congestion.control(),
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            pacing_rate: self.rate().map(Rate::per_second),
            backoff: self.rtt.backoff(),
            unanswered: self.unanswered,
            retransmitted: self.retransmitted,
            lost: self.recovery.lost(),
            sacked: self.recovery.sacked(),
            reordering: self.recovery.is_reordering(),
            dsacks: self.recovery.dsacks(),
            min_rtt: self.recovery.min_rtt(),
            bytes_acked: self.bytes_acked,
            bytes_received: self.bytes_received,
            segments_out: self.segments_out,
            segments_in: self.segments_in,
            islands: self.rcv.islands(),
            idle_because: if self.is_over() { Idle::Over } else { self.idle },
        }
    }
}

/// The bounds and the clock of loss recovery.
pub(crate) const fn terms(config: &Config) -> Terms {
    Terms {
        runs: if config.limits.runs < 16 {
            16
        } else {
            config.limits.runs
        },
        resolution: config.clock_resolution,
    }
}

/// The scale we offer: the least that can say the largest receive buffer. Bounds: 14, by the bound of that buffer.
pub(crate) fn own_scale(receive_buffer_max: usize) -> u8 {
    (0..14).find(|&s| receive_buffer_max >> s <= 65_535).unwrap_or(14)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn no_line_of_a_connection_is_left_out_when_it_is_touched() {
        use core::mem::offset_of;

        const LINE: usize = 64;
        // What `touch` reads.
        let mut read = [
            offset_of!(Connection, ts),
            offset_of!(Connection, snd.una),
            offset_of!(Connection, snd.mss),
            offset_of!(Connection, rcv.irs),
            offset_of!(Connection, rcv.nxt),
            offset_of!(Connection, rcv.scale),
            offset_of!(Connection, rcv.buffer),
            offset_of!(Connection, congestion),
            // Somewhere in it.
            offset_of!(Connection, recovery) + size_of::<Recovery>() / 2,
            offset_of!(Connection, booked),
            offset_of!(Connection, deadlines),
            offset_of!(Connection, heard),
            offset_of!(Connection, bytes_received),
            offset_of!(Connection, segments_in),
            offset_of!(Connection, tuple.remote_port),
            offset_of!(Connection, acks),
            size_of::<Connection>(),
        ];
        read.sort_unstable();
        let mut last = 0;
        for at in read {
            assert!(at - last <= LINE, "nothing is read from {last} to {at}: {read:?}");
            last = at;
        }
    }
}
