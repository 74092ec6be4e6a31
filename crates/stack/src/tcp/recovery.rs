//! Loss recovery: NewReno (RFC 6582) and the retransmission timeout (RFC 6298). What was lost, and what to send again.
//!
//! The scoreboard of SACK, RACK-TLP, PRR and F-RTO have their place here.

use wire::seq::SeqNumber;

use super::congestion::{Acked, Congestion};
use crate::time::{Duration, Instant};

/// Third duplicate acknowledgment: the segment is taken for lost (RFC 5681 section 3.2).
const DUPLICATES: u8 = 3;

/// Where recovery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery, until everything up to `recover` is acknowledged.
    Fast { recover: SeqNumber },
    /// The timer ran out: everything from `next` up to `recover` is taken for lost and sent again in slow start.
    Loss { recover: SeqNumber, next: SeqNumber },
}

/// The recovery of one connection.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Recovery {
    phase: Phase,
    duplicates: u8,
    /// The segment at SND.UNA is to be sent again.
    retransmit: bool,
    /// What is sent again was refused, not lost: its last segment may be filled up with what follows it.
    fills_up: bool,
    /// Where the recovery from the last timeout ended. Duplicates there may come of what was sent again in vain.
    doubtful: Option<SeqNumber>,
}

/// What the sender's numbers are when an acknowledgment arrives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flight {
    /// SND.UNA, before this acknowledgment.
    pub(crate) una: SeqNumber,
    /// SND.NXT.
    pub(crate) nxt: SeqNumber,
    /// Effective MSS.
    pub(crate) mss: u32,
    /// The congestion window was the bound, so that it may grow.
    pub(crate) limited: bool,
    pub(crate) now: Instant,
    /// The round trip that the acknowledgment measured, where it measured one.
    pub(crate) rtt: Option<Duration>,
    /// The smoothed round trip.
    pub(crate) srtt: Option<Duration>,
}

impl Flight {
    /// What congestion control is told when `ack` acknowledges something new and `bytes` of it count.
    fn acked(&self, ack: SeqNumber, bytes: u32) -> Acked {
        Acked {
            now: self.now,
            bytes,
            mss: self.mss,
            in_flight: self.nxt.since(self.una),
            limited: self.limited,
            rtt: self.rtt,
            srtt: self.srtt,
            una: ack,
            nxt: self.nxt,
        }
    }
}

impl Recovery {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Open,
            duplicates: 0,
            retransmit: false,
            fills_up: false,
            doubtful: None,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// `ack` acknowledges something new.
    pub(crate) fn on_ack(&mut self, ack: SeqNumber, flight: Flight, congestion: &mut Congestion) {
        let acked = ack.since(flight.una);
        let left = flight.nxt.since(ack);
        self.duplicates = 0;
        self.doubtful = None;
        match self.phase {
            Phase::Open => {
                congestion.on_ack(&flight.acked(ack, acked));
            }
            Phase::Fast { recover } if ack.before(recover) => {
                congestion.on_partial(acked, flight.mss);
                self.retransmit = true;
            }
            Phase::Fast { .. } => {
                // RFC 6582 section 3.2, step 3, the cautious of its two ways.
                let cwnd = congestion
                    .ssthresh()
                    .min(left.max(flight.mss).saturating_add(flight.mss));
                congestion.on_recovered(flight.now, cwnd);
                self.leave();
            }
            Phase::Loss { recover, next } => {
                let acked = Acked {
                    limited: true,
                    ..flight.acked(ack, acked.min(flight.mss))
                };
                congestion.on_ack(&acked);
                if ack.before(recover) {
                    self.phase = Phase::Loss {
                        recover,
                        next: next.later(ack),
                    };
                } else {
                    self.leave();
                    self.doubtful = Some(ack);
                }
            }
        }
    }

    /// A duplicate acknowledgment, as RFC 5681 section 2 defines it.
    pub(crate) fn on_duplicate(&mut self, flight: Flight, congestion: &mut Congestion) {
        match self.phase {
            // RFC 6582 section 3.2, step 2: nothing beyond what the timeout sent again has been acknowledged yet.
            Phase::Open if self.doubtful == Some(flight.una) => {}
            Phase::Open => {
                self.duplicates = self.duplicates.saturating_add(1);
                if self.duplicates == DUPLICATES {
                    congestion.on_fast_retransmit(flight.now, flight.nxt.since(flight.una), flight.mss);
                    self.phase = Phase::Fast { recover: flight.nxt };
                    self.retransmit = true;
                }
            }
            Phase::Fast { .. } => congestion.on_duplicate(flight.mss),
            // RFC 6582 section 4: duplicates of a retransmitted flight say nothing new.
            Phase::Loss { .. } => {}
        }
    }

    /// The retransmission timer ran out with data in flight.
    pub(crate) fn on_timeout(&mut self, flight: Flight, congestion: &mut Congestion, again: bool) {
        congestion.on_timeout(flight.now, flight.nxt.since(flight.una), flight.mss, again);
        self.resend(flight);
        self.fills_up = false;
    }

    /// Everything in flight is sent again, and nothing is said of congestion: a window probe had gone into a closed window,
    /// or the path turned out to be narrower than the segments.
    pub(crate) fn resend(&mut self, flight: Flight) {
        self.duplicates = 0;
        self.retransmit = false;
        self.fills_up = true;
        self.phase = if flight.una == flight.nxt {
            Phase::Open
        } else {
            Phase::Loss {
                recover: flight.nxt,
                next: flight.una,
            }
        };
    }

    /// Where the next retransmission begins and where it must end.
    pub(crate) fn due(&self, una: SeqNumber, nxt: SeqNumber) -> Option<(SeqNumber, SeqNumber)> {
        match self.phase {
            Phase::Fast { recover } if self.retransmit => Some((una, recover)),
            Phase::Loss { recover, next } if next.before(recover) => Some((next, recover.earlier(nxt))),
            _ => None,
        }
    }

    /// Whether the last segment that is sent again may take new data along.
    pub(crate) const fn fills_up(&self) -> bool {
        self.fills_up
    }

    /// The link took a retransmission that ends at `end`, or, with new data at its end, beyond what was to be sent again.
    pub(crate) fn on_retransmitted(&mut self, end: SeqNumber) {
        self.retransmit = false;
        if let Phase::Loss { recover, next } = self.phase {
            self.phase = Phase::Loss {
                recover,
                next: next.later(end).earlier(recover),
            };
        }
    }

    /// How much is in the network, as well as we know.
    pub(crate) fn pipe(&self, una: SeqNumber, nxt: SeqNumber) -> u32 {
        match self.phase {
            // What was sent again, and what was sent beyond it for the first time.
            Phase::Loss { recover, next } => next.since(una).saturating_add(nxt.since(recover)),
            _ => nxt.since(una),
        }
    }

    /// Duplicates may release new data before the third (RFC 3042: limited transmit), two segments at most.
    pub(crate) fn limited_transmit(&self, mss: u32) -> u32 {
        match self.phase {
            Phase::Open => u32::from(self.duplicates.min(DUPLICATES - 1)) * mss,
            _ => 0,
        }
    }

    fn leave(&mut self) {
        self.phase = Phase::Open;
        self.retransmit = false;
    }
}

#[cfg(test)]
mod tests;
