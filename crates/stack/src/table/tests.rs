use std::collections::HashMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::config::Secrets;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    chain: u32,
    key: Digits,
    value: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digits(u32);

impl Key for Digits {
    fn hash(&self, keys: &Keys) -> u32 {
        keys.demux(&self.0.to_le_bytes())
    }
}

impl Node for Number {
    type Key = Digits;

    fn key(&self) -> Digits {
        self.key
    }

    fn chain(&self) -> u32 {
        self.chain
    }

    fn set_chain(&mut self, link: u32) {
        self.chain = link;
    }
}

fn number(key: u32, value: u32) -> Number {
    Number {
        chain: 0,
        key: Digits(key),
        value,
    }
}

fn keys() -> Keys {
    Keys::new(&Secrets {
        master: [3; 32],
        public: 0,
    })
}

#[test]
fn a_full_table_takes_no_more_until_one_is_removed() {
    let (keys, mut table) = (keys(), Table::new(3));
    let first = table.insert(&keys, number(0, 0)).unwrap();
    table.insert(&keys, number(1, 0));
    table.insert(&keys, number(2, 0));
    assert!(table.is_full());
    assert_eq!(table.insert(&keys, number(3, 0)), None);
    assert_eq!(table.remove(&keys, first).map(|node| node.key), Some(Digits(0)));
    assert_eq!(table.insert(&keys, number(3, 0)), Some(first), "the slot is used again");
}

#[test]
fn an_index_that_names_nothing_does_no_harm() {
    let (keys, mut table) = (keys(), Table::new(10));
    let i = table.insert(&keys, number(1, 1)).unwrap();
    table.remove(&keys, i);
    for (name, i) in [
        ("removed", i),
        ("never there", 5),
        ("beyond the chunk", 5000),
        ("the largest", u32::MAX),
    ] {
        assert_eq!(table.get(i), None, "{name}");
        assert_eq!(table.get_mut(i), None, "{name}");
        assert_eq!(table.remove(&keys, i), None, "{name}");
    }
    assert_eq!(table.len(), 0);
}

#[test]
fn entries_do_not_move_when_chunks_are_added() {
    let (keys, mut table) = (keys(), Table::new(10_000));
    let indices: Vec<_> = (0..10_000)
        .map(|n| table.insert(&keys, number(n, n)).unwrap())
        .collect();
    for (n, &i) in indices.iter().enumerate() {
        assert_eq!(table.find(Digits(n as u32).hash(&keys), &Digits(n as u32)), Some(i));
        assert_eq!(table.get(i).unwrap().value, n as u32);
    }
    assert_eq!(table.iter().count(), 10_000);
}

#[test]
fn slots_are_used_again_whatever_the_order() {
    let (keys, mut table) = (keys(), Table::new(100));
    for round in 0..50 {
        let indices: Vec<_> = (0..100).map(|n| table.insert(&keys, number(n, 0)).unwrap()).collect();
        for n in 0..100 {
            table.remove(&keys, indices[(n * 37 + round) % 100]);
        }
    }
    assert_eq!(table.slots(), 100);
}

#[test]
fn an_empty_table_has_allocated_nothing() {
    let table = Table::<Number>::new(ENTRIES_MAX);
    assert_eq!(table.allocated_bytes(), 0);
    assert_eq!(table.find(Digits(1).hash(&keys()), &Digits(1)), None);
}

proptest! {
    #[test]
    fn agrees_with_a_hash_map(ops in prop::collection::vec((0u8..4, 0u32..60, any::<u32>()), 1..400)) {
        let (keys, mut table, mut model) = (keys(), Table::<Number>::new(40), HashMap::new());
        for (op, key, value) in ops {
            let found = table.find(Digits(key).hash(&keys), &Digits(key));
            prop_assert_eq!(found.and_then(|i| table.get(i)).map(|node| node.value), model.get(&key).copied());
            match (op, found) {
                (0 | 1, None) => {
                    let inserted = table.insert(&keys, number(key, value));
                    prop_assert_eq!(inserted.is_some(), model.len() < 40);
                    if inserted.is_some() {
                        model.insert(key, value);
                    }
                }
                (2, Some(i)) => {
                    prop_assert_eq!(table.remove(&keys, i).map(|node| node.value), model.remove(&key));
                }
                (3, Some(i)) => {
                    table.get_mut(i).unwrap().value = value;
                    model.insert(key, value);
                }
                _ => {}
            }
            prop_assert_eq!(table.len(), model.len());
            let listed: HashMap<_, _> = table.iter().map(|(_, node)| (node.key.0, node.value)).collect();
            prop_assert_eq!(&listed, &model);
        }
    }
}
