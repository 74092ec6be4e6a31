//! Answers HTTP requests with the files of a directory.
//!
//! GET and HEAD, one byte range, dates, listings. What a path leads to is `site`'s affair; framing and keep-alive are
//! hyper's. Read first: RFC 9110 sections 8 to 15.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use body::FileBody;
use range::Wanted;
pub(crate) use site::Site;
use site::{Content, Found, Missing, Page};

mod body;
mod listing;
mod range;
mod shelf;
mod site;

/// How long a client may take over the head of a request, and may keep an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// An answer. Its body can fail while it is being read from the disk; hyper then cuts the connection, so that the client
/// knows that it does not have all.
type Answer = Response<BoxBody<Bytes, io::Error>>;

/// Serves one connection until the client closes it, `stop` says so, or it fails.
pub(crate) async fn serve<S>(stream: S, site: Arc<Site>, mut stop: watch::Receiver<bool>) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let respond = service_fn(move |request: Request<_>| {
        let site = Arc::clone(&site);
        async move { Ok::<_, io::Error>(answer(&site, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        // A client that has said all it will say still wants its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), respond);
    tokio::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => done,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// Waits until `stop` says so, or nobody is left to say it.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn answer<B>(site: &Arc<Site>, request: Request<B>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED);
        put(refusal.headers_mut(), header::ALLOW, "GET, HEAD");
        return refusal;
    }
    let mut answer = match find(site, request.uri().path()).await {
        Ok(Found::Page(page)) => answer_page(&page, request.headers()),
        Ok(Found::Listing(html)) => answer_listing(html),
        Ok(Found::Elsewhere(location)) => answer_elsewhere(&location),
        Err(Missing::BadPath) => plain(StatusCode::BAD_REQUEST),
        Err(Missing::NoSuch) => plain(StatusCode::NOT_FOUND),
        Err(Missing::Forbidden) => plain(StatusCode::FORBIDDEN),
        Err(Missing::Unreadable) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    };
    if request.method() == Method::HEAD {
        // The headers are those of GET (RFC 9110 section 9.3.2), so the length has to be stated before the body goes.
        if let Some(length) = hyper::body::Body::size_hint(answer.body()).exact()
            && answer.status() != StatusCode::NOT_MODIFIED
        {
            put(answer.headers_mut(), header::CONTENT_LENGTH, length);
        }
        *answer.body_mut() = empty();
    }
    answer
}

/// What is not at hand is looked up on the threads that may block: the disk can take its time.
async fn find(site: &Arc<Site>, path: &str) -> Result<Found, Missing> {
    if let Some(page) = site.at_hand(path) {
        return Ok(Found::Page(page));
    }
    let (site, path) = (Arc::clone(site), path.to_owned());
    tokio::task::spawn_blocking(move || site.find(&path))
        .await
        .unwrap_or(Err(Missing::Unreadable))
}

fn answer_page(page: &Page, asked: &HeaderMap) -> Answer {
    let modified = page.modified.as_ref().and_then(|date| date.to_str().ok());
    let (status, bytes) = match range::wanted(asked, modified, page.length) {
        Wanted::All => (StatusCode::OK, 0..page.length),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Impossible => {
            let mut refusal = plain(StatusCode::RANGE_NOT_SATISFIABLE);
            let range = format!("bytes */{}", page.length);
            put(refusal.headers_mut(), header::CONTENT_RANGE, range);
            return refusal;
        }
        Wanted::Nothing => (StatusCode::NOT_MODIFIED, 0..0),
    };
    let body = match &page.content {
        // Its length is that of the page, of which the range is a part.
        Content::Held(held) => full(held.slice(bytes.start as usize..bytes.end as usize)),
        Content::File(file) => FileBody::new(Arc::clone(file), bytes.clone()).boxed(),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, page.content_type.clone());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(modified) = &page.modified {
        headers.insert(header::LAST_MODIFIED, modified.clone());
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, page.length);
        put(headers, header::CONTENT_RANGE, range);
    }
    answer
}

fn answer_listing(html: String) -> Answer {
    let mut answer = Response::new(full(html));
    put(answer.headers_mut(), header::CONTENT_TYPE, "text/html; charset=utf-8");
    answer
}

fn answer_elsewhere(location: &str) -> Answer {
    let mut answer = plain(StatusCode::MOVED_PERMANENTLY);
    put(answer.headers_mut(), header::LOCATION, location);
    answer
}

/// A status with its name as the body.
fn plain(status: StatusCode) -> Answer {
    let mut answer = Response::new(full(format!("{status}\n")));
    *answer.status_mut() = status;
    put(answer.headers_mut(), header::CONTENT_TYPE, "text/plain; charset=utf-8");
    answer
}

/// Sets a header; a value that no header may carry (a control character in a file's name) is left out.
fn put(headers: &mut HeaderMap, name: header::HeaderName, value: impl ToString) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        headers.insert(name, value);
    }
}

fn full(bytes: impl Into<Bytes>) -> BoxBody<Bytes, io::Error> {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

fn empty() -> BoxBody<Bytes, io::Error> {
    Empty::new().map_err(|never| match never {}).boxed()
}

#[cfg(test)]
mod tests;
