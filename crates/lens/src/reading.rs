//! Records with what their bytes say: what every view begins with.

use crate::packet::{Pair, Segment, describe_other};
use crate::record::{Record, Trace};
use crate::step::{Classifier, Step};

/// A record with what its bytes say.
pub(crate) struct Item {
    /// Its index in the trace.
    pub(crate) record: usize,
    /// The connection that it belongs to or speaks of.
    pub(crate) pair: Option<Pair>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Tcp(Box<Tcp>),
    /// Anything else, in a few words.
    Other(String),
}

/// A segment with all that there is to say of it.
pub(crate) struct Tcp {
    pub(crate) segment: Segment,
    pub(crate) step: Step,
    /// Sequence and acknowledgment number, counted from the ISNs.
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The window in bytes, scaled where a scale was agreed on and seen.
    pub(crate) window: u32,
}

/// Reads every record, in the order of their sending.
pub(crate) fn read(trace: &Trace) -> Vec<Item> {
    let mut classifier = Classifier::new();
    let records = trace.records.iter().enumerate();
    records
        .map(|(index, record)| read_one(&mut classifier, index, record))
        .collect()
}

fn read_one(classifier: &mut Classifier, index: usize, record: &Record) -> Item {
    let Some(segment) = Segment::parse(&record.bytes) else {
        let (text, pair) = describe_other(&record.bytes);
        return Item {
            record: index,
            pair,
            content: Content::Other(text),
        };
    };
    let step = if record.injected {
        classifier.step_of_forged(&segment)
    } else {
        classifier.step(&segment, record.cause)
    };
    Item {
        record: index,
        pair: Some(Pair::of(segment.src, segment.dst)),
        content: Content::Tcp(Box::new(Tcp {
            segment,
            step,
            seq: classifier.relative(&segment, false, segment.header.seq),
            ack: classifier.relative(&segment, true, segment.header.ack),
            window: classifier.window(&segment),
        })),
    }
}
