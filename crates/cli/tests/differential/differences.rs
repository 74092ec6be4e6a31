//! The differences that remain, each with the reason. `docs/linux-differences.md` is printed from here.

mod closing;
mod cookie;
mod listening;
mod malformed;
mod opening;
mod transfer;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::script::{self, Case};

/// The release of Linux that the table was made with. Others are compared too, but what they do differently is no defect
/// of ours.
const RELEASE: &str = "6.18";

/// Set to 1, the document is written instead of compared.
const WRITE: &str = "SYNDIC_WRITE_DOCS";

/// Something that Linux does and we do otherwise.
pub(crate) struct Difference {
    /// What it is about.
    pub(crate) title: &'static str,
    /// Why we keep it.
    pub(crate) why: &'static str,
    /// The cases in which it shows, each with the steps that differ and what came out on either side. A name stands for
    /// both versions of IP, or for the one that follows it in parentheses.
    pub(crate) cases: &'static [(&'static str, &'static str)],
}

/// The table.
fn rows() -> impl Iterator<Item = &'static Difference> {
    let lists = [
        listening::ROWS,
        cookie::ROWS,
        opening::ROWS,
        malformed::ROWS,
        transfer::ROWS,
        closing::ROWS,
    ];
    lists.into_iter().flatten()
}

/// The cases that the table lists, each with what differs.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows().flat_map(|row| row.cases).copied()
}

/// What the table says of a case; empty when nothing may differ.
pub(crate) fn listed(case: Case) -> &'static str {
    all()
        .find(|(name, _)| covers(name, case))
        .map_or("", |(_, differs)| differs)
}

/// Whether a name of the table stands for this case.
pub(crate) fn covers(name: &str, case: Case) -> bool {
    let version = name.strip_prefix(case.name);
    version.is_some_and(|version| version.is_empty() || version == format!(" ({})", case.version))
}

/// Differences that the table does not have, or has otherwise: a failure, unless the kernel is another than the table's
/// and nobody forbids to say so.
///
/// # Panics
/// When it is a failure.
pub(crate) fn judge(report: &str) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let is_tables = release.strip_prefix(RELEASE).is_some_and(|rest| rest.starts_with('.'));
    let may_skip = std::env::var("SYNDIC_NO_SKIP").as_deref() != Ok("1");
    if !is_tables && may_skip {
        let release = release.trim();
        eprintln!("skipped: the table was made with Linux {RELEASE}; Linux {release} differs otherwise:\n{report}");
        return;
    }
    panic!("Linux and we differ otherwise than the table says:\n{report}");
}

/// The document.
fn document() -> String {
    let names: BTreeSet<&str> = crate::cases::all().map(|case| case.name).collect();
    let differing = crate::cases::all().filter(|&case| !listed(case).is_empty());
    let differing: BTreeSet<&str> = differing.map(|case| case.name).collect();
    let (scripts, played) = (names.len(), crate::cases::all().count());
    let (differ, reasons) = (differing.len(), rows().count());
    let mut text = format!(
        "# Where Linux and Syndic differ

The test `crates/cli/tests/differential` plays {scripts} scripts of calls and packets, over IPv4 and over IPv6 ({played} cases in
all), twice: on sockets of Linux {RELEASE} in a private namespace, and on our stack in virtual time. What goes over the wire, what the
user is answered and which state the connection is in are compared, in relative numbers and rough times. In {differ} scripts something
differs, for the {reasons} reasons below. What differs without being listed here fails the test, and so does what is listed and differs
no more. A name stands for both versions of IP, or for the one in parentheses. This file is printed from the test's table
(`{WRITE}=1 cargo test --test differential`).

How to read it: a line without indentation is a step of the script, and below it stands what came out of it on either side. `<` is
what the peer sends, `>` what the host sends. Flags are as tcpdump writes them, `win 0` is a closed window, `+200ms` is a time since
the beginning of the step. `open` stands for `{}`; `warm` is such a connection on which
ten bytes went either way, `large` one on which 1,460 bytes are in flight; `crowd` is a listener with two connections that wait and
one that is half-open. Over IPv6 the link takes 20 bytes more, so that segments are as long as over IPv4. A listener's
queues hold one more than its backlog, as Linux counts. After `set cookies` every SYN is answered with a cookie.
PSH, the size of open windows, TSval and the value of the window scale are not compared: no peer minds them.
",
        script::OPEN
    );
    for row in rows() {
        let _ = write!(text, "\n## {}\n{}\n", row.title, row.why.trim());
        for (case, differs) in row.cases {
            let script = crate::cases::all()
                .find(|&other| covers(case, other))
                .map(|case| case.script);
            let script = script.unwrap_or_default();
            let _ = write!(
                text,
                "\n**{case}** (`{script}`)\n```text\n{}\n```\n",
                differs.trim_matches('\n')
            );
        }
    }
    text
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/linux-differences.md")
}

#[test]
fn the_document_says_what_the_table_says() {
    if std::env::var(WRITE).as_deref() == Ok("1") {
        std::fs::write(path(), document()).expect("write the document");
    }
    let written = std::fs::read_to_string(path()).expect("docs/linux-differences.md");
    assert!(
        written == document(),
        "docs/linux-differences.md is not what the table says: write it anew with {WRITE}=1"
    );
}
