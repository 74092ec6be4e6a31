use core::net::IpAddr;

use super::super::source::{Keyed, Source};
use super::*;
use crate::config::Secrets;

const LIFETIME: Duration = Duration::from_secs(600);

fn keyed() -> Keyed {
    let secrets = Secrets {
        master: [9; 32],
        public: 0,
    };
    Keyed::new(&secrets, b"test")
}

fn spot(address: u32) -> Spot {
    keyed().spot(Source::of(IpAddr::from(address.to_be_bytes())).address_key(), 0)
}

fn table(sources: usize) -> Proven {
    Proven::new(Rate::new(100, 200), LIFETIME, sources)
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn taken(proven: &mut Proven, now: Instant, spot: Spot) -> usize {
    (0..1_000)
        .take_while(|_| proven.take(now, spot) == Proof::Within)
        .count()
}

#[test]
fn a_source_is_proven_from_its_handshake_for_a_lifetime() {
    let long_ago = 1_000_000;
    for (name, completed, asked, expected) in [
        ("at once", &[0][..], 0, true),
        ("late", &[0], 590, true),
        ("too late", &[0], 600, false),
        ("renewed", &[0, 500], 1_000, true),
        ("renewed, too late", &[0, 500], 1_100, false),
        ("after a long time", &[long_ago], long_ago + 590, true),
        ("a day later", &[0], 86_400, false),
    ] {
        let mut proven = table(64);
        assert_eq!(proven.take(at(0), spot(1)), Proof::Stranger, "{name}");
        for when in completed {
            proven.completed(at(*when), spot(1));
        }
        assert_eq!(proven.has(at(asked), spot(1)), expected, "{name}");
        assert_eq!(proven.take(at(asked), spot(1)) == Proof::Within, expected, "{name}");
        assert!(!proven.has(at(asked), spot(2)), "{name}: another source");
    }
}

#[test]
fn each_source_has_a_bucket_of_its_own_that_a_handshake_does_not_fill() {
    let mut proven = table(64);
    proven.completed(at(0), spot(1));
    proven.completed(at(0), spot(2));
    assert_eq!(taken(&mut proven, at(0), spot(1)), 200);
    assert_eq!(proven.take(at(0), spot(1)), Proof::Over);
    proven.completed(at(0), spot(1));
    assert_eq!(proven.take(at(0), spot(1)), Proof::Over);
    assert_eq!(taken(&mut proven, at(0), spot(2)), 200);
    assert!((99..=100).contains(&taken(&mut proven, at(1), spot(1))));
}

#[test]
fn both_clocks_of_an_entry_may_wrap_around() {
    let proven = table(64);
    let stamps_turn = Duration::from_nanos(1 << (proven.stamps.shift + Stamps::BITS));
    let bucket_turn = Duration::from_nanos((1 << 32) * 128);
    assert!(stamps_turn >= LIFETIME.times(8));
    assert_eq!(proven.stamps.at(Instant::ZERO + stamps_turn), 0);
    assert_eq!(proven.pace.ticks(Instant::ZERO + bucket_turn), 0);
    let second = Duration::from_secs(1);
    for (name, start, idle, expected) in [
        (
            "across the stamps' wrap",
            stamps_turn - second.times(5),
            second.times(10),
            Some(200),
        ),
        (
            "across the bucket's wrap",
            bucket_turn - second.part(2),
            second,
            Some(100),
        ),
        ("exactly a turn of the stamps", second, stamps_turn, None),
        ("a turn of the stamps and a second", second, stamps_turn + second, None),
        ("a thousand turns", second, stamps_turn.times(1_000), None),
        ("exactly a turn of the bucket", second, bucket_turn, Some(200)),
        (
            "half a turn of the bucket and a second",
            second,
            bucket_turn.part(2) + second,
            Some(200),
        ),
    ] {
        let (mut proven, start) = (proven.clone(), Instant::ZERO + start);
        proven.completed(start, spot(1));
        assert_eq!(taken(&mut proven, start, spot(1)), 200, "{name}");
        let again = taken(&mut proven, start + idle, spot(1));
        match expected {
            Some(expected) => assert!((expected - 1..=expected).contains(&again), "{name}: {again}"),
            None => assert!(!proven.has(start + idle, spot(1)), "{name}"),
        }
    }
}

#[test]
fn a_source_never_seen_again_does_not_come_back_while_others_keep_the_table_awake() {
    for every in [60, 590, 700, 2_500] {
        let mut proven = table(64);
        proven.completed(at(0), spot(1));
        for n in 1..100_000 / every {
            let now = at(n * every);
            proven.completed(now, spot(2));
            assert_eq!(
                proven.has(now, spot(1)),
                n * every < 595,
                "every {every} s: at {} s",
                n * every
            );
        }
    }
}

#[test]
fn in_a_full_set_the_longest_unseen_makes_room() {
    let mut proven = table(64);
    let set = |address| spot(address).set() & (proven.sets - 1);
    let same: Vec<Spot> = (0..).filter(|n| set(*n) == set(0)).take(5).map(spot).collect();
    for (n, spot) in same.iter().take(4).enumerate() {
        proven.completed(at(10 * n as u64), *spot);
    }
    proven.completed(at(50), same[0]);
    proven.completed(at(60), same[4]);
    let still: Vec<bool> = same.iter().map(|spot| proven.has(at(61), *spot)).collect();
    assert_eq!(still, [true, false, true, true, true]);
}

#[test]
fn few_of_the_sources_that_fit_lose_their_place_to_each_other() {
    let mut proven = table(1_024);
    for address in 0..512 {
        proven.completed(at(u64::from(address) / 100), spot(address));
    }
    let kept = (0..512).filter(|address| proven.has(at(6), spot(*address))).count();
    assert!(kept >= 480, "{kept}");
}

#[test]
fn a_stranger_is_rarely_taken_for_a_proven_source() {
    // With every place taken a stranger is compared with four tags of 2^20 - 1.
    let mut proven = table(64);
    for address in 0..1_000 {
        proven.completed(at(0), spot(address));
    }
    let table = proven.table.as_ref().unwrap();
    assert!(
        table
            .sets
            .iter()
            .flat_map(|set| &set.0)
            .all(|slot| slot.entry().tag() > 0)
    );
    assert_eq!(4_000_000 / ((1 << PLACE_BITS) - 1), 3, "in a million, rounded down");
    let mistaken = (0..100_000).filter(|n| proven.has(at(1), spot(1_000_000 + n))).count();
    assert!(mistaken <= 4, "{mistaken}");
}

#[test]
fn a_table_takes_memory_from_the_first_handshake_on_and_never_more() {
    for (sources, places) in [(0, 64), (64, 64), (65, 128), (16_384, 16_384), (usize::MAX, 1 << 22)] {
        let mut proven = table(sources);
        assert_eq!(proven.take(at(0), spot(1)), Proof::Stranger);
        assert_eq!(proven.bytes(), 0, "{sources}");
        for address in 0..100 {
            proven.completed(at(0), spot(address));
            assert_eq!(proven.bytes(), 8 * places, "{sources}");
        }
        assert_eq!(bytes_max(sources), 8 * places, "{sources}");
    }
}

#[test]
fn a_lifetime_is_kept_within_its_bounds_and_to_a_hundredth() {
    for (name, asked, kept) in [
        ("nothing", Duration::ZERO, Duration::from_secs(1)),
        ("a second", Duration::from_secs(1), Duration::from_secs(1)),
        ("ten minutes", LIFETIME, LIFETIME),
        ("forever", Duration::from_nanos(u64::MAX), Duration::from_secs(86_400)),
    ] {
        let mut proven = Proven::new(Rate::new(1, 1), asked, 64);
        proven.completed(at(0), spot(1));
        assert!(proven.has(Instant::ZERO + kept.times(99).part(100), spot(1)), "{name}");
        assert!(!proven.has(Instant::ZERO + kept, spot(1)), "{name}");
    }
}
