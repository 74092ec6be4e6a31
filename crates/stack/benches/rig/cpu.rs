//! The thread's CPU time, so that what else runs on the machine counts for little.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// What this thread has spent since it began.
pub(crate) fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("Linux has it")
        .into()
}
