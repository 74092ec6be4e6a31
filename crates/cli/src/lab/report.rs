//! What `syndic lab` says: ladders with their verdicts, the summary, the list, and the same as JSON.

use std::fmt::{self, Write as _};

use lens::{Ladder, Table};
use serde::Serialize;

use super::outcome::{Outcome, Time};
use super::real;
use super::simulated::World;
use crate::output::Output;

/// An outcome as a person reads it: what it is, its ladder, its verdict.
pub(super) struct Shown<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) ladder: Ladder,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome;
        let drawn = self.ladder.draw(&outcome.trace);
        writeln!(f, "── {} ──\n{}", outcome.name, drawn.trim_end())?;
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
    let listed: Vec<Listed> = real.chain(worlds).collect();
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
