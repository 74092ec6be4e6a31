//! One of several stacks of a host: what it keeps, and what it gives to the others.
//!
//! ```text
//!  handle_packets ─▶ IP ─▶ whose is it? ─ours─▶ fragments, TCP, ICMP
//!                                │another's
//!                                └▶ poll_strays ─▶ (a driver's ring) ─▶ handle_strays of that shard
//! ```
//! Who owns what is said by [`Owners`]. A datagram that was cut is rebuilt by the shard that owns its pieces, and then goes
//! to the one that owns what is in it: two steps at the most.

use alloc::vec::Vec;
use core::num::NonZeroUsize;

use wire::ip::Datagram;

use super::arrival::Origin;
use super::{Stack, context};
use crate::call::ConnectOptions;
use crate::config::{Config, ListenOptions, Secrets};
use crate::error::ConnectError;
use crate::io::{Batch, Packet};
use crate::observer::{Observer, Why};
use crate::owner::{Owners, part, part_of_source};
use crate::time::Now;
use crate::tuple::FourTuple;

/// The shard that judges floods for all.
const JUDGE: usize = 0;

/// A stack's place among the shards of its host.
#[derive(Clone)]
pub(super) struct Membership {
    owners: Owners,
    index: usize,
    /// For each shard, what was found to be its own.
    strays: Vec<Vec<Packet>>,
    /// Whether there is anything in `strays`.
    has_strays: bool,
}

impl Membership {
    pub(super) fn shards(&self) -> NonZeroUsize {
        self.owners.shards()
    }

    pub(super) fn owns(&self, tuple: &FourTuple) -> bool {
        self.owners.of_tuple(tuple) == self.index
    }

    /// Gives a packet back that is this shard's, or nobody's in particular.
    pub(super) fn keep_own(&mut self, datagram: &Datagram, packet: Packet) -> Option<Packet> {
        let owner = self.owners.of_datagram(datagram, &packet.bytes);
        match owner
            .filter(|owner| *owner != self.index)
            .and_then(|owner| self.strays.get_mut(owner))
        {
            None => Some(packet),
            Some(strays) => {
                strays.push(packet);
                self.has_strays = true;
                None
            }
        }
    }
}

impl<O: Observer> Stack<O> {
    /// The stacks of one host, a shard for each observer. `config` is the host's: its bounds and budgets are divided among
    /// them, rounded up, but for those of single connections; limits per source and per destination, and the judgement of
    /// floods, are of all together. With one observer it is as [`Stack::new`].
    ///
    /// Listen on all of them, in the same order, with [`ListenOptions::part`]; connect on the one that
    /// [`home_of`](Self::home_of) names; and move what [`poll_strays`](Self::poll_strays) gives.
    pub fn shards(config: &Config, secrets: Secrets, observers: impl IntoIterator<Item = O>) -> Vec<Self> {
        let observers: Vec<O> = observers.into_iter().collect();
        let Some(shards) = NonZeroUsize::new(observers.len()) else {
            return Vec::new();
        };
        let owners = Owners::new(&secrets, shards);
        let part = config.part(shards);
        let new = |observer| Self::new(part.clone(), secrets, observer);
        let mut stacks: Vec<Self> = observers.into_iter().map(new).collect();
        if let [first, others @ ..] = &mut *stacks
            && !others.is_empty()
        {
            for stack in others.iter_mut() {
                stack.limiter = first.limiter.share();
                stack.reply_budget = first.reply_budget.share();
                stack.judging.report_to(&mut first.judging);
            }
            for (index, stack) in stacks.iter_mut().enumerate() {
                stack.membership = Some(Membership {
                    owners: owners.clone(),
                    index,
                    strays: (0..shards.get()).map(|_| Vec::new()).collect(),
                    has_strays: false,
                });
            }
        }
        stacks
    }

    /// Takes in what other shards found to be this one's: IP datagrams, whatever the medium is. Hears what they report, too.
    pub fn handle_strays(&mut self, now: Now, strays: &mut Batch) {
        self.packets(now, Origin::Shard, strays);
        self.judge_touched(now);
    }

    /// Gives out what was found to belong to other shards, all that is one's at once: `hand` is told the shard, and takes as
    /// many packets from the front as there is room for. What it leaves is dropped (counted). A shard to which nothing is handed
    /// is called: [`handle_strays`](Self::handle_strays) is due there, without strays.
    ///
    /// Bounds: nothing waits here after a call that follows each call of [`handle_packets`](Self::handle_packets) and
    /// [`handle_strays`](Self::handle_strays), so there is never more than they were given.
    pub fn poll_strays(&mut self, now: Now, mut hand: impl FnMut(usize, &mut Vec<Packet>)) {
        if self.judging.take_call() {
            hand(JUDGE, &mut Vec::new());
        }
        let Some(member) = self.membership.as_mut().filter(|member| member.has_strays) else {
            return;
        };
        member.has_strays = false;
        for (shard, strays) in member.strays.iter_mut().enumerate().filter(|(_, s)| !s.is_empty()) {
            let offered = strays.len();
            hand(shard, strays);
            let taken = offered.saturating_sub(strays.len());
            self.counters.strays = self.counters.strays.wrapping_add(taken as u64);
            for _ in strays.drain(..) {
                context!(self, now).dropped(None, Why::StrayRefused);
            }
        }
    }

    /// The shard on which a connection with these options is to be opened. Where the port is left to us it is this one: of
    /// all ports it chooses among those by which the connection is its own, so that no two shards choose the same.
    ///
    /// Errors: no address of ours fits.
    pub fn home_of(&self, options: &ConnectOptions) -> Result<usize, ConnectError> {
        let Some(member) = &self.membership else { return Ok(0) };
        let local = self.local_end(options.local, options.remote)?;
        Ok(match local.port() {
            0 => member.index,
            _ => member.owners.of_tuple(&FourTuple::new(local, options.remote)),
        })
    }
}

impl Config {
    /// The configuration of one of so many shards.
    pub(crate) fn part(&self, shards: NonZeroUsize) -> Self {
        let mut config = self.clone();
        config.limits = config.limits.part(shards);
        let cookies = &mut config.cookies;
        for per_s in [&mut cookies.bare_per_s]
            .into_iter()
            .chain(&mut cookies.refuse_bare_above)
        {
            *per_s = per_s.div_ceil(u32::try_from(shards.get()).unwrap_or(u32::MAX));
        }
        config
    }
}

impl ListenOptions {
    /// What one of so many shards is told of a listener: an even part of its backlogs, rounded up, and of the connections of
    /// a source a part with room for chance. A source gets at least the whole of them, and at most
    /// `connections_per_source + 5 * sqrt(connections_per_source * shards)`, rounded up for each shard.
    #[must_use]
    pub fn part(self, shards: NonZeroUsize) -> Self {
        let connections_per_source = self.connections_per_source.map(|whole| part_of_source(whole, shards));
        Self {
            syn_backlog: part(self.syn_backlog, shards),
            accept_backlog: part(self.accept_backlog, shards),
            connections_per_source,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
