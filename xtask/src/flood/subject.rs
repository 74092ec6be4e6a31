//! Whoever answers, started afresh for each measurement.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;

use super::network::{ANSWER, Network};
use crate::args::{Link, Subject};
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
        (subject, link): (Subject, Option<Link>),
        programs: &Programs,
        network: &'a Network,
        core: usize,
    ) -> anyhow::Result<Self> {
        let mut server = match subject {
            Subject::Bare => Self::bare(programs, network, core),
            Subject::Ours => Self::ours(link.unwrap_or(Link::Tun), programs, network, core),
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

    fn ours(link: Link, programs: &Programs, network: &'a Network, core: usize) -> anyhow::Result<Self> {
        let (subnet, port, gate) = (network.server_subnet(), PORT.to_string(), network.server_gate());
        let mut options = vec!["serve", "--service", "echo", "--port", &port, "--addr", &subnet];
        let (is_joined, namespace) = match link {
            Link::Tun => (false, &network.router),
            Link::Packet | Link::Xdp => (true, &network.server),
        };
        match link {
            Link::Tun => options.extend(["--tun", ANSWER]),
            Link::Packet => options.extend(["--link", "packet:listen0", "--gateway", gate]),
            Link::Xdp => options.extend(["--link", "xdp:listen0", "--gateway", gate]),
        }
        if is_joined {
            network.join_station()?;
        }
        let mut command: Vec<OsString> = vec![programs.syndic.clone().into()];
        command.extend(options.into_iter().map(OsString::from));
        command.extend(programs.serve.iter().cloned());
        Ok(Self {
            process: Running::start("syndic serve", namespace, core, command, Vec::new())?,
            network,
            is_joined,
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
