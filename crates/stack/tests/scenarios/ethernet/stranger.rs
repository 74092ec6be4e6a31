//! Strangers, who are answered where they came from, and whom nobody looks for.

use super::*;

#[test]
fn a_stranger_is_answered_where_he_came_from() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        assert_eq!(rig.next_to(), mac(1), "SYN-ACK");
        rig.our_port = 81;
        rig.inject(Seg::new("S", 0));
        assert_eq!(rig.next_to(), mac(1), "RST");
        assert_eq!((rig.says(), rig.stack.neighbours(rig.now())), (vec![], vec![]));
    });
}

#[test]
fn an_echo_is_answered_where_it_came_from() {
    let mut rig = on_ethernet(false);
    let header = ip::Header {
        src: rig.theirs,
        dst: rig.ours,
        protocol: ip::ICMP,
        hop_limit: 64,
        dscp: Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let echo = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    let mut packet = vec![0; header.len()];
    header.emit(echo.len(), &mut packet).expect("fits");
    packet.extend_from_slice(&echo);
    let packet = rig.framed(packet);
    rig.raw(&packet);
    let [reply] = rig.other.as_slice() else {
        panic!("{:?}", rig.other)
    };
    let ether = ether::Header::parse(reply).expect("sound");
    assert_eq!(
        (ether.dst, ether.src, ether.ethertype),
        (mac(1), mac(2), EtherType::Ipv4)
    );
    assert_eq!(
        ip::Datagram::parse(&reply[ether::HEADER..]).expect("sound").dst,
        rig.theirs
    );
}

#[test]
fn a_flood_from_neighbours_that_are_not_there_leaves_no_trace() {
    both(|is_v6| {
        let mut config = Config {
            medium: ethernet(),
            flood: FloodOptions::unlimited(),
            ..Config::default()
        };
        config.limits.neighbours = 16;
        let mut rig = Rig::with(config);
        let peer = station(is_v6, 1);
        (rig.ours, rig.theirs) = (station(is_v6, 2), peer);
        rig.listen();
        let id = rig.open_over_ethernet_with_options();
        rig.their_mac = Some(mac(99));
        for n in 0..5_000u16 {
            let [a, b] = (n % 250 + 3).to_be_bytes();
            rig.theirs = if is_v6 { v6(n + 0x1000) } else { v4(a.max(b)) };
            rig.their_port = n + 1;
            rig.inject(Seg::new("S", 0).mss(1000));
        }
        assert_eq!(rig.out.len(), 5_000);
        while !rig.out.is_empty() {
            assert_eq!(rig.next_to(), mac(99));
        }
        // No question was asked, nobody was learnt, and who was known is known.
        assert_eq!(rig.says(), []);
        rig.theirs = peer;
        assert_eq!(rig.stack.neighbours(rig.now()).len(), 1);
        assert!(rig.knows().is_some());
        // What is sent again by itself goes to those alone that are known; the others have their cookies.
        rig.advance(Duration::from_millis(1_500));
        assert_eq!(rig.says(), []);
        assert!(rig.out.is_empty() && rig.dropped(Why::NeighbourUnknown) > 0);
        assert_eq!(rig.status(id).state, State::Established);
    });
}

impl Rig {
    /// As `open_over_ethernet`, with whatever options the stack sends.
    fn open_over_ethernet_with_options(&mut self) -> ConnectionId {
        (self.our_port, self.their_port) = (5_000, 5_001);
        let id = self.connect();
        self.peer_answers();
        self.next();
        self.inject(Seg::new("S.", 0).ack(1).mss(1000));
        self.next();
        self.says();
        (self.our_port, self.their_port) = (80, 40_001);
        id
    }
}

#[test]
fn a_syn_ack_goes_again_to_a_neighbour_that_is_known() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let (peer, target) = (rig.peer(), rig.ours);
        rig.hears(peer, Said::Asks { target, to_all: true });
        rig.says();
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        assert_eq!(rig.next_to(), peer.mac);
        let waited = rig.wait_for_segment(Duration::from_secs(2));
        assert_eq!((waited, rig.next_to()), (SECOND, peer.mac));
    });
}

#[test]
fn for_a_stranger_nobody_is_asked_but_a_gateway() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        rig.theirs = beyond(is_v6);
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        assert_eq!(rig.next_to(), mac(1), "where the SYN came from");
        rig.advance(Duration::from_millis(1_100));
        let gateway = station(is_v6, 254);
        rig.expect_question(gateway);
        assert_eq!(rig.dropped(Why::NeighbourUnknown), 1);
        rig.hears(speaker(gateway, mac(254)), Said::Answers { target: gateway });
        rig.wait_for_segment(Duration::from_secs(3));
        assert_eq!(rig.next_to(), mac(254));
    });
}

#[test]
fn a_handshake_makes_a_neighbour_known() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let listener = rig.listen();
        let id = rig.open_passive(listener);
        assert_eq!(rig.knows(), Some(NeighbourState::Stale));
        rig.send(id, 1, 100);
        assert_eq!(rig.next_to(), mac(1));
        assert_eq!((rig.says(), rig.knows()), (vec![], Some(NeighbourState::Delay)));
        rig.inject(Seg::new(".", 1).ack(101));
        assert_eq!(rig.knows(), Some(NeighbourState::Reachable));
    });
}

#[test]
fn a_handshake_over_a_router_says_nothing_of_neighbours() {
    let mut rig = on_ethernet(false);
    rig.theirs = [192, 0, 2, 7].into();
    let listener = rig.listen();
    let id = rig.open_passive(listener);
    assert_eq!(rig.stack.neighbours(rig.now()), []);
    rig.send(id, 1, 100);
    rig.expect_nothing();
    rig.expect_question(v4(254));
}
