//! The small services over a TUN, as smoltcp's own examples drive it: poll, serve the sockets, send, wait.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;

use anyhow::Context as _;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, Ipv4Address};

/// Each way, for each socket. Units: bytes.
const BUFFER: usize = 1 << 20;
/// One socket takes one handshake: so many clients may come at once.
const SOCKETS: usize = 16;

/// What is done with a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    Discard,
    Chargen,
    Echo,
}

/// Serves until it is killed.
pub(crate) fn serve(service: Service, tun: &str, port: u16) -> anyhow::Result<()> {
    let mut device = TunTapInterface::new(tun, Medium::Ip).with_context(|| format!("cannot make {tun}"))?;
    let fd = device.as_raw_fd();
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::now());
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(IpAddress::v4(10, 77, 2, 2), 24));
    });
    interface
        .routes_mut()
        .add_default_ipv4_route(Ipv4Address::new(10, 77, 2, 1))
        .context("the route")?;

    let mut sockets = SocketSet::new(Vec::new());
    let handles: Vec<SocketHandle> = (0..SOCKETS)
        .map(|_| {
            let buffer = || SocketBuffer::new(vec![0; BUFFER]);
            let mut socket = Socket::new(buffer(), buffer());
            socket.set_nagle_enabled(false);
            sockets.add(socket)
        })
        .collect();
    let mut stdout = std::io::stdout();
    writeln!(stdout, "ready").and_then(|()| stdout.flush())?;

    let pattern = [b'x'; 64 << 10];
    loop {
        // One time for all of a turn: nothing runs out between its two halves.
        let now = Instant::now();
        interface.poll(now, &mut device, &mut sockets);
        for handle in &handles {
            let socket = sockets.get_mut::<Socket>(*handle);
            if !socket.is_open() {
                socket.listen(port).context("cannot listen")?;
            }
            attend(service, socket, &pattern);
        }
        // What was written just now goes out. Nothing may come in here: what it changed would be attended to only after the wait,
        // and a third ACK or the room that an acknowledgment makes may be the last that comes.
        while interface.poll_egress(now, &mut device, &mut sockets) == PollResult::SocketStateChanged {}
        let delay = interface.poll_delay(Instant::now(), &sockets);
        if delay.is_none_or(|delay| delay.total_micros() > 0) {
            wait(fd, delay).context("cannot wait for packets")?;
        }
    }
}

/// What there is to do for one connection now. Errors end the connection, and then there is nothing to do.
fn attend(service: Service, socket: &mut Socket<'_>, pattern: &[u8]) {
    match service {
        Service::Discard => while socket.can_recv() && socket.recv(|data| (data.len(), ())).is_ok() {},
        Service::Chargen => while socket.can_send() && socket.send_slice(pattern).is_ok_and(|sent| sent > 0) {},
        Service::Echo => {
            let mut heard = [0; 4096];
            while socket.can_recv() && socket.can_send() {
                let Ok(n) = socket.recv_slice(&mut heard) else { break };
                let _ = socket.send_slice(&heard[..n]);
            }
        }
    }
    if !socket.may_recv() && socket.may_send() && socket.remote_endpoint().is_some() {
        socket.close();
    }
}
