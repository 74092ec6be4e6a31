//! The floods that ship with the lab.

use stack::flood::{Level, LimiterOptions, OverLimit, Rate};
use stack::{Config, Duration, ListenOptions, Pressure, SynCookies};

use super::arena::Arena;
use super::attacker::{Attack, Sources};
use super::expect::Expect;
use super::report::Report;

/// A flood with a name.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// How it is asked for: `flood-cookies`.
    pub name: &'static str,
    /// What it shows, in one line.
    pub title: &'static str,
    /// What it shows, in some sentences.
    pub shows: &'static str,
    /// How the server differs from the defaults.
    pub(super) server: fn(&mut Config, &mut ListenOptions),
    pub(super) attack: Attack,
    /// Segments of the attacker. Units: per second.
    pub(super) per_s: u32,
    pub(super) expects: &'static [Expect],
}

/// No cookies, no limits, and nothing gives way under pressure: a listener as RFC 793 knew it.
fn undefended(config: &mut Config, options: &mut ListenOptions) {
    config.flood.limiter = LimiterOptions::unlimited();
    config.flood.replies = None;
    options.syn_cookies = SynCookies::Never;
    options.pressure = Pressure {
        half_open_lifetime: options.half_open_lifetime,
        syn_ack_retransmissions: options.syn_ack_retransmissions,
    };
}

fn with_cookies(config: &mut Config, options: &mut ListenOptions) {
    undefended(config, options);
    options.syn_cookies = SynCookies::Auto;
}

fn with_limits(config: &mut Config, options: &mut ListenOptions) {
    undefended(config, options);
    config.flood.limiter = LimiterOptions {
        per_address: Some(Rate::new(5, 20)),
        over: OverLimit::Drop,
        ..LimiterOptions::default()
    };
}

fn with_timeouts(config: &mut Config, options: &mut ListenOptions) {
    undefended(config, options);
    options.pressure = Pressure {
        half_open_lifetime: Duration::from_secs(1),
        syn_ack_retransmissions: 0,
    };
}

/// So that a cookie is in flight at any time.
fn with_cookies_alone(_: &mut Config, options: &mut ListenOptions) {
    options.syn_cookies = SynCookies::Always;
}

const fn defaults(_: &mut Config, _: &mut ListenOptions) {}

/// Every flood, in the order in which they are told.
const FLOODS: &[Flood] = &[
    Flood {
        name: "flood",
        title: "A SYN flood meets a listener without any defence",
        shows: "2,000 SYNs a second from random sources. The SYN queue is full within half a second, and stays so for as long \
                as entries live: the attacker is gone, and good clients are still turned away.",
        server: undefended,
        attack: Attack::Syns(Sources::Everywhere),
        per_s: 2_000,
        expects: &[
            Expect::ServedBelow(50),
            Expect::HalfOpenAtMost(1_024),
            Expect::LevelReaches(Level::Flood),
        ],
    },
    Flood {
        name: "flood-cookies",
        title: "The same flood meets SYN cookies",
        shows: "The queue fills as before. From then on SYNs are answered by cookies alone, until it is half empty again: no good \
                client notices.",
        server: with_cookies,
        attack: Attack::Syns(Sources::Everywhere),
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::NothingForged,
            Expect::HalfOpenAtMost(1_024),
            Expect::LevelReaches(Level::Flood),
        ],
    },
    Flood {
        name: "flood-limits",
        title: "A flood from eight sources meets limits per source, without cookies",
        shows: "Each address may have five half-open connections a second. The eight that flood are held to that, and what they \
                leave in the queue is less than it holds. Against random sources this would do nothing: each sends one SYN.",
        server: with_limits,
        attack: Attack::Syns(Sources::Few(8)),
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::HalfOpenAtMost(700),
            Expect::LevelAtMost(Level::Watch),
        ],
    },
    Flood {
        name: "flood-timeouts",
        title: "The flood from random sources meets short half-open lifetimes, without cookies",
        shows: "While half of the queue is taken an entry lives for a second, and its SYN-ACK is not sent again. Places come free \
                as fast as the queue is long: good clients get one of them at the first try or at a later one.",
        server: with_timeouts,
        attack: Attack::Syns(Sources::Everywhere),
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(75),
            Expect::HalfOpenAtMost(1_024),
            Expect::LevelReaches(Level::Flood),
        ],
    },
    Flood {
        name: "flood-ack",
        title: "Forged ACKs meet a listener whose cookies are in flight",
        shows: "2,000 ACKs a second, each with a guessed cookie. None opens a connection; what is answered is bounded by the \
                budget for RSTs; the third ACKs of good clients are told from them.",
        server: with_cookies_alone,
        attack: Attack::Acks,
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::NothingForged,
            Expect::HalfOpenAtMost(0),
            // The burst, and the rate for ten seconds.
            Expect::ResetsAtMost(11_000),
            Expect::LevelAtMost(Level::Calm),
        ],
    },
    Flood {
        name: "flood-slow",
        title: "A flood that is low and slow, under every limit",
        shows: "200 SYNs a second from random sources: no source and no prefix is over any limit. With the defaults the queue \
                fills in some seconds, and cookies keep it open.",
        server: defaults,
        attack: Attack::Syns(Sources::Everywhere),
        per_s: 200,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::NothingForged,
            Expect::LevelReaches(Level::Flood),
            Expect::LevelFalls,
        ],
    },
    Flood {
        name: "flood-one-source",
        title: "One source floods alone",
        shows: "2,000 SYNs a second from one address, with the defaults: 100 of them a second are given an entry, the others a \
                cookie within the budget of that prefix. It is watched, and not called a flood.",
        server: defaults,
        attack: Attack::Syns(Sources::Few(1)),
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::NothingForged,
            Expect::LevelReaches(Level::Watch),
            Expect::LevelAtMost(Level::Watch),
            Expect::LevelFalls,
        ],
    },
    Flood {
        name: "flood-victim",
        title: "The attacker uses a good client's own address",
        shows: "2,000 SYNs a second in the name of a client that is served. It has completed handshakes, so the limits for \
                strangers do not bind it, and nobody can have it silenced by spoofing it.",
        server: defaults,
        attack: Attack::Syns(Sources::Client),
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::NothingForged,
            Expect::LevelAtMost(Level::Watch),
        ],
    },
    Flood {
        name: "scan",
        title: "A port scan is no flood",
        shows: "One host tries a thousand ports, one after the other, 2,000 SYNs a second, and resets what answers.",
        server: defaults,
        attack: Attack::Scan,
        per_s: 2_000,
        expects: &[
            Expect::ServedAtLeast(100),
            Expect::NothingForged,
            Expect::ResetsAtMost(11_000),
            Expect::LevelAtMost(Level::Calm),
        ],
    },
];

impl Flood {
    /// Every flood, in the order in which they are told.
    pub const fn all() -> &'static [Self] {
        FLOODS
    }

    /// The flood of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FLOODS.iter().find(|flood| flood.name == name)
    }

    /// Plays it. All its chance comes from `seed`.
    pub fn play(&self, seed: u64) -> Report {
        Arena::new(self, seed).play(self, seed)
    }
}
