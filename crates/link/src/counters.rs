//! What a link lost before anybody saw it.

use std::fmt;
use std::sync::Arc;

/// Frames that came to nothing at the link, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Arrived, and found no room: the reader was too slow.
    pub received: u64,
    /// Were to leave, and were refused by the interface.
    pub sent: u64,
}

/// A hold on the counters of a link, which outlives it.
#[derive(Clone)]
pub struct Meter(Arc<dyn Fn() -> Losses + Send + Sync>);

impl Meter {
    pub(crate) fn new(read: impl Fn() -> Losses + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// What was lost so far.
    pub fn losses(&self) -> Losses {
        (self.0)()
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.losses()).finish()
    }
}
