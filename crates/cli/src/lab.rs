//! `syndic lab`: TCP shown step by step, with the Linux kernel and in simulated worlds.
//!
//! Without a scenario it plays everything but floods: first the cases of `real`, where the machine allows them, then every
//! built-in world, and ends with a table of all and a capture. Floods are played by their names: each is a hundred thousand
//! packets.

use std::path::PathBuf;

use ::lab::{Flood, Transfer};
use anyhow::{Context as _, bail};
use lens::Ladder;

use crate::args::Color;
use crate::output::Output;
use capture::Capture;
pub(crate) use capture::Place;
use outcome::Outcome;
pub(crate) use packetdrill::Scripts;
use real::Played;
pub(crate) use simulate::Simulate;
use simulated::World;
pub(crate) use transfer::find as find_path;

mod capture;
mod flood;
mod outcome;
mod packetdrill;
mod real;
mod recorder;
mod report;
mod simulate;
mod simulated;
mod transfer;

/// What `syndic lab` is to do.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) play: Play,
    /// `None`: each world's own.
    pub(crate) seed: Option<u64>,
    pub(crate) capture: Option<Place>,
    /// Where the plot of a flood goes.
    pub(crate) svg: Option<PathBuf>,
    /// Where the plot of a transfer goes.
    pub(crate) cwnd: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) all_lines: bool,
    pub(crate) color: Color,
}

/// What is played.
#[derive(Debug)]
pub(crate) enum Play {
    /// Nothing: the names of what could be are listed.
    List,
    All,
    One(Scenario),
    /// Scripts in packetdrill's language, against a stack with these habits.
    Scripts(Scripts, ::lab::pkt::Profile),
    /// A transfer over a path, and how it was asked for.
    Transfer(Transfer, String),
}

/// One thing that can be played.
#[derive(Debug)]
pub(crate) enum Scenario {
    /// A case with the kernel.
    Real(String),
    Simulated(World),
    Flood(&'static Flood),
}

impl Scenario {
    /// What `name` names: a case with the kernel, a built-in world, a flood, or a file that describes one.
    ///
    /// Errors: there is none of that name, or the file cannot be read or makes no sense.
    pub(crate) fn find(name: &str) -> anyhow::Result<Self> {
        if real::cases().any(|(case, _)| case == name) {
            return Ok(Self::Real(name.to_owned()));
        }
        if let Some(world) = World::builtin(name) {
            return Ok(Self::Simulated(world));
        }
        if let Some(flood) = Flood::named(name) {
            return Ok(Self::Flood(flood));
        }
        if name.ends_with(".toml") || name.contains('/') {
            return World::read(name.as_ref()).map(Self::Simulated);
        }
        let floods = Flood::all().iter().map(|flood| flood.name);
        let known = real::cases().map(|(name, _)| name).chain(World::names()).chain(floods);
        let near = known
            .min_by_key(|known| distance(known, name))
            .filter(|near| distance(near, name) <= 3);
        match near {
            Some(near) => bail!("there is no scenario `{name}`: did you mean `{near}`? `syndic lab --list` names all"),
            None => bail!(
                "there is no scenario `{name}`: `syndic lab --list` names all; a world of your own is a file that ends in .toml"
            ),
        }
    }
}

impl Lab {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if matches!(self.play, Play::List) {
            return report::list(self.json);
        }
        if let Play::Scripts(scripts, profile) = &self.play {
            return scripts.play(*profile, self.ladder(&Output::stdout()), self.json);
        }
        if let Play::Transfer(path, name) = &self.play {
            return transfer::play(path, name, self.seed, self.cwnd.as_deref(), self.json);
        }
        // Opened before the namespace is entered, where it might not be allowed any more.
        let mut capture = self.capture.as_ref().map(Capture::open).transpose()?;
        let mut stage = Stage::new(&self);
        let mut skipped = None;
        match &self.play {
            Play::All => {
                if let Played::Forbidden(reason) = real::play(None, |outcome| stage.show(outcome, capture.as_mut()))? {
                    skipped = Some(format!("{reason:#}"));
                    stage.skip(&reason)?;
                }
                for world in World::all() {
                    stage.show(world.play(self.seed)?, capture.as_mut())?;
                }
            }
            Play::One(Scenario::Simulated(world)) => stage.show(world.play(self.seed)?, capture.as_mut())?,
            Play::One(Scenario::Flood(flood)) => {
                let outcome = flood::play(flood, self.seed);
                if let Some(path) = &self.svg {
                    flood::write_svg(path, &outcome)?;
                }
                stage.show(outcome, capture.as_mut())?;
            }
            Play::One(Scenario::Real(name)) => {
                if let Played::Forbidden(reason) =
                    real::play(Some(name), |outcome| stage.show(outcome, capture.as_mut()))?
                {
                    return Err(reason.context(format!("{name} needs a private network with a TUN device")));
                }
            }
            Play::List | Play::Scripts(..) | Play::Transfer(..) => {}
        }
        let written = capture.map(Capture::finish).transpose()?;
        stage.finish(written.flatten().as_deref(), skipped.as_deref())
    }

    /// How ladders are drawn on this output.
    fn ladder(&self, output: &Output) -> Ladder {
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => output.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Ladder {
            absolute: false,
            // One scenario alone was asked for to be looked at: nothing of it is left out.
            all: self.all_lines || !matches!(self.play, Play::All),
            color,
        }
    }
}

/// Where outcomes are shown as they come, and counted up at the end.
struct Stage {
    output: Output,
    ladder: Ladder,
    is_json: bool,
    outcomes: Vec<Outcome>,
}

impl Stage {
    fn new(lab: &Lab) -> Self {
        let output = match lab.capture {
            Some(Place::Stdout) => Output::stderr(),
            _ => Output::stdout(),
        };
        Self {
            ladder: lab.ladder(&output),
            output,
            is_json: lab.json,
            outcomes: Vec::new(),
        }
    }

    /// Shows one outcome and keeps it.
    fn show(&mut self, outcome: Outcome, capture: Option<&mut Capture>) -> anyhow::Result<()> {
        if let Some(capture) = capture {
            capture.write(&outcome)?;
        }
        if !self.is_json {
            self.output.line(report::Shown {
                outcome: &outcome,
                ladder: self.ladder,
            })?;
        }
        self.outcomes.push(outcome);
        Ok(())
    }

    fn skip(&mut self, reason: &anyhow::Error) -> anyhow::Result<()> {
        if self.is_json {
            return Ok(());
        }
        self.output.line(format_args!(
            "No connections with this machine's kernel: {reason:#}.\nSimulated worlds only.\n"
        ))
    }

    /// Errors: a case failed.
    fn finish(mut self, capture: Option<&str>, skipped: Option<&str>) -> anyhow::Result<()> {
        if self.is_json {
            self.output.line(report::json(&self.outcomes, capture, skipped)?)?;
        } else {
            self.output.line(report::summary(&self.outcomes, capture, skipped))?;
        }
        let failed: Vec<&str> = self
            .outcomes
            .iter()
            .filter(|outcome| !outcome.is_passed())
            .map(|outcome| &*outcome.name)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(anyhow::anyhow!("{}", failed.join(", "))).with_context(|| {
            format!(
                "{} of {} cases did not go as they should",
                failed.len(),
                self.outcomes.len()
            )
        })
    }
}

/// How many letters to change, put in or take out (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (name, a, b, expected) in [
            ("the same", "lost-syn", "lost-syn", 0),
            ("one changed", "lost-syn", "lost-fyn", 1),
            ("one missing", "lost-syn", "lst-syn", 1),
            ("one more", "lost-syn", "lost-synn", 1),
            ("nothing", "", "abc", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{name}");
        }
    }

    #[test]
    fn a_scenario_that_there_is_not_is_refused_with_what_there_is() {
        for (name, typed, says) in [
            ("a slip", "linux-to-su", "did you mean `linux-to-us`?"),
            ("nothing like it", "teapot", "`syndic lab --list` names all"),
            ("no such file", "/nonexistent.toml", "/nonexistent.toml"),
        ] {
            let wrong = format!("{:#}", Scenario::find(typed).expect_err(name));
            assert!(wrong.contains(says), "{name}: {wrong}");
        }
    }

    #[test]
    fn names_are_unique() {
        let floods = Flood::all().iter().map(|flood| flood.name);
        let worlds = World::names().chain(floods);
        let mut names: Vec<&str> = real::cases().map(|(name, _)| name).chain(worlds).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
