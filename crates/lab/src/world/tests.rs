use super::recorder::Noted;
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

macro_rules! scenarios_pass {
    ($($test:ident: $name:literal,)+) => {
        /// Each scenario is a test of its own, so that one that fails names itself; it prints its ladder.
        mod scenario_passes {
            use super::*;

            $(#[test]
            fn $test() {
                let scenario = Scenario::named($name).unwrap();
                for seed in [1, 2, 77] {
                    let outcome = run(scenario, seed);
                    let ladder = lens::Ladder::default().draw(&outcome.trace);
                    assert!(outcome.verdict.is_pass(), "{} (seed {seed}): {}\n{ladder}", $name, outcome.verdict);
                }
            })+

            #[test]
            fn none_is_forgotten() {
                assert_eq!([$($name),+].as_slice(), scenarios().iter().map(|s| s.name).collect::<Vec<_>>());
            }
        }
    };
}

scenarios_pass! {
    open_and_close: "open-and-close",
    close_by_server: "close-by-server",
    simultaneous_open: "simultaneous-open",
    simultaneous_close: "simultaneous-close",
    half_close: "half-close",
    refused: "refused",
    lost_syn: "lost-syn",
    lost_syn_ack: "lost-syn-ack",
    lost_third_ack: "lost-third-ack",
    lost_fin: "lost-fin",
    vanishing_client: "vanishing-client",
    vanishing_peer: "vanishing-peer",
    accept_queue_full: "accept-queue-full",
    time_wait: "time-wait",
    old_duplicate: "old-duplicate",
    blind_reset: "blind-reset",
    impossible_flags: "impossible-flags",
    zero_window: "zero-window",
    keep_alive: "keep-alive",
    lossy_transfer: "lossy-transfer",
}

const TWO_HOSTS: &str = r#"
title = "two hosts"

[[host]]
name = "client"
addresses = ["10.7.0.1"]

[[host]]
name = "server"
addresses = ["10.7.0.2"]

[[link]]
between = ["client", "server"]
impair = "delay=10ms"

[[step]]
host = "server"
listen = { port = 80 }

[[step]]
host = "client"
connect = { to = "server:80" }

[[step]]
host = "server"
wait = { until = { state = "ESTABLISHED" } }
"#;

/// The reasons for which a world of two hosts fails that goes on so.
fn failures(rest: &str) -> Vec<String> {
    let world = World::from_toml(&format!("{TWO_HOSTS}{rest}"), 1).unwrap_or_else(|error| panic!("{error}"));
    match world.run().verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail(reasons) => reasons,
    }
}

#[test]
fn the_examples_for_users_pass() {
    for (name, text) in [
        (
            "lossy-transfer",
            include_str!("../../../../examples/lab/lossy-transfer.toml"),
        ),
        (
            "half-open-server",
            include_str!("../../../../examples/lab/half-open-server.toml"),
        ),
        ("half-close", include_str!("../../../../examples/lab/half-close.toml")),
    ] {
        for seed in 1..=5 {
            let outcome = World::from_toml(text, seed)
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .run();
            let ladder = lens::Ladder::default().draw(&outcome.trace);
            assert!(
                outcome.verdict.is_pass(),
                "{name} (seed {seed}): {}\n{ladder}",
                outcome.verdict
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let trace = |name, seed| format!("{:?}", run(Scenario::named(name).unwrap(), seed).trace);
    for name in ["open-and-close", "lossy-transfer", "old-duplicate"] {
        assert!(
            trace(name, 5) == trace(name, 5),
            "{name}: the same seed has given another trace"
        );
        assert!(
            trace(name, 5) != trace(name, 6),
            "{name}: another seed has given the same trace"
        );
    }
}

#[test]
fn lossy_transfers_pass_with_many_seeds() {
    for seed in 100..130 {
        let outcome = run(Scenario::named("lossy-transfer").unwrap(), seed);
        assert!(outcome.verdict.is_pass(), "seed {seed}: {}", outcome.verdict);
        assert_eq!(outcome.figures.bytes, 2 << 20);
    }
}

/// Where a round trip takes no time, what was sent again must not be lost once more before the clock has moved.
#[test]
fn a_lossy_path_without_delay_repeats_nothing_without_end() {
    let text = r#"
        title = "no delay"
        until = "50h"
        host = [
            { name = "h0", addresses = ["10.7.0.1"], mtu = 1280 },
            { name = "h1", addresses = ["10.7.0.2"] },
        ]
        link = [{ between = ["h0", "h1"], forth = "loss=25%", back = "" }]
        step = [
            { at = "0ms", host = "h1", listen = { port = 80 } },
            { at = "407ms", host = "h0", on = "c1", connect = { to = "10.7.0.2:80" } },
            { at = "1981ms", host = "h0", on = "c1", send = { bytes = 50000 } },
        ]
    "#;
    for seed in 0..200 {
        let world = World::from_toml(text, seed).unwrap_or_else(|error| panic!("{error}"));
        let outcome = world.run();
        let ladder = lens::Ladder::default().draw(&outcome.trace);
        assert!(outcome.verdict.is_pass(), "seed {seed}: {}\n{ladder}", outcome.verdict);
    }
}

#[test]
fn ladders_look_as_they_did() {
    for name in [
        "open-and-close",
        "simultaneous-open",
        "lost-third-ack",
        "vanishing-client",
        "old-duplicate",
        "blind-reset",
    ] {
        let outcome = run(Scenario::named(name).unwrap(), 1);
        insta::assert_snapshot!(name, lens::Ladder::default().draw(&outcome.trace));
    }
}

#[test]
fn expectations_that_do_not_hold_fail_the_world() {
    let reasons = failures(
        r#"
[[step]]
host = "server"
expect = { state = "TIME-WAIT", ended = "reset", received = 3, finished = true, connections = 7, dropped = { Paws = 1 }, sent = [{ flags = "S.", count = 2 }, { cause = "SynAck", gaps = ["1s"] }] }

[[step]]
host = "client"
wait = { until = { received = 1 }, within = "3s" }

[[step]]
host = "client"
on = "another"
do = "close"

[[step]]
host = "client"
replay = { flags = "F." }

[[step]]
host = "server"
do = "accept"
"#,
    );
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn forged_data_that_is_taken_is_found_by_the_oracle() {
    let reasons = failures(
        r#"
[[step]]
host = "client"
inject = { flags = ".", seq = "rcv.nxt", ack = "snd.nxt", payload = 5, timestamps = "last" }
"#,
    );
    // What follows from it is told as well: the receiver acknowledges what the sender has never sent.
    let told = reasons.iter().filter(|reason| reason.contains("were read"));
    insta::assert_snapshot!(told.map(String::as_str).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_world_that_finds_no_rest_fails() {
    let rest = r#"
[[step]]
host = "client"
connect = { to = "server:80", connection = { keep_alive = { idle = "1s", interval = "1s", probes = 3 } } }
"#;
    let text = format!("until = \"20s\"\n{TWO_HOSTS}{rest}");
    let outcome = World::from_toml(&text, 1).unwrap().run();
    assert_eq!(
        outcome.verdict,
        Verdict::Fail(vec!["not at rest after 20s: timers run at client".to_owned()])
    );
}

#[test]
fn a_state_off_the_table_is_found_by_the_oracle() {
    use stack::tcp::state::Arrow;
    let mut world = World::from_toml(TWO_HOSTS, 1).unwrap();
    let tuple = FourTuple::new("10.7.0.2:80".parse().unwrap(), "10.7.0.1:1".parse().unwrap());
    let change = |from, to, arrow| Noted::State { tuple, from, to, arrow };
    world.note(1, change(State::Listen, State::SynReceived, Arrow::SynArrives));
    assert_eq!(world.failures.len(), 0);
    world.note(1, change(State::SynReceived, State::TimeWait, Arrow::OurSynAcked));
    world.note(1, change(State::Established, State::FinWait1, Arrow::Close));
    // No TIME-WAIT entry stands behind this one, and one stands behind the next.
    world.note(1, change(State::Closed, State::SynReceived, Arrow::SynArrives));
    world.note(1, change(State::SynReceived, State::TimeWait, Arrow::ReopeningFails));
    world.note(1, change(State::TimeWait, State::SynReceived, Arrow::SynArrives));
    world.note(1, change(State::SynReceived, State::Closed, Arrow::TimedOut));
    insta::assert_snapshot!(world.failures.join("\n"));
}

#[test]
fn a_reader_at_a_rate_takes_its_time() {
    let start =
        "[[step]]\nhost = \"server\"\nread = \"10k/s\"\n\n[[step]]\nhost = \"client\"\nsend = { bytes = \"30k\" }\n";
    let early = format!(
        "{start}\n[[step]]\nhost = \"server\"\nwait = {{ until = {{ received = \"30k\" }}, within = \"2900ms\" }}\n"
    );
    let late = early.replace("2900ms", "3200ms");
    assert_eq!(failures(&early).len(), 1);
    assert_eq!(failures(&late), [""; 0]);
}

#[test]
fn an_outcome_can_be_serialized() {
    let outcome = run(Scenario::named("refused").unwrap(), 1);
    let text = toml::to_string(&outcome.figures).unwrap();
    insta::assert_snapshot!(text);
}
