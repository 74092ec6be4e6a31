//! Drawing a world from a seed. First the swarm (`swarm.rs`): which kinds of fault and of behaviour there are in it at all.
//! Then the hosts, links and flows with those.

mod host;
mod link;
mod listener;
mod stranger;
mod swarm;
mod user;

use super::drawn::{ActDrawn, Drawn};
use swarm::{Kind, Swarm};

/// Within this all begins that the users do. Units: milliseconds.
const BEGIN_MS: u64 = 8_000;
/// The port that every listener of a drawn world has.
const PORT: u16 = 80;

/// Draws the world of a seed.
pub(super) fn draw(seed: u64) -> Drawn {
    let swarm = &mut Swarm::new(seed);
    let count = match swarm.below(20) {
        0..12 => 2,
        12..17 => 3 + swarm.below(2) as usize,
        17..19 => 5 + swarm.below(5) as usize,
        _ => 10 + swarm.below(11) as usize,
    };
    let hosts = (0..count).map(|number| host::host(swarm, number)).collect();
    let links = link::links(swarm, count);
    let faults = link::faults(swarm, &links);
    let mut steps = Vec::new();
    for number in 0..count {
        listener::listen(swarm, &mut steps, number);
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
        user::flow(swarm, &mut steps, pair, &mut next);
    }
    for link in &links {
        link::trouble(swarm, &mut steps, link.between);
    }
    if swarm.has(Kind::Reopenings) {
        let [a, b] = links[swarm.below(links.len() as u64) as usize].between;
        let pair = if swarm.once_in(2) { [a, b] } else { [b, a] };
        user::reopenings(swarm, &mut steps, pair, &mut next);
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

fn other(key: &'static str, value: String) -> ActDrawn {
    ActDrawn::Other { key, value }
}
