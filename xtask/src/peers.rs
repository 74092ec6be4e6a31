//! `cargo xtask peers`: us beside Linux, smoltcp, nginx and the ceiling of the method, in one run.
//!
//! Networks, processes and priorities are made for it and go with it. For each thing measured the runs of all who are
//! compared follow each other, several times over (A B C A B C), so that what else the machine does meets them alike.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use nix::unistd::geteuid;

mod bars;
mod ceiling;
mod document;
mod figure;
mod idle;
mod kernel;
mod network;
mod nginx;
mod report;
mod who;
mod wrk;

use crate::args::{Child, Part, Peers, Service};
use crate::rig::build;
use crate::rig::counters::slab_bytes;
use crate::rig::need::{Missing, cores, has};
use crate::rig::process::Running;
use figure::{Figures, Metric, Way};
use idle::Idled;
use kernel::{Carried, Pinged};
use network::Network;
use report::Report;
use who::{Job, Programs, Server, Who};

/// Where small services listen.
const PORT: u16 = 9_000;
/// Where files are.
const HTTP: u16 = 80;
/// Clients of wrk.
const CLIENTS: &str = "64";

/// How often a measurement is begun at most: on a machine with other work one may come to nothing.
const TRIES: u32 = 5;

const FLOWS: [usize; 2] = [1, 8];
const IDLE_OURS: [u32; 4] = [10, 1_000, 10_000, 1_000_000];
const IDLE_SMOLTCP: [u32; 3] = [10, 1_000, 10_000];
const IDLE_LINUX: [u32; 1] = [10_000];
/// With `--quick`.
const IDLE_FEW: u32 = 1_000;

/// Errors: [`Missing`], and whatever failed.
pub(crate) fn run(peers: Peers) -> anyhow::Result<()> {
    let (client_core, server_core) = look(&peers)?;
    let programs = build_all(&peers)?;
    nginx::file(&programs)?;
    if !geteuid().is_root() {
        // Root in a user namespace of our own may make all that is needed. No thread has been started so far.
        link::namespace::enter().context("cannot make a private network")?;
    }
    let parts: Vec<Part> = match &peers.only[..] {
        [] => Part::ALL.to_vec(),
        some => some.to_vec(),
    };
    let mut rig = Rig {
        network: Network::new()?,
        programs,
        client_core,
        server_core,
        runs: if peers.quick { 1 } else { peers.runs },
        time: if peers.quick {
            Duration::from_millis(300)
        } else {
            Duration::from_secs(peers.seconds)
        },
        quick: peers.quick,
        figures: Figures::default(),
        skipped: Vec::new(),
        failed: 0,
        bar: bar(),
    };
    for part in &parts {
        match part {
            Part::Bulk => rig.bulk()?,
            Part::Latency => rig.latency()?,
            Part::Requests => rig.requests()?,
            Part::Idle => rig.idle()?,
        }
    }
    rig.bar.finish_and_clear();
    let report = Report {
        figures: &rig.figures,
        skipped: &rig.skipped,
    };
    let text = match peers.json {
        true => serde_json::to_string_pretty(&report.json())?,
        false => report.table(),
    };
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")?;
    let is_whole = peers.only.is_empty() && !peers.quick && rig.skipped.len() == rig.failed;
    if is_whole && !peers.no_write {
        let how = format!("medians of {} runs of {} s, interleaved", peers.runs, peers.seconds);
        document::write(&report, &how)?;
    }
    Ok(())
}

/// What the task starts of itself.
pub(crate) fn child(child: Child) -> anyhow::Result<()> {
    match child {
        Child::Serve(serve) => kernel::serve(&serve),
        Child::Bulk(bulk) => kernel::bulk(&bulk),
        Child::Ping(ping) => kernel::ping(&ping),
        Child::Hold(hold) => kernel::hold(&hold),
        Child::Ceiling(ceiling) => ceiling::carry(&ceiling),
        Child::Idle(idle) => idle::measure(&idle),
        _ => bail!("that is a child of another task"),
    }
}

/// The cores of the clients and of whoever answers.
///
/// Errors: [`Missing`], with all that is missing.
fn look(peers: &Peers) -> anyhow::Result<(usize, usize)> {
    let mut missing = Vec::new();
    if !has("ip") {
        missing.push("there is no command ip: install the package iproute2".to_owned());
    }
    if let Err(error) = link::tun::check_device() {
        missing.push(error.to_string());
    }
    if let Some(syndic) = peers.syndic.as_ref().filter(|syndic| !syndic.is_file()) {
        missing.push(format!("there is no {}: give --syndic a file", syndic.display()));
    }
    match cores()? {
        Some(cores) if missing.is_empty() => Ok(cores),
        Some(_) => Err(Missing(missing).into()),
        None => {
            missing.push("it needs two processors: one for clients, one for whoever answers".to_owned());
            Err(Missing(missing).into())
        }
    }
}

/// Errors: what `cargo` says.
fn build_all(peers: &Peers) -> anyhow::Result<Programs> {
    let target = build::target()?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/smoltcp/Cargo.toml");
    build::cargo(&manifest, &target, [])?;
    Ok(Programs {
        syndic: match &peers.syndic {
            Some(syndic) => syndic.canonicalize().context("--syndic")?,
            None => build::syndic()?,
        },
        smoltcp: target.join("release/smoltcp-peer"),
        directory: target.join("xtask/peers"),
    })
}

/// What stands while everything is measured, and what has been.
struct Rig {
    network: Network,
    programs: Programs,
    client_core: usize,
    server_core: usize,
    runs: u32,
    /// How long each measurement takes.
    time: Duration,
    quick: bool,
    figures: Figures,
    skipped: Vec<String>,
    /// Of those, figures of a peer that failed each time: what the others say stands all the same.
    failed: usize,
    bar: ProgressBar,
}

impl Rig {
    fn bulk(&mut self) -> anyhow::Result<()> {
        for (way, service) in [(Way::Receives, Service::Discard), (Way::Sends, Service::Chargen)] {
            for flows in FLOWS {
                let metric = Metric::Bulk(way, flows);
                let mut failures = Vec::new();
                for _ in 0..self.runs {
                    for who in [Who::Linux, Who::Ours, Who::Smoltcp, Who::Ceiling] {
                        let carried = match self.measured(who, metric, |rig| rig.carry(who, service, flows)) {
                            Ok(carried) => carried,
                            Err(wrong) if who == Who::Smoltcp => {
                                failures.push(format!("{wrong:#}"));
                                continue;
                            }
                            Err(wrong) => return Err(wrong),
                        };
                        let gbits = carried.bytes as f64 * 8.0 / carried.seconds / 1e9;
                        self.figures.add(metric, who, gbits);
                    }
                }
                if let Some(first) = failures.first() {
                    let skipped = format!("{first}, in {} of {} runs", failures.len(), self.runs);
                    self.skipped.push(skipped);
                    self.failed += 1;
                }
            }
        }
        Ok(())
    }

    fn carry(&self, who: Who, service: Service, flows: usize) -> anyhow::Result<Carried> {
        let _server = self.serve(who, Job::Small(service), PORT)?;
        let service = match service {
            Service::Chargen => "chargen",
            Service::Discard | Service::Echo => "discard",
        };
        let (server, flows) = (Network::address(who, PORT).to_string(), flows.to_string());
        let line = self.client(&[
            "bulk",
            service,
            "--server",
            &server,
            "--flows",
            &flows,
            "--millis",
            &self.millis(),
        ])?;
        serde_json::from_str(&line).context("what the client said")
    }

    fn latency(&mut self) -> anyhow::Result<()> {
        for _ in 0..self.runs {
            for who in [Who::Linux, Who::Ours, Who::Smoltcp] {
                let pinged = self.measured(who, Metric::PingP50, |rig| rig.ping(who))?;
                self.figures.add(Metric::PingP50, who, pinged.p50_us);
                self.figures.add(Metric::PingP99, who, pinged.p99_us);
            }
        }
        Ok(())
    }

    fn ping(&self, who: Who) -> anyhow::Result<Pinged> {
        let _server = self.serve(who, Job::Small(Service::Echo), PORT)?;
        let server = Network::address(who, PORT).to_string();
        let line = self.client(&["ping", "--server", &server, "--millis", &self.millis()])?;
        serde_json::from_str(&line).context("what the client said")
    }

    /// Skipped without wrk or nginx.
    fn requests(&mut self) -> anyhow::Result<()> {
        let absent: Vec<&str> = ["wrk", "nginx"].into_iter().filter(|command| !has(command)).collect();
        if !absent.is_empty() {
            let absent = absent.join(" and no ");
            self.skipped.push(format!(
                "requests: there is no {absent} (Debian has packages of these names)"
            ));
            return Ok(());
        }
        for metric in [Metric::KeepAlive, Metric::PerRequest] {
            for _ in 0..self.runs {
                for who in [Who::Nginx, Who::Ours] {
                    let figure = self.measured(who, metric, |rig| rig.ask(who, metric == Metric::KeepAlive))?;
                    self.figures.add(metric, who, figure);
                }
            }
        }
        Ok(())
    }

    fn ask(&self, who: Who, keep_alive: bool) -> anyhow::Result<f64> {
        let _server = self.serve(who, Job::Files, HTTP)?;
        let url = format!("http://{}{}", Network::address(who, HTTP), nginx::FILE);
        let seconds = format!("{}s", self.time.as_secs().max(1));
        let mut command: Vec<OsString> = ["wrk", "-t", "1", "-c", CLIENTS, "-d", &seconds]
            .map(OsString::from)
            .to_vec();
        if !keep_alive {
            command.extend(["-H", "Connection: close"].map(OsString::from));
        }
        command.push(url.into());
        let mut wrk = Running::start("wrk", &self.network.near, self.client_core, command, Vec::new())?;
        wrk::requests_per_second(&wrk.output()?)
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        let counts = |all: &'static [u32]| if self.quick { vec![IDLE_FEW] } else { all.to_vec() };
        let (ours, smoltcp, linux) = (counts(&IDLE_OURS), counts(&IDLE_SMOLTCP), counts(&IDLE_LINUX));
        for _ in 0..self.runs {
            for (who, counts) in [(Who::Ours, &ours), (Who::Smoltcp, &smoltcp)] {
                for n in counts {
                    let idled = self.measured(who, Metric::IdleBytes(*n), |rig| rig.idled(who, *n))?;
                    self.figures.add(Metric::IdleBytes(*n), who, idled.bytes_each);
                    self.figures.add(Metric::PacketCost(*n), who, idled.ns_per_packet);
                }
            }
            for n in &linux {
                let metric = Metric::IdleBytes(*n);
                let bytes = self.measured(Who::Linux, metric, |rig| rig.hold(*n))?;
                self.figures.add(metric, Who::Linux, bytes);
            }
        }
        Ok(())
    }

    /// What a process says of so many connections in its memory.
    fn idled(&self, who: Who, connections: u32) -> anyhow::Result<Idled> {
        let count = connections.to_string();
        let line = if who == Who::Smoltcp {
            let command = vec![self.programs.smoltcp.clone().into(), "idle".into(), count.into()];
            let home = self.network.home(who);
            Running::start("smoltcp", home, self.server_core, command, Vec::new())?.line()?
        } else {
            self.client(&["idle", "--connections", &count, "--millis", &self.millis()])?
        };
        serde_json::from_str(&line).context("what it said of idle connections")
    }

    /// What the kernel's slabs hold more with so many connections over loopback, for each of their two ends.
    fn hold(&self, connections: u32) -> anyhow::Result<f64> {
        let count = connections.to_string();
        let before = slab_bytes()?;
        let mut takes = self.start(&["hold", "--connections", &count])?;
        let address = takes.line()?;
        let mut makes = self.start(&["hold", "--connections", &count, "--server", address.trim()])?;
        makes.line()?;
        takes.line()?;
        let held = slab_bytes()?.saturating_sub(before);
        Ok(held as f64 / f64::from(connections) / 2.0)
    }

    fn serve(&self, who: Who, job: Job, port: u16) -> anyhow::Result<Server> {
        Server::start(who, job, &self.programs, &self.network, self.server_core, port)
    }

    /// Starts a child of this task where clients are.
    fn start(&self, child: &[&str]) -> anyhow::Result<Running> {
        let itself = std::env::current_exe().context("this program's path")?;
        let mut command: Vec<OsString> = vec![itself.into(), "child".into()];
        command.extend(child.iter().map(OsString::from));
        Running::start("a client", &self.network.near, self.client_core, command, Vec::new())
    }

    /// The one line that a child has to say.
    fn client(&self, child: &[&str]) -> anyhow::Result<String> {
        self.start(child)?.line()
    }

    fn millis(&self) -> String {
        self.time.as_millis().to_string()
    }

    /// Measures, shows what is measured meanwhile, and does it again if it fails.
    fn measured<T>(&self, who: Who, metric: Metric, measure: impl Fn(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let name = format!("{}: {}", who.name(), metric.name());
        self.bar.set_message(name.clone());
        self.bar.inc(1);
        let mut outcome = measure(self);
        for _ in 1..TRIES {
            if outcome.is_ok() {
                break;
            }
            outcome = measure(self);
        }
        outcome.context(name)
    }
}

/// Seen on a terminal alone.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {pos} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
