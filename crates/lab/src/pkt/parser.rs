//! Text becomes a [`Script`]. The grammar in a picture:
//!
//! ```text
//! script  := { "--name[=value]" }  { `command` }  { time [ "..." time ] action }
//! time    := "1.5" | "+.1" | "*" | "1~2" | "+1~+2"
//! action  := "<" packet | ">" packet | name "(" values ")" "=" value [ ERRNO ] [ "(note)" ] | `command` | "%{" code "}%"
//! packet  := [ "[ect0]" ] [ "40001 > 8080" ] flags "1:101(100)" [ "ack 1" ] [ "win 1000" ] [ "urg 1" ] [ "<options>" ]
//!          | "icmp" kind [ code ] [ "mtu 1200" ] [ "[1:101(100)]" ]
//! ```

mod call;
mod define;
mod packet;

use super::ast::{Action, Event, Script, Setting, Time};
use super::lexer::{Cursor, SyntaxError};

impl Script {
    /// Reads a script. `name` is what errors and verdicts call it.
    ///
    /// Errors: what is expected where, for the first place that cannot be read.
    pub fn parse(name: &str, text: &str) -> Result<Self, SyntaxError> {
        let mut at = Cursor::new(name, text);
        let mut script = Self {
            name: name.to_owned(),
            options: Vec::new(),
            init: Vec::new(),
            events: Vec::new(),
            lines: text.lines().map(str::to_owned).collect(),
        };
        while at.sees("--") {
            script.options.push(setting(&mut at));
        }
        let defined = define::expanded(at.rest(), &script.options);
        let mut at = Cursor::at_line(name, &defined, at.line());
        while at.sees("`") {
            let line = at.line();
            at.expect("`")?;
            script.init.push((line, at.until("`")?.to_owned()));
        }
        while !at.is_at_end() {
            script.events.push(event(&mut at)?);
        }
        Ok(script)
    }

    /// A line of the text; empty when there is none.
    pub fn line(&self, line: u32) -> &str {
        let index = (line as usize).saturating_sub(1);
        self.lines.get(index).map_or("", |text| text.trim())
    }
}

fn setting(at: &mut Cursor<'_>) -> Setting {
    let line = at.line();
    at.take("--");
    let name = at.run(|c| !c.is_whitespace() && c != '=').to_owned();
    let value = if at.take_here("=") {
        option_value(at)
    } else {
        String::new()
    };
    Setting { line, name, value }
}

/// What follows `=`: to the next white space; quotes may hold some.
fn option_value(at: &mut Cursor<'_>) -> String {
    let mut value = String::new();
    let mut quote = None;
    while let Some(next) = at.next_here(|c| quote.is_some() && c != '\n' || !c.is_whitespace()) {
        match (next, quote) {
            ('"' | '\'', None) => quote = Some(next),
            (_, Some(open)) if open == next => quote = None,
            _ => value.push(next),
        }
    }
    value
}

fn event(at: &mut Cursor<'_>) -> Result<Event, SyntaxError> {
    at.skip();
    let line = at.line();
    let time = time(at)?;
    let until = if at.take("...") {
        // On the clock of the first, whether the plus stands again or not.
        at.take("+");
        Some(at.seconds()?)
    } else {
        None
    };
    let action = match at.peek() {
        Some('<') => {
            at.take("<");
            Action::Inject(packet::packet(at)?)
        }
        Some('>') => {
            at.take(">");
            Action::Expect(packet::packet(at)?)
        }
        Some('`') => {
            at.take("`");
            Action::Command(at.until("`")?.to_owned())
        }
        Some('%') => {
            at.expect("%{")?;
            Action::Code(at.until("}%")?.to_owned())
        }
        _ => Action::Call(call::call(at)?),
    };
    if until.is_some() && !matches!(action, Action::Call(_)) {
        return Err(at.error("only a call can take until a later time"));
    }
    if !matches!(action, Action::Expect(_)) && !matches!(time, Time::Absolute(_) | Time::Relative(_)) {
        return Err(at.error("only a packet that is expected can come at any time or within a range"));
    }
    Ok(Event {
        line,
        time,
        until,
        action,
    })
}

fn time(at: &mut Cursor<'_>) -> Result<Time, SyntaxError> {
    if at.take("*") {
        return Ok(Time::Any);
    }
    let is_relative = at.take("+");
    let first = at.seconds()?;
    if !at.take("~") {
        return Ok(if is_relative {
            Time::Relative(first)
        } else {
            Time::Absolute(first)
        });
    }
    // `+1~2` and `+1~+2` are both seen.
    at.take("+");
    let last = at.seconds()?;
    if last < first {
        return Err(at.error("this range ends before it begins"));
    }
    Ok(if is_relative {
        Time::RelativeRange(first, last)
    } else {
        Time::AbsoluteRange(first, last)
    })
}

#[cfg(test)]
mod tests;
