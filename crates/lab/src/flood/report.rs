//! What became of a flood: figures, samples, and what is drawn of them.

use std::fmt;

use lens::plot::{Curve, Plot, Steps};
use lens::{Table, Trace};
use serde::{Serialize, Serializer};
use stack::flood::Level;
use stack::{Counters, Duration, Instant};

use super::client::Attempt;
use super::scenario::Flood;
use super::server::Server;
use super::{ATTACK_BEGINS, ATTACK_ENDS, SAMPLE_EVERY};

/// What became of a flood.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub name: &'static str,
    /// What it shows: one line.
    pub title: &'static str,
    /// The seed that gives the same packets again.
    pub seed: u64,
    /// What was expected and is not so; empty when all is well.
    pub failures: Vec<String>,
    /// Good clients, all the time.
    pub good: Good,
    /// Those of their connections that they began while the attack ran.
    pub good_under_attack: Good,
    /// Half-open entries, while the attack ran.
    pub syn_queue: Queue,
    /// Connections that waited to be accepted, while the attack ran.
    pub accept_queue: Queue,
    /// The most that the server held: entries at what each may cost, buffers, and the tables of limits and budgets. Units:
    /// bytes.
    pub memory_max: usize,
    /// Segments that anybody sent.
    pub segments: u64,
    /// Of those of the server and the good clients, what had been sent before.
    pub retransmissions: u64,
    /// Segments that the attacker sent.
    pub attack_sent: u64,
    /// Packets of the server to addresses where nobody is.
    pub to_nobody: u64,
    /// SYNs that reached the server.
    pub syns: u64,
    /// SYN-ACKs that it sent, and sent again.
    pub syn_acks: u64,
    /// Of those, for which no entry was kept.
    pub cookies_sent: u64,
    /// Connections that such a cookie opened.
    pub cookies_taken: u64,
    /// Connections that the server accepted from addresses that no good client has.
    pub forged: u64,
    /// RSTs that it sent.
    pub resets: u64,
    /// What it dropped, by reason.
    pub drops: Vec<(String, u64)>,
    /// Changes of the flood level.
    pub levels: Vec<LevelChange>,
    /// The server, four times a second.
    pub samples: Vec<Sample>,
    /// One good client's connection that was opened while the attack ran.
    #[serde(skip)]
    pub ladder: Trace,
    /// That, and the first packets of the attack.
    #[serde(skip)]
    pub capture: Trace,
}

/// How good clients fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Good {
    /// Connections that they began.
    pub attempts: usize,
    /// Those in which they had their whole answer within [`PATIENCE`](super::PATIENCE).
    pub served: usize,
    /// Half of the handshakes that came to their end took less. Units: microseconds.
    pub connect_median_us: u64,
    /// And all but one in a hundred. Units: microseconds.
    pub connect_p99_us: u64,
}

/// How full a queue was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Queue {
    /// The most that it held.
    pub max: usize,
    /// What it held on average, at the samples.
    pub mean: usize,
}

/// The flood level changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelChange {
    /// When. Units: milliseconds.
    pub at_ms: u64,
    /// What it was.
    #[serde(serialize_with = "display")]
    pub from: Level,
    /// What it is.
    #[serde(serialize_with = "display")]
    pub to: Level,
    /// What the change was judged by.
    pub figures: String,
}

/// The server at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// When. Units: milliseconds.
    pub at_ms: u64,
    /// The most half-open entries since the sample before.
    pub half_open: usize,
    /// Connections that wait to be accepted.
    pub accept_queue: usize,
    /// See [`Report::memory_max`]. Units: bytes.
    pub memory: usize,
    /// SYNs that came since the sample before. Units: per second.
    pub syns_per_s: u64,
    /// Good clients' connections that were accepted since the sample before. Units: per second.
    pub served_per_s: u64,
    /// SYNs are answered by cookies alone.
    pub is_stateless: bool,
    /// The flood level.
    #[serde(serialize_with = "display")]
    pub level: Level,
}

fn display<S: Serializer>(value: &impl fmt::Display, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

impl Good {
    /// Units: parts per thousand, rounded down.
    pub const fn per_mille(&self) -> usize {
        match self.attempts {
            0 => 0,
            attempts => self.served * 1_000 / attempts,
        }
    }

    fn of<'a>(attempts: impl Iterator<Item = &'a Attempt>) -> Self {
        let attempts: Vec<&Attempt> = attempts.collect();
        let mut connected: Vec<u64> = attempts
            .iter()
            .filter_map(|attempt| attempt.connected)
            .map(Duration::as_micros)
            .collect();
        connected.sort_unstable();
        let at = |percent: usize| {
            let rank = (connected.len() * percent).div_ceil(100).saturating_sub(1);
            connected.get(rank).copied().unwrap_or_default()
        };
        Self {
            attempts: attempts.len(),
            served: attempts.iter().filter(|attempt| attempt.answered.is_some()).count(),
            connect_median_us: at(50),
            connect_p99_us: at(99),
        }
    }
}

impl Queue {
    fn of(held: impl Iterator<Item = usize> + Clone) -> Self {
        let samples = held.clone().count().max(1);
        Self {
            max: held.clone().max().unwrap_or_default(),
            mean: held.sum::<usize>() / samples,
        }
    }
}

impl Report {
    pub(super) fn new(flood: &Flood, seed: u64, attempts: &[Attempt], samples: &[Sample]) -> Self {
        let attack = Instant::ZERO + ATTACK_BEGINS..Instant::ZERO + ATTACK_ENDS;
        let attack_ms = ATTACK_BEGINS.as_millis()..=ATTACK_ENDS.as_millis();
        let under_attack = samples.iter().filter(|sample| attack_ms.contains(&sample.at_ms));
        Self {
            name: flood.name,
            title: flood.title,
            seed,
            failures: Vec::new(),
            good: Good::of(attempts.iter()),
            good_under_attack: Good::of(attempts.iter().filter(|attempt| attack.contains(&attempt.begun))),
            syn_queue: Queue::of(under_attack.clone().map(|sample| sample.half_open)),
            accept_queue: Queue::of(under_attack.map(|sample| sample.accept_queue)),
            memory_max: samples.iter().map(|sample| sample.memory).max().unwrap_or_default(),
            segments: 0,
            retransmissions: 0,
            attack_sent: 0,
            to_nobody: 0,
            syns: 0,
            syn_acks: 0,
            cookies_sent: 0,
            cookies_taken: 0,
            forged: 0,
            resets: 0,
            drops: Vec::new(),
            levels: Vec::new(),
            samples: samples.to_vec(),
            ladder: Trace::default(),
            capture: Trace::default(),
        }
    }

    pub(super) fn count(&mut self, server: &Server, counters: &Counters) {
        let watch = server.host.stack.observer();
        self.syns = watch.syns;
        self.syn_acks = watch.syn_acks;
        self.cookies_sent = counters.cookies_sent;
        self.cookies_taken = counters.cookies_taken;
        self.forged = server.strangers;
        self.resets = counters.resets_out;
        self.drops = counters.drops().map(|(why, n)| (why.to_string(), n)).collect();
    }

    /// The highest level that was reached.
    pub fn level_max(&self) -> Level {
        let levels = self.levels.iter().map(|change| change.to);
        levels.max().unwrap_or_default()
    }

    /// The samples, drawn.
    pub fn plot(&self) -> Plot {
        let curve = |name: &str, value: fn(&Sample) -> u64| Curve {
            name: name.to_owned(),
            values: self.samples.iter().map(value).collect(),
        };
        Plot {
            title: format!("{}: {}", self.name, self.title),
            step: SAMPLE_EVERY,
            shaded: Some((ATTACK_BEGINS, ATTACK_ENDS, "attack".to_owned())),
            curves: vec![
                curve("SYNs/s", |sample| sample.syns_per_s),
                curve("half-open entries", |sample| sample.half_open as u64),
                curve("good clients served/s", |sample| sample.served_per_s),
            ],
            steps: vec![
                Steps {
                    name: "cookies alone".to_owned(),
                    values: self
                        .samples
                        .iter()
                        .map(|sample| u8::from(sample.is_stateless))
                        .collect(),
                    names: vec!["no".to_owned(), "yes".to_owned()],
                },
                Steps {
                    name: "flood level".to_owned(),
                    values: self.samples.iter().map(|sample| sample.level as u8).collect(),
                    names: [Level::Calm, Level::Watch, Level::Flood]
                        .map(|level| level.to_string())
                        .to_vec(),
                },
            ],
        }
    }

    /// The figures, one on a line.
    pub fn table(&self) -> Table {
        let mut table = Table::new(["what", ">all the time", ">under attack"]);
        let (all, attack) = (&self.good, &self.good_under_attack);
        table.row(["good clients served".to_owned(), share(all), share(attack)]);
        table.row([
            "connect time, median".to_owned(),
            ms(all.connect_median_us),
            ms(attack.connect_median_us),
        ]);
        table.row([
            "connect time, p99".to_owned(),
            ms(all.connect_p99_us),
            ms(attack.connect_p99_us),
        ]);
        for (what, queue) in [("SYN queue", self.syn_queue), ("accept queue", self.accept_queue)] {
            let held = format!("{} (mean {})", queue.max, queue.mean);
            table.row([format!("{what}, most"), String::new(), held]);
        }
        let memory = format!("{} KiB", self.memory_max.div_ceil(1 << 10));
        table.row(["memory of the server, most".to_owned(), memory, String::new()]);
        let counts = [
            ("segments of the attacker", self.attack_sent),
            ("SYNs that came", self.syns),
            ("SYN-ACKs sent", self.syn_acks),
            ("cookies sent", self.cookies_sent),
            ("cookies taken", self.cookies_taken),
            ("connections forged", self.forged),
            ("RSTs sent", self.resets),
            ("packets to nobody", self.to_nobody),
        ];
        for (what, n) in counts {
            table.row([what.to_owned(), n.to_string(), String::new()]);
        }
        for (why, n) in &self.drops {
            table.row([format!("dropped: {why}"), n.to_string(), String::new()]);
        }
        table
    }
}

/// `97.5 % of 400`.
fn share(good: &Good) -> String {
    let per_mille = good.per_mille();
    format!("{}.{} % of {}", per_mille / 10, per_mille % 10, good.attempts)
}

/// `40.1 ms`.
fn ms(us: u64) -> String {
    format!("{}.{} ms", us / 1_000, us % 1_000 / 100)
}

/// The table, the plot and the changes of level.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}", self.table(), self.plot().text())?;
        for LevelChange {
            at_ms,
            from,
            to,
            figures,
        } in &self.levels
        {
            let (s, ms) = (at_ms / 1_000, at_ms % 1_000);
            writeln!(f, "{s:>3}.{ms:03} s  {from} to {to}: {figures}")?;
        }
        Ok(())
    }
}
