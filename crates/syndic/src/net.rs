//! A stack on a link, running: what sockets are opened on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use stack::{
    Config, ConnectOptions, ConnectionOptions, Counters, Entry, ListenOptions, Medium, Now, Observer, Secrets, Stack,
};

use crate::clock::Clock;
use crate::driver::Driver;
use crate::error::Stopped;
use crate::link::{Layer, Link};
use crate::listener::TcpListener;
use crate::shard::{Handle, Shared};
use crate::stream::TcpStream;
use crate::wait::Wait;
use crate::wakers::Queue;

/// A network of one stack and one link, driven by a task of the runtime that it was started in.
///
/// Cloning gives another handle to the same network. When all handles, listeners and streams are dropped, the driver goes
/// on until the connections that were still closing are gone, then it drops the link. A runtime that shuts down ends it at
/// once: await [`drained`](Self::drained) before that.
pub struct Net<O: Observer + Send + 'static = ()> {
    handle: Handle<Stack<O>>,
    clock: Clock,
    connection: ConnectionOptions,
}

impl Net {
    /// Starts a network whose facts nobody observes.
    ///
    /// The link's MTU and offloads take the place of those in `config`.
    ///
    /// Errors: no tokio runtime; the system gives no randomness; [`InvalidInput`](io::ErrorKind::InvalidInput) for a link that
    /// carries Ethernet frames without a [`medium`](Config::medium) that says who we are there, or the other way round.
    ///
    /// # Panics
    /// In a tokio runtime without its time driver (`enable_time`).
    pub fn start(link: impl Link, config: Config) -> io::Result<Self> {
        Self::observed(link, config, ())
    }
}

impl<O: Observer + Send + 'static> Net<O> {
    /// Starts a network that tells every fact to `observer`, under the stack's lock: it should be quick, and it must use
    /// neither this network nor its sockets.
    ///
    /// Errors and panics: those of [`Net::start`].
    pub fn observed(link: impl Link, mut config: Config, observer: O) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let abilities = link.abilities();
        let is_ethernet = matches!(config.medium, Medium::Ethernet(_));
        if is_ethernet != (abilities.layer == Layer::Ethernet) {
            let said = if is_ethernet {
                "the medium is an Ethernet, and the link carries plain IP packets"
            } else {
                "the link carries Ethernet frames: say by `Config::medium` who we are there"
            };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
        }
        config.mtu = abilities.mtu;
        config.checksum_offload = abilities.checksum_offload;
        config.super_segment_max = abilities.super_segment_max;
        let clock = Clock::start();
        let connection = config.connection;
        let stack = Stack::new(config, secrets()?, observer);
        let shared = Arc::new(Shared::new(clock, stack));
        let handle = Handle::new(shared.clone());
        runtime.spawn(Driver::new(shared, link).run());
        Ok(Self {
            handle,
            clock,
            connection,
        })
    }

    /// Listens.
    ///
    /// Errors: [`AddrInUse`](io::ErrorKind::AddrInUse), [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) for an
    /// address that is not the stack's, [`QuotaExceeded`](io::ErrorKind::QuotaExceeded) at the limit.
    pub fn listen(&self, options: ListenOptions) -> io::Result<TcpListener> {
        TcpListener::open(self.handle.erase(), options)
    }

    /// Connects. Dropping the future aborts the attempt.
    ///
    /// Errors: those of [`TcpStream::connect`].
    pub async fn connect(&self, options: ConnectOptions) -> io::Result<TcpStream> {
        TcpStream::open(self.handle.erase(), options).await
    }

    /// Looks at the stack while it is locked: keep it short. Inside, any use of this network or its sockets, dropping one
    /// included, would wait for itself.
    pub fn with_stack<R>(&self, look: impl FnOnce(Now, &Stack<O>) -> R) -> R {
        self.handle.look(|now, stack| look(now, stack))
    }

    /// Reaches the observer while the stack is locked, to take what it noted, with the restrictions of
    /// [`with_stack`](Self::with_stack).
    pub fn with_observer<R>(&self, reach: impl FnOnce(&mut O) -> R) -> R {
        self.handle.look(|_, stack| reach(stack.observer_mut()))
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.with_stack(|_, stack| stack.counters().clone())
    }

    /// Everything the stack holds. Costs time in proportion to it, during which the stack is locked.
    pub fn entries(&self) -> Vec<Entry> {
        self.with_stack(|now, stack| stack.entries(now))
    }

    /// The clock that the stack's instants are on.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits until no connection is left (TIME-WAIT entries are none): what was dropped has been delivered and closed, or
    /// given up. A stream that somebody holds counts, even when it is over.
    ///
    /// Errors: the network stopped before.
    pub async fn drained(&self) -> io::Result<()> {
        let mut wait = Wait::new(self.handle.erase(), Queue::Drained);
        wait.until(|_, stack| match stack.has_connections() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await
    }

    /// Waits until the network has stopped, and says why. It does so only when its link fails or its runtime ends.
    pub async fn stopped(&self) -> Stopped {
        let mut wait = Wait::new(self.handle.erase(), Queue::Stopped);
        // Nothing but the end itself answers.
        let _: io::Result<()> = wait.until(|_, _| Poll::Pending).await;
        self.handle.stopped().unwrap_or(Stopped::Driver)
    }

    /// What connections start with, opened either way, unless they are told otherwise.
    pub fn connection_options(&self) -> ConnectionOptions {
        self.connection
    }

    pub(crate) fn erase(&self) -> Handle<dyn crate::calls::Calls> {
        self.handle.erase()
    }
}

impl<O: Observer + Send + 'static> Clone for Net<O> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            clock: self.clock,
            connection: self.connection,
        }
    }
}

impl<O: Observer + Send + 'static> fmt::Debug for Net<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net")
            .field("stopped", &self.handle.stopped())
            .finish_non_exhaustive()
    }
}

/// From the operating system, and from nowhere else.
fn secrets() -> io::Result<Secrets> {
    let mut master = [0; 32];
    let mut public = [0; 8];
    getrandom::fill(&mut master)?;
    getrandom::fill(&mut public)?;
    Ok(Secrets {
        master,
        public: u64::from_ne_bytes(public),
    })
}

/// `connect` with nothing but the address said.
pub(crate) const fn connect_to(remote: SocketAddr) -> ConnectOptions {
    ConnectOptions {
        remote,
        local: None,
        connection: None,
    }
}
