//! Where lines go: standard output, or standard error when standard output carries something else.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use crate::failure::of_stdout;

/// A place for lines that people read.
pub(crate) struct Output {
    to: BufWriter<Box<dyn Write + Send>>,
    is_terminal: bool,
}

impl Output {
    pub(crate) fn stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            to: BufWriter::new(Box::new(io::stdout())),
            is_terminal,
        }
    }

    pub(crate) fn stderr() -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            to: BufWriter::new(Box::new(io::stderr())),
            is_terminal,
        }
    }

    /// Whether somebody reads it as it is printed.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Prints text and a line's end, at once.
    ///
    /// Errors: [`ReaderGone`](crate::failure::ReaderGone) when nobody reads any more.
    pub(crate) fn line(&mut self, text: impl std::fmt::Display) -> anyhow::Result<()> {
        writeln!(self.to, "{text}")
            .and_then(|()| self.to.flush())
            .map_err(of_stdout)
    }
}
