//! What TCP did, drawn from observed facts: ladders, captures and tables.
//!
//! A [`Trace`] holds what was seen: packets with their times, the states of both ends and the decisions behind them.
//! Everything else here is a way to look at it. Nothing here decides anything, reads a clock or touches a link.
#![forbid(unsafe_code)]

pub mod record;

pub use record::{Fate, Host, HostKind, Mark, Record, Trace};
