//! The real part of `syndic lab`: our TCP and the Linux kernel's, on real packets.
//!
//! ```text
//!   std::net in threads         tokio tasks
//!   Linux's TCP                 our TCP
//!   10.7.0.1, fd07::1           10.7.0.2, fd07::2
//!        '------- TUN, tapped -------'
//! ```
//!
//! Everything happens in this process, in a private network namespace. Each case is one connection: data both ways at
//! once, both sums compared, and a close in the order that the case asks for. What our end says of its states is checked
//! against what is expected; so is what the kernel says of its own, and what the lens made of its packets.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lens::{Host, HostKind, Trace};
use link::Layer;
use stack::{Config, ConnectionOptions, EcnMode, FourTuple, ListenOptions, State};
use syndic::{Net, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::outcome::{Outcome, Time};
use super::recorder::{KERNEL, OURS, Recorder, Witness};
use crate::device::{Device, Network, runtime};
use crate::subnet::Subnet;
use kernel::Kernel;

mod kernel;

/// A case that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Our server's port, and the kernel's.
const PORT: u16 = 80;

/// One connection with the kernel.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    what: &'static str,
    family: Family,
    opens: End,
    closes_first: End,
    /// Sent each way. Units: bytes.
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// Whose TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Ours,
    Linux,
}

const CASES: [Case; 6] = [
    Case {
        name: "linux-to-us",
        what: "Linux connects to our server and closes first",
        family: Family::V4,
        opens: End::Linux,
        closes_first: End::Linux,
        length: 256 << 10,
    },
    Case {
        name: "linux-to-us-server-closes",
        what: "Linux connects to our server, which closes first",
        family: Family::V4,
        opens: End::Linux,
        closes_first: End::Ours,
        length: 256 << 10,
    },
    Case {
        name: "us-to-linux",
        what: "we connect to a Linux server and close first",
        family: Family::V4,
        opens: End::Ours,
        closes_first: End::Ours,
        length: 256 << 10,
    },
    Case {
        name: "us-to-linux-server-closes",
        what: "we connect to a Linux server, which closes first",
        family: Family::V4,
        opens: End::Ours,
        closes_first: End::Linux,
        length: 256 << 10,
    },
    Case {
        name: "linux-to-us-ipv6",
        what: "IPv6: Linux connects to our server and closes first",
        family: Family::V6,
        opens: End::Linux,
        closes_first: End::Linux,
        length: 64 << 10,
    },
    Case {
        name: "us-to-linux-ipv6",
        what: "IPv6: we connect to a Linux server and close first",
        family: Family::V6,
        opens: End::Ours,
        closes_first: End::Ours,
        length: 64 << 10,
    },
];

/// Names of the cases, with what they are.
pub(super) fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    CASES.iter().map(|case| (case.name, case.what))
}

/// Plays every case, or the one of that name, and hands each outcome to `tell` as it is there.
///
/// Enters a private network namespace, so it has to be called before there are threads.
///
/// Errors: the reason why this machine does not allow it, or what `tell` says.
pub(super) fn play(only: Option<&str>, mut tell: impl FnMut(Outcome) -> anyhow::Result<()>) -> anyhow::Result<Played> {
    let network = Network {
        subnets: vec![Subnet::parse("10.7.0.2/24")?, Subnet::parse("fd07::2/64")?],
        device: Device::Tun(None),
        gateways: Vec::new(),
        mtu: 1500,
        ecn: EcnMode::default(),
        impairment: None,
        control: None,
    };
    let prepared = link::namespace::enter()
        .map_err(anyhow::Error::from)
        .and_then(|_| network.open(Layer::Ip, None));
    let tun = match prepared {
        Ok(tun) => tun,
        Err(reason) => return Ok(Played::Forbidden(reason)),
    };
    kernel::be_patient();
    let rig = |tun: link::Tun| {
        let recorder = Recorder::default();
        let config = Config {
            addresses: network.ours(),
            ..Config::default()
        };
        let net = Net::observed(recorder.tap(tun.into_async()?), config, recorder.witness())?;
        io::Result::Ok(Rig {
            net,
            recorder,
            subnets: network.subnets.clone(),
        })
    };
    let runtime = runtime()?;
    runtime.block_on(async {
        let rig = rig(tun).context("cannot start the stack on the TUN device")?;
        for case in CASES.iter().filter(|case| only.is_none_or(|only| only == case.name)) {
            tell(rig.play(case).await)?;
        }
        Ok(Played::All)
    })
}

/// Whether there was a kernel to play with.
#[derive(Debug)]
pub(super) enum Played {
    All,
    /// This machine does not allow it, for that reason.
    Forbidden(anyhow::Error),
}

/// Our stack on a tapped TUN.
struct Rig {
    net: Net<Witness>,
    recorder: Recorder,
    subnets: Vec<Subnet>,
}

/// What one end has to do on its connection.
#[derive(Debug, Clone)]
pub(super) struct Part {
    say: Vec<u8>,
    hear: Vec<u8>,
    closes_first: bool,
}

impl Rig {
    async fn play(&self, case: &Case) -> Outcome {
        let began = Instant::now();
        // What the kernel said of its own accord until now belongs to no case.
        self.recorder.take(String::new(), hosts(case, &self.subnets));
        let mut failures = Vec::new();
        let connected = tokio::time::timeout(PATIENCE, self.connection(case)).await;
        match connected.unwrap_or_else(|_| Err(anyhow::anyhow!("not done after {PATIENCE:?}"))) {
            Ok((tuple, seen)) => failures.extend(self.judge(case, &tuple, seen).await),
            Err(error) => failures.push(format!("{error:#}")),
        }
        let took = began.elapsed();
        let mut trace = self.recorder.take(case.what.to_owned(), hosts(case, &self.subnets));
        lens::peer::infer(&mut trace);
        failures.extend(judge_trace(case, &trace));
        Outcome::new(case.name, case.what, Time::Real(took), trace, failures)
    }

    /// Opens, talks and closes. Gives the connection as we name it, and what the kernel said of its states meanwhile.
    async fn connection(&self, case: &Case) -> anyhow::Result<(FourTuple, Vec<(State, State)>)> {
        let subnet = self
            .subnets
            .iter()
            .find(|subnet| subnet.ours.is_ipv4() == (case.family == Family::V4));
        let subnet = subnet.context("no subnet of that family")?;
        let [ours, linux] = parts(case);
        match case.opens {
            End::Linux => {
                let at = SocketAddr::new(subnet.ours, PORT);
                let listener = self.net.listen(ListenOptions {
                    connection: options(),
                    ..ListenOptions::new(at)
                })?;
                let kernel = Kernel::connect(at, linux);
                let (stream, _) = listener.accept().await?;
                finish(stream, ours, kernel, Some(listener)).await
            }
            End::Ours => {
                let (at, kernel) = Kernel::listen(SocketAddr::new(subnet.kernel, PORT), linux)?;
                let stream = TcpStream::connect(&self.net, at)
                    .await
                    .with_context(|| format!("cannot connect to {at}"))?;
                finish(stream, ours, kernel, None).await
            }
        }
    }

    /// Waits until both ends are where they should be, and says who is not.
    async fn judge(&self, case: &Case, tuple: &FourTuple, seen: Vec<(State, State)>) -> Vec<String> {
        let expected = case.last_states();
        let deadline = Instant::now() + PATIENCE;
        let states = || (self.recorder.state(tuple), kernel::state_of(&tuple.reversed()));
        while states() != expected && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (ours, linux) = states();
        let last = [("our", ours, expected.0), ("the kernel's", linux, expected.1)];
        let last = last.into_iter().filter(|(_, is, should)| is != should);
        let last = last.map(|(whose, is, should)| format!("{whose} end is in {is} after the close, not in {should}"));
        let earlier = seen.into_iter().filter(|(is, should)| is != should);
        let earlier = earlier.map(|(is, should)| format!("the kernel's end was in {is}, not in {should}"));
        earlier.chain(last).collect()
    }
}

impl Case {
    /// Where our end and the kernel's come to rest: who closes first keeps TIME-WAIT (RFC 9293 section 3.6).
    const fn last_states(&self) -> (State, State) {
        match self.closes_first {
            End::Ours => (State::TimeWait, State::Closed),
            End::Linux => (State::Closed, State::TimeWait),
        }
    }
}

/// Data that looks like none in particular, and is the same every time: ours, then the kernel's.
fn parts(case: &Case) -> [Part; 2] {
    let data = |name| {
        let mut bytes = vec![0; case.length];
        ::lab::Rng::fork(0, name).fill(&mut bytes);
        bytes
    };
    let (ours, linux) = (data("ours"), data("linux"));
    [
        Part {
            say: ours.clone(),
            hear: linux.clone(),
            closes_first: case.closes_first == End::Ours,
        },
        Part {
            say: linux,
            hear: ours,
            closes_first: case.closes_first == End::Linux,
        },
    ]
}

fn options() -> ConnectionOptions {
    ConnectionOptions {
        no_delay: true,
        ..ConnectionOptions::default()
    }
}

/// Plays our part, then waits for the kernel's.
async fn finish(
    stream: TcpStream,
    part: Part,
    kernel: Kernel,
    listener: Option<TcpListener>,
) -> anyhow::Result<(FourTuple, Vec<(State, State)>)> {
    let tuple = FourTuple::new(stream.local_addr()?, stream.peer_addr()?);
    talk(stream, part).await.context("our end")?;
    drop(listener);
    let seen = kernel.join().await.context("the kernel's end")?;
    Ok((tuple, seen))
}

async fn talk(mut stream: TcpStream, part: Part) -> anyhow::Result<()> {
    let mut heard = vec![0; part.hear.len()];
    let (mut hears, mut speaks) = stream.split();
    tokio::try_join!(speaks.write_all(&part.say), hears.read_exact(&mut heard))?;
    ensure!(heard == part.hear, "what came is not what was sent");
    if part.closes_first {
        stream.shutdown().await?;
    }
    ensure!(stream.read(&mut heard).await? == 0, "more came than was sent");
    if !part.closes_first {
        stream.shutdown().await?;
    }
    Ok(())
}

/// In the order of their indices: we stand on the left of a ladder, whoever opens.
fn hosts(case: &Case, subnets: &[Subnet]) -> [Host; 2] {
    let (ours, linux) = match case.opens {
        End::Linux => ("server", "client"),
        End::Ours => ("client", "server"),
    };
    [
        Host::new(
            ours,
            HostKind::Syndic,
            subnets.iter().map(|subnet| subnet.ours).collect(),
        ),
        Host::new(
            linux,
            HostKind::Linux,
            subnets.iter().map(|subnet| subnet.kernel).collect(),
        ),
    ]
}

/// What a clean link must not show, and what the lens must have made of the kernel's packets.
fn judge_trace(case: &Case, trace: &Trace) -> Vec<String> {
    let mut failures = Vec::new();
    for record in &trace.records {
        if let Some(why) = record.dropped {
            failures.push(format!("we dropped a segment: {}", why.describe()));
        }
        if let Some(cause) = record.cause.filter(|cause| cause.is_retransmission()) {
            failures.push(format!("on a link that loses nothing: {}", cause.describe()));
        }
    }
    let inferred = trace.records.last().and_then(|last| match last.from {
        OURS => last.receiver_state,
        KERNEL => last.sender_state,
        _ => None,
    });
    let (_, expected) = case.last_states();
    if inferred != Some(expected) {
        failures.push(format!(
            "from its packets the kernel's end is in {inferred:?}, not in {expected}"
        ));
    }
    failures
}
