//! `--define=NAME=VALUE`: a name that stands for a text wherever it is a word of its own.

use crate::pkt::ast::Setting;

/// The text with every defined name replaced, but for comments and quoted strings. No line moves.
pub(super) fn expanded(text: &str, options: &[Setting]) -> String {
    let defined: Vec<(&str, &str)> = options
        .iter()
        .filter(|option| option.name == "define")
        .filter_map(|option| option.value.split_once('='))
        .collect();
    if defined.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = piece(rest, first);
        let word = &rest[..len];
        let value = defined.iter().rev().find(|(name, _)| *name == word);
        out.push_str(value.map_or(word, |(_, value)| value));
        rest = &rest[len..];
    }
    out
}

/// How long the comment, string, word or other character is that stands first.
fn piece(rest: &str, first: char) -> usize {
    let line = || rest.find('\n').unwrap_or(rest.len());
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match first {
        '#' => line(),
        '/' if rest.starts_with("//") => line(),
        '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
        '"' => string(rest),
        c if is_of_word(c) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
        c => c.len_utf8(),
    }
}

/// A quoted string, its quotes included; one that is not closed ends with its line.
fn string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return at,
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_replaced_and_nothing_else() {
        let option = |value: &str| Setting {
            line: 1,
            name: "define".to_owned(),
            value: value.to_owned(),
        };
        let options = [option("MSS=1460"), option("ACK=. 1:1(0) ack 1"), option("MSS=1000")];
        for (name, text, wanted) in [
            ("a word", "<mss MSS>", "<mss 1000>"),
            ("several words", "+0 > ACK\n", "+0 > . 1:1(0) ack 1\n"),
            ("a part of a word", "MSSX XMSS MSS_", "MSSX XMSS MSS_"),
            ("a comment", "// MSS\nMSS", "// MSS\n1000"),
            ("another", "/* MSS\n*/ MSS", "/* MSS\n*/ 1000"),
            ("a string", "\"MSS\\\"MSS\" MSS", "\"MSS\\\"MSS\" 1000"),
        ] {
            assert_eq!(expanded(text, &options), wanted, "{name}");
        }
        assert_eq!(expanded("MSS", &[]), "MSS");
    }
}
