//! Data: `read` and `write` with their relatives.

use bytes::Bytes;
use stack::{ReceiveError, Received, SendError, State};

use super::call::{Done, Kind, Waiting, argument, count, integer};
use super::{Run, Wrong};
use crate::pkt::ast::Call;
use crate::pkt::constant;
use crate::pkt::value::Value;

impl Run {
    /// RECEIVE. Where the script has a text for the buffer, that is what must come.
    pub(super) fn read(&mut self, call: &Call) -> Result<Done, Wrong> {
        let (wanted, flags) = transfer(call)?;
        let known = constant::MSG_DONTWAIT | constant::MSG_PEEK | constant::MSG_NOSIGNAL;
        if flags & !known != 0 {
            return Err(Wrong::Unsupported(format!("the flags of `{}`", call.name)));
        }
        let fd = integer(call, 0)?;
        let status = self.status_of(fd);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let Kind::Connection(id) = descriptor.kind else {
            return Ok(Done::Error("ENOTCONN"));
        };
        let waits = !descriptor.is_nonblocking && flags & constant::MSG_DONTWAIT == 0;
        let Some(status) = status else {
            return Ok(Done::Error("EBADF"));
        };
        if flags & constant::MSG_PEEK != 0 && status.receive_queue > 0 {
            return Ok(Done::Value(count(status.receive_queue.min(wanted))));
        }
        if descriptor.reads_nothing && status.receive_queue == 0 {
            return Ok(Done::Value(0));
        }
        let machine = self.machine()?;
        let now = machine.time();
        let mut taken = Vec::new();
        while taken.len() < wanted {
            match machine.stack.receive(now, id, wanted - taken.len()) {
                Ok(Received::Data(bytes)) => taken.extend_from_slice(&bytes),
                _ if !taken.is_empty() => break,
                Ok(Received::Finished) => return Ok(Done::Value(0)),
                Ok(Received::Nothing) => {
                    return Ok(if waits {
                        Done::Blocks(None)
                    } else {
                        Done::Error("EAGAIN")
                    });
                }
                Err(ReceiveError::NoSuch) => return Ok(Done::Error("EBADF")),
                Err(ReceiveError::Ended(_)) => {
                    let told = self
                        .descriptor(fd)
                        .and_then(|descriptor| descriptor.take_error(&status));
                    // Told once; afterwards there is merely nothing more.
                    return Ok(told.map_or(Done::Value(0), Done::Error));
                }
            }
        }
        match call.arguments.get(1) {
            Some(Value::Text(text)) if !taken.starts_with(text) => Err(Wrong::Fail(format!(
                "{} gave \"{}\", not \"{}\"",
                call.name,
                taken.escape_ascii(),
                text.escape_ascii()
            ))),
            _ => Ok(Done::Value(count(taken.len()))),
        }
    }

    /// SEND. What the script has no text for is zeros.
    pub(super) fn write(&mut self, call: &Call, state: &mut Waiting) -> Result<Done, Wrong> {
        let (wanted, flags) = transfer(call)?;
        if flags & !(constant::MSG_DONTWAIT | constant::MSG_NOSIGNAL | constant::MSG_OOB) != 0 {
            return Err(Wrong::Unsupported(format!("the flags of `{}`", call.name)));
        }
        let fd = integer(call, 0)?;
        let status = self.status_of(fd);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let Kind::Connection(id) = descriptor.kind else {
            return Ok(Done::Error("EPIPE"));
        };
        let waits = !descriptor.is_nonblocking && flags & constant::MSG_DONTWAIT == 0;
        let is_opening = status
            .as_ref()
            .is_some_and(|s| matches!(s.state, State::SynSent | State::SynReceived));
        if is_opening {
            // Nothing is taken before the connection is open.
            return Ok(if waits {
                Done::Blocks(None)
            } else {
                Done::Error("EAGAIN")
            });
        }
        let now = self.machine()?.time();
        let mut text = match call.arguments.get(1) {
            Some(Value::Text(text)) => text.clone(),
            _ => Vec::new(),
        };
        text.resize(wanted, 0);
        let text = Bytes::from(text);
        let is_text = text.iter().any(|&byte| byte != 0);
        self.wrote_text |= is_text;
        let machine = self.machine()?;
        while state.taken < wanted {
            let mut data = text.slice(state.taken..);
            let sent = match flags & constant::MSG_OOB {
                0 => machine.stack.send(now, id, &mut data),
                _ => machine.stack.send_urgent(now, id, &mut data),
            };
            // What was taken leaves room for more only once it is acknowledged.
            machine.drain();
            match sent {
                Ok(0) if waits => return Ok(Done::Blocks(None)),
                Ok(0) if state.taken == 0 => return Ok(Done::Error("EAGAIN")),
                Ok(0) => break,
                Ok(taken) => state.taken += taken,
                Err(_) if state.taken > 0 => break,
                Err(SendError::NoSuch) => return Ok(Done::Error("EBADF")),
                Err(SendError::Closing) => return Ok(Done::Error("EPIPE")),
                Err(SendError::Ended(_)) => {
                    let told = status.and_then(|status| self.descriptor(fd)?.take_error(&status));
                    return Ok(Done::Error(told.unwrap_or("EPIPE")));
                }
            }
        }
        Ok(Done::Value(count(state.taken)))
    }
}

/// How many bytes a call reads or writes at most, and its flags.
fn transfer(call: &Call) -> Result<(usize, i64), Wrong> {
    let flags = |place: usize| match call.arguments.get(place) {
        None => Ok(0),
        Some(value) => value.integer().map_err(Wrong::Unsupported),
    };
    let vectors = |value: &Value| -> Result<i64, Wrong> {
        let mut all = 0;
        for vector in value.items() {
            let len = match vector {
                Value::Structure(fields) => fields.last().map(|(_, len)| len),
                _ => None,
            };
            let len = len.ok_or_else(|| Wrong::Unsupported(format!("the vector {vector}")))?;
            all += len.integer().map_err(Wrong::Unsupported)?;
        }
        Ok(all)
    };
    let (len, flags) = match &*call.name {
        "read" | "write" => (integer(call, 2)?, 0),
        "readv" | "writev" => (vectors(argument(call, 1)?)?, 0),
        "recvmsg" | "sendmsg" => {
            let message = argument(call, 1)?;
            let vector = message
                .field("msg_iov")
                .ok_or_else(|| Wrong::Unsupported(format!("the message {message}")))?;
            if message
                .field("msg_control")
                .is_some_and(|control| !matches!(control, Value::Any | Value::Integer(0) | Value::Name(_)))
            {
                return Err(Wrong::Unsupported("control messages".to_owned()));
            }
            (vectors(vector)?, flags(2)?)
        }
        _ => (integer(call, 2)?, flags(3)?),
    };
    let len = usize::try_from(len).map_err(|_| Wrong::Unsupported(format!("a length of {len}")))?;
    if len > 64 << 20 {
        return Err(Wrong::Unsupported(format!("{len} bytes at once")));
    }
    Ok((len, flags))
}
