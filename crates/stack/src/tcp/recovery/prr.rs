//! Proportional rate reduction (RFC 9937): in recovery the window follows what is delivered, down to `ssthresh`.

/// The reduction of one recovery. Units: bytes.
#[derive(Debug, Clone, Copy, Default, Hash)]
pub(crate) struct Prr {
    /// In flight when recovery began.
    recover_fs: u32,
    /// Delivered since.
    delivered: u32,
    /// Sent since.
    out: u32,
}

/// What an acknowledgment says to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Newly delivered, acknowledged or sacked.
    pub(crate) delivered: u32,
    /// In flight, as well as we know.
    pub(crate) pipe: u32,
    /// The acknowledgment moved SND.UNA, and showed no further loss.
    pub(crate) safe: bool,
    pub(crate) ssthresh: u32,
    pub(crate) mss: u32,
}

impl Prr {
    /// Recovery begins with `flight` bytes in flight.
    pub(crate) const fn new(flight: u32) -> Self {
        Self {
            recover_fs: if flight == 0 { 1 } else { flight },
            delivered: 0,
            out: 0,
        }
    }

    /// Whether nothing was sent in this recovery yet.
    pub(crate) const fn is_new(&self) -> bool {
        self.out == 0
    }

    /// So many bytes left.
    pub(crate) const fn on_sent(&mut self, bytes: u32) {
        self.out = self.out.saturating_add(bytes);
    }

    /// The congestion window after an acknowledgment: the reduction in proportion while more is in flight than `ssthresh`, then
    /// what was delivered, and where the path delivers without loss a segment more (slow start reduction bound, decided
    /// for each acknowledgment).
    ///
    /// Spec: RFC 9937 section 6.2.
    pub(crate) fn window(&mut self, p: Progress) -> u32 {
        self.delivered = self.delivered.saturating_add(p.delivered);
        let mut room = if p.pipe > p.ssthresh {
            let (delivered, threshold) = (u64::from(self.delivered), u64::from(p.ssthresh));
            let share = (delivered * threshold).div_ceil(u64::from(self.recover_fs));
            u32::try_from(share).unwrap_or(u32::MAX).saturating_sub(self.out)
        } else {
            let bound = self.delivered.saturating_sub(self.out).max(p.delivered);
            let bound = if p.safe { bound.saturating_add(p.mss) } else { bound };
            bound.min(p.ssthresh - p.pipe)
        };
        if self.out == 0 {
            // Something has to be sent again at once, whatever the rest says.
            room = room.max(p.mss);
        }
        p.pipe.saturating_add(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1000;

    fn progress(delivered: u32, pipe: u32, safe: bool) -> Progress {
        Progress {
            delivered,
            pipe,
            safe,
            ssthresh: 10 * MSS,
            mss: MSS,
        }
    }

    /// One segment of twenty is lost: nineteen sacks follow, each for one that has left, and the window comes down to ten with
    /// every other of them.
    #[test]
    fn window_halves_over_a_round_trip() {
        let (mut prr, mut pipe, mut sent) = (Prr::new(20 * MSS), 16 * MSS, 0);
        let mut counts = std::vec::Vec::new();
        for _ in 0..16 {
            pipe -= MSS;
            let cwnd = prr.window(progress(MSS, pipe, false));
            let room = (cwnd - pipe) / MSS * MSS;
            prr.on_sent(room);
            pipe += room;
            sent += room;
            counts.push(room / MSS);
        }
        assert_eq!(counts.first(), Some(&1), "the retransmission leaves at once");
        assert!(counts.iter().all(|&n| n <= 1), "{counts:?}");
        assert_eq!((pipe, sent), (10 * MSS, 10 * MSS));
    }

    #[test]
    fn window_table() {
        #[rustfmt::skip]
        let rows = [
            // name                                     delivered so far, sent so far, this ack: delivered, pipe, safe -> room
            ("the first always sends a segment",           0,         0,               0,          15 * MSS, false, MSS),
            ("in proportion",                              4 * MSS,   MSS,             2 * MSS,    15 * MSS, false, 2 * MSS),
            ("rounded up",                                 3 * MSS,   MSS,             1,          15 * MSS, false, 501),
            ("nothing while more was sent",                2 * MSS,   4 * MSS,         MSS,        15 * MSS, false, 0),
            ("below: what was delivered, packet for packet", 4 * MSS, 5 * MSS,         MSS,        4 * MSS,  false, MSS),
            ("below: one more where it is safe",           4 * MSS,   5 * MSS,         MSS,        4 * MSS,  true,  2 * MSS),
            ("below: what was held back before",           8 * MSS,   4 * MSS,         MSS,        4 * MSS,  false, 5 * MSS),
            ("never over the threshold",                   9 * MSS,   MSS,             MSS,        8 * MSS,  true,  2 * MSS),
        ];
        for (name, delivered, out, newly, pipe, safe, room) in rows {
            let mut prr = Prr {
                recover_fs: 20 * MSS,
                delivered,
                out,
            };
            assert_eq!(prr.window(progress(newly, pipe, safe)) - pipe, room, "{name}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut prr = Prr::new(0);
        prr.on_sent(1);
        let all = Progress {
            delivered: u32::MAX,
            pipe: u32::MAX,
            safe: true,
            ssthresh: u32::MAX - 1,
            mss: u32::MAX,
        };
        assert_eq!(prr.window(all), u32::MAX);
        assert_eq!(prr.window(all), u32::MAX);
    }
}
