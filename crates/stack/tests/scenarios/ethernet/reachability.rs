//! Whether a neighbour that is known can still be reached: TCP says so, or he is asked (RFC 4861 section 7.3).

use super::*;

#[test]
fn what_tcp_confirms_is_never_asked() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.open_over_ethernet();
        for n in 0..20u32 {
            rig.advance(Duration::from_secs(20));
            rig.send(id, 1 + n * 100, 100);
            rig.next();
            rig.inject(Seg::new(".", 1).ack(101 + n * 100));
        }
        assert_eq!((rig.says(), rig.knows()), (vec![], Some(NeighbourState::Reachable)));
        // Data that comes does not say that what we send arrives.
        rig.advance(Duration::from_secs(40));
        rig.inject(Seg::new("P.", 1).ack(2001).data(10));
        assert_eq!(rig.knows(), Some(NeighbourState::Delay));
    });
}

#[test]
fn a_silent_neighbour_is_probed_and_then_forgotten() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.open_over_ethernet();
        rig.advance(Duration::from_secs(31));
        assert_eq!((rig.says(), rig.knows()), (vec![], Some(NeighbourState::Stale)));
        rig.send(id, 1, 100);
        assert_eq!(rig.knows(), Some(NeighbourState::Delay));
        let target = rig.theirs;
        let probe = (Said::Asks { target, to_all: false }, mac(1));
        // TCP times out twice, and has its suspicions.
        for _ in 0..3 {
            assert_eq!(rig.wait_for_words(), [probe]);
            assert_eq!(rig.knows(), Some(NeighbourState::Probe));
        }
        let asked = rig.wait_for_words();
        let question = Said::Asks { target, to_all: true };
        assert_eq!(asked, [(question, broadcast_of(target))]);

        // It has moved: the connection goes on.
        rig.out.clear();
        let moved = speaker(target, mac(77));
        rig.hears(moved, Said::Answers { target });
        assert_eq!(rig.next_to(), mac(77));
    });
}

fn broadcast_of(target: IpAddr) -> Mac {
    match target {
        IpAddr::V4(_) => Mac::BROADCAST,
        IpAddr::V6(target) => Mac::of_group(ndp::solicited_node(target)),
    }
}

#[test]
fn a_probe_that_is_answered_confirms() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.open_over_ethernet();
        rig.advance(Duration::from_secs(31));
        rig.send(id, 1, 100);
        assert_eq!(rig.wait_for_words().len(), 1);
        rig.peer_answers();
        assert_eq!(rig.knows(), Some(NeighbourState::Reachable));
        assert_eq!(rig.says(), []);
    });
}

#[test]
fn an_idle_neighbour_is_probed_after_five_seconds() {
    // We acknowledge, and nothing says that it arrived.
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        rig.open_over_ethernet();
        rig.advance(Duration::from_secs(31));
        rig.inject(Seg::new("P.", 1).ack(1).data(10));
        rig.advance(Duration::from_millis(4_900));
        assert_eq!((rig.says(), rig.knows()), (vec![], Some(NeighbourState::Delay)));
        rig.advance(Duration::from_millis(200));
        let target = rig.theirs;
        assert_eq!(rig.says(), [(Said::Asks { target, to_all: false }, mac(1))]);
    });
}

#[test]
fn an_advertisement_without_an_address_confirms_what_is_known() {
    // RFC 4861 section 4.4: the answer to a solicitation that was sent to one may leave it out.
    let mut rig = on_ethernet(true);
    let id = rig.open_over_ethernet();
    rig.advance(Duration::from_secs(31));
    rig.send(id, 1, 100);
    rig.wait_for_words();
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (rig.theirs, rig.ours) else {
        panic!("IPv6")
    };
    let message = Message::NeighbourAdvertisement(NeighbourAdvertisement {
        target: src,
        is_router: false,
        is_solicited: true,
        overrides: false,
        mac: None,
    });
    let frame = ndp_frame(rig.peer(), src, dst, &message.emit(src, dst));
    rig.raw(&frame);
    assert_eq!(rig.knows(), Some(NeighbourState::Reachable));
    assert_eq!(rig.neighbour(rig.theirs).and_then(|n| n.mac), Some(mac(1)));
}
