use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::Range;

use super::*;
use crate::checksum::Sum;
use crate::ip::TCP;

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 7, 0, 1));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2));

/// An IPv4 datagram of TCP with these fields, its options and payload, and a right header checksum.
pub(in crate::ip) struct Ipv4<'a> {
    pub(in crate::ip) version_ihl: u8,
    pub(in crate::ip) total_len: u16,
    pub(in crate::ip) flags_offset: u16,
    pub(in crate::ip) options: &'a [u8],
    pub(in crate::ip) payload: &'a [u8],
}

pub(in crate::ip) const PLAIN: Ipv4<'static> = Ipv4 {
    version_ihl: 0x45,
    total_len: 28,
    flags_offset: 0x4000,
    options: &[],
    payload: b"tcp here",
};

impl Ipv4<'_> {
    pub(in crate::ip) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version_ihl, 0b1010_1011];
        bytes.extend_from_slice(&self.total_len.to_be_bytes());
        bytes.extend_from_slice(&[0x12, 0x34]);
        bytes.extend_from_slice(&self.flags_offset.to_be_bytes());
        bytes.extend_from_slice(&[64, TCP, 0, 0, 10, 7, 0, 1, 10, 7, 0, 2]);
        bytes.extend_from_slice(self.options);
        let mut sum = Sum::new();
        sum.add(&bytes);
        bytes[10..12].copy_from_slice(&sum.finish().to_be_bytes());
        bytes.extend_from_slice(self.payload);
        bytes
    }
}

#[test]
fn fields_are_where_the_diagram_says() {
    let bytes = PLAIN.bytes();
    let expected = Datagram {
        src: SRC,
        dst: DST,
        protocol: TCP,
        hop_limit: 64,
        dscp: Dscp::from_traffic_class(42 << 2),
        ecn: Ecn::Ce,
        fragment: None,
        payload: 20..28,
    };
    assert_eq!(Datagram::parse(&bytes), Ok(expected));
}

#[test]
fn taken() {
    let options = [0x94, 4, 0, 0, 1, 1, 1, 0]; // router alert, padding
    let rows: [(&str, Vec<u8>, Range<usize>); 5] = [
        (
            "options are skipped",
            Ipv4 {
                version_ihl: 0x47,
                total_len: 36,
                options: &options,
                ..PLAIN
            }
            .bytes(),
            28..36,
        ),
        (
            "40 bytes of options",
            Ipv4 {
                version_ihl: 0x4f,
                total_len: 68,
                options: &[1; 40],
                ..PLAIN
            }
            .bytes(),
            60..68,
        ),
        (
            "no payload",
            Ipv4 {
                total_len: 20,
                payload: &[],
                ..PLAIN
            }
            .bytes(),
            20..20,
        ),
        (
            "link padding is left out",
            Ipv4 { total_len: 24, ..PLAIN }.bytes(),
            20..24,
        ),
        (
            "the reserved flag",
            Ipv4 {
                flags_offset: 0xc000,
                ..PLAIN
            }
            .bytes(),
            20..28,
        ),
    ];
    for (name, bytes, payload) in rows {
        assert_eq!(
            Datagram::parse(&bytes).map(|datagram| datagram.payload),
            Ok(payload),
            "{name}"
        );
    }
}

#[test]
fn refused() {
    let plain = PLAIN.bytes();
    let wrong_checksum = {
        let mut bytes = plain.clone();
        bytes[8] -= 1;
        bytes
    };
    let rows: [(&str, Vec<u8>, Malformed); 11] = [
        ("nothing", vec![], Malformed::Truncated),
        ("19 bytes", plain[..19].to_vec(), Malformed::Truncated),
        (
            "version 5",
            Ipv4 {
                version_ihl: 0x55,
                ..PLAIN
            }
            .bytes(),
            Malformed::Version,
        ),
        ("version 0", vec![0; 60], Malformed::Version),
        (
            "an IHL of 4",
            Ipv4 {
                version_ihl: 0x44,
                ..PLAIN
            }
            .bytes(),
            Malformed::HeaderLength,
        ),
        (
            "an IHL past the bytes",
            Ipv4 {
                version_ihl: 0x48,
                ..PLAIN
            }
            .bytes(),
            Malformed::HeaderLength,
        ),
        (
            "a total length of 0",
            Ipv4 { total_len: 0, ..PLAIN }.bytes(),
            Malformed::Length,
        ),
        (
            "a total length below the header",
            Ipv4 { total_len: 19, ..PLAIN }.bytes(),
            Malformed::Length,
        ),
        (
            "a total length below the header with its options",
            Ipv4 {
                version_ihl: 0x47,
                total_len: 24,
                options: &[1; 8],
                ..PLAIN
            }
            .bytes(),
            Malformed::Length,
        ),
        (
            "a total length past the bytes",
            Ipv4 { total_len: 29, ..PLAIN }.bytes(),
            Malformed::Truncated,
        ),
        ("a wrong checksum", wrong_checksum, Malformed::Checksum),
    ];
    for (name, bytes, why) in rows {
        assert_eq!(Datagram::parse(&bytes), Err(why), "{name}");
    }
}

#[test]
fn fragments() {
    let piece = |offset, more| {
        Ok(Some(Fragment {
            id: 0x1234,
            offset,
            more,
        }))
    };
    let rows = [
        ("whole", 0x4000, 28, Ok(None)),
        ("the first piece", 0x2000, 28, piece(0, true)),
        ("a middle piece", 0x2001, 28, piece(8, true)),
        ("the last piece", 0x0002, 28, piece(16, false)),
        ("the last piece, of 3 bytes", 0x0002, 23, piece(16, false)),
        ("a middle piece of 3 bytes", 0x2001, 23, Err(Malformed::Fragment)),
        ("an empty piece", 0x0001, 20, Err(Malformed::Fragment)),
        ("up to 65,535 bytes", 0x1ffc, 31, piece(65_504, false)),
        ("up to 65,536 bytes", 0x1ffc, 32, Err(Malformed::Fragment)),
    ];
    for (name, flags_offset, total_len, expected) in rows {
        let bytes = Ipv4 {
            flags_offset,
            total_len,
            payload: b"fifteen bytes!!",
            ..PLAIN
        }
        .bytes();
        assert_eq!(
            Datagram::parse(&bytes).map(|datagram| datagram.fragment),
            expected,
            "{name}"
        );
    }
}

#[test]
fn is_sent_whole_or_not_at_all() {
    let mut out = [0xee; 20];
    Header {
        src: SRC,
        dst: DST,
        protocol: TCP,
        hop_limit: 64,
        dscp: Dscp::DEFAULT,
        ecn: Ecn::NotEct,
    }
    .emit(0, &mut out)
    .unwrap();
    assert_eq!(out[4..8], [0, 0, 0x40, 0], "no identification, and don't fragment");
}
