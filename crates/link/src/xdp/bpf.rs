//! A program on an interface: the four requests of bpf(2) that it takes. The unsafe code of them is here.
//!
//! Read first: `bpf(2)`; the structures are the begins of the kernel's `union bpf_attr` (`include/uapi/linux/bpf.h`).

use std::ffi::{c_long, c_uint};
use std::io;
use std::mem::size_of;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::program::{Instruction, assemble};

const MAP_CREATE: c_long = 0;
const MAP_UPDATE_ELEM: c_long = 2;
const PROG_LOAD: c_long = 5;
const LINK_CREATE: c_long = 28;

const MAP_TYPE_XSKMAP: u32 = 17;
const PROG_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;

/// The redirecting program, attached until it is dropped. The kernel takes it off when the last descriptor of the attachment
/// is closed, however the process ends.
pub(super) struct Attached {
    _link: OwnedFd,
}

impl Attached {
    /// Makes the map with the socket in it, loads the program and attaches it.
    ///
    /// Errors: what the kernel says to the first request that it refuses.
    pub(super) fn new(interface: u32, queue: u32, socket: &impl AsRawFd, addresses: &[IpAddr]) -> io::Result<Self> {
        let map = create_map(queue.saturating_add(1))?;
        put(&map, queue, socket)?;
        let program = load(&assemble(map.as_raw_fd(), addresses)?)?;
        let link = attach(&program, interface)?;
        // The kernel holds the map as long as the program, and the program as long as the attachment.
        Ok(Self { _link: link })
    }
}

fn create_map(entries: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Request {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    }
    // SAFETY: the request holds no pointers.
    let map = unsafe {
        bpf(
            MAP_CREATE,
            &mut Request {
                map_type: MAP_TYPE_XSKMAP,
                key_size: 4,
                value_size: 4,
                max_entries: entries,
            },
        )
    }?;
    // SAFETY: the kernel has just opened it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(map) })
}

/// Frames of that queue go to that socket.
fn put(map: &OwnedFd, queue: u32, socket: &impl AsRawFd) -> io::Result<()> {
    #[repr(C)]
    struct Request {
        map: u32,
        padding: u32,
        key: u64,
        value: u64,
        flags: u64,
    }
    let socket = socket.as_raw_fd();
    let mut request = Request {
        map: map.as_raw_fd() as u32,
        padding: 0,
        key: (&raw const queue) as u64,
        value: (&raw const socket) as u64,
        flags: 0,
    };
    // SAFETY: key and value point to four bytes each, as the map was made for, which live through the call and are only read.
    unsafe { bpf(MAP_UPDATE_ELEM, &mut request) }.map(drop)
}

fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Request {
        kind: u32,
        instruction_count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
        name: [u8; 16],
        interface: u32,
        expected_attach: u32,
    }
    let mut request = Request {
        kind: PROG_TYPE_XDP,
        instruction_count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: *b"syndic_redirect\0",
        interface: 0,
        expected_attach: ATTACH_XDP,
    };
    // SAFETY: the instructions, so many of eight bytes, and the license, which ends in NUL, live through the call and are only
    // read.
    let loaded = unsafe { bpf(PROG_LOAD, &mut request) }?;
    // SAFETY: the kernel has just opened it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(loaded) })
}

/// In the driver where it can, else before the network stack.
fn attach(program: &OwnedFd, interface: u32) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Request {
        program: u32,
        interface: u32,
        kind: u32,
        flags: u32,
    }
    let mut request = Request {
        program: program.as_raw_fd() as u32,
        interface,
        kind: ATTACH_XDP,
        flags: 0,
    };
    // SAFETY: the request holds no pointers.
    let link = unsafe { bpf(LINK_CREATE, &mut request) }?;
    // SAFETY: the kernel has just opened it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}

/// # Safety
/// `request` is the begin of `union bpf_attr` for that command, and what it points to is as the command wants it.
unsafe fn bpf<T>(command: c_long, request: &mut T) -> io::Result<i32> {
    let size = size_of::<T>() as c_uint;
    // SAFETY: the request lives through the call, with its true size; the caller vouches for what is in it.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *request, size) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer as i32)
}
