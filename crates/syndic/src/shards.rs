//! The shards of a net as its sockets see them: in which of them a listener listens, and where a connection is opened.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use stack::{ConnectOptions, ListenOptions, ListenerId};

use crate::calls::Calls;
use crate::error;
use crate::shard::Handle;
use crate::socket::Socket;

/// All shards of a net, whatever observes them. At least one.
pub(crate) struct Shards {
    handles: Box<[Handle<dyn Calls>]>,
    /// One at a time listens or ceases to, so that a listener has the same name in all shards.
    listening: Mutex<()>,
    /// Where the next connection is opened that may be opened anywhere.
    turn: AtomicUsize,
}

impl Shards {
    pub(crate) fn new(handles: Box<[Handle<dyn Calls>]>) -> Self {
        Self {
            handles,
            listening: Mutex::new(()),
            turn: AtomicUsize::new(0),
        }
    }

    pub(crate) fn handles(&self) -> &[Handle<dyn Calls>] {
        &self.handles
    }

    /// Listens in all shards, with a part of the backlogs in each. The first says whether the address is free, and chooses the
    /// port.
    pub(crate) fn listen(&self, options: ListenOptions) -> io::Result<(ListenerId, SocketAddr)> {
        let _one_at_a_time = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = match self.handles.len().try_into() {
            Ok(shards) => options.part(shards),
            Err(_) => options,
        };
        let mut listening: Option<ListenerId> = None;
        for (number, shard) in self.handles.iter().enumerate() {
            let opened = shard.call(|_, stack, _| {
                let id = stack.listen(options).map_err(error::listen)?;
                let local = stack.listener_local(id).map_err(error::no_such)?;
                io::Result::Ok((id, local))
            });
            match opened.and_then(|opened| opened) {
                Ok((id, local)) => {
                    debug_assert!(
                        listening.is_none_or(|first| first == id),
                        "another name in another shard"
                    );
                    listening = Some(id);
                    options.local = local;
                }
                Err(error) => {
                    listening
                        .into_iter()
                        .for_each(|id| self.close_in(id, &self.handles[..number]));
                    return Err(error);
                }
            }
        }
        let id = listening.ok_or(io::ErrorKind::NetworkDown)?;
        Ok((id, options.local))
    }

    /// Ceases to listen. The first shard is the last to, for it is the one that says that the address is free.
    pub(crate) fn close_listener(&self, id: ListenerId) {
        let _one_at_a_time = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_in(id, &self.handles);
    }

    fn close_in(&self, id: ListenerId, shards: &[Handle<dyn Calls>]) {
        for shard in shards.iter().rev() {
            // A network that has stopped has nothing to close.
            let _ = shard.call(|now, stack, _| stack.close_listener(now, id));
        }
    }

    /// Opens a connection, in the shard that will own it: that of the ends, where both are given, or else each in its turn. One
    /// that has no port left to choose, or no room, leaves it to the next.
    pub(crate) fn connect(&self, options: ConnectOptions) -> io::Result<Socket> {
        let [only] = &*self.handles else {
            return self.connect_in_turn(options);
        };
        Socket::connect(only.clone(), options)
    }

    fn connect_in_turn(&self, options: ConnectOptions) -> io::Result<Socket> {
        let count = self.handles.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let mut refused = None;
        for number in (first..count).chain(0..first) {
            let home = self.handles[number]
                .call(|_, stack, _| stack.home_of(&options))?
                .map_err(error::connect)?;
            match Socket::connect(self.handles[home].clone(), options) {
                Err(error) if home == number && may_be_had_elsewhere(&error) => refused = Some(error),
                connected => return connected,
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::NetworkDown.into()))
    }
}

/// Whether another shard may do what this one could not: each has ports and room of its own.
fn may_be_had_elsewhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::QuotaExceeded
    )
}
