//! The peer: it is nothing but the segments of the script, and it writes down what the host sends, in relative numbers.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use wire::icmp::{self, ErrorKind};
use wire::option::{Options, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};
use wire::{ip, tcp};

use crate::script::{Icmp, Segment, Version, Wrong};

/// The peer's ISN: near the end of the number space, so that every case wraps around.
const ISN: u32 = u32::MAX - 20;

/// A TCP header without options, and where fields of it lie. Units: bytes.
const FIXED_HEADER: usize = 20;
const OFFSET_AT: usize = 12;
const CHECKSUM_AT: usize = 16;
/// Where the checksum lies in an IPv4 header.
const IPV4_CHECKSUM_AT: usize = 10;

/// What the peer knows of the connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) own: SocketAddr,
    pub(crate) host: SocketAddr,
    isn: SeqNumber,
    /// The host's, once it has shown it.
    iss: Option<SeqNumber>,
    /// The host's last TSval.
    ts: u32,
    /// What the host has acknowledged, and where its window ends.
    acked: SeqNumber,
    edge: SeqNumber,
    /// The number after the last that the host has sent.
    sent: SeqNumber,
    /// The last timestamp and acknowledgment that the script has used, for what `fill` sends.
    last: Option<Segment>,
    scale: (Option<u8>, Option<u8>),
    /// The host's last packet, for ICMP to quote.
    last_heard: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(own: SocketAddr, host: SocketAddr) -> Self {
        Self {
            own,
            host,
            isn: SeqNumber::new(ISN),
            iss: None,
            ts: 0,
            acked: SeqNumber::new(ISN),
            edge: SeqNumber::new(ISN),
            sent: SeqNumber::new(0),
            last: None,
            scale: (None, None),
            last_heard: Vec::new(),
        }
    }

    /// A segment of the script as a packet.
    pub(crate) fn segment(&mut self, segment: &Segment) -> Vec<u8> {
        if segment.flags.syn() {
            self.scale.0 = segment.scale;
        }
        self.last = Some(segment.clone());
        let iss = self.iss.unwrap_or_default();
        let ack = if segment.flags.ack() {
            iss + segment.ack as u32
        } else {
            SeqNumber::new(0)
        };
        let header = Header {
            src_port: self.own.port(),
            dst_port: self.host.port(),
            seq: self.isn + segment.seq as u32,
            ack,
            flags: segment.flags,
            window: segment.window,
            urgent: segment.urgent,
            options: Options {
                mss: segment.mss,
                window_scale: segment.scale.map(WindowScale::new),
                sack_permitted: segment.sack_ok,
                timestamps: segment.ts.map(|val| Timestamps { val, ecr: self.ts }),
                ..Options::default()
            },
        };
        self.tcp(&header, segment)
    }

    /// What fills the window from what is acknowledged on, cut into segments of 1,000 bytes; nothing when it is full.
    pub(crate) fn filling(&mut self) -> Vec<Vec<u8>> {
        let mut segment = self.last.clone().expect("fill comes after the handshake");
        let mut at = self.acked;
        let mut packets = Vec::new();
        while at.before(self.edge) {
            let len = self.edge.since(at).min(1_000);
            segment.seq = at.since(self.isn).into();
            segment.len = len as usize;
            segment.flags = Flags::ACK;
            packets.push(self.segment(&segment));
            at += len;
        }
        packets
    }

    /// Relative numbers begin anew: the next byte of either end is 1 again.
    pub(crate) fn begin_anew(&mut self) {
        self.isn = self.acked - 1;
        self.iss = Some(self.sent - 1);
        if let Some(last) = &mut self.last {
            last.ack = 1;
        }
    }

    /// An ICMP error from the peer that quotes what the host sent last.
    pub(crate) fn icmp(&self, error: &Icmp) -> Vec<u8> {
        let mut quoted = self.last_heard.clone();
        let segment = ip::Datagram::parse(&quoted)
            .expect("the host has sent a packet")
            .payload;
        if let Some(seq) = error.seq {
            let seq = self.iss.unwrap_or_default() + seq as u32;
            quoted[segment.start + 4..segment.start + 8].copy_from_slice(&seq.value().to_be_bytes());
        }
        if let Some(bytes) = error.quote {
            quoted.truncate(segment.start + bytes);
        }
        let (kind, protocol) = match (error.kind, self.version()) {
            (kind, Version::V4) => (kind, ip::ICMP),
            (ErrorKind::TooBig(mtu), version) => {
                let mtu = mtu + u32::from(version.header_surplus());
                (ErrorKind::TooBig(mtu), ip::ICMPV6)
            }
            (kind, Version::V6) => (kind, ip::ICMPV6),
        };
        let mut message = icmp::error(self.own.ip(), self.host.ip(), kind, &quoted);
        if !error.is_intact {
            message[2] ^= 0xff;
        }
        self.datagram(protocol, &message)
    }

    const fn version(&self) -> Version {
        match self.own.ip() {
            IpAddr::V4(_) => Version::V4,
            IpAddr::V6(_) => Version::V6,
        }
    }

    /// A packet with this header, which is as wrong as the script has it.
    fn tcp(&self, header: &Header, script: &Segment) -> Vec<u8> {
        let mut segment = vec![0; header.len()];
        header.emit(&mut segment).expect("room for the header");
        if let Some(raw) = &script.raw_options {
            segment.truncate(FIXED_HEADER);
            segment.extend_from_slice(raw);
            let words = u8::try_from(segment.len() / 4).expect("a header of at most 60 bytes");
            segment[OFFSET_AT] = words << 4;
        }
        for &wrong in &script.wrong {
            match wrong {
                Wrong::Reserved(bits) => segment[OFFSET_AT] |= bits,
                Wrong::Offset(words) => segment[OFFSET_AT] = words << 4,
                _ => {}
            }
        }
        let payload = vec![script.byte; script.len];
        tcp::seal(self.own.ip(), self.host.ip(), &mut segment, &[&payload]);
        segment.extend_from_slice(&payload);
        for &wrong in &script.wrong {
            match wrong {
                Wrong::TcpChecksum => segment[CHECKSUM_AT] ^= 0xff,
                Wrong::NoTcpChecksum => segment[CHECKSUM_AT..CHECKSUM_AT + 2].fill(0),
                Wrong::Cut(bytes) => segment.truncate(segment.len() - bytes),
                _ => {}
            }
        }
        let mut packet = self.datagram(ip::TCP, &segment);
        for &wrong in &script.wrong {
            match wrong {
                Wrong::IpChecksum => packet[IPV4_CHECKSUM_AT] ^= 0xff,
                Wrong::Padding(bytes) => packet.resize(packet.len() + bytes, 0xaa),
                _ => {}
            }
        }
        packet
    }

    fn datagram(&self, protocol: u8, body: &[u8]) -> Vec<u8> {
        let header = ip::Header {
            src: self.own.ip(),
            dst: self.host.ip(),
            protocol,
            hop_limit: 64,
            dscp: wire::ip::Dscp::default(),
            ecn: ip::Ecn::NotEct,
        };
        let mut packet = vec![0; header.len()];
        header.emit(body.len(), &mut packet).expect("room for the header");
        packet.extend_from_slice(body);
        packet
    }

    /// The host has sent a packet: what it says, in relative numbers. `None` when it is not TCP.
    ///
    /// Left out is what no peer minds: PSH, TSval, the value of the window scale, and how large an open window is.
    pub(crate) fn heard(&mut self, packet: &[u8]) -> Option<String> {
        let datagram = ip::Datagram::parse(packet).expect("the host sends sound IP");
        let body = &packet[datagram.payload.clone()];
        if datagram.protocol != ip::TCP {
            return None;
        }
        assert!(tcp::is_intact(datagram.src, datagram.dst, body), "a wrong checksum");
        let (header, len) = Header::parse(body).expect("the host sends sound TCP");
        self.last_heard = packet.to_vec();
        self.note(&header, body.len() - len);
        Some(self.describe(&header, body.len() - len))
    }

    fn note(&mut self, header: &Header, len: usize) {
        let end = header.seq + len as u32 + u32::from(header.flags.syn()) + u32::from(header.flags.fin());
        if header.flags.syn() || end.after(self.sent) && !header.flags.rst() {
            self.sent = end;
        }
        if header.flags.syn() {
            self.iss = Some(header.seq);
            self.scale.1 = header.options.window_scale.map(WindowScale::shift);
        }
        if let Some(timestamps) = header.options.timestamps {
            self.ts = timestamps.val;
        }
        if header.flags.ack() && !header.flags.rst() {
            let scale = match self.scale {
                (Some(_), Some(scale)) if !header.flags.syn() => scale,
                _ => 0,
            };
            self.acked = self.acked.later(header.ack);
            self.edge = header.ack + (u32::from(header.window) << scale);
        }
    }

    fn describe(&self, header: &Header, len: usize) -> String {
        let relative = |n: SeqNumber, origin: SeqNumber| n.since(origin) as i32;
        let flags = header.flags.to_string().replace('P', "");
        let mut text = match relative(header.seq, self.iss.unwrap_or_default()) {
            // A reset of what has no number to be reset at.
            _ if header.seq.value() == 0 => format!("{flags} none"),
            seq => format!("{flags} {seq}"),
        };
        if header.flags.ack() {
            let _ = write!(text, " ack {}", relative(header.ack, self.isn));
        }
        if len > 0 {
            let _ = write!(text, " len {len}");
        }
        if header.window == 0 && !header.flags.rst() {
            text += " win 0";
        }
        if header.flags.urg() {
            let _ = write!(text, " urg {}", header.urgent);
        }
        let options = &header.options;
        let mut list = Vec::new();
        list.extend(options.mss.map(|mss| format!("mss {mss}")));
        list.extend(options.sack_permitted.then(|| "sackOK".to_owned()));
        list.extend(options.timestamps.map(|ts| format!("TS ecr {}", ts.ecr)));
        list.extend(options.window_scale.map(|_| "ws".to_owned()));
        for &(left, right) in options.sack.as_slice() {
            list.push(format!(
                "sack {}:{}",
                relative(left, self.isn),
                relative(right, self.isn)
            ));
        }
        if !list.is_empty() {
            let _ = write!(text, " <{}>", list.join(", "));
        }
        text
    }
}
