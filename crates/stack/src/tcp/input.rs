//! SEGMENT ARRIVES (RFC 9293 section 3.10.7) for a connection: the RFC's steps in their order, one function each.

use wire::option::{Options, SackBlocks, Timestamps as TimestampsOption};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::connection::{Connection, Owner, terms};
use super::deadlines::Reason;
use super::ecn::Ecn;
use super::mss;
use super::recovery::{Echo, Heard, News, Phase};
use super::recv::Taken;
use super::rtt::RoundTrip;
use super::segment::Segment;
use super::state::{Arrow, State};
use super::timestamps::Timestamps;
use super::tuning::Tuning;
use crate::context::Context;
use crate::error::Ended;
use crate::ledger::FLOOR;
use crate::observer::{Cause, Fact, Observer, Why};
use crate::time::{Duration, Instant};

/// A segment arrives for this connection. What cannot be used is counted, with its reason.
pub(crate) fn segment_arrives<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: Segment) {
    c.segments_in = c.segments_in.wrapping_add(seg.segments);
    let done = match c.state() {
        State::Closed | State::Listen | State::TimeWait => Ok(()),
        State::SynSent => syn_sent(cx, c, seg),
        _ => otherwise(cx, c, seg),
    };
    if let Err(why) = done {
        cx.dropped(Some(c.tuple), why);
    }
}

/// RFC 9293 section 3.10.7.3: SYN-SENT, its five steps.
fn syn_sent<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: Segment) -> Result<(), Why> {
    let acked = seg.flags.ack() && seg.ack == c.snd.nxt && seg.ack.after(c.snd.iss);
    // First, the ACK bit: it acknowledges our SYN or is wrong.
    if seg.flags.ack() && !acked {
        if !seg.flags.rst() {
            reset_bad_ack(cx, c, &seg);
        }
        return Err(Why::BadHandshakeAck);
    }
    // Second, the RST bit: only one that acknowledges our SYN is believed (RFC 5961 section 3.2).
    if seg.flags.rst() {
        if !acked {
            return Err(Why::ResetOutOfWindow);
        }
        c.end(cx, Ended::Refused, Arrow::ResetArrives);
        return Ok(());
    }
    // Third, security: not ours. Fourth, the SYN bit; fifth, neither.
    if !seg.flags.syn() {
        return Err(Why::NotSyn);
    }
    c.rcv.on_syn(seg.seq);
    c.tuning = Tuning::new(cx.now.mono, c.rcv.nxt);
    negotiate(cx, c, &seg.options);
    if acked {
        c.ecn.on_answer(seg.flags, c.unanswered > 0);
        syn_acknowledged(cx, c, &seg, 0);
        c.transition(cx, Arrow::SynAckArrives);
        c.ack_now(Cause::HandshakeAck);
    } else {
        // Simultaneous open: our SYN again, now as SYN-ACK, which agrees to no ECN.
        c.ecn = Ecn::default();
        c.transition(cx, Arrow::SynArrives);
        c.snd.wnd = u32::from(seg.window);
        c.syn_due = true;
        return Ok(());
    }
    let mut seg = seg.without_syn();
    seg.trim(c.rcv.nxt, c.rcv.window_end());
    sixth_check_urg(c, &seg);
    seventh_take_text(cx, c, &seg)?;
    eighth_check_fin(cx, c, &seg);
    Ok(())
}

/// What the peer's SYN offers and we offered is in use from now on.
fn negotiate<O: Observer>(cx: &Context<'_, O>, c: &mut Connection, theirs: &Options) {
    let addr = c.tuple.local_addr;
    c.snd.mss = mss::effective(theirs.mss.unwrap_or(mss::default(addr)), cx.config.mtu, addr);
    if cx.config.window_scaling {
        c.scale(cx, theirs.window_scale.map(|s| s.shift()));
    }
    c.sack &= theirs.sack_permitted;
    c.ts = match (c.ts, theirs.timestamps) {
        (Some(ts), Some(TimestampsOption { val, .. })) => Some(Timestamps::with_recent(ts.offset, val, cx.now.mono)),
        _ => None,
    };
    c.congestion = super::congestion::Congestion::new(c.options.congestion, c.payload_max());
}

/// Our SYN is acknowledged: measure the round trip, take the first window. `scale` is that of this very segment's field:
/// 0 in a SYN (RFC 7323 section 2.2).
fn syn_acknowledged<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment, scale: u8) {
    measure_handshake(cx, c, seg);
    if c.unanswered > 0 {
        c.rtt.on_lost_syn();
    }
    if c.unanswered > 1 {
        // RFC 6928 section 2: since the first timeout is 1 s, one that struck says little.
        c.congestion.on_lost_syn(c.payload_max());
    }
    c.snd.acknowledge(c.snd.iss + 1);
    c.deadlines.disarm(Reason::UserTimeout);
    if c.has_work() {
        c.arm_user_timeout(cx.now.mono);
    }
    c.rtt.on_progress();
    c.unanswered = 0;
    c.syn_due = false;
    c.deadlines.disarm(Reason::Retransmit);
    c.snd.wnd = u32::from(seg.window) << scale;
    c.snd.wnd_max = c.snd.wnd;
    (c.snd.wl1, c.snd.wl2) = (seg.seq, seg.ack);
    c.heard = cx.now.mono;
    c.dscp_received = seg.dscp;
}

/// RFC 9293 section 3.10.7.4, "Otherwise": the eight steps. The fourth comes first, for RFC 5961 section 4.2 wants a SYN
/// challenged whatever its sequence number. The third, security, is not ours.
fn otherwise<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: Segment) -> Result<(), Why> {
    let scale = if seg.flags.syn() { 0 } else { c.snd.scale };
    let seg = crossing_syn(c, seg)?;
    fourth_check_syn(cx, c, &seg)?;
    let seg = first_check_sequence(cx, c, seg)?;
    second_check_rst(cx, c, &seg)?;
    fifth_check_ack(cx, c, &seg, scale)?;
    if !seg.payload.is_empty() && c.ecn.on_text(seg.ecn, seg.flags.contains(Flags::CWR)) {
        c.quick_acks = c.quick_acks.max(1);
    }
    sixth_check_urg(c, &seg);
    // Text that is here already may carry a FIN that is not.
    let taken = seventh_take_text(cx, c, &seg);
    eighth_check_fin(cx, c, &seg);
    taken
}

/// Simultaneous open: in SYN-RECEIVED the peer's SYN comes again, as SYN-ACK (which acknowledges ours) or because ours was
/// lost (RFC 9293 figure 8, lines 5 and 7).
fn crossing_syn(c: &mut Connection, seg: Segment) -> Result<Segment, Why> {
    if !seg.flags.syn() || c.snd.syn_acked || seg.seq != c.rcv.irs {
        return Ok(seg);
    }
    if seg.flags.ack() {
        return Ok(seg.without_syn());
    }
    c.syn_due = true;
    Err(Why::Duplicate)
}

/// First: the sequence number, and the timestamp before it (RFC 7323 section 5.3). What is left is trimmed to the window.
fn first_check_sequence<O: Observer>(
    cx: &mut Context<'_, O>,
    c: &mut Connection,
    mut seg: Segment,
) -> Result<Segment, Why> {
    let now = cx.now.mono;
    let timestamp = c.ts.and_then(|ts| seg.options.timestamps.map(|option| (ts, option)));
    if let Some((ts, option)) = timestamp
        && ts.is_old(now, option.val)
        && !seg.flags.rst()
    {
        return Err(if is_overtaken_ack(c, &seg) {
            Why::Paws
        } else {
            refuse(cx, c, &seg, Why::Paws)
        });
    }
    let (start, end) = (c.rcv.nxt, c.rcv.window_end());
    if !is_acceptable(start, end, &seg) {
        let why = if seg.flags.rst() {
            return Err(Why::ResetOutOfWindow);
        } else if seg.len() > 0 && seg.end().at_or_before(start) {
            c.rcv.on_twice(seg.seq, seg.end());
            Why::Duplicate
        } else {
            Why::OutOfWindow
        };
        return Err(refuse(cx, c, &seg, why));
    }
    c.heard = now;
    c.dscp_received = seg.dscp;
    if !c.has_work() {
        // Whatever keep-alive probes were out: the peer lives.
        c.unanswered = 0;
    }
    if let Some((mut ts, option)) = timestamp {
        ts.on_segment(now, option.val, seg.seq, c.rcv.acked);
        c.ts = Some(ts);
    }
    if seg.seq.before(start) {
        c.rcv.on_twice(seg.seq, seg.end().earlier(start));
    }
    let had_text = !seg.payload.is_empty();
    if let Some((ts, option)) = timestamp.filter(|_| had_text && c.options.receive_buffer.is_auto())
        && let Some(sample) = ts.round_trip(now, option.ecr)
    {
        c.tuning.on_echo(sample);
    }
    if seg.trim(start, end) {
        // More than the window takes, as the probe of a closed one: the sender has to hear where it stands.
        if seg.payload.is_empty() {
            c.ack_now(Cause::DuplicateAck);
        } else {
            c.quick_acks = c.quick_acks.max(1);
        }
        if had_text && seg.payload.is_empty() {
            cx.dropped(Some(c.tuple), Why::ReceiveBufferFull);
        }
    }
    Ok(seg)
}

/// A bare ACK that a later one has overtaken on the way: it tells nothing new, and an answer would only spend the budget that
/// a real challenge may need (docs/decisions/0005-liberal-with-flags.md).
fn is_overtaken_ack(c: &Connection, seg: &Segment) -> bool {
    seg.len() == 0 && seg.seq == c.rcv.nxt && seg.flags.ack() && seg.ack.at_or_before(c.snd.una)
}

/// RFC 9293 section 3.4, table 6, and two allowances: a closed window takes the ACK, URG and RST of a segment that is next
/// (MUST-66), and a segment without length may stand at the very edge, where a peer that filled the window stands. Of an RST
/// its own number alone counts: text on it must not reach for the window from outside.
fn is_acceptable(start: SeqNumber, end: SeqNumber, seg: &Segment) -> bool {
    match seg.len() {
        _ if seg.flags.rst() => seg.seq == start || seg.seq.at_or_after(start) && seg.seq.before(end),
        0 => seg.seq.at_or_after(start) && seg.seq.at_or_before(end),
        _ if start == end => seg.seq == start,
        _ => seg.seq.before(end) && seg.end().after(start),
    }
}

/// Acknowledges an unacceptable segment and passes the reason on. Those without length have the budget of challenge ACKs,
/// or two ends that disagree would answer each other for ever.
fn refuse<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment, why: Why) -> Why {
    if seg.len() > 0 {
        c.ack_now(Cause::DuplicateAck);
    } else {
        challenge(cx, c);
    }
    why
}

/// Owes the peer a challenge ACK, within this connection's budget (RFC 5961 section 7).
fn challenge<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    if c.may_challenge(cx.now.mono, cx.config.limits.challenge_acks_per_5s) {
        cx.counters.challenge_acks += 1;
        c.ack_now(Cause::ChallengeAck);
    } else {
        cx.dropped(Some(c.tuple), Why::ChallengeBudget);
    }
}

/// Second: RST. Exactly at RCV.NXT it resets; elsewhere in the window it is challenged (RFC 5961 section 3.2).
fn second_check_rst<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) -> Result<(), Why> {
    if !seg.flags.rst() {
        return Ok(());
    }
    if seg.seq != c.rcv.nxt {
        challenge(cx, c);
        return Err(Why::ResetInexact);
    }
    let how = if c.snd.syn_acked { Ended::Reset } else { Ended::Refused };
    c.end(cx, how, Arrow::ResetArrives);
    Err(Why::ResetTaken)
}

/// Fourth: SYN. On a synchronized connection it is challenged and kills nothing (RFC 5961 section 4.2).
fn fourth_check_syn<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) -> Result<(), Why> {
    if !seg.flags.syn() {
        return Ok(());
    }
    challenge(cx, c);
    Err(Why::SynOnConnection)
}

/// Fifth: ACK. Our SYN first; then what is acknowledged, what is a duplicate, the window, and our FIN. `scale` is that of
/// this very segment's window, which counts while our SYN is not acknowledged: a SYN that crossed ours is not scaled.
fn fifth_check_ack<O: Observer>(
    cx: &mut Context<'_, O>,
    c: &mut Connection,
    seg: &Segment,
    scale: u8,
) -> Result<(), Why> {
    if !seg.flags.ack() {
        return Err(Why::NoAck);
    }
    if !c.snd.syn_acked {
        if seg.ack != c.snd.iss + 1 || c.snd.nxt == c.snd.iss {
            reset_bad_ack(cx, c, seg);
            return Err(Why::BadHandshakeAck);
        }
        syn_acknowledged(cx, c, seg, scale);
        if c.state() == State::SynReceived {
            c.transition(cx, Arrow::OurSynAcked);
        } else {
            // Its user closed before, so that no state but this tells that it is open.
            c.ready.opened = true;
            c.arm_keep_alive(cx.now.mono);
        }
        return Ok(());
    }
    // RFC 5961 section 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT.
    if seg.ack.after(c.snd.nxt) || seg.ack.before(c.snd.una - c.snd.wnd_max) {
        challenge(cx, c);
        return Err(Why::AckOutOfRange);
    }
    let fin_acked = c.snd.is_fin_acked_by(seg.ack);
    c.snd.fin &= !fin_acked;
    let before = c.recovery.phase();
    if c.snd.has_flight() || !seg.options.sack.is_empty() {
        recover(cx, c, seg);
    }
    if seg.ack.after(c.snd.una) {
        acknowledged(cx, c, seg);
    }
    c.slowed_since(before);
    echoed_mark(c, seg);
    update_window(cx.now.mono, c, seg);
    if fin_acked {
        our_fin_acked(cx, c);
    }
    Ok(())
}

/// The peer says that a router has marked what we sent: to slow down is the same as for a loss, but nothing is sent again. In
/// recovery that has been done already (RFC 3168 section 6.1.2).
fn echoed_mark(c: &mut Connection, seg: &Segment) {
    let echoed = seg.flags.contains(Flags::ECE) && c.ecn.on_echo(seg.ack);
    c.ecn.on_ack(seg.ack);
    if echoed && c.recovery.phase() == Phase::Open {
        c.congestion.on_congestion(c.snd.nxt.since(c.snd.una), c.payload_max());
        c.congestion.on_recovered(c.congestion.ssthresh());
    }
    if echoed {
        c.ecn.on_slowed(c.snd.nxt);
    }
}

/// RFC 5681 section 2: what counts as a duplicate acknowledgment.
fn is_duplicate(c: &Connection, seg: &Segment) -> bool {
    seg.ack == c.snd.una
        && c.snd.has_flight()
        && seg.len() == 0
        && u32::from(seg.window) << c.snd.scale == c.snd.wnd
        && c.snd.wnd > 0
}

/// What the acknowledgment tells of loss, of the round trip and of the path.
fn recover<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) {
    let now = cx.now.mono;
    let terms = terms(cx.config);
    let echo = c.ts.zip(seg.options.timestamps);
    let heard = Heard {
        arrived: seg.arrived,
        ack: seg.ack,
        sack: if c.sack {
            seg.options.sack
        } else {
            SackBlocks::default()
        },
        duplicate: is_duplicate(c, seg),
        echo: echo
            .filter(|(ts, option)| ts.round_trip(now, option.ecr).is_some())
            .map(|(ts, option)| Echo { ts, ecr: option.ecr }),
    };
    let news = c.recovery.hear(&heard, &c.flight(now), &terms);
    if news.ignored {
        cx.dropped(Some(c.tuple), Why::SackRunsFull);
    }
    let rtt = if news.acked > 0 {
        measure(cx, c, seg, &news)
    } else {
        None
    };
    let flight = c.flight(now);
    let judged = c
        .recovery
        .judge(&news, &flight, news.last_rtt.or(rtt), &mut c.congestion, &terms);
    if let Some(by) = judged.undone {
        cx.fact(&Fact::Undone { tuple: c.tuple, by });
    }
    c.arm_recovery(now, judged.wait, news.acked > 0);
}

/// Something new is acknowledged.
fn acknowledged<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) {
    let now = cx.now.mono;
    let bytes = c.snd.acknowledge(seg.ack);
    c.bytes_acked = c.bytes_acked.wrapping_add(u64::from(bytes));
    c.rtt.on_progress();
    c.unanswered = 0;
    c.soft_error = None;
    if c.snd.has_flight() {
        c.deadlines.arm(now, Reason::Retransmit, c.rto());
    } else {
        c.deadlines.disarm(Reason::Retransmit);
    }
    if c.has_work() {
        c.arm_user_timeout(now);
    } else {
        c.congestion.on_quiet();
        c.deadlines.disarm(Reason::UserTimeout);
    }
    if c.blocked && c.room(cx.ledger) * 3 >= c.send_buffer(cx.ledger) {
        c.blocked = false;
        c.ready.writable = true;
    }
}

/// The round trip of our SYN or SYN-ACK, where it was sent once, else of the echoed timestamp (RFC 6298 section 3, RFC 7323
/// section 4).
fn measure_handshake<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) {
    let timed = core::mem::take(&mut c.timed).then(|| seg.arrived.since(c.text_sent));
    if let Some(sample) = timed.or_else(|| echoed_round_trip(c, seg)) {
        take_sample(cx, c, sample, 1);
    }
}

/// A round trip, from what was sent once and is acknowledged, else from the echoed timestamp (RFC 6298 section 3, RFC 7323
/// section 4).
fn measure<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment, news: &News) -> Option<Duration> {
    let sample = news.first_rtt.or_else(|| echoed_round_trip(c, seg))?;
    let per_flight = RoundTrip::samples_per_flight(c.snd.nxt.since(c.snd.una), news.acked, c.payload_max());
    take_sample(cx, c, sample, per_flight);
    Some(sample)
}

fn echoed_round_trip(c: &Connection, seg: &Segment) -> Option<Duration> {
    let (ts, option) = c.ts.zip(seg.options.timestamps)?;
    ts.round_trip(seg.arrived, option.ecr)
}

fn take_sample<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, sample: Duration, per_flight: u32) {
    c.rtt.on_sample(sample, per_flight);
    let srtt = c.rtt.srtt().unwrap_or(Duration::ZERO);
    cx.fact(&Fact::RoundTrip {
        tuple: c.tuple,
        sample,
        srtt,
        rto: c.rto(),
    });
}

/// RFC 9293 section 3.10.7.4, fifth: SND.WND, from a segment that is not older than the last that set it. One whose ACK is
/// newer was sent later, though what it carries was sent before: without its window SND.UNA would move and take the old
/// window's right edge beyond the peer's.
fn update_window(now: Instant, c: &mut Connection, seg: &Segment) {
    let newer = c.snd.wl2.before(seg.ack) || (c.snd.wl2 == seg.ack && c.snd.wl1.at_or_before(seg.last));
    if seg.ack.before(c.snd.una) || !newer {
        return;
    }
    let was_closed = c.snd.wnd == 0;
    c.snd.wnd = u32::from(seg.window) << c.snd.scale;
    c.snd.wnd_max = c.snd.wnd_max.max(c.snd.wnd);
    (c.snd.wl1, c.snd.wl2) = (c.snd.wl1.later(seg.last), seg.ack);
    if c.snd.wnd == 0 {
        // The peer lives and says so: it may keep its window closed as long as it likes (RFC 9293 MUST-37), and as long as
        // somebody holds the connection (RFC 6429 section 4).
        if c.owner != Owner::Nobody {
            c.unanswered = 0;
        }
    } else if was_closed {
        c.rtt.on_progress();
        c.force = false;
        c.deadlines.disarm(Reason::Retransmit);
        // A probe that the closed window refused is sent again with what follows it.
        let flight = c.flight(now);
        c.recovery.resend(&flight, &mut c.congestion);
        c.deadlines.disarm(Reason::Recover);
    }
}

/// Everything that we have sent, the FIN included, is acknowledged.
fn our_fin_acked<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    if matches!(c.state(), State::FinWait1 | State::Closing | State::LastAck) {
        c.transition(cx, Arrow::OurFinAcked);
    }
}

/// Sixth: URG (RFC 6093: the data stays in line; the pointer is told to the user).
fn sixth_check_urg(c: &mut Connection, seg: &Segment) {
    if !seg.flags.urg() || !c.state().may_receive() || seg.urgent == 0 {
        return;
    }
    let up = seg.seq + u32::from(seg.urgent);
    if c.rcv.up.is_none_or(|known| up.after(known)) && up.after(c.rcv.nxt) {
        c.rcv.up = Some(up);
        c.ready.urgent = true;
    }
}

/// Seventh: the text.
fn seventh_take_text<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) -> Result<(), Why> {
    if seg.payload.is_empty() || c.is_over() {
        return Ok(());
    }
    if !c.state().may_receive() || c.rcv.fin.is_some_and(|fin| seg.seq.at_or_after(fin)) {
        return Err(Why::DataAfterFin);
    }
    if c.owner == Owner::Nobody {
        // RFC 9293 section 3.6.1: the user is gone, and the peer should know that nobody reads this.
        c.reset(cx, Cause::ResetAbort);
        c.end(cx, Ended::Aborted, Arrow::Abort);
        return Err(Why::DataAfterClose);
    }
    if cx.ledger.is_full() && c.rcv.held() + seg.payload.len() > FLOOR as usize {
        c.ack_now(Cause::DuplicateAck);
        return Err(Why::BufferBudget);
    }
    let mut text = seg.payload.clone();
    if let Some(fin) = c.rcv.fin {
        // What lies beyond the peer's own end is none of its stream.
        text.truncate(fin.since(seg.seq) as usize);
    }
    match c.rcv.take(seg.seq, text, cx.config.limits.islands) {
        Taken::InOrder { bytes, filled } => {
            c.bytes_received = c.bytes_received.wrapping_add(u64::from(bytes));
            cx.counters.bytes_in = cx.counters.bytes_in.wrapping_add(u64::from(bytes));
            c.ready.readable = true;
            acknowledge_text(cx, c, seg.segments, filled);
            Ok(())
        }
        Taken::Beyond => {
            c.ack_now(Cause::DuplicateAck);
            Ok(())
        }
        Taken::Old => {
            c.rcv.on_twice(seg.seq, seg.seq + seg.text_len());
            c.ack_now(Cause::DuplicateAck);
            Err(Why::Duplicate)
        }
        Taken::Full => {
            c.ack_now(Cause::DuplicateAck);
            Err(Why::IslandsFull)
        }
    }
}

/// When to acknowledge (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2): at once where a hole was filled, at the second full
/// segment, and early in a connection; else after the delay.
fn acknowledge_text<O: Observer>(cx: &Context<'_, O>, c: &mut Connection, segments: u32, filled: bool) {
    let waiting = c.rcv.nxt.since(c.rcv.acked);
    if filled || c.quick_acks > 0 || waiting >= 2 * c.payload_max() {
        let segments = u8::try_from(segments).unwrap_or(u8::MAX);
        c.quick_acks = c.quick_acks.saturating_sub(segments);
        c.ack_now(Cause::Ack);
    } else if !c.deadlines.is_armed(Reason::DelayedAck) {
        let delay = c.options.ack_delay.min(Duration::from_millis(499));
        c.deadlines.arm(cx.now.mono, Reason::DelayedAck, delay);
    }
}

/// Eighth: FIN, once everything before it is there.
fn eighth_check_fin<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) {
    if !c.state().may_receive() {
        return;
    }
    if seg.flags.fin() && c.rcv.fin.is_none() {
        c.rcv.fin = Some(seg.end() - 1);
    }
    match c.rcv.fin {
        Some(fin) if fin == c.rcv.nxt => {
            c.rcv.nxt += 1;
            c.rcv.clear_islands();
            c.ready.readable = true;
            c.ack_now(Cause::FinAck);
            c.transition(cx, Arrow::FinArrives);
        }
        Some(_) if seg.flags.fin() && seg.payload.is_empty() => c.ack_now(Cause::DuplicateAck),
        _ => {}
    }
}

/// `<SEQ=SEG.ACK><CTL=RST>`: the answer to an ACK of what was never sent. It has the budget of challenge ACKs, or a stranger
/// could make an opening connection send any number of them.
fn reset_bad_ack<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection, seg: &Segment) {
    if !c.may_challenge(cx.now.mono, cx.config.limits.challenge_acks_per_5s) {
        return cx.dropped(Some(c.tuple), Why::ChallengeBudget);
    }
    let header = Header {
        src_port: c.tuple.local_port,
        dst_port: c.tuple.remote_port,
        seq: seg.ack,
        ack: SeqNumber::default(),
        flags: Flags::RST,
        window: 0,
        urgent: 0,
        options: Options::default(),
    };
    cx.reply_marked(c.options.dscp, c.tuple, header, Cause::ResetBadAck);
}
