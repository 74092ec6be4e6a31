//! Whoever is measured, started afresh for each measurement.

use std::ffi::OsString;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::network::{BEHIND_TUN, Network, TUN};
use super::nginx;
use crate::args::Service;
use crate::rig::process::Running;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Who {
    Ours,
    Linux,
    Smoltcp,
    Ceiling,
    Nginx,
}

impl Who {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Linux => "linux",
            Self::Smoltcp => "smoltcp",
            Self::Ceiling => "ceiling",
            Self::Nginx => "nginx",
        }
    }
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Small(Service),
    /// Files over HTTP.
    Files,
}

/// What is started.
pub(super) struct Programs {
    pub(super) syndic: PathBuf,
    pub(super) smoltcp: PathBuf,
    /// A directory of ours, with the file that is asked for in `www`.
    pub(super) directory: PathBuf,
}

/// How long a server may take until it can be reached.
const BEGIN: Duration = Duration::from_secs(5);

/// One that answers, until it is dropped.
pub(super) struct Server {
    _process: Running,
}

impl Server {
    /// Starts it and waits until it can be reached.
    pub(super) fn start(
        who: Who,
        job: Job,
        programs: &Programs,
        network: &Network,
        core: usize,
        port: u16,
    ) -> anyhow::Result<Self> {
        let command = command(who, job, programs, port)?;
        let mut process = Running::start(who.name(), network.home(who), core, command, Vec::new())?;
        match who {
            // It says nothing when it is ready.
            Who::Nginx => until_reached(network, who, port)?,
            _ => {
                process.line()?;
            }
        }
        if who == Who::Smoltcp {
            network.address_tun()?;
        }
        if matches!(who, Who::Ours | Who::Smoltcp | Who::Ceiling) {
            network.pin_tun()?;
        }
        Ok(Self { _process: process })
    }
}

/// What to start.
fn command(who: Who, job: Job, programs: &Programs, port: u16) -> anyhow::Result<Vec<OsString>> {
    let port = port.to_string();
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let itself = std::env::current_exe().context("this program's path")?.into_os_string();
    Ok(match (who, job) {
        (Who::Ours, job) => {
            let mut all = vec![programs.syndic.clone().into(), "serve".into()];
            all.extend(match job {
                Job::Small(service) => words(&["--service", name(service)]),
                Job::Files => vec![programs.directory.join("www").into()],
            });
            // The clients' subnet is ours: nobody there is a stranger whose SYNs are counted, as this kernel counts nobody's.
            all.extend(words(&[
                "--port", &port, "--addr", BEHIND_TUN, "--tun", TUN, "--allow", BEHIND_TUN,
            ]));
            all
        }
        (Who::Linux, Job::Small(service)) => {
            let address = Network::address(who, 0).ip();
            let address = format!("{address}:{port}");
            let mut all = vec![itself];
            all.extend(words(&["child", "serve", name(service), "--address", &address]));
            all
        }
        (Who::Smoltcp, Job::Small(service)) => {
            let mut all = vec![programs.smoltcp.clone().into()];
            all.extend(words(&["serve", name(service), TUN, &port]));
            all
        }
        (Who::Ceiling, Job::Small(service)) => {
            let mut all = vec![itself];
            all.extend(words(&[
                "child",
                "ceiling",
                name(service),
                "--tun",
                TUN,
                "--port",
                &port,
            ]));
            all
        }
        (Who::Nginx, Job::Files) => nginx::command(programs, &port)?,
        (who, job) => bail!("{} does not do {job:?}", who.name()),
    })
}

fn name(service: Service) -> &'static str {
    match service {
        Service::Discard => "discard",
        Service::Chargen => "chargen",
        Service::Echo => "echo",
    }
}

fn until_reached(network: &Network, who: Who, port: u16) -> anyhow::Result<()> {
    let address = Network::address(who, port);
    network.near.run(move || {
        let until = std::time::Instant::now() + BEGIN;
        loop {
            match TcpStream::connect(address) {
                Ok(_) => return Ok(()),
                Err(error) if std::time::Instant::now() > until => {
                    return Err(error).with_context(|| format!("{} does not listen on {address}", who.name()));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    })
}
