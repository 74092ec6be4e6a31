//! Simulation: worlds that nobody thought of, each drawn from a seed.
//!
//! A drawn world is written down as TOML like any other (`drawn.rs`), so that one that fails can be kept, read and played
//! again. It has a time of trouble, in which its links and hosts fail and its users do what they like; then the links
//! become calm and all users finish. What must be so afterwards is the same for every world: each connection has come to
//! an end that its user was told, nothing is held any more, and in between no oracle has found anything (`world/oracle.rs`,
//! `world/segment.rs`).
//!
//! ```text
//! seed ──draw──> Drawn ──toml──> World ──run──> Outcome ──judge──> pass, or Failure ──minimise──> the smallest that fails
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::world::{Outcome, Verdict, World};
use drawn::Drawn;

mod draw;
mod drawn;
mod minimise;
#[cfg(test)]
mod tests;

/// A world drawn from a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    seed: u64,
    drawn: Drawn,
}

/// What was found wrong with a world.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What, one reason or more.
    pub reasons: Vec<String>,
    /// What was seen until then; `None` where the world has panicked.
    pub outcome: Option<Box<Outcome>>,
}

impl Simulation {
    /// Draws the world of a seed. The same seed gives the same world, and the same packets when it is played.
    pub fn draw(seed: u64) -> Self {
        Self {
            seed,
            drawn: draw::draw(seed),
        }
    }

    /// The seed that it was drawn from, and that it is played with.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The world as [`World::from_toml`] reads it.
    pub fn toml(&self) -> String {
        self.drawn.toml(self.seed)
    }

    /// Plays it.
    ///
    /// Errors: what the oracles have found, or that it has panicked.
    pub fn play(&self) -> Result<Outcome, Failure> {
        let world = World::from_toml(&self.toml(), self.seed).map_err(|error| Failure {
            reasons: vec![format!("the world cannot be read: {error}")],
            outcome: None,
        })?;
        // Nothing of a world that has panicked is looked at again.
        let mut outcome = catch_unwind(AssertUnwindSafe(|| world.run())).map_err(|payload| Failure {
            reasons: vec![format!("panic: {}", message(&*payload))],
            outcome: None,
        })?;
        let bound = self.segments_max();
        if outcome.figures.segments > bound {
            let reason = format!(
                "{} segments, no world like this needs more than {bound}",
                outcome.figures.segments
            );
            match &mut outcome.verdict {
                Verdict::Fail(reasons) => reasons.push(reason),
                Verdict::Pass => outcome.verdict = Verdict::Fail(vec![reason]),
            }
        }
        match outcome.verdict.clone() {
            Verdict::Pass => Ok(outcome),
            Verdict::Fail(reasons) => Err(Failure {
                reasons,
                outcome: Some(Box::new(outcome)),
            }),
        }
    }

    /// The smallest world found that fails for the same reason: without the hosts, steps, faults and settings that the
    /// failure can do without, and with less to send. Plays at most `plays` worlds. One that does not fail comes back as
    /// it is.
    pub fn minimised(&self, plays: usize) -> Self {
        match self.play() {
            Ok(_) => self.clone(),
            Err(failure) => minimise::minimise(self, &failure, plays),
        }
    }

    /// How many segments may be seen before something goes round in a circle.
    fn segments_max(&self) -> u64 {
        SEGMENTS_FIXED + self.drawn.connects() * SEGMENTS_PER_CONNECTION + self.drawn.bytes() * SEGMENTS_PER_KIB / 1024
    }
}

/// What any world may need, each connection adds (handshakes, probes, keep-alives), and the bytes add where buffers are
/// tiny and links bad. Generous: a loop makes millions.
const SEGMENTS_FIXED: u64 = 2_000;
const SEGMENTS_PER_CONNECTION: u64 = 2_000;
const SEGMENTS_PER_KIB: u64 = 8_000;

/// What a panic said.
fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}
