//! Sockets over two nets in one process, on both kinds of tokio runtime.

mod close;
mod ecn;
mod ethernet;
mod faults;
mod kernel;
mod network;
mod open;
mod rig;
mod shards;
mod transfer;
