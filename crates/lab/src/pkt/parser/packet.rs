//! A packet as a script writes it.

use wire::tcp::Flags;

use crate::pkt::ast::{Body, Icmp, Packet, Segment};
use crate::pkt::lexer::{Cursor, SyntaxError};
use crate::pkt::option::TcpOption;

/// Names of the ECN field.
const ECN: [(&str, u8); 4] = [("noecn", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)];

pub(super) fn packet(at: &mut Cursor<'_>) -> Result<Packet, SyntaxError> {
    let mut packet = Packet {
        ecn: None,
        ttl: None,
        ports: None,
        body: Body::Other(String::new()),
    };
    while at.take("[") {
        bracket(at, &mut packet)?;
    }
    if at.take_name("icmp") {
        packet.body = Body::Icmp(icmp(at)?);
        return Ok(packet);
    }
    if at.take_name("udp") {
        at.expect("(")?;
        at.until(")")?;
        packet.body = Body::Other("UDP".to_owned());
        return Ok(packet);
    }
    for name in ["ipv4", "ipv6", "gre", "mpls"] {
        if at.take_name(name) {
            at.rest_of_line();
            packet.body = Body::Other(format!("{name} encapsulation"));
            return Ok(packet);
        }
    }
    packet.ports = ports(at)?;
    let segment = segment(at)?;
    if !matches!(packet.body, Body::Other(ref name) if !name.is_empty()) {
        packet.body = Body::Tcp(segment);
    }
    Ok(packet)
}

/// What stands in brackets before the flags.
fn bracket(at: &mut Cursor<'_>, packet: &mut Packet) -> Result<(), SyntaxError> {
    let inside = at.until("]")?;
    for part in inside.split(',').map(str::trim) {
        let (name, value) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        if let Some(&(_, bits)) = ECN.iter().find(|(known, _)| *known == name) {
            packet.ecn = Some(bits);
        } else if name == "ttl" {
            packet.ttl = Some(
                value
                    .trim()
                    .parse()
                    .map_err(|_| at.error(format!("`{value}` is no TTL")))?,
            );
        } else {
            packet.body = Body::Other(format!("[{part}]"));
        }
    }
    Ok(())
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

fn segment(at: &mut Cursor<'_>) -> Result<Segment, SyntaxError> {
    let flags = flags(at)?;
    let (start, payload) = sequence(at)?;
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
    let options = if at.take("<") { options(at)? } else { Some(Vec::new()) };
    Ok(Segment {
        flags,
        start,
        payload,
        ack,
        window,
        urgent,
        options,
    })
}

fn flags(at: &mut Cursor<'_>) -> Result<Flags, SyntaxError> {
    if at.take("-") {
        return Ok(Flags::NONE);
    }
    let here = at.clone();
    let word = at.run(|c| c.is_ascii_alphabetic() || c == '.');
    let parsed = word.parse::<crate::glance::FlagText>();
    parsed.map(|text| text.0).map_err(|error| here.error(error.to_string()))
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
    if payload > 60_000 {
        return Err(here.error(format!("{payload} bytes are more than one packet takes")));
    }
    Ok((start, payload))
}

fn options(at: &mut Cursor<'_>) -> Result<Option<Vec<TcpOption>>, SyntaxError> {
    if at.take("...") {
        at.expect(">")?;
        return Ok(None);
    }
    let mut options = Vec::new();
    while !at.take(">") {
        options.push(option(at)?);
        if !at.take(",") && !at.sees(">") {
            return Err(at.error("`,` or `>` is expected here"));
        }
    }
    Ok(Some(options))
}

fn option(at: &mut Cursor<'_>) -> Result<TcpOption, SyntaxError> {
    let here = at.clone();
    Ok(match at.name().unwrap_or_default() {
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
        name => return Err(here.error(format!("`{name}` is no TCP option that is known here"))),
    })
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(digits.get(i..i + 2)?, 16).ok())
        .collect()
}

fn icmp(at: &mut Cursor<'_>) -> Result<Icmp, SyntaxError> {
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
            icmp.quoted = Some(sequence(at)?);
            at.expect("]")?;
        } else if let Some(code) = at.name() {
            icmp.code = code.to_owned();
        } else {
            return Ok(icmp);
        }
    }
}
