//! Who waits for whom: one lock around the world of a script, and callers that block in it.
//!
//! A call that cannot be answered waits for a condition variable. Whoever changed something looks, under the lock, who can
//! go on, and counts each of them as released. Time stands still until a released caller has taken its turn: `usleep` and
//! `netdev_receive` wait for it. It counts until its thread calls again, because the caller reads the clock to learn when
//! its call returned; a thread that does not come back within [`GRACE`] of real time is waited for no longer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration as RealTime;

use stack::{Duration, Instant};

use crate::calls::{Answer, Stop, Want};
use crate::errno::Errno;
use crate::flags::Flags;
use crate::net::Net;
use crate::poll::ALWAYS;

/// How long a thread whose call has returned may take to call again. Units: real time.
const GRACE: RealTime = RealTime::from_millis(100);

/// The world of a script, shared by the threads that call.
pub(crate) struct Hook {
    shared: Mutex<Shared>,
    changed: Condvar,
}

struct Shared {
    net: Net,
    waiting: Vec<Waiting>,
    released: Vec<Released>,
    /// The interface was given back, or a call has panicked: nobody waits any more.
    has_ended: bool,
}

/// A caller that blocks.
struct Waiting {
    thread: ThreadId,
    want: Want,
    deadline: Option<Instant>,
}

/// A caller that may go on.
struct Released {
    thread: ThreadId,
    /// Its call has returned, but it has not called again.
    has_returned: bool,
}

impl Shared {
    /// Lets go whoever has something to go on with. Returns whether there was anybody.
    fn release(&mut self) -> bool {
        let Self {
            net,
            waiting,
            released,
            has_ended,
        } = self;
        let before = released.len();
        waiting.retain(|one| {
            let is_ready = |&(fd, events): &(_, i16)| net.readiness(fd) & (events | ALWAYS) != 0;
            let is_over = one.deadline.is_some_and(|deadline| deadline <= net.time());
            let goes_on = *has_ended || is_over || one.want.files.iter().any(is_ready);
            if goes_on {
                released.push(Released {
                    thread: one.thread,
                    has_returned: false,
                });
            }
            !goes_on
        });
        released.len() > before
    }

    /// When something happens by itself: a timer of the stack's, or the end of a caller's patience.
    fn next_timer(&self) -> Option<Instant> {
        let deadlines = self.waiting.iter().filter_map(|one| one.deadline);
        deadlines.chain(self.net.next_timer()).min()
    }
}

impl Hook {
    pub(crate) fn new(flags: &Flags) -> Self {
        Self {
            shared: Mutex::new(Shared {
                net: Net::new(flags),
                waiting: Vec::new(),
                released: Vec::new(),
                has_ended: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// The lock; after a panic under it everything has ended.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poison| {
            let mut shared = PoisonError::into_inner(poison);
            shared.has_ended = true;
            shared
        })
    }

    /// The beginning of every call: the thread is back.
    fn enter(&self) -> Result<MutexGuard<'_, Shared>, Errno> {
        let mut shared = self.lock();
        let me = thread::current().id();
        let before = shared.released.len();
        shared.released.retain(|one| one.thread != me);
        if shared.released.len() < before {
            self.changed.notify_all();
        }
        if shared.has_ended {
            return Err(Errno(libc::EBADF));
        }
        shared.net.refresh();
        Ok(shared)
    }

    /// Lets go whoever can go on.
    fn release(&self, shared: &mut Shared) {
        if shared.release() {
            self.changed.notify_all();
        }
    }

    /// A call that never blocks.
    pub(crate) fn call<R>(&self, f: impl FnOnce(&mut Net) -> Result<R, Errno>) -> Result<R, Errno> {
        let mut shared = self.enter()?;
        let answer = f(&mut shared.net);
        shared.net.settle();
        self.release(&mut shared);
        answer
    }

    /// A call that may block, at most for `patience` of virtual time: asked again until it has an answer. It is told whether
    /// its patience is over.
    pub(crate) fn blocking<R>(
        &self,
        patience: Option<Duration>,
        mut ask: impl FnMut(&mut Net, bool) -> Answer<R>,
    ) -> Result<R, Errno> {
        let me = thread::current().id();
        let mut shared = self.enter()?;
        let deadline = patience.map(|patience| shared.net.time() + patience);
        loop {
            let is_over = deadline.is_some_and(|deadline| deadline <= shared.net.time());
            let answer = ask(&mut shared.net, is_over);
            shared.net.settle();
            self.release(&mut shared);
            let want = match answer {
                Err(Stop::Wait(want)) => want,
                Ok(answer) => {
                    self.leave(&mut shared, me);
                    return Ok(answer);
                }
                Err(Stop::Errno(error)) => {
                    self.leave(&mut shared, me);
                    return Err(error);
                }
            };
            shared.released.retain(|one| one.thread != me);
            shared.waiting.push(Waiting {
                thread: me,
                want,
                deadline,
            });
            self.changed.notify_all();
            shared = self.until(shared, |shared| shared.released.iter().any(|one| one.thread == me));
            if shared.has_ended {
                self.leave(&mut shared, me);
                return Err(Errno(libc::EBADF));
            }
        }
    }

    /// A caller that had been released has its answer.
    fn leave(&self, shared: &mut Shared, me: ThreadId) {
        for one in shared.released.iter_mut().filter(|one| one.thread == me) {
            one.has_returned = true;
        }
        self.changed.notify_all();
    }

    /// Waits for a change that makes `done` true.
    fn until<'a>(&self, shared: MutexGuard<'a, Shared>, done: impl Fn(&Shared) -> bool) -> MutexGuard<'a, Shared> {
        self.changed
            .wait_while(shared, |shared| !done(shared))
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every released caller has taken its turn.
    fn quiesce<'a>(&'a self, shared: MutexGuard<'a, Shared>) -> MutexGuard<'a, Shared> {
        let shared = self.until(shared, |shared| shared.released.iter().all(|one| one.has_returned));
        let (mut shared, _) = self
            .changed
            .wait_timeout_while(shared, GRACE, |shared| !shared.released.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        shared.released.retain(|one| !one.has_returned);
        if shared.released.is_empty() {
            shared
        } else {
            // Meanwhile another was released.
            self.quiesce(shared)
        }
    }

    /// `usleep`: what is due until then happens in its order, each thing at its time.
    pub(crate) fn sleep(&self, span: Duration) -> Result<(), Errno> {
        let shared = self.enter()?;
        let target = shared.net.time() + span;
        let mut shared = self.quiesce(shared);
        while let Some(next) = shared.next_timer().filter(|next| *next <= target) {
            shared = self.step(shared, next);
        }
        shared.net.idle_to(target);
        Ok(())
    }

    /// `netdev_receive`: the oldest packet that waits, or else the first that time brings; `None` when nothing more will
    /// come by itself.
    pub(crate) fn fetch(&self) -> Result<Option<(Instant, Vec<u8>)>, Errno> {
        let shared = self.enter()?;
        let mut shared = self.quiesce(shared);
        loop {
            if let Some(packet) = shared.net.fetch_packet() {
                return Ok(Some(packet));
            }
            let Some(next) = shared.next_timer() else {
                return Ok(None);
            };
            shared = self.step(shared, next);
        }
    }

    /// Time goes on to a timer, and everybody whom that concerns takes a turn.
    fn step<'a>(&'a self, mut shared: MutexGuard<'a, Shared>, next: Instant) -> MutexGuard<'a, Shared> {
        shared.net.run_to(next);
        self.release(&mut shared);
        self.quiesce(shared)
    }

    /// `free`: whoever still waits is told that there is nothing to wait for.
    pub(crate) fn end(&self) {
        let mut shared = self.lock();
        shared.has_ended = true;
        self.release(&mut shared);
        self.changed.notify_all();
    }
}
