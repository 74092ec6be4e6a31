//! The Linux kernel beside us: the same calls and the same packets, and what came out of either.
//!
//! A case is a script ([`script`]) that is played twice: on real sockets of the kernel behind a TUN in a private namespace
//! ([`kernel`]), and on our stack in virtual time ([`ours`]). What came out is written down in relative numbers
//! ([`transcript`]) and compared. Every difference stands in one table ([`differences`]) with the reason why we keep it: one
//! that is not listed fails, and so does a listed one that is gone. `docs/linux-differences.md` is printed from the table.

mod cases;
mod diag;
mod differences;
mod kernel;
mod ours;
mod peer;
mod run;
mod script;
mod transcript;

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use run::peer_number;
use script::{Case, Version};
use transcript::{difference, is_same_difference};

/// The host under test.
const HOST_V4: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1);

/// How long either host keeps a connection in FIN-WAIT-2 that its user has closed.
const FIN_WAIT_2: Duration = Duration::from_secs(2);

/// How often either host sends a SYN,ACK again.
const SYN_ACK_RETRANSMISSIONS: u8 = 2;

/// How often a case is played that differs otherwise than the table says. The kernel plays in real time, and a machine
/// that is busy may be late.
const TRIES: usize = 3;

/// How often besides when a step of the case was late, and so proved nothing.
const LATE_TRIES: usize = 12;

/// The ends of a case: the host's and the first peer's. Each case has a port and a peer of its own, and at each try others,
/// for what the last one left in TIME-WAIT still stands.
fn ends(case: Case, attempt: usize) -> (SocketAddr, SocketAddr) {
    let position = cases::all().position(|other| (other.name, other.version) == (case.name, case.version));
    let n = 2_000 * attempt + position.expect("a case of the list");
    let n = u16::try_from(n).expect("a list of some hundreds");
    let (host, peer) = match case.version {
        Version::V4 => {
            let [high, low] = (256 + n).to_be_bytes();
            (HOST_V4.into(), Ipv4Addr::new(10, 7, high, low).into())
        }
        Version::V6 => (HOST_V6.into(), Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 256 + n).into()),
    };
    (SocketAddr::new(host, 1_000 + n), SocketAddr::new(peer, 40_001))
}

/// The MTU of the host's link: segments are as long over either version of IP.
const fn link_mtu(version: Version) -> u16 {
    1_500 + version.header_surplus()
}

/// What an accept answers: who was accepted, where it is not the first peer.
fn accepted_text(first: SocketAddr, peer: SocketAddr) -> String {
    match peer_number(first, peer) {
        Some(0) => "accepted".to_owned(),
        Some(n) => format!("accepted peer {}", n + 1),
        None => format!("accepted {peer}"),
    }
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
        let is_as_listed = is_same_difference(&found, differences::listed(case));
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
        let mut tries: HashMap<(&str, Version), usize> = HashMap::new();
        let mut failed = String::new();
        for attempt in 0..TRIES + LATE_TRIES {
            let is_last = attempt + 1 == TRIES + LATE_TRIES;
            let mut again = Vec::new();
            for surprise in surprises(&cases, attempt) {
                let tried = tries.entry((surprise.case.name, surprise.case.version)).or_default();
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
    let version = surprise.case.version;
    let (found, listed) = (or_none(&surprise.found), or_none(differences::listed(surprise.case)));
    format!("{name} ({version}){late}\n  found:\n{found}\n  listed:\n{listed}\n\n")
}

#[test]
fn every_name_stands_for_one_case() {
    let mut names: Vec<String> = cases::all()
        .map(|case| format!("{} ({})", case.name, case.version))
        .collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|a, b| a < b), "a name stands twice: {names:?}");
    let mut listed: Vec<&str> = differences::all().map(|(case, _)| case).collect();
    listed.sort_unstable();
    assert!(listed.is_sorted_by(|a, b| a < b), "a case is listed twice: {listed:?}");
    for (case, differs) in differences::all() {
        assert!(
            cases::all().any(|known| differences::covers(case, known)),
            "{case}: no case has this name"
        );
        assert!(!differs.is_empty(), "{case}: no difference");
    }
}
