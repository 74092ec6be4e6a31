//! A script as it was read: options, then events in the order of time. Nothing here knows a stack.

use wire::tcp::Flags;

use super::option::TcpOption;
use super::value::Value;

/// A whole script.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// How it is named in verdicts: its file.
    pub name: String,
    /// Lines like `--mtu=1500`.
    pub options: Vec<Setting>,
    /// Commands before the first event, which have no time.
    pub init: Vec<(u32, String)>,
    /// Everything that happens.
    pub events: Vec<Event>,
    /// The text, by lines, so that a verdict can show the line that it is about.
    pub lines: Vec<String>,
}

/// One option line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where it stands.
    pub line: u32,
    /// Without the dashes.
    pub name: String,
    /// What follows `=`; empty where nothing does.
    pub value: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Where its time stands. Units: lines, from 1.
    pub line: u32,
    /// When.
    pub time: Time,
    /// For a call that blocks: when it must return, on the same clock as `time`. Units: microseconds.
    pub until: Option<u64>,
    /// What.
    pub action: Action,
}

/// When an event happens. Units: microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// `1.5`: since the script began.
    Absolute(u64),
    /// `+.1`: since the event before it was reached.
    Relative(u64),
    /// `*`: any time.
    Any,
    /// `1~2`: between two times since the script began.
    AbsoluteRange(u64, u64),
    /// `+1~+2`: between two times since the event before it was reached.
    RelativeRange(u64, u64),
}

/// What an event is.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `<`: this packet arrives.
    Inject(Packet),
    /// `>`: the stack sends this packet.
    Expect(Packet),
    /// A system call, with the result that it must have.
    Call(Call),
    /// A line for the shell.
    Command(String),
    /// Assertions on what TCP_INFO says.
    Code(String),
}

/// A packet, as far as it is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// `[ect0]` and its like, as the two bits; `None`: not looked at.
    pub ecn: Option<u8>,
    /// `[ttl 64]`.
    pub ttl: Option<u8>,
    /// `40001 > 8080`: source and destination port.
    pub ports: Option<(u16, u16)>,
    /// `[fill 0x61]`: what every payload byte is, for packets that arrive.
    pub fill: u8,
    /// What it carries.
    pub body: Body,
}

/// What a packet carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// TCP.
    Tcp(Segment),
    /// ICMP, in either version.
    Icmp(Icmp),
    /// What the language has and this runner has not, by its name.
    Other(String),
}

/// A TCP segment; sequence numbers count from the ISNs.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Control bits.
    pub flags: Flags,
    /// First sequence number.
    pub start: u32,
    /// Payload bytes.
    pub payload: u32,
    /// Acknowledgment number, where written.
    pub ack: Option<u32>,
    /// Window field, where written.
    pub window: Option<u16>,
    /// Urgent pointer, where written.
    pub urgent: Option<u16>,
    /// Options; `None` is `<...>`: any.
    pub options: Option<Vec<TcpOption>>,
}

/// An ICMP message.
#[derive(Debug, Clone, PartialEq)]
pub struct Icmp {
    /// `unreachable`.
    pub kind: String,
    /// `frag_needed`; empty where none is written.
    pub code: String,
    /// `mtu 1200`.
    pub mtu: Option<u32>,
    /// The sequence numbers of the segment that it quotes: start and payload bytes.
    pub quoted: Option<(u32, u32)>,
}

/// A system call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// What it is given.
    pub arguments: Vec<Value>,
    /// What it must return.
    pub result: Value,
    /// The name of the error that it must return.
    pub errno: Option<String>,
}
