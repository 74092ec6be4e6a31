//! Our end of a run: a stack on a link in memory, in a thread and a runtime of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail};
use link::Memory;
use stack::Config;
use syndic::{Net, TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

use super::race::Race;

/// A stack with that address on that link. Must be called in a runtime.
fn start(link: Memory, address: Ipv4Addr) -> anyhow::Result<Net> {
    let config = Config {
        addresses: vec![IpAddr::V4(address)],
        ..Config::default()
    };
    Net::start(link, config).context("cannot start the stack")
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")
}

/// Connects and sends until the run is over.
pub(super) fn send(link: Memory, address: Ipv4Addr, to: SocketAddr, race: &Race) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let net = start(link, address)?;
        let mut stream = TcpStream::connect(&net, to)
            .await
            .with_context(|| format!("cannot connect to {to}"))?;
        race.begin();
        let deadline = Instant::from_std(race.deadline());
        let sends = async {
            let mut block = race.block();
            loop {
                if let Err(error) = stream.write_bytes(&mut block).await {
                    break error;
                }
                if block.is_empty() {
                    block = race.block();
                }
            }
        };
        let ended = timeout_at(deadline, sends).await;
        // The stack goes, and its end of the path with it.
        race.end();
        match ended {
            Ok(error) => Err(error).context("our sender"),
            Err(_) => Ok(()),
        }
    })
}

/// Listens, says so by `listens`, accepts one connection and reads until the run is over.
pub(super) fn receive(
    link: Memory,
    at: SocketAddr,
    address: Ipv4Addr,
    race: &Race,
    listens: impl FnOnce(),
) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let net = start(link, address)?;
        let listener = TcpListener::bind(&net, at)?;
        listens();
        let (mut stream, _) = listener.accept().await?;
        let deadline = Instant::from_std(race.deadline());
        loop {
            match timeout_at(deadline, stream.read_bytes(1 << 18)).await {
                Err(_) => break,
                Ok(Ok(Some(bytes))) => race.hear(&bytes)?,
                Ok(Ok(None)) => bail!("the sender closed"),
                Ok(Err(error)) => return Err(error).context("our receiver"),
            }
        }
        race.end();
        Ok(())
    })
}
