//! How long a cookie lives, by the clocks of one machine and of two.

use syndic_stack::tcp::cookie::EPOCH_S;

use super::*;

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
