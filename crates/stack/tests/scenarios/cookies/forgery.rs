//! What was never offered, or not by this listener, opens nothing.

use super::*;

#[test]
fn text_that_proves_nothing_is_dropped_and_the_segment_before_it_opens() {
    let (mut rig, listener) = answered();
    // The third ACK and the first segment of text are lost.
    rig.inject(Seg::new("P.", 1001).ack(1).data(100));
    rig.expect_nothing();
    rig.inject(Seg::new("F.", 1101).ack(1));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::CookieUnproven), 2);
    rig.inject(Seg::new(".", 1).ack(1).data(1000));
    let id = rig.accept(listener);
    rig.inject(Seg::new("P.", 1001).ack(1).data(100));
    assert_eq!(rig.read(id), pattern(1, 1100));
}

#[test]
fn a_forged_ack_is_reset() {
    let (mut rig, listener) = answered();
    rig.inject(Seg::new(".", 1).ack(1 + 256));
    rig.expect("R", 257, 0, 0);
    rig.inject(Seg::new(".", 2).ack(1));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.dropped(Why::BadCookie), 2);
    accepts_nothing(&mut rig, listener);
}

#[test]
fn a_cookie_that_promised_timestamps_needs_them() {
    let mut rig = Rig::with(Config::default());
    let listener = listen(&mut rig, SynCookies::Always);
    rig.inject(rich_syn());
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.dropped(Why::CookieNoTimestamps), 1);
    rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS, 12345));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.dropped(Why::BadCookie), 1);
    accepts_nothing(&mut rig, listener);
}

#[test]
fn the_weaker_class_is_budgeted_and_closed_while_forgeries_come() {
    let config = Config {
        cookies: CookieOptions {
            bare_per_s: 3,
            refuse_bare_above: Some(5),
            ..CookieOptions::default()
        },
        ..Config::default()
    };
    let open = |rig: &mut Rig, port, seg: Seg| {
        rig.their_port = port;
        let has_timestamps = seg.options.timestamps.is_some();
        rig.inject(seg);
        let syn_ack = rig.expect("S.", 0, 0, 1);
        let mut ack = Seg::new(".", 1).ack(1);
        if has_timestamps {
            ack = ack.ts(PEER_TS, tsval(&syn_ack));
        }
        let before = rig.stack.counters().cookies_taken;
        rig.inject(ack);
        rig.out.clear();
        rig.stack.counters().cookies_taken > before
    };
    let bare = || Seg::new("S", 0).mss(1460);
    let mut rig = Rig::with(config.clone());
    listen(&mut rig, SynCookies::Always);
    let opened = (0..6).filter(|n| open(&mut rig, 1000 + n, bare())).count();
    assert_eq!(opened, 3);
    assert!(open(&mut rig, 1010, rich_syn()), "the stronger class is not held to it");
    rig.advance(S(1));
    assert!(open(&mut rig, 1011, bare()), "the budget fills again");

    let mut rig = Rig::with(config);
    listen(&mut rig, SynCookies::Always);
    rig.inject(bare());
    rig.expect("S.", 0, 0, 1);
    for n in 0..5 {
        rig.inject(Seg::new(".", 1).ack(257 + 256 * n));
    }
    rig.out.clear();
    assert!(!open(&mut rig, 1000, bare()));
    assert_eq!(rig.dropped(Why::CookieBudget), 1);
    assert!(open(&mut rig, 1001, rich_syn()));
    rig.advance(S(1));
    assert!(open(&mut rig, 1002, bare()), "it opens again when they cease");
}

#[test]
fn a_listener_without_cookies_takes_none() {
    let (one, _) = answered();
    for shared_secret in [false, true] {
        let mut rig = Rig::with(Config {
            cookies: CookieOptions {
                shared_secret,
                ..CookieOptions::default()
            },
            ..one.stack.config().clone()
        });
        let listener = listen(&mut rig, SynCookies::Never);
        // It is full, and has had to refuse some.
        for port in 1..9 {
            rig.their_port = port;
            rig.inject(Seg::new("S", 0).mss(1000));
        }
        assert_eq!((rig.stack.counts().1, rig.dropped(Why::SynQueueFull)), (4, 4));
        rig.out.clear();
        (rig.their_port, rig.iss) = (40_001, one.iss);
        rig.inject(Seg::new(".", 1).ack(1));
        rig.expect("R", 1, 0, 0);
        accepts_nothing(&mut rig, listener);
    }
}

#[test]
fn a_listener_knows_its_own_cookies_and_no_others() {
    let (mut rig, listener) = answered();
    let cookie = rig.iss;
    rig.stack.close_listener(rig.now(), listener).expect("it listens");
    let listener = listen(&mut rig, SynCookies::Always);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    accepts_nothing(&mut rig, listener);
    // Another listener has cookies in flight; this one has none, and the address is part of the code.
    rig.ours = v6(2);
    rig.theirs = v6(1);
    let other = listen(&mut rig, SynCookies::Always);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    let second = rig.iss;
    assert_ne!(second, cookie);
    (rig.ours, rig.theirs) = (v4(2), v4(1));
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    accepts_nothing(&mut rig, listener);
    (rig.ours, rig.theirs) = (v6(2), v6(1));
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(other);
}
