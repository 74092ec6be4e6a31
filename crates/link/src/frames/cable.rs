//! What tests of links that move frames share: a cable to the kernel, and talk with it in ARP and UDP.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;

use super::{FrameLink, HardwareAddress};
use crate::testing::veth;
use crate::vnet::VnetHeader;

pub(crate) const KERNEL: [u8; 4] = [10, 8, 0, 1];
pub(crate) const OURS: [u8; 4] = [10, 8, 0, 2];

/// Addresses that frames come to us for.
pub(crate) fn our_addresses() -> Vec<IpAddr> {
    vec![IpAddr::from(OURS), "fd08::2".parse().unwrap()]
}

/// A cable from `ours0` to `kernel0`, in the namespace of the test.
pub(crate) fn lay() {
    let v6 = "fd08::1".parse().unwrap();
    veth("ours0", "kernel0", &[(IpAddr::from(KERNEL), 24), (v6, 64)]);
}

/// Plays a test in a runtime, for 20 s at most.
pub(crate) fn in_runtime<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await });
    assert!(done.is_ok(), "hung");
}

/// The next frame that is wanted.
pub(crate) async fn receive(link: &mut impl FrameLink, is_wanted: impl Fn(&[u8]) -> bool) -> (VnetHeader, Vec<u8>) {
    loop {
        let mut found = None;
        poll_fn(|cx| link.poll_receive(cx, 1, |header, frame| found = Some((header, frame.to_vec()))))
            .await
            .unwrap();
        match found {
            Some((header, frame)) if is_wanted(&frame) => return (header, frame),
            _ => {}
        }
    }
}

pub(crate) async fn send(link: &mut impl FrameLink, header: VnetHeader, head: &[u8], payload: &[Bytes]) {
    link.send(header, head, payload).unwrap();
    while let Err(error) = link.flush() {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        poll_fn(|cx| link.poll_send_ready(cx)).await.unwrap();
    }
}

/// A question by ARP in its frame, to everybody.
pub(crate) fn question(from: (HardwareAddress, [u8; 4]), to: [u8; 4]) -> Vec<u8> {
    let fixed = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
    [&[0xff; 6], &from.0[..], &fixed, &from.0, &from.1, &[0; 6], &to].concat()
}

pub(crate) async fn ask(link: &mut impl FrameLink, from: (HardwareAddress, [u8; 4]), to: [u8; 4]) {
    send(link, VnetHeader::default(), &question(from, to), &[]).await;
}

pub(crate) fn is_arp(frame: &[u8]) -> bool {
    frame[12..14] == [8, 6]
}

fn is_udp(frame: &[u8]) -> bool {
    frame[12..14] == [8, 0] && frame[23] == 17
}

/// The kernel, which knows us, sends so many bytes by UDP; `look` sees them come, and back they go, in pieces.
pub(crate) async fn echo(link: &mut impl FrameLink, lens: [usize; 3], look: impl Fn(VnetHeader, &[u8])) {
    let us = SocketAddr::from((OURS, 6000));
    let socket = UdpSocket::bind(SocketAddr::from((KERNEL, 5000))).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for len in lens {
        let sent = vec![len as u8; len];
        socket.send_to(&sent, us).unwrap();
        let (header, mut frame) = receive(link, is_udp).await;
        look(header, &frame);
        assert_eq!(frame[42..], sent);

        // Addresses and ports change places, in the frame, in IP and in UDP.
        frame[..12].rotate_left(6);
        frame[26..34].rotate_left(4);
        frame[34..38].rotate_left(2);
        let payload = frame.split_off(42);
        let pieces: Vec<Bytes> = payload.chunks(7).map(Bytes::copy_from_slice).collect();
        send(link, header, &frame, &pieces).await;
        let mut received = [0; 2_000];
        let (n, from) = socket.recv_from(&mut received).unwrap();
        assert_eq!((&received[..n], from), (&sent[..], us));
    }
}
