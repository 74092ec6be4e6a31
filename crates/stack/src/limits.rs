//! Every bound of the stack, in one place.

use core::num::NonZeroUsize;

use crate::owner::part;
use crate::time::Duration;

/// How much a stack may hold. Each bound is per [`Stack`](crate::Stack); what happens at it stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections with a TCB. At the bound `connect` fails and a third ACK is ignored (counted).
    /// Bounds: 1 to 16,000,000.
    pub connections: usize,
    /// Half-open entries over all listeners. At the bound the one nearest its time makes room (counted), for its client has a
    /// cookie; where it has none, a SYN is answered by a cookie alone, or dropped if its listener wants none (counted). Bounds: 1 to 16,000,000.
    pub embryos: usize,
    /// TIME-WAIT entries. At the bound the one nearest its end makes room (counted). Bounds: 1 to 16,000,000.
    pub time_waits: usize,
    /// Cookies that have opened a connection which is over: they are remembered until they die, 128 s at most after the SYN. At
    /// the bound the one nearest its end is forgotten (counted). Bounds: 1 to 16,000,000.
    pub spent_cookies: usize,
    /// Listeners. At the bound `listen` fails. Bounds: 1 to 65,535.
    pub listeners: usize,
    /// Islands of data beyond a hole, per connection. At the bound a segment that would make one more is dropped and
    /// acknowledged (counted).
    pub islands: usize,
    /// Runs of sent and unacknowledged data that are told apart, per connection: by when each was sent, and whether it was
    /// sacked or lost. At the bound a SACK block that would divide one more is ignored (counted), and what is sent counts as
    /// one with what was sent before it. Bounds: at least 16; less counts as that.
    pub runs: usize,
    /// Control packets that wait for the link (SYN-ACK, RST, challenge ACK, ICMP). At the bound a reply is dropped (counted).
    pub replies: usize,
    /// Largest send buffer of a connection. Units: bytes.
    pub send_buffer_max: usize,
    /// Largest receive buffer of a connection; our window scale follows from it (8 by default). Units: bytes. Bounds: at
    /// most 2^30 - 1, or the window field could not say it.
    pub receive_buffer_max: usize,
    /// What all send and receive buffers may hold together. Units: bytes. From three quarters of it on no buffer grows, and
    /// each connection gets window and room for 16 KiB and no more; at the bound, text that would make a connection hold more
    /// than that is dropped and acknowledged (counted). So the most that is held is this and 32 KiB for each connection.
    pub buffer_bytes: usize,
    /// What buffers may hold together before those grow no further that send to a peer nearby (its least round trip is under
    /// half a millisecond) and follow the path ([`Buffer::Auto`](crate::Buffer)): more would make such a path no faster, and
    /// fall out of the cache. Units: bytes, of each shard, for each has the cache of its own core. A connection gets what is
    /// left of it when all have taken their part: one a half, eight a ninth each, and its `start` always. With `usize::MAX`
    /// they grow as those that send far away.
    pub nearby_bytes: usize,
    /// Datagrams in reassembly. At the bound the oldest is given up (counted).
    pub datagrams: usize,
    /// Bytes in reassembly, headers of entries included. At the bound the oldest datagram is given up (counted).
    pub datagram_bytes: usize,
    /// How long a datagram may wait for its pieces (RFC 1122 section 3.3.2, RFC 8200 section 4.5).
    pub datagram_lifetime: Duration,
    /// Neighbours on an Ethernet whose hardware address is known or asked for. At the bound the one that is missed least makes
    /// room, and where each is in use nobody new is learnt (counted). Bounds: 16 to 65,535.
    pub neighbours: usize,
    /// Questions for hardware addresses (ARP requests, neighbour solicitations), repetitions not counted. Units: per second,
    /// with a burst of the same size. Over it what asked for them is as lost (counted).
    pub resolutions_per_s: u32,
    /// Answers to questions for our hardware address. Units: per second, with a burst of the same size. Over it they are not
    /// sent (counted).
    pub neighbour_replies_per_s: u32,
    /// RSTs for segments to nobody. Units: per second, with a burst of the same size.
    pub resets_per_s: u32,
    /// ICMP replies (echo). Units: per second, with a burst of the same size.
    pub icmp_per_s: u32,
    /// ACKs in answer to unacceptable segments from embryos and TIME-WAIT entries, which have no budget of their own.
    /// Units: per second, with a burst of the same size.
    pub stateless_acks_per_s: u32,
    /// Challenge ACKs of one connection in 5 seconds (RFC 5961 section 7).
    pub challenge_acks_per_5s: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1 << 20,
            embryos: 1 << 16,
            time_waits: 1 << 17,
            spent_cookies: 1 << 16,
            listeners: 1024,
            islands: 256,
            runs: 4096,
            replies: 4096,
            send_buffer_max: 16 << 20,
            receive_buffer_max: 65_535 << 8,
            buffer_bytes: 512 << 20,
            nearby_bytes: 4 << 20,
            datagrams: 64,
            datagram_bytes: 1 << 20,
            datagram_lifetime: Duration::from_secs(30),
            neighbours: 1024,
            resolutions_per_s: 500,
            neighbour_replies_per_s: 2000,
            resets_per_s: 1000,
            icmp_per_s: 1000,
            stateless_acks_per_s: 10_000,
            challenge_acks_per_5s: 10,
        }
    }
}

impl Limits {
    /// What one of so many shards may hold: an even part, rounded up, of what is the host's; the bounds of single connections
    /// stay, and so does room for one datagram of any size.
    pub(crate) fn part(self, shards: NonZeroUsize) -> Self {
        let even = |whole| part(whole, shards);
        let rate = |whole: u32| whole.div_ceil(u32::try_from(shards.get()).unwrap_or(u32::MAX));
        Self {
            connections: even(self.connections),
            embryos: even(self.embryos),
            time_waits: even(self.time_waits),
            spent_cookies: even(self.spent_cookies),
            buffer_bytes: even(self.buffer_bytes),
            replies: even(self.replies),
            datagrams: even(self.datagrams),
            datagram_bytes: even(self.datagram_bytes).max(self.datagram_bytes.min(DATAGRAM_ROOM)),
            resets_per_s: rate(self.resets_per_s),
            icmp_per_s: rate(self.icmp_per_s),
            stateless_acks_per_s: rate(self.stateless_acks_per_s),
            ..self
        }
    }
}

/// Room for the longest datagram in its smallest usual pieces. Units: bytes.
const DATAGRAM_ROOM: usize = 128 << 10;

/// The most entries a table can have: links are 24 bits wide where a byte beside them is needed.
pub(crate) const ENTRIES_MAX: usize = 16_000_000;
