//! TCP options: MSS, window scale, SACK-permitted, SACK, timestamps (RFC 9293 section 3.1, RFC 7323, RFC 2018).

use crate::Malformed;
use crate::seq::SeqNumber;

/// Option kinds and their lengths, both bytes included (RFC 9293 section 3.2, RFC 7323, RFC 2018).
///
/// ```text
/// +--------+                          END, NOP: the kind alone
/// |  kind  |
/// +--------+--------+-- … --+
/// |  kind  | length |  data |         all others, known or not
/// +--------+--------+-- … --+
/// ```
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;

    pub(super) const MSS_LEN: u8 = 4;
    pub(super) const WINDOW_SCALE_LEN: u8 = 3;
    pub(super) const SACK_PERMITTED_LEN: u8 = 2;
    pub(super) const TIMESTAMPS_LEN: u8 = 10;
}

/// Bytes that the options of one header can hold: the data offset counts to 60 and the fixed header takes 20.
pub const OPTIONS_MAX: usize = 40;

/// Bytes of one SACK block.
const BLOCK: usize = 8;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamps {
    /// TSval.
    pub val: u32,
    /// TSecr.
    pub ecr: u32,
}

/// Up to four SACK blocks, in the order of the wire (RFC 2018 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SackBlocks {
    blocks: [(SeqNumber, SeqNumber); 4],
    len: u8,
}

impl SackBlocks {
    /// Reads the data of a SACK option: one to four blocks.
    fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let (blocks, rest) = data.as_chunks::<BLOCK>();
        if blocks.is_empty() || !rest.is_empty() {
            return Err(Malformed::TcpOption);
        }
        let mut sack = Self::default();
        for &[l0, l1, l2, l3, r0, r1, r2, r3] in blocks {
            let left = SeqNumber::new(u32::from_be_bytes([l0, l1, l2, l3]));
            let right = SeqNumber::new(u32::from_be_bytes([r0, r1, r2, r3]));
            if !sack.push(left, right) {
                return Err(Malformed::TcpOption);
            }
        }
        Ok(sack)
    }

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

/// In which order options are written. Every reader takes any order; the length is the same in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Layout {
    /// MSS; SACK-permitted and timestamps, packed together where both; NOP and window scale; SACK last.
    #[default]
    Linux,
    /// MSS; NOP and window scale; SACK-permitted; timestamps; SACK last; padding at the end of a SYN.
    FreeBsd,
}

/// The options of one segment that we know; unknown ones are skipped on reading and never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
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
    /// How they are written; reading does not tell.
    pub layout: Layout,
}

impl Options {
    /// Reads the option bytes of a header. Unknown kinds are skipped by their length; END stops.
    ///
    /// Errors: [`Malformed::TcpOption`] for a length of 0 or 1, one that runs out of the header, or one that
    /// contradicts the kind (RFC 9293 MUST-7). A repeated option: the last one counts.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        let mut rest = bytes;
        loop {
            rest = match *rest {
                [] | [kind::END, ..] => return Ok(options),
                [kind::NOP, ref rest @ ..] => rest,
                [kind, len, ref after @ ..] => {
                    let data_len = usize::from(len).checked_sub(2).ok_or(Malformed::TcpOption)?;
                    let (data, rest) = after.split_at_checked(data_len).ok_or(Malformed::TcpOption)?;
                    options.take(kind, data)?;
                    rest
                }
                [_] => return Err(Malformed::TcpOption),
            };
        }
    }

    /// Takes the data of one option.
    fn take(&mut self, kind: u8, data: &[u8]) -> Result<(), Malformed> {
        match (kind, data) {
            (kind::MSS, &[a, b]) => self.mss = Some(u16::from_be_bytes([a, b])),
            (kind::WINDOW_SCALE, &[shift]) => self.window_scale = Some(WindowScale::new(shift)),
            (kind::SACK_PERMITTED, []) => self.sack_permitted = true,
            (kind::SACK, blocks) => self.sack = SackBlocks::parse(blocks)?,
            (kind::TIMESTAMPS, &[v0, v1, v2, v3, e0, e1, e2, e3]) => {
                self.timestamps = Some(Timestamps {
                    val: u32::from_be_bytes([v0, v1, v2, v3]),
                    ecr: u32::from_be_bytes([e0, e1, e2, e3]),
                });
            }
            (kind::MSS | kind::WINDOW_SCALE | kind::SACK_PERMITTED | kind::TIMESTAMPS, _) => {
                return Err(Malformed::TcpOption);
            }
            _ => {}
        }
        Ok(())
    }

    /// Bytes that [`emit`](Self::emit) writes: a multiple of 4. Bounds: at most 40.
    pub fn len(&self) -> usize {
        match self.sack_that_fits().len() {
            0 => self.len_before_sack(),
            blocks => self.len_before_sack() + 4 + blocks * BLOCK,
        }
    }

    /// Bytes of all but SACK; each stands in words of its own. Bounds: at most 20.
    fn len_before_sack(&self) -> usize {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let sack_permitted_and_timestamps = match (self.sack_permitted, self.timestamps) {
            (_, Some(_)) => 12,
            (true, None) => 4,
            (false, None) => 0,
        };
        let window_scale = if self.window_scale.is_some() { 4 } else { 0 };
        mss + sack_permitted_and_timestamps + window_scale
    }

    /// The SACK blocks that there is room for: four, three beside timestamps, two beside everything.
    fn sack_that_fits(&self) -> &[(SeqNumber, SeqNumber)] {
        let room = (OPTIONS_MAX - 4 - self.len_before_sack()) / BLOCK;
        let blocks = self.sack.as_slice();
        blocks.get(..room).unwrap_or(blocks)
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the options in the order of their [`layout`](Self::layout), SACK after two NOPs at the end. SACK blocks that do
    /// not fit in 40 bytes are left out, the last first.
    /// Returns the length. `out` has at least [`len`](Self::len) bytes, else nothing is written and 0 returned.
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let len = self.len();
        if out.len() < len {
            return 0;
        }
        let mut out = Writer { rest: out };
        if let Some(mss) = self.mss {
            out.put([kind::MSS, kind::MSS_LEN]);
            out.put(mss.to_be_bytes());
        }
        match self.layout {
            Layout::Linux => self.emit_as_linux(&mut out),
            Layout::FreeBsd => self.emit_as_free_bsd(&mut out),
        }
        let blocks = self.sack_that_fits();
        if !blocks.is_empty() {
            out.put([kind::NOP, kind::NOP, kind::SACK, (2 + blocks.len() * BLOCK) as u8]);
            for (left, right) in blocks {
                out.put(left.value().to_be_bytes());
                out.put(right.value().to_be_bytes());
            }
        }
        len
    }

    fn emit_as_linux(&self, out: &mut Writer<'_>) {
        match (self.sack_permitted, self.timestamps) {
            (true, Some(_)) => out.put([kind::SACK_PERMITTED, kind::SACK_PERMITTED_LEN]),
            (true, None) => out.put([kind::NOP, kind::NOP, kind::SACK_PERMITTED, kind::SACK_PERMITTED_LEN]),
            (false, Some(_)) => out.put([kind::NOP, kind::NOP]),
            (false, None) => {}
        }
        self.emit_timestamps(out);
        self.emit_window_scale(out);
    }

    fn emit_as_free_bsd(&self, out: &mut Writer<'_>) {
        self.emit_window_scale(out);
        match (self.sack_permitted, self.timestamps) {
            (true, Some(_)) => out.put([kind::SACK_PERMITTED, kind::SACK_PERMITTED_LEN]),
            (true, None) => out.put([kind::SACK_PERMITTED, kind::SACK_PERMITTED_LEN, kind::END, kind::END]),
            (false, Some(_)) => out.put([kind::NOP, kind::NOP]),
            (false, None) => {}
        }
        self.emit_timestamps(out);
    }

    fn emit_timestamps(&self, out: &mut Writer<'_>) {
        if let Some(timestamps) = self.timestamps {
            out.put([kind::TIMESTAMPS, kind::TIMESTAMPS_LEN]);
            out.put(timestamps.val.to_be_bytes());
            out.put(timestamps.ecr.to_be_bytes());
        }
    }

    fn emit_window_scale(&self, out: &mut Writer<'_>) {
        if let Some(scale) = self.window_scale {
            out.put([kind::NOP, kind::WINDOW_SCALE, kind::WINDOW_SCALE_LEN, scale.shift()]);
        }
    }
}

/// Writes one thing after the other. The room was checked before: what does not fit is not written.
struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some((slot, rest)) = core::mem::take(&mut self.rest).split_first_chunk_mut() {
            *slot = bytes;
            self.rest = rest;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
