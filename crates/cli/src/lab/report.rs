//! What `syndic lab` says: ladders with their verdicts, the summary, the list, and the same as JSON.

use std::fmt::{self, Write as _};

use ::lab::Flood;
use lens::{Ladder, Table};
use serde::Serialize;

use super::outcome::{Outcome, Time};
use super::real;
use super::simulated::World;
use crate::output::Output;

/// A ladder of more lines than both together is cut in its middle when everything is played. Units: lines.
const HEAD: usize = 60;
const TAIL: usize = 30;

/// An outcome as a person reads it: what it is, its ladder, its verdict.
pub(super) struct Shown<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) ladder: Ladder,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome;
        let drawn = self.ladder.draw(&outcome.trace);
        // A ladder begins with its title.
        let (title, ladder) = drawn.trim_end().split_once('\n').unwrap_or_default();
        writeln!(f, "── {} ──\n{title}", outcome.name)?;
        wrapped(&outcome.about).try_for_each(|line| writeln!(f, "{line}"))?;
        self.write_ladder(f, ladder)?;
        if let Some(report) = &outcome.flood {
            writeln!(f, "\n{report}")?;
        }
        if outcome.is_passed() {
            return writeln!(f, "pass");
        }
        writeln!(f, "FAIL")?;
        outcome
            .failures
            .iter()
            .try_for_each(|failure| writeln!(f, "  {failure}"))
    }
}

impl Shown<'_> {
    /// The whole of a ladder, or its beginning and end.
    fn write_ladder(&self, f: &mut fmt::Formatter<'_>, ladder: &str) -> fmt::Result {
        let lines: Vec<&str> = ladder.lines().collect();
        if self.ladder.all || lines.len() <= HEAD + TAIL {
            return writeln!(f, "{ladder}");
        }
        let (head, rest) = lines.split_at(HEAD);
        let (middle, tail) = rest.split_at(rest.len() - TAIL);
        head.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let (left_out, name) = (middle.len(), &self.outcome.name);
        writeln!(
            f,
            "\n          ⋮ {left_out} lines more: `syndic lab {name}` shows them all\n"
        )?;
        tail.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The text in lines of at most 100 columns, broken between words.
fn wrapped(text: &str) -> impl Iterator<Item = String> {
    const WIDTH: usize = 100;
    let mut words = text.split_whitespace().peekable();
    std::iter::from_fn(move || {
        let mut line = words.next()?.to_owned();
        while let Some(word) = words.next_if(|word| line.chars().count() + 1 + word.chars().count() <= WIDTH) {
            line.push(' ');
            line.push_str(word);
        }
        Some(line)
    })
}

/// The table at the end, and where the packets are.
pub(super) fn summary(outcomes: &[Outcome], capture: Option<&str>, skipped: Option<&str>) -> String {
    let mut table = Table::new(["scenario", "what", "verdict", ">segments", ">resent", ">time"]);
    for outcome in outcomes {
        table.row([
            outcome.name.clone(),
            outcome.what.clone(),
            if outcome.is_passed() { "pass" } else { "FAIL" }.to_owned(),
            outcome.counts.segments.to_string(),
            outcome.counts.retransmissions.to_string(),
            outcome.time.to_string(),
        ]);
    }
    let passed = outcomes.iter().filter(|outcome| outcome.is_passed()).count();
    let mut text = format!("{table}\n\n{passed} of {} passed.", outcomes.len());
    if let Some(reason) = skipped {
        let _ = write!(text, " There were no connections with this machine's kernel: {reason}.");
    }
    if let Some(capture) = capture {
        let _ = write!(
            text,
            "\nThe packets, with a comment on each: {capture} (for Wireshark or tshark)"
        );
    }
    text
}

/// `1.234 ms` on the wall's clock, `63.000 s virtual` in a simulated world.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, virtual_) = match self {
            Self::Real(time) => (time, ""),
            Self::Virtual(time) => (time, " virtual"),
        };
        let seconds = time.as_secs_f64();
        if seconds < 1.0 {
            write!(f, "{:.1} ms{virtual_}", seconds * 1e3)
        } else {
            write!(f, "{seconds:.1} s{virtual_}")
        }
    }
}

/// Everything, for programs.
pub(super) fn json(outcomes: &[Outcome], capture: Option<&str>, skipped: Option<&str>) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct Document<'a> {
        /// The version of this document's shape.
        version: u32,
        passed: bool,
        /// Why there are no cases with the kernel.
        skipped: Option<&'a str>,
        capture: Option<&'a str>,
        cases: &'a [Outcome],
    }
    let passed = outcomes.iter().all(Outcome::is_passed);
    Ok(serde_json::to_string_pretty(&Document {
        version: 1,
        passed,
        skipped,
        capture,
        cases: outcomes,
    })?)
}

/// `--list`.
pub(super) fn list(is_json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Listed {
        name: String,
        kind: &'static str,
        what: String,
    }
    let real = real::cases().map(|(name, what)| Listed {
        name: name.to_owned(),
        kind: "with Linux",
        what: what.to_owned(),
    });
    let worlds = World::all().map(|world| Listed {
        name: world.name().to_owned(),
        kind: "simulated",
        what: world.what().to_owned(),
    });
    let floods = Flood::all().iter().map(|flood| Listed {
        name: flood.name.to_owned(),
        kind: "flood",
        what: flood.title.to_owned(),
    });
    let listed: Vec<Listed> = real.chain(worlds).chain(floods).collect();
    let mut output = Output::stdout();
    if is_json {
        return output.line(serde_json::to_string_pretty(&listed)?);
    }
    let mut table = Table::new(["scenario", "kind", "what"]);
    for Listed { name, kind, what } in listed {
        table.row([&*name, kind, &*what]);
    }
    output.line(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words() {
        let text = "word ".repeat(45);
        let lines: Vec<String> = wrapped(&text).collect();
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [99, 99, 24]);
        assert_eq!(lines.join(" "), text.trim_end());
        assert_eq!(wrapped("").count(), 0);
    }

    #[test]
    fn times_say_whose_they_are() {
        for (name, time, expected) in [
            ("short", Time::Real(std::time::Duration::from_micros(1_250)), "1.2 ms"),
            ("long", Time::Real(std::time::Duration::from_millis(1_250)), "1.2 s"),
            (
                "virtual",
                Time::Virtual(std::time::Duration::from_secs(63)),
                "63.0 s virtual",
            ),
        ] {
            assert_eq!(time.to_string(), expected, "{name}");
        }
    }
}
