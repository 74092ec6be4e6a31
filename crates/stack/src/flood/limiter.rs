//! Limits per source: who may take a place in the SYN queue, and how often.
//!
//! ```text
//!  SYN ─▶ allow list ─▶ proven? ─yes─▶ its own bucket
//!             │            │no
//!             │            └─▶ address ─▶ prefix          each over its rate ─▶ cookie only, or drop
//!             └─▶ keep
//! ```
//! A SYN proves nothing of who sent it, so the buckets of strangers say only how loud a name is, not who makes the noise.
//! Hence the defaults never turn a stranger away: over its rate it is answered by a cookie, which costs no memory, and one
//! completed handshake takes it out of the strangers' buckets for [`LimiterOptions::proven_lifetime`].
//!
//! Tables are arrays of single words, each of which is changed on its own: the shards of a host share them without a lock.
//!
//! Spec: RFC 4987 section 3.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::allow::AllowList;
use super::pace::Rate;
use super::proven::{self, Proof, Proven};
use super::sketch::{self, Sketch};
use super::source::{Keyed, Source, Spot};
use super::subnet::Subnet;
use crate::config::Secrets;
use crate::time::{Duration, Instant};

/// What the limits are. A limit that is `None` does not exist, and its table takes no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimiterOptions {
    /// SYNs of one unproven address (IPv4) or /64 (IPv6). By default 100/s and a burst of 200: a browser opens dozens of
    /// connections at once and then a few per second; of 100,000 SYNs per second from one address a thousandth is kept.
    pub per_address: Option<Rate>,
    /// SYNs of one unproven prefix: /24 (IPv4) or /48 (IPv6). By default 1,000/s and a burst of 2,000: ten addresses at
    /// their full rate, or a whole /24 at four SYNs a second each.
    pub per_prefix: Option<Rate>,
    /// SYNs of one address that completed a handshake not long ago; the other two do not bind it. By default 10,000/s and a
    /// burst of 10,000: room for a proxy or a carrier's NAT. Whoever spoofs such an address silences it only beyond
    /// that rate, and with [`OverLimit::Cookie`] only beyond the budget of replies to strangers besides. `None`: nobody is
    /// proven.
    pub proven: Option<Rate>,
    /// How long a handshake proves its source. By default 10 minutes. Bounds: 1 s to 1 day; others are clamped. It may end
    /// early by a hundredth.
    pub proven_lifetime: Duration,
    /// How many proven sources are remembered. Past it the one whose last handshake lies furthest back in its set of four is
    /// forgotten, and is a stranger again. By default 16,384. Bounds: 64 to 4,194,304, rounded up to a power of two.
    pub proven_sources: usize,
    /// Cells in each of the two rows of the address table. While fewer strangers are seen per second than 1.5 x
    /// `address_cells` x rate, none of them takes another's tokens. By default 16,384: 2.4 million per second. Bounds: 64 to
    /// 1,048,576, rounded up to a power of two.
    pub address_cells: usize,
    /// As `address_cells`, for prefixes. By default 8,192: 12 million strangers per second.
    pub prefix_cells: usize,
    /// Whom no limit binds.
    pub allow: Vec<Subnet>,
    /// What happens over a limit.
    pub over: OverLimit,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self {
            per_address: Some(Rate::new(100, 200)),
            per_prefix: Some(Rate::new(1_000, 2_000)),
            proven: Some(Rate::new(10_000, 10_000)),
            proven_lifetime: Duration::from_secs(600),
            proven_sources: 16_384,
            address_cells: 16_384,
            prefix_cells: 8_192,
            allow: Vec::new(),
            over: OverLimit::default(),
        }
    }
}

impl LimiterOptions {
    /// No limit at all, and no memory for any.
    pub fn unlimited() -> Self {
        Self {
            per_address: None,
            per_prefix: None,
            proven: None,
            ..Self::default()
        }
    }

    /// What the tables take at the most, whoever sends whatever. Units: bytes. The allow list is not in it: 8 bytes for each
    /// IPv4 subnet and 32 for each IPv6 one.
    pub const fn bytes_max(&self) -> usize {
        let address = if self.per_address.is_some() {
            sketch::bytes_max(self.address_cells)
        } else {
            0
        };
        let prefix = if self.per_prefix.is_some() {
            sketch::bytes_max(self.prefix_cells)
        } else {
            0
        };
        let proven = if self.proven.is_some() {
            proven::bytes_max(self.proven_sources)
        } else {
            0
        };
        address + prefix + proven
    }
}

/// What a SYN meets whose source is over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OverLimit {
    /// It is answered by a cookie, and nothing is kept. A good client that shares a bucket with a flood gets in.
    #[default]
    Cookie,
    /// It is dropped. Cheaper, and an unproven client that shares a bucket with a flood waits for its retransmissions.
    Drop,
}

/// What becomes of a SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Its source is within its limits.
    Keep(Standing),
    /// Its source is over this bound: answer with a cookie, and keep nothing.
    CookieOnly(Bound),
    /// Its source is over this bound: drop it.
    Refuse(Bound),
}

/// How well a source is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It stands in the allow list.
    Allowed,
    /// It completed a handshake not long ago.
    Proven,
    /// It may be anybody. What is sent to it counts against the [`ReplyBudget`](super::ReplyBudget) of its prefix.
    Stranger,
}

/// The bound that a source is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// [`LimiterOptions::per_address`].
    Address,
    /// [`LimiterOptions::per_prefix`].
    Prefix,
    /// [`LimiterOptions::proven`].
    Proven,
}

impl Admission {
    /// As whom the source is answered. One that is over its own bucket is answered as a stranger: or else whoever spoofs it
    /// could have us send it as much as he likes.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Keep(standing) => standing,
            Self::CookieOnly(_) | Self::Refuse(_) => Standing::Stranger,
        }
    }
}

/// The limits with their tables: of a fixed size, each allocated at its first use.
///
/// A clone has tables of its own, and what is [shared](Self::share) has the same.
#[derive(Clone)]
pub struct Limiter {
    keyed: Keyed,
    allow: AllowList,
    proven: Option<Proven>,
    address: Option<Sketch>,
    prefix: Option<Sketch>,
    over: OverLimit,
}

impl Limiter {
    /// Limits that have seen nobody. Who shares a cell with whom follows from the secrets.
    pub fn new(options: &LimiterOptions, secrets: &Secrets) -> Self {
        Self {
            keyed: Keyed::new(secrets, b"limiter"),
            allow: AllowList::new(&options.allow),
            proven: options
                .proven
                .map(|rate| Proven::new(rate, options.proven_lifetime, options.proven_sources)),
            address: options.per_address.map(|rate| Sketch::new(rate, options.address_cells)),
            prefix: options.per_prefix.map(|rate| Sketch::new(rate, options.prefix_cells)),
            over: options.over,
        }
    }

    /// Another hold on the same tables, for another shard of the same host: a source has one bucket, whichever shard its SYNs
    /// come to. The tables are allocated now.
    #[must_use]
    pub fn share(&mut self) -> Self {
        Self {
            keyed: self.keyed.clone(),
            allow: self.allow.clone(),
            proven: self.proven.as_mut().map(Proven::share),
            address: self.address.as_mut().map(Sketch::share),
            prefix: self.prefix.as_mut().map(Sketch::share),
            over: self.over,
        }
    }

    /// What becomes of a SYN from this address. A token is taken only from the buckets of one that is kept.
    pub fn admit(&mut self, now: Instant, address: IpAddr) -> Admission {
        if self.allow.contains(address) {
            return Admission::Keep(Standing::Allowed);
        }
        let source = Source::of(address);
        let spot = self.keyed.spot(source.address_key(), 0);
        let proof = self.proven.as_mut().map_or(Proof::Stranger, |p| p.take(now, spot));
        match proof {
            Proof::Within => Admission::Keep(Standing::Proven),
            Proof::Over => self.over(Bound::Proven),
            Proof::Stranger => match self.take_as_stranger(now, source, spot) {
                Ok(()) => Admission::Keep(Standing::Stranger),
                Err(bound) => self.over(bound),
            },
        }
    }

    /// Remembers that this address completed a handshake.
    pub fn completed(&mut self, now: Instant, address: IpAddr) {
        if let Some(proven) = &mut self.proven {
            let spot = self.keyed.spot(Source::of(address).address_key(), 0);
            proven.completed(now, spot);
        }
    }

    /// A keyed hash of the source that an address belongs to, even in all its bits: what a [`Gauge`](super::Gauge) asks for.
    pub fn hash(&self, address: IpAddr) -> u64 {
        self.keyed.spot(Source::of(address).address_key(), 0).value()
    }

    /// How well the address is known. No token is taken.
    pub fn standing(&mut self, now: Instant, address: IpAddr) -> Standing {
        if self.allow.contains(address) {
            return Standing::Allowed;
        }
        let spot = self.keyed.spot(Source::of(address).address_key(), 0);
        if self.proven.as_mut().is_some_and(|proven| proven.has(now, spot)) {
            Standing::Proven
        } else {
            Standing::Stranger
        }
    }

    /// What the tables take now: nothing before the first SYN. Units: bytes. Bounds: [`LimiterOptions::bytes_max`].
    pub fn bytes(&self) -> usize {
        let sketches = [&self.address, &self.prefix].into_iter().flatten().map(Sketch::bytes);
        sketches.sum::<usize>() + self.proven.as_ref().map_or(0, Proven::bytes)
    }

    /// Takes a token of the address and one of the prefix, or neither.
    fn take_as_stranger(&mut self, now: Instant, source: Source, spot: Spot) -> Result<(), Bound> {
        let of_address = match &mut self.address {
            Some(sketch) => Some(sketch.token(now, spot).ok_or(Bound::Address)?),
            None => None,
        };
        if let Some(sketch) = &mut self.prefix {
            let spot = self.keyed.spot(source.prefix_key(), 0);
            let token = sketch.token(now, spot).ok_or(Bound::Prefix)?;
            sketch.take(token);
        }
        if let (Some(sketch), Some(token)) = (&mut self.address, of_address) {
            sketch.take(token);
        }
        Ok(())
    }

    const fn over(&self, bound: Bound) -> Admission {
        match self.over {
            OverLimit::Cookie => Admission::CookieOnly(bound),
            OverLimit::Drop => Admission::Refuse(bound),
        }
    }
}

#[cfg(test)]
mod tests;
