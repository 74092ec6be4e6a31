use super::*;
use crate::scenario::{Scenario, scenarios};

fn run(scenario: &Scenario, seed: u64) -> Outcome {
    scenario
        .world(seed)
        .unwrap_or_else(|error| panic!("{}: {error}", scenario.name))
        .run()
}

#[test]
fn every_scenario_can_be_read_and_says_what_it_shows() {
    for scenario in scenarios() {
        let plan = Plan::read(scenario.toml).unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
        assert_eq!(plan.title, scenario.title, "{}", scenario.name);
        assert!(!plan.shows.is_empty() && plan.spec.contains("RFC"), "{}", scenario.name);
        assert_eq!(Scenario::named(scenario.name), Some(scenario));
    }
}

#[test]
fn every_scenario_passes() {
    for seed in [1, 2, 77] {
        for scenario in scenarios() {
            let outcome = run(scenario, seed);
            assert!(
                outcome.verdict.is_pass(),
                "{} (seed {seed}): {}\n{}",
                scenario.name,
                outcome.verdict,
                lens::Ladder::default().draw(&outcome.trace)
            );
        }
    }
}
