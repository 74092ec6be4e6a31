//! System calls on the stack: descriptors, errors as a kernel names them, and calls that wait.

use std::net::{IpAddr, SocketAddr};

use stack::{
    ConnectError, ConnectOptions, ConnectionId, ConnectionOptions, Ended, KeepAlive, ListenError, ListenOptions,
    ListenerId, State, Status,
};
use wire::icmp::Unreachable;

use super::poll::Interest;
use super::{Run, Wrong, seconds};
use crate::pkt::ast::Call;
use crate::pkt::constant;
use crate::pkt::value::Value;

/// What a number stands for.
#[derive(Debug)]
pub(super) struct Descriptor {
    pub(super) is_nonblocking: bool,
    /// What `bind` was told.
    pub(super) local: Option<SocketAddr>,
    /// What a connection of it starts with, until it is one.
    pub(super) options: ConnectionOptions,
    /// What SO_KEEPALIVE turns on.
    pub(super) keep_alive: KeepAlive,
    pub(super) kind: Kind,
    /// How the connection ended was told once; from then on it is merely over.
    pub(super) error_is_told: bool,
    /// `connect` has told that the open succeeded.
    pub(super) opening_is_told: bool,
    /// `shutdown` for reading was called.
    pub(super) reads_nothing: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Fresh,
    Listener(ListenerId),
    Connection(ConnectionId),
    Epoll(Vec<Interest>),
}

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    Value(i64),
    Error(&'static str),
    /// It waits; `Some`: no longer than until then.
    Blocks(Option<u64>),
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Pending {
    line: u32,
    call: Call,
    /// When it must return, and how far from that it may.
    until: u64,
    slack: u64,
    state: Waiting,
    /// When it must be looked at again whatever the stack does.
    pub(super) wakes: Option<u64>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    /// When it was made.
    pub(super) begun: u64,
    /// Bytes that were taken already.
    pub(super) taken: usize,
    /// A connection is being opened by this very call.
    is_opening: bool,
    /// A connection is being closed by this very call, and until when it waits for that.
    pub(super) lingers: Option<(ConnectionId, u64)>,
}

impl Run {
    /// Makes a call. `until`: it blocks, and must return then.
    pub(super) fn call(&mut self, line: u32, call: &Call, until: Option<u64>) -> Result<(), Wrong> {
        let begun = self.now();
        let mut state = Waiting {
            begun,
            ..Waiting::default()
        };
        let slack = until.map_or(0, |until| self.tolerance(until));
        let done = self.perform(call, &mut state)?;
        match (done, until) {
            (Done::Blocks(wakes), Some(until)) => {
                let call = call.clone();
                self.pending = Some(Pending {
                    line,
                    call,
                    until,
                    slack,
                    state,
                    wakes,
                });
                Ok(())
            }
            (Done::Blocks(_), None) => Err(Wrong::Fail(format!(
                "{} would wait; write `{}...TIME` if it may",
                call.name,
                seconds(begun)
            ))),
            (done, until) => self.returned(call, &done, until.map(|until| (until, slack))),
        }
    }

    /// Looks whether the call that waits can return.
    pub(super) fn retry_pending(&mut self) -> Result<(), Wrong> {
        let Some(mut pending) = self.pending.take() else {
            return Ok(());
        };
        let done = self.perform(&pending.call.clone(), &mut pending.state)?;
        if let Done::Blocks(wakes) = done {
            pending.wakes = wakes;
            self.pending = Some(pending);
            return Ok(());
        }
        let returned = self.returned(&pending.call, &done, Some((pending.until, pending.slack)));
        returned.map_err(|wrong| match wrong {
            Wrong::Fail(what) => Wrong::FailAt(pending.line, what),
            other => other,
        })
    }

    /// Lets time pass until the call that waits has returned.
    pub(super) fn finish_pending(&mut self) -> Result<(), Wrong> {
        while let Some(pending) = &self.pending {
            let (line, latest) = (pending.line, pending.until.saturating_add(pending.slack));
            match self.next_wake().filter(|&next| next <= latest) {
                Some(next) => self.step(next)?,
                None => {
                    let what = format!("{} has not returned by {}", pending.call.name, seconds(latest));
                    return Err(Wrong::FailAt(line, what));
                }
            }
        }
        Ok(())
    }

    /// Compares what a call gave with what the script says, at the time that it says.
    fn returned(&mut self, call: &Call, done: &Done, until: Option<(u64, u64)>) -> Result<(), Wrong> {
        let text = match done {
            Done::Value(value) => value.to_string(),
            Done::Error(errno) => format!("-1 {errno}"),
            Done::Blocks(_) => "nothing".to_owned(),
        };
        self.mark_call(call, &text);
        let is_right = match (done, &call.result) {
            (_, Value::Any) => true,
            (Done::Value(value), wanted) => {
                call.errno.is_none() && wanted.integer().map_err(Wrong::Unsupported)? == *value
            }
            (Done::Error(errno), wanted) => {
                wanted.integer() == Ok(-1) && call.errno.as_deref().is_none_or(|wanted| same_error(wanted, errno))
            }
            (Done::Blocks(_), _) => false,
        };
        if !is_right {
            let errno = call.errno.as_deref().unwrap_or_default();
            return Err(Wrong::Fail(format!(
                "{} returned {text}, not {} {errno}",
                call.name, call.result
            )));
        }
        let now = self.now();
        match until {
            Some((until, slack)) if now.abs_diff(until) > slack => Err(Wrong::Fail(format!(
                "{} returned at {}, not at {} (give or take {})",
                call.name,
                seconds(now),
                seconds(until),
                seconds(slack)
            ))),
            _ => Ok(()),
        }
    }

    fn mark_call(&mut self, call: &Call, result: &str) {
        let arguments: Vec<String> = call.arguments.iter().map(Value::to_string).collect();
        let text = format!("{}({}) = {result}", call.name, arguments.join(", "));
        let tuple = self
            .current
            .and_then(|at| self.flows.get(at))
            .map(|flow| stack::FourTuple::new(flow.local, flow.remote));
        if let Some(machine) = &mut self.machine {
            machine.mark(tuple, text);
        }
    }

    /// Does what the call asks for, as far as it can be done now.
    fn perform(&mut self, call: &Call, state: &mut Waiting) -> Result<Done, Wrong> {
        let done = match &*call.name {
            "socket" => self.socket(call),
            "bind" => self.bind(call),
            "listen" => self.listen(call),
            "accept" | "accept4" => self.accept(call),
            "connect" => self.connect(call, state),
            "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => self.read(call),
            "write" | "send" | "sendto" | "writev" | "sendmsg" => self.write(call, state),
            "close" => self.close(call, state),
            "shutdown" => self.shutdown(call),
            "setsockopt" => self.setsockopt(call),
            "getsockopt" => self.getsockopt(call),
            "fcntl" => self.fcntl(call),
            "ioctl" => self.ioctl(call),
            "poll" => self.poll(call, state),
            "epoll_create" | "epoll_create1" => self.epoll_create(call),
            "epoll_ctl" => self.epoll_ctl(call),
            "epoll_wait" => self.epoll_wait(call, state),
            other => Err(Wrong::Unsupported(format!("the call `{other}`"))),
        };
        if let Some(machine) = &mut self.machine {
            machine.drain();
        }
        self.look_at_edges();
        done
    }

    fn socket(&mut self, call: &Call) -> Result<Done, Wrong> {
        let kind = integer(call, 1)?;
        if kind & 0xf != 1 {
            return Err(Wrong::Unsupported(format!("a socket of type {}", argument(call, 1)?)));
        }
        let descriptor = Descriptor {
            is_nonblocking: kind & constant::SOCK_NONBLOCK != 0,
            local: None,
            options: self.settings.config.connection,
            keep_alive: self.settings.keep_alive,
            kind: Kind::Fresh,
            error_is_told: false,
            opening_is_told: false,
            reads_nothing: false,
        };
        Ok(Done::Value(self.open(call, descriptor)))
    }

    /// Gives a descriptor the number that the script has for it.
    pub(super) fn open(&mut self, call: &Call, descriptor: Descriptor) -> i64 {
        let free = (3..)
            .find(|fd| self.descriptors.iter().all(|(used, _)| used != fd))
            .unwrap_or(3);
        let wanted = call.result.integer().ok().filter(|fd| *fd >= 0);
        let fd = wanted
            .filter(|fd| self.descriptors.iter().all(|(used, _)| used != fd))
            .unwrap_or(free);
        self.descriptors.push((fd, descriptor));
        fd
    }

    pub(super) fn descriptor(&mut self, fd: i64) -> Option<&mut Descriptor> {
        self.descriptors
            .iter_mut()
            .find(|(known, _)| *known == fd)
            .map(|(_, descriptor)| descriptor)
    }

    /// What STATUS says of a descriptor's connection.
    pub(super) fn status_of(&self, fd: i64) -> Option<Status> {
        let (_, descriptor) = self.descriptors.iter().find(|(known, _)| *known == fd)?;
        let machine = self.machine.as_ref()?;
        match descriptor.kind {
            Kind::Connection(id) => machine.stack.status(machine.time(), id).ok(),
            _ => None,
        }
    }

    fn bind(&mut self, call: &Call) -> Result<Done, Wrong> {
        let local = self.address(argument(call, 1)?, self.choices.bind_port, self.choices.local)?;
        match self.descriptor(integer(call, 0)?) {
            None => Ok(Done::Error("EBADF")),
            Some(descriptor) if descriptor.local.is_some() || !matches!(descriptor.kind, Kind::Fresh) => {
                Ok(Done::Error("EINVAL"))
            }
            Some(descriptor) => {
                descriptor.local = Some(local);
                Ok(Done::Value(0))
            }
        }
    }

    /// A socket address, or the one that stands for `...`.
    fn address(&self, value: &Value, port: u16, ip: Option<IpAddr>) -> Result<SocketAddr, Wrong> {
        let unset = IpAddr::from([0, 0, 0, 0]);
        let ip = ip.unwrap_or(unset);
        if *value == Value::Any {
            return Ok(SocketAddr::new(ip, port));
        }
        let unknown = || Wrong::Unsupported(format!("the address {value}"));
        let port = match value.field("sin_port").or_else(|| value.field("sin6_port")) {
            Some(port) => u16::try_from(port.integer().map_err(Wrong::Unsupported)?).map_err(|_| unknown())?,
            None => return Err(unknown()),
        };
        match value.field("sin_addr").or_else(|| value.field("sin6_addr")) {
            None | Some(Value::Any) => Ok(SocketAddr::new(ip, port)),
            Some(Value::Name(name)) if name == "INADDR_ANY" => Ok(SocketAddr::new(ip, port)),
            Some(Value::Apply(_, arguments)) => match arguments.last() {
                Some(Value::Text(text)) => {
                    let text = str::from_utf8(text).map_err(|_| unknown())?;
                    Ok(SocketAddr::new(text.parse().map_err(|_| unknown())?, port))
                }
                _ => Err(unknown()),
            },
            Some(_) => Err(unknown()),
        }
    }

    fn listen(&mut self, call: &Call) -> Result<Done, Wrong> {
        let (fd, backlog) = (integer(call, 0)?, integer(call, 1)?);
        let (accept_backlog, listen) = (self.settings.accept_queue(backlog), self.settings.listen);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        match descriptor.kind {
            Kind::Fresh => {}
            // It listens already; the bound of a queue that stands cannot be moved.
            Kind::Listener(id) => {
                let (_, bound) = self.accept_queue(id);
                return if bound == accept_backlog {
                    Ok(Done::Value(0))
                } else {
                    Err(Wrong::Unsupported("a second listen with another backlog".to_owned()))
                };
            }
            _ => return Ok(Done::Error("EINVAL")),
        }
        let Some(local) = descriptor.local else {
            return Err(Wrong::Unsupported("listen without bind".to_owned()));
        };
        let options = ListenOptions {
            local,
            accept_backlog,
            connection: descriptor.options,
            ..listen
        };
        match self.machine()?.stack.listen(options) {
            Ok(id) => {
                if let Some(descriptor) = self.descriptor(fd) {
                    descriptor.kind = Kind::Listener(id);
                }
                self.awaits_syn = true;
                Ok(Done::Value(0))
            }
            Err(ListenError::InUse(_)) => Ok(Done::Error("EADDRINUSE")),
            Err(ListenError::NotOurs(_)) => Ok(Done::Error("EADDRNOTAVAIL")),
            Err(other) => Err(Wrong::Fail(format!("listen: {other}"))),
        }
    }

    /// Where the first listener listens.
    pub(super) fn listener_port(&self) -> Option<u16> {
        let mut listeners = self
            .descriptors
            .iter()
            .filter(|(_, d)| matches!(d.kind, Kind::Listener(_)));
        listeners.next().and_then(|(_, d)| d.local).map(|local| local.port())
    }

    fn accept(&mut self, call: &Call) -> Result<Done, Wrong> {
        let Some(listener) = self.descriptor(integer(call, 0)?) else {
            return Ok(Done::Error("EBADF"));
        };
        let Kind::Listener(id) = listener.kind else {
            return Ok(Done::Error("EINVAL"));
        };
        let (is_nonblocking, options, keep_alive) = (listener.is_nonblocking, listener.options, listener.keep_alive);
        let flags = if call.name == "accept4" { integer(call, 3)? } else { 0 };
        let machine = self.machine()?;
        let now = machine.time();
        let Ok(Some(accepted)) = machine.stack.accept(now, id) else {
            return Ok(if is_nonblocking {
                Done::Error("EAGAIN")
            } else {
                Done::Blocks(None)
            });
        };
        if machine.stack.options(accepted.id).is_ok_and(|had| had != options) {
            // What the listener was told since it listens is for those that it accepts from now on.
            let _ = machine.stack.set_options(now, accepted.id, options);
        }
        let fd = self.open(
            call,
            Descriptor {
                is_nonblocking: flags & constant::SOCK_NONBLOCK != 0,
                local: Some(accepted.local),
                options,
                keep_alive,
                kind: Kind::Connection(accepted.id),
                error_is_told: false,
                opening_is_told: true,
                reads_nothing: false,
            },
        );
        self.under_test = Some(fd);
        Ok(Done::Value(fd))
    }

    fn connect(&mut self, call: &Call, state: &mut Waiting) -> Result<Done, Wrong> {
        let fd = integer(call, 0)?;
        let remote = self.address(argument(call, 1)?, self.choices.connect_port, self.choices.remote)?;
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let (local, options) = (descriptor.local, descriptor.options);
        match descriptor.kind {
            Kind::Connection(_) => return Ok(self.connect_again(fd, state)),
            Kind::Listener(_) => return Ok(Done::Error("EISCONN")),
            Kind::Epoll(_) => return Ok(Done::Error("ENOTSOCK")),
            Kind::Fresh => {}
        }
        let machine = self.machine()?;
        let now = machine.time();
        let opened = machine.stack.connect(
            now,
            ConnectOptions {
                remote,
                local,
                connection: Some(options),
            },
        );
        match opened {
            Ok(id) => {
                let tuple = machine
                    .stack
                    .status(now, id)
                    .map_err(|error| Wrong::Fail(error.to_string()))?
                    .tuple;
                machine.drain();
                self.flow_of(tuple.local(), tuple.remote());
                self.awaits_syn = false;
                self.under_test = Some(fd);
                state.is_opening = true;
                let Some(descriptor) = self.descriptor(fd) else {
                    return Ok(Done::Error("EBADF"));
                };
                descriptor.kind = Kind::Connection(id);
                Ok(if descriptor.is_nonblocking {
                    Done::Error("EINPROGRESS")
                } else {
                    Done::Blocks(None)
                })
            }
            Err(ConnectError::Exists(_)) => Ok(Done::Error("EADDRNOTAVAIL")),
            Err(ConnectError::NoAddress(_)) => Ok(Done::Error("EADDRNOTAVAIL")),
            Err(ConnectError::BadRemote(_) | ConnectError::NoRoute(_)) => Ok(Done::Error("ENETUNREACH")),
            Err(ConnectError::NoPort(_)) => Ok(Done::Error("EADDRNOTAVAIL")),
            Err(ConnectError::TooMany(_)) => Ok(Done::Error("ENOBUFS")),
        }
    }

    /// `connect` on a socket that has a connection: how the open goes, or that it is over.
    fn connect_again(&mut self, fd: i64, state: &Waiting) -> Done {
        let status = self.status_of(fd);
        let Some(descriptor) = self.descriptor(fd) else {
            return Done::Error("EBADF");
        };
        let Some(status) = status else {
            return Done::Error("EBADF");
        };
        if let Some(error) = descriptor.take_error(&status) {
            return Done::Error(error);
        }
        match status.state {
            State::SynSent | State::SynReceived if descriptor.is_nonblocking => Done::Error("EALREADY"),
            State::SynSent | State::SynReceived => Done::Blocks(None),
            _ if descriptor.opening_is_told && !state.is_opening => Done::Error("EISCONN"),
            _ => {
                descriptor.opening_is_told = true;
                Done::Value(0)
            }
        }
    }
}

impl Descriptor {
    /// How the connection ended, the first time that it is asked.
    pub(super) fn take_error(&mut self, status: &Status) -> Option<&'static str> {
        let error = self.error(status);
        self.error_is_told |= error.is_some();
        error
    }

    /// How the connection ended, while it was not told.
    pub(super) fn error(&self, status: &Status) -> Option<&'static str> {
        status.ended.filter(|_| !self.error_is_told).map(errno)
    }
}

/// The kernel's name for an end.
const fn errno(how: Ended) -> &'static str {
    match how {
        Ended::Refused => "ECONNREFUSED",
        Ended::Reset => "ECONNRESET",
        Ended::TimedOut => "ETIMEDOUT",
        Ended::Unreachable(Unreachable::Network) => "ENETUNREACH",
        Ended::Unreachable(Unreachable::Protocol) => "ENOPROTOOPT",
        Ended::Unreachable(_) => "EHOSTUNREACH",
        Ended::Aborted => "ECONNABORTED",
    }
}

/// Two names of one error.
fn same_error(wanted: &str, got: &str) -> bool {
    let one = |name: &str| {
        if name == "EWOULDBLOCK" {
            "EAGAIN".to_owned()
        } else {
            name.to_owned()
        }
    };
    one(wanted) == one(got)
}

pub(super) fn argument(call: &Call, place: usize) -> Result<&Value, Wrong> {
    let missing = || {
        Wrong::Fail(format!(
            "{} needs more than {} arguments",
            call.name,
            call.arguments.len()
        ))
    };
    call.arguments.get(place).ok_or_else(missing)
}

pub(super) fn integer(call: &Call, place: usize) -> Result<i64, Wrong> {
    argument(call, place)?.integer().map_err(Wrong::Unsupported)
}

pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
