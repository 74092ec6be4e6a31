//! Puts what arrives where it belongs, on a thread of its own: the disk does not hold up the network.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Target;
use crate::failure::of_stdout;

/// Chunks that may wait for the disk. When it is slower than the network, the window closes.
const WAITING: usize = 16;

/// What has been saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    /// In hexadecimal, when it was asked for.
    pub(super) sha256: Option<String>,
}

/// A file on its way: `FILE.part` until all of it has come.
#[derive(Debug)]
pub(super) struct Saver {
    chunks: mpsc::Sender<Bytes>,
    writing: JoinHandle<anyhow::Result<Saved>>,
    /// From, and to.
    rename: Option<(PathBuf, PathBuf)>,
}

impl Saver {
    /// Errors: the file cannot be made.
    pub(super) fn start(target: &Target, sha256: bool) -> anyhow::Result<Self> {
        let (to, rename): (Box<dyn Write + Send>, _) = match target {
            Target::Stdout => (Box::new(io::stdout()), None),
            Target::File(path) => {
                let part = part_of(path);
                let file = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
                (Box::new(file), Some((part, path.clone())))
            }
        };
        let failed = rename
            .as_ref()
            .map(|(part, _)| format!("cannot write {}", part.display()));
        let (chunks, waiting) = mpsc::channel(WAITING);
        let writing = tokio::task::spawn_blocking(move || {
            write(to, waiting, sha256).map_err(|error| match failed {
                None => of_stdout(error),
                Some(failed) => anyhow::Error::new(error).context(failed),
            })
        });
        Ok(Self {
            chunks,
            writing,
            rename,
        })
    }

    /// Takes the next chunk; waits while too many wait. Returns whether there is any use in going on: after a failed write,
    /// of which [`finish`](Self::finish) tells, there is none.
    pub(super) async fn take(&self, chunk: Bytes) -> bool {
        self.chunks.send(chunk).await.is_ok()
    }

    /// All has come: gives the file its name.
    pub(super) async fn finish(self) -> anyhow::Result<Saved> {
        drop(self.chunks);
        let saved = self.writing.await.map_err(|_| anyhow!("the writing thread failed"))??;
        if let Some((part, path)) = self.rename {
            fs::rename(&part, &path)
                .with_context(|| format!("cannot rename {} to {}", part.display(), path.display()))?;
        }
        Ok(saved)
    }

    /// The rest will not come: says where the beginning is, if anywhere.
    pub(super) async fn give_up(self) -> Option<PathBuf> {
        drop(self.chunks);
        // Whether these last chunks could be written changes nothing now.
        let _ = self.writing.await;
        self.rename.map(|(part, _)| part)
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write(mut to: impl Write, mut waiting: mpsc::Receiver<Bytes>, sha256: bool) -> io::Result<Saved> {
    let mut hash = sha256.then(Sha256::new);
    while let Some(chunk) = waiting.blocking_recv() {
        to.write_all(&chunk)?;
        if let Some(hash) = &mut hash {
            hash.update(&chunk);
        }
    }
    to.flush()?;
    Ok(Saved {
        sha256: hash.map(|hash| hex(&hash.finalize())),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
