//! An AF_XDP socket: frames for our addresses leave the kernel's path before it has made anything of them.
//!
//! ```text
//!   interface ──▶ program: for one of our addresses? ──no──▶ the kernel, as ever
//!       ▲              │ yes
//!       │              ▼
//!       │         receive ring ──▶ Xdp ──▶ take(frame) ──▶ fill ring: the frame's memory, for another
//!       └── transmit ring ◀───────── one wake-up a batch       completion ring: memory of frames that left
//! ```
//!
//! The kernel keeps the interface and all its own traffic; what is for us never reaches it. Frames lie in memory shared with
//! the kernel (UMEM); where the driver can, it reads and writes them there (zero-copy), else the kernel copies.
//!
//! There is no offload: frames are of one MTU, checksums are complete, and those received are not vouched for. A veth's other
//! end leaves checksums to hardware that is not there, and has to be told not to: `ethtool -K PEER tx off`.
//!
//! What to read first: the kernel's `Documentation/networking/af_xdp.rst`.

mod bpf;
mod program;
mod rings;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::xdp::socket::XdpSocket;
use bytes::Bytes;

use crate::counters::{Losses, Meter};
use crate::error::LinkError;
use crate::face::{Layer, packet_len};
use crate::frames::{FrameLink, HardwareAddress};
use crate::interface::Ethernet;
use crate::packet::Socket;
use crate::presence::Presence;
use crate::tun::Offload;
use crate::vnet::VnetHeader;
use crate::watched::Watched;
use bpf::Attached;
use rings::Rings;

/// How often, and how far apart, the queue is asked for while another socket seems to have it: one that was closed a moment ago
/// gives it back from a work queue of the kernel's, which says nothing.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// What [`Xdp::open`] opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdpOptions {
    /// The interface's name: an Ethernet interface that is up.
    pub interface: String,
    /// Which of its receive queues; the first is 0. Frames that the interface puts in others go to the kernel.
    pub queue: u32,
    /// Addresses that frames are to come for. The interface is asked for the multicast groups in which neighbours look for
    /// the IPv6 ones.
    pub addresses: Vec<IpAddr>,
}

/// An AF_XDP socket on one queue of an interface, in the tokio runtime that it was opened in. When it is dropped, the program
/// is taken off the interface; the kernel does so too when the process dies.
pub struct Xdp {
    /// Goes first: no frame is to be redirected to a socket that is going.
    _program: Attached,
    fd: Watched<Arc<XdpSocket>>,
    rings: Rings,
    presence: Presence,
}

impl Xdp {
    /// Opens the socket, attaches the program, and registers both with the runtime of the caller. It blocks for some
    /// milliseconds.
    ///
    /// Errors: each says what is missing and what to do, see [`LinkError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without its drivers of I/O and time.
    pub fn open(options: &XdpOptions) -> Result<Self, LinkError> {
        let ethernet = Ethernet::find(&options.interface)?;
        let failed = |doing: &str, source: io::Error| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => LinkError::XdpForbidden {
                interface: options.interface.clone(),
            },
            Some(libc::EBUSY | libc::EEXIST) => LinkError::XdpTaken {
                interface: options.interface.clone(),
            },
            Some(libc::EAFNOSUPPORT) => LinkError::XdpUnsupported,
            _ => LinkError::from_io(format!("{doing} {}", options.interface), source),
        };
        if ethernet.mtu > rings::MTU_MAX {
            return Err(LinkError::XdpMtu {
                interface: options.interface.clone(),
                mtu: ethernet.mtu,
                max: rings::MTU_MAX,
            });
        }
        // What every station is told, the kernel is told too: the program leaves it alone, and we hear of it like others.
        let groups = Socket::open().map_err(|source| failed("watch", source))?;
        groups
            .join_groups(ethernet.index, &options.addresses)
            .and_then(|()| groups.heed_announcements())
            .and_then(|()| groups.bind(ethernet.index, libc::ETH_P_ALL))
            .map_err(|source| failed("watch", source))?;
        let (socket, rings) = open_rings(&ethernet, options.queue).map_err(|source| match source.raw_os_error() {
            Some(libc::EINVAL) => LinkError::NoSuchQueue {
                interface: options.interface.clone(),
                queue: options.queue,
            },
            _ => failed("open an AF_XDP socket on", source),
        })?;
        let program = Attached::new(
            ethernet.index,
            options.queue,
            &socket,
            &wanted(&ethernet, &options.addresses),
        )
        .map_err(|source| failed("attach a program to", source))?;
        // SAFETY: the `Arc` owns the socket, which opens no other descriptor and closes it when the last holder drops it; the
        // `Watched` is one of them.
        let fd = unsafe { Watched::register(Arc::new(socket)) }.map_err(|source| failed("wait for", source))?;
        let presence = Presence::new(groups, ethernet).map_err(|source| failed("wait for", source))?;
        Ok(Self {
            _program: program,
            fd,
            rings,
            presence,
        })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.presence.ethernet.name
    }

    /// Whether the driver reads and writes frames where they lie. The kernel copies them otherwise.
    pub fn is_zero_copy(&self) -> bool {
        self.rings.is_zero_copy
    }
}

fn open_rings(ethernet: &Ethernet, queue: u32) -> io::Result<(XdpSocket, Rings)> {
    for _ in 1..ATTEMPTS {
        match Rings::open(ethernet, queue) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => std::thread::sleep(PAUSE),
            opened => return opened,
        }
    }
    Rings::open(ethernet, queue)
}

/// The addresses in whose frames we are interested: ours, and those by which neighbours reach us without knowing us.
fn wanted(ethernet: &Ethernet, addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut wanted = addresses.to_vec();
    if addresses.iter().any(IpAddr::is_ipv6) {
        // Spec: RFC 4291 appendix A (the link-local address), section 2.7.1 (the solicited-node address)
        let [a, b, c, d, e, f] = ethernet.address.map(u16::from);
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f);
        wanted.push(link_local.into());
    }
    let solicited = wanted.iter().filter_map(|address| match address {
        IpAddr::V6(v6) => {
            let [.., high, low] = v6.segments();
            Some(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | high & 0xff, low).into())
        }
        _ => None,
    });
    let solicited: Vec<IpAddr> = solicited.collect();
    wanted.extend(solicited);
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

impl FrameLink for Xdp {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        max: usize,
        mut take: impl FnMut(VnetHeader, &[u8]),
    ) -> Poll<io::Result<()>> {
        let Self {
            fd, rings, presence, ..
        } = self;
        let mut take = |frame: &[u8]| take(VnetHeader::default(), frame);
        if presence.receive(&mut take) || rings.receive(max, &mut take) > 0 {
            presence.confirm();
            return Poll::Ready(Ok(()));
        }
        match fd.poll_readable(cx, || rings.receive(max, &mut take) > 0) {
            Poll::Pending => {}
            ready => return ready,
        }
        match presence.fd.poll_readable(cx, || presence.receive(&mut take)) {
            Poll::Pending => presence.poll_removed(cx),
            ready => ready,
        }
    }

    fn send(&mut self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        let len = packet_len(Layer::Ethernet, head, payload)?;
        if header.needs_checksum.is_some() || header.gso.is_some() || len > self.rings.frame_bytes_max() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if self.rings.is_full() {
            self.flush()?;
        }
        self.rings.queue(head, payload)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.rings.flush(self.fd.get()) {
            // An interface that is down loses frames; one that was removed is the end.
            Err(error) if error.kind() == io::ErrorKind::NetworkDown => self.presence.ethernet.check(),
            flushed => flushed,
        }
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { fd, rings, .. } = self;
        let mut error = None;
        let ready = fd.poll_writable_if(cx, || match rings.flush(fd.get()) {
            Ok(()) => !rings.is_full(),
            Err(blocked) if blocked.kind() == io::ErrorKind::WouldBlock => false,
            Err(other) => {
                error = Some(other);
                true
            }
        });
        match error {
            Some(error) => Poll::Ready(Err(error)),
            None => ready,
        }
    }

    fn mtu(&self) -> u16 {
        self.presence.ethernet.mtu
    }

    fn offload(&self) -> Offload {
        Offload::None
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.presence.ethernet.address
    }

    fn meter(&self) -> Meter {
        let socket = self.fd.get().clone();
        Meter::new(move || {
            let Ok(statistics) = socket.statistics() else {
                return Losses::default();
            };
            Losses {
                received: statistics.rx_dropped + statistics.rx_ring_full + statistics.rx_fill_ring_empty_descs,
                sent: statistics.tx_invalid_descs,
            }
        })
    }
}
