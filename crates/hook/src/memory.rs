//! The caller's memory and descriptors: everything that crosses the C interface by pointer is read and written here.
//!
//! The functions are unsafe because a pointer is believed: what C says is a buffer of so many bytes has to be one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::ptr;

use libc::{c_int, c_void, iovec, msghdr, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

use crate::errno::Errno;

/// Most buffers of one vectored call, as Linux has it.
const IOV_MAX: usize = 1024;

const FAULT: Errno = Errno(libc::EFAULT);

/// A descriptor that nobody else has, for something of ours: only its number matters.
pub(crate) fn new_descriptor() -> Result<RawFd, Errno> {
    // SAFETY: eventfd takes no pointer.
    match unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) } {
        -1 => Err(Errno(
            std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EMFILE),
        )),
        fd => Ok(fd),
    }
}

/// Gives a descriptor of [`new_descriptor`] back.
pub(crate) fn close_descriptor(fd: RawFd) {
    // SAFETY: the number came from `new_descriptor`, and its owner closes it once.
    unsafe { libc::close(fd) };
}

/// Makes `errno` what the caller will read.
pub(crate) fn set_errno(Errno(number): Errno) {
    // SAFETY: the location is the calling thread's own.
    unsafe { *libc::__errno_location() = number };
}

/// Reads an address; one of IPv4 in IPv6's clothes becomes what it is.
///
/// # Safety
/// `addr` is null or points to `len` readable bytes.
pub(crate) unsafe fn read_address(addr: *const sockaddr, len: socklen_t) -> Result<SocketAddr, Errno> {
    let len = len as usize;
    if addr.is_null() || len < size_of::<libc::sa_family_t>() {
        return Err(if addr.is_null() { FAULT } else { Errno(libc::EINVAL) });
    }
    // SAFETY: at least the family is there; the rest is read after its length was looked at, whatever its alignment.
    let family = unsafe { ptr::read_unaligned(addr.cast::<libc::sa_family_t>()) };
    match c_int::from(family) {
        libc::AF_INET if len >= size_of::<sockaddr_in>() => {
            // SAFETY: as above.
            let a = unsafe { ptr::read_unaligned(addr.cast::<sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr));
            Ok(SocketAddr::new(ip.into(), u16::from_be(a.sin_port)))
        }
        libc::AF_INET6 if len >= size_of::<sockaddr_in6>() => {
            // SAFETY: as above.
            let a = unsafe { ptr::read_unaligned(addr.cast::<sockaddr_in6>()) };
            let ip = IpAddr::from(Ipv6Addr::from(a.sin6_addr.s6_addr)).to_canonical();
            Ok(SocketAddr::new(ip, u16::from_be(a.sin6_port)))
        }
        libc::AF_INET | libc::AF_INET6 => Err(Errno(libc::EINVAL)),
        _ => Err(Errno(libc::EAFNOSUPPORT)),
    }
}

/// Writes an address as a socket of IPv6 or IPv4 tells it; as much as there is room for, and its whole length. A null
/// pointer wants none.
///
/// # Safety
/// `len` is null or points to a length, and `to` is null or points to so many writable bytes.
pub(crate) unsafe fn write_address(from: SocketAddr, is_v6: bool, to: *mut sockaddr, len: *mut socklen_t) {
    if to.is_null() || len.is_null() {
        return;
    }
    let port = from.port().to_be();
    let mut text = Vec::new();
    match from.ip() {
        IpAddr::V4(ip) if !is_v6 => {
            text.extend_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            text.extend_from_slice(&port.to_ne_bytes());
            text.extend_from_slice(&ip.octets());
            text.resize(size_of::<sockaddr_in>(), 0);
        }
        ip => {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            text.extend_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            text.extend_from_slice(&port.to_ne_bytes());
            text.extend_from_slice(&[0; 4]);
            text.extend_from_slice(&ip.octets());
            text.extend_from_slice(&[0; 4]);
        }
    }
    // SAFETY: no more is written than the caller says there is room for.
    unsafe {
        let room = text.len().min(*len as usize);
        ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), room);
        *len = text.len() as socklen_t;
    }
}

/// The caller's bytes.
///
/// # Safety
/// `from` points to `len` readable bytes, or `len` is 0.
pub(crate) unsafe fn read_bytes(from: *const c_void, len: usize) -> Result<Vec<u8>, Errno> {
    if len == 0 {
        return Ok(Vec::new());
    }
    if from.is_null() || isize::try_from(len).is_err() {
        return Err(FAULT);
    }
    // SAFETY: the caller's word, and not null.
    Ok(unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len) }.to_vec())
}

/// Writes to the caller's buffer.
///
/// # Safety
/// `to` points to at least as many writable bytes, or `bytes` is empty.
pub(crate) unsafe fn write_bytes(bytes: &[u8], to: *mut c_void) -> Result<(), Errno> {
    if bytes.is_empty() {
        return Ok(());
    }
    if to.is_null() {
        return Err(FAULT);
    }
    // SAFETY: the caller's word; a vector of ours overlaps nothing of the caller's.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast(), bytes.len()) };
    Ok(())
}

/// Writes a value to where a pointer says, which may be anywhere.
///
/// # Safety
/// `to` is null or points to room for a `T`.
pub(crate) unsafe fn write_value<T>(value: T, to: *mut T) -> Result<(), Errno> {
    if to.is_null() {
        return Err(FAULT);
    }
    // SAFETY: the caller's word, and not null.
    unsafe { ptr::write_unaligned(to, value) };
    Ok(())
}

/// Reads a value.
///
/// # Safety
/// `from` is null or points to a `T`.
pub(crate) unsafe fn read_value<T: Copy>(from: *const T) -> Result<T, Errno> {
    if from.is_null() {
        return Err(FAULT);
    }
    // SAFETY: the caller's word, and not null.
    Ok(unsafe { ptr::read_unaligned(from) })
}

/// An array of the caller's.
///
/// # Safety
/// `from` points to `len` values, or `len` is 0.
pub(crate) unsafe fn read_values<T: Copy>(from: *const T, len: usize, most: usize) -> Result<Vec<T>, Errno> {
    if len > most {
        return Err(Errno(libc::EINVAL));
    }
    // SAFETY: the caller's word; null is refused where a value would be read.
    (0..len).map(|i| unsafe { read_value(from.wrapping_add(i)) }).collect()
}

/// Buffers of the caller's that are filled or emptied one after the other.
pub(crate) struct Vector(Vec<iovec>);

impl Vector {
    /// Reads the list of buffers.
    ///
    /// # Safety
    /// `iov` points to `count` buffers, or `count` is 0; each points to as many bytes as it says, until the last use.
    pub(crate) unsafe fn new(iov: *const iovec, count: c_int) -> Result<Self, Errno> {
        let count = usize::try_from(count).map_err(|_| Errno(libc::EINVAL))?;
        // SAFETY: the caller's word.
        Ok(Self(unsafe { read_values(iov, count, IOV_MAX) }?))
    }

    /// The buffers of a message.
    ///
    /// # Safety
    /// `message` is null or points to a message whose buffers are as [`Vector::new`] asks.
    pub(crate) unsafe fn of_message(message: *const msghdr) -> Result<Self, Errno> {
        // SAFETY: the caller's word.
        let message = unsafe { read_value(message) }?;
        let count = message.msg_iovlen.min(IOV_MAX + 1) as c_int;
        // SAFETY: the caller's word.
        unsafe { Self::new(message.msg_iov, count) }
    }

    /// Units: bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().fold(0, |sum: usize, one| sum.saturating_add(one.iov_len))
    }

    /// All their bytes.
    ///
    /// # Safety
    /// As [`Vector::new`] asks.
    pub(crate) unsafe fn gather(&self) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        for one in &self.0 {
            // SAFETY: the caller's word.
            all.extend(unsafe { read_bytes(one.iov_base, one.iov_len) }?);
        }
        Ok(all)
    }

    /// Spreads bytes over them. What they have no room for is lost.
    ///
    /// # Safety
    /// As [`Vector::new`] asks, and the buffers are writable.
    pub(crate) unsafe fn scatter(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        for one in &self.0 {
            let (now, rest) = bytes.split_at(bytes.len().min(one.iov_len));
            // SAFETY: the caller's word.
            unsafe { write_bytes(now, one.iov_base) }?;
            bytes = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_went() {
        for (name, text, is_v6, len) in [
            ("IPv4", "192.0.2.1:80", false, 16),
            ("IPv6", "[fd00::1]:8080", true, 28),
            ("IPv4 on a socket of IPv6", "192.0.2.1:80", true, 28),
        ] {
            let addr: SocketAddr = text.parse().unwrap();
            let mut room = [0u8; 28];
            let mut length = room.len() as socklen_t;
            // SAFETY: the buffer is as long as it says.
            let back = unsafe {
                write_address(addr, is_v6, room.as_mut_ptr().cast(), &mut length);
                read_address(room.as_ptr().cast(), length)
            };
            assert_eq!((back, length), (Ok(addr), len), "{name}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let room = [0u8; 16];
        // SAFETY: the buffer is as long as it says, or null.
        let (none, short, unknown) = unsafe {
            (
                read_address(ptr::null(), 16),
                read_address(room.as_ptr().cast(), 1),
                read_address(room.as_ptr().cast(), 16),
            )
        };
        assert_eq!(none, Err(FAULT));
        assert_eq!(short, Err(Errno(libc::EINVAL)));
        assert_eq!(unknown, Err(Errno(libc::EAFNOSUPPORT)));
    }

    #[test]
    fn vectors_gather_and_scatter() {
        let (mut one, mut two) = ([1u8, 2, 3], [4u8, 5]);
        let list = [
            iovec {
                iov_base: one.as_mut_ptr().cast(),
                iov_len: 3,
            },
            iovec {
                iov_base: two.as_mut_ptr().cast(),
                iov_len: 2,
            },
        ];
        // SAFETY: the buffers are as long as they say.
        let gathered = unsafe {
            let vector = Vector::new(list.as_ptr(), 2).unwrap();
            assert_eq!(vector.len(), 5);
            vector.scatter(&[9, 8, 7, 6]).unwrap();
            vector.gather()
        };
        assert_eq!(gathered, Ok(vec![9, 8, 7, 6, 5]));
        // SAFETY: nothing is read.
        assert!(unsafe { Vector::new(list.as_ptr(), -1) }.is_err());
    }
}
