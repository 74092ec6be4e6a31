//! A hash table of small entries that never moves one, never rehashes and never grows past its limit.
//!
//! Entries lie in chunks that are allocated as they are needed, so a table costs what its entries cost. The heads of the
//! buckets are allocated at the first entry, zeroed, which the system does page by page as they are touched.
//!
//! ```text
//! heads   [ 0 | 3 | 0 | 1 | … ]          four bytes each: index + 1 of a bucket's first entry, or 0
//!               |       |
//! chunks  [ #0 <+   #1  +-> #2 -> #0 … ] entries of a bucket are chained through themselves
//! ```

use alloc::vec;
use alloc::vec::Vec;

use crate::hash::Keys;
use crate::limits::ENTRIES_MAX;

/// What an entry is found by.
pub(crate) trait Key: Eq + Copy {
    /// Its keyed hash: a stranger who chooses keys must not be able to choose buckets.
    fn hash(&self, keys: &Keys) -> u32;
}

/// An entry of a [`Table`].
pub(crate) trait Node: Copy {
    /// What it is found by.
    type Key: Key;

    /// Its key; it never changes while the entry is in a table.
    fn key(&self) -> Self::Key;

    /// The link that [`set_chain`](Self::set_chain) stored.
    fn chain(&self) -> u32;

    /// Stores a link: index + 1, or 0 at the end. Bounds: 24 bits.
    fn set_chain(&mut self, link: u32);
}

/// Storage whose entries are chained through themselves.
pub(crate) trait Chained {
    /// The link that follows entry `i`; 0 where there is none.
    fn chain(&self, i: u32) -> u32;

    /// Stores the link that follows entry `i`.
    fn set_chain(&mut self, i: u32, link: u32);
}

/// The buckets of a hash table, apart from its storage.
#[derive(Clone)]
pub(crate) struct Buckets {
    /// Empty until the first entry.
    heads: Vec<u32>,
    len: usize,
}

impl Buckets {
    /// Buckets for at most `limit` entries: one for two to four entries when all are there, at least 16.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            heads: Vec::new(),
            len: (limit.min(ENTRIES_MAX).next_power_of_two() / 2).max(16),
        }
    }

    /// As [`new`](Self::new), where memory is less dear than time: a bucket for every entry, at least.
    pub(crate) fn roomy(limit: usize) -> Self {
        Self {
            heads: Vec::new(),
            len: limit.min(ENTRIES_MAX).next_power_of_two().max(16),
        }
    }

    /// The entry of this hash for which `is_wanted` says yes.
    pub(crate) fn find(&self, nodes: &impl Chained, hash: u32, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let mut link = self.head(hash);
        loop {
            let i = link.checked_sub(1)?;
            if is_wanted(i) {
                return Some(i);
            }
            link = nodes.chain(i);
        }
    }

    /// Puts entry `i`, which must be in no bucket, into the bucket of its hash.
    pub(crate) fn insert(&mut self, nodes: &mut impl Chained, hash: u32, i: u32) {
        if self.heads.is_empty() {
            self.heads = vec![0; self.len];
        }
        nodes.set_chain(i, self.head(hash));
        self.set_head(hash, i + 1);
    }

    /// Takes entry `i` out of the bucket of its hash. Returns whether it was there.
    pub(crate) fn remove(&mut self, nodes: &mut impl Chained, hash: u32, i: u32) -> bool {
        let after = nodes.chain(i);
        if self.head(hash) == i + 1 {
            self.set_head(hash, after);
            return true;
        }
        let Some(before) = self.find(nodes, hash, |at| nodes.chain(at) == i + 1) else {
            return false;
        };
        nodes.set_chain(before, after);
        true
    }

    /// The link to the first entry of the bucket that this hash has: index + 1, or 0.
    pub(crate) fn head(&self, hash: u32) -> u32 {
        self.heads.get(self.bucket(hash)).copied().unwrap_or_default()
    }

    fn set_head(&mut self, hash: u32, link: u32) {
        let bucket = self.bucket(hash);
        if let Some(head) = self.heads.get_mut(bucket) {
            *head = link;
        }
    }

    fn bucket(&self, hash: u32) -> usize {
        hash as usize & (self.len - 1)
    }
}

/// Entries found by key, or by the index that they keep as long as they are there.
#[derive(Clone)]
pub(crate) struct Table<T: Node> {
    slab: Slab<T>,
    buckets: Buckets,
    limit: usize,
}

impl<T: Node> Table<T> {
    /// An empty table. Bounds: at most `limit` entries, and at most [`ENTRIES_MAX`].
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(ENTRIES_MAX);
        Self {
            slab: Slab::new(),
            buckets: Buckets::new(limit),
            limit,
        }
    }

    /// Adds an entry whose key is not there yet. `None`: the table is full.
    pub(crate) fn insert(&mut self, keys: &Keys, node: T) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let i = self.slab.insert(node);
        self.buckets.insert(&mut self.slab, node.key().hash(keys), i);
        Some(i)
    }

    /// The index of the entry with this key and its hash.
    pub(crate) fn find(&self, hash: u32, key: &T::Key) -> Option<u32> {
        let is_wanted = |i| self.slab.get(i).is_some_and(|node| node.key() == *key);
        self.buckets.find(&self.slab, hash, is_wanted)
    }

    /// The entry at this index.
    pub(crate) fn get(&self, i: u32) -> Option<&T> {
        self.slab.get(i)
    }

    /// The entry at this index, to change anything but its key and its chain.
    pub(crate) fn get_mut(&mut self, i: u32) -> Option<&mut T> {
        self.slab.get_mut(i)
    }

    /// Takes out the entry at this index.
    pub(crate) fn remove(&mut self, keys: &Keys, i: u32) -> Option<T> {
        let hash = self.slab.get(i)?.key().hash(keys);
        self.buckets.remove(&mut self.slab, hash, i);
        self.slab.remove(i)
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len
    }

    /// Whether there is room for none more.
    pub(crate) fn is_full(&self) -> bool {
        self.slab.len >= self.limit
    }

    /// One more than the largest index that an entry may have now.
    pub(crate) fn slots(&self) -> u32 {
        self.slab.slots()
    }

    /// Every entry with its index. Costs time in proportion to the most entries that there ever were.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.slots()).filter_map(|i| Some((i, self.slab.get(i)?)))
    }

    /// What the table has allocated. Units: bytes.
    #[cfg(test)]
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.slab.allocated_bytes() + self.buckets.heads.capacity() * size_of::<u32>()
    }
}

/// Entries of a chunk.
const CHUNK: u32 = 1024;

/// Storage of entries that do not move. The free ones are chained through themselves, too.
#[derive(Clone)]
struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    free: u32,
    len: usize,
}

/// A part of a slab: it has room for [`CHUNK`] entries and fills from the front.
#[derive(Clone)]
struct Chunk<T> {
    nodes: Vec<T>,
    /// One bit for each entry: whether it is in use.
    used: [u64; CHUNK as usize / 64],
}

impl<T: Node> Slab<T> {
    const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: 0,
            len: 0,
        }
    }

    fn insert(&mut self, node: T) -> u32 {
        let i = match self.free.checked_sub(1) {
            Some(i) => {
                self.free = self.chain(i);
                if let Some(slot) = self.slot_mut(i) {
                    *slot = node;
                }
                i
            }
            None => self.append(node),
        };
        self.set_used(i, true);
        self.len += 1;
        i
    }

    fn append(&mut self, node: T) -> u32 {
        let i = self.slots();
        if i.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk {
                nodes: Vec::with_capacity(CHUNK as usize),
                used: [0; CHUNK as usize / 64],
            });
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.nodes.push(node);
        }
        i
    }

    fn remove(&mut self, i: u32) -> Option<T> {
        let node = *self.get(i)?;
        self.set_used(i, false);
        self.set_chain(i, self.free);
        self.free = i + 1;
        self.len -= 1;
        Some(node)
    }

    fn get(&self, i: u32) -> Option<&T> {
        let chunk = self.chunks.get((i / CHUNK) as usize)?;
        let is_used = chunk.used.get((i % CHUNK / 64) as usize)? >> (i % 64) & 1 == 1;
        is_used.then_some(chunk.nodes.get((i % CHUNK) as usize)?)
    }

    fn get_mut(&mut self, i: u32) -> Option<&mut T> {
        self.get(i)?;
        self.slot_mut(i)
    }

    /// The entry at this index, in use or free.
    fn slot_mut(&mut self, i: u32) -> Option<&mut T> {
        self.chunks
            .get_mut((i / CHUNK) as usize)?
            .nodes
            .get_mut((i % CHUNK) as usize)
    }

    fn set_used(&mut self, i: u32, used: bool) {
        let chunk = self.chunks.get_mut((i / CHUNK) as usize);
        if let Some(word) = chunk.and_then(|chunk| chunk.used.get_mut((i % CHUNK / 64) as usize)) {
            *word = *word & !(1 << (i % 64)) | u64::from(used) << (i % 64);
        }
    }

    fn slots(&self) -> u32 {
        let Some(last) = self.chunks.last() else { return 0 };
        (self.chunks.len() as u32 - 1) * CHUNK + last.nodes.len() as u32
    }

    #[cfg(test)]
    fn allocated_bytes(&self) -> usize {
        let nodes: usize = self.chunks.iter().map(|chunk| chunk.nodes.capacity()).sum();
        self.chunks.capacity() * size_of::<Chunk<T>>() + nodes * size_of::<T>()
    }
}

impl<T: Node> Chained for Slab<T> {
    fn chain(&self, i: u32) -> u32 {
        let chunk = self.chunks.get((i / CHUNK) as usize);
        chunk
            .and_then(|chunk| chunk.nodes.get((i % CHUNK) as usize))
            .map_or(0, Node::chain)
    }

    fn set_chain(&mut self, i: u32, link: u32) {
        if let Some(node) = self.slot_mut(i) {
            node.set_chain(link);
        }
    }
}

#[cfg(test)]
mod tests;
