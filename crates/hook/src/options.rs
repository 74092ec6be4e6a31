//! `getsockopt`, `setsockopt`, `ioctl` and `fcntl`: what a socket may be told and asked.

use std::os::fd::RawFd;

use libc::{IPPROTO_TCP, SOL_SOCKET, c_int};
use stack::Duration;

use crate::errno::Errno;
use crate::info;
use crate::net::Net;
use crate::socket::{File, Role, Socket};
use crate::unsupported;

/// Linux answers as many bytes, zeros behind the name.
const CONGESTION_LEN: usize = 16;

const SIOCINQ: u64 = libc::FIONREAD;
const SIOCOUTQ: u64 = libc::TIOCOUTQ;
const SIOCOUTQNSD: u64 = 0x894b;

impl Net {
    /// `setsockopt`.
    pub(crate) fn set_option(&mut self, fd: RawFd, level: c_int, name: c_int, value: &[u8]) -> Result<(), Errno> {
        let socket = self.socket_mut(fd)?;
        match level {
            SOL_SOCKET => set_socket_level(socket, name, value)?,
            IPPROTO_TCP => set_tcp_level(socket, name, value)?,
            _ => return Err(unknown("setsockopt", level, name)),
        }
        let (options, now) = (socket.connection_options(), self.now());
        if let Role::Stream(stream) = &self.socket_of(fd)?.role {
            let id = stream.id;
            self.stack().set_options(now, id, options)?;
        }
        Ok(())
    }

    /// `getsockopt`: the whole answer, however much room there is for it.
    pub(crate) fn option(&mut self, fd: RawFd, level: c_int, name: c_int) -> Result<Vec<u8>, Errno> {
        if (level, name) == (SOL_SOCKET, libc::SO_ERROR) {
            self.socket_of(fd)?;
            return Ok(int(self.take_error(fd)?.map_or(0, |Errno(number)| number)));
        }
        if (level, name) == (IPPROTO_TCP, libc::TCP_INFO) {
            return self.info(fd);
        }
        let socket = self.socket_of(fd)?;
        match level {
            SOL_SOCKET => socket_level(socket, name),
            IPPROTO_TCP if name == libc::TCP_MAXSEG => Ok(int(self.max_segment(socket))),
            IPPROTO_TCP => tcp_level(socket, name),
            _ => Err(unknown("getsockopt", level, name)),
        }
    }

    /// TCP_MAXSEG: what is sent at most; before a connection stands, what is assumed of a peer that says nothing.
    fn max_segment(&self, socket: &Socket) -> c_int {
        let status = socket.stream().filter(|s| s.is_opened).and_then(|s| self.status(s));
        status.map_or(536, |status| size(status.snd_mss))
    }

    /// TCP_INFO.
    fn info(&self, fd: RawFd) -> Result<Vec<u8>, Errno> {
        let socket = self.socket_of(fd)?;
        Ok(match &socket.role {
            Role::Fresh => info::of_no_connection(),
            Role::Listening(id) => info::of_listener(self.accept_queue(*id)),
            Role::Stream(stream) => match self.status(stream) {
                Some(status) => info::of_connection(&status, &self.settings.config, socket.options.ack_delay),
                None => info::of_no_connection(),
            },
        })
    }

    /// `ioctl` that asks for a number; `FIONBIO` is told one.
    pub(crate) fn ioctl(&mut self, fd: RawFd, request: u64, told: Option<c_int>) -> Result<c_int, Errno> {
        if request == libc::FIONBIO {
            self.socket_mut(fd)?.is_nonblocking = told.unwrap_or_default() != 0;
            return Ok(0);
        }
        if !matches!(request, SIOCINQ | SIOCOUTQ | SIOCOUTQNSD) {
            unsupported(format_args!("ioctl {request:#x}"));
            return Err(Errno(libc::ENOTTY));
        }
        if let Some(File::PipeOut(pipe)) = self.files.get(&fd) {
            return Ok(size(pipe.bytes.len()));
        }
        let socket = self.socket_of(fd)?;
        if matches!(socket.role, Role::Listening(_)) {
            return Err(Errno(libc::EINVAL));
        }
        let Some(status) = socket.stream().and_then(|stream| self.status(stream)) else {
            return Ok(0);
        };
        Ok(size(match request {
            SIOCINQ => status.receive_queue,
            SIOCOUTQ => status.send_queue,
            _ => status.unsent,
        }))
    }

    /// `fcntl`.
    pub(crate) fn fcntl(&mut self, fd: RawFd, command: c_int, arg: c_int) -> Result<c_int, Errno> {
        let socket = self.socket_mut(fd)?;
        match command {
            libc::F_GETFL if socket.is_nonblocking => Ok(libc::O_RDWR | libc::O_NONBLOCK),
            libc::F_GETFL => Ok(libc::O_RDWR),
            libc::F_SETFL => {
                socket.is_nonblocking = arg & libc::O_NONBLOCK != 0;
                Ok(0)
            }
            _ => {
                unsupported(format_args!("fcntl {command}"));
                Err(Errno(libc::EINVAL))
            }
        }
    }
}

fn unknown(call: &str, level: c_int, name: c_int) -> Errno {
    unsupported(format_args!("{call} of level {level}, option {name}"));
    Errno(libc::ENOPROTOOPT)
}

fn set_socket_level(socket: &mut Socket, name: c_int, value: &[u8]) -> Result<(), Errno> {
    match name {
        libc::SO_REUSEADDR => socket.reuses_address = number(value)? != 0,
        libc::SO_KEEPALIVE => socket.keeps_alive = number(value)? != 0,
        libc::SO_SNDBUF => socket.options.send_buffer = usize::try_from(number(value)?.max(1)).unwrap_or(1).into(),
        libc::SO_RCVBUF => socket.options.receive_buffer = usize::try_from(number(value)?.max(1)).unwrap_or(1).into(),
        libc::SO_LINGER => {
            let (on, seconds) = (number(value)?, number(value.get(4..).unwrap_or_default())?);
            socket.options.linger = (on != 0).then(|| seconds_of(seconds));
        }
        _ => return Err(unknown("setsockopt", SOL_SOCKET, name)),
    }
    Ok(())
}

fn set_tcp_level(socket: &mut Socket, name: c_int, value: &[u8]) -> Result<(), Errno> {
    if name == libc::TCP_CONGESTION {
        let asked = value.split(|&b| b == 0).next().unwrap_or_default();
        let known = str::from_utf8(asked).ok().and_then(|name| name.parse().ok());
        socket.options.congestion = known.ok_or_else(|| {
            unsupported(format_args!("congestion control {}", String::from_utf8_lossy(asked)));
            Errno(libc::ENOENT)
        })?;
        return Ok(());
    }
    let asked = number(value)?;
    let positive = |most: c_int| match asked {
        1.. if asked <= most => Ok(asked),
        _ => Err(Errno(libc::EINVAL)),
    };
    let options = &mut socket.options;
    match name {
        libc::TCP_NODELAY => options.no_delay = asked != 0,
        libc::TCP_KEEPIDLE => socket.keep_alive.idle = seconds_of(positive(32_767)?),
        libc::TCP_KEEPINTVL => socket.keep_alive.interval = seconds_of(positive(32_767)?),
        libc::TCP_KEEPCNT => socket.keep_alive.probes = positive(127)? as u8,
        libc::TCP_SYNCNT => options.syn_retransmissions_max = positive(127)? as u8,
        libc::TCP_USER_TIMEOUT if asked < 0 => return Err(Errno(libc::EINVAL)),
        libc::TCP_USER_TIMEOUT => {
            options.user_timeout = (asked > 0).then(|| Duration::from_millis(asked.unsigned_abs().into()));
        }
        libc::TCP_LINGER2 if asked > 0 => options.fin_wait_2 = seconds_of(asked),
        _ => return Err(unknown("setsockopt", IPPROTO_TCP, name)),
    }
    Ok(())
}

/// Buffers are answered doubled, as Linux does: its half for bookkeeping is not ours, so the payload is as was asked.
fn socket_level(socket: &Socket, name: c_int) -> Result<Vec<u8>, Errno> {
    Ok(int(match name {
        libc::SO_REUSEADDR => socket.reuses_address.into(),
        libc::SO_KEEPALIVE => socket.keeps_alive.into(),
        libc::SO_SNDBUF => size(socket.options.send_buffer.start().saturating_mul(2)),
        libc::SO_RCVBUF => size(socket.options.receive_buffer.start().saturating_mul(2)),
        libc::SO_TYPE => libc::SOCK_STREAM,
        libc::SO_PROTOCOL => IPPROTO_TCP,
        libc::SO_DOMAIN if socket.is_v6 => libc::AF_INET6,
        libc::SO_DOMAIN => libc::AF_INET,
        libc::SO_ACCEPTCONN => matches!(socket.role, Role::Listening(_)).into(),
        libc::SO_LINGER => {
            let (on, seconds) = match socket.options.linger {
                Some(linger) => (1, long(linger.as_secs())),
                None => (0, 0),
            };
            return Ok([int(on), int(seconds)].concat());
        }
        _ => return Err(unknown("getsockopt", SOL_SOCKET, name)),
    }))
}

fn tcp_level(socket: &Socket, name: c_int) -> Result<Vec<u8>, Errno> {
    let options = &socket.options;
    Ok(int(match name {
        libc::TCP_NODELAY => options.no_delay.into(),
        libc::TCP_KEEPIDLE => long(socket.keep_alive.idle.as_secs()),
        libc::TCP_KEEPINTVL => long(socket.keep_alive.interval.as_secs()),
        libc::TCP_KEEPCNT => socket.keep_alive.probes.into(),
        libc::TCP_SYNCNT => options.syn_retransmissions_max.into(),
        libc::TCP_USER_TIMEOUT => options.user_timeout.map_or(0, |t| long(t.as_millis())),
        libc::TCP_LINGER2 => long(options.fin_wait_2.as_secs()),
        libc::TCP_CONGESTION => {
            let mut name = options.congestion.name().as_bytes().to_vec();
            name.resize(CONGESTION_LEN, 0);
            return Ok(name);
        }
        _ => return Err(unknown("getsockopt", IPPROTO_TCP, name)),
    }))
}

/// The first `int` of a value.
fn number(value: &[u8]) -> Result<c_int, Errno> {
    let bytes = value.first_chunk().ok_or(Errno(libc::EINVAL))?;
    Ok(c_int::from_ne_bytes(*bytes))
}

fn seconds_of(n: c_int) -> Duration {
    Duration::from_secs(n.max(0).unsigned_abs().into())
}

fn int(n: c_int) -> Vec<u8> {
    n.to_ne_bytes().to_vec()
}

fn size(n: usize) -> c_int {
    c_int::try_from(n).unwrap_or(c_int::MAX)
}

fn long(n: u64) -> c_int {
    c_int::try_from(n).unwrap_or(c_int::MAX)
}
