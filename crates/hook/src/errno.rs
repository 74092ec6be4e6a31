//! Errors as the interface tells them: an errno of the host.

use stack::{ConnectError, Ended, ListenError, NoSuch, SendError};
use wire::icmp::Unreachable;

/// An errno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

impl Errno {
    /// How Linux names the end of a connection. `after_fin`: the peer's FIN had come before.
    pub(crate) fn of_end(how: Ended, after_fin: bool) -> Self {
        Self(match how {
            Ended::Refused => libc::ECONNREFUSED,
            Ended::Reset if after_fin => libc::EPIPE,
            Ended::Reset => libc::ECONNRESET,
            Ended::TimedOut => libc::ETIMEDOUT,
            Ended::Unreachable(why) => of_unreachable(why),
            Ended::Aborted => libc::ECONNABORTED,
        })
    }
}

/// ICMP's reasons as Linux numbers them (RFC 1122 section 4.2.3.9).
const fn of_unreachable(why: Unreachable) -> i32 {
    match why {
        Unreachable::Network => libc::ENETUNREACH,
        Unreachable::Protocol => libc::ENOPROTOOPT,
        Unreachable::Port => libc::ECONNREFUSED,
        Unreachable::Host | Unreachable::Prohibited | Unreachable::Other(_) => libc::EHOSTUNREACH,
    }
}

impl From<NoSuch> for Errno {
    fn from(_: NoSuch) -> Self {
        Self(libc::EBADF)
    }
}

impl From<SendError> for Errno {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NoSuch => Self(libc::EBADF),
            SendError::Closing | SendError::Ended(_) => Self(libc::EPIPE),
        }
    }
}

impl From<ListenError> for Errno {
    fn from(error: ListenError) -> Self {
        Self(match error {
            ListenError::InUse(_) | ListenError::NoPort => libc::EADDRINUSE,
            ListenError::NotOurs(_) => libc::EADDRNOTAVAIL,
            ListenError::TooMany(_) => libc::ENOBUFS,
        })
    }
}

impl From<ConnectError> for Errno {
    fn from(error: ConnectError) -> Self {
        Self(match error {
            ConnectError::Exists(_) | ConnectError::NoAddress(_) | ConnectError::NoPort(_) => libc::EADDRNOTAVAIL,
            ConnectError::BadRemote(_) | ConnectError::NoRoute(_) => libc::ENETUNREACH,
            ConnectError::TooMany(_) => libc::ENOBUFS,
        })
    }
}
