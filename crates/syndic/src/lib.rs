//! TCP in user space through sockets shaped like tokio's.
//!
//! A [`Net`] is a TCP/IP stack of its own on a [`Link`]: a TUN device, or memory. On it, [`TcpListener`] and [`TcpStream`]
//! are what tokio's are on the kernel's stack, but for the first argument. Whatever reads and writes through tokio's traits
//! (hyper, TLS, codecs) works on them.
//!
//! ```
//! use syndic::link::memory::{self, MemoryOptions};
//! use syndic::stack::Config;
//! use syndic::{Net, TcpListener, TcpStream};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! // Two networks in one process, and what would be a cable between them.
//! let (left, right) = memory::pair(MemoryOptions::default());
//! let client = Net::start(left, Config { addresses: vec![[10, 7, 0, 1].into()], ..Config::default() })?;
//! let server = Net::start(right, Config { addresses: vec![[10, 7, 0, 2].into()], ..Config::default() })?;
//!
//! let listener = TcpListener::bind(&server, ([10, 7, 0, 2], 7))?;
//! tokio::spawn(async move {
//!     while let Ok((stream, _peer)) = listener.accept().await {
//!         let (mut read, mut write) = stream.into_split();
//!         tokio::spawn(async move { tokio::io::copy(&mut read, &mut write).await });
//!     }
//! });
//!
//! let mut stream = TcpStream::connect(&client, ([10, 7, 0, 2], 7)).await?;
//! stream.write_all(b"hello").await?;
//! stream.shutdown().await?;
//! let mut echo = Vec::new();
//! stream.read_to_end(&mut echo).await?;
//! assert_eq!(echo, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! With a TUN the other end is the kernel of this machine, and whatever it routes there:
//!
//! ```no_run
//! use syndic::link::{Tun, TunOptions};
//! use syndic::stack::Config;
//! use syndic::{Net, TcpListener};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // The kernel is 10.7.0.1; the rest of 10.7.0.0/24 is behind the device.
//! let options = TunOptions { addresses: vec![([10, 7, 0, 1].into(), 24)], ..TunOptions::default() };
//! let link = Tun::open(&options)?.into_async()?;
//! let net = Net::start(link, Config { addresses: vec![[10, 7, 0, 2].into()], ..Config::default() })?;
//! let listener = TcpListener::bind(&net, ([10, 7, 0, 2], 80))?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! The TCP machine is [`stack`]: it does no I/O, reads no clock and knows no task. Here, one task per [`Net`] moves packets
//! between the link and the stack, tells it the time, and wakes who waits; sockets call the stack under a lock that is
//! never held while anything waits or user bytes are copied. What the stack observes can be told to an
//! [`Observer`](stack::Observer): [`Net::observed`].

#![forbid(unsafe_code)]

mod calls;
pub mod clock;
mod crew;
mod driver;
pub mod error;
pub mod link;
pub mod listener;
pub mod net;
mod ring;
#[cfg(test)]
#[path = "ring/tests.rs"]
mod ring_tests;
mod shard;
mod shards;
mod socket;
pub mod split;
pub mod stream;
mod sync;
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
