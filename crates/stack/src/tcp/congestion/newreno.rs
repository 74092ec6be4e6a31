//! NewReno's congestion avoidance (RFC 5681 section 3.1, RFC 3465 section 2.1).

use super::Acked;
use super::algorithm::{Algorithm, Load, Window};
use crate::time::Instant;

/// Bytes acknowledged since the window last grew.
#[derive(Debug, Clone, Copy, Default, Hash)]
pub(super) struct NewReno {
    counted: u32,
}

impl Algorithm for NewReno {
    /// A segment more for each window acknowledged.
    fn on_ack(&mut self, window: &mut Window, acked: &Acked) {
        self.counted = self.counted.saturating_add(acked.bytes);
        if self.counted >= window.cwnd {
            self.counted -= window.cwnd;
            window.cwnd = window.cwnd.saturating_add(acked.mss);
        }
    }

    /// Half of what is in flight (RFC 5681 section 3.1, equation 4).
    fn on_congestion(&mut self, load: &Load) -> u32 {
        self.counted = 0;
        (load.in_flight / 2).max(2 * load.mss)
    }

    fn on_timeout(&mut self, load: &Load) -> u32 {
        self.on_congestion(load)
    }

    /// Growth is counted in bytes, not in time.
    fn on_pause(&mut self, _now: Instant) {}

    fn on_restart(&mut self) {
        self.counted = 0;
    }
}
