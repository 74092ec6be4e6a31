//! What a stack is told at its birth, and what a listener and a connection may be told for themselves.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use wire::ip::Dscp;
use wire::option::Layout;

use crate::flood::{GaugeOptions, LimiterOptions, Rate, ReplyBudget};
use crate::limits::Limits;
use crate::medium::Medium;
use crate::tcp::congestion::CongestionControl;
use crate::time::Duration;

/// The configuration of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The stack's own addresses. Packets to others are dropped (counted).
    pub addresses: Vec<IpAddr>,
    /// What the packets that are handed in and out begin with. Which of the two it is stays as it was at the stack's birth.
    pub medium: Medium,
    /// The link's MTU, the Ethernet header not counted. Units: bytes. Bounds: 576 to 65,535 (at least 1,280 for IPv6); others are clamped.
    pub mtu: usize,
    /// Whether the link completes checksums (then segments leave with a partial one).
    pub checksum_offload: bool,
    /// Largest payload of a super-segment that the link cuts itself (TSO). `None`: segments of one MSS.
    pub super_segment_max: Option<usize>,
    /// TTL or hop limit of what we send (RFC 9293 MUST-49 asks that it be configurable).
    pub hop_limit: u8,
    /// Bounds.
    pub limits: Limits,
    /// How long a TIME-WAIT entry stands: 2MSL.
    pub time_wait: Duration,
    /// What connections start with, opened either way.
    pub connection: ConnectionOptions,
    /// Offer and accept window scaling (RFC 7323).
    pub window_scaling: bool,
    /// Offer and accept timestamps (RFC 7323).
    pub timestamps: bool,
    /// Offer and accept SACK (RFC 2018).
    pub sack: bool,
    /// What the clock that stamps [`Packet::arrived`](crate::io::Packet::arrived) tells apart: nothing is taken for lost on a
    /// shorter difference (RFC 8985 section 6.2).
    pub clock_resolution: Duration,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: EcnMode,
    /// How SYN cookies are judged.
    pub cookies: CookieOptions,
    /// What a flood is met with beside cookies. It stays as it was at the stack's birth.
    pub flood: FloodOptions,
    /// In which order TCP options are written.
    pub option_layout: Layout,
    /// Ephemeral ports, both ends included (RFC 6056).
    pub ephemeral_ports: (u16, u16),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            medium: Medium::Ip,
            mtu: 1500,
            checksum_offload: false,
            super_segment_max: None,
            hop_limit: 64,
            limits: Limits::default(),
            time_wait: Duration::from_secs(60),
            connection: ConnectionOptions::default(),
            window_scaling: true,
            timestamps: true,
            sack: true,
            clock_resolution: Duration::from_millis(1),
            ecn: EcnMode::default(),
            cookies: CookieOptions::default(),
            flood: FloodOptions::default(),
            option_layout: Layout::default(),
            ephemeral_ports: (49_152, 65_535),
        }
    }
}

/// Chance, as the driver passes it in. The two streams are never mixed.
#[derive(Clone, Copy)]
pub struct Secrets {
    /// Keys of ISNs, cookies and hashes are derived from this. It never shows on the wire. Must be unpredictable.
    pub master: [u8; 32],
    /// Seeds what may be seen: port choice and the like.
    pub public: u64,
}

/// When ECN is used (RFC 3168 section 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum EcnMode {
    /// Never.
    Off,
    /// Where a peer asks for it that also offers timestamps, without which a cookie could not say that it was agreed to.
    #[default]
    Accept,
    /// That, and we ask for it when we open; the first SYN alone, for there are networks that drop such SYNs.
    Ask,
}

/// What one connection may be told; a listener's connections start with the listener's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionOptions {
    /// Send buffer: unacknowledged and unsent bytes. Bounds: 1 to `limits.send_buffer_max`.
    pub send_buffer: Buffer,
    /// Receive buffer: the largest window. Bounds: 1 to `limits.receive_buffer_max`.
    pub receive_buffer: Buffer,
    /// Send small segments at once instead of waiting for an acknowledgment (RFC 9293 SHLD-7, MUST-17).
    pub no_delay: bool,
    /// Longest wait before data is acknowledged. Bounds: under 500 ms (RFC 9293 MUST-40); longer is clamped.
    pub ack_delay: Duration,
    /// Segments with data that are acknowledged at once when a connection begins, so that a peer in slow start is not held
    /// back. Setting it anew on a connection begins anew.
    pub quick_acks: u8,
    /// Probe a silent peer (RFC 9293 section 3.8.4). Off by default (MUST-25).
    pub keep_alive: Option<KeepAlive>,
    /// Give up when data stays unacknowledged this long (RFC 5482). `None`: after `retransmissions_max`.
    pub user_timeout: Option<Duration>,
    /// Tell the user after so many retransmissions of one segment, SYN and window probe included: R1 (RFC 9293 section
    /// 3.8.3). 0: never.
    pub retransmissions_notice: u8,
    /// Give up after so many retransmissions of one segment: R2 (RFC 9293 section 3.8.3).
    pub retransmissions_max: u8,
    /// Give up an active open after so many retransmissions of the SYN. 7 make at least 3 minutes (RFC 9293 MUST-23).
    pub syn_retransmissions_max: u8,
    /// First retransmission timeout (RFC 6298 section 2.1).
    pub rto_initial: Duration,
    /// Least retransmission timeout (docs/decisions/0004-rto-floor.md).
    pub rto_min: Duration,
    /// Greatest retransmission timeout. Bounds: at least 60 s (RFC 6298 section 2.5).
    pub rto_max: Duration,
    /// What CLOSE does with data not yet acknowledged: `None` sends it in the background; `Some(0)` resets at once;
    /// `Some(t)` sends it in the background and resets when it is not all acknowledged after `t`, the FIN included.
    pub linger: Option<Duration>,
    /// How long a connection that its user has closed may stay in FIN-WAIT-2.
    pub fin_wait_2: Duration,
    /// The Diffserv codepoint of what is sent, from the SYN or SYN-ACK on; what TIME-WAIT sends asks for nothing (RFC 9293
    /// MUST-48).
    pub dscp: Dscp,
    /// How much may be in flight. Another one on a connection goes on with the window that there is.
    pub congestion: CongestionControl,
    /// Spread what the congestion window lets leave over the round trip, where that is 2 ms or more, instead of sending it at
    /// once: 2 windows in a round trip in slow start, 1.2 above (docs/decisions/0009-pacing.md).
    pub pacing: bool,
}

/// How large a buffer may become. Whatever it is, memory is taken only as bytes come, and all buffers of a stack together
/// are bounded by `limits.buffer_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Buffer {
    /// This size, whatever the path carries. Units: bytes.
    Fixed(usize),
    /// It follows the bandwidth-delay product: a send buffer is twice the congestion window (to a peer nearby no more than
    /// `limits.nearby_bytes` leave it), a receive buffer four times what the user read within a round trip. It never becomes
    /// smaller than `start`, nor larger than `max`. Units: bytes.
    Auto {
        /// What it starts with, and the window that the SYN offers.
        start: usize,
        /// What it may grow to.
        max: usize,
    },
}

impl Buffer {
    /// What it starts with. Units: bytes.
    pub const fn start(self) -> usize {
        match self {
            Self::Fixed(size) | Self::Auto { start: size, .. } => size,
        }
    }

    /// What it may grow to. Units: bytes.
    pub const fn max(self) -> usize {
        match self {
            Self::Fixed(size) | Self::Auto { max: size, .. } => size,
        }
    }

    /// Whether it may grow.
    pub const fn is_auto(self) -> bool {
        matches!(self, Self::Auto { .. })
    }

    /// Both ends within 1 and `most`.
    pub(crate) fn clamped(self, most: usize) -> Self {
        match self {
            Self::Fixed(size) => Self::Fixed(size.clamp(1, most)),
            Self::Auto { start, max } => {
                let start = start.clamp(1, most);
                Self::Auto {
                    start,
                    max: max.clamp(start, most),
                }
            }
        }
    }
}

impl From<usize> for Buffer {
    /// A buffer of this size.
    fn from(size: usize) -> Self {
        Self::Fixed(size)
    }
}

/// Keep-alive settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeepAlive {
    /// Silence before the first probe. RFC 9293 MUST-28: not less than two hours by default.
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Unanswered probes before the connection is given up.
    pub probes: u8,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(7200),
            interval: Duration::from_secs(75),
            probes: 9,
        }
    }
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            send_buffer: Buffer::Auto {
                start: 256 << 10,
                max: 16 << 20,
            },
            receive_buffer: Buffer::Auto {
                start: 64 << 10,
                max: 16 << 20,
            },
            no_delay: false,
            ack_delay: Duration::from_millis(40),
            quick_acks: 16,
            keep_alive: None,
            user_timeout: None,
            retransmissions_notice: 3,
            retransmissions_max: 15,
            syn_retransmissions_max: 7,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(60),
            linger: None,
            fin_wait_2: Duration::from_secs(60),
            dscp: Dscp::DEFAULT,
            congestion: CongestionControl::default(),
            pacing: true,
        }
    }
}

impl ConnectionOptions {
    /// The same within their bounds.
    pub(crate) fn clamped(mut self, limits: &Limits) -> Self {
        self.send_buffer = self.send_buffer.clamped(limits.send_buffer_max);
        self.receive_buffer = self.receive_buffer.clamped(limits.receive_buffer_max);
        self.rto_max = self.rto_max.max(Duration::from_secs(60));
        self
    }
}

/// What `listen` is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// Where to listen. The unspecified address of a family means every address of that family; port 0 means any free port.
    pub local: SocketAddr,
    /// Bound of the SYN queue: half-open entries of this listener. Those that reopen a TIME-WAIT entry do not count: there are
    /// no more of them than of these.
    pub syn_backlog: usize,
    /// Bound of the accept queue: established, not yet accepted. Bounds: at least 1, or nobody could ever be accepted; 0
    /// counts as 1.
    pub accept_backlog: usize,
    /// How often a SYN-ACK is retransmitted, at 1, 3, 7, 15, 31 s after the first, doubling.
    pub syn_ack_retransmissions: u8,
    /// How long an entry may be half-open, whatever its retransmissions. Bounds: at most 600 s; more is clamped.
    pub half_open_lifetime: Duration,
    /// When SYNs are answered by a cookie alone, and no half-open entry is kept.
    pub syn_cookies: SynCookies,
    /// What shortens the life of half-open entries while half of the SYN queue is taken.
    pub pressure: Pressure,
    /// Connections that one source (an IPv4 address, an IPv6 /64) may have open at a time, from the third ACK to the end; what
    /// is over while its user still holds it does not count. At the bound a SYN is dropped, and a third ACK answered with RST
    /// (both counted). `None`: no such bound. Costs about 50 bytes for each source with connections.
    pub connections_per_source: Option<usize>,
    /// What a completed handshake meets when the accept queue is full.
    pub accept_overflow: AcceptOverflow,
    /// What accepted connections start with.
    pub connection: ConnectionOptions,
}

impl ListenOptions {
    /// A listener at `local` with the defaults: 1,024 half-open, 1,024 waiting to be accepted, 5 retransmissions, 63 s.
    pub fn new(local: SocketAddr) -> Self {
        Self {
            local,
            syn_backlog: 1024,
            accept_backlog: 1024,
            syn_ack_retransmissions: 5,
            half_open_lifetime: Duration::from_secs(63),
            syn_cookies: SynCookies::default(),
            pressure: Pressure::default(),
            connections_per_source: None,
            accept_overflow: AcceptOverflow::default(),
            connection: ConnectionOptions::default(),
        }
    }
}

/// When a listener keeps no half-open entry (RFC 4987 section 3.6). Every SYN-ACK is a cookie in any case, so that the
/// modes differ in what they keep, and not in what a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SynCookies {
    /// Entries are kept until the SYN queue is full; from then on none are, until it is half empty. Over all listeners, the
    /// entry that is nearest to its time makes room for a new one. No client is lost to either.
    #[default]
    Auto,
    /// None is ever kept. What only an entry can do is missing: the SYN-ACK is not retransmitted, the client's SYN is.
    Always,
    /// An entry is kept for each SYN, and a SYN for which there is no room is dropped (counted).
    Never,
}

/// What holds instead of the listener's own settings while at least half of its SYN queue is taken. An entry meets it at its
/// next timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// How long an entry may be half-open.
    pub half_open_lifetime: Duration,
    /// How often a SYN-ACK is retransmitted.
    pub syn_ack_retransmissions: u8,
}

impl Default for Pressure {
    /// 7 s, with retransmissions at 1 and 3 s.
    fn default() -> Self {
        Self {
            half_open_lifetime: Duration::from_secs(7),
            syn_ack_retransmissions: 2,
        }
    }
}

/// How cookies are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieOptions {
    /// Other machines mint with the same master secret, so that a cookie may come back here which was not sent from here.
    pub shared_secret: bool,
    /// Connections opened by a cookie without timestamps, which is easier to forge. Units: per second, with a burst of the
    /// same size. Over it such an ACK is dropped (counted).
    pub bare_per_s: u32,
    /// While more forged cookies come than this, none without timestamps is taken. Units: per second, with a burst of the
    /// same size. `None`: they are always taken.
    pub refuse_bare_above: Option<u32>,
}

impl Default for CookieOptions {
    /// 10,000 connections, and no more than 5,000 forgeries in a second: docs/flood.md gives the odds.
    fn default() -> Self {
        Self {
            shared_secret: false,
            bare_per_s: 10_000,
            refuse_bare_above: Some(5_000),
        }
    }
}

/// What a flood is met with beside cookies: the same for all listeners, but that each is judged by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloodOptions {
    /// SYNs per source.
    pub limiter: LimiterOptions,
    /// SYN-ACKs, RSTs, ICMP replies, and ACKs of half-open and TIME-WAIT entries: of each kind so many to each prefix (IPv4 /24,
    /// IPv6 /48) of strangers. Over it they are not sent (counted). `None`: no such limit.
    pub replies: Option<Rate>,
    /// When a listener is said to be flooded.
    pub gauge: GaugeOptions,
}

impl Default for FloodOptions {
    fn default() -> Self {
        Self {
            limiter: LimiterOptions::default(),
            replies: Some(ReplyBudget::DEFAULT_RATE),
            gauge: GaugeOptions::default(),
        }
    }
}

impl FloodOptions {
    /// No limit, and no memory for any; listeners are judged all the same.
    pub fn unlimited() -> Self {
        Self {
            limiter: LimiterOptions::unlimited(),
            replies: None,
            gauge: GaugeOptions::default(),
        }
    }
}

/// What the third ACK meets when the accept queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptOverflow {
    /// It is ignored: the entry stays half-open and the client, which believes itself connected, retransmits.
    #[default]
    Ignore,
    /// The client is reset.
    Reset,
}
