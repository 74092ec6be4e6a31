//! Loss recovery: what was lost, what to send again and when, and what was taken for loss and was none.
//!
//! ```text
//!  ACK ─▶ hear (news): scoreboard, RACK, D-SACK ─▶ judge: probe? undone? recovered? lost? ─▶ congestion window
//!                                                    │
//!  timer ─▶ on_timer, on_timeout ────────────────────┘      output ─▶ due: what next? ─▶ on_sent
//! ```
//! With SACK, RACK says what is lost (RFC 8985) and the scoreboard what is in flight (RFC 6675). Without, the third duplicate
//! does, each of which stands for a segment that has left the network (RFC 6582). Either way PRR paces recovery (RFC 9937).

mod frto;
mod news;
mod prr;
mod rack;
mod scoreboard;
mod tlp;
mod undo;

use alloc::boxed::Box;

use wire::seq::SeqNumber;

use self::frto::Frto;
pub(crate) use self::news::{Echo, Heard, News};
use self::prr::{Progress, Prr};
use self::rack::{DUP_THRESH, Path, Rack};
use self::scoreboard::{Fate, Scoreboard, Wait};
use self::tlp::Probe;
use self::undo::Undo;
use super::congestion::{Acked, Congestion};
use crate::observer::Undone;
use crate::time::{Duration, Instant};

/// What passes at least before something that was sent again is taken for lost once more, whatever the clock is said to tell
/// apart.
const MOMENT: Duration = Duration::from_micros(1);

/// Where recovery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery, until everything up to `recover` is acknowledged.
    Fast { recover: SeqNumber },
    /// The timer ran out: what was in flight, up to `recover`, is sent again in slow start.
    Loss { recover: SeqNumber },
}

/// The recovery of one connection. What is needed only while something is in flight is boxed, and given back.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Recovery {
    phase: Phase,
    path: Path,
    probe: Probe,
    /// Of the last recovery, while it may show that it was in vain.
    undo: Option<Box<Undo>>,
    /// What is sent again was refused, not lost: its last segment may be filled up with what follows it.
    fills_up: bool,
    /// Where the last recovery ended, without SACK: duplicates there may come of what was sent again in vain.
    doubtful: Option<SeqNumber>,
    /// D-SACKs that the peer has sent.
    dsacks: u16,
    sent: Option<Box<InFlight>>,
}

/// What is known of what is in flight.
#[derive(Debug, Clone, Hash)]
struct InFlight {
    board: Scoreboard,
    rack: Rack,
    prr: Prr,
    frto: Frto,
    /// Duplicates since SND.UNA moved, without SACK, and the bytes that they stand for.
    duplicates: u8,
    duplicate_bytes: u32,
}

/// What the sender's numbers are when something happens.
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
    /// The peer speaks SACK.
    pub(crate) sack: bool,
    /// There is new data that the peer's window takes.
    pub(crate) news: bool,
    pub(crate) now: Instant,
    /// The smoothed round trip.
    pub(crate) srtt: Option<Duration>,
}

/// The bounds and the clock that recovery works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Runs that a scoreboard may have.
    pub(crate) runs: usize,
    /// What the clock that stamps packets tells apart.
    pub(crate) resolution: Duration,
}

/// What came of an acknowledgment or a timer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Judged {
    /// When to look again for what was overtaken.
    pub(crate) wait: Option<Duration>,
    /// What had been taken for loss was none.
    pub(crate) undone: Option<Undone>,
}

/// What leaves, of sequence numbers that are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving {
    pub(crate) start: SeqNumber,
    pub(crate) end: SeqNumber,
    /// SND.NXT before it: what lies before was sent before.
    pub(crate) nxt: SeqNumber,
    /// It is a tail loss probe.
    pub(crate) probe: bool,
    pub(crate) tsval: Option<u32>,
}

impl Recovery {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Open,
            path: Path::new(),
            probe: Probe::new(),
            undo: None,
            fills_up: false,
            doubtful: None,
            dsacks: 0,
            sent: None,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Judges what an acknowledgment said. `rtt` is the round trip that it measured.
    pub(crate) fn judge(
        &mut self,
        news: &News,
        flight: &Flight,
        rtt: Option<Duration>,
        congestion: &mut Congestion,
        terms: &Terms,
    ) -> Judged {
        let (una, phase) = (flight.una + news.acked, self.phase);
        if self.probe.on_ack(news.as_probe_reply(una)) && self.phase == Phase::Open {
            // The probe mended a loss that nothing else has shown: that was congestion all the same (section 7.4.2).
            congestion.on_congestion(flight.nxt.since(flight.una), flight.mss);
            congestion.on_recovered(congestion.ssthresh());
        }
        let undone = self.undone(news, flight);
        if undone.is_some() {
            self.take_back(una, congestion);
        }
        if self.undo.as_ref().is_some_and(|undo| undo.is_too_late(una)) {
            self.undo = None;
        }
        self.leave_where_recovered(una, flight, congestion);
        let (lost_before, wait) = (self.lost(), self.find_losses(news, flight, terms));
        let newly_lost = self.lost() > lost_before;
        match self.phase {
            Phase::Open if self.lost() > 0 => {
                self.enter(news, una, flight, congestion);
                self.reduce(news, una, flight, newly_lost, congestion);
            }
            Phase::Fast { .. } => self.reduce(news, una, flight, newly_lost, congestion),
            _ if undone.is_some() => {}
            Phase::Open if phase == Phase::Open && news.acked > 0 => {
                congestion.on_ack(&flight.acked(una, news.acked, rtt));
            }
            _ if matches!(phase, Phase::Loss { .. }) && news.delivered > 0 => {
                // After a timeout an acknowledgment may cover what had arrived before. With SACK we know which part that is;
                // without, it counts as one segment at most (RFC 3465 section 2.3).
                let most = if flight.sack { u32::MAX } else { flight.mss };
                let acked = Acked {
                    limited: true,
                    ..flight.acked(una, news.delivered.min(most), rtt)
                };
                congestion.on_ack(&acked);
            }
            _ => {}
        }
        if una == flight.nxt {
            self.sent = None;
        }
        Judged { wait, undone }
    }

    /// Whether, and how, the acknowledgment shows that nothing was lost.
    fn undone(&mut self, news: &News, flight: &Flight) -> Option<Undone> {
        let original_after_timeout = match (self.phase, &mut self.sent) {
            (Phase::Loss { .. }, Some(sent)) => sent.frto.on_ack(news.as_frto_reply(flight.news)),
            _ => false,
        };
        if original_after_timeout {
            Some(Undone::Frto)
        } else if news.in_vain {
            Some(Undone::Dsack)
        } else if news.acked > 0 && news.first_copy && self.may_all_have_come() {
            Some(Undone::Echo)
        } else {
            None
        }
    }

    /// Whether one first copy that came after all speaks for everything that recovery took for lost. After a timeout it does,
    /// for all was taken for lost at once. In fast recovery each loss has been shown for itself: while others are not mended,
    /// one that was only late says nothing of them.
    fn may_all_have_come(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Loss { .. } => true,
            Phase::Fast { .. } => self.sent.as_ref().is_none_or(|sent| !sent.board.is_mending()),
        }
    }

    /// Nothing was lost: the window is what it was, and nothing more is sent again.
    fn take_back(&mut self, una: SeqNumber, congestion: &mut Congestion) {
        congestion.undo();
        if matches!(self.phase, Phase::Fast { .. }) {
            // What was taken for lost had been overtaken. On a path where all that is late is sent again before it comes,
            // nothing else ever shows that.
            self.path.on_overtaken();
        }
        self.undo = None;
        if let Some(sent) = &mut self.sent {
            sent.board.find_lost();
            sent.frto = Frto::Off;
        }
        self.phase = Phase::Open;
        self.doubtful = Some(una);
    }

    /// Recovery is over once everything that was in flight when it began is acknowledged.
    fn leave_where_recovered(&mut self, una: SeqNumber, flight: &Flight, congestion: &mut Congestion) {
        match self.phase {
            Phase::Fast { recover } if una.at_or_after(recover) => {
                let (left, ssthresh) = (flight.nxt.since(una), congestion.ssthresh());
                // RFC 6582 section 3.2, step 3: without SACK what is in flight is a guess, and the cautious of its two ways
                // holds a burst back.
                let cautious = left.max(flight.mss).saturating_add(flight.mss);
                let cwnd = if flight.sack { ssthresh } else { ssthresh.min(cautious) };
                congestion.on_recovered(cwnd);
            }
            Phase::Loss { recover } if una.at_or_after(recover) => {}
            _ => return,
        }
        self.phase = Phase::Open;
        self.path.on_recovered();
        if let Some(undo) = &mut self.undo {
            undo.on_recovered(flight.nxt);
        }
        self.doubtful = Some(una);
        if let Some(sent) = &mut self.sent {
            sent.frto = Frto::Off;
        }
    }

    /// Takes for lost what the acknowledgment shows to be. Returns when to look again.
    fn find_losses(&mut self, news: &News, flight: &Flight, terms: &Terms) -> Option<Duration> {
        let evident = self.is_loss_evident(flight);
        let sent = self.sent.as_deref_mut()?;
        if flight.sack {
            let newest = sent.rack.newest()?;
            let srtt = flight.srtt.unwrap_or(sent.rack.rtt());
            let once = sent.rack.rtt() + self.path.window(evident, srtt, terms.resolution);
            let again = once.max(terms.resolution).max(MOMENT);
            let wait = Wait { once, again };
            return sent.board.detect(flight.now, newest, wait);
        }
        let first = match self.phase {
            // RFC 6582 section 3.2, step 2: the third.
            Phase::Open => u32::from(sent.duplicates) == DUP_THRESH && news.repeats,
            // Step 5: a partial acknowledgment stops at the next that was lost.
            Phase::Fast { .. } => news.acked > 0,
            Phase::Loss { .. } => false,
        };
        if first {
            sent.board.lose_first(flight.mss);
        }
        None
    }

    /// Whether so much was sacked that, where nothing was ever late, loss is the only reason (RFC 8985 section 6.2, step 4).
    fn is_loss_evident(&self, flight: &Flight) -> bool {
        self.phase != Phase::Open || self.sacked() >= DUP_THRESH.saturating_mul(flight.mss)
    }

    /// Fast recovery begins.
    fn enter(&mut self, news: &News, una: SeqNumber, flight: &Flight, congestion: &mut Congestion) {
        let before = flight.nxt.since(flight.una);
        congestion.on_congestion(before.min(congestion.cwnd().max(flight.mss)), flight.mss);
        self.phase = Phase::Fast { recover: flight.nxt };
        self.undo = Some(Box::new(Undo::new(una)));
        self.fills_up = false;
        if let Some(sent) = &mut self.sent {
            // RFC 9937 section 6.2: what was sacked before will not be delivered in recovery.
            let known = sent.board.sacked().saturating_add(sent.duplicate_bytes);
            let known = known.saturating_sub(news.sacked);
            sent.prr = Prr::new(before.saturating_sub(known));
        }
    }

    /// The window in recovery.
    fn reduce(&mut self, news: &News, una: SeqNumber, flight: &Flight, newly_lost: bool, congestion: &mut Congestion) {
        let pipe = self.pipe(una, flight.nxt);
        let Some(sent) = &mut self.sent else { return };
        let progress = Progress {
            delivered: news.delivered,
            pipe,
            safe: news.acked > 0 && !newly_lost,
            ssthresh: congestion.ssthresh(),
            mss: flight.mss,
        };
        if news.delivered > 0 || sent.prr.is_new() {
            congestion.set_cwnd(sent.prr.window(progress));
        }
    }

    /// The timer of probe and reordering ran out.
    pub(crate) fn on_timer(&mut self, flight: &Flight, congestion: &mut Congestion, terms: &Terms) -> Judged {
        if self.probe.is_armed() {
            self.probe.on_timer();
            return Judged::default();
        }
        let wait = self.find_losses(&News::NONE, flight, terms);
        if self.phase == Phase::Open && self.lost() > 0 {
            self.enter(&News::NONE, flight.una, flight, congestion);
            self.reduce(&News::NONE, flight.una, flight, true, congestion);
        }
        Judged { wait, undone: None }
    }

    /// The retransmission timer ran out with data in flight. `again`: it did before, and nothing has answered.
    pub(crate) fn on_timeout(&mut self, flight: &Flight, congestion: &mut Congestion, again: bool, terms: &Terms) {
        let in_recovery = self.phase != Phase::Open;
        congestion.on_timeout(flight.nxt.since(flight.una), flight.mss, again || in_recovery);
        self.probe.forget();
        self.fills_up = false;
        if !in_recovery {
            self.undo = Some(Box::new(Undo::new(flight.una)));
        }
        let was_fast = matches!(self.phase, Phase::Fast { .. });
        self.phase = Phase::Loss { recover: flight.nxt };
        let window = self
            .path
            .window(true, flight.srtt.unwrap_or_default(), terms.resolution);
        let Some(sent) = &mut self.sent else { return };
        (sent.duplicates, sent.duplicate_bytes) = (0, 0);
        sent.frto = if was_fast { Frto::Off } else { Frto::new() };
        if sent.board.front().is_some_and(|front| front.fate == Fate::Sacked) {
            // SND.UNA stands at what the peer had told of: it has thrown it away (RFC 2018 section 8).
            sent.board.forget_sacks();
        }
        // RFC 8985 section 6.3: the first, and what has had its time.
        let wait = sent.rack.rtt() + window;
        let is_timed = flight.sack && sent.rack.newest().is_some();
        let una = flight.una;
        sent.board
            .lose_all(|run| is_timed && run.start != una && run.fate == Fate::InFlight && run.sent + wait > flight.now);
    }

    /// Everything in flight is sent again, and nothing is said of congestion: a window probe had gone into a closed window,
    /// or the path turned out to be narrower than the segments.
    pub(crate) fn resend(&mut self, flight: &Flight, congestion: &mut Congestion) {
        if matches!(self.phase, Phase::Fast { .. }) {
            // What proportional rate reduction leaves for the moment is no window to go on with: it may be a byte.
            congestion.on_recovered(congestion.ssthresh());
        }
        self.probe.forget();
        self.fills_up = true;
        let Some(sent) = &mut self.sent else {
            self.phase = Phase::Open;
            return;
        };
        (sent.duplicates, sent.duplicate_bytes) = (0, 0);
        sent.frto = Frto::Off;
        sent.board.forget_sacks();
        sent.board.lose_all(|_| false);
        self.phase = Phase::Loss { recover: flight.nxt };
    }

    /// Where the next retransmission begins and where it must end.
    pub(crate) fn due(&mut self) -> Option<(SeqNumber, SeqNumber)> {
        let sent = self.sent.as_deref_mut()?;
        if sent.frto.holds_back() {
            return None;
        }
        sent.board.first_lost()
    }

    /// Whether something is to be sent again before new data.
    pub(crate) fn is_due(&self) -> bool {
        self.sent
            .as_ref()
            .is_some_and(|sent| sent.board.lost() > 0 && !sent.frto.holds_back())
    }

    /// Whether the last segment that is sent again may take new data along.
    pub(crate) const fn fills_up(&self) -> bool {
        self.fills_up
    }

    /// Where the last run begins that was sent: a probe that repeats something repeats the end of it.
    pub(crate) fn last_sent(&self) -> Option<SeqNumber> {
        Some(self.sent.as_ref()?.board.back()?.start)
    }

    /// The link took this.
    pub(crate) fn on_sent(&mut self, now: Instant, what: Leaving, terms: &Terms) {
        let sent = self.sent.get_or_insert_with(|| Box::new(InFlight::new(what.start)));
        let (again, fresh) = (what.start.before(what.nxt), what.end.after(what.nxt));
        if again {
            let end = what.end.earlier(what.nxt);
            sent.board.on_resent(now, what.start, end, terms.runs);
            if let Some(undo) = self.undo.as_mut().filter(|_| !what.probe) {
                undo.on_resent(end.since(what.start), what.tsval);
            }
        }
        if fresh {
            sent.board
                .on_fresh(now, what.start.later(what.nxt), what.end, terms.runs);
        }
        sent.prr.on_sent(what.end.since(what.start));
        if what.probe {
            self.probe.on_sent(what.end.later(what.nxt), again);
        }
    }

    /// Whether a tail loss probe should have its timer (RFC 8985 section 7.2).
    pub(crate) fn wants_probe(&self) -> bool {
        let is_orderly = |sent: &InFlight| sent.board.sacked() == 0 && sent.board.lost() == 0;
        self.phase == Phase::Open && !self.probe.is_out() && self.sent.as_deref().is_some_and(is_orderly)
    }

    /// The timer of the probe. Returns how long to wait.
    pub(crate) fn arm_probe(&mut self, flight: &Flight) -> Duration {
        self.probe.arm();
        Probe::wait(flight.srtt, flight.nxt.since(flight.una) <= flight.mss)
    }

    /// No probe is wanted now.
    pub(crate) const fn rest_probe(&mut self) {
        self.probe.rest();
    }

    /// Whether the timer that runs is the probe's.
    pub(crate) const fn is_probe_armed(&self) -> bool {
        self.probe.is_armed()
    }

    /// Whether a tail loss probe is to be sent now.
    pub(crate) const fn is_probe_due(&self) -> bool {
        self.probe.is_due()
    }

    /// How much is in the network, as well as we know (RFC 6675 section 4, `SetPipe`).
    pub(crate) fn pipe(&self, una: SeqNumber, nxt: SeqNumber) -> u32 {
        let gone = self
            .sent
            .as_deref()
            .map_or(0, |sent| sent.board.sacked() + sent.board.lost() + sent.duplicate_bytes);
        nxt.since(una).saturating_sub(gone)
    }

    /// Bytes that the peer holds beyond SND.UNA.
    pub(crate) fn sacked(&self) -> u32 {
        self.sent.as_deref().map_or(0, |sent| sent.board.sacked())
    }

    /// Bytes that are taken for lost and were not sent again yet.
    pub(crate) fn lost(&self) -> u32 {
        self.sent.as_deref().map_or(0, |sent| sent.board.lost())
    }

    /// D-SACKs that the peer has sent.
    pub(crate) const fn dsacks(&self) -> u16 {
        self.dsacks
    }

    /// Whether segments have been seen to overtake one another.
    pub(crate) const fn is_reordering(&self) -> bool {
        self.path.is_reordering()
    }

    /// The least round trip that was measured lately.
    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        self.path.min_rtt()
    }

    /// Gives everything back: nothing will be sent any more.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            path: self.path,
            dsacks: self.dsacks,
            ..Self::new()
        };
    }
}

impl InFlight {
    const fn new(una: SeqNumber) -> Self {
        Self {
            board: Scoreboard::new(una),
            rack: Rack::new(una),
            prr: Prr::new(0),
            frto: Frto::Off,
            duplicates: 0,
            duplicate_bytes: 0,
        }
    }
}

impl Flight {
    /// What congestion control is told when `bytes` are delivered and SND.UNA is `una`.
    fn acked(&self, una: SeqNumber, bytes: u32, rtt: Option<Duration>) -> Acked {
        Acked {
            now: self.now,
            bytes,
            mss: self.mss,
            in_flight: self.nxt.since(self.una),
            limited: self.limited,
            rtt,
            srtt: self.srtt,
            una,
            nxt: self.nxt,
        }
    }
}

#[cfg(test)]
mod tests;
