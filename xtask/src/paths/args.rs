//! What can be typed after `cargo xtask paths`.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::cell::Cell;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each run is one connection in two network namespaces of its own, without root. A
relay holds both ends of the path and moves packets between them through the lab's
link emulator, in real time: 100 Mbit/s, MTU 1500, no offload, the same path with
the same seed for all three directions:
  linux-linux    this kernel to itself, CUBIC
  syndic-linux   Syndic sends
  linux-syndic   Syndic receives
What counts is the payload that the receiver had within a fixed time after the
connection was open. A cell is named RTT-TROUBLE-QUEUE, as in 20ms-0.1%-bdp or
100ms-reorder-quarter: the queue before the link holds one bandwidth-delay product,
or a quarter of one.

A run during which the relay was late with more than 1 % of the packets by more than
1/20 of the round trip is repeated, twice at the most, and counted as late if it stays
so.

Needs /dev/net/tun, user namespaces and `ip`. The whole table takes 6 to 10 minutes.

Examples:
  cargo xtask paths
  cargo xtask paths --quick
  cargo xtask paths --cell 100ms-1% --seeds 2
  cargo xtask paths --cell 20ms-none-bdp --seeds 1 --directions syndic-linux --keep /tmp/why
  cargo xtask paths --write docs

Exit codes: 0 done, 1 failed, 2 wrong usage or something is missing.")]
pub(crate) struct Paths {
    /// Two seeds and shorter runs, for a first look.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only cells whose name contains this. May be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) cell: Vec<String>,
    /// Runs of each cell. [default: 5, with --quick 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) seeds: Option<u64>,
    /// Who sends to whom. Ratios need linux-linux.
    #[arg(
        long,
        value_name = "NAMES",
        value_enum,
        value_delimiter = ',',
        default_value = "linux-linux,syndic-linux,linux-syndic"
    )]
    pub(crate) directions: Vec<Direction>,
    /// How many connections at full speed may run at once; slow ones count a quarter. [default: two per processor]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: Option<u16>,
    /// Keeps a capture and a plot of each run in this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Writes the table into DIR/paths.md, between its marks, and the heat map to DIR/paths.svg.
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,
    /// Prints one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One run, in a process of its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Path {
    /// Without this process the run makes no sense.
    #[arg(long)]
    pub(crate) parent: i32,
    #[arg(long)]
    pub(crate) cell: Cell,
    #[arg(long, value_enum)]
    pub(crate) direction: Direction,
    #[arg(long)]
    pub(crate) seed: u64,
    #[arg(long)]
    pub(crate) seconds: u64,
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}

/// Who sends to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    LinuxLinux,
    SyndicLinux,
    LinuxSyndic,
}

impl Direction {
    /// As it is typed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LinuxLinux => "linux-linux",
            Self::SyndicLinux => "syndic-linux",
            Self::LinuxSyndic => "linux-syndic",
        }
    }
}
