//! Counters: they always count, whoever observes.

use crate::observer::Why;

/// What a stack has counted since its birth. They wrap around at 2^64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// IP packets handed in.
    pub packets_in: u64,
    /// IP packets the link took.
    pub packets_out: u64,
    /// IP packets, of those handed in or rebuilt of fragments, that belonged to another shard and were given to it.
    pub strays: u64,
    /// TCP segments that were well-formed.
    pub segments_in: u64,
    /// Of these, those that were joined to the one before them, as they came together and in order.
    pub segments_joined: u64,
    /// TCP segments sent.
    pub segments_out: u64,
    /// Payload bytes received in order, once each.
    pub bytes_in: u64,
    /// Payload bytes sent for the first time.
    pub bytes_out: u64,
    /// Segments sent again.
    pub retransmissions: u64,
    /// Retransmission timeouts.
    pub timeouts: u64,
    /// Active opens.
    pub opens_active: u64,
    /// Passive opens that reached ESTABLISHED.
    pub opens_passive: u64,
    /// SYN-ACKs sent for which no half-open entry is kept.
    pub cookies_sent: u64,
    /// Connections opened by a cookie that came back.
    pub cookies_taken: u64,
    /// Connections that ended by RST from the peer.
    pub resets_in: u64,
    /// RSTs sent.
    pub resets_out: u64,
    /// Challenge ACKs sent.
    pub challenge_acks: u64,
    /// Connections that timed out.
    pub timed_out: u64,
    dropped: Dropped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Dropped([u64; Why::ALL.len()]);

impl Default for Dropped {
    fn default() -> Self {
        Self([0; Why::ALL.len()])
    }
}

impl Counters {
    /// How often something was dropped for this reason.
    pub fn dropped(&self, why: Why) -> u64 {
        self.dropped.0.get(why as usize).copied().unwrap_or_default()
    }

    /// Every reason that has occurred, with its count.
    pub fn drops(&self) -> impl Iterator<Item = (Why, u64)> + '_ {
        Why::ALL
            .iter()
            .map(|&why| (why, self.dropped(why)))
            .filter(|&(_, n)| n > 0)
    }

    /// Adds what another stack has counted: another shard of the same host, say.
    pub fn add(&mut self, other: &Self) {
        let Self {
            packets_in,
            packets_out,
            strays,
            segments_in,
            segments_joined,
            segments_out,
            bytes_in,
            bytes_out,
            retransmissions,
            timeouts,
            opens_active,
            opens_passive,
            cookies_sent,
            cookies_taken,
            resets_in,
            resets_out,
            challenge_acks,
            timed_out,
            dropped,
        } = other;
        let pairs = [
            (&mut self.packets_in, packets_in),
            (&mut self.packets_out, packets_out),
            (&mut self.strays, strays),
            (&mut self.segments_in, segments_in),
            (&mut self.segments_joined, segments_joined),
            (&mut self.segments_out, segments_out),
            (&mut self.bytes_in, bytes_in),
            (&mut self.bytes_out, bytes_out),
            (&mut self.retransmissions, retransmissions),
            (&mut self.timeouts, timeouts),
            (&mut self.opens_active, opens_active),
            (&mut self.opens_passive, opens_passive),
            (&mut self.cookies_sent, cookies_sent),
            (&mut self.cookies_taken, cookies_taken),
            (&mut self.resets_in, resets_in),
            (&mut self.resets_out, resets_out),
            (&mut self.challenge_acks, challenge_acks),
            (&mut self.timed_out, timed_out),
        ];
        let drops = self.dropped.0.iter_mut().zip(&dropped.0);
        for (sum, more) in pairs.into_iter().chain(drops) {
            *sum = sum.wrapping_add(*more);
        }
    }

    pub(crate) fn drop(&mut self, why: Why) {
        if let Some(n) = self.dropped.0.get_mut(why as usize) {
            *n = n.wrapping_add(1);
        }
    }
}
