//! Readiness, as `poll` tells it; whoever waits for anything waits for this.

use std::os::fd::RawFd;

use libc::{POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, pollfd};
use stack::{Entry, ListenerId, State};

use crate::calls::{Answer, Stop, Want};
use crate::net::Net;
use crate::socket::{File, Role, Stream};

/// Told whether asked for or not.
pub(crate) const ALWAYS: i16 = POLLERR | POLLHUP | POLLNVAL;
const READABLE: i16 = POLLIN | POLLRDNORM;
const WRITABLE: i16 = POLLOUT | POLLWRNORM;

impl Net {
    /// All that a descriptor is ready for; `POLLNVAL` where it is none.
    pub(crate) fn readiness(&self, fd: RawFd) -> i16 {
        match self.files.get(&fd) {
            None => POLLNVAL,
            Some(File::Socket(socket)) => match &socket.role {
                Role::Fresh => WRITABLE | POLLHUP,
                Role::Listening(id) => {
                    if self.accept_queue(*id).0 > 0 {
                        READABLE
                    } else {
                        0
                    }
                }
                Role::Stream(stream) => self.stream_readiness(stream),
            },
            Some(File::Epoll(epoll)) => {
                if self.epoll_is_ready(epoll) {
                    READABLE
                } else {
                    0
                }
            }
            Some(File::PipeOut(pipe)) => match (pipe.bytes.is_empty(), pipe.is_ended) {
                (false, _) => READABLE,
                (true, true) => POLLHUP,
                (true, false) => 0,
            },
            Some(File::PipeIn(out)) => match self.files.get(out) {
                Some(File::PipeOut(pipe)) if pipe.room() > 0 => WRITABLE,
                Some(File::PipeOut(_)) => 0,
                _ => WRITABLE | POLLERR,
            },
        }
    }

    fn stream_readiness(&self, stream: &Stream) -> i16 {
        let Some(status) = self.status(stream) else {
            return POLLHUP | READABLE | WRITABLE;
        };
        if !stream.is_opened && status.ended.is_none() {
            return 0;
        }
        let is_over = matches!(status.state, State::Closed | State::TimeWait);
        let has_fin = matches!(status.state, State::CloseWait | State::Closing | State::LastAck) || is_over;
        let is_send_shut = !matches!(status.state, State::Established | State::CloseWait);
        let room = self.room(stream) > 0;
        let mut ready = 0;
        if status.receive_queue > 0 || has_fin || stream.is_read_shut {
            ready |= READABLE;
        }
        if has_fin || stream.is_read_shut {
            ready |= POLLRDHUP;
        }
        if room || is_send_shut {
            ready |= WRITABLE;
        }
        if is_over || (has_fin || stream.is_read_shut) && is_send_shut {
            ready |= POLLHUP;
        }
        if status.ended.is_some() && !stream.is_end_told {
            ready |= POLLERR;
        }
        ready
    }

    /// How many connections wait to be accepted, and the bound.
    pub(crate) fn accept_queue(&self, id: ListenerId) -> (usize, usize) {
        let found = self.entries().into_iter().find_map(|entry| match entry {
            Entry::Listener {
                id: other,
                accept_queue,
                ..
            } if other == id => Some(accept_queue),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// `poll`: fills in what is ready, and says how many are. `is_over`: the caller waits no longer.
    pub(crate) fn poll(&mut self, fds: &mut [pollfd], is_over: bool) -> Answer<usize> {
        for one in fds.iter_mut() {
            one.revents = if one.fd < 0 {
                0
            } else {
                self.readiness(one.fd) & (one.events | ALWAYS)
            };
        }
        let ready = fds.iter().filter(|one| one.revents != 0).count();
        if ready > 0 || is_over {
            return Ok(ready);
        }
        Err(Stop::Wait(Want {
            files: fds
                .iter()
                .filter(|one| one.fd >= 0)
                .map(|one| (one.fd, one.events))
                .collect(),
        }))
    }
}
