//! A connection as the script numbers it: sequence numbers from the ISNs, timestamps by their order, ports by default.

use std::net::SocketAddr;

use super::{Run, Wrong};
use crate::pkt::ast::{Body, Packet};

/// A number of the script, and what it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Base {
    pub(super) script: u32,
    pub(super) wire: u32,
}

impl Base {
    pub(super) const fn to_wire(self, script: u32) -> u32 {
        self.wire.wrapping_add(script.wrapping_sub(self.script))
    }

    pub(super) const fn to_script(self, wire: u32) -> u32 {
        self.script.wrapping_add(wire.wrapping_sub(self.wire))
    }
}

/// A connection.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Our numbers, once our SYN was seen.
    pub(super) ours: Option<Base>,
    /// The peer's, once its SYN was sent.
    pub(super) theirs: Option<Base>,
    /// A SYN with another number has come since: the next SYN of ours counts anew.
    pub(super) begins_anew: bool,
    /// Our first timestamp and when it was sent, where the clock is looked at. Units: microseconds.
    pub(super) clock_began: Option<(u32, u64)>,
    /// Our timestamps: what the script calls them, and what they were.
    pub(super) timestamps: Vec<Base>,
}

impl Flow {
    pub(super) const fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local,
            remote,
            ours: None,
            theirs: None,
            begins_anew: false,
            clock_began: None,
            timestamps: Vec::new(),
        }
    }

    /// A number of the stack's on the wire; as it is written while none of its SYNs was seen.
    pub(super) fn our_wire(&self, script: u32) -> u32 {
        self.ours.unwrap_or_default().to_wire(script)
    }

    pub(super) fn our_script(&self, wire: u32) -> u32 {
        self.ours.unwrap_or_default().to_script(wire)
    }

    pub(super) fn their_wire(&self, script: u32) -> u32 {
        self.theirs.unwrap_or_default().to_wire(script)
    }

    pub(super) fn their_script(&self, wire: u32) -> u32 {
        self.theirs.unwrap_or_default().to_script(wire)
    }

    /// The peer sends a SYN.
    pub(super) fn on_their_syn(&mut self, script: u32) {
        // Just below the end of the circle, so that every script that sends some data goes round it.
        let wire = u32::MAX - 2_000 - u32::from(self.remote.port() % 1_000);
        match self.theirs {
            None => self.theirs = Some(Base { script, wire }),
            Some(base) if base.script != script => self.begins_anew = true,
            Some(_) => {}
        }
    }

    /// The stack sends a SYN.
    pub(super) fn on_our_syn(&mut self, script: u32, wire: u32) {
        if self.ours.is_none() || std::mem::take(&mut self.begins_anew) {
            self.ours = Some(Base { script, wire });
        }
    }

    /// What the stack's timestamp that the script calls `script` was; by distance from the last known one otherwise.
    pub(super) fn timestamp_wire(&self, script: u32) -> u32 {
        let known = self.timestamps.iter().rev().find(|base| base.script == script);
        known
            .or(self.timestamps.last())
            .map_or(script, |base| base.to_wire(script))
    }
}

impl Run {
    /// The flow that a packet which arrives belongs to; a new one for the SYN that a listener waits for.
    pub(super) fn flow_of_inbound(&mut self, packet: &Packet) -> Result<usize, Wrong> {
        if let Some((remote, local)) = packet.ports {
            return Ok(self.flow_of_ports(local, remote));
        }
        let is_syn = match &packet.body {
            Body::Tcp(segment) => segment.flags.syn() && !segment.flags.ack(),
            _ => false,
        };
        match self.current {
            Some(current) if !(is_syn && std::mem::take(&mut self.awaits_syn)) => Ok(current),
            _ => {
                self.awaits_syn &= !is_syn;
                let port = self.next_port;
                self.next_port += 1;
                let local = self.listener_port().unwrap_or(self.choices.bind_port);
                Ok(self.flow_of_ports(local, port))
            }
        }
    }

    /// The flow that a packet which is expected belongs to.
    pub(super) fn flow_of_outbound(&mut self, packet: &Packet) -> Result<usize, Wrong> {
        if let Some((local, remote)) = packet.ports {
            return Ok(self.flow_of_ports(local, remote));
        }
        self.current.ok_or_else(|| {
            Wrong::Fail("no connection sends anything yet: there was neither connect nor a SYN".to_owned())
        })
    }

    /// The flow of these ports, made where there is none; it is the current one from now on.
    pub(super) fn flow_of_ports(&mut self, local: u16, remote: u16) -> usize {
        let (local_ip, remote_ip) = (self.choices.local, self.choices.remote);
        let unset = std::net::IpAddr::from([0, 0, 0, 0]);
        let local = SocketAddr::new(local_ip.unwrap_or(unset), local);
        let remote = SocketAddr::new(remote_ip.unwrap_or(unset), remote);
        self.flow_of(local, remote)
    }

    /// The flow of these ends, made where there is none; it is the current one from now on.
    pub(super) fn flow_of(&mut self, local: SocketAddr, remote: SocketAddr) -> usize {
        let known = self
            .flows
            .iter()
            .rposition(|flow| flow.local == local && flow.remote == remote);
        let at = known.unwrap_or_else(|| {
            self.flows.push(Flow::new(local, remote));
            self.flows.len() - 1
        });
        self.current = Some(at);
        at
    }
}
