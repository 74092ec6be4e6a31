//! Round-trip time and the retransmission timeout (RFC 6298).

use crate::time::Duration;

/// The estimator of one connection. Units inside: microseconds, so that it is small; the least it tells apart is 1 us.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct RoundTrip {
    srtt: u32,
    rttvar: u32,
    /// Doublings since the last acknowledgment of something new.
    backoff: u8,
    measured: bool,
}

/// Bounds of the timeout, from the connection's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RtoBounds {
    pub(crate) initial: Duration,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl RoundTrip {
    /// RFC 6298 section 5.7: the timeout after a handshake whose SYN had to be sent again.
    pub(crate) const AFTER_LOST_SYN: Duration = Duration::from_secs(3);

    pub(crate) const fn new() -> Self {
        Self {
            srtt: 0,
            rttvar: 0,
            backoff: 0,
            measured: false,
        }
    }

    /// RFC 6298 sections 2.2 and 2.3, alpha = 1/8, beta = 1/4. With timestamps there are several samples in one flight;
    /// `per_flight` (RFC 7323 appendix G) makes each of them weigh less, so that the history is as long as without.
    pub(crate) fn on_sample(&mut self, sample: Duration, per_flight: u32) {
        let r = u32::try_from(sample.as_micros())
            .unwrap_or(u32::MAX)
            .clamp(1, u32::MAX / 8);
        if self.measured {
            let n = per_flight.clamp(1, 1 << 10);
            let error = self.srtt.abs_diff(r);
            self.rttvar = weigh(self.rttvar, error, 4 * n);
            self.srtt = weigh(self.srtt, r, 8 * n);
        } else {
            self.measured = true;
            self.srtt = r;
            self.rttvar = r / 2;
        }
    }

    /// How many samples there are in one flight, by what this acknowledgment tells of and by what was in flight. RFC 7323
    /// appendix G expects one for each two segments; where acknowledgments are fewer, as beyond a hole or of a peer that
    /// gathers what it receives, those that come have to weigh more, or what was learned would never change.
    pub(crate) fn samples_per_flight(in_flight: u32, acked: u32, mss: u32) -> u32 {
        in_flight.div_ceil(acked.max(2 * mss).max(1))
    }

    /// The timeout without its backoff (RFC 6298 sections 2.1 to 2.5).
    fn base(&self, bounds: RtoBounds) -> Duration {
        let rto = if self.measured {
            Duration::from_micros(u64::from(self.srtt) + u64::from(self.rttvar).saturating_mul(4).max(1_000))
        } else {
            bounds.initial
        };
        rto.max(bounds.min).min(bounds.max)
    }

    /// The timeout now, doubled for each time that it ran out (RFC 6298 section 5.5). Bounds: `bounds.max`.
    pub(crate) fn rto(&self, bounds: RtoBounds) -> Duration {
        self.base(bounds).times(1 << self.backoff.min(16)).min(bounds.max)
    }

    pub(crate) const fn on_timeout(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// Something new was acknowledged: the path works, and the doublings are taken back.
    pub(crate) const fn on_progress(&mut self) {
        self.backoff = 0;
    }

    /// RFC 6298 section 5.7: the SYN was lost, so data starts with 3 s, unless a timestamp gave a measurement.
    pub(crate) fn on_lost_syn(&mut self) {
        if !self.measured {
            let rto = u32::try_from(Self::AFTER_LOST_SYN.as_micros()).unwrap_or(u32::MAX);
            self.measured = true;
            self.srtt = rto / 3;
            self.rttvar = rto / 6;
        }
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.measured.then(|| Duration::from_micros(u64::from(self.srtt)))
    }

    pub(crate) fn rttvar(&self) -> Duration {
        Duration::from_micros(u64::from(self.rttvar))
    }

    pub(crate) const fn backoff(&self) -> u8 {
        self.backoff
    }
}

/// `(1 - 1/n) * old + new/n`, without losing the part that a plain division would cut off for ever.
fn weigh(old: u32, new: u32, n: u32) -> u32 {
    let (old, new, n) = (u64::from(old), u64::from(new), u64::from(n));
    u32::try_from((old * (n - 1) + new + n / 2) / n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: RtoBounds = RtoBounds {
        initial: Duration::from_secs(1),
        min: Duration::from_millis(200),
        max: Duration::from_secs(60),
    };

    #[test]
    fn rto_before_any_sample_is_one_second() {
        assert_eq!(RoundTrip::new().rto(BOUNDS), Duration::from_secs(1));
    }

    #[test]
    fn rto_after_the_first_sample_is_three_times_the_sample() {
        let mut rtt = RoundTrip::new();
        rtt.on_sample(Duration::from_millis(500), 1);
        assert_eq!(rtt.srtt(), Some(Duration::from_millis(500)));
        assert_eq!(rtt.rto(BOUNDS), Duration::from_millis(1500));
    }

    #[test]
    fn rto_second_sample_is_weighed_by_an_eighth_and_a_quarter() {
        let mut rtt = RoundTrip::new();
        rtt.on_sample(Duration::from_millis(800), 1);
        rtt.on_sample(Duration::from_millis(1600), 1);
        // srtt = 7/8 * 800 + 1/8 * 1600; rttvar = 3/4 * 400 + 1/4 * 800.
        assert_eq!(rtt.srtt(), Some(Duration::from_millis(900)));
        assert_eq!(rtt.rttvar(), Duration::from_millis(500));
    }

    #[test]
    fn samples_per_flight_table() {
        for (name, in_flight, acked, samples) in [
            ("two segments each", 20_000, 2_000, 10),
            ("one segment: no more are expected", 20_000, 1_000, 10),
            ("a hole was filled", 20_000, 10_000, 2),
            ("all of it", 20_000, 20_000, 1),
            ("nothing is in flight", 0, 0, 0),
        ] {
            assert_eq!(
                RoundTrip::samples_per_flight(in_flight, acked, 1_000),
                samples,
                "{name}"
            );
        }
    }

    #[test]
    fn rto_floor_and_ceiling() {
        let mut rtt = RoundTrip::new();
        rtt.on_sample(Duration::from_micros(50), 1);
        assert_eq!(rtt.rto(BOUNDS), Duration::from_millis(200));
        rtt.on_sample(Duration::from_secs(1000), 1);
        assert_eq!(rtt.rto(BOUNDS), Duration::from_secs(60));
    }

    #[test]
    fn rto_backoff_doubles_until_progress() {
        let mut rtt = RoundTrip::new();
        let seen: std::vec::Vec<u64> = (0..9)
            .map(|_| {
                let rto = rtt.rto(BOUNDS).as_secs();
                rtt.on_timeout();
                rto
            })
            .collect();
        assert_eq!(seen, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        rtt.on_progress();
        assert_eq!(rtt.rto(BOUNDS), Duration::from_secs(1));
    }

    #[test]
    fn rto_after_a_lost_syn_is_three_seconds() {
        let mut rtt = RoundTrip::new();
        rtt.on_timeout();
        rtt.on_lost_syn();
        rtt.on_progress();
        assert_eq!(rtt.rto(BOUNDS), Duration::from_secs(3));
    }

    #[test]
    fn samples_of_one_flight_weigh_as_much_as_one_alone() {
        let mut many = RoundTrip::new();
        many.on_sample(Duration::from_millis(100), 1);
        for _ in 0..10 {
            many.on_sample(Duration::from_millis(200), 10);
        }
        let srtt = many.srtt().unwrap().as_millis();
        assert!((110..=115).contains(&srtt), "{srtt}");
    }
}
