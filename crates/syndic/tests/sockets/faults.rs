//! Links around links: loss and delay as a user would put them in, and a peer that vanishes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use link::memory::{self, MemoryOptions};
use syndic::stack::io::Offload;
use syndic::stack::{Batch, KeepAlive};
use syndic::{Abilities, Bytes, Clock, Link, Net, NotSent, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::*;

/// A link around a plain one, through which packets leave in a way of their own.
struct Around<L, F> {
    inner: L,
    send: F,
}

impl<L: Link, F> Link for Around<L, F>
where
    F: FnMut(&mut L, &[u8], &[Bytes]) -> Result<(), NotSent> + Send + 'static,
{
    fn abilities(&self) -> Abilities {
        Abilities::plain(self.inner.abilities().mtu)
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        batch: &mut Batch,
        max: usize,
    ) -> Poll<io::Result<()>> {
        self.inner.poll_receive(cx, clock, batch, max)
    }

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), NotSent> {
        (self.send)(&mut self.inner, head, payload)
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_send_ready(cx)
    }
}

/// Loses every `lost`th packet that it is given, and lets every `late`th be overtaken by the two behind it.
fn faulty<L: Link>(inner: L, lost: usize, late: usize) -> impl Link {
    let mut count = 0_usize;
    let mut held = VecDeque::<(usize, Vec<u8>)>::new();
    let send = move |inner: &mut L, head: &[u8], payload: &[Bytes]| {
        count += 1;
        if count.is_multiple_of(lost) {
            return Ok(());
        }
        if count.is_multiple_of(late) {
            let packet = [head, &payload.concat()[..]].concat();
            held.push_back((count + 2, packet));
            return Ok(());
        }
        inner.try_send(head, payload, Offload::default())?;
        while let Some((due, packet)) = held.front()
            && *due <= count
        {
            inner.try_send(packet, &[], Offload::default())?;
            held.pop_front();
        }
        Ok(())
    };
    Around { inner, send }
}

/// Swallows everything once it is told to.
fn severed_by<L: Link>(inner: L, is_cut: Arc<AtomicBool>) -> impl Link {
    let send = move |inner: &mut L, head: &[u8], payload: &[Bytes]| match is_cut.load(Ordering::Relaxed) {
        true => Ok(()),
        false => inner.try_send(head, payload, Offload::default()),
    };
    Around { inner, send }
}

#[test]
fn loss_and_reordering_damage_nothing() {
    in_virtual_time(async {
        let (left, right) = memory::pair(MemoryOptions {
            capacity: 4_096,
            ..MemoryOptions::default()
        });
        let left: Box<dyn Link> = Box::new(faulty(left, 37, 11));
        let client = Net::start(left, config(&[CLIENT])).unwrap();
        let server = Net::start(faulty(right, 41, 13), config(&[SERVER])).unwrap();
        let listener = TcpListener::bind(&server, (SERVER, 80)).unwrap();
        let (near, far) = connection_to(&client, &listener).await;
        let echo = tokio::spawn(async move {
            let (mut read, mut write) = far.into_split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        let data = Arc::new(noise(1 << 20, 11));
        let (mut read, mut write) = near.into_split();
        let sent = data.clone();
        let writer = tokio::spawn(async move {
            write.write_all(&sent).await.unwrap();
        });
        let mut got = Vec::new();
        read.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap();
        echo.await.unwrap();
        assert!(got == *data);
        assert!(client.counters().retransmissions > 0);
    });
}

/// A connection whose client side can be cut off, in virtual time.
async fn severable() -> (Net, Net, TcpStream, TcpStream, Arc<AtomicBool>) {
    let (left, right) = memory::pair(MemoryOptions::default());
    let is_cut = Arc::new(AtomicBool::new(false));
    let client = Net::start(severed_by(left, is_cut.clone()), config(&[CLIENT])).unwrap();
    let server = Net::start(right, config(&[SERVER])).unwrap();
    let (near, far) = connection(&client, &server).await;
    (client, server, near, far, is_cut)
}

#[test]
fn a_peer_that_vanishes_times_out_and_its_memory_is_given_back() {
    in_virtual_time(async {
        let (_client, server, _near, mut far, is_cut) = severable().await;
        far.set_user_timeout(Some(Duration::from_secs(30))).unwrap();
        is_cut.store(true, Ordering::Relaxed);
        far.write_all(b"are you there?").await.unwrap();
        let error = far.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(far);
        server.drained().await.unwrap();
        assert!(server.entries().is_empty());
    });
}

#[test]
fn keep_alive_notices_a_silent_death() {
    in_virtual_time(async {
        let (_client, _server, _near, mut far, is_cut) = severable().await;
        let keepalive = KeepAlive {
            idle: Duration::from_secs(10).into(),
            interval: Duration::from_secs(2).into(),
            probes: 3,
        };
        far.set_keepalive(Some(keepalive)).unwrap();
        assert_eq!(far.keepalive().unwrap(), Some(keepalive));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(far.status().unwrap().ended.is_none(), "a living peer was given up");
        is_cut.store(true, Ordering::Relaxed);
        let before = tokio::time::Instant::now();
        let error = far.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let silent = before.elapsed();
        assert!(silent <= Duration::from_secs(20), "{silent:?}");
    });
}
