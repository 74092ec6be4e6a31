//! The task that moves a stack: packets in, timers, packets out, wakes; then it waits.
//!
//! ```text
//!   link readable ----.
//!   link writable ----+--> turn: receive a batch | lock | transmit, packets, timers, events | unlock | wake
//!   ring not empty ---+                                 |                                     |
//!   timer ------------+                                 '-> other shards' rings               |
//!   rung by a socket -'    <------------------ wait, or at once again ------------------------'
//! ```
//!
//! Each turn is one poll of the task. A turn that found work asks for another, behind the tasks that it woke: what they
//! answer leaves in one batch, and carries the acknowledgments that would have been segments of their own before it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use stack::io::Offload;
use stack::{Batch, Budget, Full, Instant, Now, Observer, Sink, Stack};
use tokio::time::Sleep;

use crate::calls::Calls;
use crate::error::Stopped;
use crate::link::{Link, NotSent};
use crate::ring::Ring;
use crate::shard::Shared;

/// Packets taken in before any is sent: of the link, and as many of the ring.
const BATCH: usize = 64;

/// The task's state.
pub(crate) struct Driver<O: Observer + Send, L> {
    shared: Arc<Shared<Stack<O>>>,
    link: L,
    batch: Batch,
    sleep: Pin<Box<Sleep>>,
    /// What `sleep` is set to, unless it has run out.
    armed: Option<Instant>,
    /// The ways to other shards, and from them; `None` where there are no others.
    crossing: Option<Crossing>,
    /// The crew knows that this shard is done.
    is_finished: bool,
}

/// How a shard gets packets from others, and gives them theirs.
pub(crate) struct Crossing {
    /// The ring that each shard reads.
    rings: Arc<[Ring]>,
    /// Whose ours is.
    index: usize,
    /// Out of our ring; empty between turns.
    strays: Batch,
    /// Who reads rings that were filled in this turn; empty between turns.
    readers: Vec<Waker>,
}

impl Crossing {
    /// For each of so many shards.
    pub(crate) fn all(shards: usize) -> Vec<Option<Self>> {
        if shards == 1 {
            return vec![None];
        }
        let rings: Arc<[Ring]> = (0..shards).map(|_| Ring::default()).collect();
        let crossing = |index| Self {
            rings: rings.clone(),
            index,
            strays: Batch::new(),
            readers: Vec::new(),
        };
        (0..shards).map(|index| Some(crossing(index))).collect()
    }

    /// Takes what others found for us. Returns whether there was anything.
    fn receive(&mut self, cx: &mut Context<'_>) -> bool {
        self.rings[self.index].poll_take(cx, &mut self.strays, BATCH).is_ready()
    }

    /// Takes it in, and hands on what is another's. The stack is locked, and no reader is woken before it is not.
    fn exchange<O: Observer>(&mut self, now: Now, stack: &mut Stack<O>) {
        stack.handle_strays(now, &mut self.strays);
        stack.poll_strays(now, |shard, packets| {
            self.readers.extend(self.rings[shard].push(packets))
        });
    }

    fn wake(&mut self) {
        self.readers.drain(..).for_each(Waker::wake);
    }
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
    pub(crate) fn new(shared: Arc<Shared<Stack<O>>>, link: L, crossing: Option<Crossing>) -> Self {
        Self {
            shared,
            link,
            batch: Batch::new(),
            sleep: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
            armed: None,
            crossing,
            is_finished: false,
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
            self.shared.stop(&Stopped::Link(Arc::new(error)));
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
        let received = self.crossing.as_mut().is_some_and(|crossing| crossing.receive(cx)) || received;
        let mut outlet = Outlet {
            link: &mut self.link,
            state: OutletState::Open,
        };

        let mut guard = self.shared.lock();
        let shard = &mut *guard;
        if shard.is_stopped() {
            return Ok(Turn::Over);
        }
        let now = shard.now(&clock);
        // What the last turn took in is answered here, and by those whom it woke.
        shard.stack.poll_transmit(now, Budget::default(), &mut outlet);
        let is_full = matches!(outlet.state, OutletState::Full);
        if !self.batch.is_empty() {
            shard.stack.handle_packets(now, &mut self.batch);
        }
        if let Some(crossing) = &mut self.crossing {
            crossing.exchange(now, &mut shard.stack);
        }
        if shard.stack.poll_timeout().is_some_and(|due| due <= now.mono) {
            shard.stack.handle_timeout(now);
        }
        let more = shard.stack.has_output();
        let asked = shard.wakers.awaits_drained();
        let orphaned = self.shared.crew.is_orphaned();
        let drained = (asked || orphaned) && !shard.stack.has_connections() && (is_full || !more);
        if drained {
            shard.wakers.on_drained();
        }
        let rung = shard.park(cx.waker(), is_full);
        let deadline = shard.deadline();
        let state = outlet.state;
        drop(guard);
        rung.wake();
        if let Some(crossing) = &mut self.crossing {
            crossing.wake();
        }

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
        if drained && orphaned && !again && self.is_over() {
            return Ok(Turn::Over);
        }
        if received || again || self.poll_deadline(cx, deadline).is_ready() {
            return Ok(Turn::Again);
        }
        Ok(Turn::Wait)
    }

    /// This shard has nothing left to do: whether that is so of all. If not, the last of them rings: this one has said where it
    /// can be rung.
    fn is_over(&mut self) -> bool {
        let crew = &self.shared.crew;
        if !std::mem::replace(&mut self.is_finished, true) {
            crew.finish();
        }
        crew.is_finished()
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
        let why = match std::thread::panicking() {
            true => Stopped::Panicked,
            false => Stopped::Driver,
        };
        self.shared.stop(&why);
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
