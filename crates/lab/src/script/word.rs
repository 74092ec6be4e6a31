//! The words that a script may use where a figure would not do: states, reasons, calls, sequence numbers.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use stack::{Cause, CongestionControl, Duration, Ended, State, Why};

use crate::link::Action;
use crate::unit::{Size, Time};

/// Text that is no word of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {hint}")]
pub(crate) struct UnknownWord {
    text: String,
    what: &'static str,
    hint: String,
}

impl UnknownWord {
    fn new(text: &str, what: &'static str, hint: impl Into<String>) -> Self {
        Self {
            text: text.to_owned(),
            what,
            hint: hint.into(),
        }
    }
}

/// When a step is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after the world's beginning.
    At(Duration),
    /// When nothing is under way and no timer runs: `at = "rest"`.
    Rest,
}

impl FromStr for Moment {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if text == "rest" {
            return Ok(Self::Rest);
        }
        text.parse::<Time>().map(|time| Self::At(time.0)).map_err(|_| {
            UnknownWord::new(
                text,
                "moment",
                "write a time since the beginning, like \"1.5s\", or \"rest\"",
            )
        })
    }
}

/// What a fault does: `drop`, `duplicate`, `corrupt`, `delay 200ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FaultText(pub(crate) Action);

impl FromStr for FaultText {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let delay = |by: &str| by.parse::<Time>().ok().map(|by| Action::Delay(by.0));
        let action = match text {
            "drop" => Some(Action::Drop),
            "duplicate" => Some(Action::Duplicate),
            "corrupt" => Some(Action::Corrupt),
            _ => text.strip_prefix("delay ").and_then(delay),
        };
        let hint = "write \"drop\", \"duplicate\", \"corrupt\" or \"delay 200ms\"";
        action.map(Self).ok_or_else(|| UnknownWord::new(text, "fault", hint))
    }
}

/// A congestion control: `reno`, `cubic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CongestionName(pub(crate) CongestionControl);

impl FromStr for CongestionName {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let unknown = |_| UnknownWord::new(text, "congestion control", "write \"reno\" or \"cubic\"");
        text.parse().map(Self).map_err(unknown)
    }
}

/// How a user reads what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reading {
    /// At once and all of it.
    #[default]
    Everything,
    /// Not at all.
    Nothing,
    /// So many bytes per second. Bounds: at least 100.
    Rate(u64),
}

impl FromStr for Reading {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let rate = |text: &str| text.strip_suffix("/s")?.parse::<Size>().ok();
        match text {
            "everything" => Ok(Self::Everything),
            "nothing" => Ok(Self::Nothing),
            _ => match rate(text) {
                Some(Size(rate)) if rate >= 100 => Ok(Self::Rate(rate)),
                _ => {
                    let hint =
                        "write \"everything\", \"nothing\" or a rate in bytes, at least \"100/s\", like \"64k/s\"";
                    Err(UnknownWord::new(text, "way to read", hint))
                }
            },
        }
    }
}

/// A call without arguments, or what befalls a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Call {
    /// Takes one connection out of the accept queue.
    Accept,
    /// CLOSE of the sending side.
    Shutdown,
    /// CLOSE both ways.
    Close,
    /// ABORT.
    Abort,
    /// Stops listening.
    CloseListener,
    /// Every user of the host sends no more, and reads all that comes from now on.
    FinishAll,
    /// Every user of the host closes.
    CloseAll,
    /// The host is cut off: nothing leaves it and nothing reaches it.
    Vanish,
    /// The host is back.
    Return,
    /// The host loses all that it knew and begins anew: no listener, no connection, other secrets.
    Reboot,
    /// The links of the host lose, change and hold back nothing any more.
    Calm,
}

/// A state as the RFC writes it: `TIME-WAIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateName(pub(crate) State);

impl FromStr for StateName {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = State::ALL.into_iter().find(|state| state.name() == text);
        found.map(Self).ok_or_else(|| {
            let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
            UnknownWord::new(text, "state", format!("write one of {}", names.join(", ")))
        })
    }
}

/// A reason for a drop, as its counter is named: `ResetInexact`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WhyName(pub(crate) Why);

impl FromStr for WhyName {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Why::ALL.iter().find(|why| why.to_string() == text);
        found.map(|&why| Self(why)).ok_or_else(|| {
            let names: Vec<String> = Why::ALL.iter().map(Why::to_string).collect();
            UnknownWord::new(text, "reason for a drop", format!("write one of {}", names.join(", ")))
        })
    }
}

/// Why a segment was sent, as [`Cause`] names it: `SynAckRetransmit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CauseName(pub(crate) Cause);

impl CauseName {
    const ALL: [Cause; 24] = [
        Cause::Syn,
        Cause::SynAck,
        Cause::HandshakeAck,
        Cause::Data,
        Cause::Fin,
        Cause::Ack,
        Cause::FinAck,
        Cause::DuplicateAck,
        Cause::WindowUpdate,
        Cause::SynRetransmit,
        Cause::SynAckRetransmit,
        Cause::TimeoutRetransmit,
        Cause::FastRetransmit,
        Cause::RackRetransmit,
        Cause::TailLossProbe,
        Cause::WindowProbe,
        Cause::KeepAlive,
        Cause::ChallengeAck,
        Cause::TimeWaitAck,
        Cause::ResetNobody,
        Cause::ResetBadAck,
        Cause::ResetOverflow,
        Cause::ResetAbort,
        Cause::ResetTimeout,
    ];
}

impl FromStr for CauseName {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let name = |cause: &Cause| format!("{cause:?}");
        let found = Self::ALL.into_iter().find(|cause| name(cause) == text);
        found.map(Self).ok_or_else(|| {
            let names: Vec<String> = Self::ALL.iter().map(name).collect();
            UnknownWord::new(text, "cause of a segment", format!("write one of {}", names.join(", ")))
        })
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// Not, or by both FINs.
    Well,
    /// The SYN was answered by RST.
    Refused,
    /// The peer reset it.
    Reset,
    /// Time ran out.
    TimedOut,
    /// ICMP said so.
    Unreachable,
    /// Its user aborted it.
    Aborted,
}

impl From<Option<Ended>> for Outcome {
    fn from(ended: Option<Ended>) -> Self {
        match ended {
            None => Self::Well,
            Some(Ended::Refused) => Self::Refused,
            Some(Ended::Reset) => Self::Reset,
            Some(Ended::TimedOut) => Self::TimedOut,
            Some(Ended::Unreachable(_)) => Self::Unreachable,
            Some(Ended::Aborted) => Self::Aborted,
        }
    }
}

/// A sequence number as the receiver of an injected segment would reckon it: `rcv.nxt+100`, `snd.una`, `12345`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number(Vec<(Sign, Term)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

/// One term of a [`Number`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    /// A figure.
    Figure(u32),
    /// The receiver's RCV.NXT, by the last ACK that it sent.
    RcvNxt,
    /// The window that it announced last.
    RcvWnd,
    /// Its SND.NXT, by the last segment that it sent.
    SndNxt,
    /// Its SND.UNA, by the last ACK that was sent to it.
    SndUna,
    /// Its ISS.
    Iss,
    /// Its IRS.
    Irs,
}

/// Who knows what the terms stand for.
pub(crate) trait Terms {
    /// The value of a term; `None` when nothing was sent yet that would tell.
    fn value(&self, term: Term) -> Option<u32>;
}

impl Number {
    /// The number, modulo 2^32; `None` when a term of it is not known yet.
    pub(crate) fn value(&self, terms: &impl Terms) -> Option<u32> {
        self.0.iter().try_fold(0_u32, |sum, &(sign, term)| {
            let value = terms.value(term)?;
            Some(match sign {
                Sign::Plus => sum.wrapping_add(value),
                Sign::Minus => sum.wrapping_sub(value),
            })
        })
    }
}

impl FromStr for Number {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let refuse = || {
            let hint = "write a sum of rcv.nxt, rcv.wnd, snd.nxt, snd.una, iss, irs and figures, like \"rcv.nxt+100\"";
            UnknownWord::new(text, "sequence number", hint)
        };
        let mut terms = Vec::new();
        let mut sign = Sign::Plus;
        let mut rest = text;
        loop {
            let end = rest.find(['+', '-']).unwrap_or(rest.len());
            let term = match rest[..end].trim() {
                "rcv.nxt" => Term::RcvNxt,
                "rcv.wnd" => Term::RcvWnd,
                "snd.nxt" => Term::SndNxt,
                "snd.una" => Term::SndUna,
                "iss" => Term::Iss,
                "irs" => Term::Irs,
                figure => Term::Figure(figure.parse().map_err(|_| refuse())?),
            };
            terms.push((sign, term));
            match rest[end..].chars().next() {
                None => return Ok(Self(terms)),
                Some('+') => sign = Sign::Plus,
                Some(_) => sign = Sign::Minus,
            }
            rest = &rest[end + 1..];
        }
    }
}

macro_rules! read_from_text {
    ($($name:ident),+) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        })+
    };
}

read_from_text!(
    Moment,
    FaultText,
    Reading,
    StateName,
    WhyName,
    CauseName,
    CongestionName,
    Number
);

/// As a script writes it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Well => "well",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::Aborted => "aborted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Terms for Known {
        fn value(&self, term: Term) -> Option<u32> {
            match term {
                Term::Figure(n) => Some(n),
                Term::RcvNxt => Some(u32::MAX),
                Term::RcvWnd => Some(10),
                _ => None,
            }
        }
    }

    #[test]
    fn numbers_are_sums_modulo_2_to_the_32() {
        for (text, expected) in [
            ("12345", Some(12_345)),
            ("rcv.nxt+100", Some(99)),
            ("rcv.nxt + rcv.wnd - 1", Some(8)),
            ("0-1", Some(u32::MAX)),
            ("snd.una", None),
        ] {
            assert_eq!(text.parse::<Number>().unwrap().value(&Known), expected, "{text}");
        }
        for text in ["", "rcv.nxt+", "+1", "rcv", "rcv.nxt++1", "4294967296"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_read_or_refused() {
        assert_eq!("rest".parse(), Ok(Moment::Rest));
        assert_eq!(
            "delay 200ms".parse(),
            Ok(FaultText(Action::Delay(Duration::from_millis(200))))
        );
        assert_eq!("64k/s".parse(), Ok(Reading::Rate(65_536)));
        assert_eq!("SYN-RECEIVED".parse(), Ok(StateName(State::SynReceived)));
        assert_eq!("ResetInexact".parse(), Ok(WhyName(Why::ResetInexact)));
        assert!("delay".parse::<FaultText>().is_err());
        assert!("0/s".parse::<Reading>().is_err());
        assert!("SYN_SENT".parse::<StateName>().is_err());
        assert!("Whim".parse::<WhyName>().is_err());
        assert!("now".parse::<Moment>().is_err());
    }
}
