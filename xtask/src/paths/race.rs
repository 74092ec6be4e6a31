//! What sender and receiver of one run share: when it began, how long it lasts, what is said and what was heard.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lab::Rng;

/// The stream is this long block again and again; a prime, so that no power of two hides a shift. Units: bytes.
const BLOCK: usize = 65_521;

/// One run.
pub(super) struct Race {
    /// When the sender's connection was open.
    begun: OnceLock<Instant>,
    lasts: Duration,
    block: Bytes,
    /// Payload that the receiver had in time. Units: bytes.
    heard: AtomicU64,
    is_over: AtomicBool,
}

impl Race {
    pub(super) fn new(lasts: Duration) -> Self {
        let mut block = vec![0; BLOCK];
        Rng::fork(0, "stream").fill(&mut block);
        Self {
            begun: OnceLock::new(),
            lasts,
            block: block.into(),
            heard: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// What the sender says, again and again.
    pub(super) fn block(&self) -> Bytes {
        self.block.clone()
    }

    /// The sender's connection is open.
    pub(super) fn begin(&self) {
        let _ = self.begun.set(Instant::now());
    }

    /// When it ends. Waits for its beginning, which is near once the receiver's connection is open.
    pub(super) fn deadline(&self) -> Instant {
        *self.begun.wait() + self.lasts
    }

    pub(super) fn is_over(&self) -> &AtomicBool {
        &self.is_over
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// The receiver read this, in time.
    ///
    /// Errors: it is not what was said.
    pub(super) fn hear(&self, mut bytes: &[u8]) -> anyhow::Result<()> {
        let mut at = self.heard.load(Ordering::Relaxed);
        while !bytes.is_empty() {
            let rest = &self.block[(at % BLOCK as u64) as usize..];
            let length = rest.len().min(bytes.len());
            anyhow::ensure!(
                rest[..length] == bytes[..length],
                "what came is not what was sent, near byte {at}"
            );
            bytes = &bytes[length..];
            at += length as u64;
        }
        self.heard.store(at, Ordering::Relaxed);
        Ok(())
    }

    /// Payload bytes so far.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard_must_be_what_is_said() {
        let race = Race::new(Duration::ZERO);
        let said = [race.block(), race.block()].concat();
        for piece in said.chunks(1_448) {
            race.hear(piece).unwrap();
        }
        assert_eq!(race.heard(), 2 * BLOCK as u64);
        assert!(race.hear(&said[1..100]).is_err());
    }
}
