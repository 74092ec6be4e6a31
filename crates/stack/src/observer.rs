//! Every fact that can be observed, as it happens.

use core::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use wire::ether::Mac;
use wire::tcp::Header;

use crate::error::Ended;
use crate::flood::Change;
use crate::station::NeighbourChange;
use crate::tcp::state::{Arrow, State};
use crate::time::{Duration, Instant};
use crate::tuple::FourTuple;

/// Is told every fact. The default does nothing and costs nothing: the stack is compiled for its observer.
pub trait Observer {
    /// `fact` happened at `at`.
    fn observe(&mut self, at: Instant, fact: &Fact<'_>) {
        let _ = (at, fact);
    }
}

/// Observes nothing.
impl Observer for () {}

/// A fact.
#[derive(Debug, Clone)]
pub enum Fact<'a> {
    /// A well-formed TCP segment arrived, before anything is decided about it.
    Received {
        /// Whose it is.
        tuple: FourTuple,
        /// Its header.
        header: &'a Header,
        /// Payload bytes.
        payload: usize,
    },
    /// The link took a TCP segment.
    Sent {
        /// Whose it is.
        tuple: FourTuple,
        /// Its header.
        header: &'a Header,
        /// Payload bytes (all of them, for a super-segment).
        payload: &'a [Bytes],
        /// Why it was sent.
        cause: Cause,
    },
    /// A connection changed its state. Embryos and TIME-WAIT entries are connections here.
    State {
        /// Whose.
        tuple: FourTuple,
        /// From.
        from: State,
        /// To.
        to: State,
        /// By what.
        arrow: Arrow,
    },
    /// A packet, or what it carried, was dropped.
    Dropped {
        /// Whose it would have been, where that could be read.
        tuple: Option<FourTuple>,
        /// Why.
        why: Why,
    },
    /// A connection ended other than by both FINs.
    Ended {
        /// Whose.
        tuple: FourTuple,
        /// How.
        how: Ended,
    },
    /// A listener began to answer SYNs by cookies alone, or keeps half-open entries again.
    SynCookies {
        /// Where it listens.
        local: SocketAddr,
        /// Whether from now on no entry is kept.
        on: bool,
        /// Half-open entries of this listener.
        half_open: usize,
        /// Their bound.
        backlog: usize,
    },
    /// A listener is flooded, or is no more, as far as its gauge can tell.
    Level {
        /// Where it listens.
        local: SocketAddr,
        /// What changed, and the figures that it was judged by.
        change: Change,
    },
    /// What is known of a neighbour on the Ethernet changed.
    Neighbour(NeighbourChange),
    /// Another station says that one of our addresses is its own, or would like it.
    AddressConflict {
        /// The address.
        address: IpAddr,
        /// The station; [`Mac::NONE`] if it does not say.
        mac: Mac,
    },
    /// What had been taken for loss was none: the congestion window is what it was (RFC 4015).
    Undone {
        /// Whose.
        tuple: FourTuple,
        /// How it showed.
        by: Undone,
    },
    /// A round trip was measured.
    RoundTrip {
        /// Whose.
        tuple: FourTuple,
        /// The measured time.
        sample: Duration,
        /// The smoothed time after it.
        srtt: Duration,
        /// The retransmission timeout after it.
        rto: Duration,
    },
}

/// How it showed that nothing had been lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undone {
    /// The peer echoed a timestamp from before anything was sent again (RFC 3522).
    Echo,
    /// The peer told of all that was sent again that it came twice (RFC 2883, RFC 3708).
    Dsack,
    /// After a timeout something was acknowledged that was sent but once (RFC 5682).
    Frto,
}

impl Undone {
    /// In a few words, for a mark beside the packets.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Echo => "nothing was lost: the first copy's timestamp is echoed",
            Self::Dsack => "nothing was lost: all that was sent again came twice",
            Self::Frto => "nothing was lost: the timeout was spurious (F-RTO)",
        }
    }
}

/// Why a segment was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// First handshake: our SYN.
    Syn,
    /// Second handshake: our SYN-ACK.
    SynAck,
    /// Second handshake: our SYN-ACK, for which no half-open entry is kept.
    SynCookie,
    /// Third handshake: our ACK of the peer's SYN-ACK.
    HandshakeAck,
    /// New data.
    Data,
    /// Our FIN for the first time, alone or behind the last data.
    Fin,
    /// An acknowledgment of data, at once or after the delay.
    Ack,
    /// An acknowledgment of the peer's FIN.
    FinAck,
    /// A duplicate acknowledgment: data came out of order, or nothing of it was new.
    DuplicateAck,
    /// The window opened.
    WindowUpdate,
    /// Retransmission of a SYN after its timeout.
    SynRetransmit,
    /// Retransmission of a SYN-ACK after its timeout, or because the SYN came again.
    SynAckRetransmit,
    /// Retransmission after the timeout (RFC 6298).
    TimeoutRetransmit,
    /// Fast retransmission after three duplicate acknowledgments (RFC 5681, RFC 6582).
    FastRetransmit,
    /// Retransmission of what was sent before something that has been delivered since (RFC 8985).
    RackRetransmit,
    /// Tail loss probe: new data or the last segment again, because the last of a flight was not acknowledged (RFC 8985).
    TailLossProbe,
    /// Zero-window probe (RFC 9293 section 3.8.6.1).
    WindowProbe,
    /// Keep-alive probe (RFC 9293 section 3.8.4).
    KeepAlive,
    /// Challenge ACK (RFC 5961).
    ChallengeAck,
    /// TIME-WAIT answers a repeated FIN or an old segment.
    TimeWaitAck,
    /// Reset: the segment belonged to no connection.
    ResetNobody,
    /// Reset: a handshake acknowledged what was never sent.
    ResetBadAck,
    /// Reset: the accept queue was full and the listener is told to reset.
    ResetOverflow,
    /// Reset: the user aborted, or closed with data unread, or data came after CLOSE.
    ResetAbort,
    /// Reset: the connection timed out.
    ResetTimeout,
}

impl Cause {
    /// Whether the segment carries sequence numbers that were sent before.
    pub const fn is_retransmission(self) -> bool {
        matches!(
            self,
            Self::SynRetransmit
                | Self::SynAckRetransmit
                | Self::TimeoutRetransmit
                | Self::FastRetransmit
                | Self::RackRetransmit
        )
    }

    /// In a few words, for a comment on a packet.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Syn => "first handshake: SYN",
            Self::SynAck => "second handshake: SYN-ACK",
            Self::SynCookie => "second handshake: SYN-ACK, a cookie alone",
            Self::HandshakeAck => "third handshake: ACK",
            Self::Data => "data",
            Self::Fin => "FIN: no more data from this side",
            Self::Ack => "acknowledges data",
            Self::FinAck => "acknowledges the FIN",
            Self::DuplicateAck => "duplicate ACK: a hole before this data, or nothing new in it",
            Self::WindowUpdate => "window update",
            Self::SynRetransmit => "SYN retransmitted after timeout",
            Self::SynAckRetransmit => "SYN-ACK retransmitted",
            Self::TimeoutRetransmit => "retransmitted after timeout (RTO)",
            Self::FastRetransmit => "fast retransmit after duplicate ACKs",
            Self::RackRetransmit => "retransmitted: what was sent later has arrived (RACK)",
            Self::TailLossProbe => "tail loss probe: nothing was heard of the last segment",
            Self::WindowProbe => "zero-window probe",
            Self::KeepAlive => "keep-alive probe",
            Self::ChallengeAck => "challenge ACK (RFC 5961)",
            Self::TimeWaitAck => "TIME-WAIT answers an old segment",
            Self::ResetNobody => "reset: no such connection",
            Self::ResetBadAck => "reset: acknowledges what was never sent",
            Self::ResetOverflow => "reset: accept queue full",
            Self::ResetAbort => "reset: aborted",
            Self::ResetTimeout => "reset: timed out",
        }
    }
}

macro_rules! whys {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Why something that arrived was dropped. Each has a counter in [`Counters`](crate::Counters).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Why {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Why {
            /// All of them, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its line of documentation.
            pub const fn describe(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

whys! {
    /// An Ethernet frame is shorter than its header.
    MalformedFrame,
    /// A frame has a VLAN tag: the link is to take it off.
    VlanTag,
    /// A frame carries neither IPv4, IPv6 nor ARP.
    EtherType,
    /// A frame is for another station.
    NotOurMac,
    /// A frame's source is a group, nobody, or ourselves.
    BadMac,
    /// A datagram for us alone came in a frame for more than us (RFC 1122 section 3.3.6).
    GroupFrame,
    /// An ARP packet could not be read, or is not of IPv4 over Ethernet.
    MalformedArp,
    /// A message of neighbour discovery fails one of RFC 4861's checks.
    MalformedNdp,
    /// ARP or neighbour discovery between others, or about one of whom we need to know nothing.
    NeighbourIgnored,
    /// Another hardware address was stated for a neighbour, unasked, while the known one had just been confirmed.
    NeighbourDisputed,
    /// Another station says that one of our addresses is its own, or would like it.
    AddressConflict,
    /// Somebody asked for our hardware address when the budget of answers was spent.
    NeighbourBudget,
    /// A neighbour was not learnt, or what was to be sent to it was lost, for as many as may be are known and in use.
    NeighboursFull,
    /// Something was to be sent to a neighbour that is not known, when the budget of questions was spent.
    ResolutionBudget,
    /// Something was to be sent to a neighbour that has not answered.
    NeighbourUnreachable,
    /// An answer was due to a stranger of whom no packet says where it is, and its hardware address is not known.
    NeighbourUnknown,
    /// Something was to be sent to where no route leads.
    NoRoute,
    /// The IP packet could not be read.
    MalformedIp,
    /// The IPv4 header checksum is wrong.
    IpChecksum,
    /// The destination is not one of our addresses.
    NotOurs,
    /// The source is one that no unicast packet may carry, our own (RFC 9293 MUST-63), or of a whole subnet on the link.
    BadSource,
    /// The upper-layer protocol is none that we speak.
    UnknownProtocol,
    /// A packet for another shard, to which there was no room left on the way.
    StrayRefused,
    /// A fragment that is impossible or overlaps another (RFC 5722).
    BadFragment,
    /// Reassembly held as much as it may, so its oldest datagram was given up.
    FragmentsFull,
    /// A datagram's pieces did not all come in time.
    FragmentsExpired,
    /// The TCP header could not be read.
    MalformedTcp,
    /// A TCP option is malformed (RFC 9293 MUST-7).
    TcpOption,
    /// A combination of flags that must not be.
    TcpFlags,
    /// The TCP checksum is wrong (RFC 9293 MUST-3).
    TcpChecksum,
    /// An ICMP message could not be read, or its checksum is wrong.
    MalformedIcmp,
    /// An ICMP error quotes a segment that is not in flight (RFC 5927).
    IcmpUnproven,
    /// An ICMP message of a kind that we do not read.
    IcmpIgnored,
    /// More ICMP than the budget answers.
    IcmpBudget,
    /// A UDP datagram: nobody here speaks UDP.
    Udp,
    /// A segment to a port where nobody listens; it was answered with RST unless the budget was spent.
    NoListener,
    /// An RST to nobody.
    ResetToNobody,
    /// A segment that was to be answered by RST, when the budget for these was spent.
    ResetBudget,
    /// A segment to a listener that is no SYN, and whose ACK no half-open entry expects.
    NotSyn,
    /// A SYN while the listener's SYN queue was full.
    SynQueueFull,
    /// A SYN while half-open entries over all listeners were at their limit.
    EmbryosFull,
    /// A SYN whose source address is over its limit.
    AddressLimit,
    /// A SYN whose source prefix is over its limit.
    PrefixLimit,
    /// A SYN whose source has proved itself and is over its limit all the same.
    ProvenLimit,
    /// A SYN or a third ACK whose source has as many connections as it may; the ACK was answered with RST.
    ConnectionsPerSource,
    /// A SYN-ACK was due, and the budget of its destination's prefix was spent.
    SynAckBudget,
    /// A SYN or a third ACK while the listener's accept queue was full.
    AcceptQueueFull,
    /// A third ACK while connections were at their limit.
    ConnectionsFull,
    /// A handshake acknowledged what was never sent; it was answered with RST.
    BadHandshakeAck,
    /// A half-open entry died of its lifetime or its last retransmission.
    HalfOpenExpired,
    /// A half-open entry made room for another; its client has a cookie, and was not lost.
    HalfOpenEvicted,
    /// An ACK to a listener whose code is none of ours; it was answered with RST.
    BadCookie,
    /// A cookie that promised timestamps came back without; it was answered with RST.
    CookieNoTimestamps,
    /// Text or FIN to a listener that has no such connection, while cookies are in flight: the segment that brings the cookie
    /// may be on its way, so it was not answered.
    CookieUnproven,
    /// A cookie without timestamps while there were too many of them, or too many forgeries.
    CookieBudget,
    /// A cookie, or the SYN that it answered, of a connection that has ended; the cookie was answered with RST.
    CookieSpent,
    /// A spent cookie was forgotten before it died, to make room for another.
    SpentCookiesFull,
    /// A half-open entry was ended by the peer's RST.
    HalfOpenReset,
    /// Outside the receive window; it was acknowledged (RFC 9293 section 3.10.7.4).
    OutOfWindow,
    /// Nothing in it was new.
    Duplicate,
    /// A timestamp older than the last (RFC 7323 section 5: PAWS).
    Paws,
    /// An RST outside the window (RFC 5961 section 3).
    ResetOutOfWindow,
    /// An exact RST: it ended the connection, and nothing else in it counts.
    ResetTaken,
    /// An RST inside the window but not exact: a challenge ACK was sent (RFC 5961 section 3).
    ResetInexact,
    /// A SYN on a synchronized connection: a challenge ACK was sent (RFC 5961 section 4).
    SynOnConnection,
    /// An ACK outside the acceptable range (RFC 5961 section 5).
    AckOutOfRange,
    /// A segment without ACK on a synchronized connection.
    NoAck,
    /// A challenge ACK, or an RST during the handshake, was due but the connection's budget for them was spent.
    ChallengeBudget,
    /// Data after the peer's FIN.
    DataAfterFin,
    /// Data that came after the user had closed; it was answered with RST.
    DataAfterClose,
    /// Data for which the receive buffer had no room.
    ReceiveBufferFull,
    /// Data for which all buffers of the stack together had no room (`limits.buffer_bytes`).
    BufferBudget,
    /// Data beyond a hole while as many islands as there may be were held.
    IslandsFull,
    /// A SACK block that would have made more runs of a scoreboard than there may be.
    SackRunsFull,
    /// An old segment met a TIME-WAIT entry.
    TimeWaitOld,
    /// An RST met a TIME-WAIT entry and was ignored (RFC 1337).
    TimeWaitReset,
    /// A TIME-WAIT entry made room for another.
    TimeWaitsFull,
    /// A reply was due but the reply queue was full.
    RepliesFull,
    /// An ACK was due for an entry without a budget of its own and the common one was spent.
    AckBudget,
}

/// `NoListener`, as in the code.
impl core::fmt::Display for Why {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}
