use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn blocks(edges: &[(u32, u32)]) -> SackBlocks {
    let mut sack = SackBlocks::default();
    for (left, right) in edges {
        assert!(sack.push(SeqNumber::new(*left), SeqNumber::new(*right)));
    }
    sack
}

fn emitted(options: &Options) -> Vec<u8> {
    let mut out = [0xee; OPTIONS_MAX];
    let len = options.emit(&mut out);
    assert_eq!(len, options.len());
    assert!(
        out[len..].iter().all(|byte| *byte == 0xee),
        "nothing is written past the length"
    );
    out[..len].to_vec()
}

#[test]
fn read() {
    let none = Options::default();
    let rows: [(&str, &[u8], Options); 13] = [
        ("nothing", &[], none),
        ("END hides what follows", &[0, 2, 4, 5, 0xb4], none),
        ("NOPs", &[1, 1, 1, 1], none),
        (
            "MSS",
            &[2, 4, 5, 0xb4],
            Options {
                mss: Some(1_460),
                ..none
            },
        ),
        ("MSS of 0", &[2, 4, 0, 0], Options { mss: Some(0), ..none }),
        (
            "window scale",
            &[1, 3, 3, 7],
            Options {
                window_scale: Some(WindowScale::new(7)),
                ..none
            },
        ),
        (
            "window scale past 14",
            &[3, 3, 15, 0],
            Options {
                window_scale: Some(WindowScale::MAX),
                ..none
            },
        ),
        (
            "SACK permitted",
            &[4, 2],
            Options {
                sack_permitted: true,
                ..none
            },
        ),
        (
            "a SACK block across the wrap",
            &[5, 10, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 3],
            Options {
                sack: blocks(&[(u32::MAX - 1, 3)]),
                ..none
            },
        ),
        (
            "timestamps",
            &[1, 1, 8, 10, 0, 0, 0, 1, 0xff, 0, 0, 2],
            Options {
                timestamps: Some(Timestamps {
                    val: 1,
                    ecr: 0xff00_0002,
                }),
                ..none
            },
        ),
        (
            "an unknown one is skipped",
            &[254, 4, 9, 9, 4, 2],
            Options {
                sack_permitted: true,
                ..none
            },
        ),
        (
            "an unknown one without data",
            &[34, 2, 4, 2],
            Options {
                sack_permitted: true,
                ..none
            },
        ),
        (
            "the last of two counts",
            &[2, 4, 0, 1, 2, 4, 0, 2],
            Options { mss: Some(2), ..none },
        ),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(Options::parse(bytes), Ok(expected), "{name}");
    }
}

#[test]
fn refused() {
    let rows: [(&str, &[u8]); 15] = [
        ("a length of 0 (MUST-7)", &[2, 0, 5, 0xb4]),
        ("a length of 1", &[2, 1, 5, 0xb4]),
        ("an unknown kind with a length of 0", &[254, 0]),
        ("a kind at the very end", &[1, 1, 1, 2]),
        ("one that runs out of the header", &[2, 4, 5]),
        ("an unknown one that runs out of the header", &[254, 40, 0, 0]),
        ("MSS of 3 bytes", &[2, 3, 5, 0]),
        ("MSS of 5 bytes", &[2, 5, 5, 0xb4, 0]),
        ("window scale of 2 bytes", &[3, 2, 1, 1]),
        ("SACK permitted of 3 bytes", &[4, 3, 0, 0]),
        ("SACK of no block", &[5, 2, 1, 1]),
        ("SACK of half a block", &[5, 6, 0, 0, 0, 1]),
        (
            "SACK of a block and a half",
            &[5, 14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
        ),
        ("SACK of five blocks", &[[5, 42].as_slice(), &[0; 40]].concat()),
        ("timestamps of 8 bytes", &[8, 8, 0, 0, 0, 1, 0, 0, 0, 0]),
    ];
    for (name, bytes) in rows {
        assert_eq!(Options::parse(bytes), Err(Malformed::TcpOption), "{name}");
    }
}

#[test]
fn written_as_linux_does() {
    let none = Options::default();
    let timestamps = Some(Timestamps {
        val: 0x0102_0304,
        ecr: 0x0506_0708,
    });
    let syn = Options {
        mss: Some(1_460),
        window_scale: Some(WindowScale::new(7)),
        sack_permitted: true,
        timestamps,
        ..none
    };
    let rows: [(&str, Options, &[u8]); 6] = [
        ("nothing", none, &[]),
        (
            "a SYN's",
            syn,
            &[2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7],
        ),
        (
            "a SYN's without timestamps",
            Options {
                timestamps: None,
                ..syn
            },
            &[2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7],
        ),
        (
            "a SYN's without SACK permitted",
            Options {
                sack_permitted: false,
                ..syn
            },
            &[2, 4, 5, 0xb4, 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7],
        ),
        (
            "timestamps alone",
            Options { timestamps, ..none },
            &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        (
            "timestamps and a SACK block",
            Options {
                timestamps,
                sack: blocks(&[(1, 2)]),
                ..none
            },
            &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        ),
    ];
    for (name, options, expected) in rows {
        assert_eq!(emitted(&options), expected, "{name}");
    }
}

#[test]
fn sack_blocks_that_do_not_fit_are_left_out_the_last_first() {
    let sack = blocks(&[(1, 2), (3, 4), (5, 6), (7, 8)]);
    let timestamps = Some(Timestamps { val: 1, ecr: 2 });
    let none = Options::default();
    let rows = [
        ("alone", Options { sack, ..none }, 4),
        (
            "beside timestamps",
            Options {
                sack,
                timestamps,
                ..none
            },
            3,
        ),
        (
            "beside an MSS",
            Options {
                sack,
                mss: Some(536),
                ..none
            },
            4,
        ),
        (
            "beside an MSS and timestamps",
            Options {
                sack,
                timestamps,
                mss: Some(536),
                ..none
            },
            2,
        ),
        (
            "beside everything",
            Options {
                sack,
                timestamps,
                mss: Some(536),
                sack_permitted: true,
                window_scale: Some(WindowScale::MAX),
                ..none
            },
            2,
        ),
    ];
    for (name, options, fit) in rows {
        let bytes = emitted(&options);
        assert!(bytes.len() <= OPTIONS_MAX && bytes.len().is_multiple_of(4), "{name}");
        let read = Options::parse(&bytes).unwrap();
        assert_eq!(read.sack.as_slice(), &sack.as_slice()[..fit], "{name}");
        assert_eq!(Options { sack, ..read }, options, "{name}: the rest stays");
    }
}

#[test]
fn each_layout_says_the_same_in_its_own_order() {
    let all = Options {
        mss: Some(1_460),
        window_scale: Some(WindowScale::new(6)),
        sack_permitted: true,
        timestamps: Some(Timestamps { val: 1, ecr: 2 }),
        ..Options::default()
    };
    let no_timestamps = Options {
        timestamps: None,
        ..all
    };
    let on_data = Options {
        timestamps: all.timestamps,
        ..Options::default()
    };
    #[rustfmt::skip]
    let rows: [(&str, Options, &[u8], &[u8]); 3] = [
        // name, options, kinds as Linux orders them, kinds as FreeBSD does
        ("all", all, &[2, 4, 8, 1, 3], &[2, 1, 3, 4, 8]),
        ("no timestamps", no_timestamps, &[2, 1, 1, 4, 1, 3], &[2, 1, 3, 4, 0, 0]),
        ("timestamps alone", on_data, &[1, 1, 8], &[1, 1, 8]),
    ];
    for (name, options, linux, free_bsd) in rows {
        for (layout, expected) in [(Layout::Linux, linux), (Layout::FreeBsd, free_bsd)] {
            let bytes = emitted(&Options { layout, ..options });
            assert_eq!(kinds(&bytes), expected, "{name}, {layout:?}");
            assert_eq!(Options::parse(&bytes), Ok(options), "{name}, {layout:?}");
        }
    }
}

/// The kinds of a list of options, padding included.
fn kinds(bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut at = 0;
    while let Some(&kind) = bytes.get(at) {
        kinds.push(kind);
        at += if kind < 2 { 1 } else { usize::from(bytes[at + 1]) };
    }
    kinds
}

#[test]
fn too_little_room_writes_nothing() {
    let options = Options {
        mss: Some(1_460),
        ..Options::default()
    };
    let mut out = [0xee; 3];
    assert_eq!(options.emit(&mut out), 0);
    assert_eq!(out, [0xee; 3]);
}

#[test]
fn a_fifth_sack_block_is_refused() {
    let mut sack = blocks(&[(1, 2), (3, 4), (5, 6), (7, 8)]);
    let before = sack;
    assert!(!sack.push(SeqNumber::new(9), SeqNumber::new(10)));
    assert_eq!(sack, before);
}

/// Options that fit in a header, so that nothing is left out on writing.
pub(crate) fn any_options() -> impl Strategy<Value = Options> {
    (
        any::<Option<u16>>(),
        prop::option::of(0u8..=14),
        any::<bool>(),
        any::<Option<(u32, u32)>>(),
        prop::collection::vec(any::<(u32, u32)>(), 0..=4),
    )
        .prop_map(|(mss, scale, sack_permitted, timestamps, edges)| {
            let mut options = Options {
                mss,
                window_scale: scale.map(WindowScale::new),
                sack_permitted,
                sack: SackBlocks::default(),
                timestamps: timestamps.map(|(val, ecr)| Timestamps { val, ecr }),
                layout: Layout::default(),
            };
            let room = (OPTIONS_MAX - 4 - options.len()) / BLOCK;
            options.sack = blocks(&edges[..edges.len().min(room)]);
            options
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(options in any_options()) {
        let bytes = emitted(&options);
        prop_assert!(bytes.len() <= OPTIONS_MAX && bytes.len().is_multiple_of(4));
        prop_assert_eq!(Options::parse(&bytes), Ok(options));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Options::parse(&bytes);
    }

    #[test]
    fn what_was_read_can_be_written(bytes in prop::collection::vec(0u8..12, 0..=40)) {
        if let Ok(options) = Options::parse(&bytes) {
            prop_assert!(options.len() <= OPTIONS_MAX);
            prop_assert!(Options::parse(&emitted(&options)).is_ok());
        }
    }
}
