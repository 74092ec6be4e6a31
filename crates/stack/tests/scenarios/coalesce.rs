//! Segments that arrive together become one where nobody can tell: the same bytes, the same state, the same answers.

use proptest::prelude::*;
use syndic_stack::*;

use crate::rig::*;

/// What arrives beside the last segment, in the same batch.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// Text that goes on, of so many bytes.
    Text { len: usize, pushed: bool },
    /// Text that goes on, and says something of its own.
    News { len: usize, what: News },
    /// The segment before the last once more.
    Again,
    /// So many bytes are missing before what follows.
    Hole(u32),
    /// What was missing first.
    Fill,
    /// Nothing but an acknowledgment.
    Ack,
}

#[derive(Debug, Clone, Copy)]
enum News {
    Window,
    Timestamp,
    Acknowledgment,
    Urgent,
    Echo,
    Fin,
}

fn next() -> impl Strategy<Value = Next> {
    let len = || prop_oneof![4 => Just(1000usize), 1 => 1usize..1000, 1 => 4000usize..4200];
    let news = prop_oneof![
        Just(News::Window),
        Just(News::Timestamp),
        Just(News::Acknowledgment),
        Just(News::Urgent),
        Just(News::Echo),
        Just(News::Fin),
    ];
    prop_oneof![
        16 => (len(), prop::bool::weighted(0.1)).prop_map(|(len, pushed)| Next::Text { len, pushed }),
        2 => (len(), news).prop_map(|(len, what)| Next::News { len, what }),
        1 => Just(Next::Again),
        1 => (1u32..3000).prop_map(Next::Hole),
        1 => Just(Next::Fill),
        1 => Just(Next::Ack),
    ]
}

/// The segments of a batch, in their order.
fn segments(script: &[Next]) -> Vec<Seg> {
    let (mut seq, mut tsval, mut window, mut ack) = (1, PEER_TS, 60_000, 1);
    let mut holes: Vec<(u32, u32)> = Vec::new();
    let mut segments: Vec<Seg> = Vec::new();
    for &next in script {
        let flags = match next {
            Next::Text { pushed: true, .. } => "P.",
            Next::News { what: News::Urgent, .. } => "U.",
            Next::News { what: News::Echo, .. } => "E.",
            Next::News { what: News::Fin, .. } => "F.",
            _ => ".",
        };
        let mut at = seq;
        let mut len = 0;
        match next {
            Next::Text { len: text, .. } => len = text,
            Next::News { len: text, what } => {
                len = text;
                match what {
                    News::Window => window -= 1000,
                    News::Timestamp => tsval += 1,
                    News::Acknowledgment => ack = 501,
                    News::Urgent | News::Echo | News::Fin => {}
                }
            }
            Next::Again => {
                let before = segments.len().checked_sub(2).map(|n| segments[n].clone());
                segments.extend(before);
                continue;
            }
            Next::Hole(missing) => {
                holes.push((seq, missing));
                seq += missing;
                continue;
            }
            Next::Fill if holes.is_empty() => continue,
            Next::Fill => {
                let (from, missing) = holes.remove(0);
                (at, len) = (from, missing as usize);
            }
            Next::Ack => {}
        }
        let segment = Seg::new(flags, at).ack(ack).win(window).urg(1).ts(tsval, 0).data(len);
        segments.push(segment);
        if !matches!(next, Next::Fill) {
            seq += len as u32;
        }
    }
    segments
}

/// A connection that has sent 1,000 bytes, and its stack's user.
fn open(quick_acks: u8) -> (Rig, ConnectionId) {
    let mut rig = Rig::with(Config::default());
    let local = rig.local();
    let listener = rig.listen_with(ListenOptions {
        connection: ConnectionOptions {
            quick_acks,
            ..ConnectionOptions::default()
        },
        ..ListenOptions::new(local)
    });
    rig.inject(Seg::new("S", 0).mss(1012).sack_ok().wscale(0).ts(PEER_TS, 0));
    rig.next();
    rig.inject(Seg::new(".", 1).ack(1).win(60_000).ts(PEER_TS, 0));
    let id = rig.accept(listener);
    rig.send(id, 1, 1000);
    rig.next();
    rig.events();
    (rig, id)
}

/// All that can be seen of a connection after a batch, and of what comes next. The window alone may differ: it follows from
/// the memory that the text takes, and together it takes a little less or more than apart.
fn seen(rig: &mut Rig, id: ConnectionId) -> impl PartialEq + std::fmt::Debug + use<> {
    let out = std::mem::take(&mut rig.out);
    let out: Vec<Seg> = out.iter().map(|out| rig.relative(out).win(0)).collect();
    let status = rig
        .stack
        .status(rig.now(), id)
        .map(|status| Status { rcv_wnd: 0, ..status });
    let status = format!("{status:?}");
    let mut counters = rig.stack.counters().clone();
    counters.segments_joined = 0;
    (out, status, counters, rig.events())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nobody_can_tell_what_was_put_together(
        script in prop::collection::vec(next(), 1..40), quick_acks in prop_oneof![Just(0u8), Just(3), Just(100)],
    ) {
        let segments = segments(&script);
        let [(mut one, id), (mut all, _)] = [open(quick_acks), open(quick_acks)];
        let packets: Vec<Vec<u8>> = segments.iter().map(|segment| one.packet(segment)).collect();
        for packet in &packets {
            one.batch(&[packet]);
        }
        all.batch(&packets);
        prop_assert_eq!(one.stack.counters().segments_joined, 0);
        one.flush();
        all.flush();
        prop_assert_eq!(seen(&mut one, id), seen(&mut all, id), "{:?}", &segments);
        // And what they do with what follows.
        for rig in [&mut one, &mut all] {
            rig.advance(Duration::from_millis(60));
            rig.inject(Seg::new("P.", 1).ack(1001).win(60_000).ts(PEER_TS + 100, 0).data(60_000));
        }
        prop_assert_eq!(seen(&mut one, id), seen(&mut all, id), "{:?}", &segments);
        prop_assert!(one.read(id) == all.read(id), "{:?}", &segments);
    }
}

#[test]
fn full_segments_in_order_are_put_together() {
    let text = |seq: u32, len: usize| Seg::new(".", seq).ack(1).win(60_000).ts(PEER_TS, 0).data(len);
    let pushed = |seq: u32, len: usize| Seg {
        flags: flags("P."),
        ..text(seq, len)
    };
    let rows: [(&str, Vec<Seg>, u64); 12] = [
        ("one alone", vec![text(1, 1000)], 0),
        ("two", vec![text(1, 1000), text(1001, 1000)], 1),
        (
            "a smaller one ends it",
            vec![text(1, 1000), text(1001, 10), text(1011, 10)],
            1,
        ),
        (
            "a larger one begins anew",
            vec![text(1, 10), text(11, 1000), text(1011, 1000)],
            1,
        ),
        (
            "PSH ends it",
            vec![text(1, 1000), pushed(1001, 1000), text(2001, 1000)],
            1,
        ),
        (
            "pushed one by one",
            (0..5).map(|n| pushed(1 + n * 1000, 1000)).collect(),
            0,
        ),
        ("another window", vec![text(1, 1000), text(1001, 1000).win(59_000)], 0),
        (
            "another timestamp",
            vec![text(1, 1000), text(1001, 1000).ts(PEER_TS + 1, 0)],
            0,
        ),
        (
            "another acknowledgment",
            vec![text(1, 1000), text(1001, 1000).ack(2)],
            0,
        ),
        ("beyond a hole", vec![text(2, 1000), text(1002, 1000)], 0),
        ("what is kept as it is", vec![text(1, 5000), text(5001, 5000)], 0),
        (
            "as far as the window goes",
            (0..70).map(|n| text(1 + n * 1000, 1000)).collect(),
            62,
        ),
    ];
    for (name, segments, joined) in rows {
        let (mut rig, id) = open(0);
        let packets: Vec<Vec<u8>> = segments.iter().map(|segment| rig.packet(segment)).collect();
        rig.batch(&packets);
        rig.flush();
        assert_eq!(rig.stack.counters().segments_joined, joined, "{name}");
        assert_eq!(rig.status(id).segments_in as usize, 1 + segments.len(), "{name}");
    }
}

#[test]
fn a_run_is_acknowledged_once_and_read_at_once() {
    let (mut rig, id) = open(0);
    let packets: Vec<Vec<u8>> = (0..30)
        .map(|n| rig.packet(&Seg::new(".", 1 + n * 1000).ack(1).win(60_000).ts(PEER_TS, 0).data(1000)))
        .collect();
    rig.batch(&packets);
    rig.flush();
    rig.expect(".", 1001, 0, 30_001);
    rig.expect_nothing();
    assert_eq!(rig.receive(id), Ok(Received::Data(pattern(1, 30_000).into())));
}
