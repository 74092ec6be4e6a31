//! Drawing a world from a seed. First the swarm: which kinds of fault and of behaviour there are in it at all, for a
//! world that has a little of everything never has much of anything. Then the hosts, links and flows with those.

use super::drawn::{ActDrawn, Drawn, FaultDrawn, HostDrawn, LinkDrawn, Settings, StepDrawn, v4, v6};
use crate::rng::Rng;

/// Within this all begins that the users do. Units: milliseconds.
const BEGIN_MS: u64 = 8_000;
/// The first port that a user asks for, where ports are used again.
const PORT_FIRST: u64 = 4_000;
/// The port that every listener of a drawn world has.
const PORT: u16 = 80;

/// What a world may have in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loss,
    Duplication,
    Reordering,
    Corruption,
    Jitter,
    Rate,
    Cuts,
    Vanishing,
    Reboots,
    Faults,
    Forgery,
    Many,
    Trickles,
    HalfCloses,
    Aborts,
    SlowReaders,
    PortReuse,
    IdleListeners,
    Relisten,
    ClosedPorts,
    SimultaneousOpens,
    Options,
    TinyBuffers,
    SmallBuffers,
    SmallMtus,
    Limits,
    Backlogs,
    Features,
    Urgent,
}

/// What this world has in it: a bit per kind.
struct Swarm {
    kinds: u64,
    rng: Rng,
}

impl Swarm {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::fork(seed, "simulation");
        // Two draws, so that some worlds are full of things and others have hardly any.
        let kinds = match rng.below(3) {
            0 => rng.bits(),
            1 => rng.bits() & rng.bits(),
            _ => rng.bits() | rng.bits(),
        };
        Self { kinds, rng }
    }

    fn has(&self, kind: Kind) -> bool {
        self.kinds >> (kind as u32) & 1 == 1
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// True once in `n`.
    fn once_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.below(of.len() as u64) as usize]
    }
}

/// Draws the world of a seed.
pub(super) fn draw(seed: u64) -> Drawn {
    let swarm = &mut Swarm::new(seed);
    let count = match swarm.below(20) {
        0..12 => 2,
        12..17 => 3 + swarm.below(2) as usize,
        17..19 => 5 + swarm.below(5) as usize,
        _ => 10 + swarm.below(11) as usize,
    };
    let hosts = (0..count).map(|number| host(swarm, number)).collect();
    let links = links(swarm, count);
    let faults = faults(swarm, &links);
    let mut steps = Vec::new();
    for number in 0..count {
        listen(swarm, &mut steps, number);
    }
    let flows = match swarm.has(Kind::Many) {
        true => count as u64 + swarm.below(12),
        false => 1 + swarm.below(count as u64),
    };
    let mut next = 0;
    for _ in 0..flows {
        let link = &links[swarm.below(links.len() as u64) as usize];
        let [a, b] = link.between;
        let pair = if swarm.once_in(2) { [a, b] } else { [b, a] };
        flow(swarm, &mut steps, pair, &mut next);
    }
    for link in &links {
        trouble(swarm, &mut steps, link.between);
    }
    // The order of those at one moment is that in which they were drawn.
    steps.sort_by_key(|step| step.at_ms);
    Drawn {
        hosts,
        links,
        faults,
        steps,
    }
}

fn quoted(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

fn host(swarm: &mut Swarm, number: usize) -> HostDrawn {
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
fn connection(swarm: &mut Swarm) -> Settings {
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

/// Every host is joined to one before it, and some to more.
fn links(swarm: &mut Swarm, hosts: usize) -> Vec<LinkDrawn> {
    let mut pairs: Vec<[usize; 2]> = (1..hosts).map(|b| [swarm.below(b as u64) as usize, b]).collect();
    for _ in 0..hosts / 2 {
        let (a, b) = (swarm.below(hosts as u64) as usize, swarm.below(hosts as u64) as usize);
        let pair = [a.min(b), a.max(b)];
        if a != b && !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let link = |between| LinkDrawn {
        between,
        ways: [impairment(swarm), impairment(swarm)],
    };
    pairs.into_iter().map(link).collect()
}

fn impairment(swarm: &mut Swarm) -> Settings {
    let delay = swarm.pick(&[0, 1, 5, 20, 100, 300]);
    let mut settings = vec![("delay", format!("{delay}ms"))];
    if swarm.has(Kind::Jitter) {
        settings.push(("jitter", format!("{}ms", swarm.below(delay + 5))));
    }
    for (kind, key, percent_max) in [
        (Kind::Loss, "loss", 25),
        (Kind::Reordering, "reorder", 30),
        (Kind::Duplication, "duplicate", 30),
        (Kind::Corruption, "corrupt", 10),
    ] {
        if swarm.has(kind) && !swarm.once_in(3) {
            settings.push((key, format!("{}%", 1 + swarm.below(percent_max))));
        }
    }
    if swarm.has(Kind::Rate) {
        settings.push(("rate", format!("{}kbit", swarm.pick(&[128, 1_000, 10_000]))));
        if swarm.once_in(2) {
            settings.push(("queue", swarm.pick(&[10_000, 20_000, 64_000]).to_string()));
        }
    }
    settings
}

fn faults(swarm: &mut Swarm, links: &[LinkDrawn]) -> Vec<FaultDrawn> {
    let mut faults = Vec::new();
    if !swarm.has(Kind::Faults) {
        return faults;
    }
    for _ in 0..1 + swarm.below(4) {
        let [a, b] = links[swarm.below(links.len() as u64) as usize].between;
        let (from, to) = if swarm.once_in(2) { (a, b) } else { (b, a) };
        let action = match swarm.below(5) {
            0 => "duplicate".to_owned(),
            1 => "corrupt".to_owned(),
            2 => format!("delay {}ms", swarm.pick(&[3, 50, 900, 5_000, 70_000])),
            _ => "drop".to_owned(),
        };
        let mut settings = vec![("do", quoted(action)), ("nth", (1 + swarm.below(4)).to_string())];
        settings.push(("count", (1 + swarm.below(4)).to_string()));
        if !swarm.once_in(3) {
            settings.push(("flags", quoted(swarm.pick(&["S", "S.", ".", "F.", "R", "R.", "P."]))));
        }
        faults.push(FaultDrawn { from, to, settings });
    }
    faults
}

fn listen(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, host: usize) {
    if swarm.once_in(8) {
        return;
    }
    let at_ms = if swarm.once_in(3) { swarm.below(BEGIN_MS) } else { 0 };
    let mut push = |at_ms, act| {
        steps.push(StepDrawn {
            at_ms,
            host,
            on: None,
            act,
        });
    };
    push(at_ms, listening(swarm));
    let by_hand = swarm.has(Kind::IdleListeners);
    if by_hand {
        // It accepts a few, at some time, and then stops.
        for _ in 0..swarm.below(5) {
            push(at_ms + swarm.below(BEGIN_MS), other("do", quoted("accept")));
        }
    }
    if swarm.has(Kind::Relisten) {
        let closed = at_ms + swarm.below(BEGIN_MS);
        push(closed, other("do", quoted("close-listener")));
        push(closed + swarm.below(3_000), listening(swarm));
    }
}

fn listening(swarm: &mut Swarm) -> ActDrawn {
    let mut settings = vec![("port", PORT.to_string())];
    if swarm.has(Kind::Backlogs) {
        settings.push(("syn_backlog", swarm.pick(&[1, 2, 8]).to_string()));
        settings.push(("accept_backlog", swarm.pick(&[1, 2, 8]).to_string()));
        settings.push(("syn_ack_retransmissions", swarm.below(4).to_string()));
        settings.push(("half_open_lifetime", quoted(swarm.pick(&["1s", "5s", "63s"]))));
        settings.push(("accept_overflow", quoted(swarm.pick(&["ignore", "reset"]))));
    }
    if swarm.has(Kind::IdleListeners) && !swarm.once_in(3) {
        settings.push(("accept", quoted("by-hand")));
    }
    settings.push(("read", quoted(reading(swarm))));
    ActDrawn::Listen {
        settings,
        connection: connection(swarm),
    }
}

fn reading(swarm: &mut Swarm) -> &'static str {
    if !swarm.has(Kind::SlowReaders) {
        return "everything";
    }
    swarm.pick(&["everything", "nothing", "1k/s", "20k/s", "300k/s"])
}

fn other(key: &'static str, value: String) -> ActDrawn {
    ActDrawn::Other { key, value }
}

/// One connection, or some in a row on the same ports, or two opens that cross.
fn flow(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, [client, server]: [usize; 2], next: &mut usize) {
    let is_v6 = swarm.once_in(3);
    let mut at_ms = swarm.below(BEGIN_MS);
    let own_port = PORT_FIRST + swarm.below(20);
    let crosses = swarm.has(Kind::SimultaneousOpens) && swarm.once_in(2);
    let is_reused = swarm.has(Kind::PortReuse) && swarm.once_in(2);
    let rounds = if is_reused { 2 + swarm.below(3) } else { 1 };
    for _ in 0..rounds {
        let on = *next;
        *next += 1;
        let port = match swarm.has(Kind::ClosedPorts) && swarm.once_in(4) {
            true => 81,
            false => PORT,
        };
        let mut open = |swarm: &mut Swarm, at_ms, from: usize, to: usize, from_port: Option<u64>, port| {
            let mut settings: Settings = from_port
                .map(|port| ("from_port", port.to_string()))
                .into_iter()
                .collect();
            settings.push(("read", quoted(reading(swarm))));
            let act = ActDrawn::Connect {
                to,
                is_v6,
                port,
                settings,
                connection: connection(swarm),
            };
            steps.push(StepDrawn {
                at_ms,
                host: from,
                on: Some(on),
                act,
            });
        };
        if crosses {
            let there = own_port + 100;
            open(swarm, at_ms, client, server, Some(own_port), there as u16);
            let gap = swarm.pick(&[0, 1, 20, 200]);
            open(swarm, at_ms + gap, server, client, Some(there), own_port as u16);
        } else {
            let from_port = (is_reused || swarm.once_in(6)).then_some(own_port);
            open(swarm, at_ms, client, server, from_port, port);
        }
        let ends = [client, server].map(|host| side(swarm, steps, host, on, at_ms));
        forge(swarm, steps, [client, server], on, at_ms, is_v6);
        // The next begins about when this one ends, or when its TIME-WAIT does.
        at_ms = ends[0].max(ends[1]) + swarm.pick(&[0, 1, 50, 1_000, 2_500, 11_000]);
    }
}

/// What the user of one end does. Returns when it has done all.
fn side(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, host: usize, on: usize, begin_ms: u64) -> u64 {
    let mut at_ms = begin_ms + swarm.below(1_500);
    let mut push = |at_ms, act| {
        steps.push(StepDrawn {
            at_ms,
            host,
            on: Some(on),
            act,
        });
    };
    let is_trickle = swarm.has(Kind::Trickles) && swarm.once_in(2);
    let (parts, size_max, gap_max) = match is_trickle {
        true => (swarm.below(25), 40, 120),
        // A byte or two per round trip: what is much would take hours.
        false if swarm.has(Kind::TinyBuffers) => (swarm.below(4), swarm.pick(&[10, 200]), 1_500),
        false => (swarm.below(4), swarm.pick(&[10, 2_000, 30_000, 120_000]), 1_500),
    };
    for _ in 0..parts {
        let is_urgent = swarm.has(Kind::Urgent) && swarm.once_in(4);
        let bytes = 1 + swarm.below(size_max);
        push(at_ms, ActDrawn::Send { bytes, is_urgent });
        at_ms += swarm.below(gap_max);
        if swarm.has(Kind::SlowReaders) && swarm.once_in(6) {
            push(at_ms, other("read", quoted(reading(swarm))));
        }
    }
    if swarm.has(Kind::Aborts) && swarm.once_in(3) {
        push(at_ms, other("do", quoted("abort")));
        return at_ms;
    }
    if swarm.has(Kind::HalfCloses) && swarm.once_in(2) {
        push(at_ms, other("do", quoted("shutdown")));
        at_ms += swarm.pick(&[0, 10, 500, 5_000]);
    }
    if !swarm.once_in(4) {
        push(at_ms, other("do", quoted("close")));
    }
    at_ms
}

/// Segments of an attacker who sees nothing, and old duplicates of the connection's own.
fn forge(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, pair: [usize; 2], on: usize, begin_ms: u64, is_v6: bool) {
    if !swarm.has(Kind::Forgery) {
        return;
    }
    for _ in 0..swarm.below(6) {
        let [host, other_host] = if swarm.once_in(2) { pair } else { [pair[1], pair[0]] };
        let act = match swarm.below(4) {
            0 => {
                let flags = swarm.pick(&["S", "S.", ".", "P.", "F.", "R", "R.", "SF", "-", "FPU", "SR", "EW."]);
                let (seq, ack) = (swarm.rng.bits() as u32, swarm.rng.bits() as u32);
                let payload = swarm.below(3) * swarm.below(600);
                other(
                    "inject",
                    format!("{{ flags = \"{flags}\", seq = \"{seq}\", ack = \"{ack}\", payload = {payload} }}"),
                )
            }
            1 => {
                let flags = swarm.pick(&["S", "S.", "R", "R.", "SF"]);
                let beyond = 2 + swarm.below(300);
                other(
                    "inject",
                    format!("{{ flags = \"{flags}\", seq = \"rcv.nxt+{beyond}\", ack = \"snd.una\" }}"),
                )
            }
            2 => {
                // A stranger's SYN in a third one's name, whose answer leads nowhere.
                let address = |n| if is_v6 { format!("[{}]", v6(n)) } else { v4(n) };
                let (from, to, port) = (address(host), address(other_host), 1 + swarm.below(60_000));
                let seq = swarm.rng.bits() as u32;
                let ends = format!("from = \"{from}:{port}\", to = \"{to}:{PORT}\"");
                other("inject", format!("{{ flags = \"S\", seq = \"{seq}\", {ends} }}"))
            }
            _ => {
                let flags = swarm.pick(&["S", "S.", ".", "F.", "P."]);
                let nth = 1 + swarm.below(3);
                other("replay", format!("{{ flags = \"{flags}\", nth = {nth} }}"))
            }
        };
        steps.push(StepDrawn {
            at_ms: begin_ms + swarm.below(6_000),
            host,
            on: Some(on),
            act,
        });
    }
}

/// What befalls a link and the hosts at its ends.
fn trouble(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, [a, b]: [usize; 2]) {
    let mut push = |at_ms, host, act| {
        steps.push(StepDrawn {
            at_ms,
            host,
            on: None,
            act,
        });
    };
    if swarm.has(Kind::Cuts) && swarm.once_in(2) {
        let at_ms = swarm.below(BEGIN_MS + 4_000);
        push(at_ms, a, ActDrawn::Cut { to: b, is_cut: true });
        let healed = at_ms + swarm.pick(&[100, 2_000, 20_000, 400_000]);
        push(healed, a, ActDrawn::Cut { to: b, is_cut: false });
    }
    let host = if swarm.once_in(2) { a } else { b };
    if swarm.has(Kind::Vanishing) && swarm.once_in(3) {
        let at_ms = swarm.below(BEGIN_MS + 4_000);
        push(at_ms, host, other("do", quoted("vanish")));
        let back = at_ms + swarm.pick(&[100, 2_000, 20_000, 1_200_000]);
        push(back, host, other("do", quoted("return")));
    }
    if swarm.has(Kind::Reboots) && swarm.once_in(3) {
        let at_ms = swarm.below(BEGIN_MS + 4_000);
        push(at_ms, host, other("do", quoted("reboot")));
        push(at_ms + swarm.below(2_000), host, listening(swarm));
    }
}
