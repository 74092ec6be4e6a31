use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Near the end of the number space, so that every test wraps around.
const UNA: SeqNumber = SeqNumber::new(u32::MAX - 2_500);
const LIMIT: usize = 64;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// Segments of 1,000 bytes, each a millisecond after the one before.
fn board(segments: u32) -> Scoreboard {
    let mut board = Scoreboard::new(UNA);
    for i in 0..segments {
        let start = UNA + i * 1000;
        board.on_fresh(at(u64::from(i)), start, start + 1000, LIMIT);
    }
    board
}

/// `0-1 S, 1-3 L*`: thousands from the first number, the fate, a star where it was sent again.
fn drawn(board: &Scoreboard) -> String {
    let runs: Vec<String> = board
        .iter()
        .map(|run| {
            let fate = match run.fate {
                Fate::InFlight => 'F',
                Fate::Sacked => 'S',
                Fate::Lost => 'L',
            };
            let star = if run.again { "*" } else { "" };
            std::format!("{}-{} {fate}{star}", thousands(run.start), thousands(run.end))
        })
        .collect();
    runs.join(", ")
}

fn thousands(seq: SeqNumber) -> String {
    let n = seq.since(UNA);
    if n.is_multiple_of(1000) {
        std::format!("{}", n / 1000)
    } else {
        std::format!("{}.{:03}", n / 1000, n % 1000)
    }
}

fn sack(board: &mut Scoreboard, from: u32, to: u32) -> u32 {
    let mut news = 0;
    board.sack(UNA + from, UNA + to, LIMIT, |run| news += run.len());
    news
}

fn newest(ms: u64, end: u32) -> Sent {
    Sent {
        at: at(ms),
        end: UNA + end,
    }
}

#[test]
fn what_leaves_at_one_time_is_one_run() {
    let mut board = Scoreboard::new(UNA);
    board.on_fresh(at(1), UNA, UNA + 1000, LIMIT);
    board.on_fresh(at(1), UNA + 1000, UNA + 3000, LIMIT);
    board.on_fresh(at(2), UNA + 3000, UNA + 4000, LIMIT);
    assert_eq!(drawn(&board), "0-3 F, 3-4 F");
}

/// Its name, the blocks, the runs after them, and what the last block was the first to tell of.
type Row<'a> = (&'a str, &'a [(u32, u32)], &'a str, u32);

#[test]
fn sack_divides_and_joins() {
    #[rustfmt::skip]
    let rows: [Row<'_>; 9] = [
        ("one segment",                 &[(1000, 2000)],                             "0-1 F, 1-2 S, 2-3 F, 3-4 F", 1000),
        ("the same again",              &[(1000, 2000), (1000, 2000)],               "0-1 F, 1-2 S, 2-3 F, 3-4 F", 0),
        ("it grows to the right",       &[(1000, 2000), (1000, 3000)],               "0-1 F, 1-3 S, 3-4 F", 1000),
        ("it grows to the left",        &[(2000, 3000), (1000, 3000)],               "0-1 F, 1-3 S, 3-4 F", 1000),
        ("beside it on the left",       &[(2000, 3000), (1000, 2000)],               "0-1 F, 1-3 S, 3-4 F", 1000),
        ("two become one",              &[(0, 1000), (2000, 3000), (1000, 2000)],    "0-3 S, 3-4 F", 1000),
        ("over everything",             &[(1000, 1500), (2500, 3000), (0, 4000)],    "0-4 S", 3000),
        ("part of a segment",           &[(1200, 1700)],                             "0-1 F, 1-1.200 F, 1.200-1.700 S, 1.700-2 F, 2-3 F, 3-4 F", 500),
        ("across segments",             &[(500, 2500)],                              "0-0.500 F, 0.500-2.500 S, 2.500-3 F, 3-4 F", 2000),
    ];
    for (name, blocks, after, news) in rows {
        let mut board = board(4);
        let mut last = 0;
        let mut sum = 0;
        for &(from, to) in blocks {
            last = sack(&mut board, from, to);
            sum += last;
        }
        assert_eq!(drawn(&board), after, "{name}");
        assert_eq!((last, board.sacked()), (news, sum), "{name}");
    }
}

#[test]
fn block_that_would_make_too_many_runs_is_ignored() {
    let mut board = board(1);
    for i in 0..400 {
        board.sack(UNA + 2 * i, UNA + 2 * i + 1, LIMIT, |_| {});
    }
    assert_eq!(board.len(), LIMIT);
    let before = board.sacked();
    assert!(!board.sack(UNA + 900, UNA + 901, LIMIT, |_| panic!("it is ignored whole")));
    assert_eq!(board.sacked(), before);
    assert!(
        board.sack(UNA, UNA + 1000, LIMIT, |_| {}),
        "one that makes fewer is taken"
    );
    assert_eq!((board.len(), board.sacked()), (1, 1000));
}

#[test]
fn what_is_sent_past_the_limit_counts_with_what_was_sent_before() {
    let board = board(100);
    assert_eq!(board.len(), LIMIT);
    assert_eq!(board.back().map(|run| (run.sent, run.len())), Some((at(99), 37_000)));
}

#[test]
fn acknowledgment_tells_each_part_and_gives_it_back() {
    let mut board = board(4);
    sack(&mut board, 1000, 2000);
    board.lose_first(1000);
    let mut told = Vec::new();
    board.acknowledge(UNA + 2500, |run| told.push((run.len(), run.fate)));
    assert_eq!(told, [(1000, Fate::Lost), (1000, Fate::Sacked), (500, Fate::InFlight)]);
    assert_eq!(drawn(&board), "2.500-3 F, 3-4 F");
    assert_eq!((board.sacked(), board.lost()), (0, 0));
}

/// As long for what was sent once as for what was sent again.
fn both(wait: Duration) -> Wait {
    Wait {
        once: wait,
        again: wait,
    }
}

#[test]
fn detection_takes_what_is_older_and_waits_for_what_is_not_due() {
    let mut board = board(6);
    sack(&mut board, 4000, 5000);
    // Sent at 0, 1, 2, 3 ms; the fifth, sent at 4 ms, was delivered at 24 ms: a round trip of 20 ms.
    let wait = board.detect(at(24), newest(4, 5000), both(Duration::from_millis(22)));
    assert_eq!(drawn(&board), "0-3 L, 3-4 F, 4-5 S, 5-6 F");
    assert_eq!(wait, Some(Duration::from_millis(1)));
    assert_eq!(
        board.detect(at(25), newest(4, 5000), both(Duration::from_millis(22))),
        None
    );
    assert_eq!(board.lost(), 4000);
    assert_eq!(board.first_lost(), Some((UNA, UNA + 4000)));
}

#[test]
fn lost_retransmission_is_found_by_what_left_after_it() {
    let mut board = board(4);
    sack(&mut board, 3000, 4000);
    board.detect(at(30), newest(3, 4000), both(Duration::from_millis(10)));
    assert_eq!(drawn(&board), "0-3 L, 3-4 S");
    board.on_resent(at(30), UNA, UNA + 1000, LIMIT);
    board.on_resent(at(31), UNA + 1000, UNA + 2000, LIMIT);
    assert_eq!(drawn(&board), "0-1 F*, 1-2 F*, 2-3 L, 3-4 S");
    assert_eq!(board.first_lost(), Some((UNA + 2000, UNA + 3000)));
    sack(&mut board, 1000, 2000);
    assert_eq!(
        board.detect(at(51), newest(31, 2000), both(Duration::from_millis(20))),
        None
    );
    assert_eq!(drawn(&board), "0-1 L*, 1-2 S*, 2-3 L, 3-4 S");
    // What was acknowledged since is not lost again.
    board.on_resent(at(51), UNA, UNA + 1000, LIMIT);
    board.acknowledge(UNA + 1000, |_| {});
    assert_eq!(board.detect(at(99), newest(90, 9000), both(Duration::ZERO)), None);
    assert_eq!(board.lost(), 1000);
}

#[test]
fn what_was_sent_again_is_not_lost_once_more_before_the_clock_has_moved() {
    let mut board = board(4);
    sack(&mut board, 3000, 4000);
    let (now, tick) = (at(3), Duration::from_millis(1));
    // A path that takes no time: all that left before the fourth is lost at once.
    let wait = Wait {
        once: Duration::ZERO,
        again: tick,
    };
    board.detect(now, newest(3, 4000), wait);
    assert_eq!(drawn(&board), "0-3 L, 3-4 S");
    board.on_resent(now, UNA, UNA + 3000, LIMIT);
    assert_eq!(board.detect(now, newest(3, 4000), wait), Some(tick));
    assert_eq!(drawn(&board), "0-3 F*, 3-4 S");
    assert_eq!(board.detect(now + tick, newest(3, 4000), wait), None);
    assert_eq!(drawn(&board), "0-3 L*, 3-4 S");
}

#[test]
fn part_of_what_is_lost_can_be_sent_again() {
    let mut board = board(4);
    board.lose_all(|_| false);
    assert_eq!(drawn(&board), "0-4 L");
    board.on_resent(at(9), UNA, UNA + 1000, LIMIT);
    board.on_resent(at(9), UNA + 1000, UNA + 1500, LIMIT);
    assert_eq!(drawn(&board), "0-1.500 F*, 1.500-4 L");
    assert_eq!(board.lost(), 2500);
    // The last segment again, which was not lost: a probe.
    board.on_resent(at(10), UNA + 3500, UNA + 4000, LIMIT);
    assert_eq!(drawn(&board), "0-1.500 F*, 1.500-3.500 L, 3.500-4 F*");
}

#[test]
fn peer_that_throws_away_what_it_told_of_is_sent_it_again() {
    let mut board = board(4);
    sack(&mut board, 1000, 3000);
    board.forget_sacks();
    board.lose_all(|run| run.start == UNA + 3000);
    assert_eq!(drawn(&board), "0-3 L, 3-4 F");
    assert_eq!((board.sacked(), board.lost()), (0, 3000));
    board.find_lost();
    assert_eq!((board.lost(), board.first_lost()), (0, None));
}

/// The same as a naive model: a fate for each byte.
#[derive(Debug, Clone, Copy)]
enum Act {
    Fresh(u32),
    Sack(u32, u32),
    Ack(u32),
    LoseFirst(u32),
    LoseAll,
    Resend(u32),
    Forget,
    Find,
    Detect(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1u32..40).prop_map(Act::Fresh),
        4 => (0u32..200, 1u32..40).prop_map(|(from, len)| Act::Sack(from, len)),
        2 => (0u32..60).prop_map(Act::Ack),
        1 => (1u32..30).prop_map(Act::LoseFirst),
        1 => Just(Act::LoseAll),
        3 => (1u32..30).prop_map(Act::Resend),
        1 => Just(Act::Forget),
        1 => Just(Act::Find),
        2 => (0u64..60).prop_map(Act::Detect),
    ]
}

proptest! {
    #[test]
    fn runs_agree_with_a_fate_for_each_byte(acts in prop::collection::vec(act(), 1..120)) {
        let mut board = Scoreboard::new(UNA);
        let mut bytes: Vec<Fate> = Vec::new();
        let mut una = UNA;
        for (time, act) in acts.into_iter().enumerate() {
            let now = at(time as u64);
            let len = bytes.len() as u32;
            match act {
                Act::Fresh(n) => {
                    board.on_fresh(now, una + len, una + len + n, 1000);
                    bytes.extend((0..n).map(|_| Fate::InFlight));
                }
                Act::Sack(from, n) if from < len => {
                    let to = (from + n).min(len);
                    let mut news = 0;
                    board.sack(una + from, una + to, 1000, |run| news += run.len());
                    let part = &mut bytes[from as usize..to as usize];
                    prop_assert_eq!(news as usize, part.iter().filter(|&&b| b != Fate::Sacked).count());
                    part.fill(Fate::Sacked);
                }
                Act::Ack(n) => {
                    let n = n.min(len);
                    let mut told = 0;
                    board.acknowledge(una + n, |run| told += run.len());
                    prop_assert_eq!(told, n);
                    bytes.drain(..n as usize);
                    una += n;
                }
                Act::LoseFirst(n) => {
                    let first_run = board.front().map_or(0, |run| if run.fate == Fate::InFlight { run.len() } else { 0 });
                    board.lose_first(n);
                    bytes[..n.min(first_run) as usize].fill(Fate::Lost);
                }
                Act::LoseAll => {
                    board.lose_all(|_| false);
                    bytes.iter_mut().filter(|b| **b != Fate::Sacked).for_each(|b| *b = Fate::Lost);
                }
                Act::Resend(n) => {
                    let first = bytes.iter().position(|&b| b == Fate::Lost);
                    let found = board.first_lost();
                    prop_assert_eq!(found.map(|(start, _)| start.since(una) as usize), first);
                    if let Some((start, end)) = found {
                        let end = end.earlier(start + n);
                        board.on_resent(now, start, end, 1000);
                        bytes[start.since(una) as usize..end.since(una) as usize].fill(Fate::InFlight);
                    }
                }
                Act::Forget => {
                    board.forget_sacks();
                    bytes.iter_mut().filter(|b| **b == Fate::Sacked).for_each(|b| *b = Fate::InFlight);
                }
                Act::Find => {
                    board.find_lost();
                    bytes.iter_mut().filter(|b| **b == Fate::Lost).for_each(|b| *b = Fate::InFlight);
                }
                Act::Detect(ms) => {
                    let newest = Sent { at: at(ms), end: una };
                    board.detect(now, newest, both(Duration::from_millis(20)));
                    let mut i = 0;
                    for run in board.iter() {
                        if run.fate == Fate::Lost {
                            bytes[i..i + run.len() as usize].fill(Fate::Lost);
                        }
                        i += run.len() as usize;
                    }
                }
                Act::Sack(..) => {}
            }
            let told: Vec<Fate> = board.iter().flat_map(|run| (0..run.len()).map(|_| run.fate)).collect();
            prop_assert_eq!(&told, &bytes, "{:?}: {}", act, drawn(&board));
            let count = |fate| bytes.iter().filter(|&&b| b == fate).count() as u32;
            prop_assert_eq!((board.sacked(), board.lost()), (count(Fate::Sacked), count(Fate::Lost)));
            let mut next = una;
            for run in board.iter() {
                prop_assert_eq!(run.start, next);
                prop_assert!(run.start.before(run.end));
                next = run.end;
            }
        }
    }
}
