//! Cookies that have opened a connection which is over, and that still live: they must not open another one.
//!
//! An old copy of the SYN and of the segment that brought the cookie could, for the same SYN has the same cookie as long
//! as its epoch lasts. What is kept of each is a name, until the cookie dies. No timer runs for that: the dead are taken out
//! when another comes.
//!
//! The name is the four-tuple with the client's ISN folded into our own address. So one pair of ends may have as many
//! names as it had connections, each in a bucket of its own: a client that opens and aborts all day makes no chain long.
//! Two of our addresses could share a name where a client chose its ISNs so; it would refuse itself a connection.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wire::seq::SeqNumber;

use crate::hash::Keys;
use crate::tcp::roster::{Roster, Row};
use crate::time::Instant;
use crate::tuple::FourTuple;

/// The spent cookies of a stack.
#[derive(Clone)]
pub(crate) struct Spent {
    roster: Roster<()>,
}

impl Spent {
    /// None yet. Bounds: at most `limit`, at least 1.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            roster: Roster::new(limit.max(1)),
        }
    }

    /// The cookie that answered the SYN with this ISN is spent, and lives until then. Returns whether one had to make room
    /// although it lives: the one nearest its end.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        keys: &Keys,
        tuple: &FourTuple,
        irs: SeqNumber,
        until: Instant,
    ) -> bool {
        self.expire(now, keys);
        let tuple = name(tuple, irs);
        if let Some(old) = self.roster.find(&keys.place(&tuple)) {
            self.roster.remove(keys, old);
        }
        let nearest = self.roster.nearest().filter(|_| self.roster.is_full());
        let evicted = nearest.and_then(|seat| self.roster.remove(keys, seat));
        let row = Row {
            tuple,
            tag: 0,
            body: (),
        };
        if let Some(seat) = self.roster.insert(keys, row) {
            self.roster.schedule(now, seat, until);
        }
        evicted.is_some()
    }

    /// Whether the cookie that answers the SYN with this ISN is spent.
    pub(crate) fn has(&self, now: Instant, keys: &Keys, tuple: &FourTuple, irs: SeqNumber) -> bool {
        if self.roster.len() == 0 {
            return false;
        }
        let seat = self.roster.find(&keys.place(&name(tuple, irs)));
        let until = seat.and_then(|seat| self.roster.deadline(seat));
        until.is_some_and(|until| until > now)
    }

    /// Forgets what has died.
    fn expire(&mut self, now: Instant, keys: &Keys) {
        while let Some(seat) = self.roster.expire(now) {
            self.roster.remove(keys, seat);
        }
    }

    /// Every one, by its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FourTuple> {
        self.roster.iter().map(|(_, row)| row.tuple)
    }
}

/// The four-tuple with the ISN folded in. It only stands for itself, and never goes out.
fn name(tuple: &FourTuple, irs: SeqNumber) -> FourTuple {
    let local_addr = match tuple.local_addr {
        IpAddr::V4(addr) => Ipv4Addr::from_bits(addr.to_bits() ^ irs.value()).into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() ^ u128::from(irs.value())).into(),
    };
    FourTuple { local_addr, ..*tuple }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::*;
    use crate::config::Secrets;
    use crate::time::Duration;

    fn keys() -> Keys {
        Keys::new(&Secrets {
            master: [5; 32],
            public: 0,
        })
    }

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    fn tuple(n: u32) -> FourTuple {
        let remote = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n / 1000));
        FourTuple::new(
            "10.7.0.2:80".parse().unwrap(),
            SocketAddr::new(remote, 40_000 + (n % 1000) as u16),
        )
    }

    const ISN: SeqNumber = SeqNumber::new(77);

    #[test]
    fn it_is_one_cookie_that_is_spent() {
        let (keys, mut spent) = (keys(), Spent::new(2000));
        assert!(!spent.has(at(0), &keys, &tuple(1), ISN));
        assert!(!spent.insert(at(0), &keys, &tuple(1), ISN, at(100)));
        assert!(spent.has(at(1), &keys, &tuple(1), ISN));
        assert!(!spent.has(at(1), &keys, &tuple(1), ISN + 1), "another SYN");
        assert!(!spent.has(at(1), &keys, &tuple(2), ISN), "another client");
        for n in 1..1000 {
            spent.insert(at(0), &keys, &tuple(1), ISN + 9 * n, at(100));
        }
        let all = (0..1000).all(|n| spent.has(at(1), &keys, &tuple(1), ISN + 9 * n));
        assert!(all, "one pair of ends has spent many");
    }

    #[test]
    fn it_is_forgotten_when_it_has_died() {
        let (keys, mut spent) = (keys(), Spent::new(4));
        for n in 0..3 {
            spent.insert(at(0), &keys, &tuple(n), ISN, at(10 + u64::from(n)));
        }
        let left = [0, 1, 2].map(|n| spent.has(at(11), &keys, &tuple(n), ISN));
        assert_eq!((left, spent.iter().count()), ([false, false, true], 3));
        spent.insert(at(12), &keys, &tuple(9), ISN, at(20));
        assert_eq!(spent.iter().count(), 1);
    }

    #[test]
    fn the_nearest_to_its_end_makes_room() {
        let (keys, mut spent) = (keys(), Spent::new(100));
        for n in 0..200u32 {
            let evicted = spent.insert(at(0), &keys, &tuple(n), ISN, at(100 + u64::from(n)));
            assert_eq!(evicted, n >= 100, "{n}");
        }
    }

    #[test]
    fn a_hundred_thousand_cost_at_most_36_bytes_each() {
        const MANY: u32 = 100_000;
        let (keys, mut spent) = (keys(), Spent::new(MANY as usize));
        for n in 0..MANY {
            spent.insert(at(0), &keys, &tuple(n), ISN, at(100));
        }
        assert!(spent.roster.allocated_bytes() / MANY as usize <= 36);
    }
}
