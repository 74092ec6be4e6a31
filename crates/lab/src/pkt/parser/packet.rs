//! A packet as a script writes it.

use wire::tcp::Flags;

use crate::pkt::ast::{Body, Icmp, Packet, Segment};
use crate::pkt::lexer::{Cursor, SyntaxError};
use crate::pkt::option::TcpOption;

/// Names of the ECN field.
const ECN: [(&str, u8); 4] = [("noecn", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)];

/// What the language can send besides TCP and ICMP: the word that it begins with, and its name in a verdict.
const OTHERS: &[(&str, &str)] = &[
    ("udp", "UDP"),
    ("udplite", "UDP-Lite"),
    ("sctp", "SCTP"),
    ("ipv4", "IPv4 encapsulation"),
    ("ipv6", "IPv6 encapsulation"),
    ("gre", "GRE encapsulation"),
    ("mpls", "MPLS encapsulation"),
];

/// The most bytes that one packet carries, for there are headers too. Units: bytes.
const PAYLOAD_MAX: u32 = 65_000;

pub(super) fn packet(at: &mut Cursor<'_>) -> Result<Packet, SyntaxError> {
    let mut packet = Packet {
        ecn: None,
        ttl: None,
        ports: None,
        fill: 0,
        body: Body::Other(String::new()),
    };
    loop {
        if at.take("[") {
            bracket(at.until("]")?, &mut packet);
        } else if at.take("(") {
            bracket(at.until(")")?, &mut packet);
        } else {
            break;
        }
    }
    if at.take_name("icmp") {
        packet.body = icmp(at)?;
        return Ok(packet);
    }
    for (word, name) in OTHERS {
        if at.take_name(word) {
            at.rest_of_line();
            packet.body = Body::Other((*name).to_owned());
            return Ok(packet);
        }
    }
    packet.ports = ports(at)?;
    let (segment, unknown) = segment(at)?;
    if !matches!(packet.body, Body::Other(ref name) if !name.is_empty()) {
        packet.body = unknown.map_or(Body::Tcp(segment), Body::Other);
    }
    Ok(packet)
}

/// What stands in brackets or parentheses before the flags.
fn bracket(inside: &str, packet: &mut Packet) {
    for part in inside.split(',').map(str::trim) {
        let (name, value) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        let byte = || {
            let value = value.trim();
            match value.strip_prefix("0x") {
                Some(hex) => u8::from_str_radix(hex, 16).ok(),
                None => value.parse().ok(),
            }
        };
        match (name, byte()) {
            ("ttl", Some(ttl)) => packet.ttl = Some(ttl),
            ("fill", Some(fill)) => packet.fill = fill,
            _ => match ECN.iter().find(|(known, _)| *known == part) {
                Some(&(_, bits)) => packet.ecn = Some(bits),
                None => packet.body = Body::Other(format!("[{part}]")),
            },
        }
    }
}

fn ports(at: &mut Cursor<'_>) -> Result<Option<(u16, u16)>, SyntaxError> {
    let mut ahead = at.clone();
    let Some(src) = ahead.integer()? else { return Ok(None) };
    if !ahead.take(">") {
        return Ok(None);
    }
    let dst = ahead.number("a destination port")?;
    let src = u16::try_from(src).map_err(|_| at.error("this is no port"))?;
    *at = ahead;
    Ok(Some((src, dst)))
}

/// A segment, and what in it is not known here.
fn segment(at: &mut Cursor<'_>) -> Result<(Segment, Option<String>), SyntaxError> {
    let (flags, mut unknown) = flags(at)?;
    let (start, payload) = sequence(at)?;
    if payload > PAYLOAD_MAX {
        unknown.get_or_insert(format!("{payload} bytes in one packet"));
    }
    let ack = if at.take_name("ack") {
        Some(at.number("an acknowledgment number")?)
    } else {
        None
    };
    let window = if at.take_name("win") {
        Some(at.number("a window field")?)
    } else {
        None
    };
    let urgent = if at.take_name("urg") {
        Some(at.number("an urgent pointer")?)
    } else {
        None
    };
    let options = if at.take("<") {
        options(at, &mut unknown)?
    } else {
        Some(Vec::new())
    };
    let segment = Segment {
        flags,
        start,
        payload,
        ack,
        window,
        urgent,
        options,
    };
    Ok((segment, unknown))
}

/// Control bits. The letter A and digits are those of accurate ECN (RFC 9768), which is not known here.
fn flags(at: &mut Cursor<'_>) -> Result<(Flags, Option<String>), SyntaxError> {
    if at.take("-") {
        return Ok((Flags::NONE, None));
    }
    let here = at.clone();
    let word = at.run(|c| c.is_ascii_alphanumeric() || c == '.');
    if let Ok(text) = word.parse::<crate::glance::FlagText>() {
        return Ok((text.0, None));
    }
    let is_accurate = |c: char| c == 'A' || c.is_ascii_digit();
    let known: String = word.chars().filter(|&c| !is_accurate(c)).collect();
    match known.parse::<crate::glance::FlagText>() {
        Ok(text) if word.contains(is_accurate) => Ok((text.0, Some(format!("the flags `{word}`")))),
        Ok(_) => Err(here.error("TCP flags are expected here")),
        Err(error) => Err(here.error(error.to_string())),
    }
}

/// `1:101(100)`: the first number and the payload.
fn sequence(at: &mut Cursor<'_>) -> Result<(u32, u32), SyntaxError> {
    let start: u32 = at.number("a sequence number")?;
    at.expect(":")?;
    let here = at.clone();
    let end: u32 = at.number("the sequence number after the last byte")?;
    at.expect("(")?;
    let payload: u32 = at.number("the number of payload bytes")?;
    at.expect(")")?;
    if start.wrapping_add(payload) != end {
        return Err(here.error(format!(
            "{start} and {payload} bytes make {}",
            start.wrapping_add(payload)
        )));
    }
    Ok((start, payload))
}

fn options(at: &mut Cursor<'_>, unknown: &mut Option<String>) -> Result<Option<Vec<TcpOption>>, SyntaxError> {
    if at.take("...") {
        at.expect(">")?;
        return Ok(None);
    }
    let mut options = Vec::new();
    while !at.take(">") {
        match option(at)? {
            Named::Known(option) => options.push(option),
            Named::Unknown(name) => {
                at.run(|c| !matches!(c, ',' | '>' | '\n'));
                unknown.get_or_insert(format!("the TCP option `{name}`"));
            }
        }
        if !at.take(",") && !at.sees(">") {
            return Err(at.error("`,` or `>` is expected here"));
        }
    }
    Ok(Some(options))
}

/// A TCP option, or the name of one that is not known here.
enum Named {
    Known(TcpOption),
    Unknown(String),
}

fn option(at: &mut Cursor<'_>) -> Result<Named, SyntaxError> {
    let here = at.clone();
    Ok(Named::Known(match at.name().unwrap_or_default() {
        "mss" => TcpOption::Mss(at.number("a segment size")?),
        "wscale" => TcpOption::WindowScale(at.number("a window scale")?),
        "sackOK" | "sackok" => TcpOption::SackOk,
        "nop" => TcpOption::Nop,
        "eol" => TcpOption::Eol,
        "TS" => {
            let val = if at.take_name("val") {
                at.number("a timestamp")?
            } else {
                0
            };
            let ecr = if at.take_name("ecr") {
                at.number("an echoed timestamp")?
            } else {
                0
            };
            TcpOption::Timestamps(val, ecr)
        }
        "sack" => {
            let mut blocks = Vec::new();
            while let Some(left) = at.integer()? {
                let left = u32::try_from(left).map_err(|_| here.error("a SACK block is out of bounds"))?;
                at.expect(":")?;
                blocks.push((left, at.number("the right edge of a SACK block")?));
            }
            TcpOption::Sack(blocks)
        }
        name @ ("FO" | "FOEXP") => {
            let digits = at.run(|c| c.is_ascii_hexdigit());
            TcpOption::FastOpen {
                experimental: name == "FOEXP",
                cookie: hex(digits).ok_or_else(|| here.error("a cookie has two hexadecimal digits for each byte"))?,
            }
        }
        "" => return Err(here.error("a TCP option is expected here")),
        name => return Ok(Named::Unknown(name.to_owned())),
    }))
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(digits.get(i..i + 2)?, 16).ok())
        .collect()
}

fn icmp(at: &mut Cursor<'_>) -> Result<Body, SyntaxError> {
    let mut unknown = None;
    let kind = at
        .name()
        .ok_or_else(|| at.error("a kind of ICMP message is expected here"))?
        .to_owned();
    let mut icmp = Icmp {
        kind,
        code: String::new(),
        mtu: None,
        quoted: None,
    };
    loop {
        if at.take_name("mtu") {
            icmp.mtu = Some(at.number("an MTU")?);
        } else if at.take("[") {
            if at.peek().is_some_and(|c| c.is_ascii_digit()) {
                icmp.quoted = Some(sequence(at)?);
                at.expect("]")?;
            } else {
                unknown = Some(format!("ICMP that quotes [{}]", at.until("]")?.trim()));
            }
        } else if let Some(code) = at.name() {
            icmp.code = code.to_owned();
        } else {
            return Ok(unknown.map_or(Body::Icmp(icmp), Body::Other));
        }
    }
}
