//! The one clock of a [`Net`](crate::Net): the driver, its link and its sockets read time here and nowhere else.

use std::time::SystemTime;

use stack::{Duration, Instant, Now};

/// A monotonic clock whose origin is when it was started.
///
/// It follows tokio's clock, so that in a runtime whose time is paused for a test the stack's timers run in that time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    /// A clock whose origin is now. A net starts its own; this is for those who drive a link by themselves.
    pub fn start() -> Self {
        Self {
            origin: tokio::time::Instant::now(),
        }
    }

    /// The time on the monotonic clock, to stamp a packet with.
    pub fn instant(&self) -> Instant {
        Instant::ZERO + Duration::from(self.origin.elapsed())
    }

    /// The time as a stack is told it.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Now {
            mono: self.instant(),
            unix_s: unix.map_or(0, |d| d.as_secs()),
        }
    }

    /// The same point as tokio's timers name it.
    pub fn to_tokio(&self, at: Instant) -> tokio::time::Instant {
        let since = std::time::Duration::from(at.since(Instant::ZERO));
        // A deadline beyond what the system's clock can say is as good as thirty years away.
        self.origin
            .checked_add(since)
            .unwrap_or_else(|| self.origin + std::time::Duration::from_secs(1 << 30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_the_time_of_the_runtime() {
        let clock = Clock::start();
        assert_eq!(clock.instant(), Instant::ZERO);
        tokio::time::advance(std::time::Duration::from_millis(1500)).await;
        assert_eq!(clock.instant(), Instant::ZERO + Duration::from_millis(1500));
        assert_eq!(clock.to_tokio(clock.instant()), tokio::time::Instant::now());
    }

    #[tokio::test]
    async fn names_the_furthest_point() {
        let clock = Clock::start();
        assert!(clock.to_tokio(Instant::from_nanos(u64::MAX)) > tokio::time::Instant::now());
    }
}
