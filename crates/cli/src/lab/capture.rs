//! The capture that `syndic lab` writes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use lens::capture::SIMULATED_EPOCH;

use super::outcome::{Outcome, Time};
use crate::failure::of_stdout;

/// Where a capture goes.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Stdout,
    File(PathBuf),
}

/// A capture being written.
pub(super) struct Capture {
    place: Place,
    /// Waits for the first outcome, which decides whose wall time it is.
    out: Option<Out>,
    writer: Option<lens::Capture<Out>>,
}

type Out = BufWriter<Box<dyn Write>>;

impl Capture {
    /// Errors: the file cannot be written.
    pub(super) fn open(place: &Place) -> anyhow::Result<Self> {
        let out: Box<dyn Write> = match place {
            Place::Stdout => Box::new(io::stdout()),
            Place::File(path) => {
                let file = File::create(path);
                Box::new(file.with_context(|| format!("cannot write the capture {}", path.display()))?)
            }
        };
        Ok(Self {
            place: place.clone(),
            out: Some(BufWriter::new(out)),
            writer: None,
        })
    }

    /// Adds one outcome's packets.
    pub(super) fn write(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        if let Some(out) = self.out.take() {
            let is_real = matches!(outcome.time, Time::Real(_));
            // Simulated worlds have a wall time of their own, so that one seed gives the same file.
            let epoch = if is_real { wall_clock() } else { SIMULATED_EPOCH };
            let begun = lens::Capture::new(out, epoch, is_real);
            self.writer = Some(begun.map_err(|error| failed(&self.place, error))?);
        }
        match &mut self.writer {
            Some(writer) => writer
                .trace(outcome.captured())
                .map_err(|error| failed(&self.place, error)),
            None => Ok(()),
        }
    }

    /// Gives the file's name, unless it went to standard output.
    pub(super) fn finish(self) -> anyhow::Result<Option<String>> {
        if let Some(writer) = self.writer {
            writer
                .into_inner()
                .flush()
                .map_err(|error| failed(&self.place, error))?;
        }
        Ok(match self.place {
            Place::Stdout => None,
            Place::File(path) => Some(path.display().to_string()),
        })
    }
}

fn failed(place: &Place, error: io::Error) -> anyhow::Error {
    match place {
        Place::Stdout => of_stdout(error),
        Place::File(path) => anyhow::Error::new(error).context(format!("cannot write the capture {}", path.display())),
    }
}

/// Units: nanoseconds of Unix time.
fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
