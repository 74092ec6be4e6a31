//! `/dev/net/tun` itself: opening it, its ioctls, and `readv` into a buffer that is not initialised.
//!
//! The unsafe code of the TUN is here, behind functions that are safe to call.

use std::ffi::c_char;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use bytes::{BufMut, BytesMut};

use super::options::Offload;
use crate::error::LinkError;
use crate::face::{FRAME_BYTES_MAX, Layer};
use crate::vnet::HEADER_BYTES;

const PATH: &str = "/dev/net/tun";

mod ioctl {
    use super::c_char;

    nix::ioctl_readwrite_bad!(set_interface, libc::TUNSETIFF, libc::ifreq);
    nix::ioctl_write_int_bad!(set_offload, libc::TUNSETOFFLOAD);
    nix::ioctl_write_ptr_bad!(set_header_bytes, libc::TUNSETVNETHDRSZ, libc::c_int);
    nix::ioctl_write_ptr_bad!(set_queue, libc::TUNSETQUEUE, libc::ifreq);

    /// A request about the interface of this name, which must be shorter than the field.
    pub(super) fn request(name: &str, flags: libc::c_int) -> libc::ifreq {
        let mut ifr_name = [0 as c_char; libc::IFNAMSIZ];
        for (to, from) in ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as c_char;
        }
        let mut ifr_ifru = libc::__c_anonymous_ifr_ifru {
            ifru_newname: [0; libc::IFNAMSIZ],
        };
        ifr_ifru.ifru_flags = flags as libc::c_short;
        libc::ifreq { ifr_name, ifr_ifru }
    }
}

/// Opens the device, without blocking, and not yet attached to any interface.
pub(super) fn open() -> Result<File, LinkError> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(PATH);
    opened.map_err(|source| match source.raw_os_error() {
        Some(libc::EACCES) => LinkError::DeviceForbidden,
        // EPERM: a container whose device rules leave it out.
        Some(libc::EPERM) => LinkError::DeviceForbidden,
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO | libc::ENOTDIR) => LinkError::DeviceMissing,
        _ => LinkError::from_io(format!("open {PATH}"), source),
    })
}

/// How many queues an interface has, which is settled when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queues {
    One,
    /// Up to 256, each with a descriptor of its own.
    Many,
}

/// Attaches to the interface of that name, which is made if there is none, and returns the name that it has.
pub(super) fn attach(
    file: &File,
    name: &str,
    layer: Layer,
    queues: Queues,
    exclusive: bool,
) -> Result<String, LinkError> {
    let mut flags = libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    flags |= match layer {
        Layer::Ip => libc::IFF_TUN,
        Layer::Ethernet => libc::IFF_TAP,
    };
    if queues == Queues::Many {
        flags |= libc::IFF_MULTI_QUEUE;
    }
    if exclusive {
        flags |= libc::IFF_TUN_EXCL;
    }
    let mut request = ioctl::request(name, flags);
    // SAFETY: the descriptor is open, and TUNSETIFF reads and writes one `ifreq`, which `request` is for the whole call.
    let attached = unsafe { ioctl::set_interface(file.as_raw_fd(), &mut request) };
    attached.map_err(|errno| match errno as i32 {
        // A pattern is a name that nobody typed.
        libc::EPERM if name.contains('%') => LinkError::NotPermitted {
            doing: format!("create a {layer} interface"),
        },
        libc::EPERM => LinkError::NotPermitted {
            doing: format!("create or attach to the interface {name}"),
        },
        libc::EBUSY | libc::EEXIST => LinkError::NameTaken { name: name.to_owned() },
        libc::EINVAL => LinkError::NotTun {
            name: name.to_owned(),
            layer,
        },
        libc::E2BIG => LinkError::TooManyQueues { name: name.to_owned() },
        _ => LinkError::from_io(format!("create the interface {name}"), errno.into()),
    })?;
    let actual = request
        .ifr_name
        .iter()
        .take_while(|c| **c != 0)
        .map(|c| *c as u8)
        .collect();
    // Names that we ask for are UTF-8, and so is what the kernel makes of the pattern.
    String::from_utf8(actual).map_err(|error| LinkError::from_io("read the interface's name", io::Error::other(error)))
}

/// Gives a queue its share of the packets, or takes it away. The descriptor stays open either way.
pub(super) fn set_queue(file: &File, attached: bool) -> io::Result<()> {
    let flag = if attached {
        libc::IFF_ATTACH_QUEUE
    } else {
        libc::IFF_DETACH_QUEUE
    };
    let request = ioctl::request("", flag);
    // SAFETY: the descriptor is open, and TUNSETQUEUE reads one `ifreq`, which lives through the call.
    unsafe { ioctl::set_queue(file.as_raw_fd(), &request) }?;
    Ok(())
}

/// Settles the length of the header: an existing interface may have been given another.
pub(super) fn set_header_bytes(file: &File) -> io::Result<()> {
    let bytes = HEADER_BYTES as libc::c_int;
    // SAFETY: the descriptor is open, and TUNSETVNETHDRSZ reads one `int`, which lives through the call.
    unsafe { ioctl::set_header_bytes(file.as_raw_fd(), &bytes) }?;
    Ok(())
}

/// Says what the kernel may leave to us.
pub(super) fn set_offload(file: &File, offload: Offload) -> io::Result<()> {
    let flags = match offload {
        Offload::None => 0,
        Offload::Checksum => libc::TUN_F_CSUM,
        Offload::Tso => libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6,
    };
    // SAFETY: the descriptor is open, and TUNSETOFFLOAD takes its flags as a plain value and touches no memory of ours.
    unsafe { ioctl::set_offload(file.as_raw_fd(), flags as libc::c_int) }?;
    Ok(())
}

/// Reads one packet: its header into an array, its bytes behind what `buffer` holds.
///
/// The kernel cuts off what does not fit without a word, so there is always room for the largest packet.
pub(super) fn read(file: &File, buffer: &mut BytesMut) -> io::Result<[u8; HEADER_BYTES]> {
    buffer.reserve(FRAME_BYTES_MAX);
    let mut header = [0_u8; HEADER_BYTES];
    let packet_len = {
        let room = buffer.spare_capacity_mut();
        read_parts(file.as_raw_fd(), &mut header, room)?
    };
    // SAFETY: `read_parts` initialised the first `packet_len` bytes of the spare capacity.
    unsafe { buffer.advance_mut(packet_len) };
    Ok(header)
}

/// `readv` of a header and a packet; returns the length of the packet, all of which is initialised then.
fn read_parts(fd: RawFd, header: &mut [u8; HEADER_BYTES], room: &mut [std::mem::MaybeUninit<u8>]) -> io::Result<usize> {
    let parts = [
        libc::iovec {
            iov_base: header.as_mut_ptr().cast(),
            iov_len: header.len(),
        },
        libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: room.len(),
        },
    ];
    // SAFETY: both parts point at memory that we borrow mutably for the whole call, with its true length; the kernel
    // only writes to it, so the room need not be initialised.
    let read = unsafe { libc::readv(fd, parts.as_ptr(), parts.len() as libc::c_int) };
    let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    read.checked_sub(HEADER_BYTES)
        .filter(|len| *len > 0)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
