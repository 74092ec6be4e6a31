//! What every passive handshake does, with an entry or without: the SYN-ACK, and the connection that it becomes.

use alloc::sync::Arc;

use wire::ip::Dscp;
use wire::option::{Options, Timestamps as TimestampsOption, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::arrival::Arrived;
use super::judge::Sign;
use super::packets::bare_header;
use super::{Stack, Waiting, context};
use crate::config::{AcceptOverflow, Config, EcnMode};
use crate::observer::{Cause, Observer, Why};
use crate::tcp::connection::{Connection, Owner, Settled, own_scale};
use crate::tcp::cookie::{self, Bound, Offer};
use crate::tcp::embryo::EmbryoFacts;
use crate::tcp::input;
use crate::tcp::mss;
use crate::tcp::recv::syn_window;
use crate::tcp::timestamps;
use crate::tcp::timewait::TimeWaitRef;
use crate::time::Now;
use crate::tuple::FourTuple;

/// What our SYN-ACK says that a SYN does not settle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) iss: SeqNumber,
    /// TSval; meaningless where the offer has no timestamps.
    pub(super) tsval: u32,
}

/// A third ACK for whose connection there is no room.
#[derive(Debug, Clone, Copy)]
pub(super) enum NoRoom {
    /// The client was reset.
    Reset(Why),
    /// It was not answered.
    Ignored(Why),
}

impl NoRoom {
    pub(super) const fn why(self) -> Why {
        match self {
            Self::Reset(why) | Self::Ignored(why) => why,
        }
    }
}

impl<O: Observer> Stack<O> {
    /// What answers a SYN. An entry does not store it: it is minted again from what it does store, or follows from the
    /// TIME-WAIT entry that it reopens (RFC 9293 MAY-2, RFC 6191). `None`: that entry had to make room.
    pub(super) fn answer(&mut self, now: Now, facts: &EmbryoFacts) -> Option<Answer> {
        if facts.reopening {
            let view = self.reopened(facts).and_then(|old| self.time_waits.get(old))?;
            let old = view.facts;
            let offset = if old.timestamps {
                old.ts_offset
            } else {
                let tuple = &facts.tuple;
                self.keys.timestamp_offset(tuple.local_addr, tuple.remote_addr)
            };
            return Some(Answer {
                iss: view.iss,
                tsval: timestamps::value(offset, now.mono),
            });
        }
        let epoch = cookie::epoch_near(now.unix_s, facts.epoch);
        let bound = self.bound(facts.tuple, facts.irs);
        let cookie = self.mint.mint(epoch, &bound, &facts.offer);
        Some(Answer {
            iss: cookie.iss,
            tsval: cookie.tsval.unwrap_or_default(),
        })
    }

    /// The TIME-WAIT entry that a half-open one is to replace.
    pub(super) fn reopened(&self, facts: &EmbryoFacts) -> Option<TimeWaitRef> {
        if !facts.reopening {
            return None;
        }
        self.time_waits.find(&self.keys.place(&facts.tuple))
    }

    /// What a cookie between these ends is bound to. The MTU is that of the stack's birth: a new one must not spoil the
    /// handshakes that are on their way.
    pub(super) fn bound(&self, tuple: FourTuple, irs: SeqNumber) -> Bound {
        Bound {
            tuple,
            irs,
            own_mss: mss::ours(self.mtu_at_birth, tuple.local_addr),
            own_window_scale: own_scale(self.config.limits.receive_buffer_max),
        }
    }

    /// The window that a listener's SYN-ACKs offer. Units: bytes.
    pub(super) fn syn_window_of(&self, listener: u16) -> u32 {
        let buffer = self
            .listeners
            .at(listener)
            .map_or(0, |l| l.connection.receive_buffer.start());
        syn_window(u32::try_from(buffer).unwrap_or(u32::MAX))
    }

    /// The Diffserv codepoint of a listener's connections.
    pub(super) fn dscp_of(&self, listener: u16) -> Dscp {
        self.listeners.at(listener).map_or(Dscp::DEFAULT, |l| l.connection.dscp)
    }

    /// Sends the SYN-ACK that answers a SYN.
    pub(super) fn syn_ack(&mut self, now: Now, facts: &EmbryoFacts, answer: Answer, cause: Cause) {
        let offer = &facts.offer;
        let mut header = bare_header(&facts.tuple, answer.iss, facts.irs + 1, Flags::SYN | Flags::ACK);
        if offer.ecn {
            header.flags = header.flags | Flags::ECE;
        }
        header.window = u16::try_from(self.syn_window_of(facts.listener)).unwrap_or(u16::MAX);
        header.options = Options {
            mss: Some(mss::ours(self.config.mtu, facts.tuple.local_addr)),
            window_scale: offer
                .window_scale
                .map(|_| WindowScale::new(own_scale(self.config.limits.receive_buffer_max))),
            sack_permitted: offer.sack,
            timestamps: offer.timestamps.then_some(TimestampsOption {
                val: answer.tsval,
                ecr: facts.ts_recent,
            }),
            ..Options::default()
        };
        if cause.is_retransmission() {
            self.counters.retransmissions += 1;
        }
        let dscp = self.dscp_of(facts.listener);
        context!(self, now).reply_marked(dscp, facts.tuple, header, cause);
    }

    /// A third ACK has shown that its source is where it says: whether there is room for the connection. Where there is none
    /// the client is reset, or ignored so that it comes again.
    pub(super) fn admit_connection(
        &mut self,
        now: Now,
        tuple: FourTuple,
        listener: u16,
        header: &Header,
        len: usize,
    ) -> Result<(), NoRoom> {
        let source = tuple.remote_addr;
        self.tell_gauge(now, listener, source, Sign::Completed);
        self.limiter.completed(now.mono, source);
        self.hear_of_handshake(now, source);
        let Some(l) = self.listeners.at(listener) else {
            return Err(NoRoom::Ignored(Why::NoListener));
        };
        let resets = l.options.accept_overflow == AcceptOverflow::Reset;
        let (why, resets) = if l.is_source_full(source) {
            (Why::ConnectionsPerSource, true)
        } else if l.is_accept_queue_full() {
            (Why::AcceptQueueFull, resets)
        } else if self.connections.is_full() {
            (Why::ConnectionsFull, false)
        } else {
            return Ok(());
        };
        if !resets {
            return Err(NoRoom::Ignored(why));
        }
        match self.reset(now, tuple, header, len, Cause::ResetOverflow) {
            Ok(()) => Err(NoRoom::Reset(why)),
            Err(why) => Err(NoRoom::Ignored(why)),
        }
    }

    /// A handshake is done: there is a connection, which takes the segment that ended it as any other, and waits to be
    /// accepted. The caller has seen that there is room for both.
    pub(super) fn establish(&mut self, now: Now, listener: u16, settled: &Settled, arrived: &mut Arrived) {
        let Some(options) = self.listeners.at(listener).map(|l| Arc::clone(&l.connection)) else {
            return;
        };
        let path_mss = self.path_mss(now, &settled.tuple);
        let mut cx = context!(self, now);
        cx.counters.opens_passive += 1;
        let mut c = Connection::from_handshake(&mut cx, settled, Owner::Queue(listener), path_mss, options);
        input::segment_arrives(&mut cx, &mut c, arrived.take_segment());
        let id = self.listeners.id(listener);
        if let Some(l) = self.listeners.at_mut(listener) {
            c.counted = l.count_source(settled.tuple.remote_addr).then_some(id);
        }
        let i = self.connections.insert(&self.keys, c);
        if let Some(l) = self.listeners.at_mut(listener) {
            l.accept_queue.push_back(i);
            if !l.event_queued {
                l.event_queued = true;
                self.events.push_back(Waiting::Listener(id));
            }
        }
        self.settle(now, i);
    }
}

/// What a SYN settles: what it offers and we accept.
pub(super) fn offer(config: &Config, tuple: &FourTuple, header: &Header) -> Offer {
    let options = &header.options;
    let timestamps = options.timestamps.is_some() && config.timestamps;
    Offer {
        mss: options.mss.unwrap_or(mss::default(tuple.local_addr)),
        window_scale: options
            .window_scale
            .filter(|_| config.window_scaling)
            .map(WindowScale::shift),
        sack: options.sack_permitted && config.sack,
        timestamps,
        ecn: timestamps && asks_for_ecn(header) && config.ecn != EcnMode::Off,
    }
}

/// An ECN-setup SYN has both flags (RFC 3168 section 6.1.1).
fn asks_for_ecn(header: &Header) -> bool {
    header.flags.contains(Flags::ECE | Flags::CWR)
}
