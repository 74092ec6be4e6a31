//! Segment sizes (RFC 9293 section 3.7.1).

use core::net::IpAddr;

/// Least MSS that a peer or an ICMP message can talk us into. Smaller ones are an attack (CVE-2019-11479).
const FLOOR: u16 = 216;

/// Bytes of IP and TCP header without options.
const fn headers(addr: IpAddr) -> usize {
    match addr {
        IpAddr::V4(_) => 40,
        IpAddr::V6(_) => 60,
    }
}

/// What a peer that states no MSS takes (RFC 9293 MUST-15).
pub(crate) const fn default(addr: IpAddr) -> u16 {
    match addr {
        IpAddr::V4(_) => 536,
        IpAddr::V6(_) => 1220,
    }
}

/// What we state: the MTU less the fixed headers; options are not counted off (RFC 9293 MUST-67, RFC 6691).
pub(crate) fn ours(mtu: usize, addr: IpAddr) -> u16 {
    u16::try_from(mtu.saturating_sub(headers(addr))).unwrap_or(u16::MAX)
}

/// What we send at most, options included: the least of what the peer states and the MTU takes.
pub(crate) fn effective(theirs: u16, mtu: usize, addr: IpAddr) -> u16 {
    theirs.max(FLOOR).min(ours(mtu, addr))
}

/// What a path of this MTU takes. In IPv4 with a floor of 576 bytes (RFC 1191 section 3 lets a liar say 68). In IPv6 every
/// link takes 1,280 bytes, and who says less is not believed at all: `None` (RFC 8201 section 4).
pub(crate) fn of_path(mtu: u32, addr: IpAddr) -> Option<u16> {
    let mtu = usize::try_from(mtu).unwrap_or(usize::MAX);
    match addr {
        IpAddr::V4(_) => Some(ours(mtu.max(576), addr)),
        IpAddr::V6(_) => (mtu >= 1280).then(|| ours(mtu, addr)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    #[test]
    fn mss_table() {
        for (name, got, want) in [
            ("ours, ethernet", ours(1500, V4), 1460),
            ("ours, ethernet, IPv6", ours(1500, V6), 1440),
            ("ours, largest", ours(65_535, V4), 65_495),
            ("default", default(V4), 536),
            ("default, IPv6", default(V6), 1220),
            ("the peer takes less", effective(1000, 1500, V4), 1000),
            ("the link takes less", effective(9000, 1500, V4), 1460),
            ("a peer that lies", effective(0, 1500, V4), 216),
        ] {
            assert_eq!(got, want, "{name}");
        }
        for (name, got, want) in [
            ("path", of_path(1400, V4), Some(1360)),
            ("path below the floor", of_path(68, V4), Some(536)),
            ("path, IPv6", of_path(1400, V6), Some(1340)),
            ("the least path, IPv6", of_path(1280, V6), Some(1220)),
            ("path below the least, IPv6", of_path(1279, V6), None),
        ] {
            assert_eq!(got, want, "{name}");
        }
    }
}
