//! A short-lived netlink connection for blocking callers.
//!
//! `rtnetlink` is asynchronous, and its runtime lives here for as long as a request takes, about a millisecond. A caller who
//! is in a runtime may not block on a second one in the same thread, so for him it runs in a thread of its own, which
//! inherits his network namespace. Any other caller stays alone, as he must if he is to enter a user namespace.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use futures_util::{TryStreamExt, pin_mut};
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use rtnetlink::packet_route::route::RouteType;
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

use crate::error::LinkError;
use crate::frames::HardwareAddress;

/// An interface as the kernel describes it.
pub(crate) struct Interface {
    pub(crate) index: u32,
    name: String,
    pub(crate) up: bool,
    /// Units: bytes.
    pub(crate) mtu: u32,
    /// Its hardware address, if it is an Ethernet interface.
    pub(crate) ethernet: Option<HardwareAddress>,
}

/// Runs requests over a new netlink connection and waits for them.
pub(crate) fn run<T: Send>(requests: impl AsyncFnOnce(&Handle) -> Result<T, LinkError> + Send) -> Result<T, LinkError> {
    let failed = |source| LinkError::from_io("open a netlink connection", source);
    let connected = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        runtime.block_on(async {
            let (connection, handle, _notifications) = rtnetlink::new_connection().map_err(failed)?;
            tokio::spawn(connection);
            requests(&handle).await
        })
    };
    if tokio::runtime::Handle::try_current().is_err() {
        return connected();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("netlink".into())
            .spawn_scoped(scope, connected)
            .map_err(failed)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Looks an interface up by name.
pub(crate) async fn interface(handle: &Handle, name: &str) -> Result<Interface, LinkError> {
    let found = handle.link().get().match_name(name.to_owned()).execute();
    pin_mut!(found);
    match found.try_next().await {
        Ok(Some(message)) => Ok(Interface::from_message(name, &message)),
        Ok(None) => Err(LinkError::NoSuchInterface { name: name.to_owned() }),
        Err(error) => Err(match refusal(error) {
            source if source.raw_os_error() == Some(libc::ENODEV) => {
                LinkError::NoSuchInterface { name: name.to_owned() }
            }
            source => LinkError::from_io(format!("look up the interface {name}"), source),
        }),
    }
}

impl Interface {
    fn from_message(name: &str, message: &LinkMessage) -> Self {
        let mtu = message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        });
        let address = message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Address(address) => HardwareAddress::try_from(address.as_slice()).ok(),
            _ => None,
        });
        Self {
            index: message.header.index,
            name: name.to_owned(),
            up: message.header.flags.contains(LinkFlags::Up),
            mtu: mtu.unwrap_or(0),
            ethernet: address.filter(|_| message.header.link_layer_type == LinkLayerType::Ether),
        }
    }

    /// Brings the interface up, with this MTU if one is given. Nothing is asked of the kernel when it is so already.
    pub(crate) async fn bring_up(&mut self, handle: &Handle, mtu: Option<u16>) -> Result<(), LinkError> {
        let mtu = mtu.map(u32::from).filter(|mtu| *mtu != self.mtu);
        if self.up && mtu.is_none() {
            return Ok(());
        }
        let mut message = LinkUnspec::new_with_index(self.index).up();
        if let Some(mtu) = mtu {
            message = message.mtu(mtu);
        }
        let set = handle.link().set(message.build()).execute().await;
        set.map_err(|error| LinkError::from_io(format!("bring up the interface {}", self.name), refusal(error)))?;
        self.up = true;
        Ok(())
    }

    /// Switches the interface off.
    #[cfg(test)]
    pub(crate) async fn take_down(&self, handle: &Handle) -> Result<(), LinkError> {
        let message = LinkUnspec::new_with_index(self.index).down().build();
        let set = handle.link().set(message).execute().await;
        set.map_err(|error| LinkError::from_io(format!("take down the interface {}", self.name), refusal(error)))
    }

    /// Removes the interface, and the other end of a veth with it.
    #[cfg(test)]
    pub(crate) async fn remove(&self, handle: &Handle) -> Result<(), LinkError> {
        let removed = handle.link().del(self.index).execute().await;
        removed.map_err(|error| LinkError::from_io(format!("remove the interface {}", self.name), refusal(error)))
    }

    /// The addresses that the interface has, with their prefix lengths.
    pub(crate) async fn addresses(&self, handle: &Handle) -> Result<Vec<(IpAddr, u8)>, LinkError> {
        let failed = |error| LinkError::from_io(format!("list the addresses of {}", self.name), refusal(error));
        let listed = handle.address().get().set_link_index_filter(self.index).execute();
        pin_mut!(listed);
        let mut addresses = Vec::new();
        while let Some(message) = listed.try_next().await.map_err(failed)? {
            // `Local` is the interface's own address; on a link with one peer `Address` is the peer's.
            let own = |attribute: &AddressAttribute| match attribute {
                AddressAttribute::Local(address) => Some(*address),
                _ => None,
            };
            let other = |attribute: &AddressAttribute| match attribute {
                AddressAttribute::Address(address) => Some(*address),
                _ => None,
            };
            let attributes = &message.attributes;
            if let Some(address) = attributes
                .iter()
                .find_map(own)
                .or_else(|| attributes.iter().find_map(other))
            {
                addresses.push((address, message.header.prefix_len));
            }
        }
        Ok(addresses)
    }

    /// Gives the interface an address, which works when this returns if the interface is up. IPv6's search for duplicates is left out: nobody
    /// else on the link could have the address.
    pub(crate) async fn add_address(&self, handle: &Handle, address: IpAddr, prefix: u8) -> Result<(), LinkError> {
        let mut request = handle.address().add(self.index, address, prefix);
        if address.is_ipv6() {
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        let Err(error) = request.execute().await else {
            if let (IpAddr::V6(address), true) = (address, self.up) {
                until_local(handle, address).await;
            }
            return Ok(());
        };
        let source = refusal(error);
        let interface = self.name.clone();
        Err(match source.raw_os_error() {
            Some(libc::EEXIST) => LinkError::AddressTaken { address, interface },
            Some(libc::EACCES | libc::EOPNOTSUPP | libc::EAFNOSUPPORT) if address.is_ipv6() => {
                LinkError::Ipv6Disabled { address, interface }
            }
            _ => LinkError::from_io(format!("give the address {address}/{prefix} to {interface}"), source),
        })
    }
}

/// Waits until packets for an address of ours are taken in. The kernel enters its route from a work queue some time after
/// it has said that the address is there, and until then drops such packets. It gives no signal, so we ask again.
///
/// An address that is not ready within a second stays as it is: on an interface without carrier it may never be.
async fn until_local(handle: &Handle, address: Ipv6Addr) {
    let question = RouteMessageBuilder::<Ipv6Addr>::new()
        .destination_prefix(address, 128)
        .build();
    for _ in 0..1_000 {
        let answers = handle.route().get(question.clone()).execute();
        pin_mut!(answers);
        if matches!(answers.try_next().await, Ok(Some(route)) if route.header.kind == RouteType::Local) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The system's error in a netlink error.
pub(crate) fn refusal(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}
