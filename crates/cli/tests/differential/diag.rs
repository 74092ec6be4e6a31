//! Which state the kernel has a connection in: asked of its sock_diag, for one connection at a time. `/proc/net/tcp` says
//! the same, but reading it walks a table of a hundred thousand buckets.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Numbers of `linux/netlink.h`, `linux/sock_diag.h` and `linux/inet_diag.h`.
const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// `struct nlmsghdr`. Units: bytes.
const HEADER: usize = 16;
/// The header and `struct inet_diag_req_v2`. Units: bytes.
const REQUEST: usize = HEADER + 56;

/// A socket to ask on.
#[derive(Debug)]
pub(crate) struct Diag {
    socket: Socket,
}

impl Diag {
    pub(crate) fn open() -> Self {
        let (domain, protocol) = (Domain::from(AF_NETLINK), Protocol::from(NETLINK_SOCK_DIAG));
        Self {
            socket: Socket::new(domain, Type::DGRAM, Some(protocol)).expect("a netlink socket"),
        }
    }

    /// The state as the RFC names it, of sockets, half-open and TIME-WAIT entries alike; CLOSED where there is none.
    pub(crate) fn state(&mut self, local: SocketAddr, remote: SocketAddr) -> &'static str {
        self.socket.write_all(&request(local, remote)).expect("ask");
        let mut answer = [0; 8192];
        let len = self.socket.read(&mut answer).expect("an answer");
        // After the header comes `struct inet_diag_msg`: the family, then the state. Any other message says that there is
        // nothing.
        let code = match answer.get(..len) {
            Some(&[_, _, _, _, k0, k1, ref rest @ ..]) if u16::from_ne_bytes([k0, k1]) == SOCK_DIAG_BY_FAMILY => {
                rest.get(HEADER - 6 + 1).copied()
            }
            _ => None,
        };
        match code {
            // A listener is found where there is no connection.
            None | Some(7 | 10) => "CLOSED",
            Some(1) => "ESTABLISHED",
            Some(2) => "SYN-SENT",
            Some(3 | 12) => "SYN-RECEIVED",
            Some(4) => "FIN-WAIT-1",
            Some(5) => "FIN-WAIT-2",
            Some(6) => "TIME-WAIT",
            Some(8) => "CLOSE-WAIT",
            Some(9) => "LAST-ACK",
            Some(11) => "CLOSING",
            Some(other) => panic!("state {other}?"),
        }
    }
}

/// A request for exactly this connection.
fn request(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REQUEST);
    bytes.extend_from_slice(&(REQUEST as u32).to_ne_bytes());
    bytes.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    bytes.extend_from_slice(&[family, IPPROTO_TCP, 0, 0]);
    let any_state = u32::MAX;
    bytes.extend_from_slice(&any_state.to_ne_bytes());
    bytes.extend_from_slice(&local.port().to_be_bytes());
    bytes.extend_from_slice(&remote.port().to_be_bytes());
    for end in [local, remote] {
        let mut words = [0; 16];
        match end.ip() {
            IpAddr::V4(v4) => words[..4].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => words = v6.octets(),
        }
        bytes.extend_from_slice(&words);
    }
    let (any_interface, any_cookie) = ([0; 4], [0xff; 8]);
    bytes.extend_from_slice(&any_interface);
    bytes.extend_from_slice(&any_cookie);
    bytes
}
