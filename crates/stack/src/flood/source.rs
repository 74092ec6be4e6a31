//! A source as the limits see it: its address and its prefix, and where each is looked for.

use core::net::IpAddr;

use siphasher::sip::SipHasher13;

use super::subnet::Subnet;
use crate::config::Secrets;
use crate::hash;

/// Who sends, at the two grains that are limited.
///
/// An address is an IPv4 address, or an IPv6 /64, which is what one customer's line has at the least and can walk through at
/// will. A prefix is an IPv4 /24 or an IPv6 /48, the longest that are commonly routed.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    address: IpAddr,
}

impl Source {
    /// The source that sends from this address.
    pub const fn of(address: IpAddr) -> Self {
        Self { address }
    }

    /// The prefix that it is limited and summed up by.
    pub fn prefix(self) -> Subnet {
        Subnet::around(self.address, if self.address.is_ipv4() { 24 } else { 48 })
    }

    /// The address, or for IPv6 the /64.
    pub(crate) const fn address_key(self) -> Key {
        match self.address {
            IpAddr::V4(v4) => Key(Kind::V4Address, v4.to_bits() as u64),
            IpAddr::V6(v6) => Key(Kind::V6Address, (v6.to_bits() >> 64) as u64),
        }
    }

    /// The [`prefix`](Self::prefix).
    pub(crate) const fn prefix_key(self) -> Key {
        match self.address {
            IpAddr::V4(v4) => Key(Kind::V4Prefix, (v4.to_bits() >> 8) as u64),
            IpAddr::V6(v6) => Key(Kind::V6Prefix, (v6.to_bits() >> 80) as u64),
        }
    }
}

/// What is hashed. The kind is hashed with it, so that no two keys look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(Kind, u64);

/// Of what the bits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    V4Address,
    V4Prefix,
    V6Address,
    V6Prefix,
}

/// The keyed hash of sources: a stranger cannot choose who shares a cell with him.
///
/// SipHash-1-3 is enough, for its values never leave the machine.
#[derive(Clone)]
pub(crate) struct Keyed(SipHasher13);

impl Keyed {
    /// With a key of its own for each label.
    pub(crate) fn new(secrets: &Secrets, label: &[u8]) -> Self {
        Self(SipHasher13::new_with_key(&hash::subkey(secrets, label)))
    }

    /// Where the key is looked for. `salt` sets apart what is counted apart for one key.
    pub(crate) fn spot(&self, key: Key, salt: u8) -> Spot {
        let Key(kind, bits) = key;
        let head = u64::from(kind as u8) << 8 | u64::from(salt);
        Spot(match kind {
            // All but the 64 bits of an IPv6 line leave room beside them: one block less.
            Kind::V6Address => self.0.hash([bits, head].map(u64::to_le_bytes).as_flattened()),
            Kind::V4Address | Kind::V4Prefix | Kind::V6Prefix => self.0.hash(&(bits << 16 | head).to_le_bytes()),
        })
    }
}

/// Where a source is looked for, in every table: parts of one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(u64);

/// How many bits of a hash choose a cell or a set: more of them cannot be told apart.
pub(crate) const PLACE_BITS: u32 = 20;

const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

impl Spot {
    /// The whole hash.
    pub(crate) const fn value(self) -> u64 {
        self.0
    }

    /// Its cell in each of the two rows of a sketch. Bounds: under 2^20.
    pub(crate) const fn cells(self) -> [usize; 2] {
        [
            (self.0 & PLACE_MASK) as usize,
            (self.0 >> PLACE_BITS & PLACE_MASK) as usize,
        ]
    }

    /// Its set in the table of proven sources; independent of [`tag`](Self::tag). Bounds: under 2^20.
    pub(crate) const fn set(self) -> usize {
        (self.0 >> (2 * PLACE_BITS) & PLACE_MASK) as usize
    }

    /// What tells it from others in its set. Bounds: 1 to 2^20 - 1.
    pub(crate) const fn tag(self) -> u32 {
        let tag = (self.0 & PLACE_MASK) as u32;
        if tag == 0 { 1 } else { tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Source {
        Source::of(address.parse().unwrap())
    }

    #[test]
    fn addresses_and_prefixes_are_told_apart_at_their_grain() {
        for (name, a, b, same_address, same_prefix) in [
            ("one address", "192.0.2.1", "192.0.2.1", true, true),
            ("one /24", "192.0.2.1", "192.0.2.254", false, true),
            ("neighbouring /24", "192.0.2.255", "192.0.3.0", false, false),
            ("one /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true, true),
            ("one /48", "2001:db8:0:1::1", "2001:db8:0:2::1", false, true),
            (
                "neighbouring /48",
                "2001:db8:0:ffff::1",
                "2001:db8:1:0::1",
                false,
                false,
            ),
            ("the same bits in two families", "0.0.0.0", "::", false, false),
        ] {
            let (a, b) = (source(a), source(b));
            assert_eq!(a.address_key() == b.address_key(), same_address, "{name}: address");
            assert_eq!(a.prefix_key() == b.prefix_key(), same_prefix, "{name}: prefix");
            assert_eq!(a.prefix() == b.prefix(), same_prefix, "{name}: prefix as it is shown");
            assert_ne!(a.address_key(), a.prefix_key(), "{name}");
        }
    }

    #[test]
    fn another_secret_label_or_salt_is_another_spot() {
        let secrets = |byte| Secrets {
            master: [byte; 32],
            public: 0,
        };
        let key = source("192.0.2.1").address_key();
        let spot = Keyed::new(&secrets(1), b"a").spot(key, 0);
        assert_eq!(Keyed::new(&secrets(1), b"a").spot(key, 0), spot);
        assert_ne!(Keyed::new(&secrets(2), b"a").spot(key, 0), spot);
        assert_ne!(Keyed::new(&secrets(1), b"b").spot(key, 0), spot);
        assert_ne!(Keyed::new(&secrets(1), b"a").spot(key, 1), spot);
    }

    #[test]
    fn the_same_bits_of_another_kind_are_another_spot() {
        let secrets = Secrets {
            master: [1; 32],
            public: 0,
        };
        let keyed = Keyed::new(&secrets, b"a");
        let kinds = [Kind::V4Address, Kind::V4Prefix, Kind::V6Address, Kind::V6Prefix];
        for (n, a) in kinds.iter().enumerate() {
            for b in kinds.iter().skip(n + 1) {
                assert_ne!(keyed.spot(Key(*a, 7), 0), keyed.spot(Key(*b, 7), 0), "{a:?}, {b:?}");
            }
        }
    }

    #[test]
    fn a_spot_stays_within_its_bounds() {
        for hash in [0, u64::MAX, 1 << 20, 1 << 40, (1 << 60) - 1] {
            let spot = Spot(hash);
            assert!(spot.cells().iter().all(|cell| *cell < 1 << PLACE_BITS), "{hash:x}");
            assert!(spot.set() < 1 << PLACE_BITS, "{hash:x}");
            assert!((1..1 << PLACE_BITS).contains(&spot.tag()), "{hash:x}");
        }
    }
}
