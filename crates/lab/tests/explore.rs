//! The real connection code, explored: every plan against every way of a wire that may lose, repeat or delay.
//!
//! `EXPLORE=IN_FLIGHT,LOST,REPEATED,LATE cargo test --release -p syndic-lab --test explore further -- --nocapture` goes further
//! than a test may take; `EXPLORE=2,1,1,1,both-close` explores one plan, `EXPLORE=2,1,1,1,both-close,plain`
//! without timestamps.

use syndic_lab::explore::{Bounds, Explored, Plan, explore};

/// Nothing goes wrong, but segments may overtake each other.
const STILL: Bounds = Bounds {
    in_flight: 2,
    lost: 0,
    repeated: 0,
    late: 0,
    timestamps: true,
};

/// Plans so long, or with so much in flight, that only a wire that carries one segment at a time can be explored in a test.
const LARGE: [&str; 8] = [
    "both-send-and-close",
    "reconnects-too-soon",
    "reconnects-after-two-msl",
    "reconnects-and-aborts",
    "reconnects-and-lets-go",
    "reconnects-and-sends",
    "crossing-syns-and-data",
    "crossing-syns-and-one-lets-go",
];

/// Those of them that are even so much too large where nothing goes wrong.
const HUGE: [&str; 3] = [
    "reconnects-and-sends",
    "crossing-syns-and-data",
    "crossing-syns-and-one-lets-go",
];

fn is_large(plan: &&Plan) -> bool {
    LARGE.contains(&plan.name)
}

/// Explores these plans, and tells what was found.
fn explore_all(plans: impl Iterator<Item = &'static Plan>, bounds: Bounds) -> usize {
    let mut states = 0;
    for plan in plans {
        let found = explore(plan, &bounds).unwrap_or_else(|way| panic!("{}, {bounds:?}:\n{way}", plan.name));
        let Explored {
            moves, ends, longest, ..
        } = found;
        states += found.states;
        eprintln!(
            "{:<28}{:>9} states {moves:>9} moves {ends:>4} ends, {longest} at most",
            plan.name, found.states
        );
    }
    eprintln!("{bounds:?}: {states} states");
    states
}

#[test]
fn names_are_told_apart() {
    let names: std::collections::BTreeSet<_> = Plan::ALL.iter().map(|plan| plan.name).collect();
    assert_eq!(names.len(), Plan::ALL.len());
}

#[test]
fn segments_overtake_each_other() {
    let states = explore_all(Plan::ALL.iter().filter(|plan| !HUGE.contains(&plan.name)), STILL);
    assert!(states > 20_000, "{states}");
}

#[test]
fn a_segment_is_lost() {
    for timestamps in [true, false] {
        let bounds = Bounds {
            lost: 1,
            timestamps,
            ..STILL
        };
        explore_all(Plan::ALL.iter().filter(|plan| !is_large(plan)), bounds);
    }
}

#[test]
fn a_segment_comes_twice() {
    let bounds = Bounds { repeated: 1, ..STILL };
    explore_all(Plan::ALL.iter().filter(|plan| !is_large(plan)), bounds);
}

#[test]
fn a_timer_runs_out_too_early() {
    let bounds = Bounds { late: 1, ..STILL };
    explore_all(Plan::ALL.iter().filter(|plan| !is_large(plan)), bounds);
}

#[test]
fn everything_at_once_on_a_narrow_wire() {
    let bounds = Bounds {
        in_flight: 1,
        lost: 1,
        repeated: 1,
        late: 1,
        timestamps: true,
    };
    explore_all(Plan::ALL.iter().filter(|plan| !is_large(plan)), bounds);
}

#[test]
fn large_plans_on_a_narrow_wire() {
    let bounds = Bounds {
        in_flight: 1,
        lost: 1,
        ..STILL
    };
    explore_all(Plan::ALL.iter().filter(is_large), bounds);
}

/// Without timestamps only the sequence number tells a new connection from an old one.
#[test]
fn time_wait_is_reopened_without_timestamps() {
    let bounds = Bounds {
        in_flight: 1,
        lost: 1,
        timestamps: false,
        ..STILL
    };
    explore_all(
        Plan::ALL.iter().filter(|plan| plan.name.starts_with("reconnects")),
        bounds,
    );
}

/// As far as the environment asks for, and not at all where it does not.
#[test]
fn further() {
    let Some(asked) = std::env::var_os("EXPLORE") else {
        eprintln!("not explored further: EXPLORE=IN_FLIGHT,LOST,REPEATED,LATE is not set");
        return;
    };
    let asked = asked.to_string_lossy();
    let words: Vec<&str> = asked.split(',').collect();
    let number = |place: usize| words.get(place).and_then(|word| word.parse::<u8>().ok()).unwrap_or(1);
    let bounds = Bounds {
        in_flight: number(0).into(),
        lost: number(1),
        repeated: number(2),
        late: number(3),
        timestamps: words.get(5).is_none_or(|word| *word != "plain"),
    };
    let wanted = |plan: &&Plan| words.get(4).is_none_or(|name| *name == plan.name);
    explore_all(Plan::ALL.iter().filter(wanted), bounds);
}
