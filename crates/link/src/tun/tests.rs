mod queues;

use std::future::poll_fn;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::error::NameFault;
use crate::face::{Link, take_packet};
use crate::testing::in_private_namespace;
use crate::vnet::{GsoKind, PartialChecksum};

/// A device with one address of each version; ours are the others of these networks.
fn options() -> TunOptions {
    TunOptions {
        name: Some("tun-test".into()),
        addresses: vec![("10.7.0.1".parse().unwrap(), 24), ("fd07::1".parse().unwrap(), 64)],
        ..TunOptions::default()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn read(tun: &AsyncTun) -> (VnetHeader, BytesMut) {
    let mut buffer = BytesMut::new();
    loop {
        match tun.try_read(&mut buffer) {
            Ok(header) => return (header, take_packet(&mut buffer)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| tun.poll_read_ready(cx)).await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// The next packet of UDP; the kernel says a few other things of its own accord (MLD reports, for one).
async fn read_udp(tun: &AsyncTun) -> BytesMut {
    let found = async {
        loop {
            let (_, packet) = read(tun).await;
            let protocol = if packet[0] >> 4 == 4 { packet[9] } else { packet[6] };
            if protocol == 17 {
                return packet;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .expect("a packet of UDP within ten seconds")
}

async fn write(tun: &AsyncTun, header: VnetHeader, head: &[u8], payload: &[Bytes]) {
    loop {
        match tun.try_write(header, head, payload) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| tun.poll_write_ready(cx)).await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Where the UDP header begins.
fn udp_at(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 4 { 20 } else { 40 }
}

/// Swaps source and destination address. Sums do not mind the order of what they sum, so checksums stay right.
fn swap_addresses(packet: &mut [u8]) {
    let (addresses, len) = if packet[0] >> 4 == 4 { (12, 4) } else { (8, 16) };
    let (source, destination) = packet[addresses..addresses + 2 * len].split_at_mut(len);
    source.swap_with_slice(destination);
}

/// Swaps source and destination port.
fn swap_ports(packet: &mut [u8]) {
    let udp = udp_at(packet);
    let (source, destination) = packet[udp..udp + 4].split_at_mut(2);
    source.swap_with_slice(destination);
}

fn turn_round(packet: &mut [u8]) {
    swap_addresses(packet);
    swap_ports(packet);
}

#[test]
fn links_can_be_shared_between_threads() {
    fn shared<T: Link + Send + Sync>() {}
    shared::<AsyncTun>();
    shared::<crate::Memory>();
}

#[test]
fn datagrams_cross_both_ways() {
    in_private_namespace("tun::tests::datagrams_cross_both_ways", || {
        runtime().block_on(async {
            // Opened inside of a runtime, which must do no harm.
            let tun = Tun::open(&options()).unwrap().into_async().unwrap();
            assert_eq!(
                (tun.tun().name(), tun.mtu(), tun.offload()),
                ("tun-test", 1_500, Offload::None)
            );
            for (kernel, ours) in [("10.7.0.1:5000", "10.7.0.2:6000"), ("[fd07::1]:5000", "[fd07::2]:6000")] {
                let socket = UdpSocket::bind(kernel.parse::<SocketAddr>().unwrap()).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                for len in [4, 200, 1_400] {
                    let sent = vec![len as u8; len];
                    socket.send_to(&sent, ours.parse::<SocketAddr>().unwrap()).unwrap();
                    let mut packet = read_udp(&tun).await;
                    let udp = udp_at(&packet);
                    assert_eq!(packet[udp + 8..], sent, "{kernel}");
                    turn_round(&mut packet);
                    let head = packet.split_to(udp + 8);
                    // In as many pieces as it has bytes: they still make one packet.
                    let pieces: Vec<Bytes> = packet.freeze().chunks(1).map(Bytes::copy_from_slice).collect();
                    write(&tun, VnetHeader::default(), &head, &pieces).await;
                    let mut received = [0; 2_000];
                    let (n, from) = socket.recv_from(&mut received).unwrap();
                    assert_eq!((&received[..n], from), (&sent[..], ours.parse().unwrap()), "{kernel}");
                }
            }
        });
    });
}

/// The kernel makes an IPv6 address ready in a work queue: whoever writes a packet for it at once must not lose it.
#[test]
fn addresses_work_as_soon_as_the_device_is_open() {
    in_private_namespace("tun::tests::addresses_work_as_soon_as_the_device_is_open", || {
        // No extension header, UDP from port 6000 to 5000, 8 bytes and no payload.
        let mut packet = [0; 48];
        packet[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 8, 17, 64]);
        packet[8..10].copy_from_slice(&[0xfd, 7]);
        packet[23] = 2;
        packet[24..26].copy_from_slice(&[0xfd, 7]);
        packet[39] = 1;
        packet[40..46].copy_from_slice(&[0x17, 0x70, 0x13, 0x88, 0, 8]);
        // Both addresses, the ports, and the length twice, once with the protocol.
        let sum: u32 = 2 * 0xfd07 + 2 + 1 + 0x1770 + 0x1388 + 8 + 8 + 17;
        packet[46..].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        for round in 0..40 {
            let tun = Tun::open(&options()).unwrap();
            let socket = UdpSocket::bind("[fd07::1]:5000").unwrap();
            tun.try_write(VnetHeader::default(), &packet, &[]).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let received = socket.recv_from(&mut [0; 10]);
            let (_, from) = received.unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert_eq!(from, "[fd07::2]:6000".parse().unwrap());
        }
    });
}

#[test]
fn the_kernel_is_silent_on_a_new_interface() {
    in_private_namespace("tun::tests::the_kernel_is_silent_on_a_new_interface", || {
        let tun = Tun::open(&options()).unwrap();
        let conf = |setting: &str| {
            let path = format!("/proc/sys/net/ipv6/conf/{}/{setting}", tun.name());
            std::fs::read_to_string(path).unwrap().trim().to_owned()
        };
        assert_eq!(conf("router_solicitations"), "0");
        assert_eq!(conf("addr_gen_mode"), "1");
    });
}

#[test]
fn the_largest_packet_fits() {
    in_private_namespace("tun::tests::the_largest_packet_fits", || {
        runtime().block_on(async {
            let tun = Tun::open(&TunOptions {
                mtu: 65_535,
                ..options()
            })
            .unwrap()
            .into_async()
            .unwrap();
            let socket = UdpSocket::bind("10.7.0.1:5000").unwrap();
            let sent: Vec<u8> = (0..65_507).map(|i| i as u8).collect();
            socket.send_to(&sent, "10.7.0.2:6000").unwrap();
            let packet = read_udp(&tun).await;
            assert_eq!((packet.len(), &packet[28..]), (65_535, &sent[..]));
        });
    });
}

#[test]
fn partial_checksums_cross_both_ways() {
    in_private_namespace("tun::tests::partial_checksums_cross_both_ways", || {
        runtime().block_on(async {
            let tun = Tun::open(&TunOptions {
                offload: Offload::Tso,
                ..options()
            })
            .unwrap()
            .into_async()
            .unwrap();
            let socket = UdpSocket::bind("10.7.0.1:5000").unwrap();
            socket.send_to(b"a checksum left to us", "10.7.0.2:6000").unwrap();
            let (header, mut packet) = loop {
                let (header, packet) = read(&tun).await;
                if packet[0] >> 4 == 4 {
                    break (header, packet);
                }
            };
            let partial = PartialChecksum { start: 20, offset: 6 };
            assert_eq!(header.needs_checksum, Some(partial));
            // The kernel takes it back as it is: with the checksum still open.
            turn_round(&mut packet);
            write(
                &tun,
                VnetHeader {
                    needs_checksum: Some(partial),
                    ..VnetHeader::default()
                },
                &packet,
                &[],
            )
            .await;
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut received = [0; 100];
            let (n, _) = socket.recv_from(&mut received).unwrap();
            assert_eq!(&received[..n], b"a checksum left to us");
        });
    });
}

/// The kernel talks TCP with itself through our hands: for a packet with its addresses swapped, but not its ports, comes
/// from the very host that it was sent to.
#[test]
fn super_segments_stay_whole_both_ways() {
    in_private_namespace("tun::tests::super_segments_stay_whole_both_ways", || {
        runtime().block_on(async {
            let mut tun = Tun::open(&options()).unwrap();
            tun.set_offload(Offload::Tso).unwrap();
            let tun = tun.into_async().unwrap();
            assert_eq!(tun.offload(), Offload::Tso);
            for (kernel, ours, gso_kind) in [
                ("10.7.0.1:6000", "10.7.0.2:6000", GsoKind::TcpV4),
                ("[fd07::1]:6000", "[fd07::2]:6000", GsoKind::TcpV6),
            ] {
                let listener = TcpListener::bind(kernel.parse::<SocketAddr>().unwrap()).unwrap();
                let sent: Vec<u8> = (0..4_000_000_u32).map(|i| (i / 7) as u8).collect();
                let expected = sent.clone();
                let ours: SocketAddr = ours.parse().unwrap();
                let sender = std::thread::spawn(move || TcpStream::connect(ours).unwrap().write_all(&sent).unwrap());
                let receiver = tokio::task::spawn_blocking(move || {
                    let mut received = Vec::new();
                    listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
                    received
                });
                let mut longest = 0;
                let reflect = async {
                    loop {
                        let (header, mut packet) = read(&tun).await;
                        if header.gso.is_some_and(|gso| gso.kind == gso_kind) {
                            assert!(header.needs_checksum.is_some());
                            longest = longest.max(packet.len());
                        }
                        swap_addresses(&mut packet);
                        write(&tun, header, &[], &[packet.freeze()]).await;
                    }
                };
                let received = tokio::select! {
                    received = receiver => received.unwrap(),
                    () = reflect => unreachable!(),
                    () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{kernel}: the transfer takes too long"),
                };
                assert!(
                    received == expected,
                    "{kernel}: {} of {} bytes, or not the same",
                    received.len(),
                    expected.len()
                );
                assert!(
                    longest > 10_000,
                    "{kernel}: no super-segment, the longest packet has {longest} bytes"
                );
                sender.join().unwrap();
            }
        });
    });
}

#[test]
fn names_and_addresses_that_are_taken() {
    in_private_namespace("tun::tests::names_and_addresses_that_are_taken", || {
        let with_name = |name: &str| TunOptions {
            name: Some(name.into()),
            ..TunOptions::default()
        };
        let first = Tun::open(&options()).unwrap();
        assert!(matches!(Tun::open(&options()), Err(LinkError::NameTaken { name }) if name == "tun-test"));
        assert!(matches!(Tun::open(&with_name("lo")), Err(LinkError::NotTun { name, .. }) if name == "lo"));
        let refuse = TunOptions {
            existing: Existing::Refuse,
            ..options()
        };
        assert!(matches!(Tun::open(&refuse), Err(LinkError::NameTaken { .. })));
        let fault = Tun::open(&with_name("a name with spaces")).unwrap_err();
        assert!(
            matches!(
                fault,
                LinkError::BadName {
                    fault: NameFault::TooLong,
                    ..
                }
            ),
            "{fault}"
        );

        // When it is dropped the name is free again, and so are the addresses.
        drop(first);
        let mut twice = options();
        twice.addresses.push(twice.addresses[0]);
        let taken = Tun::open(&twice).unwrap_err();
        assert_eq!(
            taken.to_string(),
            "the address 10.7.0.1 is already assigned to tun-test"
        );
        Tun::open(&refuse).unwrap();
    });
}

#[test]
fn the_kernel_picks_free_names() {
    in_private_namespace("tun::tests::the_kernel_picks_free_names", || {
        let tuns = [(); 3].map(|()| Tun::open(&TunOptions::default()).unwrap());
        assert_eq!(tuns.each_ref().map(Tun::name), ["syndic0", "syndic1", "syndic2"]);
    });
}

#[test]
fn a_prepared_device_is_attached_to_and_keeps_what_it_has() {
    mod ioctl {
        nix::ioctl_write_int_bad!(persist, libc::TUNSETPERSIST);
    }
    in_private_namespace(
        "tun::tests::a_prepared_device_is_attached_to_and_keeps_what_it_has",
        || {
            let tun = Tun::open(&options()).unwrap();
            // SAFETY: the descriptor is open, and TUNSETPERSIST takes a plain value.
            unsafe { ioctl::persist(tun.as_raw_fd(), 1) }.unwrap();
            drop(tun);
            let refuse = TunOptions {
                existing: Existing::Refuse,
                ..options()
            };
            assert!(matches!(Tun::open(&refuse), Err(LinkError::NameTaken { .. })));
            drop(Tun::open(&options()).unwrap());
            let mut more = TunOptions {
                mtu: 1_400,
                ..options()
            };
            more.addresses.push(("10.8.0.1".parse().unwrap(), 16));
            assert_eq!(Tun::open(&more).unwrap().mtu(), 1_400);
            assert!(UdpSocket::bind("10.8.0.1:0").is_ok());
        },
    );
}

#[test]
fn what_the_kernel_refuses() {
    in_private_namespace("tun::tests::what_the_kernel_refuses", || {
        let tun = Tun::open(&options()).unwrap();
        let beyond = VnetHeader {
            needs_checksum: Some(PartialChecksum {
                start: 60_000,
                offset: 16,
            }),
            ..VnetHeader::default()
        };
        let rows = [
            ("nothing", VnetHeader::default(), &[][..]),
            ("no IP version that exists", VnetHeader::default(), &[0xff; 40][..]),
            ("a checksum beyond the packet", beyond, &[0x45; 40][..]),
        ];
        for (name, header, packet) in rows {
            let refused = tun.try_write(header, packet, &[]).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{name}");
        }
        let mut buffer = BytesMut::new();
        while tun.try_read(&mut buffer).is_ok() {}
        assert_eq!(tun.try_read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn an_interface_that_goes_down_or_away() {
    in_private_namespace("tun::tests::an_interface_that_goes_down_or_away", || {
        let packet = [0x45; 40];
        let tun = Tun::open(&options()).unwrap();
        netlink::run(async |handle| {
            let index = netlink::interface(handle, tun.name()).await?.index;
            handle
                .link()
                .set(rtnetlink::LinkUnspec::new_with_index(index).down().build())
                .execute()
                .await
                .unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(
            tun.try_write(VnetHeader::default(), &packet, &[]).unwrap_err().kind(),
            io::ErrorKind::NetworkDown
        );

        runtime().block_on(async {
            let tun = tun.into_async().unwrap();
            let remove = || {
                netlink::run(async |handle| {
                    let index = netlink::interface(handle, tun.tun().name()).await?.index;
                    handle.link().del(index).execute().await.unwrap();
                    Ok(())
                })
                .unwrap();
            };
            // A reader that waits already must be woken, and told.
            let mut removed = false;
            let waiting = poll_fn(|cx| {
                loop {
                    match tun.poll_read_ready(cx) {
                        Poll::Ready(Err(error)) => return Poll::Ready(error.kind()),
                        // Packets that the kernel sent before; reading until there is none makes the next poll wait.
                        Poll::Ready(Ok(())) => while tun.try_read(&mut BytesMut::new()).is_ok() {},
                        Poll::Pending if removed => return Poll::Pending,
                        Poll::Pending => {
                            removed = true;
                            remove();
                            return Poll::Pending;
                        }
                    }
                }
            });
            let told = tokio::time::timeout(Duration::from_secs(10), waiting)
                .await
                .expect("woken within ten seconds");
            assert_eq!(told, io::ErrorKind::NotConnected);
            let written = tun.try_write(VnetHeader::default(), &packet, &[]);
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::NotConnected);
        });
        assert!(matches!(
            crate::net::up("tun-test"),
            Err(LinkError::NoSuchInterface { .. })
        ));
    });
}

#[test]
fn a_tap_carries_frames() {
    in_private_namespace("tun::tests::a_tap_carries_frames", || {
        runtime().block_on(async {
            let tap = |name: &str| TunOptions {
                layer: Layer::Ethernet,
                offload: Offload::Tso,
                name: Some(name.into()),
                ..options()
            };
            let tap0 = Tun::open(&tap("tap-test")).unwrap();
            let said = Tun::open(&TunOptions {
                layer: Layer::Ip,
                ..tap("tap-test")
            })
            .unwrap_err()
            .to_string();
            assert_eq!(
                said,
                "the interface tap-test exists, but is no TUN: choose another name"
            );
            let said = Tun::open(&tap("lo")).unwrap_err().to_string();
            assert_eq!(said, "the interface lo exists, but is no TAP: choose another name");

            let tap = tap0.into_async().unwrap();
            assert_eq!(
                (tap.layer(), tap.mtu(), tap.offload()),
                (Layer::Ethernet, 1_500, Offload::Tso)
            );
            let socket = UdpSocket::bind("10.7.0.1:5000").unwrap();
            socket.send_to(b"a frame", "10.7.0.2:6000").unwrap();
            let next = async |tap: &AsyncTun, kind: [u8; 2]| loop {
                let (header, frame) = read(tap).await;
                if frame[12..14] == kind {
                    return (header, frame);
                }
            };
            // The kernel asks who has 10.7.0.2; 02:00:00:00:00:02 has.
            let (_, mut question) = next(&tap, [8, 6]).await;
            assert_eq!(
                (&question[..6], question[21], &question[38..42]),
                (&[0xff; 6][..], 1, &[10, 7, 0, 2][..])
            );
            let ours = [2, 0, 0, 0, 0, 2];
            question.copy_within(6..12, 0);
            question[6..12].copy_from_slice(&ours);
            question[21] = 2;
            question.copy_within(22..32, 32);
            question[22..28].copy_from_slice(&ours);
            question[28..32].copy_from_slice(&[10, 7, 0, 2]);
            write(&tap, VnetHeader::default(), &question, &[]).await;
            let (header, frame) = next(&tap, [8, 0]).await;
            assert_eq!(header.needs_checksum, Some(PartialChecksum { start: 34, offset: 6 }));
            assert_eq!((&frame[..6], &frame[42..]), (&ours[..], &b"a frame"[..]));
        });
    });
}
