//! What a segment says, in pieces short enough to stand on an arrow.

use wire::tcp::Flags;

use crate::reading::Tcp;
use crate::step::{Close, Kind};

/// `SYN,ACK`: the flags written out, in the order of RFC 9293's figures.
pub(crate) fn flags(flags: Flags) -> String {
    let names = [
        (Flags::SYN, "SYN"),
        (Flags::FIN, "FIN"),
        (Flags::RST, "RST"),
        (Flags::PSH, "PSH"),
        (Flags::URG, "URG"),
        (Flags::ECE, "ECE"),
        (Flags::CWR, "CWR"),
        (Flags::ACK, "ACK"),
    ];
    let set: Vec<&str> = names
        .iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, name)| *name)
        .collect();
    set.join(",")
}

/// The numbers of a segment, most wanted first.
pub(super) fn numbers(tcp: &Tcp, absolute: bool) -> Vec<String> {
    let header = &tcp.segment.header;
    let is_key_step = matches!(
        tcp.step.kind,
        Kind::Third | Kind::Close(Close::Second | Close::Fourth | Close::CrossingAck)
    );
    let absolute = absolute || is_key_step || header.flags.syn() || header.flags.fin() || header.flags.rst();
    let mut pieces = vec![number("seq", tcp.seq, header.seq.value(), absolute)];
    if header.flags.ack() {
        pieces.push(number("ack", tcp.ack, header.ack.value(), absolute));
    }
    if tcp.segment.payload > 0 {
        pieces.push(format!("len {}", tcp.segment.payload));
    }
    if !header.flags.rst() {
        pieces.push(format!("win {}", tcp.window));
    }
    if header.flags.urg() {
        pieces.push(format!("urgent +{}", header.urgent));
    }
    pieces
}

/// `seq 1 (2837462002)`; the absolute number alone where the ISN is not known and both are the same.
fn number(name: &str, relative: u32, absolute: u32, both: bool) -> String {
    if both && relative != absolute {
        format!("{name} {relative} ({absolute})")
    } else {
        format!("{name} {relative}")
    }
}

/// The options of a segment. Timestamps stand on SYNs only, where they are agreed on, unless all is asked for.
pub(super) fn options(tcp: &Tcp, relative_ack: impl Fn(u32) -> u32, all: bool) -> Vec<String> {
    let options = &tcp.segment.header.options;
    let mut pieces = Vec::new();
    if let Some(mss) = options.mss {
        pieces.push(format!("mss {mss}"));
    }
    if let Some(scale) = options.window_scale {
        pieces.push(format!("ws {}", scale.shift()));
    }
    if options.sack_permitted {
        pieces.push("sackOK".to_owned());
    }
    if let Some(stamps) = options.timestamps
        && (all || tcp.segment.header.flags.syn())
    {
        pieces.push(format!("TS {}/{}", stamps.val, stamps.ecr));
    }
    if !options.sack.is_empty() {
        let blocks: Vec<String> = options
            .sack
            .as_slice()
            .iter()
            .map(|(from, to)| format!("{}-{}", relative_ack(from.value()), relative_ack(to.value())))
            .collect();
        pieces.push(format!("sack {}", blocks.join(" ")));
    }
    pieces
}
