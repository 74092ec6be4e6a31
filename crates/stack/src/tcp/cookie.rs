//! SYN cookies (RFC 4987 section 3.6): a SYN-ACK from which the half-open connection can be read back.
//!
//! Every passive SYN-ACK is a cookie, whether an entry is kept or not: an entry need not store its ISS, and one that must
//! make room loses no client. The guard mints and verifies with the same functions. Read first: `layout` for the bits.
//!
//! ```text
//!                    SYN ──▶ Offer ─┐                         ┌─ IRS = SEG.SEQ - 1
//!                                   ├─▶ mint ─▶ ISS, TSval …… ├─ ISS = SEG.ACK - 1   ─▶ verify ─▶ Offer | Refusal
//!  ends, IRS, own scale and MSS ────┘     ▲                   └─ TSecr                     ▲
//!                                         └─────────── key of the epoch ───────────────────┘
//! ```
//!
//! Keys are a pure function of the master secret and the epoch, which is Unix time divided by 64 s, so machines that share
//! a secret accept each other's cookies. A cookie lives until the epoch after its own is over: 64 to 128 s.

mod gate;
mod layout;
mod odds;

use core::net::IpAddr;

use siphasher::sip::SipHasher24;
use siphasher::sip128;
use wire::seq::SeqNumber;

use crate::config::Secrets;
use crate::hash;
use crate::tuple::FourTuple;

pub(crate) use gate::BareGate;
pub use odds::{Class, forgery_bits};

/// How long an epoch lasts. Units: seconds.
pub const EPOCH_S: u64 = 64;

/// So long before an epoch ends, cookies of the next one are taken too: clocks of machines that share a secret may differ
/// by that much. Units: seconds.
pub const SKEW_S: u64 = 8;

/// The epoch of a moment. Units: of `unix_s`, seconds.
pub const fn epoch_of(unix_s: u64) -> u64 {
    unix_s / EPOCH_S
}

/// The epoch near this moment whose low bits these are. A clock that was set back does no harm.
pub(crate) const fn epoch_near(unix_s: u64, low: u8) -> u64 {
    let now = epoch_of(unix_s);
    now.wrapping_add_signed(low.wrapping_sub(now as u8) as i8 as i64)
}

/// How long an epoch's cookies may still be accepted. Units: seconds.
pub(crate) const fn rest_s(unix_s: u64, epoch: u64) -> u64 {
    (epoch.saturating_add(2)).saturating_mul(EPOCH_S).saturating_sub(unix_s)
}

/// What the client's SYN offered and we accept: what a cookie carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offer {
    /// The client's MSS option, or the default. Units: bytes.
    pub mss: u16,
    /// The client's window scale, if it offered scaling. Bounds: 14; more counts as 14 (RFC 7323 section 2.3).
    pub window_scale: Option<u8>,
    /// SACK is permitted.
    pub sack: bool,
    /// Both sides send timestamps.
    pub timestamps: bool,
    /// Both sides speak ECN. Only a cookie with timestamps can carry it.
    pub ecn: bool,
}

/// What a cookie covers beside the offer, and does not carry: whoever verifies must know it anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Both ends.
    pub tuple: FourTuple,
    /// The client's ISN.
    pub irs: SeqNumber,
    /// The MSS that our SYN-ACK states. Units: bytes.
    pub own_mss: u16,
    /// The window scale that our SYN-ACK states where the client's SYN offered one.
    pub own_window_scale: u8,
}

/// What a SYN-ACK carries so that it can be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    /// Its sequence number.
    pub iss: SeqNumber,
    /// Its TSval, where timestamps were offered. The connection's timestamps go on from here.
    pub tsval: Option<u32>,
}

/// A cookie that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// What the SYN had offered, as far as the cookie carries it: MSS and (without timestamps) window scale are rounded down.
    pub offer: Offer,
    /// The epoch it was minted in.
    pub epoch: u64,
}

/// Why an acknowledgment brings no cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No cookie may be in flight from an epoch that it could be of; nothing was hashed.
    NotInFlight,
    /// The cookie says that timestamps were offered, and the segment has none.
    NoTimestamps,
    /// The code does not fit: forged, of another connection, or too old.
    BadCode,
}

/// The epochs of which cookies may be in flight, for who does not share his secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct InFlight {
    /// The last epoch in which a cookie was sent for which no entry stands, plus one; 0: none ever.
    last: u64,
    /// The epoch before that has some, too.
    previous: bool,
}

impl InFlight {
    /// Cookies of any epoch may be in flight: other machines mint with the same secret.
    pub const ANY: Self = Self {
        last: u64::MAX,
        previous: true,
    };

    /// A cookie of this epoch has no entry, or no longer one. Epochs before the last two are forgotten: they have died. So are
    /// those that lie further ahead than any clock's skew: the clock was set back, and nobody will ask for them.
    pub fn note(&mut self, unix_s: u64, epoch: u64) {
        let next = epoch_of(unix_s).saturating_add(1);
        if self.last == u64::MAX || epoch > next || self.has(epoch) {
            return;
        }
        if self.last > next.saturating_add(1) {
            *self = Self::default();
        }
        let noted = epoch.saturating_add(1);
        if noted > self.last {
            self.previous = noted == self.last + 1 && self.last > 0;
            self.last = noted;
        } else if noted + 1 == self.last {
            self.previous = true;
        }
    }

    /// Whether cookies of this epoch may be in flight.
    pub const fn has(&self, epoch: u64) -> bool {
        let noted = epoch.saturating_add(1);
        self.last == u64::MAX || noted == self.last || self.previous && noted + 1 == self.last
    }

    /// Whether cookies may be in flight that would still be accepted now.
    pub const fn any(&self, unix_s: u64) -> bool {
        let now = epoch_of(unix_s);
        self.has(now) || now > 0 && self.has(now - 1)
    }
}

/// Which kind of cookie an ISS would be.
pub const fn class_of(iss: SeqNumber) -> Class {
    if layout::has_timestamps(iss) {
        Class::Timestamps
    } else {
        Class::Bare
    }
}

/// Mints and verifies cookies. Remembers nothing but the keys of the epochs it met last.
#[derive(Clone)]
pub struct Mint {
    root: [u8; 16],
    ring: [Option<(u64, SipHasher24)>; 4],
}

impl Mint {
    /// The mint of this secret.
    pub fn new(secrets: &Secrets) -> Self {
        Self {
            root: hash::subkey(secrets, b"cookie"),
            ring: [None; 4],
        }
    }

    /// The cookie that answers a SYN in this epoch. The same arguments make the same cookie.
    pub fn mint(&mut self, epoch: u64, bound: &Bound, offer: &Offer) -> Cookie {
        let terms = layout::Terms::of(offer, bound.tuple.local_addr);
        let code = self.code(epoch, bound, terms);
        layout::write(epoch, terms, code)
    }

    /// Reads a cookie back from an acknowledgment of it: `iss` is SEG.ACK - 1, and `tsecr` its echoed timestamp.
    pub fn verify(
        &mut self,
        unix_s: u64,
        in_flight: &InFlight,
        bound: &Bound,
        iss: SeqNumber,
        tsecr: Option<u32>,
    ) -> Result<Verified, Refusal> {
        let read = layout::read(iss, tsecr).ok_or(Refusal::NoTimestamps)?;
        let mut refusal = Refusal::NotInFlight;
        for epoch in candidates(unix_s, read.odd_epoch).into_iter().flatten() {
            if !in_flight.has(epoch) {
                continue;
            }
            refusal = Refusal::BadCode;
            let cookie = layout::write(epoch, read.terms, self.code(epoch, bound, read.terms));
            if cookie.iss == iss && (cookie.tsval.is_none() || cookie.tsval == tsecr) {
                let offer = read.terms.offer(bound.tuple.local_addr);
                return Ok(Verified { offer, epoch });
            }
        }
        Err(refusal)
    }

    /// The code over everything. The terms are part of it, so a bit that is turned makes another code.
    fn code(&mut self, epoch: u64, bound: &Bound, terms: layout::Terms) -> u64 {
        let key = self.key(epoch);
        let tuple = &bound.tuple;
        let scale = if terms.has_window_scale() {
            bound.own_window_scale
        } else {
            u8::MAX
        };
        let [t0, t1] = terms.bits().to_be_bytes();
        let [m0, m1] = bound.own_mss.to_be_bytes();
        let [p0, p1] = tuple.local_port.to_be_bytes();
        let [q0, q1] = tuple.remote_port.to_be_bytes();
        let [i0, i1, i2, i3] = bound.irs.value().to_be_bytes();
        let rest = [p0, p1, q0, q1, i0, i1, i2, i3, t0, t1, m0, m1, scale];
        // The families differ in length, which SipHash covers.
        match (tuple.local_addr, tuple.remote_addr) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                key.hash(&hash::joined::<21>(&[&local.octets(), &remote.octets(), &rest]))
            }
            (local, remote) => {
                let [local, remote] = [local, remote].map(|addr| hash::plain(addr).octets());
                key.hash(&hash::joined::<45>(&[&local, &remote, &rest]))
            }
        }
    }

    /// The key of an epoch, from the ring or made anew.
    fn key(&mut self, epoch: u64) -> SipHasher24 {
        let slot = self.ring.get_mut((epoch % 4) as usize);
        if let Some(Some((of, key))) = &slot
            && *of == epoch
        {
            return *key;
        }
        let bytes = sip128::SipHasher24::new_with_key(&self.root)
            .hash(&epoch.to_le_bytes())
            .as_bytes();
        let key = SipHasher24::new_with_key(&bytes);
        if let Some(slot) = slot {
            *slot = Some((epoch, key));
        }
        key
    }
}

/// The epochs that a cookie of this parity may be of, the likeliest first.
fn candidates(unix_s: u64, odd: bool) -> [Option<u64>; 2] {
    let now = epoch_of(unix_s);
    if (now % 2 == 1) == odd {
        return [Some(now), None];
    }
    let ends_soon = unix_s % EPOCH_S >= EPOCH_S - SKEW_S;
    [now.checked_sub(1), ends_soon.then_some(now.saturating_add(1))]
}

#[cfg(test)]
mod tests;
