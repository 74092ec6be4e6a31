//! The end of the control socket that asks.

use std::io;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::{ANSWER_MAX, Answer, Reply, Request, line, read_line};

/// How long an answer may take: a process that is stopped gives none. Longer than a process gives those before us.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum NoAnswer {
    /// Nothing has this path.
    #[error("there is no socket")]
    Nothing,
    /// Its process is gone.
    #[error("it is stale: its process is gone")]
    Stale,
    /// It belongs to another user.
    #[error("no permission: it belongs to another user")]
    Forbidden,
    /// The time is over.
    #[error("no answer within {PATIENCE:?}")]
    Silent,
    /// What came is no answer.
    #[error("not the answer of a syndic: {0}")]
    Strange(String),
    /// The process has another version.
    #[error("it does not know the question, is it another version? {0}")]
    Refused(String),
    /// Anything else.
    #[error(transparent)]
    Io(io::Error),
}

/// Asks the process behind a control socket.
pub(crate) async fn ask(path: &Path, request: Request) -> Result<Answer, NoAnswer> {
    match tokio::time::timeout(PATIENCE, exchange(path, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(NoAnswer::Silent),
    }
}

async fn exchange(path: &Path, request: Request) -> Result<Answer, NoAnswer> {
    let mut stream = UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NoAnswer::Nothing,
        io::ErrorKind::ConnectionRefused => NoAnswer::Stale,
        io::ErrorKind::PermissionDenied => NoAnswer::Forbidden,
        _ => NoAnswer::Io(error),
    })?;
    let question = line(&request).map_err(NoAnswer::Io)?;
    stream.write_all(&question).await.map_err(NoAnswer::Io)?;
    let answer = read_line(stream, ANSWER_MAX).await.map_err(NoAnswer::Io)?;
    let answer: Answer = serde_json::from_slice(&answer).map_err(|error| NoAnswer::Strange(error.to_string()))?;
    match answer.reply {
        Reply::Refused(why) => Err(NoAnswer::Refused(why)),
        _ => Ok(answer),
    }
}
