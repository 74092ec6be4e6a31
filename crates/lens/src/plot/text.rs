//! A plot in text: a row for each curve and level, a column for some steps.

use std::fmt::Write as _;

use stack::Duration;

use super::{Curve, Plot, Steps, seconds};
use crate::text::grouped;

/// Columns of a row's name, and of its values.
const NAME: usize = 22;
const WIDTH: usize = 60;
/// From nothing to the most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// From the lowest level to the highest.
const SHADES: [char; 4] = ['·', '▒', '▓', '█'];

pub(super) fn draw(plot: &Plot) -> String {
    let mut out = String::new();
    let columns = WIDTH.min(plot.len());
    let _ = writeln!(out, "{:NAME$}{}", "", scale(plot, columns).trim_end());
    for curve in &plot.curves {
        let _ = writeln!(out, "{}", row_of_curve(curve, columns).trim_end());
    }
    for steps in &plot.steps {
        let _ = writeln!(out, "{}", row_of_steps(steps, columns).trim_end());
    }
    out
}

/// The times that matter, where they are.
fn scale(plot: &Plot, columns: usize) -> String {
    let span = plot.span();
    let mut marks = vec![(Duration::ZERO, seconds(Duration::ZERO))];
    if let Some((from, to, what)) = &plot.shaded {
        marks.push((*from, format!("{what} from {}", seconds(*from))));
        marks.push((*to, format!("to {}", seconds(*to))));
    }
    marks.push((span, seconds(span)));
    let mut line = String::new();
    for (at, text) in marks {
        let column = column_of(at.as_nanos(), span.as_nanos(), columns);
        let used = line.chars().count();
        if used > 0 && column < used + 1 {
            line.push(' ');
        } else {
            line.extend(std::iter::repeat_n(' ', column - used));
        }
        line.push_str(&text);
    }
    line
}

fn column_of(at: u64, span: u64, columns: usize) -> usize {
    (u128::from(at) * columns as u128 / u128::from(span.max(1))) as usize
}

fn row_of_curve(curve: &Curve, columns: usize) -> String {
    let values = gathered(&curve.values, columns);
    let most = values.iter().copied().max().unwrap_or_default();
    let bar = |value: u64| {
        // Nothing is blank, and anything at all can be seen.
        let eighths = (u128::from(value) * 8).div_ceil(u128::from(most.max(1)));
        BARS[(eighths as usize).min(8)]
    };
    let bars: String = values.into_iter().map(bar).collect();
    format!("{:NAME$}{bars}  most {}", curve.name, grouped(most))
}

fn row_of_steps(steps: &Steps, columns: usize) -> String {
    let shade = |level: u8| SHADES[usize::from(level).min(SHADES.len() - 1)];
    let levels: Vec<u64> = steps.values.iter().map(|level| u64::from(*level)).collect();
    let shades: String = gathered(&levels, columns)
        .into_iter()
        .map(|level| shade(level as u8))
        .collect();
    let names = steps.names.iter().enumerate();
    let legend: Vec<String> = names
        .map(|(level, name)| format!("{} {name}", shade(level as u8)))
        .collect();
    format!("{:NAME$}{shades}  {}", steps.name, legend.join("  "))
}

/// The values in so many columns: the most of each.
fn gathered(values: &[u64], columns: usize) -> Vec<u64> {
    let most = |column: usize| {
        let at = |column: usize| (column * values.len()).div_ceil(columns.max(1));
        values
            .get(at(column)..at(column + 1).max(at(column) + 1))
            .and_then(|part| part.iter().max())
    };
    (0..columns)
        .map(|column| most(column).copied().unwrap_or_default())
        .collect()
}
