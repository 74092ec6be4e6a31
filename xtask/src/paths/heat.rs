//! The ratios as a heat map: two panels, a field for each path.

use std::fmt::Write as _;

use super::cell::{Cell, Queue, Rtt, Trouble};
use super::report::{Ratios, Report};

/// Where the fields are. Units: pixels.
const LEFT: usize = 150;
const TOP: usize = 92;
const WIDTH: usize = 62;
const HEIGHT: usize = 36;
const GAP: usize = 40;

/// From here on a field is green; below the second it is red.
const GOOD: f64 = 1.0;
const LEAST: f64 = 0.9;

/// Light colours, and dark ones where the reader asks for them.
const STYLE: &str = "
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 12.5px; fill: #1f2933 }
.title { font-size: 15px; font-weight: 600 }
.note { fill: #52606d }
.field { stroke: #ffffff; stroke-width: 2 }
.good { fill: #2f9e62 }
.fair { fill: #cf9433 }
.bad { fill: #c4453c }
.none { fill: #8a96a3; fill-opacity: .2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e9ee }
  .note { fill: #a7b3bf }
  .field { stroke: #14181d }
}
";

pub(super) fn draw(report: &Report) -> String {
    let panel = Trouble::ALL.len() * WIDTH;
    let rows = Rtt::ALL.len() * Queue::ALL.len();
    let (width, height) = (LEFT + 2 * panel + GAP + 20, TOP + rows * HEIGHT + 44);
    let title = "Goodput on bad paths, as a share of Linux to Linux";
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{title}</title>\n<style>{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"26\">{title}</text>\n"
    );
    names(&mut out);
    let sends: fn(&Ratios) -> Option<f64> = |ratios| ratios.sends;
    let receives: fn(&Ratios) -> Option<f64> = |ratios| ratios.receives;
    let panels = [
        ("Syndic sends, Linux receives", sends, report.geometric_mean.sends),
        ("Linux sends, Syndic receives", receives, report.geometric_mean.receives),
    ];
    for (n, (name, ratio, mean)) in panels.into_iter().enumerate() {
        let left = LEFT + n * (panel + GAP);
        let mean = mean.map_or(String::new(), |mean| format!(": geometric mean {mean:.2}"));
        let _ = writeln!(out, "<text x=\"{left}\" y=\"54\">{name}{mean}</text>");
        fields(&mut out, report, left, ratio);
    }
    let _ = writeln!(
        out,
        "<text class=\"note\" x=\"{LEFT}\" y=\"{}\">100 Mbit/s; green from {GOOD:.1}, red below {LEAST:.1}; late: held back by half a \
         round trip</text>\n</svg>",
        height - 16
    );
    out
}

/// What the rows are, on the left of both panels.
fn names(out: &mut String) {
    for (row, (rtt, queue)) in rows().enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} ms, {}</text>",
            LEFT - 12,
            TOP + row * HEIGHT + HEIGHT / 2 + 4,
            rtt.milliseconds(),
            queue.describe()
        );
    }
}

fn rows() -> impl Iterator<Item = (Rtt, Queue)> {
    Rtt::ALL
        .into_iter()
        .flat_map(|rtt| Queue::ALL.into_iter().map(move |queue| (rtt, queue)))
}

fn fields(out: &mut String, report: &Report, left: usize, ratio: fn(&Ratios) -> Option<f64>) {
    for (column, trouble) in Trouble::ALL.into_iter().enumerate() {
        let x = left + column * WIDTH;
        let middle = x + WIDTH / 2;
        let _ = writeln!(
            out,
            "<text class=\"note\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            TOP - 10,
            trouble.describe()
        );
        for (row, (rtt, queue)) in rows().enumerate() {
            let cell = Cell { rtt, trouble, queue };
            let found = report.rows.iter().find(|row| row.cell == cell);
            let ratio = found.and_then(|row| ratio(&row.ratios));
            let (class, opacity) = colour(ratio);
            let y = TOP + row * HEIGHT;
            let _ = writeln!(
                out,
                "<rect class=\"field {class}\" fill-opacity=\"{opacity:.2}\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" \
                 height=\"{HEIGHT}\"><title>{cell}</title></rect>"
            );
            if let Some(ratio) = ratio {
                let _ = writeln!(
                    out,
                    "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{ratio:.2}</text>",
                    y + HEIGHT / 2 + 4
                );
            }
        }
    }
}

/// The further from 1, the stronger.
fn colour(ratio: Option<f64>) -> (&'static str, f64) {
    let strength = |distance: f64| 0.25 + 0.5 * distance.clamp(0.0, 1.0);
    match ratio {
        None => ("none", 1.0),
        Some(ratio) if ratio >= GOOD => ("good", strength(ratio - GOOD)),
        Some(ratio) if ratio >= LEAST => ("fair", strength((GOOD - ratio) * 2.0)),
        Some(ratio) => ("bad", strength((LEAST - ratio) * 2.0)),
    }
}
