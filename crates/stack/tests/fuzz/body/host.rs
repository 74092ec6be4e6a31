//! Who there is: we, the peer, its neighbours, the gateway, and who is beyond it.

use std::net::{IpAddr, Ipv6Addr};

use syndic_stack::Mac;

/// The hardware address of station `last`; ours is that of station 2.
pub(super) fn mac(last: u8) -> Mac {
    Mac([2, 0, 0x5e, 0x10, 0, last])
}

/// A neighbour, the gateway, or who is beyond it.
pub(super) fn someone(n: u8) -> IpAddr {
    match n % 8 {
        0 | 1 => theirs(n & 1 == 1),
        2 => IpAddr::from([10, 7, 0, 254]),
        3 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(),
        4 => IpAddr::from([192, 0, 2, n]),
        5 => ours(n & 8 == 8),
        6 => IpAddr::from([10, 7, 0, n]),
        _ => Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, n.into()).into(),
    }
}

pub(super) fn ours(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2).into()
    } else {
        IpAddr::from([10, 7, 0, 2])
    }
}

pub(super) fn theirs(is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1).into()
    } else {
        IpAddr::from([10, 7, 0, 1])
    }
}
