//! What becomes of SYN-ACKs, told to the gauges of their listeners, and what these make of it.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Stack, context};
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
}

impl Judging {
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
        let Some(l) = self.listeners.at_mut(listener) else {
            return;
        };
        let hash = self.limiter.hash(source);
        match sign {
            Sign::Syn => l.gauge.on_syn(now.mono, hash),
            Sign::Completed => l.gauge.on_completed(now.mono, hash),
            Sign::Reset => l.gauge.on_reset(now.mono, hash),
        }
        if !core::mem::replace(&mut l.is_touched, true) {
            self.judging.touched.push(listener);
        }
    }

    /// After a batch: the listeners that it touched.
    pub(super) fn judge_touched(&mut self, now: Now) {
        while let Some(listener) = self.judging.touched.pop() {
            if let Some(l) = self.listeners.at_mut(listener) {
                l.is_touched = false;
            }
            self.judge(now, listener);
        }
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
        let change = l.gauge.evaluate(now.mono, l.half_open, l.options.syn_backlog);
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
