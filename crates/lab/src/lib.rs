//! Simulated hosts and links in virtual time, from one seed: the same seed gives the same bytes.
//!
//! A [`World`] is written down in TOML: hosts (each with a real stack), links between them, faults, the calls that each
//! host's user makes, and what is expected of it all. It reads no clock, no randomness of the operating system and no
//! file, so a failure is repeated by its seed. What ships with it are its [`scenarios`].
#![forbid(unsafe_code)]

pub mod explore;
pub mod flood;
mod forge;
pub mod glance;
pub mod link;
pub mod pkt;
pub mod rng;
pub mod scenario;
mod script;
pub mod simulate;
pub mod transfer;
pub mod unit;
pub mod world;

pub use flood::Flood;
pub use link::Impairment;
pub use rng::Rng;
pub use scenario::{Scenario, scenarios};
pub use script::WorldError;
pub use simulate::Simulation;
pub use transfer::Transfer;
pub use world::{Figures, Outcome, Reached, Verdict, World};
