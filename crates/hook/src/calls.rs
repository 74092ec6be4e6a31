//! The calls of sockets, with the answers that Linux gives. None of them blocks: what has to wait says for what.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use bytes::Bytes;
use libc::{POLLIN, POLLOUT, c_int};
use stack::{ConnectOptions, ListenOptions, ReceiveError, Received};

use crate::errno::Errno;
use crate::net::Net;
use crate::socket::{File, Role, Socket, Stream};
use crate::unsupported;

/// What a call answers at once.
pub(crate) type Answer<R> = Result<R, Stop>;

/// Why a call has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It failed.
    Errno(Errno),
    /// It has to wait, and is to be asked again when one of these is ready.
    Wait(Want),
}

/// What a caller waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Want {
    /// Descriptors and events, as `poll` has them.
    pub(crate) files: Vec<(RawFd, i16)>,
}

impl Stop {
    pub(crate) fn wait(fd: RawFd, events: i16) -> Self {
        Self::Wait(Want {
            files: vec![(fd, events)],
        })
    }
}

impl From<Errno> for Stop {
    fn from(error: Errno) -> Self {
        Self::Errno(error)
    }
}

/// Flags that change nothing here.
const SEND_IGNORED: c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
const SEND_KNOWN: c_int = SEND_IGNORED | libc::MSG_OOB;
const RECEIVE_KNOWN: c_int = libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_TRUNC | libc::MSG_NOSIGNAL;
/// To wait for more than there is and to leave it: what waits would be ready at once, again and again.
const PEEK_KNOWN: c_int = RECEIVE_KNOWN & !libc::MSG_WAITALL | libc::MSG_PEEK;

/// Refuses flags that are not known, by name.
fn check_flags(call: &str, flags: c_int, known: c_int) -> Result<(), Errno> {
    if flags & !known == 0 {
        return Ok(());
    }
    unsupported(format_args!("{call} with flags {:#x}", flags & !known));
    Err(Errno(libc::EOPNOTSUPP))
}

impl Net {
    /// `socket`.
    pub(crate) fn socket(&mut self, domain: c_int, kind: c_int, protocol: c_int) -> Result<RawFd, Errno> {
        let kind_alone = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
        if !matches!(domain, libc::AF_INET | libc::AF_INET6) {
            unsupported(format_args!("socket of family {domain}"));
            return Err(Errno(libc::EAFNOSUPPORT));
        }
        if kind_alone != libc::SOCK_STREAM || !matches!(protocol, 0 | libc::IPPROTO_TCP) {
            unsupported(format_args!("socket of type {kind_alone} and protocol {protocol}"));
            return Err(Errno(libc::EPROTONOSUPPORT));
        }
        self.open(File::Socket(Box::new(Socket {
            is_v6: domain == libc::AF_INET6,
            is_nonblocking: kind & libc::SOCK_NONBLOCK != 0,
            reuses_address: false,
            local: None,
            options: self.settings.config.connection,
            keeps_alive: false,
            keep_alive: self.settings.keep_alive,
            role: Role::Fresh,
            edges: 0,
        })))
    }

    /// Any address of another family is any address of ours.
    fn ours(&self, addr: SocketAddr) -> SocketAddr {
        let is_v4 = self.settings.config.addresses.iter().all(IpAddr::is_ipv4);
        match (addr.ip().is_unspecified(), is_v4) {
            (true, true) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), addr.port()),
            (true, false) => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), addr.port()),
            (false, _) => addr,
        }
    }

    /// `bind`.
    pub(crate) fn bind(&mut self, fd: RawFd, addr: SocketAddr) -> Result<(), Errno> {
        let mut addr = self.ours(addr);
        let socket = self.socket_of(fd)?;
        if socket.local.is_some() || !matches!(socket.role, Role::Fresh) {
            return Err(Errno(libc::EINVAL));
        }
        let config = &self.settings.config;
        if !(addr.ip().is_unspecified() || config.addresses.contains(&addr.ip())) {
            return Err(Errno(libc::EADDRNOTAVAIL));
        }
        let reuses = socket.reuses_address;
        if addr.port() == 0 {
            let (first, last) = config.ephemeral_ports;
            let free = (first..=last).find(|&port| !self.is_bound(SocketAddr::new(addr.ip(), port), false));
            addr.set_port(free.ok_or(Errno(libc::EADDRINUSE))?);
        } else if self.is_bound(addr, reuses) {
            return Err(Errno(libc::EADDRINUSE));
        }
        self.socket_mut(fd)?.local = Some(addr);
        Ok(())
    }

    /// Whether a socket keeps others from this address: one that listens does so always, another unless both share.
    fn is_bound(&self, addr: SocketAddr, reuses: bool) -> bool {
        self.files.values().any(|file| {
            let File::Socket(other) = file else { return false };
            let overlaps = other.local.is_some_and(|l| {
                let any = l.ip().is_unspecified() || addr.ip().is_unspecified();
                l.port() == addr.port() && (any || l.ip() == addr.ip())
            });
            overlaps && (matches!(other.role, Role::Listening(_)) || !(reuses && other.reuses_address))
        })
    }

    /// `listen`.
    pub(crate) fn listen(&mut self, fd: RawFd, backlog: c_int) -> Result<(), Errno> {
        let any = self.ours(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        let settings = &self.settings;
        let accept_backlog = settings.accept_queue(backlog.into());
        let socket = self.socket_of(fd)?;
        match socket.role {
            Role::Listening(_) => {
                unsupported(format_args!("a second listen, to change the backlog"));
                return Ok(());
            }
            Role::Stream(_) => return Err(Errno(libc::EINVAL)),
            Role::Fresh => {}
        }
        let options = ListenOptions {
            local: socket.local.unwrap_or(any),
            accept_backlog,
            connection: socket.connection_options(),
            ..settings.listen
        };
        let id = self.stack().listen(options)?;
        let local = self.stack().listener_local(id)?;
        let socket = self.socket_mut(fd)?;
        socket.role = Role::Listening(id);
        socket.local = Some(local);
        Ok(())
    }

    /// `accept`.
    pub(crate) fn accept(&mut self, fd: RawFd) -> Answer<(RawFd, SocketAddr, bool)> {
        let listener = self.socket_of(fd)?;
        let Role::Listening(id) = listener.role else {
            return Err(Errno(libc::EINVAL).into());
        };
        let (is_v6, is_nonblocking) = (listener.is_v6, listener.is_nonblocking);
        let now = self.now();
        let Some(accepted) = self.stack().accept(now, id).map_err(Errno::from)? else {
            return Err(if is_nonblocking {
                Errno(libc::EAGAIN).into()
            } else {
                Stop::wait(fd, POLLIN)
            });
        };
        let listener = self.socket_of(fd)?;
        let socket = Socket {
            is_v6,
            is_nonblocking: false,
            reuses_address: listener.reuses_address,
            local: Some(accepted.local),
            options: listener.options,
            keeps_alive: listener.keeps_alive,
            keep_alive: listener.keep_alive,
            role: Role::Stream(Stream::new(accepted.id, true)),
            edges: 0,
        };
        let (told, known) = (socket.connection_options(), self.stack().options(accepted.id));
        if known.is_ok_and(|known| known != told) {
            // The listener was told something since it listens.
            self.stack().set_options(now, accepted.id, told).map_err(Errno::from)?;
        }
        Ok((self.open(File::Socket(Box::new(socket)))?, accepted.remote, is_v6))
    }

    /// `connect`. Asked again while it waits.
    pub(crate) fn connect(&mut self, fd: RawFd, remote: SocketAddr, is_first: bool) -> Answer<()> {
        let socket = self.socket_of(fd)?;
        let is_nonblocking = socket.is_nonblocking;
        let is_new = match &socket.role {
            Role::Listening(_) => return Err(Errno(libc::EISCONN).into()),
            Role::Fresh => true,
            Role::Stream(_) => false,
        };
        if is_new {
            let options = ConnectOptions {
                remote,
                local: socket.local,
                connection: Some(socket.connection_options()),
            };
            let now = self.now();
            let id = self.stack().connect(now, options).map_err(Errno::from)?;
            let local = self.stack().status(now, id).map_err(Errno::from)?.tuple.local();
            let socket = self.socket_mut(fd)?;
            socket.role = Role::Stream(Stream::new(id, false));
            socket.local = Some(local);
        }
        if let Some(error) = self.take_error(fd)? {
            return Err(error.into());
        }
        let Some(stream) = self.socket_mut(fd)?.stream_mut() else {
            return Err(Errno(libc::ECONNABORTED).into());
        };
        if !stream.is_opened {
            return Err(match (is_nonblocking, is_new) {
                (false, _) => Stop::wait(fd, POLLOUT),
                (true, true) => Errno(libc::EINPROGRESS).into(),
                (true, false) => Errno(libc::EALREADY).into(),
            });
        }
        let was_told = std::mem::replace(&mut stream.is_open_told, true);
        if was_told && is_first {
            return Err(Errno(libc::EISCONN).into());
        }
        Ok(())
    }

    /// The error that ended the socket's connection, told once (SO_ERROR). After a failed open the socket is as new.
    pub(crate) fn take_error(&mut self, fd: RawFd) -> Result<Option<Errno>, Errno> {
        let Some(stream) = self.socket_of(fd)?.stream() else {
            return Ok(None);
        };
        let (id, is_opened, after_fin) = (stream.id, stream.is_opened, stream.after_fin);
        let ended = self.status(stream).and_then(|status| status.ended);
        let Some(how) = ended.filter(|_| !stream.is_end_told) else {
            return Ok(None);
        };
        let now = self.now();
        let socket = self.socket_mut(fd)?;
        if is_opened {
            if let Some(stream) = socket.stream_mut() {
                stream.is_end_told = true;
            }
        } else {
            socket.role = Role::Fresh;
            self.stack().close(now, id)?;
        }
        Ok(Some(Errno::of_end(how, after_fin)))
    }

    /// `read` and its kin: appends to `into` until there are `max` bytes, or what there is.
    pub(crate) fn receive(&mut self, fd: RawFd, into: &mut Vec<u8>, max: usize, flags: c_int) -> Answer<()> {
        let peeks = flags & libc::MSG_PEEK != 0;
        check_flags("recv", flags, if peeks { PEEK_KNOWN } else { RECEIVE_KNOWN })?;
        let socket = self.socket_of(fd)?;
        let dont_wait = socket.is_nonblocking || flags & libc::MSG_DONTWAIT != 0;
        let Some(stream) = socket.stream() else {
            return Err(Errno(libc::ENOTCONN).into());
        };
        let (id, is_opened, is_read_shut) = (stream.id, stream.is_opened, stream.is_read_shut);
        let now = self.now();
        if peeks && is_opened {
            let mut slices = Vec::new();
            self.stack().peek(id, max, &mut slices).map_err(Errno::from)?;
            if !slices.is_empty() {
                into.extend(slices.concat());
                return Ok(());
            }
        }
        while is_opened && into.len() < max {
            match self.stack().receive(now, id, max - into.len()) {
                Ok(Received::Data(data)) => into.extend_from_slice(&data),
                Ok(Received::Nothing) => break,
                Ok(Received::Finished) => return Ok(()),
                Err(ReceiveError::NoSuch) => return Err(Errno(libc::EBADF).into()),
                Err(ReceiveError::Ended(_)) if !into.is_empty() => return Ok(()),
                // Once the error was told, the end of the stream.
                Err(ReceiveError::Ended(_)) => return self.take_error(fd)?.map_or(Ok(()), |error| Err(error.into())),
            }
        }
        let is_enough = !into.is_empty() && flags & libc::MSG_WAITALL == 0;
        if is_enough || into.len() == max || is_read_shut {
            return Ok(());
        }
        if let Some(error) = self.take_error(fd)? {
            return Err(error.into());
        }
        match (dont_wait, into.is_empty()) {
            (false, _) => Err(Stop::wait(fd, POLLIN)),
            (true, false) => Ok(()),
            (true, true) => Err(Errno(libc::EAGAIN).into()),
        }
    }

    /// `write` and its kin: all of `data`, or as much as goes without waiting. `done` says how much went before a wait.
    pub(crate) fn send(&mut self, fd: RawFd, data: &mut Bytes, done: &mut usize, flags: c_int) -> Answer<usize> {
        check_flags("send", flags, SEND_KNOWN)?;
        let socket = self.socket_of(fd)?;
        let dont_wait = socket.is_nonblocking || flags & libc::MSG_DONTWAIT != 0;
        let Some(stream) = socket.stream() else {
            return Err(Errno(libc::EPIPE).into());
        };
        let (id, is_opened) = (stream.id, stream.is_opened);
        let now = self.now();
        if *done == 0
            && let Some(error) = self.take_error(fd)?
        {
            return Err(error.into());
        }
        if is_opened {
            let stack = self.stack();
            let sent = if flags & libc::MSG_OOB != 0 {
                stack.send_urgent(now, id, data)
            } else {
                stack.send(now, id, data)
            };
            match sent {
                Ok(taken) => *done += taken,
                Err(_) if *done > 0 => return Ok(*done),
                Err(error) => return Err(Errno::from(error).into()),
            }
        }
        match (is_opened && data.is_empty(), dont_wait, *done) {
            (true, ..) => Ok(*done),
            (false, false, _) => Err(Stop::wait(fd, POLLOUT)),
            (false, true, 0) => Err(Errno(libc::EAGAIN).into()),
            (false, true, _) => Ok(*done),
        }
    }

    /// `shutdown`.
    pub(crate) fn shutdown(&mut self, fd: RawFd, how: c_int) -> Result<(), Errno> {
        if !matches!(how, libc::SHUT_RD | libc::SHUT_WR | libc::SHUT_RDWR) {
            return Err(Errno(libc::EINVAL));
        }
        let socket = self.socket_of(fd)?;
        if let Role::Listening(id) = socket.role {
            if how == libc::SHUT_WR {
                return Ok(());
            }
            let now = self.now();
            self.socket_mut(fd)?.role = Role::Fresh;
            return Ok(self.stack().close_listener(now, id)?);
        }
        let stream = socket.stream().ok_or(Errno(libc::ENOTCONN))?;
        let status = self.status(stream).ok_or(Errno(libc::ENOTCONN))?;
        if matches!(status.state, stack::State::Closed | stack::State::TimeWait) {
            return Err(Errno(libc::ENOTCONN));
        }
        let (id, now) = (stream.id, self.now());
        if let Some(stream) = self.socket_mut(fd)?.stream_mut() {
            stream.is_read_shut |= how != libc::SHUT_WR;
        }
        if how != libc::SHUT_RD {
            self.stack().shutdown(now, id)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    const IN_USE: Result<(), Errno> = Err(Errno(libc::EADDRINUSE));

    fn net(flags: &str) -> Net {
        Net::new(&Flags::parse(flags).unwrap())
    }

    fn socket(net: &mut Net, family: c_int) -> RawFd {
        net.socket(family, libc::SOCK_STREAM, libc::IPPROTO_TCP).unwrap()
    }

    #[test]
    fn addresses_are_shared_as_linux_shares_them() {
        for (name, both_reuse, first_listens, second, want) in [
            ("the same", false, false, "192.168.0.1:80", IN_USE),
            ("all addresses", false, false, "0.0.0.0:80", IN_USE),
            ("another port", false, true, "192.168.0.1:81", Ok(())),
            ("shared", true, false, "192.168.0.1:80", Ok(())),
            ("shared, but one listens", true, true, "192.168.0.1:80", IN_USE),
            (
                "not ours",
                false,
                false,
                "192.168.0.9:80",
                Err(Errno(libc::EADDRNOTAVAIL)),
            ),
            ("any port", true, true, "192.168.0.1:0", Ok(())),
        ] {
            let mut net = net("");
            let fds = [0; 2].map(|_| socket(&mut net, libc::AF_INET));
            for fd in fds {
                net.socket_mut(fd).unwrap().reuses_address = both_reuse;
            }
            net.bind(fds[0], "192.168.0.1:80".parse().unwrap()).unwrap();
            if first_listens {
                net.listen(fds[0], 1).unwrap();
            }
            assert_eq!(net.bind(fds[1], second.parse().unwrap()), want, "{name}");
            assert_eq!(
                net.bind(fds[0], "192.168.0.1:82".parse().unwrap()),
                Err(Errno(libc::EINVAL)),
                "{name}: twice"
            );
            for fd in fds {
                net.close(fd).unwrap();
            }
        }
    }

    /// A socket of IPv6 listens on a stack of either version, and asks for any address as it knows how.
    #[test]
    fn sockets_of_ipv6_take_what_the_stack_speaks() {
        for (flags, any) in [("ver=4", "0.0.0.0:80"), ("ver=6", "[::]:80")] {
            let mut net = net(flags);
            let fd = socket(&mut net, libc::AF_INET6);
            net.bind(fd, "[::]:80".parse().unwrap()).unwrap();
            net.listen(fd, 0).unwrap();
            assert_eq!(net.socket_of(fd).unwrap().local, Some(any.parse().unwrap()), "{flags}");
            let mut bytes = Vec::new();
            let refused = net.receive(fd, &mut bytes, 1, 0);
            assert_eq!(refused, Err(Stop::Errno(Errno(libc::ENOTCONN))), "{flags}");
            assert_eq!(net.accept(fd), Err(Stop::wait(fd, POLLIN)), "{flags}");
            net.close(fd).unwrap();
        }
    }
}
