//! Keyed hashes: where a packet's entry lies, and the numbers that a stranger must not guess.
//!
//! Every key is derived from the master secret with a label of its own, so that what one of them gives away says
//! nothing of another. Cookies have their own key in `tcp::cookie`. Read first: RFC 6528, RFC 6056 section 3.3.3.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use siphasher::sip::{SipHasher13, SipHasher24};
use siphasher::sip128;
use wire::seq::SeqNumber;

use crate::config::Secrets;
use crate::time::Instant;
use crate::tuple::FourTuple;

/// A four-tuple and its hash, made once for all the tables in which it may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tuple: FourTuple,
    pub(crate) hash: u32,
}

/// The keys of one stack.
#[derive(Clone)]
pub(crate) struct Keys {
    demux: SipHasher13,
    isn: SipHasher24,
    timestamp: SipHasher24,
    port: SipHasher24,
}

impl Keys {
    /// The keys that follow from the master secret.
    pub(crate) fn new(secrets: &Secrets) -> Self {
        Self {
            demux: SipHasher13::new_with_key(&subkey(secrets, b"demux")),
            isn: SipHasher24::new_with_key(&subkey(secrets, b"isn")),
            timestamp: SipHasher24::new_with_key(&subkey(secrets, b"timestamp")),
            port: SipHasher24::new_with_key(&subkey(secrets, b"port")),
        }
    }

    /// Where in a table the entry with this key is looked for.
    ///
    /// SipHash-1-3 is enough: its values never leave the machine, so a stranger has nothing to break it with.
    pub(crate) fn demux(&self, key: &[u8]) -> u32 {
        self.demux.hash(key) as u32
    }

    /// As [`demux`](Self::demux), for a four-tuple.
    pub(crate) fn demux_tuple(&self, tuple: &FourTuple) -> u32 {
        match (tuple.local_addr, tuple.remote_addr) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                let addresses = u128::from(local.to_bits()) << 32 | u128::from(remote.to_bits());
                self.demux(&(addresses << 32 | u128::from(ports(tuple))).to_le_bytes())
            }
            (local, remote) => self.demux(&encode(local, remote, ports(tuple))),
        }
    }

    /// Where a four-tuple is looked for.
    pub(crate) fn place(&self, tuple: &FourTuple) -> Place {
        Place {
            tuple: *tuple,
            hash: self.demux_tuple(tuple),
        }
    }

    /// The initial send sequence number of an active open: a clock of 4 us plus a keyed offset of the four-tuple.
    ///
    /// Spec: RFC 6528 section 3; RFC 9293 section 3.4.1 (MUST-8, SHLD-1).
    pub(crate) fn isn(&self, tuple: &FourTuple, mono: Instant) -> SeqNumber {
        let clock = (mono.as_nanos() / 4_000) as u32;
        let offset = self
            .isn
            .hash(&encode(tuple.local_addr, tuple.remote_addr, ports(tuple)));
        SeqNumber::new(clock) + offset as u32
    }

    /// What is added to the millisecond clock to make TSval towards this peer. One pair of addresses has one offset, so
    /// that a new connection's timestamps go on from where an old one's ended.
    ///
    /// Spec: RFC 7323 section 7.1.
    pub(crate) fn timestamp_offset(&self, local: IpAddr, remote: IpAddr) -> u32 {
        self.timestamp.hash(&encode(local, remote, 0)) as u32
    }

    /// From where on ephemeral ports towards this peer are tried.
    ///
    /// Spec: RFC 6056 section 3.3.3, algorithm 3.
    pub(crate) fn port_offset(&self, local: IpAddr, remote: SocketAddr) -> u32 {
        self.port.hash(&encode(local, remote.ip(), u32::from(remote.port()))) as u32
    }
}

/// A key of its own for each label. Half of the master secret is the key, half the message, so that all of it counts.
pub(crate) fn subkey(secrets: &Secrets, label: &[u8]) -> [u8; 16] {
    let (key, rest) = secrets.master.split_at(16);
    let key = key.try_into().unwrap_or_default();
    let message = [rest, label].concat();
    sip128::SipHasher24::new_with_key(&key).hash(&message).as_bytes()
}

/// Two addresses and 32 bits more. IPv4 addresses take the form that IPv6 maps them to, which never travels, so that no
/// two inputs look alike.
pub(crate) fn encode(local: IpAddr, remote: IpAddr, rest: u32) -> [u8; 36] {
    let [local, remote] = [local, remote].map(|address| plain(address).to_bits().to_le_bytes());
    joined(&[&local, &remote, &rest.to_le_bytes()])
}

/// The parts, one behind the other, and zeros.
///
/// Where the lengths of the parts are known this becomes a few stores, but only in the place where they are.
#[inline(always)]
pub(crate) fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let mut left = out.as_mut_slice();
    for part in parts {
        let Some((to, rest)) = left.split_at_mut_checked(part.len()) else {
            break;
        };
        to.copy_from_slice(part);
        left = rest;
    }
    out
}

/// Both ports in one number.
pub(crate) fn ports(tuple: &FourTuple) -> u32 {
    u32::from(tuple.local_port) << 16 | u32::from(tuple.remote_port)
}

/// An address in the form that IPv6 maps it to.
pub(crate) fn plain(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::time::Duration;

    fn keys(byte: u8) -> Keys {
        Keys::new(&Secrets {
            master: [byte; 32],
            public: 0,
        })
    }

    fn tuple(remote_port: u16) -> FourTuple {
        FourTuple::new(
            "10.7.0.2:80".parse().unwrap(),
            SocketAddr::new("10.7.0.1".parse().unwrap(), remote_port),
        )
    }

    #[test]
    fn every_label_and_both_halves_of_the_secret_make_another_key() {
        let mut secrets = [[0; 32]; 3];
        secrets[1][0] = 1;
        secrets[2][31] = 1;
        let labels: [&[u8]; 3] = [b"demux", b"isn", b"port"];
        let distinct: HashSet<_> = secrets
            .iter()
            .flat_map(|&master| labels.map(|label| subkey(&Secrets { master, public: 0 }, label)))
            .collect();
        assert_eq!(distinct.len(), 9);
    }

    #[test]
    fn isn_goes_on_by_one_every_4_us_for_one_tuple() {
        let keys = keys(7);
        let start = Instant::ZERO + Duration::from_secs(5);
        let first = keys.isn(&tuple(40_000), start);
        for (name, later, steps) in [
            ("at once", Duration::ZERO, 0),
            ("under a step", Duration::from_nanos(3_999), 0),
            ("a step", Duration::from_micros(4), 1),
            ("a second", Duration::from_secs(1), 250_000),
            ("once round", Duration::from_micros(4 << 32), 0),
        ] {
            assert_eq!(keys.isn(&tuple(40_000), start + later).since(first), steps, "{name}");
        }
    }

    #[test]
    fn isn_differs_between_tuples_and_between_secrets() {
        let distinct: HashSet<_> = (0..1000).map(|port| keys(7).isn(&tuple(port), Instant::ZERO)).collect();
        assert_eq!(distinct.len(), 1000);
        assert_ne!(
            keys(7).isn(&tuple(1), Instant::ZERO),
            keys(8).isn(&tuple(1), Instant::ZERO)
        );
    }

    #[test]
    fn offsets_belong_to_what_they_are_keyed_by() {
        let keys = keys(7);
        let [a, b, c] = ["10.7.0.1", "10.7.0.2", "fe80::1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_ne!(keys.timestamp_offset(a, b), keys.timestamp_offset(b, a));
        assert_ne!(keys.timestamp_offset(a, b), keys.timestamp_offset(c, c));
        assert_ne!(
            keys.port_offset(a, SocketAddr::new(b, 80)),
            keys.port_offset(a, SocketAddr::new(b, 81))
        );
    }

    #[test]
    fn a_table_of_many_tuples_is_spread_evenly() {
        let keys = keys(7);
        let mut buckets = [0u32; 64];
        for port in 0..6400 {
            buckets[keys.demux_tuple(&tuple(port)) as usize % 64] += 1;
        }
        assert!(buckets.iter().all(|n| (50..=150).contains(n)), "{buckets:?}");
    }
}
