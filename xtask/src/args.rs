//! What can be typed.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use serde::{Serialize, Serializer};

use crate::paths::args::{Path, Paths};

/// Measures Syndic beside peers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// A SYN flood on real packets: what a listener answers, and what it leaves of good clients.
    Flood(Flood),
    /// Bad paths: goodput with delay, loss, reordering and short queues, beside Linux on the same path.
    Paths(Paths),
    /// One connection over one path.
    #[command(hide = true)]
    Path(Path),
    /// Bulk, latency, requests and idle connections: us beside Linux, smoltcp, nginx and a bare copying process.
    Peers(Peers),
    /// What the task starts of itself inside of its networks.
    #[command(subcommand, hide = true)]
    Child(Child),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The packets go from a network namespace through veth and the kernel's forwarding to
a TUN, behind which answers
  ours    `syndic serve --service echo`, built in release (or --syndic FILE)
  bare    a few dozen lines of C that turn each SYN into a SYN-ACK and keep nothing:
          the floor of that path (it is no TCP, so it has no good clients)
or to a veth, behind which answers
  linux   a plain listener of this kernel with net.ipv4.tcp_syncookies=1
  ours    with --link packet or xdp: `syndic serve` by AF_PACKET or AF_XDP
Good clients are this kernel, in a namespace of their own: connect, send a byte,
read it back, close. One that takes longer than 3 s has failed.

The generator has one core to itself, but for the clients; whatever receives has
the other. CPU time is that of the listener's threads, of the thread that takes in
the flood (threaded NAPI) and of ksoftirqd; SYN-ACKs retransmitted count as sent.
Memory is the peak resident size of the listener's process (not the kernel's own).

This project ships no tool that floods a network. Bring one: a directory that holds
`floodgen` and `flood.bpf.o`, called as
  floodgen IFACE DST_MAC DST_IP DST_PORT SECONDS [PPS]
which sends SYNs with right checksums from 198.18.0.0/15 or 2001:2::/96 out of a
virtual interface. It runs inside of a namespace from which no packet can leave.

Needs root (BPF and threaded NAPI), two cores, and `ip`, `ethtool` and `cc`.
It raises its own priority over everything else on the machine while it runs, and
leaves nothing behind: the networks end with the processes in them.

Examples:
  sudo -E cargo xtask flood --generator /opt/floodgen
  sudo -E cargo xtask flood --rates 80k --seconds 3 --subjects ours
  sudo -E cargo xtask flood --ipv6 --markdown
  sudo -E cargo xtask flood --subjects linux,ours --link tun,packet,xdp
  sudo -E cargo xtask flood --rates 200k -- --some-option-of-serve

Exit codes: 0 done, 1 failed, 2 wrong usage or something is missing.")]
pub(crate) struct Flood {
    /// The directory that holds `floodgen` and `flood.bpf.o`.
    #[arg(long, value_name = "DIR", env = "FLOODGEN")]
    pub(crate) generator: Option<PathBuf>,
    /// SYNs delivered per second; `calm` is none at all.
    #[arg(
        long,
        value_name = "RATES",
        value_delimiter = ',',
        default_value = "50k,80k,200k,unlimited"
    )]
    pub(crate) rates: Vec<Rate>,
    /// How long good clients come, for each rate.
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,
    /// Good clients per second.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) clients: u64,
    /// Who is measured, side by side at each rate.
    #[arg(
        long,
        value_name = "NAMES",
        value_enum,
        value_delimiter = ',',
        default_value = "bare,linux,ours"
    )]
    pub(crate) subjects: Vec<Subject>,
    /// What ours talks through: with several it is measured over each.
    #[arg(long, value_name = "LINKS", value_enum, value_delimiter = ',', default_value = "tun")]
    pub(crate) link: Vec<Link>,
    /// Packets that may wait before the TUN; 500 are usual. A longer queue loses less and makes good clients wait longer.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(16..=1_000_000))]
    pub(crate) queue: u32,
    /// Over IPv6 instead of IPv4.
    #[arg(long)]
    pub(crate) ipv6: bool,
    /// The command `syndic` to measure, instead of one built for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) syndic: Option<PathBuf>,
    /// Prints one JSON document.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Prints the table in Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Given to `syndic serve`.
    #[arg(last = true, value_name = "SERVE-OPTIONS")]
    pub(crate) serve: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Who is measured, always from a client that is this kernel:
  ours      `syndic serve`, built in release (or --syndic FILE), over a TUN
  linux     this kernel in another network namespace, over veth with TSO
  smoltcp   xtask/peers/smoltcp, over a TUN, with buffers of 1 MiB
  ceiling   a process that only copies and acknowledges, over a TUN with the
            virtio-net header: no TCP, but the most that this way can carry
  nginx     on this kernel, over veth; requests come from wrk
Clients have one core and whatever answers the other. CUBIC is pinned on every
route. Runs of all who are compared follow each other, several times over; each
figure is a median. A whole run writes docs/bench.md (between its markers) and
docs/peers.svg; figures of a part, or of --quick, are printed alone.

Needs `ip`, /dev/net/tun and two cores; root, or private user namespaces (as root
it raises its own priority over everything else on the machine while it runs).
wrk and nginx are Debian packages: without them requests are skipped.

Examples:
  cargo xtask peers
  cargo xtask peers --quick
  cargo xtask peers --only bulk --runs 5 --seconds 5
  cargo xtask peers --only requests --json

Exit codes: 0 done, 1 failed, 2 wrong usage or something is missing.")]
pub(crate) struct Peers {
    /// Parts to measure instead of all.
    #[arg(long, value_name = "PARTS", value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,
    /// How often each is measured; the figure is the median.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=15))]
    pub(crate) runs: u32,
    /// How long each measurement takes.
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=30))]
    pub(crate) seconds: u64,
    /// Everything once and for a moment, to see that it works: no figure to be trusted.
    #[arg(long, conflicts_with_all = ["runs", "seconds"])]
    pub(crate) quick: bool,
    /// The command `syndic` to measure, instead of one built for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) syndic: Option<PathBuf>,
    /// Prints one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Prints, and writes nothing.
    #[arg(long)]
    pub(crate) no_write: bool,
}

/// A part of `peers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One flow and eight, both ways.
    Bulk,
    /// Request and response, 100 bytes each, over one connection.
    Latency,
    /// HTTP requests of 64 clients.
    Requests,
    /// Many connections: memory, and the cost of a packet.
    Idle,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::Bulk, Self::Latency, Self::Requests, Self::Idle];
}

/// What ours talks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Link {
    /// A TUN of the router's.
    Tun,
    /// AF_PACKET on a veth.
    Packet,
    /// AF_XDP on a veth.
    Xdp,
}

/// Who answers the flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    Bare,
    Linux,
    Ours,
}

/// SYNs per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// No flood: what the rig alone makes of good clients.
    Calm,
    PerSecond(u32),
    Unlimited,
}

/// Text that is no rate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a number of SYNs per second such as 80000 or 80k, from 1000 to 10000k, `calm` or `unlimited`")]
pub(crate) struct NotARate;

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        match text {
            "calm" => return Ok(Self::Calm),
            "unlimited" => return Ok(Self::Unlimited),
            _ => {}
        }
        let (digits, unit) = match text.strip_suffix('k') {
            Some(thousands) => (thousands, 1_000),
            None => (text, 1),
        };
        let number: u32 = digits.parse().map_err(|_| NotARate)?;
        match number.checked_mul(unit) {
            Some(rate @ 1_000..=10_000_000) => Ok(Self::PerSecond(rate)),
            _ => Err(NotARate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calm => f.pad("calm"),
            Self::PerSecond(rate) if rate % 1_000 == 0 => f.pad(&format!("{}k", rate / 1_000)),
            Self::PerSecond(rate) => f.pad(&rate.to_string()),
            Self::Unlimited => f.pad("unlimited"),
        }
    }
}

/// As it is typed.
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Child {
    /// Becomes a program that ends with its parent and runs on one core, before everything else there.
    Launch(Launch),
    /// Good clients.
    Clients(Clients),
    /// A plain listener of this kernel.
    Listen(Listen),
    /// A small service of this kernel.
    Serve(Serve),
    /// Bulk from or to a service.
    Bulk(Bulk),
    /// Requests and responses, one after the other.
    Ping(Ping),
    /// A process that only copies and acknowledges.
    Ceiling(Ceiling),
    /// Our stack with idle connections.
    Idle(Idle),
    /// Connections of this kernel that do nothing.
    Hold(Hold),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Launch {
    /// Without this process the program makes no sense.
    #[arg(long)]
    pub(crate) parent: i32,
    #[arg(long)]
    pub(crate) core: usize,
    #[arg(last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Clients {
    #[arg(long)]
    pub(crate) server: SocketAddr,
    #[arg(long)]
    pub(crate) per_second: u64,
    #[arg(long)]
    pub(crate) seconds: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Listen {
    #[arg(long)]
    pub(crate) address: SocketAddr,
}

/// What is done with a connection, in the words of `syndic serve --service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    Discard,
    Chargen,
    Echo,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[arg(value_enum)]
    pub(crate) service: Service,
    #[arg(long)]
    pub(crate) address: SocketAddr,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Bulk {
    /// Discard: it sends. Chargen: it receives.
    #[arg(value_enum)]
    pub(crate) service: Service,
    #[arg(long)]
    pub(crate) server: SocketAddr,
    #[arg(long)]
    pub(crate) flows: usize,
    #[arg(long)]
    pub(crate) millis: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ping {
    #[arg(long)]
    pub(crate) server: SocketAddr,
    #[arg(long)]
    pub(crate) millis: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ceiling {
    #[arg(value_enum)]
    pub(crate) service: Service,
    #[arg(long)]
    pub(crate) tun: String,
    #[arg(long)]
    pub(crate) port: u16,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Idle {
    #[arg(long)]
    pub(crate) connections: u32,
    #[arg(long)]
    pub(crate) millis: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    /// Where to connect; without it, it listens.
    #[arg(long)]
    pub(crate) server: Option<SocketAddr>,
    #[arg(long)]
    pub(crate) connections: usize,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn rates_are_read_and_printed() {
        for (text, rate, printed) in [
            ("50k", Rate::PerSecond(50_000), "50k"),
            ("80000", Rate::PerSecond(80_000), "80k"),
            ("1234", Rate::PerSecond(1_234), "1234"),
            ("10000k", Rate::PerSecond(10_000_000), "10000k"),
            ("unlimited", Rate::Unlimited, "unlimited"),
            ("calm", Rate::Calm, "calm"),
        ] {
            assert_eq!(text.parse(), Ok(rate), "{text}");
            assert_eq!(rate.to_string(), printed);
        }
        for text in [
            "",
            "k",
            "0",
            "999",
            "10001k",
            "5000000k",
            "-5k",
            "1.5k",
            "80K",
            "Unlimited",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(NotARate), "{text}");
        }
    }

    #[test]
    fn what_is_measured_beside_peers() {
        let typed = |line: &str| Args::try_parse_from(format!("xtask peers {line}").split_whitespace());
        for (line, works) in [
            ("", true),
            ("--quick --json", true),
            ("--only bulk,idle --runs 5 --seconds 3 --no-write", true),
            ("--only flood", false),
            ("--runs 0", false),
            ("--seconds 0", false),
            ("--quick --runs 3", false),
            ("stray", false),
        ] {
            assert_eq!(typed(line).is_ok(), works, "{line}");
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        let typed = |line: &str| Args::try_parse_from(format!("xtask flood {line}").split_whitespace());
        for (line, works) in [
            ("", true),
            ("--rates 1k,unlimited --subjects ours,bare --seconds 60", true),
            ("--ipv6 --json -- --option 3", true),
            ("--rates 50k,fast", false),
            ("--rates", false),
            ("--seconds 0", false),
            ("--seconds 61", false),
            ("--clients 0", false),
            ("--queue 500", true),
            ("--queue 0", false),
            ("--subjects theirs", false),
            ("--link tun,packet,xdp", true),
            ("--link tap", false),
            ("--json --markdown", false),
            ("stray", false),
        ] {
            assert_eq!(typed(line).is_ok(), works, "{line}");
        }
    }
}
