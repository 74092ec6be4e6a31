//! The language of the cases: steps with `;` between them.
//!
//! ```text
//! open                      listen; < S 0 mss 1000; < . 1 ack 1; accept
//! warm                      open; send 10; < . 1 ack 11; < P. 1 ack 11 len 10; read; anew
//! crowd                     two connections wait and fill the accept queue; the SYN of peer 1 was answered before
//! large                     a segment of 1,460 bytes is in flight, from number 11 on
//! anew                      both ends' relative numbers begin anew
//! set nodelay | linger 0 | keepalive | user_timeout MS | rcvbuf BYTES | cookies
//! listen [BACKLOG]; accept; unlisten; connect; opened
//! send BYTES; urgent BYTES; read; drain; shutdown; close       drain: read, and do not tell how much
//! < FLAGS SEQ [ack N] [len N] [win N] [urg N] [byte C] [mss N] [ws N] [sackOK] [ts VAL] [opts HEX] [WRONG…]
//!   WRONG: tcp-sum | no-tcp-sum | ip-sum | reserved BITS | offset WORDS | cut BYTES | pad BYTES
//! icmp net | host | protocol | port | prohibited | too-big MTU | time-exceeded, then [seq N] [quote BYTES] [icmp-sum]
//! peer N                    from here on peer N speaks; what goes to others than the first has their number before it
//! fill                      the peer sends until the window is full; numbers begin anew there
//! wait MS; state
//! ```
//!
//! Numbers are relative: SEQ to the peer's ISN, `ack` to the host's. Flags are as tcpdump writes them, `-` for none. The
//! echo of a timestamp is always the host's last. A connection that is `warm` has measured a round trip and is in no doubt
//! about its peer: it has acknowledged text at once, and its retransmission timeout is not the initial one. `opts` are option
//! bytes as they stand, instead of all other options, filled up to a word with END. Over IPv6 the link takes 20 bytes more, as
//! an MTU of `too-big` does, so that segments are as long as over IPv4.

use std::fmt;
use std::time::Duration;

use wire::icmp::{ErrorKind, Unreachable};
use wire::tcp::Flags;

/// A case: its name, what is done, and over which version of IP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) script: &'static str,
    pub(crate) version: Version,
}

/// Of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    V4,
    V6,
}

impl Version {
    /// Bytes by which its header is longer than that of IPv4.
    pub(crate) const fn header_surplus(self) -> u16 {
        match self {
            Self::V4 => 0,
            Self::V6 => 20,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The user of the host under test does something.
    Call(Call),
    /// The peer sends a segment.
    Segment(Segment),
    /// A router, or the peer, answers the host's last packet.
    Icmp(Icmp),
    /// Another peer speaks from here on; the first is 1.
    Peer(usize),
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
    /// With this backlog.
    Listen(usize),
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

impl Call {
    /// Whether it is a call on a connection, which there must be.
    pub(crate) const fn needs_connection(self) -> bool {
        match self {
            Self::Set(_) | Self::Listen(_) | Self::Accept | Self::Unlisten | Self::Connect => false,
            Self::Opened
            | Self::Send(_)
            | Self::Urgent(_)
            | Self::Read
            | Self::Drain
            | Self::Shutdown
            | Self::Close => true,
        }
    }
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
    /// Every SYN is answered with a cookie, however much room there is.
    CookiesAlways,
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
    /// Option bytes, a multiple of 4, instead of those above.
    pub(crate) raw_options: Option<Vec<u8>>,
    /// What is wrong with it.
    pub(crate) wrong: Vec<Wrong>,
}

/// What may be wrong with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The TCP checksum.
    TcpChecksum,
    /// There is none: TCP does not know that, unlike UDP.
    NoTcpChecksum,
    /// That of the IPv4 header.
    IpChecksum,
    /// These of the four reserved bits are set.
    Reserved(u8),
    /// The data offset. Units: words of 4 bytes.
    Offset(u8),
    /// So many bytes of the datagram are missing, and IP knows of it.
    Cut(usize),
    /// So many bytes follow the datagram.
    Padding(usize),
}

/// An ICMP error that quotes the host's last packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Icmp {
    pub(crate) kind: ErrorKind,
    /// The quoted sequence number, where it is another than the packet's.
    pub(crate) seq: Option<i64>,
    /// How many bytes of the segment are quoted, where it is not all.
    pub(crate) quote: Option<usize>,
    /// Whether its checksum is right.
    pub(crate) is_intact: bool,
}

/// The peer opens a connection, which is accepted.
pub(crate) const OPEN: &str = "listen; < S 0 mss 1000; < . 1 ack 1; accept";

/// A backlog that no case fills.
const BACKLOG: usize = 128;

/// Steps that stand for others.
const SHORTHANDS: [(&str, &str); 4] = [
    ("open", OPEN),
    (
        "warm",
        "listen; < S 0 mss 1000; < . 1 ack 1; accept; send 10; < . 1 ack 11; < P. 1 ack 11 len 10; read; anew",
    ),
    (
        "crowd",
        "listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 3; < S 0 mss 1000; < . 1 ack 1; peer 1",
    ),
    (
        "large",
        "listen; < S 0 mss 1460; < . 1 ack 1; accept; send 10; < . 1 ack 11; send 1460",
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
        ["peer", n] => Step::Peer(n.parse().ok()?),
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
        ["listen"] => Call::Listen(BACKLOG),
        ["listen", backlog] => Call::Listen(backlog.parse().ok()?),
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
        ["cookies"] => Setting::CookiesAlways,
        ["rcvbuf", bytes] => Setting::ReceiveBuffer(bytes.parse().ok()?),
        _ => return None,
    })
}

fn icmp(words: &[&str]) -> Option<Icmp> {
    let (kind, rest) = match *words {
        ["net", ref rest @ ..] => (ErrorKind::Unreachable(Unreachable::Network), rest),
        ["host", ref rest @ ..] => (ErrorKind::Unreachable(Unreachable::Host), rest),
        ["protocol", ref rest @ ..] => (ErrorKind::Unreachable(Unreachable::Protocol), rest),
        ["port", ref rest @ ..] => (ErrorKind::Unreachable(Unreachable::Port), rest),
        ["prohibited", ref rest @ ..] => (ErrorKind::Unreachable(Unreachable::Prohibited), rest),
        ["too-big", mtu, ref rest @ ..] => (ErrorKind::TooBig(mtu.parse().ok()?), rest),
        ["time-exceeded", ref rest @ ..] => (ErrorKind::TimeExceeded, rest),
        _ => return None,
    };
    let mut icmp = Icmp {
        kind,
        seq: None,
        quote: None,
        is_intact: true,
    };
    let mut words = rest.iter();
    while let Some(&key) = words.next() {
        match key {
            "icmp-sum" => icmp.is_intact = false,
            "seq" => icmp.seq = Some(words.next()?.parse().ok()?),
            "quote" => icmp.quote = Some(words.next()?.parse().ok()?),
            _ => return None,
        }
    }
    Some(icmp)
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
        raw_options: None,
        wrong: Vec::new(),
    };
    let mut words = rest.iter();
    while let Some(&key) = words.next() {
        let mut value = || words.next().copied();
        match key {
            "sackOK" => segment.sack_ok = true,
            "tcp-sum" => segment.wrong.push(Wrong::TcpChecksum),
            "no-tcp-sum" => segment.wrong.push(Wrong::NoTcpChecksum),
            "ip-sum" => segment.wrong.push(Wrong::IpChecksum),
            "reserved" => segment.wrong.push(Wrong::Reserved(value()?.parse().ok()?)),
            "offset" => segment.wrong.push(Wrong::Offset(value()?.parse().ok()?)),
            "cut" => segment.wrong.push(Wrong::Cut(value()?.parse().ok()?)),
            "pad" => segment.wrong.push(Wrong::Padding(value()?.parse().ok()?)),
            "opts" => segment.raw_options = Some(hex(value()?)?),
            "ack" => segment.ack = value()?.parse().ok()?,
            "len" => segment.len = value()?.parse().ok()?,
            "win" => segment.window = value()?.parse().ok()?,
            "urg" => segment.urgent = value()?.parse().ok()?,
            "byte" => segment.byte = *value()?.as_bytes().first()?,
            "mss" => segment.mss = Some(value()?.parse().ok()?),
            "ws" => segment.scale = Some(value()?.parse().ok()?),
            "ts" => segment.ts = Some(value()?.parse().ok()?),
            _ => return None,
        }
    }
    Some(segment)
}

/// Bytes from their hexadecimal digits, filled up to a word with zeros.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let bytes = pairs
        .iter()
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    let mut bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Some(bytes)
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
