//! Whether an interface of somebody else's is still there.
//!
//! A packet socket is told when its interface goes down, and a removed one goes down first: so one watches, even where frames
//! go another way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::Interest;
use tokio::time::{Sleep, sleep};

use crate::interface::Ethernet;
use crate::packet::Socket;
use crate::watched::Watched;

/// How often an interface that is down is looked for: that it is removed after it went down is not told.
const LOOK: Duration = Duration::from_millis(500);

/// More than any announcement of a neighbour's takes.
const ANNOUNCEMENT_BYTES: usize = 512;

/// An interface, and a packet socket bound to it.
pub(crate) struct Presence {
    pub(crate) fd: Watched<Arc<Socket>>,
    pub(crate) ethernet: Ethernet,
    /// Since the interface went down, until a frame arrives: when to look whether it is still there.
    doubt: Option<Pin<Box<Sleep>>>,
}

impl Presence {
    /// Registers the socket with the runtime of the caller.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without its drivers of I/O and time.
    pub(crate) fn new(socket: Socket, ethernet: Ethernet) -> io::Result<Self> {
        // SAFETY: the `Arc` owns the socket, which opens no other descriptor and closes it when the last holder drops it; the
        // `Watched` is one of them.
        let fd = unsafe { Watched::register(Arc::new(socket)) }?;
        Ok(Self {
            fd,
            ethernet,
            doubt: None,
        })
    }

    /// A frame has arrived.
    pub(crate) fn confirm(&mut self) {
        self.doubt = None;
    }

    /// Hands on one frame that the socket has received, if there is one.
    pub(crate) fn receive(&self, take: &mut impl FnMut(&[u8])) -> bool {
        let mut buffer = [0; ANNOUNCEMENT_BYTES];
        let received = self
            .fd
            .try_io(Interest::READABLE, |socket| socket.receive(&mut buffer).map(&mut *take));
        received.is_ok()
    }

    /// Never `Ready(Ok)`. One that is only down may come up again.
    ///
    /// Errors: [`io::ErrorKind::NotConnected`] when the interface was removed.
    pub(crate) fn poll_removed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.fd.poll_error(cx).is_ready() {
            self.fd.get().take_error();
            self.doubt.get_or_insert_with(|| Box::pin(sleep(LOOK)));
            self.ethernet.check()?;
        }
        if let Some(doubt) = &mut self.doubt {
            while doubt.as_mut().poll(cx).is_ready() {
                self.ethernet.check()?;
                doubt.set(sleep(LOOK));
            }
        }
        Poll::Pending
    }
}
