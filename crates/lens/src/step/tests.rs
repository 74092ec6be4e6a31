use stack::Cause;

use super::*;
use crate::fixture::{Scene, V4};
use crate::record::Trace;

/// The names of all steps of a scene, in order.
fn steps(trace: &Trace) -> Vec<String> {
    let mut classifier = Classifier::new();
    trace
        .records
        .iter()
        .map(|record| {
            let segment = Segment::parse(&record.bytes).unwrap();
            let step = if record.injected {
                classifier.step_of_forged(&segment)
            } else {
                classifier.step(&segment, record.cause)
            };
            step.to_string()
        })
        .collect()
}

/// The right side begins at 4,294,967,200, so every scene with more than 96 bytes goes round the circle.
fn scene() -> Scene {
    Scene::new("", V4)
}

fn opened() -> Scene {
    let mut s = scene();
    s.open(0);
    s
}

/// A row: its name, what happens after the handshake, and the names of the steps from there on.
type Row = (&'static str, fn(&mut Scene), &'static [&'static str]);

#[test]
fn steps_after_the_handshake() {
    let rows: &[Row] = &[
        (
            "close in four steps",
            |s| {
                s.left(1, "FA", 1, 1, 0);
                s.right(2, "A", 1, 2, 0);
                s.right(3, "FA", 1, 2, 0);
                s.left(4, "A", 2, 2, 0);
            },
            &["close 1/4", "close 2/4", "close 3/4", "close 4/4"],
        ),
        (
            "the second FIN acknowledges the first",
            |s| {
                s.right(1, "FA", 1, 1, 0);
                s.left(2, "FA", 1, 2, 0);
                s.right(3, "A", 2, 2, 0);
            },
            &["close 1/4", "close 2+3/4", "close 4/4"],
        ),
        (
            "FIN behind data, half-close with data, round the circle",
            |s| {
                s.left(1, "FPA", 1, 1, 10);
                s.right(2, "PA", 1, 12, 500);
                s.left(3, "A", 12, 501, 0);
                s.right(4, "FPA", 501, 12, 500);
                s.left(5, "A", 12, 1002, 0);
            },
            &["close 1/4", "close 2/4", "ack", "close 3/4", "close 4/4"],
        ),
        (
            "simultaneous close",
            |s| {
                s.left(1, "FA", 1, 1, 0);
                s.right(1, "FA", 1, 1, 0);
                s.left(2, "A", 2, 2, 0);
                s.right(2, "A", 2, 2, 0);
            },
            &["close 1/4", "crossing FIN", "ack of FIN", "ack of FIN"],
        ),
        (
            "a FIN sent again, and its acknowledgment",
            |s| {
                s.left(1, "FA", 1, 1, 0);
                s.right(2, "FA", 1, 2, 0);
                s.left(3, "A", 2, 2, 0);
                s.right(4, "FA", 1, 2, 0);
                s.left(5, "A", 2, 2, 0);
            },
            &["close 1/4", "close 2+3/4", "close 4/4", "↻ close 2+3/4", "↻ close 4/4"],
        ),
        (
            "data sent again, and a part of it with new data",
            |s| {
                s.left(1, "PA", 1, 1, 10);
                s.left(2, "PA", 1, 1, 10);
                s.left(3, "PA", 1, 1, 20);
                s.right(4, "A", 1, 21, 0);
            },
            &["data", "↻ data", "data", "ack"],
        ),
        (
            "duplicate acknowledgments",
            |s| {
                s.left(1, "PA", 1, 1, 10);
                s.right(2, "A", 1, 11, 0);
                s.left(3, "PA", 21, 1, 10);
                s.right(4, "A", 1, 11, 0);
            },
            &["data", "ack", "data", "duplicate ack"],
        ),
        (
            "keep-alive with no byte and with one, and the answer",
            |s| {
                s.left(1, "PA", 1, 1, 10);
                s.right(2, "A", 1, 11, 0);
                s.left(3, "A", 10, 1, 0);
                s.right(4, "A", 1, 11, 0);
                s.left(5, "A", 10, 1, 1);
            },
            &["data", "ack", "keep-alive", "probe answer", "keep-alive"],
        ),
        (
            "a keep-alive before any data: the window of the SYN-ACK was not scaled",
            |s| {
                s.left(1, "A", 0, 1, 0);
                s.right(2, "A", 1, 1, 0);
            },
            &["keep-alive", "probe answer"],
        ),
        (
            "the window closes, is probed by Linux and by us, and opens",
            |s| {
                s.left(1, "PA", 1, 1, 10);
                let closed = s.ends.emit(false, 1, 11, 0, |header| header.window = 0);
                s.push(2, 1, closed.clone());
                s.left(3, "A", 10, 1, 0);
                s.push(4, 1, closed);
                s.left(5, "A", 11, 1, 1);
                s.right(6, "A", 1, 11, 0);
            },
            &[
                "data",
                "ack",
                "window probe",
                "probe answer",
                "window probe",
                "window update",
            ],
        ),
        (
            "reset",
            |s| {
                s.left(1, "R", 1, 0, 0);
            },
            &["reset"],
        ),
        (
            "a new connection of the same ends after a reset",
            |s| {
                s.left(1, "R", 1, 0, 0);
                s.left(2, "S", 70_000, 0, 0);
            },
            &["reset", "handshake 1/3"],
        ),
        (
            "a SYN on a connection, and the challenge it gets",
            |s| {
                s.left(1, "S", 70_000, 0, 0);
                s.right(2, "A", 1, 1, 0).cause = Some(Cause::ChallengeAck);
            },
            &["stray SYN", "challenge ack"],
        ),
        (
            "what is forged changes nothing",
            |s| {
                s.left(1, "FA", 1, 1, 0).injected = true;
                s.left(2, "R", 500, 0, 0).injected = true;
                s.left(3, "FA", 1, 1, 0);
            },
            &["close 1/4", "reset", "close 1/4"],
        ),
        (
            "the third handshake again, for its first was lost",
            |s| {
                s.right(1000, "SA", 0, 1, 0);
                s.left(1000, "A", 1, 1, 0);
            },
            &["↻ handshake 2/3", "↻ handshake 3/3"],
        ),
    ];
    for (name, happens, expected) in rows {
        let mut s = opened();
        happens(&mut s);
        assert_eq!(&steps(&s.trace)[3..], *expected, "{name}");
    }
}

#[test]
fn the_steps_of_an_open() {
    let rows: &[Row] = &[
        (
            "plain",
            |s| s.open(0),
            &["handshake 1/3", "handshake 2/3", "handshake 3/3"],
        ),
        (
            "the third ACK brings data",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.right(1, "SA", 0, 1, 0);
                s.left(2, "PA", 1, 1, 100);
            },
            &["handshake 1/3", "handshake 2/3", "handshake 3/3"],
        ),
        (
            "SYN and SYN-ACK again",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.left(1000, "S", 0, 0, 0);
                s.right(1001, "SA", 0, 1, 0);
                s.right(2001, "SA", 0, 1, 0);
                s.left(2002, "A", 1, 1, 0);
            },
            &[
                "handshake 1/3",
                "↻ handshake 1/3",
                "handshake 2/3",
                "↻ handshake 2/3",
                "handshake 3/3",
            ],
        ),
        (
            "refused",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.right(1, "RA", 0, 1, 0);
            },
            &["handshake 1/3", "refused"],
        ),
        (
            "simultaneous",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.right(0, "S", 0, 0, 0);
                s.left(1, "SA", 0, 1, 0);
                s.right(1, "SA", 0, 1, 0);
            },
            &["handshake 1/3", "crossing SYN", "crossing SYNACK", "crossing SYNACK"],
        ),
        (
            "a SYN-ACK that acknowledges what was never sent, and its reset",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.right(1, "SA", 0, 900, 0);
                s.left(2, "R", 900, 0, 0);
            },
            &["handshake 1/3", "stray SYN", "reset"],
        ),
        (
            "reopened after a close",
            |s| {
                s.open(0);
                s.left(1, "FA", 1, 1, 0);
                s.right(2, "FA", 1, 2, 0);
                s.left(3, "A", 2, 2, 0);
                s.left(4, "S", 70_000, 0, 0);
                s.right(5, "SA", 90_000, 70_001, 0);
                s.left(6, "A", 70_001, 90_001, 0);
            },
            &[
                "handshake 1/3",
                "handshake 2/3",
                "handshake 3/3",
                "close 1/4",
                "close 2+3/4",
                "close 4/4",
                "handshake 1/3",
                "handshake 2/3",
                "handshake 3/3",
            ],
        ),
    ];
    for (name, happens, expected) in rows {
        let mut s = scene();
        happens(&mut s);
        assert_eq!(steps(&s.trace), *expected, "{name}");
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_still_has_names() {
    let mut s = scene();
    s.left(0, "PA", 1000, 1000, 100);
    s.right(1, "A", 1000, 1100, 0);
    s.left(2, "FA", 1100, 1000, 0);
    assert_eq!(steps(&s.trace), ["data", "ack", "close 1/4"]);
}

#[test]
fn labels_fit_their_column() {
    let kinds = [
        Kind::First,
        Kind::CrossingSynAck,
        Kind::WindowUpdate,
        Kind::ChallengeAck,
        Kind::DuplicateAck,
    ];
    for kind in kinds {
        assert!(kind.label().len() <= 15, "{}", kind.label());
    }
}
