//! What must be true of every world at every moment, whatever its script says.

use stack::status::Idle;
use stack::{Duration, Entry, Status};

use super::host::{Host, ends, now_of};
use super::{Figures, World, clock};
use crate::glance::Glance;

/// How much longer than its lifetime an entry may stand: ages are told in tenths of a second, and timers run a little late.
const TIMER_SLACK: Duration = Duration::from_millis(200);
/// How long a TIME-WAIT entry may be told to wait for the half-open entry that is to replace it.
const REOPENING: Duration = Duration::from_secs(10);

impl World {
    /// After every event, at the hosts that it touched: SND.UNA <= SND.NXT, and nothing holds more than it may.
    pub(super) fn look(&mut self) {
        let touched = self.hosts.iter().filter(|host| host.is_touched);
        let found: Vec<String> = touched.flat_map(|host| look_at(host, self.now)).collect();
        self.hosts.iter_mut().for_each(|host| host.is_touched = false);
        for reason in found {
            self.fail(format!("{}: {reason}", clock(self.now)));
        }
    }

    /// At the end: the script is done, and nothing is held that nobody holds on to.
    pub(super) fn look_at_rest(&mut self) {
        if let Some(step) = self.steps.get(self.progress.next) {
            let line = step.line;
            self.fail(format!("the step in line {line} was never reached"));
        }
        let left = |host| leftovers(host, self.now);
        let found: Vec<String> = self.hosts.iter().flat_map(left).collect();
        found.into_iter().for_each(|reason| self.fail(reason));
    }

    /// Bytes out are bytes in, as far as they have come.
    pub(super) fn compare(&mut self, host: usize, place: usize, start: usize, bytes: &[u8]) {
        let conversation = &self.hosts[host].conversations[place];
        let (tuple, end) = (conversation.tuple, start + bytes.len());
        let given = self.given_to(host, place).and_then(|given| given.get(start..end));
        if given != Some(bytes) {
            let name = self.hosts[host].name.clone();
            let what = "were read that the other end did not send there";
            self.fail(format!(
                "{}: {name}: {tuple}: bytes {start} to {end} {what}",
                clock(self.now)
            ));
        }
    }

    /// A stream that has ended has ended with its last byte.
    pub(super) fn compare_end(&mut self, host: usize, place: usize) {
        let conversation = &self.hosts[host].conversations[place];
        let (tuple, received) = (conversation.tuple, conversation.received);
        let text = format!("the stream has ended, {received} bytes");
        self.mark(host, Some(tuple), text, None);
        let given = self.given_to(host, place).map_or(0, |given| given.len() as u64);
        if given != received {
            let name = self.hosts[host].name.clone();
            self.fail(format!(
                "{name}: {tuple}: the stream ended after {received} of {given} bytes"
            ));
        }
    }

    /// All that the user at the other end has wanted to send.
    fn given_to(&mut self, host: usize, place: usize) -> Option<&[u8]> {
        let conversation = &self.hosts[host].conversations[place];
        let (host_at_peer, place_at_peer) = match conversation.peer {
            Some(peer) => peer,
            None => {
                let (tuple, iss) = (conversation.tuple.reversed(), conversation.irs?);
                let others = self.hosts.iter().enumerate().filter(|&(other, _)| other != host);
                let peer = others
                    .filter_map(|(other, at)| Some((other, at.incarnation(&tuple, iss)?)))
                    .next()?;
                self.hosts[host].conversations[place].peer = Some(peer);
                peer
            }
        };
        Some(&self.hosts[host_at_peer].conversations[place_at_peer].given)
    }

    /// The figures of a summary.
    pub(super) fn figures(&self) -> Figures {
        let sum = |of: fn(&Host) -> u64| self.hosts.iter().map(of).sum();
        let records = &self.trace.records;
        Figures {
            duration: self.now.since(stack::Instant::ZERO),
            segments: records
                .iter()
                .filter(|record| Glance::of(&record.bytes).is_some())
                .count() as u64,
            retransmissions: sum(|host| host.stack.counters().retransmissions),
            lost: records.iter().filter(|record| record.fate == lens::Fate::Lost).count() as u64,
            dropped: sum(|host| host.stack.counters().drops().map(|(_, n)| n).sum()),
            bytes: sum(|host| {
                host.conversations
                    .iter()
                    .map(|conversation| conversation.received)
                    .sum()
            }),
            checks: self.checks,
        }
    }
}

/// What a host still holds at rest though no user and no timer will ever come back to it.
fn leftovers(host: &Host, now: stack::Instant) -> Vec<String> {
    let mut found = Vec::new();
    let (mut waiting, mut orphans) = (0, 0);
    for entry in host.stack.entries(now_of(now)) {
        match entry {
            Entry::Embryo { tuple, age, .. } => {
                found.push(format!("{}: {tuple} is still half-open, {age} old", host.name));
            }
            Entry::TimeWait { tuple, .. } => found.push(format!("{}: {tuple} is still in TIME-WAIT", host.name)),
            Entry::Connection { id, .. } => {
                let has_user = host
                    .conversations
                    .iter()
                    .any(|conversation| conversation.id == Some(id));
                orphans += usize::from(!has_user);
            }
            Entry::Listener { accept_queue, .. } => waiting += accept_queue.0,
        }
    }
    // What waits to be accepted has no user yet.
    if orphans > waiting {
        found.push(format!(
            "{}: {} connections are held that no user has",
            host.name,
            orphans - waiting
        ));
    }
    found
}

fn look_at(host: &Host, now: stack::Instant) -> Vec<String> {
    let limits = &host.plan.config.limits;
    let mut found = Vec::new();
    let (mut connections, mut embryos, mut time_waits) = (0, 0, 0);
    for entry in host.stack.entries(now_of(now)) {
        match entry {
            Entry::Connection { status, .. } => {
                connections += 1;
                found.extend(look_at_connection(host, &status));
            }
            Entry::Embryo { tuple, age, .. } => {
                embryos += 1;
                if age > host.half_open_max + TIMER_SLACK {
                    found.push(format!("{}: {tuple} is half-open for {age}", host.name));
                }
            }
            Entry::TimeWait { tuple, remaining } => {
                time_waits += 1;
                if remaining > host.plan.config.time_wait.max(REOPENING) + TIMER_SLACK {
                    found.push(format!(
                        "{}: {tuple} stays in TIME-WAIT for {remaining} more",
                        host.name
                    ));
                }
            }
            Entry::Listener {
                syn_queue,
                accept_queue,
                ..
            } => {
                let queues = [("SYN queue", syn_queue), ("accept queue", accept_queue)];
                for (name, (held, bound)) in queues.into_iter().filter(|(_, (held, bound))| held > bound) {
                    found.push(format!("{}: the {name} holds {held} of at most {bound}", host.name));
                }
            }
        }
    }
    let held = host.stack.held();
    for (what, held, bound) in [
        ("bytes in buffers", held.buffers, held.buffers_max),
        ("bytes of fragments", held.fragments, limits.datagram_bytes),
        ("replies that wait", held.replies, limits.replies),
        ("connections", connections, limits.connections),
        ("half-open entries", embryos, limits.embryos),
        ("TIME-WAIT entries", time_waits, limits.time_waits),
    ] {
        if held > bound {
            found.push(format!("{}: {held} {what} of at most {bound}", host.name));
        }
    }
    found
}

fn look_at_connection(host: &Host, status: &Status) -> Vec<String> {
    let mut found = Vec::new();
    let tuple = status.tuple;
    if status.snd_una.after(status.snd_nxt) {
        let (una, nxt) = (status.snd_una, status.snd_nxt);
        found.push(format!("{}: {tuple}: SND.UNA {una} is after SND.NXT {nxt}", host.name));
    }
    if status.snd_una == status.snd_nxt && matches!(status.idle_because, Idle::CongestionWindow | Idle::Nagle) {
        let idle = status.idle_because;
        found.push(format!(
            "{}: {tuple}: nothing is in flight, and yet what waits to be sent waits for an acknowledgment ({idle:?})",
            host.name
        ));
    }
    if let Some(place) = host.incarnation(&tuple, status.iss) {
        let options = host.conversations[place].options;
        // A window is announced in units of its scale and never shrinks, so it may exceed the buffer by a part of one.
        let unit = status.window_scales.map_or(1, |(ours, _)| 1 << ours);
        for (what, held, bound) in [
            (
                "receive queue",
                status.receive_queue,
                options.receive_buffer.max() + unit - 1,
            ),
            ("send queue", status.send_queue, options.send_buffer.max()),
        ] {
            if held > bound {
                found.push(format!(
                    "{}: {tuple}: the {what} holds {held} of at most {bound}",
                    host.name
                ));
            }
        }
    }
    let told = host.states.get(&ends(&tuple)).copied();
    if told.is_some_and(|told| told != status.state) {
        let state = status.state;
        found.push(format!(
            "{}: {tuple}: STATUS says {state}, the facts say {told:?}",
            host.name
        ));
    }
    found
}
