//! Our own questions: who waits for the answer, and what becomes of those that get none.

use syndic_stack::status::Idle;
use wire::icmp::Unreachable;

use super::*;

#[test]
fn a_connection_waits_for_its_neighbour() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.connect();
        rig.expect_nothing();
        rig.expect_question(rig.theirs);
        let status = rig.status(id);
        assert_eq!((status.idle_because, status.snd_nxt), (Idle::Resolving, status.iss));
        assert_eq!(rig.neighbour(rig.theirs).map(|n| n.waiting), Some(1));
        assert!(!rig.stack.has_output(), "nobody need come back for it");

        rig.advance(Duration::from_millis(300));
        rig.peer_answers();
        assert_eq!(rig.next_to(), mac(1));
        assert_eq!(rig.knows(), Some(NeighbourState::Reachable));
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        assert_eq!(rig.next_to(), mac(1));
        assert_eq!(rig.says(), []);
    });
}

#[test]
fn his_own_question_answers_ours() {
    // RFC 826: whoever asks says where he is.
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        rig.connect();
        rig.expect_question(rig.theirs);
        let (peer, target) = (rig.peer(), rig.ours);
        rig.hears(peer, Said::Asks { target, to_all: true });
        assert_eq!(rig.next_to(), peer.mac);
        assert_eq!(rig.knows(), Some(NeighbourState::Delay));
    });
}

#[test]
fn a_neighbour_is_asked_for_three_times_and_then_given_up() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.connect();
        for _ in 0..3 {
            rig.expect_question(rig.theirs);
            rig.expect_nothing();
            rig.advance(SECOND);
        }
        // The SYN counts as sent and lost, so that TCP goes on as after any loss.
        assert_eq!(rig.says(), []);
        assert_eq!(rig.dropped(Why::NeighbourUnreachable), 1);
        assert_eq!(rig.knows(), Some(NeighbourState::Failed));
        let status = rig.status(id);
        assert_eq!(status.snd_nxt, status.iss + 1);
        assert_eq!(status.soft_error, Some(Ended::Unreachable(Unreachable::Host)));
        assert_eq!((status.state, status.ended), (State::SynSent, None));

        // With the next SYN, or the one after it, it is asked for anew.
        rig.advance(Duration::from_millis(1_500));
        rig.expect_question(rig.theirs);
        rig.peer_answers();
        assert_eq!(rig.next_to(), mac(1));
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        assert_eq!(rig.status(id).state, State::Established);
    });
}

#[test]
fn who_never_finds_his_neighbour_is_told_that_the_host_is_unreachable() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.connect();
        rig.advance(Duration::from_secs(400));
        let status = rig.status(id);
        assert_eq!(status.ended, Some(Ended::Unreachable(Unreachable::Host)));
        // Three questions for each SYN at the most.
        let asked = rig.says().len();
        assert!((9..=24).contains(&asked), "{asked} questions");
        rig.close(id);
        rig.assert_quiet();
    });
}

#[test]
fn many_wait_for_one_neighbour_and_one_question_is_asked() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let ids: Vec<ConnectionId> = (0..50)
            .map(|n| {
                rig.our_port = 1000 + n;
                rig.connect()
            })
            .collect();
        rig.expect_question(rig.theirs);
        // Who goes away while he waits leaves nothing behind, and who takes his place is woken all the same.
        rig.stack.abort(rig.now(), ids[7]).expect("held");
        rig.our_port = 2000;
        rig.connect();
        rig.peer_answers();
        let mut ports: Vec<u16> = rig.out.drain(..).map(|out| out.header.src_port).collect();
        ports.sort_unstable();
        let expected: Vec<u16> = (1000..1050).filter(|port| *port != 1007).chain([2000]).collect();
        assert_eq!(ports, expected);
    });
}

#[test]
fn questions_have_a_budget() {
    both(|is_v6| {
        let mut rig = with_limits(is_v6, |limits| limits.resolutions_per_s = 4);
        let mut ids = Vec::new();
        for n in 10..20 {
            rig.theirs = station(is_v6, n);
            ids.push(rig.connect());
        }
        assert_eq!((rig.says().len(), rig.dropped(Why::ResolutionBudget)), (4, 6));
        assert_eq!(rig.stack.neighbours(rig.now()).len(), 4);
        let lost = rig.status(ids[9]);
        assert_eq!(
            (lost.snd_nxt, lost.soft_error),
            (lost.iss + 1, None),
            "its SYN is as lost"
        );
        rig.advance(Duration::from_secs(5));
        let asked: Vec<Said> = rig.says().into_iter().map(|(said, _)| said).collect();
        assert!(asked.contains(&Said::Asks {
            target: rig.theirs,
            to_all: true
        }));
    });
}

#[test]
fn a_full_link_loses_no_question() {
    let mut rig = on_ethernet(false);
    rig.link_full = true;
    rig.connect();
    assert!(rig.stack.has_output());
    rig.link_full = false;
    rig.flush();
    rig.expect_question(rig.theirs);
}
