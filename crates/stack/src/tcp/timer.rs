//! One hierarchical timing wheel for everything of a kind that waits for a time.
//!
//! Six levels of 64 slots; a slot of level 0 is one millisecond wide, one of the next level 64 times as wide. An entry
//! is filed at the level of the highest digit (of base 64) in which its time differs from the wheel's; when the wheel's
//! time comes to a slot of a higher level, the slot's entries move down. An entry moves at most five times, so that
//! scheduling, cancelling and expiring take constant time each, however many wait and however long nothing happened.
//!
//! ```text
//! level 1   |  …  | 64..128 | 128..192 | 192..256 |  …      64 ms each: entries move down when their slot begins
//! level 0   | 0 | 1 | 2 | … | 63 |                          1 ms each: entries are due
//! ```
//!
//! Entries are linked through themselves: the wheel owns nothing but the heads of its slots.

use crate::time::{Duration, Instant};

/// Where an entry hangs in a wheel. Links are index + 1; 0 in both: it is not scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimerLink {
    prev: u32,
    next: u32,
    /// The low 32 bits of its tick; the rest follows from the wheel's, which is never 49 days away.
    at: u32,
}

impl TimerLink {
    /// Whether the entry waits for a time.
    pub const fn is_scheduled(self) -> bool {
        self.next != 0
    }

    /// The entries before and behind it in its slot: itself where it is alone, none where it is not scheduled.
    pub(crate) fn neighbours(self) -> impl Iterator<Item = u32> {
        [self.prev, self.next]
            .into_iter()
            .filter_map(|link| link.checked_sub(1))
    }
}

/// Storage of entries that a wheel links.
pub trait Timers {
    /// The link of entry `i`; the default where there is none.
    fn timer(&self, i: u32) -> TimerLink;

    /// Stores the link of entry `i`.
    fn set_timer(&mut self, i: u32, link: TimerLink);
}

/// A timing wheel. Times are rounded up to a millisecond.
#[derive(Clone)]
pub struct Wheel {
    /// Everything before it has expired. Units: milliseconds since [`Instant::ZERO`].
    tick: u64,
    /// For each level, which slots hold entries.
    occupied: [u64; LEVELS],
    /// The first entry of each slot: a ring in the order in which they came.
    heads: [[u32; SLOTS]; LEVELS],
}

const LEVELS: usize = 6;
const SLOTS: usize = 64;
const DIGIT_BITS: u32 = 6;

/// Farther ahead than this nothing is scheduled: 12 days. What asks for more comes early, at this.
pub const AHEAD_MAX: Duration = Duration::from_millis(1 << 30);

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

/// A slot of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    level: usize,
    slot: usize,
}

impl Wheel {
    /// An empty wheel.
    pub const fn new() -> Self {
        Self {
            tick: 0,
            occupied: [0; LEVELS],
            heads: [[0; SLOTS]; LEVELS],
        }
    }

    /// Schedules entry `i`, or moves it if it is scheduled already. What is past is due at once.
    /// Bounds: a time more than [`AHEAD_MAX`] ahead counts as that.
    pub fn schedule(&mut self, now: Instant, nodes: &mut impl Timers, i: u32, at: Instant) {
        self.cancel(nodes, i);
        self.catch_up(now);
        let at = at.min(now + AHEAD_MAX);
        let at = at.as_nanos().div_ceil(TICK_NANOS).max(self.tick);
        self.file(nodes, i, at);
    }

    /// Takes entry `i` off the wheel. No harm if it is not scheduled.
    pub fn cancel(&mut self, nodes: &mut impl Timers, i: u32) {
        let link = nodes.timer(i);
        if !link.is_scheduled() {
            return;
        }
        let place = self.place(self.tick_of(link));
        nodes.set_timer(i, TimerLink::default());
        if link.next == i + 1 {
            self.set_head(place, 0);
            return;
        }
        relink(nodes, link.prev, |before| before.next = link.next);
        relink(nodes, link.next, |after| after.prev = link.prev);
        if self.head(place) == i + 1 {
            self.set_head(place, link.next);
        }
    }

    /// Takes one entry off the wheel whose time has come. `None`: no other is due.
    pub fn expire(&mut self, now: Instant, nodes: &mut impl Timers) -> Option<u32> {
        let now = now.as_millis().max(self.tick);
        loop {
            let Some((place, start)) = self.first().filter(|&(_, start)| start <= now) else {
                self.tick = now;
                return None;
            };
            self.tick = start;
            if place.level == 0 {
                let i = self.head(place).checked_sub(1)?;
                self.cancel(nodes, i);
                return Some(i);
            }
            self.move_down(nodes, place);
        }
    }

    /// When something may be due; `None` when nothing is scheduled. It may be early, where entries only move down a
    /// level, but never late, and [`expire`](Self::expire) at that time makes the next answer another one.
    pub fn next(&self) -> Option<Instant> {
        let (_, start) = self.first()?;
        Some(Instant::from_nanos(start.saturating_mul(TICK_NANOS)))
    }

    /// The entry that is due first. Entries of one slot count in the order in which they were scheduled: this is exact
    /// where all are scheduled equally far ahead, as for 2MSL, and otherwise one of those in the first slot.
    pub fn nearest(&self) -> Option<u32> {
        let (place, _) = self.first()?;
        self.head(place).checked_sub(1)
    }

    /// When entry `i` is due, to the millisecond; `None` when it is not scheduled.
    pub fn deadline(&self, nodes: &impl Timers, i: u32) -> Option<Instant> {
        let link = nodes.timer(i);
        link.is_scheduled()
            .then(|| Instant::from_nanos(self.tick_of(link).saturating_mul(TICK_NANOS)))
    }

    /// Moves the wheel's time on, where that passes no entry. So an entry is filed as near as can be, and the first
    /// wake-up for it is the right one as a rule.
    fn catch_up(&mut self, now: Instant) {
        let now = now.as_millis();
        if self.first().is_none_or(|(_, start)| start > now) {
            self.tick = self.tick.max(now);
        }
    }

    /// The occupied slot that begins first, and when it begins. All entries of a lower level come before those of a
    /// higher one, for they differ from the wheel's time in lower digits only.
    fn first(&self) -> Option<(Place, u64)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let shift = level as u32 * DIGIT_BITS;
        let current = self.tick >> shift;
        let ahead = self
            .occupied
            .get(level)?
            .rotate_right((current % SLOTS as u64) as u32)
            .trailing_zeros();
        let begins = current + u64::from(ahead);
        let slot = (begins % SLOTS as u64) as usize;
        Some((Place { level, slot }, begins << shift))
    }

    /// Files the entries of a slot again, now that the wheel's time has come to its beginning.
    fn move_down(&mut self, nodes: &mut impl Timers, place: Place) {
        let first = self.head(place);
        self.set_head(place, 0);
        let mut link = first;
        while let Some(i) = link.checked_sub(1) {
            let timer = nodes.timer(i);
            self.file(nodes, i, self.tick_of(timer));
            link = if timer.next == first { 0 } else { timer.next };
        }
    }

    /// Hangs an entry into the slot of its tick, as the last of its ring.
    fn file(&mut self, nodes: &mut impl Timers, i: u32, at: u64) {
        let place = self.place(at);
        let own = i + 1;
        let head = self.head(place);
        let at = at as u32;
        if head == 0 {
            nodes.set_timer(
                i,
                TimerLink {
                    prev: own,
                    next: own,
                    at,
                },
            );
            self.set_head(place, own);
            return;
        }
        let last = nodes.timer(head - 1).prev;
        nodes.set_timer(
            i,
            TimerLink {
                prev: last,
                next: head,
                at,
            },
        );
        relink(nodes, last, |last| last.next = own);
        relink(nodes, head, |head| head.prev = own);
    }

    /// Where an entry of this tick hangs: the same answer from when it is filed until its slot begins.
    fn place(&self, at: u64) -> Place {
        let differs = at ^ self.tick;
        let level = ((differs.checked_ilog2().unwrap_or_default() / DIGIT_BITS) as usize).min(LEVELS - 1);
        let digit = at >> (level as u32 * DIGIT_BITS);
        Place {
            level,
            slot: (digit % SLOTS as u64) as usize,
        }
    }

    fn tick_of(&self, link: TimerLink) -> u64 {
        self.tick + u64::from(link.at.wrapping_sub(self.tick as u32))
    }

    fn head(&self, place: Place) -> u32 {
        let slots = self.heads.get(place.level);
        slots
            .and_then(|slots| slots.get(place.slot))
            .copied()
            .unwrap_or_default()
    }

    fn set_head(&mut self, place: Place, link: u32) {
        let slots = self.heads.get_mut(place.level);
        if let Some(head) = slots.and_then(|slots| slots.get_mut(place.slot)) {
            *head = link;
        }
        if let Some(slots) = self.occupied.get_mut(place.level) {
            *slots = *slots & !(1 << place.slot) | u64::from(link != 0) << place.slot;
        }
    }
}

/// Units: nanoseconds.
const TICK_NANOS: u64 = 1_000_000;

/// Changes the link of the entry that `link` leads to.
fn relink(nodes: &mut impl Timers, link: u32, change: impl FnOnce(&mut TimerLink)) {
    if let Some(i) = link.checked_sub(1) {
        let mut timer = nodes.timer(i);
        change(&mut timer);
        nodes.set_timer(i, timer);
    }
}

#[cfg(test)]
mod tests;
