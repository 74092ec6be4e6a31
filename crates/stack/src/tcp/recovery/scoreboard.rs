//! What was sent and is not acknowledged cumulatively, as runs: when each was sent and what has become of it.
//!
//! ```text
//!  SND.UNA                                                        SND.NXT
//!     |== lost ==|## sacked ##|== in flight ==|## sacked ##|== in flight ==|
//! ```
//! A run is what left at one time and met one fate; a super-segment is one run until a SACK block divides it. Runs follow one
//! another without gaps. What was never sent again lies in the order of time as it lies in the order of numbers, and what
//! was sent again stands in a queue of its own: so what RACK asks for, the oldest first, costs no search.
//!
//! Read first: RFC 2018 section 5, RFC 6675 sections 3 and 4.

use alloc::collections::VecDeque;

use wire::seq::SeqNumber;

use super::rack::Sent;
use crate::time::{Duration, Instant};

/// What has become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// In the network, as far as we know.
    InFlight,
    /// The peer holds it (RFC 2018).
    Sacked,
    /// Taken for lost, and not sent again yet.
    Lost,
}

/// Sequence numbers that left together and met the same fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub(crate) start: SeqNumber,
    pub(crate) end: SeqNumber,
    /// When it left, the last time that it did.
    pub(crate) sent: Instant,
    pub(crate) fate: Fate,
    /// It was sent more than once.
    pub(crate) again: bool,
}

impl Run {
    /// Units: bytes of sequence space.
    pub(crate) const fn len(&self) -> u32 {
        self.end.since(self.start)
    }

    const fn sent_at(&self) -> Sent {
        Sent {
            at: self.sent,
            end: self.end,
        }
    }

    /// The part of it in `[start, end)`, which meets it.
    fn part(&self, start: SeqNumber, end: SeqNumber) -> Self {
        Self {
            start: self.start.later(start),
            end: self.end.earlier(end),
            ..*self
        }
    }

    /// Whether `next`, right behind it, may be told of in one breath with it.
    fn is_one_with(&self, next: &Self) -> bool {
        self.end == next.start
            && self.fate == next.fate
            && match self.fate {
                Fate::InFlight => self.sent == next.sent && self.again == next.again,
                Fate::Lost => self.again == next.again,
                Fate::Sacked => true,
            }
    }
}

/// How long after it left something may be taken for lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wait {
    /// What was sent once.
    pub(crate) once: Duration,
    /// What was sent again.
    pub(crate) again: Duration,
}

/// The runs of one connection.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Scoreboard {
    runs: VecDeque<Run>,
    /// What was sent again, oldest first. Parts of it may have been acknowledged since.
    resent: VecDeque<(SeqNumber, Sent)>,
    sacked: u32,
    lost: u32,
    /// No run that ends before it is lost.
    lost_from: SeqNumber,
    /// No run that ends before it is in flight for the first time.
    once_from: SeqNumber,
}

impl Scoreboard {
    pub(crate) const fn new(una: SeqNumber) -> Self {
        Self {
            runs: VecDeque::new(),
            resent: VecDeque::new(),
            sacked: 0,
            lost: 0,
            lost_from: una,
            once_from: una,
        }
    }

    /// Bytes that the peer holds beyond SND.UNA.
    pub(crate) const fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Bytes that are taken for lost and were not sent again yet.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    /// Whether something is lost, or was sent again and is not acknowledged.
    pub(crate) fn is_mending(&self) -> bool {
        self.lost > 0 || !self.resent.is_empty()
    }

    /// Runs that are told apart.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// The runs, in order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// The first run.
    pub(crate) fn front(&self) -> Option<&Run> {
        self.runs.front()
    }

    /// The last run.
    pub(crate) fn back(&self) -> Option<&Run> {
        self.runs.back()
    }

    /// The place of the run that holds `seq`, or else of the first behind it.
    fn place(&self, seq: SeqNumber) -> usize {
        // Nearly all that is asked for stands first.
        match self.runs.front() {
            Some(front) if front.end.after(seq) => 0,
            _ => self.runs.partition_point(|run| run.end.at_or_before(seq)),
        }
    }

    /// `[start, end)` was sent for the first time. Past `limit` runs, what was sent before is counted as sent now, which only
    /// makes us slower to take it for lost.
    pub(crate) fn on_fresh(&mut self, now: Instant, start: SeqNumber, end: SeqNumber, limit: usize) {
        let run = Run {
            start,
            end,
            sent: now,
            fate: Fate::InFlight,
            again: false,
        };
        let full = self.runs.len() >= limit;
        match self.runs.back_mut() {
            None => {
                (self.lost_from, self.once_from) = (start, start);
                self.runs.push_back(run);
            }
            Some(back) if back.is_one_with(&run) => back.end = end,
            Some(back) if full && back.fate == Fate::InFlight && !back.again => {
                (back.end, back.sent) = (end, now);
            }
            Some(_) => self.runs.push_back(run),
        }
    }

    /// `[start, end)`, in flight or lost, was sent again. Past `limit` runs, what was sent again right before it is counted as
    /// sent with it.
    pub(crate) fn on_resent(&mut self, now: Instant, start: SeqNumber, end: SeqNumber, limit: usize) {
        let mut i = self.place(start);
        while let Some(run) = self.runs.get(i).copied() {
            if run.start.at_or_after(end) {
                break;
            }
            if run.fate == Fate::Sacked {
                i += 1;
                continue;
            }
            let part = run.part(start, end);
            if run.fate == Fate::Lost {
                self.lost -= part.len();
            }
            let resent = Run {
                sent: now,
                fate: Fate::InFlight,
                again: true,
                ..part
            };
            if self.runs.len() >= limit
                && part.start == run.start
                && let Some(beside) = i.checked_sub(1).and_then(|i| self.runs.get_mut(i))
                && beside.again
            {
                beside.sent = now;
            }
            let at = self.replace(
                i,
                i + 1,
                &[before(&run, part.start), Some(resent), behind(&run, part.end)],
            );
            i = self.join(at) + 1;
        }
        let sent = Sent { at: now, end };
        match self.resent.back_mut() {
            Some((_, last)) if last.at == now && last.end == start => last.end = end,
            _ => self.resent.push_back((start, sent)),
        }
    }

    /// Everything before `ack` is acknowledged. Tells the parts of it, whatever had become of each.
    pub(crate) fn acknowledge(&mut self, ack: SeqNumber, mut tell: impl FnMut(&Run)) {
        while let Some(front) = self.runs.front_mut() {
            if front.start.at_or_after(ack) {
                break;
            }
            let part = front.part(front.start, ack);
            let whole = part.end == front.end;
            front.start = part.end;
            if whole {
                self.runs.pop_front();
            }
            match part.fate {
                Fate::InFlight => {}
                Fate::Sacked => self.sacked -= part.len(),
                Fate::Lost => self.lost -= part.len(),
            }
            tell(&part);
        }
        while self.resent.front().is_some_and(|(_, sent)| sent.end.at_or_before(ack)) {
            self.resent.pop_front();
        }
    }

    /// The peer holds `[left, right)`, which lies within what was sent. Tells the parts that were not known to be there.
    /// A block that would make more than `limit` runs is ignored whole: returns false.
    ///
    /// Spec: RFC 2018 section 5, RFC 6675 section 4, `Update()`.
    pub(crate) fn sack(&mut self, left: SeqNumber, right: SeqNumber, limit: usize, mut tell: impl FnMut(&Run)) -> bool {
        let mut from = self.place(left);
        let (Some(first), mut to) = (self.runs.get(from).copied(), from) else {
            return true;
        };
        if first.fate == Fate::Sacked && first.end.at_or_after(right) {
            return true;
        }
        let mut last = first;
        while let Some(run) = self.runs.get(to).filter(|run| run.start.before(right)) {
            last = *run;
            to += 1;
        }
        let (mut start, mut end) = (left.later(first.start), right.earlier(last.end));
        // What is known to be there beside it becomes one with it.
        if first.fate == Fate::Sacked {
            start = first.start;
        } else if start == first.start
            && let Some(beside) = from.checked_sub(1).and_then(|i| self.runs.get(i))
            && beside.fate == Fate::Sacked
        {
            (start, from) = (beside.start, from - 1);
        }
        if last.fate == Fate::Sacked {
            end = last.end;
        } else if end == last.end
            && let Some(beside) = self.runs.get(to)
            && beside.fate == Fate::Sacked
        {
            (end, to) = (beside.end, to + 1);
        }
        let (rest_before, rest_behind) = (before(&first, start), behind(&last, end));
        let made = 1 + usize::from(rest_before.is_some()) + usize::from(rest_behind.is_some());
        let taken = to - from;
        if made > taken && self.runs.len() + made - taken > limit {
            return false;
        }
        for run in self.runs.range(from..to).filter(|run| run.fate != Fate::Sacked) {
            let part = run.part(left, right);
            self.sacked += part.len();
            if run.fate == Fate::Lost {
                self.lost -= part.len();
            }
            tell(&part);
        }
        let whole = Run {
            start,
            end,
            fate: Fate::Sacked,
            ..first
        };
        self.replace(from, to, &[rest_before, Some(whole), rest_behind]);
        true
    }

    /// The runs `from..to` become these. Returns the place of the second.
    fn replace(&mut self, from: usize, to: usize, by: &[Option<Run>; 3]) -> usize {
        let mut i = from;
        for run in by.iter().flatten() {
            if i < to
                && let Some(place) = self.runs.get_mut(i)
            {
                *place = *run;
            } else {
                self.runs.insert(i.min(self.runs.len()), *run);
            }
            i += 1;
        }
        if i < to {
            self.runs.drain(i..to);
        }
        from + usize::from(by.first().is_some_and(Option::is_some))
    }

    /// Makes one of the run at `i` and what stands beside it, where nothing tells them apart. Returns the place of the whole.
    fn join(&mut self, i: usize) -> usize {
        let Some(run) = self.runs.get(i).copied() else { return i };
        let next = self.runs.get(i + 1).filter(|next| run.is_one_with(next)).copied();
        if let Some(next) = next {
            if let Some(run) = self.runs.get_mut(i) {
                (run.end, run.sent) = (next.end, run.sent.min(next.sent));
            }
            self.runs.remove(i + 1);
        }
        let Some(run) = self.runs.get(i).copied() else { return i };
        let Some(before) = i.checked_sub(1) else { return i };
        match self.runs.get_mut(before) {
            Some(left) if left.is_one_with(&run) => {
                (left.end, left.sent) = (run.end, run.sent.min(left.sent));
                self.runs.remove(i);
                before
            }
            _ => i,
        }
    }

    /// Takes the run at `i` for lost. Returns its place, now that it may be one with those beside it.
    fn lose(&mut self, i: usize) -> usize {
        let Some(run) = self.runs.get_mut(i) else { return i };
        run.fate = Fate::Lost;
        self.lost += run.len();
        self.lost_from = self.lost_from.earlier(run.start);
        self.join(i)
    }

    /// Takes for lost what was sent before `newest` and has had `wait` since it left; what was sent again has a tick of the clock at least (`Wait`),
    /// or on a path that takes no time the same bytes could be lost and sent again without end before the clock moves.
    /// Returns how long to wait for the first that had not.
    ///
    /// Spec: RFC 8985 section 6.2, step 5.
    pub(crate) fn detect(&mut self, now: Instant, newest: Sent, wait: Wait) -> Option<Duration> {
        let once = self.detect_once(now, newest, wait.once);
        let again = self.detect_again(now, newest, wait.again);
        match (once, again) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Of what was sent once, which is in the order of time.
    fn detect_once(&mut self, now: Instant, newest: Sent, wait: Duration) -> Option<Duration> {
        let mut i = self.place(self.once_from);
        let mut rest = None;
        while let Some(run) = self.runs.get(i) {
            self.once_from = run.start;
            if run.fate == Fate::InFlight && !run.again {
                if !newest.is_after(run.sent_at()) {
                    break;
                }
                let due = run.sent + wait;
                if due > now {
                    rest = Some(due.since(now));
                    break;
                }
                i = self.lose(i);
            }
            i += 1;
        }
        rest
    }

    /// Of what was sent again: a retransmission that was lost too.
    fn detect_again(&mut self, now: Instant, newest: Sent, wait: Duration) -> Option<Duration> {
        while let Some(&(start, sent)) = self.resent.front() {
            let live = |run: &Run| run.again && run.fate == Fate::InFlight && run.sent == sent.at;
            let mut i = self.place(start);
            while self
                .runs
                .get(i)
                .is_some_and(|run| run.start.before(sent.end) && !live(run))
            {
                i += 1;
            }
            if self.runs.get(i).is_some_and(|run| run.start.before(sent.end)) {
                if !newest.is_after(sent) {
                    return None;
                }
                let due = sent.at + wait;
                if due > now {
                    return Some(due.since(now));
                }
            }
            self.resent.pop_front();
            while let Some(run) = self.runs.get(i).filter(|run| run.start.before(sent.end)) {
                if live(run) {
                    i = self.lose(i);
                }
                i += 1;
            }
        }
        None
    }

    /// Takes the first `len` bytes for lost, or what of them is not sacked or lost already.
    pub(crate) fn lose_first(&mut self, len: u32) {
        let Some(run) = self.runs.front().copied().filter(|run| run.fate == Fate::InFlight) else {
            return;
        };
        let part = run.part(run.start, run.start + len);
        self.replace(0, 1, &[None, Some(part), behind(&run, part.end)]);
        self.lose(0);
    }

    /// Takes everything for lost that the peer does not hold, but what `spare` says of.
    pub(crate) fn lose_all(&mut self, spare: impl Fn(&Run) -> bool) {
        let mut kept: VecDeque<Run> = VecDeque::with_capacity(self.runs.len());
        let mut lost = 0;
        for mut run in self.runs.drain(..) {
            if run.fate != Fate::Sacked && !spare(&run) {
                run.fate = Fate::Lost;
            }
            if run.fate == Fate::Lost {
                lost += run.len();
            }
            match kept.back_mut() {
                Some(last) if last.is_one_with(&run) => last.end = run.end,
                _ => kept.push_back(run),
            }
        }
        self.runs = kept;
        self.lost = lost;
        self.lost_from = self.runs.front().map_or(self.lost_from, |front| front.start);
        self.once_from = self.lost_from;
    }

    /// The peer may have thrown away what it had told of (RFC 2018 section 8): that counts as in flight.
    pub(crate) fn forget_sacks(&mut self) {
        for run in self.runs.iter_mut().filter(|run| run.fate == Fate::Sacked) {
            run.fate = Fate::InFlight;
        }
        self.sacked = 0;
        self.once_from = self.runs.front().map_or(self.once_from, |front| front.start);
    }

    /// Nothing was lost: what was not sent again yet need not be.
    pub(crate) fn find_lost(&mut self) {
        if self.lost == 0 {
            return;
        }
        for run in self.runs.iter_mut().filter(|run| run.fate == Fate::Lost) {
            run.fate = Fate::InFlight;
        }
        self.lost = 0;
        self.once_from = self.runs.front().map_or(self.once_from, |front| front.start);
    }

    /// The first run that is lost.
    pub(crate) fn first_lost(&mut self) -> Option<(SeqNumber, SeqNumber)> {
        if self.lost == 0 {
            return None;
        }
        let i = self.place(self.lost_from);
        let run = self.runs.range(i..).find(|run| run.fate == Fate::Lost)?;
        self.lost_from = run.start;
        Some((run.start, run.end))
    }
}

/// What of `run` lies before `seq`.
fn before(run: &Run, seq: SeqNumber) -> Option<Run> {
    run.start.before(seq).then(|| run.part(run.start, seq))
}

/// What of `run` lies behind `seq`.
fn behind(run: &Run, seq: SeqNumber) -> Option<Run> {
    run.end.after(seq).then(|| run.part(seq, run.end))
}

#[cfg(test)]
mod tests;
