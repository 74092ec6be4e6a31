//! How large buffers become, and what all of them may hold together.

use syndic_stack::*;

use crate::rig::*;

const RTT: Duration = Duration::from_millis(20);
const KIB: usize = 1 << 10;

/// An active open over a path of [`RTT`], with window scaling, to a peer with an MSS of 1000.
fn open(rig: &mut Rig, connection: ConnectionOptions) -> ConnectionId {
    open_over(rig, RTT, connection)
}

fn open_over(rig: &mut Rig, rtt: Duration, connection: ConnectionOptions) -> ConnectionId {
    let id = rig.connect_with(Some(connection));
    rig.expect("S", 0, 0, 0);
    rig.advance(rtt);
    rig.inject(Seg::new("S.", 0).ack(1).mss(1000).wscale(7));
    rig.expect(".", 1, 0, 1);
    id
}

fn scaled(limits: Limits) -> Rig {
    Rig::with(Config {
        timestamps: false,
        sack: false,
        limits,
        ..Config::default()
    })
}

/// So many bytes from `seq` on arrive, in segments of at most 50,000.
fn fill(rig: &mut Rig, seq: u32, len: usize) {
    let mut sent = 0;
    while sent < len {
        let piece = (len - sent).min(50_000);
        rig.inject(Seg::new(".", seq + sent as u32).ack(1).data(piece));
        sent += piece;
    }
}

/// Round trips of a peer that begins with ten segments and doubles what it sends, as far as the window lets it. Returns
/// what it sent in the last.
fn slow_start(rig: &mut Rig, id: ConnectionId, trips: usize) -> usize {
    let (mut seq, mut flight) = (1, 10_000);
    for _ in 0..trips {
        flight = flight.min(rig.status(id).rcv_wnd as usize);
        fill(rig, seq, flight);
        assert_eq!(rig.read(id).len(), flight);
        seq += flight as u32;
        rig.advance(RTT);
        flight *= 2;
    }
    flight / 2
}

#[test]
fn receive_buffer_follows_a_reader_that_keeps_up() {
    for (name, receive_buffer, sent_last, window) in [
        (
            "auto",
            ConnectionOptions::default().receive_buffer,
            10_000 << 9,
            8_000 * KIB..usize::MAX,
        ),
        ("fixed", Buffer::Fixed(64 * KIB), 64 * KIB, 64 * KIB - 1..64 * KIB + 257),
        (
            "to its bound",
            Buffer::Auto {
                start: 20_000,
                max: 300_000,
            },
            300_000,
            299_000..300_257,
        ),
    ] {
        let mut rig = scaled(Limits::default());
        let options = ConnectionOptions {
            receive_buffer,
            ..ConnectionOptions::default()
        };
        let id = open(&mut rig, options);
        let last = slow_start(&mut rig, id, 10);
        assert!(last.abs_diff(sent_last) <= 256, "{name}: {last} in a round trip");
        assert!(
            window.contains(&(rig.status(id).rcv_wnd as usize)),
            "{name}: {}",
            rig.status(id).rcv_wnd
        );
    }
}

#[test]
fn receive_buffer_does_not_grow_for_a_reader_that_does_not_read() {
    let mut rig = scaled(Limits::default());
    let id = open(&mut rig, ConnectionOptions::default());
    let before = rig.status(id).rcv_wnd;
    for n in 0..10 {
        fill(&mut rig, 1 + n * 5000, 5000);
        rig.advance(RTT);
    }
    assert!(
        rig.status(id).rcv_wnd <= before - 50_000 + 256,
        "no more than its rounding"
    );
}

#[test]
fn send_buffer_is_two_congestion_windows() {
    let mut rig = scaled(Limits::default());
    let options = ConnectionOptions {
        send_buffer: Buffer::Auto {
            start: 1000,
            max: 42_000,
        },
        ..ConnectionOptions::default()
    };
    let id = open(&mut rig, options);
    assert_eq!(rig.status(id).cwnd, 10_000);
    assert_eq!(rig.send(id, 1, 100_000), 20_000);
    rig.advance(RTT);
    for acked in 1..=10 {
        rig.inject(Seg::new(".", 1).ack(1 + 1000 * acked));
    }
    assert_eq!(rig.status(id).cwnd, 20_000);
    assert_eq!(rig.send(id, 20_001, 100_000), 30_000, "40,000 in all");
    rig.advance(RTT);
    rig.inject(Seg::new(".", 1).ack(30_001));
    let left = rig.status(id).send_queue;
    assert_eq!(rig.send(id, 50_001, 100_000), 42_000 - left, "its bound");
}

/// Five connections whose congestion windows are of 10,000 bytes write all they can, one after the other. What each took.
fn taken_by_five(nearby_bytes: usize, rtt: Duration, send_buffer: Buffer) -> Vec<usize> {
    let mut rig = scaled(Limits {
        nearby_bytes,
        ..Limits::default()
    });
    let options = ConnectionOptions {
        send_buffer,
        ..ConnectionOptions::default()
    };
    let ids: Vec<ConnectionId> = (1000..1005)
        .map(|port| {
            rig.our_port = port;
            let id = open_over(&mut rig, rtt, options);
            // What is acknowledged tells the round trip, and is too little to make the window grow.
            rig.send(id, 1, 1000);
            rig.expect("P.", 1, 1000, 1);
            rig.advance(rtt);
            rig.inject(Seg::new(".", 1).ack(1001));
            assert_eq!(rig.status(id).cwnd, 10_000);
            id
        })
        .collect();
    ids.into_iter().map(|id| rig.send(id, 1001, 100_000)).collect()
}

#[test]
fn send_buffers_to_peers_nearby_share_a_bound() {
    let auto = Buffer::Auto {
        start: 1500,
        max: 1 << 20,
    };
    let (near, far) = (Duration::from_micros(499), Duration::from_micros(500));
    let halves = [9000, 4500, 2250, 1500, 1500];
    for (name, bound, rtt, buffer, taken) in [
        ("each half of what is left, or its start", 18_000, near, auto, halves),
        ("room for two congestion windows", 200_000, near, auto, [20_000; 5]),
        ("no bound", usize::MAX, near, auto, [20_000; 5]),
        ("far away", 18_000, far, auto, [20_000; 5]),
        ("fixed", 18_000, near, Buffer::Fixed(15_000), [15_000; 5]),
    ] {
        assert_eq!(taken_by_five(bound, rtt, buffer), taken, "{name}");
    }
}

#[test]
fn what_all_hold_together_is_bounded_and_nobody_starves() {
    const CONNECTIONS: usize = 40;
    let bound = 512 * KIB;
    let mut rig = scaled(Limits {
        buffer_bytes: bound,
        ..Limits::default()
    });
    let peers: Vec<(u16, u32, ConnectionId)> = (1000..1000 + CONNECTIONS as u16)
        .map(|port| {
            rig.our_port = port;
            let id = open(&mut rig, ConnectionOptions::default());
            (port, rig.iss, id)
        })
        .collect();
    // Each of 40 peers fills what it was offered, which is five times the bound, and then each user writes all it can.
    for &(port, iss, id) in &peers {
        (rig.our_port, rig.iss) = (port, iss);
        let window = rig.status(id).rcv_wnd as usize;
        for at in (0..window).step_by(1000) {
            rig.inject(Seg::new(".", 1 + at as u32).ack(1).data(1000.min(window - at)));
        }
        rig.send(id, 1, 1 << 20);
    }
    let held = |rig: &Rig| -> usize {
        let queues = peers
            .iter()
            .map(|peer| rig.status(peer.2))
            .map(|s| s.receive_queue + s.send_queue);
        queues.sum()
    };
    let most = bound + CONNECTIONS * 32 * KIB;
    assert!(
        (bound..=most).contains(&held(&rig)),
        "{} held, at most {most}",
        held(&rig)
    );
    assert!(rig.dropped(Why::BufferBudget) > 0);
    for peer in &peers {
        let status = rig.status(peer.2);
        assert!(
            status.receive_queue >= 15_000 && status.send_queue >= 16_000,
            "{status:?}"
        );
    }
    // Those who read get on with it: the window of one that has read everything is that of a tight time, and then all of it.
    let reader = peers[CONNECTIONS - 1].2;
    rig.read(reader);
    for peer in &peers[..CONNECTIONS - 1] {
        rig.abort(peer.2);
    }
    let seq = rig.status(reader).rcv_nxt.since(rig.status(reader).irs);
    fill(&mut rig, seq, 10_000);
    rig.read(reader);
    assert!(rig.status(reader).rcv_wnd as usize >= 64 * KIB - 1);
}
