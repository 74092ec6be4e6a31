//! The scenarios that ship with the lab. Each is a world written down like any user's.

use crate::world::World;

/// A world with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// How it is asked for: `lost-syn`.
    pub name: &'static str,
    /// What it shows, in one line.
    pub title: &'static str,
    /// The world.
    pub toml: &'static str,
}

macro_rules! scenarios {
    ($($name:literal: $title:literal,)+) => {
        /// Every scenario, in the order in which they are told: opening, closing, losing, defending, carrying.
        const SCENARIOS: &[Scenario] = &[
            $(Scenario {
                name: $name,
                title: $title,
                toml: include_str!(concat!("../scenarios/", $name, ".toml")),
            },)+
        ];
    };
}

scenarios! {
    "open-and-close": "Open, data both ways, close: the whole life of a connection",
    "close-by-server": "The server closes first",
    "simultaneous-open": "Both open at once: two SYNs cross",
    "simultaneous-close": "Both close at once: two FINs cross",
    "half-close": "One side closes, the other goes on sending",
    "refused": "Nobody listens: the SYN meets an RST",
    "lost-syn": "The SYN is lost",
    "lost-syn-ack": "The SYN-ACK is lost",
    "lost-third-ack": "The third ACK is lost: data follows, or nothing does",
    "lost-fin": "The FIN is lost",
    "vanishing-client": "The client of a SYN vanishes: the half-open entry dies",
    "vanishing-peer": "The peer vanishes: a timeout error, and all memory given back",
    "accept-queue-full": "The accept queue is full",
    "time-wait": "TIME-WAIT answers a repeated FIN and yields to a new SYN",
    "old-duplicate": "Old duplicates meet TIME-WAIT and a new incarnation",
    "blind-reset": "A blind RST kills nothing; an exact one does",
    "impossible-flags": "Segments whose flags must not be together",
    "zero-window": "A reader that stops: zero window and probes",
    "keep-alive": "Keep-alive: a silent peer is asked, and given up",
    "lossy-transfer": "1 MiB each way through loss, reordering and duplication, over IPv6",
}

/// Every scenario, in the order in which they are told.
pub const fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

impl Scenario {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// The scenario as a world. All its chance comes from `seed`.
    ///
    /// Errors: none but for a text that is wrong, which a test rules out.
    pub fn world(&self, seed: u64) -> Result<World, crate::WorldError> {
        World::from_toml(self.toml, seed)
    }
}
