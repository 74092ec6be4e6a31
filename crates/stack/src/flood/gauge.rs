//! Whether a listener is being flooded: three levels, out of what became of its SYN-ACKs.
//!
//! The classic sign of a SYN flood is many half-open entries, from random sources, that never complete. A [`Gauge`] counts
//! SYN-ACKs and their answers, judges each SYN-ACK half a second or more after it was sent (so that a client with a round
//! trip of up to 300 ms is never blamed for being far away), and asks in windows of one second: how many are without an
//! answer, which share is that, and how many sources do they belong to? A second window, of eight seconds, sees the
//! slow flood that a short one cannot tell from chance.
//!
//! | level | rises to it when | holds while |
//! |---|---|---|
//! | calm | nothing below is the case | |
//! | watch | half-open entries reach 75 % of the backlog (at once) | 50 % |
//! | watch | 64 SYN-ACKs in 1 s or in 8 s unanswered, 45 % of them all, but few sources did it | half as many, 36 % |
//! | watch | as many for 8 s from many sources, while the backlog is not filled | the same |
//! | watch | 64 SYN-ACKs answered by RST, and fewer completed: a SYN scan of this port | half as many |
//! | watch | as many unanswered in 1 s as the backlog holds, whatever their share | the same |
//! | flood | 64 unanswered in 1 s, 45 % of them all, from 32 sources or more | half as many, 36 %, 16 sources |
//! | flood | the same in 8 s, with half-open entries at 75 % of the backlog | the same, 50 % |
//!
//! **Up** goes the level at the end of a window, or at one of its steps of 250 ms if 72 % are unanswered so far: 0.5 to 1 s
//! after the first SYN of a flood of 500/s or more, 1.5 s after that of one of 200/s, and 3 s after that of a flood that is
//! only as strong as the good clients beside it. **Down** it goes after ten windows of 1 s in a row that do not hold it, to
//! the highest level which one of them would have held; half-open entries that a flood leaves behind hold `watch`.
//!
//! What it cannot know, and says all the same:
//! - One source that floods alone is `watch`, with any number of good clients beside it: the per-source limits deal with it.
//!   So is a spoofer who uses one good client's address.
//! - Clients whose path to us works and whose path back does not look like a flood, and are called one.
//! - An application that accepts again after a while meets all who waited at once: their SYNs may fill the queue for a
//!   round trip, and are `watch`. While it does not accept, nothing is.
//! - A flood that is small beside the good clients (less than four SYNs for five of theirs) is `watch`, if it fills the SYN
//!   queue or would fill it within a second, and otherwise `calm`: it costs them nothing.
//! - Spoofed sources that exist answer by RST, and leave nothing half open: such a flood is `watch`.
//!
//! Nothing here reads a packet or a clock, and nothing allocates. Read first: RFC 4987 sections 2 and 3.

use crate::time::{Duration, Instant};

mod level;
mod loud;
mod options;
mod spread;
mod tally;
#[cfg(test)]
mod tests;

pub use level::{Change, Figures, Level};
pub use options::GaugeOptions;
use tally::{Bar, Sign, Tally, Window};

/// The steps in which time passes: each closes a part of the window of one second.
const STEP: Duration = Duration::from_millis(250);

/// Steps in a window.
const WINDOW_STEPS: u8 = 4;

/// Windows in a slow window.
const SLOW_WINDOWS: u8 = 8;

/// Steps that a call closes at most, when the calls before it came late or not at all. 64 s of silence leave nothing to
/// count, and the level calm if the defaults stand.
const STEPS_PER_CALL: u16 = 256;

/// What detects a flood of one listener.
///
/// Tell it of every SYN that was answered and of every answer to that, ask [`evaluate`](Self::evaluate) after each batch
/// with SYNs in it and whenever [`next`](Self::next) says. A source's hash is the same for every packet of one address,
/// keyed, and even in all of its 64 bits.
///
/// Bounds: less than 512 bytes, and O(1) for each call. Counts saturate.
///
/// Spec: RFC 4987 section 2.
#[derive(Debug, Clone)]
pub struct Gauge {
    options: GaugeOptions,
    /// As the last [`Change`] told it.
    level: Level,
    /// As it is by now.
    reached: Level,
    /// The highest level that one of the quiet windows so far would have held.
    held: Level,
    /// Windows in a row that did not hold the level.
    quiet: u8,
    half_open: u32,
    backlog: u32,
    /// The end of this step; none while nothing is counted and the level is calm.
    step_end: Option<Instant>,
    /// SYN-ACKs that may still be answered: of this step and of the two before, newest first.
    ///
    /// An answer does not say when its SYN came. To count it for the oldest would keep the SYNs of a flood young for as
    /// long as good clients come, and blame those for it when they stop; to count it for the newest would blame whoever
    /// is far away. So all steps share it.
    waiting: [Tally; 3],
    /// How many of the steps in `waiting` lie before the first thing counted.
    unlived: u8,
    /// Whose turn it is among the steps that wait.
    turn: u32,
    brisk: Window,
    slow: Window,
    /// What the last change, or else the last whole window, was judged by.
    judged: Figures,
}

impl Gauge {
    /// A gauge that has seen nothing. Options out of their bounds are brought within them.
    pub fn new(options: GaugeOptions) -> Self {
        Self {
            options: options.within_bounds(),
            level: Level::Calm,
            reached: Level::Calm,
            held: Level::Calm,
            quiet: 0,
            half_open: 0,
            backlog: 0,
            step_end: None,
            waiting: [Tally::default(); 3],
            unlived: 0,
            turn: 0,
            brisk: Window::default(),
            slow: Window::default(),
            judged: Figures::default(),
        }
    }

    /// A SYN came that is answered by a SYN-ACK, or would be if no budget forbade it; with an embryo or with a cookie only.
    ///
    /// A SYN that is left without an answer because the accept queue is full does not count: its client waits for us.
    pub fn on_syn(&mut self, now: Instant, source_hash: u64) {
        self.pass(now);
        self.begin(now);
        let [newest, ..] = &mut self.waiting;
        newest.syns = newest.syns.saturating_add(1);
        self.brisk.on_syn(source_hash);
        self.slow.on_syn(source_hash);
    }

    /// A third ACK came that proved itself, by its cookie or by its embryo; also when the accept queue was full and it was
    /// ignored for that.
    pub fn on_completed(&mut self, now: Instant, source_hash: u64) {
        self.pass(now);
        if let Some(tally) = self.owing() {
            tally.completed = tally.completed.saturating_add(1);
        }
        self.answered(source_hash);
    }

    /// A client answered our SYN-ACK by RST, acceptably: somebody scans, or uses addresses that exist.
    pub fn on_reset(&mut self, now: Instant, source_hash: u64) {
        self.pass(now);
        if let Some(tally) = self.owing() {
            tally.reset = tally.reset.saturating_add(1);
        }
        self.answered(source_hash);
    }

    /// Judges what was seen until now, beside the listener's SYN queue: `half_open` entries of `backlog`.
    ///
    /// A filled queue is `watch` at once; all else is judged at the ends of steps. The change of a level is told once, with
    /// what it was judged by; changes that a late call missed are told as one, and not at all if the level came back.
    pub fn evaluate(&mut self, now: Instant, half_open: usize, backlog: usize) -> Option<Change> {
        self.half_open = u32::try_from(half_open).unwrap_or(u32::MAX);
        self.backlog = u32::try_from(backlog).unwrap_or(u32::MAX);
        self.pass(now);
        if self.reached < Level::Watch && self.half_open >= self.options.rising(self.backlog).half_open {
            self.begin(now);
            self.rise(Level::Watch, self.so_far(now));
        }
        let (from, to) = (core::mem::replace(&mut self.level, self.reached), self.reached);
        (from != to).then(|| Change {
            from,
            to,
            figures: self.figures(),
        })
    }

    /// When [`evaluate`](Self::evaluate) must be called next, SYNs or not; none while time alone changes nothing.
    ///
    /// A listener that is calm, with fewer SYN-ACKs unanswered than could ever be a flood, needs no timer.
    pub fn next(&self) -> Option<Instant> {
        let counted = self
            .waiting
            .iter()
            .fold(self.brisk.tally.plus(self.slow.tally), |sum, step| sum.plus(*step));
        let may_change =
            self.reached > Level::Calm || self.level != self.reached || counted.barren() >= self.options.unanswered_min;
        self.step_end.filter(|_| may_change)
    }

    /// The level, as the last [`Change`] told it.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What the last change, or else the last whole window, was judged by; with the SYN queue as it is now.
    pub const fn figures(&self) -> Figures {
        Figures {
            half_open: self.half_open,
            backlog: self.backlog,
            ..self.judged
        }
    }

    /// The step that an answer counts for: each of those that wait as often as its part of what is unanswered.
    ///
    /// An answer that comes when nothing waits yet counts for the window that blames its client, if that is still open.
    fn owing(&mut self) -> Option<&mut Tally> {
        let waiting = self
            .waiting
            .iter()
            .fold(0_u32, |sum, step| sum.saturating_add(step.unanswered()));
        // Multiples of the golden ratio, without their whole part, are spread evenly over the unit interval.
        self.turn = self.turn.wrapping_add(0x9e37_79b9);
        let mut place = ((u64::from(self.turn) * u64::from(waiting)) >> 32) as u32;
        let step = self
            .waiting
            .iter_mut()
            .find(|step| match place.checked_sub(step.unanswered()) {
                Some(rest) => {
                    place = rest;
                    false
                }
                None => true,
            });
        step.or_else(|| Some(&mut self.brisk.tally).filter(|window| window.unanswered() > 0))
    }

    fn answered(&mut self, source_hash: u64) {
        self.brisk.on_answer(source_hash);
        self.slow.on_answer(source_hash);
    }

    /// Steps begin with the first thing to count.
    fn begin(&mut self, now: Instant) {
        if self.step_end.is_none() {
            self.step_end = Some(now + STEP);
            self.unlived = 2;
        }
    }

    /// Closes the steps that are over.
    fn pass(&mut self, now: Instant) {
        let mut closed = 0;
        while let Some(end) = self.step_end.filter(|end| *end <= now) {
            if closed == STEPS_PER_CALL {
                self.step_end = Some(now + STEP);
                return;
            }
            closed += 1;
            self.step_end = Some(end + STEP);
            self.close_step();
            if self.is_idle() {
                self.step_end = None;
                self.brisk = Window::default();
                self.slow = Window::default();
            }
        }
    }

    fn is_idle(&self) -> bool {
        let nothing = Tally::default();
        self.reached == Level::Calm
            && self.waiting.iter().all(|step| *step == nothing)
            && self.brisk.tally == nothing
            && self.slow.tally == nothing
    }

    /// The SYN-ACKs of the oldest step have waited long enough.
    fn close_step(&mut self) {
        let [newest, middle, oldest] = self.waiting;
        self.waiting = [Tally::default(), newest, middle];
        if let Some(rest) = self.unlived.checked_sub(1) {
            self.unlived = rest;
            return;
        }
        self.brisk.take(oldest);
        let is_whole = self.brisk.parts >= WINDOW_STEPS;
        let bar = match is_whole {
            true => self.options.rising(self.backlog),
            false => self.options.certain(self.backlog),
        };
        self.rise(self.brisk_level(&bar), self.figures_of(&self.brisk, STEP));
        if is_whole {
            self.close_window();
        }
    }

    fn close_window(&mut self) {
        let (rising, holding) = (self.options.rising(self.backlog), self.options.holding(self.backlog));
        self.judged = self.figures_of(&self.brisk, STEP);
        let mut level = self.brisk_level(&holding);
        // The slow window is there for what the brisk one misses: what that one has seen would only echo in it.
        self.slow.take(match self.brisk.sign(&rising) {
            Sign::Nothing => self.brisk.tally,
            Sign::Narrow | Sign::Wide => Tally::default(),
        });
        self.brisk.renew();
        if self.slow.parts >= SLOW_WINDOWS {
            self.rise(
                self.slow_level(&rising),
                self.figures_of(&self.slow, STEP.times(u64::from(WINDOW_STEPS))),
            );
            level = level.max(self.slow_level(&holding));
            self.slow.renew();
        }
        self.settle(level);
    }

    fn brisk_level(&self, bar: &Bar) -> Level {
        match self.brisk.sign(bar) {
            Sign::Wide => Level::Flood,
            Sign::Narrow => Level::Watch,
            Sign::Nothing if self.half_open >= bar.half_open => Level::Watch,
            Sign::Nothing if self.would_fill_the_queue() => Level::Watch,
            Sign::Nothing => Level::Calm,
        }
    }

    /// In one window. A queue of 16 is filled by what is nothing, and one of 0 is none.
    fn would_fill_the_queue(&self) -> bool {
        let queue = self.backlog.max(self.options.unanswered_min);
        self.backlog > 0 && self.brisk.tally.unanswered() >= queue
    }

    fn slow_level(&self, bar: &Bar) -> Level {
        match self.slow.sign(bar) {
            Sign::Wide if self.half_open >= bar.half_open => Level::Flood,
            Sign::Wide | Sign::Narrow => Level::Watch,
            Sign::Nothing => Level::Calm,
        }
    }

    fn rise(&mut self, level: Level, figures: Figures) {
        if level > self.reached {
            self.reached = level;
            self.judged = figures;
            self.quiet = 0;
            self.held = Level::Calm;
        }
    }

    /// A window is over that would hold `level`.
    fn settle(&mut self, level: Level) {
        if level >= self.reached {
            self.quiet = 0;
            self.held = Level::Calm;
            return;
        }
        self.quiet += 1;
        self.held = self.held.max(level);
        if self.quiet >= self.options.quiet_windows {
            self.reached = core::mem::take(&mut self.held);
            self.quiet = 0;
        }
    }

    fn figures_of(&self, window: &Window, part: Duration) -> Figures {
        let Tally { syns, completed, reset } = window.tally;
        Figures {
            half_open: self.half_open,
            backlog: self.backlog,
            syns,
            completed,
            reset,
            sources: window.sources(),
            span: part.times(u64::from(window.parts)),
        }
    }

    /// The window so far, with the SYNs whose answers may still be on their way.
    fn so_far(&self, now: Instant) -> Figures {
        let Tally { syns, completed, reset } = self.waiting.iter().fold(self.brisk.tally, |sum, step| sum.plus(*step));
        let left = self.step_end.map_or(STEP, |end| end.since(now));
        let steps = usize::from(self.brisk.parts) + self.waiting.len() - usize::from(self.unlived);
        Figures {
            syns,
            completed,
            reset,
            span: STEP.times(steps as u64) - left,
            ..self.figures_of(&self.brisk, STEP)
        }
    }
}
