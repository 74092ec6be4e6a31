//! A transfer over a bad path in virtual time: its figures, and how its windows ran.

use std::fs;
use std::path::Path;

use ::lab::Transfer;
use anyhow::{Context as _, ensure};

use super::simulated::SEED;
use crate::output::Output;

/// What a scenario that describes a path begins with.
const PREFIX: &str = "path:";

/// What `name` describes, if it is a path: `path:rate=100mbit,delay=10ms,loss=1%`.
///
/// Errors: what is wrong with its figures.
pub(crate) fn find(name: &str) -> Option<anyhow::Result<Transfer>> {
    let path = name.strip_prefix(PREFIX)?;
    Some(path.parse().with_context(|| format!("`{name}`")))
}

/// Plays it and shows it; `cwnd` is where the plot goes.
///
/// Errors: not everything arrived, or the plot cannot be written.
pub(super) fn play(
    transfer: &Transfer,
    name: &str,
    seed: Option<u64>,
    cwnd: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let report = transfer.play(seed.unwrap_or(SEED));
    let plot = report.plot(name);
    if let Some(path) = cwnd {
        fs::write(path, plot.svg()).with_context(|| format!("cannot write the plot {}", path.display()))?;
    }
    let mut output = Output::stdout();
    if json {
        output.line(serde_json::to_string_pretty(&report)?)?;
    } else {
        output.line(format_args!("── {name} ──\n{}\n{report}", plot.text()))?;
    }
    ensure!(
        report.is_whole,
        "only {} of {} bytes arrived in {} s",
        report.bytes,
        transfer.bytes,
        ::lab::transfer::PATIENCE.as_secs()
    );
    Ok(())
}
