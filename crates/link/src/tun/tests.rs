use std::future::poll_fn;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::face::{Link, take_packet};
use crate::testing::in_private_namespace;

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

/// Turns a packet round. Sums do not mind the order of what they sum, so the checksums stay right.
fn turn_round(packet: &mut [u8]) {
    let (addresses, len) = if packet[0] >> 4 == 4 { (12, 4) } else { (8, 16) };
    let (source, destination) = packet[addresses..addresses + 2 * len].split_at_mut(len);
    source.swap_with_slice(destination);
    let udp = udp_at(packet);
    let (source, destination) = packet[udp..udp + 4].split_at_mut(2);
    source.swap_with_slice(destination);
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
