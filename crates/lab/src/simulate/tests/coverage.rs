//! What is drawn is also come by: the first three hundred worlds, held to a list.

use std::collections::BTreeSet;

use stack::tcp::state::{Arrow, next};
use stack::{Cause, State, Why};

use super::play_and;
use crate::world::Reached;

/// Reasons to drop that no drawn world gives: hosts send nothing but TCP, no fragments, and no Ethernet frames; what a link
/// corrupts fails by its checksum; budgets are larger than what strangers send, and scoreboards than what is in flight; and no host has shards.
const NEVER: &[Why] = &[
    Why::MalformedFrame,
    Why::VlanTag,
    Why::EtherType,
    Why::NotOurMac,
    Why::BadMac,
    Why::GroupFrame,
    Why::MalformedArp,
    Why::MalformedNdp,
    Why::NeighbourIgnored,
    Why::NeighbourDisputed,
    Why::AddressConflict,
    Why::NeighbourBudget,
    Why::NeighboursFull,
    Why::ResolutionBudget,
    Why::NeighbourUnreachable,
    Why::NeighbourUnknown,
    Why::NoRoute,
    Why::BadFragment,
    Why::FragmentsFull,
    Why::FragmentsExpired,
    Why::MalformedTcp,
    Why::TcpOption,
    Why::MalformedIcmp,
    Why::IcmpUnproven,
    Why::IcmpIgnored,
    Why::IcmpBudget,
    Why::Udp,
    Why::StrayRefused,
    Why::AddressLimit,
    Why::PrefixLimit,
    Why::ProvenLimit,
    Why::ConnectionsPerSource,
    Why::SynAckBudget,
    Why::CookieBudget,
    Why::SpentCookiesFull,
    Why::SackRunsFull,
    Why::RepliesFull,
    Why::AckBudget,
];

/// Reasons that fewer than one world in a hundred gives: some hundred worlds need not.
const RARE: &[Why] = &[
    Why::AckOutOfRange,
    Why::BadSource,
    Why::DataAfterFin,
    Why::EmbryosFull,
    Why::IslandsFull,
    Why::NoAck,
    Why::UnknownProtocol,
];

/// Arrows that no four-tuple goes along: who listens has none yet, and TIME-WAIT has no user.
const NO_WAY: &[(State, Arrow)] = &[
    (State::Closed, Arrow::PassiveOpen),
    (State::Listen, Arrow::Close),
    (State::Listen, Arrow::Abort),
    (State::TimeWait, Arrow::Abort),
];

/// Arrows that fewer than one world in a hundred goes along.
const RARE_WAY: &[(State, Arrow)] = &[
    (State::Closing, Arrow::Abort),
    (State::Closing, Arrow::ResetArrives),
    (State::Closing, Arrow::TimedOut),
    (State::LastAck, Arrow::Abort),
    (State::LastAck, Arrow::TimedOut),
];

/// Why segments are sent.
const CAUSES: &[Cause] = &[
    Cause::Syn,
    Cause::SynAck,
    Cause::SynCookie,
    Cause::HandshakeAck,
    Cause::Data,
    Cause::Fin,
    Cause::Ack,
    Cause::FinAck,
    Cause::DuplicateAck,
    Cause::WindowUpdate,
    Cause::SynRetransmit,
    Cause::SynAckRetransmit,
    Cause::TimeoutRetransmit,
    Cause::FastRetransmit,
    Cause::RackRetransmit,
    Cause::TailLossProbe,
    Cause::WindowProbe,
    Cause::KeepAlive,
    Cause::ChallengeAck,
    Cause::TimeWaitAck,
    Cause::ResetNobody,
    Cause::ResetBadAck,
    Cause::ResetAbort,
    Cause::ResetTimeout,
];

/// What is told in the ladder beside the packets, or about one of them: what users, hosts, links and faults have done.
const DONE: &[&str] = &[
    "OPEN (active)",
    "OPEN (passive)",
    "SEND",
    "CLOSE (sending side)",
    "CLOSE (listener)",
    "CLOSE",
    "ABORT",
    "accepted",
    "vanishes",
    "is back",
    "reboots",
    "the link to h",
    "its links are calm",
    "the stream has ended",
    "the user is told: connection timed out",
    "the half-open entry is forgotten",
    "2MSL are over",
    "connection already exists",
    "its queue was full",
    "the link was cut",
    "held back by the link",
    "held back: a fault of the script",
    "a fault of the script",
    "a copy that the link made",
    "an old duplicate",
    "bit ",
];

#[test]
fn three_hundred_worlds_go_everywhere() {
    let mut reached = Reached::default();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    play_and(0..300, |outcome| {
        reached.merge(outcome.reached);
        let marks = outcome.trace.marks.into_iter().map(|mark| mark.text);
        let notes = outcome.trace.records.into_iter().flat_map(|record| record.notes);
        let all = marks.chain(notes);
        told.extend(all.filter_map(|text| DONE.iter().copied().find(|start| text.starts_with(start))));
    });
    let all: BTreeSet<State> = State::ALL.into_iter().collect();
    assert_eq!(reached.states, all);
    let missing = Why::ALL.iter().filter(|why| !reached.drops.contains(why));
    let missing: Vec<_> = missing
        .filter(|why| !NEVER.contains(why) && !RARE.contains(why))
        .collect();
    assert_eq!(missing, [&Why::Udp; 0], "no world dropped anything for these");
    let come_by: Vec<_> = NEVER.iter().filter(|why| reached.drops.contains(why)).collect();
    assert_eq!(come_by, [&Why::Udp; 0], "worlds can drop for these after all");
    let ways = State::ALL
        .into_iter()
        .flat_map(|state| Arrow::ALL.map(|arrow| (state, arrow)));
    let ways = ways.filter(|&(state, arrow)| next(state, arrow).is_some());
    let missing = ways.filter(|way| !reached.arrows.contains(way));
    let missing: Vec<_> = missing
        .filter(|way| !NO_WAY.contains(way) && !RARE_WAY.contains(way))
        .collect();
    assert_eq!(missing, [], "no world went along these arrows");
    let missing: Vec<_> = CAUSES.iter().filter(|cause| !reached.causes.contains(cause)).collect();
    assert_eq!(missing, [&Cause::Ack; 0], "no world sent anything for these");
    let missing: Vec<_> = DONE.iter().filter(|what| !told.contains(*what)).collect();
    assert_eq!(missing, [&""; 0], "nobody has done these");
}
