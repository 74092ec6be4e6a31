//! The Linux kernel beside us: the same calls and the same packets, and what came out of either.
//!
//! A case is a script ([`script`]) that is played twice: on real sockets of the kernel behind a TUN in a private namespace
//! ([`kernel`]), and on our stack in virtual time ([`ours`]). What came out is written down in relative numbers
//! ([`transcript`]) and compared. Every difference stands in one table ([`differences`]) with the reason why we keep it: one
//! that is not listed fails, and so does a listed one that is gone. `docs/linux-differences.md` is printed from the table.

mod cases;
mod differences;
mod kernel;
mod ours;
mod peer;
mod run;
mod script;
mod transcript;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use script::Case;
use transcript::{difference, is_same_difference};

/// The host under test.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);

/// How long either host keeps a connection in FIN-WAIT-2 that its user has closed.
const FIN_WAIT_2: Duration = Duration::from_secs(2);

/// How often a case is played that differs otherwise than the table says. The kernel plays in real time, and a machine
/// that is busy may be late.
const TRIES: usize = 3;

/// How often besides when a step of the case was late, and so proved nothing.
const LATE_TRIES: usize = 12;

/// The ends of a case: the host's and the peer's. Each case has a port and a peer of its own, and at each try others, for
/// what the last one left in TIME-WAIT still stands.
fn ends(case: Case, attempt: usize) -> (SocketAddrV4, SocketAddrV4) {
    let position = cases::all().position(|other| other.name == case.name);
    let n = 1_000 * attempt + position.expect("a case of the list");
    let n = u16::try_from(n).expect("a list of some hundreds");
    let [high, low] = (256 + n).to_be_bytes();
    (
        SocketAddrV4::new(HOST, 1_000 + n),
        SocketAddrV4::new(Ipv4Addr::new(10, 7, high, low), 40_001),
    )
}

/// What a read answers: the bytes, and why there are no more.
fn answer(bytes: &str, end: Option<&str>) -> String {
    match (bytes, end) {
        ("", None) => "nothing".to_owned(),
        (bytes, None) => bytes.to_owned(),
        ("", Some(end)) => end.to_owned(),
        (bytes, Some(end)) => format!("{bytes}, {end}"),
    }
}

/// A case that differs otherwise than the table says.
struct Surprise {
    case: Case,
    found: String,
    late: bool,
}

/// Those of these cases.
fn surprises(cases: &[Case], attempt: usize) -> Vec<Surprise> {
    let linux = kernel::play(cases, |case| ends(case, attempt));
    let found = cases.iter().zip(linux).filter_map(|(&case, linux)| {
        let (host, peer) = ends(case, attempt);
        let found = difference(&linux.transcript, &ours::play(case, host, peer));
        let is_as_listed = is_same_difference(&found, differences::listed(case.name));
        (!is_as_listed).then_some(Surprise {
            case,
            found,
            late: linux.late,
        })
    });
    found.collect()
}

#[test]
fn linux_and_we_differ_only_where_the_table_says() {
    link::testing::in_private_namespace("linux_and_we_differ_only_where_the_table_says", || {
        let mut cases: Vec<Case> = cases::all().collect();
        let mut tries: HashMap<&str, usize> = HashMap::new();
        let mut failed = String::new();
        for attempt in 0..TRIES + LATE_TRIES {
            let is_last = attempt + 1 == TRIES + LATE_TRIES;
            let mut again = Vec::new();
            for surprise in surprises(&cases, attempt) {
                let tried = tries.entry(surprise.case.name).or_default();
                *tried += usize::from(!surprise.late);
                if *tried == TRIES || is_last {
                    failed += &report(&surprise);
                } else {
                    again.push(surprise.case);
                }
            }
            cases = again;
            if cases.is_empty() {
                break;
            }
        }
        if !failed.is_empty() {
            differences::judge(&failed);
        }
    });
}

fn report(surprise: &Surprise) -> String {
    let or_none = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.to_owned()
        }
    };
    let (name, late) = (surprise.case.name, if surprise.late { " (late, too)" } else { "" });
    let (found, listed) = (or_none(&surprise.found), or_none(differences::listed(name)));
    format!("{name}{late}\n  found:\n{found}\n  listed:\n{listed}\n\n")
}

#[test]
fn every_name_stands_for_one_case() {
    let mut names: Vec<&str> = cases::all().map(|case| case.name).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|a, b| a < b), "a name stands twice: {names:?}");
    let mut listed: Vec<&str> = differences::all().map(|(case, _)| case).collect();
    listed.sort_unstable();
    assert!(listed.is_sorted_by(|a, b| a < b), "a case is listed twice: {listed:?}");
    for (case, differs) in differences::all() {
        assert!(names.contains(&case), "{case}: no case has this name");
        assert!(!differs.is_empty(), "{case}: no difference");
    }
}
