//! Good clients: they come at fixed moments, each connects, sends a byte, reads it back and closes.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::network::Network;
use super::subject::PORT;
use crate::args::Clients;
use crate::rig::process::Running;

/// A client that has not had its answer by then has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What became of them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Visits {
    /// How long those that had their answer took to connect. Units: microseconds.
    pub(super) connect_us: Vec<u64>,
    pub(super) failed: usize,
}

/// Starts them in their namespace. [`Running::line`] waits for the last of them; see [`visits`].
pub(super) fn start(network: &Network, core: usize, per_second: u64, seconds: u64) -> anyhow::Result<Running> {
    let server = SocketAddr::new(network.server_address()?, PORT).to_string();
    let itself = std::env::current_exe().context("this program's path")?;
    let mut command: Vec<OsString> = vec![itself.into()];
    let (per_second, seconds) = (per_second.to_string(), seconds.to_string());
    let options = [
        "child",
        "clients",
        "--server",
        &server,
        "--per-second",
        &per_second,
        "--seconds",
        &seconds,
    ];
    command.extend(options.map(OsString::from));
    let mut running = Running::start("the clients", &network.clients, core, command, Vec::new())?;
    // The first line says that they begin.
    running.line()?;
    Ok(running)
}

/// Reads what they said when the last had come home.
pub(super) fn visits(clients: &mut Running) -> anyhow::Result<Visits> {
    serde_json::from_str(&clients.line()?).context("what the clients said")
}

/// The process of the clients.
pub(super) fn visit(clients: &Clients) -> anyhow::Result<()> {
    // As many as come in their patience may be open at once.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let visits = runtime.block_on(visit_all(clients))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(&visits)?)?;
    Ok(())
}

async fn visit_all(clients: &Clients) -> anyhow::Result<Visits> {
    let count = clients
        .per_second
        .checked_mul(clients.seconds)
        .filter(|_| clients.per_second > 0);
    let Some(count) = count else { bail!("no clients at all") };
    let mut stdout = std::io::stdout();
    writeln!(stdout, "begun").and_then(|()| stdout.flush())?;
    let began = Instant::now();
    let mut sent = Vec::new();
    for number in 0..count {
        sleep_until(began + Duration::from_micros(number * 1_000_000 / clients.per_second)).await;
        let server = clients.server;
        sent.push(tokio::spawn(async move { timeout(PATIENCE, exchange(server)).await }));
    }
    let mut visits = Visits::default();
    for client in sent {
        match client.await {
            Ok(Ok(Ok(connected))) => visits.connect_us.push(connected.as_micros() as u64),
            _ => visits.failed += 1,
        }
    }
    Ok(visits)
}

/// One visit. Gives the time it took to connect.
async fn exchange(server: SocketAddr) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(server).await?;
    let connected = began.elapsed();
    stream.write_all(b"?").await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    if answer != *b"?" {
        bail!("another byte came back");
    }
    Ok(connected)
}
