//! This kernel's side: the small services, and the clients that measure them. One thread for each connection.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use socket2::SockRef;

use crate::args::{Bulk, Hold, Ping, Serve, Service};
use crate::rig::number::percentile;

/// What is read or written at once, as iperf3 does. Units: bytes.
const CHUNK: usize = 128 << 10;
/// Before anything is counted: slow start, and the growth of buffers.
const WARM_UP: Duration = Duration::from_millis(500);
/// A request, and its response. Units: bytes.
const PING: usize = 100;

/// What bulk came to, over all flows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Carried {
    pub(super) bytes: u64,
    pub(super) seconds: f64,
}

/// How long requests took. Units: microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pinged {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

/// The process of a service. It says so when it listens, and never ends.
pub(super) fn serve(serve: &Serve) -> anyhow::Result<()> {
    let listener = TcpListener::bind(serve.address).with_context(|| format!("cannot listen on {}", serve.address))?;
    say("ready")?;
    for stream in listener.incoming() {
        let (stream, service) = (stream?, serve.service);
        is_cubic(&stream)?;
        // How a client's connection ends is the client's affair.
        thread::spawn(move || attend(stream, service));
    }
    Ok(())
}

fn attend(mut stream: TcpStream, service: Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut chunk = vec![b'x'; CHUNK];
    loop {
        let n = match service {
            Service::Chargen => {
                stream.write_all(&chunk)?;
                continue;
            }
            Service::Discard | Service::Echo => stream.read(&mut chunk)?,
        };
        if n == 0 {
            return Ok(());
        }
        if service == Service::Echo {
            stream.write_all(&chunk[..n])?;
        }
    }
}

/// The process of bulk: it prints [`Carried`].
pub(super) fn bulk(bulk: &Bulk) -> anyhow::Result<()> {
    let carried = Arc::new(AtomicU64::new(0));
    for _ in 0..bulk.flows {
        let mut stream = connect(bulk.server)?;
        let (carried, service) = (Arc::clone(&carried), bulk.service);
        thread::spawn(move || -> io::Result<()> {
            let mut chunk = vec![b'x'; CHUNK];
            loop {
                let n = match service {
                    Service::Chargen => stream.read(&mut chunk)?,
                    Service::Discard | Service::Echo => stream.write(&chunk)?,
                };
                if n == 0 {
                    return Ok(());
                }
                carried.fetch_add(n as u64, Ordering::Relaxed);
            }
        });
    }
    thread::sleep(WARM_UP);
    let (began, before) = (Instant::now(), carried.load(Ordering::Relaxed));
    thread::sleep(Duration::from_millis(bulk.millis));
    let (seconds, after) = (began.elapsed().as_secs_f64(), carried.load(Ordering::Relaxed));
    let bytes = after - before;
    ensure!(bytes > 0, "nothing was carried");
    say(&serde_json::to_string(&Carried { bytes, seconds })?)
}

/// The process of requests and responses: it prints [`Pinged`].
pub(super) fn ping(ping: &Ping) -> anyhow::Result<()> {
    let mut stream = connect(ping.server)?;
    let mut message = [b'x'; PING];
    let mut took = Vec::with_capacity(1 << 20);
    let began = Instant::now();
    let (warm, end) = (WARM_UP, WARM_UP + Duration::from_millis(ping.millis));
    loop {
        let sent = began.elapsed();
        if sent > end {
            break;
        }
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        if sent > warm {
            took.push((began.elapsed() - sent).as_nanos() as u64);
        }
    }
    took.sort_unstable();
    let micros = |percent| percentile(&took, percent).map(|ns| ns as f64 / 1_000.0);
    let (p50_us, p99_us) = (micros(50).context("no answers")?, micros(99).context("no answers")?);
    say(&serde_json::to_string(&Pinged { p50_us, p99_us })?)
}

/// The process of connections that do nothing: it says when they stand, and never ends.
pub(super) fn hold(hold: &Hold) -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let mut held = Vec::with_capacity(hold.connections);
    match hold.server {
        Some(server) => {
            for _ in 0..hold.connections {
                held.push(TcpStream::connect(server)?);
            }
        }
        None => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            say(&listener.local_addr()?.to_string())?;
            for _ in 0..hold.connections {
                held.push(listener.accept()?.0);
            }
        }
    }
    say("ready")?;
    loop {
        thread::park();
    }
}

fn connect(server: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(server).with_context(|| format!("cannot connect to {server}"))?;
    stream.set_nodelay(true)?;
    is_cubic(&stream)?;
    Ok(stream)
}

/// With another congestion control the figures are other figures.
fn is_cubic(stream: &TcpStream) -> anyhow::Result<()> {
    let name = SockRef::from(stream).tcp_congestion().context("TCP_CONGESTION")?;
    let name = String::from_utf8_lossy(&name);
    let name = name.trim_end_matches('\0');
    ensure!(name == "cubic", "congestion control is {name} and not CUBIC");
    Ok(())
}

/// Says a line to whoever started this process.
pub(super) fn say(line: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())?;
    Ok(())
}
