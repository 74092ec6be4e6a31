//! Network namespaces of this process's own: each is held by a thread that lives in it, and is gone when the last process
//! in it ends. Nothing has a name outside, so nothing is left to clean up, however the task ends.
//!
//! Read first: `network_namespaces(7)`, `mount_namespaces(7)`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context as _, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use super::ip;

type Job = Box<dyn FnOnce() + Send>;

/// A network of its own, with a `/sys` that shows it. Clones are the same network.
#[derive(Clone)]
pub(crate) struct Namespace {
    jobs: Sender<Job>,
    /// Where `ip link set … netns` finds it.
    path: PathBuf,
}

impl Namespace {
    /// Errors: without root.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let (jobs, received) = channel::<Job>();
        let (tell, told) = channel();
        // Children are told to end when the thread ends that started them: it lives as long as this value.
        thread::spawn(move || {
            let entered = enter();
            let is_in = entered.is_ok();
            let _ = tell.send(entered);
            if is_in {
                received.iter().for_each(|job| job());
            }
        });
        let path = told
            .recv()
            .context("the thread of a network namespace ended")?
            .context("cannot make a network namespace")?;
        Ok(Self { jobs, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs something inside: what it starts stays inside.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        inside: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (tell, told) = channel();
        let job = move || {
            let _ = tell.send(inside());
        };
        let sent = self.jobs.send(Box::new(job)).is_ok();
        match told.recv() {
            Ok(outcome) if sent => outcome,
            _ => bail!("the thread of a network namespace ended"),
        }
    }

    /// Gives commands to `ip`, one a line.
    pub(crate) fn ip(&self, commands: String) -> anyhow::Result<()> {
        self.run(move || ip::batch(&commands))
    }

    /// Runs a program to its end.
    pub(crate) fn command<const N: usize>(&self, program: &'static str, args: [&str; N]) -> anyhow::Result<()> {
        let args = args.map(str::to_owned);
        self.run(move || {
            let output = Command::new(program).args(&args).output().context(program)?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                bail!("{program} {}: {}", args.join(" "), said.trim());
            }
            Ok(())
        })
    }

    /// Writes settings under `/proc/sys/net` or `/sys/class/net`.
    pub(crate) fn set(&self, settings: &'static [(&'static str, &'static str)]) -> anyhow::Result<()> {
        self.run(move || settings.iter().try_for_each(|(file, value)| put(file, value)))
    }

    pub(crate) fn put(&self, file: String, value: &'static str) -> anyhow::Result<()> {
        self.run(move || put(&file, value))
    }

    /// Reads a file as it looks from inside.
    pub(crate) fn read(&self, file: &'static str) -> anyhow::Result<String> {
        self.run(move || fs::read_to_string(file).context(file))
    }
}

fn put(file: &str, value: &str) -> anyhow::Result<()> {
    fs::write(file, value).with_context(|| format!("cannot write {value} to {file}"))
}

/// Moves this thread into a network, and into a mount namespace where `/sys` shows it. Gives the network's path.
fn enter() -> nix::Result<PathBuf> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), nothing)?;
    Ok(PathBuf::from(format!(
        "/proc/{}/task/{}/ns/net",
        std::process::id(),
        gettid()
    )))
}
