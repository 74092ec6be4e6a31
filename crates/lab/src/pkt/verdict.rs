//! What came of a script.

use std::fmt;

use lens::Trace;
use serde::Serialize;

/// What came of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything happened as it is written.
    Pass,
    /// This line is the first that did not.
    Fail {
        /// Units: lines, from 1; 0 where it is about none.
        line: u32,
        /// What was expected there and what happened.
        what: String,
    },
    /// This line asks for what the runner or the stack does not have; what comes after it was not run.
    Unsupported {
        /// Units: lines, from 1; 0 where it is about none.
        line: u32,
        /// What it asks for.
        what: String,
    },
}

/// A script that was played.
#[derive(Debug, Clone, Serialize)]
pub struct Played {
    /// Its name.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The text of the line that the verdict is about; empty where it is about none.
    pub text: String,
    /// How long it took, in its own time. Units: microseconds.
    pub micros: u64,
    /// What happened.
    pub trace: Trace,
}

/// `pass`, or where and what.
impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, line, what) = match &self.verdict {
            Verdict::Pass => return write!(f, "{}: pass", self.name),
            Verdict::Fail { line, what } => ("fail", line, what),
            Verdict::Unsupported { line, what } => ("unsupported", line, what),
        };
        write!(f, "{}:{line}: {word}: {what}", self.name)?;
        if !self.text.is_empty() {
            write!(f, "\n  {}", self.text)?;
        }
        Ok(())
    }
}
