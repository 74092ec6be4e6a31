//! Opening: connect, listen, accept, and what refuses them.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use link::memory::{self, MemoryOptions};
use syndic::stack::{ConnectOptions, Ended, ListenOptions, State};
use syndic::{Net, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::*;

#[test]
fn a_stream_opens_and_echoes() {
    for (name, ip) in [("IPv4", SERVER), ("IPv6", SERVER6)] {
        on_both(|| async move {
            let (client, server) = nets();
            let listener = TcpListener::bind(&server, (ip, 7)).unwrap();
            let echo = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buf = [0; 64];
                let n = stream.read(&mut buf).await.unwrap();
                stream.write_all(&buf[..n]).await.unwrap();
            });
            let mut stream = TcpStream::connect(&client, (ip, 7)).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), at(ip, 7), "{name}");
            assert_eq!(stream.status().unwrap().state, State::Established);
            stream.write_all(b"hello").await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, b"hello", "{name}");
            echo.await.unwrap();
        });
    }
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    on_both(|| async {
        let (client, _server) = nets();
        let error = TcpStream::connect(&client, (SERVER, 9)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<Ended>());
        assert_eq!(inner, Some(&Ended::Refused));
    });
}

#[test]
fn the_local_address_and_port_may_be_chosen() {
    on_both(|| async {
        let (client, server) = nets();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let options = ConnectOptions {
            remote: at(SERVER, 80),
            local: Some(at(CLIENT, 4321)),
            connection: None,
        };
        let (stream, accepted) = tokio::join!(client.connect(options), listener.accept());
        let (_far, from) = accepted.unwrap();
        assert_eq!(stream.as_ref().unwrap().local_addr().unwrap(), at(CLIENT, 4321));
        assert_eq!(from, at(CLIENT, 4321));
        let again = client.connect(options).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn what_cannot_be_reached_is_said_before_a_segment_is_sent() {
    let lonely = memory::pair(MemoryOptions::default());
    let v4_only: &[IpAddr] = &[CLIENT];
    in_virtual_time(async move {
        let client = Net::start(lonely.0, config(v4_only)).unwrap();
        for (name, remote, kind) in [
            ("no address of the family", at(SERVER6, 80), ErrorKind::AddrNotAvailable),
            ("multicast", at([224, 0, 0, 1].into(), 80), ErrorKind::InvalidInput),
            ("unspecified", at([0, 0, 0, 0].into(), 80), ErrorKind::InvalidInput),
        ] {
            let error = TcpStream::connect(&client, remote).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {error}");
        }
        assert_eq!(client.counters().packets_out, 0);
    });
}

#[test]
fn a_peer_that_never_answers_times_out() {
    // The other end of the link stays open, and nobody reads it.
    let (near, _far) = memory::pair(MemoryOptions::default());
    in_virtual_time(async move {
        let client = Net::start(near, config(&[CLIENT])).unwrap();
        let before = tokio::time::Instant::now();
        let error = TcpStream::connect(&client, (SERVER, 80)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // RFC 9293 MUST-23: a SYN is tried for at least three minutes.
        assert!(before.elapsed() >= Duration::from_secs(180), "{:?}", before.elapsed());
    });
}

#[test]
fn a_dropped_connect_is_aborted() {
    on_both(|| async {
        // Nobody reads the other end, so the SYN is not answered.
        let (near, _far) = memory::pair(MemoryOptions::default());
        let client = Net::start(near, config(&[CLIENT])).unwrap();
        {
            let mut connecting = pin!(TcpStream::connect(&client, (SERVER, 80)));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(connecting.as_mut().poll(&mut cx).is_pending());
            assert!(!client.entries().is_empty());
        }
        client.drained().await.unwrap();
        assert!(client.entries().is_empty());
    });
}

#[test]
fn addresses_that_cannot_be_listened_at_are_refused() {
    on_both(|| async {
        let (_client, server) = nets();
        let first = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let taken = TcpListener::bind(&server, (SERVER, 80)).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let foreign = TcpListener::bind(&server, (CLIENT, 80)).unwrap_err();
        assert_eq!(foreign.kind(), ErrorKind::AddrNotAvailable);
        drop(first);
        assert!(TcpListener::bind(&server, (SERVER, 80)).is_ok());
        let chosen = TcpListener::bind(&server, (SERVER, 0)).unwrap();
        assert_ne!(chosen.local_addr().unwrap().port(), 0);
    });
}

#[test]
fn a_dropped_listener_refuses_and_resets_what_nobody_accepted() {
    on_both(|| async {
        let (client, server) = nets();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let mut waiting = TcpStream::connect(&client, (SERVER, 80)).await.unwrap();
        // One octet there and acknowledged: the connection is in the accept queue for sure.
        waiting.write_all(b"x").await.unwrap();
        while waiting.status().unwrap().send_queue > 0 {
            tokio::task::yield_now().await;
        }
        drop(listener);
        let error = waiting.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = TcpStream::connect(&client, (SERVER, 80)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn many_tasks_accept_from_one_listener() {
    on_both(|| async {
        let (client, server) = nets();
        let listener = std::sync::Arc::new(TcpListener::bind(&server, (SERVER, 80)).unwrap());
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let listener = listener.clone();
                tokio::spawn(async move { listener.accept().await.unwrap().1 })
            })
            .collect();
        let mut streams = Vec::new();
        for _ in 0..8 {
            streams.push(TcpStream::connect(&client, (SERVER, 80)).await.unwrap());
        }
        let mut accepted = Vec::new();
        for task in tasks {
            accepted.push(task.await.unwrap());
        }
        let mut opened: Vec<_> = streams.iter().map(|s| s.local_addr().unwrap()).collect();
        accepted.sort();
        opened.sort();
        assert_eq!(accepted, opened);
    });
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    on_both(|| async {
        let (client, server) = nets();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        {
            let mut accepting = pin!(listener.accept());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(accepting.as_mut().poll(&mut cx).is_pending());
        }
        let near = TcpStream::connect(&client, (SERVER, 80)).await.unwrap();
        let (_, from) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(from, near.local_addr().unwrap());
    });
}

#[test]
fn a_listener_hands_its_options_to_its_connections() {
    on_both(|| async {
        let (client, server) = nets();
        let mut options = ListenOptions::new(at(SERVER, 80));
        options.connection.no_delay = true;
        options.connection.receive_buffer = 10_000.into();
        let listener = server.listen(options).unwrap();
        let (near, far) = connection_to(&client, &listener).await;
        assert!(far.nodelay().unwrap() && !near.nodelay().unwrap());
        assert_eq!(far.recv_buffer_size().unwrap(), 10_000);
    });
}
