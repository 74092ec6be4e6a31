//! What a flood is met with beside cookies: limits per source, budgets per destination, and the gauge's level.

use syndic_stack::flood::{Level, LimiterOptions, OverLimit, Rate, Subnet};
use syndic_stack::*;

use crate::rig::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn config(limiter: LimiterOptions) -> Config {
    let mut config = Config::default();
    config.flood.limiter = limiter;
    config
}

fn ten_per_second() -> LimiterOptions {
    LimiterOptions {
        per_address: Some(Rate::new(10, 10)),
        per_prefix: Some(Rate::new(25, 25)),
        ..LimiterOptions::default()
    }
}

fn listen(rig: &mut Rig, set: impl FnOnce(&mut ListenOptions)) -> ListenerId {
    let mut options = ListenOptions::new(rig.local());
    set(&mut options);
    rig.listen_with(options)
}

/// So many SYNs from the address that the peer has now, each from another port. Returns how many were answered.
fn syns(rig: &mut Rig, first: u16, n: u16) -> usize {
    for port in first..first + n {
        rig.their_port = port;
        rig.inject(Seg::new("S", 0).mss(1460));
    }
    let answered = rig.out.len();
    rig.out.clear();
    answered
}

#[test]
fn over_the_limit_a_source_is_answered_by_cookies_alone() {
    let mut rig = Rig::with(config(ten_per_second()));
    listen(&mut rig, |_| {});
    assert_eq!(syns(&mut rig, 1000, 15), 15);
    assert_eq!(rig.stack.counts().1, 10, "entries");
    // Another address of the same prefix has what is left of that.
    rig.theirs = v4(9);
    assert_eq!(syns(&mut rig, 1000, 20), 20);
    assert_eq!(rig.stack.counts().1, 20);
    rig.theirs = v4(10);
    assert_eq!(syns(&mut rig, 1000, 20), 20);
    assert_eq!(rig.stack.counts().1, 25, "the prefix is spent");
    rig.theirs = "10.7.1.1".parse().unwrap();
    assert_eq!(syns(&mut rig, 1000, 5), 5);
    assert_eq!(rig.stack.counts().1, 30, "another prefix is not");
    rig.theirs = v4(1);
    rig.advance(Duration::from_millis(500));
    rig.out.clear();
    syns(&mut rig, 2000, 10);
    assert_eq!(rig.stack.counts().1, 35, "half a second fills half of the bucket");
}

#[test]
fn over_the_limit_a_source_is_dropped_where_that_is_asked_for_or_there_are_no_cookies() {
    for (name, over, syn_cookies) in [
        ("asked for", OverLimit::Drop, SynCookies::Auto),
        ("no cookies", OverLimit::Cookie, SynCookies::Never),
    ] {
        let mut rig = Rig::with(config(LimiterOptions {
            over,
            ..ten_per_second()
        }));
        listen(&mut rig, |options| options.syn_cookies = syn_cookies);
        assert_eq!(syns(&mut rig, 1000, 15), 10, "{name}");
        assert_eq!(rig.dropped(Why::AddressLimit), 5, "{name}");
    }
}

#[test]
fn a_proven_source_has_its_own_bucket() {
    let mut rig = Rig::with(config(LimiterOptions {
        over: OverLimit::Drop,
        ..ten_per_second()
    }));
    let listener = listen(&mut rig, |_| {});
    rig.open_passive(listener);
    // A spoofer uses its address, and others of its prefix.
    assert_eq!(syns(&mut rig, 1000, 500), 500);
    rig.theirs = v4(77);
    assert_eq!(syns(&mut rig, 1000, 500), 10);
    rig.theirs = v4(1);
    rig.their_port = 50_000;
    rig.open_passive(listener);
}

#[test]
fn whom_the_allow_list_names_no_limit_binds() {
    let mut rig = Rig::with(config(LimiterOptions {
        allow: vec!["10.7.0.0/30".parse::<Subnet>().unwrap()],
        over: OverLimit::Drop,
        ..ten_per_second()
    }));
    listen(&mut rig, |_| {});
    assert_eq!(syns(&mut rig, 1000, 100), 100);
    rig.theirs = v4(4);
    assert_eq!(syns(&mut rig, 1000, 100), 10);
}

#[test]
fn ipv6_is_limited_by_line_and_site() {
    let mut rig = Rig::with(config(LimiterOptions {
        over: OverLimit::Drop,
        ..ten_per_second()
    }));
    rig.ours = v6(2);
    listen(&mut rig, |_| {});
    let mut answered = Vec::new();
    for theirs in [
        "2001:db8:0:1::1",
        "2001:db8:0:1::ffff",
        "2001:db8:0:2::1",
        "2001:db8:0:3::1",
        "2001:db8:1::1",
    ] {
        rig.theirs = theirs.parse().unwrap();
        answered.push(syns(&mut rig, 1000, 12));
    }
    assert_eq!(answered, [10, 0, 10, 5, 10]);
}

#[test]
fn syn_acks_to_a_prefix_of_strangers_are_budgeted() {
    let mut config = Config::default();
    config.flood.replies = Some(Rate::new(20, 20));
    let mut rig = Rig::with(config);
    let listener = listen(&mut rig, |options| options.syn_cookies = SynCookies::Always);
    rig.open_passive(listener);
    for (name, theirs, expected) in [
        ("strangers", "10.9.0.1", 20),
        ("others of the same prefix", "10.9.0.2", 0),
        ("another prefix", "10.9.1.2", 20),
        ("who has proved himself", "10.7.0.1", 40),
    ] {
        rig.theirs = theirs.parse().unwrap();
        assert_eq!(syns(&mut rig, 1000, 40), expected, "{name}");
    }
    assert_eq!(rig.dropped(Why::SynAckBudget), 80);
}

/// A spoofer who names a client that has proved itself has us send it no more than its bucket and the budget hold.
#[test]
fn syn_acks_to_a_proven_source_are_bounded_too() {
    for repeats_one_syn in [false, true] {
        let mut config = config(LimiterOptions {
            proven: Some(Rate::new(50, 50)),
            ..LimiterOptions::default()
        });
        config.flood.replies = Some(Rate::new(20, 20));
        let mut rig = Rig::with(config);
        let listener = listen(&mut rig, |_| {});
        rig.open_passive(listener);
        let mut answered = 0;
        for n in 0..200 {
            answered += syns(&mut rig, if repeats_one_syn { 1000 } else { 1000 + n }, 1);
        }
        // The handshake itself was a stranger's.
        assert_eq!(answered, 50 + 19, "repeats one SYN: {repeats_one_syn}");
        assert_eq!(rig.dropped(Why::SynAckBudget), 131);
    }
}

#[test]
fn retransmissions_of_syn_acks_count_in_the_budget() {
    let mut config = Config::default();
    config.flood.replies = Some(Rate::new(1, 10));
    let mut rig = Rig::with(config);
    listen(&mut rig, |_| {});
    assert_eq!(syns(&mut rig, 1000, 10), 10);
    rig.inject(Seg::new("S", 0).mss(1460));
    rig.expect_nothing();
    rig.advance(S(2));
    assert_eq!(rig.out.len(), 1, "a second has put one token back");
    assert_eq!(rig.dropped(Why::SynAckBudget), 10);
    assert_eq!(rig.stack.counts().1, 10, "the entries stand");
}

#[test]
fn resets_to_a_prefix_of_strangers_are_budgeted() {
    let mut config = Config::default();
    config.flood.replies = Some(Rate::new(5, 5));
    let mut rig = Rig::with(config);
    for n in 0..20 {
        rig.inject(Seg::new(".", n).ack(1));
    }
    assert_eq!(rig.out.len(), 5);
    assert_eq!(rig.dropped(Why::ResetBudget), 15);
}

#[test]
fn connections_of_one_source_are_bounded_from_the_third_ack_to_the_end() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, |options| options.connections_per_source = Some(2));
    let open = |rig: &mut Rig, port| {
        rig.their_port = port;
        rig.open_passive(listener)
    };
    let first = open(&mut rig, 1000);
    // Two SYNs while there is room for one more.
    let mut iss = Vec::new();
    for port in [1001, 1002] {
        rig.their_port = port;
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        iss.push(rig.iss);
    }
    (rig.their_port, rig.iss) = (1001, iss[0]);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.accept(listener);
    (rig.their_port, rig.iss) = (1002, iss[1]);
    rig.inject(Seg::new(".", 1).ack(1));
    rig.expect("R", 1, 0, 0);
    rig.their_port = 1003;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect_nothing();
    assert_eq!(rig.dropped(Why::ConnectionsPerSource), 2);
    rig.theirs = v4(9);
    let other = open(&mut rig, 1000);
    rig.theirs = v4(1);
    rig.abort(first);
    rig.out.clear();
    open(&mut rig, 1004);
    rig.abort(other);
    let counts = rig.stack.counts();
    assert_eq!((counts.0, counts.1), (2, 0));
}

#[test]
fn a_cookie_of_a_source_that_has_enough_is_reset() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, |options| {
        options.connections_per_source = Some(1);
        options.syn_cookies = SynCookies::Always;
    });
    let mut iss = Vec::new();
    for port in [1, 2] {
        rig.their_port = port;
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        iss.push(rig.iss);
    }
    for (port, iss) in [1, 2].into_iter().zip(iss) {
        (rig.their_port, rig.iss) = (port, iss);
        rig.inject(Seg::new(".", 1).ack(1));
    }
    rig.expect("R", 1, 0, 0);
    assert_eq!(rig.dropped(Why::ConnectionsPerSource), 1);
    rig.accept(listener);
}

/// SYNs from random addresses, so many a second; a tenth of a second at a time.
fn flood(rig: &mut Rig, seed: &mut u64, per_s: u32, tenths: u32) {
    for _ in 0..tenths {
        for _ in 0..per_s / 10 {
            *seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            rig.theirs = std::net::Ipv4Addr::from_bits(0x0b00_0000 | (*seed >> 40) as u32).into();
            rig.their_port = 1024 | (*seed >> 20) as u16;
            rig.inject(Seg::new("S", *seed as u32).mss(1460));
        }
        rig.out.clear();
        rig.advance(Duration::from_millis(100));
        rig.out.clear();
    }
}

fn level(rig: &Rig) -> Level {
    let entries = rig.stack.entries(rig.now());
    let level = entries.iter().find_map(|entry| match entry {
        Entry::Listener { level, .. } => Some(*level),
        _ => None,
    });
    level.expect("a listener")
}

#[test]
fn a_flood_is_told_with_its_figures_and_its_end_too() {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, |_| {});
    assert_eq!(level(&rig), Level::Calm);
    let mut seed = 1;
    flood(&mut rig, &mut seed, 1000, 20);
    assert_eq!(level(&rig), Level::Flood);
    assert_eq!(rig.stack.observer().stateless, [true], "and the SYN queue is full");
    // A good client is served all the same.
    rig.theirs = v4(1);
    rig.their_port = 50_000;
    rig.open_passive(listener);
    assert_eq!(rig.stack.counts().1, 1024);
    // Nothing else comes: the level falls by itself.
    rig.advance(S(120));
    rig.out.clear();
    assert_eq!(level(&rig), Level::Calm);
    let levels = &rig.stack.observer().levels;
    assert_eq!(
        (levels.contains(&Level::Flood), levels.last()),
        (true, Some(&Level::Calm)),
        "{levels:?}"
    );
    assert_eq!(rig.stack.observer().stateless, [true, false]);
}

#[test]
fn a_scan_and_a_slow_application_are_no_flood() {
    let mut rig = Rig::plain();
    listen(&mut rig, |_| {});
    for port in 0..300 {
        rig.their_port = 1000 + port;
        rig.inject(Seg::new("S", 0).mss(1460));
        rig.inject(Seg::new("R", 1));
        rig.advance(Duration::from_millis(20));
    }
    assert_ne!(level(&rig), Level::Flood, "a scan");

    let mut rig = Rig::plain();
    listen(&mut rig, |options| options.accept_backlog = 4);
    for client in 0..400u32 {
        rig.theirs = std::net::Ipv4Addr::from_bits(0x0b00_0000 + client * 77).into();
        rig.inject(Seg::new("S", 0).mss(1460));
        rig.inject(Seg::new(".", 1).ack(1));
        rig.advance(Duration::from_millis(10));
    }
    assert_eq!(level(&rig), Level::Calm, "an application that does not accept");
}

#[test]
fn no_entry_makes_room_for_a_syn_that_is_not_answered() {
    let mut config = Config {
        flood: FloodOptions {
            replies: Some(flood::Rate::new(1, 1)),
            ..FloodOptions::unlimited()
        },
        ..Config::default()
    };
    config.limits.embryos = 1;
    let mut rig = Rig::with(config);
    listen(&mut rig, |_| {});
    rig.theirs = "10.8.0.1".parse().unwrap();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.theirs = v4(1);
    rig.inject(Seg::new("S", 0).mss(1000));
    assert_eq!(rig.dropped(Why::HalfOpenEvicted), 1);
    rig.theirs = "10.8.0.1".parse().unwrap();
    rig.their_port += 1;
    rig.inject(Seg::new("S", 0).mss(1000));
    assert_eq!(rig.dropped(Why::SynAckBudget), 1);
    assert_eq!((rig.dropped(Why::HalfOpenEvicted), rig.stack.counts().1), (1, 1));
    rig.theirs = v4(1);
    rig.their_port -= 1;
    assert_eq!(rig.state(), State::SynReceived);
}
