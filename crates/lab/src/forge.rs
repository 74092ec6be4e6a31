//! Packets that no stack has sent.

use stack::FourTuple;
use wire::ip::{self, Ecn};
use wire::option::Options;
use wire::seq::SeqNumber;
use wire::tcp::{self, Flags, Header};

/// What goes into a forged segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forged {
    /// As the host sees it in whose name the segment travels.
    pub(crate) tuple: FourTuple,
    pub(crate) flags: Flags,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) window: u16,
    pub(crate) options: Options,
    pub(crate) payload: usize,
}

/// The IP packet; `None` when the addresses are of two families or the payload is too long.
pub(crate) fn forge(forged: &Forged) -> Option<Vec<u8>> {
    let header = Header {
        src_port: forged.tuple.local_port,
        dst_port: forged.tuple.remote_port,
        seq: SeqNumber::new(forged.seq),
        ack: SeqNumber::new(forged.ack),
        flags: forged.flags,
        window: forged.window,
        urgent: 0,
        options: forged.options,
    };
    let ip_header = ip::Header {
        src: forged.tuple.local_addr,
        dst: forged.tuple.remote_addr,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: wire::ip::Dscp::default(),
        ecn: Ecn::NotEct,
    };
    let (ip_len, tcp_len) = (ip_header.len(), header.len());
    let mut packet = vec![b'x'; ip_len + tcp_len + forged.payload];
    ip_header.emit(tcp_len + forged.payload, &mut packet)?;
    let (_, segment) = packet.split_at_mut(ip_len);
    header.emit(segment)?;
    let (head, payload) = segment.split_at_mut(tcp_len);
    tcp::seal(ip_header.src, ip_header.dst, head, &[&*payload]);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use wire::option::Timestamps;

    use super::*;
    use crate::glance::Glance;

    #[test]
    fn a_forged_packet_is_intact_in_both_families() {
        for (local, remote) in [("10.0.0.1:1", "10.0.0.2:2"), ("[fd00::1]:1", "[fd00::2]:2")] {
            let tuple = FourTuple::new(local.parse().unwrap(), remote.parse().unwrap());
            let forged = Forged {
                tuple,
                flags: Flags::ACK,
                seq: 7,
                ack: 9,
                window: 100,
                options: Options {
                    timestamps: Some(Timestamps { val: 1, ecr: 2 }),
                    ..Options::default()
                },
                payload: 5,
            };
            let packet = forge(&forged).unwrap();
            let glance = Glance::of(&packet).unwrap();
            assert_eq!((glance.tuple, glance.payload, glance.header.seq.value()), (tuple, 5, 7));
            let segment = &packet[ip::Datagram::parse(&packet).unwrap().payload];
            assert!(tcp::is_intact(tuple.local_addr, tuple.remote_addr, segment));
        }
    }
}
