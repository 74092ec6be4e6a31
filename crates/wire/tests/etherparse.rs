//! What we read and write, beside what `etherparse` makes of the same bytes.
//!
//! It builds valid packets, some bytes are changed, and both read the result: same verdict, same fields. Where the two
//! mean to differ, the comparison says so; we refuse more than it does, and never less.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    ArpHardwareId, ArpOperation, ArpPacket, EtherType, Ethernet2Header, Icmpv4Header, Icmpv4Slice, Icmpv4Type,
    Icmpv6Header, Icmpv6Slice, Icmpv6Type, IpEcn, IpFragOffset, IpNumber, IpSlice, Ipv4Header, Ipv4HeaderSlice,
    Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, NetHeaders, PacketHeaders, TcpHeader, TcpOptionElement,
    TcpOptionReadError, TcpSlice, UdpHeader, UdpSlice, icmpv6,
};
use proptest::collection::vec;
use proptest::prelude::*;
use syndic_wire::checksum::Sum;
use syndic_wire::ether::{self, Mac};
use syndic_wire::icmp::ndp::{self, NdpOption};
use syndic_wire::icmp::{self, ErrorKind, Message, Unreachable};
use syndic_wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use syndic_wire::seq::SeqNumber;
use syndic_wire::{Malformed, arp, ip, tcp, udp};

type Verdict = Result<(), TestCaseError>;

/// Bytes to change, and how many to have in the end.
#[derive(Debug, Clone)]
struct Damage {
    changes: Vec<(prop::sample::Index, u8)>,
    len: Option<usize>,
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        (
            vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            prop::option::weighted(0.3, 0usize..120),
        )
            .prop_map(|(changes, len)| Self { changes, len })
    }

    fn inflict(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        // Most of the harm is to be done in the headers.
        let within = bytes.len().min(64);
        for (at, value) in self.changes.iter().filter(|_| within > 0) {
            bytes[at.index(within)] = *value;
        }
        bytes.resize(self.len.unwrap_or(bytes.len()), 0);
        bytes
    }
}

/// A datagram with options, whole or a fragment, as etherparse writes it.
fn any_ipv4() -> impl Strategy<Value = Vec<u8>> {
    let addresses = any::<([u8; 4], [u8; 4])>();
    let fields = (any::<u8>(), any::<u16>(), any::<u8>(), 0u8..4);
    let fragment = prop_oneof![Just((0, false)), (0u16..8_000, any::<bool>())];
    (
        addresses,
        fields,
        fragment,
        vec(any::<u8>(), 0..=10),
        vec(any::<[u8; 8]>(), 1..6),
    )
        .prop_map(
            |((source, destination), (ttl, id, protocol, ecn), (offset, more), options, payload)| {
                let payload = payload.concat();
                let mut header = Ipv4Header::new(0, ttl, IpNumber(protocol), source, destination).unwrap();
                header.identification = id;
                header.ecn = IpEcn::try_new(ecn).unwrap();
                header.dont_fragment = false;
                header.more_fragments = more;
                header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
                header.options = options.repeat(4).as_slice().try_into().unwrap();
                header.set_payload_len(payload.len()).unwrap();
                header.header_checksum = header.calc_header_checksum();
                [header.to_bytes().as_slice(), &payload].concat()
            },
        )
}

/// A datagram behind up to five extension headers, the last of them perhaps a fragment header.
fn any_ipv6() -> impl Strategy<Value = Vec<u8>> {
    let addresses = any::<([u8; 16], [u8; 16])>();
    let fields = (any::<u8>(), any::<u8>());
    let upper = prop_oneof![Just(ip::TCP), Just(ip::UDP), Just(ip::ICMPV6), Just(ip::NO_NEXT_HEADER)];
    let chain = vec(prop_oneof![Just(43u8), Just(60u8)], 0..4);
    let fragment = prop::option::of((0u16..8_000, any::<bool>(), any::<u32>()));
    (
        addresses,
        fields,
        upper,
        any::<bool>(),
        chain,
        fragment,
        vec(any::<[u8; 8]>(), 1..6),
    )
        .prop_map(
            |((source, destination), (traffic_class, hop_limit), upper, has_hop_by_hop, chain, fragment, payload)| {
                // From the last to the first, for each names the next.
                let mut next_header = IpNumber(upper);
                let mut behind = payload.concat();
                if let Some((offset, more, id)) = fragment {
                    let offset = IpFragOffset::try_new(offset).unwrap();
                    let header = Ipv6FragmentHeader::new(next_header, offset, more, id);
                    behind.splice(..0, header.to_bytes());
                    next_header = IpNumber::IPV6_FRAGMENTATION_HEADER;
                }
                for kind in chain.into_iter().chain(has_hop_by_hop.then_some(0)) {
                    let data: &[u8] = match kind {
                        43 => &[4, 0, 0, 0, 0, 0], // a route with no segments left
                        _ => &[1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                    };
                    behind.splice(..0, Ipv6RawExtHeader::new_raw(next_header, data).unwrap().to_bytes());
                    next_header = IpNumber(kind);
                }
                let payload_length = behind.len() as u16;
                let flow_label = 0xa_bcde.try_into().unwrap();
                let header = Ipv6Header {
                    traffic_class,
                    flow_label,
                    payload_length,
                    next_header,
                    hop_limit,
                    source,
                    destination,
                };
                [header.to_bytes().as_slice(), &behind].concat()
            },
        )
}

/// Gives an IPv4 header its right checksum again, so that the harm gets past it.
fn reseal(bytes: &mut [u8]) {
    let header_len = usize::from(bytes.first().unwrap_or(&0) & 0x0f) * 4;
    if let Some(header @ [0x40..=0x4f, _, _, _, _, _, _, _, _, _, _, _, ..]) = bytes.get_mut(..header_len) {
        header[10..12].fill(0);
        let mut sum = Sum::new();
        sum.add(header);
        header[10..12].copy_from_slice(&sum.finish().to_be_bytes());
    }
}

/// The two readings of a datagram. Intended differences: they walk over authentication headers and past a fragment
/// header, take an IPv6 payload length of 0 for "all there is", and check neither checksum, nor fragment bounds, nor
/// what extension headers hold.
fn compare_ip(bytes: &[u8]) -> Verdict {
    const AUTHENTICATION: u8 = 51;
    let is_v6 = bytes.first().is_some_and(|byte| byte >> 4 == 6);
    let is_jumbo = is_v6 && bytes.get(4..6) == Some(&[0, 0]);
    let theirs = IpSlice::from_slice(bytes);
    let ours = match ip::Datagram::parse(bytes) {
        Ok(ours) => ours,
        Err(Malformed::Checksum) => {
            let header = Ipv4HeaderSlice::from_slice(bytes).unwrap();
            // The reserved flag is lost in their header value, and with it the checksum.
            let is_reserved_set = header.slice()[6] & 0x80 != 0;
            let header = header.to_header();
            prop_assert!(is_reserved_set || header.calc_header_checksum() != header.header_checksum);
            return Ok(());
        }
        Err(Malformed::Fragment | Malformed::ExtensionHeader) => return Ok(()),
        Err(why) => {
            prop_assert!(theirs.is_err() || is_jumbo, "{why} to us, but {theirs:?}");
            return Ok(());
        }
    };
    let walks_on = ours.protocol == AUTHENTICATION || is_v6 && ours.fragment.is_some();
    if walks_on && theirs.is_err() {
        return Ok(());
    }
    let theirs = theirs.unwrap();
    prop_assert_eq!((ours.src, ours.dst), (theirs.source_addr(), theirs.destination_addr()));
    prop_assert_eq!(ours.fragment.is_some(), theirs.is_fragmenting_payload());
    if !walks_on {
        prop_assert_eq!(IpNumber(ours.protocol), theirs.payload_ip_number());
    }
    if !walks_on && !is_jumbo {
        prop_assert_eq!(&bytes[ours.payload.clone()], theirs.payload().payload);
    }
    match &theirs {
        IpSlice::Ipv4(v4) => {
            let header = v4.header();
            prop_assert_eq!((ours.hop_limit, ours.ecn.bits()), (header.ttl(), header.ecn().value()));
            if let Some(fragment) = ours.fragment {
                prop_assert_eq!(fragment.id, u32::from(header.identification()));
                prop_assert_eq!(fragment.offset, usize::from(header.fragments_offset().byte_offset()));
                prop_assert_eq!(fragment.more, header.more_fragments());
            }
        }
        IpSlice::Ipv6(v6) => {
            let header = v6.header();
            prop_assert_eq!(
                (ours.hop_limit, ours.ecn.bits()),
                (header.hop_limit(), header.ecn().value())
            );
            if let Some(fragment) = ours.fragment {
                let at = ours.payload.start - Ipv6FragmentHeader::LEN;
                let (header, _) = Ipv6FragmentHeader::from_slice(&bytes[at..]).unwrap();
                prop_assert_eq!(fragment.id, header.identification);
                prop_assert_eq!(fragment.offset, usize::from(header.fragment_offset.byte_offset()));
                prop_assert_eq!(fragment.more, header.more_fragments);
            }
        }
    }
    Ok(())
}

fn any_option() -> impl Strategy<Value = Vec<u8>> {
    let well_formed = prop_oneof![
        Just(vec![1]),
        any::<u16>().prop_map(|mss| [&[2, 4], mss.to_be_bytes().as_slice()].concat()),
        any::<u8>().prop_map(|shift| vec![3, 3, shift]),
        Just(vec![4, 2]),
        vec(any::<[u8; 8]>(), 1..=4)
            .prop_map(|blocks| [&[5, 2 + 8 * blocks.len() as u8], blocks.as_flattened()].concat()),
        any::<[u8; 8]>().prop_map(|data| [&[8, 10], data.as_slice()].concat()),
    ];
    prop_oneof![8 => well_formed, 1 => vec(0u8..12, 1..5)]
}

/// A segment with a run of options, good or bad, as etherparse writes the rest.
fn any_tcp() -> impl Strategy<Value = Vec<u8>> {
    let fields = any::<(u16, u16, u32, u32, u8, u16, u16)>();
    (fields, vec(any_option(), 0..5), vec(any::<u8>(), 0..20)).prop_map(|(fields, options, payload)| {
        let (src_port, dst_port, seq, ack, flags, window, urgent) = fields;
        let mut header = TcpHeader::new(src_port, dst_port, seq, window);
        header.acknowledgment_number = ack;
        header.urgent_pointer = urgent;
        let mut options = options.concat();
        options.truncate(40);
        header.set_options_raw(&options).unwrap();
        let mut bytes = header.to_bytes().to_vec();
        bytes[13] = flags;
        bytes.extend_from_slice(&payload);
        bytes
    })
}

/// Their reading of options in our words; `Err` with the kind of the first that they do not know, or without.
fn their_options(segment: &TcpSlice<'_>) -> Result<Options, Option<u8>> {
    let mut options = Options::default();
    for element in segment.options_iterator() {
        match element {
            Ok(TcpOptionElement::Noop) => {}
            Ok(TcpOptionElement::MaximumSegmentSize(mss)) => options.mss = Some(mss),
            Ok(TcpOptionElement::WindowScale(shift)) => options.window_scale = Some(WindowScale::new(shift)),
            Ok(TcpOptionElement::SelectiveAcknowledgementPermitted) => options.sack_permitted = true,
            Ok(TcpOptionElement::SelectiveAcknowledgement(first, more)) => {
                options.sack = SackBlocks::default();
                for (left, right) in std::iter::once(first).chain(more.into_iter().flatten()) {
                    assert!(options.sack.push(SeqNumber::new(left), SeqNumber::new(right)));
                }
            }
            Ok(TcpOptionElement::Timestamp(val, ecr)) => options.timestamps = Some(Timestamps { val, ecr }),
            Err(TcpOptionReadError::UnknownId(kind)) => return Err(Some(kind)),
            Err(_) => return Err(None),
        }
    }
    Ok(options)
}

/// The two readings of a segment. Intended differences: they judge no flags and stop at an option they do not know.
fn compare_tcp(bytes: &[u8]) -> Verdict {
    let ours = tcp::Header::parse(bytes);
    let theirs = match (&ours, TcpSlice::from_slice(bytes)) {
        (_, Ok(theirs)) => theirs,
        (ours, Err(_)) => {
            prop_assert!(
                matches!(ours, Err(Malformed::Truncated | Malformed::HeaderLength)),
                "{ours:?}"
            );
            return Ok(());
        }
    };
    match (ours, their_options(&theirs)) {
        (Err(why), _) if tcp::Flags::from_bits(bytes[13]).is_forbidden() => prop_assert_eq!(why, Malformed::Flags),
        (Err(why), Err(_)) => prop_assert_eq!(why, Malformed::TcpOption),
        (Err(why), Ok(options)) => prop_assert!(false, "{why} to us, but {options:?}"),
        (Ok(_), Err(None)) => prop_assert!(false, "they refuse the options that we take"),
        (Ok((ours, len)), options) => {
            prop_assert_eq!(len, theirs.header_slice().len());
            prop_assert_eq!(
                (ours.src_port, ours.dst_port),
                (theirs.source_port(), theirs.destination_port())
            );
            prop_assert_eq!(ours.seq.value(), theirs.sequence_number());
            prop_assert_eq!(ours.ack.value(), theirs.acknowledgment_number());
            prop_assert_eq!(
                (ours.window, ours.urgent),
                (theirs.window_size(), theirs.urgent_pointer())
            );
            let flags = [
                ours.flags.fin(),
                ours.flags.syn(),
                ours.flags.rst(),
                ours.flags.psh(),
                ours.flags.ack(),
            ];
            prop_assert_eq!(
                flags,
                [theirs.fin(), theirs.syn(), theirs.rst(), theirs.psh(), theirs.ack()]
            );
            prop_assert_eq!(ours.flags.urg(), theirs.urg());
            prop_assert_eq!(ours.flags.contains(tcp::Flags::ECE), theirs.ece());
            prop_assert_eq!(ours.flags.contains(tcp::Flags::CWR), theirs.cwr());
            if let Ok(options) = options {
                prop_assert_eq!(ours.options, options);
            }
        }
    }
    Ok(())
}

/// The two readings of a UDP datagram. Intended differences: they check no checksum and take a length of 0.
fn compare_udp(src: Ipv4Addr, dst: Ipv4Addr, bytes: &[u8]) -> Verdict {
    let ours = udp::Header::parse(src.into(), dst.into(), bytes);
    let Ok(theirs) = UdpSlice::from_slice(bytes) else {
        prop_assert!(
            matches!(ours, Err(Malformed::Truncated | Malformed::Length)),
            "{ours:?}"
        );
        return Ok(());
    };
    let header = theirs.to_header();
    let checksum = header
        .calc_checksum_ipv4_raw(src.octets(), dst.octets(), theirs.payload())
        .unwrap();
    match ours {
        Ok(ours) => {
            prop_assert_eq!(
                (ours.src_port, ours.dst_port),
                (theirs.source_port(), theirs.destination_port())
            );
            prop_assert_eq!(ours.payload_len, theirs.payload().len());
            prop_assert!(theirs.checksum() == 0 || theirs.checksum() == checksum);
        }
        Err(Malformed::Checksum) => prop_assert!(theirs.checksum() != 0 && theirs.checksum() != checksum),
        Err(why) => prop_assert!(theirs.length() == 0, "{why} to us alone"),
    }
    Ok(())
}

/// What we must make of a message that they read so; `None` for what they do not tell apart, or we do not.
fn from_their_icmpv4<'a>(theirs: &Icmpv4Slice<'a>) -> Option<Message<'a>> {
    use etherparse::icmpv4::DestUnreachableHeader as Their;
    let (quoted, rest) = (theirs.payload(), &theirs.slice()[4..]);
    Some(match theirs.icmp_type() {
        Icmpv4Type::EchoRequest(_) => Message::EchoRequest { rest },
        Icmpv4Type::EchoReply(_) => Message::EchoReply { rest },
        Icmpv4Type::DestinationUnreachable(Their::FragmentationNeeded { next_hop_mtu }) => Message::TooBig {
            mtu: next_hop_mtu.into(),
            quoted,
        },
        Icmpv4Type::DestinationUnreachable(why) => {
            let why = match why {
                Their::Network | Their::NetworkUnknown | Their::TosNetwork => Unreachable::Network,
                Their::Host | Their::HostUnknown | Their::TosHost => Unreachable::Host,
                Their::Protocol => Unreachable::Protocol,
                Their::Port => Unreachable::Port,
                Their::NetworkProhibited | Their::HostProhibited | Their::FilterProhibited => Unreachable::Prohibited,
                other => Unreachable::Other(other.code_u8()),
            };
            Message::Unreachable { why, quoted }
        }
        Icmpv4Type::TimeExceeded(_) => Message::TimeExceeded { quoted },
        Icmpv4Type::ParameterProblem(_) => Message::ParameterProblem { quoted },
        Icmpv4Type::Redirect(_) => Message::Other { kind: 5 },
        Icmpv4Type::TimestampRequest(_) | Icmpv4Type::TimestampReply(_) | Icmpv4Type::Unknown { .. } => return None,
    })
}

/// As [`from_their_icmpv4`].
fn from_their_icmpv6<'a>(theirs: &Icmpv6Slice<'a>) -> Option<Message<'a>> {
    use etherparse::icmpv6::DestUnreachableCode as Their;
    let (quoted, rest) = (theirs.payload(), &theirs.slice()[4..]);
    Some(match theirs.icmp_type() {
        Icmpv6Type::EchoRequest(_) => Message::EchoRequest { rest },
        Icmpv6Type::EchoReply(_) => Message::EchoReply { rest },
        Icmpv6Type::PacketTooBig { mtu } => Message::TooBig { mtu, quoted },
        Icmpv6Type::DestinationUnreachable(why) => {
            let why = match why {
                Their::NoRoute => Unreachable::Network,
                Their::Address => Unreachable::Host,
                Their::Port => Unreachable::Port,
                Their::Prohibited | Their::SourceAddressFailedPolicy | Their::RejectRoute => Unreachable::Prohibited,
                Their::BeyondScope => Unreachable::Other(2),
            };
            Message::Unreachable { why, quoted }
        }
        Icmpv6Type::TimeExceeded(_) => Message::TimeExceeded { quoted },
        Icmpv6Type::ParameterProblem(_) => Message::ParameterProblem { quoted },
        Icmpv6Type::Unknown { .. } => return None,
        _ => Message::Other { kind: theirs.type_u8() },
    })
}

/// The two readings of a frame's header. Intended differences: we take three EtherTypes alone.
fn compare_ether(bytes: &[u8]) -> Verdict {
    let ours = ether::Header::parse(bytes);
    let Ok((theirs, _)) = Ethernet2Header::from_slice(bytes) else {
        prop_assert_eq!(ours, Err(Malformed::Truncated));
        return Ok(());
    };
    match ours {
        Ok(ours) => {
            prop_assert_eq!((ours.dst.0, ours.src.0), (theirs.destination, theirs.source));
            prop_assert_eq!(EtherType(ours.ethertype.number()), theirs.ether_type);
        }
        Err(Malformed::Vlan) => prop_assert!(
            [
                EtherType::VLAN_TAGGED_FRAME,
                EtherType::PROVIDER_BRIDGING,
                EtherType::VLAN_DOUBLE_TAGGED_FRAME
            ]
            .contains(&theirs.ether_type)
        ),
        Err(why) => {
            prop_assert_eq!(why, Malformed::EtherType);
            prop_assert!(![EtherType::IPV4, EtherType::IPV6, EtherType::ARP].contains(&theirs.ether_type));
        }
    }
    Ok(())
}

/// The two readings of an ARP packet. Intended differences: we take requests and replies alone, and of stations alone.
fn compare_arp(bytes: &[u8]) -> Verdict {
    let ours = arp::Packet::parse(bytes);
    let theirs = ArpPacket::from_slice(bytes)
        .ok()
        .and_then(|read| read.try_eth_ipv4().ok());
    let Some(theirs) = theirs else {
        prop_assert!(ours.is_err(), "{ours:?}");
        return Ok(());
    };
    let operation = match theirs.operation {
        ArpOperation::REQUEST => Some(arp::Operation::Request),
        ArpOperation::REPLY => Some(arp::Operation::Reply),
        _ => None,
    };
    match ours {
        Ok(ours) => {
            prop_assert_eq!(Some(ours.operation), operation);
            prop_assert_eq!(
                (ours.sender_mac.0, ours.sender.octets()),
                (theirs.sender_mac, theirs.sender_ipv4)
            );
            prop_assert_eq!(
                (ours.target_mac.0, ours.target.octets()),
                (theirs.target_mac, theirs.target_ipv4)
            );
        }
        Err(why) => prop_assert!(
            operation.is_none() || !Mac(theirs.sender_mac).is_station(),
            "{why} to us alone"
        ),
    }
    Ok(())
}

/// What we must make of an option that they read so.
fn from_their_option(theirs: &icmpv6::NdpOptionSlice<'_>) -> NdpOption {
    use icmpv6::NdpOptionSlice as Their;
    let mac = |bytes: &[u8]| Mac(bytes.try_into().expect("six bytes"));
    match theirs {
        Their::SourceLinkLayerAddress(option) => NdpOption::Source(mac(option.link_layer_address())),
        Their::TargetLinkLayerAddress(option) => NdpOption::Target(mac(option.link_layer_address())),
        Their::PrefixInformation(option) => {
            let option = option.prefix_information();
            NdpOption::Prefix(ndp::PrefixInformation {
                prefix: option.prefix.into(),
                len: option.prefix_length,
                on_link: option.on_link,
                autonomous: option.autonomous_address_configuration,
                valid_s: option.valid_lifetime,
                preferred_s: option.preferred_lifetime,
            })
        }
        Their::Mtu(option) => NdpOption::Mtu(option.mtu()),
        Their::RedirectedHeader(_) => NdpOption::Other(4),
        Their::Unknown(option) => NdpOption::Other(option.option_type().0),
        other => panic!("an option that this does not know: {other:?}"),
    }
}

/// The two readings of a list of options. Intended differences: we take hardware addresses of Ethernet alone, and of stations;
/// no prefix is longer than an address.
fn compare_ndp_options(bytes: &[u8]) -> Verdict {
    let theirs: Result<Vec<_>, _> = icmpv6::NdpOptionsIterator::from_slice(bytes).collect();
    match (ndp::Options::parse(bytes), theirs) {
        (Ok(ours), Ok(theirs)) => {
            let ours: Vec<NdpOption> = ours.iter().collect();
            let theirs: Vec<NdpOption> = theirs.iter().map(from_their_option).collect();
            prop_assert_eq!(ours, theirs);
        }
        (Ok(ours), Err(why)) => {
            // They read what a redirect quotes; we do not.
            let has_redirected = ours.iter().any(|option| option == NdpOption::Other(4));
            prop_assert!(has_redirected, "{ours:?}: {why:?} to them alone");
        }
        (Err(why), _) => prop_assert!(matches!(
            why,
            Malformed::Length | Malformed::Truncated | Malformed::Address
        )),
    }
    Ok(())
}

/// A list of options, well formed or nearly.
fn any_ndp_options() -> impl Strategy<Value = Vec<u8>> {
    let mac = (1u8..3, any::<[u8; 6]>()).prop_map(|(kind, mac)| [[kind, 1].as_slice(), &mac].concat());
    let prefix = (0u8..=130, any::<[u8; 29]>()).prop_map(|(len, rest)| [[3, 4, len].as_slice(), &rest].concat());
    let mtu = any::<[u8; 6]>().prop_map(|rest| [[5, 1].as_slice(), &rest].concat());
    let other = (any::<u8>(), any::<[u8; 14]>()).prop_map(|(kind, rest)| [[kind, 2].as_slice(), &rest].concat());
    vec(prop_oneof![mac, prefix, mtu, other], 0..5).prop_map(|options| options.concat())
}

fn any_addresses() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<([u8; 4], [u8; 4])>().prop_map(|(src, dst)| (src.into(), dst.into())),
        any::<([u8; 16], [u8; 16])>().prop_map(|(src, dst)| (src.into(), dst.into())),
    ]
}

fn any_error() -> impl Strategy<Value = ErrorKind> {
    prop_oneof![
        Just(ErrorKind::TimeExceeded),
        any::<u32>().prop_map(ErrorKind::TooBig),
        prop::sample::select(vec![
            Unreachable::Network,
            Unreachable::Host,
            Unreachable::Protocol,
            Unreachable::Port,
            Unreachable::Prohibited,
            Unreachable::Other(5),
        ])
        .prop_map(ErrorKind::Unreachable),
    ]
}

/// Whether etherparse finds the checksum of a message right.
fn is_icmp_intact(src: IpAddr, dst: IpAddr, bytes: &[u8]) -> bool {
    match (src, dst) {
        (IpAddr::V4(_), _) => {
            let theirs = Icmpv4Slice::from_slice(bytes).unwrap();
            theirs.icmp_type().calc_checksum(theirs.payload()) == theirs.checksum()
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => Icmpv6Slice::from_slice(bytes)
            .unwrap()
            .is_checksum_valid(src.octets(), dst.octets()),
        _ => false,
    }
}

proptest! {
    #[test]
    fn valid_ip_is_taken_by_both(bytes in prop_oneof![any_ipv4(), any_ipv6()]) {
        prop_assert!(ip::Datagram::parse(&bytes).is_ok());
        compare_ip(&bytes)?;
    }

    #[test]
    fn damaged_ip_is_read_alike(
        bytes in prop_oneof![any_ipv4(), any_ipv6()], damage in Damage::any(), is_resealed: bool,
    ) {
        let mut bytes = damage.inflict(bytes);
        if is_resealed {
            reseal(&mut bytes);
        }
        compare_ip(&bytes)?;
    }

    #[test]
    fn tcp_is_read_alike(bytes in any_tcp()) {
        compare_tcp(&bytes)?;
    }

    #[test]
    fn damaged_tcp_is_read_alike(bytes in any_tcp(), damage in Damage::any()) {
        compare_tcp(&damage.inflict(bytes))?;
    }

    #[test]
    fn udp_is_read_alike(
        src: [u8; 4], dst: [u8; 4], ports: (u16, u16), payload in vec(any::<u8>(), 0..40), damage in Damage::any(),
    ) {
        let (src, dst) = (Ipv4Addr::from(src), Ipv4Addr::from(dst));
        let mut header = UdpHeader::without_ipv4_checksum(ports.0, ports.1, payload.len()).unwrap();
        header.checksum = header.calc_checksum_ipv4_raw(src.octets(), dst.octets(), &payload).unwrap();
        let bytes = [header.to_bytes().as_slice(), &payload].concat();
        prop_assert!(udp::Header::parse(src.into(), dst.into(), &bytes).is_ok());
        compare_udp(src, dst, &bytes)?;
        compare_udp(src, dst, &damage.inflict(bytes))?;
    }

    #[test]
    fn icmp_is_read_alike(
        src: [u8; 4], dst: [u8; 4], type_u8 in 0u8..20, code_u8 in 0u8..20, word: [u8; 4],
        payload in vec(any::<u8>(), 0..40),
    ) {
        // By this way alone they keep every bit of the word.
        let kind = Icmpv4Type::Unknown { type_u8, code_u8, bytes5to8: word };
        let bytes = [Icmpv4Header::with_checksum(kind, &payload).to_bytes().as_slice(), &payload].concat();
        let ours = Message::parse(src.into(), dst.into(), &bytes);
        prop_assert!(ours.is_ok());
        if let Some(theirs) = Icmpv4Slice::from_slice(&bytes).ok().as_ref().and_then(from_their_icmpv4) {
            prop_assert_eq!(ours, Ok(theirs));
        }
    }

    #[test]
    fn icmpv6_is_read_alike(
        src: [u8; 16], dst: [u8; 16], type_u8 in prop_oneof![0u8..6, 127u8..140], code_u8 in 0u8..9, word: [u8; 4],
        payload in vec(any::<u8>(), 0..40),
    ) {
        let kind = Icmpv6Type::Unknown { type_u8, code_u8, bytes5to8: word };
        let header = Icmpv6Header::with_checksum(kind, src, dst, &payload).unwrap();
        let bytes = [header.to_bytes().as_slice(), &payload].concat();
        let ours = Message::parse(src.into(), dst.into(), &bytes);
        prop_assert!(ours.is_ok());
        if let Some(theirs) = Icmpv6Slice::from_slice(&bytes).ok().as_ref().and_then(from_their_icmpv6) {
            prop_assert_eq!(ours, Ok(theirs));
        }
    }

    #[test]
    fn frames_are_read_alike(
        ethertype in prop_oneof![
            prop::sample::select(vec![0x0800u16, 0x0806, 0x86dd, 0x8100, 0x88a8, 0x9100, 46]), any::<u16>(),
        ],
        addresses: ([u8; 6], [u8; 6]), damage in Damage::any(),
    ) {
        let header = Ethernet2Header {
            destination: addresses.0, source: addresses.1, ether_type: EtherType(ethertype),
        };
        compare_ether(&header.to_bytes())?;
        compare_ether(&damage.inflict(header.to_bytes().to_vec()))?;
    }

    #[test]
    fn arp_is_read_alike(
        operation in 0u16..4, macs: ([u8; 6], [u8; 6]), addresses: ([u8; 4], [u8; 4]), damage in Damage::any(),
    ) {
        let packet = ArpPacket::new(
            ArpHardwareId::ETHERNET, EtherType::IPV4, ArpOperation(operation),
            &macs.0, &addresses.0, &macs.1, &addresses.1,
        ).unwrap();
        let bytes = packet.to_bytes().to_vec();
        compare_arp(&bytes)?;
        if let Ok(ours) = arp::Packet::parse(&bytes) {
            let mut again = [0; arp::LEN];
            prop_assert_eq!(ours.emit(&mut again), Some(arp::LEN));
            prop_assert_eq!(&again[..], &bytes[..]);
        }
        compare_arp(&damage.inflict(bytes))?;
    }

    #[test]
    fn neighbour_discovery_is_read_alike(
        src: [u8; 16], dst: [u8; 16], target: [u8; 16], flags in 0u8..8, is_router: bool,
        options in any_ndp_options(), damage in Damage::any(),
    ) {
        use ndp::Message;
        compare_ndp_options(&options)?;
        compare_ndp_options(&damage.inflict(options.clone()))?;
        let payload = [target.as_slice(), &options].concat();
        let advertisement = Icmpv6Type::NeighborAdvertisement(icmpv6::NeighborAdvertisementHeader {
            router: flags & 1 != 0, solicited: flags & 2 != 0, r#override: flags & 4 != 0,
        });
        let kind = if is_router { advertisement } else { Icmpv6Type::NeighborSolicitation };
        let header = Icmpv6Header::with_checksum(kind, src, dst, &payload).unwrap();
        let bytes = [header.to_bytes().as_slice(), &payload].concat();
        let (src, dst) = (Ipv6Addr::from(src), Ipv6Addr::from(dst));
        match Message::parse(src, dst, ndp::HOP_LIMIT, &bytes) {
            Ok(Message::NeighbourSolicitation { target: read, source }) => {
                prop_assert!(!is_router);
                prop_assert_eq!(read.octets(), target);
                prop_assert_eq!(source, ndp::Options::parse(&options).unwrap().source());
            }
            Ok(Message::NeighbourAdvertisement(read)) => {
                prop_assert!(is_router);
                prop_assert_eq!(read.target.octets(), target);
                let ours = (read.is_router, read.is_solicited, read.overrides);
                prop_assert_eq!(ours, (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0));
                prop_assert_eq!(read.mac, ndp::Options::parse(&options).unwrap().target());
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(why) => prop_assert!(matches!(why, Malformed::Address | Malformed::Length | Malformed::Truncated)),
        }
    }

    #[test]
    fn what_we_say_to_neighbours_has_a_right_checksum(
        src: [u8; 16], dst: [u8; 16], target: [u8; 16], mac: [u8; 6], flags: (bool, bool, bool),
    ) {
        let (from, to) = (Ipv6Addr::from(src), Ipv6Addr::from(dst));
        let target = Ipv6Addr::from(target);
        let asked = ndp::Message::NeighbourSolicitation { target, source: Some(Mac(mac)) }.emit(from, to);
        let said = ndp::Message::NeighbourAdvertisement(ndp::NeighbourAdvertisement {
            target, is_router: flags.0, is_solicited: flags.1, overrides: flags.2, mac: Some(Mac(mac)),
        }).emit(from, to);
        for bytes in [asked, said] {
            let theirs = Icmpv6Slice::from_slice(&bytes).unwrap();
            prop_assert!(theirs.is_checksum_valid(src, dst));
            let is_known = !matches!(theirs.icmp_type(), Icmpv6Type::Unknown { .. });
            prop_assert!(is_known);
        }
    }

    #[test]
    fn what_we_send_over_tcp_is_read_as_it_was_meant(
        (src, dst) in any_addresses(),
        segment in any_tcp(),
        pieces in vec(vec(any::<u8>(), 0..30), 0..4),
        hop_limit: u8,
        dscp in (0u8..64).prop_map(|value| ip::Dscp::new(value).unwrap()),
        ecn in prop::sample::select(vec![ip::Ecn::NotEct, ip::Ecn::Ect0, ip::Ecn::Ect1, ip::Ecn::Ce]),
    ) {
        let Ok((header, _)) = tcp::Header::parse(&segment) else { return Ok(()) };
        let payload = pieces.concat();
        let ip = ip::Header { src, dst, protocol: ip::TCP, hop_limit, dscp, ecn };
        let mut packet = vec![0xee; ip.len() + header.len()];
        prop_assert_eq!(ip.emit(header.len() + payload.len(), &mut packet), Some(ip.len()));
        let tcp_bytes = &mut packet[ip.len()..];
        prop_assert_eq!(header.emit(tcp_bytes), Some(header.len()));
        tcp::seal(src, dst, tcp_bytes, &pieces);
        packet.extend_from_slice(&payload);

        compare_ip(&packet)?;
        compare_tcp(&packet[ip.len()..])?;
        let theirs = PacketHeaders::from_ip_slice(&packet).unwrap();
        prop_assert_eq!(theirs.payload.slice(), &payload);
        let theirs_tcp = theirs.transport.unwrap().tcp().unwrap();
        let checksum = match theirs.net.unwrap() {
            NetHeaders::Ipv4(v4, _) => {
                prop_assert_eq!(v4.header_checksum, v4.calc_header_checksum());
                prop_assert!(v4.dont_fragment);
                theirs_tcp.calc_checksum_ipv4(&v4, &payload)
            }
            NetHeaders::Ipv6(v6, _) => theirs_tcp.calc_checksum_ipv6(&v6, &payload),
            NetHeaders::Arp(_) => unreachable!("it was IP"),
        };
        prop_assert_eq!(checksum, Ok(theirs_tcp.checksum));
    }

    #[test]
    fn echo_replies_have_right_checksums((src, dst) in any_addresses(), rest in vec(any::<u8>(), 4..100)) {
        let reply = icmp::echo_reply(src, dst, &rest);
        prop_assert!(is_icmp_intact(src, dst, &reply));
    }

    #[test]
    fn errors_have_right_checksums(
        (src, dst) in any_addresses(), kind in any_error(), datagram in vec(any::<u8>(), 0..1_500),
    ) {
        let error = icmp::error(src, dst, kind, &datagram);
        prop_assert!(is_icmp_intact(src, dst, &error));
    }
}
