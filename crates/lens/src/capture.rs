//! A pcapng file of what was seen, with a comment on each packet that says what it is and what was decided.
//!
//! Packets are captured at their sender, so each one that was sent stands there once, a lost one too: Wireshark then
//! finds nothing to complain of in a clean run. A copy that the link made is captured where it arrives. Blocks are
//! written as they come, so that the file may be a pipe into Wireshark.

use std::collections::BTreeMap;
use std::io::{self, Write};

use stack::{Cause, Instant, State};

use crate::packet::{Pair, Segment, describe_other};
use crate::record::{Fate, Host, HostKind, Record, Trace};
use crate::step::Classifier;

mod block;

use block::Direction;

/// 2026-01-01T00:00:00Z, where simulated worlds begin: the same seed gives the same bytes. Units: nanoseconds of Unix
/// time.
pub const SIMULATED_EPOCH: u64 = 1_767_225_600 * SECOND;

const SECOND: u64 = 1_000_000_000;

/// Writes a capture.
#[derive(Debug)]
pub struct Capture<W> {
    out: W,
    /// What Unix time the origin of the present world is. Units: nanoseconds.
    epoch: u64,
    origin: Instant,
    /// The last timestamp written: time never runs backwards in a file. Units: nanoseconds of Unix time.
    last: u64,
    worlds: u32,
    /// Interfaces of the worlds before this one.
    first_interface: u32,
    hosts: Vec<Host>,
    classifier: Classifier,
    states: BTreeMap<(usize, Pair), State>,
}

impl<W: Write> Capture<W> {
    /// Begins a file. `epoch` is the wall time of the first world's origin; [`SIMULATED_EPOCH`] where there is none.
    /// Units: nanoseconds of Unix time.
    ///
    /// `is_real`: packets were seen on this machine, so the file names its operating system and architecture.
    pub fn new(mut out: W, epoch: u64, is_real: bool) -> io::Result<Self> {
        let (hardware, os) = if is_real {
            (std::env::consts::ARCH, std::env::consts::OS)
        } else {
            ("none", "a simulated world")
        };
        let application = concat!("Syndic ", env!("CARGO_PKG_VERSION"));
        out.write_all(&block::section_header(hardware, os, application))?;
        Ok(Self {
            out,
            epoch,
            origin: Instant::ZERO,
            last: epoch,
            worlds: 0,
            first_interface: 0,
            hosts: Vec::new(),
            classifier: Classifier::new(),
            states: BTreeMap::new(),
        })
    }

    /// Begins a world: one interface per host, which later records name by their index. `origin` is the instant that
    /// the epoch stands for; a second or a later world begins on the whole second after a pause of one.
    pub fn world(&mut self, title: &str, hosts: &[Host], origin: Instant) -> io::Result<()> {
        if self.worlds > 0 {
            self.epoch = (self.last / SECOND + 2) * SECOND;
        }
        self.worlds += 1;
        self.first_interface += self.hosts.len() as u32;
        self.origin = origin;
        self.hosts = hosts.to_vec();
        self.classifier = Classifier::new();
        self.states.clear();
        for host in hosts {
            let description = match host.kind {
                HostKind::Script => title.to_owned(),
                kind => format!("{title} ({kind})"),
            };
            self.out.write_all(&block::interface(&host.name, &description))?;
        }
        let names = hosts
            .iter()
            .flat_map(|host| host.addresses.iter().map(|address| (*address, host.name.as_str())));
        if names.clone().next().is_some() {
            self.out.write_all(&block::names(names))?;
        }
        self.out.flush()
    }

    /// Writes a packet of the present world, and flushes. Records come in the order of their sending; one that comes
    /// late is stamped with the time of the one before it.
    ///
    /// Errors: those of the writer; [`io::ErrorKind::InvalidInput`] for a host that the world does not have.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        self.write(record)?;
        self.out.flush()
    }

    /// Writes a world and all its packets. It begins with its first packet.
    pub fn trace(&mut self, trace: &Trace) -> io::Result<()> {
        let mut records: Vec<&Record> = trace.records.iter().collect();
        records.sort_by_key(|record| captured_at(record));
        let origin = records.first().map_or(Instant::ZERO, |record| captured_at(record));
        self.world(&trace.title, &trace.hosts, origin)?;
        for record in records {
            self.write(record)?;
        }
        self.out.flush()
    }

    /// Gives the writer back. There is nothing left to write.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let (host, direction) = match record.fate {
            Fate::Duplicate(_) => (record.to, Direction::Inbound),
            _ => (record.from, Direction::Outbound),
        };
        if host >= self.hosts.len() {
            let error = format!("no host {host} in this world");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        let at = self
            .epoch
            .saturating_add(captured_at(record).since(self.origin).as_nanos());
        self.last = self.last.max(at);
        let comment = self.comment(record);
        self.out.write_all(&block::packet(&block::Packet {
            interface: self.first_interface + host as u32,
            at: self.last,
            direction,
            comment: &comment,
            bytes: &record.bytes,
        }))
    }

    /// All that is known of a packet and not in it.
    fn comment(&mut self, record: &Record) -> String {
        let mut said: Vec<String> = Vec::new();
        let segment = Segment::parse(&record.bytes);
        match record.fate {
            Fate::Delivered => {}
            Fate::Lost => said.push("LOST on the link".to_owned()),
            Fate::Corrupted => said.push("CORRUPTED on the link after this point".to_owned()),
            Fate::Duplicate(_) => said.push("DUPLICATE that the link made".to_owned()),
            Fate::InFlight => said.push("still under way at the end".to_owned()),
        }
        if record.injected {
            said.push("FORGED: no host sent it".to_owned());
        }
        match &segment {
            Some(segment) => {
                let step = if record.injected {
                    self.classifier.step_of_forged(segment)
                } else {
                    self.classifier.step(segment, record.cause)
                };
                let again = if step.again { " (again)" } else { "" };
                said.push(format!("{}{again}", step.kind.describe()));
                if let Some(cause) = record.cause
                    && is_more_than_the_step(cause)
                {
                    said.push(cause.describe().to_owned());
                }
                self.say_states(record, segment, &mut said);
            }
            None => said.push(describe_other(&record.bytes).0),
        }
        if let Some(why) = record.dropped {
            let name = self.name(record.to);
            said.push(format!("{name} drops it ({why}): {}", why.describe()));
        }
        said.extend(record.notes.iter().cloned());
        said.join("; ")
    }

    /// States that this packet changes, or that are told for the first time.
    fn say_states(&mut self, record: &Record, segment: &Segment, said: &mut Vec<String>) {
        let pair = Pair::of(segment.src, segment.dst);
        let sender = (!record.injected).then_some(record.sender_state).flatten();
        for (host, state) in [(record.from, sender), (record.to, record.receiver_state)] {
            let Some(state) = state else { continue };
            let name = self.name(host).to_owned();
            match self.states.insert((host, pair), state) {
                None => said.push(format!("{name}: {state}")),
                Some(before) if before != state => said.push(format!("{name}: {before} → {state}")),
                Some(_) => {}
            }
        }
    }

    fn name(&self, host: usize) -> &str {
        self.hosts.get(host).map_or("?", |host| host.name.as_str())
    }
}

/// Whether a reason says what the name of the step does not.
fn is_more_than_the_step(cause: Cause) -> bool {
    use Cause::*;
    !matches!(
        cause,
        Syn | SynAck | HandshakeAck | Data | Fin | Ack | FinAck | WindowUpdate | WindowProbe | KeepAlive | ChallengeAck
    )
}

/// When a packet passes the place where it is captured.
fn captured_at(record: &Record) -> Instant {
    match (record.fate, record.arrived) {
        (Fate::Duplicate(_), Some(arrived)) => arrived,
        _ => record.sent,
    }
}

#[cfg(test)]
mod tests;
