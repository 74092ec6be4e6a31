//! No wake is lost, whatever the order: the code of `shard`, `crew`, `ring` and `wakers` itself under loom, which tries every
//! order in which threads can take the lock.
//!
//! A task that nobody wakes makes loom report a deadlock. The stack is the real one; its peer is another, and only the
//! clock stands still. Read first: `src/wakers.rs` for the rule, `src/driver.rs` for the turn that `turn` stands for.
#![allow(
    dead_code,
    reason = "the modules are those of the library, and the model uses a part of them"
)]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use loom::future::block_on;
use loom::thread::{Builder, JoinHandle};
use stack::io::{Checksum, Offload};
use stack::{
    Batch, Budget, Config, ConnectOptions, ConnectionId, ConnectionOptions, Full, ListenOptions, ListenerId, Now,
    Packet, Received, Secrets, Sink, Stack,
};

use crate::error::Stopped;
use crate::ring::Ring;
use crate::shard::{Handle, Shared};
use crate::wait::Wait;
use crate::wakers::{Queue, Side, Ticket};

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

/// Time stands still.
mod clock {
    #[derive(Clone, Copy)]
    pub(crate) struct Clock;

    impl Clock {
        pub(crate) fn now(&self) -> stack::Now {
            stack::Now::default()
        }

        pub(crate) fn instant(&self) -> stack::Instant {
            stack::Instant::ZERO
        }
    }
}

#[path = "../src/calls.rs"]
mod calls;
#[path = "../src/crew.rs"]
mod crew;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/ring.rs"]
mod ring;
#[path = "../src/shard.rs"]
mod shard;
#[path = "../src/wait.rs"]
mod wait;
#[path = "../src/wakers.rs"]
mod wakers;

/// Packets on their way from one stack to the other.
#[derive(Default)]
struct Cable(Batch);

impl Sink for Cable {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        let mut bytes = BytesMut::from(head);
        payload.iter().for_each(|slice| bytes.extend_from_slice(slice));
        self.0.push(Packet {
            bytes,
            arrived: Now::default().mono,
            checksum: Checksum::Trusted,
        });
        Ok(())
    }
}

fn stack(host: u8) -> Stack {
    let config = Config {
        addresses: vec![[10, 0, 0, host].into()],
        connection: ConnectionOptions {
            send_buffer: 10.into(),
            no_delay: true,
            ..ConnectionOptions::default()
        },
        ..Config::default()
    };
    let secrets = Secrets {
        master: [host; 32],
        public: 1,
    };
    Stack::new(config, secrets, ())
}

/// What a stack has to send.
fn output(from: &mut Stack) -> Cable {
    let mut cable = Cable::default();
    from.poll_transmit(Now::default(), Budget::default(), &mut cable);
    cable
}

fn carry(from: &mut Stack, to: &mut Stack) {
    to.handle_packets(Now::default(), &mut output(from).0);
}

fn dial(peer: &mut Stack) -> ConnectionId {
    let options = ConnectOptions {
        remote: ([10, 0, 0, 1], 80).into(),
        local: None,
        connection: None,
    };
    peer.connect(Now::default(), options).unwrap()
}

fn listening() -> (Stack, ListenerId) {
    let mut ours = stack(1);
    let id = ours.listen(ListenOptions::new(([10, 0, 0, 1], 80).into())).unwrap();
    (ours, id)
}

/// Both ends of an open connection: ours, and the peer's.
fn connected() -> (Stack, ConnectionId, Stack, ConnectionId) {
    let ((mut ours, listener), mut theirs) = (listening(), stack(2));
    let their_id = dial(&mut theirs);
    carry(&mut theirs, &mut ours);
    carry(&mut ours, &mut theirs);
    carry(&mut theirs, &mut ours);
    let accepted = ours.accept(Now::default(), listener).unwrap().unwrap();
    while ours.poll_event().is_some() || theirs.poll_event().is_some() {}
    let options = ConnectionOptions {
        send_buffer: 10.into(),
        ..ours.options(accepted.id).unwrap()
    };
    ours.set_options(Now::default(), accepted.id, options).unwrap();
    (ours, accepted.id, theirs, their_id)
}

type Net = Arc<Shared<Stack>>;

fn net(stack: Stack) -> Net {
    shard::crew(clock::Clock, vec![stack]).remove(0)
}

fn nets(stacks: [Stack; 2]) -> [Net; 2] {
    shard::crew(clock::Clock, stacks.into()).try_into().ok().unwrap()
}

/// One turn of the driver: packets out, packets in, events.
fn turn(net: &Net, batch: &mut Batch, waker: &Waker) -> usize {
    let mut cable = Cable::default();
    let mut shard = net.lock();
    shard
        .stack
        .poll_transmit(net.clock.now(), Budget::default(), &mut cable);
    shard.stack.handle_packets(net.clock.now(), batch);
    let rung = shard.park(waker, false);
    drop(shard);
    rung.wake();
    cable.0.len()
}

/// Reads, as a stream does: asks, and waits under the same lock.
async fn read(handle: &Handle<Stack>, id: ConnectionId) -> std::io::Result<Received> {
    poll_fn(|cx| {
        let answer = handle.call(|now, stack, wakers| match stack.receive(now, id, 100) {
            Ok(Received::Nothing) => {
                wakers.wait(id, Side::Read, cx.waker());
                Poll::Pending
            }
            other => Poll::Ready(other.map_err(error::receive)),
        });
        match answer {
            Ok(answer) => answer,
            Err(stopped) => Poll::Ready(Err(stopped)),
        }
    })
    .await
}

async fn write(handle: &Handle<Stack>, id: ConnectionId, data: &mut Bytes) {
    poll_fn(|cx| {
        handle
            .call(|now, stack, wakers| {
                stack.send(now, id, data).unwrap();
                if data.is_empty() {
                    return Poll::Ready(());
                }
                wakers.wait(id, Side::Write, cx.waker());
                Poll::Pending
            })
            .unwrap()
    })
    .await;
}

async fn accept(handle: &Handle<Stack>, id: ListenerId, ticket: u64) {
    poll_fn(|cx| {
        handle
            .call(|now, stack, wakers| match stack.accept(now, id).unwrap() {
                Some(_) => Poll::Ready(()),
                None => {
                    wakers.queue(Queue::Accept(id), Ticket(ticket), cx.waker());
                    Poll::Pending
                }
            })
            .unwrap()
    })
    .await;
}

/// What a thread's stack takes: loom's own is too small for ours. Units: words.
const STACK_WORDS: usize = 1 << 16;

fn spawn<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    Builder::new().stack_size(STACK_WORDS).spawn(f).unwrap()
}

/// Every order with at most three switches that nothing forced.
fn model(f: fn()) {
    model_within(3, f);
}

/// Every order with at most so many.
fn model_within(switches: usize, f: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(move || spawn(f).join().unwrap());
}

#[test]
fn a_reader_is_woken_by_what_arrives() {
    model(|| {
        let (ours, id, mut theirs, their_id) = connected();
        theirs
            .send(Now::default(), their_id, &mut Bytes::from_static(b"hello"))
            .unwrap();
        let mut data = output(&mut theirs).0;
        let net = net(ours);
        let handle = Handle::new(net.clone());
        let driver = spawn(move || turn(&net, &mut data, Waker::noop()));
        let received = block_on(read(&handle, id)).unwrap();
        assert_eq!(received, Received::Data(Bytes::from_static(b"hello")));
        driver.join().unwrap();
    });
}

#[test]
fn a_writer_is_woken_by_room() {
    model(|| {
        let (mut ours, id, mut theirs, _) = connected();
        ours.send(Now::default(), id, &mut Bytes::from_static(b"0123456789"))
            .unwrap();
        carry(&mut ours, &mut theirs);
        let mut acks = output(&mut theirs).0;
        assert_eq!(acks.len(), 1);
        let net = net(ours);
        let handle = Handle::new(net.clone());
        let driver = spawn(move || turn(&net, &mut acks, Waker::noop()));
        block_on(write(&handle, id, &mut Bytes::from_static(b"more")));
        driver.join().unwrap();
    });
}

#[test]
fn the_driver_is_rung_for_what_a_socket_sends() {
    model(|| {
        let (ours, id, ..) = connected();
        let net = net(ours);
        let handle = Handle::new(net.clone());
        let writer = spawn(move || {
            let sent = handle.call(|now, stack, _| stack.send(now, id, &mut Bytes::from_static(b"hello")));
            assert_eq!(sent.unwrap().unwrap(), 5);
            handle
        });
        block_on(poll_fn(|cx| match turn(&net, &mut Batch::new(), cx.waker()) {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        }));
        drop(writer.join().unwrap());
    });
}

#[test]
fn each_of_two_who_accept_gets_a_connection() {
    model(|| {
        let ((mut ours, listener), mut theirs) = (listening(), stack(2));
        dial(&mut theirs);
        dial(&mut theirs);
        carry(&mut theirs, &mut ours);
        carry(&mut ours, &mut theirs);
        // Two third ACKs, in turns of their own.
        let mut first = output(&mut theirs).0;
        let mut acks = first.drain();
        let (one, two) = (acks.next().unwrap(), acks.next().unwrap());
        drop(acks);
        let net = net(ours);
        let acceptors = [1, 2].map(|ticket| {
            let handle = Handle::new(net.clone());
            spawn(move || block_on(accept(&handle, listener, ticket)))
        });
        for packet in [one, two] {
            let mut batch = Batch::new();
            batch.push(packet);
            turn(&net, &mut batch, Waker::noop());
        }
        for acceptor in acceptors {
            acceptor.join().unwrap();
        }
    });
}

#[test]
fn the_end_wakes_a_reader() {
    model(|| {
        let (ours, id, ..) = connected();
        let net = net(ours);
        let handle = Handle::new(net.clone());
        let driver = spawn(move || net.stop(&Stopped::Driver));
        let error = block_on(read(&handle, id)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NetworkDown);
        driver.join().unwrap();
    });
}

/// The last handle goes while the driver looks whether it is still needed.
#[test]
fn the_driver_learns_that_nobody_is_left() {
    model(|| {
        let net = net(stack(1));
        let handle = Handle::new(net.clone());
        let user = spawn(move || drop(handle));
        block_on(poll_fn(|cx| {
            let mut shard = net.lock();
            let orphaned = net.crew.is_orphaned();
            let rung = shard.park(cx.waker(), false);
            drop(shard);
            rung.wake();
            if orphaned { Poll::Ready(()) } else { Poll::Pending }
        }));
        user.join().unwrap();
    });
}

/// As a driver whose shard is done waits until all are.
fn wait_for_the_end(net: &Net) {
    let mut is_finished = false;
    block_on(poll_fn(|cx| {
        let rung = net.lock().park(cx.waker(), false);
        rung.wake();
        if !std::mem::replace(&mut is_finished, true) {
            net.crew.finish();
        }
        if net.crew.is_finished() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
}

#[test]
fn shards_end_together() {
    model(|| {
        let [one, other] = nets([stack(1), stack(1)]);
        let first = spawn(move || wait_for_the_end(&one));
        wait_for_the_end(&other);
        first.join().unwrap();
    });
}

#[test]
fn what_ends_one_shard_wakes_who_waits_in_another() {
    model(|| {
        let (ours, id, ..) = connected();
        let [one, other] = nets([ours, stack(1)]);
        let handle = Handle::new(one);
        let failing = spawn(move || other.stop(&Stopped::Driver));
        let error = block_on(read(&handle, id)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NetworkDown);
        failing.join().unwrap();
    });
}

/// Packets cross while their reader looks, waits, or is about to.
#[test]
fn what_crosses_wakes_its_reader() {
    model(|| {
        let ring = Arc::new(Ring::default());
        let writer = ring.clone();
        let other = spawn(move || {
            for _ in 0..2 {
                let packet = Packet {
                    bytes: BytesMut::new(),
                    arrived: Now::default().mono,
                    checksum: Checksum::Trusted,
                };
                writer.push(&mut vec![packet]).into_iter().for_each(Waker::wake);
            }
        });
        let mut batch = Batch::new();
        block_on(poll_fn(|cx| {
            while ring.poll_take(cx, &mut batch, 64).is_ready() {}
            if batch.len() == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        other.join().unwrap();
    });
}

/// A listener in two shards, each of which gets a connection, and two who accept. Neither waits in vain.
#[test]
fn each_of_two_who_accept_from_two_shards_gets_a_connection() {
    // With three it takes a minute, and finds nothing either.
    model_within(2, || {
        let open = || {
            let ((mut ours, listener), mut theirs) = (listening(), stack(2));
            dial(&mut theirs);
            carry(&mut theirs, &mut ours);
            carry(&mut ours, &mut theirs);
            (ours, listener, output(&mut theirs).0)
        };
        let ((one, listener, mut first), (other, _, mut second)) = (open(), open());
        let [one, other] = nets([one, other]);
        let handles: Arc<[Handle<dyn calls::Calls>]> =
            [&one, &other].map(|net| Handle::new(net.clone()).erase()).into();
        let acceptors = [0, 1].map(|first| {
            let handles = handles.clone();
            spawn(move || {
                let mut wait = Wait::new(&handles, Queue::Accept(listener));
                let taken = block_on(
                    wait.until(first, |now, stack| match stack.accept(now, listener).unwrap() {
                        Some(_) => Poll::Ready(()),
                        None => Poll::Pending,
                    }),
                );
                taken.unwrap().0
            })
        });
        turn(&one, &mut first, Waker::noop());
        turn(&other, &mut second, Waker::noop());
        let mut shards = acceptors.map(|acceptor| acceptor.join().unwrap());
        shards.sort_unstable();
        assert_eq!(shards, [0, 1]);
    });
}
