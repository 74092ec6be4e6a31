//! `cargo xtask`: what is measured beside peers, in networks that are made for it.
//!
//! `args` is what can be typed; each task has a module of its own. Whatever is wrong with what was typed, or missing for it,
//! ends with exit code 2, whatever fails afterwards with 1.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod flood;
mod paths;
mod peers;
mod rig;

use args::{Args, Child, Task};

fn main() -> ExitCode {
    let (outcome, name) = match Args::parse().task {
        Task::Flood(flood) => (flood::run(flood), "cargo xtask flood"),
        Task::Paths(paths) => (paths::run(&paths), "cargo xtask paths"),
        Task::Path(path) => (paths::child(&path), "cargo xtask paths: a run"),
        Task::Peers(peers) => (peers::run(peers), "cargo xtask peers"),
        Task::Child(child) => (inside(child), "cargo xtask: a child"),
    };
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    // When even stderr is gone, nobody is left to tell.
    let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
    match error.is::<rig::need::Missing>() {
        true => ExitCode::from(2),
        false => ExitCode::FAILURE,
    }
}

/// What a task starts of itself inside of its networks.
fn inside(child: Child) -> anyhow::Result<()> {
    match child {
        Child::Launch(launch) => rig::process::launch(launch),
        Child::Clients(_) | Child::Listen(_) => flood::child(child),
        _ => peers::child(child),
    }
}
