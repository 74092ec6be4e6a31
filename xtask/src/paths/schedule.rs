//! Runs beside each other: as many as the machine carries, each in a process of its own.

use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;

use super::args::{Direction, Paths};
use super::cell::Cell;
use super::run::Measured;

/// How often a run is done at most, while the relay is late.
const ATTEMPTS: usize = 3;

/// What one connection at full speed weighs; a slow one weighs 1.
const FAST: usize = 4;

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) cell: Cell,
    pub(super) direction: Direction,
    pub(super) seed: u64,
    pub(super) seconds: u64,
}

impl Job {
    const fn weight(&self) -> usize {
        if self.cell.is_fast() { FAST } else { 1 }
    }
}

/// What the machine still carries.
struct Room {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Room {
    fn take(&self, weight: usize) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .changed
            .wait_while(free, |free| *free < weight)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= weight;
    }

    fn give(&self, weight: usize) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += weight;
        self.changed.notify_all();
    }
}

/// Does all jobs, in their order as far as there is room. Gives what came of each.
///
/// Errors: the first run that failed.
pub(super) fn run(paths: &Paths, jobs: &[Job], bar: &ProgressBar) -> anyhow::Result<Vec<(Cell, Direction, Measured)>> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let at_once = paths.jobs.map_or(2 * processors, usize::from);
    let room = Room {
        free: Mutex::new(at_once * FAST),
        changed: Condvar::new(),
    };
    let failed = Mutex::new(None);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for job in jobs {
            room.take(job.weight());
            if failed.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                break;
            }
            let (room, failed, done) = (&room, &failed, &done);
            scope.spawn(move || {
                let outcome = punctual(paths, job, bar);
                match outcome {
                    Ok(measured) => {
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.push((job.cell, job.direction, measured));
                        bar.inc(job.seconds);
                    }
                    Err(error) => {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        let what = format!("{}, {}, seed {}", job.cell, job.direction.name(), job.seed);
                        failed.get_or_insert(error.context(what));
                    }
                }
                room.give(job.weight());
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// Repeats a run during which the relay was late; the least late one counts.
fn punctual(paths: &Paths, job: &Job, bar: &ProgressBar) -> anyhow::Result<Measured> {
    let mut best = once(paths, job)?;
    for _ in 1..ATTEMPTS {
        if !best.lateness.is_bad() {
            break;
        }
        bar.inc_length(job.seconds);
        let again = once(paths, job)?;
        bar.inc(job.seconds);
        if again.lateness.late * best.lateness.packets < best.lateness.late * again.lateness.packets {
            best = again;
        }
    }
    bar.set_message(format!(
        "{} {} {}: {:.1} Mbit/s",
        job.cell,
        job.direction.name(),
        job.seed,
        best.goodput()
    ));
    Ok(best)
}

fn once(paths: &Paths, job: &Job) -> anyhow::Result<Measured> {
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["path", "--parent", &std::process::id().to_string()])
        .args(["--cell", &job.cell.to_string(), "--direction", job.direction.name()])
        .args(["--seed", &job.seed.to_string(), "--seconds", &job.seconds.to_string()])
        .stdin(Stdio::null());
    if let Some(folder) = &paths.keep {
        command.arg("--keep").arg(folder);
    }
    let output = command.output().context("cannot start a process")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}", output.status, said.trim());
    }
    serde_json::from_slice(&output.stdout).context("what a run said")
}
