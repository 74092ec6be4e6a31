//! What came out of each step, and where two transcripts differ.

use std::fmt;
use std::time::Duration;

/// One thing that the host did, or answered to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// How long after the step began; only where the step is one that takes time.
    pub(crate) after: Option<Duration>,
}

/// The steps of a case, with what came out of each.
pub(crate) type Transcript = Vec<(&'static str, Vec<Line>)>;

/// Where two transcripts of a case differ: for each such step its text, and what came out of it on either side.
pub(crate) fn difference(linux: &Transcript, ours: &Transcript) -> String {
    let mut text = String::new();
    for ((step, linux), (_, ours)) in linux.iter().zip(ours) {
        let same = linux.len() == ours.len() && linux.iter().zip(ours).all(|(a, b)| a.is_like(b));
        if !same {
            text += &format!("{step}\n");
            for (who, lines) in [("linux", linux), ("ours ", ours)] {
                match lines.as_slice() {
                    [] => text += &format!("    {who}  nothing\n"),
                    lines => lines.iter().for_each(|line| text += &format!("    {who}  {line}\n")),
                }
            }
        }
    }
    text
}

/// Whether two texts of [`difference`] say the same, times being what they are.
pub(crate) fn is_same_difference(a: &str, b: &str) -> bool {
    let parsed = |text: &str| -> Vec<Line> { text.trim().lines().map(Line::parse).collect() };
    let (a, b) = (parsed(a), parsed(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.is_like(b))
}

impl Line {
    /// The same text, and about the same time: a kernel's timers are coarse, and this machine may be busy.
    fn is_like(&self, other: &Self) -> bool {
        let is_about = |a: Duration, b: Duration| a.abs_diff(b) <= Duration::from_millis(30) + a.max(b) / 6;
        self.text == other.text
            && match (self.after, other.after) {
                (Some(a), Some(b)) => is_about(a, b),
                (a, b) => a.is_none() && b.is_none(),
            }
    }

    /// Reads what [`fmt::Display`] wrote.
    fn parse(line: &str) -> Self {
        let line = line.trim_end();
        let timed = line.rsplit_once(" +").and_then(|(text, after)| {
            let ms = after.strip_suffix("ms")?.parse().ok()?;
            Some((text, Duration::from_millis(ms)))
        });
        match timed {
            Some((text, after)) => Self {
                text: text.trim().to_owned(),
                after: Some(after),
            },
            None => Self {
                text: line.trim().to_owned(),
                after: None,
            },
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.after {
            Some(after) => write!(f, " +{}ms", (after.as_millis() + 5) / 10 * 10),
            None => Ok(()),
        }
    }
}
