//! The language of the cases: steps with `;` between them.
//!
//! ```text
//! open                      listen; < S 0 mss 1000; < . 1 ack 1; accept
//! warm                      open; send 10; < . 1 ack 11; < P. 1 ack 11 len 10; read; anew
//! anew                      both ends' relative numbers begin anew
//! set nodelay | linger 0 | keepalive | user_timeout MS | rcvbuf BYTES
//! listen; accept; unlisten; connect; opened
//! send BYTES; urgent BYTES; read; drain; shutdown; close       drain: read, and do not tell how much
//! < FLAGS SEQ [ack N] [len N] [win N] [urg N] [byte C] [mss N] [ws N] [sackOK] [ts VAL]
//! icmp net | host | protocol | port | prohibited | too-big MTU | time-exceeded
//! fill                      the peer sends until the window is full; numbers begin anew there
//! wait MS; state
//! ```
//!
//! Numbers are relative: SEQ to the peer's ISN, `ack` to the host's. Flags are as tcpdump writes them, `-` for none. The
//! echo of a timestamp is always the host's last. A connection that is `warm` has measured a round trip and is in no doubt
//! about its peer: it has acknowledged text at once, and its retransmission timeout is not the initial one.

use std::time::Duration;

use wire::icmp::{ErrorKind, Unreachable};
use wire::tcp::Flags;

/// A case: its name, and what is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) script: &'static str,
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The user of the host under test does something.
    Call(Call),
    /// The peer sends a segment.
    Segment(Segment),
    /// A router, or the peer, answers the host's last packet.
    Icmp(ErrorKind),
    /// The peer fills the host's window.
    Fill,
    /// The next byte of either end is number 1 again.
    Anew,
    /// Time passes.
    Wait(Duration),
    /// Which state the connection is in is noted.
    State,
}

/// A call of the host's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Set(Setting),
    Listen,
    Accept,
    /// The listener is closed.
    Unlisten,
    Connect,
    /// Whether the connection is open by now, or why not.
    Opened,
    Send(usize),
    Urgent(usize),
    /// All that is there.
    Read,
    /// The same, but how much it was is not told: that depends on how large the window is.
    Drain,
    Shutdown,
    Close,
}

/// A setting: of the connection, or, before there is one, of whatever is opened next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    NoDelay,
    /// CLOSE resets.
    LingerZero,
    /// After 1 s of silence two probes, 1 s apart.
    KeepAlive,
    UserTimeout(Duration),
    ReceiveBuffer(usize),
}

/// What the peer sends, in relative numbers.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) flags: Flags,
    pub(crate) seq: i64,
    pub(crate) ack: i64,
    pub(crate) len: usize,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// What the payload consists of.
    pub(crate) byte: u8,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack_ok: bool,
    /// TSval.
    pub(crate) ts: Option<u32>,
}

/// The peer opens a connection, which is accepted.
pub(crate) const OPEN: &str = "listen; < S 0 mss 1000; < . 1 ack 1; accept";

/// Steps that stand for others.
const SHORTHANDS: [(&str, &str); 2] = [
    ("open", OPEN),
    (
        "warm",
        "listen; < S 0 mss 1000; < . 1 ack 1; accept; send 10; < . 1 ack 11; < P. 1 ack 11 len 10; read; anew",
    ),
];

impl Case {
    /// The steps, each with its text.
    ///
    /// # Panics
    /// When a line is none of the language.
    pub(crate) fn steps(&self) -> Vec<(&'static str, Step)> {
        let lines = self.script.split(';').map(str::trim);
        let lines = lines.flat_map(|line| {
            let long = SHORTHANDS.iter().find(|(short, _)| *short == line);
            long.map_or(line, |(_, long)| long).split(';').map(str::trim)
        });
        let steps = lines.map(|line| {
            let step = step(line).unwrap_or_else(|| panic!("{}: what is `{line}`?", self.name));
            (line, step)
        });
        steps.collect()
    }
}

fn step(line: &str) -> Option<Step> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Some(match *words.as_slice() {
        ["<", flags, seq, ref rest @ ..] => Step::Segment(segment(flags, seq, rest)?),
        ["icmp", ref what @ ..] => Step::Icmp(icmp(what)?),
        ["fill"] => Step::Fill,
        ["anew"] => Step::Anew,
        ["wait", ms] => Step::Wait(Duration::from_millis(ms.parse().ok()?)),
        ["state"] => Step::State,
        ref words => Step::Call(call(words)?),
    })
}

fn call(words: &[&str]) -> Option<Call> {
    Some(match *words {
        ["set", ref what @ ..] => Call::Set(setting(what)?),
        ["listen"] => Call::Listen,
        ["accept"] => Call::Accept,
        ["unlisten"] => Call::Unlisten,
        ["connect"] => Call::Connect,
        ["opened"] => Call::Opened,
        ["send", bytes] => Call::Send(bytes.parse().ok()?),
        ["urgent", bytes] => Call::Urgent(bytes.parse().ok()?),
        ["read"] => Call::Read,
        ["drain"] => Call::Drain,
        ["shutdown"] => Call::Shutdown,
        ["close"] => Call::Close,
        _ => return None,
    })
}

fn setting(words: &[&str]) -> Option<Setting> {
    Some(match *words {
        ["nodelay"] => Setting::NoDelay,
        ["linger", "0"] => Setting::LingerZero,
        ["keepalive"] => Setting::KeepAlive,
        ["user_timeout", ms] => Setting::UserTimeout(Duration::from_millis(ms.parse().ok()?)),
        ["rcvbuf", bytes] => Setting::ReceiveBuffer(bytes.parse().ok()?),
        _ => return None,
    })
}

fn icmp(words: &[&str]) -> Option<ErrorKind> {
    Some(match *words {
        ["net"] => ErrorKind::Unreachable(Unreachable::Network),
        ["host"] => ErrorKind::Unreachable(Unreachable::Host),
        ["protocol"] => ErrorKind::Unreachable(Unreachable::Protocol),
        ["port"] => ErrorKind::Unreachable(Unreachable::Port),
        ["prohibited"] => ErrorKind::Unreachable(Unreachable::Prohibited),
        ["too-big", mtu] => ErrorKind::TooBig(mtu.parse().ok()?),
        ["time-exceeded"] => ErrorKind::TimeExceeded,
        _ => return None,
    })
}

fn segment(flag_letters: &str, seq: &str, rest: &[&str]) -> Option<Segment> {
    let mut segment = Segment {
        flags: flags(flag_letters)?,
        seq: seq.parse().ok()?,
        ack: 0,
        len: 0,
        window: 65_535,
        urgent: 0,
        byte: b'x',
        mss: None,
        scale: None,
        sack_ok: false,
        ts: None,
    };
    let mut words = rest.iter();
    while let Some(&key) = words.next() {
        if key == "sackOK" {
            segment.sack_ok = true;
            continue;
        }
        let value = *words.next()?;
        match key {
            "ack" => segment.ack = value.parse().ok()?,
            "len" => segment.len = value.parse().ok()?,
            "win" => segment.window = value.parse().ok()?,
            "urg" => segment.urgent = value.parse().ok()?,
            "byte" => segment.byte = *value.as_bytes().first()?,
            "mss" => segment.mss = Some(value.parse().ok()?),
            "ws" => segment.scale = Some(value.parse().ok()?),
            "ts" => segment.ts = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(segment)
}

fn flags(letters: &str) -> Option<Flags> {
    letters.chars().try_fold(Flags::NONE, |all, letter| {
        Some(
            all | match letter {
                'F' => Flags::FIN,
                'S' => Flags::SYN,
                'R' => Flags::RST,
                'P' => Flags::PSH,
                '.' => Flags::ACK,
                'U' => Flags::URG,
                'E' => Flags::ECE,
                'W' => Flags::CWR,
                '-' => Flags::NONE,
                _ => return None,
            },
        )
    })
}
