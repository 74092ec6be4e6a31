//! What a run came to: the verdict, the figures of a summary, and everything that was seen.

use std::fmt;

use lens::Trace;
use serde::{Serialize, Serializer};
use stack::Duration;

use super::reached::Reached;

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What the world shows: one line.
    pub title: String,
    /// The seed that gives the same run again.
    pub seed: u64,
    /// Whether all went as expected.
    pub verdict: Verdict,
    /// Figures for a summary.
    pub figures: Figures,
    /// Everything that was seen.
    pub trace: Trace,
    /// What the hosts came by.
    #[serde(skip)]
    pub reached: Reached,
}

/// Whether all went as the script expects and the oracles demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It did.
    Pass,
    /// It did not, for these reasons.
    Fail(Vec<String>),
}

/// Figures of a run, over all its hosts and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Figures {
    /// Virtual time from the beginning to rest. Units in JSON: nanoseconds.
    #[serde(serialize_with = "nanos")]
    pub duration: Duration,
    /// TCP segments put on the links, injected ones and copies included.
    pub segments: u64,
    /// Segments that the hosts sent again.
    pub retransmissions: u64,
    /// Packets that the links lost.
    pub lost: u64,
    /// Packets, or what they carried, that the hosts dropped, each for a reason.
    pub dropped: u64,
    /// Bytes that users read.
    pub bytes: u64,
    /// Expectations and waits that came true.
    pub checks: u64,
}

impl Verdict {
    /// Whether all went as expected.
    pub const fn is_pass(&self) -> bool {
        matches!(self, Self::Pass)
    }
}

/// `pass`, or `FAIL` and the reasons, a line each.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail(reasons) => {
                f.write_str("FAIL")?;
                reasons.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
            }
        }
    }
}

fn nanos<S: Serializer>(span: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u64(span.as_nanos())
}
