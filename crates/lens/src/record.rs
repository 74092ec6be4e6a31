//! What was seen: hosts, the packets between them, and what happened beside the packets.
//!
//! A lab or a driver fills a [`Trace`]; the rest of this crate shows it.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};
use stack::{Cause, FourTuple, Instant, State, Why};

/// Everything that was seen of one run, in the order it happened.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trace {
    /// What the run shows: one line.
    pub title: String,
    /// The hosts; records and marks name them by their index here. The first stands on the left of a ladder.
    pub hosts: Vec<Host>,
    /// The packets, ordered by `sent`.
    pub records: Vec<Record>,
    /// What happened beside the packets: calls of users, faults, timers. Ordered by `at`.
    pub marks: Vec<Mark>,
}

/// One end of the packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its name: `client`, say.
    pub name: String,
    /// Whose TCP it runs.
    pub kind: HostKind,
    /// Its addresses; empty where the packets alone tell.
    pub addresses: Vec<IpAddr>,
}

/// Whose TCP a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKind {
    /// Ours: its states and reasons are known.
    Syndic,
    /// The Linux kernel's: its states are inferred from its packets.
    Linux,
    /// None: it only puts packets on the link.
    Script,
}

/// One packet on its way between two hosts, with what is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// When the sender gave it to the link. Units: nanoseconds since the trace's origin.
    #[serde(serialize_with = "nanos")]
    pub sent: Instant,
    /// When the receiver got it; `None` when it did not, or not yet.
    #[serde(serialize_with = "nanos_or_null")]
    pub arrived: Option<Instant>,
    /// The sender: an index into [`Trace::hosts`].
    pub from: usize,
    /// The receiver: an index into [`Trace::hosts`].
    pub to: usize,
    /// The IP packet as it was sent; checksums are complete.
    #[serde(serialize_with = "hex")]
    pub bytes: Vec<u8>,
    /// The state of its connection at the sender, after it was sent.
    #[serde(serialize_with = "display_or_null")]
    pub sender_state: Option<State>,
    /// The state of its connection at the receiver, after it arrived and was dealt with.
    #[serde(serialize_with = "display_or_null")]
    pub receiver_state: Option<State>,
    /// What became of it on the link.
    pub fate: Fate,
    /// No host sent it: the scenario put it on the link in the name of `from`.
    pub injected: bool,
    /// Why the sender sent it, where the sender is ours.
    #[serde(serialize_with = "debug_or_null")]
    pub cause: Option<Cause>,
    /// Why the receiver dropped it or a part of it, where the receiver is ours.
    #[serde(serialize_with = "display_or_null")]
    pub dropped: Option<Why>,
    /// Whatever else deserves a comment.
    pub notes: Vec<String>,
}

/// What became of a packet on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It arrived as it was sent.
    #[default]
    Delivered,
    /// The link lost it.
    Lost,
    /// It arrived with bits changed; the record holds it as it was sent.
    Corrupted,
    /// The link made it: a copy of the record with this index.
    Duplicate(usize),
    /// It was still under way when the trace ended.
    InFlight,
}

/// Something beside the packets, at one host: shown on a line of its own between them.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// When. Units: nanoseconds since the trace's origin.
    #[serde(serialize_with = "nanos")]
    pub at: Instant,
    /// Where: an index into [`Trace::hosts`].
    pub host: usize,
    /// The connection that it is about, as its host names it; `None` where that cannot be told, or it is about none.
    #[serde(serialize_with = "display_or_null")]
    pub connection: Option<FourTuple>,
    /// What: `CLOSE`, say, or `2MSL are over`.
    pub text: String,
    /// The state of the connection there afterwards, where it changed without a packet.
    #[serde(serialize_with = "display_or_null")]
    pub state: Option<State>,
}

impl Record {
    /// A packet that arrives `arrived`, and of which nothing else is known yet.
    pub fn new(sent: Instant, arrived: Option<Instant>, from: usize, to: usize, bytes: Vec<u8>) -> Self {
        Self {
            sent,
            arrived,
            from,
            to,
            bytes,
            sender_state: None,
            receiver_state: None,
            fate: Fate::default(),
            injected: false,
            cause: None,
            dropped: None,
            notes: Vec::new(),
        }
    }
}

impl Host {
    /// A host of our own.
    pub fn new(name: impl Into<String>, kind: HostKind, addresses: Vec<IpAddr>) -> Self {
        Self {
            name: name.into(),
            kind,
            addresses,
        }
    }
}

impl fmt::Display for HostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Syndic => "Syndic",
            Self::Linux => "Linux",
            Self::Script => "script",
        })
    }
}

fn nanos<S: Serializer>(at: &Instant, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u64(at.as_nanos())
}

fn nanos_or_null<S: Serializer>(at: &Option<Instant>, s: S) -> Result<S::Ok, S::Error> {
    at.map(Instant::as_nanos).serialize(s)
}

fn display_or_null<S: Serializer>(value: &Option<impl fmt::Display>, s: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(s)
}

fn debug_or_null<S: Serializer>(value: &Option<impl fmt::Debug>, s: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(|value| format!("{value:?}")).serialize(s)
}

fn hex<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
    use fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    s.serialize_str(&text)
}
