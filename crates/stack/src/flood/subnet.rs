//! An address with the length of its prefix: `192.0.2.0/24`.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// All addresses that begin with the same bits.
///
/// Spec: RFC 4632 section 3.1; RFC 4291 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    /// Its first address.
    network: IpAddr,
    /// Units: bits.
    prefix: u8,
}

/// Not a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSubnet {
    /// What stands before the slash is no IP address.
    #[error("not an IP address: write a subnet as 192.0.2.0/24 or 2001:db8::/48")]
    Address,
    /// The prefix is no number, or is longer than the address.
    #[error("not a prefix length: 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Prefix,
}

impl Subnet {
    /// The subnet that the address lies in.
    ///
    /// Errors: a prefix longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, BadSubnet> {
        let subnet = Self::around(address, prefix);
        if subnet.prefix == prefix {
            Ok(subnet)
        } else {
            Err(BadSubnet::Prefix)
        }
    }

    /// The subnet that the address lies in. A prefix longer than the address is cut to its length.
    pub(crate) fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(if address.is_ipv4() { 32 } else { 128 });
        let network = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !v4_hosts(prefix))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !v6_hosts(prefix))),
        };
        Self { network, prefix }
    }

    /// Its first address.
    pub const fn network(&self) -> IpAddr {
        self.network
    }

    /// Its last address.
    pub fn last(&self) -> IpAddr {
        match self.network {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | v4_hosts(self.prefix))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | v6_hosts(self.prefix))),
        }
    }

    /// How many bits its addresses share. Units: bits.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the address lies in it. An IPv4 address never lies in an IPv6 subnet.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.network.is_ipv4() && (self.network..=self.last()).contains(&address)
    }
}

/// The subnet of one address.
impl From<IpAddr> for Subnet {
    fn from(address: IpAddr) -> Self {
        Self::around(address, 128)
    }
}

/// `192.0.2.0/24`, or an address alone. Bits beyond the prefix are cleared.
impl FromStr for Subnet {
    type Err = BadSubnet;

    fn from_str(text: &str) -> Result<Self, BadSubnet> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadSubnet::Address)?;
        match prefix {
            Some(prefix) => Self::new(address, prefix.parse().map_err(|_| BadSubnet::Prefix)?),
            None => Ok(address.into()),
        }
    }
}

/// As it is read.
impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The bits that its hosts differ in.
fn v4_hosts(prefix: u8) -> u32 {
    u32::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

fn v6_hosts(prefix: u8) -> u128 {
    u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_subnet_is_read_and_written() {
        for (name, text, written, last) in [
            ("the usual one", "192.0.2.0/24", "192.0.2.0/24", "192.0.2.255"),
            ("host bits are cleared", "192.0.2.77/25", "192.0.2.0/25", "192.0.2.127"),
            ("an address alone", "192.0.2.77", "192.0.2.77/32", "192.0.2.77"),
            ("all of IPv4", "192.0.2.77/0", "0.0.0.0/0", "255.255.255.255"),
            ("IPv6", "2001:db8::1/127", "2001:db8::/127", "2001:db8::1"),
            ("an IPv6 address alone", "2001:db8::1", "2001:db8::1/128", "2001:db8::1"),
            (
                "all of IPv6",
                "::1/0",
                "::/0",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
        ] {
            let subnet: Subnet = text.parse().expect(name);
            assert_eq!(subnet.to_string(), written, "{name}");
            assert_eq!(subnet.last().to_string(), last, "{name}");
            assert!(
                subnet.contains(subnet.network()) && subnet.contains(subnet.last()),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_subnet_says_why() {
        for (name, text, wrong) in [
            ("empty", "", BadSubnet::Address),
            ("no address", "192.0.2/24", BadSubnet::Address),
            ("no prefix", "192.0.2.0/", BadSubnet::Prefix),
            ("prefix too long", "192.0.2.0/33", BadSubnet::Prefix),
            ("IPv6 prefix too long", "2001:db8::/129", BadSubnet::Prefix),
            ("negative prefix", "192.0.2.0/-1", BadSubnet::Prefix),
        ] {
            assert_eq!(text.parse::<Subnet>(), Err(wrong), "{name}");
        }
    }

    #[test]
    fn families_are_kept_apart() {
        let all: Subnet = "::/0".parse().unwrap();
        assert!(!all.contains("192.0.2.1".parse().unwrap()));
    }
}
