//! Where each box of the figure stands and which way each line runs, laid out by hand.
//!
//! ```text
//!                 CLOSED ───────────╮
//!       ╭──────── LISTEN            │
//!  SYN-RECEIVED ───────────────  SYN-SENT
//!       ╰────── ESTABLISHED ────────╯
//!   FIN-WAIT-1 ─────┴─┴────────  CLOSE-WAIT
//!   FIN-WAIT-2    CLOSING         LAST-ACK
//!       ╰──────  TIME-WAIT
//! ```

use syndic_stack::State::{self, *};

/// Width and height of the whole. Units: pixels, as everywhere here.
pub(crate) const SIZE: (i32, i32) = (976, 880);

/// Half the width and half the height of a box.
pub(crate) const HALF: (i32, i32) = (78, 23);

/// The columns' and rails' middles.
const LEFT: i32 = 190;
const MIDDLE: i32 = 466;
const RIGHT: i32 = 742;
const LEFT_RAIL: i32 = 44;
const FAR_LEFT_RAIL: i32 = 22;
const RIGHT_RAIL: i32 = 936;

/// The rows' middles.
const ROWS: [i32; 7] = [84, 184, 296, 408, 520, 632, 744];

/// Part of a connection's life, which gives a box its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    None,
    Opening,
    Open,
    WeClose,
    TheyClose,
}

impl Phase {
    /// Its name in the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Opening => "opening",
            Self::Open => "open",
            Self::WeClose => "we",
            Self::TheyClose => "they",
        }
    }
}

/// The middle of a state's box.
pub(crate) const fn middle(state: State) -> (i32, i32) {
    match state {
        Closed => (MIDDLE, ROWS[0]),
        Listen => (MIDDLE, ROWS[1]),
        SynReceived => (LEFT, ROWS[2]),
        SynSent => (RIGHT, ROWS[2]),
        Established => (MIDDLE, ROWS[3]),
        FinWait1 => (LEFT, ROWS[4]),
        CloseWait => (RIGHT, ROWS[4]),
        FinWait2 => (LEFT, ROWS[5]),
        Closing => (MIDDLE, ROWS[5]),
        LastAck => (RIGHT, ROWS[5]),
        TimeWait => (MIDDLE, ROWS[6]),
    }
}

/// The part of life that a state belongs to.
pub(crate) const fn phase(state: State) -> Phase {
    match state {
        Closed => Phase::None,
        Listen | SynSent | SynReceived => Phase::Opening,
        Established => Phase::Open,
        FinWait1 | FinWait2 | Closing | TimeWait => Phase::WeClose,
        CloseWait | LastAck => Phase::TheyClose,
    }
}

/// On which side of its point a label stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    Before,
    Above,
    After,
}

/// A line from box to box: its corners, and where its label stands.
pub(crate) struct Route {
    pub(crate) points: Vec<(i32, i32)>,
    pub(crate) label: (i32, i32),
    pub(crate) side: Side,
}

/// The way from one box to another; `None` where none is laid out.
pub(crate) fn route(from: State, to: State) -> Option<Route> {
    let (x, y) = middle(from);
    let (tx, ty) = middle(to);
    let (w, h) = HALF;
    let straight_down = |dx: i32| vec![(x + dx, y + h), (x + dx, ty - h)];
    let halfway = (y + ty) / 2;
    let (points, label, side) = match (from, to) {
        (Closed, Listen) => (straight_down(-22), (x - 32, halfway), Side::Before),
        (Listen, Closed) => (vec![(x + 22, y - h), (x + 22, ty + h)], (x + 32, halfway), Side::After),
        (Closed, SynSent) => (
            vec![(x + w, y - 9), (tx + 22, y - 9), (tx + 22, ty - h)],
            (tx + 32, 190),
            Side::After,
        ),
        (SynSent, Closed) => (
            vec![(x - 22, y - h), (x - 22, ty + 9), (tx + w, ty + 9)],
            (x - 32, 190),
            Side::Before,
        ),
        (Listen, SynReceived) => (
            vec![(x - w, y), (tx, y), (tx, ty - h)],
            ((x - w + tx) / 2, y - 9),
            Side::Above,
        ),
        (SynSent, SynReceived) => (vec![(x - w, y), (tx + w, y)], (MIDDLE, y - 9), Side::Above),
        (SynReceived, Established) => (
            vec![(x + 40, y + h), (x + 40, ty), (tx - w, ty)],
            ((x + 40 + tx - w) / 2, ty - 9),
            Side::Above,
        ),
        (SynSent, Established) => (
            vec![(x, y + h), (x, ty), (tx + w, ty)],
            ((x + tx + w) / 2, ty - 9),
            Side::Above,
        ),
        (SynReceived, FinWait1) => (straight_down(-40), (x - 50, halfway), Side::Before),
        (Established, FinWait1) => (
            vec![(x - 30, y + h), (x - 30, ty - 10), (tx + w, ty - 10)],
            ((tx + w + x - 30) / 2, ty - 19),
            Side::Above,
        ),
        (Established, CloseWait) => (
            vec![(x + 30, y + h), (x + 30, ty), (tx - w, ty)],
            ((tx - w + x + 30) / 2, ty - 9),
            Side::Above,
        ),
        (FinWait1, FinWait2) => (straight_down(0), (x + 10, halfway + 8), Side::After),
        (FinWait1, Closing) => (
            vec![(x + w, y + 10), (tx, y + 10), (tx, ty - h)],
            (tx + 10, halfway + 8),
            Side::After,
        ),
        (FinWait2, TimeWait) => (
            vec![(x, y + h), (x, ty - 9), (tx - w, ty - 9)],
            ((x + tx - w) / 2, ty - 18),
            Side::Above,
        ),
        (CloseWait, LastAck) => (straight_down(0), (x + 10, halfway), Side::After),
        (Closing, TimeWait) => (straight_down(0), (x + 10, halfway), Side::After),
        (LastAck, Closed) => (
            vec![(x + w, y), (RIGHT_RAIL, y), (RIGHT_RAIL, 30), (tx, 30), (tx, ty - h)],
            ((x + w + RIGHT_RAIL) / 2, y - 9),
            Side::Above,
        ),
        (TimeWait, Closed) => (
            vec![(x + w, y), (RIGHT_RAIL, y), (RIGHT_RAIL, 30), (tx, 30), (tx, ty - h)],
            ((x + w + RIGHT_RAIL) / 2, y - 9),
            Side::Above,
        ),
        (TimeWait, SynReceived) => (
            vec![
                (x - w, y + 3),
                (LEFT_RAIL, y + 3),
                (LEFT_RAIL, ty + 5),
                (tx - w, ty + 5),
            ],
            ((LEFT_RAIL + LEFT) / 2, y - 6),
            Side::Above,
        ),
        (SynReceived, TimeWait) => (
            vec![
                (x - w, y - 9),
                (FAR_LEFT_RAIL, y - 9),
                (FAR_LEFT_RAIL, ty + 14),
                (tx - w, ty + 14),
            ],
            ((FAR_LEFT_RAIL + tx - w) / 2, ty + 31),
            Side::Above,
        ),
        (SynReceived, Closed) => (
            vec![(x - 40, y - h), (x - 40, ty), (tx - w, ty)],
            (x - 50, 190),
            Side::Before,
        ),
        _ => return None,
    };
    Some(Route { points, label, side })
}
