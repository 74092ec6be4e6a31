//! A station on an Ethernet, frame by frame: ARP (RFC 826), neighbour discovery (RFC 4861), and what waits for them.

use bytes::Bytes;
use syndic_stack::io::Offload;
use syndic_stack::status::Idle;
use syndic_stack::*;
use wire::arp::{self, Operation};
use wire::ether::{self, EtherType, Mac};
use wire::icmp::Unreachable;
use wire::icmp::ndp::{self, Message, NeighbourAdvertisement};
use wire::ip;

use crate::rig::*;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const SECOND: Duration = Duration::from_secs(1);

/// What stations say to each other, in one vocabulary for both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Who has `target`? To everybody, or to one.
    Asks { target: IpAddr, to_all: bool },
    /// `target` is mine.
    Answers { target: IpAddr },
    /// `target` is mine, and nobody has asked.
    Announces { target: IpAddr },
}

/// Someone who says something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker {
    pub(crate) address: IpAddr,
    pub(crate) mac: Mac,
}

pub(crate) const fn speaker(address: IpAddr, mac: Mac) -> Speaker {
    Speaker { address, mac }
}

/// A stack on an Ethernet without options, and a listener; the peer is its neighbour.
fn on_ethernet(is_v6: bool) -> Rig {
    with_limits(is_v6, |_| {})
}

pub(crate) fn with_limits(is_v6: bool, set: impl FnOnce(&mut Limits)) -> Rig {
    let mut config = Config {
        medium: ethernet(),
        timestamps: false,
        window_scaling: false,
        sack: false,
        ..Config::default()
    };
    set(&mut config.limits);
    let mut rig = Rig::with(config);
    if is_v6 {
        (rig.ours, rig.theirs) = (v6(2), v6(1));
    }
    rig
}

/// The frame in which this is said to us, or to everybody.
pub(crate) fn frame_of(who: Speaker, said: Said) -> Vec<u8> {
    match who.address {
        IpAddr::V4(sender) => {
            let (operation, target, target_mac, dst) = match said {
                Said::Asks { target, to_all } => (
                    Operation::Request,
                    target,
                    Mac::NONE,
                    if to_all { Mac::BROADCAST } else { mac(2) },
                ),
                Said::Answers { .. } => (Operation::Reply, v4(2), mac(2), mac(2)),
                Said::Announces { target } => (Operation::Reply, target, Mac::BROADCAST, Mac::BROADCAST),
            };
            let IpAddr::V4(target) = target else {
                panic!("one family")
            };
            let packet = arp::Packet {
                operation,
                sender_mac: who.mac,
                sender,
                target_mac,
                target,
            };
            let mut bytes = [0; arp::LEN];
            packet.emit(&mut bytes).expect("fits");
            let header = ether::Header {
                dst,
                src: who.mac,
                ethertype: EtherType::Arp,
            };
            frame(header, &bytes)
        }
        IpAddr::V6(src) => {
            let target_of = |target| match target {
                IpAddr::V6(target) => target,
                IpAddr::V4(_) => panic!("one family"),
            };
            let (dst, message) = match said {
                Said::Asks { target, to_all } => {
                    let target = target_of(target);
                    let dst = if to_all { ndp::solicited_node(target) } else { target };
                    let source = (!src.is_unspecified()).then_some(who.mac);
                    (dst, Message::NeighbourSolicitation { target, source })
                }
                Said::Answers { target } => {
                    let IpAddr::V6(ours) = v6(2) else { panic!("one family") };
                    (ours, advertisement(target_of(target), who.mac, true, true))
                }
                Said::Announces { target } => (ndp::ALL_NODES, advertisement(target_of(target), who.mac, false, true)),
            };
            ndp_frame(who, src, dst, &message.emit(src, dst))
        }
    }
}

fn advertisement(target: Ipv6Addr, mac: Mac, is_solicited: bool, overrides: bool) -> Message<'static> {
    Message::NeighbourAdvertisement(NeighbourAdvertisement {
        target,
        is_router: false,
        is_solicited,
        overrides,
        mac: Some(mac),
    })
}

fn ndp_frame(who: Speaker, src: Ipv6Addr, dst: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let header = ip::Header {
        src: src.into(),
        dst: dst.into(),
        protocol: ip::ICMPV6,
        hop_limit: 255,
        dscp: Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(message.len(), &mut packet).expect("fits");
    packet.extend_from_slice(message);
    let ether = ether::Header {
        dst: if dst.is_multicast() { Mac::of_group(dst) } else { mac(2) },
        src: who.mac,
        ethertype: EtherType::Ipv6,
    };
    frame(ether, &packet)
}

/// What a frame of the stack's says, and to which station. It must be sound, and come from us.
fn heard(frame: &[u8]) -> (Said, Mac) {
    let header = ether::Header::parse(frame).expect("a sound frame");
    assert_eq!(header.src, mac(2));
    let body = &frame[ether::HEADER..];
    let said = match header.ethertype {
        EtherType::Arp => {
            let packet = arp::Packet::parse(body).expect("sound ARP");
            assert_eq!((packet.sender_mac, IpAddr::from(packet.sender)), (mac(2), v4(2)));
            match packet.operation {
                Operation::Request => Said::Asks {
                    target: packet.target.into(),
                    to_all: header.dst == Mac::BROADCAST,
                },
                Operation::Reply => {
                    assert_eq!(packet.target_mac, header.dst);
                    Said::Answers {
                        target: packet.sender.into(),
                    }
                }
            }
        }
        _ => {
            let datagram = ip::Datagram::parse(body).expect("sound IP");
            let (IpAddr::V6(src), IpAddr::V6(dst)) = (datagram.src, datagram.dst) else {
                panic!("not IPv6: {datagram:?}");
            };
            match Message::parse(src, dst, datagram.hop_limit, &body[datagram.payload.clone()]).expect("sound NDP") {
                Message::NeighbourSolicitation { target, source } => {
                    assert_eq!((source, IpAddr::from(src)), (Some(mac(2)), v6(2)));
                    let to_all = dst == ndp::solicited_node(target);
                    assert!(to_all || dst == target);
                    assert_eq!(to_all, header.dst == Mac::of_group(dst));
                    Said::Asks {
                        target: target.into(),
                        to_all,
                    }
                }
                Message::NeighbourAdvertisement(said) => {
                    assert_eq!((said.mac, said.overrides, said.is_router), (Some(mac(2)), true, false));
                    assert_eq!(src, said.target);
                    let target = said.target.into();
                    match said.is_solicited {
                        true => Said::Answers { target },
                        false => Said::Announces { target },
                    }
                }
                other => panic!("the stack never says {other:?}"),
            }
        }
    };
    (said, header.dst)
}

impl Rig {
    /// Somebody says something to us.
    pub(crate) fn hears(&mut self, who: Speaker, said: Said) {
        let frame = frame_of(who, said);
        self.raw(&frame);
    }

    /// What the stack has said to neighbours since the last time.
    fn says(&mut self) -> Vec<(Said, Mac)> {
        self.other.drain(..).map(|frame| heard(&frame)).collect()
    }

    /// Time passes until the stack says something, at most a minute.
    #[track_caller]
    fn wait_for_words(&mut self) -> Vec<(Said, Mac)> {
        for _ in 0..600 {
            self.advance(Duration::from_millis(100));
            if !self.other.is_empty() {
                return self.says();
            }
        }
        panic!("nothing was said");
    }

    /// The stack has asked everybody for the peer's hardware address, once.
    #[track_caller]
    fn expect_question(&mut self, target: IpAddr) {
        let said: Vec<Said> = self.says().into_iter().map(|(said, _)| said).collect();
        assert_eq!(said, [Said::Asks { target, to_all: true }]);
    }

    pub(crate) fn peer(&self) -> Speaker {
        speaker(self.theirs, self.their_mac.expect("on an Ethernet"))
    }

    fn neighbour(&self, address: IpAddr) -> Option<Neighbour> {
        let all = self.stack.neighbours(self.now());
        all.into_iter().find(|neighbour| neighbour.address == address)
    }

    /// How well the peer is known.
    fn knows(&self) -> Option<NeighbourState> {
        self.neighbour(self.theirs).map(|neighbour| neighbour.state)
    }

    /// To which station the next segment goes.
    #[track_caller]
    fn next_to(&mut self) -> Mac {
        let out = self.out.pop_front().expect("something was sent");
        out.ether.expect("on an Ethernet").dst
    }

    /// Opens a connection whose neighbour has answered; what was said so far is forgotten.
    pub(crate) fn open_over_ethernet(&mut self) -> ConnectionId {
        let id = self.connect();
        let peer = self.peer();
        self.hears(peer, Said::Answers { target: peer.address });
        self.expect("S", 0, 0, 0);
        self.inject(Seg::new("S.", 0).ack(1).mss(1000));
        self.expect(".", 1, 0, 1);
        self.says();
        id
    }
}

/// The peer of either family in turn.
fn both(play: impl Fn(bool)) {
    [false, true].into_iter().for_each(play);
}

// ---- questions for us ----

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
        let third = if is_v6 { v6(3) } else { v4(3) };
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

// ---- questions of ours ----

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
        let peer = rig.peer();
        rig.hears(peer, Said::Answers { target: peer.address });
        assert_eq!(rig.next_to(), peer.mac);
        assert_eq!(rig.knows(), Some(NeighbourState::Reachable));
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        assert_eq!(rig.next_to(), peer.mac);
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
        let peer = rig.peer();
        rig.hears(peer, Said::Answers { target: peer.address });
        assert_eq!(rig.next_to(), peer.mac);
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
        let peer = rig.peer();
        rig.hears(peer, Said::Answers { target: peer.address });
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
            rig.theirs = if is_v6 { v6(n.into()) } else { v4(n) };
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

// ---- strangers ----

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
        let peer = if is_v6 {
            speaker(v6(1), mac(1))
        } else {
            speaker(v4(1), mac(1))
        };
        rig.ours = if is_v6 { v6(2) } else { v4(2) };
        rig.theirs = peer.address;
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
        rig.theirs = peer.address;
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
        let peer = self.peer();
        (self.our_port, self.their_port) = (5_000, 5_001);
        let id = self.connect();
        self.hears(peer, Said::Answers { target: peer.address });
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
        rig.theirs = if is_v6 {
            "2001:db8::7".parse().unwrap()
        } else {
            [192, 0, 2, 7].into()
        };
        rig.listen();
        rig.inject(Seg::new("S", 0).mss(1000));
        assert_eq!(rig.next_to(), mac(1), "where the SYN came from");
        rig.advance(Duration::from_millis(1_100));
        let gateway = if is_v6 { v6(0xfe) } else { v4(254) };
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

// ---- reachability ----

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
        let peer = rig.peer();
        assert_eq!(rig.wait_for_words().len(), 1);
        rig.hears(peer, Said::Answers { target: peer.address });
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

// ---- lies ----

#[test]
fn what_nobody_asked_for_makes_no_entry() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        let (peer, third) = (rig.peer(), if is_v6 { v6(3) } else { v4(3) });
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
        let ask = |rig: &mut Rig, n: u16| {
            let address = if is_v6 { v6(n) } else { v4(n as u8) };
            rig.hears(
                speaker(address, mac(n as u8)),
                Said::Asks {
                    target: ours,
                    to_all: true,
                },
            );
        };
        (10..250).for_each(|n| ask(&mut rig, n));
        assert_eq!(rig.stack.neighbours(rig.now()).len(), 16);
        // The oldest of those that nobody uses made room.
        let oldest = if is_v6 { v6(10) } else { v4(10) };
        let newest = if is_v6 { v6(249) } else { v4(249) };
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

// ---- frames ----

#[test]
fn routes_are_asked_before_a_connection_is() {
    let on_link = ["10.7.0.0/24".parse().unwrap()];
    let mut rig = Rig::with(Config {
        medium: Medium::Ethernet(EthernetOptions::new(mac(2), on_link, [])),
        ..Config::default()
    });
    let mut connect = |remote: &str| {
        let remote = SocketAddr::new(remote.parse().unwrap(), 80);
        let options = ConnectOptions {
            remote,
            local: None,
            connection: None,
        };
        rig.stack.connect(rig.now(), options).map(|_| ())
    };
    let beyond: IpAddr = [192, 0, 2, 7].into();
    assert_eq!(connect("192.0.2.7"), Err(ConnectError::NoRoute(beyond)));
    let all = SocketAddr::new(v4(255), 80);
    assert_eq!(connect("10.7.0.255"), Err(ConnectError::BadRemote(all)));
    assert_eq!(connect("10.7.0.9"), Ok(()));
}

#[test]
fn what_lies_beyond_the_link_goes_to_the_gateway() {
    both(|is_v6| {
        let mut rig = on_ethernet(is_v6);
        rig.theirs = if is_v6 {
            "2001:db8::7".parse().unwrap()
        } else {
            [192, 0, 2, 7].into()
        };
        let gateway = if is_v6 { v6(0xfe) } else { v4(254) };
        let id = rig.connect();
        rig.expect_question(gateway);
        rig.hears(speaker(gateway, mac(254)), Said::Answers { target: gateway });
        let out = rig.out.pop_front().expect("the SYN");
        assert_eq!(
            (out.ether.map(|e| e.dst), out.tuple.remote_addr),
            (Some(mac(254)), rig.theirs)
        );

        // Another gateway from now on: the connection finds it by itself.
        let other = if is_v6 { v6(0xfd) } else { v4(253) };
        let on_link = ["10.7.0.0/24", "fd07::/64"].map(|text| text.parse().expect("a subnet"));
        let config = rig.stack.config().clone();
        rig.stack.set_config(Config {
            medium: Medium::Ethernet(EthernetOptions::new(mac(2), on_link, [other])),
            ..config
        });
        rig.their_mac = Some(mac(254));
        rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
        rig.expect_nothing();
        rig.expect_question(other);
        rig.hears(speaker(other, mac(253)), Said::Answers { target: other });
        assert_eq!(rig.next_to(), mac(253));
        assert_eq!(rig.status(id).state, State::Established);
    });
}

#[test]
fn a_medium_stays_what_it_was() {
    let mut rig = on_ethernet(false);
    let config = Config {
        medium: Medium::Ip,
        ..rig.stack.config().clone()
    };
    rig.stack.set_config(config);
    assert_eq!(rig.stack.config().medium, ethernet());
    let mut rig = Rig::plain();
    let config = Config {
        medium: ethernet(),
        ..rig.stack.config().clone()
    };
    rig.stack.set_config(config);
    assert_eq!(rig.stack.config().medium, Medium::Ip);
}

#[test]
fn which_groups_we_are_in() {
    let mut rig = on_ethernet(false);
    rig.listen();
    let packet = rig.packet(&Seg::new("S", 0));
    for (name, dst, why) in [
        ("another station", mac(3), Why::NotOurMac),
        ("everybody", Mac::BROADCAST, Why::GroupFrame),
        ("every node", Mac::of_group(ndp::ALL_NODES), Why::GroupFrame),
        ("a group of others", Mac([0x33, 0x33, 0xff, 0, 0, 9]), Why::NotOurMac),
        (
            "the group of our address",
            Mac([0x33, 0x33, 0xff, 0, 0, 2]),
            Why::GroupFrame,
        ),
        ("an IPv4 group", Mac([1, 0, 0x5e, 0, 0, 1]), Why::NotOurMac),
    ] {
        let mut packet = packet.clone();
        packet[..6].copy_from_slice(&dst.0);
        let before = rig.dropped(why);
        rig.raw(&packet);
        assert_eq!(rig.dropped(why), before + 1, "{name}");
    }
    rig.expect_nothing();
}

#[test]
fn neighbour_discovery_in_fragments_is_refused() {
    // RFC 6980 section 5.
    let mut rig = on_ethernet(true);
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (rig.theirs, rig.ours) else {
        panic!("IPv6")
    };
    let message = advertisement(src, mac(1), true, true).emit(src, dst);
    rig.connect();
    for (offset, more, part) in [(0u16, 1u16, &message[..16]), (16, 0, &message[16..])] {
        let mut body = vec![ip::ICMPV6, 0];
        body.extend((offset | more).to_be_bytes());
        body.extend([0, 0, 0, 9]);
        body.extend(part);
        let header = ip::Header {
            src: rig.theirs,
            dst: rig.ours,
            protocol: 44,
            hop_limit: 255,
            dscp: Dscp::DEFAULT,
            ecn: ip::Ecn::NotEct,
        };
        let mut packet = vec![0; header.len()];
        header.emit(body.len(), &mut packet).expect("fits");
        packet.extend(body);
        let packet = rig.framed(packet);
        rig.raw(&packet);
    }
    assert_eq!(rig.dropped(Why::MalformedNdp), 1);
    assert_eq!(rig.knows(), Some(NeighbourState::Incomplete));
}

#[test]
fn what_routers_say_counts_for_nothing() {
    let mut rig = on_ethernet(true);
    let router: Ipv6Addr = "fe80::1".parse().unwrap();
    let message = Message::RouterAdvertisement(ndp::RouterAdvertisement {
        hop_limit: 64,
        managed: false,
        other: false,
        lifetime_s: 1_800,
        reachable_ms: 0,
        retrans_ms: 0,
        options: ndp::Options::default(),
    });
    let who = speaker(router.into(), mac(254));
    let frame = ndp_frame(who, router, ndp::ALL_NODES, &message.emit(router, ndp::ALL_NODES));
    rig.raw(&frame);
    assert_eq!(rig.dropped(Why::IcmpIgnored), 1);
    assert_eq!((rig.says(), rig.stack.neighbours(rig.now())), (vec![], vec![]));
}

/// Keeps what a packet leaves to the link.
#[derive(Default)]
struct Offloads(Vec<(Vec<u8>, Offload)>);

impl Sink for Offloads {
    fn send(&mut self, head: &[u8], _: &[Bytes], offload: Offload) -> Result<(), Full> {
        self.0.push((head.to_vec(), offload));
        Ok(())
    }
}

#[test]
fn a_partial_checksum_is_counted_from_the_frames_first_byte() {
    for (is_v6, at) in [(false, 14 + 20), (true, 14 + 40)] {
        let mut rig = Rig::with(Config {
            medium: ethernet(),
            checksum_offload: true,
            ..Config::default()
        });
        if is_v6 {
            (rig.ours, rig.theirs) = (v6(2), v6(1));
        }
        rig.listen();
        let packet = rig.packet(&Seg::new("S", 0));
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: packet.as_slice().into(),
            arrived: rig.now,
            checksum: io::Checksum::Unverified,
        });
        rig.stack.handle_packets(rig.now(), &mut batch);
        let mut sent = Offloads::default();
        rig.stack.poll_transmit(rig.now(), Budget::default(), &mut sent);
        let (head, offload) = &sent.0[0];
        assert_eq!(offload.checksum, Some((at, 16)));
        let (header, _) = wire::tcp::Header::parse(&head[usize::from(at)..]).expect("TCP begins there");
        assert_eq!(header.src_port, 80);
    }
}
