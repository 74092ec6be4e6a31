//! SYN cookies: connections opened without an entry, and what must not be opened by one (RFC 4987 section 3.6).

use syndic_stack::tcp::cookie::EPOCH_S;
use syndic_stack::*;

use crate::rig::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn listen(rig: &mut Rig, syn_cookies: SynCookies) -> ListenerId {
    let local = rig.local();
    rig.listen_with(ListenOptions {
        syn_cookies,
        syn_backlog: 4,
        ..ListenOptions::new(local)
    })
}

/// A SYN with all options.
fn rich_syn() -> Seg {
    Seg::new("S", 0).mss(1460).wscale(11).sack_ok().ts(PEER_TS, 0)
}

/// The SYN-ACK's TSval.
fn tsval(seg: &Seg) -> u32 {
    seg.options.timestamps.expect("timestamps").val
}

/// A rig whose listener never keeps an entry, and which has answered a plain SYN.
fn answered() -> (Rig, ListenerId) {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, SynCookies::Always);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_eq!(rig.stack.counts(), (0, 0, 0), "nothing is kept");
    (rig, listener)
}

fn accepts_nothing(rig: &mut Rig, listener: ListenerId) {
    assert_eq!(rig.stack.accept(rig.now(), listener), Ok(None));
}

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
fn entries_are_kept_until_the_queue_is_full_and_again_when_it_is_half_empty() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, SynCookies::Auto);
    for port in 0..6 {
        rig.their_port = 1000 + port;
        rig.inject(Seg::new("S", 0).mss(1460));
        rig.expect("S.", 0, 0, 1);
    }
    assert_eq!(rig.stack.counts(), (0, 4, 0));
    assert_eq!(rig.stack.observer().stateless, [true]);
    // The last one has no entry, and is served all the same.
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener);
    let syn = |rig: &mut Rig, port| {
        rig.their_port = port;
        rig.inject(Seg::new("S", 0).mss(1460));
        rig.out.clear();
        rig.stack.counts().1
    };
    let reset = |rig: &mut Rig, port| {
        rig.their_port = port;
        rig.inject(Seg::new("R", 1));
    };
    reset(&mut rig, 1000);
    assert_eq!(syn(&mut rig, 1010), 3, "room for one is not enough");
    reset(&mut rig, 1001);
    assert_eq!(rig.stack.observer().stateless, [true, false]);
    assert_eq!(syn(&mut rig, 1011), 3, "half of the queue is");
}

#[test]
fn an_evicted_entry_loses_no_client() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            embryos: 3,
            ..Limits::default()
        },
        ..Config::default()
    });
    let listener = {
        let local = rig.local();
        rig.listen_with(ListenOptions::new(local))
    };
    let mut clients = Vec::new();
    for port in 0..8 {
        rig.their_port = 1000 + port;
        rig.inject(rich_syn());
        let syn_ack = rig.expect("S.", 0, 0, 1);
        clients.push((rig.their_port, rig.iss, tsval(&syn_ack)));
    }
    assert_eq!(rig.stack.counts().1, 3);
    assert_eq!(rig.dropped(Why::HalfOpenEvicted), 5);
    for (port, iss, tsval) in clients {
        (rig.their_port, rig.iss) = (port, iss);
        rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval));
        rig.expect_nothing();
        let id = rig.accept(listener);
        assert_eq!(rig.status(id).window_scales, Some((8, 11)), "port {port}");
    }
    assert_eq!(rig.stack.counters().cookies_taken, 5);
}

#[test]
fn an_entry_cut_short_under_pressure_loses_no_client() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, SynCookies::Auto);
    for port in 0..4 {
        rig.their_port = 1000 + port;
        rig.inject(Seg::new("S", 0).mss(1460));
        rig.expect("S.", 0, 0, 1);
    }
    let iss = rig.iss;
    rig.advance(S(8));
    assert_eq!(
        rig.stack.counts().1,
        1,
        "the queue is half empty before the last one is cut short"
    );
    rig.out.clear();
    (rig.their_port, rig.iss) = (1003, iss);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect_nothing();
    rig.accept(listener);
}

#[test]
fn in_calm_an_ack_to_a_listener_is_reset() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, SynCookies::Auto);
    rig.inject(Seg::new("S", 0).mss(1460));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("R", 1));
    // A cookie it is, but none is in flight that has no entry.
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.dropped(Why::NotSyn), 1);
    accepts_nothing(&mut rig, listener);
}

#[test]
fn a_cookie_lives_until_the_next_epoch_is_over() {
    for (name, wait, lives) in [
        ("at once", 0, true),
        ("in the next epoch", EPOCH_S, true),
        ("at its end", 2 * EPOCH_S - 2, true),
        ("after that", 2 * EPOCH_S - 1, false),
        ("long after", 100 * EPOCH_S, false),
    ] {
        let (mut rig, listener) = answered();
        rig.advance(S(wait));
        rig.inject(Seg::new(".", 1).ack(1));
        let accepted = rig.stack.accept(rig.now(), listener).expect("it listens");
        assert_eq!(accepted.is_some(), lives, "{name}");
        if !lives {
            rig.expect("R", 1, 0, 0);
        }
    }
}

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

/// A connection opened by cookie, which ends in one of these ways.
fn spent(end: End) -> (Rig, ListenerId) {
    let (mut rig, listener) = answered();
    rig.inject(Seg::new(".", 1).ack(1));
    let id = rig.accept(listener);
    end(&mut rig, id);
    rig.out.clear();
    assert_eq!(rig.state(), State::Listen);
    (rig, listener)
}

type End = fn(&mut Rig, ConnectionId);

const ENDS: [(&str, End); 3] = [
    ("we abort", |rig, id| rig.abort(id)),
    ("the peer resets", |rig, id| {
        rig.inject(Seg::new("R", 1));
        rig.close(id);
    }),
    ("the peer closes first", |rig, id| {
        rig.inject(Seg::new("F.", 1).ack(1));
        rig.close(id);
        rig.inject(Seg::new(".", 2).ack(2));
    }),
];

#[test]
fn a_spent_cookie_opens_nothing_again() {
    for (name, end) in ENDS {
        let (mut rig, listener) = spent(end);
        rig.inject(Seg::new(".", 1).ack(1));
        rig.expect("R", 1, 0, 0);
        rig.inject(Seg::new("P.", 1).ack(1).data(10));
        rig.expect("R", 1, 0, 0);
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::CookieSpent), 3, "{name}");
        accepts_nothing(&mut rig, listener);
        assert!(
            rig.stack
                .entries(rig.now())
                .iter()
                .all(|e| !matches!(e, Entry::TimeWait { .. })),
            "{name}"
        );
        // What kept it out dies with the epoch.
        rig.advance(S(2 * EPOCH_S));
        assert_eq!(
            (rig.stack.counts(), rig.stack.poll_timeout()),
            ((0, 0, 0), None),
            "{name}"
        );
        rig.inject(Seg::new(".", 1).ack(1));
        rig.expect("R", 1, 0, 0);
        accepts_nothing(&mut rig, listener);
    }
}

#[test]
fn a_new_connection_is_not_kept_out_by_a_spent_cookie() {
    for (name, end) in ENDS {
        for isn in [5000, 0u32.wrapping_sub(5000)] {
            let (mut rig, listener) = spent(end);
            rig.inject(Seg::new("S", isn).mss(1460));
            let syn_ack = rig.next();
            assert_eq!(
                (syn_ack.flags, syn_ack.ack),
                (flags("S."), isn.wrapping_add(1)),
                "{name}"
            );
            rig.inject(Seg::new(".", isn.wrapping_add(1)).ack(1));
            rig.expect_nothing();
            let id = rig.accept(listener);
            rig.close(id);
        }
    }
}

/// An old SYN and an old third ACK, both repeated after the end, open nothing: the SYN would have the same cookie.
#[test]
fn an_entry_is_not_made_for_a_spent_cookie() {
    for (name, end) in ENDS {
        let mut rig = Rig::plain();
        let listener = listen(&mut rig, SynCookies::Auto);
        let id = rig.open_passive(listener);
        end(&mut rig, id);
        rig.out.clear();
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.inject(Seg::new(".", 1).ack(1));
        rig.expect("R", 1, 0, 0);
        accepts_nothing(&mut rig, listener);
        assert_eq!(rig.dropped(Why::CookieSpent), 1, "{name}");
    }
}

/// Each connection of one pair of ends spends its own cookie.
#[test]
fn a_later_connection_does_not_free_the_cookie_of_an_earlier_one() {
    let (mut rig, listener) = spent(|rig, id| rig.abort(id));
    let first = rig.iss;
    rig.inject(Seg::new("S", 5000).mss(1000));
    rig.expect("S.", 0, 0, 5001);
    rig.inject(Seg::new(".", 5001).ack(1));
    let id = rig.accept(listener);
    rig.abort(id);
    rig.out.clear();
    let second = rig.iss;
    for (iss, seq) in [(first, 1), (second, 5001)] {
        rig.iss = iss;
        rig.inject(Seg::new(".", seq).ack(1));
        rig.expect("R", 1, 0, 0);
    }
    assert_eq!(rig.dropped(Why::CookieSpent), 2);
    accepts_nothing(&mut rig, listener);
}

/// TIME-WAIT keeps old segments out for 2MSL, and the cookie may live longer.
#[test]
fn a_cookie_that_outlives_time_wait_is_spent() {
    let (mut rig, listener) = answered();
    rig.inject(Seg::new(".", 1).ack(1));
    let id = rig.accept(listener);
    rig.close(id);
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.out.clear();
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(S(61));
    assert_eq!(rig.state(), State::Listen);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.dropped(Why::CookieSpent), 1);
    accepts_nothing(&mut rig, listener);
}

#[test]
fn a_reopened_time_wait_keeps_its_entry_whatever_the_mode() {
    let mut rig = Rig::with(Config::default());
    let listener = listen(&mut rig, SynCookies::Always);
    rig.inject(rich_syn());
    let syn_ack = rig.expect("S.", 0, 0, 1);
    let first_iss = rig.iss;
    rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS, tsval(&syn_ack)));
    let id = rig.accept(listener);
    rig.close(id);
    let fin = rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(2).ts(PEER_TS + 5, tsval(&fin)));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(S(1));
    let mut again = rich_syn().ts(PEER_TS + 1000, 0);
    again.seq = 9000;
    rig.inject(again);
    let syn_ack = rig.next();
    assert_eq!(rig.iss, first_iss.wrapping_add(2 + 65_537), "RFC 9293 MAY-2");
    assert!(
        tsval(&syn_ack).wrapping_sub(tsval(&fin)) < 10_000,
        "its TSval is above the last"
    );
    assert_eq!(rig.stack.counts(), (0, 1, 1));
    rig.inject(Seg::new(".", 9001).ack(1).ts(PEER_TS + 1001, tsval(&syn_ack)));
    rig.accept(listener);
    assert_eq!(rig.stack.counts(), (1, 0, 0));
}

#[test]
fn an_entry_takes_the_cookie_that_answered_the_same_syn_in_another_epoch() {
    let (mut rig, listener) = answered();
    let first = rig.iss;
    let local = rig.local();
    rig.stack.close_listener(rig.now(), listener).expect("it listens");
    // The same address, now with entries; the cookie is known to be in flight, as after a flood.
    let listener = rig.listen_with(ListenOptions {
        syn_backlog: 1,
        ..ListenOptions::new(local)
    });
    rig.their_port = 999;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.their_port = 998;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.their_port = 999;
    rig.inject(Seg::new("R", 1));
    rig.out.clear();
    rig.advance(S(EPOCH_S));
    rig.their_port = 40_001;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_ne!(rig.iss, first);
    assert_eq!(rig.stack.counts().1, 1);
    rig.iss = first;
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect_nothing();
    rig.accept(listener);
    assert_eq!(rig.stack.counts().1, 0);
}

#[test]
fn while_the_accept_queue_is_full_no_syn_ack_is_sent_and_no_cookie_taken() {
    for (overflow, resets) in [(AcceptOverflow::Ignore, false), (AcceptOverflow::Reset, true)] {
        let mut rig = Rig::plain();
        let local = rig.local();
        let listener = rig.listen_with(ListenOptions {
            syn_cookies: SynCookies::Always,
            accept_backlog: 1,
            accept_overflow: overflow,
            ..ListenOptions::new(local)
        });
        let mut cookies = Vec::new();
        for port in [1, 2] {
            rig.their_port = port;
            rig.inject(Seg::new("S", 0).mss(1000));
            rig.expect("S.", 0, 0, 1);
            cookies.push(rig.iss);
        }
        (rig.their_port, rig.iss) = (1, cookies[0]);
        rig.inject(Seg::new(".", 1).ack(1));
        rig.their_port = 3;
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect_nothing();
        (rig.their_port, rig.iss) = (2, cookies[1]);
        rig.inject(Seg::new(".", 1).ack(1));
        if resets {
            rig.expect("R", 1, 0, 0);
        }
        rig.expect_nothing();
        assert_eq!(rig.dropped(Why::AcceptQueueFull), 2);
        rig.accept(listener);
        // Ignored, the client sends its text, and is served then.
        rig.inject(Seg::new("P.", 1).ack(1).data(5));
        rig.accept(listener);
    }
}

#[test]
fn machines_that_share_a_secret_take_each_others_cookies() {
    let shared = |is_shared| Config {
        cookies: CookieOptions {
            shared_secret: is_shared,
            ..CookieOptions::default()
        },
        ..Config::default()
    };
    for (name, config, skew, taken) in [
        ("shared", shared(true), 0, true),
        ("a clock some seconds ahead", shared(true), 6, true),
        ("not told to share", shared(false), 0, false),
    ] {
        let mut one = Rig::with(config.clone());
        listen(&mut one, SynCookies::Auto);
        one.advance(S(EPOCH_S - 4));
        one.inject(rich_syn());
        let syn_ack = one.expect("S.", 0, 0, 1);
        for turned in [false, true] {
            // The other's clock differs, either way; it has just begun to run.
            let mut other = Rig::with(config.clone());
            let listener = listen(&mut other, SynCookies::Auto);
            other.advance(S(EPOCH_S - 4));
            match turned {
                false => other.advance(S(skew)),
                true => other.now = Instant::ZERO + (other.now.since(Instant::ZERO) - S(skew)),
            }
            other.iss = one.iss;
            other.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval(&syn_ack)));
            let accepted = other.stack.accept(other.now(), listener).expect("it listens");
            assert_eq!(accepted.is_some(), taken, "{name}");
        }
    }
}

/// The entry is of one epoch, and the cookie that another machine gave for the same SYN of the next: it is spent as long as
/// it lives itself.
#[test]
fn a_cookie_that_met_an_entry_is_spent_until_its_own_epoch_dies() {
    let config = Config {
        cookies: CookieOptions {
            shared_secret: true,
            ..CookieOptions::default()
        },
        ..Config::default()
    };
    let [mut one, mut other] = [Rig::with(config.clone()), Rig::with(config)];
    let listener = listen(&mut one, SynCookies::Auto);
    listen(&mut other, SynCookies::Auto);
    one.advance(S(EPOCH_S - 2));
    one.inject(rich_syn());
    one.out.clear();
    other.advance(S(EPOCH_S + 2));
    other.inject(rich_syn());
    let syn_ack = other.expect("S.", 0, 0, 1);
    one.advance(S(4));
    one.out.clear();
    one.iss = other.iss;
    let ack = || Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval(&syn_ack));
    one.inject(ack());
    let id = one.accept(listener);
    one.abort(id);
    one.out.clear();
    one.advance(S(EPOCH_S));
    one.inject(ack());
    one.expect("R", 1, 0, 0);
    assert_eq!(one.dropped(Why::CookieSpent), 1);
    accepts_nothing(&mut one, listener);
}

#[test]
fn a_clock_that_is_set_back_spoils_no_entry() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, SynCookies::Auto);
    rig.advance(S(1000 * EPOCH_S));
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    let packet = rig.packet(&Seg::new(".", 1).ack(1));
    let mut batch = Batch::new();
    batch.push(Packet {
        bytes: bytes::BytesMut::from(&packet[..]),
        arrived: rig.now,
        checksum: io::Checksum::Unverified,
    });
    let now = Now {
        mono: rig.now,
        unix_s: rig.now().unix_s - 100 * EPOCH_S,
    };
    rig.stack.handle_packets(now, &mut batch);
    rig.accept(listener);
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
