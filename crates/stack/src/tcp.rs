//! RFC 9293.

pub mod state;
