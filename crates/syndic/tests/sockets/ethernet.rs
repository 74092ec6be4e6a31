//! Our sockets against the kernel's where packets travel in Ethernet frames: over a TAP, and over a veth by packet and AF_XDP
//! sockets. Each end finds the other by ARP and neighbour discovery.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use link::testing::{complete_checksums, in_network_namespace_of_root, in_private_namespace, veth};
use link::{FrameLink as _, HardwareAddress, Layer, Offload, Packet, PacketOptions, Tun, TunOptions, Xdp, XdpOptions};
use syndic::stack::{Config, EthernetOptions, Mac, Medium};
use syndic::{Net, TcpListener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kernel::talk;
use crate::rig::*;

const BYTES: usize = 16 << 20;

/// We have the server's addresses; the client's are on the link.
fn on_ethernet(address: HardwareAddress) -> Config {
    let on_link = ["10.0.0.0/24", "fd00::/64"].map(|subnet| subnet.parse().unwrap());
    Config {
        medium: Medium::Ethernet(EthernetOptions::new(Mac(address), on_link, [])),
        ..config(&[SERVER, SERVER6])
    }
}

/// A cable: the kernel has the client's addresses at its end, and nothing at ours.
fn cable() {
    veth("ours0", "kernel0", &[(CLIENT, 24), (CLIENT6, 64)]);
}

fn over_packet() -> Net {
    let packet = Packet::open(&PacketOptions {
        interface: "ours0".into(),
        addresses: vec![SERVER, SERVER6],
    });
    let packet = packet.unwrap();
    let config = on_ethernet(packet.hardware_address());
    Net::start(packet, config).unwrap()
}

fn over_xdp() -> Net {
    let xdp = Xdp::open(&XdpOptions {
        interface: "ours0".into(),
        queue: 0,
        addresses: vec![SERVER, SERVER6],
    });
    let xdp = xdp.unwrap();
    let config = on_ethernet(xdp.hardware_address());
    Net::start(xdp, config).unwrap()
}

fn over_tap(offload: Offload) -> Net {
    let tap = Tun::open(&TunOptions {
        layer: Layer::Ethernet,
        name: Some("kernel0".into()),
        addresses: vec![(CLIENT, 24), (CLIENT6, 64)],
        offload,
        ..TunOptions::default()
    });
    let tap = tap.unwrap().into_async().unwrap();
    Net::start(tap, on_ethernet([0x02, 0, 0, 0, 0, 0x02])).unwrap()
}

#[test]
fn a_tap_with_the_kernel() {
    in_private_namespace("ethernet::a_tap_with_the_kernel", || {
        talk(BYTES, || over_tap(Offload::Tso));
        talk(BYTES / 4, || over_tap(Offload::None));
    });
}

#[test]
fn a_packet_socket_with_the_kernel() {
    in_private_namespace("ethernet::a_packet_socket_with_the_kernel", || {
        cable();
        talk(BYTES, over_packet);
    });
}

#[test]
fn af_xdp_with_the_kernel() {
    in_network_namespace_of_root("ethernet::af_xdp_with_the_kernel", || {
        cable();
        complete_checksums("kernel0");
        talk(BYTES, over_xdp);
    });
}

/// Gives the kernel's interface another hardware address.
fn change_address(of: &str, address: &str) {
    let changed = Command::new("ip")
        .args(["link", "set", of, "address", address])
        .status();
    assert!(changed.unwrap().success(), "ip link set {of} address {address}");
}

/// The kernel's interface becomes another station while a connection is open, and says so; we speak next. (Who says nothing is
/// found out too, in half a minute: the stack's own tests have the time for that.) Within a second of what showed the old address
/// right, the new one would not be believed.
fn survives_a_change(start: impl Fn() -> Net) {
    let body = Arc::new(noise(1 << 20, 14));
    on_both(|| async {
        let net = start();
        fs::write("/proc/sys/net/ipv4/conf/kernel0/arp_notify", "1").unwrap();
        fs::write("/proc/sys/net/ipv6/conf/kernel0/ndisc_notify", "1").unwrap();
        for (ours, station) in [(SERVER, "02:00:00:00:0a:01"), (SERVER6, "02:00:00:00:0a:02")] {
            let listener = TcpListener::bind(&net, (ours, 80)).unwrap();
            let connected = tokio::net::TcpStream::connect((ours, 80));
            let (near, far) = tokio::join!(connected, listener.accept());
            let (mut near, mut far) = (near.unwrap(), far.unwrap().0);
            carry(&mut near, &mut far, &body).await;
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            change_address("kernel0", station);
            tokio::time::timeout(Duration::from_secs(20), carry(&mut near, &mut far, &body))
                .await
                .unwrap_or_else(|_| panic!("{ours}: no way to the new address"));
        }
    });
}

/// Bytes from us to the kernel, and a word back.
async fn carry(near: &mut tokio::net::TcpStream, far: &mut syndic::TcpStream, body: &[u8]) {
    let mut got = vec![0; body.len()];
    let (read, written) = tokio::join!(near.read_exact(&mut got), far.write_all(body));
    written.unwrap();
    read.unwrap();
    assert!(got == body, "the bytes differ");
    near.write_all(b"thanks").await.unwrap();
    far.read_exact(&mut [0; 6]).await.unwrap();
}

#[test]
fn a_neighbour_changes_its_address_behind_a_packet_socket() {
    let test = "ethernet::a_neighbour_changes_its_address_behind_a_packet_socket";
    in_private_namespace(test, || {
        cable();
        survives_a_change(over_packet);
    });
}

#[test]
fn a_neighbour_changes_its_address_behind_af_xdp() {
    in_network_namespace_of_root("ethernet::a_neighbour_changes_its_address_behind_af_xdp", || {
        cable();
        complete_checksums("kernel0");
        survives_a_change(over_xdp);
    });
}

#[test]
fn a_neighbour_changes_its_address_behind_a_tap() {
    in_private_namespace("ethernet::a_neighbour_changes_its_address_behind_a_tap", || {
        survives_a_change(|| over_tap(Offload::Tso));
    });
}

#[tokio::test]
async fn a_link_and_a_medium_must_fit() {
    let (frames, _other) = link::memory::pair(link::memory::MemoryOptions::default());
    let refused = Net::start(frames, on_ethernet([0x02, 0, 0, 0, 0, 0x02])).err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("carries plain IP packets"), "{refused}");
}
