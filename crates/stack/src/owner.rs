//! Which shard a packet belongs to.
//!
//! A host may run one [`Stack`](crate::Stack) for each of its threads. Whatever queue of the link a packet came by, its
//! owner follows from the packet alone:
//!
//! ```text
//!  TCP segment ────────▶ its two ends: local, remote ─┐
//!  ICMP error ─▶ the segment that it quotes ──────────┼─▶ keyed hash ─▶ shard
//!  fragment ───▶ the datagram that it is a piece of ──┘
//!                 └ rebuilt there ─▶ the segment in it ─▶ …
//!  all else: whoever has it
//! ```
//! The ends are those of the connection, ours and the peer's, and not source and destination: so what comes in, what an
//! error quotes of what went out, and the four-tuple of a connection that we are about to open have one owner.
//!
//! The key is a secret, so nobody can choose ports to make one shard work for all. It is the same in all shards of a host,
//! and lives as long as they do: a cookie comes back to the shard that sent it.

use core::num::NonZeroUsize;

use siphasher::sip::SipHasher13;
use wire::icmp::Message;
use wire::ip::{self, Datagram};
use wire::seq::SeqNumber;
use wire::tcp;

use crate::config::Secrets;
use crate::hash::{encode, ports, subkey};
use crate::tuple::FourTuple;

/// The shards of a host, and what belongs to which.
#[derive(Clone)]
pub struct Owners {
    key: SipHasher13,
    shards: NonZeroUsize,
}

impl Owners {
    /// So many shards of a host with these secrets.
    pub fn new(secrets: &Secrets, shards: NonZeroUsize) -> Self {
        Self {
            key: SipHasher13::new_with_key(&subkey(secrets, b"owner")),
            shards,
        }
    }

    /// How many shards there are.
    pub const fn shards(&self) -> NonZeroUsize {
        self.shards
    }

    /// The shard that has the connection of this four-tuple, and its half-open and TIME-WAIT entry.
    pub fn of_tuple(&self, tuple: &FourTuple) -> usize {
        self.shard(&encode(tuple.local_addr, tuple.remote_addr, ports(tuple)))
    }

    /// The shard that a packet to us belongs to. `None`: none in particular, or it cannot be read.
    pub fn of_packet(&self, packet: &[u8]) -> Option<usize> {
        self.of_datagram(&Datagram::parse(packet).ok()?, packet)
    }

    /// As [`of_packet`](Self::of_packet), where its IP header has been read already.
    pub(crate) fn of_datagram(&self, datagram: &Datagram, packet: &[u8]) -> Option<usize> {
        if let Some(fragment) = datagram.fragment {
            return Some(self.shard(&encode(datagram.dst, datagram.src, fragment.id)));
        }
        let payload = packet.get(datagram.payload.clone())?;
        let tuple = match datagram.protocol {
            ip::TCP => tuple_of_segment(datagram, payload)?,
            ip::ICMP | ip::ICMPV6 => tuple_of_error(datagram, payload)?,
            _ => return None,
        };
        Some(self.of_tuple(&tuple))
    }

    fn shard(&self, name: &[u8]) -> usize {
        // The upper half of the hash, as a fraction of 2^32, times the number of shards: the whole part.
        let fraction = self.key.hash(name) >> 32;
        (fraction.saturating_mul(self.shards.get() as u64) >> 32) as usize
    }
}

/// Whose a segment to us is. Nothing but the ports is read.
fn tuple_of_segment(datagram: &Datagram, segment: &[u8]) -> Option<FourTuple> {
    let &[p0, p1, q0, q1] = segment.first_chunk()?;
    Some(FourTuple {
        local_addr: datagram.dst,
        remote_addr: datagram.src,
        local_port: u16::from_be_bytes([q0, q1]),
        remote_port: u16::from_be_bytes([p0, p1]),
    })
}

/// Whose the segment is that an ICMP error quotes.
fn tuple_of_error(datagram: &Datagram, message: &[u8]) -> Option<FourTuple> {
    let quoted = match Message::parse(datagram.src, datagram.dst, message).ok()? {
        Message::Unreachable { quoted, .. }
        | Message::TooBig { quoted, .. }
        | Message::TimeExceeded { quoted }
        | Message::ParameterProblem { quoted } => quoted,
        Message::EchoRequest { .. } | Message::EchoReply { .. } | Message::Other { .. } => return None,
    };
    Some(quoted_segment(quoted)?.0)
}

/// The segment that an error quotes, if it is a TCP segment: whose it was, and where it began. It was ours on its way out.
pub(crate) fn quoted_segment(quoted: &[u8]) -> Option<(FourTuple, SeqNumber)> {
    let datagram = Datagram::parse_quoted(quoted).ok()?;
    if datagram.protocol != ip::TCP || datagram.fragment.is_some_and(|f| f.offset > 0) {
        return None;
    }
    let (src_port, dst_port, seq) = tcp::Header::parse_quoted(quoted.get(datagram.payload)?).ok()?;
    let tuple = FourTuple {
        local_addr: datagram.src,
        remote_addr: datagram.dst,
        local_port: src_port,
        remote_port: dst_port,
    };
    Some((tuple, seq))
}

/// A bound of the host, as one of its shards keeps it: an even part, rounded up.
pub(crate) const fn part(whole: usize, shards: NonZeroUsize) -> usize {
    whole.div_ceil(shards.get())
}

/// As [`part`], for what a source may have in all shards together.
///
/// The hash deals a source's connections out by chance, so that an even part would refuse sources which are well within
/// their bound. With five standard deviations more, up to the whole, fewer than one in 5,000 of those that use all of it meets a
/// full shard, where there are up to 64 (computed by a test).
pub(crate) fn part_of_source(whole: usize, shards: NonZeroUsize) -> usize {
    let even = part(whole, shards);
    let spread = (even.saturating_mul(25)).isqrt().saturating_add(1);
    even.saturating_add(spread).min(whole)
}

#[cfg(test)]
mod tests;
