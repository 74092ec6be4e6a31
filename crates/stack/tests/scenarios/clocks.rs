//! Cookies and half-open entries where clocks go round, are set back, or come to their end.

use syndic_stack::tcp::cookie::EPOCH_S;
use syndic_stack::*;

use crate::rig::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn listen(rig: &mut Rig, set: impl FnOnce(&mut ListenOptions)) -> ListenerId {
    let mut options = ListenOptions::new(rig.local());
    set(&mut options);
    rig.listen_with(options)
}

/// The peer sends a SYN with all options; our SYN-ACK's TSval.
fn syn(rig: &mut Rig) -> u32 {
    rig.inject(Seg::new("S", 0).mss(1400).wscale(11).sack_ok().ts(PEER_TS, 0));
    let syn_ack = rig.expect("S.", 0, 0, 1);
    syn_ack.options.timestamps.expect("timestamps").val
}

#[test]
fn cookies_are_taken_in_the_first_epochs_and_in_the_last() {
    for (ours, theirs) in [(v4(2), v4(1)), (v6(2), v6(1))] {
        for unix_s in [
            0,
            1,
            62,
            63,
            126,
            127,
            1 << 32,
            u64::MAX - 200,
            u64::MAX - 65,
            u64::MAX - 2,
            u64::MAX,
        ] {
            for wait in [0, 1, 62, 63] {
                for mode in [SynCookies::Always, SynCookies::Auto] {
                    let mut rig = Rig::with(Config::default());
                    (rig.ours, rig.theirs, rig.unix_s) = (ours, theirs, unix_s);
                    let listener = listen(&mut rig, |o| {
                        o.syn_cookies = mode;
                        o.half_open_lifetime = S(600);
                        o.syn_ack_retransmissions = 9;
                    });
                    let tsval = syn(&mut rig);
                    rig.advance(S(wait));
                    rig.out.clear();
                    rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval));
                    rig.expect_nothing();
                    let id = rig.accept(listener);
                    assert_eq!(
                        rig.status(id).window_scales,
                        Some((8, 11)),
                        "{unix_s} + {wait} s, {mode:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_syn_ack_that_is_sent_again_is_the_same_cookie_in_any_epoch() {
    let mut rig = Rig::with(Config::default());
    rig.unix_s = 50;
    listen(&mut rig, |o| o.half_open_lifetime = S(600));
    let first = syn(&mut rig);
    let iss = rig.iss;
    for _ in 0..5 {
        rig.wait_for_segment(S(60));
        let again = rig.expect("S.", 0, 0, 1);
        assert_eq!((rig.iss, again.options.timestamps.map(|ts| ts.val)), (iss, Some(first)));
    }
    assert!(rig.now().unix_s > EPOCH_S, "{:?}", rig.now());
    assert_eq!(syn(&mut rig), first, "as the peer wishes");
    assert_eq!(rig.iss, iss);
}

#[test]
fn a_clock_that_is_set_back_spoils_no_later_cookie() {
    for back in [1, 2, 3, 100, 1000] {
        let mut rig = Rig::with(Config::default());
        rig.unix_s = 1000 * EPOCH_S;
        let listener = listen(&mut rig, |o| o.syn_cookies = SynCookies::Always);
        syn(&mut rig);
        rig.unix_s -= back * EPOCH_S;
        rig.their_port += 1;
        let tsval = syn(&mut rig);
        rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval));
        rig.expect_nothing();
        rig.accept(listener);
    }
}

#[test]
fn an_entry_lives_as_long_where_its_age_goes_round() {
    let life = |origin: u64| {
        let mut rig = Rig::plain();
        rig.now = Instant::ZERO + S(origin);
        listen(&mut rig, |_| {});
        rig.inject(Seg::new("S", 0));
        let born = rig.now;
        let mut left = Vec::new();
        while let Some(at) = rig.stack.poll_timeout() {
            rig.now = at.max(rig.now);
            rig.stack.handle_timeout(rig.now());
            rig.flush();
            if rig.stack.counts().1 == 0 {
                break;
            }
        }
        left.extend(rig.out.iter().map(|out| out.at.since(born).as_nanos() / 10_000_000));
        (left, rig.now.since(born).as_nanos() / 100_000_000)
    };
    let plain = life(10);
    assert_eq!(plain.0.len(), 6);
    // 2^16 tenths of a second, once and many times.
    for origin in [6_500, 6_550, 6_553, 65_530, 655_359_990] {
        assert_eq!(life(origin), plain, "{origin} s");
    }
}

#[test]
fn no_entry_lives_longer_than_600_s() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, |o| {
        o.half_open_lifetime = S(100_000);
        o.syn_ack_retransmissions = u8::MAX;
    });
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.advance(S(590));
    assert_eq!(rig.stack.counts().1, 1);
    rig.out.clear();
    rig.advance(S(11));
    assert_eq!(rig.stack.counts().1, 0);
    rig.out.clear();
    accepts_nothing(&mut rig, listener);
}

fn accepts_nothing(rig: &mut Rig, listener: ListenerId) {
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.stack.accept(rig.now(), listener), Ok(None));
}

#[test]
fn timestamps_go_on_from_the_cookie_and_round() {
    let mut rig = Rig::with(Config::default());
    let listener = listen(&mut rig, |o| o.syn_cookies = SynCookies::Always);
    // Without a window scale its four bits are ones: TSval is near its end.
    rig.inject(Seg::new("S", 0).mss(1400).sack_ok().ts(PEER_TS, 0));
    let syn_ack = rig.expect("S.", 0, 0, 1);
    let cookie = syn_ack.options.timestamps.expect("timestamps").val;
    assert!(cookie >= 0xf000_0000);
    let opened = rig.now;
    rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, cookie));
    let id = rig.accept(listener);
    rig.advance(S(u64::from(u32::MAX - cookie) / 1000 + 10));
    rig.send(id, 1, 100);
    let data = rig.expect("P.", 1, 100, 1);
    let tsval = data.options.timestamps.expect("timestamps").val;
    let ms = (rig.now.since(opened).as_nanos() / 1_000_000) as u32;
    assert!(tsval < cookie, "{tsval} comes after {cookie}");
    assert!((ms..=ms + 1).contains(&tsval.wrapping_sub(cookie)), "{ms} ms");
    rig.inject(Seg::new(".", 1).ack(101).ts(PEER_TS + 2, tsval));
    assert_eq!(rig.status(id).send_queue, 0);
}

#[test]
fn near_the_end_of_monotonic_time_connections_open_all_the_same() {
    for mode in [SynCookies::Always, SynCookies::Auto, SynCookies::Never] {
        let mut rig = Rig::with(Config::default());
        rig.now = Instant::ZERO + Duration::from_nanos(u64::MAX - 5_000_000_000);
        let listener = listen(&mut rig, |o| o.syn_cookies = mode);
        let tsval = syn(&mut rig);
        rig.now = Instant::ZERO + Duration::from_nanos(u64::MAX);
        rig.inject(Seg::new(".", 1).ack(1).ts(PEER_TS + 1, tsval));
        rig.accept(listener);
    }
}

#[test]
fn a_spent_cookie_is_forgotten_when_it_has_died() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, |o| o.syn_cookies = SynCookies::Always);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    let id = rig.accept(listener);
    rig.abort(id);
    rig.out.clear();
    // The SYN came at 1 s of its epoch: the cookie lives 127 s more.
    for (after, refused) in [(1, true), (125, true), (2, false)] {
        rig.advance(S(after));
        rig.inject(Seg::new("S", 0).mss(1000));
        assert_eq!(rig.out.is_empty(), refused, "{after} s later");
    }
}
