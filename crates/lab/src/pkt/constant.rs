//! The names that scripts give to numbers: socket options, flags, events, errors. The numbers are Linux's on x86-64; nothing
//! but this runner ever sees them, so that only their being different matters.

/// What a name stands for; `None` for one that is not known here.
pub(super) fn value(name: &str) -> Option<i64> {
    CONSTANTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
}

pub(super) const SOL_SOCKET: i64 = 1;
pub(super) const SOL_IP: i64 = 0;
pub(super) const SOL_TCP: i64 = 6;
pub(super) const SOL_IPV6: i64 = 41;

pub(super) const O_NONBLOCK: i64 = 0o4000;
pub(super) const SOCK_NONBLOCK: i64 = O_NONBLOCK;
pub(super) const MSG_PEEK: i64 = 2;
pub(super) const MSG_DONTWAIT: i64 = 0x40;
pub(super) const MSG_OOB: i64 = 1;
pub(super) const MSG_NOSIGNAL: i64 = 0x4000;

pub(super) const POLLIN: i64 = 1;
pub(super) const POLLOUT: i64 = 4;
pub(super) const POLLERR: i64 = 8;
pub(super) const POLLHUP: i64 = 0x10;
pub(super) const POLLNVAL: i64 = 0x20;
pub(super) const POLLRDHUP: i64 = 0x2000;
pub(super) const EPOLLET: i64 = 1 << 31;
pub(super) const EPOLLONESHOT: i64 = 1 << 30;

const CONSTANTS: &[(&str, i64)] = &[
    ("NULL", 0),
    ("AF_INET", 2),
    ("PF_INET", 2),
    ("AF_INET6", 10),
    ("PF_INET6", 10),
    ("INADDR_ANY", 0),
    ("SOCK_STREAM", 1),
    ("SOCK_DGRAM", 2),
    ("SOCK_NONBLOCK", SOCK_NONBLOCK),
    ("SOCK_CLOEXEC", 0o2_000_000),
    ("IPPROTO_IP", SOL_IP),
    ("IPPROTO_TCP", SOL_TCP),
    ("IPPROTO_UDP", 17),
    ("IPPROTO_IPV6", SOL_IPV6),
    ("SOL_SOCKET", SOL_SOCKET),
    ("SOL_IP", SOL_IP),
    ("SOL_TCP", SOL_TCP),
    ("SOL_IPV6", SOL_IPV6),
    ("F_GETFD", 1),
    ("F_SETFD", 2),
    ("F_GETFL", 3),
    ("F_SETFL", 4),
    ("FD_CLOEXEC", 1),
    ("O_RDONLY", 0),
    ("O_WRONLY", 1),
    ("O_RDWR", 2),
    ("O_NONBLOCK", O_NONBLOCK),
    ("O_NDELAY", O_NONBLOCK),
    ("SHUT_RD", 0),
    ("SHUT_WR", 1),
    ("SHUT_RDWR", 2),
    ("MSG_OOB", MSG_OOB),
    ("MSG_PEEK", MSG_PEEK),
    ("MSG_TRUNC", 0x20),
    ("MSG_DONTWAIT", MSG_DONTWAIT),
    ("MSG_WAITALL", 0x100),
    ("MSG_NOSIGNAL", MSG_NOSIGNAL),
    ("MSG_MORE", 0x8000),
    ("MSG_ERRQUEUE", 0x2000),
    ("MSG_ZEROCOPY", 0x400_0000),
    ("MSG_FASTOPEN", 0x2000_0000),
    ("POLLIN", POLLIN),
    ("POLLRDNORM", 0x40),
    ("POLLPRI", 2),
    ("POLLOUT", POLLOUT),
    ("POLLWRNORM", 0x100),
    ("POLLERR", POLLERR),
    ("POLLHUP", POLLHUP),
    ("POLLNVAL", POLLNVAL),
    ("POLLRDHUP", POLLRDHUP),
    ("EPOLLIN", POLLIN),
    ("EPOLLPRI", 2),
    ("EPOLLOUT", POLLOUT),
    ("EPOLLERR", POLLERR),
    ("EPOLLHUP", POLLHUP),
    ("EPOLLRDHUP", POLLRDHUP),
    ("EPOLLET", EPOLLET),
    ("EPOLLONESHOT", EPOLLONESHOT),
    ("EPOLL_CTL_ADD", 1),
    ("EPOLL_CTL_DEL", 2),
    ("EPOLL_CTL_MOD", 3),
    ("FIONREAD", 0x541b),
    ("SIOCINQ", 0x541b),
    ("SIOCOUTQ", 0x5411),
    ("TIOCOUTQ", 0x5411),
    ("SIOCOUTQNSD", 0x894b),
    ("FIONBIO", 0x5421),
];
