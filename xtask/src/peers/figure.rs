//! What is measured of whom, how often, and what it came to.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::who::Who;

/// Which way bulk goes, as the one who is measured sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Receives,
    Sends,
}

/// One thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    /// Units: Gbit/s of payload.
    Bulk(Way, usize),
    /// Units: microseconds.
    PingP50,
    PingP99,
    /// Units: requests per second.
    KeepAlive,
    PerRequest,
    /// Units: bytes.
    IdleBytes(u32),
    /// Units: nanoseconds.
    PacketCost(u32),
}

impl Metric {
    /// What it is, for a table.
    pub(super) fn name(self) -> String {
        match self {
            Self::Bulk(way, flows) => {
                let way = match way {
                    Way::Receives => "receiving",
                    Way::Sends => "sending",
                };
                let flows = match flows {
                    1 => "one flow".to_owned(),
                    n => format!("{n} flows"),
                };
                format!("{way}, {flows}, Gbit/s")
            }
            Self::PingP50 => "100 bytes there and back, p50, us".to_owned(),
            Self::PingP99 => "100 bytes there and back, p99, us".to_owned(),
            Self::KeepAlive => "requests/s, keep-alive".to_owned(),
            Self::PerRequest => "requests/s, a connection each".to_owned(),
            Self::IdleBytes(n) => format!("idle connection, of {}, bytes", thousands(n)),
            Self::PacketCost(n) => format!("a packet, among {} connections, ns", thousands(n)),
        }
    }

    /// A figure of this, for a table.
    pub(super) fn show(self, figure: f64) -> String {
        match self {
            Self::Bulk(..) => format!("{figure:.1}"),
            Self::PingP50 | Self::PingP99 => format!("{figure:.1}"),
            _ => crate::rig::number::thousands(figure),
        }
    }
}

fn thousands(n: u32) -> String {
    crate::rig::number::thousands(f64::from(n))
}

/// As the table names it.
impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

/// All runs of all that was measured.
#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<(Metric, Who), Vec<f64>>);

impl Figures {
    pub(super) fn add(&mut self, metric: Metric, who: Who, figure: f64) {
        self.0.entry((metric, who)).or_default().push(figure);
    }

    /// The median of the runs. With an even number of them, the lower of the two in the middle.
    pub(super) fn median(&self, metric: Metric, who: Who) -> Option<f64> {
        let mut runs = self.0.get(&(metric, who))?.clone();
        runs.sort_by(f64::total_cmp);
        runs.get((runs.len().max(1) - 1) / 2).copied()
    }

    /// The least and the greatest run.
    pub(super) fn range(&self, metric: Metric, who: Who) -> Option<(f64, f64)> {
        let runs = self.0.get(&(metric, who))?;
        let least = runs.iter().copied().min_by(f64::total_cmp)?;
        Some((least, runs.iter().copied().max_by(f64::total_cmp)?))
    }

    /// What was measured of anybody, in its order.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<Metric> = self.0.keys().map(|(metric, _)| *metric).collect();
        metrics.dedup();
        metrics
    }

    /// Who was measured at anything.
    pub(super) fn everybody(&self) -> Vec<Who> {
        let mut everybody: Vec<Who> = self.0.keys().map(|(_, who)| *who).collect();
        everybody.sort_unstable();
        everybody.dedup();
        everybody
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Metric, Who, &[f64])> {
        self.0.iter().map(|((metric, who), runs)| (*metric, *who, &runs[..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_run_in_the_middle() {
        for (runs, median, range) in [
            (&[3.0][..], 3.0, (3.0, 3.0)),
            (&[3.0, 1.0], 1.0, (1.0, 3.0)),
            (&[9.0, 1.0, 5.0], 5.0, (1.0, 9.0)),
        ] {
            let mut figures = Figures::default();
            runs.iter()
                .for_each(|run| figures.add(Metric::PingP50, Who::Ours, *run));
            assert_eq!(figures.median(Metric::PingP50, Who::Ours), Some(median), "{runs:?}");
            assert_eq!(figures.range(Metric::PingP50, Who::Ours), Some(range), "{runs:?}");
        }
        assert_eq!(Figures::default().median(Metric::PingP50, Who::Ours), None);
    }

    #[test]
    fn metrics_say_what_they_are() {
        for (metric, name, shown) in [
            (Metric::Bulk(Way::Receives, 1), "receiving, one flow, Gbit/s", "12345.7"),
            (Metric::Bulk(Way::Sends, 8), "sending, 8 flows, Gbit/s", "12345.7"),
            (Metric::KeepAlive, "requests/s, keep-alive", "12,346"),
            (
                Metric::PacketCost(1_000_000),
                "a packet, among 1,000,000 connections, ns",
                "12,346",
            ),
        ] {
            assert_eq!(metric.name(), name);
            assert_eq!(metric.show(12_345.67), shown);
        }
    }
}
