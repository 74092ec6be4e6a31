//! What a TUN is to be: its name, the kernel's side of it, and its offloads.

use std::net::IpAddr;

use crate::error::{LinkError, NameFault};
use crate::face::Layer;
use crate::net::check_address;

/// The pattern of the names that the kernel chooses: the first number that is free takes the place of `%d`.
const NAME_PATTERN: &str = "syndic%d";

/// Bytes of an interface's name, without the final NUL of `IFNAMSIZ`.
const NAME_BYTES_MAX: usize = 15;

/// The smallest MTU of a link for IPv4. Spec: RFC 791 section 3.2
const MTU_MIN_V4: u16 = 68;

/// The smallest MTU of a link for IPv6. Spec: RFC 8200 section 5
const MTU_MIN_V6: u16 = 1_280;

/// What [`super::Tun::open`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunOptions {
    /// The interface's name; without one the kernel picks the first free of `syndic0`, `syndic1`, ...
    ///
    /// Bounds: 1 to 15 bytes, no `/`, `:`, `%`, white space or control characters, and neither `.` nor `..`.
    pub name: Option<String>,
    /// What packets begin with: [`Layer::Ip`] makes a TUN, [`Layer::Ethernet`] a TAP, at the other end of which is an Ethernet
    /// interface of the kernel's.
    pub layer: Layer,
    /// Addresses of the *kernel's* side with their prefix lengths. All other addresses of those networks are ours: the
    /// kernel sends packets for them into the link.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The largest packet that is no super-segment. Units: bytes. Bounds: at least 68, with IPv6 addresses 1,280.
    pub mtu: u16,
    /// What the kernel may leave to us, and we to it.
    pub offload: Offload,
    /// What to do when an interface of that name exists.
    pub existing: Existing,
}

impl Default for TunOptions {
    /// A TUN named by the kernel, without addresses, with an MTU of 1,500 bytes and no offload.
    fn default() -> Self {
        Self {
            name: None,
            layer: Layer::Ip,
            addresses: Vec::new(),
            mtu: 1_500,
            offload: Offload::None,
            existing: Existing::Attach,
        }
    }
}

/// What the kernel may leave to us, and we to the kernel. Each includes the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offload {
    /// Complete checksums, packets of at most one MTU.
    #[default]
    None,
    /// Partial checksums may cross in both directions.
    Checksum,
    /// Super-segments of TCP up to 64 KiB may cross in both directions.
    Tso,
}

/// What to do when the interface exists already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Attach to it, if it is a TUN (or a TAP, if that was asked for) that nobody uses. What it already has of the options is left alone, so that a device
    /// prepared by an administrator works without privilege.
    #[default]
    Attach,
    /// Refuse, as if somebody used it.
    Refuse,
}

impl TunOptions {
    /// Refuses what could never work. The kernel would refuse it too, but only after half of the work.
    pub(super) fn check(&self) -> Result<(), LinkError> {
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        self.addresses
            .iter()
            .try_for_each(|(address, prefix)| check_address(*address, *prefix))?;
        let v6 = self.addresses.iter().any(|(address, _)| address.is_ipv6());
        let min = if v6 { MTU_MIN_V6 } else { MTU_MIN_V4 };
        if self.mtu < min {
            return Err(LinkError::BadMtu { mtu: self.mtu, min });
        }
        Ok(())
    }

    /// The name, or the pattern of names, to ask the kernel for.
    pub(super) fn requested_name(&self) -> &str {
        self.name.as_deref().unwrap_or(NAME_PATTERN)
    }
}

/// The kernel's rule for names, without the pattern that it would fill in.
fn check_name(name: &str) -> Result<(), LinkError> {
    let refused = |c: &char| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control();
    let fault = if name.is_empty() {
        NameFault::Empty
    } else if name.len() > NAME_BYTES_MAX {
        NameFault::TooLong
    } else if matches!(name, "." | "..") {
        NameFault::Directory
    } else if let Some(c) = name.chars().find(refused) {
        NameFault::Character(c)
    } else {
        return Ok(());
    };
    Err(LinkError::BadName {
        name: name.to_owned(),
        fault,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let rows = [
            ("plain", "syndic0", None),
            ("longest", "abcdefghijklmno", None),
            ("dots and dashes", "a.b-c_d", None),
            ("too long", "abcdefghijklmnop", Some(NameFault::TooLong)),
            ("too long in bytes", "ääääääää", Some(NameFault::TooLong)),
            ("empty", "", Some(NameFault::Empty)),
            ("slash", "a/b", Some(NameFault::Character('/'))),
            ("colon", "a:1", Some(NameFault::Character(':'))),
            ("space", "a b", Some(NameFault::Character(' '))),
            ("pattern", "tun%d", Some(NameFault::Character('%'))),
            ("NUL", "a\0b", Some(NameFault::Character('\0'))),
            ("directory", ".", Some(NameFault::Directory)),
            ("parent", "..", Some(NameFault::Directory)),
        ];
        for (name, typed, expected) in rows {
            let fault = match check_name(typed) {
                Ok(()) => None,
                Err(LinkError::BadName { fault, .. }) => Some(fault),
                Err(other) => panic!("{name}: {other}"),
            };
            assert_eq!(fault, expected, "{name}");
        }
    }

    #[test]
    fn options_that_cannot_work() {
        let with = |addresses: &[(&str, u8)], mtu| TunOptions {
            addresses: addresses
                .iter()
                .map(|(address, prefix)| (address.parse().unwrap(), *prefix))
                .collect(),
            mtu,
            ..TunOptions::default()
        };
        let rows = [
            ("nothing", with(&[], 68), ""),
            ("both versions", with(&[("10.7.0.1", 24), ("fd00::1", 64)], 1_280), ""),
            (
                "MTU below IPv4",
                with(&[], 67),
                "an MTU of 67 bytes is out of bounds: 68 to 65535",
            ),
            (
                "MTU below IPv6",
                with(&[("fd00::1", 64)], 1_279),
                "an MTU of 1279 bytes is out of bounds: 1280 to 65535",
            ),
            (
                "long prefix",
                with(&[("10.7.0.1", 33)], 1_500),
                "a prefix of 33 bits is too long for 10.7.0.1: at most 32",
            ),
            (
                "long prefix of IPv6",
                with(&[("fd00::1", 129)], 1_500),
                "too long for fd00::1: at most 128",
            ),
            (
                "no address",
                with(&[("0.0.0.0", 0)], 1_500),
                "0.0.0.0 cannot be the address",
            ),
            (
                "multicast",
                with(&[("ff02::1", 64)], 1_500),
                "ff02::1 cannot be the address",
            ),
            (
                "broadcast",
                with(&[("255.255.255.255", 32)], 1_500),
                "255.255.255.255 cannot be the address",
            ),
        ];
        for (name, options, expected) in rows {
            match options.check() {
                Ok(()) => assert_eq!(expected, "", "{name}"),
                Err(error) => {
                    assert!(error.is_usage(), "{name}");
                    let said = error.to_string();
                    assert!(!expected.is_empty() && said.contains(expected), "{name}: {said}");
                }
            }
        }
    }
}
