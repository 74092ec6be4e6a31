//! Drawing hosts, and what they, their listeners and their users say of connections.

use super::quoted;
use super::swarm::{Kind, Swarm};
use crate::simulate::drawn::{HostDrawn, Settings};

pub(super) fn host(swarm: &mut Swarm, number: usize) -> HostDrawn {
    let mut settings = Settings::new();
    if swarm.has(Kind::Features) {
        for switch in ["window_scaling", "timestamps", "sack"] {
            if swarm.once_in(3) {
                settings.push((switch, "false".to_owned()));
            }
        }
    }
    if swarm.has(Kind::SmallMtus) {
        settings.push(("mtu", swarm.pick(&[1280, 1281, 1400, 1492, 9000]).to_string()));
    }
    let span = swarm.pick(&["1s", "2s", "10s", "60s"]);
    settings.push(("time_wait", quoted(span)));
    let mut limits = Settings::new();
    if swarm.has(Kind::Limits) {
        for (key, bound) in [
            ("buffer_bytes", 20_000),
            ("connections", 6),
            ("embryos", 4),
            ("time_waits", 4),
            ("islands", 5),
            ("resets_per_s", 10),
            ("challenge_acks_per_5s", 4),
        ] {
            if swarm.once_in(2) {
                limits.push((key, (1 + swarm.below(bound)).to_string()));
            }
        }
    }
    HostDrawn {
        number,
        settings,
        connection: connection(swarm),
        limits,
    }
}

/// What a host, a listener or a connect says of its connections.
pub(super) fn connection(swarm: &mut Swarm) -> Settings {
    let mut settings = Settings::new();
    if swarm.has(Kind::TinyBuffers) {
        let tiny = [1, 10, 100, 536];
        settings.push(("send_buffer", swarm.pick(&tiny).to_string()));
        settings.push(("receive_buffer", swarm.pick(&tiny).to_string()));
    } else if swarm.has(Kind::SmallBuffers) {
        settings.push(("send_buffer", swarm.pick(&[536, 1_460, 4_000, 20_000]).to_string()));
        settings.push((
            "receive_buffer",
            swarm.pick(&[536, 1_460, 4_000, 20_000, 70_000]).to_string(),
        ));
    }
    if !swarm.has(Kind::Options) {
        return settings;
    }
    if swarm.once_in(2) {
        settings.push(("no_delay", "true".to_owned()));
    }
    if swarm.once_in(3) {
        settings.push(("ack_delay", quoted(swarm.pick(&["0", "1ms", "200ms", "499ms"]))));
    }
    if swarm.once_in(3) {
        let (idle, interval) = (10 + swarm.below(30), 5 + swarm.below(20));
        let probes = 1 + swarm.below(5);
        let value = format!("{{ idle = \"{idle}s\", interval = \"{interval}s\", probes = {probes} }}");
        settings.push(("keep_alive", value));
    }
    if swarm.once_in(4) {
        settings.push(("user_timeout", quoted(swarm.pick(&["500ms", "3s", "30s", "5m"]))));
    }
    if swarm.once_in(4) {
        settings.push(("retransmissions_max", (1 + swarm.below(8)).to_string()));
    }
    if swarm.once_in(4) {
        settings.push(("syn_retransmissions_max", swarm.below(4).to_string()));
    }
    if swarm.once_in(4) {
        settings.push(("linger", quoted(swarm.pick(&["0", "100ms", "5s"]))));
    }
    if swarm.once_in(4) {
        settings.push(("fin_wait_2", quoted(swarm.pick(&["0", "1s", "20s"]))));
    }
    if swarm.once_in(4) {
        settings.push(("rto_min", quoted(swarm.pick(&["10ms", "1s"]))));
    }
    settings
}
