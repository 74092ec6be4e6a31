//! The net as a whole: its end, its observer, what it shows.

use std::io::ErrorKind;
use std::time::Duration;

use link::Link as _;
use link::memory::{self, MemoryOptions};
use syndic::stack::tcp::state::State;
use syndic::stack::{Entry, Fact, Instant, Observer};
use syndic::{Net, Stopped, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::*;

#[test]
fn a_dead_link_ends_every_call() {
    on_both(|| async {
        let (left, right) = memory::pair(MemoryOptions::default());
        let client = Net::start(left, config(&[CLIENT])).unwrap();
        let server_runtime = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Net::start(right, config(&[SERVER])).unwrap();
                let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_exact(&mut [0; 1]).await.unwrap();
            });
        });
        let mut stream = loop {
            // The other thread may not be listening yet.
            match TcpStream::connect(&client, (SERVER, 80)).await {
                Ok(stream) => break stream,
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
            }
        };
        let listener = TcpListener::bind(&client, (CLIENT, 80)).unwrap();
        let waiting = {
            let client = client.clone();
            tokio::spawn(async move {
                let accept = listener.accept().await.unwrap_err();
                (accept.kind(), client.stopped().await)
            })
        };
        stream.write_all(b"x").await.unwrap();
        // The server's runtime ends, and with it its end of the link.
        tokio::task::spawn_blocking(|| server_runtime.join())
            .await
            .unwrap()
            .unwrap();
        let (accept, stopped) = waiting.await.unwrap();
        assert_eq!(accept, ErrorKind::NetworkDown);
        assert!(matches!(stopped, Stopped::Link(_)), "{stopped}");

        let mut rest = [0; 8];
        let read = loop {
            // The stream may have ended before the link did.
            match stream.read(&mut rest).await {
                Ok(0) => tokio::task::yield_now().await,
                Ok(_) => panic!("nobody sent anything"),
                Err(error) => break error,
            }
        };
        assert_eq!(read.kind(), ErrorKind::NetworkDown);
        assert!(read.get_ref().is_some_and(|e| e.is::<Stopped>()), "{read}");
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), ErrorKind::NetworkDown);
        let connect = TcpStream::connect(&client, (SERVER, 80)).await.unwrap_err();
        assert_eq!(connect.kind(), ErrorKind::NetworkDown);
        let listen = TcpListener::bind(&client, (CLIENT, 81)).unwrap_err();
        assert_eq!(listen.kind(), ErrorKind::NetworkDown);
        assert!(client.counters().packets_in > 0, "what was counted can still be read");
    });
}

#[test]
fn a_runtime_that_shuts_down_ends_the_net() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (client, _server) = runtime.block_on(async { nets() });
    runtime.shutdown_timeout(Duration::from_secs(10));
    on_both(|| async {
        let error = TcpStream::connect(&client, (SERVER, 80)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
        assert!(matches!(client.stopped().await, Stopped::Driver | Stopped::Link(_)));
    });
}

#[test]
fn a_net_needs_a_runtime() {
    let (left, _right) = memory::pair(MemoryOptions::default());
    assert!(Net::start(left, config(&[CLIENT])).is_err());
}

#[test]
fn the_link_is_given_back_once_the_last_connection_is_closed() {
    on_both(|| async {
        let (left, right) = memory::pair(MemoryOptions::default());
        let client = Net::start(left, config(&[CLIENT])).unwrap();
        let server = Net::start(right, config(&[SERVER])).unwrap();
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(b"still delivered").await.unwrap();
        drop((near, client));
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"still delivered");
        drop(far);
        assert!(matches!(server.stopped().await, Stopped::Link(_)));
    });
}

#[test]
fn an_unused_net_gives_its_link_back_at_once() {
    on_both(|| async {
        let (left, right) = memory::pair(MemoryOptions::default());
        drop(Net::start(left, config(&[CLIENT])).unwrap());
        std::future::poll_fn(|cx| right.poll_read_ready(cx)).await.unwrap();
        let error = right.try_read(&mut syndic::BytesMut::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

/// Notes every change of state.
#[derive(Default)]
struct States(Vec<(State, State)>);

impl Observer for States {
    fn observe(&mut self, _: Instant, fact: &Fact<'_>) {
        if let Fact::State { from, to, .. } = *fact {
            self.0.push((from, to));
        }
    }
}

#[test]
fn an_observer_is_told_the_facts() {
    on_both(|| async {
        let (left, right) = memory::pair(MemoryOptions::default());
        let client = Net::observed(left, config(&[CLIENT]), States::default()).unwrap();
        let server = Net::start(right, config(&[SERVER])).unwrap();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(&client, (SERVER, 80)), listener.accept());
        drop(near.unwrap());
        let mut far = far.unwrap().0;
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
        drop(far);
        client.drained().await.unwrap();
        let states = client.with_observer(|states| std::mem::take(&mut states.0));
        let expected = [
            (State::Closed, State::SynSent),
            (State::SynSent, State::Established),
            (State::Established, State::FinWait1),
            (State::FinWait1, State::FinWait2),
            (State::FinWait2, State::TimeWait),
        ];
        // The FIN of the peer may come with the acknowledgment of ours.
        let merged = (State::FinWait1, State::TimeWait);
        assert!(states == expected || states.contains(&merged), "{states:?}");
        assert!(matches!(client.entries()[..], [Entry::TimeWait { .. }]));
    });
}

#[test]
fn options_are_kept() {
    on_both(|| async {
        let (client, server) = nets();
        let (near, _far) = connection(&client, &server).await;
        near.set_nodelay(true).unwrap();
        near.set_user_timeout(Some(Duration::from_secs(5))).unwrap();
        near.set_send_buffer_size(1_234).unwrap();
        near.change_options(|options| options.retransmissions_max = 3).unwrap();
        let options = near.options().unwrap();
        assert!(near.nodelay().unwrap() && options.no_delay);
        assert_eq!(near.user_timeout().unwrap(), Some(Duration::from_secs(5)));
        assert_eq!(
            (near.send_buffer_size().unwrap(), options.retransmissions_max),
            (1_234, 3)
        );
        let status = near.status().unwrap();
        assert_eq!(status.state, State::Established);
        assert_eq!(status.tuple.remote(), near.peer_addr().unwrap());
    });
}

/// Panics at the first fact.
struct Clumsy;

impl Observer for Clumsy {
    fn observe(&mut self, _: Instant, _: &Fact<'_>) {
        panic!("a clumsy observer, as the test wants it");
    }
}

#[test]
fn a_panic_under_the_lock_stops_the_net_and_hangs_nobody() {
    on_both(|| async {
        let (left, _right) = memory::pair(MemoryOptions::default());
        let client = Net::observed(left, config(&[CLIENT]), Clumsy).unwrap();
        let connecting = client.clone();
        let task = tokio::spawn(async move { TcpStream::connect(&connecting, (SERVER, 80)).await.map(drop) });
        // The panic is the caller's or the driver's, whichever made the fact.
        if let Ok(answer) = task.await {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::NetworkDown);
        }
        assert!(matches!(client.stopped().await, Stopped::Panicked));
        let error = TcpListener::bind(&client, (CLIENT, 80)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
    });
}

#[test]
fn everything_may_move_between_threads() {
    fn assert<T: Send + Sync + Unpin + 'static>() {}
    assert::<Net>();
    assert::<TcpListener>();
    assert::<TcpStream>();
    assert::<syndic::OwnedReadHalf>();
    assert::<syndic::OwnedWriteHalf>();
}
