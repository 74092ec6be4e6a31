//! A stack on a link, running: what sockets are opened on.

mod merged;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use stack::{
    Config, ConnectOptions, ConnectionOptions, Counters, Entry, ListenOptions, Medium, Now, Observer, Secrets, Stack,
};

use crate::clock::Clock;
use crate::driver::{Crossing, Driver};
use crate::error::Stopped;
use crate::link::{Abilities, Layer, Link};
use crate::listener::TcpListener;
use crate::shard::{self, Handle};
use crate::shards::Shards;
use crate::stream::TcpStream;
use crate::wait::Wait;
use crate::wakers::Queue;

/// A network of one stack and one link, driven by a task of the runtime that it was started in.
///
/// Cloning gives another handle to the same network. When all handles, listeners and streams are dropped, the driver goes
/// on until the connections that were still closing are gone, then it drops the link. A runtime that shuts down ends it at
/// once: await [`drained`](Self::drained) before that.
///
/// # Shards
/// [`Net::sharded`] gives it several stacks, each with a link and a driver of its own, so that as many threads of the runtime
/// can work for it. It is one network all the same: a keyed hash says which shard has which connection, and what comes by
/// another's link crosses over; a listener listens in all; and what stops one stops all. Bounds are the network's, and each
/// shard has an even part of them ([`Stack::shards`]).
pub struct Net<O: Observer + Send + 'static = ()> {
    inner: Arc<Inner<O>>,
}

struct Inner<O: Observer + Send + 'static> {
    stacks: Vec<Handle<Stack<O>>>,
    /// The same, for sockets.
    shards: Arc<Shards>,
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

    /// Starts a network of as many shards as there are links: queues of one device
    /// ([`Tun::open_queues`](crate::link::Tun::open_queues)), or parts of one link ([`link::share`](crate::link::share)).
    ///
    /// Errors and panics: those of [`Net::start`]; [`InvalidInput`](io::ErrorKind::InvalidInput) for no link at all, and for
    /// several that carry Ethernet frames, because neighbours are known to one stack only.
    pub fn sharded<L: Link>(links: impl IntoIterator<Item = L>, config: Config) -> io::Result<Self> {
        Self::sharded_observed(links, config, |_| ())
    }
}

impl<O: Observer + Send + 'static> Net<O> {
    /// Starts a network that tells every fact to `observer`, under the stack's lock: it should be quick, and it must use
    /// neither this network nor its sockets.
    ///
    /// Errors and panics: those of [`Net::start`].
    pub fn observed(link: impl Link, config: Config, observer: O) -> io::Result<Self> {
        let mut observer = Some(observer);
        // There is one shard, so it is asked for one observer.
        Self::start_on(vec![link], config, |_| observer.take())
    }

    /// [`Net::sharded`], where each shard tells its facts to an observer of its own, by the number of the shard.
    ///
    /// How a listener fares is judged by the first shard for all, and told by that one. What else concerns listeners is told by
    /// each shard for its part.
    ///
    /// Errors and panics: those of [`Net::sharded`].
    pub fn sharded_observed<L: Link>(
        links: impl IntoIterator<Item = L>,
        config: Config,
        mut observer: impl FnMut(usize) -> O,
    ) -> io::Result<Self> {
        Self::start_on(links.into_iter().collect(), config, |shard| Some(observer(shard)))
    }

    fn start_on<L: Link>(links: Vec<L>, config: Config, observer: impl FnMut(usize) -> Option<O>) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let config = fitted(config, links.iter().map(Link::abilities))?;
        let clock = Clock::start();
        let connection = config.connection;
        let observers = (0..links.len()).map_while(observer);
        let shards = shard::crew(clock, Stack::shards(&config, secrets()?, observers));
        let stacks: Vec<_> = shards.iter().cloned().map(Handle::new).collect();
        let crossings = Crossing::all(links.len());
        for ((shared, link), crossing) in shards.into_iter().zip(links).zip(crossings) {
            runtime.spawn(Driver::new(shared, link, crossing).run());
        }
        let shards = Arc::new(Shards::new(stacks.iter().map(Handle::erase).collect()));
        Ok(Self {
            inner: Arc::new(Inner {
                stacks,
                shards,
                clock,
                connection,
            }),
        })
    }

    /// Listens: in every shard, with a part of the backlogs in each.
    ///
    /// Errors: [`AddrInUse`](io::ErrorKind::AddrInUse), [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) for an
    /// address that is not the stack's, [`QuotaExceeded`](io::ErrorKind::QuotaExceeded) at the limit.
    pub fn listen(&self, options: ListenOptions) -> io::Result<TcpListener> {
        TcpListener::open(self.inner.shards.clone(), options)
    }

    /// Connects. Dropping the future aborts the attempt.
    ///
    /// Errors: those of [`TcpStream::connect`].
    pub async fn connect(&self, options: ConnectOptions) -> io::Result<TcpStream> {
        TcpStream::open(&self.inner.shards, options).await
    }

    /// Looks at the stack of each shard while it is locked, one after the other: keep it short. Inside, any use of this network
    /// or its sockets, dropping one included, would wait for itself.
    pub fn with_stacks<R>(&self, mut look: impl FnMut(Now, &Stack<O>) -> R) -> Vec<R> {
        let look = |handle: &Handle<Stack<O>>| handle.look(|now, stack| look(now, stack));
        self.inner.stacks.iter().map(look).collect()
    }

    /// Looks at the stack, of several shards the first, with the restrictions of [`with_stacks`](Self::with_stacks).
    pub fn with_stack<R>(&self, look: impl FnOnce(Now, &Stack<O>) -> R) -> R {
        self.first().look(|now, stack| look(now, stack))
    }

    /// Reaches the observer of each shard while its stack is locked, to take what it noted, with the restrictions of
    /// [`with_stacks`](Self::with_stacks).
    pub fn with_observers<R>(&self, mut reach: impl FnMut(&mut O) -> R) -> Vec<R> {
        let reach = |handle: &Handle<Stack<O>>| handle.look(|_, stack| reach(stack.observer_mut()));
        self.inner.stacks.iter().map(reach).collect()
    }

    /// Reaches the observer, of several shards the first's, with the restrictions of [`with_stacks`](Self::with_stacks).
    pub fn with_observer<R>(&self, reach: impl FnOnce(&mut O) -> R) -> R {
        self.first().look(|_, stack| reach(stack.observer_mut()))
    }

    fn first(&self) -> &Handle<Stack<O>> {
        // A network without a link is not started.
        &self.inner.stacks[0]
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> usize {
        self.inner.stacks.len()
    }

    /// What was counted so far, by all shards together.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for counters in self.with_stacks(|_, stack| stack.counters().clone()) {
            sum.add(&counters);
        }
        sum
    }

    /// Everything the network holds, each listener once with the sums of its queues. Costs time in proportion to it, during
    /// which one stack after the other is locked. Of several shards, ids of connections are each shard's own.
    pub fn entries(&self) -> Vec<Entry> {
        merged::entries(self.with_stacks(|now, stack| stack.entries(now)))
    }

    /// The clock that the stack's instants are on.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// Waits until no connection is left (TIME-WAIT entries are none): what was dropped has been delivered and closed, or
    /// given up. A stream that somebody holds counts, even when it is over.
    ///
    /// Errors: the network stopped before.
    pub async fn drained(&self) -> io::Result<()> {
        let shards = self.inner.shards.handles();
        loop {
            for shard in shards {
                let mut wait = Wait::new(std::slice::from_ref(shard), Queue::Drained);
                wait.until(0, |_, stack| match stack.has_connections() {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                })
                .await?;
            }
            // Of several, one may have got a connection while another was waited for.
            if shards.len() == 1
                || self
                    .with_stacks(|_, stack| stack.counts().0)
                    .into_iter()
                    .all(|n| n == 0)
            {
                return Ok(());
            }
        }
    }

    /// Waits until the network has stopped, and says why. It does so only when its link fails or its runtime ends.
    pub async fn stopped(&self) -> Stopped {
        // What stops one shard stops all.
        let mut wait = Wait::new(&self.inner.shards.handles()[..1], Queue::Stopped);
        // Nothing but the end itself answers.
        let _: io::Result<(usize, ())> = wait.until(0, |_, _| Poll::Pending).await;
        self.first().stopped().unwrap_or(Stopped::Driver)
    }

    /// What connections start with, opened either way, unless they are told otherwise.
    pub fn connection_options(&self) -> ConnectionOptions {
        self.inner.connection
    }

    pub(crate) fn shards(&self) -> &Shards {
        &self.inner.shards
    }
}

impl<O: Observer + Send + 'static> Clone for Net<O> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<O: Observer + Send + 'static> fmt::Debug for Net<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net")
            .field("shards", &self.shard_count())
            .field("stopped", &self.first().stopped())
            .finish_non_exhaustive()
    }
}

/// The configuration for links with these abilities, which all are to be used alike.
fn fitted(mut config: Config, mut links: impl ExactSizeIterator<Item = Abilities>) -> io::Result<Config> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let count = links.len();
    let mut least = links.next().ok_or_else(|| wrong("a network without a link"))?;
    for abilities in links {
        if abilities.layer != least.layer {
            return Err(wrong("links of one network that carry different things"));
        }
        least.mtu = least.mtu.min(abilities.mtu);
        least.checksum_offload &= abilities.checksum_offload;
        least.super_segment_max = least.super_segment_max.min(abilities.super_segment_max);
    }
    let is_ethernet = matches!(config.medium, Medium::Ethernet(_));
    if is_ethernet != (least.layer == Layer::Ethernet) {
        return Err(wrong(if is_ethernet {
            "the medium is an Ethernet, and the link carries plain IP packets"
        } else {
            "the link carries Ethernet frames: say by `Config::medium` who we are there"
        }));
    }
    if is_ethernet && count > 1 {
        return Err(wrong(
            "an Ethernet has one shard: its neighbours are known to one stack only",
        ));
    }
    config.mtu = least.mtu;
    config.checksum_offload = least.checksum_offload;
    config.super_segment_max = least.super_segment_max;
    Ok(config)
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
