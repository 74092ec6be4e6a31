//! Data: both ways, in many streams, in halves, without copies, and against a reader that does not read.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use link::memory::MemoryOptions;
use syndic::{Bytes, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::*;

/// Sends `out` and takes what comes until the peer's FIN.
async fn exchange(stream: TcpStream, out: Arc<Vec<u8>>) -> Vec<u8> {
    let (mut read, mut write) = stream.into_split();
    let writer = tokio::spawn(async move {
        write.write_all(&out).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    read.read_to_end(&mut got).await.unwrap();
    writer.await.unwrap();
    got
}

/// 8 MiB each way; returns how many segments the client sent again.
async fn eight_mebibytes(offload: link::Offload) -> u64 {
    let there = Arc::new(noise(8 << 20, 1));
    let back = Arc::new(noise(8 << 20, 2));
    let (client, server) = nets_on(MemoryOptions {
        offload,
        ..MemoryOptions::default()
    });
    let (near, far) = connection(&client, &server).await;
    let near = tokio::spawn(exchange(near, there.clone()));
    let far = tokio::spawn(exchange(far, back.clone()));
    assert!(near.await.unwrap() == *back, "{offload:?}: damaged on the way back");
    assert!(far.await.unwrap() == *there, "{offload:?}: damaged on the way there");
    client.counters().retransmissions
}

#[test]
fn eight_mebibytes_go_both_ways() {
    for offload in [link::Offload::None, link::Offload::Tso] {
        on_both(|| async move {
            eight_mebibytes(offload).await;
        });
        // Where no time passes, nothing may be taken for lost.
        in_virtual_time(async move { assert_eq!(eight_mebibytes(offload).await, 0, "{offload:?}") });
    }
}

#[test]
fn a_link_with_room_for_one_packet_is_waited_for() {
    let there = Arc::new(noise(1 << 20, 3));
    let back = Arc::new(noise(1 << 20, 4));
    on_both(|| async {
        let (client, server) = nets_on(MemoryOptions {
            capacity: 1,
            ..MemoryOptions::default()
        });
        let (near, far) = connection(&client, &server).await;
        let near = tokio::spawn(exchange(near, there.clone()));
        let far = tokio::spawn(exchange(far, back.clone()));
        assert!(near.await.unwrap() == *back && far.await.unwrap() == *there);
    });
}

#[test]
fn two_hundred_streams_at_once() {
    on_both(|| async {
        let (client, server) = nets();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let serve = tokio::spawn(async move {
            for _ in 0..200 {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    tokio::io::copy(&mut read, &mut write).await.unwrap();
                });
            }
        });
        let tasks: Vec<_> = (0..200)
            .map(|i| {
                let client = client.clone();
                tokio::spawn(async move {
                    let stream = TcpStream::connect(&client, (SERVER, 80)).await.unwrap();
                    let data = Arc::new(noise(10_000 + 37 * i, i as u64));
                    assert!(exchange(stream, data.clone()).await == *data, "stream {i}");
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        serve.await.unwrap();
    });
}

/// So many questions and answers, each behind the one before; returns how long they took.
async fn ping_pong(rounds: u32) -> Duration {
    let (client, server) = nets();
    let (mut near, far) = connection(&client, &server).await;
    let echo = tokio::spawn(async move {
        let (mut read, mut write) = far.into_split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let before = tokio::time::Instant::now();
    for i in 0..rounds {
        near.write_all(&i.to_le_bytes()).await.unwrap();
        let mut answer = [0; 4];
        near.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, i.to_le_bytes());
    }
    let took = before.elapsed();
    drop(near);
    echo.await.unwrap();
    took
}

#[test]
fn questions_and_answers_wait_for_no_timer() {
    // Time moves only while everybody waits: a wake that was lost would show as the time of the next timer.
    in_virtual_time(async { assert_eq!(ping_pong(2_000).await, Duration::ZERO) });
    // Between threads the time is real. Were only one wake in ten lost, the delayed ACKs alone would take longer.
    on_both(|| async {
        let took = ping_pong(5_000).await;
        assert!(took < Duration::from_secs(20), "{took:?}");
    });
}

#[test]
fn borrowed_halves_work_in_one_task() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, far) = connection(&client, &server).await;
        let data = Arc::new(noise(3 << 20, 5));
        let echo = tokio::spawn(async move {
            let (mut read, mut write) = far.into_split();
            tokio::io::copy(&mut read, &mut write).await.unwrap()
        });
        let (mut read, mut write) = near.split();
        let mut got = Vec::new();
        let sending = async {
            write.write_all(&data).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let (_, received) = tokio::join!(sending, read.read_to_end(&mut got));
        received.unwrap();
        assert!(got == *data);
        assert_eq!(echo.await.unwrap(), data.len() as u64);
    });
}

#[test]
fn vectored_writes_keep_their_order() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, mut far) = connection(&client, &server).await;
        let data = noise(300_000, 6);
        let (sent, mut got) = (data.clone(), Vec::new());
        let writer = tokio::spawn(async move {
            let mut rest = &sent[..];
            while !rest.is_empty() {
                let parts: Vec<_> = rest.chunks(7_001).take(12).map(IoSlice::new).collect();
                let n = near.write_vectored(&parts).await.unwrap();
                rest = &rest[n..];
            }
            assert_eq!(near.write_vectored(&[IoSlice::new(&[])]).await.unwrap(), 0);
        });
        far.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap();
        assert!(got == data);
    });
}

#[test]
fn a_reader_that_does_not_read_stops_the_writer() {
    in_virtual_time(async {
        let (client, server) = nets();
        let (mut near, mut far) = connection(&client, &server).await;
        near.set_send_buffer_size(50_000).unwrap();
        far.set_recv_buffer_size(100_000).unwrap();
        let window = far.status().unwrap().rcv_wnd as usize;
        let chunk = noise(10_000, 7);
        let mut written = 0;
        let stall = Duration::from_millis(300);
        while let Ok(n) = tokio::time::timeout(stall, near.write(&chunk)).await {
            written += n.unwrap();
        }
        // A scaled window is told in units, rounded up.
        let unit = 1 << far.status().unwrap().window_scales.map_or(0, |(ours, _)| ours);
        assert!(written >= 100_000, "stopped at {written}");
        assert!(written <= window.max(100_000) + 50_000 + unit, "went on to {written}");
        let mut buf = vec![0; 4_000];
        let mut read = 0;
        while read < written {
            read += far.read(&mut buf).await.unwrap();
        }
        // The writer is told that there is room again.
        near.write_all(&chunk).await.unwrap();
        let mut last = vec![0; chunk.len()];
        far.read_exact(&mut last).await.unwrap();
        assert_eq!(last, chunk);
    });
}

#[test]
fn bytes_go_and_come_without_copies() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, far) = connection(&client, &server).await;
        let data = Bytes::from(noise(2 << 20, 8));
        let mut rest = data.clone();
        let writer = tokio::spawn(async move {
            near.write_bytes(&mut rest).await.unwrap();
            assert!(rest.is_empty());
        });
        let (mut read, _write) = far.into_split();
        let mut got = Vec::new();
        while let Some(chunk) = read.read_bytes(10_000).await.unwrap() {
            assert!(!chunk.is_empty() && chunk.len() <= 10_000);
            got.extend_from_slice(&chunk);
        }
        writer.await.unwrap();
        assert!(got == data);
    });
}

#[test]
fn readable_waits_and_takes_nothing() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, mut far) = connection(&client, &server).await;
        let writer = tokio::spawn(async move {
            tokio::task::yield_now().await;
            near.write_all(b"abc").await.unwrap();
            near
        });
        far.readable().await.unwrap();
        assert_eq!(far.status().unwrap().receive_queue, 3);
        let mut got = [0; 3];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"abc");
        drop(writer.await.unwrap());
        far.readable().await.unwrap();
        assert_eq!(far.read(&mut got).await.unwrap(), 0);
    });
}

#[test]
fn urgent_data_is_announced_and_stays_in_the_stream() {
    on_both(|| async {
        let (client, server) = nets();
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(b"dull").await.unwrap();
        assert_eq!(near.write_urgent(b"hurry").await.unwrap(), 5);
        assert_eq!(far.urgent().await.unwrap(), 9);
        let mut got = [0; 9];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"dullhurry");
        drop(near);
        assert_eq!(
            far.urgent().await.unwrap_err().kind(),
            std::io::ErrorKind::UnexpectedEof
        );
    });
}
