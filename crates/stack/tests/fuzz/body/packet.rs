//! Packets that are made from the numbers that connections have shown, and then bent.

use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use syndic_stack::io::Checksum;
use syndic_stack::*;
use wire::ether::{self, EtherType};
use wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};
use wire::{icmp, ip, tcp};

use super::World;
use super::host::{mac, ours, theirs};
use super::watch::SynAck;

impl World<'_> {
    /// A segment for a connection that has shown itself, or a SYN for a listener; its numbers are nearly right.
    pub(super) fn segment(&mut self) -> Option<Vec<u8>> {
        let known: Vec<_> = self.stack.observer().shown.iter().map(|(k, v)| (*k, *v)).collect();
        let kind = self.input.byte();
        let (local, remote, shown) = match self.input.choose(&known) {
            Some(((local, remote), shown)) if kind >= 40 => (local, remote, shown.header),
            _ => {
                let is_v6 = kind & 1 == 1;
                let port = 1000 + u16::from(kind % 8);
                let local = SocketAddr::new(ours(is_v6), 80);
                let remote = SocketAddr::new(theirs(is_v6), port);
                let shown = known.iter().find(|(k, _)| *k == (local, remote));
                let none = self.stack.observer_mut().at(&FourTuple::new(local, remote)).header;
                (local, remote, shown.map_or(none, |(_, s)| s.header))
            }
        };
        let flags = match kind {
            0..40 => Flags::SYN,
            40..130 => Flags::ACK,
            130..160 => Flags::ACK | Flags::PSH,
            160..190 => Flags::ACK | Flags::FIN,
            190..200 => Flags::RST,
            200..230 => Flags::SYN | Flags::ACK,
            230..240 => Flags::ACK | Flags::URG,
            _ => Flags::from_bits(self.input.byte()),
        };
        let mut options = Options::default();
        let offered = self.input.byte();
        if let Some(ours) = shown.options.timestamps.filter(|_| offered & 1 == 0) {
            options.timestamps = Some(Timestamps {
                val: ours.ecr.wrapping_add(self.input.delta()),
                ecr: ours.val.wrapping_add(self.input.delta()),
            });
        } else if offered & 2 != 0 {
            options.timestamps = Some(Timestamps {
                val: self.input.delta(),
                ecr: self.input.delta(),
            });
        }
        if flags.syn() {
            options.mss = (offered & 4 != 0).then(|| self.input.short());
            options.window_scale = (offered & 8 != 0).then(|| WindowScale::new(self.input.byte()));
            options.sack_permitted = offered & 16 != 0;
        } else if offered & 32 != 0 {
            let mut sack = SackBlocks::default();
            let (left, right) = (shown.seq + self.input.delta(), shown.seq + self.input.delta());
            sack.push(left, right);
            // Small ones beside it divide what is in flight as much as may be.
            sack.push(right + 1, right + 2);
            sack.push(right + 3, right + 4);
            options.sack = sack;
        }
        let header = Header {
            src_port: remote.port(),
            dst_port: local.port(),
            seq: shown.ack + self.input.delta(),
            ack: if flags.ack() {
                shown.seq + self.input.delta()
            } else {
                SeqNumber::default()
            },
            flags,
            window: if offered & 64 == 0 { 60_000 } else { self.input.short() },
            urgent: if flags.urg() { self.input.short() } else { 0 },
            options,
        };
        let len = if offered & 128 == 0 {
            0
        } else {
            usize::from(self.input.short()) % 1300
        };
        build(remote.ip(), local.ip(), &header, &vec![b'p'; len])
    }

    /// A segment with some bytes changed, its checksum right or wrong or vouched for by the link.
    pub(super) fn noise(&mut self) {
        let Some(mut packet) = self.segment() else { return };
        for _ in 0..=self.input.byte() % 4 {
            let at = usize::from(self.input.short()) % packet.len();
            packet[at] ^= self.input.byte();
        }
        let checksum = if self.input.byte() & 1 == 0 {
            Checksum::Unverified
        } else {
            Checksum::Trusted
        };
        self.packet(&packet, checksum);
    }

    /// An ICMP error that quotes something near what was sent.
    pub(super) fn icmp(&mut self) {
        let known: Vec<_> = self.stack.observer().shown.iter().map(|(k, v)| (*k, *v)).collect();
        let Some(((local, remote), shown)) = self.input.choose(&known) else {
            return;
        };
        let mut header = shown.header;
        header.seq = header.seq - 1 + self.input.delta();
        let Some(quoted) = build(local.ip(), remote.ip(), &header, &[]) else {
            return;
        };
        let kind = match self.input.byte() % 4 {
            0 => icmp::ErrorKind::TooBig(u32::from(self.input.short())),
            1 => icmp::ErrorKind::TimeExceeded,
            2 => icmp::ErrorKind::Unreachable(icmp::Unreachable::Port),
            _ => icmp::ErrorKind::Unreachable(icmp::Unreachable::Host),
        };
        let message = icmp::error(remote.ip(), local.ip(), kind, &quoted);
        let protocol = if local.is_ipv4() { ip::ICMP } else { ip::ICMPV6 };
        if let Some(packet) = datagram(remote.ip(), local.ip(), protocol, &message) {
            self.packet(&packet, Checksum::Unverified);
        }
    }

    /// A piece of a segment, as IPv4 cuts it.
    pub(super) fn fragment(&mut self) {
        let Some(packet) = self.segment().filter(|p| p[0] >> 4 == 4) else {
            return;
        };
        let offset = usize::from(self.input.byte() % 8) * 8;
        let len = usize::from(self.input.byte()) % 64 + 8;
        let body: Vec<u8> = packet[20..].iter().copied().skip(offset).take(len).collect();
        let more = offset + len < packet.len() - 20;
        let mut piece = datagram(theirs(false), ours(false), ip::TCP, &body).expect("fits");
        piece[5] = self.input.byte() % 4;
        piece[6] = if more { 0x20 } else { 0 };
        piece[7] = (offset / 8) as u8;
        piece[10..12].fill(0);
        let mut sum = wire::checksum::Sum::new();
        sum.add(&piece[..20]);
        let checksum = sum.finish();
        piece[10..12].copy_from_slice(&checksum.to_be_bytes());
        self.packet(&piece, Checksum::Unverified);
    }

    /// A SYN-ACK that was sent some time or other is acknowledged: as it is, or with a bit turned, or its numbers moved.
    pub(super) fn third_ack(&mut self) {
        let sent: Vec<_> = self.stack.observer().syn_acks.iter().copied().collect();
        let Some(SynAck { tuple, header, .. }) = self.input.choose(&sent) else {
            return;
        };
        let bent = self.input.byte();
        let turned = |on: u8, by: u8| if bent & 3 == on { 1 << (by & 31) } else { 0 };
        let by = self.input.byte();
        let moved = if bent & 4 != 0 { self.input.delta() } else { 0 };
        let ts = header.options.timestamps.filter(|_| bent & 8 == 0);
        let ack = Header {
            src_port: tuple.remote_port,
            dst_port: tuple.local_port,
            seq: header.ack + moved,
            ack: SeqNumber::new(header.seq.value() ^ turned(1, by)) + 1,
            flags: if bent & 16 == 0 {
                Flags::ACK
            } else {
                Flags::ACK | Flags::FIN
            },
            window: 60_000,
            urgent: 0,
            options: Options {
                timestamps: ts.map(|ts| Timestamps {
                    val: ts.ecr.wrapping_add(u32::from(bent)),
                    ecr: ts.val ^ turned(2, by),
                }),
                ..Options::default()
            },
        };
        let text = vec![b'p'; if bent & 32 == 0 { 0 } else { usize::from(by) }];
        if let Some(packet) = build(tuple.remote_addr, tuple.local_addr, &ack, &text) {
            self.packet(&packet, Checksum::Unverified);
        }
    }

    /// A packet, on an Ethernet in a frame.
    pub(super) fn packet(&mut self, bytes: &[u8], checksum: Checksum) {
        if !self.is_ethernet {
            self.frame(bytes, checksum);
        } else {
            let is_v4 = bytes.first().is_none_or(|first| first >> 4 == 4);
            let header = ether::Header {
                dst: mac(2),
                src: mac(self.input.byte() % 4),
                ethertype: if is_v4 { EtherType::Ipv4 } else { EtherType::Ipv6 },
            };
            let mut frame = vec![0; ether::HEADER];
            header.emit(&mut frame).expect("fits");
            frame.extend_from_slice(bytes);
            self.frame(&frame, checksum);
        }
        self.check_cookie(bytes);
    }

    pub(super) fn frame(&mut self, bytes: &[u8], checksum: Checksum) {
        let mut batch = Batch::new();
        batch.push(Packet {
            bytes: BytesMut::from(bytes),
            arrived: self.now,
            checksum,
        });
        self.stack.handle_packets(self.now(), &mut batch);
    }
}

fn build(src: IpAddr, dst: IpAddr, header: &Header, payload: &[u8]) -> Option<Vec<u8>> {
    let mut head = vec![0; header.len()];
    header.emit(&mut head)?;
    tcp::seal(src, dst, &mut head, &[payload]);
    head.extend_from_slice(payload);
    datagram(src, dst, ip::TCP, &head)
}

fn datagram(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Option<Vec<u8>> {
    let header = ip::Header {
        src,
        dst,
        protocol,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = vec![0; header.len()];
    header.emit(payload.len(), &mut packet)?;
    packet.extend_from_slice(payload);
    Some(packet)
}
