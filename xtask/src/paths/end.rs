//! Where the relay takes packets from and gives them to: a TUN of a kernel's network, or a stack of ours in this process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use anyhow::Context as _;
use bytes::BytesMut;
use link::{Link as _, Memory, Tun, VnetHeader, take_packet};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// One end of the path.
pub(super) enum End {
    Tun(Tun),
    Memory(Ours),
}

/// The near end of a link in memory, and a descriptor that says when there is something to read.
pub(super) struct Ours {
    link: Memory,
    bell: Arc<Bell>,
    waker: Waker,
}

/// A descriptor that is readable once it was rung.
struct Bell(EventFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // It is readable already if it cannot take more.
        let _ = self.0.write(1);
    }
}

impl Ours {
    pub(super) fn new(link: Memory) -> anyhow::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let bell = Arc::new(Bell(
            EventFd::from_flags(flags).context("cannot make an event descriptor")?,
        ));
        let waker = Waker::from(bell.clone());
        Ok(Self { link, bell, waker })
    }

    fn try_read(&self, room: &mut BytesMut) -> io::Result<VnetHeader> {
        match self.link.try_read(room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        // Nothing is there: from here on the bell rings. What came in between is read at once.
        let _ = self.bell.0.read();
        match self.link.poll_read_ready(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(ready) => {
                ready?;
                self.link.try_read(room)
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl End {
    /// The next packet that its host has sent; `None` when there is none now.
    pub(super) fn take(&self, room: &mut BytesMut) -> anyhow::Result<Option<BytesMut>> {
        let read = match self {
            Self::Tun(tun) => tun.try_read(room),
            Self::Memory(ours) => ours.try_read(room),
        };
        match read {
            Ok(_) => Ok(Some(take_packet(room))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error).context("cannot read from an end of the path"),
        }
    }

    /// Gives its host a packet.
    pub(super) fn give(&self, packet: &[u8]) -> anyhow::Result<()> {
        let written = match self {
            Self::Tun(tun) => tun.try_write(VnetHeader::default(), packet, &[]),
            Self::Memory(ours) => ours.link.try_write(VnetHeader::default(), packet, &[]),
        };
        written.context("cannot write to an end of the path")
    }
}

/// Readable when a packet waits.
impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tun(tun) => tun.as_fd(),
            Self::Memory(ours) => ours.bell.0.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use link::memory::{self, MemoryOptions};
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn is_readable(end: &End) -> bool {
        let mut fds = [PollFd::new(end.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn the_bell_rings_for_each_packet_that_finds_the_queue_empty() {
        let (near, far) = memory::pair(MemoryOptions::default());
        let end = End::Memory(Ours::new(near).unwrap());
        let mut room = BytesMut::new();
        for round in 0..3_u8 {
            assert!(end.take(&mut room).unwrap().is_none());
            assert!(!is_readable(&end), "round {round}: nothing is there");
            far.try_write(VnetHeader::default(), &[round], &[]).unwrap();
            far.try_write(VnetHeader::default(), &[round + 1], &[]).unwrap();
            assert!(is_readable(&end), "round {round}");
            assert_eq!(end.take(&mut room).unwrap().as_deref(), Some(&[round][..]));
            assert_eq!(end.take(&mut room).unwrap().as_deref(), Some(&[round + 1][..]));
        }
    }
}
