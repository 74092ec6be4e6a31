//! The lines of one connection: which packets stand on one line and which on two, what is folded, and what both ends
//! are in at each line.

use stack::{Instant, State};

use super::Connection;
use crate::reading::{Content, Item};
use crate::record::{Fate, Record, Trace};
use crate::step::Kind;

/// Shorter runs of data and acknowledgments are not worth folding.
const RUN_MIN: usize = 12;
/// How much of a folded run is still shown.
const RUN_HEAD: usize = 4;
const RUN_TAIL: usize = 2;

/// One line of the ladder, perhaps with comments below it.
pub(super) struct Row<'a> {
    pub(super) at: Instant,
    pub(super) what: What<'a>,
    /// The states of left and right after it.
    pub(super) states: [Option<State>; 2],
    /// Whether they are new at this line.
    pub(super) changed: [bool; 2],
}

/// What a line shows.
pub(super) enum What<'a> {
    /// A packet, or one end of its way.
    Packet {
        item: &'a Item,
        leg: Leg,
        /// From left to right.
        rightward: bool,
    },
    /// An index into the trace's marks.
    Mark(usize),
    /// Many packets.
    Folded(Folded),
}

/// Which part of a packet's way a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    Whole,
    Departure,
    Arrival,
}

/// What a folded run held.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Folded {
    pub(super) data: usize,
    pub(super) acks: usize,
    pub(super) bytes: u64,
}

/// The rows of a connection, in order of time.
pub(super) fn rows<'a>(trace: &Trace, connection: &Connection<'a>, all: bool) -> Vec<Row<'a>> {
    let mut rows = unfolded(trace, connection);
    follow_states(trace, connection, &mut rows);
    if all { rows } else { fold(trace, rows) }
}

fn unfolded<'a>(trace: &Trace, connection: &Connection<'a>) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut push = |at, order, what| {
        let row = Row {
            at,
            what,
            states: [None; 2],
            changed: [false; 2],
        };
        rows.push((at, order, row));
    };
    for &index in &connection.marks {
        if let Some(mark) = trace.marks.get(index) {
            // Before the packets of the same moment: a call comes before what it sends.
            push(mark.at, (0, index), What::Mark(index));
        }
    }
    for (index, &item) in connection.items.iter().enumerate() {
        let later = connection.items.get(index + 1..).unwrap_or_default();
        let Some(record) = trace.records.get(item.record) else {
            continue;
        };
        let rightward = record_is_rightward(connection, item, record);
        let packet = |leg| What::Packet { item, leg, rightward };
        let order = (1, item.record);
        match (record.fate, record.arrived) {
            (Fate::Duplicate(_), Some(arrived)) => push(arrived, order, packet(Leg::Arrival)),
            (_, Some(arrived)) if is_split(trace, connection, later, item, record) => {
                push(record.sent, order, packet(Leg::Departure));
                push(arrived, order, packet(Leg::Arrival));
            }
            _ => push(record.sent, order, packet(Leg::Whole)),
        }
    }
    rows.sort_by_key(|(at, order, _)| (*at, *order));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

/// Which way a packet goes. Its addresses decide, so that a forged one stands where it pretends to come from.
fn record_is_rightward(connection: &Connection, item: &Item, record: &Record) -> bool {
    match &item.content {
        Content::Tcp(tcp) => tcp.segment.src == connection.left.at,
        Content::Other(_) => record.to != connection.left.host,
    }
}

/// Whether a packet needs two lines: one line would show its arrival before something that came first. `later` are the
/// items sent after it.
fn is_split(trace: &Trace, connection: &Connection, later: &[&Item], item: &Item, record: &Record) -> bool {
    let Some(arrived) = record.arrived else { return false };
    let record_of = |item: &Item| trace.records.get(item.record);
    let mut meanwhile = later
        .iter()
        .filter_map(|item| record_of(item))
        .take_while(|other| other.sent < arrived);
    let is_between = |at: Instant| record.sent < at && at < arrived;
    let marks = || {
        let all = connection.marks.iter().filter_map(|index| trace.marks.get(*index));
        all.filter(|mark| mark.host == record.to && is_between(mark.at))
    };
    if !is_arrival_news(item, record) {
        // The receiver's state on the one line would be that of its arrival, ahead of what made it so.
        let overtakes = |other: &Record| {
            other.from == record.from && other.sent > record.sent && other.arrived.is_some_and(|other| other < arrived)
        };
        return meanwhile.any(overtakes) || marks().any(|mark| mark.state.is_some());
    }
    let is_marked = marks().next().is_some();
    let leaves = |other: &Record| other.from == record.to && is_between(other.sent);
    let comes =
        |other: &Record| other.to == record.to && other.sent > record.sent && other.arrived.is_some_and(is_between);
    let is_crossed =
        |other: &Item| record_of(other).is_some_and(|its| crosses(record, arrived, its) && is_arrival_news(other, its));
    is_marked
        || meanwhile.any(|other| leaves(other) || comes(other))
        || connection.items.iter().any(|other| is_crossed(other))
}

/// Whether the arrival of a packet tells more than that it arrived.
fn is_arrival_news(item: &Item, record: &Record) -> bool {
    let Content::Tcp(tcp) = &item.content else {
        return true;
    };
    let flags = tcp.segment.header.flags;
    let is_key_step = matches!(tcp.step.kind, Kind::Third | Kind::Close(_));
    flags.syn() || flags.rst() || is_key_step || tcp.step.again || record.dropped.is_some()
}

/// Whether two packets are under way at once, in opposite directions.
fn crosses(record: &Record, arrived: Instant, other: &Record) -> bool {
    other.from == record.to
        && other.sent < arrived
        && other.arrived.is_some_and(|other_arrived| record.sent < other_arrived)
}

/// Carries the states down the rows.
fn follow_states(trace: &Trace, connection: &Connection, rows: &mut [Row]) {
    let mut states = [connection.left.initial, connection.right.initial];
    for row in rows {
        let mut seen = [None; 2];
        match &row.what {
            What::Packet { item, leg, rightward } => {
                if let Some(record) = trace.records.get(item.record) {
                    let (sender, receiver) = if *rightward { (0, 1) } else { (1, 0) };
                    if *leg != Leg::Arrival && !record.injected {
                        seen[sender] = record.sender_state;
                    }
                    if *leg != Leg::Departure {
                        seen[receiver] = record.receiver_state;
                    }
                }
            }
            What::Mark(index) => {
                if let Some(mark) = trace.marks.get(*index) {
                    let side = usize::from(mark.host != connection.left.host);
                    seen[side] = mark.state;
                }
            }
            What::Folded(_) => {}
        }
        for (side, state) in states.iter_mut().enumerate() {
            if seen[side].is_some() && seen[side] != *state {
                row.changed[side] = true;
                *state = seen[side];
            }
        }
        row.states = states;
    }
}

/// Folds the middle of long runs of plain data and acknowledgments.
fn fold<'a>(trace: &Trace, rows: Vec<Row<'a>>) -> Vec<Row<'a>> {
    let mut folded: Vec<Row<'a>> = Vec::with_capacity(rows.len());
    let mut run: Vec<Row<'a>> = Vec::new();
    for row in rows {
        if is_plain(trace, &row) {
            run.push(row);
        } else {
            fold_run(&mut run, &mut folded);
            folded.push(row);
        }
    }
    fold_run(&mut run, &mut folded);
    folded
}

fn fold_run<'a>(run: &mut Vec<Row<'a>>, out: &mut Vec<Row<'a>>) {
    if run.len() < RUN_MIN {
        out.append(run);
        return;
    }
    let tail = run.split_off(run.len() - RUN_TAIL);
    let middle = run.split_off(RUN_HEAD);
    out.append(run);
    let mut sum = Folded::default();
    for row in &middle {
        if let What::Packet { item, .. } = row.what
            && let Content::Tcp(tcp) = &item.content
        {
            sum.bytes += u64::from(tcp.segment.payload);
            if tcp.segment.payload > 0 {
                sum.data += 1;
            } else {
                sum.acks += 1;
            }
        }
    }
    if let Some(first) = middle.into_iter().next() {
        out.push(Row {
            what: What::Folded(sum),
            ..first
        });
    }
    out.extend(tail);
}

/// Whether a row tells nothing but that data flows.
fn is_plain(trace: &Trace, row: &Row) -> bool {
    let What::Packet { item, leg, .. } = row.what else {
        return false;
    };
    let (Content::Tcp(tcp), Some(record)) = (&item.content, trace.records.get(item.record)) else {
        return false;
    };
    let is_quiet = record.fate == Fate::Delivered && !record.injected && record.dropped.is_none();
    leg == Leg::Whole
        && is_quiet
        && record.notes.is_empty()
        && row.changed == [false; 2]
        && !tcp.step.again
        && !tcp.segment.header.flags.urg()
        && matches!(tcp.step.kind, Kind::Data | Kind::Ack | Kind::WindowUpdate)
}
