//! STATUS (RFC 9293 section 3.10.6): what a user may know of a connection, and what `ss` lists.

use core::net::SocketAddr;

use wire::ip::Dscp;
use wire::seq::SeqNumber;

use crate::config::SynCookies;
use crate::error::Ended;
use crate::event::{ConnectionId, ListenerId};
use crate::flood::Level;
use crate::tcp::congestion::CongestionControl;
use crate::tcp::state::State;
use crate::time::Duration;
use crate::tuple::FourTuple;

/// A connection as STATUS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Both ends.
    pub tuple: FourTuple,
    /// Its state. TIME-WAIT while its entry stands, CLOSED afterwards.
    pub state: State,
    /// How it ended, if not by both FINs.
    pub ended: Option<Ended>,
    /// The last ICMP error that did not end it (RFC 5461).
    pub soft_error: Option<Ended>,
    /// The Diffserv codepoint of the last segment that was acceptable (RFC 9293 MAY-9).
    pub dscp_received: Dscp,
    /// SND.UNA.
    pub snd_una: SeqNumber,
    /// SND.NXT.
    pub snd_nxt: SeqNumber,
    /// SND.WND, scaled. Units: bytes.
    pub snd_wnd: u32,
    /// RCV.NXT.
    pub rcv_nxt: SeqNumber,
    /// RCV.WND as last advertised. Units: bytes.
    pub rcv_wnd: u32,
    /// Initial send sequence number.
    pub iss: SeqNumber,
    /// Initial receive sequence number.
    pub irs: SeqNumber,
    /// Bytes the user may read now.
    pub receive_queue: usize,
    /// Bytes the user sent that are not yet acknowledged.
    pub send_queue: usize,
    /// Of those, bytes not yet sent.
    pub unsent: usize,
    /// Bytes of the read stream until the end of urgent data, when the peer has announced some (RFC 6093).
    pub urgent: Option<u32>,
    /// Largest payload that we send in one segment, options counted off. Units: bytes.
    pub snd_mss: usize,
    /// Our scale, and the peer's; `None` when not negotiated.
    pub window_scales: Option<(u8, u8)>,
    /// Timestamps are in use.
    pub timestamps: bool,
    /// SACK is in use.
    pub sack: bool,
    /// What we send is ECN-capable (RFC 3168).
    pub ecn: bool,
    /// Smoothed round-trip time, once measured.
    pub srtt: Option<Duration>,
    /// Its variation.
    pub rttvar: Duration,
    /// Retransmission timeout, backoff included.
    pub rto: Duration,
    /// How the congestion window is chosen.
    pub congestion: CongestionControl,
    /// Congestion window. Units: bytes.
    pub cwnd: u32,
    /// Slow start threshold. Units: bytes; `u32::MAX` before the first loss.
    pub ssthresh: u32,
    /// How fast it sends, where it is paced. Units: bytes per second.
    pub pacing_rate: Option<u64>,
    /// Retransmissions of the oldest unacknowledged segment.
    pub backoff: u8,
    /// Timeouts and probes since the peer last answered.
    pub unanswered: u8,
    /// Segments retransmitted in all.
    pub retransmitted: u32,
    /// Taken for lost, and not sent again yet. Units: bytes.
    pub lost: u32,
    /// Held by the peer beyond a hole, as it told by SACK. Units: bytes.
    pub sacked: u32,
    /// Segments have been seen to overtake one another on the path (RFC 8985 section 6.2).
    pub reordering: bool,
    /// Times that the peer told of something that came twice (RFC 2883). Bounds: it stays at 65,535.
    pub dsacks: u16,
    /// The least round trip measured in the last five minutes or since something shorter.
    pub min_rtt: Option<Duration>,
    /// Payload bytes that were acknowledged to us.
    pub bytes_acked: u64,
    /// Payload bytes received in order.
    pub bytes_received: u64,
    /// Segments sent.
    pub segments_out: u32,
    /// Segments received.
    pub segments_in: u32,
    /// Segments of data beyond a hole that are held. Units: islands.
    pub islands: usize,
    /// Why nothing is being sent now.
    pub idle_because: Idle,
}

/// What a stack holds of others' bytes, and the most that it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Allocated for what users have sent and what they have not read yet, over all connections. Units: bytes.
    pub buffers: usize,
    /// The most that its connections may make of that, by their settings and the stack's limits. Units: bytes.
    pub buffers_max: usize,
    /// Allocated for datagrams whose pieces have not all come. Units: bytes. Bounds: `Limits::datagram_bytes`.
    pub fragments: usize,
    /// Control packets that wait for the link. Bounds: `Limits::replies`.
    pub replies: usize,
}

/// Why a sender is not sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Idle {
    /// There is nothing to send.
    #[default]
    NoData,
    /// The handshake is not done.
    Opening,
    /// The peer's window is used up or 0.
    PeerWindow,
    /// The congestion window is used up.
    CongestionWindow,
    /// The windows would let it, but what was sent last is to get ahead on the path.
    Pacing,
    /// Nagle waits for an acknowledgment or a full segment (RFC 9293 section 3.7.4).
    Nagle,
    /// A small window: silly-window avoidance waits (RFC 9293 section 3.8.6.2.1).
    SillyWindow,
    /// Something waits for the link.
    Link,
    /// The hardware address of its neighbour is being asked for.
    Resolving,
    /// The connection is over.
    Over,
}

/// One line of a table of everything that a stack holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A listener.
    Listener {
        /// Its name.
        id: ListenerId,
        /// Where it listens.
        local: SocketAddr,
        /// Half-open entries, and their bound.
        syn_queue: (usize, usize),
        /// Connections that wait to be accepted, and their bound.
        accept_queue: (usize, usize),
        /// When it keeps half-open entries.
        syn_cookies: SynCookies,
        /// It answers SYNs by cookies alone now.
        stateless: bool,
        /// Whether it is flooded.
        level: Level,
    },
    /// A half-open connection (passive SYN-RECEIVED).
    Embryo {
        /// Both ends.
        tuple: FourTuple,
        /// Since its SYN. Units: to a tenth of a second.
        age: Duration,
        /// SYN-ACKs sent again.
        retransmissions: u8,
    },
    /// A connection.
    Connection {
        /// Its name; its user may have closed it already.
        id: ConnectionId,
        /// What STATUS says of it.
        status: alloc::boxed::Box<Status>,
    },
    /// A TIME-WAIT entry.
    TimeWait {
        /// Both ends.
        tuple: FourTuple,
        /// Until it is forgotten.
        remaining: Duration,
    },
}
