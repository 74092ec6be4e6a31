//! SND.*: the send sequence space (RFC 9293 section 3.3.1) and the send buffer.
//!
//! ```text
//!       SND.UNA            SND.NXT                   data_end()
//!  -------|-------------------|--------------------------|---- FIN
//!         | sent, not acked   | in the buffer, not sent  |
//!         |<------------ the buffer holds --------------->|
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use wire::seq::SeqNumber;

use super::queue::ByteQueue;

/// The send sequence space of one connection.
#[derive(Debug, Clone, Hash)]
pub(crate) struct SendSpace {
    /// Initial send sequence number.
    pub(crate) iss: SeqNumber,
    /// SND.UNA.
    pub(crate) una: SeqNumber,
    /// SND.NXT. It moves only when the link took the segment.
    pub(crate) nxt: SeqNumber,
    /// SND.WND, scaled. Units: bytes.
    pub(crate) wnd: u32,
    /// The largest window that the peer has ever announced.
    pub(crate) wnd_max: u32,
    /// SND.WL1.
    pub(crate) wl1: SeqNumber,
    /// SND.WL2.
    pub(crate) wl2: SeqNumber,
    /// SND.UP: the number after the last urgent byte, while there is one to send.
    pub(crate) up: Option<SeqNumber>,
    /// The peer's window scale, 0 when not negotiated.
    pub(crate) scale: u8,
    /// The peer's MSS, and no more than our link takes; options not counted off.
    pub(crate) mss: u16,
    /// What the path takes, where it was found to be narrower; else [`ANY_PATH`]. Options not counted off.
    pub(crate) path_mss: u16,
    /// Our SYN was acknowledged.
    pub(crate) syn_acked: bool,
    /// The user has closed: a FIN follows the last byte.
    pub(crate) fin: bool,
    buffer: Option<Box<ByteQueue>>,
}

/// Nobody said that the path takes less than the link.
pub(crate) const ANY_PATH: u16 = u16::MAX;

impl SendSpace {
    pub(crate) const fn new(iss: SeqNumber, mss: u16) -> Self {
        Self {
            iss,
            una: iss,
            nxt: iss,
            wnd: 0,
            wnd_max: 0,
            wl1: SeqNumber::new(0),
            wl2: SeqNumber::new(0),
            up: None,
            scale: 0,
            mss,
            path_mss: ANY_PATH,
            syn_acked: false,
            fin: false,
            buffer: None,
        }
    }

    /// The largest segment now, options included. Units: bytes.
    pub(crate) fn segment_max(&self) -> u16 {
        self.mss.min(self.path_mss)
    }

    /// Bytes that are not acknowledged, sent or not.
    pub(crate) fn queued(&self) -> usize {
        self.buffer.as_ref().map_or(0, |b| b.len())
    }

    /// What the buffer costs. Units: bytes.
    pub(crate) fn allocated(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.allocated())
    }

    /// The number of the first byte in the buffer.
    fn data_start(&self) -> SeqNumber {
        if self.syn_acked { self.una } else { self.iss + 1 }
    }

    /// The number after the last byte in the buffer, which is that of the FIN. The buffer's bound keeps it below 2^31.
    pub(crate) fn data_end(&self) -> SeqNumber {
        self.data_start() + u32::try_from(self.queued()).unwrap_or(u32::MAX)
    }

    /// Bytes that were never sent.
    pub(crate) fn unsent(&self) -> u32 {
        let next = if self.nxt == self.iss { self.iss + 1 } else { self.nxt };
        let end = self.data_end();
        if next.before(end) { end.since(next) } else { 0 }
    }

    /// Whether the FIN waits to be sent for the first time.
    pub(crate) fn is_fin_unsent(&self) -> bool {
        self.fin && self.nxt.at_or_before(self.data_end())
    }

    /// Whether `ack` acknowledges our FIN.
    pub(crate) fn is_fin_acked_by(&self, ack: SeqNumber) -> bool {
        self.fin && ack == self.data_end() + 1
    }

    /// Whether anything sent is not acknowledged.
    pub(crate) fn has_flight(&self) -> bool {
        self.una != self.nxt
    }

    /// What the peer's window still takes beyond SND.NXT. Units: bytes.
    pub(crate) fn usable(&self) -> u32 {
        let edge = self.una + self.wnd;
        if self.nxt.before(edge) { edge.since(self.nxt) } else { 0 }
    }

    pub(crate) fn push(&mut self, data: Bytes) {
        self.buffer.get_or_insert_with(Box::default).push(data);
    }

    /// SND.UNA moves to `ack`, which lies in (SND.UNA, SND.NXT]. Returns how many bytes of the user's it covers.
    pub(crate) fn acknowledge(&mut self, ack: SeqNumber) -> u32 {
        let mut covered = ack.since(self.una);
        if !self.syn_acked {
            self.syn_acked = true;
            covered = covered.saturating_sub(1);
        }
        let data = covered.min(u32::try_from(self.queued()).unwrap_or(u32::MAX));
        if let Some(buffer) = &mut self.buffer {
            buffer.discard(data as usize);
            if buffer.is_empty() {
                self.buffer = None;
            }
        }
        self.una = ack;
        if self.up.is_some_and(|up| up.at_or_before(ack)) {
            self.up = None;
        }
        data
    }

    /// Reference-counted slices of `[seq, seq + len)`, which lies in the buffer.
    pub(crate) fn slices(&mut self, seq: SeqNumber, len: u32, out: &mut Vec<Bytes>) {
        let offset = seq.since(self.data_start()) as usize;
        if let Some(buffer) = &mut self.buffer
            && len > 0
        {
            buffer.slices(offset, len as usize, out);
        }
    }

    /// Gives the buffer back: nothing will be sent any more.
    pub(crate) fn clear(&mut self) {
        self.buffer = None;
        self.up = None;
    }
}
