//! Our sockets against the kernel's, over a TUN in a private network namespace, with each kind of offload.

use std::sync::Arc;

use link::testing::in_private_namespace;
use link::{Offload, Tun, TunOptions};
use syndic::{Net, TcpListener, TcpStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::rig::*;

/// Sends `out` and takes what comes until the peer's FIN.
async fn exchange(stream: impl AsyncRead + AsyncWrite, out: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = tokio::io::split(stream);
    let mut got = Vec::new();
    let sending = async {
        write.write_all(out).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let (_, received) = tokio::join!(sending, read.read_to_end(&mut got));
    received.unwrap();
    got
}

/// The kernel has the client's addresses, we have the server's.
fn with_the_kernel(offload: Offload) {
    let options = TunOptions {
        addresses: vec![(CLIENT, 24), (CLIENT6, 64)],
        offload,
        ..TunOptions::default()
    };
    talk(4 << 20, || {
        let link = Tun::open(&options).unwrap().into_async().unwrap();
        Net::start(link, config(&[SERVER, SERVER6])).unwrap()
    });
}

/// Connects both ways over IPv4 and IPv6 and carries so many bytes both ways at once.
pub(crate) fn talk(bytes: usize, start: impl Fn() -> Net) {
    let there = Arc::new(noise(bytes, 12));
    let back = Arc::new(noise(bytes, 13));
    on_both(|| async {
        let net = start();
        for (ours, kernels) in [(SERVER, CLIENT), (SERVER6, CLIENT6)] {
            let listener = TcpListener::bind(&net, (ours, 80)).unwrap();
            let (near, far) = tokio::join!(tokio::net::TcpStream::connect((ours, 80)), listener.accept());
            let (near, far) = (near.unwrap(), far.unwrap().0);
            let (near, far) = tokio::join!(exchange(near, &there), exchange(far, &back));
            assert!(near == *back && far == *there, "the kernel connects to {ours}");

            let listener = tokio::net::TcpListener::bind((kernels, 81)).await.unwrap();
            let (near, far) = tokio::join!(TcpStream::connect(&net, (kernels, 81)), listener.accept());
            let (near, far) = (near.unwrap(), far.unwrap().0);
            let (near, far) = tokio::join!(exchange(near, &there), exchange(far, &back));
            assert!(near == *back && far == *there, "we connect to {kernels}");

            let refused = tokio::net::TcpStream::connect((ours, 9)).await.unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
            let refused = TcpStream::connect(&net, (kernels, 9)).await.unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        }
        net.drained().await.unwrap();
    });
}

#[test]
fn plain_packets_with_the_kernel() {
    in_private_namespace("kernel::plain_packets_with_the_kernel", || {
        with_the_kernel(Offload::None)
    });
}

#[test]
fn partial_checksums_with_the_kernel() {
    in_private_namespace("kernel::partial_checksums_with_the_kernel", || {
        with_the_kernel(Offload::Checksum);
    });
}

#[test]
fn super_segments_with_the_kernel() {
    in_private_namespace("kernel::super_segments_with_the_kernel", || {
        with_the_kernel(Offload::Tso)
    });
}
