use proptest::prelude::*;

use super::*;
use crate::glance::Pattern;
use crate::rng::Rng;
use crate::unit::{Chance, Rate, Size};

fn at_ms(n: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(n)
}

fn impairment(text: &str) -> Impairment {
    text.parse().unwrap()
}

fn link(text: &str) -> Link<Vec<u8>> {
    Link::new(impairment(text), Vec::new(), Rng::new(1))
}

fn all(link: &mut Link<Vec<u8>>) -> Vec<(u64, Vec<u8>, bool)> {
    std::iter::from_fn(|| link.pop(at_ms(u64::MAX / 1_000_000)))
        .map(|arrival| (arrival.at.as_nanos(), arrival.packet, arrival.is_copy))
        .collect()
}

#[test]
fn a_perfect_link_delivers_in_order_after_the_delay() {
    let mut link = link("delay=5ms");
    assert_eq!(link.push(at_ms(0), vec![1]).arrives, Some(at_ms(5)));
    link.push(at_ms(1), vec![2]);
    assert_eq!(link.next(), Some(at_ms(5)));
    assert_eq!(link.pop(at_ms(4)), None);
    assert_eq!(link.pop(at_ms(5)).unwrap().packet, vec![1]);
    assert_eq!(link.pop(at_ms(5)), None);
    assert_eq!(link.pop(at_ms(6)).unwrap().packet, vec![2]);
    assert_eq!((link.len(), link.next()), (0, None));
}

#[test]
fn certain_fates_come_true() {
    for (text, check) in [
        (
            "loss=100%",
            (|fate| fate.lost == Some(Loss::Chance) && fate.arrives.is_none()) as fn(Fate) -> bool,
        ),
        ("duplicate=100%", |fate| fate.copy_arrives.is_some()),
        ("corrupt=100%", |fate| fate.flipped.is_some()),
        ("reorder=100%", |fate| fate.is_late),
        ("delay=0", |fate| fate.arrives == Some(Instant::ZERO)),
    ] {
        assert!(check(link(text).push(Instant::ZERO, vec![0; 40])), "{text}");
    }
}

#[test]
fn corruption_flips_exactly_the_bit_it_reports() {
    let mut link = link("corrupt=100%");
    let bit = link.push(Instant::ZERO, vec![0; 40]).flipped.unwrap();
    let arrived = link.pop(Instant::ZERO).unwrap().packet;
    let ones: u32 = arrived.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(ones, 1);
    assert_eq!(arrived[bit as usize / 8], 0x80 >> (bit % 8));
}

#[test]
fn a_late_packet_is_overtaken() {
    let mut link: Link<Vec<u8>> = Link::new(impairment("delay=10ms,reorder=50%"), Vec::new(), Rng::new(4));
    let late: Vec<bool> = (0..20_u8)
        .map(|n| link.push(at_ms(n.into()), vec![n]).is_late)
        .collect();
    let order: Vec<u8> = all(&mut link).into_iter().map(|(_, packet, _)| packet[0]).collect();
    assert!(!order.is_sorted());
    let in_time: Vec<u8> = order.into_iter().filter(|&n| !late[usize::from(n)]).collect();
    assert!(in_time.is_sorted());
}

#[test]
fn a_rate_spaces_packets_and_a_full_queue_loses_them() {
    // 1,000 bytes at 8 Mbit/s take one millisecond.
    let mut link = link("rate=8mbit,queue=2500");
    let packet = || vec![0; 1000];
    assert_eq!(link.push(at_ms(0), packet()).arrives, Some(at_ms(1)));
    assert_eq!(link.push(at_ms(0), packet()).arrives, Some(at_ms(2)));
    assert_eq!(link.push(at_ms(0), packet()).lost, Some(Loss::QueueFull));
    assert_eq!(link.push(at_ms(1), packet()).arrives, Some(at_ms(3)));
    assert_eq!(link.push(at_ms(9), packet()).arrives, Some(at_ms(10)));
}

#[test]
fn a_fault_strikes_the_nth_and_no_other() {
    let any = |nth, count, action| Fault {
        pattern: Pattern::default(),
        after: at_ms(1),
        nth,
        count,
        action,
    };
    let mut link: Link<Vec<u8>> = Link::new(
        Impairment::default(),
        vec![
            any(2, 1, Action::Drop),
            any(3, 2, Action::Delay(Duration::from_millis(7))),
        ],
        Rng::new(1),
    );
    assert_eq!(
        link.push(at_ms(0), vec![0; 20]).fault,
        None,
        "before its time a fault counts nothing"
    );
    let fates: Vec<Fate> = (0..6).map(|_| link.push(at_ms(1), vec![0; 20])).collect();
    let faults: Vec<Option<usize>> = fates.iter().map(|fate| fate.fault).collect();
    assert_eq!(faults, [None, Some(0), Some(1), Some(1), None, None]);
    assert_eq!(fates[1].lost, Some(Loss::Fault));
    assert_eq!(fates[2].arrives, Some(at_ms(8)));
}

#[test]
fn an_untouched_packet_only_takes_the_delay() {
    let mut link = link("delay=3ms,loss=100%,corrupt=100%");
    assert_eq!(link.push_untouched(at_ms(1), vec![9]), at_ms(4));
    assert_eq!(link.pop(at_ms(4)).unwrap().packet, vec![9]);
}

#[test]
fn impairments_are_read() {
    let read =
        impairment("loss=2%, reorder=1%,delay=5ms,duplicate=0.1%,corrupt=0.1%,rate=100mbit,queue=64k,jitter=1ms");
    let expected = Impairment {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(1),
        loss: Chance(20_000),
        duplicate: Chance(1_000),
        reorder: Chance(10_000),
        corrupt: Chance(1_000),
        rate: Some(Rate(100_000_000)),
        queue: Some(Size(65_536)),
    };
    assert_eq!(read, expected);
    assert_eq!(impairment(""), Impairment::default());
}

#[test]
fn what_is_no_impairment_is_refused_with_an_example() {
    let errors: Vec<String> = ["los=2%", "loss", "loss=2", "loss=1%,loss=2%", "queue=64k", "delay=5"]
        .iter()
        .map(|text| text.parse::<Impairment>().unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

proptest! {
    /// Nothing is invented: without duplication every packet comes out at most once, and what is neither lost nor
    /// damaged comes out as it went in, never before it was pushed.
    #[test]
    fn packets_are_kept_or_lost_but_never_made(
        seed: u64,
        loss in 0..=1_000_000_u32,
        reorder in 0..=1_000_000_u32,
        jitter_ms in 0..50_u64,
        gaps in prop::collection::vec(0..20_u64, 1..60),
    ) {
        let impairment = Impairment {
            delay: Duration::from_millis(10),
            jitter: Duration::from_millis(jitter_ms),
            loss: Chance(loss),
            reorder: Chance(reorder),
            ..Impairment::default()
        };
        let mut link: Link<Vec<u8>> = Link::new(impairment, Vec::new(), Rng::new(seed));
        let mut now = 0;
        let mut kept = Vec::new();
        for (n, gap) in gaps.iter().enumerate() {
            now += gap;
            let fate = link.push(at_ms(now), vec![n as u8]);
            prop_assert_eq!(fate.arrives.is_none(), fate.lost.is_some());
            if let Some(arrives) = fate.arrives {
                prop_assert!(arrives >= at_ms(now));
                kept.push((n as u8, arrives, fate.is_late));
            }
        }
        let out: Vec<(u64, u8)> = all(&mut link).into_iter().map(|(at, packet, _)| (at, packet[0])).collect();
        prop_assert!(out.is_sorted_by_key(|&(at, _)| at));
        let mut arrived: Vec<u8> = out.iter().map(|&(_, n)| n).collect();
        let in_time: Vec<u8> = arrived.iter().copied().filter(|n| kept.iter().any(|k| k.0 == *n && !k.2)).collect();
        prop_assert!(in_time.is_sorted(), "jitter alone changes no order: {:?}", in_time);
        arrived.sort_unstable();
        prop_assert_eq!(arrived, kept.iter().map(|k| k.0).collect::<Vec<_>>());
    }

    /// The same seed and the same packets have the same fates.
    #[test]
    fn fates_follow_from_the_seed(seed: u64) {
        let run = || {
            let mut link: Link<Vec<u8>> =
                Link::new(impairment("delay=5ms,jitter=2ms,loss=20%,duplicate=20%,corrupt=20%,reorder=20%"), Vec::new(), Rng::new(seed));
            let fates: Vec<Fate> = (0..50).map(|n| link.push(at_ms(n), vec![0; 60])).collect();
            (fates, all(&mut link))
        };
        prop_assert_eq!(run(), run());
    }
}
