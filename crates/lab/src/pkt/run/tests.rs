use crate::pkt::{Played, Profile, Script, Verdict, play};

const OPEN: &str = "
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1460,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK,nop,wscale 8>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
";

fn played(text: &str) -> Played {
    play(
        &Script::parse("test.pkt", text).unwrap_or_else(|error| panic!("{error}")),
        Profile::Linux,
    )
}

fn shown(played: &Played) -> String {
    let ladder = lens::Ladder {
        all: true,
        ..lens::Ladder::default()
    };
    format!("{played}\n{}", ladder.draw(&played.trace))
}

#[test]
fn a_connection_that_opens_passes() {
    let played = played(OPEN);
    assert_eq!(played.verdict, Verdict::Pass, "{}", shown(&played));
}

#[test]
fn the_largest_numbers_are_no_trouble() {
    let tolerant = format!("--tolerance_usecs=18446744073709551615\n{OPEN}");
    let patient = "poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 9223372036854775807) = 1";
    for (name, text) in [
        ("a tolerance", tolerant.clone()),
        (
            "a tolerance of a call that waits",
            format!("{tolerant}+0...1 read(4, ..., 1) = 1\n+1 < P. 1:2(1) ack 1 win 257\n"),
        ),
        (
            "a timeout",
            format!("{OPEN}+0...1 {patient}\n+1 < P. 1:2(1) ack 1 win 257\n"),
        ),
    ] {
        let played = played(&text);
        assert_eq!(played.verdict, Verdict::Pass, "{name}: {}", shown(&played));
    }
}

#[test]
fn what_differs_is_told_with_its_line() {
    #[rustfmt::skip]
    let rows = [
        ("a flag",               "+0 write(4, ..., 10) = 10\n+0 > . 1:11(10) ack 1",           10, "sent P. 1:11(10) ack 1"),
        ("a number",             "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 2",          10, "ack 1"),
        ("an option",            "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 <nop>",    10, "sent P. 1:11(10) ack 1"),
        ("a packet too many",    "+0 write(4, ..., 10) = 10\n+0 write(4, ..., 10) = 10\n+.1 < . 1:1(0) ack 11 win 257\n+0 > P. 11:21(10) ack 1", 12, "sent P. 1:11(10)"),
        ("a packet that is not", "+0 > . 1:1(0) ack 1",                                         9, "was not sent"),
        ("a packet too late",    "+0 write(4, ..., 10) = 10\n+.05 > P. 1:11(10) ack 1",        10, "sent at 0.100000 s"),
        ("a result",             "+0 write(4, ..., 10) = 9",                                    9, "returned 10, not 9"),
        ("an error",             "+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 read(4, ..., 9) = -1 ECONNRESET (Connection reset)", 10, "EAGAIN"),
        ("a call that waits",    "+0 read(4, ..., 9) = 9",                                      9, "would wait"),
        ("a call too late",      "+0...0.2 read(4, ..., 9) = 9\n+.3 < P. 1:10(9) ack 1 win 257", 9, "returned at 0.400000 s"),
        ("a call that never returns", "+0...0.2 read(4, ..., 9) = 9", 9, "has not returned"),
        ("an assertion",         "+0 %{ assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd }%",          9, "tcpi_snd_cwnd is 10"),
        ("a text",               "+0 < [fill 97] P. 1:4(3) ack 1 win 257\n+0 > . 1:1(0) ack 4\n+0 read(4, \"aab\", 9) = 3", 11, "\"aaa\", not \"aab\""),
        ("a close that lingers", "+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, 8) = 0\n+0 close(4) = 0", 10, "would wait"),
        ("an edge told twice",   "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLET, fd=4}) = 0\n+0 epoll_wait(5, {events=EPOLLOUT}, 1, 0) = 1\n+0 epoll_wait(5, {events=EPOLLOUT}, 1, 0) = 1", 12, "returned 0, not 1"),
    ];
    for (name, text, line, says) in rows {
        let played = played(&format!("{OPEN}{text}"));
        match &played.verdict {
            Verdict::Fail { line: at, what } => {
                assert!(*at == line && what.contains(says), "{name}: {}", shown(&played));
            }
            other => panic!("{name}: {other:?}\n{}", shown(&played)),
        }
    }
}

#[test]
fn what_is_not_supported_is_named_and_does_not_pass() {
    #[rustfmt::skip]
    let rows = [
        ("a call",      "+0 splice(4, ..., 5, ..., 10, 0) = 10",                "splice"),
        ("an option",   "+0 setsockopt(4, SOL_TCP, TCP_TEAPOT, [1], 4) = 0",    "TCP_TEAPOT"),
        ("a command",   "+0 `tc qdisc add dev tun0 root fq`",                   "tc qdisc"),
        ("a setting",   "+0 `sysctl -q net.ipv4.tcp_teapot=1`",                 "tcp_teapot"),
        ("a field",     "+0 %{ assert tcpi_teapot == 1 }%",                     "tcpi_teapot"),
        ("some code",   "+0 %{ import os }%",                                   "import os"),
        ("UDP",         "+0 < udp (100)",                                       "UDP"),
        ("a constant",  "+0 send(4, ..., 10, MSG_TEAPOT) = 10",                 "MSG_TEAPOT"),
        ("a TCP option", "+0 < . 1:1(0) ack 1 win 5 <teapot 1>",                "teapot"),
        ("flags",       "+0 > .5 1:1(0) ack 1",                                 ".5"),
    ];
    for (name, text, says) in rows {
        let played = played(&format!("{OPEN}{text}"));
        match &played.verdict {
            Verdict::Unsupported { line: 9, what } => assert!(what.contains(says), "{name}: {what}"),
            other => panic!("{name}: {other:?}\n{}", shown(&played)),
        }
    }
}

#[test]
fn a_script_gives_the_same_bytes_each_time() {
    let bytes = |played: Played| {
        played
            .trace
            .records
            .into_iter()
            .map(|record| record.bytes)
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(played(OPEN)), bytes(played(OPEN)));
}

/// The clock of the stack's timestamps ticks each millisecond.
#[test]
fn a_timestamp_clock_that_does_not_keep_time_fails() {
    let timed = |tick: u32| {
        played(&format!(
            "--tcp_ts_tick_usecs={tick}\n{}+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 <nop,nop,TS val 200 ecr 800>",
            OPEN.replace(
                "<mss 1460,sackOK,nop,nop,nop,wscale 7>",
                "<mss 1460,sackOK,TS val 700 ecr 0,nop,wscale 7>"
            )
            .replace(
                "<mss 1460,nop,nop,sackOK,nop,wscale 8>",
                "<mss 1460,sackOK,TS val 100 ecr 700,nop,wscale 8>"
            )
            .replace("ack 1 win 257", "ack 1 win 257 <nop,nop,TS val 800 ecr 100>")
        ))
    };
    assert_eq!(timed(1_000).verdict, Verdict::Pass);
    assert!(
        matches!(timed(4_000).verdict, Verdict::Fail { ref what, .. } if what.contains("100 ticks, not 25")),
        "{:?}",
        timed(4_000).verdict
    );
}
