//! Packets that answer and are then forgotten: SYN-ACK, RST, ACKs of small entries, ICMP. One bounded queue.
//!
//! On an Ethernet an answer goes to the station whose packet it answers: nothing need be known of a stranger, and no flood can
//! have us ask for the addresses that it names.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;

use wire::ether::Mac;
use wire::ip::Dscp;
use wire::tcp::Header;

use crate::observer::Cause;
use crate::tuple::FourTuple;

/// A packet that waits for the link.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Reply {
    /// A segment without payload.
    Tcp {
        tuple: FourTuple,
        header: Header,
        cause: Cause,
        dscp: Dscp,
    },
    /// An ICMP or ICMPv6 message with its checksum.
    Icmp { src: IpAddr, dst: IpAddr, message: Vec<u8> },
}

impl Reply {
    /// To whom.
    pub(crate) const fn destination(&self) -> IpAddr {
        match self {
            Self::Tcp { tuple, .. } => tuple.remote_addr,
            Self::Icmp { dst, .. } => *dst,
        }
    }

    /// Whose it is, where it is a segment.
    pub(crate) const fn tuple(&self) -> Option<FourTuple> {
        match self {
            Self::Tcp { tuple, .. } => Some(*tuple),
            Self::Icmp { .. } => None,
        }
    }
}

/// A packet that waits, and to which station it goes, where a packet has said so.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Addressed {
    pub(crate) reply: Reply,
    pub(crate) to: Option<Mac>,
}

/// The queue.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Replies {
    queue: VecDeque<Addressed>,
    limit: usize,
    /// Whose packet is being read, and which station handed it to us.
    sender: Option<(IpAddr, Mac)>,
}

impl Replies {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit,
            sender: None,
        }
    }

    /// Adds a reply; false, and nothing added, when as many wait as may.
    #[must_use]
    pub(crate) fn push(&mut self, reply: Reply) -> bool {
        let room = self.queue.len() < self.limit;
        if room {
            let to = self.sender_of(reply.destination());
            self.queue.push_back(Addressed { reply, to });
        }
        room
    }

    /// From now on a packet of this source is read, that this station has handed to us; `None`: none is.
    pub(crate) const fn set_sender(&mut self, sender: Option<(IpAddr, Mac)>) {
        self.sender = sender;
    }

    /// The station that has handed us the packet being read, if that is from this source.
    pub(crate) fn sender_of(&self, source: IpAddr) -> Option<Mac> {
        self.sender
            .filter(|(address, _)| *address == source)
            .map(|(_, mac)| mac)
    }

    pub(crate) fn front(&self) -> Option<&Addressed> {
        self.queue.front()
    }

    pub(crate) fn pop(&mut self) {
        self.queue.pop_front();
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
