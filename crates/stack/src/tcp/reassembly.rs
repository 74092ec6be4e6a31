//! Data beyond a hole: islands in sequence space that wait until the hole is filled.
//!
//! ```text
//!  rcv.nxt                                  window's end
//!     |   hole   |#island#|  hole  |##island##|    |
//! ```
//!
//! Islands neither overlap nor touch; what would join two makes them one. Where data overlap, what came first stays.
//! Read first: RFC 9293 section 3.10.7.4 (seventh step), RFC 2018 section 4.

use alloc::vec::Vec;

use bytes::Bytes;
use wire::option::SackBlocks;
use wire::seq::SeqNumber;

use crate::tcp::queue::ByteQueue;

/// Data beyond a hole, in order.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Islands {
    islands: Vec<Island>,
    bytes: usize,
    /// Counts insertions, to know which island was touched last.
    clock: u64,
}

#[derive(Debug, Clone, Hash)]
struct Island {
    start: SeqNumber,
    data: ByteQueue,
    touched: u64,
}

/// What became of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// At least one byte of it is new.
    New,
    /// Nothing of it is new.
    Old,
    /// It would be one island more than there may be: nothing was kept.
    Full,
}

impl Island {
    fn end(&self) -> SeqNumber {
        self.start + self.data.len() as u32
    }
}

impl Islands {
    /// No islands.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many islands there are.
    pub(crate) fn len(&self) -> usize {
        self.islands.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.islands.is_empty()
    }

    /// Bytes in all of them.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What they cost. Bounds: twice their bytes, and a tail for each. Units: bytes.
    pub(crate) fn allocated(&self) -> usize {
        self.islands.iter().map(|island| island.data.allocated()).sum()
    }

    /// Keeps what is new of `data`, which begins at `seq`; what lies before `rcv_nxt` is not. The caller has trimmed it
    /// to the window. Bounds: at most `limit` islands.
    pub(crate) fn insert(&mut self, rcv_nxt: SeqNumber, seq: SeqNumber, data: Bytes, limit: usize) -> Inserted {
        let Some((seq, data)) = trim(rcv_nxt, seq, data) else {
            return Inserted::Old;
        };
        let end = seq + data.len() as u32;
        let first = self.islands.partition_point(|island| island.end().before(seq));
        let after = self.islands.partition_point(|island| island.start.at_or_before(end));
        if first >= after && self.islands.len() >= limit {
            return Inserted::Full;
        }
        self.clock += 1;
        let met: Vec<Island> = self.islands.splice(first..after.max(first), None).collect();
        let before: usize = met.iter().map(|island| island.data.len()).sum();
        let joined = join(seq, &data, met, self.clock);
        let new = joined.data.len() - before;
        self.islands.insert(first, joined);
        self.bytes += new;
        if new > 0 { Inserted::New } else { Inserted::Old }
    }

    /// Takes out the island that begins at or before `rcv_nxt`, from there on.
    pub(crate) fn take(&mut self, rcv_nxt: SeqNumber) -> Option<ByteQueue> {
        while self.islands.first()?.start.at_or_before(rcv_nxt) {
            let mut island = self.islands.remove(0);
            self.bytes -= island.data.len();
            island.data.discard(rcv_nxt.since(island.start) as usize);
            if !island.data.is_empty() {
                return Some(island.data);
            }
        }
        None
    }

    /// Up to four islands as SACK blocks, the one that was touched last first.
    ///
    /// Spec: RFC 2018 section 4.
    pub(crate) fn sack_blocks(&self) -> SackBlocks {
        let mut latest: [Option<&Island>; 4] = [None; 4];
        for island in &self.islands {
            let mut candidate = Some(island);
            for place in &mut latest {
                if touched(candidate) > touched(*place) {
                    core::mem::swap(place, &mut candidate);
                }
            }
        }
        let mut blocks = SackBlocks::default();
        for island in latest.into_iter().flatten() {
            blocks.push(island.start, island.end());
        }
        blocks
    }
}

fn touched(island: Option<&Island>) -> u64 {
    island.map_or(0, |island| island.touched)
}

/// The part of the data from `rcv_nxt` on; `None` where there is none.
fn trim(rcv_nxt: SeqNumber, seq: SeqNumber, mut data: Bytes) -> Option<(SeqNumber, Bytes)> {
    if seq.at_or_after(rcv_nxt) {
        return (!data.is_empty()).then_some((seq, data));
    }
    let old = rcv_nxt.since(seq) as usize;
    if old >= data.len() {
        return None;
    }
    Some((rcv_nxt, data.split_off(old)))
}

/// One island out of those that the data meets, in order, and of the data where they leave gaps.
fn join(seq: SeqNumber, data: &Bytes, met: Vec<Island>, touched: u64) -> Island {
    let end = seq + data.len() as u32;
    let mut joined = Island {
        start: met.first().map_or(seq, |island| island.start.earlier(seq)),
        data: ByteQueue::new(),
        touched,
    };
    for island in met {
        joined.push_until(seq, data, island.start);
        joined.data.append(island.data);
    }
    joined.push_until(seq, data, end);
    joined
}

impl Island {
    /// Goes on with the data, which begins at `seq`, from where the island ends until there.
    fn push_until(&mut self, seq: SeqNumber, data: &Bytes, until: SeqNumber) {
        if self.end().before(until) {
            let from = self.end().since(seq) as usize;
            let to = until.since(seq) as usize;
            if from < to && to <= data.len() {
                self.data.push(data.slice(from..to));
            }
        }
    }
}

#[cfg(test)]
mod tests;
