use std::net::{IpAddr, SocketAddr};

use lens::HostKind;
use link::memory::{self, MemoryOptions};
use stack::{Cause, Config};
use syndic::{Net, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Connects from behind a tap, says and hears something, closes first.
async fn recorded() -> (Recorder, FourTuple, Trace) {
    let (left, right) = memory::pair(MemoryOptions::default());
    let config = |address: IpAddr| Config {
        addresses: vec![address],
        ..Config::default()
    };
    let recorder = Recorder::default();
    let ours = config([10, 7, 0, 2].into());
    let ours = Net::observed(recorder.tap(left), ours, recorder.witness()).unwrap();
    let other = Net::start(right, config([10, 7, 0, 1].into())).unwrap();
    let at = SocketAddr::from(([10, 7, 0, 1], 80));
    let listener = TcpListener::bind(&other, at).unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        stream.write_all(&heard).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let call = async {
        let mut stream = TcpStream::connect(&ours, at).await.unwrap();
        let tuple = FourTuple::new(stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"hello");
        tuple
    };
    let ((), tuple) = tokio::join!(serve, call);
    other.drained().await.unwrap();
    let hosts = [("ours", HostKind::Syndic), ("other", HostKind::Linux)];
    let hosts = hosts.map(|(name, kind)| Host::new(name, kind, Vec::new()));
    let trace = recorder.take("a call".to_owned(), hosts);
    (recorder, tuple, trace)
}

#[tokio::test(start_paused = true)]
async fn packets_stand_with_their_states_and_causes() {
    let (recorder, tuple, trace) = recorded().await;
    assert_eq!(recorder.state(&tuple), State::TimeWait);
    assert_eq!(
        recorder.state(&tuple.reversed()),
        State::Closed,
        "of the other end nothing is known"
    );
    let sent = |cause| trace.records.iter().find(|record| record.cause == Some(cause));
    for (name, cause, state) in [
        ("our SYN", Cause::Syn, State::SynSent),
        ("our third ACK", Cause::HandshakeAck, State::Established),
        ("our data, and the FIN with it", Cause::Fin, State::FinWait1),
        ("our last ACK", Cause::FinAck, State::TimeWait),
    ] {
        let record = sent(cause).unwrap_or_else(|| panic!("{name}: {trace:?}"));
        assert_eq!((record.from, record.sender_state), (OURS, Some(state)), "{name}");
        assert!(Segment::parse(&record.bytes).is_some(), "{name}");
    }
    let received: Vec<_> = trace.records.iter().filter(|record| record.from == KERNEL).collect();
    assert_eq!(
        received[0].receiver_state,
        Some(State::Established),
        "the SYN-ACK opens"
    );
    let last = received.last().unwrap();
    assert_eq!(last.receiver_state, Some(State::TimeWait), "their FIN ends");
    let marks: Vec<_> = trace
        .marks
        .iter()
        .map(|mark| (mark.text.as_str(), mark.state))
        .collect();
    assert_eq!(
        marks,
        [("active OPEN", Some(State::SynSent)), ("CLOSE", Some(State::FinWait1))]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_not_told_again() {
    let (recorder, _, trace) = recorded().await;
    assert!(trace.records.len() >= 7);
    let again = recorder.take(String::new(), trace.hosts.try_into().unwrap());
    assert!(again.records.is_empty() && again.marks.is_empty());
}

#[test]
fn a_packet_that_is_no_segment_is_passed_over() {
    let mut notes = Notes::default();
    notes.received(Instant::ZERO, b"no packet at all".to_vec());
    let header = wire::tcp::Header {
        src_port: 1,
        dst_port: 2,
        seq: wire::seq::SeqNumber::new(7),
        ack: wire::seq::SeqNumber::new(0),
        flags: wire::tcp::Flags::SYN,
        window: 0,
        urgent: 0,
        options: wire::option::Options::default(),
    };
    let tuple = FourTuple::new("10.7.0.2:2".parse().unwrap(), "10.7.0.1:1".parse().unwrap());
    let fact = Fact::Received {
        tuple,
        header: &header,
        payload: 0,
    };
    notes.observe(Instant::ZERO, &fact);
    assert!(notes.waiting.is_empty() && notes.current.is_none());
}
