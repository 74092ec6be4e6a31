//! What lines of `sysctl` mean: names of Linux and FreeBSD become settings of a stack and of the sockets around it.
//!
//! A name that means nothing here is refused. A value that asks for what the stack does anyway is taken; any other value of
//! such a name is not. Scripts set these by commands, a packetdrill with our hook by lines in a file.

use std::net::{Ipv4Addr, SocketAddr};

use stack::{AcceptOverflow, Config, CongestionControl, Duration, EcnMode, KeepAlive, ListenOptions, SynCookies};

use super::profile::Profile;

/// Settings as a system has them: those of the stack, and those that its sockets start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the stack is told.
    pub config: Config,
    /// Those of a listener's own that are system-wide elsewhere. Address, accept queue and connections are each socket's.
    pub listen: ListenOptions,
    /// What SO_KEEPALIVE turns on.
    pub keep_alive: KeepAlive,
    /// The longest backlog that `listen` takes; a longer one becomes this.
    pub backlog_max: usize,
    profile: Profile,
}

impl Settings {
    /// What a system starts with, without addresses.
    pub fn new(profile: Profile) -> Self {
        let mut settings = Self {
            config: profile.config(),
            listen: ListenOptions::new(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            keep_alive: KeepAlive::default(),
            backlog_max: 4096,
            profile,
        };
        if profile == Profile::FreeBsd {
            settings.listen.syn_ack_retransmissions = 3;
            settings.keep_alive.probes = 8;
            settings.backlog_max = 128;
        }
        settings
    }

    /// How many connections wait in the accept queue after `listen(fd, backlog)`. A negative backlog is the longest.
    pub fn accept_queue(&self, backlog: i64) -> usize {
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX).min(self.backlog_max);
        match self.profile {
            // Linux takes a connection while the queue is not longer than the backlog, so one more fits.
            Profile::Linux => backlog.saturating_add(1),
            Profile::FreeBsd => (backlog.saturating_mul(3) / 2).max(1),
        }
    }

    /// Sets one thing by its name in `sysctl` or under `/proc/sys`.
    ///
    /// Errors: the name means nothing here, or the value is none of its values; nothing was set then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownSetting> {
        let name = name.trim().trim_start_matches("/proc/sys/").replace('/', ".");
        let value = value.trim().trim_matches(['"', '\'']);
        let numbers: Option<Vec<u64>> = value.split_whitespace().map(|word| word.parse().ok()).collect();
        let is_set =
            self.set_word(&name, value).is_some() || self.set_number(&name, &numbers.unwrap_or_default()).is_some();
        if is_set || ALREADY.contains(&(&name, value)) {
            return Ok(());
        }
        Err(UnknownSetting {
            name,
            value: value.to_owned(),
        })
    }

    /// Sets what has a name for its value; `None` where the value is none of them.
    fn set_word(&mut self, name: &str, value: &str) -> Option<()> {
        let congestion = &mut self.config.connection.congestion;
        match name {
            "net.ipv4.tcp_congestion_control" => *congestion = value.parse().ok()?,
            "net.inet.tcp.cc.algorithm" if value == "newreno" => *congestion = CongestionControl::NewReno,
            "net.inet.tcp.cc.algorithm" if value == "cubic" => *congestion = CongestionControl::Cubic,
            _ => return None,
        }
        Some(())
    }

    /// Sets what has a number; `None` where the name has none or it is not there.
    fn set_number(&mut self, name: &str, all: &[u64]) -> Option<()> {
        let first = all.first().copied();
        let number = || first;
        let is_on = || first.map(|n| n != 0);
        let small = || u8::try_from(first?).ok();
        let size = |place: usize| usize::try_from(*all.get(place)?).ok();
        let seconds = || first.map(Duration::from_secs);
        let millis = || first.map(Duration::from_millis);
        let config = &mut self.config;
        let connection = &mut config.connection;
        match name {
            "net.ipv4.tcp_timestamps" => config.timestamps = is_on()?,
            "net.ipv4.tcp_sack" | "net.inet.tcp.sack.enable" => config.sack = is_on()?,
            // 0: off, 1: asked for, 2: accepted, in either.
            "net.ipv4.tcp_ecn" | "net.inet.tcp.ecn.enable" => {
                config.ecn = *[EcnMode::Off, EcnMode::Ask, EcnMode::Accept].get(size(0)?)?;
            }
            "net.ipv4.tcp_window_scaling" => config.window_scaling = is_on()?,
            // 0: neither, 1: both, 2: window scaling alone, 3: timestamps alone.
            "net.inet.tcp.rfc1323" => {
                let what = number()?;
                (config.window_scaling, config.timestamps) = (matches!(what, 1 | 2), matches!(what, 1 | 3));
            }
            "net.ipv4.tcp_syn_retries" => connection.syn_retransmissions_max = small()?,
            "net.ipv4.tcp_retries2" => connection.retransmissions_max = small()?,
            "net.ipv4.tcp_synack_retries" | "net.inet.tcp.syncache.rexmtlimit" => {
                self.listen.syn_ack_retransmissions = small()?;
            }
            "net.ipv4.tcp_syncookies" => {
                self.listen.syn_cookies = *[SynCookies::Never, SynCookies::Auto, SynCookies::Always].get(size(0)?)?;
            }
            "net.inet.tcp.syncookies" if is_on()? => self.listen.syn_cookies = SynCookies::Auto,
            "net.inet.tcp.syncookies" => self.listen.syn_cookies = SynCookies::Never,
            "net.inet.tcp.syncookies_only" if is_on()? => self.listen.syn_cookies = SynCookies::Always,
            "net.ipv4.tcp_max_syn_backlog" => self.listen.syn_backlog = size(0)?,
            "net.core.somaxconn" | "kern.ipc.somaxconn" | "kern.ipc.soacceptqueue" => self.backlog_max = size(0)?,
            "net.ipv4.tcp_abort_on_overflow" if is_on()? => self.listen.accept_overflow = AcceptOverflow::Reset,
            "net.ipv4.tcp_abort_on_overflow" => self.listen.accept_overflow = AcceptOverflow::Ignore,
            "net.ipv4.tcp_fin_timeout" => connection.fin_wait_2 = seconds()?,
            "net.inet.tcp.finwait2_timeout" => connection.fin_wait_2 = millis()?,
            "net.inet.tcp.msl" => config.time_wait = Duration::from_millis(number()?.saturating_mul(2)),
            "net.ipv4.tcp_keepalive_time" => self.keep_alive.idle = seconds()?,
            "net.ipv4.tcp_keepalive_intvl" => self.keep_alive.interval = seconds()?,
            "net.ipv4.tcp_keepalive_probes" | "net.inet.tcp.keepcnt" => self.keep_alive.probes = small()?,
            "net.inet.tcp.keepidle" => self.keep_alive.idle = millis()?,
            "net.inet.tcp.keepintvl" => self.keep_alive.interval = millis()?,
            "net.inet.tcp.delayed_ack" if !is_on()? => connection.ack_delay = Duration::ZERO,
            "net.inet.tcp.delacktime" => connection.ack_delay = millis()?,
            "net.inet.tcp.rexmit_min" => connection.rto_min = millis()?,
            "net.ipv4.tcp_rto_min_us" => connection.rto_min = Duration::from_micros(number()?),
            "net.inet.tcp.rexmit_initial" => connection.rto_initial = millis()?,
            // The middle of least, default and most.
            "net.ipv4.tcp_rmem" => connection.receive_buffer = size(1)?.into(),
            "net.ipv4.tcp_wmem" => connection.send_buffer = size(1)?.into(),
            "net.inet.tcp.recvspace" => connection.receive_buffer = size(0)?.into(),
            "net.inet.tcp.sendspace" => connection.send_buffer = size(0)?.into(),
            "net.ipv4.ip_default_ttl" | "net.inet.ip.ttl" => config.hop_limit = small()?,
            _ => return None,
        }
        Some(())
    }
}

/// A setting that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting `{name}={value}`")]
pub struct UnknownSetting {
    /// Its name, with dots.
    pub name: String,
    /// What it should have been.
    pub value: String,
}

/// Settings that the stack has with this value and no other.
const ALREADY: &[(&str, &str)] = &[
    ("net.ipv4.tcp_fastopen", "0"),
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.inet.tcp.hostcache.enable", "0"),
    ("net.ipv4.tcp_early_retrans", "3"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_frto", "2"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_thin_linear_timeouts", "0"),
    ("net.ipv4.tcp_mtu_probing", "0"),
    ("net.ipv4.tcp_moderate_rcvbuf", "0"),
    ("net.ipv4.tcp_slow_start_after_idle", "1"),
    ("net.ipv4.tcp_rfc1337", "1"),
    ("net.ipv4.tcp_autocorking", "0"),
    ("net.ipv4.tcp_tw_reuse", "0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_systems() {
        let mut s = Settings::new(Profile::Linux);
        for (name, value, known) in [
            ("net.ipv4.tcp_timestamps", "0", true),
            ("/proc/sys/net/ipv4/tcp_sack", "0", true),
            ("net.ipv4.tcp_rmem", "4096 30000 60000", true),
            (" net.ipv4.tcp_synack_retries ", " 2", true),
            ("net.ipv4.tcp_ecn", "0", true),
            ("net.ipv4.tcp_ecn", "1", true),
            ("net.ipv4.tcp_ecn", "3", false),
            ("net.inet.tcp.ecn.enable", "2", true),
            ("net.inet.tcp.msl", "500", true),
            ("net.inet.tcp.delayed_ack", "1", false),
            ("net.inet.tcp.delayed_ack", "0", true),
            ("net.core.somaxconn", "7", true),
            ("net.ipv4.tcp_syncookies", "0", true),
            ("net.ipv4.tcp_syncookies", "2", true),
            ("net.ipv4.tcp_syncookies", "3", false),
            ("net.ipv4.tcp_timestamps", "maybe", false),
            ("net.ipv4.tcp_rmem", "4096", false),
            ("net.ipv4.tcp_retries2", "256", false),
            ("net.ipv4.tcp_congestion_control", "reno", true),
            ("net.ipv4.tcp_congestion_control", "vegas", false),
            ("net.inet.tcp.cc.algorithm", "cubic", true),
            ("net.inet.tcp.cc.algorithm", "reno", false),
            ("net.ipv4.tcp_of_tomorrow", "1", false),
        ] {
            assert_eq!(s.set(name, value).is_ok(), known, "{name}={value}");
        }
        assert!(!s.config.timestamps && !s.config.sack);
        assert_eq!(s.config.connection.receive_buffer, 30_000.into());
        assert_eq!(s.config.connection.ack_delay, Duration::ZERO);
        assert_eq!(s.listen.syn_ack_retransmissions, 2);
        assert_eq!(s.listen.syn_cookies, SynCookies::Always);
        assert_eq!(s.config.time_wait, Duration::from_secs(1));
        assert_eq!(s.config.connection.congestion, CongestionControl::Cubic);
        assert_eq!(s.set("net.inet.tcp.rfc1323", "2"), Ok(()));
        assert!(s.config.window_scaling && !s.config.timestamps);
        assert_eq!(s.accept_queue(100), 8);
    }

    #[test]
    fn accept_queues_of_both_systems() {
        for (profile, backlog, queue) in [
            (Profile::Linux, 0, 1),
            (Profile::Linux, 5, 6),
            (Profile::Linux, -1, 4097),
            (Profile::FreeBsd, 0, 1),
            (Profile::FreeBsd, 10, 15),
            (Profile::FreeBsd, -1, 192),
        ] {
            assert_eq!(
                Settings::new(profile).accept_queue(backlog),
                queue,
                "{profile:?} {backlog}"
            );
        }
    }
}
