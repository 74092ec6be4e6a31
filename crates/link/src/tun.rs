//! A TUN device: the kernel's network on one side, us on the other, whole IP packets between. Or a TAP, with Ethernet frames.
//!
//! ```text
//!   sockets of the kernel            10.7.0.1 is the kernel's address,
//!        |                           every other one of 10.7.0.0/24 is ours
//!   syndic0  10.7.0.1/24
//!        |
//!   /dev/net/tun  ->  Tun  ->  AsyncTun
//! ```
//!
//! A TAP differs in what packets begin with ([`Layer::Ethernet`]), and in nothing else: the kernel has an Ethernet interface, and
//! asks on it for our hardware address as for that of any neighbour.
//!
//! Every packet crosses with a virtio-net header ([`crate::vnet`]), even while no offload is on, so that switching offload
//! on later changes no interface.

mod device;
mod nonblocking;
mod options;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use bytes::{Bytes, BytesMut};

pub use nonblocking::AsyncTun;
pub use options::{Existing, Offload, TunOptions};

use crate::error::LinkError;
use crate::face::{Layer, packet_len};
use crate::netlink;
use crate::vnet::{HEADER_BYTES, VnetHeader};
use device::Queues;

/// Packets of up to this many bytes, which is one segment of most networks, are gathered on the stack and leave by `write`:
/// that costs less than `writev`.
const GATHER_BYTES_MAX: usize = 1_536;

/// Slices of one packet that need no allocation on the way out, the header and the head included.
const SLICES: usize = 16;

/// A TUN or TAP device that this process is attached to. When it is dropped, an interface that it made goes away.
///
/// Its operations never wait. [`Tun::into_async`] makes a [`crate::Link`] of it, which knows when to come back.
#[derive(Debug)]
pub struct Tun {
    file: File,
    name: String,
    layer: Layer,
    mtu: u16,
    offload: Offload,
}

impl Tun {
    /// Makes or attaches to the interface, gives it its addresses and MTU, and brings it up.
    ///
    /// It may be called in a tokio runtime and outside of one; it blocks for one or two milliseconds. On an interface that
    /// it made it silences what the kernel would say of its own accord: router solicitations, link-local addresses and the
    /// search for duplicates of them.
    ///
    /// Errors: each says what is missing and what to do, see [`LinkError`].
    pub fn open(options: &TunOptions) -> Result<Self, LinkError> {
        let mut queues = Self::open_queues(options, NonZeroUsize::MIN)?;
        // One was asked for, and one is there.
        queues
            .pop()
            .ok_or_else(|| LinkError::from_io("attach", io::ErrorKind::NotFound.into()))
    }

    /// As [`Tun::open`], with so many queues: each takes a part of what the kernel sends, and whatever is written to any of
    /// them reaches the kernel.
    ///
    /// Which part is the kernel's choice. It learns the queue of a flow from what is written, and forgets it after some
    /// seconds, or when there are too many: whoever reads a queue must be ready for any packet. On an interface that was
    /// prepared for several queues one may be opened too; if another process has some of the others, it takes their part.
    ///
    /// Bounds: at most 256 queues.
    ///
    /// Errors: those of [`Tun::open`]; [`LinkError::SingleQueue`] for an interface that was made without; and
    /// [`LinkError::TooManyQueues`].
    pub fn open_queues(options: &TunOptions, queues: NonZeroUsize) -> Result<Vec<Self>, LinkError> {
        options.check()?;
        let requested = options.requested_name();
        let existed = nix::net::if_::if_nametoindex(requested).is_ok();
        let first = device::open()?;
        let name = attach_first(&first, requested, queues, options)?;
        let mut files = vec![first];
        while files.len() < queues.get() {
            let file = device::open()?;
            device::attach(&file, &name, options.layer, Queues::Many, false)?;
            files.push(file);
        }
        for file in &files {
            let failed = |source| LinkError::from_io(format!("set up the packet header of {name}"), source);
            device::set_header_bytes(file).map_err(failed)?;
            device::set_offload(file, options.offload).map_err(failed)?;
        }
        if !existed {
            silence(&name);
        }
        configure(&name, options)?;
        let queue = |file| Self {
            file,
            name: name.clone(),
            layer: options.layer,
            mtu: options.mtu,
            offload: options.offload,
        };
        Ok(files.into_iter().map(queue).collect())
    }

    /// Takes this queue's part of the packets away from it, and gives it to the others. Those that wait in it are lost.
    ///
    /// Errors: [`io::ErrorKind::InvalidInput`] on an interface with a single queue, or twice.
    pub fn detach(&self) -> io::Result<()> {
        device::set_queue(&self.file, false)
    }

    /// Gives a queue that was [detached](Self::detach) its part of the packets again.
    ///
    /// Errors: [`io::ErrorKind::InvalidInput`] if it was not.
    pub fn attach(&self) -> io::Result<()> {
        device::set_queue(&self.file, true)
    }

    /// The name of the interface, which the kernel chose if nobody did.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The MTU that the interface was given. Units: bytes.
    pub const fn mtu(&self) -> u16 {
        self.mtu
    }

    /// What packets begin with: whether it is a TUN or a TAP.
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// The offload that is on.
    pub const fn offload(&self) -> Offload {
        self.offload
    }

    /// Switches offload on or off. Packets that are on their way already keep their form.
    pub fn set_offload(&mut self, offload: Offload) -> io::Result<()> {
        device::set_offload(&self.file, offload)?;
        self.offload = offload;
        Ok(())
    }

    /// Registers the device with the tokio runtime of the caller.
    ///
    /// Errors: those of the runtime's poller.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without its I/O driver.
    pub fn into_async(self) -> io::Result<AsyncTun> {
        AsyncTun::new(self)
    }

    /// Reads one packet, as [`crate::Link::try_read`] does.
    pub fn try_read(&self, buffer: &mut BytesMut) -> io::Result<VnetHeader> {
        let before = buffer.len();
        let bytes = device::read(&self.file, buffer).map_err(refusal)?;
        VnetHeader::decode(bytes).map_err(|error| {
            buffer.truncate(before);
            io::Error::new(io::ErrorKind::InvalidData, error)
        })
    }

    /// Writes one packet, as [`crate::Link::try_write`] does.
    ///
    /// Errors: [`io::ErrorKind::NetworkDown`] while the interface is down; [`io::ErrorKind::NotConnected`] when it was
    /// removed; [`io::ErrorKind::InvalidInput`] for what the kernel does not take for an IP packet, or for a header that
    /// does not fit it.
    pub fn try_write(&self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        let len = packet_len(self.layer, head, payload)?;
        let header = header.encode();
        let written = if len <= GATHER_BYTES_MAX {
            self.write_gathered(&header, head, payload)
        } else {
            self.write_slices(&header, head, payload)
        };
        match written.map_err(refusal)? {
            all if all == HEADER_BYTES + len => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn write_gathered(&self, header: &[u8; HEADER_BYTES], head: &[u8], payload: &[Bytes]) -> io::Result<usize> {
        let mut packet = [0; HEADER_BYTES + GATHER_BYTES_MAX];
        let mut end = 0;
        for part in [header, head].into_iter().chain(payload.iter().map(|slice| &slice[..])) {
            packet[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        (&self.file).write(&packet[..end])
    }

    fn write_slices(&self, header: &[u8; HEADER_BYTES], head: &[u8], payload: &[Bytes]) -> io::Result<usize> {
        if payload.len() > SLICES - 2 {
            // One packet must be one `writev`, whose slices are limited: more than these are joined first.
            return self.write_slices(header, head, &[Bytes::from(payload.concat())]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        slices[0] = IoSlice::new(header);
        slices[1] = IoSlice::new(head);
        for (slice, part) in slices[2..].iter_mut().zip(payload) {
            *slice = IoSlice::new(part);
        }
        (&self.file).write_vectored(&slices[..2 + payload.len()])
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Tun {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// Attaches the first queue, which settles of which kind a new interface is, and returns the name that it has.
fn attach_first(file: &File, name: &str, queues: NonZeroUsize, options: &TunOptions) -> Result<String, LinkError> {
    let layer = options.layer;
    let is_one = queues == NonZeroUsize::MIN;
    let (wanted, other) = if is_one {
        (Queues::One, Queues::Many)
    } else {
        (Queues::Many, Queues::One)
    };
    match device::attach(file, name, layer, wanted, options.existing == Existing::Refuse) {
        // It may be of the other kind. One queue of many is as good as a single one.
        Err(LinkError::NotTun { .. }) => match device::attach(file, name, layer, other, false) {
            Ok(_) if !is_one => Err(LinkError::SingleQueue { name: name.to_owned() }),
            attached => attached,
        },
        attached => attached,
    }
}

/// Whether this process may open `/dev/net/tun`, as every TUN needs. It says nothing about making an interface.
///
/// Errors: [`LinkError::DeviceForbidden`], [`LinkError::DeviceMissing`], [`LinkError::Io`].
pub fn check_device() -> Result<(), LinkError> {
    device::open().map(drop)
}

/// Gives the refusals of the device a kind that says what they mean for a TUN.
fn refusal(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EIO) => io::ErrorKind::NetworkDown.into(),
        Some(libc::EBADFD) => io::ErrorKind::NotConnected.into(),
        _ => error,
    }
}

/// Addresses, MTU and up. What an existing interface has already is left alone: it may be all we are allowed.
fn configure(name: &str, options: &TunOptions) -> Result<(), LinkError> {
    netlink::run(async |handle| {
        let mut interface = netlink::interface(handle, name).await?;
        interface.bring_up(handle, Some(options.mtu)).await?;
        let present = interface.addresses(handle).await?;
        for (address, prefix) in &options.addresses {
            if !present.contains(&(*address, *prefix)) {
                interface.add_address(handle, *address, *prefix).await?;
            }
        }
        Ok(())
    })
}

/// Asks the kernel to say nothing of its own accord on an interface of ours. Without IPv6 the files are not there, and
/// where they cannot be written the packets do no harm: so failures do not matter.
pub(crate) fn silence(name: &str) {
    for (setting, value) in [
        ("disable_ipv6", "0"),
        ("addr_gen_mode", "1"),
        ("router_solicitations", "0"),
        ("accept_dad", "0"),
    ] {
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/{setting}"), value);
    }
}
