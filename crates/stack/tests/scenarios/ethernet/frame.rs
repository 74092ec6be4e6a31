//! Frames: which of them are for us, what is refused in them, and to which station ours go.

use std::net::SocketAddr;

use bytes::Bytes;
use syndic_stack::io::Offload;

use super::*;

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
        rig.theirs = beyond(is_v6);
        let gateway = station(is_v6, 254);
        let id = rig.connect();
        rig.expect_question(gateway);
        rig.hears(speaker(gateway, mac(254)), Said::Answers { target: gateway });
        let out = rig.out.pop_front().expect("the SYN");
        assert_eq!(
            (out.ether.map(|e| e.dst), out.tuple.remote_addr),
            (Some(mac(254)), rig.theirs)
        );

        // Another gateway from now on: the connection finds it by itself.
        let other = station(is_v6, 253);
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
