use alloc::format;
use alloc::vec;

use proptest::prelude::*;

use super::*;

const US: Mac = Mac([2, 0, 0x5e, 0x10, 0, 1]);
const ASKER: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1);
const TARGET: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0x12, 0x3456);
const ROUTER_ADDRESS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

const SOLICITATION: Message<'static> = Message::NeighbourSolicitation {
    target: TARGET,
    source: Some(US),
};

const ADVERTISEMENT: NeighbourAdvertisement = NeighbourAdvertisement {
    target: TARGET,
    is_router: false,
    is_solicited: true,
    overrides: true,
    mac: Some(US),
};

/// A prefix with its flags, and an MTU, as a router writes them.
const ROUTER_OPTIONS: [u8; 40] = [
    3, 4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0, // 86,400 s valid, 14,400 s preferred
    0xfd, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
    5, 1, 0, 0, 0, 0, 0x05, 0xdc,
];

fn router(options: &[u8]) -> RouterAdvertisement<'_> {
    RouterAdvertisement {
        hop_limit: 64,
        managed: true,
        other: false,
        lifetime_s: 1_800,
        reachable_ms: 30_000,
        retrans_ms: 1_000,
        options: Options::parse(options).expect("sound"),
    }
}

fn parse(src: Ipv6Addr, dst: Ipv6Addr, bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    Message::parse(src, dst, HOP_LIMIT, bytes)
}

/// A message of any kind with whatever stands behind the checksum.
fn raw(kind: u8, code: u8, src: Ipv6Addr, dst: Ipv6Addr, rest: &[u8]) -> Vec<u8> {
    message(src.into(), dst.into(), kind, code, &[rest])
}

#[test]
fn written_as_it_is_read() {
    let none = Ipv6Addr::UNSPECIFIED;
    for (name, src, message) in [
        (
            "router solicitation",
            ASKER,
            Message::RouterSolicitation { source: Some(US) },
        ),
        (
            "of one without an address",
            none,
            Message::RouterSolicitation { source: None },
        ),
        (
            "router advertisement",
            ROUTER_ADDRESS,
            Message::RouterAdvertisement(router(&ROUTER_OPTIONS)),
        ),
        ("neighbour solicitation", ASKER, SOLICITATION),
        (
            "neighbour advertisement",
            TARGET,
            Message::NeighbourAdvertisement(ADVERTISEMENT),
        ),
    ] {
        let bytes = message.emit(src, ASKER);
        assert_eq!(parse(src, ASKER, &bytes), Ok(message), "{name}");
        let Err(why) = parse(src, ASKER, &bytes[..7]) else {
            panic!("{name}: cut short");
        };
        assert!(
            matches!(why, Malformed::Checksum | Malformed::Truncated),
            "{name}: {why}"
        );
    }
    let probe = Message::NeighbourSolicitation {
        target: TARGET,
        source: None,
    };
    let group = solicited_node(TARGET);
    assert_eq!(parse(none, group, &probe.emit(none, group)), Ok(probe));
}

#[test]
fn a_solicitation_stands_as_the_rfc_draws_it() {
    let bytes = SOLICITATION.emit(ASKER, solicited_node(TARGET));
    let expected = [
        [135, 0].as_slice(),
        &bytes[2..4],
        &[0; 4],
        &TARGET.octets(),
        &[1, 1],
        &US.0,
    ]
    .concat();
    assert_eq!(bytes, expected);
    let bytes = Message::NeighbourAdvertisement(ADVERTISEMENT).emit(TARGET, ASKER);
    assert_eq!((bytes[0], bytes[4], bytes[24], bytes[25]), (136, 0x60, 2, 1));
}

#[test]
fn what_a_router_says_of_its_link() {
    let options: Vec<NdpOption> = router(&ROUTER_OPTIONS).options.iter().collect();
    let prefix = PrefixInformation {
        prefix: Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 0),
        len: 64,
        on_link: true,
        autonomous: true,
        valid_s: 86_400,
        preferred_s: 14_400,
    };
    assert_eq!(options, [NdpOption::Prefix(prefix), NdpOption::Mtu(1_500)]);
    assert!(format!("{:?}", router(&ROUTER_OPTIONS).options).starts_with("[Prefix("));
}

/// RFC 4861 sections 6.1.1, 6.1.2, 7.1.1 and 7.1.2, check by check.
#[test]
fn what_the_rfc_has_us_refuse() {
    let none = Ipv6Addr::UNSPECIFIED;
    let group = solicited_node(TARGET);
    let body = |target: Ipv6Addr, options: &[u8]| [[0; 4].as_slice(), &target.octets(), options].concat();
    let router_body = |options: &[u8]| [[0; 12].as_slice(), options].concat();
    let solicited = |target: Ipv6Addr| [[0x40, 0, 0, 0].as_slice(), &target.octets()].concat();
    let sound = [1, 1, 2, 0, 0x5e, 0x10, 0, 1];
    let of_a_group = [1, 1, 3, 0, 0x5e, 0x10, 0, 1];
    #[rustfmt::skip]
    let rows = [
        // name                                     type  src             dst      behind the checksum               why
        ("an option of no length",                  135, ASKER,          group,   body(TARGET, &[14, 0, 0, 0, 0, 0, 0, 0]), Malformed::Length),
        ("an option cut short",                     135, ASKER,          group,   body(TARGET, &sound[..6]),        Malformed::Truncated),
        ("half an option",                          135, ASKER,          group,   body(TARGET, &[1]),               Malformed::Truncated),
        ("a long hardware address",                 135, ASKER,          group,   body(TARGET, &[[1, 2].as_slice(), &[0; 14]].concat()), Malformed::Length),
        ("a group's hardware address",              135, ASKER,          group,   body(TARGET, &of_a_group),        Malformed::Address),
        ("a solicitation cut short",                135, ASKER,          group,   body(TARGET, &[])[..19].to_vec(), Malformed::Truncated),
        ("a solicitation for a group",              135, ASKER,          group,   body(group, &sound),              Malformed::Address),
        ("a probe that says who asks",              135, none,           group,   body(TARGET, &sound),             Malformed::Address),
        ("a probe to one host",                     135, none,           TARGET,  body(TARGET, &[]),                Malformed::Address),
        ("an advertisement cut short",              136, TARGET,         ASKER,   body(TARGET, &[])[..19].to_vec(), Malformed::Truncated),
        ("an advertisement of a group",             136, TARGET,         ASKER,   body(group, &[]),                 Malformed::Address),
        ("an answer to everybody",                  136, TARGET,         ALL_NODES, solicited(TARGET),              Malformed::Address),
        ("a router solicitation cut short",         133, ASKER,          ALL_NODES, vec![0; 3],                     Malformed::Truncated),
        ("a nameless one that says who asks",       133, none,           ALL_NODES, [[0; 4].as_slice(), &sound].concat(), Malformed::Address),
        ("a router beyond the link",                134, ASKER,          ALL_NODES, router_body(&[]),               Malformed::Address),
        ("a router advertisement cut short",        134, ROUTER_ADDRESS, ALL_NODES, vec![0; 11],                    Malformed::Truncated),
        ("a prefix of 129 bits",                    134, ROUTER_ADDRESS, ALL_NODES, router_body(&[[3, 4, 129].as_slice(), &[0; 29]].concat()), Malformed::Address),
        ("a short prefix option",                   134, ROUTER_ADDRESS, ALL_NODES, router_body(&[[3, 3, 64].as_slice(), &[0; 21]].concat()), Malformed::Length),
        ("a long MTU option",                       134, ROUTER_ADDRESS, ALL_NODES, router_body(&[[5, 2].as_slice(), &[0; 14]].concat()), Malformed::Length),
        ("a redirect",                              137, ROUTER_ADDRESS, ASKER,   vec![0; 36],                      Malformed::Type),
        ("an echo request",                         128, ASKER,          TARGET,  vec![0; 4],                       Malformed::Type),
    ];
    for (name, kind, src, dst, rest, why) in rows {
        let bytes = raw(kind, 0, src, dst, &rest);
        assert_eq!(parse(src, dst, &bytes), Err(why), "{name}");
    }
    let sound = SOLICITATION.emit(ASKER, group);
    assert_eq!(
        Message::parse(ASKER, group, 254, &sound),
        Err(Malformed::HopLimit),
        "from beyond the link"
    );
    let code = raw(135, 1, ASKER, group, &body(TARGET, &[]));
    assert_eq!(parse(ASKER, group, &code), Err(Malformed::Code));
    let mut damaged = sound;
    damaged[9] ^= 1;
    assert_eq!(parse(ASKER, group, &damaged), Err(Malformed::Checksum));
}

#[test]
fn unknown_options_are_read_over() {
    let bytes = [[14, 1].as_slice(), &[9; 6], &[1, 1], &US.0].concat();
    let options = Options::parse(&bytes).expect("sound");
    let read: Vec<NdpOption> = options.iter().collect();
    assert_eq!(read, [NdpOption::Other(14), NdpOption::Source(US)]);
    assert_eq!((options.source(), options.target()), (Some(US), None));
}

#[test]
fn groups_and_types() {
    let address: Ipv6Addr = "2037::1:800:200e:8c6c".parse().unwrap();
    // The example of RFC 4291 section 2.7.1, but for the high bits.
    assert_eq!(
        solicited_node(address),
        "ff02::1:ff0e:8c6c".parse::<Ipv6Addr>().unwrap()
    );
    for (kind, expected) in [(132, false), (133, true), (137, true), (138, false), (1, false)] {
        assert_eq!(is_type(kind), expected, "{kind}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(kind in 130u8..140, rest in prop::collection::vec(any::<u8>(), 0..60)) {
        for src in [ROUTER_ADDRESS, Ipv6Addr::UNSPECIFIED] {
            for dst in [ASKER, ALL_NODES] {
                let bytes = raw(kind, 0, src, dst, &rest);
                if let Ok(message) = parse(src, dst, &bytes) {
                    let again = message.emit(src, dst);
                    prop_assert_eq!(parse(src, dst, &again), Ok(message));
                }
            }
        }
    }
}
