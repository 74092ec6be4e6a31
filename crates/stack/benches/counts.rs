//! What `ci/counts` runs under callgrind: one hot path, whose instructions are the same in every run.
//!
//! Without an argument it names the cases; with a case's name it plays it once to warm up, and once inside of `counted`.
#![allow(clippy::print_stdout, reason = "what it finds is its output")]

#[allow(dead_code, reason = "each benchmark takes what it needs")]
#[path = "rig"]
mod rig {
    pub(crate) mod case;
    pub(crate) mod crowd;
    pub(crate) mod packet;
    pub(crate) mod pair;
}

use std::process::ExitCode;

use rig::{case, crowd, packet, pair};

fn main() -> ExitCode {
    // Cargo says --bench to whatever it takes for a benchmark.
    let Some(wanted) = std::env::args().nth(1).filter(|word| word != "--bench") else {
        case::CASES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let Some((_, make)) = case::CASES.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("there is no case {wanted:?}");
        return ExitCode::from(2);
    };
    let mut case = make();
    case.prepare();
    case.run();
    case.prepare();
    counted(&mut *case);
    // Callgrind knows only the run as a whole.
    eprintln!("operations: {}", case.operations());
    ExitCode::SUCCESS
}

/// Where callgrind counts.
#[inline(never)]
fn counted(case: &mut dyn case::Case) {
    case.run();
}
