use super::*;

const MSS: u32 = 1460;
/// Near the end of the number space, so that every test wraps around.
const UNA: SeqNumber = SeqNumber::new(u32::MAX - 2500);

fn new(control: CongestionControl) -> Congestion {
    Congestion::new(control, MSS)
}

fn acked(bytes: u32) -> Acked {
    Acked {
        now: Instant::ZERO,
        bytes,
        mss: MSS,
        in_flight: bytes,
        limited: true,
        rtt: None,
        srtt: Some(Duration::from_millis(50)),
        una: UNA,
        nxt: UNA,
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
        assert_eq!(Congestion::new(CongestionControl::Cubic, mss).cwnd(), cwnd, "{name}");
    }
}

#[test]
fn slow_start_doubles_in_a_round_trip_however_few_acknowledgments_say_it() {
    for control in CongestionControl::ALL {
        for segments in [1, 2, 10] {
            let mut c = new(control);
            for _ in 0..10 / segments {
                c.on_ack(&acked(segments * MSS));
            }
            assert_eq!(c.cwnd(), 20 * MSS, "{control}, {segments} to each");
        }
    }
}

#[test]
fn what_an_acknowledgment_has_beyond_the_threshold_is_not_slow_start() {
    let mut c = new(CongestionControl::NewReno);
    c.on_timeout(20 * MSS, MSS, false);
    c.on_ack(&acked(44 * MSS));
    assert_eq!(
        c.cwnd(),
        11 * MSS,
        "10 of slow start, and one for the 35 of congestion avoidance"
    );
}

#[test]
fn newreno_adds_one_segment_in_a_round_trip() {
    let mut c = new(CongestionControl::NewReno);
    c.on_congestion(20 * MSS, MSS);
    assert_eq!((c.cwnd(), c.ssthresh()), (10 * MSS, 10 * MSS));
    c.on_recovered(10 * MSS);
    for _ in 0..10 {
        c.on_ack(&acked(MSS));
    }
    assert_eq!(c.cwnd(), 11 * MSS);
}

#[test]
fn what_is_left_after_congestion_table() {
    for (control, segments) in [(CongestionControl::NewReno, 10), (CongestionControl::Cubic, 14)] {
        let mut c = new(control);
        c.on_ack(&Acked {
            in_flight: 10 * MSS,
            ..acked(10 * MSS)
        });
        c.on_congestion(20 * MSS, MSS);
        assert_eq!(c.ssthresh(), segments * MSS, "{control}");
    }
}

#[test]
fn a_window_that_is_not_the_bound_does_not_grow() {
    for control in CongestionControl::ALL {
        let mut c = new(control);
        for _ in 0..100 {
            c.on_ack(&Acked {
                limited: false,
                in_flight: 4 * MSS,
                ..acked(2 * MSS)
            });
        }
        assert_eq!(c.cwnd(), 10 * MSS, "{control}");
        assert!(c.memory.is_none(), "and costs nothing");
    }
}

#[test]
fn a_round_that_used_the_window_up_lets_it_grow_to_its_end() {
    let mut c = new(CongestionControl::NewReno);
    c.on_congestion(40 * MSS, MSS);
    // 20 segments are in flight; nothing more is sent, and their acknowledgments come one by one.
    for left in (1..=20).rev() {
        c.on_ack(&Acked {
            limited: false,
            in_flight: left * MSS,
            una: UNA + (21 - left) * MSS,
            nxt: UNA + 20 * MSS,
            ..acked(MSS)
        });
    }
    assert_eq!(c.cwnd(), 21 * MSS);
}

#[test]
fn timeout_leaves_one_segment_and_keeps_the_threshold_when_it_repeats() {
    for (control, threshold) in [
        (CongestionControl::NewReno, 4 * MSS),
        (CongestionControl::Cubic, 10_220),
    ] {
        let mut c = new(control);
        c.on_timeout(8 * MSS, MSS, false);
        assert_eq!((c.cwnd(), c.ssthresh()), (MSS, threshold), "{control}");
        c.on_timeout(MSS, MSS, true);
        assert_eq!((c.cwnd(), c.ssthresh()), (MSS, threshold), "{control}");
    }
}

#[test]
fn undo_takes_back_what_was_no_congestion() {
    for control in CongestionControl::ALL {
        let mut c = new(control);
        c.on_ack(&acked(10 * MSS));
        let before = c.memory.as_ref().map(|m| m.algorithm);
        c.on_congestion(20 * MSS, MSS);
        c.set_cwnd(3 * MSS);
        c.undo();
        assert_eq!((c.cwnd(), c.ssthresh()), (20 * MSS, u32::MAX), "{control}");
        let hashed = |a: Option<Chosen>| alloc::format!("{a:?}");
        assert_eq!(
            hashed(c.memory.as_ref().map(|m| m.algorithm)),
            hashed(before),
            "{control}"
        );
        c.set_cwnd(5 * MSS);
        c.undo();
        assert_eq!(c.cwnd(), 5 * MSS, "{control}: once");
    }
}

#[test]
fn idle_never_grows_the_window_and_slow_start_leads_back() {
    for control in CongestionControl::ALL {
        let mut c = new(control);
        c.on_timeout(8 * MSS, MSS, false);
        c.on_idle(MSS);
        assert_eq!(c.cwnd(), MSS, "{control}");
        c.on_recovered(100 * MSS);
        c.on_idle(MSS);
        c.on_idle(MSS);
        assert_eq!((c.cwnd(), c.ssthresh()), (10 * MSS, 75 * MSS), "{control}");
    }
}

#[test]
fn memory_is_given_back_when_nothing_was_learned() {
    let mut c = new(CongestionControl::Cubic);
    c.on_ack(&acked(10 * MSS));
    assert!(c.memory.is_some());
    c.on_quiet();
    assert!(c.memory.is_none());
    c.on_congestion(20 * MSS, MSS);
    c.on_quiet();
    assert!(c.memory.is_some(), "where the loss was is worth keeping");
}

#[test]
fn sizes_are_bounded() {
    assert!(size_of::<Congestion>() <= 24);
    assert!(size_of::<Memory>() <= 216);
}

#[test]
fn another_algorithm_goes_on_with_the_window() {
    let mut c = new(CongestionControl::NewReno);
    c.on_congestion(40 * MSS, MSS);
    c.choose(CongestionControl::Cubic);
    assert_eq!((c.cwnd(), c.ssthresh()), (20 * MSS, 20 * MSS));
    assert_eq!(c.control(), CongestionControl::Cubic);
}

#[test]
fn pace_table() {
    let (fast, slow) = (u32::MAX, 50 * MSS);
    let ms = Duration::from_millis;
    for (name, cwnd, ssthresh, srtt, per_s) in [
        ("slow start: two windows", 100, fast, ms(20), Some(14_600_000)),
        ("above: 1.2 windows", 100, slow, ms(20), Some(8_760_000)),
        ("a short round trip", 100, slow, Duration::from_micros(1_999), None),
        ("a window that may leave at once", 10, fast, ms(20), None),
        ("one segment more", 11, fast, ms(20), Some(1_606_000)),
    ] {
        let c = Congestion {
            window: Window {
                cwnd: cwnd * MSS,
                ssthresh,
            },
            ..new(CongestionControl::Cubic)
        };
        assert_eq!(c.rate(Some(srtt), MSS).map(Rate::per_second), per_s, "{name}");
    }
    assert_eq!(
        new(CongestionControl::Cubic).rate(None, MSS),
        None,
        "before the first round trip"
    );
}

#[test]
fn a_second_of_pacing_sends_a_second_of_the_rate() {
    for (cwnd, srtt) in [(12, 80), (100, 20), (1_000, 20), (10_000, 5), (300_000, 100)] {
        let mut c = new(CongestionControl::Cubic);
        c.window = Window {
            cwnd: cwnd * MSS,
            ssthresh: MSS,
        };
        let rate = c.rate(Some(Duration::from_millis(srtt)), MSS).expect("paced");
        let (start, second) = (Instant::ZERO + Duration::from_secs(5), Duration::from_secs(1));
        let (mut now, mut sent) = (start, 0_u64);
        while now.since(start) < second {
            let bytes = rate.quantum(MSS).min(45 * MSS);
            sent += u64::from(bytes);
            if let Some(after) = c.on_paced(now, bytes, MSS, rate, UNA) {
                assert!(c.holds(now));
                // The wheel rounds up to a millisecond, and a driver may be a millisecond late.
                let due = (now + after).as_nanos().div_ceil(1_000_000) + 1;
                now = Instant::ZERO + Duration::from_millis(due);
            }
        }
        // What may leave at once comes on top: three late milliseconds, and the piece that was under way.
        let want = rate.per_second() as f64;
        let over = (sent as f64 - want) / want;
        assert!(
            (-0.001..0.02).contains(&over) || sent < 200 * u64::from(MSS),
            "{cwnd} in {srtt} ms: {over}"
        );
    }
}
