//! A stack, who waits for it, and the lock around both: all of a net, or one of its shards.
//!
//! The lock is never held across an await, and wakers run after it. Whoever changed something under it leaves by
//! [`Shard::settle`], which turns events into wakes and rings the driver if there is something to send, or a timer runs
//! out earlier than the driver means to come back. The driver says where it can be rung under the same lock.

use std::io;
use std::sync::{Arc, PoisonError, Weak};
use std::task::Waker;

use stack::{Duration, Instant, Now};

use crate::calls::Calls;
use crate::clock::Clock;
use crate::crew::{Crew, Member};
use crate::error::Stopped;
use crate::sync::{Mutex, MutexGuard};
use crate::wakers::{Rung, Wakers};

/// What the driver and all sockets of a shard share.
pub(crate) struct Shared<S: ?Sized> {
    pub(crate) clock: Clock,
    pub(crate) crew: Arc<Crew>,
    shard: Mutex<Shard<S>>,
}

/// What is behind the lock.
pub(crate) struct Shard<S: ?Sized> {
    pub(crate) wakers: Wakers,
    /// Where the driver can be rung; `None` while it has been rung already and has not come yet.
    driver: Option<Waker>,
    /// When the driver comes back by itself.
    deadline: Option<Instant>,
    /// The link could take no more: the driver waits for it, and need not be told of more to send.
    is_full: bool,
    stopped: Option<Stopped>,
    /// The time of day, and when it was asked for.
    wall: Option<(Instant, u64)>,
    pub(crate) stack: S,
}

/// How old the time of day may be. It tells epochs of 64 s apart, whose ends may differ by seconds between machines; asking
/// for it costs as much as a small call.
const WALL_AGE: Duration = Duration::from_millis(100);

/// The shards of a net, one around each stack.
pub(crate) fn crew<S: Calls + 'static>(clock: Clock, stacks: Vec<S>) -> Vec<Arc<Shared<S>>> {
    let crew = Crew::new(stacks.len());
    let shared = |stack| Arc::new(Shared::new(clock, crew.clone(), stack));
    let shards: Vec<_> = stacks.into_iter().map(shared).collect();
    let member = |shard: &Arc<Shared<S>>| -> Weak<dyn Member> { Arc::<Shared<S>>::downgrade(shard) };
    crew.join(shards.iter().map(member).collect());
    shards
}

impl<S> Shared<S> {
    fn new(clock: Clock, crew: Arc<Crew>, stack: S) -> Self {
        let shard = Shard {
            wakers: Wakers::default(),
            driver: None,
            deadline: None,
            is_full: false,
            stopped: None,
            wall: None,
            stack,
        };
        Self {
            clock,
            crew,
            shard: Mutex::new(shard),
        }
    }
}

impl<S: ?Sized> Shared<S> {
    /// After a panic under the lock nobody can say what the stack holds: from then on it has stopped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shard<S>> {
        self.shard.lock().unwrap_or_else(|poison| {
            let mut shard = PoisonError::into_inner(poison);
            shard.stopped.get_or_insert(Stopped::Panicked);
            shard
        })
    }

    /// Ends this and all other shards of the net: from now on every call answers `why`. The first reason stands.
    pub(crate) fn stop(&self, why: &Stopped) {
        self.crew.end(why);
    }
}

impl<S: Send + ?Sized> Member for Shared<S> {
    fn end(&self, why: Stopped) {
        let mut shard = self.lock();
        shard.stopped.get_or_insert(why);
        let driver = shard.driver.take();
        shard.wakers.on_stopped();
        let rung = shard.wakers.take();
        drop(shard);
        rung.wake();
        driver.into_iter().for_each(Waker::wake);
    }

    fn ring(&self) {
        let driver = self.lock().driver.take();
        driver.into_iter().for_each(Waker::wake);
    }
}

impl<S: Calls + ?Sized> Shard<S> {
    /// The time as the stack is told it.
    pub(crate) fn now(&mut self, clock: &Clock) -> Now {
        let mono = clock.instant();
        if let Some((asked, unix_s)) = self.wall
            && mono.since(asked) < WALL_AGE
        {
            return Now { mono, unix_s };
        }
        let now = clock.now();
        self.wall = Some((now.mono, now.unix_s));
        now
    }

    /// What has to happen after the lock, now that something may have changed.
    fn settle(&mut self) -> Rung {
        self.pump();
        if self.wants_driver()
            && let Some(driver) = self.driver.take()
        {
            self.wakers.ring(driver);
        }
        self.wakers.take()
    }

    fn wants_driver(&self) -> bool {
        (self.stack.has_output() && !self.is_full)
            || self.wakers.awaits_drained()
            || match (self.stack.poll_timeout(), self.deadline) {
                (Some(next), Some(deadline)) => next < deadline,
                (next, None) => next.is_some(),
                (None, Some(_)) => false,
            }
    }

    /// Events become wakes.
    fn pump(&mut self) {
        while let Some(event) = self.stack.poll_event() {
            self.wakers.on_event(event);
        }
    }

    /// The driver has done what there was to do: where to ring it, and what has to happen after the lock.
    pub(crate) fn park(&mut self, driver: &Waker, is_full: bool) -> Rung {
        self.pump();
        self.is_full = is_full;
        self.deadline = self.stack.poll_timeout();
        if !self.driver.as_ref().is_some_and(|present| present.will_wake(driver)) {
            self.driver = Some(driver.clone());
        }
        self.wakers.take()
    }

    /// Whether everything has ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// When the driver has to come back.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// A user's hold on a shard. The drivers of its net go on while there is one, and then until the last connection is gone.
pub(crate) struct Handle<S: Calls + ?Sized>(Arc<Shared<S>>);

impl<S: Calls + ?Sized> Handle<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        shared.crew.hold();
        Self(shared)
    }

    /// Makes a call of the stack.
    ///
    /// Errors: the network has stopped.
    pub(crate) fn call<R>(&self, f: impl FnOnce(Now, &mut S, &mut Wakers) -> R) -> io::Result<R> {
        let alarm = Alarm(&self.0);
        let mut guard = self.0.lock();
        let shard = &mut *guard;
        if let Some(why) = &shard.stopped {
            alarm.disarm();
            return Err(why.clone().into());
        }
        let now = shard.now(&self.0.clock);
        let answer = f(now, &mut shard.stack, &mut shard.wakers);
        let rung = shard.settle();
        drop(guard);
        alarm.disarm();
        rung.wake();
        Ok(answer)
    }

    /// Looks at the stack, stopped or not.
    pub(crate) fn look<R>(&self, f: impl FnOnce(Now, &mut S) -> R) -> R {
        f(self.0.clock.now(), &mut self.0.lock().stack)
    }

    pub(crate) fn stopped(&self) -> Option<Stopped> {
        self.0.lock().stopped.clone()
    }
}

impl<S: Calls + 'static> Handle<S> {
    /// The same hold without the type of the stack, for a socket.
    pub(crate) fn erase(&self) -> Handle<dyn Calls> {
        Handle::new(self.0.clone())
    }
}

impl<S: Calls + ?Sized> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<S: Calls + ?Sized> Drop for Handle<S> {
    fn drop(&mut self) {
        self.0.crew.let_go();
    }
}

/// Stops everything if a call panics: dropped after the lock's guard, it wakes whoever waits.
struct Alarm<'a, S: ?Sized>(&'a Shared<S>);

impl<S: ?Sized> Alarm<'_, S> {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<S: ?Sized> Drop for Alarm<'_, S> {
    fn drop(&mut self) {
        self.0.stop(&Stopped::Panicked);
    }
}
