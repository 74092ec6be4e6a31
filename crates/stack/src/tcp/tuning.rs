//! How large the receive buffer should be: four times what the user reads within a round trip. A sender whose window doubles
//! may send twice as much in the next one, and of what comes in one burst a round trip that ends within it sees but half.

use wire::seq::SeqNumber;

use crate::time::{Duration, Instant};

/// What one connection's reader does. It is small, for every connection has one.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Tuning {
    /// When the round trip began that is being looked at. Units: microseconds, going round; after an hour of silence a round
    /// trip may so look like less, and is looked at for longer.
    since: u32,
    /// What the user had read by then.
    read: SeqNumber,
    /// The round trip as a receiver sees it: from an acknowledgment to what the peer sent upon it. Units: microseconds; 0
    /// before the first.
    round_trip: u32,
}

/// The least that a round trip counts as: less is the noise of a scheduler.
const ROUND_TRIP_MIN: Duration = Duration::from_micros(50);

/// What the clock of timestamps tells apart. An echo that took no longer says only that the round trip is short.
const RESOLUTION: Duration = Duration::from_millis(1);

impl Tuning {
    /// The peer's stream begins at `front`.
    pub(crate) const fn new(now: Instant, front: SeqNumber) -> Self {
        Self {
            since: micros(now),
            read: front,
            round_trip: 0,
        }
    }

    /// Text came and echoed a timestamp of ours, so old. A peer that paused between the two makes a sample too long, a
    /// shorter one therefore counts at once and a longer one by an eighth.
    pub(crate) fn on_echo(&mut self, sample: Duration) {
        let sample = u32::try_from(sample.as_micros()).unwrap_or(u32::MAX);
        self.round_trip = match self.round_trip {
            0 => sample,
            old if sample < old => sample,
            old => old + (sample - old) / 8,
        };
    }

    /// The user has read up to `front`. `Some` where this reader wants more than `buffer`: four times what it has read within a
    /// round trip, which need not be over. `sent` is the round trip of what we send, where it is known. Units: bytes.
    pub(crate) fn on_read(
        &mut self,
        now: Instant,
        front: SeqNumber,
        sent: Option<Duration>,
        buffer: u32,
    ) -> Option<u32> {
        let received = Duration::from_micros(u64::from(self.round_trip));
        let round_trip = match sent {
            Some(sent) if received <= RESOLUTION => sent,
            sent => received.max(sent.unwrap_or(RESOLUTION)),
        };
        let passed = Duration::from_micros(u64::from(micros(now).wrapping_sub(self.since)));
        let read = front.since(self.read);
        if passed >= round_trip.max(ROUND_TRIP_MIN) {
            (self.since, self.read) = (micros(now), front);
        }
        let wanted = read.saturating_mul(4);
        (wanted > buffer).then_some(wanted)
    }
}

const fn micros(now: Instant) -> u32 {
    (now.as_nanos() / 1_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(20);
    const BUFFER: u32 = 64 << 10;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn read(n: u32) -> SeqNumber {
        SeqNumber::new(n)
    }

    #[test]
    fn wants_four_times_what_is_read_in_a_round_trip() {
        let mut tuning = Tuning::new(at(0), read(0));
        let mut on_read = |ms, n, buffer| tuning.on_read(at(ms), read(n), Some(RTT), buffer);
        assert_eq!(on_read(20, 16_000, BUFFER), None, "enough");
        assert_eq!(on_read(40, 46_000, BUFFER), Some(120_000));
        assert_eq!(on_read(60, 70_000, 120_000), None, "it has it");
        assert_eq!(
            on_read(61, 110_000, 120_000),
            Some(160_000),
            "though more may come in that round trip"
        );
    }

    #[test]
    fn a_reader_that_keeps_up_with_slow_start_holds_it_not_back() {
        let mut tuning = Tuning::new(at(0), read(0));
        let (mut buffer, mut front, mut window) = (BUFFER, 0, 14_600);
        for trip in 1..=10 {
            assert!(window <= buffer, "round trip {trip}: {window} of {buffer}");
            front += window;
            if let Some(wanted) = tuning.on_read(at(20 * trip), read(front), Some(RTT), buffer) {
                buffer = wanted;
            }
            window *= 2;
        }
    }

    #[test]
    fn a_round_trip_is_what_the_echo_says_where_that_is_longer() {
        let local = Duration::from_micros(80);
        for (name, echoes, sent, between, wants) in [
            ("no echo", &[][..], Some(RTT), 19, true),
            ("no echo, later", &[], Some(RTT), 20, false),
            ("longer", &[100], Some(RTT), 99, true),
            ("longer, later", &[100], Some(RTT), 100, false),
            ("a pause, and shorter", &[100, 180, 60], Some(RTT), 60, false),
            ("below the clock", &[1], Some(local), 1, false),
            ("nothing known", &[], None, 1, false),
        ] {
            let mut tuning = Tuning::new(at(0), read(0));
            for &echo in echoes {
                tuning.on_echo(Duration::from_millis(echo));
            }
            tuning.on_read(at(between), read(10_000), sent, BUFFER);
            let wanted = tuning.on_read(at(between + 1), read(20_000), sent, BUFFER);
            assert_eq!(wanted.is_some(), wants, "{name}");
        }
    }
}
