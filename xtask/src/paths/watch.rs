//! What can be seen of the connection from the path, alike for both kinds of sender: what is sent again, what is in
//! flight, what waits; and, where it is asked for, every packet.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;
use bytes::BytesMut;
use lab::glance::Glance;
use lab::link::{Fate, Loss};
use lens::plot::Curve;
use lens::{Capture, Host, HostKind, Plot, Record, Trace};
use serde::{Deserialize, Serialize};
use stack::{Duration, Instant};
use wire::seq::SeqNumber;

/// Between two values of a plot.
const STEP: Duration = Duration::from_millis(20);

/// Which direction of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the sender of data.
    There = 0,
    /// From its receiver.
    Back = 1,
}

impl Way {
    pub(super) const BOTH: [Self; 2] = [Self::There, Self::Back];
}

/// Counts of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Segments with data that came to the path.
    pub(crate) segments: u64,
    /// Of those, segments that carried nothing new.
    pub(crate) resent: u64,
    /// Segments with data that the path lost by chance.
    pub(crate) lost: u64,
    /// Segments with data that found the queue full.
    pub(crate) dropped: u64,
    /// Packets of the receiver.
    pub(crate) acks: u64,
}

/// Looks on.
pub(super) struct Watch {
    pub(super) seen: Seen,
    /// SND.NXT and SND.UNA, as far as they were seen here.
    nxt: Option<SeqNumber>,
    una: Option<SeqNumber>,
    /// In flight, acknowledged in the step, sent again in the step. Units: bytes, bytes, segments.
    steps: Vec<[u64; 3]>,
    /// Every packet, if they are kept.
    records: Option<Vec<Record>>,
}

impl Watch {
    pub(super) fn new(keeps_packets: bool) -> Self {
        Self {
            seen: Seen::default(),
            nxt: None,
            una: None,
            steps: Vec::new(),
            records: keeps_packets.then(Vec::new),
        }
    }

    pub(super) fn keeps_packets(&self) -> bool {
        self.records.is_some()
    }

    /// A packet came to the path and had that fate.
    pub(super) fn on_packet(
        &mut self,
        now: Instant,
        way: Way,
        glance: Option<&Glance>,
        fate: &Fate,
        bytes: Option<BytesMut>,
    ) {
        self.keep(now, way, fate, bytes);
        let Some(glance) = glance else { return };
        match way {
            Way::There => self.on_sent(now, glance, fate),
            Way::Back => self.on_ack(now, glance),
        }
        let in_flight = match (self.nxt, self.una) {
            (Some(nxt), Some(una)) if nxt.after(una) => nxt.since(una),
            _ => 0,
        };
        let step = self.step(now);
        step[0] = step[0].max(in_flight.into());
    }

    fn on_sent(&mut self, now: Instant, glance: &Glance, fate: &Fate) {
        let end = glance.end();
        let is_new = self.nxt.is_none_or(|nxt| end.after(nxt));
        if is_new {
            self.nxt = Some(end);
        }
        if glance.payload == 0 {
            return;
        }
        self.seen.segments += 1;
        self.seen.lost += u64::from(fate.lost == Some(Loss::Chance));
        self.seen.dropped += u64::from(fate.lost == Some(Loss::QueueFull));
        if !is_new {
            self.seen.resent += 1;
            self.step(now)[2] += 1;
        }
    }

    fn on_ack(&mut self, now: Instant, glance: &Glance) {
        self.seen.acks += 1;
        if !glance.header.flags.ack() {
            return;
        }
        let ack = glance.header.ack;
        let una = self.una.unwrap_or(ack);
        if ack.after(una) {
            self.step(now)[1] += u64::from(ack.since(una));
            self.una = Some(ack);
        } else {
            self.una = Some(una);
        }
    }

    fn step(&mut self, now: Instant) -> &mut [u64; 3] {
        let at = (now.as_nanos() / STEP.as_nanos()) as usize;
        if self.steps.len() <= at {
            self.steps.resize(at + 1, [0; 3]);
        }
        &mut self.steps[at]
    }

    fn keep(&mut self, now: Instant, way: Way, fate: &Fate, bytes: Option<BytesMut>) {
        let (Some(records), Some(bytes)) = (&mut self.records, bytes) else {
            return;
        };
        let (from, to) = (way as usize, 1 - way as usize);
        let mut record = Record::new(now, fate.arrives, from, to, bytes.to_vec());
        if let Some(loss) = fate.lost {
            record.fate = lens::Fate::Lost;
            record.notes.push(match loss {
                Loss::QueueFull => "the queue was full".to_owned(),
                _ => "by chance".to_owned(),
            });
        }
        if fate.is_late {
            record.notes.push("held back".to_owned());
        }
        records.push(record);
    }

    /// Writes what was kept: `NAME.pcapng` and `NAME.svg`.
    pub(super) fn write(self, folder: &Path, name: &str, kinds: [HostKind; 2]) -> anyhow::Result<()> {
        let plot = folder.join(format!("{name}.svg"));
        std::fs::write(&plot, self.plot(name).svg()).with_context(|| format!("cannot write {}", plot.display()))?;
        let path = folder.join(format!("{name}.pcapng"));
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let trace = Trace {
            title: name.to_owned(),
            hosts: vec![
                Host::new("sender", kinds[0], Vec::new()),
                Host::new("receiver", kinds[1], Vec::new()),
            ],
            records: self.records.unwrap_or_default(),
            marks: Vec::new(),
        };
        Capture::new(BufWriter::new(file), lens::capture::SIMULATED_EPOCH, true)?
            .trace(&trace)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn plot(&self, name: &str) -> Plot {
        let curve = |name: &str, column: usize| Curve {
            name: name.to_owned(),
            values: self.steps.iter().map(|step| step[column]).collect(),
        };
        Plot {
            title: name.to_owned(),
            step: STEP,
            shaded: None,
            curves: vec![
                curve("in flight, bytes", 0),
                curve("acked in 20 ms", 1),
                curve("sent again", 2),
            ],
            steps: Vec::new(),
        }
    }
}
