//! Receiving: order, overlaps, the window, when to acknowledge, SACK, urgent data (RFC 9293 sections 3.8 and 3.10.7.4).

use bytes::BytesMut;
use syndic_stack::io::Checksum;
use syndic_stack::*;

use crate::rig::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A passive open by a peer with an MSS of 1000.
fn open(rig: &mut Rig) -> ConnectionId {
    let listener = rig.listen();
    rig.open_passive(listener)
}

/// As [`open`], with a receive buffer of so many bytes.
fn open_with_buffer(rig: &mut Rig, receive_buffer: usize) -> ConnectionId {
    let mut options = ListenOptions::new(rig.local());
    options.connection.receive_buffer = receive_buffer.into();
    let listener = rig.listen_with(options);
    rig.open_passive(listener)
}

/// Several segments that arrive together.
fn inject_batch(rig: &mut Rig, segments: &[Seg]) {
    let mut batch = Batch::new();
    for seg in segments {
        batch.push(Packet {
            bytes: BytesMut::from(rig.packet(seg).as_slice()),
            arrived: rig.now,
            checksum: Checksum::Unverified,
        });
    }
    rig.stack.handle_packets(rig.now(), &mut batch);
    rig.flush();
}

fn text(seq: u32, len: usize) -> Seg {
    Seg::new(".", seq).ack(1).data(len)
}

/// The start of a connection, in which everything is acknowledged at once, is over: 16 bytes are read.
fn after_quick_acks(rig: &mut Rig) -> ConnectionId {
    let id = open(rig);
    for seq in 1..17 {
        rig.inject(text(seq, 1));
        rig.expect(".", 1, 0, seq + 1);
    }
    assert_eq!(rig.read(id), pattern(1, 16));
    rig.expect_nothing();
    id
}

#[test]
fn what_is_peeked_at_stays() {
    let mut rig = Rig::plain();
    let id = open_with_buffer(&mut rig, 4000);
    let peeked = |rig: &mut Rig, max| {
        let mut slices = Vec::new();
        rig.stack.peek(id, max, &mut slices).map(|()| slices.concat())
    };
    assert_eq!(peeked(&mut rig, 10), Ok(Vec::new()), "nothing has come");
    rig.inject(text(1, 1000));
    rig.expect(".", 1, 0, 1001);
    rig.inject(text(1001, 1000));
    rig.expect(".", 1, 0, 2001);
    rig.inject(text(3001, 500));
    rig.expect(".", 1, 0, 2001);
    for (name, max, len) in [
        ("none", 0, 0),
        ("some", 10, 10),
        ("across both", 1500, 1500),
        ("up to the hole", 5000, 2000),
    ] {
        assert_eq!(peeked(&mut rig, max), Ok(pattern(1, len)), "{name}");
    }
    // Neither the window nor what is read has changed.
    rig.expect_nothing();
    assert_eq!(rig.status(id).receive_queue, 2000);
    assert_eq!(rig.read(id), pattern(1, 2000));
    assert_eq!(peeked(&mut rig, 10), Ok(Vec::new()), "all was read");
    rig.stack.close(rig.now(), id).unwrap();
    assert_eq!(peeked(&mut rig, 10), Err(NoSuch));
}

#[test]
fn every_order_and_overlap_gives_the_same_bytes() {
    // Pieces as (first number, length), and what is acknowledged after each.
    type Steps = &'static [(u32, usize, u32)];
    let table: [(&str, Steps); 9] = [
        ("in order", &[(1, 10, 11), (11, 10, 21), (21, 10, 31)]),
        ("last first", &[(21, 10, 1), (11, 10, 1), (1, 10, 31)]),
        ("hole in the middle", &[(1, 10, 11), (21, 10, 11), (11, 10, 31)]),
        ("the same again", &[(1, 20, 21), (1, 20, 21), (21, 10, 31)]),
        ("old and new", &[(1, 20, 21), (11, 20, 31)]),
        ("over two islands", &[(6, 5, 1), (16, 5, 1), (3, 28, 1), (1, 4, 31)]),
        ("inside an island", &[(11, 20, 1), (16, 5, 1), (1, 10, 31)]),
        ("islands touch", &[(11, 10, 1), (21, 10, 1), (1, 10, 31)]),
        ("island reaches over the hole", &[(6, 25, 1), (1, 30, 31)]),
    ];
    for (name, steps) in table {
        let mut rig = Rig::plain();
        let id = open(&mut rig);
        for &(seq, len, acked) in steps {
            rig.inject(text(seq, len));
            assert_eq!(rig.next().ack, acked, "{name}: {seq}+{len}");
        }
        assert_eq!(rig.read(id), pattern(1, 30), "{name}");
        assert_eq!(rig.status(id).islands, 0, "{name}");
    }
}

#[test]
fn what_came_first_stays_where_data_differ() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.inject(Seg::new(".", 3).ack(1).bytes(b"cd"));
    rig.inject(Seg::new(".", 1).ack(1).bytes(b"abXXe"));
    assert_eq!(rig.read(id), b"abcde");
}

#[test]
fn duplicates_are_counted_and_acknowledged() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.inject(text(1, 100));
    rig.expect(".", 1, 0, 101);
    rig.inject(text(1, 100));
    rig.expect(".", 1, 0, 101);
    assert_eq!(rig.dropped(Why::Duplicate), 1);
    assert_eq!(rig.read(id), pattern(1, 100));
}

#[test]
fn what_lies_beyond_the_window_is_cut_off() {
    let mut rig = Rig::plain();
    let id = open_with_buffer(&mut rig, 1000);
    rig.inject(text(1, 1460));
    assert_eq!(rig.expect(".", 1, 0, 1001).window, 0);
    // The probe of the closed window is refused, and answered.
    rig.inject(text(1001, 1));
    assert_eq!(rig.expect(".", 1, 0, 1001).window, 0);
    assert_eq!(rig.dropped(Why::ReceiveBufferFull), 1);
    rig.inject(text(5000, 10));
    rig.expect(".", 1, 0, 1001);
    assert_eq!(rig.dropped(Why::OutOfWindow), 1);
    assert_eq!(rig.read(id), pattern(1, 1000));
    assert_eq!(rig.expect(".", 1, 0, 1001).window, 1000);
    rig.inject(text(1001, 10));
    rig.expect(".", 1, 0, 1011);
}

#[test]
fn closed_window_still_takes_acknowledgments_and_resets() {
    let mut rig = Rig::plain();
    let id = open_with_buffer(&mut rig, 1000);
    rig.inject(text(1, 1000));
    rig.expect(".", 1, 0, 1001);
    rig.send(id, 1, 10);
    rig.expect("P.", 1, 10, 1001);
    rig.inject(Seg::new(".", 1001).ack(11).data(1));
    assert_eq!(rig.status(id).send_queue, 0);
    rig.inject(Seg::new("R", 1001));
    assert_eq!(rig.status(id).ended, Some(Ended::Reset));
    assert_eq!(rig.read(id), pattern(1, 1000), "what had come is still there");
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::Reset)));
}

#[test]
fn islands_are_bounded() {
    let mut config = Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        ..Config::default()
    };
    config.limits.islands = 4;
    let mut rig = Rig::with(config);
    let id = open(&mut rig);
    for i in 1..=5 {
        rig.inject(text(1 + i * 20, 10));
        rig.expect(".", 1, 0, 1);
    }
    assert_eq!((rig.status(id).islands, rig.dropped(Why::IslandsFull)), (4, 1));
    // What joins an island makes no new one.
    rig.inject(text(31, 5));
    assert_eq!((rig.status(id).islands, rig.dropped(Why::IslandsFull)), (4, 1));
}

#[test]
fn window_never_shrinks() {
    for seed in 0..60u64 {
        let scaling = seed % 2 == 0;
        let mut rig = Rig::with(Config {
            timestamps: false,
            sack: false,
            window_scaling: scaling,
            ..Config::default()
        });
        let listener = rig.listen();
        let syn = Seg::new("S", 0).mss(1000);
        rig.inject(if scaling { syn.wscale(7) } else { syn });
        rig.next();
        rig.inject(Seg::new(".", 1).ack(1));
        let id = rig.accept(listener);
        let unit = if scaling { 256 } else { 1 };
        let (mut random, mut next, mut edge) = (Random(seed), 1, 0);
        for _ in 0..300 {
            match random.below(6) {
                0..=2 => {
                    let ahead = [0, 0, 0, 500, 3000][random.below(5) as usize];
                    let len = 1 + random.below(1460);
                    rig.inject(text(next + ahead, len as usize));
                }
                3 => {
                    let max = random.below(3000) as usize;
                    let _ = rig.stack.receive(rig.now(), id, max);
                    rig.flush();
                }
                4 => {
                    let mut options = rig.stack.options(id).unwrap();
                    options.receive_buffer = (1 + random.below(200_000) as usize).into();
                    rig.stack.set_options(rig.now(), id, options).unwrap();
                }
                _ => rig.advance(MS(50)),
            }
            while !rig.out.is_empty() {
                let seg = rig.next();
                let right = seg.ack + u32::from(seg.window) * unit;
                assert!(right + (unit - 1) >= edge, "seed {seed}: {right} after {edge}");
                edge = edge.max(right);
                next = seg.ack;
            }
        }
    }
}

/// A small generator: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % n).unwrap()
    }
}

#[test]
fn smaller_receive_buffer_takes_no_window_back() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    let mut options = rig.stack.options(id).unwrap();
    options.receive_buffer = 1000.into();
    rig.stack.set_options(rig.now(), id, options).unwrap();
    rig.inject(text(1, 1000));
    assert_eq!(rig.expect(".", 1, 0, 1001).window, 64_535, "the edge stands");
    assert_eq!(rig.read(id).len(), 1000);
    rig.expect_nothing();
    rig.inject(text(1001, 1000));
    assert_eq!(rig.expect(".", 1, 0, 2001).window, 63_535);
}

#[test]
fn window_update_comes_when_it_is_worth_a_segment() {
    let mut rig = Rig::plain();
    let id = open_with_buffer(&mut rig, 4000);
    for i in 0..4 {
        rig.inject(text(1 + i * 1000, 1000));
        assert_eq!(rig.next().window, u16::try_from(3000 - i * 1000).unwrap());
    }
    let read = |rig: &mut Rig, n| {
        let received = rig.stack.receive(rig.now(), id, n);
        rig.flush();
        received
    };
    assert!(matches!(read(&mut rig, 600), Ok(Received::Data(b)) if b.len() == 600));
    // Less than a segment: advertised, it would make the peer send a silly one.
    rig.expect_nothing();
    assert!(matches!(read(&mut rig, 400), Ok(Received::Data(_))));
    assert_eq!(rig.expect(".", 1, 0, 4001).window, 1000);
    assert!(matches!(read(&mut rig, 1000), Ok(Received::Data(_))));
    rig.expect_nothing();
    assert!(matches!(read(&mut rig, 1000), Ok(Received::Data(_))));
    assert_eq!(rig.expect(".", 1, 0, 4001).window, 3000);
    assert!(rig.stack.observer().causes.contains(&Cause::WindowUpdate));
}

#[test]
fn reading_from_a_wide_open_window_says_nothing() {
    // Without scaling the field cannot say the whole buffer, and reading a little changes nothing in it.
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.inject(text(1, 1000));
    rig.expect(".", 1, 0, 1001);
    rig.read(id);
    rig.expect_nothing();
}

fn open_with_sack(rig: &mut Rig) -> ConnectionId {
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000).sack_ok());
    assert!(rig.expect("S.", 0, 0, 1).options.sack_permitted);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener)
}

fn with_sack() -> Rig {
    Rig::with(Config {
        timestamps: false,
        window_scaling: false,
        ..Config::default()
    })
}

fn blocks(seg: &Seg) -> Vec<(u32, u32)> {
    let blocks = seg.options.sack.as_slice().iter();
    blocks.map(|(l, r)| (l.value(), r.value())).collect()
}

#[test]
fn sack_blocks_begin_with_the_most_recent() {
    let mut rig = with_sack();
    open_with_sack(&mut rig);
    let mut expected = Vec::new();
    for left in [1001, 3001, 5001, 7001, 9001] {
        rig.inject(text(left, 1000));
        expected.insert(0, (left, left + 1000));
        expected.truncate(4);
        assert_eq!(blocks(&rig.next()), expected);
    }
    // One in the middle grows, and is the first again.
    rig.inject(text(4001, 1000));
    assert_eq!(blocks(&rig.next())[0], (3001, 6001));
    rig.inject(text(1, 9000));
    let ack = rig.expect(".", 1, 0, 10_001);
    assert_eq!(blocks(&ack), []);
}

#[test]
fn sack_is_not_sent_unless_it_was_permitted() {
    let mut rig = with_sack();
    let listener = rig.listen();
    rig.open_passive(listener);
    rig.inject(text(1001, 1000));
    assert_eq!(blocks(&rig.next()), []);
}

#[test]
fn sack_is_reported_although_data_waits_to_be_sent() {
    let mut rig = with_sack();
    let id = open_with_sack(&mut rig);
    rig.link_full = true;
    rig.send(id, 1, 1000);
    rig.inject(text(1001, 1000));
    rig.inject(text(2001, 1000));
    rig.link_full = false;
    rig.flush();
    for _ in 0..2 {
        assert_eq!(blocks(&rig.expect(".", 1, 0, 1)), [(1001, 3001)]);
    }
    rig.expect("P.", 1, 1000, 1);
}

#[test]
fn each_segment_out_of_order_has_its_own_duplicate_ack() {
    let mut rig = Rig::plain();
    open(&mut rig);
    inject_batch(&mut rig, &[text(1001, 1000), text(2001, 1000), text(3001, 1000)]);
    for _ in 0..3 {
        rig.expect(".", 1, 0, 1);
    }
    rig.expect_nothing();
}

#[test]
fn an_acknowledgment_of_news_does_not_swallow_the_duplicates_after_it() {
    let mut rig = Rig::plain();
    open(&mut rig);
    let batch = [text(1, 1000), text(2001, 1000), text(3001, 1000), text(4001, 1000)];
    inject_batch(&mut rig, &batch);
    for _ in 0..4 {
        rig.expect(".", 1, 0, 1001);
    }
    rig.expect_nothing();
}

#[test]
fn a_hole_that_is_filled_in_the_same_batch_leaves_no_duplicates() {
    let mut rig = Rig::plain();
    open(&mut rig);
    let batch = [
        text(1001, 1000),
        text(2001, 1000),
        text(3001, 1000),
        text(4001, 1000),
        text(1, 1000),
    ];
    inject_batch(&mut rig, &batch);
    rig.expect(".", 1, 0, 5001);
    rig.expect_nothing();
}

#[test]
fn acknowledgments_are_delayed_by_40_ms_and_come_with_every_second_full_segment() {
    let mut rig = Rig::plain();
    after_quick_acks(&mut rig);
    rig.inject(text(17, 100));
    assert_eq!(rig.wait_for_segment(MS(500)), MS(40));
    rig.expect(".", 1, 0, 117);
    rig.inject(text(117, 1000));
    rig.expect_nothing();
    rig.inject(text(1117, 1000));
    rig.expect(".", 1, 0, 2117);
    rig.advance(Duration::from_secs(1));
    rig.expect_nothing();
}

#[test]
fn acknowledgment_rides_on_data() {
    let mut rig = Rig::plain();
    let id = after_quick_acks(&mut rig);
    rig.inject(text(17, 100));
    rig.expect_nothing();
    rig.send(id, 1, 10);
    rig.expect("P.", 1, 10, 117);
    rig.inject(Seg::new(".", 117).ack(11));
    rig.advance(Duration::from_secs(1));
    rig.expect_nothing();
}

#[test]
fn acknowledgment_delay_stays_under_half_a_second() {
    let mut rig = Rig::plain();
    let id = after_quick_acks(&mut rig);
    let mut options = rig.stack.options(id).unwrap();
    options.ack_delay = Duration::from_secs(10);
    rig.stack.set_options(rig.now(), id, options).unwrap();
    rig.inject(text(17, 100));
    assert_eq!(rig.wait_for_segment(Duration::from_secs(20)), MS(499));
}

#[test]
fn filled_hole_is_acknowledged_at_once() {
    let mut rig = Rig::plain();
    after_quick_acks(&mut rig);
    rig.inject(text(117, 100));
    rig.expect(".", 1, 0, 17);
    rig.inject(text(17, 100));
    rig.expect(".", 1, 0, 217);
    // A part of a hole too (RFC 5681 section 4.2).
    rig.inject(text(417, 100));
    rig.expect(".", 1, 0, 217);
    rig.inject(text(217, 100));
    rig.expect(".", 1, 0, 317);
}

#[test]
fn reading_gives_at_most_what_was_asked_for() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.inject(text(1, 1000));
    let mut all = Vec::new();
    for max in [1, 10, 500, 1000] {
        match rig.stack.receive(rig.now(), id, max) {
            Ok(Received::Data(bytes)) => {
                assert!(bytes.len() <= max);
                all.extend_from_slice(&bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(all, pattern(1, 1000));
    assert_eq!(rig.receive(id), Ok(Received::Nothing));
}

#[test]
fn text_beyond_the_peers_own_fin_is_not_taken() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.inject(Seg::new("F.", 11).ack(1).data(10));
    rig.inject(text(1, 100));
    assert_eq!(rig.read(id), pattern(1, 20));
    assert_eq!(rig.state(), State::CloseWait);
    assert_eq!(rig.receive(id), Ok(Received::Finished));
}

#[test]
fn urgent_data_stays_in_line_and_is_announced() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.events();
    rig.inject(Seg::new("U.", 1).ack(1).urg(5).data(10));
    let ready = Ready {
        readable: true,
        urgent: true,
        ..Ready::default()
    };
    assert_eq!(rig.events(), [Event::Connection(id, ready)]);
    assert_eq!(rig.status(id).urgent, Some(5));
    // The pointer moves on: announced again (RFC 9293 MUST-32), and never back.
    rig.inject(Seg::new("U.", 11).ack(1).urg(200));
    assert_eq!(rig.status(id).urgent, Some(210));
    rig.inject(Seg::new("U.", 11).ack(1).urg(100).data(200));
    assert_eq!(rig.status(id).urgent, Some(210));
    assert_eq!(rig.read(id), pattern(1, 210));
    assert_eq!(rig.status(id).urgent, None);
}

#[test]
fn urgent_data_is_sent_with_a_pointer_to_its_end() {
    let mut rig = Rig::plain();
    let id = open(&mut rig);
    rig.send(id, 1, 1000);
    rig.next();
    let mut data = bytes::Bytes::from(pattern(1001, 1500));
    assert_eq!(rig.stack.send_urgent(rig.now(), id, &mut data), Ok(1500));
    rig.flush();
    assert_eq!(rig.expect("U.", 1001, 1000, 1).urgent, 1500);
    assert_eq!(rig.expect("UP.", 2001, 500, 1).urgent, 500);
    rig.inject(Seg::new(".", 1).ack(2501));
    rig.send(id, 2501, 10);
    rig.expect("P.", 2501, 10, 1);
}

#[test]
fn receive_of_no_bytes_is_not_the_end_while_bytes_wait() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    rig.inject(Seg::new("FP.", 1).ack(1).data(10));
    let now = rig.now();
    assert_eq!(rig.stack.receive(now, id, 0), Ok(Received::Nothing));
    assert_eq!(rig.read(id), pattern(1, 10));
    assert_eq!(rig.stack.receive(now, id, 0), Ok(Received::Finished));
}
