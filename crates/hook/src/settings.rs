//! What lines of `sysctl` mean here: names of Linux and FreeBSD become settings of the stack.
//!
//! Lines arrive in a file while the script runs, and what is new in it is read before each call. What has no meaning here
//! is named as unsupported. A value that asks for what the stack does anyway is taken in silence; another of the same name
//! is not.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use stack::{AcceptOverflow, Config, Duration, KeepAlive, Limits};

use crate::flags::{Flags, Profile};
use crate::unsupported;

/// The settings of the stack and of what the sockets around it start with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// What SO_KEEPALIVE starts with.
    pub(crate) keep_alive: KeepAlive,
    pub(crate) syn_backlog: usize,
    /// Bound of `listen`'s backlog.
    pub(crate) backlog_max: usize,
    pub(crate) syn_ack_retransmissions: u8,
    pub(crate) accept_overflow: AcceptOverflow,
    file: Option<Lines>,
}

/// Where lines arrive.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    read: u64,
    /// The beginning of a line whose end has not come yet.
    rest: String,
}

impl Settings {
    pub(crate) fn new(flags: &Flags) -> Self {
        let mut config = Config {
            addresses: vec![flags.local],
            mtu: flags.mtu,
            ..Config::default()
        };
        profile(flags.profile, &mut config);
        Self {
            config,
            keep_alive: KeepAlive {
                probes: if flags.profile == Profile::FreeBsd { 8 } else { 9 },
                ..KeepAlive::default()
            },
            syn_backlog: 1024,
            backlog_max: if flags.profile == Profile::FreeBsd { 128 } else { 4096 },
            syn_ack_retransmissions: if flags.profile == Profile::FreeBsd { 3 } else { 5 },
            accept_overflow: AcceptOverflow::Ignore,
            file: flags.settings.clone().map(|path| Lines {
                path,
                read: 0,
                rest: String::new(),
            }),
        }
    }

    /// Reads what is new in the file. Returns whether anything changed.
    pub(crate) fn refresh(&mut self) -> bool {
        let Some(lines) = self.file.as_mut().map(Lines::fresh) else {
            return false;
        };
        let mut changed = false;
        for line in lines {
            match self.apply(&line) {
                Some(()) => changed = true,
                None => unsupported(format_args!("setting {line}")),
            }
        }
        changed
    }

    /// Applies a line `name=value`; `None` where it means nothing here.
    fn apply(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.split_once('=')?;
        let name = name.trim().trim_start_matches("/proc/sys/").replace('/', ".");
        let value = value.trim().trim_matches(['"', '\'']);
        match name.strip_prefix("net.ipv4.tcp_") {
            Some(name) => self.linux(name, value),
            None => self.other(&name, value),
        }
    }

    fn linux(&mut self, name: &str, value: &str) -> Option<()> {
        let config = &mut self.config;
        let connection = &mut config.connection;
        match name {
            "timestamps" => config.timestamps = number(value)? > 0,
            "sack" => config.sack = number(value)? > 0,
            "window_scaling" => config.window_scaling = number(value)? > 0,
            "retries2" => connection.retransmissions_max = byte(value)?,
            "syn_retries" => connection.syn_retransmissions_max = byte(value)?,
            "synack_retries" => self.syn_ack_retransmissions = byte(value)?,
            "max_syn_backlog" => self.syn_backlog = size(value)?,
            "abort_on_overflow" if number(value)? > 0 => self.accept_overflow = AcceptOverflow::Reset,
            "abort_on_overflow" => self.accept_overflow = AcceptOverflow::Ignore,
            "fin_timeout" => connection.fin_wait_2 = Duration::from_secs(number(value)?),
            "keepalive_time" => self.keep_alive.idle = Duration::from_secs(number(value)?),
            "keepalive_intvl" => self.keep_alive.interval = Duration::from_secs(number(value)?),
            "keepalive_probes" => self.keep_alive.probes = byte(value)?,
            "rto_min_us" => connection.rto_min = Duration::from_micros(number(value)?),
            "rmem" => connection.receive_buffer = middle(value)?,
            "wmem" => connection.send_buffer = middle(value)?,
            // What the stack does anyway.
            "ecn" | "fastopen" | "autocorking" | "moderate_rcvbuf" if value == "0" => {}
            "slow_start_after_idle" | "no_metrics_save" if value == "1" => {}
            "congestion_control" if value == "reno" => {}
            _ => return None,
        }
        Some(())
    }

    fn other(&mut self, name: &str, value: &str) -> Option<()> {
        let config = &mut self.config;
        let connection = &mut config.connection;
        let millis = |value| Some(Duration::from_millis(number(value)?));
        match name {
            "net.core.somaxconn" | "kern.ipc.somaxconn" | "kern.ipc.soacceptqueue" => self.backlog_max = size(value)?,
            // 0: neither, 1: both, 2: window scaling alone, 3: timestamps alone.
            "net.inet.tcp.rfc1323" => {
                let what = number(value)?;
                config.window_scaling = matches!(what, 1 | 2);
                config.timestamps = matches!(what, 1 | 3);
            }
            "net.inet.tcp.sack.enable" => config.sack = number(value)? > 0,
            "net.inet.tcp.delayed_ack" if value == "0" => connection.ack_delay = Duration::ZERO,
            "net.inet.tcp.delacktime" => connection.ack_delay = millis(value)?,
            "net.inet.tcp.keepidle" => self.keep_alive.idle = millis(value)?,
            "net.inet.tcp.keepintvl" => self.keep_alive.interval = millis(value)?,
            "net.inet.tcp.keepcnt" => self.keep_alive.probes = byte(value)?,
            "net.inet.tcp.rexmit_min" => connection.rto_min = millis(value)?,
            "net.inet.tcp.rexmit_initial" => connection.rto_initial = millis(value)?,
            "net.inet.tcp.msl" => config.time_wait = millis(value)?.times(2),
            "net.inet.tcp.finwait2_timeout" => connection.fin_wait_2 = millis(value)?,
            "net.inet.tcp.recvspace" => connection.receive_buffer = size(value)?,
            "net.inet.tcp.sendspace" => connection.send_buffer = size(value)?,
            "net.inet.tcp.syncache.rexmtlimit" => self.syn_ack_retransmissions = byte(value)?,
            "net.inet.tcp.ecn.enable" if value == "0" => {}
            "net.inet.tcp.cc.algorithm" if value == "newreno" => {}
            _ => return None,
        }
        Some(())
    }
}

/// The initial values of a system.
fn profile(profile: Profile, config: &mut Config) {
    let connection = &mut config.connection;
    // Both start with a window field of 65,535 and let it grow.
    match profile {
        Profile::Linux => {
            connection.receive_buffer = 65_535;
            connection.syn_retransmissions_max = 6;
        }
        Profile::FreeBsd => {
            connection.receive_buffer = 65_536;
            connection.syn_retransmissions_max = 12;
            connection.retransmissions_max = 12;
            connection.rto_min = Duration::from_millis(230);
            config.limits = Limits {
                receive_buffer_max: 65_535 << 6,
                ..config.limits
            };
        }
    }
}

impl Lines {
    /// The whole lines that have come since the last time. A file that is not there yet has none.
    fn fresh(&mut self) -> Vec<String> {
        let mut text = String::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read))?;
            file.read_to_string(&mut text)
        });
        self.read += read.unwrap_or(0) as u64;
        self.rest.push_str(&text);
        let Some(end) = self.rest.rfind('\n') else {
            return Vec::new();
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let lines = whole.lines().map(str::trim);
        lines
            .filter(|line| !(line.is_empty() || line.starts_with('#')))
            .map(str::to_owned)
            .collect()
    }
}

fn number(value: &str) -> Option<u64> {
    value.parse().ok()
}

fn size(value: &str) -> Option<usize> {
    value.parse().ok()
}

fn byte(value: &str) -> Option<u8> {
    Some(u8::try_from(number(value)?).unwrap_or(u8::MAX))
}

/// The default of `least default most`, as Linux writes buffers.
fn middle(value: &str) -> Option<usize> {
    size(value.split_whitespace().nth(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn settings(flags: &str) -> Settings {
        Settings::new(&Flags::parse(flags).unwrap())
    }

    #[test]
    fn names_of_both_systems() {
        let mut s = settings("");
        for (line, known) in [
            ("net.ipv4.tcp_timestamps=0", true),
            ("/proc/sys/net/ipv4/tcp_sack=0", true),
            ("net.ipv4.tcp_rmem=4096 30000 60000", true),
            ("net.ipv4.tcp_synack_retries = 2", true),
            ("net.ipv4.tcp_ecn=0", true),
            ("net.ipv4.tcp_ecn=1", false),
            ("net.inet.tcp.msl=500", true),
            ("net.ipv4.tcp_timestamps=maybe", false),
            ("net.ipv4.tcp_of_tomorrow=1", false),
            ("no value", false),
        ] {
            assert_eq!(s.apply(line).is_some(), known, "{line}");
        }
        assert!(!s.config.timestamps && !s.config.sack);
        assert_eq!(s.config.connection.receive_buffer, 30_000);
        assert_eq!(s.syn_ack_retransmissions, 2);
        assert_eq!(s.config.time_wait, Duration::from_secs(1));
        assert!(s.apply("net.inet.tcp.rfc1323=2").is_some());
        assert!(s.config.window_scaling && !s.config.timestamps);
    }

    #[test]
    fn a_line_counts_when_it_is_whole() {
        let path = std::env::temp_dir().join(format!("syndic-hook-settings-{}", std::process::id()));
        let mut s = settings(&format!("settings={}", path.display()));
        assert!(!s.refresh(), "no file yet");
        let mut file = File::create(&path).unwrap();
        write!(file, "# a comment\nnet.ipv4.tcp_sack=0\nnet.ipv4.tcp_time").unwrap();
        assert!(s.refresh());
        assert!(!s.config.sack && s.config.timestamps);
        writeln!(file, "stamps=0").unwrap();
        assert!(s.refresh());
        assert!(!s.config.timestamps);
        assert!(!s.refresh(), "nothing new");
        std::fs::remove_file(&path).unwrap();
    }
}
