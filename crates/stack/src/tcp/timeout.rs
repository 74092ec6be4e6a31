//! What happens when a connection's timer runs out.

use super::connection::{Connection, terms};
use super::deadlines::Reason;
use super::state::{Arrow, State};
use crate::context::Context;
use crate::error::Ended;
use crate::observer::{Cause, Observer};

/// Runs every reason that is due.
pub(crate) fn run<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    let before = c.recovery.phase();
    while let Some(reason) = c.deadlines.take_due(cx.now.mono) {
        match reason {
            Reason::Recover => recover(cx, c),
            Reason::Retransmit => retransmit(cx, c),
            // It was all that held the next segment.
            Reason::Pacing => {}
            Reason::DelayedAck => c.ack_now(Cause::Ack),
            Reason::KeepAlive => keep_alive(cx, c),
            Reason::UserTimeout => give_up(cx, c),
            Reason::Close => close(cx, c),
        }
    }
    c.slowed_since(before);
}

/// A tail loss probe is due, or what was overtaken has had its time (RFC 8985 sections 6.3 and 7.3).
fn recover<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    if !c.snd.has_flight() {
        return;
    }
    let now = cx.now.mono;
    let flight = c.flight(now);
    let judged = c.recovery.on_timer(&flight, &mut c.congestion, &terms(cx.config));
    if let Some(wait) = judged.wait {
        c.deadlines.arm(now, Reason::Recover, wait);
    }
    if c.recovery.is_probe_due() {
        // The probe comes first, and the timer waits for its answer.
        c.deadlines.arm(now, Reason::Retransmit, c.rto());
    }
}

/// RFC 6298 section 5.4 to 5.7, RFC 9293 section 3.8.3 (R1 and R2), and the persist timer of section 3.8.6.1.
fn retransmit<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    let opening = !c.snd.syn_acked;
    let most = if opening {
        c.options.syn_retransmissions_max
    } else {
        c.options.retransmissions_max
    };
    if c.unanswered >= most {
        return give_up(cx, c);
    }
    let now = cx.now.mono;
    let again = c.unanswered > 0;
    if !opening && !c.snd.has_flight() && c.snd.usable() > 0 {
        // The override of silly-window avoidance: nothing was lost and nothing is unanswered.
        c.force = true;
        return;
    }
    c.unanswered += 1;
    c.ready.unanswered |= c.unanswered == c.options.retransmissions_notice;
    c.rtt.on_timeout();
    if opening {
        cx.counters.timeouts += 1;
        c.syn_due = true;
    } else if !c.snd.has_flight() {
        c.force = true;
        return;
    } else if c.snd.wnd == 0 {
        c.force = true;
        let flight = c.flight(now);
        c.recovery.resend(&flight, &mut c.congestion);
    } else {
        cx.counters.timeouts += 1;
        let flight = c.flight(now);
        c.recovery
            .on_timeout(&flight, &mut c.congestion, again, &terms(cx.config));
    }
    c.deadlines.disarm(Reason::Recover);
    c.deadlines.arm(now, Reason::Retransmit, c.rto());
}

/// RFC 9293 section 3.8.4: a probe after silence; no answer to several ends the connection.
fn keep_alive<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    let Some(settings) = c.options.keep_alive else { return };
    let now = cx.now.mono;
    let silence = now.since(c.heard);
    if silence < settings.idle || c.has_work() {
        // Something was heard since the timer was set, or the retransmission timer watches the peer already.
        c.unanswered = if c.has_work() { c.unanswered } else { 0 };
        let rest = settings.idle - silence;
        let rest = if rest.as_nanos() == 0 { settings.interval } else { rest };
        return c.deadlines.arm(now, Reason::KeepAlive, rest);
    }
    if c.unanswered >= settings.probes {
        c.reset(cx, Cause::ResetTimeout);
        return give_up(cx, c);
    }
    c.unanswered += 1;
    c.probe_due = true;
    c.deadlines.arm(now, Reason::KeepAlive, settings.interval);
}

/// The connection times out; where ICMP had said why the peer cannot be reached, that is the error (RFC 9293 SHLD-25).
fn give_up<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    let how = c.soft_error.unwrap_or(Ended::TimedOut);
    c.end(cx, how, Arrow::TimedOut);
}

/// Linger is over with data unacknowledged, or the peer of a closed connection never sent its FIN.
fn close<O: Observer>(cx: &mut Context<'_, O>, c: &mut Connection) {
    if c.state() != State::FinWait2 {
        c.reset(cx, Cause::ResetAbort);
    }
    c.end(cx, Ended::TimedOut, Arrow::TimedOut);
}
