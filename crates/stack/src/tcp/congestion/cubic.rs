//! CUBIC (RFC 9438) in integers.
//!
//! After a loss the window climbs along `W(t) = C (t - K)^3 + W_max`: fast at first, level where the loss was, fast again beyond.
//!
//! ```text
//!  cwnd                                  ,
//!  W_max |- - - - - - - -,_,---------'-'      t: time in congestion avoidance
//!        |          ,-'                       K: when the curve is back at W_max
//!        |       ,'
//!  0.7 x |_____,'_______________________ t
//!              0            K
//! ```
//!
//! Units: bytes and milliseconds. The RFC's `C` = 0.4 segments/s^3 is `mss / 2,500,000,000` bytes/ms^3, so that the cube of a
//! time in milliseconds, times the MSS, fits 64 bits whenever the window that follows from it fits 32.

use super::Acked;
use super::algorithm::{Algorithm, Load, Window};
use crate::time::{Duration, Instant};

/// 1 / C. Units: ms^3 for each segment.
const CUBE_PER_SEGMENT: u64 = 2_500_000_000;

/// Section 4.6: what is left of the window is `beta` of it.
const BETA: (u64, u64) = (7, 10);

/// Section 4.7: a window that fell before it was back leaves more room to others; `(1 + beta) / 2`.
const FAST_CONVERGENCE: (u64, u64) = (17, 20);

/// Section 4.3: `alpha` = `3 (1 - beta) / (1 + beta)`, so that a Reno flow that falls to `beta` has the rate of one that falls
/// to half and grows by 1.
const ALPHA: (u64, u64) = (9, 17);

/// The state of one connection. Its names are those of section 4.1.
#[derive(Debug, Clone, Copy, Default, Hash)]
pub(super) struct Cubic {
    /// 0: not known, as before the first congestion and after a timeout.
    w_max: u32,
    /// The window when congestion was last seen.
    cwnd_prior: u32,
    /// Where Reno would be.
    w_est: u32,
    /// What the division by which each of them grows has left, or neither would grow by less than a byte.
    w_est_rest: u64,
    cwnd_rest: u64,
    k_ms: u32,
    /// Congestion avoidance has begun, at `epoch_start`.
    started: bool,
    /// Moved on by the time in which the window was not the bound (section 5.8).
    epoch_start: Instant,
    /// Of the last acknowledgment.
    heard: Instant,
}

impl Cubic {
    /// The first acknowledgment in congestion avoidance.
    fn begin(&mut self, now: Instant, cwnd: u32, mss: u32) {
        self.started = true;
        self.epoch_start = now;
        self.heard = now;
        self.w_est = cwnd;
        self.w_est_rest = 0;
        self.cwnd_rest = 0;
        if self.cwnd_prior == 0 {
            // Section 4.10: slow start ended without congestion.
            self.cwnd_prior = cwnd;
        }
        // Sections 4.8 and 4.10: where no W_max is known, or the window is beyond it, the curve begins at its level part.
        self.w_max = self.w_max.max(cwnd);
        self.k_ms = k(self.w_max - cwnd, mss);
    }

    /// `W_cubic(t)`, in integers.
    fn w_cubic(&self, t_ms: u64, mss: u32) -> u32 {
        let k = u64::from(self.k_ms);
        let (away, mss) = (t_ms.abs_diff(k), u64::from(mss));
        let cube = away.saturating_mul(away).saturating_mul(away);
        let bytes = u32::try_from(cube.saturating_mul(mss) / CUBE_PER_SEGMENT).unwrap_or(u32::MAX);
        if t_ms < k {
            self.w_max.saturating_sub(bytes)
        } else {
            self.w_max.saturating_add(bytes)
        }
    }

    /// Section 4.3: `W_est`, by `alpha` of a segment for each window, and by a whole one from `cwnd_prior` on.
    fn estimate_reno(&mut self, acked: u32, cwnd: u32, mss: u32) {
        let alpha = if self.w_est < self.cwnd_prior { ALPHA } else { (1, 1) };
        let rise = u64::from(acked) * u64::from(mss) * alpha.0;
        let by = grow(rise, u64::from(cwnd) * alpha.1, &mut self.w_est_rest);
        self.w_est = self.w_est.saturating_add(by);
    }

    /// Sections 4.6 and 4.7.
    fn reduce(&mut self, load: &Load) -> u32 {
        // Section 4.6 asks for what is in flight where the window was not used up.
        let cwnd = if load.full {
            load.cwnd
        } else {
            load.cwnd.min(load.in_flight)
        };
        self.started = false;
        self.cwnd_prior = cwnd;
        self.w_max = if cwnd < self.w_max {
            scaled(cwnd, FAST_CONVERGENCE)
        } else {
            cwnd
        };
        scaled(cwnd, BETA).max(2 * load.mss)
    }
}

impl Algorithm for Cubic {
    fn on_ack(&mut self, window: &mut Window, acked: &Acked) {
        let Acked { now, mss, .. } = *acked;
        if !self.started {
            self.begin(now, window.cwnd, mss);
        }
        self.heard = now;
        let cwnd = window.cwnd;
        let bytes = acked.bytes.min(cwnd);
        self.estimate_reno(bytes, cwnd, mss);
        let t = now.since(self.epoch_start);
        if self.w_cubic(t.as_millis(), mss) < self.w_est {
            // The Reno-friendly region (section 4.3).
            window.cwnd = cwnd.max(self.w_est);
            return;
        }
        // Concave or convex (sections 4.4 and 4.5): at the end of this round trip the window shall be where the curve is then.
        let ahead = t + acked.srtt.unwrap_or(Duration::ZERO);
        let target = self.w_cubic(ahead.as_millis(), mss).min(cwnd.saturating_add(cwnd / 2));
        let rise = u64::from(target.saturating_sub(cwnd)) * u64::from(bytes);
        window.cwnd = cwnd.saturating_add(grow(rise, u64::from(cwnd), &mut self.cwnd_rest));
    }

    fn on_congestion(&mut self, load: &Load) -> u32 {
        self.reduce(load)
    }

    /// Section 4.8: as for any congestion, but that nothing is known of the path from here on.
    fn on_timeout(&mut self, load: &Load) -> u32 {
        let ssthresh = self.reduce(load);
        self.w_max = 0;
        ssthresh
    }

    fn on_pause(&mut self, now: Instant) {
        if self.started {
            self.epoch_start += now.since(self.heard);
            self.heard = now;
        }
    }

    fn on_restart(&mut self) {
        self.started = false;
    }
}

/// `K` = cube root of `(W_max - cwnd_epoch) / C`, for what is between them. Units: milliseconds, rounded down.
fn k(between: u32, mss: u32) -> u32 {
    let cube = u64::from(between).saturating_mul(CUBE_PER_SEGMENT);
    cube_root(cube / u64::from(mss.max(1)))
}

/// The greatest number whose cube is not above `x`, bit by bit from the top: that of 2^64 - 1 has 22 bits.
fn cube_root(x: u64) -> u32 {
    (0..22).rev().fold(0, |root, bit| {
        let with = root | 1 << bit;
        let n = u64::from(with);
        if (n * n).checked_mul(n).is_some_and(|cube| cube <= x) {
            with
        } else {
            root
        }
    })
}

/// `rise / by`, with what the last division left, and leaves what this one does.
fn grow(rise: u64, by: u64, rest: &mut u64) -> u32 {
    let (rise, by) = (rise.saturating_add(*rest), by.max(1));
    *rest = rise % by;
    u32::try_from(rise / by).unwrap_or(u32::MAX)
}

/// `part.0 / part.1` of `bytes`.
fn scaled(bytes: u32, part: (u64, u64)) -> u32 {
    u32::try_from(u64::from(bytes) * part.0 / part.1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
