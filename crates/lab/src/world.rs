//! A world: hosts with real stacks, links between them, and a virtual time that jumps from one event to the next.
//!
//! ```text
//!            steps of the script          conversations: users who SEND and RECEIVE
//!                    |                               |
//!   link ──pop──> Stack::handle_packets ──> settle: poll_transmit ──push──> link
//!                 Stack::handle_timeout          └── poll_event ──> users
//! ```
//!
//! The order is certain: links in the order of the script, then hosts in theirs. After every event the oracles look at
//! all hosts (`oracle.rs`); what they and the script's expectations find wrong makes the verdict.

use lens::{HostKind, Mark, Trace};
use stack::{Duration, FourTuple, Instant, Secrets, Stack, State};

use crate::link::{Carried, Link};
use crate::rng::Rng;
use crate::script::WorldError;
use crate::script::plan::{Plan, Step};

mod call;
mod carry;
mod condition;
mod conversation;
mod fact;
mod host;
mod number;
mod oracle;
mod outcome;
mod reached;
mod recorder;
mod segment;
mod step;
#[cfg(test)]
mod swarm;
#[cfg(test)]
mod tests;

pub use outcome::{Figures, Outcome, Verdict};
pub use reached::Reached;

use host::{Host, Met};
use number::Said;
use recorder::Recorder;
use segment::{Answered, Moment};

/// Events that may happen at one instant before the world is held to be stuck.
const EVENTS_AT_ONCE_MAX: u32 = 100_000;
/// Events of a whole run before it is held to be endless.
const EVENTS_MAX: u32 = 5_000_000;
/// Failures that are told; a broken stack would tell the same one ten thousand times.
const FAILURES_MAX: usize = 20;

/// A world, ready to run.
pub struct World {
    seed: u64,
    shows: String,
    spec: String,
    until: Duration,
    hosts: Vec<Host>,
    wires: Vec<Wire>,
    steps: Vec<Step>,
    progress: Progress,
    now: Instant,
    trace: Trace,
    /// For a record that a link has copied: the record of the copy.
    copies: std::collections::BTreeMap<usize, usize>,
    said: Vec<Said>,
    failures: Vec<String>,
    reached: Reached,
    checks: u64,
    reboots: u32,
    /// What the packet was that the host that acts now has just taken.
    answering: Option<Answered>,
    /// What has left at this moment.
    moment: Moment,
    events: u32,
    events_at_once: u32,
}

/// How far the script has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The step that comes next.
    next: usize,
    /// When the one before it was done.
    last_done: Instant,
    /// Since when a `wait` waits.
    waiting_since: Option<Instant>,
}

/// One direction of a link.
struct Wire {
    from: usize,
    to: usize,
    link: Link<Sent>,
}

/// A packet on a link, and its record.
#[derive(Debug, Clone)]
struct Sent {
    record: usize,
    bytes: Vec<u8>,
    /// How many bare ACKs, each sent because of the one before it, this one is the last of.
    acks_in_chain: u32,
}

impl Carried for Sent {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl World {
    /// The world that a text describes. All its chance comes from `seed`.
    ///
    /// Errors: what is wrong with the text, where, and what would work.
    pub fn from_toml(text: &str, seed: u64) -> Result<Self, WorldError> {
        Ok(Self::new(Plan::read(text)?, seed))
    }

    fn new(plan: Plan, seed: u64) -> Self {
        let trace_hosts = plan.hosts.iter().map(|host| {
            let addresses = host.config.addresses.clone();
            lens::Host::new(host.name.clone(), HostKind::Syndic, addresses)
        });
        let trace = Trace {
            title: plan.title,
            hosts: trace_hosts.collect(),
            records: Vec::new(),
            marks: Vec::new(),
        };
        let wires = plan.directions.into_iter().map(|direction| {
            let name = format!("link {} {}", direction.from, direction.to);
            Wire {
                from: direction.from,
                to: direction.to,
                link: Link::new(direction.impairment, direction.faults, Rng::fork(seed, &name)),
            }
        });
        let wires = wires.collect();
        let hosts = plan.hosts.into_iter().map(|host| {
            let secrets = secrets(seed, &host.name);
            let stack = Stack::new(host.config.clone(), secrets, Recorder::default());
            Host::new(host, stack)
        });
        Self {
            seed,
            shows: plan.shows,
            spec: plan.spec,
            until: plan.until,
            hosts: hosts.collect(),
            wires,
            steps: plan.steps,
            progress: Progress::default(),
            now: Instant::ZERO,
            trace,
            copies: std::collections::BTreeMap::new(),
            said: Vec::new(),
            failures: Vec::new(),
            reached: Reached::default(),
            checks: 0,
            reboots: 0,
            answering: None,
            moment: Moment::default(),
            events: 0,
            events_at_once: 0,
        }
    }

    /// What the world shows, in one line.
    pub fn title(&self) -> &str {
        &self.trace.title
    }

    /// What the world shows, in some sentences; empty when the text says nothing.
    pub fn shows(&self) -> &str {
        &self.shows
    }

    /// The sections of the standards that it is about; empty when the text says nothing.
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// Runs the script to its end and the world to its rest.
    pub fn run(mut self) -> Outcome {
        while self.advance() {}
        self.look_at_rest();
        let figures = self.figures();
        Outcome {
            title: self.trace.title.clone(),
            seed: self.seed,
            verdict: if self.failures.is_empty() {
                Verdict::Pass
            } else {
                Verdict::Fail(self.failures)
            },
            figures,
            trace: self.trace,
            reached: self.reached,
        }
    }

    /// Does what comes next; false when nothing does.
    fn advance(&mut self) -> bool {
        if self.is_runaway() {
            return false;
        }
        if self.take_step() {
            self.look();
            return true;
        }
        let Some(next) = self.next_event() else {
            return false;
        };
        if next > Instant::ZERO + self.until {
            let names: Vec<&str> = self
                .hosts
                .iter()
                .filter(|h| h.wakes().is_some())
                .map(|h| &*h.name)
                .collect();
            self.fail(format!(
                "not at rest after {}: timers run at {}",
                self.until,
                names.join(", ")
            ));
            return false;
        }
        if next > self.now {
            self.events_at_once = 0;
            self.now = next;
        }
        if !self.deliver_one() {
            self.wake_hosts();
        }
        self.look();
        true
    }

    fn is_runaway(&mut self) -> bool {
        self.events += 1;
        self.events_at_once += 1;
        if self.events_at_once > EVENTS_AT_ONCE_MAX {
            self.fail(format!(
                "the world is stuck: {EVENTS_AT_ONCE_MAX} events at one instant"
            ));
            return true;
        }
        if self.events > EVENTS_MAX {
            self.fail(format!("the world does not end: {EVENTS_MAX} events"));
            return true;
        }
        false
    }

    /// When something happens next, by itself or by the script.
    fn next_event(&self) -> Option<Instant> {
        let links = self.wires.iter().filter_map(|wire| wire.link.next());
        let hosts = self.hosts.iter().filter_map(Host::wakes);
        links.chain(hosts).chain(self.step_due()).min()
    }

    /// Whether nothing is under way and no timer runs.
    fn is_at_rest(&self) -> bool {
        self.wires.iter().all(|wire| wire.link.is_empty()) && self.hosts.iter().all(|host| host.wakes().is_none())
    }

    fn fail(&mut self, reason: String) {
        if self.failures.len() < FAILURES_MAX && !self.failures.contains(&reason) {
            self.failures.push(reason);
        }
    }

    /// A line between the packets, of a connection where it is about one.
    fn mark(&mut self, host: usize, connection: Option<FourTuple>, text: impl Into<String>, state: Option<State>) {
        self.trace.marks.push(Mark {
            at: self.now,
            host,
            connection,
            text: text.into(),
            state,
        });
    }

    /// Runs the timers that are due, and the users who come back to read.
    fn wake_hosts(&mut self) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].wakes().is_none_or(|wakes| wakes > self.now) {
                continue;
            }
            self.hosts[host].stack.handle_timeout(host::now_of(self.now));
            let noted = self.hosts[host].stack.observer_mut().take();
            for noted in noted {
                self.mark_of_timer(host, noted);
                self.note(host, noted);
            }
            self.settle(host);
        }
    }

    /// Lets a host send, and its users act on events, until neither has more to do.
    fn settle(&mut self, host: usize) {
        self.hosts[host].is_touched = true;
        loop {
            while let Some(packet) = self.hosts[host].next_packet(self.now) {
                self.carry(host, packet);
            }
            let mut met = Vec::new();
            let has_acted = self.hosts[host].serve_events(self.now, &mut met);
            self.take_noted(host);
            for met in met {
                self.meet(host, met);
            }
            if !has_acted {
                return;
            }
        }
    }

    /// What a connection that reaches `host` is called at its other end.
    fn name_at_peer(&self, host: usize, place: usize) -> Option<String> {
        let conversation = &self.hosts[host].conversations[place];
        let (tuple, iss) = (conversation.tuple.reversed(), conversation.irs?);
        let others = self.hosts.iter().enumerate().filter(|&(other, _)| other != host);
        let mut named =
            others.filter_map(|(_, other)| Some(&other.conversations[other.incarnation(&tuple, iss)?].name));
        named.next().cloned()
    }

    fn take_noted(&mut self, host: usize) {
        for noted in self.hosts[host].stack.observer_mut().take() {
            self.note(host, noted);
        }
    }

    /// What a user met: told in the trace, and compared with what the other user gave.
    fn meet(&mut self, host: usize, met: Met) {
        match met {
            Met::Accepted(place) => {
                let tuple = self.hosts[host].conversations[place].tuple;
                if let Some(name) = self.name_at_peer(host, place) {
                    self.hosts[host].conversations[place].name = name;
                }
                self.mark(host, Some(tuple), format!("accepted {}", tuple.remote()), None);
            }
            Met::Bytes(place, before, bytes) => self.compare(host, place, before as usize, &bytes),
            Met::Finished(place) => self.compare_end(host, place),
            Met::Called(tuple, text) => {
                let state = self.state_shown(host, &tuple);
                self.mark(host, Some(tuple), text, Some(state));
            }
            Met::Refused(text) => {
                let name = self.hosts[host].name.clone();
                self.fail(format!("{}: {name}: {text}", clock(self.now)));
            }
        }
    }
}

/// The chance that a host's stack is given.
fn secrets(seed: u64, name: &str) -> Secrets {
    let mut secrets = Secrets {
        master: [0; 32],
        public: Rng::fork(seed, &format!("public {name}")).bits(),
    };
    Rng::fork(seed, &format!("secret {name}")).fill(&mut secrets.master);
    secrets
}

/// A virtual time as messages tell it: `t=1.5s`.
fn clock(at: Instant) -> String {
    format!("t={}", at.since(Instant::ZERO))
}
