//! What is known of the paths to other hosts: how large a packet they take (RFC 1191, RFC 8201).
//!
//! A table of fixed size. It is filled only by ICMP errors that quoted a segment in flight, so that nobody fills it without
//! connections to as many hosts; who does only has paths forgotten early, and packets too large sent once more.

use alloc::boxed::Box;
use core::net::IpAddr;

use crate::hash::{Keys, encode};
use crate::time::{Duration, Instant};

/// How long a path is taken to be as narrow as it was said to be: then a larger packet tries it anew.
///
/// Spec: RFC 1191 section 6.3, RFC 8201 section 5.3.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// Paths that share a place.
const WAYS: usize = 4;
const SETS: usize = 256;

/// MTUs that are common on links, for routers that do not say theirs.
///
/// Spec: RFC 1191 section 7.1.
const PLATEAUS: [u32; 10] = [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];

#[derive(Debug, Clone, Copy)]
struct Path {
    remote: IpAddr,
    mtu: u32,
    until: Instant,
}

/// The paths that were found to be narrower than our link.
#[derive(Clone, Default)]
pub(crate) struct Paths {
    /// No memory until the first is learned.
    sets: Option<Box<[[Option<Path>; WAYS]; SETS]>>,
}

impl Paths {
    /// The packet that the path takes. `None`: nobody said that it takes less than our link.
    pub(crate) fn mtu(&self, now: Instant, keys: &Keys, remote: IpAddr) -> Option<u32> {
        let set = self.sets.as_ref()?.get(place(keys, remote))?;
        let found = set.iter().flatten().find(|path| path.remote == remote);
        found.filter(|path| now < path.until).map(|path| path.mtu)
    }

    /// The path takes packets of `mtu` and no more, for now. Of those that share the place, the one nearest its end makes room.
    pub(crate) fn learn(&mut self, now: Instant, keys: &Keys, remote: IpAddr, mtu: u32) {
        let sets = self.sets.get_or_insert_with(|| Box::new([[None; WAYS]; SETS]));
        let Some(set) = sets.get_mut(place(keys, remote)) else {
            return;
        };
        let rank = |way: &Option<Path>| match way {
            Some(path) if path.remote == remote => (0, Instant::ZERO),
            None => (1, Instant::ZERO),
            Some(path) => (2, path.until),
        };
        if let Some(way) = set.iter_mut().min_by_key(|way| rank(way)) {
            let until = now + LIFETIME;
            *way = Some(Path { remote, mtu, until });
        }
    }
}

fn place(keys: &Keys, remote: IpAddr) -> usize {
    keys.demux(&encode(remote, remote, 0)) as usize % SETS
}

/// What a path takes whose router did not say: the next common MTU below the packet that was refused.
pub(crate) fn plateau_below(refused: u32) -> u32 {
    let [.., least] = PLATEAUS;
    PLATEAUS.into_iter().find(|&mtu| mtu < refused).unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secrets;
    use core::net::{Ipv4Addr, Ipv6Addr};

    fn keys() -> Keys {
        Keys::new(&Secrets {
            master: [3; 32],
            public: 0,
        })
    }

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    #[test]
    fn a_path_is_known_for_ten_minutes() {
        let (keys, mut paths) = (keys(), Paths::default());
        let (a, b) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V6(Ipv6Addr::LOCALHOST));
        assert_eq!(paths.mtu(at(0), &keys, a), None);
        paths.learn(at(0), &keys, a, 1400);
        paths.learn(at(1), &keys, b, 1280);
        assert_eq!(paths.mtu(at(599), &keys, a), Some(1400));
        paths.learn(at(599), &keys, b, 1300);
        assert_eq!(paths.mtu(at(600), &keys, a), None);
        assert_eq!(paths.mtu(at(1198), &keys, b), Some(1300));
    }

    #[test]
    fn the_oldest_of_a_place_makes_room() {
        let (keys, mut paths) = (keys(), Paths::default());
        let neighbours = (0u32..).map(|n| IpAddr::V4(Ipv4Addr::from_bits(n)));
        let neighbours: std::vec::Vec<IpAddr> = neighbours.filter(|a| place(&keys, *a) == 7).take(WAYS + 1).collect();
        for (n, remote) in neighbours.iter().enumerate() {
            paths.learn(at(n as u64), &keys, *remote, 1000 + n as u32);
        }
        let known = neighbours.iter().map(|a| paths.mtu(at(10), &keys, *a));
        let known: std::vec::Vec<_> = known.collect();
        assert_eq!(known, [None, Some(1001), Some(1002), Some(1003), Some(1004)]);
    }

    #[test]
    fn plateau_table() {
        for (refused, taken) in [
            (1500, 1492),
            (1492, 1006),
            (9000, 8166),
            (65_535, 32_000),
            (300, 296),
            (100, 296),
        ] {
            assert_eq!(plateau_below(refused), taken, "{refused}");
        }
    }
}
