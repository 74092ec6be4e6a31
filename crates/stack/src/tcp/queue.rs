//! Bytes in order, as reference-counted pieces: what waits to be sent, and what waits to be read.
//!
//! Large pieces are kept as they came. Small ones are copied together, so that a peer or a user who deals in single
//! bytes does not cost a buffer each.
//!
//! ```text
//! front                                                   end
//!   |  chunk  |      chunk      | chunk |   open tail  …    |
//!   +-- handed out as slices, never moved --+-- small pieces are copied to its end
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

/// Bytes in order.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct ByteQueue {
    chunks: VecDeque<Chunk>,
    /// Follows the last chunk.
    tail: BytesMut,
    /// Where the first byte is. Positions count on from any number and go round, for only differences matter.
    front: u64,
    len: usize,
}

#[derive(Debug, Clone, Hash)]
struct Chunk {
    /// Position of its first byte.
    start: u64,
    bytes: Bytes,
}

/// Pieces of less are copied. Units: bytes.
pub(crate) const SMALL: usize = 4096;
/// The open tail doubles with what the queue holds, between these. Units: bytes.
pub(crate) const TAIL_MIN: usize = 256;
pub(crate) const TAIL_MAX: usize = 16 << 10;

impl ByteQueue {
    /// An empty queue. It has no memory of its own until something is pushed, and none when everything is gone.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many bytes there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it costs: its bytes and the room that its tail has left, at most [`TAIL_MAX`] more than its bytes. Units: bytes.
    pub(crate) fn allocated(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.bytes.len());
        chunks.sum::<usize>() + self.tail.capacity()
    }

    /// Adds bytes at the end.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.len() >= SMALL {
            self.close_tail();
            self.len += piece.len();
            self.push_chunk(piece);
            return;
        }
        if self.tail.capacity() - self.tail.len() < piece.len() {
            self.close_tail();
            let capacity = (self.len + piece.len()).next_power_of_two();
            self.tail = BytesMut::with_capacity(capacity.clamp(TAIL_MIN, TAIL_MAX));
        }
        self.tail.extend_from_slice(&piece);
        self.len += piece.len();
    }

    /// Adds everything of `other` at the end. Costs time in proportion to the chunks of the shorter of both.
    pub(crate) fn append(&mut self, mut other: ByteQueue) {
        if self.is_empty() {
            *self = other;
            return;
        }
        if other.chunks.len() <= self.chunks.len() {
            other.close_tail();
            for chunk in other.chunks {
                self.push(chunk.bytes);
            }
            return;
        }
        self.close_tail();
        core::mem::swap(self, &mut other);
        for chunk in other.chunks.into_iter().rev() {
            self.push_front(chunk.bytes);
        }
    }

    /// Takes bytes from the front: as many as lie together, at most `max`. `None`: there are none, or `max` is 0.
    pub(crate) fn pop(&mut self, max: usize) -> Option<Bytes> {
        if max == 0 || self.len == 0 {
            return None;
        }
        let bytes = match self.chunks.front_mut() {
            Some(chunk) if chunk.bytes.len() > max => {
                chunk.start = chunk.start.wrapping_add(max as u64);
                chunk.bytes.split_to(max)
            }
            Some(_) => self.chunks.pop_front()?.bytes,
            None if self.tail.len() > max => self.tail.split_to(max).freeze(),
            None => core::mem::take(&mut self.tail).freeze(),
        };
        self.advance(bytes.len());
        Some(bytes)
    }

    /// Drops bytes from the front: `n`, or all if there are fewer.
    pub(crate) fn discard(&mut self, n: usize) {
        let mut left = n;
        while let Some(bytes) = self.pop(left) {
            left -= bytes.len();
        }
    }

    /// Pushes slices that cover `[offset, offset + len)`, or what there is of it, onto `out`. Finds the first in time in
    /// proportion to the logarithm of the chunks; copies nothing but small pieces of a tail, a few times at most.
    pub(crate) fn slices(&mut self, offset: usize, len: usize, out: &mut Vec<Bytes>) {
        let end = offset.saturating_add(len).min(self.len);
        if end > self.len - self.tail.len() {
            self.freeze_tail();
        }
        let front = self.front;
        let offset_of = |chunk: &Chunk| chunk.start.wrapping_sub(front) as usize;
        let first = self
            .chunks
            .partition_point(|chunk| offset_of(chunk) + chunk.bytes.len() <= offset);
        for chunk in self.chunks.range(first..) {
            let start = offset_of(chunk);
            if start >= end {
                break;
            }
            let (from, to) = (offset.saturating_sub(start), (end - start).min(chunk.bytes.len()));
            if from < to {
                out.push(chunk.bytes.slice(from..to));
            }
        }
    }

    /// Every byte. For tests.
    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let chunks = self.chunks.iter().flat_map(|chunk| chunk.bytes.iter());
        chunks.chain(self.tail.iter()).copied().collect()
    }

    fn advance(&mut self, n: usize) {
        self.front = self.front.wrapping_add(n as u64);
        self.len -= n;
        if self.len == 0 {
            *self = Self::new();
        }
    }

    /// Makes what is in the tail a chunk; what room the tail has left stays.
    fn freeze_tail(&mut self) {
        if !self.tail.is_empty() {
            let bytes = self.tail.split().freeze();
            self.push_chunk(bytes);
        }
    }

    /// Makes what is in the tail a chunk, and gives up the room that it has left.
    fn close_tail(&mut self) {
        let bytes = core::mem::take(&mut self.tail).freeze();
        if !bytes.is_empty() {
            self.push_chunk(bytes);
        }
    }

    /// Adds a chunk whose bytes `len` counts already, before the tail, which is empty.
    ///
    /// Small chunks are joined with smaller ones before them: lengths then fall from each to the next, so there are few,
    /// and a byte is copied no more often than its chunk can double.
    fn push_chunk(&mut self, mut bytes: Bytes) {
        while let Some(last) = self.chunks.back() {
            if last.bytes.len() > bytes.len() || last.bytes.len() + bytes.len() > SMALL {
                break;
            }
            bytes = join(&last.bytes, &bytes);
            self.chunks.pop_back();
        }
        let after = self.tail.len() + bytes.len();
        let start = self.front.wrapping_add((self.len - after) as u64);
        self.chunks.push_back(Chunk { start, bytes });
    }

    /// Adds a chunk at the front, joined as in [`push_chunk`](Self::push_chunk).
    fn push_front(&mut self, mut bytes: Bytes) {
        self.len += bytes.len();
        self.front = self.front.wrapping_sub(bytes.len() as u64);
        while let Some(first) = self.chunks.front() {
            if first.bytes.len() > bytes.len() || first.bytes.len() + bytes.len() > SMALL {
                break;
            }
            bytes = join(&bytes, &first.bytes);
            self.chunks.pop_front();
        }
        let start = self.front;
        self.chunks.push_front(Chunk { start, bytes });
    }
}

fn join(a: &Bytes, b: &Bytes) -> Bytes {
    let mut both = BytesMut::with_capacity(a.len() + b.len());
    both.extend_from_slice(a);
    both.extend_from_slice(b);
    both.freeze()
}

#[cfg(test)]
mod tests;
