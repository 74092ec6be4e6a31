//! Whose habits a script expects: the order of options and the values that a connection begins with.

use std::str::FromStr;

use stack::{Config, CongestionControl, Duration};
use wire::option::Layout;

/// A system whose habits the stack takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Linux: window scale 8, a SYN window of 65,535, the first segments acknowledged at once, delays of 40 ms.
    #[default]
    Linux,
    /// FreeBSD: window scale 6, its order of options, every second segment acknowledged from the beginning.
    FreeBsd,
}

impl Profile {
    /// The configuration of a stack with these habits, without addresses.
    pub fn config(self) -> Config {
        let mut config = Config::default();
        // Neither system paces unless it is told to; and a script that names no algorithm counts on the one that all know.
        config.connection.pacing = false;
        config.connection.congestion = CongestionControl::NewReno;
        if self == Self::Linux {
            // 7 by default, for the three minutes of RFC 9293; Linux asks for half of that.
            config.connection.syn_retransmissions_max = 6;
        }
        if self == Self::FreeBsd {
            config.option_layout = Layout::FreeBsd;
            // 2 MiB is what FreeBSD lets a receive buffer grow to, and 6 the scale that says it.
            config.limits.receive_buffer_max = 2 << 20;
            config.connection.receive_buffer = 65_536.into();
            config.connection.quick_acks = 0;
            config.connection.rto_min = Duration::from_millis(230);
            config.connection.syn_retransmissions_max = 12;
            config.connection.retransmissions_max = 12;
        }
        config
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        match name {
            "linux" => Ok(Self::Linux),
            "freebsd" => Ok(Self::FreeBsd),
            _ => Err(UnknownProfile(name.to_owned())),
        }
    }
}

/// A name of no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{0}`: write linux or freebsd")]
pub struct UnknownProfile(String);
