//! What the shards of a net share: their users, and their end.
//!
//! They begin together and end together. A shard that has nothing left to do stays, for the packets of others still come by
//! its queue; the last one to be done ends all. What stops one, be it a dead link or a panic, stops all.

use std::sync::{Arc, OnceLock, Weak};

use crate::error::Stopped;
use crate::sync::{AtomicUsize, Ordering};

/// A shard as the others know it.
pub(crate) trait Member: Send + Sync {
    /// Ends it: from now on every call answers `why`, unless it has ended before.
    fn end(&self, why: Stopped);

    /// Has its driver look round, if it waits.
    fn ring(&self);
}

/// The shards of a net.
pub(crate) struct Crew {
    /// Users' holds on any of them.
    handles: AtomicUsize,
    /// Shards that are not done yet.
    unfinished: AtomicUsize,
    members: OnceLock<Vec<Weak<dyn Member>>>,
}

impl Crew {
    /// Of so many, who join when they are made.
    pub(crate) fn new(members: usize) -> Arc<Self> {
        Arc::new(Self {
            handles: AtomicUsize::new(0),
            unfinished: AtomicUsize::new(members),
            members: OnceLock::new(),
        })
    }

    /// These are all. Before any of them works.
    pub(crate) fn join(&self, members: Vec<Weak<dyn Member>>) {
        // Whoever made the crew is the only one who calls, and does so once.
        let _ = self.members.set(members);
    }

    fn members(&self) -> impl Iterator<Item = Arc<dyn Member>> {
        self.members.get().into_iter().flatten().filter_map(Weak::upgrade)
    }

    pub(crate) fn hold(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets go of one hold. After the last one the drivers look whether they are still needed.
    pub(crate) fn let_go(&self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ring();
        }
    }

    /// Whether nobody can call any more.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 0
    }

    /// One more shard is done, and will be for ever: nobody can call it any more, and its last connection is gone.
    pub(crate) fn finish(&self) {
        if self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ring();
        }
    }

    /// Whether all shards are done.
    pub(crate) fn is_finished(&self) -> bool {
        self.unfinished.load(Ordering::Acquire) == 0
    }

    /// Ends all. Holds no lock of any shard.
    pub(crate) fn end(&self, why: &Stopped) {
        self.members().for_each(|member| member.end(why.clone()));
    }

    fn ring(&self) {
        self.members().for_each(|member| member.ring());
    }
}
