//! One question: what segment next? And what follows once the link took it.

use wire::option::Options;
use wire::option::WindowScale;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::connection::{Connection, own_scale, terms};
use super::deadlines::Reason;
use super::mss;
use super::recovery::{Leaving, Phase};
use super::recv::syn_window;
use super::state::State;
use crate::context::Context;
use crate::io::Marks;
use crate::observer::Cause;
use crate::status::Idle;
use crate::time::{Duration, Instant};

/// A segment that may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seq: SeqNumber,
    /// Payload bytes.
    pub(crate) len: u32,
    pub(crate) flags: Flags,
    pub(crate) cause: Cause,
}

impl Plan {
    /// The number after the last that the segment occupies.
    pub(crate) fn end(&self) -> SeqNumber {
        self.seq + self.len + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// The part of it that the link took, where it took no more than so many bytes of payload.
    pub(crate) fn up_to(self, taken: u32) -> Self {
        if taken >= self.len {
            return self;
        }
        self.piece(0, taken)
    }

    /// The segment of it that begins after so many bytes. What ends the whole of it (PSH, FIN) stands in the last alone.
    pub(crate) fn piece(self, offset: u32, mss: u32) -> Self {
        let (seq, left) = (self.seq + offset, self.len.saturating_sub(offset));
        if left <= mss {
            return Self { seq, len: left, ..self };
        }
        let ending = Flags::PSH.bits() | Flags::FIN.bits();
        Self {
            seq,
            len: mss,
            flags: Flags::from_bits(self.flags.bits() & !ending),
            cause: if self.cause == Cause::Fin {
                Cause::Data
            } else {
                self.cause
            },
        }
    }
}

/// What a connection wants of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// This segment.
    Segment(Plan),
    /// Nothing, and why.
    Nothing(Idle),
}

/// The next segment: SYN, duplicate acknowledgment, retransmission, new data, FIN, acknowledgment, probe, in this order. `burst` is the largest payload
/// that the link takes at once: a super-segment, or one MSS.
pub(crate) fn next(now: Instant, c: &mut Connection, burst: u32) -> Next {
    if c.is_over() {
        return Next::Nothing(Idle::Over);
    }
    if !c.snd.syn_acked {
        return opening(c);
    }
    if c.ack == Some(Cause::DuplicateAck) {
        // Before any data: only a segment without text counts as a duplicate, and only it has room for SACK blocks.
        return Next::Segment(bare(c, c.snd.nxt, Cause::DuplicateAck));
    }
    if let Some(plan) = retransmission(c, burst).or_else(|| tail_loss_probe(c)) {
        return Next::Segment(plan);
    }
    let idle = match fresh(now, c, burst) {
        Ok(plan) => return Next::Segment(plan),
        Err(idle) => idle,
    };
    persist(now, c, idle);
    match c.ack {
        Some(cause) => Next::Segment(bare(c, c.snd.nxt, cause)),
        None if c.probe_due => Next::Segment(bare(c, c.snd.nxt - 1, Cause::KeepAlive)),
        None => Next::Nothing(idle),
    }
}

/// A segment without payload.
fn bare(c: &Connection, seq: SeqNumber, cause: Cause) -> Plan {
    Plan {
        seq,
        len: 0,
        flags: Flags::ACK | urgent_flag(c, seq),
        cause,
    }
}

/// SYN-SENT and SYN-RECEIVED: our SYN, alone or with the ACK of theirs.
fn opening(c: &Connection) -> Next {
    let again = c.snd.nxt != c.snd.iss;
    if c.syn_due {
        let (flags, cause) = match (c.state() == State::SynSent, again) {
            (true, false) => (Flags::SYN | c.ecn.asks(), Cause::Syn),
            (true, true) => (Flags::SYN, Cause::SynRetransmit),
            (false, _) if c.unanswered == 0 => (Flags::SYN | Flags::ACK, Cause::SynAck),
            (false, _) => (Flags::SYN | Flags::ACK, Cause::SynAckRetransmit),
        };
        return Next::Segment(Plan {
            seq: c.snd.iss,
            len: 0,
            flags,
            cause,
        });
    }
    match c.ack {
        Some(cause) if c.state() != State::SynSent => Next::Segment(bare(c, c.snd.nxt, cause)),
        _ => Next::Nothing(Idle::Opening),
    }
}

/// What was lost, as far as the windows let it go.
fn retransmission(c: &mut Connection, burst: u32) -> Option<Plan> {
    let (seq, limit) = c.recovery.due()?;
    let cause = match c.recovery.phase() {
        Phase::Loss { .. } if c.snd.wnd == 0 => Cause::WindowProbe,
        Phase::Loss { .. } => Cause::TimeoutRetransmit,
        _ if c.sack => Cause::RackRetransmit,
        _ => Cause::FastRetransmit,
    };
    if cause == Cause::WindowProbe && !c.force {
        // The persist timer says when (RFC 9293 section 3.8.6: a window that shrinks to zero is probed).
        return None;
    }
    let end = c.snd.data_end();
    let rest = if seq.before(end) { end.since(seq) } else { 0 };
    let text = rest.min(limit.since(seq));
    let len = if cause != Cause::WindowProbe {
        let text = filled_up(c, seq, text, rest);
        text.min(resend_room(c, seq, text)?).min(burst)
    } else if seq == c.snd.una {
        text.min(c.payload_max())
    } else {
        return None;
    };
    let has_news = (seq + len).after(c.snd.nxt);
    let fin_fits = limit.after(end) || has_news && (c.snd.una + c.snd.wnd).after(end);
    let fin = c.snd.fin && seq + len == end && fin_fits;
    let cause = match (has_news, fin) {
        (false, _) => cause,
        (true, false) => Cause::Data,
        (true, true) => Cause::Fin,
    };
    Some(Plan {
        seq,
        len,
        flags: text_flags(c, seq, len, fin, end),
        cause,
    })
}

/// RFC 8985 section 7.3: a segment of new data if there is any that the peer's window takes, whatever the congestion window
/// says; else the last segment again.
fn tail_loss_probe(c: &mut Connection) -> Option<Plan> {
    if !c.recovery.is_probe_due() {
        return None;
    }
    let mss = c.payload_max();
    let (end, nxt) = (c.snd.data_end(), c.snd.nxt);
    let fresh = c.snd.unsent().min(c.snd.usable()).min(mss);
    let (seq, len) = if fresh > 0 {
        (nxt, fresh)
    } else {
        let start = c.recovery.last_sent()?.later(c.snd.una);
        let text_end = nxt.earlier(end);
        let seq = if text_end.since(start) > mss {
            text_end - mss
        } else {
            start
        };
        (seq, text_end.since(seq))
    };
    let last = c.snd.fin && seq + len == end;
    let fin = last
        && if fresh > 0 {
            c.snd.usable() > len
        } else {
            nxt.after(end)
        };
    Some(Plan {
        seq,
        len,
        flags: text_flags(c, seq, len, fin, end),
        cause: Cause::TailLossProbe,
    })
}

/// How much there is to send again at `seq`, of `rest` bytes in the buffer. Behind the probe that a closed window refused
/// follows at once what had waited for the window, where the peer's window takes it and it is worth a segment: that byte
/// alone would be a small segment in flight, and hold up the others as such (RFC 9293 sections 3.7.4 and 3.8.6.2.1).
fn filled_up(c: &Connection, seq: SeqNumber, text: u32, rest: u32) -> u32 {
    if !c.recovery.fills_up() || seq + text != c.snd.nxt {
        return text;
    }
    let mss = c.payload_max();
    let room = c.snd.wnd.saturating_sub(seq.since(c.snd.una));
    let len = if rest <= room {
        rest
    } else if room >= mss {
        room / mss * mss
    } else if room >= c.snd.wnd_max / 2 {
        room
    } else {
        return text;
    };
    len.max(text)
}

/// How much may be sent again at `seq`: what both windows leave, in whole segments. At SND.UNA the peer's window always takes a
/// segment, and so does the congestion window after a timeout, for without it nothing moves. `None`: nothing yet.
fn resend_room(c: &Connection, seq: SeqNumber, text: u32) -> Option<u32> {
    let (mss, is_first) = (c.payload_max(), seq == c.snd.una);
    let least = if is_first { mss } else { 0 };
    let is_forced = is_first && matches!(c.recovery.phase(), Phase::Loss { .. });
    let free = c
        .congestion
        .cwnd()
        .saturating_sub(c.recovery.pipe(c.snd.una, c.snd.nxt))
        .max(if is_forced { mss } else { 0 });
    let room = c.snd.wnd.saturating_sub(seq.since(c.snd.una)).max(least).min(free);
    if room >= text && (text > 0 || free > 0) {
        return Some(room);
    }
    (room >= mss).then(|| room / mss * mss)
}

/// New data or the FIN, if the windows, Nagle (RFC 9293 section 3.7.4) and silly-window avoidance (section 3.8.6.2.1) let it.
fn fresh(now: Instant, c: &mut Connection, burst: u32) -> Result<Plan, Idle> {
    let unsent = c.snd.unsent();
    let fin_unsent = c.snd.is_fin_unsent();
    if unsent == 0 && !fin_unsent {
        return Err(Idle::NoData);
    }
    if c.recovery.is_due() {
        return Err(if c.snd.wnd == 0 {
            Idle::PeerWindow
        } else {
            Idle::CongestionWindow
        });
    }
    let mss = c.payload_max();
    let burst = if c.ecn.is_cwr_due() { mss } else { burst };
    let in_flight = c.recovery.pipe(c.snd.una, c.snd.nxt);
    if !c.snd.has_flight() && now.since(c.text_sent) > c.rto() {
        c.congestion.on_idle(mss);
    }
    let usable = if c.force { c.snd.usable().max(1) } else { c.snd.usable() };
    let room = c.congestion.cwnd().saturating_sub(in_flight);
    // With nothing in flight no acknowledgment will open the window: a segment leaves however small it is (a path may turn
    // out to be wider than the window that a narrow one has left).
    let room = if c.snd.has_flight() { room } else { room.max(mss) };
    // What is paced leaves in pieces of a millisecond.
    let rate = c.rate();
    let wanted = unsent.min(rate.map_or(burst, |rate| burst.min(rate.quantum(mss))));
    if usable == 0 {
        return Err(Idle::PeerWindow);
    }
    let mut len = wanted.min(usable);
    if len > room {
        // Whole segments only: a congestion window is no reason for a small one.
        len = room / mss * mss;
        if len == 0 {
            return Err(Idle::CongestionWindow);
        }
    }
    let nagle_lets = c.options.no_delay || !c.snd.has_flight() || c.snd.fin || c.snd.up.is_some();
    if len > mss && !(len == unsent && nagle_lets) {
        len = len / mss * mss;
    }
    let last = len == unsent;
    let fin = fin_unsent && last && usable > len;
    let half_window = len > 0 && len >= c.snd.wnd_max / 2;
    let worth = len >= mss || fin || c.force || (nagle_lets && (last || half_window));
    if !worth {
        return Err(if last { Idle::Nagle } else { Idle::SillyWindow });
    }
    if len == 0 && !fin {
        return Err(Idle::PeerWindow);
    }
    if !c.force && rate.is_some() && c.deadlines.is_armed(Reason::Pacing) && c.congestion.holds(now) {
        return Err(Idle::Pacing);
    }
    let cause = match (c.force && c.snd.usable() == 0, fin) {
        (true, _) => Cause::WindowProbe,
        (false, true) => Cause::Fin,
        (false, false) => Cause::Data,
    };
    let seq = c.snd.nxt;
    Ok(Plan {
        seq,
        len,
        flags: text_flags(c, seq, len, fin, c.snd.data_end()),
        cause,
    })
}

/// ACK always; PSH where the buffer ends (RFC 9293 SHLD-27, MUST-61); FIN where the stream ends.
fn text_flags(c: &Connection, seq: SeqNumber, len: u32, fin: bool, end: SeqNumber) -> Flags {
    let mut flags = Flags::ACK | urgent_flag(c, seq);
    if len > 0 && seq + len == end {
        flags = flags | Flags::PSH;
    }
    if fin { flags | Flags::FIN } else { flags }
}

fn urgent_flag(c: &Connection, seq: SeqNumber) -> Flags {
    if c.snd.up.is_some_and(|up| up.after(seq)) {
        Flags::URG
    } else {
        Flags::NONE
    }
}

/// Whatever waits for the peer has a timer. In flight, it is the retransmission timer; where data waits for a window and
/// nothing is in flight whose acknowledgment could open it, the persist timer (RFC 9293 section 3.8.6.1, MUST-35; section
/// 3.8.6.2.1: 0.1 to 1 s for a silly window).
fn persist(now: Instant, c: &mut Connection, idle: Idle) {
    let after = match idle {
        _ if c.snd.has_flight() => c.rto(),
        Idle::PeerWindow => c.rto(),
        Idle::SillyWindow => Duration::from_millis(500),
        _ => return,
    };
    if !c.deadlines.is_armed(Reason::Retransmit) {
        c.deadlines.arm(now, Reason::Retransmit, after);
    }
}

/// Text that is sent for the first time, and not into a closed window.
fn is_fresh(c: &Connection, plan: &Plan) -> bool {
    plan.len > 0 && plan.seq == c.snd.nxt && plan.cause != Cause::WindowProbe
}

/// How routers are to treat a planned segment.
pub(crate) fn marks(c: &Connection, plan: &Plan) -> Marks {
    Marks {
        dscp: c.options.dscp,
        ecn: c.ecn.mark(is_fresh(c, plan)),
    }
}

/// The header of a planned segment.
pub(crate) fn header<O>(cx: &Context<'_, O>, c: &mut Connection, plan: &Plan) -> Header {
    let mut options = Options {
        timestamps: c.ts.map(|ts| ts.option(cx.now.mono)),
        ..Options::default()
    };
    let window = if plan.flags.syn() {
        let addr = c.tuple.local_addr;
        options.mss = Some(mss::ours(cx.config.mtu, addr));
        options.sack_permitted = c.sack;
        let scaled = if c.state() == State::SynSent {
            cx.config.window_scaling
        } else {
            c.rcv.scale > 0
        };
        options.window_scale = scaled.then(|| WindowScale::new(own_scale(cx.config.limits.receive_buffer_max)));
        u16::try_from(syn_window(c.rcv.buffer)).unwrap_or(u16::MAX)
    } else {
        if c.sack && plan.len == 0 {
            options.sack = c.rcv.sack_blocks();
        }
        c.rcv.field(u32::from(c.snd.mss), cx.ledger)
    };
    let ecn = match plan.flags {
        flags if flags.ack() && !flags.syn() => c.ecn.flags(is_fresh(c, plan)),
        _ => Flags::NONE,
    };
    let ack = if plan.flags.ack() {
        c.rcv.nxt
    } else {
        SeqNumber::default()
    };
    let urgent = match c.snd.up {
        Some(up) if plan.flags.urg() => u16::try_from(up.since(plan.seq)).unwrap_or(u16::MAX),
        _ => 0,
    };
    Header {
        src_port: c.tuple.local_port,
        dst_port: c.tuple.remote_port,
        seq: plan.seq,
        ack,
        flags: plan.flags | ecn,
        window,
        urgent,
        options,
    }
}

/// The link took the segment: now, and only now, SND.NXT moves and timers start.
pub(crate) fn sent<O>(cx: &mut Context<'_, O>, c: &mut Connection, plan: &Plan, field: u16) {
    let now = cx.now.mono;
    let (end, fresh, again) = (plan.end(), plan.end().after(c.snd.nxt), plan.seq.before(c.snd.nxt));
    let (had_flight, nxt) = (c.snd.has_flight(), c.snd.nxt);
    c.segments_out = c.segments_out.wrapping_add(1);
    c.probe_due &= plan.cause != Cause::KeepAlive;
    if plan.flags.ack() {
        acknowledgment_left(c, plan, field);
    }
    if end == plan.seq {
        return;
    }
    if is_fresh(c, plan) {
        c.ecn.on_fresh();
    }
    c.text_sent = now;
    c.force = false;
    if plan.flags.syn() {
        c.syn_due = false;
    }
    if fresh {
        let old = if again { c.snd.nxt.since(plan.seq) } else { 0 };
        let new = plan.len.saturating_sub(old);
        cx.counters.bytes_out = cx.counters.bytes_out.wrapping_add(u64::from(new));
        c.snd.nxt = end;
    }
    if again && !fresh && plan.cause != Cause::SynAck {
        c.retransmitted = c.retransmitted.wrapping_add(1);
        cx.counters.retransmissions += 1;
    }
    if plan.flags.syn() {
        // Karn: what was sent twice cannot be timed.
        c.timed = fresh;
    } else {
        let leaving = Leaving {
            start: plan.seq,
            end,
            nxt,
            probe: plan.cause == Cause::TailLossProbe,
            tsval: c.ts.map(|ts| ts.value(now)),
        };
        c.recovery.on_sent(now, leaving, &terms(cx.config));
        if fresh {
            c.arm_probe(now);
        }
    }
    if !had_flight {
        c.congestion.on_resume(now);
    }
    if let Some(rate) = c.rate().filter(|_| plan.len > 0) {
        match c.congestion.on_paced(now, plan.len, c.payload_max(), rate, c.snd.nxt) {
            Some(after) => c.deadlines.arm(now, Reason::Pacing, after),
            None => c.deadlines.disarm(Reason::Pacing),
        }
    }
    // What ran while nothing was in flight was the persist timer.
    let restarts = match plan.cause {
        Cause::FastRetransmit | Cause::RackRetransmit => plan.seq == c.snd.una,
        Cause::TailLossProbe => true,
        _ => false,
    };
    if !had_flight || restarts || !c.deadlines.is_armed(Reason::Retransmit) {
        c.deadlines.arm(now, Reason::Retransmit, c.rto());
    }
}

fn acknowledgment_left(c: &mut Connection, plan: &Plan, field: u16) {
    if plan.flags.syn() {
        c.rcv.acked = c.rcv.nxt;
    } else {
        c.rcv.on_advertised(field);
    }
    c.acks = c.acks.saturating_sub(1);
    c.ack = (c.acks > 0).then_some(Cause::DuplicateAck);
    c.deadlines.disarm(Reason::DelayedAck);
}
