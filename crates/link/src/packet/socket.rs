//! The packet socket's system calls. The unsafe code of them is here, behind functions that are safe to call.

use std::ffi::c_int;
use std::io;
use std::mem::size_of_val;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::vnet::HEADER_BYTES;

/// Bytes of frames that may wait in the kernel to leave.
const SEND_BUFFER: c_int = 8 << 20;

/// An open packet socket.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    /// What [`Socket::dropped`] has read: the kernel's counter begins anew with each reading.
    dropped: AtomicU64,
}

impl Socket {
    /// Opens one that receives nothing until it is bound.
    pub(crate) fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: `socket` takes plain values, and what it returns is checked.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened, and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = Self {
            fd,
            dropped: AtomicU64::new(0),
        };
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        socket.set(libc::SOL_PACKET, libc::PACKET_VNET_HDR, &1_i32)?;
        // What the kernel and we send is no news. Before Linux 4.20 there is no such option; the ring leaves it out as well.
        let _ = socket.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32);
        // Where we may not go over the machine's limit, the limit is what we get.
        if socket
            .set(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &SEND_BUFFER)
            .is_err()
        {
            socket.set(libc::SOL_SOCKET, libc::SO_SNDBUF, &SEND_BUFFER)?;
        }
        Ok(socket)
    }

    /// Sets an option, whose value is plain data.
    pub(super) fn set<T: Copy>(&self, level: c_int, option: c_int, value: &T) -> io::Result<()> {
        let pointer = (&raw const *value).cast();
        // SAFETY: the descriptor is open, and the kernel reads the value, which is borrowed for the call, with its true size.
        let set = unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                level,
                option,
                pointer,
                size_of_val(value) as libc::socklen_t,
            )
        };
        if set < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Asks the interface for the multicast groups in which neighbours look for these addresses.
    pub(crate) fn join_groups(&self, index: u32, addresses: &[IpAddr]) -> io::Result<()> {
        for address in addresses {
            let IpAddr::V6(address) = address else { continue };
            // Spec: RFC 4291 section 2.7.1 (the solicited-node address), RFC 2464 section 7 (its hardware address)
            let [.., a, b, c] = address.octets();
            let request = libc::packet_mreq {
                mr_ifindex: index as c_int,
                mr_type: libc::PACKET_MR_MULTICAST as libc::c_ushort,
                mr_alen: 6,
                mr_address: [0x33, 0x33, 0xff, a, b, c, 0, 0],
            };
            self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)?;
        }
        Ok(())
    }

    /// From now on it receives what the interface does, as far as its EtherType is `protocol` (`ETH_P_ALL`: any).
    pub(crate) fn bind(&self, index: u32, protocol: c_int) -> io::Result<()> {
        // SAFETY: `sockaddr_ll` is plain data, for which zeroes are a value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::sa_family_t;
        address.sll_protocol = (protocol as u16).to_be();
        address.sll_ifindex = index as c_int;
        let length = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the descriptor is open, and the address is borrowed for the call, with its true length.
        let bound = unsafe { libc::bind(self.as_raw_fd(), (&raw const address).cast(), length) };
        if bound < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// From now on it receives only what tells every station of a neighbour: ARP, and IPv6 to all nodes (`ff02::1`).
    pub(crate) fn heed_announcements(&self) -> io::Result<()> {
        const LOAD_HALF: u16 = 0x28;
        const LOAD: u16 = 0x20;
        const JUMP_IF_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        let code = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        // A jump counts the instructions to leave out, where equal and where not.
        let mut filter = [
            code(LOAD_HALF, 0, 0, 12),
            code(JUMP_IF_EQUAL, 5, 0, 0x0806),
            code(JUMP_IF_EQUAL, 0, 5, 0x86dd),
            code(LOAD, 0, 0, 38),
            code(JUMP_IF_EQUAL, 0, 3, 0xff02_0000),
            code(LOAD, 0, 0, 50),
            code(JUMP_IF_EQUAL, 0, 1, 1),
            code(RETURN, 0, 0, u32::MAX),
            code(RETURN, 0, 0, 0),
        ];
        let program = libc::sock_fprog {
            len: filter.len() as libc::c_ushort,
            filter: filter.as_mut_ptr(),
        };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Receives one frame into `buffer`, and gives it. What does not fit is cut off.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
        let (pointer, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the descriptor is open, and the kernel writes no more than `length` bytes to the buffer, which is borrowed for
        // the call.
        let received = unsafe { libc::recv(self.as_raw_fd(), pointer, length, libc::MSG_DONTWAIT) };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(buffer.get(HEADER_BYTES..received).unwrap_or_default())
    }

    /// Takes the error that the socket reports, so that it can report the next.
    pub(crate) fn take_error(&self) {
        let mut error: c_int = 0;
        let _ = self.get(libc::SOL_SOCKET, libc::SO_ERROR, &mut error);
    }

    /// Frames that found the ring full, since it was opened.
    pub(super) fn dropped(&self) -> u64 {
        let mut more = libc::tpacket_stats_v3 {
            tp_packets: 0,
            tp_drops: 0,
            tp_freeze_q_cnt: 0,
        };
        let read = self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS, &mut more);
        let more = read.map_or(0, |()| u64::from(more.tp_drops));
        self.dropped.fetch_add(more, Ordering::Relaxed) + more
    }

    /// Reads an option, whose value is plain data of integers.
    fn get<T: Copy>(&self, level: c_int, option: c_int, value: &mut T) -> io::Result<()> {
        let mut length = size_of_val(value) as libc::socklen_t;
        let pointer = (&raw mut *value).cast();
        // SAFETY: the descriptor is open, and the kernel writes no more than `length` bytes to the value, which is borrowed for
        // the call and, being integers alone, has no invalid bits.
        let got = unsafe { libc::getsockopt(self.as_raw_fd(), level, option, pointer, &mut length) };
        if got < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    /// Sends messages until one is refused, and returns how many left.
    ///
    /// Errors: that of the first message.
    ///
    /// # Safety
    /// What the messages point to, and what that points to, can be read for the whole call.
    pub(super) unsafe fn send(&self, messages: &mut [libc::mmsghdr]) -> io::Result<usize> {
        let count = messages.len() as libc::c_uint;
        // SAFETY: the descriptor is open; the messages are borrowed for the call, and the caller vouches for what they point to.
        let sent = unsafe { libc::sendmmsg(self.as_raw_fd(), messages.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
        usize::try_from(sent).map_err(|_| match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENXIO) => io::ErrorKind::NotConnected.into(),
            error => error,
        })
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Whether it is the fault of one frame, or of the moment, and the next may be taken.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOBUFS | libc::EMSGSIZE | libc::EINVAL | libc::ENETDOWN | libc::ENOMEM | libc::EINTR)
    )
}
