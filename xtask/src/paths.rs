//! `cargo xtask paths`: goodput on bad paths, beside Linux on the very same.
//!
//! Each run is a process (`run`) with a path of its own: two ends (`kernel`, `ours`), and a `relay` with the lab's link
//! emulator between them, in real time. `schedule` keeps as many going as the machine carries, `report` and `heat` show what
//! came of them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

pub(crate) mod args;
pub(crate) mod cell;
mod end;
mod heat;
mod kernel;
mod ours;
mod race;
mod relay;
mod report;
pub(crate) mod run;
mod schedule;
mod watch;

use args::Paths;
use cell::Cell;
use report::Report;
pub(crate) use run::run as child;
use schedule::Job;

use crate::rig::need::{Missing, has};

/// Between these `--write` puts the table.
const MARKS: [&str; 2] = ["<!-- paths -->\n", "<!-- end -->"];

/// Errors: what is missing, and whatever failed.
pub(crate) fn run(paths: &Paths) -> anyhow::Result<()> {
    let cells: Vec<Cell> = Cell::all().into_iter().filter(|cell| is_meant(paths, *cell)).collect();
    look(&cells)?;
    if let Some(folder) = &paths.keep {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let seeds = paths.seeds.unwrap_or(if paths.quick { 2 } else { 5 });
    let jobs = jobs(paths, &cells, seeds);
    let bar = bar(jobs.iter().map(|job| job.seconds).sum());
    let runs = schedule::run(paths, &jobs, &bar)?;
    bar.finish_and_clear();
    let report = Report::new(seeds, &runs);
    if let Some(folder) = &paths.write {
        write(folder, &report)?;
    }
    let text = if paths.json {
        serde_json::to_string_pretty(&report)?
    } else {
        report.table()
    };
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}

/// Errors: [`Missing`].
fn look(cells: &[Cell]) -> Result<(), Missing> {
    let mut missing = Vec::new();
    if cells.is_empty() {
        missing.push("--cell: no path has that in its name; they are named like 20ms-0.1%-bdp".to_owned());
    }
    if let Err(error) = link::tun::check_device() {
        missing.push(error.to_string());
    }
    if !has("ip") {
        missing.push("the command `ip`: install the package iproute2".to_owned());
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Missing(missing))
    }
}

fn is_meant(paths: &Paths, cell: Cell) -> bool {
    let name = cell.to_string();
    paths.cell.is_empty() || paths.cell.iter().any(|part| name.contains(part))
}

/// All directions of one path with one seed stand beside each other, so that what else the machine does meets them alike.
fn jobs(paths: &Paths, cells: &[Cell], seeds: u64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for &cell in cells {
        for seed in 1..=seeds {
            for &direction in &paths.directions {
                jobs.push(Job {
                    cell,
                    direction,
                    seed,
                    seconds: cell.seconds(paths.quick),
                });
            }
        }
    }
    jobs
}

fn write(folder: &Path, report: &Report) -> anyhow::Result<()> {
    let page = folder.join("paths.md");
    let text = fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let text = between_marks(&text, &report.markdown()).with_context(|| page.display().to_string())?;
    fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()))?;
    let map = folder.join("paths.svg");
    fs::write(&map, heat::draw(report)).with_context(|| format!("cannot write {}", map.display()))
}

/// The text with something else between the marks.
fn between_marks(text: &str, table: &str) -> anyhow::Result<String> {
    let [begin, end] = MARKS;
    let (before, rest) = text.split_once(begin).context("no mark where the table begins")?;
    let (_, after) = rest.split_once(end).context("no mark where the table ends")?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

/// Seen on a terminal alone. Its unit is a second of a run.
fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template("{spinner} {percent} % {elapsed} of about {duration} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_goes_between_its_marks() {
        let page = "# Title\n<!-- paths -->\nold\n<!-- end -->\nrest\n";
        let new = between_marks(page, "new\n").unwrap();
        assert_eq!(new, "# Title\n<!-- paths -->\nnew\n<!-- end -->\nrest\n");
        assert!(between_marks("nothing", "new").is_err());
    }
}
