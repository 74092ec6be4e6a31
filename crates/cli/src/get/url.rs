//! An http URL: where to connect, and what to ask for.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context as _, bail, ensure};
use hyper::Uri;

/// `http://host[:port]/path?query`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// A name or an address; an IPv6 address stands without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query. Begins with `/`.
    pub(crate) target: String,
}

impl Url {
    /// Errors: not an absolute http URL, user and password in it, a host that only this machine's loopback can mean.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let without_fragment = text.split_once('#').map_or(text, |(front, _)| front);
        let uri: Uri = without_fragment
            .parse()
            .ok()
            .with_context(|| format!("`{text}` is not a URL: write it as http://10.7.0.1/file"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => bail!("{text} is https and syndic speaks no TLS: use an http:// URL"),
            Some(scheme) => bail!("{text} is {scheme}: only http:// URLs can be fetched"),
            None => bail!(
                "`{text}` has no scheme: write it as http://{}",
                text.trim_start_matches('/')
            ),
        }
        let authority = uri.authority().with_context(|| format!("{text} names no host"))?;
        ensure!(
            !authority.as_str().contains('@'),
            "{text} holds a user name, which http here has no use for: leave it out"
        );
        let host = authority.host();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        ensure!(!host.is_empty(), "{text} names no host");
        let after_host = &authority.as_str()[authority.host().len()..];
        ensure!(
            after_host.is_empty() || authority.port_u16().is_some_and(|port| port != 0),
            "{text} has a port that is none: ports go from 1 to 65535"
        );
        let url = Self {
            host: host.to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(80),
            target: uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        };
        ensure!(
            !url.is_loopback(),
            "{host} is the kernel's own loopback, which no TUN leads to: use the kernel's side of it, 10.7.0.1 by default"
        );
        Ok(url)
    }

    /// What a `Location` header of the answer to this URL means.
    ///
    /// Spec: RFC 3986 section 5.2, as far as http needs it: absolute, `//host/path`, `/path`, `?query`, `path`.
    pub(crate) fn resolve(&self, location: &str) -> anyhow::Result<Self> {
        let has_scheme = location.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        });
        if has_scheme {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("http:{location}"));
        }
        let path = self.target.split_once('?').map_or(&*self.target, |(path, _)| path);
        let target = if location.starts_with('/') {
            location.to_owned()
        } else if location.is_empty() || location.starts_with(['?', '#']) {
            format!("{path}{location}")
        } else {
            let directory = path.rfind('/').map_or("", |slash| &path[..slash]);
            format!("{directory}/{location}")
        };
        Self::parse(&format!("http://{}{}", self.authority(), without_dots(&target)))
    }

    /// What stands in the Host header: brackets around an IPv6 address, the port unless it is 80.
    pub(crate) fn authority(&self) -> String {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(v6) => format!("[{v6}]"),
            Err(_) => self.host.clone(),
        };
        if self.port == 80 {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.target)
    }
}

/// The target with `.` and `..` worked out in its path (RFC 3986 section 5.2.4).
fn without_dots(target: &str) -> String {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    let (path, rest) = target.split_at(end);
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}{rest}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_fetched() {
        for (name, text, host, port, target) in [
            ("bare host", "http://10.7.0.1", "10.7.0.1", 80, "/"),
            (
                "path and query",
                "http://10.7.0.1:8080/a/b?c=d",
                "10.7.0.1",
                8080,
                "/a/b?c=d",
            ),
            ("IPv6", "http://[fd07::1]/a", "fd07::1", 80, "/a"),
            ("IPv6 and port", "http://[fd07::1]:81/", "fd07::1", 81, "/"),
            ("name", "http://Host.Example/a", "host.example", 80, "/a"),
            (
                "fragment is the client's affair",
                "http://10.7.0.1/a#b",
                "10.7.0.1",
                80,
                "/a",
            ),
        ] {
            let url = Url::parse(text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            assert_eq!((&*url.host, url.port, &*url.target), (host, port, target), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_fetched_is_refused_with_what_to_do() {
        for (name, text, says) in [
            ("https", "https://10.7.0.1/", "use an http:// URL"),
            ("ftp", "ftp://10.7.0.1/", "only http://"),
            ("no scheme", "10.7.0.1", "write it as http://10.7.0.1"),
            ("empty", "", "not a URL"),
            ("spaces", "http://10.7.0.1/a b", "not a URL"),
            ("user", "http://me@10.7.0.1/", "leave it out"),
            ("port 0", "http://10.7.0.1:0/", "ports go from 1 to 65535"),
            ("port too large", "http://10.7.0.1:65536/", "port"),
            ("loopback", "http://127.0.0.1/", "kernel's own loopback"),
            ("IPv6 loopback", "http://[::1]:80/", "kernel's own loopback"),
            ("localhost", "http://localhost/", "kernel's own loopback"),
        ] {
            let wrong = Url::parse(text).expect_err(name).to_string();
            assert!(wrong.contains(says), "{name}: {wrong}");
        }
    }

    #[test]
    fn where_a_redirect_leads() {
        let base = Url::parse("http://10.7.0.1:81/a/b?c").unwrap();
        for (name, location, expected) in [
            ("absolute", "http://10.7.0.9/x", "http://10.7.0.9/x"),
            ("another host", "//10.7.0.9/x", "http://10.7.0.9/x"),
            ("absolute path", "/x?y", "http://10.7.0.1:81/x?y"),
            ("beside", "x", "http://10.7.0.1:81/a/x"),
            ("up", "../x", "http://10.7.0.1:81/x"),
            ("up beyond the root", "../../../x", "http://10.7.0.1:81/x"),
            ("here", "./", "http://10.7.0.1:81/a/"),
            ("query", "?d", "http://10.7.0.1:81/a/b?d"),
            ("dots in a query stay", "/x?y/../z", "http://10.7.0.1:81/x?y/../z"),
            ("a colon in a path", "/x:y", "http://10.7.0.1:81/x:y"),
        ] {
            let url = base.resolve(location).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            assert_eq!(url.to_string(), expected, "{name}");
        }
        assert!(base.resolve("https://10.7.0.1/").is_err(), "no TLS by redirect either");
    }
}
