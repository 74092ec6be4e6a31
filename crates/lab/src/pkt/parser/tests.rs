use super::*;
use crate::pkt::ast::{Body, Packet};
use crate::pkt::option::TcpOption;
use crate::pkt::value::Value;
use wire::tcp::Flags;

fn parsed(text: &str) -> Script {
    Script::parse("test.pkt", text).unwrap_or_else(|error| panic!("{error}"))
}

fn packet(text: &str) -> Packet {
    match parsed(text).events.remove(0).action {
        Action::Inject(packet) | Action::Expect(packet) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn times_of_every_kind() {
    for (text, time) in [
        ("0", Time::Absolute(0)),
        ("1.5", Time::Absolute(1_500_000)),
        (".000001", Time::Absolute(1)),
        ("+.1", Time::Relative(100_000)),
        ("*", Time::Any),
        ("1~2", Time::AbsoluteRange(1_000_000, 2_000_000)),
        ("+.1~+.2", Time::RelativeRange(100_000, 200_000)),
    ] {
        assert_eq!(
            parsed(&format!("{text} > . 1:1(0) ack 1")).events[0].time,
            time,
            "{text}"
        );
    }
    let blocking = &parsed("+0...0.25 connect(3, ..., ...) = 0").events[0];
    assert_eq!((blocking.time, blocking.until), (Time::Relative(0), Some(250_000)));
}

#[test]
fn a_segment_with_everything() {
    let packet = packet(
        "+0 < [ect0] 40001 > 8080 FSRP.UEW 1:101(100) ack 7 win 9 urg 3 <mss 1000,nop,wscale 7,sackOK,sack 1:2 3:4,TS val 5 ecr 6,FO 0a0b,eol>",
    );
    assert_eq!((packet.ecn, packet.ports), (Some(2), Some((40001, 8080))));
    let Body::Tcp(segment) = packet.body else { panic!() };
    assert_eq!(segment.flags, Flags::from_bits(0xff));
    assert_eq!((segment.start, segment.payload, segment.ack), (1, 100, Some(7)));
    assert_eq!((segment.window, segment.urgent), (Some(9), Some(3)));
    let options = segment.options.unwrap();
    assert_eq!(options.len(), 8);
    assert_eq!(options[4], TcpOption::Sack(vec![(1, 2), (3, 4)]));
    assert_eq!(options[5], TcpOption::Timestamps(5, 6));
}

#[test]
fn options_are_none_any_or_listed() {
    for (text, options) in [
        ("+0 > . 1:1(0) ack 1", Some(vec![])),
        ("+0 > . 1:1(0) ack 1 <>", Some(vec![])),
        ("+0 > . 1:1(0) ack 1 <...>", None),
        ("+0 > . 1:1(0) ack 1 <nop>", Some(vec![TcpOption::Nop])),
    ] {
        let Body::Tcp(segment) = packet(text).body else {
            panic!("{text}")
        };
        assert_eq!(segment.options, options, "{text}");
    }
}

#[test]
fn no_flags_and_icmp() {
    let Body::Tcp(segment) = packet("+0 < - 1:1(0) win 5").body else {
        panic!()
    };
    assert_eq!(segment.flags, Flags::NONE);
    let Body::Icmp(icmp) = packet("+0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]").body else {
        panic!()
    };
    assert_eq!((&*icmp.kind, &*icmp.code), ("unreachable", "frag_needed"));
    assert_eq!((icmp.mtu, icmp.quoted), (Some(1200), Some((1, 1460))));
}

#[test]
fn calls_in_strace_notation() {
    let script = parsed(
        r#"
        0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
        +0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)
        +0 read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable)
        +0 sendmsg(4, {msg_name(16)={sa_family=AF_INET, sin_port=htons(80)}, msg_iov(1)=[{"ab"..., 2}], msg_flags=0}, 0) = 2
        "#,
    );
    let calls: Vec<_> = script
        .events
        .iter()
        .map(|event| match &event.action {
            Action::Call(call) => call,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(calls[0].arguments[1].integer(), Ok(0o4001));
    assert_eq!((&calls[1].result, &calls[1].errno), (&Value::Integer(2), &None));
    assert_eq!(
        (&calls[2].result, calls[2].errno.as_deref()),
        (&Value::Integer(-1), Some("EAGAIN"))
    );
    let message = &calls[3].arguments[1];
    assert_eq!(message.field("msg_iov").unwrap().items().len(), 1);
    let port = message.field("msg_name").and_then(|name| name.field("sin_port"));
    assert_eq!(port.unwrap().integer(), Ok(80));
}

#[test]
fn options_commands_code_and_comments() {
    let script = parsed(
        "// a comment\n--mtu=1000\n--strict_segments // why\n`sysctl -q a=1\nb=2`\n/* more */ 0 `true`\n+0 %{ assert tcpi_state == 1 }%\n",
    );
    assert_eq!(script.options.len(), 2);
    assert_eq!((&*script.options[0].name, &*script.options[0].value), ("mtu", "1000"));
    assert_eq!(&*script.options[1].name, "strict_segments");
    assert_eq!(script.init, [(4, "sysctl -q a=1\nb=2".to_owned())]);
    assert_eq!(script.events.len(), 2);
    assert_eq!(script.events[1].line, 7);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (text, line, column, says) in [
        ("0 > . 1:2(5) ack 1", 1, 9, "make 6"),
        ("0 socket(1) = 3\n0 > . 1:1(0) ack x", 2, 18, "acknowledgment number"),
        ("0 > Q 1:1(0)", 1, 5, "TCP flags"),
        ("0 < S 0:0(0) win 5 <7>", 1, 21, "a TCP option"),
        ("0~1 < S 0:0(0) win 5", 1, 21, "expected"),
        ("0 %{ assert", 1, 5, "}%"),
        ("whenever read(1) = 0", 1, 1, "time"),
    ] {
        let error = Script::parse("test.pkt", text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(error.message.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_is_valid_but_not_known_is_kept_by_its_name() {
    for (text, name) in [
        (
            "+0 < S 0:0(0) win 5 <mss 1000,teapot 1 2,nop>",
            "the TCP option `teapot`",
        ),
        ("+0 > SAEW 0:0(0) <...>", "the flags `SAEW`"),
        ("+0 > .5 1:1(0) ack 1", "the flags `.5`"),
        ("+0 > P. 1:70001(70000) ack 1", "70000 bytes in one packet"),
        ("+0 < [flowlabel 0x1] . 1:1(0) ack 1", "[flowlabel 0x1]"),
        ("+0 < (tos 0x4) . 1:1(0) ack 1", "[tos 0x4]"),
        ("+0 < udp (100)", "UDP"),
        ("+0 < sctp: INIT[flgs=0, tag=1]", "SCTP"),
        ("+0 > ipv4 1.1.1.1 > 2.2.2.2: gre: . 1:1(0)", "IPv4 encapsulation"),
        (
            "+0 < icmp unreachable port_unreachable [udp (8)]",
            "ICMP that quotes [udp (8)]",
        ),
    ] {
        assert_eq!(packet(text).body, Body::Other(name.to_owned()), "{text}");
    }
}

#[test]
fn brackets_before_the_flags() {
    let packet = packet("+0 < [ect0, ttl 3, fill 0x61] (ttl 4) . 1:1(0) ack 1");
    assert_eq!((packet.ecn, packet.ttl, packet.fill), (Some(2), Some(4), 0x61));
}

#[test]
fn defined_names_and_options_on_one_line() {
    let script = parsed(
        "--define=LEN=100 --mtu=1500 --define=\"ACK=. 1:1(0) ack 1\" # so\n\n+0 > ACK\n+0 write(4, ..., LEN) = LEN",
    );
    assert_eq!(script.options.len(), 3);
    assert_eq!((&*script.options[1].name, &*script.options[1].value), ("mtu", "1500"));
    assert_eq!((script.events[0].line, script.events[1].line), (3, 4));
    let Action::Call(call) = &script.events[1].action else {
        panic!()
    };
    assert_eq!(call.arguments[2], Value::Integer(100));
}

#[test]
fn strings_have_escapes_and_numbers_have_64_bits() {
    let script = parsed(r#"+0 write(4, "a\"b\\\x41\101\n", 0xffffffffffffffff) = -1 EFAULT (Bad address) # why"#);
    let Action::Call(call) = &script.events[0].action else {
        panic!()
    };
    assert_eq!(call.arguments[1], Value::Text(b"a\"b\\AA\n".to_vec()));
    assert_eq!(call.arguments[2], Value::Integer(-1));
    let blocking = &parsed("+.1...+.25 read(3, ..., 1) = 0").events[0];
    assert_eq!(
        (blocking.time, blocking.until),
        (Time::Relative(100_000), Some(250_000))
    );
}
