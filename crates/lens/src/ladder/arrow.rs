//! A packet as an arrow: the text on it, its line, the name of its step, its colour and the comments below it.

use anstyle::Style;

use super::Connection;
use super::canvas::{AGAIN, BAD, INNER, LEFTWARD, NOCK, RIGHTWARD};
use super::row::Leg;
use super::text::{flags, numbers, options};
use crate::reading::{Content, Item, Tcp};
use crate::record::{Fate, Record, Trace};
use crate::step::Kind;

/// Text on an arrow: a space and a head must fit behind it.
pub(super) const TEXT: usize = INNER - NOCK - 2;
/// Flags are padded, so that the numbers behind them stand in one column.
const FLAGS: usize = 7;
/// The blank where a lost packet would have gone on, and the dashes of one that goes on elsewhere.
const LOST: usize = 9;

/// The lines of text of a segment: flags and numbers, then what of them did not fit, and the options.
pub(super) fn segment_text(tcp: &Tcp, leg: Leg, absolute: bool) -> Vec<String> {
    let first = format!("{:<FLAGS$}", flags(tcp.segment.header.flags));
    if leg == Leg::Arrival {
        return vec![format!("{first}  seq {}", tcp.seq)];
    }
    let mut numbers = numbers(tcp, absolute);
    let width = |pieces: &[String]| pieces.iter().map(|piece| piece.chars().count() + 2).sum::<usize>();
    // The window is the number least missed, unless it is closed.
    if !absolute && tcp.window > 0 && first.chars().count() + width(&numbers) > TEXT {
        numbers.retain(|piece| !piece.starts_with("win"));
    }
    let ack = tcp.segment.header.ack.value();
    let relative = |number: u32| number.wrapping_sub(ack).wrapping_add(tcp.ack);
    let mut lines = vec![first];
    fill(&mut lines, &numbers, TEXT);
    let (mut below, options) = (Vec::new(), options(tcp, relative, absolute));
    if !options.is_empty() {
        if lines.len() == 1 {
            below.push(" ".repeat(FLAGS));
        }
        fill(
            if below.is_empty() { &mut lines } else { &mut below },
            &options,
            INNER - NOCK - 1,
        );
    }
    lines.extend(below);
    lines
}

/// Appends pieces to the last line, and begins another, under the numbers, where one does not fit.
fn fill(lines: &mut Vec<String>, pieces: &[String], width: usize) {
    for piece in pieces {
        let fits = |line: &String| line.chars().count() + 2 + piece.chars().count() <= width;
        if !lines.last().is_some_and(fits) {
            lines.push(" ".repeat(FLAGS));
        }
        if let Some(line) = lines.last_mut() {
            line.push_str("  ");
            line.push_str(piece);
        }
    }
}

/// The arrow with its text: a tail of dashes to the sender, a head at the receiver.
pub(super) fn shaft(text: &str, record: &Record, leg: Leg, rightward: bool) -> String {
    let is_lost = record.fate == Fate::Lost;
    let is_under_way = record.arrived.is_none() && !is_lost || leg == Leg::Departure;
    let fill = INNER - NOCK - 1 - text.chars().count().min(TEXT);
    let (before, after) = if rightward {
        let nock = if leg == Leg::Arrival {
            "┄┄┄ "
        } else {
            "─── "
        };
        let after = match fill {
            fill if is_lost => {
                let line = fill.saturating_sub(LOST).max(1);
                format!("{}✗{}", "─".repeat(line - 1), " ".repeat(fill - line))
            }
            fill if is_under_way => dashes(fill),
            fill => format!("{}▶", "─".repeat(fill - 1)),
        };
        (nock, after)
    } else {
        let nock = match leg {
            _ if is_lost => " ✗─ ",
            _ if is_under_way => "┄┄┄ ",
            _ => "◀── ",
        };
        let after = match leg {
            Leg::Arrival => dashes(fill),
            _ => "─".repeat(fill),
        };
        (nock, after)
    };
    format!("{before}{text} {after}")
}

/// A line that ends in dashes, for the part of a way that another line shows.
fn dashes(width: usize) -> String {
    let dashed = width.min(LOST);
    "─".repeat(width - dashed) + &"┄".repeat(dashed)
}

/// The name of the step, with what the line itself does not show.
pub(super) fn label(tcp: &Tcp, record: &Record, leg: Leg) -> String {
    match (leg, record.fate) {
        (_, Fate::Duplicate(_)) => "duplicate".to_owned(),
        (Leg::Arrival, _) => "arrives".to_owned(),
        _ => tcp.step.to_string(),
    }
}

pub(super) fn style(tcp: &Tcp, record: &Record, rightward: bool) -> Style {
    let is_bad = matches!(record.fate, Fate::Lost | Fate::Corrupted)
        || record.injected
        || matches!(tcp.step.kind, Kind::Reset | Kind::Refusal);
    if is_bad {
        BAD
    } else if tcp.step.again || matches!(record.fate, Fate::Duplicate(_)) {
        AGAIN
    } else if rightward {
        RIGHTWARD
    } else {
        LEFTWARD
    }
}

/// What there is to say of a packet that its line does not show.
pub(super) fn comments(trace: &Trace, connection: &Connection, item: &Item, record: &Record, leg: Leg) -> Vec<String> {
    let name = |host: usize| trace.hosts.get(host).map_or("?", |host| host.name.as_str());
    let mut comments = Vec::new();
    if leg != Leg::Arrival {
        if record.injected {
            comments.push(format!(
                "forged: {} never sent it",
                name(sender(connection, item, record))
            ));
        }
        if let Some(cause) = record.cause
            && (cause.is_retransmission() || is_own_words(item))
        {
            comments.push(cause.describe().to_owned());
        }
        match record.fate {
            Fate::Lost => comments.push("lost on the link".to_owned()),
            Fate::Corrupted => comments.push("corrupted on the link".to_owned()),
            Fate::InFlight => comments.push("still under way".to_owned()),
            Fate::Delivered | Fate::Duplicate(_) => {}
        }
        comments.extend(record.notes.iter().cloned());
    }
    if matches!(record.fate, Fate::Duplicate(_)) {
        comments.push("a copy that the link made".to_owned());
        comments.extend(record.notes.iter().cloned());
    }
    if leg != Leg::Departure
        && let Some(why) = record.dropped
    {
        comments.push(format!("{} drops it: {}", name(record.to), as_clause(why.describe())));
    }
    comments
}

/// A sentence as a part of another: no capital unless it is a name like `ICMP`, and no full stop.
fn as_clause(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut letters = sentence.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            let first: String = first.to_lowercase().collect();
            format!("{first}{second}{}", letters.as_str())
        }
        _ => sentence.to_owned(),
    }
}

/// Whose name a packet bears.
fn sender(connection: &Connection, item: &Item, record: &Record) -> usize {
    match &item.content {
        Content::Tcp(tcp) if tcp.segment.src == connection.left.at => connection.left.host,
        Content::Tcp(_) => connection.right.host,
        Content::Other(_) => record.from,
    }
}

/// Whether the sender's reason says more than the step does.
fn is_own_words(item: &Item) -> bool {
    matches!(&item.content, Content::Tcp(tcp) if matches!(tcp.step.kind, Kind::Reset | Kind::Refusal))
}
