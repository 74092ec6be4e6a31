//! Pipes, as far as `splice` needs them: bytes between a socket and nobody.

use std::collections::VecDeque;
use std::os::fd::RawFd;

use bytes::Bytes;

use crate::calls::{Answer, Stop};
use crate::errno::Errno;
use crate::net::Net;
use crate::socket::File;

/// How much a pipe holds, as Linux has it. Units: bytes.
const PIPE_MAX: usize = 64 << 10;

/// A pipe's bytes, at the end that is read.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) bytes: VecDeque<u8>,
    /// The other end was closed.
    pub(crate) is_ended: bool,
}

impl Pipe {
    pub(crate) fn room(&self) -> usize {
        PIPE_MAX.saturating_sub(self.bytes.len())
    }

    fn take(&mut self, max: usize) -> Vec<u8> {
        let len = self.bytes.len().min(max);
        self.bytes.drain(..len).collect()
    }
}

impl Net {
    /// `pipe`: the end to read, and the end to write.
    pub(crate) fn pipe(&mut self) -> Result<(RawFd, RawFd), Errno> {
        let out = self.open(File::PipeOut(Pipe::default()))?;
        match self.open(File::PipeIn(out)) {
            Ok(end) => Ok((out, end)),
            Err(error) => {
                self.close(out)?;
                Err(error)
            }
        }
    }

    /// The bytes behind the end that is written, unless its other end was closed.
    pub(crate) fn pipe_of(&mut self, end: RawFd) -> Option<&mut Pipe> {
        let Some(File::PipeIn(out)) = self.files.get(&end) else {
            return None;
        };
        match self.files.get_mut(&out.clone()) {
            Some(File::PipeOut(pipe)) if !pipe.is_ended => Some(pipe),
            _ => None,
        }
    }

    pub(crate) fn read_pipe(&mut self, out: RawFd, max: usize) -> Answer<Vec<u8>> {
        let Some(File::PipeOut(pipe)) = self.files.get_mut(&out) else {
            return Err(Errno(libc::EBADF).into());
        };
        if pipe.bytes.is_empty() && !pipe.is_ended && max > 0 {
            return Err(Stop::wait(out, libc::POLLIN));
        }
        Ok(pipe.take(max))
    }

    /// Writes as much as there is room for, at least something.
    pub(crate) fn write_pipe(&mut self, end: RawFd, data: &mut Bytes, done: &mut usize) -> Answer<usize> {
        let pipe = self.pipe_of(end).ok_or(Errno(libc::EPIPE))?;
        let now = data.split_to(data.len().min(pipe.room()));
        pipe.bytes.extend(&now);
        *done += now.len();
        if data.is_empty() {
            Ok(*done)
        } else {
            Err(Stop::wait(end, libc::POLLOUT))
        }
    }

    /// `splice`: moves at most `len` bytes between a socket and a pipe. Waits unless one of them, or the caller, does not.
    pub(crate) fn splice(&mut self, from: RawFd, to: RawFd, len: usize, dont_wait: bool) -> Answer<usize> {
        match (self.files.get(&from), self.files.get(&to)) {
            (Some(File::Socket(_)), Some(File::PipeIn(_))) => {
                let room = self.pipe_of(to).ok_or(Errno(libc::EPIPE))?.room();
                if room == 0 && len > 0 {
                    return wait_unless(dont_wait, to, libc::POLLOUT);
                }
                let mut bytes = Vec::new();
                let flags = if dont_wait { libc::MSG_DONTWAIT } else { 0 };
                self.receive(from, &mut bytes, len.min(room), flags)?;
                let pipe = self.pipe_of(to).ok_or(Errno(libc::EPIPE))?;
                pipe.bytes.extend(&bytes);
                Ok(bytes.len())
            }
            (Some(File::PipeOut(pipe)), Some(File::Socket(_))) => {
                if pipe.bytes.is_empty() && !pipe.is_ended && len > 0 {
                    return wait_unless(dont_wait, from, libc::POLLIN);
                }
                let front: Vec<u8> = pipe.bytes.iter().copied().take(len).collect();
                if front.is_empty() {
                    return Ok(0);
                }
                let (mut data, mut done) = (Bytes::from(front), 0);
                let sent = self.send(to, &mut data, &mut done, if dont_wait { libc::MSG_DONTWAIT } else { 0 });
                if let Some(File::PipeOut(pipe)) = self.files.get_mut(&from) {
                    pipe.take(done);
                }
                // What was moved before the socket was full is the answer.
                if done > 0 { Ok(done) } else { sent }
            }
            (None, _) | (_, None) => Err(Errno(libc::EBADF).into()),
            _ => Err(Errno(libc::EINVAL).into()),
        }
    }
}

fn wait_unless(dont_wait: bool, fd: RawFd, events: i16) -> Answer<usize> {
    Err(if dont_wait {
        Errno(libc::EAGAIN).into()
    } else {
        Stop::wait(fd, events)
    })
}
