//! Sources that completed a handshake not long ago: they have shown that they receive what is sent to their address.
//!
//! Each has a bucket of its own, so that neither a flood in the name of its neighbours nor noise from strangers takes its
//! tokens; only who spoofs that very address can, and only up to a far greater rate. A fixed table of sets of four; within a
//! set the one whose last handshake lies furthest back makes room. A source is told from others by its set and 20 bits of its
//! hash: of random strangers 4 in a million are taken for one of the four (computed by a test).
//!
//! Shards of a host share the sets. An entry is one word, and is changed only if it is still as it was read: where two shards
//! change one at once, one of them is as if it had not been.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::pace::{Pace, Rate, Refresh};
use super::source::{PLACE_BITS, Spot};
use crate::time::{Duration, Instant};

/// The table. It takes no memory before the first handshake completes.
#[derive(Debug)]
pub(crate) struct Proven {
    pace: Pace,
    stamps: Stamps,
    /// Bounds: a power of two, at most 2^20.
    sets: usize,
    table: Option<Arc<Table>>,
}

/// A clone has a table of its own.
impl Clone for Proven {
    fn clone(&self) -> Self {
        let table = self.table.as_ref().map(|table| {
            Arc::new(Table {
                sets: table.sets.iter().map(Set::copy).collect(),
                refresh: table.refresh.clone(),
            })
        });
        Self { table, ..*self }
    }
}

/// What a source's own bucket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The source is not in the table, or no longer.
    Stranger,
    /// It is, and had a token.
    Within,
    /// It is, and had none.
    Over,
}

#[derive(Debug)]
struct Table {
    sets: Vec<Set>,
    refresh: Refresh,
}

/// Half a cache line.
#[derive(Debug, Default)]
#[repr(align(32))]
struct Set([Slot; 4]);

/// Where an entry is.
#[derive(Debug, Default)]
struct Slot(AtomicU64);

/// One source in 8 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// 20 bits of tag, never 0 where there is a source, over 12 bits of the last handshake's time.
    tag_and_stamp: u32,
    tat: u32,
}

impl Proven {
    /// A table for so many sources, at least (see [`sets`]), each of which stays for `lifetime` after its last handshake.
    /// Bounds: a lifetime of 1 s to 1 day; others are clamped.
    pub(crate) fn new(rate: Rate, lifetime: Duration, sources: usize) -> Self {
        Self {
            pace: Pace::new(rate),
            stamps: Stamps::new(lifetime),
            sets: sets(sources),
            table: None,
        }
    }

    /// Another hold on the same table, which is made for it.
    pub(crate) fn share(&mut self) -> Self {
        let (pace, stamps, sets) = (self.pace, self.stamps, self.sets);
        let table = self
            .table
            .get_or_insert_with(|| Table::new(Instant::ZERO, &pace, stamps, sets));
        Self {
            pace,
            stamps,
            sets,
            table: Some(Arc::clone(table)),
        }
    }

    /// Takes a token from the source's own bucket, if it has one.
    pub(crate) fn take(&mut self, now: Instant, spot: Spot) -> Proof {
        let Some((slot, entry)) = self.entry(now, spot) else {
            return Proof::Stranger;
        };
        let ticks = self.pace.ticks(now);
        match self.pace.take(Pace::ahead(entry.tat, ticks)) {
            Some(ahead) => {
                let tat = ticks.wrapping_add(ahead);
                slot.change(entry, Entry { tat, ..entry });
                Proof::Within
            }
            None => Proof::Over,
        }
    }

    /// Whether the source is in the table. Its bucket is left alone.
    pub(crate) fn has(&self, now: Instant, spot: Spot) -> bool {
        self.entry(now, spot).is_some()
    }

    /// Remembers that the source completed a handshake. A new one starts with a full bucket.
    pub(crate) fn completed(&mut self, now: Instant, spot: Spot) {
        let (pace, stamps, sets) = (self.pace, self.stamps, self.sets);
        let tag_and_stamp = spot.tag() << Stamps::BITS | stamps.at(now);
        if let Some((slot, entry)) = self.entry(now, spot) {
            return slot.change(entry, Entry { tag_and_stamp, ..entry });
        }
        let table = self.table.get_or_insert_with(|| Table::new(now, &pace, stamps, sets));
        if let Some((slot, entry)) = table.longest_unseen(now, spot, stamps) {
            let tat = pace.ticks(now);
            slot.change(entry, Entry { tag_and_stamp, tat });
        }
    }

    /// What the table takes now. Units: bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.table
            .as_ref()
            .map_or(0, |table| size_of_val(table.sets.as_slice()))
    }

    /// The source's entry, unless its last handshake is too long ago.
    fn entry(&self, now: Instant, spot: Spot) -> Option<(&Slot, Entry)> {
        let table = self.table.as_deref()?;
        let stamps = self.stamps;
        table.keep_fresh(now, &self.pace, stamps);
        table
            .set(spot)
            .find(|(_, entry)| entry.tag() == spot.tag() && stamps.is_fresh(now, entry.stamp()))
    }
}

impl Table {
    fn new(now: Instant, pace: &Pace, stamps: Stamps, sets: usize) -> Arc<Self> {
        Arc::new(Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            refresh: Refresh::new(now, pace, stamps.refresh_every()),
        })
    }

    /// The entries that the source's can be.
    fn set(&self, spot: Spot) -> impl Iterator<Item = (&Slot, Entry)> {
        let place = spot.set() & (self.sets.len() - 1);
        let slots = self.sets.get(place).map_or(&[][..], |set| &set.0);
        slots.iter().map(|slot| (slot, slot.entry()))
    }

    /// The entry of the source's set that makes room: an empty one, or the one whose last handshake lies furthest back.
    fn longest_unseen(&self, now: Instant, spot: Spot, stamps: Stamps) -> Option<(&Slot, Entry)> {
        self.set(spot).max_by_key(|(_, entry)| match entry.tag() {
            0 => u32::MAX,
            _ => stamps.age(now, entry.stamp()),
        })
    }

    /// Sees to it that no word is read from the wrong side of a wrap-around, and lets go of who has not been seen for long.
    fn keep_fresh(&self, now: Instant, pace: &Pace, stamps: Stamps) {
        let Some(idle) = self.refresh.due(now) else { return };
        let ticks = pace.ticks(now);
        let (all_gone, all_past) = (idle >= stamps.lifetime, idle >= pace.burst_time());
        for slot in self.sets.iter().flat_map(|set| &set.0) {
            let entry = slot.entry();
            let kept = if all_gone || !stamps.is_fresh(now, entry.stamp()) {
                Entry::default()
            } else {
                entry
            };
            let ahead = if all_past { 0 } else { Pace::ahead(kept.tat, ticks) };
            let tat = ticks.wrapping_add(ahead);
            slot.change(entry, Entry { tat, ..kept });
        }
    }
}

impl Set {
    fn copy(&self) -> Self {
        Self(
            self.0
                .each_ref()
                .map(|slot| Slot(AtomicU64::new(slot.0.load(Ordering::Relaxed)))),
        )
    }
}

impl Slot {
    fn entry(&self) -> Entry {
        let word = self.0.load(Ordering::Relaxed);
        Entry {
            tag_and_stamp: (word >> 32) as u32,
            tat: word as u32,
        }
    }

    /// Makes one entry another, unless it is a third by now.
    fn change(&self, from: Entry, to: Entry) {
        let _ = (self.0).compare_exchange(from.word(), to.word(), Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Entry {
    fn word(self) -> u64 {
        u64::from(self.tag_and_stamp) << 32 | u64::from(self.tat)
    }

    /// 0 where there is no source.
    const fn tag(self) -> u32 {
        self.tag_and_stamp >> Stamps::BITS
    }

    const fn stamp(self) -> u32 {
        self.tag_and_stamp & Stamps::MASK
    }
}

/// Time as an entry keeps it: in units of a power of two nanoseconds, of which a lifetime has at most 512. It wraps around
/// after 8 lifetimes at the least, and no entry is left unseen for 6 ([`Table::keep_fresh`]).
#[derive(Debug, Clone, Copy)]
struct Stamps {
    lifetime: Duration,
    shift: u32,
}

impl Stamps {
    const BITS: u32 = u32::BITS - PLACE_BITS;
    const MASK: u32 = (1 << Self::BITS) - 1;
    const LIFETIME_MAX: u64 = 512;

    fn new(lifetime: Duration) -> Self {
        let lifetime = lifetime.clamp(Duration::from_secs(1), Duration::from_secs(86_400));
        let shift = (0..u64::BITS).find(|shift| lifetime.as_nanos() >> shift <= Self::LIFETIME_MAX);
        Self {
            lifetime,
            shift: shift.unwrap_or(0),
        }
    }

    const fn at(self, now: Instant) -> u32 {
        (now.as_nanos() >> self.shift) as u32 & Self::MASK
    }

    const fn age(self, now: Instant, stamp: u32) -> u32 {
        self.at(now).wrapping_sub(stamp) & Self::MASK
    }

    const fn is_fresh(self, now: Instant, stamp: u32) -> bool {
        (self.age(now, stamp) as u64) < self.lifetime.as_nanos() >> self.shift
    }

    const fn refresh_every(self) -> Duration {
        self.lifetime.times(4)
    }
}

/// How many sets there are where so many sources were asked for: a power of two, 16 to 2^20.
const fn sets(sources: usize) -> usize {
    match sources.div_ceil(4) {
        0..=16 => 16,
        n @ 17..=SETS_MAX => n.next_power_of_two(),
        _ => SETS_MAX,
    }
}

const SETS_MAX: usize = 1 << PLACE_BITS;

/// What a table for so many sources takes at the most. Units: bytes.
pub(crate) const fn bytes_max(sources: usize) -> usize {
    sets(sources) * size_of::<Set>()
}

#[cfg(test)]
mod tests;
