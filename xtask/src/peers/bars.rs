//! The figures as bars, in SVG: a panel for each thing measured, in it a bar for each of those measured.

use std::fmt::Write as _;

use super::figure::{Figures, Metric};
use super::who::Who;

/// Units: pixels.
const LEFT: f64 = 90.0;
const WIDTH: f64 = 520.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 52.0;
const BAR: f64 = 16.0;
const STEP: f64 = 20.0;
const TITLE: f64 = 24.0;
const GAP: f64 = 14.0;

/// Light colours, and dark ones where the reader asks for them; both stay readable on either ground.
const STYLE: &str = "
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 12.5px; fill: #1f2933 }
.title { font-size: 15px; font-weight: 600 }
.what { font-weight: 600 }
.note { fill: #52606d }
.bar { fill: #8a96a3; fill-opacity: .7 }
.ours { fill: #1d5fa8; fill-opacity: .9 }
.range { stroke: #52606d; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e9ee }
  .note { fill: #a7b3bf }
  .ours { fill: #7db5ee }
  .range { stroke: #c3ccd5 }
}
";

/// An SVG document.
pub(super) fn svg(figures: &Figures, title: &str) -> String {
    let metrics = figures.metrics();
    let panels: Vec<(Metric, Vec<Who>)> = metrics
        .into_iter()
        .map(|metric| (metric, of(figures, metric)))
        .collect();
    let rows: usize = panels.iter().map(|(_, who)| who.len()).sum();
    let height = TOP + panels.len() as f64 * (TITLE + GAP) + rows as f64 * STEP;
    let width = LEFT + WIDTH + RIGHT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{title}</title>\n<style>{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"26\">{title}</text>\n"
    );
    let mut y = TOP;
    for (metric, everybody) in panels {
        let _ = writeln!(
            out,
            "<text class=\"what\" x=\"16\" y=\"{}\">{}</text>",
            y + 14.0,
            metric.name()
        );
        y += TITLE;
        let most = everybody.iter().filter_map(|who| Some(figures.range(metric, *who)?.1));
        let most = most.fold(0.0, f64::max);
        for who in everybody {
            bar(&mut out, figures, (metric, who), most, y);
            y += STEP;
        }
        y += GAP;
    }
    out.push_str("</svg>\n");
    out
}

/// Who was measured at it.
fn of(figures: &Figures, metric: Metric) -> Vec<Who> {
    let everybody = figures.everybody().into_iter();
    everybody.filter(|who| figures.median(metric, *who).is_some()).collect()
}

/// The median as a bar, the least and the greatest run as a line, the number beside.
fn bar(out: &mut String, figures: &Figures, (metric, who): (Metric, Who), most: f64, y: f64) {
    let Some((median, (least, greatest))) = figures.median(metric, who).zip(figures.range(metric, who)) else {
        return;
    };
    let long = |figure: f64| WIDTH * figure / most.max(f64::MIN_POSITIVE);
    let class = if who == Who::Ours { "ours" } else { "bar" };
    let (name, base, middle) = (who.name(), y + BAR - 4.0, y + BAR / 2.0);
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{name}</text>\n\
         <rect class=\"{class}\" x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\"/>\n\
         <line class=\"range\" x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\"/>\n\
         <text class=\"note\" x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
        LEFT - 8.0,
        long(median),
        LEFT + long(least),
        LEFT + long(greatest),
        LEFT + long(greatest) + 8.0,
        metric.show(median)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_everybody() {
        let figures = super::super::report::tests::figures();
        insta::assert_snapshot!(svg(&figures, "Beside peers"));
    }
}
