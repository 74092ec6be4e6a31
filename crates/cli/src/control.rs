//! The control socket, by which a running command is asked what it does: one line of JSON there, one back.
//!
//! A Unix stream socket of mode 0600: only its user and root can ask. An exchange is bounded in size and time at both ends,
//! and a command answers one at a time, so that asking can never be what keeps it from its work. `place` is where the
//! sockets are, `server` the end in the command that is asked, `client` the end that asks, `stale` what becomes of a socket that
//! was left.

use std::io;

use lens::{HalfOpen, Socket};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

pub(crate) mod client;
pub(crate) mod place;
pub(crate) mod server;
pub(crate) mod stale;

/// The longest request. Units: bytes.
const REQUEST_MAX: u64 = 4 << 10;

/// The longest answer: a connection in JSON takes less than 1,000 bytes. Units: bytes.
const ANSWER_MAX: u64 = 16 << 20;

/// The most sockets that one answer lists.
pub(crate) const LIMIT_MAX: usize = 10_000;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Sockets, as `ss` lists them.
    Sockets {
        which: Which,
        /// How many are listed. Bounds: at most [`LIMIT_MAX`].
        limit: usize,
    },
    /// Half-open entries, the oldest first, and where they come from.
    HalfOpen {
        /// How many are listed. Bounds: at most [`LIMIT_MAX`].
        limit: usize,
    },
}

/// Which sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Which {
    /// Neither listeners, nor half-open and TIME-WAIT entries.
    Connections,
    Listeners,
    All,
}

/// What comes back, and from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Its process.
    pub(crate) pid: u32,
    /// What it runs: `serve`.
    pub(crate) command: String,
    #[serde(flatten)]
    pub(crate) reply: Reply,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Sockets(Sockets),
    HalfOpen(HalfOpen),
    /// The request made no sense to it.
    Refused(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sockets {
    pub(crate) list: Vec<Socket>,
    /// How many there are beside those.
    pub(crate) more: usize,
}

/// Reads a line, without its end. Bounds: `most` bytes.
///
/// Errors: those of reading; a line that is longer, or that never ends.
async fn read_line(from: impl AsyncRead + Unpin, most: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(from.take(most + 1)).read_until(b'\n', &mut line).await?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        _ if line.len() as u64 >= most => Err(io::Error::other("too long a line")),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A value as a line.
///
/// Errors: none for the types of this module.
fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_says_is_what_was_there() {
        for request in [
            Request::Sockets {
                which: Which::Connections,
                limit: 7,
            },
            Request::HalfOpen { limit: 1_000 },
        ] {
            let json = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request, "{json}");
        }
        for reply in [
            Reply::Sockets(Sockets {
                list: Vec::new(),
                more: 3,
            }),
            Reply::HalfOpen(HalfOpen::of(&[], 1)),
            Reply::Refused("why".to_owned()),
        ] {
            let answer = Answer {
                pid: 1_234,
                command: "serve".to_owned(),
                reply,
            };
            let json = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer, "{json}");
        }
    }

    #[test]
    fn a_request_is_a_line_that_people_can_write() {
        let asked = Request::Sockets {
            which: Which::All,
            limit: 10,
        };
        let typed = r#"{"ask":"sockets","which":"all","limit":10}"#;
        assert_eq!(serde_json::from_str::<Request>(typed).unwrap(), asked);
    }

    #[tokio::test]
    async fn a_line_is_bounded_and_has_an_end() {
        for (name, bytes, expected) in [
            ("a line", "abc\nd", Ok("abc")),
            ("the longest", "abcd\n", Ok("abcd")),
            ("too long", "abcde\n", Err("too long a line")),
            ("cut off", "abc", Err("unexpected end of file")),
            ("nothing", "", Err("unexpected end of file")),
        ] {
            let read = read_line(bytes.as_bytes(), 4).await;
            let read = read.map(|line| String::from_utf8(line).unwrap());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(read.map_err(|error| error.to_string()), expected, "{name}");
        }
    }
}
