//! Two nets on one link in memory, and what the tests run on.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use link::memory::{self, MemoryOptions};
use syndic::stack::Config;
use syndic::{Net, TcpListener, TcpStream};

pub(crate) const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
pub(crate) const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
pub(crate) const CLIENT6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
pub(crate) const SERVER6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));

/// Long enough for a slow machine; a test that takes as long has hung.
const HUNG: Duration = Duration::from_secs(60);

/// Runs a test on a runtime of one thread and on one of several.
pub(crate) fn on_both<F: Future<Output = ()>>(test: impl Fn() -> F) {
    let single = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let several = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .unwrap();
    for (name, runtime) in [("current_thread", single), ("multi_thread", several)] {
        let done = runtime.block_on(async { tokio::time::timeout(HUNG, test()).await });
        assert!(done.is_ok(), "hung on {name}");
    }
}

/// Runs a test on a runtime whose time stands still while there is work and jumps while there is none.
pub(crate) fn in_virtual_time<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(3600), test).await });
    assert!(done.is_ok(), "still not done after an hour of its time");
}

pub(crate) fn config(addresses: &[IpAddr]) -> Config {
    Config {
        addresses: addresses.to_vec(),
        ..Config::default()
    }
}

/// A client and a server on a link with the defaults.
pub(crate) fn nets() -> (Net, Net) {
    nets_on(MemoryOptions::default())
}

pub(crate) fn nets_on(options: MemoryOptions) -> (Net, Net) {
    let (left, right) = memory::pair(options);
    let client = Net::start(left, config(&[CLIENT, CLIENT6])).unwrap();
    let server = Net::start(right, config(&[SERVER, SERVER6])).unwrap();
    (client, server)
}

/// A connection between the two, seen from both ends.
pub(crate) async fn connection(client: &Net, server: &Net) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(server, (SERVER, 0)).unwrap();
    connection_to(client, &listener).await
}

pub(crate) async fn connection_to(client: &Net, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let remote = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(client, remote), listener.accept());
    let ((far, from), near) = (far.unwrap(), near.unwrap());
    assert_eq!(from, near.local_addr().unwrap());
    (near, far)
}

pub(crate) fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}

/// Bytes that do not repeat at any boundary a stack may know.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut x = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes.extend_from_slice(&x.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
