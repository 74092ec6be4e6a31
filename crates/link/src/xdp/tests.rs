use std::future::poll_fn;

use super::*;
use crate::frames::cable::{self, KERNEL, OURS, ask, echo, in_runtime, is_arp, question};
use crate::testing::{complete_checksums, in_network_namespace_of_root, in_private_namespace, veth};
use crate::{Packet, PacketOptions, netlink};

fn options() -> XdpOptions {
    XdpOptions {
        interface: "ours0".into(),
        queue: 0,
        addresses: cable::our_addresses(),
    }
}

/// A cable on which there is nothing left to do to a frame.
fn cable() {
    cable::lay();
    complete_checksums("kernel0");
}

async fn receive(link: &mut impl FrameLink, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    cable::receive(link, is_wanted).await.1
}

#[test]
fn frames_cross_both_ways() {
    in_network_namespace_of_root("xdp::tests::frames_cross_both_ways", || {
        cable();
        in_runtime(async {
            let mut xdp = Xdp::open(&options()).unwrap();
            assert_eq!((xdp.name(), xdp.mtu(), xdp.offload()), ("ours0", 1_500, Offload::None));
            assert!(!xdp.is_zero_copy(), "a veth has no memory of its own");
            let us = (xdp.hardware_address(), OURS);
            ask(&mut xdp, us, KERNEL).await;
            let answer = receive(&mut xdp, is_arp).await;
            assert_eq!((answer[21], &answer[28..32]), (2, &KERNEL[..]));

            echo(&mut xdp, [4, 200, 1_472], |_, _| {}).await;
            assert_eq!(xdp.meter().losses(), Losses::default());
        });
    });
}

/// Far more frames than the rings hold, so that all memory goes round several times.
#[test]
fn memory_goes_round() {
    in_network_namespace_of_root("xdp::tests::memory_goes_round", || {
        cable();
        in_runtime(async {
            let mut xdp = Xdp::open(&options()).unwrap();
            let us = xdp.hardware_address();
            let mut answers = 0_u32;
            let mut asked = 0_u32;
            while answers < 20_000 {
                // The kernel's answers are many on the way, but never more than the ring can hold.
                while asked < 20_000 && asked < answers + 1_000 {
                    match xdp.send(VnetHeader::default(), &question((us, OURS), KERNEL), &[]) {
                        Ok(()) => asked += 1,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            poll_fn(|cx| xdp.poll_send_ready(cx)).await.unwrap();
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                while xdp.flush().is_err() {
                    poll_fn(|cx| xdp.poll_send_ready(cx)).await.unwrap();
                }
                poll_fn(|cx| {
                    xdp.poll_receive(cx, 64, |_, frame| answers += u32::from(is_arp(frame) && frame[21] == 2))
                })
                .await
                .unwrap();
            }
            assert_eq!((asked, answers), (20_000, 20_000));
        });
    });
}

#[test]
fn the_kernel_keeps_what_is_not_for_us() {
    in_network_namespace_of_root("xdp::tests::the_kernel_keeps_what_is_not_for_us", || {
        cable();
        in_runtime(async {
            let mut xdp = Xdp::open(&options()).unwrap();
            let open = |interface: &str| {
                let interface = interface.into();
                Packet::open(&PacketOptions {
                    interface,
                    addresses: Vec::new(),
                })
                .unwrap()
            };
            let (mut neighbour, mut kernel) = (open("kernel0"), open("ours0"));
            let from = (neighbour.hardware_address(), KERNEL);
            let target = |frame: &[u8]| <[u8; 4]>::try_from(&frame[38..42]).unwrap();
            for host in [OURS, [10, 8, 0, 3], OURS, [10, 8, 0, 4]] {
                ask(&mut neighbour, from, host).await;
            }
            for _ in 0..2 {
                receive(&mut xdp, |frame| is_arp(frame) && target(frame) == OURS).await;
            }
            for host in [[10, 8, 0, 3], [10, 8, 0, 4]] {
                assert_eq!(target(&receive(&mut kernel, is_arp).await), host);
            }
            // Of what tells every station of a neighbour, both hear.
            ask(&mut neighbour, from, KERNEL).await;
            assert_eq!(
                target(&receive(&mut xdp, |frame| is_arp(frame) && target(frame) == KERNEL).await),
                KERNEL
            );
            assert_eq!(target(&receive(&mut kernel, is_arp).await), KERNEL);
            // Taken off with the socket, the program takes nothing more.
            drop(xdp);
            ask(&mut neighbour, from, OURS).await;
            assert_eq!(target(&receive(&mut kernel, is_arp).await), OURS);
        });
    });
}

#[test]
fn a_removed_interface_ends_the_link() {
    in_network_namespace_of_root("xdp::tests::a_removed_interface_ends_the_link", || {
        cable();
        in_runtime(async {
            let mut xdp = Xdp::open(&options()).unwrap();
            netlink::run(async |handle| netlink::interface(handle, "kernel0").await?.remove(handle).await).unwrap();
            let error = poll_fn(|cx| xdp.poll_receive(cx, 1, |_, _| {})).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotConnected);
            let frame = question((xdp.hardware_address(), OURS), KERNEL);
            xdp.send(VnetHeader::default(), &frame, &[]).unwrap();
            assert_eq!(xdp.flush().unwrap_err().kind(), io::ErrorKind::NotConnected);
        });
    });
}

#[test]
fn what_cannot_be_opened_or_sent() {
    in_network_namespace_of_root("xdp::tests::what_cannot_be_opened_or_sent", || {
        cable();
        in_runtime(async {
            let open = |options: XdpOptions| {
                Xdp::open(&options)
                    .err()
                    .map_or(String::new(), |error| error.to_string())
            };
            let on = |interface: &str| XdpOptions {
                interface: interface.into(),
                ..options()
            };
            let mut xdp = Xdp::open(&options()).unwrap();
            for (name, options, expected) in [
                ("not there", on("nowhere"), "there is no interface nowhere"),
                ("loopback", on("lo"), "the interface lo carries no Ethernet frames"),
                ("taken", options(), "another program has the frames of ours0"),
                (
                    "no queue",
                    XdpOptions {
                        queue: 7,
                        ..on("kernel0")
                    },
                    "the interface kernel0 has no queue 7",
                ),
                ("free", on("kernel0"), ""),
            ] {
                let said = open(options);
                assert!(
                    said.starts_with(expected) && said.is_empty() == expected.is_empty(),
                    "{name}: {said}"
                );
            }
            let gso = VnetHeader {
                needs_checksum: Some(crate::vnet::PartialChecksum { start: 34, offset: 16 }),
                ..VnetHeader::default()
            };
            let frame = question((xdp.hardware_address(), OURS), KERNEL);
            for (name, header, payload) in [
                ("offload", gso, Bytes::new()),
                ("too long", VnetHeader::default(), Bytes::from(vec![0; 1_792])),
            ] {
                let refused = xdp.send(header, &frame, &[payload]).unwrap_err();
                assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{name}");
            }
        });
    });
}

#[test]
fn a_user_namespace_is_not_enough() {
    in_private_namespace("xdp::tests::a_user_namespace_is_not_enough", || {
        veth("ours0", "kernel0", &[]);
        in_runtime(async {
            let said = Xdp::open(&options())
                .err()
                .map_or(String::new(), |error| error.to_string());
            for part in ["ours0", "CAP_BPF", "CAP_NET_ADMIN", "run as root"] {
                assert!(said.contains(part), "{part} is missing in: {said}");
            }
        });
    });
}

#[test]
fn neighbours_reach_us_without_knowing_us() {
    let ethernet = Ethernet {
        name: "eth0".into(),
        index: 1,
        address: [0x02, 0x53, 0x59, 0x4e, 0x03, 0x01],
        mtu: 1_500,
    };
    let texts = |addresses: &[&str]| {
        let parsed: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let wanted: Vec<String> = wanted(&ethernet, &parsed).iter().map(ToString::to_string).collect();
        wanted
    };
    assert_eq!(texts(&["10.8.0.2"]), ["10.8.0.2"]);
    assert_eq!(
        texts(&["fd08::12:3456"]),
        [
            "fd08::12:3456",
            "fe80::53:59ff:fe4e:301",
            "ff02::1:ff12:3456",
            "ff02::1:ff4e:301"
        ]
    );
}
