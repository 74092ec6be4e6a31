//! The program that looks at each frame: those for one of our addresses go to the socket, all others to the kernel.
//!
//! It is assembled here, for the very addresses, and not compiled: so nothing but Rust builds it, there is no object file to
//! keep in step with its source, and an address costs a comparison instead of a look-up in a map.
//!
//! ```text
//!   EtherType    IPv4: destination      ARP: whose address is asked for     IPv6: destination     else: pass
//!                 one of ours?            one of ours?                       one of ours?
//!                 redirect | pass         redirect | pass                    redirect | pass
//! ```
//!
//! Spec: RFC 9669 (BPF Instruction Set Architecture)

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::RawFd;

/// Frames go on to the kernel.
const XDP_PASS: i32 = 2;

/// `long bpf_redirect_map(map, index, flags)`: what to do with the frame; the low bits of `flags` if nobody is at the index.
const REDIRECT_MAP: i32 = 51;

/// Offsets in `struct xdp_md`.
const DATA: i16 = 0;
const DATA_END: i16 = 4;
const RX_QUEUE: i16 = 16;

/// Offsets in a frame.
const ETHERTYPE: i16 = 12;
const IPV4_DESTINATION: i16 = 14 + 16;
const ARP_TARGET: i16 = 14 + 24;
const IPV6_DESTINATION: i16 = 14 + 24;

/// Least bytes of a frame of each kind.
const IPV4_BYTES: i32 = 14 + 20;
const ARP_BYTES: i32 = 14 + 28;
const IPV6_BYTES: i32 = 14 + 40;

/// One instruction, as the kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    /// The destination in the low half, the source in the high one; the other way round on big-endian machines.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// A register.
#[derive(Clone, Copy)]
enum R {
    /// What a function returns.
    R0 = 0,
    /// The first argument: `struct xdp_md` at the begin.
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R5 = 5,
}
use R::{R0, R1, R2, R3, R4, R5};

/// A place to jump to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Pass,
    Ipv4,
    CompareIpv4,
    Arp,
    Ipv6,
    Redirect,
}

/// Instructions, and the jumps in them that do not know their distance yet.
#[derive(Default)]
struct Assembly {
    instructions: Vec<Instruction>,
    labels: Vec<(Label, usize)>,
    jumps: Vec<(usize, Label)>,
}

/// The program, for a map of sockets by receive queue.
///
/// Errors: [`io::ErrorKind::InvalidInput`] for so many addresses that a jump over them is too far: more than 5,000.
pub(super) fn assemble(map: RawFd, addresses: &[IpAddr]) -> io::Result<Vec<Instruction>> {
    let mut a = Assembly::default();
    a.load(4, R2, R1, DATA);
    a.load(4, R3, R1, DATA_END);
    a.pass_if_shorter(IPV4_BYTES);
    a.load(2, R5, R2, ETHERTYPE);
    a.jump_if_imm(R5, ethertype([0x08, 0x00]), Label::Ipv4);
    a.jump_if_imm(R5, ethertype([0x08, 0x06]), Label::Arp);
    a.jump_if_imm(R5, ethertype([0x86, 0xdd]), Label::Ipv6);

    a.place(Label::Pass);
    a.set(R0, XDP_PASS);
    a.exit();

    a.place(Label::Arp);
    a.pass_if_shorter(ARP_BYTES);
    a.load(4, R5, R2, ARP_TARGET);
    a.jump(Label::CompareIpv4);
    a.place(Label::Ipv4);
    a.load(4, R5, R2, IPV4_DESTINATION);
    a.place(Label::CompareIpv4);
    for address in addresses {
        if let IpAddr::V4(address) = address {
            a.jump_if_imm(R5, i32::from_ne_bytes(address.octets()), Label::Redirect);
        }
    }
    a.jump(Label::Pass);

    a.place(Label::Ipv6);
    a.pass_if_shorter(IPV6_BYTES);
    a.load(8, R4, R2, IPV6_DESTINATION);
    a.load(8, R5, R2, IPV6_DESTINATION + 8);
    for address in addresses {
        if let IpAddr::V6(address) = address {
            let [first, last] = halves(*address);
            a.set_wide(R0, 0, first);
            // Over the other half: two slots to set it, one to compare.
            a.skip_if_other(R4, R0, 3);
            a.set_wide(R0, 0, last);
            a.jump_if_same(R5, R0, Label::Redirect);
        }
    }
    a.jump(Label::Pass);

    a.place(Label::Redirect);
    a.load(4, R2, R1, RX_QUEUE);
    // The kernel puts the map's address in place of its descriptor.
    const MAP_BY_DESCRIPTOR: u8 = 1;
    a.set_wide(R1, MAP_BY_DESCRIPTOR, map as u32 as u64);
    a.set(R3, XDP_PASS);
    a.call(REDIRECT_MAP);
    a.exit();
    a.resolve()
}

/// As a load of two bytes gives it.
fn ethertype(bytes: [u8; 2]) -> i32 {
    u16::from_ne_bytes(bytes).into()
}

/// As two loads of eight bytes give them.
fn halves(address: Ipv6Addr) -> [u64; 2] {
    let bits = address.to_bits();
    [(bits >> 64) as u64, bits as u64].map(u64::to_be)
}

impl Assembly {
    fn emit(&mut self, code: u8, to: R, from: u8, offset: i16, immediate: i32) {
        let to = to as u8;
        let registers = if cfg!(target_endian = "big") {
            to << 4 | from
        } else {
            from << 4 | to
        };
        self.instructions.push(Instruction {
            code,
            registers,
            offset,
            immediate,
        });
    }

    /// `to = *(from + offset)`, of 2, 4 or 8 bytes.
    fn load(&mut self, bytes: u8, to: R, from: R, offset: i16) {
        let code = match bytes {
            2 => 0x69,
            4 => 0x61,
            _ => 0x79,
        };
        self.emit(code, to, from as u8, offset, 0);
    }

    fn set(&mut self, to: R, value: i32) {
        self.emit(0xb7, to, 0, 0, value);
    }

    /// `to = value`, in two slots; `kind` says what the value stands for.
    fn set_wide(&mut self, to: R, kind: u8, value: u64) {
        self.emit(0x18, to, kind, 0, value as u32 as i32);
        self.emit(0, R0, 0, 0, (value >> 32) as u32 as i32);
    }

    /// Frames of fewer bytes go on to the kernel. R2 points to the frame and R3 behind it; R4 is used.
    fn pass_if_shorter(&mut self, bytes: i32) {
        self.emit(0xbf, R4, R2 as u8, 0, 0); // R4 = R2
        self.emit(0x07, R4, 0, 0, bytes); // R4 += bytes
        self.jump_to(Label::Pass);
        self.emit(0x2d, R4, R3 as u8, 0, 0); // if R4 > R3
    }

    fn jump(&mut self, label: Label) {
        self.jump_to(label);
        self.emit(0x05, R0, 0, 0, 0);
    }

    /// Compares the low 32 bits.
    fn jump_if_imm(&mut self, register: R, value: i32, label: Label) {
        self.jump_to(label);
        self.emit(0x16, register, 0, 0, value);
    }

    fn jump_if_same(&mut self, left: R, right: R, label: Label) {
        self.jump_to(label);
        self.emit(0x1d, left, right as u8, 0, 0);
    }

    fn skip_if_other(&mut self, left: R, right: R, slots: i16) {
        self.emit(0x5d, left, right as u8, slots, 0);
    }

    fn call(&mut self, function: i32) {
        self.emit(0x85, R0, 0, 0, function);
    }

    fn exit(&mut self) {
        self.emit(0x95, R0, 0, 0, 0);
    }

    fn place(&mut self, label: Label) {
        self.labels.push((label, self.instructions.len()));
    }

    /// The next instruction jumps there.
    fn jump_to(&mut self, label: Label) {
        self.jumps.push((self.instructions.len(), label));
    }

    fn resolve(mut self) -> io::Result<Vec<Instruction>> {
        for (from, label) in self.jumps {
            let at = self
                .labels
                .iter()
                .find(|(placed, _)| *placed == label)
                .map(|(_, at)| *at);
            let distance = at.unwrap_or_default() as isize - from as isize - 1;
            self.instructions[from].offset = distance.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
        }
        Ok(self.instructions)
    }
}

#[cfg(test)]
mod tests;
