//! A script made sense of: names are indices, texts are figures, and what does not fit together has been refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use stack::{Config, ConnectionOptions, Duration, Instant, ListenOptions};
use toml::Spanned;

use super::{
    Accepting, Call, Condition, ConnectTable, FaultTable, HostTable, InjectTable, LinkTable, ListenTable, Moment,
    Reading, ReplayTable, Script, SendTable, StepTable, WaitTable, WorldError,
};
use crate::glance::Pattern;
use crate::link::{Fault, Impairment};

/// How long a world may take when it does not say, in virtual time.
const UNTIL: Duration = Duration::from_secs(3600);
/// How long a `wait` may take when it does not say, in virtual time.
const WITHIN: Duration = Duration::from_secs(60);
/// The most bytes that one `send` may ask for: they are held to be compared with what arrives.
const SEND_MAX: u64 = 64 << 20;
/// The most payload of an injected segment, so that its headers find room in a packet. Units: bytes.
const INJECTED_MAX: u64 = 65_000;
/// The name of a connection when a step does not give one.
const CONNECTION: &str = "c";

/// A world ready to be built.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) title: String,
    pub(crate) shows: String,
    pub(crate) spec: String,
    pub(crate) until: Duration,
    pub(crate) hosts: Vec<HostPlan>,
    pub(crate) directions: Vec<Direction>,
    pub(crate) steps: Vec<Step>,
}

/// A host.
#[derive(Debug)]
pub(crate) struct HostPlan {
    pub(crate) name: String,
    pub(crate) config: Config,
}

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Direction {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) impairment: Impairment,
    pub(crate) faults: Vec<Fault>,
}

/// A step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Where it stands in the text, from 1.
    pub(crate) line: usize,
    pub(crate) host: usize,
    /// The connection it is about.
    pub(crate) on: String,
    /// Not before this.
    pub(crate) at: Option<Moment>,
    /// So long after the step before it was done.
    pub(crate) after: Duration,
    /// That it cannot be done fails nothing.
    pub(crate) may_fail: bool,
    pub(crate) act: Act,
}

/// What a step does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Listen {
        listeners: Vec<ListenOptions>,
        accept: Accepting,
        read: Reading,
    },
    Connect {
        remote: SocketAddr,
        from_port: u16,
        connection: ConnectionOptions,
        read: Reading,
    },
    Send {
        what: Payload,
        urgent: bool,
    },
    Read(Reading),
    Call(Call),
    /// The link to that host is cut, or whole again.
    Cut {
        to: usize,
        is_cut: bool,
    },
    Wait {
        until: Condition,
        within: Duration,
    },
    Expect(Condition),
    Inject(Box<InjectTable>),
    Replay {
        pattern: Pattern,
        nth: u64,
    },
    Note(String),
}

/// What a user sends.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// So many bytes drawn from the seed.
    Bytes(u64),
    /// This.
    Text(String),
}

impl Plan {
    /// Reads a world's text.
    ///
    /// Errors: what is wrong, where, and what would work.
    pub(crate) fn read(text: &str) -> Result<Self, WorldError> {
        let script = Script::read(text)?;
        let reader = Reader { text };
        let hosts = reader.hosts(script.host)?;
        let mut directions = reader.directions(&hosts, script.link)?;
        for fault in script.fault {
            reader.fault(&hosts, &mut directions, &fault)?;
        }
        let steps = script
            .step
            .into_iter()
            .map(|step| reader.step(&hosts, step))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            title: script.title,
            shows: script.shows,
            spec: script.spec,
            until: script.until.map_or(UNTIL, |time| time.0),
            hosts,
            directions,
            steps,
        })
    }
}

/// Knows the text, to say where something is wrong in it.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn refuse<T>(&self, span: Range<usize>, message: impl Into<String>) -> Result<T, WorldError> {
        Err(WorldError::new(self.text, Some(span), message))
    }

    fn hosts(&self, tables: Vec<HostTable>) -> Result<Vec<HostPlan>, WorldError> {
        let mut hosts: Vec<HostPlan> = Vec::new();
        for table in tables {
            let name = table.name.get_ref();
            if hosts.iter().any(|host| host.name == *name) {
                return self.refuse(table.name.span(), format!("another host is called `{name}`"));
            }
            for address in table.addresses.get_ref() {
                if hosts.iter().any(|host| host.config.addresses.contains(address)) {
                    return self.refuse(
                        table.addresses.span(),
                        format!("another host has the address {address}"),
                    );
                }
            }
            if table.addresses.get_ref().is_empty() {
                return self.refuse(table.addresses.span(), "a host needs an address");
            }
            hosts.push(HostPlan::from(table));
        }
        if hosts.len() < 2 {
            return Err(WorldError::new(self.text, None, "a world needs at least two hosts"));
        }
        Ok(hosts)
    }

    fn directions(&self, hosts: &[HostPlan], tables: Vec<LinkTable>) -> Result<Vec<Direction>, WorldError> {
        let mut directions: Vec<Direction> = Vec::new();
        for table in tables {
            let [a, b] = &table.between;
            let (from, to) = (self.host(hosts, a)?, self.host(hosts, b)?);
            if from == to {
                return self.refuse(b.span(), "a link joins two different hosts");
            }
            if directions.iter().any(|d| (d.from, d.to) == (from, to)) {
                return self.refuse(a.span(), "another link joins these two hosts already");
            }
            for (from, to, impairment) in [(from, to, table.forth), (to, from, table.back)] {
                directions.push(Direction {
                    from,
                    to,
                    impairment: impairment.unwrap_or(table.impair),
                    faults: Vec::new(),
                });
            }
        }
        if directions.is_empty() {
            return Err(WorldError::new(self.text, None, "a world needs at least one link"));
        }
        Ok(directions)
    }

    fn fault(&self, hosts: &[HostPlan], directions: &mut [Direction], table: &FaultTable) -> Result<(), WorldError> {
        let from = self.host(hosts, &table.from)?;
        let to = table.to.as_ref().map(|to| self.host(hosts, to)).transpose()?;
        let mut struck = directions
            .iter_mut()
            .filter(|d| d.from == from && to.is_none_or(|to| d.to == to))
            .peekable();
        if struck.peek().is_none() {
            let span = table.to.as_ref().unwrap_or(&table.from).span();
            return self.refuse(span, "no link leads there");
        }
        for direction in struck {
            direction.faults.push(Fault {
                pattern: Pattern {
                    flags: table.flags.map(|flags| flags.0),
                    payload: table.payload,
                },
                after: Instant::ZERO + table.after.map_or(Duration::ZERO, |time| time.0),
                nth: table.nth.unwrap_or(1),
                count: table.count.unwrap_or(1),
                action: table.action.0,
            });
        }
        Ok(())
    }

    fn host(&self, hosts: &[HostPlan], name: &Spanned<String>) -> Result<usize, WorldError> {
        match hosts.iter().position(|host| host.name == *name.get_ref()) {
            Some(index) => Ok(index),
            None => {
                let known: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
                let message = format!("no host is called `{}`: there are {}", name.get_ref(), known.join(", "));
                self.refuse(name.span(), message)
            }
        }
    }

    fn step(&self, hosts: &[HostPlan], table: Spanned<StepTable>) -> Result<Step, WorldError> {
        let span = table.span();
        let line = self.text[..span.start].matches('\n').count() + 1;
        let table = table.into_inner();
        let host = match (&table.host, &table.note) {
            (Some(name), _) => self.host(hosts, name)?,
            (None, Some(_)) => 0,
            (None, None) => return self.refuse(span, "a step needs a `host`"),
        };
        Ok(Step {
            line,
            host,
            on: table.on.clone().unwrap_or_else(|| CONNECTION.to_owned()),
            at: table.at,
            after: table.after.map_or(Duration::ZERO, |time| time.0),
            may_fail: table.may_fail,
            act: self.act(hosts, host, span, table)?,
        })
    }

    /// The one thing that a step does.
    fn act(&self, hosts: &[HostPlan], host: usize, span: Range<usize>, table: StepTable) -> Result<Act, WorldError> {
        let mut acts = Vec::new();
        if let Some(listen) = table.listen {
            acts.push(self.listen(&hosts[host], span.clone(), listen)?);
        }
        if let Some(connect) = table.connect {
            acts.push(self.connect(hosts, host, connect)?);
        }
        if let Some(send) = table.send {
            acts.push(self.send(span.clone(), send)?);
        }
        acts.extend(table.read.map(Act::Read));
        acts.extend(table.call.map(Act::Call));
        for (other, is_cut) in [(table.cut, true), (table.heal, false)] {
            if let Some(other) = other {
                let to = self.host(hosts, &other)?;
                acts.push(Act::Cut { to, is_cut });
            }
        }
        acts.extend(table.wait.map(|WaitTable { until, within }| Act::Wait {
            until,
            within: within.map_or(WITHIN, |time| time.0),
        }));
        acts.extend(table.expect.map(Act::Expect));
        if table
            .inject
            .as_ref()
            .is_some_and(|inject| inject.payload.0 > INJECTED_MAX)
        {
            return self.refuse(
                span,
                format!("an injected segment carries at most {INJECTED_MAX} bytes"),
            );
        }
        acts.extend(table.inject.map(|inject| Act::Inject(Box::new(inject))));
        acts.extend(table.replay.map(|ReplayTable { flags, payload, nth }| Act::Replay {
            pattern: Pattern {
                flags: flags.map(|flags| flags.0),
                payload,
            },
            nth: nth.unwrap_or(1),
        }));
        acts.extend(table.note.map(Act::Note));
        match <[Act; 1]>::try_from(acts) {
            Ok([act]) => Ok(act),
            Err(acts) => {
                let message = format!(
                    "a step does one thing, this one does {}: give it one of listen, connect, send, read, do, cut, heal, \
                     wait, expect, inject, replay and note",
                    acts.len()
                );
                self.refuse(span, message)
            }
        }
    }

    fn listen(&self, host: &HostPlan, span: Range<usize>, table: ListenTable) -> Result<Act, WorldError> {
        if let Some(address) = table.address
            && !host.config.addresses.contains(&address)
        {
            return self.refuse(span, format!("{address} is not an address of `{}`", host.name));
        }
        // Without an address: one listener for every family that the host speaks.
        let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]
            .into_iter()
            .filter(|any| host.config.addresses.iter().any(|own| own.is_ipv4() == any.is_ipv4()));
        let addresses: Vec<IpAddr> = table
            .address
            .map_or_else(|| everywhere.collect(), |address| vec![address]);
        let listeners = addresses.into_iter().map(|address| {
            let defaults = ListenOptions::new(SocketAddr::new(address, table.port));
            ListenOptions {
                syn_backlog: table.syn_backlog.unwrap_or(defaults.syn_backlog),
                accept_backlog: table.accept_backlog.unwrap_or(defaults.accept_backlog),
                syn_ack_retransmissions: table
                    .syn_ack_retransmissions
                    .unwrap_or(defaults.syn_ack_retransmissions),
                half_open_lifetime: table
                    .half_open_lifetime
                    .map_or(defaults.half_open_lifetime, |time| time.0),
                syn_cookies: table.syn_cookies.map_or(defaults.syn_cookies, Into::into),
                accept_overflow: table.accept_overflow.map_or(defaults.accept_overflow, Into::into),
                connection: table.connection.over(host.config.connection),
                ..defaults
            }
        });
        Ok(Act::Listen {
            listeners: listeners.collect(),
            accept: table.accept,
            read: table.read,
        })
    }

    fn connect(&self, hosts: &[HostPlan], host: usize, table: ConnectTable) -> Result<Act, WorldError> {
        let text = table.to.get_ref();
        let named = || {
            let (name, port) = text.rsplit_once(':')?;
            let target = hosts.iter().find(|host| host.name == name)?;
            // Of the target's addresses the first whose family we speak.
            let ours = &hosts[host].config.addresses;
            let reaches = |address: &&IpAddr| ours.iter().any(|own| own.is_ipv4() == address.is_ipv4());
            let address = target.config.addresses.iter().find(reaches)?;
            Some(SocketAddr::new(*address, port.parse().ok()?))
        };
        let Some(remote) = text.parse().ok().or_else(named) else {
            let message = format!(
                "`{text}` names no host and port that `{}` can reach: write \"server:80\", \"10.7.0.2:80\" or \
                 \"[fd07::2]:80\"",
                hosts[host].name
            );
            return self.refuse(table.to.span(), message);
        };
        Ok(Act::Connect {
            remote,
            from_port: table.from_port.unwrap_or(0),
            connection: table.connection.over(hosts[host].config.connection),
            read: table.read,
        })
    }

    fn send(&self, span: Range<usize>, table: SendTable) -> Result<Act, WorldError> {
        let what = match (table.bytes, table.text) {
            (Some(bytes), None) if bytes.0 <= SEND_MAX => Payload::Bytes(bytes.0),
            (Some(_), None) => return self.refuse(span, "one step sends at most 64M"),
            (None, Some(text)) => Payload::Text(text),
            _ => return self.refuse(span, "send takes either `bytes` or `text`"),
        };
        Ok(Act::Send {
            what,
            urgent: table.urgent,
        })
    }
}

impl From<HostTable> for HostPlan {
    fn from(table: HostTable) -> Self {
        let defaults = Config::default();
        Self {
            name: table.name.into_inner(),
            config: Config {
                addresses: table.addresses.into_inner(),
                mtu: table.mtu.map_or(defaults.mtu, usize::from),
                hop_limit: table.hop_limit.unwrap_or(defaults.hop_limit),
                limits: table.limits.over(defaults.limits),
                time_wait: table.time_wait.map_or(defaults.time_wait, |time| time.0),
                connection: table.connection.over(defaults.connection),
                window_scaling: table.window_scaling.unwrap_or(defaults.window_scaling),
                timestamps: table.timestamps.unwrap_or(defaults.timestamps),
                sack: table.sack.unwrap_or(defaults.sack),
                ecn: table.ecn.map_or(defaults.ecn, Into::into),
                ..defaults
            },
        }
    }
}
