//! The networks: an attacker, good clients and a server around a router that forwards.
//!
//! ```text
//!   attacker ──veth──┐            ┌── answer0: TUN ── ours, bare
//!                    ├── router ──┤        or
//!    clients ──veth──┘            └── answer0: veth ── server ── a listener of this kernel, or ours by AF_PACKET or AF_XDP
//! ```
//! What is sent back to the attacker's invented sources ends in the router, in a route that drops.

use std::fs;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::rig::counters::{self, Interface, Nanos};
use crate::rig::namespace::Namespace;
use crate::rig::process::prefer;

/// The router's interface towards whoever answers.
pub(super) const ANSWER: &str = "answer0";
/// The server's.
const LISTEN: &str = "listen0";
/// The attacker's interface.
pub(super) const ATTACK: &str = "attack0";
/// The router's hardware address there, and the server's on its own link. The generator uses frames again that have been
/// through the router, which has written its next hop into them: with another address there, most would be for nobody.
pub(super) const ATTACKED: &str = "02:53:59:4e:01:01";

/// The router's interface towards the clients.
const GOOD: &str = "good1";

/// Who has which address.
struct Plan {
    prefix: u8,
    server: &'static str,
    server_gate: &'static str,
    servers: &'static str,
    client: &'static str,
    client_gate: &'static str,
    clients: &'static str,
    /// What the generator draws its sources from.
    sources: &'static str,
    /// What `ip address add` has to be told besides.
    flags: &'static str,
}

const IPV4: Plan = Plan {
    prefix: 24,
    server: "10.77.3.2",
    server_gate: "10.77.3.1",
    servers: "10.77.3.0/24",
    client: "10.77.2.2",
    client_gate: "10.77.2.1",
    clients: "10.77.2.0/24",
    sources: "198.18.0.0/15",
    flags: "",
};

const IPV6: Plan = Plan {
    prefix: 64,
    server: "fd77:3::2",
    server_gate: "fd77:3::1",
    servers: "fd77:3::/64",
    client: "fd77:2::2",
    client_gate: "fd77:2::1",
    clients: "fd77:2::/64",
    sources: "2001:2::/96",
    flags: "nodad",
};

const ROUTER: &[(&str, &str)] = &[
    ("/proc/sys/net/ipv4/ip_forward", "1"),
    ("/proc/sys/net/ipv4/conf/all/rp_filter", "0"),
    ("/proc/sys/net/ipv4/conf/default/rp_filter", "0"),
];
const ROUTER_IPV6: &[(&str, &str)] = &[("/proc/sys/net/ipv6/conf/all/forwarding", "1")];
const CLIENTS: &[(&str, &str)] = &[
    ("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535"),
    ("/proc/sys/net/ipv4/tcp_tw_reuse", "1"),
];
const SERVER: &[(&str, &str)] = &[("/proc/sys/net/ipv4/tcp_syncookies", "1")];
const STATION: &[(&str, &str)] = &[("/proc/sys/net/ipv6/conf/listen0/disable_ipv6", "1")];

/// All of it, until it is dropped.
pub(super) struct Network {
    pub(super) attacker: Namespace,
    pub(super) router: Namespace,
    pub(super) clients: Namespace,
    pub(super) server: Namespace,
    plan: Plan,
    /// The router's interface towards the attacker. Its name is on the thread that serves it, which all of the machine sees.
    flooded: String,
    /// That thread.
    napi: i32,
    /// The thread that does what softirqs leave undone on the receiver's core.
    ksoftirqd: Option<i32>,
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) at: Instant,
    flooded: Interface,
    answer: Interface,
    good: Interface,
    backlog_dropped: u64,
    /// The kernel's threads on the receiver's core.
    kernel: Nanos,
}

/// What was counted between two moments, as far as it is the flood's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    pub(super) time: Duration,
    /// SYNs that the router took in.
    pub(super) delivered: u64,
    /// Packets that the receiver sent, but for those that went on to good clients.
    pub(super) answered: u64,
    /// Packets that found the queue before the receiver full.
    pub(super) queue_dropped: u64,
    /// Packets that the kernel dropped between two of its softirqs, on the whole machine.
    pub(super) backlog_dropped: u64,
    pub(super) kernel: Duration,
}

impl Network {
    /// Everything but the way to a server.
    ///
    /// Errors: without root, or what `ip` and `ethtool` say.
    pub(super) fn new(ipv6: bool, receiver_core: usize) -> anyhow::Result<Self> {
        let plan = if ipv6 { IPV6 } else { IPV4 };
        let [attacker, router, clients, server] = [
            Namespace::new()?,
            Namespace::new()?,
            Namespace::new()?,
            Namespace::new()?,
        ];
        router.set(ROUTER)?;
        if ipv6 {
            router.set(ROUTER_IPV6)?;
        }
        clients.set(CLIENTS)?;
        server.set(SERVER)?;
        // At most 15 characters, with what the kernel puts around it.
        let flooded = format!("fl{}", std::process::id() % 100_000);
        plan.lay(&router, &flooded, &attacker, &clients)?;
        attacker.ip(format!("link set {ATTACK} up"))?;
        plan.lay_clients(&clients)?;

        router.command("ethtool", ["-K", &flooded, "gro", "on"])?;
        router.put(format!("/sys/class/net/{flooded}/threaded"), "1")?;
        let napi = kernel_thread(&format!("napi/{flooded}-")).context("the kernel made no NAPI thread")?;
        prefer(napi, receiver_core)?;
        Ok(Self {
            attacker,
            router,
            clients,
            server,
            plan,
            flooded,
            napi,
            ksoftirqd: kernel_thread(&format!("ksoftirqd/{receiver_core}")),
        })
    }

    /// Where the server is.
    pub(super) fn server_address(&self) -> anyhow::Result<IpAddr> {
        self.plan.server.parse().context("the server's address")
    }

    /// The server's address with its prefix length.
    pub(super) fn server_subnet(&self) -> String {
        format!("{}/{}", self.plan.server, self.plan.prefix)
    }

    /// Gives the TUN that a responder made its address and brings it up.
    pub(super) fn address_tun(&self) -> anyhow::Result<()> {
        let Plan {
            server_gate,
            prefix,
            flags,
            ..
        } = self.plan;
        self.router.ip(format!(
            "address add {server_gate}/{prefix} dev {ANSWER} {flags}\nlink set {ANSWER} up"
        ))
    }

    /// Lets so many packets wait before the TUN: with 500, the usual, a pause of the reader of 6 ms loses some at 80,000 a
    /// second.
    pub(super) fn lengthen_queue(&self, packets: u32) -> anyhow::Result<()> {
        self.router.ip(format!("link set {ANSWER} txqueuelen {packets}"))
    }

    /// The router's address on the server's link.
    pub(super) fn server_gate(&self) -> &'static str {
        self.plan.server_gate
    }

    /// Joins the server's namespace to the router, for a listener of the kernel's.
    pub(super) fn join_server(&self) -> anyhow::Result<()> {
        let Plan {
            prefix,
            server,
            server_gate,
            flags,
            ..
        } = self.plan;
        self.join()?;
        self.server.ip(format!(
            "address add {server}/{prefix} dev {LISTEN} {flags}\n\
             link set {LISTEN} up\n\
             neighbour add {server_gate} lladdr 02:53:59:4e:03:01 dev {LISTEN} nud permanent\n\
             route add {} via {server_gate} congctl cubic\n\
             route add {} via {server_gate}",
            self.plan.clients, self.plan.sources
        ))
    }

    /// Joins the server's namespace to the router, for a station that is not the kernel: it has no address there, and is
    /// silent. Checksums are complete, for no card is there to make them.
    pub(super) fn join_station(&self) -> anyhow::Result<()> {
        self.join()?;
        self.router.command("ethtool", ["-K", ANSWER, "tx", "off"])?;
        self.server.set(STATION)?;
        self.server.ip(format!("link set {LISTEN} up"))
    }

    fn join(&self) -> anyhow::Result<()> {
        let Plan {
            prefix,
            server,
            server_gate,
            flags,
            ..
        } = self.plan;
        self.router.ip(format!(
            "link add {ANSWER} address 02:53:59:4e:03:01 type veth \
             peer name {LISTEN} address {ATTACKED} netns {}\n\
             address add {server_gate}/{prefix} dev {ANSWER} {flags}\n\
             link set {ANSWER} up\n\
             neighbour add {server} lladdr {ATTACKED} dev {ANSWER} nud permanent",
            self.server.path().display()
        ))
    }

    /// Takes the server's namespace off the router.
    pub(super) fn part_server(&self) -> anyhow::Result<()> {
        self.router.ip(format!("link del {ANSWER}"))
    }

    /// What was counted up to now.
    pub(super) fn count(&self) -> anyhow::Result<Counted> {
        let dev = self.router.read("/proc/thread-self/net/dev")?;
        let at = Instant::now();
        let interfaces = counters::interfaces(&dev);
        let interface = |name: &str| interfaces.get(name).copied().unwrap_or_default();
        let softnet = fs::read_to_string("/proc/net/softnet_stat").unwrap_or_default();
        Ok(Counted {
            at,
            flooded: interface(&self.flooded),
            answer: interface(ANSWER),
            good: interface(GOOD),
            backlog_dropped: counters::backlog_dropped(&softnet),
            kernel: [Some(self.napi), self.ksoftirqd]
                .into_iter()
                .flatten()
                .map(run_time)
                .sum(),
        })
    }
}

impl Plan {
    /// The router's side.
    fn lay(&self, router: &Namespace, flooded: &str, attacker: &Namespace, clients: &Namespace) -> anyhow::Result<()> {
        let Self {
            prefix,
            client,
            client_gate,
            servers,
            sources,
            flags,
            ..
        } = self;
        // Where nobody answers yet, the last route keeps the router from saying so for every SYN.
        router.ip(format!(
            "link add {flooded} address {ATTACKED} type veth \
             peer name {ATTACK} address 02:53:59:4e:01:02 netns {}\n\
             link add {GOOD} address 02:53:59:4e:02:01 type veth \
             peer name good0 address 02:53:59:4e:02:02 netns {}\n\
             link set {flooded} up\n\
             address add {client_gate}/{prefix} dev {GOOD} {flags}\n\
             link set {GOOD} up\n\
             neighbour add {client} lladdr 02:53:59:4e:02:02 dev {GOOD} nud permanent\n\
             route add blackhole {sources}\n\
             route add blackhole {servers} metric 9999",
            attacker.path().display(),
            clients.path().display(),
        ))
    }

    fn lay_clients(&self, clients: &Namespace) -> anyhow::Result<()> {
        let Self {
            prefix,
            client,
            client_gate,
            servers,
            flags,
            ..
        } = self;
        clients.ip(format!(
            "address add {client}/{prefix} dev good0 {flags}\n\
             link set good0 up\n\
             neighbour add {client_gate} lladdr 02:53:59:4e:02:01 dev good0 nud permanent\n\
             route add {servers} via {client_gate} congctl cubic"
        ))
    }
}

impl Counted {
    /// What came after an earlier moment.
    pub(super) fn since(&self, earlier: &Self) -> Passed {
        // Zero where an interface was made anew in between.
        let more = |now: u64, then: u64| now.saturating_sub(then);
        let to_clients = more(self.good.sent, earlier.good.sent);
        Passed {
            time: self.at - earlier.at,
            delivered: more(self.flooded.received, earlier.flooded.received),
            answered: more(self.answer.received, earlier.answer.received).saturating_sub(to_clients),
            queue_dropped: more(self.answer.send_dropped, earlier.answer.send_dropped),
            backlog_dropped: more(self.backlog_dropped, earlier.backlog_dropped),
            kernel: self.kernel - earlier.kernel,
        }
    }
}

/// The thread of the kernel whose name begins so. The one that serves an interface is made beside the call that asks for it.
fn kernel_thread(name: &str) -> Option<i32> {
    let until = Instant::now() + Duration::from_secs(1);
    loop {
        let found = fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let comm = fs::read_to_string(process.path().join("comm")).ok()?;
            comm.starts_with(name).then_some(pid)
        });
        if found.is_some() || Instant::now() > until {
            return found;
        }
        sleep(Duration::from_millis(5));
    }
}

fn run_time(thread: i32) -> Nanos {
    fs::read_to_string(format!("/proc/{thread}/schedstat"))
        .ok()
        .and_then(|text| counters::schedstat(&text))
        .unwrap_or_default()
}
