//! Readiness: `poll` and `epoll_*`, level- and edge-triggered.

use stack::{Entry, ListenerId, State};

use super::call::{Descriptor, Done, Kind, Waiting, argument, count, integer};
use super::{Run, Wrong};
use crate::pkt::ast::Call;
use crate::pkt::constant::{self, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP};
use crate::pkt::value::Value;

/// A descriptor that an epoll looks at, for these events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interest {
    fd: i64,
    /// What it is looked at for, EPOLLET and EPOLLONESHOT included.
    events: i64,
    /// What it was ready for when it was looked at last, and how far its input had come.
    seen: (i64, u64),
    /// Something has happened to it that was not told (EPOLLET).
    has_edge: bool,
}

impl Interest {
    /// Being asked for is an edge by itself.
    const fn new(fd: i64, events: i64) -> Self {
        Self {
            fd,
            events,
            seen: (0, 0),
            has_edge: true,
        }
    }
}

/// What is told whether it was asked for or not.
const ALWAYS: i64 = POLLERR | POLLHUP | POLLNVAL;

impl Run {
    /// What a descriptor is ready for.
    fn readiness(&self, fd: i64) -> i64 {
        let Some((_, descriptor)) = self.descriptors.iter().find(|(known, _)| *known == fd) else {
            return POLLNVAL;
        };
        match descriptor.kind {
            Kind::Fresh => POLLOUT | POLLHUP,
            Kind::Epoll(_) => 0,
            Kind::Listener(id) if self.accept_queue(id).0 > 0 => POLLIN,
            Kind::Listener(_) => 0,
            Kind::Connection(id) => {
                let Some(status) = self.status_of(fd) else {
                    return POLLNVAL;
                };
                let room = self
                    .machine
                    .as_ref()
                    .and_then(|machine| machine.stack.send_room(id).ok())
                    .unwrap_or_default();
                connection(&status, descriptor, room)
            }
        }
    }

    pub(super) fn poll(&mut self, call: &Call, state: &Waiting) -> Result<Done, Wrong> {
        let timeout = integer(call, 2)?;
        let mut ready = 0;
        let mut wrong = None;
        for item in argument(call, 0)?.items() {
            let part = |name: &str| -> Result<i64, Wrong> {
                let value = item
                    .field(name)
                    .ok_or_else(|| Wrong::Unsupported(format!("poll on {item}")))?;
                value.integer().map_err(Wrong::Unsupported)
            };
            let (fd, events, wanted) = (part("fd")?, part("events")?, part("revents")?);
            let found = self.readiness(fd) & (events | ALWAYS);
            ready += i64::from(found != 0);
            if found != wanted {
                wrong = Some(format!("poll gave {} for {fd}, not {}", names(found), names(wanted)));
            }
        }
        if ready == 0
            && let Some(waits) = self.waits(timeout, state)
        {
            return Ok(waits);
        }
        wrong.map_or(Ok(Done::Value(ready)), |what| Err(Wrong::Fail(what)))
    }

    pub(super) fn epoll_create(&mut self, call: &Call) -> Result<Done, Wrong> {
        let descriptor = Descriptor {
            is_nonblocking: false,
            local: None,
            options: self.settings.config.connection,
            keep_alive: self.settings.keep_alive,
            kind: Kind::Epoll(Vec::new()),
            error_is_told: false,
            opening_is_told: false,
            reads_nothing: false,
        };
        Ok(Done::Value(self.open(call, descriptor)))
    }

    pub(super) fn epoll_ctl(&mut self, call: &Call) -> Result<Done, Wrong> {
        let (at, operation, fd) = (integer(call, 0)?, argument(call, 1)?.to_string(), integer(call, 2)?);
        let events = match call.arguments.get(3).and_then(|event| event.field("events")) {
            Some(events) => events.integer().map_err(Wrong::Unsupported)?,
            None => 0,
        };
        if self.descriptor(fd).is_none() {
            return Ok(Done::Error("EBADF"));
        }
        let Some(Descriptor {
            kind: Kind::Epoll(list),
            ..
        }) = self.descriptor(at)
        else {
            return Ok(Done::Error("EINVAL"));
        };
        let place = list.iter().position(|interest| interest.fd == fd);
        Ok(match (&*operation, place) {
            ("EPOLL_CTL_ADD", Some(_)) => Done::Error("EEXIST"),
            ("EPOLL_CTL_MOD" | "EPOLL_CTL_DEL", None) => Done::Error("ENOENT"),
            ("EPOLL_CTL_ADD", None) => {
                list.push(Interest::new(fd, events));
                Done::Value(0)
            }
            ("EPOLL_CTL_MOD", Some(place)) => {
                list[place] = Interest::new(fd, events);
                Done::Value(0)
            }
            ("EPOLL_CTL_DEL", Some(place)) => {
                list.remove(place);
                Done::Value(0)
            }
            _ => return Err(Wrong::Unsupported(format!("epoll_ctl with {operation}"))),
        })
    }

    pub(super) fn epoll_wait(&mut self, call: &Call, state: &Waiting) -> Result<Done, Wrong> {
        let (at, timeout) = (integer(call, 0)?, integer(call, 3)?);
        let Some(Descriptor {
            kind: Kind::Epoll(list),
            ..
        }) = self.descriptor(at)
        else {
            return Ok(Done::Error("EINVAL"));
        };
        let list = list.clone();
        let room = usize::try_from(integer(call, 2)?).unwrap_or_default();
        let mut found = Vec::new();
        for (place, interest) in list.iter().enumerate() {
            let ready = self.readiness(interest.fd) & (interest.events | ALWAYS);
            // One that was told once for all is looked at for nothing, not even for what is always told.
            let is_off = interest.events == constant::EPOLLONESHOT;
            let is_old = interest.events & constant::EPOLLET != 0 && !interest.has_edge;
            if ready != 0 && !is_off && !is_old && found.len() < room {
                found.push((place, ready));
            }
        }
        if found.is_empty()
            && let Some(waits) = self.waits(timeout, state)
        {
            return Ok(waits);
        }
        let wanted = match argument(call, 1)? {
            Value::List(items) => items.iter().collect(),
            Value::Any => Vec::new(),
            other => vec![other],
        };
        for (wanted, (_, found)) in wanted.iter().zip(&found) {
            let Some(events) = wanted.field("events") else { continue };
            let events = events.integer().map_err(Wrong::Unsupported)?;
            if events != *found {
                return Err(Wrong::Fail(format!(
                    "epoll_wait gave {}, not {}",
                    names(*found),
                    names(events)
                )));
            }
        }
        if let Some(Descriptor {
            kind: Kind::Epoll(list),
            ..
        }) = self.descriptor(at)
        {
            for (place, _) in &found {
                list[*place].has_edge = false;
                if list[*place].events & constant::EPOLLONESHOT != 0 {
                    list[*place].events = constant::EPOLLONESHOT;
                }
            }
        }
        Ok(Done::Value(count(found.len())))
    }

    /// Looks what has happened to the descriptors that an epoll looks at: more input, or ready for what they were not.
    pub(super) fn look_at_edges(&mut self) {
        let epolls: Vec<usize> = (0..self.descriptors.len())
            .filter(|&at| matches!(self.descriptors[at].1.kind, Kind::Epoll(ref list) if !list.is_empty()))
            .collect();
        for at in epolls {
            let Kind::Epoll(list) = &self.descriptors[at].1.kind else {
                continue;
            };
            let mut list = list.clone();
            for interest in &mut list {
                let (ready, input) = (self.readiness(interest.fd), self.input(interest.fd));
                interest.has_edge |= ready & !interest.seen.0 != 0 || input > interest.seen.1;
                interest.seen = (ready, input);
            }
            self.descriptors[at].1.kind = Kind::Epoll(list);
        }
    }

    /// How much has come in for a descriptor so far: bytes, or connections that wait.
    fn input(&self, fd: i64) -> u64 {
        match self.descriptors.iter().find(|(known, _)| *known == fd) {
            Some((_, descriptor)) => match descriptor.kind {
                Kind::Listener(id) => self.accept_queue(id).0 as u64,
                _ => self.status_of(fd).map_or(0, |status| status.bytes_received),
            },
            None => 0,
        }
    }

    /// Connections in a listener's accept queue, and its bound.
    pub(super) fn accept_queue(&self, listener: ListenerId) -> (usize, usize) {
        let machine = self.machine.iter();
        let mut entries = machine.flat_map(|machine| machine.stack.entries(machine.time()));
        let queue = entries.find_map(|entry| match entry {
            Entry::Listener { id, accept_queue, .. } if id == listener => Some(accept_queue),
            _ => None,
        });
        queue.unwrap_or_default()
    }

    /// That a call waits still; `None` when its time is over. Units of `timeout`: milliseconds, negative for ever.
    fn waits(&self, timeout: i64, state: &Waiting) -> Option<Done> {
        let Ok(millis) = u64::try_from(timeout) else {
            return Some(Done::Blocks(None));
        };
        let until = state.begun.saturating_add(millis.saturating_mul(1_000));
        (self.now() < until).then_some(Done::Blocks(Some(until)))
    }
}

/// What a connection is ready for.
fn connection(status: &stack::Status, descriptor: &Descriptor, room: usize) -> i64 {
    let is_opening = matches!(status.state, State::SynSent | State::SynReceived);
    if is_opening {
        return 0;
    }
    let is_finished = matches!(
        status.state,
        State::CloseWait | State::LastAck | State::Closing | State::TimeWait | State::Closed
    );
    let has_closed = !matches!(status.state, State::Established | State::CloseWait);
    let mut ready = 0;
    if status.receive_queue > 0 || is_finished || descriptor.reads_nothing {
        ready |= POLLIN;
    }
    if is_finished || descriptor.reads_nothing {
        ready |= POLLRDHUP;
    }
    // Half of what is queued must be free, as kernels have it.
    if has_closed || room * 2 >= status.send_queue {
        ready |= POLLOUT;
    }
    if descriptor.error(status).is_some() {
        ready |= POLLERR;
    }
    if is_finished
        && has_closed
        && matches!(
            status.state,
            State::Closed | State::TimeWait | State::Closing | State::LastAck
        )
    {
        ready |= POLLHUP;
    }
    ready
}

/// Events by their names.
fn names(events: i64) -> String {
    let known = [
        (POLLIN, "POLLIN"),
        (POLLOUT, "POLLOUT"),
        (POLLERR, "POLLERR"),
        (POLLHUP, "POLLHUP"),
        (POLLNVAL, "POLLNVAL"),
        (POLLRDHUP, "POLLRDHUP"),
    ];
    let names: Vec<&str> = known
        .iter()
        .filter(|(bit, _)| events & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    if names.is_empty() {
        "0".to_owned()
    } else {
        names.join("|")
    }
}
