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

/// Loses every `lost`th packet that it is given, and lets every `late`th be overtaken by the two behind it.
struct Faulty<L> {
    inner: L,
    lost: usize,
    late: usize,
    count: usize,
    held: VecDeque<(usize, Vec<u8>)>,
}

impl<L> Faulty<L> {
    fn new(inner: L, lost: usize, late: usize) -> Self {
        Self {
            inner,
            lost,
            late,
            count: 0,
            held: VecDeque::new(),
        }
    }
}

impl<L: Link> Link for Faulty<L> {
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

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
        self.count += 1;
        if self.count.is_multiple_of(self.lost) {
            return Ok(());
        }
        if self.count.is_multiple_of(self.late) {
            let packet = [head, &payload.concat()[..]].concat();
            self.held.push_back((self.count + 2, packet));
            return Ok(());
        }
        self.inner.try_send(head, payload, offload)?;
        while let Some((due, packet)) = self.held.front()
            && *due <= self.count
        {
            self.inner.try_send(packet, &[], Offload::default())?;
            self.held.pop_front();
        }
        Ok(())
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_send_ready(cx)
    }
}

/// Swallows everything once it is told to.
struct Cut<L> {
    inner: L,
    is_cut: Arc<AtomicBool>,
}

impl<L: Link> Link for Cut<L> {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
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

    fn try_send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), NotSent> {
        if self.is_cut.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.inner.try_send(head, payload, offload)
    }

    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_send_ready(cx)
    }
}

#[test]
fn loss_and_reordering_damage_nothing() {
    in_virtual_time(async {
        let (left, right) = memory::pair(MemoryOptions {
            capacity: 4_096,
            ..MemoryOptions::default()
        });
        let left: Box<dyn Link> = Box::new(Faulty::new(left, 37, 11));
        let client = Net::start(left, config(&[CLIENT])).unwrap();
        let server = Net::start(Faulty::new(right, 41, 13), config(&[SERVER])).unwrap();
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
    let link = Cut {
        inner: left,
        is_cut: is_cut.clone(),
    };
    let client = Net::start(link, config(&[CLIENT])).unwrap();
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
