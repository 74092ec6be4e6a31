//! Congestion control: how much may be in flight, and how fast it leaves (RFC 5681, 9438, 9406, 6928).
//!
//! Loss recovery says what happened, by the `on_*` facts; what is to be sent again is its own affair. An algorithm
//! ([`CongestionControl`]) says how far the window falls and how it grows above slow start; what is common to all is here and in
//! the parts: slow start ([`hystart`] ends the first), rounds, pacing, undo.
//!
//! ```text
//!            on_ack: by what was acknowledged         on_ack: by the algorithm
//!  slow start ───────── ssthresh, or hystart ─────▶ congestion avoidance
//!      ▲  ▲                                              │        │
//!      │  └── on_timeout: one segment ───────────────────┤        │ on_congestion
//!      └───── on_idle: the initial window ───────────────┘        ▼
//!                                 on_recovered ◀── recovery: set_cwnd ── undo: as it was
//! ```

mod algorithm;
mod control;
mod cubic;
mod hystart;
mod newreno;
mod pacer;
mod round;

use alloc::boxed::Box;

use wire::seq::SeqNumber;

use self::algorithm::{Algorithm, Chosen, Load, Window};
pub use self::control::{CongestionControl, UnknownCongestionControl};
use self::hystart::{Growth, HyStart};
use self::pacer::Pacer;
pub(crate) use self::pacer::Rate;
use self::round::Round;
use crate::time::{Duration, Instant};

/// What an acknowledgment of something new tells. Units: bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acked {
    pub(crate) now: Instant,
    /// What this acknowledgment is the first to say of having arrived, in order or by SACK.
    pub(crate) bytes: u32,
    /// Effective MSS.
    pub(crate) mss: u32,
    /// What was in flight before it: SND.NXT - SND.UNA.
    pub(crate) in_flight: u32,
    /// The congestion window was the bound, so that it may grow; where this does not say so, its rounds still may.
    pub(crate) limited: bool,
    /// The round trip that it measured, where it measured one (Karn's rule kept).
    pub(crate) rtt: Option<Duration>,
    /// The smoothed round trip, this sample taken in.
    pub(crate) srtt: Option<Duration>,
    /// SND.UNA, after it.
    pub(crate) una: SeqNumber,
    /// SND.NXT: what is sent from here on is of the next round.
    pub(crate) nxt: SeqNumber,
}

/// The congestion control of one connection. What it remembers of the path is allocated when the window first is the bound, and
/// given back when the connection falls quiet and nothing was learned.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Congestion {
    window: Window,
    control: CongestionControl,
    memory: Option<Box<Memory>>,
}

/// What is remembered of the path.
#[derive(Debug, Clone, Hash)]
struct Memory {
    algorithm: Chosen,
    /// What was, when congestion was last seen, in case that it was none.
    prior: Option<(Window, Chosen)>,
    round: Round,
    hystart: HyStart,
    pacer: Pacer,
}

impl Memory {
    fn new(control: CongestionControl, nxt: Option<SeqNumber>, in_flight: u32) -> Self {
        Self {
            algorithm: Chosen::new(control),
            prior: None,
            round: Round::new(nxt, in_flight),
            hystart: HyStart::new(),
            pacer: Pacer::default(),
        }
    }
}

impl Congestion {
    /// Slow start from the initial window.
    pub(crate) const fn new(control: CongestionControl, mss: u32) -> Self {
        Self {
            window: Window {
                cwnd: initial_window(mss),
                ssthresh: u32::MAX,
            },
            control,
            memory: None,
        }
    }

    pub(crate) const fn cwnd(&self) -> u32 {
        self.window.cwnd
    }

    /// Bounds: `u32::MAX` before the first congestion.
    pub(crate) const fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    pub(crate) const fn control(&self) -> CongestionControl {
        self.control
    }

    /// Another algorithm goes on with the window that there is.
    pub(crate) fn choose(&mut self, control: CongestionControl) {
        if control != self.control {
            self.control = control;
            self.memory = None;
        }
    }

    /// Something new was acknowledged outside of fast recovery: the window grows, where it had been the bound. In slow start
    /// by all that was acknowledged (docs/decisions/0008-slow-start-by-bytes.md).
    pub(crate) fn on_ack(&mut self, acked: &Acked) {
        let window = &mut self.window;
        let limited = acked.limited || round::is_limit(acked.in_flight, window, acked.mss);
        if !limited && self.memory.is_none() {
            return;
        }
        let memory = self
            .memory
            .get_or_insert_with(|| Box::new(Memory::new(self.control, Some(acked.nxt), acked.in_flight)));
        let new_round = memory.round.on_ack(acked);
        if !(limited || memory.round.was_limited(window, acked.mss)) {
            return memory.algorithm.on_pause(acked.now);
        }
        let rest = slow_start(window, &mut memory.hystart, acked, new_round);
        if rest > 0 {
            memory.algorithm.on_ack(window, &Acked { bytes: rest, ..*acked });
        }
    }

    /// Congestion was seen, by loss or by ECN, for the first time in this flight: the threshold is the algorithm's choice,
    /// and the window comes down to it. Proportional rate reduction says by [`Congestion::set_cwnd`] how. `in_flight` is
    /// SND.NXT - SND.UNA. What was is remembered for [`Congestion::undo`].
    pub(crate) fn on_congestion(&mut self, in_flight: u32, mss: u32) {
        self.reduce(in_flight, mss, Chosen::on_congestion);
        self.window.cwnd = self.window.ssthresh;
    }

    /// The window during recovery, which proportional rate reduction chooses.
    pub(crate) const fn set_cwnd(&mut self, cwnd: u32) {
        self.window.cwnd = cwnd;
    }

    /// Recovery is over, and growth begins again from `cwnd`: the threshold, or what RFC 6582 section 3.2, step 3, makes of
    /// it where nothing else would hold a burst back.
    pub(crate) const fn on_recovered(&mut self, cwnd: u32) {
        self.window.cwnd = cwnd;
    }

    /// The retransmission timer ran out (RFC 5681 section 3.1, equation 4). `again`: the threshold was lowered already for
    /// what is in flight, by an earlier timeout or by the recovery that this one ends, and stands.
    pub(crate) fn on_timeout(&mut self, in_flight: u32, mss: u32, again: bool) {
        if !again {
            self.reduce(in_flight, mss, Chosen::on_timeout);
        }
        self.window.cwnd = mss;
    }

    /// What had been taken for loss was none: the window is at least what it was before [`Congestion::on_congestion`] or
    /// [`Congestion::on_timeout`], and grows as it would have (RFC 9438 section 4.9).
    pub(crate) fn undo(&mut self) {
        let Some(memory) = &mut self.memory else { return };
        if let Some((window, algorithm)) = memory.prior.take() {
            memory.algorithm = algorithm;
            self.window.cwnd = self.window.cwnd.max(window.cwnd);
            self.window.ssthresh = self.window.ssthresh.max(window.ssthresh);
        }
    }

    /// The first text leaves after everything was acknowledged: in between, the window was not the bound.
    pub(crate) fn on_resume(&mut self, now: Instant) {
        if let Some(memory) = &mut self.memory {
            memory.algorithm.on_pause(now);
        }
    }

    /// Nothing was sent for a whole timeout: what was learned of the path is old, and the window no more than the initial one
    /// (RFC 5681 section 4.1). Slow start leads back to three quarters of what it was (RFC 2861 section 3).
    pub(crate) fn on_idle(&mut self, mss: u32) {
        let Window { cwnd, ssthresh } = &mut self.window;
        let restart = (*cwnd).min(initial_window(mss));
        if restart < *cwnd {
            *ssthresh = (*ssthresh).max(*cwnd / 4 * 3);
            *cwnd = restart;
        }
        if let Some(memory) = &mut self.memory {
            memory.algorithm.on_restart();
        }
    }

    /// Everything is acknowledged, and nothing waits to be sent.
    pub(crate) fn on_quiet(&mut self) {
        if self.window.ssthresh == u32::MAX && self.memory.as_ref().is_some_and(|m| !m.hystart.is_conservative()) {
            self.memory = None;
        }
    }

    /// The SYN or SYN-ACK had to be sent again more than once: the first flight is one segment (RFC 5681 section 3.1, where
    /// RFC 6928 section 2 forgives the first time).
    pub(crate) const fn on_lost_syn(&mut self, mss: u32) {
        self.window.cwnd = mss;
    }

    /// How fast text leaves. `None`: as it comes.
    pub(crate) fn rate(&self, srtt: Option<Duration>, mss: u32) -> Option<Rate> {
        Rate::of(&self.window, srtt?, mss)
    }

    /// Whether text has to wait for its time, where a timer for that runs.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        self.memory.as_ref().is_some_and(|m| m.pacer.holds(now))
    }

    /// Text up to `nxt` left at this rate. Returns how long more of it is to wait, where it is to wait.
    pub(crate) fn on_paced(
        &mut self,
        now: Instant,
        bytes: u32,
        mss: u32,
        rate: Rate,
        nxt: SeqNumber,
    ) -> Option<Duration> {
        let memory = self
            .memory
            .get_or_insert_with(|| Box::new(Memory::new(self.control, Some(nxt), bytes)));
        memory.pacer.on_sent(now, bytes, mss, rate)
    }

    fn reduce(&mut self, in_flight: u32, mss: u32, by: impl FnOnce(&mut Chosen, &Load) -> u32) {
        let window = self.window;
        let memory = self
            .memory
            .get_or_insert_with(|| Box::new(Memory::new(self.control, None, in_flight)));
        memory.prior = Some((window, memory.algorithm));
        let load = Load {
            cwnd: window.cwnd,
            in_flight,
            full: memory.round.was_full(&window, mss),
            mss,
        };
        self.window.ssthresh = by(&mut memory.algorithm, &load);
    }
}

/// What of an acknowledgment belongs to slow start makes the window grow. Returns the bytes that it left to congestion avoidance.
fn slow_start(window: &mut Window, hystart: &mut HyStart, acked: &Acked, new_round: bool) -> u32 {
    if !window.is_in_slow_start() {
        return acked.bytes;
    }
    if window.ssthresh == u32::MAX {
        match hystart.on_ack(acked.bytes, acked.rtt, new_round) {
            Growth::By(bytes) => window.cwnd = window.cwnd.saturating_add(bytes).min(u32::MAX - 1),
            Growth::Over => window.ssthresh = window.cwnd,
        }
        return 0;
    }
    let most = acked.bytes.min(window.ssthresh - window.cwnd);
    window.cwnd += most;
    acked.bytes - most
}

/// RFC 6928 section 2: ten segments, but not more than 14,600 bytes unless two segments are.
const fn initial_window(mss: u32) -> u32 {
    let (ten, two) = (10 * mss, 2 * mss);
    let most = if two > 14_600 { two } else { 14_600 };
    if ten < most { ten } else { most }
}

#[cfg(test)]
mod tests;
