use stack::State::*;

use super::*;
use crate::fixture::{Scene, V4};
use crate::record::Record;

/// Both hosts are kernels, so that every state is inferred. Packets take 5 ms.
fn scene() -> Scene {
    let mut s = Scene::new("", V4);
    s.delay = 5;
    for host in &mut s.trace.hosts {
        host.kind = HostKind::Linux;
    }
    s
}

/// After each packet: the state of its sender when it left, and of its receiver when it came.
fn states(scene: &mut Scene) -> Vec<(Option<State>, Option<State>)> {
    infer(&mut scene.trace);
    let of = |record: &Record| (record.sender_state, record.receiver_state);
    scene.trace.records.iter().map(of).collect()
}

fn both(sender: State, receiver: State) -> (Option<State>, Option<State>) {
    (Some(sender), Some(receiver))
}

type Row = (&'static str, fn(&mut Scene), &'static [(State, State)]);

#[test]
fn every_open_and_every_close() {
    let rows: &[Row] = &[
        (
            "close by the left, in four steps",
            |s| {
                s.open(0);
                s.left(100, "FA", 1, 1, 0);
                s.right(105, "A", 1, 2, 0);
                s.right(110, "FA", 1, 2, 0);
                s.left(115, "A", 2, 2, 0);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (FinWait1, CloseWait),
                (CloseWait, FinWait2),
                (LastAck, TimeWait),
                (TimeWait, Closed),
            ],
        ),
        (
            "close by the right, the second FIN acknowledges the first",
            |s| {
                s.open(0);
                s.right(100, "FA", 1, 1, 0);
                s.left(105, "FA", 1, 2, 0);
                s.right(110, "A", 2, 2, 0);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (FinWait1, CloseWait),
                (LastAck, TimeWait),
                (TimeWait, Closed),
            ],
        ),
        (
            "simultaneous open",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.right(1, "S", 0, 0, 0);
                s.right(5, "SA", 0, 1, 0);
                s.left(6, "SA", 0, 1, 0);
            },
            &[
                (SynSent, SynReceived),
                (SynSent, SynReceived),
                (SynReceived, Established),
                (SynReceived, Established),
            ],
        ),
        (
            "simultaneous close",
            |s| {
                s.open(0);
                s.left(100, "FA", 1, 1, 0);
                s.right(101, "FA", 1, 1, 0);
                s.right(105, "A", 2, 2, 0);
                s.left(106, "A", 2, 2, 0);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (FinWait1, Closing),
                (FinWait1, Closing),
                (Closing, TimeWait),
                (Closing, TimeWait),
            ],
        ),
        (
            "refused",
            |s| {
                s.left(0, "S", 0, 0, 0);
                s.right(5, "RA", 0, 1, 0);
            },
            &[(SynSent, Closed), (Closed, Closed)],
        ),
        (
            "aborted",
            |s| {
                s.open(0);
                s.left(100, "RA", 1, 1, 0);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (Closed, Closed),
            ],
        ),
        (
            "an RST inside the window but not exact changes nothing",
            |s| {
                s.open(0);
                s.left(100, "R", 50, 0, 0).injected = true;
                s.left(200, "PA", 1, 1, 5);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (Established, Established),
                (Established, Established),
            ],
        ),
        (
            "a FIN beyond a hole counts when the hole is filled",
            |s| {
                s.open(0);
                s.left(100, "FPA", 6, 1, 5);
                s.left(200, "PA", 1, 1, 5);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (FinWait1, Established),
                (FinWait1, CloseWait),
            ],
        ),
        (
            "TIME-WAIT is reopened by a new SYN",
            |s| {
                s.open(0);
                s.right(100, "FA", 1, 1, 0);
                s.left(105, "FA", 1, 2, 0);
                s.right(110, "A", 2, 2, 0);
                s.left(200, "S", 70_000, 0, 0);
                s.right(205, "SA", 90_000, 70_001, 0);
                s.left(210, "A", 70_001, 90_001, 0);
            },
            &[
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
                (FinWait1, CloseWait),
                (LastAck, TimeWait),
                (TimeWait, Closed),
                (SynSent, SynReceived),
                (SynReceived, Established),
                (Established, Established),
            ],
        ),
    ];
    for (name, happens, expected) in rows {
        let mut s = scene();
        happens(&mut s);
        let inferred = states(&mut s);
        for (index, (sender, receiver)) in expected.iter().enumerate() {
            let sender = (!s.trace.records[index].injected).then_some(*sender);
            assert_eq!(inferred[index], (sender, Some(*receiver)), "{name}: packet {index}");
        }
        assert_eq!(inferred.len(), expected.len(), "{name}");
    }
}

#[test]
fn what_is_lost_changes_nothing_at_its_receiver() {
    let mut s = scene();
    s.left(0, "S", 0, 0, 0).lost();
    s.left(1000, "S", 0, 0, 0);
    s.right(1005, "SA", 0, 1, 0);
    assert_eq!(
        states(&mut s),
        [
            (Some(SynSent), None),
            both(SynSent, SynReceived),
            both(SynReceived, Established)
        ]
    );
}

#[test]
fn only_kernels_are_inferred_and_nothing_known_is_overwritten() {
    let mut s = scene();
    s.trace.hosts[1].kind = HostKind::Syndic;
    s.open(0);
    s.trace.records[0].sender_state = Some(Listen);
    assert_eq!(
        states(&mut s),
        [
            (Some(Listen), None),
            (None, Some(Established)),
            (Some(Established), None)
        ]
    );
}
