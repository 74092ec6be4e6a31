//! Settings of a socket: `setsockopt`, `getsockopt`, `fcntl`, `ioctl`.

use stack::Duration;

use super::call::{Descriptor, Done, Kind, argument, count, integer};
use super::{Run, Wrong};
use crate::pkt::ast::Call;
use crate::pkt::constant;
use crate::pkt::value::Value;

/// What TCP_QUICKACK turns on. As many as a new connection acknowledges at once.
const QUICK_ACKS: u8 = 16;

impl Run {
    pub(super) fn setsockopt(&mut self, call: &Call) -> Result<Done, Wrong> {
        let fd = integer(call, 0)?;
        let (name, value) = (argument(call, 2)?.to_string(), argument(call, 3)?);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let id = match descriptor.kind {
            Kind::Connection(id) => Some(id),
            _ => None,
        };
        let before = descriptor.options;
        set(descriptor, &name, value)?;
        let options = descriptor.options;
        if let Some(id) = id
            && options != before
        {
            let machine = self.machine()?;
            let now = machine.time();
            let set = machine.stack.set_options(now, id, options);
            set.map_err(|error| Wrong::Fail(format!("setsockopt: {error}")))?;
        }
        Ok(Done::Value(0))
    }

    pub(super) fn getsockopt(&mut self, call: &Call) -> Result<Done, Wrong> {
        let fd = integer(call, 0)?;
        let (name, wanted) = (argument(call, 2)?.to_string(), argument(call, 3)?);
        let status = self.status_of(fd);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let (options, keep_alive) = (descriptor.options, descriptor.keep_alive);
        let value = match &*name {
            "SO_ERROR" => {
                let error = status.as_ref().and_then(|status| descriptor.take_error(status));
                return error_is(wanted, error);
            }
            "TCP_CONGESTION" => {
                let (name, wanted) = (options.congestion.name(), wanted.items().first().unwrap_or(wanted));
                return match wanted {
                    Value::Any => Ok(Done::Value(0)),
                    Value::Text(text) if text == name.as_bytes() => Ok(Done::Value(0)),
                    _ => Err(Wrong::Fail(format!(
                        "getsockopt of TCP_CONGESTION gave {name}, not {wanted}"
                    ))),
                };
            }
            "TCP_INFO" if *wanted == Value::Any => return Ok(Done::Value(0)),
            "SO_KEEPALIVE" => i64::from(options.keep_alive.is_some()),
            // A kernel counts its own overhead too, and says twice what it was told.
            "SO_RCVBUF" => count(options.receive_buffer.start() * 2),
            "SO_SNDBUF" => count(options.send_buffer.start() * 2),
            "SO_ACCEPTCONN" => i64::from(matches!(descriptor.kind, Kind::Listener(_))),
            "TCP_NODELAY" => i64::from(options.no_delay),
            "TCP_KEEPIDLE" => count(keep_alive.idle.as_secs() as usize),
            "TCP_KEEPINTVL" => count(keep_alive.interval.as_secs() as usize),
            "TCP_KEEPCNT" => i64::from(keep_alive.probes),
            "TCP_SYNCNT" => i64::from(options.syn_retransmissions_max),
            "TCP_USER_TIMEOUT" => options.user_timeout.map_or(0, |time| count(time.as_millis() as usize)),
            "TCP_MAXSEG" if status.is_some() => status.map_or(0, |status| count(status.snd_mss)),
            _ => return Err(Wrong::Unsupported(format!("getsockopt of {name}"))),
        };
        if *wanted != Value::Any && wanted.integer().map_err(Wrong::Unsupported)? != value {
            return Err(Wrong::Fail(format!("getsockopt of {name} gave {value}, not {wanted}")));
        }
        Ok(Done::Value(0))
    }

    pub(super) fn fcntl(&mut self, call: &Call) -> Result<Done, Wrong> {
        let command = argument(call, 1)?.to_string();
        let fd = integer(call, 0)?;
        let flags = call
            .arguments
            .get(2)
            .map_or(Ok(0), Value::integer)
            .map_err(Wrong::Unsupported)?;
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        match &*command {
            "F_GETFL" => Ok(Done::Value(
                2 | if descriptor.is_nonblocking {
                    constant::O_NONBLOCK
                } else {
                    0
                },
            )),
            "F_SETFL" => {
                descriptor.is_nonblocking = flags & constant::O_NONBLOCK != 0;
                Ok(Done::Value(0))
            }
            "F_GETFD" | "F_SETFD" => Ok(Done::Value(0)),
            _ => Err(Wrong::Unsupported(format!("fcntl with {command}"))),
        }
    }

    pub(super) fn ioctl(&mut self, call: &Call) -> Result<Done, Wrong> {
        let request = argument(call, 1)?.to_string();
        let fd = integer(call, 0)?;
        let status = self.status_of(fd);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let wanted = argument(call, 2)?;
        let value = match (&*request, status) {
            ("FIONBIO", _) => {
                descriptor.is_nonblocking = wanted.integer().map_err(Wrong::Unsupported)? != 0;
                return Ok(Done::Value(0));
            }
            ("FIONREAD" | "SIOCINQ", Some(status)) => status.receive_queue,
            ("SIOCOUTQ" | "TIOCOUTQ", Some(status)) => status.send_queue,
            ("SIOCOUTQNSD", Some(status)) => status.unsent,
            ("FIONREAD" | "SIOCINQ" | "SIOCOUTQ" | "TIOCOUTQ" | "SIOCOUTQNSD", None) => {
                return Ok(Done::Error("EINVAL"));
            }
            _ => return Err(Wrong::Unsupported(format!("ioctl with {request}"))),
        };
        if *wanted != Value::Any && wanted.integer().map_err(Wrong::Unsupported)? != count(value) {
            return Err(Wrong::Fail(format!("ioctl with {request} gave {value}, not {wanted}")));
        }
        Ok(Done::Value(0))
    }
}

/// Compares SO_ERROR, which scripts write as a number or a name.
fn error_is(wanted: &Value, error: Option<&'static str>) -> Result<Done, Wrong> {
    let inner = match wanted {
        Value::List(items) if items.len() == 1 => &items[0],
        other => other,
    };
    let is_right = match (inner, error) {
        (Value::Any, _) | (Value::Integer(0), None) => true,
        (Value::Name(name), Some(error)) => name == error,
        (Value::Integer(n), Some(error)) => ERRORS.contains(&(error, *n)),
        _ => false,
    };
    if is_right {
        return Ok(Done::Value(0));
    }
    Err(Wrong::Fail(format!(
        "SO_ERROR is {}, not {inner}",
        error.unwrap_or("0")
    )))
}

/// The numbers of those errors that a connection can have.
const ERRORS: &[(&str, i64)] = &[
    ("EPIPE", 32),
    ("ENOPROTOOPT", 92),
    ("ENETUNREACH", 101),
    ("ECONNABORTED", 103),
    ("ECONNRESET", 104),
    ("ETIMEDOUT", 110),
    ("ECONNREFUSED", 111),
    ("EHOSTUNREACH", 113),
];

/// Sets one thing.
fn set(descriptor: &mut Descriptor, name: &str, value: &Value) -> Result<(), Wrong> {
    let unknown = || Wrong::Unsupported(format!("setsockopt of {name} to {value}"));
    let number = || value.integer().map_err(Wrong::Unsupported);
    let small = || u8::try_from(number()?).map_err(|_| unknown());
    let whole = || u64::try_from(number()?).map_err(|_| unknown());
    let (options, keep_alive) = (&mut descriptor.options, &mut descriptor.keep_alive);
    match name {
        // Every address may be used again here, and nobody else uses any.
        "SO_REUSEADDR" | "SO_REUSEPORT" => return Ok(()),
        "SO_KEEPALIVE" => options.keep_alive = (number()? != 0).then_some(*keep_alive),
        "SO_RCVBUF" => options.receive_buffer = usize::try_from(number()?).map_err(|_| unknown())?.into(),
        "SO_SNDBUF" => options.send_buffer = usize::try_from(number()?).map_err(|_| unknown())?.into(),
        "SO_LINGER" => {
            // Both notations are seen.
            let part = |name: &str, other: &str| {
                let field = value.field(name).or_else(|| value.field(other));
                field.map(Value::integer).and_then(Result::ok)
            };
            let (Some(on), Some(time)) = (part("onoff", "l_onoff"), part("linger", "l_linger")) else {
                return Err(unknown());
            };
            let time = u64::try_from(time).map_err(|_| unknown())?;
            options.linger = (on != 0).then_some(Duration::from_secs(time));
        }
        "TCP_NODELAY" => options.no_delay = number()? != 0,
        "TCP_QUICKACK" => options.quick_acks = if number()? != 0 { QUICK_ACKS } else { 0 },
        "TCP_SYNCNT" => options.syn_retransmissions_max = small()?,
        "TCP_USER_TIMEOUT" => {
            let millis = whole()?;
            options.user_timeout = (millis != 0).then(|| Duration::from_millis(millis));
        }
        "TCP_LINGER2" => options.fin_wait_2 = Duration::from_secs(whole()?),
        "TCP_KEEPIDLE" => keep_alive.idle = Duration::from_secs(whole()?),
        "TCP_KEEPINTVL" => keep_alive.interval = Duration::from_secs(whole()?),
        "TCP_KEEPCNT" => keep_alive.probes = small()?,
        "TCP_CONGESTION" => {
            let Value::Text(name) = value else {
                return Err(unknown());
            };
            let name = str::from_utf8(name).map_err(|_| unknown())?;
            options.congestion = name.parse().map_err(|_| unknown())?;
        }
        _ => return Err(unknown()),
    }
    if options.keep_alive.is_some() {
        options.keep_alive = Some(*keep_alive);
    }
    Ok(())
}
