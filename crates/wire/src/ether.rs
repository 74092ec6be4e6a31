//! Ethernet II: the header, and the addresses in it.
//!
//! Read first: RFC 894 (IPv4 over Ethernet), RFC 2464 (IPv6 over Ethernet), RFC 9542 (which addresses are whose).

use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;

/// The header on the wire. What follows is at least 46 bytes long: padding is the link's to write, and of no meaning.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |                  Destination address, 6 bytes                 |
/// +                               +---------------+---------------+
/// |                               |                               |
/// +---------------+---------------+                               +
/// |                     Source address, 6 bytes                   |
/// +---------------+---------------+---------------+---------------+
/// |           EtherType           |
/// +---------------+---------------+
/// ```
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    dst: [u8; 6],
    src: [u8; 6],
    ethertype: U16,
}

/// Bytes of a header.
pub const HEADER: usize = size_of::<Fixed>();

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
/// Tags of IEEE 802.1Q and 802.1ad, and the one that some switches used before.
const VLANS: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// A hardware address (MAC-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Every station.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No station: what stands in an ARP request where the answer will.
    pub const NONE: Self = Self([0; 6]);

    /// Whether it is the address of several stations: broadcast or multicast.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether it can be the address of one station: neither a group's nor zero.
    pub const fn is_station(self) -> bool {
        !self.is_group() && u64::from_be_bytes(self.widened()) != 0
    }

    /// The address that frames to an IPv6 multicast group are sent to.
    ///
    /// Spec: RFC 2464 section 7.
    pub const fn of_group(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }

    /// The link-local IPv6 address that follows from it.
    ///
    /// Spec: RFC 4291 appendix A; RFC 2464 section 5.
    pub const fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        // The bit that says "given out by a manufacturer" is inverted in an interface identifier.
        let id = [a ^ 0x02, b, c, 0xff, 0xfe, d, e, f];
        Ipv6Addr::from_bits(0xfe80 << 112 | u64::from_be_bytes(id) as u128)
    }

    const fn widened(self) -> [u8; 8] {
        let [a, b, c, d, e, f] = self.0;
        [0, 0, a, b, c, d, e, f]
    }
}

/// `02:00:5e:10:00:01`.
impl fmt::Display for Mac {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// Not a hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hardware address: write six bytes as 02:00:5e:10:00:01")]
pub struct BadMac;

/// As it is written; letters of either case.
impl FromStr for Mac {
    type Err = BadMac;

    fn from_str(text: &str) -> Result<Self, BadMac> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(BadMac)?;
            let is_hex = part.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16).ok().filter(|_| is_hex).ok_or(BadMac)?;
        }
        if parts.next().is_some() {
            return Err(BadMac);
        }
        Ok(Self(bytes))
    }
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EtherType {
    /// An IPv4 datagram (RFC 894).
    Ipv4,
    /// An IPv6 packet (RFC 2464).
    Ipv6,
    /// An ARP packet (RFC 826).
    Arp,
}

impl EtherType {
    /// Its number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::Ipv4 => IPV4,
            Self::Ipv6 => IPV6,
            Self::Arp => ARP,
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// To whom.
    pub dst: Mac,
    /// From whom.
    pub src: Mac,
    /// What follows.
    pub ethertype: EtherType,
}

impl Header {
    /// Reads the header in front of a frame.
    ///
    /// Errors: [`Malformed::Truncated`]; [`Malformed::Vlan`] for a frame with a tag; [`Malformed::EtherType`] for one that
    /// carries neither IPv4, IPv6 nor ARP, an IEEE 802.3 length among them.
    /// Spec: RFC 894; RFC 2464 section 3.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (fixed, _) = Fixed::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let ethertype = match fixed.ethertype.get() {
            IPV4 => EtherType::Ipv4,
            IPV6 => EtherType::Ipv6,
            ARP => EtherType::Arp,
            tag if VLANS.contains(&tag) => return Err(Malformed::Vlan),
            _ => return Err(Malformed::EtherType),
        };
        Ok(Self {
            dst: Mac(fixed.dst),
            src: Mac(fixed.src),
            ethertype,
        })
    }

    /// Writes the header into the front of `out` and returns its length, [`HEADER`].
    ///
    /// Errors: `None` when `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Option<usize> {
        let fixed = Fixed {
            dst: self.dst.0,
            src: self.src.0,
            ethertype: self.ethertype.number().into(),
        };
        fixed.write_to_prefix(out).ok()?;
        Some(HEADER)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    const US: Mac = Mac([2, 0, 0x5e, 0x10, 0, 1]);
    const THEM: Mac = Mac([2, 0, 0x5e, 0x10, 0, 2]);

    /// A frame of this EtherType with 46 bytes in it.
    fn frame(ethertype: u16) -> [u8; 60] {
        let mut bytes = [0; 60];
        bytes[..6].copy_from_slice(&US.0);
        bytes[6..12].copy_from_slice(&THEM.0);
        bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
        bytes
    }

    #[test]
    fn what_a_frame_carries() {
        for (name, number, expected) in [
            ("IPv4", 0x0800, Ok(EtherType::Ipv4)),
            ("ARP", 0x0806, Ok(EtherType::Arp)),
            ("IPv6", 0x86dd, Ok(EtherType::Ipv6)),
            ("a VLAN tag", 0x8100, Err(Malformed::Vlan)),
            ("a tag of a provider", 0x88a8, Err(Malformed::Vlan)),
            ("an old double tag", 0x9100, Err(Malformed::Vlan)),
            ("a length of IEEE 802.3", 46, Err(Malformed::EtherType)),
            ("flow control", 0x8808, Err(Malformed::EtherType)),
        ] {
            let read = Header::parse(&frame(number)).map(|header| header.ethertype);
            assert_eq!(read, expected, "{name}");
        }
        assert_eq!(Header::parse(&frame(0x0800)[..13]), Err(Malformed::Truncated));
    }

    #[test]
    fn written_as_it_is_read() {
        for ethertype in [EtherType::Ipv4, EtherType::Ipv6, EtherType::Arp] {
            let header = Header {
                dst: US,
                src: THEM,
                ethertype,
            };
            let mut bytes = [0; HEADER];
            assert_eq!(header.emit(&mut bytes), Some(HEADER));
            assert_eq!(bytes[..], frame(ethertype.number())[..HEADER]);
            assert_eq!(Header::parse(&bytes), Ok(header));
            assert_eq!(header.emit(&mut bytes[..HEADER - 1]), None);
        }
    }

    #[test]
    fn stations_and_groups() {
        for (name, text, is_group, is_station) in [
            ("a station", "02:00:5e:10:00:01", false, true),
            ("everybody", "ff:ff:ff:ff:ff:ff", true, false),
            ("an IPv6 group", "33:33:ff:00:00:01", true, false),
            ("an IPv4 group", "01:00:5e:00:00:01", true, false),
            ("nobody", "00:00:00:00:00:00", false, false),
        ] {
            let mac: Mac = text.parse().expect(name);
            assert_eq!(mac.to_string(), text, "{name}");
            assert_eq!((mac.is_group(), mac.is_station()), (is_group, is_station), "{name}");
        }
    }

    #[test]
    fn what_is_no_hardware_address() {
        for text in [
            "",
            "02:00:5e:10:00",
            "02:00:5e:10:00:01:02",
            "2:0:5e:10:0:1",
            "02-00-5e-10-00-01",
            "02:00:5e:10:00:0g",
            "02:00:5e:10:00:+1",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(BadMac), "{text:?}");
        }
        assert_eq!("02:00:5E:10:00:01".parse::<Mac>(), Ok(US));
    }

    #[test]
    fn addresses_that_follow_from_others() {
        // The example of RFC 2464 section 5.
        let mac = Mac([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
        assert_eq!(mac.link_local().to_string(), "fe80::3656:78ff:fe9a:bcde");
        let group = "ff02::1:ff28:9c5a".parse().unwrap();
        assert_eq!(Mac::of_group(group).to_string(), "33:33:ff:28:9c:5a");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(header) = Header::parse(&bytes) {
                let mut again = [0; HEADER];
                header.emit(&mut again);
                prop_assert_eq!(&again[..], &bytes[..HEADER]);
            }
        }
    }
}
