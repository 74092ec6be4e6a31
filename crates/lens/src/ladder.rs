//! A ladder of each connection, in text: time runs down, packets run across, the state of each end stands beside it.
//!
//! ```text
//!   client · Linux ┌ 10.7.0.1:40001 ──────────────────────── 10.7.0.2:80 ┐ server · Syndic
//!           CLOSED │                                                     │ LISTEN
//! 0.000   SYN-SENT ◆─── SYN      seq 0 (2837462001)  win 64240 ─────────▶◆ SYN-RECEIVED handshake 1/3
//! 0.020   SYN-SENT │ ✗─ SYN,ACK  seq 0 (1928374650)  ack 1 (2837462002) ─│ SYN-RECEIVED handshake 2/3
//! ```
//!
//! A lifeline bears `◆` where the state changed. A packet stands on one line, at the time it was sent, unless something
//! happened to its receiver while it was under way that the line would put in the wrong order: then its departure and
//! its arrival have a line each, with dashes where it has still to go. `✗` is where the link lost it; `↻` marks a step
//! taken before. 120 columns are enough for IPv4 and for IPv6.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use stack::{Instant, State};

use crate::packet::Pair;
use crate::reading::{Content, Item, read};
use crate::record::Trace;
use crate::step::Kind;

mod arrow;
mod canvas;
mod row;
mod text;

use canvas::Canvas;
pub(crate) use text::flags as flag_names;

/// How a ladder is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ladder {
    /// Absolute sequence and acknowledgment numbers on every line. Otherwise they stand beside the relative ones where
    /// they matter: in the handshake, the close and resets.
    pub absolute: bool,
    /// Every packet. Otherwise the middle of a long run of data and acknowledgments is folded into one line.
    pub all: bool,
    /// ANSI colours.
    pub color: bool,
}

/// One connection: its ends, and the items that belong to it.
struct Connection<'a> {
    left: Side,
    right: Side,
    items: Vec<&'a Item>,
    /// Indices of its marks in the trace.
    marks: Vec<usize>,
}

/// One end.
#[derive(Debug, Clone, Copy)]
struct Side {
    at: SocketAddr,
    /// Its host, as an index into the trace.
    host: usize,
    /// Its state before the first packet, where that can be told.
    initial: Option<State>,
}

impl Ladder {
    /// Draws every connection of a trace, one below the other, in the order of their first packets; what belongs to no
    /// connection is listed at the end. Each line ends in a newline.
    pub fn draw(&self, trace: &Trace) -> String {
        let items = read(trace);
        let origin = origin(trace);
        let mut canvas = Canvas::new(self.color, origin, last(trace));
        if !trace.title.is_empty() {
            canvas.title(&trace.title);
        }
        for connection in connections(trace, &items) {
            canvas.gap();
            canvas.top(trace, &connection);
            for row in row::rows(trace, &connection, self.all) {
                canvas.row(trace, &connection, &row, self.absolute);
            }
            canvas.bottom(trace, &connection);
        }
        let others = items.iter().filter(|item| item.pair.is_none());
        canvas.others(trace, others);
        canvas.finish()
    }
}

/// When the ladder's clock begins.
fn origin(trace: &Trace) -> Instant {
    let first_sent = trace.records.iter().map(|record| record.sent).min();
    let first_mark = trace.marks.iter().map(|mark| mark.at).min();
    first_sent.into_iter().chain(first_mark).min().unwrap_or_default()
}

fn last(trace: &Trace) -> Instant {
    let packets = trace
        .records
        .iter()
        .map(|record| record.arrived.unwrap_or(record.sent).max(record.sent));
    let marks = trace.marks.iter().map(|mark| mark.at);
    packets.chain(marks).max().unwrap_or_default()
}

/// Sorts items and marks into connections.
fn connections<'a>(trace: &Trace, items: &'a [Item]) -> Vec<Connection<'a>> {
    let mut connections: Vec<Connection<'a>> = Vec::new();
    let mut index_of: BTreeMap<Pair, usize> = BTreeMap::new();
    for item in items {
        let Some(pair) = item.pair else { continue };
        let index = *index_of.entry(pair).or_insert_with(|| {
            let (left, right) = sides(trace, item, pair);
            connections.push(Connection {
                left,
                right,
                items: Vec::new(),
                marks: Vec::new(),
            });
            connections.len() - 1
        });
        if let Some(connection) = connections.get_mut(index) {
            connection.items.push(item);
        }
    }
    for connection in &mut connections {
        let opener = opener(trace, connection);
        connection.left.initial = opener.and_then(|opener| initial(connection, connection.left.at, opener));
        connection.right.initial = opener.and_then(|opener| initial(connection, connection.right.at, opener));
    }
    for (index, mark) in trace.marks.iter().enumerate() {
        let of_host = connections.iter_mut().filter(|connection| match mark.connection {
            Some(tuple) => Pair::of(tuple.local(), tuple.remote()) == Pair::of(connection.left.at, connection.right.at),
            None => [connection.left.host, connection.right.host].contains(&mark.host),
        });
        // The connection that began last before the mark, or else the first.
        let mut best: Option<&mut Connection> = None;
        for connection in of_host {
            let begins = connection
                .items
                .first()
                .and_then(|item| trace.records.get(item.record))
                .map(|record| record.sent);
            if best.is_none() || begins.is_some_and(|begins| begins <= mark.at) {
                best = Some(connection);
            }
        }
        if let Some(connection) = best {
            connection.marks.push(index);
        }
    }
    connections
}

/// Which end stands where: the host that comes first in the trace stands on the left.
fn sides(trace: &Trace, first: &Item, pair: Pair) -> (Side, Side) {
    let record = trace.records.get(first.record);
    let (from, to) = record.map_or((0, 1), |record| (record.from, record.to));
    let source = match &first.content {
        Content::Tcp(tcp) => tcp.segment.src,
        Content::Other(_) => pair.0,
    };
    let side = |at: SocketAddr| {
        let owner = trace.hosts.iter().position(|host| host.addresses.contains(&at.ip()));
        Side {
            at,
            host: owner.unwrap_or(if at == source { from } else { to }),
            initial: None,
        }
    };
    let (a, b) = (side(source), side(if source == pair.0 { pair.1 } else { pair.0 }));
    if b.host < a.host { (b, a) } else { (a, b) }
}

/// Who sent the first packet, if that was a SYN.
fn opener(trace: &Trace, connection: &Connection) -> Option<SocketAddr> {
    match &connection.items.first()?.content {
        Content::Tcp(tcp) if matches!(tcp.step.kind, Kind::First) => {
            let is_injected = trace.records.get(connection.items.first()?.record)?.injected;
            (!is_injected).then_some(tcp.segment.src)
        }
        _ => None,
    }
}

/// The state of one end before a SYN from `opener`: an end that answers with a SYN-ACK was listening, one that refuses
/// or opens itself was not; of one that never says anything nothing is known.
fn initial(connection: &Connection, end: SocketAddr, opener: SocketAddr) -> Option<State> {
    if end == opener {
        return Some(State::Closed);
    }
    let first_sent = connection.items.iter().find_map(|item| match &item.content {
        Content::Tcp(tcp) if tcp.segment.src == end => Some(tcp.step.kind),
        _ => None,
    })?;
    match first_sent {
        Kind::Second => Some(State::Listen),
        Kind::CrossingSyn | Kind::Refusal | Kind::Reset => Some(State::Closed),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
