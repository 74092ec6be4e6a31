//! What the weaker kind of cookie has to pass besides: a forger can always claim that no timestamps were offered, and then
//! has only 24 bits to guess.

use crate::bucket::TokenBucket;
use crate::config::CookieOptions;
use crate::time::Instant;

/// Budgets acceptances without timestamps, and closes while many forgeries come.
#[derive(Debug, Clone)]
pub(crate) struct BareGate {
    taken: TokenBucket,
    /// Tokens are failures that are still borne.
    borne: Option<TokenBucket>,
}

impl BareGate {
    pub(crate) fn new(options: &CookieOptions) -> Self {
        Self {
            taken: TokenBucket::new(options.bare_per_s, options.bare_per_s),
            borne: options.refuse_bare_above.map(|rate| TokenBucket::new(rate, rate)),
        }
    }

    /// Whether such a cookie is worth reading now.
    pub(crate) fn is_open(&mut self, now: Instant) -> bool {
        self.borne.as_mut().is_none_or(|borne| borne.has(now)) && self.taken.has(now)
    }

    /// One was read and is right: it counts against the budget.
    pub(crate) fn on_taken(&mut self, now: Instant) {
        self.taken.take(now);
    }

    /// A code was wrong, of whichever kind.
    pub(crate) fn on_failure(&mut self, now: Instant) {
        if let Some(borne) = &mut self.borne {
            borne.take(now);
        }
    }
}
