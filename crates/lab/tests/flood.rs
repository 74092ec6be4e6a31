//! Every flood goes as it says, and `docs/flood.md` with its pictures shows what they give.
//!
//! The tables between `<!-- NAME -->` and `<!-- end -->` and the SVG files are written anew by
//! `UPDATE_SVG=1 cargo test -p syndic-lab --test flood`.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads the documents that it holds to what is measured"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use stack::CookieOptions;
use stack::tcp::cookie::{Class, forgery_bits};
use syndic_lab::Flood;
use syndic_lab::flood::Report;

/// The same as `syndic lab` plays when it is told none.
const SEED: u64 = 1;

/// Scenarios of which there is a picture.
const DRAWN: [&str; 3] = ["flood", "flood-cookies", "flood-victim"];

/// Each is played once, whatever looks at it.
static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| Flood::all().iter().map(|flood| flood.play(SEED)).collect());

fn report(name: &str) -> &'static Report {
    REPORTS
        .iter()
        .find(|report| report.name == name)
        .expect("a flood of that name")
}

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_SVG").is_some_and(|value| value == "1")
}

/// Holds a file to what it should be, or makes it so.
fn hold(file: &str, expected: &str) {
    if is_update() {
        fs::write(docs(file), expected).expect("docs can be written");
    }
    let committed = fs::read_to_string(docs(file)).unwrap_or_default();
    assert!(
        committed == expected,
        "docs/{file} is not what is measured: UPDATE_SVG=1 cargo test -p syndic-lab --test flood"
    );
}

/// The text with another table between the marks of that name.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&begin).expect("the mark where the table begins");
    let (_, after) = rest.split_once("<!-- end -->").expect("the mark where it ends");
    format!("{before}{begin}{table}<!-- end -->{after}")
}

fn milliseconds(us: u64) -> String {
    format!("{} ms", (us + 500) / 1_000)
}

fn scenarios() -> String {
    let mut out = "| scenario | good clients served | connect, median and p99 | SYN queue, most | memory | SYN-ACKs | cookies sent, \
                   taken | RSTs | level |\n|---|--:|--:|--:|--:|--:|--:|--:|---|\n"
        .to_owned();
    for report in REPORTS.iter() {
        let (name, good) = (report.name, &report.good_under_attack);
        let _ = writeln!(
            out,
            "| `{name}` | {}.{} % | {}, {} | {} | {} KiB | {} | {}, {} | {} | {} |",
            good.per_mille() / 10,
            good.per_mille() % 10,
            milliseconds(good.connect_median_us),
            milliseconds(good.connect_p99_us),
            report.syn_queue.max,
            report.memory_max.div_ceil(1 << 10),
            report.syn_acks,
            report.cookies_sent,
            report.cookies_taken,
            report.resets,
            report.level_max()
        );
    }
    out
}

/// How long until one of so many guesses a second is right, on average.
fn expected(bits: u32, per_s: u64) -> String {
    const YEAR_S: u128 = 31_557_600;
    let s = (1_u128 << bits) / u128::from(per_s);
    match s {
        0..120 => format!("{s} s"),
        120..7_200 => format!("{} min", s / 60),
        7_200..YEAR_S => format!("{} h", s / 3_600),
        _ => format!("{} years", s / YEAR_S),
    }
}

fn odds() -> String {
    let refuse_above = CookieOptions::default()
        .refuse_bare_above
        .expect("there is a bound by default");
    let [timestamps, bare] = [Class::Timestamps, Class::Bare].map(forgery_bits);
    let mut out = format!(
        "| forged ACKs per second | with timestamps ({timestamps} bits) | without ({bare} bits), `refuse_bare_above: \
         Some({refuse_above})` | without ({bare} bits), `None` |\n|--:|--:|--:|--:|\n"
    );
    for (per_s, told) in [(10_000, "10,000"), (100_000, "100,000"), (1_000_000, "1,000,000")] {
        // What comes beyond the bound is not read, so no more of it are guesses.
        let read = per_s.min(u64::from(refuse_above));
        let [with, gated, open] = [(timestamps, per_s), (bare, read), (bare, per_s)].map(|(bits, n)| expected(bits, n));
        let _ = writeln!(out, "| {told} | {with} | {gated} | {open} |");
    }
    out
}

#[test]
fn every_flood_goes_as_it_says() {
    for report in REPORTS.iter() {
        assert!(
            report.failures.is_empty(),
            "{}: {:#?}\n{report}",
            report.name,
            report.failures
        );
    }
    let served = |name| report(name).good_under_attack.per_mille();
    let (with, without) = (served("flood-timeouts"), served("flood"));
    assert!(
        with > without + 300,
        "{with} ‰ with short lifetimes, {without} ‰ without"
    );
    assert_eq!(
        report("flood-cookies").good.per_mille(),
        1_000,
        "before and after it too"
    );
    for name in ["flood-cookies", "flood-ack"] {
        let taken = report(name).cookies_taken;
        assert!(taken > 100, "{name}: only {taken} connections were opened by a cookie");
    }
}

#[test]
fn the_documents_tables_are_what_is_measured() {
    let text = fs::read_to_string(docs("flood.md")).expect("docs/flood.md");
    let text = with_table(&text, "odds", &odds());
    hold("flood.md", &with_table(&text, "scenarios", &scenarios()));
}

#[test]
fn the_pictures_are_drawn_from_the_reports() {
    for name in DRAWN {
        hold(&format!("{name}.svg"), &report(name).plot().svg());
    }
}
