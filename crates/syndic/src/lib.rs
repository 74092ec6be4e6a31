//! TCP in user space through sockets shaped like tokio's.

#![forbid(unsafe_code)]

mod calls;
pub mod clock;
mod driver;
pub mod error;
pub mod link;
pub mod listener;
pub mod net;
mod shard;
mod socket;
pub mod split;
pub mod stream;
mod wait;
mod wakers;

pub use ::stack;
pub use bytes::{Bytes, BytesMut};

pub use crate::clock::Clock;
pub use crate::error::Stopped;
pub use crate::link::{Abilities, Link, NotSent};
pub use crate::listener::TcpListener;
pub use crate::net::Net;
pub use crate::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use crate::stream::TcpStream;
