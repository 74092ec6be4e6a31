//! The device that a command talks through: a TUN or a TAP, with the kernel on its other side, or an Ethernet interface that is
//! shared with the kernel.

mod kind;

use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use link::tun::Existing;
use link::{AsyncTun, FrameLink, Layer, Meter, Offload, Packet, PacketOptions, Tun, TunOptions, Xdp, XdpOptions};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

use stack::{Config, EcnMode, EthernetOptions, Mac, Medium, Observer};
use syndic::Net;
use tokio::runtime::{self, Runtime};

use crate::control::server::{self, Server};
use crate::impair::{Impaired, Impairment};
use crate::subnet::Subnet;
pub(crate) use kind::Device;

/// Who is who on the device, and how bad it is to be.
#[derive(Debug)]
pub(crate) struct Network {
    /// At least one. They do not overlap.
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) device: Device,
    /// Who takes packets to other subnets, where the device carries frames: at most one of each family.
    pub(crate) gateways: Vec<IpAddr>,
    /// Of a device that is made. Units: bytes.
    pub(crate) mtu: u16,
    pub(crate) ecn: EcnMode,
    pub(crate) impairment: Option<Impairment>,
    /// Where the control socket is to be; `None`: where `syndic ss` looks.
    pub(crate) control: Option<PathBuf>,
}

/// A stack that runs on a device.
pub(crate) struct Started<O: Observer + Send + 'static> {
    pub(crate) net: Net<O>,
    /// For a sentence: `tun syndic0`.
    pub(crate) device: String,
    /// What the device lost, if it can tell.
    pub(crate) meter: Option<Meter>,
}

impl Network {
    /// Makes the TUN or TAP, or attaches to the one of that name.
    ///
    /// Errors: an address that the kernel has on another interface, or what [`Tun::open`] says.
    pub(crate) fn open(&self, layer: Layer, name: Option<&str>) -> anyhow::Result<Tun> {
        self.refuse_taken_addresses()?;
        Ok(Tun::open(&self.options(layer, name))?)
    }

    fn options(&self, layer: Layer, name: Option<&str>) -> TunOptions {
        TunOptions {
            name: name.map(str::to_owned),
            layer,
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
        }
    }

    /// Starts our stack on the device, made worse where that was asked for, in so many shards with an observer each. Call it in
    /// a runtime.
    pub(crate) fn start<O: Observer + Send + 'static>(
        &self,
        config: Config,
        shards: NonZeroUsize,
        observer: impl FnMut(usize) -> O,
    ) -> anyhow::Result<Started<O>> {
        match &self.device {
            Device::Tun(name) => self.start_tun(Layer::Ip, name.as_deref(), config, shards, observer),
            Device::Tap(name) => self.start_tun(Layer::Ethernet, name.as_deref(), config, shards, observer),
            Device::Packet(interface) => {
                self.refuse_taken_addresses()?;
                let packet = Packet::open(&PacketOptions {
                    interface: interface.clone(),
                    addresses: self.ours(),
                })?;
                self.start_frames(packet, "packet", config, observer)
            }
            Device::Xdp { interface, queue } => {
                self.refuse_taken_addresses()?;
                let xdp = Xdp::open(&XdpOptions {
                    interface: interface.clone(),
                    queue: *queue,
                    addresses: self.ours(),
                })?;
                let kind = if xdp.is_zero_copy() { "xdp, zero-copy," } else { "xdp" };
                self.start_frames(xdp, kind, config, observer)
            }
        }
    }

    fn start_tun<O: Observer + Send + 'static>(
        &self,
        layer: Layer,
        name: Option<&str>,
        config: Config,
        shards: NonZeroUsize,
        observer: impl FnMut(usize) -> O,
    ) -> anyhow::Result<Started<O>> {
        // A bad path is one path, whatever stands behind it.
        let queues = match self.impairment {
            None => shards,
            Some(_) => NonZeroUsize::MIN,
        };
        self.refuse_taken_addresses()?;
        let queues = Tun::open_queues(&self.options(layer, name), queues)?;
        let name = queues.first().map(Tun::name).unwrap_or_default().to_owned();
        let links: io::Result<Vec<AsyncTun>> = queues.into_iter().map(Tun::into_async).collect();
        let links = links.with_context(|| format!("cannot wait for packets on {name}"))?;
        let (kind, medium) = match layer {
            Layer::Ip => ("tun", Medium::Ip),
            Layer::Ethernet => ("tap", self.ethernet(self.station())?),
        };
        Ok(Started {
            net: self.start_links(links, medium, config, shards, observer)?,
            device: format!("kernel side {}, {kind} {name}", self.kernel_side()),
            meter: None,
        })
    }

    fn start_frames<O: Observer + Send + 'static>(
        &self,
        link: impl FrameLink + syndic::Link,
        kind: &str,
        config: Config,
        observer: impl FnMut(usize) -> O,
    ) -> anyhow::Result<Started<O>> {
        let mac = Mac(link.hardware_address());
        let meter = Some(link.meter());
        let device = match self.device.name() {
            Some(name) => format!("{kind} {name}, {mac}"),
            None => format!("{kind} {mac}"),
        };
        Ok(Started {
            net: self.start_links(vec![link], self.ethernet(mac)?, config, NonZeroUsize::MIN, observer)?,
            device,
            meter,
        })
    }

    /// Starts a shard on each link, or where they are made worse, so many on the one that there is.
    fn start_links<O: Observer + Send + 'static, L: syndic::Link>(
        &self,
        links: Vec<L>,
        medium: Medium,
        config: Config,
        shards: NonZeroUsize,
        observer: impl FnMut(usize) -> O,
    ) -> anyhow::Result<Net<O>> {
        let config = Config {
            addresses: self.ours(),
            medium,
            ecn: self.ecn,
            ..config
        };
        let started = match self.impairment {
            None => Net::sharded_observed(links, config, observer),
            Some(impairment) => {
                let impaired = links.into_iter().map(|link| Impaired::new(link, impairment));
                let parts = impaired.flat_map(|link| syndic::link::share(link, shards));
                Net::sharded_observed(parts, config, observer)
            }
        };
        started.context("cannot start the stack")
    }

    /// Who we are on an Ethernet.
    fn ethernet(&self, mac: Mac) -> anyhow::Result<Medium> {
        let on_link: Result<Vec<_>, _> = self
            .subnets
            .iter()
            .map(|subnet| stack::flood::Subnet::new(subnet.ours, subnet.prefix))
            .collect();
        // Whoever made a TAP without a word about gateways has one neighbour, the kernel, who may forward.
        let gateways = match (&self.device, &*self.gateways) {
            (Device::Tap(_), []) => self.subnets.iter().map(|subnet| subnet.kernel).collect(),
            (_, gateways) => gateways.to_vec(),
        };
        Ok(Medium::Ethernet(EthernetOptions::new(mac, on_link?, gateways)))
    }

    /// The hardware address of ours on a TAP: the same whenever our addresses are, so that neighbours need not learn anew.
    fn station(&self) -> Mac {
        let last = match self.subnets.first().map(|subnet| subnet.ours) {
            Some(IpAddr::V4(v4)) => v4.octets(),
            Some(IpAddr::V6(v6)) => {
                let [.., a, b, c, d] = v6.octets();
                [a, b, c, d]
            }
            None => [0; 4],
        };
        let [a, b, c, d] = last;
        // Locally administered, and of one station (RFC 9542 section 2.1).
        Mac([0x02, 0x53, a, b, c, d])
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

    /// Where a server can be, for the end of a sentence.
    pub(crate) fn who_is_there(&self) -> String {
        if self.device.has_kernel_side() {
            return format!("the server is at the kernel's side, {}", self.kernel_side());
        }
        let subnets: Vec<String> = self.subnets.iter().map(Subnet::to_string).collect();
        format!("we are {}", subnets.join(" and "))
    }

    /// The kernel's addresses, for a sentence.
    fn kernel_side(&self) -> String {
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
            if !self.device.has_kernel_side() {
                continue;
            }
            // An administrator may have prepared the device itself.
            let is_prepared = self.device.name() == Some(&interface);
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
