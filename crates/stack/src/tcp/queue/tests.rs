use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn bytes(n: usize, first: u8) -> Bytes {
    (0..n).map(|i| first.wrapping_add((i % 251) as u8)).collect()
}

fn of(sizes: &[usize]) -> ByteQueue {
    let mut queue = ByteQueue::new();
    for (first, &n) in sizes.iter().enumerate() {
        queue.push(bytes(n, first as u8));
    }
    queue
}

fn slices(queue: &mut ByteQueue, offset: usize, len: usize) -> Vec<Bytes> {
    let mut out = vec![];
    queue.slices(offset, len, &mut out);
    out
}

#[test]
fn large_pieces_are_kept_and_small_ones_copied() {
    let (large, small) = (bytes(SMALL, 0), bytes(SMALL - 1, 0));
    for (name, piece, is_kept) in [("large", large, true), ("small", small, false)] {
        let mut queue = ByteQueue::new();
        queue.push(piece.clone());
        let popped = queue.pop(usize::MAX).unwrap();
        assert_eq!(popped, piece, "{name}");
        assert_eq!(popped.as_ptr() == piece.as_ptr(), is_kept, "{name}");
    }
}

#[test]
fn pop_gives_what_lies_together_and_no_more_than_asked() {
    let mut queue = of(&[5000, 10, 10, 5000]);
    for (name, max, expected) in [
        ("nothing is asked", 0, None),
        ("a part", 1000, Some(1000)),
        ("the rest of the chunk", 1 << 20, Some(4000)),
        ("small pieces are one", 1 << 20, Some(20)),
        ("exactly", 5000, Some(5000)),
        ("empty", 1, None),
    ] {
        assert_eq!(queue.pop(max).map(|bytes| bytes.len()), expected, "{name}");
    }
}

#[test]
fn an_empty_queue_holds_no_memory() {
    let mut queue = of(&[10, 5000, 10]);
    queue.discard(usize::MAX);
    assert!(queue.is_empty());
    assert_eq!((queue.tail.capacity(), queue.chunks.capacity()), (0, 0));
}

#[test]
fn slices_are_cut_to_what_there_is() {
    for (name, offset, len, expected) in [
        ("nothing", 0, 0, vec![]),
        ("within a chunk", 1, 8, vec![8]),
        ("across chunks", 4999, 5002, vec![1, 5000, 1]),
        ("to the end", 9000, 1 << 20, vec![1000, 100]),
        ("length without bound", 0, usize::MAX, vec![5000, 5000, 100]),
        ("past the end", 10_100, 1, vec![]),
        ("far past the end", usize::MAX, usize::MAX, vec![]),
    ] {
        let got = slices(&mut of(&[5000, 5000, 100]), offset, len);
        assert_eq!(got.iter().map(Bytes::len).collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn the_tail_goes_on_after_a_slice_of_it_was_taken() {
    let mut queue = of(&[100]);
    let first = slices(&mut queue, 0, 100);
    queue.push(bytes(100, 9));
    assert_eq!(first, [bytes(100, 0)]);
    assert_eq!(slices(&mut queue, 100, 100).concat(), bytes(100, 9));
}

#[test]
fn single_bytes_that_are_sent_one_by_one_cost_few_chunks() {
    let mut queue = ByteQueue::new();
    for i in 0..100_000 {
        queue.push(bytes(1, i as u8));
        assert_eq!(slices(&mut queue, i, 1).concat().len(), 1);
    }
    assert!(queue.chunks.len() <= 100_000 / 2048 + 13, "{}", queue.chunks.len());
}

#[test]
fn single_bytes_that_arrive_backwards_cost_few_chunks() {
    let mut queue = of(&[5000, 5000]);
    for i in 0..10_000 {
        let mut before = of(&[1]);
        before.append(queue);
        queue = before;
        assert_eq!(queue.len(), 10_001 + i);
    }
    assert!(queue.chunks.len() <= 10_000 / 2048 + 15, "{}", queue.chunks.len());
}

#[derive(Debug, Clone)]
enum Op {
    Push(usize),
    Append(Vec<usize>),
    Pop(usize),
    Discard(usize),
    Slices(usize, usize),
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0usize..20, 3 => 0usize..3000, 1 => 3000usize..9000, 1 => 16_000usize..40_000]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => size().prop_map(Op::Push),
        2 => prop::collection::vec(size(), 0..8).prop_map(Op::Append),
        2 => size().prop_map(Op::Pop),
        1 => size().prop_map(Op::Discard),
        3 => (size(), size()).prop_map(|(offset, len)| Op::Slices(offset, len)),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_plain_vector(ops in prop::collection::vec(op(), 1..80)) {
        let (mut queue, mut model, mut given) = (ByteQueue::new(), Vec::new(), vec![]);
        for (first, op) in ops.into_iter().enumerate() {
            match op {
                Op::Push(n) => {
                    queue.push(bytes(n, first as u8));
                    model.extend_from_slice(&bytes(n, first as u8));
                }
                Op::Append(sizes) => {
                    model.extend(of(&sizes).to_vec());
                    queue.append(of(&sizes));
                }
                Op::Pop(max) => {
                    let popped = queue.pop(max);
                    prop_assert_eq!(popped.is_some(), max > 0 && !model.is_empty());
                    let popped = popped.unwrap_or_default();
                    prop_assert!(popped.len() <= max);
                    prop_assert_eq!(&popped[..], &model[..popped.len()]);
                    model.drain(..popped.len());
                }
                Op::Discard(n) => {
                    queue.discard(n);
                    model.drain(..n.min(model.len()));
                }
                Op::Slices(offset, len) => {
                    let got = slices(&mut queue, offset, len);
                    let from = offset.min(model.len());
                    let expected = model[from..(from + len).min(model.len())].to_vec();
                    prop_assert_eq!(got.concat(), expected.clone());
                    prop_assert!(got.iter().all(|slice| !slice.is_empty()));
                    given.push((got, expected));
                }
            }
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!(queue.is_empty(), model.is_empty());
        }
        prop_assert_eq!(queue.to_vec(), model);
        for (slices, expected) in given {
            prop_assert_eq!(slices.concat(), expected, "a slice never changes");
        }
    }
}
