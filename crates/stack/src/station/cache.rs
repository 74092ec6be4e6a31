//! The neighbour cache: who has which hardware address, as far as we know (RFC 4861 section 7.3; the same for ARP).
//!
//! ```text
//!               ask                    it answers                    30 s, and something is sent
//!  (unknown) ──────────▶ INCOMPLETE ───────────────▶ REACHABLE ─────────────────────────────────▶ DELAY
//!      │                     │ 3 s                     ▲  ▲  TCP confirms it, or it answers             │ 5 s
//!      │ it asks us          ▼                         │  └───────────────────────────────── PROBE ◀┘
//!      └──────────▶ STALE    FAILED, 1 s, forgotten    │                                       │ 3 s
//!                     └──────────── something is sent: DELAY                                   ▼ forgotten
//!  REACHABLE, STALE or DELAY, and TCP times out on end, or another claims the address: PROBE
//! ```
//!
//! A full cache makes room in constant time: first go those that nobody of ours has used, the oldest first, then those whose
//! last use is the longest past. Gateways and those that are being asked for stay. A stranger's question makes less room than
//! a connection of ours: it takes no place of one that is in use.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::net::IpAddr;

use wire::ether::Mac;

use super::entry::{Entries, Entry, Neighbour, NeighbourChange, NeighbourState, Rank};
use super::queue::Queue;
use crate::hash::{Keys, plain};
use crate::observer::Why;
use crate::table::Buckets;
use crate::tcp::timer::Wheel;
use crate::time::{Duration, Instant};

/// Between two solicitations (RFC 4861 section 10: RetransTimer).
const RETRANS_TIMER: Duration = Duration::from_secs(1);
/// Solicitations to everybody before an address is given up (MAX_MULTICAST_SOLICIT).
const MAX_MULTICAST_SOLICIT: u8 = 3;
/// Solicitations to one neighbour before it is forgotten (MAX_UNICAST_SOLICIT).
const MAX_UNICAST_SOLICIT: u8 = 3;
/// How long what comes back may confirm a neighbour before it is asked (DELAY_FIRST_PROBE_TIME).
const DELAY_FIRST_PROBE_TIME: Duration = Duration::from_secs(5);
/// How long a neighbour that did not answer is left in peace.
const FAILED_TIME: Duration = Duration::from_secs(1);
/// A hardware address that has worked this lately is not given up for one that was not asked for.
const DISPUTE_TIME: Duration = Duration::from_secs(1);
/// Confirmations that follow each other faster say nothing new.
const CONFIRMATION_SPAN: Duration = Duration::from_millis(100);

/// Is told each change.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(NeighbourChange);

/// How we come to know of a hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The neighbour answered our question.
    Answer,
    /// It asked us: it will want to hear from us.
    Question,
    /// It, or somebody, says so without having been asked.
    Announcement,
    /// A handshake came to its end: what was sent there arrived.
    Handshake,
}

/// What is said of a neighbour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News {
    /// Whose.
    pub(crate) address: IpAddr,
    /// Its hardware address. `None`: as before.
    pub(crate) mac: Option<Mac>,
    /// By whom.
    pub(crate) heard: Heard,
    /// Another hardware address holds no more.
    pub(crate) overrides: bool,
    /// It never makes room.
    pub(crate) is_gateway: bool,
}

impl News {
    const fn rank(&self, is_wanted: bool) -> Rank {
        match (self.is_gateway, is_wanted) {
            (true, _) => Rank::Fixed,
            (false, true) => Rank::Wanted,
            (false, false) => Rank::Spare,
        }
    }
}

/// What a look-up finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Frames go there.
    To(Mac),
    /// It is being asked for.
    Asked(u32),
    /// It did not answer.
    Failed,
    /// Nobody has asked for it.
    Unknown,
}

/// What a timer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// A solicitation: to this hardware address, or to everybody.
    Solicit(IpAddr, Option<Mac>),
    /// Nobody answered: entry and address, and who waited.
    Unanswered(u32, Vec<u32>),
    /// Nothing more.
    Done,
}

/// The cache.
#[derive(Clone)]
pub(super) struct Cache {
    entries: Entries,
    buckets: Buckets,
    wheel: Wheel,
    spare: Queue,
    wanted: Queue,
    limit: usize,
}

impl Cache {
    /// An empty cache. Bounds: at most `limit` entries, clamped to 16 to 65,535.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(16, 65_535);
        Self {
            entries: Entries::default(),
            buckets: Buckets::new(limit),
            wheel: Wheel::new(),
            spare: Queue::default(),
            wanted: Queue::default(),
            limit,
        }
    }

    /// Where frames to this neighbour go. Whoever has looked it up before gives the place where it was found, and is given the
    /// place where it is now. `is_ours`: a connection of ours uses it.
    pub(super) fn find(
        &mut self,
        now: Instant,
        keys: &Keys,
        place: &mut u32,
        address: IpAddr,
        is_ours: bool,
        tell: Tell<'_>,
    ) -> Found {
        if self.entries.get(*place).is_none_or(|entry| entry.address != address) {
            match self.index(keys, address) {
                Some(i) => *place = i,
                None => return Found::Unknown,
            }
        }
        let i = *place;
        let Some(entry) = self.entries.get(i) else {
            return Found::Unknown;
        };
        let (mac, state) = (entry.mac, entry.state_at(now));
        match state {
            NeighbourState::Reachable | NeighbourState::Delay | NeighbourState::Probe => {}
            NeighbourState::Stale => {
                self.change(i, NeighbourState::Delay, tell);
                self.schedule(now, i, DELAY_FIRST_PROBE_TIME);
                if is_ours {
                    self.touch(i);
                }
            }
            NeighbourState::Incomplete => return Found::Asked(i),
            NeighbourState::Failed => return Found::Failed,
        }
        Found::To(mac)
    }

    /// From now on this address, of which nothing is known, is asked for. `None`: there is no room.
    pub(super) fn ask(&mut self, now: Instant, keys: &Keys, address: IpAddr, tell: Tell<'_>) -> Option<u32> {
        if self.entries.len() >= self.limit {
            let victim = self.spare.first().or_else(|| self.wanted.first())?;
            self.forget(keys, victim, tell);
        }
        let mut entry = Entry::new(address, NeighbourState::Incomplete);
        entry.asked = 1;
        let i = self.insert(keys, entry, tell);
        self.schedule(now, i, RETRANS_TIMER);
        Some(i)
    }

    /// The connection with this index waits for what entry `i` is asked.
    pub(super) fn wait(&mut self, i: u32, connection: u32) {
        if let Some(entry) = self.entries.get_mut(i) {
            entry.waiting.push(connection);
        }
    }

    /// Hears of a neighbour's hardware address. Gives who waited for it.
    ///
    /// Errors: why nothing was learnt.
    /// Spec: RFC 826, "Packet Reception"; RFC 4861 sections 7.2.3 and 7.2.5, but that what nobody asked for does not take the
    /// place of what was confirmed, or heard from, within a second (then the neighbour that is known is asked), and that an
    /// announcement is no answer.
    pub(super) fn hear(&mut self, now: Instant, keys: &Keys, news: &News, tell: Tell<'_>) -> Result<Vec<u32>, Why> {
        let Some(i) = self.index(keys, news.address) else {
            self.learn(now, keys, news, tell)?;
            return Ok(Vec::new());
        };
        let Some(entry) = self.entries.get_mut(i) else {
            return Err(Why::NeighbourIgnored);
        };
        let is_known = entry.state.is_known();
        let is_asked = matches!(entry.state, NeighbourState::Incomplete | NeighbourState::Probe);
        let is_answer = news.heard == Heard::Answer && is_asked;
        let known = is_known.then_some(entry.mac);
        let mac = news.mac.or(known).ok_or(Why::NeighbourIgnored)?;
        if !is_known && news.heard == Heard::Announcement {
            // We have asked: who has the address will say so to us, and who has not is not to be faster.
            return Err(Why::NeighbourIgnored);
        }
        if known == Some(mac) && !is_answer {
            return Ok(Vec::new());
        }
        if known.is_some_and(|known| known != mac) {
            let is_trusted = !is_answer && entry.is_trusted_within(now, DISPUTE_TIME);
            if !news.overrides {
                self.doubt(now, i, tell);
                return Err(Why::NeighbourDisputed);
            }
            let is_reachable = entry.state_at(now) == NeighbourState::Reachable;
            if news.heard == Heard::Handshake && is_reachable {
                return Err(Why::NeighbourDisputed);
            }
            if is_trusted {
                self.probe(now, i, tell);
                return Err(Why::NeighbourDisputed);
            }
        }
        entry.mac = mac;
        entry.heard = (news.heard == Heard::Handshake).then_some(now);
        entry.confirmed = is_answer.then_some(now);
        let waiting = core::mem::take(&mut entry.waiting);
        self.wheel.cancel(&mut self.entries, i);
        let state = if is_answer {
            NeighbourState::Reachable
        } else {
            NeighbourState::Stale
        };
        self.change(i, state, tell);
        if !is_known {
            let is_wanted = is_answer || !waiting.is_empty() || news.heard == Heard::Handshake;
            self.set_rank(i, news.rank(is_wanted));
        }
        Ok(waiting)
    }

    /// What was sent to this neighbour arrived (RFC 4861 section 7.3.1); it was found at this place.
    pub(super) fn confirm(&mut self, now: Instant, place: u32, address: IpAddr, tell: Tell<'_>) {
        let Some(entry) = self.entries.get_mut(place).filter(|entry| entry.address == address) else {
            return;
        };
        let is_confirmed =
            entry.state == NeighbourState::Reachable && entry.is_confirmed_within(now, CONFIRMATION_SPAN);
        if is_confirmed || !entry.state.is_known() {
            return;
        }
        entry.confirmed = Some(now);
        self.wheel.cancel(&mut self.entries, place);
        self.change(place, NeighbourState::Reachable, tell);
        self.touch(place);
    }

    /// TCP heard something new from behind this neighbour, which was found at this place.
    pub(super) fn note(&mut self, now: Instant, place: u32, address: IpAddr) {
        if let Some(entry) = self.entries.get_mut(place).filter(|entry| entry.address == address) {
            entry.heard = Some(now);
        }
    }

    /// What is sent to this neighbour, which was found at this place, seems to be lost.
    pub(super) fn suspect(&mut self, now: Instant, place: u32, address: IpAddr, tell: Tell<'_>) {
        if self.entries.get(place).is_some_and(|entry| entry.address == address) {
            self.probe(now, place, tell);
        }
    }

    /// Runs one timer that is due.
    pub(super) fn expire(&mut self, now: Instant, keys: &Keys, tell: Tell<'_>) -> Option<Due> {
        let i = self.wheel.expire(now, &mut self.entries)?;
        let entry = self.entries.get_mut(i)?;
        let (address, mac, asked) = (entry.address, entry.mac, entry.asked);
        Some(match entry.state {
            NeighbourState::Incomplete if asked < MAX_MULTICAST_SOLICIT => {
                entry.asked += 1;
                self.schedule(now, i, RETRANS_TIMER);
                Due::Solicit(address, None)
            }
            NeighbourState::Incomplete => {
                let waiting = core::mem::take(&mut entry.waiting);
                self.change(i, NeighbourState::Failed, tell);
                self.set_rank(i, Rank::Spare);
                self.schedule(now, i, FAILED_TIME);
                Due::Unanswered(i, waiting)
            }
            NeighbourState::Delay => {
                entry.asked = 1;
                self.change(i, NeighbourState::Probe, tell);
                self.schedule(now, i, RETRANS_TIMER);
                Due::Solicit(address, Some(mac))
            }
            NeighbourState::Probe if asked < MAX_UNICAST_SOLICIT => {
                entry.asked += 1;
                self.schedule(now, i, RETRANS_TIMER);
                Due::Solicit(address, Some(mac))
            }
            NeighbourState::Probe | NeighbourState::Failed => {
                self.forget(keys, i, tell);
                Due::Done
            }
            NeighbourState::Reachable | NeighbourState::Stale => Due::Done,
        })
    }

    /// From now on these never make room, and no others. Costs time in proportion to the entries.
    pub(super) fn fix(&mut self, is_gateway: impl Fn(IpAddr) -> bool) {
        for i in 0..self.entries.slots() {
            let known = self.entries.get(i).filter(|entry| entry.state.is_known());
            let Some((address, rank)) = known.map(|entry| (entry.address, entry.rank)) else {
                continue;
            };
            match (is_gateway(address), rank) {
                (true, _) => self.set_rank(i, Rank::Fixed),
                (false, Rank::Fixed) => self.set_rank(i, Rank::Wanted),
                (false, Rank::Spare | Rank::Wanted) => {}
            }
        }
    }

    /// When the next timer may be due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// Every neighbour.
    pub(super) fn iter(&self, now: Instant) -> impl Iterator<Item = Neighbour> {
        self.entries.iter().map(move |entry| Neighbour {
            address: entry.address,
            mac: entry.known_mac(),
            state: entry.state_at(now),
            waiting: entry.waiting.len(),
        })
    }

    /// Hears of a neighbour that was not known of. Who did not ask us is none that we will want to talk to.
    fn learn(&mut self, now: Instant, keys: &Keys, news: &News, tell: Tell<'_>) -> Result<(), Why> {
        let mac = news.mac.ok_or(Why::NeighbourIgnored)?;
        if matches!(news.heard, Heard::Answer | Heard::Announcement) {
            return Err(Why::NeighbourIgnored);
        }
        if self.entries.len() >= self.limit {
            let unused = self.wanted.first().filter(|i| self.is_unused(now, *i));
            let victim = self.spare.first().or(unused).ok_or(Why::NeighboursFull)?;
            self.forget(keys, victim, tell);
        }
        let mut entry = Entry::new(news.address, NeighbourState::Stale);
        entry.mac = mac;
        entry.heard = (news.heard == Heard::Handshake).then_some(now);
        let i = self.insert(keys, entry, tell);
        self.set_rank(i, news.rank(news.heard == Heard::Handshake));
        Ok(())
    }

    /// The neighbour is asked at once whether it is still there, unless it has just been confirmed.
    fn probe(&mut self, now: Instant, i: u32, tell: Tell<'_>) {
        let Some(entry) = self.entries.get_mut(i) else { return };
        let may = matches!(
            entry.state,
            NeighbourState::Reachable | NeighbourState::Stale | NeighbourState::Delay
        );
        if may && !entry.is_confirmed_within(now, DISPUTE_TIME) {
            entry.asked = 0;
            self.change(i, NeighbourState::Probe, tell);
            self.schedule(now, i, Duration::ZERO);
        }
    }

    /// Somebody says otherwise, without insisting (RFC 4861 section 7.2.5).
    fn doubt(&mut self, now: Instant, i: u32, tell: Tell<'_>) {
        if self.entries.get(i).map(|entry| entry.state_at(now)) == Some(NeighbourState::Reachable) {
            self.change(i, NeighbourState::Stale, tell);
        }
    }

    /// Whether nothing was sent there lately.
    fn is_unused(&self, now: Instant, i: u32) -> bool {
        let state = self.entries.get(i).map(|entry| entry.state_at(now));
        state == Some(NeighbourState::Stale)
    }

    fn index(&self, keys: &Keys, address: IpAddr) -> Option<u32> {
        let is_wanted = |i| self.entries.get(i).is_some_and(|entry| entry.address == address);
        self.buckets.find(&self.entries, hash(keys, address), is_wanted)
    }

    fn insert(&mut self, keys: &Keys, entry: Entry, tell: Tell<'_>) -> u32 {
        let (address, mac, state) = (entry.address, entry.known_mac(), entry.state);
        let i = self.entries.insert(entry);
        self.buckets.insert(&mut self.entries, hash(keys, address), i);
        tell(NeighbourChange {
            address,
            mac,
            from: None,
            to: Some(state),
        });
        i
    }

    fn forget(&mut self, keys: &Keys, i: u32, tell: Tell<'_>) {
        self.set_rank(i, Rank::Fixed);
        self.wheel.cancel(&mut self.entries, i);
        let Some(address) = self.entries.get(i).map(|entry| entry.address) else {
            return;
        };
        self.buckets.remove(&mut self.entries, hash(keys, address), i);
        if let Some(entry) = self.entries.remove(i) {
            tell(NeighbourChange {
                address,
                mac: entry.known_mac(),
                from: Some(entry.state),
                to: None,
            });
        }
    }

    fn change(&mut self, i: u32, to: NeighbourState, tell: Tell<'_>) {
        let Some(entry) = self.entries.get_mut(i) else { return };
        let from = core::mem::replace(&mut entry.state, to);
        if from != to {
            tell(NeighbourChange {
                address: entry.address,
                mac: entry.known_mac(),
                from: Some(from),
                to: Some(to),
            });
        }
    }

    /// A connection of ours uses an entry.
    fn touch(&mut self, i: u32) {
        if self.entries.get(i).is_some_and(|entry| entry.rank != Rank::Fixed) {
            self.set_rank(i, Rank::Wanted);
        }
    }

    /// Gives an entry its place in the order of those that make room: the last of its rank.
    fn set_rank(&mut self, i: u32, to: Rank) {
        let Some(entry) = self.entries.get_mut(i) else { return };
        match core::mem::replace(&mut entry.rank, to) {
            Rank::Spare => self.spare.remove(&mut self.entries, i),
            Rank::Wanted => self.wanted.remove(&mut self.entries, i),
            Rank::Fixed => {}
        }
        match to {
            Rank::Spare => self.spare.push(&mut self.entries, i),
            Rank::Wanted => self.wanted.push(&mut self.entries, i),
            Rank::Fixed => {}
        }
    }

    fn schedule(&mut self, now: Instant, i: u32, after: Duration) {
        self.wheel.schedule(now, &mut self.entries, i, now + after);
    }
}

impl Hash for Cache {
    fn hash<H: Hasher>(&self, into: &mut H) {
        for entry in self.entries.iter() {
            (
                entry.address,
                entry.mac,
                entry.state,
                entry.asked,
                entry.confirmed,
                entry.heard,
            )
                .hash(into);
            entry.waiting.hash(into);
        }
    }
}

fn hash(keys: &Keys, address: IpAddr) -> u32 {
    keys.demux(&plain(address).octets())
}

#[cfg(test)]
mod tests;
