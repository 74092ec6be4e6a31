//! The networks: this kernel's clients, and behind a veth or a TUN whoever answers.
//!
//! ```text
//!            10.77.1.1 ──veth, MTU 1500── 10.77.1.2  far: this kernel again, nginx
//!   near ──┤
//!            10.77.2.1 ──TUN, MTU 1500─── 10.77.2.2  ours, smoltcp, the ceiling: one after the other
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::who::Who;
use crate::rig::namespace::Namespace;

/// The TUN's name.
pub(super) const TUN: &str = "peer0";
/// The subnet that is ours behind the TUN, as `syndic serve --addr` wants it.
pub(super) const BEHIND_TUN: &str = "10.77.2.2/24";
/// The kernel's side of the TUN.
pub(super) const TUN_GATE: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 1);

const LINUX: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 2);
pub(super) const TUN_PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 2);

/// So that a client that opens tens of thousands of connections a second finds a port for each.
const CLIENTS: &[(&str, &str)] = &[
    ("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535"),
    ("/proc/sys/net/ipv4/tcp_tw_reuse", "1"),
];

/// Both sides, until it is dropped.
pub(super) struct Network {
    /// Where clients are, and the TUN.
    pub(super) near: Namespace,
    pub(super) far: Namespace,
}

impl Network {
    /// Errors: neither root nor a user namespace, or what `ip` says.
    pub(super) fn new() -> anyhow::Result<Self> {
        let (near, far) = (Namespace::new()?, Namespace::new()?);
        near.set(CLIENTS)?;
        near.ip(format!(
            "link set lo up\n\
             link add veth0 type veth peer name veth1 netns {}\n\
             address add 10.77.1.1/24 dev veth0\n\
             link set veth0 up\n\
             route replace 10.77.1.0/24 dev veth0 proto kernel scope link src 10.77.1.1 congctl cubic",
            far.path().display()
        ))?;
        far.ip("address add 10.77.1.2/24 dev veth1\n\
             link set veth1 up\n\
             route replace 10.77.1.0/24 dev veth1 proto kernel scope link src 10.77.1.2 congctl cubic"
            .to_owned())?;
        Ok(Self { near, far })
    }

    /// Where a server is started.
    pub(super) fn home(&self, who: Who) -> &Namespace {
        match who {
            Who::Linux | Who::Nginx => &self.far,
            Who::Ours | Who::Smoltcp | Who::Ceiling => &self.near,
        }
    }

    /// Where clients find a server.
    pub(super) fn address(who: Who, port: u16) -> SocketAddr {
        let address = match who {
            Who::Linux | Who::Nginx => LINUX,
            Who::Ours | Who::Smoltcp | Who::Ceiling => TUN_PEER,
        };
        SocketAddr::new(IpAddr::V4(address), port)
    }

    /// Gives the TUN that smoltcp made its address, and brings it up.
    pub(super) fn address_tun(&self) -> anyhow::Result<()> {
        self.near.ip(format!(
            "address add {TUN_GATE}/24 dev {TUN}\nlink set {TUN} mtu 1500 up"
        ))
    }

    /// Pins CUBIC on the way into the TUN.
    pub(super) fn pin_tun(&self) -> anyhow::Result<()> {
        self.near.ip(format!(
            "route replace 10.77.2.0/24 dev {TUN} proto kernel scope link src {TUN_GATE} congctl cubic"
        ))
    }
}
