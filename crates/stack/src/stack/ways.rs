//! To whom a packet is handed on its way out, on an Ethernet; and what becomes of those that wait for a neighbour.

use core::net::IpAddr;

use wire::ether::{self, Mac};
use wire::icmp::Unreachable;

use super::{Stack, context};
use crate::io::{Full, Offload, Sink};
use crate::observer::{Fact, Observer, Why};
use crate::station::{Expired, Neighbour, Way};
use crate::status::Idle;
use crate::tcp::output::{self, Plan};
use crate::time::Now;

/// So many timeouts on end are no accident.
const SUSPICIOUS: u8 = 2;

/// What stands between a connection and the link.
pub(super) enum Passage {
    /// Nothing: its packets leave behind this header, or behind none.
    Open(Option<ether::Header>),
    /// It waits for its neighbour.
    Waits,
    /// What it sends is lost, as it may be on any link, and why.
    Lost(Why),
}

impl<O: Observer> Stack<O> {
    /// How connection `i` gets a packet out.
    pub(super) fn passage(&mut self, now: Now, i: u32) -> Passage {
        let Some(station) = self.station.as_deref_mut() else {
            return Passage::Open(None);
        };
        let Some(c) = self.connections.get_mut(i) else {
            return Passage::Waits;
        };
        let observer = &mut self.observer;
        let mut tell = |change| observer.observe(now.mono, &Fact::Neighbour(change));
        let (ours, remote) = (&self.config.addresses, c.tuple.remote_addr);
        match station.way(now.mono, &self.keys, ours, &mut c.neighbour, remote, &mut tell) {
            Way::Behind(header) => Passage::Open(Some(header)),
            Way::Asked(entry) => {
                if !c.awaits_neighbour {
                    c.awaits_neighbour = true;
                    station.wait(entry, i);
                }
                c.idle = Idle::Resolving;
                c.transmit_queued = false;
                Passage::Waits
            }
            Way::Lost(why) => Passage::Lost(why),
        }
    }

    /// A segment of connection `i` is lost before the link: it counts as sent, and the retransmission timer does the rest
    /// (RFC 1122 section 2.3.2.2: a datagram that waits for an address may be dropped, and TCP sends it again).
    pub(super) fn lose(&mut self, now: Now, i: u32, plan: &Plan, why: Why) {
        let Some(c) = self.connections.get_mut(i) else { return };
        let cx = &mut context!(self, now);
        match why {
            Why::NeighbourUnreachable => c.on_unreachable(cx, Unreachable::Host),
            Why::NoRoute => c.on_unreachable(cx, Unreachable::Network),
            _ => {}
        }
        let header = output::header(cx, c, plan);
        output::sent(cx, c, plan, header.window);
        cx.dropped(Some(c.tuple), why);
    }

    /// The header that an answer leaves behind, if any: to the station whose packet it answers, else to one that is known.
    ///
    /// Errors: why there is no way.
    pub(super) fn way_of_reply(
        &mut self,
        now: Now,
        to: Option<Mac>,
        destination: IpAddr,
    ) -> Result<Option<ether::Header>, Why> {
        let Some(station) = self.station.as_deref_mut() else {
            return Ok(None);
        };
        if let Some(mac) = to {
            return Ok(Some(station.header(mac, destination)));
        }
        let observer = &mut self.observer;
        let mut tell = |change| observer.observe(now.mono, &Fact::Neighbour(change));
        let ours = &self.config.addresses;
        station
            .way_of_reply(now.mono, &self.keys, ours, destination, &mut tell)
            .map(Some)
    }

    /// Sends what we have to say to neighbours. Errors: the link is full, or the budget is spent.
    pub(super) fn speak(&mut self, left: &mut usize, sink: &mut impl Sink) -> Result<(), Full> {
        let Some(station) = self.station.as_deref_mut() else {
            return Ok(());
        };
        while let Some(frame) = station.spoken() {
            if *left == 0 {
                return Err(Full);
            }
            sink.send(frame, &[], Offload::default())?;
            station.on_spoken();
            self.counters.packets_out = self.counters.packets_out.wrapping_add(1);
            *left -= 1;
        }
        Ok(())
    }

    /// Something new came for connection `i`. An acknowledgment says that what we sent arrived, and so that its neighbour is
    /// where we think it is (RFC 4861 section 7.3.1). Data is a weaker sign: what was sent before our acknowledgments went
    /// astray comes as well.
    pub(super) fn on_progress(&mut self, now: Now, i: u32, is_acknowledged: bool) {
        let (Some(station), Some(c)) = (self.station.as_deref_mut(), self.connections.get(i)) else {
            return;
        };
        let (place, remote) = (c.neighbour, c.tuple.remote_addr);
        if is_acknowledged {
            let observer = &mut self.observer;
            let mut tell = |change| observer.observe(now.mono, &Fact::Neighbour(change));
            station.confirm(now.mono, place, remote, &mut tell);
        } else {
            station.note(now.mono, place, remote);
        }
    }

    /// What connection `i` has sent goes unanswered time and again: it may be that its neighbour is where we think it is no more.
    pub(super) fn suspect_neighbour(&mut self, now: Now, i: u32) {
        let (Some(station), Some(c)) = (self.station.as_deref_mut(), self.connections.get(i)) else {
            return;
        };
        if c.unanswered < SUSPICIOUS {
            return;
        }
        let observer = &mut self.observer;
        let mut tell = |change| observer.observe(now.mono, &Fact::Neighbour(change));
        station.suspect(now.mono, c.neighbour, c.tuple.remote_addr, &mut tell);
    }

    /// Runs the timers of neighbours that are due.
    pub(super) fn neighbour_timeouts(&mut self, now: Now) {
        loop {
            let Some(station) = self.station.as_deref_mut() else {
                return;
            };
            let observer = &mut self.observer;
            let mut tell = |change| observer.observe(now.mono, &Fact::Neighbour(change));
            match station.expire(now.mono, &self.keys, &self.config.addresses, &mut tell) {
                None => return,
                Some(Expired::Nothing) => {}
                Some(Expired::Unanswered(entry, waiting)) => {
                    waiting.into_iter().for_each(|i| self.unanswered(now, entry, i));
                }
            }
        }
    }

    /// Connection `i` waited for the neighbour of this entry in vain. It is told as if a router had said so, and what it has
    /// to send is lost at its next turn.
    fn unanswered(&mut self, now: Now, entry: u32, i: u32) {
        let Some(c) = self.connections.get_mut(i) else { return };
        // Another may have taken its place since.
        if !c.awaits_neighbour || c.neighbour != entry {
            return;
        }
        c.awaits_neighbour = false;
        c.on_unreachable(&mut context!(self, now), Unreachable::Host);
        self.settle(now, i);
    }

    /// Who is known, or asked for, on the Ethernet. Costs time in proportion to it.
    pub fn neighbours(&self, now: Now) -> alloc::vec::Vec<Neighbour> {
        let station = self.station.as_deref();
        station
            .map(|station| station.neighbours(now.mono).collect())
            .unwrap_or_default()
    }
}
