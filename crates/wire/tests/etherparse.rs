//! What we read and write, beside what `etherparse` makes of the same bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use syndic_wire::option::{Options, Timestamps, WindowScale};
use syndic_wire::seq::SeqNumber;
use syndic_wire::{ip, tcp};

const V4: (IpAddr, IpAddr) = (
    IpAddr::V4(Ipv4Addr::new(10, 7, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2)),
);
const V6: (IpAddr, IpAddr) = (
    IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2)),
);

#[test]
fn a_syn_of_ours_is_read_by_etherparse_and_by_us() {
    for (src, dst) in [V4, V6] {
        let header = tcp::Header {
            src_port: 40_000,
            dst_port: 80,
            seq: SeqNumber::new(u32::MAX),
            ack: SeqNumber::new(0),
            flags: tcp::Flags::SYN,
            window: 64_240,
            urgent: 0,
            options: Options {
                mss: Some(1_460),
                window_scale: Some(WindowScale::new(7)),
                sack_permitted: true,
                timestamps: Some(Timestamps { val: 1, ecr: 2 }),
                ..Options::default()
            },
        };
        let mut segment = vec![0; header.len()];
        assert_eq!(header.emit(&mut segment), Some(40));
        tcp::seal(src, dst, &mut segment, &[b"odd".as_slice(), b"pieces"]);
        segment.extend_from_slice(b"oddpieces");
        let ip = ip::Header {
            src,
            dst,
            protocol: ip::TCP,
            hop_limit: 64,
            ecn: ip::Ecn::Ect0,
        };
        let mut packet = vec![0; ip.len()];
        assert_eq!(ip.emit(segment.len(), &mut packet), Some(ip.len()));
        packet.extend_from_slice(&segment);

        let theirs = etherparse::PacketHeaders::from_ip_slice(&packet).unwrap();
        let their_tcp = theirs.transport.clone().unwrap().tcp().unwrap();
        let their_sum = match theirs.net.as_ref().unwrap() {
            etherparse::NetHeaders::Ipv4(v4, _) => {
                assert_eq!(v4.header_checksum, v4.calc_header_checksum());
                their_tcp.calc_checksum_ipv4(v4, b"oddpieces")
            }
            etherparse::NetHeaders::Ipv6(v6, _) => their_tcp.calc_checksum_ipv6(v6, b"oddpieces"),
            _ => unreachable!(),
        };
        assert_eq!(their_sum, Ok(their_tcp.checksum));

        let ours = ip::Datagram::parse(&packet).unwrap();
        assert_eq!(
            (ours.src, ours.dst, ours.protocol, ours.ecn),
            (src, dst, ip::TCP, ip::Ecn::Ect0)
        );
        assert_eq!(&packet[ours.payload.clone()], segment);
        assert!(tcp::is_intact(src, dst, &segment));
        assert_eq!(tcp::Header::parse(&segment), Ok((header, 40)));
    }
}
