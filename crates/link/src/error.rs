//! Why a link could not be made: what is missing, and what to do about it.

use std::io;
use std::net::IpAddr;

use crate::face::Layer;

/// Why a link could not be made, or the network around it not prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The device file is there, but not for us.
    #[error(
        "no permission to open /dev/net/tun: allow everybody with `chmod 666 /dev/net/tun`, or join the group that owns it"
    )]
    DeviceForbidden,

    /// The device file, or the driver behind it, is not there.
    #[error(
        "/dev/net/tun is missing: load the driver with `modprobe tun`, or make the device with \
         `mkdir -p /dev/net && mknod /dev/net/tun c 10 200` (in a container: `--device /dev/net/tun`)"
    )]
    DeviceMissing,

    /// The kernel asks for a capability that we lack.
    #[error(
        "no permission to {doing}: this needs CAP_NET_ADMIN; run as root, or in a private network namespace \
         (`syndic lab` makes one, `unshare -Urn` gives a shell in one)"
    )]
    NotPermitted {
        /// What was attempted, as the end of a sentence: "create the interface syndic0".
        doing: String,
    },

    /// The kernel gives raw frames only to those with a capability that we lack.
    #[error(
        "no permission to read and write frames on {interface}: this needs CAP_NET_RAW; run as root, or give it to the \
         program with `setcap cap_net_raw+ep PROGRAM`"
    )]
    RawForbidden {
        /// The interface asked for.
        interface: String,
    },

    /// A program on an interface needs the whole machine's privileges.
    #[error(
        "no permission to redirect frames of {interface}: AF_XDP needs CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW of the whole \
         machine, which a user namespace does not give; run as root"
    )]
    XdpForbidden {
        /// The interface asked for.
        interface: String,
    },

    /// The kernel was built without AF_XDP.
    #[error("this kernel has no AF_XDP sockets (CONFIG_XDP_SOCKETS): take a packet socket instead")]
    XdpUnsupported,

    /// Another XDP program is on the interface, or another socket on the queue.
    #[error(
        "another program has the frames of {interface}: end it, or take off what it left with `ip link set {interface} xdp off`"
    )]
    XdpTaken {
        /// The interface asked for.
        interface: String,
    },

    /// The interface has fewer receive queues.
    #[error(
        "the interface {interface} has no queue {queue}: `ls /sys/class/net/{interface}/queues` shows which it has"
    )]
    NoSuchQueue {
        /// The interface asked for.
        interface: String,
        /// The queue asked for; the first is 0.
        queue: u32,
    },

    /// Frames of the interface do not fit in a page, beside what XDP keeps there.
    #[error(
        "the MTU of {interface}, {mtu} bytes, is too large for AF_XDP: at most {max}, as `ip link set {interface} mtu {max}` sets it"
    )]
    XdpMtu {
        /// The interface asked for.
        interface: String,
        /// The MTU that it has. Units: bytes.
        mtu: u16,
        /// Units: bytes.
        max: u16,
    },

    /// Another process holds the interface, or it exists and an existing one was not wanted.
    #[error("the interface name {name} is taken: choose another, or end the process that uses it")]
    NameTaken {
        /// The name asked for.
        name: String,
    },

    /// An interface of that name exists and is something else.
    #[error("the interface {name} exists, but is no {layer}: choose another name")]
    NotTun {
        /// The name asked for.
        name: String,
        /// Whether a TUN or a TAP was asked for.
        layer: Layer,
    },

    /// The interface was made with one queue, and several were asked for.
    #[error(
        "the interface {name} was made with a single queue: make it anew with \
         `ip tuntap add {name} mode tun vnet_hdr multi_queue`, or ask for one queue"
    )]
    SingleQueue {
        /// The name asked for.
        name: String,
    },

    /// More queues than an interface can have, those that others hold included.
    #[error("the interface {name} cannot have so many queues: at most 256, with those that others hold")]
    TooManyQueues {
        /// The name asked for.
        name: String,
    },

    /// No interface can have that name.
    #[error("{name:?} cannot name an interface: {fault}")]
    BadName {
        /// The name asked for.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },

    /// The MTU is below what the protocols allow.
    #[error("an MTU of {mtu} bytes is out of bounds: {min} to 65535 for the addresses asked for")]
    BadMtu {
        /// The MTU asked for. Units: bytes.
        mtu: u16,
        /// 68 for IPv4 alone (RFC 791), 1,280 with IPv6 (RFC 8200 section 5). Units: bytes.
        min: u16,
    },

    /// A prefix longer than the address.
    #[error("a prefix of {prefix} bits is too long for {address}: at most {}", if address.is_ipv4() { 32 } else { 128 })]
    BadPrefix {
        /// The address it was given for.
        address: IpAddr,
        /// The prefix length asked for. Units: bits.
        prefix: u8,
    },

    /// An address that no interface can have.
    #[error("{address} cannot be the address of an interface: it must be a unicast address")]
    BadAddress {
        /// The address asked for.
        address: IpAddr,
    },

    /// The interface has the address already, or it was asked for twice.
    #[error("the address {address} is already assigned to {interface}")]
    AddressTaken {
        /// The address asked for.
        address: IpAddr,
        /// The interface it was to be given to.
        interface: String,
    },

    /// IPv6 is switched off in the kernel, or on that interface.
    #[error(
        "cannot give {address} to {interface}: IPv6 is switched off; \
         set net.ipv6.conf.all.disable_ipv6 = 0, or use IPv4 addresses only"
    )]
    Ipv6Disabled {
        /// The address asked for.
        address: IpAddr,
        /// The interface it was to be given to.
        interface: String,
    },

    /// No interface has that name.
    #[error("there is no interface {name}")]
    NoSuchInterface {
        /// The name asked for.
        name: String,
    },

    /// The interface is none of Ethernet: loopback, or a tunnel.
    #[error("the interface {name} carries no Ethernet frames: choose a card, a bridge, a veth or a TAP")]
    NotEthernet {
        /// The name asked for.
        name: String,
    },

    /// The interface is switched off.
    #[error("the interface {name} is down: bring it up with `ip link set {name} up`")]
    InterfaceDown {
        /// The name asked for.
        name: String,
    },

    /// There is such a route already.
    #[error("a route to {destination}/{prefix} exists already")]
    RouteTaken {
        /// The network asked for.
        destination: IpAddr,
        /// Its prefix length. Units: bits.
        prefix: u8,
    },

    /// A gateway that is on no network of ours, or of the other IP version.
    #[error(
        "the gateway {gateway} cannot be reached: it must be on a network that an interface which is up belongs to"
    )]
    GatewayUnreachable {
        /// The gateway asked for.
        gateway: IpAddr,
    },

    /// The system refused for a reason that has no entry of its own.
    #[error("could not {doing}")]
    Io {
        /// What was attempted, as the end of a sentence.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

impl LinkError {
    /// Whether the options could never have worked, on whatever machine: a matter for whoever typed them.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::BadName { .. } | Self::BadMtu { .. } | Self::BadPrefix { .. } | Self::BadAddress { .. }
        )
    }

    /// Wraps what the system said to `doing`; a missing privilege becomes [`LinkError::NotPermitted`].
    pub(crate) fn from_io(doing: impl Into<String>, source: io::Error) -> Self {
        let doing = doing.into();
        match source.raw_os_error() {
            Some(libc::EPERM) => Self::NotPermitted { doing },
            _ => Self::Io { doing, source },
        }
    }
}

/// What is wrong with the name of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No characters at all.
    #[error("it is empty")]
    Empty,
    /// More bytes than the kernel keeps.
    #[error("it has more than 15 bytes")]
    TooLong,
    /// `/`, `:`, `%`, white space or a control character.
    #[error("it contains {0:?}")]
    Character(char),
    /// `.` and `..` name directories.
    #[error("it names a directory")]
    Directory,
}
