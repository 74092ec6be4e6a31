//! What the library is told at its start: `--so_flags`, comma-separated.
//!
//! | flag | what it says | when it is missing |
//! |---|---|---|
//! | `ver=4` or `6` | the IP version | that of `local`, or 4 |
//! | `local=ADDR` | the stack's own address | 192.168.0.1, or fd3d:fa7b:d17d::1 |
//! | `remote=ADDR` | the peer's; only its version is looked at | |
//! | `mtu=N` | the link's MTU | 1500 |
//! | `profile=linux` or `freebsd` | initial values, and what system scripts expect | linux |
//! | `settings=FILE` | where lines `name=value` arrive that stand for `sysctl` | none |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use lab::pkt::Profile;

/// The flags, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// The stack's own address.
    pub local: IpAddr,
    /// The link's MTU. Units: bytes.
    pub mtu: usize,
    /// Initial values.
    pub profile: Profile,
    /// Where settings arrive while the script runs.
    pub settings: Option<PathBuf>,
}

/// The local address of packetdrill's scripts where none is given.
const LOCAL_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));
const LOCAL_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1));

impl Flags {
    /// Reads the flags.
    ///
    /// Errors: a sentence that names the flag, where it is unknown, not of its form, or contradicts another.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut version, mut local, mut remote, mut mtu) = (None, None, None, 1500);
        let (mut profile, mut settings) = (Profile::default(), None);
        for flag in text.split(',').map(str::trim).filter(|flag| !flag.is_empty()) {
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            let bad = || format!("flag {flag}: not of its form");
            match name {
                "ver" => {
                    version = Some(
                        value
                            .parse::<u8>()
                            .ok()
                            .filter(|v| matches!(v, 4 | 6))
                            .ok_or_else(bad)?,
                    )
                }
                "local" => local = Some(value.parse::<IpAddr>().map_err(|_| bad())?),
                "remote" => remote = Some(value.parse::<IpAddr>().map_err(|_| bad())?),
                "mtu" => {
                    mtu = value
                        .parse()
                        .ok()
                        .filter(|m| (576..=65_535).contains(m))
                        .ok_or_else(bad)?
                }
                "profile" => profile = value.parse().map_err(|_| bad())?,
                "settings" => settings = Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty()),
                _ => return Err(format!("flag {flag}: no such flag")),
            }
        }
        let default = if version == Some(6) { LOCAL_V6 } else { LOCAL_V4 };
        let local = local.unwrap_or(default);
        if remote.is_some_and(|remote| remote.is_ipv4() != local.is_ipv4())
            || version.is_some_and(|version| (version == 4) != local.is_ipv4())
        {
            return Err(format!("{text}: the addresses and the version are not of one family"));
        }
        Ok(Self {
            local,
            mtu,
            profile,
            settings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_table() {
        let plain = Flags {
            local: LOCAL_V4,
            mtu: 1500,
            profile: Profile::Linux,
            settings: None,
        };
        let v6 = "fd00::7".parse().unwrap();
        for (name, text, want) in [
            ("none", "", plain.clone()),
            (
                "version alone",
                "ver=6",
                Flags {
                    local: LOCAL_V6,
                    ..plain.clone()
                },
            ),
            (
                "all",
                "ver=6,local=fd00::7,remote=fd00::1,mtu=9000,profile=freebsd,settings=/tmp/x",
                Flags {
                    local: v6,
                    mtu: 9000,
                    profile: Profile::FreeBsd,
                    settings: Some("/tmp/x".into()),
                },
            ),
            ("spaces and an empty one", " mtu=1500, ,", plain),
        ] {
            assert_eq!(Flags::parse(text), Ok(want), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for text in [
            "ver=5",
            "local=nobody",
            "mtu=12",
            "profile=plan9",
            "colour=red",
            "ver=6,local=10.0.0.1",
        ] {
            let error = Flags::parse(text).expect_err(text);
            assert!(error.contains(text.split(',').next().unwrap_or_default()), "{error}");
        }
    }
}
