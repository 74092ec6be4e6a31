//! Whoever answers, started afresh for each measurement.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;

use super::network::{ANSWER, Network};
use crate::args::Subject;
use crate::rig::process::Running;

/// Echo (RFC 862).
pub(super) const PORT: u16 = 7;

/// What is started.
pub(super) struct Programs {
    pub(super) syndic: PathBuf,
    pub(super) serve: Vec<OsString>,
    pub(super) responder: PathBuf,
    /// Packets that may wait before the TUN.
    pub(super) queue: u32,
}

/// One that answers, until it is dropped.
pub(super) struct Server<'a> {
    pub(super) process: Running,
    network: &'a Network,
    is_joined: bool,
}

impl<'a> Server<'a> {
    /// Starts it and waits until it listens.
    pub(super) fn start(
        subject: Subject,
        programs: &Programs,
        network: &'a Network,
        core: usize,
    ) -> anyhow::Result<Self> {
        let mut server = match subject {
            Subject::Bare => Self::bare(programs, network, core),
            Subject::Ours => Self::ours(programs, network, core),
            Subject::Linux => Self::linux(network, core),
        }?;
        server.process.line()?;
        if subject == Subject::Bare {
            network.address_tun()?;
        }
        if !server.is_joined {
            network.lengthen_queue(programs.queue)?;
        }
        Ok(server)
    }

    fn bare(programs: &Programs, network: &'a Network, core: usize) -> anyhow::Result<Self> {
        let command = vec![programs.responder.clone().into(), ANSWER.into()];
        Ok(Self {
            process: Running::start("the bare responder", &network.router, core, command, Vec::new())?,
            network,
            is_joined: false,
        })
    }

    fn ours(programs: &Programs, network: &'a Network, core: usize) -> anyhow::Result<Self> {
        let mut command: Vec<OsString> = vec![programs.syndic.clone().into(), "serve".into()];
        let (subnet, port) = (network.server_subnet(), PORT.to_string());
        let options = ["--service", "echo", "--port", &port, "--addr", &subnet, "--tun", ANSWER];
        command.extend(options.map(OsString::from));
        command.extend(programs.serve.iter().cloned());
        Ok(Self {
            process: Running::start("syndic serve", &network.router, core, command, Vec::new())?,
            network,
            is_joined: false,
        })
    }

    fn linux(network: &'a Network, core: usize) -> anyhow::Result<Self> {
        network.join_server()?;
        let address = SocketAddr::new(network.server_address()?, PORT);
        let itself = std::env::current_exe().context("this program's path")?;
        let command = vec![
            itself.into(),
            "child".into(),
            "listen".into(),
            "--address".into(),
            address.to_string().into(),
        ];
        Ok(Self {
            process: Running::start("the Linux listener", &network.server, core, command, Vec::new())?,
            network,
            is_joined: true,
        })
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if self.is_joined {
            // What cannot be taken off now goes with the namespaces.
            let _ = self.network.part_server();
        }
    }
}
