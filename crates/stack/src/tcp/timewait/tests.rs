use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::vec::Vec;

use super::*;
use crate::config::Secrets;
use crate::tcp::roster::Entry;

fn keys() -> Keys {
    Keys::new(&Secrets {
        master: [6; 32],
        public: 0,
    })
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

fn v4(n: u32) -> FourTuple {
    let remote = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n / 1000));
    FourTuple::new(
        "10.7.0.2:80".parse().unwrap(),
        SocketAddr::new(remote, 40_000 + (n % 1000) as u16),
    )
}

fn v6(n: u32) -> FourTuple {
    let remote = IpAddr::V6(Ipv6Addr::from_bits(0xfd00 << 112 | u128::from(n)));
    FourTuple::new("[fd00::2]:80".parse().unwrap(), SocketAddr::new(remote, 40_000))
}

fn facts(tuple: FourTuple) -> TimeWaitFacts {
    TimeWaitFacts {
        tuple,
        snd_nxt: SeqNumber::new(1),
        rcv_nxt: SeqNumber::new(u32::MAX),
        ts_recent: 3,
        ts_offset: 4,
        timestamps: true,
    }
}

#[test]
fn every_fact_comes_back() {
    let keys = keys();
    for (name, facts) in [
        ("IPv4", facts(v4(1))),
        ("IPv6", facts(v6(1))),
        (
            "no timestamps",
            TimeWaitFacts {
                timestamps: false,
                ..facts(v4(1))
            },
        ),
    ] {
        let mut waits = TimeWaits::new(4);
        waits.insert(at(0), &keys, &self::facts(v4(7)), at(1));
        assert_eq!(waits.insert(at(500), &keys, &facts, at(60_500)).evicted, None, "{name}");
        let i = waits.find(&keys.place(&facts.tuple)).unwrap();
        let view = waits.get(i).unwrap();
        assert_eq!(view.facts, facts, "{name}");
        assert!(!view.reopening, "{name}");
        assert_eq!(view.remaining(at(500)), Duration::from_secs(60), "{name}");
        assert_eq!(waits.remove(&keys, i), Some(view), "{name}");
        assert_eq!(waits.find(&keys.place(&facts.tuple)), None, "{name}");
    }
}

#[test]
fn changes_are_kept() {
    let (keys, mut waits) = (keys(), TimeWaits::new(2));
    for tuple in [v4(1), v6(1)] {
        waits.insert(at(0), &keys, &facts(tuple), at(1000));
        let i = waits.find(&keys.place(&tuple)).unwrap();
        waits.begin_reopening(i);
        waits.set_ts_recent(i, 99);
        let view = waits.get(i).unwrap();
        assert!(view.reopening && view.facts.timestamps);
        assert_eq!(view.facts.ts_recent, 99);
        let first = view.iss;
        assert!(first.after(view.facts.snd_nxt));
        waits.reopening_failed(i);
        let view = waits.get(i).unwrap();
        assert!(!view.reopening && view.facts.timestamps);
        assert!(view.iss.after(first), "no two SYN-ACKs with one ISS");
        for _ in 0..63 {
            waits.reopening_failed(i);
        }
        let view = waits.get(i).unwrap();
        assert_eq!((view.iss, view.facts.timestamps), (first, true), "the count goes round");
    }
}

#[test]
fn a_restarted_entry_lives_its_time_again() {
    let (keys, mut waits) = (keys(), TimeWaits::new(2));
    waits.insert(at(0), &keys, &facts(v6(1)), at(60_000));
    let i = waits.find(&keys.place(&v6(1))).unwrap();
    assert_eq!(waits.expire(at(59_999)), None);
    waits.restart(at(59_999), i, at(119_999));
    assert_eq!(waits.expire(at(119_998)), None);
    assert!(waits.next().unwrap() <= at(119_999));
    assert_eq!(waits.expire(at(119_999)), Some(i));
    assert!(waits.remove(&keys, i).is_some());
    assert_eq!(waits.next(), None);
}

#[test]
fn a_full_table_gives_up_the_one_nearest_its_end() {
    let (keys, mut waits) = (keys(), TimeWaits::new(100));
    let tuple = |n: u32| if n.is_multiple_of(2) { v4(n) } else { v6(n) };
    for n in 0..1000 {
        let now = at(u64::from(n) * 10);
        let inserted = waits.insert(now, &keys, &facts(tuple(n)), now + Duration::from_secs(60));
        assert_eq!(inserted.evicted, n.checked_sub(100).map(tuple), "{n}");
        assert!(waits.len() <= 100);
    }
}

#[test]
fn an_entry_of_the_same_tuple_is_replaced() {
    let (keys, mut waits) = (keys(), TimeWaits::new(1));
    waits.insert(at(0), &keys, &facts(v4(1)), at(1000));
    let newer = TimeWaitFacts {
        snd_nxt: SeqNumber::new(500),
        ..facts(v4(1))
    };
    assert_eq!(waits.insert(at(10), &keys, &newer, at(2000)).evicted, None);
    let views: Vec<_> = waits.iter().collect();
    assert_eq!(views.len(), 1);
    assert_eq!((views[0].facts, views[0].until), (newer, at(2000)));
}

#[test]
fn a_million_entries_keep_to_their_budget() {
    assert!(size_of::<Entry<Ipv4Addr, Body>>() <= 44);
    assert!(size_of::<Entry<Ipv6Addr, Body>>() <= 68);
    const MILLION: u32 = 1_000_000;
    let keys = keys();
    for (name, tuple, budget) in [("IPv4", v4 as fn(u32) -> FourTuple, 48), ("IPv6", v6, 72)] {
        let mut waits = TimeWaits::new(MILLION as usize);
        for n in 0..MILLION {
            waits.insert(at(0), &keys, &facts(tuple(n)), at(60_000));
        }
        assert_eq!(waits.len(), MILLION as usize);
        let each = waits.roster.allocated_bytes().div_ceil(MILLION as usize);
        assert!(each <= budget, "{name}: {each}");
    }
}
