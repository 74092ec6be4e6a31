//! Sockets that a killed process has left.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::place::pid;

/// Removes a socket whose process is gone, and nothing else. Returns whether it did.
///
/// It has to be named after a process that is not there, and refuse whoever asks. One that is just starting refuses as well,
/// for it has bound its socket and does not listen yet, but it is there; one that we cannot see, in a container that shares the
/// directory with us, answers.
pub(crate) fn sweep(path: &Path) -> bool {
    let Some(found) = socket(path) else { return false };
    let is_stale = pid(path).is_some_and(is_gone) && is_refused(path);
    // A new process may have got the number, and put its own socket there meanwhile.
    is_stale && socket(path) == Some(found) && fs::remove_file(path).is_ok()
}

/// Device and inode of a socket.
fn socket(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    found.file_type().is_socket().then(|| (found.dev(), found.ino()))
}

fn is_gone(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH))
}

fn is_refused(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_what_a_process_has_left_is_removed() {
        let directory = env::temp_dir().join(format!("syndic-stale-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        let mut child = Command::new("true").spawn().unwrap();
        let (gone, here) = (child.id(), std::process::id());
        child.wait().unwrap();
        for (name, file, listens, is_swept) in [
            ("left", format!("{gone}.sock"), false, true),
            (
                "its process cannot be seen, and answers",
                format!("{gone}.sock"),
                true,
                false,
            ),
            ("its process is starting", format!("{here}.sock"), false, false),
            ("its process answers", format!("{here}.sock"), true, false),
            ("named after no process", "x.sock".to_owned(), false, false),
            (
                "a number that no process has",
                "4294967295.sock".to_owned(),
                false,
                false,
            ),
            ("our group of processes", "0.sock".to_owned(), false, false),
        ] {
            let path = directory.join(file);
            let listener = UnixListener::bind(&path).unwrap();
            let listener = listens.then_some(listener);
            assert_eq!((sweep(&path), path.exists()), (is_swept, !is_swept), "{name}");
            drop(listener);
            let _ = fs::remove_file(&path);
        }
        let path = directory.join(format!("{gone}.sock"));
        fs::write(&path, "no socket").unwrap();
        assert!(!sweep(&path) && path.exists());
        fs::remove_file(&path).unwrap();
        assert!(!sweep(&path), "nothing is there");
        fs::remove_dir_all(&directory).unwrap();
    }
}
