//! Cookies beside half-open entries: when one is kept, and that no client is lost with it.

use super::*;

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
