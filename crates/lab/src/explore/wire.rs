//! What is in flight from one end: in no order, and no longer than a segment lives.

use bytes::Bytes;
use stack::io::Offload;
use stack::{Duration, Full, Instant, Sink};

/// No segment lives as long (RFC 9293 section 3.4.2): the stacks' TIME-WAIT of 60 s is two of these.
const MSL: Duration = Duration::from_secs(30);

/// Segments in flight in one direction, sorted, for the wire keeps no order.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Wire {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Segment {
    packet: Vec<u8>,
    sent: Instant,
}

impl Wire {
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether nothing is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segment at this place.
    pub(super) fn packet(&self, place: usize) -> &[u8] {
        &self.segments[place].packet
    }

    /// Takes a segment off the wire.
    pub(super) fn remove(&mut self, place: usize) -> Vec<u8> {
        self.segments.remove(place).packet
    }

    /// Places of segments that are not alike: of two that are, one is enough.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let is_first = |&place: &usize| place == 0 || self.segments[place] != self.segments[place - 1];
        (0..self.segments.len()).filter(is_first)
    }

    /// Whether all that is in flight can still be so then: by that time it has arrived or is lost.
    pub(super) fn may_wait(&self, until: Instant) -> bool {
        self.segments.iter().all(|segment| until.since(segment.sent) < MSL)
    }

    /// The way onto it, while fewer than `most` are in flight.
    pub(super) fn entrance(&mut self, now: Instant, most: usize) -> Entrance<'_> {
        Entrance { wire: self, now, most }
    }
}

/// Takes segments while there is room.
pub(super) struct Entrance<'a> {
    wire: &'a mut Wire,
    now: Instant,
    most: usize,
}

impl Sink for Entrance<'_> {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        if self.wire.len() >= self.most {
            return Err(Full);
        }
        let mut packet = head.to_vec();
        for piece in payload {
            packet.extend_from_slice(piece);
        }
        let segment = Segment { packet, sent: self.now };
        let place = self.wire.segments.partition_point(|other| *other < segment);
        self.wire.segments.insert(place, segment);
        Ok(())
    }
}
