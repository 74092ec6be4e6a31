//! TCP options: MSS, window scale, SACK-permitted, SACK, timestamps (RFC 9293 section 3.1, RFC 7323, RFC 2018).

use crate::Malformed;
use crate::seq::SeqNumber;

/// A window scale. Bounds: at most 14; a larger one on the wire is taken as 14 (RFC 7323 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct WindowScale(u8);

impl WindowScale {
    /// The largest scale.
    pub const MAX: Self = Self(14);

    /// The scale `shift`, or 14 where it is larger.
    pub const fn new(shift: u8) -> Self {
        if shift > 14 { Self::MAX } else { Self(shift) }
    }

    /// The shift count.
    pub const fn shift(self) -> u8 {
        self.0
    }
}

/// The timestamps option (RFC 7323 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval.
    pub val: u32,
    /// TSecr.
    pub ecr: u32,
}

/// Up to four SACK blocks, in the order of the wire (RFC 2018 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SackBlocks {
    blocks: [(SeqNumber, SeqNumber); 4],
    len: u8,
}

impl SackBlocks {
    /// Adds the block `[left, right)`; returns false, and changes nothing, when four are there.
    pub fn push(&mut self, left: SeqNumber, right: SeqNumber) -> bool {
        match self.blocks.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = (left, right);
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// The blocks.
    pub fn as_slice(&self) -> &[(SeqNumber, SeqNumber)] {
        self.blocks.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The options of one segment that we know; unknown ones are skipped on reading and never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Maximum segment size as stated (0 included: the reader clamps). Meaningful on SYN only.
    pub mss: Option<u16>,
    /// Window scale. Meaningful on SYN only.
    pub window_scale: Option<WindowScale>,
    /// SACK permitted. Meaningful on SYN only.
    pub sack_permitted: bool,
    /// SACK blocks.
    pub sack: SackBlocks,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
}

impl Options {
    /// Reads the option bytes of a header. Unknown kinds are skipped by their length; END stops.
    ///
    /// Errors: [`Malformed::TcpOption`] for a length of 0 or 1, one that runs out of the header, or one that
    /// contradicts the kind (RFC 9293 MUST-7). A repeated option: the last one counts.
    pub fn parse(_bytes: &[u8]) -> Result<Self, Malformed> {
        todo!()
    }

    /// Bytes that [`emit`](Self::emit) writes: a multiple of 4. Bounds: at most 40.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the options as Linux lays them out (MSS; then SACK-permitted and timestamps, packed together where both;
    /// NOP and window scale; SACK after two NOPs). SACK blocks that do not fit in 40 bytes are left out, the last first.
    /// Returns the length. `out` has at least [`len`](Self::len) bytes, else nothing is written and 0 returned.
    pub fn emit(&self, _out: &mut [u8]) -> usize {
        todo!()
    }
}
