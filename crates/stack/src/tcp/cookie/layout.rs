//! The bits of a cookie.
//!
//! ```text
//!                  31                                  8  7  6  5                    0
//! ISS  without   |              code 24               | E| 0| SACK | scale 3 | MSS 2 |
//! timestamps
//! ISS  with      |              code 24               | E| 1|   MSS 3   |   code 3   |
//! timestamps
//!                  31       28  27     26   25                                       0
//! TSval          |   scale 4  | SACK | ECN |                code 26                  |
//! ```
//!
//! E is the parity of the epoch. A scale of 4 bits is exact, and 15 means that none was offered. What has fewer bits than
//! values is rounded down, which costs a little speed and is never wrong.

use core::net::IpAddr;

use wire::seq::SeqNumber;

use super::{Cookie, Offer};

/// Values of the MSS that a cookie with timestamps tells apart, IPv4. Units: bytes. They are what common links make:
/// the least a host must take, tunnels, PPPoE, Ethernet, jumbo frames.
const MSS_V4: [u16; 8] = [536, 1220, 1360, 1400, 1440, 1452, 1460, 8960];
/// As [`MSS_V4`], for IPv6.
const MSS_V6: [u16; 8] = [1220, 1280, 1340, 1380, 1420, 1432, 1440, 8940];
/// Values of the MSS that a cookie without timestamps tells apart, IPv4. Units: bytes.
const MSS_V4_BARE: [u16; 4] = [536, 1220, 1440, 1460];
/// As [`MSS_V4_BARE`], for IPv6.
const MSS_V6_BARE: [u16; 4] = [1220, 1340, 1420, 1440];

/// Window scales that a cookie without timestamps tells apart.
const SCALES_BARE: [Option<u8>; 8] = [None, Some(0), Some(4), Some(6), Some(7), Some(8), Some(10), Some(14)];

/// Stands for no window scale where there are four bits for one.
const NO_SCALE: u32 = 15;

const ODD_EPOCH: u32 = 1 << 7;
const TIMESTAMPS: u32 = 1 << 6;
const SACK_BARE: u32 = 1 << 5;
const SACK: u32 = 1 << 27;
const ECN: u32 = 1 << 26;
/// Bits of the code in TSval.
const CODE_TSVAL: u32 = (1 << 26) - 1;

/// An offer in the bits that a cookie has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// The low seven bits of the ISS, without code.
    iss: u32,
    /// The high six bits of TSval, without code; 0 where there is none.
    tsval: u32,
}

/// A cookie taken apart, before anybody knows whether it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) odd_epoch: bool,
    pub(super) terms: Terms,
}

impl Terms {
    pub(super) fn of(offer: &Offer, local: IpAddr) -> Self {
        let flag = |bit: u32, is_set: bool| if is_set { bit } else { 0 };
        if offer.timestamps {
            let mss = rank(mss_table(local), |&mss| mss <= offer.mss);
            let scale = offer.window_scale.map_or(NO_SCALE, |scale| u32::from(scale.min(14)));
            return Self {
                iss: TIMESTAMPS | mss << 3,
                tsval: scale << 28 | flag(SACK, offer.sack) | flag(ECN, offer.ecn),
            };
        }
        let mss = rank(bare_mss_table(local), |&mss| mss <= offer.mss);
        let scale = match offer.window_scale {
            None => 0,
            some => rank(&SCALES_BARE, |&scale| scale <= some),
        };
        Self {
            iss: flag(SACK_BARE, offer.sack) | scale << 2 | mss,
            tsval: 0,
        }
    }

    pub(super) fn offer(self, local: IpAddr) -> Offer {
        if self.iss & TIMESTAMPS != 0 {
            let scale = self.tsval >> 28;
            return Offer {
                mss: at(mss_table(local), self.iss >> 3 & 7),
                window_scale: (scale != NO_SCALE).then_some(scale as u8),
                sack: self.tsval & SACK != 0,
                timestamps: true,
                ecn: self.tsval & ECN != 0,
            };
        }
        Offer {
            mss: at(bare_mss_table(local), self.iss & 3),
            window_scale: at(&SCALES_BARE, self.iss >> 2 & 7),
            sack: self.iss & SACK_BARE != 0,
            timestamps: false,
            ecn: false,
        }
    }

    pub(super) const fn has_window_scale(self) -> bool {
        if self.iss & TIMESTAMPS != 0 {
            self.tsval >> 28 != NO_SCALE
        } else {
            self.iss >> 2 & 7 != 0
        }
    }

    /// All of them, for the code.
    pub(super) const fn bits(self) -> u16 {
        (self.tsval >> 26 << 7 | self.iss) as u16
    }
}

/// A cookie of these terms and this code.
pub(super) const fn write(epoch: u64, terms: Terms, code: u64) -> Cookie {
    let parity = if epoch % 2 == 1 { ODD_EPOCH } else { 0 };
    let fixed = parity | terms.iss;
    let code_iss = code as u32;
    if terms.iss & TIMESTAMPS == 0 {
        return Cookie {
            iss: SeqNumber::new(code_iss & !0xff | fixed),
            tsval: None,
        };
    }
    Cookie {
        iss: SeqNumber::new(code_iss & (!0xff | 7) | fixed),
        tsval: Some(terms.tsval | (code >> 32) as u32 & CODE_TSVAL),
    }
}

/// Whether a cookie says that timestamps were offered.
pub(super) const fn has_timestamps(iss: SeqNumber) -> bool {
    iss.value() & TIMESTAMPS != 0
}

/// Takes a cookie apart. `None`: it says that timestamps were offered, and there is no echoed one.
pub(super) fn read(iss: SeqNumber, tsecr: Option<u32>) -> Option<Read> {
    let iss = iss.value();
    let terms = if iss & TIMESTAMPS != 0 {
        Terms {
            iss: iss & (TIMESTAMPS | 7 << 3),
            tsval: tsecr? & !CODE_TSVAL,
        }
    } else {
        Terms {
            iss: iss & (SACK_BARE | 0x1f),
            tsval: 0,
        }
    };
    Some(Read {
        odd_epoch: iss & ODD_EPOCH != 0,
        terms,
    })
}

const fn mss_table(local: IpAddr) -> &'static [u16] {
    match local {
        IpAddr::V4(_) => &MSS_V4,
        IpAddr::V6(_) => &MSS_V6,
    }
}

const fn bare_mss_table(local: IpAddr) -> &'static [u16] {
    match local {
        IpAddr::V4(_) => &MSS_V4_BARE,
        IpAddr::V6(_) => &MSS_V6_BARE,
    }
}

/// The index of the last entry of an ascending table that `fits`; the first where none does.
fn rank<T>(table: &[T], fits: impl Fn(&T) -> bool) -> u32 {
    table.iter().rposition(fits).unwrap_or_default() as u32
}

fn at<T: Copy + Default>(table: &[T], i: u32) -> T {
    table.get(i as usize).copied().unwrap_or_default()
}
