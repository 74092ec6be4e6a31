//! One link for several shards: the first reads and hands out, all write.
//!
//! For links that have one queue: a device made with a single one, a link in memory, a wrapper that emulates a bad path. What
//! is another shard's crosses its ring, as it does when a queue brings what is another's. Queues of their own are better: here
//! shards wait for one another whenever they send.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use stack::Batch;
use stack::io::Offload;

use super::{Abilities, Link, NotSent};
use crate::clock::Clock;

/// Packets that are read under one lock: so long at the most others wait who would send.
const READ_MAX: usize = 16;

/// So many parts of a link, one for each shard of a net. The link is dropped with the last of them.
pub fn share<L: Link>(link: L, parts: NonZeroUsize) -> Vec<Part<L>> {
    let common = Arc::new(Common {
        abilities: link.abilities(),
        link: Mutex::new(link),
        waiting: Arc::default(),
    });
    let part = |number| Part {
        common: common.clone(),
        reads: number == 0,
    };
    (0..parts.get()).map(part).collect()
}

/// A part of a link that is shared.
pub struct Part<L> {
    common: Arc<Common<L>>,
    reads: bool,
}

struct Common<L> {
    abilities: Abilities,
    link: Mutex<L>,
    waiting: Arc<Waiting>,
}

/// Who waits until the link can take more. The link knows one waker, which is all of theirs.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    fn add(&self, waker: &Waker) {
        let mut waiting = lock(&self.0);
        if !waiting.iter().any(|present| present.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut *lock(&self.0));
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<L> Common<L> {
    fn link(&self) -> MutexGuard<'_, L> {
        lock(&self.link)
    }
}

/// A link that panicked ends its driver, and with it all of the net: nobody asks it again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<L: Link> Link for Part<L> {
    fn abilities(&self) -> Abilities {
        self.common.abilities
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>> {
        if !self.reads {
            // Nothing ever comes here but through the ring, and the end of the link through whoever reads.
            return Poll::Pending;
        }
        self.common.link().poll_receive(cx, clock, batch, max.min(READ_MAX))
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
        self.common.link().try_send(head, payload, offload)
    }

    fn flush(&mut self) -> Result<(), NotSent> {
        self.common.link().flush()
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waiting = &self.common.waiting;
        // First, or the link might wake nobody in between.
        waiting.add(cx.waker());
        let all = Waker::from(waiting.clone());
        let ready = self.common.link().poll_send_ready(&mut Context::from_waker(&all));
        if ready.is_ready() {
            // The link has forgotten who waited, if anybody did.
            all.wake();
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ::link::memory::{self, MemoryOptions};

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn receive(link: &mut impl Link) -> Poll<usize> {
        let mut batch = Batch::new();
        let mut cx = Context::from_waker(Waker::noop());
        match link.poll_receive(&mut cx, &Clock::start(), &mut batch, 64) {
            Poll::Ready(received) => received.map(|()| Poll::Ready(batch.len())).unwrap(),
            Poll::Pending => Poll::Pending,
        }
    }

    #[test]
    fn one_part_reads_and_all_write() {
        let (near, mut far) = memory::pair(MemoryOptions::default());
        let mut parts = share(near, NonZeroUsize::new(3).unwrap());
        for part in &mut parts {
            part.try_send(&[0x45], &[], Offload::default()).unwrap();
        }
        assert_eq!(receive(&mut far), Poll::Ready(3));
        far.try_send(&[0x45], &[], Offload::default()).unwrap();
        assert_eq!(receive(&mut parts[1]), Poll::Pending);
        assert_eq!(receive(&mut parts[0]), Poll::Ready(1));
    }

    #[test]
    fn all_who_wait_for_room_are_woken() {
        let options = MemoryOptions {
            capacity: 1,
            ..MemoryOptions::default()
        };
        let (near, mut far) = memory::pair(options);
        let mut parts = share(near, NonZeroUsize::new(2).unwrap());
        parts[0].try_send(&[0x45], &[], Offload::default()).unwrap();
        let bells = [Arc::new(Bell::default()), Arc::new(Bell::default())];
        for (part, bell) in parts.iter_mut().zip(&bells) {
            let full = part.try_send(&[0x45], &[], Offload::default());
            assert!(matches!(full, Err(NotSent::Full)));
            let waker = Waker::from(bell.clone());
            assert!(part.poll_send_ready(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(receive(&mut far), Poll::Ready(1));
        for bell in bells {
            assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        }
        let mut cx = Context::from_waker(Waker::noop());
        assert!(parts[1].poll_send_ready(&mut cx).is_ready());
    }
}
