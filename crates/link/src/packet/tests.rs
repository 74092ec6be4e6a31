use std::future::poll_fn;
use std::time::Duration;

use super::*;
use crate::frames::cable::{self, KERNEL, OURS, ask, echo, in_runtime, is_arp, question, receive};
use crate::testing::in_private_namespace;
use crate::vnet::PartialChecksum;
use crate::{TunOptions, net, netlink};

fn options() -> PacketOptions {
    PacketOptions {
        interface: "ours0".into(),
        addresses: cable::our_addresses(),
    }
}

/// Gets to know the kernel's side, and makes us known to it. It asks again: an interface that has just come up loses frames.
async fn meet(packet: &mut Packet) -> HardwareAddress {
    let us = (packet.hardware_address(), OURS);
    let answer = loop {
        ask(packet, us, KERNEL).await;
        let answer = tokio::time::timeout(Duration::from_millis(100), receive(packet, is_arp)).await;
        if let Ok((_, answer)) = answer {
            break answer;
        }
    };
    assert_eq!(
        (answer[21], &answer[28..32], &answer[32..38]),
        (2, &KERNEL[..], &us.0[..])
    );
    answer[22..28].try_into().unwrap()
}

#[test]
fn frames_cross_both_ways_with_what_is_known_of_them() {
    in_private_namespace(
        "packet::tests::frames_cross_both_ways_with_what_is_known_of_them",
        || {
            cable::lay();
            in_runtime(async {
                let mut packet = Packet::open(&options()).unwrap();
                assert_eq!(
                    (packet.name(), packet.mtu(), packet.offload()),
                    ("ours0", 1_500, Offload::Tso)
                );
                let them = meet(&mut packet).await;
                let us = packet.hardware_address();
                echo(&mut packet, [4, 200, 1_400], |header, frame| {
                    let partial = PartialChecksum { start: 34, offset: 6 };
                    assert_eq!(
                        header.needs_checksum,
                        Some(partial),
                        "a veth leaves checksums to the other end"
                    );
                    assert_eq!((&frame[..6], &frame[6..12]), (&us[..], &them[..]));
                })
                .await;
                assert_eq!(packet.meter().losses(), Losses::default());
            });
        },
    );
}

#[test]
fn many_frames_leave_and_come_in_batches() {
    in_private_namespace("packet::tests::many_frames_leave_and_come_in_batches", || {
        cable::lay();
        in_runtime(async {
            let mut packet = Packet::open(&options()).unwrap();
            let them = meet(&mut packet).await;
            // Questions of so many hosts: each is answered.
            let hosts: Vec<[u8; 4]> = (10..210).map(|host| [10, 8, 0, host]).collect();
            for host in &hosts {
                let from = (packet.hardware_address(), *host);
                ask(&mut packet, from, KERNEL).await;
            }
            let mut answers = Vec::new();
            while answers.len() < hosts.len() {
                let mut batch = 0;
                poll_fn(|cx| {
                    packet.poll_receive(cx, 64, |_, frame| {
                        batch += 1;
                        if is_arp(frame) && frame[21] == 2 && frame[6..12] == them {
                            answers.push(<[u8; 4]>::try_from(&frame[38..42]).unwrap());
                        }
                    })
                })
                .await
                .unwrap();
                assert!(batch <= 64);
            }
            assert_eq!(answers, hosts);
        });
    });
}

#[test]
fn frames_that_cannot_leave_do_not_hold_up_others() {
    in_private_namespace("packet::tests::frames_that_cannot_leave_do_not_hold_up_others", || {
        cable::lay();
        in_runtime(async {
            let mut packet = Packet::open(&options()).unwrap();
            let us = (packet.hardware_address(), OURS);
            let refused = packet.send(VnetHeader::default(), &[0; 14], &[]).unwrap_err();
            assert_eq!(
                refused.kind(),
                io::ErrorKind::InvalidInput,
                "a header and nothing behind it"
            );
            let too_long = Bytes::from(vec![0; 3_000]);
            packet.send(VnetHeader::default(), &[0; 14], &[too_long]).unwrap();
            packet.send(VnetHeader::default(), &question(us, KERNEL), &[]).unwrap();
            ask(&mut packet, us, KERNEL).await;
            for _ in 0..2 {
                receive(&mut packet, is_arp).await;
            }
            assert_eq!(packet.meter().losses(), Losses { received: 0, sent: 1 });
        });
    });
}

#[test]
fn a_removed_interface_ends_the_link_and_one_that_is_down_does_not() {
    let test = "packet::tests::a_removed_interface_ends_the_link_and_one_that_is_down_does_not";
    in_private_namespace(test, || {
        cable::lay();
        in_runtime(async {
            let mut packet = Packet::open(&options()).unwrap();
            meet(&mut packet).await;
            netlink::run(async |handle| netlink::interface(handle, "ours0").await?.take_down(handle).await).unwrap();
            let idle = tokio::time::timeout(Duration::from_millis(50), receive(&mut packet, is_arp)).await;
            assert!(idle.is_err(), "the link waits");
            net::up("ours0").unwrap();
            meet(&mut packet).await;

            netlink::run(async |handle| netlink::interface(handle, "kernel0").await?.remove(handle).await).unwrap();
            // What came before that is read first.
            let error = loop {
                if let Err(error) = poll_fn(|cx| packet.poll_receive(cx, 1, |_, _| {})).await {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::NotConnected);
            let us = (packet.hardware_address(), OURS);
            packet.send(VnetHeader::default(), &question(us, KERNEL), &[]).unwrap();
            assert_eq!(packet.flush().unwrap_err().kind(), io::ErrorKind::NotConnected);
        });
    });
}

#[test]
fn what_cannot_be_opened() {
    in_private_namespace("packet::tests::what_cannot_be_opened", || {
        cable::lay();
        in_runtime(async {
            let open = |interface: &str| {
                let options = PacketOptions {
                    interface: interface.into(),
                    ..options()
                };
                Packet::open(&options)
                    .err()
                    .map_or(String::new(), |error| error.to_string())
            };
            let tun = crate::Tun::open(&TunOptions::default()).unwrap();
            for (interface, expected) in [
                ("nowhere", "there is no interface nowhere"),
                ("lo", "the interface lo carries no Ethernet frames"),
                (tun.name(), "the interface syndic0 carries no Ethernet frames"),
                ("ours0", ""),
            ] {
                let said = open(interface);
                assert!(
                    said.starts_with(expected) && said.is_empty() == expected.is_empty(),
                    "{said}"
                );
            }
            netlink::run(async |handle| netlink::interface(handle, "ours0").await?.take_down(handle).await).unwrap();
            assert_eq!(
                open("ours0"),
                "the interface ours0 is down: bring it up with `ip link set ours0 up`"
            );
        });
    });
}

#[test]
fn a_task_may_move_between_threads() {
    fn sent<T: Send + 'static>() {}
    sent::<Packet>();
}
