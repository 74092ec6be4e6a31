//! The task that moves a stack: packets in, timers, packets out, wakes; then it waits.
//!
//! ```text
//!   link readable ----.
//!   link writable ----+--> turn: receive a batch | lock | packets, timers, transmit, events | unlock | wake
//!   timer ------------+                                                                       |
//!   rung by a socket -'    <------------------ wait, or at once again ------------------------'
//! ```
//!
//! Each turn is one poll of the task. A turn that found work asks for another, behind the tasks that it woke: what they
//! answer leaves in one batch.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use stack::io::Offload;
use stack::{Batch, Budget, Full, Instant, Observer, Sink, Stack};
use tokio::time::Sleep;

use crate::calls::Calls;
use crate::error::Stopped;
use crate::link::{Link, NotSent};
use crate::shard::Shared;

/// Packets taken in before any is sent.
const BATCH: usize = 64;

/// The task's state.
pub(crate) struct Driver<O: Observer + Send, L> {
    shared: Arc<Shared<Stack<O>>>,
    link: L,
    batch: Batch,
    sleep: Pin<Box<Sleep>>,
    /// What `sleep` is set to, unless it has run out.
    armed: Option<Instant>,
}

enum Turn {
    /// There is more to do.
    Again,
    /// Somebody will wake the task.
    Wait,
    /// Nobody is left to work for.
    Over,
}

impl<O: Observer + Send, L: Link> Driver<O, L> {
    /// Made in the runtime that will run it.
    pub(crate) fn new(shared: Arc<Shared<Stack<O>>>, link: L) -> Self {
        Self {
            shared,
            link,
            batch: Batch::new(),
            sleep: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
            armed: None,
        }
    }

    /// Drives until the link fails, or until all handles and all connections are gone.
    pub(crate) async fn run(mut self) {
        let ended = poll_fn(|cx| match self.turn(cx) {
            Ok(Turn::Again) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(Turn::Wait) => Poll::Pending,
            Ok(Turn::Over) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        })
        .await;
        if let Err(error) = ended {
            self.shared.stop(Stopped::Link(Arc::new(error)));
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> io::Result<Turn> {
        let clock = self.shared.clock;
        let received = match self.link.poll_receive(cx, &clock, &mut self.batch, BATCH) {
            Poll::Ready(received) => {
                received?;
                true
            }
            Poll::Pending => false,
        };
        let mut outlet = Outlet {
            link: &mut self.link,
            state: OutletState::Open,
        };

        let mut guard = self.shared.lock();
        let shard = &mut *guard;
        if shard.is_stopped() {
            return Ok(Turn::Over);
        }
        let now = clock.now();
        if !self.batch.is_empty() {
            shard.stack.handle_packets(now, &mut self.batch);
        }
        if shard.stack.poll_timeout().is_some_and(|due| due <= now.mono) {
            shard.stack.handle_timeout(now);
        }
        let more = shard.stack.poll_transmit(now, Budget::default(), &mut outlet);
        let asked = shard.wakers.awaits_drained();
        let orphaned = self.shared.is_orphaned();
        let drained = (asked || orphaned) && !shard.stack.has_connections();
        if drained {
            shard.wakers.on_drained();
        }
        let is_full = matches!(outlet.state, OutletState::Full);
        let rung = shard.park(cx.waker(), is_full);
        let deadline = shard.deadline();
        let state = outlet.state;
        drop(guard);
        rung.wake();

        let state = match self.link.flush() {
            Err(NotSent::Full) if matches!(state, OutletState::Open) => OutletState::Full,
            Err(NotSent::Failed(error)) => OutletState::Failed(error),
            _ => state,
        };
        let again = match state {
            OutletState::Open => more,
            OutletState::Full => self.link.poll_send_ready(cx)?.is_ready(),
            OutletState::Failed(error) => return Err(error),
        };
        if drained && orphaned && !again {
            return Ok(Turn::Over);
        }
        if received || again || self.poll_deadline(cx, deadline).is_ready() {
            return Ok(Turn::Again);
        }
        Ok(Turn::Wait)
    }

    /// Ready once `deadline` has come. A deadline that moves later, as they mostly do, leaves the timer alone: it goes off
    /// early once and is set anew.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        loop {
            if self.armed.is_none_or(|armed| deadline < armed) {
                self.sleep.as_mut().reset(self.shared.clock.to_tokio(deadline));
                self.armed = Some(deadline);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
            if self.shared.clock.instant() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

impl<O: Observer + Send, L> Drop for Driver<O, L> {
    /// However the task ended: nobody is left waiting.
    fn drop(&mut self) {
        self.shared.stop(Stopped::Driver);
    }
}

/// The link as the stack sees it.
struct Outlet<'a, L> {
    link: &'a mut L,
    state: OutletState,
}

enum OutletState {
    Open,
    Full,
    Failed(io::Error),
}

impl<L: Link> Sink for Outlet<'_, L> {
    fn send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), Full> {
        if !matches!(self.state, OutletState::Open) {
            return Err(Full);
        }
        self.state = match self.link.try_send(head, payload, offload) {
            Ok(()) => return Ok(()),
            Err(NotSent::Full) => OutletState::Full,
            Err(NotSent::Failed(error)) => OutletState::Failed(error),
        };
        Err(Full)
    }
}
