use super::arena::Arena;
use super::attacker::{Attack, Sources};
use super::*;

/// What every test plays; the documents show the same.
const SEED: u64 = 1;

fn named(name: &str) -> &'static Flood {
    Flood::named(name).expect("a flood of that name")
}

#[test]
fn limits_are_what_keeps_the_good_clients_in_flood_limits() {
    let flood = Flood {
        attack: Attack::Syns(Sources::Few(8)),
        expects: &[],
        ..*named("flood")
    };
    let served = Arena::new(&flood, SEED)
        .play(&flood, SEED)
        .good_under_attack
        .per_mille();
    assert!(served < 500, "without limits {served} ‰ are served");
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_seed_another() {
    let told = |seed| named("flood-slow").play(seed).to_string();
    let first = told(7);
    assert_eq!(first, told(7));
    assert_ne!(first, told(8));
}

#[test]
fn one_good_client_is_kept_for_its_ladder_and_the_capture_is_bounded() {
    let report = named("flood-cookies").play(SEED);
    let states: Vec<_> = report
        .ladder
        .records
        .iter()
        .filter_map(|record| record.receiver_state)
        .collect();
    assert_eq!(report.ladder.hosts.len(), 2);
    assert!(states.contains(&stack::State::Established), "{states:?}");
    assert!((6..40).contains(&report.ladder.records.len()));
    assert!((2_000..2_040).contains(&report.capture.records.len()));
    assert!(report.capture.records.is_sorted_by_key(|record| record.sent));
}

#[test]
fn names_are_unique_and_titles_fit_a_line() {
    for (i, flood) in Flood::all().iter().enumerate() {
        assert!(flood.title.len() <= 90, "{}", flood.name);
        assert!(
            Flood::all()[..i].iter().all(|other| other.name != flood.name),
            "{}",
            flood.name
        );
    }
    assert_eq!(Flood::all().len(), 9);
}
