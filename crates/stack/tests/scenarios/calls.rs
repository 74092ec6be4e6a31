//! The user's calls that open (RFC 9293 sections 3.9.1 and 3.10.1): what may listen and connect, and what is answered
//! where it may not. Nothing is sent for a call that is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::rig::*;
use syndic_stack::*;

fn at(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}

#[test]
fn listen_argument_errors() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            listeners: 2,
            ..Limits::default()
        },
        ..Config::default()
    });
    rig.listen();
    let any6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    for (name, local, error) in [
        ("twice", at(v4(2), 80), ListenError::InUse(at(v4(2), 80))),
        ("not ours", at(v4(9), 80), ListenError::NotOurs(v4(9))),
        ("not ours, IPv6", at(v6(9), 80), ListenError::NotOurs(v6(9))),
    ] {
        assert_eq!(rig.stack.listen(ListenOptions::new(local)), Err(error), "{name}");
    }
    assert!(rig.stack.listen(ListenOptions::new(at(any6, 80))).is_ok());
    let third = ListenOptions::new(at(v4(2), 82));
    assert_eq!(rig.stack.listen(third), Err(ListenError::TooMany(2)));
    rig.expect_nothing();
}

/// RFC 9293 MUST-41, MUST-42: several listen on one port, and none disturbs another or what stands already.
#[test]
fn listen_on_every_address_takes_each_and_the_exact_listener_comes_first() {
    let mut rig = Rig::plain();
    let any = rig.listen_with(ListenOptions::new(at(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80)));
    let a = rig.open_passive(any);
    assert_eq!(rig.status(a).tuple.local(), at(v4(2), 80));
    let exact = rig.listen();
    assert_eq!(rig.status(a).state, State::Established);
    rig.their_port += 1;
    rig.open_passive(exact);
    // The family is its own: IPv6 finds nobody.
    (rig.ours, rig.theirs) = (v6(2), v6(1));
    rig.inject(Seg::new("S", 0));
    assert_eq!(rig.dropped(Why::NoListener), 1);
}

#[test]
fn listen_on_port_zero_chooses_a_free_port() {
    let mut rig = Rig::with(Config {
        ephemeral_ports: (50_000, 50_001),
        ..Config::default()
    });
    let options = ListenOptions::new(at(v4(2), 0));
    let ports: Vec<u16> = (0..2)
        .map(|_| {
            let id = rig.stack.listen(options).expect("a port is free");
            rig.stack.listener_local(id).expect("it listens").port()
        })
        .collect();
    assert_eq!(ports, [50_000, 50_001]);
    assert_eq!(rig.stack.listen(options), Err(ListenError::NoPort));
}

#[test]
fn connect_argument_errors() {
    let mut rig = Rig::with(Config {
        limits: Limits {
            connections: 1,
            ..Limits::default()
        },
        ..Config::default()
    });
    let try_to = |rig: &mut Rig, remote: SocketAddr, local: Option<SocketAddr>| {
        let options = ConnectOptions {
            remote,
            local,
            connection: None,
        };
        let now = rig.now();
        rig.stack.connect(now, options)
    };
    let bad = |remote| Err(ConnectError::BadRemote(remote));
    for (name, ip) in [
        ("unspecified", "0.0.0.0"),
        ("multicast", "224.0.0.1"),
        ("broadcast", "255.255.255.255"),
        ("loopback", "127.0.0.1"),
        ("unspecified, IPv6", "::"),
        ("multicast, IPv6", "ff02::1"),
        ("loopback, IPv6", "::1"),
        ("IPv4 in IPv6's clothes", "::ffff:10.7.0.1"),
    ] {
        let remote = at(ip.parse().expect("an address"), 80);
        assert_eq!(try_to(&mut rig, remote, None), bad(remote), "{name}");
    }
    let remote = at(v4(1), 0);
    assert_eq!(try_to(&mut rig, remote, None), bad(remote), "port 0");
    let remote = at(v4(1), 80);
    let error = Err(ConnectError::NoAddress(v4(9)));
    assert_eq!(try_to(&mut rig, remote, Some(at(v4(9), 0))), error, "not ours");
    let error = Err(ConnectError::NoAddress(v6(2)));
    assert_eq!(try_to(&mut rig, remote, Some(at(v6(2), 0))), error, "the other family");
    let local = Some(at(v4(2), 1234));
    assert!(try_to(&mut rig, remote, local).is_ok());
    assert_eq!(try_to(&mut rig, remote, None), Err(ConnectError::TooMany(1)));
}

/// RFC 9293 section 3.10.1, "connection already exists": a four-tuple that is in use, TIME-WAIT included, is refused.
#[test]
fn connect_refuses_a_four_tuple_that_is_in_use() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    let options = ConnectOptions {
        remote: rig.remote(),
        local: Some(rig.local()),
        connection: None,
    };
    let exists = Err(ConnectError::Exists(rig.tuple()));
    let now = rig.now();
    assert_eq!(rig.stack.connect(now, options), exists);
    rig.close(id);
    rig.inject(Seg::new("F.", 1).ack(2));
    assert_eq!(rig.state(), State::TimeWait);
    assert_eq!(rig.stack.connect(now, options), exists);
    rig.advance(Duration::from_secs(61));
    let now = rig.now();
    assert!(rig.stack.connect(now, options).is_ok());
}

/// RFC 9293 MUST-43 to MUST-45, RFC 6056: the stack chooses address and port where the user leaves them open.
#[test]
fn connect_chooses_address_and_ephemeral_port() {
    let mut rig = Rig::with(Config {
        ephemeral_ports: (50_000, 50_003),
        ..Config::default()
    });
    let mut ports = Vec::new();
    for theirs in [v4(1), v6(1)] {
        let options = ConnectOptions {
            remote: at(theirs, 80),
            local: None,
            connection: None,
        };
        let now = rig.now();
        let mut mine: Vec<u16> = (0..4)
            .map(|_| {
                let id = rig.stack.connect(now, options).expect("a port is free");
                let local = rig.stack.status(now, id).expect("it is held").tuple.local();
                assert_eq!(local.is_ipv4(), theirs.is_ipv4());
                local.port()
            })
            .collect();
        assert_eq!(
            rig.stack.connect(now, options),
            Err(ConnectError::NoPort(at(theirs, 80)))
        );
        ports.push(mine[0]);
        mine.sort_unstable();
        assert_eq!(mine, [50_000, 50_001, 50_002, 50_003], "each once");
    }
}

#[test]
fn close_in_syn_sent_sends_nothing() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.close(id);
    rig.expect_nothing();
    assert_eq!(rig.state(), State::Closed);
    rig.assert_quiet();
    // The late SYN-ACK finds nobody.
    rig.inject(Seg::new("S.", 0).ack(1));
    rig.expect("R", 1, 0, 0);
}

#[test]
fn abort_in_syn_sent_sends_nothing() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.abort(id);
    rig.expect_nothing();
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.4, SYN-SENT: the open fails with "connection closing"; its user is told.
#[test]
fn shutdown_in_syn_sent_ends_the_open() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.shutdown(id);
    rig.expect_nothing();
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::Aborted)));
    let [Event::Connection(_, ready)] = rig.events()[..] else {
        panic!()
    };
    assert!(ready.opened && ready.ended);
    rig.close(id);
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.4, SYN-RECEIVED after an active open: the FIN follows our SYN once that is acknowledged.
#[test]
fn close_in_syn_received_sends_the_fin_once_the_syn_is_acknowledged() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.close(id);
    rig.expect_nothing();
    assert_eq!(rig.state(), State::FinWait1);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000));
    rig.expect("F.", 1, 0, 1);
    rig.inject(Seg::new("F.", 1).ack(2));
    rig.expect(".", 2, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
}

#[test]
fn abort_in_syn_received_resets() {
    let mut rig = Rig::plain();
    let id = rig.connect();
    rig.expect("S", 0, 0, 0);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.abort(id);
    rig.expect("R.", 1, 0, 1);
    rig.assert_quiet();
}

/// RFC 9293 section 3.10.4, LISTEN: who waits half-open is forgotten, who waits to be accepted is reset.
#[test]
fn close_of_a_listener_gives_everything_back() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1));
    let (port, iss) = (rig.their_port, rig.iss);
    rig.their_port = 1000;
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_eq!(rig.stack.counts(), (1, 1, 0));
    let now = rig.now();
    rig.stack.close_listener(now, listener).expect("it listens");
    (rig.their_port, rig.iss) = (port, iss);
    rig.flush();
    rig.expect("R.", 1, 0, 1);
    rig.assert_quiet();
    assert_eq!(rig.stack.close_listener(now, listener), Err(NoSuch));
    assert_eq!(rig.stack.accept(now, listener), Err(NoSuch));
    let again = rig.listen();
    assert_ne!(again, listener, "an id is given out once");
}

/// The peer resets a connection that waits to be accepted: its user is told after ACCEPT.
#[test]
fn connection_reset_in_the_accept_queue_is_handed_out_with_its_end() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    rig.inject(Seg::new("P.", 1).ack(1).data(10));
    rig.expect(".", 1, 0, 11);
    rig.inject(Seg::new("R", 11));
    let id = rig.accept(listener);
    assert_eq!(rig.read(id), pattern(1, 10), "what came before is still there");
    assert_eq!(rig.receive(id), Err(ReceiveError::Ended(Ended::Reset)));
    rig.close(id);
    rig.assert_quiet();
}

/// Events are level-triggered and come once: one for however many wait.
#[test]
fn acceptable_comes_once_until_it_is_read() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    for port in [1000, 1001] {
        rig.their_port = port;
        rig.inject(Seg::new("S", 0).mss(1000));
        rig.expect("S.", 0, 0, 1);
        rig.inject(Seg::new(".", 1).ack(1));
    }
    assert_eq!(rig.events(), [Event::Acceptable(listener)]);
    rig.accept(listener);
    rig.accept(listener);
    let now = rig.now();
    assert_eq!(rig.stack.accept(now, listener), Ok(None));
}

/// What is set later holds for what is opened later; what stands keeps what it negotiated.
#[test]
fn set_config_holds_from_the_next_open_on() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    let before = rig.open_passive(listener);
    let config = Config {
        timestamps: true,
        mtu: 1,
        limits: Limits {
            connections: 1,
            ..Limits::default()
        },
        ..rig.stack.config().clone()
    };
    let limits = rig.stack.config().limits;
    rig.stack.set_config(config);
    assert_eq!((rig.stack.config().mtu, rig.stack.config().limits), (576, limits));
    assert!(!rig.status(before).timestamps);
    rig.their_port += 1;
    rig.inject(Seg::new("S", 0).ts(PEER_TS, 0));
    let syn_ack = rig.next();
    assert!(syn_ack.options.timestamps.is_some(), "{syn_ack:?}");
}
