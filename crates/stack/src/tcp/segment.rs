//! A TCP segment that has arrived, as the machine looks at it.

use bytes::Bytes;
use wire::ip::{Dscp, Ecn};
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use crate::io::Marks;
use crate::time::Instant;

/// SEG.*, RFC 9293 section 3.3.1.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    pub(crate) flags: Flags,
    /// As on the wire, not scaled.
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    /// When it arrived, stamped at the link. Bounds: not after the machine's own time.
    pub(crate) arrived: Instant,
    /// Of the datagram that brought it.
    pub(crate) dscp: Dscp,
    /// Of the datagram that brought it.
    pub(crate) ecn: Ecn,
    pub(crate) options: Options,
    pub(crate) payload: Bytes,
    /// How many segments it was put together from.
    pub(crate) segments: u32,
    /// The sequence number of the last of them.
    pub(crate) last: SeqNumber,
}

impl Segment {
    pub(crate) fn new(arrived: Instant, header: &Header, payload: Bytes) -> Self {
        Self {
            seq: header.seq,
            ack: header.ack,
            flags: header.flags,
            window: header.window,
            urgent: header.urgent,
            arrived,
            dscp: Dscp::DEFAULT,
            ecn: Ecn::NotEct,
            options: header.options,
            payload,
            segments: 1,
            last: header.seq,
        }
    }

    /// The same, put together from so many more, of which the last began there.
    pub(crate) const fn joined(mut self, more: u32, last: SeqNumber) -> Self {
        self.segments += more;
        self.last = last;
        self
    }

    /// The same, with what its datagram says.
    pub(crate) const fn in_datagram(mut self, marks: Marks) -> Self {
        (self.dscp, self.ecn) = (marks.dscp, marks.ecn);
        self
    }

    /// SEG.LEN: payload, SYN and FIN.
    pub(crate) fn len(&self) -> u32 {
        self.text_len() + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// Bytes of payload. An IP datagram bounds it to 65,535.
    pub(crate) fn text_len(&self) -> u32 {
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX)
    }

    /// The number after the last that this segment occupies.
    pub(crate) fn end(&self) -> SeqNumber {
        self.seq + self.len()
    }

    /// The same without its SYN, which was taken care of.
    pub(crate) fn without_syn(mut self) -> Self {
        if self.flags.syn() {
            self.flags = Flags::from_bits(self.flags.bits() & !Flags::SYN.bits());
            self.seq += 1;
        }
        self
    }

    fn without_fin(&mut self) {
        self.flags = Flags::from_bits(self.flags.bits() & !Flags::FIN.bits());
    }

    /// Cuts off what lies outside of `[start, end)`: old text on the left, text and FIN beyond the window on the right
    /// (RFC 9293 section 3.10.7.4, first check). Returns whether anything was cut on the right.
    pub(crate) fn trim(&mut self, start: SeqNumber, end: SeqNumber) -> bool {
        if self.seq.before(start) {
            let old = start.since(self.seq);
            if old > self.text_len() {
                self.without_fin();
            }
            let _ = self.payload.split_to(self.payload.len().min(old as usize));
            self.urgent = self.urgent.saturating_sub(u16::try_from(old).unwrap_or(u16::MAX));
            self.seq = start;
        }
        if !self.end().after(end) {
            return false;
        }
        self.without_fin();
        let room = if self.seq.before(end) { end.since(self.seq) } else { 0 };
        self.payload.truncate(room as usize);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(seq: u32, text: &'static [u8], flags: Flags) -> Segment {
        Segment {
            seq: SeqNumber::new(seq),
            ack: SeqNumber::new(0),
            flags,
            window: 0,
            urgent: 0,
            arrived: Instant::ZERO,
            dscp: Dscp::DEFAULT,
            ecn: Ecn::NotEct,
            options: Options::default(),
            payload: Bytes::from_static(text),
            segments: 1,
            last: SeqNumber::new(seq),
        }
    }

    #[test]
    fn trim_table() {
        let fin = Flags::ACK | Flags::FIN;
        let top = u32::MAX;
        for (name, seq, text, window, want_seq, want_text, want_fin, cut) in [
            ("inside", 10, "abcd", (10, 20), 10, "abcd", true, false),
            ("left", 8, "abcd", (10, 20), 10, "cd", true, false),
            ("all old but FIN", 6, "abcd", (10, 20), 10, "", true, false),
            ("FIN old too", 5, "abcd", (10, 20), 10, "", false, false),
            ("right", 18, "abcd", (10, 20), 18, "ab", false, true),
            ("only FIN beyond", 16, "abcd", (10, 20), 16, "abcd", false, true),
            ("beyond", 25, "abcd", (10, 20), 25, "", false, true),
            ("zero window", 10, "abcd", (10, 10), 10, "", false, true),
            ("both sides", 8, "abcdefgh", (10, 12), 10, "cd", false, true),
            ("wraps left", top - 1, "abcd", (top, 9), top, "bcd", true, false),
            (
                "wraps right",
                top - 1,
                "abcd",
                (top - 1, 1),
                top - 1,
                "abc",
                false,
                true,
            ),
        ] {
            let mut s = segment(seq, text.as_bytes(), fin);
            assert_eq!(
                s.trim(SeqNumber::new(window.0), SeqNumber::new(window.1)),
                cut,
                "{name}"
            );
            assert_eq!(s.seq.value(), want_seq, "{name}");
            assert_eq!(s.payload, text_of(want_text), "{name}");
            assert_eq!(s.flags.fin(), want_fin, "{name}");
        }
    }

    fn text_of(s: &str) -> Bytes {
        Bytes::copy_from_slice(s.as_bytes())
    }
}
