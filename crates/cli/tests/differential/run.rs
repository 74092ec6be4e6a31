//! One case on one host: the steps in their order, and what comes out.

use std::net::SocketAddr;
use std::time::Duration;

use crate::peer::Peer;
use crate::script::{Call, Case, Step};
use crate::transcript::{Line, Transcript};

/// How long `fill` waits for the host to say that there is room again.
const FILL_PAUSE: Duration = Duration::from_millis(150);

/// How late a step may be before a timer of the host may have come between: the shortest is a delayed acknowledgment's.
pub(crate) const LATE: Duration = Duration::from_millis(30);

/// How often `fill` goes on after such a pause.
const FILLS_MAX: u32 = 20;

/// A host under test: its user's side, and its wire.
pub(crate) trait Host {
    /// The time that is now.
    fn now(&self) -> Duration;
    /// Whether its user holds a connection.
    fn has_connection(&self) -> bool;
    /// Its user calls; the answer in a word, empty when there is nothing to say.
    fn call(&mut self, call: Call) -> String;
    /// A packet from the peer arrives.
    fn inject(&mut self, packet: &[u8]);
    /// What it has sent to the peer since, with the times.
    fn sent(&mut self) -> Vec<(Duration, Vec<u8>)>;
    /// The state of the connection with this peer, as the RFC names it; CLOSED where there is none.
    fn state(&mut self, peer: SocketAddr) -> String;
}

/// A case that was played.
pub(crate) struct Played {
    pub(crate) transcript: Transcript,
    /// The machine was too busy: what came out may be of timers that the script does not expect.
    pub(crate) late: bool,
}

/// A case that is being played.
pub(crate) struct Run<H> {
    pub(crate) host: H,
    /// All that have spoken, from the first on, and who speaks now.
    peers: Vec<Peer>,
    speaker: usize,
    steps: std::vec::IntoIter<(&'static str, Step)>,
    transcript: Transcript,
    began: Duration,
    takes_time: bool,
    fills: u32,
    late: bool,
    /// When the next step is due; `None` when there is none.
    wake: Option<Duration>,
}

impl<H: Host> Run<H> {
    pub(crate) fn new(case: Case, host: H, peer: Peer) -> Self {
        Self {
            peers: vec![peer],
            speaker: 0,
            steps: case.steps().into_iter(),
            transcript: Vec::new(),
            began: host.now(),
            takes_time: false,
            fills: 0,
            late: false,
            wake: Some(host.now()),
            host,
        }
    }

    /// When to come back; `None` when all is done.
    pub(crate) const fn wake(&self) -> Option<Duration> {
        self.wake
    }

    /// What came out, and whether some step was late.
    pub(crate) fn into_played(self) -> Played {
        Played {
            transcript: self.transcript,
            late: self.late,
        }
    }

    /// Whoever drives the case was late: what comes out may have the wrong time.
    pub(crate) fn set_late(&mut self) {
        self.late |= self.wake.is_some();
    }

    /// Writes down what the host has sent of its own accord.
    pub(crate) fn collect(&mut self) {
        for (at, packet) in self.host.sent() {
            let text = self.heard(&packet);
            if self.fills == 0
                && self.wake.is_some()
                && let Some(text) = text
            {
                self.note(text, at);
            }
        }
    }

    /// The peer that a packet is for hears it. `None` when it is for none.
    fn heard(&mut self, packet: &[u8]) -> Option<String> {
        let first = self.peers.first()?.own;
        let n = peer_number(first, destination(packet)?)?;
        let text = self.peers.get_mut(n)?.heard(packet)?;
        Some(match n {
            0 => format!("> {text}"),
            n => format!("peer {}: > {text}", n + 1),
        })
    }

    fn speaker(&mut self) -> &mut Peer {
        &mut self.peers[self.speaker]
    }

    /// Peer `n`, counted from 1, speaks from here on: all have the first one's address, and ports that follow its own.
    fn change_speaker(&mut self, n: usize) {
        self.speaker = n - 1;
        while self.peers.len() < n {
            let mut own = self.peers[0].own;
            own.set_port(own.port() + u16::try_from(self.peers.len()).expect("a handful of peers"));
            self.peers.push(Peer::new(own, self.peers[0].host));
        }
    }

    /// The state of the speaker's connection.
    fn state(&mut self) -> String {
        let peer = self.speaker().own;
        self.host.state(peer)
    }

    fn note(&mut self, text: String, at: Duration) {
        let after = self.takes_time.then(|| at.saturating_sub(self.began));
        if let Some((_, lines)) = self.transcript.last_mut() {
            lines.push(Line { text, after });
        }
    }

    /// Does what is due: all steps up to one that takes time.
    pub(crate) fn advance(&mut self) {
        let due = self.wake.unwrap_or_default();
        self.steps_that_are_due();
        self.late |= self.host.now().saturating_sub(due) > LATE;
    }

    fn steps_that_are_due(&mut self) {
        self.collect();
        if self.fills > 0 && !self.fill() {
            return;
        }
        while let Some((text, step)) = self.steps.next() {
            self.transcript.push((text, Vec::new()));
            self.began = self.host.now();
            self.takes_time = matches!(step, Step::Wait(_));
            match step {
                Step::Call(call) => {
                    let answer = if call.needs_connection() && !self.host.has_connection() {
                        "no connection".to_owned()
                    } else {
                        self.host.call(call)
                    };
                    if !answer.is_empty() {
                        self.note(answer, self.began);
                    }
                }
                Step::Segment(segment) => {
                    let packet = self.speaker().segment(&segment);
                    self.host.inject(&packet);
                }
                Step::Icmp(error) => {
                    let packet = self.speaker().icmp(&error);
                    self.host.inject(&packet);
                }
                Step::Peer(n) => self.change_speaker(n),
                Step::State => {
                    let state = self.state();
                    self.note(state, self.began);
                }
                Step::Wait(time) => {
                    self.wake = Some(self.began + time);
                    return;
                }
                Step::Anew => self.speaker().begin_anew(),
                Step::Fill => {
                    if !self.fill() {
                        return;
                    }
                }
            }
            self.collect();
        }
        let state = self.state();
        self.transcript.push(("at the end", Vec::new()));
        self.note(state, self.began);
        self.wake = None;
    }

    /// The peer sends what the window takes and hears the answer; true when the window is full. What goes over the wire
    /// meanwhile depends on how large the window is and is not written down.
    fn fill(&mut self) -> bool {
        self.fills += 1;
        let packets = self.speaker().filling();
        if packets.is_empty() || self.fills > FILLS_MAX {
            self.fills = 0;
            let outcome = if packets.is_empty() { "full" } else { "not full" };
            self.speaker().begin_anew();
            self.note(outcome.to_owned(), self.began);
            return true;
        }
        for packet in packets {
            self.host.inject(&packet);
        }
        self.collect();
        self.wake = Some(self.host.now() + FILL_PAUSE);
        false
    }
}

/// Which peer has this end, counted from 0, when the first has that one.
pub(crate) fn peer_number(first: SocketAddr, end: SocketAddr) -> Option<usize> {
    let n = end.port().checked_sub(first.port())?;
    (first.ip() == end.ip()).then_some(n.into())
}

/// Where a TCP segment goes to. `None` for what is none.
fn destination(packet: &[u8]) -> Option<SocketAddr> {
    let datagram = wire::ip::Datagram::parse(packet).ok()?;
    let segment = packet.get(datagram.payload)?;
    let (_, port, _) = wire::tcp::Header::parse_quoted(segment).ok()?;
    (datagram.protocol == wire::ip::TCP).then(|| SocketAddr::new(datagram.dst, port))
}

/// What was read, as runs of bytes: `x1000 y20`.
pub(crate) fn runs(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|a, b| a == b);
    let texts: Vec<String> = runs.map(|run| format!("{}{}", char::from(run[0]), run.len())).collect();
    texts.join(" ")
}
