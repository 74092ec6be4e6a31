//! `syndic serve`: a directory over HTTP, or a small service, on our own sockets.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use link::Losses;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use stack::{CongestionControl, ConnectionOptions, Counters, KeepAlive, ListenOptions};
use syndic::{Net, TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::Service;
use crate::device::{Network, Started, runtime};
use crate::guarding::{self, Guarding, Watch};
use crate::http::{self, Site};
use crate::output::Output;
use crate::service;

/// How long connections may take to finish after a signal. Another signal ends them at once.
const FAREWELL: Duration = Duration::from_secs(5);

/// A client that vanished holds its connection no longer than this and six probes.
const IDLE: Duration = Duration::from_secs(60);

/// What `syndic serve` is to do.
#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) what: What,
    pub(crate) port: u16,
    pub(crate) shards: NonZeroUsize,
    pub(crate) congestion: CongestionControl,
    pub(crate) guarding: Guarding,
    pub(crate) network: Network,
}

/// What is served.
#[derive(Debug)]
pub(crate) enum What {
    /// The files of a directory; `shown` is as it was typed.
    Directory {
        site: Site,
        shown: PathBuf,
    },
    Service(Service),
}

/// What is done with one connection.
#[derive(Debug, Clone)]
enum Handler {
    Http(Arc<Site>),
    Service(Service),
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        raise_file_limit();
        runtime()?.block_on(self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let mut interrupted = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let mut terminated = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let (watch, lines) = guarding::watch();
        let observer = |shard| match self.shards {
            NonZeroUsize::MIN => watch.clone(),
            _ => watch.of_shard(shard),
        };
        let Started { net, device, meter } = self.network.start(self.guarding.config(), self.shards, observer)?;
        // Whoever prints ends with the last of the watches.
        drop(watch);
        tokio::spawn(guarding::tell(lines));
        let listeners = self.listen(&net)?;
        let _control = self.network.control("serve", &net)?;
        let mut output = Output::stdout();
        output.line(self.announcement(&device))?;

        let handler = match self.what {
            What::Directory { site, .. } => Handler::Http(Arc::new(site)),
            What::Service(service) => Handler::Service(service),
        };
        let (stop, stopped) = watch::channel(false);
        // One for each, whatever shards it has: each connection wakes all who wait for one.
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| tokio::spawn(accept(listener, handler.clone(), stopped.clone())))
            .collect();
        tokio::select! {
            why = net.stopped() => return Err(why.into()),
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        // A task that is aborted drops its listener, and that closes it.
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        stop.send_replace(true);
        tokio::select! {
            // Whether the last connections ended well or were cut off, the work is done.
            _ = tokio::time::timeout(FAREWELL, net.drained()) => {}
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        output.line(Summary(net.counters(), meter.map(|meter| meter.losses())))
    }

    fn listen(&self, net: &Net<Watch>) -> anyhow::Result<Vec<TcpListener>> {
        let listen = |local: SocketAddr| {
            let options = ListenOptions {
                connection: connection(self.congestion),
                ..ListenOptions::new(local)
            };
            net.listen(self.guarding.over(options))
                .with_context(|| format!("cannot listen on {local}"))
        };
        let ours = self.network.ours();
        ours.into_iter()
            .map(|address| listen(SocketAddr::new(address, self.port)))
            .collect()
    }

    /// `serving DIR on http://10.7.0.2:80 (kernel side 10.7.0.1, tun syndic0)`
    fn announcement(&self, device: &str) -> String {
        let (what, scheme) = match &self.what {
            What::Directory { shown, .. } => (shown.display().to_string(), "http://"),
            What::Service(Service::Echo) => ("echo".to_owned(), ""),
            What::Service(Service::Discard) => ("discard".to_owned(), ""),
            What::Service(Service::Chargen) => ("chargen".to_owned(), ""),
        };
        let ours = self.network.ours();
        let places: Vec<String> = ours
            .into_iter()
            .map(|address| format!("{scheme}{}", SocketAddr::new(address, self.port)))
            .collect();
        format!("serving {what} on {} ({device})", places.join(" and "))
    }
}

fn connection(congestion: CongestionControl) -> ConnectionOptions {
    ConnectionOptions {
        congestion,
        no_delay: true,
        keep_alive: Some(KeepAlive {
            idle: IDLE.into(),
            interval: stack::Duration::from_secs(10),
            probes: 6,
        }),
        ..ConnectionOptions::default()
    }
}

/// Accepts until the network stops; that is told to whoever waits for it.
async fn accept(listener: TcpListener, handler: Handler, stopped: watch::Receiver<bool>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(handle(stream, handler.clone(), stopped.clone()));
    }
}

async fn handle(stream: TcpStream, handler: Handler, mut stopped: watch::Receiver<bool>) {
    // How a client's connection ends is the client's affair: the counters tell of resets and timeouts.
    match handler {
        Handler::Http(site) => {
            let _ = http::serve(stream, site, stopped).await;
        }
        Handler::Service(kind) => {
            tokio::select! {
                _ = service::serve(stream, kind) => {}
                () = http::told(&mut stopped) => {}
            }
        }
    }
}

/// Every client may have a file open. Where the limit cannot be raised, it stays.
fn raise_file_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// What was counted, by the stack and by the link, in lines for people.
struct Summary(Counters, Option<Losses>);

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.0;
        writeln!(
            f,
            "connections  {} accepted, {} reset by the peer, {} timed out",
            c.opens_passive, c.resets_in, c.timed_out
        )?;
        writeln!(f, "bytes        {} in, {} out", c.bytes_in, c.bytes_out)?;
        writeln!(
            f,
            "segments     {} in, {} out, {} retransmitted",
            c.segments_in, c.segments_out, c.retransmissions
        )?;
        write!(f, "packets      {} in, {} out", c.packets_in, c.packets_out)?;
        if let Some(lost) = self.1 {
            write!(
                f,
                "\nlink         {} lost on arrival, {} on leaving",
                lost.received, lost.sent
            )?;
        }
        for (why, count) in c.drops() {
            write!(f, "\ndropped      {count} {why}: {}", why.describe())?;
        }
        Ok(())
    }
}
