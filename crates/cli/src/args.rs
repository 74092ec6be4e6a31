//! What can be typed. Nothing here decides what it means: see `meant`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use clap::{Parser, Subcommand, ValueEnum};

/// TCP in user space: see it, serve with it, fetch with it.
#[derive(Debug, Parser)]
#[command(name = "syndic", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  syndic lab                      see TCP, with this machine's kernel and simulated
  sudo syndic serve . --port 80   serve this directory on http://10.7.0.2
  sudo syndic get http://10.7.0.1/f -o f
                                  fetch a file from a server on this machine
  sudo syndic ss -i               what connections a running server has

Exit codes: 0 done, 1 failed, 2 wrong usage.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows TCP at work, step by step: with the Linux kernel and in simulated worlds.
    Lab(Lab),
    /// Serves a directory over HTTP, or a small service, on Syndic's own TCP.
    Serve(Serve),
    /// Fetches a URL over Syndic's own TCP.
    Get(Get),
    /// Shows the sockets of running `syndic serve` and `syndic get`, as `ss` shows the kernel's.
    Ss(Ss),
}

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Without a scenario it plays all: real connections with this machine's kernel,
in a private network namespace (no root needed), then every built-in scenario
but the floods.
It ends with a summary and a capture in syndic-lab.pcapng.

Examples:
  syndic lab
  syndic lab --list
  syndic lab lost-syn --seed 7
  syndic lab flood-cookies --svg flood.svg
  syndic lab path:rate=100mbit,delay=10ms,queue=250k,loss=0.1% --cwnd cwnd.svg
  syndic lab world.toml --pcap world.pcapng
  syndic lab crates/lab/scripts/open/*.pkt
  syndic lab --pcap - | wireshark -k -i -
  syndic lab simulate --seeds 10000
  syndic lab --json | jq '.cases[] | {name, failures}'"
)]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) task: Option<LabTask>,
    /// A built-in scenario (see --list), a TOML file that describes a world, scripts in packetdrill's language (.pkt), or a
    /// path to send over: path:rate=100mbit,delay=10ms,queue=250k,loss=1%,reorder=1%,bytes=4M.
    pub(crate) scenario: Vec<String>,
    /// Whose habits the scripts expect of the stack: the order of options and initial values.
    #[arg(long, value_enum, value_name = "NAME", default_value = "linux")]
    pub(crate) profile: Profile,
    /// Lists the built-in scenarios and ends.
    #[arg(long, conflicts_with_all = ["scenario", "seed", "pcap", "svg", "cwnd", "all_lines"])]
    pub(crate) list: bool,
    /// The seed of all chance in simulated worlds: the same seed gives the same packets.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Writes the packets there; `-` is standard output, and the ladders then go to standard error.
    /// [default with no scenario: syndic-lab.pcapng]
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Writes the plot of a flood there, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Writes how the windows of a transfer over a path ran, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) cwnd: Option<PathBuf>,
    /// Prints one JSON document instead of ladders.
    #[arg(long)]
    pub(crate) json: bool,
    /// Prints every line of long ladders.
    #[arg(long)]
    pub(crate) all_lines: bool,
    /// Prints in colour: `auto` does when standard output is a terminal and NO_COLOR is not set.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", num_args = 0..=1, default_missing_value = "always", require_equals = true)]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabTask {
    /// Plays worlds drawn from seeds, with all that can go wrong, and keeps those that fail.
    Simulate(Simulate),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each world has hosts, links, faults and users drawn from its seed, and oracles
that look at every step. One that fails is made as small as it can be and kept:
syndic-seed-N.toml is the world, .txt its ladder, .pcapng its packets.

Examples:
  syndic lab simulate --seeds 10000
  syndic lab simulate --for 10m --jobs 4 --seed 1000000
  syndic lab simulate --seed 77 --seeds 1")]
pub(crate) struct Simulate {
    /// How many worlds. [default: 1000, or with --for as many as there is time for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,
    /// The first seed; the next worlds have the next ones.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many are played at once. [default: one per processor]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Begins no world after this time, such as 30s or 10m.
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Where worlds that fail are kept.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
    /// Prints one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    Linux,
    Freebsd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs CAP_NET_ADMIN for the TUN device, or a device that was prepared for you:
  sudo ip tuntap add web0 mode tun user $USER vnet_hdr
  (with multi_queue behind it for more than one shard)
  sudo ip address add 10.7.0.1/24 dev web0
  sudo ip link set web0 up
  syndic serve . --addr 10.7.0.2/24 --tun web0

Other links (docs/links.md): a TAP needs the same, `packet:IFACE` CAP_NET_RAW, and
`xdp:IFACE` root. On an interface that is there, take an address that no host has.

Examples:
  sudo syndic serve /srv/www --port 80
  sudo syndic serve . --link packet:eth0 --addr 192.0.2.80/24 --gateway 192.0.2.1
  sudo syndic serve . --addr 10.8.0.2/24 --addr fd08::2/64 --tun web0
  sudo syndic serve --service echo --port 7
  sudo syndic serve /srv/www --per-source 100 --limit-address 50/100 --allow 10.0.0.0/8
  sudo syndic serve /srv/www --shards 4
  sudo syndic serve . --impair loss=2%,reorder=5%,delay=10ms
  unshare -Urn sh -c 'syndic serve . & sleep 1; curl http://10.7.0.2/'")]
pub(crate) struct Serve {
    /// The directory to serve.
    #[arg(required_unless_present = "service", conflicts_with = "service")]
    pub(crate) dir: Option<PathBuf>,
    /// Serves this instead of a directory.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) service: Option<Service>,
    /// The port to listen on.
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Congestion control: how much may be in flight.
    #[arg(long, value_enum, value_name = "NAME", default_value = "cubic")]
    pub(crate) congestion: Congestion,
    /// How many stacks share the work, each with a queue of the device: as many threads can work on packets at a time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
    #[command(flatten)]
    pub(crate) guarding: Guarding,
    #[command(flatten)]
    pub(crate) network: Network,
}

/// How the listener is to stand a flood. What it makes of it is told on standard error.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Under attack")]
pub(crate) struct Guarding {
    /// Half-open connections that are kept.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) syn_backlog: usize,
    /// Established connections that wait to be accepted.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..).map(|n| n as usize))]
    pub(crate) backlog: usize,
    /// When SYNs are answered by a cookie alone: `auto` is while the SYN queue is full, until it is half empty.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub(crate) syn_cookies: SynCookies,
    /// How often a SYN-ACK is sent again.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) syn_ack_retries: u8,
    /// Connections that one address (IPv6: one /64) may have at a time. [default: no bound]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..).map(|n| n as usize))]
    pub(crate) per_source: Option<usize>,
    /// SYNs per second of one address (IPv6: one /64), with a burst, as in 100/200; or off. [default: 100/200]
    #[arg(long, value_name = "RATE[/BURST]")]
    pub(crate) limit_address: Option<String>,
    /// The same for one prefix (IPv4 /24, IPv6 /48). [default: 1000/2000]
    #[arg(long, value_name = "RATE[/BURST]")]
    pub(crate) limit_prefix: Option<String>,
    /// Whom no limit binds; may be given again.
    #[arg(long, value_name = "SUBNET")]
    pub(crate) allow: Vec<String>,
    /// Drops SYNs over a limit. Without it they are answered by a cookie alone.
    #[arg(long)]
    pub(crate) drop_over_limit: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SynCookies {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Congestion {
    /// NewReno (RFC 5681, RFC 6582).
    Reno,
    /// CUBIC (RFC 9438).
    Cubic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ecn {
    /// Never.
    Off,
    /// Where a peer asks for it.
    Accept,
    /// That, and asked for when we open.
    Ask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Sends back what it receives (RFC 862).
    Echo,
    /// Throws away what it receives (RFC 863).
    Discard,
    /// Sends characters without end (RFC 864).
    Chargen,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --link the server is reached through a TUN device, so it has to listen on
an address of this machine other than loopback, such as the kernel's side of the
device, which is 10.7.0.1 and fd07::1 by default. Privileges, and links to other
machines: see `syndic serve --help`.

Examples:
  sudo syndic get http://10.7.0.1/big.iso -o big.iso --sha256
  sudo syndic get 'http://[fd07::1]:8080/' -o -
  sudo syndic get http://10.7.0.1/f -o f --impair loss=2%,delay=20ms,seed=7
  sudo syndic get http://192.0.2.9/f -o f --link packet:eth0 --addr 192.0.2.80/24")]
pub(crate) struct Get {
    /// What to fetch: http only.
    pub(crate) url: String,
    /// Congestion control: how much may be in flight.
    #[arg(long, value_enum, value_name = "NAME", default_value = "cubic")]
    pub(crate) congestion: Congestion,
    /// Where to put it; `-` is standard output. It is written to FILE.part first.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Prints the SHA-256 of what was fetched.
    #[arg(long)]
    pub(crate) sha256: bool,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without -l and -a it shows connections: no listeners, no half-open and no
TIME-WAIT entries. A listener's Recv-Q and Send-Q are its accept queue and the
bound of that, as with ss; its SYN queue stands below.
It finds the processes of its own user, so a server of root's needs sudo.

Examples:
  sudo syndic ss
  sudo syndic ss -tln
  sudo syndic ss -tani
  sudo syndic ss --half-open --limit 20
  sudo syndic ss -a --json | jq '.[].sockets.list[] | select(.state == \"ESTABLISHED\") | .peer'
  syndic ss --socket /run/user/1000/syndic/4711.sock")]
pub(crate) struct Ss {
    /// Nothing: there is only TCP. For those who type it out of habit.
    #[arg(short, long)]
    pub(crate) tcp: bool,
    /// Only listeners.
    #[arg(short, long)]
    pub(crate) listening: bool,
    /// Everything: listeners, connections, half-open and TIME-WAIT entries.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Nothing: addresses and ports are always numbers.
    #[arg(short, long)]
    pub(crate) numeric: bool,
    /// All that is known of each socket: options, timers, windows, counts, and why nothing is being sent.
    #[arg(short, long)]
    pub(crate) info: bool,
    /// Half-open entries, the oldest first, and how many there are from each source prefix (IPv4 /24, IPv6 /48).
    #[arg(long, conflicts_with_all = ["listening", "all", "info"])]
    pub(crate) half_open: bool,
    /// How many sockets are shown of each process.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
    /// Prints one JSON document: an array with an object for each process. Times are in microseconds.
    #[arg(long)]
    pub(crate) json: bool,
    /// Asks only the process with this control socket.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

/// The link, and who is who on it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// What packets go through: `tun` or `tap` makes a device with the kernel at its other end (`tun:NAME`, `tap:NAME` give it a
    /// name, or take one that was prepared); `packet:IFACE` and, faster, `xdp:IFACE[:QUEUE]` share an Ethernet interface with
    /// the kernel.
    #[arg(long, value_name = "LINK", default_value = "tun")]
    pub(crate) link: String,
    /// Explicit congestion notification (RFC 3168): routers mark packets where they would else drop them.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Ecn::Accept)]
    pub(crate) ecn: Ecn,
    /// Syndic's own address with its subnet; may be given again. At the other end of a TUN or TAP the kernel gets the first
    /// other host address. [default there: 10.7.0.2/24 and fd07::2/64]
    #[arg(long = "addr", visible_alias = "address", value_name = "ADDR/PREFIX")]
    pub(crate) addresses: Vec<String>,
    /// The router to other subnets, of one of ours; one for IPv4, one for IPv6. [default: none; with a TAP, the kernel]
    #[arg(long = "gateway", value_name = "ADDR")]
    pub(crate) gateways: Vec<IpAddr>,
    /// The same as `--link tun:NAME`.
    #[arg(long, value_name = "NAME", conflicts_with = "link")]
    pub(crate) tun: Option<String>,
    /// The MTU of a TUN or TAP: 576 to 65535 bytes, at least 1280 with IPv6. Others have their own. [default: 1500]
    #[arg(long, value_name = "BYTES")]
    pub(crate) mtu: Option<u16>,
    /// Makes the link worse: `loss=2%,reorder=5%,duplicate=1%,corrupt=1%,delay=10ms,jitter=2ms,rate=10mbit,seed=7`.
    #[arg(long, value_name = "SPEC")]
    pub(crate) impair: Option<String>,
    /// Where `syndic ss` can ask what goes on. [default: PID.sock in $XDG_RUNTIME_DIR/syndic, or in syndic-UID among the
    /// temporary files]
    #[arg(long, value_name = "PATH")]
    pub(crate) control: Option<PathBuf>,
}
