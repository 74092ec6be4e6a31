use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

struct Nodes(Vec<TimerLink>);

impl Timers for Nodes {
    fn timer(&self, i: u32) -> TimerLink {
        self.0.get(i as usize).copied().unwrap_or_default()
    }

    fn set_timer(&mut self, i: u32, link: TimerLink) {
        self.0[i as usize] = link;
    }
}

fn nodes(n: usize) -> Nodes {
    Nodes(vec![TimerLink::default(); n])
}

fn ms(n: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(n)
}

fn expired(wheel: &mut Wheel, nodes: &mut Nodes, now: Instant) -> Vec<u32> {
    core::iter::from_fn(|| wheel.expire(now, nodes)).collect()
}

const DAY: u64 = 86_400_000;
/// Where 32 bits of milliseconds go round.
const WRAP: u64 = 1 << 32;

#[test]
fn is_due_at_its_tick_and_not_before() {
    for (name, born, ahead) in [
        ("at once", 0, 0),
        ("next tick", 0, 1),
        ("end of level 0", 0, 63),
        ("start of level 1", 0, 64),
        ("start of level 2", 0, 4096),
        ("within level 2", 1, 4095),
        ("a minute", 12_345, 60_000),
        ("an hour", 999_999, 3_600_000),
        ("the farthest", 77, 1 << 30),
        ("across the wrap", WRAP - 5, 10),
        ("far across the wrap", WRAP - 5, 1 << 30),
        ("across the top level", (1 << 36) - 3, 1 << 30),
    ] {
        let (mut wheel, mut nodes) = (Wheel::new(), nodes(1));
        wheel.schedule(ms(born), &mut nodes, 0, ms(born + ahead));
        assert_eq!(wheel.deadline(&nodes, 0), Some(ms(born + ahead)), "{name}");
        if ahead > 0 {
            assert_eq!(wheel.expire(ms(born + ahead - 1), &mut nodes), None, "{name}");
        }
        assert_eq!(wheel.expire(ms(born + ahead), &mut nodes), Some(0), "{name}");
        assert!(!nodes.timer(0).is_scheduled(), "{name}");
        assert_eq!(wheel.expire(ms(born + ahead + DAY), &mut nodes), None, "{name}");
    }
}

#[test]
fn times_between_ticks_are_rounded_up() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(1));
    wheel.schedule(ms(0), &mut nodes, 0, Instant::from_nanos(1_000_001));
    assert_eq!(wheel.expire(Instant::from_nanos(1_999_999), &mut nodes), None);
    assert_eq!(wheel.expire(ms(2), &mut nodes), Some(0));
}

#[test]
fn what_is_past_is_due_at_once() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(1));
    assert_eq!(wheel.expire(ms(5000), &mut nodes), None);
    wheel.schedule(ms(5000), &mut nodes, 0, ms(10));
    assert!(wheel.next() <= Some(ms(5000)));
    assert_eq!(wheel.expire(ms(5000), &mut nodes), Some(0));
}

#[test]
fn more_than_twelve_days_ahead_comes_early() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(1));
    wheel.schedule(ms(0), &mut nodes, 0, ms(30 * DAY));
    assert_eq!(wheel.deadline(&nodes, 0), Some(Instant::ZERO + AHEAD_MAX));
}

#[test]
fn a_wheel_that_nobody_asked_for_months_is_on_time() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(2));
    for born in [0, 20 * DAY, 20 * DAY + WRAP, 400 * DAY] {
        wheel.schedule(ms(born), &mut nodes, 0, ms(born + 1000));
        wheel.schedule(ms(born), &mut nodes, 1, ms(born + 100));
        assert_eq!(expired(&mut wheel, &mut nodes, ms(born + 99)), []);
        assert_eq!(expired(&mut wheel, &mut nodes, ms(born + 100)), [1]);
        assert_eq!(expired(&mut wheel, &mut nodes, ms(born + 999)), []);
        assert_eq!(expired(&mut wheel, &mut nodes, ms(born + 1000)), [0]);
    }
}

#[test]
fn moving_and_cancelling_leave_the_others() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(4));
    for i in 0..4 {
        wheel.schedule(ms(0), &mut nodes, i, ms(100));
    }
    wheel.cancel(&mut nodes, 0);
    wheel.cancel(&mut nodes, 0);
    wheel.schedule(ms(0), &mut nodes, 2, ms(50));
    assert_eq!(expired(&mut wheel, &mut nodes, ms(99)), [2]);
    assert_eq!(expired(&mut wheel, &mut nodes, ms(100)), [1, 3]);
    assert_eq!(wheel.next(), None);
}

#[test]
fn equal_lifetimes_end_in_the_order_of_their_birth() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(1000));
    for i in 0..1000 {
        let now = ms(7 * u64::from(i));
        assert_eq!(expired(&mut wheel, &mut nodes, now), []);
        wheel.schedule(now, &mut nodes, i, now + Duration::from_secs(60));
    }
    for i in 0..1000 {
        assert_eq!(wheel.nearest(), Some(i));
        wheel.cancel(&mut nodes, i);
    }
    assert_eq!(wheel.nearest(), None);
}

#[test]
fn ten_years_of_silence_cost_nothing() {
    let (mut wheel, mut nodes) = (Wheel::new(), nodes(1));
    for year in 0..10 {
        let now = ms(year * 365 * DAY);
        wheel.schedule(now, &mut nodes, 0, now + Duration::from_secs(7));
        // At most one wake-up for each level.
        let mut wakes = 0;
        while let Some(at) = wheel.next() {
            wheel.expire(at, &mut nodes);
            wakes += 1;
        }
        assert!(wakes <= LEVELS, "{wakes}");
    }
}

#[test]
fn an_entry_costs_twelve_bytes() {
    assert_eq!(size_of::<TimerLink>(), 12);
}

#[derive(Debug, Clone)]
enum Op {
    Schedule {
        i: u32,
        ahead: u64,
    },
    Past {
        i: u32,
        ago: u64,
    },
    Cancel(u32),
    Pass(u64),
    /// Time passes and nobody asks the wheel.
    Lag(u64),
    Sleep,
}

const ENTRIES: u32 = 24;

/// Nanoseconds of every magnitude up to the farthest.
fn span() -> impl Strategy<Value = u64> {
    (0u32..50, any::<u64>()).prop_map(|(bits, n)| n % (1 << bits) % (1_000_000 << 30))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..ENTRIES, span()).prop_map(|(i, ahead)| Op::Schedule { i, ahead }),
        1 => (0..ENTRIES, span()).prop_map(|(i, ago)| Op::Past { i, ago }),
        2 => (0..ENTRIES).prop_map(Op::Cancel),
        3 => span().prop_map(Op::Pass),
        1 => prop_oneof![0..5 * TICK_NANOS, span()].prop_map(Op::Lag),
        3 => Just(Op::Sleep),
    ]
}

fn birth() -> impl Strategy<Value = u64> {
    let near = |at: u64| (at - 100_000..at + 100_000).prop_map(|ms| ms * TICK_NANOS + 1);
    prop_oneof![Just(0), near(WRAP), near(1 << 36), near(1 << 30), near(10 * WRAP)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn agrees_with_a_sorted_map(birth in birth(), ops in prop::collection::vec(op(), 1..200)) {
        let mut now = Instant::from_nanos(birth);
        let (mut wheel, mut nodes) = (Wheel::new(), nodes(ENTRIES as usize));
        // What was past already when it was scheduled has no place in the order.
        let mut is_orderly = true;
        // Entry to the tick at which it is due.
        let mut model = BTreeMap::new();
        for op in ops {
            match op {
                Op::Schedule { i, ahead } => {
                    let at = now + Duration::from_nanos(ahead);
                    wheel.schedule(now, &mut nodes, i, at);
                    model.insert(i, at.as_nanos().div_ceil(TICK_NANOS));
                }
                Op::Past { i, ago } => {
                    is_orderly = false;
                    wheel.schedule(now, &mut nodes, i, Instant::from_nanos(now.as_nanos().saturating_sub(ago)));
                    model.insert(i, now.as_nanos().saturating_sub(ago).div_ceil(TICK_NANOS));
                }
                Op::Cancel(i) => {
                    wheel.cancel(&mut nodes, i);
                    model.remove(&i);
                }
                Op::Pass(span) | Op::Lag(span) => now += Duration::from_nanos(span),
                Op::Sleep => now = wheel.next().map_or(now, |at| at.max(now)),
            }
            if matches!(op, Op::Pass(_) | Op::Sleep) {
                let popped = expired(&mut wheel, &mut nodes, now);
                let ticks: Vec<_> = popped.iter().map(|i| model[i]).collect();
                prop_assert!(ticks.iter().all(|&tick| tick <= now.as_millis()), "nothing is early");
                prop_assert!(!is_orderly || ticks.is_sorted(), "the first comes first");
                let late = model.iter().filter(|(i, tick)| **tick <= now.as_millis() && !popped.contains(i)).count();
                prop_assert_eq!(late, 0, "nothing is late");
                model.retain(|i, _| !popped.contains(i));
            }
            prop_assert_eq!(wheel.next().is_some(), !model.is_empty());
            if let Some((_, &earliest)) = model.iter().min_by_key(|(_, tick)| **tick) {
                prop_assert!(wheel.next().unwrap().as_millis() <= earliest.max(now.as_millis()));
            }
            for i in 0..ENTRIES {
                prop_assert_eq!(nodes.timer(i).is_scheduled(), model.contains_key(&i));
            }
        }
        // Sleeping as it says ends, soon, and everything is popped.
        let mut wakes = 0;
        while let Some(at) = wheel.next() {
            expired(&mut wheel, &mut nodes, at);
            wakes += 1;
            prop_assert!(wakes <= ENTRIES * LEVELS as u32);
        }
        prop_assert!((0..ENTRIES).all(|i| !nodes.timer(i).is_scheduled()));
    }
}
