use std::net::{Ipv4Addr, Ipv6Addr};
use std::vec;

use proptest::prelude::*;

use super::*;
use crate::config::Secrets;

const THEIRS: Mac = Mac([2, 0, 0x5e, 0x10, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0x5e, 0x10, 0, 66]);

fn keys() -> Keys {
    Keys::new(&Secrets {
        master: [9; 32],
        public: 0,
    })
}

fn address(n: u16) -> IpAddr {
    if n.is_multiple_of(2) {
        Ipv4Addr::from_bits(0x0a07_0000 | u32::from(n)).into()
    } else {
        Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, n).into()
    }
}

fn news(n: u16, mac: Mac, heard: Heard) -> News {
    News {
        address: address(n),
        mac: Some(mac),
        heard,
        overrides: true,
        is_gateway: false,
    }
}

/// A cache, its clock, and what it told.
struct Rig {
    cache: Cache,
    keys: Keys,
    now: Instant,
    told: Vec<NeighbourChange>,
}

impl Rig {
    fn new(limit: usize) -> Self {
        Self {
            cache: Cache::new(limit),
            keys: keys(),
            now: Instant::ZERO + Duration::from_secs(100),
            told: Vec::new(),
        }
    }

    fn ask(&mut self, n: u16) -> Option<u32> {
        let told = &mut self.told;
        self.cache
            .ask(self.now, &self.keys, address(n), &mut |change| told.push(change))
    }

    fn hear(&mut self, news: &News) -> Result<Vec<u32>, Why> {
        let told = &mut self.told;
        self.cache
            .hear(self.now, &self.keys, news, &mut |change| told.push(change))
    }

    fn find(&mut self, n: u16, is_ours: bool) -> Found {
        let told = &mut self.told;
        let mut place = u32::MAX;
        let mut tell = |change| told.push(change);
        self.cache
            .find(self.now, &self.keys, &mut place, address(n), is_ours, &mut tell)
    }

    fn confirm(&mut self, n: u16) {
        let told = &mut self.told;
        let place = self.cache.index(&self.keys, address(n)).unwrap_or(u32::MAX);
        self.cache
            .confirm(self.now, place, address(n), &mut |change| told.push(change));
    }

    /// Time passes, and timers run.
    fn advance(&mut self, by: Duration) -> Vec<Due> {
        let (end, mut due) = (self.now + by, Vec::new());
        while let Some(at) = self.cache.next().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            let told = &mut self.told;
            let mut tell = |change| told.push(change);
            while let Some(done) = self.cache.expire(self.now, &self.keys, &mut tell) {
                due.push(done);
            }
        }
        self.now = end;
        due
    }

    fn state(&self, n: u16) -> Option<NeighbourState> {
        let all: Vec<Neighbour> = self.cache.iter(self.now).collect();
        all.iter()
            .find(|known| known.address == address(n))
            .map(|known| known.state)
    }

    fn mac(&self, n: u16) -> Option<Mac> {
        self.cache
            .iter(self.now)
            .find(|known| known.address == address(n))
            .and_then(|known| known.mac)
    }

    /// A neighbour in this state, known by [`THEIRS`] where it is known, and not confirmed within a second.
    fn in_state(state: NeighbourState) -> Self {
        use NeighbourState::*;
        let mut rig = Self::new(16);
        match state {
            Incomplete => {
                rig.ask(1);
            }
            Failed => {
                rig.ask(1);
                rig.advance(Duration::from_secs(3));
            }
            Stale => {
                rig.hear(&news(1, THEIRS, Heard::Question)).expect("learnt");
            }
            Reachable => {
                rig.ask(1);
                rig.hear(&news(1, THEIRS, Heard::Answer)).expect("learnt");
                rig.advance(Duration::from_secs(2));
            }
            Delay | Probe => {
                rig.hear(&news(1, THEIRS, Heard::Question)).expect("learnt");
                rig.find(1, true);
                let wait = if state == Probe { 5 } else { 0 };
                rig.advance(Duration::from_secs(wait));
            }
        }
        assert_eq!(rig.state(1), Some(state));
        rig
    }
}

/// RFC 4861 appendix C, and RFC 826 where it says the same.
#[test]
fn what_is_heard_in_every_state() {
    use Heard::*;
    use NeighbourState::*;
    let ignored = Err(Why::NeighbourIgnored);
    let disputed = Err(Why::NeighbourDisputed);
    #[rustfmt::skip]
    let rows = [
        // state      heard         mac     overrides  outcome   then        known by
        (Incomplete, Answer,       THEIRS, true,  Ok(()),   Reachable,  Some(THEIRS)),
        (Incomplete, Answer,       THEIRS, false, Ok(()),   Reachable,  Some(THEIRS)),
        (Incomplete, Question,     THEIRS, true,  Ok(()),   Stale,      Some(THEIRS)),
        (Incomplete, Announcement, THEIRS, true,  ignored,  Incomplete, None),
        (Incomplete, Handshake,    THEIRS, true,  Ok(()),   Stale,      Some(THEIRS)),
        (Failed,     Question,     THEIRS, true,  Ok(()),   Stale,      Some(THEIRS)),
        (Failed,     Announcement, THEIRS, true,  ignored,  Failed,     None),
        (Reachable,  Answer,       THEIRS, true,  Ok(()),   Reachable,  Some(THEIRS)),
        (Reachable,  Answer,       OTHER,  true,  Ok(()),   Stale,      Some(OTHER)),
        (Reachable,  Announcement, OTHER,  true,  Ok(()),   Stale,      Some(OTHER)),
        (Reachable,  Announcement, OTHER,  false, disputed, Stale,      Some(THEIRS)),
        (Reachable,  Announcement, THEIRS, true,  Ok(()),   Reachable,  Some(THEIRS)),
        (Reachable,  Question,     OTHER,  true,  Ok(()),   Stale,      Some(OTHER)),
        (Reachable,  Handshake,    OTHER,  true,  disputed, Reachable,  Some(THEIRS)),
        (Stale,      Answer,       THEIRS, true,  Ok(()),   Stale,      Some(THEIRS)),
        (Stale,      Announcement, OTHER,  true,  Ok(()),   Stale,      Some(OTHER)),
        (Stale,      Announcement, OTHER,  false, disputed, Stale,      Some(THEIRS)),
        (Stale,      Handshake,    OTHER,  true,  Ok(()),   Stale,      Some(OTHER)),
        (Delay,      Announcement, THEIRS, true,  Ok(()),   Delay,      Some(THEIRS)),
        (Delay,      Announcement, OTHER,  true,  Ok(()),   Stale,      Some(OTHER)),
        (Probe,      Answer,       THEIRS, true,  Ok(()),   Reachable,  Some(THEIRS)),
        (Probe,      Answer,       OTHER,  true,  Ok(()),   Reachable,  Some(OTHER)),
        (Probe,      Answer,       OTHER,  false, disputed, Probe,      Some(THEIRS)),
        (Probe,      Question,     THEIRS, true,  Ok(()),   Probe,      Some(THEIRS)),
    ];
    for (state, heard, mac, overrides, outcome, then, known) in rows {
        let mut rig = Rig::in_state(state);
        let got = rig.hear(&News {
            overrides,
            ..news(1, mac, heard)
        });
        let name = std::format!("{state:?} hears {heard:?} of {mac}, overrides: {overrides}");
        assert_eq!(got.map(|_| ()), outcome, "{name}");
        assert_eq!((rig.state(1), rig.mac(1)), (Some(then), known), "{name}");
    }
    for heard in [Answer, Announcement] {
        let mut rig = Rig::new(16);
        assert_eq!(
            rig.hear(&news(1, THEIRS, heard)).map(|_| ()),
            ignored,
            "{heard:?} of nobody"
        );
    }
    let mut rig = Rig::in_state(Incomplete);
    let without = News {
        mac: None,
        ..news(1, THEIRS, Answer)
    };
    assert_eq!(rig.hear(&without).map(|_| ()), ignored, "an answer that says nothing");
}

#[test]
fn what_works_is_asked_before_another_is_believed() {
    use NeighbourState::*;
    for heard in [Heard::Question, Heard::Announcement, Heard::Answer] {
        let lie = |rig: &mut Rig| rig.hear(&news(1, OTHER, heard)).map(|_| ());
        let mut rig = Rig::in_state(Reachable);
        rig.confirm(1);
        rig.advance(Duration::from_millis(900));
        assert_eq!(lie(&mut rig), Err(Why::NeighbourDisputed));
        assert_eq!(rig.state(1), Some(Reachable), "just confirmed: nobody need be asked");
        // Since then something came from behind it, and that is all.
        rig.advance(Duration::from_millis(900));
        rig.cache.note(rig.now, 0, address(1));
        assert_eq!(lie(&mut rig), Err(Why::NeighbourDisputed));
        assert_eq!(rig.state(1), Some(Probe));
        let alone = Due::Solicit(address(1), Some(THEIRS));
        assert_eq!(rig.advance(Duration::ZERO), [alone]);
        rig.hear(&news(1, THEIRS, Heard::Answer)).expect("it is still there");
        assert_eq!((rig.state(1), rig.mac(1)), (Some(Reachable), Some(THEIRS)));
        rig.advance(Duration::from_millis(1_100));
        assert_eq!(lie(&mut rig), Ok(()), "or a move would never be believed");
        assert_eq!((rig.state(1), rig.mac(1)), (Some(Stale), Some(OTHER)));
    }
}

#[test]
fn a_suspect_is_asked_at_most_once_in_a_second() {
    use NeighbourState::*;
    for state in [Reachable, Stale, Delay] {
        let mut rig = Rig::in_state(state);
        let suspect = |rig: &mut Rig| {
            let told = &mut rig.told;
            rig.cache
                .suspect(rig.now, 0, address(1), &mut |change| told.push(change));
        };
        (0..3).for_each(|_| suspect(&mut rig));
        assert_eq!(rig.advance(Duration::from_millis(900)).len(), 1, "{state:?}");
        rig.hear(&news(1, THEIRS, Heard::Answer)).expect("it is still there");
        suspect(&mut rig);
        assert_eq!(
            (rig.state(1), rig.advance(Duration::from_millis(900))),
            (Some(Reachable), vec![])
        );
        rig.advance(Duration::from_millis(100));
        suspect(&mut rig);
        assert_eq!(rig.state(1), Some(Probe));
    }
}

#[test]
fn times_are_those_of_the_rfc() {
    use NeighbourState::*;
    let mut rig = Rig::in_state(Incomplete);
    rig.cache.wait(0, 77);
    let everybody = Due::Solicit(address(1), None);
    assert_eq!(rig.advance(Duration::from_millis(2_999)), vec![everybody; 2]);
    assert_eq!(rig.advance(Duration::from_millis(1)), [Due::Unanswered(0, vec![77])]);
    assert_eq!(rig.find(1, true), Found::Failed);
    assert_eq!(rig.advance(Duration::from_secs(1)), [Due::Done]);
    assert_eq!(rig.find(1, true), Found::Unknown);

    let mut rig = Rig::in_state(Reachable);
    rig.advance(Duration::from_millis(27_999));
    assert_eq!(
        rig.state(1),
        Some(Reachable),
        "30 s after its answer, less a millisecond"
    );
    rig.advance(Duration::from_millis(1));
    assert_eq!(
        (rig.state(1), rig.cache.next()),
        (Some(Stale), None),
        "and without a timer"
    );
    assert_eq!(rig.find(1, true), Found::To(THEIRS));
    let alone = Due::Solicit(address(1), Some(THEIRS));
    assert_eq!(rig.advance(Duration::from_millis(4_999)), []);
    assert_eq!(rig.advance(Duration::from_millis(2_001)), vec![alone.clone(); 3]);
    assert_eq!(rig.find(1, true), Found::To(THEIRS), "while it is probed");
    assert_eq!(rig.advance(Duration::from_secs(1)), [Due::Done]);
    let states: Vec<_> = rig.told.iter().map(|change| change.to).collect();
    let expected = [Some(Incomplete), Some(Reachable), Some(Delay), Some(Probe), None];
    assert_eq!(states, expected);
}

#[test]
fn what_is_confirmed_is_reachable_for_30_s_more() {
    use NeighbourState::*;
    for state in [Reachable, Stale, Delay, Probe] {
        let mut rig = Rig::in_state(state);
        rig.confirm(1);
        assert_eq!(rig.state(1), Some(Reachable), "{state:?}");
        assert_eq!(rig.advance(Duration::from_millis(29_999)), []);
        assert_eq!(rig.state(1), Some(Reachable), "{state:?}");
    }
    for state in [Incomplete, Failed] {
        let mut rig = Rig::in_state(state);
        rig.confirm(1);
        assert_eq!(rig.state(1), Some(state), "what is not known cannot be confirmed");
    }
}

#[test]
fn who_makes_room_for_whom() {
    let mut rig = Rig::new(16);
    // Ten that told us of themselves, five that a connection uses, and a gateway.
    for n in 0..10 {
        rig.hear(&news(n, THEIRS, Heard::Question)).expect("learnt");
    }
    for n in 10..15 {
        rig.hear(&news(n, THEIRS, Heard::Question)).expect("learnt");
        rig.find(n, true);
        rig.confirm(n);
    }
    let gateway = News {
        is_gateway: true,
        ..news(15, THEIRS, Heard::Question)
    };
    rig.hear(&gateway).expect("learnt");
    // Used for a stranger only, which keeps nobody's place.
    rig.find(0, false);

    for n in 100..130 {
        rig.hear(&news(n, THEIRS, Heard::Question)).expect("learnt");
    }
    let gone: Vec<u16> = (0..16).filter(|n| rig.state(*n).is_none()).collect();
    assert_eq!(
        gone,
        (0..10).collect::<Vec<_>>(),
        "those that nobody uses, the oldest first"
    );

    // We ask for ten: the rest of those go, and nobody in use.
    (200..210).for_each(|n| assert!(rig.ask(n).is_some()));
    assert!((10..16).all(|n| rig.state(n).is_some()));
    assert_eq!(rig.hear(&news(300, THEIRS, Heard::Question)), Err(Why::NeighboursFull));

    // Once one has not been used for long, a question may take its place, and takes no other.
    rig.advance(Duration::from_millis(500));
    (11..15).for_each(|n| rig.confirm(n));
    rig.now += Duration::from_millis(29_600);
    assert_eq!(rig.hear(&news(300, THEIRS, Heard::Question)), Ok(vec![]));
    assert_eq!(rig.state(10), None);
    assert_eq!(rig.hear(&news(301, THEIRS, Heard::Question)), Ok(vec![]));
    assert_eq!(rig.state(300), None, "the stranger itself");

    // For a question of ours those in use go as well, but never a gateway or one that is being asked for.
    (400..405).for_each(|n| assert!(rig.ask(n).is_some()));
    assert_eq!(rig.ask(500), None);
    assert!(rig.state(15).is_some() && (200..210).all(|n| rig.state(n).is_some()));
}

#[test]
fn gateways_change() {
    let mut rig = Rig::new(16);
    for n in 0..16 {
        let gateway = News {
            is_gateway: n < 8,
            ..news(n, THEIRS, Heard::Question)
        };
        rig.hear(&gateway).expect("learnt");
    }
    rig.cache.fix(|who| who == address(15));
    (100..115).for_each(|n| assert!(rig.ask(n).is_some(), "{n}"));
    assert!(rig.state(15).is_some());
    assert_eq!(rig.ask(200), None);
}

/// What may happen to a cache.
#[derive(Debug, Clone)]
enum Step {
    Ask(u16),
    Hear(u16, bool, Heard, bool, bool),
    Find(u16, bool),
    Confirm(u16),
    Advance(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = || 0u16..40;
    let heard = prop::sample::select(vec![
        Heard::Answer,
        Heard::Question,
        Heard::Announcement,
        Heard::Handshake,
    ]);
    prop_oneof![
        who().prop_map(Step::Ask),
        (who(), any::<bool>(), heard, any::<bool>(), any::<bool>())
            .prop_map(|(who, other, heard, overrides, has_mac)| Step::Hear(who, other, heard, overrides, has_mac)),
        (who(), any::<bool>()).prop_map(|(who, is_ours)| Step::Find(who, is_ours)),
        who().prop_map(Step::Confirm),
        prop::sample::select(vec![1, 99, 500, 1_000, 5_000, 31_000]).prop_map(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_it_is_bounded_and_comes_to_rest(steps in prop::collection::vec(any_step(), 0..300)) {
        let mut rig = Rig::new(16);
        for step in steps {
            match step {
                Step::Ask(who) => {
                    if rig.find(who, true) == Found::Unknown && let Some(i) = rig.ask(who) {
                        rig.cache.wait(i, u32::from(who));
                    }
                }
                Step::Hear(who, other, heard, overrides, has_mac) => {
                    let mac = if other { OTHER } else { THEIRS };
                    let news = News {
                        mac: has_mac.then_some(mac), overrides, is_gateway: who < 3, ..news(who, mac, heard)
                    };
                    for woken in rig.hear(&news).unwrap_or_default() {
                        prop_assert_eq!(woken, u32::from(who));
                    }
                }
                Step::Find(who, is_ours) => {
                    let known = rig.mac(who);
                    if let Found::To(mac) = rig.find(who, is_ours) {
                        prop_assert_eq!(Some(mac), known);
                    }
                }
                Step::Confirm(who) => rig.confirm(who),
                Step::Advance(ms) => {
                    rig.advance(Duration::from_millis(ms));
                }
            }
            let all: Vec<Neighbour> = rig.cache.iter(rig.now).collect();
            prop_assert!(all.len() <= 16);
            prop_assert!(all.iter().all(|known| known.waiting == 0 || known.state == NeighbourState::Incomplete));
        }
        // What was told adds up to what is there.
        let mut states = std::collections::BTreeMap::new();
        for change in &rig.told {
            prop_assert_eq!(states.insert(change.address, change.to).flatten(), change.from);
        }
        rig.advance(Duration::from_secs(20));
        prop_assert_eq!(rig.cache.next(), None);
        let is_at_rest = |state| matches!(state, NeighbourState::Reachable | NeighbourState::Stale);
        prop_assert!(rig.cache.iter(rig.now).all(|known| is_at_rest(known.state)));
    }
}
