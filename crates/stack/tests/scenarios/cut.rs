//! A link that cuts no super-segments: runs of segments are decided on at once and cut by the stack, and nobody can tell.

use bytes::Bytes;
use proptest::prelude::*;
use syndic_stack::io::Offload;
use syndic_stack::*;

use crate::rig::*;

/// Takes so many packets, and then no more.
struct Room {
    packets: Vec<Vec<u8>>,
    left: usize,
}

impl Sink for Room {
    fn send(&mut self, head: &[u8], payload: &[Bytes], offload: Offload) -> Result<(), Full> {
        assert_eq!(offload, Offload::default());
        self.left = self.left.checked_sub(1).ok_or(Full)?;
        let mut packet = head.to_vec();
        payload.iter().for_each(|slice| packet.extend_from_slice(slice));
        self.packets.push(packet);
        Ok(())
    }
}

/// What a stack sends of this, with a budget of so many packets a call, over a link that is full after as many packets as
/// `rooms` says, time and again; and what becomes of the connection.
fn sent(
    writes: &[usize],
    rooms: &[usize],
    budget: usize,
    no_delay: bool,
    window: u16,
    close: bool,
) -> (Vec<Vec<u8>>, String) {
    let mut rig = Rig::with(Config::default());
    let local = rig.local();
    let listener = rig.listen_with(ListenOptions {
        connection: ConnectionOptions {
            no_delay,
            pacing: false,
            ..ConnectionOptions::default()
        },
        ..ListenOptions::new(local)
    });
    rig.inject(Seg::new("S", 0).mss(1012).sack_ok().wscale(0).ts(PEER_TS, 0));
    rig.next();
    rig.inject(Seg::new(".", 1).ack(1).win(window).ts(PEER_TS, 0));
    let id = rig.accept(listener);
    let now = rig.now();
    let mut at = 1;
    for &len in writes {
        let mut text = Bytes::from(pattern(at, len));
        at += rig.stack.send(now, id, &mut text).expect("open") as u32;
    }
    if close {
        rig.stack.shutdown(now, id).expect("open");
    }
    let mut sink = Room {
        packets: Vec::new(),
        left: 0,
    };
    let mut rooms = rooms.iter().copied().chain([1000]);
    while rig.stack.poll_transmit(now, Budget { packets: budget }, &mut sink) {
        if sink.left == 0 {
            let Some(room) = rooms.next() else { break };
            sink.left = room;
        }
    }
    (sink.packets, format!("{:?}", rig.status(id)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn runs_are_what_single_segments_would_have_been(
        writes in prop::collection::vec(prop_oneof![1usize..9000, Just(1000), Just(5000)], 1..8),
        rooms in prop::collection::vec(0usize..8, 0..8),
        no_delay: bool, close: bool,
        window in prop_oneof![Just(60_000u16), 500u16..9000],
    ) {
        let one_by_one = sent(&writes, &rooms, 1, no_delay, window, close);
        let in_runs = sent(&writes, &rooms, 64, no_delay, window, close);
        prop_assert_eq!(one_by_one.0.len(), in_runs.0.len());
        prop_assert!(one_by_one == in_runs, "{}\n{}", one_by_one.1, in_runs.1);
    }
}

#[test]
fn a_run_ends_where_the_congestion_window_does_and_is_pushed_where_the_text_does() {
    let (packets, _) = sent(&[5000], &[], 64, false, 60_000, true);
    let flags: Vec<String> = packets
        .iter()
        .map(|packet| {
            let (header, len) = wire::tcp::Header::parse(&packet[20..]).expect("sound");
            assert_eq!(packet.len() - 20 - len, 1000);
            header.flags.to_string()
        })
        .collect();
    assert_eq!(flags, [".", ".", ".", ".", "FP."]);
    let (packets, _) = sent(&[50_000], &[], 64, false, 60_000, false);
    assert_eq!(packets.len(), 10, "the initial window");
}
