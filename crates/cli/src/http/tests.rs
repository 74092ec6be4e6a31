use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A directory that is gone when the test ends.
struct Directory(PathBuf);

impl Directory {
    /// A site with an `index.html` in `/`, a large file, a listing in `/sub/`, and beside it a secret that links lead to.
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("syndic-http-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        let site = directory.join("site");
        fs::create_dir_all(site.join("sub/empty")).unwrap();
        fs::write(directory.join("secret"), "secret").unwrap();
        fs::write(site.join("index.html"), "<p>index").unwrap();
        fs::write(site.join("sub/a b.txt"), "spaces").unwrap();
        fs::write(site.join("sub/data.bin"), pattern()).unwrap();
        symlink("../secret", site.join("out")).unwrap();
        symlink("..", site.join("up")).unwrap();
        symlink("sub/a b.txt", site.join("in")).unwrap();
        symlink(site.join("sub"), site.join("absolute")).unwrap();
        symlink("nowhere", site.join("dangling")).unwrap();
        Self(directory)
    }

    fn site(&self) -> PathBuf {
        self.0.join("site")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// More than two chunks of a body, and no power of two.
fn pattern() -> Vec<u8> {
    (0..600_001_u32).map(|i| (i * 7 % 251) as u8).collect()
}

/// Sends `requests` on one connection and gives all that comes back until the server closes.
async fn talk(site: &Path, requests: &str) -> Vec<u8> {
    let site = Arc::new(Site::open(site).unwrap());
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let (_stop, stopped) = watch::channel(false);
    let served = tokio::spawn(serve(server, site, stopped));
    let mut heard = Vec::new();
    let (mut hears, mut speaks) = tokio::io::split(&mut client);
    let speak = async {
        speaks.write_all(requests.as_bytes()).await.unwrap();
        speaks.shutdown().await.unwrap();
    };
    tokio::join!(speak, async { hears.read_to_end(&mut heard).await.unwrap() });
    // Requests that are none end with an error after their answer.
    let _ = served.await.unwrap();
    heard
}

/// One request, and its answer: status, headers in lower case, body.
async fn ask(site: &Path, request: &str) -> (u16, String, Vec<u8>) {
    let heard = talk(site, request).await;
    let end = heard
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("an answer has headers");
    let head = String::from_utf8(heard[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, heard[end + 4..].to_vec())
}

async fn get(site: &Path, path: &str) -> (u16, String, Vec<u8>) {
    ask(
        site,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await
}

#[tokio::test]
async fn paths_lead_where_they_should_and_nowhere_else() {
    let directory = Directory::new("paths");
    for (name, path, status, part) in [
        ("index of the root", "/", 200, "<p>index"),
        ("a file by name", "/index.html", 200, "<p>index"),
        ("percent-encoded", "/sub/a%20b.txt", 200, "spaces"),
        ("with a query", "/index.html?x=/../..", 200, "<p>index"),
        ("dots within", "/sub/../sub/./a%20b.txt", 200, "spaces"),
        ("a listing", "/sub/", 200, "<a href=\"./a%20b.txt\">a b.txt</a>"),
        ("a listing of nothing", "/sub/empty/", 200, "<h1>/sub/empty/</h1>"),
        ("a link within", "/in", 200, "spaces"),
        ("an absolute link within", "/absolute/a%20b.txt", 200, "spaces"),
        ("a directory without its slash", "/sub", 301, ""),
        ("nothing there", "/nothing", 404, ""),
        ("a file as a directory", "/index.html/", 404, ""),
        ("below a file", "/index.html/x", 404, ""),
        ("up and out stays at the root", "/../secret", 404, ""),
        ("encoded dots", "/%2e%2e/secret", 404, ""),
        ("encoded slashes", "/..%2fsecret", 404, ""),
        ("a link out", "/out", 404, ""),
        ("through a link out", "/up/secret", 404, ""),
        ("a link out, as a directory", "/up/", 404, ""),
        ("a link to nothing", "/dangling", 404, ""),
        ("an absolute path within the path", "//etc/passwd", 404, ""),
        ("NUL", "/%00", 400, ""),
        ("not UTF-8", "/%ff", 400, ""),
    ] {
        let (found, _, body) = get(&directory.site(), path).await;
        assert_eq!(found, status, "{name}");
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains(part) && !body.contains("secret"), "{name}: {body}");
    }
}

#[tokio::test]
async fn what_is_no_request_for_a_file_is_refused() {
    let directory = Directory::new("refused");
    for (name, request, status) in [
        (
            "POST",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            405,
        ),
        (
            "DELETE",
            "DELETE /index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            405,
        ),
        ("no HTTP", "hello\r\n\r\n", 400),
        (
            "asterisk",
            "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            400,
        ),
    ] {
        assert_eq!(ask(&directory.site(), request).await.0, status, "{name}");
    }
    let allowed = ask(
        &directory.site(),
        "PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await
    .1;
    assert!(allowed.contains("allow: get, head"), "{allowed}");
}

#[tokio::test]
async fn a_large_file_comes_whole_and_in_parts() {
    let directory = Directory::new("large");
    let whole = pattern();
    let (status, head, body) = get(&directory.site(), "/sub/data.bin").await;
    assert_eq!((status, body == whole), (200, true));
    assert!(
        head.contains("content-length: 600001") && head.contains("content-type: application/octet-stream"),
        "{head}"
    );
    for (name, range, status, expected, header) in [
        (
            "the middle",
            "bytes=100000-499999",
            206,
            &whole[100_000..500_000],
            "content-range: bytes 100000-499999/600001",
        ),
        (
            "the end",
            "bytes=-1",
            206,
            &whole[600_000..],
            "content-range: bytes 600000-600000/600001",
        ),
        (
            "beyond the end",
            "bytes=600001-",
            416,
            b"416 Range Not Satisfiable\n",
            "content-range: bytes */600001",
        ),
        ("two at once", "bytes=0-0,2-2", 200, &whole[..], "accept-ranges: bytes"),
    ] {
        let request = format!("GET /sub/data.bin HTTP/1.1\r\nHost: x\r\nRange: {range}\r\nConnection: close\r\n\r\n");
        let (found, head, body) = ask(&directory.site(), &request).await;
        assert_eq!((found, body == expected), (status, true), "{name}");
        assert!(head.contains(header), "{name}: {head}");
    }
}

#[tokio::test]
async fn head_says_what_get_would_and_sends_nothing() {
    let directory = Directory::new("head");
    for (name, path, length) in [("file", "/sub/data.bin", "600001"), ("nothing", "/nothing", "14")] {
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (_, head, body) = ask(&directory.site(), &request).await;
        assert!(
            head.contains(&format!("content-length: {length}")) && body.is_empty(),
            "{name}: {head}"
        );
    }
}

#[tokio::test]
async fn types_follow_names_and_dates_are_given_and_believed() {
    let directory = Directory::new("types");
    let (_, head, _) = get(&directory.site(), "/").await;
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
    let modified = head
        .lines()
        .find_map(|line| line.strip_prefix("last-modified: "))
        .expect("a date")
        .to_owned();
    let modified = httpdate::fmt_http_date(httpdate::parse_http_date(&capitalized(&modified)).unwrap());
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: {modified}\r\nConnection: close\r\n\r\n");
    let (status, _, body) = ask(&directory.site(), &request).await;
    assert_eq!((status, body.len()), (304, 0));
}

/// `sun, 06 nov 1994 08:49:37 gmt` as it was before `ask` made it small.
fn capitalized(date: &str) -> String {
    let mut words: Vec<String> = date.split(' ').map(str::to_owned).collect();
    for index in [0, 2] {
        words[index][..1].make_ascii_uppercase();
    }
    words[5].make_ascii_uppercase();
    words.join(" ")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let directory = Directory::new("keep-alive");
    let first = "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let heard = talk(&directory.site(), &format!("{first}{first}{last}")).await;
    let heard = String::from_utf8(heard).unwrap();
    assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 3, "{heard}");
}

#[tokio::test]
async fn a_file_that_shrinks_meanwhile_ends_the_connection_early() {
    let directory = Directory::new("shrinks");
    let path = directory.site().join("sub/data.bin");
    let file = fs::File::open(&path).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1000)
        .unwrap();
    let outcome = FileBody::new(Arc::new(file), 0..600_001).collect().await;
    assert!(outcome.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof));
}

#[tokio::test]
async fn a_pipe_in_place_of_a_file_is_refused_at_once() {
    let directory = Directory::new("pipe");
    nix::unistd::mkfifo(&directory.site().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(get(&directory.site(), "/pipe").await.0, 403);
}

#[test]
fn what_cannot_be_served_is_refused() {
    for (name, path, says) in [
        (
            "not there",
            "/nonexistent/directory",
            "cannot serve /nonexistent/directory",
        ),
        ("a file", "/proc/self/status", "not a directory"),
    ] {
        let wrong = Site::open(Path::new(path)).expect_err(name);
        assert!(format!("{wrong:#}").contains(says), "{name}: {wrong:#}");
    }
}
