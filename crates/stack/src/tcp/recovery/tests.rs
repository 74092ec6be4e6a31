use super::*;
use crate::tcp::congestion::CongestionControl;
use wire::option::SackBlocks;

const MSS: u32 = 1000;
/// Near the end of the number space, so that every test wraps around.
const UNA: SeqNumber = SeqNumber::new(u32::MAX - 2_500);
const TERMS: Terms = Terms {
    runs: 64,
    resolution: Duration::from_millis(1),
};

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// So many segments left at 0 ms.
struct Rig {
    recovery: Recovery,
    congestion: Congestion,
    una: SeqNumber,
    nxt: SeqNumber,
    sack: bool,
}

impl Rig {
    fn new(segments: u32, sack: bool) -> Self {
        let mut rig = Self {
            recovery: Recovery::new(),
            congestion: Congestion::new(CongestionControl::NewReno, MSS),
            una: UNA,
            nxt: UNA,
            sack,
        };
        for i in 0..segments {
            rig.send(0, UNA + i * MSS, UNA + (i + 1) * MSS);
        }
        rig
    }

    fn send(&mut self, ms: u64, start: SeqNumber, end: SeqNumber) {
        let leaving = Leaving {
            start,
            end,
            nxt: self.nxt,
            probe: false,
            tsval: None,
        };
        self.recovery.on_sent(at(ms), leaving, &TERMS);
        self.nxt = self.nxt.later(end);
    }

    fn flight(&self, ms: u64) -> Flight {
        Flight {
            una: self.una,
            nxt: self.nxt,
            mss: MSS,
            limited: true,
            sack: self.sack,
            news: false,
            now: at(ms),
            srtt: Some(Duration::from_millis(100)),
        }
    }

    /// An acknowledgment of so many segments, with blocks in thousands.
    fn ack(&mut self, ms: u64, segments: u32, blocks: &[(u32, u32)]) -> (News, Judged) {
        let mut sack = SackBlocks::default();
        for &(left, right) in blocks {
            sack.push(UNA + left * MSS, UNA + right * MSS);
        }
        let ack = UNA + segments * MSS;
        let heard = Heard {
            arrived: at(ms),
            ack,
            sack,
            duplicate: ack == self.una,
            echo: None,
        };
        let flight = self.flight(ms);
        let news = self.recovery.hear(&heard, &flight, &TERMS);
        let judged = self
            .recovery
            .judge(&news, &flight, news.last_rtt, &mut self.congestion, &TERMS);
        self.una = ack;
        (news, judged)
    }

    fn pipe(&self) -> u32 {
        self.recovery.pipe(self.una, self.nxt)
    }
}

#[test]
fn what_is_boxed_is_given_back_when_nothing_is_in_flight() {
    let mut rig = Rig::new(4, true);
    assert!(rig.recovery.sent.is_some());
    rig.ack(100, 1, &[(2, 3)]);
    rig.ack(100, 4, &[]);
    assert!(rig.recovery.sent.is_none() && rig.recovery.undo.is_none());
    assert_eq!(
        rig.recovery.min_rtt(),
        Some(Duration::from_millis(100)),
        "the path is remembered"
    );
}

#[test]
fn pipe_counts_what_is_neither_there_nor_lost() {
    let mut rig = Rig::new(10, true);
    rig.ack(100, 0, &[(1, 4)]);
    assert_eq!(rig.recovery.lost(), MSS);
    assert_eq!(rig.pipe(), 6 * MSS);
    let (start, end) = rig.recovery.due().expect("it is lost");
    rig.send(100, start, end);
    assert_eq!(rig.pipe(), 7 * MSS);
    assert_eq!(rig.recovery.due(), None);
}

#[test]
fn duplicates_stand_for_segments_that_left_the_network() {
    let mut rig = Rig::new(10, false);
    for n in 1..=2 {
        rig.ack(100, 0, &[]);
        assert_eq!((rig.pipe(), rig.recovery.phase()), ((10 - n) * MSS, Phase::Open));
    }
    rig.ack(100, 0, &[]);
    assert_eq!(rig.recovery.phase(), Phase::Fast { recover: rig.nxt });
    assert_eq!(rig.pipe(), 6 * MSS, "three arrived, and one is lost");
    assert_eq!(rig.recovery.due(), Some((UNA, UNA + MSS)));
    rig.send(100, UNA, UNA + MSS);
    rig.ack(200, 4, &[]);
    assert_eq!(
        rig.recovery.due(),
        Some((UNA + 4 * MSS, UNA + 5 * MSS)),
        "the next hole"
    );
}

#[test]
fn duplicates_of_what_was_sent_again_in_vain_start_nothing() {
    let mut rig = Rig::new(6, false);
    rig.recovery
        .on_timeout(&rig.flight(300), &mut rig.congestion, false, &TERMS);
    assert_eq!(rig.pipe(), 0);
    rig.send(300, UNA, UNA + MSS);
    rig.ack(400, 1, &[]);
    rig.ack(400, 6, &[]);
    assert_eq!(rig.recovery.phase(), Phase::Open);
    rig.send(410, UNA + 6 * MSS, UNA + 10 * MSS);
    (0..4).for_each(|_| {
        rig.ack(420, 6, &[]);
    });
    assert_eq!((rig.recovery.phase(), rig.pipe()), (Phase::Open, 4 * MSS));
}

#[test]
fn what_left_a_moment_ago_is_not_lost_with_the_timeout() {
    let mut rig = Rig::new(4, true);
    rig.ack(100, 1, &[]);
    rig.send(290, UNA + 4 * MSS, UNA + 5 * MSS);
    rig.recovery
        .on_timeout(&rig.flight(300), &mut rig.congestion, false, &TERMS);
    assert_eq!(rig.recovery.lost(), 3 * MSS);
    assert_eq!(rig.pipe(), MSS);
}

#[test]
fn dsack_is_the_first_block_that_is_old_or_within_the_second() {
    type Row<'a> = (&'a str, u32, &'a [(u32, u32)], bool, u32);
    #[rustfmt::skip]
    let rows: [Row<'_>; 5] = [
        ("old",                     2, &[(0, 1)],         true,  0),
        ("old, and an island",      2, &[(1, 2), (3, 4)], true,  1000),
        ("within the second",       0, &[(4, 5), (3, 6)], true,  3000),
        ("an island",               0, &[(3, 4)],         false, 1000),
        ("two islands",             0, &[(6, 7), (3, 4)], false, 2000),
    ];
    for (name, acked, blocks, dsack, sacked) in rows {
        let mut rig = Rig::new(10, true);
        let (news, _) = rig.ack(100, acked, blocks);
        assert_eq!((news.dsack, rig.recovery.sacked()), (dsack, sacked), "{name}");
        assert_eq!(rig.recovery.dsacks(), u16::from(dsack), "{name}");
    }
}

#[test]
fn resend_of_nothing_is_open() {
    let mut rig = Rig::new(0, true);
    rig.recovery.resend(&rig.flight(0), &mut rig.congestion);
    assert_eq!(rig.recovery.phase(), Phase::Open);
}

/// Within recovery the window is what proportional rate reduction says of the moment. With small segments that is some bytes.
#[test]
fn resend_in_fast_recovery_leaves_a_window_to_go_on_with() {
    let mut rig = Rig::new(10, true);
    rig.ack(100, 0, &[(1, 4)]);
    assert!(matches!(rig.recovery.phase(), Phase::Fast { .. }));
    rig.congestion.set_cwnd(4);
    rig.recovery.resend(&rig.flight(100), &mut rig.congestion);
    assert!(matches!(rig.recovery.phase(), Phase::Loss { .. }));
    assert_eq!(rig.congestion.cwnd(), rig.congestion.ssthresh());
    assert!(rig.congestion.cwnd() >= 2 * MSS);
}
