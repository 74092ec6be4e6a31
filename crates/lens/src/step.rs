//! Names the step that each segment is: which part of the handshake or the close, data, retransmission, and so on.
//!
//! The names come from the packets alone, so they hold for a peer that cannot be asked; where the sender is ours, its
//! own reason refines them. Segments are judged in the order they were sent. Read first: RFC 9293 sections 3.5 and 3.6.

use std::collections::BTreeMap;
use std::fmt;

use stack::Cause;
use wire::seq::SeqNumber;

use crate::packet::{Pair, Segment};

/// What a segment is in the life of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which step.
    pub kind: Kind,
    /// It was taken before: this is a retransmission or a copy.
    pub again: bool,
}

/// The steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// First handshake: SYN.
    First,
    /// Second handshake: the SYN-ACK.
    Second,
    /// Third handshake: the ACK of the SYN-ACK, perhaps with data.
    Third,
    /// A SYN that crosses the peer's: simultaneous open (RFC 9293 figure 7).
    CrossingSyn,
    /// The SYN-ACK that answers a crossing SYN.
    CrossingSynAck,
    /// A SYN that no open asks for: an old duplicate, a blind attack, or a new connection over an old one.
    StraySyn,
    /// Payload.
    Data,
    /// An acknowledgment of data.
    Ack,
    /// Acknowledges what was acknowledged before.
    DuplicateAck,
    /// The window changes and nothing else.
    WindowUpdate,
    /// Zero-window probe.
    WindowProbe,
    /// Keep-alive probe.
    KeepAlive,
    /// The answer to a probe of either kind, with nothing new in it.
    ProbeAnswer,
    /// Challenge ACK (RFC 5961).
    ChallengeAck,
    /// A part of the close.
    Close(Close),
    /// RST that answers the SYN: the connection is refused.
    Refusal,
    /// Any other RST.
    Reset,
}

/// The close takes four steps: a FIN, its acknowledgment, the other FIN, its acknowledgment. One segment may be two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// 1: the first FIN.
    First,
    /// 2: the acknowledgment of the first FIN.
    Second,
    /// 3: the second FIN, sent after the first was acknowledged.
    Third,
    /// 2 and 3: the second FIN acknowledges the first.
    SecondAndThird,
    /// 4: the acknowledgment of the second FIN.
    Fourth,
    /// A second FIN that does not acknowledge the first: both close at once (RFC 9293 figure 13).
    CrossingFin,
    /// The acknowledgment of either of two crossing FINs.
    CrossingAck,
}

/// Follows every connection that it is shown.
#[derive(Debug, Default)]
pub struct Classifier {
    pairs: BTreeMap<Pair, [Half; 2]>,
}

/// What one end of a connection has sent.
#[derive(Debug, Clone, Copy, Default)]
struct Half {
    /// Its ISN, and what kind of SYN carried it.
    isn: Option<(SeqNumber, Kind)>,
    /// The window scale that its SYN announced.
    scale: Option<u8>,
    /// It has answered a SYN with a SYN-ACK.
    syn_acked: bool,
    /// It has sent the third handshake, or anything later.
    opened: bool,
    /// The sequence number after the last one sent.
    nxt: Option<SeqNumber>,
    /// The sequence number after its FIN, and which part of the close that was.
    fin: Option<(SeqNumber, Close)>,
    /// The peer has acknowledged its FIN.
    fin_acked: bool,
    /// Its last acknowledgment and window field.
    last_ack: Option<(SeqNumber, u16)>,
    /// What it sent last.
    last_kind: Option<Kind>,
    reset: bool,
}

impl Classifier {
    /// A classifier that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names a segment and remembers it.
    pub fn step(&mut self, segment: &Segment, cause: Option<Cause>) -> Step {
        let halves = self.pairs.entry(Pair::of(segment.src, segment.dst)).or_default();
        let [low, high] = halves;
        let (me, peer) = if segment.src <= segment.dst {
            (low, high)
        } else {
            (high, low)
        };
        if is_new_connection(segment, me, peer) {
            (*me, *peer) = (Half::default(), Half::default());
        }
        let step = name(segment, me, peer);
        remember(segment, step, me, peer);
        refine(step, cause)
    }

    /// Names a segment that no host sent, and forgets it: a forged segment must not change what the true ones are.
    pub fn step_of_forged(&mut self, segment: &Segment) -> Step {
        let key = Pair::of(segment.src, segment.dst);
        let before = self.pairs.get(&key).copied();
        let step = self.step(segment, None);
        match before {
            Some(halves) => self.pairs.insert(key, halves),
            None => self.pairs.remove(&key),
        };
        step
    }

    /// `number`, sent by the source of `segment` or acknowledged to it when `acked`, counted from the ISN; as it is when
    /// the SYN was not seen.
    pub(crate) fn relative(&self, segment: &Segment, acked: bool, number: SeqNumber) -> u32 {
        let Some([low, high]) = self.pairs.get(&Pair::of(segment.src, segment.dst)) else {
            return number.value();
        };
        let owner = if (segment.src <= segment.dst) != acked {
            low
        } else {
            high
        };
        owner.isn.map_or(number.value(), |(isn, _)| number.since(isn))
    }

    /// The window of a segment that was named. Units: bytes. A scale counts when both sides announced one, and never in
    /// a SYN (RFC 7323 section 2.2); it is not known when the SYNs were not seen.
    pub(crate) fn window(&self, segment: &Segment) -> u32 {
        let field = u32::from(segment.header.window);
        let Some([low, high]) = self.pairs.get(&Pair::of(segment.src, segment.dst)) else {
            return field;
        };
        let (me, peer) = if segment.src <= segment.dst {
            (low, high)
        } else {
            (high, low)
        };
        match (me.scale, peer.scale) {
            (Some(scale), Some(_)) if !segment.header.flags.syn() => field << scale,
            _ => field,
        }
    }
}

/// Whether a SYN begins a new connection between ends that had one before and are done with it.
fn is_new_connection(segment: &Segment, me: &Half, peer: &Half) -> bool {
    let is_over = me.reset || peer.reset || (me.fin_acked && peer.fin_acked);
    let is_known = me.isn.is_some_and(|(isn, _)| isn == segment.header.seq);
    segment.header.flags.syn() && !segment.header.flags.ack() && is_over && !is_known
}

fn name(segment: &Segment, me: &Half, peer: &Half) -> Step {
    let flags = segment.header.flags;
    if flags.rst() {
        let is_refusal = me.isn.is_none() && peer.isn.is_some() && !peer.opened;
        let kind = if is_refusal { Kind::Refusal } else { Kind::Reset };
        return Step { kind, again: me.reset };
    }
    match (flags.syn(), flags.ack()) {
        (true, false) => name_syn(segment, me, peer),
        (true, true) => name_syn_ack(segment, me, peer),
        (false, _) => name_later(segment, me, peer),
    }
}

fn name_syn(segment: &Segment, me: &Half, peer: &Half) -> Step {
    match (me.isn, peer.isn) {
        (Some((isn, kind)), _) if isn == segment.header.seq => Step { kind, again: true },
        (Some(_), _) => Kind::StraySyn.once(),
        (None, None) => Kind::First.once(),
        (None, Some(_)) if peer.opened => Kind::StraySyn.once(),
        (None, Some(_)) => Kind::CrossingSyn.once(),
    }
}

fn name_syn_ack(segment: &Segment, me: &Half, peer: &Half) -> Step {
    let acks_syn = peer.isn.is_some_and(|(isn, _)| segment.header.ack == isn + 1);
    match me.isn {
        _ if peer.isn.is_some() && !acks_syn => Kind::StraySyn.once(),
        Some((isn, _)) if isn != segment.header.seq => Kind::StraySyn.once(),
        Some((_, Kind::Second)) => Kind::Second.again(),
        Some(_) => Step {
            kind: Kind::CrossingSynAck,
            again: me.syn_acked,
        },
        None => Kind::Second.once(),
    }
}

fn name_later(segment: &Segment, me: &Half, peer: &Half) -> Step {
    let acks_fin = segment.header.flags.ack() && peer.fin.is_some_and(|(end, _)| segment.header.ack == end);
    if segment.header.flags.fin() {
        return name_fin(segment, me, peer, acks_fin);
    }
    if is_third(segment, me, peer) {
        return Kind::Third.once();
    }
    if let Some(kind) = name_probe(segment, me, peer) {
        return kind.once();
    }
    if acks_fin && !peer.fin_acked {
        return Kind::Close(ack_of_fin(me, peer)).once();
    }
    if segment.payload > 0 {
        let is_old = me.nxt.is_some_and(|nxt| segment.end().at_or_before(nxt));
        return Step {
            kind: Kind::Data,
            again: is_old,
        };
    }
    name_pure_ack(segment, me, peer, acks_fin)
}

/// The FIN for the first time, or again.
fn name_fin(segment: &Segment, me: &Half, peer: &Half, acks_fin: bool) -> Step {
    let close = match (me.fin, peer.fin) {
        (Some((end, close)), _) if end == segment.end() => return Kind::Close(close).again(),
        (_, None) => Close::First,
        _ if peer.fin_acked => Close::Third,
        _ if acks_fin => Close::SecondAndThird,
        _ => Close::CrossingFin,
    };
    Kind::Close(close).once()
}

/// Which step acknowledging the peer's FIN is.
fn ack_of_fin(me: &Half, peer: &Half) -> Close {
    let is_crossing = |half: &Half| matches!(half.fin, Some((_, Close::CrossingFin)));
    if is_crossing(me) || is_crossing(peer) {
        Close::CrossingAck
    } else if matches!(peer.fin, Some((_, Close::First))) {
        Close::Second
    } else {
        Close::Fourth
    }
}

/// The first segment after a SYN-ACK from the side that opened.
fn is_third(segment: &Segment, me: &Half, peer: &Half) -> bool {
    let answers = peer
        .isn
        .is_some_and(|(isn, kind)| kind == Kind::Second && segment.header.ack == isn + 1);
    answers && !me.opened && segment.header.flags.ack()
}

/// The third handshake again, as it answers a SYN-ACK that came again: nothing but the SYNs has gone either way.
fn is_third_again(segment: &Segment, me: &Half, peer: &Half) -> bool {
    let only_syn = |half: &Half| half.isn.zip(half.nxt).is_some_and(|((isn, _), nxt)| nxt == isn + 1);
    only_syn(me) && only_syn(peer) && peer.isn.is_some_and(|(_, kind)| kind == Kind::Second) && segment.is_empty()
}

/// Probes repeat the last sequence number sent, or press one byte into a closed window.
fn name_probe(segment: &Segment, me: &Half, peer: &Half) -> Option<Kind> {
    let (nxt, (acked, window)) = (me.nxt?, peer.last_ack?);
    let repeats_last = segment.payload <= 1 && segment.header.seq + 1 == nxt && me.opened;
    let is_closed = window == 0;
    if is_closed && (repeats_last || segment.payload == 1 && segment.header.seq == acked) {
        Some(Kind::WindowProbe)
    } else if repeats_last && acked == nxt && me.fin.is_none() {
        Some(Kind::KeepAlive)
    } else {
        None
    }
}

fn name_pure_ack(segment: &Segment, me: &Half, peer: &Half, acks_fin: bool) -> Step {
    let Some((last, window)) = me.last_ack else {
        return Kind::Ack.once();
    };
    if last != segment.header.ack {
        return Kind::Ack.once();
    }
    if acks_fin {
        return Kind::Close(ack_of_fin(me, peer)).again();
    }
    if is_third_again(segment, me, peer) {
        return Kind::Third.again();
    }
    let answers_probe = matches!(peer.last_kind, Some(Kind::KeepAlive | Kind::WindowProbe));
    // The window of a SYN is not scaled, so it cannot be compared.
    let is_comparable = !matches!(me.last_kind, Some(Kind::Second | Kind::CrossingSynAck));
    // Beside data that is under way a changed window does not make it less of a duplicate (RFC 5681 section 2 does
    // not count it; for a reader it is the news).
    if is_comparable && window != segment.header.window {
        return Kind::WindowUpdate.once();
    }
    if answers_probe {
        return Kind::ProbeAnswer.once();
    }
    Kind::DuplicateAck.once()
}

/// Brings both halves up to date with a segment that was named.
fn remember(segment: &Segment, step: Step, me: &mut Half, peer: &mut Half) {
    let header = &segment.header;
    if step.kind == Kind::StraySyn {
        return;
    }
    me.last_kind = Some(step.kind);
    if header.flags.rst() {
        me.reset = true;
        return;
    }
    if header.flags.syn() {
        me.isn.get_or_insert((header.seq, step.kind));
        me.scale = header.options.window_scale.map(|scale| scale.shift());
        me.syn_acked |= header.flags.ack();
    } else {
        me.opened = true;
    }
    if step.kind != Kind::WindowProbe {
        let end = segment.end();
        me.nxt = Some(me.nxt.map_or(end, |nxt| nxt.later(end)));
    }
    if let (true, Kind::Close(close)) = (header.flags.fin(), step.kind) {
        me.fin.get_or_insert((segment.end(), close));
    }
    if header.flags.ack() {
        let is_newest = me.last_ack.is_none_or(|(last, _)| header.ack.at_or_after(last));
        if is_newest {
            me.last_ack = Some((header.ack, header.window));
        }
        peer.fin_acked |= peer.fin.is_some_and(|(end, _)| header.ack.at_or_after(end));
    }
}

/// What the sender knows of its own segment and the packets do not say.
fn refine(step: Step, cause: Option<Cause>) -> Step {
    let Some(cause) = cause else { return step };
    let kind = match cause {
        Cause::WindowProbe => Kind::WindowProbe,
        Cause::KeepAlive => Kind::KeepAlive,
        Cause::ChallengeAck => Kind::ChallengeAck,
        Cause::DuplicateAck if step.kind == Kind::Ack => Kind::DuplicateAck,
        _ => step.kind,
    };
    Step {
        kind,
        again: step.again || cause.is_retransmission(),
    }
}

impl Kind {
    const fn once(self) -> Step {
        Step {
            kind: self,
            again: false,
        }
    }

    const fn again(self) -> Step {
        Step {
            kind: self,
            again: true,
        }
    }

    /// At most 15 columns, for a ladder.
    pub const fn label(self) -> &'static str {
        match self {
            Self::First => "handshake 1/3",
            Self::Second => "handshake 2/3",
            Self::Third => "handshake 3/3",
            Self::CrossingSyn => "crossing SYN",
            Self::CrossingSynAck => "crossing SYNACK",
            Self::StraySyn => "stray SYN",
            Self::Data => "data",
            Self::Ack => "ack",
            Self::DuplicateAck => "duplicate ack",
            Self::WindowUpdate => "window update",
            Self::WindowProbe => "window probe",
            Self::KeepAlive => "keep-alive",
            Self::ProbeAnswer => "probe answer",
            Self::ChallengeAck => "challenge ack",
            Self::Close(close) => close.label(),
            Self::Refusal => "refused",
            Self::Reset => "reset",
        }
    }

    /// In words, for a comment on a packet.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::First => "first handshake: SYN",
            Self::Second => "second handshake: SYN-ACK",
            Self::Third => "third handshake: ACK of the SYN-ACK",
            Self::CrossingSyn => "simultaneous open: SYN that crosses the peer's",
            Self::CrossingSynAck => "simultaneous open: SYN-ACK that answers the crossing SYN",
            Self::StraySyn => "SYN that no open asks for",
            Self::Data => "data",
            Self::Ack => "acknowledgment",
            Self::DuplicateAck => "duplicate acknowledgment",
            Self::WindowUpdate => "window update",
            Self::WindowProbe => "zero-window probe",
            Self::KeepAlive => "keep-alive probe",
            Self::ProbeAnswer => "answer to a probe",
            Self::ChallengeAck => "challenge ACK (RFC 5961)",
            Self::Close(close) => close.describe(),
            Self::Refusal => "RST: the connection is refused",
            Self::Reset => "RST: the connection is reset",
        }
    }
}

impl Close {
    const fn label(self) -> &'static str {
        match self {
            Self::First => "close 1/4",
            Self::Second => "close 2/4",
            Self::Third => "close 3/4",
            Self::SecondAndThird => "close 2+3/4",
            Self::Fourth => "close 4/4",
            Self::CrossingFin => "crossing FIN",
            Self::CrossingAck => "ack of FIN",
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::First => "close, first step: FIN",
            Self::Second => "close, second step: ACK of the FIN",
            Self::Third => "close, third step: FIN of the other side",
            Self::SecondAndThird => "close, second and third step: FIN of the other side, which acknowledges the first",
            Self::Fourth => "close, fourth step: ACK of the second FIN",
            Self::CrossingFin => "simultaneous close: FIN that crosses the peer's",
            Self::CrossingAck => "simultaneous close: ACK of the peer's FIN",
        }
    }
}

/// The label; `↻` before it when the step was taken before.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.again {
            f.write_str("↻ ")?;
        }
        f.write_str(self.kind.label())
    }
}

#[cfg(test)]
mod tests;
