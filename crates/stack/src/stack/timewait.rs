//! A segment meets a TIME-WAIT entry (RFC 9293 sections 3.6.1 and 3.10.7.4; RFC 6191; RFC 1337).

use wire::option::Timestamps as TimestampsOption;
use wire::tcp::{Flags, Header};

use super::packets::bare_header;
use super::{Stack, context};
use crate::observer::{Cause, Observer, Why};
use crate::tcp::state::{Arrow, State};
use crate::tcp::timestamps;
use crate::tcp::timewait::{TimeWaitFacts, TimeWaitRef, TimeWaitView};
use crate::time::{Duration, Now};

/// An entry that is being reopened outlives its 2MSL by as much at a time, until the handshake has succeeded or died.
const REOPENING_EXTENSION: Duration = Duration::from_secs(10);

impl<O: Observer> Stack<O> {
    pub(super) fn time_wait_segment(
        &mut self,
        now: Now,
        at: TimeWaitRef,
        header: &Header,
        len: usize,
    ) -> Result<(), Why> {
        let Some(TimeWaitView { facts, .. }) = self.time_waits.get(at) else {
            return Err(Why::TimeWaitOld);
        };
        if header.flags.rst() {
            // RFC 1337 section 3: an RST must not cut TIME-WAIT short.
            return Err(Why::TimeWaitReset);
        }
        if header.flags.syn() && !header.flags.ack() && is_new_incarnation(&facts, header) {
            let listener = self.listeners.find(facts.tuple.local_addr, facts.tuple.local_port);
            if let Some(listener) = listener {
                self.syn(now, facts.tuple, listener, header, true)?;
                self.time_waits.begin_reopening(at);
                return Ok(());
            }
        }
        let occupies = len > 0 || header.flags.syn() || header.flags.fin();
        let end = header.seq + u32::try_from(len).unwrap_or(u32::MAX) + u32::from(header.flags.fin());
        let repeated_fin = header.flags.fin() && end == facts.rcv_nxt;
        if repeated_fin {
            // Its sender has not seen our last ACK: 2MSL begin anew.
            self.time_waits.restart(now.mono, at, now.mono + self.config.time_wait);
            if let Some(option) = header.options.timestamps
                && facts.timestamps
                && !timestamps::is_older(option.val, facts.ts_recent)
            {
                self.time_waits.set_ts_recent(at, option.val);
            }
        }
        // A bare ACK asks for nothing, wherever it lies. It may itself be the answer to ours, from a peer whose connection is a
        // later one: two ends that do not agree on the numbers would acknowledge one another until 2MSL are over.
        if occupies {
            self.time_wait_ack(now, at)?;
        }
        if repeated_fin { Ok(()) } else { Err(Why::TimeWaitOld) }
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`, within the budget of entries that have none of their own.
    fn time_wait_ack(&mut self, now: Now, at: TimeWaitRef) -> Result<(), Why> {
        let Some(TimeWaitView { facts, .. }) = self.time_waits.get(at) else {
            return Ok(());
        };
        self.take_stateless_ack(now, facts.tuple.remote_addr)?;
        let mut header = bare_header(&facts.tuple, facts.snd_nxt, facts.rcv_nxt, Flags::ACK);
        header.options.timestamps = facts.timestamps.then(|| TimestampsOption {
            val: timestamps::value(facts.ts_offset, now.mono),
            ecr: facts.ts_recent,
        });
        context!(self, now).reply(facts.tuple, header, Cause::TimeWaitAck);
        Ok(())
    }

    /// 2MSL are over.
    pub(super) fn time_wait_over(&mut self, now: Now, at: TimeWaitRef) {
        let Some(view) = self.time_waits.get(at) else { return };
        if view.reopening {
            return self.time_waits.restart(now.mono, at, now.mono + REOPENING_EXTENSION);
        }
        self.time_waits.remove(&self.keys, at);
        context!(self, now).step(view.facts.tuple, State::TimeWait, Arrow::TwoMslOver);
    }
}

/// Whether a SYN can only be of a new connection: a later timestamp (RFC 6191 section 2), or where there are none, a sequence
/// number beyond all that the old one used (RFC 9293 MAY-2).
fn is_new_incarnation(facts: &TimeWaitFacts, header: &Header) -> bool {
    match header.options.timestamps {
        Some(option) if facts.timestamps && option.val != facts.ts_recent => {
            timestamps::is_older(facts.ts_recent, option.val)
        }
        _ => header.seq.after(facts.rcv_nxt),
    }
}
