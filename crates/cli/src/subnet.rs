//! Our address on a device, and the kernel's beside it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, bail};

/// An address of ours with the subnet that it lies in. The kernel has another address of the same subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    /// The stack's own address.
    pub(crate) ours: IpAddr,
    /// The kernel's: the first host address of the subnet that is not ours.
    pub(crate) kernel: IpAddr,
    /// Units: bits. Bounds: 8 to 31 for IPv4, 8 to 127 for IPv6.
    pub(crate) prefix: u8,
}

/// The widest subnet: no registry gives out a wider one, and the first address of a wider one is no host's.
const PREFIX_MIN: u8 = 8;

impl Subnet {
    /// Reads `10.7.0.2/24` or `fd07::2/64`.
    ///
    /// Errors: not an address and a prefix; a prefix that leaves no room for two hosts; an address that no single host
    /// may have: the network's own, broadcast, multicast, loopback, unspecified, an IPv4 address in IPv6 form.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let (address, prefix) = text
            .split_once('/')
            .with_context(|| format!("`{text}` has no prefix: write an address as 10.7.0.2/24 or fd07::2/64"))?;
        let ours: IpAddr = address
            .parse()
            .ok()
            .with_context(|| format!("`{address}` is not an IP address: write it as 10.7.0.2/24 or fd07::2/64"))?;
        let widest = width(ours) - 1;
        let prefix = prefix
            .parse()
            .ok()
            .filter(|prefix| (PREFIX_MIN..=widest).contains(prefix))
            .with_context(|| {
                format!("`/{prefix}` is out of range: a subnet for two hosts has a prefix of {PREFIX_MIN} to {widest}")
            })?;
        refuse_impossible(ours, prefix)?;
        let kernel = first_other_host(ours, prefix);
        Ok(Self { ours, kernel, prefix })
    }

    /// Whether the address lies in the subnet.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.ours.is_ipv4() == address.is_ipv4() && network(self.ours, self.prefix) == network(address, self.prefix)
    }

    /// Whether the two subnets share an address.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let prefix = self.prefix.min(other.prefix);
        self.ours.is_ipv4() == other.ours.is_ipv4() && network(self.ours, prefix) == network(other.ours, prefix)
    }
}

/// As it was written: `10.7.0.2/24`.
impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ours, self.prefix)
    }
}

fn refuse_impossible(ours: IpAddr, prefix: u8) -> anyhow::Result<()> {
    if ours.is_unspecified() || ours.is_loopback() || ours.is_multicast() {
        bail!("{ours} cannot be a host's address here: take one such as 10.7.0.2/24 or fd07::2/64");
    }
    if matches!(ours, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        bail!("{ours} is an IPv4 address in IPv6 form: write it as IPv4");
    }
    if matches!(ours, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        bail!("{ours} is a link-local address: take one such as fd07::2/64");
    }
    // With one bit for hosts both addresses are hosts' (RFC 3021, RFC 6164).
    let has_network_address = prefix < width(ours) - 1;
    if has_network_address && bits(ours) == network(ours, prefix) {
        let example = address_like(ours, network(ours, prefix) + 2);
        bail!("{ours}/{prefix} is the network itself: take a host's address in it such as {example}/{prefix}");
    }
    if has_network_address && ours.is_ipv4() && bits(ours) == last(ours, prefix) {
        bail!("{ours}/{prefix} is the network's broadcast address: take a host's address in it");
    }
    Ok(())
}

fn first_other_host(ours: IpAddr, prefix: u8) -> IpAddr {
    let has_network_address = prefix < width(ours) - 1;
    let first = network(ours, prefix) + u128::from(has_network_address);
    let other = if first == bits(ours) { first + 1 } else { first };
    address_like(ours, other)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address of `family`'s family with these bits.
fn address_like(family: IpAddr, bits: u128) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::from_bits(bits as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
    }
}

/// The bits that hosts of a subnet differ in.
fn host_mask(address: IpAddr, prefix: u8) -> u128 {
    (1 << (width(address) - prefix)) - 1
}

fn network(address: IpAddr, prefix: u8) -> u128 {
    bits(address) & !host_mask(address, prefix)
}

fn last(address: IpAddr, prefix: u8) -> u128 {
    bits(address) | host_mask(address, prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_gets_the_first_other_host_address() {
        for (name, text, kernel) in [
            ("the usual one", "10.7.0.2/24", "10.7.0.1"),
            ("ours is the first", "10.7.0.1/24", "10.7.0.2"),
            ("far up in the subnet", "10.7.0.200/24", "10.7.0.1"),
            ("not on a byte's border", "10.7.0.130/25", "10.7.0.129"),
            ("two addresses, the upper", "10.7.0.3/31", "10.7.0.2"),
            ("two addresses, the lower", "10.7.0.2/31", "10.7.0.3"),
            ("the smallest with a network address", "10.7.0.2/30", "10.7.0.1"),
            ("a wide one", "10.7.0.2/8", "10.0.0.1"),
            ("IPv6", "fd07::2/64", "fd07::1"),
            ("IPv6, ours is the first", "fd07::1/64", "fd07::2"),
            ("IPv6, two addresses", "fd07::/127", "fd07::1"),
        ] {
            let subnet = Subnet::parse(text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            assert_eq!(subnet.kernel.to_string(), kernel, "{name}");
            assert_eq!(subnet.to_string(), text, "{name}");
            assert!(subnet.contains(subnet.kernel) && subnet.contains(subnet.ours), "{name}");
            assert!(!subnet.contains("198.51.100.1".parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_an_address_of_ours_is_refused() {
        for (name, text, says) in [
            ("no prefix", "10.7.0.2", "has no prefix"),
            ("no address", "10.7.0/24", "is not an IP address"),
            ("empty", "", "has no prefix"),
            ("prefix is no number", "10.7.0.2/x", "out of range"),
            ("prefix too wide", "10.7.0.2/7", "out of range"),
            ("prefix without room", "10.7.0.2/32", "out of range"),
            ("prefix beyond the width", "10.7.0.2/33", "out of range"),
            ("IPv6 prefix without room", "fd07::2/128", "out of range"),
            ("IPv6 prefix beyond the width", "fd07::2/129", "out of range"),
            (
                "network",
                "10.7.0.0/24",
                "the network itself: take a host's address in it such as 10.7.0.2/24",
            ),
            ("IPv6 network", "fd07::/64", "the network itself"),
            ("broadcast", "10.7.0.255/24", "broadcast"),
            ("unspecified", "0.0.0.0/8", "cannot be a host's"),
            ("loopback", "127.0.0.2/8", "cannot be a host's"),
            ("multicast", "224.0.0.1/8", "cannot be a host's"),
            ("IPv6 multicast", "ff02::1/64", "cannot be a host's"),
            ("IPv4 in IPv6 form", "::ffff:10.7.0.2/120", "write it as IPv4"),
            ("link-local", "fe80::2/64", "link-local"),
        ] {
            let wrong = Subnet::parse(text).expect_err(name).to_string();
            assert!(wrong.contains(says), "{name}: {wrong}");
        }
    }

    #[test]
    fn subnets_overlap_when_one_holds_the_other() {
        let subnet = |text| Subnet::parse(text).unwrap();
        for (name, a, b, expected) in [
            ("the same", "10.7.0.2/24", "10.7.0.3/24", true),
            ("one in the other", "10.7.0.2/16", "10.7.9.2/24", true),
            ("side by side", "10.7.0.2/24", "10.7.1.2/24", false),
            ("families", "10.7.0.2/24", "fd07::2/64", false),
        ] {
            assert_eq!(subnet(a).overlaps(&subnet(b)), expected, "{name}");
        }
    }
}
