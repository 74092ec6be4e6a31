//! Bytes to values and back: Ethernet, ARP, IP, ICMP, UDP, TCP, checksums and sequence numbers.
//!
//! Parsing trusts nothing: every length is checked, nothing panics, and what comes out can only be sensible.
//! What this crate is not: it keeps no state, reads no clock and decides nothing; see `syndic-stack` for that.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

extern crate alloc;

pub mod arp;
pub mod checksum;
pub mod ether;
pub mod icmp;
pub mod ip;
pub mod option;
pub mod seq;
pub mod tcp;
pub mod udp;

mod malformed;
pub use malformed::Malformed;
