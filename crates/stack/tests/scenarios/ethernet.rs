//! A station on an Ethernet, frame by frame: ARP (RFC 826), neighbour discovery (RFC 4861), and what waits for them.
//!
//! What stations say, in one vocabulary for both families, stands here; the scenarios below.

mod answer;
mod frame;
mod lie;
mod question;
mod reachability;
mod stranger;

use syndic_stack::*;
use wire::arp::{self, Operation};
use wire::ether::{self, EtherType, Mac};
use wire::icmp::ndp::{self, Message, NeighbourAdvertisement};
use wire::ip;

use crate::rig::*;
use std::net::{IpAddr, Ipv6Addr};

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

    /// The peer has been asked for, and answers.
    fn peer_answers(&mut self) {
        let peer = self.peer();
        self.hears(peer, Said::Answers { target: peer.address });
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
        self.peer_answers();
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

/// A station of our subnet.
fn station(is_v6: bool, last: u8) -> IpAddr {
    if is_v6 { v6(last.into()) } else { v4(last) }
}

/// A host that is reached through the gateway.
fn beyond(is_v6: bool) -> IpAddr {
    if is_v6 {
        "2001:db8::7".parse().unwrap()
    } else {
        [192, 0, 2, 7].into()
    }
}
