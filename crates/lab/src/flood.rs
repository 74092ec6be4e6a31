//! Floods in virtual time: an attacker, good clients and one listener, and what became of each.
//!
//! ```text
//!  attacker ──┐  one link, 20 ms ± 1 ms                    ┌─▶ good clients: a stack each
//!  good       ├───────────────────────▶ server: a stack ───┤
//!  clients  ──┘                         with a listener    └─▶ whoever the attacker named: nobody
//! ```
//!
//! Twenty good clients open a connection every half second each, ask, are answered and close. Three seconds after the
//! beginning the attacker joins in, for ten seconds. The server and the clients are real stacks; the attacker has none: it puts
//! segments on the simulated link, and there is no way to make it put them anywhere else. What it draws comes from the seed.
//!
//! This is no [`World`](crate::World): a world keeps every packet and asks its oracles after each, and a flood is a hundred
//! thousand of them. Here everything is counted, one good client's connection is kept for its ladder, and the first
//! packets of the attack for a capture. Read first: RFC 4987, `docs/flood.md`.

mod arena;
mod attacker;
mod client;
mod expect;
mod host;
mod report;
mod scenario;
mod server;
mod tape;
#[cfg(test)]
mod tests;

use stack::Duration;

pub use report::{Good, LevelChange, Queue, Report, Sample};
pub use scenario::Flood;

/// When the attack begins.
pub const ATTACK_BEGINS: Duration = Duration::from_secs(3);
/// When it ends.
pub const ATTACK_ENDS: Duration = Duration::from_secs(13);
/// When good clients open no more connections, and no more samples are taken.
pub const ENDS: Duration = Duration::from_secs(30);
/// How long a good client waits for its answer before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Between two samples of the server.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// How many good clients there are.
pub const CLIENTS: usize = 20;
/// How often each of them opens a connection.
const CLIENT_EVERY: Duration = Duration::from_millis(500);
/// What a good client asks, and what it is answered. Units: bytes.
const REQUEST: usize = 200;
const ANSWER: usize = 4_000;
