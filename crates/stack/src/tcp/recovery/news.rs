//! What an acknowledgment is the first to tell: of what was delivered, when that was sent, and what came twice.

use wire::option::SackBlocks;
use wire::seq::SeqNumber;

use super::rack::{Delivered, Sent};
use super::scoreboard::{Fate, Run};
use super::{Flight, Phase, Recovery, Terms, frto, tlp};
use crate::tcp::timestamps::{Timestamps, is_older};
use crate::time::{Duration, Instant};

/// An acknowledgment, as far as recovery reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// When it arrived, stamped at the link.
    pub(crate) arrived: Instant,
    /// SEG.ACK, which lies at or before SND.NXT.
    pub(crate) ack: SeqNumber,
    /// Its blocks, where both sides speak SACK.
    pub(crate) sack: SackBlocks,
    /// It is a duplicate as RFC 5681 section 2 has it.
    pub(crate) duplicate: bool,
    /// The timestamp that it echoes, where timestamps are in use.
    pub(crate) echo: Option<Echo>,
}

/// An echoed timestamp that may be ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Echo {
    pub(crate) ts: Timestamps,
    /// TSecr.
    pub(crate) ecr: u32,
}

impl Echo {
    /// Whether it left before anything that left at `at`.
    fn is_of_before(&self, at: Instant) -> bool {
        is_older(self.ecr, self.ts.value(at))
    }
}

/// What it is the first to tell. Units: bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News {
    /// SND.UNA moves by so much.
    pub(crate) acked: u32,
    /// Delivered: acknowledged or sacked, and not known to be before.
    pub(crate) delivered: u32,
    /// Of that, sacked, or without SACK told by a duplicate.
    pub(crate) sacked: u32,
    /// How long the first of what was delivered in order has taken; none of it was sent twice.
    pub(crate) first_rtt: Option<Duration>,
    /// How long the last of what was delivered has taken that was sent once.
    pub(crate) last_rtt: Option<Duration>,
    /// It tells of something that came twice.
    pub(crate) dsack: bool,
    /// All that this recovery sent again came twice.
    pub(super) in_vain: bool,
    /// It echoes a timestamp from before this recovery sent anything again.
    pub(super) first_copy: bool,
    /// Something was delivered that was sent once, before the timer ran out.
    pub(super) original: bool,
    /// It is a duplicate, by its form or by what it sacks.
    pub(super) repeats: bool,
    /// Something sent earlier was delivered later, for the first time.
    pub(crate) reordered: bool,
    /// A block was ignored, for there were too many runs.
    pub(crate) ignored: bool,
}

impl News {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        acked: 0,
        delivered: 0,
        sacked: 0,
        first_rtt: None,
        last_rtt: None,
        dsack: false,
        in_vain: false,
        first_copy: false,
        original: false,
        repeats: false,
        reordered: false,
        ignored: false,
    };

    pub(super) const fn as_probe_reply(&self, una: SeqNumber) -> tlp::Reply {
        tlp::Reply {
            ack: una,
            dsack: self.dsack,
            bare: self.repeats && self.acked == 0 && self.sacked == 0,
        }
    }

    pub(super) const fn as_frto_reply(&self, news: bool) -> frto::Reply {
        frto::Reply {
            original: self.original,
            advances: self.acked > 0,
            repeats: self.repeats,
            news,
        }
    }
}

impl Recovery {
    /// Takes in what an acknowledgment says; what follows from it, [`judge`](Self::judge) says.
    pub(crate) fn hear(&mut self, heard: &Heard, flight: &Flight, terms: &Terms) -> News {
        let mut news = News {
            repeats: heard.duplicate,
            first_copy: heard
                .echo
                .zip(self.undo.as_ref())
                .is_some_and(|(echo, undo)| undo.is_first_copy(echo.ecr)),
            ..News::NONE
        };
        let ack = heard.ack.later(flight.una);
        news.acked = ack.since(flight.una);
        let blocks = self.split_dsack(heard, ack, flight, &mut news);
        let recover = match self.phase {
            Phase::Open => flight.nxt,
            Phase::Fast { recover } | Phase::Loss { recover } => recover,
        };
        let Some(sent) = self.sent.as_deref_mut() else {
            return news;
        };
        let (rack, path) = (&mut sent.rack, &mut self.path);
        let mut delivered = |run: &Run, news: &mut News| {
            news.delivered += run.len();
            news.original |= !run.again && run.end.at_or_before(recover);
            if !run.again {
                news.last_rtt = Some(heard.arrived.since(run.sent));
            }
            let what = Delivered {
                sent: Sent {
                    at: run.sent,
                    end: run.end,
                },
                again: run.again,
                echoes_first: heard.echo.is_some_and(|echo| echo.is_of_before(run.sent)),
            };
            news.reordered |= rack.on_delivered(heard.arrived, path, what);
        };
        if news.acked > 0 {
            let mut is_ambiguous = false;
            sent.board.acknowledge(ack, |run| {
                is_ambiguous |= run.again;
                if run.fate != Fate::Sacked {
                    if news.first_rtt.is_none() {
                        news.first_rtt = Some(heard.arrived.since(run.sent));
                    }
                    delivered(run, &mut news);
                }
            });
            if is_ambiguous {
                news.first_rtt = None;
            }
        }
        for &(left, right) in blocks {
            // Of what was never sent, and of what is acknowledged, a block says nothing.
            if left.before(right) && left.at_or_after(ack) && right.at_or_before(flight.nxt) {
                let before = news.delivered;
                news.ignored |= !sent
                    .board
                    .sack(left, right, terms.runs, |run| delivered(run, &mut news));
                news.sacked += news.delivered - before;
            }
        }
        news.repeats |= news.sacked > 0;
        if !flight.sack {
            // Of what the last recovery sent again in vain a duplicate says nothing (RFC 6582 section 3.2, step 2).
            news.repeats &= self.doubtful != Some(ack);
            sent.count_duplicates(&mut news, self.phase, flight);
        }
        news
    }

    /// RFC 2883 section 4: the first block tells of something that came twice if it lies before SEG.ACK, or within the second.
    /// Returns the blocks that tell of something that is held.
    fn split_dsack<'a>(
        &mut self,
        heard: &'a Heard,
        ack: SeqNumber,
        flight: &Flight,
        news: &mut News,
    ) -> &'a [(SeqNumber, SeqNumber)] {
        let blocks = heard.sack.as_slice();
        let [(left, right), rest @ ..] = blocks else {
            return blocks;
        };
        let within = |&(l, r): &(SeqNumber, SeqNumber)| left.at_or_after(l) && right.at_or_before(r);
        let is_old = right.at_or_before(heard.ack);
        if !left.before(*right) || !is_old && !rest.first().is_some_and(within) || right.after(flight.nxt) {
            return blocks;
        }
        news.dsack = true;
        self.dsacks = self.dsacks.saturating_add(1);
        news.in_vain = self.undo.as_mut().is_some_and(|undo| undo.on_dsack(*left, *right));
        if !self.probe.is_out() {
            // What a probe repeated may well have been there: that says nothing of the order on the path.
            self.path.on_dsack(ack, flight.nxt);
        }
        rest
    }
}

impl super::InFlight {
    /// Without SACK each duplicate stands for a segment that has left the network; an acknowledgment of more than the one that
    /// was missing is of those that the duplicates told of (RFC 9937 section 6.2, RFC 6582 section 3.2).
    fn count_duplicates(&mut self, news: &mut News, phase: Phase, flight: &Flight) {
        if news.acked > 0 {
            let told = news.acked.saturating_sub(flight.mss).min(self.duplicate_bytes);
            news.delivered = news.acked - told;
            self.duplicate_bytes -= told;
            self.duplicates = 0;
            if phase == Phase::Open {
                self.duplicate_bytes = 0;
            }
        } else if news.repeats && !matches!(phase, Phase::Loss { .. }) {
            self.duplicates = self.duplicates.saturating_add(1);
            let most = flight.nxt.since(flight.una).saturating_sub(flight.mss);
            let more = (self.duplicate_bytes + flight.mss).min(most) - self.duplicate_bytes.min(most);
            self.duplicate_bytes += more;
            news.delivered = more;
            news.sacked = more;
        }
    }
}
