//! A complete RFC 9293 TCP/IP machine without I/O.
//!
//! A [`Stack`] takes packets and the time, and gives packets, events and the time to come back. It reads no clock, no
//! environment and no randomness, spawns nothing and logs nothing: time and chance are arguments, facts leave through
//! an [`Observer`]. Read first: [`stack`] for the contract, then `tcp` for RFC 9293 itself.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bucket;
pub mod call;
pub mod config;
mod context;
pub mod counters;
pub mod error;
pub mod event;
pub mod flood;
mod fragment;
mod hash;
pub mod io;
mod ledger;
pub mod limits;
pub mod medium;
pub mod observer;
pub mod owner;
mod path;
mod replies;
pub mod stack;
mod station;
pub mod status;
mod table;
pub mod tcp;
pub mod time;
pub mod tuple;

pub use call::{Accepted, ConnectOptions, Received};
pub use config::{
    AcceptOverflow, Buffer, Config, ConnectionOptions, CookieOptions, EcnMode, FloodOptions, KeepAlive, ListenOptions,
    Pressure, Secrets, SynCookies,
};
pub use counters::Counters;
pub use error::{ConnectError, Ended, ListenError, NoSuch, ReceiveError, SendError};
pub use event::{ConnectionId, Event, ListenerId, Ready};
pub use io::{Batch, Budget, Full, Packet, Sink};
pub use limits::Limits;
pub use medium::{EthernetOptions, Medium, NextHop, Route};
pub use observer::{Cause, Fact, Observer, Why};
pub use owner::Owners;
pub use stack::Stack;
pub use station::{Neighbour, NeighbourChange, NeighbourState};
pub use status::{Entry, Held, Status};
pub use tcp::congestion::{CongestionControl, UnknownCongestionControl};
pub use tcp::state::State;
pub use time::{Duration, Instant, Now};
pub use tuple::FourTuple;
pub use wire::ether::Mac;
pub use wire::ip::Dscp;
