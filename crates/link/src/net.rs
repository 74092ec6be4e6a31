//! The network around a link: loopback, interfaces that are up, addresses, routes.
//!
//! These calls block for about a millisecond each. They need `CAP_NET_ADMIN` over the network namespace of the calling
//! thread, which [`crate::namespace::enter`] gives without root.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::route::{RouteMessage, RouteScope};

use crate::error::LinkError;
use crate::netlink::{self, refusal};

/// Where packets for a network go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network. Bits beyond the prefix do not count.
    pub destination: IpAddr,
    /// Units: bits. Bounds: at most 32 for IPv4 and 128 for IPv6; 0 makes the default route.
    pub prefix: u8,
    /// The next step on the way there.
    pub via: Via,
}

/// The next step of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Straight into the interface of this name.
    Device(String),
    /// To this neighbour, of the same IP version, on whatever interface reaches it.
    Gateway(IpAddr),
}

/// Brings the loopback interface up. In a new network namespace it is down, and the kernel cannot talk to itself.
///
/// Errors: [`LinkError::NotPermitted`].
pub fn up_loopback() -> Result<(), LinkError> {
    up("lo")
}

/// Brings an interface up. One that is up already is left alone, and needs no privilege.
///
/// Errors: [`LinkError::NoSuchInterface`], [`LinkError::NotPermitted`].
pub fn up(interface: &str) -> Result<(), LinkError> {
    netlink::run(async |handle| {
        netlink::interface(handle, interface)
            .await?
            .bring_up(handle, None)
            .await
    })
}

/// Gives an interface an address with its prefix length, and so the route to that network.
///
/// Errors: [`LinkError::BadAddress`], [`LinkError::BadPrefix`], [`LinkError::AddressTaken`],
/// [`LinkError::NoSuchInterface`], [`LinkError::Ipv6Disabled`], [`LinkError::NotPermitted`].
pub fn add_address(interface: &str, address: IpAddr, prefix: u8) -> Result<(), LinkError> {
    check_address(address, prefix)?;
    netlink::run(async |handle| {
        netlink::interface(handle, interface)
            .await?
            .add_address(handle, address, prefix)
            .await
    })
}

/// Adds a route to the main table.
///
/// Errors: [`LinkError::BadPrefix`], [`LinkError::RouteTaken`], [`LinkError::GatewayUnreachable`],
/// [`LinkError::NoSuchInterface`], [`LinkError::NotPermitted`].
pub fn add_route(route: &Route) -> Result<(), LinkError> {
    check_prefix(route.destination, route.prefix)?;
    netlink::run(async |handle| {
        let device = match &route.via {
            Via::Device(name) => Some(netlink::interface(handle, name).await?.index),
            Via::Gateway(_) => None,
        };
        let Err(error) = handle.route().add(route.message(device)?).execute().await else {
            return Ok(());
        };
        let source = refusal(error);
        let Route {
            destination, prefix, ..
        } = *route;
        Err(match (source.raw_os_error(), &route.via) {
            (Some(libc::EEXIST), _) => LinkError::RouteTaken { destination, prefix },
            (Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EINVAL), Via::Gateway(gateway)) => {
                LinkError::GatewayUnreachable { gateway: *gateway }
            }
            _ => LinkError::from_io(format!("add a route to {destination}/{prefix}"), source),
        })
    })
}

impl Route {
    fn message(&self, device: Option<u32>) -> Result<RouteMessage, LinkError> {
        let network = network(self.destination, self.prefix);
        Ok(match (network, &self.via) {
            (IpAddr::V4(network), Via::Gateway(IpAddr::V4(gateway))) => RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(network, self.prefix)
                .gateway(*gateway)
                .build(),
            (IpAddr::V6(network), Via::Gateway(IpAddr::V6(gateway))) => RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(network, self.prefix)
                .gateway(*gateway)
                .build(),
            (_, Via::Gateway(gateway)) => return Err(LinkError::GatewayUnreachable { gateway: *gateway }),
            (IpAddr::V4(network), Via::Device(_)) => RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(network, self.prefix)
                .output_interface(device.unwrap_or(0))
                .scope(RouteScope::Link)
                .build(),
            (IpAddr::V6(network), Via::Device(_)) => RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(network, self.prefix)
                .output_interface(device.unwrap_or(0))
                .build(),
        })
    }
}

/// Refuses what no interface can have as its address.
pub(crate) fn check_address(address: IpAddr, prefix: u8) -> Result<(), LinkError> {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(LinkError::BadAddress { address });
    }
    check_prefix(address, prefix)
}

fn check_prefix(address: IpAddr, prefix: u8) -> Result<(), LinkError> {
    let max = if address.is_ipv4() { 32 } else { 128 };
    if prefix > max {
        return Err(LinkError::BadPrefix { address, prefix });
    }
    Ok(())
}

/// The address with the bits beyond the prefix cleared, as the kernel wants networks written.
fn network(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::in_private_namespace;
    use crate::{Tun, TunOptions};

    #[test]
    fn bits_beyond_the_prefix_are_cleared() {
        for (address, prefix, expected) in [
            ("10.7.0.9", 24, "10.7.0.0"),
            ("10.7.0.9", 32, "10.7.0.9"),
            ("10.7.0.9", 31, "10.7.0.8"),
            ("10.7.0.9", 0, "0.0.0.0"),
            ("fd00:1:2:3:4::5", 64, "fd00:1:2:3::"),
            ("fd00::5", 128, "fd00::5"),
            ("fd00::5", 0, "::"),
        ] {
            let cleared = network(address.parse().unwrap(), prefix);
            assert_eq!(cleared, expected.parse::<IpAddr>().unwrap(), "{address}/{prefix}");
        }
    }

    /// What adding the route says; empty when it is there then.
    fn add(destination: &str, prefix: u8, via: Via) -> String {
        let destination = destination.parse().unwrap();
        add_route(&Route {
            destination,
            prefix,
            via,
        })
        .err()
        .map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn routes_lead_into_the_link() {
        in_private_namespace("net::tests::routes_lead_into_the_link", || {
            let addresses = vec![("10.7.0.1".parse().unwrap(), 24), ("fd07::1".parse().unwrap(), 64)];
            let tun = Tun::open(&TunOptions {
                addresses,
                ..TunOptions::default()
            })
            .unwrap();
            let device = || Via::Device(tun.name().to_owned());
            let gateway = |address: &str| Via::Gateway(address.parse().unwrap());
            let socket = std::net::UdpSocket::bind("10.7.0.1:0").unwrap();
            assert!(socket.connect("192.0.2.1:9").is_err());
            let rows = [
                ("192.0.2.1", 24, device(), ""),
                ("192.0.2.0", 24, device(), "a route to 192.0.2.0/24 exists already"),
                ("2001:db8::", 32, device(), ""),
                ("198.51.100.0", 24, gateway("10.7.0.2"), ""),
                ("2001:db8:1::", 48, gateway("fd07::2"), ""),
                ("0.0.0.0", 0, gateway("10.7.0.2"), ""),
                (
                    "203.0.113.0",
                    24,
                    gateway("fd07::2"),
                    "the gateway fd07::2 cannot be reached",
                ),
                (
                    "203.0.113.0",
                    33,
                    device(),
                    "a prefix of 33 bits is too long for 203.0.113.0",
                ),
                (
                    "203.0.113.0",
                    24,
                    Via::Device("nowhere".into()),
                    "there is no interface nowhere",
                ),
            ];
            for (destination, prefix, via, expected) in rows {
                let said = add(destination, prefix, via.clone());
                assert_eq!(
                    said.is_empty(),
                    expected.is_empty(),
                    "{destination}/{prefix} {via:?}: {said}"
                );
                assert!(said.starts_with(expected), "{destination}/{prefix} {via:?}: {said}");
            }
            assert!(socket.connect("192.0.2.1:9").is_ok());
        });
    }

    #[test]
    fn a_gateway_must_be_a_neighbour() {
        in_private_namespace("net::tests::a_gateway_must_be_a_neighbour", || {
            for (destination, gateway) in [("192.0.2.0", "10.9.9.9"), ("2001:db8::", "fd09::9")] {
                let said = add(destination, 24, Via::Gateway(gateway.parse().unwrap()));
                assert!(
                    said.starts_with(&format!("the gateway {gateway} cannot be reached")),
                    "{said}"
                );
            }
        });
    }

    #[test]
    fn addresses_are_added_once() {
        in_private_namespace("net::tests::addresses_are_added_once", || {
            let address = "10.7.0.1".parse().unwrap();
            add_address("lo", address, 24).unwrap();
            assert!(std::net::UdpSocket::bind((address, 0)).is_ok());
            assert!(matches!(
                add_address("lo", address, 24),
                Err(LinkError::AddressTaken { .. })
            ));
            assert!(matches!(
                add_address("nowhere", address, 24),
                Err(LinkError::NoSuchInterface { .. })
            ));
            let multicast = "224.0.0.1".parse().unwrap();
            assert!(matches!(
                add_address("lo", multicast, 24),
                Err(LinkError::BadAddress { .. })
            ));
        });
    }
}
