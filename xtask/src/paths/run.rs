//! One run, in a process of its own: both ends, the relay between them, and what came of it.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, bail};
use lens::HostKind;
use link::Memory;
use link::memory::{self, MemoryOptions};
use nix::sys::prctl::{set_pdeathsig, set_timerslack};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, alarm, getppid, setsid};
use rustix::process::setpriority_process;
use serde::{Deserialize, Serialize};

use super::args::{Direction, Path};
use super::end::{End, Ours};
use super::race::Race;
use super::relay::{Lateness, Relay};
use super::watch::{Seen, Watch};
use super::{kernel, ours};

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const PREFIX: u8 = 24;
const PORT: u16 = 9;

/// How much this process is preferred to others, where it may be: a relay that waits for a processor is no path.
const NICE: i32 = -15;

/// What a run may take beyond what is measured. Units: seconds.
const PATIENCE: u32 = 60;

/// Between our stack and the relay: what no burst fills. Units: packets.
const CAPACITY: usize = 20_000;

/// What came of a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Payload that the receiver had in time. Units: bytes.
    pub(crate) bytes: u64,
    pub(crate) seconds: u64,
    #[serde(flatten)]
    pub(crate) seen: Seen,
    #[serde(flatten)]
    pub(crate) lateness: Lateness,
    /// Packets that were lost beside the path, in a queue of the kernel: there should be none.
    pub(crate) lost_outside: u64,
}

impl Measured {
    /// Units: Mbit/s.
    pub(crate) fn goodput(&self) -> f64 {
        self.bytes as f64 * 8e-6 / self.seconds as f64
    }
}

/// The process of a run.
pub(crate) fn run(path: &Path) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != Pid::from_raw(path.parent) {
        bail!("the task has ended");
    }
    prefer();
    // A host that waits for what never comes ends the run.
    alarm::set(u32::try_from(path.seconds)?.saturating_add(PATIENCE));
    // Threads that are started later have it too.
    set_timerslack(1)?;
    link::namespace::enter()?;
    let measured = measure(path)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&measured)?)?;
    Ok(())
}

/// Goes before what else runs on the machine, if it may.
fn prefer() {
    // Where the kernel groups processes by session, `nice` counts only among those of one session.
    let _ = setsid();
    let _ = fs::write("/proc/self/autogroup", NICE.to_string());
    let _ = setpriority_process(None, NICE);
}

/// A host in a thread of its own.
struct Host {
    end: Receiver<End>,
    thread: JoinHandle<anyhow::Result<u64>>,
}

impl Host {
    /// `play` gets the sender for its end of the path, and returns how many packets were lost before it.
    fn spawn(play: impl FnOnce(Sender<End>) -> anyhow::Result<u64> + Send + 'static) -> Self {
        let (tell, end) = channel();
        Self {
            end,
            thread: thread::spawn(move || play(tell)),
        }
    }

    /// Its end of the path, once it is ready.
    fn end(&self) -> Option<End> {
        self.end.recv().ok()
    }

    fn join(self) -> anyhow::Result<u64> {
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a host panicked"),
        }
    }
}

fn measure(path: &Path) -> anyhow::Result<Measured> {
    let race = Arc::new(Race::new(Duration::from_secs(path.seconds)));
    let start = Arc::new(Barrier::new(2));
    let (sender, receiver) = match path.direction {
        Direction::LinuxLinux => (HostKind::Linux, HostKind::Linux),
        Direction::SyndicLinux => (HostKind::Syndic, HostKind::Linux),
        Direction::LinuxSyndic => (HostKind::Linux, HostKind::Syndic),
    };
    let receives = receiving(receiver, race.clone());
    let Some(far) = receives.end() else {
        return receives.join().and_then(|_| bail!("the receiver ended"));
    };
    let sends = sending(sender, race.clone(), start.clone());
    let Some(near) = sends.end() else {
        return sends.join().and_then(|_| bail!("the sender ended"));
    };
    let relay = Relay::new(path.cell, path.seed, [near, far], Watch::new(path.keep.is_some()));
    let carries = thread::spawn({
        let race = race.clone();
        move || relay.run(race.is_over())
    });
    start.wait();
    let lost = receives.join().and_then(|lost| Ok(lost + sends.join()?));
    race.end();
    let Ok(carried) = carries.join() else {
        bail!("the relay panicked")
    };
    let (lateness, watch) = carried?;
    let measured = Measured {
        bytes: race.heard(),
        seconds: path.seconds,
        seen: watch.seen,
        lateness,
        lost_outside: lost?,
    };
    if let Some(folder) = &path.keep {
        let name = format!("{}-{}-{}", path.cell, path.direction.name(), path.seed);
        watch.write(folder, &name, [sender, receiver])?;
    }
    Ok(measured)
}

fn sending(kind: HostKind, race: Arc<Race>, start: Arc<Barrier>) -> Host {
    let to = SocketAddr::new(RECEIVER.into(), PORT);
    Host::spawn(move |tell| match kind {
        HostKind::Linux => {
            let tun = kernel::network(SENDER, PREFIX)?;
            let name = tun.name().to_owned();
            let _ = tell.send(End::Tun(tun));
            start.wait();
            kernel::send(to, &race)?;
            Ok(kernel::dropped(&name))
        }
        _ => {
            let (near, far) = cable()?;
            let _ = tell.send(near);
            start.wait();
            ours::send(far, SENDER, to, &race).map(|()| 0)
        }
    })
}

fn receiving(kind: HostKind, race: Arc<Race>) -> Host {
    let at = SocketAddr::new(RECEIVER.into(), PORT);
    Host::spawn(move |tell| match kind {
        HostKind::Linux => {
            let tun = kernel::network(RECEIVER, PREFIX)?;
            let name = tun.name().to_owned();
            let listener = TcpListener::bind(at).context("the kernel cannot listen")?;
            let _ = tell.send(End::Tun(tun));
            kernel::receive(&listener, &race)?;
            Ok(kernel::dropped(&name))
        }
        _ => {
            let (near, far) = cable()?;
            ours::receive(far, at, RECEIVER, &race, move || {
                let _ = tell.send(near);
            })
            .map(|()| 0)
        }
    })
}

/// What joins a stack of ours to the relay.
fn cable() -> anyhow::Result<(End, Memory)> {
    let (near, far) = memory::pair(MemoryOptions {
        capacity: CAPACITY,
        ..MemoryOptions::default()
    });
    Ok((End::Memory(Ours::new(near)?), far))
}
