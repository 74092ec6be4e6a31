//! Segments and calls drawn by lot, near what is expected and far from it: no panic (arithmetic is checked in this build), no
//! state off the figure (the rig's observer asserts it), SND.UNA <= SND.NXT, nothing beyond its bound, and when all is over
//! nothing is left.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use syndic_stack::io::Checksum;
use syndic_stack::tcp::state::{Arrow, next};
use wire::option::{SackBlocks, Timestamps, WindowScale};
use wire::seq::SeqNumber;

use crate::rig::*;
use syndic_stack::*;

/// Numbers by lot, from a seed.
struct Lot(u64);

impl Lot {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// A number near this one, mostly.
    fn near(&mut self, n: u32) -> u32 {
        match self.below(8) {
            0 => self.next() as u32,
            1 => n.wrapping_add(0x8000_0000),
            2 | 3 => n.wrapping_add(self.below(3000) as u32).wrapping_sub(1500),
            _ => n,
        }
    }
}

const LIMITS: (usize, usize, usize) = (6, 5, 4);

fn config(lot: &mut Lot) -> Config {
    Config {
        limits: Limits {
            connections: LIMITS.0,
            embryos: LIMITS.1,
            time_waits: LIMITS.2,
            islands: 4,
            replies: 8,
            ..Limits::default()
        },
        timestamps: lot.one_in(2),
        window_scaling: lot.one_in(2),
        sack: lot.one_in(2),
        connection: options(lot),
        ..Config::default()
    }
}

fn options(lot: &mut Lot) -> ConnectionOptions {
    let s = Duration::from_secs;
    ConnectionOptions {
        receive_buffer: lot.of(&[1, 100, 5000, 1 << 17]).into(),
        send_buffer: lot.of(&[1, 3000, 1 << 17]).into(),
        no_delay: lot.one_in(2),
        keep_alive: lot.one_in(3).then_some(KeepAlive {
            idle: s(20),
            interval: s(5),
            probes: 2,
        }),
        user_timeout: lot.one_in(4).then_some(s(30)),
        linger: lot.of(&[None, None, Some(Duration::ZERO), Some(s(3))]),
        retransmissions_max: 5,
        syn_retransmissions_max: 3,
        ..ConnectionOptions::default()
    }
}

/// What the peer might send: drawn around what the connection of this tuple expects.
fn segment(rig: &Rig, lot: &mut Lot, ids: &[ConnectionId]) -> Seg {
    let expected = ids.iter().find_map(|&id| {
        let status = rig.stack.status(rig.now(), id).ok()?;
        (status.tuple == rig.tuple()).then_some(status)
    });
    let peer = SeqNumber::new(PEER_ISN);
    let (seq, ack) = match &expected {
        Some(s) => (s.rcv_nxt.since(peer), s.snd_nxt.value().wrapping_sub(rig.iss)),
        None => (lot.below(3) as u32, 1),
    };
    let text = lot.of(&[
        "S", "S", "S.", ".", ".", ".", "P.", "P.", "P.", "F.", "F.", "FP.", "R", "R.", "U.", "F", "SEW", "SF", "-",
        "PU.",
    ]);
    let mut seg = Seg::new(text, lot.near(seq)).ack(lot.near(ack));
    seg.window = lot.of(&[0, 1, 500, 65_535]);
    seg.urgent = lot.of(&[0, 0, 1, 700, 65_535]);
    let len = lot.of(&[0, 0, 1, 100, 1400]);
    seg = seg.data(if lot.one_in(3) { 0 } else { len });
    if seg.flags.syn() || lot.one_in(20) {
        seg.options.mss = lot.of(&[None, Some(0), Some(1000), Some(65_535)]);
        seg.options.window_scale = lot.of(&[None, Some(WindowScale::new(7)), Some(WindowScale::new(14))]);
        seg.options.sack_permitted = lot.one_in(2);
    }
    if lot.one_in(2) {
        let val = PEER_TS.wrapping_add(rig.now.as_millis() as u32);
        seg.options.timestamps = Some(Timestamps {
            val: lot.near(val),
            ecr: lot.next() as u32,
        });
    }
    if lot.one_in(10) {
        let mut blocks = SackBlocks::default();
        for _ in 0..lot.below(4) {
            let left = SeqNumber::new(rig.iss) + lot.near(ack);
            blocks.push(left, left + lot.below(5000) as u32);
        }
        seg.options.sack = blocks;
    }
    seg
}

fn call(rig: &mut Rig, lot: &mut Lot, listener: ListenerId, ids: &mut Vec<ConnectionId>) {
    let now = rig.now();
    let id = (!ids.is_empty()).then(|| lot.of(ids));
    match (lot.below(12), id) {
        (0, _) => {
            let connection = Some(options(lot));
            let (remote, local) = (rig.remote(), Some(rig.local()));
            ids.extend(rig.stack.connect(
                now,
                ConnectOptions {
                    remote,
                    local,
                    connection,
                },
            ));
        }
        (1 | 2, _) => ids.extend(rig.stack.accept(now, listener).expect("it listens").map(|a| a.id)),
        (3..=5, Some(id)) => {
            let mut data = Bytes::from(vec![7; lot.of(&[1, 1000, 40_000])]);
            let _ = match lot.one_in(8) {
                true => rig.stack.send_urgent(now, id, &mut data),
                false => rig.stack.send(now, id, &mut data),
            };
        }
        (6 | 7, Some(id)) => drop(rig.stack.receive(now, id, lot.of(&[1, 1000, usize::MAX]))),
        (8, Some(id)) => drop(rig.stack.shutdown(now, id)),
        (9, Some(id)) => drop(rig.stack.set_options(now, id, options(lot))),
        (10 | 11, Some(id)) => {
            let done = match lot.one_in(2) {
                true => rig.stack.close(now, id),
                false => rig.stack.abort(now, id),
            };
            done.expect("the id is held");
            ids.retain(|&other| other != id);
        }
        _ => {}
    }
    rig.flush();
}

/// Returns the changes of state that it brought about.
fn storm(seed: u64) -> Vec<(State, State)> {
    let mut lot = Lot(seed);
    let mut rig = Rig::with(config(&mut lot));
    if lot.one_in(3) {
        (rig.ours, rig.theirs) = (v6(2), v6(1));
    }
    let local = rig.local();
    let listener = rig.listen_with(ListenOptions {
        accept_backlog: 2,
        syn_backlog: 4,
        syn_cookies: lot.of(&[SynCookies::Auto, SynCookies::Never, SynCookies::Always]),
        accept_overflow: lot.of(&[AcceptOverflow::Ignore, AcceptOverflow::Reset]),
        connection: options(&mut lot),
        ..ListenOptions::new(local)
    });
    let mut ids = Vec::new();
    for _ in 0..400 {
        rig.their_port = 1000 + lot.below(4) as u16;
        rig.iss = lot.of(&[rig.iss, rig.iss, 0]);
        rig.link_full = lot.one_in(20);
        match lot.below(10) {
            0..=5 => {
                let seg = segment(&rig, &mut lot, &ids);
                rig.inject(seg);
            }
            6 | 7 => call(&mut rig, &mut lot, listener, &mut ids),
            8 => rig.advance(Duration::from_millis(lot.below(500))),
            _ => rig.advance(Duration::from_secs(lot.of(&[0, 1, 5, 70]))),
        }
        rig.out.clear();
        rig.events();
        let (connections, embryos, time_waits) = rig.stack.counts();
        assert!(connections <= LIMITS.0 && embryos <= LIMITS.1 && time_waits <= LIMITS.2);
        for &id in &ids {
            let s = rig.status(id);
            assert!(s.snd_una.at_or_before(s.snd_nxt), "{s:?}");
            assert!(s.receive_queue <= 1 << 18, "{s:?}");
        }
    }
    rig.link_full = false;
    let now = rig.now();
    rig.stack.close_listener(now, listener).expect("it listens");
    for id in ids {
        rig.stack.abort(now, id).expect("the id is held");
    }
    rig.flush();
    // What was closed before times out by itself, for nobody answers any more.
    rig.advance(Duration::from_secs(3600));
    rig.assert_quiet();
    std::mem::take(&mut rig.stack.observer_mut().states)
}

#[test]
fn whatever_comes_is_survived_and_given_back() {
    let mut seen = BTreeSet::new();
    for seed in 0..400 {
        let played = std::panic::catch_unwind(|| storm(seed));
        seen.extend(played.unwrap_or_else(|_| panic!("seed {seed}")));
    }
    // It went everywhere: each change that RFC 9293's figure 5 has, but those of a listener itself.
    for from in State::ALL.into_iter().filter(|&from| from != State::Listen) {
        for to in Arrow::ALL.into_iter().filter_map(|arrow| next(from, arrow)) {
            let of_a_listener = to == State::Listen;
            assert!(
                of_a_listener || seen.contains(&(from, to)),
                "no {from} -> {to} in any storm"
            );
        }
    }
}

/// Packets with bytes changed, cut off and added, whose checksum the link vouches for, so that they get as far as they can.
fn mangle(seed: u64) {
    let mut lot = Lot(seed);
    let mut rig = Rig::with(config(&mut lot));
    if lot.one_in(2) {
        (rig.ours, rig.theirs) = (v6(2), v6(1));
    }
    let listener = rig.listen();
    let mut ids = Vec::new();
    let mut handed_in = 0;
    for _ in 0..300 {
        let seg = segment(&rig, &mut lot, &ids);
        let mut bytes = BytesMut::from(&rig.packet(&seg)[..]);
        for _ in 0..lot.below(4) {
            let at = lot.below(bytes.len() as u64) as usize;
            bytes[at] = lot.next() as u8;
        }
        match lot.below(8) {
            0 => bytes.truncate(lot.below(bytes.len() as u64 + 1) as usize),
            1 => bytes.extend_from_slice(&[0; 9]),
            _ => {}
        }
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes,
            arrived: rig.now,
            checksum: Checksum::Trusted,
        });
        let now = rig.now();
        rig.stack.handle_packets(now, &mut batch);
        handed_in += 1;
        rig.flush();
        rig.advance(Duration::from_millis(lot.below(2000)));
        rig.out.clear();
        ids.extend(rig.stack.accept(now, listener).expect("it listens").map(|a| a.id));
    }
    assert_eq!(rig.stack.counters().packets_in, handed_in);
    let now = rig.now();
    rig.stack.close_listener(now, listener).expect("it listens");
    for id in ids {
        rig.stack.abort(now, id).expect("the id is held");
    }
    rig.flush();
    rig.advance(Duration::from_secs(200));
    rig.assert_quiet();
}

#[test]
fn mangled_packets_are_survived_and_given_back() {
    for seed in 0..200 {
        let played = std::panic::catch_unwind(|| mangle(seed));
        assert!(played.is_ok(), "seed {seed}");
    }
}
