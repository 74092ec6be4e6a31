//! A gauge in virtual time: whole floods, and what must not be taken for one, as rows; then the gauge by itself.

mod row;
mod world;

use alloc::string::String;
use alloc::vec::Vec;
use std::format;

use super::*;
use Level::{Calm, Flood};
use row::{ROWS, START};
pub(super) use world::Chance;
use world::{MS, S, World, ghost, near};

#[test]
fn every_scenario_has_its_level() {
    let mut failures = Vec::<String>::new();
    for row in ROWS {
        // The largest rows cost most and vary least.
        let seeds = if row.name.starts_with("80000") { 1 } else { 3 };
        for seed in 1..=seeds {
            let mut world = World::new(seed);
            (row.traffic)(&mut world);
            world.run();
            let highest = world.changes.iter().map(|(_, change)| change.to).max().unwrap_or(Calm);
            let reached = world.changes.iter().find(|(_, change)| change.to == highest);
            let latency = reached.map_or(0, |(at, _)| at.saturating_sub(START) / MS);
            let last = world.changes.last().map_or(0, |(at, _)| *at);
            let calm = last.saturating_sub(START + row.end_ms * MS) / MS;
            let early = world.changes.first().is_some_and(|(at, _)| *at < START);
            let right = highest == row.highest
                && latency <= row.within_ms
                && calm <= row.calm_ms
                && world.changes.len() <= row.changes
                && world.gauge.level() == Calm
                && !early;
            let mut story = format!(
                "{}, seed {seed}: {highest} after {latency} ms, calm {calm} ms later\n",
                row.name
            );
            for (at, change) in &world.changes {
                let at = (*at as i64 - START as i64) / MS as i64;
                story += &format!("    {at:>7} ms {} -> {}: {}\n", change.from, change.to, change.figures);
            }
            if !right {
                failures.push(story);
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.concat());
}

#[test]
fn a_flood_is_detected_in_time_at_any_phase_of_a_window() {
    for (name, rate, good_rate, within) in [
        ("500/s", 500, 10, S),
        ("2000/s", 2_000, 10, S),
        ("2000/s and 10 % good", 2_000, 222, S),
        ("200/s", 200, 10, 1_500 * MS),
        ("200/s and 50 % good", 200, 200, 3 * S),
        ("1000/s and 50 % good", 1_000, 1_000, 3 * S),
    ] {
        for phase in 0..10 {
            let begins = 3 * S + phase * 110 * MS;
            let mut world = World::new(phase + 1);
            // Good clients keep the steps going, which else begin with the flood's first SYN.
            world.crowd(0..begins + 3 * S, good_rate, near);
            world.crowd(begins..begins + 3 * S, rate, ghost);
            world.run();
            let flood = world
                .changes
                .iter()
                .find(|(_, change)| change.to == Flood)
                .map(|(at, _)| at - begins);
            assert!(
                flood.is_some_and(|late| late <= within),
                "{name}, phase {phase}: {:?}",
                world.changes
            );
        }
    }
}

#[test]
fn a_gauge_is_small() {
    assert!(size_of::<Gauge>() < 512, "{} bytes", size_of::<Gauge>());
}

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * MS)
}

/// A flood that a driver looked at once, when it was over.
fn flooded(until_ms: u64) -> Gauge {
    let mut gauge = Gauge::new(GaugeOptions::default());
    let mut chance = Chance::new(9);
    for ms in 0..until_ms {
        gauge.on_syn(at(ms), chance.next());
        gauge.on_syn(at(ms), chance.next());
    }
    gauge
}

#[test]
fn a_calm_listener_needs_no_timer() {
    let mut gauge = Gauge::new(GaugeOptions::default());
    assert_eq!(gauge.next(), None);
    (0..63).for_each(|n| gauge.on_syn(at(n), n));
    assert_eq!(gauge.next(), None, "fewer than can be a flood");
    gauge.on_syn(at(63), 63);
    assert_eq!(gauge.next(), Some(at(250)));
    gauge.on_completed(at(64), 63);
    assert_eq!(gauge.next(), None);
    // The next SYN, an hour later, finds nothing left of these.
    (0..63).for_each(|n| gauge.on_syn(at(3_600_000), n));
    assert_eq!(gauge.next(), None);
    gauge.on_syn(at(3_600_000), 63);
    assert_eq!(gauge.next(), Some(at(3_600_250)));
}

#[test]
fn a_change_is_told_once() {
    let mut gauge = flooded(1_000);
    assert_eq!(gauge.level(), Level::Calm, "not told yet");
    let change = gauge.evaluate(at(1_000), 0, 1_024).expect("a flood");
    assert_eq!((change.from, change.to), (Level::Calm, Level::Flood));
    assert_eq!(change.figures, gauge.figures());
    assert_eq!((change.figures.syns, change.figures.unanswered()), (500, 500));
    assert_eq!(gauge.level(), Level::Flood);
    assert_eq!(gauge.evaluate(at(1_000), 0, 1_024), None);
}

#[test]
fn a_driver_that_comes_late_finds_the_level_that_time_left() {
    for (name, ms, to) in [
        ("soon", 5_000, Some(Level::Calm)),
        ("an hour", 3_600_000, Some(Level::Calm)),
        ("at once", 500, None),
    ] {
        let mut gauge = flooded(1_000);
        gauge.evaluate(at(1_000), 0, 1_024);
        gauge.evaluate(at(9_000), 0, 1_024);
        let change = gauge.evaluate(at(9_000 + ms), 0, 1_024);
        assert_eq!(change.map(|change| change.to), to, "{name}");
    }
}

#[test]
fn a_full_queue_is_seen_at_once_with_what_filled_it() {
    let mut gauge = Gauge::new(GaugeOptions::default());
    let mut chance = Chance::new(4);
    (0..800).for_each(|n| gauge.on_syn(at(100 + n / 10), chance.next()));
    let change = gauge.evaluate(at(180), 800, 1_024).expect("a full queue");
    assert_eq!(change.to, Level::Watch);
    assert_eq!(
        (change.figures.half_open, change.figures.backlog, change.figures.syns),
        (800, 1_024, 800)
    );
    assert_eq!(change.figures.span, Duration::from_millis(80));
}

#[test]
fn a_clock_that_goes_back_or_to_its_end_harms_nothing() {
    let mut gauge = flooded(1_000);
    gauge.on_syn(at(10), 1);
    gauge.evaluate(at(0), usize::MAX, usize::MAX);
    gauge.on_completed(Instant::from_nanos(u64::MAX), 1);
    gauge.on_syn(Instant::from_nanos(u64::MAX), 1);
    gauge.evaluate(Instant::from_nanos(u64::MAX), 0, 0);
    assert_eq!(gauge.evaluate(at(0), 0, 0), None);
}

#[test]
fn counts_saturate() {
    let full = Tally {
        syns: u32::MAX,
        completed: 1,
        reset: 0,
    };
    assert_eq!(
        full.plus(full),
        Tally {
            syns: u32::MAX,
            completed: 2,
            reset: 0
        }
    );
    let mut gauge = flooded(10);
    gauge.waiting = [full; 3];
    gauge.on_syn(at(10), 1);
    gauge.on_completed(at(10), 1);
    gauge.on_reset(at(10), 1);
    for ms in (250..5_000).step_by(250) {
        gauge.evaluate(at(ms), usize::MAX, usize::MAX);
    }
    assert_eq!(gauge.level(), Level::Watch, "no sources to speak of");
}

#[test]
fn options_out_of_bounds_are_brought_within() {
    let options = GaugeOptions {
        unanswered_min: 0,
        unanswered_percent: 200,
        holding_percent: 250,
        quiet_windows: 0,
        ..GaugeOptions::default()
    };
    let gauge = Gauge::new(options);
    let bounded = GaugeOptions {
        unanswered_min: 2,
        unanswered_percent: 100,
        holding_percent: 100,
        quiet_windows: 9,
        ..options
    };
    assert_eq!(gauge.options, bounded);
    let calm = Gauge::new(GaugeOptions {
        half_open_percent: 101,
        ..options
    })
    .evaluate(at(0), 1_024, 1_024);
    assert_eq!(calm, None, "a sign that is turned off");
}

#[test]
fn levels_and_figures_read_well() {
    assert_eq!(
        format!("{:>6}|{}|{}", Level::Calm, Level::Watch, Level::Flood),
        "  calm|watch|flood"
    );
    let figures = Figures {
        half_open: 512,
        backlog: 1_024,
        syns: 2_000,
        completed: 100,
        reset: 3,
        sources: 1_980,
        span: Duration::from_secs(1),
    };
    assert_eq!(
        format!("{figures}"),
        "512 of 1024 half-open; 2000 SYNs in 1s from about 1980 sources: 100 completed, 3 reset, 1897 unanswered"
    );
}
