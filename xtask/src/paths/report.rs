//! Goodput beside Linux: a table for people, one for `docs/paths.md`, and one document for programs.

use std::fmt::Write as _;

use lens::Table;
use serde::Serialize;

use super::args::Direction;
use super::cell::Cell;
use super::relay::Lateness;
use super::run::Measured;

/// All that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    seeds: u64,
    pub(super) rows: Vec<Row>,
    /// Of all ratios of the direction; `None` where there are none.
    pub(super) geometric_mean: Ratios,
    pub(super) geometric_mean_of_both: Option<f64>,
    /// The path with the lowest ratio, the direction, and that ratio.
    pub(super) worst: Option<(Cell, Direction, f64)>,
    /// Of all runs together.
    lateness: Lateness,
    lost_outside: u64,
}

/// One path.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) cell: Cell,
    linux_linux: Option<Goodput>,
    syndic_linux: Option<Goodput>,
    linux_syndic: Option<Goodput>,
    pub(super) ratios: Ratios,
}

/// Goodput as a share of Linux to Linux.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Ratios {
    /// Syndic sends.
    pub(super) sends: Option<f64>,
    /// Syndic receives.
    pub(super) receives: Option<f64>,
}

/// One direction of one path, over all seeds.
#[derive(Debug, Clone, Serialize)]
struct Goodput {
    /// Mean. Units: Mbit/s.
    mbit_s: f64,
    /// Of each seed. Units: Mbit/s.
    each: Vec<f64>,
    /// Segments sent again, of those sent. Units: per cent.
    resent_percent: f64,
    /// Runs during which the relay was late, after all repetitions.
    late_runs: usize,
}

impl Goodput {
    fn new(runs: &[Measured]) -> Option<Self> {
        let each: Vec<f64> = runs.iter().map(Measured::goodput).collect();
        let segments: u64 = runs.iter().map(|run| run.seen.segments).sum();
        let resent: u64 = runs.iter().map(|run| run.seen.resent).sum();
        (!each.is_empty()).then(|| Self {
            mbit_s: each.iter().sum::<f64>() / each.len() as f64,
            each,
            resent_percent: 100.0 * resent as f64 / segments.max(1) as f64,
            late_runs: runs.iter().filter(|run| run.lateness.is_bad()).count(),
        })
    }
}

const HEADERS: [&str; 12] = [
    "rtt",
    "queue",
    "trouble",
    ">linux Mbit/s",
    ">resent",
    ">syndic sends",
    ">resent",
    ">ratio",
    ">syndic receives",
    ">resent",
    ">ratio",
    ">late runs",
];

impl Report {
    pub(super) fn new(seeds: u64, runs: &[(Cell, Direction, Measured)]) -> Self {
        let rows: Vec<Row> = Cell::all()
            .into_iter()
            .filter_map(|cell| Row::new(cell, runs))
            .collect();
        let sends: Vec<f64> = rows.iter().filter_map(|row| row.ratios.sends).collect();
        let receives: Vec<f64> = rows.iter().filter_map(|row| row.ratios.receives).collect();
        let both: Vec<f64> = sends.iter().chain(&receives).copied().collect();
        let each = rows.iter().flat_map(|row| {
            let sends = row.ratios.sends.map(|ratio| (row.cell, Direction::SyndicLinux, ratio));
            let receives = row
                .ratios
                .receives
                .map(|ratio| (row.cell, Direction::LinuxSyndic, ratio));
            [sends, receives].into_iter().flatten()
        });
        let worst = each.min_by(|a, b| a.2.total_cmp(&b.2));
        let mut lateness = Lateness::default();
        for (_, _, run) in runs {
            lateness.packets += run.lateness.packets;
            lateness.late += run.lateness.late;
            lateness.worst_us = lateness.worst_us.max(run.lateness.worst_us);
        }
        Self {
            seeds,
            geometric_mean: Ratios {
                sends: geometric_mean(&sends),
                receives: geometric_mean(&receives),
            },
            geometric_mean_of_both: geometric_mean(&both),
            worst,
            lateness,
            lost_outside: runs.iter().map(|(_, _, run)| run.lost_outside).sum(),
            rows,
        }
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new(HEADERS);
        for row in &self.rows {
            table.row(row.cells());
        }
        format!("{table}\n\n{}", self.summary())
    }

    /// For `docs/paths.md`.
    pub(super) fn markdown(&self) -> String {
        let names = HEADERS.map(|header| header.trim_start_matches('>'));
        let rules = HEADERS.map(|header| if header.starts_with('>') { "--:" } else { "---" });
        let mut text = format!("| {} |\n|{}|\n", names.join(" | "), rules.join("|"));
        for row in &self.rows {
            // Writing to a string does not fail.
            let _ = writeln!(text, "| {} |", row.cells().join(" | "));
        }
        let _ = writeln!(text, "\n{}", self.summary());
        text
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        let show = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let _ = write!(
            text,
            "Geometric mean of all ratios: {} (Syndic sends {}, receives {}).",
            show(self.geometric_mean_of_both),
            show(self.geometric_mean.sends),
            show(self.geometric_mean.receives)
        );
        if let Some((cell, direction, ratio)) = &self.worst {
            let _ = write!(text, " Lowest: {ratio:.2}, {cell}, {}.", direction.name());
        }
        let late = 100.0 * self.lateness.late as f64 / self.lateness.packets.max(1) as f64;
        let _ = write!(
            text,
            "\nSeeds: {}. Of {} packets {late:.2} % left the emulator late by more than 1/20 of the round trip, the worst by {:.1} ms; {} were lost \
             outside of it.",
            self.seeds,
            self.lateness.packets,
            self.lateness.worst_us as f64 / 1e3,
            self.lost_outside
        );
        text
    }
}

impl Row {
    fn new(cell: Cell, runs: &[(Cell, Direction, Measured)]) -> Option<Self> {
        let of = |direction| {
            let runs = runs.iter().filter(|(of, way, _)| *of == cell && *way == direction);
            Goodput::new(&runs.map(|(_, _, run)| *run).collect::<Vec<_>>())
        };
        let [linux_linux, syndic_linux, linux_syndic] =
            [Direction::LinuxLinux, Direction::SyndicLinux, Direction::LinuxSyndic].map(of);
        let base = linux_linux
            .as_ref()
            .map(|linux| linux.mbit_s)
            .filter(|mbit_s| *mbit_s > 0.0);
        let ratio = |ours: &Option<Goodput>| Some(ours.as_ref()?.mbit_s / base?);
        let ratios = Ratios {
            sends: ratio(&syndic_linux),
            receives: ratio(&linux_syndic),
        };
        let is_there = linux_linux.is_some() || syndic_linux.is_some() || linux_syndic.is_some();
        is_there.then_some(Self {
            cell,
            linux_linux,
            syndic_linux,
            linux_syndic,
            ratios,
        })
    }

    fn cells(&self) -> [String; HEADERS.len()] {
        let mbit = |of: &Option<Goodput>| of.as_ref().map_or(String::new(), |of| format!("{:.2}", of.mbit_s));
        let resent = |of: &Option<Goodput>| {
            of.as_ref()
                .map_or(String::new(), |of| format!("{:.1} %", of.resent_percent))
        };
        let ratio = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let all = [&self.linux_linux, &self.syndic_linux, &self.linux_syndic];
        let late: usize = all.into_iter().flatten().map(|of| of.late_runs).sum();
        [
            format!("{} ms", self.cell.rtt.milliseconds()),
            self.cell.queue.describe().to_owned(),
            self.cell.trouble.describe().to_owned(),
            mbit(&self.linux_linux),
            resent(&self.linux_linux),
            mbit(&self.syndic_linux),
            resent(&self.syndic_linux),
            ratio(self.ratios.sends),
            mbit(&self.linux_syndic),
            resent(&self.linux_syndic),
            ratio(self.ratios.receives),
            late.to_string(),
        ]
    }
}

fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let sum: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    (!ratios.is_empty()).then(|| (sum / ratios.len() as f64).exp())
}

#[cfg(test)]
mod tests;
