//! How figures ran over time: curves and levels below each other, as lines of text or as SVG.
//!
//! ```text
//!                     0 s  3 s       13 s              30 s
//! half-open entries   ▁▁▁▁▁▇███████████▇▆▅▁▁▁▁▁▁▁▁▁▁▁▁    1024
//! flood level         ·····▒▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒········    calm · watch ▒ flood ▓
//! ```
//!
//! Nothing here knows what is drawn.

use stack::Duration;

mod svg;
#[cfg(test)]
mod tests;
mod text;

/// Figures over time. All rows begin at 0 and have a value for each step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plot {
    /// What it shows: one line.
    pub title: String,
    /// Between two values.
    pub step: Duration,
    /// A span that is marked: from, to, and what it is.
    pub shaded: Option<(Duration, Duration, String)>,
    /// What is counted.
    pub curves: Vec<Curve>,
    /// What is on one of a few levels.
    pub steps: Vec<Steps>,
}

/// A count over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Curve {
    /// What is counted, with its unit.
    pub name: String,
    /// The values.
    pub values: Vec<u64>,
}

/// A level over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// Whose level.
    pub name: String,
    /// The levels: indices into `names`.
    pub values: Vec<u8>,
    /// What they are called, the lowest first.
    pub names: Vec<String>,
}

impl Plot {
    /// In lines of text, 120 columns at the most. Each ends in a newline.
    pub fn text(&self) -> String {
        text::draw(self)
    }

    /// As an SVG document, for light grounds and dark ones.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }

    /// How many values the longest row has.
    fn len(&self) -> usize {
        let curves = self.curves.iter().map(|curve| curve.values.len());
        curves
            .chain(self.steps.iter().map(|steps| steps.values.len()))
            .max()
            .unwrap_or_default()
    }

    /// Its whole length.
    fn span(&self) -> Duration {
        self.step.times(self.len() as u64)
    }
}

/// `13 s`, `2.5 s`.
fn seconds(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    match tenths % 10 {
        0 => format!("{} s", tenths / 10),
        rest => format!("{}.{rest} s", tenths / 10),
    }
}
