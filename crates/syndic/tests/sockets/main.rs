//! Sockets over two nets in one process, on both kinds of tokio runtime.

mod close;
mod faults;
mod network;
mod open;
mod rig;
mod transfer;
