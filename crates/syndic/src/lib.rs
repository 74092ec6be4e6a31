//! TCP in user space through sockets shaped like tokio's.

#![forbid(unsafe_code)]

pub mod clock;
pub mod link;

pub use ::stack;
pub use bytes::{Bytes, BytesMut};

pub use crate::clock::Clock;
pub use crate::link::{Abilities, Link, NotSent};
