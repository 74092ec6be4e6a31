//! The mint: the one place where the ISS of a passive open is made.
//!
//! The ISS is a keyed function of what the SYN told, what we answer and the epoch, and of nothing else. So a half-open
//! entry need not store it: it is minted again whenever the SYN-ACK is sent again or the third ACK is checked. This is
//! the name behind which a cookie's layout belongs that can be read back without an entry (RFC 4987 section 3.6).

use siphasher::sip::SipHasher24;
use wire::seq::SeqNumber;

use crate::config::Secrets;
use crate::hash;
use crate::tuple::FourTuple;

/// Mints initial send sequence numbers for passive opens.
#[derive(Clone)]
pub(crate) struct Mint {
    key: SipHasher24,
}

/// A handshake as far as both SYNs tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Both ends.
    pub(crate) tuple: FourTuple,
    /// The peer's ISN.
    pub(crate) irs: SeqNumber,
    /// The peer's MSS option, or the default. Units: bytes.
    pub(crate) mss: u16,
    /// The peer's window scale, if it offered scaling.
    pub(crate) window_scale: Option<u8>,
    /// Both sides speak SACK.
    pub(crate) sack: bool,
    /// Both sides send timestamps.
    pub(crate) timestamps: bool,
    /// Both sides speak ECN.
    pub(crate) ecn: bool,
    /// The MSS that our SYN-ACK states. Units: bytes.
    pub(crate) our_mss: u16,
    /// The window scale that our SYN-ACK states.
    pub(crate) our_window_scale: Option<u8>,
    /// The low bits of the epoch (Unix time / 64) in which the SYN came.
    pub(crate) epoch: u8,
}

impl Mint {
    /// The mint of this secret.
    pub(crate) fn new(secrets: &Secrets) -> Self {
        Self {
            key: SipHasher24::new_with_key(&hash::subkey(secrets, b"cookie")),
        }
    }

    /// The ISS of the SYN-ACK that answers this SYN.
    ///
    /// Spec: RFC 6528 asks that nobody outside can guess it.
    pub(crate) fn passive_iss(&self, what: &Handshake) -> SeqNumber {
        let tuple = &what.tuple;
        let ends = hash::encode(tuple.local_addr, tuple.remote_addr, hash::ports(tuple));
        let scale = |scale: Option<u8>| scale.map_or(0, |scale| scale.min(14) + 1);
        let flags = u8::from(what.sack) | u8::from(what.timestamps) << 1 | u8::from(what.ecn) << 2;
        let [m0, m1] = what.mss.to_le_bytes();
        let [o0, o1] = what.our_mss.to_le_bytes();
        let scales = scale(what.window_scale) | scale(what.our_window_scale) << 4;
        let agreed = [m0, m1, o0, o1, scales, flags, what.epoch];
        let message: [u8; 48] = concat(&[&ends, &what.irs.value().to_le_bytes(), &agreed]);
        SeqNumber::new(self.key.hash(&message) as u32)
    }
}

/// The parts, one behind the other, and zeros.
fn concat<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::vec::Vec;

    use super::*;

    const SYN: Handshake = Handshake {
        tuple: FourTuple::new(
            core::net::SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::new(10, 7, 0, 2)), 80),
            core::net::SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::new(10, 7, 0, 1)), 40_000),
        ),
        irs: SeqNumber::new(1),
        mss: 1460,
        window_scale: Some(7),
        sack: true,
        timestamps: true,
        ecn: false,
        our_mss: 1460,
        our_window_scale: Some(5),
        epoch: 9,
    };

    fn mint(byte: u8) -> Mint {
        Mint::new(&Secrets {
            master: [byte; 32],
            public: 0,
        })
    }

    #[test]
    fn the_same_handshake_has_the_same_iss() {
        assert_eq!(mint(1).passive_iss(&SYN), mint(1).passive_iss(&SYN));
    }

    #[test]
    fn whatever_differs_makes_another_iss() {
        let reversed = SYN.tuple.reversed();
        let others = [
            ("nothing", SYN),
            ("tuple", Handshake { tuple: reversed, ..SYN }),
            (
                "irs",
                Handshake {
                    irs: SeqNumber::new(2),
                    ..SYN
                },
            ),
            ("mss", Handshake { mss: 536, ..SYN }),
            (
                "no scale",
                Handshake {
                    window_scale: None,
                    ..SYN
                },
            ),
            (
                "scale 0",
                Handshake {
                    window_scale: Some(0),
                    ..SYN
                },
            ),
            ("sack", Handshake { sack: false, ..SYN }),
            (
                "timestamps",
                Handshake {
                    timestamps: false,
                    ..SYN
                },
            ),
            ("ecn", Handshake { ecn: true, ..SYN }),
            ("our mss", Handshake { our_mss: 536, ..SYN }),
            (
                "our scale",
                Handshake {
                    our_window_scale: None,
                    ..SYN
                },
            ),
            ("epoch", Handshake { epoch: 10, ..SYN }),
        ];
        let names: Vec<_> = others.iter().map(|(name, _)| name).collect();
        let distinct: HashSet<_> = others.iter().map(|(_, syn)| mint(1).passive_iss(syn)).collect();
        assert_eq!(distinct.len(), others.len(), "{names:?}");
        assert_ne!(mint(1).passive_iss(&SYN), mint(2).passive_iss(&SYN));
    }
}
