//! The blocks of a pcapng file, in little-endian order.
//!
//! ```text
//! +------------+--------------+------ … ------+--------- … ---------+--------------+
//! | block type | total length |     body      | options, end option | total length |
//! +------------+--------------+------ … ------+--------- … ---------+--------------+
//! ```
//!
//! Spec: draft-ietf-opsawg-pcapng sections 3 and 4.

/// Block types.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const ENHANCED_PACKET: u32 = 6;

/// Tells a reader the order of bytes.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// The length of a section that is written as it comes.
const LENGTH_UNKNOWN: u64 = u64::MAX;
/// LINKTYPE_RAW: the packet begins with its IPv4 or IPv6 header.
const LINK_RAW: u16 = 101;
/// `if_tsresol`: timestamps count nanoseconds.
const NANOSECONDS: u8 = 9;

/// Option codes; 2, 3 and 4 mean something else in each block.
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const SECTION_HARDWARE: u16 = 2;
    pub(super) const SECTION_OS: u16 = 3;
    pub(super) const SECTION_APPLICATION: u16 = 4;
    pub(super) const INTERFACE_NAME: u16 = 2;
    pub(super) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(super) const INTERFACE_RESOLUTION: u16 = 9;
    pub(super) const PACKET_FLAGS: u16 = 2;
}

/// Which way a packet crosses the interface that it is captured at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound,
    Outbound,
}

/// What a packet block says beside the packet.
pub(super) struct Packet<'a> {
    pub(super) interface: u32,
    /// Units: nanoseconds of Unix time.
    pub(super) at: u64,
    pub(super) direction: Direction,
    pub(super) comment: &'a str,
    pub(super) bytes: &'a [u8],
}

/// The block that begins a file.
pub(super) fn section_header(hardware: &str, os: &str, application: &str) -> Vec<u8> {
    let mut block = Block::new(SECTION_HEADER);
    block.put(&BYTE_ORDER.to_le_bytes());
    block.put(&1_u16.to_le_bytes());
    block.put(&0_u16.to_le_bytes());
    block.put(&LENGTH_UNKNOWN.to_le_bytes());
    block.text(option::SECTION_HARDWARE, hardware);
    block.text(option::SECTION_OS, os);
    block.text(option::SECTION_APPLICATION, application);
    block.finish()
}

/// An interface; they count from 0 in the order of their blocks.
pub(super) fn interface(name: &str, description: &str) -> Vec<u8> {
    let mut block = Block::new(INTERFACE);
    block.put(&LINK_RAW.to_le_bytes());
    block.put(&[0; 2]);
    block.put(&[0; 4]); // snaplen: no limit
    block.text(option::INTERFACE_NAME, name);
    block.text(option::INTERFACE_DESCRIPTION, description);
    block.option(option::INTERFACE_RESOLUTION, &[NANOSECONDS]);
    block.finish()
}

/// Names of addresses.
pub(super) fn names<'a>(names: impl Iterator<Item = (std::net::IpAddr, &'a str)>) -> Vec<u8> {
    const IPV4: u16 = 1;
    const IPV6: u16 = 2;
    let mut block = Block::new(NAMES);
    for (address, name) in names {
        let (kind, mut value) = match address {
            std::net::IpAddr::V4(v4) => (IPV4, v4.octets().to_vec()),
            std::net::IpAddr::V6(v6) => (IPV6, v6.octets().to_vec()),
        };
        value.extend_from_slice(name.as_bytes());
        value.push(0);
        block.option(kind, &value);
    }
    block.put(&[0; 4]); // the record that ends the list; the block has no options
    block.close()
}

/// A packet.
pub(super) fn packet(packet: &Packet) -> Vec<u8> {
    let mut block = Block::new(ENHANCED_PACKET);
    let len = (packet.bytes.len() as u32).to_le_bytes();
    block.put(&packet.interface.to_le_bytes());
    block.put(&((packet.at >> 32) as u32).to_le_bytes());
    block.put(&(packet.at as u32).to_le_bytes());
    block.put(&len);
    block.put(&len);
    block.put(packet.bytes);
    block.pad();
    let direction: u32 = match packet.direction {
        Direction::Inbound => 1,
        Direction::Outbound => 2,
    };
    block.option(option::PACKET_FLAGS, &direction.to_le_bytes());
    block.text(option::COMMENT, packet.comment);
    block.finish()
}

/// A block under construction. All but the two lengths is there.
struct Block(Vec<u8>);

impl Block {
    fn new(kind: u32) -> Self {
        let mut block = Self(kind.to_le_bytes().to_vec());
        block.put(&[0; 4]);
        block
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Everything begins on a word.
    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Bounds: a value of more than 65,535 bytes is cut.
    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.put(&code.to_le_bytes());
        self.put(&(value.len() as u16).to_le_bytes());
        self.put(value);
        self.pad();
    }

    /// An option that is left out when it says nothing. Cut between characters.
    fn text(&mut self, code: u16, text: &str) {
        if !text.is_empty() {
            let end = text.floor_char_boundary(usize::from(u16::MAX));
            self.option(code, text.get(..end).unwrap_or(text).as_bytes());
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.option(option::END, &[]);
        self.close()
    }

    /// Writes both lengths.
    fn close(mut self) -> Vec<u8> {
        let len = (self.0.len() as u32 + 4).to_le_bytes();
        if let Some(field) = self.0.get_mut(4..8) {
            field.copy_from_slice(&len);
        }
        self.put(&len);
        self.0
    }
}
