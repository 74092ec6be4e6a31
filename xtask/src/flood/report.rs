//! The rows as a table, in Markdown, or for a program; each beside its peers at the same rate.

use std::fmt::Write as _;

use lens::Table;
use serde::Serialize;

use super::figures::Row;
use crate::args::{Link, Rate, Subject};
use crate::rig::number::thousands;

/// All that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) ipv6: bool,
    pub(super) clients_per_second: u64,
    rows: Vec<Beside>,
}

/// A row beside the others of its rate. `None` where the other was not measured.
#[derive(Debug, Serialize)]
struct Beside {
    #[serde(flatten)]
    row: Row,
    /// SYN-ACKs per second.
    syn_acks_of_bare: Option<f64>,
    /// SYN-ACKs for each second of CPU time.
    per_core_of_bare: Option<f64>,
    per_core_of_linux: Option<f64>,
    /// SYN-ACKs per second.
    syn_acks_of_linux: Option<f64>,
}

const HEADERS: [&str; 14] = [
    "asked",
    "who",
    ">delivered",
    ">SYN-ACKs",
    ">x bare",
    ">x linux",
    ">per core",
    ">x bare",
    ">x linux",
    ">lost",
    ">clients",
    ">p50 ms",
    ">p99 ms",
    ">MiB",
];

/// What the columns say.
const LEGEND: &str = "\
delivered, SYN-ACKs: SYNs that came in and answers that left, per second; per core: answers per second of CPU time
lost: packets per second that found the queue before the receiver full; clients: good ones that had their answer
p50, p99: their time to connect, 3000 for one that failed; MiB: peak memory of the receiver's process";

impl Report {
    pub(super) fn new(ipv6: bool, clients_per_second: u64, rows: Vec<Row>) -> Self {
        let rows = rows.iter().map(|row| Beside::new(row, &rows)).collect();
        Self {
            ipv6,
            clients_per_second,
            rows,
        }
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut table = Table::new(HEADERS);
        for row in &self.rows {
            table.row(row.cells());
        }
        format!("{table}\n\n{LEGEND}")
    }

    /// For `docs/bench.md`.
    pub(super) fn markdown(&self) -> String {
        let names = HEADERS.map(|header| header.trim_start_matches('>'));
        let rules = HEADERS.map(|header| if header.starts_with('>') { "---:" } else { "---" });
        let mut text = format!("| {} |\n|{}|", names.join(" | "), rules.join("|"));
        for row in &self.rows {
            // Writing to a string does not fail.
            let _ = write!(text, "\n| {} |", row.cells().join(" | "));
        }
        text
    }
}

impl Beside {
    fn new(row: &Row, rows: &[Row]) -> Self {
        let peer = |subject: Subject| {
            let is_peer = move |other: &&Row| other.subject == subject && other.asked == row.asked;
            rows.iter().find(is_peer).filter(|_| row.subject != subject)
        };
        let per_core = |subject| ratio(row.syn_acks_per_core_second?, peer(subject)?.syn_acks_per_core_second?);
        let syn_acks = |subject| {
            let peer = peer(subject).filter(|_| row.asked != Rate::Calm)?;
            ratio(row.syn_acks_per_second, peer.syn_acks_per_second)
        };
        Self {
            row: row.clone(),
            syn_acks_of_bare: syn_acks(Subject::Bare),
            per_core_of_bare: per_core(Subject::Bare),
            per_core_of_linux: per_core(Subject::Linux),
            syn_acks_of_linux: syn_acks(Subject::Linux),
        }
    }

    fn cells(&self) -> [String; HEADERS.len()] {
        let row = &self.row;
        let times = |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let good = |show: fn(&super::figures::Good) -> String| row.good.as_ref().map_or(String::new(), show);
        [
            row.asked.to_string(),
            name(row.subject, row.link).to_owned(),
            thousands(row.delivered_per_second),
            thousands(row.syn_acks_per_second),
            times(self.syn_acks_of_bare),
            times(self.syn_acks_of_linux),
            row.syn_acks_per_core_second.map_or(String::new(), thousands),
            times(self.per_core_of_bare),
            times(self.per_core_of_linux),
            thousands(row.queue_dropped_per_second),
            good(|good| percent(good.success_percent())),
            good(|good| format!("{:.2}", good.connect_p50_ms)),
            good(|good| format!("{:.2}", good.connect_p99_ms)),
            format!("{:.1}", row.peak_bytes as f64 / f64::from(1 << 20)),
        ]
    }
}

/// As the table names it.
pub(super) const fn name(subject: Subject, link: Option<Link>) -> &'static str {
    match (subject, link) {
        (Subject::Bare, _) => "bare",
        (Subject::Linux, _) => "linux",
        (Subject::Ours, None | Some(Link::Tun)) => "ours",
        (Subject::Ours, Some(Link::Packet)) => "ours, packet",
        (Subject::Ours, Some(Link::Xdp)) => "ours, xdp",
    }
}

fn ratio(ours: f64, theirs: f64) -> Option<f64> {
    (theirs > 0.0).then(|| ours / theirs)
}

/// Rounded down, so that 100 % says that none failed.
fn percent(percent: f64) -> String {
    if percent == 100.0 {
        return "100 %".to_owned();
    }
    format!("{:.1} %", (percent * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::super::figures::Good;
    use super::*;

    fn row(subject: Subject, asked: Rate, syn_acks: f64, cpu: f64, succeeded: Option<usize>) -> Row {
        Row {
            subject,
            link: None,
            asked,
            delivered_per_second: 80_123.4,
            queue_dropped_per_second: 0.0,
            backlog_dropped: 0,
            syn_acks_per_second: syn_acks,
            cpu_seconds: cpu,
            seconds: 1.0,
            syn_acks_per_core_second: (asked != Rate::Calm).then(|| syn_acks / cpu),
            good: succeeded.map(|succeeded| Good {
                clients: 2_000,
                succeeded,
                connect_p50_ms: 0.123,
                connect_p99_ms: 4.5,
            }),
            peak_bytes: 5 << 20,
        }
    }

    fn report() -> Report {
        let rate = Rate::PerSecond(80_000);
        let rows = vec![
            row(Subject::Linux, Rate::Calm, 0.0, 0.1, Some(2_000)),
            row(Subject::Bare, rate, 80_000.0, 0.4, None),
            row(Subject::Linux, rate, 80_000.0, 0.2, Some(2_000)),
            row(Subject::Ours, rate, 60_000.0, 0.6, Some(1_999)),
            row(Subject::Ours, Rate::Unlimited, 1_234_567.0, 1.0, Some(0)),
        ];
        Report::new(false, 200, rows)
    }

    #[test]
    fn each_stands_beside_its_peers_at_the_same_rate() {
        insta::assert_snapshot!(report().table());
    }

    #[test]
    fn markdown_has_the_same_cells() {
        insta::assert_snapshot!(report().markdown());
    }

    #[test]
    fn a_program_reads_the_ratios_too() {
        let report = serde_json::to_value(report()).unwrap();
        let ours = &report["rows"][3];
        assert_eq!(ours["subject"], "ours");
        assert_eq!(ours["asked"], "80k");
        assert_eq!(ours["syn_acks_of_bare"], 0.75);
        assert_eq!(ours["per_core_of_bare"], 0.5);
        assert_eq!(ours["good"]["succeeded"], 1_999);
        assert!(
            report["rows"][4]["syn_acks_of_bare"].is_null(),
            "bare was not measured there"
        );
    }

    #[test]
    fn a_hundred_per_cent_is_all() {
        for (success, text) in [(100.0, "100 %"), (99.99, "99.9 %"), (0.0, "0.0 %")] {
            assert_eq!(percent(success), text);
        }
    }
}
