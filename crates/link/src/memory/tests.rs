use std::future::poll_fn;
use std::task::Wake;

use super::*;
use crate::vnet::{Gso, GsoKind, PartialChecksum};

const PLAIN: VnetHeader = VnetHeader {
    needs_checksum: None,
    data_valid: false,
    gso: None,
};

fn small(capacity: usize) -> (Memory, Memory) {
    pair(MemoryOptions {
        capacity,
        ..MemoryOptions::default()
    })
}

fn read(end: &Memory) -> io::Result<Vec<u8>> {
    let mut buffer = BytesMut::new();
    end.try_read(&mut buffer).map(|_| buffer.to_vec())
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(std::sync::atomic::AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.0.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn packets_keep_their_order_their_facts_and_their_bounds() {
    let (left, right) = small(4);
    let facts = VnetHeader {
        needs_checksum: Some(PartialChecksum { start: 20, offset: 16 }),
        data_valid: true,
        gso: Some(Gso {
            kind: GsoKind::TcpV4,
            size: 1_448,
            header_len: 52,
        }),
    };
    left.try_write(PLAIN, b"one", &[]).unwrap();
    left.try_write(
        facts,
        b"t",
        &[Bytes::from_static(b"w"), Bytes::new(), Bytes::from_static(b"o")],
    )
    .unwrap();
    right.try_write(PLAIN, b"back", &[]).unwrap();

    let mut buffer = BytesMut::from(&b"already here: "[..]);
    assert_eq!(right.try_read(&mut buffer).unwrap(), PLAIN);
    assert_eq!(&buffer[..], b"already here: one");
    buffer.clear();
    assert_eq!(right.try_read(&mut buffer).unwrap(), facts);
    assert_eq!(&buffer[..], b"two");
    assert_eq!(read(&left).unwrap(), b"back");
    assert_eq!(kind(read(&left)), io::ErrorKind::WouldBlock);
}

#[test]
fn a_full_direction_says_so_and_loses_nothing() {
    for (name, capacity, expected) in [("none counts as one", 0, 1), ("one", 1, 1), ("three", 3, 3)] {
        let (left, right) = small(capacity);
        for i in 0..expected {
            left.try_write(PLAIN, &[i], &[]).unwrap();
        }
        assert_eq!(
            kind(left.try_write(PLAIN, &[99], &[])),
            io::ErrorKind::WouldBlock,
            "{name}"
        );
        right.try_write(PLAIN, b"the other direction has room", &[]).unwrap();
        assert_eq!(read(&right).unwrap(), [0], "{name}");
        left.try_write(PLAIN, &[expected], &[]).unwrap();
        for i in 1..=expected {
            assert_eq!(read(&right).unwrap(), [i], "{name}");
        }
    }
}

#[test]
fn packets_that_do_not_fit() {
    let (left, _right) = pair(MemoryOptions {
        mtu: 1_280,
        ..MemoryOptions::default()
    });
    let gso = VnetHeader {
        gso: Some(Gso {
            kind: GsoKind::TcpV6,
            size: 1_220,
            header_len: 60,
        }),
        ..PLAIN
    };
    let rows = [
        ("as long as the MTU", PLAIN, 1_280, true),
        ("longer than the MTU", PLAIN, 1_281, false),
        ("super-segment", gso, 64_800, true),
        ("longer than any packet", gso, crate::PACKET_BYTES_MAX + 1, false),
        ("empty", PLAIN, 0, false),
    ];
    for (name, header, len, taken) in rows {
        let payload = [Bytes::from(vec![0; len])];
        let written = left.try_write(header, &[], &payload).map_err(|error| error.kind());
        assert_eq!(
            written,
            if taken {
                Ok(())
            } else {
                Err(io::ErrorKind::InvalidInput)
            },
            "{name}"
        );
    }
}

#[test]
fn each_side_is_woken_once_by_what_it_waits_for() {
    let (left, right) = small(1);
    let (reader, writer) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let (read_waker, write_waker) = (Waker::from(reader.clone()), Waker::from(writer.clone()));

    assert!(
        right
            .poll_read_ready(&mut Context::from_waker(&read_waker))
            .is_pending()
    );
    left.try_write(PLAIN, b"x", &[]).unwrap();
    assert_eq!((reader.rung(), writer.rung()), (1, 0));
    assert!(right.poll_read_ready(&mut Context::from_waker(&read_waker)).is_ready());

    assert!(
        left.poll_write_ready(&mut Context::from_waker(&write_waker))
            .is_pending()
    );
    read(&right).unwrap();
    assert_eq!((reader.rung(), writer.rung()), (0, 1));
    assert!(left.poll_write_ready(&mut Context::from_waker(&write_waker)).is_ready());
}

#[test]
fn a_dropped_end_closes_both_directions() {
    let (left, right) = small(2);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    left.try_write(PLAIN, b"last words", &[]).unwrap();
    right.try_write(PLAIN, b"1", &[]).unwrap();
    right.try_write(PLAIN, b"2", &[]).unwrap();
    assert!(right.poll_write_ready(&mut Context::from_waker(&waker)).is_pending());
    drop(left);
    assert_eq!(bell.rung(), 1, "the writer that waits for room");
    assert!(right.poll_write_ready(&mut Context::from_waker(&waker)).is_ready());
    assert_eq!(kind(right.try_write(PLAIN, b"3", &[])), io::ErrorKind::BrokenPipe);
    assert_eq!(read(&right).unwrap(), b"last words");
    assert_eq!(kind(read(&right)), io::ErrorKind::UnexpectedEof);

    let (left, right) = small(2);
    assert!(right.poll_read_ready(&mut Context::from_waker(&waker)).is_pending());
    drop(left);
    assert_eq!(bell.rung(), 1, "the reader that waits for a packet");
    assert!(right.poll_read_ready(&mut Context::from_waker(&waker)).is_ready());
}

/// A writer and a reader in two threads, with a queue so short that each waits for the other all the time.
#[test]
fn no_wake_is_lost_between_threads() {
    const PACKETS: u32 = 20_000;
    let (left, right) = small(2);
    let run = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap()
                .block_on(task)
        })
    };
    let writer = run(Box::pin(async move {
        for i in 0..PACKETS {
            while let Err(error) = left.try_write(PLAIN, &i.to_be_bytes(), &[]) {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                poll_fn(|cx| left.poll_write_ready(cx)).await.unwrap();
            }
        }
    }));
    let reader = run(Box::pin(async move {
        let mut next = 0_u32;
        loop {
            match read(&right) {
                Ok(packet) => {
                    assert_eq!(packet, next.to_be_bytes());
                    next += 1;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| right.poll_read_ready(cx)).await.unwrap();
                }
                Err(error) => break assert_eq!((error.kind(), next), (io::ErrorKind::UnexpectedEof, PACKETS)),
            }
        }
    }));
    writer.join().unwrap();
    reader.join().unwrap();
}
