use super::super::heat;
use super::super::watch::Seen;
use super::*;

fn run(cell: &str, direction: Direction, mbit_s: u64) -> (Cell, Direction, Measured) {
    let measured = Measured {
        bytes: mbit_s * 1_000_000 / 8 * 10,
        seconds: 10,
        seen: Seen {
            segments: 1_000,
            resent: 15,
            ..Seen::default()
        },
        lateness: Lateness {
            packets: 1_000,
            late: if mbit_s == 12 { 11 } else { 1 },
            worst_us: 1_234,
        },
        lost_outside: 0,
    };
    (cell.parse().unwrap(), direction, measured)
}

fn report() -> Report {
    use Direction::*;
    let runs = [
        run("20ms-none-bdp", LinuxLinux, 90),
        run("20ms-none-bdp", LinuxLinux, 94),
        run("20ms-none-bdp", SyndicLinux, 92),
        run("20ms-none-bdp", LinuxSyndic, 92),
        run("100ms-1%-quarter", LinuxLinux, 10),
        run("100ms-1%-quarter", SyndicLinux, 12),
        run("100ms-1%-quarter", LinuxSyndic, 8),
        run("100ms-3%-quarter", SyndicLinux, 5),
    ];
    Report::new(2, &runs)
}

#[test]
fn goodput_stands_beside_linux() {
    insta::assert_snapshot!(report().table());
}

#[test]
fn markdown_has_the_same_cells() {
    insta::assert_snapshot!(report().markdown());
}

#[test]
fn a_heat_map_shows_the_ratios() {
    insta::assert_snapshot!(heat::draw(&report()));
}

#[test]
fn means_are_geometric() {
    assert_eq!(geometric_mean(&[]), None);
    let mean = geometric_mean(&[0.5, 2.0]).unwrap();
    assert!((mean - 1.0).abs() < 1e-9);
    let report = report();
    let both = report.geometric_mean_of_both.unwrap();
    assert!((both - (1.2_f64 * 0.8).powf(0.25)).abs() < 1e-9, "{both}");
    assert_eq!(
        report.worst.map(|(cell, _, _)| cell.to_string()).as_deref(),
        Some("100ms-1%-quarter")
    );
}
