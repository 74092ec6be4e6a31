//! Processes of the rig: pinned to a core, before everything else there, and gone with this one.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{self, ChildStdout, Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid, setsid};
use rustix::process::setpriority_process;

use super::counters::{self, Nanos};
use super::namespace::Namespace;
use crate::args::Launch;

/// How much the processes of the rig are preferred to those that happen to run on the machine too.
const NICE: i32 = -18;

/// A process of the rig. Dropping it ends it.
pub(crate) struct Running {
    name: String,
    process: process::Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a program in a namespace, on a core.
    pub(crate) fn start(
        name: &str,
        namespace: &Namespace,
        core: usize,
        command: Vec<OsString>,
        environment: Vec<(&'static str, OsString)>,
    ) -> anyhow::Result<Self> {
        let launch = vec![
            "child".into(),
            "launch".into(),
            "--parent".into(),
            process::id().to_string().into(),
            "--core".into(),
            core.to_string().into(),
            "--".into(),
        ];
        let mut process = namespace
            .run(move || {
                Command::new("/proc/self/exe")
                    .args(launch.into_iter().chain(command))
                    .envs(environment)
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .context("cannot start a process")
            })
            .with_context(|| name.to_owned())?;
        let stdout = process.stdout.take().context("no standard output")?;
        Ok(Self {
            name: name.to_owned(),
            process,
            stdout: BufReader::new(stdout),
        })
    }

    /// Waits for a line of standard output: that is how a listener says that it listens.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(1..) => Ok(line),
            Ok(0) => Err(self.ended()),
            Err(error) => Err(anyhow!(error).context(self.name.clone())),
        }
    }

    /// All that it says on standard output until it ends.
    ///
    /// Errors: it failed.
    pub(crate) fn output(&mut self) -> anyhow::Result<String> {
        let mut said = String::new();
        self.stdout.read_to_string(&mut said)?;
        match self.process.wait()?.success() {
            true => Ok(said),
            false => Err(self.ended()),
        }
    }

    /// Errors: it has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(_) => Err(self.ended()),
        }
    }

    /// What it said before it ended, as an error.
    fn ended(&mut self) -> anyhow::Error {
        let mut said = String::new();
        if let Some(stderr) = &mut self.process.stderr {
            let _ = stderr.read_to_string(&mut said);
        }
        let said = said.trim();
        match self.process.wait() {
            Ok(status) if said.is_empty() => anyhow!("{} ended: {status}", self.name),
            Ok(_) => anyhow!("{}: {said}", self.name),
            Err(error) => anyhow!(error).context(self.name.clone()),
        }
    }

    /// The CPU time of all its threads that live.
    pub(crate) fn cpu(&self) -> anyhow::Result<Nanos> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).context("its threads")?;
        let mut sum = Nanos::default();
        for thread in threads {
            // One that ends in between takes its time with it; those of the listeners here do not.
            sum += fs::read_to_string(thread?.path().join("schedstat"))
                .ok()
                .and_then(|text| counters::schedstat(&text))
                .unwrap_or_default();
        }
        Ok(sum)
    }

    /// Peak resident memory. Units: bytes.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).context("its status")?;
        counters::peak_bytes(&status).context("no VmHWM in its status")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Becomes the program.
pub(crate) fn launch(launch: Launch) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != Pid::from_raw(launch.parent) {
        bail!("the task has ended");
    }
    pin(Pid::from_raw(0), launch.core)?;
    // Where the kernel groups processes by session, `nice` counts only among those of one session.
    setsid()?;
    let _ = fs::write("/proc/self/autogroup", NICE.to_string());
    // Without root the rig runs as it may, and what else runs shows in its figures.
    let _ = setpriority_process(None, NICE);
    let (program, args) = launch.program.split_first().context("no program")?;
    let error = Command::new(program).args(args).exec();
    Err(anyhow!(error).context(program.to_string_lossy().into_owned()))
}

/// Keeps a thread on one core; 0 is the calling one.
pub(crate) fn pin(thread: Pid, core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(thread, &cores).with_context(|| format!("cannot keep a thread on core {core}"))
}

/// Keeps a thread of the kernel on one core, before everything else there.
pub(crate) fn prefer(thread: i32, core: usize) -> anyhow::Result<()> {
    pin(Pid::from_raw(thread), core)?;
    setpriority_process(rustix::process::Pid::from_raw(thread), NICE).context("cannot raise the priority of a thread")
}
