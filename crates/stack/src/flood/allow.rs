//! Addresses that no limit binds: a monitor, an office, the load balancer in front.
//!
//! An allow list is for addresses that a stranger cannot spoof from where he is, such as those of our own network behind an
//! edge that filters (RFC 2827). An address that anybody can put in a SYN is an open door when it stands here.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::subnet::Subnet;

/// Any number of subnets, looked up in O(log n): ranges in order, merged where they overlap or touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList {
    /// First and last address of each range.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl AllowList {
    /// The addresses of all these subnets.
    pub fn new(subnets: &[Subnet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for subnet in subnets {
            match (subnet.network(), subnet.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits().into(), last.to_bits().into())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                _ => {}
            }
        }
        Self {
            v4: merged(v4).map(|(first, last)| (first as u32, last as u32)).collect(),
            v6: merged(v6).collect(),
        }
    }

    /// Whether one of the subnets has the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => is_in(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => is_in(&self.v6, v6.to_bits()),
        }
    }

    /// Whether it has no address at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// The same addresses in ranges that are in order and have something between them.
fn merged(mut ranges: Vec<(u128, u128)>) -> impl Iterator<Item = (u128, u128)> {
    ranges.sort_unstable();
    let mut out: Vec<(u128, u128)> = Vec::new();
    for (first, last) in ranges {
        match out.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => out.push((first, last)),
        }
    }
    out.into_iter()
}

fn is_in<T: Ord>(ranges: &[(T, T)], address: T) -> bool {
    let at_or_before = ranges.partition_point(|(first, _)| *first <= address);
    at_or_before
        .checked_sub(1)
        .and_then(|i| ranges.get(i))
        .is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn list(subnets: &[&str]) -> AllowList {
        let subnets: Vec<Subnet> = subnets.iter().map(|text| text.parse().unwrap()).collect();
        AllowList::new(&subnets)
    }

    #[test]
    fn subnets_that_overlap_or_touch_become_one_range() {
        for (name, subnets, v4, v6) in [
            ("none", &[][..], 0, 0),
            ("twice the same", &["10.0.0.0/8", "10.0.0.0/8"], 1, 0),
            ("one in the other", &["10.1.0.0/16", "10.0.0.0/8"], 1, 0),
            ("side by side", &["10.0.0.0/25", "10.0.0.128/25"], 1, 0),
            ("a gap of one", &["10.0.0.0/32", "10.0.0.2/32"], 2, 0),
            ("in any order", &["10.0.0.2/31", "10.0.0.0/31", "10.0.0.4/31"], 1, 0),
            ("the end of the space", &["255.255.255.255/32", "0.0.0.0/0"], 1, 0),
            ("both families", &["0.0.0.0/0", "::/0"], 1, 1),
            ("IPv6 halves", &["::/1", "8000::/1", "ffff::/16"], 0, 1),
        ] {
            let list = list(subnets);
            assert_eq!((list.v4.len(), list.v6.len()), (v4, v6), "{name}");
            assert_eq!(list.is_empty(), v4 + v6 == 0, "{name}");
        }
    }

    #[test]
    fn borders_belong_to_a_subnet_and_families_do_not_mix() {
        let list = list(&["192.0.2.64/26", "2001:db8:1::/48"]);
        for (address, expected) in [
            ("192.0.2.63", false),
            ("192.0.2.64", true),
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("2001:db8:0:ffff:ffff:ffff:ffff:ffff", false),
            ("2001:db8:1::", true),
            ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", true),
            ("2001:db8:2::", false),
            ("::c000:240", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    proptest! {
        #[test]
        fn a_list_has_what_one_of_its_subnets_has(
            v4 in prop::collection::vec((any::<u8>(), 24u8..=32), 0..12),
            v6 in prop::collection::vec((any::<u8>(), 120u8..=128), 0..12),
        ) {
            let v4_address = |low: u8| IpAddr::V4(Ipv4Addr::new(192, 0, 2, low));
            let v6_address = |low: u8| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(low)));
            let subnets: Vec<Subnet> = v4
                .iter()
                .map(|(low, prefix)| Subnet::new(v4_address(*low), *prefix).unwrap())
                .chain(v6.iter().map(|(low, prefix)| Subnet::new(v6_address(*low), *prefix).unwrap()))
                .collect();
            let list = AllowList::new(&subnets);
            for low in 0..=u8::MAX {
                for address in [v4_address(low), v6_address(low)] {
                    let expected = subnets.iter().any(|subnet| subnet.contains(address));
                    prop_assert_eq!(list.contains(address), expected, "{}", address);
                }
            }
        }
    }
}
