use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use link::memory::{self, MemoryOptions};
use stack::Config;
use syndic::{Net, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;

#[test]
fn what_is_read() {
    for (name, text, seed) in [
        ("no seed", "loss=2%", 0),
        ("a seed alone", "seed=7", 7),
        ("a seed among others", "loss=2%, seed = 7 ,delay=1ms", 7),
    ] {
        assert_eq!(text.parse::<Impairment>().unwrap().seed, seed, "{name}");
    }
    for (name, text, says) in [
        ("seed twice", "seed=1,seed=2", "`seed` is given twice"),
        ("seed is no number", "seed=-1", "a seed is a whole number"),
        ("what the lab refuses", "los=2%", "unknown impairment `los`"),
    ] {
        let wrong = format!("{:#}", text.parse::<Impairment>().expect_err(name));
        assert!(wrong.contains(says), "{name}: {wrong}");
    }
}

/// Two stacks on a link in memory, of which the first has it impaired.
fn nets(impairment: &str) -> [Net; 2] {
    let (left, right) = memory::pair(MemoryOptions::default());
    let config = |address: IpAddr| Config {
        addresses: vec![address],
        ..Config::default()
    };
    let impaired = Impaired::new(left, impairment.parse().unwrap());
    [
        Net::start(impaired, config([10, 7, 0, 1].into())).unwrap(),
        Net::start(right, config([10, 7, 0, 2].into())).unwrap(),
    ]
}

async fn connected([client, server]: &[Net; 2]) -> [TcpStream; 2] {
    let at = SocketAddr::from(([10, 7, 0, 2], 7));
    let listener = TcpListener::bind(server, at).unwrap();
    let (connected, accepted) = tokio::join!(TcpStream::connect(client, at), listener.accept());
    [connected.unwrap(), accepted.unwrap().0]
}

#[tokio::test(start_paused = true)]
async fn a_round_trip_takes_both_delays() {
    let nets = nets("delay=250ms");
    let began = Instant::now();
    let [mut client, mut server] = connected(&nets).await;
    let took = began.elapsed();
    // SYN, SYN-ACK, and the ACK that lets the server accept.
    assert!(
        took >= Duration::from_millis(750) && took < Duration::from_millis(900),
        "{took:?}"
    );
    let began = Instant::now();
    client.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");
    assert!(began.elapsed() >= Duration::from_millis(250) && began.elapsed() < Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn bytes_survive_every_fault_at_once_in_both_directions() {
    let nets = nets("loss=5%,duplicate=3%,reorder=3%,corrupt=3%,delay=5ms,jitter=4ms,rate=100mbit,queue=64k,seed=11");
    let [client, server] = connected(&nets).await;
    let said: Vec<u8> = (0..300_000_u32).map(|i| (i * 31 % 251) as u8).collect();
    let talk = async |stream: TcpStream| {
        let (mut hears, mut speaks) = stream.into_split();
        let mut heard = Vec::new();
        let speak = async {
            speaks.write_all(&said).await.unwrap();
            speaks.shutdown().await.unwrap();
        };
        let (_, read) = tokio::join!(speak, hears.read_to_end(&mut heard));
        read.unwrap();
        assert!(heard == said);
    };
    tokio::join!(talk(client), talk(server));
    let resent: u64 = nets.iter().map(|net| net.counters().retransmissions).sum();
    assert!(resent > 0, "something was lost");
}
