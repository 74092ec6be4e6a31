//! Lies, and what neighbours say that nobody asked for.

use super::*;

#[test]
fn what_nobody_asked_for_makes_no_entry() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let (peer, third) = (rig.peer(), station(is_v6, 3));
        rig.hears(peer, Said::Answers { target: peer.address });
        rig.hears(peer, Said::Announces { target: peer.address });
        rig.hears(speaker(third, mac(3)), Said::Answers { target: third });
        assert_eq!(rig.stack.neighbours(rig.now()), []);
        assert_eq!(rig.dropped(Why::NeighbourIgnored), 3);
    });
}

#[test]
fn a_poisoner_is_not_believed_while_the_truth_is_fresh() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let id = rig.open_over_ethernet();
        let liar = speaker(rig.theirs, mac(66));
        let target = rig.theirs;
        for said in [
            Said::Announces { target },
            Said::Answers { target },
            Said::Asks {
                target: rig.ours,
                to_all: true,
            },
        ] {
            rig.hears(liar, said);
        }
        assert_eq!(rig.dropped(Why::NeighbourDisputed), 3);
        rig.send(id, 1, 100);
        assert_eq!(rig.next_to(), mac(1));
        rig.inject(Seg::new(".", 1).ack(101));

        // Later it is as any move is: believed, and asked about.
        rig.advance(Duration::from_millis(1_100));
        rig.says();
        rig.hears(liar, Said::Announces { target });
        assert_eq!(rig.knows(), Some(NeighbourState::Stale));
        rig.send(id, 101, 100);
        assert_eq!(rig.next_to(), mac(66));
        // The true one answers the question that follows from silence.
        while rig.knows() != Some(NeighbourState::Incomplete) {
            rig.wait_for_words();
        }
        rig.out.clear();
        rig.hears(speaker(target, mac(1)), Said::Answers { target });
        assert_eq!(rig.next_to(), mac(1));
    });
}

#[test]
fn who_does_not_insist_makes_us_doubt_and_no_more() {
    // RFC 4861 section 7.2.5: without the override flag.
    let mut rig = on_ethernet(true);
    rig.open_over_ethernet();
    rig.advance(Duration::from_secs(5));
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (rig.theirs, rig.ours) else {
        panic!("IPv6")
    };
    let message = advertisement(src, mac(66), false, false).emit(src, dst);
    let frame = ndp_frame(speaker(rig.theirs, mac(66)), src, dst, &message);
    rig.raw(&frame);
    let known = rig.neighbour(rig.theirs).expect("known");
    assert_eq!((known.mac, known.state), (Some(mac(1)), NeighbourState::Stale));
    assert_eq!(rig.dropped(Why::NeighbourDisputed), 1);
}

#[test]
fn neighbours_lie_on_the_link() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let target = rig.ours;
        let strangers: &[&str] = if is_v6 {
            &["2001:db8::7"]
        } else {
            &["192.0.2.7", "10.7.0.0", "10.7.0.255", "224.0.0.1"]
        };
        for address in strangers {
            rig.hears(
                speaker(address.parse().unwrap(), mac(7)),
                Said::Asks { target, to_all: true },
            );
        }
        assert_eq!(rig.stack.neighbours(rig.now()), []);
        assert_eq!(rig.dropped(Why::NeighbourIgnored), strangers.len() as u64);
    });
}

#[test]
fn a_flood_of_questions_pushes_out_no_neighbour_in_use() {
    both(|is_v6| {
        let mut rig = with_limits(is_v6, |limits| {
            limits.neighbours = 16;
            limits.neighbour_replies_per_s = 1;
        });
        let id = rig.open_over_ethernet();
        let (ours, peer) = (rig.ours, rig.theirs);
        let ask = |rig: &mut Rig, n: u8| {
            rig.hears(
                speaker(station(is_v6, n), mac(n)),
                Said::Asks {
                    target: ours,
                    to_all: true,
                },
            );
        };
        (10..250).for_each(|n| ask(&mut rig, n));
        assert_eq!(rig.stack.neighbours(rig.now()).len(), 16);
        // The oldest of those that nobody uses made room.
        let oldest = station(is_v6, 10);
        let newest = station(is_v6, 249);
        assert_eq!((rig.neighbour(oldest), rig.neighbour(newest).is_some()), (None, true));
        assert_eq!(rig.knows(), Some(NeighbourState::Reachable));

        // What we ask for makes room as well, and stays.
        rig.our_port = 6_000;
        for n in 100..115 {
            rig.theirs = if is_v6 { v6(0x300 + n) } else { v4(n as u8 - 97) };
            rig.theirs = if rig.theirs == peer || rig.theirs == ours {
                v4(200)
            } else {
                rig.theirs
            };
            rig.connect();
        }
        (10..250).for_each(|n| ask(&mut rig, n));
        assert!(rig.dropped(Why::NeighboursFull) > 0);
        rig.theirs = peer;
        assert_eq!(rig.knows(), Some(NeighbourState::Reachable));
        assert_eq!(rig.status(id).state, State::Established);
    });
}
