//! The path in real time: packets out of either end, through the lab's emulator, into the other end when they are due.
//!
//! ```text
//!   sender ── end ──▶ link "there" ──▶ end ── receiver
//!              ◀── link "back" ◀──
//! ```
//! The thread sleeps until the next packet is due or one can be read; timers are as fine as the kernel makes them.

use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant as Clock;

use anyhow::Context as _;
use bytes::BytesMut;
use lab::Rng;
use lab::link::Link;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use serde::{Deserialize, Serialize};
use stack::{Duration, Instant};

use super::cell::Cell;
use super::end::End;
use super::watch::{Watch, Way};

/// Packets that are read in one go, so that none that is due waits for more than these.
const BATCH: usize = 32;

/// The longest sleep: how soon the end of the run is noticed.
const NAP: Duration = Duration::from_millis(20);

/// A packet counts as late from this part of a round trip on.
const LATE: u64 = 20;

/// How punctual the relay was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lateness {
    pub(crate) packets: u64,
    /// By more than a twentieth of a round trip.
    pub(crate) late: u64,
    /// Units: microseconds.
    pub(crate) worst_us: u64,
}

impl Lateness {
    fn on_packet(&mut self, by: Duration, bound: Duration) {
        self.packets += 1;
        self.late += u64::from(by > bound);
        self.worst_us = self.worst_us.max(by.as_micros());
    }

    /// More than one in a hundred was late.
    pub(crate) const fn is_bad(&self) -> bool {
        self.late * 100 > self.packets
    }
}

/// Both ends, and the two directions between them.
pub(super) struct Relay {
    origin: Clock,
    ends: [End; 2],
    /// From the end of the same index to the other.
    links: [Link<BytesMut>; 2],
    /// From here on a packet counts as late.
    late: Duration,
    lateness: Lateness,
    watch: Watch,
    room: BytesMut,
}

impl Relay {
    /// The first end is the sender's.
    pub(super) fn new(cell: Cell, seed: u64, ends: [End; 2], watch: Watch) -> Self {
        let link = |name| Link::new(cell.impairment(), Vec::new(), Rng::fork(seed, name));
        Self {
            origin: Clock::now(),
            ends,
            links: [link("there"), link("back")],
            late: Duration::from_millis(cell.rtt.milliseconds()).part(LATE),
            lateness: Lateness::default(),
            watch,
            room: BytesMut::new(),
        }
    }

    /// Carries packets until it is told to end.
    ///
    /// Errors: an end is dead.
    pub(super) fn run(mut self, is_over: &AtomicBool) -> anyhow::Result<(Lateness, Watch)> {
        while !is_over.load(Ordering::Acquire) {
            match self.turn() {
                // A stack of ours takes its end with it when the run is over.
                Err(_) if is_over.load(Ordering::Acquire) => break,
                turned => turned?,
            }
        }
        Ok((self.lateness, self.watch))
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        self.deliver()?;
        if self.collect()? { Ok(()) } else { self.wait() }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + Duration::from(self.origin.elapsed())
    }

    /// Hands over what is due.
    fn deliver(&mut self) -> anyhow::Result<()> {
        for way in Way::BOTH {
            loop {
                let now = self.now();
                let Some(arrival) = self.links[way as usize].pop(now) else {
                    break;
                };
                self.lateness.on_packet(now.since(arrival.at), self.late);
                self.ends[1 - way as usize].give(&arrival.packet)?;
            }
        }
        Ok(())
    }

    /// Takes in what the ends have sent. Returns whether there may be more.
    fn collect(&mut self) -> anyhow::Result<bool> {
        let mut more = false;
        for way in Way::BOTH {
            for n in 1..=BATCH {
                let Some(packet) = self.ends[way as usize].take(&mut self.room)? else {
                    break;
                };
                let now = self.now();
                let kept = self.watch.keeps_packets().then(|| packet.clone());
                let glance = lab::glance::Glance::of(&packet);
                let fate = self.links[way as usize].push(now, packet);
                self.watch.on_packet(now, way, glance.as_ref(), &fate, kept);
                more |= n == BATCH;
            }
        }
        Ok(more)
    }

    /// Sleeps until there is something to do.
    fn wait(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        let next = self.links.iter().filter_map(Link::next).min();
        let nap = next.map_or(NAP, |next| next.since(now).min(NAP));
        if nap == Duration::ZERO {
            return Ok(());
        }
        let mut fds = [&self.ends[0], &self.ends[1]].map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN));
        let nap = TimeSpec::from(std::time::Duration::from(nap));
        ppoll(&mut fds, Some(nap), None)
            .map(drop)
            .context("cannot wait for packets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_may_be_late() {
        let mut lateness = Lateness::default();
        let bound = Duration::from_millis(1);
        for n in 0..100 {
            lateness.on_packet(Duration::from_micros(if n == 50 { 1_500 } else { 200 }), bound);
        }
        assert_eq!((lateness.late, lateness.worst_us), (1, 1_500));
        assert!(!lateness.is_bad());
        lateness.on_packet(Duration::from_millis(2), bound);
        assert!(lateness.is_bad());
    }
}
