//! Idle connections in memory: what each takes, and what a packet to one of them costs.
//!
//! The other ends are a few lines that build segments. Each packet carries 100 bytes to a random connection, is read, and
//! acknowledged.

use std::collections::VecDeque;
use std::time::Instant as Clock;

use anyhow::{Context as _, ensure};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{
    HardwareAddress, IpAddress, IpCidr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber,
};

/// Each way. Buffers are allocated with the socket, so what is chosen here is what an idle connection takes. Units: bytes.
const BUFFER: usize = 4 << 10;
/// What a packet carries. Units: bytes.
const PAYLOAD: [u8; 100] = [7; 100];
/// Packets between two polls.
const BATCH: usize = 32;
/// How long packets are sent. Units: seconds.
const SPAN: f64 = 1.0;

const OURS: Ipv4Address = Ipv4Address::new(10, 7, 0, 2);

/// A link that holds what comes in, and of what goes out the last sequence number.
#[derive(Default)]
struct Memory {
    inbound: VecDeque<Vec<u8>>,
    sent: Option<TcpSeqNumber>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut Option<TcpSeqNumber>);

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = [0; 1500];
        let packet = &mut packet[..len];
        let done = f(packet);
        *self.0 = Some(TcpPacket::new_unchecked(&packet[20..]).seq_number());
        done
    }
}

impl Device for Memory {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        let packet = self.inbound.pop_front()?;
        Some((Rx(packet), Tx(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// The other end of one connection.
struct Peer {
    handle: SocketHandle,
    address: Ipv4Address,
    port: u16,
    next: TcpSeqNumber,
    acknowledges: TcpSeqNumber,
}

impl Peer {
    fn segment(&self, control: TcpControl, payload: &[u8]) -> Vec<u8> {
        let tcp = TcpRepr {
            src_port: self.port,
            dst_port: 80,
            control,
            seq_number: self.next,
            ack_number: (control != TcpControl::Syn).then_some(self.acknowledges),
            window_len: 10_000,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        let ip = Ipv4Repr {
            src_addr: self.address,
            dst_addr: OURS,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let checksums = ChecksumCapabilities::default();
        let mut packet = vec![0; ip.buffer_len() + tcp.buffer_len()];
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut packet[..]), &checksums);
        tcp.emit(
            &mut TcpPacket::new_unchecked(&mut packet[20..]),
            &IpAddress::Ipv4(self.address),
            &IpAddress::Ipv4(OURS),
            &checksums,
        );
        packet
    }
}

/// Prints `{"bytes_each":…,"ns_per_packet":…}`.
pub(crate) fn measure(connections: usize) -> anyhow::Result<()> {
    ensure!(
        (1..1 << 24).contains(&connections),
        "1 to {} connections",
        (1 << 24) - 1
    );
    let now = Instant::from_millis(1);
    let mut device = Memory::default();
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, now);
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(OURS), 8));
    });
    let mut peers = Vec::with_capacity(connections);
    let before = resident()?;
    let mut sockets = SocketSet::new(Vec::new());
    for n in 0..connections as u32 {
        let buffer = || SocketBuffer::new(vec![1; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_ack_delay(None);
        socket.listen(80).context("listen")?;
        let [_, high, middle, low] = (n >> 4).to_be_bytes();
        let mut peer = Peer {
            handle: sockets.add(socket),
            address: Ipv4Address::new(10, 8 + high, middle, low),
            port: 20_000 + (n & 15) as u16,
            next: TcpSeqNumber(1000),
            acknowledges: TcpSeqNumber(0),
        };
        device.inbound.push_back(peer.segment(TcpControl::Syn, &[]));
        interface.poll(now, &mut device, &mut sockets);
        peer.acknowledges = device.sent.take().context("no SYN-ACK")? + 1;
        peer.next += 1;
        device.inbound.push_back(peer.segment(TcpControl::None, &[]));
        interface.poll(now, &mut device, &mut sockets);
        peers.push(peer);
    }
    let bytes_each = (resident()? - before) as f64 / connections as f64;
    ensure!(
        peers
            .iter()
            .all(|peer| sockets.get::<Socket>(peer.handle).state() == State::Established),
        "not all are established"
    );

    let (mut packets, mut spent) = (0, 0.0);
    let mut chance = 1_u64;
    while spent < SPAN {
        let chosen: Vec<usize> = (0..BATCH)
            .map(|_| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (chance >> 33) as usize % connections
            })
            .collect();
        for n in &chosen {
            let packet = peers[*n].segment(TcpControl::Psh, &PAYLOAD);
            peers[*n].next += PAYLOAD.len();
            device.inbound.push_back(packet);
        }
        let began = Clock::now();
        interface.poll(now, &mut device, &mut sockets);
        for n in &chosen {
            let socket = sockets.get_mut::<Socket>(peers[*n].handle);
            while socket.can_recv() && socket.recv(|data| (data.len(), ())).is_ok() {}
        }
        spent += began.elapsed().as_secs_f64();
        packets += BATCH;
    }
    let ns_per_packet = spent * 1e9 / packets as f64;
    println!("{{\"bytes_each\":{bytes_each:.0},\"ns_per_packet\":{ns_per_packet:.0}}}");
    Ok(())
}

/// Resident memory. Units: bytes.
fn resident() -> anyhow::Result<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: i64 = statm.split_whitespace().nth(1).context("statm")?.parse()?;
    Ok(pages * 4096)
}
