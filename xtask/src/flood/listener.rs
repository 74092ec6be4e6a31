//! A plain listener of this kernel: it sends back what it receives.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpSocket;

/// As the kernel's own limit has it by default.
const BACKLOG: u32 = 4_096;

/// The process of the listener. It says so when it listens, and never ends.
pub(super) fn listen(address: SocketAddr) -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.bind(address).with_context(|| format!("cannot bind {address}"))?;
        let listener = socket.listen(BACKLOG)?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "ready").and_then(|()| stdout.flush())?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let (mut hears, mut speaks) = stream.split();
                // How a client's connection ends is the client's affair.
                let _ = tokio::io::copy(&mut hears, &mut speaks).await;
            });
        }
    })
}
