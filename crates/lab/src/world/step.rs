//! The steps of a script, done in their order.

use bytes::Bytes;
use lens::Record;
use stack::{ConnectOptions, Duration, FourTuple, Instant};
use wire::option::{Options, Timestamps};

use super::conversation::{Conversation, Pending};
use super::host::{Listening, now_of};
use super::number::Ends;
use super::{Sent, World, clock};
use crate::forge::{Forged, forge};
use crate::glance::{Glance, Pattern};
use crate::rng::Rng;
use crate::script::plan::{Act, Payload, Step};
use crate::script::{InjectTable, Moment, Stamps};

/// Steps are at least this far apart, so that the trace tells their order.
const STEP_GAP: Duration = Duration::from_micros(1);
/// How much older than the newest the timestamp of an old segment is. Units: milliseconds.
const OLD_STAMP_MS: u32 = 100_000;

/// What came of a step.
enum Done {
    /// It is done.
    Yes,
    /// It could not be done, or what it expected is not so.
    Failed(String),
    /// It waits on.
    NotYet,
}

impl World {
    /// When the step that comes next is due by the clock, or a `wait` has waited enough.
    pub(super) fn step_due(&self) -> Option<Instant> {
        let step = self.steps.get(self.progress.next)?;
        if let (Some(since), Act::Wait { within, .. }) = (self.progress.waiting_since, &step.act) {
            return Some(since + *within);
        }
        self.starts(step)
    }

    /// When a step starts; `None` for one that waits for rest.
    fn starts(&self, step: &Step) -> Option<Instant> {
        let gap = if self.progress.next == 0 {
            Duration::ZERO
        } else {
            STEP_GAP
        };
        let after = self.progress.last_done + step.after.max(gap);
        match step.at {
            None => Some(after),
            Some(Moment::At(at)) => Some(after.max(Instant::ZERO + at)),
            Some(Moment::Rest) => None,
        }
    }

    /// Does the next step if it is due. Returns whether the script has moved on.
    pub(super) fn take_step(&mut self) -> bool {
        let Some(step) = self.steps.get(self.progress.next) else {
            return false;
        };
        let is_due = match self.starts(step) {
            Some(starts) => starts <= self.now,
            None => self.is_at_rest(),
        };
        if !is_due {
            return false;
        }
        let step = step.clone();
        match self.act(&step) {
            Done::NotYet => return false,
            Done::Yes => {}
            Done::Failed(why) if step.may_fail => self.mark(step.host, None, why, None),
            Done::Failed(why) => {
                let name = self.hosts[step.host].name.clone();
                self.fail(format!(
                    "{}: {name}: the step in line {}: {why}",
                    clock(self.now),
                    step.line
                ));
            }
        }
        self.progress.next += 1;
        self.progress.last_done = self.now;
        self.progress.waiting_since = None;
        true
    }

    fn act(&mut self, step: &Step) -> Done {
        let done = match &step.act {
            Act::Listen { .. } => self.listen(step),
            Act::Connect { .. } => self.connect(step),
            Act::Send { what, urgent } => self.send(step, what, *urgent),
            Act::Read(reading) => self.with_conversation(step, |conversation| {
                conversation.reading = *reading;
                conversation.is_readable = true;
            }),
            Act::Call(call) => self.call(step, *call),
            Act::Cut { to, is_cut } => self.cut(step.host, *to, *is_cut),
            Act::Wait { until, within } => {
                let since = *self.progress.waiting_since.get_or_insert(self.now);
                return self.wait(step, until, since + *within, *within);
            }
            Act::Expect(condition) => {
                let unmet = self.unmet(step.host, &step.on, condition);
                if unmet.is_empty() {
                    self.checks += 1;
                    return Done::Yes;
                }
                return Done::Failed(format!("expected {}", unmet.join("; ")));
            }
            Act::Inject(table) => self.inject(step, table),
            Act::Replay { pattern, nth } => self.replay(step, *pattern, *nth),
            Act::Note(text) => {
                let connection = self.tuple_of(step.host, &step.on);
                self.mark(step.host, connection, text.clone(), None);
                Ok(())
            }
        };
        self.take_noted(step.host);
        self.settle(step.host);
        match done {
            Ok(()) => Done::Yes,
            Err(why) => Done::Failed(why),
        }
    }

    fn wait(&mut self, step: &Step, until: &crate::script::Condition, deadline: Instant, within: Duration) -> Done {
        let unmet = self.unmet(step.host, &step.on, until);
        if unmet.is_empty() {
            self.checks += 1;
            return Done::Yes;
        }
        if self.now >= deadline {
            return Done::Failed(format!("waited {within} for {}", unmet.join("; ")));
        }
        Done::NotYet
    }

    fn listen(&mut self, step: &Step) -> Result<(), String> {
        let Act::Listen {
            listeners,
            accept,
            read,
        } = &step.act
        else {
            return Ok(());
        };
        for options in listeners {
            let id = self.hosts[step.host]
                .stack
                .listen(*options)
                .map_err(|error| error.to_string())?;
            let longest = self.hosts[step.host].half_open_max.max(options.half_open_lifetime);
            self.hosts[step.host].half_open_max = longest;
            self.hosts[step.host].listeners.push(Listening {
                id,
                accept: *accept,
                read: *read,
                options: options.connection,
            });
        }
        if let Some(first) = listeners.first() {
            let state = Some(stack::State::Listen);
            self.mark(
                step.host,
                None,
                format!("OPEN (passive), port {}", first.local.port()),
                state,
            );
        }
        Ok(())
    }

    fn connect(&mut self, step: &Step) -> Result<(), String> {
        let Act::Connect {
            remote,
            from_port,
            connection,
            read,
        } = &step.act
        else {
            return Ok(());
        };
        let host = &mut self.hosts[step.host];
        let own = host
            .plan
            .config
            .addresses
            .iter()
            .find(|own| own.is_ipv4() == remote.is_ipv4());
        let local = own.filter(|_| *from_port != 0).map(|own| (*own, *from_port).into());
        let options = ConnectOptions {
            remote: *remote,
            local,
            connection: Some(*connection),
        };
        let now = now_of(self.now);
        let id = host.stack.connect(now, options).map_err(|error| error.to_string())?;
        let status = host.stack.status(now, id).map_err(|error| error.to_string())?;
        let conversation = Conversation::new(step.on.clone(), id, status.tuple, status.iss, *connection, *read);
        host.conversations.push(conversation);
        self.mark(
            step.host,
            Some(status.tuple),
            format!("OPEN (active) to {remote}"),
            Some(status.state),
        );
        Ok(())
    }

    fn send(&mut self, step: &Step, what: &Payload, urgent: bool) -> Result<(), String> {
        let place = self.place(step)?;
        let conversation = &mut self.hosts[step.host].conversations[place];
        let data = match what {
            Payload::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Payload::Bytes(len) => {
                let mut bytes = vec![0; *len as usize];
                let name = format!("{} {} {}", step.host, step.on, conversation.given.len());
                Rng::fork(self.seed, &name).fill(&mut bytes);
                bytes.into()
            }
        };
        conversation.given.extend_from_slice(&data);
        let tuple = conversation.tuple;
        let text = match what {
            Payload::Text(text) => format!("SEND {text:?}"),
            Payload::Bytes(len) => format!("SEND {len} bytes"),
        };
        conversation.pending.push_back(Pending::Send { data, urgent });
        self.mark(step.host, Some(tuple), text, None);
        self.converse(step.host, place);
        Ok(())
    }

    /// Lets the user of a conversation act, and tells what it met.
    pub(super) fn converse(&mut self, host: usize, place: usize) {
        let mut met = Vec::new();
        self.hosts[host].converse(self.now, place, &mut met);
        self.take_noted(host);
        met.into_iter().for_each(|met| self.meet(host, met));
    }

    fn with_conversation(&mut self, step: &Step, change: impl FnOnce(&mut Conversation)) -> Result<(), String> {
        let place = self.place(step)?;
        change(&mut self.hosts[step.host].conversations[place]);
        self.converse(step.host, place);
        Ok(())
    }

    /// The place of the conversation that a step is about.
    pub(super) fn place(&self, step: &Step) -> Result<usize, String> {
        let host = &self.hosts[step.host];
        let place = host
            .named(&step.on)
            .filter(|&place| host.conversations[place].id.is_some());
        place.ok_or_else(|| format!("its user has no connection `{}`", step.on))
    }

    fn inject(&mut self, step: &Step, table: &InjectTable) -> Result<(), String> {
        let named = self.tuple_of(step.host, &step.on);
        let either = |given: Option<std::net::SocketAddr>, of_named: fn(FourTuple) -> std::net::SocketAddr, what| {
            given
                .or(named.map(of_named))
                .ok_or_else(|| format!("no connection `{}`: say `{what}`", step.on))
        };
        let tuple = FourTuple::new(
            either(table.from, |tuple| tuple.local(), "from")?,
            either(table.to, |tuple| tuple.remote(), "to")?,
        );
        let receiver = self.owner(&tuple.remote_addr);
        let sender = self.owner(&tuple.local_addr);
        let ends = Ends {
            receiver: receiver.and_then(|host| self.said(host, &tuple.reversed())),
            sender: sender.and_then(|host| self.said(host, &tuple)),
        };
        let number = |number: &Option<crate::script::Number>, what| match number {
            Some(number) => number
                .value(&ends)
                .ok_or_else(|| format!("{what}: nothing was sent yet that would tell that number")),
            None => Ok(0),
        };
        let stamps_of = |said: Option<&super::Said>| said.and_then(|said| said.ts_val);
        let timestamps = table.timestamps.and_then(|stamps| {
            let last = stamps_of(ends.sender)?;
            Some(Timestamps {
                val: match stamps {
                    Stamps::Last => last,
                    Stamps::Old => last.wrapping_sub(OLD_STAMP_MS),
                },
                ecr: stamps_of(ends.receiver).unwrap_or_default(),
            })
        });
        let forged = Forged {
            tuple,
            flags: table.flags.0,
            seq: number(&table.seq, "seq")?,
            ack: number(&table.ack, "ack")?,
            window: table.window.unwrap_or(u16::MAX),
            options: Options {
                timestamps,
                ..Options::default()
            },
            payload: usize::try_from(table.payload.0).map_err(|error| error.to_string())?,
        };
        let packet = forge(&forged).ok_or("such a packet cannot be")?;
        let mut record = Record::new(self.now, None, step.host, step.host, packet);
        record.injected = true;
        record.fate = lens::Fate::InFlight;
        self.put_on_link(record)
    }

    fn owner(&self, address: &std::net::IpAddr) -> Option<usize> {
        self.hosts
            .iter()
            .position(|host| host.plan.config.addresses.contains(address))
    }

    fn replay(&mut self, step: &Step, pattern: Pattern, nth: u64) -> Result<(), String> {
        let tuple = self
            .tuple_of(step.host, &step.on)
            .ok_or_else(|| format!("there was no connection `{}`", step.on))?;
        let is_meant = |(_, record): &(usize, &Record)| {
            let glance = Glance::of(&record.bytes);
            let is_copy = matches!(record.fate, lens::Fate::Duplicate(_));
            let is_own = record.from == step.host && !record.injected && !is_copy;
            is_own && glance.is_some_and(|glance| glance.tuple == tuple && pattern.matches(Some(&glance)))
        };
        let skip = usize::try_from(nth.saturating_sub(1)).unwrap_or(usize::MAX);
        let found = self.trace.records.iter().enumerate().filter(is_meant).nth(skip);
        let (original, record) = found.ok_or_else(|| format!("number {nth} of {pattern} was never sent"))?;
        let mut copy = Record::new(self.now, None, step.host, record.to, record.bytes.clone());
        copy.fate = lens::Fate::Duplicate(original);
        copy.notes.push("an old duplicate".to_owned());
        self.put_on_link(copy)
    }

    /// Puts a packet on the link in the name of a host; neither chance nor faults touch it.
    fn put_on_link(&mut self, mut record: Record) -> Result<(), String> {
        let (wire, to) = self.route(record.from, &record.bytes).ok_or("no link leads there")?;
        record.to = to;
        let sent = Sent {
            record: self.trace.records.len(),
            bytes: record.bytes.clone(),
            acks_in_chain: 0,
        };
        self.trace.records.push(record);
        self.wires[wire].link.push_untouched(self.now, sent);
        Ok(())
    }
}
