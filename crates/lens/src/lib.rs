//! What TCP did, drawn from observed facts: ladders, captures and tables.
//!
//! A [`Trace`] holds what was seen: packets with their times, the states of both ends and the decisions behind them.
//! Everything else here is a way to look at it: [`Ladder`] in text, [`Capture`] for Wireshark, [`facts()`] for a
//! program, [`Socket`] and [`HalfOpen`] as `ss` lists them in a [`Table`], and a [`Plot`] of figures over time.
//! [`peer::infer`] works out the states of a kernel that cannot be asked. Nothing here decides anything, reads a clock or
//! touches a link.
#![forbid(unsafe_code)]

pub mod capture;
pub mod facts;
pub mod half_open;
pub mod ladder;
pub mod packet;
pub mod peer;
pub mod plot;
pub mod record;
pub mod socket;
pub mod step;
pub mod table;

mod reading;
mod text;

#[cfg(test)]
mod fixture;

pub use capture::Capture;
pub use facts::{PacketFacts, facts};
pub use half_open::HalfOpen;
pub use ladder::Ladder;
pub use packet::{Segment, complete_checksum};
pub use plot::Plot;
pub use record::{Fate, Host, HostKind, Mark, Record, Trace};
pub use socket::Socket;
pub use step::{Classifier, Step};
pub use table::Table;
