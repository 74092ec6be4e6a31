//! How much a connection to a peer nearby may hold to send.
//!
//! Where nothing is lost the congestion window grows as long as the peer's lets it. On a long path that fills the path. On one that
//! carries next to nothing, because its round trip is over in no time, whatever is sent beyond that waits in the memory of the
//! receiver until it is read, and in ours until it is acknowledged: it makes nothing faster, and what all connections hold so
//! soon no longer fits the cache, so that every byte is fetched from memory to be sent and when its buffer is used again.
//!
//! So connections to peers nearby share a bound, each in proportion to what the others leave of it: one holds half of it, eight
//! a ninth each.

use crate::time::Duration;

/// A peer is nearby whose least round trip is shorter. Of the 4 MiB that such share by default one connection fills a path of
/// 33 Gbit/s whose every round trip is as long as that, and eight together one of 59.
const MIN_RTT_MAX: Duration = Duration::from_micros(500);

/// With round trips as long as this, what was measured as the least says nothing of the path: a box on the way may have answered
/// the SYN. Waiting for the reader makes some milliseconds.
const SRTT_MAX: Duration = Duration::from_millis(10);

/// Whether a path with these round trips carries next to nothing. One that was not measured does not count as such.
pub(crate) fn is_near(min_rtt: Option<Duration>, srtt: Option<Duration>) -> bool {
    min_rtt
        .zip(srtt)
        .is_some_and(|(min, srtt)| min < MIN_RTT_MAX && srtt < SRTT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn a_peer_is_near_by_its_least_round_trip() {
        let micros = |n| Some(Duration::from_micros(n));
        for (name, min_rtt, srtt, near) in [
            ("nothing measured", None, None, false),
            ("a virtual interface", micros(35), micros(60), true),
            ("one with a queue at the receiver", micros(35), micros(7_000), true),
            ("none at all", micros(0), micros(0), true),
            ("a machine in the same room", micros(499), micros(499), true),
            ("one across the town", micros(500), micros(500), false),
            ("a box answered the SYN", micros(300), micros(10_000), false),
        ] {
            assert_eq!(is_near(min_rtt, srtt), near, "{name}");
        }
    }

    #[test]
    fn what_they_share_fills_the_paths_that_count_as_short() {
        let bits = Limits::default().nearby_bytes as u64 * 8;
        let gbits = |connections| bits * connections / (connections + 1) / MIN_RTT_MAX.as_nanos();
        assert_eq!((gbits(1), gbits(8)), (33, 59));
    }
}
