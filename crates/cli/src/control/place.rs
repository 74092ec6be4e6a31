//! Where control sockets are: `DIR/PID.sock`, in a directory that only its user can enter.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use nix::unistd::geteuid;

/// The longest path that a Unix socket can have (`sun_path` less its final 0). Units: bytes.
pub(crate) const PATH_MAX: usize = 107;

/// What the places of a user follow from.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// `$XDG_RUNTIME_DIR`, if it is set.
    runtime: Option<PathBuf>,
    temporary: PathBuf,
    user: u32,
}

impl Places {
    /// Those of the user whom this process runs as.
    pub(crate) fn ours() -> Self {
        Self {
            runtime: env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
            temporary: env::temp_dir(),
            user: geteuid().as_raw(),
        }
    }

    /// The directory for new sockets: `$XDG_RUNTIME_DIR/syndic`, or where that is not ours (`sudo` may leave it to us) or too
    /// long for a socket's path, `syndic-UID` among the temporary files.
    fn directory(&self) -> PathBuf {
        let runtime = self.runtime.as_ref().filter(|runtime| {
            runtime.is_absolute()
                && runtime.as_os_str().len() + "/syndic/4294967295.sock".len() <= PATH_MAX
                && fs::metadata(runtime).is_ok_and(|found| found.is_dir() && found.uid() == self.user)
        });
        runtime.map_or_else(|| self.temporary_directory(), |runtime| runtime.join("syndic"))
    }

    fn temporary_directory(&self) -> PathBuf {
        self.temporary.join(format!("syndic-{}", self.user))
    }

    /// The path of this process' socket, in a directory that is made where it is not there.
    ///
    /// Errors: the directory cannot be made, or somebody else can enter what stands in its place.
    pub(crate) fn new_socket(&self) -> anyhow::Result<PathBuf> {
        let directory = self.directory();
        match DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot make {}", directory.display()));
            }
            _ => {}
        }
        let found =
            fs::symlink_metadata(&directory).with_context(|| format!("cannot look at {}", directory.display()))?;
        ensure!(
            self.is_private(&found),
            "{} is not a directory of ours alone (mode 0700)",
            directory.display()
        );
        Ok(directory.join(format!("{}.sock", std::process::id())))
    }

    fn is_private(&self, found: &Metadata) -> bool {
        found.is_dir() && found.uid() == self.user && found.mode() & 0o077 == 0
    }

    /// The directories that may hold sockets of this user.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let mut directories = vec![self.directory()];
        // A process that was started without XDG_RUNTIME_DIR has put its socket there.
        let temporary = self.temporary_directory();
        if !directories.contains(&temporary) {
            directories.push(temporary);
        }
        directories
    }

    /// Everything that looks like a socket of this user, by process. Directories of somebody else are left alone: what is in
    /// them could be anything.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        let mut found: Vec<(u32, PathBuf)> = self
            .directories()
            .into_iter()
            .filter(|directory| fs::symlink_metadata(directory).is_ok_and(|found| self.is_private(&found)))
            .filter_map(|directory| fs::read_dir(directory).ok())
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter_map(|path| Some((pid(&path)?, path)))
            .collect();
        found.sort();
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Whether another user's processes have been here: they are not found, and only that user or root may ask them.
    pub(crate) fn has_others(&self) -> bool {
        let ours = self.temporary_directory();
        let Ok(entries) = fs::read_dir(&self.temporary) else {
            return false;
        };
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let user = name.to_str().and_then(|name| name.strip_prefix("syndic-"));
            user.is_some_and(|user| user.parse::<u32>().is_ok()) && entry.path() != ours
        })
    }
}

/// The process that a path is named after.
pub(super) fn pid(path: &Path) -> Option<u32> {
    if path.extension() != Some(OsStr::new("sock")) {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A directory that is gone at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("syndic-place-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn places(&self, runtime: Option<&str>) -> Places {
            Places {
                runtime: runtime.map(|runtime| self.0.join(runtime)),
                temporary: self.0.clone(),
                user: geteuid().as_raw(),
            }
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_runtime_directory_comes_first_and_the_temporary_one_else() {
        let scratch = Scratch::new("order");
        fs::create_dir(scratch.0.join("run")).unwrap();
        let own = format!("syndic-{}", geteuid());
        let long = "x".repeat(PATH_MAX);
        fs::create_dir(scratch.0.join(&long)).unwrap();
        for (name, runtime, expected) in [
            ("set", Some("run"), "run/syndic"),
            ("not set", None, &*own),
            ("not there", Some("nothing"), &*own),
            ("too long", Some(&*long), &*own),
        ] {
            let socket = scratch.places(runtime).new_socket().unwrap();
            let expected = scratch.0.join(expected);
            assert_eq!(socket.parent(), Some(&*expected), "{name}");
            assert_eq!(fs::metadata(&expected).unwrap().mode() & 0o777, 0o700, "{name}");
        }
        let mut relative = scratch.places(None);
        relative.runtime = Some("run".into());
        assert_eq!(relative.directory(), scratch.0.join(own));
    }

    #[test]
    fn a_directory_that_others_can_enter_is_not_used() {
        let scratch = Scratch::new("private");
        let places = scratch.places(None);
        let directory = places.temporary_directory();
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        fs::write(directory.join("7.sock"), "").unwrap();
        let error = places.new_socket().unwrap_err().to_string();
        assert!(error.contains("is not a directory of ours alone"), "{error}");
        assert!(places.sockets().is_empty());
        fs::remove_dir_all(&directory).unwrap();
        symlink(env::temp_dir(), &directory).unwrap();
        assert!(places.new_socket().is_err(), "a link could lead anywhere");
    }

    #[test]
    fn sockets_are_found_by_process_in_both_directories() {
        let scratch = Scratch::new("found");
        fs::create_dir(scratch.0.join("run")).unwrap();
        scratch.places(Some("run")).new_socket().unwrap();
        scratch.places(None).new_socket().unwrap();
        let places = scratch.places(Some("run"));
        let [run, temporary] = [&places.directories()[0], &places.directories()[1]];
        for (directory, name) in [(run, "30.sock"), (run, "x.sock"), (run, "5.log"), (temporary, "4.sock")] {
            fs::write(directory.join(name), "").unwrap();
        }
        assert_eq!(places.sockets(), [temporary.join("4.sock"), run.join("30.sock")]);
    }

    #[test]
    fn another_users_directory_is_noticed() {
        let scratch = Scratch::new("others");
        let places = scratch.places(None);
        places.new_socket().unwrap();
        fs::create_dir(scratch.0.join("syndic-cli")).unwrap();
        assert!(!places.has_others());
        fs::create_dir(scratch.0.join("syndic-4000000000")).unwrap();
        assert!(places.has_others());
    }
}
