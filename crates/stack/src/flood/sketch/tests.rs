use core::net::IpAddr;

use proptest::prelude::*;

use super::super::source::{Keyed, Source};
use super::*;
use crate::config::Secrets;

fn keyed() -> Keyed {
    let secrets = Secrets {
        master: [9; 32],
        public: 0,
    };
    Keyed::new(&secrets, b"test")
}

fn spot(keyed: &Keyed, address: u32) -> Spot {
    keyed.spot(Source::of(IpAddr::from(address.to_be_bytes())).address_key(), 0)
}

fn take(sketch: &mut Sketch, now: Instant, spot: Spot) -> bool {
    sketch.token(now, spot).map(|token| sketch.take(token)).is_some()
}

fn taken(sketch: &mut Sketch, now: Instant, spot: Spot) -> usize {
    (0..1_000).take_while(|_| take(sketch, now, spot)).count()
}

/// The 64-bit linear congruential generator of Knuth's MMIX: its upper half.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

#[test]
fn a_source_gets_a_burst_and_then_its_rate() {
    for (name, rate, waits, expected) in [
        ("at once", Rate::new(100, 50), Duration::ZERO, 0),
        ("one interval", Rate::new(100, 50), Duration::from_micros(10_001), 1),
        ("just under one", Rate::new(100, 50), Duration::from_micros(9_999), 0),
        ("ten intervals", Rate::new(100, 50), Duration::from_micros(100_010), 10),
        ("long idle", Rate::new(100, 50), Duration::from_secs(86_400), 50),
        ("one a second", Rate::new(1, 3), Duration::from_millis(2_001), 2),
        ("no rate", Rate::new(0, 3), Duration::from_secs(10), 0),
    ] {
        let (mut sketch, spot) = (Sketch::new(rate, 64), spot(&keyed(), 1));
        let burst = if rate.per_s == 0 { 0 } else { rate.burst as usize };
        assert_eq!(taken(&mut sketch, Instant::ZERO, spot), burst, "{name}");
        assert_eq!(taken(&mut sketch, Instant::ZERO + waits, spot), expected, "{name}");
    }
}

#[test]
fn a_token_that_is_not_taken_stays() {
    let (mut sketch, spot) = (Sketch::new(Rate::new(1, 1), 64), spot(&keyed(), 1));
    for _ in 0..10 {
        assert!(sketch.token(Instant::ZERO, spot).is_some());
    }
    assert!(take(&mut sketch, Instant::ZERO, spot));
    assert!(sketch.token(Instant::ZERO, spot).is_none());
}

#[test]
fn a_source_that_shares_one_cell_only_is_not_disturbed() {
    let keyed = keyed();
    let mask = 63;
    let quiet = spot(&keyed, 0);
    let [first, second] = quiet.cells().map(|cell| cell & mask);
    let loud = (1..).map(|address| spot(&keyed, address)).find(|spot| {
        let cells = spot.cells().map(|cell| cell & mask);
        cells[0] == first && cells[1] != second
    });
    let mut sketch = Sketch::new(Rate::new(1, 100), 64);
    assert_eq!(taken(&mut sketch, Instant::ZERO, loud.unwrap()), 100);
    assert_eq!(taken(&mut sketch, Instant::ZERO, quiet), 100);
}

#[test]
fn the_clock_of_a_cell_may_wrap_around() {
    let pace = Pace::new(Rate::new(100, 200));
    // 2^32 ticks of 128 ns: 9 minutes.
    let turn = Duration::from_nanos((1 << 32) * 128);
    assert_eq!(pace.ticks(Instant::ZERO + turn), 0);
    let second = Duration::from_secs(1);
    for (name, start, idle, expected) in [
        (
            "a second, across the wrap",
            turn - Duration::from_millis(500),
            second,
            100,
        ),
        ("a second, far from it", turn.times(7).part(2), second, 100),
        (
            "a second, across half a turn",
            turn.part(2) - Duration::from_millis(500),
            second,
            100,
        ),
        ("half a turn", second, turn.part(2), 200),
        ("half a turn and a second", second, turn.part(2) + second, 200),
        ("exactly a turn", second, turn, 200),
        ("a turn less a second", second, turn - second, 200),
        ("a turn and a second", second, turn + second, 200),
        ("a thousand turns", second, turn.times(1000), 200),
    ] {
        let (mut sketch, spot) = (Sketch::new(Rate::new(100, 200), 64), spot(&keyed(), 1));
        let start = Instant::ZERO + start;
        assert_eq!(taken(&mut sketch, start, spot), 200, "{name}");
        let again = taken(&mut sketch, start + idle, spot);
        assert!((expected - 1..=expected).contains(&again), "{name}: {again}");
    }
}

#[test]
fn cells_used_all_along_survive_every_refresh() {
    let (mut sketch, spot) = (Sketch::new(Rate::new(100, 200), 64), spot(&keyed(), 1));
    assert_eq!(taken(&mut sketch, Instant::ZERO, spot), 200);
    // Twenty minutes, over two turns of the clock: never more than the rate.
    let (mut now, mut given) = (Instant::ZERO, 0);
    for _ in 0..1_200 {
        now += Duration::from_secs(1);
        given += taken(&mut sketch, now, spot);
    }
    assert!((119_000..=120_000).contains(&given), "{given}");
}

#[test]
fn a_clock_that_goes_back_gives_nothing_twice() {
    let (mut sketch, spot) = (Sketch::new(Rate::new(1, 2), 64), spot(&keyed(), 1));
    let now = Instant::ZERO + Duration::from_secs(60);
    assert_eq!(taken(&mut sketch, now, spot), 2);
    assert_eq!(taken(&mut sketch, Instant::ZERO + Duration::from_secs(50), spot), 0);
    assert_eq!(taken(&mut sketch, now, spot), 0);
}

#[test]
fn a_table_takes_memory_from_its_first_use_on_and_never_more() {
    for (cells, per_row) in [(0, 64), (64, 64), (65, 128), (16_384, 16_384), (usize::MAX, 1 << 20)] {
        let mut sketch = Sketch::new(Rate::new(100, 200), cells);
        assert_eq!(sketch.bytes(), 0, "{cells}");
        for address in 0..100 {
            take(&mut sketch, Instant::ZERO, spot(&keyed(), address));
            assert_eq!(sketch.bytes(), 8 * per_row, "{cells}");
        }
        assert_eq!(bytes_max(cells), 8 * per_row, "{cells}");
    }
}

/// The share of strangers refused while so many percent of cells x rate of them are seen per second, each once. Units: per
/// million.
///
/// The table is smaller than the default's and its rate lower, and so is the flood: what decides is what a cell is asked for
/// and what it gives out, and their ratio is the same.
fn refused_of_a_random_flood(load_percent: u64) -> u64 {
    const CELLS: u64 = 512;
    const PER_S: u64 = 10;
    let keyed = keyed();
    let mut sketch = Sketch::new(Rate::new(PER_S as u32, 2 * PER_S as u32), CELLS as usize);
    let gap = 1_000_000_000 * 100 / (CELLS * PER_S * load_percent);
    let (mut addresses, mut refused) = (Lcg(42), 0);
    let (mut now, warm, all) = (Instant::ZERO, 70_000, 120_000);
    for n in 0..all {
        now += Duration::from_nanos(gap);
        let admitted = take(&mut sketch, now, spot(&keyed, addresses.next()));
        refused += u64::from(n >= warm && !admitted);
    }
    refused * 1_000_000 / (all - warm)
}

#[test]
fn a_flood_from_random_sources_disturbs_only_beyond_what_the_table_gives_out() {
    for (load_percent, expected) in [
        (50, 0..=0),
        (100, 0..=0),
        (150, 0..=0),
        (200, 200_000..=280_000),
        (300, 460_000..=540_000),
    ] {
        let refused = refused_of_a_random_flood(load_percent);
        assert!(expected.contains(&refused), "{load_percent} %: {refused} in a million");
    }
}

#[test]
fn loud_sources_disturb_who_shares_both_cells_with_them() {
    let keyed = keyed();
    for (loud, cells) in [(100, 1_024), (300, 1_024), (1_000, 1_024)] {
        let mut sketch = Sketch::new(Rate::new(1, 3), cells);
        for address in 0..loud {
            taken(&mut sketch, Instant::ZERO, spot(&keyed, address));
        }
        let strangers = 10_000;
        let refused = (0..strangers)
            .filter(|n| sketch.token(Instant::ZERO, spot(&keyed, 1_000_000 + n)).is_none())
            .count();
        let full = 1.0 - (-f64::from(loud) / cells as f64).exp();
        let expected = full * full * f64::from(strangers);
        assert!(
            (refused as f64 - expected).abs() < 0.2 * expected + 30.0,
            "{loud}: {refused}"
        );
    }
}

proptest! {
    #[test]
    fn a_source_never_takes_more_than_its_burst_and_its_rate(
        per_s in 1u32..100_000,
        burst in 1u32..500,
        start in any::<u32>(),
        steps in prop::collection::vec((0u64..100_000_000, 1usize..20), 1..100),
    ) {
        let (mut sketch, spot) = (Sketch::new(Rate::new(per_s, burst), 64), spot(&keyed(), 1));
        let start = Instant::ZERO + Duration::from_secs(start.into());
        let (mut now, mut given) = (start, 0);
        for (step, tries) in steps {
            now += Duration::from_nanos(step);
            given += (0..tries).filter(|_| take(&mut sketch, now, spot)).count() as u128;
            // A tick is at most a 128th of an interval, or a nanosecond: time is known to one of them.
            let time = u128::from(now.since(start).as_nanos()) * u128::from(per_s) * 129 / 128;
            prop_assert!(given <= u128::from(burst) + time / 1_000_000_000 + 1);
        }
    }

    #[test]
    fn a_source_alone_is_never_refused_within_its_rate(
        per_s in 1u32..100_000,
        burst in 1u32..500,
        start in any::<u32>(),
    ) {
        let (mut sketch, spot) = (Sketch::new(Rate::new(per_s, burst), 64), spot(&keyed(), 1));
        let mut now = Instant::ZERO + Duration::from_secs(start.into());
        for _ in 0..50 {
            prop_assert!(take(&mut sketch, now, spot));
            // A hundredth below the rate.
            now += Duration::from_nanos(1_010_000_000_u64.div_ceil(per_s.into()) + 1);
        }
    }
}

#[test]
fn what_is_shared_has_one_bucket_for_a_source() {
    let spot = spot(&keyed(), 1);
    let mut one = Sketch::new(Rate::new(100, 50), 64);
    let mut other = one.share();
    assert_eq!(taken(&mut one, Instant::ZERO, spot), 50);
    assert_eq!(taken(&mut other, Instant::ZERO, spot), 0);
    let mut apart = one.clone();
    let later = Instant::ZERO + Duration::from_millis(101);
    assert_eq!(taken(&mut other, later, spot), 10);
    assert_eq!(taken(&mut one, later, spot), 0);
    assert_eq!(taken(&mut apart, later, spot), 10, "a clone is on its own");
    assert_eq!((one.bytes(), other.bytes()), (bytes_max(64), bytes_max(64)));
}

#[test]
fn shards_that_take_at_once_get_no_more_than_each_its_own() {
    let spot = spot(&keyed(), 1);
    let mut first = Sketch::new(Rate::new(1, 1_000), 64);
    let shards: Vec<Sketch> = (0..4).map(|_| first.share()).collect();
    let take_all = |mut shard: Sketch| std::thread::spawn(move || taken(&mut shard, Instant::ZERO, spot));
    let threads: Vec<_> = shards.into_iter().map(take_all).collect();
    let all: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!((1_000..=4_000).contains(&all), "{all}");
    assert_eq!(taken(&mut first, Instant::ZERO, spot), 0);
}
