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

/// A place in a queue, given up when it is dropped.
pub(crate) struct Wait {
    net: Handle<dyn Calls>,
    queue: Queue,
    ticket: Ticket,
    is_waiting: bool,
}

impl Wait {
    pub(crate) fn new(net: Handle<dyn Calls>, queue: Queue) -> Self {
        Self {
            net,
            queue,
            ticket: Ticket(NEXT.fetch_add(1, Ordering::Relaxed)),
            is_waiting: false,
        }
    }

    /// Asks until there is an answer.
    ///
    /// Errors: the network has stopped.
    pub(crate) async fn until<R>(&mut self, mut ask: impl FnMut(Now, &mut dyn Calls) -> Poll<R>) -> io::Result<R> {
        poll_fn(|cx| {
            let answer = poll_queue(&self.net, cx, self.queue, self.ticket, &mut ask);
            self.is_waiting = answer.is_pending();
            answer
        })
        .await
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if self.is_waiting {
            // A network that has stopped has nobody waiting.
            let _ = self.net.call(|_, _, wakers| wakers.leave(self.queue, self.ticket));
        }
    }
}

/// Asks once, and waits in the queue while there is no answer: both under one lock.
pub(crate) fn poll_queue<R>(
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
