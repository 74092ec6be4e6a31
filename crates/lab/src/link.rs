//! One direction of a link as a pure machine: packets go in, and come out later, twice, changed or not at all.
//!
//! It knows no network and no clock: a world drives it in virtual time, and a driver may wrap a real link with it in
//! real time. What happens to whole classes of packets by chance is an [`Impairment`]; what happens to one certain packet
//! is a [`Fault`].
//!
//! ```text
//! push ──> fault? ──> loss? ──> queue (bound, rate) ──> delay, jitter, reordering, duplication, corruption ──> pop
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use stack::{Duration, Instant};

use crate::glance::Glance;
use crate::rng::Rng;
use crate::unit::Rate;

mod fault;
mod impairment;
#[cfg(test)]
mod tests;

pub use fault::{Action, Fault};
pub use impairment::{Impairment, ImpairmentError};

/// What a link carries.
pub trait Carried: Clone {
    /// The IP packet.
    fn bytes(&self) -> &[u8];
    /// The same, to be damaged.
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl Carried for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Carried for bytes::BytesMut {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// What became of a packet that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fate {
    /// When it will come out; `None` when it will not.
    pub arrives: Option<Instant>,
    /// Why it will not come out.
    pub lost: Option<Loss>,
    /// When a copy of it will come out as well.
    pub copy_arrives: Option<Instant>,
    /// The bit of it that was flipped, counted from the first byte's highest.
    pub flipped: Option<u64>,
    /// It was held back so that later packets may overtake it.
    pub is_late: bool,
    /// The fault that was meant for it, as its index in the order they were given.
    pub fault: Option<usize>,
}

/// Why a packet was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// By chance.
    Chance,
    /// The queue in front of the link was full.
    QueueFull,
    /// A fault was meant for it.
    Fault,
    /// The link was cut.
    Cut,
}

/// A packet that came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<P> {
    /// When it was due.
    pub at: Instant,
    /// The packet, damaged if that was its fate.
    pub packet: P,
    /// It is the copy that the link made, not the one that was pushed.
    pub is_copy: bool,
}

/// One direction of a link.
#[derive(Debug, Clone)]
pub struct Link<P> {
    impairment: Impairment,
    faults: Vec<fault::Armed>,
    /// Nothing gets in.
    is_cut: bool,
    rng: Rng,
    /// Until when the link is busy sending what was pushed before (only with a rate).
    busy_until: Instant,
    /// When the last packet that keeps its order comes out.
    last_arrival: Instant,
    pushed: u64,
    under_way: BinaryHeap<Reverse<UnderWay<P>>>,
}

impl<P: Carried> Link<P> {
    /// A link that treats packets so. The same seed and the same packets at the same times give the same fates.
    pub fn new(impairment: Impairment, faults: Vec<Fault>, rng: Rng) -> Self {
        Self {
            impairment,
            faults: faults.into_iter().map(fault::Armed::new).collect(),
            is_cut: false,
            rng,
            busy_until: Instant::ZERO,
            last_arrival: Instant::ZERO,
            pushed: 0,
            under_way: BinaryHeap::new(),
        }
    }

    /// Takes a packet at `now` and decides its fate.
    pub fn push(&mut self, now: Instant, mut packet: P) -> Fate {
        let mut fate = Fate::default();
        if self.is_cut {
            return fate.lost_by(Loss::Cut);
        }
        let mut extra = Duration::ZERO;
        let mut duplicate = false;
        if let Some((index, action)) = self.fault_for(now, &packet) {
            fate.fault = Some(index);
            match action {
                Action::Drop => return fate.lost_by(Loss::Fault),
                Action::Duplicate => duplicate = true,
                Action::Delay(by) => extra = by,
                Action::Corrupt => fate.flipped = self.flip(&mut packet),
            }
        }
        if self.happens(self.impairment.loss.0) {
            return fate.lost_by(Loss::Chance);
        }
        let Some(sent) = self.serialize(now, packet.bytes().len()) else {
            return fate.lost_by(Loss::QueueFull);
        };
        if fate.flipped.is_none() && self.happens(self.impairment.corrupt.0) {
            fate.flipped = self.flip(&mut packet);
        }
        duplicate |= self.happens(self.impairment.duplicate.0);
        fate.is_late = self.happens(self.impairment.reorder.0);
        if fate.is_late {
            extra = extra + self.impairment.held_back();
        }
        let arrives = self.arrival(sent, extra);
        fate.arrives = Some(arrives);
        if duplicate {
            fate.copy_arrives = Some(arrives);
        }
        let copy = duplicate.then(|| packet.clone());
        self.enqueue(arrives, packet, false);
        if let Some(copy) = copy {
            self.enqueue(arrives, copy, true);
        }
        fate
    }

    /// Takes a packet that only the delay is to touch: no chance, no fault, no queue.
    pub fn push_untouched(&mut self, now: Instant, packet: P) -> Instant {
        let arrives = now + self.impairment.delay;
        self.enqueue(arrives, packet, false);
        arrives
    }

    /// Cuts the link, or makes it whole again. What is under way arrives.
    pub fn cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
    }

    /// Makes it whole, and from now on it loses, changes and holds back nothing: only delay, rate and queue remain.
    pub fn calm(&mut self) {
        self.is_cut = false;
        self.faults.clear();
        self.impairment = Impairment {
            delay: self.impairment.delay,
            rate: self.impairment.rate,
            queue: self.impairment.queue,
            ..Impairment::default()
        };
    }

    /// The next packet that is due at `now`, in order of arrival.
    pub fn pop(&mut self, now: Instant) -> Option<Arrival<P>> {
        let first = self.under_way.peek_mut()?;
        if first.0.at > now {
            return None;
        }
        let Reverse(first) = PeekMut::pop(first);
        Some(Arrival {
            at: first.at,
            packet: first.packet,
            is_copy: first.is_copy,
        })
    }

    /// When the next packet is due.
    pub fn next(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse(first)| first.at)
    }

    /// What waits to be sent, the packet that is being sent included; 0 without a rate. Units: bytes.
    pub fn waiting(&self, now: Instant) -> u64 {
        let waiting = self.impairment.rate.map(|rate| self.waiting_bytes(now, rate));
        waiting.map_or(0, |bytes| u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Packets under way.
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    fn fault_for(&mut self, now: Instant, packet: &P) -> Option<(usize, Action)> {
        if self.faults.is_empty() {
            return None;
        }
        let glance = Glance::of(packet.bytes());
        let mut struck = None;
        // Every fault counts the packet, so that "the second" means the same whatever the first fault did.
        for (index, fault) in self.faults.iter_mut().enumerate() {
            let action = fault.strikes(now, glance.as_ref());
            struck = struck.or(action.map(|action| (index, action)));
        }
        struck
    }

    fn happens(&mut self, parts_per_million: u32) -> bool {
        parts_per_million > 0 && self.rng.below(1_000_000) < u64::from(parts_per_million)
    }

    fn flip(&mut self, packet: &mut P) -> Option<u64> {
        let bytes = packet.bytes_mut();
        let bit = self.rng.below(bytes.len() as u64 * 8);
        let byte = bytes.get_mut((bit / 8) as usize)?;
        *byte ^= 0x80 >> (bit % 8);
        Some(bit)
    }

    /// When the last bit of a packet has left, behind all that waits; `None` when the queue is full.
    fn serialize(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let Some(rate) = self.impairment.rate else {
            return Some(now);
        };
        if let Some(bound) = self.impairment.queue
            && self.waiting_bytes(now, rate) + len as u128 > u128::from(bound.0)
        {
            return None;
        }
        let takes = (len as u128 * 8_000_000_000).div_ceil(u128::from(rate.0));
        let takes = Duration::from_nanos(u64::try_from(takes).unwrap_or(u64::MAX));
        self.busy_until = now.max(self.busy_until) + takes;
        Some(self.busy_until)
    }

    fn waiting_bytes(&self, now: Instant, rate: Rate) -> u128 {
        u128::from(self.busy_until.since(now).as_nanos()) * u128::from(rate.0) / 8_000_000_000
    }

    /// When a packet that left at `sent` comes out. Jitter alone never changes the order; `extra` may.
    fn arrival(&mut self, sent: Instant, extra: Duration) -> Instant {
        let jitter = self.impairment.jitter;
        let spread = if jitter == Duration::ZERO {
            Duration::ZERO
        } else {
            Duration::from_nanos(self.rng.below(jitter.as_nanos().saturating_mul(2).saturating_add(1)))
        };
        // The spread lies around the delay, and no packet arrives before it was sent.
        let on_the_way = (self.impairment.delay + spread) - jitter;
        let in_order = (sent + on_the_way).max(self.last_arrival);
        if extra > Duration::ZERO {
            return in_order + extra;
        }
        self.last_arrival = in_order;
        in_order
    }

    fn enqueue(&mut self, at: Instant, packet: P, is_copy: bool) {
        self.under_way.push(Reverse(UnderWay {
            at,
            number: self.pushed,
            is_copy,
            packet,
        }));
        self.pushed += 1;
    }
}

impl Fate {
    fn lost_by(mut self, loss: Loss) -> Self {
        self.lost = Some(loss);
        self
    }
}

/// A packet under way. Its order is that of arrival, and of pushing where they arrive together.
#[derive(Debug, Clone)]
struct UnderWay<P> {
    at: Instant,
    number: u64,
    is_copy: bool,
    packet: P,
}

impl<P> UnderWay<P> {
    fn order(&self) -> (Instant, u64) {
        (self.at, self.number)
    }
}

impl<P> PartialEq for UnderWay<P> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<P> Eq for UnderWay<P> {}

impl<P> PartialOrd for UnderWay<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for UnderWay<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}
