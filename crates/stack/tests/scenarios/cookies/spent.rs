//! A cookie opens one connection, and none after that has ended.

use syndic_stack::tcp::cookie::EPOCH_S;

use super::*;

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
