//! Opening a connection (RFC 9293 sections 3.5 and 3.10.7): who says what, in which numbers, and what is negotiated. What
//! happens when pieces are lost is in `handshake`, who may listen and connect in `calls`.

use crate::rig::*;
use syndic_stack::*;

/// A stack and a peer that speak IPv4, and the same in IPv6.
fn both_families() -> [Rig; 2] {
    let mut six = Rig::plain();
    (six.ours, six.theirs) = (v6(2), v6(1));
    [Rig::plain(), six]
}

#[test]
fn passive_open_in_three_steps() {
    for (mut rig, mss) in both_families().into_iter().zip([1460, 1440]) {
        let listener = rig.listen();
        rig.inject(Seg::new("S", 0).mss(1460));
        assert_eq!(rig.state(), State::SynReceived);
        let syn_ack = rig.expect("S.", 0, 0, 1);
        assert_eq!(syn_ack.options.mss, Some(mss));
        rig.inject(Seg::new(".", 1).ack(1));
        assert_eq!(rig.state(), State::Established);
        assert_eq!(rig.events(), [Event::Acceptable(listener)]);
        let id = rig.accept(listener);
        rig.inject(Seg::new("P.", 1).ack(1).data(100));
        rig.expect(".", 1, 0, 101);
        assert_eq!(rig.read(id), pattern(1, 100));
        assert_eq!(rig.stack.counters().opens_passive, 1);
    }
}

#[test]
fn active_open_in_three_steps() {
    for mut rig in both_families() {
        let id = rig.connect();
        assert_eq!(rig.state(), State::SynSent);
        let syn = rig.expect("S", 0, 0, 0);
        assert!(syn.payload.is_empty());
        rig.expect_nothing();
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        rig.expect(".", 1, 0, 1);
        assert_eq!(rig.state(), State::Established);
        let ready = Ready {
            opened: true,
            ..Ready::default()
        };
        assert_eq!(rig.events(), [Event::Connection(id, ready)]);
        assert_eq!(
            rig.stack.observer().states,
            [(State::Closed, State::SynSent), (State::SynSent, State::Established)]
        );
        assert_eq!(rig.stack.counters().opens_active, 1);
    }
}

#[test]
fn active_open_and_close_in_full() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.send(id, 1, 1500), 1500);
    rig.expect(".", 1, 1000, 1);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(1001));
    rig.expect("P.", 1001, 500, 1);
    rig.inject(Seg::new(".", 1).ack(1501));
    rig.close(id);
    assert_eq!(rig.state(), State::FinWait1);
    rig.expect("F.", 1501, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1502));
    assert_eq!(rig.state(), State::FinWait2);
    rig.inject(Seg::new("F.", 1).ack(1502));
    rig.expect(".", 1502, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(Duration::from_secs(61));
    assert_eq!(rig.state(), State::Closed);
    rig.assert_quiet();
}

/// RFC 9293 figure 8, as the side whose SYN-ACK comes last, and as the one whose comes first.
#[test]
fn simultaneous_open_when_syns_cross() {
    for (name, answer) in [("their SYN-ACK", "S."), ("a bare ACK of our SYN-ACK", ".")] {
        for mut rig in both_families() {
            let id = rig.connect();
            rig.expect("S", 0, 0, 0);
            rig.inject(Seg::new("S", 0).mss(1000));
            assert_eq!(rig.state(), State::SynReceived, "{name}");
            let syn_ack = rig.expect("S.", 0, 0, 1);
            assert_eq!(syn_ack.window, 65_535, "{name}");
            rig.inject(Seg::new(answer, u32::from(answer == ".")).ack(1));
            assert_eq!(rig.state(), State::Established, "{name}");
            assert_eq!(rig.send(id, 1, 100), 100, "{name}");
            rig.expect("P.", 1, 100, 1);
            rig.inject(Seg::new("P.", 1).ack(101).data(10));
            assert_eq!(rig.read(id), pattern(1, 10), "{name}");
        }
    }
}

/// CLOSE in SYN-RECEIVED leads past ESTABLISHED: the user is told all the same that it is open, and the keep-alive it asked for
/// watches a peer that never closes.
#[test]
fn simultaneous_open_whose_user_has_closed_before_is_told_and_watched() {
    let mut rig = Rig::plain();
    let id = rig.connect_with(Some(ConnectionOptions {
        keep_alive: Some(KeepAlive {
            idle: Duration::from_secs(10),
            interval: Duration::from_secs(2),
            probes: 1,
        }),
        ..ConnectionOptions::default()
    }));
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.shutdown(id);
    assert_eq!(rig.state(), State::FinWait1);
    rig.events();
    rig.inject(Seg::new("S.", 0).ack(1));
    let opened = |event: &Event| matches!(event, Event::Connection(of, ready) if *of == id && ready.opened);
    assert!(rig.events().iter().any(opened), "nobody told the user that it is open");
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new(".", 1).ack(2));
    assert_eq!(rig.state(), State::FinWait2);
    rig.wait_for_segment(Duration::from_secs(60));
    rig.expect(".", 1, 0, 1);
    rig.wait_for_segment(Duration::from_secs(60));
    rig.expect("R.", 2, 0, 1);
    assert_eq!(rig.status(id).ended, Some(Ended::TimedOut));
}

/// A crossing SYN-ACK is a SYN: its window is not scaled (RFC 7323 section 2.2).
#[test]
fn window_of_a_crossing_syn_ack_is_not_scaled() {
    let mut rig = Rig::with(Config {
        timestamps: false,
        ..Config::default()
    });
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000).wscale(7).win(1000));
    assert_eq!(rig.status(id).snd_wnd, 1000);
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000).wscale(7).win(2000));
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.status(id).snd_wnd, 2000);
    rig.inject(Seg::new(".", 1).ack(1).win(2000));
    assert_eq!(rig.status(id).snd_wnd, 2000 << 7);
}

/// RFC 6528: without the key an ISN says nothing of another; with the time it moves on.
#[test]
fn isn_of_an_active_open_is_keyed_per_four_tuple_and_moves_with_time() {
    let isn = |their_port: u16, wait: Duration, master: u8| {
        let mut rig = Rig::plain();
        rig.stack = Stack::new(
            Config {
                addresses: vec![v4(2)],
                ..Config::default()
            },
            Secrets {
                master: [master; 32],
                public: 1,
            },
            Log::default(),
        );
        rig.their_port = their_port;
        rig.advance(wait);
        rig.connect();
        rig.iss
    };
    let first = isn(40_001, Duration::ZERO, 7);
    assert_eq!(first, isn(40_001, Duration::ZERO, 7), "a pure function of its inputs");
    // One tick in 4 us (RFC 9293 section 3.4.1), so that 2^32 ticks last longer than MSL.
    assert_eq!(isn(40_001, Duration::from_secs(1), 7).wrapping_sub(first), 250_000);
    let near = |other: u32| other.wrapping_sub(first).min(first.wrapping_sub(other)) < 1 << 16;
    assert!(!near(isn(40_002, Duration::ZERO, 7)), "another four-tuple");
    assert!(!near(isn(40_001, Duration::ZERO, 8)), "another secret");
}

#[test]
fn iss_of_a_passive_open_is_keyed_and_differs_with_the_peers_isn_and_the_epoch() {
    let iss = |seq: u32, wait: Duration, their_port: u16| {
        let mut rig = Rig::plain();
        rig.their_port = their_port;
        rig.listen();
        rig.advance(wait);
        rig.inject(Seg::new("S", seq).mss(1000));
        rig.iss
    };
    let first = iss(0, Duration::ZERO, 40_001);
    assert_eq!(first, iss(0, Duration::ZERO, 40_001));
    assert_ne!(first, iss(1, Duration::ZERO, 40_001), "another ISN");
    assert_ne!(first, iss(0, Duration::from_secs(64), 40_001), "another epoch");
    assert_ne!(first, iss(0, Duration::ZERO, 40_002), "another four-tuple");
}

/// RFC 9293 section 3.10.7.3, first step: an ACK other than ISS + 1 is answered with `<SEQ=SEG.ACK><CTL=RST>`.
#[test]
fn syn_sent_resets_an_ack_that_is_not_iss_plus_one() {
    for (name, text, ack) in [
        ("SYN-ACK too low", "S.", 0),
        ("SYN-ACK too high", "S.", 2),
        ("SYN-ACK far off", "S.", 0x8000_0000),
        ("bare ACK", ".", 77),
        ("data", "P.", 3),
    ] {
        let mut rig = Rig::plain();
        rig.connect();
        rig.expect("S", 0, 0, 0);
        rig.inject(Seg::new(text, 0).ack(ack));
        rig.expect("R", ack, 0, 0);
        rig.expect_nothing();
        assert_eq!(rig.state(), State::SynSent, "{name}");
        assert_eq!(rig.dropped(Why::BadHandshakeAck), 1, "{name}");
        rig.inject(Seg::new("S.", 0).ack(1));
        assert_eq!(rig.state(), State::Established, "{name}: the right one still counts");
    }
}

/// RFC 9293 section 3.10.7.4, fifth step, SYN-RECEIVED: the same for the third ACK.
#[test]
fn syn_received_resets_an_ack_that_is_not_iss_plus_one() {
    for (name, ack) in [("too low", 0), ("too high", 2), ("far off", 0x8000_0000)] {
        let mut rig = Rig::plain();
        let listener = rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new(".", 1).ack(ack));
        rig.expect("R", ack, 0, 0);
        assert_eq!(rig.state(), State::SynReceived, "{name}");
        assert_eq!(rig.dropped(Why::BadHandshakeAck), 1, "{name}");
        rig.inject(Seg::new(".", 1).ack(1));
        assert_eq!(rig.state(), State::Established, "{name}");
        rig.accept(listener);
    }
}

#[test]
fn simultaneous_open_resets_an_ack_that_is_not_iss_plus_one() {
    for (text, seq, ack) in [("S.", 0, 2), (".", 1, 0), (".", 1, 2)] {
        let mut rig = Rig::plain();
        rig.connect();
        rig.expect("S", 0, 0, 0);
        rig.inject(Seg::new("S", 0));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new(text, seq).ack(ack));
        rig.expect("R", ack, 0, 0);
        assert_eq!(rig.state(), State::SynReceived, "{text} {ack}");
    }
}

/// Bad acknowledgments cannot make a connection a source of any number of resets.
#[test]
fn resets_for_bad_acks_have_the_connections_budget() {
    let mut rig = Rig::plain();
    rig.connect();
    rig.expect("S", 0, 0, 0);
    for _ in 0..30 {
        rig.inject(Seg::new("S.", 0).ack(2));
    }
    assert_eq!(rig.out.len(), 10);
    assert_eq!(rig.dropped(Why::BadHandshakeAck), 30);
}

/// RFC 9293 section 3.10.7.3, second step, and RFC 5961 section 3.2: only an RST that acknowledges our SYN counts.
#[test]
fn syn_sent_believes_only_an_rst_that_acknowledges_our_syn() {
    for (name, seg, why) in [
        ("no ACK", Seg::new("R", 0), Why::ResetOutOfWindow),
        ("ACK too low", Seg::new("R.", 0).ack(0), Why::BadHandshakeAck),
        ("ACK too high", Seg::new("R.", 0).ack(2), Why::BadHandshakeAck),
    ] {
        let mut rig = Rig::plain();
        let id = rig.connect();
        rig.expect("S", 0, 0, 0);
        rig.inject(seg);
        rig.expect_nothing();
        assert_eq!(rig.state(), State::SynSent, "{name}");
        assert_eq!(rig.dropped(why), 1, "{name}");
        rig.inject(Seg::new("R.", 0).ack(1));
        assert_eq!(rig.status(id).ended, Some(Ended::Refused), "{name}");
    }
}

#[test]
fn refused_connection_is_told_and_gives_its_memory_back() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("R.", 0).ack(1));
    rig.expect_nothing();
    assert_eq!(rig.state(), State::Closed);
    let [Event::Connection(_, ready)] = rig.events()[..] else {
        panic!()
    };
    assert!(ready.opened && ready.ended && ready.readable);
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::Refused)));
    assert_eq!(rig.stack.observer().ended, [Ended::Refused]);
    rig.close(id);
    rig.assert_quiet();
}

#[test]
fn syn_sent_drops_what_has_neither_syn_nor_rst() {
    let mut rig = Rig::plain();
    rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    rig.inject(Seg::new("F", 1));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::NotSyn), 2);
    assert_eq!(rig.state(), State::SynSent);
}

/// RFC 9293 section 3.10.7.2, third step: text on a SYN is not taken here; its sender has it still and sends it again.
#[test]
fn text_on_a_syn_is_left_to_be_sent_again() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    let text = pattern(1, 50);
    rig.inject(Seg::new("S", 0).mss(1000).bytes(&text));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).bytes(&text));
    let id = rig.accept(listener);
    rig.expect(".", 1, 0, 51);
    assert_eq!(rig.read(id), text);
}

#[test]
fn text_on_a_crossing_syn_is_left_to_be_sent_again() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000).bytes(&pattern(1, 50)));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(50));
    assert_eq!(rig.read(id), pattern(1, 50));
}

/// RFC 9293 section 3.10.7.3, fourth step: text on a SYN-ACK is processed, but no more than our window takes.
#[test]
fn text_on_a_syn_ack_is_taken_up_to_the_window() {
    for (name, buffer, sent, taken) in [("all", 1 << 16, 50, 50), ("what fits", 20, 50, 20)] {
        let mut rig = Rig::plain();
        let id = rig.connect_with(Some(ConnectionOptions {
            receive_buffer: buffer.into(),
            ..ConnectionOptions::default()
        }));
        rig.expect("S", 0, 0, 0);
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000).bytes(&pattern(1, sent)));
        rig.expect(".", 1, 0, 1 + taken as u32);
        assert_eq!(rig.read(id), pattern(1, taken), "{name}");
    }
}

/// RFC 9293 section 3.4 lets a SYN carry data; ours never does, whatever waits to be sent.
#[test]
fn our_syn_never_carries_data() {
    let mut rig = Rig::plain();
    rig.link_full = true;
    let id = rig.connect();
    assert_eq!(rig.send(id, 1, 300), 300);
    rig.link_full = false;
    rig.flush();
    rig.expect("S", 0, 0, 0);
    rig.expect_nothing();
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect("P.", 1, 300, 1);
    rig.expect_nothing();
}

#[test]
fn data_on_the_third_ack_is_taken() {
    for mut rig in both_families() {
        let listener = rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new("P.", 1).ack(1).data(200));
        let id = rig.accept(listener);
        rig.expect(".", 1, 0, 201);
        assert_eq!(rig.read(id), pattern(1, 200));
    }
}

#[test]
fn fin_on_the_third_ack_is_taken() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("FP.", 1).ack(1).data(20));
    assert_eq!(rig.state(), State::CloseWait);
    let id = rig.accept(listener);
    rig.expect(".", 1, 0, 22);
    assert_eq!(rig.read(id), pattern(1, 20));
    assert_eq!(rig.receive(id), Ok(Received::Finished));
}

/// The SYN, whether we offer, the payload of a full segment in IPv4, scales, timestamps, SACK.
type Negotiation = (&'static str, Seg, bool, usize, Option<(u8, u8)>, bool, bool);

/// RFC 9293 MUST-14, MUST-15, MUST-16, and RFC 7323 section 1.3: what one side alone offers is not in use.
#[test]
fn option_negotiation_table() {
    #[rustfmt::skip]
    let rows: &[Negotiation] = &[
        ("nothing", Seg::new("S", 0), true, 536, None, false, false),
        ("MSS", Seg::new("S", 0).mss(1200), true, 1200, None, false, false),
        ("MSS larger than our link", Seg::new("S", 0).mss(9000), true, 1460, None, false, false),
        ("MSS of 0", Seg::new("S", 0).mss(0), true, 216, None, false, false),
        ("scale", Seg::new("S", 0).mss(1000).wscale(7), true, 1000, Some((8, 7)), false, false),
        ("scale of 0", Seg::new("S", 0).mss(1000).wscale(0), true, 1000, Some((8, 0)), false, false),
        ("timestamps", Seg::new("S", 0).mss(1000).ts(PEER_TS, 0), true, 988, None, true, false),
        ("SACK", Seg::new("S", 0).mss(1000).sack_ok(), true, 1000, None, false, true),
        ("all", Seg::new("S", 0).mss(1000).wscale(2).ts(PEER_TS, 0).sack_ok(), true, 988, Some((8, 2)), true, true),
        ("all, and we want none", Seg::new("S", 0).mss(1000).wscale(2).ts(PEER_TS, 0).sack_ok(), false, 1000, None, false, false),
    ];
    for (name, syn, offer, payload, scales, timestamps, sack) in rows {
        for active in [false, true] {
            let mut rig = Rig::with(Config {
                window_scaling: *offer,
                timestamps: *offer,
                sack: *offer,
                ..Config::default()
            });
            let id = if active {
                let id = rig.connect();
                let ours = rig.expect("S", 0, 0, 0).options;
                let offered = [
                    ours.window_scale.is_some(),
                    ours.timestamps.is_some(),
                    ours.sack_permitted,
                ];
                assert_eq!(offered, [*offer; 3], "{name}");
                let mut syn_ack = syn.clone();
                syn_ack.flags = flags("S.");
                syn_ack.ack = 1;
                rig.inject(syn_ack);
                rig.expect(".", 1, 0, 1);
                id
            } else {
                let listener = rig.listen();
                rig.inject(syn.clone());
                let ours = rig.expect("S.", 0, 0, 1).options;
                assert_eq!(ours.window_scale.is_some(), scales.is_some(), "{name}");
                assert_eq!(ours.timestamps.map(|t| t.ecr), timestamps.then_some(PEER_TS), "{name}");
                assert_eq!(ours.sack_permitted, *sack, "{name}");
                let mut ack = Seg::new(".", 1).ack(1);
                ack.options.timestamps = ours.timestamps.map(|t| wire::option::Timestamps {
                    val: PEER_TS,
                    ecr: t.val,
                });
                rig.inject(ack);
                rig.accept(listener)
            };
            let status = rig.status(id);
            assert_eq!(status.snd_mss, *payload, "{name}, active: {active}");
            assert_eq!(status.window_scales, *scales, "{name}, active: {active}");
            assert_eq!(status.timestamps, *timestamps, "{name}, active: {active}");
            assert_eq!(status.sack, *sack, "{name}, active: {active}");
        }
    }
}

#[test]
fn default_mss_of_ipv6_is_1220() {
    let [_, mut rig] = both_families();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    let id = rig.accept(listener);
    assert_eq!(rig.status(id).snd_mss, 1220);
}

/// Bits that are not for us: ECE and CWR on a SYN (RFC 3168) make it no worse, and we answer without them.
#[test]
fn ecn_setup_syn_is_a_syn() {
    let mut rig = Rig::plain();
    rig.listen();
    rig.inject(Seg::new("SEW", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
}

/// RFC 9293 section 3.10.2: SEND before the connection is established queues the data.
#[test]
fn send_before_established_waits_in_the_buffer() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    assert_eq!(rig.send(id, 1, 100), 100);
    rig.expect_nothing();
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect("P.", 1, 100, 1);
}

/// RFC 9293 MUST-65, and the same for window scale and SACK-permitted: they stand on SYNs only.
#[test]
fn mss_stands_on_syns_only() {
    let mut rig = Rig::with(Config::default());
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000).wscale(3).sack_ok().ts(PEER_TS, 0));
    rig.send(id, 1, 500);
    rig.close(id);
    for seg in [rig.next(), rig.next(), rig.next()] {
        let o = seg.options;
        assert!(
            o.mss.is_none() && o.window_scale.is_none() && !o.sack_permitted,
            "{seg:?}"
        );
    }
}
