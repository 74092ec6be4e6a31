//! The two queues of a listener at their bounds: how many fit, what happens to the next, and what makes room.
//!
//! Spec: RFC 9293 section 3.10.1 (a passive open), RFC 4987 section 2 (the queue of half-open connections and its bound).

use std::fmt::Write;

use crate::{Case, all_pass};

fn listen(before: &str, backlog: i32) -> String {
    format!(
        "{before}0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, {backlog}) = 0\n"
    )
}

fn syn(port: u32) -> String {
    format!("+.001 < {port} > 8080 S 0:0(0) win 5000 <mss 1000>\n")
}

fn syn_ack(port: u32) -> String {
    format!("+0 > 8080 > {port} S. 0:0(0) ack 1 <mss 1460>\n")
}

fn ack(port: u32) -> String {
    format!("+.001 < {port} > 8080 . 1:1(0) ack 1 win 5000\n")
}

/// A stray acknowledgment is reset, and nothing else was sent before that.
const NOTHING: &str = "+.001 < 50000 > 9 . 1:1(0) ack 4242 win 9\n+0 > 9 > 50000 R 4242:4242(0)\n";

/// As Linux counts, one connection more than the backlog waits to be accepted; while they do, no SYN is answered.
#[test]
fn accept_queue() {
    let mut cases = Vec::new();
    for backlog in [0, 1, 2, 3, 7] {
        for accepted in [0, 1, backlog + 1] {
            let mut text = listen("", backlog);
            let fit = backlog as u32 + 1;
            for port in 40_001..=40_000 + fit {
                text += &format!("{}{}{}", syn(port), syn_ack(port), ack(port));
            }
            text += &format!("{}{NOTHING}", syn(40_999));
            for at in 0..accepted {
                let _ = writeln!(text, "+0 accept(3, ..., ...) = {}", 4 + at);
            }
            if accepted == backlog + 1 {
                text += "+0 accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)\n";
            }
            text += &syn(40_999);
            text += &if accepted > 0 {
                syn_ack(40_999)
            } else {
                NOTHING.to_owned()
            };
            cases.push(Case {
                name: format!("backlog {backlog}, {accepted} accepted"),
                text,
            });
        }
    }
    all_pass(&cases, 15);
}

/// What a backlog that is no sensible number means: at least one place, and no more than the system's bound.
#[test]
fn backlog_bounds() {
    let cases = [-1, i32::MIN, i32::MAX, 4096, 4097].map(|backlog| {
        let one = format!("{}{}{}", syn(40_001), syn_ack(40_001), ack(40_001));
        Case {
            name: format!("backlog {backlog}"),
            text: format!("{}{one}+0 accept(3, ..., ...) = 4\n", listen("", backlog)),
        }
    });
    all_pass(&cases, 5);
}

/// The third ACK meets a full queue: both SYNs were answered while there was room for one.
#[test]
fn accept_queue_overflows() {
    let two = format!(
        "{}{}{}{}{}",
        syn(40_001),
        syn_ack(40_001),
        syn(40_002),
        syn_ack(40_002),
        ack(40_001)
    );
    let reset = "`sysctl -q net.ipv4.tcp_abort_on_overflow=1`\n";
    let data = "+.001 < 40002 > 8080 P. 1:11(10) ack 1 win 5000\n";
    let rows = [
        ("the ACK is dropped", "", format!("{}{NOTHING}", ack(40_002))),
        ("data is dropped too", "", format!("{}{data}{NOTHING}", ack(40_002))),
        (
            "the client's SYN again is not answered while it is full",
            "",
            format!("{}{}{NOTHING}", ack(40_002), syn(40_002)),
        ),
        (
            "with room, the data opens it",
            "",
            format!(
                "{}+0 accept(3, ..., ...) = 4\n{data}+0 > 8080 > 40002 . 1:1(0) ack 11\n+0 accept(3, ..., ...) = 5\n+0 read(5, ..., 99) = 10\n",
                ack(40_002)
            ),
        ),
        (
            "with room, the SYN-ACK goes out again",
            "",
            format!(
                "{}+0 accept(3, ..., ...) = 4\n+.9~+1.1 > 8080 > 40002 S. 0:0(0) ack 1 <mss 1460>\n{}+0 accept(3, ..., ...) = 5\n",
                ack(40_002),
                ack(40_002)
            ),
        ),
        (
            "the client is reset where the listener asks for that",
            reset,
            format!("{}+0 > 8080 > 40002 R 1:1(0)\n{NOTHING}", ack(40_002)),
        ),
        (
            "what was reset is forgotten",
            reset,
            format!(
                "{}+0 > 8080 > 40002 R 1:1(0)\n+0 accept(3, ..., ...) = 4\n{}+0 > 8080 > 40002 R 1:1(0)\n",
                ack(40_002),
                ack(40_002)
            ),
        ),
    ];
    let cases = rows.map(|(name, before, text)| Case {
        name: name.to_owned(),
        text: format!("{}{two}{text}", listen(before, 0)),
    });
    all_pass(&cases, 7);
}

/// The queue of half-open connections: what does not fit is not answered, and each way out of it makes room.
#[test]
fn syn_queue() {
    let mut cases = Vec::new();
    for fit in [1, 2, 5] {
        let before = format!(
            "`sysctl -q net.ipv4.tcp_syncookies=0 net.ipv4.tcp_max_syn_backlog={fit} net.ipv4.tcp_synack_retries=1`\n"
        );
        let mut full = listen(&before, 8);
        for port in 40_001..=40_000 + fit {
            full += &format!("{}{}", syn(port), syn_ack(port));
        }
        full += &format!("{}{NOTHING}", syn(40_999));
        let next = format!("{}{}", syn(40_999), syn_ack(40_999));
        let mut again = String::new();
        for port in 40_001..=40_000 + fit {
            let _ = writeln!(again, "*  > 8080 > {port} S. 0:0(0) ack 1 <mss 1460>");
        }
        let rows = [
            ("it stays full", format!("{}{NOTHING}", syn(40_999))),
            ("a third ACK makes room", format!("{}{next}", ack(40_001))),
            (
                "a reset makes room",
                format!("+.001 < 40001 > 8080 R 1:1(0) win 0\n{next}"),
            ),
            ("its time makes room", format!("{again}+70 `true`\n{next}")),
            (
                "a SYN that is held is answered again",
                format!("{}{}", syn(40_001), syn_ack(40_001)),
            ),
        ];
        cases.extend(rows.map(|(name, text)| Case {
            name: format!("SYN queue of {fit}: {name}"),
            text: format!("{full}{text}"),
        }));
    }
    all_pass(&cases, 15);
}

/// With cookies a full SYN queue turns nobody away, and neither does a queue of nothing.
#[test]
fn syn_queue_with_cookies() {
    let mut cases = Vec::new();
    for (mode, fit) in [(1, 0), (1, 1), (1, 3), (2, 8)] {
        let before = format!("`sysctl -q net.ipv4.tcp_syncookies={mode} net.ipv4.tcp_max_syn_backlog={fit}`\n");
        let mut text = listen(&before, 8);
        for port in 40_001..=40_005 {
            text += &format!("{}{}", syn(port), syn_ack(port));
        }
        for (port, fd) in (40_001..=40_005).rev().zip(4..) {
            text += &format!("{}+0 accept(3, ..., ...) = {fd}\n", ack(port));
        }
        cases.push(Case {
            name: format!("tcp_syncookies={mode}, a SYN queue of {fit}"),
            text,
        });
    }
    all_pass(&cases, 4);
}
