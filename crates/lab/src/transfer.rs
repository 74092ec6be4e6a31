//! One connection that sends over one bad path, in virtual time: how fast it was, and how its windows ran.
//!
//! ```text
//!   sender: a stack ── link "there" ──▶ receiver: a stack
//!            ◀── link "back" ──
//! ```
//! This is no [`World`](crate::World): a world keeps every packet and asks its oracles after each, and here there are
//! thousands. What goes wrong on the path strikes both directions alike. The same seed gives the same packets.

use std::fmt;
use std::str::FromStr;

use lens::plot::Curve;
use lens::{Plot, Table};
use stack::{ConnectionOptions, Duration};

use crate::link::{Impairment, ImpairmentError};
use crate::unit::{NotAFigure, Size};

mod course;
pub mod grid;
#[cfg(test)]
mod tests;

/// Between two samples.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(10);

/// How long a transfer may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What is sent when nothing else is said. Units: bytes.
const BYTES: u64 = 4 << 20;

/// A transfer that can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// What the path does, in each direction.
    pub path: Impairment,
    /// What is sent. Units: bytes.
    pub bytes: u64,
    /// What both ends start with.
    pub connection: ConnectionOptions,
}

impl Transfer {
    /// So many bytes over such a path, between two ends as they are by default.
    pub fn new(path: Impairment, bytes: u64) -> Self {
        Self {
            path,
            bytes,
            connection: ConnectionOptions::default(),
        }
    }

    /// Plays it. The same seed gives the same packets.
    pub fn play(&self, seed: u64) -> Report {
        course::Course::new(self, seed).play(seed)
    }
}

/// Reads `rate=100mbit,delay=10ms,loss=1%,bytes=4M`: what an [`Impairment`] reads, and how much is sent.
impl FromStr for Transfer {
    type Err = ImpairmentError;

    fn from_str(text: &str) -> Result<Self, ImpairmentError> {
        let mut bytes = BYTES;
        let mut rest = Vec::new();
        for piece in text.split(',') {
            match piece.split_once('=') {
                Some((key, size)) if key.trim() == "bytes" => {
                    let size: Result<Size, NotAFigure> = size.trim().parse();
                    bytes = size
                        .map_err(|source| ImpairmentError::Value {
                            key: "bytes".to_owned(),
                            source,
                        })?
                        .0;
                }
                _ => rest.push(piece),
            }
        }
        Ok(Self::new(rest.join(",").parse()?, bytes))
    }
}

/// What came of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// The seed that gives the same packets again.
    pub seed: u64,
    /// What the receiver had at the end. Units: bytes.
    pub bytes: u64,
    /// From OPEN to the last byte at the receiver, or to the end of patience. Units: microseconds.
    pub took_us: u64,
    /// Whether everything arrived, unchanged.
    pub is_whole: bool,
    /// Segments that the sender sent.
    pub segments: u64,
    /// Of those, what had been sent before.
    pub retransmissions: u64,
    /// Retransmission timeouts of the sender.
    pub timeouts: u64,
    /// Packets that the path lost by chance, in either direction.
    pub lost: u64,
    /// Packets that found a queue full.
    pub queue_full: u64,
    /// The sender, a hundred times a second.
    pub samples: Vec<Sample>,
}

/// The sender at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Sample {
    /// Congestion window. Units: bytes.
    pub cwnd: u32,
    /// SND.NXT - SND.UNA. Units: bytes.
    pub in_flight: u32,
    /// Smoothed round-trip time. Units: microseconds.
    pub srtt_us: u64,
    /// What waits before the link. Units: bytes.
    pub queue: u64,
    /// Segments sent again since the sample before.
    pub retransmissions: u64,
}

impl Report {
    /// Payload over the whole time, handshake included. Units: bits per second.
    pub fn goodput(&self) -> u64 {
        let bits = u128::from(self.bytes) * 8_000_000;
        u64::try_from(bits / u128::from(self.took_us.max(1))).unwrap_or(u64::MAX)
    }

    /// The samples, drawn.
    pub fn plot(&self, title: &str) -> Plot {
        let curve = |name: &str, value: fn(&Sample) -> u64| Curve {
            name: name.to_owned(),
            values: self.samples.iter().map(value).collect(),
        };
        Plot {
            title: title.to_owned(),
            step: SAMPLE_EVERY,
            shaded: None,
            curves: vec![
                curve("cwnd, bytes", |sample| sample.cwnd.into()),
                curve("in flight, bytes", |sample| sample.in_flight.into()),
                curve("queue, bytes", |sample| sample.queue),
                curve("srtt, us", |sample| sample.srtt_us),
                curve("sent again", |sample| sample.retransmissions),
            ],
            steps: Vec::new(),
        }
    }
}

/// The figures, one on a line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["what", ">how much"]);
        let goodput = self.goodput() / 10_000;
        table.row([
            "goodput, Mbit/s".to_owned(),
            format!("{}.{:02}", goodput / 100, goodput % 100),
        ]);
        table.row(["time, ms".to_owned(), (self.took_us / 1_000).to_string()]);
        for (what, n) in [
            ("bytes", self.bytes),
            ("segments of the sender", self.segments),
            ("sent again", self.retransmissions),
            ("timeouts", self.timeouts),
            ("lost by chance", self.lost),
            ("lost in a full queue", self.queue_full),
        ] {
            table.row([what.to_owned(), n.to_string()]);
        }
        write!(f, "{table}")
    }
}
