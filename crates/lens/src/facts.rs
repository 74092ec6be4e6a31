//! Each packet of a trace as values for a program: what a ladder shows, as JSON.

use std::net::SocketAddr;

use serde::Serialize;

use crate::ladder::flag_names;
use crate::reading::{Content, Item, Tcp, read};
use crate::record::{Fate, Record, Trace};

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PacketFacts<'a> {
    /// When it was sent. Units: nanoseconds since the trace's origin.
    pub sent: u64,
    /// When it arrived, if it did. Units: nanoseconds since the trace's origin.
    pub arrived: Option<u64>,
    /// The sender's name.
    pub from: &'a str,
    /// The receiver's name.
    pub to: &'a str,
    /// What the link did.
    pub fate: Fate,
    /// No host sent it.
    pub injected: bool,
    /// What its TCP segment says.
    pub tcp: Option<SegmentFacts>,
    /// What it is, when it is no TCP segment.
    pub other: Option<String>,
    /// The sender's state after sending.
    pub sender_state: Option<&'static str>,
    /// The receiver's state after it arrived.
    pub receiver_state: Option<&'static str>,
    /// Why it was sent.
    pub cause: Option<&'static str>,
    /// Why it was dropped.
    pub dropped: Option<&'static str>,
    /// Whatever else was noted.
    pub notes: &'a [String],
}

/// One TCP segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentFacts {
    /// Source address and port.
    pub src: SocketAddr,
    /// Destination address and port.
    pub dst: SocketAddr,
    /// `SYN,ACK`.
    pub flags: String,
    /// Sequence number, absolute.
    pub seq: u32,
    /// Sequence number, counted from the ISN.
    pub seq_relative: u32,
    /// Acknowledgment number, absolute, where ACK is set.
    pub ack: Option<u32>,
    /// Acknowledgment number, counted from the peer's ISN, where ACK is set.
    pub ack_relative: Option<u32>,
    /// Payload. Units: bytes.
    pub payload: u32,
    /// The window, scaled where both scales were seen. Units: bytes.
    pub window: u32,
    /// The name of its step, as a ladder has it.
    pub step: &'static str,
    /// The step was taken before.
    pub again: bool,
}

/// Every packet of a trace, in the order of their sending.
pub fn facts(trace: &Trace) -> Vec<PacketFacts<'_>> {
    let items = read(trace);
    trace
        .records
        .iter()
        .zip(&items)
        .map(|(record, item)| of_packet(trace, record, item))
        .collect()
}

fn of_packet<'a>(trace: &'a Trace, record: &'a Record, item: &Item) -> PacketFacts<'a> {
    let name = |host: usize| trace.hosts.get(host).map_or("?", |host| host.name.as_str());
    let (tcp, other) = match &item.content {
        Content::Tcp(tcp) => (Some(of_segment(tcp)), None),
        Content::Other(text) => (None, Some(text.clone())),
    };
    PacketFacts {
        sent: record.sent.as_nanos(),
        arrived: record.arrived.map(stack::Instant::as_nanos),
        from: name(record.from),
        to: name(record.to),
        fate: record.fate,
        injected: record.injected,
        tcp,
        other,
        sender_state: record.sender_state.map(stack::State::name),
        receiver_state: record.receiver_state.map(stack::State::name),
        cause: record.cause.map(stack::Cause::describe),
        dropped: record.dropped.map(stack::Why::describe),
        notes: &record.notes,
    }
}

fn of_segment(tcp: &Tcp) -> SegmentFacts {
    let header = &tcp.segment.header;
    let has_ack = header.flags.ack();
    SegmentFacts {
        src: tcp.segment.src,
        dst: tcp.segment.dst,
        flags: flag_names(header.flags),
        seq: header.seq.value(),
        seq_relative: tcp.seq,
        ack: has_ack.then_some(header.ack.value()),
        ack_relative: has_ack.then_some(tcp.ack),
        payload: tcp.segment.payload,
        window: tcp.window,
        step: tcp.step.kind.label(),
        again: tcp.step.again,
    }
}

#[cfg(test)]
mod tests {
    use stack::{Cause, State};

    use super::*;
    use crate::fixture::{Scene, V4};

    #[test]
    fn a_handshake_as_json() {
        let mut s = Scene::new("", V4);
        s.left(0, "S", 0, 0, 0)
            .states(State::SynSent, State::SynReceived)
            .notes
            .push("a note".to_owned());
        s.right(1, "SA", 0, 1, 0).cause = Some(Cause::SynAck);
        s.left(2, "PA", 1, 1, 3).lost();
        insta::assert_snapshot!(serde_json::to_string_pretty(&facts(&s.trace)).unwrap());
    }

    #[test]
    fn a_whole_trace_serializes_with_its_bytes_in_hex() {
        let mut s = Scene::new("title", V4);
        s.left(0, "S", 0, 0, 0);
        s.mark(0, 0, "OPEN", Some(State::SynSent));
        let json = serde_json::to_value(&s.trace).unwrap();
        assert_eq!(
            json["records"][0]["bytes"].as_str().unwrap().len(),
            2 * s.trace.records[0].bytes.len()
        );
        assert_eq!(json["marks"][0]["state"], "SYN-SENT");
        assert_eq!(json["hosts"][1]["kind"], "syndic");
    }
}
