//! To whom a datagram is handed: the longest of the prefixes that its destination lies in.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use crate::flood::Subnet;
use crate::medium::{NextHop, Route};

/// Where every link-local address is.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);

/// A shorter network than this has no broadcast address (RFC 3021).
const BROADCAST_PREFIX_MAX: u8 = 30;

/// The routes, the longest prefix first.
#[derive(Debug, Clone)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    /// These routes, of equal prefixes the first, without those that lead nowhere; and `fe80::/64` behind them.
    pub(crate) fn new(routes: &[Route]) -> Self {
        let leads_somewhere = |route: &Route| match route.by {
            NextHop::OnLink => true,
            NextHop::Gateway(gateway) => gateway.is_ipv4() == route.to.network().is_ipv4(),
        };
        let mut sorted: Vec<Route> = routes.iter().copied().filter(leads_somewhere).collect();
        sorted.push(Route::on_link(Subnet::around(LINK_LOCAL.into(), 64)));
        sorted.sort_by_key(|route| core::cmp::Reverse(route.to.prefix()));
        Self(sorted)
    }

    /// Who takes a datagram to this destination: an address on the link.
    pub(crate) fn next_hop(&self, destination: IpAddr) -> Option<IpAddr> {
        match self.route(destination)?.by {
            NextHop::OnLink => Some(destination),
            NextHop::Gateway(gateway) => Some(gateway),
        }
    }

    /// Whether this is the address of a neighbour: it lies on the link, or is that of a gateway.
    pub(crate) fn is_neighbour(&self, address: IpAddr) -> bool {
        let is_on_link = self.route(address).is_some_and(|route| route.by == NextHop::OnLink);
        (is_on_link && !self.is_of_all(address)) || self.is_gateway(address)
    }

    /// Whether this is a gateway's address.
    pub(crate) fn is_gateway(&self, address: IpAddr) -> bool {
        self.0.iter().any(|route| route.by == NextHop::Gateway(address))
    }

    /// Whether this is the first or last address of an IPv4 subnet on the link, and so nobody's own.
    ///
    /// Spec: RFC 1122 section 3.2.1.3 (d) and (e).
    pub(crate) fn is_of_all(&self, address: IpAddr) -> bool {
        address.is_ipv4()
            && self.0.iter().any(|Route { to, by }| {
                *by == NextHop::OnLink
                    && to.prefix() <= BROADCAST_PREFIX_MAX
                    && (to.network() == address || to.last() == address)
            })
    }

    /// Which of our addresses speaks to this neighbour: one of its own subnet, else the first of its family.
    pub(crate) fn source_towards(&self, neighbour: IpAddr, ours: &[IpAddr]) -> Option<IpAddr> {
        let of_family = || ours.iter().copied().filter(|own| own.is_ipv4() == neighbour.is_ipv4());
        let subnet = self.route(neighbour).map(|route| route.to);
        let beside = of_family().find(|own| subnet.is_some_and(|subnet| subnet.contains(*own)));
        beside.or_else(|| of_family().next())
    }

    /// Which of our addresses a connection to this destination starts from: one of the subnet where the destination or its
    /// gateway is, but no link-local one for what lies beyond the link; else the first of the family.
    pub(crate) fn source_of_connection(&self, destination: IpAddr, ours: &[IpAddr]) -> Option<IpAddr> {
        let of_family = || {
            ours.iter()
                .copied()
                .filter(|own| own.is_ipv4() == destination.is_ipv4())
        };
        let is_local = is_link_local(destination);
        let beside = self
            .next_hop(destination)
            .and_then(|hop| self.source_towards(hop, ours))
            .filter(|own| is_link_local(*own) == is_local);
        beside
            .or_else(|| of_family().find(|own| is_link_local(*own) == is_local))
            .or_else(|| of_family().next())
    }

    fn route(&self, destination: IpAddr) -> Option<&Route> {
        self.0.iter().find(|route| route.to.contains(destination))
    }
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    fn routes() -> Routes {
        Routes::new(&[
            Route::default_by(ip("192.0.2.1")),
            Route::default_by(ip("fe80::1")),
            Route::on_link(subnet("192.0.2.0/24")),
            Route::on_link(subnet("198.51.100.0/31")),
            Route::on_link(subnet("2001:db8::/64")),
            Route {
                to: subnet("192.0.2.128/25"),
                by: NextHop::Gateway(ip("192.0.2.9")),
            },
            Route {
                to: subnet("192.0.2.128/25"),
                by: NextHop::Gateway(ip("192.0.2.10")),
            },
            Route {
                to: subnet("203.0.113.0/24"),
                by: NextHop::Gateway(ip("2001:db8::9")),
            },
        ])
    }

    #[test]
    fn the_longest_prefix_wins_and_of_equal_ones_the_first() {
        for (name, to, hop) in [
            ("on the link", "192.0.2.7", "192.0.2.7"),
            ("beyond", "203.0.113.5", "192.0.2.1"),
            ("a part behind another gateway", "192.0.2.200", "192.0.2.9"),
            ("IPv6 on the link", "2001:db8::7", "2001:db8::7"),
            ("IPv6 beyond", "2001:db8:1::7", "fe80::1"),
            ("link-local", "fe80::7", "fe80::7"),
        ] {
            assert_eq!(routes().next_hop(ip(to)), Some(ip(hop)), "{name}");
        }
        let none = Routes::new(&[]);
        assert_eq!(none.next_hop(ip("192.0.2.7")), None);
        assert_eq!(none.next_hop(ip("fe80::7")), Some(ip("fe80::7")));
    }

    #[test]
    fn who_is_a_neighbour() {
        for (address, is_neighbour, is_of_all) in [
            ("192.0.2.7", true, false),
            ("192.0.2.0", false, true),
            ("192.0.2.255", false, true),
            ("198.51.100.0", true, false),
            ("198.51.100.1", true, false),
            ("192.0.2.200", false, false),
            ("192.0.2.9", true, false),
            ("203.0.113.5", false, false),
            ("2001:db8::", true, false),
            ("fe80::1", true, false),
            ("2001:db8:1::7", false, false),
        ] {
            assert_eq!(routes().is_neighbour(ip(address)), is_neighbour, "{address}");
            assert_eq!(routes().is_of_all(ip(address)), is_of_all, "{address}");
        }
        assert!(routes().is_gateway(ip("fe80::1")) && !routes().is_gateway(ip("192.0.2.7")));
    }

    #[test]
    fn which_of_our_addresses_speaks() {
        let ours = ["fe80::2", "198.51.100.1", "192.0.2.2", "2001:db8::2"].map(ip);
        for (name, to, neighbour, connection) in [
            ("its own subnet", "192.0.2.7", "192.0.2.2", "192.0.2.2"),
            ("the gateway's subnet", "203.0.113.5", "198.51.100.1", "192.0.2.2"),
            ("link-local", "fe80::7", "fe80::2", "fe80::2"),
            ("IPv6", "2001:db8::7", "2001:db8::2", "2001:db8::2"),
            ("behind a link-local gateway", "2001:db8:1::7", "fe80::2", "2001:db8::2"),
        ] {
            let routes = routes();
            let connects = routes.source_of_connection(ip(to), &ours);
            assert_eq!(connects, Some(ip(connection)), "{name}");
            let speaks = routes.source_towards(ip(to), &ours);
            assert_eq!(speaks, Some(ip(neighbour)), "{name}");
        }
        let only = vec![ip("192.0.2.2")];
        assert_eq!(routes().source_of_connection(ip("2001:db8::7"), &only), None);
    }
}
