//! The command itself, in private network namespaces, beside the programs of this machine.
//!
//! No test needs root. Where a namespace, a TUN or a program is not to be had the test says so and is skipped; with
//! SYNDIC_NO_SKIP=1 it fails instead.

mod get;
mod lab;
mod links;
mod packetdrill;
mod rig;
mod serve;
mod shards;
mod ss;
mod usage;
