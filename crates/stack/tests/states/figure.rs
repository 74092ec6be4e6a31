//! The figure as SVG. What is drawn comes from the table; [`layout`](crate::layout) only says where.

use std::fmt::Write as _;

use syndic_stack::State;
use syndic_stack::tcp::state::{Arrow, next};

use crate::layout::{HALF, Phase, SIZE, Side, middle, phase, route};

/// How round a line's corners are.
const CORNER: i32 = 12;

/// Light colours, and dark ones where the reader asks for them. Lines and words stay readable on either ground, for who draws
/// the file may not know which it is.
const STYLE: &str = "
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2933 }
.state { font-size: 14px; font-weight: 600; letter-spacing: .3px; text-anchor: middle }
.label { font-size: 12.5px; fill: #52606d }
.call { font-weight: 600; letter-spacing: .4px; fill: #1d5fa8 }
.time { font-style: italic }
.note { font-size: 12.5px; fill: #52606d }
.box { stroke-width: 1.5 }
.none { fill: #f1f3f5; stroke: #8a96a3 }
.opening { fill: #e8f1fb; stroke: #4f8fd0 }
.open { fill: #e3f5ea; stroke: #3a9b63 }
.we { fill: #fdf3e1; stroke: #cf9433 }
.they { fill: #f5ebfa; stroke: #a06cc4 }
.line { fill: none; stroke: #7b8794; stroke-width: 1.5 }
.head { fill: #7b8794 }
.mark { fill: none; stroke: #c4453c; stroke-width: 1.6; stroke-linecap: round }
.dot { fill: #c4453c }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e9ee }
  .label, .note { fill: #a7b3bf }
  .call { fill: #7db5ee }
  .none { fill: #2a3037; stroke: #76828e }
  .opening { fill: #172a3f; stroke: #4f8fd0 }
  .open { fill: #15301f; stroke: #3a9b63 }
  .we { fill: #382a10; stroke: #cf9433 }
  .they { fill: #2e1c3a; stroke: #a06cc4 }
  .mark { stroke: #ee7a70 }
  .dot { fill: #ee7a70 }
}
";

/// What the RFC calls it.
const fn words(arrow: Arrow) -> &'static str {
    match arrow {
        Arrow::PassiveOpen => "passive OPEN",
        Arrow::ActiveOpen => "active OPEN",
        Arrow::SynArrives => "SYN arrives",
        Arrow::SynAckArrives => "SYN-ACK arrives",
        Arrow::OurSynAcked => "our SYN acked",
        Arrow::Close => "CLOSE",
        Arrow::FinArrives => "FIN arrives",
        Arrow::OurFinAcked => "our FIN acked",
        Arrow::TwoMslOver => "2MSL are over",
        Arrow::ResetArrives => "RST arrives",
        Arrow::Abort => "ABORT",
        Arrow::TimedOut => "time runs out",
        Arrow::ReopeningFails => "reopening fails",
        Arrow::MakesRoom => "makes room",
        Arrow::CookieReturns => "cookie returns",
    }
}

/// Calls stand out, and what only time does leans.
const fn class(arrow: Arrow) -> &'static str {
    match arrow {
        Arrow::PassiveOpen | Arrow::ActiveOpen | Arrow::Close | Arrow::Abort => "label call",
        Arrow::TwoMslOver | Arrow::TimedOut => "label time",
        _ => "label",
    }
}

/// Arrows that end a connection at once. They go to CLOSED from nearly everywhere: a mark on the box, not a line.
const ABRUPT: [Arrow; 3] = [Arrow::ResetArrives, Arrow::Abort, Arrow::TimedOut];

/// What ends a connection at once in this state.
fn abrupt(state: State) -> Vec<Arrow> {
    let to_closed = |arrow: &Arrow| next(state, *arrow) == Some(State::Closed);
    ABRUPT.into_iter().filter(to_closed).collect()
}

/// The whole figure.
///
/// Panics where the table has an arrow that the layout has no way for.
pub(crate) fn draw() -> String {
    let (width, height) = SIZE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">The states of a TCP connection (RFC 9293 figure 5) as crates/stack/src/tcp/state.rs has them</title>\n\
         <style>{STYLE}</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 1 10 5 0 9z\"/></marker></defs>\n"
    );
    for from in State::ALL {
        for to in State::ALL {
            arrows(&mut out, from, to);
        }
    }
    for state in State::ALL {
        state_box(&mut out, state);
    }
    legend(&mut out);
    out.push_str("</svg>\n");
    out
}

/// The line from one state to another with the arrows that take it, where there are any.
fn arrows(out: &mut String, from: State, to: State) {
    let taken: Vec<Arrow> = Arrow::ALL
        .into_iter()
        .filter(|&arrow| next(from, arrow) == Some(to))
        .filter(|arrow| !(to == State::Closed && ABRUPT.contains(arrow)))
        .collect();
    let way = route(from, to);
    assert_eq!(
        !taken.is_empty(),
        way.is_some(),
        "{from} to {to}: the table and the layout disagree"
    );
    let Some(way) = way else { return };
    let _ = writeln!(
        out,
        "<path class=\"line\" marker-end=\"url(#head)\" d=\"{}\"/>",
        path(&way.points)
    );
    let anchor = match way.side {
        Side::Before => "end",
        Side::Above => "middle",
        Side::After => "start",
    };
    // Beside a line the words are centred on their point; above it they stand on it.
    let (x, y) = way.label;
    let first = match way.side {
        Side::Above => y - 16 * (taken.len() as i32 - 1),
        Side::Before | Side::After => y + 4 - 8 * (taken.len() as i32 - 1),
    };
    for (arrow, i) in taken.into_iter().zip(0..) {
        let (y, class, words) = (first + 16 * i, class(arrow), words(arrow));
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    }
}

/// A line through these points, its corners rounded.
fn path(points: &[(i32, i32)]) -> String {
    let towards =
        |(x, y): (i32, i32), (tx, ty): (i32, i32)| (x + (tx - x).signum() * CORNER, y + (ty - y).signum() * CORNER);
    let mut out = String::new();
    if let [(x, y), ..] = points {
        let _ = write!(out, "M{x} {y}");
    }
    for corner in points.windows(3) {
        if let &[before, at, after] = corner {
            let ((ax, ay), (bx, by)) = (towards(at, before), towards(at, after));
            let _ = write!(out, " L{ax} {ay} Q{} {} {bx} {by}", at.0, at.1);
        }
    }
    if let [.., (x, y)] = points {
        let _ = write!(out, " L{x} {y}");
    }
    out
}

fn state_box(out: &mut String, state: State) {
    let ((x, y), (w, h)) = (middle(state), HALF);
    rounded(out, phase(state), (x - w, y - h), (2 * w, 2 * h));
    let _ = writeln!(out, "<text class=\"state\" x=\"{x}\" y=\"{}\">{state}</text>", y + 5);
    mark(out, &abrupt(state), (x + w - 9, y - h + 9));
}

fn rounded(out: &mut String, phase: Phase, (x, y): (i32, i32), (w, h): (i32, i32)) {
    let class = phase.class();
    let _ = writeln!(
        out,
        "<rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{}\"/>",
        (h / 4).min(10)
    );
}

/// A cross where all of [`ABRUPT`] end the connection, a dot where only ABORT does.
fn mark(out: &mut String, abrupt: &[Arrow], (x, y): (i32, i32)) {
    match abrupt {
        [] => {}
        [Arrow::Abort] => {
            let _ = writeln!(out, "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"2.6\"/>");
        }
        all => {
            assert_eq!(all, ABRUPT, "there is no mark for these");
            let _ = writeln!(
                out,
                "<path class=\"mark\" d=\"M{} {} l6 6 m0 -6 l-6 6\"/>",
                x - 3,
                y - 3
            );
        }
    }
}

/// What colours, words and marks mean.
fn legend(out: &mut String) {
    let (_, height) = SIZE;
    let row = height - 62;
    let phases = [
        (Phase::Opening, "opening", 60),
        (Phase::Open, "open", 160),
        (Phase::WeClose, "we closed first", 240),
        (Phase::TheyClose, "they closed first", 382),
    ];
    for (phase, what, x) in phases {
        rounded(out, phase, (x, row - 11), (20, 14));
        let _ = writeln!(out, "<text class=\"note\" x=\"{}\" y=\"{row}\">{what}</text>", x + 28);
    }
    let _ = writeln!(
        out,
        "<text class=\"note\" x=\"546\" y=\"{row}\"><tspan class=\"call\">CALL</tspan> of the user · \
         segment that arrives · <tspan class=\"time\">time</tspan></text>"
    );
    let row = row + 28;
    let [reset, abort, time] = ABRUPT.map(words);
    mark(out, &ABRUPT, (70, row - 4));
    let _ = writeln!(
        out,
        "<text class=\"note\" x=\"88\" y=\"{row}\">{reset}, <tspan class=\"call\">{abort}</tspan> or \
         <tspan class=\"time\">{time}</tspan>: CLOSED at once</text>"
    );
    mark(out, &[Arrow::Abort], (556, row - 4));
    let _ = writeln!(
        out,
        "<text class=\"note\" x=\"572\" y=\"{row}\"><tspan class=\"call\">{abort}</tspan> alone: CLOSED at once</text>"
    );
}
