//! The figures as tables: all of them, and ours beside what is asked of us.

use std::fmt::Write as _;

use lens::Table;
use serde::Serialize;

use super::figure::{Figures, Metric, Way};
use super::who::Who;

/// What is asked: ours divided by that of another, or by another of ours.
struct Target {
    metric: Metric,
    beside: Beside,
    asked: Asked,
}

enum Beside {
    Peer(Who),
    /// Another figure of ours.
    Own(Metric),
    /// A number.
    Bound(f64),
}

#[derive(Clone, Copy)]
enum Asked {
    AtLeast(f64),
    AtMost(f64),
    /// Printed beside.
    Nothing,
}

const TARGETS: &[Target] = &[
    target(
        Metric::Bulk(Way::Receives, 1),
        Beside::Peer(Who::Smoltcp),
        Asked::AtLeast(4.0),
    ),
    target(
        Metric::Bulk(Way::Receives, 1),
        Beside::Peer(Who::Ceiling),
        Asked::AtLeast(0.5),
    ),
    target(Metric::Bulk(Way::Receives, 1), Beside::Peer(Who::Linux), Asked::Nothing),
    target(
        Metric::Bulk(Way::Sends, 1),
        Beside::Peer(Who::Smoltcp),
        Asked::AtLeast(8.0),
    ),
    target(
        Metric::Bulk(Way::Sends, 1),
        Beside::Peer(Who::Ceiling),
        Asked::AtLeast(0.5),
    ),
    target(Metric::Bulk(Way::Sends, 1), Beside::Peer(Who::Linux), Asked::Nothing),
    target(Metric::Bulk(Way::Receives, 8), Beside::Peer(Who::Linux), Asked::Nothing),
    target(Metric::Bulk(Way::Sends, 8), Beside::Peer(Who::Linux), Asked::Nothing),
    target(Metric::PingP50, Beside::Peer(Who::Linux), Asked::Nothing),
    target(Metric::KeepAlive, Beside::Peer(Who::Nginx), Asked::AtLeast(0.8)),
    target(Metric::PerRequest, Beside::Peer(Who::Nginx), Asked::AtLeast(1.0)),
    target(
        Metric::PacketCost(1_000_000),
        Beside::Own(Metric::PacketCost(1_000)),
        Asked::AtMost(2.0),
    ),
    target(Metric::IdleBytes(1_000_000), Beside::Bound(512.0), Asked::AtMost(1.0)),
];

const fn target(metric: Metric, beside: Beside, asked: Asked) -> Target {
    Target { metric, beside, asked }
}

/// One ratio beside what is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Ratio {
    what: String,
    beside: String,
    pub(super) ratio: f64,
    asked: String,
    pub(super) is_met: Option<bool>,
}

/// All that was measured.
pub(super) struct Report<'a> {
    pub(super) figures: &'a Figures,
    /// What was not measured, and why.
    pub(super) skipped: &'a [String],
}

impl Report<'_> {
    /// Ours beside what is asked, as far as both were measured.
    pub(super) fn ratios(&self) -> Vec<Ratio> {
        TARGETS.iter().filter_map(|target| self.ratio(target)).collect()
    }

    fn ratio(&self, target: &Target) -> Option<Ratio> {
        let ours = self.figures.median(target.metric, Who::Ours)?;
        let (other, beside) = match target.beside {
            Beside::Peer(who) => (self.figures.median(target.metric, who)?, who.name().to_owned()),
            Beside::Own(metric) => (self.figures.median(metric, Who::Ours)?, metric.name()),
            Beside::Bound(bound) => (bound, target.metric.show(bound)),
        };
        let ratio = (other > 0.0).then(|| ours / other)?;
        let (asked, is_met) = match target.asked {
            Asked::AtLeast(least) => (format!("at least {least:.1}"), Some(ratio >= least)),
            Asked::AtMost(most) => (format!("at most {most:.1}"), Some(ratio <= most)),
            Asked::Nothing => (String::new(), None),
        };
        Some(Ratio {
            what: target.metric.name(),
            beside,
            ratio,
            asked,
            is_met,
        })
    }

    /// The header of the table of figures.
    fn headers(&self) -> Vec<String> {
        let names = self
            .figures
            .everybody()
            .into_iter()
            .map(|who| format!(">{}", who.name()));
        std::iter::once("median (least to most)".to_owned())
            .chain(names)
            .collect()
    }

    /// A row for each metric, and in it a cell for each of those measured.
    fn rows(&self) -> Vec<Vec<String>> {
        let cell = |metric: Metric, who: Who| {
            let median = self.figures.median(metric, who)?;
            let (least, most) = self.figures.range(metric, who)?;
            let shown = metric.show(median);
            Some(match least < most {
                true => format!("{shown} ({} to {})", metric.show(least), metric.show(most)),
                false => shown,
            })
        };
        let row = |metric: Metric| {
            let cells = self.figures.everybody().into_iter();
            let cells = cells.map(|who| cell(metric, who).unwrap_or_default());
            std::iter::once(metric.name()).chain(cells).collect()
        };
        self.figures.metrics().into_iter().map(row).collect()
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let headers = self.headers();
        let mut figures = Table::new(headers.iter().map(String::as_str)).unbroken();
        for row in self.rows() {
            figures.row(row);
        }
        let mut ratios = Table::new(RATIO_HEADERS);
        for ratio in self.ratios() {
            ratios.row(ratio.cells());
        }
        let mut text = format!("{figures}\n\n{ratios}");
        for skipped in self.skipped {
            let _ = write!(text, "\nskipped: {skipped}");
        }
        text
    }

    /// For `docs/bench.md`: the ratios, then the figures.
    pub(super) fn markdown(&self) -> String {
        let ratios: Vec<Vec<String>> = self.ratios().iter().map(|ratio| ratio.cells().to_vec()).collect();
        let mut text = markdown(&RATIO_HEADERS.map(str::to_owned), &ratios);
        text.push('\n');
        text.push_str(&markdown(&self.headers(), &self.rows()));
        for skipped in self.skipped {
            let _ = write!(text, "\nNot measured: {skipped}.\n");
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> serde_json::Value {
        let figures = self.figures.iter().map(|(metric, who, runs)| {
            serde_json::json!({
                "what": metric,
                "who": who,
                "median": self.figures.median(metric, who),
                "runs": runs,
            })
        });
        serde_json::json!({
            "figures": figures.collect::<Vec<_>>(),
            "ratios": self.ratios(),
            "skipped": self.skipped,
        })
    }
}

const RATIO_HEADERS: [&str; 5] = ["what", "beside", ">ratio", ">asked", "met"];

impl Ratio {
    fn cells(&self) -> [String; RATIO_HEADERS.len()] {
        let met = match self.is_met {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        [
            self.what.clone(),
            self.beside.clone(),
            format!("{:.2}", self.ratio),
            self.asked.clone(),
            met.to_owned(),
        ]
    }
}

fn markdown(headers: &[String], rows: &[Vec<String>]) -> String {
    let names: Vec<&str> = headers.iter().map(|header| header.trim_start_matches('>')).collect();
    let rules: Vec<&str> = headers
        .iter()
        .map(|header| if header.starts_with('>') { "---:" } else { "---" })
        .collect();
    let mut text = format!("| {} |\n|{}|\n", names.join(" | "), rules.join("|"));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Figures of a good day.
    pub(in super::super) fn figures() -> Figures {
        let mut figures = Figures::default();
        let receiving = Metric::Bulk(Way::Receives, 1);
        for (metric, who, runs) in [
            (receiving, Who::Ours, &[44.0, 45.0, 40.0][..]),
            (receiving, Who::Smoltcp, &[10.0, 9.0, 11.0]),
            (receiving, Who::Ceiling, &[88.0, 80.0, 90.0]),
            (Metric::KeepAlive, Who::Ours, &[120_000.0]),
            (Metric::KeepAlive, Who::Nginx, &[160_000.0]),
            (Metric::IdleBytes(1_000_000), Who::Ours, &[500.0]),
        ] {
            runs.iter().for_each(|run| figures.add(metric, who, *run));
        }
        figures
    }

    #[test]
    fn ours_stands_beside_what_is_asked() {
        let figures = figures();
        let report = Report {
            figures: &figures,
            skipped: &["requests: there is no wrk".to_owned()],
        };
        insta::assert_snapshot!(report.table());
        insta::assert_snapshot!(report.markdown());
    }

    #[test]
    fn a_program_reads_all_runs() {
        let figures = figures();
        let json = Report {
            figures: &figures,
            skipped: &[],
        }
        .json();
        assert_eq!(json["figures"][0]["runs"][1], 45.0);
        assert_eq!(json["figures"][0]["median"], 44.0);
        assert_eq!(json["ratios"][0]["ratio"], 4.4);
        assert_eq!(json["ratios"][0]["is_met"], true);
        assert_eq!(json["ratios"][2]["is_met"], false, "{}", json["ratios"][2]);
    }
}
