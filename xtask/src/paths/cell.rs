//! The paths that are tried: round trip, trouble, queue.

use std::fmt;
use std::str::FromStr;

use lab::Impairment;
use lab::unit::{Chance, Rate, Size};
use serde::{Serialize, Serializer};
use stack::Duration;

/// Of every path. Units: bits per second.
const RATE: u64 = 100_000_000;

/// One path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) rtt: Rtt,
    pub(crate) trouble: Trouble,
    pub(crate) queue: Queue,
}

/// There and back, without what waits in queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rtt {
    Ms20,
    Ms100,
}

/// What happens to packets by chance, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// One in a thousand is lost.
    Loss01,
    /// One in a hundred.
    Loss1,
    /// Three in a hundred.
    Loss3,
    /// One in a hundred takes twice as long as the others, half a round trip more.
    Reorder,
}

/// What may wait before the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// One bandwidth-delay product.
    Bdp,
    Quarter,
}

impl Cell {
    /// Every path, those of one round trip beside each other.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for rtt in Rtt::ALL {
            for queue in Queue::ALL {
                for trouble in Trouble::ALL {
                    all.push(Self { rtt, trouble, queue });
                }
            }
        }
        all
    }

    /// Each direction of the path.
    pub(crate) fn impairment(self) -> Impairment {
        let rtt_ms = self.rtt.milliseconds();
        let bdp = RATE / 8 * rtt_ms / 1_000;
        let mut impairment = Impairment {
            delay: Duration::from_millis(rtt_ms / 2),
            rate: Some(Rate(RATE)),
            queue: Some(Size(match self.queue {
                Queue::Bdp => bdp,
                Queue::Quarter => bdp / 4,
            })),
            ..Impairment::default()
        };
        match self.trouble {
            Trouble::None => {}
            Trouble::Loss01 => impairment.loss = Chance(1_000),
            Trouble::Loss1 => impairment.loss = Chance(10_000),
            Trouble::Loss3 => impairment.loss = Chance(30_000),
            Trouble::Reorder => impairment.reorder = Chance(10_000),
        }
        impairment
    }

    /// Whether a connection may fill it, which costs the relay's processor ten times as much as one that may not.
    pub(crate) const fn is_fast(self) -> bool {
        matches!(self.trouble, Trouble::None | Trouble::Reorder)
    }

    /// How long a connection is measured: losses make goodput a matter of luck, and a slow connection needs longer until
    /// luck is even. Units: seconds.
    pub(crate) const fn seconds(self, is_quick: bool) -> u64 {
        let seconds = match (self.is_fast(), self.rtt) {
            (true, Rtt::Ms20) => 6,
            (true, Rtt::Ms100) => 8,
            (false, Rtt::Ms20) => 12,
            (false, Rtt::Ms100) => 24,
        };
        if is_quick { seconds / 2 } else { seconds }
    }
}

impl Rtt {
    pub(crate) const ALL: [Self; 2] = [Self::Ms20, Self::Ms100];

    pub(crate) const fn milliseconds(self) -> u64 {
        match self {
            Self::Ms20 => 20,
            Self::Ms100 => 100,
        }
    }
}

impl Trouble {
    pub(crate) const ALL: [Self; 5] = [Self::None, Self::Loss01, Self::Loss1, Self::Loss3, Self::Reorder];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Loss01 => "0.1%",
            Self::Loss1 => "1%",
            Self::Loss3 => "3%",
            Self::Reorder => "reorder",
        }
    }

    /// For the head of a column.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::None => "no loss",
            Self::Loss01 => "0.1 % lost",
            Self::Loss1 => "1 % lost",
            Self::Loss3 => "3 % lost",
            Self::Reorder => "1 % late",
        }
    }
}

impl Queue {
    pub(crate) const ALL: [Self; 2] = [Self::Bdp, Self::Quarter];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bdp => "bdp",
            Self::Quarter => "quarter",
        }
    }

    /// For the head of a row.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Bdp => "1 BDP",
            Self::Quarter => "1/4 BDP",
        }
    }
}

/// `20ms-0.1%-bdp`
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rtt, trouble, queue) = (self.rtt.milliseconds(), self.trouble.name(), self.queue.name());
        f.pad(&format!("{rtt}ms-{trouble}-{queue}"))
    }
}

/// Text that names no path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such path: they are named like 20ms-0.1%-bdp")]
pub(crate) struct NoSuchCell;

impl FromStr for Cell {
    type Err = NoSuchCell;

    fn from_str(text: &str) -> Result<Self, NoSuchCell> {
        Self::all()
            .into_iter()
            .find(|cell| cell.to_string() == text)
            .ok_or(NoSuchCell)
    }
}

/// By its name.
impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_name_one_cell_each() {
        let all = Cell::all();
        assert_eq!(all.len(), 20);
        for cell in &all {
            assert_eq!(cell.to_string().parse(), Ok(*cell));
        }
        assert_eq!("20ms".parse::<Cell>(), Err(NoSuchCell));
    }

    #[test]
    fn a_queue_holds_what_its_name_says() {
        for (name, bytes) in [
            ("20ms-none-bdp", 250_000),
            ("20ms-none-quarter", 62_500),
            ("100ms-3%-bdp", 1_250_000),
            ("100ms-reorder-quarter", 312_500),
        ] {
            let cell: Cell = name.parse().unwrap();
            assert_eq!(cell.impairment().queue, Some(Size(bytes)), "{name}");
        }
    }
}
