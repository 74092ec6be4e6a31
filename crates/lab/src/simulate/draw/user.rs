//! Drawing what users do: connections, and what is done at both ends of each.

use super::host::connection;
use super::listener::reading;
use super::stranger::forge;
use super::swarm::{Kind, Swarm};
use super::{BEGIN_MS, PORT, other, quoted};
use crate::simulate::drawn::{ActDrawn, Settings, StepDrawn};

/// The first port that a user asks for, where ports are used again.
const PORT_FIRST: u64 = 4_000;

/// One connection, or some in a row on the same ports, or two opens that cross.
pub(super) fn flow(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, [client, server]: [usize; 2], next: &mut usize) {
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

/// A client that comes back on the same port to a server that closes first, and has it in TIME-WAIT; perhaps a SYN of nobody's
/// comes before it.
pub(super) fn reopenings(
    swarm: &mut Swarm,
    steps: &mut Vec<StepDrawn>,
    [client, server]: [usize; 2],
    next: &mut usize,
) {
    let mut own_port = PORT_FIRST + 50;
    let mut at_ms = swarm.below(BEGIN_MS);
    // Where hosts hold little there are more than they can hold, each on a port of its own.
    let is_many = swarm.has(Kind::Limits);
    let rounds = if is_many { 6 } else { 2 + swarm.below(3) };
    for _ in 0..rounds {
        let on = *next;
        *next += 1;
        let mut push = |at_ms, host, act| {
            let on = Some(on);
            steps.push(StepDrawn { at_ms, host, on, act });
        };
        let connect = ActDrawn::Connect {
            to: server,
            is_v6: false,
            port: PORT,
            settings: vec![("from_port", own_port.to_string())],
            connection: Settings::new(),
        };
        push(at_ms, client, connect);
        push(at_ms + 1_000, server, other("do", quoted("close")));
        push(at_ms + 2_000, client, other("do", quoted("close")));
        if swarm.once_in(2) {
            let beyond = 1 + swarm.below(2_000);
            let syn = |beyond| format!("{{ flags = \"S\", seq = \"rcv.nxt+{beyond}\" }}");
            push(at_ms + 2_700, client, other("inject", syn(beyond)));
            if swarm.once_in(2) {
                push(at_ms + 2_701, client, other("inject", syn(beyond + 1)));
            }
        }
        at_ms += 3_000 + swarm.pick(&[0, 300, 2_000]);
        own_port += u64::from(is_many);
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
