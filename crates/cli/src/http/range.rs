//! Which bytes of a file a request wants (RFC 9110 sections 13 and 14).

use std::ops::Range;

use hyper::header::{self, HeaderMap};

/// What is wanted of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole of it. Also what several ranges at once get: a server may ignore them (section 14.2).
    All,
    /// These bytes. Never empty.
    Part(Range<u64>),
    /// A range that begins beyond the end.
    Impossible,
    /// The client's copy is as new as the file.
    Nothing,
}

/// Reads the headers `If-Modified-Since`, `If-Range` and `Range` for a file of `length` bytes that was last modified at
/// `modified` (an HTTP date).
pub(super) fn wanted(asked: &HeaderMap, modified: Option<&str>, length: u64) -> Wanted {
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
    if modified.is_some_and(|modified| is_unmodified(text(header::IF_MODIFIED_SINCE), modified)) {
        return Wanted::Nothing;
    }
    let is_of_another_version = text(header::IF_RANGE).is_some_and(|version| Some(version) != modified);
    match text(header::RANGE) {
        Some(range) if !is_of_another_version => part(range, length),
        _ => Wanted::All,
    }
}

fn is_unmodified(since: Option<&str>, modified: &str) -> bool {
    let date = |text| httpdate::parse_http_date(text).ok();
    let Some(since) = since.and_then(date) else {
        return false;
    };
    date(modified).is_some_and(|modified| modified <= since)
}

/// `bytes=0-99`, `bytes=100-`, `bytes=-100`. What is not understood is ignored.
fn part(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|spec| spec.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    // `parse` would take a plus sign.
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())
            .flatten()
    };
    match (first, number(first), last, number(last)) {
        ("", _, _, Some(suffix)) => part_of(length.saturating_sub(suffix)..length),
        (_, Some(first), "", _) => part_of(first..length),
        (_, Some(first), _, Some(last)) if first <= last => part_of(first..length.min(last.saturating_add(1))),
        _ => Wanted::All,
    }
}

fn part_of(part: Range<u64>) -> Wanted {
    if part.is_empty() {
        Wanted::Impossible
    } else {
        Wanted::Part(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn one_range_of_a_file_of_a_hundred_bytes() {
        for (name, range, expected) in [
            ("the first ten", "bytes=0-9", Wanted::Part(0..10)),
            ("one byte", "bytes=5-5", Wanted::Part(5..6)),
            ("from a place on", "bytes=90-", Wanted::Part(90..100)),
            ("the last ten", "bytes=-10", Wanted::Part(90..100)),
            ("more than there is, from the end", "bytes=-1000", Wanted::Part(0..100)),
            ("beyond the end is cut", "bytes=90-1000", Wanted::Part(90..100)),
            (
                "the greatest number",
                "bytes=0-18446744073709551615",
                Wanted::Part(0..100),
            ),
            ("begins at the end", "bytes=100-", Wanted::Impossible),
            ("begins beyond the end", "bytes=200-300", Wanted::Impossible),
            ("the last none", "bytes=-0", Wanted::Impossible),
            ("backwards", "bytes=9-0", Wanted::All),
            ("several", "bytes=0-1,5-6", Wanted::All),
            ("no number", "bytes=a-b", Wanted::All),
            ("a sign", "bytes=+1-2", Wanted::All),
            ("nothing", "bytes=-", Wanted::All),
            ("another unit", "lines=1-2", Wanted::All),
            ("beyond 64 bits", "bytes=99999999999999999999-", Wanted::All),
        ] {
            assert_eq!(part(range, 100), expected, "{name}");
        }
    }

    #[test]
    fn an_empty_file_has_no_range() {
        assert_eq!(part("bytes=0-", 0), Wanted::Impossible);
    }

    #[test]
    fn dates_decide_whether_a_range_or_anything_is_sent() {
        const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        for (name, headers, expected) in [
            ("nothing asked", vec![], Wanted::All),
            (
                "the copy is as new",
                vec![(header::IF_MODIFIED_SINCE, THEN)],
                Wanted::Nothing,
            ),
            (
                "the copy is newer",
                vec![(header::IF_MODIFIED_SINCE, LATER)],
                Wanted::Nothing,
            ),
            ("no date", vec![(header::IF_MODIFIED_SINCE, "yesterday")], Wanted::All),
            (
                "range of this version",
                vec![(header::IF_RANGE, THEN), (header::RANGE, "bytes=1-1")],
                Wanted::Part(1..2),
            ),
            (
                "range of another version",
                vec![(header::IF_RANGE, LATER), (header::RANGE, "bytes=1-1")],
                Wanted::All,
            ),
        ] {
            let asked = headers
                .into_iter()
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .collect();
            assert_eq!(wanted(&asked, Some(THEN), 100), expected, "{name}");
        }
    }
}
