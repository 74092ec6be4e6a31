//! The end of a connection: `close` and `shutdown`.

use stack::{ConnectionId, Entry, State};

use super::call::{Done, Kind, Waiting, integer};
use super::{Run, Wrong};
use crate::pkt::ast::Call;

impl Run {
    /// CLOSE, or ABORT where SO_LINGER asks for that. With a linger time it waits until the peer has acknowledged everything.
    pub(super) fn close(&mut self, call: &Call, state: &mut Waiting) -> Result<Done, Wrong> {
        if let Some((id, until)) = state.lingers {
            return Ok(self.lingers(id, until));
        }
        let fd = integer(call, 0)?;
        let Some(at) = self.descriptors.iter().position(|(known, _)| *known == fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let (_, descriptor) = self.descriptors.remove(at);
        let begun = self.now();
        let machine = self.machine()?;
        let now = machine.time();
        let closed = match descriptor.kind {
            Kind::Listener(id) => machine.stack.close_listener(now, id),
            Kind::Connection(id) => machine.stack.close(now, id),
            Kind::Fresh | Kind::Epoll(_) => Ok(()),
        };
        closed.map_err(|error| Wrong::Fail(format!("close: {error}")))?;
        if let (Kind::Connection(id), Some(linger)) = (descriptor.kind, descriptor.options.linger) {
            machine.drain();
            let until = begun.saturating_add(linger.as_micros());
            state.lingers = Some((id, until));
            return Ok(self.lingers(id, until));
        }
        Ok(Done::Value(0))
    }

    /// Whether a close still waits: our FIN is not acknowledged, and there is time.
    fn lingers(&self, id: ConnectionId, until: u64) -> Done {
        let machine = self.machine.iter();
        let mut entries = machine.flat_map(|machine| machine.stack.entries(machine.time()));
        let is_closing = entries.any(|entry| {
            matches!(&entry, Entry::Connection { id: known, status } if *known == id
                && matches!(status.state, State::FinWait1 | State::Closing | State::LastAck))
        });
        if is_closing && self.now() < until {
            Done::Blocks(Some(until))
        } else {
            Done::Value(0)
        }
    }

    /// CLOSE of one direction.
    pub(super) fn shutdown(&mut self, call: &Call) -> Result<Done, Wrong> {
        let (fd, how) = (integer(call, 0)?, integer(call, 1)?);
        let status = self.status_of(fd);
        let Some(descriptor) = self.descriptor(fd) else {
            return Ok(Done::Error("EBADF"));
        };
        let id = match descriptor.kind {
            Kind::Connection(id) => id,
            // A listener sends nothing; one that receives nothing listens no more, and may do so again.
            Kind::Listener(_) if how == 1 => return Ok(Done::Value(0)),
            Kind::Listener(id) => {
                descriptor.kind = Kind::Fresh;
                let machine = self.machine()?;
                let now = machine.time();
                let closed = machine.stack.close_listener(now, id);
                return closed
                    .map(|()| Done::Value(0))
                    .map_err(|error| Wrong::Fail(format!("shutdown: {error}")));
            }
            Kind::Fresh | Kind::Epoll(_) => return Ok(Done::Error("ENOTCONN")),
        };
        let is_over = status.is_none_or(|s| matches!(s.state, State::Closed | State::TimeWait));
        if is_over {
            return Ok(Done::Error("ENOTCONN"));
        }
        descriptor.reads_nothing |= how != 1;
        if how == 0 {
            return Ok(Done::Value(0));
        }
        let machine = self.machine()?;
        let now = machine.time();
        Ok(match machine.stack.shutdown(now, id) {
            Ok(()) => Done::Value(0),
            Err(_) => Done::Error("ENOTCONN"),
        })
    }
}
