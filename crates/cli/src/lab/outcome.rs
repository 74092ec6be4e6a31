//! How one case went, and the table of all of them.

use std::time::Duration;

use lens::{Classifier, Segment, Trace};
use serde::Serialize;

/// How one case went.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) name: String,
    /// What it shows: one line.
    pub(super) what: String,
    /// The same in some sentences, and the standards it is about; may be empty.
    pub(super) about: String,
    /// What was expected and did not happen; empty when all is well.
    pub(super) failures: Vec<String>,
    pub(super) time: Time,
    pub(super) counts: Counts,
    /// The seed that gives the same packets again, in a simulated world.
    pub(super) seed: Option<u64>,
    pub(super) trace: Trace,
    /// What became of a flood, where the case is one; its trace is then one good client's connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flood: Option<Box<::lab::flood::Report>>,
}

/// How long a case took, and on which clock.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "clock", content = "nanoseconds", rename_all = "kebab-case")]
pub(super) enum Time {
    /// The wall's.
    Real(#[serde(serialize_with = "nanos")] Duration),
    /// A simulated world's.
    Virtual(#[serde(serialize_with = "nanos")] Duration),
}

/// What crossed the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Counts {
    /// TCP segments that a host sent.
    pub(super) segments: u64,
    /// Of those, what had been sent before.
    pub(super) retransmissions: u64,
}

impl Outcome {
    pub(super) fn new(name: &str, what: &str, time: Time, trace: Trace, failures: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            what: what.to_owned(),
            about: String::new(),
            failures,
            time,
            counts: Counts::of(&trace),
            seed: None,
            trace,
            flood: None,
        }
    }

    /// The packets for a capture: of a flood more than its ladder shows.
    pub(super) fn captured(&self) -> &Trace {
        self.flood.as_ref().map_or(&self.trace, |report| &report.capture)
    }

    pub(super) fn is_passed(&self) -> bool {
        self.failures.is_empty()
    }
}

impl Counts {
    /// Copies that the link made and segments that nobody sent are not counted.
    fn of(trace: &Trace) -> Self {
        let mut classifier = Classifier::new();
        let mut counts = Self::default();
        for record in &trace.records {
            let is_of_a_host = !record.injected && !matches!(record.fate, lens::Fate::Duplicate(_));
            if let Some(segment) = Segment::parse(&record.bytes).filter(|_| is_of_a_host) {
                counts.segments += 1;
                let repeats = classifier.step(&segment, record.cause).again && !segment.is_empty();
                counts.retransmissions += u64::from(repeats);
            }
        }
        counts
    }
}

fn nanos<S: serde::Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
