//! Half-open entries, as `netstat` shows SYN_RECV: the oldest of them one by one, and all of them by source prefix.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use stack::flood::{Source, Subnet};
use stack::{Duration, Entry};

use crate::socket::{Details, Socket};
use crate::table::Table;
use crate::text::grouped;

/// How many prefixes are named.
const PREFIXES_MAX: usize = 20;

/// The half-open entries of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfOpen {
    /// How many there are.
    pub total: usize,
    /// Those that are shown, the oldest first.
    pub sockets: Vec<Socket>,
    /// Where they all come from, the prefixes with the most first. Bounds: 20.
    pub prefixes: Vec<Prefix>,
    /// How many prefixes there are beside those.
    pub more_prefixes: usize,
}

/// How many half-open entries come from one prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// An IPv4 /24 or an IPv6 /48, as [`Source::prefix`] has it: `192.0.2.0/24`.
    #[serde(with = "subnet")]
    pub prefix: Subnet,
    /// How many entries.
    pub count: usize,
}

impl HalfOpen {
    /// Those among `entries`; at most `limit` of them are shown one by one. Costs time in proportion to n log n.
    pub fn of(entries: &[Entry], limit: usize) -> Self {
        let mut found = Vec::new();
        let mut counts: BTreeMap<Subnet, usize> = BTreeMap::new();
        for entry in entries {
            if let Entry::Embryo { tuple, age, .. } = entry {
                *counts.entry(Source::of(tuple.remote_addr).prefix()).or_default() += 1;
                found.push((*age, tuple.remote(), entry));
            }
        }
        // Of one age: by the peer, so that the order is the same each time.
        found.sort_unstable_by_key(|(age, peer, _)| (std::cmp::Reverse(*age), *peer));
        let (prefixes, more_prefixes) = largest(counts);
        Self {
            total: found.len(),
            sockets: found
                .iter()
                .take(limit)
                .map(|(.., entry)| Socket::from(*entry))
                .collect(),
            prefixes,
            more_prefixes,
        }
    }

    /// As people read it: entries, prefixes, and the total. Lines end in newlines.
    pub fn text(&self) -> String {
        if self.total == 0 {
            return "no half-open entries\n".to_owned();
        }
        let mut table = Table::new([
            "State",
            "Local Address:Port",
            "Peer Address:Port",
            ">Age",
            ">Retransmitted",
        ])
        .unbroken();
        for socket in &self.sockets {
            let (age, retransmissions) = match socket.details {
                Details::HalfOpen {
                    age_us,
                    retransmissions,
                } => (Duration::from_micros(age_us).to_string(), retransmissions.to_string()),
                _ => Default::default(),
            };
            let peer = socket.peer.map(|peer| peer.to_string()).unwrap_or_default();
            let state = socket.state.name().to_owned();
            table.row([state, socket.local.to_string(), peer, age, retransmissions]);
        }
        let mut sources = Table::new(["Source prefix", ">Half-open"]);
        for Prefix { prefix, count } in &self.prefixes {
            sources.row([prefix.to_string(), grouped(*count as u64)]);
        }
        let mut out = String::new();
        // Writing to a string never fails.
        let _ = writeln!(out, "{table}");
        let more = self.total.saturating_sub(self.sockets.len());
        if more > 0 {
            let _ = writeln!(out, "… and {} more: a larger --limit shows them", grouped(more as u64));
        }
        let _ = writeln!(out, "\n{sources}");
        if self.more_prefixes > 0 {
            let plural = if self.more_prefixes == 1 { "" } else { "es" };
            let _ = writeln!(out, "… and {} more prefix{plural}", grouped(self.more_prefixes as u64));
        }
        let noun = if self.total == 1 {
            "half-open entry"
        } else {
            "half-open entries"
        };
        let _ = writeln!(out, "\n{} {noun}", grouped(self.total as u64));
        out
    }
}

/// The largest first, at most as many as are named, and how many are not.
fn largest(counts: BTreeMap<Subnet, usize>) -> (Vec<Prefix>, usize) {
    let mut prefixes: Vec<Prefix> = counts
        .into_iter()
        .map(|(prefix, count)| Prefix { prefix, count })
        .collect();
    // The sort is stable: prefixes of one size stay in the order of their addresses.
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.count));
    let more = prefixes.len().saturating_sub(PREFIXES_MAX);
    prefixes.truncate(PREFIXES_MAX);
    (prefixes, more)
}

/// A subnet as it is written: `192.0.2.0/24`.
mod subnet {
    use std::borrow::Cow;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use stack::flood::Subnet;

    pub(super) fn serialize<S: Serializer>(subnet: &Subnet, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(subnet)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Subnet, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use stack::FourTuple;

    use super::*;

    fn entry(local: &str, peer: SocketAddr, age: u64, retransmissions: u8) -> Entry {
        Entry::Embryo {
            tuple: FourTuple::new(local.parse().unwrap(), peer),
            age: Duration::from_millis(age),
            retransmissions,
        }
    }

    fn v4(subnet: u8, host: u8, age: u64) -> Entry {
        entry(
            "10.7.0.2:80",
            ([198, 51, subnet, host], 4000).into(),
            age,
            (age / 1_000) as u8,
        )
    }

    #[test]
    fn the_oldest_first_and_the_largest_prefix_first() {
        let mut entries = vec![v4(100, 1, 300), v4(100, 2, 3_100), v4(7, 9, 100)];
        let v6 = "[2001:db8:0:1::9]:4000".parse().unwrap();
        entries.push(entry("[fd07::2]:80", v6, 1_200, 1));
        let half_open = HalfOpen::of(&entries, 3);
        assert_eq!((half_open.total, half_open.sockets.len()), (4, 3));
        insta::assert_snapshot!(half_open.text());
    }

    #[test]
    fn of_many_prefixes_twenty_are_named() {
        let entries: Vec<Entry> = (0..50)
            .flat_map(|n| (0..=n).map(move |host| v4(n, host, 100)))
            .collect();
        let half_open = HalfOpen::of(&entries, 2);
        assert_eq!(half_open.total, 1275);
        assert_eq!(half_open.prefixes.len(), 20);
        assert_eq!(half_open.prefixes[0].prefix.to_string(), "198.51.49.0/24");
        assert_eq!(half_open.prefixes[0].count, 50);
        assert_eq!(half_open.more_prefixes, 30);
        let text = half_open.text();
        assert!(text.contains("… and 1,273 more: a larger --limit shows them"), "{text}");
        assert!(text.contains("… and 30 more prefixes"), "{text}");
        assert!(text.ends_with("\n1,275 half-open entries\n"), "{text}");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let half_open = HalfOpen::of(&[], 10);
        assert_eq!(half_open.text(), "no half-open entries\n");
    }

    #[test]
    fn what_json_says_is_what_was_there() {
        let half_open = HalfOpen::of(&[v4(100, 1, 300), v4(7, 9, 100)], 1);
        let json = serde_json::to_string(&half_open).unwrap();
        assert_eq!(serde_json::from_str::<HalfOpen>(&json).unwrap(), half_open, "{json}");
        assert!(json.contains(r#""prefix":"198.51.7.0/24","count":1"#), "{json}");
    }
}
