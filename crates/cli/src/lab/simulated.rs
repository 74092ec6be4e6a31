//! The simulated part of `syndic lab`: worlds of the lab crate, built in or out of a file.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use ::lab::{Scenario, Verdict, scenarios};
use anyhow::Context as _;

use super::outcome::{Counts, Outcome, Time};

/// The seed when none is given: what a world shows by default is always the same.
pub(super) const SEED: u64 = 1;

/// A world that can be played.
#[derive(Debug)]
pub(crate) struct World {
    /// How it is asked for: a scenario's name, or a file's.
    name: String,
    /// What it shows: one line.
    title: String,
    toml: Cow<'static, str>,
}

impl World {
    /// Every built-in world, in the order in which they are told.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        scenarios().iter().map(Self::of)
    }

    /// The names of the built-in worlds.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        scenarios().iter().map(|scenario| scenario.name)
    }

    /// The built-in world of that name.
    pub(super) fn builtin(name: &str) -> Option<Self> {
        Scenario::named(name).map(Self::of)
    }

    /// The world that a file describes.
    ///
    /// Errors: it cannot be read, or is no world; says what is wrong where.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let world = ::lab::World::from_toml(&text, SEED).with_context(|| shown.to_string())?;
        Ok(Self {
            name: shown.to_string(),
            title: world.title().to_owned(),
            toml: text.into(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn what(&self) -> &str {
        &self.title
    }

    /// Plays it. The same seed gives the same packets.
    ///
    /// Errors: its text is wrong, which has been ruled out when it was read.
    pub(super) fn play(&self, seed: Option<u64>) -> anyhow::Result<Outcome> {
        let seed = seed.unwrap_or(SEED);
        let world = ::lab::World::from_toml(&self.toml, seed).with_context(|| self.name.clone())?;
        let about = match (world.shows(), world.spec()) {
            (shows, "") => shows.to_owned(),
            (shows, spec) => format!("{shows} ({spec})"),
        };
        let played = world.run();
        Ok(Outcome {
            name: self.name.clone(),
            what: self.title.clone(),
            about,
            failures: match played.verdict {
                Verdict::Pass => Vec::new(),
                Verdict::Fail(failures) => failures,
            },
            time: Time::Virtual(played.figures.duration.into()),
            counts: Counts {
                segments: played.figures.segments,
                retransmissions: played.figures.retransmissions,
            },
            seed: Some(seed),
            trace: played.trace,
            flood: None,
        })
    }

    fn of(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.to_owned(),
            title: scenario.title.to_owned(),
            toml: scenario.toml.into(),
        }
    }
}
