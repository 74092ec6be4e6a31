//! Closing: half, whole, by dropping, by reset.

use std::io::ErrorKind;
use std::time::Duration;

use syndic::stack::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::*;

#[test]
fn either_side_closes_first_and_data_still_flows_back() {
    for client_first in [true, false] {
        on_both(|| async move {
            let (client, server) = nets();
            let (near, far) = connection(&client, &server).await;
            let (mut first, mut second) = if client_first { (near, far) } else { (far, near) };
            first.write_all(b"question").await.unwrap();
            first.shutdown().await.unwrap();
            first.shutdown().await.unwrap();
            let error = first.write_all(b"more").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);

            let mut heard = Vec::new();
            second.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"question");
            assert_eq!(second.status().unwrap().state, State::CloseWait);
            let answer = noise(200_000, 9);
            second.write_all(&answer).await.unwrap();
            drop(second);
            let mut heard = Vec::new();
            first.read_to_end(&mut heard).await.unwrap();
            assert!(heard == answer);
            assert_eq!(first.status().unwrap().ended, None);
        });
    }
}

#[test]
fn a_drop_delivers_what_was_written() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, mut far) = connection(&client, &server).await;
        let data = noise(200_000, 10);
        near.write_all(&data).await.unwrap();
        drop(near);
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert!(got == data);
        drop(far);
        client.drained().await.unwrap();
        server.drained().await.unwrap();
    });
}

#[test]
fn a_drop_with_data_unread_resets() {
    // What was not read may still lie in the stack, or in the stream that read ahead.
    for read_first in [0, 1] {
        on_both(|| async move {
            let (client, server) = nets();
            let (mut near, mut far) = connection(&client, &server).await;
            near.write_all(b"nobody will read this").await.unwrap();
            far.readable().await.unwrap();
            let mut some = vec![0; read_first];
            far.read_exact(&mut some).await.unwrap();
            drop(far);
            let error = near.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{read_first} read");
        });
    }
}

#[test]
fn an_abort_resets_the_peer() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, mut far) = connection(&client, &server).await;
        let waiting = tokio::spawn(async move {
            let read = far.read(&mut [0; 8]).await.unwrap_err().kind();
            (read, far.write(b"x").await.unwrap_err().kind())
        });
        near.abort().unwrap();
        near.abort().unwrap();
        assert_eq!(
            waiting.await.unwrap(),
            (ErrorKind::ConnectionReset, ErrorKind::ConnectionReset)
        );
        let read = near.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(read.kind(), ErrorKind::ConnectionAborted);
        let write = near.write(b"x").await.unwrap_err();
        assert_eq!(write.kind(), ErrorKind::ConnectionAborted);
        near.shutdown().await.unwrap();
        drop(near);
        client.drained().await.unwrap();
        server.drained().await.unwrap();
    });
}

#[test]
fn an_abort_wakes_the_other_half() {
    on_both(|| async {
        let (client, server) = nets();
        let (near, _far) = connection(&client, &server).await;
        let (mut read, write) = near.into_split();
        let waiting = tokio::spawn(async move { read.read(&mut [0; 8]).await.unwrap_err().kind() });
        tokio::task::yield_now().await;
        write.abort().unwrap();
        assert_eq!(waiting.await.unwrap(), ErrorKind::ConnectionAborted);
    });
}

#[test]
fn a_dropped_writing_half_shuts_down() {
    on_both(|| async {
        let (client, server) = nets();
        let (near, mut far) = connection(&client, &server).await;
        let (mut read, mut write) = near.into_split();
        write.write_all(b"last").await.unwrap();
        drop(write);
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"last");
        far.write_all(b"back").await.unwrap();
        drop(far);
        let mut got = Vec::new();
        read.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"back");
    });
}

#[test]
fn halves_are_made_whole_again() {
    on_both(|| async {
        let (client, server) = nets();
        let (near, far) = connection(&client, &server).await;
        let (read, write) = near.into_split();
        let (other_read, other_write) = far.into_split();
        let (read, other_write) = match read.reunite(other_write) {
            Err(syndic::ReuniteError(read, write)) => (read, write),
            Ok(_) => panic!("halves of two streams made one"),
        };
        let mut near = write.reunite(read).unwrap();
        let mut far = other_read.reunite(other_write).unwrap();
        near.write_all(b"whole").await.unwrap();
        let mut got = [0; 5];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"whole");
    });
}

#[test]
fn a_linger_of_nothing_resets() {
    on_both(|| async {
        let (client, server) = nets();
        let (near, mut far) = connection(&client, &server).await;
        near.set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(near.linger().unwrap(), Some(Duration::ZERO));
        drop(near);
        let error = far.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}
