//! The TUN device that a command talks through: ours on one side, the kernel's on the other.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use link::tun::Existing;
use link::{Offload, Tun, TunOptions};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

use stack::{Config, Observer};
use syndic::Net;
use tokio::runtime::{self, Runtime};

use crate::control::server::{self, Server};
use crate::impair::{Impaired, Impairment};
use crate::subnet::Subnet;

/// Who is who on the device, and how bad it is to be.
#[derive(Debug)]
pub(crate) struct Network {
    /// At least one. They do not overlap.
    pub(crate) subnets: Vec<Subnet>,
    /// The device's name; `None`: the kernel chooses.
    pub(crate) tun: Option<String>,
    /// Units: bytes.
    pub(crate) mtu: u16,
    pub(crate) impairment: Option<Impairment>,
    /// Where the control socket is to be; `None`: where `syndic ss` looks.
    pub(crate) control: Option<PathBuf>,
}

impl Network {
    /// Makes the device, or attaches to the one of that name.
    ///
    /// Errors: an address that the kernel has on another interface, or what [`Tun::open`] says.
    pub(crate) fn open(&self) -> anyhow::Result<Tun> {
        self.refuse_taken_addresses()?;
        let options = TunOptions {
            name: self.tun.clone(),
            addresses: self
                .subnets
                .iter()
                .map(|subnet| (subnet.kernel, subnet.prefix))
                .collect(),
            mtu: self.mtu,
            // An impairment works on packets as they cross a wire.
            offload: match self.impairment {
                None => Offload::Tso,
                Some(_) => Offload::None,
            },
            existing: Existing::Attach,
            ..TunOptions::default()
        };
        Ok(Tun::open(&options)?)
    }

    /// Starts our stack on the device, made worse where that was asked for. Gives the device's name too. Call it in a
    /// runtime.
    pub(crate) fn start<O: Observer + Send + 'static>(
        &self,
        config: Config,
        observer: O,
    ) -> anyhow::Result<(Net<O>, String)> {
        let tun = self.open()?;
        let name = tun.name().to_owned();
        let link = tun
            .into_async()
            .with_context(|| format!("cannot wait for packets on {name}"))?;
        let config = Config {
            addresses: self.ours(),
            ..config
        };
        let started = match self.impairment {
            None => Net::observed(link, config, observer),
            Some(impairment) => Net::observed(Impaired::new(link, impairment), config, observer),
        };
        Ok((started.context("cannot start the stack")?, name))
    }

    /// Opens the control socket of a command whose stack this is, until what it gives is dropped. Call it in a runtime.
    ///
    /// Errors: a path was named, and cannot be had.
    pub(crate) fn control<O: Observer + Send + 'static>(
        &self,
        command: &'static str,
        net: &Net<O>,
    ) -> anyhow::Result<Option<Server>> {
        let net = net.clone();
        server::start(self.control.as_deref(), command, move || net.entries())
    }

    /// Our addresses.
    pub(crate) fn ours(&self) -> Vec<IpAddr> {
        self.subnets.iter().map(|subnet| subnet.ours).collect()
    }

    /// The kernel's addresses, for a sentence.
    pub(crate) fn kernel_side(&self) -> String {
        let addresses: Vec<String> = self.subnets.iter().map(|subnet| subnet.kernel.to_string()).collect();
        addresses.join(" and ")
    }

    /// The kernel would keep packets for an address of its own to itself, and of two devices with one subnet it would use
    /// the other. Neither shows itself in any error later: nothing would arrive.
    fn refuse_taken_addresses(&self) -> anyhow::Result<()> {
        for (interface, address) in kernel_addresses()? {
            if let Some(subnet) = self.subnets.iter().find(|subnet| subnet.ours == address) {
                bail!(
                    "{address} is the kernel's own (on {interface}): give --addr an address that no interface has, such as {}",
                    if subnet.ours.is_ipv4() {
                        "10.9.0.2/24"
                    } else {
                        "fd09::2/64"
                    }
                );
            }
            // An administrator may have prepared the device itself.
            let is_prepared = self.tun.as_ref() == Some(&interface);
            if let Some(subnet) = self
                .subnets
                .iter()
                .find(|subnet| subnet.kernel == address && !is_prepared)
            {
                bail!(
                    "{address}, the kernel's side of {subnet}, is on {interface} already: does another syndic run? Give --addr another subnet"
                );
            }
        }
        Ok(())
    }
}

/// The runtime that everything of a command runs in.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")
}

/// Every address of every interface, with the interface's name.
fn kernel_addresses() -> anyhow::Result<Vec<(String, IpAddr)>> {
    let interfaces = getifaddrs().context("cannot list this machine's addresses")?;
    Ok(interfaces
        .filter_map(|interface| Some((interface.interface_name, ip(&interface.address?)?)))
        .collect())
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}
