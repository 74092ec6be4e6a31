//! The swarm: which kinds of fault and of behaviour a world has in it at all. A world that has a little of everything never has
//! much of anything.

use crate::rng::Rng;

/// What a world may have in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
    Reopenings,
}

/// What this world has in it: a bit per kind.
pub(super) struct Swarm {
    kinds: u64,
    rng: Rng,
}

impl Swarm {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::fork(seed, "simulation");
        // Two draws, so that some worlds are full of things and others have hardly any.
        let kinds = match rng.below(3) {
            0 => rng.bits(),
            1 => rng.bits() & rng.bits(),
            _ => rng.bits() | rng.bits(),
        };
        Self { kinds, rng }
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds >> (kind as u32) & 1 == 1
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.rng.bits()
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// True once in `n`.
    pub(super) fn once_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.below(of.len() as u64) as usize]
    }
}
