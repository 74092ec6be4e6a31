//! A script is played: one event after the other, in a time that jumps from each to the next.

mod call;
mod close;
mod flow;
mod machine;
mod option;
mod poll;
mod segment;
mod transfer;

use std::net::IpAddr;

use super::ast::{Action, Body, Event, Packet, Script, Time};
use super::command;
use super::profile::Profile;
use super::settings::Settings;
use super::verdict::{Played, Verdict};
use super::{assertion, assertion::Answer};
use call::{Descriptor, Pending};
use flow::Flow;
use machine::Machine;

/// A day: an outbound packet of any time is waited for so long. Units: microseconds.
const ANY_TIME: u64 = 86_400_000_000;

/// Plays a script. The same script gives the same bytes.
pub fn play(script: &Script, profile: Profile) -> Played {
    let mut run = Run::new(profile);
    let stop = run.script(script).err();
    let line = match &stop {
        Some(Stop::Fail(line, _) | Stop::Unsupported(line, _)) => *line,
        None => 0,
    };
    let verdict = match stop {
        None => Verdict::Pass,
        Some(Stop::Fail(line, what)) => Verdict::Fail { line, what },
        Some(Stop::Unsupported(line, what)) => Verdict::Unsupported { line, what },
    };
    let (micros, trace) = match run.machine {
        Some(machine) => (machine.now, machine.finish(&script.name)),
        None => (0, lens::Trace::default()),
    };
    Played {
        name: script.name.clone(),
        verdict,
        text: script.line(line).to_owned(),
        micros,
        trace,
    }
}

/// Why a script ends before its end, and where.
enum Stop {
    Fail(u32, String),
    Unsupported(u32, String),
}

/// Why an event did not go as it is written; the line is added above.
#[derive(Debug)]
pub(super) enum Wrong {
    Fail(String),
    /// It is about a call that was made before, on this line.
    FailAt(u32, String),
    Unsupported(String),
}

/// What the option lines of a script say.
struct Choices {
    local: Option<IpAddr>,
    remote: Option<IpAddr>,
    is_v6: bool,
    bind_port: u16,
    connect_port: u16,
    tolerance_usecs: u64,
    tolerance_percent: f64,
    strict_segments: bool,
    check_ecr: bool,
    /// Arriving segments with more payload come as a train of such, at one time. Units: bytes.
    part_max: Option<u32>,
    /// Units: microseconds.
    tick: Option<u64>,
}

/// A script under way.
struct Run {
    choices: Choices,
    settings: Settings,
    /// The stack; born at the first event that is no command.
    machine: Option<Machine>,
    descriptors: Vec<(i64, Descriptor)>,
    flows: Vec<Flow>,
    /// The flow that packets without ports belong to.
    current: Option<usize>,
    /// A listener is new: the next SYN begins a flow.
    awaits_syn: bool,
    next_port: u16,
    pending: Option<Pending>,
    /// The connection that assertions are about.
    under_test: Option<i64>,
    /// What assertions have given names to.
    variables: assertion::Variables,
    /// Something else than zeros was written.
    wrote_text: bool,
    /// When the event before this one was done. Units: microseconds, as all times here.
    last: u64,
}

impl Run {
    fn new(profile: Profile) -> Self {
        Self {
            choices: Choices {
                local: None,
                remote: None,
                is_v6: false,
                bind_port: 8080,
                connect_port: 8080,
                tolerance_usecs: 4_000,
                tolerance_percent: 12.5,
                strict_segments: false,
                check_ecr: false,
                part_max: None,
                tick: None,
            },
            settings: Settings::new(profile),
            machine: None,
            descriptors: Vec::new(),
            flows: Vec::new(),
            current: None,
            awaits_syn: false,
            next_port: 40_001,
            pending: None,
            under_test: None,
            variables: assertion::Variables::new(),
            wrote_text: false,
            last: 0,
        }
    }

    fn script(&mut self, script: &Script) -> Result<(), Stop> {
        for setting in &script.options {
            self.option(&setting.name, &setting.value)
                .map_err(|wrong| stop(setting.line, wrong))?;
        }
        for (line, text) in &script.init {
            command::run(text, &mut self.settings, false).map_err(|what| Stop::Unsupported(*line, what))?;
        }
        for event in &script.events {
            self.event(event).map_err(|wrong| stop(event.line, wrong))?;
        }
        let last = script.events.last().map_or(0, |event| event.line);
        self.finish_pending().map_err(|wrong| stop(last, wrong))
    }

    /// One option line.
    fn option(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        let unknown = || Wrong::Unsupported(format!("the option `--{name}={value}`"));
        let choices = &mut self.choices;
        match name {
            "ip_version" => {
                choices.is_v6 = match value {
                    "ipv4" => false,
                    "ipv6" => true,
                    _ => return Err(unknown()),
                }
            }
            "mtu" => self.settings.config.mtu = value.parse().map_err(|_| unknown())?,
            "local_ip" => choices.local = Some(value.parse().map_err(|_| unknown())?),
            "remote_ip" => choices.remote = Some(value.parse().map_err(|_| unknown())?),
            "bind_port" => choices.bind_port = value.parse().map_err(|_| unknown())?,
            "connect_port" => choices.connect_port = value.parse().map_err(|_| unknown())?,
            "tolerance_usecs" => choices.tolerance_usecs = value.parse().map_err(|_| unknown())?,
            "tolerance_percent" => choices.tolerance_percent = value.parse().map_err(|_| unknown())?,
            "strict_segments" => choices.strict_segments = value != "false",
            "check_ecr" => choices.check_ecr = value != "false",
            "profile" => {
                let mtu = self.settings.config.mtu;
                self.settings = Settings::new(value.parse().map_err(|_| unknown())?);
                self.settings.config.mtu = mtu;
            }
            // Which interface, gateway and speed there are, and how much is printed: there is no interface, and nothing that a
            // script can see depends on them.
            "gateway_ip" | "netmask_ip" | "speed" | "verbose" | "debug" => {}
            "mss" => choices.part_max = Some(value.parse().ok().filter(|&mss| mss > 0).ok_or_else(unknown)?),
            // Zero means in the original that the clock is not looked at.
            "tcp_ts_tick_usecs" => choices.tick = Some(value.parse().map_err(|_| unknown())?).filter(|&tick| tick > 0),
            // The parser has read it.
            "define" if value.contains('=') => {}
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), Wrong> {
        let is_about_stack = !matches!(event.action, Action::Command(_));
        if is_about_stack && self.machine.is_none() {
            self.begin()?;
        }
        let now = self.now();
        let base = match event.time {
            Time::Relative(_) | Time::RelativeRange(..) => now,
            _ => 0,
        };
        if let Action::Expect(packet) = &event.action {
            self.expect(packet, event.time, base)?;
            self.last = self.now();
            return Ok(());
        }
        let (Time::Absolute(at) | Time::Relative(at)) = event.time else {
            return Err(Wrong::Fail(
                "only a packet that is expected can come at any time".to_owned(),
            ));
        };
        let at = base + at;
        if matches!(event.action, Action::Call(_)) {
            self.finish_pending()?;
        }
        self.advance(at)?;
        match &event.action {
            Action::Inject(packet) => self.inject(packet)?,
            Action::Call(call) => self.call(event.line, call, event.until.map(|until| base + until))?,
            Action::Command(text) => {
                let is_running = self.machine.is_some();
                command::run(text, &mut self.settings, is_running).map_err(Wrong::Unsupported)?;
            }
            Action::Code(code) => self.code(code)?,
            Action::Expect(_) => {}
        }
        self.last = self.now().max(at);
        Ok(())
    }

    /// The stack is born, with what was set before.
    fn begin(&mut self) -> Result<(), Wrong> {
        let [local, remote]: [IpAddr; 2] = if self.choices.is_v6 {
            [
                IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1]),
                IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0x8888, 0, 0, 0, 1]),
            ]
        } else {
            [IpAddr::from([192, 168, 0, 1]), IpAddr::from([192, 0, 2, 1])]
        };
        let (local, remote) = (
            self.choices.local.unwrap_or(local),
            self.choices.remote.unwrap_or(remote),
        );
        if local.is_ipv4() != remote.is_ipv4() {
            return Err(Wrong::Unsupported(format!("{local} and {remote} in one script")));
        }
        (self.choices.local, self.choices.remote) = (Some(local), Some(remote));
        self.settings.config.addresses = vec![local];
        self.machine = Some(Machine::new(self.settings.config.clone(), local, remote));
        Ok(())
    }

    fn now(&self) -> u64 {
        self.machine.as_ref().map_or(0, |machine| machine.now)
    }

    fn machine(&mut self) -> Result<&mut Machine, Wrong> {
        self.machine
            .as_mut()
            .ok_or_else(|| Wrong::Fail("nothing runs yet".to_owned()))
    }

    /// Lets time pass up to `to`: timers run, and calls that waited return.
    fn advance(&mut self, to: u64) -> Result<(), Wrong> {
        while let Some(next) = self.next_wake().filter(|&next| next <= to) {
            self.step(next)?;
        }
        if let Some(machine) = &mut self.machine {
            machine.now = machine.now.max(to);
        }
        Ok(())
    }

    /// When anything happens by itself.
    fn next_wake(&self) -> Option<u64> {
        let call = self.pending.as_ref().and_then(|pending| pending.wakes);
        let stack = self.machine.as_ref().and_then(Machine::next_timer);
        call.into_iter().chain(stack).min()
    }

    /// What is due at `at` happens.
    fn step(&mut self, at: u64) -> Result<(), Wrong> {
        self.machine()?.run_timers(at);
        self.look_at_edges();
        self.retry_pending()
    }

    /// `<`.
    fn inject(&mut self, packet: &Packet) -> Result<(), Wrong> {
        let at = self.flow_of_inbound(packet)?;
        let part_max = self.choices.part_max;
        let flow = &mut self.flows[at];
        let train = match &packet.body {
            Body::Tcp(segment) => segment::parts_of(segment, part_max)
                .iter()
                .map(|part| segment::build(flow, packet, part))
                .collect(),
            Body::Icmp(icmp) => vec![segment::build_icmp(flow, icmp)?],
            Body::Other(name) => return Err(Wrong::Unsupported(format!("packets with {name}"))),
        };
        self.machine()?.receive(train);
        self.look_at_edges();
        self.retry_pending()
    }

    /// `>`.
    fn expect(&mut self, packet: &Packet, time: Time, base: u64) -> Result<(), Wrong> {
        let segment = match &packet.body {
            Body::Tcp(segment) => segment,
            Body::Icmp(icmp) => return Err(Wrong::Unsupported(format!("ICMP from the stack ({})", icmp.kind))),
            Body::Other(name) => return Err(Wrong::Unsupported(format!("packets with {name}"))),
        };
        let bounds = match time {
            Time::Any => None,
            Time::Absolute(at) | Time::Relative(at) => Some((base + at, base + at)),
            Time::AbsoluteRange(from, to) | Time::RelativeRange(from, to) => Some((base + from, base + to)),
        };
        let (earliest, latest) = match bounds {
            None => (0, self.now() + ANY_TIME),
            Some((from, to)) => {
                let slack = self.tolerance(to);
                (from.saturating_sub(slack), to.saturating_add(slack))
            }
        };
        let mut sent = self.next_sent(latest, segment)?;
        let at = self.flow_of_outbound(packet)?;
        let first_at = sent.at;
        while !self.choices.strict_segments && segment::wants_more(&sent.bytes, segment) {
            let more = self.next_sent(latest, segment)?;
            if !segment::append(&mut sent.bytes, &more.bytes) {
                self.machine()?.outbox.push_front(more);
                break;
            }
        }
        let checks = segment::Checks {
            zeros: !self.wrote_text,
            ecr: self.choices.check_ecr,
            tick: self.choices.tick,
        };
        segment::compare(&mut self.flows[at], packet, segment, &sent, checks).map_err(Wrong::Fail)?;
        if !(earliest..=latest).contains(&first_at) {
            let (from, to) = bounds.unwrap_or_default();
            let wanted = if from == to {
                seconds(from)
            } else {
                format!("{} to {}", seconds(from), seconds(to))
            };
            return Err(Wrong::Fail(format!(
                "the packet was sent at {}, not at {wanted} (give or take {})",
                seconds(first_at),
                seconds(self.tolerance(to)),
            )));
        }
        Ok(())
    }

    /// The next packet that the stack sends, by `latest`.
    fn next_sent(&mut self, latest: u64, segment: &super::ast::Segment) -> Result<machine::Sent, Wrong> {
        loop {
            if let Some(sent) = self.machine()?.outbox.pop_front() {
                return Ok(sent);
            }
            match self.next_wake().filter(|&next| next <= latest) {
                Some(next) => self.step(next)?,
                None => break,
            }
        }
        let until = if latest >= ANY_TIME {
            "nothing waits to happen".to_owned()
        } else {
            seconds(latest)
        };
        Err(Wrong::Fail(format!(
            "{} was not sent ({until})",
            segment::describe(segment)
        )))
    }

    /// How far from its time a packet may be sent.
    fn tolerance(&self, at: u64) -> u64 {
        let since = at.saturating_sub(self.last);
        // Exact for every span that a script has: below 2^53 microseconds are 285 years.
        let share = (since as f64 * self.choices.tolerance_percent / 100.0) as u64;
        share.max(self.choices.tolerance_usecs)
    }

    /// `%{ … }%`.
    fn code(&mut self, code: &str) -> Result<(), Wrong> {
        let status = self.under_test.and_then(|fd| self.status_of(fd));
        match assertion::check(code, status.as_ref(), &mut self.variables) {
            Answer::Holds => Ok(()),
            Answer::Fails(what) => Err(Wrong::Fail(what)),
            Answer::Unsupported(what) => Err(Wrong::Unsupported(what)),
        }
    }
}

fn stop(line: u32, wrong: Wrong) -> Stop {
    match wrong {
        Wrong::Fail(what) => Stop::Fail(line, what),
        Wrong::FailAt(line, what) => Stop::Fail(line, what),
        Wrong::Unsupported(what) => Stop::Unsupported(line, what),
    }
}

/// A time of the script, as a reader wants it.
pub(super) fn seconds(micros: u64) -> String {
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests;
