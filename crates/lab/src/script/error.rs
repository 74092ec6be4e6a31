//! Why a world could not be read: what is wrong, where it stands, and what would work.

use std::fmt;
use std::ops::Range;

/// Why a world could not be read. Its message names line and column, shows the line, and ends with an example that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldError {
    message: String,
    place: Option<Place>,
    example: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    text: String,
}

impl WorldError {
    /// What is wrong with the part of `text` that `span` covers.
    pub(crate) fn new(text: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let start = span.map(|span| text.floor_char_boundary(span.start));
        Self {
            message: message.into(),
            place: start.map(|start| Place::of(text, start)),
            example: example_near(text, start.unwrap_or_default()),
        }
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Line and column, from 1, where a place is to blame. Units of the column: characters.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// Lines of TOML of the table in question that work.
    pub fn example(&self) -> &'static str {
        self.example
    }
}

impl Place {
    fn of(text: &str, start: usize) -> Self {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: text[line_start..].lines().next().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => {
                writeln!(
                    f,
                    "line {}, column {}: {}",
                    place.line,
                    place.column,
                    self.message.trim_end()
                )?;
                writeln!(f, "  {}", place.text)?;
                writeln!(f, "  {:>1$}", "^", place.column)?;
            }
            None => writeln!(f, "{}", self.message.trim_end())?,
        }
        write!(f, "this would work:")?;
        self.example.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for WorldError {}

/// An example for the table that `start` lies in.
fn example_near(text: &str, start: usize) -> &'static str {
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let table = text[..line_end]
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("[[")?.split("]]").next());
    match table.map(str::trim) {
        Some("host") => HOST,
        Some("link") => LINK,
        Some("fault") => FAULT,
        Some("step") => STEP,
        _ => WORLD,
    }
}

const WORLD: &str = r#"title = "Two hosts"

[[host]]
name = "client"
addresses = ["10.7.0.1"]

[[host]]
name = "server"
addresses = ["10.7.0.2"]

[[link]]
between = ["client", "server"]
impair = "delay=10ms"

[[step]]
host = "server"
listen = { port = 80 }

[[step]]
host = "client"
connect = { to = "server:80" }"#;

const HOST: &str = r#"[[host]]
name = "client"
addresses = ["10.7.0.1", "fd07::1"]
connection = { receive_buffer = "64k", rto_initial = "1s" }"#;

const LINK: &str = r#"[[link]]
between = ["client", "server"]
impair = "delay=10ms,loss=2%""#;

const FAULT: &str = r#"[[fault]]
from = "client"
flags = "S"
nth = 1
do = "drop""#;

const STEP: &str = r#"[[step]]
host = "client"
at = "1.5s"
send = { bytes = "10k" }"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::plan::Plan;

    #[test]
    fn every_example_works() {
        Plan::read(WORLD).unwrap();
        for example in [LINK, FAULT, STEP] {
            let world = match example {
                LINK => WORLD.replace(
                    "[[link]]\nbetween = [\"client\", \"server\"]\nimpair = \"delay=10ms\"",
                    example,
                ),
                _ => format!("{WORLD}\n{example}"),
            };
            Plan::read(&world).unwrap_or_else(|error| panic!("{error}"));
        }
        let host = WORLD.replace("[[host]]\nname = \"client\"\naddresses = [\"10.7.0.1\"]", HOST);
        Plan::read(&host).unwrap_or_else(|error| panic!("{error}"));
    }
}
