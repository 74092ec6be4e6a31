//! A station on an Ethernet: to whom a datagram is handed, and who has which hardware address.
//!
//! Read first: RFC 826 (ARP), RFC 4861 (neighbour discovery), docs/decisions/0008-neighbours.md.

mod cache;
mod entry;
mod queue;
mod routes;
mod speech;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wire::ether::{self, EtherType, Mac};
use wire::icmp::ndp;

use self::cache::{Cache, Due, Found};
pub(crate) use self::cache::{Heard, News, Tell};
pub use self::entry::{Neighbour, NeighbourChange, NeighbourState};
use self::routes::Routes;
use crate::bucket::TokenBucket;
use crate::hash::Keys;
use crate::limits::Limits;
use crate::medium::EthernetOptions;
use crate::observer::Why;
use crate::time::Instant;

/// Frames to neighbours that wait for the link. One that finds no room is as lost: questions are asked again.
const SPOKEN_MAX: usize = 256;

/// Who we are, where others are, and what we have to say to them.
#[derive(Clone)]
pub(crate) struct Station {
    mac: Mac,
    routes: Routes,
    cache: Cache,
    /// Whole frames: questions and answers.
    spoken: VecDeque<Vec<u8>>,
    resolutions: TokenBucket,
    replies: TokenBucket,
}

/// How a datagram leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Behind this header.
    Behind(ether::Header),
    /// Its neighbour is being asked for: that entry.
    Asked(u32),
    /// It is as lost, and why.
    Lost(Why),
}

/// What a timer led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expired {
    /// A question, or nothing.
    Nothing,
    /// Nobody answered: the entry, and the connections that waited.
    Unanswered(u32, Vec<u32>),
}

impl Station {
    pub(crate) fn new(options: &EthernetOptions, limits: &Limits) -> Self {
        Self {
            mac: options.mac,
            routes: Routes::new(&options.routes),
            cache: Cache::new(limits.neighbours),
            spoken: VecDeque::new(),
            resolutions: TokenBucket::new(limits.resolutions_per_s, limits.resolutions_per_s),
            replies: TokenBucket::new(limits.neighbour_replies_per_s, limits.neighbour_replies_per_s),
        }
    }

    /// From now on we are another; what is known of others stays.
    pub(crate) fn set_options(&mut self, options: &EthernetOptions) {
        self.mac = options.mac;
        self.routes = Routes::new(&options.routes);
        self.cache.fix(|address| self.routes.is_gateway(address));
    }

    pub(crate) const fn mac(&self) -> Mac {
        self.mac
    }

    pub(crate) const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether a frame to this address is for us: ours, everybody's, or that of a group that one of our addresses is in.
    pub(crate) fn is_for_us(&self, to: Mac, ours: &[IpAddr]) -> bool {
        if to == self.mac || to == Mac::BROADCAST || to == Mac::of_group(ndp::ALL_NODES) {
            return true;
        }
        let is_ours = |own: &IpAddr| match own {
            IpAddr::V4(_) => false,
            IpAddr::V6(own) => to == Mac::of_group(ndp::solicited_node(*own)),
        };
        to.is_group() && ours.iter().any(is_ours)
    }

    /// How a connection's datagram leaves. `place` is where its neighbour was found the last time.
    pub(crate) fn way(
        &mut self,
        now: Instant,
        keys: &Keys,
        ours: &[IpAddr],
        place: &mut u32,
        destination: IpAddr,
        tell: Tell<'_>,
    ) -> Way {
        let Some(hop) = self.routes.next_hop(destination) else {
            return Way::Lost(Why::NoRoute);
        };
        match self.cache.find(now, keys, place, hop, true, tell) {
            Found::To(mac) => Way::Behind(self.header(mac, destination)),
            Found::Asked(i) => Way::Asked(i),
            Found::Failed => Way::Lost(Why::NeighbourUnreachable),
            Found::Unknown => match self.ask(now, keys, ours, hop, tell) {
                Ok(i) => {
                    *place = i;
                    Way::Asked(i)
                }
                Err(why) => Way::Lost(why),
            },
        }
    }

    /// How an answer to a stranger leaves for which no packet says where: by what is known already. For a stranger alone
    /// nobody is asked but a gateway.
    pub(crate) fn way_of_reply(
        &mut self,
        now: Instant,
        keys: &Keys,
        ours: &[IpAddr],
        destination: IpAddr,
        tell: Tell<'_>,
    ) -> Result<ether::Header, Why> {
        let hop = self.routes.next_hop(destination).ok_or(Why::NoRoute)?;
        let mut place = u32::MAX;
        match self.cache.find(now, keys, &mut place, hop, false, tell) {
            Found::To(mac) => return Ok(self.header(mac, destination)),
            Found::Unknown if self.routes.is_gateway(hop) => {
                self.ask(now, keys, ours, hop, tell)?;
            }
            Found::Unknown | Found::Asked(_) | Found::Failed => {}
        }
        Err(Why::NeighbourUnknown)
    }

    /// The connection with this index waits for the neighbour of this entry.
    pub(crate) fn wait(&mut self, entry: u32, connection: u32) {
        self.cache.wait(entry, connection);
    }

    /// The header of a frame to this station, with a datagram to this destination in it.
    pub(crate) const fn header(&self, to: Mac, destination: IpAddr) -> ether::Header {
        ether::Header {
            dst: to,
            src: self.mac,
            ethertype: match destination {
                IpAddr::V4(_) => EtherType::Ipv4,
                IpAddr::V6(_) => EtherType::Ipv6,
            },
        }
    }

    /// Hears where a neighbour is; gives the connections that waited for it.
    ///
    /// Errors: why nothing was learnt.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        keys: &Keys,
        (address, mac): (IpAddr, Option<Mac>),
        heard: Heard,
        overrides: bool,
        tell: Tell<'_>,
    ) -> Result<Vec<u32>, Why> {
        let news = News {
            address,
            mac,
            heard,
            overrides,
            is_gateway: self.routes.is_gateway(address),
        };
        self.cache.hear(now, keys, &news, tell)
    }

    /// Something new was acknowledged from this destination, whose neighbour was found at this place.
    pub(crate) fn confirm(&mut self, now: Instant, place: u32, destination: IpAddr, tell: Tell<'_>) {
        if let Some(hop) = self.routes.next_hop(destination) {
            self.cache.confirm(now, place, hop, tell);
        }
    }

    /// TCP heard something new from this destination, whose neighbour was found at this place.
    pub(crate) fn note(&mut self, now: Instant, place: u32, destination: IpAddr) {
        if let Some(hop) = self.routes.next_hop(destination) {
            self.cache.note(now, place, hop);
        }
    }

    /// What is sent to this destination, whose neighbour was found at this place, seems to be lost: the neighbour is asked
    /// whether it is still there, at most once in a second.
    pub(crate) fn suspect(&mut self, now: Instant, place: u32, destination: IpAddr, tell: Tell<'_>) {
        if let Some(hop) = self.routes.next_hop(destination) {
            self.cache.suspect(now, place, hop, tell);
        }
    }

    /// Answers an ARP request.
    pub(crate) fn answer_arp(&mut self, now: Instant, own: Ipv4Addr, asker: (Ipv4Addr, Mac)) -> Result<(), Why> {
        self.take_reply(now)?;
        self.speak(speech::arp_answer(self.mac, own, asker))
    }

    /// Answers a neighbour solicitation.
    pub(crate) fn answer_ndp(&mut self, now: Instant, own: Ipv6Addr, asker: (Ipv6Addr, Mac)) -> Result<(), Why> {
        self.take_reply(now)?;
        self.speak(speech::ndp_answer(self.mac, own, asker))
    }

    /// Runs one timer that is due.
    pub(crate) fn expire(&mut self, now: Instant, keys: &Keys, ours: &[IpAddr], tell: Tell<'_>) -> Option<Expired> {
        Some(match self.cache.expire(now, keys, tell)? {
            Due::Solicit(address, to) => {
                // One that finds no room is repeated as one that is lost.
                let _ = self.solicit(ours, address, to);
                Expired::Nothing
            }
            Due::Unanswered(entry, waiting) => Expired::Unanswered(entry, waiting),
            Due::Done => Expired::Nothing,
        })
    }

    /// When the next timer may be due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.cache.next()
    }

    /// The frame that is to leave first.
    pub(crate) fn spoken(&self) -> Option<&[u8]> {
        self.spoken.front().map(Vec::as_slice)
    }

    /// It left.
    pub(crate) fn on_spoken(&mut self) {
        self.spoken.pop_front();
    }

    /// Every neighbour.
    pub(crate) fn neighbours(&self, now: Instant) -> impl Iterator<Item = Neighbour> {
        self.cache.iter(now)
    }

    fn ask(&mut self, now: Instant, keys: &Keys, ours: &[IpAddr], address: IpAddr, tell: Tell<'_>) -> Result<u32, Why> {
        if !self.resolutions.take(now) {
            return Err(Why::ResolutionBudget);
        }
        let i = self.cache.ask(now, keys, address, tell).ok_or(Why::NeighboursFull)?;
        let _ = self.solicit(ours, address, None);
        Ok(i)
    }

    fn solicit(&mut self, ours: &[IpAddr], address: IpAddr, to: Option<Mac>) -> Result<(), Why> {
        let source = self.routes.source_towards(address, ours);
        self.speak(source.and_then(|source| speech::question(self.mac, source, address, to)))
    }

    fn take_reply(&mut self, now: Instant) -> Result<(), Why> {
        if self.replies.take(now) {
            Ok(())
        } else {
            Err(Why::NeighbourBudget)
        }
    }

    fn speak(&mut self, frame: Option<Vec<u8>>) -> Result<(), Why> {
        if self.spoken.len() >= SPOKEN_MAX {
            return Err(Why::RepliesFull);
        }
        self.spoken.extend(frame);
        Ok(())
    }
}

impl Hash for Station {
    /// What is known of others, and what is to be said to them; the budgets are left out.
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.cache.hash(into);
        self.spoken.hash(into);
    }
}
