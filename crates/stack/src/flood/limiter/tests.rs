use std::vec;

use super::*;

fn secrets() -> Secrets {
    Secrets {
        master: [5; 32],
        public: 0,
    }
}

fn limiter(options: &LimiterOptions) -> Limiter {
    Limiter::new(options, &secrets())
}

/// Rates small enough to count.
fn small() -> LimiterOptions {
    LimiterOptions {
        per_address: Some(Rate::new(10, 20)),
        per_prefix: Some(Rate::new(100, 50)),
        proven: Some(Rate::new(100, 200)),
        ..LimiterOptions::default()
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How many SYNs are kept before the first that is not, and what that one meets.
fn kept(limiter: &mut Limiter, now: Instant, from: &str) -> (usize, Option<Admission>) {
    let mut admissions = (0..1_000).map(|_| limiter.admit(now, address(from)));
    let mut n = 0;
    let over = admissions.find(|admission| {
        let keep = matches!(admission, Admission::Keep(_));
        n += usize::from(keep);
        !keep
    });
    (n, over)
}

#[test]
fn each_bound_says_what_happens_and_which_it_is() {
    use Admission::{CookieOnly, Refuse};
    let now = Instant::ZERO;
    for (over, expected) in [
        (OverLimit::Cookie, CookieOnly as fn(Bound) -> Admission),
        (OverLimit::Drop, Refuse as fn(Bound) -> Admission),
    ] {
        let mut limiter = limiter(&LimiterOptions { over, ..small() });
        assert_eq!(
            kept(&mut limiter, now, "192.0.2.1"),
            (20, Some(expected(Bound::Address)))
        );
        assert_eq!(
            kept(&mut limiter, now, "192.0.2.2"),
            (20, Some(expected(Bound::Address)))
        );
        // The prefix has 10 left, and a neighbour's refusal costs it nothing.
        assert_eq!(
            kept(&mut limiter, now, "192.0.2.3"),
            (10, Some(expected(Bound::Prefix)))
        );
        assert_eq!(kept(&mut limiter, now, "192.0.3.1").0, 20);
        limiter.completed(now, address("192.0.2.4"));
        assert_eq!(
            kept(&mut limiter, now, "192.0.2.4"),
            (200, Some(expected(Bound::Proven)))
        );
    }
}

#[test]
fn who_the_prefix_refuses_keeps_the_tokens_of_its_address() {
    let mut limiter = limiter(&LimiterOptions {
        per_prefix: Some(Rate::new(1, 1)),
        ..small()
    });
    let (now, from) = (Instant::ZERO, address("192.0.2.1"));
    assert_eq!(limiter.admit(now, from), Admission::Keep(Standing::Stranger));
    for _ in 0..100 {
        assert_eq!(limiter.admit(now, from), Admission::CookieOnly(Bound::Prefix));
    }
}

#[test]
fn ipv6_is_limited_by_64_and_by_48() {
    let now = Instant::ZERO;
    let mut limiter = limiter(&small());
    assert_eq!(kept(&mut limiter, now, "2001:db8:0:1::1").0, 20);
    assert_eq!(kept(&mut limiter, now, "2001:db8:0:1:ffff::2").0, 0, "the same /64");
    assert_eq!(kept(&mut limiter, now, "2001:db8:0:2::1").0, 20, "another /64");
    assert_eq!(
        kept(&mut limiter, now, "2001:db8:0:3::1").0,
        10,
        "what the /48 has left"
    );
    assert_eq!(kept(&mut limiter, now, "2001:db8:1:3::1").0, 20, "another /48");
}

#[test]
fn limits_that_do_not_exist_do_not_bind() {
    let now = Instant::ZERO;
    for (name, options, expected) in [
        ("none", LimiterOptions::unlimited(), 1_000),
        (
            "prefix alone",
            LimiterOptions {
                per_address: None,
                ..small()
            },
            50,
        ),
        (
            "address alone",
            LimiterOptions {
                per_prefix: None,
                ..small()
            },
            20,
        ),
        (
            "the allow list",
            LimiterOptions {
                allow: vec!["192.0.2.0/28".parse().unwrap()],
                ..small()
            },
            1_000,
        ),
    ] {
        let mut limiter = limiter(&options);
        assert_eq!(kept(&mut limiter, now, "192.0.2.1").0, expected, "{name}");
    }
}

#[test]
fn standing_is_told_and_costs_no_token() {
    let now = Instant::ZERO;
    let mut limiter = limiter(&LimiterOptions {
        allow: vec!["198.51.100.0/24".parse().unwrap()],
        ..small()
    });
    limiter.completed(now, address("192.0.2.1"));
    for (name, from, standing) in [
        ("allowed", "198.51.100.7", Standing::Allowed),
        ("proven", "192.0.2.1", Standing::Proven),
        ("stranger", "192.0.2.2", Standing::Stranger),
    ] {
        for _ in 0..300 {
            assert_eq!(limiter.standing(now, address(from)), standing, "{name}");
        }
        assert_eq!(limiter.admit(now, address(from)), Admission::Keep(standing), "{name}");
        assert_eq!(limiter.admit(now, address(from)).standing(), standing, "{name}");
    }
    assert_eq!(Admission::Refuse(Bound::Proven).standing(), Standing::Stranger);
    assert_eq!(Admission::CookieOnly(Bound::Prefix).standing(), Standing::Stranger);
}

/// A good client opens 10 connections a second while an attacker writes its address, or those of its /24, into his SYNs.
fn good_syns_kept(proven: bool, spoofed_per_s: u64, spoof: fn(u64) -> IpAddr) -> (u64, u64) {
    let mut limiter = limiter(&LimiterOptions {
        over: OverLimit::Drop,
        ..LimiterOptions::default()
    });
    let good = address("192.0.2.1");
    if proven {
        limiter.completed(Instant::ZERO, good);
    }
    let (gap, seconds) = (1_000_000_000 / spoofed_per_s, 4);
    let (mut tried, mut kept) = (0, 0);
    for n in 0..seconds * spoofed_per_s {
        let now = Instant::from_nanos(n * gap);
        let _ = limiter.admit(now, spoof(n));
        // Half-way between two of the attacker's, ten times a second; the first second drains the bursts.
        if n % (spoofed_per_s / 10) == 0 && n >= spoofed_per_s {
            tried += 1;
            let now = now + Duration::from_nanos(gap / 2);
            kept += u64::from(matches!(limiter.admit(now, good), Admission::Keep(_)));
        }
    }
    (kept, tried)
}

#[test]
fn a_spoofer_cannot_silence_a_source_that_completed_a_handshake() {
    let own = |_| IpAddr::from([192, 0, 2, 1]);
    let neighbours = |n: u64| IpAddr::from([192, 0, 2, n as u8]);
    for (name, proven, spoofed_per_s, spoof, share) in [
        (
            "a stranger, in its name",
            false,
            5_000,
            own as fn(u64) -> IpAddr,
            0.0..=0.2,
        ),
        ("a stranger, in its neighbours'", false, 5_000, neighbours, 0.0..=0.4),
        ("proven, in its name, under its rate", true, 9_000, own, 1.0..=1.0),
        ("proven, in its neighbours'", true, 20_000, neighbours, 1.0..=1.0),
        ("proven, in its name, over its rate", true, 20_000, own, 0.0..=0.8),
    ] {
        let (kept, tried) = good_syns_kept(proven, spoofed_per_s, spoof);
        assert!(
            share.contains(&(kept as f64 / tried as f64)),
            "{name}: {kept} of {tried}"
        );
    }
}

#[test]
fn by_default_who_is_over_a_limit_is_answered_still() {
    let mut limiter = limiter(&LimiterOptions::default());
    let from = address("192.0.2.1");
    for _ in 0..50_000 {
        assert!(!matches!(limiter.admit(Instant::ZERO, from), Admission::Refuse(_)));
    }
}

#[test]
fn tables_are_allocated_at_first_use_and_hold_ten_million_sources_in_the_same_bytes() {
    let options = LimiterOptions::default();
    let mut limiter = limiter(&options);
    assert_eq!(limiter.bytes(), 0);
    // A few thousand sources touch every row; nothing in the tables knows how many there were.
    for n in 0..10_000_u32 {
        let from = IpAddr::from(n.wrapping_mul(2_654_435_761).to_be_bytes());
        let _ = limiter.admit(Instant::ZERO, from);
        limiter.completed(Instant::ZERO, from);
        assert_eq!(limiter.bytes(), options.bytes_max());
    }
    assert_eq!(options.bytes_max(), 320 << 10);
    assert!(options.bytes_max() + super::super::ReplyBudget::BYTES_MAX <= 512 << 10);

    let mut unlimited = Limiter::new(&LimiterOptions::unlimited(), &secrets());
    let _ = unlimited.admit(Instant::ZERO, address("192.0.2.1"));
    unlimited.completed(Instant::ZERO, address("192.0.2.1"));
    assert_eq!(unlimited.bytes(), 0);
    assert_eq!(LimiterOptions::unlimited().bytes_max(), 0);
}

#[test]
fn the_defaults_bear_the_flood_that_their_documentation_says() {
    let options = LimiterOptions::default();
    let per_s = |rate: Option<Rate>, cells: usize| rate.unwrap().per_s as usize * cells * 3 / 2;
    assert_eq!(per_s(options.per_address, options.address_cells), 2_457_600);
    assert_eq!(per_s(options.per_prefix, options.prefix_cells), 12_288_000);
    // A /24 at four SYNs a second from each address.
    assert!(options.per_prefix.unwrap().per_s < 4 * 256);
    // A SYN-ACK with all options is 60 bytes over IPv4.
    let replies = super::super::ReplyBudget::DEFAULT_RATE;
    assert_eq!(replies.per_s * 60 * 8, 960_000, "bit/s");
}

#[test]
fn shards_know_one_another_s_sources() {
    let options = LimiterOptions {
        per_address: Some(Rate::new(1, 3)),
        ..LimiterOptions::default()
    };
    let mut one = limiter(&options);
    let mut other = one.share();
    let (stranger, client) = ("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
    for _ in 0..3 {
        assert_eq!(one.admit(Instant::ZERO, stranger), Admission::Keep(Standing::Stranger));
    }
    assert_eq!(
        other.admit(Instant::ZERO, stranger),
        Admission::CookieOnly(Bound::Address)
    );
    one.completed(Instant::ZERO, client);
    assert_eq!(other.standing(Instant::ZERO, client), Standing::Proven);
    assert_eq!(one.clone().standing(Instant::ZERO, client), Standing::Proven);
    assert_eq!((one.bytes(), other.bytes()), (options.bytes_max(), options.bytes_max()));
}
