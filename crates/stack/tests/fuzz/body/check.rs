//! What holds after every step: bounds, beliefs, counts, and that a cookie opens only what was offered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use syndic_stack::tcp::cookie::epoch_of;
use syndic_stack::*;
use wire::ip;
use wire::tcp::Header;

use super::host::ours;
use super::watch::SynAck;
use super::{ACCEPT_BACKLOG, NEIGHBOURS, SYN_BACKLOG, World, limits};

impl World<'_> {
    /// Nobody who could read or write waits to be told.
    pub(super) fn check_beliefs(&self) {
        let now = self.now();
        for (&id, belief) in &self.beliefs {
            let status = self.stack.status(now, id).expect("held");
            let is_finished = matches!(
                status.state,
                State::CloseWait | State::Closing | State::LastAck | State::TimeWait
            );
            let may_read = status.receive_queue > 0 || status.ended.is_some() || is_finished;
            assert!(belief.readable || !may_read, "nobody told the reader: {status:?}");
            let may_write = status.send_queue == 0 && status.state.may_send();
            assert!(belief.writable || !may_write, "nobody told the writer: {status:?}");
        }
    }

    /// Nothing is held beyond its bound.
    pub(super) fn check_tables(&self) {
        let now = self.now();
        let limits = limits();
        let (connections, embryos, time_waits) = self.stack.counts();
        assert!(connections <= limits.connections && embryos <= limits.embryos && time_waits <= limits.time_waits);
        let entries = self.stack.entries(now);
        self.check_queues(&entries);
        for entry in entries {
            match entry {
                Entry::Listener {
                    syn_queue,
                    accept_queue,
                    ..
                } => {
                    assert!(syn_queue.0 <= SYN_BACKLOG && accept_queue.0 <= ACCEPT_BACKLOG);
                }
                Entry::Connection { status, .. } => check(&status, &limits),
                _ => {}
            }
        }
    }

    /// Each listener counts its own half-open entries, but for those that reopen a TIME-WAIT entry; and no source has more
    /// connections than it may.
    fn check_queues(&self, entries: &[Entry]) {
        let (mut counted, mut half_open, mut time_waits) = (0, Vec::new(), BTreeSet::new());
        let mut passive = BTreeMap::<_, usize>::new();
        for entry in entries {
            match entry {
                Entry::Listener { syn_queue, .. } => counted += syn_queue.0,
                Entry::Embryo { tuple, age, .. } => {
                    assert!(*age <= Duration::from_secs(700), "{tuple} is half-open for {age}");
                    half_open.push(tuple.to_string());
                }
                Entry::TimeWait { tuple, .. } => {
                    time_waits.insert(tuple.to_string());
                }
                Entry::Connection { status, .. } if status.tuple.local_port == 80 => {
                    *passive.entry(status.tuple.remote_addr).or_default() += usize::from(status.ended.is_none());
                }
                Entry::Connection { .. } => {}
            }
        }
        let own = half_open.iter().filter(|tuple| !time_waits.contains(*tuple)).count();
        assert_eq!(counted, own, "{entries:?}");
        if let Some(most) = self.per_source {
            assert!(passive.values().all(|&held| held <= most), "{entries:?}");
        }
    }

    /// Nothing is known of more neighbours than may be, nor of one twice, and nobody waits for one that has answered.
    pub(super) fn check_neighbours(&self) {
        let all = self.stack.neighbours(self.now());
        assert!(all.len() <= NEIGHBOURS, "{all:?}");
        let addresses: BTreeSet<IpAddr> = all.iter().map(|neighbour| neighbour.address).collect();
        assert_eq!(addresses.len(), all.len(), "{all:?}");
        for neighbour in &all {
            let is_asked = neighbour.state == NeighbourState::Incomplete;
            assert!(is_asked || neighbour.waiting == 0, "{neighbour:?}");
            assert_eq!(neighbour.mac.is_some(), neighbour.state.is_known(), "{neighbour:?}");
            assert!(neighbour.mac.is_none_or(Mac::is_station), "{neighbour:?}");
            assert!(![ours(false), ours(true)].contains(&neighbour.address), "{neighbour:?}");
        }
        assert!(self.is_ethernet || all.is_empty());
    }

    /// What a cookie has opened was offered: those very numbers were sent, and not too long ago.
    pub(super) fn check_cookie(&mut self, bytes: &[u8]) {
        let now = epoch_of(self.now().unix_s);
        let Some(tuple) = self.stack.observer_mut().returned.take() else {
            return;
        };
        let datagram = ip::Datagram::parse(bytes).expect("it opened a connection");
        if datagram.fragment.is_some() {
            return;
        }
        let (header, _) = Header::parse(&bytes[datagram.payload]).expect("it opened a connection");
        let watch = self.stack.observer();
        let is_it = |s: &&SynAck| (s.tuple, s.header.seq + 1, s.header.ack) == (tuple, header.ack, header.seq);
        match watch.syn_acks.iter().find(is_it) {
            Some(sent) => assert!(
                self.is_adrift || sent.epoch.saturating_add(1) >= now,
                "{sent:?} lived until {now}"
            ),
            None => assert!(
                self.is_adrift || watch.forgot,
                "{tuple}: opened by {header:?}, which answers nothing"
            ),
        }
    }
}

/// What holds for every connection at any time.
fn check(status: &Status, limits: &Limits) {
    let in_flight = status.snd_nxt.since(status.snd_una) as usize;
    assert!(
        in_flight <= limits.send_buffer_max + 2,
        "SND.UNA <= SND.NXT: {status:?}"
    );
    assert!(status.send_queue <= limits.send_buffer_max, "{status:?}");
    assert!(status.unsent <= status.send_queue, "{status:?}");
    // A scaled window may be rounded up by less than its unit.
    assert!(
        status.receive_queue <= limits.receive_buffer_max + (1 << 14),
        "{status:?}"
    );
    assert!(status.islands <= limits.islands, "{status:?}");
    assert!(status.lost as usize + status.sacked as usize <= in_flight, "{status:?}");
    assert!(status.cwnd >= 1 && status.snd_mss >= 1, "{status:?}");
}
