//! What was typed becomes what is meant: the one place where the two meet.
//!
//! Everything that can be wrong with the words alone is found here, before anything is begun.

use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::{Path, PathBuf};

use ::lab::unit::Time;
use anyhow::{Context as _, bail, ensure};
use stack::{CongestionControl, EcnMode};

use crate::args::{self, Args};
use crate::control::place::PATH_MAX;
use crate::control::{Request, Which};
use crate::device::{Device, Network};
use crate::get::url::Url;
use crate::get::{Get, Target};
use crate::guarding::Guarding;
use crate::http::Site;
use crate::impair::Impairment;
use crate::lab::{Lab, Place, Play, Scenario, Scripts, Simulate, find_path};
use crate::serve::{Serve, What};
use crate::ss::Ss;
use crate::subnet::Subnet;

/// Smallest MTU that a stack keeps to (RFC 9293 and RFC 791 make it 576), and the smallest for IPv6 (RFC 8200 section 5).
const MTU_MIN: u16 = 576;
const MTU_MIN_V6: u16 = 1280;

/// The MTU of a device that is made, when none is given: that of an Ethernet.
const MTU: u16 = 1500;

/// Addresses of ours when none are given.
const ADDRESSES: [&str; 2] = ["10.7.0.2/24", "fd07::2/64"];

/// A command that can be run.
#[derive(Debug)]
pub(crate) enum Command {
    Lab(Lab),
    Simulate(Simulate),
    Serve(Serve),
    Get(Get),
    Ss(Ss),
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Lab(lab) => lab.run(),
            Self::Simulate(simulate) => simulate.run(),
            Self::Serve(serve) => serve.run(),
            Self::Get(get) => get.run(),
            Self::Ss(ss) => ss.run(),
        }
    }
}

/// Errors: what is wrong, and what to write instead.
pub(crate) fn mean(typed: Args) -> anyhow::Result<Command> {
    Ok(match typed.command {
        args::Command::Lab(mut typed) => match typed.task.take() {
            Some(args::LabTask::Simulate(typed)) => Command::Simulate(simulate(typed)?),
            None => Command::Lab(lab(typed)?),
        },
        args::Command::Serve(typed) => Command::Serve(serve(typed)?),
        args::Command::Get(typed) => Command::Get(get(typed)?),
        args::Command::Ss(typed) => Command::Ss(ss(typed)?),
    })
}

fn serve(typed: args::Serve) -> anyhow::Result<Serve> {
    let what = match (typed.service, typed.dir) {
        (Some(service), _) => What::Service(service),
        (None, Some(dir)) => What::Directory {
            site: Site::open(&dir)?,
            shown: dir,
        },
        (None, None) => bail!("nothing to serve: give a directory or --service"),
    };
    let network = network(typed.network)?;
    let shards = NonZeroUsize::from(NonZeroU16::new(typed.shards).context("--shards: at least 1")?);
    ensure!(
        shards == NonZeroUsize::MIN || matches!(network.device, Device::Tun(_)),
        "--shards: only a TUN has several: on an Ethernet, neighbours are known to one stack only"
    );
    Ok(Serve {
        what,
        port: typed.port,
        shards,
        congestion: congestion(typed.congestion),
        guarding: Guarding::mean(typed.guarding)?,
        network,
    })
}

fn get(typed: args::Get) -> anyhow::Result<Get> {
    let target = if typed.output == Path::new("-") {
        Target::Stdout
    } else {
        ensure!(
            !typed.output.is_dir() && typed.output.file_name().is_some(),
            "{} is a directory: name the file to write",
            typed.output.display()
        );
        Target::File(typed.output)
    };
    let url = Url::parse(&typed.url)?;
    let network = network(typed.network)?;
    if let Ok(host) = url.host.parse::<IpAddr>() {
        ensure!(
            !network.subnets.iter().any(|subnet| subnet.ours == host),
            "{host} is our own address: {}",
            network.who_is_there()
        );
        ensure!(
            network
                .subnets
                .iter()
                .any(|subnet| subnet.ours.is_ipv4() == host.is_ipv4()),
            "no address to reach {host} from: add --addr {}",
            if host.is_ipv4() { ADDRESSES[0] } else { ADDRESSES[1] }
        );
    }
    Ok(Get {
        url,
        target,
        sha256: typed.sha256,
        congestion: congestion(typed.congestion),
        network,
    })
}

fn congestion(typed: args::Congestion) -> CongestionControl {
    match typed {
        args::Congestion::Reno => CongestionControl::NewReno,
        args::Congestion::Cubic => CongestionControl::Cubic,
    }
}

fn network(typed: args::Network) -> anyhow::Result<Network> {
    let device = match typed.tun {
        Some(name) => Device::Tun(Some(name)),
        None => typed.link.parse().context("--link")?,
    };
    let texts = match (&*typed.addresses, device.has_kernel_side()) {
        ([], true) => ADDRESSES.map(str::to_owned).to_vec(),
        ([], false) => bail!(
            "--link {} needs --addr ADDR/PREFIX: an address of that network which no host has",
            typed.link
        ),
        (texts, _) => texts.to_vec(),
    };
    let mut subnets: Vec<Subnet> = Vec::new();
    for text in &texts {
        let subnet = Subnet::parse(text).context("--addr")?;
        if let Some(other) = subnets.iter().find(|other| other.overlaps(&subnet)) {
            bail!("--addr: {other} and {subnet} overlap: give addresses of different subnets");
        }
        subnets.push(subnet);
    }
    let has_v6 = subnets.iter().any(|subnet| subnet.ours.is_ipv6());
    let least = if has_v6 { MTU_MIN_V6 } else { MTU_MIN };
    let mtu = typed.mtu.unwrap_or(MTU);
    ensure!(
        mtu >= least,
        "--mtu: {mtu} bytes are too few: at least {MTU_MIN}, with IPv6 addresses {MTU_MIN_V6}"
    );
    if let (Some(mtu), Some(name), false) = (typed.mtu, device.name(), device.has_kernel_side()) {
        bail!("--mtu: {name} has its own: `ip link set {name} mtu {mtu}` changes it");
    }
    check_gateways(&typed.gateways, &device, &subnets).context("--gateway")?;
    let impairment = typed
        .impair
        .as_deref()
        .map(str::parse::<Impairment>)
        .transpose()
        .context("--impair")?;
    if let Some(path) = &typed.control {
        check_socket(path).context("--control")?;
    }
    Ok(Network {
        subnets,
        device,
        gateways: typed.gateways,
        mtu,
        ecn: match typed.ecn {
            args::Ecn::Off => EcnMode::Off,
            args::Ecn::Accept => EcnMode::Accept,
            args::Ecn::Ask => EcnMode::Ask,
        },
        impairment,
        control: typed.control,
    })
}

fn check_gateways(gateways: &[IpAddr], device: &Device, subnets: &[Subnet]) -> anyhow::Result<()> {
    if matches!(device, Device::Tun(_)) && !gateways.is_empty() {
        bail!("a TUN has one other end, to which everything goes: leave it out");
    }
    for (n, gateway) in gateways.iter().enumerate() {
        let others = gateways.iter().take(n);
        ensure!(
            others.into_iter().all(|other| other.is_ipv4() != gateway.is_ipv4()),
            "{gateway} is the second of its family: give one for IPv4 and one for IPv6"
        );
        ensure!(
            subnets
                .iter()
                .any(|subnet| subnet.contains(*gateway) && subnet.ours != *gateway),
            "{gateway} is no other host of a subnet of ours: a gateway is a neighbour"
        );
    }
    Ok(())
}

fn ss(typed: args::Ss) -> anyhow::Result<Ss> {
    if let Some(path) = &typed.socket {
        check_socket(path).context("--socket")?;
    }
    let limit = usize::from(typed.limit);
    let request = if typed.half_open {
        Request::HalfOpen { limit }
    } else {
        let which = match (typed.all, typed.listening) {
            (true, _) => Which::All,
            (false, true) => Which::Listeners,
            (false, false) => Which::Connections,
        };
        Request::Sockets { which, limit }
    };
    Ok(Ss {
        request,
        details: typed.info,
        json: typed.json,
        socket: typed.socket,
    })
}

fn check_socket(path: &Path) -> anyhow::Result<()> {
    let length = path.as_os_str().len();
    ensure!(
        (1..=PATH_MAX).contains(&length),
        "a socket's path has 1 to {PATH_MAX} bytes, and this one {length}: take a shorter one, such as /tmp/syndic.sock"
    );
    Ok(())
}

/// Whether a file holds a script in packetdrill's language.
fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "pkt")
}

const fn profile(typed: args::Profile) -> ::lab::pkt::Profile {
    match typed {
        args::Profile::Linux => ::lab::pkt::Profile::Linux,
        args::Profile::Freebsd => ::lab::pkt::Profile::FreeBsd,
    }
}

fn simulate(typed: args::Simulate) -> anyhow::Result<Simulate> {
    const SEEDS: u64 = 1_000;
    let time = typed
        .time
        .as_deref()
        .map(str::parse::<Time>)
        .transpose()
        .context("--for")?;
    ensure!(typed.out.is_dir(), "--out: {} is no directory", typed.out.display());
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Simulate {
        first_seed: typed.seed,
        seeds: typed.seeds.or_else(|| time.is_none().then_some(SEEDS)),
        jobs: typed.jobs.map_or_else(processors, usize::from),
        time: time.map(|time| time.0.into()),
        out: typed.out,
        json: typed.json,
    })
}

fn lab(typed: args::Lab) -> anyhow::Result<Lab> {
    let play = match &*typed.scenario {
        _ if typed.list => Play::List,
        [] => Play::All,
        names if names.iter().all(|name| is_script(name)) => {
            ensure!(
                typed.pcap.is_none() && typed.seed.is_none(),
                "scripts know neither --pcap nor --seed"
            );
            let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
            Play::Scripts(Scripts::read(&paths)?, profile(typed.profile))
        }
        [name] => match find_path(name) {
            Some(path) => {
                ensure!(
                    typed.pcap.is_none(),
                    "a path keeps no packets, so there is nothing for --pcap"
                );
                Play::Transfer(path?, name.clone())
            }
            None => Play::One(Scenario::find(name)?),
        },
        _ => bail!("only scripts, files that end in .pkt, can be given several at a time"),
    };
    ensure!(
        typed.svg.is_none() || matches!(play, Play::One(Scenario::Flood(_))),
        "--svg: only a flood has a plot: `syndic lab --list` names them"
    );
    ensure!(
        typed.cwnd.is_none() || matches!(play, Play::Transfer(..)),
        "--cwnd: only a transfer over a path has such a plot: `syndic lab path:rate=100mbit,delay=10ms,loss=1% --cwnd FILE`"
    );
    let capture = match typed.pcap {
        Some(path) if path == Path::new("-") => {
            ensure!(
                !typed.json,
                "--pcap - and --json both want standard output: give --pcap a file"
            );
            Some(Place::Stdout)
        }
        Some(path) => Some(Place::File(path)),
        None if matches!(play, Play::All) => Some(Place::File(PathBuf::from("syndic-lab.pcapng"))),
        None => None,
    };
    Ok(Lab {
        play,
        seed: typed.seed,
        capture,
        svg: typed.svg,
        cwnd: typed.cwnd,
        json: typed.json,
        all_lines: typed.all_lines,
        color: typed.color,
    })
}
