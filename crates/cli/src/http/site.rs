//! A directory as a web site: what a request's path leads to.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bytes::{Bytes, BytesMut};
use hyper::header::HeaderValue;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use percent_encoding::percent_decode_str;

use super::listing;
use super::shelf::Shelf;

/// Files up to this length are read when they are found. Units: bytes.
const HELD_MAX: u64 = 64 << 10;

/// The directory that is served.
#[derive(Debug)]
pub(crate) struct Site {
    /// Its real path, all symbolic links followed.
    root: PathBuf,
    /// Held open, so that what is opened below it is below it whatever is renamed meanwhile.
    directory: OwnedFd,
    shelf: Shelf,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A file.
    Page(Arc<Page>),
    /// A directory without `index.html`: its listing in HTML.
    Listing(String),
    /// A directory asked for without the slash at the end: where it is.
    Elsewhere(String),
}

/// A file to be sent.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) content: Content,
    /// Units: bytes.
    pub(super) length: u64,
    /// An HTTP date.
    pub(super) modified: Option<HeaderValue>,
    pub(super) content_type: HeaderValue,
}

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Content {
    /// A small one is read when it is found.
    Held(Bytes),
    /// A large one while it is sent.
    File(Arc<File>),
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is no path at all: not UTF-8, a NUL in it, not beginning with `/`.
    BadPath,
    /// Nothing is there, or what is there lies outside of the directory. A client cannot tell these apart.
    NoSuch,
    /// It may not be read.
    Forbidden,
    /// The disk failed.
    Unreadable,
}

impl Site {
    /// Errors: not a directory, or one that cannot be read.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        let real = root
            .canonicalize()
            .with_context(|| format!("cannot serve {}", root.display()))?;
        ensure!(real.is_dir(), "cannot serve {}: it is not a directory", root.display());
        let directory = File::open(&real).with_context(|| format!("cannot read {}", root.display()))?;
        Ok(Self {
            root: real,
            directory: directory.into(),
            shelf: Shelf::default(),
        })
    }

    /// A small file that was found a moment ago. Never blocks.
    pub(super) fn at_hand(&self, path: &str) -> Option<Arc<Page>> {
        self.shelf.take(path, Instant::now())
    }

    /// What the path of a request, still percent-encoded, leads to. May block on the disk.
    pub(super) fn find(&self, path: &str) -> Result<Found, Missing> {
        let began = Instant::now();
        let found = self.look_up(path);
        match &found {
            // As old as the look-up may have found it.
            Ok(Found::Page(page)) if page.held() > 0 => self.shelf.put(path, page, began),
            _ => self.shelf.remove(path),
        }
        found
    }

    fn look_up(&self, path: &str) -> Result<Found, Missing> {
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| Missing::BadPath)?;
        let relative = relative(&decoded)?;
        let real = self.inside(&relative)?;
        if !self.root.join(&real).is_dir() {
            // `/file/` names a directory, and there is none.
            return if decoded.ends_with('/') {
                Err(Missing::NoSuch)
            } else {
                self.page(&real)
            };
        }
        if !decoded.ends_with('/') {
            // `//host/` would send the client to another host, so the path begins with one slash.
            return Ok(Found::Elsewhere(format!("/{}/", path.trim_start_matches('/'))));
        }
        match self.inside(&relative.join("index.html")) {
            Ok(index) if self.root.join(&index).is_file() => self.page(&index),
            _ => self.listing(&decoded, &real),
        }
    }

    /// The path below the root with every symbolic link followed; a link that leads out is refused.
    fn inside(&self, relative: &Path) -> Result<PathBuf, Missing> {
        let real = self.root.join(relative).canonicalize().map_err(missing)?;
        let inside = real.strip_prefix(&self.root).map_err(|_| Missing::NoSuch)?;
        Ok(inside.to_owned())
    }

    /// Opens a file that has no symbolic link in its path any more. The kernel refuses one that was put there since, and
    /// a pipe in place of a file does not make us wait.
    fn page(&self, real: &Path) -> Result<Found, Missing> {
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        let file = File::from(openat2(&self.directory, real, how).map_err(|errno| missing(errno.into()))?);
        let metadata = file.metadata().map_err(missing)?;
        if !metadata.is_file() {
            return Err(Missing::Forbidden);
        }
        let modified = metadata.modified().ok().map(httpdate::fmt_http_date);
        let page = Page {
            length: metadata.len(),
            content: content(file, metadata.len()).map_err(missing)?,
            modified: modified.and_then(|date| HeaderValue::try_from(date).ok()),
            content_type: content_type(real),
        };
        Ok(Found::Page(Arc::new(page)))
    }

    fn listing(&self, shown: &str, real: &Path) -> Result<Found, Missing> {
        let entries = fs::read_dir(self.root.join(real)).map_err(missing)?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(missing)?;
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // A name that is not UTF-8 could not be asked for either.
            if let Ok(name) = entry.file_name().into_string() {
                names.push(if is_directory { name + "/" } else { name });
            }
        }
        names.sort_unstable();
        Ok(Found::Listing(listing::html(shown, &names)))
    }
}

/// The path below the root, `.` and `..` worked out; `..` above the root stays at the root, as in a browser.
fn relative(decoded: &str) -> Result<PathBuf, Missing> {
    if !decoded.starts_with('/') || decoded.contains('\0') {
        return Err(Missing::BadPath);
    }
    let mut below = PathBuf::new();
    for component in Path::new(decoded).components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::ParentDir => {
                below.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(below)
}

fn missing(error: io::Error) -> Missing {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => Missing::Forbidden,
        // ELOOP and EXDEV: `openat2` met a symbolic link, or a way out.
        Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EXDEV | Errno::ENAMETOOLONG) => Missing::NoSuch,
        _ => Missing::Unreadable,
    }
}

fn content_type(path: &Path) -> HeaderValue {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let text = if guess.type_() == mime_guess::mime::TEXT {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_string()
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// A file that becomes shorter while it is read is an error; one that grows is sent as long as it was.
fn content(file: File, length: u64) -> io::Result<Content> {
    if length > HELD_MAX {
        return Ok(Content::File(Arc::new(file)));
    }
    let mut bytes = BytesMut::zeroed(length as usize);
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Content::Held(bytes.freeze()))
}

impl Page {
    /// What it holds in memory. Units: bytes.
    pub(super) fn held(&self) -> usize {
        match &self.content {
            Content::Held(bytes) => bytes.len(),
            Content::File(_) => 0,
        }
    }

    /// A page out of nowhere.
    #[cfg(test)]
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u64,
            content: Content::Held(bytes.into()),
            modified: None,
            content_type: HeaderValue::from_static("text/plain"),
        }
    }
}
