//! `syndic get`: fetches a URL over our own sockets.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use indicatif::{ProgressBar, ProgressStyle};
use stack::{Config, CongestionControl, ConnectOptions, ConnectionOptions, KeepAlive};
use syndic::Net;

use crate::device::{Network, runtime};
use crate::output::Output;
use saver::{Saved, Saver};
use url::Url;

mod saver;
pub(crate) mod url;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;

/// How long the last FIN may take after all has come.
const FAREWELL: Duration = Duration::from_secs(1);

/// What `syndic get` is to do.
#[derive(Debug)]
pub(crate) struct Get {
    pub(crate) url: Url,
    pub(crate) target: Target,
    pub(crate) sha256: bool,
    pub(crate) congestion: CongestionControl,
    pub(crate) network: Network,
}

/// Where to put what comes.
#[derive(Debug)]
pub(crate) enum Target {
    Stdout,
    File(PathBuf),
}

/// What came, and how fast.
struct Got {
    saved: Saved,
    /// Units: bytes.
    length: u64,
    took: Duration,
}

impl Get {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        runtime()?.block_on(async {
            let net = self.network.start(Config::default(), NonZeroUsize::MIN, |_| ())?.net;
            let _control = self.network.control("get", &net)?;
            let got = tokio::select! {
                got = self.fetch(&net) => got,
                why = net.stopped() => Err(why.into()),
            };
            // The server is told how it ended, if it still listens.
            let _ = tokio::time::timeout(FAREWELL, net.drained()).await;
            self.report(&got?)
        })
    }

    async fn fetch(&self, net: &Net) -> anyhow::Result<Got> {
        let began = Instant::now();
        let answer = self.ask(net).await?;
        let saver = Saver::start(&self.target, self.sha256)?;
        let bar = progress(answer.body().size_hint().exact());
        let received = tokio::select! {
            received = receive(answer.into_body(), &saver, &bar) => received,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        };
        bar.finish_and_clear();
        match received {
            Ok(length) => Ok(Got {
                saved: saver.finish().await?,
                length,
                took: began.elapsed(),
            }),
            Err(error) => Err(match saver.give_up().await {
                Some(part) => error.context(format!("not all came; what did is in {}", part.display())),
                None => error.context("not all came"),
            }),
        }
    }

    /// Asks, follows redirects, and gives the answer that has the body.
    async fn ask(&self, net: &Net) -> anyhow::Result<Response<Incoming>> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = ask(net, self.find(&url).await?, connection(self.congestion), &url).await?;
            let status = answer.status();
            if status == StatusCode::OK {
                return Ok(answer);
            }
            let location = answer.headers().get(header::LOCATION).filter(|_| is_redirect(status));
            let Some(location) = location else {
                bail!("{url}: the server answers {status}")
            };
            let location = location
                .to_str()
                .ok()
                .with_context(|| format!("{url}: redirected to no URL"))?;
            url = url
                .resolve(location)
                .with_context(|| format!("{url}: redirected to {location}"))?;
        }
        bail!("{}: more than {REDIRECTS_MAX} redirects", self.url)
    }

    /// An address of the host that one of ours can reach. A name is looked up as everything on this machine does it.
    async fn find(&self, url: &Url) -> anyhow::Result<SocketAddr> {
        let found = tokio::net::lookup_host((&*url.host, url.port)).await;
        let mut found = found.with_context(|| format!("cannot find the address of {}", url.host))?;
        let ours = self.network.ours();
        let is_reachable = |remote: &SocketAddr| {
            !remote.ip().is_loopback() && ours.iter().any(|ours| ours.is_ipv4() == remote.is_ipv4())
        };
        found.find(is_reachable).with_context(|| {
            format!(
                "{} has no address that can be reached from here: {}",
                url.host,
                self.network.who_is_there()
            )
        })
    }

    fn report(&self, got: &Got) -> anyhow::Result<()> {
        let mut output = match self.target {
            Target::Stdout => Output::stderr(),
            Target::File(_) => Output::stdout(),
        };
        let seconds = got.took.as_secs_f64();
        let megabits = got.length as f64 * 8.0 / 1e6 / seconds.max(1e-9);
        output.line(format_args!(
            "{} bytes in {seconds:.3} s, {megabits:.1} Mbit/s",
            got.length
        ))?;
        match &got.saved.sha256 {
            Some(sha256) => output.line(format_args!("SHA-256 {sha256}")),
            None => Ok(()),
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// One request on a connection of its own.
async fn ask(
    net: &Net,
    remote: SocketAddr,
    connection: ConnectionOptions,
    url: &Url,
) -> anyhow::Result<Response<Incoming>> {
    let options = ConnectOptions {
        remote,
        local: None,
        connection: Some(connection),
    };
    let stream = net
        .connect(options)
        .await
        .with_context(|| format!("cannot connect to {remote}"))?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, or with the error that the answer then ends with too.
    tokio::spawn(connection);
    let request = Request::get(&url.target)
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, concat!("syndic/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    requests
        .send_request(request)
        .await
        .with_context(|| format!("{url}: no answer"))
}

fn connection(congestion: CongestionControl) -> ConnectionOptions {
    ConnectionOptions {
        congestion,
        no_delay: true,
        // A server that vanished while we wait for it to speak would never be missed otherwise.
        keep_alive: Some(KeepAlive {
            idle: stack::Duration::from_secs(15),
            interval: stack::Duration::from_secs(5),
            probes: 6,
        }),
        ..ConnectionOptions::default()
    }
}

/// Receives to the end. Units of the result: bytes.
async fn receive(mut body: Incoming, saver: &Saver, bar: &ProgressBar) -> anyhow::Result<u64> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        length += chunk.len() as u64;
        bar.inc(chunk.len() as u64);
        if !saver.take(chunk).await {
            break;
        }
    }
    Ok(length)
}

/// hyper says "connection error" where the reason is one level down.
fn broken(error: hyper::Error) -> anyhow::Error {
    if error.is_incomplete_message() {
        anyhow::anyhow!("the server closed too early")
    } else {
        error.into()
    }
}

/// Drawn on standard error, and only on a terminal.
fn progress(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {binary_bytes} {binary_bytes_per_sec} {elapsed}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
