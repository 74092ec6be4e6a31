//! RCV.*: the receive sequence space (RFC 9293 section 3.3.1), the receive buffer, and the window to advertise.
//!
//! ```text
//!        read by      RCV.NXT                     edge
//!        the user        |                          |
//!  ----------|-----------|---[island]-----[island]--|----
//!            | the queue |    held beyond a hole    |
//!            |<-------------- the buffer ---------->|
//! ```
//! The window never shrinks: `edge` only moves to the right (RFC 9293 SHLD-14), but for the rounding of a scaled window.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use wire::option::SackBlocks;
use wire::seq::SeqNumber;

use super::queue::ByteQueue;
use super::reassembly::{Inserted, Islands};
use crate::ledger::Ledger;

/// The receive sequence space of one connection.
#[derive(Debug, Clone, Hash)]
pub(crate) struct ReceiveSpace {
    /// Initial receive sequence number.
    pub(crate) irs: SeqNumber,
    /// RCV.NXT.
    pub(crate) nxt: SeqNumber,
    /// The right edge of the window as we mean it.
    edge: SeqNumber,
    /// The furthest right edge that was ever advertised: `edge`, rounded up by the scale.
    advertised: SeqNumber,
    /// RCV.NXT as last acknowledged to the peer.
    pub(crate) acked: SeqNumber,
    /// RCV.UP: the number after the last urgent byte, while it has not been read.
    pub(crate) up: Option<SeqNumber>,
    /// The number of the peer's FIN, once it is known.
    pub(crate) fin: Option<SeqNumber>,
    /// Our window scale, 0 when not negotiated.
    pub(crate) scale: u8,
    /// What came twice and was not told of yet (RFC 2883): from, to; none where they are equal.
    twice: (SeqNumber, SeqNumber),
    /// Bytes that may be held. It may grow, and all of it be used, while the stack has room.
    pub(crate) buffer: u32,
    queue: Option<Box<ByteQueue>>,
    islands: Option<Box<Islands>>,
}

/// What became of arriving text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was in order; so many bytes became readable, islands behind it included.
    InOrder { bytes: u32, filled: bool },
    /// It lies beyond a hole and is held.
    Beyond,
    /// All of it was there already.
    Old,
    /// It lies beyond a hole and cannot be held.
    Full,
}

impl ReceiveSpace {
    pub(crate) fn new(buffer: u32) -> Self {
        Self {
            irs: SeqNumber::default(),
            nxt: SeqNumber::default(),
            edge: SeqNumber::default(),
            advertised: SeqNumber::default(),
            acked: SeqNumber::default(),
            up: None,
            fin: None,
            scale: 0,
            twice: Default::default(),
            buffer,
            queue: None,
            islands: None,
        }
    }

    /// The peer's SYN came; the window in our SYN is not scaled (RFC 7323 section 2.2).
    pub(crate) fn on_syn(&mut self, irs: SeqNumber) {
        self.irs = irs;
        self.nxt = irs + 1;
        self.acked = irs;
        self.edge = self.nxt + syn_window(self.buffer);
        self.advertised = self.edge;
    }

    /// Bytes that the user may read.
    pub(crate) fn readable(&self) -> usize {
        self.queue.as_ref().map_or(0, |q| q.len())
    }

    /// What the queue and all beyond holes hold. Units: bytes.
    pub(crate) fn held(&self) -> usize {
        self.readable() + self.islands.as_ref().map_or(0, |islands| islands.bytes())
    }

    /// The number of the first byte that the user has not read.
    pub(crate) fn front(&self) -> SeqNumber {
        self.nxt - u32::try_from(self.readable()).unwrap_or(u32::MAX)
    }

    /// What the queue and all beyond holes cost. Units: bytes.
    pub(crate) fn allocated(&self) -> usize {
        let queue = self.queue.as_ref().map_or(0, |queue| queue.allocated());
        queue + self.islands.as_ref().map_or(0, |islands| islands.allocated())
    }

    /// Islands held beyond a hole.
    pub(crate) fn islands(&self) -> usize {
        self.islands.as_ref().map_or(0, |i| i.len())
    }

    /// RCV.WND: what may still come. Units: bytes.
    pub(crate) fn window(&self) -> u32 {
        if self.nxt.before(self.advertised) {
            self.advertised.since(self.nxt)
        } else {
            0
        }
    }

    /// The right edge of what is acceptable.
    pub(crate) const fn window_end(&self) -> SeqNumber {
        if self.nxt.before(self.advertised) {
            self.advertised
        } else {
            self.nxt
        }
    }

    /// Moves the edge to what the buffer has room for, when that is worth telling: silly-window avoidance,
    /// RFC 9293 section 3.8.6.2.2 (MUST-39). `buffer` is what the stack allows of ours.
    fn open(&mut self, mss: u32, buffer: u32) {
        let room = buffer.saturating_sub(u32::try_from(self.readable()).unwrap_or(u32::MAX));
        let target = self.nxt + room.min(u32::from(u16::MAX) << self.scale);
        if target.after(self.edge) && target.since(self.edge) >= mss.min(buffer / 2).max(1) {
            self.edge = target;
        }
    }

    /// The window field of a segment that leaves now; it counts as advertised when the link takes the segment.
    pub(crate) fn field(&mut self, mss: u32, ledger: &Ledger) -> u16 {
        self.open(mss, ledger.allows(self.buffer));
        let window = if self.nxt.before(self.edge) {
            self.edge.since(self.nxt)
        } else {
            0
        };
        let unit = 1u32 << self.scale;
        // Rounded up: rounded down, the edge would move to the left whenever a few bytes arrive (RFC 7323 section 2.4).
        u16::try_from(window.div_ceil(unit)).unwrap_or(u16::MAX)
    }

    /// The link took a segment with this window field.
    pub(crate) fn on_advertised(&mut self, field: u16) {
        self.acked = self.nxt;
        self.twice = Default::default();
        self.advertised = self.advertised.later(self.nxt + (u32::from(field) << self.scale));
    }

    /// Whether the user has read so much that the peer should be told at once.
    pub(crate) fn is_update_due(&mut self, mss: u32, ledger: &Ledger) -> bool {
        let buffer = ledger.allows(self.buffer);
        self.open(mss, buffer);
        let gain = if self.edge.after(self.advertised) {
            self.edge.since(self.advertised)
        } else {
            0
        };
        gain >= (2 * mss).min(buffer / 2).max(1) || (self.window() == 0 && gain > 0)
    }

    /// Takes text that was trimmed to the window.
    pub(crate) fn take(&mut self, seq: SeqNumber, text: Bytes, limit: usize) -> Taken {
        let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
        if seq != self.nxt {
            let islands = self.islands.get_or_insert_with(|| Box::new(Islands::new()));
            let inserted = islands.insert(self.nxt, seq, text, limit);
            if islands.is_empty() {
                self.islands = None;
            }
            return match inserted {
                Inserted::New => Taken::Beyond,
                Inserted::Old => Taken::Old,
                Inserted::Full => Taken::Full,
            };
        }
        let Some(islands) = &mut self.islands else {
            self.queue.get_or_insert_with(Box::default).push(text);
            self.nxt += len;
            return Taken::InOrder {
                bytes: len,
                filled: false,
            };
        };
        // It becomes an island for a moment, so that here too what came first stays.
        islands.insert(self.nxt, seq, text, usize::MAX);
        Taken::InOrder {
            bytes: self.take_islands(),
            filled: true,
        }
    }

    /// Moves what no longer lies beyond a hole to the queue.
    fn take_islands(&mut self) -> u32 {
        let mut bytes = 0;
        while let Some(islands) = &mut self.islands {
            let Some(island) = islands.take(self.nxt) else { break };
            let len = u32::try_from(island.len()).unwrap_or(u32::MAX);
            self.queue.get_or_insert_with(Box::default).append(island);
            self.nxt += len;
            bytes += len;
            if islands.is_empty() {
                self.islands = None;
            }
        }
        bytes
    }

    /// RECEIVE.
    pub(crate) fn read(&mut self, max: usize) -> Option<Bytes> {
        let queue = self.queue.as_mut()?;
        let bytes = queue.pop(max);
        if queue.is_empty() {
            self.queue = None;
        }
        bytes
    }

    /// The first bytes that may be read, which stay.
    pub(crate) fn peek(&mut self, max: usize, out: &mut Vec<Bytes>) {
        if let Some(queue) = &mut self.queue {
            queue.slices(0, max, out);
        }
    }

    /// Bytes of the read stream up to the end of urgent data; `None` when the user has read past it.
    pub(crate) fn urgent(&self) -> Option<u32> {
        let front = self.front();
        self.up.filter(|up| up.after(front)).map(|up| up.since(front))
    }

    /// `[start, end)` came again: the next acknowledgment tells of it. Of several before that it tells of the first, as a
    /// block tells of one.
    pub(crate) fn on_twice(&mut self, start: SeqNumber, end: SeqNumber) {
        if self.twice.0 == self.twice.1 && start.before(end) {
            self.twice = (start, end);
        }
    }

    /// The blocks to report: what came twice (RFC 2883 section 4), then the islands (RFC 2018 section 4).
    pub(crate) fn sack_blocks(&self) -> SackBlocks {
        let islands = self.islands.as_ref().map(|i| i.sack_blocks()).unwrap_or_default();
        let (start, end) = self.twice;
        if start == end {
            return islands;
        }
        let mut blocks = SackBlocks::default();
        blocks.push(start, end);
        for &(left, right) in islands.as_slice() {
            blocks.push(left, right);
        }
        blocks
    }

    /// Gives everything back: nobody will read it.
    pub(crate) fn clear(&mut self) {
        self.queue = None;
        self.islands = None;
    }

    /// Gives back what lies beyond a hole: nothing will fill it.
    pub(crate) fn clear_islands(&mut self) {
        self.islands = None;
    }
}

/// The window of a SYN or SYN-ACK, which is never scaled.
pub(crate) fn syn_window(buffer: u32) -> u32 {
    buffer.min(65_535)
}
