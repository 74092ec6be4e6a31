//! Packets that answer and are then forgotten: SYN-ACK, RST, ACKs of small entries, ICMP. One bounded queue.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;

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

/// The queue.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Replies {
    queue: VecDeque<Reply>,
    limit: usize,
}

impl Replies {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit,
        }
    }

    /// Adds a reply; false, and nothing added, when as many wait as may.
    #[must_use]
    pub(crate) fn push(&mut self, reply: Reply) -> bool {
        let room = self.queue.len() < self.limit;
        if room {
            self.queue.push_back(reply);
        }
        room
    }

    pub(crate) fn front(&self) -> Option<&Reply> {
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
