use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const LIMITS: fn() -> Limits = || Limits {
    datagrams: 4,
    datagram_bytes: 64 << 10,
    datagram_lifetime: Duration::from_secs(30),
    ..Limits::default()
};

/// A piece of a datagram, as it would be read.
#[derive(Debug, Clone)]
struct Piece {
    offset: usize,
    more: bool,
    bytes: Vec<u8>,
    id: u32,
    ecn: Ecn,
    protocol: u8,
    v6: bool,
}

fn piece(offset: usize, len: usize, more: bool) -> Piece {
    Piece {
        offset,
        more,
        bytes: content(offset, len),
        id: 1,
        ecn: Ecn::NotEct,
        protocol: 6,
        v6: false,
    }
}

fn content(offset: usize, len: usize) -> Vec<u8> {
    (offset..offset + len).map(|i| (i % 251) as u8).collect()
}

fn push(store: &mut Reassembler, ms: u64, piece: &Piece) -> Pushed {
    let [src, dst] = if piece.v6 {
        ["fd00::1", "fd00::2"]
    } else {
        ["10.0.0.1", "10.0.0.2"]
    };
    let packet = [&[0xee; 7], &piece.bytes[..], &[0xee; 3]].concat();
    let datagram = Datagram {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        protocol: piece.protocol,
        hop_limit: 9,
        dscp: wire::ip::Dscp::default(),
        ecn: piece.ecn,
        fragment: Some(Fragment {
            id: piece.id,
            offset: piece.offset,
            more: piece.more,
        }),
        payload: 7..7 + piece.bytes.len(),
    };
    store.push(Instant::ZERO + Duration::from_millis(ms), &datagram, &packet)
}

fn outcome(store: &mut Reassembler, piece: &Piece) -> Outcome {
    push(store, 0, piece).outcome
}

/// The payload of the whole datagram, whose header must be one that is accepted.
fn payload(whole: &[u8]) -> Vec<u8> {
    let datagram = Datagram::parse(whole).unwrap();
    assert_eq!(datagram.fragment, None);
    assert_eq!((datagram.protocol, datagram.hop_limit), (6, 9));
    assert_eq!(datagram.payload.end, whole.len());
    whole[datagram.payload].to_vec()
}

const BAD: Outcome = Outcome::Refused(Why::BadFragment);

#[test]
fn pieces_in_any_order_make_the_datagram() {
    for v6 in [false, true] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut store = Reassembler::new(&LIMITS());
            let pieces = [piece(0, 16, true), piece(16, 8, true), piece(24, 5, false)];
            let mut last = None;
            for i in order {
                assert!(!matches!(last, Some(Outcome::Whole(_))));
                last = Some(outcome(
                    &mut store,
                    &Piece {
                        v6,
                        ..pieces[i].clone()
                    },
                ));
            }
            let Some(Outcome::Whole(whole)) = last else {
                panic!("{order:?}: {last:?}")
            };
            assert_eq!(payload(&whole), content(0, 29), "{order:?}");
            assert_eq!((store.partials.len(), store.bytes), (0, 0), "{order:?}");
        }
    }
}

#[test]
fn pieces_that_cannot_be_are_refused() {
    for (name, piece) in [
        ("empty", piece(8, 0, true)),
        ("not a multiple of 8", piece(0, 12, true)),
        ("past the longest datagram", piece(65_528, 8, false)),
        ("too long with its header", piece(65_512, 16, false)),
        ("far out", piece(usize::MAX & !7, 7, false)),
    ] {
        let mut store = Reassembler::new(&Limits {
            datagram_bytes: 1 << 20,
            ..LIMITS()
        });
        let filler = Piece {
            bytes: content(0, 65_512),
            ..self::piece(0, 0, true)
        };
        assert_eq!(outcome(&mut store, &filler), Outcome::Held, "{name}");
        assert_eq!(outcome(&mut store, &piece), BAD, "{name}");
    }
}

#[test]
fn an_overlap_ends_the_datagram_and_nothing_is_remembered() {
    for (name, bad) in [
        ("over the front", piece(8, 16, true)),
        ("over the back", piece(24, 16, true)),
        ("within", piece(16, 8, true)),
        ("around", piece(8, 40, true)),
        (
            "the same place with other bytes",
            Piece {
                bytes: vec![9; 16],
                ..piece(16, 16, true)
            },
        ),
        ("the same place, longer", piece(16, 24, true)),
        ("an end before what is held", piece(8, 8, false)),
        ("the same piece as if it were the last", piece(16, 16, false)),
    ] {
        let mut store = Reassembler::new(&LIMITS());
        assert_eq!(outcome(&mut store, &piece(16, 16, true)), Outcome::Held, "{name}");
        assert_eq!(outcome(&mut store, &bad), BAD, "{name}");
        assert_eq!((store.partials.len(), store.bytes), (0, 0), "{name}");
    }
}

#[test]
fn two_ends_contradict_each_other() {
    for (name, bad) in [
        ("another end", piece(32, 8, false)),
        ("more behind the end", piece(24, 8, true)),
        ("the last as if more followed", piece(16, 8, true)),
    ] {
        let mut store = Reassembler::new(&LIMITS());
        assert_eq!(outcome(&mut store, &piece(16, 8, false)), Outcome::Held, "{name}");
        assert_eq!(outcome(&mut store, &bad), BAD, "{name}");
        assert!(store.partials.is_empty(), "{name}");
    }
}

#[test]
fn a_piece_that_comes_twice_is_ignored() {
    let mut store = Reassembler::new(&LIMITS());
    for piece in [
        piece(0, 8, true),
        piece(0, 8, true),
        piece(16, 3, false),
        piece(16, 3, false),
    ] {
        assert_eq!(outcome(&mut store, &piece), Outcome::Held);
    }
    let Outcome::Whole(whole) = outcome(&mut store, &piece(8, 8, true)) else {
        panic!("not whole")
    };
    assert_eq!(payload(&whole), content(0, 19));
}

#[test]
fn datagrams_are_told_apart_by_what_their_family_says() {
    for (name, v6, other, is_same) in [
        (
            "another id",
            false,
            Piece {
                id: 2,
                ..piece(8, 8, false)
            },
            false,
        ),
        (
            "another protocol in IPv4",
            false,
            Piece {
                protocol: 17,
                ..piece(8, 8, false)
            },
            false,
        ),
        (
            "another next header in IPv6",
            true,
            Piece {
                protocol: 17,
                ..piece(8, 8, false)
            },
            true,
        ),
        (
            "another id in IPv6",
            true,
            Piece {
                id: 1 << 20,
                ..piece(8, 8, false)
            },
            false,
        ),
    ] {
        let mut store = Reassembler::new(&LIMITS());
        outcome(
            &mut store,
            &Piece {
                v6,
                ..piece(0, 8, true)
            },
        );
        let is_whole = matches!(outcome(&mut store, &Piece { v6, ..other }), Outcome::Whole(_));
        assert_eq!(is_whole, is_same, "{name}");
    }
}

#[test]
fn a_congestion_mark_is_never_lost() {
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    for (pieces, expected) in [
        ([Ect0, Ect0], Some(Ect0)),
        ([Ect1, Ect1], Some(Ect1)),
        ([NotEct, NotEct], Some(NotEct)),
        ([Ect0, Ce], Some(Ce)),
        ([Ce, Ect1], Some(Ce)),
        ([Ce, Ce], Some(Ce)),
        ([Ce, NotEct], None),
        ([Ect0, NotEct], Some(NotEct)),
    ] {
        let mut store = Reassembler::new(&LIMITS());
        outcome(
            &mut store,
            &Piece {
                ecn: pieces[0],
                ..piece(0, 8, true)
            },
        );
        let last = outcome(
            &mut store,
            &Piece {
                ecn: pieces[1],
                ..piece(8, 8, false)
            },
        );
        match last {
            Outcome::Whole(whole) => assert_eq!(Some(Datagram::parse(&whole).unwrap().ecn), expected, "{pieces:?}"),
            other => assert_eq!((other, expected), (BAD, None), "{pieces:?}"),
        }
    }
}

#[test]
fn the_oldest_makes_room() {
    let mut store = Reassembler::new(&LIMITS());
    for id in 0..4 {
        assert_eq!(
            push(
                &mut store,
                u64::from(id),
                &Piece {
                    id,
                    ..piece(0, 8, true)
                }
            )
            .given_up,
            0
        );
    }
    // The oldest grows, which does not make it younger.
    assert_eq!(
        push(
            &mut store,
            5,
            &Piece {
                id: 0,
                ..piece(8, 8, true)
            }
        )
        .given_up,
        0
    );
    assert_eq!(
        push(
            &mut store,
            6,
            &Piece {
                id: 9,
                ..piece(0, 8, true)
            }
        )
        .given_up,
        1
    );
    let ids: Vec<_> = store.partials.iter().map(|partial| partial.key.id).collect();
    assert_eq!(ids, [1, 2, 3, 9]);
}

#[test]
fn bytes_are_bounded_with_what_holds_them() {
    let mut store = Reassembler::new(&LIMITS());
    let mut given_up = 0;
    for id in 0..3 {
        given_up += push(
            &mut store,
            0,
            &Piece {
                id,
                ..piece(0, 24 << 10, true)
            },
        )
        .given_up;
        assert!(store.bytes <= LIMITS().datagram_bytes);
    }
    assert_eq!(given_up, 1);
}

#[test]
fn a_datagram_that_grows_too_old_makes_room_itself() {
    let mut store = Reassembler::new(&LIMITS());
    for id in 0..2 {
        push(
            &mut store,
            0,
            &Piece {
                id,
                ..piece(0, 24 << 10, true)
            },
        );
    }
    let grown = push(&mut store, 9, &piece(24 << 10, 24 << 10, true));
    assert_eq!(
        (grown.outcome, grown.given_up),
        (Outcome::Held, 1),
        "the older one goes first"
    );
    let grown = push(
        &mut store,
        9,
        &Piece {
            id: 2,
            ..piece(0, 24 << 10, true)
        },
    );
    assert_eq!((grown.outcome, grown.given_up), (Outcome::Held, 1));
    for offset in [24 << 10, 48 << 10] {
        let grown = push(
            &mut store,
            9,
            &Piece {
                id: 2,
                ..piece(offset, 8 << 10, true)
            },
        );
        assert_eq!(grown.outcome, Outcome::Held);
    }
    push(
        &mut store,
        9,
        &Piece {
            id: 3,
            ..piece(0, 16 << 10, true)
        },
    );
    let grown = push(
        &mut store,
        9,
        &Piece {
            id: 2,
            ..piece(32 << 10, 16 << 10, true)
        },
    );
    assert_eq!(
        (grown.outcome, grown.given_up),
        (Outcome::Refused(Why::FragmentsFull), 0)
    );
    assert_eq!(store.partials.len(), 1);
}

#[test]
fn one_datagram_never_costs_more_than_the_bound() {
    let mut store = Reassembler::new(&LIMITS());
    let refused = (0..4000).find_map(|i| match outcome(&mut store, &piece(16 * i, 8, true)) {
        Outcome::Refused(why) => Some(why),
        _ => None,
    });
    assert_eq!(refused, Some(Why::FragmentsFull));
    assert_eq!((store.partials.len(), store.bytes), (0, 0));
}

#[test]
fn what_waits_too_long_is_given_up() {
    let mut store = Reassembler::new(&LIMITS());
    let at = |ms| Instant::ZERO + Duration::from_millis(ms);
    push(&mut store, 100, &piece(0, 8, true));
    push(
        &mut store,
        200,
        &Piece {
            id: 2,
            ..piece(0, 8, true)
        },
    );
    push(&mut store, 20_000, &piece(8, 8, true));
    assert_eq!(store.next(), Some(at(30_100)));
    assert_eq!(store.expire(at(30_099)), 0);
    assert_eq!(store.expire(at(30_100)), 1);
    assert_eq!(store.expire(at(60_000)), 1);
    assert_eq!((store.next(), store.bytes), (None, 0));
}

#[test]
fn a_packet_that_is_no_piece_is_refused() {
    let mut store = Reassembler::new(&LIMITS());
    let datagram = Datagram {
        src: "10.0.0.1".parse().unwrap(),
        dst: "10.0.0.2".parse().unwrap(),
        protocol: 6,
        hop_limit: 9,
        dscp: wire::ip::Dscp::default(),
        ecn: Ecn::NotEct,
        fragment: None,
        payload: 0..8,
    };
    assert_eq!(store.push(Instant::ZERO, &datagram, &[0; 8]).outcome, BAD);
}

/// One datagram, every byte by itself.
#[derive(Default)]
struct Naive {
    bytes: Vec<Option<u8>>,
    pieces: Vec<(usize, bool, Vec<u8>)>,
    end: Option<usize>,
}

impl Naive {
    fn push(&mut self, piece: &Piece) -> Option<Vec<u8>> {
        let end = piece.offset + piece.bytes.len();
        let seen = (piece.offset, piece.more, piece.bytes.clone());
        if self.pieces.contains(&seen) {
            return None;
        }
        self.bytes.resize(self.bytes.len().max(end), None);
        let overlaps = self.bytes[piece.offset..end].iter().any(Option::is_some);
        let passes = self.bytes.len() > self.end.unwrap_or(usize::MAX)
            || !piece.more && (self.bytes.len() > end || self.end.is_some_and(|known| known != end));
        if overlaps || passes {
            *self = Self::default();
            return None;
        }
        for (slot, byte) in self.bytes[piece.offset..end].iter_mut().zip(&piece.bytes) {
            *slot = Some(*byte);
        }
        self.pieces.push(seen);
        self.end = if piece.more { self.end } else { Some(end) };
        let whole: Option<Vec<u8>> = self.bytes.iter().copied().collect();
        let whole = whole.filter(|_| self.end.is_some());
        if whole.is_some() {
            *self = Self::default();
        }
        whole
    }
}

fn any_piece() -> impl Strategy<Value = Piece> {
    (0usize..8, 1usize..4, 0u8..20, any::<bool>()).prop_map(|(offset, units, odd, v6)| {
        let mut piece = Piece {
            v6,
            ..piece(offset * 8, units * 8, offset + units < 8)
        };
        // Now and then a piece that contradicts the others.
        match odd {
            0 => piece.more = !piece.more,
            1 => piece.bytes.fill(odd),
            _ => {}
        }
        piece
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn agrees_with_single_bytes(pieces in prop::collection::vec(any_piece(), 1..80)) {
        let mut store = Reassembler::new(&LIMITS());
        let mut naive = [Naive::default(), Naive::default()];
        for piece in &pieces {
            let expected = naive[usize::from(piece.v6)].push(piece);
            let got = match outcome(&mut store, piece) {
                Outcome::Whole(whole) => Some(payload(&whole)),
                _ => None,
            };
            prop_assert_eq!(got, expected);
        }
        let held: usize = store.partials.iter().map(Partial::cost).sum();
        prop_assert_eq!(store.bytes, held);
    }
}
