//! What a link carries, and on an Ethernet: who we are there, and to whom a datagram is handed.

use alloc::vec::Vec;
use core::net::IpAddr;

use wire::ether::Mac;

use crate::flood::Subnet;

/// What the packets of a link begin with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Medium {
    /// An IP header. The link has two ends, so that whatever is sent goes to the other: TUN, memory.
    #[default]
    Ip,
    /// An Ethernet header: TAP, AF_PACKET, AF_XDP. The stack speaks ARP (RFC 826) and neighbour discovery (RFC 4861) to
    /// find the others.
    Ethernet(EthernetOptions),
}

/// A station on an Ethernet.
///
/// The addresses are [`Config::addresses`](crate::Config::addresses), and [`Config::mtu`](crate::Config::mtu) is that of IP.
/// Nothing is configured by what the network says: router advertisements and redirects are dropped (counted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EthernetOptions {
    /// Our hardware address. Bounds: one of a station ([`Mac::is_station`]), or nobody will answer.
    pub mac: Mac,
    /// To whom datagrams are handed: of the routes that a destination lies in, the one with the longest prefix; where two are
    /// the same, the first. `fe80::/64` is always on the link. What has no route is not sent (counted).
    pub routes: Vec<Route>,
}

impl EthernetOptions {
    /// A station with these subnets on its link, and these gateways for the rest: at most one of each family is asked.
    pub fn new(
        mac: Mac,
        on_link: impl IntoIterator<Item = Subnet>,
        gateways: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let on_link = on_link.into_iter().map(Route::on_link);
        let routes = on_link.chain(gateways.into_iter().map(Route::default_by));
        Self {
            mac,
            routes: routes.collect(),
        }
    }
}

/// Where a subnet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Destinations.
    pub to: Subnet,
    /// Who takes datagrams to them.
    pub by: NextHop,
}

/// Who takes a datagram off our hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHop {
    /// Its destination itself, which is on the link.
    OnLink,
    /// This router, which is on the link. Bounds: of the family of the route's destinations, or the route leads nowhere.
    Gateway(IpAddr),
}

impl Route {
    /// The subnet is on the link.
    pub const fn on_link(to: Subnet) -> Self {
        Self {
            to,
            by: NextHop::OnLink,
        }
    }

    /// Every destination of the gateway's family is behind it.
    pub fn default_by(gateway: IpAddr) -> Self {
        Self {
            to: Subnet::around(gateway, 0),
            by: NextHop::Gateway(gateway),
        }
    }
}
