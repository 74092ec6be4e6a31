//! What tells one congestion control from another: how far the window falls, and how it grows back. Slow start, rounds, pacing
//! and what is remembered for an undo are common to all of them.

use super::Acked;
use super::control::CongestionControl;
use super::cubic::Cubic;
use super::newreno::NewReno;
use crate::time::Instant;

/// The window, and where slow start ends. Units: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    pub(crate) cwnd: u32,
    /// `u32::MAX` before the first congestion.
    pub(crate) ssthresh: u32,
}

impl Window {
    pub(super) const fn is_in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }
}

/// What was on its way when congestion was seen. Units: bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// The window.
    pub(super) cwnd: u32,
    /// SND.NXT - SND.UNA.
    pub(super) in_flight: u32,
    /// The window was used up in this round or the last, so that it says what the path carried.
    pub(super) full: bool,
    /// Effective MSS.
    pub(super) mss: u32,
}

/// A congestion control, above slow start.
pub(super) trait Algorithm {
    /// Something new was acknowledged in congestion avoidance, where the window is the bound: it grows.
    fn on_ack(&mut self, window: &mut Window, acked: &Acked);

    /// Congestion, by loss or ECN: the new threshold. Bounds: at least two segments.
    fn on_congestion(&mut self, load: &Load) -> u32;

    /// The retransmission timer ran out: the new threshold. Bounds: at least two segments.
    fn on_timeout(&mut self, load: &Load) -> u32;

    /// Up to `now` the window was not the bound, so that this time taught nothing of the path.
    fn on_pause(&mut self, now: Instant);

    /// The window fell for another reason than congestion: congestion avoidance begins anew, when it comes to it.
    fn on_restart(&mut self);
}

/// The one that a connection uses.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) enum Chosen {
    NewReno(NewReno),
    Cubic(Cubic),
}

impl Chosen {
    pub(super) fn new(control: CongestionControl) -> Self {
        match control {
            CongestionControl::NewReno => Self::NewReno(NewReno::default()),
            CongestionControl::Cubic => Self::Cubic(Cubic::default()),
        }
    }
}

impl Algorithm for Chosen {
    fn on_ack(&mut self, window: &mut Window, acked: &Acked) {
        match self {
            Self::NewReno(a) => a.on_ack(window, acked),
            Self::Cubic(a) => a.on_ack(window, acked),
        }
    }

    fn on_congestion(&mut self, load: &Load) -> u32 {
        match self {
            Self::NewReno(a) => a.on_congestion(load),
            Self::Cubic(a) => a.on_congestion(load),
        }
    }

    fn on_timeout(&mut self, load: &Load) -> u32 {
        match self {
            Self::NewReno(a) => a.on_timeout(load),
            Self::Cubic(a) => a.on_timeout(load),
        }
    }

    fn on_pause(&mut self, now: Instant) {
        match self {
            Self::NewReno(a) => a.on_pause(now),
            Self::Cubic(a) => a.on_pause(now),
        }
    }

    fn on_restart(&mut self) {
        match self {
            Self::NewReno(a) => a.on_restart(),
            Self::Cubic(a) => a.on_restart(),
        }
    }
}
