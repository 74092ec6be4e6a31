use std::env;
use std::os::unix::fs::PermissionsExt as _;

use stack::FourTuple;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::control::client::{NoAnswer, ask};

/// A path that nothing has, gone at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("syndic-control-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn entries() -> Vec<Entry> {
    let tuple = |port| FourTuple::new(([10, 7, 0, 2], 80).into(), ([10, 7, 0, 1], port).into());
    let time_wait = Entry::TimeWait {
        tuple: tuple(1),
        remaining: stack::Duration::from_secs(9),
    };
    let embryo = |port| Entry::Embryo {
        tuple: tuple(port),
        age: stack::Duration::from_millis(100),
        retransmissions: 0,
    };
    vec![time_wait, embryo(2), embryo(3)]
}

fn serve(path: &Place) -> Server {
    start(Some(&path.0), "test", entries).unwrap().unwrap()
}

fn all(limit: usize) -> Request {
    Request::Sockets {
        which: Which::All,
        limit,
    }
}

#[tokio::test]
async fn what_is_asked_is_answered_and_the_file_goes_with_the_server() {
    let path = Place::new("answered");
    let server = serve(&path);
    let mode = fs::metadata(&path.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = ask(&path.0, all(2)).await.unwrap();
    assert_eq!((answer.pid, &*answer.command), (std::process::id(), "test"));
    let Reply::Sockets(sockets) = answer.reply else {
        panic!("{answer:?}")
    };
    let states: Vec<&str> = sockets.list.iter().map(|socket| socket.state.name()).collect();
    assert_eq!((&*states, sockets.more), (&["SYN-RECEIVED"; 2][..], 1));
    let answer = ask(&path.0, Request::HalfOpen { limit: usize::MAX }).await.unwrap();
    let Reply::HalfOpen(half_open) = answer.reply else {
        panic!("{answer:?}")
    };
    assert_eq!((half_open.total, half_open.prefixes.len()), (2, 1));
    drop(server);
    assert!(matches!(ask(&path.0, all(1)).await, Err(NoAnswer::Nothing)));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words() {
    let path = Place::new("refused");
    let _server = serve(&path);
    let mut stream = UnixStream::connect(&path.0).await.unwrap();
    stream.write_all(b"{\"ask\":\"the time\"}\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains("unknown variant `the time`") && answer.ends_with('\n'),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_who_says_nothing_keeps_nobody_waiting_for_long() {
    let path = Place::new("silent");
    let _server = serve(&path);
    let _silent = UnixStream::connect(&path.0).await.unwrap();
    assert!(ask(&path.0, all(1)).await.is_ok());
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_nothing_else_is() {
    let path = Place::new("stale");
    // A listener that is dropped leaves its file, as a process that is killed does.
    drop(std::os::unix::net::UnixListener::bind(&path.0).unwrap());
    assert!(matches!(ask(&path.0, all(1)).await, Err(NoAnswer::Stale)));
    let first = serve(&path);
    assert!(ask(&path.0, all(1)).await.is_ok());
    let error = start(Some(&path.0), "test", entries).unwrap_err().to_string();
    assert!(error.contains("another process answers"), "{error}");
    // Somebody replaced it meanwhile: what stands there now is not ours to remove.
    fs::remove_file(&path.0).unwrap();
    fs::write(&path.0, "").unwrap();
    drop(first);
    assert!(path.0.exists());
    let error = start(Some(&path.0), "test", entries).unwrap_err().to_string();
    assert!(error.contains("is no socket"), "{error}");
}
