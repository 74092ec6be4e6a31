//! The receive ring: memory that the kernel fills with frames, block by block, and that we read and give back.
//!
//! ```text
//!   block | descriptor: status, frames, offset of the first | frame | frame | … |        one at a time is ours
//!   frame | tpacket3_hdr | sockaddr_ll | … | virtio-net header | Ethernet frame |        the next is at tp_next_offset
//! ```
//!
//! Spec: the kernel's `Documentation/networking/packet_mmap.rst`, `include/uapi/linux/if_packet.h`

use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use super::socket::Socket;
use crate::vnet::{HEADER_BYTES, VnetHeader};

/// Bytes of one block: room for three super-segments, or for more than a thousand small frames.
const BLOCK_BYTES: usize = 256 << 10;

/// 16 MiB of them: what a sender may have under way while we are busy.
const BLOCKS: usize = 64;

/// How long the kernel keeps a block with frames in it that is not full. It is the shortest it can be told. Units: ms.
const RETIRE_MS: u32 = 1;

/// The ring is divided in frames of this size only on paper.
const FRAME_BYTES: usize = 2_048;

/// Where the address of the sender stands behind a frame's header.
const ADDRESS_AT: usize =
    (size_of::<libc::tpacket3_hdr>() + libc::TPACKET_ALIGNMENT - 1) & !(libc::TPACKET_ALIGNMENT - 1);

/// Where the status stands in a block.
const STATUS_AT: usize = offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);

/// The mapped ring.
pub(super) struct Ring {
    memory: NonNull<u8>,
    /// The block that is read, or will be filled next.
    block: usize,
    /// Frames of it that were not looked at; 0 also while it is the kernel's.
    left: u32,
    /// Where in it the next of them stands.
    next: usize,
}

// SAFETY: the memory belongs to this value alone, on our side, and may be read from any thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Has the kernel make the ring, before the socket is bound.
    pub(super) fn map(socket: &Socket) -> io::Result<Self> {
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK_BYTES as libc::c_uint,
            tp_block_nr: BLOCKS as libc::c_uint,
            tp_frame_size: FRAME_BYTES as libc::c_uint,
            tp_frame_nr: (BLOCKS * BLOCK_BYTES / FRAME_BYTES) as libc::c_uint,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping, at a place of the kernel's choice, of a ring that was just made with this size.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                BLOCKS * BLOCK_BYTES,
                protection,
                flags,
                socket.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            memory,
            block: 0,
            left: 0,
            next: 0,
        })
    }

    /// Whether there may be frames to receive.
    pub(super) fn is_filled(&self) -> bool {
        self.left > 0 || self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Hands on frames, at most `max`, and says how many there were.
    pub(super) fn receive(&mut self, max: usize, take: &mut impl FnMut(VnetHeader, &[u8])) -> usize {
        let mut taken = 0;
        while taken < max && self.is_filled() {
            if self.left == 0 {
                self.enter();
            }
            while taken < max && self.left > 0 {
                self.left -= 1;
                if let Some((header, frame)) = self.frame() {
                    take(header, frame);
                    taken += 1;
                }
            }
            if self.left == 0 {
                self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
                self.block = (self.block + 1) % BLOCKS;
            }
        }
        taken
    }

    /// Begins with a block that has become ours.
    fn enter(&mut self) {
        // SAFETY: the block is ours, and a descriptor, of integers alone, stands at its begin, which is aligned to a page.
        let descriptor: libc::tpacket_block_desc = unsafe { self.block().cast().read() };
        // SAFETY: the union has this one form.
        let header = unsafe { descriptor.hdr.bh1 };
        self.left = header.num_pkts;
        self.next = header.offset_to_first_pkt as usize;
    }

    /// The frame at `next`, if it is one for us, and on to the one after it.
    fn frame(&mut self) -> Option<(VnetHeader, &[u8])> {
        let at = self.next;
        if at + ADDRESS_AT + size_of::<libc::sockaddr_ll>() > BLOCK_BYTES {
            self.left = 0;
            return None;
        }
        // SAFETY: the block is ours, the header lies within it, and is of integers alone.
        let header: libc::tpacket3_hdr = unsafe { self.block().add(at).cast().read_unaligned() };
        self.next = at + header.tp_next_offset as usize;
        // SAFETY: as for the header.
        let address: libc::sockaddr_ll = unsafe { self.block().add(at + ADDRESS_AT).cast().read_unaligned() };

        let is_ours = matches!(
            address.sll_pkttype,
            libc::PACKET_HOST | libc::PACKET_BROADCAST | libc::PACKET_MULTICAST
        );
        // A tag was taken out of the frame: it belongs to another network. Number 0 is none (a priority).
        let is_tagged = header.tp_status & libc::TP_STATUS_VLAN_VALID != 0 && header.hv1.tp_vlan_tci & 0xfff != 0;
        let is_whole = header.tp_snaplen == header.tp_len;
        let begin = at + usize::from(header.tp_mac);
        let length = header.tp_snaplen as usize;
        let fits = begin >= at + HEADER_BYTES && begin + length <= BLOCK_BYTES;
        if !is_ours || is_tagged || !is_whole || !fits {
            return None;
        }
        // SAFETY: the bytes lie within a block that is ours as long as `self` is borrowed, the kernel has written them, and
        // writes to them only when the block is given back.
        let bytes =
            unsafe { slice::from_raw_parts(self.block().add(begin - HEADER_BYTES).as_ptr(), HEADER_BYTES + length) };
        let (vnet, frame) = bytes.split_first_chunk()?;
        Some((VnetHeader::decode(*vnet).ok()?, frame))
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: the word lies within the block, is aligned to four bytes, and both sides use it atomically alone while the
        // block may be the kernel's.
        unsafe { AtomicU32::from_ptr(self.block().add(STATUS_AT).cast().as_ptr()) }
    }

    fn block(&self) -> NonNull<u8> {
        // SAFETY: `block` is less than `BLOCKS`, so this lies within the mapping.
        unsafe { self.memory.add(self.block * BLOCK_BYTES) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this size, and nothing borrows from it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), BLOCKS * BLOCK_BYTES) };
    }
}
