//! Which device: `tun:web0`, `tap`, `packet:eth0`, `xdp:eth0:1`.

use std::str::FromStr;

use anyhow::{Context as _, bail};

/// What `--link` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Device {
    /// IP packets to and from the kernel. Without a name the kernel chooses one.
    Tun(Option<String>),
    /// Ethernet frames to and from the kernel.
    Tap(Option<String>),
    /// An interface that is shared with the kernel, by a packet socket.
    Packet(String),
    /// The same by AF_XDP.
    Xdp { interface: String, queue: u32 },
}

impl Device {
    /// Whether the kernel is at the other end, with an address of each of our subnets.
    pub(crate) const fn has_kernel_side(&self) -> bool {
        matches!(self, Self::Tun(_) | Self::Tap(_))
    }

    /// Its interface, if that has been named.
    pub(crate) fn name(&self) -> Option<&String> {
        match self {
            Self::Tun(name) | Self::Tap(name) => name.as_ref(),
            Self::Packet(interface) | Self::Xdp { interface, .. } => Some(interface),
        }
    }
}

/// Errors: what it is not, and what to write.
impl FromStr for Device {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        let interface = || match rest {
            None | Some("") => bail!("`{text}` names no interface: write {kind}:eth0"),
            Some(rest) => Ok(rest.to_owned()),
        };
        Ok(match (kind, rest) {
            ("tun", None) => Self::Tun(None),
            ("tap", None) => Self::Tap(None),
            ("tun", _) => Self::Tun(Some(interface()?)),
            ("tap", _) => Self::Tap(Some(interface()?)),
            ("packet", _) => Self::Packet(interface()?),
            ("xdp", _) => {
                let rest = interface()?;
                let (interface, queue) = match rest.split_once(':') {
                    None => (rest, 0),
                    Some((interface, queue)) => {
                        let queue = queue.parse().ok();
                        let queue =
                            queue.with_context(|| format!("`{text}`: a queue is a number, as in xdp:eth0:1"))?;
                        (interface.to_owned(), queue)
                    }
                };
                Self::Xdp { interface, queue }
            }
            _ => bail!("`{text}` is no link: write tun, tun:NAME, tap, tap:NAME, packet:IFACE or xdp:IFACE[:QUEUE]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        let xdp = |queue| Device::Xdp {
            interface: "eth0".into(),
            queue,
        };
        for (text, device) in [
            ("tun", Device::Tun(None)),
            ("tun:web0", Device::Tun(Some("web0".into()))),
            ("tap", Device::Tap(None)),
            ("tap:web0", Device::Tap(Some("web0".into()))),
            ("packet:eth0", Device::Packet("eth0".into())),
            ("xdp:eth0", xdp(0)),
            ("xdp:eth0:3", xdp(3)),
        ] {
            assert_eq!(text.parse::<Device>().unwrap(), device, "{text}");
        }
    }

    #[test]
    fn what_is_no_link_is_told_what_to_write() {
        for (text, says) in [
            ("", "`` is no link: write tun, tun:NAME"),
            ("eth0", "`eth0` is no link"),
            ("TUN", "`TUN` is no link"),
            ("tap:", "`tap:` names no interface: write tap:eth0"),
            ("packet", "`packet` names no interface: write packet:eth0"),
            ("xdp", "`xdp` names no interface: write xdp:eth0"),
            ("xdp:eth0:first", "a queue is a number, as in xdp:eth0:1"),
            ("xdp:eth0:-1", "a queue is a number"),
        ] {
            let said = text.parse::<Device>().unwrap_err().to_string();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
