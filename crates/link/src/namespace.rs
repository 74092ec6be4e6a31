//! A private network for this process: interfaces, addresses and routes of its own, without root.
//!
//! Linux lets anybody make a *user namespace*, inside of which he is root, and in it a *network namespace*, which then
//! belongs to him. The rest of the system neither sees it nor is touched by it, and it is gone when the last process in it
//! ends. Distributions may forbid this; the error says by which setting.
//!
//! What to read first: `user_namespaces(7)`, `network_namespaces(7)`.

use std::ffi::CStr;
use std::io;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid, write};

use crate::error::LinkError;
use crate::net;

/// The private network that this process is in, until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Namespace {
    /// A user namespace, in which we are root, and a network namespace in it.
    UserAndNetwork,
    /// A network namespace alone, for user namespaces are forbidden and we were root already.
    Network,
}

/// Why the process has no private network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// A process with more than one thread cannot change its user namespace.
    #[error("this process already runs several threads, and only one with a single thread can enter a user namespace")]
    MultiThreaded,

    /// The administrator allows no user namespaces at all, or no more of them.
    #[error("no more user namespaces are allowed: raise the limit with `sysctl user.max_user_namespaces=10000`")]
    Limit,

    /// AppArmor keeps them from programs without a profile, as Ubuntu does from 23.10 on.
    #[error(
        "AppArmor forbids user namespaces to unprivileged users: allow them with \
         `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run as root"
    )]
    AppArmor,

    /// A setting of Debian's kernels forbids them.
    #[error(
        "user namespaces are forbidden to unprivileged users: allow them with \
         `sysctl kernel.unprivileged_userns_clone=1`, or run as root"
    )]
    Unprivileged,

    /// Something else forbids them.
    #[error(
        "user namespaces are forbidden here, most likely by the rules of a container (seccomp): run as root with \
         CAP_SYS_ADMIN, or outside of the container"
    )]
    Forbidden,

    /// The kernel was built without them.
    #[error("this kernel has no user or network namespaces")]
    Unsupported,

    /// The system refused for a reason that has no entry of its own.
    #[error("could not make a private network namespace")]
    Io(#[source] io::Error),

    /// The namespace was made, but its loopback interface could not be brought up.
    #[error("made a private network namespace, but could not bring up its loopback interface")]
    Loopback(#[source] LinkError),
}

/// Moves this process into a private network, whose loopback interface is up.
///
/// Call it first thing in `main`, before there are threads (so before any runtime). There is no way back. After an error
/// other than [`NamespaceError::MultiThreaded`] the process may be half in a namespace of its own, without rights in it: it
/// can go on with what needs no network.
///
/// Errors: each says what forbids it and what to do, see [`NamespaceError`].
pub fn enter() -> Result<Namespace, NamespaceError> {
    let entered = Maps::current().enter().map_err(NamespaceError::from_errno)?;
    net::up_loopback().map_err(|error| match error {
        // Ubuntu's AppArmor lets the namespace be made and then takes the capabilities in it away.
        LinkError::NotPermitted { .. } if apparmor_restricts() => NamespaceError::AppArmor,
        other => NamespaceError::Loopback(other),
    })?;
    Ok(entered)
}

impl NamespaceError {
    /// What the system's error to `unshare`, or to the maps after it, means here.
    pub(crate) fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::EINVAL => Self::MultiThreaded,
            Errno::ENOSPC | Errno::EUSERS => Self::Limit,
            Errno::ENOSYS => Self::Unsupported,
            Errno::EPERM | Errno::EACCES if apparmor_restricts() => Self::AppArmor,
            Errno::EPERM | Errno::EACCES if setting("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) => {
                Self::Unprivileged
            }
            Errno::EPERM | Errno::EACCES => Self::Forbidden,
            other => Self::Io(other.into()),
        }
    }
}

/// Who we are outside, for the maps that make us root inside.
pub(crate) struct Maps {
    uid: String,
    gid: String,
}

impl Maps {
    pub(crate) fn current() -> Self {
        Self {
            uid: format!("0 {} 1", geteuid()),
            gid: format!("0 {} 1", getegid()),
        }
    }

    /// Enters new namespaces in which we are root. Where user namespaces are forbidden, a root may still make the other.
    ///
    /// It allocates nothing and takes no lock: it may run in a child between `fork` and `exec`.
    pub(crate) fn enter(&self) -> Result<Namespace, Errno> {
        match unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET) {
            Ok(()) => self.apply().map(|()| Namespace::UserAndNetwork),
            // In a process with threads the other kind would work, but for this one thread only.
            Err(Errno::EINVAL) => Err(Errno::EINVAL),
            Err(refused) => match unshare(CloneFlags::CLONE_NEWNET) {
                Ok(()) => Ok(Namespace::Network),
                Err(_) => Err(refused),
            },
        }
    }

    /// Without privilege a group may be mapped only by who can no longer change his groups: hence the order.
    fn apply(&self) -> Result<(), Errno> {
        put(c"/proc/self/setgroups", "deny")?;
        put(c"/proc/self/uid_map", &self.uid)?;
        put(c"/proc/self/gid_map", &self.gid)
    }
}

fn put(path: &CStr, text: &str) -> Result<(), Errno> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, text.as_bytes())?;
    Ok(())
}

fn apparmor_restricts() -> bool {
    setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").is_some_and(|value| value != 0)
}

fn setting(path: &str) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_is_told_so() {
        // The harness runs this test beside its main thread; a thread of our own makes it certain.
        std::thread::scope(|scope| {
            let (stop, wait) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            let refused = enter();
            drop(stop);
            assert!(matches!(refused, Err(NamespaceError::MultiThreaded)), "{refused:?}");
        });
    }

    #[test]
    fn refusals_say_what_to_do() {
        let rows = [
            (Errno::EINVAL, "several threads"),
            (Errno::ENOSPC, "user.max_user_namespaces"),
            (Errno::ENOSYS, "this kernel has no"),
            (Errno::EIO, "could not make a private network namespace"),
        ];
        for (errno, expected) in rows {
            let said = NamespaceError::from_errno(errno).to_string();
            assert!(said.contains(expected), "{errno}: {said}");
        }
    }
}
