//! A world as it is written down: the tables of its TOML and what each key may hold.
//!
//! Reading goes in two steps. Here the text becomes tables, and unknown keys and figures that are none are refused; in
//! `plan.rs` names become indices, and what does not fit together is refused. `docs/lab.md` is the reference for users.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use stack::{AcceptOverflow, Buffer, ConnectionOptions, EcnMode, KeepAlive, Limits, SynCookies};
use toml::Spanned;

use crate::glance::FlagText;
use crate::link::Impairment;
use crate::unit::{Count, Size, Time};

mod error;
pub(crate) mod plan;
#[cfg(test)]
mod tests;
mod word;

pub use error::WorldError;
pub(crate) use word::{
    Call, CauseName, CongestionName, FaultText, Moment, Number, Outcome, Reading, StateName, Term, Terms, WhyName,
};

/// The whole text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) shows: String,
    #[serde(default)]
    pub(crate) spec: String,
    pub(crate) until: Option<Time>,
    pub(crate) host: Vec<HostTable>,
    #[serde(default)]
    pub(crate) link: Vec<LinkTable>,
    #[serde(default)]
    pub(crate) fault: Vec<FaultTable>,
    #[serde(default)]
    pub(crate) step: Vec<Spanned<StepTable>>,
}

/// `[[host]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostTable {
    pub(crate) name: Spanned<String>,
    pub(crate) addresses: Spanned<Vec<IpAddr>>,
    pub(crate) mtu: Option<u16>,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) window_scaling: Option<bool>,
    pub(crate) timestamps: Option<bool>,
    pub(crate) sack: Option<bool>,
    pub(crate) ecn: Option<EcnWord>,
    pub(crate) time_wait: Option<Time>,
    #[serde(default)]
    pub(crate) connection: ConnectionTable,
    #[serde(default)]
    pub(crate) limits: LimitsTable,
}

/// `connection = { … }` of a host, a listener or an open: what it does not say stays as it was.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConnectionTable {
    send_buffer: Option<Size>,
    receive_buffer: Option<Size>,
    no_delay: Option<bool>,
    ack_delay: Option<Time>,
    keep_alive: Option<KeepAliveTable>,
    user_timeout: Option<Time>,
    retransmissions_max: Option<u8>,
    syn_retransmissions_max: Option<u8>,
    rto_initial: Option<Time>,
    rto_min: Option<Time>,
    rto_max: Option<Time>,
    linger: Option<Time>,
    fin_wait_2: Option<Time>,
    congestion: Option<CongestionName>,
    pacing: Option<bool>,
}

/// When a host uses ECN.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EcnWord {
    Off,
    Accept,
    Ask,
}

impl From<EcnWord> for EcnMode {
    fn from(word: EcnWord) -> Self {
        match word {
            EcnWord::Off => Self::Off,
            EcnWord::Accept => Self::Accept,
            EcnWord::Ask => Self::Ask,
        }
    }
}

/// `keep_alive = { … }`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeepAliveTable {
    idle: Time,
    interval: Time,
    probes: u8,
}

impl ConnectionTable {
    /// `options` with what the table says.
    pub(crate) fn over(&self, options: ConnectionOptions) -> ConnectionOptions {
        let time = |given: Option<Time>, old| given.map_or(old, |time| time.0);
        let size = |given: Option<Size>, old| given.map_or(old, |size| Buffer::Fixed(size.0 as usize));
        ConnectionOptions {
            send_buffer: size(self.send_buffer, options.send_buffer),
            receive_buffer: size(self.receive_buffer, options.receive_buffer),
            no_delay: self.no_delay.unwrap_or(options.no_delay),
            ack_delay: time(self.ack_delay, options.ack_delay),
            quick_acks: options.quick_acks,
            keep_alive: self.keep_alive.map(KeepAliveTable::options).or(options.keep_alive),
            user_timeout: self.user_timeout.map(|time| time.0).or(options.user_timeout),
            retransmissions_notice: options.retransmissions_notice,
            retransmissions_max: self.retransmissions_max.unwrap_or(options.retransmissions_max),
            syn_retransmissions_max: self.syn_retransmissions_max.unwrap_or(options.syn_retransmissions_max),
            rto_initial: time(self.rto_initial, options.rto_initial),
            rto_min: time(self.rto_min, options.rto_min),
            rto_max: time(self.rto_max, options.rto_max),
            linger: self.linger.map(|time| time.0).or(options.linger),
            fin_wait_2: time(self.fin_wait_2, options.fin_wait_2),
            dscp: options.dscp,
            congestion: self.congestion.map_or(options.congestion, |word| word.0),
            pacing: self.pacing.unwrap_or(options.pacing),
        }
    }
}

impl KeepAliveTable {
    fn options(self) -> KeepAlive {
        KeepAlive {
            idle: self.idle.0,
            interval: self.interval.0,
            probes: self.probes,
        }
    }
}

/// `limits = { … }` of a host.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsTable {
    connections: Option<usize>,
    embryos: Option<usize>,
    time_waits: Option<usize>,
    islands: Option<usize>,
    buffer_bytes: Option<Size>,
    resets_per_s: Option<u32>,
    challenge_acks_per_5s: Option<u8>,
}

impl LimitsTable {
    /// `limits` with what the table says.
    pub(crate) fn over(&self, limits: Limits) -> Limits {
        Limits {
            connections: self.connections.unwrap_or(limits.connections),
            embryos: self.embryos.unwrap_or(limits.embryos),
            time_waits: self.time_waits.unwrap_or(limits.time_waits),
            islands: self.islands.unwrap_or(limits.islands),
            buffer_bytes: self.buffer_bytes.map_or(limits.buffer_bytes, |size| size.0 as usize),
            resets_per_s: self.resets_per_s.unwrap_or(limits.resets_per_s),
            challenge_acks_per_5s: self.challenge_acks_per_5s.unwrap_or(limits.challenge_acks_per_5s),
            ..limits
        }
    }
}

/// `[[link]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkTable {
    pub(crate) between: [Spanned<String>; 2],
    #[serde(default)]
    pub(crate) impair: Impairment,
    pub(crate) forth: Option<Impairment>,
    pub(crate) back: Option<Impairment>,
}

/// `[[fault]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultTable {
    pub(crate) from: Spanned<String>,
    pub(crate) to: Option<Spanned<String>>,
    pub(crate) flags: Option<FlagText>,
    pub(crate) payload: Option<bool>,
    pub(crate) after: Option<Time>,
    pub(crate) nth: Option<u64>,
    pub(crate) count: Option<u64>,
    #[serde(rename = "do")]
    pub(crate) action: FaultText,
}

/// `[[step]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepTable {
    pub(crate) host: Option<Spanned<String>>,
    pub(crate) on: Option<String>,
    pub(crate) at: Option<Moment>,
    #[serde(rename = "in")]
    pub(crate) after: Option<Time>,
    pub(crate) listen: Option<ListenTable>,
    pub(crate) connect: Option<ConnectTable>,
    pub(crate) send: Option<SendTable>,
    pub(crate) read: Option<Reading>,
    #[serde(rename = "do")]
    pub(crate) call: Option<Call>,
    pub(crate) cut: Option<Spanned<String>>,
    pub(crate) heal: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) may_fail: bool,
    pub(crate) wait: Option<WaitTable>,
    pub(crate) expect: Option<Condition>,
    pub(crate) inject: Option<InjectTable>,
    pub(crate) replay: Option<ReplayTable>,
    pub(crate) note: Option<String>,
}

/// `listen = { … }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenTable {
    pub(crate) port: u16,
    pub(crate) address: Option<IpAddr>,
    pub(crate) syn_backlog: Option<usize>,
    pub(crate) accept_backlog: Option<usize>,
    pub(crate) syn_ack_retransmissions: Option<u8>,
    pub(crate) half_open_lifetime: Option<Time>,
    pub(crate) syn_cookies: Option<Cookies>,
    pub(crate) accept_overflow: Option<Overflow>,
    #[serde(default)]
    pub(crate) accept: Accepting,
    #[serde(default)]
    pub(crate) read: Reading,
    #[serde(default)]
    pub(crate) connection: ConnectionTable,
}

/// When a listener keeps no half-open entry.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cookies {
    Auto,
    Always,
    Never,
}

impl From<Cookies> for SynCookies {
    fn from(cookies: Cookies) -> Self {
        match cookies {
            Cookies::Auto => Self::Auto,
            Cookies::Always => Self::Always,
            Cookies::Never => Self::Never,
        }
    }
}

/// What a third ACK meets when the accept queue is full.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Overflow {
    Ignore,
    Reset,
}

impl From<Overflow> for AcceptOverflow {
    fn from(overflow: Overflow) -> Self {
        match overflow {
            Overflow::Ignore => Self::Ignore,
            Overflow::Reset => Self::Reset,
        }
    }
}

/// Who accepts what a listener has waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Accepting {
    /// The host, at once.
    #[default]
    Auto,
    /// A step `do = "accept"`, one connection each.
    ByHand,
}

/// `connect = { … }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectTable {
    pub(crate) to: Spanned<String>,
    pub(crate) from_port: Option<u16>,
    #[serde(default)]
    pub(crate) read: Reading,
    #[serde(default)]
    pub(crate) connection: ConnectionTable,
}

/// `send = { … }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendTable {
    pub(crate) bytes: Option<Size>,
    pub(crate) text: Option<String>,
    #[serde(default)]
    pub(crate) urgent: bool,
}

/// `wait = { … }`: a condition and how long it may take to come true.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitTable {
    pub(crate) until: Condition,
    pub(crate) within: Option<Time>,
}

/// What may be waited for and expected at a host: everything that is given must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Condition {
    pub(crate) state: Option<StateName>,
    pub(crate) ended: Option<Outcome>,
    pub(crate) received: Option<Size>,
    pub(crate) finished: Option<bool>,
    pub(crate) sent: Vec<SentTable>,
    pub(crate) dropped: BTreeMap<WhyName, Count>,
    pub(crate) connections: Option<Count>,
    pub(crate) embryos: Option<Count>,
    pub(crate) time_waits: Option<Count>,
    pub(crate) accept_queue: Option<Count>,
    pub(crate) unfinished: Option<Count>,
    pub(crate) retransmissions: Option<Count>,
    pub(crate) timeouts: Option<Count>,
    pub(crate) challenge_acks: Option<Count>,
    pub(crate) resets_in: Option<Count>,
    pub(crate) resets_out: Option<Count>,
}

/// One of `sent = [{ … }]`: how many packets of a kind the host has put on its links.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SentTable {
    pub(crate) flags: Option<FlagText>,
    pub(crate) payload: Option<bool>,
    pub(crate) cause: Option<CauseName>,
    pub(crate) count: Option<Count>,
    pub(crate) gaps: Vec<Time>,
}

/// `inject = { … }`: a segment that no stack has sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InjectTable {
    pub(crate) flags: FlagText,
    pub(crate) from: Option<SocketAddr>,
    pub(crate) to: Option<SocketAddr>,
    pub(crate) seq: Option<Number>,
    pub(crate) ack: Option<Number>,
    #[serde(default)]
    pub(crate) payload: Size,
    pub(crate) window: Option<u16>,
    pub(crate) timestamps: Option<Stamps>,
}

/// The timestamps option of an injected segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stamps {
    /// The last that the sender put on the connection.
    Last,
    /// Older than all that the sender put on the connection.
    Old,
}

/// `replay = { … }`: a packet of the past, once more.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplayTable {
    pub(crate) flags: Option<FlagText>,
    pub(crate) payload: Option<bool>,
    pub(crate) nth: Option<u64>,
}

impl Script {
    /// Reads the text.
    ///
    /// Errors: what is wrong, where, and what would work.
    pub(crate) fn read(text: &str) -> Result<Self, WorldError> {
        toml::from_str(text).map_err(|error| WorldError::new(text, error.span(), error.message()))
    }
}
