//! Pieces that a flood is met with: pure, of a fixed size, and the same for a listener and for whatever stands in front of
//! one.
//!
//! Time and keyed hashes are arguments; nothing here allocates after its first use, and nothing knows of segments. Read
//! first: RFC 4987, which says what a SYN flood is (section 2) and what is done against it (section 3).
//!
//! - [`Limiter`]: token buckets per source address and prefix, and who is exempt from them.
//! - [`ReplyBudget`]: token buckets per destination, so that we are no reflector.
//! - [`Gauge`]: whether a listener is flooded, by what became of its SYN-ACKs.

mod allow;
mod budget;
pub mod gauge;
mod limiter;
mod pace;
mod proven;
pub(crate) mod report;
mod sketch;
mod source;
mod subnet;

pub use allow::AllowList;
pub use budget::{ReplyBudget, ReplyKind};
pub use gauge::{Change, Figures, Gauge, GaugeOptions, Level};
pub use limiter::{Admission, Bound, Limiter, LimiterOptions, OverLimit, Standing};
pub use pace::Rate;
pub use source::Source;
pub use subnet::{BadSubnet, Subnet};
