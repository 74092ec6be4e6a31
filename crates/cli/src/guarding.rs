//! What a server is told about floods, and what it tells of them.

use std::fmt;

use anyhow::{Context as _, ensure};
use stack::flood::{LimiterOptions, OverLimit, Rate, Subnet};
use stack::{Config, Fact, Instant, ListenOptions, Observer, SynCookies};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::args;
use crate::output::Output;

/// Lines that wait to be printed. What comes while as many wait is left out: the next change says where things stand.
const LINES_MAX: usize = 64;

/// How a listener is to stand a flood.
#[derive(Debug)]
pub(crate) struct Guarding {
    syn_backlog: usize,
    accept_backlog: usize,
    syn_cookies: SynCookies,
    syn_ack_retransmissions: u8,
    connections_per_source: Option<usize>,
    limiter: LimiterOptions,
}

impl Guarding {
    /// Errors: a rate or a subnet that cannot be read.
    pub(crate) fn mean(typed: args::Guarding) -> anyhow::Result<Self> {
        let defaults = LimiterOptions::default();
        let allow: anyhow::Result<Vec<Subnet>> = typed.allow.iter().map(|text| subnet(text)).collect();
        Ok(Self {
            syn_backlog: typed.syn_backlog,
            accept_backlog: typed.backlog,
            syn_cookies: match typed.syn_cookies {
                args::SynCookies::Auto => SynCookies::Auto,
                args::SynCookies::Always => SynCookies::Always,
                args::SynCookies::Never => SynCookies::Never,
            },
            syn_ack_retransmissions: typed.syn_ack_retries,
            connections_per_source: typed.per_source,
            limiter: LimiterOptions {
                per_address: limit("--limit-address", typed.limit_address.as_deref(), defaults.per_address)?,
                per_prefix: limit("--limit-prefix", typed.limit_prefix.as_deref(), defaults.per_prefix)?,
                allow: allow?,
                over: if typed.drop_over_limit {
                    OverLimit::Drop
                } else {
                    OverLimit::Cookie
                },
                ..defaults
            },
        })
    }

    /// The stack's part of it.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.flood.limiter = self.limiter.clone();
        config
    }

    /// A listener's part of it.
    pub(crate) fn over(&self, options: ListenOptions) -> ListenOptions {
        ListenOptions {
            syn_backlog: self.syn_backlog,
            accept_backlog: self.accept_backlog,
            syn_cookies: self.syn_cookies,
            syn_ack_retransmissions: self.syn_ack_retransmissions,
            connections_per_source: self.connections_per_source,
            ..options
        }
    }
}

/// `200`, `200/400` (a burst beside the rate) or `off`; nothing typed is the default.
fn limit(option: &str, typed: Option<&str>, default: Option<Rate>) -> anyhow::Result<Option<Rate>> {
    let text = match typed {
        None => return Ok(default),
        Some("off") => return Ok(None),
        Some(text) => text,
    };
    let wrong =
        || format!("{option} {text}: write SYNs per second, with a burst if you like, as in 200 or 200/400; or off");
    let (rate, burst) = text.split_once('/').unwrap_or((text, text));
    let (rate, burst) = (rate.parse().with_context(wrong)?, burst.parse().with_context(wrong)?);
    ensure!(
        (1..=Rate::PER_S_MAX).contains(&rate) && (1..=Rate::BURST_MAX).contains(&burst),
        "{option} {text}: the rate must be 1 to {}, the burst 1 to {}",
        Rate::PER_S_MAX,
        Rate::BURST_MAX
    );
    Ok(Some(Rate::new(rate, burst)))
}

fn subnet(text: &str) -> anyhow::Result<Subnet> {
    text.parse()
        .with_context(|| format!("--allow {text}: write a subnet, as in 10.7.0.0/24 or fd07::/64"))
}

/// Notes how listeners fare, for lines that somebody prints.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    lines: Sender<String>,
    /// Of several shards, which; for what each tells of its own part.
    shard: Option<usize>,
}

/// A watch, and the lines that it notes.
pub(crate) fn watch() -> (Watch, Receiver<String>) {
    let (sender, lines) = channel(LINES_MAX);
    let watch = Watch {
        lines: sender,
        shard: None,
    };
    (watch, lines)
}

impl Watch {
    /// The same for one of several shards.
    pub(crate) fn of_shard(&self, shard: usize) -> Self {
        Self {
            shard: Some(shard),
            ..self.clone()
        }
    }

    fn note(&self, text: impl fmt::Display) {
        let _ = self.lines.try_send(text.to_string());
    }
}

impl Observer for Watch {
    fn observe(&mut self, _at: Instant, fact: &Fact<'_>) {
        match *fact {
            Fact::Level { local, change } => self.note(format_args!("{local}: {}: {}", change.to, change.figures)),
            Fact::SynCookies {
                local,
                on,
                half_open,
                backlog,
            } => {
                let what = if on {
                    "answers SYNs by cookies alone"
                } else {
                    "keeps half-open entries again"
                };
                let whose = self
                    .shard
                    .map_or_else(String::new, |shard| format!(" in shard {shard}"));
                self.note(format_args!(
                    "{local}: {what}, {half_open} of {backlog} half-open{whose}"
                ));
            }
            _ => {}
        }
    }
}

/// Prints what a watch notes, on standard error, until the watch is gone or nobody reads.
pub(crate) async fn tell(mut lines: Receiver<String>) {
    let mut output = Output::stderr();
    while let Some(line) = lines.recv().await {
        if output.line(line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_as_they_are_typed() {
        let default = Some(Rate::new(7, 8));
        for (typed, expected) in [
            (None, Some(default)),
            (Some("off"), Some(None)),
            (Some("200"), Some(Some(Rate::new(200, 200)))),
            (Some("200/400"), Some(Some(Rate::new(200, 400)))),
            (Some("0"), None),
            (Some("1/0"), None),
            (Some("99999999999"), None),
            (Some("ten"), None),
            (Some("10/"), None),
            (Some(""), None),
        ] {
            let got = limit("--limit-address", typed, default);
            let told = got.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert_eq!(got.ok(), expected, "{typed:?}");
            assert!(
                expected.is_some() || told.contains("--limit-address"),
                "{typed:?}: {told}"
            );
        }
    }

    #[test]
    fn subnets_as_they_are_typed() {
        for (typed, is_right) in [
            ("10.7.0.0/24", true),
            ("fd07::/64", true),
            ("10.7.0.1", true),
            ("10.7.0.0/33", false),
            ("here", false),
        ] {
            let got = subnet(typed);
            assert_eq!(got.is_ok(), is_right, "{typed}: {got:?}");
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_bounded() {
        let (mut watch, mut lines) = watch();
        for half_open in 0..1000 {
            watch.observe(
                Instant::ZERO,
                &Fact::SynCookies {
                    local: "10.7.0.2:80".parse().unwrap(),
                    on: true,
                    half_open,
                    backlog: 1024,
                },
            );
        }
        let first = lines.try_recv().unwrap();
        assert_eq!(first, "10.7.0.2:80: answers SYNs by cookies alone, 0 of 1024 half-open");
        assert_eq!(lines.len(), LINES_MAX - 1);
    }
}
