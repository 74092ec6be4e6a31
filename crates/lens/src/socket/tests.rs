use stack::FourTuple;
use wire::seq::SeqNumber;

use super::*;
use crate::fixture::{V4, V6};

fn established() -> Status {
    Status {
        tuple: FourTuple::new(V4.right, V4.left),
        state: State::Established,
        ended: None,
        soft_error: None,
        dscp_received: wire::ip::Dscp::DEFAULT,
        snd_una: SeqNumber::new(1),
        snd_nxt: SeqNumber::new(1001),
        snd_wnd: 64_256,
        rcv_nxt: SeqNumber::new(1),
        rcv_wnd: 65_535,
        iss: SeqNumber::new(0),
        irs: SeqNumber::new(0),
        receive_queue: 17,
        send_queue: 4_096,
        unsent: 3_096,
        urgent: None,
        snd_mss: 1_448,
        window_scales: Some((7, 8)),
        timestamps: true,
        sack: true,
        ecn: true,
        srtt: Some(Duration::from_micros(1_250)),
        rttvar: Duration::from_micros(400),
        rto: Duration::from_millis(200),
        congestion: CongestionControl::Cubic,
        cwnd: 14_480,
        ssthresh: u32::MAX,
        pacing_rate: Some(1_250_000),
        backoff: 0,
        unanswered: 0,
        retransmitted: 2,
        lost: 1_448,
        sacked: 2_896,
        reordering: true,
        dsacks: 1,
        min_rtt: Some(Duration::from_micros(900)),
        bytes_acked: 1_000,
        bytes_received: 17,
        segments_out: 12,
        segments_in: 9,
        islands: 0,
        idle_because: Idle::PeerWindow,
    }
}

fn listener() -> Socket {
    Socket {
        state: State::Listen,
        receive_queue: 1,
        send_queue: 128,
        local: V4.right,
        peer: None,
        details: Details::Listener(Listener {
            syn_queue: 3,
            syn_queue_max: 256,
            accept_queue: 1,
            accept_queue_max: 128,
            syn_cookies: SynCookies::Auto,
            stateless: true,
            level: Level::Watch,
        }),
    }
}

fn all() -> Vec<Socket> {
    let tuple = FourTuple::new(V6.right, V6.left);
    let embryo = Entry::Embryo {
        tuple,
        age: Duration::from_millis(1_300),
        retransmissions: 1,
    };
    let time_wait = Entry::TimeWait {
        tuple,
        remaining: Duration::from_secs(59),
    };
    vec![
        listener(),
        Socket::from(&established()),
        Socket::from(&embryo),
        Socket::from(&time_wait),
    ]
}

#[test]
fn one_line_each_and_a_listeners_queues() {
    insta::assert_snapshot!(list(&all(), false));
}

#[test]
fn details_below_each() {
    insta::assert_snapshot!(list(&all(), true));
}

#[test]
fn the_longest_addresses_have_one_line_and_their_own_details() {
    let mut sockets = all();
    let long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().unwrap();
    for socket in &mut sockets {
        socket.local = long;
        socket.peer = socket.peer.map(|_| long);
    }
    let text = list(&sockets, true);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2 + 4 * 2 + 2, "{text}");
    assert!(
        lines[8].starts_with("SYN-RECEIVED") && lines[9].contains("age:1.3s"),
        "{text}"
    );
}

#[test]
fn nothing_is_a_header() {
    assert_eq!(list(&[], true).lines().count(), 2);
}

#[test]
fn what_json_says_is_what_was_there() {
    for socket in all() {
        let json = serde_json::to_string(&socket).unwrap();
        assert_eq!(serde_json::from_str::<Socket>(&json).unwrap(), socket, "{json}");
    }
}

#[test]
fn json_has_one_level() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&all()).unwrap());
}

#[test]
fn a_state_that_is_none_is_refused() {
    let json = serde_json::to_string(&listener())
        .unwrap()
        .replace("LISTEN", "LISTENING");
    let error = serde_json::from_str::<Socket>(&json).unwrap_err().to_string();
    assert!(error.contains("no state is called \"LISTENING\""), "{error}");
}

#[test]
fn words_of_another_process_command_no_terminal() {
    let mut socket = Socket::from(&established());
    if let Details::Connection(connection) = &mut socket.details {
        connection.ended = Some("\u{1b}[2Jgone".to_owned());
    }
    let text = list(&[socket], true);
    assert!(text.contains("ended:(?[2Jgone)"), "{text}");
}
