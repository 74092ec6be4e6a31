//! Against RFC 9438's formulas in floating point.

use alloc::string::String;

use wire::seq::SeqNumber;

use super::*;

/// RFC 9438 in `f64`, segments and seconds, written from its figures 1 to 5.
#[derive(Default)]
struct Oracle {
    w_max: f64,
    cwnd_prior: f64,
    w_est: f64,
    cwnd: f64,
    k: f64,
    epoch_start: Option<f64>,
}

impl Oracle {
    const C: f64 = 0.4;
    const BETA: f64 = 0.7;
    const ALPHA: f64 = 3.0 * (1.0 - Self::BETA) / (1.0 + Self::BETA);

    fn w_cubic(&self, t: f64) -> f64 {
        Self::C * (t - self.k).powi(3) + self.w_max
    }

    fn on_ack(&mut self, now: f64, srtt: f64, segments: f64) {
        let epoch_start = *self.epoch_start.get_or_insert_with(|| {
            self.w_est = self.cwnd;
            if self.cwnd_prior == 0.0 {
                self.cwnd_prior = self.cwnd;
            }
            self.w_max = self.w_max.max(self.cwnd);
            self.k = ((self.w_max - self.cwnd) / Self::C).cbrt();
            now
        });
        let t = now - epoch_start;
        let alpha = if self.w_est < self.cwnd_prior { Self::ALPHA } else { 1.0 };
        self.w_est += alpha * segments / self.cwnd;
        if self.w_cubic(t) < self.w_est {
            self.cwnd = self.cwnd.max(self.w_est);
        } else {
            let target = self.w_cubic(t + srtt).clamp(self.cwnd, 1.5 * self.cwnd);
            self.cwnd += (target - self.cwnd) * segments / self.cwnd;
        }
    }

    fn on_congestion(&mut self) {
        self.cwnd_prior = self.cwnd;
        self.w_max = if self.cwnd < self.w_max {
            self.cwnd * (1.0 + Self::BETA) / 2.0
        } else {
            self.cwnd
        };
        self.cwnd = (self.cwnd * Self::BETA).max(2.0);
        self.epoch_start = None;
    }
}

fn acked(now: Instant, bytes: u32, mss: u32, rtt: Duration) -> Acked {
    Acked {
        now,
        bytes,
        mss,
        in_flight: u32::MAX,
        limited: true,
        rtt: None,
        srtt: Some(rtt),
        una: SeqNumber::default(),
        nxt: SeqNumber::default(),
    }
}

fn load(cwnd: u32, mss: u32) -> Load {
    Load {
        cwnd,
        in_flight: cwnd,
        full: true,
        mss,
    }
}

#[test]
fn cube_root_is_exact() {
    for root in (0..2_642_245_u64).step_by(997).chain([1, 2, 3, 2_642_245]) {
        let cube = root * root * root;
        assert_eq!(u64::from(cube_root(cube)), root, "{cube}");
        assert_eq!(u64::from(cube_root(cube + 1)), root.max(1), "{cube} + 1");
        if cube > 0 {
            assert_eq!(u64::from(cube_root(cube - 1)), root - 1, "{cube} - 1");
        }
    }
    assert_eq!(cube_root(u64::MAX), 2_642_245);
}

/// The curve itself: K is less than a millisecond short and the time as much, so that the window is off by what it grows in
/// two milliseconds, and by a byte.
#[test]
fn curve_is_within_two_milliseconds_of_the_oracle() {
    for mss in [1, 88, 536, 1460, 8960, 65_495] {
        for segments in [2.0, 3.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6] {
            let w_max = (segments * f64::from(mss)).min(f64::from(1_u32 << 30)) as u32;
            let cwnd = scaled(w_max, BETA);
            let cubic = Cubic {
                w_max,
                k_ms: k(w_max - cwnd, mss),
                ..Cubic::default()
            };
            let in_segments = |bytes: u32| f64::from(bytes) / f64::from(mss);
            let oracle = Oracle {
                w_max: in_segments(w_max),
                k: (in_segments(w_max - cwnd) / Oracle::C).cbrt(),
                ..Oracle::default()
            };
            for part in 0..=40 {
                let t = f64::from(part) / 10.0 * oracle.k;
                let want = oracle.w_cubic(t) * f64::from(mss);
                let got = f64::from(cubic.w_cubic((t * 1e3) as u64, mss));
                let per_two_ms = 3.0 * Oracle::C * ((t - oracle.k).abs() + 0.002).powi(2) * 0.002 * f64::from(mss);
                assert!(
                    (got - want.min(f64::from(u32::MAX))).abs() <= per_two_ms + 1.5,
                    "mss {mss}, W_max {w_max}, t {t}: {got} and not {want}"
                );
            }
        }
    }
}

/// Loss after loss, from a whole path: the window is never more than 1 % and two segments away from the oracle's.
#[test]
fn window_follows_the_oracle() {
    let mut worst = (0.0, String::new());
    for mss in [536, 1460, 8960] {
        for segments in [4_u32, 10, 40, 200, 2_000, 20_000] {
            for rtt_ms in [1_u64, 5, 20, 100, 400] {
                for per_ack in [1, 2, 44] {
                    let case = alloc::format!("mss {mss}, {segments} segments, {rtt_ms} ms, {per_ack} to each ACK");
                    let off = drive(mss, segments, rtt_ms, per_ack);
                    if off > worst.0 {
                        worst = (off, case);
                    }
                }
            }
        }
    }
    assert!(worst.0 <= 1.0, "{} of the bound: {}", worst.0, worst.1);
}

/// Three losses, and after each so many round trips that the curve has passed K, or forty. Returns the greatest distance from
/// the oracle, as a part of the bound.
fn drive(mss: u32, segments: u32, rtt_ms: u64, per_ack: u32) -> f64 {
    let rtt = Duration::from_millis(rtt_ms);
    let mut cubic = Cubic::default();
    let mut window = Window {
        cwnd: segments * mss,
        ssthresh: 0,
    };
    let mut oracle = Oracle {
        cwnd: f64::from(segments),
        ..Oracle::default()
    };
    let mut now = Instant::ZERO + Duration::from_secs(1);
    let mut worst: f64 = 0.0;
    for _ in 0..3 {
        window.cwnd = cubic.on_congestion(&load(window.cwnd, mss));
        oracle.on_congestion();
        for _ in 0..40 {
            // Both are told the same: what the smaller of them would have had acknowledged.
            let acks = (window.cwnd / mss).div_ceil(per_ack).max(1);
            for _ in 0..acks {
                now += Duration::from_nanos(rtt.as_nanos() / u64::from(acks));
                cubic.on_ack(&mut window, &acked(now, per_ack * mss, mss, rtt));
                oracle.on_ack(
                    now.as_nanos() as f64 / 1e9,
                    rtt_ms as f64 / 1e3,
                    f64::from(per_ack).min(oracle.cwnd),
                );
            }
            let got = f64::from(window.cwnd) / f64::from(mss);
            worst = worst.max((got - oracle.cwnd).abs() / (0.01 * oracle.cwnd + 2.0));
        }
    }
    worst
}

#[test]
fn falls_to_seven_tenths_and_is_back_after_k() {
    let (mss, rtt) = (1460, Duration::from_millis(100));
    let mut cubic = Cubic::default();
    let mut window = Window {
        cwnd: 1000 * mss,
        ssthresh: 0,
    };
    window.cwnd = cubic.on_congestion(&load(window.cwnd, mss));
    assert_eq!(window.cwnd, 700 * mss);
    // K = cube root of 300 / 0.4 = 9.086 s.
    let mut now = Instant::ZERO;
    for ack in 0..=91 {
        now = Instant::ZERO + Duration::from_millis(100 * ack);
        let cwnd = window.cwnd;
        cubic.on_ack(&mut window, &acked(now, cwnd, mss, rtt));
    }
    assert_eq!(cubic.k_ms, 9_085);
    assert_eq!(now, Instant::ZERO + Duration::from_millis(9_100));
    assert_eq!(window.cwnd / mss, 1000);
}

#[test]
fn fast_convergence_leaves_room_to_others() {
    let mss = 1000;
    let mut cubic = Cubic::default();
    cubic.on_congestion(&load(100 * mss, mss));
    assert_eq!(cubic.w_max, 100 * mss);
    cubic.on_congestion(&load(80 * mss, mss));
    assert_eq!(cubic.w_max, 68 * mss, "80 x 1.7 / 2");
    cubic.on_congestion(&load(70 * mss, mss));
    assert_eq!(cubic.w_max, 70 * mss, "above the last W_max");
}

#[test]
fn a_window_that_was_not_used_up_falls_from_what_was_in_flight() {
    let mss = 1000;
    let load = Load {
        in_flight: 10 * mss,
        full: false,
        ..load(100 * mss, mss)
    };
    assert_eq!(Cubic::default().on_congestion(&load), 7 * mss);
}

#[test]
fn time_that_taught_nothing_does_not_count() {
    let (mss, rtt) = (1460, Duration::from_millis(20));
    let at = |s| Instant::ZERO + Duration::from_secs(s);
    let mut cubic = Cubic::default();
    let mut window = Window {
        cwnd: 700 * mss,
        ssthresh: 0,
    };
    cubic.on_congestion(&load(1000 * mss, mss));
    cubic.on_ack(&mut window, &acked(at(0), mss, mss, rtt));
    let mut other = (cubic, window);
    // One waits a minute between two acknowledgments, and is told so.
    cubic.on_ack(&mut window, &acked(at(1), mss, mss, rtt));
    cubic.on_pause(at(61));
    cubic.on_ack(&mut window, &acked(at(62), mss, mss, rtt));
    other.0.on_ack(&mut other.1, &acked(at(1), mss, mss, rtt));
    other.0.on_ack(&mut other.1, &acked(at(2), mss, mss, rtt));
    assert_eq!(window.cwnd, other.1.cwnd);
}

#[test]
fn after_a_timeout_the_curve_begins_where_slow_start_ended() {
    let mss = 1000;
    let mut cubic = Cubic::default();
    assert_eq!(cubic.on_timeout(&load(100 * mss, mss)), 70 * mss);
    let mut window = Window {
        cwnd: 70 * mss,
        ssthresh: 70 * mss,
    };
    cubic.on_ack(&mut window, &acked(Instant::ZERO, mss, mss, Duration::from_millis(50)));
    assert_eq!((cubic.k_ms, cubic.w_max), (0, 70 * mss));
}

#[test]
fn the_threshold_is_never_below_two_segments() {
    for cwnd in [1, 1000, 2000, 2856] {
        assert_eq!(Cubic::default().on_congestion(&load(cwnd, 1000)), 2000, "{cwnd}");
    }
}

#[test]
fn absurd_figures_neither_panic_nor_shrink_the_window() {
    for mss in [1, 1460, 65_535] {
        for cwnd in [1, mss, 1 << 20, u32::MAX - 1] {
            for t in [0, 1, 1 << 20, 1 << 40, u64::MAX / 2_000_000] {
                let mut cubic = Cubic::default();
                let mut window = Window { cwnd, ssthresh: 0 };
                cubic.on_congestion(&load(cwnd, mss));
                let rtt = Duration::from_secs(60);
                cubic.on_ack(&mut window, &acked(Instant::ZERO, u32::MAX, mss, rtt));
                let now = Instant::ZERO + Duration::from_millis(t);
                cubic.on_ack(&mut window, &acked(now, u32::MAX, mss, rtt));
                assert!(window.cwnd >= cwnd);
            }
        }
    }
}
