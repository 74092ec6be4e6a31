//! The way from one shard to another: a bounded ring of packets that came by the wrong queue.
//!
//! Each shard reads one, and any other writes to it. What was found in one batch crosses together, under one lock that is held
//! while that many packets are moved, and with one wake if the reader waits (docs/decisions/0010-shards.md says why it is no
//! lock-free queue). A full ring takes no more: what is left over is the writer's to drop and to count.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use stack::{Batch, Packet};

use crate::sync::{Mutex, MutexGuard};

/// Packets that a ring holds at the most: sixteen batches.
pub(crate) const PACKETS_MAX: usize = 1024;

/// Bytes that a ring holds at the most, but for one packet: for super-segments, of which that many would be 64 MiB.
/// Units: bytes.
pub(crate) const BYTES_MAX: usize = 8 << 20;

/// A ring.
#[derive(Default)]
pub(crate) struct Ring(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    packets: VecDeque<Packet>,
    /// Units: bytes.
    bytes: usize,
    /// Who reads, while it waits.
    reader: Option<Waker>,
}

impl Ring {
    /// Takes packets from the front as long as there is room; without any the reader is called all the same. Whoever is given
    /// back is to be woken, under no lock.
    #[must_use = "the reader sleeps on otherwise"]
    pub(crate) fn push(&self, packets: &mut Vec<Packet>) -> Option<Waker> {
        let mut waiting = self.lock();
        let is_call = packets.is_empty();
        let (mut taken, mut bytes) = (0, waiting.bytes);
        for packet in packets.iter().take(PACKETS_MAX - waiting.packets.len()) {
            if bytes >= BYTES_MAX {
                break;
            }
            bytes += packet.bytes.len();
            taken += 1;
        }
        waiting.bytes = bytes;
        waiting.packets.extend(packets.drain(..taken));
        waiting.reader.take_if(|_| taken > 0 || is_call)
    }

    /// Moves at most so many packets to `batch`. Pending, and woken by the next push, if there is none.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Batch, max: usize) -> Poll<()> {
        let mut waiting = self.lock();
        if waiting.packets.is_empty() {
            if !waiting
                .reader
                .as_ref()
                .is_some_and(|reader| reader.will_wake(cx.waker()))
            {
                // One task reads: whom this displaces is that task itself, by an older waker.
                waiting.reader = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let count = max.min(waiting.packets.len());
        let mut bytes = 0;
        for packet in waiting.packets.drain(..count) {
            bytes += packet.bytes.len();
            batch.push(packet);
        }
        waiting.bytes -= bytes;
        Poll::Ready(())
    }

    /// Nothing panics while it holds the lock, so a poisoned ring is as good as any other.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
