//! A link inside one process: two ends, and a bounded queue of packets from each to the other.
//!
//! What a driver can do over a TUN it can do over this one, without a kernel: see [`Link`]. Packets are handed over as they
//! are, with their header: a partial checksum stays partial, and a super-segment stays whole.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use crate::face::{Layer, Link, packet_len};
use crate::tun::Offload;
use crate::vnet::VnetHeader;

/// What [`pair`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Packets that may wait in each direction. Units: packets. Bounds: 0 counts as 1.
    pub capacity: usize,
    /// What [`Link::mtu`] of both ends says. A longer packet that is no super-segment is refused. Units: bytes.
    pub mtu: u16,
    /// What [`Link::offload`] of both ends says.
    pub offload: Offload,
}

impl Default for MemoryOptions {
    /// 512 packets each way, an MTU of 1,500 bytes, no offload.
    fn default() -> Self {
        Self {
            capacity: 512,
            mtu: 1_500,
            offload: Offload::None,
        }
    }
}

/// One end of a link inside the process.
///
/// Dropping an end closes both directions: the other end still reads what waits, then gets
/// [`io::ErrorKind::UnexpectedEof`]; its writes get [`io::ErrorKind::BrokenPipe`].
#[derive(Debug)]
pub struct Memory {
    inbound: Arc<Mutex<Queue>>,
    outbound: Arc<Mutex<Queue>>,
    options: MemoryOptions,
}

/// The packets of one direction, and who waits for them or for room.
#[derive(Debug, Default)]
struct Queue {
    packets: VecDeque<(VnetHeader, Bytes)>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Makes the two ends of a link.
pub fn pair(options: MemoryOptions) -> (Memory, Memory) {
    let options = MemoryOptions {
        capacity: options.capacity.max(1),
        ..options
    };
    let there = Arc::new(Mutex::new(Queue::default()));
    let back = Arc::new(Mutex::new(Queue::default()));
    let left = Memory {
        inbound: back.clone(),
        outbound: there.clone(),
        options,
    };
    let right = Memory {
        inbound: there,
        outbound: back,
        options,
    };
    (left, right)
}

impl Link for Memory {
    fn try_read(&self, buffer: &mut BytesMut) -> io::Result<VnetHeader> {
        let mut queue = lock(&self.inbound);
        let Some((header, packet)) = queue.packets.pop_front() else {
            return Err(if queue.closed {
                io::ErrorKind::UnexpectedEof
            } else {
                io::ErrorKind::WouldBlock
            }
            .into());
        };
        let writer = queue.writer.take();
        drop(queue);
        wake(writer);
        buffer.extend_from_slice(&packet);
        Ok(header)
    }

    fn try_write(&self, header: VnetHeader, head: &[u8], payload: &[Bytes]) -> io::Result<()> {
        let len = packet_len(Layer::Ip, head, payload)?;
        if header.gso.is_none() && len > usize::from(self.options.mtu) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut queue = lock(&self.outbound);
        if queue.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if queue.packets.len() >= self.options.capacity {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        queue.packets.push_back((header, flatten(len, head, payload)));
        let reader = queue.reader.take();
        drop(queue);
        wake(reader);
        Ok(())
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = lock(&self.inbound);
        if !queue.packets.is_empty() || queue.closed {
            return Poll::Ready(Ok(()));
        }
        queue.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = lock(&self.outbound);
        if queue.packets.len() < self.options.capacity || queue.closed {
            return Poll::Ready(Ok(()));
        }
        queue.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn mtu(&self) -> u16 {
        self.options.mtu
    }

    fn offload(&self) -> Offload {
        self.options.offload
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for direction in [&self.inbound, &self.outbound] {
            let mut queue = lock(direction);
            queue.closed = true;
            let wakers = [queue.reader.take(), queue.writer.take()];
            drop(queue);
            wakers.into_iter().for_each(wake);
        }
    }
}

/// Nothing panics while it holds the lock, so a poisoned queue is as good as any other.
fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakers run code of others: never call this under the lock.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn flatten(len: usize, head: &[u8], payload: &[Bytes]) -> Bytes {
    let mut packet = BytesMut::with_capacity(len);
    packet.extend_from_slice(head);
    for slice in payload {
        packet.extend_from_slice(slice);
    }
    packet.freeze()
}
