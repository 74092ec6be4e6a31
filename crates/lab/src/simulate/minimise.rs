//! Making a world that fails smaller while it still fails for the same reason.

use super::drawn::{ActDrawn, Drawn, Settings};
use super::{Failure, Simulation};

/// The search: the smallest so far, and how many worlds may still be played.
struct Search {
    seed: u64,
    smallest: Drawn,
    reason: String,
    plays_left: usize,
}

/// The smallest world found that fails as `failure` says.
pub(super) fn minimise(simulation: &Simulation, failure: &Failure, plays: usize) -> Simulation {
    let mut search = Search {
        seed: simulation.seed,
        smallest: simulation.drawn.clone(),
        reason: gist(failure),
        plays_left: plays,
    };
    loop {
        let before = search.smallest.clone();
        search.drop_hosts();
        search.drop_some(|drawn| &mut drawn.steps);
        search.drop_some(|drawn| &mut drawn.faults);
        search.drop_settings();
        search.shrink_sizes();
        if search.smallest == before || search.plays_left == 0 {
            break;
        }
    }
    Simulation {
        seed: search.seed,
        drawn: search.smallest,
    }
}

/// What the first reason is about, without the figures, names and addresses that change from world to world.
fn gist(failure: &Failure) -> String {
    let first = failure.reasons.first().map_or("", String::as_str);
    let words = first
        .split_whitespace()
        .filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

impl Search {
    /// Takes a smaller world if it still fails for the same reason.
    fn consider(&mut self, smaller: Drawn) -> bool {
        if self.plays_left == 0 || smaller == self.smallest {
            return false;
        }
        self.plays_left -= 1;
        let simulation = Simulation {
            seed: self.seed,
            drawn: smaller,
        };
        let fails = simulation.play().is_err_and(|failure| gist(&failure) == self.reason);
        if fails {
            self.smallest = simulation.drawn;
        }
        fails
    }

    fn drop_hosts(&mut self) {
        let numbers: Vec<usize> = self.smallest.hosts.iter().map(|host| host.number).collect();
        for number in numbers.into_iter().rev() {
            if let Some(smaller) = self.smallest.without_host(number) {
                self.consider(smaller);
            }
        }
    }

    /// Leaves out halves, then quarters, and at last single ones of a list.
    fn drop_some<T>(&mut self, list: fn(&mut Drawn) -> &mut Vec<T>) {
        let mut size = list(&mut self.smallest).len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < list(&mut self.smallest).len() {
                let mut smaller = self.smallest.clone();
                let items = list(&mut smaller);
                let end = (start + size).min(items.len());
                items.drain(start..end);
                // What comes next has moved to where this was.
                if !self.consider(smaller) {
                    start += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Leaves out one setting after the other, everywhere: first all of one place, then single ones.
    fn drop_settings(&mut self) {
        for place in 0..places(&mut self.smallest).len() {
            let mut smaller = self.smallest.clone();
            let mut is_empty = true;
            if let Some(settings) = places(&mut smaller).into_iter().nth(place) {
                is_empty = settings.is_empty();
                settings.retain(|(key, _)| is_needed(key));
            }
            if is_empty || self.consider(smaller) {
                continue;
            }
            let mut at = 0;
            loop {
                let mut smaller = self.smallest.clone();
                let Some(settings) = places(&mut smaller)
                    .into_iter()
                    .nth(place)
                    .filter(|settings| at < settings.len())
                else {
                    break;
                };
                if is_needed(settings.remove(at).0) || !self.consider(smaller) {
                    at += 1;
                }
            }
        }
    }

    /// Halves what is sent as long as that is possible.
    fn shrink_sizes(&mut self) {
        for place in 0..self.smallest.steps.len() {
            loop {
                let mut smaller = self.smallest.clone();
                let Some(ActDrawn::Send { bytes, .. }) = smaller.steps.get_mut(place).map(|step| &mut step.act) else {
                    break;
                };
                *bytes = (*bytes / 2).max(1);
                if !self.consider(smaller) {
                    break;
                }
            }
        }
    }
}

/// Every list of settings of a world, in a fixed order.
fn places(drawn: &mut Drawn) -> Vec<&mut Settings> {
    let mut all = Vec::new();
    for host in &mut drawn.hosts {
        all.extend([&mut host.settings, &mut host.connection, &mut host.limits]);
    }
    for link in &mut drawn.links {
        all.extend(&mut link.ways);
    }
    for fault in &mut drawn.faults {
        all.push(&mut fault.settings);
    }
    for step in &mut drawn.steps {
        match &mut step.act {
            ActDrawn::Listen { settings, connection }
            | ActDrawn::Connect {
                settings, connection, ..
            } => {
                all.extend([settings, connection]);
            }
            ActDrawn::Send { .. } | ActDrawn::Other { .. } | ActDrawn::Cut { .. } => {}
        }
    }
    all
}

/// Whether the text makes no sense without this setting.
fn is_needed(key: &str) -> bool {
    matches!(key, "port" | "do" | "from_port" | "rate" | "queue")
}
