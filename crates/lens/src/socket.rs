//! What a stack holds, one value a socket: as a program reads it in JSON, and as [`list()`] prints it.
//!
//! Names and units are those of STATUS (`stack::status`), but that times are whole microseconds, and reasons are words.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use stack::config::SynCookies;
use stack::flood::Level;
use stack::status::Idle;
use stack::{CongestionControl, Duration, Entry, State, Status};

mod list;
mod name;

pub use list::list;

/// One line of `ss`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// Its state, with the RFC's name.
    #[serde(with = "name")]
    pub state: State,
    /// As `ss` has it: bytes that the user may read; for a listener the connections that wait to be accepted.
    pub receive_queue: usize,
    /// As `ss` has it: bytes that are not acknowledged; for a listener the bound of the accept queue.
    pub send_queue: usize,
    /// Our end.
    pub local: SocketAddr,
    /// The other end; `None` for a listener.
    pub peer: Option<SocketAddr>,
    /// What only sockets of its kind have.
    #[serde(flatten)]
    pub details: Details,
}

/// What only sockets of one kind have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Details {
    /// A listener.
    Listener(Listener),
    /// A half-open entry.
    HalfOpen {
        /// Since its SYN. Units: microseconds, to a tenth of a second.
        age_us: u64,
        /// SYN-ACKs sent again.
        retransmissions: u8,
    },
    /// A connection.
    Connection(Box<Connection>),
    /// A TIME-WAIT entry.
    TimeWait {
        /// Until it is forgotten. Units: microseconds.
        remaining_us: u64,
    },
}

/// What only a listener has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its half-open entries.
    pub syn_queue: usize,
    /// The most that it keeps of them.
    pub syn_queue_max: usize,
    /// Connections that wait to be accepted.
    pub accept_queue: usize,
    /// The most that may wait.
    pub accept_queue_max: usize,
    /// When it keeps half-open entries.
    #[serde(with = "name")]
    pub syn_cookies: SynCookies,
    /// It answers SYNs by cookies alone now.
    pub stateless: bool,
    /// Whether it is flooded.
    #[serde(with = "name")]
    pub level: Level,
}

/// What only a connection has. Windows and queues are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Timestamps are in use.
    pub timestamps: bool,
    /// SACK is in use.
    pub sack: bool,
    /// What we send is ECN-capable.
    pub ecn: bool,
    /// Our scale, and the peer's; `None` when not negotiated.
    pub window_scales: Option<(u8, u8)>,
    /// Retransmission timeout, backoff included.
    pub rto_us: u64,
    /// Smoothed round-trip time, once measured.
    pub srtt_us: Option<u64>,
    /// Its variation.
    pub rttvar_us: u64,
    /// Largest payload that we send in one segment, options counted off.
    pub snd_mss: usize,
    /// How the congestion window is chosen.
    #[serde(with = "name")]
    pub congestion: CongestionControl,
    /// Congestion window.
    pub cwnd: u32,
    /// Slow start threshold; `None` before the first loss.
    pub ssthresh: Option<u32>,
    /// How fast it sends, where it is paced. Units: bytes per second.
    pub pacing_rate: Option<u64>,
    /// SND.WND, scaled.
    pub snd_wnd: u32,
    /// RCV.WND as last advertised.
    pub rcv_wnd: u32,
    /// Payload bytes that were acknowledged to us.
    pub bytes_acked: u64,
    /// Payload bytes received in order.
    pub bytes_received: u64,
    /// Segments sent.
    pub segments_out: u32,
    /// Segments received.
    pub segments_in: u32,
    /// Of what is to be sent, bytes that were never sent.
    pub unsent: usize,
    /// Segments retransmitted in all.
    pub retransmitted: u32,
    /// Bytes that are taken for lost and were not sent again yet.
    pub lost: u32,
    /// Bytes that the peer holds beyond a hole.
    pub sacked: u32,
    /// Segments have been seen to overtake one another.
    pub reordering: bool,
    /// Times that the peer told of something that came twice.
    pub dsack_dups: u16,
    /// The least round trip measured lately.
    pub min_rtt_us: Option<u64>,
    /// Retransmissions of the oldest unacknowledged segment.
    pub backoff: u8,
    /// Islands of data beyond a hole.
    pub islands: usize,
    /// Bytes of the read stream until the end of urgent data, when the peer has announced some.
    pub urgent: Option<u32>,
    /// The last ICMP error that did not end it.
    pub soft_error: Option<String>,
    /// How it ended, if not by both FINs.
    pub ended: Option<String>,
    /// Why a sender that could send does not; `None` where there is nothing to explain.
    pub not_sending: Option<String>,
}

impl From<&Entry> for Socket {
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::Listener {
                local,
                syn_queue,
                accept_queue,
                syn_cookies,
                stateless,
                level,
                ..
            } => Self {
                state: State::Listen,
                receive_queue: accept_queue.0,
                send_queue: accept_queue.1,
                local: *local,
                peer: None,
                details: Details::Listener(Listener {
                    syn_queue: syn_queue.0,
                    syn_queue_max: syn_queue.1,
                    accept_queue: accept_queue.0,
                    accept_queue_max: accept_queue.1,
                    syn_cookies: *syn_cookies,
                    stateless: *stateless,
                    level: *level,
                }),
            },
            Entry::Embryo {
                tuple,
                age,
                retransmissions,
            } => Self {
                state: State::SynReceived,
                receive_queue: 0,
                send_queue: 0,
                local: tuple.local(),
                peer: Some(tuple.remote()),
                details: Details::HalfOpen {
                    age_us: age.as_micros(),
                    retransmissions: *retransmissions,
                },
            },
            Entry::Connection { status, .. } => Self::from(&**status),
            Entry::TimeWait { tuple, remaining } => Self {
                state: State::TimeWait,
                receive_queue: 0,
                send_queue: 0,
                local: tuple.local(),
                peer: Some(tuple.remote()),
                details: Details::TimeWait {
                    remaining_us: remaining.as_micros(),
                },
            },
        }
    }
}

impl From<&Status> for Socket {
    fn from(status: &Status) -> Self {
        Self {
            state: status.state,
            receive_queue: status.receive_queue,
            send_queue: status.send_queue,
            local: status.tuple.local(),
            peer: Some(status.tuple.remote()),
            details: Details::Connection(Box::new(Connection::from(status))),
        }
    }
}

impl From<&Status> for Connection {
    fn from(status: &Status) -> Self {
        Self {
            timestamps: status.timestamps,
            sack: status.sack,
            ecn: status.ecn,
            window_scales: status.window_scales,
            rto_us: status.rto.as_micros(),
            srtt_us: status.srtt.map(Duration::as_micros),
            rttvar_us: status.rttvar.as_micros(),
            snd_mss: status.snd_mss,
            congestion: status.congestion,
            cwnd: status.cwnd,
            ssthresh: (status.ssthresh != u32::MAX).then_some(status.ssthresh),
            pacing_rate: status.pacing_rate,
            snd_wnd: status.snd_wnd,
            rcv_wnd: status.rcv_wnd,
            bytes_acked: status.bytes_acked,
            bytes_received: status.bytes_received,
            segments_out: status.segments_out,
            segments_in: status.segments_in,
            unsent: status.unsent,
            retransmitted: status.retransmitted,
            lost: status.lost,
            sacked: status.sacked,
            reordering: status.reordering,
            dsack_dups: status.dsacks,
            min_rtt_us: status.min_rtt.map(Duration::as_micros),
            backoff: status.backoff,
            islands: status.islands,
            urgent: status.urgent,
            soft_error: status.soft_error.map(|error| error.to_string()),
            ended: status.ended.map(|ended| ended.to_string()),
            not_sending: waits_for(status.idle_because).map(str::to_owned),
        }
    }
}

/// Why a sender that could send does not; `None` where there is nothing to explain.
const fn waits_for(idle: Idle) -> Option<&'static str> {
    Some(match idle {
        Idle::NoData | Idle::Over => return None,
        Idle::Opening => "the handshake is not done",
        Idle::PeerWindow => "the peer's window is used up",
        Idle::CongestionWindow => "the congestion window is used up",
        Idle::Pacing => "the pace: what was sent last is to get ahead on the path",
        Idle::Nagle => "Nagle waits for an acknowledgment or a full segment",
        Idle::SillyWindow => "the peer's window is too small to be worth a segment",
        Idle::Resolving => "the neighbour's hardware address is being asked for",
        Idle::Link => "the link takes nothing now",
    })
}

#[cfg(test)]
mod tests;
