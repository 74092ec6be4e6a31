//! `cargo xtask flood`: what listeners make of a SYN flood, on real packets, and what is left for good clients.
//!
//! Networks, processes and priorities are made for it and go with it (`rig`, `network`). For each rate and
//! each subject: a fresh server, the flood, then good clients for some seconds, between two readings of the kernel's counters.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};

mod clients;
mod figures;
mod generator;
mod listener;
mod needs;
mod network;
mod report;
mod subject;

use crate::args::{Child, Flood, Link, Rate, Subject};
use figures::{Good, Row};
use generator::Generator;
use network::Network;
use report::Report;
use subject::{Programs, Server};

/// How long a flood may outlast what is measured, at most: the search for its rate, and what processes need to start.
const SLACK: Duration = Duration::from_secs(10);

/// Errors: [`Missing`], and whatever failed.
pub(crate) fn run(flood: Flood) -> anyhow::Result<()> {
    let found = needs::look(&flood)?;
    let subjects = subjects(&flood);
    let bar = bar(flood.rates.len() * subjects.len());
    bar.set_message("building");
    let programs = needs::build(&flood)?;
    let (generator_core, receiver_core) = found.cores;
    let rig = Rig {
        network: Network::new(flood.ipv6, receiver_core)?,
        generator: Generator::new(&found.generator, generator_core),
        programs,
        generator_core,
        receiver_core,
        seconds: flood.seconds,
        clients: flood.clients,
    };
    let mut rows = Vec::new();
    for &rate in &flood.rates {
        let mut target = None;
        for &(subject, link) in &subjects {
            let name = report::name(subject, link);
            bar.set_message(format!("{name} at {rate} SYN/s"));
            let row = rig.measure(subject, link, rate, &mut target);
            rows.push(row.with_context(|| format!("{name} at {rate}"))?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let report = Report::new(flood.ipv6, flood.clients, rows);
    let text = match (flood.json, flood.markdown) {
        (true, _) => serde_json::to_string_pretty(&report)?,
        (_, true) => report.markdown(),
        _ => report.table(),
    };
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}

/// Who is measured, and over which link where there is a choice.
fn subjects(flood: &Flood) -> Vec<(Subject, Option<Link>)> {
    let over = |&subject: &Subject| match subject {
        Subject::Ours => flood.link.iter().map(|&link| (subject, Some(link))).collect(),
        Subject::Bare | Subject::Linux => vec![(subject, None)],
    };
    flood.subjects.iter().flat_map(over).collect()
}

/// What the task starts of itself.
pub(crate) fn child(child: Child) -> anyhow::Result<()> {
    match child {
        Child::Clients(clients) => clients::visit(&clients),
        Child::Listen(listen) => listener::listen(listen.address),
        _ => bail!("that is a child of another task"),
    }
}

/// What stands while everything is measured.
struct Rig {
    network: Network,
    generator: Generator,
    programs: Programs,
    /// Shared with the clients.
    generator_core: usize,
    receiver_core: usize,
    seconds: u64,
    clients: u64,
}

impl Rig {
    /// One subject at one rate. `target` is what the generator had to be told for this rate, once that is known.
    fn measure(
        &self,
        subject: Subject,
        link: Option<Link>,
        rate: Rate,
        target: &mut Option<f64>,
    ) -> anyhow::Result<Row> {
        let mut server = Server::start((subject, link), &self.programs, &self.network, self.receiver_core)?;
        let window = Duration::from_secs(self.seconds);
        let lifetime = window + clients::PATIENCE + SLACK;
        let mut flood = self.generator.start(&self.network, rate, target, lifetime)?;

        let mut clients = match subject {
            Subject::Bare => None,
            Subject::Ours | Subject::Linux => Some(clients::start(
                &self.network,
                self.generator_core,
                self.clients,
                self.seconds,
            )?),
        };
        let (counted, spent) = (self.network.count()?, server.process.cpu()?);
        std::thread::sleep(window);
        let (counted_then, spent_then) = (self.network.count()?, server.process.cpu()?);

        // The flood goes on until the last client is home.
        let good = match &mut clients {
            Some(clients) => Good::new(clients::visits(clients)?),
            None => None,
        };
        if let Some(flood) = &mut flood {
            flood.check()?;
        }
        server.process.check()?;
        drop(flood);
        let passed = counted_then.since(&counted);
        Ok(Row::new(
            (subject, link, rate),
            passed,
            spent_then - spent,
            good,
            server.process.peak_bytes()?,
        ))
    }
}

/// Seen on a terminal alone.
fn bar(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
