//! Congestion control: how much may be in flight (RFC 5681, NewReno's parts of RFC 6582, initial window of RFC 6928).
//!
//! Richer algorithms come behind the same few `on_*` facts.

use wire::seq::SeqNumber;

use crate::time::{Duration, Instant};

/// What an acknowledgment of something new tells. Units: bytes.
#[allow(dead_code, reason = "the facade that loss recovery is being written against")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acked {
    pub(crate) now: Instant,
    /// What this acknowledgment is the first to say of having arrived, in order or by SACK.
    pub(crate) bytes: u32,
    /// Effective MSS.
    pub(crate) mss: u32,
    /// What was in flight before it.
    pub(crate) in_flight: u32,
    /// The congestion window was the bound, so that it may grow.
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

/// The window, and where slow start ends. Units: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
}

/// NewReno. Units: bytes.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Congestion {
    window: Window,
    /// What the window was when congestion was last seen, in case that it was none.
    prior: Option<Window>,
    /// Bytes acknowledged in congestion avoidance since `cwnd` last grew (RFC 5681 section 3.1, appropriate byte counting).
    counted: u32,
}

#[allow(dead_code, reason = "the facade that loss recovery is being written against")]
impl Congestion {
    /// RFC 6928 section 2: ten segments, but not more than 14,600 bytes unless two segments are.
    pub(crate) fn new(mss: u32) -> Self {
        Self {
            window: Window {
                cwnd: initial_window(mss),
                ssthresh: u32::MAX,
            },
            prior: None,
            counted: 0,
        }
    }

    pub(crate) const fn cwnd(&self) -> u32 {
        self.window.cwnd
    }

    pub(crate) const fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    /// Something new was acknowledged outside of fast recovery. The window grows, where it had been the bound.
    pub(crate) fn on_ack(&mut self, acked: &Acked) {
        let Window { cwnd, ssthresh } = &mut self.window;
        if !acked.limited {
            return;
        }
        if *cwnd < *ssthresh {
            *cwnd = cwnd.saturating_add(acked.bytes);
            return;
        }
        self.counted = self.counted.saturating_add(acked.bytes);
        if self.counted >= *cwnd {
            self.counted -= *cwnd;
            *cwnd = cwnd.saturating_add(acked.mss);
        }
    }

    /// Congestion was seen, by loss or by ECN, for the first time in this flight: the threshold is the algorithm's choice,
    /// and the window comes down to it. Proportional rate reduction says by [`Congestion::set_cwnd`] how. `in_flight` is
    /// SND.NXT - SND.UNA. What was is remembered for [`Congestion::undo`].
    pub(crate) fn on_congestion(&mut self, _now: Instant, in_flight: u32, mss: u32) {
        self.prior = Some(self.window);
        self.window.ssthresh = (in_flight / 2).max(2 * mss);
        self.window.cwnd = self.window.ssthresh;
        self.counted = 0;
    }

    /// The window during recovery, which proportional rate reduction chooses.
    pub(crate) fn set_cwnd(&mut self, cwnd: u32) {
        self.window.cwnd = cwnd;
    }

    /// Recovery is over, and growth begins again from `cwnd`: the threshold, or what RFC 6582 section 3.2, step 3, makes of
    /// it where nothing else would hold a burst back.
    pub(crate) fn on_recovered(&mut self, _now: Instant, cwnd: u32) {
        self.window.cwnd = cwnd;
    }

    /// The retransmission timer ran out (RFC 5681 section 3.1, equation 4). `again`: the threshold was lowered already for
    /// what is in flight, by an earlier timeout or by the recovery that this one ends, and stands.
    pub(crate) fn on_timeout(&mut self, _now: Instant, in_flight: u32, mss: u32, again: bool) {
        if !again {
            self.prior = Some(self.window);
            self.window.ssthresh = (in_flight / 2).max(2 * mss);
        }
        self.window.cwnd = mss;
        self.counted = 0;
    }

    /// What had been taken for loss was none: the window is at least what it was before [`Congestion::on_congestion`] or
    /// [`Congestion::on_timeout`].
    pub(crate) fn undo(&mut self) {
        if let Some(prior) = self.prior.take() {
            self.window.cwnd = self.window.cwnd.max(prior.cwnd);
            self.window.ssthresh = self.window.ssthresh.max(prior.ssthresh);
        }
    }

    /// Nothing was sent for a whole timeout: what was learned of the path is old (RFC 5681 section 4.1).
    pub(crate) fn on_idle(&mut self, _now: Instant, mss: u32) {
        self.window.cwnd = self.window.cwnd.min(initial_window(mss));
    }

    /// The SYN or SYN-ACK had to be sent again more than once: the first flight is one segment (RFC 5681 section 3.1, where
    /// RFC 6928 section 2 forgives the first time).
    pub(crate) fn on_lost_syn(&mut self, mss: u32) {
        self.window.cwnd = mss;
    }

    /// The third duplicate acknowledgment (RFC 5681 section 3.2, steps 2 and 3).
    pub(crate) fn on_fast_retransmit(&mut self, now: Instant, in_flight: u32, mss: u32) {
        self.on_congestion(now, in_flight, mss);
        self.window.cwnd = self.window.ssthresh.saturating_add(3 * mss);
    }

    /// One more duplicate in recovery: a segment has left the network (step 4).
    pub(crate) fn on_duplicate(&mut self, mss: u32) {
        self.window.cwnd = self.window.cwnd.saturating_add(mss);
    }

    /// A partial acknowledgment (RFC 6582 section 3.2, step 5).
    pub(crate) fn on_partial(&mut self, acked: u32, mss: u32) {
        self.window.cwnd = self.window.cwnd.saturating_sub(acked).max(mss);
        if acked >= mss {
            self.window.cwnd = self.window.cwnd.saturating_add(mss);
        }
    }
}

/// RFC 6928 section 2: ten segments, but not more than 14,600 bytes unless two segments are.
fn initial_window(mss: u32) -> u32 {
    (10 * mss).min((2 * mss).max(14_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1460;

    fn acked(bytes: u32) -> Acked {
        Acked {
            now: Instant::ZERO,
            bytes,
            mss: MSS,
            in_flight: 10 * MSS,
            limited: true,
            rtt: None,
            srtt: None,
            una: SeqNumber::default(),
            nxt: SeqNumber::default(),
        }
    }

    #[test]
    fn initial_window_table() {
        for (name, mss, cwnd) in [
            ("ethernet", 1460, 14_600),
            ("small", 536, 5_360),
            ("jumbo", 8960, 17_920),
            ("middle: 14,600 and no more", 4_000, 14_600),
        ] {
            assert_eq!(Congestion::new(mss).cwnd(), cwnd, "{name}");
        }
    }

    #[test]
    fn slow_start_doubles_in_a_round_trip() {
        let mut c = Congestion::new(MSS);
        for _ in 0..10 {
            c.on_ack(&acked(MSS));
        }
        assert_eq!(c.cwnd(), 20 * MSS);
    }

    #[test]
    fn congestion_avoidance_adds_one_segment_in_a_round_trip() {
        let mut c = Congestion::new(MSS);
        c.on_congestion(Instant::ZERO, 20 * MSS, MSS);
        c.on_recovered(Instant::ZERO, 10 * MSS);
        assert_eq!(c.cwnd(), 10 * MSS);
        for _ in 0..10 {
            c.on_ack(&acked(MSS));
        }
        assert_eq!(c.cwnd(), 11 * MSS);
    }

    #[test]
    fn timeout_leaves_one_segment_and_keeps_the_threshold_when_it_repeats() {
        let mut c = Congestion::new(MSS);
        c.on_timeout(Instant::ZERO, 8 * MSS, MSS, false);
        assert_eq!((c.cwnd(), c.ssthresh()), (MSS, 4 * MSS));
        c.on_timeout(Instant::ZERO, MSS, MSS, true);
        assert_eq!((c.cwnd(), c.ssthresh()), (MSS, 4 * MSS));
    }

    #[test]
    fn idle_never_grows_the_window() {
        let mut c = Congestion::new(MSS);
        c.on_timeout(Instant::ZERO, 8 * MSS, MSS, false);
        c.on_idle(Instant::ZERO, MSS);
        assert_eq!(c.cwnd(), MSS);
    }

    #[test]
    fn undo_takes_back_what_was_no_congestion() {
        let mut c = Congestion::new(MSS);
        c.on_congestion(Instant::ZERO, 10 * MSS, MSS);
        c.set_cwnd(3 * MSS);
        c.undo();
        assert_eq!((c.cwnd(), c.ssthresh()), (10 * MSS, u32::MAX));
        c.undo();
        assert_eq!((c.cwnd(), c.ssthresh()), (10 * MSS, u32::MAX), "once");
    }
}
