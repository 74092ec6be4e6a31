//! The floods of `syndic lab`: played in virtual time, told as figures, a plot and one good client's ladder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ::lab::Flood;
use anyhow::Context as _;

use super::outcome::{Counts, Outcome, Time};
use super::simulated::SEED;

/// Plays a flood. The same seed gives the same packets.
pub(super) fn play(flood: &Flood, seed: Option<u64>) -> Outcome {
    let seed = seed.unwrap_or(SEED);
    let mut report = flood.play(seed);
    Outcome {
        name: flood.name.to_owned(),
        what: flood.title.to_owned(),
        about: format!("{} (RFC 4987)", flood.shows),
        failures: report.failures.clone(),
        time: Time::Virtual(Duration::from(::lab::flood::ENDS)),
        counts: Counts {
            segments: report.segments,
            retransmissions: report.retransmissions,
        },
        seed: Some(seed),
        trace: std::mem::take(&mut report.ladder),
        flood: Some(Box::new(report)),
    }
}

/// Writes the plot of a flood as SVG.
///
/// Errors: the file cannot be written.
pub(super) fn write_svg(path: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let Some(report) = &outcome.flood else { return Ok(()) };
    let written = fs::write(path, report.plot().svg());
    written.with_context(|| format!("cannot write the plot {}", path.display()))
}
