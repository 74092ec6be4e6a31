//! The page that stands for a directory without one.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What may not stand in one segment of a path: RFC 3986 section 3.3, and quotes, which end the attribute.
const NOT_IN_SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// A page with a link to each of `names`; those that end in `/` are directories.
pub(super) fn html(shown: &str, names: &[String]) -> String {
    let title = escaped(shown);
    let mut page =
        format!("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n");
    if shown != "/" {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for name in names {
        // `./` keeps a name such as `a:b` from being read as a scheme.
        let link = utf8_percent_encode(name, NOT_IN_SEGMENT);
        let _ = writeln!(page, "<li><a href=\"./{link}\">{}</a>", escaped(name));
    }
    page.push_str("</ul>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are_and_linked_as_they_must_be() {
        let page = html("/<a>/", &["b&c".into(), "d \"e\"#/".into(), "x:y".into()]);
        for (name, part) in [
            ("title", "<title>/&lt;a&gt;/</title>"),
            ("up", "<a href=\"../\">../</a>"),
            ("ampersand", "<a href=\"./b%26c\">b&amp;c</a>"),
            ("quotes and hash", "<a href=\"./d%20%22e%22%23/\">"),
            ("no scheme", "<a href=\"./x:y\">"),
        ] {
            assert!(page.contains(part), "{name}: {page}");
        }
    }

    #[test]
    fn the_root_has_nothing_above_it() {
        assert!(!html("/", &[]).contains("../"));
    }
}
