//! Tail loss probes (RFC 8985 section 7): when the last of a flight is not acknowledged in two round trips, one segment more is
//! sent, whose acknowledgment says what is missing, long before the retransmission timer would.

use wire::seq::SeqNumber;

use crate::time::Duration;

/// The longest that a peer may hold an acknowledgment back, which counts where one segment is in flight (`TLP.max_ack_delay`).
const ACK_DELAY_MAX: Duration = Duration::from_millis(200);

/// The least wait: on a short path a host that was busy for a moment is more likely than a loss.
const LEAST_WAIT: Duration = Duration::from_millis(10);

/// The wait before the first round trip is measured.
const BLIND_WAIT: Duration = Duration::from_secs(1);

/// Where probing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// No probe is wanted or out.
    Rest,
    /// The timer runs.
    Armed,
    /// It ran out: a probe is to be sent.
    Due,
    /// A probe of new data is out.
    OutFresh,
    /// A probe is out that repeats the last segment.
    OutAgain,
}

/// The probe of one connection. There is never more than one.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Probe {
    stage: Stage,
    /// SND.NXT when it left: `TLP.end_seq`.
    end: SeqNumber,
}

/// What an acknowledgment says to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply {
    pub(crate) ack: SeqNumber,
    /// It tells of something that came twice.
    pub(crate) dsack: bool,
    /// It tells nothing else: SND.UNA stays, nothing is sacked, no data, no other window.
    pub(crate) bare: bool,
}

impl Probe {
    pub(crate) const fn new() -> Self {
        Self {
            stage: Stage::Rest,
            end: SeqNumber::new(0),
        }
    }

    /// How long to wait before a probe (RFC 8985 section 7.2, `TLP_calc_PTO`). The caller has it come before the
    /// retransmission timer.
    pub(crate) fn wait(srtt: Option<Duration>, one_segment: bool) -> Duration {
        let delay = if one_segment { ACK_DELAY_MAX } else { Duration::ZERO };
        srtt.map_or(BLIND_WAIT, |srtt| (srtt.times(2) + delay).max(LEAST_WAIT))
    }

    /// Whether one is out and not answered.
    pub(crate) const fn is_out(&self) -> bool {
        matches!(self.stage, Stage::OutFresh | Stage::OutAgain)
    }

    /// Whether one is to be sent now.
    pub(crate) const fn is_due(&self) -> bool {
        matches!(self.stage, Stage::Due)
    }

    /// Whether its timer runs.
    pub(crate) const fn is_armed(&self) -> bool {
        matches!(self.stage, Stage::Armed)
    }

    /// The timer was set.
    pub(crate) const fn arm(&mut self) {
        self.stage = Stage::Armed;
    }

    /// None is wanted now: what is out stays out.
    pub(crate) const fn rest(&mut self) {
        if !self.is_out() {
            self.stage = Stage::Rest;
        }
    }

    /// The timer ran out.
    pub(crate) const fn on_timer(&mut self) {
        self.stage = Stage::Due;
    }

    /// The link took it. `nxt` is SND.NXT after it.
    pub(crate) const fn on_sent(&mut self, nxt: SeqNumber, again: bool) {
        self.stage = if again { Stage::OutAgain } else { Stage::OutFresh };
        self.end = nxt;
    }

    /// The retransmission timer ran out: nothing that comes is an answer to it.
    pub(crate) const fn forget(&mut self) {
        self.stage = Stage::Rest;
    }

    /// Returns whether a loss shows that nobody else sees: the probe repeated what was lost, and mended it.
    ///
    /// Spec: RFC 8985 section 7.4.2, `TLP_process_ack`.
    pub(crate) fn on_ack(&mut self, reply: Reply) -> bool {
        if !self.is_out() || reply.ack.before(self.end) {
            return false;
        }
        let again = self.stage == Stage::OutAgain;
        // Both copies came, as a D-SACK tells, or a second acknowledgment of the same.
        let both = reply.dsack || reply.bare;
        let beyond = reply.ack.after(self.end);
        if !again || both || beyond {
            self.stage = Stage::Rest;
        }
        again && !both && beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn wait_table() {
        for (name, srtt, one, wait) in [
            ("two round trips", Some(MS(30)), false, MS(60)),
            ("a lone segment may be held back", Some(MS(30)), true, MS(260)),
            ("a short path", Some(MS(1)), false, MS(10)),
            ("nothing measured", None, true, MS(1000)),
        ] {
            assert_eq!(Probe::wait(srtt, one), wait, "{name}");
        }
    }

    #[test]
    fn answer_table() {
        let end = SeqNumber::new(2);
        let reply = |past: u32, dsack, bare| Reply {
            ack: end + past,
            dsack,
            bare,
        };
        #[rustfmt::skip]
        let rows = [
            // name                                     repeated  answer                        loss   still out
            ("new data, acknowledged",                  false,    reply(0, false, false),       false, false),
            ("repeated: acknowledged, by which copy?",  true,     reply(0, false, false),       false, true),
            ("repeated: both came, by D-SACK",          true,     reply(0, true, false),        false, false),
            ("repeated: both came, a second ACK",       true,     reply(0, false, true),        false, false),
            ("repeated: more is acknowledged, no sign", true,     reply(9, false, false),       true,  false),
            ("repeated: more, and a D-SACK",            true,     reply(9, true, false),        false, false),
            ("not answered yet",                        true,     reply(u32::MAX, true, true),  false, true),
        ];
        for (name, again, answer, loss, out) in rows {
            let mut probe = Probe::new();
            probe.on_sent(end, again);
            assert_eq!((probe.on_ack(answer), probe.is_out()), (loss, out), "{name}");
        }
    }

    #[test]
    fn one_that_is_out_stays_out() {
        let mut probe = Probe::new();
        probe.arm();
        probe.on_timer();
        assert!(probe.is_due());
        probe.on_sent(SeqNumber::new(7), true);
        probe.rest();
        assert!(probe.is_out());
        probe.forget();
        assert!(!probe.is_out());
    }
}
