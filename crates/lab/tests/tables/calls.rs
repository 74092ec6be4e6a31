//! Every user call in each of the eleven states: what it returns, and what the stack sends for it.
//!
//! Spec: RFC 9293 sections 3.10.1 to 3.10.6; the errors are those of Linux, whose calls scripts are written with.

use crate::way::{ACCEPT, LISTEN, SYN, WAYS};
use crate::{Case, all_pass};

/// A socket that is bound, and no more.
const CLOSED: &str = "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n";
const SYN_SENT: &str = "0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n\
    +0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <...>\n";
/// SYN-RECEIVED as a user can meet it: two SYNs cross (figure 7). After a passive open nobody holds the connection yet.
const SYN_RECEIVED: &str = "+0 < S 0:0(0) win 5000 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n";

/// In the order of the columns below.
const STATES: [&str; 11] = [
    "CLOSED",
    "LISTEN",
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
];

/// How a script gets to a state, and the number of the socket there.
fn before(state: &str) -> (String, u32) {
    match state {
        "CLOSED" => (CLOSED.to_owned(), 3),
        "LISTEN" => (format!("{CLOSED}+0 listen(3, 5) = 0\n"), 3),
        "SYN-SENT" => (SYN_SENT.to_owned(), 3),
        "SYN-RECEIVED" => (format!("{SYN_SENT}{SYN_RECEIVED}"), 3),
        _ => {
            let way = WAYS.iter().find(|way| way.state == state).expect("a way there");
            let text = format!("{LISTEN}{SYN}{}", way.script.replace("ACCEPT", ACCEPT));
            (text.replace("MSS,SYNTS", "mss 1000").replace("<TS>", ""), 4)
        }
    }
}

/// What is sent for a call in a state; nothing where the column says nothing.
fn sent(line: &str) -> String {
    if line.is_empty() {
        String::new()
    } else {
        format!("+0 > {line}\n")
    }
}

/// A stray acknowledgment from elsewhere is reset, and nothing else was sent before that.
const AND_NOTHING_ELSE: &str = "+.001 < 50000 > 9 . 1:1(0) ack 4242 win 9\n+0 > 9 > 50000 R 4242:4242(0)\n";

/// A call; its result in each state; what the stack sends, in each state.
type Row = (&'static str, [&'static str; 11], [&'static str; 11]);

const SILENCE: [&str; 11] = [""; 11];

const NOTCONN: &str = "-1 ENOTCONN (Transport endpoint is not connected)";
const ISCONN: &str = "-1 EISCONN (Transport endpoint is already connected)";
const ALREADY: &str = "-1 EALREADY (Operation already in progress)";
const AGAIN: &str = "-1 EAGAIN (Resource temporarily unavailable)";
const PIPE: &str = "-1 EPIPE (Broken pipe)";
const INVAL: &str = "-1 EINVAL (Invalid argument)";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Section 3.10.1.
    ("connect(FD, ..., ...)",
        ["-1 EINPROGRESS", ISCONN, ALREADY, ALREADY, ISCONN, ISCONN, ISCONN, ISCONN, ISCONN, ISCONN, ISCONN],
        ["S 0:0(0) <...>", "", "", "", "", "", "", "", "", "", ""]),
    ("listen(FD, 5)",
        ["0", "0", INVAL, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL], SILENCE),
    ("accept(FD, ..., ...)",
        [INVAL, AGAIN, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL, INVAL], SILENCE),
    // Section 3.10.2.
    ("write(FD, ..., 10)",
        [PIPE, PIPE, AGAIN, AGAIN, "10", PIPE, PIPE, "10", PIPE, PIPE, PIPE],
        ["", "", "", "", "P. 1:11(10) ack 1", "", "", "P. 1:11(10) ack 2", "", "", ""]),
    ("send(FD, ..., 10, MSG_OOB)",
        [PIPE, PIPE, AGAIN, AGAIN, "10", PIPE, PIPE, "10", PIPE, PIPE, PIPE],
        ["", "", "", "", "PU. 1:11(10) ack 1 urg 10", "", "", "PU. 1:11(10) ack 2 urg 10", "", "", ""]),
    // Section 3.10.3.
    ("recv(FD, ..., 10, MSG_DONTWAIT)",
        [NOTCONN, NOTCONN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, "0", "0", "0", "0"], SILENCE),
    ("recv(FD, ..., 10, MSG_DONTWAIT|MSG_PEEK)",
        [NOTCONN, NOTCONN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, "0", "0", "0", "0"], SILENCE),
    // Section 3.10.4; a second CLOSE does nothing. In SYN-RECEIVED the FIN waits for the SYN's acknowledgment (below).
    ("shutdown(FD, SHUT_WR)",
        [NOTCONN, "0", "0", "0", "0", "0", "0", "0", "0", "0", NOTCONN],
        ["", "", "", "", "F. 1:1(0) ack 1", "", "", "F. 1:1(0) ack 2", "", "", ""]),
    ("shutdown(FD, SHUT_RD)",
        [NOTCONN, "0", "0", "0", "0", "0", "0", "0", "0", "0", NOTCONN], SILENCE),
    ("shutdown(FD, SHUT_RDWR)",
        [NOTCONN, "0", "0", "0", "0", "0", "0", "0", "0", "0", NOTCONN],
        ["", "", "", "", "F. 1:1(0) ack 1", "", "", "F. 1:1(0) ack 2", "", "", ""]),
    ("close(FD)",
        ["0"; 11],
        ["", "", "", "", "F. 1:1(0) ack 1", "", "", "F. 1:1(0) ack 2", "", "", ""]),
    // Section 3.10.5; in CLOSING and LAST-ACK too, so that a peer that misses data is not left waiting (docs/rfc.md).
    ("setsockopt(FD, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n+0 close(FD)",
        ["0"; 11],
        ["", "", "", "R. 1:1(0) ack 1", "R. 1:1(0) ack 1", "R. 2:2(0) ack 1", "R. 2:2(0) ack 1", "R. 1:1(0) ack 2", "R. 2:2(0) ack 2", "R. 2:2(0) ack 2", ""]),
    // Section 3.10.6, and what else asks and changes nothing.
    ("getsockopt(FD, SOL_SOCKET, SO_ERROR, [0], [4])", ["0"; 11], SILENCE),
    ("poll([{fd=FD, events=POLLIN|POLLOUT|POLLRDHUP, revents=READY}], 1, 0)",
        ["1", "0", "0", "0", "1", "1", "1", "1", "1", "1", "1"], SILENCE),
];

/// What poll says in each state.
const READY: [&str; 11] = [
    "POLLOUT|POLLHUP",
    "0",
    "0",
    "0",
    "POLLOUT",
    "POLLOUT",
    "POLLOUT",
    "POLLIN|POLLOUT|POLLRDHUP",
    "POLLIN|POLLOUT|POLLRDHUP|POLLHUP",
    "POLLIN|POLLOUT|POLLRDHUP|POLLHUP",
    "POLLIN|POLLOUT|POLLRDHUP|POLLHUP",
];

#[test]
fn calls_in_each_state() {
    let mut cases = Vec::new();
    for (call, results, answers) in ROWS {
        for (place, state) in STATES.iter().enumerate() {
            let (before, fd) = before(state);
            let text = call.replace("FD", &fd.to_string()).replace("READY", READY[place]);
            let (result, answer) = (results[place], sent(answers[place]));
            cases.push(Case {
                name: format!("{call} in {state}"),
                text: format!("{before}+0 {text} = {result}\n{answer}{AND_NOTHING_ELSE}"),
            });
        }
    }
    all_pass(&cases, 154);
}

/// A peer that has not seen our SYN could not read our FIN: the one goes out when the other is acknowledged.
#[test]
fn fin_follows_the_acknowledgment_of_the_syn() {
    let cases = ["shutdown(3, SHUT_WR)", "close(3)"].map(|call| Case {
        name: format!("{call} in SYN-RECEIVED, and the SYN is acknowledged"),
        text: format!(
            "{}+0 {call} = 0\n{AND_NOTHING_ELSE}+.1 < 8080 > PORT . 1:1(0) ack 1 win 5000\n+0 > PORT > 8080 F. 1:1(0) ack 1\n\
             +.1 < 8080 > PORT F. 1:1(0) ack 2 win 5000\n+0 > PORT > 8080 . 2:2(0) ack 2\n",
            before("SYN-RECEIVED").0
        )
        // The socket is bound to the port that it connects to.
        .replace("PORT", "8080")
        .replace("+0 connect", "+0 bind(3, ..., ...) = 0\n+0 connect"),
    });
    all_pass(&cases, 2);
}

/// STATUS says the state (RFC 9293 section 3.10.6). Nobody can ask it of CLOSED and LISTEN.
#[test]
fn status_in_each_state() {
    let names = [
        "SYN_SENT",
        "SYN_RECV",
        "ESTABLISHED",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "CLOSE_WAIT",
        "CLOSING",
        "LAST_ACK",
        "TIME_WAIT",
    ];
    let cases = STATES.iter().skip(2).zip(names).map(|(state, name)| Case {
        name: format!("STATUS in {state}"),
        text: format!("{}+0 %{{ assert tcpi_state == TCP_{name} }}%\n", before(state).0),
    });
    all_pass(&cases.collect::<Vec<_>>(), 9);
}

/// What a listener's user does while a connection of it is in SYN-RECEIVED, which nobody holds yet.
#[test]
fn calls_on_a_listener_while_syn_received() {
    let before = format!("{LISTEN}{SYN}").replace("MSS,SYNTS", "mss 1000");
    let rows = [
        ("close", "+0 close(3) = 0\n", "> R 1:1(0)"),
        ("shutdown", "+0 shutdown(3, SHUT_RDWR) = 0\n", "> R 1:1(0)"),
        (
            "shutdown for writing",
            "+0 shutdown(3, SHUT_WR) = 0\n+.001 < . 1:1(0) ack 1 win 5000\n+0 accept(3, ..., ...) = 4\n+0 write(4, ..., 1) = 1\n",
            "> P. 1:2(1) ack 1",
        ),
        (
            "accept",
            "+0...0.001 accept(3, ..., ...) = 4\n+.001 < . 1:1(0) ack 1 win 5000\n+0 write(4, ..., 1) = 1\n",
            "> P. 1:2(1) ack 1",
        ),
    ];
    let cases = rows.map(|(name, calls, answer)| {
        let third = if answer.starts_with("> R") {
            "+.001 < . 1:1(0) ack 1 win 5000\n"
        } else {
            ""
        };
        Case {
            name: format!("{name} while SYN-RECEIVED"),
            text: format!("{before}{calls}{third}+0 {answer}\n"),
        }
    });
    all_pass(&cases, 4);
}
