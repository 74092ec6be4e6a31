//! The ring by itself. Not within `ring`, which the model of `tests/loom` includes with locks that work in a model alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use bytes::BytesMut;
use stack::io::Checksum;
use stack::{Batch, Instant, Packet};

use crate::ring::*;

fn packets(count: usize, len: usize) -> Vec<Packet> {
    let packet = |_| Packet {
        bytes: BytesMut::zeroed(len),
        arrived: Instant::ZERO,
        checksum: Checksum::Unverified,
    };
    (0..count).map(packet).collect()
}

/// What a reader that does not wait finds.
fn taken(ring: &Ring, max: usize) -> usize {
    let mut batch = Batch::new();
    let _ = ring.poll_take(&mut Context::from_waker(Waker::noop()), &mut batch, max);
    batch.len()
}

#[test]
fn it_is_bounded_by_packets_and_by_bytes() {
    for (name, count, len, expected) in [
        ("nothing", 0, 0, 0),
        ("a batch", 64, 60, 64),
        ("too many packets", PACKETS_MAX + 5, 60, PACKETS_MAX),
        ("too many bytes", 200, 64 << 10, BYTES_MAX / (64 << 10)),
        (
            "one more than fits by bytes, in part",
            200,
            50_000,
            BYTES_MAX.div_ceil(50_000),
        ),
    ] {
        let ring = Ring::default();
        let mut offered = packets(count, len);
        let _ = ring.push(&mut offered);
        assert_eq!(offered.len(), count - expected, "{name}");
        assert_eq!(taken(&ring, usize::MAX), expected, "{name}");
        // All of its room is there again.
        let _ = ring.push(&mut offered);
        assert_eq!(taken(&ring, usize::MAX), (count - expected).min(PACKETS_MAX), "{name}");
    }
}

#[test]
fn a_batch_is_no_larger_than_asked_for() {
    let ring = Ring::default();
    let _ = ring.push(&mut packets(100, 1));
    assert_eq!((taken(&ring, 64), taken(&ring, 64), taken(&ring, 64)), (64, 36, 0));
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_reader_that_waits_is_woken_once() {
    let (ring, bell) = (Ring::default(), Arc::new(Bell::default()));
    let waker = Waker::from(bell.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(ring.push(&mut packets(1, 1)).is_none(), "nobody waits");
    let mut batch = Batch::new();
    assert!(ring.poll_take(&mut cx, &mut batch, 64).is_ready());
    assert!(ring.poll_take(&mut cx, &mut batch, 64).is_pending());
    for _ in 0..3 {
        ring.push(&mut packets(64, 1)).into_iter().for_each(Waker::wake);
    }
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    while ring.poll_take(&mut cx, &mut batch, 64).is_ready() {}
    ring.push(&mut Vec::new()).into_iter().for_each(Waker::wake);
    assert_eq!(bell.0.load(Ordering::Relaxed), 2, "a call");
}
