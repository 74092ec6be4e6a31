//! Lines for the shell: a runner without a kernel knows those that set what a stack has too, and refuses the rest by name.

use stack::{Config, Duration, KeepAlive, ListenOptions};

/// What the commands of a script have set so far.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) config: Config,
    /// Those of a listener's own that are system-wide elsewhere.
    pub(super) listen: ListenOptions,
    /// What SO_KEEPALIVE turns on.
    pub(super) keep_alive: KeepAlive,
}

/// Runs a command, which may be several lines.
///
/// Errors: what in it is not known here, for a verdict. `is_running`: the stack lives, and its configuration stands.
pub(super) fn run(text: &str, settings: &mut Settings, is_running: bool) -> Result<(), String> {
    let lines = text.split(['\n', ';']).flat_map(|line| line.split("&&")).map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        for (name, value) in assignments(line)? {
            let before = settings.config.clone();
            set(settings, &name, &value)?;
            let mut moved = before.clone();
            // What new sockets start with may change at any time; the stack itself is what it was born as.
            moved.connection = settings.config.connection;
            if is_running && moved != settings.config {
                settings.config = before;
                return Err(format!("`{name}` changed while the stack runs"));
            }
        }
    }
    Ok(())
}

/// What a line sets.
fn assignments(line: &str) -> Result<Vec<(String, String)>, String> {
    let unknown = || format!("the command `{line}`");
    let line_without = line.split('>').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    match program.rsplit('/').next().unwrap_or_default() {
        // Sets the kernel's defaults before a script; the profile is ours.
        "defaults.sh" => Ok(Vec::new()),
        "sysctl" => {
            let given: Vec<&str> = words
                .filter(|word| !word.starts_with('-') && !word.starts_with('>'))
                .collect();
            let text = given.join(" ");
            pairs(&text).ok_or_else(unknown)
        }
        "set_sysctls.py" => pairs(&words.collect::<Vec<_>>().join(" ")).ok_or_else(unknown),
        "echo" => {
            let (_, path) = line.split_once('>').ok_or_else(unknown)?;
            let value = line_without
                .trim()
                .strip_prefix("echo")
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\'']);
            Ok(vec![(path.trim_start_matches('>').trim().to_owned(), value.to_owned())])
        }
        _ => Err(unknown()),
    }
}

/// `a.b=1 c.d="1 2 3"`; `None` where that is not what stands there.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) => found.push((name.to_owned(), value.trim_matches(['"', '\'']).to_owned())),
            // One more of several values.
            None => {
                let (_, value) = found.last_mut()?;
                value.push(' ');
                value.push_str(word.trim_matches(['"', '\'']));
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

/// Sets one thing.
fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), String> {
    let name = name.trim_start_matches("/proc/sys/").replace('/', ".");
    let unknown = || format!("the setting `{name}={value}`");
    let all: Vec<u64> = value.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let first = all.first().copied();
    let number = || first.ok_or_else(unknown);
    let small = || first.and_then(|n| u8::try_from(n).ok()).ok_or_else(unknown);
    let size = |place: usize| {
        all.get(place)
            .and_then(|&n| usize::try_from(n).ok())
            .ok_or_else(unknown)
    };
    let config = &mut settings.config;
    let seconds = |n: u64| Duration::from_secs(n);
    let millis = |n: u64| Duration::from_millis(n);
    match &*name {
        "net.ipv4.tcp_timestamps" => config.timestamps = number()? != 0,
        "net.ipv4.tcp_sack" | "net.inet.tcp.sack.enable" => config.sack = number()? != 0,
        "net.ipv4.tcp_window_scaling" => config.window_scaling = number()? != 0,
        "net.inet.tcp.rfc1323" => {
            let on = number()?;
            (config.window_scaling, config.timestamps) = (on == 1 || on == 2, on == 1 || on == 3);
        }
        "net.ipv4.tcp_syn_retries" => config.connection.syn_retransmissions_max = small()?,
        "net.ipv4.tcp_retries2" => config.connection.retransmissions_max = small()?,
        "net.ipv4.tcp_synack_retries" | "net.inet.tcp.syncache.rexmtlimit" => {
            settings.listen.syn_ack_retransmissions = small()?;
        }
        "net.ipv4.tcp_max_syn_backlog" => settings.listen.syn_backlog = size(0)?,
        "net.ipv4.tcp_abort_on_overflow" => {
            settings.listen.accept_overflow = match number()? {
                0 => stack::AcceptOverflow::Ignore,
                _ => stack::AcceptOverflow::Reset,
            };
        }
        "net.ipv4.tcp_fin_timeout" => config.connection.fin_wait_2 = seconds(number()?),
        "net.inet.tcp.finwait2_timeout" => config.connection.fin_wait_2 = millis(number()?),
        "net.inet.tcp.msl" => config.time_wait = millis(number()?.saturating_mul(2)),
        "net.ipv4.tcp_keepalive_time" => settings.keep_alive.idle = seconds(number()?),
        "net.ipv4.tcp_keepalive_intvl" => settings.keep_alive.interval = seconds(number()?),
        "net.ipv4.tcp_keepalive_probes" | "net.inet.tcp.keepcnt" => settings.keep_alive.probes = small()?,
        "net.inet.tcp.keepidle" => settings.keep_alive.idle = millis(number()?),
        "net.inet.tcp.keepintvl" => settings.keep_alive.interval = millis(number()?),
        "net.inet.tcp.delacktime" => config.connection.ack_delay = millis(number()?),
        "net.inet.tcp.rexmit_min" => config.connection.rto_min = millis(number()?),
        "net.ipv4.tcp_rto_min_us" => config.connection.rto_min = Duration::from_micros(number()?),
        "net.inet.tcp.rexmit_initial" => config.connection.rto_initial = millis(number()?),
        "net.ipv4.tcp_rmem" => config.connection.receive_buffer = size(1)?,
        "net.ipv4.tcp_wmem" => config.connection.send_buffer = size(1)?,
        "net.inet.tcp.recvspace" => config.connection.receive_buffer = size(0)?,
        "net.inet.tcp.sendspace" => config.connection.send_buffer = size(0)?,
        "net.ipv4.ip_default_ttl" | "net.inet.ip.ttl" => config.hop_limit = small()?,
        // These say what the stack does anyway; any other value would ask for what it does not have.
        other if ALREADY.contains(&(other, value.trim())) => {}
        _ => return Err(unknown()),
    }
    Ok(())
}

/// Settings that the stack has with this value and no other.
const ALREADY: &[(&str, &str)] = &[
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_ecn", "2"),
    ("net.inet.tcp.ecn.enable", "0"),
    ("net.ipv4.tcp_fastopen", "0"),
    ("net.ipv4.tcp_syncookies", "0"),
    ("net.inet.tcp.syncookies", "0"),
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.inet.tcp.hostcache.enable", "0"),
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.inet.tcp.cc.algorithm", "newreno"),
    ("net.ipv4.tcp_early_retrans", "0"),
    ("net.ipv4.tcp_recovery", "0"),
    ("net.ipv4.tcp_frto", "0"),
    ("net.ipv4.tcp_dsack", "0"),
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
    use crate::pkt::Profile;

    fn settings() -> Settings {
        Settings {
            config: Profile::Linux.config(),
            listen: ListenOptions::new("10.0.0.1:80".parse().unwrap()),
            keep_alive: KeepAlive::default(),
        }
    }

    #[test]
    fn every_way_to_set_a_thing_is_read() {
        for text in [
            "sysctl -q net.ipv4.tcp_timestamps=0",
            "sysctl -w net.ipv4.tcp_timestamps=0 > /dev/null",
            "echo 0 > /proc/sys/net/ipv4/tcp_timestamps",
            "./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0",
            "../common/defaults.sh\nsysctl -q net.ipv4.tcp_timestamps=0",
        ] {
            let mut settings = settings();
            assert_eq!(run(text, &mut settings, false), Ok(()), "{text}");
            assert!(!settings.config.timestamps, "{text}");
        }
        let mut settings = settings();
        assert_eq!(
            run("sysctl -q net.ipv4.tcp_rmem=\"4096 10000 20000\"", &mut settings, true),
            Ok(())
        );
        assert_eq!(settings.config.connection.receive_buffer, 10_000);
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, named) in [
            ("ip route add default dev tun0", "ip route add default dev tun0"),
            ("sysctl -q net.ipv4.tcp_teapot=1", "net.ipv4.tcp_teapot=1"),
            ("sysctl -q net.ipv4.tcp_ecn=1", "net.ipv4.tcp_ecn=1"),
            ("sysctl -q net.ipv4.tcp_sack=many", "net.ipv4.tcp_sack=many"),
        ] {
            let wrong = run(text, &mut settings(), false).unwrap_err();
            assert!(wrong.contains(named), "{text}: {wrong}");
        }
        let wrong = run("sysctl -q net.ipv4.tcp_sack=0", &mut settings(), true).unwrap_err();
        assert!(wrong.contains("while the stack runs"), "{wrong}");
    }
}
