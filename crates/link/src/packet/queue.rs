//! Frames on their way out, gathered until one system call takes them all.

use std::io;

use bytes::Bytes;

use super::socket::Socket;
use crate::face::{Layer, packet_len};
use crate::vnet::{HEADER_BYTES, VnetHeader};

/// Frames that wait at most. It is what a driver sends in one turn, and one call takes them.
const FRAMES_MAX: usize = 64;

/// Slices of a frame that the kernel is given as they are; more are joined first.
const SLICES_MAX: usize = 64;

/// What waits, in order.
#[derive(Default)]
pub(super) struct Queue {
    frames: Vec<Frame>,
    /// How many of them have left.
    sent: usize,
    /// The virtio-net header and the head of every frame, one after the other.
    heads: Vec<u8>,
    /// The payload of every frame, slice by slice.
    slices: Vec<Bytes>,
    /// For the system call alone; empty between calls.
    parts: Vec<libc::iovec>,
    messages: Vec<libc::mmsghdr>,
}

// SAFETY: the pointers in `parts` and `messages` exist only during a call.
unsafe impl Send for Queue {}

/// Where the parts of a frame end; they begin where those of the one before end.
#[derive(Clone, Copy, Default)]
struct Frame {
    head_end: usize,
    slices_end: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.frames.len() >= FRAMES_MAX
    }

    /// Errors: [`io::ErrorKind::InvalidInput`] for what can be no frame.
    pub(super) fn push(&mut self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        packet_len(Layer::Ethernet, head, payload)?;
        self.heads.extend_from_slice(&header.encode());
        self.heads.extend_from_slice(head);
        if payload.len() > SLICES_MAX {
            self.slices.push(Bytes::from(payload.concat()));
        } else {
            self.slices
                .extend(payload.iter().filter(|slice| !slice.is_empty()).cloned());
        }
        self.frames.push(Frame {
            head_end: self.heads.len(),
            slices_end: self.slices.len(),
        });
        Ok(())
    }

    /// Sends what waits, up to the first frame that is refused; those before it are gone.
    ///
    /// Errors: that of the first frame that waits.
    pub(super) fn send(&mut self, socket: &Socket) -> io::Result<()> {
        let first = self.end_before(self.sent);
        let mut begin = first;
        for frame in self.frames.iter().skip(self.sent) {
            let head = &self.heads[begin.head_end..frame.head_end];
            self.parts.push(part(head));
            let slices = &self.slices[begin.slices_end..frame.slices_end];
            self.parts.extend(slices.iter().map(|slice| part(slice)));
            begin = *frame;
        }
        let mut parts = self.parts.as_mut_slice();
        let mut begin = first;
        for frame in self.frames.iter().skip(self.sent) {
            let (of_frame, rest) = parts.split_at_mut(1 + frame.slices_end - begin.slices_end);
            // SAFETY: `mmsghdr` is plain data, for which zeroes are a value.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_iov = of_frame.as_mut_ptr();
            message.msg_hdr.msg_iovlen = of_frame.len() as _;
            self.messages.push(message);
            (parts, begin) = (rest, *frame);
        }
        // SAFETY: the messages point into `parts`, and these into `heads` and `slices`, none of which is touched meanwhile.
        let sent = unsafe { socket.send(&mut self.messages) };
        self.messages.clear();
        self.parts.clear();
        self.advance(sent?);
        Ok(())
    }

    /// Gives up the first frame that waits.
    pub(super) fn skip(&mut self) {
        self.advance(1);
    }

    fn advance(&mut self, frames: usize) {
        self.sent += frames;
        if self.sent >= self.frames.len() {
            self.sent = 0;
            self.frames.clear();
            self.heads.clear();
            self.slices.clear();
        }
    }

    /// Where the frame before this one ends.
    fn end_before(&self, frame: usize) -> Frame {
        let before = frame.checked_sub(1).and_then(|before| self.frames.get(before));
        before.copied().unwrap_or_default()
    }
}

const _: () = assert!(HEADER_BYTES == 10, "the header that PACKET_VNET_HDR gives");

/// The kernel only reads what it is given here.
fn part(bytes: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    }
}
