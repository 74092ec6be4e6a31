//! The small services for measurements: echo (RFC 862), discard (RFC 863), chargen (RFC 864).

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::args::Service;

/// What is read at once. Units: bytes.
const CHUNK: usize = 64 << 10;

/// Serves one connection until the client closes it or it fails.
pub(crate) async fn serve<S>(stream: S, service: Service) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match service {
        Service::Echo => echo(stream).await,
        Service::Discard => discard(stream).await,
        Service::Chargen => chargen(stream).await,
    }
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut heard = BytesMut::with_capacity(CHUNK);
    while stream.read_buf(&mut heard).await? > 0 {
        stream.write_all(&heard).await?;
        heard.clear();
    }
    stream.shutdown().await
}

async fn discard(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut heard = BytesMut::with_capacity(CHUNK);
    while stream.read_buf(&mut heard).await? > 0 {
        heard.clear();
    }
    stream.shutdown().await
}

/// Sends until the client has closed, and throws away what it says, as the RFC asks.
async fn chargen(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let (mut hears, mut speaks) = tokio::io::split(stream);
    let listen = async {
        let mut heard = BytesMut::with_capacity(CHUNK);
        while hears.read_buf(&mut heard).await? > 0 {
            heard.clear();
        }
        io::Result::Ok(())
    };
    let speak = async {
        // The pattern over and over, so that one write fills the largest segment.
        let pattern = pattern();
        let pattern = pattern.repeat(CHUNK.div_ceil(pattern.len()));
        loop {
            speaks.write_all(&pattern).await?;
        }
    };
    tokio::select! {
        closed = listen => closed,
        failed = speak => failed,
    }?;
    speaks.shutdown().await
}

/// The pattern that RFC 864 recommends, through once: lines of 72 of the 95 printing characters, each line beginning one
/// character further on.
fn pattern() -> Bytes {
    const WIDTH: usize = 72;
    let printing: Vec<u8> = (b' '..=b'~').collect();
    let mut lines = BytesMut::with_capacity(printing.len() * (WIDTH + 2));
    for first in 0..printing.len() {
        lines.extend(printing.iter().cycle().skip(first).take(WIDTH));
        lines.extend_from_slice(b"\r\n");
    }
    lines.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_turns_by_one_and_returns() {
        let pattern = pattern();
        let lines: Vec<&[u8]> = pattern.chunks(74).collect();
        assert_eq!(lines.len(), 95);
        assert_eq!(
            lines[0],
            b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
        );
        for (line, next) in lines.iter().zip(&lines[1..]) {
            assert_eq!(line[1..72], next[..71], "each begins one further on");
        }
        assert_eq!(
            lines[94][..72],
            *b"~ !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdef"
        );
    }

    #[tokio::test]
    async fn echo_gives_back_all_and_then_closes() {
        let (mut client, server) = tokio::io::duplex(100);
        let served = tokio::spawn(serve(server, Service::Echo));
        let said: Vec<u8> = (0..10_000).map(|i| i as u8).collect();
        let (mut hears, mut speaks) = tokio::io::split(&mut client);
        let mut heard = Vec::new();
        let speak = async {
            speaks.write_all(&said).await.unwrap();
            speaks.shutdown().await.unwrap();
        };
        let (_, read) = tokio::join!(speak, hears.read_to_end(&mut heard));
        read.unwrap();
        assert_eq!(heard, said);
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn discard_says_nothing_and_closes_when_the_client_has() {
        let (mut client, server) = tokio::io::duplex(100);
        let served = tokio::spawn(serve(server, Service::Discard));
        client.write_all(&[7; 10_000]).await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty());
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn chargen_talks_until_the_client_closes() {
        let (mut client, server) = tokio::io::duplex(100);
        let served = tokio::spawn(serve(server, Service::Chargen));
        let mut heard = vec![0; 20_000];
        client.read_exact(&mut heard).await.unwrap();
        let expected: Vec<u8> = pattern().iter().copied().cycle().take(heard.len()).collect();
        assert_eq!(heard, expected);
        client.shutdown().await.unwrap();
        client.read_to_end(&mut heard).await.unwrap();
        served.await.unwrap().unwrap();
    }
}
