//! `syndic lab simulate`: many drawn worlds, played side by side; those that fail are made small and kept.

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::lab::Simulation;
use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lens::Ladder;
use lens::capture::SIMULATED_EPOCH;
use serde::Serialize;

use crate::output::Output;

/// Worlds that fail beyond these are counted, but not made small and kept: one defect fails many.
const KEPT_MAX: usize = 10;
/// Worlds that are played to make one smaller.
const MINIMISE_PLAYS: usize = 2_000;

/// What `syndic lab simulate` is to do.
#[derive(Debug)]
pub(crate) struct Simulate {
    pub(crate) first_seed: u64,
    /// `None`: as many as there is time for.
    pub(crate) seeds: Option<u64>,
    pub(crate) jobs: usize,
    /// No world begins after this.
    pub(crate) time: Option<Duration>,
    /// Where worlds that fail are kept.
    pub(crate) out: PathBuf,
    pub(crate) json: bool,
}

/// What many worlds came to.
#[derive(Debug, Default, Serialize)]
struct Tally {
    worlds: u64,
    first_seed: u64,
    failed: u64,
    segments: u64,
    bytes: u64,
    seconds: f64,
    failures: Vec<Kept>,
}

/// A world that failed, made small and written down.
#[derive(Debug, Serialize)]
struct Kept {
    seed: u64,
    reasons: Vec<String>,
    world: String,
    replay: String,
}

/// What the jobs share.
struct Shared<'a> {
    simulate: &'a Simulate,
    began: Instant,
    next: AtomicU64,
    tally: Mutex<Tally>,
    /// Seeds that failed, in the order in which they were found.
    failed: Mutex<Vec<u64>>,
    bar: ProgressBar,
}

impl Simulate {
    /// Errors: a world failed, or one that failed could not be written down.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        // A panic is a failure of its world and is told as such.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let tally = self.play();
        std::panic::set_hook(hook);
        let tally = tally?;
        let mut output = Output::stdout();
        if self.json {
            output.line(serde_json::to_string_pretty(&tally)?)?;
        } else {
            report(&mut output, &tally)?;
        }
        if tally.failed > 0 {
            bail!("{} of {} worlds failed", tally.failed, tally.worlds);
        }
        Ok(())
    }

    fn play(&self) -> anyhow::Result<Tally> {
        let shared = Shared {
            simulate: self,
            began: Instant::now(),
            next: AtomicU64::new(0),
            tally: Mutex::default(),
            failed: Mutex::default(),
            bar: bar(self.seeds),
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| shared.work());
            }
        });
        let mut failed = shared.failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut tally = shared.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.first_seed = self.first_seed;
        // The same seeds are kept whichever job was the faster one.
        failed.sort_unstable();
        for &seed in failed.iter().take(KEPT_MAX) {
            shared.bar.set_message(format!("making seed {seed} small"));
            tally.failures.push(keep(seed, &self.out)?);
        }
        tally.seconds = shared.began.elapsed().as_secs_f64();
        shared.bar.finish_and_clear();
        Ok(tally)
    }
}

impl Shared<'_> {
    /// One job: plays the next world until there is none, or no time.
    fn work(&self) {
        let is_over = || self.simulate.time.is_some_and(|time| self.began.elapsed() >= time);
        while !is_over() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if self.simulate.seeds.is_some_and(|seeds| number >= seeds) {
                return;
            }
            let seed = self.simulate.first_seed.wrapping_add(number);
            let played = Simulation::draw(seed).play();
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.worlds += 1;
            let figures = match &played {
                Ok(outcome) => Some(outcome.figures),
                Err(failure) => {
                    tally.failed += 1;
                    self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed);
                    failure.outcome.as_ref().map(|outcome| outcome.figures)
                }
            };
            if let Some(figures) = figures {
                tally.segments += figures.segments;
                tally.bytes += figures.bytes;
            }
            if tally.failed > 0 {
                self.bar.set_message(format!("{} failed", tally.failed));
            }
            drop(tally);
            self.bar.inc(1);
        }
    }
}

/// Makes a world small that fails and writes it down: the world, its ladder and its packets.
fn keep(seed: u64, out: &Path) -> anyhow::Result<Kept> {
    let smallest = Simulation::draw(seed).minimised(MINIMISE_PLAYS);
    let file = |extension| out.join(format!("syndic-seed-{seed}.{extension}"));
    let world = file("toml");
    write(&world, smallest.toml().as_bytes())?;
    let failure = smallest.play().err();
    let reasons = failure
        .as_ref()
        .map(|failure| failure.reasons.clone())
        .unwrap_or_default();
    if let Some(outcome) = failure.and_then(|failure| failure.outcome) {
        let ladder = Ladder {
            absolute: false,
            all: true,
            color: false,
        };
        let text = format!("{}\n{}\n", ladder.draw(&outcome.trace), outcome.verdict);
        write(&file("txt"), text.as_bytes())?;
        let mut capture = lens::Capture::new(Vec::new(), SIMULATED_EPOCH, false)?;
        capture.trace(&outcome.trace)?;
        write(&file("pcapng"), &capture.into_inner())?;
    }
    Ok(Kept {
        seed,
        reasons,
        replay: format!("syndic lab {} --seed {seed}", world.display()),
        world: world.display().to_string(),
    })
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn report(output: &mut Output, tally: &Tally) -> anyhow::Result<()> {
    for kept in &tally.failures {
        output.line(format_args!("seed {} fails:", kept.seed))?;
        for reason in &kept.reasons {
            output.line(format_args!("  {reason}"))?;
        }
        output.line(format_args!(
            "  made small in {}, with its ladder in .txt and its packets in .pcapng",
            kept.world
        ))?;
        output.line(format_args!("  small: {}", kept.replay))?;
        output.line(format_args!(
            "  whole: syndic lab simulate --seed {} --seeds 1",
            kept.seed
        ))?;
    }
    output.line(format_args!(
        "{} worlds from seed {} on, {} failed; {} segments, {} bytes read, {:.1} s",
        tally.worlds, tally.first_seed, tally.failed, tally.segments, tally.bytes, tally.seconds
    ))
}

/// A bar on a terminal, nothing elsewhere.
fn bar(seeds: Option<u64>) -> ProgressBar {
    let (bar, template) = match seeds {
        Some(seeds) => (
            ProgressBar::new(seeds),
            "{wide_bar} {pos}/{len} worlds {per_sec} {eta} {msg}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {pos} worlds {per_sec} {elapsed} {msg}",
        ),
    };
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
