//! A place in the text of a script, and what can be read there. What a word means depends on where it stands (`P.` is flags
//! or a name, `.` flags or the beginning of a number), so the parser asks for what it expects.

/// What could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct SyntaxError {
    /// The script's name.
    pub file: String,
    /// Units: lines, from 1.
    pub line: u32,
    /// Units: characters, from 1.
    pub column: u32,
    /// What was expected there.
    pub message: String,
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    file: &'a str,
    text: &'a str,
    at: usize,
    /// The number of the text's first line.
    first_line: u32,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(file: &'a str, text: &'a str) -> Self {
        Self::at_line(file, text, 1)
    }

    /// A text whose first line is a later one of the file.
    pub(super) const fn at_line(file: &'a str, text: &'a str, line: u32) -> Self {
        Self {
            file,
            text,
            at: 0,
            first_line: line,
        }
    }

    /// What was not passed yet.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Passes white space and comments: `// …` and `# …` to the end of the line, and `/* … */`.
    pub(super) fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") || trimmed.starts_with('#') {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                self.at += trimmed.find("*/").map_or(trimmed.len(), |end| end + 2);
            } else {
                return;
            }
        }
    }

    /// The line that stands here. Units: lines, from 1.
    pub(super) fn line(&self) -> u32 {
        self.text[..self.at].matches('\n').count() as u32 + self.first_line
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        let line_start = self.text[..self.at].rfind('\n').map_or(0, |newline| newline + 1);
        SyntaxError {
            file: self.file.to_owned(),
            line: self.line(),
            column: self.text[line_start..self.at].chars().count() as u32 + 1,
            message: message.into(),
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip();
        self.rest().is_empty()
    }

    /// Whether `wanted` stands here, after white space.
    pub(super) fn sees(&mut self, wanted: &str) -> bool {
        self.skip();
        self.rest().starts_with(wanted)
    }

    /// The next character, after white space.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip();
        self.rest().chars().next()
    }

    /// Passes `wanted` if it stands here.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let sees = self.sees(wanted);
        if sees {
            self.at += wanted.len();
        }
        sees
    }

    /// As [`take`](Self::take), without passing white space.
    pub(super) fn take_here(&mut self, wanted: &str) -> bool {
        let sees = self.rest().starts_with(wanted);
        if sees {
            self.at += wanted.len();
        }
        sees
    }

    /// The very next character, passed if `is_of` accepts it.
    pub(super) fn next_here(&mut self, is_of: impl Fn(char) -> bool) -> Option<char> {
        let next = self.rest().chars().next().filter(|&c| is_of(c))?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), SyntaxError> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(self.error(format!("`{wanted}` is expected here")))
    }

    /// Passes the characters that `is_of` accepts; possibly none.
    pub(super) fn run(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        self.skip();
        let rest = self.rest();
        let len = rest.find(|c| !is_of(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// A name: letters, digits and underscores, not beginning with a digit; `None` where none stands.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        (first.is_ascii_alphabetic() || first == '_').then(|| self.run(|c| c.is_ascii_alphanumeric() || c == '_'))
    }

    /// Passes a name if it is this one.
    pub(super) fn take_name(&mut self, wanted: &str) -> bool {
        let mut ahead = self.clone();
        let is_it = ahead.name() == Some(wanted);
        if is_it {
            *self = ahead;
        }
        is_it
    }

    /// A whole number, decimal or `0x…`; `None` where none stands.
    pub(super) fn integer(&mut self) -> Result<Option<i64>, SyntaxError> {
        let mut ahead = self.clone();
        let is_negative = ahead.take("-");
        if !ahead.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(None);
        }
        let word = ahead.run(|c| c.is_ascii_alphanumeric());
        let value = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
            // All 64 bits may be written, the sign's too.
            Some(hex) => u64::from_str_radix(hex, 16).map(u64::cast_signed),
            None => word.parse(),
        };
        let value = value.map_err(|_| self.error(format!("`{word}` is no number")))?;
        *self = ahead;
        Ok(Some(if is_negative { -value } else { value }))
    }

    /// A whole number within the bounds of its type.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T, SyntaxError> {
        self.skip();
        let here = self.clone();
        let value = self
            .integer()?
            .ok_or_else(|| here.error(format!("{what} is expected here")))?;
        T::try_from(value).map_err(|_| here.error(format!("{what}: {value} is out of bounds")))
    }

    /// A time: `1`, `.1`, `0.25`. Units: microseconds.
    pub(super) fn seconds(&mut self) -> Result<u64, SyntaxError> {
        self.skip();
        let here = self.clone();
        let whole = self.run_here(|c| c.is_ascii_digit());
        // `0...1` is a time, an ellipsis and a time.
        let mut fraction = "";
        if self.rest().starts_with('.') && !self.rest().starts_with("...") {
            self.at += 1;
            fraction = self.run_here(|c| c.is_ascii_digit());
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(here.error("a time in seconds is expected here"));
        }
        let micros = format!("{fraction:0<6}");
        let micros: Option<u64> = micros.get(..6).and_then(|digits| digits.parse().ok());
        let whole = if whole.is_empty() {
            Some(0)
        } else {
            whole.parse::<u64>().ok()
        };
        whole
            .zip(micros)
            .and_then(|(whole, micros)| whole.checked_mul(1_000_000)?.checked_add(micros))
            .ok_or_else(|| here.error("this time is too large"))
    }

    /// As [`run`](Self::run), without passing white space.
    fn run_here(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !is_of(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// Everything up to `end`, which is passed too.
    pub(super) fn until(&mut self, end: &str) -> Result<&'a str, SyntaxError> {
        let rest = self.rest();
        let len = rest
            .find(end)
            .ok_or_else(|| self.error(format!("the `{end}` that ends this is missing")))?;
        self.at += len + end.len();
        Ok(&rest[..len])
    }

    /// A string up to its closing quote, which is passed too; the opening one was. Escapes are C's.
    pub(super) fn quoted(&mut self) -> Result<Vec<u8>, SyntaxError> {
        let here = self.clone();
        let mut text = Vec::new();
        loop {
            let rest = self.rest();
            let mut chars = rest.chars();
            let Some(first) = chars.next() else {
                return Err(here.error("the `\"` that ends this is missing"));
            };
            self.at += first.len_utf8();
            match first {
                '"' => return Ok(text),
                '\\' => text.extend(self.escaped()),
                other => text.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// What stands for one byte behind a backslash.
    fn escaped(&mut self) -> Vec<u8> {
        let digits =
            |text: &str, most: usize, radix: u32| text.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let rest = self.rest();
        let (passed, radix, from) = match rest.strip_prefix('x') {
            Some(hex) => (1 + digits(hex, 2, 16), 16, 1),
            None => (digits(rest, 3, 8), 8, 0),
        };
        if passed > from {
            self.at += passed;
            // Three octal digits may say more than a byte holds; the low bits are the byte, as in C.
            let value = u32::from_str_radix(&rest[from..passed], radix).unwrap_or_default();
            return vec![(value & 0xff) as u8];
        }
        let Some(letter) = rest.chars().next() else {
            return Vec::new();
        };
        self.at += letter.len_utf8();
        match letter {
            'n' => vec![b'\n'],
            't' => vec![b'\t'],
            'r' => vec![b'\r'],
            other => other.to_string().into_bytes(),
        }
    }

    /// What was passed between here and a later place of the same text.
    pub(super) fn passed_by(&self, later: &Self) -> &'a str {
        self.text.get(self.at..later.at).unwrap_or_default()
    }

    /// Passes what is left of a statement: to a semicolon or the end of a line, outside of quotes and brackets.
    pub(super) fn statement_rest(&mut self) {
        let mut quote = None;
        let mut depth = 0u32;
        for (at, c) in self.rest().char_indices() {
            match (c, quote) {
                ('"' | '\'', None) => quote = Some(c),
                (_, Some(open)) if open == c => quote = None,
                ('(' | '[' | '{', None) => depth += 1,
                (')' | ']' | '}', None) => depth = depth.saturating_sub(1),
                (';' | '\n', None) if depth == 0 => {
                    self.at += at;
                    return;
                }
                _ => {}
            }
        }
        self.at = self.text.len();
    }

    /// Whether a statement may end here: a semicolon, a comment, or nothing more in this line.
    pub(super) fn ends_statement(&self) -> bool {
        let rest = self.rest().trim_start_matches([' ', '\t', '\r']);
        rest.is_empty() || rest.starts_with([';', '\n', '#']) || self.is_on_new_line()
    }

    /// Whether only white space stands before this in its line, which is not the first.
    fn is_on_new_line(&self) -> bool {
        self.text[..self.at].trim_end_matches([' ', '\t']).ends_with('\n')
    }

    /// What is left of the line.
    pub(super) fn rest_of_line(&mut self) -> &'a str {
        let rest = self.rest();
        let len = rest.find('\n').unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }
}
