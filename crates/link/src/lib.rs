//! Links: TUN and TAP devices, packet and AF_XDP sockets, and a pair of ends in memory.
//!
//! This crate moves packets and knows nothing about what is in them: it does not parse IP, and it depends on no other
//! crate of Syndic. It holds all the unsafe code of the project; every block says why it is sound.
//!
//! ```text
//!             kernel                                      another stack
//!                |                                              |
//!   /dev/net/tun | virtio-net header + IP packet        bounded queue, twice
//!                |                                              |
//!        Tun -> AsyncTun ------------- Link ----------------- Memory
//!                        try_read, try_write, poll_*
//! ```
//!
//! An Ethernet interface that exists is shared with the kernel through a [`packet`] socket or, faster, an [`xdp`] socket. They
//! move frames in batches, which is what [`FrameLink`] is about.
//!
//! Read [`Link`] first: it is what a driver needs of a link. [`tun`] makes devices, [`net`] prepares the network around
//! them (loopback, addresses, routes), and [`namespace`] gives a process a network of its own without root.

#![deny(clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod counters;
mod error;
mod face;
pub mod frames;
mod interface;
pub mod memory;
pub mod namespace;
pub mod net;
mod netlink;
pub mod packet;
mod presence;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tun;
pub mod vnet;
mod watched;
pub mod xdp;

pub use counters::{Losses, Meter};
pub use error::{LinkError, NameFault};
pub use face::{Layer, Link, PACKET_BYTES_MAX, take_packet};
pub use frames::{FrameLink, HardwareAddress};
pub use memory::Memory;
pub use packet::{Packet, PacketOptions};
pub use tun::{AsyncTun, Offload, Tun, TunOptions};
pub use vnet::{Gso, GsoKind, VnetHeader};
pub use xdp::{Xdp, XdpOptions};
