//! What a link, a fault or an expectation may know of a packet without being its receiver: kind, flags, payload.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use stack::FourTuple;
use wire::ip::{self, Datagram};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

/// A TCP segment at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// Both ends, as the sender names them.
    pub tuple: FourTuple,
    /// Its header.
    pub header: Header,
    /// Payload bytes.
    pub payload: usize,
}

impl Glance {
    /// The TCP segment in an IP packet; `None` for anything else, fragments included.
    pub fn of(packet: &[u8]) -> Option<Self> {
        let datagram = Datagram::parse(packet).ok()?;
        if datagram.protocol != ip::TCP || datagram.fragment.is_some() {
            return None;
        }
        let segment = &packet[datagram.payload];
        let (header, len) = Header::parse(segment).ok()?;
        Some(Self {
            tuple: FourTuple {
                local_addr: datagram.src,
                remote_addr: datagram.dst,
                local_port: header.src_port,
                remote_port: header.dst_port,
            },
            header,
            payload: segment.len().saturating_sub(len),
        })
    }

    /// The sequence number after the last that it takes.
    pub fn end(&self) -> SeqNumber {
        let flags = self.header.flags;
        self.header.seq + self.payload as u32 + u32::from(flags.syn()) + u32::from(flags.fin())
    }
}

/// Where an IP packet says it goes; `None` where not even that can be read.
pub fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => packet
            .get(16..20)?
            .first_chunk::<4>()
            .map(|&octets| IpAddr::from(octets)),
        6 => packet
            .get(24..40)?
            .first_chunk::<16>()
            .map(|&octets| IpAddr::from(octets)),
        _ => None,
    }
}

/// Control bits as tcpdump writes them: `S`, `S.`, `F.`, `P.`, `R`, `.`, `SF`, `-` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagText(pub Flags);

impl FromStr for FlagText {
    type Err = UnknownFlags;

    fn from_str(text: &str) -> Result<Self, UnknownFlags> {
        if text == "-" {
            return Ok(Self(Flags::NONE));
        }
        if text.is_empty() {
            return Err(UnknownFlags(text.to_owned()));
        }
        let mut flags = Flags::NONE;
        for letter in text.chars() {
            flags = flags
                | match letter {
                    'F' => Flags::FIN,
                    'S' => Flags::SYN,
                    'R' => Flags::RST,
                    'P' => Flags::PSH,
                    'U' => Flags::URG,
                    'E' => Flags::ECE,
                    'W' => Flags::CWR,
                    '.' => Flags::ACK,
                    _ => return Err(UnknownFlags(text.to_owned())),
                };
        }
        Ok(Self(flags))
    }
}

impl<'de> Deserialize<'de> for FlagText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Text that names no flags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` are no TCP flags: write letters of FSRPUEW and a point for ACK, like \"S\", \"S.\" or \"F.\"; \"-\" for none"
)]
pub struct UnknownFlags(String);

/// Which segments are meant: all conditions that are given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pattern {
    /// SYN, FIN, RST and ACK exactly as given; of the others those given must be set.
    pub flags: Option<Flags>,
    /// With payload, or without.
    pub payload: Option<bool>,
}

impl Pattern {
    /// Whether a segment is meant. A packet that is no TCP segment is meant only by the empty pattern.
    pub fn matches(&self, glance: Option<&Glance>) -> bool {
        const EXACT: u8 = Flags::SYN.bits() | Flags::FIN.bits() | Flags::RST.bits() | Flags::ACK.bits();
        let Some(glance) = glance else {
            return *self == Self::default();
        };
        let flags_fit = self.flags.is_none_or(|wanted| {
            let has = glance.header.flags;
            has.contains(wanted) && has.bits() & EXACT == wanted.bits() & EXACT
        });
        flags_fit && self.payload.is_none_or(|wanted| wanted == (glance.payload > 0))
    }
}

/// `S. with payload`, `any packet`.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flags {
            Some(flags) => write!(f, "{flags}")?,
            None => f.write_str("any packet")?,
        }
        match self.payload {
            Some(true) => f.write_str(" with payload"),
            Some(false) => f.write_str(" without payload"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(flags: &str, payload: usize) -> Glance {
        let tuple = FourTuple::new("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        Glance {
            tuple,
            header: Header {
                src_port: 1,
                dst_port: 2,
                seq: wire::seq::SeqNumber::new(0),
                ack: wire::seq::SeqNumber::new(0),
                flags: flags.parse::<FlagText>().unwrap().0,
                window: 0,
                urgent: 0,
                options: wire::option::Options::default(),
            },
            payload,
        }
    }

    #[test]
    fn patterns_mean_what_they_say() {
        for (wanted, payload, flags, len, expected) in [
            (Some("S"), None, "S", 0, true),
            (Some("S"), None, "SEW", 0, true),
            (Some("S"), None, "S.", 0, false),
            (Some("."), None, "P.", 5, true),
            (Some("P."), None, ".", 5, false),
            (Some("."), None, "F.", 0, false),
            (Some("."), Some(false), "P.", 5, false),
            (None, Some(true), "P.", 5, true),
            (None, None, "R", 0, true),
        ] {
            let pattern = Pattern {
                flags: wanted.map(|text| text.parse::<FlagText>().unwrap().0),
                payload,
            };
            assert_eq!(
                pattern.matches(Some(&glance(flags, len))),
                expected,
                "{pattern} against {flags} {len}"
            );
        }
        assert!(Pattern::default().matches(None));
        let no_payload = Pattern {
            flags: None,
            payload: Some(false),
        };
        assert!(!no_payload.matches(None));
    }

    #[test]
    fn flags_are_read_or_refused() {
        assert_eq!("-".parse(), Ok(FlagText(Flags::NONE)));
        assert_eq!("F.".parse(), Ok(FlagText(Flags::FIN | Flags::ACK)));
        for text in ["", "A", "SYN"] {
            assert!(text.parse::<FlagText>().is_err(), "{text}");
        }
    }
}
