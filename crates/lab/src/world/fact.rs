//! What the world makes of the facts that a stack tells.

use stack::flood::Change;
use stack::tcp::state::{Arrow, next};
use stack::{FourTuple, State, Why};

use super::host::ends;
use super::recorder::Noted;
use super::{World, clock};

impl World {
    /// The state of a connection as the trace shows it: one that has ended is CLOSED, though its listener still listens.
    pub(super) fn state_shown(&self, host: usize, tuple: &FourTuple) -> State {
        let at = &self.hosts[host];
        match at.stack.state_of(tuple) {
            State::Listen if at.states.contains_key(&ends(tuple)) => State::Closed,
            state => state,
        }
    }

    /// Takes note of a fact; a state change off the table is a failure.
    pub(super) fn note(&mut self, host: usize, noted: Noted) {
        self.reached.note(noted);
        match noted {
            Noted::State { tuple, from, to, arrow } => self.note_state(host, tuple, from, to, arrow),
            Noted::Ended { tuple, how } => {
                self.hosts[host].ended.insert(ends(&tuple), how);
            }
            Noted::Undone { tuple, by } => self.mark(host, Some(tuple), by.describe().to_owned(), None),
            Noted::SynCookies { on, half_open, backlog } => {
                let what = if on {
                    "SYN cookies alone from here"
                } else {
                    "half-open entries are kept again"
                };
                self.mark(host, None, format!("{what}: {half_open} of {backlog} half-open"), None);
            }
            Noted::Level(Change { to, figures, .. }) => self.mark(host, None, format!("{to}: {figures}"), None),
            Noted::Sent(_) | Noted::Dropped(..) => {}
        }
    }

    fn note_state(&mut self, host: usize, tuple: FourTuple, from: State, to: State, arrow: Arrow) {
        let key = ends(&tuple);
        let known = self.hosts[host].states.get(&key).copied().unwrap_or(State::Closed);
        // A listener has no four-tuple, so a connection that leaves LISTEN was nothing before.
        let begins = matches!(from, State::Listen | State::Closed);
        if next(from, arrow) != Some(to) {
            self.state_fault(
                host,
                tuple,
                format!("{from} went to {to} by {arrow:?}, an arrow that figure 5 has not"),
            );
        }
        if known != from && !(begins && known == State::Closed) {
            self.state_fault(
                host,
                tuple,
                format!("{from} went to {to} by {arrow:?}, but the state was {known}"),
            );
        }
        // A TIME-WAIT entry stands behind the half-open one that is to replace it, and outlives it, whatever that dies of.
        let fails = from == State::SynReceived && matches!(to, State::Closed | State::TimeWait);
        let is_reopening = self.hosts[host].reopening.contains(&key);
        if fails && is_reopening != (to == State::TimeWait) {
            let was = if is_reopening { "a reopened" } else { "no" };
            self.state_fault(
                host,
                tuple,
                format!("{from} went to {to} by {arrow:?}, and behind it stood {was} TIME-WAIT entry"),
            );
        }
        if arrow == Arrow::CookieReturns {
            let status = self.hosts[host].stack.status_of(&tuple);
            self.said_mut(host, tuple).begin_by_cookie(status.as_ref());
        }
        if begins {
            self.hosts[host].ended.remove(&key);
        }
        if (from, to) == (State::TimeWait, State::SynReceived) {
            self.hosts[host].reopening.insert(key);
        } else {
            self.hosts[host].reopening.remove(&key);
        }
        self.hosts[host].states.insert(key, to);
    }

    fn state_fault(&mut self, host: usize, tuple: FourTuple, text: String) {
        let name = self.hosts[host].name.clone();
        self.fail(format!("{}: {name}: {tuple}: {text}", clock(self.now)));
    }

    /// Tells in the trace what a timer did, where no packet shows it.
    pub(super) fn mark_of_timer(&mut self, host: usize, noted: Noted) {
        match noted {
            Noted::State { tuple, to, arrow, .. } => {
                let text = match arrow {
                    Arrow::TwoMslOver => "2MSL are over".to_owned(),
                    Arrow::TimedOut => "time ran out".to_owned(),
                    Arrow::ReopeningFails => "the reopening failed".to_owned(),
                    other => format!("timer: {other:?}"),
                };
                self.mark(host, Some(tuple), text, Some(to));
            }
            Noted::Dropped(tuple, Why::HalfOpenExpired) => {
                self.mark(host, tuple, "the half-open entry is forgotten", None);
            }
            Noted::Dropped(tuple, why) => self.mark(host, tuple, format!("timer: dropped, {why}"), None),
            Noted::Ended { tuple, how } => self.mark(host, Some(tuple), format!("the user is told: {how}"), None),
            Noted::Sent(_) | Noted::Undone { .. } | Noted::SynCookies { .. } | Noted::Level(_) => {}
        }
    }
}
