//! Why bytes could not be read as a packet.

/// Why bytes could not be read as a packet. Each value is a reason that a stack counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the header, or the length that it states, asks for.
    #[error("truncated")]
    Truncated,
    /// Neither IPv4 nor IPv6.
    #[error("IP version is neither 4 nor 6")]
    Version,
    /// A header length below the minimum or beyond the packet (IHL, data offset, extension header).
    #[error("header length out of bounds")]
    HeaderLength,
    /// A total or payload length that contradicts the header.
    #[error("length field contradicts the header")]
    Length,
    /// A checksum that does not match.
    #[error("checksum mismatch")]
    Checksum,
    /// A TCP option whose length runs out of the header or contradicts its kind (RFC 9293 MUST-7).
    #[error("malformed TCP option")]
    TcpOption,
    /// A flag combination that must not be: SYN with FIN, SYN with RST, or none of the six classic flags (ECE and CWR
    /// alone count as none). RST with FIN is odd, but harmless, and read as RST.
    #[error("forbidden combination of TCP flags")]
    Flags,
    /// More IPv6 extension headers than a packet may carry here, or in an order RFC 8200 forbids.
    #[error("IPv6 extension headers out of bounds")]
    ExtensionHeader,
    /// A fragment whose offset or length is impossible.
    #[error("impossible fragment")]
    Fragment,
    /// An Ethernet frame with a VLAN tag.
    #[error("frame with a VLAN tag")]
    Vlan,
    /// An Ethernet frame that carries neither IPv4, IPv6 nor ARP.
    #[error("EtherType of a protocol that is not spoken")]
    EtherType,
    /// An ARP packet that is not about IPv4 over Ethernet, asks for neither of its two operations, or comes from no station.
    #[error("ARP of another kind")]
    Arp,
    /// A hop limit that a neighbour would not have sent (RFC 4861 section 3.1).
    #[error("hop limit of a packet from beyond the link")]
    HopLimit,
    /// A code that must be 0.
    #[error("code other than 0")]
    Code,
    /// A message of another protocol than the one that was to be read.
    #[error("message of another kind")]
    Type,
    /// A source or destination that no unicast packet may carry (unspecified, multicast or loopback source, say), or an
    /// address that a message of neighbour discovery may not have. No parser of datagrams says so: it is for who asks
    /// [`is_plausible_unicast`](crate::ip::Datagram::is_plausible_unicast).
    #[error("address that no such packet may carry")]
    Address,
}
