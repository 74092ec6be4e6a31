//! The part of `syndic lab` that plays scripts in packetdrill's language.

use std::fs;
use std::path::{Path, PathBuf};

use ::lab::pkt::{Played, Profile, Script, Verdict, play};
use anyhow::Context as _;
use lens::{Ladder, Table};
use serde::Serialize;

use crate::output::Output;

/// Scripts that were read.
#[derive(Debug)]
pub(crate) struct Scripts(Vec<Read>);

/// A script, or why its text is none.
#[derive(Debug)]
enum Read {
    Script(Script),
    Unreadable(Played),
}

impl Scripts {
    /// Reads scripts. What in one is no packetdrill is told with its verdict, so that the others are still played.
    ///
    /// Errors: a file cannot be read.
    pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        paths
            .iter()
            .map(|path| read(path))
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// Plays all.
    ///
    /// Errors: one has failed, or asks for what is not supported; neither counts as done.
    pub(super) fn play(&self, profile: Profile, ladder: Ladder, is_json: bool) -> anyhow::Result<()> {
        let mut output = Output::stdout();
        let played: Vec<Played> = self
            .0
            .iter()
            .map(|read| match read {
                Read::Script(script) => play(script, profile),
                Read::Unreadable(played) => played.clone(),
            })
            .collect();
        let counts = Counts::of(&played);
        if is_json {
            output.line(serde_json::to_string_pretty(&Document {
                version: 1,
                counts,
                scripts: &played,
            })?)?;
        } else {
            let alone = played.len() == 1;
            for played in &played {
                if alone || matches!(played.verdict, Verdict::Fail { .. }) {
                    output.line(format_args!("{}", ladder.draw(&played.trace)))?;
                }
                if played.verdict != Verdict::Pass {
                    output.line(format_args!("{played}\n"))?;
                }
            }
            output.line(summary(&played, counts))?;
        }
        let Counts {
            pass,
            fail,
            unsupported,
        } = counts;
        anyhow::ensure!(
            fail + unsupported == 0,
            "{} of {} scripts did not pass: {fail} failed, {unsupported} unsupported",
            fail + unsupported,
            pass + fail + unsupported
        );
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Read> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    Ok(match Script::parse(&name, &text) {
        Ok(script) => Read::Script(script),
        Err(error) => Read::Unreadable(Played {
            text: text
                .lines()
                .nth(error.line as usize - 1)
                .unwrap_or_default()
                .trim()
                .to_owned(),
            verdict: Verdict::Unsupported {
                line: error.line,
                what: format!("this line cannot be read: {} (column {})", error.message, error.column),
            },
            name,
            micros: 0,
            trace: lens::Trace::default(),
        }),
    })
}

/// How many scripts came to which verdict.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    pass: usize,
    fail: usize,
    unsupported: usize,
}

impl Counts {
    fn of(played: &[Played]) -> Self {
        let mut counts = Self::default();
        for played in played {
            match played.verdict {
                Verdict::Pass => counts.pass += 1,
                Verdict::Fail { .. } => counts.fail += 1,
                Verdict::Unsupported { .. } => counts.unsupported += 1,
            }
        }
        counts
    }
}

/// Everything, for programs.
#[derive(Serialize)]
struct Document<'a> {
    /// The version of this document's shape.
    version: u32,
    counts: Counts,
    scripts: &'a [Played],
}

/// The table at the end.
fn summary(played: &[Played], counts: Counts) -> String {
    let mut table = Table::new(["script", "verdict", ">line", ">packets", ">time"]);
    for played in played {
        let (verdict, line) = match &played.verdict {
            Verdict::Pass => ("pass", String::new()),
            Verdict::Fail { line, .. } => ("FAIL", line.to_string()),
            Verdict::Unsupported { line, .. } => ("unsupported", line.to_string()),
        };
        table.row([
            played.name.clone(),
            verdict.to_owned(),
            line,
            played.trace.records.len().to_string(),
            format!("{:.3} s virtual", played.micros as f64 / 1e6),
        ]);
    }
    let Counts {
        pass,
        fail,
        unsupported,
    } = counts;
    format!("{table}\n\n{pass} passed, {fail} failed, {unsupported} unsupported.")
}
