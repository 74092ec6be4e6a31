//! A drawn world before it is written down: lists of things that can each be left out, so that a failing one can be made
//! smaller.

use std::fmt::Write as _;

/// Figures of TOML, key and value: `("mtu", "1280")`. What is not said stays as the stack has it.
pub(super) type Settings = Vec<(&'static str, String)>;

/// How long after the last drawn step the links become calm. Units: milliseconds.
const PAUSE_MS: u64 = 1_000;
/// How long two users may take, on calm links, to send all they have, to say so, and to hear it of each other: the longest
/// backed-off timers of both, several times over.
const FINISH_MS: u64 = 40 * 60 * 1_000;

/// A world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) hosts: Vec<HostDrawn>,
    pub(super) links: Vec<LinkDrawn>,
    pub(super) faults: Vec<FaultDrawn>,
    pub(super) steps: Vec<StepDrawn>,
}

/// A host. Its name and its addresses follow from its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostDrawn {
    pub(super) number: usize,
    pub(super) settings: Settings,
    pub(super) connection: Settings,
    pub(super) limits: Settings,
}

/// A link, and what it does to packets in each direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkDrawn {
    pub(super) between: [usize; 2],
    pub(super) ways: [Settings; 2],
}

/// A fault that strikes certain packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FaultDrawn {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) settings: Settings,
}

/// A step, done at its time whatever came of those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StepDrawn {
    /// Units: milliseconds from the beginning.
    pub(super) at_ms: u64,
    pub(super) host: usize,
    /// The number of the connection it is about.
    pub(super) on: Option<usize>,
    pub(super) act: ActDrawn,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ActDrawn {
    Listen {
        settings: Settings,
        connection: Settings,
    },
    Connect {
        to: usize,
        is_v6: bool,
        port: u16,
        settings: Settings,
        connection: Settings,
    },
    Send {
        bytes: u64,
        is_urgent: bool,
    },
    /// Any other act of one key: `read = "nothing"`.
    Other {
        key: &'static str,
        value: String,
    },
    Cut {
        to: usize,
        is_cut: bool,
    },
}

impl Drawn {
    /// The world written down; afterwards the links become calm, all users finish, and all must come to its rest.
    pub(super) fn toml(&self, seed: u64) -> String {
        let mut text = format!("title = \"Drawn from seed {seed}\"\nuntil = \"50h\"\n");
        for host in &self.hosts {
            host.write(&mut text);
        }
        for link in &self.links {
            let [a, b] = link.between;
            text += &format!("\n[[link]]\nbetween = [\"h{a}\", \"h{b}\"]\n");
            for (key, way) in ["forth", "back"].into_iter().zip(&link.ways) {
                let pieces: Vec<String> = way.iter().map(|(key, value)| format!("{key}={value}")).collect();
                text += &format!("{key} = \"{}\"\n", pieces.join(","));
            }
        }
        for fault in &self.faults {
            text += &format!("\n[[fault]]\nfrom = \"h{}\"\nto = \"h{}\"\n", fault.from, fault.to);
            lines(&mut text, &fault.settings);
        }
        for step in &self.steps {
            step.write(&mut text);
        }
        self.write_end(&mut text);
        text
    }

    fn write_end(&self, text: &mut String) {
        let last = self.steps.iter().map(|step| step.at_ms).max().unwrap_or(0);
        let calm = last + PAUSE_MS;
        for (at_ms, acts) in [
            (
                calm,
                &[
                    "do = \"return\"",
                    "do = \"calm\"",
                    "do = \"close-listener\"",
                    "do = \"finish-all\"",
                ][..],
            ),
            (
                calm + FINISH_MS,
                &["expect = { unfinished = 0 }", "do = \"close-all\""][..],
            ),
        ] {
            for act in acts {
                for host in &self.hosts {
                    text.push_str(&format!(
                        "\n[[step]]\nat = \"{at_ms}ms\"\nhost = \"h{}\"\n{act}\n",
                        host.number
                    ));
                }
            }
        }
        for host in &self.hosts {
            let nothing = "expect = { connections = 0, embryos = 0, time_waits = 0 }";
            text.push_str(&format!(
                "\n[[step]]\nat = \"rest\"\nhost = \"h{}\"\n{nothing}\n",
                host.number
            ));
        }
    }

    /// Bytes that its users are to send.
    pub(super) fn bytes(&self) -> u64 {
        let sent = self.steps.iter().map(|step| match step.act {
            ActDrawn::Send { bytes, .. } => bytes,
            _ => 0,
        });
        sent.sum()
    }

    /// Connections that its users are to open.
    pub(super) fn connects(&self) -> u64 {
        let connects = self
            .steps
            .iter()
            .filter(|step| matches!(step.act, ActDrawn::Connect { .. }));
        connects.count() as u64
    }

    /// The same without one host and all that is about it; `None` where too little would be left for a world.
    pub(super) fn without_host(&self, number: usize) -> Option<Self> {
        let mut smaller = self.clone();
        smaller.hosts.retain(|host| host.number != number);
        smaller.links.retain(|link| !link.between.contains(&number));
        smaller
            .faults
            .retain(|fault| fault.from != number && fault.to != number);
        smaller.steps.retain(|step| {
            let other = match step.act {
                ActDrawn::Connect { to, .. } | ActDrawn::Cut { to, .. } => Some(to),
                _ => None,
            };
            step.host != number && other != Some(number)
        });
        (smaller.hosts.len() >= 2 && !smaller.links.is_empty()).then_some(smaller)
    }
}

impl HostDrawn {
    fn write(&self, text: &mut String) {
        let n = self.number;
        text.push_str(&format!(
            "\n[[host]]\nname = \"h{n}\"\naddresses = [\"{}\", \"{}\"]\n",
            v4(n),
            v6(n)
        ));
        lines(text, &self.settings);
        for (key, settings) in [("connection", &self.connection), ("limits", &self.limits)] {
            if !settings.is_empty() {
                text.push_str(&format!("{key} = {}\n", table(settings)));
            }
        }
    }
}

impl StepDrawn {
    fn write(&self, text: &mut String) {
        text.push_str(&format!(
            "\n[[step]]\nat = \"{}ms\"\nhost = \"h{}\"\n",
            self.at_ms, self.host
        ));
        if let Some(on) = self.on {
            text.push_str(&format!("on = \"c{on}\"\n"));
        }
        let act = match &self.act {
            ActDrawn::Listen { settings, connection } => {
                format!("listen = {}", with_connection(settings.clone(), connection))
            }
            ActDrawn::Connect {
                to,
                is_v6,
                port,
                settings,
                connection,
            } => {
                let address = if *is_v6 { format!("[{}]", v6(*to)) } else { v4(*to) };
                let mut all = vec![("to", format!("\"{address}:{port}\""))];
                all.extend(settings.iter().cloned());
                format!("connect = {}", with_connection(all, connection))
            }
            ActDrawn::Send { bytes, is_urgent } => format!("send = {{ bytes = {bytes}, urgent = {is_urgent} }}"),
            ActDrawn::Other { key, value } => format!("{key} = {value}"),
            ActDrawn::Cut { to, is_cut: true } => format!("cut = \"h{to}\""),
            ActDrawn::Cut { to, is_cut: false } => format!("heal = \"h{to}\""),
        };
        text.push_str(&format!("{act}\nmay_fail = true\n"));
    }
}

/// The IPv4 address of a host.
pub(super) fn v4(number: usize) -> String {
    format!("10.7.0.{}", number + 1)
}

/// The IPv6 address of a host.
pub(super) fn v6(number: usize) -> String {
    format!("fd07::{:x}", number + 1)
}

fn lines(text: &mut String, settings: &Settings) {
    for (key, value) in settings {
        text.push_str(&format!("{key} = {value}\n"));
    }
}

fn with_connection(mut settings: Settings, connection: &Settings) -> String {
    if !connection.is_empty() {
        settings.push(("connection", table(connection)));
    }
    table(&settings)
}

fn table(settings: &Settings) -> String {
    let mut text = String::from("{");
    for (place, (key, value)) in settings.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma} {key} = {value}");
    }
    text + " }"
}
