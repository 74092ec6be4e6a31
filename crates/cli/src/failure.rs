//! How a command ends when it does not end well: exit codes, and the one line on stderr.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// What was asked for could not be done.
const FAILED: u8 = 1;
/// What was typed makes no sense. The same number that clap uses.
const USAGE: u8 = 2;

/// Whoever read our standard output has stopped reading (`syndic lab | head`). Not a failure.
#[derive(Debug)]
pub(crate) struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for ReaderGone {}

/// Gives an error of writing to standard output its meaning.
pub(crate) fn of_stdout(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => ReaderGone.into(),
        _ => anyhow::Error::new(error).context("cannot write to standard output"),
    }
}

/// The exit code of a command that ran, after the reason of its failure is printed.
pub(crate) fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ReaderGone>() => ExitCode::SUCCESS,
        // What the system alone could find wrong with what was typed: a name that no interface can have, say.
        Err(error)
            if error
                .downcast_ref::<link::LinkError>()
                .is_some_and(link::LinkError::is_usage) =>
        {
            usage(&error)
        }
        Err(error) => {
            say(&error);
            ExitCode::from(FAILED)
        }
    }
}

/// The exit code of a command that was never begun, after what is wrong with it is printed.
pub(crate) fn usage(error: &anyhow::Error) -> ExitCode {
    say(error);
    ExitCode::from(USAGE)
}

/// One line: the error and its causes. When even stderr is gone, nobody is left to tell.
fn say(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "syndic: {error:#}");
}
