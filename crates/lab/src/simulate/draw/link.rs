//! Drawing links, what they do to packets, and what befalls them and the hosts at their ends.

use super::listener::listening;
use super::swarm::{Kind, Swarm};
use super::{BEGIN_MS, other, quoted};
use crate::simulate::drawn::{ActDrawn, FaultDrawn, LinkDrawn, Settings, StepDrawn};

/// Every host is joined to one before it, and some to more.
pub(super) fn links(swarm: &mut Swarm, hosts: usize) -> Vec<LinkDrawn> {
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

pub(super) fn faults(swarm: &mut Swarm, links: &[LinkDrawn]) -> Vec<FaultDrawn> {
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

/// What befalls a link and the hosts at its ends.
pub(super) fn trouble(swarm: &mut Swarm, steps: &mut Vec<StepDrawn>, [a, b]: [usize; 2]) {
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
