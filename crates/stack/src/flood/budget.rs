//! Budgets of what is sent to strangers, per prefix of the destination, so that nobody can have us flood a third party by
//! writing its address into packets to us.
//!
//! Read first: RFC 4443 section 2.4 (f), which asks for a token bucket before ICMPv6 errors; here it is one for each prefix.

use core::net::IpAddr;

use super::pace::Rate;
use super::sketch::{self, Sketch};
use super::source::{Keyed, Source};
use crate::config::Secrets;
use crate::time::Instant;

/// What is sent. Each kind has a bucket of its own for every prefix, so that a flood which draws one does not silence
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyKind {
    /// A SYN-ACK, its retransmissions too.
    SynAck,
    /// A RST for a segment to nobody.
    Reset,
    /// An ACK from a half-open or TIME-WAIT entry. Challenge ACKs of connections do not belong here: a budget that
    /// connections share tells a stranger of them (CVE-2016-5696).
    Ack,
    /// An ICMP message.
    Icmp,
}

/// The budget: a bucket for each prefix (IPv4 /24, IPv6 /48) and kind, in a table of a fixed size that is allocated at its
/// first use.
///
/// It is for strangers. What is sent to a source that has proved itself
/// ([`Limiter::standing`](super::Limiter::standing)) is not taken from it, or a spoofer could silence that source.
#[derive(Clone)]
pub struct ReplyBudget {
    keyed: Keyed,
    sketch: Option<Sketch>,
}

impl ReplyBudget {
    /// 2,000/s with a burst of 4,000: twice what a prefix of strangers may have kept in the SYN queue, and under 1 Mbit/s of
    /// SYN-ACKs towards a victim's /24.
    pub const DEFAULT_RATE: Rate = Rate::new(2_000, 4_000);

    /// What the table takes at the most, whoever is named. Units: bytes.
    pub const BYTES_MAX: usize = sketch::bytes_max(Self::CELLS);

    /// Cells of a row: enough for as many strangers as there are /24s, once each, in every second.
    const CELLS: usize = 8_192;

    /// A budget from which nothing is taken. `None`: without a limit, and without a table. Which prefixes share a cell
    /// follows from the secrets.
    pub fn new(per_prefix: Option<Rate>, secrets: &Secrets) -> Self {
        Self {
            keyed: Keyed::new(secrets, b"reply budget"),
            sketch: per_prefix.map(|rate| Sketch::new(rate, Self::CELLS)),
        }
    }

    /// Another hold on the same table, for another shard of the same host. The table is allocated now.
    #[must_use]
    pub fn share(&mut self) -> Self {
        Self {
            keyed: self.keyed.clone(),
            sketch: self.sketch.as_mut().map(Sketch::share),
        }
    }

    /// Takes one packet of this kind to this destination; false, and nothing taken, when the budget of its prefix is used up.
    #[must_use]
    pub fn take(&mut self, now: Instant, kind: ReplyKind, destination: IpAddr) -> bool {
        let Some(sketch) = &mut self.sketch else { return true };
        let spot = self.keyed.spot(Source::of(destination).prefix_key(), kind as u8);
        let token = sketch.token(now, spot);
        token.map(|token| sketch.take(token)).is_some()
    }

    /// What the table takes now. Units: bytes. Bounds: [`BYTES_MAX`](Self::BYTES_MAX).
    pub fn bytes(&self) -> usize {
        self.sketch.as_ref().map_or(0, Sketch::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    const KINDS: [ReplyKind; 4] = [ReplyKind::SynAck, ReplyKind::Reset, ReplyKind::Ack, ReplyKind::Icmp];

    fn secrets() -> Secrets {
        Secrets {
            master: [3; 32],
            public: 0,
        }
    }

    fn budget(rate: Option<Rate>) -> ReplyBudget {
        ReplyBudget::new(rate, &secrets())
    }

    /// How many of 100 packets go to each of these in turn.
    fn sent(budget: &mut ReplyBudget, now: Instant, kind: ReplyKind, destinations: &[&str]) -> usize {
        let destinations: std::vec::Vec<IpAddr> = destinations.iter().map(|text| text.parse().unwrap()).collect();
        let packets = destinations.iter().cycle().take(100);
        packets.filter(|to| budget.take(now, kind, **to)).count()
    }

    #[test]
    fn a_prefix_is_sent_a_burst_and_then_the_rate() {
        let later = Instant::ZERO + Duration::from_secs(1);
        for (name, destinations) in [
            ("one address", &["192.0.2.1"][..]),
            ("addresses of one /24", &["192.0.2.1", "192.0.2.9", "192.0.2.200"]),
            ("lines of one /48", &["2001:db8:0:1::1", "2001:db8:0:2::1"]),
        ] {
            let mut budget = budget(Some(Rate::new(5, 20)));
            let first = sent(&mut budget, Instant::ZERO, ReplyKind::SynAck, destinations);
            assert_eq!(first, 20, "{name}");
            let then = sent(&mut budget, later, ReplyKind::SynAck, destinations);
            assert!((4..=5).contains(&then), "{name}: {then}");
        }
    }

    #[test]
    fn prefixes_and_kinds_have_budgets_of_their_own() {
        let mut budget = budget(Some(Rate::new(5, 20)));
        for destination in ["192.0.2.1", "192.0.3.1", "2001:db8::1", "2001:db8:1::1"] {
            for kind in KINDS {
                let sent = sent(&mut budget, Instant::ZERO, kind, &[destination]);
                assert_eq!(sent, 20, "{kind:?} to {destination}");
            }
        }
    }

    #[test]
    fn what_has_no_limit_takes_no_memory_and_the_rest_what_it_says() {
        let mut unlimited = budget(None);
        assert_eq!(
            sent(&mut unlimited, Instant::ZERO, ReplyKind::Icmp, &["192.0.2.1"]),
            100
        );
        assert_eq!(unlimited.bytes(), 0);

        let mut limited = budget(Some(ReplyBudget::DEFAULT_RATE));
        assert_eq!(limited.bytes(), 0);
        assert!(limited.take(Instant::ZERO, ReplyKind::Icmp, "192.0.2.1".parse().unwrap()));
        assert_eq!(limited.bytes(), ReplyBudget::BYTES_MAX);
        assert_eq!(ReplyBudget::BYTES_MAX, 64 << 10);
        let strangers_per_s = ReplyBudget::CELLS * ReplyBudget::DEFAULT_RATE.per_s as usize * 3 / 2;
        assert!(strangers_per_s >= 1 << 24);
    }

    #[test]
    fn a_flood_in_many_names_sends_none_of_them_more_than_its_share() {
        let mut budget = budget(Some(Rate::new(10, 20)));
        let mut sent = [0; 256];
        for n in 0..25_600_u32 {
            let now = Instant::from_nanos(u64::from(n) * 1_000_000_000 / 25_600);
            let to = IpAddr::from([10, 0, n as u8, (n >> 8) as u8]);
            sent[n as usize % 256] += u32::from(budget.take(now, ReplyKind::SynAck, to));
        }
        assert!(sent.iter().all(|n| *n <= 30), "{sent:?}");
    }
}
