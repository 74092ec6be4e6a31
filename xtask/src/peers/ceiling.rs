//! The most that a program can carry over a TUN: it copies and acknowledges, and does nothing else that TCP asks for.
//!
//! No retransmission, no timer, no congestion control, no check of what comes in; super-segments both ways, checksums left
//! to the kernel, one copy of the payload. What it reaches is the limit of the way, not of any TCP.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use link::vnet::PartialChecksum;
use link::{Gso, GsoKind, Offload, Tun, TunOptions, VnetHeader};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use wire::checksum::Sum;
use wire::ip;
use wire::option::{Options, WindowScale};
use wire::seq::SeqNumber;
use wire::tcp::{Flags, Header};

use super::kernel::say;
use super::network::{TUN_GATE, TUN_PEER};
use crate::args::{Ceiling, Service};

/// What a segment carries at most, and the least worth sending. Units: bytes.
const SEGMENT_MAX: u32 = 64_000;
const SEGMENT_MIN: u32 = 16_000;
const MSS: u16 = 1_460;
/// Our window is 65,535 of these: 16 MiB.
const SCALE: u8 = 8;
/// Where the checksum is in a TCP header. Units: bytes.
const CHECKSUM_AT: usize = 16;

/// The other end of a connection.
struct Flow {
    acknowledges: SeqNumber,
    next: SeqNumber,
    una: SeqNumber,
    window: u32,
    scale: u8,
    is_open: bool,
    /// What is due: an acknowledgment, or a SYN-ACK.
    due: Option<Flags>,
}

/// The process: it says when it can be reached, and never ends.
pub(super) fn carry(ceiling: &Ceiling) -> anyhow::Result<()> {
    let tun = Tun::open(&TunOptions {
        name: Some(ceiling.tun.clone()),
        addresses: vec![(IpAddr::V4(TUN_GATE), 24)],
        offload: Offload::Tso,
        ..TunOptions::default()
    })
    .context("the TUN")?;
    say("ready")?;
    let mut machine = Machine {
        tun,
        port: ceiling.port,
        sends: ceiling.service == Service::Chargen,
        flows: HashMap::new(),
        user: vec![b'x'; 1 << 17],
        room: BytesMut::with_capacity(1 << 17),
    };
    let mut packet = BytesMut::with_capacity(1 << 17);
    loop {
        packet.clear();
        let has_read = match machine.tun.try_read(&mut packet) {
            Ok(_) => {
                machine.take(&packet);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => return Err(error).context("reading"),
        };
        if !machine.send()? && !has_read {
            let mut fds = [PollFd::new(machine.tun.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::NONE).context("waiting")?;
        }
    }
}

struct Machine {
    tun: Tun,
    port: u16,
    sends: bool,
    /// By the client's address and port.
    flows: HashMap<(Ipv4Addr, u16), Flow>,
    /// The memory of a user: what comes in is copied there, what goes out from there.
    user: Vec<u8>,
    room: BytesMut,
}

impl Machine {
    /// What a packet says. One that is no TCP to our port says nothing.
    fn take(&mut self, packet: &[u8]) -> Option<()> {
        if packet.first()? >> 4 != 4 || *packet.get(9)? != ip::TCP {
            return None;
        }
        let client: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
        let segment = packet.get(20..)?;
        let (header, at) = Header::parse(segment).ok()?;
        if header.dst_port != self.port {
            return None;
        }
        let from = (Ipv4Addr::from(client), header.src_port);
        if header.flags.rst() {
            self.flows.remove(&from);
            return None;
        }
        if header.flags.syn() {
            let first = SeqNumber::new(1_000);
            let flow = Flow {
                acknowledges: header.seq + 1,
                next: first,
                una: first,
                window: 0,
                scale: header.options.window_scale.map_or(0, WindowScale::shift),
                is_open: false,
                due: Some(Flags::SYN | Flags::ACK),
            };
            self.flows.insert(from, flow);
            return Some(());
        }
        let flow = self.flows.get_mut(&from)?;
        flow.una = header.ack;
        flow.window = u32::from(header.window) << flow.scale;
        flow.is_open = true;
        let text = segment.get(at..)?;
        if !text.is_empty() || header.flags.fin() {
            self.user.get_mut(..text.len())?.copy_from_slice(text);
            flow.acknowledges = header.seq + text.len() as u32 + u32::from(header.flags.fin());
            flow.due = Some(Flags::ACK);
        }
        Some(())
    }

    /// One segment for each connection that may send or has one due. Says whether there was any.
    fn send(&mut self) -> anyhow::Result<bool> {
        let mut has_sent = false;
        for ((client, port), flow) in &mut self.flows {
            let open = (flow.una + flow.window).since(flow.next);
            let may = self.sends && flow.is_open && open < 1 << 30 && open > SEGMENT_MIN;
            let (flags, len) = match flow.due.take() {
                _ if may => (Flags::ACK | Flags::PSH, open.min(SEGMENT_MAX)),
                Some(flags) => (flags, 0),
                None => continue,
            };
            let header = header((self.port, *port), flow, flags);
            let head = head(*client, &header, len as usize);
            // The one copy: from the user's memory to what is sent.
            self.room.clear();
            self.room.extend_from_slice(&self.user[..len as usize]);
            let text = std::mem::take(&mut self.room).freeze();
            write(&self.tun, &head, &text)?;
            self.room = text.try_into_mut().unwrap_or_default();
            flow.next = flow.next + len + u32::from(flags.syn());
            has_sent = true;
        }
        Ok(has_sent)
    }
}

fn header(ports: (u16, u16), flow: &Flow, flags: Flags) -> Header {
    let options = match flags.syn() {
        true => Options {
            mss: Some(MSS),
            window_scale: Some(WindowScale::new(SCALE)),
            ..Options::default()
        },
        false => Options::default(),
    };
    Header {
        src_port: ports.0,
        dst_port: ports.1,
        seq: flow.next,
        ack: flow.acknowledges,
        flags,
        window: u16::MAX,
        urgent: 0,
        options,
    }
}

/// The headers, with a checksum that the kernel completes.
fn head(client: Ipv4Addr, header: &Header, len: usize) -> Vec<u8> {
    let (src, dst) = (IpAddr::V4(TUN_PEER), IpAddr::V4(client));
    let ip = ip::Header {
        src,
        dst,
        protocol: ip::TCP,
        hop_limit: 64,
        dscp: ip::Dscp::default(),
        ecn: ip::Ecn::NotEct,
    };
    let mut head = vec![0; ip.len() + header.len()];
    let segment = header.len() + len;
    // The room is what they need.
    let _ = ip.emit(segment, &mut head);
    let _ = header.emit(&mut head[ip.len()..]);
    let sum = Sum::pseudo_header(src, dst, ip::TCP, segment).fold();
    head[ip.len() + CHECKSUM_AT..][..2].copy_from_slice(&sum.to_be_bytes());
    head
}

fn write(tun: &Tun, head: &[u8], text: &Bytes) -> anyhow::Result<()> {
    let is_super = text.len() > usize::from(MSS);
    let header = VnetHeader {
        needs_checksum: Some(PartialChecksum {
            start: 20,
            offset: CHECKSUM_AT as u16,
        }),
        data_valid: false,
        gso: is_super.then_some(Gso {
            kind: GsoKind::TcpV4,
            size: MSS,
            header_len: head.len() as u16,
        }),
    };
    tun.try_write(header, head, std::slice::from_ref(text))
        .context("writing")
}
