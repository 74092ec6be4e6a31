//! Sending: the peer's window, segment sizes, Nagle, silly windows, probes, and the link (RFC 9293 sections 3.7 and 3.8.6).

use bytes::Bytes;
use syndic_stack::io::Offload;
use syndic_stack::status::Idle;
use syndic_stack::*;

use crate::rig::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// An active open with these settings; the peer answers with an MSS of 1000 and this window.
fn open(rig: &mut Rig, options: ConnectionOptions, window: u16) -> ConnectionId {
    let id = rig.connect_with(Some(options));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000).win(window));
    rig.expect(".", 1, 0, 1);
    id
}

fn no_delay() -> ConnectionOptions {
    ConnectionOptions {
        no_delay: true,
        ..ConnectionOptions::default()
    }
}

#[test]
fn no_more_is_sent_than_the_window_takes() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 2500);
    rig.send(id, 1, 10_000);
    rig.expect(".", 1, 1000, 1);
    rig.expect(".", 1001, 1000, 1);
    // What is left of the window is less than a segment and than half of the window.
    rig.expect_nothing();
    assert_eq!(rig.status(id).idle_because, Idle::SillyWindow);
    rig.inject(Seg::new(".", 1).ack(1001).win(2000));
    rig.expect(".", 2001, 1000, 1);
    rig.expect_nothing();
    assert_eq!(rig.status(id).idle_because, Idle::PeerWindow);
}

#[test]
fn window_scale_counts_in_every_segment_but_the_syn() {
    let mut rig = Rig::with(Config {
        timestamps: false,
        sack: false,
        connection: ConnectionOptions {
            receive_buffer: Buffer::Fixed(1 << 20),
            ..ConnectionOptions::default()
        },
        ..Config::default()
    });
    let id = rig.connect();
    let syn = rig.expect("S", 0, 0, 0);
    // 16 MiB, the largest receive buffer, is said in units of 256 bytes.
    assert_eq!(syn.options.window_scale.map(|s| s.shift()), Some(8));
    assert_eq!(syn.window, 65_535);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000).wscale(2).win(1000));
    assert_eq!(rig.status(id).snd_wnd, 1000);
    let ack = rig.expect(".", 1, 0, 1);
    assert_eq!(u32::from(ack.window) << 8, 1 << 20);
    rig.inject(Seg::new(".", 1).ack(1).win(1000));
    assert_eq!(rig.status(id).snd_wnd, 4000);
    assert_eq!(rig.status(id).window_scales, Some((8, 2)));
    // (2^20 - 1000) / 256, rounded up so that the right edge does not move to the left.
    rig.inject(Seg::new("P.", 1).ack(1).data(1000));
    assert_eq!(rig.expect(".", 1, 0, 1001).window, 4093);
}

#[test]
fn window_scale_is_used_by_both_sides_or_by_none() {
    let mut rig = Rig::with(Config {
        timestamps: false,
        sack: false,
        ..Config::default()
    });
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000).wscale(3));
    let syn_ack = rig.expect("S.", 0, 0, 1);
    assert_eq!(
        (syn_ack.options.window_scale.map(|s| s.shift()), syn_ack.window),
        (Some(8), 65_535)
    );
    rig.inject(Seg::new(".", 1).ack(1).win(100));
    let id = rig.accept(listener);
    assert_eq!(rig.status(id).snd_wnd, 800);

    rig.their_port += 1;
    rig.inject(Seg::new("S", 0).mss(1000));
    assert_eq!(rig.expect("S.", 0, 0, 1).options.window_scale, None);
    rig.inject(Seg::new(".", 1).ack(1).win(100));
    let id = rig.accept(listener);
    assert_eq!(rig.status(id).snd_wnd, 100);
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    assert_eq!(rig.expect(".", 1, 0, 11).window, 65_525);
}

#[test]
fn segments_are_no_larger_than_the_mss_less_the_options() {
    // The peer's MSS, whether timestamps are used, IPv6, and the payload that follows.
    for (name, mss, timestamps, is_v6, payload) in [
        ("as the peer states it", Some(1000), false, false, 1000),
        ("options counted off", Some(1000), true, false, 988),
        ("not stated", None, false, false, 536),
        ("not stated, IPv6", None, false, true, 1220),
        ("more than our link takes", Some(9000), false, false, 1460),
        ("more than our link takes, options", Some(9000), true, false, 1448),
        ("less than the floor", Some(1), false, false, 216),
    ] {
        let mut rig = Rig::with(Config {
            timestamps,
            sack: false,
            window_scaling: false,
            ..Config::default()
        });
        if is_v6 {
            (rig.ours, rig.theirs) = (v6(2), v6(1));
        }
        let id = rig.connect();
        rig.next();
        let mut syn_ack = Seg::new("S.", 0).ack(1);
        syn_ack.options.mss = mss;
        if timestamps {
            syn_ack = syn_ack.ts(PEER_TS, 0);
        }
        rig.inject(syn_ack);
        rig.next();
        rig.send(id, 1, 20_000);
        assert_eq!(rig.next().payload.len(), payload, "{name}");
        assert_eq!(rig.status(id).snd_mss, payload, "{name}");
    }
}

#[test]
fn segmentation_keeps_every_byte_and_push_marks_the_end() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 65_535);
    rig.send(id, 1, 2500);
    let mut sent = rig.expect(".", 1, 1000, 1).payload;
    sent.extend(rig.expect(".", 1001, 1000, 1).payload);
    sent.extend(rig.expect("P.", 2001, 500, 1).payload);
    assert_eq!(sent, pattern(1, 2500));
    rig.send(id, 2501, 1000);
    assert_eq!(rig.expect("P.", 2501, 1000, 1).payload, pattern(2501, 1000));
}

#[test]
fn nagle_holds_a_small_segment_while_anything_is_in_flight() {
    for (name, options, held) in [("on", ConnectionOptions::default(), true), ("off", no_delay(), false)] {
        let mut rig = Rig::plain();
        let id = open(&mut rig, options, 65_535);
        rig.send(id, 1, 10);
        rig.expect("P.", 1, 10, 1);
        rig.send(id, 11, 10);
        if held {
            assert_eq!(rig.status(id).idle_because, Idle::Nagle, "{name}");
            rig.send(id, 21, 10);
            rig.expect_nothing();
            rig.inject(Seg::new(".", 1).ack(11));
            rig.expect("P.", 11, 20, 1);
        } else {
            rig.expect("P.", 11, 10, 1);
        }
        rig.expect_nothing();
    }
}

#[test]
fn nagle_lets_full_segments_and_the_last_one_before_the_fin_go() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, ConnectionOptions::default(), 65_535);
    rig.send(id, 1, 2100);
    rig.expect(".", 1, 1000, 1);
    rig.expect(".", 1001, 1000, 1);
    rig.expect_nothing();
    rig.shutdown(id);
    rig.expect("FP.", 2001, 100, 1);
}

#[test]
fn nagle_holds_a_small_segment_although_it_fills_half_of_a_small_window() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, ConnectionOptions::default(), 200);
    rig.send(id, 1, 20);
    rig.expect("P.", 1, 20, 1);
    rig.send(id, 21, 120);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(21).win(200));
    rig.expect("P.", 21, 120, 1);
}

#[test]
fn silly_window_waits_for_the_override_timer() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 2500);
    rig.send(id, 1, 10_000);
    rig.expect(".", 1, 1000, 1);
    rig.expect(".", 1001, 1000, 1);
    rig.inject(Seg::new(".", 1).ack(2001).win(500));
    assert_eq!(rig.wait_for_segment(MS(1000)), MS(500));
    rig.expect(".", 2001, 500, 1);
    // The override is no timeout: neither is the next one doubled, nor the window reduced.
    assert_eq!((rig.status(id).backoff, rig.status(id).cwnd), (0, 10_000));
    assert_eq!(rig.wait_for_segment(MS(1000)), MS(200));
}

#[test]
fn half_of_the_largest_window_is_not_silly() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 900);
    rig.send(id, 1, 10_000);
    rig.expect(".", 1, 900, 1);
    rig.inject(Seg::new(".", 1).ack(901).win(449));
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(901).win(450));
    rig.expect(".", 901, 450, 1);
}

/// Sends `len` bytes into a window that was closed before anything went.
fn against_closed_window(rig: &mut Rig, options: ConnectionOptions, len: usize) -> ConnectionId {
    let id = open(rig, options, 65_535);
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    rig.send(id, 1, len);
    rig.expect_nothing();
    id
}

#[test]
fn zero_window_probes_back_off_and_go_on_while_they_are_answered() {
    let mut rig = Rig::plain();
    let id = against_closed_window(&mut rig, no_delay(), 5000);
    assert_eq!(rig.status(id).idle_because, Idle::PeerWindow);
    let mut wait = MS(200);
    for _ in 0..40 {
        assert_eq!(rig.wait_for_segment(Duration::from_secs(61)), wait);
        rig.expect(".", 1, 1, 1);
        rig.inject(Seg::new(".", 1).ack(1).win(0));
        wait = (wait + wait).min(Duration::from_secs(60));
    }
    assert_eq!(rig.state(), State::Established);
    assert!(rig.stack.observer().causes.contains(&Cause::WindowProbe));
}

#[test]
fn zero_window_probe_is_given_up_when_nothing_answers() {
    let mut rig = Rig::plain();
    let options = ConnectionOptions {
        retransmissions_max: 3,
        ..no_delay()
    };
    let id = against_closed_window(&mut rig, options, 5000);
    for wait in [200, 400, 800] {
        assert_eq!(rig.wait_for_segment(Duration::from_secs(60)), MS(wait));
        rig.expect(".", 1, 1, 1);
    }
    rig.advance(MS(1599));
    assert_eq!(rig.state(), State::Established);
    rig.advance(MS(1));
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
}

#[test]
fn zero_window_that_reopens_gets_full_segments_from_the_probe_byte_on() {
    let mut rig = Rig::plain();
    let id = against_closed_window(&mut rig, no_delay(), 2500);
    rig.wait_for_segment(MS(200));
    rig.expect(".", 1, 1, 1);
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    rig.inject(Seg::new(".", 1).ack(1).win(65_535));
    rig.expect(".", 1, 1000, 1);
    rig.expect(".", 1001, 1000, 1);
    rig.expect("P.", 2001, 500, 1);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(2501));
    assert_eq!(rig.stack.counters().bytes_out, 2500, "no byte counts twice");
    assert_eq!(rig.status(id).send_queue, 0);
    // Nothing is taken for lost any more.
    rig.send(id, 2501, 1000);
    rig.expect("P.", 2501, 1000, 1);
    rig.expect_nothing();
}

/// Nagle sees no small segment in flight: what waited for the window is one with the byte that the probe had carried.
#[test]
fn zero_window_that_reopens_gets_all_of_a_small_rest_at_once_in_spite_of_nagle() {
    for (name, window, fin, expected) in [
        ("all of it", 65_535, false, ("P.", 300)),
        ("and the FIN", 65_535, true, ("FP.", 300)),
        ("all of it and no room for the FIN", 300, true, ("P.", 300)),
        ("half of the largest window", 150, false, (".", 150)),
        ("a silly window, which only the probe byte may use", 99, false, (".", 1)),
    ] {
        let mut rig = Rig::plain();
        let id = open(&mut rig, ConnectionOptions::default(), 200);
        rig.inject(Seg::new(".", 1).ack(1).win(0));
        rig.send(id, 1, 300);
        if fin {
            rig.shutdown(id);
        }
        rig.wait_for_segment(MS(200));
        rig.expect(".", 1, 1, 1);
        rig.inject(Seg::new(".", 1).ack(1).win(window));
        let seg = rig.next();
        let got = (seg.flags, seg.seq, seg.payload.len());
        assert_eq!(got, (flags(expected.0), 1, expected.1), "{name}");
        rig.expect_nothing();
    }
}

/// A window that shrank to nothing over several segments: they are sent again, the last filled up with new data.
#[test]
fn zero_window_that_reopens_over_a_flight_fills_up_its_last_segment() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 65_535);
    rig.send(id, 1, 1200);
    rig.expect(".", 1, 1000, 1);
    rig.expect("P.", 1001, 200, 1);
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    rig.send(id, 1201, 1000);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(1).win(65_535));
    rig.expect(".", 1, 1000, 1);
    rig.expect(".", 1001, 1000, 1);
    rig.expect("P.", 2001, 200, 1);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(2201));
    assert_eq!(rig.status(id).send_queue, 0);
}

#[test]
fn zero_window_that_takes_the_probe_byte_is_probed_with_the_next_one() {
    let mut rig = Rig::plain();
    against_closed_window(&mut rig, no_delay(), 5000);
    rig.wait_for_segment(MS(200));
    rig.expect(".", 1, 1, 1);
    rig.inject(Seg::new(".", 1).ack(2).win(0));
    rig.wait_for_segment(Duration::from_secs(1));
    rig.expect(".", 2, 1, 1);
    rig.inject(Seg::new(".", 1).ack(3).win(65_535));
    rig.expect(".", 3, 1000, 1);
}

#[test]
fn zero_window_that_reopens_and_closes_while_the_link_is_full_is_probed_again() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 65_535);
    rig.send(id, 1, 1000);
    rig.next();
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    rig.link_full = true;
    rig.inject(Seg::new(".", 1).ack(1).win(5000));
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    rig.link_full = false;
    rig.flush();
    rig.expect_nothing();
    rig.wait_for_segment(Duration::from_secs(1));
    rig.expect("P.", 1, 1000, 1);
}

#[test]
fn zero_window_is_probed_with_the_fin_when_nothing_else_waits() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 65_535);
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    rig.shutdown(id);
    rig.expect_nothing();
    assert_eq!(rig.wait_for_segment(Duration::from_secs(1)), MS(200));
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1).win(0));
    assert_eq!(rig.wait_for_segment(Duration::from_secs(1)), MS(400));
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new(".", 1).ack(2).win(0));
    assert_eq!(rig.state(), State::FinWait2);
}

#[test]
fn shrunken_window_stops_new_data_and_not_retransmission() {
    let mut rig = Rig::plain();
    let options = ConnectionOptions {
        retransmissions_max: 4,
        ..no_delay()
    };
    let id = open(&mut rig, options, 5000);
    rig.send(id, 1, 20_000);
    for i in 0..5 {
        rig.expect(".", 1 + i * 1000, 1000, 1);
    }
    rig.inject(Seg::new(".", 1).ack(1001).win(1000));
    rig.expect_nothing();
    assert_eq!(rig.wait_for_segment(MS(300)), MS(200));
    rig.expect(".", 1001, 1000, 1);
    rig.expect_nothing();
    // It shrinks to nothing: probed when the timer says so, and not before.
    rig.inject(Seg::new(".", 1).ack(2001).win(0));
    assert_eq!(rig.wait_for_segment(MS(300)), MS(200));
    rig.expect(".", 2001, 1000, 1);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(2001).win(0));
    assert_eq!(rig.wait_for_segment(MS(500)), MS(400));
    rig.expect(".", 2001, 1000, 1);
    // And opens: what the peer had dropped follows, then new data.
    rig.inject(Seg::new(".", 1).ack(2001).win(1000));
    for i in 2..8 {
        rig.expect(".", 1 + i * 1000, 1000, 1);
        rig.expect_nothing();
        rig.inject(Seg::new(".", 1).ack(1001 + i * 1000).win(1000));
    }
    assert_eq!(rig.state(), State::Established);
}

#[test]
fn window_is_taken_from_the_newest_segment_only() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 65_535);
    rig.send(id, 1, 2000);
    rig.inject(Seg::new(".", 1).ack(2001).win(7000));
    // WL1: this one was sent before the next although it comes after it.
    rig.inject(Seg::new(".", 21).ack(2001).data(10).win(3000));
    assert_eq!(rig.status(id).snd_wnd, 3000);
    rig.inject(Seg::new(".", 11).ack(2001).data(10).win(9000));
    assert_eq!(rig.status(id).snd_wnd, 3000);
    // WL2: an old acknowledgment.
    rig.inject(Seg::new(".", 31).ack(1001).win(9000));
    assert_eq!(rig.status(id).snd_wnd, 3000);
    rig.inject(Seg::new(".", 31).ack(2001).win(9000));
    assert_eq!(rig.status(id).snd_wnd, 9000);
}

#[test]
fn send_buffer_takes_what_fits_and_says_when_there_is_room() {
    let mut rig = Rig::plain();
    let options = ConnectionOptions {
        send_buffer: 3000.into(),
        ..no_delay()
    };
    let id = open(&mut rig, options, 65_535);
    rig.events();
    assert_eq!(rig.send(id, 1, 5000), 3000);
    assert_eq!(rig.send(id, 3001, 10), 0);
    assert_eq!(rig.stack.send_room(id), Ok(0));
    rig.inject(Seg::new(".", 1).ack(501));
    assert_eq!(rig.events(), [], "room for a sixth is not worth waking anybody");
    rig.inject(Seg::new(".", 1).ack(1001));
    let writable = Ready {
        writable: true,
        ..Ready::default()
    };
    assert_eq!(rig.events(), [Event::Connection(id, writable)]);
    assert_eq!(rig.send(id, 3001, 2000), 1000);
}

#[test]
fn nothing_counts_as_sent_before_the_link_took_it() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 65_535);
    rig.link_full = true;
    rig.send(id, 1, 1500);
    let status = rig.status(id);
    assert_eq!((status.snd_nxt, status.idle_because), (status.snd_una, Idle::Link));
    assert_eq!(rig.stack.poll_timeout(), None, "what was not sent cannot be lost");
    rig.link_full = false;
    rig.flush();
    rig.expect(".", 1, 1000, 1);
    rig.expect("P.", 1001, 500, 1);
    assert_eq!(rig.status(id).snd_nxt, status.snd_nxt + 1500);
    assert!(rig.stack.poll_timeout().is_some());
}

/// What a link with offload was given.
#[derive(Default)]
struct Taken {
    packets: Vec<(Vec<u8>, Vec<u8>, Offload)>,
}

impl Sink for Taken {
    fn send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), Full> {
        self.packets.push((head.to_vec(), payload.concat(), offload));
        Ok(())
    }
}

#[test]
fn super_segments_are_whole_segments_for_the_link_to_cut() {
    let mut rig = Rig::with(Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        super_segment_max: Some(4500),
        ..Config::default()
    });
    let id = open(&mut rig, ConnectionOptions::default(), 65_535);
    rig.link_full = true;
    rig.send(id, 1, 9500);
    let mut link = Taken::default();
    assert!(!rig.stack.poll_transmit(rig.now(), Budget::default(), &mut link));
    let seen: Vec<_> = link.packets.iter().map(|(_, p, o)| (p.len(), o.segment_size)).collect();
    // Nagle holds the last 500 bytes, which are no whole segment.
    assert_eq!(seen, [(4000, Some(1000)), (4000, Some(1000)), (1000, None)]);
    let bytes: Vec<u8> = link.packets.into_iter().flat_map(|(_, p, _)| p).collect();
    assert_eq!(bytes, pattern(1, 9000));
    rig.inject(Seg::new(".", 1).ack(9001));
    let mut link = Taken::default();
    rig.stack.poll_transmit(rig.now(), Budget::default(), &mut link);
    assert_eq!(link.packets.len(), 1);
}

#[test]
fn super_segments_are_sent_again_as_the_congestion_window_lets_them() {
    let mut rig = Rig::with(Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        super_segment_max: Some(60_000),
        ..Config::default()
    });
    let id = open(&mut rig, no_delay(), 65_535);
    rig.link_full = true;
    rig.send(id, 1, 10_000);
    let sizes = |rig: &mut Rig| -> Vec<usize> {
        let mut link = Taken::default();
        rig.stack.poll_transmit(rig.now(), Budget::default(), &mut link);
        link.packets.iter().map(|(_, p, _)| p.len()).collect()
    };
    assert_eq!(sizes(&mut rig), [10_000]);
    rig.now += MS(200);
    rig.stack.handle_timeout(rig.now());
    assert_eq!(sizes(&mut rig), [1000]);
    rig.inject(Seg::new(".", 1).ack(1001));
    assert_eq!(sizes(&mut rig), [2000]);
    // One of the two: two more fit although what is left is a single super-segment.
    rig.inject(Seg::new(".", 1).ack(2001));
    assert_eq!(sizes(&mut rig), [2000]);
}

/// RFC 9293 section 3.10.7.4, fifth: what acknowledges more was sent later, so its window counts, though it fills a hole
/// and its sequence number is older than that of the segment that set the window last.
#[test]
fn window_of_a_newer_ack_counts_when_its_sequence_number_is_older() {
    let mut rig = Rig::plain();
    let id = open(&mut rig, no_delay(), 1000);
    rig.send(id, 1, 500);
    rig.expect("P.", 1, 500, 1);
    rig.inject(Seg::new(".", 11).ack(1).win(1000).data(10));
    rig.expect(".", 501, 0, 1);
    rig.inject(Seg::new(".", 1).ack(501).win(500).data(10));
    rig.expect(".", 501, 0, 21);
    rig.send(id, 501, 1000);
    // The peer's right edge stands at 1001.
    rig.expect(".", 501, 500, 21);
    // Late, for it acknowledges less: its window is an old one.
    rig.inject(Seg::new(".", 21).ack(401).win(1000));
    rig.expect_nothing();
}

#[test]
fn checksum_offload_leaves_the_pseudo_header_sum() {
    let mut rig = Rig::with(Config {
        timestamps: false,
        window_scaling: false,
        sack: false,
        checksum_offload: true,
        ..Config::default()
    });
    rig.link_full = true;
    rig.connect();
    let mut link = Taken::default();
    rig.stack.poll_transmit(rig.now(), Budget::default(), &mut link);
    let [(mut head, _, offload)] = <[_; 1]>::try_from(link.packets).expect("one SYN");
    assert_eq!(offload.checksum, Some((20, 16)));
    // The link sums the TCP part, partial sum included, and writes the complement: then the segment is intact.
    let sum = head[20..].chunks(2).fold(0u32, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    head[36..38].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    assert!(wire::tcp::is_intact(rig.ours, rig.theirs, &head[20..]));
}

#[test]
fn connections_take_turns_and_the_budget_is_kept() {
    let mut rig = Rig::plain();
    let first = open(&mut rig, no_delay(), 65_535);
    let port = rig.our_port;
    rig.our_port += 1;
    let second = open(&mut rig, no_delay(), 65_535);
    rig.link_full = true;
    let data = Bytes::from(pattern(1, 8000));
    for id in [first, second] {
        assert_eq!(rig.stack.send(rig.now(), id, &mut data.clone()), Ok(8000));
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        let mut link = Taken::default();
        rig.stack.poll_transmit(rig.now(), Budget { packets: 4 }, &mut link);
        assert_eq!(link.packets.len(), 4);
        let ports = link.packets.iter().map(|(h, ..)| u16::from_be_bytes([h[20], h[21]]));
        seen.push(ports.collect::<Vec<_>>());
    }
    assert_eq!(seen, [[port; 4], [port + 1; 4], [port; 4], [port + 1; 4]]);
    let mut link = Taken::default();
    assert!(!rig.stack.poll_transmit(rig.now(), Budget { packets: 4 }, &mut link));
    assert!(link.packets.is_empty());
}
