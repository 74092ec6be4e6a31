//! Who is woken, and who is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use stack::{Config, ConnectOptions, ListenOptions, Now, Ready, Secrets, Stack};

use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell::default());
    (bell.clone(), bell.into())
}

fn rings(bell: &Bell) -> usize {
    bell.0.load(Ordering::Relaxed)
}

/// Ids are a stack's to make.
fn stack() -> Stack {
    let config = Config {
        addresses: vec![[10, 0, 0, 1].into()],
        ..Config::default()
    };
    let secrets = Secrets {
        master: [7; 32],
        public: 7,
    };
    Stack::new(config, secrets, ())
}

fn connection(stack: &mut Stack) -> ConnectionId {
    let options = ConnectOptions {
        remote: ([10, 0, 0, 2], 80).into(),
        local: None,
        connection: None,
    };
    stack.connect(Now::default(), options).unwrap()
}

const READABLE: Ready = Ready {
    opened: false,
    readable: true,
    writable: false,
    urgent: false,
    unanswered: false,
    ended: false,
};

#[test]
fn each_side_is_woken_by_what_concerns_it() {
    let id = connection(&mut stack());
    let quiet = Ready::default();
    for (name, ready, expected) in [
        ("readable", READABLE, [1, 0, 1]),
        (
            "writable",
            Ready {
                writable: true,
                ..quiet
            },
            [0, 1, 0],
        ),
        ("opened", Ready { opened: true, ..quiet }, [0, 1, 0]),
        ("urgent", Ready { urgent: true, ..quiet }, [0, 0, 1]),
        ("ended", Ready { ended: true, ..quiet }, [1, 1, 1]),
    ] {
        let mut wakers = Wakers::default();
        let bells = [Side::Read, Side::Write, Side::Urgent].map(|side| {
            let (bell, waker) = bell();
            wakers.wait(id, side, &waker);
            bell
        });
        wakers.on_event(Event::Connection(id, ready));
        wakers.on_event(Event::Connection(id, ready));
        wakers.take().wake();
        assert_eq!(bells.map(|bell| rings(&bell)), expected, "{name}");
    }
}

#[test]
fn a_later_task_takes_the_place_of_an_earlier_one() {
    let id = connection(&mut stack());
    let mut wakers = Wakers::default();
    let ((first, first_waker), (second, second_waker)) = (bell(), bell());
    wakers.wait(id, Side::Read, &first_waker);
    wakers.wait(id, Side::Read, &second_waker);
    wakers.on_event(Event::Connection(id, READABLE));
    wakers.take().wake();
    assert_eq!((rings(&first), rings(&second)), (0, 1));
}

#[test]
fn an_index_given_out_again_wakes_nobody_of_before() {
    let mut stack = stack();
    let former = connection(&mut stack);
    let mut wakers = Wakers::default();
    let (bell, waker) = bell();
    wakers.wait(former, Side::Read, &waker);
    stack.abort(Now::default(), former).unwrap();
    let next = connection(&mut stack);
    assert_eq!(next.index(), former.index());
    wakers.on_event(Event::Connection(next, READABLE));
    wakers.forget(former);
    wakers.on_event(Event::Connection(former, READABLE));
    wakers.take().wake();
    assert_eq!(rings(&bell), 0);
}

#[test]
fn all_who_wait_to_accept_are_woken_but_those_who_left() {
    let id = stack().listen(ListenOptions::new(([10, 0, 0, 1], 80).into())).unwrap();
    let queue = Queue::Accept(id);
    let mut wakers = Wakers::default();
    let bells = [1, 2, 3].map(|n| {
        let (bell, waker) = bell();
        wakers.queue(queue, Ticket(n), &waker);
        wakers.queue(queue, Ticket(n), &waker);
        bell
    });
    wakers.leave(queue, Ticket(2));
    wakers.on_event(Event::Acceptable(id));
    wakers.take().wake();
    assert_eq!(bells.map(|bell| rings(&bell)), [1, 0, 1]);
}

#[test]
fn the_end_wakes_everybody() {
    let id = connection(&mut stack());
    let mut wakers = Wakers::default();
    let (bell, waker) = bell();
    wakers.wait(id, Side::Write, &waker);
    wakers.queue(Queue::Stopped, Ticket(1), &waker);
    wakers.queue(Queue::Drained, Ticket(2), &waker);
    assert!(wakers.awaits_drained());
    wakers.on_stopped();
    wakers.take().wake();
    assert_eq!(rings(&bell), 3);
}
