//! Every way that things can go, tried: two real stacks, their users' calls, and a wire that loses, repeats, reorders and
//! delays, as often as [`Bounds`] let it.
//!
//! ```text
//!              Call         Deliver any, Lose, Repeat         Call
//!   user ──▶ stack ──▶ ═══[ a few segments in flight ]═══ ◀── stack ◀── user
//!              ▲                                                ▲
//!              └───────────────── Tick ─────────────────────────┘
//! ```
//!
//! From a beginning all [`Move`]s are tried on clones, depth first; where a fingerprint of both stacks, both users and the wire
//! was seen before, nothing new can follow. Nothing is abstracted: it is the code that runs in production, down to the bytes.
//! What must hold stands in [`Fault`]. A world of many hosts and one seed is [`World`](crate::World).

mod end;
mod moment;
mod plan;
mod watch;
mod wire;

use std::collections::BTreeSet;
use std::fmt;

use moment::Moment;
pub use moment::Move;
pub use plan::{Bounds, Call, Open, Plan};

/// No way may be longer than this: what goes on for ever never comes to rest.
const LONGEST: usize = 1_000;

/// What was found where nothing was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Explored {
    /// Different states of both ends and what lies between them.
    pub states: usize,
    /// Moves that were tried.
    pub moves: usize,
    /// Different states at rest: no segment, no call and no timer is left.
    pub ends: usize,
    /// Moves of the longest way.
    pub longest: usize,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A connection took a way that the table of states does not have.
    OffTheTable(String),
    /// Numbers that contradict each other, or a status that contradicts the facts.
    Inconsistent(String),
    /// Bytes were read that were not sent there.
    Bytes(String),
    /// A stream ended, or all came to rest, and bytes were missing.
    Lost(String),
    /// All came to rest, and a user still waits or a stack still holds something.
    Deadlock(String),
    /// Nobody broke off, and segments of the old connection have opened another.
    Ghost,
    /// It does not come to rest.
    Endless,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OffTheTable(what) => write!(f, "off the table of states: {what}"),
            Self::Inconsistent(what) => write!(f, "inconsistent: {what}"),
            Self::Bytes(what) => write!(f, "wrong bytes: {what}"),
            Self::Lost(what) => write!(f, "bytes lost: {what}"),
            Self::Deadlock(what) => write!(f, "deadlock: {what}"),
            Self::Ghost => f.write_str("segments of the connection have opened another"),
            Self::Endless => write!(f, "not at rest after {LONGEST} moves"),
        }
    }
}

/// A way to a fault.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// What is wrong.
    pub fault: Fault,
    /// The moves to it, as they read, with the states of both ends after each.
    pub way: Vec<String>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.way {
            writeln!(f, "  {step}")?;
        }
        write!(f, "{}", self.fault)
    }
}

/// A moment on the way that is being tried, and the moves from it that are still to be tried.
struct Fork {
    moment: Moment,
    moves: Vec<Move>,
    /// The move that led here, as it reads.
    by: String,
}

/// Tries every way of a plan.
///
/// Errors: the first way found that leads to a fault; not always the shortest.
pub fn explore(plan: &Plan, bounds: &Bounds) -> Result<Explored, Box<Counterexample>> {
    let mut found = Explored::default();
    let mut seen = BTreeSet::new();
    let start = Moment::new(plan, bounds);
    seen.insert(start.fingerprint());
    found.states = 1;
    let mut way = vec![Fork {
        moves: start.moves(),
        moment: start,
        by: "begin".to_owned(),
    }];
    while let Some(fork) = way.last_mut() {
        let Some(next) = fork.moves.pop() else {
            way.pop();
            continue;
        };
        let by = next.read(&fork.moment);
        let mut moment = fork.moment.clone();
        found.moves += 1;
        let looked = moment.take(&next);
        let moves = moment.moves();
        let is_end = moves.is_empty();
        let mut fault = looked.err();
        if fault.is_none() && is_end {
            fault = moment.look_at_rest(plan).err();
        }
        if fault.is_none() && way.len() >= LONGEST {
            fault = Some(Fault::Endless);
        }
        let is_new = seen.insert(moment.fingerprint());
        if let Some(fault) = fault {
            way.push(Fork { moment, moves, by });
            return Err(Box::new(Counterexample {
                fault,
                way: way
                    .iter()
                    .map(|fork| format!("{:<60} {}", fork.by, fork.moment))
                    .collect(),
            }));
        }
        if is_new {
            found.states += 1;
            found.ends += usize::from(is_end);
            found.longest = found.longest.max(way.len());
            way.push(Fork { moment, moves, by });
        }
    }
    Ok(found)
}
