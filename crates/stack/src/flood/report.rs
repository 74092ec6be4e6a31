//! What the shards of a host tell the one that judges its listeners.
//!
//! A [`Gauge`](super::Gauge) draws its conclusions from the order of SYNs and answers, so one shard has them all. The others
//! write what they see into a ring of single words, each into one of its own, and never wait: what finds its ring full is
//! left out, and of SYNs and answers alike. The judge reads them as it comes by, which in a flood it does all the time, for the
//! hash by which connections have owners gives it as many SYNs as any other. If it does not, it is called.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Words of a ring: what a shard sees in a millisecond when four million SYNs come to it in a second. Bounds: a power of two.
pub(crate) const WORDS: usize = 4096;

/// So many words that wait are worth a call: as many SYN-ACKs as a gauge takes notice of, by default.
pub(crate) const WORTH_A_CALL: usize = 64;

/// What happened at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// A SYN that is answered, or would be if no budget forbade it. With the hash of its source.
    Syn(u64),
    /// A third ACK that proved itself.
    Completed(u64),
    /// An RST that answers a SYN-ACK.
    Reset(u64),
    /// So many entries are half-open now.
    HalfOpen(u32),
}

/// Words that one shard writes and one reads.
///
/// Only `written` and `read` order anything: a word is stored before `written` says so, and read before `read` gives its
/// place back.
#[derive(Debug)]
struct Ring {
    words: Vec<AtomicU64>,
    /// How many were ever written. Wraps around.
    written: AtomicUsize,
    /// How many of them were read.
    read: AtomicUsize,
}

impl Ring {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            written: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
        })
    }

    fn word(&self, at: usize) -> Option<&AtomicU64> {
        self.words.get(at % WORDS)
    }
}

/// The end of the shard that sees. A clone writes to nobody.
#[derive(Debug)]
pub(crate) struct Witness {
    ring: Arc<Ring>,
}

/// The end of the shard that judges. A clone hears nobody.
#[derive(Debug)]
pub(crate) struct Hearing {
    ring: Arc<Ring>,
}

/// Both ends of a ring.
pub(crate) fn pair() -> (Witness, Hearing) {
    let ring = Ring::new();
    (Witness { ring: ring.clone() }, Hearing { ring })
}

impl Clone for Witness {
    fn clone(&self) -> Self {
        pair().0
    }
}

impl Clone for Hearing {
    fn clone(&self) -> Self {
        pair().1
    }
}

impl Witness {
    /// Says what happened at the listener with this index. Returns how many words wait to be heard then; `None` if there was no
    /// room for this one.
    pub(crate) fn tell(&mut self, listener: u16, report: Report) -> Option<usize> {
        let Ring { written, read, .. } = &*self.ring;
        let at = written.load(Ordering::Relaxed);
        let waiting = at.wrapping_sub(read.load(Ordering::Acquire));
        let word = self.ring.word(at).filter(|_| waiting < WORDS)?;
        word.store(encode(listener, report), Ordering::Relaxed);
        written.store(at.wrapping_add(1), Ordering::Release);
        Some(waiting + 1)
    }
}

impl Hearing {
    /// The next that was told.
    pub(crate) fn hear(&mut self) -> Option<(u16, Report)> {
        let Ring { written, read, .. } = &*self.ring;
        let at = read.load(Ordering::Relaxed);
        if at == written.load(Ordering::Acquire) {
            return None;
        }
        let word = self.ring.word(at)?.load(Ordering::Relaxed);
        read.store(at.wrapping_add(1), Ordering::Release);
        Some(decode(word))
    }
}

/// Of a hash its lower 30 bits and its upper 16: a gauge looks at ten of the one and at all of the other.
const LOW_BITS: u32 = 30;
const LOW: u64 = (1 << LOW_BITS) - 1;

/// Two bits of kind, sixteen of the listener, and 46 of the rest.
fn encode(listener: u16, report: Report) -> u64 {
    let squeezed = |hash: u64| hash >> 48 << LOW_BITS | hash & LOW;
    let (kind, rest) = match report {
        Report::Syn(hash) => (0, squeezed(hash)),
        Report::Completed(hash) => (1, squeezed(hash)),
        Report::Reset(hash) => (2, squeezed(hash)),
        Report::HalfOpen(entries) => (3, u64::from(entries)),
    };
    kind << 62 | u64::from(listener) << 46 | rest
}

fn decode(word: u64) -> (u16, Report) {
    let rest = word & ((1 << 46) - 1);
    let hash = rest >> LOW_BITS << 48 | rest & LOW;
    let report = match word >> 62 {
        0 => Report::Syn(hash),
        1 => Report::Completed(hash),
        2 => Report::Reset(hash),
        _ => Report::HalfOpen(rest as u32),
    };
    ((word >> 46) as u16, report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_a_gauge_looks_at() {
        let hash = 0xfedc_ba98_7654_3210;
        let seen = 0xfedc_0000_3654_3210;
        for (name, report, heard) in [
            ("a SYN", Report::Syn(hash), Report::Syn(seen)),
            ("an answer", Report::Completed(hash), Report::Completed(seen)),
            ("a reset", Report::Reset(u64::MAX), Report::Reset(0xffff_0000_3fff_ffff)),
            ("nothing", Report::Syn(0), Report::Syn(0)),
            ("entries", Report::HalfOpen(u32::MAX), Report::HalfOpen(u32::MAX)),
        ] {
            for listener in [0, 1, u16::MAX] {
                assert_eq!(decode(encode(listener, report)), (listener, heard), "{name}");
            }
        }
    }

    #[test]
    fn what_finds_the_ring_full_is_left_out_and_room_comes_back() {
        let (mut witness, mut hearing) = pair();
        for round in 0..3 {
            for n in 0..WORDS as u32 {
                assert_eq!(witness.tell(7, Report::HalfOpen(n)), Some(n as usize + 1), "{round}");
            }
            assert_eq!(witness.tell(7, Report::HalfOpen(0)), None, "{round}");
            for n in 0..WORDS as u32 {
                assert_eq!(hearing.hear(), Some((7, Report::HalfOpen(n))), "{round}");
            }
            assert_eq!(hearing.hear(), None, "{round}");
            // The next round lies across the end of the storage.
            assert_eq!(witness.tell(9, Report::Syn(1)), Some(1));
            assert_eq!(hearing.hear(), Some((9, Report::Syn(1))));
        }
    }

    #[test]
    fn two_threads_lose_nothing_and_keep_the_order() {
        let (mut witness, mut hearing) = pair();
        let told = std::thread::spawn(move || {
            let mut told = 0_u32;
            while told < 100_000 {
                if witness.tell(1, Report::HalfOpen(told)).is_some() {
                    told += 1;
                } else {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < 100_000 {
            match hearing.hear() {
                Some(heard) => {
                    assert_eq!(heard, (1, Report::HalfOpen(next)));
                    next += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        told.join().unwrap();
    }

    #[test]
    fn a_clone_is_on_no_ring_of_others() {
        let (mut witness, mut hearing) = pair();
        assert!(witness.clone().tell(1, Report::Syn(1)).is_some());
        assert_eq!(hearing.hear(), None);
        assert!(witness.tell(1, Report::Syn(1)).is_some());
        assert_eq!(hearing.clone().hear(), None);
        assert!(hearing.hear().is_some());
    }
}
