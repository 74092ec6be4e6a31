//! What every step of the machine may touch beside the connection itself.

use crate::config::Config;
use crate::counters::Counters;
use crate::ledger::Ledger;
use crate::observer::{Cause, Fact, Observer, Why};
use crate::replies::{Replies, Reply};
use crate::tcp::state::{Arrow, State, next};
use crate::time::Now;
use crate::tuple::FourTuple;
use wire::ip::Dscp;
use wire::tcp::Header;

/// The time, the configuration, and where facts, counts and replies go.
pub(crate) struct Context<'a, O> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) counters: &'a mut Counters,
    pub(crate) observer: &'a mut O,
    pub(crate) replies: &'a mut Replies,
    pub(crate) ledger: &'a Ledger,
}

impl<O: Observer> Context<'_, O> {
    /// Tells the observer.
    pub(crate) fn fact(&mut self, fact: &Fact<'_>) {
        self.observer.observe(self.now.mono, fact);
    }

    /// The state that an arrow leads to, of which the observer is told: every change of state comes by here. `None`, and
    /// nothing told, where the table has no such arrow.
    pub(crate) fn step(&mut self, tuple: FourTuple, from: State, arrow: Arrow) -> Option<State> {
        let to = next(from, arrow);
        debug_assert!(to.is_some(), "{from} has no arrow {arrow:?}");
        let to = to?;
        self.fact(&Fact::State { tuple, from, to, arrow });
        Some(to)
    }

    /// Counts a drop and tells the observer.
    pub(crate) fn dropped(&mut self, tuple: Option<FourTuple>, why: Why) {
        self.counters.drop(why);
        self.fact(&Fact::Dropped { tuple, why });
    }

    /// Queues a segment that belongs to no connection's own order; when the queue is full it is dropped and counted.
    pub(crate) fn reply(&mut self, tuple: FourTuple, header: Header, cause: Cause) {
        self.reply_marked(Dscp::DEFAULT, tuple, header, cause);
    }

    /// The same with the Diffserv codepoint that a user asked for.
    pub(crate) fn reply_marked(&mut self, dscp: Dscp, tuple: FourTuple, header: Header, cause: Cause) {
        let reply = Reply::Tcp {
            tuple,
            header,
            cause,
            dscp,
        };
        if !self.replies.push(reply) {
            self.dropped(Some(tuple), Why::RepliesFull);
        }
    }
}
