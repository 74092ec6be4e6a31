//! Reassembly with every relation that a segment can have to what is held already, in each order of arrival, with other bytes
//! in each segment, before and across the end of sequence space.
//!
//! ```text
//!   RCV.NXT        20        40        60        80
//!      |   hole    |####A####|   hole   |###B###|
//! ```
//! Spec: RFC 9293 section 3.10.7.4 (seventh step): what was there first stays, and RFC 2018 section 4: the first SACK block
//! holds the segment that has just arrived; RFC 2883 section 4: before it stands what of that came twice.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::{Case, all_pass};

/// Bytes from RCV.NXT on: the first, and the one after the last.
type Span = (u32, u32);

/// What stands held already.
const A: Span = (20, 40);
const B: Span = (60, 80);
/// What is sent at last fills every hole.
const ALL: Span = (0, 100);

/// The thirteen relations of two intervals (Allen), as N is to A; then what two islands add.
#[rustfmt::skip]
const RELATIONS: &[(&str, &[Span], Span)] = &[
    ("left of it",                      &[A],    (5, 15)),
    ("touching its left",               &[A],    (10, 20)),
    ("across its left edge",            &[A],    (10, 30)),
    ("the same end, longer",            &[A],    (10, 40)),
    ("covering it",                     &[A],    (10, 50)),
    ("the same beginning, shorter",     &[A],    (20, 30)),
    ("equal",                           &[A],    (20, 40)),
    ("the same beginning, longer",      &[A],    (20, 50)),
    ("inside",                          &[A],    (25, 35)),
    ("the same end, shorter",           &[A],    (30, 40)),
    ("across its right edge",           &[A],    (30, 50)),
    ("touching its right",              &[A],    (40, 50)),
    ("right of it",                     &[A],    (45, 55)),
    ("one byte into its left",          &[A],    (10, 21)),
    ("one byte into its right",         &[A],    (39, 50)),
    ("one byte short of its left",      &[A],    (10, 19)),
    ("one byte off its right",          &[A],    (41, 50)),
    ("between two",                     &[A, B], (45, 55)),
    ("between two, touching the left",  &[A, B], (40, 55)),
    ("between two, touching the right", &[A, B], (45, 60)),
    ("filling the hole between two",    &[A, B], (40, 60)),
    ("across the hole between two",     &[A, B], (30, 70)),
    ("covering one, touching two",      &[A, B], (10, 60)),
    ("from inside one to past two",     &[A, B], (30, 90)),
    ("across two holes",                &[A, B], (10, 70)),
    ("covering two",                    &[A, B], (10, 90)),
    ("from RCV.NXT, short of it",       &[A],    (0, 10)),
    ("from RCV.NXT, touching it",       &[A],    (0, 20)),
    ("from RCV.NXT, into it",           &[A],    (0, 30)),
    ("from RCV.NXT, covering it",       &[A],    (0, 50)),
    ("from RCV.NXT, across two",        &[A, B], (0, 70)),
    ("from RCV.NXT, covering two",      &[A, B], (0, 90)),
];

/// A receiver as the standards describe it, byte by byte.
struct Model {
    /// What each byte beyond the beginning is, once it came.
    bytes: BTreeMap<u32, u8>,
    /// When a byte of each place was sent last.
    touched: BTreeMap<u32, usize>,
    arrivals: usize,
}

impl Model {
    const fn new() -> Self {
        Self {
            bytes: BTreeMap::new(),
            touched: BTreeMap::new(),
            arrivals: 0,
        }
    }

    fn arrive(&mut self, (start, end): Span, byte: u8) {
        self.arrivals += 1;
        for at in start..end {
            self.bytes.entry(at).or_insert(byte);
            self.touched.insert(at, self.arrivals);
        }
    }

    /// What of a segment is there already: all of it, or what lies before the first byte that did not come.
    fn twice(&self, (start, end): Span) -> Option<Span> {
        let next = self.next();
        if start < next {
            Some((start, end.min(next)))
        } else {
            (start..end)
                .all(|at| self.bytes.contains_key(&at))
                .then_some((start, end))
        }
    }

    /// The first byte that did not come.
    fn next(&self) -> u32 {
        (0..).find(|at| !self.bytes.contains_key(at)).unwrap_or_default()
    }

    /// What lies beyond a hole, the one touched last first.
    fn blocks(&self) -> Vec<Span> {
        let mut blocks: Vec<Span> = Vec::new();
        for &at in self.bytes.keys().filter(|&&at| at > self.next()) {
            match blocks.last_mut() {
                Some((_, end)) if *end == at => *end += 1,
                _ => blocks.push((at, at + 1)),
            }
        }
        let latest = |&(start, end): &Span| (start..end).filter_map(|at| self.touched.get(&at)).max();
        blocks.sort_by_key(|block| std::cmp::Reverse(latest(block)));
        blocks
    }
}

/// One case: the segments in their order of arrival, each of other bytes, after `first` bytes that came in order.
fn script(segments: &[(Span, u8)], first: u32, has_sack: bool) -> String {
    let offered = if has_sack {
        "<mss 1000,sackOK,nop,nop>"
    } else {
        "<mss 1000>"
    };
    let agreed = if has_sack {
        "<mss 1460,nop,nop,sackOK>"
    } else {
        "<mss 1460>"
    };
    let mut text = format!(
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n\
         +0 < S 0:0(0) win 5000 {offered}\n+0 > S. 0:0(0) ack 1 {agreed}\n\
         +.1 < . 1:1(0) ack 1 win 5000\n+0 accept(3, ..., ...) = 4\n"
    );
    let base = 1 + first;
    if first > 0 {
        let _ = write!(
            text,
            "+0 < P. 1:{base}({first}) ack 1 win 5000\n+0 > . 1:1(0) ack {base}\n+0 read(4, ..., 9999) = {first}\n"
        );
    }
    let mut model = Model::new();
    for &(span, byte) in segments {
        let (start, end) = (base + span.0, base + span.1);
        let len = end - start;
        let _ = writeln!(text, "+.01 < [fill {byte}] . {start}:{end}({len}) ack 1 win 5000");
        let twice = model.twice(span);
        model.arrive(span, byte);
        let blocks: Vec<String> = twice
            .into_iter()
            .chain(model.blocks())
            .map(|(left, right)| format!("{}:{}", base + left, base + right))
            .collect();
        let sack = if has_sack && !blocks.is_empty() {
            format!(" <nop,nop,sack {}>", blocks.join(" "))
        } else {
            String::new()
        };
        let _ = writeln!(text, "+0 > . 1:1(0) ack {}{sack}", base + model.next());
    }
    let bytes: Vec<u8> = model.bytes.into_values().collect();
    let _ = writeln!(text, "+0 read(4, \"{}\", 9999) = {}", bytes.escape_ascii(), bytes.len());
    text
}

#[test]
fn every_overlap_in_every_order() {
    let mut cases = Vec::new();
    for &(relation, held, new) in RELATIONS {
        let segment = |span: Span, byte: u8| (span, byte);
        let new = segment(new, b'n');
        let mut orders = Vec::new();
        match *held {
            [a, b] => {
                let (a, b) = (segment(a, b'a'), segment(b, b'b'));
                orders.extend([vec![a, b, new], vec![b, a, new], vec![a, new, b], vec![b, new, a]]);
                orders.extend([vec![new, a, b], vec![new, b, a]]);
            }
            [a] => orders.extend([vec![segment(a, b'a'), new], vec![new, segment(a, b'a')]]),
            _ => {}
        }
        for mut order in orders {
            let names: String = order.iter().map(|&(_, byte)| char::from(byte)).collect();
            order.push((ALL, b'z'));
            // The peer's numbers pass the end of the circle about 2,000 bytes on: once among what is held.
            for first in [0, 1_950] {
                for has_sack in [false, true] {
                    cases.push(Case {
                        name: format!("{relation}, in the order {names}, {first} bytes before, SACK {has_sack}"),
                        text: script(&order, first, has_sack),
                    });
                }
            }
        }
    }
    all_pass(&cases, 432);
}
