//! The bytes of a file as the body of a response, read ahead by one chunk.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// What is read at once. Units: bytes. Large enough that handing the work to another thread does not count.
const CHUNK: u64 = 256 << 10;

/// A part of a file. While one chunk is being sent the next is read on a thread that may block.
#[derive(Debug)]
pub(super) struct FileBody {
    file: Arc<File>,
    /// What has not been handed out; its front is being read.
    left: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    pub(super) fn new(file: Arc<File>, part: Range<u64>) -> Self {
        Self {
            file,
            left: part,
            reading: None,
        }
    }

    fn read_ahead(&self) -> Option<JoinHandle<io::Result<Bytes>>> {
        if self.left.is_empty() {
            return None;
        }
        let (file, at) = (Arc::clone(&self.file), self.left.start);
        let length = (self.left.end - at).min(CHUNK);
        Some(spawn_blocking(move || {
            // A file that has become shorter is an error: its length was promised.
            let mut chunk = BytesMut::zeroed(length as usize);
            file.read_exact_at(&mut chunk, at)?;
            Ok(chunk.freeze())
        }))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.reading.is_none() {
            self.reading = self.read_ahead();
        }
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let chunk = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
        self.reading = None;
        if let Ok(chunk) = &chunk {
            self.left.start += chunk.len() as u64;
            self.reading = self.read_ahead();
        }
        Poll::Ready(Some(chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}
