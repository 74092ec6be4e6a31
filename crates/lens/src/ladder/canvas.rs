//! Puts rows on a page of 120 columns, with or without colour.
//!
//! ```text
//!      time  left state | inner                                       | right state  step
//! |<-- 9 -->|<-- 12 -->||<-------------------- 64 ------------------>||<-- 12 -->|<--- 17 --->|
//! ```

use anstyle::{AnsiColor, Style};
use stack::{Instant, State};

use super::arrow::{TEXT, comments, label, segment_text, shaft, style};
use super::row::{Folded, Leg, Row, What};
use super::{Connection, Side};
use crate::reading::{Content, Item};
use crate::record::{Fate, Record, Trace};
use crate::text::{counted, grouped, wrapped};

const TIME: usize = 9;
const STATE: usize = 12;
/// Everything left of the left lifeline: time, a space, the state, a space.
const MARGIN: usize = TIME + 1 + STATE + 1;
/// Between the lifelines.
pub(super) const INNER: usize = 64;
/// Columns before the text of an arrow, for its head or its tail.
pub(super) const NOCK: usize = 4;

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
pub(super) const RIGHTWARD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));
pub(super) const LEFTWARD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
pub(super) const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
pub(super) const AGAIN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));

/// The page.
pub(super) struct Canvas {
    color: bool,
    origin: Instant,
    /// Digits after the point of a second.
    decimals: usize,
    out: String,
}

impl Canvas {
    pub(super) fn new(color: bool, origin: Instant, last: Instant) -> Self {
        // Microseconds, less what long runs leave no room for.
        let decimals = match last.since(origin).as_secs() {
            ..100 => 6,
            100..1_000 => 5,
            1_000..10_000 => 4,
            _ => 3,
        };
        Self {
            color,
            origin,
            decimals,
            out: String::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn title(&mut self, title: &str) {
        let title = self.paint(BOLD, title);
        self.line(&title);
    }

    /// An empty line, but not at the top.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Both hosts and their addresses, and the states before the first packet.
    pub(super) fn top(&mut self, trace: &Trace, connection: &Connection) {
        let (left, right) = (host(trace, connection.left), host(trace, connection.right));
        let (from, to) = (connection.left.at.to_string(), connection.right.at.to_string());
        let margin = MARGIN - 1;
        let rule = (INNER - 4).checked_sub(from.chars().count() + to.chars().count());
        let inside = match rule {
            Some(rule) => format!(" {from} {} {to} ", "─".repeat(rule)),
            // Two long IPv6 addresses: each on a line of its own.
            None => format!(" {from:<width$} ", width = INNER - 2),
        };
        let (left, right) = (self.paint(BOLD, &format!("{left:>margin$}")), self.paint(BOLD, &right));
        self.line(&format!("{left} ┌{inside}┐ {right}"));
        if rule.is_none() {
            self.line(&format!("{:MARGIN$}│ {to:>width$} │", "", width = INNER - 2));
        }
        let states = [connection.left.initial, connection.right.initial];
        let blank = " ".repeat(INNER);
        let inside = [(PLAIN, "│".to_owned()), (PLAIN, blank), (PLAIN, "│".to_owned())];
        self.across(
            &format!("{:>TIME$}", "seconds"),
            states,
            [false; 2],
            &inside,
            (PLAIN, ""),
        );
    }

    /// What went across, in figures.
    pub(super) fn bottom(&mut self, trace: &Trace, connection: &Connection) {
        let mut packets = 0;
        let (mut again, mut lost) = (0, 0);
        let (mut rightward, mut leftward) = (0, 0);
        for item in &connection.items {
            let Some(record) = trace.records.get(item.record) else {
                continue;
            };
            packets += 1;
            lost += usize::from(record.fate == Fate::Lost);
            if let Content::Tcp(tcp) = &item.content {
                let is_copy = matches!(record.fate, Fate::Duplicate(_));
                again += usize::from(tcp.step.again && !is_copy);
                if tcp.step.again || is_copy {
                    continue;
                }
                if tcp.segment.src == connection.left.at {
                    rightward += u64::from(tcp.segment.payload);
                } else {
                    leftward += u64::from(tcp.segment.payload);
                }
            }
        }
        let mut pieces = vec![counted(packets, "packet")];
        if rightward > 0 {
            pieces.push(format!("{} bytes ▶", grouped(rightward)));
        }
        if leftward > 0 {
            pieces.push(format!("◀ {} bytes", grouped(leftward)));
        }
        if again > 0 {
            pieces.push(format!("{} again ↻", grouped(again as u64)));
        }
        if lost > 0 {
            pieces.push(format!("{} lost ✗", grouped(lost as u64)));
        }
        let text = pieces.join(" · ");
        let rule = INNER.saturating_sub(text.chars().count() + 3);
        self.line(&format!("{:MARGIN$}└ {text} {}┘", "", "─".repeat(rule)));
    }

    pub(super) fn row(&mut self, trace: &Trace, connection: &Connection, row: &Row, absolute: bool) {
        match &row.what {
            What::Packet { item, leg, rightward } => {
                let Some(record) = trace.records.get(item.record) else {
                    return;
                };
                self.packet(row, item, record, *leg, *rightward, absolute);
                for comment in comments(trace, connection, item, record, *leg) {
                    self.comment(&comment);
                }
            }
            What::Mark(index) => {
                if let Some(mark) = trace.marks.get(*index) {
                    let is_left = mark.host == connection.left.host;
                    self.mark(row, &mark.text, is_left);
                }
            }
            What::Folded(folded) => self.folded(row, folded),
        }
    }

    /// Packets that belong to no connection.
    pub(super) fn others<'a>(&mut self, trace: &Trace, items: impl Iterator<Item = &'a Item>) {
        let mut is_first = true;
        for item in items {
            let (Some(record), Content::Other(text)) = (trace.records.get(item.record), &item.content) else {
                continue;
            };
            if std::mem::take(&mut is_first) {
                self.gap();
                self.line("besides:");
            }
            let name = |host: usize| trace.hosts.get(host).map_or("?", |host| host.name.as_str());
            let (from, to) = (name(record.from), name(record.to));
            let time = self.time(record.sent);
            self.line(&format!("{time} {from} ▶ {to}: {text}"));
        }
    }

    fn packet(&mut self, row: &Row, item: &Item, record: &Record, leg: Leg, rightward: bool, absolute: bool) {
        let text = match &item.content {
            Content::Tcp(tcp) => segment_text(tcp, leg, absolute),
            Content::Other(text) => vec![text.clone()],
        };
        let (label, style) = match &item.content {
            Content::Tcp(tcp) => (label(tcp, record, leg), style(tcp, record, rightward)),
            Content::Other(_) => ("ICMP".to_owned(), BAD),
        };
        let mut lines = text.iter();
        let shaft = shaft(lines.next().map_or("", String::as_str), record, leg, rightward);
        let lifeline = |changed: bool| {
            if changed {
                (BOLD, "◆".to_owned())
            } else {
                (DIM, "│".to_owned())
            }
        };
        let inside = [lifeline(row.changed[0]), (style, shaft), lifeline(row.changed[1])];
        let time = self.time(row.at);
        let label_style = if style == BAD || style == AGAIN { style } else { PLAIN };
        self.across(&time, row.states, row.changed, &inside, (label_style, &label));
        for line in lines {
            self.inner_line(line, DIM);
        }
    }

    /// A call or a fault, beside the lifeline of its host.
    fn mark(&mut self, row: &Row, text: &str, is_left: bool) {
        let time = self.time(row.at);
        let mut lines = wrapped(text, INNER - 6).into_iter();
        let first = lines.next().unwrap_or_default();
        let inner = |text: &str| {
            if is_left {
                format!("{:<INNER$}", format!(" ● {text}"))
            } else {
                format!("{:>INNER$}", format!("{text} ● "))
            }
        };
        let lifeline = |changed: bool| {
            if changed {
                (BOLD, "◆".to_owned())
            } else {
                (DIM, "│".to_owned())
            }
        };
        let inside = [
            lifeline(row.changed[0]),
            (PLAIN, inner(&first)),
            lifeline(row.changed[1]),
        ];
        self.across(&time, row.states, row.changed, &inside, (PLAIN, ""));
        for line in lines {
            self.inner_line(&line, PLAIN);
        }
    }

    fn folded(&mut self, row: &Row, folded: &Folded) {
        let text = format!(
            "⋮   {}, {}, {} bytes",
            counted(folded.data, "more data segment"),
            counted(folded.acks, "ACK"),
            grouped(folded.bytes)
        );
        let bar = || (DIM, "│".to_owned());
        let inside = [bar(), (DIM, format!("{text:<INNER$}")), bar()];
        let time = self.time(row.at);
        self.across(&time, row.states, row.changed, &inside, (PLAIN, ""));
    }

    /// A comment below a packet, wrapped.
    fn comment(&mut self, text: &str) {
        for (index, line) in wrapped(text, TEXT - 2).iter().enumerate() {
            let lead = if index == 0 { "↳ " } else { "  " };
            self.inner_line(&format!("{lead}{line}"), DIM);
        }
    }

    /// A line with nothing but text between the lifelines.
    fn inner_line(&mut self, text: &str, style: Style) {
        let width = INNER - NOCK;
        let text = self.paint(style, &format!("{text:<width$}"));
        let bar = self.paint(DIM, "│");
        self.line(&format!("{:MARGIN$}{bar}{:NOCK$}{text}{bar}", "", ""));
    }

    /// A whole line: time, left state, what is inside, right state, label.
    fn across(
        &mut self,
        time: &str,
        states: [Option<State>; 2],
        changed: [bool; 2],
        inside: &[(Style, String)],
        (label_style, label): (Style, &str),
    ) {
        let name = |state: Option<State>| state.map_or("", State::name);
        let state_style = |changed: bool| if changed { BOLD } else { DIM };
        let left = self.paint(state_style(changed[0]), &format!("{:>STATE$}", name(states[0])));
        let right = self.paint(state_style(changed[1]), &format!("{:<STATE$}", name(states[1])));
        let inside: String = inside.iter().map(|(style, text)| self.paint(*style, text)).collect();
        let label = self.paint(label_style, label);
        self.line(&format!("{time} {left} {inside} {right} {label}"));
    }

    /// Ends a line; blanks at its end are no use to anyone.
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn time(&self, at: Instant) -> String {
        let since = at.since(self.origin);
        let mut text = format!("{}.{:06}", since.as_secs(), since.as_micros() % 1_000_000);
        text.truncate(text.len() - (6 - self.decimals));
        format!("{text:>TIME$}")
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color && style != PLAIN && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// `client · Linux`.
fn host(trace: &Trace, side: Side) -> String {
    trace
        .hosts
        .get(side.host)
        .map_or_else(|| "?".to_owned(), |host| format!("{} · {}", host.name, host.kind))
}
