//! Conditions: what a script waits for and expects.

use lens::Record;
use stack::{Duration, Entry, FourTuple};

use super::World;
use super::host::{ends, now_of};
use crate::glance::{Glance, Pattern};
use crate::script::{Condition, Outcome, SentTable};
use crate::unit::Count;

/// How far a gap between packets may stray: timers may be a little late, links may jitter.
const GAP_TOLERANCE: Duration = Duration::from_millis(5);

impl World {
    /// What of a condition does not hold at a host; nothing when it holds.
    pub(super) fn unmet(&self, host: usize, on: &str, condition: &Condition) -> Vec<String> {
        let mut unmet = self.unmet_of_connection(host, on, condition);
        unmet.extend(self.unmet_of_host(host, condition));
        for sent in &condition.sent {
            unmet.extend(self.unmet_of_sent(host, sent));
        }
        unmet
    }

    /// The four-tuple of a named connection as a host sees it, though only its other end may have named it.
    pub(super) fn tuple_of(&self, host: usize, on: &str) -> Option<FourTuple> {
        if let Some(place) = self.hosts[host].named(on) {
            return Some(self.hosts[host].conversations[place].tuple);
        }
        let ours = &self.hosts[host].plan.config.addresses;
        let others = self.hosts.iter().flat_map(|other| other.conversations.iter().rev());
        others
            .filter(|conversation| conversation.name == on)
            .map(|conversation| conversation.tuple.reversed())
            .find(|tuple| ours.contains(&tuple.local_addr))
    }

    fn unmet_of_connection(&self, host: usize, on: &str, condition: &Condition) -> Vec<String> {
        let mut unmet = Vec::new();
        let at = &self.hosts[host];
        let tuple = self.tuple_of(host, on);
        if let Some(wanted) = condition.state {
            let state = tuple.map_or(stack::State::Closed, |tuple| at.stack.state_of(&tuple));
            if state != wanted.0 {
                unmet.push(format!("state {} of `{on}`: it is {state}", wanted.0));
            }
        }
        if let Some(wanted) = condition.ended {
            let ended = Outcome::from(tuple.and_then(|tuple| at.ended.get(&ends(&tuple)).copied()));
            if ended != wanted {
                unmet.push(format!("end of `{on}`: {wanted} expected, it is {ended}"));
            }
        }
        let conversation = at.named(on).map(|place| &at.conversations[place]);
        if let Some(wanted) = condition.received {
            let received = conversation.map_or(0, |conversation| conversation.received);
            if received != wanted.0 {
                unmet.push(format!("{} bytes received on `{on}`: there are {received}", wanted.0));
            }
        }
        if let Some(wanted) = condition.finished {
            let finished = conversation.is_some_and(|conversation| conversation.is_finished);
            if finished != wanted {
                unmet.push(format!(
                    "end of the stream read on `{on}`: {wanted} expected, it is {finished}"
                ));
            }
        }
        unmet
    }

    fn unmet_of_host(&self, host: usize, condition: &Condition) -> Vec<String> {
        let at = &self.hosts[host];
        let counters = at.stack.counters();
        let (mut connections, mut embryos, mut time_waits, mut accept_queue) = (0, 0, 0, 0);
        for entry in at.stack.entries(now_of(self.now)) {
            match entry {
                Entry::Connection { .. } => connections += 1,
                Entry::Embryo { .. } => embryos += 1,
                Entry::TimeWait { .. } => time_waits += 1,
                Entry::Listener { accept_queue: held, .. } => accept_queue += held.0 as u64,
            }
        }
        let mut unmet = Vec::new();
        let mut check = |what: &str, wanted: Option<Count>, is: u64| {
            if let Some(wanted) = wanted.filter(|wanted| !wanted.holds(is)) {
                unmet.push(format!("{what} {wanted}: there are {is}"));
            }
        };
        check("connections", condition.connections, connections);
        check("embryos", condition.embryos, embryos);
        check("time_waits", condition.time_waits, time_waits);
        check("accept_queue", condition.accept_queue, accept_queue);
        check("unfinished", condition.unfinished, at.unfinished(self.now));
        check("retransmissions", condition.retransmissions, counters.retransmissions);
        check("timeouts", condition.timeouts, counters.timeouts);
        check("challenge_acks", condition.challenge_acks, counters.challenge_acks);
        check("resets_in", condition.resets_in, counters.resets_in);
        check("resets_out", condition.resets_out, counters.resets_out);
        for (why, &wanted) in &condition.dropped {
            check(&format!("dropped {}", why.0), Some(wanted), counters.dropped(why.0));
        }
        unmet
    }

    fn unmet_of_sent(&self, host: usize, wanted: &SentTable) -> Vec<String> {
        let pattern = Pattern {
            flags: wanted.flags.map(|flags| flags.0),
            payload: wanted.payload,
        };
        let is_meant = |record: &&Record| {
            let is_own = record.from == host && !record.injected && !matches!(record.fate, lens::Fate::Duplicate(_));
            is_own
                && wanted.cause.is_none_or(|cause| record.cause == Some(cause.0))
                && pattern.matches(Glance::of(&record.bytes).as_ref())
        };
        let sent: Vec<&Record> = self.trace.records.iter().filter(is_meant).collect();
        let what = match wanted.cause {
            Some(cause) => format!("sent {pattern} ({:?})", cause.0),
            None => format!("sent {pattern}"),
        };
        let mut unmet = Vec::new();
        if let Some(count) = wanted.count.filter(|count| !count.holds(sent.len() as u64)) {
            unmet.push(format!("{what} {count}: there are {}", sent.len()));
        }
        let gaps: Vec<Duration> = sent.windows(2).map(|pair| pair[1].sent.since(pair[0].sent)).collect();
        let fits =
            |(gap, wanted): (&Duration, &crate::unit::Time)| (*gap - wanted.0).max(wanted.0 - *gap) <= GAP_TOLERANCE;
        if !wanted.gaps.is_empty() && (gaps.len() != wanted.gaps.len() || !gaps.iter().zip(&wanted.gaps).all(fits)) {
            let wanted = list(wanted.gaps.iter().map(|time| time.0));
            unmet.push(format!(
                "{what} with gaps of {wanted}: they are {}",
                list(gaps.into_iter())
            ));
        }
        unmet
    }
}

fn list(spans: impl Iterator<Item = Duration>) -> String {
    let texts: Vec<String> = spans.map(|span| span.to_string()).collect();
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}
