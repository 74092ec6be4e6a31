use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::vec::Vec;

use super::*;
use crate::config::Secrets;
use crate::tcp::roster::Entry;

fn keys() -> Keys {
    Keys::new(&Secrets {
        master: [5; 32],
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

const OFFER: Offer = Offer {
    mss: 1460,
    window_scale: Some(7),
    sack: true,
    timestamps: true,
    ecn: false,
};

fn facts(tuple: FourTuple) -> EmbryoFacts {
    EmbryoFacts {
        tuple,
        irs: SeqNumber::new(0xdead_beef),
        ts_recent: 77,
        listener: 3,
        offer: OFFER,
        reopening: false,
        epoch: 200,
    }
}

#[test]
fn every_fact_comes_back() {
    let base = facts(v4(1));
    let keys = keys();
    let offering = |offer| EmbryoFacts { offer, ..base };
    for (name, facts) in [
        ("as it is", base),
        ("IPv6", facts(v6(1))),
        (
            "no scale",
            offering(Offer {
                window_scale: None,
                ..OFFER
            }),
        ),
        (
            "scale 0",
            offering(Offer {
                window_scale: Some(0),
                ..OFFER
            }),
        ),
        (
            "scale 14",
            offering(Offer {
                window_scale: Some(14),
                ..OFFER
            }),
        ),
        ("no SACK", offering(Offer { sack: false, ..OFFER })),
        (
            "no timestamps",
            offering(Offer {
                timestamps: false,
                ..OFFER
            }),
        ),
        ("ECN", offering(Offer { ecn: true, ..OFFER })),
        ("largest MSS", offering(Offer { mss: u16::MAX, ..OFFER })),
        (
            "reopening",
            EmbryoFacts {
                reopening: true,
                ..base
            },
        ),
        (
            "largest",
            EmbryoFacts {
                listener: u16::MAX,
                epoch: u8::MAX,
                ..base
            },
        ),
    ] {
        let mut embryos = Embryos::new(4);
        // Entries before it, so that its chain is in use, too.
        embryos.insert(at(0), &keys, &self::facts(v4(7))).unwrap();
        embryos.insert(at(0), &keys, &self::facts(v6(7))).unwrap();
        let i = embryos.insert(at(500), &keys, &facts).unwrap();
        assert_eq!(embryos.find(&keys.place(&facts.tuple)), Some(i), "{name}");
        assert_eq!(embryos.get(i).unwrap().facts, facts, "{name}");
        assert_eq!(embryos.remove(&keys, i).unwrap().facts, facts, "{name}");
        assert_eq!(embryos.find(&keys.place(&facts.tuple)), None, "{name}");
        assert_eq!(embryos.get(i), None, "{name}");
    }
}

#[test]
fn a_scale_above_14_counts_as_14() {
    let (keys, mut embryos) = (keys(), Embryos::new(1));
    let offer = Offer {
        window_scale: Some(255),
        ..OFFER
    };
    let odd = EmbryoFacts { offer, ..facts(v4(1)) };
    let i = embryos.insert(at(0), &keys, &odd).unwrap();
    assert_eq!(embryos.get(i).unwrap().facts.offer.window_scale, Some(14));
}

#[test]
fn age_is_counted_in_tenths_across_the_end_of_its_circle() {
    let (keys, mut embryos) = (keys(), Embryos::new(1));
    for (name, born, now, age) in [
        ("at once", 50, 50, 0),
        ("a tenth", 50, 150, 100),
        ("ten minutes", 1000, 601_000, 600_000),
        ("across the circle", 6_553_500, 6_553_600 + 1000, 1100),
    ] {
        let i = embryos.insert(at(born), &keys, &facts(v4(1))).unwrap();
        assert_eq!(
            embryos.remove(&keys, i).unwrap().age(at(now)),
            Duration::from_millis(age),
            "{name}"
        );
    }
}

#[test]
fn changes_are_kept() {
    let (keys, mut embryos) = (keys(), Embryos::new(2));
    for tuple in [v4(1), v6(1)] {
        let i = embryos.insert(at(0), &keys, &facts(tuple)).unwrap();
        embryos.set_ts_recent(i, 1000);
        for _ in 0..300 {
            embryos.count_retransmission(i);
        }
        let view = embryos.get(i).unwrap();
        assert_eq!((view.facts.ts_recent, view.retransmissions), (1000, 127));
    }
}

#[test]
fn the_limit_is_one_for_both_families() {
    let (keys, mut embryos) = (keys(), Embryos::new(2));
    assert!(embryos.insert(at(0), &keys, &facts(v4(1))).is_some());
    assert!(embryos.insert(at(0), &keys, &facts(v6(1))).is_some());
    assert_eq!(embryos.insert(at(0), &keys, &facts(v4(2))), None);
    assert_eq!(embryos.insert(at(0), &keys, &facts(v6(2))), None);
    assert_eq!(embryos.len(), 2);
}

#[test]
fn entries_of_both_families_expire_in_time() {
    let (keys, mut embryos) = (keys(), Embryos::new(10));
    for (tuple, due) in [(v4(1), 3000), (v6(1), 1000), (v6(2), 5000)] {
        let i = embryos.insert(at(0), &keys, &facts(tuple)).unwrap();
        embryos.schedule(at(0), i, at(due));
    }
    assert!(embryos.next().unwrap() <= at(1000));
    assert_eq!(embryos.expire(at(999)), None);
    let due: Vec<_> = core::iter::from_fn(|| embryos.expire(at(4000))).collect();
    let due: Vec<_> = due.into_iter().map(|i| embryos.get(i).unwrap().facts.tuple).collect();
    assert_eq!(due, [v4(1), v6(1)]);
    assert_eq!(
        embryos.len(),
        3,
        "an entry whose time has come stays until it is removed"
    );
    let i = embryos.find(&keys.place(&v6(2))).unwrap();
    embryos.remove(&keys, i);
    assert_eq!(embryos.next(), None);
}

#[test]
fn families_are_never_mixed() {
    let (keys, mut embryos) = (keys(), Embryos::new(4));
    let mixed = FourTuple {
        local_addr: v6(1).local_addr,
        ..v4(1)
    };
    assert_eq!(embryos.insert(at(0), &keys, &facts(mixed)), None);
    assert_eq!(embryos.find(&keys.place(&mixed)), None);
}

#[test]
fn a_million_entries_keep_to_their_budget() {
    assert!(size_of::<Entry<Ipv4Addr, Body>>() <= 44);
    assert!(size_of::<Entry<Ipv6Addr, Body>>() <= 68);
    const MILLION: u32 = 1_000_000;
    let keys = keys();
    for (name, tuple, budget) in [("IPv4", v4 as fn(u32) -> FourTuple, 48), ("IPv6", v6, 72)] {
        let mut embryos = Embryos::new(MILLION as usize);
        for n in 0..MILLION {
            embryos.insert(at(0), &keys, &facts(tuple(n))).unwrap();
        }
        let each = embryos.roster.allocated_bytes().div_ceil(MILLION as usize);
        assert!(each <= budget, "{name}: {each}");
    }
}
