use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Close enough to the end of the circle that everything goes round it.
const RCV_NXT: SeqNumber = SeqNumber::new(u32::MAX - 50);

fn insert(islands: &mut Islands, offset: u32, data: &'static [u8]) -> Inserted {
    islands.insert(RCV_NXT, RCV_NXT + offset, Bytes::from_static(data), 4)
}

fn blocks(islands: &Islands) -> Vec<(u32, u32)> {
    let sack = islands.sack_blocks();
    let offsets = sack.as_slice().iter();
    offsets
        .map(|(left, right)| (left.since(RCV_NXT), right.since(RCV_NXT)))
        .collect()
}

fn take(islands: &mut Islands, offset: u32) -> Option<Vec<u8>> {
    islands.take(RCV_NXT + offset).map(|queue| queue.to_vec())
}

#[test]
fn what_came_first_stays_and_what_is_new_joins() {
    use Inserted::{New, Old};
    for (name, pieces, expected) in [
        ("alone", vec![(10, "abc", New)], vec![(10, "abc")]),
        (
            "touching before",
            vec![(10, "abc", New), (8, "xy", New)],
            vec![(8, "xyabc")],
        ),
        (
            "touching behind",
            vec![(10, "abc", New), (13, "xy", New)],
            vec![(10, "abcxy")],
        ),
        (
            "a hole of one byte",
            vec![(10, "abc", New), (14, "x", New)],
            vec![(10, "abc"), (14, "x")],
        ),
        (
            "the same again",
            vec![(10, "abc", New), (10, "xyz", Old)],
            vec![(10, "abc")],
        ),
        ("within", vec![(10, "abc", New), (11, "x", Old)], vec![(10, "abc")]),
        ("around", vec![(10, "abc", New), (9, "vwxyz", New)], vec![(9, "vabcz")]),
        (
            "over the front",
            vec![(10, "abc", New), (9, "xyz", New)],
            vec![(9, "xabc")],
        ),
        (
            "over the back",
            vec![(10, "abc", New), (12, "xyz", New)],
            vec![(10, "abcyz")],
        ),
        (
            "fills the gap",
            vec![(10, "ab", New), (14, "ef", New), (12, "cd", New)],
            vec![(10, "abcdef")],
        ),
        (
            "over two gaps",
            vec![(10, "a", New), (12, "c", New), (14, "e", New), (9, "uvwxyz!", New)],
            vec![(9, "uawcye!")],
        ),
        ("empty", vec![(10, "", Old)], vec![]),
    ] {
        let mut islands = Islands::new();
        for (offset, data, outcome) in pieces {
            assert_eq!(insert(&mut islands, offset, data.as_bytes()), outcome, "{name}");
        }
        assert_eq!(
            islands.bytes(),
            expected.iter().map(|(_, data)| data.len()).sum::<usize>(),
            "{name}"
        );
        assert_eq!(islands.len(), expected.len(), "{name}");
        for (offset, data) in expected {
            assert_eq!(take(&mut islands, offset).as_deref(), Some(data.as_bytes()), "{name}");
        }
        assert!(islands.is_empty(), "{name}");
    }
}

#[test]
fn what_is_before_rcv_nxt_is_cut_off() {
    let mut islands = Islands::new();
    let old = RCV_NXT - 3;
    assert_eq!(
        islands.insert(RCV_NXT, old, Bytes::from_static(b"abc"), 4),
        Inserted::Old
    );
    assert_eq!(
        islands.insert(RCV_NXT, old, Bytes::from_static(b"abcd"), 4),
        Inserted::New
    );
    assert_eq!(take(&mut islands, 0).as_deref(), Some(&b"d"[..]));
}

#[test]
fn an_island_is_taken_when_its_hole_is_filled() {
    let mut islands = Islands::new();
    insert(&mut islands, 10, b"abc");
    insert(&mut islands, 60, b"def");
    insert(&mut islands, 70, b"ghi");
    for (name, offset, expected) in [
        ("before it", 9, None),
        ("in it", 11, Some(&b"bc"[..])),
        ("past one and before the next", 65, None),
        ("at it", 70, Some(b"ghi")),
        ("none left", 1000, None),
    ] {
        assert_eq!(take(&mut islands, offset).as_deref(), expected, "{name}");
    }
    assert_eq!(islands.bytes(), 0);
}

#[test]
fn one_island_too_many_is_refused_but_a_joining_one_is_not() {
    let mut islands = Islands::new();
    for i in 1..=4 {
        assert_eq!(insert(&mut islands, i * 10, b"ab"), Inserted::New);
    }
    assert_eq!(insert(&mut islands, 50, b"ab"), Inserted::Full);
    assert_eq!(insert(&mut islands, 5, b"ab"), Inserted::Full);
    assert_eq!(insert(&mut islands, 12, b"cd"), Inserted::New);
    assert_eq!(islands.bytes(), 10);
}

#[test]
fn the_block_of_the_latest_segment_is_first() {
    let mut islands = Islands::new();
    for i in [3, 1, 5, 4, 2] {
        islands.insert(RCV_NXT, RCV_NXT + i * 20, Bytes::from_static(b"abcd"), 8);
    }
    assert_eq!(blocks(&islands), [(40, 44), (80, 84), (100, 104), (20, 24)]);
    insert(&mut islands, 104, b"ef");
    assert_eq!(blocks(&islands), [(100, 106), (40, 44), (80, 84), (20, 24)]);
    insert(&mut islands, 21, b"b");
    assert_eq!(blocks(&islands)[0], (20, 24), "a duplicate counts as received");
}

/// Every byte of the window by itself.
struct Naive {
    bytes: Vec<Option<u8>>,
    rcv_nxt: usize,
    limit: usize,
}

impl Naive {
    fn runs(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = vec![];
        for at in (0..self.bytes.len()).filter(|&at| self.bytes[at].is_some()) {
            match runs.last_mut() {
                Some(run) if run.1 == at => run.1 = at + 1,
                _ => runs.push((at, at + 1)),
            }
        }
        runs
    }

    fn insert(&mut self, offset: usize, data: &[u8]) -> Inserted {
        let (from, to) = (offset.max(self.rcv_nxt), offset + data.len());
        if from >= to {
            return Inserted::Old;
        }
        let runs = self.runs();
        let joins = runs.iter().any(|&(start, end)| start <= to && from <= end);
        if !joins && runs.len() >= self.limit {
            return Inserted::Full;
        }
        let mut new = false;
        for at in from..to {
            new |= self.bytes[at].is_none();
            self.bytes[at].get_or_insert(data[at - offset]);
        }
        if new { Inserted::New } else { Inserted::Old }
    }

    fn take(&mut self, rcv_nxt: usize) -> Option<Vec<u8>> {
        self.rcv_nxt = rcv_nxt;
        self.bytes[..rcv_nxt].fill(None);
        let run = self.runs().into_iter().find(|&(start, _)| start == rcv_nxt)?;
        self.bytes[run.0..run.1].iter_mut().map(Option::take).collect()
    }
}

#[derive(Debug, Clone)]
enum Op {
    Insert { ahead: usize, len: usize },
    Old { ago: usize, len: usize },
    Take { ahead: usize },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0usize..120, 0usize..16).prop_map(|(ahead, len)| Op::Insert { ahead, len }),
        1 => (0usize..20, 0usize..60).prop_map(|(ago, len)| Op::Old { ago, len }),
        2 => (0usize..12).prop_map(|ahead| Op::Take { ahead }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn agrees_with_single_bytes(
        start in prop_oneof![Just(u32::MAX - 100), Just((1u32 << 31) - 100), any::<u32>()],
        limit in 1usize..6,
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let seq = |offset: usize| SeqNumber::new(start) + offset as u32;
        let mut naive = Naive { bytes: vec![None; 2000], rcv_nxt: 0, limit };
        let mut islands = Islands::new();
        for (round, op) in ops.into_iter().enumerate() {
            let (offset, len) = match op {
                Op::Insert { ahead, len } => (naive.rcv_nxt + ahead, len),
                Op::Old { ago, len } => (naive.rcv_nxt.saturating_sub(ago), len),
                Op::Take { ahead } => {
                    let rcv_nxt = naive.rcv_nxt + ahead;
                    let taken = islands.take(seq(rcv_nxt)).map(|queue| queue.to_vec());
                    prop_assert_eq!(&taken, &naive.take(rcv_nxt));
                    naive.rcv_nxt += taken.map_or(0, |taken| taken.len());
                    continue;
                }
            };
            let data: Vec<u8> = (0..len).map(|i| (round * 17 + i) as u8).collect();
            let expected = naive.insert(offset, &data);
            let got = islands.insert(seq(naive.rcv_nxt), seq(offset), Bytes::from(data), limit);
            prop_assert_eq!(got, expected);

            let runs = naive.runs();
            prop_assert_eq!(islands.len(), runs.len());
            prop_assert_eq!(islands.bytes(), runs.iter().map(|(start, end)| end - start).sum::<usize>());
            let sack = islands.sack_blocks();
            prop_assert_eq!(sack.as_slice().len(), runs.len().min(4));
            for (i, (left, right)) in sack.as_slice().iter().enumerate() {
                let run = (left.since(seq(0)) as usize, right.since(seq(0)) as usize);
                prop_assert!(runs.contains(&run));
                if i == 0 && got == Inserted::New {
                    prop_assert!(run.0 <= offset.max(naive.rcv_nxt) && offset + len <= run.1);
                }
            }
        }
    }
}
