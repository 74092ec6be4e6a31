use super::*;
use crate::tcp::congestion::CongestionControl;

const MSS: u32 = 1000;
/// Near the end of the number space, so that every test wraps around.
const UNA: SeqNumber = SeqNumber::new(u32::MAX - 2500);

fn flight(segments: u32) -> Flight {
    Flight {
        una: UNA,
        nxt: UNA + segments * MSS,
        mss: MSS,
        limited: true,
        now: Instant::ZERO,
        rtt: None,
        srtt: None,
    }
}

fn after(flight: Flight, ack: SeqNumber) -> Flight {
    Flight { una: ack, ..flight }
}

#[test]
fn third_duplicate_retransmits_and_halves() {
    let (mut r, mut c) = (Recovery::new(), Congestion::new(CongestionControl::NewReno, MSS));
    let f = flight(10);
    r.on_duplicate(f, &mut c);
    r.on_duplicate(f, &mut c);
    assert_eq!(r.due(f.una, f.nxt), None);
    assert_eq!(r.limited_transmit(MSS), 2 * MSS);
    r.on_duplicate(f, &mut c);
    assert_eq!(r.due(f.una, f.nxt), Some((UNA, f.nxt)));
    assert_eq!((c.ssthresh(), c.cwnd()), (5 * MSS, 8 * MSS));
    r.on_retransmitted(UNA + MSS);
    assert_eq!(r.due(f.una, f.nxt), None);
}

#[test]
fn partial_ack_retransmits_the_next_hole_and_full_ack_ends_recovery() {
    let (mut r, mut c) = (Recovery::new(), Congestion::new(CongestionControl::NewReno, MSS));
    let f = flight(10);
    (0..3).for_each(|_| r.on_duplicate(f, &mut c));
    r.on_retransmitted(UNA + MSS);
    let part = UNA + 4 * MSS;
    r.on_ack(part, f, &mut c);
    assert_eq!(r.due(part, f.nxt), Some((part, f.nxt)));
    r.on_retransmitted(part + MSS);
    r.on_ack(f.nxt, after(f, part), &mut c);
    assert!(r.is_open());
    assert_eq!(c.cwnd(), 2 * MSS);
}

#[test]
fn timeout_sends_everything_again_in_slow_start() {
    let (mut r, mut c) = (Recovery::new(), Congestion::new(CongestionControl::NewReno, MSS));
    let f = flight(6);
    r.on_timeout(f, &mut c, false);
    assert_eq!(r.due(f.una, f.nxt), Some((UNA, f.nxt)));
    assert_eq!(r.pipe(f.una, f.nxt), 0);
    r.on_retransmitted(UNA + MSS);
    assert_eq!(r.pipe(f.una, f.nxt), MSS);
    let ack = UNA + 3 * MSS;
    r.on_ack(ack, f, &mut c);
    assert_eq!(
        r.due(ack, f.nxt),
        Some((ack, f.nxt)),
        "what was acknowledged meanwhile is not sent again"
    );
    r.on_ack(f.nxt, after(f, ack), &mut c);
    assert!(r.is_open());
}

#[test]
fn duplicates_after_a_timeout_do_not_start_fast_recovery() {
    let (mut r, mut c) = (Recovery::new(), Congestion::new(CongestionControl::NewReno, MSS));
    let f = flight(6);
    r.on_timeout(f, &mut c, false);
    (0..5).for_each(|_| r.on_duplicate(f, &mut c));
    assert!(matches!(r.phase(), Phase::Loss { .. }));
    assert_eq!(c.cwnd(), MSS);
}

#[test]
fn resend_of_nothing_is_open() {
    let mut r = Recovery::new();
    r.resend(flight(0));
    assert!(r.is_open());
}
