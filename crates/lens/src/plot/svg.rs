//! A plot as SVG: a panel for each curve, a band for each level, one time below them all.

use std::fmt::Write as _;

use stack::Duration;

use super::{Curve, Plot, Steps, seconds};
use crate::text::grouped;

/// Where the panels are. Units: pixels.
const LEFT: u64 = 170;
const WIDTH: u64 = 640;
const RIGHT: u64 = 110;
const TOP: u64 = 56;
const CURVE: u64 = 72;
const BAND: u64 = 20;
const GAP: u64 = 22;
const FOOT: u64 = 40;

/// Light colours, and dark ones where the reader asks for them; both stay readable on either ground.
const STYLE: &str = "
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 12.5px; fill: #1f2933 }
.title { font-size: 15px; font-weight: 600 }
.note { fill: #52606d }
.line { fill: none; stroke: #1d5fa8; stroke-width: 1.5; stroke-linejoin: round }
.area { fill: #1d5fa8; fill-opacity: .16 }
.axis { stroke: #8a96a3; stroke-width: 1 }
.shaded { fill: #c4453c; fill-opacity: .1 }
.l0 { fill: #3a9b63; fill-opacity: .35 }
.l1 { fill: #cf9433; fill-opacity: .75 }
.l2 { fill: #c4453c; fill-opacity: .85 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e9ee }
  .note { fill: #a7b3bf }
  .line { stroke: #7db5ee }
  .area { fill: #7db5ee }
  .shaded { fill: #ee7a70; fill-opacity: .14 }
}
";

pub(super) fn draw(plot: &Plot) -> String {
    let curves = plot.curves.len() as u64 * (CURVE + GAP);
    let bands = plot.steps.len() as u64 * (BAND + GAP);
    let (width, height) = (LEFT + WIDTH + RIGHT, TOP + curves + bands + FOOT);
    let title = escaped(&plot.title);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{title}</title>\n<style>{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"26\">{title}</text>\n"
    );
    let bottom = TOP + curves + bands - GAP;
    shaded(&mut out, plot, bottom);
    let mut y = TOP;
    for curve in &plot.curves {
        panel(&mut out, curve, y);
        y += CURVE + GAP;
    }
    for steps in &plot.steps {
        band(&mut out, steps, y);
        y += BAND + GAP;
    }
    times(&mut out, plot, bottom);
    out.push_str("</svg>\n");
    out
}

/// The marked span behind all panels, and what it is.
fn shaded(out: &mut String, plot: &Plot, bottom: u64) {
    let Some((from, to, what)) = &plot.shaded else { return };
    let [left, right] = [*from, *to].map(|at| x_of(plot, at));
    let (top, what) = (TOP - 6, escaped(what));
    let _ = writeln!(
        out,
        "<rect class=\"shaded\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"/>\n\
         <text class=\"note\" x=\"{left}\" y=\"{}\">{what}</text>",
        right - left,
        bottom + 6 - top,
        TOP - 11
    );
}

fn x_of(plot: &Plot, at: Duration) -> u64 {
    let span = u128::from(plot.span().as_nanos().max(1));
    LEFT + (u128::from(at.as_nanos()) * u128::from(WIDTH) / span) as u64
}

/// A curve over its area, with its name and its most.
fn panel(out: &mut String, curve: &Curve, top: u64) {
    let most = curve.values.iter().copied().max().unwrap_or_default();
    let bottom = top + CURVE;
    let mut points = String::new();
    for (i, value) in (0_u64..).zip(&curve.values) {
        let x = LEFT * 10 + (2 * i + 1) * WIDTH * 10 / (2 * curve.values.len() as u64);
        let high = u128::from(*value) * u128::from(CURVE) * 10 / u128::from(most.max(1));
        let y = bottom * 10 - high as u64;
        let _ = write!(points, "{}.{} {}.{} ", x / 10, x % 10, y / 10, y % 10);
    }
    let points = points.trim_end();
    let (right, name) = (LEFT + WIDTH, escaped(&curve.name));
    let _ = writeln!(
        out,
        "<polygon class=\"area\" points=\"{LEFT} {bottom} {points} {right} {bottom}\"/>\n\
         <polyline class=\"line\" points=\"{points}\"/>\n\
         <line class=\"axis\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\n\
         <text class=\"note\" x=\"{}\" y=\"{}\">{}</text>\n\
         <text class=\"note\" x=\"{}\" y=\"{bottom}\">0</text>",
        LEFT - 12,
        top + CURVE / 2 + 4,
        right + 8,
        top + 9,
        grouped(most),
        right + 8
    );
}

/// A level as a band: a block for each run of the same, and what the blocks are.
fn band(out: &mut String, steps: &Steps, top: u64) {
    let len = steps.values.len() as u64;
    let x = |i: u64| LEFT + i * WIDTH / len.max(1);
    let mut begin = 0;
    for run in steps.values.chunk_by(|a, b| a == b) {
        let end = begin + run.len() as u64;
        let level = run.first().copied().unwrap_or_default();
        let name = steps.names.get(usize::from(level)).map_or("", String::as_str);
        let _ = writeln!(
            out,
            "<rect class=\"l{}\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{BAND}\"><title>{}</title></rect>",
            class(level, steps.names.len()),
            x(begin),
            x(end) - x(begin),
            escaped(name)
        );
        // A name stands where there is room for it, so that no colour has to be known.
        if x(end) - x(begin) >= 12 + 8 * name.chars().count() as u64 {
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\">{}</text>",
                x(begin) + 6,
                top + 14,
                escaped(name)
            );
        }
        begin = end;
    }
    let name = escaped(&steps.name);
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
        LEFT - 12,
        top + 14
    );
}

/// The lowest level is green and the highest of three or more is red.
fn class(level: u8, levels: usize) -> usize {
    usize::from(level).min(levels.saturating_sub(1)).min(2)
}

/// The time below all panels: both ends, and those of the marked span.
fn times(out: &mut String, plot: &Plot, bottom: u64) {
    let mut marks = vec![Duration::ZERO];
    if let Some((from, to, _)) = plot.shaded {
        marks.extend([from, to]);
    }
    marks.push(plot.span());
    for at in marks {
        let _ = writeln!(
            out,
            "<text class=\"note\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x_of(plot, at),
            bottom + 24,
            seconds(at)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
