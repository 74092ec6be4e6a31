//! Congestion control: how much may be in flight (RFC 5681, NewReno's parts of RFC 6582, initial window of RFC 6928).
//!
//! Richer algorithms come behind the same few `on_*` facts.

/// NewReno. Units: bytes.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Congestion {
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged in congestion avoidance since `cwnd` last grew (RFC 5681 section 3.1, appropriate byte counting).
    counted: u32,
}

impl Congestion {
    /// RFC 6928 section 2: ten segments, but not more than 14,600 bytes unless two segments are.
    pub(crate) fn new(mss: u32) -> Self {
        Self {
            cwnd: (10 * mss).min((2 * mss).max(14_600)),
            ssthresh: u32::MAX,
            counted: 0,
        }
    }

    pub(crate) const fn cwnd(&self) -> u32 {
        self.cwnd
    }

    pub(crate) const fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// New data was acknowledged outside of fast recovery, and the window had been the bound (else it does not grow). In
    /// slow start one acknowledgment counts as `most` segments at most: 2, and 1 after a timeout (RFC 3465 section 2.3).
    pub(crate) fn on_ack(&mut self, acked: u32, mss: u32, most: u32) {
        if self.cwnd < self.ssthresh {
            self.cwnd = self.cwnd.saturating_add(acked.min(most * mss));
            return;
        }
        self.counted = self.counted.saturating_add(acked);
        if self.counted >= self.cwnd {
            self.counted -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(mss);
        }
    }

    /// The third duplicate acknowledgment (RFC 5681 section 3.2, steps 2 and 3).
    pub(crate) fn on_fast_retransmit(&mut self, flight: u32, mss: u32) {
        self.ssthresh = (flight / 2).max(2 * mss);
        self.cwnd = self.ssthresh.saturating_add(3 * mss);
        self.counted = 0;
    }

    /// One more duplicate in recovery: a segment has left the network (step 4).
    pub(crate) fn on_duplicate(&mut self, mss: u32) {
        self.cwnd = self.cwnd.saturating_add(mss);
    }

    /// A partial acknowledgment (RFC 6582 section 3.2, step 5).
    pub(crate) fn on_partial(&mut self, acked: u32, mss: u32) {
        self.cwnd = self.cwnd.saturating_sub(acked).max(mss);
        if acked >= mss {
            self.cwnd = self.cwnd.saturating_add(mss);
        }
    }

    /// Recovery is over (RFC 6582 section 3.2, step 3, the cautious of its two ways).
    pub(crate) fn on_recovered(&mut self, flight: u32, mss: u32) {
        self.cwnd = self.ssthresh.min(flight.max(mss).saturating_add(mss));
    }

    /// The retransmission timer ran out (RFC 5681 section 3.1, equation 4). `again`: the same data had timed out before,
    /// and the threshold stands.
    pub(crate) fn on_timeout(&mut self, flight: u32, mss: u32, again: bool) {
        if !again {
            self.ssthresh = (flight / 2).max(2 * mss);
        }
        self.cwnd = mss;
        self.counted = 0;
    }

    /// Nothing was sent for a whole timeout: what was learned of the path is old (RFC 5681 section 4.1).
    pub(crate) fn on_idle(&mut self, mss: u32) {
        self.cwnd = self.cwnd.min(Self::new(mss).cwnd);
    }

    /// The SYN or SYN-ACK had to be sent again more than once: the first flight is one segment (RFC 5681 section 3.1, where
    /// RFC 6928 section 2 forgives the first time).
    pub(crate) fn on_lost_syn(&mut self, mss: u32) {
        self.cwnd = mss;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1460;

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
            c.on_ack(MSS, MSS, 2);
        }
        assert_eq!(c.cwnd(), 20 * MSS);
    }

    #[test]
    fn congestion_avoidance_adds_one_segment_in_a_round_trip() {
        let mut c = Congestion::new(MSS);
        c.on_fast_retransmit(20 * MSS, MSS);
        c.on_recovered(10 * MSS, MSS);
        assert_eq!(c.cwnd(), 10 * MSS);
        for _ in 0..10 {
            c.on_ack(MSS, MSS, 2);
        }
        assert_eq!(c.cwnd(), 11 * MSS);
    }

    #[test]
    fn timeout_leaves_one_segment_and_keeps_the_threshold_when_it_repeats() {
        let mut c = Congestion::new(MSS);
        c.on_timeout(8 * MSS, MSS, false);
        assert_eq!((c.cwnd(), c.ssthresh()), (MSS, 4 * MSS));
        c.on_timeout(MSS, MSS, true);
        assert_eq!((c.cwnd(), c.ssthresh()), (MSS, 4 * MSS));
    }

    #[test]
    fn idle_never_grows_the_window() {
        let mut c = Congestion::new(MSS);
        c.on_timeout(8 * MSS, MSS, false);
        c.on_idle(MSS);
        assert_eq!(c.cwnd(), MSS);
    }
}
