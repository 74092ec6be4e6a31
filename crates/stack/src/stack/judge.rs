//! What becomes of SYN-ACKs, told to the gauges of their listeners, and what these make of it.
//!
//! Of several shards the first judges for all. The others report to it what they see, and it hears of it at its next batch, or
//! when it is called.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Stack, context};
use crate::flood::report::{self, Hearing, Report, Witness};
use crate::observer::{Fact, Observer};
use crate::time::{Instant, Now};

/// Listeners whose gauges are to be asked, by index. One that is gone is passed over.
#[derive(Debug, Clone, Default)]
pub(super) struct Judging {
    /// After this batch.
    touched: Vec<u16>,
    /// When their time has come.
    timed: Vec<u16>,
    /// The first of these times.
    due: Option<Instant>,
    role: Role,
    /// The judge has not come by for so long that it is to be called.
    is_call_due: bool,
}

/// Who judges.
#[derive(Debug, Clone, Default)]
enum Role {
    /// This stack, by what it sees itself.
    #[default]
    Alone,
    /// This shard, by what it sees and by what these others say, in the order of their numbers.
    Judge(Vec<Hearing>),
    /// Another shard, who hears of it this way.
    Witness(Witness),
}

impl Judging {
    /// From now on `judge` judges, and this one only reports.
    pub(super) fn report_to(&mut self, judge: &mut Self) {
        let (witness, hearing) = report::pair();
        self.role = Role::Witness(witness);
        match &mut judge.role {
            Role::Judge(hearings) => hearings.push(hearing),
            Role::Alone | Role::Witness(_) => judge.role = Role::Judge(alloc::vec![hearing]),
        }
    }

    /// Whether the judge is to be called, once.
    pub(super) fn take_call(&mut self) -> bool {
        core::mem::take(&mut self.is_call_due)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.due
    }
}

/// What a gauge is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    /// A SYN that is answered, or would be if no budget forbade it.
    Syn,
    /// A third ACK that proved itself.
    Completed,
    /// An RST that answers a SYN-ACK.
    Reset,
}

impl<O: Observer> Stack<O> {
    /// Tells the gauge of a listener what a source has done.
    pub(super) fn tell_gauge(&mut self, now: Now, listener: u16, source: IpAddr, sign: Sign) {
        let hash = self.limiter.hash(source);
        let report = match sign {
            Sign::Syn => Report::Syn(hash),
            Sign::Completed => Report::Completed(hash),
            Sign::Reset => Report::Reset(hash),
        };
        match &mut self.judging.role {
            Role::Witness(witness) => {
                let waiting = witness.tell(listener, report);
                self.judging.is_call_due |= waiting == Some(report::WORTH_A_CALL);
                self.touch(listener);
            }
            Role::Alone | Role::Judge(_) => self.take_report(now, listener, 0, report),
        }
    }

    /// Half-open entries are gone without a sign, of which a judge elsewhere must hear all the same.
    pub(super) fn tell_half_open(&mut self, listener: u16) {
        if matches!(self.judging.role, Role::Witness(_)) {
            self.touch(listener);
        }
    }

    /// What is known of a listener, from here or from the witness of this number.
    fn take_report(&mut self, now: Now, listener: u16, witness: usize, report: Report) {
        let Some(l) = self.listeners.at_mut(listener) else {
            return;
        };
        match report {
            Report::Syn(hash) => l.gauge.on_syn(now.mono, hash),
            Report::Completed(hash) => l.gauge.on_completed(now.mono, hash),
            Report::Reset(hash) => l.gauge.on_reset(now.mono, hash),
            Report::HalfOpen(entries) => l.report_half_open(witness, entries),
        }
        self.touch(listener);
    }

    fn touch(&mut self, listener: u16) {
        if let Some(l) = self.listeners.at_mut(listener)
            && !core::mem::replace(&mut l.is_touched, true)
        {
            self.judging.touched.push(listener);
        }
    }

    /// After a batch: the listeners that it touched, and those of which others report.
    pub(super) fn judge_touched(&mut self, now: Now) {
        self.hear(now);
        while let Some(listener) = self.judging.touched.pop() {
            if let Some(l) = self.listeners.at_mut(listener) {
                l.is_touched = false;
            }
            self.judge(now, listener);
        }
    }

    /// What other shards report. A ring is bounded, and so is this.
    fn hear(&mut self, now: Now) {
        let Role::Judge(hearings) = &mut self.judging.role else {
            return;
        };
        let mut hearings = core::mem::take(hearings);
        for (witness, hearing) in hearings.iter_mut().enumerate() {
            for (listener, report) in core::iter::from_fn(|| hearing.hear()).take(report::WORDS) {
                self.take_report(now, listener, witness, report);
            }
        }
        self.judging.role = Role::Judge(hearings);
    }

    /// The listeners whose gauges asked for it, if the first of them is due.
    pub(super) fn judge_timed(&mut self, now: Now) {
        if self.judging.due.is_none_or(|due| due > now.mono) {
            return;
        }
        self.judging.due = None;
        for listener in core::mem::take(&mut self.judging.timed) {
            if let Some(l) = self.listeners.at_mut(listener) {
                l.is_timed = false;
            }
            self.judge(now, listener);
        }
    }

    fn judge(&mut self, now: Now, listener: u16) {
        let Some(l) = self.listeners.at_mut(listener) else {
            return;
        };
        if let Role::Witness(witness) = &mut self.judging.role {
            let entries = u32::try_from(l.half_open).unwrap_or(u32::MAX);
            if l.reported != Some(entries) && witness.tell(listener, Report::HalfOpen(entries)).is_some() {
                l.reported = Some(entries);
            }
            return;
        }
        let shards = self.membership.as_ref().map_or(1, |member| member.shards().get());
        let backlog = l.options.syn_backlog.saturating_mul(shards);
        let change = l.gauge.evaluate(now.mono, l.half_open_in_all(), backlog);
        if let Some(at) = l.gauge.next() {
            self.judging.due = Some(self.judging.due.map_or(at, |due| due.min(at)));
            if !core::mem::replace(&mut l.is_timed, true) {
                self.judging.timed.push(listener);
            }
        }
        let local = l.options.local;
        if let Some(change) = change {
            context!(self, now).fact(&Fact::Level { local, change });
        }
    }
}
