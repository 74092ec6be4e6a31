//! The end of the control socket in the command that is asked.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lens::{HalfOpen, Socket};
use nix::sys::stat::{Mode, fchmod};
use stack::Entry;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::task::{JoinHandle, spawn_blocking};

use super::place::Places;
use super::{Answer, LIMIT_MAX, REQUEST_MAX, Reply, Request, Sockets, Which, line, read_line};

/// How long one exchange may take: who asks is on this machine.
const EXCHANGE: Duration = Duration::from_secs(2);

/// How many may wait to be answered. The kernel refuses more.
const BACKLOG: u32 = 16;

/// Takes a copy of all that the stack holds, under its lock, and keeps nothing locked.
type Look = Arc<dyn Fn() -> Vec<Entry> + Send + Sync>;

/// A control socket, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    answering: JoinHandle<()>,
    _bound: Bound,
}

/// Opens the control socket: at `path`, or where `syndic ss` looks. In that case a command does its work without one where it
/// cannot be had, which is said. Call it in a runtime.
///
/// Errors: `path` cannot be had.
pub(crate) fn start<F>(path: Option<&Path>, command: &'static str, look: F) -> anyhow::Result<Option<Server>>
where
    F: Fn() -> Vec<Entry> + Send + Sync + 'static,
{
    let look: Look = Arc::new(look);
    if let Some(path) = path {
        return open(path, command, look).map(Some);
    }
    let opened = Places::ours().new_socket().and_then(|path| open(&path, command, look));
    Ok(opened
        .inspect_err(|error| {
            eprintln!("syndic: no control socket, so `syndic ss` will not find this process: {error:#}; --control PATH puts it elsewhere");
        })
        .ok())
}

fn open(path: &Path, command: &'static str, look: Look) -> anyhow::Result<Server> {
    let (bound, listener) = bind(path)?;
    let answering = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever asks too slowly, or goes away, gets no answer, and the next one is heard.
            let _ = tokio::time::timeout(EXCHANGE, exchange(stream, command, &look)).await;
        }
    });
    Ok(Server {
        answering,
        _bound: bound,
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

/// One request, one answer.
async fn exchange(mut stream: UnixStream, command: &'static str, look: &Look) -> io::Result<()> {
    let asked = read_line(&mut stream, REQUEST_MAX).await?;
    let look = look.clone();
    // A stack may hold a hundred thousand entries: they are copied and written down beside the tasks that move packets.
    let answer = spawn_blocking(move || {
        line(&Answer {
            pid: std::process::id(),
            command: command.to_owned(),
            reply: reply(&asked, &*look),
        })
    });
    stream.write_all(&answer.await??).await?;
    stream.shutdown().await
}

fn reply(asked: &[u8], look: &dyn Fn() -> Vec<Entry>) -> Reply {
    match serde_json::from_slice(asked) {
        Ok(Request::Sockets { which, limit }) => Reply::Sockets(sockets(&look(), which, limit.min(LIMIT_MAX))),
        Ok(Request::HalfOpen { limit }) => Reply::HalfOpen(HalfOpen::of(&look(), limit.min(LIMIT_MAX))),
        Err(error) => Reply::Refused(error.to_string()),
    }
}

/// Listeners, connections, half-open entries, TIME-WAIT entries, in this order: what a flood makes many of comes last.
fn sockets(entries: &[Entry], which: Which, limit: usize) -> Sockets {
    let rank = |entry: &Entry| match entry {
        Entry::Listener { .. } => 0,
        Entry::Connection { .. } => 1,
        Entry::Embryo { .. } => 2,
        Entry::TimeWait { .. } => 3,
    };
    let mut chosen: Vec<&Entry> = entries
        .iter()
        .filter(|entry| match which {
            Which::Connections => rank(entry) == 1,
            Which::Listeners => rank(entry) == 0,
            Which::All => true,
        })
        .collect();
    chosen.sort_by_key(|entry| rank(entry));
    Sockets {
        list: chosen.iter().take(limit).map(|entry| Socket::from(*entry)).collect(),
        more: chosen.len().saturating_sub(limit),
    }
}

/// A socket's file, which is removed when this is dropped, unless another stands there by then.
#[derive(Debug)]
struct Bound {
    path: PathBuf,
    /// Device and inode.
    file: (u64, u64),
}

impl Drop for Bound {
    fn drop(&mut self) {
        if file(&self.path).is_ok_and(|file| file == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn file(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Binds and listens; a socket that a dead process left is replaced.
fn bind(path: &Path) -> anyhow::Result<(Bound, UnixListener)> {
    let bound = || -> io::Result<_> {
        let socket = UnixSocket::new_stream()?;
        // The file gets the mode that the socket has before: it is at no moment open to others.
        fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
        socket.bind(path)?;
        let listener = socket.listen(BACKLOG)?;
        let path = path.to_owned();
        let file = file(&path)?;
        Ok((Bound { path, file }, listener))
    };
    let result = match bound() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path)?;
            bound()
        }
        result => result,
    };
    result.with_context(|| format!("cannot open the control socket {}", path.display()))
}

/// Errors: it is no socket, somebody answers there, or it cannot be removed.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let found = fs::symlink_metadata(path).with_context(|| format!("cannot look at {shown}"))?;
    if !found.file_type().is_socket() {
        bail!("{shown} is there and is no socket: give --control another path");
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).with_context(|| format!("cannot remove the stale socket {shown}"))
        }
        _ => bail!("another process answers at {shown}: give --control another path"),
    }
}

#[cfg(test)]
mod tests;
