//! Neighbour discovery (RFC 4861) over Ethernet: who has an IPv6 address, and which routers there are.
//!
//! Redirects are not read. Every message is checked as its section of the RFC says; what is left is to judge whom it is
//! about.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{HEADER, checksum_start, message};
use crate::Malformed;
use crate::ether::Mac;

const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// The hop limit of all these messages: who is not on the link cannot send one that arrives with it (RFC 4861 section 3.1).
pub const HOP_LIMIT: u8 = 255;

/// Every node on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The group that those with this address are in.
///
/// Spec: RFC 4291 section 2.7.1.
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let low = address.to_bits() & 0xff_ffff;
    Ipv6Addr::from_bits(0xff02 << 112 | 0x1_ff00_0000 | low)
}

/// Whether ICMPv6 messages of this type are neighbour discovery's, redirects among them.
pub const fn is_type(kind: u8) -> bool {
    matches!(kind, ROUTER_SOLICITATION..=REDIRECT)
}

/// A message of neighbour discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Which routers are there? (RFC 4861 section 4.1)
    RouterSolicitation {
        /// Who asks.
        source: Option<Mac>,
    },
    /// A router says who it is, and what holds on the link (section 4.2).
    RouterAdvertisement(RouterAdvertisement<'a>),
    /// Who has an address? (section 4.3)
    NeighbourSolicitation {
        /// The address.
        target: Ipv6Addr,
        /// Who asks.
        source: Option<Mac>,
    },
    /// Somebody has an address (section 4.4).
    NeighbourAdvertisement(NeighbourAdvertisement),
}

/// What a router says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterAdvertisement<'a> {
    /// The hop limit to send with; 0: it does not say.
    pub hop_limit: u8,
    /// Addresses are to be had by DHCPv6.
    pub managed: bool,
    /// Other settings are to be had by DHCPv6.
    pub other: bool,
    /// How long it serves as a default router; 0: it does not. Units: seconds.
    pub lifetime_s: u16,
    /// How long a neighbour counts as reachable; 0: it does not say. Units: milliseconds.
    pub reachable_ms: u32,
    /// Between two solicitations; 0: it does not say. Units: milliseconds.
    pub retrans_ms: u32,
    /// Its hardware address, prefixes and MTU.
    pub options: Options<'a>,
}

/// What the owner of an address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighbourAdvertisement {
    /// The address.
    pub target: Ipv6Addr,
    /// R: it is a router.
    pub is_router: bool,
    /// S: it was asked.
    pub is_solicited: bool,
    /// O: what was known of its hardware address holds no more.
    pub overrides: bool,
    /// Its hardware address.
    pub mac: Option<Mac>,
}

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NdpOption {
    /// The sender's hardware address.
    Source(Mac),
    /// The target's hardware address.
    Target(Mac),
    /// A prefix of the link.
    Prefix(PrefixInformation),
    /// The link's MTU. Units: bytes.
    Mtu(u32),
    /// Another one, which is read over.
    Other(u8),
}

/// What a router says of a prefix (RFC 4861 section 4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixInformation {
    /// The prefix, as it came: bits beyond its length may be set.
    pub prefix: Ipv6Addr,
    /// Units: bits. Bounds: at most 128.
    pub len: u8,
    /// L: it is on the link.
    pub on_link: bool,
    /// A: addresses may be made of it (RFC 4862).
    pub autonomous: bool,
    /// How long this holds; `u32::MAX`: for ever. Units: seconds.
    pub valid_s: u32,
    /// How long addresses made of it are preferred. Units: seconds.
    pub preferred_s: u32,
}

const OPTION_SOURCE: u8 = 1;
const OPTION_TARGET: u8 = 2;
const OPTION_PREFIX: u8 = 3;
const OPTION_MTU: u8 = 5;

/// After RFC 4861 section 4.2, behind the checksum.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RouterBody {
    hop_limit: u8,
    flags: u8,
    lifetime: U16,
    reachable: U32,
    retrans: U32,
}

/// After RFC 4861 sections 4.3 and 4.4, behind the checksum.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct NeighbourBody {
    flags: U32,
    target: [u8; 16],
}

/// After RFC 4861 section 4.6.2.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct PrefixBody {
    len: u8,
    flags: u8,
    valid: U32,
    preferred: U32,
    reserved: U32,
    prefix: [u8; 16],
}

/// M and O of a router advertisement.
const MANAGED: u8 = 1 << 7;
const OTHER: u8 = 1 << 6;

/// R, S and O of a neighbour advertisement.
const ROUTER: u32 = 1 << 31;
const SOLICITED: u32 = 1 << 30;
const OVERRIDE: u32 = 1 << 29;

/// L and A of a prefix.
const ON_LINK: u8 = 1 << 7;
const AUTONOMOUS: u8 = 1 << 6;

impl<'a> Message<'a> {
    /// Reads a message that came from `src` to `dst` with this hop limit.
    ///
    /// Errors: [`Malformed::HopLimit`] if it may come from beyond the link, [`Malformed::Checksum`], [`Malformed::Code`] for
    /// any but 0, [`Malformed::Truncated`], [`Malformed::Length`] for an option whose length is 0 or not that of its kind,
    /// [`Malformed::Address`] where an address is none that the message may have, [`Malformed::Type`] for a redirect and what
    /// is not neighbour discovery.
    /// Spec: RFC 4861 sections 6.1.1, 6.1.2, 7.1.1, 7.1.2.
    pub fn parse(src: Ipv6Addr, dst: Ipv6Addr, hop_limit: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&[kind, code, _, _], rest) = bytes.split_first_chunk::<HEADER>().ok_or(Malformed::Truncated)?;
        if hop_limit != HOP_LIMIT {
            return Err(Malformed::HopLimit);
        }
        let mut sum = checksum_start(src.into(), dst.into(), bytes.len());
        sum.add(bytes);
        if sum.finish() != 0 {
            return Err(Malformed::Checksum);
        }
        if code != 0 {
            return Err(Malformed::Code);
        }
        match kind {
            ROUTER_SOLICITATION => Self::router_solicitation(src, rest),
            ROUTER_ADVERTISEMENT => Self::router_advertisement(src, rest),
            NEIGHBOUR_SOLICITATION => Self::neighbour_solicitation(src, dst, rest),
            NEIGHBOUR_ADVERTISEMENT => Self::neighbour_advertisement(dst, rest),
            _ => Err(Malformed::Type),
        }
    }

    fn router_solicitation(src: Ipv6Addr, rest: &'a [u8]) -> Result<Self, Malformed> {
        let (_, options) = rest.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
        let source = Options::parse(options)?.source();
        if src.is_unspecified() && source.is_some() {
            return Err(Malformed::Address);
        }
        Ok(Self::RouterSolicitation { source })
    }

    fn router_advertisement(src: Ipv6Addr, rest: &'a [u8]) -> Result<Self, Malformed> {
        let (body, options) = RouterBody::ref_from_prefix(rest).map_err(|_| Malformed::Truncated)?;
        if !src.is_unicast_link_local() {
            return Err(Malformed::Address);
        }
        Ok(Self::RouterAdvertisement(RouterAdvertisement {
            hop_limit: body.hop_limit,
            managed: body.flags & MANAGED != 0,
            other: body.flags & OTHER != 0,
            lifetime_s: body.lifetime.get(),
            reachable_ms: body.reachable.get(),
            retrans_ms: body.retrans.get(),
            options: Options::parse(options)?,
        }))
    }

    fn neighbour_solicitation(src: Ipv6Addr, dst: Ipv6Addr, rest: &'a [u8]) -> Result<Self, Malformed> {
        let (body, options) = NeighbourBody::ref_from_prefix(rest).map_err(|_| Malformed::Truncated)?;
        let target = Ipv6Addr::from(body.target);
        let source = Options::parse(options)?.source();
        // Who has no address yet asks whether somebody has the one that it would like (RFC 4862 section 5.4.2).
        let is_probe = src.is_unspecified();
        let is_possible = !is_probe || dst == solicited_node(target) && source.is_none();
        if target.is_multicast() || !is_possible {
            return Err(Malformed::Address);
        }
        Ok(Self::NeighbourSolicitation { target, source })
    }

    fn neighbour_advertisement(dst: Ipv6Addr, rest: &'a [u8]) -> Result<Self, Malformed> {
        let (body, options) = NeighbourBody::ref_from_prefix(rest).map_err(|_| Malformed::Truncated)?;
        let target = Ipv6Addr::from(body.target);
        let flags = body.flags.get();
        let is_solicited = flags & SOLICITED != 0;
        let mac = Options::parse(options)?.target();
        if target.is_multicast() || dst.is_multicast() && is_solicited {
            return Err(Malformed::Address);
        }
        Ok(Self::NeighbourAdvertisement(NeighbourAdvertisement {
            target,
            is_router: flags & ROUTER != 0,
            is_solicited,
            overrides: flags & OVERRIDE != 0,
            mac,
        }))
    }

    /// The message with its checksum, to be sent with [`HOP_LIMIT`].
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
        let (src, dst) = (IpAddr::from(src), IpAddr::from(dst));
        match self {
            Self::RouterSolicitation { source } => {
                let option = mac_option(OPTION_SOURCE, *source);
                message(src, dst, ROUTER_SOLICITATION, 0, &[&[0; 4], option.as_slice()])
            }
            Self::RouterAdvertisement(said) => {
                let body = RouterBody {
                    hop_limit: said.hop_limit,
                    flags: flag(said.managed, MANAGED) | flag(said.other, OTHER),
                    lifetime: said.lifetime_s.into(),
                    reachable: said.reachable_ms.into(),
                    retrans: said.retrans_ms.into(),
                };
                let rest = [body.as_bytes(), said.options.0];
                message(src, dst, ROUTER_ADVERTISEMENT, 0, &rest)
            }
            Self::NeighbourSolicitation { target, source } => {
                let body = NeighbourBody {
                    flags: 0.into(),
                    target: target.octets(),
                };
                let option = mac_option(OPTION_SOURCE, *source);
                let rest = [body.as_bytes(), option.as_slice()];
                message(src, dst, NEIGHBOUR_SOLICITATION, 0, &rest)
            }
            Self::NeighbourAdvertisement(said) => {
                let flags =
                    flag(said.is_router, ROUTER) | flag(said.is_solicited, SOLICITED) | flag(said.overrides, OVERRIDE);
                let body = NeighbourBody {
                    flags: flags.into(),
                    target: said.target.octets(),
                };
                let option = mac_option(OPTION_TARGET, said.mac);
                let rest = [body.as_bytes(), option.as_slice()];
                message(src, dst, NEIGHBOUR_ADVERTISEMENT, 0, &rest)
            }
        }
    }
}

fn flag<T: Default>(is_set: bool, bit: T) -> T {
    if is_set { bit } else { T::default() }
}

/// The option with a hardware address, or nothing.
fn mac_option(kind: u8, mac: Option<Mac>) -> Vec<u8> {
    mac.map(|mac| [&[kind, 1], mac.0.as_slice()].concat())
        .unwrap_or_default()
}

/// The options behind a message, each of them well formed.
///
/// ```text
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |     Type      | Length (of 8) |              …                |
/// +---------------+---------------+---------------+---------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Options<'a>(&'a [u8]);

impl<'a> Options<'a> {
    /// Reads what stands behind a message.
    ///
    /// Errors: [`Malformed::Length`], [`Malformed::Truncated`]; [`Malformed::Address`] for a hardware address that is no
    /// station's.
    /// Spec: RFC 4861 section 4.6; RFC 2464 section 6.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = next(rest)?;
        }
        Ok(Self(bytes))
    }

    /// Each in its order.
    pub fn iter(self) -> impl Iterator<Item = NdpOption> + 'a {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (option, behind) = next(rest).ok()?;
            rest = behind;
            Some(option)
        })
    }

    /// The first hardware address of the sender.
    pub fn source(self) -> Option<Mac> {
        self.iter().find_map(|option| match option {
            NdpOption::Source(mac) => Some(mac),
            _ => None,
        })
    }

    /// The first hardware address of the target.
    pub fn target(self) -> Option<Mac> {
        self.iter().find_map(|option| match option {
            NdpOption::Target(mac) => Some(mac),
            _ => None,
        })
    }
}

/// As a list.
impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The first option, and what lies behind it.
fn next(bytes: &[u8]) -> Result<(NdpOption, &[u8]), Malformed> {
    let [kind, len, ..] = *bytes else {
        return Err(Malformed::Truncated);
    };
    if len == 0 {
        return Err(Malformed::Length);
    }
    let (option, rest) = bytes
        .split_at_checked(8 * usize::from(len))
        .ok_or(Malformed::Truncated)?;
    let body = option.get(2..).unwrap_or_default();
    let option = match kind {
        OPTION_SOURCE => NdpOption::Source(mac(body)?),
        OPTION_TARGET => NdpOption::Target(mac(body)?),
        OPTION_PREFIX => NdpOption::Prefix(prefix(body)?),
        OPTION_MTU => {
            let &[_, _, a, b, c, d] = body else {
                return Err(Malformed::Length);
            };
            NdpOption::Mtu(u32::from_be_bytes([a, b, c, d]))
        }
        other => NdpOption::Other(other),
    };
    Ok((option, rest))
}

fn mac(body: &[u8]) -> Result<Mac, Malformed> {
    let mac = Mac(body.try_into().map_err(|_| Malformed::Length)?);
    if mac.is_station() {
        Ok(mac)
    } else {
        Err(Malformed::Address)
    }
}

fn prefix(body: &[u8]) -> Result<PrefixInformation, Malformed> {
    let read = PrefixBody::ref_from_bytes(body).map_err(|_| Malformed::Length)?;
    if read.len > 128 {
        return Err(Malformed::Address);
    }
    Ok(PrefixInformation {
        prefix: read.prefix.into(),
        len: read.len,
        on_link: read.flags & ON_LINK != 0,
        autonomous: read.flags & AUTONOMOUS != 0,
        valid_s: read.valid.get(),
        preferred_s: read.preferred.get(),
    })
}

#[cfg(test)]
mod tests;
