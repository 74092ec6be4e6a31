use std::collections::HashSet;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const EPOCH: u64 = 27_000_001;

const OFFER: Offer = Offer {
    mss: 1460,
    window_scale: Some(7),
    sack: true,
    timestamps: true,
    ecn: false,
};

const BARE: Offer = Offer {
    timestamps: false,
    ..OFFER
};

fn bound(text: &str) -> Bound {
    let (local, remote) = text.split_once(' ').unwrap();
    Bound {
        tuple: FourTuple::new(local.parse().unwrap(), remote.parse().unwrap()),
        irs: SeqNumber::new(77),
        own_mss: 1460,
        own_window_scale: 8,
    }
}

fn v4() -> Bound {
    bound("10.7.0.2:80 10.7.0.1:40000")
}

fn v6() -> Bound {
    bound("[fd07::2]:80 [fd07::1]:40000")
}

fn mint(byte: u8) -> Mint {
    Mint::new(&Secrets {
        master: [byte; 32],
        public: 0,
    })
}

fn check(mint: &mut Mint, unix_s: u64, bound: &Bound, cookie: Cookie) -> Result<Verified, Refusal> {
    mint.verify(unix_s, &InFlight::ANY, bound, cookie.iss, cookie.tsval)
}

#[test]
fn every_option_survives_where_the_client_offers_timestamps() {
    for (name, bound, offer, expected) in [
        ("as it is", v4(), OFFER, OFFER),
        (
            "no scale",
            v4(),
            Offer {
                window_scale: None,
                ..OFFER
            },
            Offer {
                window_scale: None,
                ..OFFER
            },
        ),
        (
            "scale 0",
            v4(),
            Offer {
                window_scale: Some(0),
                ..OFFER
            },
            Offer {
                window_scale: Some(0),
                ..OFFER
            },
        ),
        (
            "scale 13",
            v4(),
            Offer {
                window_scale: Some(13),
                ..OFFER
            },
            Offer {
                window_scale: Some(13),
                ..OFFER
            },
        ),
        (
            "scale beyond all",
            v4(),
            Offer {
                window_scale: Some(200),
                ..OFFER
            },
            Offer {
                window_scale: Some(14),
                ..OFFER
            },
        ),
        (
            "no SACK",
            v4(),
            Offer { sack: false, ..OFFER },
            Offer { sack: false, ..OFFER },
        ),
        ("ECN", v4(), Offer { ecn: true, ..OFFER }, Offer { ecn: true, ..OFFER }),
        (
            "an MSS between two",
            v4(),
            Offer { mss: 1448, ..OFFER },
            Offer { mss: 1440, ..OFFER },
        ),
        (
            "jumbo frames",
            v4(),
            Offer { mss: 8960, ..OFFER },
            Offer { mss: 8960, ..OFFER },
        ),
        (
            "an MSS below all",
            v4(),
            Offer { mss: 100, ..OFFER },
            Offer { mss: 536, ..OFFER },
        ),
        ("IPv6", v6(), Offer { mss: 1440, ..OFFER }, Offer { mss: 1440, ..OFFER }),
        (
            "IPv6, tunnel",
            v6(),
            Offer { mss: 1300, ..OFFER },
            Offer { mss: 1280, ..OFFER },
        ),
    ] {
        let cookie = mint(1).mint(EPOCH, &bound, &offer);
        assert!(cookie.tsval.is_some(), "{name}");
        let read = check(&mut mint(1), EPOCH * EPOCH_S, &bound, cookie);
        assert_eq!(
            read,
            Ok(Verified {
                offer: expected,
                epoch: EPOCH
            }),
            "{name}"
        );
    }
}

#[test]
fn mss_scale_and_sack_survive_without_timestamps() {
    for (name, bound, offer, expected) in [
        ("as it is", v4(), BARE, BARE),
        (
            "no scale",
            v4(),
            Offer {
                window_scale: None,
                ..BARE
            },
            Offer {
                window_scale: None,
                ..BARE
            },
        ),
        (
            "scale 0",
            v4(),
            Offer {
                window_scale: Some(0),
                ..BARE
            },
            Offer {
                window_scale: Some(0),
                ..BARE
            },
        ),
        (
            "scale 3 is rounded down",
            v4(),
            Offer {
                window_scale: Some(3),
                ..BARE
            },
            Offer {
                window_scale: Some(0),
                ..BARE
            },
        ),
        (
            "scale 9 is rounded down",
            v4(),
            Offer {
                window_scale: Some(9),
                ..BARE
            },
            Offer {
                window_scale: Some(8),
                ..BARE
            },
        ),
        (
            "scale 14",
            v4(),
            Offer {
                window_scale: Some(14),
                ..BARE
            },
            Offer {
                window_scale: Some(14),
                ..BARE
            },
        ),
        (
            "no SACK",
            v4(),
            Offer { sack: false, ..BARE },
            Offer { sack: false, ..BARE },
        ),
        ("ECN has no place", v4(), Offer { ecn: true, ..BARE }, BARE),
        ("PPPoE", v4(), Offer { mss: 1452, ..BARE }, Offer { mss: 1440, ..BARE }),
        (
            "IPv6, PPPoE",
            v6(),
            Offer { mss: 1432, ..BARE },
            Offer { mss: 1420, ..BARE },
        ),
    ] {
        let cookie = mint(1).mint(EPOCH, &bound, &offer);
        assert_eq!(cookie.tsval, None, "{name}");
        let read = check(&mut mint(1), EPOCH * EPOCH_S, &bound, cookie);
        assert_eq!(
            read,
            Ok(Verified {
                offer: expected,
                epoch: EPOCH
            }),
            "{name}"
        );
    }
}

#[test]
fn a_cookie_lives_until_the_epoch_after_its_own_is_over() {
    // Both parities, for the parity picks the epoch.
    for epoch in [EPOCH, EPOCH + 1] {
        let cookie = mint(1).mint(epoch, &v4(), &OFFER);
        let start = epoch * EPOCH_S;
        for (name, unix_s, lives) in [
            ("a clock behind by more than the skew", start - SKEW_S - 1, false),
            ("a clock behind by the skew", start - SKEW_S, true),
            ("a clock behind by a second", start - 1, true),
            ("at once", start, true),
            ("at the end of its epoch", start + 63, true),
            ("at the start of the next", start + 64, true),
            ("at the end of the next", start + 127, true),
            ("after that", start + 128, false),
            ("two epochs on, with the same parity", start + 129, false),
            ("an hour on", start + 3600, false),
        ] {
            let is_taken = check(&mut mint(1), unix_s, &v4(), cookie).is_ok();
            assert_eq!(is_taken, lives, "epoch {epoch}, {name}");
        }
    }
}

#[test]
fn the_first_and_the_last_epoch_have_no_neighbour_beyond() {
    for epoch in [0, 1, u64::MAX / EPOCH_S] {
        let unix_s = epoch * EPOCH_S + 1;
        let cookie = mint(1).mint(epoch, &v4(), &BARE);
        assert_eq!(check(&mut mint(1), unix_s, &v4(), cookie).map(|v| v.epoch), Ok(epoch));
        let _ = check(&mut mint(1), u64::MAX, &v4(), cookie);
    }
}

#[test]
fn whatever_differs_makes_another_cookie() {
    let base = v4();
    let others = [
        (
            "reversed",
            Bound {
                tuple: base.tuple.reversed(),
                ..base
            },
        ),
        ("a port", bound("10.7.0.2:81 10.7.0.1:40000")),
        ("the client's port", bound("10.7.0.2:80 10.7.0.1:40001")),
        ("the client", bound("10.7.0.2:80 10.7.0.3:40000")),
        ("the server", bound("10.7.0.4:80 10.7.0.1:40000")),
        ("the family", bound("[::ffff:10.7.0.2]:80 [::ffff:10.7.0.1]:40000")),
        (
            "IRS",
            Bound {
                irs: SeqNumber::new(78),
                ..base
            },
        ),
        ("our MSS", Bound { own_mss: 1400, ..base }),
        (
            "our scale",
            Bound {
                own_window_scale: 7,
                ..base
            },
        ),
    ];
    let unix_s = EPOCH * EPOCH_S;
    for offer in [OFFER, BARE] {
        let cookie = mint(1).mint(EPOCH, &base, &offer);
        for (name, other) in others {
            assert_eq!(
                check(&mut mint(1), unix_s, &other, cookie),
                Err(Refusal::BadCode),
                "{name}"
            );
        }
        assert_eq!(
            check(&mut mint(2), unix_s, &base, cookie),
            Err(Refusal::BadCode),
            "the secret"
        );
    }
    let no_scale = Offer {
        window_scale: None,
        ..OFFER
    };
    let cookie = mint(1).mint(EPOCH, &base, &no_scale);
    let other = Bound {
        own_window_scale: 3,
        ..base
    };
    assert!(
        check(&mut mint(1), unix_s, &other, cookie).is_ok(),
        "a scale that was not stated counts for nothing"
    );
}

#[test]
fn turning_any_bit_spoils_it() {
    let unix_s = EPOCH * EPOCH_S;
    for offer in [OFFER, BARE] {
        let cookie = mint(1).mint(EPOCH, &v4(), &offer);
        for bit in 0..32 {
            let iss = SeqNumber::new(cookie.iss.value() ^ 1 << bit);
            let turned = Cookie { iss, ..cookie };
            assert!(check(&mut mint(1), unix_s, &v4(), turned).is_err(), "ISS bit {bit}");
            if let Some(tsval) = cookie.tsval {
                let turned = Cookie {
                    tsval: Some(tsval ^ 1 << bit),
                    ..cookie
                };
                assert_eq!(
                    check(&mut mint(1), unix_s, &v4(), turned),
                    Err(Refusal::BadCode),
                    "TSval bit {bit}"
                );
            }
        }
    }
}

#[test]
fn a_cookie_with_timestamps_is_not_taken_without() {
    let cookie = mint(1).mint(EPOCH, &v4(), &OFFER);
    let stripped = Cookie { tsval: None, ..cookie };
    assert_eq!(
        check(&mut mint(1), EPOCH * EPOCH_S, &v4(), stripped),
        Err(Refusal::NoTimestamps)
    );
}

#[test]
fn a_cookie_without_timestamps_is_taken_whatever_is_echoed() {
    let cookie = mint(1).mint(EPOCH, &v4(), &BARE);
    let strange = Cookie {
        tsval: Some(5),
        ..cookie
    };
    assert!(check(&mut mint(1), EPOCH * EPOCH_S, &v4(), strange).is_ok());
}

#[test]
fn in_flight_knows_the_last_two_epochs() {
    let mut in_flight = InFlight::default();
    assert!(!in_flight.has(0) && !in_flight.has(9) && !in_flight.any(600));
    for (name, now, note, has, has_not) in [
        ("the first", 9, 9, &[9][..], &[7, 8, 10][..]),
        ("the same again", 9, 9, &[9], &[8, 10]),
        ("the next", 10, 10, &[9, 10], &[8, 11]),
        (
            "the one before, from an entry that made room",
            10,
            9,
            &[9, 10],
            &[8, 11],
        ),
        ("an old one, from an entry that lived long", 10, 3, &[9, 10], &[3]),
        ("a gap", 15, 15, &[15], &[9, 10, 14]),
        ("the one before, later", 15, 14, &[14, 15], &[13]),
        ("the next, by a clock that is ahead", 15, 16, &[15, 16], &[14, 17]),
        ("beyond any clock", 15, 115, &[15, 16], &[115]),
        ("a clock set back by an epoch", 14, 14, &[14], &[13, 15]),
        ("one that is set back far", 3, 3, &[3], &[2, 4, 14, 15]),
        ("and on again", 15, 15, &[15], &[3, 14]),
        ("the one before, again", 15, 14, &[14, 15], &[13]),
    ] {
        in_flight.note(now * EPOCH_S, note);
        assert!(has.iter().all(|&epoch| in_flight.has(epoch)), "{name}");
        assert!(!has_not.iter().any(|&epoch| in_flight.has(epoch)), "{name}");
    }
    for (unix_s, any) in [
        (14 * 64 - 1, false),
        (14 * 64, true),
        (16 * 64 + 63, true),
        (17 * 64, false),
    ] {
        assert_eq!(in_flight.any(unix_s), any, "{unix_s}");
    }
    let mut shared = InFlight::ANY;
    shared.note(4 * EPOCH_S, 4);
    assert!(shared.has(0) && shared.has(77) && shared.any(0));
}

#[test]
fn an_epoch_without_cookies_is_refused_unhashed() {
    let cookie = mint(1).mint(EPOCH, &v4(), &OFFER);
    let mut in_flight = InFlight::default();
    let verify = |in_flight: &InFlight| {
        let mut mint = mint(1);
        let done = mint.verify(EPOCH * EPOCH_S, in_flight, &v4(), cookie.iss, cookie.tsval);
        (done.map(|verified| verified.epoch), mint.ring.iter().flatten().count())
    };
    assert_eq!(
        verify(&in_flight),
        (Err(Refusal::NotInFlight), 0),
        "not even a key was made"
    );
    in_flight.note(EPOCH * EPOCH_S, EPOCH - 1);
    assert_eq!(verify(&in_flight), (Err(Refusal::NotInFlight), 0));
    in_flight.note(EPOCH * EPOCH_S, EPOCH);
    assert_eq!(verify(&in_flight), (Ok(EPOCH), 1));
}

/// Counts all acknowledgments that are taken for one pair of ends and one epoch: there is one for each set of terms.
#[test]
fn the_odds_of_a_blind_forgery() {
    let scales: Vec<_> = core::iter::once(None).chain((0..=14).map(Some)).collect();
    for (class, own, has_timestamps, free_bits) in [
        // What a forger sets as he likes: the parity of the epoch and whether there are timestamps.
        (Class::Timestamps, v4(), true, 64 - 2),
        (Class::Bare, v4(), false, 32 - 2),
        (Class::Timestamps, v6(), true, 64 - 2),
        (Class::Bare, v6(), false, 32 - 2),
    ] {
        let local = own.tuple.local_addr;
        let terms = |offer: &Offer| layout::Terms::of(offer, local).bits();
        let plain = Offer {
            timestamps: has_timestamps,
            ..OFFER
        };
        let mut sizes: Vec<_> = (500..9000).collect();
        sizes.dedup_by_key(|mss| terms(&Offer { mss: *mss, ..plain }));
        let mut taken = HashSet::new();
        for (&mss, &window_scale) in sizes
            .iter()
            .flat_map(|mss| scales.iter().map(move |scale| (mss, scale)))
        {
            for (sack, ecn) in [(false, false), (false, true), (true, false), (true, true)] {
                let offer = Offer {
                    mss,
                    window_scale,
                    sack,
                    ecn,
                    ..plain
                };
                if taken.insert(terms(&offer)) {
                    let cookie = mint(1).mint(EPOCH, &own, &offer);
                    assert!(check(&mut mint(1), EPOCH * EPOCH_S, &own, cookie).is_ok());
                }
            }
        }
        let bits = free_bits - (taken.len() as u64).ilog2();
        assert!(
            taken.len().is_power_of_two(),
            "every set of terms can occur: {}",
            taken.len()
        );
        assert_eq!(bits, forgery_bits(class), "{class:?}");
    }
}

proptest! {
    #[test]
    fn what_is_read_back_is_never_more_than_was_offered(
        mss in 536u16..,
        scale in proptest::option::of(0u8..=14),
        sack: bool,
        timestamps: bool,
        ecn: bool,
        unix_s in 0u64..1 << 40,
        irs: u32,
    ) {
        let offer = Offer { mss, window_scale: scale, sack, timestamps, ecn };
        let bound = Bound { irs: SeqNumber::new(irs), ..v4() };
        let cookie = mint(3).mint(epoch_of(unix_s), &bound, &offer);
        let read = check(&mut mint(3), unix_s, &bound, cookie).unwrap().offer;
        prop_assert!(read.mss <= mss && read.window_scale <= scale);
        prop_assert_eq!(read.window_scale.is_some(), scale.is_some());
        prop_assert_eq!((read.sack, read.timestamps, read.ecn), (sack, timestamps, ecn && timestamps));
    }
}
