//! ARP for IPv4 over Ethernet (RFC 826).

use core::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;
use crate::ether::{EtherType, Mac};

/// The packet on the wire, behind the Ethernet header.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |     Hardware space (1)        |   Protocol space (0x0800)     |
/// +---------------+---------------+---------------+---------------+
/// | Hw. length 6  | Pr. length 4  |           Operation           |
/// +---------------+---------------+---------------+---------------+
/// |             Sender hardware address, 6 bytes                  |
/// +                               +---------------+---------------+
/// |                               |  Sender protocol address      |
/// +---------------+---------------+---------------+---------------+
/// |   … 4 bytes                   |  Target hardware address      |
/// +---------------+---------------+---------------+---------------+
/// |   … 6 bytes                                                   |
/// +---------------+---------------+---------------+---------------+
/// |             Target protocol address, 4 bytes                  |
/// +---------------+---------------+---------------+---------------+
/// ```
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Fixed {
    hardware: U16,
    protocol: U16,
    hardware_len: u8,
    protocol_len: u8,
    operation: U16,
    sender_mac: [u8; 6],
    sender: [u8; 4],
    target_mac: [u8; 6],
    target: [u8; 4],
}

/// Bytes of a packet.
pub const LEN: usize = size_of::<Fixed>();

/// Hardware address space: Ethernet.
const ETHERNET: u16 = 1;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender address.
    Reply,
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// What is said.
    pub operation: Operation,
    /// Who says it: its hardware address.
    pub sender_mac: Mac,
    /// And its IPv4 address; `0.0.0.0` from one that is not sure of its own yet (RFC 5227).
    pub sender: Ipv4Addr,
    /// Whom it is about; [`Mac::NONE`] in a request.
    pub target_mac: Mac,
    /// Its IPv4 address.
    pub target: Ipv4Addr,
}

impl Packet {
    /// Reads a packet; padding behind it is left out.
    ///
    /// Errors: [`Malformed::Truncated`]; [`Malformed::Arp`] for other address spaces than Ethernet and IPv4, for another
    /// operation, and for a sender that is no station.
    /// Spec: RFC 826, "Packet Reception".
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (fixed, _) = Fixed::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let spaces = (fixed.hardware.get(), fixed.protocol.get());
        let lengths = (fixed.hardware_len, fixed.protocol_len);
        if spaces != (ETHERNET, EtherType::Ipv4.number()) || lengths != (6, 4) {
            return Err(Malformed::Arp);
        }
        let sender_mac = Mac(fixed.sender_mac);
        let operation = match fixed.operation.get() {
            REQUEST => Operation::Request,
            REPLY => Operation::Reply,
            _ => return Err(Malformed::Arp),
        };
        if !sender_mac.is_station() {
            return Err(Malformed::Arp);
        }
        Ok(Self {
            operation,
            sender_mac,
            sender: fixed.sender.into(),
            target_mac: Mac(fixed.target_mac),
            target: fixed.target.into(),
        })
    }

    /// Writes the packet into the front of `out` and returns its length, [`LEN`].
    ///
    /// Errors: `None` when `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Option<usize> {
        let operation = match self.operation {
            Operation::Request => REQUEST,
            Operation::Reply => REPLY,
        };
        let fixed = Fixed {
            hardware: ETHERNET.into(),
            protocol: EtherType::Ipv4.number().into(),
            hardware_len: 6,
            protocol_len: 4,
            operation: operation.into(),
            sender_mac: self.sender_mac.0,
            sender: self.sender.octets(),
            target_mac: self.target_mac.0,
            target: self.target.octets(),
        };
        fixed.write_to_prefix(out).ok()?;
        Some(LEN)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn request() -> Packet {
        Packet {
            operation: Operation::Request,
            sender_mac: Mac([2, 0, 0x5e, 0x10, 0, 1]),
            sender: Ipv4Addr::new(10, 7, 0, 1),
            target_mac: Mac::NONE,
            target: Ipv4Addr::new(10, 7, 0, 2),
        }
    }

    fn bytes(packet: &Packet) -> Vec<u8> {
        let mut bytes = [0; LEN];
        packet.emit(&mut bytes).expect("there is room");
        bytes.to_vec()
    }

    #[test]
    fn written_as_the_rfc_draws_it() {
        let expected = [
            [0, 1, 8, 0].as_slice(),
            &[6, 4, 0, 1],
            &[2, 0, 0x5e, 0x10, 0, 1],
            &[10, 7, 0, 1],
            &[0; 6],
            &[10, 7, 0, 2],
        ]
        .concat();
        assert_eq!(bytes(&request()), expected);
        assert_eq!(request().emit(&mut [0; LEN - 1]), None);
        assert_eq!(Packet::parse(&[expected.as_slice(), &[0; 18]].concat()), Ok(request()));
    }

    #[test]
    fn what_is_refused() {
        for (name, at, value, why) in [
            ("token ring", 1, 6, Malformed::Arp),
            ("another protocol", 3, 1, Malformed::Arp),
            ("long hardware addresses", 4, 8, Malformed::Arp),
            ("long protocol addresses", 5, 16, Malformed::Arp),
            ("a reverse request", 7, 3, Malformed::Arp),
            ("operation 0", 7, 0, Malformed::Arp),
            ("a group as sender", 8, 3, Malformed::Arp),
        ] {
            let mut bytes = bytes(&request());
            bytes[at] = value;
            assert_eq!(Packet::parse(&bytes), Err(why), "{name}");
        }
        let nobody = Packet {
            sender_mac: Mac::NONE,
            ..request()
        };
        assert_eq!(Packet::parse(&bytes(&nobody)), Err(Malformed::Arp));
        assert_eq!(Packet::parse(&bytes(&request())[..LEN - 1]), Err(Malformed::Truncated));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), front: bool) {
            let mut bytes = bytes;
            if front && bytes.len() > 8 {
                bytes[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
            }
            if let Ok(packet) = Packet::parse(&bytes) {
                let mut again = [0; LEN];
                packet.emit(&mut again);
                prop_assert_eq!(&again[..], &bytes[..LEN]);
            }
        }
    }
}
