//! What calls answer, as `std::io` says it: the kind is the one a kernel's socket would give, and the stack's own error
//! is inside, for those who want to know more (`io::Error::get_ref`, then `downcast_ref`).

use std::io::{self, ErrorKind};
use std::sync::Arc;

use stack::{ConnectError, Ended, ListenError, NoSuch, ReceiveError, SendError};
use wire::icmp::Unreachable;

/// Why nothing works any more. Calls answer it with [`ErrorKind::NetworkDown`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Stopped {
    /// The link failed: its device was removed, or the other end of a link in memory was dropped.
    #[error("the network has stopped: its link failed: {0}")]
    Link(Arc<io::Error>),
    /// The driver's task ended because its runtime was shut down.
    #[error("the network has stopped: its driver was ended with the runtime that it ran in")]
    Driver,
    /// The stack, or its observer, panicked.
    #[error("the network has stopped: its stack or its observer panicked")]
    Panicked,
}

impl From<Stopped> for io::Error {
    fn from(why: Stopped) -> Self {
        Self::new(ErrorKind::NetworkDown, why)
    }
}

/// How a connection ended, as a kernel's socket would say it.
pub(crate) fn ended(how: Ended) -> io::Error {
    let kind = match how {
        Ended::Refused | Ended::Unreachable(Unreachable::Port) => ErrorKind::ConnectionRefused,
        Ended::Reset => ErrorKind::ConnectionReset,
        Ended::TimedOut => ErrorKind::TimedOut,
        Ended::Unreachable(Unreachable::Network) => ErrorKind::NetworkUnreachable,
        Ended::Unreachable(_) => ErrorKind::HostUnreachable,
        Ended::Aborted => ErrorKind::ConnectionAborted,
    };
    io::Error::new(kind, how)
}

/// A socket's id names nothing only after its user aborted the connection.
pub(crate) fn no_such(_: NoSuch) -> io::Error {
    ended(Ended::Aborted)
}

pub(crate) fn send(error: SendError) -> io::Error {
    match error {
        SendError::NoSuch => no_such(NoSuch),
        SendError::Closing => io::Error::new(ErrorKind::BrokenPipe, error),
        SendError::Ended(how) => ended(how),
    }
}

pub(crate) fn receive(error: ReceiveError) -> io::Error {
    match error {
        ReceiveError::NoSuch => no_such(NoSuch),
        ReceiveError::Ended(how) => ended(how),
    }
}

pub(crate) fn connect(error: ConnectError) -> io::Error {
    let kind = match error {
        ConnectError::Exists(_) => ErrorKind::AddrInUse,
        ConnectError::NoAddress(_) | ConnectError::NoPort(_) => ErrorKind::AddrNotAvailable,
        ConnectError::NoRoute(_) => ErrorKind::NetworkUnreachable,
        ConnectError::BadRemote(_) => ErrorKind::InvalidInput,
        ConnectError::TooMany(_) => ErrorKind::QuotaExceeded,
    };
    io::Error::new(kind, error)
}

pub(crate) fn listen(error: ListenError) -> io::Error {
    let kind = match error {
        ListenError::InUse(_) => ErrorKind::AddrInUse,
        ListenError::NotOurs(_) | ListenError::NoPort => ErrorKind::AddrNotAvailable,
        ListenError::TooMany(_) => ErrorKind::QuotaExceeded,
    };
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_have_the_kind_that_a_kernel_gives() {
        for (how, kind) in [
            (Ended::Refused, ErrorKind::ConnectionRefused),
            (Ended::Reset, ErrorKind::ConnectionReset),
            (Ended::TimedOut, ErrorKind::TimedOut),
            (Ended::Aborted, ErrorKind::ConnectionAborted),
            (Ended::Unreachable(Unreachable::Port), ErrorKind::ConnectionRefused),
            (Ended::Unreachable(Unreachable::Network), ErrorKind::NetworkUnreachable),
            (Ended::Unreachable(Unreachable::Host), ErrorKind::HostUnreachable),
            (Ended::Unreachable(Unreachable::Prohibited), ErrorKind::HostUnreachable),
        ] {
            let error = send(how.into());
            assert_eq!((error.kind(), error.to_string()), (kind, how.to_string()));
            assert_eq!(receive(how.into()).kind(), kind, "{how}");
            assert_eq!(error.get_ref().and_then(|e| e.downcast_ref::<Ended>()), Some(&how));
        }
        assert_eq!(send(SendError::Closing).kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_stopped_network_says_why() {
        let link = Stopped::Link(Arc::new(io::Error::other("cable cut")));
        let error = io::Error::from(link);
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
        assert_eq!(error.to_string(), "the network has stopped: its link failed: cable cut");
    }
}
