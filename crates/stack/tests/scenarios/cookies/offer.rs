//! What a SYN offers, and what a cookie keeps of it.

use syndic_stack::tcp::cookie::EPOCH_S;

use super::*;

#[test]
fn every_option_survives_with_timestamps() {
    for family in [(v4(2), v4(1), 1460), (v6(2), v6(1), 1440)] {
        let mut rig = Rig::with(Config::default());
        (rig.ours, rig.theirs) = (family.0, family.1);
        let listener = listen(&mut rig, SynCookies::Always);
        rig.inject(Seg { ..rich_syn() }.mss(family.2));
        let syn_ack = rig.expect("S.", 0, 0, 1);
        assert_eq!(rig.stack.counts(), (0, 0, 0));
        rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 30, tsval(&syn_ack)));
        rig.expect_nothing();
        let id = rig.accept(listener);
        let status = rig.status(id);
        assert_eq!(status.state, State::Established);
        assert_eq!(status.window_scales, Some((8, 11)));
        assert!(status.sack && status.timestamps);
        assert_eq!(status.snd_mss, usize::from(family.2) - 12);
        // The peer's window counts in its scale, and our timestamps go on from the cookie's.
        assert_eq!(status.snd_wnd, 65_535 << 11);
        rig.send(id, 1, 100);
        let data = rig.expect("P.", 1, 100, 1);
        assert!((1..1000).contains(&tsval(&data).wrapping_sub(tsval(&syn_ack))));
    }
}

#[test]
fn mss_scale_and_sack_survive_without_timestamps() {
    let mut rig = Rig::with(Config::default());
    let listener = listen(&mut rig, SynCookies::Always);
    rig.inject(Seg::new("S", 0).mss(1460).wscale(7).sack_ok());
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    let id = rig.accept(listener);
    let status = rig.status(id);
    assert_eq!((status.window_scales, status.snd_mss), (Some((8, 7)), 1460));
    assert!(status.sack && !status.timestamps);
}

#[test]
fn a_plain_offer_stays_plain() {
    let (mut rig, listener) = answered();
    rig.inject(Seg::new(".", 1).ack(1));
    let id = rig.accept(listener);
    let status = rig.status(id);
    assert_eq!(
        (status.window_scales, status.sack, status.timestamps),
        (None, false, false)
    );
    assert_eq!(status.snd_mss, 536, "1000 is rounded down to what a cookie can say");
    let counters = rig.stack.counters();
    assert_eq!(
        (counters.cookies_sent, counters.cookies_taken, counters.opens_passive),
        (1, 1, 1)
    );
}

#[test]
fn the_first_segment_may_carry_text_or_fin() {
    for (name, seg, read) in [
        ("text", Seg::new("P.", 1).ack(1).data(100), 100),
        ("FIN", Seg::new("F.", 1).ack(1), 0),
        ("both", Seg::new("FP.", 1).ack(1).data(10), 10),
    ] {
        let (mut rig, listener) = answered();
        rig.inject(seg);
        let id = rig.accept(listener);
        assert_eq!(rig.read(id), pattern(1, read), "{name}");
    }
}

#[test]
fn a_new_mtu_spoils_no_handshake() {
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        for mode in [SynCookies::Always, SynCookies::Auto, SynCookies::Never] {
            let mut rig = Rig::with(Config::default());
            (rig.ours, rig.theirs) = (ours, theirs);
            let listener = listen(&mut rig, mode);
            rig.inject(rich_syn());
            let syn_ack = rig.expect("S.", 0, 0, 1);
            let iss = rig.iss;
            let mut config = rig.stack.config().clone();
            config.mtu = 1400;
            rig.stack.set_config(config);
            rig.inject(rich_syn());
            let again = rig.expect("S.", 0, 0, 1);
            assert_eq!((rig.iss, tsval(&again)), (iss, tsval(&syn_ack)), "{mode:?}");
            assert!(again.options.mss < syn_ack.options.mss);
            rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval(&syn_ack)));
            rig.expect_nothing();
            rig.accept(listener);
        }
    }
}

#[test]
fn a_syn_that_asks_for_ecn_or_for_what_is_not_known_yet_is_answered() {
    for mode in [SynCookies::Always, SynCookies::Auto, SynCookies::Never] {
        for (name, text, reserved) in [
            ("ECN", "SEW", 0),
            ("ECE alone", "SE", 0),
            ("accurate ECN", "SEW", 1),
            ("every reserved bit", "SEW", 0x0f),
        ] {
            let mut rig = Rig::plain();
            let listener = listen(&mut rig, mode);
            let mut packet = rig.packet(&Seg::new(text, 0).mss(1000));
            packet[20 + 12] |= reserved;
            wire::tcp::seal(rig.theirs, rig.ours, &mut packet[20..], &[&[][..]]);
            rig.raw(&packet);
            rig.expect("S.", 0, 0, 1);
            rig.inject(Seg::new(".", 1).ack(1));
            rig.expect_nothing();
            rig.accept(listener);
            assert_eq!(rig.stack.counts(), (1, 0, 0), "{name}, {mode:?}");
        }
    }
}

#[test]
fn text_on_a_syn_is_left_for_its_sender_to_send_again() {
    for mode in [SynCookies::Always, SynCookies::Auto, SynCookies::Never] {
        let mut rig = Rig::plain();
        let listener = listen(&mut rig, mode);
        rig.inject(Seg::new("S", 0).mss(1000).data(50));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new("P.", 1).ack(1).data(50));
        let id = rig.accept(listener);
        assert_eq!(rig.read(id), pattern(1, 50), "{mode:?}");
    }
}

/// Some clients leave their options out when the SYN goes unanswered: the SYN that was answered by a cookie had others than
/// the one that has an entry now.
#[test]
fn the_cookie_that_is_taken_says_what_was_agreed() {
    let plain = || Seg::new("S", 0).mss(536);
    for (name, first, second, scales) in [
        ("options left out later", rich_syn(), plain(), Some((8, 11))),
        ("options in the later one", plain(), rich_syn(), None),
        ("the same again", rich_syn(), rich_syn(), Some((8, 11))),
    ] {
        let mut rig = Rig::with(Config::default());
        let local = rig.local();
        let listener = rig.listen_with(ListenOptions {
            syn_backlog: 1,
            ..ListenOptions::new(local)
        });
        let send = |rig: &mut Rig, port: u16, seg: Seg| {
            rig.their_port = port;
            rig.inject(seg);
        };
        send(&mut rig, 1, plain());
        send(&mut rig, 2, plain());
        rig.out.clear();
        send(&mut rig, 3, first);
        let syn_ack = rig.expect("S.", 0, 0, 1);
        let iss = rig.iss;
        send(&mut rig, 1, Seg::new("R", 1));
        assert_eq!(rig.stack.counts().1, 0);
        rig.advance(S(EPOCH_S));
        send(&mut rig, 3, second);
        rig.expect("S.", 0, 0, 1);
        assert_eq!(rig.stack.counts().1, 1, "{name}");
        rig.iss = iss;
        let ack = Seg::new(".", 1).ack(1);
        rig.inject(match syn_ack.options.timestamps {
            Some(ts) => ack.ts(PEER_TS + 9, ts.val),
            None => ack,
        });
        rig.expect_nothing();
        let id = rig.accept(listener);
        let status = rig.status(id);
        assert_eq!(status.window_scales, scales, "{name}");
        assert_eq!(
            (status.timestamps, status.sack),
            (scales.is_some(), scales.is_some()),
            "{name}"
        );
        assert_eq!(status.snd_mss, if scales.is_some() { 1448 } else { 536 }, "{name}");
        assert_eq!(rig.stack.counts(), (1, 0, 0));
    }
}
