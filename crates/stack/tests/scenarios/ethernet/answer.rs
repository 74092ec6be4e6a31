//! Questions for us, which are answered; and who is learnt from them.

use super::*;

#[test]
fn who_asks_for_us_is_answered_and_learnt() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let (peer, target) = (rig.peer(), rig.ours);
        for to_all in [true, false] {
            rig.hears(peer, Said::Asks { target, to_all });
            assert_eq!(rig.says(), [(Said::Answers { target }, peer.mac)]);
        }
        let known = rig.neighbour(rig.theirs).expect("learnt");
        assert_eq!((known.mac, known.state), (Some(peer.mac), NeighbourState::Stale));
        let changes = &rig.stack.observer().neighbours;
        let [change] = changes.as_slice() else {
            panic!("{changes:?}")
        };
        assert_eq!((change.from, change.to), (None, Some(NeighbourState::Stale)));
    });
}

#[test]
fn who_asks_for_others_is_not_learnt_but_his_entry_follows_him() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let third = station(is_v6, 3);
        let (peer, ours) = (rig.peer(), rig.ours);
        let for_others = Said::Asks {
            target: third,
            to_all: true,
        };
        rig.hears(peer, for_others);
        assert_eq!(rig.stack.neighbours(rig.now()), []);
        let dropped = rig.stack.counters().drops().collect::<Vec<_>>();
        // A solicitation for others is sent to a group that we are not in, or to an address that is not ours.
        let why = if is_v6 { Why::NotOurMac } else { Why::NeighbourIgnored };
        assert_eq!(dropped, [(why, 1)]);

        rig.hears(
            peer,
            Said::Asks {
                target: ours,
                to_all: true,
            },
        );
        let moved = speaker(peer.address, mac(9));
        let announces = Said::Announces { target: peer.address };
        rig.hears(moved, announces);
        let known = rig.neighbour(rig.theirs).expect("still known");
        assert_eq!((known.mac, known.state), (Some(mac(9)), NeighbourState::Stale));
    });
}

#[test]
fn answers_have_a_budget() {
    both(|is_v6| {
        let mut rig = with_limits(is_v6, |limits| limits.neighbour_replies_per_s = 3);
        let (peer, target) = (rig.peer(), rig.ours);
        (0..10).for_each(|_| rig.hears(peer, Said::Asks { target, to_all: true }));
        assert_eq!((rig.says().len(), rig.dropped(Why::NeighbourBudget)), (3, 7));
        rig.advance(SECOND);
        rig.hears(peer, Said::Asks { target, to_all: true });
        assert_eq!(rig.says().len(), 1);
    });
}

#[test]
fn who_would_like_our_address_is_told_that_it_is_taken() {
    // RFC 5227 section 2.1.1 and RFC 4862 section 5.4: a probe from one without an address.
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let nobody: IpAddr = if is_v6 {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            [0; 4].into()
        };
        let (probe, target) = (speaker(nobody, mac(7)), rig.ours);
        rig.hears(probe, Said::Asks { target, to_all: true });
        let all = Mac::of_group(ndp::ALL_NODES);
        let expected = if is_v6 {
            (Said::Announces { target }, all)
        } else {
            (Said::Answers { target }, mac(7))
        };
        assert_eq!(rig.says(), [expected]);
        assert_eq!(rig.stack.neighbours(rig.now()), []);
    });
}

#[test]
fn another_with_our_address_is_a_fact_and_changes_nothing() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let target = rig.ours;
        let double = speaker(target, mac(66));
        rig.hears(double, Said::Announces { target });
        rig.hears(double, Said::Answers { target });
        assert_eq!(rig.dropped(Why::AddressConflict), 2);
        assert_eq!(rig.stack.observer().conflicts, [(target, mac(66)); 2]);
        assert_eq!((rig.says(), rig.stack.neighbours(rig.now())), (vec![], vec![]));
    });
}
