//! Drawing listeners, and how what they accept is read.

use super::host::connection;
use super::swarm::{Kind, Swarm};
use super::{BEGIN_MS, PORT, other, quoted};
use crate::simulate::drawn::{ActDrawn, StepDrawn};

pub(super) fn listen(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, host: usize) {
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

pub(super) fn listening(swarm: &mut Swarm) -> ActDrawn {
    let mut settings = vec![("port", PORT.to_string())];
    if swarm.has(Kind::Backlogs) {
        settings.push(("syn_backlog", swarm.pick(&[1, 2, 8]).to_string()));
        settings.push(("accept_backlog", swarm.pick(&[1, 2, 8]).to_string()));
        settings.push(("syn_ack_retransmissions", swarm.below(4).to_string()));
        settings.push(("half_open_lifetime", quoted(swarm.pick(&["1s", "5s", "63s"]))));
        settings.push(("syn_cookies", quoted(swarm.pick(&["auto", "always", "never"]))));
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

pub(super) fn reading(swarm: &mut Swarm) -> &'static str {
    if !swarm.has(Kind::SlowReaders) {
        return "everything";
    }
    swarm.pick(&["everything", "nothing", "1k/s", "20k/s", "300k/s"])
}
