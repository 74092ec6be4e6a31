//! `docs/rfc.md` cannot rot: every requirement has its row, and every file, item and test that a row cites exists.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use syndic_stack::{Config, Duration, KeepAlive};

/// What a row says where it names no code or no test.
const EXCUSES: [&str; 3] = ["refused: ", "not yet: ", "not ours: "];

/// How many numbers RFC 9293 gives of each kind.
const NUMBERS: [(&str, usize); 3] = [("MUST", 69), ("SHLD", 31), ("MAY", 18)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cells of each row, headings left out.
fn rows() -> Vec<[String; 4]> {
    let text = std::fs::read_to_string(root().join("docs/rfc.md")).expect("docs/rfc.md");
    let rows = text.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter(|[first, ..]| first != "requirement" && first != "section")
        .collect()
}

fn cells(line: &str) -> [String; 4] {
    let cells: Vec<String> = line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
    cells.try_into().unwrap_or_else(|_| panic!("not four cells: {line}"))
}

/// What stands between backticks.
fn cited(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Files that were read, by path.
#[derive(Default)]
struct Sources(HashMap<PathBuf, String>);

impl Sources {
    fn read(&mut self, path: &str, folder: &str) -> &str {
        let path = if path.starts_with("crates/") {
            root().join(path)
        } else {
            root().join(folder).join(path)
        };
        self.0.entry(path).or_insert_with_key(|path| {
            std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        })
    }
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|w| w == word)
}

#[test]
fn every_requirement_has_exactly_one_row() {
    let mut seen = BTreeMap::<String, usize>::new();
    for [requirement, ..] in rows() {
        *seen.entry(requirement).or_default() += 1;
    }
    for (kind, last) in NUMBERS {
        for n in 1..=last {
            let name = format!("{kind}-{n}");
            assert_eq!(seen.remove(&name), Some(1), "rows of {name}");
        }
    }
    seen.remove("REC-1");
    let unknown: Vec<_> = seen.keys().filter(|name| name.contains('-')).collect();
    assert!(unknown.is_empty(), "RFC 9293 has no {unknown:?}");
}

#[test]
fn every_row_says_where_and_which_test_or_why_not() {
    for [requirement, what, code, test] in rows() {
        assert!(what.len() > 3, "{requirement} says what it is about");
        for cell in [code, test] {
            let excused = EXCUSES
                .iter()
                .any(|excuse| cell.starts_with(excuse) && cell.len() > excuse.len() + 5);
            assert!(excused || cited(&cell).next().is_some(), "{requirement}: {cell:?}");
        }
    }
}

#[test]
fn everything_cited_exists() {
    let mut sources = Sources::default();
    for [requirement, _, code, test] in rows() {
        for citation in cited(&code) {
            let (path, item) = citation.split_once("::").unwrap_or((citation, ""));
            let text = sources.read(path, "crates/stack/src");
            assert!(
                item.is_empty() || has_word(text, item),
                "{requirement}: no {item} in {path}"
            );
        }
        for citation in cited(&test) {
            let (path, name) = citation
                .split_once("::")
                .unwrap_or_else(|| panic!("{requirement}: {citation}"));
            let text = sources.read(path, "crates/stack/tests/scenarios");
            assert!(
                text.contains(&format!("fn {name}(")),
                "{requirement}: no test {name} in {path}"
            );
            assert!(text.contains("#[test]"), "{requirement}: {path} has no tests");
        }
    }
}

/// The defaults that the table claims in words.
#[test]
fn defaults_are_those_that_the_table_claims() {
    let defaults = Config::default();
    let connection = defaults.connection;
    assert_eq!(defaults.time_wait, Duration::from_secs(60), "MUST-13");
    assert!(KeepAlive::default().idle >= Duration::from_secs(7200), "MUST-28");
    assert_eq!(connection.keep_alive, None, "MUST-25");
    assert!(connection.ack_delay < Duration::from_millis(500), "MUST-40");
    // From the least timeout on, doubled each time up to the greatest.
    let timeouts = (0..=u32::from(connection.retransmissions_max))
        .map(|n| connection.rto_min.times(1 << n.min(20)).min(connection.rto_max));
    let r2 = timeouts.fold(Duration::ZERO, |sum, t| sum + t);
    assert!(r2 >= Duration::from_secs(100), "SHLD-11: {r2}");
    assert_eq!(connection.rto_min, Duration::from_millis(200), "RFC 6298 section 2");
}
