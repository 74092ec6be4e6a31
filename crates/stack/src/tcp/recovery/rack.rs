//! RACK (RFC 8985 section 6): what was sent before something that has been delivered, and has had the time to be, is lost.

use wire::seq::SeqNumber;

use crate::time::{Duration, Instant};

/// When something was sent, and where it ends: of two the later, in the order in which they left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) end: SeqNumber,
}

impl Sent {
    /// `RACK_sent_after` of RFC 8985 section 5.2.
    pub(crate) fn is_after(self, other: Self) -> bool {
        self.at > other.at || self.at == other.at && self.end.after(other.end)
    }
}

/// What a connection remembers of its path, whatever is in flight. Units inside: microseconds, so that it is small.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Path {
    min_rtt: u32,
    /// When that was measured. Units: seconds since [`Instant::ZERO`].
    min_at: u32,
    /// Segments have overtaken one another.
    reordering: bool,
    /// The reordering window in quarters of the least round trip.
    quarters: u8,
    /// Recoveries for which it stays wider than a quarter.
    persist: u8,
    /// A D-SACK came, and until more than this is acknowledged another says nothing new.
    dsack_round: SeqNumber,
    is_in_dsack_round: bool,
}

/// RFC 8985 section 6.2, step 4: recoveries until a wider window is given up.
const PERSIST: u8 = 16;

/// How long the least round trip counts: the path may have become another. Units: seconds.
const MIN_RTT_AGE: u32 = 300;

/// Sacked segments that stand for loss, where no reordering was seen (`DupThresh`).
pub(crate) const DUP_THRESH: u32 = 3;

impl Path {
    pub(crate) const fn new() -> Self {
        Self {
            min_rtt: u32::MAX,
            min_at: 0,
            reordering: false,
            quarters: 1,
            persist: 0,
            dsack_round: SeqNumber::new(0),
            is_in_dsack_round: false,
        }
    }

    /// A round trip of something that was sent once.
    fn on_round_trip(&mut self, now: Instant, rtt: Duration) {
        let rtt = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX);
        let seconds = u32::try_from(now.as_millis() / 1000).unwrap_or(u32::MAX);
        if rtt <= self.min_rtt || seconds.saturating_sub(self.min_at) > MIN_RTT_AGE {
            (self.min_rtt, self.min_at) = (rtt, seconds);
        }
    }

    /// The least round trip that was measured.
    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        (self.min_rtt != u32::MAX).then(|| Duration::from_micros(u64::from(self.min_rtt)))
    }

    /// Segments have been seen to overtake one another.
    pub(crate) const fn is_reordering(&self) -> bool {
        self.reordering
    }

    /// Something that was taken for lost was only late.
    pub(crate) const fn on_overtaken(&mut self) {
        self.reordering = true;
    }

    /// The peer says that something came twice: what we took for lost was late (RFC 8985 section 6.2, step 4: once in a round
    /// trip).
    pub(crate) fn on_dsack(&mut self, una: SeqNumber, nxt: SeqNumber) {
        if !self.is_in_dsack_round || una.after(self.dsack_round) {
            (self.is_in_dsack_round, self.dsack_round) = (true, nxt);
            self.quarters = self.quarters.saturating_add(1);
            self.persist = PERSIST;
        }
    }

    /// A recovery is over.
    pub(crate) const fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.quarters = 1;
        }
    }

    /// RFC 8985 section 6.2, step 4: how long to wait for what was overtaken. `resolution` is the clock's: of what lies nearer
    /// together nobody can say which was first.
    pub(crate) fn window(&self, evident: bool, srtt: Duration, resolution: Duration) -> Duration {
        if !self.reordering && evident {
            return Duration::ZERO;
        }
        let least = self.min_rtt().unwrap_or(srtt);
        let window = least.times(u64::from(self.quarters)).part(4).min(srtt);
        window.max(resolution)
    }
}

/// What RACK knows while something is in flight.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Rack {
    /// Of all that was delivered, what left last; `None` before anything was.
    newest: Option<Sent>,
    /// The round trip of the last that was delivered.
    rtt: Duration,
    /// The furthest that was delivered.
    fack: SeqNumber,
}

/// Something was delivered: acknowledged or sacked, and not known to be before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivered {
    pub(crate) sent: Sent,
    /// It was sent more than once.
    pub(crate) again: bool,
    /// The peer echoes a timestamp from before it was sent again.
    pub(crate) echoes_first: bool,
}

impl Rack {
    pub(crate) const fn new(una: SeqNumber) -> Self {
        Self {
            newest: None,
            rtt: Duration::ZERO,
            fack: una,
        }
    }

    /// Of all that was delivered, what left last.
    pub(crate) const fn newest(&self) -> Option<Sent> {
        self.newest
    }

    /// The round trip of what was delivered last.
    pub(crate) const fn rtt(&self) -> Duration {
        self.rtt
    }

    /// RFC 8985 section 6.2, steps 1 to 3. `now` is when the acknowledgment arrived. Returns whether it came out of order.
    pub(crate) fn on_delivered(&mut self, now: Instant, path: &mut Path, what: Delivered) -> bool {
        let mut late = false;
        if what.sent.end.after(self.fack) {
            self.fack = what.sent.end;
        } else if what.sent.end.before(self.fack) && !what.again {
            late = !path.reordering;
            path.reordering = true;
        }
        let rtt = now.since(what.sent.at);
        if !what.again {
            path.on_round_trip(now, rtt);
        } else if what.echoes_first || path.min_rtt().is_some_and(|min| rtt < min) {
            // It was the first copy that arrived.
            return late;
        }
        self.rtt = rtt;
        if self.newest.is_none_or(|newest| what.sent.is_after(newest)) {
            self.newest = Some(what.sent);
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + MS(ms)
    }

    fn sent(ms: u64, end: u32) -> Sent {
        Sent {
            at: at(ms),
            end: SeqNumber::new(end),
        }
    }

    fn delivered(sent: Sent, again: bool) -> Delivered {
        Delivered {
            sent,
            again,
            echoes_first: false,
        }
    }

    #[test]
    fn order_of_leaving_is_time_then_number() {
        let top = u32::MAX;
        for (name, a, b, after) in [
            ("later", sent(2, 10), sent(1, 20), true),
            ("earlier", sent(1, 20), sent(2, 10), false),
            ("same time, further", sent(1, 20), sent(1, 10), true),
            ("same time, across the wrap", sent(1, 5), sent(1, top), true),
            ("itself", sent(1, 20), sent(1, 20), false),
        ] {
            assert_eq!(a.is_after(b), after, "{name}");
        }
    }

    #[test]
    fn window_table() {
        let srtt = MS(30);
        let calm = Path {
            min_rtt: 20_000,
            ..Path::new()
        };
        let seen = Path {
            reordering: true,
            ..calm
        };
        let wide = Path { quarters: 5, ..seen };
        let widest = Path { quarters: 200, ..seen };
        for (name, path, evident, window) in [
            ("nothing says that there is loss", calm, false, MS(5)),
            ("three were sacked, and none was ever late", calm, true, Duration::ZERO),
            ("three were sacked, but some had been late", seen, true, MS(5)),
            ("what was taken for lost came twice", wide, true, MS(25)),
            ("never more than a round trip", widest, true, srtt),
        ] {
            assert_eq!(path.window(evident, srtt, MS(1)), window, "{name}");
        }
        let near = Path {
            min_rtt: 40,
            ..Path::new()
        };
        assert_eq!(near.window(false, MS(1), MS(1)), MS(1), "no finer than the clock");
    }

    #[test]
    fn wider_window_lasts_for_sixteen_recoveries_and_widens_once_in_a_round_trip() {
        let mut path = Path::new();
        path.on_dsack(SeqNumber::new(0), SeqNumber::new(100));
        path.on_dsack(SeqNumber::new(50), SeqNumber::new(150));
        path.on_dsack(SeqNumber::new(100), SeqNumber::new(150));
        assert_eq!(path.quarters, 2);
        path.on_dsack(SeqNumber::new(101), SeqNumber::new(200));
        assert_eq!(path.quarters, 3);
        (0..15).for_each(|_| path.on_recovered());
        assert_eq!(path.quarters, 3);
        path.on_recovered();
        assert_eq!(path.quarters, 1);
    }

    #[test]
    fn late_delivery_of_what_was_sent_once_is_reordering() {
        let (mut rack, mut path) = (Rack::new(SeqNumber::new(0)), Path::new());
        assert!(!rack.on_delivered(at(10), &mut path, delivered(sent(0, 300), false)));
        assert!(!rack.on_delivered(at(11), &mut path, delivered(sent(5, 100), true)));
        assert!(
            !path.is_reordering(),
            "what was sent again comes late for another reason"
        );
        assert!(rack.on_delivered(at(12), &mut path, delivered(sent(0, 200), false)));
        assert!(path.is_reordering());
    }

    #[test]
    fn retransmission_that_is_acknowledged_too_soon_is_not_what_was_delivered() {
        let (mut rack, mut path) = (Rack::new(SeqNumber::new(0)), Path::new());
        rack.on_delivered(at(10), &mut path, delivered(sent(0, 100), false));
        for (name, what, newest) in [
            (
                "sooner than any round trip",
                delivered(sent(14, 200), true),
                sent(0, 100),
            ),
            (
                "the echo is of the first copy",
                Delivered {
                    echoes_first: true,
                    ..delivered(sent(5, 200), true)
                },
                sent(0, 100),
            ),
            ("after a round trip", delivered(sent(9, 200), true), sent(9, 200)),
        ] {
            rack.on_delivered(at(20), &mut path, what);
            assert_eq!(rack.newest(), Some(newest), "{name}");
        }
    }

    #[test]
    fn least_round_trip_is_forgotten_in_time() {
        let mut path = Path::new();
        path.on_round_trip(at(0), MS(10));
        path.on_round_trip(at(1_000), MS(20));
        assert_eq!(path.min_rtt(), Some(MS(10)));
        path.on_round_trip(at(302_000), MS(20));
        assert_eq!(path.min_rtt(), Some(MS(20)));
    }
}
