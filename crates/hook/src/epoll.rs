//! `epoll`, level- and edge-triggered.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use libc::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLONESHOT, c_int};

use crate::calls::{Answer, Stop};
use crate::errno::Errno;
use crate::net::Net;
use crate::poll::ALWAYS;
use crate::socket::File;
use crate::unsupported;

/// A set of descriptors that somebody is interested in.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    pub(crate) interests: BTreeMap<RawFd, Interest>,
}

/// What somebody wants to know of one descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interest {
    events: u32,
    data: u64,
    /// Not told again until it is changed (EPOLLONESHOT).
    is_spent: bool,
    /// How many edges had come when it was last told (EPOLLET).
    told: Option<u64>,
}

const KNOWN: u32 = (libc::EPOLLIN
    | libc::EPOLLOUT
    | libc::EPOLLRDHUP
    | libc::EPOLLERR
    | libc::EPOLLHUP
    | libc::EPOLLRDNORM
    | libc::EPOLLWRNORM
    | EPOLLET
    | EPOLLONESHOT) as u32;

impl Net {
    fn epoll(&mut self, set: RawFd) -> Result<&mut Epoll, Errno> {
        match self.files.get_mut(&set) {
            Some(File::Epoll(epoll)) => Ok(epoll),
            Some(_) => Err(Errno(libc::EINVAL)),
            None => Err(Errno(libc::EBADF)),
        }
    }

    /// `epoll_create`.
    pub(crate) fn epoll_create(&mut self, size: c_int) -> Result<RawFd, Errno> {
        if size <= 0 {
            return Err(Errno(libc::EINVAL));
        }
        self.open(File::Epoll(Epoll::default()))
    }

    /// `epoll_ctl`; `event` is what the caller gave: events and data.
    pub(crate) fn epoll_ctl(
        &mut self,
        set: RawFd,
        op: c_int,
        fd: RawFd,
        event: Option<(u32, u64)>,
    ) -> Result<(), Errno> {
        match self.files.get(&fd) {
            None => return Err(Errno(libc::EBADF)),
            Some(File::Epoll(_)) => {
                unsupported(format_args!("a set of epoll in another"));
                return Err(Errno(libc::EINVAL));
            }
            Some(_) => {}
        }
        let interests = &mut self.epoll(set)?.interests;
        if op == EPOLL_CTL_DEL {
            return interests.remove(&fd).map(drop).ok_or(Errno(libc::ENOENT));
        }
        let (events, data) = event.ok_or(Errno(libc::EFAULT))?;
        if events & !KNOWN != 0 {
            unsupported(format_args!("epoll events {:#x}", events & !KNOWN));
        }
        match (op, interests.contains_key(&fd)) {
            (EPOLL_CTL_ADD, true) => return Err(Errno(libc::EEXIST)),
            (EPOLL_CTL_MOD, false) => return Err(Errno(libc::ENOENT)),
            (EPOLL_CTL_ADD | EPOLL_CTL_MOD, _) => {}
            _ => return Err(Errno(libc::EINVAL)),
        }
        let interest = Interest {
            events,
            data,
            is_spent: false,
            told: None,
        };
        interests.insert(fd, interest);
        Ok(())
    }

    fn edges(&self, fd: RawFd) -> u64 {
        match self.files.get(&fd) {
            Some(File::Socket(socket)) => socket.edges,
            _ => 0,
        }
    }

    /// What there is to tell of one descriptor.
    fn interesting(&self, fd: RawFd, interest: &Interest) -> u32 {
        let is_old = interest.events & EPOLLET as u32 != 0 && interest.told == Some(self.edges(fd));
        if interest.is_spent || is_old {
            return 0;
        }
        // The numbers of `poll` and `epoll` are the same on Linux.
        u32::from(self.readiness(fd) as u16) & (interest.events | ALWAYS as u32)
    }

    pub(crate) fn epoll_is_ready(&self, epoll: &Epoll) -> bool {
        epoll
            .interests
            .iter()
            .any(|(&fd, interest)| self.interesting(fd, interest) != 0)
    }

    /// `epoll_wait`: at most `most` pairs of events and data. `is_over`: the caller waits no longer.
    pub(crate) fn epoll_wait(&mut self, set: RawFd, most: usize, is_over: bool) -> Answer<Vec<(u32, u64)>> {
        let interests = self.epoll(set)?.interests.clone();
        let mut ready = Vec::new();
        for (fd, interest) in interests {
            let events = self.interesting(fd, &interest);
            if events == 0 || ready.len() == most {
                continue;
            }
            ready.push((events, interest.data));
            let edges = self.edges(fd);
            if let Some(kept) = self.epoll(set)?.interests.get_mut(&fd) {
                kept.told = Some(edges);
                kept.is_spent = kept.events & EPOLLONESHOT as u32 != 0;
            }
        }
        if ready.is_empty() && !is_over {
            return Err(Stop::wait(set, libc::POLLIN));
        }
        Ok(ready)
    }
}
