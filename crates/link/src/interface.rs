//! An Ethernet interface of the kernel, which somebody else has made.

use std::io;

use nix::net::if_::if_nametoindex;

use crate::error::LinkError;
use crate::frames::HardwareAddress;
use crate::netlink;

/// What frames need to know of it.
#[derive(Debug)]
pub(crate) struct Ethernet {
    pub(crate) name: String,
    pub(crate) index: u32,
    pub(crate) address: HardwareAddress,
    /// Units: bytes.
    pub(crate) mtu: u16,
}

impl Ethernet {
    /// Looks it up.
    ///
    /// Errors: [`LinkError::NoSuchInterface`], [`LinkError::NotEthernet`], [`LinkError::InterfaceDown`].
    pub(crate) fn find(name: &str) -> Result<Self, LinkError> {
        netlink::run(async |handle| {
            let interface = netlink::interface(handle, name).await?;
            let name = name.to_owned();
            let Some(address) = interface.ethernet else {
                return Err(LinkError::NotEthernet { name });
            };
            if !interface.up {
                return Err(LinkError::InterfaceDown { name });
            }
            Ok(Self {
                name,
                index: interface.index,
                address,
                mtu: u16::try_from(interface.mtu).unwrap_or(u16::MAX),
            })
        })
    }

    /// Errors: [`io::ErrorKind::NotConnected`] when it is gone, even if another has its name now.
    pub(crate) fn check(&self) -> io::Result<()> {
        match if_nametoindex(self.name.as_str()) {
            Ok(index) if index == self.index => Ok(()),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
