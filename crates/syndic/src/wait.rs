//! Waiting for what any number of tasks may wait for.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use stack::Now;

use crate::calls::Calls;
use crate::shard::Handle;
use crate::wakers::{Queue, Ticket};

/// The ticket of `poll_` functions: their last caller is the one that waits.
pub(crate) const LAST_CALLER: Ticket = Ticket(0);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A place in a queue of each of these shards, given up when it is dropped.
pub(crate) struct Wait<'a> {
    shards: &'a [Handle<dyn Calls>],
    queue: Queue,
    ticket: Ticket,
    is_waiting: bool,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(shards: &'a [Handle<dyn Calls>], queue: Queue) -> Self {
        Self {
            shards,
            queue,
            ticket: Ticket(NEXT.fetch_add(1, Ordering::Relaxed)),
            is_waiting: false,
        }
    }

    /// Asks the shards, from number `first` on, until one has an answer, and says which.
    ///
    /// Errors: the network has stopped.
    pub(crate) async fn until<R>(
        &mut self,
        first: usize,
        mut ask: impl FnMut(Now, &mut dyn Calls) -> Poll<R>,
    ) -> io::Result<(usize, R)> {
        poll_fn(|cx| {
            let answer = poll_queues(self.shards, first, cx, self.queue, self.ticket, &mut ask);
            // Whoever is woken has no place left, but in the queues of other shards.
            self.is_waiting = answer.is_pending() || self.is_waiting && self.shards.len() > 1;
            answer
        })
        .await
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.is_waiting {
            leave(self.shards, self.queue, self.ticket);
        }
    }
}

/// Gives up a place in each queue.
pub(crate) fn leave(shards: &[Handle<dyn Calls>], queue: Queue, ticket: Ticket) {
    for shard in shards {
        // A network that has stopped has nobody waiting.
        let _ = shard.call(|_, _, wakers| wakers.leave(queue, ticket));
    }
}

/// Asks each shard once, from number `first` on, and waits in the queue of each that has no answer. The first answer counts.
pub(crate) fn poll_queues<R>(
    shards: &[Handle<dyn Calls>],
    first: usize,
    cx: &mut Context<'_>,
    queue: Queue,
    ticket: Ticket,
    mut ask: impl FnMut(Now, &mut dyn Calls) -> Poll<R>,
) -> Poll<io::Result<(usize, R)>> {
    let (before, from) = shards.split_at(first % shards.len().max(1));
    let numbers = (before.len()..shards.len()).chain(0..before.len());
    for (number, shard) in numbers.zip(from.iter().chain(before)) {
        if let Poll::Ready(answer) = poll_queue(shard, cx, queue, ticket, &mut ask) {
            return Poll::Ready(answer.map(|answer| (number, answer)));
        }
    }
    Poll::Pending
}

/// Asks once, and waits in the queue while there is no answer: both under one lock.
fn poll_queue<R>(
    net: &Handle<dyn Calls>,
    cx: &mut Context<'_>,
    queue: Queue,
    ticket: Ticket,
    mut ask: impl FnMut(Now, &mut dyn Calls) -> Poll<R>,
) -> Poll<io::Result<R>> {
    let asked = net.call(|now, stack, wakers| {
        let answer = ask(now, stack);
        if answer.is_pending() {
            wakers.queue(queue, ticket, cx.waker());
        }
        answer
    });
    match asked {
        Ok(answer) => answer.map(Ok),
        Err(error) => Poll::Ready(Err(error)),
    }
}
